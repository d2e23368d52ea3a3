//! Tools that keep a folder for each migration.

use super::files::{Build, Files, Id};
use crate::history::order::Key;
use crate::history::path::{base, join, parent};
use crate::history::{Candidate, ProblemKind, Tool, Wrapped};

/// Diesel: `<version>_<name>/up.sql` and `down.sql`, in the order of the bytes of versions, from
/// which `-` is taken out. Each runs in a transaction unless `metadata.toml` beside it says
/// otherwise; one that is there and does not say `run_in_transaction` says otherwise, and one that
/// is no TOML says nothing. Empty files are refused.
/// <https://github.com/diesel-rs/diesel/blob/04cc1b0b/diesel_migrations/migrations_internals/src/lib.rs>,
/// <https://github.com/diesel-rs/diesel/blob/04cc1b0b/diesel_migrations/src/file_based_migrations.rs>
pub(super) fn diesel<'a>(
    candidate: &Candidate,
    files: &Files<'a>,
    contents: &impl Fn(&str) -> Option<&'a [u8]>,
    build: &mut Build,
) {
    for file in files.sql.iter().copied() {
        let folder = parent(file.path);
        if folder == candidate.path {
            build.misnamed(
                file,
                "Diesel reads folders with `up.sql`, and passes files over",
            );
            continue;
        }
        let (version, name) = base(folder).split_once('_').unwrap_or((base(folder), ""));
        let version = version.replace('-', "");
        let metadata = contents(&join(folder, "metadata.toml"));
        let wrap = if metadata.is_none_or(in_transaction) {
            Wrapped::Transaction
        } else {
            Wrapped::OneMessage
        };
        let id = Id::new(Key::Text(version.clone()), version, name);
        let part = build.whole(file, wrap);
        if file.bytes.is_some_and(<[u8]>::is_empty) {
            let tool = Tool::Diesel.title();
            build.problem(file.path, ProblemKind::Empty { tool });
        }
        match file.name {
            "up.sql" => drop(build.up(id, part)),
            "down.sql" => build.down(id, part),
            _ => {}
        }
    }
}

/// What `metadata.toml` says of the transaction.
fn in_transaction(bytes: &[u8]) -> bool {
    let table = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse::<toml::Table>().ok());
    match table.as_ref().map(|table| table.get("run_in_transaction")) {
        Some(Some(toml::Value::Boolean(value))) => *value,
        Some(None) => false,
        Some(Some(_)) | None => true,
    }
}

/// Prisma: `<name>/migration.sql`, in the order in which JavaScript compares names. (Engines that
/// listed the folders themselves compared bytes; the difference is where `_` meets a digit, and in
/// capitals.) The name of the folder is what Prisma knows a migration by. Each is sent whole.
/// <https://github.com/prisma/prisma/blob/0572e06c/packages/migrate/src/utils/listMigrations.ts>,
/// <https://github.com/prisma/prisma-engines/blob/3dd25f3c/schema-engine/connectors/sql-schema-connector/src/flavour/postgres/connector/native/mod.rs>
pub(super) fn prisma(files: &Files<'_>, build: &mut Build) {
    for file in files.sql.iter().copied() {
        let folder = base(parent(file.path));
        if file.name != "migration.sql" {
            build.misnamed(
                file,
                "Prisma reads `migration.sql` in a folder for each migration",
            );
            continue;
        }
        let name = folder.split_once('_').map_or("", |(_, name)| name);
        let part = build.whole(file, Wrapped::OneMessage);
        build.up(Id::new(Key::collated(folder), folder, name), part);
    }
}

#[cfg(test)]
mod tests {
    use super::in_transaction;

    #[test]
    fn metadata_is_read_as_diesel_does() {
        assert!(in_transaction(b"run_in_transaction = true"));
        assert!(!in_transaction(b"run_in_transaction = false"));
        assert!(!in_transaction(b""));
        assert!(!in_transaction(b"# nothing said"));
        assert!(in_transaction(b"run_in_transaction = 'no'"));
        assert!(in_transaction(b"run_in_transaction: false"));
        assert!(in_transaction(b"\xff"));
    }
}
