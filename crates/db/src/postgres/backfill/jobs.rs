//! Jobs as a whole: beginning one, where it stands, and telling it to stop.

use std::time::Duration;

use postgres::{Client, Row};
use switchback_migration::backfill::{Counts, Job, JobStatus, JobText, Strategy};
use switchback_model::{BackfillId, Timestamp};

use super::claim::begin_walk;
use super::control::{self, JobRow};
use super::error::BackfillError;
use super::facts::{marks, wanted};
use super::hands::statements;
use super::shadow;
use super::statement::by_place;
use crate::backfill::Standing;
use crate::postgres::PostgresDatabase;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{begin, commit};

/// How beginning a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It begins.
    New,
    /// It was begun before, and goes on from where it stood.
    Resumed,
    /// Every row has what it should, said its last run.
    Done,
}

/// A job that is known in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub job: String,
    /// Its table, as it was given.
    pub table: String,
    /// Where it stands.
    pub status: JobStatus,
}

/// A row that refused what it should get, or that an undo left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The row's key.
    pub key: String,
    /// What the database says; of a row that an undo left alone what became of it.
    pub message: String,
}

impl PostgresDatabase {
    /// Begins a job, or goes on with it. `empty_first` says that the first walk takes only rows that
    /// have nothing yet, which is faster where most have nothing. With `anew` a job that is over, or
    /// was begun with another definition, is walked from the beginning.
    ///
    /// # Errors
    /// [`BackfillError::OtherVersion`], [`BackfillError::OtherColumns`], [`BackfillError::Stands`]
    /// while it is being undone, or if the table cannot be walked.
    pub fn begin_backfill(
        &mut self,
        job: &Job,
        strategy: Strategy,
        empty_first: bool,
        anew: bool,
    ) -> Result<Begun, BackfillError> {
        self.again()?;
        if anew {
            self.before_other_work(job.id.as_str(), false)?;
        } else if self.is_called_off(job.id.as_str())? {
            self.discard_copy(job.id.as_str())?;
        }
        let (version, options) = (self.version(), self.options().clone());
        let (begun, _) = self.backfill(&mut (), |client, desk, path| {
            desk.next("BEGIN", None)?;
            begin(client, &options, path)?;
            control::make(client)?;
            if job.text.program.is_some() {
                control::make_skipped(client)?;
            }
            let id = job.id.as_str();
            control::lock_alone(client, id)?;
            let known = control::job(client, id, true)?;
            let given = job.version().to_string();
            let gone = match &known {
                Some(row) => shadow::is_gone(client, row)?,
                None => false,
            };
            let begun = match &known {
                Some(row) if row.status == JobStatus::Undoing => {
                    return Err(BackfillError::Stands {
                        job: id.to_owned(),
                        status: row.status,
                    });
                }
                Some(row) if row.version != given && !anew && row.status != JobStatus::Undone => {
                    return Err(BackfillError::OtherVersion {
                        job: id.to_owned(),
                        stored: row.version.clone(),
                        given,
                    });
                }
                Some(row)
                    if anew
                        || gone
                        || matches!(row.status, JobStatus::Undone | JobStatus::Cancelled) =>
                {
                    if control::keeps_of_others(client, row.id, &job.text)? {
                        return Err(BackfillError::OtherColumns { job: id.to_owned() });
                    }
                    renew(client, row, job, strategy, empty_first)?;
                    Begun::New
                }
                Some(row) if row.status == JobStatus::Done => Begun::Done,
                Some(row) => {
                    control::go_on(client, row.id)?;
                    Begun::Resumed
                }
                None => {
                    insert(client, job, strategy, empty_first)?;
                    Begun::New
                }
            };
            if begun == Begun::New {
                // What comes after the end of the walk is written down: so that is there first.
                if strategy == Strategy::ShadowCopy
                    && let Some(row) = control::job(client, id, true)?
                {
                    let key = (!row.key.is_empty()).then_some(row.key.as_slice());
                    let made = statements(client, path, version, job, key)?;
                    shadow::make(client, desk, &options, path, version, &row, &made)?;
                }
                first_walk(client, path, version, job, strategy)?;
            }
            commit(client, desk)?;
            Ok(begun)
        })?;
        Ok(begun)
    }

