//! A project with a database of either engine, and a backfill in it.

use std::cell::RefCell;
use std::path::PathBuf;

use postgres::{Client, NoTls};
use serde_json::Value;
use switchback_testkit::cli::{Cli, Ran};

use crate::support::{ON_POSTGRES, on_sqlite, run, with_settings};

/// Rows of the table.
pub(crate) const ROWS: i64 = 3000;

/// The backfill of most tests. Two of three rows have nothing yet, the others something else.
pub(crate) const FILL: &str = "schema = \"switchback.backfill/v1\"
table = \"users\"

[set]
email = \"lower(name) || '@example.org'\"
";

/// What one row should have, as SQL.
pub(crate) const WANTED: &str = "lower(name) || '@example.org'";

/// Flags for a machine that is busy with other tests: nothing that they do slows this one down.
pub(crate) const FREE: &str = "--limit probe=off --limit statements=off --limit active-sessions=off \
     --limit wal-queue=off --limit archiver-queue=off --limit autovacuum=off \
     --limit oldest-snapshot=off --limit replication-lag=off";

/// A row that was written: its key, name and email.
pub(crate) type Row = (i64, String, Option<String>);

/// A project with one environment, `staging`, whose database has rows.
pub(crate) struct Place {
    pub(crate) cli: Cli,
    store: Store,
}

enum Store {
    Server(Box<RefCell<Client>>),
    File(PathBuf),
}

// A row whose name begins with `bad` can have no email.
const TABLE: &str = "(id BIGINT PRIMARY KEY, name TEXT NOT NULL, email TEXT,
      CONSTRAINT no_bad_ones CHECK (name NOT LIKE 'bad%' OR email IS NULL))";
const ROW: &str = "x, 'User ' || x, CASE WHEN x % 3 = 0 THEN 'Old ' || x END";

impl Place {
    pub(crate) fn on_postgres() -> Self {
        let server = switchback_testkit::postgres::server().unwrap();
        let url = server.database().unwrap();
        let mut client = Client::connect(&url, NoTls).unwrap();
        client
            .batch_execute(&format!("CREATE TABLE users {TABLE}"))
            .unwrap();
        let mut cli = with_settings(ON_POSTGRES);
        cli.set("SWITCHBACK_DATABASE_URL_STAGING", &url);
        Self::of(cli, Store::Server(Box::new(RefCell::new(client))))
    }

