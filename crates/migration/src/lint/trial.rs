//! What is found in a few migrations of PostgreSQL, for unit tests.

use std::collections::BTreeMap;

use super::{Finding, Input, Options, Source, check};
use crate::Engine;
use crate::history::{Folder, Migration, Part, Tool, Wrapped};

/// The findings of migrations, each in one transaction. The version and the file of each is its
/// number, from 1.
pub(super) fn findings(migrations: &[&str], options: &Options) -> Vec<Finding> {
    let mut folder = Folder::new("", Tool::Plain, Some(Engine::Postgres));
    let mut sources = BTreeMap::new();
    for (before, sql) in migrations.iter().enumerate() {
        let file = (before + 1).to_string();
        let part = Part::new(&file, 0..sql.len(), Wrapped::Transaction);
        folder.migrations.push(Migration::new(&file, "m", part));
        let source = Source {
            text: Some((*sql).to_owned()),
            statements: crate::sql::parse(sql, Engine::Postgres),
        };
        sources.insert(file, source);
    }
    let input = Input {
        folder: &folder,
        sources: &sources,
    };
    check(&input, options).findings
}
