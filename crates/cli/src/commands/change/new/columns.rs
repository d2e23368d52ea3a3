//! Columns that come, get another name or go, and tables that go.

use clap::{Args, ValueEnum};
use switchback_migration::operation::request::Request;
use switchback_migration::sqlite::rename::Mode;

use super::ids::suggested;
use super::pieces::Sql;
use super::{Asked, Common};

/// Add a column that code may leave out
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new add-column --table users --column nickname --type text")]
pub(crate) struct AddColumn {
    /// The table
    #[arg(long)]
    table: String,
    /// The column
    #[arg(long)]
    column: String,
    /// Its type, as SQL
    #[arg(long = "type", value_name = "TYPE")]
    type_sql: Sql,
    /// Its default, a constant as SQL; NULL if it is left out
    #[arg(long, value_name = "SQL", allow_negative_numbers = true)]
    default: Option<Sql>,
    #[command(flatten)]
    common: Common,
}

/// Add a column that every row must have
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new add-required-column --table customers --column segment --type text \\
    --value \"CASE WHEN orders > 100 THEN 'large' ELSE 'small' END\"")]
pub(crate) struct AddRequiredColumn {
    /// The table
    #[arg(long)]
    table: String,
    /// The column
    #[arg(long)]
    column: String,
    /// Its type, as SQL
    #[arg(long = "type", value_name = "TYPE")]
    type_sql: Sql,
    /// What rows get that are there already: an SQL expression over the row
    #[arg(long, value_name = "SQL", allow_negative_numbers = true)]
    value: Sql,
    #[command(flatten)]
    common: Common,
}

/// Give a column another name
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new rename-column --table users --from email_addr --to email")]
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
    /// Who keeps the old and the new column in step; `application` only on SQLite
    #[arg(long, value_enum, default_value_t)]
    sync: SyncBy,
    #[command(flatten)]
    common: Common,
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

/// Take a column away
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new drop-column --table users --column fax")]
pub(crate) struct DropColumn {
    /// The table
    #[arg(long)]
    table: String,
    /// The column
    #[arg(long)]
    column: String,
    /// What rows get that are written without it meanwhile, a constant as SQL; needed where the
    /// column is NOT NULL and has no default
    #[arg(long, value_name = "SQL", allow_negative_numbers = true)]
    default: Option<Sql>,
    #[command(flatten)]
    common: Common,
}

/// Take a table away
#[derive(Debug, Args)]
#[command(after_help = "Example:
  switchback change new drop-table --table faxes")]
pub(crate) struct DropTable {
    /// The table
    #[arg(long)]
    table: String,
    #[command(flatten)]
    common: Common,
}

impl AddColumn {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            column,
            type_sql,
            default,
            common,
        } = self;
        let id = suggested(["add", &table, &column]);
        let request = Request::AddColumn {
            table,
            column,
            type_sql: type_sql.into(),
            default: default.map(Into::into),
        };
        Asked::new(request, id, common)
    }
}

impl AddRequiredColumn {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            column,
            type_sql,
            value,
            common,
        } = self;
        let id = suggested(["add", &table, &column]);
        let request = Request::AddRequiredColumn {
            table,
            column,
            type_sql: type_sql.into(),
            value: value.into(),
        };
        Asked::new(request, id, common)
    }
}

impl RenameColumn {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            from,
            to,
            sync,
            common,
        } = self;
        let id = suggested(["rename", &table, &from]);
        let request = Request::RenameColumn { table, from, to };
        let mut asked = Asked::new(request, id, common);
        asked.mode = match sync {
            SyncBy::Triggers => Mode::Triggers,
            SyncBy::Application => Mode::Application,
        };
        asked
    }
}

impl DropColumn {
    pub(super) fn asked(self) -> Asked {
        let Self {
            table,
            column,
            default,
            common,
        } = self;
        let id = suggested(["drop", &table, &column]);
        let request = Request::DropColumn {
            table,
            column,
            default: default.map(Into::into),
        };
        Asked::new(request, id, common)
    }
}

impl DropTable {
    pub(super) fn asked(self) -> Asked {
        let Self { table, common } = self;
        let id = suggested(["drop", &table]);
        Asked::new(Request::DropTable { table }, id, common)
    }
}
