//! Statements about the session and its transaction, read by their tokens: they need no grammar,
//! and each engine has its own.

use super::ir::{Kind, Transaction};
use super::lex::{Kind as Is, Lexer, Token};
use super::words;
use crate::engine::Engine;

/// The statement that a text is, if it is one of these.
pub(super) fn read(sql: &str, engine: Engine) -> Option<Kind> {
    let mut tokens = Tokens {
        sql,
        lexer: Lexer::new(sql, engine),
        engine,
        next: None,
    };
    tokens.step();
    let first = tokens.word()?;
    match first.to_ascii_lowercase().as_str() {
        "begin" => {
            tokens.step();
            tokens
                .only_words()
                .then_some(Kind::Transaction(Transaction::Begin))
        }
        "start" => {
            tokens.step();
            let starts = tokens.eat("transaction") && tokens.only_words();
            starts.then_some(Kind::Transaction(Transaction::Begin))
        }
        "commit" | "end" => {
            tokens.step();
            let ends = !tokens.at("prepared") && tokens.only_words();
            ends.then_some(Kind::Transaction(Transaction::Commit))
        }
        "rollback" | "abort" => {
            tokens.step();
            if tokens.at("prepared") {
                return None;
            }
            let _ = tokens.eat("work") || tokens.eat("transaction");
            let inner = tokens.at("to");
            tokens.only_words().then_some(Kind::Transaction(if inner {
                Transaction::Inner
            } else {
                Transaction::Rollback
            }))
        }
        "savepoint" | "release" => Some(Kind::Transaction(Transaction::Inner)),
        "set" => {
            tokens.step();
            set(tokens)
        }
        "reset" => {
            tokens.step();
            let parameter = parameter(&mut tokens)?;
            let parameter = if parameter == "all" {
                "*".to_owned()
            } else {
                parameter
            };
            tokens.next.is_none().then_some(Kind::Set {
                parameter,
                values: Vec::new(),
                local: false,
            })
        }
        _ => None,
    }
}

struct Tokens<'t> {
    sql: &'t str,
    lexer: Lexer<'t>,
    engine: Engine,
    next: Option<Token>,
}

impl<'t> Tokens<'t> {
    fn step(&mut self) {
        self.next = self.lexer.token();
    }

    fn text(&self) -> &'t str {
        self.next.map_or("", |it| it.text(self.sql))
    }

    fn word(&self) -> Option<&'t str> {
        self.next
            .filter(|it| it.kind == Is::Word)
            .map(|it| it.text(self.sql))
    }

    fn at(&self, word: &str) -> bool {
        self.next.is_some_and(|it| it.is(self.sql, word))
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.at(word);
        if found {
            self.step();
        }
        found
    }

    fn eat_mark(&mut self, byte: u8) -> bool {
        let found = self.next.is_some_and(|it| it.marks(byte));
        if found {
            self.step();
        }
        found
    }

    /// Whether nothing but words, names and commas follows.
    fn only_words(&mut self) -> bool {
        while let Some(token) = self.next {
            if !matches!(token.kind, Is::Word | Is::Quoted | Is::Mark(b',')) {
                return false;
            }
            self.step();
        }
        true
    }
}

/// `a`, `a.b`, and MySQL's `@a`, `@@session.a`.
fn parameter(tokens: &mut Tokens<'_>) -> Option<String> {
    let mut name = String::new();
    while tokens.eat_mark(b'@') {
        name.push('@');
    }
    loop {
        let token = tokens
            .next
            .filter(|it| matches!(it.kind, Is::Word | Is::Quoted))?;
        name.push_str(&words::name_of(token.text(tokens.sql), tokens.engine).to_lowercase());
        tokens.step();
        if !tokens.eat_mark(b'.') {
            return Some(name);
        }
        name.push('.');
    }
}

fn set(mut tokens: Tokens<'_>) -> Option<Kind> {
    let local = tokens.at("local");
    if local || tokens.at("session") {
        let before = tokens.lexer.clone();
        let word = tokens.next;
        tokens.step();
        // `SET SESSION AUTHORIZATION` and `SET SESSION CHARACTERISTICS` are other statements, and
        // `SET local = 1` is a parameter.
        if tokens.at("authorization") {
            tokens.step();
            return value_of("session_authorization", tokens, local);
        }
        if tokens.at("characteristics") {
            return Some(Kind::Harmless {
                what: "SET SESSION CHARACTERISTICS".to_owned(),
            });
        }
        if !matches!(tokens.next, Some(it) if matches!(it.kind, Is::Word | Is::Quoted)) {
            tokens.lexer = before;
            tokens.next = word;
        }
    }
    let word = tokens.word().unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "transaction" | "constraints" => {
            return Some(Kind::Transaction(Transaction::Inner));
        }
        "time" => {
            let before = (tokens.lexer.clone(), tokens.next);
            tokens.step();
            if tokens.eat("zone") {
                return value_of("timezone", tokens, local);
            }
            (tokens.lexer, tokens.next) = before;
        }
        "schema" => {
            tokens.step();
            return value_of("search_path", tokens, local);
        }
        "names" => {
            tokens.step();
            return value_of("client_encoding", tokens, local);
        }
        "role" => {
            tokens.step();
            return value_of("role", tokens, local);
        }
        "xml" => {
            tokens.step();
            let _ = tokens.eat("option");
            return value_of("xmloption", tokens, local);
        }
        _ => {}
    }
    let parameter = parameter(&mut tokens)?;
    let _ = tokens.eat_mark(b':');
    if !(tokens.eat_mark(b'=') || tokens.eat("to")) {
        return None;
    }
    let parameter = if parameter == "time zone" {
        "timezone".to_owned()
    } else {
        parameter
    };
    value_of(&parameter, tokens, local)
}

