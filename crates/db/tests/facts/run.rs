//! Runs cases on every server that there is, and says what differs.

use std::collections::HashMap;
use std::path::PathBuf;

use postgres::{Client, NoTls};
use switchback_db::postgres::schema;
use switchback_migration::Engine;
use switchback_migration::schema::Schema;
use switchback_migration::sql::parse;
use switchback_testkit::postgres::{Server, matrix};

use crate::alone;
use crate::cases::{self, Case, File, Follows};
use crate::compare::{claims, differences, was_blocking};
use crate::linted;
use crate::observe::{Observed, Observer, Seen};

/// What came of the cases on one major.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub what: String,
    pub major: u32,
    /// Cases that were compared.
    pub compared: usize,
    /// Cases that the server refused, as claimed.
    pub refused: usize,
    /// Cases that make somebody wait in proportion to a table, and those of them that are flagged.
    pub blocking: usize,
    pub flagged: usize,
    /// Cases that are flagged though nobody waits.
    pub false_alarms: usize,
    /// Locks, rewrites, index builds and checks of rows that were claimed and seen.
    pub locks: usize,
    pub rewrites: usize,
    pub builds: usize,
    pub scans: usize,
    /// Cases in which the lint says that something is not known.
    pub unknown: usize,
    /// What is wrong.
    pub wrong: Vec<String>,
    /// Whether the server refused the last statement.
    pub last_refused: bool,
}

impl Tally {
    pub(crate) fn new(what: &str, major: u32) -> Self {
        Self {
            what: what.to_owned(),
            major,
            ..Self::default()
        }
    }

    fn print(&self) {
        println!(
            "{}, PostgreSQL {}: {}",
            self.what,
            self.major,
            self.counts()
        );
    }

    fn counts(&self) -> String {
        let mut text = format!(
            "{} compared, {} refused, {} wrong",
            self.compared,
            self.refused,
            self.wrong.len()
        );
        if self.locks > 0 {
            text.push_str(&format!(
                "; {} locks, {} rewrites, {} index builds, {} scans; {} block in proportion, {} \
                 of them flagged, {} false alarms, {} unknown",
                self.locks,
                self.rewrites,
                self.builds,
                self.scans,
                self.blocking,
                self.flagged,
                self.false_alarms,
                self.unknown,
            ));
        }
        text
    }

    /// Counts what was seen of a case.
    fn count(&mut self, seen: &Observed) {
        self.compared += 1;
        self.locks += seen.locks.len();
        for work in &seen.work {
            match work {
                Seen::Rewrite(_) => self.rewrites += 1,
                Seen::Build(_) | Seen::BuildOn(_) => self.builds += 1,
                Seen::Scan(_) | Seen::ForeignKey(..) => self.scans += 1,
                Seen::Proof(_) => {}
            }
        }
        self.scans += seen.ambiguous.iter().map(|(count, _)| count).sum::<usize>();
    }

    /// Adds the counts of another one, whatever it is about.
    pub(crate) fn add(&mut self, other: &Tally) {
        self.compared += other.compared;
        self.refused += other.refused;
        self.blocking += other.blocking;
        self.flagged += other.flagged;
        self.false_alarms += other.false_alarms;
        self.locks += other.locks;
        self.rewrites += other.rewrites;
        self.builds += other.builds;
        self.scans += other.scans;
        self.unknown += other.unknown;
        self.wrong.extend(other.wrong.iter().cloned());
    }
}

