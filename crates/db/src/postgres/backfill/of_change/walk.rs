//! Doing the fill of a change and taking it back, on the connection of the change, one worker at a
//! time in each process.

use std::borrow::BorrowMut;
use std::time::Duration;

use postgres::Client;
use switchback_migration::backfill::machine::{Batch, End, Pace};
use switchback_migration::backfill::strategy::Refusal;
use switchback_migration::backfill::throttle::Allowance;
use switchback_migration::backfill::{Job, JobStatus, Strategy, choose};
use switchback_model::BackfillId;
use switchback_model::plan::Fill;

use super::super::close::{MOST_WALKS, differing};
use super::super::control::{self, JobRow};
use super::super::error::BackfillError;
use super::super::hands::{HandsOptions, PostgresHands, statements};
use super::super::jobs::{first_walk, insert, renew};
use super::super::place::rows_on_page;
use super::super::statement::by_place;
use super::super::table::range::Range;
use super::super::undo::PostgresUndo;
use super::super::watched::Watched;
use super::control::{bare, fitting, row, tidy};
use super::polite::Polite;
use crate::backfill::alone::{Beside, alone};
use crate::fill::{FillEnd, Next, Progress};
use crate::postgres::PostgresDatabase;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{begin, commit, reading};
use crate::postgres::change::{ChangeError, Observer, Unfit};

/// A smaller table is filled before a gauge would know what is usual, in rows.
const WORTH_A_GAUGE: u64 = 50_000;

/// How often rows are begun to be walked when what a strategy was chosen by changes each time.
const MOST_CHOICES: u32 = 3;

/// The longest pause after a batch where nobody looks how the database is, as a multiple of how long
/// it took.
const PAUSE: f64 = 0.25;

/// What is to be known of the rows before they are walked.
struct Chosen {
    strategy: Strategy,
    /// Whether the first walk takes only rows that have nothing yet.
    empty_first: bool,
}

/// How beginning ended.
enum Begun {
    /// About so many rows are to be walked, and by which key they are named.
    Walk(u64, Vec<String>),
    /// Somebody else has done it meanwhile.
    Done,
}

/// Gives rows what they should have. See [`PostgresDatabase::fill`].
pub(in crate::postgres) fn fill(
    database: &mut PostgresDatabase,
    fill: &Fill,
    observer: &mut dyn Observer,
    on_batch: &mut dyn FnMut(&Progress) -> Next,
) -> Result<FillEnd, ChangeError> {
    let job = Job::of_fill(fill);
    for _ in 0..MOST_CHOICES {
        let found = database.read(|client, _| row(client, fill))?;
        let mut again = false;
        if let Some(row) = found.as_ref().filter(|it| it.status == JobStatus::Done) {
            // Code that writes only one column may have run since: then it is done again.
            if left(database, observer, fill, row)? == 0 {
                return Ok(FillEnd::Already);
            }
            again = true;
        }
        let chosen = match found.map(|it| it.status) {
            Some(JobStatus::Running) => None,
            _ => Some(chosen(database, &job)?),
        };
        let begun = start(database, observer, &job, chosen.as_ref(), again);
        let (rows, key) = match begun.map_err(|error| plain(error, fill))? {
            Begun::Walk(rows, key) => (rows, key),
            Begun::Done => return Ok(FillEnd::Already),
        };
        let options = HandsOptions {
            worker: format!("session {}", database.session()),
            lease: database.options().lease,
            stop_on_error: true,
            most_failed: 0,
            most_undo: None,
        };
        let mut looking = Looking::new(database, fill, rows, key, on_batch)?;
        let pace = looking.pace(database, fill);
        let mut hands = PostgresHands::beside(&mut *database, job.clone(), options, &mut *observer);
        let ended = alone(&mut hands, |it| &mut it.on, pace, &mut looking);
        drop(hands);
        let at = looking.at;
        match ended.map_err(|error| plain(error, fill))? {
            End::Job(JobStatus::Done) => {
                return Ok(FillEnd::Done(reached(database, observer, &job, at)?));
            }
            End::Stopped => return Ok(FillEnd::Stopped(at)),
            End::Job(JobStatus::Failed) => {}
            End::Job(_) => return Err(vanished(fill)),
        }
        let found = database.read(|client, _| row(client, fill))?;
        let Some(row) = found else {
            return Err(vanished(fill));
        };
        if row.closed >= MOST_WALKS {
            return Err(ChangeError::StillDiffers {
                table: fill.table.clone(),
                columns: fill.set.keys().cloned().collect(),
                rows: left(database, observer, fill, &row)?,
                sweeps: row.closed.unsigned_abs(),
            });
        }
        // The table is not what it was when it was chosen how to walk it.
    }
    Err(ChangeError::Shifting)
}

