//! SQLite: one writer at a time, so all that matters is how long a statement keeps the write lock.

use std::collections::BTreeMap;

use switchback_migration::Engine;
use switchback_migration::sql::split;
use switchback_migration::sqlite::text::{Token, tokens};
use switchback_model::plan::Run;

use super::{Rows, Statement, rows_of};

/// What a statement does with the rows of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touches {
    Nothing,
    Reads,
    Changes,
    Rewrites,
    Copies,
    Indexes,
}

/// The statements of a script, which is one transaction: the write lock is held to its end.
pub(super) fn script(rows: &BTreeMap<String, Rows>, sql: &str, run: Run) -> Vec<Statement> {
    let mut statements = Vec::new();
    for at in split::ranges(sql, Engine::Sqlite) {
        let (text, end) = (&sql[at.clone()], at.end);
        let does = match run {
            Run::Rebuild => vec![rebuilt(rows, text)],
            Run::Transaction | Run::Statements => statement(rows, text).into_iter().collect(),
        };
        statements.push(Statement {
            sql: text.to_owned(),
            end,
            does,
        });
    }
    if let Some(last) = statements.iter().rposition(|_| true)
        && statements.iter().all(|it| it.does.is_empty())
    {
        statements[last].does = vec!["holds the write lock for a moment".to_owned()];
    }
    statements
}

/// The line for a statement that goes through rows.
fn statement(rows: &BTreeMap<String, Rows>, sql: &str) -> Option<String> {
    let (touches, table) = touched(&tokens(sql));
    let what = match touches {
        Touches::Nothing => return None,
        Touches::Reads => "are read",
        Touches::Changes => "are read, and written where they change",
        Touches::Rewrites => "are written anew",
        Touches::Copies => "are copied",
        Touches::Indexes => "are read and an index of them is written",
    };
    let count = counted(rows, table.as_deref());
    Some(format!("holds the write lock while {count} {what}"))
}

/// The line for a table that is made again.
fn rebuilt(rows: &BTreeMap<String, Rows>, sql: &str) -> String {
    let (_, table) = touched(&tokens(sql));
    let count = counted(rows, table.as_deref());
    format!("makes the table again, and holds the write lock while {count} are copied")
}

/// The line for a fill.
pub(super) fn fill(rows: &BTreeMap<String, Rows>, table: &str) -> String {
    let count = counted(rows, Some(table));
    format!("goes through {count} in short transactions, with pauses for other writers")
}

/// `200 rows of users`.
fn counted(rows: &BTreeMap<String, Rows>, table: Option<&str>) -> String {
    let Some(table) = table else {
        return "rows".to_owned();
    };
    match rows.get(&table.to_ascii_lowercase()) {
        Some(Rows::Exactly(number)) => format!("{} of {table}", rows_of(*number)),
        Some(Rows::MoreThan(number)) => {
            format!("more than {} of {table}", rows_of(*number))
        }
        None => format!("the rows of {table}"),
    }
}

/// What a statement touches, and the table whose rows that are.
fn touched(words: &[Token]) -> (Touches, Option<String>) {
    let has = |wanted: &[&str]| {
        words
            .windows(wanted.len())
            .any(|some| some.iter().zip(wanted).all(|(it, word)| it.is_word(word)))
    };
    // What follows the word, as a name.
    let named = |word: &str| {
        let at = words.iter().position(|it| it.is_word(word))?;
        words[at + 1..].iter().find_map(|it| match it {
            Token::Word(name) | Token::Name(name) if name != "temp" => Some(name.clone()),
            _ => None,
        })
    };
    let begins = |word: &str| words.first().is_some_and(|it| it.is_word(word));
    if begins("alter") {
        let table = named("table");
        let touches = if has(&["drop", "column"]) {
            Touches::Rewrites
        } else if has(&["set", "not", "null"]) || has(&["add", "constraint"]) {
            Touches::Reads
        } else {
            Touches::Nothing
        };
        return (touches, table);
    }
    if begins("create") && has(&["index"]) {
        return (Touches::Indexes, named("on"));
    }
    // What the schema and its counters hold is never much.
    let of_rows = |touches, table: Option<String>| match table {
        Some(table) if !table.starts_with("sqlite_") => (touches, Some(table)),
        _ => (Touches::Nothing, None),
    };
    if begins("update") {
        return of_rows(Touches::Changes, named("update"));
    }
    if begins("create") && has(&["table"]) && has(&["as", "select"]) {
        return of_rows(Touches::Copies, named("from"));
    }
    if begins("insert") && has(&["select"]) {
        let looks = words.get(2).is_some_and(|it| it.is_word("temp"));
        let touches = if looks {
            Touches::Reads
        } else {
            Touches::Copies
        };
        return of_rows(touches, named("from"));
    }
    (Touches::Nothing, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart() {
        let rows = BTreeMap::from([("users".to_owned(), Rows::Exactly(200))]);
        for (sql, line) in [
            (
                "ALTER TABLE \"Users\" DROP COLUMN email",
                "holds the write lock while 200 rows of users are written anew",
            ),
            (
                "ALTER TABLE users ALTER COLUMN email SET NOT NULL",
                "holds the write lock while 200 rows of users are read",
            ),
            (
                "CREATE UNIQUE INDEX i ON users (email)",
                "holds the write lock while 200 rows of users are read and an index of them is \
                 written",
            ),
            (
                "INSERT INTO temp.guard SELECT count(*) FROM users WHERE x",
                "holds the write lock while 200 rows of users are read",
            ),
            (
                "CREATE TABLE kept AS SELECT * FROM users",
                "holds the write lock while 200 rows of users are copied",
            ),
            (
                "INSERT INTO other (a) SELECT a FROM users",
                "holds the write lock while 200 rows of users are copied",
            ),
            (
                "UPDATE other SET a = 1",
                "holds the write lock while the rows of other are read, and written where they \
                 change",
            ),
        ] {
            assert_eq!(statement(&rows, sql).as_deref(), Some(line), "{sql}");
        }
        let moment = "ALTER TABLE users ADD COLUMN a TEXT;
            CREATE TRIGGER t AFTER UPDATE ON users BEGIN UPDATE users SET a = 1; END;";
        let said = |sql: &str| {
            script(&rows, sql, Run::Transaction)
                .into_iter()
                .map(|it| it.does)
        };
        let said = |sql: &str| said(sql).collect::<Vec<_>>();
        assert_eq!(
            said(moment),
            [vec![], vec!["holds the write lock for a moment".to_owned()]]
        );
        assert_eq!(said("-- Nothing to do.\n"), [[""; 0]; 0]);
        let key = "ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES o (id);";
        for sql in [key, "ALTER TABLE users DROP CONSTRAINT c;"] {
            assert_eq!(
                script(&rows, sql, Run::Rebuild)[0].does,
                [
                    "makes the table again, and holds the write lock while 200 rows of users are copied"
                ]
            );
        }
        let schema = "INSERT INTO temp.guard SELECT count(*) FROM sqlite_schema";
        assert_eq!(statement(&rows, schema), None);
        let long = format!("{moment} UPDATE users SET a = 1");
        assert!(said(&long)[1].is_empty() && said(&long)[2][0].contains("200 rows"));
        let many = BTreeMap::from([("users".to_owned(), Rows::MoreThan(1_000_000))]);
        assert_eq!(
            fill(&many, "Users"),
            "goes through more than 1,000,000 rows of Users in short transactions, with pauses for \
             other writers"
        );
    }
}
