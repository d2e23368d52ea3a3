//! Errors of programs that say what rows get.

use switchback_db::backfill::program::ProgramError;
use switchback_diag::{Code, Diagnostic};
use switchback_model::EnvironmentName;

use super::Failure;

/// SB1530 to SB1533.
pub(super) fn program(environment: &EnvironmentName, error: &ProgramError) -> Failure {
    let (code, hint) = match error {
        ProgramError::NotStarted { .. } => (
            Code::ProgramNotStarted,
            "a name with a `/` in it is looked for from the folder of the settings, any other in PATH; \
             it must be executable, and no shell is asked",
        ),
        ProgramError::Ended { .. } => (
            Code::ProgramEnded,
            "a row that it cannot do is answered with `error`; it ends when its input does",
        ),
        ProgramError::Wrong { .. } | ProgramError::TooLong { .. } => (
            Code::ProgramAnswer,
            "what it has to say beside its answers belongs on its standard error",
        ),
        ProgramError::Silent { .. } => (
            Code::ProgramSilent,
            "it has to flush its output after each answer, or at `flush`; where a row takes longer, \
             say so with --program-timeout",
        ),
        _ => (Code::Internal, "nothing was changed"),
    };
    let mut found = Diagnostic::error(
        code,
        format!("the backfill does not go on in {environment} because of its program"),
    )
    .caused_by(error);
    if let ProgramError::Wrong { line, .. } = error {
        found = found.cause(format!("it said: {line}"));
    }
    for line in error.said() {
        found = found.cause(format!("on its standard error: {line}"));
    }
    found
        .hint(hint)
        .hint("nothing of the batch was written; mend the program, and the same command goes on")
        .hint_command(
            "see where it stands",
            format!("switchback backfill status --env {environment}"),
        )
        .into()
}
