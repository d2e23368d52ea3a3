//! What a SQLite schema says of the table of a backfill.

use switchback_migration::Engine;
use switchback_migration::backfill::facts::KeyColumn;
use switchback_migration::backfill::{Job, TableFacts};
use switchback_migration::definition::MADE;
use switchback_migration::sqlite::catalog::{Index, IndexColumn, Table, TableKind};
use switchback_migration::sqlite::text;

/// The facts, or why its rows cannot be filled.
pub(super) fn sqlite(table: &Table, job: &Job) -> Result<TableFacts, String> {
    let shown = &table.name;
    match table.kind {
        TableKind::Ordinary => {}
        TableKind::View => return Err(format!("{shown} is a view, which stores no rows")),
        TableKind::Virtual => return Err(format!("{shown} is a virtual table")),
    }
    let rowid = table
        .rowid()
        .filter(|_| !table.without_rowid)
        .ok_or_else(|| format!("{shown} has no row id by which its rows could be walked"))?;
    for column in job.text.set.keys() {
        let found = table
            .column(column)
            .ok_or_else(|| format!("table `{shown}` has no column `{column}`"))?;
        if found.generated {
            return Err(format!(
                "{column} is a generated column, which only the database computes"
            ));
        }
        // Rows would move while they are walked.
        let is_rowid = found.primary_key == 1
            && found.declared_type.eq_ignore_ascii_case("INTEGER")
            && table.columns.iter().all(|it| it.primary_key <= 1);
        if is_rowid {
            return Err(format!("{column} is the row id by which rows are walked"));
        }
    }
    let version = u32::try_from(rusqlite::version_number()).unwrap_or_default();
    let mut facts = TableFacts::of_empty(Engine::Sqlite, version, &text::name(shown));
    facts.key = vec![KeyColumn {
        name: rowid.to_owned(),
        integer: true,
        distinct: None,
    }];
    facts.indexes = u32::try_from(table.indexes.len()).unwrap_or(u32::MAX);
    let written = |index: &&Index| {
        job.text.set.keys().any(|column| {
            let named = |it: &IndexColumn| {
                it.name
                    .as_ref()
                    .is_some_and(|it| it.eq_ignore_ascii_case(column))
            };
            // An expression or a condition stands in its statement.
            let sql = index.sql.as_deref().unwrap_or_default();
            index.columns.iter().any(named) || text::mentions(sql, column)
        })
    };
    facts.indexes_on_written = table
        .indexes
        .iter()
        .filter(written)
        .map(|it| it.name.clone())
        .collect();
    facts.triggers = table
        .triggers
        .iter()
        .filter(|it| text::mentions(&it.sql, "update") && !it.name.starts_with(MADE))
        .map(|it| it.name.clone())
        .collect();
    Ok(facts)
}
