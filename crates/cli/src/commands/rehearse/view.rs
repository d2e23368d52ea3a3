//! What a rehearsal found, for people and for programs.

use serde::Serialize;
use switchback_db::history::{
    Cause, Change, Difference, Failure, Fault, Note, Rehearsed, Report, Stop, TableChange, Verdict,
};
use switchback_diag::{Code, Exit};
use switchback_migration::history::{Misfit, MisfitKind, Standing};

use super::folder::Read;
use crate::output::View;
use crate::page::{Page, Role};

/// How many differences of one migration people are shown.
const SHOWN: usize = 8;

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct Rehearsal {
    folder: String,
    tool: &'static str,
    engine: String,
    /// What says that the folder is for this engine; none where nothing does and it was assumed.
    engine_because: Option<String>,
    /// How many rows each table was filled with.
    rows_per_table: u64,
    counts: Counts,
    migrations: Vec<Migration>,
    way_down: Option<WayDown>,
    /// The copy of a database that it was rehearsed on; none for an empty database.
    copy: Option<OnCopy>,
}

/// A copy, and how it stands to the folder.
#[derive(Debug, Serialize)]
pub(super) struct OnCopy {
    /// The variable with its URL.
    variable: String,
    /// How many migrations of the folder were applied there already.
    applied: usize,
    misfits: Vec<MisfitView>,
}

/// Where the copy does not fit the folder.
#[derive(Debug, Serialize)]
struct MisfitView {
    /// The code whose page says more.
    code: &'static str,
    version: String,
    name: String,
    file: Option<String>,
    /// What does not fit, in one sentence without a full stop.
    message: String,
}

impl OnCopy {
    pub(super) fn of(variable: &str, standing: &Standing) -> Self {
        Self {
            variable: variable.to_owned(),
            applied: standing.applied.len(),
            misfits: standing.misfits.iter().map(MisfitView::of).collect(),
        }
    }
}

impl MisfitView {
    fn of(it: &Misfit) -> Self {
        let (code, message) = match it.kind {
            MisfitKind::InPart => (Code::AppliedInPart, "it was applied in part"),
            MisfitKind::Edited => (
                Code::EditedAfterApplied,
                "it was edited after it was applied",
            ),
            MisfitKind::NotInFolder => (
                Code::AppliedMissing,
                "it is applied, and the folder does not have it",
            ),
        };
        Self {
            code: code.id(),
            version: it.version.clone(),
            name: it.name.clone(),
            file: it.file.clone(),
            message: message.to_owned(),
        }
    }
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    migrations: usize,
    /// Down leads back, and up again leads to the same.
    restored: usize,
    without_way_down: usize,
    /// At least one fault that a program could notice.
    faulty: usize,
    /// Only the order of columns or the position of sequences differs, or rows are left over.
    nearly_restored: usize,
    lose_data: usize,
    leave_another_schema: usize,
    cannot_be_applied: usize,
    /// Of the faultless ones: it was refused by some of the rows that were made up, such as a NULL.
    depend_on_rows: usize,
    cannot_be_taken_back: usize,
    cannot_be_applied_again: usize,
    not_judged: usize,
}

#[derive(Debug, Serialize)]
struct Migration {
    version: String,
    name: String,
    /// `restores`, `no-way-down`, `repeats`, `faulty`, `unreadable` or `not-reached`.
    verdict: &'static str,
    faults: Vec<FaultView>,
    notes: Vec<String>,
    /// Rows in all tables when it was tried.
    rows: u64,
    milliseconds: u128,
}

#[derive(Debug, Serialize)]
struct FaultView {
    /// `up-fails`, `down-fails`, `schema-not-restored`, `data-not-restored`,
    /// `sequences-not-restored`, `again-fails` or `again-differs`.
    fault: &'static str,
    /// Whether programs that name their columns do not notice, or it depends on rows that were made
    /// up.
    mild: bool,
    /// What is wrong, in one sentence without a full stop.
    message: String,
    /// Lines that begin with `- ` for what was and `+ ` for what is.
    differences: Vec<String>,
}

#[derive(Debug, Serialize)]
struct WayDown {
    walked: usize,
    stopped: Option<String>,
    left: Vec<String>,
}

