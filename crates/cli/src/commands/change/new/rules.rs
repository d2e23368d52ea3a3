//! Indexes, and rules that every row is held to.

use clap::{Args, ValueEnum};
use switchback_migration::operation::request::Request;

use super::ids::suggested;
use super::pieces::{Given, Sql, by_column};
use super::{Asked, Common};
use crate::errors::{self, Failure};

/// Build an index
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new add-index --table users --key \"lower(email)\" --where \"active\"")]
pub(crate) struct AddIndex {
    /// The table
    #[arg(long)]
    table: String,
    /// A column, or an expression as SQL; once for each key, in order
    #[arg(long, value_name = "KEY", required = true)]
    key: Vec<Sql>,
    /// The index's name; made from the names if it is left out
    #[arg(long)]
    name: Option<String>,
    /// The access method, such as `gin`; only on PostgreSQL
    #[arg(long)]
    method: Option<Sql>,
    /// Which rows it covers, as an SQL condition; all if it is left out
    #[arg(long = "where", value_name = "SQL")]
    only: Option<Sql>,
    #[command(flatten)]
    common: Common,
}

/// Hold every row to a rule
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new add-check --table orders --name orders_amount_positive \\
    --rule \"amount >= 0\" --mend \"amount = 0\"")]
pub(crate) struct AddCheck {
    /// The table
    #[arg(long)]
    table: String,
    /// The constraint's name
    #[arg(long)]
    name: String,
    /// The rule, as an SQL condition over the row
    #[arg(long, value_name = "SQL")]
    rule: Sql,
    /// What a column gets in rows that break the rule; once for each. Without it there may be none
    #[arg(long, value_name = "COLUMN = SQL")]
    mend: Vec<Given>,
    #[command(flatten)]
    common: Common,
}

/// Let a column be NULL no more
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new add-not-null --table users --column phone --value \"''\"")]
pub(crate) struct AddNotNull {
    /// The table
    #[arg(long)]
    table: String,
    /// The column
    #[arg(long)]
    column: String,
    /// What rows get that have no value, an SQL expression over the row; without it there may be
    /// none
    #[arg(long, value_name = "SQL", allow_negative_numbers = true)]
    value: Option<Sql>,
    #[command(flatten)]
    common: Common,
}

/// Let no two rows have the same values
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new add-unique --table users --column email")]
pub(crate) struct AddUnique {
    /// The table
    #[arg(long)]
    table: String,
    /// A column; once for each
    #[arg(long, required = true)]
    column: Vec<String>,
    /// The index's name; made from the names if it is left out
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Let columns point to another table
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new add-foreign-key --table orders --column customer_id \\
    --to customers --to-column id --on-delete cascade")]
pub(crate) struct AddForeignKey {
    /// The table
    #[arg(long)]
    table: String,
    /// A column that points; once for each
    #[arg(long, required = true)]
    column: Vec<String>,
    /// The table that it points to
    #[arg(long, value_name = "TABLE")]
    to: String,
    /// The column there; once for each --column, in the same order
    #[arg(long, value_name = "COLUMN", required = true)]
    to_column: Vec<String>,
    /// What becomes of rows here when the row there goes
    #[arg(long, value_enum, value_name = "ACTION")]
    on_delete: Option<Follow>,
    /// What becomes of rows here when the key there changes
    #[arg(long, value_enum, value_name = "ACTION")]
    on_update: Option<Follow>,
    /// The constraint's name; made from the names if it is left out
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// What becomes of a row when the one that it points to goes or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Follow {
    /// The statement is refused.
    Restrict,
    /// It goes or changes as well.
    Cascade,
    /// It points to nothing.
    SetNull,
    /// It gets its default.
    SetDefault,
}

impl Follow {
    const fn words(self) -> &'static str {
        match self {
            Follow::Restrict => "RESTRICT",
            Follow::Cascade => "CASCADE",
            Follow::SetNull => "SET NULL",
            Follow::SetDefault => "SET DEFAULT",
        }
    }
}