/// Puts back what a fill changed. See [`PostgresDatabase::unfill`].
pub(in crate::postgres) fn unfill(
    database: &mut PostgresDatabase,
    fill: &Fill,
    observer: &mut dyn Observer,
    on_batch: &mut dyn FnMut(&Progress) -> Next,
) -> Result<FillEnd, ChangeError> {
    if !fill.keep_undo {
        return Err(ChangeError::NothingKept {
            step: fill.step.to_string(),
        });
    }
    let job = Job::of_fill(fill);
    let Some((rows, key)) = start_unfill(database, observer, &job)? else {
        return Ok(FillEnd::Already);
    };
    let mut looking = Looking::new(database, fill, rows, key, on_batch)?;
    looking.back = Some(rows);
    let pace = looking.pace(database, fill);
    let mut hands = PostgresUndo::beside(&mut *database, job.clone(), &mut *observer);
    let ended = alone(&mut hands, |it| &mut it.on, pace, &mut looking);
    drop(hands);
    let at = looking.at;
    match ended {
        Ok(End::Job(JobStatus::Undone)) => {
            Ok(FillEnd::Done(reached(database, observer, &job, at)?))
        }
        // Another process came to its end first, and it is forgotten.
        Err(BackfillError::Unknown { .. }) => Ok(FillEnd::Done(at)),
        Ok(End::Stopped) => Ok(FillEnd::Stopped(at)),
        Ok(End::Job(_)) => Err(ChangeError::UnknownStep {
            change: fill.change.to_string(),
            expected: format!("the fill of step {} being taken back", fill.step),
            found: "it under way again".to_owned(),
        }),
        Err(error) => Err(plain(error, fill)),
    }
}

/// Removes what is kept of fills that nobody needs. What does not work now is left to the next one
/// that comes by, and whoever looks on is told: the effect itself is done, so this cannot be its
/// error.
pub(in crate::postgres) fn tidy_all(database: &mut PostgresDatabase, observer: &mut dyn Observer) {
    loop {
        let more = database.backfill(&mut *observer, |client, desk, _| {
            desk.next("removing former values that nobody needs", None)?;
            Ok(tidy(client)?)
        });
        match more {
            Ok((true, _)) => {}
            // Whoever wants to stop need not be told that it stopped.
            Ok((false, _)) | Err(BackfillError::Database(ChangeError::Aborted { .. })) => return,
            Err(error) => return observer.not_tidied(&bare(error)),
        }
    }
}

/// Another process took the fill back while this one ran.
fn vanished(fill: &Fill) -> ChangeError {
    ChangeError::UnknownStep {
        change: fill.change.to_string(),
        expected: format!("the fill of step {} under way", fill.step),
        found: "it is taken back".to_owned(),
    }
}

/// What goes wrong with a backfill, as what goes wrong with a step.
fn plain(error: BackfillError, fill: &Fill) -> ChangeError {
    match error {
        BackfillError::Unknown { .. } | BackfillError::Stands { .. } => vanished(fill),
        BackfillError::NothingKept { .. } => ChangeError::NothingKept {
            step: fill.step.to_string(),
        },
        BackfillError::OtherVersion { .. } | BackfillError::OtherColumns { .. } => {
            ChangeError::UnknownStep {
                change: fill.change.to_string(),
                expected: format!("the fill of step {}", fill.step),
                found: "the fill of another definition, which can still be put back".to_owned(),
            }
        }
        other => bare(other),
    }
}

/// How many rows differ at one moment.
fn left(
    database: &mut PostgresDatabase,
    observer: &mut dyn Observer,
    fill: &Fill,
    row: &JobRow,
) -> Result<u64, ChangeError> {
    let (version, options) = (database.version(), database.options().clone());
    let left = database.backfill(observer, |client, desk, path| {
        let each = || desk.next("counting rows that differ", None);
        each()?;
        Ok(reading(client, &options, path, |client| {
            let statements = fitting(client, path, version, fill, Some(&row.key))?;
            let sql = |range: &Range| statements.count(range, None, &[]);
            differing(client, &each, &statements, &sql, by_place(row.strategy))
        })?)
    });
    Ok(left.map_err(bare)?.0)
}

