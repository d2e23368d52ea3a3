//! `CREATE` statements as lines of text, where equal lines mean equal behaviour.
//!
//! SQLite keeps the statements as they were typed, and rewrites them in part when something is
//! renamed. So they are compared by their tokens. Inside of `CREATE TABLE` a rule of one column is the
//! same rule written for the table, and the order of what stands at a column does not matter.
//!
//! Source: <https://www.sqlite.org/lang_createtable.html>.

use std::collections::BTreeMap;

use switchback_migration::sqlite::text::{Token, table_parts, tokens};

/// What stands in a `CREATE TABLE`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TableText {
    /// For each column, in their order, what it is but for its name and its rules.
    pub columns: Vec<String>,
    /// The rules: keys, checks, references.
    pub constraints: Vec<String>,
    /// What stands behind the parentheses: `strict`, `without rowid`.
    pub options: String,
}

/// Takes a `CREATE TABLE` apart.
pub(super) fn table(sql: &str) -> TableText {
    let all = tokens(sql);
    let mut text = TableText::default();
    for part in table_parts(&all) {
        let rule = part.first().is_some_and(|first| {
            ["constraint", "primary", "unique", "check", "foreign"]
                .iter()
                .any(|word| first.is_word(word))
        });
        if rule {
            // A comma between rules may be left out.
            let rules = Clauses::of(part).all;
            text.constraints.extend(rules.iter().map(Clause::rule));
            continue;
        }
        let Some((name, rest)) = part.split_first() else {
            continue;
        };
        let clauses = Clauses::of(rest);
        let mut column = vec![printed(clauses.kind)];
        for clause in &clauses.all {
            match clause.at_column(name) {
                Place::Column(text) => column.push(text),
                Place::Table(rule) => text.constraints.push(rule),
                Place::Nowhere => {}
            }
        }
        // In an order of its own, the type first.
        if let Some(rest) = column.get_mut(1..) {
            rest.sort_unstable();
        }
        column.retain(|it| !it.is_empty());
        text.columns.push(column.join(" "));
    }
    text.options = options(&all);
    text
}

/// What stands behind the parentheses of a table, in an order of its own.
fn options(all: &[Token]) -> String {
    let end = all.iter().rposition(|token| *token == Token::Mark(')'));
    let behind = end.and_then(|end| all.get(end + 1..)).unwrap_or_default();
    let mut options: Vec<String> = behind
        .split(|token| *token == Token::Mark(','))
        .map(printed)
        .filter(|text| !text.is_empty())
        .collect();
    options.sort_unstable();
    options.join(" ")
}

/// One clause of a column or table: the name that `CONSTRAINT` gives it, and what it says.
struct Clause<'t> {
    name: Option<&'t Token>,
    tokens: &'t [Token],
}

/// Where the text of a clause goes.
enum Place {
    Column(String),
    Table(String),
    /// It says nothing that would not hold without it.
    Nowhere,
}

/// A type and what follows it.
struct Clauses<'t> {
    kind: &'t [Token],
    all: Vec<Clause<'t>>,
}

impl<'t> Clauses<'t> {
    fn of(tokens: &'t [Token]) -> Self {
        let starts = |token: &Token| {
            [
                "constraint",
                "primary",
                "not",
                "null",
                "unique",
                "check",
                "foreign",
                "default",
                "collate",
                "references",
                "generated",
                "as",
            ]
            .iter()
            .any(|word| token.is_word(word))
        };
        let first = tokens.iter().position(starts).unwrap_or(tokens.len());
        let (kind, mut rest) = tokens.split_at(first);
        let mut all = Vec::new();
        while let Some(first) = rest.first() {
            let mut name = None;
            if first.is_word("constraint") {
                name = rest.get(1);
                rest = rest.get(2..).unwrap_or_default();
                if rest.is_empty() {
                    break;
                }
            }
            let length = length(rest).clamp(1, rest.len());
            let (tokens, after) = rest.split_at(length);
            all.push(Clause { name, tokens });
            rest = after;
        }
        Self { kind, all }
    }
}