/// The name of an index or constraint out of those of the table and the columns:
/// `users_email_key`.
fn named(table: &str, columns: &[&str], end: &str) -> String {
    // A table may be given with its schema.
    let table = table.rsplit('.').next().unwrap_or(table);
    let words = std::iter::once(table).chain(columns.iter().copied());
    let mut name = suggested(words).replace('-', "_");
    name.truncate(LONGEST - end.len() - 1);
    format!("{name}_{end}")
}

/// PostgreSQL cuts longer names.
const LONGEST: usize = 63;

fn texts(columns: &[String]) -> Vec<&str> {
    columns.iter().map(String::as_str).collect()
}

impl AddIndex {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            key,
            name,
            method,
            only,
            common,
        } = self;
        let keys: Vec<String> = key.into_iter().map(Into::into).collect();
        let shown = texts(&keys);
        let name = name.unwrap_or_else(|| named(&table, &shown, "idx"));
        let words = ["index", &table];
        let id = suggested(words.into_iter().chain(shown));
        let request = Request::AddIndex {
            table,
            name,
            keys,
            method: method.map(Into::into),
            only: only.map(Into::into),
        };
        Asked::new(request, id, common)
    }
}

impl AddCheck {
    pub(super) fn asked(self) -> Result<Asked, Failure> {
        let Self {
            table,
            name,
            rule,
            mend,
            common,
        } = self;
        let mend = by_column(mend)
            .map_err(|column| errors::usage(format!("--mend says `{column}` more than once")))?;
        let id = suggested(["check", &table, name.trim_start_matches(&table)]);
        let request = Request::AddCheck {
            table,
            name,
            rule: rule.into(),
            mend,
        };
        Ok(Asked::new(request, id, common))
    }
}

impl AddNotNull {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            column,
            value,
            common,
        } = self;
        let id = suggested(["require", &table, &column]);
        let request = Request::AddNotNull {
            table,
            column,
            mend: value.map(Into::into),
        };
        Asked::new(request, id, common)
    }
}

impl AddUnique {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            column: columns,
            name,
            common,
        } = self;
        let shown = texts(&columns);
        let name = name.unwrap_or_else(|| named(&table, &shown, "key"));
        let id = suggested(["unique", &table].into_iter().chain(shown));
        let request = Request::AddUnique {
            table,
            name,
            columns,
        };
        Asked::new(request, id, common)
    }
}

impl AddForeignKey {
    pub(super) fn asked(self) -> Result<Asked, Failure> {
        let Self {
            table,
            column: columns,
            to,
            to_column: to_columns,
            on_delete,
            on_update,
            name,
            common,
        } = self;
        if columns.len() != to_columns.len() {
            let (here, there) = (columns.len(), to_columns.len());
            return Err(errors::usage(format!(
                "--column is given {here} times and --to-column {there} times"
            ))
            .hint("give one --to-column for each --column, in the same order")
            .into());
        }
        let shown = texts(&columns);
        let name = name.unwrap_or_else(|| named(&table, &shown, "fkey"));
        let id = suggested(["link", &table].into_iter().chain(shown));
        let said = |when, what: Option<Follow>| what.map(|it| format!("ON {when} {}", it.words()));
        let actions: Vec<_> = [said("DELETE", on_delete), said("UPDATE", on_update)]
            .into_iter()
            .flatten()
            .collect();
        let request = Request::AddForeignKey {
            table,
            name,
            columns,
            to_table: to,
            to_columns,
            actions: actions.join(" "),
        };
        Ok(Asked::new(request, id, common))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_from_names() {
        assert_eq!(named("shop.users", &["email"], "key"), "users_email_key");
        assert_eq!(
            named("users", &["lower(email)", "city"], "idx"),
            "users_lower_email_city_idx"
        );
        assert_eq!(named(&"x".repeat(90), &[], "idx").len(), 63);
    }
}
