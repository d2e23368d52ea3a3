//! One look after the other, on one connection.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Row};
use switchback_migration::backfill::throttle::{Reading, Readings, Signal};

use super::probe::Probe;
use super::replicas::Replicas;
use super::sessions::Sessions;
use super::statements::Statements;
use super::{GaugeOptions, log};
use crate::postgres::session::{literal, name};
use crate::with_sources;

/// After so long a look asks nothing more.
const ENOUGH: Duration = Duration::from_millis(600);

/// For so long others are watched to learn how long their statements usually take.
const WATCH_OTHERS: Duration = Duration::from_millis(500);

const SESSION: &str = "
    SET search_path = '';
    SET statement_timeout = '300ms';
    SET lock_timeout = '250ms';
    SET idle_in_transaction_session_timeout = '10s';
    SET default_transaction_read_only = on;
    SET enable_seqscan = off;
    SET jit = off";

/// The connection, and what is known of the server.
pub(super) struct Link {
    pub(super) client: Client,
    /// Whether this role may see what sessions of other roles do.
    pub(super) sees_all: bool,
    /// The statement that would let it see more.
    pub(super) grant: String,
    /// The table's number and full name, if it is there.
    pub(super) table: Option<(u32, String)>,
}

impl Link {
    pub(super) fn rows(
        &mut self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, postgres::Error> {
        self.client.query(sql, values)
    }

    pub(super) fn row(
        &mut self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, postgres::Error> {
        self.client.query_one(sql, values)
    }

    fn open(config: &Config, options: &GaugeOptions) -> Result<Self, postgres::Error> {
        let mut config = config.clone();
        config.application_name("switchback gauge");
        config.connect_timeout(Duration::from_secs(1));
        let mut client = config.connect(NoTls)?;
        // The table's name is looked for as any session of this role would.
        let row = client.query_one(
            "SELECT pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), \
                 current_user::pg_catalog.text",
            &[],
        )?;
        let (sees_all, role): (bool, String) = (row.try_get(0)?, row.try_get(1)?);
        let sql = format!(
            "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) \
             FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
             WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass({})",
            literal(&options.table)
        );
        let table = client.query_opt(&sql, &[])?;
        let table = match table {
            Some(row) => Some((row.try_get(0)?, row.try_get(1)?)),
            None => None,
        };
        client.batch_execute(SESSION)?;
        Ok(Self {
            client,
            sees_all,
            grant: format!("GRANT pg_monitor TO {}", name(&role)),
            table,
        })
    }
}

/// Whether the server gave a statement up because it took too long.
pub(super) fn timed_out(error: &postgres::Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::QUERY_CANCELED) || code == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

/// What an error makes of a signal.
fn missing(error: &postgres::Error) -> Reading {
    Reading::Missing(match error.as_db_error() {
        Some(_) if timed_out(error) => "the server was too slow to say".to_owned(),
        Some(refusal) => format!("the server says: {}", refusal.message()),
        None => with_sources(error),
    })
}

/// What looks, and what it remembers from one look to the next, whatever becomes of the connection.
pub(super) struct Looker {
    config: Config,
    options: GaugeOptions,
    link: Option<Link>,
    probe: Probe,
    statements: Statements,
    replicas: Replicas,
    sessions: Sessions,
}

/// What is put together during a look.
pub(super) struct Seen {
    pub(super) readings: Readings,
    wanted: BTreeSet<Signal>,
}

impl Seen {
    pub(super) fn put(&mut self, signal: Signal, reading: Reading) {
        if self.wanted.contains(&signal) {
            self.readings.signals.insert(signal, reading);
        }
    }

    pub(super) fn wants(&self, signal: Signal) -> bool {
        self.wanted.contains(&signal)
    }

    pub(super) fn note(&mut self, note: String) {
        self.readings.notes.push(note);
    }
}

type Part = fn(&mut Looker, &mut Link, &mut Seen) -> Result<(), postgres::Error>;

impl Looker {
    pub(super) fn new(config: Config, options: GaugeOptions) -> Self {
        Self {
            config,
            options,
            link: None,
            probe: Probe::default(),
            statements: Statements::default(),
            replicas: Replicas::default(),
            sessions: Sessions::default(),
        }
    }

    /// Measures what is usual, as far as that can be done now.
    pub(super) fn prepare(&mut self) {
        let Ok(mut link) = Link::open(&self.config, &self.options) else {
            return;
        };
        // What fails here fails again in a look, which says so.
        if self.options.signals.contains(&Signal::Probe) {
            let _ = self.probe.prepare(&mut link, &self.options.key);
        }
        if self.options.signals.contains(&Signal::Statements)
            && matches!(self.statements.prepare(&mut link), Ok(true))
        {
            std::thread::sleep(WATCH_OTHERS);
            let _ = self.statements.settle(&mut link);
        }
        self.link = Some(link);
    }

    /// Looks once.
    pub(super) fn look(&mut self) -> Readings {
        let begun = Instant::now();
        let mut seen = Seen {
            readings: Readings::default(),
            wanted: self.options.signals.clone(),
        };
        let link = self.link.take().filter(|it| !it.client.is_closed());
        let opened = match link {
            Some(link) => Ok(link),
            None => Link::open(&self.config, &self.options),
        };
        let mut link = match opened {
            Ok(link) => link,
            Err(error) => return self.all(&missing(&error), seen),
        };
        match recovers(&mut link) {
            Ok(false) => {}
            Ok(true) => {
                let why = "the server is a replica, or is being restored".to_owned();
                self.link = Some(link);
                return self.all(&Reading::Missing(why), seen);
            }
            Err(error) => return self.all(&missing(&error), seen),
        }
        let parts: [(&[Signal], Part); 7] = [
            (
                &[Signal::BlockedByUs, Signal::ActiveSessions],
                |it, link, seen| it.sessions.look(link, &it.options, seen),
            ),
            (&[Signal::Probe], |it, link, seen| {
                it.probe.look(link, &it.options.key, seen)
            }),
            (&[Signal::ReplicationLag], |it, link, seen| {
                it.replicas.look(link, seen)
            }),
            (&[Signal::Statements], |it, link, seen| {
                it.statements.look(link, seen)
            }),
            (&[Signal::WalQueue], |_, link, seen| log::wal(link, seen)),
            (&[Signal::ArchiverQueue], |_, link, seen| {
                log::archiver(link, seen)
            }),
            (
                &[Signal::OldestSnapshot, Signal::Autovacuum],
                |it, link, seen| it.sessions.horizon(link, &it.options, seen),
            ),
        ];
        for (at, (signals, part)) in parts.into_iter().enumerate() {
            // The first one also says whether others are there, which is always wanted.
            if at > 0 && !signals.iter().any(|it| seen.wants(*it)) {
                continue;
            }
            let failed = if begun.elapsed() > ENOUGH {
                Some(Reading::Missing(
                    "the server was too slow with the rest".to_owned(),
                ))
            } else {
                match part(self, &mut link, &mut seen) {
                    Ok(()) => None,
                    Err(error) => Some(missing(&error)),
                }
            };
            if let Some(reading) = failed {
                for signal in signals {
                    seen.put(*signal, reading.clone());
                }
            }
        }
        self.link = Some(link);
        seen.readings
    }

    /// Every signal says the same.
    fn all(&self, reading: &Reading, mut seen: Seen) -> Readings {
        for signal in &self.options.signals {
            seen.put(*signal, reading.clone());
        }
        seen.readings
    }
}

fn recovers(link: &mut Link) -> Result<bool, postgres::Error> {
    link.row("SELECT pg_catalog.pg_is_in_recovery()", &[])?
        .try_get(0)
}
