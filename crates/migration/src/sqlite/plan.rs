//! Planning changes on SQLite: the SQL of each step of an operation.
//!
//! SQLite has one writer at a time, so a step holds its lock for as long as it runs: what writes
//! many rows is a fill, in small transactions, and what reads many is said to.
//!
//! What SQLite cannot alter in place, a foreign key on columns that are there, makes the table again:
//! see [`super::rebuild`].

mod columns;
mod merge;
mod moves;
mod rules;
mod values;

use switchback_model::{ChangeId, StepName};

pub use self::merge::merge;
pub use self::rules::ForeignKey;

use super::catalog::{Column, Table, TableKind};
use super::rename::{self, Mode, Reason, Rename, RenameError};
use super::text::{mentions, name};
use crate::definition::{CODE_BEFORE, Columns, Definition, Surface, prefix};
use crate::engine::Engine;
use crate::operation::request::Request;
use crate::operation::{Planned, Sql, header, require};

/// Rows in a fill's first batch.
const FIRST_BATCH: u32 = 1_000;

/// What every planner needs.
struct Draft<'a> {
    table: &'a Table,
    change: &'a ChangeId,
    prefix: String,
}

type Outcome = Result<Planned, Trouble>;

/// Either error of a planner.
enum Trouble {
    Name(switchback_model::InvalidName),
    Reason(Reason),
}

impl From<switchback_model::InvalidName> for Trouble {
    fn from(error: switchback_model::InvalidName) -> Self {
        Trouble::Name(error)
    }
}

impl From<Reason> for Trouble {
    fn from(reason: Reason) -> Self {
        Trouble::Reason(reason)
    }
}

/// Plans a change. A rename keeps the columns in step by triggers; for one where the application
/// does, see [`rename::plan`].
///
/// # Errors
/// If it could not be done without harm; the table is not touched either way.
pub fn plan(
    table: &Table,
    change: &ChangeId,
    request: &Request,
) -> Result<Definition, RenameError> {
    if let Request::RenameColumn { from, to, .. } = request {
        let wanted = Rename {
            change: change.clone(),
            from: from.clone(),
            to: to.clone(),
            mode: Mode::Triggers,
        };
        return rename::plan(table, &wanted);
    }
    define(table, change, Vec::new(), |draft| {
        draft.ordinary()?;
        plan_in_one(draft, request)
    })
}

/// Plans what is about one table only.
fn plan_in_one(draft: &Draft<'_>, request: &Request) -> Outcome {
    match request {
        Request::AddColumn {
            column,
            type_sql,
            default,
            ..
        } => columns::add(draft, column, type_sql, default.as_deref()),
        Request::AddRequiredColumn {
            column,
            type_sql,
            value,
            ..
        } => columns::add_required(draft, column, type_sql, value),
        Request::DropColumn {
            column, default, ..
        } => columns::drop_column(draft, column, default.as_deref()),
        Request::DropTable { .. } => columns::drop_table(draft),
        Request::Move(wanted) => moves::plan(draft, wanted),
        Request::AddValue {
            column,
            value,
            fallback,
            ..
        } => values::add(draft, column, value, fallback.as_deref()),
        Request::RemoveValue {
            column,
            value,
            replacement,
            ..
        } => values::remove(draft, column, value, replacement),
        Request::AddIndex {
            name, keys, only, ..
        } => rules::index(draft, name, keys, only.as_deref()),
        Request::AddCheck {
            name, rule, mend, ..
        } => rules::check(draft, name, rule, mend),
        Request::AddNotNull { column, mend, .. } => rules::not_null(draft, column, mend.as_deref()),
        Request::AddUnique { name, columns, .. } => rules::unique(draft, name, columns),
        // Handled by `plan`, and by `foreign_key` and `merge`, which need both tables.
        Request::RenameColumn { .. } | Request::AddForeignKey { .. } | Request::MergeTables(_) => {
            Err(Reason::BadName.into())
        }
    }
}

/// Plans a foreign key from columns of a table that are there to columns of another, or of the same.
///
/// # Errors
/// If it could not be done without harm; no table is touched either way.
pub fn foreign_key(
    table: &Table,
    to: &Table,
    change: &ChangeId,
    wanted: &ForeignKey<'_>,
) -> Result<Definition, RenameError> {
    define(table, change, Vec::new(), |draft| {
        draft.ordinary()?;
        rules::foreign_key(draft, to, wanted)
    })
}

