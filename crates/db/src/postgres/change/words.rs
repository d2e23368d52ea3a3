//! The tokens of a statement, as far as telling statements apart depends on them.
//!
//! Strings are taken as `standard_conforming_strings` has them, which every session here sets.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Quoted,
    /// A string, in apostrophes or dollar quotes.
    Text,
    /// A number or a parameter.
    Number,
    /// Any other character.
    Mark(u8),
}

/// A token and where it begins, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) start: usize,
}

impl Token<'_> {
    /// Whether it is this keyword, given in lower case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// The name that it is: without quotes folded to lower case.
    pub(super) fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_lowercase()),
            Kind::Quoted => {
                let inner = self.text.strip_prefix('"')?;
                let inner = inner.strip_suffix('"').unwrap_or(inner);
                Some(inner.replace("\"\"", "\""))
            }
            _ => None,
        }
    }

    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The tokens of a statement, without comments.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { sql, at: 0 };
    std::iter::from_fn(|| lexer.next()).collect()
}

struct Lexer<'t> {
    sql: &'t str,
    at: usize,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

impl<'t> Lexer<'t> {
    fn byte(&self, ahead: usize) -> u8 {
        let bytes = self.sql.as_bytes();
        bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.at < self.sql.len() && wanted(self.byte(0)) {
            self.at += 1;
        }
    }

    /// Blanks and comments.
    fn skip(&mut self) {
        loop {
            self.skip_while(|byte| byte.is_ascii_whitespace() || byte == 0x0b);
            match (self.byte(0), self.byte(1)) {
                (b'-', b'-') => self.skip_while(|byte| byte != b'\n'),
                (b'/', b'*') => self.comment(),
                _ => return,
            }
        }
    }

    /// Comments nest.
    fn comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.sql.len() {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    fn next(&mut self) -> Option<Token<'t>> {
        self.skip();
        let start = self.at;
        if start >= self.sql.len() {
            return None;
        }
        let kind = match (self.byte(0), self.byte(1), self.byte(2)) {
            (b'\'', ..) => self.quoted(b'\'', false, Kind::Text),
            (b'"', ..) => self.quoted(b'"', false, Kind::Quoted),
            (b'e' | b'E', b'\'', _) => {
                self.at += 1;
                self.quoted(b'\'', true, Kind::Text)
            }
            (b'b' | b'B' | b'x' | b'X' | b'n' | b'N', b'\'', _) => {
                self.at += 1;
                self.quoted(b'\'', false, Kind::Text)
            }
            (b'u' | b'U', b'&', quote @ (b'\'' | b'"')) => {
                self.at += 2;
                let kind = if quote == b'"' {
                    Kind::Quoted
                } else {
                    Kind::Text
                };
                self.quoted(quote, false, kind)
            }
            (b'$', ..) => self.dollar(),
            (b'0'..=b'9', ..) => {
                self.skip_while(|byte| is_word(byte) || byte == b'.');
                Kind::Number
            }
            (byte, ..) if is_word(byte) => {
                self.skip_while(is_word);
                Kind::Word
            }
            (byte, ..) => {
                self.at += 1;
                Kind::Mark(byte)
            }
        };
        let text = self.sql.get(start..self.at)?;
        Some(Token { kind, text, start })
    }

    /// Up to the quote that closes it, of which two stand for one.
    fn quoted(&mut self, quote: u8, escapes: bool, kind: Kind) -> Kind {
        self.at += 1;
        while self.at < self.sql.len() {
            match self.byte(0) {
                b'\\' if escapes => self.at += 2,
                byte if byte == quote && self.byte(1) == quote => self.at += 2,
                byte if byte == quote => {
                    self.at += 1;
                    return kind;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.sql.len();
        kind
    }

    fn dollar(&mut self) -> Kind {
        if self.byte(1).is_ascii_digit() {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
            return Kind::Number;
        }
        let rest = &self.sql[self.at..];
        let tag = rest[1..]
            .find('$')
            .map(|end| &rest[..end + 2])
            .filter(|tag| {
                tag[1..tag.len() - 1]
                    .bytes()
                    .all(|it| is_word(it) && it != b'$')
            });
        match tag {
            Some(tag) => {
                let after = self.at + tag.len();
                let body = &self.sql[after..];
                self.at = body
                    .find(tag)
                    .map_or(self.sql.len(), |end| after + end + tag.len());
                Kind::Text
            }
            None => {
                self.at += 1;
                Kind::Mark(b'$')
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql).iter().map(|it| it.text).collect()
    }

    #[test]
    fn comments_are_no_tokens_and_strings_are_one() {
        assert_eq!(
            texts(
                "CREATE /* a /* b */ c */ INDEX -- x\n \"a\"\"b\" ON t ('it''s', E'a\\'b', $$;$$)"
            ),
            [
                "CREATE",
                "INDEX",
                "\"a\"\"b\"",
                "ON",
                "t",
                "(",
                "'it''s'",
                ",",
                "E'a\\'b'",
                ",",
                "$$;$$",
                ")"
            ]
        );
        assert_eq!(texts("$a$ $b$ $a$ x $1 $"), ["$a$ $b$ $a$", "x", "$1", "$"]);
        assert_eq!(texts("'open"), ["'open"]);
        assert_eq!(texts("E'\\"), ["E'\\"]);
        assert_eq!(texts("größe.\"x\""), ["größe", ".", "\"x\""]);
    }

    #[test]
    fn names_are_folded_unless_quoted() {
        let names: Vec<_> = tokens("Users \"Users\" \"a\"\"b\" 1")
            .iter()
            .map(Token::name)
            .collect();
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(names, [of("users"), of("Users"), of("a\"b"), None]);
    }
}
