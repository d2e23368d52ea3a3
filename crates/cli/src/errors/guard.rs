//! Refusals of a contract: somebody still uses what it takes away, or nobody can say.

use switchback_diag::{Code, Diagnostic};
use switchback_migration::reads::guard::several;
use switchback_model::{Action, EnvironmentName};

use super::Failure;
use crate::guard::{Look, sentence};

/// How many of a kind are shown; the ledger has all.
const SHOWN: usize = 10;

/// SB0307.
pub(crate) fn still_used(action: &Action, environment: &EnvironmentName, look: &Look) -> Failure {
    let message = format!(
        "{action} in {environment} is refused: {} is still used",
        look.shape
    );
    let mut found = Diagnostic::error(Code::OldShapeInUse, message);
    found = listed(found, look.verdict.found.iter().map(sentence));
    found = listed(found, unseen(look));
    found
        .hint("find who sends it and release that without it; what runs seldom counts too")
        .hint("if it does no harm, go ahead with --despite-uses and a reason, which is recorded")
        .into()
}

/// SB0308.
pub(crate) fn use_not_seen(action: &Action, environment: &EnvironmentName, look: &Look) -> Failure {
    let message = format!(
        "{action} in {environment} is refused: whether {} is still used cannot be seen",
        look.shape
    );
    let mut found = listed(Diagnostic::error(Code::UseNotSeen, message), unseen(look));
    if let Some(at) = look.verdict.ready_at {
        found = found.hint(format!(
            "ask again at {at}, when a whole window ({}) has been watched",
            look.watch
        ));
    }
    let mut ways: Vec<&str> = Vec::new();
    for it in &look.verdict.unseen {
        if !it.way_out.is_empty() && !ways.contains(&it.way_out.as_str()) {
            ways.push(&it.way_out);
        }
    }
    for way in ways {
        found = found.hint(way);
    }
    found
        .hint("or go ahead with --despite-unseen and a reason, which is recorded")
        .into()
}

fn unseen(look: &Look) -> impl Iterator<Item = String> {
    look.verdict
        .unseen
        .iter()
        .map(|it| format!("not seen: {}", it.what))
}

fn listed(mut found: Diagnostic, all: impl Iterator<Item = String>) -> Diagnostic {
    let all: Vec<String> = all.collect();
    for one in all.iter().take(SHOWN) {
        found = found.cause(one.clone());
    }
    match all.len().saturating_sub(SHOWN) {
        0 => found,
        more => found.cause(format!("and {} more", several(more, "such thing"))),
    }
}