impl Rehearsal {
    pub(super) fn of(read: &Read, report: &Report, rows: u64) -> Self {
        let migrations: Vec<Migration> = report.migrations.iter().map(Migration::of).collect();
        let mut counts = Counts {
            migrations: migrations.len(),
            ..Counts::default()
        };
        for it in &report.migrations {
            counts.add(&it.verdict);
        }
        let name = |index: &usize| {
            let it = report.migrations.get(*index);
            it.map_or_else(String::new, |it| title(&it.version, &it.name))
        };
        Self {
            folder: read.shown.clone(),
            tool: read.folder.tool.title(),
            engine: report.engine.clone(),
            engine_because: read.because.clone(),
            rows_per_table: rows,
            counts,
            migrations,
            way_down: report.way_down.as_ref().map(|down| WayDown {
                walked: down.walked,
                stopped: down.stopped.as_ref().map(|stop| match stop {
                    Stop::NoWayDown(index) => format!("{} has no way down", name(index)),
                    Stop::Fails(index, failure) => {
                        format!("the way down of {} fails: {}", name(index), said(failure))
                    }
                }),
                left: shown(&down.left),
            }),
            copy: None,
        }
    }

    /// The same, on a copy.
    pub(super) fn on(mut self, copy: OnCopy) -> Self {
        self.copy = Some(copy);
        self
    }

    /// How the run ends: refused if something was found that a program could notice.
    pub(super) fn exit(&self) -> Exit {
        let misfits = self.copy.as_ref().is_some_and(|it| !it.misfits.is_empty());
        if self.counts.faulty > 0 || misfits {
            Exit::Refused
        } else if self.counts.migrations == 0 {
            Exit::NothingToDo
        } else {
            Exit::Ok
        }
    }

    /// The result in one line.
    pub(super) fn said(&self) -> String {
        format!(
            "{} restored, {} faulty",
            self.counts.restored, self.counts.faulty
        )
    }
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Restores | Verdict::Repeats => self.restored += 1,
            Verdict::NoWayDown => self.without_way_down += 1,
            Verdict::Unreadable | Verdict::NotReached => self.not_judged += 1,
            Verdict::Faulty(faults) if faults.iter().all(Fault::is_mild) => {
                self.nearly_restored += 1;
            }
            Verdict::Faulty(faults) if faults.iter().all(is_lenient) => self.depend_on_rows += 1,
            Verdict::Faulty(faults) => {
                self.faulty += 1;
                let has = |is: fn(&Fault) -> bool| usize::from(faults.iter().any(is));
                self.lose_data +=
                    has(|it| matches!(it, Fault::DataNotRestored(_)) && !it.is_mild());
                self.leave_another_schema +=
                    has(|it| matches!(it, Fault::SchemaNotRestored(_)) && !it.is_mild());
                // What only fails with rows that were made up is said of the migration, not counted.
                self.cannot_be_applied +=
                    has(|it| matches!(it, Fault::UpFails(_)) && !is_lenient(it));
                self.cannot_be_taken_back +=
                    has(|it| matches!(it, Fault::DownFails(_)) && !is_lenient(it));
                self.cannot_be_applied_again += has(|it| {
                    matches!(it, Fault::AgainFails(_) | Fault::AgainDiffers(_)) && !is_lenient(it)
                });
            }
        }
    }
}

/// Whether it may be no fault at all on real rows.
fn is_lenient(fault: &Fault) -> bool {
    fault.is_mild()
        || matches!(
            fault,
            Fault::UpFails(it) | Fault::DownFails(it) | Fault::AgainFails(it) if it.only_with_rows
        )
}

impl Migration {
    fn of(it: &Rehearsed) -> Self {
        Self {
            version: it.version.clone(),
            name: it.name.clone(),
            verdict: match it.verdict {
                Verdict::Restores => "restores",
                Verdict::NoWayDown => "no-way-down",
                Verdict::Repeats => "repeats",
                Verdict::Faulty(_) => "faulty",
                Verdict::Unreadable => "unreadable",
                Verdict::NotReached => "not-reached",
            },
            faults: it.verdict.faults().iter().map(FaultView::of).collect(),
            notes: it.notes.iter().map(note).collect(),
            rows: it.rows,
            milliseconds: it.took.as_millis(),
        }
    }
}

impl Migration {
    /// Whether people are told about it by name.
    fn is_told(&self) -> bool {
        !self.faults.is_empty() || !self.notes.is_empty() || self.verdict == "unreadable"
    }
}

