//! Small folders of each tool, as the tool would take them.

use super::*;
use switchback_migration::history::{Part, ProblemKind, pieces};

fn sql<'a>(text: &'a str, part: &Part) -> &'a str {
    text.get(part.span.clone()).expect("a place in the text")
}

#[test]
fn sqlx_orders_by_number_and_pairs_by_number() {
    let folder = Repo::new([
        ("m/10_ten.sql", "-- no-transaction\nVACUUM;"),
        ("m/9_nine_and.up.sql", "CREATE TABLE a (id INT);"),
        ("m/09_other_words.down.sql", "DROP TABLE a;"),
        ("m/2_two.sql", " -- no-transaction\nSELECT 1;"),
        ("m/README.sql", ""),
    ])
    .read_as(Tool::Sqlx, Some(Engine::Postgres));
    assert_eq!(versions(&folder), ["2", "9", "10"]);
    assert_eq!(names(&folder), ["two", "nine_and", "ten"]);
    let expected = [
        Wrapped::Transaction,
        Wrapped::Transaction,
        Wrapped::OneMessage,
    ];
    assert_eq!(wraps(&folder), expected);
    let down = folder.migrations[1].down.as_ref().expect("a way down");
    assert_eq!(down.file, "m/09_other_words.down.sql");
    assert_eq!(problems(&folder).len(), 1, "{:?}", folder.problems);
    assert!(problems(&folder)[0].starts_with("m/README.sql: "));
}

#[test]
fn sqlx_stops_at_words_and_takes_signs_for_numbers() {
    let folder = Repo::of(&["m/add_users.sql", "m/+3_a.sql", "m/-1_b.sql", "m/1_c.SQL"])
        .read_as(Tool::Sqlx, None);
    assert_eq!(versions(&folder), ["-1", "3"]);
    let texts = problems(&folder);
    assert!(
        texts
            .iter()
            .any(|it| it.contains("m/add_users.sql: sqlx stops")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|it| it.contains("m/1_c.SQL: ")),
        "{texts:?}"
    );
}

#[test]
fn sqlx_for_mysql_has_no_way_around_the_transaction() {
    let repo = Repo::new([("m/1_a.sql", "-- no-transaction\nSELECT 1;")]);
    let of = |engine| wraps(&repo.read_as(Tool::Sqlx, engine));
    assert_eq!(of(Some(Engine::Mysql)), [Wrapped::Transaction]);
    assert_eq!(of(Some(Engine::Sqlite)), [Wrapped::OneMessage]);
}

#[test]
fn golang_migrate_takes_the_last_way_in_a_name() {
    let repo = Repo::of(&[
        "m/30_ignore.up..sql",
        "m/4_a.up.b.down.sql",
        "m/4_x.up.SQL",
        "m/100_c.up.sql",
        "m/5_only.down.sql",
        "m/6_none.sql",
        "m/99999999999999999999_big.up.sql",
    ]);
    let folder = repo.read_as(Tool::GolangMigrate, Some(Engine::Postgres));
    assert_eq!(versions(&folder), ["4", "30", "100"]);
    let down = folder.migrations[0].down.as_ref().expect("a way down");
    assert_eq!(down.file, "m/4_a.up.b.down.sql");
    let files: Vec<&str> = folder.problems.iter().map(|it| it.file.as_str()).collect();
    assert_eq!(
        files,
        [
            "m/5_only.down.sql",
            "m/6_none.sql",
            "m/99999999999999999999_big.up.sql"
        ]
    );
    assert_eq!(folder.problems[0].kind, ProblemKind::DownWithoutUp);
    assert_eq!(wraps(&folder), [Wrapped::OneMessage; 3]);
    let sqlite = repo.read_as(Tool::GolangMigrate, Some(Engine::Sqlite));
    assert_eq!(wraps(&sqlite), [Wrapped::Transaction; 3]);
}

