//! A small shop to try things in: a git repository with settings, a GitOps repository, a SQLite
//! database for each of two environments and a ledger. Staging forgets a replaced version after a
//! millisecond, production keeps it for a day.
//!
//! [`Shop::copy`] gives an equal shop, ledger included, so that the same thing can be done to many.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "no test file uses everything"
)]
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

pub(crate) mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use switchback_testkit::cli::{Cli, Ran};
use switchback_testkit::postgres;

/// The change that [`Shop::plan_change`] makes.
pub(crate) const CHANGE: &str = "rename-users-email-addr";

/// How long a test waits for something that must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Rows of each database, unless something else is asked for. With [`BATCH`] a fill has several
/// batches.
pub(crate) const ROWS: u32 = 200;

const BATCH: u32 = 60;

/// Where the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Sqlite,
    Postgresql,
}

/// Who keeps the columns in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    Triggers,
    Application,
}

pub(crate) struct Shop {
    pub(crate) cli: Cli,
    /// The database with the ledger, if it is in PostgreSQL.
    pub(crate) ledger_url: Option<String>,
}

impl Shop {
    /// Version 1.0.0 runs in both environments, and no change is planned.
    pub(crate) fn new(keep: Keep) -> Self {
        Self::with_rows(keep, ROWS)
    }

