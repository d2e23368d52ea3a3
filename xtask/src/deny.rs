//! `cargo xtask deny`: licences, sources and advisories of packages from outside, without network.

mod advisories;
mod expression;
mod licences;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::finding::{Failure, Finding};
use crate::metadata::Metadata;

/// Where a checkout of the RustSec advisory database is, if there is one.
const DATABASE: &str = "SWITCHBACK_ADVISORY_DB";

pub(crate) fn run() -> Result<Vec<Finding>, Failure> {
    let metadata = Metadata::load()?;
    let mut findings = licences::check(&metadata, &licences::Licences::load()?);
    let mut advisories = advisories::Advisories::own()?;
    match std::env::var_os(DATABASE) {
        Some(folder) => {
            let count = advisories.add_database(Path::new(&folder))?;
            let text = format!("{count} advisories read");
            findings.push(Finding::info("advisories", DATABASE, text));
        }
        None => {
            let text = "not set, so only our own list of advisories was used";
            findings.push(Finding::info("advisories", DATABASE, text));
        }
    }
    findings.extend(advisories.check(&metadata));
    findings.extend(duplicates(&metadata));
    Ok(findings)
}

/// Packages that are there in several versions: worth knowing, nothing to fail for.
fn duplicates(metadata: &Metadata) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&semver::Version>> = BTreeMap::new();
    for package in metadata.externals() {
        versions
            .entry(&package.name)
            .or_default()
            .insert(&package.version);
    }
    let several = versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1);
    several
        .map(|(name, versions)| {
            let list: Vec<String> = versions.iter().map(ToString::to_string).collect();
            Finding::info("duplicates", name, list.join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::fake::workspace;

    #[test]
    fn duplicates_are_information() {
        let metadata = workspace(&[("a@1.0.0", &[]), ("a@2.0.0", &[]), ("b@1.0.0", &[])]);
        let findings = duplicates(&metadata);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].to_string(), "info: duplicates: a: 1.0.0, 2.0.0");
    }
}
