//! What is in the tables of a database, and how it differs from what was.
//!
//! Rows are compared by the names of their columns and as the text that PostgreSQL prints, so that a
//! column that moved does not count. What is in the tables of extensions, in materialized views,
//! foreign tables and large objects is left out.

use std::collections::BTreeMap;

use super::error::PgError;
use super::session::{Row, Session, literal, name};
use crate::history::rows::{TableRows, compare};
use crate::history::{Contents, ContentsChange, RowLimits};

/// How many tables are asked for in one statement.
const TOGETHER: usize = 40;

/// Reads all tables and keeps their rows, as far as the limits allow.
///
/// # Errors
/// If the database cannot be read.
pub fn contents(session: &mut Session, limits: &RowLimits) -> Result<Contents, PgError> {
    session.reading(|session| {
        let mut found = digests(session)?;
        let mut room = limits.bytes;
        for (table, it) in &mut found.tables {
            if it.count <= limits.rows && room > 0 {
                read(session, table, it, &mut room)?;
            }
        }
        Ok(found)
    })
}

/// How the rows differ from what they were. Tables that are new do not count.
///
/// # Errors
/// If the database cannot be read.
pub fn changes(
    session: &mut Session,
    before: &Contents,
    limits: &RowLimits,
) -> Result<ContentsChange, PgError> {
    session.reading(|session| {
        let mut now = digests(session)?;
        let mut change = ContentsChange::default();
        let mut room = limits.bytes;
        for (table, old) in &before.tables {
            let new = now.tables.get_mut(table);
            let new = match new {
                Some(new) if new.digest == old.digest && new.count == old.count => continue,
                Some(new) => {
                    if old.rows.is_some() && new.count <= limits.rows && room > 0 {
                        read(session, table, new, &mut room)?;
                    }
                    Some(&*new)
                }
                None => None,
            };
            let compared = compare(table, old, new, limits.examples);
            change.tables.extend(compared);
        }
        change.sequences = before.moved(&now);
        Ok(change)
    })
}

/// Everything but the rows themselves.
fn digests(session: &mut Session) -> Result<Contents, PgError> {
    let mut tables = columns(session)?;
    let names: Vec<String> = tables.keys().cloned().collect();
    for some in names.chunks(TOGETHER) {
        let parts = some.iter().enumerate().filter_map(|(place, table)| {
            let it = tables.get(table)?;
            Some(format!(
                "SELECT {place}, count(*), sum(('x' || left(h, 16))::bit(64)::bigint::numeric), \
                 sum(('x' || right(h, 16))::bit(64)::bigint::numeric) \
                 FROM (SELECT md5({} || ARRAY[{}]::text[]::text) FROM ONLY {table}) AS rows (h)",
                literal(&it.columns.join("\u{1}")),
                texts(&it.columns),
            ))
        });
        let sql = parts.collect::<Vec<_>>().join(" UNION ALL ");
        for row in session.rows(&sql)? {
            let place = number(&row, 0, "which table")?;
            let table = some.get(usize::try_from(place).unwrap_or(usize::MAX));
            if let Some(it) = table.and_then(|table| tables.get_mut(table)) {
                it.count = number(&row, 1, "how many rows")?.unsigned_abs();
                it.digest = format!("{} {}", row.text(2), row.text(3));
            }
        }
    }
    Ok(Contents {
        tables,
        sequences: sequences(session)?,
    })
}

