//! A running backfill as metrics, in the text format 0.0.4 of Prometheus, and the rules that alert.
//!
//! [`FAMILIES`] is the one list: what is printed, what the guide says and what rules may name all
//! come from it. Every sample says which backfill, environment and table it is about. The label is
//! `backfill` and not `job`, which Prometheus gives to every target itself.
//!
//! Source of the format: "Exposition formats" in the documentation of Prometheus.
//!
//! Deliberately absent: why it is slow, in words. A label with free text is a new time series for
//! each text; `switchback backfill status` says it.

use std::fmt::Write as _;

use super::progress::{JobStatus, SignalState, Snapshot, Zone};
use super::throttle::Signal;

/// The rules for Prometheus that alert, as a YAML file.
pub const ALERTS: &str = include_str!("metrics/alerts.yaml");

/// The media type of what [`render`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The labels that every sample has.
pub const COMMON_LABELS: [&str; 3] = ["backfill", "environment", "table"];

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only rises, and begins again at 0 if the control tables do.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Kind {
    /// The word of the format.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Its name, with its unit.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its labels besides [`COMMON_LABELS`].
    pub labels: &'static [&'static str],
    /// What it says, without a full stop.
    pub help: &'static str,
    samples: fn(&Snapshot, &str) -> Vec<Sample>,
}

/// A number with the values of the labels of its family.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    labels: Vec<String>,
    value: Number,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number::Whole(value)
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Number::Whole(value.into())
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Number::Whole(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Number::Real(value)
    }
}

fn one(value: impl Into<Number>) -> Vec<Sample> {
    labelled([], value).into()
}

fn maybe(value: Option<impl Into<Number>>) -> Vec<Sample> {
    value.map(one).unwrap_or_default()
}

fn labelled<const N: usize>(labels: [&str; N], value: impl Into<Number>) -> [Sample; 1] {
    [Sample {
        labels: labels.map(str::to_owned).into(),
        value: value.into(),
    }]
}

/// Milliseconds since 1970 as seconds.
fn moment(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

fn state(at: &Snapshot, signal: Signal) -> Option<&SignalState> {
    at.signals.iter().find(|state| state.signal == signal)
}

fn value(at: &Snapshot, signal: Signal, scale: f64) -> Vec<Sample> {
    maybe(
        state(at, signal)
            .and_then(|it| it.value)
            .map(|it| it * scale),
    )
}

fn limit(at: &Snapshot, signal: Signal, scale: f64) -> Vec<Sample> {
    maybe(
        state(at, signal)
            .and_then(|it| it.limit)
            .map(|it| it * scale),
    )
}

/// Milliseconds in seconds.
const MILLI: f64 = 0.001;

/// The word of a signal, as labels have it.
pub const fn word(signal: Signal) -> &'static str {
    match signal {
        Signal::Probe => "probe",
        Signal::Statements => "statements",
        Signal::ReplicationLag => "replication-lag",
        Signal::WalQueue => "wal-queue",
        Signal::ArchiverQueue => "archiver-queue",
        Signal::OldestSnapshot => "oldest-snapshot",
        Signal::ActiveSessions => "active-sessions",
        Signal::Autovacuum => "autovacuum",
        Signal::BlockedByUs => "blocked-by-us",
    }
}

macro_rules! families {
    ($($kind:ident $name:literal $([$($label:literal),+])? $help:literal => $samples:expr;)+) => {
        /// Every metric, in the order in which they are printed.
        pub const FAMILIES: &[Family] = &[$(Family {
            name: concat!("switchback_backfill_", $name),
            kind: Kind::$kind,
            labels: &[$($($label),+)?],
            help: $help,
            samples: $samples,
        }),+];
    };
}

