//! `switchback backfill new`: the file of a backfill, to commit.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_migration::backfill::job::{JOB_SCHEMA, JobText};
use switchback_migration::backfill::{Job, Program, Query};
use switchback_model::BackfillId;

use crate::backfills;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::files::{self, Batch};
use crate::output::View;
use crate::page::{Page, Role};

/// Write the file of a new backfill
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  switchback backfill new lower-emails --table users \\\n    \
                        --set 'email = lower(email)' --where 'email IS NOT NULL'\n  \
                        switchback backfill new scores --table users --columns score \\\n    \
                        --query-file scores.sql",
    group = clap::ArgGroup::new("values").required(true).args(["set", "query", "query_file", "program"])
)]
pub(crate) struct New {
    /// The backfill's id, which is also the name of its file
    #[arg(value_name = "BACKFILL")]
    id: String,
    /// The table, as it stands in SQL
    #[arg(long)]
    table: String,
    /// What a column gets, as an SQL expression over the same row; may be given several times
    #[arg(long, value_name = "COLUMN=SQL")]
    set: Vec<String>,
    /// A query that gives the columns of the key and those of --columns for the rows of {batch}
    ///
    /// `{batch}` stands where a table would, for the rows that are done at once. The query gives
    /// each of them once at most; one that it does not give is left as it is. Such as: SELECT u.id,
    /// count(e.id) AS score FROM {batch} AS u LEFT JOIN events AS e ON e.user_id = u.id GROUP BY u.id
    #[arg(long, value_name = "SQL", requires = "columns")]
    query: Option<String>,
    /// A file with such a query; `-` for what is piped in
    #[arg(long, value_name = "FILE", requires = "columns")]
    query_file: Option<PathBuf>,
    /// A program that is given rows, with its arguments, divided at blanks; no shell is asked
    #[arg(long, value_name = "COMMAND", requires_all = ["columns", "only"])]
    program: Option<String>,
    /// The columns that the query or the program writes, with commas between them
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        conflicts_with = "set"
    )]
    columns: Vec<String>,
    /// Of --program: the columns that it is given besides the key
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        requires = "program"
    )]
    reads: Vec<String>,
    /// Which rows get it, as an SQL condition over the row; all by default. With --program: those
    /// that are not done yet
    #[arg(long = "where", value_name = "SQL")]
    only: Option<String>,
    /// One line that says what it is for
    #[arg(long)]
    title: Option<String>,
    /// Keep no former values: it cannot be undone then
    #[arg(long)]
    no_undo: bool,
    /// Show the file instead of writing it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Written {
    backfill: String,
    file: String,
    written: bool,
    content: String,
}

impl New {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let id = BackfillId::new(self.id.as_str())
            .map_err(|error| errors::wrong_name("BACKFILL", &error))?;
        let mut set = BTreeMap::new();
        for text in &self.set {
            let (column, value) = assignment(text)?;
            if set.insert(column.clone(), value).is_some() {
                let why = format!("gives `{column}` a second value");
                return Err(errors::wrong_set(text, &why));
            }
        }
        let sql = match (self.query, &self.query_file) {
            (Some(sql), _) => Some(sql),
            (None, Some(path)) => Some(read(context, path)?),
            (None, None) => None,
        };
        let columns: Vec<String> = self.columns.iter().map(|it| it.trim().to_owned()).collect();
        let query = sql.map(|sql| Query {
            columns: columns.clone(),
            sql: sql.trim().to_owned(),
        });
        let program = self.program.map(|command| Program {
            columns,
            reads: self.reads,
            command: command.split_whitespace().map(str::to_owned).collect(),
        });
        let text = JobText {
            schema: JOB_SCHEMA.to_owned(),
            title: self.title,
            table: self.table,
            only: self.only,
            keep_undo: !self.no_undo,
            set,
            query,
            program,
        };
        let content = toml::to_string(&text).map_err(|error| errors::usage(error.to_string()))?;
        // What is written can be read again.
        Job::parse(id.clone(), &content).map_err(|error| errors::backfill_not_written(&error))?;
        let folder = context.backfills();
        let path = folder.join(format!("{id}{}", backfills::END));
        if path.exists() && !self.dry_run {
            return Err(errors::already_exists(&path));
        }
        if !self.dry_run {
            let mut batch = Batch::default();
            batch.folder(&folder, 0o755);
            batch.create(&path, content.clone().into_bytes(), 0o644);
            batch.write()?;
        }
        context.shell.out.data(&Written {
            backfill: id.to_string(),
            file: context.shown(&path),
            written: !self.dry_run,
            content,
        });
        if !self.dry_run {
            let environments = &context.settings().environments;
            let environment = environments.first().map(|it| it.name.as_str());
            context.shell.out.next(
                "commit the file, then see how its rows would be walked",
                &format!(
                    "switchback backfill plan {id} --env {}",
                    environment.unwrap_or("ENVIRONMENT")
                ),
            );
        }
        Ok(Exit::Ok)
    }
}

/// What a file has, or what is piped in.
fn read(context: &Context<'_>, path: &Path) -> Result<String, Failure> {
    if path != Path::new("-") {
        return Ok(files::read(&context.shell.folder.join(path))?);
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| errors::usage(format!("standard input cannot be read: {error}")))?;
    Ok(text)
}

/// `COLUMN=SQL`; a column that has a `=` in its name stands in double quotes.
fn assignment(text: &str) -> Result<(String, String), Failure> {
    let no_equals = || errors::wrong_set(text, "has no `=` between column and value");
    let trimmed = text.trim_start();
    let (column, rest) = match trimmed.strip_prefix('"') {
        Some(quoted) => {
            let mut column = String::new();
            let mut rest = quoted;
            loop {
                let (before, after) = rest.split_once('"').ok_or_else(no_equals)?;
                column.push_str(before);
                rest = after;
                match rest.strip_prefix('"') {
                    Some(more) => {
                        column.push('"');
                        rest = more;
                    }
                    None => break,
                }
            }
            let rest = rest.trim_start().strip_prefix('=').ok_or_else(no_equals)?;
            (column, rest)
        }
        None => {
            let (column, rest) = trimmed.split_once('=').ok_or_else(no_equals)?;
            (column.trim().to_owned(), rest)
        }
    };
    if column.is_empty() {
        return Err(errors::wrong_set(text, "names no column"));
    }
    if rest.trim().is_empty() {
        return Err(errors::wrong_set(text, "gives the column no value"));
    }
    Ok((column, rest.trim().to_owned()))
}

impl View for Written {
    const SCHEMA: &'static str = "switchback.backfill-new/v1";

    fn human(&self, page: &mut Page) {
        if self.written {
            page.line(&format!("wrote {}", self.file));
        } else {
            page.add(Role::Strong, &self.file).end();
            page.block(&self.content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_have_anything_in_it() {
        let of = |text: &str| assignment(text).ok();
        let pair = |column: &str, value: &str| Some((column.to_owned(), value.to_owned()));
        assert_eq!(of("email = lower(email)"), pair("email", "lower(email)"));
        assert_eq!(of("a=b = c"), pair("a", "b = c"));
        assert_eq!(of("\"a=\"\"b\" = 1"), pair("a=\"b", "1"));
        for none in ["email", "= 1", "a =", "\"a = 1", "\"\" = 1", "a =  "] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
