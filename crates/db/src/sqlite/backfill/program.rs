//! A batch whose values a program says. Rows are read at one moment; while the program works
//! nothing is locked; what it said is written under the write lock, into rows that still are what it
//! was given, with the place, the former values and the notes in one transaction.

use std::time::Instant;

use rusqlite::{Connection, Row, params, params_from_iter};
use switchback_migration::backfill::machine::{Batch, Got};
use switchback_migration::backfill::program::{Answer, Said, Value, row};

use super::batch::{Changed, MOST_BYTES, Now, Piece, Tried, Wanted, values};
use super::codec::{self, Exact, Key, unpacked};
use super::control::{self, Token};
use super::error::{BackfillError, said};
use super::hands::SqliteHands;
use super::skipped;
use super::walk::{Start, Walk, schema_version};
use crate::backfill::program::{NoAnswer, Question, Still};
use crate::sqlite::error::at;

/// The values of a row may take so much, in bytes.
const LARGEST: usize = 4 << 20;

/// A row as a program is given it.
struct Given {
    row: Wanted,
    reads: Vec<Exact>,
    /// How many rows of the piece come before it.
    before: usize,
    /// Why it cannot be given to a program, if it cannot.
    unfit: Option<String>,
}

/// Rows that were read.
struct Rows {
    /// The place of the range, as it was then.
    place: Exact,
    /// All rows: key, and the sum over it and the written columns.
    all: Vec<(Key, u64)>,
    wanted: Vec<Given>,
    ends: bool,
    broken: Option<String>,
}

/// What a row gets.
enum Gets {
    Values(Vec<Exact>),
    Nothing,
    Refused(String),
}

impl SqliteHands {
    /// The next rows of the range, by a program.
    pub(super) fn by_program(&mut self, token: &Token, rows: u32) -> Result<Got, BackfillError> {
        let began = Instant::now();
        let found = match self.read_rows(token, rows)? {
            Ok(found) => found,
            Err(got) => return Ok(got),
        };
        let took = began.elapsed();
        let answers = match self.ask(&found)? {
            Ok(answers) => answers,
            Err(got) => return Ok(got),
        };
        let gets = gets(&self.walk, &found.wanted, answers);
        self.rest();
        let mut most = gets.len();
        let mut bad = None;
        loop {
            match self.write(token, &found, &gets, most, bad.as_deref())? {
                Tried::Got(Got::Done(batch)) => {
                    self.last = Some((Instant::now(), batch.held));
                    return Ok(Got::Done(Batch {
                        work: batch.work + took,
                        ..batch
                    }));
                }
                Tried::Got(got) => return Ok(got),
                // What was read may mean something else by now.
                Tried::OtherSchema => return Ok(Got::InTheWay),
                Tried::Thrown(0 | 1, message) => (most, bad) = (1, Some(message)),
                Tried::Thrown(..) => most = (most / 2).max(1),
                Tried::Fail(key, why) => return self.fail(token, key.as_ref(), &why),
            }
        }
    }

    /// Reads the next rows, at one moment. Gives something else where they are not ours any more.
    fn read_rows(&mut self, token: &Token, rows: u32) -> Result<Result<Rows, Got>, BackfillError> {
        let mut again = true;
        loop {
            let transaction = self.db.connection.unchecked_transaction();
            let transaction = transaction.map_err(at("BEGIN"))?;
            if let Err(status) = self.running(&transaction)? {
                drop(transaction);
                let transaction = self.db.lock()?;
                return self.leave(transaction, status).map(Err);
            }
            let now = self.db.now().as_millis();
            let held = control::held(&transaction, self.id(), &self.worker, token, now)?;
            let Some(range) = held else {
                return Ok(Err(Got::Lost));
            };
            if schema_version(&transaction)? != self.walk.schema && again {
                again = false;
                drop(transaction);
                self.walk = Walk::of(&self.db.connection, &self.job.text)?;
                continue;
            }
            let most = (rows, self.program.rows());
            return read(&transaction, &self.walk, self.id(), &range, most).map(Ok);
        }
    }

    /// What the program says of rows, while the lease is kept. Gives something else where nobody is
    /// interested any more.
    fn ask(&mut self, found: &Rows) -> Result<Result<Vec<Answer>, Got>, BackfillError> {
        let mut worker = std::mem::take(&mut self.program);
        let asked = self.ask_with(&mut worker, found);
        self.program = worker;
        asked
    }

