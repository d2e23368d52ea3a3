//! A definition as SQL over one table: which of its rows differ from what they should be, and how
//! they get it.

use rusqlite::Connection;
use switchback_migration::backfill::JobText;
use switchback_migration::sqlite::catalog::{Affinity, Column, Table};
use switchback_migration::sqlite::text as sql;

use super::codec::{Exact, Key};
use super::error::BackfillError;
use super::key::is_rowid;
use super::query::Asked;
use crate::sqlite::catalog;
use crate::sqlite::error::{DbError, at};

pub(super) use super::key::{KeyPart, Keyed, Start, quoted};

/// A definition as SQL.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    pub(super) keyed: Keyed,
    /// The table's name, as the schema spells it.
    pub(super) table: String,
    /// The columns that are written, as the schema spells them.
    pub(super) columns: Vec<String>,
    /// The columns of the key as people know them.
    pub(super) key_names: Vec<String>,
    /// The columns that a program is given besides the key, where one says what rows get.
    pub(super) reads: Vec<String>,
    /// Whether something fires when a row is updated, and may change what was written.
    pub(super) triggers: bool,
    /// Whether every column gets itself, so that rows are written for what triggers do then.
    pub(super) touches: bool,
    /// The number of the schema that this was made for.
    pub(super) schema: i64,
    /// Key, columns, and whether the row is to be changed.
    pub(super) select: String,
    /// `UPDATE … SET …`, without `WHERE`.
    update: String,
    /// That a row is to be changed.
    pub(super) wanted: String,
    /// The query that gives the values, where they are not expressions over the row.
    pub(super) asked: Option<Asked>,
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
        // A column that gets itself is never apart: the row is written for what triggers do then.
        let itself = |(column, value): (&String, &String)| *value == sql::name(column);
        let touches = !text.set.is_empty() && text.set.iter().all(itself);
        let mut columns = Vec::new();
        let mut apart = Vec::new();
        let mut set = Vec::new();
        let mut reads = Vec::new();
        if text.query.is_some() {
            for name in text.columns() {
                let column = written(&table, &keyed, name, false)?;
                columns.push(column.name.clone());
                // It is put in after the key.
                let mark = keyed.parts.len() + columns.len();
                set.push(format!("{} = ?{mark}", quoted(&column.name)));
            }
        }
        for (name, value) in &text.set {
            let column = written(&table, &keyed, name, touches)?;
            one_expression(connection, &keyed.t, value, name)?;
            columns.push(column.name.clone());
            let name = quoted(&column.name);
            // A comment at its end must not take what follows with it.
            let value = format!("({value}\n)");
            apart.push(differ(column.affinity(table.strict), &name, &value));
            set.push(format!("{name} = {value}"));
        }
        if let Some(program) = &text.program {
            // In the order in which the definition has them: so it answers.
            for name in &program.columns {
                let column = written(&table, &keyed, name, false)?;
                columns.push(column.name.clone());
                set.push(format!("{} = ?", quoted(&column.name)));
            }
            for name in &program.reads {
                reads.push(known(&table, name)?.name.clone());
            }
            // It is known without the program only which rows are not done yet.
            apart.push("1".to_owned());
        }
        let mut wanted = match apart.as_slice() {
            _ if touches => "1".to_owned(),
            [] => "0".to_owned(),
            apart => format!("({})", apart.join(" OR ")),
        };
        if let Some(only) = &text.only {
            one_expression(connection, &keyed.t, only, "only")?;
            if !apart.is_empty() {
                wanted = format!("(({only}\n) AND {wanted})");
            }
        }
        let asked = match &text.query {
            Some(query) => {
                let only = text.only.as_deref();
                Some(Asked::new(connection, &table, &keyed, query, only)?)
            }
            None => None,
        };
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
            key_names: keyed
                .parts
                .iter()
                .map(|part| {
                    let own = table.columns.iter().find(|it| is_rowid(&table, it));
                    own.filter(|_| part.rowid)
                        .map_or_else(|| part.name.clone(), |it| it.name.clone())
                })
                .collect(),
            table: table.name.clone(),
            columns,
            reads,
            triggers,
            touches,
            schema,
            wanted,
            asked,
            keyed,
        })
    }

    /// The next rows beyond `start` up to `end`, at most so many.
    pub(super) fn piece(&self, start: &Start<'_>, end: &Key) -> (String, Vec<Exact>) {
        let (within, parameters) = self.keyed.within(start, end, 1);
        let query = format!(
            "{} WHERE {within} ORDER BY {}",
            self.select,
            self.keyed.order(false)
        );
        (query, parameters)
    }

    /// How many rows after `place` up to `end` are to be changed.
    pub(super) fn differing(&self, place: Option<&Key>, end: &Key) -> (String, Vec<Exact>) {
        let start = Start::of(place, None);
        let (within, parameters) = self.keyed.within(&start, end, 1);
        let (t, wanted) = (&self.keyed.t, &self.wanted);
        let query = format!("SELECT count(*) FROM {t} NOT INDEXED WHERE {within} AND {wanted}");
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

    /// Key and columns of all rows.
    pub(super) fn select_all(&self) -> String {
        format!("SELECT {} FROM {}", self.returned(), self.keyed.t)
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

    /// Gives one row what a program said: the parameters are the values and the key.
    pub(super) fn give_one(&self) -> String {
        format!(
            "{} WHERE {}",
            self.update,
            self.keyed.is(self.columns.len() + 1)
        )
    }

    /// Key, columns and whether a row is to be changed, as `select` has them, and what a program is
    /// given.
    pub(super) fn select_read(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|it| quoted(it)).collect();
        let reads = self.reads.iter().map(|it| format!(", {}", quoted(it)));
        format!(
            "SELECT {}, {}, {}{} FROM {} NOT INDEXED",
            self.keyed.list(),
            columns.join(", "),
            self.wanted,
            reads.collect::<String>(),
            self.keyed.t
        )
    }

    /// The same of the next rows beyond `start` up to `end`.
    pub(super) fn piece_read(&self, start: &Start<'_>, end: &Key) -> (String, Vec<Exact>) {
        let (within, parameters) = self.keyed.within(start, end, 1);
        let order = self.keyed.order(false);
        let query = format!("{} WHERE {within} ORDER BY {order}", self.select_read());
        (query, parameters)
    }

    /// The same of one row.
    pub(super) fn one_read(&self) -> String {
        format!("{} WHERE {}", self.select_read(), self.keyed.is(1))
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

fn known<'t>(table: &'t Table, name: &str) -> Result<&'t Column, BackfillError> {
    let column = table.column(name).ok_or_else(|| DbError::NoColumn {
        table: table.name.clone(),
        column: name.to_owned(),
    })?;
    Ok(column)
}

