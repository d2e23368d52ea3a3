//! What sessions do: who is at work, who waits for us, and who keeps old versions of rows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use switchback_migration::backfill::throttle::{Reading, Signal};

use super::GaugeOptions;
use super::looker::{Link, Seen};
use crate::postgres::waiters;

/// Sessions at work are averaged over so long, since a look sees one moment.
const AVERAGE: Duration = Duration::from_millis(1100);

/// `$1` are our sessions, `$2` is how ours call themselves. At work is who uses a CPU or a disk: not
/// who waits for a lock, a client or a time. Of roles whose doings are hidden from us, everybody
/// counts who is in a transaction, which the lock on it shows.
const SESSIONS: &str = "
    WITH a AS MATERIALIZED (
        SELECT pid, state, wait_event_type, backend_type, state_change,
            pid = pg_backend_pid() OR pid = ANY ($1)
                OR $2 <> '' AND starts_with(application_name, $2) AS ours,
            query = '<insufficient privilege>' AND datid IS NOT NULL AS hidden
        FROM pg_catalog.pg_stat_activity
    )
    SELECT array_agg(pid) FILTER (WHERE ours),
        count(*) FILTER (WHERE NOT ours AND state = 'active'
            AND backend_type IN ('client backend', 'parallel worker')
            AND (wait_event_type IS NULL OR wait_event_type IN ('IO', 'LWLock', 'BufferPin'))),
        count(*) FILTER (WHERE NOT ours AND backend_type = 'client backend'
            AND (state = 'active' OR state_change > clock_timestamp() - interval '2 s')),
        count(*) FILTER (WHERE NOT ours AND hidden),
        array_agg(pid) FILTER (WHERE NOT ours AND hidden)
    FROM a";

const IN_TRANSACTION: &str = "
    SELECT count(DISTINCT pid) FROM pg_catalog.pg_locks
    WHERE locktype = 'virtualxid' AND granted AND pid = ANY ($1)";

/// Who vacuums keeps nothing from being cleaned up. A snapshot in another database matters only
/// where it is of a replica.
const SNAPSHOTS: &str = "
    SELECT greatest(
        (SELECT max(greatest(age(a.backend_xmin), age(a.backend_xid)))
         FROM pg_catalog.pg_stat_activity a
         WHERE a.pid <> pg_backend_pid() AND NOT a.pid = ANY ($1)
            AND NOT ($2 <> '' AND starts_with(a.application_name, $2))
            AND (a.datname = current_database() OR a.backend_type = 'walsender')
            AND a.backend_type <> 'autovacuum worker'
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum v
                WHERE v.pid = a.pid)),
        (SELECT max(age(transaction)) FROM pg_catalog.pg_prepared_xacts
         WHERE database = current_database()),
        (SELECT max(age(xmin)) FROM pg_catalog.pg_replication_slots),
        0)::float8";

/// How long ago the oldest transaction began that wrote something and still runs, which everybody
/// may see. Ours are among them, and short.
const WRITERS: &str = "
    SELECT (txid_snapshot_xmax(now) - txid_snapshot_xmin(now))::float8
    FROM txid_current_snapshot() AS now";

/// The lock says on which table, where the view does not because it is another role's.
const VACUUM: &str = "
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_stat_progress_vacuum v
        JOIN pg_catalog.pg_locks l ON l.pid = v.pid
        WHERE l.mode IN ('ShareUpdateExclusiveLock', 'AccessExclusiveLock') AND l.granted
            AND l.database = (SELECT oid FROM pg_catalog.pg_database
                WHERE datname = current_database())
            AND l.relation IN (SELECT $1::oid UNION ALL
                SELECT relid::oid FROM pg_catalog.pg_partition_tree($1::oid::regclass)))";

#[derive(Default)]
pub(super) struct Sessions {
    /// How many were at work when.
    active: VecDeque<(Instant, f64)>,
}

impl Sessions {
    pub(super) fn look(
        &mut self,
        link: &mut Link,
        options: &GaugeOptions,
        seen: &mut Seen,
    ) -> Result<(), postgres::Error> {
        let pids = options.ours.list();
        let row = link.row(SESSIONS, &[&pids, &options.application])?;
        let ours: Vec<i32> = row.try_get::<_, Option<_>>(0)?.unwrap_or_default();
        let (mut active, mut others): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        let hidden: i64 = row.try_get(3)?;
        let mut known = true;
        if hidden > 0 {
            let pids: Vec<i32> = row.try_get(4)?;
            let at_it: i64 = link.row(IN_TRANSACTION, &[&pids])?.try_get(0)?;
            active += at_it;
            others += at_it;
            known = others > 0;
            seen.note(format!(
                "What sessions of other roles do is not seen: whoever is in a transaction \
                 counts as at work, and somebody as there. `{}` gives the right.",
                link.grant
            ));
        }
        seen.readings.others = known.then(|| u32::try_from(others).unwrap_or(u32::MAX));
        if seen.wants(Signal::ActiveSessions) {
            let now = Instant::now();
            self.active.push_back((now, active as f64));
            while let Some((when, _)) = self.active.front()
                && now.duration_since(*when) > AVERAGE
            {
                self.active.pop_front();
            }
            let sum: f64 = self.active.iter().map(|(_, active)| active).sum();
            let mean = sum / self.active.len().max(1) as f64;
            let each = mean / f64::from(options.cpus.max(1));
            seen.put(Signal::ActiveSessions, Reading::Value(each));
        }
        if seen.wants(Signal::BlockedByUs) {
            let edges = waiters::edges(&mut link.client)?;
            let waiting = waiters::held_up(&edges, &ours).len();
            seen.put(Signal::BlockedByUs, Reading::Value(waiting as f64));
        }
        Ok(())
    }

    /// Snapshots and vacuum.
    pub(super) fn horizon(
        &mut self,
        link: &mut Link,
        options: &GaugeOptions,
        seen: &mut Seen,
    ) -> Result<(), postgres::Error> {
        if seen.wants(Signal::OldestSnapshot) {
            let pids = options.ours.list();
            let row = link.row(SNAPSHOTS, &[&pids, &options.application])?;
            let mut age: f64 = row.try_get(0)?;
            if !link.sees_all {
                let writers: f64 = link.row(WRITERS, &[])?.try_get(0)?;
                age = age.max(writers);
                seen.note(format!(
                    "Snapshots of sessions of other roles are not seen, except of those that write. \
                     `{}` gives the right.",
                    link.grant
                ));
            }
            seen.put(Signal::OldestSnapshot, Reading::Value(age));
        }
        if seen.wants(Signal::Autovacuum) {
            let reading = match &link.table {
                Some((oid, _)) => {
                    let oid = *oid;
                    let is: bool = link.row(VACUUM, &[&oid])?.try_get(0)?;
                    Reading::Value(f64::from(u8::from(is)))
                }
                None => Reading::Missing(format!("there is no table {}", options.table)),
            };
            seen.put(Signal::Autovacuum, reading);
        }
        Ok(())
    }
}
