//! A definition as SQL over one table: how its rows are walked, which of them differ from what they
//! should be, and how they get it.
//!
//! Rows are walked by row id, or by the primary key where there is none. `NOT INDEXED` keeps SQLite
//! to that order whatever indexes there are, so that a batch can end after any row.

use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use switchback_migration::backfill::JobText;
use switchback_migration::sqlite::catalog::{Affinity, Column, IndexOrigin, Table, TableKind};
use switchback_migration::sqlite::text as sql;

use super::codec::{Exact, Key};
use super::error::BackfillError;
use crate::sqlite::error::{DbError, at};
use crate::sqlite::{catalog, fill};

/// One column of the key.
#[derive(Debug, Clone)]
pub(super) struct KeyPart {
    /// Its name; `rowid` or another name of the row id where no column has it.
    pub(super) name: String,
    /// As it stands in a comparison: with its collation.
    compared: String,
    descending: bool,
    /// Whether it is the row id.
    pub(super) rowid: bool,
}

/// The key by which a table's rows are walked.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub(super) parts: Vec<KeyPart>,
    /// The table in SQL.
    pub(super) t: String,
}

impl Keyed {
    pub(super) fn of(table: &Table) -> Result<Self, BackfillError> {
        if table.kind != TableKind::Ordinary {
            return Err(BackfillError::Definition {
                what: format!("`{}` is not a table that stores rows", table.name),
            });
        }
        let parts = if table.without_rowid {
            let index = table
                .indexes
                .iter()
                .find(|it| it.origin == IndexOrigin::PrimaryKey);
            let columns = index.map_or(&[][..], |it| &it.columns);
            columns
                .iter()
                .filter_map(|column| {
                    let name = column.name.clone()?;
                    let compared =
                        format!("{} COLLATE {}", quoted(&name), quoted(&column.collation));
                    Some(KeyPart {
                        name,
                        compared,
                        descending: column.descending,
                        rowid: false,
                    })
                })
                .collect()
        } else {
            // Where all its names are taken, a column that is the row id may be one of them.
            let own = table.columns.iter().find(|it| is_rowid(table, it));
            let name = table
                .rowid()
                .map(str::to_owned)
                .or_else(|| own.map(|it| quoted(&it.name)));
            let part = name.map(|name| KeyPart {
                compared: name.clone(),
                name,
                descending: false,
                rowid: true,
            });
            part.into_iter().collect::<Vec<_>>()
        };
        if parts.is_empty() {
            return Err(BackfillError::Definition {
                what: format!(
                    "the rows of `{}` have no key by which to walk them",
                    table.name
                ),
            });
        }
        Ok(Self {
            parts,
            t: sql::name(&table.name),
        })
    }

    /// The key as a list of what is selected.
    pub(super) fn list(&self) -> String {
        let names: Vec<String> = self.parts.iter().map(KeyPart::selected).collect();
        names.join(", ")
    }