/// The values that follow, between commas; a single `DEFAULT` is none.
fn value_of(parameter: &str, mut tokens: Tokens<'_>, local: bool) -> Option<Kind> {
    let mut values = Vec::new();
    let mut value = String::new();
    let mut parts = 0;
    let mut default = false;
    while let Some(token) = tokens.next {
        let text = tokens.text();
        match token.kind {
            Is::Mark(b',') => {
                values.push(std::mem::take(&mut value));
                parts = 0;
            }
            Is::Mark(b'{' | b'}' | b';') => return None,
            _ => {
                let part = match token.kind {
                    Is::Word => {
                        default = text.eq_ignore_ascii_case("default");
                        text.to_ascii_lowercase()
                    }
                    Is::Quoted => words::name_of(text, tokens.engine),
                    Is::Text | Is::Dollar => string(text),
                    _ => text.to_owned(),
                };
                // A sign belongs to its number.
                if parts > 0 && !matches!(value.as_str(), "-" | "+") {
                    value.push(' ');
                }
                value.push_str(&part);
                parts += 1;
            }
        }
        tokens.step();
    }
    if parts == 0 {
        return None;
    }
    values.push(value);
    if default && values.len() == 1 && parts == 1 {
        values.clear();
    }
    Some(Kind::Set {
        parameter: parameter.to_owned(),
        values,
        local,
    })
}

fn string(text: &str) -> String {
    match text.strip_prefix('"') {
        Some(inner) => inner.strip_suffix('"').unwrap_or(inner).to_owned(),
        None => words::string(text),
    }
}

/// The names in a value of `search_path` as one string: `"$user", public`.
pub(super) fn list(value: &str) -> Vec<String> {
    let mut lexer = Lexer::new(value, Engine::Postgres);
    let mut names = Vec::new();
    let mut begin = None;
    let mut end = 0;
    let mut push = |begin: Option<usize>, end: usize| {
        if let Some(name) = begin.and_then(|begin| value.get(begin..end)) {
            names.push(words::name(name));
        }
    };
    while let Some(token) = lexer.token() {
        if token.marks(b',') {
            push(begin.take(), end);
        } else {
            begin.get_or_insert(token.start);
            end = token.end;
        }
    }
    push(begin, end);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_of(sql: &str) -> (String, Vec<String>, bool) {
        match read(sql, Engine::Postgres) {
            Some(Kind::Set {
                parameter,
                values,
                local,
            }) => (parameter, values, local),
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn parameters_and_their_values() {
        for (sql, parameter, values, local) in [
            (
                "SET search_path TO a, \"B\", 'c d'",
                "search_path",
                vec!["a", "B", "c d"],
                false,
            ),
            (
                "set local Lock_Timeout = '5s'",
                "lock_timeout",
                vec!["5s"],
                true,
            ),
            ("set session x = default", "x", vec![], false),
            ("set time zone 'UTC'", "timezone", vec!["UTC"], false),
            ("set time zone local", "timezone", vec!["local"], false),
            ("SET TimeZone TO 'utc'", "timezone", vec!["utc"], false),
            ("set schema 'x'", "search_path", vec!["x"], false),
            ("set a.b = -1", "a.b", vec!["-1"], false),
            ("set search_path = ''", "search_path", vec![""], false),
            ("reset all", "*", vec![], false),
            ("reset a.b", "a.b", vec![], false),
            (
                "set session authorization x",
                "session_authorization",
                vec!["x"],
                false,
            ),
            ("set role none", "role", vec!["none"], false),
        ] {
            let values = values.into_iter().map(str::to_owned).collect();
            assert_eq!(set_of(sql), (parameter.to_owned(), values, local), "{sql}");
        }
        assert_eq!(list("\"$user\", Public,\"\""), ["$user", "public", ""]);
        assert_eq!(list(""), Vec::<String>::new());
    }

    #[test]
    fn transactions() {
        for (sql, kind) in [
            (
                "begin isolation level serializable, read only",
                Transaction::Begin,
            ),
            ("start transaction", Transaction::Begin),
            ("end", Transaction::Commit),
            ("commit and chain", Transaction::Commit),
            ("abort", Transaction::Rollback),
            ("rollback work to savepoint x", Transaction::Inner),
            ("savepoint x", Transaction::Inner),
            ("set transaction read only", Transaction::Inner),
            ("set constraints all deferred", Transaction::Inner),
        ] {
            assert_eq!(
                read(sql, Engine::Postgres),
                Some(Kind::Transaction(kind)),
                "{sql}"
            );
        }
        for sql in [
            "commit prepared 'x'",
            "select 1",
            "set",
            "set x",
            "begin atomic 1",
            "",
        ] {
            assert_eq!(read(sql, Engine::Postgres), None, "{sql}");
        }
    }
}
