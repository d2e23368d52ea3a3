//! A batch whose values a program says. Rows are read in a transaction of their own; while the
//! program works nothing is locked and no snapshot is held; what it said is written with the place,
//! the former values and the notes in another one, which the lease fences.
//!
//! Both look at the place under the lock of the range: where it is another one than when the rows
//! were read, nothing is written.

mod writing;

use std::borrow::BorrowMut;
use std::time::{Duration, Instant};

use postgres::Client;
use switchback_migration::backfill::Job;
use switchback_migration::backfill::machine::Got;
use switchback_migration::backfill::program::{Answer, Said, Value, row};

use super::batch::{Changed, Did, Piece, Task, advance, failures, piece};
use super::claim::Held;
use super::enter::{Standing, enter};
use super::error::BackfillError;
use super::hands::{HandsOptions, PostgresHands};
use super::statement::{Asking, Keeping, LARGEST, READ, Seen, Statements};
use super::table::Table;
use crate::backfill::program::{NoAnswer, Question, Still};
use crate::postgres::PostgresDatabase;
use crate::postgres::change::error::at;
use crate::postgres::change::link::commit;
use crate::postgres::change::persist::Desk;
use crate::postgres::change::{ChangeError, Observer, Options};
use crate::postgres::session::name;
use writing::Writing;

/// What stands in place of the database's code where a program says why.
const BY_PROGRAM: &str = "program";

/// A row as a program is given it.
struct Given {
    key: String,
    seen: i64,
    /// The key's columns, then those that are read; none where they are too large.
    values: Option<Vec<Option<String>>>,
}

/// Rows that were read, and where.
struct Rows {
    standing: Standing,
    /// None at the end of the range.
    piece: Option<Piece>,
    rows: Vec<Given>,
    /// Whether they are all rows of the piece that are wanted.
    all: bool,
    took: Duration,
}

/// What a row gets, or why it gets nothing.
enum Gets<'a> {
    Values(&'a Given, Vec<Option<String>>),
    Nothing(&'a Given),
    Refused(&'a Given, String),
}

/// What became of writing.
enum Wrote {
    Did(Did),
    /// The place is another one than when the rows were read.
    Elsewhere,
}

/// What a batch is done with.
struct Own {
    job: Job,
    hands: HandsOptions,
    statements: Statements,
    held: Held,
}

impl Own {
    fn task<'a>(&'a self, path: &'a [String], options: &'a Options) -> Task<'a> {
        Task {
            job: self.job.id.as_str(),
            statements: &self.statements,
            held: &self.held,
            worker: &self.hands.worker,
            lease: self.hands.lease,
            keep_undo: self.job.text.keep_undo,
            stop_on_error: self.hands.stop_on_error,
            most_failed: self.hands.most_failed,
            path,
            options,
        }
    }
}

/// Asks the server whether a program may be given what it is to be given, in a transaction.
pub(super) fn check(client: &mut Client, path: &[String], job: &Job) -> Result<(), ChangeError> {
    let Some(program) = &job.text.program else {
        return Ok(());
    };
    let fill = super::facts::wanted(job);
    let table = Table::of(client, path, 0, &fill, None)?;
    let asking = Asking::of(client, path, job, &table)?;
    missing(job, asking.as_ref())?;
    let columns: Vec<String> = program.reads.iter().map(|it| name(it)).collect();
    let sql = format!("EXPLAIN SELECT {} FROM {}", columns.join(", "), table.full);
    client.query(&sql, &[]).map_err(at(&sql)).map(drop)
}

fn missing(job: &Job, asking: Option<&Asking>) -> Result<(), ChangeError> {
    match asking.and_then(|it| it.missing.clone()) {
        None => Ok(()),
        Some(column) => Err(ChangeError::NoColumn {
            table: job.text.table.clone(),
            column,
        }),
    }
}

impl<D: BorrowMut<PostgresDatabase>, O: Observer> PostgresHands<D, O> {
    /// The next rows of the range, by a program.
    pub(super) fn by_program(&mut self, rows: u32) -> Result<Got, BackfillError> {
        let Some(held) = self.held.clone() else {
            return Ok(Got::Lost);
        };
        let statements = self.known()?;
        missing(&self.job, statements.program.as_ref())?;
        let Some(asking) = statements.program.clone() else {
            return Ok(Got::Lost);
        };
        let own = Own {
            job: self.job.clone(),
            hands: self.options.clone(),
            statements,
            held,
        };
        let most = rows.min(self.program.rows()).max(1);
        let (found, waited) = self.on.persist(|client, desk, path, options| {
            let task = own.task(path, options);
            read(client, desk, &task, &asking, most)
        })?;
        let found = match found {
            Ok(found) => found,
            Err(did) => return self.done(did, waited),
        };
        let answers = match self.ask(&own.job, &asking, &found.rows)? {
            Ok(answers) => answers,
            Err(got) => return Ok(got),
        };
        let (wrote, waited_again) = self.on.persist(|client, desk, path, options| {
            let task = own.task(path, options);
            write(client, desk, &task, &asking, &found, &answers)
        })?;
        match wrote {
            Wrote::Did(did) => self.done(did, waited || waited_again),
            Wrote::Elsewhere => Ok(Got::InTheWay),
        }
    }

