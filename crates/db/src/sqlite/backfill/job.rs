//! Jobs as people deal with them: begin one, see where it stands, stop it, go on.

use std::time::Duration;

use rusqlite::{Connection, Row, params};
use switchback_migration::backfill::{Counts, Job, JobStatus, JobText};
use switchback_model::{BackfillId, Timestamp};

use super::codec::Exact;
use super::control::{self, JobRow, Kind, Undo};
use super::error::BackfillError;
use super::walk::Walk;
use super::{Backfills, commit, facts, skipped};
use crate::backfill::Standing;
use crate::sqlite::error::at;

/// How a job is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeginOptions {
    /// Walk all rows from the first one, whatever was done, with the definition as it is now.
    /// Former values that are kept stay, so that undoing goes back to before the first time.
    pub anew: bool,
    /// Whether the first row that cannot be changed fails the job; else it is passed over.
    pub stop_on_error: bool,
    /// How many rows may be passed over before the job fails.
    pub most_errors: u64,
    /// How many rows a range has.
    pub range_rows: u32,
    /// How many bytes of former values may be kept before the job fails; none for any number.
    pub most_undo_bytes: Option<u64>,
}

impl Default for BeginOptions {
    fn default() -> Self {
        Self {
            anew: false,
            stop_on_error: false,
            most_errors: 1000,
            range_rows: 25_000,
            most_undo_bytes: None,
        }
    }
}

/// What beginning a job came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It starts from the first row.
    Started,
    /// It goes on from where it was.
    Resumed,
    /// It was running; there may be other workers.
    Running,
    /// It was done; nothing is to be done.
    Done,
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub job: String,
    /// The table.
    pub table: String,
    /// When it was begun, RFC 3339.
    pub started_at: String,
    /// When it came to where it stands, RFC 3339; none while it runs.
    pub finished_at: Option<String>,
    /// Bytes of former values that are kept.
    pub undo_bytes: u64,
    /// Rows that were put back.
    pub restored: u64,
    /// Rows that were not put back, because they were changed since.
    pub conflicting: u64,
    /// Where it stands.
    pub standing: Standing,
}

/// A row that could not be changed, or not put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Its key, as people read it.
    pub key: String,
    /// Why.
    pub message: String,
    /// When, RFC 3339.
    pub at: String,
}

/// A range, for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeState {
    /// The walk, from 1.
    pub sweep: u32,
    /// Its number in the walk, from 1.
    pub number: i64,
    /// The key after which it starts, as people read it; none for the first.
    pub start: Option<String>,
    /// Its last key.
    pub end: String,
    /// The last key that is done.
    pub place: Option<String>,
    /// `waiting`, `leased` or `done`.
    pub status: String,
    /// How often somebody took it.
    pub attempts: u32,
    /// Who took it last.
    pub worker: Option<String>,
    /// Which lease of it that was, from 1.
    pub epoch: i64,
    /// What was done of it.
    pub counts: Counts,
    /// The sum over key and written columns of all its rows as they were found.
    pub before: u64,
    /// The same as they were left.
    pub after: u64,
    /// What last went wrong.
    pub error: Option<String>,
}

