//! What was not understood is never taken for safe: it is said, so that a person can judge it.

use crate::facts::Doubt;
use crate::lint::context::{Context, Found};
use crate::sql::ir::{Kind, Unknown};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let (span, reason) = match &context.statement.kind {
        Kind::Unknown { reason } => match reason {
            Unknown::Syntax { message, span } => (span, message.clone()),
            Unknown::Statement { what } => (
                &context.statement.span,
                format!("what `{what}` locks and changes is not known here"),
            ),
            Unknown::ClientCommand { what } => (
                &context.statement.span,
                format!("`{what}` is a command of a client program, not SQL"),
            ),
            Unknown::Template => (
                &context.statement.span,
                "a template's placeholder stands where SQL should".to_owned(),
            ),
        },
        _ => {
            let reason = context.facts.doubts.iter().find_map(|doubt| match doubt {
                Doubt::Statement { reason } => Some(reason.clone()),
                _ => None,
            });
            let Some(reason) = reason else { return };
            (&context.statement.span, reason)
        }
    };
    let what = match context.statement.kind {
        Kind::Do { .. } => "the block was not understood and not judged",
        Kind::Unknown { .. } => "the statement was not understood and not judged",
        _ => "a part of the statement was not understood and not judged",
    };
    found
        .report(span, what)
        .cause(reason)
        .safer("judge it by hand, and allow it where it stands, with the reason");
}
