//! What tools write down in a database of the migrations that they have applied, held against a
//! folder: what is applied, in part, edited since, or not in the folder any more.
//!
//! | Tool | Table | Source |
//! |---|---|---|
//! | sqlx | `_sqlx_migrations` | <https://github.com/launchbadge/sqlx/blob/9d6bf662/sqlx-postgres/src/migrate.rs> |
//! | Diesel | `__diesel_schema_migrations` | <https://github.com/diesel-rs/diesel/blob/04cc1b0b/diesel/src/migration/setup_migration_table.sql> |
//! | golang-migrate | `schema_migrations`: one row with the last version | <https://github.com/golang-migrate/migrate/blob/18966c75/database/postgres/postgres.go> |
//! | dbmate | `schema_migrations` | <https://github.com/amacneil/dbmate/blob/f3e08f15/pkg/driver/postgres/postgres.go> |
//! | goose | `goose_db_version`: the last row of a version counts | <https://github.com/pressly/goose/blob/520411a1/internal/dialects/postgres.go> |
//! | Flyway | `flyway_schema_history` | <https://github.com/flyway/flyway/blob/c5e20fc7/flyway-core/src/main/java/org/flywaydb/core/api/CoreMigrationType.java> |
//! | refinery | `refinery_schema_history` | <https://github.com/rust-db/refinery/blob/14354f54/refinery_core/src/runner.rs> |
//! | Prisma | `_prisma_migrations` | <https://github.com/prisma/prisma-engines/blob/48784dc4/schema-engine/connectors/schema-connector/src/migration_persistence.rs> |
//! | Atlas | `atlas_schema_revisions` | <https://github.com/ariga/atlas/blob/a5e0aecc/cmd/atlas/internal/migrate/ent/schema/revision.go> |
//! | Supabase | `supabase_migrations.schema_migrations` | its command line makes the table |
//!
//! Tables of other names, which most tools allow, are not found.
//!
//! Deliberately absent: databases. Whoever has one asks it [`Record::sql`].

use std::collections::BTreeMap;

use super::atlas;
use super::checksum::{is_checksum_of, refinery};
use super::order::{Key, Number};
use super::{Folder, Migration, Tool};

/// Where a tool writes down what it has applied, on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The name of the table, which may be in any schema.
    pub table: &'static str,
    /// What to ask: each row is a version, a name, a [`State`] as its word and a checksum, all as
    /// text and the last three perhaps NULL. `{table}` stands for the table's name in SQL.
    pub sql: &'static str,
}

/// The record of a tool; none where it is not known.
pub const fn record(tool: Tool) -> Option<Record> {
    let (table, sql) = match tool {
        Tool::Sqlx => (
            "_sqlx_migrations",
            "SELECT version::text, description, CASE WHEN success THEN 'done' ELSE 'part' END,
                 encode(checksum, 'hex') FROM {table} ORDER BY version",
        ),
        Tool::Diesel => (
            "__diesel_schema_migrations",
            "SELECT version, NULL, 'done', NULL FROM {table} ORDER BY version",
        ),
        Tool::GolangMigrate => (
            "schema_migrations",
            "SELECT version::text, NULL, CASE WHEN dirty THEN 'part' ELSE 'done' END, NULL
             FROM {table} LIMIT 1",
        ),
        Tool::Dbmate | Tool::Supabase => (
            "schema_migrations",
            "SELECT version, NULL, 'done', NULL FROM {table} ORDER BY version",
        ),
        Tool::Goose => (
            "goose_db_version",
            "SELECT version_id::text, NULL, CASE WHEN is_applied THEN 'done' ELSE 'undone' END, NULL
             FROM {table} WHERE version_id > 0 ORDER BY id",
        ),
        Tool::Flyway => (
            "flyway_schema_history",
            "SELECT coalesce(version, ''), description,
                 CASE WHEN NOT success THEN 'part' WHEN type IN ('UNDO_SQL', 'DELETE') THEN 'undone'
                     WHEN type LIKE '%BASELINE%' THEN 'baseline' ELSE 'done' END,
                 checksum::text
             FROM {table} WHERE type <> 'SCHEMA' ORDER BY installed_rank",
        ),
        Tool::Refinery => (
            "refinery_schema_history",
            "SELECT version::text, name, 'done', checksum FROM {table} ORDER BY version",
        ),
        Tool::Prisma => (
            "_prisma_migrations",
            "SELECT migration_name, NULL,
                 CASE WHEN rolled_back_at IS NOT NULL THEN 'undone'
                     WHEN finished_at IS NULL THEN 'part' ELSE 'done' END,
                 checksum
             FROM {table} ORDER BY started_at",
        ),
        Tool::Atlas => (
            "atlas_schema_revisions",
            "SELECT version, description,
                 CASE WHEN type & 1 = 1 THEN 'baseline'
                     WHEN applied < total OR error <> '' THEN 'part' ELSE 'done' END,
                 hash
             FROM {table} WHERE version NOT LIKE '.%' ORDER BY version",
        ),
        Tool::SqlMigrate | Tool::Drizzle | Tool::NodePgMigrate | Tool::Plain => return None,
    };
    Some(Record { table, sql })
}

