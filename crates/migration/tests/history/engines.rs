//! Which tool and which engine is seen by what.

use super::*;

/// A folder of files that say nothing, with further files.
fn with(files: &[(&'static str, &'static str)]) -> Folder {
    let mut all = vec![("app/migrations/20240101000000_a.sql", "SELECT 1;")];
    all.extend_from_slice(files);
    Repo::new(all).folder()
}

#[test]
fn manifests_say_the_tool() {
    let sqlx =
        "[dependencies]\nsqlx = { version = \"0.8\", features = [\"postgres\", \"uuid\"] }\n";
    let folder = with(&[("app/Cargo.toml", sqlx)]);
    assert_eq!(
        (folder.tool, folder.engine),
        (Tool::Sqlx, Some(Engine::Postgres))
    );
    assert_eq!(folder.because.tool, "`app/Cargo.toml`");
    let package = "{\"dependencies\": {\"node-pg-migrate\": \"7\"}}";
    assert_eq!(with(&[("package.json", package)]).tool, Tool::NodePgMigrate);
    assert_eq!(
        with(&[("Cargo.toml", "[package]\nname = \"a\"")]).tool,
        Tool::Plain
    );
    assert_eq!(with(&[("Cargo.toml", "no TOML [")]).tool, Tool::Plain);
}

#[test]
fn pairs_are_sqlx_in_rust_and_golang_migrate_elsewhere() {
    let of = |files: &[(&'static str, &'static str)]| {
        let mut all = vec![
            ("db/migrations/1_a.up.sql", ""),
            ("db/migrations/1_a.down.sql", ""),
        ];
        all.extend_from_slice(files);
        Repo::new(all).folder().tool
    };
    assert_eq!(of(&[]), Tool::GolangMigrate);
    assert_eq!(of(&[("go.mod", "module a\n")]), Tool::GolangMigrate);
    assert_eq!(of(&[("Cargo.toml", "")]), Tool::Sqlx);
    assert_eq!(of(&[("db/sqlx.toml", ""), ("go.mod", "")]), Tool::Sqlx);
    let go = "require (\n\tgithub.com/golang-migrate/migrate/v4 v4.17.0\n)\n";
    assert_eq!(
        of(&[("db/go.mod", go), ("Cargo.toml", "")]),
        Tool::GolangMigrate
    );
}

#[test]
fn settings_say_the_engine() {
    let mysql = [
        ("sqlc.yaml", "version: \"2\"\nsql:\n  - engine: \"mysql\"\n"),
        ("dbconfig.yml", "development:\n  dialect: mysql\n"),
        (
            "docker-compose.yml",
            "services:\n  db:\n    image: mariadb:11\n",
        ),
        (".env.example", "DATABASE_URL=mysql://root@localhost/x\n"),
        ("drizzle.config.ts", "export default { dialect: 'mysql' }"),
        (
            "prisma/schema.prisma",
            "datasource db {\n  provider = \"mysql\"\n}\n",
        ),
        (
            "app/go.mod",
            "require github.com/go-sql-driver/mysql v1.8.0\n",
        ),
    ];
    for file in mysql {
        let folder = with(&[file]);
        assert_eq!(folder.engine, Some(Engine::Mysql), "{file:?}");
        assert_eq!(folder.because.engine, format!("`{}`", file.0));
    }
    let other = (
        "prisma/schema.prisma",
        "datasource db {\n  provider = \"sqlserver\"\n}\n",
    );
    assert_eq!(with(&[other]).other_engine, Some("SQL Server"));
}

#[test]
fn the_nearest_speaks_and_contradictions_say_nothing() {
    let postgres = "[dependencies]\ntokio-postgres = \"1\"\n";
    let both = "[dependencies]\ntokio-postgres = \"1\"\nrusqlite = \"1\"\n";
    let near = with(&[("app/Cargo.toml", postgres), ("Cargo.toml", both)]);
    assert_eq!(near.engine, Some(Engine::Postgres));
    let ambiguous = with(&[("app/Cargo.toml", both), ("Cargo.toml", postgres)]);
    assert_eq!(ambiguous.engine, None);
    let aside = with(&[
        ("lib/Cargo.toml", "[dependencies]\nrusqlite = \"1\"\n"),
        ("web/Cargo.toml", postgres),
    ]);
    assert_eq!(aside.engine, None);
    let one = with(&[("lib/Cargo.toml", postgres)]);
    assert_eq!(one.engine, Some(Engine::Postgres));
}

#[test]
fn the_sql_speaks_before_the_surroundings() {
    let text = "CREATE TABLE a (id BIGSERIAL, j JSONB DEFAULT '{}'::jsonb);";
    let folder = Repo::new([
        ("migrations/1_a.sql", text),
        ("Cargo.toml", "[dependencies]\nrusqlite = \"1\"\n"),
    ])
    .folder();
    assert_eq!(folder.engine, Some(Engine::Postgres));
    assert!(folder.because.engine.starts_with("the SQL"));
}

#[test]
fn what_the_caller_knows_counts() {
    let repo = Repo::new([("migrations/postgres/1_a.up.sql", "")]);
    let mut candidate = repo.candidates().remove(0);
    candidate.tools = vec![Tool::Sqlx];
    candidate.engine = Some(Engine::Sqlite);
    let folder = repo.read(&candidate).expect("a folder");
    assert_eq!(
        (folder.tool, folder.engine),
        (Tool::Sqlx, Some(Engine::Sqlite))
    );
    assert_eq!(folder.because.engine, "the settings");
}
