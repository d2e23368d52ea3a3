//! The pages of the rules of `check` hold what they say: what each page shows as reported is
//! reported, in the words that it shows, and what it shows as safer is not, on every major version.
//!
//! How the fences on a page say what they are for is in `CONTRIBUTING.md`, under "A new diagnostic
//! code". Files without names are those of sqlx; names say which tool it is. What stands in one role
//! is one commit as well, except that each safer file is a commit of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside of test functions"
)]

use std::collections::{BTreeMap, BTreeSet};

use switchback_diag::{Code, Severity};
use switchback_migration::facts::{NEWEST, OLDEST};
use switchback_migration::history::{Folder, Tool, at, read};
use switchback_migration::lint::{self, Finding, Input, Options, RuleInfo, Source, check};
use switchback_migration::repository::edited::{State, edited};
use switchback_migration::repository::mixed::{Commit, mixed};
use switchback_migration::repository::startup::{Survey, clues, references};
use switchback_migration::{Engine, sql};

/// Pages whose example cannot be shown as text or cannot be judged from it.
const WITHOUT_FENCES: &[(Code, &str)] = &[(
    Code::NotUtf8,
    "a page is UTF-8; `bytes_that_are_not_utf8` has the bytes",
)];

/// The oldest major version that `switchback check` judges for where nobody says otherwise.
const DEFAULT: u32 = 14;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Setup,
    Applied,
    Example,
    Safer,
}

#[derive(Debug)]
struct Fence {
    role: Role,
    down: bool,
    path: Option<String>,
    with: BTreeSet<Code>,
    before: Option<u32>,
    text: String,
}

impl Fence {
    fn parse(code: Code, info: &str, text: String) -> Option<Self> {
        let mut words = info.split_whitespace();
        let language = words.next();
        let role = match words.next() {
            Some("setup") => Role::Setup,
            Some("applied") => Role::Applied,
            Some("example") => Role::Example,
            Some("safer") => Role::Safer,
            Some(other) => panic!("{code}: `{other}` is no role of a fence"),
            None if language == Some("sql") => panic!("{code}: a fence with SQL has no role"),
            None => return None,
        };
        let mut fence = Self {
            role,
            down: false,
            path: None,
            with: BTreeSet::new(),
            before: None,
            text,
        };
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            match word {
                "down" => fence.down = true,
                "in" => fence.path = Some(words.next().unwrap().to_owned()),
                "before" => fence.before = Some(words.next().unwrap().parse().unwrap()),
                "with" => {
                    while let Some(found) = words.peek().and_then(|word| Code::find(word)) {
                        fence.with.insert(found);
                        words.next();
                    }
                }
                other => panic!("{code}: `{other}` is unknown in the first line of a fence"),
            }
        }
        Some(fence)
    }
}

/// The fences of a page that are checked, and the texts of its `console` fences.
fn fences(code: Code) -> (Vec<Fence>, Vec<String>) {
    let (mut found, mut consoles) = (Vec::new(), Vec::new());
    let mut lines = code.page().lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = inside.join("\n") + "\n";
        if info == "console" {
            consoles.push(text);
        } else {
            found.extend(Fence::parse(code, info, text));
        }
    }
    (found, consoles)
}

/// Files, and which of them are judged.
#[derive(Debug, Default)]
struct Files {
    texts: BTreeMap<String, Vec<u8>>,
    /// With the other errors and warnings that the page expects in each.
    judged: BTreeMap<String, BTreeSet<Code>>,
    /// Files as they were when they were applied, of those that are judged.
    applied: BTreeMap<String, String>,
    /// Whether the names are those of the page, so that they say which tool it is.
    named: bool,
}

impl Files {
    /// What is there, and then what has this role.
    fn of(code: Code, fences: &[Fence], role: Role) -> Self {
        let mut files = Self {
            named: fences.iter().any(|it| it.path.is_some()),
            ..Self::default()
        };
        // Where one migration has a way down, all are of the form that can have one.
        let both = fences.iter().any(|it| it.down);
        let mut number = 0;
        for fence in fences
            .iter()
            .filter(|it| [Role::Setup, Role::Applied, role].contains(&it.role))
        {
            number += usize::from(!fence.down);
            let path = match &fence.path {
                Some(path) => path.clone(),
                None if files.named => panic!("{code}: a fence without its file"),
                None if fence.down => format!("migrations/{number}_page.down.sql"),
                None if both => format!("migrations/{number}_page.up.sql"),
                None => format!("migrations/{number}_page.sql"),
            };
            if fence.role == Role::Applied {
                files.applied.insert(path, fence.text.clone());
                continue;
            }
            if fence.role == role {
                files.judged.insert(path.clone(), fence.with.clone());
            }
            let before = files.texts.insert(path, fence.text.clone().into_bytes());
            assert_eq!(before, None, "{code}: two fences for one file");
        }
        files
    }