#[test]
fn diesel_orders_versions_as_text_without_dashes() {
    let folder = Repo::new([
        ("m/2024-01-02-000000_b/up.sql", "SELECT 2;"),
        ("m/2024-01-02-000000_b/down.sql", "SELECT -2;"),
        ("m/20240101235959_a/up.sql", "SELECT 1;"),
        ("m/00000000000000_diesel_initial_setup/up.sql", "SELECT 0;"),
        ("m/2024-01-03-000000_c/up.sql", "VACUUM;"),
        (
            "m/2024-01-03-000000_c/metadata.toml",
            "run_in_transaction = false",
        ),
        ("m/2024-01-04-000000_d/down.sql", ""),
    ])
    .folder();
    assert_eq!(folder.tool, Tool::Diesel);
    assert_eq!(
        versions(&folder),
        [
            "00000000000000",
            "20240101235959",
            "20240102000000",
            "20240103000000"
        ]
    );
    assert_eq!(names(&folder), ["diesel_initial_setup", "a", "b", "c"]);
    let mut expected = [Wrapped::Transaction; 4];
    expected[3] = Wrapped::OneMessage;
    assert_eq!(wraps(&folder), expected);
    assert_eq!(
        problems(&folder),
        [
            "m/2024-01-04-000000_d/down.sql: the file is empty, which Diesel refuses",
            "m/2024-01-04-000000_d/down.sql: there is no way up to this way down",
        ]
    );
}

#[test]
fn diesel_takes_an_empty_metadata_file_for_no_transaction() {
    let folder = Repo::new([
        ("migrations/1_a/up.sql", "SELECT 1;"),
        ("migrations/1_a/metadata.toml", "# later\n"),
    ])
    .folder();
    assert_eq!(wraps(&folder), [Wrapped::OneMessage]);
}

#[test]
fn dbmate_divides_files_and_orders_by_name() {
    let text = "-- intro\n-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON t (a);\n\
                -- migrate:down\r\nDROP INDEX i;\n";
    let folder = Repo::new([
        ("migrations/10_b.sql", text),
        ("migrations/9_a.sql", "-- migrate:up\n--  migrate:down\n"),
    ])
    .folder();
    assert_eq!(folder.tool, Tool::Dbmate);
    assert_eq!(versions(&folder), ["10", "9"], "names are compared as text");
    let b = &folder.migrations[0];
    assert_eq!(sql(text, &b.up), "CREATE INDEX CONCURRENTLY i ON t (a);\n");
    let down = b.down.as_ref().expect("a way down");
    assert_eq!(sql(text, down), "DROP INDEX i;\n");
    assert_eq!(b.up.transaction, Wrapped::OneMessage);
    assert_eq!(down.transaction, Wrapped::Transaction);
    assert!(folder.problems.is_empty(), "{:?}", folder.problems);
}

#[test]
fn dbmate_files_may_hold_several_pairs() {
    let text = "-- migrate:up\nA;\n-- migrate:down\nB;\n-- migrate:up transaction:false\nC;\n\
                -- migrate:down\nD;\n";
    let folder = Repo::new([("migrations/1_x.sql", text)]).folder();
    assert_eq!(versions(&folder), ["1", "1"]);
    let ups: Vec<&str> = folder
        .migrations
        .iter()
        .map(|it| sql(text, &it.up))
        .collect();
    assert_eq!(ups, ["A;\n", "C;\n"]);
    assert!(folder.problems.is_empty(), "{:?}", folder.problems);
}

#[test]
fn dbmate_refusals_are_told() {
    let of = |text: &str| problems(&Repo::new([("m/1_x.sql", text)]).read_as(Tool::Dbmate, None));
    let one = |text: &str, what: &str| {
        let found = of(text);
        assert!(
            found.len() == 1 && found[0].contains(what),
            "{text:?}: {found:?}"
        );
    };
    one("-- migrate:up\nA;\n", "`-- migrate:down` is missing");
    one("A;\n", "`-- migrate:up` is missing");
    one("A;\n-- migrate:up\n-- migrate:down\n", "a statement before");
    one(
        "-- migrate:up\n-- migrate:down\n-- migrate:down\n",
        "a second",
    );
    one("-- migrate:upwards\n", "is missing");
}

