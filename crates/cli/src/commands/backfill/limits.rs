//! What a database is to bear, as it is typed.

use std::str::FromStr as _;

use clap::Args;
use switchback_migration::backfill::metrics::word;
use switchback_migration::backfill::throttle::{Limits, QuietHours, Signal};

use crate::errors::{self, Failure};

/// The flags.
#[derive(Debug, Clone, Args)]
pub(super) struct LimitArgs {
    /// Another limit for a signal, such as replication-lag=30 (seconds), or off to pass over it
    ///
    /// Work is shed from 0.7 of the limit on, halved at it, and stopped at twice as much. Signals:
    /// probe (milliseconds), statements (times as long as usual), replication-lag (seconds),
    /// wal-queue (times the size at which a checkpoint is forced), archiver-queue (segments),
    /// oldest-snapshot (transactions), active-sessions (for each CPU), autovacuum (0 or 1),
    /// blocked-by-us (sessions).
    #[arg(long, value_name = "SIGNAL=LIMIT", value_parser = limit)]
    limit: Vec<(Signal, Option<f64>)>,
    /// The part of the time that is worked at most, in percent, whatever the database says
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    ceiling: Option<u32>,
    /// The part of the time that is worked at most while others use the database, in percent: 6
    /// unless said otherwise, and 20 on SQLite
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    beside_others: Option<u32>,
    /// Hours in which nothing is done, or less: `mon-fri 08:00-18:00 +01:00`, with `20%` after it for less
    #[arg(long, value_name = "HOURS", value_parser = hours)]
    quiet_hours: Vec<QuietHours>,
    /// CPUs of the database's server, which it cannot be asked for
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) cpus: u32,
}

fn limit(text: &str) -> Result<(Signal, Option<f64>), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write SIGNAL=LIMIT, such as replication-lag=30")?;
    let signal = Signal::ALL
        .into_iter()
        .find(|it| word(*it) == name)
        .ok_or_else(|| {
            let known: Vec<_> = Signal::ALL.into_iter().map(word).collect();
            format!("no signal is called `{name}`: {}", known.join(", "))
        })?;
    if value == "off" {
        return Ok((signal, None));
    }
    match value.parse::<f64>() {
        Ok(limit) if limit.is_finite() && limit > 0.0 => Ok((signal, Some(limit))),
        _ => Err("a limit is a number above 0, or off".to_owned()),
    }
}

fn hours(text: &str) -> Result<QuietHours, String> {
    QuietHours::from_str(text).map_err(|error| error.to_string())
}

/// Rows a second.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("a rate is a number of rows a second, above 0".to_owned()),
    }
}

/// `500MiB`, `20GiB`, in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let wrong = || "write a size such as 500MiB or 20GiB".to_owned();
    let (number, shift) = UNITS
        .into_iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
        .ok_or_else(wrong)?;
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    number
        .checked_mul(1 << shift)
        .filter(|size| *size > 0)
        .ok_or_else(wrong)
}

impl LimitArgs {
    /// The limits with what was typed.
    pub(super) fn apply(&self, mut limits: Limits) -> Result<Limits, Failure> {
        for (signal, limit) in &self.limit {
            limits = match limit {
                Some(most) => limits.set(*signal, *most),
                None => limits.off(*signal),
            };
        }
        let part = |percent: u32| f64::from(percent) / 100.0;
        if let Some(percent) = self.beside_others {
            limits.beside_others = part(percent);
        }
        if let Some(percent) = self.ceiling {
            limits.most = part(percent);
            limits.beside_others = limits.beside_others.min(limits.most);
        }
        limits.quiet.clone_from(&self.quiet_hours);
        if limits.signals.is_empty() {
            return Err(errors::usage("every signal is off: nothing would hold it back").into());
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(size("20GiB"), Ok(20 << 30));
        assert_eq!(size("1 MiB"), Ok(1 << 20));
        for wrong in ["", "20", "GiB", "0KiB", "-1GiB", "99999999999999TiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits_name_a_signal() {
        assert_eq!(
            limit("replication-lag=30"),
            Ok((Signal::ReplicationLag, Some(30.0)))
        );
        assert_eq!(limit("autovacuum=off"), Ok((Signal::Autovacuum, None)));
        for wrong in [
            "lag=3",
            "probe",
            "probe=",
            "probe=nan",
            "probe=-1",
            "probe=0",
        ] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}