/// Runs something on every major at once, and demands that nothing is wrong.
pub(crate) fn everywhere(run: impl Fn(&Server) -> Vec<Tally> + Sync) {
    let majors: Vec<(u32, PathBuf)> = matrix().unwrap();
    let wanted: Option<u32> = std::env::var("SWITCHBACK_TEST_MAJOR")
        .ok()
        .and_then(|text| text.parse().ok());
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let running: Vec<_> = majors
            .iter()
            .filter(|(major, _)| wanted.is_none_or(|it| it == *major))
            .map(|(_, folder)| scope.spawn(|| run(&Server::start_with(folder).unwrap())))
            .collect();
        let each = running.into_iter().map(|it| it.join().unwrap());
        each.flatten().collect()
    });
    let mut wrong = Vec::new();
    let mut total = Tally::default();
    for tally in &tallies {
        tally.print();
        total.add(tally);
        let major = tally.major;
        wrong.extend(tally.wrong.iter().map(|it| format!("{major}: {it}")));
    }
    println!("together: {}", total.counts());
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

pub(crate) fn files(files: &[(&str, &str)]) {
    let only = std::env::var("SWITCHBACK_TEST_CASES").ok();
    let files: Vec<File> = files
        .iter()
        .filter(|(name, _)| only.as_ref().is_none_or(|it| it == name))
        .map(|(name, text)| cases::read(name, text))
        .collect();
    made(&files);
}

pub(crate) fn made(files: &[File]) {
    everywhere(|server| files.iter().map(|file| one_file(server, file)).collect());
}

pub(crate) fn one_file(server: &Server, file: &File) -> Tally {
    let major = server.major();
    let setup = file.setup(major);
    let url = server.database().unwrap();
    let template = prepare(&url, &setup, major);
    let mut observer = Observer::connect(&url);
    observer
        .client
        .batch_execute(&format!(
            "SET search_path = {}; SET TimeZone = 'UTC'",
            template.path
        ))
        .unwrap();
    observer.remember();
    let mut tally = Tally::new(&file.name, major);
    let wanted = |case: &&Case| case.only.contains(&major);
    // What came of cases that others depend on: refused, or whether a table was written anew.
    let mut came: HashMap<&str, Option<bool>> = HashMap::new();
    for case in file
        .cases
        .iter()
        .filter(wanted)
        .filter(|it| it.alone.is_none())
    {
        let runs = match &case.follows {
            None => true,
            Some(Follows::Refused(name)) => came[name.as_str()].is_none(),
            Some(Follows::Accepted { name, sample }) => {
                came[name.as_str()].is_some_and(|rewritten| *sample || !rewritten)
            }
        };
        if !runs {
            continue;
        }
        observer.about.clone_from(&case.about);
        match &case.around {
            None => {
                let seen = observer.run(&case.sql);
                let rewritten = seen.work.iter().any(|it| matches!(it, Seen::Rewrite(_)));
                came.insert(&case.name, seen.refused.is_none().then_some(rewritten));
                judge(&mut tally, file, case, &template, &seen);
            }
            Some((before, after)) => {
                if observer.client.batch_execute(before).is_err() {
                    tally.refused += 1;
                    continue;
                }
                let template = template.after(&mut observer.client, before);
                observer.remember();
                let seen = observer.run(&case.sql);
                judge(&mut tally, file, case, &template, &seen);
                observer.client.batch_execute(after).unwrap();
            }
        }
    }
    // A database is copied only while nobody is connected to it.
    drop(observer);
    for case in file
        .cases
        .iter()
        .filter(wanted)
        .filter(|it| it.alone.is_some())
    {
        let name = url.rsplit_once('/').unwrap().1;
        let copy = server.database_from(name).unwrap();
        let seen = alone::run(&copy, &template.path, case);
        judge(&mut tally, file, case, &template, &seen);
    }
    tally
}

/// A database with the schema of a file.
pub(crate) struct Template {
    pub major: u32,
    /// The search path, as it is set.
    pub path: String,
    /// What the server says that it has.
    pub read: Schema,
    /// What the statements that made it come to.
    pub folded: Schema,
}

impl Template {
    /// The same after further statements.
    fn after(&self, client: &mut Client, sql: &str) -> Self {
        let mut folded = self.folded.clone();
        for statement in parse(sql, Engine::Postgres) {
            folded.apply(&statement);
        }
        folded.begin_unit();
        Self {
            major: self.major,
            path: self.path.clone(),
            read: schema::read(client).unwrap(),
            folded,
        }
    }
}

