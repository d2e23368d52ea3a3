//! Errors of the ledger: keeping it, signing it, verifying it.

use std::path::Path;

use switchback_diag::{Code, Diagnostic};
use switchback_interlock::Inconsistent;
use switchback_ledger::{StoreError, StoreFault};
use switchback_migration::drive::DriveError;

use super::{Failure, usage};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error.fault() {
            StoreFault::Missing => Code::LedgerMissing,
            StoreFault::NewerFormat { .. } => Code::NewerLedger,
            StoreFault::Damaged | StoreFault::NotALedger => Code::LedgerDamaged,
            StoreFault::Busy => Code::LedgerLocked,
            StoreFault::ReadOnly | StoreFault::DiskFull | StoreFault::Exists => Code::CannotWrite,
            StoreFault::Unreachable
            | StoreFault::Address
            | StoreFault::Denied
            | StoreFault::Insecure
            | StoreFault::Io => Code::LedgerUnreachable,
        };
        let found = Diagnostic::error(code, "the ledger cannot be used").caused_by(&error);
        match error.fault() {
            StoreFault::Missing => found
                .hint("if there was one, restore it from a backup before anything else is done")
                .hint_command("make an empty one", "switchback ledger create"),
            StoreFault::NewerFormat { .. } => found.hint("use a newer version of switchback"),
            StoreFault::Damaged => found
                .hint_command("see what is damaged", "switchback ledger verify")
                .hint("keep the damaged file, restore a backup and verify that one"),
            StoreFault::NotALedger => {
                found.hint("`ledger.store` in switchback.toml names another kind of file")
            }
            StoreFault::Busy => found.hint("wait for the other command to end, then run it again"),
            StoreFault::DiskFull => found.hint("make room on the disk; nothing was recorded"),
            StoreFault::ReadOnly => found.hint("check who owns the file and its folder"),
            StoreFault::Address | StoreFault::Insecure => {
                found.hint("correct the URL in SWITCHBACK_LEDGER_URL")
            }
            StoreFault::Unreachable | StoreFault::Denied | StoreFault::Io | StoreFault::Exists => {
                found.hint("nothing was recorded; run the command again when it works")
            }
        }
        .into()
    }
}

impl From<switchback_ledger::Error> for Failure {
    fn from(error: switchback_ledger::Error) -> Self {
        use switchback_ledger::Error;
        match error {
            Error::Store(error) => error.into(),
            Error::Conflict { .. } | Error::InvalidId => {
                Diagnostic::error(Code::EventConflict, "the event was not recorded")
                    .caused_by(&error)
                    .hint_command("see what is there", "switchback ledger log")
                    .into()
            }
            Error::OutOfRange { .. } => usage("there is no such entry in the ledger")
                .caused_by(&error)
                .hint_command("see what is there", "switchback ledger log")
                .into(),
            Error::UnknownEvent { .. } => Diagnostic::error(
                Code::NewerLedger,
                "the ledger holds events of a newer version",
            )
            .caused_by(&error)
            .hint("use a newer version of switchback")
            .into(),
            _ => Diagnostic::error(Code::LedgerDamaged, "the ledger cannot be trusted as it is")
                .caused_by(&error)
                .hint_command("see what is wrong", "switchback ledger verify")
                .into(),
        }
    }
}

impl From<Inconsistent> for Failure {
    fn from(error: Inconsistent) -> Self {
        Diagnostic::error(
            Code::LedgerDamaged,
            "the ledger's events do not follow from each other",
        )
        .caused_by(&error)
        .hint_command(
            "see whether anything was changed",
            "switchback ledger verify",
        )
        .into()
    }
}

/// The ledger was appended to by others all the time.
pub(crate) fn ledger_too_busy() -> Failure {
    Diagnostic::error(
        Code::LedgerLocked,
        "others kept appending to the ledger meanwhile",
    )
    .hint("nothing was done; run the command again")
    .into()
}

/// The ledger's signing key cannot be used: SB0204.
pub(crate) fn ledger_key(path: &Path, why: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::LedgerKey,
        format!("the ledger's signing key {} cannot be used", path.display()),
    )
    .caused_by(why)
    .hint("restore the key file, or name it with SWITCHBACK_LEDGER_KEY")
    .into()
}

/// The settings name no verifier key, or a wrong one.
pub(crate) fn no_verifier(signing: &str) -> Failure {
    Diagnostic::error(
        Code::LedgerKey,
        format!("the signing key `{signing}` is not the one of `ledger.verifier`"),
    )
    .hint("put the verifier key that belongs to it into switchback.toml, or use the right key")
    .into()
}

/// A text that was given as a checkpoint is none that can be used.
pub(crate) fn wrong_checkpoint(path: &Path, why: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::LedgerDamaged,
        format!("{} is not a checkpoint of this ledger", path.display()),
    )
    .caused_by(why)
    .hint("a checkpoint is what `switchback ledger checkpoint` prints")
    .into()
}

/// Whatever `error` says is a defect of ours: SB0901.
fn defect(error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(Code::Internal, "Switchback has a defect and had to stop")
        .caused_by(error)
        .hint("please report it with this text and the command that you typed")
        .into()
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        defect(&error)
    }
}

impl From<DriveError> for Failure {
    fn from(error: DriveError) -> Self {
        defect(&error)
    }
}

/// No event with this id.
pub(crate) fn no_such_event(event: &str) -> Failure {
    usage(format!("there is no event `{event}` in the ledger"))
        .hint_command("see what is there", "switchback ledger log --limit 0")
        .into()
}

/// The ledger was changed or is damaged: SB0202.
pub(crate) fn ledger_not_sound(report: &switchback_ledger::Report) -> Failure {
    let mut found = Diagnostic::error(Code::LedgerDamaged, "the ledger is not what was recorded");
    found.causes = report
        .problems
        .iter()
        .take(10)
        .map(ToString::to_string)
        .collect();
    let more = report.problems.len().saturating_sub(10) as u64 + report.unlisted;
    if more > 0 {
        found.causes.push(format!("and {more} more"));
    }
    found
        .hint("keep this file, find out who could write it, and restore a backup that verifies")
        .into()
}

/// A proof does not hold.
pub(crate) fn wrong_proof(path: &Path, why: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::LedgerDamaged,
        format!("{} proves nothing", path.display()),
    )
    .caused_by(why)
    .hint_command("make a proof", "switchback ledger prove EVENT")
    .into()
}

/// A proof of another kind.
pub(crate) fn not_an_inclusion(path: &Path) -> Failure {
    usage(format!(
        "{} is not a proof that an event is in the ledger",
        path.display()
    ))
    .into()
}