/// How many tokens the clause has that stands first.
fn length(tokens: &[Token]) -> usize {
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|it| it.is_word(word));
    let group = |at: usize| match tokens.get(at) {
        Some(Token::Mark('(')) => closing(tokens, at) + 1,
        _ => at,
    };
    let mut at = match tokens.first() {
        _ if is(0, "default") => match tokens.get(1) {
            Some(Token::Mark('(')) => return group(1),
            Some(Token::Mark('+' | '-')) => return 3,
            _ => return 2,
        },
        _ if is(0, "collate") => return 2,
        _ if is(0, "check") => group(1),
        _ if is(0, "not") => 2,
        _ if is(0, "primary") => group(2),
        _ if is(0, "unique") => group(1),
        _ if is(0, "references") => group(2),
        _ if is(0, "foreign") => match tokens.get(group(2)..) {
            Some(rest) => return group(2) + length(rest),
            None => 2,
        },
        _ if is(0, "generated") => return 2 + length(tokens.get(2..).unwrap_or_default()),
        _ if is(0, "as") => {
            let end = group(1);
            return end + usize::from(is(end, "stored") || is(end, "virtual"));
        }
        _ => 1,
    };
    // What belongs to it.
    loop {
        at += match () {
            () if is(at, "asc") || is(at, "desc") || is(at, "autoincrement") => 1,
            () if is(at, "on") && is(at + 1, "conflict") => 3,
            () if is(at, "on") && (is(at + 2, "set") || is(at + 2, "no")) => 4,
            () if is(at, "on") => 3,
            () if is(at, "match") => 2,
            () if is(at, "not") && is(at + 1, "deferrable") => 2,
            () if is(at, "deferrable") => 1,
            () if is(at, "initially") => 2,
            () => return at,
        };
    }
}

/// The place of the parenthesis that closes the one at a place.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len().saturating_sub(1)
}

impl Clause<'_> {
    fn is(&self, word: &str) -> bool {
        self.tokens.first().is_some_and(|first| first.is_word(word))
    }

    fn after(&self, at: usize) -> &[Token] {
        self.tokens.get(at..).unwrap_or_default()
    }

    fn named(&self, text: String) -> String {
        match self.name {
            Some(name) => format!("{text} named {}", printed(std::slice::from_ref(name))),
            None => text,
        }
    }

    /// A rule of the table.
    fn rule(&self) -> String {
        let references = self.tokens.iter().position(|it| it.is_word("references"));
        self.named(match references {
            Some(at) if self.is("foreign") => {
                let (key, target) = self.tokens.split_at(at);
                format!("{} {}", printed(key), reference(target))
            }
            _ => printed(self.tokens),
        })
    }

    /// A clause of a column, as the rule of the table that it is.
    fn at_column(&self, column: &Token) -> Place {
        let column = printed(std::slice::from_ref(column));
        let rule = |text: String| Place::Table(self.named(text));
        let with = |text: String, rest: &[Token]| match printed(rest) {
            rest if rest.is_empty() => text,
            rest => format!("{text} {rest}"),
        };
        if self.is("primary") {
            let mut rest = self.after(2);
            let descending = rest.first().is_some_and(|it| it.is_word("desc"));
            if descending || rest.first().is_some_and(|it| it.is_word("asc")) {
                rest = rest.get(1..).unwrap_or_default();
            }
            let order = if descending { " desc" } else { "" };
            rule(with(format!("primary key ({column}{order})"), rest))
        } else if self.is("unique") {
            rule(with(format!("unique ({column})"), self.after(1)))
        } else if self.is("check") {
            rule(printed(self.tokens))
        } else if self.is("references") {
            let target = reference(self.tokens);
            rule(format!("foreign key ({column}) {target}"))
        } else if self.is("null") {
            Place::Nowhere
        } else if self.is("default") {
            let value = without_parentheses(self.after(1));
            match value {
                [only] if only.is_word("null") => Place::Nowhere,
                _ => Place::Column(format!("default {}", printed(value))),
            }
        } else if self.is("generated") {
            Place::Column(printed(without_virtual(self.after(2))))
        } else {
            Place::Column(printed(without_virtual(self.tokens)))
        }
    }
}