/// What a tool says of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is applied.
    Done,
    /// It was begun, and did not come to its end.
    Part,
    /// It was taken back, or struck out.
    Undone,
    /// The database began with everything up to it.
    Baseline,
}

impl State {
    /// The state that a record has for this word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "done" => Some(State::Done),
            "part" => Some(State::Part),
            "undone" => Some(State::Undone),
            "baseline" => Some(State::Baseline),
            _ => None,
        }
    }
}

/// One row of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The version, as the tool writes it; empty for a repeatable migration.
    pub version: String,
    /// The name, where the tool writes one.
    pub name: String,
    /// What it says.
    pub state: State,
    /// The checksum as text, where the tool writes one.
    pub checksum: Option<String>,
}

/// How a database stands to a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The migrations that are applied, as places in the folder's list.
    pub applied: Vec<usize>,
    /// Those that the tool would apply next, as places in the folder's list, in its order.
    pub pending: Vec<usize>,
    /// Where the two do not fit, in the order of the record.
    pub misfits: Vec<Misfit>,
}

/// A place where a database does not fit the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The version.
    pub version: String,
    /// The name, where one is known.
    pub name: String,
    /// The file, where there is one.
    pub file: Option<String>,
    /// What does not fit.
    pub kind: MisfitKind,
}

/// In what way a database does not fit a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MisfitKind {
    /// It was begun, and did not come to its end.
    InPart,
    /// The file is not what was applied.
    Edited,
    /// It is applied, and the folder does not have it.
    NotInFolder,
}

/// Holds a record against the folder. `contents` gives the bytes of a file.
pub fn standing<'a>(
    folder: &Folder,
    rows: &[Row],
    contents: impl Fn(&str) -> Option<&'a [u8]>,
) -> Standing {
    let tool = folder.tool;
    let mut standing = Standing::default();
    // A later row of a version takes the place of an earlier one.
    let mut last: Vec<&Row> = Vec::new();
    for row in rows {
        last.retain(|it| !is_same(tool, it, row));
        last.push(row);
    }
    let place = |row: &Row| {
        let all = folder.migrations.iter();
        let mut found = all.enumerate().filter(|(_, it)| is_of(tool, row, it));
        found.next().map(|(place, _)| place)
    };
    let edited = Edited::new(folder, &contents);
    let mut states: BTreeMap<usize, State> = BTreeMap::new();
    for row in last.into_iter().filter(|row| row.state != State::Undone) {
        let found = place(row);
        let migration = found.and_then(|place| folder.migrations.get(place));
        let mut misfit = |kind: MisfitKind| {
            standing.misfits.push(Misfit {
                version: row.version.clone(),
                name: migration.map_or_else(|| row.name.clone(), |it| it.name.clone()),
                file: migration.map(|it| it.up.file.clone()),
                kind,
            });
        };
        match (found, migration) {
            (Some(place), Some(migration)) => {
                // What is begun and not ended may well differ: somebody mends it.
                if row.state == State::Part {
                    misfit(MisfitKind::InPart);
                } else if edited.is(migration, row) {
                    misfit(MisfitKind::Edited);
                }
                states.insert(place, row.state);
            }
            _ if row.state == State::Part => misfit(MisfitKind::InPart),
            // A baseline is often only a number.
            _ if row.state == State::Baseline => {}
            _ => misfit(MisfitKind::NotInFolder),
        }
        if found.is_none() && (row.state == State::Baseline || tool == Tool::GolangMigrate) {
            for (place, it) in folder.migrations.iter().enumerate() {
                if !it.repeatable && is_until(tool, &it.version, &row.version) {
                    states.insert(place, row.state);
                }
            }
        }
    }
    // Everything up to a baseline counts, and with golang-migrate everything up to its one version.
    let until = states
        .iter()
        .rev()
        .find(|(_, state)| tool == Tool::GolangMigrate || **state == State::Baseline);
    let until = until.map(|(place, _)| *place);
    for (place, migration) in folder.migrations.iter().enumerate() {
        if states.contains_key(&place) || until.is_some_and(|until| place <= until) {
            standing.applied.push(place);
        } else if !migration.baseline {
            standing.pending.push(place);
        }
    }
    if !standing.applied.is_empty() {
        return standing;
    }
    // Nothing is applied: it begins as on an empty database.
    let first = folder.migrations.iter().rposition(|it| it.baseline);
    if let Some(first) = first {
        standing.pending = (first..folder.migrations.len()).collect();
    }
    standing
}

