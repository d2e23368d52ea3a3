//! Blocks of PL/pgSQL, as far as statements of SQL stand in them.
//!
//! The words that steer a block are stepped over, and what is left are statements and expressions.
//! Whatever cannot be told from the text, such as `EXECUTE` of something that is put together,
//! makes the block one that was not read to its end.

use std::ops::Range;

use super::ir::{Kind, Query, Statement};
use super::lex::{Kind as Is, Lexer, Token};
use super::read::{self, Source};
use super::split::{self, PieceKind};
use super::words;
use crate::engine::Engine;

/// Reads what stands in `DO`, whose own statement is the one at `at`.
pub(super) fn read_do(source: &Source<'_>, at: usize, found: &mut Vec<Statement>) {
    let plpgsql = matches!(
        found.get(at),
        Some(Statement { kind: Kind::Do { language, .. }, .. }) if language == "plpgsql"
    );
    if !plpgsql {
        return;
    }
    let mut lexer = Lexer::new(source.parsed, source.engine);
    let literal =
        std::iter::from_fn(|| lexer.token()).find(|it| matches!(it.kind, Is::Text | Is::Dollar));
    let Some(body) = literal.and_then(|it| content(source.parsed, it)) else {
        return;
    };
    let first = found.len();
    let read = Body::new(source, &body, found).run();
    for statement in &mut found[first..] {
        statement.conditional = true;
    }
    if let Some(Statement {
        kind: Kind::Do { read: whole, .. },
        ..
    }) = found.get_mut(at)
    {
        *whole = read;
    }
}

/// What a string says, where each character stands as far from its beginning as in the string: the
/// quotes around it are blank, and of two quotes one is. None where that cannot be.
fn content(text: &str, literal: Token) -> Option<String> {
    let written = literal.text(text);
    let blank = |count: usize| " ".repeat(count);
    if literal.kind == Is::Dollar {
        let inner = words::dollar(written)?;
        let tag = written[1..].find('$')? + 2;
        let rest = written.len() - tag - inner.len();
        return Some(format!("{}{inner}{}", blank(tag), blank(rest)));
    }
    let prefix = match written.as_bytes() {
        [b'\'', ..] => 1,
        [b'e' | b'E', b'\'', ..] if !written.contains('\\') => 2,
        _ => return None,
    };
    let inner = written.get(prefix..)?.strip_suffix('\'')?;
    // Quotes in quotes in quotes cannot keep their places, and neither can parts on several lines.
    if inner.contains("''''") {
        return None;
    }
    let mut said = blank(prefix);
    let mut parts = inner.split("''");
    said.push_str(parts.next()?);
    let mut opens = true;
    for part in parts {
        if part.contains('\'') {
            return None;
        }
        said.push_str(if opens { " '" } else { "' " });
        said.push_str(part);
        opens = !opens;
    }
    (opens && !inner.replace("''", "").contains('\'')).then(|| said + " ")
}

struct Body<'t> {
    source: &'t Source<'t>,
    /// As long as the text around it from `offset` on.
    text: &'t str,
    written: &'t str,
    offset: usize,
    tokens: Vec<Token>,
    at: usize,
    /// Whether everything was understood so far.
    read: bool,
    found: &'t mut Vec<Statement>,
}

impl<'t> Body<'t> {
    fn new(source: &'t Source<'t>, text: &'t str, found: &'t mut Vec<Statement>) -> Self {
        // The body has the length of its literal, which is found again by that.
        let mut lexer = Lexer::new(source.parsed, source.engine);
        let start = std::iter::from_fn(|| lexer.token())
            .find(|it| matches!(it.kind, Is::Text | Is::Dollar))
            .map_or(0, |it| it.start);
        let mut lexer = Lexer::new(text, Engine::Postgres);
        Self {
            source,
            text,
            written: source
                .written
                .get(start..start + text.len())
                .unwrap_or_default(),
            offset: source.offset + start,
            tokens: std::iter::from_fn(|| lexer.token()).collect(),
            at: 0,
            read: true,
            found,
        }
    }

