//! What came of a run, before it is shown in any form.

use std::collections::{BTreeMap, BTreeSet};

use switchback_diag::{Code, Diagnostic, Severity};
use switchback_migration::Engine;
use switchback_migration::history::{Because, Tool};
use switchback_migration::lint::Finding;

use super::choice::Choice;
use super::folders::{Group, Groups};
use super::locate::{Lines, Place};
use crate::settings::types::FailOn;
use crate::survey::Base;

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What was found and counts, by file and place.
    pub(super) findings: Vec<Finding>,
    /// What is allowed where it stands, with the reason.
    pub(super) suppressed: Vec<(Finding, String)>,
    /// What is known from the baseline.
    pub(super) known: Vec<Finding>,
    /// How many entries of the baseline nothing was found for.
    pub(super) gone: usize,
    /// The folders.
    pub(super) folders: Vec<FolderLine>,
    /// Fixes that were made, or would be.
    pub(super) fixed: Vec<FixLine>,
    /// Whether the fixes were only looked at.
    pub(super) dry_run: bool,
    /// Texts of files that are no migrations.
    pub(super) texts: BTreeMap<String, String>,
}

/// A folder that was judged.
#[derive(Debug, Clone)]
pub(super) struct FolderLine {
    /// The folder, by its name.
    pub(super) path: String,
    /// Its tool.
    pub(super) tool: Tool,
    /// The engine that it was judged for.
    pub(super) engine: Option<Engine>,
    /// Its engine, if that is another one: then it was not judged.
    pub(super) other_engine: Option<&'static str>,
    /// What tool and engine were seen by.
    pub(super) because: Because,
    /// How many migrations it has.
    pub(super) migrations: usize,
    /// How many of them were judged.
    pub(super) judged: usize,
}

/// A fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FixLine {
    /// The file, by its name.
    pub(super) file: String,
    /// The rule.
    pub(super) code: Code,
    /// What it does.
    pub(super) title: String,
}

/// How many findings there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
    pub(super) fixable: usize,
    /// Migrations in which something was found.
    pub(super) touched: usize,
    /// Other files in which something was found.
    pub(super) others: usize,
    /// Migrations that were judged.
    pub(super) judged: usize,
    /// All migrations.
    pub(super) migrations: usize,
}

/// A finding with its place.
pub(super) struct Placed<'a> {
    pub(super) finding: &'a Finding,
    pub(super) place: Place,
}

impl Report {
    /// Sorts what was found by file and place.
    pub(super) fn sort(&mut self) {
        let sorted = |one: &Finding, other: &Finding| one.order(other).is_le();
        if !self.findings.is_sorted_by(sorted) {
            self.findings.sort_by(Finding::order);
        }
        self.suppressed
            .sort_by(|(one, _), (other, _)| one.order(other));
    }

    /// How many findings there are of each kind.
    pub(super) fn counts(&self, groups: &Groups) -> Counts {
        let of = |severity| {
            self.findings
                .iter()
                .filter(|it| it.severity == severity)
                .count()
        };
        let files: BTreeSet<&str> = self.findings.iter().map(|it| it.file.as_str()).collect();
        let mut mine: BTreeSet<&str> = BTreeSet::new();
        let mut touched = 0;
        for migration in groups.all.iter().flat_map(|it| &it.folder.migrations) {
            let up = migration.up.file.as_str();
            let down = migration.down.as_ref().map(|it| it.file.as_str());
            mine.insert(up);
            mine.extend(down);
            if files.contains(up) || down.is_some_and(|down| files.contains(down)) {
                touched += 1;
            }
        }
        Counts {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            notes: of(Severity::Note),
            fixable: self.findings.iter().filter(|it| it.fix.is_some()).count(),
            touched,
            others: files.difference(&mine).count(),
            judged: self.folders.iter().map(|it| it.judged).sum(),
            migrations: self.folders.iter().map(|it| it.migrations).sum(),
        }
    }

    /// Whether the run fails.
    pub(super) fn fails(&self, fail_on: FailOn) -> bool {
        self.findings.iter().any(|it| fail_on.fails(it.severity))
    }

    /// Findings with their places; files are named by `name`.
    pub(super) fn placed<'a>(
        &self,
        findings: impl IntoIterator<Item = &'a Finding>,
        groups: &Groups,
        name: impl Fn(&str) -> String,
    ) -> Vec<Placed<'a>> {
        let bytes = self.bytes(groups);
        let mut placed: Vec<Placed<'a>> = Vec::new();
        let mut open: Option<(&str, Lines<'_>)> = None;
        for finding in findings {
            if open.as_ref().is_none_or(|(file, _)| *file != finding.file) {
                let bytes = bytes
                    .get(finding.file.as_str())
                    .copied()
                    .unwrap_or_default();
                open = Some((&finding.file, Lines::of(bytes)));
            }
            if let Some((_, lines)) = &open {
                placed.push(Placed {
                    finding,
                    place: lines.place(name(&finding.file), &finding.span),
                });
            }
        }
        placed
    }

    fn bytes<'a>(&'a self, groups: &'a Groups) -> BTreeMap<&'a str, &'a [u8]> {
        let mut bytes: BTreeMap<&str, &[u8]> = BTreeMap::new();
        for (name, text) in &self.texts {
            bytes.insert(name, text.as_bytes());
        }
        for group in &groups.all {
            bytes.extend(group.texts());
        }
        bytes
    }
}

impl Placed<'_> {
    /// The same as a diagnostic.
    pub(super) fn diagnostic(&self) -> Diagnostic {
        let finding = self.finding;
        let mut found = Diagnostic {
            severity: finding.severity,
            ..Diagnostic::error(finding.code, &finding.message)
        };
        for cause in &finding.causes {
            found = found.cause(cause);
        }
        for safer in &finding.safer {
            found = found.hint(safer);
        }
        found.at(self.place.location.clone())
    }
}

impl FolderLine {
    /// A folder, of whose migrations so many were judged.
    pub(super) fn of(group: &Group, choice: &Choice, judged: usize) -> Self {
        let other = group
            .folder
            .other_engine
            .filter(|_| choice.engine.is_none());
        Self {
            path: group.folder.path.clone(),
            tool: group.folder.tool,
            engine: other.is_none().then(|| group.engine_for(choice)),
            other_engine: other,
            because: group.folder.because.clone(),
            migrations: group.folder.migrations.len(),
            judged,
        }
    }
}

/// The name of a folder for people.
pub(super) fn folder_name(base: &Base, path: &str) -> String {
    match base.shown(path).as_str() {
        "" => ".".to_owned(),
        shown => shown.to_owned(),
    }
}
