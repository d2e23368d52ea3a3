//! Where statements begin and end.
//!
//! A semicolon ends a statement unless it stands in a string, a quoted name, a comment, a body of
//! SQL-standard form (`BEGIN ATOMIC … END`), the body of a trigger or routine of SQLite or MySQL, or
//! the parentheses of a rule. Rows after `COPY … FROM stdin` and commands of client programs are
//! pieces of their own.
//!
//! It needs time in proportion to the text, and no memory besides the pieces.

use super::ir::Span;
use super::lex::{Kind, Lexer, Token, find};
use crate::engine::Engine;

/// A piece of a text. The pieces of a text follow each other without a gap, from its first byte to
/// its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// All of it, in bytes: what stands before it, and the semicolon and the like that end it,
    /// included.
    pub span: Span,
    /// From its first to its last token, without what ends it; empty where there is none.
    pub body: Span,
    /// What it is.
    pub kind: PieceKind,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PieceKind {
    /// One statement.
    Sql,
    /// Rows for the `COPY … FROM stdin` before it, with the line `\.` that ends them.
    CopyData,
    /// A command for a client program, such as `\connect` or `DELIMITER`, to the end of its line.
    ClientCommand,
    /// Nothing but blanks and comments.
    Empty,
}

/// The pieces of a text.
pub fn statements(text: &str, engine: Engine) -> Vec<Piece> {
    Splitter::new(text, engine).pieces()
}

/// Where the statements of a text are: from their first to their last token, without semicolons.
pub fn ranges(text: &str, engine: Engine) -> Vec<Span> {
    statements(text, engine)
        .into_iter()
        .filter(|piece| piece.kind == PieceKind::Sql)
        .map(|piece| piece.body)
        .collect()
}

/// Where the comments of a text are, with their `--`, `#` or `/* */`.
pub fn comments(text: &str, engine: Engine) -> Vec<Span> {
    let mut found = Vec::new();
    for piece in statements(text, engine) {
        if matches!(piece.kind, PieceKind::CopyData | PieceKind::ClientCommand) {
            continue;
        }
        let mut lexer = Lexer::from(text, piece.span.start, engine);
        while let Some(token) = lexer.any() {
            if token.start >= piece.span.end {
                break;
            }
            if token.kind == Kind::Comment {
                found.push(token.span());
            }
        }
    }
    found
}

/// What the first words of a statement say about where it may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// No word yet.
    Start,
    /// `CREATE`, and not yet what. The number of tokens that followed.
    Create(u8),
    /// `COPY`: whether the last word was `FROM`.
    Copy { from: bool },
    /// `COPY … FROM stdin`: rows follow.
    CopyRows,
    /// A routine of PostgreSQL: the last word was `BEGIN`.
    Routine { begin: bool },
    /// A trigger or routine of another engine.
    Block { end: bool },
    /// `CREATE RULE`.
    Rule,
    /// Any other.
    Plain,
}

struct Splitter<'t> {
    text: &'t str,
    engine: Engine,
    lexer: Lexer<'t>,
    pieces: Vec<Piece>,
    /// What ends statements, where it is no semicolon (MySQL).
    delimiter: Option<&'t str>,
    /// Where the piece begins, and where its first and last tokens are.
    start: usize,
    body: Option<Span>,
    head: Head,
    /// How many blocks are open, and how many parentheses.
    blocks: usize,
    parentheses: usize,
}

impl<'t> Splitter<'t> {
    fn new(text: &'t str, engine: Engine) -> Self {
        Self {
            text,
            engine,
            lexer: Lexer::new(text, engine),
            pieces: Vec::new(),
            delimiter: None,
            start: 0,
            body: None,
            head: Head::Start,
            blocks: 0,
            parentheses: 0,
        }
    }

