//! Nothing large and nothing of one machine gets into the repository: `xtask/policy/hygiene.toml`.

use serde::Deserialize;

use crate::finding::{Failure, Finding, policy};
use crate::tree::Tree;

const CHECK: &str = "hygiene";
const FILE: &str = "xtask/policy/hygiene.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hygiene {
    largest_file: u64,
    forbidden: Vec<Forbidden>,
    #[serde(default)]
    except: Vec<Except>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forbidden {
    text: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Except {
    file: String,
    text: String,
    #[expect(
        dead_code,
        reason = "whoever reads the policy needs it, and has to give it"
    )]
    reason: String,
}

impl Hygiene {
    pub(crate) fn load() -> Result<Self, Failure> {
        policy(FILE, include_str!("../../policy/hygiene.toml"))
    }
}

pub(crate) fn check(tree: &Tree, hygiene: &Hygiene) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let bytes = tree.read(file)?;
        if bytes.len() as u64 > hygiene.largest_file {
            let text = format!(
                "has {} bytes; {} is the limit",
                bytes.len(),
                hygiene.largest_file
            );
            findings.push(Finding::new(CHECK, file, text));
        }
        let binary = bytes.iter().take(8_000).any(|byte| *byte == 0);
        if binary || file == FILE {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes);
        for (at, line) in text.lines().enumerate() {
            for forbidden in &hygiene.forbidden {
                let excepted =
                    |except: &Except| except.file == *file && except.text == forbidden.text;
                if contains(line, &forbidden.text) && !hygiene.except.iter().any(excepted) {
                    let text = format!("`{}` is {}", forbidden.text, forbidden.reason);
                    findings.push(Finding::new(CHECK, format!("{file}:{}", at + 1), text));
                }
            }
        }
    }
    Ok(findings)
}

/// Whether a text stands in a line and is not the rest of a longer word or path.
fn contains(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_testkit::git::ScratchRepository;

    fn found(file: &str, contents: impl AsRef<[u8]>) -> Vec<String> {
        let scratch = ScratchRepository::new();
        scratch.write(file, contents);
        let tree = Tree::load(scratch.path()).unwrap();
        let findings = check(&tree, &Hygiene::load().unwrap()).unwrap();
        findings.iter().map(ToString::to_string).collect()
    }

    /// Written so that this file does not hold what it looks for.
    fn bad_line() -> String {
        ["see \"/", "root/x\" for more\n"].concat()
    }

    #[test]
    fn a_large_file_is_refused() {
        assert!(found("a.bin", vec![0; 1 << 20]).is_empty());
        assert_eq!(found("a.bin", vec![0; (1 << 20) + 1]).len(), 1);
    }

    #[test]
    fn a_path_of_one_machine_is_found_with_its_line() {
        let findings = found("docs/a.md", format!("fine\n{}", bad_line()));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("docs/a.md:2"), "{findings:?}");
    }

    #[test]
    fn a_longer_path_is_another_one() {
        let longer = ["my/", "work/x and a/", "root/y\n"].concat();
        assert!(found("a.md", longer).is_empty());
    }

    #[test]
    fn the_policy_and_ignored_files_are_not_searched() {
        assert!(found(FILE, bad_line()).is_empty());
        let scratch = ScratchRepository::new();
        scratch.write(".gitignore", "/target\n");
        scratch.write("target/x", bad_line());
        let tree = Tree::load(scratch.path()).unwrap();
        assert!(check(&tree, &Hygiene::load().unwrap()).unwrap().is_empty());
    }
}
