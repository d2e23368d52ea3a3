//! `switchback backfill expire`: what is kept to undo backfills is dropped once its time is over.

use clap::Args;
use serde::Serialize;
use switchback_db::backfill::{Expired, UndoKept};
use switchback_diag::Exit;
use switchback_migration::words::{bytes, grouped};
use switchback_model::{BackfillId, Digest, Event, EventId};

use super::target::Target;
use crate::backfills;
use crate::book::Book;
use crate::confirm::{self, Consent};
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::interrupt;
use crate::output::View;
use crate::page::{Cell, Page, Role};

/// Batches that are dropped in one transaction.
const STEP: u32 = 20;

/// Drop what is kept to undo backfills that are over for longer than the rollback window
///
/// Or for longer than `backfills.keep` says, if that is longer. They cannot be undone any more from
/// then on. What runs, is paused, failed, or is being undone is left alone. It may be stopped at any
/// moment, and the same command goes on.
#[derive(Debug, Args)]
pub(crate) struct Expire {
    /// The backfill; all that the database knows without it
    #[arg(value_name = "BACKFILL")]
    id: Option<String>,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    /// Show what would be dropped, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Expire {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let environment = context.environment(&self.env)?;
        let name = &environment.name;
        let keep = context.keep_undo(environment);
        let mut target = Target::open(context, environment)?;
        let mut known: Vec<String> = target.list()?.into_iter().map(|it| it.job).collect();
        // What the fill of a change keeps is needed for as long as the change can be taken back.
        known.retain(|it| BackfillId::fill(it).is_none());
        if let Some(id) = &self.id {
            backfills::check_own(id, &self.env, false)?;
            known.retain(|it| it == id);
            if known.is_empty() {
                return Err(errors::not_begun(id, name));
            }
        }
        let mut lines = Vec::new();
        for job in known {
            let Some(kept) = target.kept(&job, keep)? else {
                continue;
            };
            // Of what is half dropped the rest is of no use.
            let due = kept.rows > 0 && (kept.due || kept.expired.is_some());
            lines.push((job, kept, due));
        }
        let due = lines.iter().filter(|(_, _, due)| *due).count();
        if due == 0 || self.dry_run {
            let code = match due {
                0 => Exit::NothingToDo,
                _ => Exit::Ok,
            };
            // What was dropped by somebody who died before that could be recorded is recorded.
            if !self.dry_run {
                record(context, &mut target, environment.name.as_str(), &lines)?;
            }
            context.shell.out.data(&Kept::of(name.as_str(), &lines));
            return Ok(code);
        }
        let names: Vec<&str> = lines
            .iter()
            .filter(|(_, _, due)| *due)
            .map(|(job, _, _)| job.as_str())
            .collect();
        let what = format!("drop what is kept to undo {}", names.join(", "));
        confirm::by_name(context.shell, self.consent, name, &what)?;
        // Where nothing can be recorded nothing is dropped.
        drop(Book::open(context)?);
        let _heeded = interrupt::heed();
        let mut stopped = false;
        for (job, kept, due) in &mut lines {
            while *due && !stopped {
                match target.expire(job, keep, STEP)? {
                    Expired::Some => {}
                    Expired::All | Expired::Nothing => break,
                }
                stopped = interrupt::is_asked();
            }
            if let Some(now) = target.kept(job, keep)? {
                *kept = now;
            }
        }
        record(context, &mut target, name.as_str(), &lines)?;
        context.shell.out.data(&Kept::of(name.as_str(), &lines));
        Ok(match stopped {
            true => Exit::Interrupted,
            false => Exit::Ok,
        })
    }
}

type Line = (String, UndoKept, bool);

/// Records what was dropped, of each job whose last batch is gone; each time once.
fn record(
    context: &Context<'_>,
    target: &mut Target,
    environment: &str,
    lines: &[Line],
) -> Result<(), Failure> {
    let gone = lines.iter().filter(|(_, kept, _)| kept.rows == 0);
    let gone: Vec<_> = gone
        .filter_map(|(job, kept, _)| Some((job, kept, kept.expired?)))
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let mut book = Book::open(context)?;
    for (job, kept, expired) in gone {
        let Some(known) = target.definition(job)? else {
            continue;
        };
        let version: Digest = known.version();
        book.append(
            EventId::of(&["backfill-expired", environment, job, &expired.to_string()]),
            context.shell.clock.now(),
            Event::BackfillExpired {
                environment: context.environment(environment)?.name.clone(),
                backfill: known.id.clone(),
                version,
                since: expired,
                rows: kept.dropped_rows,
                bytes: kept.dropped_bytes,
            },
        )?;
    }
    Ok(())
}

/// What is kept, and what was dropped.
#[derive(Serialize)]
struct Kept {
    environment: String,
    backfills: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    backfill: String,
    /// Rows that can be put back, or whose part of it is still to be dropped.
    rows_kept: u64,
    /// From when on it may be dropped; none while the backfill is not over.
    until: Option<String>,
    due: bool,
    /// When dropping it began.
    expired: Option<String>,
    rows_dropped: u64,
    bytes_dropped: u64,
}

impl Kept {
    fn of(environment: &str, lines: &[Line]) -> Self {
        let shown = lines.iter().map(|(job, kept, due)| Shown {
            backfill: job.clone(),
            rows_kept: kept.rows,
            until: kept.until.map(|it| it.to_string()),
            due: *due && kept.rows > 0,
            expired: kept.expired.map(|it| it.to_string()),
            rows_dropped: kept.dropped_rows,
            bytes_dropped: kept.dropped_bytes,
        });
        Self {
            environment: environment.to_owned(),
            backfills: shown.collect(),
        }
    }
}

impl View for Kept {
    const SCHEMA: &'static str = "switchback.backfill-expiry/v1";

    fn human(&self, page: &mut Page) {
        if self.backfills.is_empty() {
            page.line(&format!("no backfill was begun in {}", self.environment));
            return;
        }
        let rows: Vec<Vec<Cell>> = self
            .backfills
            .iter()
            .map(|it| {
                let kept = match (&it.until, it.due) {
                    _ if it.rows_kept == 0 => "nothing is kept".to_owned(),
                    (_, true) => format!("{} rows, to be dropped", grouped(it.rows_kept)),
                    (Some(until), _) => format!("{} rows until {until}", grouped(it.rows_kept)),
                    (None, _) => format!("{} rows, as it is not over", grouped(it.rows_kept)),
                };
                let dropped = match &it.expired {
                    Some(at) => format!(
                        "{} rows, about {}, dropped from {at} on",
                        grouped(it.rows_dropped),
                        bytes(it.bytes_dropped)
                    ),
                    None => String::new(),
                };
                vec![
                    Cell::new(Role::Strong, it.backfill.as_str()),
                    kept.into(),
                    dropped.into(),
                ]
            })
            .collect();
        page.table(0, &["backfill", "kept to undo it", ""], &rows);
    }
}
