//! The tokens of a statement, for those who edit its text or look for a word in it.

use super::lex::{Kind, Lexer};
use super::words;
use crate::engine::Engine;

pub use super::lex::Kind as TokenKind;

/// A token, what it says and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'t> {
    /// What it is.
    pub kind: TokenKind,
    /// As written.
    pub text: &'t str,
    /// Where it begins, in bytes.
    pub start: usize,
}

impl Token<'_> {
    /// Whether it is this keyword, in any case.
    pub fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// The name that it is, as PostgreSQL keeps it; none of a token that is no name.
    pub fn name(&self) -> Option<String> {
        matches!(self.kind, Kind::Word | Kind::Quoted).then(|| words::name(self.text))
    }

    /// Where it ends, in bytes.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The tokens of a text for PostgreSQL, in order, without comments.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    tokens_of(text, Engine::Postgres)
}

/// The tokens of a text for an engine, in order, without comments.
pub fn tokens_of(text: &str, engine: Engine) -> Vec<Token<'_>> {
    let mut lexer = Lexer::new(text, engine);
    std::iter::from_fn(|| lexer.token())
        .map(|token| Token {
            kind: token.kind,
            text: token.text(text),
            start: token.start,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_tokens_and_strings_are_one() {
        let sql = "CREATE /* a /* b */ c */ INDEX -- x\n \"a\"\"b\" ('it''s', E'a\\'b', $$;$$, $1)";
        let found: Vec<&str> = tokens(sql).iter().map(|it| it.text).collect();
        assert_eq!(
            found,
            [
                "CREATE",
                "INDEX",
                "\"a\"\"b\"",
                "(",
                "'it''s'",
                ",",
                "E'a\\'b'",
                ",",
                "$$;$$",
                ",",
                "$1",
                ")"
            ]
        );
        assert!(
            tokens(sql)
                .iter()
                .all(|it| sql[it.start..it.end()] == *it.text)
        );
    }

    #[test]
    fn names_are_folded_unless_quoted() {
        let names: Vec<_> = tokens("Users \"Users\" \"a\"\"b\" U&\"d\\0061t\" 1 'x'")
            .iter()
            .map(Token::name)
            .collect();
        let of = |text: &str| Some(text.to_owned());
        let wanted = [of("users"), of("Users"), of("a\"b"), of("dat"), None, None];
        assert_eq!(names, wanted);
    }
}