/// A column that is to be written.
fn written<'t>(
    table: &'t Table,
    keyed: &Keyed,
    name: &str,
    touches: bool,
) -> Result<&'t Column, BackfillError> {
    let column = known(table, name)?;
    check_written(table, keyed, column, touches)?;
    Ok(column)
}

/// Refuses a column that cannot be written, and one of the key unless it gets itself.
fn check_written(
    table: &Table,
    keyed: &Keyed,
    column: &Column,
    touches: bool,
) -> Result<(), BackfillError> {
    let in_key = keyed.parts.iter().any(|it| {
        it.name.eq_ignore_ascii_case(&column.name) || (it.rowid && is_rowid(table, column))
    });
    let what = if column.generated {
        "it is generated"
    } else if in_key && !touches {
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
        if let Some(column) = missing(&error.to_string()) {
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

/// The column that SQLite says is not there.
fn missing(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("no such column: ")?;
    let name = rest.split(" in ").next().unwrap_or(rest);
    Some(
        name.trim_matches(|c: char| c == '"' || c.is_whitespace())
            .to_owned(),
    )
}

/// That a column does not hold exactly what storing the value in it would make it hold. Comparing
/// converts the value as storing it does, if the value is not a column or a cast with a way of its
/// own, which `+` takes from it. Only where nothing is converted can equal numbers be of two types.
pub(super) fn differ(affinity: Affinity, column: &str, value: &str) -> String {
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
