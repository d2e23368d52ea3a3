//! Why it is not more, in plain words.

use super::Signal;
use crate::words::grouped;

/// What a value says, and its limit.
pub(super) fn at(signal: Signal, value: f64, limit: f64, usual: Option<f64>) -> String {
    let fact = match signal {
        Signal::Probe => format!("a row by its key takes {} ms", short(value)),
        Signal::Statements => {
            format!("statements take {} times as long as before", short(value))
        }
        Signal::ReplicationLag => format!("replicas are {} s behind", short(value)),
        Signal::WalQueue => format!(
            "the log since the last checkpoint is {} % of max_wal_size",
            short(value * 100.0)
        ),
        Signal::ArchiverQueue => counted(value, "segment waits", "segments wait", "to be archived"),
        Signal::OldestSnapshot => {
            format!("the oldest snapshot is {} transactions old", short(value))
        }
        Signal::ActiveSessions => {
            let verb = if short(value) == "1" { "is" } else { "are" };
            let what = plural(value, "session", "sessions");
            format!("{} {what} {verb} at work for each CPU", short(value))
        }
        Signal::Autovacuum => return "vacuum is at work on the table".to_owned(),
        Signal::BlockedByUs => counted(value, "session waits", "sessions wait", "for the backfill"),
    };
    let unit = match signal {
        Signal::Probe => " ms",
        Signal::Statements => " times",
        Signal::ReplicationLag => " s",
        Signal::WalQueue => " %",
        _ => "",
    };
    let scale = if signal == Signal::WalQueue {
        100.0
    } else {
        1.0
    };
    let before = match usual {
        Some(usual) if signal == Signal::Probe => format!(" ({} ms before)", short(usual)),
        _ => String::new(),
    };
    format!(
        "{fact}{before}; the limit is {}{unit}",
        short(limit * scale)
    )
}

/// That a signal is missing, and why.
pub(super) fn missing(signal: Signal, why: &str) -> String {
    let what = match signal {
        Signal::Probe => "how long a row by its key takes",
        Signal::Statements => "how long statements take",
        Signal::ReplicationLag => "how far replicas are behind",
        Signal::WalQueue => "how much was logged since the last checkpoint",
        Signal::ArchiverQueue => "how many segments wait to be archived",
        Signal::OldestSnapshot => "how old the oldest snapshot is",
        Signal::ActiveSessions => "how many sessions are at work",
        Signal::Autovacuum => "whether vacuum is at work on the table",
        Signal::BlockedByUs => "who waits for the backfill",
    };
    format!("{what} is not known: {why}")
}

fn plural<'a>(value: f64, one: &'a str, more: &'a str) -> &'a str {
    if short(value) == "1" { one } else { more }
}

fn counted(value: f64, one: &str, more: &str, what: &str) -> String {
    format!("{} {} {what}", short(value), plural(value, one, more))
}

/// A number with as many digits as people read: `0.21`, `1.5`, `12`, `12,000,000`.
pub(super) fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1000.0 => return grouped(value.abs().min(1e18) as u64),
        size if size >= 10.0 => 0,
        size if size >= 1.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
