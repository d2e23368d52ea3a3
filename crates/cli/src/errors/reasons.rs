//! Why a change cannot be planned: SB0404 with the reason, and a way out where one is known.

use switchback_diag::{Code, Diagnostic};
use switchback_migration::Engine;
use switchback_migration::definition::MADE;
use switchback_migration::postgres::{PlanError, Reason as PostgresReason};
use switchback_migration::sqlite::rename::{Reason as SqliteReason, RenameError};
use switchback_model::EnvironmentName;

use super::{Failure, usage};
use crate::effects::Refusal;

fn refused(environment: &EnvironmentName, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic::error(
        Code::TableNotSupported,
        format!("the change cannot be planned from the database of {environment}"),
    )
    .caused_by(error)
}

fn with(found: Diagnostic, way: Option<String>) -> Failure {
    let found = match way {
        Some(way) => found.hint(way),
        None => found,
    };
    found
        .hint("nothing was written; the page of this code says which tables can be changed")
        .into()
}

/// SB0404 on SQLite.
pub(crate) fn not_on_sqlite(environment: &EnvironmentName, error: &RenameError) -> Failure {
    let way = match error {
        RenameError::Unsupported { reason, .. } => on_sqlite(reason),
        _ => None,
    };
    with(refused(environment, error), way)
}

/// SB0404 on PostgreSQL.
pub(crate) fn not_on_postgres(environment: &EnvironmentName, error: &PlanError) -> Failure {
    let way = match error {
        PlanError::Unsupported { table, reason } => on_postgres(table, reason),
        PlanError::Name(_) => None,
    };
    with(refused(environment, error), way)
}

/// SB0404: the database does not take the SQL.
pub(crate) fn not_tried(environment: &EnvironmentName, refusal: &Refusal) -> Failure {
    let Refusal { tried, message } = refusal;
    let found = Diagnostic::error(
        Code::TableNotSupported,
        format!("the change cannot be planned from the database of {environment}"),
    )
    .cause(format!("the database refuses {tried}: {message}"))
    .hint("correct what it names and run the command again; nothing was written and nothing ran");
    found.into()
}

/// A flag that means something on one engine only.
pub(crate) fn only_on(flag: &str, engine: Engine) -> Failure {
    usage(format!("{flag} is only for {engine}"))
        .hint(format!("leave {flag} out"))
        .into()
}

const ANOTHER_NAME: &str = "choose another name";
const CHECK_NAME: &str = "check the name, as the database spells it";
const OWN: &str = "by a migration of your own";

/// One that another change made is not to be touched: it keeps shapes in step.
fn around_trigger(name: &str) -> String {
    if name.starts_with(MADE) {
        return format!(
            "`{name}` belongs to another change that is open: end that one or take it back first; \
             `switchback change status` shows how far each is"
        );
    }
    around("trigger", name)
}

fn around(what: &str, name: &str) -> String {
    format!("drop the {what} `{name}` before the change and make it again after it, {OWN}")
}

fn list_it(column: &str) -> String {
    format!("first hold `{column}` to one CHECK with a name that lists its values")
}

fn needs_default(column: &str) -> String {
    format!("say with --default what rows get in `{column}` that are written without it")
}

fn way_back(column: &str) -> String {
    format!("say it with --back \"{column} = …\"")
}

fn nullable_default(column: &str) -> String {
    format!(
        "drop the default of `{column}` {OWN}, or first make it NOT NULL with `switchback change \
         new add-not-null`"
    )
}

fn primary_key(column: &str) -> String {
    format!("a key is what rows are told apart by while a change runs; leave `{column}` as it is")
}

fn not_unique(unique: &str) -> String {
    format!("first let the column be NULL and drop its default, or drop `{unique}`, {OWN}")
}

