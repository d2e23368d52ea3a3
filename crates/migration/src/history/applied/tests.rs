//! Records as tools write them, against folders.

use super::*;
use crate::history::{checksum, discover, read};

const FILES: [&str; 3] = ["CREATE TABLE a (x int);", "SELECT 2;", "SELECT 3;"];

/// A folder with three migrations, named as a tool names them.
fn folder(tool: Tool, paths: [&str; 3]) -> Folder {
    let mut candidates = discover(&paths);
    let mut candidate = candidates.remove(0);
    candidate.tools = vec![tool];
    let bytes = |path: &str| of(paths, path);
    let folder = read(&candidate, bytes).unwrap();
    assert_eq!(folder.migrations.len(), 3, "{folder:#?}");
    folder
}

fn of(paths: [&str; 3], path: &str) -> Option<&'static [u8]> {
    let place = paths.iter().position(|it| *it == path)?;
    Some(FILES.get(place)?.as_bytes())
}

fn row(version: &str, state: &str, checksum: Option<String>) -> Row {
    Row {
        version: version.to_owned(),
        name: String::new(),
        state: State::of(state).unwrap(),
        checksum,
    }
}

fn kinds(standing: &Standing) -> Vec<(&str, MisfitKind)> {
    let all = standing.misfits.iter();
    all.map(|it| (it.version.as_str(), it.kind)).collect()
}

const SQLX: [&str; 3] = [
    "migrations/1_a.sql",
    "migrations/2_b.sql",
    "migrations/3_c.sql",
];

#[test]
fn what_is_applied_edited_in_part_and_gone_is_told_apart() {
    let folder = folder(Tool::Sqlx, SQLX);
    let sum = |text: &str| checksum(Tool::Sqlx, text.as_bytes()).map(|it| it.to_string());
    let stand = |rows: &[Row]| standing(&folder, rows, |path| of(SQLX, path));
    let fine = [
        row("1", "done", sum(FILES[0])),
        row("2", "done", sum(FILES[1])),
    ];
    let found = stand(&fine);
    assert_eq!(found.applied, [0, 1]);
    assert_eq!(found.pending, [2]);
    assert_eq!(found.misfits, []);
    let found = stand(&[
        row("1", "done", sum("other")),
        row("2", "part", sum(FILES[1])),
        row("9", "done", sum("gone")),
    ]);
    assert_eq!(
        kinds(&found),
        [
            ("1", MisfitKind::Edited),
            ("2", MisfitKind::InPart),
            ("9", MisfitKind::NotInFolder)
        ]
    );
    assert_eq!(found.misfits[0].file.as_deref(), Some("migrations/1_a.sql"));
    let found = stand(&[]);
    assert_eq!((found.applied.len(), found.pending), (0, vec![0, 1, 2]));
}

#[test]
fn golang_migrate_keeps_one_version() {
    let paths = [
        "migrations/01_a.up.sql",
        "migrations/02_b.up.sql",
        "migrations/03_c.up.sql",
    ];
    let folder = folder(Tool::GolangMigrate, paths);
    let stand = |rows: &[Row]| standing(&folder, rows, |path| of(paths, path));
    assert_eq!(stand(&[row("2", "done", None)]).pending, [2]);
    let dirty = stand(&[row("2", "part", None)]);
    assert_eq!(kinds(&dirty), [("2", MisfitKind::InPart)]);
    let gone = stand(&[row("7", "done", None)]);
    assert_eq!(kinds(&gone), [("7", MisfitKind::NotInFolder)]);
    // What is below it was applied before it.
    assert_eq!((gone.applied, gone.pending), (vec![0, 1, 2], vec![]));
}

#[test]
fn a_later_row_of_a_version_counts() {
    let paths = [
        "migrations/1_a.sql",
        "migrations/2_b.sql",
        "migrations/3_c.sql",
    ];
    let folder = folder(Tool::Goose, paths);
    let rows = [
        row("1", "done", None),
        row("2", "done", None),
        row("2", "undone", None),
    ];
    let found = standing(&folder, &rows, |path| of(paths, path));
    assert_eq!((found.applied, found.pending), (vec![0], vec![1, 2]));
    // Prisma keeps what failed and was struck out.
    let paths = [
        "migrations/1_a/migration.sql",
        "migrations/2_b/migration.sql",
        "migrations/3_c/migration.sql",
    ];
    let folder = self::folder(Tool::Prisma, paths);
    let sum = |text: &str| checksum(Tool::Prisma, text.as_bytes()).map(|it| it.to_string());
    let rows = [
        row("1_a", "undone", sum("old")),
        row("1_a", "done", sum(FILES[0])),
        row("2_b", "part", sum("old")),
    ];
    let found = standing(&folder, &rows, |path| of(paths, path));
    assert_eq!(kinds(&found), [("2_b", MisfitKind::InPart)]);
}

#[test]
fn flyways_versions_baselines_and_repeatables_are_its_own() {
    let paths = [
        "migrations/V1_1__a.sql",
        "migrations/V2__b.sql",
        "migrations/R__view.sql",
    ];
    let folder = folder(Tool::Flyway, paths);
    let stand = |rows: &[Row]| standing(&folder, rows, |path| of(paths, path));
    let sum = |text: &str| checksum(Tool::Flyway, text.as_bytes()).map(|it| it.to_string());
    let found = stand(&[row("1.1.0", "done", sum(FILES[0]))]);
    assert_eq!((found.applied, found.misfits), (vec![0], vec![]));
    let found = stand(&[row("1.1", "done", sum("edited"))]);
    assert_eq!(kinds(&found), [("1.1", MisfitKind::Edited)]);
    // A baseline that is no file.
    let found = stand(&[row("1.5", "baseline", None)]);
    assert_eq!((found.applied, found.pending), (vec![0], vec![1, 2]));
    let mut view = row("", "done", Some("1".to_owned()));
    view.name = "view".to_owned();
    let found = stand(&[view]);
    assert_eq!((found.applied, found.misfits), (vec![2], vec![]));
}

#[test]
fn refinery_and_atlas_have_hashes_of_their_own() {
    let paths = [
        "migrations/V1__a.sql",
        "migrations/V2__b.sql",
        "migrations/V3__c.sql",
    ];
    let folder = folder(Tool::Refinery, paths);
    let sum = |text: &str| refinery("a", "1", text.as_bytes()).into_iter().next();
    let stand = |rows: &[Row]| standing(&folder, rows, |path| of(paths, path));
    assert_eq!(stand(&[row("1", "done", sum(FILES[0]))]).misfits, []);
    let found = stand(&[row("1", "done", sum("other"))]);
    assert_eq!(kinds(&found), [("1", MisfitKind::Edited)]);

    let paths = ["migrations/1.sql", "migrations/2.sql", "migrations/3.sql"];
    let folder = self::folder(Tool::Atlas, paths);
    let files: Vec<(&str, &[u8])> = ["1.sql", "2.sql", "3.sql"]
        .into_iter()
        .zip(FILES.map(str::as_bytes))
        .collect();
    let hash = |place: usize| Some(atlas::hashes(&files)[place].1.clone());
    let stand = |rows: &[Row]| standing(&folder, rows, |path| of(paths, path));
    let found = stand(&[row("1", "done", hash(0)), row("2", "done", hash(1))]);
    assert_eq!((found.misfits, found.pending), (vec![], vec![2]));
    let found = stand(&[row("1", "done", hash(0)), row("2", "done", hash(2))]);
    assert_eq!(kinds(&found), [("2", MisfitKind::Edited)]);
}