    fn folder(&self) -> Option<Folder> {
        let paths: Vec<&str> = self.texts.keys().map(String::as_str).collect();
        let root = paths
            .iter()
            .find(|path| path.starts_with("migrations/"))
            .map_or("", |_| "migrations");
        let mut candidate = at(root, &paths)?;
        candidate.engine = Some(Engine::Postgres);
        if !self.named {
            candidate.tools = vec![Tool::Sqlx];
        }
        read(&candidate, |path| self.texts.get(path).map(Vec::as_slice))
    }

    fn source(&self, path: &str) -> Source {
        let text = String::from_utf8(self.texts[path].clone()).ok();
        let statements = sql::parse(text.as_deref().unwrap_or_default(), Engine::Postgres);
        Source { text, statements }
    }

    /// What is found in what is judged.
    fn findings(&self, major: u32) -> Vec<Finding> {
        let mut found = self.at_start();
        if let Some(folder) = self.folder() {
            let paths = self.texts.keys();
            let sources = paths.map(|it| (it.clone(), self.source(it))).collect();
            let input = Input {
                folder: &folder,
                sources: &sources,
            };
            found.extend(check(&input, &Options::new(major)).findings);
            found.extend(self.in_one_commit(&folder));
            found.extend(self.edited(&folder));
        }
        found.retain(|it| self.judged.contains_key(&it.file));
        found
    }

    /// What is found if all that is judged is one commit.
    fn in_one_commit(&self, folder: &Folder) -> Vec<Finding> {
        let sources: Vec<(&str, Source)> = folder
            .migrations
            .iter()
            .filter(|it| self.judged.contains_key(&it.up.file))
            .map(|it| (it.up.file.as_str(), self.source(&it.up.file)))
            .collect();
        let added = sources
            .iter()
            .map(|(path, source)| (*path, source.statements.iter().collect()))
            .collect();
        mixed(&Commit {
            // As the page of SB1401 has it.
            id: "4f2a9c1",
            subject: "remove nicknames",
            added,
            changed: self.judged.keys().map(String::as_str).collect(),
            folders: vec![&folder.path],
        })
    }

    /// What is found if everything that was is applied.
    fn edited(&self, now: &Folder) -> Vec<Finding> {
        let mut then = Files {
            texts: self.texts.clone(),
            named: self.named,
            ..Files::default()
        };
        for (path, text) in &self.applied {
            then.texts.insert(path.clone(), text.clone().into_bytes());
        }
        let (Some(old), Some(last)) = (then.folder(), self.applied.keys().next_back()) else {
            return Vec::new();
        };
        let until = old.migrations.iter().find(|it| it.up.file == *last);
        let was = |path: &str| std::str::from_utf8(then.texts.get(path)?).ok();
        let is = |path: &str| std::str::from_utf8(self.texts.get(path)?).ok();
        edited(
            &State {
                folder: &old,
                text: &was,
            },
            &State {
                folder: now,
                text: &is,
            },
            &until.unwrap().version,
            // As the page of SB1312 has it.
            "origin/main",
        )
    }

    /// What the files say about the start of the application.
    fn at_start(&self) -> Vec<Finding> {
        let texts = |(path, bytes): (&'_ String, &'_ Vec<u8>)| {
            Some((path.clone(), String::from_utf8(bytes.clone()).ok()?))
        };
        let files: Vec<(String, String)> = self.texts.iter().filter_map(texts).collect();
        let mut survey = Survey::new(files.iter().filter_map(|(path, text)| clues(path, text)));
        loop {
            let names = survey.wanted();
            if names.is_empty() {
                return survey.findings();
            }
            let found = files
                .iter()
                .filter_map(|(path, text)| references(path, text, &names));
            survey.go_on(&found.collect::<Vec<_>>());
        }
    }
}

/// The rules whose pages have fences to check.
fn rules() -> impl Iterator<Item = &'static RuleInfo> {
    lint::all().filter(|rule| WITHOUT_FENCES.iter().all(|(code, _)| *code != rule.code))
}

/// The codes of errors and warnings, without what comes with every strong lock.
fn loud(findings: &[Finding]) -> BTreeSet<Code> {
    findings
        .iter()
        .filter(|it| it.severity > Severity::Note && it.code != Code::NoLockTimeout)
        .map(|it| it.code)
        .collect()
}

