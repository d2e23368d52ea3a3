//! What has to be known of a table to fill it: its key, its types, its parts on disk.

pub(super) mod range;

use std::collections::BTreeMap;

use postgres::Client;

use crate::postgres::change::error::{ChangeError, Unfit, at};
use crate::postgres::change::link::qualified;
use crate::postgres::change::scope::oid;
use crate::postgres::session::name;

/// Which columns of which rows of a table get what.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The table, as it stands in SQL.
    pub(super) table: String,
    /// What each column gets: an SQL expression over the same row.
    pub(super) set: BTreeMap<String, String>,
    /// Which rows get it, as an SQL condition over the row; all where there is none.
    pub(super) only: Option<String>,
    /// Whether former values are kept, so that a row must have a key.
    pub(super) keep_undo: bool,
}

/// A table to fill.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Its full name, as it stands in SQL.
    pub(super) full: String,
    /// Its name without the schema, as it stands in SQL.
    pub(super) short: String,
    /// The columns that are written, in the order of their names.
    pub(super) columns: Vec<Column>,
    /// All columns, as they stand in SQL.
    pub(super) every: Vec<String>,
    /// The columns by which rows are walked; none where it is by their place on disk.
    pub(super) key: Vec<KeyColumn>,
    /// The tables that store the rows: itself, or its partitions.
    pub(super) leaves: Vec<Leaf>,
    /// Whether the server can look up a range of places on disk.
    pub(super) ranges: bool,
}

/// A column that is written.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// As it stands in SQL.
    pub(super) sql: String,
    /// Its type without length or precision: a value cast to it keeps what it is.
    pub(super) plain: String,
    /// What a value is cast to before it is compared with the column's: the type with its
    /// precision, which rounds as storing does, but without its length, which would cut.
    pub(super) compared: String,
    /// Whether values that are equal are the same: `1.0` and `1.00` are not.
    pub(super) exact: bool,
    /// Whether it is a date or a time, which is kept in one form whatever `DateStyle` says.
    pub(super) moment: bool,
    /// What it gets, as SQL.
    pub(super) value: String,
}

/// A column of the key.
#[derive(Debug, Clone)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) sql: String,
    /// Its type without length or precision.
    pub(super) plain: String,
    pub(super) integer: bool,
    pub(super) moment: bool,
}

/// A table that stores rows.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    /// Its full name, as it stands in SQL.
    pub(super) full: String,
    /// Its size in pages.
    pub(super) pages: u64,
    /// About how many rows it has, where that is known.
    pub(super) rows: Option<u64>,
}

/// Types whose equal values are the same: their numbers do not change.
/// <https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat>
const EXACT: [u32; 11] = [16, 17, 20, 21, 23, 26, 1082, 1083, 1114, 1184, 2950];
/// `text` and `varchar`: exact where their collation is deterministic.
const TEXTS: [u32; 2] = [25, 1043];
/// `char(n)`, `varchar(n)`, `bit(n)`, `varbit(n)` and arrays of them: a cast cuts to the length.
const LENGTHS: [u32; 8] = [1042, 1043, 1560, 1562, 1014, 1015, 1561, 1563];
pub(super) const INTEGERS: [u32; 3] = [20, 21, 23];
pub(super) const MOMENTS: [u32; 3] = [1082, 1114, 1184];

/// The type of a column.
pub(super) struct Type {
    pub(super) name: String,
    pub(super) plain: String,
    full: String,
    /// The number of the type that a domain stands for, and of any other type itself.
    pub(super) base: u32,
    enumeration: bool,
    deterministic: bool,
}

impl Table {
    /// Reads what the catalog says, in a transaction. `begun_by` is the key that the fill was begun
    /// by, if it was.
    ///
    /// # Errors
    /// [`ChangeError::NoTable`], [`ChangeError::NoColumn`], [`ChangeError::Unfit`].
    pub(super) fn of(
        client: &mut Client,
        path: &[String],
        version: u32,
        wanted: &Wanted,
        begun_by: Option<&[String]>,
    ) -> Result<Self, ChangeError> {
        let Some(number) = oid(client, &wanted.table)? else {
            return Err(ChangeError::NoTable {
                table: wanted.table.clone(),
            });
        };
        let unfit = |reason| ChangeError::Unfit {
            table: wanted.table.clone(),
            reason,
        };
        qualified(client, path, |client| {
            let (full, short) = kind(client, number)?.map_err(unfit)?;
            let leaves = leaves(client, number)?.map_err(unfit)?;
            let types = types(client, number)?;
            let columns = wanted
                .set
                .iter()
                .map(|(column, value)| {
                    let found = types.iter().find(|it| it.name == *column);
                    let found = found.ok_or_else(|| ChangeError::NoColumn {
                        table: wanted.table.clone(),
                        column: column.clone(),
                    })?;
                    Ok(Column::of(found, value))
                })
                .collect::<Result<Vec<_>, _>>()?;
            let key = key(client, number, wanted, begun_by)?.map_err(unfit)?;
            let key = key
                .iter()
                .filter_map(|column| types.iter().find(|it| it.name == *column))
                .map(KeyColumn::of)
                .collect();
            Ok(Self {
                full,
                short,
                columns,
                every: types.iter().map(|it| name(&it.name)).collect(),
                key,
                leaves,
                ranges: version >= 140_000,
            })
        })
    }

