//! How far replicas are behind.
//!
//! What the server says in `replay_lag` does not grow while a replica replays nothing, so time is
//! told here: each look notes how far the log had come, and a replica is as far behind as it is since
//! the log passed the place that it has replayed.
//!
//! Subscribers of logical replication do not count: nobody reads from them as from this server, and
//! many confirm late though nothing is wrong. Nor do base backups.

use std::collections::VecDeque;
use std::time::Instant;

use switchback_migration::backfill::throttle::{Reading, Signal};

use super::looker::{Link, Seen};

/// Places in the log that are remembered. When there are so many, every second one is forgotten.
const PLACES: usize = 2048;

/// How fast a replica is taken to replay where nothing but the distance is known, in bytes a second.
const REPLAYS: f64 = 16.0 * 1024.0 * 1024.0;

/// NULL in the state is what a role sees that may not see more.
const REPLICAS: &str = "
    SELECT r.state,
        pg_catalog.pg_wal_lsn_diff(coalesce(r.replay_lsn, r.flush_lsn), '0/0')::float8,
        extract(epoch FROM r.replay_lag)::float8
    FROM pg_catalog.pg_stat_replication r
    WHERE r.state IS DISTINCT FROM 'backup' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_replication_slots s
        WHERE s.active_pid = r.pid AND s.slot_type = 'logical')";

const DISTANCE: &str =
    "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::float8";

/// A slot keeps log for a replica, so there should be one. What was invalidated keeps nothing.
const ABANDONED: &str = "
    SELECT slot_name::text FROM pg_catalog.pg_replication_slots
    WHERE slot_type = 'physical' AND NOT active AND NOT temporary AND restart_lsn IS NOT NULL
    ORDER BY 1 LIMIT 1";

#[derive(Default)]
pub(super) struct Replicas {
    /// How far the log had come when, the oldest first.
    places: VecDeque<(Instant, f64)>,
    /// The most replicas that were there at once.
    most: usize,
}

impl Replicas {
    pub(super) fn look(&mut self, link: &mut Link, seen: &mut Seen) -> Result<(), postgres::Error> {
        let reading = self.read(link)?;
        seen.put(Signal::ReplicationLag, reading);
        Ok(())
    }

    fn read(&mut self, link: &mut Link) -> Result<Reading, postgres::Error> {
        // First the log, so that a replica is never behind what it could not have yet.
        let now = Instant::now();
        let end: f64 = link.row(DISTANCE, &[])?.try_get(0)?;
        self.note(now, end);
        let rows = link.rows(REPLICAS, &[])?;
        let abandoned = link.rows(ABANDONED, &[])?;
        if let Some(slot) = abandoned.first() {
            let slot: String = slot.try_get(0)?;
            return Ok(Reading::Missing(format!(
                "the replication slot `{slot}` keeps the log for a replica that is not connected; \
                 drop the slot if it is gone for good"
            )));
        }
        self.most = self.most.max(rows.len());
        if rows.len() < self.most {
            return Ok(Reading::Missing(format!(
                "{} of {} replicas {} not connected any more; begin again if that is for good",
                self.most - rows.len(),
                self.most,
                if self.most - rows.len() == 1 {
                    "is"
                } else {
                    "are"
                },
            )));
        }
        let mut worst: Option<f64> = None;
        for row in rows {
            let state: Option<String> = row.try_get(0)?;
            let (place, told): (Option<f64>, Option<f64>) = (row.try_get(1)?, row.try_get(2)?);
            let Some(place) = place else {
                let why = if state.is_some() || link.sees_all {
                    "a replica has not said yet how far it is".to_owned()
                } else {
                    format!(
                        "this role may not see it; `{}` gives the right, or turn the signal off",
                        link.grant
                    )
                };
                return Ok(Reading::Missing(why));
            };
            let behind = self.behind(now, place, end, told);
            worst = Some(worst.map_or(behind, |it| it.max(behind)));
        }
        Ok(worst.map_or(Reading::NotThere, Reading::Value))
    }

    fn note(&mut self, now: Instant, end: f64) {
        if self.places.back().is_some_and(|(_, last)| *last >= end) {
            return;
        }
        if self.places.len() >= PLACES {
            let mut at = 0;
            self.places.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
        self.places.push_back((now, end));
    }

    /// Seconds since the log passed a place.
    fn behind(&self, now: Instant, place: f64, end: f64, told: Option<f64>) -> f64 {
        if place >= end {
            return 0.0;
        }
        let passed = self.places.iter().find(|(_, it)| *it > place);
        let seen = passed.map_or(0.0, |(when, _)| now.duration_since(*when).as_secs_f64());
        match self.places.front() {
            Some((_, first)) if place >= *first => seen,
            // It was behind before anybody looked: as long as it says, or as it is far.
            _ => seen.max(told.unwrap_or((end - place) / REPLAYS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_replica_is_behind_since_the_log_passed_its_place() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut all = Replicas::default();
        for (seconds, end) in [(0, 100.0), (1, 100.0), (2, 200.0), (5, 300.0)] {
            all.note(at(seconds), end);
        }
        let behind = |now, place, told| all.behind(at(now), place, 300.0, told);
        assert_eq!(
            behind(9, 300.0, Some(99.0)),
            0.0,
            "what it was told is over"
        );
        assert_eq!(behind(9, 250.0, None), 4.0);
        assert_eq!(behind(9, 200.0, Some(99.0)), 4.0);
        assert_eq!(behind(9, 100.0, None), 7.0);
        assert_eq!(behind(9, 50.0, None), 9.0, "at least since the first look");
        assert_eq!(behind(9, 50.0, Some(60.0)), 60.0);
        let far = all.behind(at(9), 0.0, 20.0 * REPLAYS, None);
        assert_eq!(far, 20.0);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_reaches_back_to_the_first_look() {
        let begun = Instant::now();
        let mut all = Replicas::default();
        for at in 0..10_000_u32 {
            all.note(begun + Duration::from_secs(at.into()), f64::from(at));
        }
        assert!(all.places.len() <= PLACES);
        let now = begun + Duration::from_secs(10_000);
        let behind = all.behind(now, 10.0, 9_999.0, None);
        // The places around it are forgotten, so it is about right.
        assert!((9_500.0..=9_990.0).contains(&behind), "{behind}");
    }
}
