//! On SQLite a process dies by SIGKILL, at one of its changes to the file.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use switchback_db::rehearsal::bench::Trouble;
use switchback_db::sqlite::rehearsal::SqliteBench;
use switchback_db::sqlite::{DbError, Next, Options, SqliteDatabase};
use switchback_db::with_sources;
use switchback_migration::Definition;
use switchback_migration::drive::Probed;
use switchback_migration::operation::request::Request;
use switchback_migration::sqlite::rename::Mode;
use switchback_model::Effect;

use super::super::sqlite::{self as plain, files, planned, requests};
use super::drive::{Doer, Ended};
use super::places::{Effort, Places};
use super::tally::Tally;
use super::{Doomed, Site, Table, in_small_batches, is_wanted, now, rehearse_crashing};
use crate::killer::killer;

/// What the process that is killed has to do.
const WORK: &str = "SWITCHBACK_TEST_KILLED_WORK";
const SIGKILL: i32 = 9;

/// What a process that died had on lease is soon taken over.
fn options() -> Options {
    Options {
        lease: Duration::from_millis(100),
        ..Options::default()
    }
}

/// The file, what is done to it, and for which intent.
type Work = (PathBuf, Effect, String);

fn perform((path, effect, intent): &Work) -> Result<(), DbError> {
    let mut database = SqliteDatabase::open(path, options())?;
    database.carry_out(intent);
    let mut go_on = |_: &_| Next::Continue;
    match effect {
        Effect::Script(script) => database.run_script(script, "crashing", now()).map(drop),
        Effect::Fill(fill) => database.fill(fill, &mut go_on).map(drop),
        Effect::Unfill(fill) => database.unfill(fill, &mut go_on).map(drop),
        Effect::MoveValue(_) => Err(DbError::OtherEffect),
    }
}

/// The killed one: run by the others in a process of its own.
#[test]
fn the_process_that_is_killed() {
    let Ok(work) = std::env::var(WORK) else {
        return;
    };
    let work: Work = serde_json::from_str(&work).unwrap();
    if let Err(error) = perform(&work) {
        panic!("{}", with_sources(&error));
    }
}

struct File {
    path: PathBuf,
    folder: tempfile::TempDir,
    /// What the columns of primary keys are called, those that are gone included: a table that a
    /// contract keeps aside has the columns and no key.
    keys: BTreeSet<String>,
}

/// Who does what it has to in processes that may be killed.
struct Process<'a> {
    file: &'a File,
    /// Whether it is one of its own at all.
    apart: bool,
    place: Option<u32>,
    torn: bool,
    seen: u32,
}

impl Process<'_> {
    fn work(&self, effect: &Effect, intent: &str) -> Work {
        (self.file.path.clone(), effect.clone(), intent.to_owned())
    }

    fn open(&self) -> Result<SqliteDatabase, Ended> {
        SqliteDatabase::open(&self.file.path, options()).map_err(failed)
    }

    fn apart(&mut self, work: &Work) -> Result<(), Ended> {
        let count = self.file.folder.path().join("count");
        let at = self.place.map_or(0, |place| place - self.seen);
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::sqlite::the_process_that_is_killed"])
            .env(WORK, serde_json::to_string(work).unwrap())
            .env("LD_PRELOAD", killer())
            .env("KILLER_FILE", &self.file.path)
            .env("KILLER_AT", at.to_string())
            .env("KILLER_TORN", if self.torn { "1" } else { "0" })
            .env("KILLER_COUNT", &count)
            .output()
            .unwrap();
        if output.status.signal() == Some(SIGKILL) {
            return Err(Ended::Crashed);
        }
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stdout);
            let text = text.split("---- ").nth(1).unwrap_or(&text);
            return Err(Ended::Failed(text.trim().to_owned()));
        }
        let count: u32 = std::fs::read_to_string(count).unwrap().parse().unwrap();
        self.seen += count;
        Ok(())
    }
}

