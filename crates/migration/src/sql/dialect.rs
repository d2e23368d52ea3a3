//! SQL of other engines in the words of the grammar of PostgreSQL, as far as that is cheap.
//!
//! A text is changed in place, and stays as long as it was: what the grammar does not have and what
//! does not matter here is blanked, so that every place in it is still the same place in the file.

mod mysql;
mod sqlite;

use std::ops::Range;

use super::ir::{AlterAction, Column, ConstraintKind, Kind, Name, Statement, Unknown};
use super::lex::{Kind as Is, Lexer, Token};
use super::words;
use crate::engine::Engine;

/// What came of a statement of another engine.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// What is given to the grammar, in words that stand where they stood; none if there is nothing.
    pub(super) text: Option<String>,
    /// What was read without it.
    pub(super) besides: Vec<Statement>,
    /// Columns that the text declares as new ones, and that are there already: where each stands,
    /// and how it was called.
    pub(super) changed: Vec<(usize, String)>,
    /// Whether rows that are there may be changed by what the text inserts.
    pub(super) updates: bool,
}

/// Reads a statement of another engine, which begins at `offset` of its file.
pub(super) fn read(sql: &str, offset: usize, engine: Engine) -> Read {
    let mut read = Read::default();
    let mut draft = Draft::new(sql, offset, engine);
    let kind = draft.routine().or_else(|| match engine {
        Engine::Sqlite => sqlite::read(&mut draft),
        _ => mysql::read(&mut draft, &mut read),
    });
    match kind {
        Some(kind) => read.besides.push(Statement {
            span: offset..offset + sql.len(),
            kind,
            conditional: false,
        }),
        None if !draft.done => read.text = Some(draft.finish()),
        None => {}
    }
    read
}

/// Puts right what the grammar made of a text.
pub(super) fn finish(read: Read, found: &mut Vec<Statement>) {
    for statement in found.iter_mut() {
        match &mut statement.kind {
            Kind::Insert { updates, .. } => *updates |= read.updates,
            Kind::Alter(alter) if !read.changed.is_empty() => {
                let actions = std::mem::take(&mut alter.actions);
                for (action, span) in actions {
                    let old = read.changed.iter().find(|(at, _)| *at == span.start);
                    match (action, old) {
                        (AlterAction::AddColumn { column, .. }, Some((_, old))) => {
                            let all = changes(*column, old).into_iter();
                            alter.actions.extend(all.map(|it| (it, span.clone())));
                        }
                        (action, _) => alter.actions.push((action, span)),
                    }
                }
            }
            _ => {}
        }
    }
    found.extend(read.besides);
}

/// What `CHANGE old new type …` does to a column: all of it is said anew.
fn changes(column: Column, old: &str) -> Vec<AlterAction> {
    let name = column.name;
    let mut all = Vec::new();
    if name != old {
        all.push(AlterAction::RenameColumn {
            from: old.to_owned(),
            to: name.clone(),
        });
    }
    if let Some(to) = column.type_name {
        all.push(AlterAction::SetType {
            column: name.clone(),
            to,
            collation: column.collation,
            using: None,
        });
    }
    let not_null = column
        .constraints
        .iter()
        .any(|it| matches!(it.kind, ConstraintKind::NotNull { .. }));
    all.push(if not_null {
        AlterAction::SetNotNull {
            column: name.clone(),
        }
    } else {
        AlterAction::DropNotNull {
            column: name.clone(),
        }
    });
    all.push(AlterAction::Default {
        column: name,
        default: column.default,
    });
    all
}

/// A text that is being changed.
struct Draft<'t> {
    sql: &'t str,
    /// Where it begins in its file.
    offset: usize,
    /// Whether nothing of it is left for the grammar.
    done: bool,
    engine: Engine,
    /// What it says, without comments.
    tokens: Vec<Token>,
    bytes: Vec<u8>,
}

