//! Cases in files: a schema, and statements that run on it.
//!
//! A line that begins with `--@` says what follows until the next one:
//!
//! - `--@ setup`: the schema of the file; with `--@ setup 18` what is added from that major on.
//! - `--@ case NAME`: statements that run together in one unit, rolled back afterwards.
//! - `--@ alone NAME`: one statement that runs outside of a transaction, in a copy of the database,
//!   while an older transaction has looked at every table. With `--@ alone(MODE) NAME` that one has
//!   locked every table so, with `--@ alone(partitions) NAME` it has looked at partitions alone, and
//!   with `--@ alone(advisory) NAME` it only has the advisory lock 7.
//! - `--@ refused 12-13`, before the statements of a case: the majors whose server refuses them for
//!   a reason that facts do not know of. One that does not have the statement need not be named.
//! - `--@ only 15-18`, likewise: the majors that the case is for.
//! - `--@ blocks 12-18`, likewise: the majors on which somebody waits in proportion to a table. In a
//!   file in which one case says so, all others block nowhere.

use std::ops::RangeInclusive;

/// A file of cases.
pub(crate) struct File {
    pub name: String,
    setup: Vec<(u32, String)>,
    pub cases: Vec<Case>,
}

/// A case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub name: String,
    pub sql: String,
    /// Where it runs outside of a transaction: what the other session locks.
    pub alone: Option<String>,
    /// Majors that refuse it.
    pub refused: Option<RangeInclusive<u32>>,
    /// What is done before, and left, and what takes that back.
    pub around: Option<(String, String)>,
    /// The relations that it is about, as a regular expression.
    pub about: String,
    /// It depends on what came of another one.
    pub follows: Option<Follows>,
    /// The majors that it is for.
    pub only: RangeInclusive<u32>,
    /// The majors on which it blocks in proportion to a table.
    pub blocks: Option<RangeInclusive<u32>>,
    /// The server may refuse it for whatever reason; then there is nothing to compare.
    pub unsure: bool,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, sql: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sql: sql.into(),
            alone: None,
            refused: None,
            around: None,
            about: String::new(),
            follows: None,
            only: 0..=u32::MAX,
            blocks: None,
            unsure: false,
        }
    }

    /// The same, where nobody says whether servers take it.
    pub(crate) fn unsure(self) -> Self {
        Self {
            unsure: true,
            ..self
        }
    }
}

/// How a case depends on another one, by name.
#[derive(Debug, Clone)]
pub(crate) enum Follows {
    /// It runs only if that one was refused.
    Refused(String),
    /// It runs only if that one was not refused; if the table was written anew, which is all the
    /// same then, only if `sample` is set.
    Accepted { name: String, sample: bool },
}

impl Case {
    pub(crate) fn follows(self, follows: Follows) -> Self {
        Self {
            follows: Some(follows),
            ..self
        }
    }

    /// The same, where nothing happens to relations with other names.
    pub(crate) fn about(self, about: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            ..self
        }
    }

    /// The same, with something done before, and taken back after it.
    pub(crate) fn around(self, before: impl Into<String>, after: impl Into<String>) -> Self {
        Self {
            around: Some((before.into(), after.into())),
            ..self
        }
    }
}

impl File {
    /// A file that was never one.
    pub(crate) fn made(name: impl Into<String>, setup: String, cases: Vec<Case>) -> Self {
        Self {
            name: name.into(),
            setup: vec![(0, setup)],
            cases,
        }
    }

    /// Whether a case of this file blocks in proportion to a table, where the file says so.
    pub(crate) fn says_blocks(&self, case: &Case, major: u32) -> Option<bool> {
        let says = self.cases.iter().any(|it| it.blocks.is_some());
        let here = case.blocks.as_ref().is_some_and(|it| it.contains(&major));
        says.then_some(here)
    }

    /// The schema for a major.
    pub(crate) fn setup(&self, major: u32) -> String {
        let parts = self.setup.iter().filter(|(since, _)| *since <= major);
        parts.map(|(_, sql)| sql.as_str()).collect()
    }
}

fn majors(text: &str) -> RangeInclusive<u32> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    from.trim().parse().unwrap()..=to.trim().parse().unwrap()
}

/// Reads a file of cases.
pub(crate) fn read(name: &str, text: &str) -> File {
    let mut file = File {
        name: name.to_owned(),
        setup: Vec::new(),
        cases: Vec::new(),
    };
    for line in text.lines() {
        let Some(words) = line.strip_prefix("--@ ") else {
            let target = match (file.cases.last_mut(), file.setup.last_mut()) {
                (Some(case), _) => &mut case.sql,
                (None, Some((_, setup))) => setup,
                (None, None) => continue,
            };
            target.push_str(line);
            target.push('\n');
            continue;
        };
        let (what, rest) = words.split_once(' ').unwrap_or((words, ""));
        match (what, file.cases.last_mut()) {
            ("setup", _) => {
                file.setup
                    .push((rest.trim().parse().unwrap_or(0), String::new()));
            }
            ("refused", Some(case)) => case.refused = Some(majors(rest)),
            ("only", Some(case)) => case.only = majors(rest),
            ("blocks", Some(case)) => case.blocks = Some(majors(rest)),
            ("case", _) => file.cases.push(Case::new(rest, "")),
            _ if what.starts_with("alone") => {
                let mode = what
                    .strip_prefix("alone(")
                    .and_then(|it| it.strip_suffix(')'));
                let mut case = Case::new(rest, "");
                case.alone = Some(mode.unwrap_or("access_share").replace('_', " "));
                file.cases.push(case);
            }
            _ => panic!("{name}: what is `{line}`?"),
        }
    }
    file
}
