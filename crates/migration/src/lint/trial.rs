//! What is found in a few migrations of PostgreSQL, for unit tests.

use std::collections::BTreeMap;

use super::{Finding, Input, Options, Report, Sections, Source, check, settle};
use crate::Engine;
use crate::history::{Folder, Migration, Part, Tool, Wrapped};

/// The findings of migrations, each in one transaction. The version and the file of each is its
/// number, from 1.
pub(super) fn findings(migrations: &[&str], options: &Options) -> Vec<Finding> {
    let ups: Vec<_> = migrations.iter().map(|up| (*up, None)).collect();
    let (folder, sources) = folder(&ups);
    let input = Input {
        folder: &folder,
        sources: &sources,
    };
    check(&input, options).findings
}

/// What comes of judging migrations, with ways down, in so many sections.
pub(super) fn in_sections(
    migrations: &[(&str, Option<&str>)],
    options: &Options,
    sections: usize,
) -> Report {
    let (folder, sources) = folder(migrations);
    let input = Input {
        folder: &folder,
        sources: &sources,
    };
    // The last first: each knows for itself what is so before it.
    let sections: Vec<_> = Sections::new(&input, options, sections).collect();
    let mut judged: Vec<_> = sections.into_iter().rev().map(|it| it.judge()).collect();
    judged.reverse();
    settle(&input, options, judged)
}

fn folder(migrations: &[(&str, Option<&str>)]) -> (Folder, BTreeMap<String, Source>) {
    let mut folder = Folder::new("", Tool::Plain, Some(Engine::Postgres));
    let mut sources = BTreeMap::new();
    let mut part = |file: String, sql: &str| {
        let part = Part::new(&file, 0..sql.len(), Wrapped::Transaction);
        let source = Source {
            text: Some(sql.to_owned()),
            statements: crate::sql::parse(sql, Engine::Postgres),
        };
        sources.insert(file, source);
        part
    };
    for (before, (up, down)) in migrations.iter().enumerate() {
        let number = (before + 1).to_string();
        let mut migration = Migration::new(&number, "m", part(number.clone(), up));
        migration.down = down.map(|down| part(format!("{number}.down"), down));
        folder.migrations.push(migration);
    }
    (folder, sources)
}
