//! What other files of a repository say of a folder of migrations: manifests, locks, settings.
//!
//! A file says which tools and which databases a project uses; how much that says of the migrations
//! is its [`Weight`].

use std::collections::BTreeSet;

use super::Tool;
use super::path::{Backend, base, distance, join, named, parent, upwards, within};

/// How many files are read at most for a folder.
const MOST: usize = 48;
/// How many folders away a file is at most that is not above the migrations.
const FAR: usize = 5;

/// What a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// The migrations themselves: a lock, the settings of the tool.
    Direct,
    /// The project: what it depends on.
    Manifest,
    /// Where the project may run: containers, an example of the environment.
    Surroundings,
}

/// What one file says.
#[derive(Debug, Clone)]
pub(super) struct Sign {
    /// The file.
    pub(super) file: String,
    /// What it is about.
    pub(super) weight: Weight,
    /// Whether it sets Flyway's `mixed`.
    pub(super) mixed: bool,
    /// The tools that it names.
    pub(super) tools: BTreeSet<Tool>,
    /// The databases that it names.
    pub(super) backends: BTreeSet<Backend>,
}

/// Whether a file may say something.
pub(super) fn is_marker(path: &str) -> bool {
    let name = base(path);
    let folder = base(parent(path));
    matches!(
        name,
        "atlas.sum"
            | "atlas.hcl"
            | "diesel.toml"
            | "metadata.toml"
            | "sqlx.toml"
            | "sqlx-data.json"
            | "migration_lock.toml"
            | "_journal.json"
            | "flyway.conf"
            | "flyway.toml"
            | "dbconfig.yml"
            | "sqlc.yaml"
            | "sqlc.yml"
            | "sqlc.json"
            | "Cargo.toml"
            | "go.mod"
            | "package.json"
            | "pom.xml"
            | "build.gradle"
            | "build.gradle.kts"
            | ".env.example"
            | ".env.sample"
            | "env.example"
    ) || name.ends_with(".sql.conf")
        || name.ends_with(".prisma")
        || name.starts_with("drizzle.config.")
        || (name.starts_with("application") && has_extension(name, &["yml", "yaml", "properties"]))
        || (name.contains("compose") && has_extension(name, &["yml", "yaml"]))
        || (folder == ".sqlx" && name.starts_with("query-"))
}

fn has_extension(name: &str, extensions: &[&str]) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| extensions.contains(&extension))
}

/// The files among `markers` that are worth reading for a folder: those in it and above it, then
/// those near it, the nearest first.
pub(super) fn choose(folder: &str, markers: &[&str]) -> Vec<String> {
    let mut chosen: Vec<(bool, usize, &str)> = markers
        .iter()
        .filter(|path| !is_of_script(base(path)))
        .filter_map(|path| {
            // What is in `.sqlx` or `meta` speaks for the folder around it.
            let home = match base(parent(path)) {
                ".sqlx" | "meta" => parent(parent(path)),
                _ => parent(path),
            };
            let inside = within(folder, path).is_some();
            let aside = !inside && !upwards(folder).any(|above| above == home);
            // In the folder only what belongs to it as a whole.
            if inside && home != folder {
                return None;
            }
            let steps = distance(folder, home);
            (!aside || steps <= FAR).then_some((aside, steps, *path))
        })
        .collect();
    chosen.sort_unstable();
    chosen
        .into_iter()
        .map(|(_, _, path)| path.to_owned())
        .take(MOST)
        .collect()
}

/// Whether a file is about one migration, not about the folder.
pub(super) fn is_of_script(name: &str) -> bool {
    name == "metadata.toml" || name.ends_with(".sql.conf")
}