fn on_sqlite(reason: &SqliteReason) -> Option<String> {
    Some(match reason {
        SqliteReason::NoColumn { .. } => CHECK_NAME.to_owned(),
        SqliteReason::ColumnExists { .. } => ANOTHER_NAME.to_owned(),
        SqliteReason::BadName => ANOTHER_NAME.to_owned(),
        SqliteReason::OnlyCase { .. } => {
            "nobody needs this change on SQLite: both names mean the column already".to_owned()
        }
        SqliteReason::Virtual | SqliteReason::View => {
            "name the table behind it that stores the rows".to_owned()
        }
        SqliteReason::WithoutRowid => format!("make the table again with a row id, {OWN}"),
        SqliteReason::HiddenRowid => {
            format!("rename one of these columns first, {OWN}")
        }
        SqliteReason::RowidName { .. } => ANOTHER_NAME.to_owned(),
        SqliteReason::Generated { .. } => {
            "change the columns that it is generated from instead".to_owned()
        }
        SqliteReason::PrimaryKey { column } => primary_key(column),
        SqliteReason::NotAKey { columns, .. } => {
            format!(
                "first hold `{columns}` over there to uniqueness with `switchback change new add-unique`"
            )
        }
        SqliteReason::ConstraintThere { .. } => "choose another --name".to_owned(),
        SqliteReason::ForeignKey { .. } | SqliteReason::Referenced { .. } => {
            format!("SQLite has to make a table again for its foreign keys: do that {OWN}")
        }
        SqliteReason::Check { .. } => format!(
            "drop the CHECK before the change {OWN}, and add it again for the new column with \
             `switchback change new add-check`"
        ),
        SqliteReason::Computed { .. } => {
            format!("drop the generated column before the change and make it again after it, {OWN}")
        }
        SqliteReason::InView { view } => around("view", view),
        SqliteReason::Trigger { trigger } => around_trigger(trigger),
        SqliteReason::Index { index, .. } | SqliteReason::UniqueTogether { index, .. } => {
            around("index", index)
        }
        SqliteReason::OneForAll { unique, .. } => not_unique(unique),
        SqliteReason::OnConflict { .. } => {
            format!("take the ON CONFLICT clause out of the table first, {OWN}")
        }
        SqliteReason::NamedNotNull { .. } => {
            format!("take the constraint's name out of the table first, {OWN}")
        }
        SqliteReason::Default { .. } | SqliteReason::UniqueDefault { .. } => {
            format!("drop the default first, {OWN}")
        }
        SqliteReason::NeedsDefault { column } => needs_default(column),
        SqliteReason::NotListed { column } => list_it(column),
        SqliteReason::ValueThere { .. } => return None,
        SqliteReason::NoValue { .. } => "check the value, as the database spells it".to_owned(),
        SqliteReason::NullableDefault { column } => nullable_default(column),
        SqliteReason::NoWayBack { column } => way_back(column),
        SqliteReason::Of { reason, .. } => return on_sqlite(reason),
        SqliteReason::Itself => "name two tables".to_owned(),
        SqliteReason::NoLink => format!(
            "the table has to be made again with such a key, {OWN}; rows of which several belong to \
             one row of the other table cannot be merged"
        ),
        SqliteReason::SeveralLinks | SqliteReason::PointsElsewhere { .. } => {
            format!("make the table again without the foreign key that would be gone, {OWN}")
        }
        SqliteReason::KeyNotMade { column } => {
            format!("make the table again with `{column}` as its INTEGER PRIMARY KEY, {OWN}")
        }
        SqliteReason::NothingMoves => "drop the table instead".to_owned(),
        SqliteReason::NotCarried { .. } => format!("take it out of the table first, {OWN}"),
        SqliteReason::NameTaken { .. } => "give the change another id with --id".to_owned(),
        _ => return None,
    })
}

fn on_postgres(table: &str, reason: &PostgresReason) -> Option<String> {
    Some(match reason {
        PostgresReason::NoTable => format!(
            "check the name; a table outside of the search path needs its schema, such as \
             `shop.{table}`"
        ),
        PostgresReason::NotATable => "name the table behind it that stores the rows".to_owned(),
        PostgresReason::NoColumn { .. } => CHECK_NAME.to_owned(),
        PostgresReason::ColumnExists { .. } | PostgresReason::BadName { .. } => {
            ANOTHER_NAME.to_owned()
        }
        PostgresReason::NameTaken { .. } => {
            "choose another --name, or another --id for the change if it made the name".to_owned()
        }
        PostgresReason::Generated { .. } => {
            "change the columns that it is generated from instead".to_owned()
        }
        PostgresReason::Identity { column } => {
            format!("take the identity from `{column}` first, {OWN}")
        }
        PostgresReason::PrimaryKey { column } => primary_key(column),
        PostgresReason::Constraint { constraint, .. } => around("constraint", constraint),
        PostgresReason::OneForAll { unique, .. } => not_unique(unique),
        PostgresReason::Referenced { constraint, .. } => {
            format!("drop the foreign key `{constraint}` first, {OWN}")
        }
        PostgresReason::InView { view } => around("view", view),
        PostgresReason::VolatileDefault { column, .. } => {
            format!("drop the default of `{column}` first, {OWN}, and let the code give the value")
        }
        PostgresReason::NullableDefault { column } => nullable_default(column),
        PostgresReason::NoWayBack { column } => way_back(column),
        PostgresReason::NeedsDefault { column } => needs_default(column),
        PostgresReason::NotListed { column } => list_it(column),
        PostgresReason::ValueThere { .. } => return None,
        PostgresReason::NoValue { .. } => "check the value, as the database spells it".to_owned(),
        PostgresReason::NoKey => format!("give `{table}` a primary key first, {OWN}"),
        PostgresReason::NotAKey { table, columns } => format!(
            "make `{columns}` of `{table}` unique first, with `switchback change new add-unique`"
        ),
        PostgresReason::Of { table, reason } => return on_postgres(table, reason),
        PostgresReason::Itself => "name two tables".to_owned(),
        PostgresReason::Policy { policy } => around("policy", policy),
        PostgresReason::Rule { rule } => around("rule", rule),
        PostgresReason::Trigger { trigger } => around_trigger(trigger),
        PostgresReason::NoLink => format!(
            "add one with `switchback change new add-foreign-key`, and make its columns unique and \
             NOT NULL; rows of which several belong to one row of the other table cannot be merged \
             (`{table}`)"
        ),
        PostgresReason::SeveralLinks { .. } => "say with --by which columns are meant".to_owned(),
        PostgresReason::PointsElsewhere { constraint } => around("foreign key", constraint),
        PostgresReason::Deferrable { constraint } => {
            format!("make `{constraint}` NOT DEFERRABLE first, {OWN}")
        }
        PostgresReason::KeyNotMade { column } => {
            format!("give `{column}` a default first, {OWN}")
        }
        PostgresReason::NothingMoves => "drop the table instead".to_owned(),
        PostgresReason::NotCarried { what } => format!(
            "drop the {what} first, {OWN}, and make what is needed of it on the other table after \
             the step `expand`"
        ),
        PostgresReason::Inherits { .. } => return None,
        PostgresReason::Partitioned => {
            format!("do it on each partition {OWN}, and then on the table")
        }
    })
}
