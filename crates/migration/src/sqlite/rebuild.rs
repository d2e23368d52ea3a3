//! The edits of a table for which SQLite has no statement: a foreign key comes, or goes again.
//!
//! The file of such a step says `ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY …`, which SQLite
//! refuses. Whoever runs it makes the table again out of its own text at that moment, edited by
//! [`Rebuild::edited`]: a text that was fixed at planning time would lose what other changes have
//! added since.

use std::ops::Range;

use super::text::{Token, spanned};

/// What is done to the text of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuild {
    /// The table, in ASCII lower case.
    pub table: String,
    /// The constraint, in ASCII lower case.
    constraint: String,
    /// The whole constraint as it stands in the script; none where it goes.
    adds: Option<String>,
}

/// What a foreign key says, its names in ASCII lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The columns that point.
    pub columns: Vec<String>,
    /// The table that they point to.
    pub to: String,
    /// The columns there.
    pub to_columns: Vec<String>,
}

/// Why a table is not made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The script is something else.
    #[error(
        "a script that makes a table again is one ALTER TABLE … ADD CONSTRAINT … FOREIGN KEY, or \
         one ALTER TABLE … DROP CONSTRAINT"
    )]
    NotOne,
    /// The table's text is not one that can be edited.
    #[error("the table's statement has no list of columns")]
    NoList,
    /// What should come is there.
    #[error("the table already has a constraint `{0}`")]
    There(String),
    /// What should go is not there.
    #[error("the table has no foreign key `{0}`")]
    NotThere(String),
}

/// A name, quoted or not.
fn named(token: &Token) -> Option<String> {
    match token {
        Token::Word(name) | Token::Name(name) => Some(name.clone()),
        _ => None,
    }
}

type Spanned = (Token, Range<usize>);

impl Rebuild {
    /// Reads the script of a step.
    ///
    /// # Errors
    /// If it is anything but one statement of one of the two forms.
    pub fn read(sql: &str) -> Result<Self, Misfit> {
        let mut all = spanned(sql);
        if all.last().is_some_and(|(it, _)| *it == Token::Mark(';')) {
            all.pop();
        }
        let word = |at: usize, wanted: &str| all.get(at).is_some_and(|(it, _)| it.is_word(wanted));
        let name = |at: usize| all.get(at).and_then(|(it, _)| named(it));
        let several = all.iter().any(|(it, _)| *it == Token::Mark(';'));
        let (true, Some(table), true, Some(constraint)) = (
            word(0, "alter") && word(1, "table") && !several,
            name(2),
            word(4, "constraint"),
            name(5),
        ) else {
            return Err(Misfit::NotOne);
        };
        let adds = word(3, "add") && word(6, "foreign") && word(7, "key");
        let drops = word(3, "drop") && all.len() == 6;
        let adds = match (adds, drops, all.get(4), all.last()) {
            (true, _, Some((_, first)), Some((_, last))) => {
                Some(sql[first.start..last.end].to_owned())
            }
            (_, true, ..) => None,
            _ => return Err(Misfit::NotOne),
        };
        Ok(Self {
            table,
            constraint,
            adds,
        })
    }

    /// The text of a table with the constraint, or without it. Taking away what was added gives
    /// the same text as before, byte for byte.
    ///
    /// # Errors
    /// If the constraint is there already, or is not there.
    pub fn edited(&self, create_table: &str) -> Result<String, Misfit> {
        let all = spanned(create_table);
        let list = list(&all).ok_or(Misfit::NoList)?;
        let body = &all[list];
        let (from, to, new) = match &self.adds {
            Some(constraint) => {
                let taken = body
                    .windows(2)
                    .any(|it| it[0].0.is_word("constraint") && it[1].0.is_name(&self.constraint));
                if taken {
                    return Err(Misfit::There(self.constraint.clone()));
                }
                // Before a comment that follows the last part, which may run to the end of its line.
                let end = body.last().map(|(_, span)| span.end);
                let end = end.ok_or(Misfit::NoList)?;
                (end, end, format!(", {constraint}"))
            }
            None => {
                let span = place(body, &self.constraint);
                let span = span.ok_or_else(|| Misfit::NotThere(self.constraint.clone()))?;
                (span.start, span.end, String::new())
            }
        };
        Ok(format!(
            "{}{new}{}",
            &create_table[..from],
            &create_table[to..]
        ))
    }

    /// What the foreign key says that comes; none where one goes.
    pub fn link(&self) -> Option<Link> {
        let all: Vec<Token> = super::text::tokens(self.adds.as_ref()?);
        let group = |word: &str, skip: usize| -> Option<Vec<String>> {
            let at = all.iter().position(|it| it.is_word(word))? + skip;
            let rest = all.get(at..)?;
            if rest.first() != Some(&Token::Mark('(')) {
                return Some(Vec::new());
            }
            let end = rest.iter().position(|it| *it == Token::Mark(')'))?;
            Some(rest[1..end].iter().filter_map(named).collect())
        };
        let references = all.iter().position(|it| it.is_word("references"))?;
        Some(Link {
            columns: group("key", 1)?,
            to: named(all.get(references + 1)?)?,
            to_columns: group("references", 2)?,
        })
    }
}

