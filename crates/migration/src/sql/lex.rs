//! Tokens, as far as the ends of statements and the shortcuts depend on them.
//!
//! It is right about everything in which a semicolon or a keyword can hide: strings, quoted names,
//! dollar quotes and comments, each as the engine has them. What is not closed ends with the text.
//! Nothing is allocated, and every byte is looked at once.

use super::ir::Span;
use crate::engine::Engine;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Quoted,
    /// A string in apostrophes, with its prefix; in MySQL also in double quotes.
    Text,
    /// A string in dollar quotes.
    Dollar,
    /// A number.
    Number,
    /// `$1`.
    Parameter,
    /// A comment.
    Comment,
    /// Any other byte.
    Mark(u8),
}

/// A token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Where it begins.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

impl Token {
    /// Its place.
    pub(super) fn span(self) -> Span {
        self.start..self.end
    }

    /// What it says.
    pub(super) fn text(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether it is this word, in any case.
    pub(super) fn is(self, text: &str, word: &str) -> bool {
        self.kind == Kind::Word && self.text(text).eq_ignore_ascii_case(word)
    }

    /// Whether it is this byte.
    pub(super) fn marks(self, byte: u8) -> bool {
        self.kind == Kind::Mark(byte)
    }
}

/// Reads tokens from the front of a text.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'t> {
    bytes: &'t [u8],
    at: usize,
    engine: Engine,
    /// Whether a string that follows after a line break goes on with backslash escapes.
    escapes: bool,
}

/// What a byte can begin or continue.
const SPACE: u8 = 1;
const WORD: u8 = 2;
const DIGIT: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        classes[at] = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => SPACE,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => WORD,
            b'0'..=b'9' => DIGIT,
            _ => 0,
        };
        at += 1;
    }
    classes
};

