//! `switchback backfill run` and `resume`: rows get their values, as fast as the database bears.

use std::time::Duration;

use clap::Args;
use switchback_db::fill::Next;
use switchback_diag::Exit;
use switchback_migration::backfill::machine::End;
use switchback_migration::backfill::throttle::Limits;
use switchback_migration::backfill::{Job, JobStatus, choose};
use switchback_model::{Event, EventId};

use super::limits::LimitArgs;
use super::plan::{PlanView, Wanted};
use super::programs::Programs;
use super::show::{Doing, Show};
use super::status::Standing;
use super::target::{Asked, Begun, Target};
use crate::backfills;
use crate::book::Book;
use crate::confirm::{self, Consent};
use crate::context::Context;
use crate::effects::{EnvironmentDatabase, engine};
use crate::errors::{self, Failure};
use crate::interrupt;
use crate::metrics::MetricsArgs;
use crate::settings::types::Environment;

/// Give rows their values, or go on with it
///
/// Rows are walked in batches. Each is one transaction with the place that it reached and what rows
/// had before, so it may be stopped at any moment, and the same command goes on. Several may run at
/// once, on several machines. How fast it goes is decided by how the database is, four times a
/// second; why it does not go faster is always shown. The first Ctrl-C ends it after the batch that
/// is under way.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The backfill
    #[arg(value_name = "BACKFILL")]
    id: String,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    work: WorkArgs,
    /// End with the first row that cannot be changed, instead of passing over it
    #[arg(long)]
    stop_on_error: bool,
    /// How many rows may be passed over because they cannot be changed
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    most_errors: u64,
    /// How long a program that says what rows get may say nothing, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    program_timeout: u64,
    /// Walk all rows from the first one, with the definition as it is now
    #[arg(long)]
    anew: bool,
    /// End when what is kept to undo it takes more, such as 20GiB
    #[arg(long, value_name = "SIZE", value_parser = super::limits::size)]
    undo_limit: Option<u64>,
    /// Show how rows would be walked, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

/// How a run works.
#[derive(Debug, Clone, Args)]
pub(super) struct WorkArgs {
    /// Workers of this process, each with a connection of its own
    ///
    /// Each uses a CPU of the database while nobody else uses it. Beside others they take turns. On
    /// SQLite there is always one.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// Rows in a batch, at most; how many there are is decided by the time that they take
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: Option<u32>,
    /// Rows a second, at most
    #[arg(long, value_name = "ROWS", value_parser = super::limits::rate)]
    max_rate: Option<f64>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    metrics: MetricsArgs,
}

/// What is walked.
pub(super) struct Walked<'a> {
    pub(super) job: &'a Job,
    pub(super) doing: Doing,
    /// Which rows are done again, where not all are walked.
    pub(super) again: &'a [String],
    pub(super) asked: &'a Asked,
    /// The columns by which a row can be named.
    pub(super) key: &'a [String],
}

impl WorkArgs {
    /// Beside the limits of the run.
    pub(super) fn asked(&self, environment: &Environment) -> Result<Asked, Failure> {
        let limits = engine(environment).map_or_else(Limits::default, Limits::of);
        Ok(Asked {
            workers: self.workers,
            batch_rows: self.batch_size,
            most_a_second: self.max_rate,
            stop_on_error: false,
            most_failed: u64::MAX,
            most_undo: None,
            limits: self.limits.apply(limits)?,
            cpus: self.limits.cpus,
            anew: false,
            programs: None,
        })
    }

    /// Walks what was begun, shows how it goes, and records how it ended.
    pub(super) fn walk(
        &self,
        context: &Context<'_>,
        book: &mut Book,
        environment: &Environment,
        target: &mut Target,
        walked: &Walked<'_>,
    ) -> Result<End, Failure> {
        let Walked {
            job,
            doing,
            again,
            asked,
            key,
        } = *walked;
        let begun = context.shell.clock.now();
        let undo = doing == Doing::Undo;
        let (id, version) = (job.id.as_str(), job.version());
        let part = [environment.name.as_str(), id, &begun.to_string()];
        let event = |kind: &str| {
            let parts: Vec<&str> = std::iter::once(kind).chain(part).collect();
            EventId::of(&parts)
        };
        book.append(
            event("backfill-begun"),
            begun,
            Event::BackfillBegun {
                environment: environment.name.clone(),
                backfill: job.id.clone(),
                version,
                undo,
                again: again.to_vec(),
            },
        )?;
        let board = self.metrics.start(&context.shell.folder)?;
        if let Some(address) = board.address() {
            let out = &context.shell.out;
            out.note(&format!("metrics at http://{address}/metrics"));
        }
        let mut eyes = Target::open(context, environment)?;
        let mut show = Show::new(context, environment, job, doing, asked);
        let heard = |show: &Show<'_>| {
            for line in asked.programs.iter().flat_map(Programs::said) {
                show.say(&format!("the program says: {line}"));
            }
        };
        let _heeded = interrupt::heed();
        let ended = target.walk(context, job, key, asked, undo, &mut |moment| {
            show.at(moment, &mut eyes, &board);
            heard(&show);
            if interrupt::is_asked() {
                Next::Stop
            } else {
                Next::Continue
            }
        });
        heard(&show);
        if let Err(failure) = &ended {
            target.note_stop(id, failure);
        }
        let standing = target.standing(id)?;
        show.end(standing.as_ref(), &board);
        if let Some(warning) = board.finish() {
            context.shell.out.note(&warning);
        }
        if let Some(standing) = &standing {
            book.append(
                event("backfill-ended"),
                context.shell.clock.now(),
                Event::BackfillEnded {
                    environment: environment.name.clone(),
                    backfill: job.id.clone(),
                    version,
                    status: standing.status.word().to_owned(),
                    changed: standing.counts.changed,
                    left: standing.counts.failed,
                },
            )?;
        }
        ended
    }
}

