//! Paths with forward slashes, and what folder names say.

use crate::engine::Engine;

/// A database by name: one that is read, or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Backend {
    /// One whose SQL is read.
    Known(Engine),
    /// Another, by the name that its makers write.
    Other(&'static str),
}

/// The last segment.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Everything before the last segment; empty for a path of one segment.
pub(super) fn parent(path: &str) -> &str {
    path.rfind('/')
        .and_then(|at| path.get(..at))
        .unwrap_or_default()
}

/// A path in a folder.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A path as seen from a folder that it is in.
pub(super) fn within<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    if folder.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(folder)?.strip_prefix('/')
    }
}

/// A path and all folders around it, the nearest first, down to the empty one.
pub(super) fn upwards(folder: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(folder);
    std::iter::from_fn(move || {
        let here = next?;
        next = (!here.is_empty()).then(|| parent(here));
        Some(here)
    })
}

/// How many steps lead from one folder to another.
pub(super) fn distance(from: &str, to: &str) -> usize {
    let segments = |path: &str| path.split('/').filter(|s| !s.is_empty()).count();
    let shared = from
        .split('/')
        .zip(to.split('/'))
        .take_while(|(a, b)| !a.is_empty() && a == b)
        .count();
    segments(from) + segments(to) - 2 * shared
}

/// Folders that hold what others wrote or what was made.
const VENDORED: [&str; 17] = [
    "node_modules",
    "bower_components",
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "thirdparty",
    "target",
    "dist",
    "venv",
    "site-packages",
    "__pycache__",
    "pods",
    "build/resources",
    "build/classes",
    "bin/main",
    "out/production",
];

/// Folders of test data and seeds.
const TEST_DATA: [&str; 16] = [
    "spec",
    "specs",
    "fixture",
    "fixtures",
    "__fixtures__",
    "__tests__",
    "mock",
    "mocks",
    "e2e",
    "seed",
    "seeds",
    "seeders",
    "seeding",
    "seed_data",
    "seed-data",
    "snapshots",
];

/// Whether a folder is not looked into: vendored, made, hidden, test data or seeds.
pub(super) fn left_out(folder: &str) -> bool {
    let lower = folder.to_ascii_lowercase();
    let mut last = "";
    lower.split('/').any(|segment| {
        let pair = format!("{last}/{segment}");
        last = segment;
        let hidden = segment.starts_with('.') && segment != "." && segment != "..";
        hidden
            || VENDORED.contains(&segment)
            || VENDORED.contains(&pair.as_str())
            || TEST_DATA.contains(&segment)
            || segment
                .split(['_', '-', '.', ' '])
                .any(|word| matches!(word, "test" | "tests" | "testdata" | "testing"))
    })
}

/// Whether the name of a folder says that it holds migrations, or that of the one around it and its
/// own says nothing else.
pub(super) fn for_migrations(folder: &str) -> bool {
    let named = |folder: &str| {
        let name = base(folder).to_ascii_lowercase();
        name.contains("migrat")
            || matches!(
                name.as_str(),
                "evolutions"
                    | "upgrade"
                    | "upgrades"
                    | "updates"
                    | "patches"
                    | "delta"
                    | "deltas"
                    | "schema-change"
                    | "schema-changes"
                    | "schema_changes"
            )
    };
    let neutral = |name: &str| {
        backend(name).is_some()
            || matches!(
                name,
                "sql" | "scripts" | "schema" | "versions" | "versioned" | "ddl" | "common" | "main"
            )
    };
    named(folder) || (neutral(base(folder)) && named(parent(folder)))
}

/// The database that a folder's name says that it is for, and the segment that says so. The nearest
/// segment counts, and one that names two says nothing.
pub(super) fn backend(folder: &str) -> Option<(Backend, &str)> {
    upwards(folder).map(base).find_map(|segment| {
        let mut found: Vec<Backend> = words(segment).iter().filter_map(|w| named(w)).collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [one] => Some((*one, segment)),
            _ => None,
        }
    })
}

/// The words of a segment, in lower case: `dbMigrations_pg` is `db`, `migrations`, `pg`.
fn words(segment: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in segment.chars() {
        let breaks = matches!(c, '_' | '-' | '.' | ' ') || (small && c.is_ascii_uppercase());
        small = c.is_ascii_lowercase();
        if breaks {
            words.push(String::new());
        }
        if !matches!(c, '_' | '-' | '.' | ' ')
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
    }
    // `PostgreSQL` and `MySQL` have capitals inside.
    words.push(segment.to_ascii_lowercase());
    words
}

/// The database of a name, as tools, packages and addresses write it, in lower case.
pub(super) fn named(word: &str) -> Option<Backend> {
    Some(match word {
        "postgres" | "postgresql" | "pg" | "psql" | "pgsql" | "pgx" | "pgx5" | "timescale"
        | "timescaledb" => Backend::Known(Engine::Postgres),
        "sqlite" | "sqlite3" | "sqlcipher" | "libsql" | "turso" => Backend::Known(Engine::Sqlite),
        "mysql" | "mysql2" | "mariadb" | "maria" => Backend::Known(Engine::Mysql),
        "cockroach" | "cockroachdb" | "crdb" => Backend::Other("CockroachDB"),
        "mssql" | "sqlserver" => Backend::Other("SQL Server"),
        "oracle" => Backend::Other("Oracle"),
        "clickhouse" => Backend::Other("ClickHouse"),
        "h2" => Backend::Other("H2"),
        "hsqldb" | "hsql" => Backend::Other("HSQLDB"),
        "db2" => Backend::Other("Db2"),
        "spanner" => Backend::Other("Spanner"),
        "ydb" => Backend::Other("YDB"),
        "bigquery" => Backend::Other("BigQuery"),
        "cassandra" => Backend::Other("Cassandra"),
        "duckdb" => Backend::Other("DuckDB"),
        "redshift" => Backend::Other("Redshift"),
        "snowflake" => Backend::Other("Snowflake"),
        "vertica" => Backend::Other("Vertica"),
        "singlestore" => Backend::Other("SingleStore"),
        "rqlite" => Backend::Other("rqlite"),
        "yugabyte" | "yugabytedb" => Backend::Other("YugabyteDB"),
        "firebird" => Backend::Other("Firebird"),
        "mongodb" => Backend::Other("MongoDB"),
        _ => return None,
    })
}
