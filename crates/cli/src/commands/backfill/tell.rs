//! `switchback backfill pause`, `cancel` and `undo`.

use clap::Args;
use switchback_diag::Exit;
use switchback_migration::backfill::{Job, JobStatus};

use super::report::short;
use super::run::{Walked, WorkArgs, finish};
use super::show::Doing;
use super::status::Standing;
use super::target::Target;
use crate::backfills;
use crate::book::Book;
use crate::confirm::{self, Consent};
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::settings::types::Environment;

/// Which backfill, and where.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The backfill
    #[arg(value_name = "BACKFILL")]
    id: String,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
}

impl Which {
    /// Tells the job, and shows where it stands.
    pub(super) fn tell(&self, context: &Context<'_>, to: JobStatus) -> Result<Exit, Failure> {
        backfills::check_own(&self.id, &self.env, false)?;
        let environment = context.environment(&self.env)?;
        let mut target = Target::open(context, environment)?;
        target.tell(&self.id, to)?;
        let known = target.list()?.into_iter().find(|it| it.job == self.id);
        let standing = target.standing(&self.id)?;
        let (Some(known), Some(standing)) = (known, standing) else {
            return Err(errors::not_begun(&self.id, &environment.name));
        };
        let view = Standing::of(
            &mut target,
            &environment.name,
            &self.id,
            &known.table,
            standing,
        )?;
        context.shell.out.data(&view);
        view.propose(context);
        Ok(Exit::Ok)
    }
}

/// A backfill as the database has it: what was run.
pub(super) fn begun(
    context: &Context<'_>,
    target: &mut Target,
    environment: &Environment,
    id: &str,
) -> Result<Job, Failure> {
    if let Some(job) = target.definition(id)? {
        return Ok(job);
    }
    // Whoever mistyped it hears that.
    backfills::load(context, id)?;
    Err(errors::not_begun(id, &environment.name))
}

/// Says so where the file of a backfill is gone, or says something else than what was run.
pub(super) fn compare(context: &Context<'_>, job: &Job) {
    let (id, version) = (job.id.as_str(), job.version());
    let what = match backfills::load(context, id) {
        Ok(file) if file.version() == version => return,
        Ok(_) => "says something else by now",
        Err(_) => "is not there any more, or cannot be read",
    };
    let short = short(&version.to_string());
    let out = &context.shell.out;
    out.note(&format!(
        "the file of {id} {what}: this is about version {short}, which was run here"
    ));
}

/// Put back what a backfill changed, where nobody has changed it since
///
/// Newest batch first. A row that does not hold any more what the backfill wrote is left alone and
/// named. It may be stopped at any moment, and the same command goes on.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    consent: Consent,
}

impl Undo {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        backfills::check_own(&self.which.id, &self.which.env, true)?;
        let environment = context.environment(&self.which.env)?;
        let asked = self.work.asked(environment)?;
        // What was run is undone, whatever its file says by now, and whether there is one.
        let mut target = Target::open(context, environment)?;
        let job = begun(context, &mut target, environment, &self.which.id)?;
        // Where nothing can be recorded nothing is begun.
        let mut book = Book::open(context)?;
        let id = job.id.as_str();
        let name = &environment.name;
        let standing = target.standing(id)?;
        let standing = standing.ok_or_else(|| errors::not_begun(id, name))?;
        if standing.status == JobStatus::Undone {
            let out = &context.shell.out;
            out.note(&format!("the backfill {id} is undone in {name}"));
            return Ok(Exit::NothingToDo);
        }
        let what = format!("put back what {id} changed in {}", job.text.table);
        confirm::by_name(context.shell, self.consent, name, &what)?;
        target.tell(id, JobStatus::Undoing)?;
        let walked = Walked {
            job: &job,
            doing: Doing::Undo,
            again: &[],
            asked: &asked,
            key: &[],
        };
        let ended = self
            .work
            .walk(context, &mut book, environment, &mut target, &walked)?;
        finish(context, environment, &mut target, &job, Doing::Undo, ended)
    }
}