/// The tokens between the parentheses of a table's list.
fn list(all: &[Spanned]) -> Option<Range<usize>> {
    let open = all.iter().position(|(it, _)| *it == Token::Mark('('))?;
    let mut depth = 0_usize;
    for (at, (token, _)) in all.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') if depth == 1 => return Some(open + 1..at),
            Token::Mark(')') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Where the foreign key stands among the parts of a table, with the comma before it.
fn place(body: &[Spanned], constraint: &str) -> Option<Range<usize>> {
    // Parts may follow each other without a comma.
    const BEGIN: [&str; 5] = ["constraint", "primary", "unique", "check", "foreign"];
    let begins = |at: usize| {
        body[at].0.is_word("constraint")
            && body.get(at + 1).is_some_and(|it| it.0.is_name(constraint))
            && body.get(at + 2).is_some_and(|it| it.0.is_word("foreign"))
    };
    let mut depth = 0_usize;
    let mut found = None;
    for (at, (token, _)) in body.iter().enumerate() {
        match (token, found) {
            (Token::Mark('('), _) => depth += 1,
            (Token::Mark(')'), _) => depth = depth.saturating_sub(1),
            (_, None) if depth == 0 && begins(at) => found = Some(at),
            (_, Some(first)) if depth == 0 && at > first + 2 => {
                let ends = *token == Token::Mark(',') || BEGIN.iter().any(|it| token.is_word(it));
                if ends {
                    return span(body, first, at - 1);
                }
            }
            _ => {}
        }
    }
    span(body, found?, body.len() - 1)
}

fn span(body: &[Spanned], first: usize, last: usize) -> Option<Range<usize>> {
    let (before, place) = body.get(first.checked_sub(1)?)?;
    let from = match before {
        Token::Mark(',') => place.start,
        _ => place.end,
    };
    Some(from..body[last].1.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADD: &str = "-- Why.\n\nALTER TABLE \"Users\" ADD CONSTRAINT \"the key\" FOREIGN KEY (a, \"b\") \
                       REFERENCES other (x, y) ON DELETE SET NULL;\n";
    const DROP: &str = "ALTER TABLE \"Users\" DROP CONSTRAINT \"the key\";\n";

    fn there_and_back(before: &str) -> String {
        let with = Rebuild::read(ADD).unwrap().edited(before).unwrap();
        let without = Rebuild::read(DROP).unwrap().edited(&with).unwrap();
        assert_eq!(without, before);
        with
    }

    #[test]
    fn the_way_back_is_exact_to_the_byte() {
        let key = ", CONSTRAINT \"the key\" FOREIGN KEY (a, \"b\") REFERENCES other (x, y) ON DELETE \
                   SET NULL";
        for (head, tail) in [
            ("CREATE TABLE users (a, b", ")"),
            (
                "CREATE TABLE \"u(\" (\n  a, -- one )\n  b",
                " -- two, )\n) STRICT",
            ),
            (
                "CREATE TABLE t (a CHECK (a IN (1, (2))), b DEFAULT ')'",
                "\n\t)\nWITHOUT ROWID",
            ),
            (
                "CREATE TABLE t (a, b, UNIQUE (a) CONSTRAINT c CHECK (b > 0)",
                " /* ) */ )",
            ),
            ("CREATE TABLE t (a, b, FOREIGN KEY (a) REFERENCES o", ")"),
        ] {
            assert_eq!(
                there_and_back(&format!("{head}{tail}")),
                format!("{head}{key}{tail}")
            );
        }
    }

    #[test]
    fn what_came_after_it_stays() {
        let with = there_and_back("CREATE TABLE t (a, b)");
        for more in [", CONSTRAINT d CHECK (a > 0)", " UNIQUE (a, b)"] {
            let later = format!("{}{more})", with.trim_end_matches(')'));
            let without = Rebuild::read(DROP).unwrap().edited(&later).unwrap();
            assert_eq!(without, format!("CREATE TABLE t (a, b{more})"));
        }
    }

    #[test]
    fn it_is_not_added_twice_nor_taken_twice() {
        let with = there_and_back("CREATE TABLE t (a, b)");
        let add = Rebuild::read(ADD).unwrap();
        assert_eq!(add.edited(&with), Err(Misfit::There("the key".to_owned())));
        let drop = Rebuild::read(DROP).unwrap();
        for other in [
            "CREATE TABLE t (a)",
            "CREATE TABLE t (a, CONSTRAINT \"the key\" CHECK (a))",
        ] {
            assert_eq!(
                drop.edited(other),
                Err(Misfit::NotThere("the key".to_owned()))
            );
        }
    }

    #[test]
    fn only_one_statement_is_taken() {
        for sql in [
            "",
            "ALTER TABLE t ADD COLUMN a",
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
            "ALTER TABLE t DROP CONSTRAINT c; DROP TABLE t",
            "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES o; DROP TABLE o;",
            "DROP TABLE t",
        ] {
            assert_eq!(Rebuild::read(sql), Err(Misfit::NotOne), "{sql}");
        }
    }

    #[test]
    fn it_says_what_points_where() {
        let text = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let add = Rebuild::read(ADD).unwrap();
        assert_eq!(add.table, "users");
        assert_eq!(
            add.link(),
            Some(Link {
                columns: text(&["a", "b"]),
                to: "other".to_owned(),
                to_columns: text(&["x", "y"]),
            })
        );
        assert_eq!(Rebuild::read(DROP).unwrap().link(), None);
    }
}
