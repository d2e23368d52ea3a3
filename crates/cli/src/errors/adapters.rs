//! Errors of what is outside: databases, Git, values files.

use switchback_db::postgres::PgError;
use switchback_db::sqlite::DbError;
use switchback_diag::{Code, Diagnostic};
use switchback_model::EnvironmentName;
use switchback_supply::git::GitError;
use switchback_supply::gitops::GitopsError;

use super::Failure;

/// What to do where the schema is not as the last mark says.
pub(super) const OTHER_SCHEMA: &str = "if another change was applied since that is about the same column, take that one back first; else \
     somebody changed the schema by hand: put back what the message says is expected";

/// A database cannot be used.
pub(crate) fn database(error: &DbError) -> Failure {
    let code = match error {
        DbError::Missing { .. } | DbError::NotADatabase | DbError::Damaged { .. } => {
            Code::DatabaseMissing
        }
        DbError::Io { .. } => Code::DatabaseMissing,
        DbError::Busy { .. } => Code::DatabaseBusy,
        DbError::ReadOnly => Code::DatabaseReadOnly,
        DbError::DiskFull { .. } => Code::DatabaseFull,
        DbError::Format { .. } => Code::DatabaseFormat,
        DbError::UnknownStep { .. } => Code::DatabaseAtUnknownStep,
        DbError::NoTable { .. } | DbError::NoColumn { .. } | DbError::Unfit { .. } => {
            Code::TableNotSupported
        }
        DbError::OtherEffect => Code::Internal,
        _ => Code::SqlFailed,
    };
    let found = Diagnostic::error(code, sentence(code)).caused_by(error);
    match error {
        DbError::Missing { .. } => {
            found.hint("correct `environment.database.path`; Switchback never makes a database")
        }
        DbError::NotADatabase | DbError::Damaged { .. } | DbError::Io { .. } => {
            found.hint("nothing was changed; restore the file from a backup")
        }
        DbError::Busy { .. } => found
            .hint("find the connection that holds a transaction open, then run the command again"),
        DbError::ReadOnly => found.hint("check the permissions of the file and of its folder"),
        DbError::DiskFull { .. } => {
            found.hint("make room, then run the same command again: it goes on where it stopped")
        }
        DbError::Format { .. } => found.hint("use the version of switchback that wrote them"),
        DbError::UnknownStep { .. } => found.hint(OTHER_SCHEMA).hint_command(
            "see what each step should leave",
            "switchback change plan --help",
        ),
        DbError::NoTable { .. } | DbError::NoColumn { .. } => {
            found.hint("check the name; nothing was touched")
        }
        _ => found.hint(
            "the transaction that failed was rolled back; mend what it names and run the same \
             command again",
        ),
    }
    .into()
}

/// A question to a PostgreSQL database failed.
pub(crate) fn postgres(error: &PgError) -> Failure {
    let code = match error {
        // insufficient_privilege
        PgError::Refused(error) if error.code == "42501" => Code::MissingPrivilege,
        PgError::Refused(_) => Code::SqlFailed,
        PgError::Unexpected { .. } => Code::Internal,
        _ => Code::DatabaseMissing,
    };
    Diagnostic::error(code, sentence(code))
        .caused_by(error)
        .hint("nothing was changed; run the command again once it is mended")
        .into()
}

/// The table of a change is not in an environment's database.
pub(crate) fn no_table(environment: &EnvironmentName, table: &str) -> Failure {
    Diagnostic::error(
        Code::TableNotSupported,
        format!("the database of {environment} has no table `{table}`"),
    )
    .hint("check that the settings name the right database; nothing was touched")
    .into()
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        let code = match &error {
            GitError::GitMissing { .. } => Code::GitMissing,
            GitError::NotARepository { .. } | GitError::NoCommits => Code::NotRepository,
            GitError::Bare { .. } => Code::NoWorkTree,
            GitError::DirtyTree { .. } => Code::DirtyTree,
            GitError::Moved { .. } => Code::BranchMoved,
            GitError::HookChanged { .. } => Code::HookChanged,
            GitError::CheckedOut { .. } => Code::ReleaseBranch,
            GitError::TagExists { .. } => Code::VersionRefused,
            GitError::PickConflict { .. } | GitError::NothingToPick { .. } => Code::PickConflict,
            _ => Code::GitFailed,
        };
        let found = Diagnostic::error(code, sentence(code)).caused_by(&error);
        match &error {
            GitError::GitMissing { .. } => found.hint("install git"),
            GitError::NotARepository { .. } => {
                found.hint("correct `environment.values.repository`, or run `git init` there")
            }
            GitError::Bare { .. } => found
                .hint("run it in a clone, or make a work tree beside it with `git worktree add`"),
            GitError::NoCommits => found.hint("make the first commit"),
            GitError::DirtyTree { .. } => {
                found.hint("commit those files or put them away, then run the command again")
            }
            GitError::Moved { .. } => found.hint("somebody else committed; run the command again"),
            GitError::HookChanged { .. } => found.hint(
                "let the hook leave commits alone whose subject begins with `chore(release): `",
            ),
            GitError::CheckedOut { .. } => {
                found.hint("check out another branch in that work tree, then run it again")
            }
            GitError::TagExists { .. } => {
                found.hint("a tag is never moved; take the next version that is free")
            }
            GitError::UnknownRevision { .. } => found.hint("check the name with `git rev-parse`"),
            GitError::NoIdentity { .. } => {
                let name = "git config user.name \"Your Name\"";
                let address = "git config user.email you@example.org";
                found.hint_command("say who you are", format!("{name} && {address}"))
            }
            _ => found.hint("nothing was changed; run the command again once it is mended"),
        }
        .into()
    }
}

impl From<GitopsError> for Failure {
    fn from(error: GitopsError) -> Self {
        match error {
            GitopsError::Git(error) => error.into(),
            error => {
                let found = Diagnostic::error(Code::ValuesFile, "the values file cannot be used")
                    .caused_by(&error);
                match &error {
                    GitopsError::NoFile { .. } => {
                        found.hint("correct `environment.values`, or commit the file")
                    }
                    GitopsError::Differs { .. } => {
                        found.hint("somebody else moved the value; run the command again")
                    }
                    _ => found.hint("mend the file and commit it; nothing was changed"),
                }
                .into()
            }
        }
    }
}

/// A code's title as it stands inside of a sentence.
pub(super) fn sentence(code: Code) -> String {
    let title = code.title();
    let mut letters = title.chars();
    match (letters.next(), letters.next()) {
        // "SQL" and the like stay as they are.
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            format!("{}{}", first.to_lowercase(), &title[first.len_utf8()..])
        }
        _ => title.to_owned(),
    }
}