    /// What the program says of rows, while the lease is kept. Gives something else where nobody is
    /// interested any more.
    fn ask(
        &mut self,
        job: &Job,
        asking: &Asking,
        rows: &[Given],
    ) -> Result<Result<Vec<Answer>, Got>, BackfillError> {
        let Some(program) = &job.text.program else {
            return Ok(Err(Got::Lost));
        };
        let key: Vec<String> = asking.key.iter().map(|it| it.name.clone()).collect();
        let small: Vec<&Given> = rows.iter().filter(|it| it.values.is_some()).collect();
        let question = Question {
            job,
            program,
            key: &key,
            rows: small.len(),
            line: &|place, number| line(asking, small.get(place).copied(), number),
        };
        let mut worker = std::mem::take(&mut self.program);
        let (mut kept, mut got) = (Instant::now(), Got::Lost);
        let lease = self.options.lease;
        let asked = worker.ask(&question, &mut || {
            if kept.elapsed() < lease / 3 {
                return Ok(Still::Wanted);
            }
            match self.keep() {
                Ok(Got::Renewed) => kept = Instant::now(),
                Ok(other) => {
                    got = other;
                    return Ok(Still::Over);
                }
                Err(error) if error.is_in_the_way() => {}
                Err(error) => return Err(error),
            }
            Ok(Still::Wanted)
        });
        self.program = worker;
        match asked {
            Ok(answered) => Ok(Ok(answered.answers)),
            Err(NoAnswer::Over) => Ok(Err(got)),
            Err(NoAnswer::Other(error)) => Err(error),
            Err(NoAnswer::Program(error)) => {
                // Nobody else has to wait for the lease. The program's error is what has to be told.
                let _ = self.give_back();
                Err(error.into())
            }
        }
    }
}

fn line(asking: &Asking, given: Option<&Given>, number: u64) -> String {
    let columns: Vec<&Seen> = asking.key.iter().chain(&asking.reads).collect();
    let texts = given
        .and_then(|it| it.values.as_deref())
        .unwrap_or_default();
    let values: Vec<(&str, Value)> = columns
        .iter()
        .zip(texts)
        .map(|(column, text)| (column.name.as_str(), column.value(text.as_deref())))
        .collect();
    let (key, read) = values.split_at(asking.key.len().min(values.len()));
    row(
        number,
        key.iter().map(|(name, value)| (*name, value)),
        read.iter().map(|(name, value)| (*name, value)),
    )
}

/// Reads the next rows, and keeps the lease. Where there are none the place moves at once.
fn read(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    asking: &Asking,
    most: u32,
) -> Result<Result<Rows, Did>, BackfillError> {
    let (standing, began) = match enter(client, desk, task)? {
        Ok(entered) => entered,
        Err(did) => return Ok(Err(did)),
    };
    let found = piece(client, task, &standing, most)?;
    let mut rows = Rows {
        standing,
        piece: found,
        rows: Vec::new(),
        all: true,
        took: Duration::ZERO,
    };
    let keeping = Keeping {
        backfill: rows.standing.id,
        sweep: rows.standing.sweep,
        range: task.held.number,
    };
    if let Some(piece) = &rows.piece {
        let share = piece.share.as_deref();
        let sql = task
            .statements
            .rows_for(asking, &piece.range, share, keeping, most);
        desk.next(&sql, Some(task.options.statement_timeout))?;
        let found = client.query(&sql, &[]).map_err(at(&sql))?;
        let mut upto = 0_i64;
        for one in &found {
            let given = || -> Result<(Given, i64), postgres::Error> {
                let given = Given {
                    key: one.try_get(0)?,
                    seen: one.try_get(1)?,
                    values: one.try_get(2)?,
                };
                Ok((given, one.try_get(3)?))
            };
            let (given, bytes) = given().map_err(at(&sql))?;
            upto = bytes;
            rows.rows.push(given);
        }
        rows.all = rows.rows.len() < most as usize && upto < i64::from(READ);
    }
    if !rows.rows.is_empty() {
        keep(client, task, &rows.standing)?;
        rows.took = began.elapsed();
        commit(client, desk)?;
        return Ok(Ok(rows));
    }
    let did = settle(client, task, &rows, &Changed::default(), began, true)?;
    commit(client, desk)?;
    Ok(Err(did))
}

/// Keeps the lease for longer: the program may need it.
fn keep(client: &mut Client, task: &Task<'_>, standing: &Standing) -> Result<(), ChangeError> {
    let sql = "UPDATE _switchback.backfill_range
               SET lease_until = clock_timestamp() + make_interval(secs => $4)
               WHERE backfill = $1 AND sweep = $2 AND number = $3";
    let (id, sweep, number) = (&standing.id, &standing.sweep, &task.held.number);
    let lease = task.lease.as_secs_f64();
    let done = client.execute(sql, &[id, sweep, number, &lease]);
    done.map_err(at(sql)).map(drop)
}