    pub(crate) fn in_a_file() -> Self {
        let cli = with_settings(&on_sqlite());
        let path = cli.folder().join("staging.db");
        let file = rusqlite::Connection::open(&path).unwrap();
        file.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))
            .unwrap();
        let table = TABLE.replace("BIGINT", "INTEGER");
        file.execute_batch(&format!("CREATE TABLE users {table}"))
            .unwrap();
        Self::of(cli, Store::File(path))
    }

    fn of(cli: Cli, store: Store) -> Self {
        cli.write("backfills/emails.toml", FILL).unwrap();
        let place = Self { cli, store };
        place.insert(ROWS);
        assert_eq!(place.run("ledger create").code, 0);
        place
    }

    /// Adds rows up to this one.
    pub(crate) fn insert(&self, upto: i64) {
        let from = self.number("SELECT coalesce(max(id), 0) + 1 FROM users");
        self.execute(&match self.store {
            Store::Server(_) => format!(
                "INSERT INTO users SELECT {ROW} FROM generate_series({from}, {upto}) AS it (x); \
                 ANALYZE users"
            ),
            Store::File(_) => format!(
                "WITH RECURSIVE it (x) AS (SELECT {from} UNION ALL SELECT x + 1 FROM it \
                   WHERE x < {upto}) INSERT INTO users SELECT {ROW} FROM it"
            ),
        });
    }

    pub(crate) fn is_on_server(&self) -> bool {
        matches!(self.store, Store::Server(_))
    }

    pub(crate) fn execute(&self, sql: &str) {
        match &self.store {
            Store::Server(client) => client.borrow_mut().batch_execute(sql).unwrap(),
            Store::File(_) => self.file().execute_batch(sql).unwrap(),
        }
    }

    pub(crate) fn number(&self, sql: &str) -> i64 {
        match &self.store {
            Store::Server(client) => {
                let sql = format!("SELECT ({sql})::bigint");
                client.borrow_mut().query_one(&sql, &[]).unwrap().get(0)
            }
            Store::File(_) => self.file().query_row(sql, [], |row| row.get(0)).unwrap(),
        }
    }

    fn file(&self) -> rusqlite::Connection {
        let Store::File(path) = &self.store else {
            panic!("it is on a server");
        };
        let file = rusqlite::Connection::open(path).unwrap();
        file.busy_timeout(crate::process::DEADLINE).unwrap();
        file
    }

    /// All rows.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let sql = "SELECT id, name, email FROM users ORDER BY id";
        match &self.store {
            Store::Server(client) => {
                let rows = client.borrow_mut().query(sql, &[]).unwrap();
                rows.iter()
                    .map(|row| (row.get(0), row.get(1), row.get(2)))
                    .collect()
            }
            Store::File(_) => {
                let file = self.file();
                let mut found = file.prepare(sql).unwrap();
                let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
                rows.unwrap().map(Result::unwrap).collect()
            }
        }
    }

    /// How many rows have what they should.
    pub(crate) fn filled(&self) -> i64 {
        self.number(&format!(
            "SELECT count(*) FROM users WHERE email = {WANTED}"
        ))
    }

    /// A control table: `""`, `"_range"`, `"_undo"`.
    pub(crate) fn control(&self, which: &str) -> String {
        match self.store {
            Store::Server(_) => format!("_switchback.backfill{which}"),
            Store::File(_) => format!("_switchback_backfill{which}"),
        }
    }

    /// Whether there are control tables.
    pub(crate) fn has_control(&self) -> bool {
        let sql = match self.store {
            Store::Server(_) => {
                "SELECT count(*) FROM pg_class WHERE relname = 'backfill' AND relkind = 'r'"
            }
            Store::File(_) => {
                "SELECT count(*) FROM sqlite_schema WHERE name = '_switchback_backfill'"
            }
        };
        self.number(sql) > 0
    }

    /// How many ranges are on lease.
    pub(crate) fn leased(&self) -> i64 {
        let ranges = self.control("_range");
        self.number(&format!(
            "SELECT count(*) FROM {ranges} WHERE status = 'leased'"
        ))
    }

    /// Time passes for whoever held a lease and is gone.
    pub(crate) fn let_leases_run_out(&self) {
        if !self.has_control() {
            return;
        }
        let past = match self.store {
            Store::Server(_) => "clock_timestamp() - interval '1 second'",
            Store::File(_) => "0",
        };
        let ranges = self.control("_range");
        self.execute(&format!(
            "UPDATE {ranges} SET lease_until = {past} WHERE status = 'leased'"
        ));
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        run(&self.cli, line)
    }

    /// A run that must end so; its output.
    pub(crate) fn ends(&self, line: &str, code: i32) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, code, "{line}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// A run that must end so, with these parts in what it says.
    pub(crate) fn says(&self, line: &str, code: i32, parts: &[&str]) -> String {
        let ran = self.ends(line, code);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        let one_line = all.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(one_line.contains(part), "{line}: {part}: {all}");
        }
        all
    }

    /// The document of a run that must end so.
    pub(crate) fn json(&self, line: &str, code: i32) -> Value {
        let ran = self.ends(&format!("{line} --format json"), code);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{line}: {ran:?}"))
    }

    /// Where the backfill stands.
    pub(crate) fn status(&self) -> Value {
        self.json("backfill status emails --env staging", 0)
    }

    /// Runs the backfill to its end.
    pub(crate) fn fill(&self) {
        self.ends(&format!("backfill run emails --env staging {FREE}"), 0);
    }

    /// Undoes it, whatever is in the way.
    pub(crate) fn undo(&self, code: i32) -> Value {
        self.json(
            &format!("backfill undo emails --env staging --yes {FREE}"),
            code,
        )
    }
}

/// What rows should become.
pub(crate) fn oracle(rows: &[Row]) -> Vec<Row> {
    rows.iter()
        .map(|(id, name, _)| {
            let email = format!("{}@example.org", name.to_lowercase());
            (*id, name.clone(), Some(email))
        })
        .collect()
}