    /// Where a job stands; none if it was never begun here.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn backfill_standing(&mut self, job: &str) -> Result<Option<Standing>, BackfillError> {
        self.again()?;
        let (standing, _) = self.backfill(&mut (), |client, desk, _| {
            desk.next("reading where the backfill stands", None)?;
            if !control::exists(client)? {
                return Ok(None);
            }
            let Some(row) = control::job(client, job, false)? else {
                return Ok(None);
            };
            standing(client, row).map(Some)
        })?;
        Ok(standing)
    }

    /// What a job was begun with last, or some rows of it done again with; none if it was never begun
    /// here.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn backfill_definition(&mut self, job: &str) -> Result<Option<JobText>, BackfillError> {
        self.again()?;
        let (found, _) = self.backfill(&mut (), |client, desk, _| {
            desk.next("reading what the backfill was begun with", None)?;
            if !control::exists(client)? {
                return Ok(None);
            }
            match control::job(client, job, false)? {
                Some(row) => control::definition(client, row.id).map(Some),
                None => Ok(None),
            }
        })?;
        Ok(found)
    }

    /// Writes down why a worker of a job stopped that goes on when somebody goes on with it. It is
    /// forgotten then.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn note_backfill_stop(&mut self, job: &str, error: &str) -> Result<(), BackfillError> {
        self.again()?;
        self.backfill(&mut (), |client, desk, _| {
            desk.next("writing down why it stopped", None)?;
            if control::exists(client)? {
                control::set_error(client, job, error)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Every job that was begun in this database, by id.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn backfills(&mut self) -> Result<Vec<Listed>, BackfillError> {
        self.again()?;
        let (found, _) = self.backfill(&mut (), |client, desk, _| {
            desk.next("reading which backfills there are", None)?;
            if !control::exists(client)? {
                return Ok(Vec::new());
            }
            let sql = "SELECT job, in_table, status FROM _switchback.backfill \
                       WHERE status <> 'forgotten' ORDER BY job";
            let rows = client.query(sql, &[]).map_err(at(sql))?;
            rows.iter()
                .map(|row| listed(row).map_err(at(sql)).map_err(BackfillError::from))
                .collect()
        })?;
        Ok(found)
    }

    /// Tells a job to pause, to go on, to be called off, or to be undone. When this returns, no
    /// batch is under way that does not know of it. Returns where it stood before.
    ///
    /// # Errors
    /// [`BackfillError::Unknown`]; [`BackfillError::Stands`] where this cannot follow on that;
    /// [`BackfillError::NothingKept`] where it is to be undone and cannot be.
    pub fn tell_backfill(&mut self, job: &str, to: JobStatus) -> Result<JobStatus, BackfillError> {
        self.again()?;
        let stood = match to {
            JobStatus::Undoing => self.before_other_work(job, true)?,
            _ => None,
        };
        let options = self.options().clone();
        let (before, _) = self.backfill(&mut (), |client, desk, path| {
            desk.next("waiting until the batch that is under way is done", None)?;
            let unknown = || BackfillError::Unknown {
                job: job.to_owned(),
            };
            if !control::exists(client)? {
                return Err(unknown());
            }
            begin(client, &options, path)?;
            control::lock_alone(client, job)?;
            let row = control::job(client, job, true)?.ok_or_else(unknown)?;
            if row.status != to {
                if !follows(row.status, to) {
                    return Err(BackfillError::Stands {
                        job: job.to_owned(),
                        status: row.status,
                    });
                }
                if to == JobStatus::Undoing && !control::keeps_undo(client, row.id)? {
                    return Err(BackfillError::NothingKept {
                        job: job.to_owned(),
                    });
                }
                if to == JobStatus::Undoing {
                    super::expire::refuse(client, row.id, job)?;
                }
                if matches!(to, JobStatus::Cancelled | JobStatus::Undoing) {
                    super::rerun::leave(client, row.id)?;
                }
                control::set_status(client, row.id, to, None)?;
            }
            commit(client, desk)?;
            Ok(row.status)
        })?;
        self.after_telling(job, to)?;
        Ok(stood.unwrap_or(before))
    }

    /// Whether a job is over without having come to its end.
    fn is_called_off(&mut self, job: &str) -> Result<bool, BackfillError> {
        let (is, _) = self.backfill(&mut (), |client, desk, _| {
            desk.next("reading where the backfill stands", None)?;
            if !control::exists(client)? {
                return Ok(false);
            }
            let over = [JobStatus::Cancelled, JobStatus::Failed, JobStatus::Undone];
            let row = control::job(client, job, false)?;
            Ok(row.is_some_and(|it| over.contains(&it.status)))
        })?;
        Ok(is)
    }

    /// Rows that refused what they should get, in the order of their keys.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn backfill_failures(
        &mut self,
        job: &str,
        most: u32,
    ) -> Result<Vec<Failed>, BackfillError> {
        let sql = "SELECT it.key, it.code || ': ' || it.message
                   FROM _switchback.backfill_failure AS it
                   JOIN _switchback.backfill AS job ON job.id = it.backfill
                   WHERE job.job = $1 ORDER BY it.key LIMIT $2";
        self.rows_of(job, most, sql)
    }

    /// Rows that an undo left alone because somebody had changed or deleted them since, in the order
    /// of their keys.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn backfill_conflicts(
        &mut self,
        job: &str,
        most: u32,
    ) -> Result<Vec<Failed>, BackfillError> {
        let sql =
            "SELECT it.key, CASE WHEN it.deleted THEN 'deleted since' ELSE 'changed since' END
                   FROM _switchback.backfill_conflict AS it
                   JOIN _switchback.backfill AS job ON job.id = it.backfill
                   WHERE job.job = $1 ORDER BY it.key LIMIT $2";
        self.rows_of(job, most, sql)
    }

    fn rows_of(&mut self, job: &str, most: u32, sql: &str) -> Result<Vec<Failed>, BackfillError> {
        self.again()?;
        let (found, _) = self.backfill(&mut (), |client, desk, _| {
            desk.next(sql, None)?;
            if !control::exists(client)? {
                return Ok(Vec::new());
            }
            let rows = client
                .query(sql, &[&job, &i64::from(most)])
                .map_err(at(sql))?;
            let read = |row: &Row| -> Result<Failed, postgres::Error> {
                Ok(Failed {
                    key: row.try_get(0)?,
                    message: row.try_get(1)?,
                })
            };
            let rows = rows.iter().map(|row| read(row).map_err(at(sql)));
            Ok(rows.collect::<Result<_, ChangeError>>()?)
        })?;
        Ok(found)
    }
}

