//! Which folders are found, and which are not.

use super::*;

/// The paths of the folders that are found.
fn found(paths: &[&str]) -> Vec<String> {
    let folders = Repo::of(paths).folders();
    folders.into_iter().map(|folder| folder.path).collect()
}

#[test]
fn folders_of_each_engine_are_apart() {
    let folders = Repo::of(&[
        "migrations/postgres/1_a.up.sql",
        "migrations/mysql/1_a.up.sql",
        "migrations/sqlite3/1_a.up.sql",
        "migrations/clickhouse/1_a.up.sql",
        "db/migration/postgresql/V1__a.sql",
        "db/migration/mysql/V1__a.sql",
        "db/migration/common/V2__b.sql",
    ])
    .folders();
    let engines: Vec<_> = folders
        .iter()
        .map(|it| (it.path.as_str(), it.engine, it.other_engine))
        .collect();
    assert_eq!(
        engines,
        [
            ("db/migration", None, None),
            ("db/migration/mysql", Some(Engine::Mysql), None),
            ("db/migration/postgresql", Some(Engine::Postgres), None),
            ("migrations/clickhouse", None, Some("ClickHouse")),
            ("migrations/mysql", Some(Engine::Mysql), None),
            ("migrations/postgres", Some(Engine::Postgres), None),
            ("migrations/sqlite3", Some(Engine::Sqlite), None),
        ]
    );
}

#[test]
fn vendored_made_hidden_and_test_folders_are_left_out() {
    let none: [&str; 0] = [];
    for folder in [
        "node_modules/x/migrations",
        "vendor/x/migrations",
        "target/debug/migrations",
        "third_party/migrations",
        "dist/migrations",
        ".git/migrations",
        ".cache/migrations",
        "build/resources/main/db/migration",
        "src/test/resources/db/migration",
        "crates/a/tests/migrations",
        "testdata/migrations",
        "fixtures/migrations",
        "db/seeds",
    ] {
        let path = format!("{folder}/1_a.up.sql");
        assert_eq!(found(&[&path]), none, "{folder}");
    }
    assert_eq!(
        found(&["build/migrations/1_a.up.sql"]),
        ["build/migrations"]
    );
    assert_eq!(
        found(&["latest/migrations/1_a.up.sql"]),
        ["latest/migrations"]
    );
}

#[test]
fn dumps_queries_and_scripts_are_no_migrations() {
    let none: [&str; 0] = [];
    assert_eq!(
        found(&["db/schema.sql", "db/structure.sql", "seed.sql"]),
        none
    );
    assert_eq!(
        found(&["queries/01_users.sql", "docker/init/01-schema.sql"]),
        none
    );
    assert_eq!(found(&["db/migrate/20240101000000_create.rb"]), none);
    assert_eq!(found(&["migrations/README.md"]), none);
    assert_eq!(found(&["app/users/up.sql", "app/users/down.sql"]), none);
}

#[test]
fn numbered_files_with_markers_are_found_anywhere() {
    let folders = Repo::new([
        (
            "sql/schema/001_users.sql",
            "-- +goose Up\nCREATE TABLE users (id UUID);\n",
        ),
        ("sql/queries/001_users.sql", "SELECT 1;"),
    ])
    .folders();
    let found: Vec<_> = folders
        .iter()
        .map(|it| (it.path.as_str(), it.tool))
        .collect();
    assert_eq!(found, [("sql/schema", Tool::Goose)]);
}

#[test]
fn nested_folders_are_one_folder() {
    let repo = Repo::of(&[
        "migrations/2024-01-01-000000_a/up.sql",
        "migrations/2024-01-01-000000_a/down.sql",
        "web/prisma/migrations/20240101000000_a/migration.sql",
        "web/prisma/schema.prisma",
    ]);
    let found: Vec<_> = repo
        .folders()
        .into_iter()
        .map(|it| (it.path, it.tool))
        .collect();
    assert_eq!(
        found,
        [
            ("migrations".to_owned(), Tool::Diesel),
            ("web/prisma/migrations".to_owned(), Tool::Prisma),
        ]
    );
}

#[test]
fn modules_with_the_same_versions_are_apart() {
    assert_eq!(
        found(&["db/migration/a/V1__x.sql", "db/migration/b/V1__y.sql",]),
        ["db/migration/a", "db/migration/b"]
    );
    assert_eq!(
        found(&["db/migration/2023/V1__x.sql", "db/migration/2024/V2__y.sql",]),
        ["db/migration"]
    );
}

#[test]
fn what_has_to_be_read_is_near() {
    let repo = Repo::of(&[
        "Cargo.toml",
        "crates/db/Cargo.toml",
        "crates/db/.sqlx/query-1.json",
        "crates/db/.sqlx/query-2.json",
        "crates/db/migrations/1_a.sql",
        "crates/web/Cargo.toml",
        "far/away/from/all/of/it/Cargo.toml",
    ]);
    let candidates = repo.candidates();
    assert_eq!(candidates.len(), 1);
    let wanted: Vec<&str> = candidates[0].wanted().collect();
    assert_eq!(
        wanted,
        [
            "crates/db/migrations/1_a.sql",
            "crates/db/.sqlx/query-1.json",
            "crates/db/Cargo.toml",
            "Cargo.toml",
            "crates/web/Cargo.toml",
        ]
    );
}

#[test]
fn a_named_folder_is_read_wherever_it_is() {
    let repo = Repo::of(&["tests/data/sql/1_a.sql", "tests/data/sql/2_b.sql"]);
    assert!(repo.candidates().is_empty());
    let candidate = at("tests/data/sql/", &repo.paths()).expect("a candidate");
    assert!(candidate.sure);
    assert_eq!(repo.read(&candidate).expect("a folder").migrations.len(), 2);
    assert_eq!(at("tests/other", &repo.paths()), None);
}
