//! A connection of the code: prepared statements, each in a transaction of its own.

use std::collections::HashMap;

use postgres::types::ToSql;
use postgres::{Client, Config, NoTls};

use super::CODE;
use crate::postgres::error::PgError;
use crate::rehearsal::bench::Connection;

/// How long a statement of the code may take. One that waits for longer is as good as an error.
const STATEMENT_TIMEOUT: &str = "SET statement_timeout = '30s'";

pub(super) struct Code {
    client: Client,
    prepared: HashMap<String, postgres::Statement>,
}

impl Code {
    pub(super) fn open(config: &Config) -> Result<Self, PgError> {
        let mut config = config.clone();
        config.application_name(CODE);
        let mut client = config
            .connect(NoTls)
            .map_err(|source| PgError::Unreachable {
                database: config.get_dbname().unwrap_or_default().to_owned(),
                source,
            })?;
        client
            .batch_execute(STATEMENT_TIMEOUT)
            .map_err(|error| PgError::of(error, STATEMENT_TIMEOUT))?;
        Ok(Self {
            client,
            prepared: HashMap::new(),
        })
    }

    /// Begins a transaction, or ends one without a trace.
    pub(super) fn tell(&mut self, sql: &str) -> Result<(), PgError> {
        self.client
            .batch_execute(sql)
            .map_err(|error| PgError::of(error, sql))
    }

    fn prepare(&mut self, sql: &str) -> Result<postgres::Statement, String> {
        if let Some(known) = self.prepared.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).map_err(|it| said(&it))?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn parameters(values: &[Option<String>]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|it| it as &(dyn ToSql + Sync)).collect()
}

/// What the server says, in one line.
pub(super) fn said(error: &postgres::Error) -> String {
    let Some(told) = error.as_db_error() else {
        return error.to_string();
    };
    let mut text = told.message().to_owned();
    if let Some(detail) = told.detail() {
        text.push_str(&format!(" ({detail})"));
    }
    format!("{text} [{}]", told.code().code())
}

impl Connection for Code {
    fn play(&mut self, sql: &str) -> Result<(), String> {
        let mut done = self.client.batch_execute("BEGIN");
        if done.is_ok() {
            done = self.client.simple_query(sql).map(|_| ());
        }
        if done.is_ok() {
            done = self.client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE");
        }
        let back = self.client.batch_execute("ROLLBACK");
        done.and(back).map_err(|it| said(&it))
    }

    fn run(&mut self, sql: &str, values: &[Option<String>]) -> Result<u64, String> {
        let prepared = self.prepare(sql)?;
        self.client
            .execute(&prepared, &parameters(values))
            .map_err(|it| said(&it))
    }

    fn read(
        &mut self,
        sql: &str,
        values: &[Option<String>],
    ) -> Result<Option<Vec<Option<String>>>, String> {
        if values.is_empty() {
            // Numbers come as text here.
            let answer = self.client.simple_query(sql).map_err(|it| said(&it))?;
            return Ok(answer.into_iter().find_map(|message| match message {
                postgres::SimpleQueryMessage::Row(row) => Some(
                    (0..row.len())
                        .map(|at| row.get(at).map(str::to_owned))
                        .collect(),
                ),
                _ => None,
            }));
        }
        let prepared = self.prepare(sql)?;
        let found = self
            .client
            .query_opt(&prepared, &parameters(values))
            .map_err(|it| said(&it))?;
        Ok(found.map(|row| (0..row.len()).map(|at| row.get(at)).collect()))
    }
}