    pub(crate) fn with_rows(keep: Keep, rows: u32) -> Self {
        let mut shop = Self {
            cli: Cli::new(binary()).unwrap(),
            ledger_url: None,
        };
        let gitops = shop.gitops();
        for environment in ["staging", "production"] {
            let folder = gitops.join("envs").join(environment);
            fs::create_dir_all(&folder).unwrap();
            fs::write(
                folder.join("values.yaml"),
                format!("# {environment}\napp:\n  version: 1.0.0  # moved by switchback\n"),
            )
            .unwrap();
            let path = shop.database(environment);
            let database = Connection::open(path).unwrap();
            database
                .execute_batch(&format!(
                    "CREATE TABLE users(
                       id integer PRIMARY KEY,
                       name text NOT NULL,
                       -- In the order in which SQLite writes a NOT NULL that comes back.
                       email_addr text UNIQUE NOT NULL);
                     WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {rows})
                     INSERT INTO users(name, email_addr)
                     SELECT 'n' || x, 'u' || x || '@example.org' FROM n;"
                ))
                .unwrap();
        }
        shop.git(&gitops, &["init", "-q", "-b", "main"]);
        shop.commit(&gitops, "chore: start");
        let top = shop.cli.folder();
        shop.cli.write(".gitignore", "*.db*\n").unwrap();
        shop.git(&top, &["init", "-q", "-b", "main"]);
        shop.commit(&top, "feat: start");
        // The project's name, which is also the name of the ledger's key.
        shop.git(
            &top,
            &["remote", "add", "origin", "git@example.org:team/shop.git"],
        );
        let ran = shop.run("init");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let written = shop.cli.read("switchback.toml").unwrap();
        let verifier = written
            .lines()
            .find(|line| line.starts_with("verifier = "))
            .unwrap();
        let store = match keep {
            Keep::Sqlite => ".switchback/ledger.db",
            Keep::Postgresql => "postgresql",
        };
        let settings = settings(store, verifier);
        shop.cli.write("switchback.toml", settings).unwrap();
        if keep == Keep::Postgresql {
            fs::remove_file(top.join(".switchback/ledger.db")).unwrap();
            let url = postgres::server().unwrap().database().unwrap();
            shop.use_ledger(url);
            let ran = shop.run("ledger create");
            assert_eq!(ran.code, 0, "{}", ran.stderr);
        }
        shop.commit(&top, "chore: switchback");
        shop.ok("release record --version 1.0.0");
        for environment in ["staging", "production"] {
            shop.ok(&format!("promote --version 1.0.0 --env {environment}"));
        }
        shop
    }

    fn use_ledger(&mut self, url: String) {
        self.cli.set("SWITCHBACK_LEDGER_URL", &url);
        self.ledger_url = Some(url);
    }

    /// Plans the rename of `users.email_addr` and commits its folder.
    pub(crate) fn plan_change(&self, sync: Sync) {
        let sync = match sync {
            Sync::Triggers => "triggers",
            Sync::Application => "application",
        };
        self.ok(&format!(
            "change new rename-column --table users --from email_addr --to email --sync {sync}"
        ));
        let file = format!("changes/{CHANGE}/change.toml");
        let text = self.cli.read(&file).unwrap();
        let small = text.replace("batch-rows = 1000", &format!("batch-rows = {BATCH}"));
        assert_ne!(text, small);
        self.cli.write(&file, small).unwrap();
        self.commit(&self.cli.folder(), "feat: plan the rename");
    }

    /// Walks a change that drops something in staging to its end.
    pub(crate) fn drops(&self, ask: &str, id: &str) {
        self.ok(&format!("change new {ask} --id {id}"));
        self.commit(&self.cli.folder(), "feat: plan a drop");
        self.ok(&format!("change apply {id} --env staging"));
        for (version, step) in [("1.1.0", "stop-reads"), ("1.2.0", "stop-writes")] {
            self.code_of(id, step);
            self.ok(&format!("release record --version {version}"));
            self.deploy(version, "staging");
        }
        self.wait_for_window();
        self.ok(&format!("change apply {id} --env staging --yes"));
    }

    /// Commits code that is at `step` and records it as a release.
    pub(crate) fn release(&self, version: &str, step: &str) {
        self.code_at(step);
        self.ok(&format!("release record --version {version}"));
    }

    /// Commits code that is at `step`.
    pub(crate) fn code_at(&self, step: &str) {
        self.code_of(CHANGE, step);
    }

    /// Commits code that is at `step` of a change.
    pub(crate) fn code_of(&self, change: &str, step: &str) {
        let file = format!("changes/{change}/change.toml");
        let text = self.cli.read(&file).unwrap();
        let code = text
            .lines()
            .find(|line| line.starts_with("code = "))
            .unwrap();
        let moved = text.replacen(code, &format!("code = \"{step}\""), 1);
        self.cli.write(&file, moved).unwrap();
        self.commit(&self.cli.folder(), &format!("feat: {step}"));
    }

    /// Promotes a version and says that the rollout is finished.
    pub(crate) fn deploy(&self, version: &str, environment: &str) {
        self.ok(&format!("promote --version {version} --env {environment}"));
        self.ok(&format!("rollout finish --env {environment}"));
    }

    /// Waits until staging has no rollback target any more.
    pub(crate) fn wait_for_window(&self) {
        let end = Instant::now() + DEADLINE;
        loop {
            let status = self.json("status --env staging");
            let targets = &status["environments"][0]["components"][0]["targets"];
            if targets.as_array().unwrap().is_empty() {
                return;
            }
            assert!(
                Instant::now() < end,
                "the rollback window does not end: {status}"
            );
            // Between two looks: each is a process of its own.
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    // ---- places ----

    pub(crate) fn gitops(&self) -> PathBuf {
        self.cli.folder().parent().unwrap().join("gitops")
    }

    pub(crate) fn database(&self, environment: &str) -> PathBuf {
        self.cli.folder().join(format!("{environment}.db"))
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.cli.folder().join(".switchback/ledger.db")
    }

    pub(crate) fn values(&self, environment: &str) -> PathBuf {
        self.gitops()
            .join("envs")
            .join(environment)
            .join("values.yaml")
    }

    /// An equal shop in another folder.
    pub(crate) fn copy(&self) -> Self {
        let mut copy = Self {
            cli: Cli::new(binary()).unwrap(),
            ledger_url: None,
        };
        copy_folder(&self.cli.folder(), &copy.cli.folder());
        copy_folder(&self.gitops(), &copy.gitops());
        if let Some(url) = &self.ledger_url {
            let template = url.rsplit('/').next().unwrap();
            copy.use_ledger(postgres::server().unwrap().database_from(template).unwrap());
        }
        copy
    }

    // ---- commands ----

    /// Runs git and gives its output.
    pub(crate) fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        self.cli.isolate(&mut git);
        let output = git.current_dir(folder).args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn commit(&self, folder: &Path, message: &str) {
        self.git(folder, &["add", "-A"]);
        self.git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// Runs a command line without quotes.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.cli.run(line.split_whitespace()).unwrap()
    }

    /// Runs a command line that must go well; its stdout.
    pub(crate) fn ok(&self, line: &str) -> String {
        self.ok_with(line.split_whitespace(), line)
    }

    /// The same for arguments with blanks.
    pub(crate) fn ok_with<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        arguments: I,
        shown: &str,
    ) -> String {
        let ran = self.cli.run(arguments).unwrap();
        assert_eq!(ran.code, 0, "{shown}:\n{}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// Runs a command line that must go well with `--format json`.
    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --format json"))).unwrap()
    }

    /// Runs a command line that must be refused with this exit code and code, with a hint, with
    /// nothing on stdout, and without leaving a trace. Gives stderr.
    pub(crate) fn refused(&self, line: &str, exit: i32, code: &str) -> String {
        self.refused_with(line.split_whitespace(), line, exit, code)
    }

    pub(crate) fn refused_with<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        arguments: I,
        shown: &str,
        exit: i32,
        code: &str,
    ) -> String {
        let before = self.traces();
        let error = check_refused(&self.cli.run(arguments).unwrap(), shown, exit, code);
        assert_eq!(
            self.traces(),
            before,
            "{shown} left something half done: {error}"
        );
        error
    }

    /// The same where the ledger may hold what was intended, decided or refused; everything else
    /// must be as it was.
    pub(crate) fn refused_on_record(&self, line: &str, exit: i32, code: &str) -> String {
        let before = self.traces();
        let error = check_refused(&self.run(line), line, exit, code);
        let mut after = self.traces();
        after.ledger.clone_from(&before.ledger);
        assert_eq!(after, before, "{line} left something half done: {error}");
        error
    }

    // ---- what is there ----

    /// What a command that fails must leave alone.
    pub(crate) fn traces(&self) -> Traces {
        let databases = ["staging", "production"]
            .map(|environment| fs::read(self.database(environment)).unwrap_or_default());
        let git = |folder: &Path| {
            let script = "git rev-parse HEAD; git status --porcelain";
            let mut shell = Command::new("/bin/sh");
            self.cli.isolate(&mut shell);
            let output = shell.current_dir(folder).args(["-c", script]).output();
            output.map_or_else(
                |error| error.to_string(),
                |output| String::from_utf8_lossy(&output.stdout).into_owned(),
            )
        };
        Traces {
            ledger: match self.try_events() {
                Ok(events) => events.into_iter().map(|(id, _)| id).collect(),
                Err(error) => vec![error],
            },
            databases: databases.map(|bytes| (bytes.len(), checksum(&bytes))),
            git: [git(&self.cli.folder()), git(&self.gitops())],
        }
    }

    /// The events of the ledger with their ids, read around Switchback.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        self.try_events().unwrap()
    }

    fn try_events(&self) -> Result<Vec<(String, Value)>, String> {
        let rows: Vec<(String, Vec<u8>)> = match &self.ledger_url {
            Some(url) => {
                let mut client = ::postgres::Client::connect(url, ::postgres::NoTls)
                    .map_err(|error| error.to_string())?;
                let sql = "SELECT id, payload FROM switchback.entries ORDER BY idx";
                let rows = client.query(sql, &[]).map_err(|error| error.to_string())?;
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            None => {
                let ledger = read_only(&self.ledger()).map_err(|error| error.to_string())?;
                let sql = "SELECT id, payload FROM entries ORDER BY idx";
                let read = || {
                    let mut statement = ledger.prepare(sql)?;
                    statement
                        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                        .collect::<Result<Vec<_>, _>>()
                };
                read().map_err(|error| error.to_string())?
            }
        };
        rows.into_iter()
            .map(|(id, bytes)| match serde_json::from_slice(&bytes) {
                Ok(value) => Ok((id, value)),
                Err(error) => Err(error.to_string()),
            })
            .collect()
    }

    /// Everything that the ledger says was done: the action of each conclusion, in order.
    pub(crate) fn done(&self) -> Vec<String> {
        let events = self.events();
        let done = events.iter().filter(|(_, event)| {
            event["event"] == "concluded" && event["conclusion"]["conclusion"] == "done"
        });
        done.map(|(_, event)| format!("{} {}", event["environment"], event["action"]))
            .collect()
    }

    /// Fails if there is an intent without a conclusion.
    pub(crate) fn check_no_open_intent(&self) {
        let events = self.events();
        let of_kind = |kind: &str| {
            events
                .iter()
                .filter(|(_, event)| event["event"] == kind)
                .collect::<Vec<_>>()
        };
        let intended: BTreeSet<String> = of_kind("intended")
            .into_iter()
            .map(|(id, _)| id.clone())
            .collect();
        let concluded: Vec<String> = of_kind("concluded")
            .into_iter()
            .map(|(_, event)| event["intent"].as_str().unwrap().to_owned())
            .collect();
        let once: BTreeSet<String> = concluded.iter().cloned().collect();
        assert_eq!(once.len(), concluded.len(), "an intent was concluded twice");
        assert_eq!(once, intended, "an intent is open");
    }

    /// Everything that must be the same after an interrupted run as after one that was not.
    pub(crate) fn state(&self) -> State {
        let gitops = self.gitops();
        let log = self.git(
            &gitops,
            &[
                "log",
                "--format=%H %(trailers:key=Switchback-Intent,valueonly,separator=%x20)",
            ],
        );
        let intents: Vec<String> = log
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(_, intent)| intent.trim().to_owned())
            .filter(|intent| !intent.is_empty())
            .collect();
        let once: BTreeSet<&String> = intents.iter().collect();
        assert_eq!(
            once.len(),
            intents.len(),
            "two commits carry out one intent: {log}"
        );
        assert_eq!(
            self.git(&gitops, &["status", "--porcelain"]),
            "",
            "a dirty work tree"
        );
        let verified = self.json("ledger verify");
        assert_eq!(verified["sound"], true, "{verified}");
        self.check_no_open_intent();
        let status = without_times(self.json("status"));
        for environment in status["environments"].as_array().unwrap() {
            assert_eq!(environment["unfinished"], serde_json::json!([]), "{status}");
        }
        State {
            databases: ["staging", "production"]
                .into_iter()
                .map(|environment| (environment.to_owned(), dump(&self.database(environment))))
                .collect(),
            values: self.git(&gitops, &["ls-tree", "-r", "main"]),
            commits: log.lines().count(),
            intents: intents.len(),
            status,
            change_status: without_times(self.json("change status")),
            done: self.done(),
        }
    }
}

