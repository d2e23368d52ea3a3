//! `switchback backfill status`: where backfills stand in an environment's database.

use clap::Args;
use serde::Serialize;
use switchback_db::backfill::{Standing as Stands, UndoKept};
use switchback_diag::Exit;
use switchback_migration::backfill::JobStatus;
use switchback_migration::words::grouped;
use switchback_model::{BackfillId, EnvironmentName};

use super::ranges::Ranges;
use super::target::{Left, Target};
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Cell, Page, Role};

/// Rows that are named, at most.
const NAMED: u32 = 20;

/// Show where backfills stand
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The backfill; all that the database knows without it
    #[arg(value_name = "BACKFILL")]
    id: Option<String>,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    /// List the ranges of its walks, to find the one whose rows are wrong
    #[arg(long, requires = "id")]
    ranges: bool,
}

impl Status {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let environment = context.environment(&self.env)?;
        let mut target = Target::open(context, environment)?;
        let known = target.list()?;
        let Some(id) = self.id else {
            let backfills = known.into_iter().map(|it| Row {
                backfill: it.job,
                table: it.table,
                status: it.status.word(),
            });
            context.shell.out.data(&Rows {
                environment: environment.name.to_string(),
                backfills: backfills.collect(),
            });
            return Ok(Exit::Ok);
        };
        let found = known.into_iter().find(|it| it.job == id);
        let name = &environment.name;
        let found = found.ok_or_else(|| errors::not_begun(&id, name))?;
        if self.ranges {
            let ranges = target.ranges(&id)?;
            context.shell.out.data(&Ranges::of(&id, name, &ranges));
            return Ok(Exit::Ok);
        }
        let standing = target.standing(&id)?;
        let kept = target.kept(&id, context.keep_undo(environment))?;
        let standing = standing.ok_or_else(|| errors::not_begun(&id, name))?;
        let view = Standing::of(&mut target, name, &id, &found.table, standing)?.kept(kept);
        context.shell.out.data(&view);
        view.propose(context);
        Ok(Exit::Ok)
    }
}

/// Every backfill.
#[derive(Serialize)]
struct Rows {
    environment: String,
    backfills: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    backfill: String,
    table: String,
    status: &'static str,
}

impl View for Rows {
    const SCHEMA: &'static str = "switchback.backfills/v1";

    fn human(&self, page: &mut Page) {
        if self.backfills.is_empty() {
            page.line(&format!("no backfill was begun in {}", self.environment));
            return;
        }
        let rows: Vec<Vec<Cell>> = self
            .backfills
            .iter()
            .map(|it| {
                vec![
                    Cell::new(Role::Strong, it.backfill.as_str()),
                    it.status.to_owned().into(),
                    it.table.clone().into(),
                ]
            })
            .collect();
        page.table(0, &["backfill", "status", "table"], &rows);
    }
}

/// One backfill.
#[derive(Serialize)]
pub(super) struct Standing {
    backfill: String,
    environment: String,
    table: String,
    status: &'static str,
    #[serde(skip)]
    stands: JobStatus,
    version: String,
    walk: u32,
    rows_scanned: u64,
    rows_changed: u64,
    rows_failed: u64,
    /// Those that a program passed over.
    rows_skipped: u64,
    batches: u64,
    walk_scanned: u64,
    /// About how many rows there are.
    rows: Option<u64>,
    workers: u32,
    worked_seconds: f64,
    /// Why rows are walked in another way than was chosen.
    note: Option<String>,
    rows_restored: u64,
    rows_conflicting: u64,
    /// How many of these were deleted.
    rows_deleted: u64,
    /// When the last lease of a range that is not done ran out, where nobody took it since.
    lease_ended: Option<String>,
    /// From when on what is kept to undo it may be dropped; none while it is not over.
    #[serde(skip_serializing_if = "Option::is_none")]
    undo_until: Option<String>,
    /// When it began to be dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    undo_expired: Option<String>,
    /// Which rows are being done again, if that is what it does.
    again: Option<String>,
    error: Option<String>,
    /// Some of the rows that refused what they should get.
    failed: Vec<RowLeft>,
    /// Some of the rows that an undo left alone.
    conflicts: Vec<RowLeft>,
}

#[derive(Serialize)]
pub(super) struct RowLeft {
    key: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

impl From<Left> for RowLeft {
    fn from(it: Left) -> Self {
        Self {
            key: it.key,
            why: it.why,
        }
    }
}

impl Standing {
    pub(super) fn of(
        target: &mut Target,
        environment: &EnvironmentName,
        id: &str,
        table: &str,
        it: Stands,
    ) -> Result<Self, Failure> {
        let rows = |left: Vec<Left>| left.into_iter().map(RowLeft::from).collect();
        let conflicts = match it.status {
            JobStatus::Undoing | JobStatus::Undone => target.conflicts(id, NAMED)?,
            _ => Vec::new(),
        };
        Ok(Self {
            backfill: id.to_owned(),
            environment: environment.to_string(),
            table: table.to_owned(),
            status: it.status.word(),
            stands: it.status,
            version: it.version,
            walk: it.sweep,
            rows_scanned: it.counts.scanned,
            rows_changed: it.counts.changed,
            rows_failed: it.counts.failed,
            rows_skipped: it.counts.skipped,
            batches: it.counts.batches,
            walk_scanned: it.sweep_scanned,
            rows: it.total,
            workers: it.leased,
            worked_seconds: it.worked.as_secs_f64(),
            note: it.note,
            rows_restored: it.restored,
            rows_conflicting: it.conflicts,
            rows_deleted: it.deleted,
            lease_ended: it.lease_ended.map(|at| at.to_string()),
            undo_until: None,
            undo_expired: None,
            again: it.rerun,
            error: it.error,
            failed: rows(target.failures(id, NAMED)?),
            conflicts: rows(conflicts),
        })
    }

