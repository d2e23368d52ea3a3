//! PostgreSQL: who waits, for what, and what is done meanwhile.

use switchback_migration::Engine;
use switchback_migration::facts::{Doubt, Facts, Mode, Work, WorkKind};
use switchback_migration::schema::Schema;
use switchback_migration::sql::ir::{self, Kind, Name};
use switchback_migration::sql::{self, split};
use switchback_migration::words::bytes as human;
use switchback_model::plan::Run;

use super::{Statement, rows_of};

/// What a statement does, and what stands inside of it.
#[derive(Default)]
struct Part {
    /// What others may have to wait for: how, and on what.
    locks: Vec<(Mode, String)>,
    /// What takes time: the words before and after those for who waits.
    work: Vec<(String, &'static str)>,
    /// What is said as it is.
    remarks: Vec<String>,
}

/// The statements of a script. What it makes and changes is in the schema from then on.
pub(super) fn script(schema: &mut Schema, major: u32, text: &str, run: Run) -> Vec<Statement> {
    // What an earlier script made is in use when this one runs.
    schema.begin_unit();
    let mut parts = Vec::new();
    for at in split::ranges(text, Engine::Postgres) {
        let mut part = Part::default();
        for one in sql::parse(&text[at.clone()], Engine::Postgres) {
            part.add(schema, major, &one);
            schema.apply(&one);
        }
        parts.push((at, part));
    }
    let told = |(number, (at, part)): (usize, &(ir::Span, Part))| {
        // A transaction holds every lock to its end, whatever took it.
        let (earlier, later) = match run {
            Run::Transaction | Run::Rebuild => (&parts[..number], &parts[number..]),
            Run::Statements => (&parts[..0], &parts[number..=number]),
        };
        let held: Vec<_> = earlier.iter().flat_map(|(_, it)| &it.locks).collect();
        let long = later.iter().any(|(_, it)| !it.work.is_empty());
        Statement {
            sql: text[at.clone()].to_owned(),
            end: at.end,
            does: part.lines(&held, long),
        }
    };
    parts.iter().enumerate().map(told).collect()
}

impl Part {
    fn add(&mut self, schema: &Schema, major: u32, statement: &ir::Statement) {
        let facts = Facts::of(statement, schema, major);
        for lock in &facts.locks {
            let entry = (lock.mode, short(schema, &lock.relation));
            let matters = !lock.new && !lock.index && lock.mode >= Mode::ShareUpdateExclusive;
            if matters && !self.locks.contains(&entry) {
                self.locks.push(entry);
            }
        }
        // Whoever writes a table anew writes its indexes anew and has looked at every row.
        let rewritten = |table: &Name| {
            let mut all = facts.work.iter();
            all.any(|work| work.kind == WorkKind::Rewrite && work.table == *table)
        };
        for work in facts.work.iter().filter(|work| !work.new) {
            let implied = matches!(work.kind, WorkKind::BuildIndex { .. } | WorkKind::Scan);
            if !(implied && rewritten(&work.table)) {
                self.work(schema, work);
            }
        }
        // A plain query of ours counts rows.
        if let (Kind::Select(query), true) = (&statement.kind, facts.work.is_empty()) {
            for table in &query.tables {
                let all = rows(schema, &schema.resolve(table));
                self.work.push((format!("reads {all}"), ""));
            }
        }
        self.remarks.extend(facts.doubts.iter().map(doubt));
    }

    fn work(&mut self, schema: &Schema, work: &Work) {
        let all = rows(schema, &work.table);
        let (before, after) = match &work.kind {
            WorkKind::Rewrite => (format!("writes {all} and its indexes anew"), ""),
            WorkKind::Scan => (format!("reads {all}"), ""),
            WorkKind::ForeignKeyScan { referenced } => {
                let other = short(schema, referenced);
                (format!("looks up {all} in {other}"), "")
            }
            WorkKind::BuildIndex {
                concurrently: true, ..
            } => (
                format!("reads {all} twice and writes an index"),
                ", and waits for older transactions",
            ),
            WorkKind::BuildIndex { .. } => (format!("reads {all} and writes an index"), ""),
            WorkKind::Refresh => {
                let view = short(schema, &work.table);
                (format!("runs the query of {view}"), "")
            }
            WorkKind::Rows { .. } => (format!("goes through {all}"), ", with locks on rows"),
            WorkKind::Proof => {
                let table = short(schema, &work.table);
                let proof = format!("reads no row of {table}: a constraint proves it");
                self.remarks.push(proof);
                return;
            }
        };
        let entry = (before, after);
        if !self.work.contains(&entry) {
            self.work.push(entry);
        }
    }

