//! Making a table again with another text, for what `ALTER TABLE` cannot do: see
//! <https://www.sqlite.org/lang_altertable.html#otheralter>.
//!
//! The old table steps aside before the new one is made, and not the new one into its place
//! afterwards: a rename writes the name in a table's text anew, and this way the text stays as it
//! is. Nothing that points to the table follows it aside, because foreign keys are off and
//! `legacy_alter_table` is on meanwhile; that the rest of the schema is what it was is looked at
//! in the end.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use switchback_migration::sqlite::catalog::{Table, TableKind};
use switchback_migration::sqlite::rebuild::Rebuild;
use switchback_migration::sqlite::text::name;

use super::catalog::{all, table};
use super::control::CONTROL_PREFIX;
use super::error::{DbError, at};
use crate::text::excerpt;

/// Foreign keys that are not looked at, and renames that nothing follows, until it goes out of
/// scope. They cannot be set inside of a transaction.
pub(super) struct Aside<'c> {
    connection: &'c Connection,
    former: [(DbConfig, bool); 2],
}

impl<'c> Aside<'c> {
    pub(super) fn set(connection: &'c Connection) -> Result<Self, DbError> {
        let (keys, legacy) = (
            DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY,
            DbConfig::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE,
        );
        let read = |it| connection.db_config(it).map_err(at("reading a setting"));
        let aside = Self {
            connection,
            former: [(keys, read(keys)?), (legacy, read(legacy)?)],
        };
        for (it, wanted) in [(keys, false), (legacy, true)] {
            let set = connection.set_db_config(it, wanted);
            set.map_err(at("setting foreign keys aside"))?;
        }
        Ok(aside)
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        for (it, former) in self.former {
            // It is an error only of a setting that SQLite does not know, and it knew it before.
            let _set = self.connection.set_db_config(it, former);
        }
    }
}

/// Something of the schema: type, name, table and statement.
type Thing = (String, String, String, Option<String>);

/// Makes the table again that a script names. It runs inside of a transaction, while foreign keys
/// are [`Aside`]; `spare` is a name that nobody uses.
pub(super) fn run(connection: &Connection, sql: &str, spare: &str) -> Result<(), DbError> {
    let refused = |message: String| DbError::Sql {
        statement: excerpt(sql),
        message,
    };
    let wanted = Rebuild::read(sql).map_err(|error| refused(error.to_string()))?;
    let found = table(connection, &wanted.table)?;
    if found.kind != TableKind::Ordinary || found.name.starts_with(CONTROL_PREFIX) {
        let what = format!("`{}` is not a table that can be made again", found.name);
        return Err(refused(what));
    }
    let text = wanted.edited(&found.sql);
    let text = text.map_err(|error| refused(error.to_string()))?;
    let before = things(connection)?;
    let counted = counter(connection, &found.name)?;
    let (t, aside) = (name(&found.name), name(spare));
    let run = |sql: &str| connection.execute(sql, []).map(drop).map_err(at(sql));
    run(&format!("ALTER TABLE main.{t} RENAME TO {aside}"))?;
    run(&text)?;
    run(&copy(&found, &aside))?;
    run(&format!("DROP TABLE main.{aside}"))?;
    let mine = before.iter().filter(|(kind, _, of, _)| {
        matches!(kind.as_str(), "index" | "trigger") && of.eq_ignore_ascii_case(&found.name)
    });
    for sql in mine.filter_map(|(.., sql)| sql.as_deref()) {
        run(sql)?;
    }
    count_on(connection, &found.name, counted)?;
    let expected = before.into_iter().map(|mut it| {
        if it.0 == "table" && it.1 == found.name {
            it.3 = Some(text.clone());
        }
        it
    });
    if sorted(expected.collect()) != sorted(things(connection)?) {
        let what = "the rest of the schema would not be what it was".to_owned();
        return Err(refused(what));
    }
    Ok(())
}

/// Every row as it is, with its row id where anybody can name that.
fn copy(table: &Table, from: &str) -> String {
    let columns = table.columns.iter().filter(|it| !it.generated);
    let mut columns: Vec<String> = columns.map(|it| name(&it.name)).collect();
    if let (false, Some(rowid)) = (table.without_rowid, table.rowid()) {
        columns.insert(0, rowid.to_owned());
    }
    let list = columns.join(", ");
    // Without ABORT, a constraint's own ON CONFLICT could leave rows out.
    format!(
        "INSERT OR ABORT INTO main.{} ({list}) SELECT {list} FROM main.{from}",
        name(&table.name)
    )
}

/// The whole schema, in the order in which it was made.
fn things(connection: &Connection) -> Result<Vec<Thing>, DbError> {
    let sql = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY rowid";
    all(connection, sql, &[], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })
}

fn sorted(mut things: Vec<Thing>) -> Vec<Thing> {
    things.sort_unstable();
    things
}

fn has_counters(connection: &Connection) -> Result<bool, DbError> {
    let sql = "SELECT name FROM main.sqlite_schema WHERE name = 'sqlite_sequence'";
    Ok(!all(connection, sql, &[], |row| row.get::<_, String>(0))?.is_empty())
}

/// Up to where an AUTOINCREMENT has counted; none where it has not.
fn counter(connection: &Connection, table: &str) -> Result<Option<Value>, DbError> {
    if !has_counters(connection)? {
        return Ok(None);
    }
    let sql = "SELECT seq FROM main.sqlite_sequence WHERE name = ?1";
    Ok(all(connection, sql, &[table], |row| row.get(0))?.pop())
}

/// Has it count on from there: rows that are gone keep their numbers.
fn count_on(connection: &Connection, table: &str, counted: Option<Value>) -> Result<(), DbError> {
    if !has_counters(connection)? {
        return Ok(());
    }
    let sql = "DELETE FROM main.sqlite_sequence WHERE name = ?1";
    connection.execute(sql, [table]).map_err(at(sql))?;
    if let Some(counted) = counted {
        let sql = "INSERT INTO main.sqlite_sequence (name, seq) VALUES (?1, ?2)";
        let parameters = rusqlite::params![table, counted];
        connection.execute(sql, parameters).map_err(at(sql))?;
    }
    Ok(())
}

/// Makes a table again on a connection of somebody else's, in a transaction of its own: for trying
/// a script on an empty copy of the schema.
///
/// # Errors
/// If the script is not one that makes a table again, or SQLite refuses what it makes of it.
pub fn tried(connection: &Connection, sql: &str) -> Result<(), DbError> {
    let _aside = Aside::set(connection)?;
    let transaction = connection.unchecked_transaction().map_err(at("BEGIN"))?;
    let wanted = Rebuild::read(sql);
    run(&transaction, sql, &format!("{CONTROL_PREFIX}aside"))?;
    // Reads no row, and fails where the columns over there are no key.
    if let Ok(wanted) = wanted {
        let check = format!("PRAGMA foreign_key_check({})", name(&wanted.table));
        all(&transaction, &check, &[], |_| Ok(()))?;
    }
    transaction.commit().map_err(at("COMMIT"))
}