    /// About how many rows there are, where that is known.
    pub(super) fn rows(&self) -> Option<u64> {
        self.leaves.iter().map(|leaf| leaf.rows).sum()
    }

    pub(super) fn key_names(&self) -> Vec<String> {
        self.key.iter().map(|it| it.name.clone()).collect()
    }
}

impl Column {
    fn of(found: &Type, value: &str) -> Self {
        let compared = if LENGTHS.contains(&found.base) {
            &found.plain
        } else {
            &found.full
        };
        Self {
            name: found.name.clone(),
            sql: name(&found.name),
            plain: found.plain.clone(),
            compared: compared.clone(),
            exact: EXACT.contains(&found.base)
                || found.enumeration
                || (TEXTS.contains(&found.base) && found.deterministic),
            moment: MOMENTS.contains(&found.base),
            value: value.to_owned(),
        }
    }

    /// The column's value as text, from which it can be made again.
    pub(super) fn text(&self, row: &str) -> String {
        as_text(&format!("{row}{}", self.sql), self.moment)
    }

    /// What it should have, as text in the same form.
    pub(super) fn wanted(&self) -> String {
        as_text(
            &format!("CAST(({}) AS {})", self.value, self.compared),
            self.moment,
        )
    }
}

impl KeyColumn {
    fn of(found: &Type) -> Self {
        Self {
            name: found.name.clone(),
            sql: name(&found.name),
            plain: found.plain.clone(),
            integer: INTEGERS.contains(&found.base),
            moment: MOMENTS.contains(&found.base),
        }
    }

    /// The column's value as text, from which it can be made again.
    pub(super) fn text(&self, row: &str) -> String {
        as_text(&format!("{row}{}", self.sql), self.moment)
    }

    /// The column's value as part of a key in JSON. Integers are numbers, so that they stand in
    /// their order.
    pub(super) fn json(&self, row: &str) -> String {
        let value = format!("{row}{}", self.sql);
        if self.integer {
            value
        } else {
            as_text(&value, self.moment)
        }
    }
}

/// A value as text, from which it can be made again.
pub(super) fn as_text(value: &str, moment: bool) -> String {
    if moment {
        format!("(to_jsonb({value}) #>> '{{}}')")
    } else {
        format!("({value})::text")
    }
}

/// The full and the short name, if the table is one whose rows can be filled.
fn kind(client: &mut Client, number: u32) -> Result<Result<(String, String), Unfit>, ChangeError> {
    let sql = "
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(c.relname),
            c.relkind IN ('r', 'p'),
            c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid),
            row_security_active(c.oid), current_user::text
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1";
    let row = client.query_one(sql, &[&number]).map_err(at(sql))?;
    let get = at(sql);
    let (table, inherited, secured): (bool, bool, bool) = (
        row.try_get(2).map_err(&get)?,
        row.try_get(3).map_err(&get)?,
        row.try_get(4).map_err(&get)?,
    );
    if !table {
        return Ok(Err(Unfit::NotATable));
    }
    if inherited {
        return Ok(Err(Unfit::Inherited));
    }
    if secured {
        let role = row.try_get(5).map_err(&get)?;
        return Ok(Err(Unfit::RowSecurity { role }));
    }
    Ok(Ok((
        row.try_get(0).map_err(&get)?,
        row.try_get(1).map_err(&get)?,
    )))
}

