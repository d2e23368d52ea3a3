//! `switchback backfill rerun`: some rows are done again, with the file as it is now.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use switchback_db::backfill::Again;
use switchback_diag::Exit;
use switchback_migration::backfill::machine::End;
use switchback_migration::backfill::{Job, JobStatus, Part, choose};
use switchback_migration::words::grouped;
use switchback_model::EnvironmentName;

use super::programs::Programs;
use super::ranges::RangeLine;
use super::report::short;
use super::run::{Walked, WorkArgs};
use super::show::Doing;
use super::status::{Standing, counted};
use super::target::Target;
use crate::backfills;
use crate::book::Book;
use crate::confirm::{self, Consent};
use crate::context::Context;
use crate::effects::EnvironmentDatabase;
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::settings::types::Environment;

/// Do some rows again, with the file as it is now
///
/// For when an expression was wrong for some rows: mend it in the file, and name the rows. The
/// others keep what they have. What these had is kept once more, so that an undo goes back to before
/// the first time. It may be stopped at any moment, and the same command goes on; several may run at
/// once.
#[derive(Debug, Args)]
pub(crate) struct Rerun {
    /// The backfill
    #[arg(value_name = "BACKFILL")]
    id: String,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    /// Which rows: a range of an earlier walk, 1/17, as `status --ranges` lists them, or keys from
    /// the first to the last one, 1000..2000; may be given several times
    ///
    /// One end may be left out. A key of several columns is a list in JSON:
    /// ["berlin",1]..["berlin",900]. A range that is a stretch of pages means the rows that it
    /// changed.
    #[arg(
        long = "range",
        value_name = "RANGE",
        allow_hyphen_values = true,
        required_unless_present = "failed"
    )]
    ranges: Vec<String>,
    /// The rows that refused what they should get
    #[arg(long)]
    failed: bool,
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
    /// End when what is kept to undo it takes more, such as 20GiB
    #[arg(long, value_name = "SIZE", value_parser = super::limits::size)]
    undo_limit: Option<u64>,
    /// Show which ranges and how many rows it would be, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Rerun {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        backfills::check_own(&self.id, &self.env, false)?;
        let job = backfills::load(context, &self.id)?;
        let mut parts = Vec::new();
        for text in &self.ranges {
            let part = text.parse::<Part>();
            parts.push(part.map_err(|error| errors::range_unknown(&job.id, text, &error))?);
        }
        if self.failed {
            parts.push(Part::Failed);
        }
        let environment = context.environment(&self.env)?;
        let (id, name) = (job.id.as_str(), &environment.name);
        let mut asked = self.work.asked(environment)?;
        asked.stop_on_error = self.stop_on_error;
        asked.most_failed = self.most_errors;
        asked.most_undo = self.undo_limit;
        if job.text.program.is_some() {
            let patience = Duration::from_secs(self.program_timeout);
            asked.programs = Some(Programs::new(context, patience));
        }
        let mut target = Target::open(context, environment)?;
        // What was never begun is not looked at further.
        if target.standing(id)?.is_none() {
            return Err(errors::not_begun(id, name));
        }
        let facts =
            EnvironmentDatabase::open(context, environment)?.backfill_facts(environment, &job)?;
        choose(&facts, &job, None)
            .map_err(|refusal| errors::no_strategy(&job.id, name, &refusal))?;
        let out = &context.shell.out;
        if !self.dry_run && !job.text.keep_undo {
            let what = format!(
                "change rows of {} without keeping what they had",
                job.text.table
            );
            confirm::by_name(context.shell, self.consent, name, &what)?;
        }
        // Where nothing can be recorded nothing is begun.
        let book = match self.dry_run {
            true => None,
            false => Some(Book::open(context)?),
        };
        let Some(again) = target.rerun(&job, &parts, &asked, self.dry_run)? else {
            out.note(&format!("no row refused the backfill {id} in {name}"));
            return Ok(Exit::NothingToDo);
        };
        let Some(mut book) = book else {
            out.data(&Would::of(name, &job, &again));
            return Ok(Exit::Ok);
        };
        if again.resumed {
            out.note("going on from where it stood");
        } else {
            let version = job.version().to_string();
            let instead = match version == again.before {
                true => String::new(),
                false => format!(" instead of {}", short(&again.before)),
            };
            out.note(&format!(
                "about {} in {}, with version {}{instead}",
                counted(again.rows, "row", "rows"),
                counted(again.ranges.len() as u64, "range", "ranges"),
                short(&version),
            ));
        }
        let key: Vec<String> = facts.key.iter().map(|it| it.name.clone()).collect();
        let named: Vec<String> = parts.iter().map(Part::to_string).collect();
        let walked = Walked {
            job: &job,
            doing: Doing::Fill,
            again: &named,
            asked: &asked,
            key: &key,
        };
        let ended = self
            .work
            .walk(context, &mut book, environment, &mut target, &walked)?;
        finish(context, environment, &mut target, &job, ended)
    }
}

/// Shows where the job stands, and how that ends the run.
fn finish(
    context: &Context<'_>,
    environment: &Environment,
    target: &mut Target,
    job: &Job,
    ended: End,
) -> Result<Exit, Failure> {
    let (id, name) = (job.id.as_str(), &environment.name);
    let standing = target.standing(id)?;
    let standing = standing.ok_or_else(|| errors::not_begun(id, name))?;
    let open = standing.rerun.is_some();
    if open && standing.status == JobStatus::Failed {
        let reason = standing.error.as_deref().unwrap_or("no reason was kept");
        return Err(errors::backfill_failed(&job.id, name, reason));
    }
    let view = Standing::of(target, name, id, &job.text.table, standing)?;
    context.shell.out.data(&view);
    if ended == End::Stopped {
        let command = format!("switchback backfill run {id} --env {name}");
        context.shell.out.next("go on", &command);
        return Ok(Exit::Interrupted);
    }
    view.propose(context);
    Ok(match ended {
        End::Job(JobStatus::Paused) if open => Exit::Pending,
        _ if view.left() > 0 => Exit::Refused,
        _ => Exit::Ok,
    })
}

/// What would be done again.
#[derive(Serialize)]
struct Would {
    backfill: String,
    environment: String,
    table: String,
    /// The digest of the definition that these rows were done with, as far as that is one.
    version_before: String,
    /// The digest of the definition as it is now.
    version: String,
    /// About how many rows these are.
    rows: u64,
    ranges: Vec<RangeLine>,
}

impl Would {
    fn of(environment: &EnvironmentName, job: &Job, again: &Again) -> Self {
        Self {
            backfill: job.id.to_string(),
            environment: environment.to_string(),
            table: job.text.table.clone(),
            version_before: again.before.clone(),
            version: job.version().to_string(),
            rows: again.rows,
            ranges: again.ranges.iter().map(RangeLine::of).collect(),
        }
    }
}

impl View for Would {
    const SCHEMA: &'static str = "switchback.backfill-rerun/v1";

    fn human(&self, page: &mut Page) {
        page.heading(&format!(
            "{} in {}: about {} rows of {} would be done again",
            self.backfill,
            self.environment,
            grouped(self.rows),
            self.table
        ));
        let mut rows: Vec<Vec<Cell>> = vec![
            vec![
                Cell::new(Role::Faint, "version"),
                short(&self.version).into(),
            ],
            vec![
                Cell::new(Role::Faint, "before"),
                short(&self.version_before).into(),
            ],
        ];
        for it in &self.ranges {
            rows.push(vec![Cell::new(Role::Faint, "rows"), it.named().into()]);
        }
        page.table(2, &[], &rows);
        page.line("nothing was changed");
    }
}
