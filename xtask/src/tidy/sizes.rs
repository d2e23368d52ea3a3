//! Rooms stay small. Blank lines and comments count; tests do not.

use crate::finding::{Failure, Finding};
use crate::tree::Tree;

const CHECK: &str = "sizes";
/// Lines of a file.
const FILE_LIMIT: usize = 600;
/// Lines of the crate `model`.
const MODEL_LIMIT: usize = 4_000;

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let mut model = 0;
    for file in tree.files.iter().filter(|file| is_code(file)) {
        let lines = lines_without_tests(&tree.text(file)?);
        if file.starts_with("crates/model/") {
            model += lines;
        }
        if lines > FILE_LIMIT {
            let text = format!("has {lines} lines without its tests; {FILE_LIMIT} is the limit");
            findings.push(Finding::new(CHECK, file, text));
        }
    }
    if model > MODEL_LIMIT {
        let text = format!("has {model} lines without tests; {MODEL_LIMIT} is the limit");
        findings.push(Finding::new(CHECK, "crates/model", text));
    }
    Ok(findings)
}

/// Rust that is not a test or a benchmark as a whole.
fn is_code(file: &str) -> bool {
    let test = |part: &str| matches!(part, "tests" | "benches" | "tests.rs");
    file.ends_with(".rs") && !file.split('/').any(test)
}

/// The lines before the test module at the end of a file, if there is one.
fn lines_without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let is_tests = |at: &usize| {
        let rest = &lines[*at + 1..];
        let next = rest
            .iter()
            .find(|line| !line.starts_with("#[") && !line.starts_with(' '));
        lines[*at] == "#[cfg(test)]"
            && next.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
            // Nothing comes after it: its closing brace is the last line.
            && rest.iter().position(|line| *line == "}") == Some(rest.len() - 1)
    };
    (0..lines.len()).find(is_tests).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_testkit::git::ScratchRepository;

    fn found(files: &[(&str, String)]) -> Vec<String> {
        let scratch = ScratchRepository::new();
        for (file, text) in files {
            scratch.write(file, text);
        }
        let findings = check(&Tree::load(scratch.path()).unwrap()).unwrap();
        findings.iter().map(ToString::to_string).collect()
    }

    fn tests(lines: usize) -> String {
        format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "    //\n".repeat(lines)
        )
    }

    #[test]
    fn a_large_file_is_refused() {
        let fine = "//\n".repeat(600);
        assert!(found(&[("crates/db/src/a.rs", fine.clone())]).is_empty());
        let findings = found(&[("crates/db/src/a.rs", format!("{fine}\n"))]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("601 lines"), "{findings:?}");
    }

    #[test]
    fn tests_do_not_count() {
        let file = format!("{}{}", "//\n".repeat(600), tests(2_000));
        assert!(found(&[("crates/db/src/a.rs", file)]).is_empty());
        let large = "//\n".repeat(2_000);
        assert!(found(&[("crates/db/tests/a.rs", large.clone())]).is_empty());
        assert!(found(&[("crates/db/src/a/tests.rs", large)]).is_empty());
    }

    #[test]
    fn code_cannot_hide_behind_a_test_module() {
        let file = format!("{}fn x() {{\n}}\n{}", tests(5), "//\n".repeat(700));
        assert_eq!(found(&[("crates/db/src/a.rs", file)]).len(), 1);
    }

    #[test]
    fn the_model_is_limited_as_a_whole() {
        let files: Vec<(String, String)> = (0..7)
            .map(|n| (format!("crates/model/src/m{n}.rs"), "//\n".repeat(600)))
            .collect();
        let files: Vec<(&str, String)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.clone()))
            .collect();
        let findings = found(&files);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("4200 lines"), "{findings:?}");
    }
}
