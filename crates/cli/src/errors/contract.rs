//! Errors about contracts.

use std::path::Path;

use switchback_diag::{Code, Diagnostic};
use switchback_supply::git::log::HistoryError;
use switchback_version::contract::{Surface, WrongWaiver};

use super::Failure;

/// How a contract is called by its path, which is empty for the folder that everything lies in.
fn called(file: &str) -> &str {
    match file {
        "" => "in this folder",
        file => file,
    }
}

/// A contract that cannot be read or compared: SB1613.
pub(crate) fn contract_unread(file: &str, why: String) -> Failure {
    Diagnostic::error(
        Code::ContractUnread,
        format!("the contract {} cannot be compared", called(file)),
    )
    .cause(why)
    .hint("correct the file; nothing was compared")
    .into()
}

/// A schema whose SQL is that of another engine: SB1613.
pub(crate) fn contract_of_other_engine(file: &str, engine: &str) -> Failure {
    Diagnostic::error(
        Code::ContractUnread,
        format!("the contract {file} cannot be compared"),
    )
    .cause(format!(
        "it is SQL for {engine}, and only schemas of PostgreSQL are compared"
    ))
    .hint(
        "if it is PostgreSQL's, say so: `[[migrations.folder]]` with its `path` and \
         `engine = \"postgres\"`",
    )
    .into()
}

/// A file that may be anything: SB1613.
pub(crate) fn contract_of_no_kind(file: &str) -> Failure {
    let kinds = Surface::ALL.map(Surface::word).join(", ");
    Diagnostic::error(
        Code::ContractUnread,
        format!("{file} does not show what kind of contract it is"),
    )
    .hint(format!(
        "say it with `--kind`, or `contracts.file.kind` in the settings: {kinds}"
    ))
    .into()
}

/// A contract that is in neither state: SB1613.
pub(crate) fn no_contract(file: &str) -> Failure {
    Diagnostic::error(
        Code::ContractUnread,
        format!(
            "there is no contract {}, neither before nor now",
            called(file)
        ),
    )
    .hint("check the path; that of a revision counts from the top of the repository")
    .into()
}

/// A file that was named is not in the revision that it was named with: SB1613.
pub(crate) fn no_contract_at(revision: &str, path: &str) -> Failure {
    Diagnostic::error(
        Code::ContractUnread,
        format!("there is no contract {path} in {revision}"),
    )
    .hint("check the path: it counts from the top of the repository")
    .hint("a contract that is new or gone is one of the settings, `[[contracts.file]]`")
    .into()
}

/// No contracts to compare: SB0109.
pub(crate) fn no_contracts(settings: &Path) -> Failure {
    super::usage(format!("{} names no contracts", settings.display()))
        .hint("add `[[contracts.file]]` with `path = \"openapi.yaml\"`, or name two files")
        .into()
}

/// One contract cannot be compared with nothing: SB0109.
pub(crate) fn one_contract_alone(text: &str) -> Failure {
    super::usage(format!("there is nothing to compare {text} with"))
        .hint_command(
            "compare it with what was committed",
            format!("switchback contract diff HEAD {text}"),
        )
        .into()
}

/// A text that is neither a file nor a revision: SB1603.
pub(crate) fn no_file_or_revision(text: &str, error: HistoryError) -> Failure {
    match error {
        HistoryError::UnknownRevision { .. } => Diagnostic::error(
            Code::HistoryUnread,
            format!("`{text}` is neither a file nor a revision"),
        )
        .caused_by(&error)
        .hint("a file of a revision is written `REVISION:PATH`, from the top of the repository")
        .into(),
        error => error.into(),
    }
}

/// A file of waivers that cannot be used: SB1614.
pub(crate) fn waiver(file: &str, wrong: &WrongWaiver) -> Failure {
    Diagnostic::error(
        Code::WaiverWrong,
        format!("{file}:{} is no waiver", wrong.line),
    )
    .cause(wrong.reason.clone())
    .hint("correct it; as long as it is wrong nothing passes")
    .into()
}