    /// `ORDER BY` of the walk, or of the way back.
    fn order(&self, back: bool) -> String {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|it| {
                let way = if it.descending == back { "ASC" } else { "DESC" };
                format!("{} {way}", it.compared)
            })
            .collect();
        parts.join(", ")
    }

    /// That a row is beyond the key in the parameters from `first`, or before it; with `or_equal`
    /// also the row itself.
    fn beside(&self, beyond: bool, or_equal: bool, first: usize) -> String {
        let equal = if or_equal { "=" } else { "" };
        let sign = |part: &KeyPart| if part.descending == beyond { '<' } else { '>' };
        let uniform = self.parts.iter().all(|it| sign(it) == sign(&self.parts[0]));
        if uniform {
            let names: Vec<&str> = self.parts.iter().map(|it| it.compared.as_str()).collect();
            let marks: Vec<String> = (first..first + names.len())
                .map(|it| format!("?{it}"))
                .collect();
            let sign = sign(&self.parts[0]);
            return if names.len() == 1 {
                format!("{} {sign}{equal} {}", names[0], marks[0])
            } else {
                format!(
                    "({}) {sign}{equal} ({})",
                    names.join(", "),
                    marks.join(", ")
                )
            };
        }
        // A row value compares all its columns in one direction.
        let mut condition = match or_equal {
            true => "1".to_owned(),
            false => "0".to_owned(),
        };
        for (place, part) in self.parts.iter().enumerate().rev() {
            let (name, sign, mark) = (&part.compared, sign(part), first + place);
            condition = format!("({name} {sign} ?{mark} OR ({name} = ?{mark} AND {condition}))");
        }
        let (name, sign) = (&self.parts[0].compared, sign(&self.parts[0]));
        // This alone is what the search in the key can use.
        format!("({name} {sign}= ?{first} AND {condition})")
    }

    /// That a row is the one with the key in the parameters from `first`.
    pub(super) fn is(&self, first: usize) -> String {
        let parts = self.parts.iter().enumerate();
        let parts: Vec<String> = parts
            .map(|(place, it)| format!("{} = ?{}", it.compared, first + place))
            .collect();
        parts.join(" AND ")
    }

    /// That a row lies after `place`, if there is one, and up to `end`: parameters of both in this
    /// order.
    pub(super) fn within(&self, place: Option<&Key>, end: &Key) -> (String, Vec<Exact>) {
        match place {
            None => (self.beside(false, true, 1), end.clone()),
            Some(place) => {
                let width = self.parts.len();
                let condition = format!(
                    "{} AND {}",
                    self.beside(true, false, 1),
                    self.beside(false, true, width + 1)
                );
                (condition, [place.as_slice(), end.as_slice()].concat())
            }
        }
    }

    /// That a row lies between two that are both included.
    pub(super) fn between(&self) -> String {
        let width = self.parts.len();
        format!(
            "{} AND {}",
            self.beside(true, true, 1),
            self.beside(false, true, width + 1)
        )
    }

    /// The key at the start of a row of a result.
    pub(super) fn read(&self, row: &Row<'_>) -> rusqlite::Result<Key> {
        let parts = 0..self.parts.len();
        parts.map(|it| Ok(Exact::of(row.get_ref(it)?))).collect()
    }

    /// The last key of all.
    pub(super) fn highest(&self, connection: &Connection) -> Result<Option<Key>, BackfillError> {
        let query = format!(
            "SELECT {} FROM {} NOT INDEXED ORDER BY {} LIMIT 1",
            self.list(),
            self.t,
            self.order(true)
        );
        self.one(connection, &query, &[])
    }

    /// The key of the row that comes `skip` rows after the next one beyond `place`, up to `end`.
    pub(super) fn after(
        &self,
        connection: &Connection,
        place: Option<&Key>,
        end: &Key,
        skip: u32,
    ) -> Result<Option<Key>, BackfillError> {
        let (within, parameters) = self.within(place, end);
        let query = format!(
            "SELECT {} FROM {} NOT INDEXED WHERE {within} ORDER BY {} LIMIT 1 OFFSET {skip}",
            self.list(),
            self.t,
            self.order(false)
        );
        self.one(connection, &query, &parameters)
    }

    fn one(
        &self,
        connection: &Connection,
        query: &str,
        parameters: &[Exact],
    ) -> Result<Option<Key>, BackfillError> {
        let mut statement = connection.prepare_cached(query).map_err(at(query))?;
        let found = statement
            .query_row(params_from_iter(parameters), |row| self.read(row))
            .optional();
        Ok(found.map_err(at(query))?)
    }
}

impl KeyPart {
    /// As it stands in a list of what is selected.
    fn selected(&self) -> String {
        if self.rowid {
            self.name.clone()
        } else {
            quoted(&self.name)
        }
    }
}

/// Always in quotes: `sql::name` leaves words bare that are names of the row id.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether a column is the row id.
fn is_rowid(table: &Table, column: &Column) -> bool {
    !table.without_rowid
        && column.primary_key == 1
        && column.declared_type.eq_ignore_ascii_case("INTEGER")
        && table.columns.iter().all(|it| it.primary_key < 2)
}