#[test]
fn goose_divides_files_and_cuts_statements() {
    let text = "-- +goose NO TRANSACTION\n-- +goose Up\n-- a comment\nCREATE TABLE a (\n  b INT\n); \
                -- note\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS void AS $$\nBEGIN\n  \
                x;\nEND $$ LANGUAGE plpgsql;\n-- +goose StatementEnd\n\n-- +goose Down\nDROP TABLE \
                a;\n";
    let repo = Repo::new([
        ("migrations/00010_b.sql", text),
        ("migrations/9_a.sql", "-- +goose Up\nSELECT 1;"),
        ("migrations/00011_c.go", "package x"),
        ("migrations/helpers_test.go", "package x"),
    ]);
    let folder = repo.folder();
    assert_eq!(folder.tool, Tool::Goose);
    assert_eq!(versions(&folder), ["9", "10", "11"]);
    assert!(!folder.migrations[2].up.readable);
    assert_eq!(
        problems(&folder),
        ["migrations/00011_c.go: a migration in code, which is not read"]
    );
    let b = &folder.migrations[1];
    assert_eq!(b.up.transaction, Wrapped::Nothing);
    let cut = |part: &Part| -> Vec<&str> {
        let places = pieces(Tool::Goose, text, part).expect("pieces");
        places.into_iter().map(|place| &text[place]).collect()
    };
    let up = cut(&b.up);
    assert_eq!(up.len(), 2, "{up:?}");
    assert_eq!(up[0], "CREATE TABLE a (\n  b INT\n); -- note");
    assert!(up[1].starts_with("CREATE FUNCTION") && up[1].ends_with("plpgsql;"));
    assert_eq!(cut(b.down.as_ref().expect("a way down")), ["DROP TABLE a;"]);
}

#[test]
fn goose_refusals_are_told() {
    let of = |text: &str| problems(&Repo::new([("m/1_x.sql", text)]).read_as(Tool::Goose, None));
    for (text, what) in [
        ("-- +goose Up\nSELECT 1\n", "without `;`"),
        ("SELECT 1;\n", "before `-- +goose Up`"),
        ("-- +goose Down\n", "before `-- +goose Up`"),
        ("-- +goose Up\n-- +goose Up\n", "a second"),
        ("-- +goose Up\n-- see +goose docs\n", "no annotation"),
        ("-- +goose Up\n -- +goose Down\n", "no annotation"),
        ("-- +goose Up\n-- +goose StatementBegin\nX;\n", "is missing"),
        ("-- +goose Up\n-- +goose StatementEnd\n", "do not match"),
    ] {
        let found = of(text);
        assert!(
            found.iter().any(|it| it.contains(what)),
            "{text:?}: {found:?}"
        );
    }
    // In any case, but only after `+goose` in small letters.
    assert!(of("-- +goose up\n-- +GOOSE down\n").is_empty());
    assert!(of("-- +goose Up\n").is_empty());
}

#[test]
fn goose_passes_over_names_without_a_number() {
    let marked = "-- +goose Up\n";
    let folder = Repo::new([
        ("m/0_a.sql", marked),
        ("m/x_b.sql", marked),
        ("m/1.sql", marked),
    ])
    .read_as(Tool::Goose, None);
    assert!(folder.migrations.is_empty());
    assert_eq!(folder.problems.len(), 3);
}

#[test]
fn sql_migrate_has_numbers_first_and_options_of_each_way() {
    let text = "-- +migrate Down notransaction\nDROP TABLE a;\n-- +migrate Up\nCREATE TABLE a (id \
                INT);\n";
    let folder = Repo::new([
        ("migrations/b.sql", "-- +migrate Up\nSELECT 1;\n"),
        ("migrations/10_a.sql", text),
        (
            "migrations/9_a.sql",
            "-- +migrate Up\n-- +migrate Up\nSELECT 1;\n",
        ),
        ("migrations/9_b.sql", "-- +migrate Up\nSELECT 1\n"),
    ])
    .folder();
    assert_eq!(folder.tool, Tool::SqlMigrate);
    assert_eq!(versions(&folder), ["9_a", "9_b", "10_a", "b"]);
    let it = &folder.migrations[2];
    assert_eq!(sql(text, &it.up), "CREATE TABLE a (id INT);\n");
    let down = it.down.as_ref().expect("a way down");
    assert_eq!(sql(text, down), "DROP TABLE a;\n");
    assert_eq!(
        (it.up.transaction, down.transaction),
        (Wrapped::Transaction, Wrapped::Nothing)
    );
    assert_eq!(folder.problems.len(), 1);
    assert!(problems(&folder)[0].contains("9_b.sql: a statement without `;`"));
}

