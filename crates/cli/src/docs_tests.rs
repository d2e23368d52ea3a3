//! The documentation tells the truth about what can be typed: every command line in it parses, and
//! every code, page, variable and key that it names exists.
//!
//! Placeholders have a documented form, which the guide's index gives to readers: a word in
//! capitals or `…` stands for a value, `NOUN VERB` for any command, and `one|other` for either.
//! In running text a command may be named without what it needs (`switchback change plan`); in a
//! block it must be whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;
use switchback_diag::{Code, Exit, Topic};
use switchback_migration::backfill::Job;
use switchback_migration::backfill::metrics::ALERTS;
use switchback_model::BackfillId;

use crate::args::Cli;
use crate::settings::load::understand;
use crate::settings::schema;
use crate::settings::source::Source;
use crate::variables;

/// A document with its lines, each with whether it stands in a block of code.
struct Document {
    name: String,
    lines: Vec<(bool, String)>,
}

/// Something that could be typed, and where it stands.
struct Typed {
    place: String,
    line: String,
    /// In a block, and so whole; else a mention.
    whole: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn documents() -> Vec<Document> {
    let mut paths: Vec<PathBuf> = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
        .map(|name| root().join(name))
        .into();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Document {
    let text = fs::read_to_string(path).unwrap();
    let name = path.strip_prefix(root()).unwrap().display().to_string();
    Document {
        name,
        lines: marked(&text),
    }
}

fn marked(text: &str) -> Vec<(bool, String)> {
    let mut inside = false;
    let mut lines: Vec<(bool, String)> = Vec::new();
    for line in text.lines() {
        let code = inside || line.starts_with("    ");
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if let Some((true, begun)) = lines.last_mut()
            && code
            && begun.ends_with(" \\")
        {
            // A command that goes on in the next line.
            begun.pop();
            begun.push_str(line.trim_start());
        } else {
            lines.push((code, line.to_owned()));
        }
    }
    lines
}

/// Every command of ours in a document: what is typed, what output proposes, and what running text
/// names between backticks.
fn commands(document: &Document) -> Vec<Typed> {
    let mut found = Vec::new();
    let mut prose = String::new();
    for (at, (code, line)) in document.lines.iter().enumerate() {
        let place = format!("{}, code line {}", document.name, at + 1);
        if *code {
            prose.push('`');
            let text = line.trim_start();
            let text = text.strip_prefix("$ ").unwrap_or(text);
            // What clap says about a form is no command.
            if text.starts_with("Usage: ") {
                continue;
            }
            // A hint or the like: `first deploy shop 1.1.0: switchback promote …`.
            let text = text
                .split_once(": switchback ")
                .map_or(text, |(before, _)| {
                    text[before.len()..].trim_start_matches(": ")
                });
            if let Some(line) = ours(text) {
                found.push(Typed {
                    place,
                    line,
                    whole: true,
                });
            }
        } else {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    for span in prose.split('`').skip(1).step_by(2) {
        if let Some(line) = ours(span) {
            found.push(Typed {
                place: document.name.clone(),
                line,
                whole: false,
            });
        }
    }
    found
}

/// The part of a line that is a command of ours, without pipes, redirections and what follows.
fn ours(text: &str) -> Option<String> {
    let text = text.trim();
    if text != "switchback" && !text.starts_with("switchback ") {
        return None;
    }
    let ends = [" | ", " > ", " < ", " 2>", " && ", " & ", "; ", " # "];
    let quoted = quoted(text);
    let plain = |at: &usize| !quoted.iter().any(|quoted| quoted.contains(at));
    let end = ends
        .iter()
        .filter_map(|end| text.match_indices(end).map(|(at, _)| at).find(plain))
        .min()
        .unwrap_or(text.len());
    Some(text[..end].to_owned())
}

/// Where a shell takes blanks and marks as they are: between quotes.
fn quoted(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut begun = None;
    for (at, c) in text.char_indices() {
        match begun {
            None if c == '"' || c == '\'' => begun = Some((at, c)),
            Some((start, quote)) if c == quote => {
                found.push(start..at);
                begun = None;
            }
            _ => {}
        }
    }
    found
}

/// The words of a command as a shell makes them, each with whether quotes were in it.
fn words(line: &str) -> Vec<(String, bool)> {
    let quoted = quoted(line);
    let mut words = Vec::new();
    let mut word: Option<(String, bool)> = None;
    for (at, c) in line.char_indices() {
        let inside = quoted.iter().any(|it| it.start < at && at < it.end);
        let mark = quoted.iter().any(|it| it.start == at || it.end == at);
        if c.is_whitespace() && !inside {
            words.extend(word.take());
            continue;
        }
        let (text, has_quotes) = word.get_or_insert_default();
        *has_quotes |= mark;
        if !mark {
            text.push(c);
        }
    }
    words.extend(word);
    words
}

/// The words of a command, for every choice that `one|other` offers.
fn choices(line: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for (word, has_quotes) in words(line) {
        let words: Vec<&str> = if has_quotes {
            vec![word.as_str()]
        } else {
            word.split('|').collect()
        };
        all = all
            .iter()
            .flat_map(|before: &Vec<String>| {
                words.iter().map(move |word| {
                    let mut words = before.clone();
                    words.push((*word).to_owned());
                    words
                })
            })
            .collect();
    }
    all
}

/// Why a command cannot be what the documentation means, if it cannot.
fn wrong(typed: &Typed, slips: &BTreeSet<&str>) -> Option<String> {
    if slips.contains(typed.line.as_str()) || typed.line.contains(" NOUN VERB") {
        return None;
    }
    for words in choices(&typed.line) {
        let error = match Cli::try_parse_from(&words) {
            Ok(_) => {
                if words.get(1).is_some_and(|word| word == "explain")
                    && let Some(page) = words.get(2)
                    && Code::find(page).is_none()
                    && Topic::find(page).is_none()
                {
                    return Some(format!("there is no page `{page}`"));
                }
                continue;
            }
            Err(error) => error,
        };
        let fine = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !typed.whole,
            _ => false,
        };
        if !fine {
            return Some(error.to_string());
        }
    }
    None
}

/// Slips that pages show on purpose.
const SLIPS: [&str; 3] = [
    "switchback config shwo",
    "switchback config shwo --format json",
    "switchback explain expand-contact",
];

#[test]
fn every_command_in_the_documentation_can_be_typed() {
    let slips = BTreeSet::from(SLIPS);
    let mut seen = 0;
    let mut mistakes = Vec::new();
    for document in documents() {
        for typed in commands(&document) {
            seen += 1;
            if let Some(why) = wrong(&typed, &slips) {
                mistakes.push(format!("{}: `{}`: {why}", typed.place, typed.line));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(seen > 300, "only {seen} commands were found");
}

/// What an alert tells somebody to type at night can be typed, once the labels are put in.
#[test]
fn every_command_in_alerts_can_be_typed() {
    let rules = ALERTS
        .replace("{{ $labels.backfill }}", "lower-emails")
        .replace("{{ $labels.environment }}", "production");
    let mut kinds = BTreeMap::new();
    for line in rules.lines().map(str::trim) {
        let line = line.strip_prefix("runbook: ").unwrap_or(line);
        let Some(line) = ours(line) else { continue };
        let typed = Typed {
            place: "alerts.yaml".to_owned(),
            line,
            whole: true,
        };
        assert_eq!(wrong(&typed, &BTreeSet::new()), None, "{}", typed.line);
        assert!(!typed.line.contains('{'), "{}", typed.line);
        let kind = typed.line.split(' ').nth(1).unwrap_or_default().to_owned();
        *kinds.entry(kind).or_insert(0) += 1;
    }
    // Each alert names one of its own, and a page.
    let alerts = rules.matches("- alert: ").count();
    assert!(alerts > 0);
    let expected = ["backfill", "explain"].map(|kind| (kind.to_owned(), alerts));
    assert_eq!(kinds, BTreeMap::from(expected));
}

#[test]
fn words_are_those_of_a_shell() {
    let line = r#"switchback x --to "a text = b || '; c'" --y='1 | 2' a|b > out"#;
    let cut = ours(line).unwrap();
    assert_eq!(
        choices(&cut),
        ["a", "b"].map(|last| vec![
            "switchback",
            "x",
            "--to",
            "a text = b || '; c'",
            "--y=1 | 2",
            last
        ])
    );
}

/// Every example of the help of a command is one that can be typed.
#[test]
fn every_example_in_help_can_be_typed() {
    fn check(command: &clap::Command, seen: &mut usize) {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default().replace("\\\n", " ");
        for line in help.lines() {
            if let Some(line) = ours(line) {
                *seen += 1;
                for words in choices(&line) {
                    let parsed = Cli::try_parse_from(&words);
                    assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                }
            }
        }
        for sub in command.get_subcommands() {
            check(sub, seen);
        }
    }
    let mut seen = 0;
    check(&Cli::command(), &mut seen);
    assert!(seen >= 15, "only {seen} examples were found");
}

#[test]
fn a_command_that_cannot_be_typed_is_noticed() {
    let text = "Say `switchback change plan` or `switchback promote --nonsense`.\n\
                ```console\n\
                $ switchback change plan\n\
                error[SB0302]: refused\n  hint: first deploy: switchback promot --env x\n\
                $ switchback explain SB0000 | less\n\
                $ switchback status --env PLACE > out\n\
                ```\n";
    let document = Document {
        name: "x.md".to_owned(),
        lines: marked(text),
    };
    let typed = commands(&document);
    let lines: Vec<&str> = typed.iter().map(|typed| typed.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "switchback change plan",
            "switchback promot --env x",
            "switchback explain SB0000",
            "switchback status --env PLACE",
            "switchback change plan",
            "switchback promote --nonsense",
        ]
    );
    let mistaken: Vec<bool> = typed
        .iter()
        .map(|typed| wrong(typed, &BTreeSet::new()).is_some())
        .collect();
    assert_eq!(mistaken, [true, true, true, false, false, true]);
}

#[test]
fn every_code_in_the_documentation_exists() {
    let mut mistakes = Vec::new();
    for document in documents() {
        for (_, line) in &document.lines {
            for (at, _) in line.match_indices("SB") {
                let digits: String = line[at + 2..]
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .collect();
                let id = format!("SB{digits}");
                if digits.len() == 4 && Code::find(&id).is_none() {
                    mistakes.push(format!("{}: {id}", document.name));
                }
            }
        }
    }
    assert!(mistakes.is_empty(), "{mistakes:?}");
}

#[test]
fn every_variable_in_the_documentation_is_read() {
    let known = BTreeSet::from([
        variables::SETTINGS,
        variables::ACTOR,
        variables::LEDGER_URL,
        variables::LEDGER_KEY,
        // Of the tests and the checks on the project.
        "SWITCHBACK_TEST_PG_BIN",
        "SWITCHBACK_TEST_PG_MATRIX",
        "SWITCHBACK_TEST_LONG",
        "SWITCHBACK_TEST_ONLY",
        "SWITCHBACK_TEST_SEED",
        "SWITCHBACK_TEST_PROMTOOL",
        "SWITCHBACK_ADVISORY_DB",
    ]);
    let mut mistakes = Vec::new();
    for document in documents() {
        for (_, line) in &document.lines {
            for (at, _) in line.match_indices("SWITCHBACK_") {
                let fit = |c: &char| c.is_ascii_uppercase() || *c == '_';
                let name: String = line[at..].chars().take_while(fit).collect();
                // The name of an environment follows.
                let of_an_environment = name.starts_with(variables::DATABASE_URL);
                // What all of them begin with may be spoken of.
                let all = name == "SWITCHBACK_";
                if !known.contains(name.as_str()) && !of_an_environment && !all {
                    mistakes.push(format!("{}: {name}", document.name));
                }
            }
        }
    }
    assert!(mistakes.is_empty(), "{mistakes:?}");
}

fn text_of(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The keys of the settings, as the guide writes them: `environment.values.key`.
fn keys(node: &'static Value, before: &str, found: &mut BTreeSet<String>) {
    let node = schema::resolve(node);
    if let Some(items) = schema::items(node) {
        return keys(items, before, found);
    }
    let variants = node.get("oneOf").and_then(Value::as_array);
    for node in variants.into_iter().flatten() {
        keys(node, before, found);
    }
    let Some(properties) = node.get("properties").and_then(Value::as_object) else {
        if variants.is_none() {
            found.insert(before.to_owned());
        }
        return;
    };
    for (key, node) in properties {
        let key = if before.is_empty() {
            key.clone()
        } else {
            format!("{before}.{key}")
        };
        keys(node, &key, found);
    }
}

#[test]
fn the_guide_has_every_setting_and_no_other() {
    let mut known = BTreeSet::new();
    keys(&schema::SCHEMA, "", &mut known);
    let guide = text_of("docs/guide/settings.md");
    let table = guide
        .split("## Every key")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let told: BTreeSet<String> = table
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .split('`')
                .next()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(told, known);
}

#[test]
fn the_guide_has_every_exit_code() {
    let guide = text_of("docs/guide/settings.md");
    for exit in Exit::ALL {
        let row = format!("| {} | {}", exit.number(), exit.meaning());
        assert!(guide.contains(&row), "{row}");
    }
}

#[test]
fn settings_in_the_documentation_are_understood() {
    let mut seen = 0;
    for document in documents() {
        let text = text_of(&document.name);
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            if !block.starts_with("schema = ") {
                continue;
            }
            seen += 1;
            if block.starts_with("schema = \"switchback.backfill/") {
                let id = BackfillId::new("it").unwrap();
                assert!(Job::parse(id, block).is_ok(), "{}: {block}", document.name);
                continue;
            }
            let source = Source::new("/p/switchback.toml".into(), Path::new("/p"), block.into());
            assert!(understand(source).is_ok(), "{}: {block}", document.name);
        }
    }
    assert!(seen >= 2, "only {seen} settings files were found");
}
