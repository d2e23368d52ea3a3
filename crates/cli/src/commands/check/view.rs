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
pub(super) struct Document {
    /// The exit code of the run.
    exit: u8,
    findings: Vec<Found>,
    /// What is allowed where it stands.
    suppressed: Vec<Allowed>,
    /// Fixes that were made, or with `--dry-run` would be.
    fixed: Vec<Fixed>,
    /// The folders of migrations.
    folders: Vec<Folder>,
    summary: Summary,
}

/// One finding. Lines and columns begin at 1, and columns count characters.
#[derive(Serialize)]
struct Found {
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
    message: String,
    causes: Vec<String>,
    safer: Vec<String>,
    /// Whether `--fix` makes it right.
    fixable: bool,
    /// What the fix would do, or null.
    fix: Option<String>,
    /// The table that it is about, by full name, or null.
    table: Option<String>,
    /// The command that shows the page of the code.
    help: String,
}

#[derive(Serialize)]
struct Allowed {
    #[serde(flatten)]
    finding: Found,
    /// The reason that stands there.
    reason: String,
}

#[derive(Serialize)]
struct Fixed {
    file: String,
    code: &'static str,
    title: String,
}

#[derive(Serialize)]
struct Folder {
    path: String,
    tool: &'static str,
    /// `postgres`, `sqlite` or `mysql`; null if it is another one.
    engine: Option<&'static str>,
    /// Another engine, by the name that its makers write: the folder was not judged.
    other_engine: Option<&'static str>,
    /// What the tool was seen by.
    tool_because: String,
    /// What the engine was seen by; empty if nothing says so.
    engine_because: String,
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

impl Document {
    pub(super) fn new(report: &Report, groups: &Groups, base: &Base, exit: u8) -> Self {
        let name = |name: &str| base.shown(name);
        let counts = report.counts(groups);
        let suppressed: Vec<&Finding> = report.suppressed.iter().map(|(it, _)| it).collect();
        let suppressed = report.placed(suppressed, groups, name);
        let reasons = report.suppressed.iter().map(|(_, reason)| reason.clone());
        Self {
            exit,
            findings: report
                .placed(&report.findings, groups, name)
                .iter()
                .map(Found::of)
                .collect(),
            suppressed: suppressed
                .iter()
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
                    title: fix.title.clone(),
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
                    tool_because: folder.because.tool.clone(),
                    engine_because: folder.because.engine.clone(),
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

impl Found {
    fn of(placed: &Placed<'_>) -> Self {
        let (finding, at) = (placed.finding, &placed.place.location);
        Self {
            code: finding.code.id(),
            slug: finding.code.slug(),
            severity: finding.severity.word(),
            file: at.file.clone(),
            line: at.line,
            column: at.column,
            end_line: placed.place.end_line,
            end_column: placed.place.end_column,
            message: finding.message.clone(),
            causes: finding.causes.clone(),
            safer: finding.safer.clone(),
            fixable: finding.fix.is_some(),
            fix: finding.fix.as_ref().map(|fix| fix.title.clone()),
            table: finding.table.as_ref().map(ToString::to_string),
            help: format!("switchback explain {}", finding.code),
        }
    }
}

impl View for Document {
    const SCHEMA: &'static str = "switchback.check/v1";

    /// People get another rendering, made from the report itself.
    fn human(&self, _: &mut Page) {}
}