    fn ask_with(
        &self,
        worker: &mut crate::backfill::program::Worker,
        found: &Rows,
    ) -> Result<Result<Vec<Answer>, Got>, BackfillError> {
        let Some(program) = &self.job.text.program else {
            return Ok(Err(Got::Lost));
        };
        let key = self.walk.key_names.as_slice();
        let given = found.wanted.iter().filter(|it| it.unfit.is_none());
        let given: Vec<&Given> = given.collect();
        let question = Question {
            job: &self.job,
            program,
            key,
            rows: given.len(),
            line: &|place, number| {
                let given = given.get(place);
                let values = |some: &[Exact]| some.iter().map(value).collect::<Vec<_>>();
                let keys = given.map_or_else(Vec::new, |it| values(&it.row.key));
                let reads = given.map_or_else(Vec::new, |it| values(&it.reads));
                row(
                    number,
                    key.iter().map(String::as_str).zip(&keys),
                    self.walk.reads.iter().map(String::as_str).zip(&reads),
                )
            },
        };
        let (mut kept, mut got) = (Instant::now(), Got::Lost);
        let lease = self.db.options.lease;
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
                Err(error) if error.is_busy() => {}
                Err(error) => return Err(error),
            }
            Ok(Still::Wanted)
        });
        match asked {
            Ok(answered) => Ok(Ok(answered.answers)),
            Err(NoAnswer::Over) => Ok(Err(got)),
            Err(NoAnswer::Other(error)) => Err(error),
            Err(NoAnswer::Program(error)) => {
                // Nobody else has to wait for the lease. The program's error is what has to be told.
                let _ = self.give_up();
                Err(error.into())
            }
        }
    }

    /// One transaction with the first `most` of the rows that get something. With `bad` the only one
    /// of them is known to end it, and is passed over.
    fn write(
        &self,
        token: &Token,
        found: &Rows,
        gets: &[Gets],
        most: usize,
        bad: Option<&str>,
    ) -> Result<Tried, BackfillError> {
        let opened = match self.open(token)? {
            Ok(opened) => opened,
            Err(tried) => return Ok(tried),
        };
        let transaction = &opened.transaction;
        if opened.range.place != found.place {
            return Ok(Tried::Got(Got::InTheWay));
        }
        // All rows before the first that is not done, which is the place.
        let done = found.wanted.get(most).map(|it| it.before);
        let rows = done.unwrap_or(found.all.len());
        let piece = Piece {
            rows: rows as u64,
            last: rows.checked_sub(1).map(|it| found.all[it].0.clone()),
            ends: done.is_none() && found.ends,
            sum: found.all[..rows]
                .iter()
                .fold(0, |sum, it| sum.wrapping_add(it.1)),
            broken: found.broken.clone().filter(|_| rows == found.all.len()),
            ..Piece::default()
        };
        let mut changed = Changed::default();
        for (given, gets) in found.wanted.iter().zip(gets).take(most) {
            let key = given.row.key.clone();
            let reason = match (gets, bad) {
                (Gets::Refused(why), _) => Some(why.clone()),
                (Gets::Values(_), Some(message)) => Some(message.to_owned()),
                (Gets::Nothing, _) => {
                    skipped::note(transaction, self.id(), &key, seen(given))?;
                    changed.skipped += 1;
                    None
                }
                (Gets::Values(values), None) => {
                    match give(transaction, &self.walk, given, values, &mut changed)? {
                        Gave::Done => None,
                        Gave::Refused(why) => Some(why),
                        Gave::Thrown(message) => {
                            return Ok(Tried::Thrown(most as u64, message));
                        }
                    }
                }
            };
            changed.bad.extend(reason.map(|why| (key, why)));
        }
        self.finish(opened, token, piece, most as u64, changed)
    }
}

/// What giving a row its values came to.
enum Gave {
    /// It has them, or is not what the program was given any more.
    Done,
    Refused(String),
    /// The whole transaction is over.
    Thrown(String),
}

/// Whether a row is to be changed, its written columns, and those that are read.
type State = (bool, Vec<Exact>, Vec<Exact>);

fn state(connection: &Connection, walk: &Walk, key: &Key) -> Result<Option<State>, BackfillError> {
    let query = walk.one_read();
    control::first(connection, &query, params_from_iter(key), |row| {
        of(walk, row)
    })
}

fn of(walk: &Walk, row: &Row<'_>) -> rusqlite::Result<State> {
    let (width, count) = (walk.keyed.parts.len(), walk.columns.len());
    let wanted = row.get::<_, Option<i64>>(width + count)?.unwrap_or(0) != 0;
    let reads = values(row, width + count + 1, walk.reads.len())?;
    Ok((wanted, values(row, width, count)?, reads))
}

