//! Expressions as they can be compared: without what PostgreSQL adds or takes away when it keeps
//! one and writes it out again.

use super::ir::Name;
use super::lex::{Kind, Lexer, Token};
use super::words;
use crate::engine::Engine;

/// An expression without blanks, comments, the case of words, casts, the schemas of functions, and
/// parentheses that only group. Two that differ in precedence may come out the same; two that mean
/// the same may come out different.
pub fn plain(text: &str) -> String {
    let mut lexer = Lexer::new(text, Engine::Postgres);
    let tokens: Vec<Token> = std::iter::from_fn(|| lexer.token()).collect();
    let tokens = without_cast_calls(text, &tokens);
    let kept = without_groups(text, without_schemas(without_casts(text, &tokens)));
    print(text, &kept)
}

fn is_name(token: Option<&Token>) -> bool {
    token.is_some_and(|it| matches!(it.kind, Kind::Word | Kind::Quoted))
}

/// Leaves out what makes `CAST(x AS type)` of `x`.
fn without_cast_calls(text: &str, tokens: &[Token]) -> Vec<Token> {
    let mut keep = vec![true; tokens.len()];
    // For each parenthesis that is open: whether it is that of a cast, and whether `AS` came.
    let mut open: Vec<(bool, bool)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let inside = open.last().is_some_and(|&(cast, r#as)| cast && r#as);
        match token.kind {
            Kind::Mark(b'(') => {
                let before = at.checked_sub(1);
                let cast = before.is_some_and(|at| tokens[at].is(text, "cast"));
                if let (true, Some(before)) = (cast, before) {
                    keep[before] = false;
                    keep[at] = false;
                }
                // Inside of the type nothing is kept.
                keep[at] &= !inside;
                open.push((cast || inside, inside));
            }
            Kind::Mark(b')') => {
                if let Some((cast, _)) = open.pop() {
                    keep[at] = !cast;
                }
            }
            Kind::Word if token.is(text, "as") => {
                if let Some((true, came)) = open.last_mut() {
                    *came = true;
                    keep[at] = false;
                }
            }
            _ => keep[at] = !inside,
        }
    }
    let pairs = tokens.iter().zip(keep);
    pairs
        .filter_map(|(token, keep)| keep.then_some(*token))
        .collect()
}

/// Leaves `::type` out.
fn without_casts(text: &str, tokens: &[Token]) -> Vec<Token> {
    let marks = |at: usize, byte: u8| tokens.get(at).is_some_and(|it| it.marks(byte));
    let is = |at: usize, words: &[&str]| {
        tokens
            .get(at)
            .is_some_and(|it| words.iter().any(|word| it.is(text, word)))
    };
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if !(marks(at, b':') && marks(at + 1, b':') && is_name(tokens.get(at + 2))) {
            kept.push(*token);
            at += 1;
            continue;
        }
        at += 3;
        while marks(at, b'.') && is_name(tokens.get(at + 1)) {
            at += 2;
        }
        if is(at, &["varying", "precision"]) {
            at += 1;
        }
        if marks(at, b'(') {
            while at < tokens.len() && !marks(at, b')') {
                at += 1;
            }
            at += 1;
        }
        if is(at, &["with", "without"]) && is(at + 1, &["time"]) {
            at += 3;
        }
        while marks(at, b'[') && marks(at + 1, b']') {
            at += 2;
        }
    }
    kept
}

/// Leaves the schema of a function that is called out.
fn without_schemas(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        let calls = is_name(Some(token)) && tokens.get(at + 1).is_some_and(|it| it.marks(b'('));
        if calls && kept.last().is_some_and(|it| it.marks(b'.')) {
            kept.pop();
            if is_name(kept.last()) {
                kept.pop();
            }
        }
        kept.push(*token);
    }
    kept
}

/// Words before a parenthesis that only groups.
const BEFORE_GROUPS: [&str; 14] = [
    "and", "between", "by", "case", "else", "from", "ilike", "is", "like", "not", "or", "then",
    "when", "where",
];