/// A definition as SQL.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    pub(super) keyed: Keyed,
    /// The table's name, as the schema spells it.
    pub(super) table: String,
    /// The columns that are written, as the schema spells them.
    pub(super) columns: Vec<String>,
    /// Whether something fires when a row is updated, and may change what was written.
    pub(super) triggers: bool,
    /// The number of the schema that this was made for.
    pub(super) schema: i64,
    /// Key, columns, and whether the row is to be changed.
    pub(super) select: String,
    /// `UPDATE … SET …`, without `WHERE`.
    update: String,
    /// That a row is to be changed.
    wanted: String,
}

impl Walk {
    /// # Errors
    /// If there is no such table or column, or an expression cannot be read.
    pub(super) fn of(connection: &Connection, text: &JobText) -> Result<Self, BackfillError> {
        let schema = schema_version(connection)?;
        let table = catalog::table(connection, &text.table)?;
        let keyed = Keyed::of(&table)?;
        if table.name.starts_with(crate::sqlite::CONTROL_PREFIX) {
            return Err(BackfillError::Definition {
                what: format!("`{}` is Switchback's own", table.name),
            });
        }
        let mut columns = Vec::new();
        let mut apart = Vec::new();
        let mut set = Vec::new();
        for (name, value) in &text.set {
            let column = table.column(name).ok_or_else(|| DbError::NoColumn {
                table: table.name.clone(),
                column: name.clone(),
            })?;
            check_written(&table, &keyed, column)?;
            one_expression(connection, &keyed.t, value, name)?;
            // A comment at its end must not take what follows with it.
            let value = format!("({value}\n)");
            let name = quoted(&column.name);
            apart.push(differ(column.affinity(table.strict), &name, &value));
            set.push(format!("{name} = {value}"));
            columns.push(column.name.clone());
        }
        let mut wanted = format!("({})", apart.join(" OR "));
        if let Some(only) = &text.only {
            one_expression(connection, &keyed.t, only, "only")?;
            wanted = format!("(({only}\n) AND {wanted})");
        }
        let triggers = !update_triggers(connection, &table.name)?.is_empty();
        // What the schema says to do with a row that breaks a rule may be to replace others. A
        // trigger would inherit what is said here.
        let or = if triggers { "" } else { "OR ABORT " };
        let names: Vec<String> = columns.iter().map(|it| quoted(it)).collect();
        Ok(Self {
            select: format!(
                "SELECT {}, {}, {wanted} FROM {} NOT INDEXED",
                keyed.list(),
                names.join(", "),
                keyed.t
            ),
            update: format!("UPDATE {or}{} NOT INDEXED SET {}", keyed.t, set.join(", ")),
            table: table.name.clone(),
            columns,
            triggers,
            schema,
            wanted,
            keyed,
        })
    }

    /// The next rows after `place` up to `end`, at most so many.
    pub(super) fn piece(&self, place: Option<&Key>, end: &Key) -> (String, Vec<Exact>) {
        let (within, parameters) = self.keyed.within(place, end);
        let query = format!(
            "{} WHERE {within} ORDER BY {}",
            self.select,
            self.keyed.order(false)
        );
        (query, parameters)
    }

    /// Changes all rows between two that are to be changed, and returns key and columns of each.
    pub(super) fn update_between(&self) -> String {
        let Self { update, wanted, .. } = self;
        let between = self.keyed.between();
        format!(
            "{update} WHERE {between} AND {wanted} RETURNING {}",
            self.returned()
        )
    }

    /// Changes one row.
    pub(super) fn update_one(&self) -> String {
        let is = self.keyed.is(1);
        format!("{} WHERE {is} RETURNING {}", self.update, self.returned())
    }

    /// Key and columns of one row.
    pub(super) fn select_one(&self) -> String {
        let is = self.keyed.is(1);
        format!(
            "SELECT {} FROM {} WHERE {is}",
            self.returned(),
            self.keyed.t
        )
    }

