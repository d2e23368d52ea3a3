//! What SQL will lock and work on, in words, before anybody runs it: from what the database says
//! about its tables, statement by statement.
//!
//! Deliberately absent: how long anything takes.

pub(super) mod postgres;
mod sqlite;

pub(crate) use switchback_migration::words::bytes as human;

use std::collections::BTreeMap;

use switchback_migration::definition::{Step, Work};
use switchback_migration::schema::Schema;
use switchback_migration::words::grouped;
use switchback_model::plan::Run;
use switchback_model::{Effect, PlannedStep};

/// What is known of a database.
pub(crate) enum Known {
    /// Of a PostgreSQL server.
    Postgres {
        /// Everything that it holds.
        schema: Box<Schema>,
        /// The server's major version.
        major: u32,
    },
    /// Of a SQLite file: how many rows its tables have, by name in lower case.
    Sqlite(BTreeMap<String, Rows>),
}

/// How many rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// So many.
    Exactly(u64),
    /// More than so many; nobody counted on.
    MoreThan(u64),
}

/// One statement, and what it does while it runs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Statement {
    /// The statement; empty where it is a fill.
    pub(crate) sql: String,
    /// Where it ends in its script, in bytes.
    #[serde(skip)]
    pub(crate) end: usize,
    /// What it locks, what it reads and writes, a line each; nothing where that is nothing to speak
    /// of.
    pub(crate) does: Vec<String>,
}

impl Known {
    /// The statements of a script. What they change is known from then on.
    pub(crate) fn script(&mut self, sql: &str, run: Run) -> Vec<Statement> {
        match self {
            Known::Postgres { schema, major } => postgres::script(schema, *major, sql, run),
            Known::Sqlite(rows) => sqlite::script(rows, sql, run),
        }
    }

    /// A fill, or taking one back.
    pub(crate) fn fill(&self, table: &str) -> String {
        match self {
            Known::Postgres { schema, .. } => postgres::fill(schema, table),
            Known::Sqlite(rows) => sqlite::fill(rows, table),
        }
    }

    /// What a step of a change does, each line once.
    pub(crate) fn step(&mut self, step: &Step) -> Vec<String> {
        let Work::Database { script, fill } = &step.work else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        if let Some(script) = script {
            lines = each_once(&self.script(&script.up.sql, script.run));
        }
        if let Some(fill) = fill {
            lines.push(self.fill(&fill.table));
        }
        if lines.is_empty() {
            lines.push("nothing to speak of".to_owned());
        }
        lines
    }

    /// What the steps of a plan do, statement by statement; none where it is no SQL.
    pub(crate) fn plan(&mut self, steps: &[PlannedStep]) -> Vec<Vec<Statement>> {
        let one = |step: &PlannedStep| match &step.effect {
            Effect::Script(script) => self.script(&script.sql, script.run),
            Effect::Fill(fill) | Effect::Unfill(fill) => vec![Statement {
                sql: String::new(),
                end: 0,
                does: vec![self.fill(&fill.table)],
            }],
            Effect::MoveValue(_) => Vec::new(),
        };
        steps.iter().map(one).collect()
    }
}

fn each_once(statements: &[Statement]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in statements.iter().flat_map(|it| &it.does) {
        if !lines.contains(line) {
            lines.push(line.clone());
        }
    }
    lines
}

/// `1 row`, `1,240,000 rows`.
fn rows_of(number: u64) -> String {
    match number {
        1 => "1 row".to_owned(),
        number => format!("{} rows", grouped(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_240_000), "1,240,000");
        assert_eq!(rows_of(1), "1 row");
    }
}