const fn class(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

impl<'t> Lexer<'t> {
    /// Reads a text from its beginning.
    pub(super) fn new(text: &'t str, engine: Engine) -> Self {
        Self::from(text, 0, engine)
    }

    /// Reads a text from a place on.
    pub(super) fn from(text: &'t str, at: usize, engine: Engine) -> Self {
        let mark = "\u{feff}";
        let at = match at {
            0 if text.starts_with(mark) => mark.len(),
            _ => at,
        };
        Self {
            bytes: text.as_bytes(),
            at,
            engine,
            escapes: false,
        }
    }

    /// Goes on elsewhere.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at.min(self.bytes.len());
        self.escapes = false;
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next token that is no comment.
    pub(super) fn token(&mut self) -> Option<Token> {
        loop {
            let token = self.any()?;
            if token.kind != Kind::Comment {
                return Some(token);
            }
        }
    }

    /// The next token, comments included.
    pub(super) fn any(&mut self) -> Option<Token> {
        while self.at < self.bytes.len() && class(self.bytes[self.at]) == SPACE {
            self.at += 1;
        }
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let escapes = std::mem::take(&mut self.escapes);
        let kind = match first {
            b'\'' => {
                self.at += 1;
                let escapes = escapes || self.engine == Engine::Mysql;
                self.string(b'\'', escapes);
                self.escapes = escapes;
                Kind::Text
            }
            b'"' => {
                self.at += 1;
                let mysql = self.engine == Engine::Mysql;
                self.string(b'"', mysql);
                if mysql { Kind::Text } else { Kind::Quoted }
            }
            b'`' if self.engine != Engine::Postgres => {
                self.at += 1;
                self.string(b'`', false);
                Kind::Quoted
            }
            b'[' if self.engine == Engine::Sqlite => {
                self.until(b"]");
                Kind::Quoted
            }
            b'-' if self.peek(1) == b'-' && self.dashes_comment() => {
                self.escapes = escapes;
                self.line();
                Kind::Comment
            }
            b'#' if self.engine == Engine::Mysql => {
                self.line();
                Kind::Comment
            }
            b'/' if self.peek(1) == b'*' => {
                self.escapes = escapes;
                self.block();
                Kind::Comment
            }
            b'$' if self.engine == Engine::Postgres => self.dollar(),
            b'.' if class(self.peek(1)) == DIGIT => self.number(),
            _ => match class(first) {
                WORD => self.word(first),
                DIGIT => self.number(),
                _ => {
                    self.at += 1;
                    Kind::Mark(first)
                }
            },
        };
        Some(Token {
            kind,
            start,
            end: self.at,
        })
    }

    /// MySQL wants something blank after `--`.
    fn dashes_comment(&self) -> bool {
        self.engine != Engine::Mysql || self.peek(2) <= b' '
    }

    fn word(&mut self, first: u8) -> Kind {
        match (first, self.peek(1)) {
            (b'e' | b'E', b'\'') if self.engine == Engine::Postgres => {
                self.at += 2;
                self.string(b'\'', true);
                self.escapes = true;
                return Kind::Text;
            }
            (b'n' | b'N' | b'b' | b'B' | b'x' | b'X', b'\'') => {
                self.at += 2;
                self.string(b'\'', self.engine == Engine::Mysql);
                return Kind::Text;
            }
            (b'u' | b'U', b'&') if self.engine == Engine::Postgres => match self.peek(2) {
                b'\'' => {
                    self.at += 3;
                    self.string(b'\'', false);
                    return Kind::Text;
                }
                b'"' => {
                    self.at += 3;
                    self.string(b'"', false);
                    return Kind::Quoted;
                }
                _ => {}
            },
            _ => {}
        }
        while self.at < self.bytes.len()
            && (class(self.bytes[self.at]) & (WORD | DIGIT) != 0 || self.bytes[self.at] == b'$')
        {
            self.at += 1;
        }
        Kind::Word
    }

    /// A number with whatever sticks to it; `1..2` is two numbers.
    fn number(&mut self) -> Kind {
        while let Some(&byte) = self.bytes.get(self.at) {
            let exponent = matches!(byte, b'e' | b'E')
                && matches!(self.peek(1), b'+' | b'-')
                && class(self.peek(2)) == DIGIT;
            let goes_on = class(byte) & (WORD | DIGIT) != 0 || byte == b'.' && self.peek(1) != b'.';
            if exponent {
                self.at += 2;
            } else if !goes_on {
                break;
            }
            self.at += 1;
        }
        Kind::Number
    }

    /// From behind the first quote to behind the last.
    fn string(&mut self, quote: u8, escapes: bool) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == quote {
                if self.peek(1) != quote {
                    self.at += 1;
                    return;
                }
                self.at += 2;
            } else if escapes && byte == b'\\' {
                self.at += 2;
            } else {
                self.at += 1;
            }
        }
        self.at = self.bytes.len();
    }

    fn until(&mut self, end: &[u8]) {
        let rest = &self.bytes[self.at..];
        self.at += find(rest, end).map_or(rest.len(), |at| at + end.len());
    }

    fn line(&mut self) {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        self.at += end.unwrap_or(rest.len());
    }

    /// A block comment; PostgreSQL's nest.
    fn block(&mut self) {
        self.at += 2;
        let mut depth = 1_usize;
        while let Some(&byte) = self.bytes.get(self.at) {
            match (byte, self.peek(1)) {
                (b'*', b'/') => {
                    self.at += 2;
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                (b'/', b'*') if self.engine == Engine::Postgres => {
                    self.at += 2;
                    depth += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    fn dollar(&mut self) -> Kind {
        let mut end = self.at + 1;
        if self.bytes.get(end).is_some_and(u8::is_ascii_digit) {
            while self.bytes.get(end).is_some_and(u8::is_ascii_digit) {
                end += 1;
            }
            self.at = end;
            return Kind::Parameter;
        }
        while self
            .bytes
            .get(end)
            .is_some_and(|&byte| class(byte) & (WORD | DIGIT) != 0)
        {
            end += 1;
        }
        if self.bytes.get(end) != Some(&b'$') {
            self.at += 1;
            return Kind::Mark(b'$');
        }
        let tag = &self.bytes[self.at..=end];
        let rest = &self.bytes[end + 1..];
        let closed = find(rest, tag).map_or(rest.len(), |at| at + tag.len());
        self.at = end + 1 + closed;
        Kind::Dollar
    }
}

/// Where `what` is first found.
pub(super) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == first) {
        let at = from + at;
        if bytes[at..].starts_with(what) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