/// Runs every check and says all that is wrong, not only the first.
fn every(wrong: impl IntoIterator<Item = String>) {
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_page_shows_as_reported_is_reported() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let code = rule.code;
        let (fences, _) = fences(code);
        let examples: Vec<&Fence> = fences
            .iter()
            .filter(|it| it.role == Role::Example)
            .collect();
        if examples.is_empty() {
            wrong.push(format!("{code}: the page has no example"));
            continue;
        }
        let before = examples.iter().find_map(|it| it.before);
        let files = Files::of(code, &fences, Role::Example);
        let with: BTreeSet<Code> = files.judged.values().flatten().copied().collect();
        for major in OLDEST..=NEWEST {
            let findings = files.findings(major);
            let own: Vec<&Finding> = findings.iter().filter(|it| it.code == code).collect();
            let expected = before.is_none_or(|before| major < before);
            if own.is_empty() == expected {
                let what = if expected { "is not" } else { "is" };
                wrong.push(format!(
                    "{code}: the example {what} reported on {major}: {findings:#?}"
                ));
            }
            if own.iter().any(|it| it.severity != rule.severity) {
                wrong.push(format!("{code}: not a {:?} on {major}", rule.severity));
            }
            let mut others = loud(&findings);
            others.remove(&code);
            if others != with {
                wrong.push(format!(
                    "{code}: with {with:?}, but on {major} with {others:?}"
                ));
            }
        }
    }
    every(wrong);
}

#[test]
fn what_a_page_shows_as_safer_is_not_reported() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let code = rule.code;
        let (fences, _) = fences(code);
        if fences.iter().all(|it| it.role != Role::Safer) {
            wrong.push(format!("{code}: the page has nothing safer"));
            continue;
        }
        let mut files = Files::of(code, &fences, Role::Safer);
        // Each file is a commit of its own.
        let each = std::mem::take(&mut files.judged);
        for major in OLDEST..=NEWEST {
            for (path, with) in &each {
                files.judged = BTreeMap::from([(path.clone(), with.clone())]);
                let findings = files.findings(major);
                for it in &findings {
                    if it.code == code || it.severity == Severity::Error {
                        wrong.push(format!("{code}: safer, but on {major}: {it:#?}"));
                    }
                }
                let others = loud(&findings);
                if others != *with {
                    wrong.push(format!(
                        "{code}: safer with {with:?}, on {major} with {others:?}"
                    ));
                }
            }
        }
    }
    every(wrong);
}

/// How much rules matter on ways down: those that are asked there.
const DOWN: &[(Code, Severity)] = &[
    // A way down is rarely taken and has a reason of its own.
    (Code::TableRewrite, Severity::Warning),
    (Code::ScanUnderLock, Severity::Warning),
    (Code::ForeignKeyScan, Severity::Warning),
    (Code::IndexBlocksWrites, Severity::Warning),
    (Code::ConstraintBuildsIndex, Severity::Warning),
    (Code::ReindexBlocks, Severity::Warning),
    (Code::RefreshBlocksReaders, Severity::Warning),
    (Code::WorkAfterLock, Severity::Warning),
    // PostgreSQL refuses it in either way.
    (Code::ConcurrentlyInTransaction, Severity::Error),
    (Code::EnumValueUsedTooEarly, Severity::Error),
    (Code::StatementNotUnderstood, Severity::Warning),
    (Code::NewerServerNeeded, Severity::Warning),
    (Code::SuppressionWithoutReason, Severity::Error),
    (Code::SuppressionUnused, Severity::Warning),
];

