//! A folder judged as a whole, or in sections side by side.

use std::collections::BTreeSet;
use std::ops::Range;

use super::check::Walk;
use super::{Finding, Input, Options, Report, suppress};

/// Judges a folder.
pub fn check(input: &Input<'_>, options: &Options) -> Report {
    let sections = Sections::new(input, options, usize::MAX);
    settle(input, options, sections.map(Section::judge))
}

/// A folder in sections that can be judged side by side. To come to the next one is a small part of
/// the work of judging one: its migrations are only folded.
#[derive(Debug)]
pub struct Sections<'a> {
    walk: Walk<'a>,
    next: usize,
    size: usize,
}

/// Some migrations of a folder, and what is so before the first of them.
#[derive(Debug)]
pub struct Section<'a> {
    walk: Walk<'a>,
    migrations: Range<usize>,
}

/// What came of judging a section.
#[derive(Debug)]
pub struct Judged<'a> {
    pub(super) findings: Vec<Finding>,
    /// The files that were judged.
    pub(super) files: BTreeSet<&'a str>,
    pub(super) migrations: usize,
    pub(super) statements: usize,
}

impl<'a> Sections<'a> {
    /// Sections of `size` migrations each, but for the last; at least one.
    pub fn new(input: &Input<'a>, options: &Options, size: usize) -> Self {
        Self {
            walk: Walk::new(input, options),
            next: 0,
            size: size.max(1),
        }
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Section<'a>;

    fn next(&mut self) -> Option<Section<'a>> {
        let folder = self.walk.input.folder;
        let all = folder.migrations.len();
        if folder.other_engine.is_some() || self.next >= all {
            return None;
        }
        // Those of the section before are judged elsewhere.
        let before = self.next.saturating_sub(self.size)..self.next;
        for at in before {
            self.walk.pass(at);
        }
        let end = self.next.saturating_add(self.size).min(all);
        let migrations = std::mem::replace(&mut self.next, end)..end;
        Some(Section {
            walk: self.walk.clone(),
            migrations,
        })
    }
}

impl<'a> Section<'a> {
    /// Judges it.
    pub fn judge(self) -> Judged<'a> {
        let mut walk = self.walk;
        let mut judged = Judged {
            findings: Vec::new(),
            files: BTreeSet::new(),
            migrations: 0,
            statements: 0,
        };
        for at in self.migrations {
            walk.migration(at, &mut judged);
        }
        // Here, side by side, and then there is hardly anything left to sort in the whole.
        judged.findings.sort_by(Finding::order);
        judged
    }
}

/// Puts together what came of all sections of a folder.
pub fn settle<'a>(
    input: &Input<'a>,
    options: &Options,
    sections: impl IntoIterator<Item = Judged<'a>>,
) -> Report {
    let walk = Walk::new(input, options);
    let mut report = Report::default();
    let mut findings = walk.problems();
    let mut files = BTreeSet::new();
    for mut section in sections {
        findings.append(&mut section.findings);
        files.append(&mut section.files);
        report.migrations += section.migrations;
        report.statements += section.statements;
    }
    suppress::settle(
        &mut findings,
        &mut report.suppressed,
        input,
        options,
        walk.engine,
        &files,
    );
    if !findings.is_sorted_by(|one, other| one.order(other).is_le()) {
        findings.sort_by(Finding::order);
    }
    report
        .suppressed
        .sort_by(|(one, _), (other, _)| one.order(other));
    report.findings = findings;
    report
}

#[cfg(test)]
mod tests {
    use switchback_diag::Code;

    use super::*;
    use crate::lint::trial;

    /// What a rule knows from earlier migrations, ways down included, it knows in any section.
    #[test]
    fn sections_of_any_size_find_the_same() {
        let migrations = [
            (
                "CREATE TABLE t (id bigint PRIMARY KEY, a text); CREATE INDEX t_a ON t (a);",
                Some("DROP TABLE t;"),
            ),
            ("SET search_path TO app;", Some("MYSTERY WORD w;")),
            ("CREATE INDEX CONCURRENTLY t_again ON public.t (a);", None),
            ("ALTER TABLE missing ADD COLUMN b text;", Some("SELECT 1;")),
            ("MYSTERY WORD elsewhere;", None),
            ("ALTER TABLE elsewhere ADD COLUMN b text;", None),
            (
                "-- switchback:allow drop-column: gone since 2.3\nALTER TABLE public.t DROP COLUMN a;",
                None,
            ),
        ];
        for applied in [None, Some("1"), Some("3")] {
            let options = Options {
                applied_until: applied.map(str::to_owned),
                ..Options::new(15)
            };
            let whole = trial::in_sections(&migrations, &options, usize::MAX);
            let has = |code| whole.findings.iter().any(|it: &Finding| it.code == code);
            assert!(has(Code::StatementNotUnderstood) && !whole.suppressed.is_empty());
            assert_eq!(has(Code::DuplicateIndex), applied != Some("3"));
            for size in 1..=migrations.len() {
                let parts = trial::in_sections(&migrations, &options, size);
                assert_eq!(
                    parts, whole,
                    "sections of {size}, applied until {applied:?}"
                );
            }
        }
    }
}
