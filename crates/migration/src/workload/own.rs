//! The application's own statements, from a file: SQL with a comment above each statement that names
//! it, as sqlc has them.
//!
//! ```sql
//! -- name: find-user :weight 5 :code both
//! SELECT id, email FROM users WHERE id = $1;
//! ```
//!
//! A parameter, `$1` or `:id`, gets values that the column has with which it is compared or into which
//! it is written. Statements that a server counted are taken by [`executed`]. Deliberately absent:
//! where values come from, and the database.

pub mod executed;

use std::collections::BTreeSet;

use super::Workload;
use crate::engine::Engine;
use crate::sql::ir::{Kind, Name, Scope, Scoped};
use crate::sql::tokens::{Token, TokenKind, tokens};
use crate::sql::{parse, scopes, split};

/// A statement of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub code: Code,
    /// How often it runs, compared with the others.
    pub weight: u32,
    /// Its text, in pieces.
    pub parts: Vec<Part>,
    /// Whether it is left out where it cannot be played, and stops nothing.
    pub optional: bool,
}

/// Whose a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// That of the code from before the change.
    Old,
    /// That of the code after it.
    New,
    /// Of every version.
    Both,
    /// Of one version, by its code step.
    Step(String),
}

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands there.
    Text(String),
    /// A value of a column of the first of these tables that has it.
    Value {
        /// The tables that the statement names.
        tables: Vec<Name>,
        /// The column.
        column: String,
        /// Whether it is written into a new row, which is none of those that are there.
        inserted: bool,
    },
    /// A number of rows.
    Count,
}

/// Why a file is no workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct OwnError {
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl Own {
    /// Whether it runs in a version at a place among the code steps.
    pub fn is_of(&self, workload: &Workload, position: u16) -> bool {
        let places = || workload.versions.iter().map(|it| it.position);
        match &self.code {
            Code::Both => true,
            Code::Old => places().min() == Some(position),
            Code::New => places().max() == Some(position),
            Code::Step(name) => workload
                .at(position)
                .is_some_and(|it| it.name.as_str() == name),
        }
    }
}

/// Reads a file.
///
/// # Errors
/// For a statement that is no query and changes no rows, that is not understood, or that has a
/// parameter of which nothing says what it is; for a heading that says what nobody knows.
pub fn read(text: &str, engine: Engine) -> Result<Vec<Own>, OwnError> {
    let mut all: Vec<Own> = Vec::new();
    let mut names = BTreeSet::new();
    for piece in split::statements(text, engine) {
        let line = |at: usize| 1 + text[..at].matches('\n').count();
        let fail = |at: usize, message: String| OwnError {
            line: line(at),
            message,
        };
        match piece.kind {
            split::PieceKind::Empty => continue,
            split::PieceKind::Sql => {}
            split::PieceKind::CopyData | split::PieceKind::ClientCommand => {
                let message = "only statements can be run, no commands of client programs";
                return Err(fail(piece.body.start, message.to_owned()));
            }
        }
        let head = &text[piece.span.start..piece.body.start];
        let mut own = Own {
            name: format!("statement {}", all.len() + 1),
            code: Code::Both,
            weight: 1,
            parts: Vec::new(),
            optional: false,
        };
        for comment in head.lines() {
            let comment = comment.trim().trim_start_matches("--").trim();
            if let Some(words) = comment.strip_prefix("name:") {
                heading(words, &mut own).map_err(|message| fail(piece.body.start, message))?;
            }
        }
        if !names.insert(own.name.clone()) {
            let message = format!("there are two statements with the name `{}`", own.name);
            return Err(fail(piece.body.start, message));
        }
        let sql = &text[piece.body.clone()];
        own.parts = statement(sql, engine).map_err(|message| {
            let message = format!("`{}`: {message}", own.name);
            fail(piece.body.start, message)
        })?;
        all.push(own);
    }
    if all.is_empty() {
        return Err(OwnError {
            line: 1,
            message: "there is no statement in it".to_owned(),
        });
    }
    Ok(all)
}

