//! The lines.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Wrong;
use crate::backfill::job::{Job, Program};

/// The version of what is said, which both sides say first.
pub const PROTOCOL: &str = "switchback.rows/v1";

/// No line is longer, in bytes: neither a row nor an answer.
pub const LONGEST_LINE: usize = 4 << 20;

/// How much of a reason is kept, in characters.
const LONGEST_REASON: usize = 1000;

/// A value that a program is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number. Beyond what a double holds exactly it is written as a text.
    Integer(i64),
    /// A number, as JSON has it.
    Number(String),
    /// A text.
    Text(String),
    /// JSON as it is.
    Json(String),
    /// Bytes, as `{"hex": "00ff"}`.
    Bytes(Vec<u8>),
}

/// The largest whole number up to which a double holds all of them.
const EXACT: u64 = (1 << 53) - 1;

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Value {
    fn put(&self, line: &mut String) {
        match self {
            Self::Null => line.push_str("null"),
            Self::Bool(value) => line.push_str(if *value { "true" } else { "false" }),
            Self::Integer(number) if number.unsigned_abs() <= EXACT => {
                line.push_str(&number.to_string());
            }
            Self::Integer(number) => line.push_str(&format!("\"{number}\"")),
            Self::Number(number) => line.push_str(number),
            Self::Text(text) => line.push_str(&quoted(text)),
            // In JSON an end of line can only be between two tokens.
            Self::Json(json) => {
                let blank = |letter| matches!(letter, '\n' | '\r');
                line.push_str(&json.replace(blank, " "));
            }
            Self::Bytes(bytes) => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                line.push_str(&format!("{{\"hex\":\"{digits}\"}}"));
            }
        }
    }
}

fn object<'a>(pairs: impl Iterator<Item = (&'a str, &'a Value)>, line: &mut String) {
    line.push('{');
    for (place, (name, value)) in pairs.enumerate() {
        if place > 0 {
            line.push(',');
        }
        line.push_str(&quoted(name));
        line.push(':');
        value.put(line);
    }
    line.push('}');
}

/// The first line that a program is given. All lines end with a line feed.
pub fn hello(job: &Job, program: &Program, key: &[String]) -> String {
    let said = serde_json::json!({
        "protocol": PROTOCOL,
        "backfill": job.id.as_str(),
        "table": job.text.table,
        "key": key,
        "reads": program.reads,
        "columns": program.columns,
    });
    format!("{said}\n")
}

/// A row.
pub fn row<'a>(
    number: u64,
    key: impl Iterator<Item = (&'a str, &'a Value)>,
    columns: impl Iterator<Item = (&'a str, &'a Value)>,
) -> String {
    let mut line = format!("{{\"row\":{number},\"key\":");
    object(key, &mut line);
    line.push_str(",\"columns\":");
    object(columns, &mut line);
    line.push_str("}\n");
    line
}

/// That no more rows come before all up to this one are answered.
pub fn flush(last: u64) -> String {
    format!("{{\"flush\":{last}}}\n")
}

fn form(error: &serde_json::Error) -> Wrong {
    let mut why = error.to_string();
    // It is one line.
    if let Some(place) = why.rfind(" at line ") {
        why.truncate(place);
    }
    Wrong::Form { why }
}

/// Whether the first line of a program says that it understands.
///
/// # Errors
/// [`Wrong::NoWelcome`].
pub fn check_welcome(line: &str) -> Result<(), Wrong> {
    #[derive(Deserialize)]
    struct Welcome {
        protocol: String,
    }
    let said: Welcome = serde_json::from_str(line).map_err(|_| Wrong::NoWelcome)?;
    (said.protocol == PROTOCOL)
        .then_some(())
        .ok_or(Wrong::NoWelcome)
}

/// A value that a program gives a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// NULL.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// An object or an array, as it was written.
    Json(String),
}

impl Said {
    fn of(raw: &RawValue) -> Result<Self, Wrong> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::Text(serde_json::from_str(text).map_err(|error| form(&error))?),
            Some(b'{' | b'[') => Self::Json(text.to_owned()),
            _ => Self::Number(text.to_owned()),
        })
    }

    /// The value as JSON.
    pub fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) | Self::Json(text) => text.clone(),
            Self::Text(text) => quoted(text),
        }
    }
}

/// What a program says of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What the columns get, in the order in which they were asked for.
    Set(Vec<Said>),
    /// The row stays as it is.
    Skip,
    /// The row cannot be done, and why.
    Error(String),
}