fn failed(error: DbError) -> Ended {
    Ended::Failed(with_sources(&error))
}

impl Doer for Process<'_> {
    fn probe(&mut self, effect: &Effect) -> Result<Probed, Ended> {
        self.open()?.probe(effect).map_err(failed)
    }

    fn perform(&mut self, effect: &Effect, intent: &str) -> Result<(), Ended> {
        let work = self.work(effect, intent);
        if self.apart {
            self.apart(&work)
        } else {
            perform(&work).map_err(failed)
        }
    }

    fn revoke(&mut self, effect: &Effect, intent: &str) -> Result<Probed, Ended> {
        let database = self.open()?;
        database.revoke(intent, effect, true).map_err(failed)
    }
}

impl Doomed for Process<'_> {
    fn places(&self) -> u32 {
        self.seen
    }
}

impl File {
    fn process(&self, apart: bool, place: Option<u32>, torn: bool) -> Process<'_> {
        Process {
            file: self,
            apart,
            place,
            torn,
            seen: 0,
        }
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        ValueRef::Blob(bytes) => format!("{bytes:?}"),
    }
}

impl Site for File {
    fn doer(&mut self) -> Box<dyn Doer + '_> {
        Box::new(self.process(false, None, false))
    }

    fn doomed(&mut self, place: Option<u32>, way: usize) -> Box<dyn Doomed + '_> {
        Box::new(self.process(true, place, way == 1))
    }

    fn ways(&self) -> usize {
        2
    }

    fn tables(&mut self) -> Result<BTreeMap<String, Table>, Trouble> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        let mut tables = connection.prepare(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_switchback\\_%' ESCAPE '\\'",
        )?;
        let tables = tables.query_map([], |row| row.get::<_, String>(0))?;
        let tables = tables.collect::<Result<Vec<_>, _>>()?;
        let mut all = BTreeMap::new();
        for name in tables {
            let mut keys =
                connection.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0")?;
            let keys = keys.query_map([&name], |row| row.get::<_, String>(0))?;
            let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
            self.keys.extend(keys.iter().cloned());
            let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\""))?;
            let columns = statement.column_names();
            let columns: Vec<String> = columns.map(str::to_owned).collect();
            if keys.is_empty() {
                let named = columns.iter().filter(|it| self.keys.contains(*it));
                keys.extend(named.cloned());
            }
            let mut found = statement.query([])?;
            let mut table = Table {
                keyed: !keys.is_empty(),
                rows: Vec::new(),
            };
            while let Some(row) = found.next()? {
                let mut key = Vec::new();
                let mut values = Vec::new();
                for (at, column) in columns.iter().enumerate() {
                    let value = shown(row.get_ref(at)?);
                    if keys.contains(column) {
                        key.push(value.clone());
                    }
                    values.push(format!("{column}: {value}"));
                }
                values.sort();
                table.rows.push((key.join(" "), values.join(", ")));
            }
            all.insert(name, table);
        }
        Ok(all)
    }

    fn check_marks(&mut self, definition: &Definition) -> Result<(), Trouble> {
        SqliteDatabase::open(&self.path, Options::default())?.check_marks(definition)?;
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if sound != "ok" {
            return Err(sound.into());
        }
        Ok(())
    }

    fn leftovers(&mut self) -> Result<Vec<String>, Trouble> {
        let connection = Connection::open(&self.path)?;
        // Where there was no fill there are no tables for it.
        let there = "SELECT 1 FROM sqlite_schema WHERE name = '_switchback_backfill'";
        let mut left: Vec<String> = Vec::new();
        if connection.prepare(there)?.exists([])? {
            let mut found = connection.prepare(
                "SELECT 'a fill, ' || status FROM _switchback_backfill
                 UNION ALL SELECT count(*) || ' ranges' FROM _switchback_backfill_range
                   HAVING count(*) > 0
                 UNION ALL SELECT count(*) || ' batches of former values'
                   FROM _switchback_backfill_undo HAVING count(*) > 0
                 UNION ALL SELECT count(*) || ' to be done again' FROM _switchback_backfill_rerun
                   HAVING count(*) > 0
                 UNION ALL SELECT count(*) || ' that have expired'
                   FROM _switchback_backfill_expiry HAVING count(*) > 0",
            )?;
            let found = found.query_map([], |row| row.get(0))?;
            left = found.collect::<Result<_, _>>()?;
        }
        let mut found = connection.prepare(
            "SELECT 'a mark of ' || step FROM _switchback_step
             UNION ALL SELECT 'the trigger ' || name FROM sqlite_schema WHERE type = 'trigger'
             UNION ALL SELECT 'kept aside: ' || name FROM sqlite_schema
               WHERE name LIKE '\\_switchback\\_%' ESCAPE '\\' AND type = 'table' AND name NOT IN
                 ('_switchback_format', '_switchback_step', '_switchback_revoked',
                  '_switchback_backfill_format', '_switchback_backfill',
                  '_switchback_backfill_range', '_switchback_backfill_undo',
                  '_switchback_backfill_error', '_switchback_backfill_rerun',
                  '_switchback_backfill_expiry')
             ORDER BY 1",
        )?;
        let found = found.query_map([], |row| row.get(0))?;
        left.extend(found.collect::<Result<Vec<String>, _>>()?);
        Ok(left)
    }
}

