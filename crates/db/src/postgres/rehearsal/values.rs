//! The values of a row in both shapes, computed by the database from the row.

use std::collections::BTreeMap;

use switchback_migration::workload::{Source, Workload};

use super::connection::Code;
use crate::postgres::session::name;
use crate::rehearsal::bench::{Connection, Texts, Variant};

/// What is tried to break a rule with, as text; none for NULL.
const BREAKING: [Option<&str>; 6] = [None, Some("-1"), Some("-7"), Some("0"), Some(""), Some("x")];

/// A `FROM` item that is one row with these values, under the table's name.
fn row(workload: &Workload, plain: &Texts) -> (String, Vec<Option<String>>) {
    let mut columns = Vec::new();
    let mut values = Vec::new();
    for (at, column) in workload.table.columns.iter().enumerate() {
        columns.push(format!(
            "${}::text::{} AS {}",
            at + 1,
            column.type_sql,
            name(&column.name)
        ));
        values.push(plain.get(&column.name).cloned().flatten());
    }
    let from = format!(
        "(SELECT {}) AS {}",
        columns.join(", "),
        workload.table.alias
    );
    (from, values)
}

/// The row in both shapes; `made` are values for columns that are made up, by column.
pub(super) fn variant(
    code: &mut Code,
    workload: &Workload,
    plain: Texts,
    made: &Texts,
) -> Result<Variant, String> {
    let shape = |code: &mut Code, sources: &BTreeMap<String, Source>| -> Result<Texts, String> {
        let mut texts = Texts::new();
        let mut computed = Vec::new();
        for (column, source) in sources {
            let value = match source {
                Source::Kept => plain.get(column).cloned().flatten(),
                Source::Constant(value) => Some(value.clone()),
                Source::MadeUp => made.get(column).cloned().flatten(),
                Source::Expression(value) => {
                    let type_sql = workload.types.get(column).map_or("text", String::as_str);
                    computed.push((column, format!("((({value})::{type_sql}))::text")));
                    continue;
                }
            };
            texts.insert(column.clone(), value);
        }
        if !computed.is_empty() {
            let (from, values) = row(workload, &plain);
            let list: Vec<&str> = computed.iter().map(|(_, value)| value.as_str()).collect();
            let found = code.read(&format!("SELECT {} FROM {from}", list.join(", ")), &values)?;
            let found = found.unwrap_or_default();
            texts.extend(computed.iter().zip(found).map(|((column, _), value)| {
                let column: &String = column;
                (column.clone(), value)
            }));
        }
        Ok(texts)
    };
    let old = shape(code, &workload.old)?;
    let new = shape(code, &workload.new)?;
    Ok(Variant { plain, old, new })
}

/// Gives a row a value with which it breaks the rule that the change brings, if one is found. A
/// row that breaks it already stays.
pub(super) fn break_rule(code: &mut Code, workload: &Workload, plain: &mut Texts) {
    let Some((columns, broken)) = &workload.breaks else {
        return;
    };
    let breaks = |code: &mut Code, plain: &Texts| {
        let (from, values) = row(workload, plain);
        let found = code.read(&format!("SELECT ({broken})::text FROM {from}"), &values);
        matches!(found, Ok(Some(row)) if row.first() == Some(&Some("true".to_owned())))
    };
    if breaks(code, plain) {
        return;
    }
    for column in columns {
        for value in BREAKING {
            let mut tried = plain.clone();
            tried.insert(column.clone(), value.map(str::to_owned));
            if breaks(code, &tried) {
                *plain = tried;
                return;
            }
        }
    }
}