    /// The lines, where `held` is held already and `long` says whether locks are held for longer
    /// than a moment.
    fn lines(&self, held: &[&(Mode, String)], long: bool) -> Vec<String> {
        let all = held.iter().copied().chain(&self.locks);
        let who = match all.map(|(mode, _)| *mode).max() {
            Some(mode) if mode.blocks_reads() => "while readers and writers wait",
            Some(mode) if mode.blocks_writes() => "while writers wait",
            _ => "beside readers and writers",
        };
        let work = self.work.iter();
        let work = work.map(|(before, after)| format!("{before} {who}{after}"));
        let length = if long { "meanwhile" } else { "for a moment" };
        let covered = |(mode, name): &&(Mode, String)| {
            let mut held = held.iter();
            held.any(|(stronger, on)| on == name && stronger >= mode)
        };
        let locks = self.locks.iter().filter(|lock| !covered(lock));
        let locks = locks.map(|(mode, name)| format!("{} on {name} {length}", mode.words()));
        work.chain(locks)
            .chain(self.remarks.iter().cloned())
            .collect()
    }
}

/// The line for a fill.
pub(super) fn fill(schema: &Schema, table: &str) -> String {
    let count = match named(table) {
        Some(name) => rows(schema, &schema.resolve(&name)),
        None => format!("every row of {table}"),
    };
    format!(
        "goes through {count} in short transactions beside readers and writers, with locks on rows \
         only"
    )
}

/// What a name means that stands in SQL.
pub(crate) fn named(table: &str) -> Option<Name> {
    let query = format!("SELECT 1 FROM {table}");
    match sql::parse(&query, Engine::Postgres).pop()?.kind {
        Kind::Select(mut query) => query.tables.pop(),
        _ => None,
    }
}

fn doubt(doubt: &Doubt) -> String {
    match doubt {
        Doubt::Statement { reason } => format!("not known: the statement ({reason})"),
        Doubt::Table(name) => format!("not known: the table {name}; the worst is assumed"),
        Doubt::Column(table, column) => {
            format!("not known: {table}.{column}; the worst is assumed")
        }
        Doubt::Constraint(table, name) => {
            format!("not known: the constraint {name} of {table}; the worst is assumed")
        }
        Doubt::Function(name) => {
            format!("not known: what {name}() promises; taken to give another value each time")
        }
        Doubt::TimeZone => "not known: the time zone of sessions; taken not to be UTC".to_owned(),
        Doubt::Version { since } => format!("PostgreSQL before {since} does not have it"),
    }
}

/// `1,240,000 rows (310 MB) of users`; `every row of users` where the server has not counted.
fn rows(schema: &Schema, table: &Name) -> String {
    let shown = short(schema, table);
    match size(schema, table) {
        (Some(rows), Some(bytes)) => {
            format!("{} ({}) of {shown}", about(rows), human(bytes))
        }
        (Some(rows), None) => format!("{} of {shown}", about(rows)),
        (None, Some(0)) => format!("{shown}, which is empty,"),
        (None, Some(bytes)) => format!("every row ({}) of {shown}", human(bytes)),
        (None, None) => format!("every row of {shown}"),
    }
}

/// The rows and bytes of a table, those of its partitions included.
fn size(schema: &Schema, table: &Name) -> (Option<u64>, Option<u64>) {
    let Some(relation) = schema.relations.get(table) else {
        return (None, None);
    };
    let mut sum = (relation.rows, relation.bytes);
    if relation.partition_by.is_some() {
        sum = (Some(0), Some(0));
        for (partition, _) in schema.partitions_of(table) {
            let (rows, bytes) = size(schema, partition);
            let add = |one: Option<u64>, other: Option<u64>| Some(one? + other?);
            sum = (add(sum.0, rows), add(sum.1, bytes));
        }
    }
    sum
}

/// The server's own estimate, which says no more than three figures.
fn about(rows: u64) -> String {
    let mut unit = 1;
    while rows / unit >= 1_000 {
        unit *= 10;
    }
    let rounded = (rows + unit / 2) / unit * unit;
    if rounded == rows {
        rows_of(rows)
    } else {
        format!("about {}", rows_of(rounded))
    }
}

/// A name without its schema, where that is the first of the search path.
fn short(schema: &Schema, full: &Name) -> String {
    if full.schema.as_ref() == schema.search_path.first() {
        Name::plain(full.name.clone()).to_string()
    } else {
        full.to_string()
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn shop() -> Schema {
        let mut schema = Schema::empty();
        let text = "CREATE TABLE users (id bigint PRIMARY KEY, email text, n int);
                    CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint)";
        for one in sql::parse(text, Engine::Postgres) {
            assert_eq!(schema.apply(&one), []);
        }
        for (name, rows) in [("users", 1_243_210), ("orders", 12)] {
            let full = Name::qualified("public", name);
            let mut relation = schema.relations.edit(&full).unwrap();
            (relation.rows, relation.bytes) = (Some(rows), Some(rows * 260));
        }
        schema.begin_unit();
        schema
    }

    fn told(sql: &str, run: Run) -> Vec<String> {
        let told = script(&mut shop(), 16, sql, run);
        told.into_iter().flat_map(|it| it.does).collect()
    }

    fn said(sql: &str) -> Vec<String> {
        told(sql, Run::Statements)
    }

    #[test]
    fn a_transaction_holds_its_locks_to_the_end() {
        let sql = "ALTER TABLE users ADD CONSTRAINT c CHECK (n > 0) NOT VALID;
                   ALTER TABLE users VALIDATE CONSTRAINT c;
                   ALTER TABLE orders ADD COLUMN a text";
        assert_eq!(
            told(sql, Run::Transaction),
            [
                "ACCESS EXCLUSIVE on users meanwhile",
                "reads about 1,240,000 rows (309 MB) of users while readers and writers wait",
                "ACCESS EXCLUSIVE on orders for a moment",
            ]
        );
    }

    #[test]
    fn who_waits_for_what_is_said() {
        let users = "about 1,240,000 rows (309 MB) of users";
        assert_eq!(
            said("ALTER TABLE users ADD COLUMN a text"),
            ["ACCESS EXCLUSIVE on users for a moment"]
        );
        assert_eq!(
            said("ALTER TABLE users ALTER COLUMN n TYPE bigint"),
            [
                format!("writes {users} and its indexes anew while readers and writers wait"),
                "ACCESS EXCLUSIVE on users meanwhile".to_owned()
            ]
        );
        assert_eq!(
            said("CREATE INDEX CONCURRENTLY i ON users (email)"),
            [
                format!(
                    "reads {users} twice and writes an index beside readers and writers, and waits \
                     for older transactions"
                ),
                "SHARE UPDATE EXCLUSIVE on users meanwhile".to_owned()
            ]
        );
        assert_eq!(
            said(
                "ALTER TABLE users ADD CONSTRAINT c CHECK (n > 0) NOT VALID;
                 ALTER TABLE users VALIDATE CONSTRAINT c"
            ),
            [
                "ACCESS EXCLUSIVE on users for a moment".to_owned(),
                format!("reads {users} beside readers and writers"),
                "SHARE UPDATE EXCLUSIVE on users meanwhile".to_owned()
            ]
        );
        assert_eq!(
            said("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users"),
            [
                "looks up 12 rows (4 kB) of orders in users while writers wait",
                "SHARE ROW EXCLUSIVE on orders meanwhile",
                "SHARE ROW EXCLUSIVE on users meanwhile",
            ]
        );
        assert_eq!(
            said(
                "DO $$ DECLARE found bigint; BEGIN SELECT count(*) FROM users INTO found; IF found \
                 > 0 THEN RAISE EXCEPTION 'x'; END IF; END $$"
            ),
            [format!("reads {users} beside readers and writers")]
        );
    }

    #[test]
    fn fills_count_the_table() {
        assert_eq!(
            fill(&shop(), "public.users"),
            "goes through about 1,240,000 rows (309 MB) of users in short transactions beside \
             readers and writers, with locks on rows only"
        );
        assert_eq!(about(999), "999 rows");
        assert_eq!(about(1_000), "1,000 rows");
    }
}
