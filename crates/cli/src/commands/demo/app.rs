//! The application of the demo: a small program that reads its statements from the release that it
//! was made from, writes and reads customers as fast as it is told, and stops at the first error
//! or stale value.
//!
//! How a stale value is seen: every write sets the address and a revision in one statement, and the
//! address says its revision. Whoever reads both, by whichever column, must find that they agree.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use switchback_diag::Exit;

use crate::errors::{self, Failure};
use crate::files;

/// One instance of the demo's application
#[derive(Debug, Args)]
pub(crate) struct DemoApp {
    /// The database
    #[arg(long)]
    database: PathBuf,
    /// The release's statements
    #[arg(long)]
    statements: PathBuf,
    /// A number of its own, for the customers that it adds
    #[arg(long)]
    number: u32,
    /// Requests a second
    #[arg(long, default_value_t = 200)]
    rate: u32,
}

/// How often an instance says how far it is.
const SAY_EVERY: Duration = Duration::from_millis(100);
/// How long a request waits for the database.
const PATIENCE: Duration = Duration::from_secs(20);
/// No instance lives longer, so that none is left behind for ever.
const LONGEST: Duration = Duration::from_secs(600);

/// A random number generator (xorshift); the demo needs spread, not secrecy.
struct Spread(u64);

impl Spread {
    fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 1).unwrap_or(0) % end.max(1)
    }
}

struct App {
    connection: Connection,
    statements: BTreeMap<String, String>,
    number: u32,
    customers: i64,
    spread: Spread,
    requests: u64,
}

impl DemoApp {
    /// Runs until stdin ends. What went wrong is the last line of stdout.
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let done = || -> Result<(), Box<dyn std::error::Error>> {
            let mut app = self.open()?;
            app.serve(Duration::from_secs(1) / self.rate.max(1))
        };
        match done() {
            Ok(()) => Ok(Exit::Ok),
            Err(error) => {
                say(&format!("error {error}"));
                Err(errors::demo_app_failed(&error.to_string()))
            }
        }
    }

    fn open(&self) -> Result<App, Box<dyn std::error::Error>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.database, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        let text = files::read(&self.statements).map_err(|error| error.source)?;
        let statements = toml::from_str(&text)?;
        let customers = connection.query_row("SELECT max(id) FROM users", [], |row| row.get(0))?;
        let spread = Spread(u64::from(self.number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Ok(App {
            connection,
            statements,
            number: self.number,
            customers,
            spread,
            requests: 0,
        })
    }
}

impl App {
    fn serve(&mut self, pause: Duration) -> Result<(), Box<dyn std::error::Error>> {
        static STOP: AtomicBool = AtomicBool::new(false);
        std::thread::spawn(|| {
            // Whoever started us closes our stdin, or is gone.
            let mut line = String::new();
            while io::stdin()
                .lock()
                .read_line(&mut line)
                .is_ok_and(|read| read > 0)
            {}
            STOP.store(true, Ordering::Relaxed);
        });
        let begun = Instant::now();
        let mut said = Instant::now();
        while !STOP.load(Ordering::Relaxed) && begun.elapsed() < LONGEST {
            self.request()?;
            if said.elapsed() >= SAY_EVERY {
                say(&format!("requests {}", self.requests));
                said = Instant::now();
            }
            std::thread::sleep(pause);
        }
        say(&format!("requests {}", self.requests));
        Ok(())
    }

    /// One request: now and then a new customer, often a changed address, always a look.
    fn request(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        self.requests += 1;
        let kind = self.spread.below(10);
        // Half of the requests meet in a hundred rows, so that versions see each other's writes.
        let range = if kind % 2 == 0 { 100 } else { self.customers };
        let id = 1 + self.spread.below(range);
        if kind == 0 {
            let email = format!("new.{}.{}.r0@example.org", self.number, self.requests);
            self.statement("insert")?
                .execute(params!["A new customer", email, 0])?;
        } else if kind < 5 {
            let revision = self.spread.below(1_000_000);
            let email = format!(
                "u{id}.{}.{}.r{revision}@example.org",
                self.number, self.requests
            );
            self.statement("update")?
                .execute(params![id, email, revision])?;
        }
        let seen: Option<(Option<String>, i64)> = self
            .statement("select")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((email, revision)) = seen else {
            return Err(format!("customer {id} is gone").into());
        };
        let expected = format!(".r{revision}@example.org");
        match email {
            Some(email) if email.ends_with(&expected) => Ok(()),
            other => {
                let other = other.unwrap_or_else(|| "nothing".to_owned());
                Err(format!("stale: customer {id} at revision {revision} shows {other}").into())
            }
        }
    }

    fn statement(
        &self,
        name: &str,
    ) -> Result<rusqlite::CachedStatement<'_>, Box<dyn std::error::Error>> {
        let text = self
            .statements
            .get(name)
            .ok_or("a statement is missing in the release")?;
        Ok(self.connection.prepare_cached(text)?)
    }
}

/// One line to whoever started us. If nobody listens, nobody is left to tell.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
