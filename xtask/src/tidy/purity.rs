//! Pure crates do no I/O: what they depend on, and that Clippy holds them to it.
//! `xtask/policy/purity.toml` and `xtask/policy/pure-clippy.toml`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;

use crate::finding::{Failure, Finding, policy};
use crate::metadata::{Metadata, Package};
use crate::tree::Tree;

const CHECK: &str = "purity";
const FILE: &str = "xtask/policy/purity.toml";
const CLIPPY: &str = "xtask/policy/pure-clippy.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Purity {
    pure: BTreeSet<String>,
    /// Package and why it does no I/O.
    allow: BTreeMap<String, String>,
    /// Package and what it does.
    deny: BTreeMap<String, String>,
}

impl Purity {
    pub(crate) fn load() -> Result<Self, Failure> {
        policy(FILE, include_str!("../../policy/purity.toml"))
    }
}

pub(crate) fn check(
    metadata: &Metadata,
    tree: &Tree,
    purity: &Purity,
) -> Result<Vec<Finding>, Failure> {
    let template = include_bytes!("../../policy/pure-clippy.toml");
    let ours: BTreeSet<&str> = metadata
        .members()
        .map(|package| package.name.as_str())
        .collect();
    let mut findings = Vec::new();
    for package in metadata.members() {
        let name = package.short();
        if !purity.pure.contains(name) {
            continue;
        }
        for dependency in &package.dependencies {
            let outside = !ours.contains(dependency.name.as_str());
            if outside && !dependency.is_dev() && !purity.allow.contains_key(&dependency.name) {
                let text = format!(
                    "depends on {}, which {FILE} does not list: add it there with the reason why \
                     it does no I/O",
                    dependency.name
                );
                findings.push(Finding::new(CHECK, name, text));
            }
        }
        findings.extend(reaches(metadata, package, purity));
        let clippy = format!("crates/{name}/clippy.toml");
        if !tree.files.contains(&clippy) {
            let text = format!("is missing: cp {CLIPPY} {clippy}");
            findings.push(Finding::new(CHECK, clippy, text));
        } else if tree.read(&clippy)? != template {
            let text = format!("is not {CLIPPY}: change that and copy it to every pure crate");
            findings.push(Finding::new(CHECK, clippy, text));
        }
    }
    Ok(findings)
}

/// Walks the resolved graph along normal dependencies, on every platform, and says the way to each
/// package that does I/O.
fn reaches(metadata: &Metadata, start: &Package, purity: &Purity) -> Vec<Finding> {
    let packages = metadata.by_id();
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
        let normal = node.deps.iter().filter(|dependency| dependency.is_normal());
        edges.insert(
            &node.id,
            normal.map(|dependency| dependency.pkg.as_str()).collect(),
        );
    }
    let mut from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start.id.as_str()]);
    let mut findings = Vec::new();
    while let Some(id) = queue.pop_front() {
        for next in edges.get(id).into_iter().flatten() {
            if *next == start.id || from.contains_key(next) {
                continue;
            }
            from.insert(next, id);
            queue.push_back(next);
            let name = packages
                .get(next)
                .map_or(*next, |package| package.name.as_str());
            if let Some(what) = purity.deny.get(name) {
                let mut way = vec![name];
                let mut at = *next;
                while let Some(before) = from.get(at) {
                    way.push(
                        packages
                            .get(before)
                            .map_or(*before, |package| package.short()),
                    );
                    at = before;
                }
                way.reverse();
                let text = format!("reaches {name} ({what}): {}", way.join(" -> "));
                findings.push(Finding::new(CHECK, start.short(), text));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::fake::workspace;
    use switchback_testkit::git::ScratchRepository;

    const TEMPLATE: &str = include_str!("../../policy/pure-clippy.toml");

    fn found(packages: &[(&str, &[&str])], clippy: Option<&str>) -> Vec<String> {
        let scratch = ScratchRepository::new();
        if let Some(clippy) = clippy {
            scratch.write("crates/model/clippy.toml", clippy);
        }
        let tree = Tree::load(scratch.path()).unwrap();
        let findings = check(&workspace(packages), &tree, &Purity::load().unwrap()).unwrap();
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_pure_crate_with_listed_dependencies_is_fine() {
        let findings = found(
            &[
                ("model", &["serde@1.0.0", "dev:tokio@1.0.0"]),
                ("serde@1.0.0", &["dev:tokio@1.0.0"]),
                ("tokio@1.0.0", &[]),
                ("db", &["tokio@1.0.0"]),
            ],
            Some(TEMPLATE),
        );
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn a_dependency_that_is_not_listed_is_refused() {
        let findings = found(
            &[("model", &["rand@1.0.0"]), ("rand@1.0.0", &[])],
            Some(TEMPLATE),
        );
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("depends on rand"), "{findings:?}");
    }

    #[test]
    fn io_behind_a_listed_dependency_is_found_with_the_way_to_it() {
        let findings = found(
            &[
                ("model", &["serde@1.0.0"]),
                ("serde@1.0.0", &["helper@1.0.0"]),
                ("helper@1.0.0", &["serde@1.0.0", "tokio@1.0.0"]),
                ("tokio@1.0.0", &[]),
            ],
            Some(TEMPLATE),
        );
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].contains("model -> serde -> helper -> tokio"),
            "{findings:?}"
        );
    }

    #[test]
    fn the_clippy_file_is_there_and_the_same() {
        let missing = found(&[("model", &[])], None);
        assert!(missing[0].contains("is missing"), "{missing:?}");
        let other = found(
            &[("model", &[])],
            Some(&TEMPLATE.replace("std::fs::read\"", "x\"")),
        );
        assert!(other[0].contains("is not"), "{other:?}");
        assert!(found(&[("db", &[])], None).is_empty(), "db is not pure");
    }

    #[test]
    fn the_template_bans_clock_environment_files_network_and_processes() {
        let template: toml::Table = toml::from_str(TEMPLATE).unwrap();
        let banned: Vec<&str> = ["disallowed-methods", "disallowed-types"]
            .iter()
            .flat_map(|list| template[*list].as_array().unwrap())
            .map(|entry| {
                assert!(!entry["reason"].as_str().unwrap().is_empty());
                entry["path"].as_str().unwrap()
            })
            .collect();
        for path in [
            "std::time::SystemTime::now",
            "std::time::Instant::now",
            "jiff::Timestamp::now",
            "std::env::var",
            "std::fs::read",
            "std::net::TcpStream",
            "std::process::Command",
        ] {
            assert!(banned.contains(&path), "{path}");
        }
    }
}
