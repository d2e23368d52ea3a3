//! The connection that does the work, and the settings under which it does.

use std::fmt;
use std::time::Duration;

use postgres::{Client, Config, NoTls};

use super::Options;
use super::error::{ChangeError, at};
use super::persist::Desk;
use super::watch::Watch;
use crate::address::{is_exposed, show};
use crate::postgres::session::{literal, name};

/// The class of the advisory locks that say who works on a change, and on the control tables. The
/// second number is made from the name.
pub(in crate::postgres) const LOCK_CLASS: i32 = 0x5342_4b31;

/// The connection, and a second one that watches it.
pub(in crate::postgres) struct Link {
    pub(in crate::postgres) client: Client,
    pub(in crate::postgres) watch: Watch,
    config: Config,
    /// Where, for people, without the password.
    pub(in crate::postgres) place: String,
    pub(in crate::postgres) pid: i32,
    /// As `server_version_num` has it.
    pub(in crate::postgres) version: u32,
    pub(in crate::postgres) role: String,
    /// The schemas in which names without one are looked for, fixed when the connection was made.
    pub(in crate::postgres) path: Vec<String>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("place", &self.place)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

/// Longer than any time-out between batches or attempts, and short enough that a machine that
/// vanished does not keep its locks for long.
const KEEPALIVE: Duration = Duration::from_secs(15);

impl Link {
    pub(in crate::postgres) fn open(
        mut config: Config,
        options: &Options,
    ) -> Result<Self, ChangeError> {
        let place = show(&config);
        if is_exposed(&config) {
            return Err(ChangeError::Insecure { place });
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        if config.get_application_name().is_none() {
            config.application_name("switchback");
        }
        config.keepalives_idle(KEEPALIVE);
        let unreachable = |source| ChangeError::Unreachable {
            place: place.clone(),
            source,
        };
        let mut client = config.connect(NoTls).map_err(unreachable)?;
        // Nothing is known of the search path yet: a schema in it may come before PostgreSQL's own.
        let question = "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4, \
                        pg_catalog.pg_backend_pid(), current_user::pg_catalog.text, \
                        pg_catalog.current_schemas(false)::pg_catalog.text[], \
                        pg_catalog.current_setting('synchronous_commit')";
        let row = client.query_one(question, &[]).map_err(at(question))?;
        let get = at(question);
        let version: i32 = row.try_get(0).map_err(&get)?;
        let version = version.unsigned_abs();
        if version < 120_000 {
            return Err(ChangeError::TooOld {
                found: version / 10_000,
            });
        }
        let mut path: Vec<String> = row.try_get(3).map_err(&get)?;
        if let Some(wanted) = &options.search_path {
            path.clone_from(wanted);
        }
        // Where it is not named it comes first, so that nothing takes the place of its functions.
        path.retain(|schema| schema != "pg_catalog");
        let mut session = format!(
            "SET standard_conforming_strings = on; SET default_transaction_read_only = off; \
             SET row_security = off; SET jit = off; {}",
            settings("SET", options, &path)
        );
        let durable: String = row.try_get(4).map_err(&get)?;
        if durable == "off" {
            // Else marks that were acknowledged could be lost.
            session.push_str("; SET synchronous_commit = on");
        }
        let pid: i32 = row.try_get(1).map_err(&get)?;
        // By this a session is known again; see `control::fence`.
        session.push_str(&format!("; SET switchback.session = '{pid}'"));
        client.batch_execute(&session).map_err(at(&session))?;
        Ok(Self {
            watch: Watch::new(&config, version),
            pid,
            role: row.try_get(2).map_err(&get)?,
            client,
            config,
            place,
            version,
            path,
        })
    }

    /// How the connection was made.
    pub(in crate::postgres) fn config(&self) -> Config {
        self.config.clone()
    }

    /// Connects again if the connection is gone.
    pub(in crate::postgres) fn alive(&mut self, options: &Options) -> Result<(), ChangeError> {
        let patience = Duration::from_secs(5);
        if self.client.is_closed() || self.client.is_valid(patience).is_err() {
            *self = Self::open(self.config.clone(), options)?;
        }
        Ok(())
    }
}

/// The settings that every transaction and every statement outside of one begins with.
fn settings(set: &str, options: &Options, path: &[String]) -> String {
    format!(
        "{set} lock_timeout = {}; {set} statement_timeout = {}; \
         {set} idle_in_transaction_session_timeout = {}; {set} search_path = {}",
        milliseconds(options.lock_timeout),
        milliseconds(options.statement_timeout),
        milliseconds(options.idle_timeout),
        search_path(path)
    )
}

/// A time-out as PostgreSQL has it. Zero would mean none at all.
pub(in crate::postgres) fn milliseconds(limit: Duration) -> u128 {
    limit.as_millis().clamp(1, i32::MAX as u128)
}

/// The schemas of a search path; temporary tables come last, so that none hides another table.
fn search_path(path: &[String]) -> String {
    let mut names: Vec<String> = path.iter().map(|schema| name(schema)).collect();
    names.push("pg_temp".to_owned());
    names.join(", ")
}

/// Begins a transaction with all its limits.
pub(in crate::postgres) fn begin(
    client: &mut Client,
    options: &Options,
    path: &[String],
) -> Result<(), ChangeError> {
    let sql = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL row_security = off; {}",
        settings("SET LOCAL", options, path)
    );
    client.batch_execute(&sql).map_err(at("BEGIN"))
}

/// Ends a transaction; what was done in it stays.
pub(in crate::postgres) fn commit(client: &mut Client, desk: &Desk) -> Result<(), ChangeError> {
    desk.next("COMMIT", None)?;
    client.batch_execute("COMMIT").map_err(at("COMMIT"))
}

/// Reads in a transaction that sees one moment.
pub(in crate::postgres) fn reading<T>(
    client: &mut Client,
    options: &Options,
    path: &[String],
    read: impl FnOnce(&mut Client) -> Result<T, ChangeError>,
) -> Result<T, ChangeError> {
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; {}",
        settings("SET LOCAL", options, path)
    );
    client.batch_execute(&sql).map_err(at("BEGIN"))?;
    let result = read(client);
    let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = client.batch_execute(end).map_err(at(end));
    match result {
        Ok(value) => ended.map(|()| value),
        Err(error) => Err(error),
    }
}

