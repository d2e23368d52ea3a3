//! The query of a backfill: whether it is one that only reads, and what it must give.
//!
//! What it means is the database's to say. Here it is only made sure that it is one statement which
//! can stand in parentheses in another one, and nothing else than that.

use super::job::{BATCH, Query};
use crate::engine::Engine;
use crate::sql::tokens::{Token, TokenKind, tokens_of};

/// Why a query cannot say what rows get.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFault {
    /// It does not read the rows of the batch.
    #[error(
        "the query must say `{BATCH}` where it reads the rows of a batch, outside of strings, quoted \
         names and comments"
    )]
    NoBatch,
    /// It is something else than a query.
    #[error("the query must be one SELECT, and it begins with `{found}`")]
    NotASelect {
        /// How it begins.
        found: String,
    },
    /// More than one statement.
    #[error("the query must be one statement, and after a `;` there is `{found}`")]
    Several {
        /// How what follows begins.
        found: String,
    },
    /// A string, a name in quotes or a comment goes on to the end.
    #[error("the query has a string, a name in quotes or a comment that is not closed")]
    NotClosed,
    /// A parenthesis without its other half.
    #[error("the query has a `{found}` without its other half")]
    Unbalanced {
        /// Which one.
        found: char,
    },
    /// It would write or lock rows.
    #[error("the query may only read, and it says `{found}`")]
    Writes {
        /// Which words.
        found: String,
    },
    /// The answer has not all columns that it must.
    #[error(
        "the query does not give {}: it must give the columns of the key ({}) and those that are \
         written ({}), by these names; it gives {}",
        listed(missing),
        listed(key),
        listed(written),
        listed(given)
    )]
    NotGiven {
        /// Those that it should.
        missing: Vec<String>,
        /// The columns of the key.
        key: Vec<String>,
        /// The columns that are written.
        written: Vec<String>,
        /// Those that it has.
        given: Vec<String>,
    },
    /// Two columns of the answer have one name.
    #[error(
        "the query gives two columns that are called {}",
        listed(std::slice::from_ref(column))
    )]
    SameName {
        /// The name.
        column: String,
    },
    /// There is something to be filled in that nobody knows.
    #[error("the query has a parameter, and there is nothing to put in for it")]
    Parameter,
    /// Nothing tells one row from another.
    #[error(
        "a query says by their key what rows get, and the table has neither a primary key nor a \
         unique index over columns that are NOT NULL, apart from the columns that are written"
    )]
    NoKey,
    /// It does not say of a row what it gets, but two things.
    #[error("the query gives the row {key} more than once; it must give each row once at most")]
    Twice {
        /// The key of one such row.
        key: String,
    },
    /// The database does not understand it.
    #[error("the database does not understand the query: {message}")]
    NotUnderstood {
        /// What it says.
        message: String,
    },
}

/// Names in the quotes of messages.
fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|it| format!("`{it}`")).collect();
    quoted.join(", ")
}

/// Words that begin a query.
const BEGINNINGS: [&str; 4] = ["select", "with", "values", "table"];

/// Pairs of words with which a part of a statement begins that writes.
const WRITING: [(&str, &str); 4] = [
    ("insert", "into"),
    ("replace", "into"),
    ("delete", "from"),
    ("merge", "into"),
];

/// What follows `FOR` where rows are locked.
const LOCKS: [&str; 4] = ["update", "no", "share", "key"];

/// What stands at the end of a text that is closed.
const END: &str = "_sb_end";