#[test]
fn node_pg_migrate_takes_ways_in_any_order() {
    let text = "-- Down Migration\nDROP TABLE a;\n--- up   migration\nCREATE TABLE a (id INT);\n";
    let folder = Repo::new([
        ("migrations/1589353644505_b.sql", text),
        ("migrations/20200513070724504_a.sql", text),
        ("migrations/1589353644506_c.js", ""),
    ])
    .folder();
    assert_eq!(folder.tool, Tool::NodePgMigrate);
    assert_eq!(folder.engine, Some(Engine::Postgres));
    assert_eq!(names(&folder), ["a", "b", "c"], "17 digits are a date");
    let it = &folder.migrations[1];
    assert_eq!(
        sql(text, &it.up),
        "--- up   migration\nCREATE TABLE a (id INT);\n"
    );
    assert!(sql(text, it.down.as_ref().expect("a way down")).ends_with("DROP TABLE a;\n"));
}

#[test]
fn flyway_orders_dotted_versions_by_number_and_repeats_last() {
    let folder = Repo::of(&[
        "db/migration/V10__ten.sql",
        "db/migration/V9.10__b.sql",
        "db/migration/V9_2__a.sql",
        "db/migration/V1.0.0__first.SQL",
        "db/migration/U9.2__a_back.sql",
        "db/migration/R__views.sql",
        "db/migration/R__a_function.sql",
        "db/migration/sub/V9.2.1__below.sql",
        "db/migration/afterMigrate.sql",
        "db/migration/V11_missing.sql",
        "db/migration/v12__small.sql",
    ])
    .folder();
    assert_eq!(folder.tool, Tool::Flyway);
    assert_eq!(
        versions(&folder),
        ["1.0.0", "9.2", "9.2.1", "9.10", "10", "", ""]
    );
    assert_eq!(names(&folder)[5..], ["a_function", "views"]);
    assert!(folder.migrations[6].repeatable);
    assert!(folder.migrations[1].down.is_some());
    let files: Vec<&str> = folder.problems.iter().map(|it| it.file.as_str()).collect();
    assert_eq!(
        files,
        [
            "db/migration/V11_missing.sql",
            "db/migration/v12__small.sql"
        ]
    );
}

#[test]
fn flyway_takes_zeros_at_the_end_for_nothing() {
    let folder =
        Repo::of(&["m/V1__a.sql", "m/V1.0__b.sql", "m/V01__c.sql"]).read_as(Tool::Flyway, None);
    let same = |it: &&String| it.contains("is also that of");
    assert_eq!(problems(&folder).iter().filter(same).count(), 2);
}

#[test]
fn flyway_starts_an_empty_database_at_the_last_baseline() {
    let folder = Repo::of(&[
        "m/V1__a.sql",
        "m/V2__b.sql",
        "m/B2__base.sql",
        "m/V3__c.sql",
        "m/R__views.sql",
    ])
    .read_as(Tool::Flyway, None);
    assert!(folder.problems.is_empty(), "{:?}", folder.problems);
    let names = |it: &[switchback_migration::history::Migration]| -> Vec<String> {
        it.iter().map(|it| it.name.clone()).collect()
    };
    assert_eq!(names(folder.from_empty()), ["base", "c", "views"]);
    let all: Vec<_> = folder.step_by_step().map(|it| it.name.as_str()).collect();
    assert_eq!(all, ["a", "b", "c", "views"]);
}

#[test]
fn flyway_leaves_the_transaction_out_where_a_statement_cannot_be_in_one() {
    let index = "CREATE INDEX CONCURRENTLY i ON t (a);";
    let folder = Repo::new([
        ("m/V1__a.sql", index),
        ("m/V2__b.sql", "SELECT 1; VACUUM;"),
        ("m/V3__c.sql", index),
        ("m/V3__c.sql.conf", "executeInTransaction=true"),
        ("m/V4__d.sql", "SELECT 1;"),
        ("m/V4__d.sql.conf", "executeInTransaction=false"),
        ("m/V5__e.sql", "SELECT 1;"),
    ])
    .read_as(Tool::Flyway, Some(Engine::Postgres));
    use Wrapped::{Nothing, Transaction};
    assert_eq!(
        wraps(&folder),
        [Nothing, Nothing, Transaction, Nothing, Transaction]
    );
    assert_eq!(folder.problems.len(), 1);
    assert!(problems(&folder)[0].starts_with("m/V2__b.sql: "));
}

#[test]
fn flyway_in_java_has_its_place() {
    let folder = Repo::of(&[
        "src/main/resources/db/migration/V1__a.sql",
        "src/main/java/db/migration/V2__Code.java",
        "src/main/java/db/other/V3__NotMine.java",
        "pom.xml",
    ])
    .folder();
    assert_eq!(versions(&folder), ["1", "2"]);
    assert_eq!(folder.problems[0].kind, ProblemKind::Code);
}

