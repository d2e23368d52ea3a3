//! Expressions that do not give the same value twice.
//!
//! A row is done when it has what the expression gives. Where that is another value each time, done
//! rows differ again, and the walk never ends.

use super::job::{Job, Transform};
use crate::facts::volatility::built_in_is_volatile;
use crate::sql::tokens::{TokenKind, tokens};

/// Words that stand for the moment, without parentheses.
const MOMENTS: [&str; 5] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
];

/// Functions that give one value within a transaction, and another one in the next.
const OF_TRANSACTION: [&str; 8] = [
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "txid_current",
    "txid_current_if_assigned",
    "txid_current_snapshot",
    "pg_current_xact_id",
    "pg_current_snapshot",
];

/// What is another value each time, and what is to blame for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsteady {
    /// What, to stand before a verb: `what score gets`.
    pub(super) what: String,
    pub(super) function: String,
}

/// The first of what a job's rows get that is another value each time, by the functions that
/// PostgreSQL brings itself. What others do is not known here, nor what a program gives.
pub(super) fn unsteady(job: &Job, major: u32) -> Option<Unsteady> {
    match job.transform() {
        Transform::Set(set) => set.iter().find_map(|(column, value)| {
            called(value, major).map(|function| Unsteady {
                what: format!("what {column} gets"),
                function,
            })
        }),
        Transform::Query(query) => called(&query.sql, major).map(|function| Unsteady {
            what: "what the query gives".to_owned(),
            function,
        }),
        Transform::Program(_) => None,
    }
}

fn called(expression: &str, major: u32) -> Option<String> {
    let tokens = tokens(expression);
    tokens.iter().enumerate().find_map(|(at, token)| {
        let name = token.name()?;
        // A column may be called so, after the name of its table.
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        let after = tokens.get(at + 1);
        let behind_dot = before.is_some_and(|it| it.text == ".");
        if token.kind == TokenKind::Word && !behind_dot && MOMENTS.contains(&name.as_str()) {
            return Some(name);
        }
        let is_called = after.is_some_and(|it| it.text == "(");
        let changes = OF_TRANSACTION.contains(&name.as_str())
            || built_in_is_volatile(&name, major) == Some(true);
        (is_called && changes).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_found_and_nothing_else() {
        for (expression, found) in [
            ("now()", Some("now")),
            ("NOW ()", Some("now")),
            ("coalesce(a, pg_catalog.now())", Some("now")),
            ("a || random()::text", Some("random")),
            ("gen_random_uuid()", Some("gen_random_uuid")),
            ("nextval('s')", Some("nextval")),
            ("CURRENT_TIMESTAMP", Some("current_timestamp")),
            ("now", None),
            ("lower(email)", None),
            ("'now()'", None),
            ("t.current_date", None),
            ("\"current_date\"", None),
            ("a /* now() */", None),
            ("coalesce(a, 'x') || to_char(created_at, 'YYYY')", None),
        ] {
            assert_eq!(called(expression, 15).as_deref(), found, "{expression}");
        }
    }
}
