//! Licences and sources: `xtask/policy/licences.toml`.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::expression::Expression;
use crate::finding::{Failure, Finding, policy};
use crate::metadata::{Metadata, Package};

const FILE: &str = "xtask/policy/licences.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Licences {
    sources: BTreeSet<String>,
    allow: BTreeSet<String>,
    #[serde(default)]
    except: Vec<Except>,
    #[serde(default)]
    clarify: Vec<Clarify>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Except {
    package: String,
    licence: String,
    #[expect(
        dead_code,
        reason = "whoever reads the policy needs it, and has to give it"
    )]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clarify {
    package: String,
    version: semver::Version,
    licence: String,
    #[expect(
        dead_code,
        reason = "whoever reads the policy needs it, and has to give it"
    )]
    reason: String,
}

impl Licences {
    pub(crate) fn load() -> Result<Self, Failure> {
        policy(FILE, include_str!("../../policy/licences.toml"))
    }

    fn expression<'a>(&'a self, package: &'a Package) -> Option<&'a str> {
        let clarified = self
            .clarify
            .iter()
            .find(|clarify| clarify.package == package.name && clarify.version == package.version);
        let clarified = clarified.map(|clarify| clarify.licence.as_str());
        clarified.or(package.license.as_deref())
    }

    fn allows(&self, package: &Package, licence: &str) -> bool {
        let excepted =
            |except: &Except| except.package == package.name && except.licence == licence;
        self.allow.contains(licence) || self.except.iter().any(excepted)
    }
}

pub(crate) fn check(metadata: &Metadata, licences: &Licences) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in metadata.externals() {
        let place = format!("{} {}", package.name, package.version);
        match licences.expression(package) {
            None => {
                let text = format!("has no licence expression: read its licence, then {FILE}");
                findings.push(Finding::new("licences", &place, text));
            }
            Some(text) => {
                let expression = Expression::parse(text);
                let allowed = |licence: &str| licences.allows(package, licence);
                if !expression.is_some_and(|expression| expression.satisfied(&allowed)) {
                    let text = format!("`{text}` is not allowed by {FILE}");
                    findings.push(Finding::new("licences", &place, text));
                }
            }
        }
        let source = package
            .source
            .as_deref()
            .unwrap_or("a folder outside of the workspace");
        if !licences.sources.contains(source) {
            let text = format!("comes from {source}, which {FILE} does not allow");
            findings.push(Finding::new("sources", &place, text));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::fake::workspace;

    fn found(change: impl Fn(&mut Package)) -> Vec<String> {
        let mut metadata = workspace(&[("model", &["a@1.0.0"]), ("a@1.0.0", &[])]);
        change(&mut metadata.packages[1]);
        let findings = check(&metadata, &Licences::load().unwrap());
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_allowed_licence_from_the_registry_is_fine() {
        assert!(found(|_| {}).is_empty());
    }

    #[test]
    fn other_licences_are_refused() {
        for bad in ["GPL-3.0-only", "MIT AND MPL-2.0", "nonsense!", ""] {
            let findings = found(|package| package.license = Some(bad.to_owned()));
            assert_eq!(findings.len(), 1, "{bad}: {findings:?}");
        }
        let findings = found(|package| package.license = None);
        assert!(
            findings[0].contains("no licence expression"),
            "{findings:?}"
        );
    }

    #[test]
    fn other_sources_are_refused() {
        let git = "git+https://example.org/a#0000".to_owned();
        for bad in [Some(git), None] {
            let findings = found(|package| package.source.clone_from(&bad));
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].starts_with("sources: a 1.0.0"), "{findings:?}");
        }
    }

    #[test]
    fn an_exception_is_for_one_package_and_a_clarification_for_one_version() {
        let text = "sources = [\"registry+https://github.com/rust-lang/crates.io-index\"]\n\
                    allow = []\n\
                    [[except]]\npackage = \"a\"\nlicence = \"MIT\"\nreason = \"test\"\n\
                    [[clarify]]\npackage = \"b\"\nversion = \"1.0.0\"\nlicence = \"MIT\"\nreason = \"test\"\n";
        let licences: Licences = policy("test", text).unwrap();
        let metadata = workspace(&[("a@1.0.0", &[]), ("b@1.0.0", &[])]);
        let findings = check(&metadata, &licences);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].place.starts_with('b'));
        let mut unclear = metadata.packages[1].clone();
        unclear.license = None;
        assert_eq!(licences.expression(&unclear), Some("MIT"));
        unclear.version = semver::Version::new(1, 0, 1);
        assert_eq!(licences.expression(&unclear), None);
    }
}