#[test]
fn refinery_takes_words_and_whole_numbers() {
    let folder = Repo::new([
        (
            "Cargo.toml",
            "[dependencies]\nrefinery = { version = \"0.8\", features = [\"rusqlite\"] }",
        ),
        ("migrations/V10__b.sql", ""),
        ("migrations/sub/V9__a.sql", ""),
        ("migrations/U11__late.sql", ""),
        ("migrations/V12__with-dash.sql", ""),
        ("migrations/V13__code.rs", ""),
    ])
    .folder();
    assert_eq!(folder.tool, Tool::Refinery);
    assert_eq!(folder.engine, Some(Engine::Sqlite));
    assert_eq!(versions(&folder), ["9", "10", "11", "13"]);
    let files: Vec<&str> = folder.problems.iter().map(|it| it.file.as_str()).collect();
    assert_eq!(
        files,
        ["migrations/V12__with-dash.sql", "migrations/V13__code.rs"]
    );
    let dotted = Repo::of(&["m/V1.2__a.sql"]).read_as(Tool::Refinery, None);
    assert!(problems(&dotted)[0].contains("refinery stops"));
}

#[test]
fn prisma_orders_folders_as_javascript_does() {
    let folder = Repo::new([
        (
            "prisma/migrations/migration_lock.toml",
            "provider = \"mysql\"",
        ),
        ("prisma/migrations/10_b/migration.sql", "SELECT 1;"),
        ("prisma/migrations/1_a/migration.sql", ""),
        ("prisma/migrations/1_B/migration.sql", ""),
        ("prisma/migrations/add/migration.sql", ""),
    ])
    .folder();
    assert_eq!(folder.tool, Tool::Prisma);
    assert_eq!(folder.engine, Some(Engine::Mysql));
    assert_eq!(versions(&folder), ["1_a", "1_B", "10_b", "add"]);
    assert_eq!(names(&folder), ["a", "B", "b", ""]);
    assert_eq!(wraps(&folder), [Wrapped::OneMessage; 4]);
}

#[test]
fn drizzle_follows_its_journal() {
    let journal = r#"{"dialect": "postgresql", "entries": [
        {"idx": 0, "when": 1, "tag": "0001_b", "breakpoints": true},
        {"idx": 1, "when": 2, "tag": "0000_a", "breakpoints": true},
        {"idx": 2, "when": 3, "tag": "0002_gone", "breakpoints": true}]}"#;
    let text = "CREATE TABLE a (id INT);\n--> statement-breakpoint\nCREATE TABLE b (id INT);\n";
    let folder = Repo::new([
        ("drizzle/meta/_journal.json", journal),
        ("drizzle/0000_a.sql", text),
        ("drizzle/0001_b.sql", text),
        ("drizzle/0003_by_hand.sql", text),
    ])
    .folder();
    assert_eq!(folder.tool, Tool::Drizzle);
    assert_eq!(folder.engine, Some(Engine::Postgres));
    assert_eq!(names(&folder), ["b", "a", "gone"]);
    assert!(!folder.migrations[2].up.readable);
    assert_eq!(
        problems(&folder),
        [
            "drizzle/0003_by_hand.sql: drizzle/meta/_journal.json does not list this file",
            "drizzle/meta/_journal.json: 0002_gone.sql is listed, and there is no such file",
        ]
    );
    let places = pieces(Tool::Drizzle, text, &folder.migrations[0].up).expect("pieces");
    let cut: Vec<&str> = places.into_iter().map(|place| &text[place]).collect();
    assert_eq!(
        cut,
        ["CREATE TABLE a (id INT);", "CREATE TABLE b (id INT);"]
    );
}