/// The types of all columns, in a search path without any schema but PostgreSQL's own.
pub(super) fn types(client: &mut Client, number: u32) -> Result<Vec<Type>, ChangeError> {
    let sql = "
        SELECT a.attname::text, format_type(a.atttypid, -1), format_type(a.atttypid, a.atttypmod),
            base.oid, base.typtype = 'e', coalesce(l.collisdeterministic, true)
        FROM pg_attribute a
            LEFT JOIN pg_collation l ON l.oid = a.attcollation,
            LATERAL (WITH RECURSIVE up AS (
                    SELECT t.oid, t.typtype, t.typbasetype FROM pg_type t WHERE t.oid = a.atttypid
                    UNION ALL
                    SELECT t.oid, t.typtype, t.typbasetype FROM up
                        JOIN pg_type t ON t.oid = up.typbasetype WHERE up.typtype = 'd'
                ) SELECT up.oid, up.typtype FROM up WHERE up.typtype <> 'd') AS base
        WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let rows = client.query(sql, &[&number]).map_err(at(sql))?;
    let read = |row: &postgres::Row| -> Result<Type, postgres::Error> {
        Ok(Type {
            name: row.try_get(0)?,
            plain: row.try_get(1)?,
            full: row.try_get(2)?,
            base: row.try_get(3)?,
            enumeration: row.try_get(4)?,
            deterministic: row.try_get(5)?,
        })
    };
    rows.iter().map(|row| read(row).map_err(at(sql))).collect()
}

/// The primary key, or else a unique index over columns that are NOT NULL, with as few columns as
/// there is one; never one with a column that is filled. None of them where former values need not
/// be kept: then rows are walked by their place on disk.
fn key(
    client: &mut Client,
    number: u32,
    wanted: &Wanted,
    begun_by: Option<&[String]>,
) -> Result<Result<Vec<String>, Unfit>, ChangeError> {
    let sql = "
        SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM pg_index i
            JOIN pg_class c ON c.oid = i.indexrelid
            JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree',
            unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[], i.indoption::int2[])
                WITH ORDINALITY AS k (attribute, class, collated, sorted, place)
            JOIN pg_attribute a ON a.attnum = k.attribute
            JOIN pg_opclass o ON o.oid = k.class
        WHERE i.indrelid = $1 AND a.attrelid = $1 AND i.indisunique AND i.indisvalid
            AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
            AND k.place <= i.indnkeyatts
        GROUP BY i.indexrelid, i.indisprimary, i.indnkeyatts
        HAVING count(*) = i.indnkeyatts AND bool_and(a.attnotnull AND o.opcdefault
            AND k.collated = a.attcollation AND k.sorted = 0)
            AND NOT bool_or(a.attname = ANY ($2::text[]))
        ORDER BY i.indisprimary DESC, count(*), i.indexrelid";
    let written: Vec<&String> = wanted.set.keys().collect();
    let rows = client.query(sql, &[&number, &written]).map_err(at(sql))?;
    let keys = rows
        .iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect::<Result<Vec<Vec<String>>, _>>()?;
    Ok(match begun_by {
        Some([]) => Ok(Vec::new()),
        Some(key) if keys.iter().any(|it| it == key) => Ok(key.to_vec()),
        Some(key) => Err(Unfit::OtherKey { key: key.to_vec() }),
        None => match keys.into_iter().next() {
            Some(key) => Ok(key),
            None if wanted.keep_undo => Err(Unfit::NoKey),
            None => Ok(Vec::new()),
        },
    })
}

fn leaves(client: &mut Client, number: u32) -> Result<Result<Vec<Leaf>, Unfit>, ChangeError> {
    let sql = "
        WITH RECURSIVE parts AS (
            SELECT $1::oid AS oid
            UNION ALL
            SELECT h.inhrelid FROM parts JOIN pg_inherits h ON h.inhparent = parts.oid
        )
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind = 'r',
            coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint,
            c.relpages::bigint, c.reltuples::float8
        FROM parts JOIN pg_class c ON c.oid = parts.oid
            JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind <> 'p' ORDER BY 1";
    let rows = client.query(sql, &[&number]).map_err(at(sql))?;
    let mut leaves = Vec::new();
    for row in rows {
        let get = at(sql);
        if !row.try_get::<_, bool>(1).map_err(&get)? {
            return Ok(Err(Unfit::NotATable));
        }
        let pages: i64 = row.try_get(2).map_err(&get)?;
        let (then, counted): (i64, f64) =
            (row.try_get(3).map_err(&get)?, row.try_get(4).map_err(&get)?);
        let pages = pages.unsigned_abs();
        leaves.push(Leaf {
            full: row.try_get(0).map_err(&get)?,
            pages,
            // As PostgreSQL's planner does: as many rows on each page as when they were counted.
            rows: if pages == 0 {
                Some(0)
            } else {
                (then > 0 && counted >= 0.0).then(|| (counted / then as f64 * pages as f64) as u64)
            },
        });
    }
    Ok(Ok(leaves))
}
