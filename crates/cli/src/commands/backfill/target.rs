//! The database of an environment as backfills use it, whichever engine it is of.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rand_core::{OsRng, RngCore as _};
use switchback_db::backfill::{
    Again, Expired, Gauge, Hands, Moment, RerunError, Running, Standing, UndoKept, WalkRange, run,
};
use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::backfill::{
    self as on_server, GaugeOptions, HandsOptions, PostgresGauge, PostgresHands, PostgresUndo,
};
use switchback_db::postgres::change::Options;
use switchback_db::sqlite::backfill::{self as in_file, BackfillOptions, Backfills, BeginOptions};
use switchback_migration::backfill::machine::{End, Pace};
use switchback_migration::backfill::throttle::{Limits, Throttle};
use switchback_migration::backfill::{Choice, Job, JobStatus, Part, TableFacts, Verification};
use switchback_model::{BackfillId, EnvironmentName};

use crate::clock::Clock;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::settings::types::{Database, Environment};

pub(super) use super::asked::Asked;

/// How beginning a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    New,
    Resumed,
    Done,
}

/// A job that is known in a database.
pub(super) struct Known {
    pub(super) job: String,
    pub(super) table: String,
    pub(super) status: JobStatus,
}

/// A row that refused what it should get, or that an undo left alone.
pub(super) struct Left {
    pub(super) key: String,
    pub(super) why: String,
}

/// A database in which backfills are done.
pub(super) enum Target {
    Sqlite {
        environment: EnvironmentName,
        path: PathBuf,
        jobs: Backfills,
    },
    Postgres {
        environment: EnvironmentName,
        url: String,
        variable: String,
        database: Box<PostgresDatabase>,
    },
}

/// How long a lease holds. A worker that vanished is missed for no longer.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// How often somebody looks how the database is.
const LOOK: Duration = Duration::from_millis(250);

/// How often it is told how a run goes.
const TELL: Duration = Duration::from_millis(250);

/// How long a server that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The size of SQLite's log of changes at which work is halved, in bytes: 64 MiB.
const WAL: u64 = 64 << 20;

/// How a worker of a backfill uses a server: impatient, since it tries again with less.
fn impatient() -> Options {
    Options {
        lock_timeout: Duration::from_millis(500),
        statement_timeout: Duration::from_secs(10),
        retries: 0,
        ..Options::default()
    }
}

fn clock(clock: Clock) -> in_file::Clock {
    Arc::new(move || clock.now())
}

impl Target {
    /// Opens the database of an environment.
    pub(super) fn open(context: &Context<'_>, environment: &Environment) -> Result<Self, Failure> {
        match &environment.database {
            Some(Database::Sqlite { path }) => {
                let path = context.path(path);
                let environment = environment.name.clone();
                let jobs = in_file(context, &environment, &path)?;
                Ok(Self::Sqlite {
                    environment,
                    path,
                    jobs,
                })
            }
            Some(Database::Postgres { .. }) => {
                let url = context.database_url(environment)?.to_owned();
                let variable = environment.database_variable();
                let database = Box::new(connect(&url, &environment.name, &variable)?);
                Ok(Self::Postgres {
                    environment: environment.name.clone(),
                    url,
                    variable,
                    database,
                })
            }
            None => Err(errors::not_set(&environment.name, "database")),
        }
    }
}

/// What a call for a file came to.
fn of_file<T>(
    environment: &EnvironmentName,
    result: Result<T, in_file::BackfillError>,
) -> Result<T, Failure> {
    result.map_err(|error| errors::backfill_in_file(environment, &error))
}

/// What a call for a server came to.
fn of_server<T>(
    environment: &EnvironmentName,
    result: Result<T, on_server::BackfillError>,
) -> Result<T, Failure> {
    result.map_err(|error| errors::backfill_on_server(environment, &error))
}

