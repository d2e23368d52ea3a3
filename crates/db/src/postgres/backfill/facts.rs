//! What a catalog says of the table of a backfill, read in one transaction that changes nothing.
//!
//! Whether the expressions mean anything over its rows, and whether this role may do it, is asked of
//! the server with `EXPLAIN`, which checks all that and does nothing.

mod expressions;
mod horizon;
mod sample;
mod storage;

use postgres::Client;
use switchback_migration::backfill::facts::KeyColumn;
use switchback_migration::backfill::strategy::Marks;
use switchback_migration::backfill::{Job, TableFacts};
use switchback_migration::engine::Engine;
use switchback_model::plan::Fill;
use switchback_model::{ChangeId, StepName};

use crate::postgres::PostgresDatabase;
use crate::postgres::change::ChangeError;
use crate::postgres::change::Unfit;
use crate::postgres::change::error::at;
use crate::postgres::change::fill::table::Table;
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
        let fill = as_fill(job)?;
        self.read(|client, path| facts(client, path, version, &fill))
    }

    /// What a running backfill must watch of its table; `key` is the one that it was begun by, and
    /// no key is there any more if that one is gone.
    ///
    /// # Errors
    /// [`ChangeError::NoTable`], [`ChangeError::NoColumn`], [`ChangeError::Unfit`]; or if the
    /// database cannot be read.
    pub fn backfill_marks(&mut self, job: &Job, key: &[String]) -> Result<Marks, ChangeError> {
        let version = self.version();
        let fill = as_fill(job)?;
        self.read(|client, path| marks(client, path, version, &fill, key))
    }
}

/// The backfill as the fill of a change, which has the same table, columns and rows. That former
/// values are kept is looked at by whoever chooses.
pub(super) fn as_fill(job: &Job) -> Result<Fill, ChangeError> {
    let unexpected = |_| ChangeError::Unexpected {
        question: "the name of a backfill".to_owned(),
    };
    Ok(Fill {
        change: ChangeId::new(job.id.as_str()).map_err(unexpected)?,
        step: StepName::new("backfill").map_err(unexpected)?,
        table: job.text.table.clone(),
        set: job.text.set.clone(),
        only: job.text.only.clone(),
        batch_rows: 1000,
        keep_undo: false,
    })
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
    fill: &Fill,
) -> Result<TableFacts, ChangeError> {
    let number = number(client, &fill.table)?;
    let table = Table::of(client, path, version, fill, None)?;
    let written: Vec<&str> = fill.set.keys().map(String::as_str).collect();
    let mut facts = qualified(client, path, |client| {
        storage::refused(client, number, &written)?.map_err(|reason| ChangeError::Unfit {
            table: fill.table.clone(),
            reason,
        })?;
        let mut facts = TableFacts::of_empty(Engine::Postgres, version, &table.full);
        facts.rows = table.rows();
        facts.key = keys(client, number, &table)?;
        storage::read(client, number, &written, &mut facts)?;
        (facts.horizon, facts.sessions_hidden) = horizon::read(client, version)?;
        Ok(facts)
    })?;
    facts.identity_missing |= !expressions::check(client, &table, fill)?;
    sample::take(client, &table, fill, &mut facts)?;
    Ok(facts)
}

pub(super) fn marks(
    client: &mut Client,
    path: &[String],
    version: u32,
    fill: &Fill,
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
    let column = |it: &crate::postgres::change::fill::table::KeyColumn| KeyColumn {
        name: it.name.clone(),
        integer: it.integer,
        distinct: counted
            .iter()
            .find(|(name, _)| *name == it.name)
            .map(|(_, distinct)| *distinct),
    };
    Ok(table.key.iter().map(column).collect())
}