    fn peek(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.at + ahead).copied()
    }

    fn word(&self, ahead: usize) -> String {
        match self.peek(ahead) {
            Some(token) if token.kind == Is::Word => token.text(self.text).to_ascii_lowercase(),
            _ => String::new(),
        }
    }

    fn marks(&self, ahead: usize, byte: u8) -> bool {
        self.peek(ahead).is_some_and(|it| it.marks(byte))
    }

    fn run(mut self) -> bool {
        while self.at < self.tokens.len() {
            self.step();
        }
        self.read
    }

    /// One statement of the block, or what begins or ends one.
    fn step(&mut self) {
        if self.marks(0, b';') {
            self.at += 1;
        } else if self.marks(0, b'<') {
            // `<<label>>`
            self.at += 5;
        } else if self.marks(0, b'#') {
            // `#variable_conflict use_column`
            self.at += 3;
        } else {
            self.statement();
        }
    }

    fn statement(&mut self) {
        match self.word(0).as_str() {
            "begin" | "exception" | "else" | "loop" => self.at += 1,
            "declare" => self.declare(),
            "if" | "elsif" | "elseif" | "when" => self.condition("then"),
            "while" => self.condition("loop"),
            "case" if self.word(1) == "when" => self.at += 1,
            "case" => {
                self.at += 1;
                let subject = self.until(&["when"]);
                self.expression(subject);
            }
            "for" | "foreach" => self.each(),
            "end" | "exit" | "continue" | "raise" | "null" | "get" | "fetch" | "move" | "close" => {
                self.until(&[]);
            }
            "assert" => self.condition_at_end(),
            "return" if matches!(self.word(1).as_str(), "query" | "next") => {
                self.at += 2;
                if self.word(0) == "execute" {
                    self.execute(&[]);
                } else {
                    self.sql(&[]);
                }
            }
            "return" => self.condition_at_end(),
            "open" => self.open(),
            "perform" => self.sql(&[]),
            "execute" => self.execute(&[]),
            _ if self.assigns() => {
                let value = self.until(&[]);
                let behind = value.clone().find(|&at| self.tokens[at].marks(b'='));
                self.expression(behind.map_or(value.start, |at| at + 1)..value.end);
            }
            _ => self.sql(&[]),
        }
    }

    /// The tokens up to one of the words, which is not stepped over, or to the end of the statement,
    /// which is where no word is given. Words in parentheses and in `CASE` do not count.
    fn until(&mut self, stops: &[&str]) -> Range<usize> {
        let first = self.at;
        let mut depth = 0_usize;
        let mut cases = 0_usize;
        while let Some(token) = self.peek(0) {
            match token.kind {
                Is::Mark(b'(' | b'[') => depth += 1,
                Is::Mark(b')' | b']') => depth = depth.saturating_sub(1),
                Is::Mark(b';') => {
                    // The word that should have come did not.
                    self.read &= stops.is_empty();
                    self.at += 1;
                    return first..self.at - 1;
                }
                Is::Word if depth == 0 => {
                    let is = |word: &str| token.is(self.text, word);
                    if cases == 0 && stops.iter().any(|word| is(word)) {
                        return first..self.at;
                    }
                    if !stops.is_empty() && is("case") {
                        cases += 1;
                    } else if !stops.is_empty() && is("end") {
                        cases = cases.saturating_sub(1);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        // The last `END` needs no semicolon; nothing else may lack its end.
        self.read &= self
            .tokens
            .get(first)
            .is_some_and(|it| it.is(self.text, "end"));
        first..self.at
    }

    /// `IF condition THEN`.
    fn condition(&mut self, stop: &str) {
        self.at += 1;
        let condition = self.until(&[stop]);
        self.at += 1;
        self.expression(condition);
    }

    /// `RETURN value;`
    fn condition_at_end(&mut self) {
        self.at += 1;
        let value = self.until(&[]);
        self.expression(value);
    }

    /// Declarations up to `BEGIN`.
    fn declare(&mut self) {
        self.at += 1;
        while self.at < self.tokens.len() && self.word(0) != "begin" {
            if self.word(0) == "declare" || self.marks(0, b'<') {
                return;
            }
            let one = self.until(&[]);
            let of = |word: &str| one.clone().find(|&at| self.tokens[at].is(self.text, word));
            let value = one.clone().find(|&at| self.tokens[at].marks(b'='));
            if of("cursor").is_some() {
                if let Some(query) = of("for").or_else(|| of("is")) {
                    self.sql_at(query + 1..one.end);
                }
            } else if let Some(begin) = value.or_else(|| of("default")) {
                self.expression(begin + 1..one.end);
            }
        }
    }

    /// `FOR x IN … LOOP`, `FOREACH x IN ARRAY … LOOP`.
    fn each(&mut self) {
        self.at += 1;
        self.until(&["in"]);
        self.at += 1;
        if self.word(0) == "reverse" {
            self.at += 1;
        }
        match self.word(0).as_str() {
            "execute" => self.execute(&["loop"]),
            "select" | "with" | "values" | "table" | "insert" | "update" | "delete" | "merge" => {
                self.sql(&["loop"]);
            }
            _ if self.marks(0, b'(') && matches!(self.word(1).as_str(), "select" | "with") => {
                self.sql(&["loop"]);
            }
            _ => {
                let over = self.until(&["loop"]);
                self.expression(over);
            }
        }
        self.at += 1;
    }

    /// `OPEN c;`, `OPEN c FOR query;`, `OPEN c FOR EXECUTE …;`
    fn open(&mut self) {
        let all = self.until(&[]);
        let begin = all.clone().find(|&at| self.tokens[at].is(self.text, "for"));
        let Some(begin) = begin else {
            return;
        };
        if self
            .tokens
            .get(begin + 1)
            .is_some_and(|it| it.is(self.text, "execute"))
        {
            self.dynamic(begin + 2..all.end);
        } else {
            self.sql_at(begin + 1..all.end);
        }
    }

    /// Whether the statement gives a variable a value: `x := 1`, `x.y[1] = 1`.
    fn assigns(&self) -> bool {
        let mut ahead = 1;
        loop {
            if self.marks(ahead, b'.') {
                ahead += 2;
            } else if self.marks(ahead, b'[') {
                while self.peek(ahead).is_some_and(|it| !it.marks(b']')) {
                    ahead += 1;
                }
                ahead += 1;
            } else {
                return self.marks(ahead, b'=')
                    || self.marks(ahead, b':') && self.marks(ahead + 1, b'=');
            }
        }
    }

    fn sql(&mut self, stops: &[&str]) {
        let all = self.until(stops);
        self.sql_at(all);
    }

    /// A statement of SQL. Where it gives values to variables, that part is left out.
    fn sql_at(&mut self, tokens: Range<usize>) {
        let Some(span) = self.span(&tokens) else {
            return;
        };
        let Some(text) = self.text.get(span.clone()) else {
            return;
        };
        let mut parsed = text.to_owned();
        if self.tokens[tokens.start].is(self.text, "perform") {
            parsed.replace_range(..7, "select ");
        }
        if let Some(into) = self.targets(tokens.clone()) {
            let blank = " ".repeat(into.len());
            parsed.replace_range(into.start - span.start..into.end - span.start, &blank);
        }
        self.statement_of(&parsed, span);
    }

    /// Where tokens stand in the body.
    fn span(&self, tokens: &Range<usize>) -> Option<Range<usize>> {
        let first = self.tokens.get(tokens.start)?;
        let last = self.tokens.get(tokens.clone())?.last()?;
        Some(first.start..last.end)
    }

    /// Gives a statement to the reader, with its place in the body.
    fn statement_of(&mut self, parsed: &str, span: Range<usize>) {
        let Some(written) = self.written.get(span.clone()) else {
            return;
        };
        let source = Source {
            parsed,
            written,
            offset: self.offset + span.start,
            engine: Engine::Postgres,
            blocks: self.source.blocks + 1,
        };
        read::statement(&source, self.found);
    }

    /// `INTO [STRICT] a, b.c` outside of parentheses.
    fn targets(&self, tokens: Range<usize>) -> Option<Range<usize>> {
        let takes = [
            "select", "with", "values", "table", "insert", "update", "delete", "merge",
        ];
        let first = self.tokens.get(tokens.start)?;
        if !takes.iter().any(|word| first.is(self.text, word)) {
            return None;
        }
        let mut depth = 0_usize;
        let mut into = None;
        for at in tokens.clone() {
            let token = self.tokens[at];
            match token.kind {
                Is::Mark(b'(') => depth += 1,
                Is::Mark(b')') => depth = depth.saturating_sub(1),
                Is::Word if depth == 0 && token.is(self.text, "into") => {
                    let before = at.checked_sub(1).map(|at| self.tokens[at]);
                    let rows = ["insert", "merge"];
                    if !before.is_some_and(|it| rows.iter().any(|word| it.is(self.text, word))) {
                        into = Some(at);
                        break;
                    }
                }
                _ => {}
            }
        }
        let into = into?;
        let mut at = into + 1;
        if self.tokens.get(at)?.is(self.text, "strict") {
            at += 1;
        }
        loop {
            // A name, its fields and subscripts, and a comma before the next one.
            at += 1;
            while at < tokens.end && self.tokens[at].marks(b'.') {
                at += 2;
            }
            while at < tokens.end && self.tokens[at].marks(b'[') {
                while at < tokens.end && !self.tokens[at].marks(b']') {
                    at += 1;
                }
                at += 1;
            }
            if at >= tokens.end || !self.tokens[at].marks(b',') {
                break;
            }
            at += 1;
        }
        let last = at.min(tokens.end).checked_sub(1)?;
        Some(self.tokens[into].start..self.tokens[last].end)
    }

    /// `EXECUTE … [INTO …] [USING …]`, up to one of the words or the end of the statement.
    fn execute(&mut self, stops: &[&str]) {
        self.at += 1;
        let all = self.until(stops);
        self.dynamic(all);
    }

    /// What is executed is read if it is one string or several joined ones.
    fn dynamic(&mut self, tokens: Range<usize>) {
        let is = |at: usize, word: &str| self.tokens[at].is(self.text, word);
        let end = tokens.clone().find(|&at| is(at, "into") || is(at, "using"));
        let text = tokens.start..end.unwrap_or(tokens.end);
        let Some((said, span)) = self.joined(text) else {
            self.read = false;
            return;
        };
        for piece in split::statements(&said, Engine::Postgres) {
            if piece.kind == PieceKind::Sql {
                let place = span.start + piece.body.start..span.start + piece.body.end;
                self.statement_of(&said[piece.body], place);
            }
        }
    }

    /// What strings joined by `||` say, each at its place.
    fn joined(&self, tokens: Range<usize>) -> Option<(String, Range<usize>)> {
        let span = self.span(&tokens)?;
        let mut said = String::with_capacity(span.len());
        let mut strings = 0;
        for token in self.tokens.get(tokens)? {
            let gap = (token.start - span.start).saturating_sub(said.len());
            said.push_str(&" ".repeat(gap));
            match token.kind {
                Is::Text | Is::Dollar => {
                    let part = content(self.text, *token)?;
                    // What is joined without a blank between is one word.
                    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '\'');
                    let inner = words::string(token.text(self.text));
                    let ends = said.trim_end_matches(' ');
                    let glued = strings > 0
                        && inner.starts_with(word)
                        && ends.ends_with(word)
                        && !self.ends_blank(token);
                    if glued {
                        return None;
                    }
                    strings += 1;
                    said.push_str(&part);
                }
                Is::Mark(b'|') => said.push(' '),
                _ => return None,
            }
        }
        (strings > 0).then_some((said, span))
    }

    /// Whether the string before this one ends with a blank.
    fn ends_blank(&self, token: &Token) -> bool {
        let before = self
            .tokens
            .iter()
            .rev()
            .find(|it| it.end <= token.start && matches!(it.kind, Is::Text | Is::Dollar));
        before.is_some_and(|it| words::string(it.text(self.text)).ends_with(char::is_whitespace))
    }

    /// An expression; what tables it reads is a query of its own.
    fn expression(&mut self, tokens: Range<usize>) {
        let reads = tokens.clone().any(|at| {
            self.tokens
                .get(at)
                .is_some_and(|it| it.is(self.text, "select"))
        });
        if !reads {
            return;
        }
        let Some(span) = self.span(&tokens) else {
            return;
        };
        let (Some(parsed), Some(written)) =
            (self.text.get(span.clone()), self.written.get(span.clone()))
        else {
            return;
        };
        let lead = "SELECT ";
        let first = self.found.len();
        let parsed = format!("{lead}{parsed}");
        let written = format!("{lead}{written}");
        let source = Source {
            parsed: &parsed,
            written: &written,
            // There is always more than this before it: `DO`, quotes, `BEGIN`, a word.
            offset: (self.offset + span.start).saturating_sub(lead.len()),
            engine: Engine::Postgres,
            blocks: self.source.blocks + 1,
        };
        read::statement(&source, self.found);
        for statement in self.found.drain(first..).collect::<Vec<_>>() {
            match statement.kind {
                Kind::Select(query) if reads_tables(&query) => self.found.push(Statement {
                    span: self.offset + span.start..self.offset + span.end,
                    kind: Kind::Select(query),
                    conditional: true,
                }),
                Kind::Select(_) => {}
                _ => self.read = false,
            }
        }
    }
}

/// Whether a query reads more than the catalog.
fn reads_tables(query: &Query) -> bool {
    query
        .tables
        .iter()
        .any(|table| match table.schema.as_deref() {
            Some(schema) => !matches!(schema, "pg_catalog" | "information_schema"),
            None => !table.name.starts_with("pg_"),
        })
}

#[cfg(test)]
mod tests;
