//! Refusals of the interlock, recorded and told: who is in the way, until when, what comes first.

use switchback_diag::{Code, Diagnostic};
use switchback_interlock::refusal::Cause;
use switchback_interlock::surface::Unfit;
use switchback_interlock::{Clause, Interlock, Misfit, Participant, Reason, Refusal};
use switchback_model::{Action, Digest, Event, EventId};

use crate::advice;
use crate::book::Book;
use crate::context::Context;
use crate::errors::Failure;
use crate::settings::types::Environment;

/// Records a refusal and says it. The outer error is a ledger that could not be written.
pub(crate) fn refuse(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    refusal: &Refusal,
) -> Result<Failure, Failure> {
    let name = |change: &_, shape| advice::shape_name(context, change, shape);
    let reasons: Vec<String> = match &refusal.cause {
        Cause::Misfit(misfit) => vec![misfit.to_string()],
        Cause::Unsafe(reasons) => reasons
            .iter()
            .map(|reason| reason.sentence(&name))
            .collect(),
    };
    let clock = &context.shell.clock;
    let size = book.seen().to_string();
    let about = Digest::of_json(&(&refusal.environment, &refusal.action, &reasons))?.to_string();
    let event = Event::Refused {
        environment: refusal.environment.clone(),
        action: refusal.action.clone(),
        reasons: reasons.clone(),
    };
    book.append(EventId::of(&["refused", &size, &about]), clock.now(), event)?;

    let message = format!("{} in {} is refused", refusal.action, refusal.environment);
    let mut found = Diagnostic::error(code(&refusal.cause), message);
    found.causes = self::reasons(context, refusal);
    if let (Code::Purged, Action::Surface { change, .. }) = (found.code, &refusal.action)
        && let Some(purged) = book.history.purged(&environment.name, change)
    {
        found.causes.push(purged.to_string());
    }
    let now = clock.now();
    let known = book.environment(&environment.name);
    let interlock = Interlock::new(&book.world.catalog);
    let candidates = advice::candidates(context, book, environment);
    // What has no meaning here needs no way, unless a rollout or an operation has to end first.
    let way = has_a_way(&refusal.cause)
        .then(|| interlock.way(&environment.name, &known, now, &refusal.action, &candidates));
    let moves = way
        .flatten()
        .map(|way| advice::moves(context, environment, &way, now))
        .unwrap_or_default();
    for (place, (words, command)) in moves.into_iter().enumerate() {
        let words = if place == 0 {
            format!("first {words}")
        } else {
            format!("then {words}")
        };
        found = match command {
            Some(command) => found.hint_command(words, command),
            None => found.hint(words),
        };
    }
    if found.hints.is_empty() && has_a_way(&refusal.cause) {
        let words = "nothing that is recorded leads there; a release at the next code step may";
        found = found.hint(words);
    }
    if found.hints.iter().all(|hint| hint.command.is_none()) {
        found = found.hint_command("see what is admitted", "switchback status");
    }
    Ok(found.into())
}

/// Whether moves exist that could lead from this refusal to the action.
fn has_a_way(cause: &Cause) -> bool {
    match cause {
        Cause::Unsafe(_) => true,
        Cause::Misfit(misfit) => matches!(misfit, Misfit::RolloutUnderWay { .. }),
    }
}

/// Why, in sentences: who is in the way.
pub(crate) fn reasons(context: &Context<'_>, refusal: &Refusal) -> Vec<String> {
    let name = |change: &_, shape| advice::shape_name(context, change, shape);
    match &refusal.cause {
        Cause::Misfit(misfit) => vec![misfit.to_string()],
        Cause::Unsafe(reasons) => essential(reasons)
            .iter()
            .map(|reason| reason.sentence(&name))
            .collect(),
    }
}

/// Who is in the way, each once: what follows from somebody's being in the way is no news. The
/// ledger has every reason.
fn essential(reasons: &[Reason]) -> Vec<&Reason> {
    let mut kept: Vec<&Reason> = Vec::new();
    for reason in reasons {
        let known = |party: &Option<Participant>| {
            party.is_some() && kept.iter().any(|other| other.participant == *party)
        };
        let follows = reason.participant.is_none() && !kept.is_empty();
        if !known(&reason.participant) && !known(&reason.because_of) && !follows {
            kept.push(reason);
        }
    }
    kept
}

fn code(cause: &Cause) -> Code {
    match cause {
        Cause::Unsafe(reasons) if reasons.iter().all(|it| it.clause == Clause::OneStep) => {
            Code::StepSkipped
        }
        Cause::Unsafe(_) => Code::WouldBreak,
        Cause::Misfit(misfit) => match misfit {
            Misfit::UnknownRelease { .. } => Code::UnknownRelease,
            Misfit::NotATarget { open } if open.is_empty() => Code::NothingToRollBackTo,
            Misfit::NotATarget { .. } => Code::NotRollbackTarget,
            Misfit::AlreadyRunning(_)
            | Misfit::RolloutUnderWay { .. }
            | Misfit::NoRollout
            | Misfit::NothingBefore => Code::RolloutState,
            Misfit::Surface(Unfit::InFlight(_)) => Code::OperationInFlight,
            Misfit::Surface(Unfit::Purged) => Code::Purged,
            Misfit::UnknownChange(_) | Misfit::FlagThere | Misfit::Surface(_) => Code::SurfaceState,
        },
    }
}