impl FaultView {
    fn of(fault: &Fault) -> Self {
        let (name, message, differences) = match fault {
            Fault::UpFails(it) => (
                "up-fails",
                format!("it cannot be applied: {}", said(it)),
                shown(&it.left_behind),
            ),
            Fault::DownFails(it) => (
                "down-fails",
                format!("its way down fails: {}", said(it)),
                shown(&it.left_behind),
            ),
            Fault::AgainFails(it) => (
                "again-fails",
                format!("it cannot be applied again: {}", said(it)),
                shown(&it.left_behind),
            ),
            Fault::SchemaNotRestored(all) => (
                "schema-not-restored",
                "its way down leaves another schema than there was before".to_owned(),
                shown(all),
            ),
            Fault::AgainDiffers(all) => (
                "again-differs",
                "applied again it leaves another schema than the first time".to_owned(),
                shown(all),
            ),
            Fault::DataNotRestored(tables) => (
                "data-not-restored",
                if fault.is_mild() {
                    "its way down leaves rows that were not there".to_owned()
                } else {
                    "its way down does not bring back the data".to_owned()
                },
                tables.iter().flat_map(table).collect(),
            ),
            Fault::SequencesNotRestored(all) => (
                "sequences-not-restored",
                "its way down leaves sequences elsewhere".to_owned(),
                all.iter()
                    .map(|it| {
                        format!(
                            "  {} would give {} and not {}",
                            it.sequence, it.after, it.before
                        )
                    })
                    .collect(),
            ),
        };
        Self {
            fault: name,
            mild: is_lenient(fault),
            message,
            differences,
        }
    }
}

fn shown(differences: &[Difference]) -> Vec<String> {
    differences.iter().flat_map(Difference::shown).collect()
}

/// Why SQL failed, in one sentence without a full stop.
pub(super) fn said(failure: &Failure) -> String {
    let cause = match &failure.cause {
        Cause::Sql(error) => error.to_string(),
        Cause::NeedsExtension { extension, .. } => {
            format!("it needs the extension {extension}, which is not installed here")
        }
        Cause::Refused { what } => format!("it {what}, which a rehearsal does not"),
        Cause::TooSlow { limit } => format!("it took longer than {} s", limit.as_secs()),
        Cause::SessionLost { message } => format!("the session was lost: {message}"),
    };
    let place = failure
        .statement
        .as_ref()
        .map(|it| format!(" (line {})", it.line));
    let rows = if failure.only_with_rows {
        "; only with the rows that were made up"
    } else {
        ""
    };
    format!("{cause}{}{rows}", place.unwrap_or_default())
}

pub(super) fn table(it: &TableChange) -> Vec<String> {
    let name = &it.table;
    let mut lines = Vec::new();
    if it.gone {
        lines.push(format!("- {name}: the table and its {} rows", it.before));
    }
    if it.uncounted {
        lines.push(format!(
            "  {name}: {} rows before, {} now",
            it.before, it.after
        ));
    }
    for column in &it.gone_columns {
        lines.push(format!(
            "- {name}.{}: {} values",
            column.name, column.values
        ));
    }
    for (count, what) in [
        (it.lost, "lost"),
        (it.changed, "changed"),
        (it.appeared, "new"),
    ] {
        if count > 0 && !it.gone {
            lines.push(format!("  {name}: {count} of {} rows {what}", it.before));
        }
    }
    lines.extend(it.examples.iter().map(row));
    lines
}

fn value(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| format!("'{value}'"))
}

fn values(all: &[(String, Option<String>)]) -> String {
    let all: Vec<_> = all
        .iter()
        .map(|(name, it)| format!("{name} = {}", value(it.as_deref())))
        .collect();
    all.join(", ")
}

fn row(change: &Change) -> String {
    match change {
        Change::Lost(all) => format!("- {}", values(all)),
        Change::Appeared(all) => format!("+ {}", values(all)),
        Change::Changed { key, columns } => {
            let columns: Vec<_> = columns
                .iter()
                .map(|(name, before, after)| {
                    let (before, after) = (value(before.as_deref()), value(after.as_deref()));
                    format!("{name} was {before} and is {after}")
                })
                .collect();
            format!("  where {}: {}", values(key), columns.join(", "))
        }
    }
}

