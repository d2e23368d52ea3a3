//! `switchback change new`: planning a change from what a database says, as files to commit.

mod columns;
mod ids;
mod moves;
mod pieces;
mod rules;
mod tables;
mod values;

use clap::{Args, Subcommand};
use serde::Serialize;
use switchback_diag::Exit;
use switchback_migration::definition::Step;
use switchback_migration::operation::request::Request;
use switchback_migration::sqlite::rename::Mode;
use switchback_model::ChangeId;

use super::view::{StepView, is_database, paragraph};
use crate::context::Context;
use crate::effects::EnvironmentDatabase;
use crate::effects::estimate::Known;
use crate::errors::{self, Failure};
use crate::files;
use crate::output::View;
use crate::page::{Cell, Page, Role};

/// Plan a new change and write its folder
#[derive(Debug, Subcommand)]
pub(crate) enum New {
    /// Add a column that code may leave out
    AddColumn(columns::AddColumn),
    /// Add a column that every row must have
    AddRequiredColumn(columns::AddRequiredColumn),
    /// Give a column another name
    RenameColumn(columns::RenameColumn),
    /// Make several columns out of one
    SplitColumn(moves::SplitColumn),
    /// Make one column out of several
    MergeColumns(moves::MergeColumns),
    /// Make one table out of two that have one row each for one thing
    MergeTables(tables::MergeTables),
    /// Give a column another type, under another name
    ChangeType(moves::ChangeType),
    /// Let a column take a value more
    AddEnumValue(values::AddEnumValue),
    /// Let a column take a value no more
    RemoveEnumValue(values::RemoveEnumValue),
    /// Build an index
    AddIndex(rules::AddIndex),
    /// Hold every row to a rule
    AddCheck(rules::AddCheck),
    /// Let a column be NULL no more
    AddNotNull(rules::AddNotNull),
    /// Let no two rows have the same values
    AddUnique(rules::AddUnique),
    /// Let columns point to another table
    AddForeignKey(rules::AddForeignKey),
    /// Take a column away
    DropColumn(columns::DropColumn),
    /// Take a table away
    DropTable(columns::DropTable),
}

/// What every operation can be told.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The change's id; made from the names if it is left out
    #[arg(long, value_name = "CHANGE")]
    id: Option<String>,
    /// The environment whose database shows what the table looks like; the first by default
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    /// Show the files instead of writing them
    #[arg(long)]
    dry_run: bool,
}

/// What somebody asked for.
struct Asked {
    request: Request,
    /// Who keeps the columns of a rename in step.
    mode: Mode,
    /// The id unless another one is said.
    id: String,
    common: Common,
}

impl Asked {
    fn new(request: Request, id: String, common: Common) -> Self {
        Self {
            request,
            mode: Mode::Triggers,
            id,
            common,
        }
    }
}