/// The definition out of what a planner makes for a table, where `also` are the other tables that it
/// is about.
fn define(
    table: &Table,
    change: &ChangeId,
    also: Vec<String>,
    planner: impl FnOnce(&Draft<'_>) -> Outcome,
) -> Result<Definition, RenameError> {
    let draft = Draft {
        table,
        change,
        prefix: prefix(change),
    };
    let planned = planner(&draft).map_err(|trouble| match trouble {
        Trouble::Name(error) => RenameError::from(error),
        Trouble::Reason(reason) => RenameError::Unsupported {
            table: table.name.clone(),
            reason,
        },
    })?;
    Ok(Definition {
        id: change.clone(),
        title: planned.title,
        operation: planned.operation,
        engine: Engine::Sqlite,
        code: StepName::new(CODE_BEFORE)?,
        surface: Surface {
            kind: planned.kind,
            table: table.name.clone(),
            also,
            old: Columns(planned.old),
            new: Columns(planned.new),
            before: planned.rule.then_some(require::BEFORE),
        },
        steps: planned.steps,
    })
}

impl Draft<'_> {
    fn ordinary(&self) -> Result<(), Reason> {
        match self.table.kind {
            TableKind::Ordinary => Ok(()),
            TableKind::Virtual => Err(Reason::Virtual),
            TableKind::View => Err(Reason::View),
        }
    }

    /// The table, as it stands in SQL.
    fn t(&self) -> String {
        name(&self.table.name)
    }

    /// The table, for people.
    fn shown(&self) -> &str {
        &self.table.name
    }

    /// A name of this change, not quoted.
    fn own(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }

    /// A comment that begins the file of a step, and its SQL.
    fn sql(&self, step: &str, what: [&str; 2], sql: Sql) -> Sql {
        let head = |what: &str| header(self.change, step, what, sql.run);
        Sql {
            up: head(what[0]) + &sql.up,
            down: head(what[1]) + &sql.down,
            run: sql.run,
        }
    }

    fn column(&self, column: &str) -> Result<&Column, Reason> {
        self.table.column(column).ok_or_else(|| Reason::NoColumn {
            column: column.to_owned(),
        })
    }

    fn free(&self, column: &str) -> Result<(), Reason> {
        if column.is_empty() || column.contains('\0') {
            return Err(Reason::BadName);
        }
        match self.table.column(column) {
            Some(found) => Err(Reason::ColumnExists {
                column: found.name.clone(),
            }),
            None => Ok(()),
        }
    }

    /// That rows can be filled one by one.
    fn fillable(&self) -> Result<&'static str, Reason> {
        if self.table.without_rowid {
            return Err(Reason::WithoutRowid);
        }
        self.table.rowid().ok_or(Reason::HiddenRowid)
    }

    /// That no view mentions the table, and no trigger but those of other changes that leave the
    /// columns alone.
    fn apart(&self, columns: &[String]) -> Result<(), Reason> {
        if let Some(view) = self.table.views.first() {
            return Err(Reason::InView {
                view: view.name.clone(),
            });
        }
        match self.table.trigger_in_the_way(columns) {
            Some(trigger) => Err(Reason::Trigger {
                trigger: trigger.name.clone(),
            }),
            None => Ok(()),
        }
    }

    /// The columns that a piece of SQL mentions.
    fn mentioned(&self, sql: &str) -> Vec<String> {
        self.table
            .columns
            .iter()
            .filter(|column| mentions(sql, &column.name))
            .map(|column| column.name.clone())
            .collect()
    }

    /// SQL that fails, and so rolls everything back, if there are rows where `broken` holds.
    fn guard(&self, what: &str, complaint: &str, count: &str) -> String {
        let guard = name(&self.own(&format!("guard_{what}")));
        format!(
            "CREATE TEMP TABLE {guard} (found INTEGER CONSTRAINT {} CHECK (found = 0));\n\
             INSERT INTO temp.{guard} {count};\nDROP TABLE temp.{guard};\n",
            name(complaint),
        )
    }
}

/// That two values are not exactly the same, where `NULL` is the same as `NULL`; the second is put
/// in parentheses.
fn differ(left: &str, right: &str) -> String {
    format!("({left} COLLATE BINARY IS NOT ({right}) OR typeof({left}) IS NOT typeof(({right})))")
}