/// Runs the statements of a schema.
pub(crate) fn prepare(url: &str, setup: &str, major: u32) -> Template {
    let mut client = Client::connect(url, NoTls).unwrap();
    client.batch_execute("SET TimeZone = 'UTC'").unwrap();
    if let Err(error) = client.batch_execute(setup) {
        panic!("{major}: the setup is refused: {error:?}");
    }
    let path: String = client.query_one("SHOW search_path", &[]).unwrap().get(0);
    let read = schema::read(&mut client).unwrap();
    assert!(read.complete, "something was not understood");
    let mut folded = Schema::empty();
    folded.time_zone = Some("utc".to_owned());
    folded.major = Some(major);
    for statement in parse(setup, Engine::Postgres) {
        folded.apply(&statement);
    }
    // What was made there is not new to what comes after.
    folded.begin_unit();
    Template {
        major,
        path,
        read,
        folded,
    }
}

/// Compares what was seen of a case with what is claimed.
pub(crate) fn judge(
    tally: &mut Tally,
    file: &File,
    case: &Case,
    template: &Template,
    seen: &Observed,
) {
    let major = template.major;
    let from_server = claims(&case.sql, &template.read, major);
    let name = format!("{}: {}", file.name, case.name);
    let expected = case.refused.as_ref().is_some_and(|it| it.contains(&major));
    if let Some(why) = &seen.refused {
        if expected || from_server.needs_newer() || case.unsure {
            tally.refused += 1;
        } else {
            tally.wrong.push(format!("{name}: refused: {why}"));
        }
        return;
    }
    tally.count(seen);
    let codes = linted::codes(&case.sql, case.alone.is_some(), &template.read, major);
    tally.unknown += usize::from(linted::is_unknown(&codes));
    if from_server.not_understood() {
        if !codes.contains("SB1016") {
            let why = "not understood, and the lint does not say so";
            tally.wrong.push(format!("{name}\n      {why}"));
        }
        return;
    }
    let mut lines = Vec::new();
    if expected || from_server.needs_newer() {
        lines.push("not refused, as was claimed".to_owned());
    }
    if from_server.refused_in_transaction != case.alone.is_some() {
        lines.push("whether it runs in a transaction is claimed wrongly".to_owned());
    }
    lines.extend(differences(&from_server, seen, &template.read));
    if !seen.other.is_empty() {
        lines.push(format!("messages that nobody knows: {:?}", seen.other));
    }
    let blocks = was_blocking(seen, &from_server, &template.read);
    // That every row is changed under a lock of an earlier statement is only the lint's to say.
    let reported = linted::is_blocking(&codes)
        && !(from_server.rows_after_lock && codes.contains("SB1008") && !from_server.blocks);
    let flagged = from_server.blocks && reported;
    let alarm = from_server.blocks || reported;
    tally.blocking += usize::from(blocks);
    tally.flagged += usize::from(blocks && flagged);
    tally.false_alarms += usize::from(!blocks && alarm);
    if blocks != flagged || blocks != alarm {
        lines.push(format!(
            "blocks in proportion: seen {blocks}, claimed {}, reported {codes:?}",
            from_server.blocks
        ));
    }
    if file.says_blocks(case, major).is_some_and(|it| it != blocks) {
        lines.push(format!(
            "blocks in proportion: written down otherwise, seen {blocks}"
        ));
    }
    let from_history = claims(&case.sql, &template.folded, major);
    let history = differences(&from_history, seen, &template.read);
    if lines.is_empty() && !history.is_empty() {
        lines.extend(history.into_iter().map(|it| format!("(folded) {it}")));
    }
    if !lines.is_empty() {
        let doubts = &from_server.doubts;
        let doubts = if doubts.is_empty() {
            String::new()
        } else {
            format!("\n      {doubts:?}")
        };
        tally
            .wrong
            .push(format!("{name}\n      {}{doubts}", lines.join("\n      ")));
    }
}
