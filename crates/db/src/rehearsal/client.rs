//! One client: it plays every version that is at work, each over a connection of its own, on rows
//! that nobody else writes.

use std::collections::BTreeMap;
use std::time::Instant;

use switchback_migration::workload::{Bind, Statement, Value, Version, Workload};
use switchback_model::{Shape, StepName};

use super::bench::{Connection, Pair, run_whole};
use super::crew::{Shared, Stage};
use super::latency::Samples;
use super::own::{self, ByName, OwnWork};
use super::report::{Altered, Fault, Moment};
use super::row::{Judged, Row, Which, Write};

/// A version at work.
pub(super) struct Member<'a> {
    pub(super) version: &'a Version,
    pub(super) connection: Box<dyn Connection>,
}

/// A client and its rows.
#[derive(Debug)]
pub(super) struct Client {
    rows: Vec<Row>,
    turn: usize,
    /// Columns that are not compared.
    own: Vec<String>,
}

/// What clients found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Each kind once, with how often.
    faults: BTreeMap<String, Fault>,
    pub(super) altered: Option<Altered>,
    pub(super) before: Samples,
    pub(super) during: Samples,
    pub(super) own: ByName,
}

/// In every so many turns the row is removed.
const REMOVED_EVERY: usize = 7;

impl Findings {
    /// Adds a fault of a kind, or counts it.
    fn add(&mut self, kind: String, fault: Fault) {
        match self.faults.get_mut(&kind) {
            Some(known) => count(known, 1),
            None => {
                self.faults.insert(kind, fault);
            }
        }
    }

    pub(super) fn merge(&mut self, other: Findings) {
        for (kind, fault) in other.faults {
            match self.faults.get_mut(&kind) {
                Some(known) => count(known, times(&fault)),
                None => {
                    self.faults.insert(kind, fault);
                }
            }
        }
        match (&mut self.altered, other.altered) {
            (Some(mine), Some(theirs)) => mine.times += theirs.times,
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        self.before.merge(other.before);
        self.during.merge(other.during);
        own::merge(&mut self.own, other.own);
    }

    pub(super) fn faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults).into_values().collect()
    }
}

fn count(fault: &mut Fault, more: u64) {
    if let Fault::CodeFails { times, .. }
    | Fault::StaleRead { times, .. }
    | Fault::RowLost { times, .. } = fault
    {
        *times += more;
    }
}

const fn times(fault: &Fault) -> u64 {
    match fault {
        Fault::CodeFails { times, .. }
        | Fault::StaleRead { times, .. }
        | Fault::RowLost { times, .. } => *times,
        _ => 1,
    }
}

/// What is done in one turn, and what is found meanwhile.
struct Turn<'a> {
    workload: &'a Workload,
    shared: &'a Shared,
    rewrites: bool,
    own: &'a [String],
    begun: Stage,
    findings: &'a mut Findings,
}

impl Client {
    pub(super) fn new(pairs: Vec<Pair>, own: Vec<String>) -> Self {
        Self {
            rows: pairs.into_iter().map(Row::new).collect(),
            turn: 0,
            own,
        }
    }

    /// The rows that are there.
    pub(super) fn rows(&mut self) -> impl Iterator<Item = &mut Row> {
        self.rows.iter_mut()
    }

    /// Works until it is over.
    pub(super) fn work(
        &mut self,
        number: usize,
        workload: &Workload,
        mut members: Vec<Member<'_>>,
        shared: &Shared,
        (rewrites, own): (bool, &OwnWork),
    ) -> Findings {
        let mut findings = Findings::default();
        while !shared.is_over() {
            let begun = shared.stage();
            let turn = self.turn;
            self.turn = self.turn.wrapping_add(1);
            let mut did = false;
            let all = self.rows.len();
            let mut turn_of = Turn {
                workload,
                shared,
                rewrites,
                own: &self.own,
                begun,
                findings: &mut findings,
            };
            if let (Some(row), false) = (self.rows.get_mut(turn % all.max(1)), members.is_empty()) {
                // Each row meets every version as its writer.
                let writer = (turn + turn / all) % members.len();
                did = turn_of.write(row, &mut members[writer], turn / all);
                if row.is_there() {
                    for member in &mut members {
                        did |= turn_of.read(row, member);
                    }
                }
            }
            for member in &mut members {
                let position = member.version.position;
                let Some((statement, sql)) = own.pick(workload, position, number, turn) else {
                    continue;
                };
                turn_of.play(&statement.name, &sql, member);
                did = true;
            }
            shared.did(number, begun);
            if !did {
                shared.idle();
            }
        }
        findings
    }
}

