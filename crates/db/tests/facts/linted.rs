//! What the lint says of a case, as a migration of its own on a schema that is there.

use std::collections::{BTreeMap, BTreeSet};

use switchback_migration::Engine;
use switchback_migration::history::{Folder, Migration, Part, Tool, Wrapped};
use switchback_migration::lint::{Input, Options, Source, check};
use switchback_migration::schema::Schema;
use switchback_migration::sql::parse;

/// The codes of findings that say that somebody waits for work that grows with a table. A column
/// that demands a value and has none is reported for the worse of it: it fails at the first row.
const BLOCKING: &[&str] = &[
    "SB1001", "SB1002", "SB1003", "SB1004", "SB1005", "SB1006", "SB1007", "SB1008", "SB1105",
];

/// The codes that were found, each once.
pub(crate) fn codes(sql: &str, alone: bool, schema: &Schema, major: u32) -> BTreeSet<String> {
    let file = "1_case.sql";
    let wrapped = if alone {
        Wrapped::Nothing
    } else {
        Wrapped::Transaction
    };
    let mut folder = Folder::new("", Tool::Plain, Some(Engine::Postgres));
    let up = Part::new(file, 0..sql.len(), wrapped);
    folder.migrations.push(Migration::new("1", "case", up));
    let source = Source {
        text: Some(sql.to_owned()),
        statements: parse(sql, Engine::Postgres),
    };
    let sources = BTreeMap::from([(file.to_owned(), source)]);
    let input = Input {
        folder: &folder,
        sources: &sources,
    };
    let options = Options {
        schema: schema.clone(),
        ..Options::new(major)
    };
    let report = check(&input, &options);
    let codes = report.findings.iter().map(|it| it.code.to_string());
    codes.collect()
}

/// Whether one of them says that somebody waits for work that grows with a table.
pub(crate) fn is_blocking(codes: &BTreeSet<String>) -> bool {
    codes.iter().any(|it| BLOCKING.contains(&it.as_str()))
}

/// Whether one of them says that something is not known.
pub(crate) fn is_unknown(codes: &BTreeSet<String>) -> bool {
    codes.iter().any(|it| it == "SB1016" || it == "SB1017")
}
