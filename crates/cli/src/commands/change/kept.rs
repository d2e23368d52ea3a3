//! `switchback change kept`: what contracts keep aside, where, how large, and since when.

use clap::Args;
use serde::Serialize;
use switchback_db::postgres;
use switchback_diag::Exit;
use switchback_migration::Definition;
use switchback_migration::definition::{Kept as Aside, Step, Work};
use switchback_migration::sqlite::text::name;
use switchback_model::{SurfaceOperation, Timestamp};

use crate::book::Book;
use crate::changes;
use crate::context::Context;
use crate::effects::EnvironmentDatabase;
use crate::effects::estimate;
use crate::errors::Failure;
use crate::output::View;
use crate::page::{Page, Role};
use crate::settings::types::Environment;

/// Show what contracts keep aside for their way back
#[derive(Debug, Args)]
pub(crate) struct Kept {
    /// The change; all of them by default
    #[arg(value_name = "CHANGE")]
    id: Option<String>,
    /// The environment; all of them by default
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
    /// End with 6 while something is kept for longer than `changes.keep`
    #[arg(long)]
    exit_code: bool,
}

#[derive(Serialize)]
struct KeptView {
    /// For how long it should be kept at least.
    keep: String,
    kept: Vec<Row>,
}

/// Something that is kept in one environment.
#[derive(Serialize)]
struct Row {
    environment: String,
    change: String,
    /// The table that has it or that it is, as it stands in SQL.
    table: String,
    /// The column; none where it is the whole table.
    column: Option<String>,
    /// What it was.
    was: String,
    /// When the contract was done.
    since: String,
    /// What its values take, about; of a column on PostgreSQL 0 where the table was never analyzed.
    bytes: u64,
    /// From when on it is kept for longer than it should be.
    until: String,
    /// Whether that is over.
    over: bool,
    /// The SQL with which `change purge` destroys it. Then the contract cannot be taken back any
    /// more.
    drop: String,
}

impl Kept {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let book = Book::open(context)?;
        let keep = context.settings().changes.keep();
        let now = context.shell.clock.now();
        let environments: Vec<&Environment> = match &self.env {
            Some(name) => vec![context.environment(name)?],
            None => context.environments()?.iter().collect(),
        };
        let definitions: Vec<Definition> = match &self.id {
            Some(id) => vec![changes::load(context, id)?],
            None => changes::list(context)?
                .iter()
                .map(|id| changes::load(context, id.as_str()))
                .collect::<Result<_, _>>()?,
        };
        let mut kept = Vec::new();
        for environment in environments {
            for definition in &definitions {
                let Some(since) = contracted(&book, environment, definition) else {
                    continue;
                };
                for (aside, bytes) in measured(context, environment, definition)? {
                    let until = since + keep;
                    kept.push(Row {
                        environment: environment.name.to_string(),
                        change: definition.id.to_string(),
                        table: aside.table,
                        column: aside.column,
                        was: aside.was,
                        since: since.to_string(),
                        bytes,
                        until: until.to_string(),
                        over: until <= now,
                        drop: aside.drop_sql,
                    });
                }
            }
        }
        let over = kept.iter().any(|row| row.over);
        let keep = keep.to_string();
        context.shell.out.data(&KeptView { keep, kept });
        Ok(if self.exit_code && over {
            Exit::Pending
        } else {
            Exit::Ok
        })
    }
}

/// The contract of a change, if it has one.
pub(super) fn contract(definition: &Definition) -> Option<&Step> {
    definition.steps.iter().find(|step| {
        matches!(&step.work, Work::Database { script: Some(script), .. }
            if script.action == SurfaceOperation::Contract)
    })
}

/// When the contract of a change was done in an environment, if it is.
pub(super) fn contracted(
    book: &Book,
    environment: &Environment,
    definition: &Definition,
) -> Option<Timestamp> {
    let contract = contract(definition)?;
    book.history
        .applied_at(&environment.name, &definition.id, &contract.name)
}

/// What a change keeps aside in an environment's database and how large it is, as far as it is still
/// there.
pub(super) fn measured(
    context: &Context<'_>,
    environment: &Environment,
    definition: &Definition,
) -> Result<Vec<(Aside, u64)>, Failure> {
    let all = definition.kept();
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    match EnvironmentDatabase::open(context, environment)? {
        EnvironmentDatabase::Sqlite { database, .. } => {
            for mut aside in all {
                let bytes = database.kept_bytes(&aside)?;
                if bytes.is_some() {
                    for index in database.kept_indexes(&aside)? {
                        let first = format!("DROP INDEX {}; ", name(&index));
                        aside.drop_sql.insert_str(0, &first);
                    }
                }
                found.extend(bytes.map(|bytes| (aside, bytes)));
            }
        }
        EnvironmentDatabase::Postgres(server) => {
            let mut session = server.session()?;
            for aside in all {
                let bytes = postgres::kept::bytes(&mut session, &aside)?;
                found.extend(bytes.map(|bytes| (aside, bytes)));
            }
        }
    }
    Ok(found)
}

impl View for KeptView {
    const SCHEMA: &'static str = "switchback.kept/v1";

    fn human(&self, page: &mut Page) {
        if self.kept.is_empty() {
            page.line("nothing is kept aside");
        }
        for row in &self.kept {
            page.heading(&format!("{} in {}", row.change, row.environment));
            let what = match &row.column {
                Some(column) => format!("the column {column} of {}", row.table),
                None => format!("the table {}", row.table),
            };
            page.line(&format!("  {what}"));
            let size = estimate::human(row.bytes);
            page.line(&format!(
                "  was {}, about {size}, since {}",
                row.was, row.since
            ));
            if row.over {
                let words = format!("  kept for longer than {}", self.keep);
                page.add(Role::Label, &words).end();
                page.line("  when nobody will go back:");
                let (change, environment) = (&row.change, &row.environment);
                page.add(Role::Plain, "    ");
                page.add(
                    Role::Command,
                    &format!(
                        "switchback change purge {change} --env {environment} --because REASON"
                    ),
                )
                .end();
            } else {
                page.line(&format!("  to be kept until {}", row.until));
            }
        }
    }
}