impl Turn<'_> {
    fn write(&mut self, row: &mut Row, member: &mut Member<'_>, round: usize) -> bool {
        let version = member.version;
        if row.unknown {
            return self.forget(row, member);
        }
        if row.is_there() {
            let removes = round % REMOVED_EVERY == REMOVED_EVERY - 1;
            let wanted = if removes {
                &version.delete
            } else {
                &version.update
            };
            return match wanted {
                Some(statement) if removes => {
                    if self.changes_one(row, member, statement, (0, Shape::Old)) {
                        row.removed();
                    }
                    true
                }
                Some(statement) => {
                    let write = self.plan(row, version, statement, round, false);
                    self.put(row, member, statement, write);
                    true
                }
                None => false,
            };
        }
        let Some(statement) = &version.insert else {
            return false;
        };
        let write = self.plan(row, version, statement, round, true);
        self.put(row, member, statement, write);
        if version.update.is_none() && version.read.is_none() {
            // It cannot be found again.
            row.removed();
        }
        true
    }

    fn plan(
        &self,
        row: &Row,
        version: &Version,
        statement: &Statement,
        round: usize,
        insert: bool,
    ) -> Write {
        let shapes = statement.binds.iter().find_map(|bind| match bind.value {
            Value::OneOf(shapes) => Some(shapes),
            Value::Plain | Value::Of(_) => None,
        });
        let all: Vec<Shape> = shapes.into_iter().flat_map(|it| it.iter()).collect();
        let one = all.get(round % all.len().max(1)).copied();
        Write {
            which: row.next(),
            one: one.unwrap_or(Shape::Old),
            writer: version.position,
            stage: self.begun.0,
            insert,
        }
    }

    fn put(&mut self, row: &mut Row, member: &mut Member<'_>, statement: &Statement, write: Write) {
        if self.changes_one(row, member, statement, (write.which, write.one)) {
            row.wrote(self.workload, statement, write);
        }
    }

    /// Runs a statement that has to touch one row.
    fn changes_one(
        &mut self,
        row: &mut Row,
        member: &mut Member<'_>,
        statement: &Statement,
        (which, one): (Which, Shape),
    ) -> bool {
        let begun = Instant::now();
        let values = |binds: &[Bind]| row.values(binds, which, one);
        let done = run_whole(member.connection.as_mut(), statement, &values);
        let moment = self.took(begun);
        match done {
            Ok(1) => true,
            Ok(_) => {
                self.lost(&member.version.name, moment);
                row.removed();
                false
            }
            Err((sql, message)) => {
                self.failed(&member.version.name, &sql, message, moment);
                row.unknown = true;
                false
            }
        }
    }

    /// Takes a row away about which nothing is known.
    fn forget(&mut self, row: &mut Row, member: &mut Member<'_>) -> bool {
        let Some(statement) = &member.version.delete else {
            row.removed();
            row.unknown = false;
            return false;
        };
        let values = |binds: &[Bind]| row.values(binds, 0, Shape::Old);
        if run_whole(member.connection.as_mut(), statement, &values).is_ok() {
            row.removed();
            row.unknown = false;
        }
        true
    }

    fn read(&mut self, row: &mut Row, member: &mut Member<'_>) -> bool {
        let version = member.version;
        let Some(read) = &version.read else {
            return false;
        };
        let values = row.values(&read.binds, 0, Shape::Old);
        let begun = Instant::now();
        let found = member.connection.read(&read.sql, &values);
        let moment = self.took(begun);
        let ended = self.shared.stage();
        match found {
            Err(message) => self.failed(&version.name, &read.sql, message, moment),
            Ok(None) => {
                self.lost(&version.name, moment);
                row.removed();
            }
            Ok(Some(texts)) => {
                let (begun, rewrites) = (self.begun, self.rewrites);
                let settled = |written: u64| {
                    let written = Stage(written);
                    let same = written == begun && begun == ended && !begun.moves();
                    same || (!rewrites && written.phase() == begun.phase())
                };
                for (seen, text) in read.columns.iter().zip(&texts) {
                    if self.own.contains(&seen.column) {
                        continue;
                    }
                    let judged = row.judge(seen, text.as_deref(), settled);
                    self.judged(judged, row, version, &seen.column, text.as_ref(), moment);
                }
            }
        }
        true
    }

    /// Runs one of the application's own statements.
    fn play(&mut self, name: &str, sql: &str, member: &mut Member<'_>) {
        let begun = Instant::now();
        let done = member.connection.play(sql);
        let took = begun.elapsed();
        let moment = self.took(begun);
        let found = self.findings.own.entry(name.to_owned()).or_default();
        match moment {
            Moment::Before => found.before.add(took),
            Moment::Up | Moment::Down | Moment::Again => found.during.add(took),
            _ => {}
        }
        if let Err(message) = done {
            found.failed += 1;
            let version = &member.version.name;
            self.findings.add(
                format!("own {name} {version}"),
                Fault::CodeFails {
                    version: version.clone(),
                    own: Some(name.to_owned()),
                    moment,
                    times: 1,
                    sql: sql.to_owned(),
                    message,
                },
            );
        }
    }

    fn judged(
        &mut self,
        judged: Judged,
        row: &Row,
        version: &Version,
        column: &str,
        read: Option<&String>,
        moment: Moment,
    ) {
        match judged {
            Judged::Right => {}
            Judged::Stale(written) => {
                let wrote = row.writer().and_then(|at| self.workload.at(at));
                let writer = wrote.map_or_else(|| version.name.clone(), |it| it.name.clone());
                self.findings.add(
                    format!("stale {} {writer} {column}", version.name),
                    Fault::StaleRead {
                        reader: version.name.clone(),
                        writer,
                        moment,
                        times: 1,
                        column: column.to_owned(),
                        written,
                        read: read.cloned(),
                    },
                );
            }
            Judged::Altered(written) => match &mut self.findings.altered {
                Some(known) => known.times += 1,
                none => {
                    *none = Some(Altered {
                        times: 1,
                        column: column.to_owned(),
                        written,
                        read: read.cloned(),
                    });
                }
            },
        }
    }

    fn failed(&mut self, version: &StepName, sql: &str, message: String, moment: Moment) {
        self.findings.add(
            format!("fails {version} {sql}"),
            Fault::CodeFails {
                version: version.clone(),
                own: None,
                moment,
                times: 1,
                sql: sql.to_owned(),
                message,
            },
        );
    }

    fn lost(&mut self, version: &StepName, moment: Moment) {
        self.findings.add(
            format!("lost {version}"),
            Fault::RowLost {
                reader: version.clone(),
                moment,
                times: 1,
            },
        );
    }

    /// Notes how long a statement took, and says in which moment it was: the one in which the step
    /// moved, if it reached into one.
    fn took(&mut self, begun: Instant) -> Moment {
        let took = begun.elapsed();
        let ended = self.shared.stage();
        let stage = if self.begun.moves() {
            self.begun
        } else {
            ended
        };
        match stage.moment() {
            Moment::Before => self.findings.before.add(took),
            _ if stage.moves() => self.findings.during.add(took),
            _ => {}
        }
        stage.moment()
    }
}