/// The binary as it was when the first shop was made. Another build may put one with other features
/// in its place while tests run; the open file stays what it is.
fn binary() -> PathBuf {
    static BINARY: OnceLock<fs::File> = OnceLock::new();
    let path = env!("CARGO_BIN_EXE_switchback");
    let file = BINARY.get_or_init(|| fs::File::open(path).unwrap());
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()).into()
}

/// See [`Shop::traces`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traces {
    pub(crate) ledger: Vec<String>,
    pub(crate) databases: [(usize, u64); 2],
    pub(crate) git: [String; 2],
}

/// See [`Shop::state`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) databases: BTreeMap<String, Vec<String>>,
    values: String,
    commits: usize,
    intents: usize,
    pub(crate) status: Value,
    change_status: Value,
    pub(crate) done: Vec<String>,
}

fn settings(store: &str, verifier: &str) -> String {
    let environment = |name: &str, window: &str| {
        format!(
            "\n[[environment]]\nname = \"{name}\"\nrollback-window = \"{window}\"\n\
             database = {{ engine = \"sqlite\", path = \"{name}.db\" }}\n\
             values = {{ repository = \"../gitops\", file = \"envs/{name}/values.yaml\" }}\n"
        )
    };
    format!(
        "schema = 1\n\n[project]\nname = \"shop\"\n\n[ledger]\nstore = \"{store}\"\n{verifier}\n\n\
         [[component]]\nname = \"app\"\n{}{}",
        environment("staging", "1ms"),
        environment("production", "24h")
    )
}