fn without_groups(text: &str, tokens: Vec<Token>) -> Vec<Token> {
    let mut keep = vec![true; tokens.len()];
    // Where each parenthesis that is open began, and whether it counts.
    let mut open: Vec<(usize, bool)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Mark(b'(') => {
                let before = at.checked_sub(1).and_then(|at| tokens.get(at));
                let counts = before.is_some_and(|it| {
                    matches!(it.kind, Kind::Word | Kind::Quoted)
                        && !BEFORE_GROUPS.iter().any(|word| it.is(text, word))
                });
                open.push((at, counts));
            }
            Kind::Mark(b')') => {
                if let Some((begin, false)) = open.pop() {
                    keep[begin] = false;
                    keep[at] = false;
                }
            }
            // A list in parentheses is a row.
            Kind::Mark(b',') => {
                if let Some((_, counts)) = open.last_mut() {
                    *counts = true;
                }
            }
            _ => {}
        }
    }
    let pairs = tokens.into_iter().zip(keep);
    pairs
        .filter_map(|(token, keep)| keep.then_some(token))
        .collect()
}

fn is_not_equal(text: &str, before: Option<&Token>, token: &Token) -> bool {
    before.is_some_and(|it| it.end == token.start && it.text(text) == "!")
}

fn print(text: &str, tokens: &[Token]) -> String {
    let mut said = String::with_capacity(text.len());
    let mut before: Option<&Token> = None;
    for token in tokens {
        let is_mark = |it: &Token| matches!(it.kind, Kind::Mark(_));
        let apart = before.is_some_and(|before| {
            // Marks stand together as they did, since several can be one operator.
            let joined = before.end == token.start && is_mark(before) && is_mark(token);
            let opens = matches!(before.kind, Kind::Mark(b'(' | b'.' | b'['));
            let closes = matches!(token.kind, Kind::Mark(b')' | b',' | b'.' | b'[' | b']'));
            let calls = token.marks(b'(') && is_name(Some(before)) && !before.is(text, "in");
            !(joined || opens || closes || calls)
        });
        if apart {
            said.push(' ');
        }
        match token.kind {
            Kind::Word | Kind::Quoted => {
                let name = words::name(token.text(text));
                said.push_str(&Name::plain(name).to_string());
            }
            // `!=` is another way to write `<>`.
            Kind::Mark(b'!') if text.as_bytes().get(token.end) == Some(&b'=') => said.push('<'),
            Kind::Mark(b'=') if said.ends_with('<') && is_not_equal(text, before, token) => {
                said.push('>');
            }
            _ => said.push_str(token.text(text)),
        }
        before = Some(token);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_count_is_left_out() {
        for (one, other) in [
            ("lower((ap_id)::text)", "LOWER ( ap_id )"),
            ("'browser'::character varying", "'browser'"),
            ("((a > 0) AND (b IS NOT NULL))", "a > 0 and b is not null"),
            ("public.f(a, (0)::numeric(3,2))", "f(a,0)"),
            ("now() AT TIME ZONE 'utc'::text", "now() at time zone 'utc'"),
            ("a::timestamp(3) without time zone[]", "a"),
            ("\"a\" -- x\n || b", "a || b"),
            ("a != b", "a <> b"),
            (
                "f(cast(a ->> 'x' as varchar(3)), 1)",
                "f((a ->> 'x')::varchar, 1)",
            ),
        ] {
            assert_eq!(plain(one), plain(other), "{one}");
        }
        for (one, other) in [
            ("a > 0", "a >= 0"),
            ("a in (1, 2)", "a in (1)"),
            ("(a, b)", "a"),
            ("\"A\"", "a"),
            ("'A'", "'a'"),
            ("f(a)", "f"),
        ] {
            assert_ne!(plain(one), plain(other), "{one}");
        }
        assert_eq!(plain("(( a.B+1 ))"), "a.b + 1");
        assert_eq!(plain("x IN ('a','b')"), "x in ('a', 'b')");
    }
}
