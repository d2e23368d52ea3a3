//! `switchback change new`: planning a change from what a database says, as files to commit.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use switchback_diag::Exit;
use switchback_migration::sqlite::rename::{self, Mode, Rename};
use switchback_model::ChangeId;

use super::view::StepView;
use crate::context::Context;
use crate::effects;
use crate::errors::{self, Failure};
use crate::files;
use crate::output::View;
use crate::page::{Cell, Page, Role};

/// Plan a new change and write its folder
#[derive(Debug, Subcommand)]
pub(crate) enum New {
    /// Give a column another name
    RenameColumn(RenameColumn),
}

/// Give a column another name
#[derive(Debug, Args)]
pub(crate) struct RenameColumn {
    /// The table
    #[arg(long)]
    table: String,
    /// The column's name now
    #[arg(long)]
    from: String,
    /// The column's name when the change is over
    #[arg(long)]
    to: String,
    /// The change's id; made from the names if it is left out
    #[arg(long)]
    id: Option<String>,
    /// Who keeps the old and the new column in step
    #[arg(long, value_enum, default_value_t)]
    sync: SyncBy,
    /// The environment whose database shows what the table looks like; the first by default
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    /// Show the files instead of writing them
    #[arg(long)]
    dry_run: bool,
}

/// Who keeps the shapes in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum SyncBy {
    /// Triggers in the database: the application never writes both.
    #[default]
    Triggers,
    /// The application: one of its releases writes both.
    Application,
}

impl RenameColumn {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let environment = match &self.env {
            Some(name) => context.environment(name)?,
            None => &context.environments()?[0],
        };
        let id = match &self.id {
            Some(id) => id.clone(),
            None => suggested_id(&self.table, &self.from),
        };
        let id = ChangeId::new(id).map_err(|error| errors::wrong_name("--id", &error))?;
        let folder = context.changes().join(id.as_str());
        if folder.exists() && !self.dry_run {
            return Err(errors::already_exists(&folder));
        }
        let table = effects::database(context, environment)?.catalog(&self.table)?;
        let wanted = Rename {
            change: id.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            mode: match self.sync {
                SyncBy::Triggers => Mode::Triggers,
                SyncBy::Application => Mode::Application,
            },
        };
        let definition = rename::plan(&table, &wanted)
            .map_err(|error| errors::not_supported(&environment.name, &error))?;
        let files = definition.render();
        if !self.dry_run {
            files::write_folder(&folder, &files)?;
        }
        let shown = context.settings().changes.folder.join(id.as_str());
        context.shell.out.data(&Written {
            change: id.to_string(),
            title: definition.title.clone(),
            folder: shown.display().to_string(),
            written: !self.dry_run,
            steps: definition.steps.iter().map(StepView::of).collect(),
            files: files
                .into_iter()
                .map(|(name, bytes)| FileView {
                    name,
                    content: String::from_utf8_lossy(&bytes).into_owned(),
                })
                .collect(),
        });
        if !self.dry_run {
            context.shell.out.next(
                "commit the folder, then see what its first step does",
                &format!("switchback change plan {id} --env {}", environment.name),
            );
        }
        Ok(Exit::Ok)
    }
}

/// `rename-users-email-addr` for `users.email_addr`.
fn suggested_id(table: &str, column: &str) -> String {
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let mut id: String = format!("rename-{table}-{column}")
        .chars()
        .map(fit)
        .collect();
    while id.contains("--") {
        id = id.replace("--", "-");
    }
    id.truncate(64);
    id.trim_end_matches('-').to_owned()
}

#[derive(Serialize)]
struct Written {
    change: String,
    title: String,
    folder: String,
    written: bool,
    steps: Vec<StepView>,
    files: Vec<FileView>,
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
            .map(|(step, number): (_, u32)| {
                vec![
                    number.to_string().into(),
                    Cell::new(Role::Strong, &step.name),
                    step.kind.into(),
                    step.title.as_str().into(),
                ]
            })
            .collect();
        page.table(2, &["", "step", "kind", "what"], &rows);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggested_ids_are_names() {
        for (table, column) in [("users", "email_addr"), ("Größe", "x y"), ("a", "é")] {
            let id = suggested_id(table, column);
            assert!(ChangeId::new(&id).is_ok(), "{id}");
        }
        assert_eq!(
            suggested_id("users", "email_addr"),
            "rename-users-email-addr"
        );
    }
}
