//! `switchback backfill verify` and `report`: whether it is true.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_migration::backfill::job::JobText;
use switchback_migration::backfill::verification::{OfDefinition, Sample};
use switchback_migration::backfill::{Job, JobStatus, Verification};
use switchback_migration::words::grouped;
use switchback_model::{Digest, Event, EventId};

use super::status::{Standing, counted};
use super::target::Target;
use super::tell::{begun, compare};
use crate::backfills;
use crate::book::Book;
use crate::context::{Context, STATE};
use crate::errors::{self, Failure};
use crate::files::Batch;
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::settings::types::Environment;

/// Which rows are shown.
#[derive(Debug, Clone, Copy, Args)]
struct Picked {
    /// How many rows are picked at random, to be shown
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000))]
    samples: u32,
    /// What they are picked by: the same number picks the same ones
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u32,
}

/// Look at all rows: whether each has what it should, and what became of those that were changed
///
/// Counts, NULLs, sums over each range as it was written and as it is now, some rows picked at
/// random, and constraints that are not validated. Nothing is changed.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The backfill
    #[arg(value_name = "BACKFILL")]
    id: String,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    #[command(flatten)]
    picked: Picked,
}

impl Verify {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        backfills::check_own(&self.id, &self.env, false)?;
        let environment = context.environment(&self.env)?;
        let mut target = Target::open(context, environment)?;
        // Against another file than the one that was run nothing is judged.
        let job = match backfills::load(context, &self.id) {
            Ok(job) => job,
            Err(_) => {
                let job = begun(context, &mut target, environment, &self.id)?;
                compare(context, &job);
                job
            }
        };
        let found = target.verify(&job, self.picked.samples, self.picked.seed)?;
        let standing = target.standing(job.id.as_str())?;
        let undone = standing.is_some_and(|it| it.status == JobStatus::Undone);
        context.shell.out.data(&Verified {
            backfill: job.id.to_string(),
            environment: environment.name.to_string(),
            table: job.text.table.clone(),
            holds: found.holds() && !undone,
            undone,
            found: found.clone(),
        });
        judged(environment, &job, &found)
    }
}

/// Whether it holds, or why not.
fn judged(environment: &Environment, job: &Job, found: &Verification) -> Result<Exit, Failure> {
    if found.holds() {
        return Ok(Exit::Ok);
    }
    let mut reasons = Vec::new();
    if found.differ > 0 {
        reasons.push(counted(found.differ, "row differs", "rows differ"));
    }
    if found.failed > 0 {
        reasons.push(counted(found.failed, "row refused it", "rows refused it"));
    }
    for it in &found.not_validated {
        match it.broken {
            Some(0) => {}
            Some(rows) => reasons.push(format!(
                "{} the constraint {}, which is not validated",
                counted(rows, "row breaks", "rows break"),
                it.name
            )),
            None => reasons.push(format!("the constraint {} is not validated", it.name)),
        }
    }
    Err(errors::backfill_not_right(
        &job.id,
        &environment.name,
        &reasons,
        found.failed > 0,
    ))
}

/// Look at all rows, and write what was done and found into a file whose digest is recorded
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The backfill
    #[arg(value_name = "BACKFILL")]
    id: String,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    #[command(flatten)]
    picked: Picked,
    /// The file, instead of one in .switchback/reports
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A report as it is stored.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    at: String,
    by: String,
    backfill: &'a str,
    environment: &'a str,
    version: String,
    definition: &'a JobText,
    standing: &'a Standing,
    verification: &'a Verification,
    holds: bool,
}

impl Report {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let mut book = Book::open(context)?;
        backfills::check_own(&self.id, &self.env, false)?;
        let environment = context.environment(&self.env)?;
        let mut target = Target::open(context, environment)?;
        let job = begun(context, &mut target, environment, &self.id)?;
        compare(context, &job);
        let (id, name) = (job.id.as_str(), &environment.name);
        let found = target.verify(&job, self.picked.samples, self.picked.seed)?;
        let standing = target.standing(id)?;
        let standing = standing.ok_or_else(|| errors::not_begun(id, name))?;
        // What is undone needs not be right, and is nothing to rely on either.
        let holds = found.holds() && standing.status != JobStatus::Undone;
        let standing = Standing::of(&mut target, name, id, &job.text.table, standing)?;
        let at = context.shell.clock.now();
        let document = Document {
            schema: "switchback.backfill-report/v1",
            at: at.to_string(),
            by: context.actor.to_string(),
            backfill: id,
            environment: name.as_str(),
            version: job.version().to_string(),
            definition: &job.text,
            standing: &standing,
            verification: &found,
            holds,
        };
        let mut text = serde_json::to_string_pretty(&document)?;
        text.push('\n');
        let digest = Digest::of(text.as_bytes());
        let state = context.root.join(STATE);
        let own = [state.clone(), state.join("reports")];
        let (path, folders) = match &self.output {
            Some(path) => (context.shell.folder.join(path), &[][..]),
            None => {
                let file = format!("{name}-{id}-{}.json", at.as_millis());
                (own[1].join(file), &own[..])
            }
        };
        write(&path, &text, folders)?;
        book.append(
            EventId::of(&["backfill-verified", &digest.to_string()]),
            at,
            Event::BackfillVerified {
                environment: name.clone(),
                backfill: job.id.clone(),
                version: job.version(),
                holds,
                report: digest,
            },
        )?;
        context.shell.out.data(&Written {
            backfill: id.to_owned(),
            environment: name.to_string(),
            file: context.shown(&path),
            digest: digest.to_string(),
            holds,
        });
        judged(environment, &job, &found)
    }
}

