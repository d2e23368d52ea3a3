//! Known faults of packages: `xtask/advisories.toml`, and a RustSec database if one is at hand.

use std::collections::BTreeSet;
use std::path::Path;

use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::finding::{Failure, Finding, policy};
use crate::metadata::Metadata;

const CHECK: &str = "advisories";
const FILE: &str = "xtask/advisories.toml";

/// Everything that is known, from wherever.
#[derive(Debug)]
pub(crate) struct Advisories {
    list: Vec<Advisory>,
    ignored: BTreeSet<String>,
}

#[derive(Debug)]
struct Advisory {
    id: String,
    package: String,
    affected: Affected,
    title: String,
    fails: bool,
}

#[derive(Debug)]
enum Affected {
    /// The versions of any of these.
    In(Vec<VersionReq>),
    /// All versions but these.
    AllBut(Vec<VersionReq>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    advisory: Vec<OwnAdvisory>,
    #[serde(default)]
    ignore: Vec<Ignore>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnAdvisory {
    id: String,
    package: String,
    versions: Vec<String>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignore {
    id: String,
    #[expect(
        dead_code,
        reason = "whoever reads the policy needs it, and has to give it"
    )]
    reason: String,
}

/// The head of a RustSec advisory, as far as it matters here.
#[derive(Debug, Deserialize)]
struct RustSec {
    advisory: RustSecAdvisory,
    versions: RustSecVersions,
}

#[derive(Debug, Deserialize)]
struct RustSecAdvisory {
    id: String,
    package: String,
    /// `unmaintained`, `unsound` or `notice`; nothing for a vulnerability.
    informational: Option<String>,
    /// When it was found to be wrong.
    withdrawn: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RustSecVersions {
    #[serde(default)]
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

impl Advisories {
    /// Our own list.
    pub(crate) fn own() -> Result<Self, Failure> {
        Self::parse(include_str!("../../advisories.toml"))
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let own: Own = policy(FILE, text)?;
        let mut list = Vec::new();
        for advisory in own.advisory {
            list.push(Advisory {
                affected: Affected::In(requirements(FILE, &advisory.versions)?),
                id: advisory.id,
                package: advisory.package,
                title: advisory.reason,
                fails: true,
            });
        }
        Ok(Self {
            list,
            ignored: own.ignore.into_iter().map(|ignore| ignore.id).collect(),
        })
    }

    /// Adds the advisories about packages of a RustSec database: `crates/<package>/<id>.md`.
    ///
    /// Says how many. A folder without any is a mistake, not a clean bill.
    pub(crate) fn add_database(&mut self, folder: &Path) -> Result<usize, Failure> {
        let before = self.list.len();
        for package in entries(&folder.join("crates"))? {
            for file in entries(&package)? {
                if file.extension().is_none_or(|extension| extension != "md") {
                    continue;
                }
                let text = std::fs::read_to_string(&file).map_err(|source| Failure::Read {
                    path: file.clone(),
                    source,
                })?;
                self.add(&file.display().to_string(), &text)?;
            }
        }
        if self.list.len() == before {
            return Err(Failure::NoAdvisories {
                path: folder.to_owned(),
            });
        }
        Ok(self.list.len() - before)
    }

    fn add(&mut self, file: &str, text: &str) -> Result<(), Failure> {
        let text = text.replace("\r\n", "\n");
        let head = text
            .split_once("```toml\n")
            .and_then(|(_, rest)| rest.split_once("\n```"));
        // An advisory that cannot be read fails as one that is not TOML.
        let (head, body) = head.unwrap_or(("?", ""));
        let found: RustSec = policy(file, head)?;
        if found.advisory.withdrawn.is_some() {
            return Ok(());
        }
        let mut fine = requirements(file, &found.versions.patched)?;
        fine.extend(requirements(file, &found.versions.unaffected)?);
        let title = body
            .lines()
            .find_map(|line| line.strip_prefix("# "))
            .unwrap_or("");
        let kind = found.advisory.informational;
        self.list.push(Advisory {
            id: found.advisory.id,
            package: found.advisory.package,
            affected: Affected::AllBut(fine),
            title: match &kind {
                Some(kind) => format!("{title} ({kind})"),
                None => title.to_owned(),
            },
            // That nobody maintains a package is worth knowing; that it is unsound is a fault.
            fails: !matches!(kind.as_deref(), Some("unmaintained" | "notice")),
        });
        Ok(())
    }

    pub(crate) fn check(&self, metadata: &Metadata) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        for package in metadata.externals() {
            for advisory in &self.list {
                if advisory.package != package.name
                    || !advisory.affected.has(&package.version)
                    || self.ignored.contains(&advisory.id)
                    // Our list may name what the database names too.
                    || !seen.insert((&package.id, &advisory.id))
                {
                    continue;
                }
                let place = format!("{} {}", package.name, package.version);
                let text = format!("{}: {}", advisory.id, advisory.title);
                findings.push(Finding {
                    fails: advisory.fails,
                    ..Finding::new(CHECK, place, text)
                });
            }
        }
        findings
    }
}

impl Affected {
    fn has(&self, version: &Version) -> bool {
        // A requirement says nothing about a pre-release unless it names one. As long as nothing
        // says that it is fine it is not, so here it counts as the release that it leads to.
        let any = |list: &[VersionReq]| list.iter().any(|requirement| requirement.matches(version));
        match self {
            Affected::In(list) if version.pre.is_empty() => any(list),
            Affected::In(list) => {
                let mut release = version.clone();
                release.pre = semver::Prerelease::EMPTY;
                any(list) || list.iter().any(|requirement| requirement.matches(&release))
            }
            Affected::AllBut(list) => !any(list),
        }
    }
}

fn requirements(file: &str, texts: &[String]) -> Result<Vec<VersionReq>, Failure> {
    let parse = |text: &String| {
        VersionReq::parse(text).map_err(|source| Failure::Requirement {
            file: file.to_owned(),
            text: text.clone(),
            source,
        })
    };
    texts.iter().map(parse).collect()
}

/// The entries of a folder, sorted; none for what is not a folder.
fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let failure = |source| Failure::Read {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failure)? {
        paths.push(entry.map_err(failure)?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::fake::workspace;

    const OWN: &str = "[[advisory]]\nid = \"X-1\"\npackage = \"a\"\nversions = [\"<1.2.0\"]\n\
                       reason = \"bad\"\n";

    fn database(advisory: &str, versions: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("crates/a");
        std::fs::create_dir_all(&package).unwrap();
        let text = format!(
            "```toml\n[advisory]\nid = \"R-1\"\npackage = \"a\"\ndate = \"2026-01-01\"\n{advisory}\
             \n[versions]\n{versions}\n```\n\n# It leaks\n\nAnd more.\n"
        );
        std::fs::write(package.join("R-1.md"), text).unwrap();
        folder
    }

    fn found(own: &str, folder: Option<&Path>, version: &str) -> Vec<String> {
        let mut advisories = Advisories::parse(own).unwrap();
        if let Some(folder) = folder {
            advisories.add_database(folder).unwrap();
        }
        let package = format!("a@{version}");
        let findings = advisories.check(&workspace(&[(&package, &[])]));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn our_own_list_can_be_read() {
        assert!(!Advisories::own().unwrap().list.is_empty());
    }

    #[test]
    fn a_listed_version_is_refused() {
        assert_eq!(found(OWN, None, "1.1.9"), ["advisories: a 1.1.9: X-1: bad"]);
        assert_eq!(found(OWN, None, "1.1.9-rc.1").len(), 1);
        assert!(found(OWN, None, "1.2.0").is_empty());
    }

    #[test]
    fn a_database_is_read() {
        let versions = "patched = [\">= 1.2.3\", \"^1.0.5, < 1.1.0\"]\nunaffected = [\"< 0.9.0\"]";
        let folder = database("", versions);
        let none = "advisory = []";
        for bad in ["0.9.0", "1.0.4", "1.2.2", "1.2.3-rc.1"] {
            let findings = found(none, Some(folder.path()), bad);
            assert_eq!(findings, [format!("advisories: a {bad}: R-1: It leaks")]);
        }
        for fine in ["0.8.9", "1.0.5", "1.2.3", "2.0.0"] {
            assert!(found(none, Some(folder.path()), fine).is_empty(), "{fine}");
        }
    }

    #[test]
    fn kinds_of_advisories() {
        let none = "advisory = []";
        let unmaintained = database("informational = \"unmaintained\"", "patched = []");
        let findings = found(none, Some(unmaintained.path()), "1.0.0");
        assert_eq!(
            findings,
            ["info: advisories: a 1.0.0: R-1: It leaks (unmaintained)"]
        );
        let unsound = database("informational = \"unsound\"", "patched = []");
        assert!(found(none, Some(unsound.path()), "1.0.0")[0].starts_with("advisories"));
        let ignored = "advisory = []\n[[ignore]]\nid = \"R-1\"\nreason = \"test\"\n";
        assert!(found(ignored, Some(unsound.path()), "1.0.0").is_empty());
        let withdrawn = database("withdrawn = \"2026-02-01\"", "patched = []");
        let mut advisories = Advisories::parse(none).unwrap();
        assert!(matches!(
            advisories.add_database(withdrawn.path()),
            Err(Failure::NoAdvisories { .. })
        ));
    }

    #[test]
    fn a_database_that_cannot_be_read_is_a_failure_and_not_a_clean_bill() {
        let mut advisories = Advisories::parse(OWN).unwrap();
        let empty = tempfile::tempdir().unwrap();
        assert!(advisories.add_database(empty.path()).is_err());
        assert!(advisories.add_database(&empty.path().join("none")).is_err());
        let broken = database("x = \n", "");
        assert!(advisories.add_database(broken.path()).is_err());
        let odd = database("", "patched = [\"latest\"]");
        assert!(advisories.add_database(odd.path()).is_err());
    }
}