    fn returned(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|it| quoted(it)).collect();
        format!("{}, {}", self.keyed.list(), names.join(", "))
    }
}

/// A number that is another one after each change of the schema.
pub(super) fn schema_version(connection: &Connection) -> Result<i64, BackfillError> {
    let query = "PRAGMA schema_version";
    let mut statement = connection.prepare_cached(query).map_err(at(query))?;
    Ok(statement
        .query_row([], |row| row.get(0))
        .map_err(at(query))?)
}

fn check_written(table: &Table, keyed: &Keyed, column: &Column) -> Result<(), BackfillError> {
    let in_key = keyed.parts.iter().any(|it| {
        it.name.eq_ignore_ascii_case(&column.name) || (it.rowid && is_rowid(table, column))
    });
    let what = if column.generated {
        "it is generated"
    } else if in_key {
        "rows are walked by it"
    } else {
        return Ok(());
    };
    Err(BackfillError::Definition {
        what: format!("the column `{}` cannot be written: {what}", column.name),
    })
}

/// Refuses what is not one expression over a row of the table.
fn one_expression(
    connection: &Connection,
    t: &str,
    value: &str,
    name: &str,
) -> Result<(), BackfillError> {
    let query = format!("SELECT ({value}\n) FROM {t}");
    let what = match name {
        "only" => "`only`".to_owned(),
        column => format!("what `{column}` gets"),
    };
    let wrong = |why: &str| BackfillError::Definition {
        what: format!("{what} {why}: {value}"),
    };
    let prepared = connection.prepare(&query).map_err(|error| {
        if let Some(column) = fill::missing(&error.to_string()) {
            let table = t.to_owned();
            return DbError::NoColumn { table, column }.into();
        }
        match &error {
            rusqlite::Error::SqlInputError { msg, .. } => {
                wrong(&format!("is no SQL expression over a row of it: {msg}"))
            }
            _ => BackfillError::from(at(&query)(error)),
        }
    })?;
    match (prepared.column_count(), prepared.parameter_count()) {
        (1, 0) => Ok(()),
        (_, 0) => Err(wrong("is not one SQL expression")),
        _ => Err(wrong("has a parameter, and there is nothing to put in")),
    }
}

/// That a column does not hold exactly what storing the value in it would make it hold. Comparing
/// converts the value as storing it does, if the value is not a column or a cast with a way of its
/// own, which `+` takes from it. Only where nothing is converted can equal numbers be of two types.
fn differ(affinity: Affinity, column: &str, value: &str) -> String {
    let other = format!("{column} COLLATE BINARY IS NOT +{value}");
    match affinity {
        Affinity::Blob => format!("({other} OR typeof({column}) IS NOT typeof({value}))"),
        _ => format!("({other})"),
    }
}

/// The triggers on a table that fire when a row is updated.
pub(super) fn update_triggers(
    connection: &Connection,
    table: &str,
) -> Result<Vec<String>, BackfillError> {
    let query = "SELECT name, coalesce(sql, '') FROM main.sqlite_schema
                 WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE
                 UNION ALL SELECT name, coalesce(sql, '') FROM temp.sqlite_schema
                 WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE ORDER BY 1";
    let found: Vec<(String, String)> = catalog::all(connection, query, &[table], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(found
        .into_iter()
        .filter(|(_, text)| {
            // The event comes before the first ON; a trigger's name may be any word but is in
            // front of its time or event.
            let tokens = sql::tokens(text);
            let on = tokens.iter().position(|it| it.is_word("on"));
            let head = tokens.get(..on.unwrap_or(tokens.len())).unwrap_or_default();
            let event = head.iter().rposition(|it| {
                ["insert", "delete", "update"]
                    .iter()
                    .any(|word| it.is_word(word))
            });
            event.is_none_or(|place| head[place].is_word("update"))
        })
        .map(|(name, _)| name)
        .collect())
}
