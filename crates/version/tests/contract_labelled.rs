//! The labelled cases that others publish, found outside of the repository: each says of two states
//! of a contract whether the second one is compatible with the first one.
//!
//! `SWITCHBACK_CONTRACT_CASES` names a folder with check-outs of some of `oasdiff` (oasdiff/oasdiff),
//! `confluent` (confluentinc/schema-registry), `avro` (apache/avro) and, with the
//! feature `protobuf`, `buf` (bufbuild/buf). Without it nothing is tried.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and the cases lie in files"
)]

#[path = "contract_cases/mod.rs"]
mod cases;

use std::path::{Path, PathBuf};

use cases::{Case, Otherwise, Tally};

fn folder(name: &str) -> Option<PathBuf> {
    let all = std::env::var_os("SWITCHBACK_CONTRACT_CASES")?;
    let folder = Path::new(&all).join(name);
    folder.is_dir().then_some(folder)
}

fn judge(name: &str, cases: Vec<Case>, otherwise: &[Otherwise]) {
    assert!(
        cases.len() > 20,
        "{name}: only {} cases were found",
        cases.len()
    );
    let tally = Tally::of(cases, otherwise);
    println!("{name}: {tally}");
    assert!(
        tally.recall() >= 0.98,
        "{name}: too many labelled breaks are not found"
    );
    assert!(
        tally.false_alarms() <= 0.02,
        "{name}: too many compatible ones are flagged"
    );
}

#[test]
fn confluent_json_schema() {
    let Some(folder) = folder("confluent") else {
        return;
    };
    judge(
        "confluent JSON Schema",
        cases::confluent::cases(&folder),
        cases::confluent::OTHERWISE,
    );
}

#[test]
fn oasdiff() {
    let Some(folder) = folder("oasdiff") else {
        return;
    };
    let cases = cases::oasdiff::cases(&folder);
    for case in cases.iter().filter(|it| it.about.is_some()) {
        let found = case.findings().unwrap();
        assert!(!found.is_empty(), "{}: nothing is found", case.name);
    }
    judge("oasdiff", cases, cases::oasdiff::OTHERWISE);
}

#[test]
fn avro() {
    let Some(folder) = folder("avro") else { return };
    judge("Avro", cases::avro::cases(&folder), &[]);
}

#[cfg(feature = "protobuf")]
#[test]
fn buf() {
    let Some(folder) = folder("buf") else { return };
    let (cases, left) = cases::buf::cases(&folder);
    println!("buf: left out: {left:?}");
    judge("buf", cases, cases::buf::OTHERWISE);
}
