//! The table of a change, as a workload needs it.

use std::collections::BTreeMap;

use switchback_migration::Definition;
use switchback_migration::definition::Work;
use switchback_migration::workload::{Column, Other, Table};
use switchback_model::plan::Run;

use super::NoBench;
use crate::postgres::error::PgError;
use crate::postgres::session::{Session, literal};

/// What the catalog says about a table, found as SQL finds it; none where there is none.
pub(super) fn read(session: &mut Session, table: &str) -> Result<Option<Table>, PgError> {
    let table = literal(table);
    let named = session.rows(&format!(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(c.relname)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = to_regclass({table}) AND c.relkind IN ('r', 'p')"
    ))?;
    let Some(named) = named.first() else {
        return Ok(None);
    };
    let columns = session
        .rows(&format!(
            "SELECT attname, format_type(atttypid, atttypmod), attgenerated = ''
             FROM pg_attribute
             WHERE attrelid = to_regclass({table}) AND attnum > 0 AND NOT attisdropped
             ORDER BY attnum"
        ))?
        .iter()
        .map(|row| Column {
            name: row.text(0),
            type_sql: row.text(1),
            written: row.get(2) == Some("t"),
        })
        .collect();
    // The primary key, else any other key that is always there.
    let key = session
        .rows(&format!(
            "SELECT a.attname FROM pg_attribute a JOIN (
                 SELECT i.indrelid, string_to_array(i.indkey::text, ' ')::smallint[] AS columns
                 FROM pg_index i
                 WHERE i.indrelid = to_regclass({table}) AND i.indisunique AND i.indpred IS NULL
                     AND i.indexprs IS NULL AND i.indisvalid AND i.indimmediate
                     AND i.indnatts = i.indnkeyatts
                     AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid
                         AND a.attnum = ANY (i.indkey::smallint[]) AND NOT a.attnotnull)
                 ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1
             ) AS k ON k.indrelid = a.attrelid AND a.attnum = ANY (k.columns)
             ORDER BY array_position(k.columns, a.attnum)"
        ))?
        .iter()
        .map(|row| row.text(0))
        .collect();
    Ok(Some(Table {
        sql: named.text(0),
        alias: named.text(1),
        columns,
        key,
    }))
}

/// The table that goes, of a change that merges it into the change's own; none where it does nothing
/// like that, or the table is not there.
pub(super) fn other(
    session: &mut Session,
    definition: &Definition,
) -> Result<Option<Other>, PgError> {
    let surface = &definition.surface;
    if definition.old_table() == surface.table {
        return Ok(None);
    }
    let Some(table) = read(session, definition.old_table())? else {
        return Ok(None);
    };
    let by = session.rows(&format!(
        "SELECT here.attname, there.attname
         FROM pg_constraint k, unnest(k.conkey, k.confkey) WITH ORDINALITY AS pair (a, b, place)
             JOIN pg_attribute here ON here.attnum = pair.a
             JOIN pg_attribute there ON there.attnum = pair.b
         WHERE k.contype = 'f' AND k.conrelid = to_regclass({})
             AND k.confrelid = to_regclass({})
             AND here.attrelid = k.conrelid AND there.attrelid = k.confrelid
         ORDER BY pair.place",
        literal(&table.sql),
        literal(&surface.table)
    ))?;
    let by: Vec<_> = by.iter().map(|row| (row.text(0), row.text(1))).collect();
    let columns = surface.old.0.iter().zip(&surface.new.0);
    Ok((!by.is_empty()).then(|| Other {
        sql: table.sql,
        columns: columns.map(|(a, b)| (a.clone(), b.clone())).collect(),
        by,
    }))
}

/// The types of the columns that the steps make: what the first script does is looked at, and
/// undone.
pub(super) fn made(
    session: &mut Session,
    definition: &Definition,
) -> Result<BTreeMap<String, String>, NoBench> {
    let wanted = &definition.surface.new.0;
    let first = definition.steps.iter().find_map(|step| match &step.work {
        Work::Database { script, .. } => script.as_ref(),
        Work::Code { .. } => None,
    });
    let Some(script) = first.filter(|it| !wanted.is_empty() && it.run == Run::Transaction) else {
        return Ok(BTreeMap::new());
    };
    session.run("BEGIN")?;
    let done = session.run(&script.up.sql);
    let found = match &done {
        Ok(()) => read(session, &definition.surface.table),
        Err(_) => Ok(None),
    };
    session.run("ROLLBACK")?;
    if let Err(error) = done {
        let refusal = error.refusal().map(ToString::to_string);
        let message = refusal.ok_or(NoBench::Postgres(error))?;
        return Err(NoBench::FirstStep { message });
    }
    let columns = found?.map(|it| it.columns).unwrap_or_default();
    Ok(columns
        .into_iter()
        .filter(|it| wanted.contains(&it.name))
        .map(|it| (it.name, it.type_sql))
        .collect())
}
