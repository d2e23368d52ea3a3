//! How far a run is: a bar on a terminal, a line now and then elsewhere, a JSON line each second
//! with `--format json`. The same goes to monitoring.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use switchback_db::backfill::{Moment, Standing};
use switchback_diag::escape_line;
use switchback_migration::backfill::throttle::{Limits, Reading};
use switchback_migration::backfill::{Job, JobStatus, Meter, SignalState, Snapshot, Zone};
use switchback_migration::words::grouped;
use switchback_model::{EnvironmentName, Timestamp};

use super::target::{Asked, LEASE, Target};
use crate::context::Context;
use crate::metrics::Board;
use crate::settings::types::Environment;
use crate::shell::Shell;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Fill,
    Undo,
}

/// How often the control tables are asked.
const ASK: Duration = Duration::from_secs(1);

/// How often a line is told where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// A run that is shown.
pub(super) struct Show<'a> {
    shell: &'a Shell,
    environment: EnvironmentName,
    job: String,
    table: String,
    doing: Doing,
    limits: Limits,
    workers: u32,
    planned: Option<f64>,
    undo_limit: Option<u64>,
    started: Timestamp,
    meter: Meter,
    bar: Option<ProgressBar>,
    asked: Option<Instant>,
    told: Option<Instant>,
    last: Option<Standing>,
    reason: String,
}

/// One line with `--format json`.
#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    at: String,
    backfill: &'a str,
    environment: &'a str,
    status: &'static str,
    walk: u32,
    rows_scanned: u64,
    rows_changed: u64,
    rows_failed: u64,
    rows_skipped: u64,
    walk_scanned: u64,
    rows: Option<u64>,
    rows_per_second: Option<f64>,
    left: Option<String>,
    zone: &'static str,
    reason: &'a str,
}

impl<'a> Show<'a> {
    pub(super) fn new(
        context: &Context<'a>,
        environment: &Environment,
        job: &Job,
        doing: Doing,
        asked: &Asked,
    ) -> Self {
        let shell = context.shell;
        let draws = !shell.out.is_json() && io::stderr().is_terminal();
        Self {
            shell,
            environment: environment.name.clone(),
            job: job.id.to_string(),
            table: job.text.table.clone(),
            doing,
            limits: asked.limits.clone(),
            workers: asked.workers,
            planned: asked.most_a_second,
            undo_limit: asked.most_undo,
            started: shell.clock.now(),
            meter: Meter::new(),
            bar: draws.then(bar),
            asked: None,
            told: None,
            last: None,
            reason: String::new(),
        }
    }

    /// A run at a moment.
    pub(super) fn at(&mut self, moment: &Moment, target: &mut Target, board: &Board) {
        if self.asked.is_some_and(|at| at.elapsed() < ASK) {
            return;
        }
        self.asked = Some(Instant::now());
        // Whoever only looks does not end a run; the workers find out by themselves.
        if let Ok(Some(standing)) = target.standing(&self.job) {
            self.saw(moment.at, &standing);
            self.last = Some(standing);
        }
        self.reason = match &moment.lost {
            Some(error) => format!("the database does not answer: {error}"),
            None if waits(moment) => format!(
                "other workers have what is left; if one of them is gone, its part is free after {} s",
                LEASE.as_secs()
            ),
            None => moment.allowance.reason.clone(),
        };
        let Some(standing) = self.last.clone() else {
            return;
        };
        let snapshot = self.snapshot(moment, &standing);
        self.tell(&snapshot);
        board.show(snapshot);
    }

    fn saw(&mut self, at: Duration, standing: &Standing) {
        match self.doing {
            Doing::Fill => {
                self.meter
                    .saw(at, standing.sweep, standing.sweep_scanned, standing.total)
            }
            Doing::Undo => {
                // What was left alone is done with, too.
                let done = standing.restored + standing.conflicts;
                self.meter.saw(at, 0, done, Some(standing.counts.changed));
            }
        }
    }

