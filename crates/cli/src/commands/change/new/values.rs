//! Values that a column takes: the labels of an enum, or a CHECK that lists them.

use clap::Args;
use switchback_migration::operation::request::Request;

use super::ids::suggested;
use super::{Asked, Common};

/// Let a column take a value more
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new add-enum-value --table orders --column state --value refunded \\
    --fallback cancelled")]
pub(crate) struct AddEnumValue {
    /// The table
    #[arg(long)]
    table: String,
    /// The column, of an enum type or with one named CHECK that lists its values
    #[arg(long)]
    column: String,
    /// The value, as it is
    #[arg(long)]
    value: String,
    /// What rows that have it get on the way back; without it there may be none then
    #[arg(long, value_name = "VALUE")]
    fallback: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Let a column take a value no more
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new remove-enum-value --table orders --column state --value lost \\
    --replacement cancelled")]
pub(crate) struct RemoveEnumValue {
    /// The table
    #[arg(long)]
    table: String,
    /// The column, of an enum type or with one named CHECK that lists its values
    #[arg(long)]
    column: String,
    /// The value, as it is
    #[arg(long)]
    value: String,
    /// What rows that have it get instead
    #[arg(long, value_name = "VALUE")]
    replacement: String,
    #[command(flatten)]
    common: Common,
}

impl AddEnumValue {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            column,
            value,
            fallback,
            common,
        } = self;
        let id = suggested(["allow", &table, &column, &value]);
        let request = Request::AddValue {
            table,
            column,
            value,
            fallback,
        };
        Asked::new(request, id, common)
    }
}

impl RemoveEnumValue {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            column,
            value,
            replacement,
            common,
        } = self;
        let id = suggested(["remove", &table, &column, &value]);
        let request = Request::RemoveValue {
            table,
            column,
            value,
            replacement,
        };
        Asked::new(request, id, common)
    }
}
