//! The words and signs of a `.proto` file, without comments.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    Number,
    /// With its quotes.
    Text,
    /// A character that stands for itself, or several that are no ASCII.
    Sign(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// In bytes of the text.
    pub(super) range: Range<usize>,
}

/// Reads a text from its beginning. Any text can be read; what is no Protobuf is for the parser to say.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip(&mut self, some: impl Fn(u8) -> bool) {
        while self.byte(0).is_some_and(&some) {
            self.at += 1;
        }
    }

    /// To the next token. In the values of options comments may begin with `#` as well; elsewhere the
    /// parser refuses that.
    fn skip_space(&mut self) {
        loop {
            match (self.byte(0), self.byte(1)) {
                (Some(byte), _) if byte.is_ascii_whitespace() || byte == 0x0b => self.at += 1,
                (Some(b'#'), _) | (Some(b'/'), Some(b'/')) => self.skip(|it| it != b'\n'),
                (Some(b'/'), Some(b'*')) => {
                    self.at += 2;
                    let rest = &self.text[self.at..];
                    let end = rest.windows(2).position(|it| it == b"*/");
                    self.at += end.map_or(rest.len(), |it| it + 2);
                }
                _ => return,
            }
        }
    }

    /// A text to its closing quote, or to the end of the line where there is none.
    fn skip_text(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.byte(0).filter(|it| *it != b'\n') {
            let escaped = byte == b'\\' && self.byte(1).is_some_and(|it| it != b'\n');
            self.at += 1 + usize::from(escaped);
            if byte == quote {
                return;
            }
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_space();
        let start = self.at;
        let first = self.byte(0)?;
        let digit = first.is_ascii_digit()
            || first == b'.' && self.byte(1).is_some_and(|it| it.is_ascii_digit());
        let word = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
        let kind = if digit {
            self.skip(|it| word(it) || it == b'.');
            Kind::Number
        } else if word(first) {
            self.skip(word);
            Kind::Word
        } else if matches!(first, b'"' | b'\'') {
            self.skip_text(first);
            Kind::Text
        } else if first.is_ascii() {
            self.at += 1;
            Kind::Sign(first)
        } else {
            self.skip(|it| !it.is_ascii());
            Kind::Sign(first)
        };
        Some(Token {
            kind,
            range: start..self.at,
        })
    }
}
