//! What is typed for columns and SQL: `amount = 0`, `first_name text = split_part(full_name, ' ', 1)`.
//!
//! One flag says one column, as it would stand in SQL, so that nothing has to be said twice and a
//! shell needs no more than one pair of quotes around it.

use std::collections::BTreeMap;
use std::str::FromStr;

use switchback_migration::operation::request::NewColumn;

/// A piece of SQL: an expression, a condition, a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sql(String);

/// A column and what it gets: `amount = 0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    column: String,
    value: Sql,
}

/// A column that is made, and what it gets: `first_name text = split_part(full_name, ' ', 1)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    column: String,
    type_sql: Sql,
    value: Sql,
}

impl Given {
    /// The column, and what it gets.
    pub(super) fn sides(self) -> (String, String) {
        (self.column, self.value.0)
    }
}

impl From<Sql> for String {
    fn from(sql: Sql) -> Self {
        sql.0
    }
}

impl From<Made> for NewColumn {
    fn from(made: Made) -> Self {
        Self {
            name: made.column,
            type_sql: made.type_sql.0,
            value: made.value.0,
        }
    }
}

/// What each column gets.
///
/// # Errors
/// The name of a column that is said twice.
pub(crate) fn by_column(all: Vec<Given>) -> Result<BTreeMap<String, String>, String> {
    let mut map = BTreeMap::new();
    for Given { column, value } in all {
        if map.insert(column.clone(), value.0).is_some() {
            return Err(column);
        }
    }
    Ok(map)
}

impl FromStr for Sql {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        walk(text, |_, _| {})?;
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it must be COLUMN = VALUE, such as `amount = 0`";
        let (left, value) = sides(text, FORM)?;
        match name(left, FORM)? {
            (column, "") => Ok(Self {
                column,
                value: value.parse()?,
            }),
            _ => Err(FORM.to_owned()),
        }
    }
}

impl FromStr for Made {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "it must be COLUMN TYPE = VALUE, such as `cents bigint = round(price * 100)`";
        let (left, value) = sides(text, FORM)?;
        let (column, type_sql) = name(left, FORM)?;
        let fits = |c: char| c.is_alphanumeric() || " _(),.\"[]%-".contains(c);
        if type_sql.is_empty() || !type_sql.chars().all(fits) {
            return Err(FORM.to_owned());
        }
        Ok(Self {
            column,
            type_sql: type_sql.parse()?,
            value: value.parse()?,
        })
    }
}

/// What stands before and after the first `=`.
fn sides<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), String> {
    let mut at = None;
    walk(text, |place, c| {
        if c == '=' && at.is_none() {
            at = Some(place);
        }
    })?;
    let at = at.ok_or_else(|| form.to_owned())?;
    let (left, value) = (text[..at].trim(), text[at + 1..].trim());
    if left.is_empty() || value.is_empty() || value.starts_with(['=', '>']) {
        return Err(form.to_owned());
    }
    Ok((left, value))
}

/// The name at the beginning of a text, in double quotes where it has blanks, and what follows it.
fn name<'a>(text: &'a str, form: &str) -> Result<(String, &'a str), String> {
    let wrong = || form.to_owned();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let fits = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        if name.is_empty() || !name.chars().all(fits) {
            return Err(wrong());
        }
        return Ok((name.to_owned(), rest.trim()));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                name.push('"');
            }
            '"' if name.is_empty() => return Err(wrong()),
            '"' => return Ok((name, quoted[at + 1..].trim())),
            c => name.push(c),
        }
    }
    Err(wrong())
}

/// Goes through a piece of SQL and shows `see` every character that stands in no string and in no
/// quoted name, with its place.
///
/// # Errors
/// Why it is no piece that can stand inside of a statement.
fn walk(text: &str, mut see: impl FnMut(usize, char)) -> Result<(), String> {
    let mut open = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match (c, next) {
            ('\0', _) => return Err("it has a zero character".to_owned()),
            // A doubled quote begins the next string at once, which comes to the same.
            ('\'' | '"', _) if chars.by_ref().any(|(_, inside)| inside == c) => {}
            ('\'' | '"', _) => return Err(format!("a {c} is not closed")),
            ('-', Some('-')) | ('/', Some('*')) => {
                return Err("a comment cannot stand in it".to_owned());
            }
            (';', _) => return Err("it is a part of one statement, without a `;`".to_owned()),
            ('(' | '[', _) => open.push(c),
            (')' | ']', _) => {
                let begun = if c == ')' { '(' } else { '[' };
                if open.pop() != Some(begun) {
                    return Err(format!("a {c} closes nothing"));
                }
            }
            _ => {}
        }
        see(at, c);
    }
    match open.pop() {
        Some(c) => Err(format!("a {c} is not closed")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_said_as_they_stand_in_sql() {
        let made = |text: &str| text.parse::<Made>().map(NewColumn::from);
        for (text, name, type_sql, value) in [
            (
                "first_name text = split_part(full_name, ' = ', 1)",
                "first_name",
                "text",
                "split_part(full_name, ' = ', 1)",
            ),
            (
                "cents numeric(12, 0)=price*100",
                "cents",
                "numeric(12, 0)",
                "price*100",
            ),
            (
                "\"First \"\"Name\"\"\" timestamp with time zone = a = b",
                "First \"Name\"",
                "timestamp with time zone",
                "a = b",
            ),
            (
                "x character varying(80) COLLATE \"de-x-icu\" = y",
                "x",
                "character varying(80) COLLATE \"de-x-icu\"",
                "y",
            ),
        ] {
            let found = made(text).unwrap();
            assert_eq!(
                (
                    found.name.as_str(),
                    found.type_sql.as_str(),
                    found.value.as_str()
                ),
                (name, type_sql, value)
            );
        }
        for wrong in [
            "",
            "cents",
            "cents = 1",
            "cents bigint",
            "cents bigint =",
            "= 1",
            "cents bigint == 1",
            "cents bigint >= 1",
            "cents > bigint = 1",
            "\"cents bigint = 1",
            "\"\" bigint = 1",
            "a.b bigint = 1",
        ] {
            assert!(made(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_said_by_column() {
        let given = |texts: &[&str]| {
            let all: Result<Vec<Given>, _> = texts.iter().map(|text| text.parse()).collect();
            by_column(all?)
        };
        let map = given(&["amount=0", " state = 'a=b' "]).unwrap();
        assert_eq!(map["amount"], "0");
        assert_eq!(map["state"], "'a=b'");
        assert_eq!(given(&["a = 1", "a = 2"]), Err("a".to_owned()));
        for wrong in [
            "amount",
            "amount >= 0",
            "amount => 0",
            "amount int = 0",
            "= 0",
            "a =",
        ] {
            assert!(given(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sql_that_would_not_stay_inside_of_its_statement_is_refused() {
        for (text, says) in [
            ("", "empty"),
            ("1; DROP TABLE users", "`;`"),
            ("1 -- one", "comment"),
            ("1 /* one */", "comment"),
            ("'it''s", "' is not closed"),
            ("\"a", "\" is not closed"),
            ("(1", "( is not closed"),
            ("1)", ") closes nothing"),
            ("a[1)", ") closes nothing"),
            ("a\0", "zero"),
        ] {
            let error = text.parse::<Sql>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        for fine in ["'it''s; -- fine)'", "a[1] - -1", "\"x;\" || ')'", "-1"] {
            assert_eq!(String::from(fine.parse::<Sql>().unwrap()), fine);
        }
    }
}