/// Reads an answer: of which row, and what. `columns` are those that are written.
///
/// # Errors
/// [`Wrong::Form`], [`Wrong::Column`], [`Wrong::Missing`].
pub fn answer(line: &str, columns: &[String]) -> Result<(u64, Answer), Wrong> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line<'a> {
        row: u64,
        #[serde(borrow)]
        set: Option<BTreeMap<String, &'a RawValue>>,
        skip: Option<bool>,
        error: Option<String>,
    }
    let said: Line<'_> = serde_json::from_str(line).map_err(|error| form(&error))?;
    let row = said.row;
    let answer = match (said.set, said.skip, said.error) {
        (Some(mut set), None, None) => {
            let take = |column: &String| {
                let raw = set.remove(column).ok_or_else(|| Wrong::Missing {
                    row,
                    column: column.clone(),
                })?;
                Said::of(raw)
            };
            let values = columns.iter().map(take).collect::<Result<_, _>>()?;
            if let Some((column, _)) = set.pop_first() {
                return Err(Wrong::Column { row, column });
            }
            Answer::Set(values)
        }
        (None, Some(true), None) => Answer::Skip,
        (None, None, Some(why)) => Answer::Error(why.chars().take(LONGEST_REASON).collect()),
        _ => {
            return Err(Wrong::Form {
                why: "it must say one of `set`, `\"skip\": true` and `error`".to_owned(),
            });
        }
    };
    Ok((row, answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn a_row_is_one_line_of_json_that_holds_its_values() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Integer(9_007_199_254_740_991),
            Value::Integer(9_007_199_254_740_992),
            Value::Integer(i64::MIN),
            Value::Number("1e+20".to_owned()),
            Value::Text("a\n\"\u{1}é".to_owned()),
            Value::Json("{\n\"a\": [1,\r\n 2]}".to_owned()),
            Value::Bytes(vec![0, 255]),
        ];
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i\""];
        let id = Value::Integer(4);
        let line = row(
            17,
            std::iter::once(("id", &id)),
            names.into_iter().zip(&values),
        );
        assert_eq!(line.matches(['\n', '\r']).count(), 1);
        assert_eq!(
            line,
            "{\"row\":17,\"key\":{\"id\":4},\"columns\":{\"a\":null,\"b\":true,\
             \"c\":9007199254740991,\"d\":\"9007199254740992\",\"e\":\"-9223372036854775808\",\
             \"f\":1e+20,\"g\":\"a\\n\\\"\\u0001é\",\"h\":{ \"a\": [1,   2]},\
             \"i\\\"\":{\"hex\":\"00ff\"}}}\n"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn answers_keep_what_was_written() {
        let read = |line| answer(line, &columns(&["a", "b"]));
        assert_eq!(
            read("{\"row\": 1, \"set\": {\"b\": 12.10, \"a\": \"x\\n\"}}"),
            Ok((
                1,
                Answer::Set(vec![
                    Said::Text("x\n".to_owned()),
                    Said::Number("12.10".to_owned())
                ])
            ))
        );
        assert_eq!(
            read("{\"set\": {\"a\": null, \"b\": {\"c\" :1.0}}, \"row\": 2}"),
            Ok((
                2,
                Answer::Set(vec![Said::Null, Said::Json("{\"c\" :1.0}".to_owned())])
            ))
        );
        assert_eq!(read("{\"row\":3,\"skip\":true}"), Ok((3, Answer::Skip)));
        let why = Answer::Error("no".to_owned());
        assert_eq!(read("{\"row\":4,\"error\":\"no\"}"), Ok((4, why)));
        let long = format!("{{\"row\":4,\"error\":\"{}\"}}", "é".repeat(5000));
        let Ok((4, Answer::Error(cut))) = read(&long) else {
            panic!("{long}")
        };
        assert_eq!(cut.chars().count(), LONGEST_REASON);
    }

    #[test]
    fn what_is_no_answer_is_said_to_be_none() {
        let read = |line| answer(line, &columns(&["a"])).unwrap_err();
        for line in [
            "",
            "hello",
            "{}",
            "[1]",
            "{\"row\":-1,\"skip\":true}",
            "{\"row\":1}",
            "{\"row\":1,\"skip\":false}",
            "{\"row\":1,\"skip\":true,\"set\":{\"a\":1}}",
            "{\"row\":1,\"sett\":{\"a\":1}}",
            "{\"row\":1,\"set\":{\"a\":1}} x",
            "{\"row\":1,\"set\":{\"a\":\"\\ud800\"}}",
        ] {
            let Wrong::Form { why } = read(line) else {
                panic!("{line}")
            };
            assert!(!why.contains("line 1"), "{why}");
        }
        assert_eq!(
            read("{\"row\":1,\"set\":{\"a\":1,\"b\":1}}"),
            Wrong::Column {
                row: 1,
                column: "b".to_owned()
            }
        );
        assert_eq!(
            read("{\"row\":1,\"set\":{}}"),
            Wrong::Missing {
                row: 1,
                column: "a".to_owned()
            }
        );
    }

    #[test]
    fn a_welcome_says_the_same_version() {
        let hello = "{\"protocol\":\"switchback.rows/v1\"}";
        assert_eq!(check_welcome(hello), Ok(()));
        for other in [
            "",
            "ready",
            "{\"protocol\":\"switchback.rows/v2\"}",
            "{\"row\":1}",
        ] {
            assert_eq!(check_welcome(other), Err(Wrong::NoWelcome), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_said_comes_back(text in ".*", number in any::<i64>()) {
            let value = Value::Text(text.clone());
            let line = row(1, std::iter::empty(), std::iter::once(("a", &value)));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&read["columns"]["a"], &serde_json::Value::from(text.clone()));
            let said = serde_json::json!({"row": 1, "set": {"a": text, "b": number}}).to_string();
            let said = answer(&said, &columns(&["b", "a"])).unwrap();
            let values = vec![Said::Number(number.to_string()), Said::Text(text)];
            prop_assert_eq!(said, (1, Answer::Set(values)));
        }

        #[test]
        fn any_line_is_no_crash(line in ".*") {
            let _ = answer(&line, &columns(&["a"]));
            let _ = check_welcome(&line);
        }
    }
}