impl<'t> Draft<'t> {
    fn new(sql: &'t str, offset: usize, engine: Engine) -> Self {
        let mut draft = Self {
            sql,
            offset,
            done: false,
            engine,
            tokens: Vec::new(),
            bytes: sql.as_bytes().to_vec(),
        };
        let mut lexer = Lexer::new(sql, engine);
        while let Some(token) = lexer.any() {
            match token.kind {
                // What stands in `/*! */` is run.
                Is::Comment if engine == Engine::Mysql && token.text(sql).starts_with("/*!") => {
                    let digits = token.text(sql)[3..].bytes().take_while(u8::is_ascii_digit);
                    let open = 3 + digits.count();
                    draft.blank(token.start..token.start + open);
                    draft.blank(token.end.saturating_sub(2).max(token.start + open)..token.end);
                    lexer.seek(token.start + open);
                }
                Is::Comment => draft.blank(token.span()),
                Is::Mark(b'*') if draft.bytes.get(token.start) == Some(&b' ') => {}
                Is::Mark(b'/') if draft.bytes.get(token.start) == Some(&b' ') => {}
                Is::Quoted => {
                    draft.requote(token, b'"');
                    draft.tokens.push(token);
                }
                Is::Text => {
                    draft.restring(token);
                    draft.tokens.push(token);
                }
                _ => {
                    // A name that is a word of its own in PostgreSQL only.
                    if token.is(sql, "user") {
                        draft.put(token.span(), "us_r");
                    }
                    draft.tokens.push(token);
                }
            }
        }
        draft
    }

    fn finish(self) -> String {
        String::from_utf8(self.bytes).unwrap_or_default()
    }

    fn blank(&mut self, range: Range<usize>) {
        if let Some(bytes) = self.bytes.get_mut(range) {
            bytes.fill(b' ');
        }
    }

    /// Blanks tokens.
    fn drop(&mut self, tokens: Range<usize>) {
        for at in tokens {
            if let Some(token) = self.tokens.get(at).copied() {
                self.blank(token.span());
            }
        }
    }

    /// Puts a text over a range; the rest of it is blanked.
    fn put(&mut self, range: Range<usize>, text: &str) {
        if text.len() <= range.len()
            && let Some(bytes) = self.bytes.get_mut(range)
        {
            bytes.fill(b' ');
            bytes[..text.len()].copy_from_slice(text.as_bytes());
        }
    }

    /// Puts other quotes around a name.
    fn requote(&mut self, token: Token, quote: u8) {
        if token.end - token.start >= 2 {
            self.bytes[token.start] = quote;
            self.bytes[token.end - 1] = quote;
        }
    }

    /// Makes a string of MySQL one of PostgreSQL.
    fn restring(&mut self, token: Token) {
        if self.engine != Engine::Mysql {
            return;
        }
        let text = token.text(self.sql);
        let Some(open) = text.find(['\'', '"']) else {
            return;
        };
        let double = text.as_bytes()[open] == b'"';
        let inner = token.start + open + 1..token.end.saturating_sub(1);
        let mut at = inner.start;
        while at < inner.end {
            match self.bytes[at] {
                b'\\' if self.bytes[at + 1] == b'\'' => {
                    // Two quotes say one.
                    self.bytes[at] = if double { b' ' } else { b'\'' };
                    self.bytes[at + 1] = if double { b' ' } else { b'\'' };
                    at += 1;
                }
                b'\\' => at += 1,
                b'\'' if double => self.bytes[at] = b' ',
                _ => {}
            }
            at += 1;
        }
        if double {
            self.bytes[token.start + open] = b'\'';
            if token.end > inner.start {
                self.bytes[token.end - 1] = b'\'';
            }
        }
    }

