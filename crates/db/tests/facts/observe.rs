//! What a server does while a statement runs: locks, files, messages and scans.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use postgres::{Client, Config, NoTls, Statement};
use switchback_migration::Engine;
use switchback_migration::facts::Mode;
use switchback_migration::sql::ir::Name;
use switchback_migration::sql::parse;

/// A piece of work that was seen, or is claimed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    /// A table was written anew.
    Rewrite(Name),
    /// A table was read and checked.
    Scan(Name),
    /// A table's rows were looked up in another one.
    ForeignKey(Name, Name),
    /// An index was built.
    Build(Name),
    /// An index was built whose name is not claimed, on this table.
    BuildOn(Name),
    /// Constraints of a table were found to be enough.
    Proof(Name),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Rewrite(table) => write!(f, "rewrite of {table}"),
            Seen::Scan(table) => write!(f, "scan of {table}"),
            Seen::ForeignKey(table, other) => write!(f, "look-up of {table} in {other}"),
            Seen::Build(index) => write!(f, "build of {index}"),
            Seen::BuildOn(table) => write!(f, "build on {table}"),
            Seen::Proof(table) => write!(f, "proof for {table}"),
        }
    }
}

/// What was seen of one or several statements.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    /// Why the server refused.
    pub refused: Option<String>,
    /// The strongest lock on each relation that was there before, and whether it is an index.
    pub locks: BTreeMap<Name, (Mode, bool)>,
    pub work: BTreeSet<Seen>,
    /// The tables that were there before and were read from one end to the other, and how often
    /// anything was read from them.
    pub read: BTreeMap<Name, i64>,
    /// Which foreign keys could have been meant: so many messages, and the tables that have them.
    pub ambiguous: Vec<(usize, Vec<(Name, Name)>)>,
    /// The tables of the indexes that were built.
    pub tables: BTreeMap<Name, Name>,
    /// Messages that are none of the ones that are known.
    pub other: Vec<String>,
    /// The same after each statement, if there are several: everything until then.
    pub steps: Vec<Observed>,
}

/// A relation as it was before.
struct Before {
    name: Name,
    index: bool,
    file: Option<String>,
}

/// A connection that is watched.
pub(crate) struct Observer {
    pub client: Client,
    notices: Arc<Mutex<Vec<String>>>,
    before: BTreeMap<String, Before>,
    /// The relations that are looked at, as a regular expression; looking at all takes time.
    pub about: String,
    /// The question, prepared: it is asked for every case.
    relations: Statement,
}

const RELATIONS: &str = "
    SELECT c.oid::text, n.nspname, c.relname, c.relkind IN ('i', 'I'),
           pg_relation_filenode(c.oid)::text, coalesce(pg_stat_get_xact_numscans(c.oid), 0),
           tn.nspname, t.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_class t ON t.oid = i.indrelid
    LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'i', 'I') AND c.relname ~ $1";

const LOCKS: &str = "
    SELECT relation::text, mode FROM pg_locks
    WHERE pid = $1 AND locktype = 'relation'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