impl Query {
    /// Whether it is one statement that reads the rows of a batch, in the words of an engine.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, engine: Engine) -> Result<(), QueryFault> {
        let whole = format!("{}\n{END}", self.sql);
        let mut tokens = tokens_of(&whole, engine);
        if tokens.pop().is_none_or(|last| last.text != END) {
            return Err(QueryFault::NotClosed);
        }
        if let Some(at) = tokens.iter().position(|it| it.text == ";") {
            if let Some(next) = tokens.get(at + 1) {
                let found = next.text.to_owned();
                return Err(QueryFault::Several { found });
            }
            tokens.truncate(at);
        }
        balanced(&tokens)?;
        let first = tokens.iter().find(|it| it.text != "(");
        if !first.is_some_and(|it| BEGINNINGS.iter().any(|word| it.is(word))) {
            let found = first.map_or_else(|| "nothing".to_owned(), |it| it.text.to_owned());
            return Err(QueryFault::NotASelect { found });
        }
        if tokens.iter().any(|it| it.kind == TokenKind::Parameter) {
            return Err(QueryFault::Parameter);
        }
        only_reads(&tokens)?;
        if places(&tokens).next().is_none() {
            return Err(QueryFault::NoBatch);
        }
        Ok(())
    }

    /// The query with `batch`, a name as it stands in SQL, for the rows of the batch. A `;` at its
    /// end is left away, so that it can stand in parentheses; a comment at its end may not be closed
    /// before the line is.
    pub fn over(&self, engine: Engine, batch: &str) -> String {
        let tokens = tokens_of(&self.sql, engine);
        let end = tokens.last().filter(|it| it.text == ";");
        let end = end.map_or(self.sql.len(), |it| it.start);
        let mut text = String::with_capacity(self.sql.len());
        let mut from = 0;
        for place in places(&tokens) {
            text.push_str(self.sql.get(from..place).unwrap_or_default());
            text.push_str(batch);
            from = place + BATCH.len();
        }
        text.push_str(self.sql.get(from..end).unwrap_or_default());
        text
    }

    /// Whether an answer with these columns says which rows get what. SQLite does not care about the
    /// case of names.
    ///
    /// # Errors
    /// [`QueryFault::NotGiven`], [`QueryFault::SameName`].
    pub fn answers(
        &self,
        engine: Engine,
        key: &[String],
        given: &[String],
    ) -> Result<(), QueryFault> {
        let is = |one: &str, other: &str| match engine {
            Engine::Postgres => one == other,
            Engine::Sqlite | Engine::Mysql => one.eq_ignore_ascii_case(other),
        };
        let mut missing = Vec::new();
        for column in key.iter().chain(&self.columns) {
            match given.iter().filter(|it| is(it, column)).count() {
                0 => missing.push(column.clone()),
                1 => {}
                _ => {
                    let column = column.clone();
                    return Err(QueryFault::SameName { column });
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(QueryFault::NotGiven {
            missing,
            key: key.to_vec(),
            written: self.columns.clone(),
            given: given.to_vec(),
        })
    }
}

/// Where the rows of the batch are read, in bytes.
fn places<'t>(tokens: &'t [Token<'_>]) -> impl Iterator<Item = usize> + 't {
    tokens.windows(3).filter_map(|three| match three {
        [open, word, close]
            if open.text == "{"
                && word.text == "batch"
                && close.text == "}"
                && open.end() == word.start
                && word.end() == close.start =>
        {
            Some(open.start)
        }
        _ => None,
    })
}

fn balanced(tokens: &[Token<'_>]) -> Result<(), QueryFault> {
    let mut depth = 0_usize;
    for token in tokens {
        match token.text {
            "(" => depth += 1,
            ")" if depth == 0 => return Err(QueryFault::Unbalanced { found: ')' }),
            ")" => depth -= 1,
            _ => {}
        }
    }
    match depth {
        0 => Ok(()),
        _ => Err(QueryFault::Unbalanced { found: '(' }),
    }
}

fn only_reads(tokens: &[Token<'_>]) -> Result<(), QueryFault> {
    for (at, token) in tokens.iter().enumerate() {
        let Some(next) = tokens.get(at + 1) else {
            break;
        };
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        // In parentheses, or after those of a WITH.
        let begins = before.is_some_and(|it| matches!(it.text, "(" | ")"));
        let pair = WRITING
            .iter()
            .any(|(one, other)| token.is(one) && next.is(other));
        let names = matches!(next.kind, TokenKind::Word | TokenKind::Quoted);
        let updates = token.is("update") && names;
        // It makes a table of what it selects.
        let named = before.is_some_and(|it| it.text == "." || it.is("as"));
        let into = token.is("into") && !named;
        let locks = token.is("for") && LOCKS.iter().any(|word| next.is(word));
        if begins && (pair || updates) || into || locks {
            let found = format!("{} {}", token.text, next.text);
            return Err(QueryFault::Writes { found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(sql: &str) -> Query {
        Query {
            columns: vec!["score".to_owned()],
            sql: sql.to_owned(),
        }
    }

    fn both(sql: &str) -> Result<(), QueryFault> {
        let [one, other] = [Engine::Postgres, Engine::Sqlite].map(|it| query(sql).check(it));
        assert_eq!(one, other, "{sql}");
        one
    }

    #[test]
    fn one_query_over_a_batch_is_admitted() {
        for sql in [
            "SELECT id, 1 AS score FROM {batch}",
            "select u.id, count(*) score from {batch} u join e on e.u = u.id group by 1;",
            "WITH a AS (SELECT * FROM {batch}) SELECT id, 1 AS score FROM a -- ; and on",
            "(SELECT id, 1 AS score FROM {batch}) UNION ALL (SELECT id, 2 FROM {batch})",
            "SELECT id, substring(a FOR 3) AS score FROM {batch}",
            "SELECT id, (update) AS score FROM {batch} /* ) ; */",
            "SELECT id, ') ; {batch}' AS score FROM {batch}",
            "VALUES ((SELECT max(id) FROM {batch}), 1)",
        ] {
            assert_eq!(both(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn what_could_do_more_than_read_is_refused() {
        use QueryFault::{NoBatch, NotASelect, NotClosed, Parameter, Several, Unbalanced, Writes};
        let not = |found: &str| NotASelect {
            found: found.to_owned(),
        };
        let writes = |found: &str| Writes {
            found: found.to_owned(),
        };
        let several = |found: &str| Several {
            found: found.to_owned(),
        };
        for (sql, fault) in [
            ("", not("nothing")),
            ("-- {batch}", not("nothing")),
            ("DELETE FROM t USING {batch}", not("DELETE")),
            ("SELECT id, 1 AS score FROM t", NoBatch),
            ("SELECT id, '{batch}' AS score FROM t", NoBatch),
            ("SELECT id, \"{batch}\" AS score FROM t", NoBatch),
            ("SELECT id, 1 AS score FROM t -- {batch}", NoBatch),
            ("SELECT id, 1 AS score FROM { batch }", NoBatch),
            ("SELECT 1 FROM {batch}; DROP TABLE t", several("DROP")),
            ("SELECT 1 FROM {batch};;", several(";")),
            (
                "SELECT 1 FROM {batch}) AS q; DELETE FROM t --",
                several("DELETE"),
            ),
            ("SELECT 1 FROM {batch}) AS q --", Unbalanced { found: ')' }),
            ("SELECT (1 FROM {batch}", Unbalanced { found: '(' }),
            ("SELECT 1 FROM {batch} /*", NotClosed),
            ("SELECT 1 FROM {batch} WHERE a = '", NotClosed),
            ("SELECT 1 FROM {batch} AS \"a", NotClosed),
            (
                "WITH d AS (DELETE FROM t RETURNING *) SELECT 1 FROM {batch}",
                writes("DELETE FROM"),
            ),
            (
                "WITH d AS (SELECT 1 FROM {batch}) UPDATE t SET a = 1",
                writes("UPDATE t"),
            ),
            (
                "WITH d AS (insert\ninto t SELECT 1) SELECT 1 FROM {batch}",
                writes("insert into"),
            ),
            ("SELECT 1 INTO t FROM {batch}", writes("INTO t")),
            ("SELECT 1 FROM {batch} FOR UPDATE", writes("FOR UPDATE")),
            ("SELECT 1 FROM {batch} FOR NO KEY UPDATE", writes("FOR NO")),
        ] {
            assert_eq!(both(sql), Err(fault), "{sql}");
        }
        let numbered = query("SELECT id, $1 AS score FROM {batch}");
        assert_eq!(numbered.check(Engine::Postgres), Err(Parameter));
    }

    #[test]
    fn each_engine_has_its_own_quotes() {
        let brackets = query("SELECT id, [a'b] AS score FROM {batch}");
        assert_eq!(brackets.check(Engine::Sqlite), Ok(()));
        assert_eq!(brackets.check(Engine::Postgres), Err(QueryFault::NotClosed));
        let nested = query("SELECT id, 1 AS score FROM {batch} /* /* */ ; */");
        assert_eq!(nested.check(Engine::Postgres), Ok(()));
        assert!(nested.check(Engine::Sqlite).is_err());
        let dollars = query("SELECT id, $$;{batch}'$$ AS score FROM {batch}");
        assert_eq!(dollars.check(Engine::Postgres), Ok(()));
    }

    #[test]
    fn only_what_is_no_text_is_replaced() {
        let sql = "SELECT '{batch}', \"{batch}\" /* {batch} */ FROM {batch}, {batch} AS b ; -- x";
        assert_eq!(
            query(sql).over(Engine::Postgres, "it"),
            "SELECT '{batch}', \"{batch}\" /* {batch} */ FROM it, it AS b "
        );
        assert_eq!(
            query("SELECT 1 FROM {batch} -- x").over(Engine::Sqlite, "it"),
            "SELECT 1 FROM it -- x"
        );
    }

    #[test]
    fn an_answer_must_have_key_and_columns_once() {
        let names =
            |names: &[&str]| -> Vec<String> { names.iter().map(|it| (*it).to_owned()).collect() };
        let answers = |engine, given: &[&str]| {
            query("SELECT 1 FROM {batch}").answers(engine, &names(&["Id"]), &names(given))
        };
        assert_eq!(answers(Engine::Postgres, &["score", "x", "Id"]), Ok(()));
        assert_eq!(answers(Engine::Sqlite, &["SCORE", "id"]), Ok(()));
        let wrong = answers(Engine::Postgres, &["id", "count"]).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "the query does not give `Id`, `score`: it must give the columns of the key (`Id`) and \
             those that are written (`score`), by these names; it gives `id`, `count`"
        );
        assert_eq!(
            answers(Engine::Postgres, &["Id", "score", "score"]),
            Err(QueryFault::SameName {
                column: "score".to_owned()
            })
        );
    }
}
