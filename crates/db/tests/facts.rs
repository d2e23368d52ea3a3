//! Claims about what statements lock and how long they work, against PostgreSQL.
//!
//! Each case is run on a real server, and what was seen there (`pg_locks`, the files of tables and
//! indexes, messages at DEBUG1, counts of scans) must be what [`Facts::of`] claims, nothing less and
//! nothing more. The installed server is used, and every major in the folder that
//! `SWITCHBACK_TEST_PG_MATRIX` names. `SWITCHBACK_TEST_LONG` asks for all of what is run in part
//! otherwise.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are the helpers of tests, and the counts are to be seen"
)]

#[path = "facts/alone.rs"]
mod alone;
#[path = "facts/cases.rs"]
mod cases;
#[path = "facts/chance.rs"]
mod chance;
#[path = "facts/compare.rs"]
mod compare;
#[path = "facts/effort.rs"]
mod effort;
#[path = "facts/linted.rs"]
mod linted;
#[path = "facts/matrix.rs"]
mod matrix;
#[path = "facts/observe.rs"]
mod observe;
#[path = "facts/random.rs"]
mod random;
#[path = "facts/random_statements.rs"]
mod random_statements;
#[path = "facts/run.rs"]
mod run;

#[path = "facts/corpus.rs"]
mod corpus;
#[path = "facts/functions.rs"]
mod functions;
#[path = "facts/history.rs"]
mod history;

use effort::Share;

const FILES: &[(&str, &str)] = &[
    ("operations", include_str!("facts/operations.sql")),
    ("trees", include_str!("facts/trees.sql")),
    ("columns", include_str!("facts/columns.sql")),
    ("retype", include_str!("facts/retype.sql")),
    ("indexes", include_str!("facts/indexes.sql")),
    ("data", include_str!("facts/data.sql")),
    ("others", include_str!("facts/others.sql")),
];

#[test]
fn claims_are_what_servers_do() {
    run::files(FILES);
}

#[test]
fn folded_is_what_the_server_has() {
    let files: Vec<_> = FILES
        .iter()
        .map(|(name, text)| cases::read(name, text))
        .collect();
    let made = [matrix::defaults(), matrix::constraints(Share::ALL)];
    let types = matrix::types(Share::ALL);
    history::setups(files.iter().chain(&made).chain(&types));
}

#[test]
fn histories_of_other_projects() {
    corpus::all();
}

#[test]
fn functions_are_as_volatile_as_claimed() {
    functions::all();
}

#[test]
fn every_type_into_every_other() {
    run::made(&matrix::types(Share::one_of(8)));
}

#[test]
fn defaults_of_every_kind() {
    run::made(&[matrix::defaults()]);
}

#[test]
fn constraints_in_every_state() {
    run::made(&[matrix::constraints(Share::one_of(4))]);
}

#[test]
fn statements_made_by_chance() {
    random::all();
}