/// A reference without what holds in any case, in an order of its own.
fn reference(tokens: &[Token]) -> String {
    let mut end = 2;
    if tokens.get(end) == Some(&Token::Mark('(')) {
        end = closing(tokens, end) + 1;
    }
    let (target, mut rest) = tokens.split_at(end.min(tokens.len()));
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    while !rest.is_empty() {
        let is = |at: usize, word: &str| rest.get(at).is_some_and(|it| it.is_word(word));
        let (head, length) = match () {
            () if is(0, "on") && (is(2, "set") || is(2, "no")) => (2, 4),
            () if is(0, "on") => (2, 3),
            () if is(0, "match") || is(0, "initially") => (1, 2),
            () if is(0, "not") => (2, 2),
            () => (1, 1),
        };
        let (clause, after) = rest.split_at(length.min(rest.len()));
        let (head, tail) = clause.split_at(head.min(clause.len()));
        said.insert(printed(head), printed(tail));
        rest = after;
    }
    // SQLite reads MATCH and does nothing with it.
    said.retain(|head, tail| {
        tail != "no action" && tail != "immediate" && head != "match" && head != "not deferrable"
    });
    if !said.contains_key("initially") {
        // It is checked at the end of each statement all the same.
        said.remove("deferrable");
    }
    let mut text = printed(target);
    for (head, tail) in said {
        text.push_str(&format!(" {head}"));
        if !tail.is_empty() {
            text.push_str(&format!(" {tail}"));
        }
    }
    text
}

/// `(0)` and `0` are one default.
fn without_parentheses(tokens: &[Token]) -> &[Token] {
    match tokens {
        [Token::Mark('('), inner @ .., Token::Mark(')')] => match inner {
            [Token::Text(_) | Token::Number(_) | Token::Word(_)]
            | [Token::Mark('-' | '+'), Token::Number(_)] => inner,
            _ => tokens,
        },
        _ => tokens,
    }
}

fn without_virtual(tokens: &[Token]) -> &[Token] {
    match tokens {
        [rest @ .., last] if last.is_word("virtual") => rest,
        _ => tokens,
    }
}

/// The text of a view, trigger, index or virtual table, without `IF NOT EXISTS`.
pub(super) fn statement(sql: &str) -> String {
    let mut all = tokens(sql);
    let is = |at: usize, word: &str| all.get(at).is_some_and(|it| it.is_word(word));
    let found = (0..all.len().min(6)).find(|at| is(*at, "if") && is(at + 1, "not"));
    if let Some(at) = found {
        all.drain(at..(at + 3).min(all.len()));
    }
    let skip = usize::from(all.first().is_some_and(|it| it.is_word("create")));
    printed(all.get(skip..).unwrap_or_default())
}

/// Words that a new line begins with, so that a difference in a long text can be seen.
const LINES: [&str; 14] = [
    "select", "from", "where", "join", "left", "group", "order", "union", "begin", "insert",
    "update", "delete", "values", "end",
];

/// Words before such a word that do not end a line: `AFTER INSERT ON t`.
const EVENTS: [&str; 6] = ["after", "before", "of", "or", "do", "on"];

/// Words that are no function's name.
const NO_FUNCTION: [&str; 21] = [
    "and", "as", "between", "by", "check", "default", "else", "exists", "from", "in", "join",
    "key", "not", "on", "or", "over", "select", "then", "unique", "values", "when",
];

/// Tokens as text, in one way.
fn printed(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut before: Option<&Token> = None;
    let mut depth = 0_usize;
    for token in tokens {
        let line = depth == 0
            && matches!(token, Token::Word(word) if LINES.contains(&word.as_str()))
            && before.is_some_and(|before| !EVENTS.iter().any(|word| before.is_word(word)));
        if line {
            text.push_str("\n  ");
        } else if before.is_some_and(|before| is_apart(before, token)) {
            text.push(' ');
        }
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        match token {
            Token::Word(word) | Token::Number(word) => text.push_str(word),
            Token::Name(name) => text.push_str(&bare(name)),
            Token::Text(it) => text.push_str(&format!("'{}'", it.replace('\'', "''"))),
            Token::Mark(mark) => text.push(*mark),
        }
        before = Some(token);
    }
    text
}

