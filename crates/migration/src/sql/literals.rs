//! The strings that stand in a text.

use super::lex::{Kind, Lexer};
use crate::engine::Engine;

/// The values of all strings in apostrophes, in order.
pub(crate) fn strings(text: &str, engine: Engine) -> Vec<String> {
    let mut lexer = Lexer::new(text, engine);
    let mut found = Vec::new();
    while let Some(token) = lexer.token() {
        if token.kind == Kind::Text {
            found.push(value(token.text(text)));
        }
    }
    found
}

/// What a string with its prefix and apostrophes says.
fn value(written: &str) -> String {
    let begin = written.find('\'').map_or(0, |at| at + 1);
    let (prefix, rest) = written.split_at(begin);
    let inner = rest.strip_suffix('\'').unwrap_or(rest).replace("''", "'");
    if prefix.eq_ignore_ascii_case("e'") {
        inner.replace("\\\\", "\\")
    } else {
        inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_what_they_say() {
        let text = "SELECT 'a', 'it''s', E'a\\\\b', \"name\" -- 'not this'\n, $$nor this$$, ''";
        assert_eq!(
            strings(text, Engine::Postgres),
            ["a", "it's", "a\\b", ""].map(str::to_owned)
        );
    }
}