    fn pieces(mut self) -> Vec<Piece> {
        while let Some(token) = self.lexer.any() {
            if let Some(delimiter) = self.delimiter
                && self.ends_at_delimiter(token, delimiter)
            {
                continue;
            }
            match token.kind {
                // A comment for MySQL's eyes only is a statement for it.
                Kind::Comment if self.runs(token) => self.take(token),
                Kind::Comment => {}
                Kind::Mark(b'\\') if self.engine == Engine::Postgres => self.client(token),
                Kind::Mark(b'.')
                    if self.engine == Engine::Sqlite
                        && self.body.is_none()
                        && self.begins_line(token) =>
                {
                    self.client(token);
                }
                Kind::Mark(b';') if self.delimiter.is_none() && self.ends() => {
                    let rows = self.head == Head::CopyRows;
                    self.finish(token.end);
                    if rows {
                        self.rows();
                    }
                }
                Kind::Word if self.is_delimiter_command(token) => self.set_delimiter(token),
                _ => self.take(token),
            }
        }
        self.finish(self.text.len());
        self.pieces
    }

    fn runs(&self, token: Token) -> bool {
        self.engine == Engine::Mysql && token.text(self.text).starts_with("/*!")
    }

    /// Takes a token into the piece.
    fn take(&mut self, token: Token) {
        match &mut self.body {
            Some(body) => body.end = token.end,
            None => self.body = Some(token.span()),
        }
        match token.kind {
            Kind::Mark(b'(' | b'[') => {
                self.parentheses += 1;
            }
            Kind::Mark(b')' | b']') => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        self.head = self.next_head(token);
    }

    fn next_head(&mut self, token: Token) -> Head {
        let is = |word: &str| token.is(self.text, word);
        match self.head {
            Head::Plain | Head::Rule | Head::CopyRows => self.head,
            Head::Start if token.kind != Kind::Word => Head::Start,
            Head::Start if is("create") => Head::Create(0),
            Head::Start if is("copy") && self.engine == Engine::Postgres => {
                Head::Copy { from: false }
            }
            Head::Start => Head::Plain,
            Head::Create(count) => self.create(token, count),
            Head::Copy { from } => {
                if from && is("stdin") {
                    Head::CopyRows
                } else {
                    Head::Copy {
                        from: self.parentheses == 0 && is("from"),
                    }
                }
            }
            Head::Routine { begin } => {
                if begin && is("atomic") && self.blocks == 0 {
                    self.blocks = 1;
                } else if self.blocks > 0 && (is("case") || is("begin")) {
                    self.blocks += 1;
                } else if self.blocks > 0 && is("end") {
                    self.blocks -= 1;
                }
                Head::Routine { begin: is("begin") }
            }
            Head::Block { end } => {
                let ends_other = end && (is("if") || is("loop") || is("while") || is("repeat"));
                // After `END CASE` the end was counted.
                let ends_case = end && is("case");
                if !ends_case && (ends_other || is("begin") || is("case")) {
                    self.blocks += 1;
                } else if is("end") {
                    self.blocks = self.blocks.saturating_sub(1);
                    return Head::Block { end: true };
                }
                Head::Block { end: false }
            }
        }
    }

    /// After `CREATE`: what is made decides.
    fn create(&self, token: Token, count: u8) -> Head {
        // `CREATE OR REPLACE DEFINER = 'user'@'host' TRIGGER` has the most before it.
        if count > 12 {
            return Head::Plain;
        }
        if token.kind != Kind::Word {
            return Head::Create(count + 1);
        }
        let is = |word: &str| token.is(self.text, word);
        let postgres = self.engine == Engine::Postgres;
        if is("function") || is("procedure") {
            if postgres {
                Head::Routine { begin: false }
            } else {
                Head::Block { end: false }
            }
        } else if !postgres && (is("trigger") || is("event")) {
            Head::Block { end: false }
        } else if postgres && is("rule") {
            Head::Rule
        } else if ["table", "index", "view", "schema", "type"]
            .into_iter()
            .any(is)
        {
            Head::Plain
        } else {
            Head::Create(count + 1)
        }
    }

    /// Whether a semicolon here ends the statement.
    fn ends(&mut self) -> bool {
        if let Head::Block { .. } = self.head {
            // `END;` is no `END IF`.
            self.head = Head::Block { end: false };
        }
        self.blocks == 0 && !(self.head == Head::Rule && self.parentheses > 0)
    }

    fn finish(&mut self, end: usize) {
        let body = self.body.take();
        let kind = match body {
            Some(_) => PieceKind::Sql,
            None => PieceKind::Empty,
        };
        if end > self.start {
            self.push(end, body.unwrap_or(end..end), kind);
        }
    }

    fn push(&mut self, end: usize, body: Span, kind: PieceKind) {
        self.pieces.push(Piece {
            span: self.start..end,
            body,
            kind,
        });
        self.start = end;
        self.body = None;
        self.head = Head::Start;
        self.blocks = 0;
        self.parentheses = 0;
    }

    /// The end of the line on which `at` is, with its line break.
    fn line_end(&self, at: usize) -> usize {
        find(&self.text.as_bytes()[at..], b"\n").map_or(self.text.len(), |found| at + found + 1)
    }

    fn begins_line(&self, token: Token) -> bool {
        let before = &self.text.as_bytes()[..token.start];
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
        let last = before.iter().rev().find(|byte| !blank(byte));
        matches!(last, None | Some(b'\n'))
    }

    /// A command of a client program, to the end of the line. It ends a statement before it.
    fn client(&mut self, token: Token) {
        if self.body.is_some() {
            self.finish(token.start);
        }
        let end = self.line_end(token.start);
        let line = &self.text[token.start..end];
        let body = token.start..token.start + line.trim_end().len();
        self.push(end, body, PieceKind::ClientCommand);
        self.lexer.seek(end);
    }

    /// The rows after `COPY … FROM stdin;`, from the next line on.
    fn rows(&mut self) {
        let begin = self.line_end(self.start);
        let bytes = self.text.as_bytes();
        // Start one byte early, so that the first line can be the last.
        let mut from = begin.saturating_sub(1);
        let end = loop {
            let Some(found) = find(&bytes[from..], b"\n\\.") else {
                break bytes.len();
            };
            let behind = from + found + 3;
            match bytes.get(behind) {
                None => break behind,
                Some(b'\n') => break behind + 1,
                Some(b'\r') if bytes.get(behind + 1) == Some(&b'\n') => break behind + 2,
                Some(_) => from = behind,
            }
        };
        let end = end.max(begin);
        if end > self.start {
            self.push(end, begin..end, PieceKind::CopyData);
        }
        self.lexer.seek(end);
    }

    fn is_delimiter_command(&self, token: Token) -> bool {
        self.engine == Engine::Mysql
            && self.body.is_none()
            && token.is(self.text, "delimiter")
            && self.begins_line(token)
    }

    fn set_delimiter(&mut self, token: Token) {
        let end = self.line_end(token.start);
        let word = self.text[token.end..end].split_whitespace().next();
        self.delimiter = word.filter(|word| *word != ";");
        self.client(token);
    }

    /// Ends the statement where the delimiter stands in or at the front of a token.
    fn ends_at_delimiter(&mut self, token: Token, delimiter: &str) -> bool {
        if matches!(token.kind, Kind::Text | Kind::Quoted | Kind::Comment)
            || self.is_delimiter_command(token)
        {
            return false;
        }
        // A delimiter of several marks begins in one token and ends in others.
        let bytes = self.text.as_bytes();
        let within =
            (token.start..token.end).find(|&at| bytes[at..].starts_with(delimiter.as_bytes()));
        let Some(at) = within.filter(|&at| self.text.is_char_boundary(at)) else {
            return false;
        };
        if at > token.start {
            self.take(Token { end: at, ..token });
        }
        let end = at + delimiter.len();
        self.finish(end);
        self.lexer.seek(end);
        true
    }
}

#[cfg(test)]
mod tests;