/// Fails unless the run ended with this exit code, said the code, a hint and the page, and wrote
/// no data. Gives stderr.
pub(crate) fn check_refused(ran: &Ran, shown: &str, exit: i32, code: &str) -> String {
    let error = &ran.stderr;
    assert_eq!(ran.code, exit, "{shown}: {}{error}", ran.stdout);
    assert!(
        error.contains(&format!("error[{code}]")),
        "{shown}: no {code}: {error}"
    );
    assert!(error.contains("hint: "), "{shown}: no hint: {error}");
    assert!(
        error.contains(&format!("explain {code}")),
        "{shown}: {error}"
    );
    error.clone()
}

pub(crate) fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// The schema and all rows of a database, control tables included, without moments and without
/// how many batches it took, by whom.
pub(crate) fn dump(path: &Path) -> Vec<String> {
    let database = read_only(path).unwrap();
    let query = |sql: &str| -> Vec<String> {
        let mut statement = database.prepare(sql).unwrap();
        let columns = statement.column_count();
        statement
            .query_map([], |row| {
                let shown = (0..columns).map(|at| {
                    Ok(match row.get_ref(at)? {
                        ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
                        other => format!("{other:?}"),
                    })
                });
                Ok(shown.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
            })
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap()
    };
    let mut dumped =
        query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name");
    let tables = query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    for table in tables {
        let table = table.trim_matches('\'');
        let except = [
            "applied_at",
            "started_at",
            "finished_at",
            "batches",
            "worked_us",
            "attempts",
            "worker",
            "lease_until",
            "epoch",
            // What is kept of a batch takes some bytes more than that of half of it.
            "undo_bytes",
        ];
        // Former values are kept batch by batch; that they are right is seen when they are put back.
        if table == "_switchback_backfill_undo" {
            dumped.push(format!("{table}: \"rows\""));
            dumped.extend(query(&format!(
                "SELECT job, sum(rows), sum(restored) FROM {table} GROUP BY job"
            )));
            continue;
        }
        let columns: Vec<String> = query(&format!(
            "SELECT name FROM pragma_table_info('{}')",
            table.replace('\'', "''")
        ))
        .into_iter()
        .map(|name| name.trim_matches('\'').to_owned())
        .filter(|name| !(table.starts_with("_switchback_") && except.contains(&name.as_str())))
        .map(|name| format!("\"{}\"", name.replace('"', "\"\"")))
        .collect();
        let columns = columns.join(", ");
        let name = table.replace('"', "\"\"");
        dumped.push(format!("{table}: {columns}"));
        dumped.extend(query(&format!(
            "SELECT {columns} FROM \"{name}\" ORDER BY {columns}"
        )));
    }
    assert_eq!(query("PRAGMA integrity_check"), ["'ok'"]);
    dumped
}

/// The same without what Switchback remembers.
pub(crate) fn dump_without_control(path: &Path) -> Vec<String> {
    without_control(&dump(path))
}

/// The lines of a [`dump`] that are not about control tables.
pub(crate) fn without_control(dumped: &[String]) -> Vec<String> {
    let mut inside = false;
    dumped
        .iter()
        .filter(|line| {
            if let Some((table, columns)) = line.split_once(": ")
                && columns.starts_with('"')
            {
                inside = table.starts_with("_switchback_");
            }
            !inside && !line.contains("_switchback_")
        })
        .cloned()
        .collect()
}

fn without_times(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            // Steps carry `at` too, a list.
            fields.retain(|name, value| {
                !(["since", "until", "left"].contains(&name.as_str())
                    || name == "at" && value.is_string())
            });
            for field in fields.values_mut() {
                *field = without_times(field.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = without_times(item.take());
            }
        }
        _ => {}
    }
    value
}

fn checksum(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
