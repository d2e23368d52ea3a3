//! Contents and names that are not as one would like them.

use super::*;
use switchback_migration::history::ProblemKind;

#[test]
fn a_file_that_is_not_utf8_keeps_its_place() {
    let folder = Repo::of(&["m/1_a.sql", "m/3_c.sql"])
        .with("m/2_b.sql", b"-- caf\xe9\nDROP TABLE a;")
        .read_as(Tool::Sqlx, None);
    assert_eq!(versions(&folder), ["1", "2", "3"]);
    let part = &folder.migrations[1].up;
    assert!(!part.readable && part.span.is_empty());
    assert_eq!(folder.problems.len(), 1);
    assert_eq!(folder.problems[0].kind, ProblemKind::NotUtf8 { at: 6 });
    assert_eq!(folder.problems[0].span, 6..6);
}

#[test]
fn a_byte_order_mark_is_no_sql() {
    let repo = Repo::new([("m/1_a.sql", "\u{feff}SELECT 1;")]);
    let folder = repo.read_as(Tool::Sqlx, Some(Engine::Postgres));
    assert_eq!(folder.migrations[0].up.span, 3..12);
    assert_eq!(folder.problems[0].kind, ProblemKind::ByteOrderMark);
    let flyway = Repo::new([("m/V1__a.sql", "\u{feff}SELECT 1;")]);
    let flyway = flyway.read_as(Tool::Flyway, Some(Engine::Postgres));
    assert_eq!(flyway.migrations[0].up.span, 3..12);
    assert!(flyway.problems.is_empty(), "Flyway takes it away");
    let sqlite = repo.read_as(Tool::Sqlx, Some(Engine::Sqlite));
    assert!(
        sqlite.problems.is_empty(),
        "SQLite takes it for white space"
    );
}

#[test]
fn a_byte_order_mark_hides_a_marker() {
    let folder = Repo::new([("m/1_a.sql", "\u{feff}-- +goose Up\nSELECT 1;\n")])
        .read_as(Tool::Goose, Some(Engine::Postgres));
    assert!(!folder.migrations[0].up.readable);
    assert!(
        problems(&folder)
            .iter()
            .any(|it| it.contains("`-- +goose Up` is missing"))
    );
}

#[test]
fn line_ends_of_windows_are_kept() {
    let text = "-- +goose Up\r\nSELECT 1;\r\n-- +goose Down\r\nSELECT 2;\r\n";
    let folder = Repo::new([("m/1_a.sql", text)]).read_as(Tool::Goose, None);
    let it = &folder.migrations[0];
    assert_eq!(&text[it.up.span.clone()], "SELECT 1;\r\n");
    assert_eq!(
        &text[it.down.as_ref().expect("down").span.clone()],
        "SELECT 2;\r\n"
    );
    assert!(folder.problems.is_empty(), "{:?}", folder.problems);
}

#[test]
fn an_empty_file_is_a_migration() {
    let folder = Repo::of(&["migrations/1_a.sql"]).folder();
    assert_eq!(folder.migrations[0].up.span, 0..0);
    assert!(folder.migrations[0].up.readable);
    assert!(folder.problems.is_empty());
}

#[test]
fn contents_that_are_not_handed_in_are_told() {
    let candidate = at("m", &["m/1_a.up.sql"]).expect("a candidate");
    let folder = read(&candidate, |_| None).expect("a folder");
    assert!(!folder.migrations[0].up.readable);
    assert_eq!(folder.problems[0].kind, ProblemKind::Unread);
}

#[test]
fn the_same_number_is_told_at_the_later_file() {
    let folder = Repo::of(&[
        "m/1_a.up.sql",
        "m/01_b.up.sql",
        "m/1_c.down.sql",
        "m/1_d.down.sql",
    ])
    .read_as(Tool::GolangMigrate, None);
    assert_eq!(names(&folder), ["b", "a"]);
    assert_eq!(
        problems(&folder),
        [
            "m/1_a.up.sql: version 1 is also that of m/01_b.up.sql",
            "m/1_d.down.sql: version 1 is also that of m/1_c.down.sql",
        ]
    );
    let text = Repo::new([
        ("m/1_a.sql", "-- migrate:up\n-- migrate:down\n"),
        ("m/01_b.sql", "-- migrate:up\n-- migrate:down\n"),
        ("m/1_c.sql", "-- migrate:up\n-- migrate:down\n"),
    ])
    .read_as(Tool::Dbmate, None);
    assert_eq!(
        problems(&text),
        ["m/1_c.sql: version 1 is also that of m/1_a.sql"],
        "dbmate's versions are text"
    );
}

#[test]
fn names_may_hold_anything() {
    let folder = Repo::of(&["m/1_größe und.mehr 2.sql", "m/2_.sql", "m/3_\u{1F980}.sql"])
        .read_as(Tool::Sqlx, None);
    assert_eq!(names(&folder), ["größe und.mehr 2", "", "\u{1F980}"]);
}

#[test]
fn a_file_alone_in_the_root_is_read() {
    let paths = ["1_a.sql", "2_b.sql"];
    let candidate = at("", &paths).expect("a candidate");
    assert_eq!(candidate.files, paths);
    let folder = read(&candidate, |_| Some(b"".as_slice())).expect("a folder");
    assert_eq!((folder.path.as_str(), folder.migrations.len()), ("", 2));
}