#[test]
fn a_journal_that_lists_nothing_is_not_followed() {
    let folder = Repo::new([
        ("migrations/meta/_journal.json", r#"{"entries": []}"#),
        ("migrations/0001_a.sql", ""),
    ])
    .folder();
    assert_eq!(folder.tool, Tool::Plain);
    assert_eq!(folder.migrations.len(), 1);
}

#[test]
fn atlas_checks_its_sums() {
    let files = [
        ("1_a.sql", "A;\n"),
        ("2.sql", "-- atlas:txmode none\n\nB;\n"),
    ];
    let bytes = files.map(|(name, text)| (name, text.as_bytes()));
    let sum = switchback_migration::history::atlas_sum(&bytes);
    let repo = |second| {
        Repo::new([
            ("migrations/1_a.sql", files[0].1),
            ("migrations/2.sql", second),
            ("migrations/atlas.sum", sum.as_str()),
        ])
    };
    let folder = repo(files[1].1).folder();
    assert_eq!(folder.tool, Tool::Atlas);
    assert_eq!(versions(&folder), ["1", "2"]);
    assert_eq!(wraps(&folder), [Wrapped::Transaction, Wrapped::Nothing]);
    assert!(folder.problems.is_empty(), "{:?}", folder.problems);
    let edited = repo("B2;\n").folder();
    assert_eq!(
        problems(&edited),
        ["migrations/2.sql: the checksum in atlas.sum is of another content"]
    );
}

#[test]
fn atlas_starts_an_empty_database_at_the_last_checkpoint() {
    let folder = Repo::new([
        ("m/1_a.sql", ""),
        (
            "m/2_check.sql",
            "-- atlas:checkpoint\n\nCREATE TABLE a (id INT);\n",
        ),
        ("m/3_c.sql", "-- atlas:txmode all\n\nSELECT 1;\n"),
    ])
    .read_as(Tool::Atlas, None);
    let run: Vec<&str> = folder
        .from_empty()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(run, ["check", "c"]);
    assert!(problems(&folder)[0].contains("`atlas:txmode all`"));
}

#[test]
fn supabase_takes_its_folder_and_passes_over_old_inits() {
    let folder = Repo::of(&[
        "supabase/migrations/20210101000000_init.sql",
        "supabase/migrations/20240102000000_b.sql",
        "supabase/migrations/20240101000000_a.sql",
        "supabase/migrations/20240103000000-c.sql",
        "supabase/seed.sql",
    ])
    .folder();
    assert_eq!(folder.tool, Tool::Supabase);
    assert_eq!(folder.engine, Some(Engine::Postgres));
    assert_eq!(names(&folder), ["a", "b"]);
    assert_eq!(folder.problems.len(), 2);
}

#[test]
fn plain_files_go_by_number_or_date() {
    let numbers = Repo::of(&[
        "migrations/10-z.sql",
        "migrations/2 with blanks.sql",
        "migrations/2_back.down.sql",
        "migrations/1.sql",
        "migrations/schema.sql",
    ])
    .folder();
    assert_eq!(numbers.tool, Tool::Plain);
    assert_eq!(versions(&numbers), ["1", "2", "10"]);
    assert_eq!(names(&numbers)[1], "with blanks");
    assert!(numbers.migrations[1].down.is_some());
    assert_eq!(wraps(&numbers), [Wrapped::OneMessage; 3]);
    assert_eq!(numbers.problems.len(), 1);
    let dates = Repo::of(&[
        "updates/20240102-b.sql",
        "updates/20240101120000-a.sql",
        "updates/20240102-c.sql",
    ])
    .folder();
    assert_eq!(names(&dates), ["a", "b", "c"]);
    assert!(
        dates.problems.is_empty(),
        "two changes of one day are no mistake"
    );
}

#[test]
fn plain_folders_of_versions_belong_together() {
    let folder = Repo::of(&[
        "store/migration/sqlite/0.10/00__b.sql",
        "store/migration/sqlite/0.9/01__a2.sql",
        "store/migration/sqlite/0.9/00__a1.sql",
        "store/migration/sqlite/LATEST.sql",
    ])
    .folder();
    assert_eq!(folder.path, "store/migration/sqlite");
    assert_eq!(folder.engine, Some(Engine::Sqlite));
    assert_eq!(versions(&folder), ["0.9/00", "0.9/01", "0.10/00"]);
}

#[test]
fn plain_files_divided_by_others_are_not_read() {
    let folder = Repo::new([
        (
            "migrations/001_a.sql",
            "CREATE TABLE a (id INT);\n---- create above / drop below ----\nDROP TABLE a;\n",
        ),
        ("migrations/002_b.sql", "SELECT 1;"),
    ])
    .folder();
    assert!(!folder.migrations[0].up.readable);
    assert!(folder.migrations[1].up.readable);
    assert!(problems(&folder)[0].contains("tern"));
}