/// `find-user :weight 5 :code both`. Words such as `:one`, which sqlc wants, say nothing here.
fn heading(words: &str, own: &mut Own) -> Result<(), String> {
    let mut words = words.split_whitespace();
    own.name = words.next().ok_or("`name:` without a name")?.to_owned();
    while let Some(word) = words.next() {
        match word {
            ":weight" => {
                let number = words.next().and_then(|it| it.parse().ok());
                own.weight = number
                    .filter(|it| (1..=1_000_000).contains(it))
                    .ok_or("`:weight` wants a number from 1 to 1000000")?;
            }
            ":code" => {
                own.code = match words
                    .next()
                    .ok_or("`:code` wants old, new, both or a step")?
                {
                    "old" => Code::Old,
                    "new" => Code::New,
                    "both" => Code::Both,
                    step => Code::Step(step.to_owned()),
                };
            }
            ":one" | ":many" | ":exec" | ":execrows" | ":execresult" => {}
            other => return Err(format!("nobody knows what `{other}` says")),
        }
    }
    Ok(())
}

fn statement(sql: &str, engine: Engine) -> Result<Vec<Part>, String> {
    let all = tokens(sql);
    let places = parameters(&all);
    // As constants, parameters are understood wherever they stand.
    let mut constant = sql.to_owned();
    for place in places.iter().rev() {
        constant.replace_range(place.span(&all), "NULL");
    }
    let kinds = parse(&constant, engine);
    match kinds.first().map(|it| &it.kind) {
        Some(Kind::Select(_) | Kind::Insert { .. } | Kind::Update { .. } | Kind::Delete { .. }) => {
        }
        Some(Kind::Transaction(_)) => {
            return Err(
                "each statement has a transaction of its own, which is taken back".to_owned(),
            );
        }
        Some(Kind::Unknown { .. }) | None => return Err("it is not understood".to_owned()),
        Some(_) => return Err("it is no query and changes no rows".to_owned()),
    }
    let mut tables = Tables::default();
    for scoped in scopes(&constant, engine) {
        if let Scoped::Query(scope) = scoped {
            tables.add(&scope);
        }
    }
    let mut parts = Vec::new();
    let mut end = 0;
    let mut known: Vec<(&str, Part)> = Vec::new();
    for place in &places {
        let span = place.span(&all);
        let name = &sql[span.clone()];
        parts.push(Part::Text(sql[end..span.start].to_owned()));
        end = span.end;
        let meant = meaning(&all, &places, place, &tables);
        let meant = meant.or_else(|| {
            let same = known.iter().find(|(it, _)| *it == name);
            same.map(|(_, part)| part.clone())
        });
        let Some(part) = meant else {
            return Err(format!(
                "nothing says which column `{name}` belongs to: compare it with one, or write it \
                 into one"
            ));
        };
        known.push((name, part.clone()));
        parts.push(part);
    }
    parts.push(Part::Text(sql[end..].to_owned()));
    Ok(parts)
}

/// Where a parameter stands, in tokens.
#[derive(Debug, Clone, Copy)]
struct Place {
    first: usize,
    last: usize,
}

