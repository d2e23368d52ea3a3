//! What the comments of an SQL text say, those in blocks included.

use crate::engine::Engine;
use crate::sql::ir::{Kind, Span, Statement};
use crate::sql::split;

/// The comments of a text, in order: each with the place of what it says, without its marks.
pub(super) fn find(text: &str, statements: &[Statement], engine: Engine) -> Vec<Span> {
    let mut found: Vec<Span> = split::comments(text, engine)
        .into_iter()
        .map(|comment| bare(text, comment))
        .collect();
    for statement in statements {
        if let Kind::Do { .. } = statement.kind
            && let Some(body) = body(text, &statement.span)
        {
            let inner = split::comments(&text[body.clone()], engine);
            let outer = |it: Span| it.start + body.start..it.end + body.start;
            found.extend(inner.into_iter().map(|it| bare(text, outer(it))));
        }
    }
    found.sort_by_key(|span| span.start);
    found
}

/// A comment without `--`, `#`, `/*` and `*/`.
fn bare(text: &str, comment: Span) -> Span {
    let said = text.get(comment.clone()).unwrap_or_default();
    let (from, to) = if said.starts_with("/*") {
        let closed = said.len() >= 4 && said.ends_with("*/");
        (2, if closed { 2 } else { 0 })
    } else if said.starts_with("--") {
        (2, 0)
    } else {
        (1, 0)
    };
    let start = (comment.start + from).min(comment.end);
    start..(comment.end - to).max(start)
}

/// What stands between the first dollar quotes of a statement.
fn body(text: &str, span: &Span) -> Option<Span> {
    let statement = text.get(span.clone())?;
    let open = statement.find('$')?;
    let mark = open + statement[open + 1..].find('$')? + 2;
    let close = statement[mark..].find(&statement[open..mark])?;
    Some(span.start + mark..span.start + mark + close)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse;

    fn comments(text: &str, engine: Engine) -> Vec<&str> {
        let statements = parse(text, engine);
        find(text, &statements, engine)
            .into_iter()
            .map(|span| text[span].trim())
            .collect()
    }

    #[test]
    fn comments_are_told_from_strings() {
        let text = "select '-- no', \"--no\" -- yes\n/* a /* nested */ one */ from t";
        assert_eq!(
            comments(text, Engine::Postgres),
            ["yes", "a /* nested */ one"]
        );
        assert_eq!(
            comments("select 'a\\' -- no' # yes", Engine::Mysql),
            ["yes"]
        );
        assert_eq!(comments("select `--no` -- yes", Engine::Sqlite), ["yes"]);
    }

    #[test]
    fn blocks_are_looked_through_and_do_not_leak() {
        let text = "do $x$ begin -- inside\n raise 'it''s'; -- don't\n end $x$; -- after";
        assert_eq!(
            comments(text, Engine::Postgres),
            ["inside", "don't", "after"]
        );
    }

    #[test]
    fn odd_ends_do_no_harm() {
        for text in [
            "",
            "-",
            "--",
            "/*",
            "/*/",
            "/**/",
            "'",
            "$",
            "$$",
            "do $$ -- é",
            "do $a$ /*é",
        ] {
            for engine in Engine::ALL {
                let statements = parse(text, engine);
                for span in find(text, &statements, engine) {
                    assert!(text.get(span).is_some(), "{text}");
                }
            }
        }
    }
}