/// Whether two rows are of one migration.
fn is_same(tool: Tool, one: &Row, other: &Row) -> bool {
    is_same_version(tool, &one.version, &other.version)
        && (!one.version.is_empty() || one.name == other.name)
}

/// Whether a row is of a migration.
fn is_of(tool: Tool, row: &Row, migration: &Migration) -> bool {
    if migration.repeatable || row.version.is_empty() {
        let words = |name: &str| name.replace('_', " ");
        return migration.repeatable
            && row.version.is_empty()
            && words(&row.name) == words(&migration.name);
    }
    is_same_version(tool, &row.version, &migration.version)
}

fn is_same_version(tool: Tool, one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match tool {
        Tool::Flyway => {
            let (one, other) = (Key::dotted(one), Key::dotted(other));
            one.is_some() && one == other
        }
        Tool::Sqlx | Tool::GolangMigrate | Tool::Goose | Tool::Refinery => {
            let (one, other) = (Number::parse(one), Number::parse(other));
            one.is_some() && one == other
        }
        _ => false,
    }
}

/// Whether a version comes before another, or is it.
fn is_until(tool: Tool, version: &str, last: &str) -> bool {
    match tool {
        Tool::Flyway => match (Key::dotted(version), Key::dotted(last)) {
            (Some(version), Some(last)) => version <= last,
            _ => false,
        },
        Tool::GolangMigrate => match (Number::parse(version), Number::parse(last)) {
            (Some(version), Some(last)) => version <= last,
            _ => false,
        },
        _ => version <= last,
    }
}

/// Tells whether files are what was applied.
struct Edited<'f, 'a, F: Fn(&str) -> Option<&'a [u8]>> {
    folder: &'f Folder,
    contents: &'f F,
    /// What Atlas would write down of each file now; the first that differs.
    atlas: Vec<(String, String)>,
}

impl<'f, 'a, F: Fn(&str) -> Option<&'a [u8]>> Edited<'f, 'a, F> {
    fn new(folder: &'f Folder, contents: &'f F) -> Self {
        let mut files: Vec<(&str, &[u8])> = Vec::new();
        if folder.tool == Tool::Atlas {
            for it in &folder.migrations {
                let name = it.up.file.rsplit('/').next().unwrap_or(&it.up.file);
                files.extend(contents(&it.up.file).map(|bytes| (name, bytes)));
            }
            files.sort_unstable_by_key(|(name, _)| *name);
        }
        Self {
            folder,
            contents,
            atlas: atlas::hashes(&files),
        }
    }

    fn is(&self, migration: &Migration, row: &Row) -> bool {
        let (Some(stored), Some(bytes)) = (&row.checksum, (self.contents)(&migration.up.file))
        else {
            return false;
        };
        match self.folder.tool {
            // Of a repeatable one Flyway takes placeholders out first, and runs it again if it was
            // edited.
            Tool::Flyway if migration.repeatable || row.state == State::Baseline => false,
            Tool::Refinery => {
                let name = &migration.name;
                !refinery(name, &migration.version, bytes).contains(stored)
            }
            Tool::Atlas => {
                let stored = stored.trim_start_matches("h1:");
                let name = migration.up.file.rsplit('/').next().unwrap_or_default();
                let mine = self.atlas.iter().find(|(file, _)| file == name);
                // Each hash is made of all before it: only the first edit can be told from it.
                !stored.is_empty() && mine.is_some_and(|(_, hash)| hash != stored)
            }
            tool => is_checksum_of(tool, bytes, stored) == Some(false),
        }
    }
}

#[cfg(test)]
mod tests;