/// Whether a job that stands so may be told that.
const fn follows(now: JobStatus, to: JobStatus) -> bool {
    use JobStatus::{Cancelled, Done, Failed, Paused, Running, Undoing};
    match to {
        Paused => matches!(now, Running),
        Running => matches!(now, Paused | Failed),
        Cancelled => matches!(now, Running | Paused | Failed),
        Undoing => matches!(now, Running | Paused | Failed | Cancelled | Done),
        _ => false,
    }
}

/// Begins the first walk of a job that is to be walked from the beginning; in the transaction in
/// which that was written.
pub(super) fn first_walk(
    client: &mut Client,
    path: &[String],
    version: u32,
    job: &Job,
    strategy: Strategy,
) -> Result<(), BackfillError> {
    let Some(row) = control::job(client, job.id.as_str(), true)? else {
        return Ok(());
    };
    if job.text.program.is_some() {
        control::forget_skipped(client, row.id)?;
    }
    let key = (!row.key.is_empty()).then_some(row.key.as_slice());
    let made = statements(client, path, version, job, key)?;
    let key: Vec<String> = made.table.key_names();
    let marks = json(&marks(client, path, version, &wanted(job), &key)?);
    let sql = "UPDATE _switchback.backfill SET key = $2, marks = $3::text::jsonb, turned = NULL \
               WHERE id = $1";
    client
        .execute(sql, &[&row.id, &key, &marks])
        .map_err(at(sql))?;
    begin_walk(client, row.id, &made.table, by_place(strategy))
}

pub(super) fn insert(
    client: &mut Client,
    job: &Job,
    strategy: Strategy,
    empty_first: bool,
) -> Result<(), BackfillError> {
    let sql = "INSERT INTO _switchback.backfill (job, change, version, definition, in_table, columns, key, \
                 strategy, empty_first, status, sweep, closed, divided) \
               VALUES ($1, $8, $2, $3::text::jsonb, $4, $5, '{}', $6::text::jsonb, $7, 'running', 0, 0, \
                 false)";
    let change = BackfillId::fill(job.id.as_str()).map(|it| it.0);
    let (definition, chosen) = (json(&job.text), json(&strategy));
    let columns = job.text.columns();
    client
        .execute(
            sql,
            &[
                &job.id.as_str(),
                &job.version().to_string(),
                &definition,
                &job.text.table,
                &columns,
                &chosen,
                &empty_first,
                &change,
            ],
        )
        .map_err(at(sql))?;
    Ok(())
}

