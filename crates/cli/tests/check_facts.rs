//! `switchback check` on statements of which it was measured whether somebody waits in proportion
//! to a table: all of those are reported, and none of the others.
//!
//! The cases are those that `crates/db/tests/facts.rs` runs on servers, which is where it is
//! measured. Here the history in the repository is all that is known, and no server is asked.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

#[path = "../../db/tests/facts/cases.rs"]
#[expect(dead_code, reason = "not all of a case is needed here")]
mod cases;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use cases::{Case, File};
use serde_json::Value;
use support::{run, switchback};

const CASES: &str = include_str!("../../db/tests/facts/operations.sql");

/// The rules that say that somebody waits for work that grows with a table.
const BLOCKING: &[&str] = &[
    "SB1001", "SB1002", "SB1003", "SB1004", "SB1005", "SB1006", "SB1007", "SB1008",
];

/// The codes that are reported of each case, by the number of the case.
fn reported(file: &File, major: u32) -> BTreeMap<usize, BTreeSet<String>> {
    let cli = switchback();
    for (number, case) in file.cases.iter().enumerate() {
        let folder = format!("{number}/migrations");
        cli.write(format!("{folder}/1_setup.sql"), file.setup(major))
            .unwrap();
        let sql = format!("SET search_path = ops;\n{}", case.sql);
        cli.write(format!("{folder}/2_case.sql"), sql).unwrap();
    }
    let line = format!("check --engine postgres --postgres-version {major} --format json");
    let ran = run(&cli, &line);
    let value: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|_| panic!("{major}: {} {}", ran.stdout, ran.stderr));
    let mut all: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for finding in value["findings"].as_array().unwrap() {
        let code = finding["code"].as_str().unwrap().to_owned();
        let file = finding["file"].as_str().unwrap();
        if let Some(number) = file.strip_suffix("/migrations/2_case.sql") {
            all.entry(number.parse().unwrap()).or_default().insert(code);
        }
    }
    all
}

#[test]
fn what_blocks_is_reported_and_nothing_else() {
    let file = cases::read("operations", CASES);
    let mut wrong = Vec::new();
    for major in 12..=18 {
        let found = reported(&file, major);
        let (mut blocking, mut safe, mut newer) = (0, 0, 0);
        let runs = |case: &&Case| {
            let refused = case.refused.as_ref().is_some_and(|it| it.contains(&major));
            !refused && case.only.contains(&major)
        };
        for (number, case) in file.cases.iter().enumerate().filter(|(_, it)| runs(it)) {
            let codes = found.get(&number).cloned().unwrap_or_default();
            if codes.contains("SB1018") {
                newer += 1;
                continue;
            }
            let blocks = file.says_blocks(case, major).unwrap();
            *(if blocks { &mut blocking } else { &mut safe }) += 1;
            if codes.iter().any(|it| BLOCKING.contains(&it.as_str())) != blocks {
                wrong.push(format!(
                    "{major}: {}: blocks {blocks}, {codes:?}",
                    case.name
                ));
            }
            for unknown in ["SB1016", "SB1017", "SB1301"] {
                if codes.contains(unknown) {
                    wrong.push(format!("{major}: {}: {unknown}", case.name));
                }
            }
        }
        println!("PostgreSQL {major}: {blocking} block, {safe} do not, {newer} are newer");
        assert!(blocking >= 28 && safe >= 69, "{major}: {blocking} {safe}");
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