fn note(note: &Note) -> String {
    match note {
        Note::RoleMade(role) => format!("the role {role} was made for it"),
        Note::DatabaseMade(database) => format!("the database {database} was made for it"),
        Note::ExtensionMade(extension) => format!("the extension {extension} was installed for it"),
        Note::CollationMade(collation) => format!(
            "the collation {collation}, which an application brings, was stood in for by the order \
             of bytes"
        ),
        Note::CopySkipped { line } => format!("the rows of COPY in line {line} were passed over"),
        Note::ClientCommandSkipped { line, text } => {
            format!("the client's command in line {line} was passed over: {text}")
        }
        Note::NotFilled { message } => format!("tables could not be filled: {message}"),
        Note::RunInPart { ran, failed } => {
            format!("to get on, {ran} of its statements were run and {failed} failed")
        }
        Note::WayDownEmpty => "its way down has no statement in it".to_owned(),
        Note::AfterFailure { .. } => {
            "an earlier migration could not be applied, which may be why".to_owned()
        }
        Note::RowsNotKept { table } => format!("{table} has too many rows to show"),
    }
}

/// `20240101_add_email`.
fn title(version: &str, name: &str) -> String {
    match (version, name) {
        ("", name) => name.to_owned(),
        (version, "") => version.to_owned(),
        (version, name) => format!("{version} {name}"),
    }
}

/// The first of some lines, and how many there are more.
fn lines(page: &mut Page, all: &[String]) {
    for line in all.iter().take(SHOWN) {
        page.line(&format!("    {line}"));
    }
    if let Some(more @ 1..) = all.len().checked_sub(SHOWN) {
        page.line(&format!("    and {more} more lines, in --format json"));
    }
}

impl View for Rehearsal {
    const SCHEMA: &'static str = "switchback.rehearse-history/v1";

    fn human(&self, page: &mut Page) {
        for it in self.migrations.iter().filter(|it| it.is_told()) {
            page.heading(&title(&it.version, &it.name));
            if it.verdict == "unreadable" {
                page.add(Role::Warning, "note")
                    .line(": it is not SQL in UTF-8, so those after it were tried without it");
            }
            for fault in &it.faults {
                let role = if fault.mild { Role::Warning } else { Role::Bad };
                let word = if fault.mild { "note" } else { "fault" };
                page.add(role, word).line(&format!(": {}", fault.message));
                lines(page, &fault.differences);
            }
            for note in &it.notes {
                page.add(Role::Faint, &format!("  {note}")).end();
            }
        }
        if self.engine_because.is_none() {
            page.add(Role::Warning, "note").line(
                ": nothing says which engine the folder is for, so it was taken for PostgreSQL's; \
                 --engine says which",
            );
        }
        for it in self.copy.iter().flat_map(|copy| &copy.misfits) {
            page.heading(&title(&it.version, &it.name));
            page.add(Role::Bad, &format!("fault[{}]", it.code))
                .line(&format!(": {}", it.message));
        }
        let counts = &self.counts;
        page.heading(&format!(
            "{} ({}, {}): {} migrations, {} rows a table",
            self.folder, self.tool, self.engine, counts.migrations, self.rows_per_table
        ));
        if let Some(copy) = &self.copy {
            page.line(&format!(
                "on the copy that {} names, where {} were applied before",
                copy.variable, copy.applied
            ));
        }
        for (count, what) in [
            (counts.restored, "lead back, and up again to the same"),
            (
                counts.nearly_restored,
                "lead back but for what programs do not notice",
            ),
            (
                counts.depend_on_rows,
                "are refused by some of the rows that were made up",
            ),
            (counts.without_way_down, "have no way down"),
            (counts.faulty, "have faults"),
            (counts.lose_data, "  do not bring back data"),
            (counts.leave_another_schema, "  leave another schema"),
            (counts.cannot_be_taken_back, "  cannot be taken back"),
            (counts.cannot_be_applied_again, "  cannot be applied again"),
            (counts.cannot_be_applied, "  cannot be applied"),
            (counts.not_judged, "were not judged"),
        ] {
            if count > 0 {
                page.line(&format!("{count:>6} {what}"));
            }
        }
        if let Some(down) = &self.way_down {
            page.line(&match &down.stopped {
                None if down.left.is_empty() => {
                    let begin = match self.copy {
                        Some(_) => "where it began",
                        None => "an empty database",
                    };
                    format!("all ways down in a row lead back to {begin}")
                }
                None => "all ways down in a row leave something behind:".to_owned(),
                Some(why) => format!("all ways down in a row: {} walked, then {why}", down.walked),
            });
            lines(page, &down.left);
        }
    }
}