/// The tables with their columns and keys. Partitions are tables, what they are parts of is not.
fn columns(session: &mut Session) -> Result<BTreeMap<String, TableRows>, PgError> {
    let sql = "
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname,
            array_position(k.conkey, a.attnum)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
        WHERE c.oid >= 16384 AND c.relkind = 'r' AND n.nspname !~ '^pg_(toast|temp)'
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY 1, a.attname COLLATE \"C\"";
    let mut tables: BTreeMap<String, TableRows> = BTreeMap::new();
    let mut keys: BTreeMap<String, Vec<(u32, usize)>> = BTreeMap::new();
    for row in session.rows(sql)? {
        let table = row.text(0);
        let it = tables.entry(table.clone()).or_default();
        // A table may have no columns.
        let Some(column) = row.get(1) else { continue };
        if let Some(place) = row.get(2).and_then(|place| place.parse().ok()) {
            let places = keys.entry(table).or_default();
            places.push((place, it.columns.len()));
        }
        it.columns.push(column.to_owned());
    }
    for (table, mut places) in keys {
        places.sort_unstable();
        if let Some(it) = tables.get_mut(&table) {
            it.key = places.into_iter().map(|(_, column)| column).collect();
        }
    }
    Ok(tables)
}

/// Reads the rows of a table, unless there is no room for them.
fn read(
    session: &mut Session,
    table: &str,
    it: &mut TableRows,
    room: &mut usize,
) -> Result<(), PgError> {
    if it.count == 0 {
        it.rows = Some(Vec::new());
        return Ok(());
    }
    // First how much it is: a few rows can be large.
    let size = session.rows(&format!(
        "SELECT coalesce(sum(octet_length(ARRAY[{}]::text[]::text)), 0) FROM ONLY {table}",
        texts(&it.columns)
    ))?;
    let size = size.first().map_or(Ok(0), |row| number(row, 0, "size"))?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > *room {
        return Ok(());
    }
    *room -= size;
    let order: Vec<String> = if it.key.is_empty() {
        (1..=it.columns.len())
            .map(|place| place.to_string())
            .collect()
    } else {
        let column = |place: &usize| it.columns.get(*place).map(|column| name(column));
        it.key.iter().filter_map(column).collect()
    };
    let order = if order.is_empty() {
        String::new()
    } else {
        format!("ORDER BY {}", order.join(", "))
    };
    let rows = session.rows(&format!(
        "SELECT {} FROM ONLY {table} AS rows {order}",
        texts(&it.columns)
    ))?;
    let width = it.columns.len();
    let values = |row: Row| {
        (0..width)
            .map(|at| row.get(at).map(str::to_owned))
            .collect()
    };
    it.rows = Some(rows.into_iter().map(values).collect());
    Ok(())
}

fn texts(columns: &[String]) -> String {
    let text = |column: &String| format!("{}::text", name(column));
    columns.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The value that each sequence would give next.
fn sequences(session: &mut Session) -> Result<BTreeMap<String, i64>, PgError> {
    let sql = "
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), s.seqincrement
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid >= 16384 AND n.nspname !~ '^pg_(toast|temp)'
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                AND d.objid = c.oid AND d.deptype = 'e')";
    let known: Vec<(String, i64)> = session
        .rows(sql)?
        .iter()
        .map(|row| Ok((row.text(0), number(row, 1, "the increment of a sequence")?)))
        .collect::<Result<_, PgError>>()?;
    let mut found = BTreeMap::new();
    for some in known.chunks(TOGETHER) {
        let parts = some
            .iter()
            .enumerate()
            .map(|(place, (it, _))| format!("SELECT {place}, last_value, is_called FROM {it}"));
        for row in session.rows(&parts.collect::<Vec<_>>().join(" UNION ALL "))? {
            let place = usize::try_from(number(&row, 0, "which sequence")?).unwrap_or(usize::MAX);
            let last = number(&row, 1, "the position of a sequence")?;
            if let Some((it, increment)) = some.get(place) {
                let called = row.get(2) == Some("t");
                let next = last.saturating_add(if called { *increment } else { 0 });
                found.insert(it.clone(), next);
            }
        }
    }
    Ok(found)
}

fn number(row: &Row, column: usize, question: &'static str) -> Result<i64, PgError> {
    row.get(column)
        .and_then(|text| text.parse().ok())
        .ok_or(PgError::Unexpected { question })
}
