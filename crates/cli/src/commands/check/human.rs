//! The report for people: findings by file, what was judged, and one line that sums up.

use std::collections::BTreeSet;

use switchback_diag::{Code, Theme, human};

use super::folders::Groups;
use super::report::{Counts, Report, folder_name};
use crate::page::{Page, Role};
use crate::survey::Base;

/// How many folders are named one by one.
const FOLDERS: usize = 8;

/// All of it.
pub(super) fn render(report: &Report, groups: &Groups, base: &Base, theme: Theme) -> String {
    let mut out = String::new();
    let mut explained: BTreeSet<Code> = BTreeSet::new();
    let placed = report.placed(&report.findings, groups, |name| base.shown(name));
    for file in placed.chunk_by(|one, other| one.finding.file == other.finding.file) {
        let mut page = Page::new(theme);
        if let Some(first) = file.first() {
            page.add(Role::Strong, &first.place.location.file);
            page.add(Role::Faint, &format!("  {}", many(file.len(), "finding")))
                .end()
                .end();
        }
        out.push_str(page.text());
        for placed in file {
            let text = human::render_one(&placed.diagnostic(), &theme);
            let text = text.trim_end_matches('\n');
            // Its last line says where the code is explained; once is enough.
            let text = match explained.insert(placed.finding.code) {
                true => text,
                false => text.rsplit_once('\n').map_or(text, |(text, _)| text),
            };
            out.push_str(text);
            out.push_str("\n\n");
        }
    }
    let mut page = Page::new(theme);
    fixes(report, base, &mut page);
    folders(report, base, &mut page);
    page.line(&summary(report, &report.counts(groups)));
    out.push_str(page.text());
    out
}

fn fixes(report: &Report, base: &Base, page: &mut Page) {
    for fix in &report.fixed {
        let word = if report.dry_run { "would fix" } else { "fixed" };
        page.add(Role::Good, word);
        page.line(&format!(
            " {} ({}): {}",
            base.shown(&fix.file),
            fix.code,
            fix.title
        ));
    }
}

fn folders(report: &Report, base: &Base, page: &mut Page) {
    for folder in report.folders.iter().take(FOLDERS) {
        page.add(Role::Label, "checked ");
        page.add(Role::Plain, &folder_name(base, &folder.path));
        let engine = match (folder.engine, folder.other_engine) {
            (_, Some(other)) => format!("{other}, which is not judged"),
            (Some(engine), None) => engine.to_string(),
            (None, None) => "an engine that is not known".to_owned(),
        };
        let judged = match folder.judged {
            all if all == folder.migrations => many(all, "migration"),
            some => format!("{some} of {}", many(folder.migrations, "migration")),
        };
        page.add(
            Role::Faint,
            &format!(" ({}, {engine}): {judged}", folder.tool),
        )
        .end();
    }
    if report.folders.len() > FOLDERS {
        let rest = report.folders.len() - FOLDERS;
        page.line(&format!("and {} more", many(rest, "folder")));
    }
}

/// The line at the end.
pub(super) fn summary(report: &Report, counts: &Counts) -> String {
    let total = counts.errors + counts.warnings + counts.notes;
    let judged = many(counts.judged, "migration");
    let mut line = if total == 0 {
        format!("no findings in {judged}")
    } else {
        let mut kinds = Vec::new();
        for (count, word) in [
            (counts.errors, "error"),
            (counts.warnings, "warning"),
            (counts.notes, "note"),
        ] {
            if count > 0 {
                kinds.push(many(count, word));
            }
        }
        let place = match (counts.touched, counts.others) {
            (0, others) => many(others, "file"),
            (touched, 0) => format!("{touched} of {judged}"),
            (touched, others) => {
                format!("{touched} of {judged} and {}", many(others, "other file"))
            }
        };
        format!(
            "{} in {place} ({})",
            many(total, "finding"),
            kinds.join(", ")
        )
    };
    if !report.fixed.is_empty() {
        let word = if report.dry_run {
            "to be fixed"
        } else {
            "fixed"
        };
        line.push_str(&format!("; {} {word}", report.fixed.len()));
    }
    if counts.fixable > 0 {
        line.push_str(&format!("; {} fixable with --fix", counts.fixable));
    }
    if !report.suppressed.is_empty() {
        line.push_str(&format!("; {} suppressed", report.suppressed.len()));
    }
    if !report.known.is_empty() {
        line.push_str(&format!("; {} known from the baseline", report.known.len()));
    }
    line
}

/// A number and a word.
pub(super) fn many(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        count => format!("{count} {word}s"),
    }
}