impl Run {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        self.begin(context, false)
    }

    /// Begins it or goes on with it; with `resume` nothing else than going on.
    fn begin(self, context: &Context<'_>, resume: bool) -> Result<Exit, Failure> {
        let wanted = self.wanted.strategy()?;
        backfills::check_own(&self.id, &self.env, false)?;
        let job = backfills::load(context, &self.id)?;
        let environment = context.environment(&self.env)?;
        let (id, name) = (job.id.as_str(), &environment.name);
        let mut asked = self.work.asked(environment)?;
        asked.stop_on_error = self.stop_on_error;
        asked.most_failed = self.most_errors;
        asked.most_undo = self.undo_limit;
        asked.anew = self.anew;
        if job.text.program.is_some() {
            let patience = Duration::from_secs(self.program_timeout);
            asked.programs = Some(Programs::new(context, patience));
        }
        let mut target = Target::open(context, environment)?;
        if resume {
            // What was never begun, or is over, is not gone on with.
            let standing = target.standing(id)?;
            let standing = standing.ok_or_else(|| errors::not_begun(id, name))?;
            match standing.status {
                JobStatus::Running | JobStatus::Paused | JobStatus::Failed => {}
                status => return Err(errors::stands(id, name, status)),
            }
        }
        let facts =
            EnvironmentDatabase::open(context, environment)?.backfill_facts(environment, &job)?;
        let choice = choose(&facts, &job, wanted)
            .map_err(|refusal| errors::no_strategy(&job.id, name, &refusal))?;
        let out = &context.shell.out;
        if self.dry_run {
            out.data(&PlanView::of(name.as_str(), &job, &facts, choice));
            return Ok(Exit::Ok);
        }
        if !job.text.keep_undo {
            let what = format!(
                "change rows of {} without keeping what they had",
                job.text.table
            );
            confirm::by_name(context.shell, self.consent, name, &what)?;
        }
        // Where nothing can be recorded nothing is begun.
        let mut book = Book::open(context)?;
        match target.begin(&job, &facts, &choice, &asked)? {
            Begun::Done => {
                out.note(&format!("the backfill {id} is done in {name}"));
                out.next(
                    "to look at all rows again",
                    &format!("switchback backfill run {id} --env {name} --anew"),
                );
                return Ok(Exit::NothingToDo);
            }
            Begun::Resumed => out.note("going on from where it stood"),
            Begun::New => {}
        }
        let key: Vec<String> = facts.key.iter().map(|it| it.name.clone()).collect();
        let walked = Walked {
            job: &job,
            doing: Doing::Fill,
            again: &[],
            asked: &asked,
            key: &key,
        };
        let ended = self
            .work
            .walk(context, &mut book, environment, &mut target, &walked)?;
        finish(context, environment, &mut target, &job, Doing::Fill, ended)
    }
}

/// Shows where the job stands, and how that ends the run.
pub(super) fn finish(
    context: &Context<'_>,
    environment: &Environment,
    target: &mut Target,
    job: &Job,
    doing: Doing,
    ended: End,
) -> Result<Exit, Failure> {
    let (id, name) = (job.id.as_str(), &environment.name);
    let standing = target.standing(id)?;
    let standing = standing.ok_or_else(|| errors::not_begun(id, name))?;
    if standing.status == JobStatus::Failed {
        let reason = standing.error.as_deref().unwrap_or("no reason was kept");
        return Err(errors::backfill_failed(&job.id, name, reason));
    }
    let view = Standing::of(target, name, id, &job.text.table, standing)?;
    context.shell.out.data(&view);
    if ended == End::Stopped {
        let command = match doing {
            Doing::Fill => "run",
            Doing::Undo => "undo",
        };
        context.shell.out.next(
            "go on",
            &format!("switchback backfill {command} {id} --env {name}"),
        );
        return Ok(Exit::Interrupted);
    }
    view.propose(context);
    Ok(match ended {
        End::Job(JobStatus::Paused | JobStatus::Cancelled) => Exit::Pending,
        _ if view.left() > 0 => Exit::Refused,
        _ => Exit::Ok,
    })
}

/// Go on with a backfill that is paused or failed
#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    run: Run,
}

impl Resume {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        self.run.begin(context, true)
    }
}