/// Writes what the program said.
fn write(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    asking: &Asking,
    found: &Rows,
    answers: &[Answer],
) -> Result<Wrote, BackfillError> {
    let (standing, began) = match enter(client, desk, task)? {
        Ok(entered) => entered,
        Err(did) => return Ok(Wrote::Did(did)),
    };
    let is_here = standing.place == found.standing.place && standing.sweep == found.standing.sweep;
    let (true, Some(piece)) = (is_here, &found.piece) else {
        commit(client, desk)?;
        return Ok(Wrote::Elsewhere);
    };
    let (gets, all) = gets(asking, &found.rows, answers);
    let mut writing = Writing {
        task,
        asking,
        standing: &standing,
        target: &piece.range.target,
        known: failures(client, standing.id)?,
        total: Changed::default(),
    };
    if let Err(reason) = writing.all(client, desk, gets)? {
        client.batch_execute("ROLLBACK").map_err(at("ROLLBACK"))?;
        return Ok(Wrote::Did(Did::Failed(reason)));
    }
    let total = writing.total;
    let did = settle(client, task, found, &total, began, all && found.all)?;
    commit(client, desk)?;
    Ok(Wrote::Did(did))
}

/// What each row gets, and whether all were answered.
fn gets<'a>(asking: &Asking, rows: &'a [Given], answers: &[Answer]) -> (Vec<Gets<'a>>, bool) {
    let mut answers = answers.iter();
    let mut gets = Vec::new();
    for given in rows {
        if given.values.is_none() {
            let why = format!("its values take more than {LARGEST} bytes");
            gets.push(Gets::Refused(given, why));
            continue;
        }
        let Some(answer) = answers.next() else {
            return (gets, false);
        };
        gets.push(match answer {
            Answer::Skip => Gets::Nothing(given),
            Answer::Error(why) => Gets::Refused(given, crate::text::printable(why)),
            Answer::Set(said) => match texts(&asking.writes, said) {
                Ok(values) => Gets::Values(given, values),
                Err(why) => Gets::Refused(given, why),
            },
        });
    }
    (gets, true)
}

/// What columns get, as texts of which they are made.
fn texts(columns: &[Seen], said: &[Said]) -> Result<Vec<Option<String>>, String> {
    let one = |(column, said): (&Seen, &Said)| match said {
        Said::Null => Ok(None),
        said if column.is_json() => Ok(Some(said.json())),
        Said::Bool(value) => Ok(Some(value.to_string())),
        Said::Number(text) | Said::Text(text) => Ok(Some(text.clone())),
        Said::Json(_) => Err(format!(
            "`{}` cannot hold an object or a list: it is not of a type of JSON",
            column.name
        )),
    };
    columns.iter().zip(said).map(one).collect()
}

/// Moves the place where the rows of the piece are done, and counts.
fn settle(
    client: &mut Client,
    task: &Task<'_>,
    found: &Rows,
    changed: &Changed,
    began: Instant,
    all: bool,
) -> Result<Did, BackfillError> {
    let work = began.elapsed() + found.took;
    let standing = &found.standing;
    let (rows, last) = match &found.piece {
        Some(piece) if all => {
            let place = (!piece.last).then_some(piece.after.as_str());
            advance(client, task, standing, place, piece.rows, changed, work)?;
            (piece.rows, piece.last)
        }
        Some(_) => {
            stay(client, task, standing, changed, work)?;
            (found.rows.len() as u64, false)
        }
        None => {
            advance(client, task, standing, None, 0, changed, work)?;
            (0, true)
        }
    };
    Ok(Did::Done {
        rows,
        work,
        held: began.elapsed() + found.took,
        last,
    })
}

/// Counts what was done of a piece that is not done. Its rows are counted when it is.
fn stay(
    client: &mut Client,
    task: &Task<'_>,
    standing: &Standing,
    changed: &Changed,
    work: Duration,
) -> Result<(), ChangeError> {
    let sql = "UPDATE _switchback.backfill_range SET
                 lease_until = clock_timestamp() + make_interval(secs => $4),
                 changed = changed + $5, failed = failed + $6, batches = batches + 1,
                 skipped = skipped + $10, took_us = took_us + $7,
                 checksum_before = (checksum_before + $8::text::numeric),
                 checksum_after = (checksum_after + $9::text::numeric)
               WHERE backfill = $1 AND sweep = $2 AND number = $3";
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let took = i64::try_from(work.as_micros()).unwrap_or(i64::MAX);
    client
        .execute(
            sql,
            &[
                &standing.id,
                &standing.sweep,
                &task.held.number,
                &task.lease.as_secs_f64(),
                &number(changed.rows),
                &number(changed.failed),
                &took,
                &changed.before.to_string(),
                &changed.after.to_string(),
                &number(changed.skipped),
            ],
        )
        .map_err(at(sql))?;
    Ok(())
}