/// Every operation, and the rename once more with the application writing both names.
fn operations() -> Vec<(Request, Mode)> {
    let all = requests().into_iter().map(|it| (it, Mode::Triggers));
    all.chain([(plain::rename(), Mode::Application)]).collect()
}

/// The journal that the application has chosen.
const JOURNALS: [&str; 2] = ["delete", "wal"];

fn every_operation(effort: Effort, with_rows: impl Fn(usize) -> bool) -> Tally {
    let mut tally = Tally::default();
    for (number, (request, mode)) in operations().iter().enumerate() {
        let rows = with_rows(number);
        let folder = files(if rows { plain::ROWS } else { "" });
        let definition = in_small_batches(planned(&folder, request, *mode));
        // Each operation has either journal, once with rows and once without.
        let journal = JOURNALS[(number / 2 + usize::from(rows)) % 2];
        let filled = if rows { "rows" } else { "no rows" };
        let what = format!("{} on SQLite, {filled}, {journal}", definition.title);
        if !is_wanted(&what) {
            continue;
        }
        let path = folder.path().canonicalize().unwrap().join("copy.db");
        let connection = Connection::open(&path).unwrap();
        let set = format!("PRAGMA journal_mode = {journal}");
        connection.query_row(&set, [], |_| Ok(())).unwrap();
        drop(connection);
        let (bench, workload) = SqliteBench::open(&path, &definition).unwrap();
        let places = Places::new(effort, number as u64);
        let site = File {
            path,
            folder,
            keys: BTreeSet::new(),
        };
        let one = rehearse_crashing(bench, site, &definition, &workload, places, &what);
        tally.add(one);
    }
    tally
}

/// With rows and without by turns: both are tried without crashes too.
#[test]
fn every_operation_on_sqlite_at_some_places() {
    let tally = every_operation(Effort::Some { once_in: 2 }, |number| number % 2 == 0);
    println!("SQLite: {tally}");
    tally.assert_tried();
}

#[test]
#[ignore = "takes many minutes; the test above tries some places"]
fn every_place_on_sqlite_with_rows() {
    let tally = every_operation(Effort::Every, |_| true);
    println!("SQLite, rows: {tally}");
    assert!(tally.crashes >= 20 * tally.operations, "{tally}");
}

#[test]
#[ignore = "takes many minutes; the test above tries some places"]
fn every_place_on_sqlite_without_rows() {
    let tally = every_operation(Effort::Every, |_| false);
    println!("SQLite, no rows: {tally}");
    assert!(tally.crashes >= 20 * tally.operations, "{tally}");
}