fn give(
    connection: &Connection,
    walk: &Walk,
    given: &Given,
    values: &[Exact],
    changed: &mut Changed,
) -> Result<Gave, BackfillError> {
    let key = &given.row.key;
    let same = state(connection, walk, key)?;
    let same = same.is_some_and(|(wanted, columns, reads)| {
        wanted && columns == given.row.former && reads == given.reads
    });
    if !same {
        // A later walk comes by again, if it is still to get something.
        return Ok(Gave::Done);
    }
    control::run(connection, "SAVEPOINT one", [])?;
    let query = walk.give_one();
    let parameters = params_from_iter(values.iter().chain(key));
    let did =
        control::run(connection, &query, parameters).and_then(|_| state(connection, walk, key));
    let refused = match did {
        Ok(Some((false, now, _))) => {
            control::run(connection, "RELEASE one", [])?;
            let now = match now == given.row.former {
                true => Now::Kept,
                false => Now::Holds(now),
            };
            changed.add(walk, &given.row, now);
            return Ok(Gave::Done);
        }
        Ok(None) => {
            control::run(connection, "RELEASE one", [])?;
            changed.add(walk, &given.row, Now::Gone);
            return Ok(Gave::Done);
        }
        Ok(Some((true, ..))) => {
            "it would still meet `only` with what the program gives it".to_owned()
        }
        Err(error) if error.is_of_a_row() => said(&error),
        Err(error) => return Err(error),
    };
    if connection.is_autocommit() {
        return Ok(Gave::Thrown(refused));
    }
    control::run(connection, "ROLLBACK TO one", [])?;
    control::run(connection, "RELEASE one", [])?;
    Ok(Gave::Refused(refused))
}

/// Reads rows: at most so many, of which at most so many are wanted.
fn read(
    connection: &Connection,
    walk: &Walk,
    id: &str,
    range: &control::RangeRow,
    (most, most_wanted): (u32, u32),
) -> Result<Rows, BackfillError> {
    let width = walk.keyed.parts.len();
    let place = control::place(&range.place, width)?;
    let end = control::place(&range.end, width)?.unwrap_or_default();
    let from = control::place(&range.from, width)?;
    let start = Start::of(place.as_ref(), from.as_ref());
    let (query, parameters) = walk.piece_read(&start, &end);
    let mut statement = connection.prepare_cached(&query).map_err(at(&query))?;
    let mut found = statement
        .query(params_from_iter(&parameters))
        .map_err(at(&query))?;
    let mut rows = Rows {
        place: range.place.clone(),
        all: Vec::new(),
        wanted: Vec::new(),
        ends: false,
        broken: None,
    };
    let (mut bytes, mut size) = (Vec::new(), 0);
    while rows.all.len() < most as usize
        && rows.wanted.len() < most_wanted as usize
        && size < MOST_BYTES
    {
        let next = found
            .next()
            .map_err(at(&query))
            .map_err(BackfillError::from);
        let one = match next {
            Err(error) if error.is_of_a_row() => {
                rows.broken = Some(said(&error));
                break;
            }
            Err(error) => return Err(error),
            Ok(None) => {
                rows.ends = true;
                break;
            }
            Ok(Some(one)) => one,
        };
        let key = walk.keyed.read(one).map_err(at(&query))?;
        let (wanted, former, reads) = of(walk, one).map_err(at(&query))?;
        bytes.clear();
        for value in key.iter().chain(&former) {
            codec::put(&mut bytes, value.as_ref());
        }
        let before = rows.all.len();
        rows.all.push((key.clone(), codec::row_sum(&bytes)));
        if !wanted {
            continue;
        }
        let taken: usize = key
            .iter()
            .chain(&former)
            .chain(&reads)
            .map(Exact::size)
            .sum();
        let mut given = Given {
            unfit: unfit(taken, key.iter().chain(&reads)),
            row: Wanted {
                key,
                former,
                given: Vec::new(),
            },
            reads,
            before,
        };
        if skipped::seen(connection, id, &given.row.key)? == Some(seen(&given)) {
            continue;
        }
        if given.unfit.is_some() {
            // It is only named.
            (given.reads, given.row.former) = (Vec::new(), Vec::new());
        } else {
            size += taken;
        }
        rows.wanted.push(given);
    }
    rows.ends |= rows.all.last().is_some_and(|(key, _)| *key == end);
    Ok(rows)
}

fn unfit<'v>(size: usize, mut values: impl Iterator<Item = &'v Exact>) -> Option<String> {
    if size > LARGEST {
        return Some(format!("its values take more than {LARGEST} bytes"));
    }
    let is_text = |it: &Exact| match it {
        Exact::Text(bytes) => std::str::from_utf8(bytes).is_ok(),
        _ => true,
    };
    (!values.all(is_text)).then(|| "one of its texts is not UTF-8".to_owned())
}

/// A sum over what the program is given of a row and writes into it.
fn seen(given: &Given) -> i64 {
    let mut bytes = Vec::new();
    for value in given.row.former.iter().chain(&given.reads) {
        codec::put(&mut bytes, value.as_ref());
    }
    codec::row_sum(&bytes).cast_signed()
}

