//! Errors of backfills.

use switchback_db::postgres::change::ChangeError;
use switchback_db::sqlite::DbError;
use switchback_diag::{Code, Diagnostic, Location};
use switchback_migration::backfill::Refusal;
use switchback_migration::backfill::job::JobError;
use switchback_model::{BackfillId, EnvironmentName};

use super::{Failure, list, usage};
use crate::settings::nearest;

/// SB1501.
pub(crate) fn backfill_missing<'a>(
    id: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Failure {
    let found = Diagnostic::error(
        Code::BackfillMissing,
        format!("there is no backfill `{id}`"),
    );
    match nearest(id, known.clone()) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint(format!("backfills here: {}", list(known))),
    }
    .hint_command("write a new one", "switchback backfill new --help")
    .into()
}

/// SB1502, with the place.
pub(crate) fn backfill_wrong(shown: &str, text: &str, error: JobError) -> Failure {
    let found = Diagnostic::error(Code::BackfillSyntax, format!("{shown} cannot be used"))
        .caused_by(&error);
    let found = match error {
        JobError::Form {
            span: Some(span), ..
        } => found.at(Location::of_span(shown, text, span)),
        JobError::Schema { .. } => found.hint("use a newer version of switchback"),
        JobError::Form { span: None, .. } | JobError::Missing { .. } => found,
    };
    found
        .hint_command(
            "see what a file may say",
            "switchback explain backfill-syntax",
        )
        .into()
}

/// SB1502: not text.
pub(crate) fn backfill_not_utf8(shown: &str) -> Failure {
    Diagnostic::error(
        Code::BackfillSyntax,
        format!("{shown} is not text in UTF-8"),
    )
    .hint("take the file back from Git")
    .into()
}

/// SB1502: beyond reason.
pub(crate) fn backfill_too_large(shown: &str, limit: u64) -> Failure {
    Diagnostic::error(
        Code::BackfillSyntax,
        format!("{shown} is larger than {limit} bytes"),
    )
    .hint("put what takes so much text into a function of the database")
    .into()
}

/// A backfill that was typed is none.
pub(crate) fn backfill_not_written(error: &JobError) -> Failure {
    usage("the backfill cannot be written")
        .caused_by(error)
        .into()
}

/// `--set` is none.
pub(crate) fn wrong_set(text: &str, why: &str) -> Failure {
    usage(format!("`--set {text}` {why}"))
        .hint("write COLUMN=SQL, such as --set 'email = lower(email)'")
        .into()
}

/// SB1503, or what else keeps a server from saying what is needed.
pub(crate) fn not_fillable(
    id: &BackfillId,
    environment: &EnvironmentName,
    error: ChangeError,
) -> Failure {
    match &error {
        ChangeError::NoTable { .. } | ChangeError::NoColumn { .. } | ChangeError::Unfit { .. } => {
            refused(id, environment, &error)
        }
        _ => super::on_server(&error),
    }
}

/// SB1503, or what else is wrong with a file.
pub(crate) fn not_fillable_in_file(
    id: &BackfillId,
    environment: &EnvironmentName,
    error: &DbError,
) -> Failure {
    match error {
        DbError::NoTable { .. } | DbError::NoColumn { .. } => refused(id, environment, error),
        _ => super::database(error),
    }
}

/// SB1503, for a reason that SQLite gives or that its kind of table has.
pub(crate) fn not_on_this_table(
    id: &BackfillId,
    environment: &EnvironmentName,
    reason: impl Into<String>,
) -> Failure {
    head(id, environment)
        .cause(reason.into())
        .hint(NOTHING)
        .into()
}

const NOTHING: &str = "mend the file or the table; nothing was touched";

fn head(id: &BackfillId, environment: &EnvironmentName) -> Diagnostic {
    Diagnostic::error(
        Code::NotFillable,
        format!("the backfill `{id}` cannot be done in {environment}"),
    )
}

fn refused(
    id: &BackfillId,
    environment: &EnvironmentName,
    error: &dyn std::error::Error,
) -> Failure {
    head(id, environment).caused_by(error).hint(NOTHING).into()
}

/// SB1503 to SB1506.
pub(crate) fn no_strategy(
    id: &BackfillId,
    environment: &EnvironmentName,
    refusal: &Refusal,
) -> Failure {
    let (code, hint) = match refusal {
        Refusal::NoKeyForUndo { .. } => (
            Code::NoKeyForUndo,
            "give the table a primary key, or say `keep-undo = false`: then it cannot be undone",
        ),
        Refusal::MovesPartition { .. } => (
            Code::NotFillable,
            "move such rows in a change of the application's own; nothing was touched",
        ),
        Refusal::NoReplicaIdentity { .. } => (
            Code::NotFillable,
            "give the table a primary key, or a replica identity with `ALTER TABLE … REPLICA \
             IDENTITY`",
        ),
        Refusal::NeverDone { .. } => (
            Code::NeverDone,
            "say which rows get it, such as `only = \"COLUMN IS NULL\"`, or write the value itself",
        ),
        _ => (
            Code::StrategyUnfit,
            "leave --strategy out to have one chosen",
        ),
    };
    Diagnostic::error(
        code,
        format!("the backfill `{id}` cannot be done in {environment}"),
    )
    .caused_by(refusal)
    .hint(hint)
    .into()
}
