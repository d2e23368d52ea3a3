//! The wire type `switchback.check/v1`.

use serde::Serialize;
use switchback_migration::lint::Finding;

use super::folders::Groups;
use super::report::{Placed, Report, folder_name};
use crate::output::View;
use crate::page::Page;
use crate::survey::Base;

/// The document.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    /// The exit code of the run.
    exit: u8,
    findings: Vec<Found<'a>>,
    /// What is allowed where it stands.
    suppressed: Vec<Allowed<'a>>,
    /// Fixes that were made, or with `--dry-run` would be.
    fixed: Vec<Fixed<'a>>,
    /// The folders of migrations.
    folders: Vec<Folder<'a>>,
    summary: Summary,
}

/// One finding. Lines and columns begin at 1, and columns count characters.
#[derive(Serialize)]
struct Found<'a> {
    code: &'static str,
    slug: &'static str,
    /// `error`, `warning` or `note`.
    severity: &'static str,
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    /// Behind the last character.
    end_column: u32,
    message: &'a str,
    causes: &'a [String],
    safer: &'a [String],
    /// Whether `--fix` makes it right.
    fixable: bool,
    /// What the fix would do, or null.
    fix: Option<&'a str>,
    /// The table that it is about, by full name, or null.
    table: Option<String>,
    /// The command that shows the page of the code.
    help: String,
}

#[derive(Serialize)]
struct Allowed<'a> {
    #[serde(flatten)]
    finding: Found<'a>,
    /// The reason that stands there.
    reason: &'a str,
}

#[derive(Serialize)]
struct Fixed<'a> {
    file: String,
    code: &'static str,
    title: &'a str,
}

#[derive(Serialize)]
struct Folder<'a> {
    path: String,
    tool: &'static str,
    /// `postgres`, `sqlite` or `mysql`; null if it is another one.
    engine: Option<&'static str>,
    /// Another engine, by the name that its makers write: the folder was not judged.
    other_engine: Option<&'static str>,
    /// What the tool was seen by.
    tool_because: &'a str,
    /// What the engine was seen by; empty if nothing says so.
    engine_because: &'a str,
    migrations: usize,
    judged: usize,
}

#[derive(Serialize)]
struct Summary {
    /// All migrations.
    migrations: usize,
    /// Those that were judged.
    judged: usize,
    findings: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    fixable: usize,
    suppressed: usize,
    /// Findings that the baseline knows.
    known: usize,
    /// Entries of the baseline for which nothing was found.
    gone: usize,
    /// Whether nothing was written.
    dry_run: bool,
}

impl<'a> Document<'a> {
    pub(super) fn new(report: &'a Report, groups: &Groups, base: &Base, exit: u8) -> Self {
        let name = |name: &str| base.shown(name);
        let counts = report.counts(groups);
        let suppressed: Vec<&'a Finding> = report.suppressed.iter().map(|(it, _)| it).collect();
        let suppressed = report.placed(suppressed, groups, name);
        let reasons = report.suppressed.iter().map(|(_, reason)| reason.as_str());
        Self {
            exit,
            findings: report
                .placed(&report.findings, groups, name)
                .into_iter()
                .map(Found::of)
                .collect(),
            suppressed: suppressed
                .into_iter()
                .zip(reasons)
                .map(|(placed, reason)| Allowed {
                    finding: Found::of(placed),
                    reason,
                })
                .collect(),
            fixed: report
                .fixed
                .iter()
                .map(|fix| Fixed {
                    file: name(&fix.file),
                    code: fix.code.id(),
                    title: &fix.title,
                })
                .collect(),
            folders: report
                .folders
                .iter()
                .map(|folder| Folder {
                    path: folder_name(base, &folder.path),
                    tool: folder.tool.word(),
                    engine: folder.engine.map(switchback_migration::Engine::word),
                    other_engine: folder.other_engine,
                    tool_because: &folder.because.tool,
                    engine_because: &folder.because.engine,
                    migrations: folder.migrations,
                    judged: folder.judged,
                })
                .collect(),
            summary: Summary {
                migrations: counts.migrations,
                judged: counts.judged,
                findings: report.findings.len(),
                errors: counts.errors,
                warnings: counts.warnings,
                notes: counts.notes,
                fixable: counts.fixable,
                suppressed: report.suppressed.len(),
                known: report.known.len(),
                gone: report.gone,
                dry_run: report.dry_run,
            },
        }
    }
}

impl<'a> Found<'a> {
    fn of(placed: Placed<'a>) -> Self {
        let (finding, at) = (placed.finding, placed.place.location);
        Self {
            code: finding.code.id(),
            slug: finding.code.slug(),
            severity: finding.severity.word(),
            file: at.file,
            line: at.line,
            column: at.column,
            end_line: placed.place.end_line,
            end_column: placed.place.end_column,
            message: &finding.message,
            causes: &finding.causes,
            safer: &finding.safer,
            fixable: finding.fix.is_some(),
            fix: finding.fix.as_ref().map(|fix| fix.title.as_str()),
            table: finding.table.as_ref().map(ToString::to_string),
            help: format!("switchback explain {}", finding.code),
        }
    }
}

impl View for Document<'_> {
    const SCHEMA: &'static str = "switchback.check/v1";

    fn about_bytes(&self) -> usize {
        1_024 * (1 + self.findings.len() + self.suppressed.len())
    }

    /// People get another rendering, made from the report itself.
    fn human(&self, _: &mut Page) {}
}
