//! Which rows of a backfill are done again, as it is typed and recorded.

use std::fmt;
use std::str::FromStr;

/// Some rows of a backfill.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The rows of a range of an earlier walk; both count from 1. As text `2/17`.
    Range {
        /// The walk.
        walk: u32,
        /// The range in it.
        number: u32,
    },
    /// Rows by their keys, both ends included; an end that is left out is open. As text
    /// `1000..2000`, or `["a",1]..["b",7]` with the values of a key of several columns.
    Keys {
        /// The first key: a text for each column.
        from: Option<Vec<String>>,
        /// The last key.
        to: Option<Vec<String>>,
    },
    /// The rows that refused what they should get.
    Failed,
}

/// Why a text names no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// It has no form that is known.
    #[error("it is neither WALK/RANGE, such as 1/17, nor FROM..TO, such as 1000..2000")]
    Form,
    /// Walks and ranges are whole numbers from 1.
    #[error("walks and ranges count from 1")]
    Number,
    /// Where the first key ends cannot be told.
    #[error("it has `..` more than once: write each key as a list in JSON, [\"a..b\"]..[\"c\"]")]
    Ambiguous,
    /// A key is no list of values.
    #[error("a key in brackets is a list of texts and numbers in JSON, [\"a\",1]")]
    Key,
    /// Both ends are open.
    #[error("these are all rows")]
    All,
}

impl FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let text = text.trim();
        if let Some((walk, number)) = text.split_once('/')
            && digits(walk)
            && digits(number)
        {
            return match (walk.parse(), number.parse()) {
                (Ok(walk @ 1..), Ok(number @ 1..)) => Ok(Self::Range { walk, number }),
                _ => Err(PartError::Number),
            };
        }
        let (from, rest) = key(text)?;
        let rest = rest.strip_prefix("..").ok_or(PartError::Form)?;
        let (to, rest) = if rest.starts_with('[') {
            key(rest)?
        } else if rest.contains("..") {
            return Err(PartError::Ambiguous);
        } else {
            (one(rest), "")
        };
        match (from, to) {
            _ if !rest.is_empty() => Err(PartError::Form),
            (None, None) => Err(PartError::All),
            (from, to) => Ok(Self::Keys { from, to }),
        }
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

fn one(text: &str) -> Option<Vec<String>> {
    (!text.is_empty()).then(|| vec![text.to_owned()])
}

/// The key at the beginning of a text, and what follows on it.
fn key(text: &str) -> Result<(Option<Vec<String>>, &str), PartError> {
    if !text.starts_with('[') {
        let place = text.find("..").ok_or(PartError::Form)?;
        return Ok((one(&text[..place]), &text[place..]));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Vec<serde_json::Value>>();
    let Some(Ok(list)) = values.next() else {
        return Err(PartError::Key);
    };
    let rest = &text[values.byte_offset()..];
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        _ => Err(PartError::Key),
    };
    let key: Vec<String> = list.into_iter().map(text).collect::<Result<_, _>>()?;
    if key.is_empty() {
        return Err(PartError::Key);
    }
    Ok((Some(key), rest))
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { walk, number } => write!(f, "{walk}/{number}"),
            Self::Keys { from, to } => {
                let end = |f: &mut fmt::Formatter<'_>, key: &Option<Vec<String>>| match key {
                    None => Ok(()),
                    Some(key) => match key.as_slice() {
                        [one] if plain(one) => f.write_str(one),
                        key => write!(f, "{}", serde_json::json!(key)),
                    },
                };
                end(f, from)?;
                f.write_str("..")?;
                end(f, to)
            }
            Self::Failed => f.write_str("failed"),
        }
    }
}

/// Whether a key of one column reads as itself.
fn plain(text: &str) -> bool {
    let odd = text.starts_with('[') || text.contains("..") || text.trim() != text;
    !text.is_empty() && !odd && !text.starts_with('.') && !text.ends_with('.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(from: Option<&[&str]>, to: Option<&[&str]>) -> Part {
        let list = |key: &[&str]| key.iter().map(|it| (*it).to_owned()).collect();
        Part::Keys {
            from: from.map(list),
            to: to.map(list),
        }
    }

    #[test]
    fn ranges_and_keys_are_read() {
        let read = |text: &str| text.parse::<Part>().unwrap();
        assert_eq!(
            read("1/17"),
            Part::Range {
                walk: 1,
                number: 17
            }
        );
        assert_eq!(read("1000..2000"), keys(Some(&["1000"]), Some(&["2000"])));
        assert_eq!(read("-5..-1"), keys(Some(&["-5"]), Some(&["-1"])));
        assert_eq!(read("1000.."), keys(Some(&["1000"]), None));
        assert_eq!(read("..b/c"), keys(None, Some(&["b/c"])));
        assert_eq!(
            read(r#"["a..b", 1]..["c",2]"#),
            keys(Some(&["a..b", "1"]), Some(&["c", "2"]))
        );
        assert_eq!(read("';drop..z"), keys(Some(&["';drop"]), Some(&["z"])));
        assert_eq!(read(r#"1..["2"]"#), keys(Some(&["1"]), Some(&["2"])));
    }

    #[test]
    fn what_names_no_rows_is_refused() {
        for (text, error) in [
            ("", PartError::Form),
            (";drop", PartError::Form),
            ("17", PartError::Form),
            ("0/1", PartError::Number),
            ("1/0", PartError::Number),
            ("1/99999999999", PartError::Number),
            ("-1/2", PartError::Form),
            ("..", PartError::All),
            ("a..b..c", PartError::Ambiguous),
            ("[]..[1]", PartError::Key),
            ("[null]..[1]", PartError::Key),
            ("[[1]]..[1]", PartError::Key),
            ("[1..2]", PartError::Key),
            ("[1]", PartError::Form),
            ("[1]..[2]x", PartError::Form),
            ("[1]x..2", PartError::Form),
        ] {
            assert_eq!(text.parse::<Part>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_no_crash(text in "[\\[\\]\",./0-9a-z ]{0,20}") {
            let _ = text.parse::<Part>();
        }

        #[test]
        fn what_is_recorded_is_read_again(
            from in prop::option::of(prop::collection::vec("[ -~]{0,6}", 1..3)),
            to in prop::collection::vec("[ -~]{0,6}", 1..3),
        ) {
            let part = Part::Keys { from, to: Some(to) };
            prop_assert_eq!(part.to_string().parse::<Part>(), Ok(part.clone()), "{}", part);
        }
    }
}