impl New {
    fn asked(self) -> Result<Asked, Failure> {
        Ok(match self {
            New::AddColumn(it) => it.asked(),
            New::AddRequiredColumn(it) => it.asked(),
            New::RenameColumn(it) => it.asked(),
            New::SplitColumn(it) => it.asked()?,
            New::MergeColumns(it) => it.asked()?,
            New::MergeTables(it) => it.asked()?,
            New::ChangeType(it) => it.asked()?,
            New::AddEnumValue(it) => it.asked(),
            New::RemoveEnumValue(it) => it.asked(),
            New::AddIndex(it) => it.asked(),
            New::AddCheck(it) => it.asked()?,
            New::AddNotNull(it) => it.asked(),
            New::AddUnique(it) => it.asked(),
            New::AddForeignKey(it) => it.asked()?,
            New::DropColumn(it) => it.asked(),
            New::DropTable(it) => it.asked(),
        })
    }

    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let Asked {
            request,
            mode,
            id,
            common,
        } = self.asked()?;
        let environment = match &common.env {
            Some(name) => context.environment(name)?,
            None => &context.environments()?[0],
        };
        let id = ChangeId::new(common.id.unwrap_or(id))
            .map_err(|error| errors::wrong_name("--id", &error))?;
        let folder = context.changes().join(id.as_str());
        if folder.exists() && !common.dry_run {
            return Err(errors::already_exists(&folder));
        }
        let database = EnvironmentDatabase::open(context, environment)?;
        let definition = database.plan(environment, &id, &request, mode)?;
        let mut known = database.known(&definition)?;
        let files = definition.render();
        if !common.dry_run {
            files::write_folder(&folder, &files)?;
        }
        let shown = context.settings().changes.folder.join(id.as_str());
        let step = |step| PlannedView::of(step, &mut known);
        context.shell.out.data(&Written {
            change: id.to_string(),
            title: definition.title.clone(),
            engine: definition.engine.word(),
            environment: environment.name.to_string(),
            folder: shown.display().to_string(),
            written: !common.dry_run,
            steps: definition.steps.iter().map(step).collect(),
            files: files
                .into_iter()
                .map(|(name, bytes)| FileView {
                    name,
                    content: String::from_utf8_lossy(&bytes).into_owned(),
                })
                .collect(),
        });
        if !common.dry_run {
            let text = "commit the folder, then see what its first step does";
            let command = if definition.steps.iter().any(is_database) {
                format!("switchback change plan {id} --env {}", environment.name)
            } else {
                format!("switchback change status {id}")
            };
            context.shell.out.next(text, &command);
        }
        Ok(Exit::Ok)
    }
}

#[derive(Serialize)]
struct Written {
    change: String,
    title: String,
    engine: &'static str,
    /// The environment whose database it was planned from.
    environment: String,
    folder: String,
    written: bool,
    steps: Vec<PlannedView>,
    files: Vec<FileView>,
}

/// A step, with what it does to the database or what the code must do.
#[derive(Serialize)]
struct PlannedView {
    #[serde(flatten)]
    step: StepView,
    /// What a step of the database locks, reads and writes, a line each.
    does: Vec<String>,
    /// What somebody must do for it.
    needs: String,
}

impl PlannedView {
    fn of(step: &Step, known: &mut Known) -> Self {
        Self {
            step: StepView::of(step),
            does: known.step(step),
            needs: step.needs.clone(),
        }
    }
}

#[derive(Serialize)]
struct FileView {
    name: String,
    content: String,
}

impl View for Written {
    const SCHEMA: &'static str = "switchback.change-new/v1";

    fn human(&self, page: &mut Page) {
        page.heading(&self.title);
        let rows: Vec<Vec<Cell>> = self
            .steps
            .iter()
            .zip(1..)
            .map(|(it, number): (_, u32)| {
                vec![
                    number.to_string().into(),
                    Cell::new(Role::Strong, &it.step.name),
                    it.step.kind.into(),
                    it.step.title.as_str().into(),
                ]
            })
            .collect();
        page.table(2, &["", "step", "kind", "what"], &rows);
        page.heading(&format!("On the database of {}", self.environment));
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        for it in &self.steps {
            for (at, line) in it.does.iter().enumerate() {
                let name = if at == 0 { it.step.name.as_str() } else { "" };
                rows.push(vec![Cell::new(Role::Strong, name), line.as_str().into()]);
            }
        }
        page.table(2, &[], &rows);
        let needed = || self.steps.iter().filter(|it| !it.needs.is_empty());
        if needed().next().is_some() {
            page.heading("What the code must do");
        }
        for it in needed() {
            let when = if it.step.kind == "code" {
                "at"
            } else {
                "before"
            };
            page.add(Role::Plain, &format!("  {when} "))
                .add(Role::Strong, &it.step.name)
                .end();
            paragraph(page, 4, &it.needs);
        }
        page.end();
        if self.written {
            for file in &self.files {
                page.line(&format!("wrote {}/{}", self.folder, file.name));
            }
        } else {
            for file in &self.files {
                page.heading(&format!("{}/{}", self.folder, file.name))
                    .block(&file.content);
            }
        }
    }
}