impl Observer {
    pub(crate) fn connect(url: &str) -> Self {
        let notices = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&notices);
        let mut config: Config = url.parse().unwrap();
        config.notice_callback(move |notice| {
            let text = format!("{}: {}", notice.severity(), notice.message());
            sink.lock().unwrap().push(text);
        });
        let mut client = config.connect(NoTls).unwrap();
        Self {
            relations: client.prepare(RELATIONS).unwrap(),
            client,
            notices,
            before: BTreeMap::new(),
            about: String::new(),
        }
    }

    /// Takes note of what there is. Anything that is made later is left out.
    pub(crate) fn remember(&mut self) {
        self.before = self.relations().0;
    }

    fn relations(&mut self) -> (BTreeMap<String, Before>, BTreeMap<String, (i64, Name)>) {
        let mut all = BTreeMap::new();
        let mut more = BTreeMap::new();
        for row in self.client.query(&self.relations, &[&self.about]).unwrap() {
            let oid: String = row.get(0);
            let name = Name::qualified(row.get::<_, String>(1), row.get::<_, String>(2));
            let table = row
                .get::<_, Option<String>>(6)
                .map(|schema| Name::qualified(schema, row.get::<_, String>(7)));
            more.insert(oid.clone(), (row.get(5), table.unwrap_or(name.clone())));
            let before = Before {
                name,
                index: row.get(3),
                file: row.get(4),
            };
            all.insert(oid, before);
        }
        (all, more)
    }

    /// Runs statements in a transaction that is rolled back.
    pub(crate) fn run(&mut self, sql: &str) -> Observed {
        let observed = self.watch(sql);
        self.client.batch_execute("ROLLBACK").unwrap();
        observed
    }

    /// Runs statements in a transaction that is kept.
    pub(crate) fn run_and_keep(&mut self, sql: &str) -> Observed {
        let mut observed = self.watch(sql);
        let end = self.client.batch_execute("COMMIT");
        if let Err(error) = end {
            observed.refused = Some(refusal(&error));
        }
        observed
    }

    fn watch(&mut self, sql: &str) -> Observed {
        self.client.batch_execute("BEGIN").unwrap();
        let scans = self.relations().1;
        self.notices.lock().unwrap().clear();
        let mut steps = Vec::new();
        for one in statements(sql) {
            match self.step(one, &scans) {
                Ok(step) => steps.push(step),
                Err(error) => {
                    return Observed {
                        refused: Some(refusal(&error)),
                        ..Observed::default()
                    };
                }
            }
        }
        let mut observed = steps.last().cloned().unwrap_or_default();
        if steps.len() > 1 {
            observed.steps = steps;
        }
        observed
    }

    /// Runs one more statement, and says what came of all so far.
    fn step(
        &mut self,
        sql: &str,
        scans: &BTreeMap<String, (i64, Name)>,
    ) -> Result<Observed, postgres::Error> {
        let verbose = "SET LOCAL client_min_messages = debug1";
        self.client.batch_execute(verbose).unwrap();
        self.client.batch_execute(sql)?;
        let quiet = "SET LOCAL client_min_messages = notice";
        self.client.batch_execute(quiet).unwrap();
        let mut observed = Observed::default();
        let pid = self.pid();
        let locks = locks_of(&mut self.client, pid);
        self.locks(&locks, &mut observed);
        self.work(scans, &mut observed);
        Ok(observed)
    }

    pub(crate) fn pid(&mut self) -> i32 {
        self.client
            .query_one("SELECT pg_backend_pid()", &[])
            .unwrap()
            .get(0)
    }

    /// Keeps the locks on what was there before; of an index only those that whoever reads or
    /// writes its table does not take.
    pub(crate) fn locks(&self, held: &[(String, String)], observed: &mut Observed) {
        for (oid, mode) in held {
            let Some(before) = self.before.get(oid) else {
                continue;
            };
            let mode = Mode::ALL
                .into_iter()
                .find(|it| it.in_pg_locks() == mode)
                .unwrap();
            if before.index && mode <= Mode::RowExclusive {
                continue;
            }
            let strongest = observed
                .locks
                .entry(before.name.clone())
                .or_insert((mode, before.index));
            strongest.0 = strongest.0.max(mode);
        }
    }

    /// Reads files, scans and messages.
    pub(crate) fn work(&mut self, scans: &BTreeMap<String, (i64, Name)>, observed: &mut Observed) {
        let notices = self.notices.lock().unwrap().clone();
        let (now, more) = self.relations();
        for (oid, before) in &self.before {
            let Some(after) = now.get(oid) else {
                continue;
            };
            if after.file != before.file && before.file.is_some() {
                observed.work.insert(if before.index {
                    let table = more[oid].1.clone();
                    observed.tables.insert(before.name.clone(), table);
                    Seen::Build(before.name.clone())
                } else {
                    Seen::Rewrite(before.name.clone())
                });
            }
            let (then, now) = (scans.get(oid), more.get(oid));
            if let (Some((then, _)), Some((now, _))) = (then, now)
                && now > then
                && !before.index
            {
                observed.read.insert(before.name.clone(), now - then);
            }
        }
        // Names as they were when the message came: before or after.
        let locked = observed.locks.clone();
        let named = |name: &str| {
            let all = self.before.values().chain(now.values());
            let all = all.map(|it| &it.name).filter(|it| it.name == name);
            // Of several schemas that have it, the one that is worked on.
            all.max_by_key(|it| locked.contains_key(*it)).cloned()
        };
        let table_of = |index: &str| {
            let found = now.iter().find(|(_, it)| it.index && it.name.name == index);
            found.map(|(oid, it)| (it.name.clone(), more[oid].1.clone()))
        };
        let mut keys: BTreeMap<String, usize> = BTreeMap::new();
        for notice in notices {
            let (_, text) = notice.split_once(": ").unwrap();
            let mut quoted = text.split('"').skip(1).step_by(2);
            let first = quoted.next().unwrap_or_default();
            if first.starts_with("pg_toast_") {
                continue;
            }
            // What is built beside an index takes its name in the end.
            let first = first.strip_suffix("_ccnew").unwrap_or(first);
            let full = || named(first).unwrap_or_else(|| Name::plain(first));
            if text.starts_with("rewriting table ") {
                observed.work.insert(Seen::Rewrite(full()));
            } else if text.starts_with("verifying table ") {
                observed.work.insert(Seen::Scan(full()));
            } else if text.starts_with("building index ") {
                let (index, table) = table_of(first).unwrap_or_else(|| (full(), Name::plain("")));
                observed.tables.insert(index.clone(), table);
                observed.work.insert(Seen::Build(index));
            } else if text.starts_with("validating foreign key constraint ") {
                *keys.entry(first.to_owned()).or_default() += 1;
            } else if text.starts_with("existing constraints on column ") {
                let table = first.rsplit_once('.').map_or(first, |(table, _)| table);
                let table = named(table).unwrap_or_else(|| Name::plain(table));
                observed.work.insert(Seen::Proof(table));
            } else if text.contains("partition constraint for ") && text.contains(" is implied by ")
            {
                observed.work.insert(Seen::Proof(full()));
            } else if !is_idle(&notice, text) {
                observed.other.push(notice);
            }
        }
        for (name, count) in keys {
            observed.ambiguous.push((count, self.foreign_keys(&name)));
        }
    }

    /// The foreign keys of a name that hold for the rows of a table: the table, and the other one.
    fn foreign_keys(&mut self, name: &str) -> Vec<(Name, Name)> {
        let sql = "
            SELECT DISTINCT n.nspname::text, c.relname::text, rn.nspname::text, r.relname::text
            FROM pg_constraint k
            JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
            WHERE k.contype = 'f' AND k.conname = $1 AND c.relkind = 'r' AND k.convalidated";
        let rows = self.client.query(sql, &[&name]).unwrap();
        rows.iter()
            .map(|row| {
                let name =
                    |at| Name::qualified(row.get::<_, String>(at), row.get::<_, String>(at + 1));
                (name(0), name(2))
            })
            .collect()
    }

    /// Everything that was noted so far.
    pub(crate) fn scans(&mut self) -> BTreeMap<String, (i64, Name)> {
        self.relations().1
    }

    pub(crate) fn forget_notices(&mut self) {
        self.notices.lock().unwrap().clear();
    }
}

/// The relation locks of a session: the relation's id and the mode.
pub(crate) fn locks_of(client: &mut Client, pid: i32) -> Vec<(String, String)> {
    let rows = client.query(LOCKS, &[&pid]).unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

pub(crate) fn refusal(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}

/// The statements of a text, each whole: one that stands in another is part of that.
fn statements(sql: &str) -> Vec<&str> {
    let mut spans: Vec<std::ops::Range<usize>> = Vec::new();
    for statement in parse(sql, Engine::Postgres) {
        if spans.last().is_none_or(|it| it.end < statement.span.end) {
            spans.push(statement.span);
        }
    }
    spans.into_iter().map(|span| &sql[span]).collect()
}

/// Whether a message says nothing of locks and work.
fn is_idle(notice: &str, text: &str) -> bool {
    !notice.starts_with("DEBUG")
        || [
            "index \"",
            "drop auto-cascades",
            "drop cascades",
            "relation \"",
            "table \"",
            "rehashing",
            "EventTriggers",
            "analyzing",
            "vacuuming",
            "clustering",
            "moved",
            "CREATE TABLE",
            "ALTER TABLE",
        ]
        .iter()
        .any(|start| text.starts_with(start))
        || text.contains("will create implicit")
        || text.contains("wal_level")
}
