//! What a catalog says of the table of a backfill, read in one transaction that changes nothing.
//!
//! Whether the expressions mean anything over its rows, and whether this role may do it, is asked of
//! the server with `EXPLAIN`, which checks all that and does nothing.

mod expressions;
mod horizon;
mod queries;
mod sample;
mod storage;

use std::collections::BTreeMap;

use postgres::Client;
use switchback_migration::backfill::facts::KeyColumn;
use switchback_migration::backfill::strategy::Marks;
use switchback_migration::backfill::{Job, TableFacts, Transform};
use switchback_migration::engine::Engine;
use switchback_migration::postgres::name as postgres_name;

use super::query;
use super::shadow;
use super::statement::Statements;
use super::table::{Table, Wanted};
use crate::postgres::PostgresDatabase;
use crate::postgres::change::ChangeError;
use crate::postgres::change::Unfit;
use crate::postgres::change::error::at;
use crate::postgres::change::link::qualified;
use crate::postgres::change::scope::oid;

impl PostgresDatabase {
    /// What is known of the table of a backfill, to choose how its rows are walked. Some thousand
    /// rows are looked at, for two seconds at most.
    ///
    /// # Errors
    /// [`ChangeError::NoTable`], [`ChangeError::NoColumn`], [`ChangeError::Unfit`] where its rows
    /// cannot be walked or the expressions mean nothing over them, [`ChangeError::Privilege`]; or
    /// if the database cannot be read.
    pub fn backfill_facts(&mut self, job: &Job) -> Result<TableFacts, ChangeError> {
        let version = self.version();
        let fill = wanted(job);
        self.read(|client, path| {
            let facts = facts(client, path, version, job, &fill)?;
            super::program::check(client, path, job)?;
            Ok(facts)
        })
    }

    /// What a running backfill must watch of its table; `key` is the one that it was begun by, and
    /// no key is there any more if that one is gone.
    ///
    /// # Errors
    /// [`ChangeError::NoTable`], [`ChangeError::NoColumn`], [`ChangeError::Unfit`]; or if the
    /// database cannot be read.
    pub fn backfill_marks(&mut self, job: &Job, key: &[String]) -> Result<Marks, ChangeError> {
        let version = self.version();
        let fill = wanted(job);
        self.read(|client, path| marks(client, path, version, &fill, key))
    }
}

/// What a job wants of its table. That former values are kept is looked at by whoever chooses.
pub(super) fn wanted(job: &Job) -> Wanted {
    Wanted {
        table: job.text.table.clone(),
        set: match job.transform() {
            Transform::Query(_) => (0..)
                .zip(job.text.columns())
                .map(|(number, column)| (column.to_owned(), query::value(number)))
                .collect(),
            Transform::Set(_) | Transform::Program(_) => written(job),
        },
        only: job.text.only.clone(),
        keep_undo: false,
    }
}

/// What each column gets. A program says that itself: what counts then is `only`, and a column gets
/// what it has.
fn written(job: &Job) -> BTreeMap<String, String> {
    match job.transform() {
        Transform::Set(set) => set.clone(),
        Transform::Query(_) | Transform::Program(_) => {
            let columns = job.text.columns().into_iter();
            columns
                .map(|it| (it.to_owned(), postgres_name(it)))
                .collect()
        }
    }
}

fn run(client: &mut Client, sql: &str) -> Result<(), ChangeError> {
    client.batch_execute(sql).map_err(at(sql))
}

fn number(client: &mut Client, table: &str) -> Result<u32, ChangeError> {
    oid(client, table)?.ok_or_else(|| ChangeError::NoTable {
        table: table.to_owned(),
    })
}

fn facts(
    client: &mut Client,
    path: &[String],
    version: u32,
    job: &Job,
    fill: &Wanted,
) -> Result<TableFacts, ChangeError> {
    let number = number(client, &fill.table)?;
    let statements = Statements::of(job, Table::of(client, path, version, fill, None)?)?;
    let table = &statements.table;
    let written: Vec<&str> = fill.set.keys().map(String::as_str).collect();
    let mut facts = qualified(client, path, |client| {
        storage::refused(client, number, &written)?.map_err(|reason| ChangeError::Unfit {
            table: fill.table.clone(),
            reason,
        })?;
        let mut facts = TableFacts::of_empty(Engine::Postgres, version, &table.full);
        facts.rows = table.rows();
        facts.key = keys(client, number, table)?;
        storage::read(client, number, &written, &mut facts)?;
        facts.not_copied = shadow::against(client, number, &written, "")?;
        (facts.horizon, facts.sessions_hidden) = horizon::read(client, version)?;
        Ok(facts)
    })?;
    let updates = match &statements.asked {
        Some(asked) => queries::check(client, &statements, asked, fill)?,
        None => expressions::check(client, table, fill)?,
    };
    facts.identity_missing |= !updates;
    sample::take(client, &statements, fill, &mut facts)?;
    Ok(facts)
}

pub(super) fn marks(
    client: &mut Client,
    path: &[String],
    version: u32,
    fill: &Wanted,
    key: &[String],
) -> Result<Marks, ChangeError> {
    let number = number(client, &fill.table)?;
    let begun_by = (!key.is_empty()).then_some(key);
    // Where it fails settings of its own are left.
    run(client, "SAVEPOINT switchback_key")?;
    let table = match Table::of(client, path, version, fill, begun_by) {
        Err(ChangeError::Unfit {
            reason: Unfit::OtherKey { .. },
            ..
        }) => {
            run(client, "ROLLBACK TO switchback_key")?;
            Table::of(client, path, version, fill, Some(&[]))?
        }
        other => other?,
    };
    let written: Vec<&str> = fill.set.keys().map(String::as_str).collect();
    let facts = qualified(client, path, |client| {
        let mut facts = TableFacts::of_empty(Engine::Postgres, version, &table.full);
        facts.key = keys(client, number, &table)?;
        storage::read_watched(client, number, &written, &mut facts)?;
        (facts.horizon, facts.sessions_hidden) = horizon::read(client, version)?;
        Ok(facts)
    })?;
    Ok(Marks::of(&facts))
}

/// The columns of the key, with how many values each has by the last look at the table.
fn keys(client: &mut Client, number: u32, table: &Table) -> Result<Vec<KeyColumn>, ChangeError> {
    let sql = "
        SELECT s.attname::text, CASE WHEN s.n_distinct < 0
                THEN -s.n_distinct * greatest(c.reltuples, 0) ELSE s.n_distinct END::float8
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
                AND s.inherited = (c.relkind = 'p')
        WHERE c.oid = $1 AND s.n_distinct <> 0";
    let rows = client.query(sql, &[&number]).map_err(at(sql))?;
    let mut counted = Vec::new();
    for row in rows {
        let name: String = row.try_get(0).map_err(at(sql))?;
        let distinct: f64 = row.try_get(1).map_err(at(sql))?;
        counted.push((name, distinct));
    }
    let column = |it: &super::table::KeyColumn| KeyColumn {
        name: it.name.clone(),
        integer: it.integer,
        distinct: counted
            .iter()
            .find(|(name, _)| *name == it.name)
            .map(|(_, distinct)| *distinct),
    };
    Ok(table.key.iter().map(column).collect())
}