impl Place {
    fn span(self, all: &[Token<'_>]) -> std::ops::Range<usize> {
        all[self.first].start..all[self.last].end()
    }
}

/// `$1` and `:id`, and not `::text` or `a[1:n]`.
fn parameters(all: &[Token<'_>]) -> Vec<Place> {
    let mut places = Vec::new();
    for (at, token) in all.iter().enumerate() {
        if token.kind == TokenKind::Parameter {
            places.push(Place {
                first: at,
                last: at,
            });
        }
        let colon = |it: &Token<'_>| it.kind == TokenKind::Mark(b':');
        let named = all.get(at + 1).filter(|it| it.kind == TokenKind::Word);
        let alone = at.checked_sub(1).and_then(|at| all.get(at));
        let alone = alone.is_none_or(|it| it.end() < token.start || !colon(it));
        if colon(token) && alone && named.is_some_and(|it| it.start == token.end()) {
            places.push(Place {
                first: at,
                last: at + 1,
            });
        }
    }
    places
}

/// The tables that a statement names, by the names that columns are taken from them.
#[derive(Debug, Default)]
struct Tables {
    known: Vec<(String, Name)>,
}

impl Tables {
    fn add(&mut self, scope: &Scope) {
        for source in &scope.sources {
            if let Some(relation) = &source.relation {
                let one = (source.known_as.clone(), relation.clone());
                if !self.known.contains(&one) {
                    self.known.push(one);
                }
            }
        }
        for inner in &scope.inner {
            self.add(inner);
        }
    }

    /// A column by the name before it, if there is one.
    fn column(&self, of: Option<&str>, column: String) -> Part {
        let meant = |(known_as, _): &&(String, Name)| of.is_none_or(|of| of == known_as);
        let tables = self.known.iter().filter(meant);
        Part::Value {
            tables: tables.map(|(_, name)| name.clone()).collect(),
            column,
            inserted: false,
        }
    }
}

fn meaning(all: &[Token<'_>], places: &[Place], place: &Place, tables: &Tables) -> Option<Part> {
    let before = place.first.checked_sub(1)?;
    let word = |at: usize, of: &str| all.get(at).is_some_and(|it| it.is(of));
    if word(before, "limit") || word(before, "offset") {
        return Some(Part::Count);
    }
    if let Some(column) = inserted(all, place, tables) {
        return Some(column);
    }
    // Behind what compares it with a column.
    let mut at = before;
    let compares = |at: usize| {
        all.get(at).is_some_and(|it| {
            matches!(it.kind, TokenKind::Mark(b'=' | b'<' | b'>' | b'!'))
                || ["like", "ilike", "not", "between", "in"]
                    .iter()
                    .any(|word| it.is(word))
        })
    };
    // `IN ($1, $2)`.
    let in_list = |at: usize| {
        all.get(at)
            .is_some_and(|it| matches!(it.kind, TokenKind::Mark(b',' | b'(')))
            || places.iter().any(|it| (it.first..=it.last).contains(&at))
    };
    let mut list = at;
    while list > 0 && in_list(list) {
        list -= 1;
    }
    if word(list, "in") {
        at = list;
    }
    // `BETWEEN $1 AND $2`.
    if word(at, "and")
        && let Some(first) = places.iter().find(|it| it.last + 1 == at)
        && first
            .first
            .checked_sub(1)
            .is_some_and(|it| word(it, "between"))
    {
        at = first.first - 1;
    }
    if compares(at) {
        while at > 0 && compares(at) {
            at -= 1;
        }
        if let Some(column) = named(all, at, tables) {
            return Some(column);
        }
    }
    // Before it.
    let mut at = place.last + 1;
    if compares(at) {
        while compares(at) {
            at += 1;
        }
        if all
            .get(at + 1)
            .is_some_and(|it| it.kind == TokenKind::Mark(b'.'))
        {
            at += 2;
        }
        return named(all, at, tables);
    }
    None
}

/// The column whose name ends at a token.
fn named(all: &[Token<'_>], at: usize, tables: &Tables) -> Option<Part> {
    let column = all.get(at)?.name()?;
    let dot = at.checked_sub(1).and_then(|at| all.get(at));
    let of = match dot {
        Some(dot) if dot.kind == TokenKind::Mark(b'.') => {
            Some(all.get(at.checked_sub(2)?)?.name()?)
        }
        _ => None,
    };
    Some(tables.column(of.as_deref(), column))
}

/// The column of `INSERT INTO t (a, b) VALUES ($1, $2)` that a parameter is for.
fn inserted(all: &[Token<'_>], place: &Place, tables: &Tables) -> Option<Part> {
    let into = all.iter().position(|it| it.is("into"))?;
    let values = all.iter().position(|it| it.is("values"))?;
    let open = |from: usize| {
        let found = all[from..].iter();
        Some(
            from + found
                .into_iter()
                .position(|it| it.kind == TokenKind::Mark(b'('))?,
        )
    };
    let list = open(into)?;
    if list > values || place.first < values {
        return None;
    }
    let columns: Vec<String> = all[list + 1..values]
        .iter()
        .take_while(|it| it.kind != TokenKind::Mark(b')'))
        .filter_map(Token::name)
        .collect();
    let (mut depth, mut number) = (0_usize, 0_usize);
    for token in &all[values + 1..place.first] {
        match token.kind {
            TokenKind::Mark(b'(') => {
                depth += 1;
                number = if depth == 1 { 0 } else { number };
            }
            TokenKind::Mark(b')') => depth = depth.saturating_sub(1),
            TokenKind::Mark(b',') if depth == 1 => number += 1,
            _ => {}
        }
    }
    let column = columns.get(number).filter(|_| depth > 0)?;
    let table = tables.known.first()?.1.clone();
    Some(Part::Value {
        tables: vec![table],
        column: column.clone(),
        inserted: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(sql: &str) -> Vec<String> {
        let all = read(sql, Engine::Postgres).unwrap_or_default();
        let parts = all.iter().flat_map(|it| &it.parts);
        let shown = parts.filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value { tables, column, .. } => {
                let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
                Some(format!("{}.{column}", tables.join("|")))
            }
            Part::Count => Some("count".to_owned()),
        });
        shown.collect()
    }

    fn refused(sql: &str) -> String {
        read(sql, Engine::Postgres).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn a_parameter_belongs_to_the_column_beside_it() {
        for (sql, expected) in [
            ("SELECT 1 FROM users WHERE id = $1", vec!["users.id"]),
            ("SELECT 1 FROM users u WHERE :id <= u.id", vec!["users.id"]),
            (
                "SELECT 1 FROM users u JOIN orders o ON o.user_id = u.id WHERE o.total > $1 AND x = $2",
                vec!["orders.total", "users|orders.x"],
            ),
            (
                "SELECT 1 FROM a WHERE b BETWEEN $1 AND $2 AND c IN ($3, $4) LIMIT $5 OFFSET $6",
                vec!["a.b", "a.b", "a.c", "a.c", "count", "count"],
            ),
            (
                "INSERT INTO s.t (a, \"B c\") VALUES ($1, lower($2)), ($3::text, $4)",
                vec!["s.t.a", "s.t.B c", "s.t.a", "s.t.B c"],
            ),
            ("UPDATE t SET b = lower(b) WHERE a NOT LIKE $1", vec!["t.a"]),
            ("DELETE FROM t WHERE a <> :a::int", vec!["t.a"]),
        ] {
            assert_eq!(columns(sql), expected, "{sql}");
        }
    }

    #[test]
    fn headings_name_weigh_and_assign() {
        let text = "-- name: find :one :weight 5 :code old\nSELECT 1;\n\n-- by hand\n-- name: put :code \
                    switch-reads\nUPDATE t SET a = 1;\nSELECT 2";
        let all = read(text, Engine::Postgres).unwrap_or_default();
        let shown: Vec<_> = all
            .iter()
            .map(|it| (it.name.as_str(), it.weight, it.code.clone()))
            .collect();
        let step = Code::Step("switch-reads".to_owned());
        assert_eq!(
            shown,
            [
                ("find", 5, Code::Old),
                ("put", 1, step),
                ("statement 3", 1, Code::Both)
            ]
        );
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_its_line() {
        for (text, expected) in [
            (
                "SELECT 1;\n\nDROP TABLE t",
                "line 3: `statement 2`: it is no query",
            ),
            (
                "BEGIN; SELECT 1; COMMIT",
                "line 1: `statement 1`: each statement has a transaction",
            ),
            ("SELEC 1", "not understood"),
            ("\\connect shop", "client programs"),
            ("", "no statement"),
            ("-- nothing", "no statement"),
            ("-- name: a :weight 0\nSELECT 1", "`:weight` wants"),
            (
                "-- name: a :often\nSELECT 1",
                "nobody knows what `:often` says",
            ),
            (
                "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2",
                "line 4: there are two",
            ),
            ("SELECT $1", "nothing says which column `$1`"),
        ] {
            let found = refused(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