impl Backfills {
    /// Makes a job, or goes on with one.
    ///
    /// # Errors
    /// [`BackfillError::OtherDefinition`] if it was begun with another definition and is not to be
    /// begun anew, [`BackfillError::Status`] if it was called off or is being undone, and if the
    /// definition does not fit the table.
    pub fn begin(&self, job: &Job, options: &BeginOptions) -> Result<Begun, BackfillError> {
        let walk = Walk::of(&self.connection, &job.text)?;
        let total = facts::rows(&self.connection, &walk)?;
        let transaction = self.lock()?;
        control::ensure(&transaction)?;
        if job.text.program.is_some() {
            skipped::ensure(&transaction)?;
        }
        let (id, version) = (job.id.as_str(), job.version().to_string());
        let stored = control::job(&transaction, id)?;
        let mut row = match stored {
            Some(row) if row.status == JobStatus::Undoing => {
                return Err(BackfillError::Status {
                    job: id.to_owned(),
                    from: row.status,
                    to: JobStatus::Running,
                });
            }
            Some(row)
                if options.anew
                    || row.status == JobStatus::Undone
                    || row.status == JobStatus::Cancelled && row.version == version =>
            {
                let fresh = self.fresh(&transaction, job, &walk, total)?;
                clear(&transaction, id)?;
                let mut row = row;
                if super::expire::began(&transaction, id)?.is_some() {
                    super::expire::forgive(&transaction, id)?;
                    row.undo_bytes = 0;
                }
                if job.text.program.is_some() {
                    skipped::forget(&transaction, id)?;
                }
                JobRow {
                    undo: match row.undo {
                        // Going back to before the first time is not possible any more.
                        Undo::Forgotten if row.undo_bytes > 0 => Undo::Forgotten,
                        _ => fresh.undo,
                    },
                    undo_bytes: row.undo_bytes,
                    ..fresh
                }
            }
            None => self.fresh(&transaction, job, &walk, total)?,
            Some(row) if row.version != version => {
                return Err(BackfillError::OtherDefinition {
                    job: id.to_owned(),
                    stored: row.version,
                    given: version,
                });
            }
            Some(row) => match row.status {
                JobStatus::Running => {
                    if row.error.is_some() {
                        let row = JobRow { error: None, ..row };
                        control::set_job(&transaction, id, &row)?;
                        commit(transaction)?;
                    }
                    return Ok(Begun::Running);
                }
                JobStatus::Done => return Ok(Begun::Done),
                JobStatus::Paused | JobStatus::Failed => {
                    let mut row = row;
                    go_on(&transaction, id, &mut row)?;
                    with(&mut row, options);
                    control::set_job(&transaction, id, &row)?;
                    commit(transaction)?;
                    return Ok(Begun::Resumed);
                }
                from => {
                    return Err(BackfillError::Status {
                        job: id.to_owned(),
                        from,
                        to: JobStatus::Running,
                    });
                }
            },
        };
        with(&mut row, options);
        control::set_job(&transaction, id, &row)?;
        commit(transaction)?;
        Ok(Begun::Started)
    }

    pub(super) fn fresh(
        &self,
        connection: &Connection,
        job: &Job,
        walk: &Walk,
        total: Option<u64>,
    ) -> Result<JobRow, BackfillError> {
        let high = walk.keyed.highest(connection)?;
        Ok(JobRow {
            version: job.version().to_string(),
            table: walk.table.clone(),
            change: BackfillId::fill(job.id.as_str()).map(|(change, _)| change.to_owned()),
            columns: walk.columns.clone(),
            status: JobStatus::Running,
            stop_on_error: false,
            most_errors: 0,
            range_rows: 0,
            most_undo_bytes: None,
            sweep: 1,
            changing: 0,
            due: true,
            frontier: Exact::Null,
            high: control::stored(high.as_ref()),
            sweep_scanned: 0,
            sweep_changed: 0,
            total,
            counts: Counts::default(),
            worked_us: 0,
            undo: if job.text.keep_undo {
                Undo::Kept
            } else {
                Undo::None
            },
            undo_bytes: 0,
            restored: 0,
            conflicting: 0,
            started_at: self.now().to_string(),
            finished_at: None,
            error: None,
            definition: super::rerun::stored(&job.text),
        })
    }

    /// Asks for a status: to run again, to pause, to call it off, to be undone. Workers hear of it
    /// with the next thing that they do, and [`Backfills::undo`] then puts rows back.
    ///
    /// # Errors
    /// [`BackfillError::Status`] if that is not possible from where the job stands,
    /// [`BackfillError::NothingKept`] if it cannot be undone.
    pub fn ask(&self, id: &str, wanted: JobStatus) -> Result<(), BackfillError> {
        use JobStatus::{Cancelled, Done, Failed, Paused, Running, Undoing};
        let transaction = self.lock()?;
        let mut row = control::known_job(&transaction, id)?;
        let from = row.status;
        if from == wanted {
            return Ok(());
        }
        match (from, wanted) {
            (Running, Paused) | (Running | Paused | Failed, Cancelled) => {}
            (Paused | Failed, Running) => go_on(&transaction, id, &mut row)?,
            (Running | Paused | Cancelled | Failed | Done, Undoing) => {
                let why = match row.undo {
                    Undo::Kept => None,
                    Undo::None => Some("were not kept"),
                    Undo::Forgotten => Some("were deleted"),
                };
                if let Some(at) = super::expire::began(&transaction, id)? {
                    let job = id.to_owned();
                    return Err(BackfillError::Expired { job, at });
                }
                if let Some(why) = why {
                    let job = id.to_owned();
                    return Err(BackfillError::NothingKept { job, why });
                }
            }
            (_, to) => {
                let job = id.to_owned();
                return Err(BackfillError::Status { job, from, to });
            }
        }
        row.status = wanted;
        if matches!(wanted, Cancelled | Undoing) {
            super::rerun::leave(&transaction, id)?;
        }
        row.finished_at = match wanted {
            Running | Undoing => None,
            _ => Some(self.now().to_string()),
        };
        control::set_job(&transaction, id, &row)?;
        commit(transaction)
    }