/// How the rows are to be walked.
fn chosen(database: &mut PostgresDatabase, job: &Job) -> Result<Chosen, ChangeError> {
    let facts = database.backfill_facts(job)?;
    let chosen = choose(&facts, job, None).and_then(|choice| match choice.strategy {
        chosen if in_place(chosen) => Ok(choice),
        _ => choose(&facts, job, Some(Strategy::Plain)),
    });
    let choice = chosen.map_err(|refusal| ChangeError::Unfit {
        table: job.text.table.clone(),
        reason: match refusal {
            Refusal::NoKeyForUndo { .. } => Unfit::NoKey,
            other => Unfit::Refused(other),
        },
    })?;
    let name = switchback_migration::postgres::name;
    let itself = job
        .text
        .set
        .iter()
        .any(|(column, value)| *value == name(column));
    Ok(Chosen {
        strategy: choice.strategy,
        // Where nobody has counted, a column that is to be filled is mostly empty.
        empty_first: !itself && facts.empty.is_none_or(|part| part >= 0.5),
    })
}

/// Whether rows are changed where they are: a change is planned for the table that is there, with its
/// triggers, and no other one may take its place.
const fn in_place(strategy: Strategy) -> bool {
    use Strategy::{KeyRange, Plain, Strided};
    matches!(strategy, Strided { .. } | Plain | KeyRange)
}

/// Begins a fill, or goes on with it. Without `chosen` it must be under way. With `again` it is
/// walked once more although it was done.
fn start(
    database: &mut PostgresDatabase,
    observer: &mut dyn Observer,
    job: &Job,
    chosen: Option<&Chosen>,
    again: bool,
) -> Result<Begun, BackfillError> {
    let (version, options) = (database.version(), database.options().clone());
    let begun = database.backfill(observer, |client, desk, path| {
        let id = job.id.as_str();
        desk.next("BEGIN", None)?;
        begin(client, &options, path)?;
        control::lock_alone(client, id)?;
        let known = control::job(client, id, true)?;
        let key = known.as_ref().map(|it| it.key.clone());
        match (&known, chosen) {
            (Some(row), _) if row.status == JobStatus::Running => {}
            (Some(row), _) if row.status == JobStatus::Done && !again => {
                commit(client, desk)?;
                return Ok(Begun::Done);
            }
            // Somebody has taken it back since it was looked at.
            (_, None) => return Err(BackfillError::Unknown { job: id.to_owned() }),
            (Some(row), Some(chosen)) => {
                if control::keeps_of_others(client, row.id, &job.text)? {
                    return Err(BackfillError::OtherColumns { job: id.to_owned() });
                }
                renew(client, row, job, chosen.strategy, chosen.empty_first)?;
                first_walk(client, path, version, job, chosen.strategy)?;
            }
            (None, Some(chosen)) => {
                insert(client, job, chosen.strategy, chosen.empty_first)?;
                first_walk(client, path, version, job, chosen.strategy)?;
            }
        }
        let table = statements(client, path, version, job, key.as_deref())?.table;
        commit(client, desk)?;
        let pages: u64 = table.leaves.iter().map(|it| it.pages).sum();
        let rows = table.rows().unwrap_or(pages * rows_on_page(&table));
        Ok(Begun::Walk(rows, table.key_names()))
    })?;
    Ok(begun.0)
}

/// Writes that a fill is taken back, and gives about how many rows were changed and by which key they
/// are named; none if there is no fill.
fn start_unfill(
    database: &mut PostgresDatabase,
    observer: &mut dyn Observer,
    job: &Job,
) -> Result<Option<(u64, Vec<String>)>, ChangeError> {
    let options = database.options().clone();
    let begun = database.backfill(observer, |client, desk, path| {
        if !control::exists(client)? {
            return Ok(None);
        }
        desk.next("BEGIN", None)?;
        begin(client, &options, path)?;
        let id = job.id.as_str();
        control::lock_alone(client, id)?;
        let row = control::job(client, id, true)?;
        let Some(row) = row.filter(|it| it.status != JobStatus::Undone) else {
            commit(client, desk)?;
            return Ok(None);
        };
        if row.status != JobStatus::Undoing {
            control::set_status(client, row.id, JobStatus::Undoing, None)?;
        }
        let sql = "SELECT coalesce(sum(rows), 0)::bigint FROM _switchback.backfill_undo \
                   WHERE backfill = $1";
        let kept = client.query_one(sql, &[&row.id]).map_err(at(sql))?;
        let rows: i64 = kept.try_get(0).map_err(at(sql))?;
        commit(client, desk)?;
        Ok(Some((rows.unsigned_abs(), row.key)))
    });
    Ok(begun.map_err(bare)?.0)
}

