//! Errors of databases on PostgreSQL servers.

use std::error::Error;

use switchback_db::postgres::change::ChangeError;
use switchback_diag::{Code, Diagnostic};
use switchback_model::EnvironmentName;

use super::Failure;
use super::adapters::{OTHER_SCHEMA, sentence};

/// A variable does not hold the URL of a PostgreSQL database: SB0115. What it holds is not shown.
pub(super) fn no_url(variable: &str, error: &dyn Error) -> Failure {
    Diagnostic::error(
        Code::WrongVariable,
        format!("the variable {variable} is no URL of a PostgreSQL database"),
    )
    .caused_by(error)
    .hint_command(
        "set it",
        format!("export {variable}=postgresql://USER@HOST/DATABASE"),
    )
    .into()
}

/// A PostgreSQL database cannot be reached. The URL may hold a password and is not shown.
pub(crate) fn not_connected(
    environment: &EnvironmentName,
    variable: &str,
    error: &ChangeError,
) -> Failure {
    if matches!(error, ChangeError::Address { .. }) {
        return no_url(variable, error);
    }
    Diagnostic::error(
        Code::DatabaseMissing,
        format!("the database of {environment} cannot be opened"),
    )
    .caused_by(error)
    .hint(format!(
        "check that its server runs, and the URL in {variable}"
    ))
    .into()
}

/// `disk_full`.
const DISK_FULL: &str = "53100";

/// A step could not be carried out on a server.
pub(crate) fn on_server(error: &ChangeError) -> Failure {
    use ChangeError as E;
    let code = match error {
        E::Address { .. }
        | E::Insecure { .. }
        | E::Unreachable { .. }
        | E::TooOld { .. }
        | E::Pooled
        | E::Lost { .. } => Code::DatabaseMissing,
        E::ReadOnly => Code::DatabaseReadOnly,
        E::Format { .. } => Code::DatabaseFormat,
        E::Privilege { .. } => Code::MissingPrivilege,
        E::NoTable { .. } | E::NoColumn { .. } | E::Unfit { .. } => Code::TableNotSupported,
        E::UnknownStep { .. } => Code::DatabaseAtUnknownStep,
        E::Busy { .. } | E::GaveWay { .. } => Code::DatabaseBusy,
        E::Aborted { .. } => Code::Interrupted,
        E::OtherEffect | E::Unexpected { .. } | E::Thread { .. } => Code::Internal,
        E::Sql { .. } if error.code() == Some(DISK_FULL) => Code::DatabaseFull,
        _ => Code::SqlFailed,
    };
    let mut found = Diagnostic::error(code, sentence(code)).caused_by(error);
    if let E::Privilege { missing, .. } = error {
        for statement in missing {
            found = found.hint_command("have somebody run who may", statement.clone());
        }
    }
    found.hint(hint(error)).into()
}

fn hint(error: &ChangeError) -> &'static str {
    use ChangeError as E;
    match error {
        E::Lost { .. } => {
            "run the same command again: it finds out what is done and goes on from there"
        }
        E::Unreachable { .. } | E::TooOld { .. } | E::Address { .. } | E::Insecure { .. } => {
            "check that the server runs, and the URL"
        }
        E::Pooled => "name the server itself in the URL, or a pooler in session mode",
        E::ReadOnly => "name the primary in the URL, not a standby",
        E::Format { .. } => "use the version of switchback that wrote them",
        E::Privilege { .. } => "or use a URL with a role that may; nothing of the step is left",
        E::NoTable { .. } | E::NoColumn { .. } => "check the name; nothing was touched",
        E::Unfit { .. } => "nothing of this step was touched",
        E::UnknownStep { .. } => OTHER_SCHEMA,
        E::Busy { .. } => {
            "end the transactions that are in the way or wait for them, then run the same command \
             again"
        }
        E::GaveWay { .. } => {
            "run the same command again when there is less to do, or let queries wait longer with \
             `environment.database.give-way-after`"
        }
        E::Cancelled { limit: Some(_), .. } => {
            "run the same command again, or allow more with `environment.database.statement-timeout`"
        }
        E::Aborted { .. } => "run the same command again, or `change undo`",
        E::StillDiffers { .. } => {
            "find out what writes such rows: code that does not obey, or a job; then run the same \
             command again"
        }
        E::OtherIndex { .. } => "drop or rename that index if nobody needs it, then run it again",
        E::Revoked => "find out who did, with `switchback ledger log`",
        _ => "what failed was rolled back; mend what it names and run the same command again",
    }
}