    fn snapshot(&self, moment: &Moment, standing: &Standing) -> Snapshot {
        let signals: Vec<SignalState> = self
            .limits
            .signals
            .iter()
            .map(|(signal, limit)| {
                let usual = moment.readings.usual.get(signal).copied();
                let reading = moment.readings.signals.get(signal);
                let value = match reading {
                    Some(Reading::Value(value)) => Some(*value),
                    _ => None,
                };
                let missing = matches!(reading, Some(Reading::Missing(_)) | None);
                SignalState {
                    signal: *signal,
                    value,
                    missing,
                    limit: Some(limit.value(usual)),
                    zone: if missing {
                        Zone::Stop
                    } else {
                        limit.zone(value.unwrap_or(0.0), usual)
                    },
                }
            })
            .collect();
        let worst = signals.iter().map(|it| it.zone).max_by_key(|zone| {
            Zone::ALL
                .iter()
                .position(|it| it == zone)
                .unwrap_or_default()
        });
        Snapshot {
            at: self.shell.clock.now(),
            job: self.job.clone(),
            environment: self.environment.to_string(),
            table: self.table.clone(),
            status: standing.status,
            sweep: standing.sweep,
            counts: standing.counts,
            sweep_scanned: standing.sweep_scanned,
            total: standing.total,
            leased: standing.leased,
            workers: self.workers,
            started: self.started,
            worked: standing.worked,
            rate: self.meter.rate(),
            planned_rate: self.planned,
            left: self.meter.left(),
            zone: match moment.allowance.batch {
                None => Zone::Stop,
                Some(_) => worst.unwrap_or(Zone::Grow),
            },
            reason: self.reason.clone(),
            signals,
            undo_bytes: standing.undo_bytes,
            undo_limit: self.undo_limit,
            idle: moment
                .committed
                .map(|committed| moment.at.saturating_sub(committed)),
        }
    }

    fn tell(&mut self, at: &Snapshot) {
        let left = at.left.map(|left| left.words());
        let out = &self.shell.out;
        if out.is_json() {
            out.talk_json(&Line {
                schema: "switchback.backfill-progress/v1",
                at: at.at.to_string(),
                backfill: &at.job,
                environment: &at.environment,
                status: at.status.word(),
                walk: at.sweep,
                rows_scanned: at.counts.scanned,
                rows_changed: at.counts.changed,
                rows_failed: at.counts.failed,
                rows_skipped: at.counts.skipped,
                walk_scanned: at.sweep_scanned,
                rows: at.total,
                rows_per_second: at.rate.map(f64::round),
                left,
                zone: at.zone.word(),
                reason: &at.reason,
            });
            return;
        }
        let (done, of) = match self.doing {
            Doing::Fill => (at.sweep_scanned, at.total),
            Doing::Undo => {
                let done = self
                    .last
                    .as_ref()
                    .map_or(0, |it| it.restored + it.conflicts);
                (done, Some(at.counts.changed))
            }
        };
        let words = self.words(at, left);
        if let Some(bar) = &self.bar {
            if let Some(of) = of.filter(|of| *of > 0) {
                if bar.length() != Some(of) {
                    style(bar, COUNTED);
                    bar.set_length(of);
                }
                bar.set_position(done.min(of));
            }
            bar.set_message(escape_line(&words));
        } else if self.told.is_none_or(|told| told.elapsed() >= LINE) {
            self.told = Some(Instant::now());
            let of = of.map_or_else(String::new, |of| format!(" of about {}", grouped(of)));
            out.note(&format!("{}{of} rows, {words}", grouped(done)));
        }
    }

    fn words(&self, at: &Snapshot, left: Option<String>) -> String {
        let mut parts = Vec::new();
        if at.sweep > 1 && self.doing == Doing::Fill {
            parts.push(format!("walk {}", at.sweep));
        }
        if let Some(rate) = at.rate {
            parts.push(format!("{} rows/s", grouped(rate.round() as u64)));
        }
        parts.extend(left);
        if at.counts.failed > 0 {
            parts.push(format!("{} refused", grouped(at.counts.failed)));
        }
        if at.counts.skipped > 0 {
            parts.push(format!("{} skipped", grouped(at.counts.skipped)));
        }
        parts.push(at.reason.clone());
        parts.join(", ")
    }

    /// Says something beside what is shown.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(escape_line(text)),
            None => self.shell.out.note(text),
        }
    }

    /// The run is over.
    pub(super) fn end(&mut self, standing: Option<&Standing>, board: &Board) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let Some(standing) = standing else { return };
        let status = standing.status;
        self.reason = match status {
            JobStatus::Running => "this run has ended".to_owned(),
            status => format!("it is {}", status.word()),
        };
        let moment = Moment::default();
        let snapshot = self.snapshot(&moment, standing);
        board.show(snapshot);
    }
}

/// Whether this process has had nothing to do for a while, because others have it.
fn waits(moment: &Moment) -> bool {
    let since = moment.committed.unwrap_or_default();
    moment.waiting && moment.allowance.batch.is_some() && moment.at.saturating_sub(since) >= ASK
}

/// While nobody knows how much there is to do.
const UNCOUNTED: &str = "{spinner} {msg} {elapsed}";
/// From the first count on.
const COUNTED: &str = "{bar:30} {percent:>3} %  {pos}/{len}  {elapsed}  {wide_msg}";

fn style(bar: &ProgressBar, form: &str) {
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    style(&bar, UNCOUNTED);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
