//! Foreign keys that nobody has declared: `user_id` beside a table `users`.
//!
//! Where only the application keeps them, real rows point to rows all the same. Rows that do not
//! would break the migration that declares the key at last, and that would be a false alarm.

use std::collections::BTreeMap;

use super::catalog::{Listed, Reference, Table};
use super::kind::Kind;
use super::session::{Connection, number, oids, rows, text};

/// A table that may be meant.
struct Target {
    listed: Listed,
    column: String,
    /// How the type of its key is written.
    written: String,
}

/// Adds to each table what its columns seem to point to.
pub(super) fn add(
    client: &mut Connection<'_>,
    listed: &[Listed],
    tables: &mut [Table],
) -> Result<(), postgres::Error> {
    if tables.is_empty() {
        return Ok(());
    }
    let all: Vec<u32> = listed.iter().map(|table| table.oid).collect();
    let sql = format!(
        "SELECT i.indrelid, a.attname, format_type(a.atttypid, a.atttypmod)
        FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indisprimary AND i.indnkeyatts = 1 AND i.indrelid = ANY ({})",
        oids(&all)
    );
    let by_oid: BTreeMap<u32, &Listed> = listed.iter().map(|table| (table.oid, table)).collect();
    let mut targets = BTreeMap::new();
    for row in rows(client, &sql)? {
        let Some(listed) = by_oid.get(&number::<u32>(&row, 0)) else {
            continue;
        };
        let target = Target {
            listed: (*listed).clone(),
            column: text(Some(&row), 1),
            written: text(Some(&row), 2),
        };
        targets.insert((listed.schema.clone(), squeezed(&listed.name)), target);
    }
    for table in tables {
        let mut found = Vec::new();
        for (place, column) in table.columns.iter().enumerate() {
            let declared = table.references.iter().any(|r| r.columns.contains(&place));
            if declared || column.sequence.is_some() {
                continue;
            }
            let target = meant(&column.name).into_iter().find_map(|name| {
                let target = targets.get(&(table.listed.schema.clone(), name))?;
                let fits = target.listed.oid != table.listed.oid
                    && alike(&column.kind, &column.written, &target.written);
                fits.then_some(target)
            });
            if let Some(target) = target {
                found.push(Reference {
                    name: String::new(),
                    columns: vec![place],
                    parent: target.listed.oid,
                    parent_name: format!("{}.{}", target.listed.schema, target.listed.name),
                    parent_source: target.listed.source(),
                    parent_columns: vec![target.column.clone()],
                    full: false,
                    leaf: None,
                    implied: true,
                });
            }
        }
        table.references.extend(found);
    }
    Ok(())
}

/// Whether a column can hold the keys.
fn alike(kind: &Kind, written: &str, key: &str) -> bool {
    match kind {
        Kind::Int(4 | 8) => ["integer", "bigint"].contains(&key),
        Kind::Uuid | Kind::Text { .. } => written == key,
        _ => false,
    }
}

/// A name in small letters without anything between its words.
fn squeezed(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The names that a table may have which the column means; the likelier first.
fn meant(column: &str) -> Vec<String> {
    let Some(stem) = ["_id", "_uuid", "Id", "ID"]
        .iter()
        .find_map(|end| column.strip_suffix(end))
        .filter(|stem| stem.len() > 1)
    else {
        return Vec::new();
    };
    let last = stem.rsplit('_').next().unwrap_or(stem);
    let mut names = Vec::new();
    for stem in [squeezed(stem), squeezed(last)] {
        if stem.is_empty() {
            continue;
        }
        names.push(format!("{stem}s"));
        names.push(format!("{stem}es"));
        if let Some(start) = stem.strip_suffix('y') {
            names.push(format!("{start}ies"));
        }
        names.push(stem);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_says_which_table_it_means() {
        assert_eq!(meant("user_id")[0], "users");
        assert!(meant("categoryId").contains(&"categories".to_owned()));
        assert!(meant("owner_user_id").contains(&"users".to_owned()));
        assert!(meant("order_item_id").contains(&"orderitems".to_owned()));
        assert!(meant("id").is_empty() && meant("paid").is_empty() && meant("_id").is_empty());
    }
}