/// How far a job has come, as its control tables say.
fn reached(
    database: &mut PostgresDatabase,
    observer: &mut dyn Observer,
    job: &Job,
    at: Progress,
) -> Result<Progress, ChangeError> {
    let now = database.backfill(observer, |client, desk, _| {
        desk.next("reading where the fill stands", None)?;
        Ok(counted(client, job.id.as_str(), at)?)
    });
    Ok(now.map_err(bare)?.0)
}

fn counted(client: &mut Client, job: &str, so_far: Progress) -> Result<Progress, ChangeError> {
    let sql = "SELECT coalesce(sum(it.scanned), 0)::bigint, coalesce(sum(it.changed), 0)::bigint,
                 coalesce(sum(it.batches), 0)::bigint,
                 coalesce(sum(it.scanned) FILTER (WHERE it.sweep = job.sweep), 0)::bigint,
                 max(job.total), max(job.restored),
                 (SELECT count(*) FROM _switchback.backfill_conflict WHERE backfill = max(job.id)),
                 max(job.status) IN ('undoing', 'undone')
               FROM _switchback.backfill AS job
                 LEFT JOIN _switchback.backfill_range AS it ON it.backfill = job.id
               WHERE job.job = $1";
    let row = client.query_one(sql, &[&job]).map_err(at(sql))?;
    let get = |column| -> Result<Option<u64>, ChangeError> {
        let found: Option<i64> = row.try_get(column).map_err(at(sql))?;
        Ok(found.map(i64::unsigned_abs))
    };
    let number = |column| get(column).map(Option::unwrap_or_default);
    if row.try_get::<_, Option<bool>>(7).map_err(at(sql))? == Some(true) {
        return Ok(Progress {
            rows_changed: number(5)?,
            rows_left: number(6)?,
            ..so_far
        });
    }
    Ok(Progress {
        rows_scanned: number(0)?,
        rows_changed: number(1)?,
        rows_left: 0,
        batches: number(2)?,
        sweep_rows: number(3)?,
        total: get(4)?,
        ..so_far
    })
}

/// Whoever looks at the database while its rows are walked, and tells how that goes.
struct Looking<'a> {
    job: String,
    on_batch: &'a mut dyn FnMut(&Progress) -> Next,
    at: Progress,
    /// How many rows are to be put back, where they are.
    back: Option<u64>,
    batch_time: Duration,
    polite: Option<Polite>,
    /// Why nothing may be done now, if so.
    resting: Option<String>,
}

impl<'a> Looking<'a> {
    fn new(
        database: &PostgresDatabase,
        fill: &Fill,
        rows: u64,
        key: Vec<String>,
        on_batch: &'a mut dyn FnMut(&Progress) -> Next,
    ) -> Result<Self, ChangeError> {
        let limits = database.limits().filter(|_| rows >= WORTH_A_GAUGE);
        let polite = limits.map(|limits| Polite::new(database, fill, key, limits));
        Ok(Self {
            job: BackfillId::of_fill(&fill.change, &fill.step).to_string(),
            on_batch,
            at: Progress::default(),
            back: None,
            batch_time: database.options().batch_time,
            polite: polite.transpose()?,
            resting: None,
        })
    }

    fn pace(&self, database: &PostgresDatabase, fill: &Fill) -> Pace {
        Pace {
            rows: fill.batch_rows,
            lease: database.options().lease,
            most_a_second: None,
        }
    }
}

impl<D, O> Beside<Watched<D, O>, BackfillError> for Looking<'_>
where
    D: BorrowMut<PostgresDatabase>,
    O: Observer,
{
    fn allowance(&mut self, at: Duration) -> Allowance {
        let allowance = match &mut self.polite {
            Some(polite) => polite.allowed(at),
            None => Allowance {
                batch: Some(self.batch_time),
                pause: PAUSE,
                ..Allowance::default()
            },
        };
        self.resting = allowance.batch.is_none().then(|| allowance.reason.clone());
        allowance
    }

    fn batch(&mut self, on: &mut Watched<D, O>, batch: &Batch) -> Result<Next, BackfillError> {
        if batch.rows == 0 {
            return Ok(Next::Continue);
        }
        let (job, database) = (&self.job, on.database());
        let now = match self.back {
            Some(total) => self.at.back(batch.rows, total),
            None => self.at,
        };
        let (now, _) = database.backfill(&mut (), |client, desk, _| {
            desk.next("reading where the fill stands", None)?;
            Ok(counted(client, job, now)?)
        })?;
        self.at = Progress {
            took: batch.held,
            waits: database.waits(),
            ..now
        };
        Ok((self.on_batch)(&self.at))
    }

    fn stop(&mut self, on: &mut Watched<D, O>) -> bool {
        if let Some(reason) = &self.resting {
            on.observer.paced(reason);
        }
        on.observer.stop()
    }
}