/// Has names printed with their schemas, all but those of PostgreSQL itself, while `work` runs.
pub(in crate::postgres) fn qualified<T>(
    client: &mut Client,
    path: &[String],
    work: impl FnOnce(&mut Client) -> Result<T, ChangeError>,
) -> Result<T, ChangeError> {
    let only = "SET LOCAL search_path = pg_catalog";
    client.batch_execute(only).map_err(at(only))?;
    let value = work(client)?;
    let back = format!("SET LOCAL search_path = {}", search_path(path));
    client.batch_execute(&back).map_err(at(&back))?;
    Ok(value)
}

/// Waits until nobody else works on `what`, and keeps it until the transaction ends.
pub(in crate::postgres) fn lock(client: &mut Client, what: &str) -> Result<(), ChangeError> {
    let sql = format!(
        "SELECT pg_advisory_xact_lock({LOCK_CLASS}, hashtext({}))",
        literal(what)
    );
    client.batch_execute(&sql).map_err(at(&sql))
}

/// The same, outside of any transaction, until [`unlock`] or the end of the connection.
pub(in crate::postgres) fn lock_session(
    client: &mut Client,
    what: &str,
) -> Result<(), ChangeError> {
    let sql = format!(
        "SELECT pg_advisory_lock({LOCK_CLASS}, hashtext({}))",
        literal(what)
    );
    client.batch_execute(&sql).map_err(at(&sql))
}

/// Ends [`lock_session`].
pub(in crate::postgres) fn unlock(client: &mut Client, what: &str) -> Result<(), ChangeError> {
    let sql = format!(
        "SELECT pg_advisory_unlock({LOCK_CLASS}, hashtext({}))",
        literal(what)
    );
    client.batch_execute(&sql).map_err(at(&sql))
}