    /// Where a job stands; none where it was never begun.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn standing(&self, id: &str) -> Result<Option<Standing>, BackfillError> {
        Ok(self.listed(id)?.map(|it| it.standing))
    }

    /// What a job was begun with last, or some rows of it done again with; none where it was never
    /// begun.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn definition(&self, id: &str) -> Result<Option<JobText>, BackfillError> {
        let row = control::job(&self.connection, id)?;
        row.map(|it| super::rerun::definition(&it.definition))
            .transpose()
    }

    /// Writes down why a worker of a job stopped that goes on when somebody goes on with it. It is
    /// forgotten then.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn note_stop(&self, id: &str, error: &str) -> Result<(), BackfillError> {
        if !control::exists(&self.connection)? {
            return Ok(());
        }
        let sql = "UPDATE _switchback_backfill SET error = ?2
                   WHERE job = ?1 AND status IN ('running', 'undoing')";
        control::run(&self.connection, sql, params![id, error]).map(drop)
    }

    /// All jobs, by id.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn jobs(&self) -> Result<Vec<Listed>, BackfillError> {
        let mut listed = Vec::new();
        for id in control::jobs(&self.connection)? {
            listed.extend(self.listed(&id)?);
        }
        Ok(listed)
    }

    fn listed(&self, id: &str) -> Result<Option<Listed>, BackfillError> {
        let Some(row) = control::job(&self.connection, id)? else {
            return Ok(None);
        };
        let sql = "SELECT count(*) FILTER (WHERE lease_until > ?3),
                     max(lease_until) FILTER (WHERE lease_until <= ?3)
                   FROM _switchback_backfill_range
                   WHERE job = ?1 AND sweep = ?2 AND status = 'leased'";
        let now = self.now().as_millis();
        let leases = control::first(&self.connection, sql, params![id, row.sweep, now], |it| {
            Ok((it.get::<_, u32>(0)?, it.get::<_, Option<i64>>(1)?))
        })?;
        let (leased, ended) = leases.unwrap_or_default();
        let sql = "SELECT count(*) FROM _switchback_backfill_error
                   WHERE job = ?1 AND kind = 'conflict' AND message = ?2";
        let deleted = control::first(
            &self.connection,
            sql,
            params![id, super::undo::DELETED],
            |it| it.get::<_, i64>(0),
        )?;
        Ok(Some(Listed {
            job: id.to_owned(),
            table: row.table,
            started_at: row.started_at,
            finished_at: row.finished_at,
            undo_bytes: row.undo_bytes,
            restored: row.restored,
            conflicting: row.conflicting,
            standing: Standing {
                status: row.status,
                version: row.version,
                sweep: row.sweep,
                counts: row.counts,
                sweep_scanned: row.sweep_scanned,
                total: row.total,
                leased,
                lease_ended: ended.map(Timestamp::from_millis),
                worked: Duration::from_micros(row.worked_us),
                restored: row.restored,
                conflicts: row.conflicting,
                deleted: deleted.unwrap_or_default().unsigned_abs(),
                undo_bytes: Some(row.undo_bytes),
                note: None,
                error: row.error,
                rerun: super::rerun::open(&self.connection, id)?.map(|it| it.asked),
            },
        }))
    }

    /// Rows that could not be changed, by key, at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn errors(&self, id: &str, limit: u32) -> Result<Vec<Noted>, BackfillError> {
        self.noted(id, Kind::Failed, limit)
    }

    /// Rows that were not put back because they were changed since, by key, at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn conflicts(&self, id: &str, limit: u32) -> Result<Vec<Noted>, BackfillError> {
        self.noted(id, Kind::Conflict, limit)
    }

    fn noted(&self, id: &str, kind: Kind, limit: u32) -> Result<Vec<Noted>, BackfillError> {
        if !control::exists(&self.connection)? {
            return Ok(Vec::new());
        }
        let sql = "SELECT shown, message, at FROM _switchback_backfill_error
                   WHERE job = ?1 AND kind = ?2 ORDER BY key LIMIT ?3";
        self.all(sql, params![id, kind.word(), limit], |row| {
            Ok(Noted {
                key: row.get(0)?,
                message: row.get(1)?,
                at: row.get(2)?,
            })
        })
    }

    /// The ranges of a job, walk by walk.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn ranges(&self, id: &str) -> Result<Vec<RangeState>, BackfillError> {
        let Some(job) = control::job(&self.connection, id)? else {
            return Ok(Vec::new());
        };
        let table = crate::sqlite::catalog::table(&self.connection, &job.table)?;
        let width = super::walk::Keyed::of(&table)?.parts.len();
        let sql = "SELECT * FROM _switchback_backfill_range WHERE job = ?1 ORDER BY sweep, number";
        let shown = |row: &Row<'_>, column: &str| -> rusqlite::Result<Option<String>> {
            let value = Exact::of(row.get_ref(column)?);
            let key = control::place(&value, width).unwrap_or_default();
            Ok(key.map(|it| super::codec::shown(&it)))
        };
        self.all(sql, [id], |row| {
            Ok(RangeState {
                sweep: row.get("sweep")?,
                number: row.get("number")?,
                start: shown(row, "cursor_start")?,
                end: shown(row, "cursor_end")?.unwrap_or_default(),
                place: shown(row, "place")?,
                status: row.get("status")?,
                attempts: row.get("attempts")?,
                worker: row.get("worker")?,
                epoch: row.get("epoch")?,
                counts: Counts {
                    scanned: control::count(row, "rows_scanned")?,
                    changed: control::count(row, "rows_changed")?,
                    failed: control::count(row, "rows_failed")?,
                    skipped: control::count(row, "rows_skipped")?,
                    batches: control::count(row, "batches")?,
                },
                before: row.get::<_, i64>("checksum_before")?.cast_unsigned(),
                after: row.get::<_, i64>("checksum_after")?.cast_unsigned(),
                error: row.get("error")?,
            })
        })
    }

    fn all<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, BackfillError> {
        let mut statement = self.connection.prepare(sql).map_err(at(sql))?;
        let rows = statement.query_map(parameters, read);
        Ok(rows.and_then(Iterator::collect).map_err(at(sql))?)
    }

    /// The moment, for control tables.
    pub(super) fn moment(&self) -> (Timestamp, String) {
        let now = self.now();
        (now, now.to_string())
    }
}