    /// The same with how long what is kept to undo it is kept.
    pub(super) fn kept(self, kept: Option<UndoKept>) -> Self {
        Self {
            undo_until: kept.and_then(|it| it.until).map(|at| at.to_string()),
            undo_expired: kept.and_then(|it| it.expired).map(|at| at.to_string()),
            ..self
        }
    }

    /// Rows that are not as they should be, as far as is known. What refused was never changed, and
    /// so an undo has nothing to do there.
    pub(super) fn left(&self) -> u64 {
        match self.stands {
            JobStatus::Undoing | JobStatus::Undone => self.rows_conflicting,
            _ => self.rows_failed,
        }
    }

    /// Says what can be done next.
    pub(super) fn propose(&self, context: &Context<'_>) {
        let (id, name) = (&self.backfill, &self.environment);
        if let Some((change, _)) = BackfillId::fill(id) {
            let command = format!("switchback change status {change}");
            return context.shell.out.next(
                "it is the fill of a change; see where that stands",
                &command,
            );
        }
        let next = |text: &str, command: &str, flags: &str| {
            let command = format!("switchback backfill {command} {id} --env {name}{flags}");
            context.shell.out.next(text, &command);
        };
        match self.stands {
            JobStatus::Running if self.workers > 0 => {}
            JobStatus::Running => next("nobody has a range of it; go on", "run", ""),
            JobStatus::Paused => next("go on", "resume", ""),
            JobStatus::Failed => next("mend what it names, then go on", "run", ""),
            JobStatus::Cancelled => next("put back what was changed", "undo", ""),
            JobStatus::Done if self.rows_failed > 0 => {
                next(
                    "mend them or the file, then do them again",
                    "rerun",
                    " --failed",
                );
            }
            JobStatus::Done => next("see whether every row has what it should", "verify", ""),
            JobStatus::Undoing => next("end it, if nobody does", "undo", ""),
            JobStatus::Undone => {}
        }
    }
}

impl View for Standing {
    const SCHEMA: &'static str = "switchback.backfill-status/v1";

    fn human(&self, page: &mut Page) {
        page.heading(&format!(
            "{} in {}: {}",
            self.backfill, self.environment, self.status
        ));
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let mut row = |label: &str, text: String| {
            rows.push(vec![Cell::new(Role::Faint, label), text.into()]);
        };
        row("table", self.table.clone());
        if let Some(error) = &self.error {
            let label = match self.stands {
                JobStatus::Running | JobStatus::Undoing => "stopped last",
                _ => "because",
            };
            row(label, error.clone());
        }
        if self.stands == JobStatus::Running && self.workers == 0 {
            let since = match &self.lease_ended {
                Some(at) => format!(" since {at}"),
                None => String::new(),
            };
            row(
                "at it now",
                format!(
                    "nobody has a range{since}: no run is alive, or those that are may not work now"
                ),
            );
        }
        if let Some(again) = &self.again {
            row("does again", again.replace(' ', ", "));
        }
        if let Some(note) = &self.note {
            row("turned", note.clone());
        }
        row("rows changed", grouped(self.rows_changed));
        if matches!(self.stands, JobStatus::Undoing | JobStatus::Undone) {
            row("rows put back", grouped(self.rows_restored));
        }
        if self.rows_conflicting > 0 {
            let left = match (self.rows_conflicting - self.rows_deleted, self.rows_deleted) {
                (changed, 0) => format!("{}, changed since", grouped(changed)),
                (0, deleted) => format!("{}, deleted since", grouped(deleted)),
                (changed, deleted) => format!(
                    "{}: {} changed since, {} deleted since",
                    grouped(self.rows_conflicting),
                    grouped(changed),
                    grouped(deleted)
                ),
            };
            row("rows left alone", left);
        }
        match (&self.undo_expired, &self.undo_until) {
            (Some(at), _) => row(
                "undo",
                format!("not possible: what was kept expired on {at}"),
            ),
            (None, Some(until)) => row("undo", format!("possible at least until {until}")),
            (None, None) => {}
        }
        if self.rows_failed > 0 {
            row("rows that refused", grouped(self.rows_failed));
        }
        if self.rows_skipped > 0 {
            row("rows skipped", grouped(self.rows_skipped));
        }
        let walked = match self.rows {
            Some(rows) => format!(
                "{} of about {} rows, walk {}",
                grouped(self.walk_scanned),
                grouped(rows),
                self.walk
            ),
            None => format!("{} rows, walk {}", grouped(self.walk_scanned), self.walk),
        };
        row("looked at", walked);
        row(
            "work",
            format!(
                "{} in {:.1} s",
                counted(self.batches, "batch", "batches"),
                self.worked_seconds
            ),
        );
        if self.workers > 0 && self.stands == JobStatus::Running {
            row(
                "at it now",
                counted(u64::from(self.workers), "worker", "workers"),
            );
        }
        page.table(2, &[], &rows);
        named(page, "Rows that refused it", &self.failed, self.rows_failed);
        named(
            page,
            "Rows that were left alone, because somebody changed or deleted them since",
            &self.conflicts,
            self.rows_conflicting,
        );
    }
}

/// `1 batch`, `1,234 batches`.
pub(super) fn counted(number: u64, one: &str, more: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { more }
    )
}

fn named(page: &mut Page, title: &str, rows: &[RowLeft], all: u64) {
    if rows.is_empty() {
        return;
    }
    page.heading(title);
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|it| vec![it.key.clone().into(), it.why.clone().into()])
        .collect();
    page.table(2, &[], &cells);
    let more = all.saturating_sub(rows.len() as u64);
    if more > 0 {
        page.line(&format!("  and {} more", grouped(more)));
    }
}