/// A name as the same name without quotes is printed, unless it would be a value then.
fn bare(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_');
    let value = ["null", "true", "false"].contains(&name) || name.starts_with("current_");
    if plain && !value {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// Whether there is a blank between two tokens.
fn is_apart(one: &Token, other: &Token) -> bool {
    let operator = |it: &Token| matches!(it, Token::Mark('<' | '>' | '=' | '!' | '|'));
    match (one, other) {
        (Token::Mark('(' | '.'), _) | (_, Token::Mark(')' | ',' | '.' | ';')) => false,
        (Token::Word(word), Token::Mark('(')) => NO_FUNCTION.contains(&word.as_str()),
        (Token::Name(_), Token::Mark('(')) => false,
        (one, other) => !(operator(one) && operator(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That two tables are one.
    fn same(one: &str, other: &str) {
        let sorted = |sql: &str| {
            let mut text = table(&format!("CREATE TABLE t {sql}"));
            text.constraints.sort_unstable();
            text
        };
        assert_eq!(sorted(one), sorted(other));
    }

    fn differ(one: &str, other: &str) {
        assert_ne!(
            table(&format!("CREATE TABLE t {one}")),
            table(&format!("CREATE TABLE t {other}"))
        );
    }

    #[test]
    fn spellings_of_one_table_are_one() {
        same("(a INTEGER PRIMARY KEY)", "([a] integer, primary key (a))");
        same(
            "(a TEXT NOT NULL DEFAULT 'x' UNIQUE)",
            "(a TEXT DEFAULT ('x') NOT NULL, UNIQUE (\"a\"))",
        );
        same(
            "(a INT REFERENCES u (id) ON DELETE SET NULL NOT NULL)",
            "(a INT NOT NULL, FOREIGN KEY (a) REFERENCES \"u\" (id) ON UPDATE NO ACTION ON DELETE SET NULL)",
        );
        same("(a INT NULL DEFAULT NULL)", "(a INT)");
        same(
            "(a INT, b INT GENERATED ALWAYS AS (a + 1) VIRTUAL)",
            "(a INT, b INT AS (a + 1))",
        );
        same(
            "(a INT CHECK (a > 0), b INT)",
            "(a INT, b INT, CHECK (a > 0))",
        );
        same(
            "(a INT) STRICT, WITHOUT ROWID",
            "(a INT) without rowid, strict",
        );
        same(
            "(a INT REFERENCES u DEFERRABLE INITIALLY DEFERRED)",
            "(a INT, FOREIGN KEY (a) REFERENCES u DEFERRABLE INITIALLY DEFERRED)",
        );
    }

    #[test]
    fn tables_that_differ_are_two() {
        for (one, other) in [
            ("(a INT)", "(a TEXT)"),
            ("(a INT)", "(a INT NOT NULL)"),
            ("(a INT DEFAULT 1)", "(a INT DEFAULT -1)"),
            ("(a TEXT DEFAULT 'a')", "(a TEXT DEFAULT 'A')"),
            ("(a TEXT)", "(a TEXT COLLATE NOCASE)"),
            ("(a INT AS (1))", "(a INT AS (1) STORED)"),
            ("(a INT)", "(a INT) STRICT"),
            (
                "(a INTEGER PRIMARY KEY)",
                "(a INTEGER PRIMARY KEY AUTOINCREMENT)",
            ),
            ("(a INT UNIQUE)", "(a INT UNIQUE ON CONFLICT IGNORE)"),
            (
                "(a INT REFERENCES u)",
                "(a INT REFERENCES u ON DELETE CASCADE)",
            ),
            (
                "(a INT REFERENCES u)",
                "(a INT REFERENCES u DEFERRABLE INITIALLY DEFERRED)",
            ),
            ("(a INT CHECK (a > 0))", "(a INT CHECK (a >= 0))"),
            (
                "(a INT, b INT, UNIQUE (a, b))",
                "(a INT, b INT, UNIQUE (b, a))",
            ),
            (
                "(a TEXT DEFAULT current_date)",
                "(a TEXT DEFAULT \"current_date\")",
            ),
        ] {
            differ(one, other);
        }
    }

    #[test]
    fn what_is_printed_can_be_read() {
        let text = table(
            "CREATE TABLE t (a VARCHAR(20) DEFAULT (lower('X')) CHECK (length(a) >= 2 AND a <> ''))",
        );
        assert_eq!(text.columns, ["varchar(20) default (lower('X'))"]);
        assert_eq!(text.constraints, ["check (length(a) >= 2 and a <> '')"]);
        assert_eq!(
            statement("CREATE TRIGGER IF NOT EXISTS g AFTER INSERT ON t BEGIN DELETE FROM u; END"),
            "trigger g after insert on t\n  begin\n  delete\n  from u;\n  end"
        );
        // A name that is a keyword of the grammar, and unfinished text.
        for sql in [
            "(\"primary\" INT, x)",
            "(a INT CONSTRAINT x)",
            "(a DEFAULT",
            "(,)",
        ] {
            let _ = table(&format!("CREATE TABLE t {sql}"));
        }
        assert_eq!(table("CREATE TABLE t (\"unique\" INT)").columns.len(), 1);
    }
}
