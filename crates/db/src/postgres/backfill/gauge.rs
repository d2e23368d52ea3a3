//! How a PostgreSQL server is, seen from a connection of its own.
//!
//! The connection belongs to a thread (`looker`), so that [`PostgresGauge::read`] answers within a
//! second even where the server does not: then every signal is missing.
//!
//! **Not there, or missing?** A signal is not there where there is nothing to measure: no replica, no
//! archive, no `pg_stat_statements`, no statement of others. It is missing where something is there
//! that could be in trouble and is not seen: a replica that went away, lag that this role may not
//! see. Where a role without `pg_monitor` sees a part, and what it does not see would cost time or
//! space but break nothing (snapshots and activity of other roles), the part is given, from above
//! where that can be had, and a note says what is not seen and which right would help.
//!
//! Deliberately absent: judging what is seen, which is the throttle's.

mod log;
mod looker;
mod probe;
mod replicas;
mod sessions;
mod statements;

use std::collections::{BTreeSet, HashSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use postgres::Config;
use switchback_migration::backfill::throttle::{Reading, Readings, Signal};

use self::looker::Looker;
use crate::address::{is_exposed, show};
use crate::backfill::Gauge;
use crate::postgres::PgError;

/// No look takes longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The server processes of a backfill. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct OurSessions(Arc<Mutex<BTreeSet<i32>>>);

impl OurSessions {
    /// Adds a session, by its process id at the server.
    pub fn add(&self, pid: i32) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(pid);
    }

    /// Removes one that has ended.
    pub fn remove(&self, pid: i32) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&pid);
    }

    fn list(&self) -> Vec<i32> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().copied().collect()
    }
}

/// What a gauge looks at.
#[derive(Debug, Clone)]
pub struct GaugeOptions {
    /// The table that is filled, as it stands in SQL.
    pub table: String,
    /// The columns by which each of its rows can be named; none where there are none. Then the probe
    /// reads a row of the catalog.
    pub key: Vec<String>,
    /// How many CPUs the server has, which SQL cannot say. 2 by default, which is few: on a larger
    /// machine a backfill then gives way earlier than it has to.
    pub cpus: u32,
    /// Which sessions are ours.
    pub ours: OurSessions,
    /// Sessions are ours as well whose application name begins so; none where it is empty.
    pub application: String,
    /// What is read. Whatever is not wanted costs nothing, and is not in the readings.
    pub signals: BTreeSet<Signal>,
}

impl GaugeOptions {
    /// Everything about a table, on a server with two CPUs, with sessions that call themselves
    /// `switchback` as ours.
    pub fn new(table: impl Into<String>, key: Vec<String>) -> Self {
        Self {
            table: table.into(),
            key,
            cpus: 2,
            ours: OurSessions::default(),
            application: "switchback".to_owned(),
            signals: Signal::ALL.into_iter().collect(),
        }
    }
}

/// Looks how a PostgreSQL server is.
#[derive(Debug)]
pub struct PostgresGauge {
    ask: Sender<()>,
    answers: Receiver<Readings>,
    /// Whether an answer is still to come.
    open: bool,
    signals: BTreeSet<Signal>,
    /// Notes that were given.
    told: HashSet<String>,
}

impl PostgresGauge {
    /// Starts to look at the database of an address. Nothing is awaited: whether there is a
    /// connection is in the readings. What is usual is measured first, for about half a second; until
    /// then every signal is missing.
    ///
    /// # Errors
    /// If the address cannot be read, or the server is on another machine although nothing would be
    /// encrypted.
    pub fn connect(url: &str, options: GaugeOptions) -> Result<Self, PgError> {
        let config = url
            .parse::<Config>()
            .map_err(|source| PgError::Address { source })?;
        Self::open(config, options)
    }

    /// The same with a configuration.
    ///
    /// # Errors
    /// If the server is on another machine although nothing would be encrypted.
    pub fn open(config: Config, options: GaugeOptions) -> Result<Self, PgError> {
        if is_exposed(&config) {
            return Err(PgError::Insecure {
                place: show(&config),
            });
        }
        let (ask, asked) = channel::<()>();
        let (answer, answers) = channel();
        let signals = options.signals.clone();
        let mut looker = Looker::new(config, options);
        let look = move || {
            looker.prepare();
            while asked.recv().is_ok() {
                if answer.send(looker.look()).is_err() {
                    break;
                }
            }
        };
        // Without a thread nobody answers, and every signal is missing.
        let _ = thread::Builder::new()
            .name("switchback-gauge".to_owned())
            .spawn(look);
        Ok(Self {
            ask,
            answers,
            open: false,
            signals,
            told: HashSet::new(),
        })
    }

    fn missing(&self, why: &str) -> Readings {
        let missing = |signal: &Signal| (*signal, Reading::Missing(why.to_owned()));
        Readings {
            signals: self.signals.iter().map(missing).collect(),
            ..Readings::default()
        }
    }
}

impl Gauge for PostgresGauge {
    fn read(&mut self) -> Readings {
        let end = Instant::now() + PATIENCE;
        // What was asked for before is old by now; only then is there a fresh look.
        let mut late = self.open;
        loop {
            if !self.open {
                if self.ask.send(()).is_err() {
                    return self.missing("nobody looks any more");
                }
                self.open = true;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left) {
                Ok(_) if late => (late, self.open) = (false, false),
                Ok(mut readings) => {
                    self.open = false;
                    readings.notes.retain(|it| self.told.insert(it.clone()));
                    return readings;
                }
                Err(RecvTimeoutError::Timeout) => {
                    return self.missing("the server did not answer within a second");
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return self.missing("nobody looks any more");
                }
            }
        }
    }
}
