//! The key by which the rows of a table are walked, as SQL.
//!
//! Rows are walked by row id, or by the primary key where there is none. `NOT INDEXED` keeps SQLite
//! to that order whatever indexes there are, so that a batch can end after any row.

use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use switchback_migration::sqlite::catalog::{Column, IndexOrigin, Table, TableKind};
use switchback_migration::sqlite::text as sql;

use super::codec::{Exact, Key};
use super::error::BackfillError;
use crate::sqlite::error::at;

/// One column of the key.
#[derive(Debug, Clone)]
pub(super) struct KeyPart {
    /// Its name; `rowid` or another name of the row id where no column has it.
    pub(super) name: String,
    /// As it stands in a comparison: with its collation.
    compared: String,
    pub(super) descending: bool,
    /// Whether it is the row id.
    pub(super) rowid: bool,
}

/// Where rows begin, in the order of the walk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start<'k> {
    /// With the first one.
    First,
    /// After this key.
    After(&'k Key),
    /// With this key.
    At(&'k Key),
}

impl<'k> Start<'k> {
    /// After a place, if one was reached, else with a first key, if there is one.
    pub(super) fn of(place: Option<&'k Key>, from: Option<&'k Key>) -> Self {
        match (place, from) {
            (Some(place), _) => Self::After(place),
            (None, Some(from)) => Self::At(from),
            (None, None) => Self::First,
        }
    }
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
    pub(super) fn order(&self, back: bool) -> String {
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

    /// That a row lies after `start`, if there is one, and up to `end`: parameters of both in this
    /// order, from `first`.
    pub(super) fn within(
        &self,
        start: &Start<'_>,
        end: &Key,
        first: usize,
    ) -> (String, Vec<Exact>) {
        let (key, or_equal) = match start {
            Start::First => return (self.beside(false, true, first), end.clone()),
            Start::After(key) => (key, false),
            Start::At(key) => (key, true),
        };
        let condition = format!(
            "{} AND {}",
            self.beside(true, or_equal, first),
            self.beside(false, true, first + self.parts.len())
        );
        (condition, [key.as_slice(), end.as_slice()].concat())
    }

    /// That the first of two keys does not come after the second: parameters of both in this order.
    pub(super) fn ordered(&self) -> String {
        let names = self.parts.iter().enumerate();
        let names: Vec<String> = names
            .map(|(place, it)| format!("?{} AS {}", place + 1, it.selected()))
            .collect();
        format!(
            "SELECT {} FROM (SELECT {})",
            self.beside(false, true, self.parts.len() + 1),
            names.join(", ")
        )
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

    /// The key of the row that comes `skip` rows after the next one beyond `start`, up to `end`.
    pub(super) fn after(
        &self,
        connection: &Connection,
        start: &Start<'_>,
        end: &Key,
        skip: u32,
    ) -> Result<Option<Key>, BackfillError> {
        let (within, parameters) = self.within(start, end, 1);
        let query = format!(
            "SELECT {} FROM {} NOT INDEXED WHERE {within} ORDER BY {} LIMIT 1 OFFSET {skip}",
            self.list(),
            self.t,
            self.order(false)
        );
        self.one(connection, &query, &parameters)
    }

    /// Whether there is a row with this key for which a condition holds; its values have the first
    /// numbers.
    pub(super) fn has(
        &self,
        connection: &Connection,
        key: &Key,
        condition: &str,
        values: &[Exact],
    ) -> Result<bool, BackfillError> {
        let is = self.is(values.len() + 1);
        let query = format!(
            "SELECT {} FROM {} WHERE {condition} AND {is}",
            self.list(),
            self.t
        );
        let parameters = [values, key.as_slice()].concat();
        Ok(self.one(connection, &query, &parameters)?.is_some())
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
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether a column is the row id.
pub(super) fn is_rowid(table: &Table, column: &Column) -> bool {
    !table.without_rowid
        && column.primary_key == 1
        && column.declared_type.eq_ignore_ascii_case("INTEGER")
        && table.columns.iter().all(|it| it.primary_key < 2)
}
