//! The rules that alert, and the guide to them: what they name is there. With a `promtool` named by
//! `SWITCHBACK_TEST_PROMTOOL` they are run, too, and what is printed is read by somebody else.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use saphyr_parser::{Event, Parser};
use switchback_diag::Topic;
use switchback_migration::backfill::metrics::{ALERTS, COMMON_LABELS, FAMILIES, render};

use super::snapshot;

/// Names the `promtool` of Prometheus.
const PROMTOOL: &str = "SWITCHBACK_TEST_PROMTOOL";

/// What the rules hold, as far as YAML goes.
#[derive(Debug, PartialEq)]
enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    fn get(&self, key: &str) -> &Node {
        let Node::Map(entries) = self else {
            panic!("no map: {self:?}")
        };
        let found = entries.iter().find(|(name, _)| name == key);
        &found.unwrap_or_else(|| panic!("no `{key}`: {self:?}")).1
    }

    fn keys(&self) -> Vec<&str> {
        match self {
            Node::Map(entries) => entries.iter().map(|(name, _)| name.as_str()).collect(),
            other => panic!("no map: {other:?}"),
        }
    }

    fn text(&self) -> &str {
        match self {
            Node::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    fn list(&self) -> &[Node] {
        match self {
            Node::List(nodes) => nodes,
            other => panic!("no list: {other:?}"),
        }
    }
}

fn parse(text: &str) -> Node {
    let mut events = Parser::new_from_str(text)
        .map(|event| event.unwrap().0)
        .filter(|event| {
            !matches!(
                event,
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_)
            )
        });
    let first = events.next().unwrap();
    node(first, &mut events)
}

fn node<'a>(first: Event<'a>, rest: &mut impl Iterator<Item = Event<'a>>) -> Node {
    match first {
        Event::Scalar(text, ..) => Node::Text(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut nodes = Vec::new();
            loop {
                match rest.next().unwrap() {
                    Event::SequenceEnd => return Node::List(nodes),
                    first => nodes.push(node(first, rest)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut entries: Vec<(String, Node)> = Vec::new();
            loop {
                match rest.next().unwrap() {
                    Event::MappingEnd => return Node::Map(entries),
                    first => {
                        let key = node(first, rest).text().to_owned();
                        assert!(entries.iter().all(|(name, _)| *name != key), "{key} twice");
                        let first = rest.next().unwrap();
                        entries.push((key, node(first, rest)));
                    }
                }
            }
        }
        other => panic!("{other:?}"),
    }
}

fn rules() -> Vec<Node> {
    let Node::Map(mut top) = parse(ALERTS) else {
        panic!("no map")
    };
    assert_eq!(top.len(), 1);
    let (name, Node::List(mut groups)) = top.remove(0) else {
        panic!("no groups")
    };
    assert_eq!((name.as_str(), groups.len()), ("groups", 1));
    let Node::Map(group) = groups.remove(0) else {
        panic!("no group")
    };
    let mut group: BTreeMap<String, Node> = group.into_iter().collect();
    assert_eq!(
        group.remove("name"),
        Some(Node::Text("switchback-backfill".to_owned()))
    );
    let rules = group.remove("rules").unwrap();
    assert!(group.is_empty() && rules.list().len() == 8);
    let Node::List(rules) = rules else {
        unreachable!()
    };
    rules
}

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/backfill-metrics.md");
    fs::read_to_string(path).unwrap()
}

/// The cells of the rows of the tables under a heading, without the heads of the tables.
fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = text.split_once(heading).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let line = line.trim_matches('|');
            line.split('|').map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

#[test]
fn every_rule_says_what_to_do() {
    for rule in rules() {
        let name = rule.get("alert").text();
        assert!(name.starts_with("SwitchbackBackfill"));
        for key in rule.keys() {
            assert!(
                ["alert", "expr", "for", "labels", "annotations"].contains(&key),
                "{key}"
            );
        }
        assert!(rule.get("expr").text().contains("switchback_backfill_"));
        let severity = rule.get("labels").get("severity").text();
        assert!(["info", "warning", "critical"].contains(&severity));
        let told = rule.get("annotations");
        let mut keys = told.keys();
        keys.sort_unstable();
        assert_eq!(keys, ["description", "runbook", "summary"]);
        for label in ["{{ $labels.backfill }}", "{{ $labels.environment }}"] {
            assert!(told.get("summary").text().contains(label), "{name}");
            assert!(told.get("description").text().contains(label), "{name}");
        }
        let (_, command) = told.get("description").text().rsplit_once(": ").unwrap();
        assert!(
            command.starts_with("switchback backfill "),
            "{name}: {command}"
        );
        let page = told.get("runbook").text();
        let page = page.strip_prefix("switchback explain ").unwrap();
        let page = Topic::find(page).unwrap().page();
        assert!(
            page.contains(&format!("\n## {name}\n")),
            "{name} has no section"
        );
    }
    let page = Topic::BackfillAlerts.page();
    assert_eq!(page.matches("\n## ").count(), rules().len());
}

#[test]
fn the_guide_has_every_metric_and_no_other() {
    let told = rows(&guide(), "## Every metric");
    let printed: Vec<Vec<String>> = FAMILIES
        .iter()
        .map(|family| {
            let labels: Vec<String> = family.labels.iter().map(|it| format!("`{it}`")).collect();
            vec![
                format!("`{}`", family.name),
                family.kind.word().to_owned(),
                labels.join(", "),
                family.help.to_owned(),
            ]
        })
        .collect();
    let lines: Vec<String> = printed
        .iter()
        .map(|cells| format!("| {} |", cells.join(" | ").replace("|  |", "| |")))
        .collect();
    assert_eq!(told, printed, "the table should be:\n{}", lines.join("\n"));
    for label in COMMON_LABELS {
        assert!(guide().contains(&format!("`{label}`")));
    }
}

#[test]
fn the_guide_has_every_alert_and_no_other() {
    let told: Vec<Vec<String>> = rows(&guide(), "## Every alert")
        .into_iter()
        .map(|row| row[..3].to_vec())
        .collect();
    let there: Vec<Vec<String>> = rules()
        .iter()
        .map(|rule| {
            let wait = rule.keys().contains(&"for").then(|| rule.get("for").text());
            vec![
                format!("`{}`", rule.get("alert").text()),
                rule.get("labels").get("severity").text().to_owned(),
                wait.unwrap_or("at once").to_owned(),
            ]
        })
        .collect();
    assert_eq!(told, there);
}

fn promtool() -> Option<PathBuf> {
    std::env::var_os(PROMTOOL).map(PathBuf::from)
}

#[track_caller]
fn succeeds(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

/// Without `promtool` the other tests say what there is to say; with it, it has the last word.
#[test]
fn prometheus_takes_metrics_and_rules_for_what_they_are() {
    let Some(promtool) = promtool() else { return };
    let text = render(&snapshot(7), "1");
    let said = succeeds(Command::new(&promtool).args(["check", "metrics"]), &text);
    assert_eq!(said, "");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("alerts.yaml"), ALERTS).unwrap();
    let tests = include_str!("../../../../migration/src/backfill/metrics/alerts_test.yaml");
    fs::write(folder.path().join("alerts_test.yaml"), tests).unwrap();
    for (what, file) in [("check", "alerts.yaml"), ("test", "alerts_test.yaml")] {
        let mut command = Command::new(&promtool);
        command.args([what, "rules", file]).current_dir(&folder);
        let said = succeeds(&mut command, "");
        assert!(said.contains("SUCCESS"), "{said}");
    }
}
