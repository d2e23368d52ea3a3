//! Paths and links in the documentation lead somewhere.

use std::collections::BTreeSet;

use crate::finding::{Failure, Finding};
use crate::tree::Tree;

const CHECK: &str = "docs";

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>, Failure> {
    let top: BTreeSet<&str> = tree
        .files
        .iter()
        .filter_map(|file| file.split('/').next())
        .collect();
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| is_documentation(file)) {
        for (number, line) in prose(&tree.text(file)?) {
            let place = format!("{file}:{number}");
            for path in code_spans(line).filter_map(|span| repository_path(span, &top)) {
                if !tree.has(path) {
                    findings.push(Finding::new(
                        CHECK,
                        &place,
                        format!("`{path}` does not exist"),
                    ));
                }
            }
            for target in links(line) {
                match resolve(file, target) {
                    Some(path) if tree.has(&path) => {}
                    _ => {
                        let text = format!("the link to `{target}` leads nowhere");
                        findings.push(Finding::new(CHECK, &place, text));
                    }
                }
            }
        }
    }
    Ok(findings)
}

fn is_documentation(file: &str) -> bool {
    file.ends_with(".md") && (file.starts_with("docs/") || !file.contains('/'))
}

/// The numbered lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let start = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return Some((at + 1, line)),
            _ => {}
        }
        None
    })
}

/// What stands between single backticks.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The path in a code span, if it is one of this repository: `./x`, or `a/b` where `a` is an entry
/// at the top. Placeholders and patterns are not.
fn repository_path<'a>(span: &'a str, top: &BTreeSet<&str>) -> Option<&'a str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let line_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let span = match span.rsplit_once(':') {
        Some((path, number)) if line_number(number) => path,
        _ => span,
    };
    let (path, here) = match span.strip_prefix("./") {
        Some(rest) => (rest, true),
        None => (span, false),
    };
    let (first, _) = path.split_once('/').unwrap_or((path, ""));
    let known = path.contains('/') && top.contains(first);
    (!path.is_empty() && path.chars().all(plain) && (here || known)).then_some(path)
}

/// The targets of links that stay inside the repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.match_indices("](").filter_map(|(at, _)| {
        let rest = &line[at + 2..];
        let target = rest.split([')', ' ']).next()?;
        Some(target.trim_matches(['<', '>']))
    });
    let reference = line.trim_start().strip_prefix('[').and_then(|rest| {
        let (_, target) = rest.split_once("]: ")?;
        target.split_whitespace().next()
    });
    inline.chain(reference).filter(|target| {
        let elsewhere = target.contains("://") || target.starts_with("mailto:");
        !elsewhere && !target.starts_with('#') && !target.is_empty()
    })
}

/// A link's target as a path from the root; `None` if it leaves the repository.
fn resolve(file: &str, target: &str) -> Option<String> {
    let target = target.split(['#', '?']).next()?;
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_testkit::git::ScratchRepository;

    fn found(readme: &str) -> Vec<String> {
        let scratch = ScratchRepository::new();
        scratch.write("crates/model/src/lib.rs", "");
        scratch.write("test", "");
        scratch.write(".ci/run", "");
        scratch.write("docs/guide/one.md", readme);
        scratch.write("README.md", "");
        let findings = check(&Tree::load(scratch.path()).unwrap()).unwrap();
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_exists_is_fine() {
        let findings = found(
            "`crates/model`, `crates/model/src/lib.rs:12`, `./test` and `.ci/run`.\n\
             [one](../../README.md#top) [two](one.md \"title\") [three](https://x.example/y)\n\
             [here](#there) [mail](mailto:a@b.example)\n\
             `changes/<id>/change.toml` `crates/*/x` `application/json` `a/b`\n\
             ```\n`crates/none`\n[x](none.md)\n```\n[ref]: ../guide/one.md\n",
        );
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn what_does_not_exist_is_found_with_its_line() {
        for bad in [
            "`crates/none`",
            "`./tset`",
            "`.ci/none`",
            "`docs/none.md:3`",
        ] {
            let findings = found(&format!("fine\n\nsee {bad}\n"));
            assert_eq!(findings.len(), 1, "{bad}: {findings:?}");
            assert!(findings[0].contains("docs/guide/one.md:3"), "{findings:?}");
        }
        for bad in [
            "[x](none.md)",
            "[x](../none/)",
            "[x](/docs/guide/one.md)",
            "[x](../../../outside)",
            "[x](two.md#part)",
            "[ref]: none.md",
        ] {
            let findings = found(bad);
            assert_eq!(findings.len(), 1, "{bad}: {findings:?}");
        }
    }
}
