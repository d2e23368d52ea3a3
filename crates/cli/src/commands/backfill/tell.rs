//! `switchback backfill pause`, `cancel` and `undo`.

use clap::Args;
use switchback_diag::Exit;
use switchback_migration::backfill::JobStatus;

use super::run::{Walked, WorkArgs, finish};
use super::show::Doing;
use super::status::Standing;
use super::target::Target;
use crate::backfills;
use crate::book::Book;
use crate::confirm::{self, Consent};
use crate::context::Context;
use crate::errors::{self, Failure};

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
        let job = backfills::load(context, &self.which.id)?;
        let environment = context.environment(&self.which.env)?;
        let asked = self.work.asked()?;
        // Where nothing can be recorded nothing is begun.
        let mut book = Book::open(context)?;
        let mut target = Target::open(context, environment)?;
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
            asked: &asked,
            key: &[],
        };
        let ended = self
            .work
            .walk(context, &mut book, environment, &mut target, &walked)?;
        finish(context, environment, &mut target, &job, Doing::Undo, ended)
    }
}