/// What a file says; none if nothing.
pub(super) fn sign(path: &str, text: &str) -> Option<Sign> {
    let mut sign = Sign {
        file: path.to_owned(),
        weight: Weight::Surroundings,
        mixed: false,
        tools: BTreeSet::new(),
        backends: BTreeSet::new(),
    };
    let name = base(path);
    match name {
        "Cargo.toml" => cargo(text, &mut sign),
        "go.mod" => go(text, &mut sign),
        "package.json" => node(text, &mut sign),
        "pom.xml" | "build.gradle" | "build.gradle.kts" => java(text, &mut sign),
        "atlas.sum" => sign.direct(Tool::Atlas),
        "atlas.hcl" => {
            sign.direct(Tool::Atlas);
            addresses(text, &mut sign);
        }
        "diesel.toml" => sign.direct(Tool::Diesel),
        "sqlx.toml" => sign.direct(Tool::Sqlx),
        "sqlx-data.json" => {
            sign.direct(Tool::Sqlx);
            sign.value(text, "\"db\"");
        }
        "migration_lock.toml" => {
            sign.direct(Tool::Prisma);
            sign.value(text, "provider");
        }
        "_journal.json" => {
            sign.direct(Tool::Drizzle);
            sign.value(text, "\"dialect\"");
        }
        "flyway.conf" | "flyway.toml" => {
            sign.direct(Tool::Flyway);
            sign.mixed = sets_mixed(text);
            addresses(text, &mut sign);
        }
        "dbconfig.yml" => {
            sign.direct(Tool::SqlMigrate);
            sign.value(text, "dialect");
        }
        "sqlc.yaml" | "sqlc.yml" => {
            sign.weight = Weight::Direct;
            sign.value(text, "engine");
        }
        "sqlc.json" => {
            sign.weight = Weight::Direct;
            sign.value(text, "\"engine\"");
        }
        _ if base(parent(path)) == ".sqlx" => {
            sign.direct(Tool::Sqlx);
            sign.value(text, "\"db_name\"");
        }
        _ if name.ends_with(".prisma") => prisma(text, &mut sign),
        _ if name.starts_with("drizzle.config.") => {
            sign.direct(Tool::Drizzle);
            sign.value(text, "dialect");
        }
        _ => {
            sign.mixed = sets_mixed(text);
            addresses(text, &mut sign);
        }
    }
    (sign.mixed || !sign.tools.is_empty() || !sign.backends.is_empty()).then_some(sign)
}

impl Sign {
    fn direct(&mut self, tool: Tool) {
        self.weight = Weight::Direct;
        self.tools.insert(tool);
    }

    fn backend(&mut self, word: &str) {
        self.backends.extend(named(&word.to_ascii_lowercase()));
    }

    /// The values of a key, in lines such as `key: value`, `key = "value"` or `"key": "value",`.
    fn value(&mut self, text: &str, key: &str) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(key) {
            rest = after;
            let is_key = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let after = after.trim_start();
            if let Some(value) = after.strip_prefix([':', '=']).filter(|_| is_key) {
                let value = value.trim_start().trim_start_matches(['"', '\'', '`']);
                let end = value
                    .find(|c: char| !c.is_ascii_alphanumeric())
                    .unwrap_or(value.len());
                self.backend(value.get(..end).unwrap_or_default());
            }
        }
    }
}

/// A Cargo manifest: its dependencies, and the features that name a database.
fn cargo(text: &str, sign: &mut Sign) {
    sign.weight = Weight::Manifest;
    let Ok(manifest) = text.parse::<toml::Table>() else {
        return;
    };
    let mut tables = vec![&manifest];
    let workspace = manifest.get("workspace").and_then(toml::Value::as_table);
    tables.extend(workspace);
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    tables.extend(
        targets
            .into_iter()
            .flat_map(toml::Table::values)
            .filter_map(toml::Value::as_table),
    );
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = table.get(kind).and_then(toml::Value::as_table) else {
                continue;
            };
            for (key, value) in dependencies {
                let name = value
                    .get("package")
                    .and_then(toml::Value::as_str)
                    .unwrap_or(key);
                package(name, value, sign);
            }
        }
    }
}

fn package(name: &str, value: &toml::Value, sign: &mut Sign) {
    let tool = match name {
        "sqlx" | "sqlx-core" | "sqlx-cli" => Tool::Sqlx,
        "diesel" | "diesel_migrations" | "diesel-async" => Tool::Diesel,
        "refinery" | "refinery-core" => Tool::Refinery,
        "tokio-postgres" | "postgres" | "deadpool-postgres" => return sign.backend("postgres"),
        "rusqlite" | "libsql" => return sign.backend("sqlite"),
        "mysql" | "mysql_async" => return sign.backend("mysql"),
        _ => return,
    };
    sign.tools.insert(tool);
    let features = value.get("features").and_then(toml::Value::as_array);
    for feature in features.into_iter().flatten() {
        match feature.as_str().unwrap_or_default() {
            "postgres" | "postgres_backend" | "tokio-postgres" => sign.backend("postgres"),
            "sqlite" | "rusqlite" | "rusqlite-bundled" => sign.backend("sqlite"),
            "mysql" | "mysql_async" | "mysql_backend" => sign.backend("mysql"),
            _ => {}
        }
    }
}

