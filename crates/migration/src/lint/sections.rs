//! A folder judged as a whole, or in sections side by side.

use std::collections::BTreeSet;
use std::ops::Range;

use super::check::Walk;
use super::{Finding, Input, Options, Report, suppress};

/// Judges a folder.
pub fn check(input: &Input<'_>, options: &Options) -> Report {
    let sections = Sections::new(input, options, 1);
    settle(input, options, sections.map(Section::judge))
}

/// A folder in sections that can be judged side by side. To come to the next one is a small part of
/// the work of judging one: its migrations are only folded.
#[derive(Debug)]
pub struct Sections<'a> {
    walk: Walk<'a>,
    /// How far the walk has come.
    at: usize,
    /// Where the next section begins.
    begun: usize,
    /// The place behind the last migration of each section that is left, the next one's last.
    ends: Vec<usize>,
}

/// How much less each section has to judge than the one before, in a hundred: for what was folded
/// before it, and because a larger schema takes longer to look into. Measured on the benchmark.
const FOLDING: usize = 42;

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
    /// So many sections, or as many as there are migrations, if there are fewer. Whoever begins
    /// later, because what is before had to be folded, has less to judge, so that all come to their
    /// end together.
    pub fn new(input: &Input<'a>, options: &Options, sections: usize) -> Self {
        let walk = Walk::new(input, options);
        let work = (0..input.folder.migrations.len()).map(|at| 1 + walk.statements(at));
        let mut ends = ends(&work.collect::<Vec<_>>(), sections);
        ends.reverse();
        Self {
            walk,
            at: 0,
            begun: 0,
            ends,
        }
    }
}

/// Where sections end that take about the same time, each with the folding before it.
fn ends(work: &[usize], sections: usize) -> Vec<usize> {
    // With a time of 1 for the first, each has what folding all before it leaves of that.
    let next = |share: &usize| Some(share * (100 - FOLDING) / 100);
    let shares: Vec<usize> = std::iter::successors(Some(1_000), next)
        .take(sections.max(1))
        .collect();
    let all: usize = work.iter().sum();
    let whole: usize = shares.iter().sum();
    let mut ends = Vec::new();
    let (mut at, mut done, mut share) = (0, 0, 0);
    for one in shares {
        share += one;
        let begun = at;
        while at < work.len() && done < all * share / whole {
            done += work[at];
            at += 1;
        }
        if at > begun {
            ends.push(at);
        }
    }
    ends
}

impl<'a> Iterator for Sections<'a> {
    type Item = Section<'a>;

    fn next(&mut self) -> Option<Section<'a>> {
        if self.walk.input.folder.other_engine.is_some() {
            return None;
        }
        let end = self.ends.pop()?;
        let migrations = self.begun..end;
        // Those of the sections before are judged elsewhere.
        while self.at < migrations.start {
            self.walk.pass(self.at);
            self.at += 1;
        }
        self.begun = end;
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
    let sections: Vec<Judged<'_>> = sections.into_iter().collect();
    let mut report = Report::default();
    let mut findings = walk.problems();
    findings.reserve_exact(sections.iter().map(|it| it.findings.len()).sum());
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

    #[test]
    fn whoever_begins_later_has_less_to_judge() {
        let work = [10; 1_000];
        assert_eq!(ends(&work, 1), [1_000]);
        assert_eq!(ends(&work, 2), [633, 1_000]);
        assert_eq!(ends(&work, 3), [522, 825, 1_000]);
        // One that is all of the work has a section of its own.
        assert_eq!(ends(&[1, 1, 1_000, 1], 2), [3, 4]);
        assert_eq!(ends(&[1], 4), [1]);
        assert_eq!(ends(&[], 4), [0; 0]);
        assert_eq!(ends(&work, 200).last(), Some(&1_000));
    }

    /// What a rule knows from earlier migrations, ways down included, it knows in any section.
    #[test]
    fn any_number_of_sections_finds_the_same() {
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
            let whole = trial::in_sections(&migrations, &options, 1);
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
