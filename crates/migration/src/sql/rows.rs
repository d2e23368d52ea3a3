//! `INSERT … VALUES`, read by its tokens: such a statement can be as long as a table, and what its
//! rows say does not matter here.

use super::ir::{Kind, Name, Query};
use super::lex::{Kind as Is, Lexer, Token};
use super::words;
use crate::engine::Engine;

/// The statement, if it is a plain list of rows and nothing in it needs a grammar.
pub(super) fn read(sql: &str, engine: Engine) -> Option<Kind> {
    let mut reader = Reader {
        sql,
        lexer: Lexer::new(sql, engine),
        engine,
    };
    let first = reader.step()?;
    let known = first.is(sql, "insert") || engine != Engine::Postgres && first.is(sql, "replace");
    if !known {
        return None;
    }
    let mut next = reader.step()?;
    if engine != Engine::Postgres {
        // `INSERT OR IGNORE`, `INSERT IGNORE`, `INSERT LOW_PRIORITY`.
        for _ in 0..3 {
            if next.is(sql, "into") {
                break;
            }
            if next.kind != Is::Word {
                return None;
            }
            next = reader.step()?;
        }
    }
    if !next.is(sql, "into") {
        return None;
    }
    let (table, mut next) = reader.name()?;
    if next.is(sql, "as") {
        reader.identifier()?;
        next = reader.step()?;
    }
    let mut columns = Vec::new();
    if next.marks(b'(') {
        loop {
            let column = reader.identifier()?;
            columns.push(words::name_of(column.text(sql), engine));
            let mark = reader.step()?;
            if mark.marks(b')') {
                break;
            }
            if !mark.marks(b',') {
                return None;
            }
        }
        next = reader.step()?;
    }
    if !(next.is(sql, "values") || engine == Engine::Mysql && next.is(sql, "value")) {
        return None;
    }
    let functions = reader.rows()?;
    let updates = reader.tail(functions.1)?;
    Some(Kind::Insert {
        table,
        columns,
        query: Query {
            functions: functions.0,
            ..Query::default()
        },
        values: true,
        updates,
    })
}

struct Reader<'t> {
    sql: &'t str,
    lexer: Lexer<'t>,
    engine: Engine,
}

impl Reader<'_> {
    fn step(&mut self) -> Option<Token> {
        self.lexer.token()
    }

    fn identifier(&mut self) -> Option<Token> {
        let token = self.step()?;
        let quoted = self.engine == Engine::Mysql && token.text(self.sql).starts_with('"');
        let is_name = matches!(token.kind, Is::Word | Is::Quoted) || quoted;
        is_name.then_some(token)
    }

    /// A name with dots, and the token behind it.
    fn name(&mut self) -> Option<(Name, Token)> {
        let mut parts = Vec::new();
        loop {
            let part = self.identifier()?;
            parts.push(words::name_of(part.text(self.sql), self.engine));
            let next = self.step()?;
            if !next.marks(b'.') {
                let name = parts.pop()?;
                let schema = parts.pop();
                return Some((Name { schema, name }, next));
            }
        }
    }

    /// The rows: the functions that they call, and the token behind them.
    fn rows(&mut self) -> Option<(Vec<Name>, Option<Token>)> {
        let mut functions: Vec<Name> = Vec::new();
        let mut depth = 0_usize;
        let mut word: Option<Token> = None;
        let mut dotted = false;
        let mut any = false;
        loop {
            let Some(token) = self.step() else {
                return (any && depth == 0).then_some((functions, None));
            };
            match token.kind {
                Is::Mark(b'(') => {
                    any = true;
                    depth += 1;
                    if let Some(word) = word {
                        // A qualified one is left to the grammar.
                        if dotted {
                            return None;
                        }
                        self.call(word, &mut functions);
                    }
                }
                Is::Mark(b')') => depth = depth.checked_sub(1)?,
                Is::Word if depth == 0 => return any.then_some((functions, Some(token))),
                Is::Word if self.needs_grammar(token) => return None,
                Is::Mark(b',' | b'.' | b':' | b'-' | b'+' | b'[' | b']' | b'|' | b'/' | b'*')
                | Is::Word
                | Is::Quoted
                | Is::Text
                | Is::Dollar
                | Is::Number => {}
                _ => return None,
            }
            dotted = word.is_some() && token.marks(b'.') || dotted && token.kind == Is::Word;
            if token.kind == Is::Word {
                word = Some(token);
            } else if !token.marks(b'.') {
                word = None;
                dotted = false;
            }
        }
    }

    /// Words that begin something with a grammar of its own.
    fn needs_grammar(&self, token: Token) -> bool {
        let length = token.end - token.start;
        (4..=7).contains(&length)
            && ["select", "with", "case", "exists", "array", "row", "over"]
                .iter()
                .any(|word| token.is(self.sql, word))
    }

    fn call(&self, word: Token, functions: &mut Vec<Name>) {
        // Types with a length are no functions: `x::varchar(3)`.
        let before = self.sql.get(..word.start).unwrap_or_default().trim_end();
        if before.ends_with(':') || word.is(self.sql, "cast") {
            return;
        }
        let name = Name::plain(words::name_of(word.text(self.sql), self.engine));
        if !functions.contains(&name) {
            functions.push(name);
        }
    }

    /// What follows the rows: whether it changes rows that are there.
    fn tail(&mut self, first: Option<Token>) -> Option<bool> {
        let Some(first) = first else {
            return Some(false);
        };
        let mut updates = false;
        if !first.is(self.sql, "on") && !first.is(self.sql, "returning") {
            return None;
        }
        let mut last = first;
        while let Some(token) = self.step() {
            if token.is(self.sql, "select") {
                return None;
            }
            updates |= token.is(self.sql, "update")
                && (last.is(self.sql, "do") || last.is(self.sql, "key"));
            last = token;
        }
        Some(updates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_not_looked_into() {
        let sql = "INSERT INTO a.\"B\" (x, Y) VALUES (1, 'a''b'), (-2, now()), (f(g(3)), x::varchar(3)) \
                   ON CONFLICT (x) DO UPDATE SET x = 1";
        let Some(Kind::Insert {
            table,
            columns,
            query,
            values,
            updates,
        }) = read(sql, Engine::Postgres)
        else {
            panic!("{sql}");
        };
        assert_eq!(table, Name::qualified("a", "B"));
        assert_eq!(columns, ["x", "y"]);
        let names: Vec<_> = query.functions.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["now", "f", "g"]);
        assert!(values && updates);
    }

    #[test]
    fn what_needs_a_grammar_is_left_to_it() {
        for sql in [
            "insert into t select 1",
            "insert into t values ((select 1))",
            "insert into t values (case when true then 1 end)",
            "insert into t values (a.f(1))",
            "insert into t values (1",
            "insert into t",
            "insert into t default values",
            "insert into t values (1) where",
            "update t set x = 1",
        ] {
            assert_eq!(read(sql, Engine::Postgres), None, "{sql}");
        }
        assert!(read("insert or ignore into `t` values (1)", Engine::Sqlite).is_some());
        assert!(
            read(
                "INSERT INTO `t` VALUES (1,'it\\'s') ON DUPLICATE KEY UPDATE a = 1",
                Engine::Mysql
            )
            .is_some()
        );
    }
}