fn in_file(
    context: &Context<'_>,
    environment: &EnvironmentName,
    path: &Path,
) -> Result<Backfills, Failure> {
    let options = BackfillOptions {
        lease: LEASE,
        ..BackfillOptions::default()
    };
    let opened = Backfills::open(path, options, clock(context.shell.clock));
    of_file(environment, opened)
}

fn connect(
    url: &str,
    environment: &EnvironmentName,
    variable: &str,
) -> Result<PostgresDatabase, Failure> {
    PostgresDatabase::connect(url, impatient(), OsRng.next_u64())
        .map_err(|error| errors::not_connected(environment, variable, &error))
}

fn begin_options(asked: &Asked) -> BeginOptions {
    BeginOptions {
        anew: asked.anew,
        stop_on_error: asked.stop_on_error,
        most_errors: asked.most_failed,
        most_undo_bytes: asked.most_undo,
        ..BeginOptions::default()
    }
}

impl Target {
    /// Begins a job or goes on with it.
    pub(super) fn begin(
        &mut self,
        job: &Job,
        facts: &TableFacts,
        choice: &Choice,
        asked: &Asked,
    ) -> Result<Begun, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => {
                let options = begin_options(asked);
                Ok(match of_file(environment, jobs.begin(job, &options))? {
                    in_file::Begun::Started => Begun::New,
                    in_file::Begun::Resumed | in_file::Begun::Running => Begun::Resumed,
                    in_file::Begun::Done => Begun::Done,
                })
            }
            Self::Postgres {
                environment,
                database,
                ..
            } => {
                // Where nobody has counted, a column that is to be filled is mostly empty.
                let empty = facts.empty.is_none_or(|part| part >= 0.5);
                let begun = database.begin_backfill(job, choice.strategy, empty, asked.anew);
                let begun = of_server(environment, begun)?;
                Ok(match begun {
                    on_server::Begun::New => Begun::New,
                    on_server::Begun::Resumed => Begun::Resumed,
                    on_server::Begun::Done => Begun::Done,
                })
            }
        }
    }

    /// Where a job stands; none if it was never begun here.
    pub(super) fn standing(&mut self, job: &str) -> Result<Option<Standing>, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.standing(job)),
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.backfill_standing(job)),
        }
    }

    /// Every job that was begun here.
    pub(super) fn list(&mut self) -> Result<Vec<Known>, Failure> {
        Ok(match self {
            Self::Sqlite {
                environment, jobs, ..
            } => {
                let known = of_file(environment, jobs.jobs())?.into_iter();
                let known = known.map(|it| Known {
                    job: it.job,
                    table: it.table,
                    status: it.standing.status,
                });
                known.collect()
            }
            Self::Postgres {
                environment,
                database,
                ..
            } => {
                let known = of_server(environment, database.backfills())?.into_iter();
                let known = known.map(|it| Known {
                    job: it.job,
                    table: it.table,
                    status: it.status,
                });
                known.collect()
            }
        })
    }

    /// Tells a job to pause, to go on, to be called off or to be undone.
    pub(super) fn tell(&mut self, job: &str, to: JobStatus) -> Result<(), Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.ask(job, to)),
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.tell_backfill(job, to)).map(drop),
        }
    }

    /// What a job was begun with last, as the database has it; none if it was never begun here.
    pub(super) fn definition(&mut self, job: &str) -> Result<Option<Job>, Failure> {
        let text = match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.definition(job))?,
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.backfill_definition(job))?,
        };
        // What is no name was never begun.
        Ok(text.and_then(|text| {
            Some(Job {
                id: BackfillId::new(job).ok()?,
                text,
            })
        }))
    }

    /// What is kept to undo a job, if it is kept for so long; none if it was never begun here.
    pub(super) fn kept(&mut self, job: &str, keep: Duration) -> Result<Option<UndoKept>, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.kept(job, keep)),
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.backfill_kept(job, keep)),
        }
    }

    /// Drops what is kept to undo a job that is over for so long, some batches of it.
    pub(super) fn expire(
        &mut self,
        job: &str,
        keep: Duration,
        most: u32,
    ) -> Result<Expired, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => {
                let did = of_file(environment, jobs.expire(job, keep, most));
                // Other writers poll for the lock.
                std::thread::sleep(Duration::from_millis(5));
                did
            }
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.expire_backfill(job, keep, most)),
        }
    }

    /// Writes down why a worker stopped, if that can still be done.
    pub(super) fn note_stop(&mut self, job: &str, failure: &Failure) {
        let said: Vec<String> = failure
            .diagnostics
            .iter()
            .flat_map(|it| std::iter::once(&it.message).chain(&it.causes).cloned())
            .collect();
        let said = said.join(": ");
        // A disk that is full, or a server that is gone, keeps nothing.
        let _ = match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.note_stop(job, &said)),
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.note_backfill_stop(job, &said)),
        };
    }

    /// Begins to do some rows again, or goes on with it; none where no row refused.
    pub(super) fn rerun(
        &mut self,
        job: &Job,
        parts: &[Part],
        asked: &Asked,
        dry_run: bool,
    ) -> Result<Option<Again>, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => {
                use in_file::BackfillError as E;
                let options = begin_options(asked);
                match jobs.rerun(job, parts, &options, dry_run) {
                    Ok(again) => Ok(Some(again)),
                    Err(E::Rerun(RerunError::NothingRefused)) => Ok(None),
                    Err(E::Rerun(error)) => Err(errors::not_again(&job.id, environment, &error)),
                    Err(E::OtherColumns { .. }) => {
                        Err(errors::again_otherwise(&job.id, environment))
                    }
                    other => of_file(environment, other).map(Some),
                }
            }
            Self::Postgres {
                environment,
                database,
                ..
            } => {
                use on_server::BackfillError as E;
                match database.rerun_backfill(job, parts, dry_run) {
                    Ok(again) => Ok(Some(again)),
                    Err(E::Rerun(RerunError::NothingRefused)) => Ok(None),
                    Err(E::Rerun(error)) => Err(errors::not_again(&job.id, environment, &error)),
                    Err(E::OtherColumns { .. }) => {
                        Err(errors::again_otherwise(&job.id, environment))
                    }
                    other => of_server(environment, other).map(Some),
                }
            }
        }
    }

    /// The ranges of a job's walks.
    pub(super) fn ranges(&mut self, job: &str) -> Result<Vec<WalkRange>, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.walk_ranges(job, None)),
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.backfill_ranges(job)),
        }
    }

    /// Rows that refused what they should get, some of them.
    pub(super) fn failures(&mut self, job: &str, most: u32) -> Result<Vec<Left>, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.errors(job, most)).map(noted),
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.backfill_failures(job, most)).map(left),
        }
    }

    /// Rows that an undo left alone, some of them.
    pub(super) fn conflicts(&mut self, job: &str, most: u32) -> Result<Vec<Left>, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.conflicts(job, most)).map(noted),
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.backfill_conflicts(job, most)).map(left),
        }
    }

    /// Looks at all rows of a job.
    pub(super) fn verify(
        &mut self,
        job: &Job,
        samples: u32,
        seed: u32,
    ) -> Result<Verification, Failure> {
        match self {
            Self::Sqlite {
                environment, jobs, ..
            } => of_file(environment, jobs.verify(job, samples, seed)),
            Self::Postgres {
                environment,
                database,
                ..
            } => of_server(environment, database.verify_backfill(job, samples, seed)),
        }
    }

    /// Walks a job that was begun, or one that is to be undone, until it is over or `each` says
    /// stop. `each` is also given the throttle as it is.
    pub(super) fn walk(
        &self,
        context: &Context<'_>,
        job: &Job,
        key: &[String],
        asked: &Asked,
        undo: bool,
        each: &mut dyn FnMut(&Moment) -> Next,
    ) -> Result<End, Failure> {
        let workers = match self {
            // One writer at a time: more would only wait for each other.
            Self::Sqlite { .. } => 1,
            Self::Postgres { .. } if undo => 1,
            Self::Postgres { .. } => asked.workers.max(1),
        };
        let pace = Pace {
            rows: asked.batch_rows.unwrap_or(1000).min(1000),
            lease: LEASE,
            most_a_second: asked.most_a_second.map(|most| most / f64::from(workers)),
        };
        let running = Running {
            pace,
            most_rows: asked.batch_rows.unwrap_or(u32::MAX),
            look_every: LOOK,
            tell_every: TELL,
            patience: PATIENCE,
        };
        let abort = Arc::new(AtomicBool::new(false));
        let mut limits = asked.limits.clone();
        match self {
            Self::Sqlite {
                environment,
                path,
                jobs,
            } => {
                let open = || in_file(context, environment, path);
                let gauge = of_file(environment, jobs.gauge(job, WAL))?;
                // Waiting writers ask again and again: without a pause one of ours would starve
                // them.
                limits.most = limits.most.min(0.67);
                if undo {
                    let hands = vec![open()?.undo_hands(job.id.as_str())];
                    let ended = drive(context, hands, gauge, &limits, &running, each);
                    of_file(environment, ended)
                } else {
                    let hands = open()?.hands(job, &worker(0));
                    let mut hands = of_file(environment, hands)?;
                    if let Some(programs) = &asked.programs {
                        hands = hands.with_programs(programs.launch());
                    }
                    let hands = vec![hands];
                    let ended = drive(context, hands, gauge, &limits, &running, each);
                    of_file(environment, ended)
                }
            }
            Self::Postgres {
                environment,
                url,
                variable,
                ..
            } => {
                let mut options = GaugeOptions::new(job.text.table.clone(), key.to_vec());
                options.cpus = asked.cpus;
                options.signals = asked.limits.signals.keys().copied().collect();
                let gauge = PostgresGauge::connect(url, options)?;
                if undo {
                    let database = connect(url, environment, variable)?;
                    let hands = vec![PostgresUndo::new(database, job.clone(), abort)];
                    let ended = drive(context, hands, gauge, &limits, &running, each);
                    return of_server(environment, ended);
                }
                let mut hands = Vec::new();
                for number in 0..workers {
                    let options = HandsOptions {
                        worker: worker(number),
                        lease: LEASE,
                        stop_on_error: asked.stop_on_error,
                        most_failed: asked.most_failed,
                        most_undo: asked.most_undo,
                    };
                    let database = connect(url, environment, variable)?;
                    let mut one =
                        PostgresHands::new(database, job.clone(), options, Arc::clone(&abort));
                    if let Some(programs) = &asked.programs {
                        one = one.with_programs(programs.launch());
                    }
                    hands.push(one);
                }
                let ended = drive(context, hands, gauge, &limits, &running, each);
                of_server(environment, ended)
            }
        }
    }
}

/// What tells a worker from every other one, on this machine and on others.
fn worker(number: u32) -> String {
    format!("{}-{:016x}-{number}", std::process::id(), OsRng.next_u64())
}

fn noted(rows: Vec<in_file::Noted>) -> Vec<Left> {
    let left = rows.into_iter().map(|it| Left {
        key: it.key,
        why: it.message,
    });
    left.collect()
}

fn left(rows: Vec<on_server::Failed>) -> Vec<Left> {
    let left = rows.into_iter().map(|it| Left {
        key: it.key,
        why: it.message,
    });
    left.collect()
}

fn drive<H: Hands + Send>(
    context: &Context<'_>,
    hands: Vec<H>,
    gauge: impl Gauge,
    limits: &Limits,
    running: &Running,
    each: &mut dyn FnMut(&Moment) -> Next,
) -> Result<End, H::Error> {
    let clock = context.shell.clock;
    let mut throttle = Throttle::new(limits.clone());
    let govern = move |now: Duration, readings: &_| {
        throttle.read(now, readings);
        throttle.allowance(now, clock.now())
    };
    run(hands, gauge, govern, running, each)
}