/// Writes a file, and the folders that it is to lie in where they are not there, outermost first.
fn write(path: &Path, text: &str, folders: &[PathBuf]) -> Result<(), Failure> {
    let mut batch = Batch::default();
    for folder in folders {
        batch.folder(folder, 0o755);
    }
    if path.exists() {
        batch.replace(path, text);
    } else {
        batch.create(path, text, 0o644);
    }
    Ok(batch.write()?)
}

#[derive(Serialize)]
struct Written {
    backfill: String,
    environment: String,
    file: String,
    digest: String,
    holds: bool,
}

impl View for Written {
    const SCHEMA: &'static str = "switchback.backfill-report-written/v1";

    fn human(&self, page: &mut Page) {
        page.line(&format!("wrote {}", self.file));
        page.line(&format!("  its digest is in the ledger: {}", self.digest));
    }
}

#[derive(Serialize)]
struct Verified {
    backfill: String,
    environment: String,
    table: String,
    holds: bool,
    /// It was undone: no row needs to have what it gives.
    undone: bool,
    #[serde(flatten)]
    found: Verification,
}

impl View for Verified {
    const SCHEMA: &'static str = "switchback.backfill-verification/v1";

    fn human(&self, page: &mut Page) {
        let found = &self.found;
        let word = match (self.undone, self.holds) {
            (true, _) => "undone, so no row needs to have what it gives",
            (_, true) => "holds",
            (_, false) => "does not hold",
        };
        page.heading(&format!(
            "{} in {}: {word}",
            self.backfill, self.environment
        ));
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let mut row = |label: &str, text: String| {
            rows.push(vec![Cell::new(Role::Faint, label), text.into()]);
        };
        row("table", self.table.clone());
        row("rows", grouped(found.rows));
        row("rows that differ", grouped(found.differ));
        for (n, it) in found.definitions.iter().enumerate() {
            row(
                &format!("of version {}", short(&it.version)),
                of_version(it, n == 0),
            );
        }
        if found.failed > 0 {
            row("rows that refused", grouped(found.failed));
        }
        if found.skipped > 0 {
            let what = format!("{}, as they were then", grouped(found.skipped));
            row("rows skipped", what);
        }
        for it in &found.columns {
            row(&format!("NULL in {}", it.column), grouped(it.nulls));
        }
        let changed: u64 = found.ranges.iter().map(|it| it.changed).sum();
        let still: Option<u64> = found.ranges.iter().map(|it| it.still).sum();
        let ranges = counted(found.ranges.len() as u64, "range", "ranges");
        let what = match still {
            Some(still) if still == changed => {
                format!("{}, in {ranges}; all still hold it", grouped(changed))
            }
            Some(still) => format!(
                "{}, in {ranges}; {} still hold it, the others were changed or deleted since",
                grouped(changed),
                grouped(still)
            ),
            None => format!(
                "{}, in {ranges}; nothing is kept to tell what became of them",
                grouped(changed)
            ),
        };
        row("rows changed", what);
        for it in &found.not_validated {
            let broken = match it.broken {
                Some(rows) => format!(
                    "not validated; {} it",
                    counted(rows, "row breaks", "rows break")
                ),
                None => "not validated".to_owned(),
            };
            row(&format!("constraint {}", it.name), broken);
        }
        page.table(2, &[], &rows);
        samples(page, &found.samples, self.undone);
    }
}

/// The beginning of a digest, which is enough to tell one from another.
pub(super) fn short(version: &str) -> String {
    version.chars().take(14).collect()
}

/// What became of the rows that were done with a definition.
fn of_version(it: &OfDefinition, newest: bool) -> String {
    let mut what = counted(it.rows, "row", "rows");
    if it.differ > 0 {
        what.push_str(&format!(", {} of them differ", grouped(it.differ)));
    }
    what.push_str(&match (newest, it.differ_from_newest) {
        (true, _) => "; this is what the file gave last".to_owned(),
        (false, Some(0)) => "; the newest version would give the same".to_owned(),
        (false, Some(rows)) => format!(
            "; for {} the newest version would give something else",
            grouped(rows)
        ),
        (false, None) => "; what the newest version would give is not known of all".to_owned(),
    });
    what
}

fn samples(page: &mut Page, samples: &[Sample], undone: bool) {
    if samples.is_empty() {
        return;
    }
    page.heading("Some rows");
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for sample in samples {
        for value in &sample.values {
            let says = if undone {
                String::new()
            } else if value.has == value.wanted {
                "as it should be".to_owned()
            } else {
                format!("should be {}", shown(&value.wanted))
            };
            rows.push(vec![
                sample.key.clone().into(),
                Cell::new(Role::Strong, value.column.as_str()),
                shown(&value.has).into(),
                Cell::new(Role::Faint, says),
            ]);
        }
    }
    page.table(2, &[], &rows);
}
