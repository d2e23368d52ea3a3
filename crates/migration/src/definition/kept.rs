//! What the contract of a change keeps aside instead of destroying it.
//!
//! A column or a table that goes gets another name and stays where it is: its way back is another
//! renaming, which restores every value of every row that is still there, takes no time, and needs
//! no copy that could differ. Rows that are written meanwhile have its default.

use super::{Definition, Operation, Work};
use crate::engine::Engine;
use crate::sql;
use crate::sql::ir::Name;
use crate::{postgres, sqlite};

/// Something that a contract keeps aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The table that has it or that it is, as it stands in SQL.
    pub table: String,
    /// The column; none where it is the whole table.
    pub column: Option<String>,
    /// What it was, for people: `users.fax`.
    pub was: String,
    /// The SQL that destroys it, for whoever will not go back any more.
    pub drop_sql: String,
}

impl Definition {
    /// What the contract keeps aside, in order. Nothing where the new shape holds all of it.
    pub fn kept(&self) -> Vec<Kept> {
        let surface = &self.surface;
        let named = |archive: &str| format!("{}{archive}", self.prefix());
        match self.operation {
            Operation::DropTable => vec![self.table(&named("archive"), surface.table.clone())],
            Operation::MergeTables => {
                let was = self.old_table().to_owned();
                let mut kept = self.table(&named("archive"), was);
                if let (Engine::Postgres, Some(key)) = (self.engine, self.beside(&named("key"))) {
                    kept.drop_sql.push_str(&format!(" DROP TABLE {key};"));
                }
                vec![kept]
            }
            Operation::DropColumn => {
                let was = surface.old.0.first();
                was.map(|was| self.column(named("archive"), was))
                    .into_iter()
                    .collect()
            }
            Operation::SplitColumn | Operation::MergeColumns | Operation::ChangeType => (1..)
                .zip(&surface.old.0)
                .map(|(number, was)| self.column(named(&format!("archive_{number}")), was))
                .collect(),
            // Where the application kept both columns in step, they may differ in some rows.
            Operation::RenameColumn if self.engine == Engine::Sqlite => {
                let archive = sqlite::rename::archive_of(self.id.as_str());
                let quoted = sqlite::text::name(&archive);
                let makes = self.makes(&format!("CREATE TABLE {quoted}"));
                let was = format!("what only {} held", self.shown_old());
                makes
                    .then(|| self.table(&archive, was))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a step's SQL has this in it.
    fn makes(&self, what: &str) -> bool {
        self.steps.iter().any(|step| {
            matches!(&step.work, Work::Database { script: Some(script), .. }
                if script.up.sql.contains(what))
        })
    }

    fn shown_old(&self) -> String {
        let old = self.surface.old.0.first().map_or("", String::as_str);
        format!("{}.{old}", self.surface.table)
    }

    fn column(&self, column: String, was: &str) -> Kept {
        let (table, quoted) = match self.engine {
            Engine::Postgres => (self.surface.table.clone(), postgres::names::name(&column)),
            Engine::Sqlite | Engine::Mysql => (
                sqlite::text::name(&self.surface.table),
                sqlite::text::name(&column),
            ),
        };
        // A trigger that supplies its value would stand in the way.
        let trigger = sqlite::text::name(&format!("{}default", self.prefix()));
        let supplied =
            self.engine == Engine::Sqlite && self.makes(&format!("CREATE TRIGGER {trigger} "));
        let first = if supplied {
            format!("DROP TRIGGER {trigger}; ")
        } else {
            String::new()
        };
        Kept {
            drop_sql: format!("{first}ALTER TABLE {table} DROP COLUMN {quoted};"),
            was: format!("{}.{was}", self.surface.table),
            table,
            column: Some(column),
        }
    }

    /// A name in the schema of what goes, as it stands in SQL.
    fn beside(&self, name: &str) -> Option<String> {
        let schema = sql::name_in(self.old_table())?.schema;
        let name = name.to_owned();
        Some(postgres::names::qualified(&Name { schema, name }))
    }

    fn table(&self, archive: &str, was: String) -> Kept {
        let table = match self.engine {
            Engine::Postgres => {
                let own = || postgres::names::name(archive);
                self.beside(archive).unwrap_or_else(own)
            }
            Engine::Sqlite | Engine::Mysql => sqlite::text::name(archive),
        };
        Kept {
            drop_sql: format!("DROP TABLE {table};"),
            table,
            column: None,
            was,
        }
    }
}
