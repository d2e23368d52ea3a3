//! What holds for any paths and any bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use switchback_migration::Engine;
use switchback_migration::history::{Folder, Tool, at, checksum, discover, pieces, read};

/// Names that are nearly right for some tool.
fn name() -> impl Strategy<Value = String> {
    let head = prop::sample::select(vec![
        "V",
        "U",
        "R",
        "B",
        "R__",
        "",
        "1",
        "01",
        "20240101120000",
        "2024-01-01-000000",
        "-",
        "+7",
        "99999999999999999999999",
        "1.2",
        "ü",
    ]);
    let middle = prop::sample::select(vec!["", "_", "__", "-", ".", " ", "1", "__a", "_a_b", "é"]);
    let tail = prop::sample::select(vec![
        ".sql",
        ".SQL",
        ".up.sql",
        ".down.sql",
        ".up..sql",
        "_down.sql",
        ".undo.a.sql",
        ".go",
        ".rs",
        ".java",
        ".js",
        ".sql.conf",
        "",
    ]);
    (head, middle, tail).prop_map(|(head, middle, tail)| format!("{head}{middle}{tail}"))
}

fn path() -> impl Strategy<Value = String> {
    let folder = prop::sample::select(vec![
        "",
        "migrations",
        "db/migration",
        "migrations/postgres",
        "prisma/migrations/1_a",
        "migrations/2024_a",
        "supabase/migrations",
        "m/meta",
        ".sqlx",
        "a/b/c",
        "migrations/0.1",
        "src/main/resources/db/migration",
        "src/main/java/db/migration",
        "//",
        "ü/migrations",
    ]);
    let fixed = prop::sample::select(vec![
        "up.sql",
        "down.sql",
        "migration.sql",
        "migration_lock.toml",
        "atlas.sum",
        "Cargo.toml",
        "_journal.json",
        "metadata.toml",
        "query-a.json",
        "schema.prisma",
        "go.mod",
        "sqlc.yaml",
    ])
    .prop_map(str::to_owned);
    let file = prop_oneof![4 => name(), 2 => fixed, 1 => ".{0,12}"];
    (folder, file).prop_map(|(folder, file)| match folder {
        "" => file,
        folder => format!("{folder}/{file}"),
    })
}

/// Bytes that are nearly right for some tool.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "-- migrate:up",
        "-- migrate:down",
        "-- migrate:up transaction:false",
        "-- +goose Up",
        "-- +goose Down",
        "-- +goose StatementBegin",
        "-- +goose StatementEnd",
        "-- +migrate Up",
        "-- +migrate Down",
        "-- Up Migration",
        "-- Down Migration",
        "-- no-transaction",
        "-- atlas:checkpoint",
        "-- atlas:txmode none",
        "--> statement-breakpoint",
        "",
        " ",
        "SELECT 'é;",
        "CREATE TABLE a (b JSONB);",
        "VACUUM;",
        "$$",
        "/*",
        "`a`",
        "\u{feff}",
        "h1:x",
        "a h1:b",
        "provider = \"postgresql\"",
        "[dependencies]",
        "sqlx = \"1\"",
        "{\"entries\": [",
    ]);
    let end = prop::sample::select(vec!["\n", "\r\n", "\r", ""]);
    let lines = prop::collection::vec((line, end), 0..12).prop_map(|lines| {
        let text: String = lines.iter().flat_map(|(line, end)| [*line, *end]).collect();
        text.into_bytes()
    });
    prop_oneof![4 => lines, 1 => prop::collection::vec(any::<u8>(), 0..64)]
}

fn repository() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    prop::collection::btree_map(path(), bytes(), 0..24)
}

/// Checks what holds for any folder.
fn check(folder: &Folder, files: &BTreeMap<String, Vec<u8>>) {
    for migration in &folder.migrations {
        for part in [Some(&migration.up), migration.down.as_ref()]
            .into_iter()
            .flatten()
        {
            let text = files
                .get(&part.file)
                .and_then(|it| std::str::from_utf8(it).ok());
            if !part.readable {
                assert!(part.span.is_empty());
                let told = |it: &switchback_migration::history::Problem| {
                    it.file == part.file || folder.tool == Tool::Drizzle
                };
                assert!(folder.problems.iter().any(told), "{part:?}");
                continue;
            }
            let text = text.expect("a readable part is in a text");
            let sql = text.get(part.span.clone()).expect("a place on boundaries");
            assert!(
                !sql.starts_with('\u{feff}')
                    || folder.tool != Tool::Sqlx
                    || text.starts_with("\u{feff}\u{feff}")
            );
            let mut end = part.span.start;
            for piece in pieces(folder.tool, text, part).unwrap_or_default() {
                assert!(
                    end <= piece.start && piece.end <= part.span.end,
                    "in order, in the part"
                );
                assert!(text.get(piece.clone()).is_some());
                end = piece.end;
            }
        }
    }
    for problem in &folder.problems {
        assert!(problem.span.start <= problem.span.end);
        assert!(!problem.kind.to_string().is_empty());
        match files.get(&problem.file) {
            Some(bytes) => assert!(problem.span.end <= bytes.len(), "{problem:?}"),
            None => assert!(problem.span.is_empty(), "{problem:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_repository_is_read(files in repository()) {
        let paths: Vec<&str> = files.keys().map(String::as_str).collect();
        let candidates = discover(&paths);
        for candidate in &candidates {
            for wanted in candidate.wanted() {
                prop_assert!(files.contains_key(wanted));
            }
            if let Some(folder) = read(candidate, |path| files.get(path).map(Vec::as_slice)) {
                check(&folder, &files);
            }
        }
        // Each folder once, and each file in one folder of a kind at most.
        let mut homes: Vec<&str> = candidates.iter().map(|it| it.path.as_str()).collect();
        homes.dedup();
        prop_assert_eq!(homes.len(), candidates.len());
    }

    #[test]
    fn any_tool_reads_any_folder(
        files in prop::collection::btree_map(name().prop_map(|it| format!("m/{it}")), bytes(), 1..12),
        tool in prop::sample::select(Tool::ALL.to_vec()),
        engine in prop::sample::select(vec![None, Some(Engine::Postgres), Some(Engine::Sqlite)]),
    ) {
        let paths: Vec<&str> = files.keys().map(String::as_str).collect();
        let Some(mut candidate) = at("m", &paths) else { return Ok(()) };
        candidate.tools = vec![tool];
        candidate.engine = engine;
        let folder = read(&candidate, |path| files.get(path).map(Vec::as_slice));
        let folder = folder.expect("a named folder is read");
        check(&folder, &files);
        // The order in which files are listed makes no difference.
        candidate.files.reverse();
        candidate.code.reverse();
        let again = read(&candidate, |path| files.get(path).map(Vec::as_slice));
        prop_assert_eq!(Some(folder), again);
    }

    #[test]
    fn any_paths_are_looked_at(paths in prop::collection::vec(".{0,24}", 0..16), folder in ".{0,8}") {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        for candidate in discover(&paths).iter().chain(&at(&folder, &paths)) {
            drop(read(candidate, |_| Some(b"".as_slice())));
        }
    }

    #[test]
    fn any_bytes_have_a_checksum(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for tool in Tool::ALL {
            prop_assert_eq!(checksum(tool, &bytes), checksum(tool, &bytes));
        }
    }
}