/// Has a job that is over begin again. What it kept stays, so that everything can be undone.
pub(super) fn renew(
    client: &mut Client,
    row: &JobRow,
    job: &Job,
    strategy: Strategy,
    empty_first: bool,
) -> Result<(), BackfillError> {
    let sql = "UPDATE _switchback.backfill_range SET status = 'void', worker = NULL \
               WHERE backfill = $1 AND status <> 'done'";
    client.execute(sql, &[&row.id]).map_err(at(sql))?;
    super::rerun::forget(client, row.id)?;
    super::expire::forget(client, row.id)?;
    let sql = "DELETE FROM _switchback.backfill_conflict WHERE backfill = $1";
    client.execute(sql, &[&row.id]).map_err(at(sql))?;
    let sql = "UPDATE _switchback.backfill SET version = $2, definition = $3::text::jsonb, \
                 in_table = $4, columns = $5, strategy = $6::text::jsonb, empty_first = $7, \
                 status = 'running', closed = 0, error = NULL, finished_at = NULL WHERE id = $1";
    let (definition, chosen) = (json(&job.text), json(&strategy));
    let columns = job.text.columns();
    client
        .execute(
            sql,
            &[
                &row.id,
                &job.version().to_string(),
                &definition,
                &job.text.table,
                &columns,
                &chosen,
                &empty_first,
            ],
        )
        .map_err(at(sql))?;
    Ok(())
}

fn json(value: &impl serde::Serialize) -> String {
    // Strings, numbers and maps of strings always have a form in JSON.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

fn listed(row: &Row) -> Result<Listed, postgres::Error> {
    let status: String = row.try_get(2)?;
    Ok(Listed {
        job: row.try_get(0)?,
        table: row.try_get(1)?,
        status: JobStatus::of_word(&status).unwrap_or(JobStatus::Failed),
    })
}

pub(in crate::postgres) fn standing(
    client: &mut Client,
    row: JobRow,
) -> Result<Standing, BackfillError> {
    let sql = "SELECT coalesce(sum(scanned), 0)::bigint, coalesce(sum(changed), 0)::bigint,
                 coalesce(sum(batches), 0)::bigint, coalesce(sum(took_us), 0)::bigint,
                 coalesce(sum(scanned) FILTER (WHERE sweep = $2), 0)::bigint,
                 count(*) FILTER (WHERE sweep = $2 AND status = 'leased'
                   AND lease_until > clock_timestamp()),
                 (SELECT count(*) FROM _switchback.backfill_failure WHERE backfill = $1),
                 (SELECT restored FROM _switchback.backfill WHERE id = $1),
                 pg_total_relation_size('_switchback.backfill_undo'),
                 (SELECT count(*) FROM _switchback.backfill_conflict WHERE backfill = $1),
                 (SELECT count(*) FROM _switchback.backfill_conflict
                  WHERE backfill = $1 AND deleted),
                 (extract(epoch FROM max(lease_until) FILTER (WHERE sweep = $2
                   AND status = 'leased' AND lease_until <= clock_timestamp())) * 1000)::bigint,
                 coalesce(sum(skipped), 0)::bigint
               FROM _switchback.backfill_range WHERE backfill = $1";
    let sums = client
        .query_one(sql, &[&row.id, &row.sweep])
        .map_err(at(sql))?;
    let sum = |column: usize| -> Result<u64, ChangeError> {
        let found: i64 = sums.try_get(column).map_err(at(sql))?;
        Ok(found.unsigned_abs())
    };
    Ok(Standing {
        status: row.status,
        version: row.version,
        sweep: row.sweep.unsigned_abs(),
        counts: Counts {
            scanned: sum(0)?,
            changed: sum(1)?,
            failed: sum(6)?,
            skipped: sum(12)?,
            batches: sum(2)?,
        },
        sweep_scanned: sum(4)?,
        total: row.total.map(i64::unsigned_abs),
        leased: u32::try_from(sum(5)?).unwrap_or(u32::MAX),
        lease_ended: sums
            .try_get::<_, Option<i64>>(11)
            .map_err(at(sql))?
            .map(Timestamp::from_millis),
        worked: Duration::from_micros(sum(3)?),
        restored: sum(7)?,
        conflicts: sum(9)?,
        deleted: sum(10)?,
        undo_bytes: Some(sum(8)?),
        note: row.turned,
        error: row.error,
        rerun: super::rerun::open(client, row.id)?.map(|it| it.asked),
    })
}