pub(super) fn with(row: &mut JobRow, options: &BeginOptions) {
    row.stop_on_error = options.stop_on_error;
    row.most_errors = options.most_errors;
    row.range_rows = options.range_rows.max(1);
    row.most_undo_bytes = options.most_undo_bytes;
}

/// From here on a job runs again. One that failed has another try with every row that was passed
/// over, and as many walks as one that is begun.
pub(super) fn go_on(
    connection: &Connection,
    id: &str,
    row: &mut JobRow,
) -> Result<(), BackfillError> {
    if row.status == JobStatus::Failed && super::rerun::open(connection, id)?.is_some() {
        row.changing = 0;
    } else if row.status == JobStatus::Failed {
        forget_failed(connection, id)?;
        row.counts.failed = 0;
        row.changing = 0;
        row.due = true;
    }
    row.status = JobStatus::Running;
    row.finished_at = None;
    row.error = None;
    Ok(())
}

fn forget_failed(connection: &Connection, id: &str) -> Result<(), BackfillError> {
    let sql = "DELETE FROM _switchback_backfill_error WHERE job = ?1 AND kind = 'failed'";
    control::run(connection, sql, [id]).map(drop)
}

/// Forgets what was done, apart from former values.
pub(super) fn clear(connection: &Connection, id: &str) -> Result<(), BackfillError> {
    for sql in [
        "DELETE FROM _switchback_backfill_range WHERE job = ?1",
        "DELETE FROM _switchback_backfill_error WHERE job = ?1",
        "DELETE FROM _switchback_backfill_rerun WHERE job = ?1",
    ] {
        control::run(connection, sql, [id])?;
    }
    Ok(())
}
