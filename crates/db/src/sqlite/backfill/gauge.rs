//! How an SQLite database is: how long a read by key and the write lock take, and how much of the
//! write-ahead log nobody has copied into the file yet.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, params_from_iter};
use switchback_migration::backfill::Job;
use switchback_migration::backfill::throttle::{Reading, Readings, Signal};

use super::codec::Key;
use super::error::BackfillError;
use super::walk::Start;
use super::walk::Walk;
use super::{Backfills, connect, control};
use crate::backfill::Gauge;
use crate::sqlite::error::at;

/// How long a lock is waited for. What took so long is said to have taken that.
const PATIENCE: Duration = Duration::from_millis(300);

/// The signals that an SQLite database has no notion of.
const NOT_THERE: [Signal; 7] = [
    Signal::Statements,
    Signal::ReplicationLag,
    Signal::ArchiverQueue,
    Signal::OldestSnapshot,
    Signal::ActiveSessions,
    Signal::Autovacuum,
    Signal::BlockedByUs,
];

/// Looks how a database file is, on a connection of its own.
#[derive(Debug)]
pub struct SqliteGauge {
    connection: Connection,
    path: PathBuf,
    walk: Walk,
    /// Where the last probe read, so that the next one reads elsewhere.
    place: Option<Key>,
    wal_bound: u64,
}

impl SqliteGauge {
    /// A gauge for the table of a backfill. A write-ahead log of `wal_bound` bytes that are not yet
    /// copied into the file counts as full.
    ///
    /// # Errors
    /// If the database cannot be opened, or the definition does not fit the table.
    pub fn new(path: &Path, job: &Job, wal_bound: u64) -> Result<Self, BackfillError> {
        let connection = connect(path, PATIENCE)?;
        Ok(Self {
            walk: Walk::of(&connection, &job.text)?,
            path: path.to_owned(),
            place: None,
            wal_bound: wal_bound.max(1),
            connection,
        })
    }

    /// Rows read by their key, and the write lock taken and let go: in milliseconds.
    fn probe(&mut self) -> Reading {
        let began = Instant::now();
        match self.touch() {
            // Somebody holds a lock for longer than we wait: so long any application would wait.
            Err(error) if !error.is_busy() => Reading::Missing(error.to_string()),
            _ => Reading::Value(began.elapsed().as_secs_f64() * 1000.0),
        }
    }

    fn touch(&mut self) -> Result<(), BackfillError> {
        let keyed = &self.walk.keyed;
        if let Some(high) = keyed.highest(&self.connection)? {
            // Steps through the table from its start, and again from there at its end.
            let next = keyed.after(
                &self.connection,
                &Start::of(self.place.as_ref(), None),
                &high,
                97,
            )?;
            let query = format!("SELECT * FROM {} WHERE {}", keyed.t, keyed.is(1));
            let key = params_from_iter(next.as_ref().unwrap_or(&high));
            control::first(&self.connection, &query, key, |_| Ok(()))?;
            self.place = next;
        }
        let query = "BEGIN IMMEDIATE; ROLLBACK";
        Ok(self.connection.execute_batch(query).map_err(at(query))?)
    }

    /// The part of the write-ahead log that is not copied into the file, against the bound. The
    /// file that holds it never becomes smaller by itself, so that once it is large only asking for
    /// a checkpoint says how much of it matters; a passive one waits for nobody.
    fn wal_queue(&self) -> Reading {
        let asked = |sql: &str| {
            self.connection
                .query_row(sql, [], |row| row.get::<_, String>(0))
        };
        match asked("PRAGMA journal_mode") {
            Ok(mode) if mode == "wal" => {}
            Ok(_) => return Reading::NotThere,
            Err(error) => return Reading::Missing(error.to_string()),
        }
        let mut name = self.path.as_os_str().to_owned();
        name.push("-wal");
        let size = match std::fs::metadata(&name) {
            Ok(about) => about.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Reading::Missing(error.to_string()),
        };
        if size * 2 < self.wal_bound {
            return self.share(size);
        }
        let open = "PRAGMA wal_checkpoint(PASSIVE)";
        let frames = self.connection.query_row(open, [], |row| {
            Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        });
        let page = "PRAGMA page_size";
        let page = self
            .connection
            .query_row(page, [], |row| row.get::<_, i64>(0));
        match (frames, page) {
            (Ok((log, copied)), Ok(page)) => {
                let left = log.saturating_sub(copied).max(0).saturating_mul(page);
                self.share(left.unsigned_abs())
            }
            // Somebody else is at it just now.
            (Err(error), _) if error.sqlite_error_code() == Some(ErrorCode::DatabaseLocked) => {
                self.share(size)
            }
            (Err(error), _) | (_, Err(error)) => Reading::Missing(error.to_string()),
        }
    }

    fn share(&self, bytes: u64) -> Reading {
        Reading::Value(bytes as f64 / self.wal_bound as f64)
    }
}

impl Gauge for SqliteGauge {
    fn read(&mut self) -> Readings {
        let mut readings = Readings::default();
        for signal in NOT_THERE {
            readings.signals.insert(signal, Reading::NotThere);
        }
        readings.signals.insert(Signal::Probe, self.probe());
        readings.signals.insert(Signal::WalQueue, self.wal_queue());
        readings
    }
}

impl Backfills {
    /// A gauge for a backfill in this database ([`SqliteGauge::new`]).
    ///
    /// # Errors
    /// If the database cannot be opened, or the definition does not fit the table.
    pub fn gauge(&self, job: &Job, wal_bound: u64) -> Result<SqliteGauge, BackfillError> {
        SqliteGauge::new(&self.path, job, wal_bound)
    }
}