families! {
    Gauge "info" ["version"] "Always 1; says which version of Switchback is at work"
        => |_, version| labelled([version], true).into();
    Gauge "status" ["status"] "1 for the status that the job has, 0 for every other"
        => |at, _| JobStatus::ALL
            .into_iter()
            .flat_map(|it| labelled([it.word()], it == at.status))
            .collect();
    Counter "rows_scanned_total" "Rows that were looked at, over all walks and runs"
        => |at, _| one(at.counts.scanned);
    Counter "rows_changed_total" "Rows that were changed, over all walks and runs"
        => |at, _| one(at.counts.changed);
    Counter "rows_failed_total" "Rows that could not be changed and were passed over"
        => |at, _| one(at.counts.failed);
    Counter "rows_skipped_total" "Rows that a program passed over, over all walks and runs"
        => |at, _| one(at.counts.skipped);
    Counter "batches_total" "Transactions that were committed, over all walks and runs"
        => |at, _| one(at.counts.batches);
    Counter "work_seconds_total" "How long the job has been at work, over all runs"
        => |at, _| one(at.worked.as_secs_f64());
    Gauge "rows_expected" "About how many rows there are; absent while that is not known"
        => |at, _| maybe(at.total);
    Gauge "sweep" "The walk through all rows that is under way, from 1"
        => |at, _| one(at.sweep);
    Gauge "sweep_rows_scanned" "Rows that were looked at in this walk"
        => |at, _| one(at.sweep_scanned);
    Gauge "sweep_progress_ratio" "The part of the expected rows that was looked at in this walk, at most 1"
        => |at, _| maybe(at.total.filter(|it| *it > 0).map(|total| {
            (at.sweep_scanned as f64 / total as f64).min(1.0)
        }));
    Gauge "sweep_remaining_seconds" ["bound"]
        "How long this walk takes from here, at least and at most; absent where that cannot be said"
        => |at, _| {
            let left = at.left.as_ref();
            let least = left.map(|it| ("least", it.least));
            let most = left.and_then(|it| it.most).map(|it| ("most", it));
            least
                .into_iter()
                .chain(most)
                .flat_map(|(bound, length)| labelled([bound], length.as_secs_f64()))
                .collect()
        };
    Gauge "rows_per_second" "Rows that were looked at each second, over the last half minute"
        => |at, _| maybe(at.rate);
    Gauge "planned_rows_per_second" "Rows a second that the job was planned with; absent without a plan"
        => |at, _| maybe(at.planned_rate);
    Gauge "workers" "Workers of this process"
        => |at, _| one(at.workers);
    Gauge "ranges_leased" "Ranges that workers hold on lease, those of other processes too"
        => |at, _| one(at.leased);
    Gauge "start_timestamp_seconds" "When this process began to work on the job"
        => |at, _| one(moment(at.started.as_millis()));
    Gauge "last_commit_timestamp_seconds" "When this process last committed a batch; absent before the first"
        => |at, _| maybe(at.idle.map(|idle| moment(at.at.as_millis()) - idle.as_secs_f64()));
    Gauge "last_update_timestamp_seconds" "When this process last looked at all of this"
        => |at, _| one(moment(at.at.as_millis()));
    Gauge "undo_bytes" "Size of the former values that are kept; absent where that is not known"
        => |at, _| maybe(at.undo_bytes);
    Gauge "undo_limit_bytes" "The size of kept values at which the job stops; absent without a limit"
        => |at, _| maybe(at.undo_limit);
    Gauge "throttle_zone" ["zone"] "1 for the zone that holds for the whole job, 0 for every other"
        => |at, _| Zone::ALL
            .into_iter()
            .flat_map(|it| labelled([it.word()], it == at.zone))
            .collect();
    Gauge "signal_zone" ["signal", "zone"] "1 for the zone that a signal asks for, 0 for every other"
        => |at, _| at.signals
            .iter()
            .flat_map(|state| Zone::ALL.into_iter().flat_map(|it| {
                labelled([word(state.signal), it.word()], it == state.zone)
            }))
            .collect();
    Gauge "signal_missing" ["signal"] "1 if a signal should be there and could not be read"
        => |at, _| at.signals
            .iter()
            .flat_map(|state| labelled([word(state.signal)], state.missing))
            .collect();
    Gauge "probe_seconds" "How long a query takes that any application might ask"
        => |at, _| value(at, Signal::Probe, MILLI);
    Gauge "probe_limit_seconds" "The limit of the probe query"
        => |at, _| limit(at, Signal::Probe, MILLI);
    Gauge "statement_slowdown_ratio" "How long the application's statements take, against before the job"
        => |at, _| value(at, Signal::Statements, 1.0);
    Gauge "statement_slowdown_limit_ratio" "The limit of the slow-down of statements"
        => |at, _| limit(at, Signal::Statements, 1.0);
    Gauge "replication_lag_seconds" "How far the replica is behind that is furthest; absent without replicas"
        => |at, _| value(at, Signal::ReplicationLag, 1.0);
    Gauge "replication_lag_limit_seconds" "The limit of the replication lag"
        => |at, _| limit(at, Signal::ReplicationLag, 1.0);
    Gauge "wal_queue_ratio" "How full the log is against the size at which a checkpoint is forced"
        => |at, _| value(at, Signal::WalQueue, 1.0);
    Gauge "wal_queue_limit_ratio" "The limit of the log's fullness"
        => |at, _| limit(at, Signal::WalQueue, 1.0);
    Gauge "archiver_queue_segments" "Segments of the log that wait to be archived"
        => |at, _| value(at, Signal::ArchiverQueue, 1.0);
    Gauge "archiver_queue_limit_segments" "The limit of segments that wait"
        => |at, _| limit(at, Signal::ArchiverQueue, 1.0);
    Gauge "oldest_snapshot_transactions" "How many transactions ago the oldest snapshot was taken"
        => |at, _| value(at, Signal::OldestSnapshot, 1.0);
    Gauge "oldest_snapshot_limit_transactions" "The limit of the oldest snapshot's age"
        => |at, _| limit(at, Signal::OldestSnapshot, 1.0);
    Gauge "active_sessions_per_cpu" "Sessions that are at work, for each CPU"
        => |at, _| value(at, Signal::ActiveSessions, 1.0);
    Gauge "active_sessions_limit_per_cpu" "The limit of sessions at work"
        => |at, _| limit(at, Signal::ActiveSessions, 1.0);
    Gauge "autovacuum_running" "1 while autovacuum is at work on the table"
        => |at, _| value(at, Signal::Autovacuum, 1.0);
    Gauge "blocked_sessions" "Sessions of others that wait for one of the job's"
        => |at, _| value(at, Signal::BlockedByUs, 1.0);
    Gauge "blocked_sessions_limit" "The limit of sessions that wait"
        => |at, _| limit(at, Signal::BlockedByUs, 1.0);
}

