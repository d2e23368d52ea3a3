//! The words of an expression as PostgreSQL prints it.

use std::ops::Range;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or keyword as it stands there.
    Word(String),
    /// A name in quotes, without them.
    Quoted(String),
    /// A literal, without its quotes.
    Text(String),
    Number(String),
    Operator(String),
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    /// `::`
    Cast,
    Dot,
    /// Anything else.
    Other,
}

const OPERATORS: &str = "+-*/<>=~!@#%^&|`?";

/// The words of `text`, each with its place. Never fails: what is not understood is
/// [`Token::Other`].
pub(super) fn lex(text: &str) -> Vec<(Token, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        at += c.len_utf8();
        let rest = &text[at..];
        let token = match c {
            _ if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenBracket,
            ']' => Token::CloseBracket,
            ',' => Token::Comma,
            '.' if !rest.starts_with(|c: char| c.is_ascii_digit()) => Token::Dot,
            ':' if rest.starts_with(':') => {
                at += 1;
                Token::Cast
            }
            '\'' => {
                let (value, length) = quoted(rest, '\'', false);
                at += length;
                Token::Text(value)
            }
            '"' => {
                let (value, length) = quoted(rest, '"', false);
                at += length;
                Token::Quoted(value)
            }
            'E' if rest.starts_with('\'') => {
                let (value, length) = quoted(&rest[1..], '\'', true);
                at += 1 + length;
                Token::Text(value)
            }
            'B' | 'X' if rest.starts_with('\'') => {
                let (value, length) = quoted(&rest[1..], '\'', false);
                at += 1 + length;
                Token::Text(value)
            }
            _ if c.is_alphabetic() || c == '_' => {
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                    .unwrap_or(rest.len());
                at += end;
                Token::Word(text[start..at].to_owned())
            }
            _ if c.is_ascii_digit() || c == '.' => {
                let mut end = 0;
                for (place, d) in rest.char_indices() {
                    let exponent = matches!(d, '+' | '-') && rest[..place].ends_with(['e', 'E']);
                    if !(d.is_ascii_digit() || d == '.' || d == 'e' || d == 'E' || exponent) {
                        break;
                    }
                    end = place + d.len_utf8();
                }
                at += end;
                Token::Number(text[start..at].to_owned())
            }
            _ if OPERATORS.contains(c) => {
                let end = rest
                    .find(|c: char| !OPERATORS.contains(c))
                    .unwrap_or(rest.len());
                at += end;
                Token::Operator(text[start..at].to_owned())
            }
            _ => Token::Other,
        };
        tokens.push((token, start..at));
    }
    tokens
}

/// The text up to the closing quote, and how many bytes it takes with that quote.
fn quoted(text: &str, quote: char, escapes: bool) -> (String, usize) {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
                value.push(quote);
                continue;
            }
            return (value, at + quote.len_utf8());
        }
        if escapes && c == '\\' {
            match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, other)) => value.push(other),
                None => {}
            }
            continue;
        }
        value.push(c);
    }
    (value, text.len())
}

/// `text` with every unquoted word `word` replaced.
pub(super) fn replace_word(text: &str, word: &str, by: &str) -> String {
    let mut out = String::new();
    let mut done = 0;
    for (token, place) in lex(text) {
        if token == Token::Word(word.to_owned()) {
            out.push_str(&text[done..place.start]);
            out.push_str(by);
            done = place.end;
        }
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_literals_and_operators() {
        let tokens: Vec<Token> = lex(r#"((a)::text ~ E'^\\d+$') AND "B c" <> 'it''s' -1.5e3"#)
            .into_iter()
            .map(|(token, _)| token)
            .collect();
        assert_eq!(
            tokens,
            [
                Token::Open,
                Token::Open,
                Token::Word("a".into()),
                Token::Close,
                Token::Cast,
                Token::Word("text".into()),
                Token::Operator("~".into()),
                Token::Text(r"^\d+$".into()),
                Token::Close,
                Token::Word("AND".into()),
                Token::Quoted("B c".into()),
                Token::Operator("<>".into()),
                Token::Text("it's".into()),
                Token::Operator("-".into()),
                Token::Number("1.5e3".into()),
            ]
        );
    }

    #[test]
    fn a_word_is_replaced_outside_of_quotes_only() {
        assert_eq!(
            replace_word("(VALUE > 'VALUE'::text) AND f(VALUE)", "VALUE", "\"x\""),
            "(\"x\" > 'VALUE'::text) AND f(\"x\")"
        );
    }

    #[test]
    fn nothing_fails() {
        for text in ["'open", "\"open", "E'\\", "§ $1", "1.2.3e", ":", "é = 'ü'"] {
            lex(text);
        }
    }
}
