//! Which of our crates may depend on which: `xtask/policy/arrows.toml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::finding::{Failure, Finding, policy};
use crate::metadata::{Metadata, Package};

const CHECK: &str = "arrows";
const FILE: &str = "xtask/policy/arrows.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arrows {
    crates: BTreeMap<String, BTreeSet<String>>,
    dev: Dev,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dev {
    everywhere: BTreeSet<String>,
    #[serde(default)]
    also: Vec<Also>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Also {
    from: String,
    to: String,
    #[expect(
        dead_code,
        reason = "whoever reads the policy needs it, and has to give it"
    )]
    reason: String,
}

impl Arrows {
    pub(crate) fn load() -> Result<Self, Failure> {
        policy(FILE, include_str!("../../policy/arrows.toml"))
    }

    fn allows(&self, from: &str, to: &str, dev: bool) -> bool {
        let normal = self.crates.get(from).is_some_and(|list| list.contains(to));
        let also = |also: &Also| also.from == from && also.to == to;
        normal || (dev && (self.dev.everywhere.contains(to) || self.dev.also.iter().any(also)))
    }
}

pub(crate) fn check(metadata: &Metadata, arrows: &Arrows) -> Vec<Finding> {
    let ours: BTreeMap<&str, &Package> = metadata
        .members()
        .map(|package| (package.name.as_str(), package))
        .collect();
    let mut findings = Vec::new();
    for package in ours.values() {
        let from = package.short();
        if !arrows.crates.contains_key(from) {
            let text = format!("is not in {FILE}: say there what it may depend on");
            findings.push(Finding::new(CHECK, from, text));
        }
        for dependency in &package.dependencies {
            let Some(to) = ours.get(dependency.name.as_str()) else {
                continue;
            };
            let (to, dev) = (to.short(), dependency.is_dev());
            if !arrows.allows(from, to, dev) {
                let kind = if dev { "dev-depend" } else { "depend" };
                let text = format!("may not {kind} on {to} ({FILE})");
                findings.push(Finding::new(CHECK, from, text));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::fake::workspace;

    fn found(packages: &[(&str, &[&str])]) -> Vec<String> {
        let findings = check(&workspace(packages), &Arrows::load().unwrap());
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_arrows_of_the_design_are_fine() {
        let findings = found(&[
            ("model", &["serde@1.0.0", "dev:testkit"]),
            ("diag", &["model"]),
            ("interlock", &["model"]),
            ("ledger", &["model"]),
            ("migration", &["model", "diag", "interlock", "dev:testkit"]),
            ("db", &["model", "migration", "ledger"]),
            ("supply", &["model"]),
            (
                "cli",
                &[
                    "db",
                    "supply",
                    "diag",
                    "ledger",
                    "interlock",
                    "migration",
                    "model",
                ],
            ),
            ("testkit", &[]),
            ("xtask", &["dev:testkit"]),
            ("serde@1.0.0", &[]),
        ]);
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn every_other_edge_is_refused() {
        for (from, to) in [
            ("model", "diag"),
            ("diag", "ledger"),
            ("interlock", "ledger"),
            ("ledger", "diag"),
            ("migration", "ledger"),
            ("db", "supply"),
            ("supply", "db"),
            ("supply", "migration"),
            ("db", "cli"),
            ("server", "cli"),
            ("testkit", "db"),
            ("xtask", "model"),
        ] {
            let findings = found(&[(from, &[to]), (to, &[])]);
            assert_eq!(findings.len(), 1, "{from} -> {to}: {findings:?}");
            assert!(
                findings[0].contains(&format!("may not depend on {to}")),
                "{findings:?}"
            );
        }
    }

    #[test]
    fn dev_dependencies_are_edges_too() {
        let findings = found(&[("interlock", &["dev:ledger"]), ("ledger", &[])]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].contains("may not dev-depend on ledger"),
            "{findings:?}"
        );
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let findings = found(&[("cli", &["testkit"]), ("testkit", &[])]);
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    #[test]
    fn a_crate_that_nobody_placed_is_refused() {
        let findings = found(&[("misc", &[])]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("is not in"), "{findings:?}");
    }
}