/// A page's text outside of the first lines of its fences, which a terminal does not show.
fn visible(code: Code) -> String {
    let lines = code.page().lines().filter(|line| !line.starts_with("```"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn files_are_named_where_they_are_seen() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let text = visible(rule.code);
        for path in fences(rule.code).0.iter().filter_map(|it| it.path.as_ref()) {
            let name = path.rsplit('/').next().unwrap();
            if !text.contains(name) {
                wrong.push(format!("{}: only a fence names `{name}`", rule.code));
            }
        }
    }
    every(wrong);
}

/// The example of a page as the way down of a migration that does nothing else; none if the page is
/// about more than one script.
fn as_way_down(code: Code) -> Option<Files> {
    let (fences, _) = fences(code);
    let plain = |it: &Fence| it.path.is_none() && !it.down;
    let mut examples = fences.iter().filter(|it| it.role == Role::Example);
    let example = examples.next().filter(|_| fences.iter().all(plain))?;
    assert!(examples.next().is_none(), "{code}: more than one example");
    let mut files = Files::default();
    let setup = fences.iter().filter(|it| it.role == Role::Setup);
    for (number, fence) in setup.enumerate() {
        let path = format!("migrations/{}_page.up.sql", number + 1);
        files.texts.insert(path, fence.text.clone().into_bytes());
    }
    let up = "migrations/9_page.up.sql".to_owned();
    let down = "migrations/9_page.down.sql".to_owned();
    files.texts.insert(up, b"SELECT 1;\n".to_vec());
    files
        .texts
        .insert(down.clone(), example.text.clone().into_bytes());
    files.judged.insert(down, BTreeSet::new());
    Some(files)
}

#[test]
fn on_a_way_down_only_what_matters_there_is_reported() {
    let (mut wrong, mut asked) = (Vec::new(), BTreeSet::new());
    for rule in rules() {
        let code = rule.code;
        let Some(files) = as_way_down(code) else {
            continue;
        };
        let expected = DOWN.iter().find(|(it, _)| *it == code);
        asked.extend(expected.map(|(it, _)| *it));
        let findings = files.findings(DEFAULT);
        let found: BTreeSet<Severity> = findings
            .iter()
            .filter(|it| it.code == code)
            .map(|it| it.severity)
            .collect();
        if found != expected.iter().map(|(_, severity)| *severity).collect() {
            wrong.push(format!("{code}: down it is {found:?}, not {expected:?}"));
        }
    }
    every(wrong);
    assert_eq!(asked, DOWN.iter().map(|(code, _)| *code).collect());
}

/// What is there before an example is itself without fault, apart from what is at stake only in a
/// database in use.
#[test]
fn what_is_there_is_understood() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let (fences, _) = fences(rule.code);
        let mut files = Files::of(rule.code, &fences, Role::Setup);
        // Migrations that the page lists elsewhere, such as those in a tool's list, are not there.
        files.judged.retain(|path, _| path.ends_with(".sql"));
        for it in files.findings(DEFAULT) {
            if it.severity == Severity::Error
                || [Code::HistoryMisfit, Code::StatementNotUnderstood].contains(&it.code)
            {
                wrong.push(format!("{}: in what is there: {it:#?}", rule.code));
            }
        }
    }
    every(wrong);
}

/// One finding as a terminal shows it, each part on one line.
fn printed(finding: &Finding) -> Vec<String> {
    let word = finding.severity.word();
    let mut lines = vec![format!("{word}[{}]: {}", finding.code, finding.message)];
    lines.extend(finding.causes.iter().map(|it| format!("caused by: {it}")));
    lines.extend(finding.safer.iter().map(|it| format!("hint: {it}")));
    lines.push(format!("explain: switchback explain {}", finding.code));
    lines
}

/// The first finding of a `console` fence, each part on one line. What is indented by four belongs
/// to the line before.
fn shown(console: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in console.lines().skip(1).take_while(|line| !line.is_empty()) {
        match (line.strip_prefix("    "), lines.last_mut()) {
            (Some(rest), Some(last)) => {
                last.push(' ');
                last.push_str(rest);
            }
            _ => lines.push(line.trim_start().to_owned()),
        }
    }
    lines
}

#[test]
fn a_page_shows_what_is_printed() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let code = rule.code;
        let (fences, consoles) = fences(code);
        let findings = Files::of(code, &fences, Role::Example).findings(DEFAULT);
        let own: Vec<Vec<String>> = findings
            .iter()
            .filter(|it| it.code == code)
            .map(printed)
            .collect();
        let first = consoles.first().map(|it| shown(it)).unwrap_or_default();
        if !own.contains(&first) {
            wrong.push(format!("{code}: shown is {first:#?}, and printed {own:#?}"));
        }
    }
    every(wrong);
}

#[test]
fn bytes_that_are_not_utf8() {
    let path = "migrations/1_page.sql".to_owned();
    let (_, consoles) = fences(Code::NotUtf8);
    // What the page shows: `-- Grüße` in Latin-1.
    for (bytes, shows) in [
        (&b"-- Gr\xfc\xdfe\nSELECT 1;\n"[..], true),
        (b"\xef\xbb\xbfSELECT 1;\n", false),
    ] {
        let files = Files {
            texts: BTreeMap::from([(path.clone(), bytes.to_vec())]),
            judged: BTreeMap::from([(path.clone(), BTreeSet::new())]),
            ..Files::default()
        };
        let findings = files.findings(DEFAULT);
        let own = findings.iter().find(|it| it.code == Code::NotUtf8).unwrap();
        assert_eq!(own.severity, Severity::Error);
        assert_eq!(printed(own) == shown(&consoles[0]), shows, "{own:#?}");
    }
}
