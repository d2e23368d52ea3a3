use std::collections::BTreeSet;

use proptest::prelude::*;
use roxmltree::{Document, Node};
use switchback_diag::{Severity, Theme, escape_line, human, junit};

use crate::any;

fn named<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.descendants()
        .filter(move |each| each.has_tag_name(name))
}

fn number(node: Node<'_, '_>, attribute: &str) -> usize {
    node.attribute(attribute).unwrap().parse().unwrap()
}

/// What XML 1.0 can hold of a text.
fn held(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => '\u{fffd}',
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The counts that are written against those that are there.
fn check_counts(node: Node<'_, '_>) {
    assert_eq!(number(node, "tests"), named(node, "testcase").count());
    assert_eq!(number(node, "failures"), named(node, "failure").count());
    assert_eq!(number(node, "errors"), named(node, "error").count());
}

#[test]
fn the_report_is_pinned() {
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="switchback" tests="3" failures="1" errors="0">
  <testsuite name="switchback" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="switchback" name="SB0704 values-drift">
      <system-out>warning[SB0704]: 100% of {0} differs
  explain: switchback explain SB0704
</system-out>
    </testcase>
  </testsuite>
  <testsuite name="clean.sql" tests="1" failures="0" errors="0" skipped="0">
    <testcase classname="clean.sql" name="no findings"/>
  </testsuite>
  <testsuite name="conf/a,b.toml" tests="1" failures="1" errors="0" skipped="0">
    <testcase classname="conf/a,b.toml" name="SB0103 unknown-key line 2">
      <failure message="`windw` is not a key of [rollback]" type="SB0103">error[SB0103]: `windw` is not a key of [rollback]
 --&gt; conf/a,b.toml:2:1
  |
2 | windw = &quot;24h&quot;
  | ^^^^^
  caused by: keys are checked
  hint: see every key: switchback util schema
  explain: switchback explain SB0103
</failure>
    </testcase>
  </testsuite>
</testsuites>
"#;
    let checked = ["conf/a,b.toml", "clean.sql", "clean.sql"];
    assert_eq!(junit::render(&any::sample(), &checked), expected);
}

#[test]
fn nothing_checked_is_a_report_too() {
    let report = junit::render(&[], &[] as &[&str]);
    let document = Document::parse(&report).unwrap();
    check_counts(document.root_element());
    assert_eq!(number(document.root_element(), "tests"), 0);
}

#[test]
fn findings_of_one_line_are_different_cases() {
    let found = any::sample().remove(0);
    let report = junit::render(&[found.clone(), found.clone(), found], &[] as &[&str]);
    let document = Document::parse(&report).unwrap();
    let cases = named(document.root_element(), "testcase");
    let names: Vec<_> = cases.map(|case| case.attribute("name").unwrap()).collect();
    assert_eq!(
        names,
        [
            "SB0103 unknown-key line 2",
            "SB0103 unknown-key line 2 (2)",
            "SB0103 unknown-key line 2 (3)"
        ]
    );
}

proptest! {
    #[test]
    fn every_finding_and_every_file_comes_back(
        found in any::diagnostics(9),
        checked in prop::collection::vec(any::text(), 0..4),
    ) {
        let report = junit::render(&found, &checked);
        let document = Document::parse(&report).unwrap();
        let root = document.root_element();
        check_counts(root);
        prop_assert!(root.has_tag_name("testsuites"));
        let mut names = BTreeSet::new();
        for suite in root.children().filter(Node::is_element) {
            prop_assert!(suite.has_tag_name("testsuite"));
            check_counts(suite);
            for case in suite.children().filter(Node::is_element) {
                prop_assert!(case.has_tag_name("testcase"));
                prop_assert_eq!(case.attribute("classname"), suite.attribute("name"));
                let id = (suite.id().get(), case.attribute("name").unwrap());
                prop_assert!(names.insert(id), "a name twice");
            }
        }
        let file = |found: &switchback_diag::Diagnostic| {
            held(found.location.as_ref().map_or("switchback", |at| &at.file))
        };
        for each in &found {
            let text = held(&human::render_one(each, &Theme::PLAIN));
            let case = named(root, "testcase").find(|case| {
                let inner = case.children().find(Node::is_element);
                case.attribute("classname") == Some(file(each).as_str())
                    && inner.and_then(|inner| inner.text()) == Some(text.as_str())
            });
            prop_assert!(case.is_some(), "{} is missing in {}", text, report);
            let inner = case.unwrap().children().find(Node::is_element).unwrap();
            if each.severity == Severity::Error {
                prop_assert!(inner.has_tag_name("failure"));
                prop_assert_eq!(inner.attribute("type"), Some(each.code.id()));
                let message = held(&escape_line(&each.message));
                prop_assert_eq!(inner.attribute("message"), Some(message.as_str()));
            } else {
                prop_assert!(inner.has_tag_name("system-out"));
            }
        }
        let with: BTreeSet<&str> = found
            .iter()
            .filter_map(|found| Some(found.location.as_ref()?.file.as_str()))
            .collect();
        let clean: BTreeSet<&str> = checked.iter().map(String::as_str).collect();
        let clean = clean.difference(&with).count();
        prop_assert_eq!(named(root, "testcase").count(), found.len() + clean);
        let shown = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        prop_assert!(!report.contains(shown));
    }
}
