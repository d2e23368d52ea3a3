//! A connection whose errors say what went wrong and where.

use std::fmt;
use std::sync::mpsc;
use std::time::Duration;

use postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};

use super::error::PgError;
use crate::address::{is_exposed, show};

/// Settings under which everything is printed in one way.
const READING: &str = "
    SET LOCAL search_path = pg_catalog;
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = 0;
    SET LOCAL row_security = off;
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL DateStyle = 'ISO, YMD';
    SET LOCAL IntervalStyle = 'postgres';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1;
    SET LOCAL lc_monetary = 'C';
    SET LOCAL xmloption = 'content';
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL quote_all_identifiers = off;
    SET LOCAL jit = off";

/// A row of an answer: each column as text.
#[derive(Debug)]
pub struct Row(SimpleQueryRow);

impl Row {
    /// A column; none where it is NULL or there are fewer.
    pub fn get(&self, column: usize) -> Option<&str> {
        (column < self.0.len())
            .then(|| self.0.get(column))
            .flatten()
    }

    /// A column as owned text, empty where it is NULL.
    pub fn text(&self, column: usize) -> String {
        self.get(column).unwrap_or_default().to_owned()
    }
}

/// A connection to a PostgreSQL database, without TLS: it is for servers of one's own.
pub struct Session {
    client: Client,
    version: u32,
    /// Whether a transaction is open that is not to end when something was read.
    in_transaction: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Connects to the database of an address such as `postgresql://user@host/database`.
    ///
    /// # Errors
    /// If the address cannot be read, the server is on another machine although nothing would be
    /// encrypted, nothing answers, or the version is older than 12.
    pub fn connect(url: &str) -> Result<Self, PgError> {
        let config = url
            .parse::<Config>()
            .map_err(|source| PgError::Address { source })?;
        Self::open(config)
    }

    pub(super) fn open(mut config: Config) -> Result<Self, PgError> {
        if is_exposed(&config) {
            return Err(PgError::Insecure {
                place: show(&config),
            });
        }
        config.application_name("switchback");
        let client = config
            .connect(NoTls)
            .map_err(|source| PgError::Unreachable {
                database: config.get_dbname().unwrap_or_default().to_owned(),
                source,
            })?;
        let mut session = Self {
            client,
            version: 0,
            in_transaction: false,
        };
        let question = "SHOW server_version_num";
        session.version = session
            .rows(question)?
            .first()
            .and_then(|row| row.get(0)?.parse().ok())
            .ok_or(PgError::Unexpected { question })?;
        match session.version / 10_000 {
            found @ ..12 => Err(PgError::TooOld { found }),
            _ => Ok(session),
        }
    }

    /// The server's version, as `server_version_num` has it: 150018 for 15.18.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Says that a transaction is open, or that it is over.
    pub(super) fn set_in_transaction(&mut self, is: bool) {
        self.in_transaction = is;
    }

    /// The connection itself.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Sends statements as one message and waits for all of them.
    ///
    /// # Errors
    /// If one is refused, or the connection is lost. Whether those before it stay depends on whether
    /// they ended a transaction.
    pub fn run(&mut self, sql: &str) -> Result<(), PgError> {
        self.client
            .batch_execute(sql)
            .map_err(|error| PgError::of(error, sql))
    }

    /// Sends a question and gives its answer.
    ///
    /// # Errors
    /// If it is refused, or the connection is lost.
    pub fn rows(&mut self, sql: &str) -> Result<Vec<Row>, PgError> {
        let answer = self
            .client
            .simple_query(sql)
            .map_err(|error| PgError::of(error, sql))?;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => Some(Row(row)),
            _ => None,
        };
        Ok(answer.into_iter().filter_map(row).collect())
    }

    /// Does `work`, and cancels what it has running when `limit` is over. A statement that sets its
    /// own limits does not escape this one.
    pub(super) fn within<T>(&mut self, limit: Duration, work: impl FnOnce(&mut Self) -> T) -> T {
        let token = self.client.cancel_token();
        let (done, wait) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut limit = limit;
                // What follows the cancelled statement may run as long again.
                while wait.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let _ = token.cancel_query(NoTls);
                    limit = Duration::from_millis(200);
                }
            });
            let result = work(self);
            drop(done);
            result
        })
    }

    /// Runs `read` in a transaction that sees one moment and changes nothing, with settings under
    /// which everything is printed in one way.
    pub(super) fn reading<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, PgError>,
    ) -> Result<T, PgError> {
        let (begin, end) = if self.in_transaction {
            let back = "ROLLBACK TO switchback_reading; RELEASE switchback_reading";
            ("SAVEPOINT switchback_reading", back)
        } else {
            ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "COMMIT")
        };
        // The settings end with it.
        self.run(&format!("{begin}; {READING}"))?;
        let result = read(self);
        match &result {
            Err(_) if !self.in_transaction => drop(self.run("ROLLBACK")),
            _ => self.run(end)?,
        }
        result
    }
}

/// A name in the form of SQL, always in quotes.
pub(super) fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in the form of SQL, whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    let text = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\"))
    } else {
        format!("'{text}'")
    }
}
