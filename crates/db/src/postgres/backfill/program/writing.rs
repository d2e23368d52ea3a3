//! Writing what a program said, in one transaction with the notes of what could not be written.

use postgres::Client;
use postgres::types::ToSql;

use super::{BY_PROGRAM, Gets, Given};
use crate::postgres::backfill::batch::{Changed, Refused, Task, keeping, note, refused};
use crate::postgres::backfill::enter::Standing;
use crate::postgres::backfill::error::BackfillError;
use crate::postgres::backfill::savepoint;
use crate::postgres::backfill::statement::Asking;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::change::persist::Desk;
use crate::postgres::session::literal;

/// Writing into one transaction.
pub(super) struct Writing<'a> {
    pub(super) task: &'a Task<'a>,
    pub(super) asking: &'a Asking,
    pub(super) standing: &'a Standing,
    pub(super) target: &'a str,
    /// How many rows are known that cannot be changed.
    pub(super) known: u64,
    pub(super) total: Changed,
}

/// Of a row that gets something: key, hash and values.
type Line<'a> = (&'a Given, Vec<Option<String>>);

/// What one statement came to.
enum Tried {
    Changed(Changed),
    /// Some row refuses what it gets.
    Refused(Refused),
    /// These rows should get something even now. Nothing is changed.
    Still(Vec<String>),
}

impl Writing<'_> {
    /// Gives a reason where that ends the job.
    pub(super) fn all(
        &mut self,
        client: &mut Client,
        desk: &Desk,
        gets: Vec<Gets<'_>>,
    ) -> Result<Result<(), String>, BackfillError> {
        let (mut lines, mut skipped) = (Vec::new(), Vec::new());
        for one in gets {
            match one {
                Gets::Values(given, values) => lines.push((given, values)),
                Gets::Nothing(given) => skipped.push(given),
                Gets::Refused(given, message) => {
                    let code = BY_PROGRAM.to_owned();
                    let refused = Refused { code, message };
                    if let Err(reason) = self.note(client, &given.key, &refused)? {
                        return Ok(Err(reason));
                    }
                }
            }
        }
        self.skip(client, &skipped)?;
        let mut todo = vec![lines];
        while let Some(mut part) = todo.pop() {
            if part.is_empty() {
                continue;
            }
            match self.attempt(client, desk, &part)? {
                Tried::Changed(changed) => self.total.add(&changed),
                Tried::Refused(refused) => {
                    if let [(given, _)] = part.as_slice() {
                        if let Err(reason) = self.note(client, &given.key, &refused)? {
                            return Ok(Err(reason));
                        }
                        continue;
                    }
                    let right = part.split_off(part.len() / 2);
                    todo.push(right);
                    todo.push(part);
                }
                Tried::Still(keys) => {
                    let refused = Refused {
                        code: BY_PROGRAM.to_owned(),
                        message: "it would still meet `only` with what the program gives it"
                            .to_owned(),
                    };
                    for key in &keys {
                        if let Err(reason) = self.note(client, key, &refused)? {
                            return Ok(Err(reason));
                        }
                    }
                    part.retain(|(given, _)| !keys.contains(&given.key));
                    todo.push(part);
                }
            }
        }
        Ok(Ok(()))
    }

    fn attempt(
        &self,
        client: &mut Client,
        desk: &Desk,
        lines: &[Line<'_>],
    ) -> Result<Tried, BackfillError> {
        let keep = keeping(self.task, self.standing);
        let sql = self.task.statements.give(self.asking, self.target, keep);
        let keys: Vec<&str> = lines.iter().map(|(given, _)| given.key.as_str()).collect();
        let seen: Vec<i64> = lines.iter().map(|(given, _)| given.seen).collect();
        let columns: Vec<Vec<Option<&str>>> = (0..self.asking.writes.len())
            .map(|place| {
                let values = lines.iter().map(|(_, values)| values.get(place));
                values.map(|it| it.and_then(Option::as_deref)).collect()
            })
            .collect();
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&keys, &seen];
        parameters.extend(columns.iter().map(|it| it as &(dyn ToSql + Sync)));
        savepoint::mark(client)?;
        desk.next(&sql, Some(self.task.options.statement_timeout))?;
        let answer = match client.query_one(&sql, &parameters).map_err(at(&sql)) {
            Ok(answer) => answer,
            Err(error) => {
                let Some(refused) = refused(&error) else {
                    return Err(error.into());
                };
                savepoint::back(client)?;
                return Ok(Tried::Refused(refused));
            }
        };
        let still: Option<Vec<String>> = answer.try_get(3).map_err(at(&sql))?;
        if let Some(keys) = still {
            savepoint::back(client)?;
            return Ok(Tried::Still(keys));
        }
        savepoint::release(client)?;
        Ok(Tried::Changed(Changed::read(&answer, &sql)?))
    }

    /// Writes down that a row cannot be done. Gives a reason where that ends the job.
    fn note(
        &mut self,
        client: &mut Client,
        key: &str,
        refused: &Refused,
    ) -> Result<Result<(), String>, BackfillError> {
        let message = &refused.message;
        if self.task.stop_on_error {
            return Ok(Err(format!("row {key}: {message}")));
        }
        let key = format!("SELECT {}::text", literal(key));
        note(client, self.standing.id, self.standing.sweep, &key, refused)?;
        self.total.failed += 1;
        self.known += 1;
        if self.known > self.task.most_failed {
            return Ok(Err(format!(
                "more than {} rows cannot be done; the last one says: {message}",
                self.task.most_failed
            )));
        }
        Ok(Ok(()))
    }

    /// Writes down which rows the program passed over, and what they had.
    fn skip(&mut self, client: &mut Client, rows: &[&Given]) -> Result<(), ChangeError> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO _switchback.backfill_skipped (backfill, key, seen) \
             SELECT $1, key, seen FROM unnest($2::text[], $3::bigint[]) AS it (key, seen) \
             ON CONFLICT (backfill, key) DO UPDATE SET seen = excluded.seen";
        let keys: Vec<&str> = rows.iter().map(|it| it.key.as_str()).collect();
        let seen: Vec<i64> = rows.iter().map(|it| it.seen).collect();
        let done = client.execute(sql, &[&self.standing.id, &keys, &seen]);
        done.map_err(at(sql))?;
        self.total.skipped += rows.len() as u64;
        Ok(())
    }
}