fn value(value: &Exact) -> Value {
    match value {
        Exact::Null => Value::Null,
        Exact::Integer(number) => Value::Integer(*number),
        Exact::Real(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => Value::Number(number.to_string()),
            None if *number > 0.0 => Value::Text("Infinity".to_owned()),
            None => Value::Text("-Infinity".to_owned()),
        },
        Exact::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        Exact::Blob(bytes) => Value::Bytes(bytes.clone()),
    }
}

/// What rows get by what the program says, as far as it has said something.
fn gets(walk: &Walk, wanted: &[Given], answers: Vec<Answer>) -> Vec<Gets> {
    let mut answers = answers.into_iter();
    let mut gets = Vec::new();
    for given in wanted {
        if let Some(why) = &given.unfit {
            gets.push(Gets::Refused(why.clone()));
            continue;
        }
        let Some(answer) = answers.next() else { break };
        gets.push(match answer {
            Answer::Skip => Gets::Nothing,
            Answer::Error(why) => Gets::Refused(crate::text::printable(&why)),
            Answer::Set(said) => {
                let columns = walk.columns.iter().zip(&said);
                let values = columns.map(|(column, said)| exact(column, said));
                values
                    .collect::<Result<_, _>>()
                    .map_or_else(Gets::Refused, Gets::Values)
            }
        });
    }
    gets
}

fn exact(column: &str, said: &Said) -> Result<Exact, String> {
    Ok(match said {
        Said::Null => Exact::Null,
        Said::Bool(value) => Exact::Integer(i64::from(*value)),
        Said::Text(text) => Exact::Text(text.clone().into_bytes()),
        Said::Number(text) => {
            let too_large = || format!("`{column}` cannot hold {text}: it takes more than 64 bits");
            match text.contains(['.', 'e', 'E']) {
                false => Exact::Integer(text.parse().map_err(|_| too_large())?),
                true => {
                    let number = text.parse().ok().filter(|it: &f64| it.is_finite());
                    Exact::Real(number.ok_or_else(too_large)?)
                }
            }
        }
        Said::Json(json) => Exact::Blob(hex(json).ok_or_else(|| {
            format!("`{column}` cannot hold an object or a list, but for {{\"hex\": \"00ff\"}}")
        })?),
    })
}

/// The bytes that `{"hex": "00ff"}` stands for.
fn hex(json: &str) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Hex {
        hex: String,
    }
    let Hex { hex } = serde_json::from_str(json).ok()?;
    let digits: Option<Vec<u32>> = hex.chars().map(|it| it.to_digit(16)).collect();
    let pairs = digits?;
    let pairs = pairs.chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

/// How many of the rows that a program passed over are what they were then and still are to get
/// something; of the rows for which a condition holds, where one is given with what stands in it.
pub(super) fn still_skipped(
    connection: &Connection,
    walk: &Walk,
    id: &str,
    among: Option<(&str, &[Exact])>,
) -> Result<u64, BackfillError> {
    let sql = "SELECT key, seen FROM _switchback_backfill_skipped WHERE job = ?1";
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let mut rows = statement.query(params![id]).map_err(at(sql))?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(at(sql))? {
        let key = Exact::of(row.get_ref(0).map_err(at(sql))?);
        let key = unpacked(key, walk.keyed.parts.len())?;
        let was: i64 = row.get(1).map_err(at(sql))?;
        if let Some((condition, values)) = among
            && !walk.keyed.has(connection, &key, condition, values)?
        {
            continue;
        }
        match state(connection, walk, &key) {
            Ok(Some((true, former, reads))) => {
                let row = Wanted {
                    key,
                    former,
                    given: Vec::new(),
                };
                let given = Given {
                    row,
                    reads,
                    before: 0,
                    unfit: None,
                };
                count += u64::from(seen(&given) == was);
            }
            Ok(_) => {}
            Err(error) if error.is_of_a_row() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let number = |text: &str| exact("c", &Said::Number(text.to_owned()));
        assert_eq!(number("-9223372036854775808"), Ok(Exact::Integer(i64::MIN)));
        assert_eq!(number("1.0"), Ok(Exact::Real(1.0)));
        assert_eq!(number("1e3"), Ok(Exact::Real(1000.0)));
        assert!(number("9223372036854775808").is_err());
        assert!(number("1e999").is_err());
        let json = |text: &str| exact("c", &Said::Json(text.to_owned()));
        assert_eq!(json("{\"hex\":\"00fF\"}"), Ok(Exact::Blob(vec![0, 255])));
        for none in [
            "{\"hex\":\"0\"}",
            "{\"hex\":\"é0\"}",
            "[]",
            "{}",
            "{\"hex\":\"\",\"a\":1}",
        ] {
            assert!(json(none).is_err(), "{none}");
        }
    }
}