    /// Where tokens stand in the file.
    fn span(&self, tokens: &Range<usize>) -> Range<usize> {
        let begin = self.tokens.get(tokens.start).map_or(0, |it| it.start);
        let last = self.tokens.get(tokens.clone()).and_then(<[Token]>::last);
        let end = last.map_or(begin, |it| it.end);
        self.offset + begin..self.offset + end
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|it| it.is(self.sql, word))
    }

    fn any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    fn marks(&self, at: usize, byte: u8) -> bool {
        self.tokens.get(at).is_some_and(|it| it.marks(byte))
    }

    /// Whether the tokens from a place on are these words.
    fn are(&self, at: usize, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(more, word)| self.is(at + more, word))
    }

    /// The name at a place, with its schema, and the place behind it.
    fn name(&self, at: usize) -> Option<(Name, usize)> {
        let mut at = at;
        let mut parts = Vec::new();
        loop {
            parts.push(self.word(at)?);
            at += 1;
            if !self.marks(at, b'.') {
                let name = parts.pop()?;
                let schema = parts.pop();
                return Some((Name { schema, name }, at));
            }
            at += 1;
        }
    }

    /// The name that one token is.
    fn word(&self, at: usize) -> Option<String> {
        let token = self.tokens.get(at)?;
        let is_name = matches!(token.kind, Is::Word | Is::Quoted | Is::Text);
        is_name.then(|| words::name_of(token.text(self.sql), self.engine))
    }

    /// The place behind the parenthesis that closes the one at `at`.
    fn behind(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().skip(at) {
            match token.kind {
                Is::Mark(b'(') => depth += 1,
                Is::Mark(b')') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// The parts between commas outside of parentheses, from one place to another.
    fn parts(&self, tokens: Range<usize>) -> Vec<Range<usize>> {
        let mut all = Vec::new();
        let mut depth = 0_usize;
        let mut begin = tokens.start;
        for at in tokens.clone() {
            match self.tokens[at].kind {
                Is::Mark(b'(') => depth += 1,
                Is::Mark(b')') => depth = depth.saturating_sub(1),
                Is::Mark(b',') if depth == 0 => {
                    all.push(begin..at);
                    begin = at + 1;
                }
                _ => {}
            }
        }
        all.push(begin..tokens.end);
        all
    }

    /// Triggers, routines and events, whose bodies are not read.
    fn routine(&self) -> Option<Kind> {
        if !self.is(0, "create") {
            return None;
        }
        let what = ["trigger", "function", "procedure", "event"];
        // `CREATE DEFINER = a@b SQL SECURITY INVOKER TRIGGER`
        let at = (1..16).find(|&at| self.any(at, &what))?;
        let between = [
            "table", "index", "view", "unique", "schema", "database", "role", "user",
        ];
        if (1..at).any(|at| self.any(at, &between)) {
            return None;
        }
        let mut name_at = at + 1;
        let if_not_exists = self.are(name_at, &["if", "not", "exists"]);
        if if_not_exists {
            name_at += 3;
        }
        let (name, _) = self.name(name_at)?;
        if self.is(at, "trigger") {
            let on = (name_at..self.tokens.len()).find(|&at| self.is(at, "on"))?;
            let (table, _) = self.name(on + 1)?;
            return Some(Kind::CreateTrigger {
                name: name.name,
                table,
                or_replace: if_not_exists,
                from: None,
                rows: true,
                function: Name::plain(""),
            });
        }
        if self.is(at, "event") {
            return Some(Kind::Harmless {
                what: "CREATE EVENT".to_owned(),
            });
        }
        Some(Kind::CreateFunction {
            name,
            or_replace: self.is(1, "or"),
            volatility: super::ir::Volatility::Volatile,
        })
    }

    /// A statement of which only the first words are known.
    fn unknown(&self, words: usize) -> Kind {
        let all = self
            .tokens
            .iter()
            .take(words)
            .map(|it| it.text(self.sql).to_ascii_uppercase());
        Kind::Unknown {
            reason: Unknown::Statement {
                what: all.collect::<Vec<_>>().join(" "),
            },
        }
    }
}