/// A job at a moment in the text format, of this version of the program. Metrics of which nothing
/// is known are left out, as the format wants.
pub fn render(at: &Snapshot, version: &str) -> String {
    let mut out = String::new();
    let common = [&at.job, &at.environment, &at.table];
    for family in FAMILIES {
        let samples = (family.samples)(at, version);
        if samples.is_empty() {
            continue;
        }
        // Writing into a string cannot fail.
        let _ = writeln!(out, "# HELP {} {}.", family.name, help(family.help));
        let _ = writeln!(out, "# TYPE {} {}", family.name, family.kind.word());
        for sample in samples {
            let common = COMMON_LABELS
                .iter()
                .copied()
                .zip(common.iter().map(|it| it.as_str()));
            let own = family.labels.iter().copied();
            let own = own.zip(sample.labels.iter().map(String::as_str));
            let labels: Vec<String> = common
                .chain(own)
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let _ = writeln!(
                out,
                "{}{{{}}} {}",
                family.name,
                labels.join(","),
                sample.value.text()
            );
        }
    }
    out
}

impl Number {
    fn text(self) -> String {
        match self {
            Number::Whole(value) => value.to_string(),
            Number::Real(value) if value.is_nan() => "NaN".to_owned(),
            Number::Real(value) if value.is_infinite() => {
                if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
            }
            Number::Real(value) => value.to_string(),
        }
    }
}

/// The value of a label.
fn escaped(text: &str) -> String {
    help(text).replace('"', "\\\"")
}

/// The text of a help line.
fn help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