/// A Go module: what it requires itself.
fn go(text: &str, sign: &mut Sign) {
    sign.weight = Weight::Manifest;
    for line in text.lines().filter(|line| !line.contains("// indirect")) {
        let module = line.trim().trim_start_matches("require").trim();
        let module = module.split_whitespace().next().unwrap_or_default();
        let tool = [
            ("github.com/golang-migrate/migrate", Tool::GolangMigrate),
            ("github.com/mattes/migrate", Tool::GolangMigrate),
            ("github.com/pressly/goose", Tool::Goose),
            ("github.com/amacneil/dbmate", Tool::Dbmate),
            ("github.com/rubenv/sql-migrate", Tool::SqlMigrate),
            ("ariga.io/atlas", Tool::Atlas),
        ];
        let starts = |prefix: &str| module.starts_with(prefix);
        sign.tools
            .extend(tool.iter().filter(|(p, _)| starts(p)).map(|(_, t)| *t));
        let driver = [
            ("github.com/lib/pq", "postgres"),
            ("github.com/jackc/pgx", "postgres"),
            ("github.com/go-sql-driver/mysql", "mysql"),
            ("github.com/mattn/go-sqlite3", "sqlite"),
            ("modernc.org/sqlite", "sqlite"),
            ("github.com/ncruces/go-sqlite3", "sqlite"),
        ];
        for (_, word) in driver.iter().filter(|(prefix, _)| starts(prefix)) {
            sign.backend(word);
        }
    }
}

/// A Node.js package: its dependencies.
fn node(text: &str, sign: &mut Sign) {
    sign.weight = Weight::Manifest;
    let Ok(package) = serde_json::from_str::<serde_json::Value>(text) else {
        return;
    };
    for kind in ["dependencies", "devDependencies"] {
        let dependencies = package.get(kind).and_then(serde_json::Value::as_object);
        for name in dependencies.into_iter().flat_map(serde_json::Map::keys) {
            match name.as_str() {
                "prisma" | "@prisma/client" => drop(sign.tools.insert(Tool::Prisma)),
                "drizzle-orm" | "drizzle-kit" => drop(sign.tools.insert(Tool::Drizzle)),
                "node-pg-migrate" => drop(sign.tools.insert(Tool::NodePgMigrate)),
                "dbmate" => drop(sign.tools.insert(Tool::Dbmate)),
                "supabase" | "@supabase/supabase-js" => drop(sign.tools.insert(Tool::Supabase)),
                "pg" | "postgres" | "@neondatabase/serverless" => sign.backend("postgres"),
                "mysql" | "mysql2" | "mariadb" => sign.backend("mysql"),
                "better-sqlite3" | "sqlite3" | "@libsql/client" => sign.backend("sqlite"),
                _ => {}
            }
        }
    }
}

/// A Maven or Gradle build: Flyway, and the drivers.
fn java(text: &str, sign: &mut Sign) {
    sign.weight = Weight::Manifest;
    if text.contains("flyway") {
        sign.tools.insert(Tool::Flyway);
        sign.mixed = sets_mixed(text);
    }
    for (driver, word) in [
        ("org.postgresql", "postgres"),
        ("mysql-connector", "mysql"),
        ("mariadb-java-client", "mysql"),
        ("sqlite-jdbc", "sqlite"),
    ] {
        if text.contains(driver) {
            sign.backend(word);
        }
    }
}

/// Whether a text sets `mixed` to `true`, as Flyway's settings, Spring's and Gradle's do.
fn sets_mixed(text: &str) -> bool {
    text.lines().any(|line| {
        let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        line.strip_suffix("true")
            .and_then(|line| line.strip_suffix([':', '=']))
            .is_some_and(|key| key.trim_matches('"').ends_with("mixed"))
    })
}

/// A Prisma schema: the provider of its data source, which is not that of its generators.
fn prisma(text: &str, sign: &mut Sign) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("datasource") {
        rest = after;
        let begins = before.is_empty() || before.ends_with('\n');
        if let Some((block, after)) = after.split_once('}').filter(|_| begins) {
            sign.direct(Tool::Prisma);
            sign.value(block, "provider");
            rest = after;
        }
    }
}

/// Addresses of databases, such as `postgres://`, `jdbc:mysql:` or `sqlite:file.db`, and images of
/// containers.
fn addresses(text: &str, sign: &mut Sign) {
    const NAMES: [&str; 12] = [
        "postgres",
        "postgresql",
        "mysql",
        "mariadb",
        "maria",
        "sqlite",
        "sqlite3",
        "libsql",
        "h2",
        "sqlserver",
        "oracle",
        "clickhouse",
    ];
    for name in NAMES {
        let forms = [
            format!("{name}://"),
            format!("jdbc:{name}:"),
            format!("docker://{name}/"),
            format!("image: {name}:"),
        ];
        let bare = format!("{name}:");
        let files = name.starts_with("sqlite").then_some(&bare);
        if forms.iter().chain(files).any(|form| has_word(text, form)) {
            sign.backend(name);
        }
    }
}

/// Whether a text has a form that no letter or digit stands before.
fn has_word(text: &str, form: &str) -> bool {
    text.match_indices(form).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        !before.ends_with(|c: char| c.is_alphanumeric())
    })
}

/// The marker files of single migrations: `metadata.toml` beside `up.sql`, and `.conf` beside a
/// script.
pub(super) fn of_script(file: &str) -> [String; 2] {
    [join(parent(file), "metadata.toml"), format!("{file}.conf")]
}
