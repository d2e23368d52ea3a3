//! One scalar of a YAML file, read or changed, and no other byte touched.
//!
//! The parser says where the scalar stands; the new text is spliced in there; the result is parsed
//! again and has to differ in that one scalar and nowhere else. Whatever would make it unclear
//! what the file means is refused: see [`ValuesError`].
//!
//! Deliberately absent: adding keys, sequences, block scalars, and resolving aliases.

mod document;
mod scalar;

use document::{Document, Target};

/// The largest file that is read, in bytes.
pub const SIZE_LIMIT: u64 = 1 << 20;

/// Why a values file cannot be read or changed. Line numbers start at 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValuesError {
    /// More than [`SIZE_LIMIT`] bytes.
    #[error("the file is larger than {SIZE_LIMIT} bytes")]
    TooLarge,
    /// Not UTF-8.
    #[error("the file is not UTF-8 from byte {offset} on")]
    NotUtf8 {
        /// Where the first wrong byte is, from 0.
        offset: usize,
    },
    /// Not YAML.
    #[error("the file is not YAML: line {line}: {reason}")]
    Syntax {
        /// The line.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A line is indented by a tab, which YAML does not allow and some programs take.
    #[error("line {line} is indented by a tab")]
    Tab {
        /// The line.
        line: usize,
    },
    /// Text between `{{` and `}}` (or `{%` and `%}`) outside quotes: the file is a template, and
    /// what it says is not known before it is rendered.
    #[error("line {line} has a template expression outside quotes")]
    Template {
        /// The line.
        line: usize,
    },
    /// No document, or more than one.
    #[error("the file has {count} YAML documents instead of one")]
    NotOneDocument {
        /// How many.
        count: usize,
    },
    /// A mapping has the same key twice.
    #[error("line {line} repeats the key `{key}`")]
    DuplicateKey {
        /// The key.
        key: String,
        /// The line of the second one.
        line: usize,
    },
    /// There is no such key.
    #[error("there is no key `{path}`")]
    MissingKey {
        /// The keys, joined by `.`.
        path: String,
    },
    /// A key on the way does not hold a mapping.
    #[error("`{path}` is not a mapping")]
    NotAMapping {
        /// The keys up to there, joined by `.`.
        path: String,
    },
    /// The key holds a mapping or a sequence.
    #[error("`{path}` is not a scalar")]
    NotAScalar {
        /// The keys, joined by `.`.
        path: String,
    },
    /// An alias stands on the way: the value is written elsewhere.
    #[error("`{path}` is an alias")]
    Alias {
        /// The keys up to there, joined by `.`.
        path: String,
    },
    /// An anchor stands on the way: the value is used elsewhere too.
    #[error("`{path}` has an anchor")]
    Anchor {
        /// The keys up to there, joined by `.`.
        path: String,
    },
    /// The scalar is written in a form that is not changed in place.
    #[error("`{path}` is {form}, which is not changed in place")]
    Form {
        /// The keys, joined by `.`.
        path: String,
        /// Which form.
        form: &'static str,
    },
    /// A new value that the file would not say afterwards.
    #[error("the new value is {what}")]
    InvalidValue {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The result would differ in more than this scalar, so it was thrown away.
    #[error("setting `{path}` would change more than its value")]
    ChangesMore {
        /// The keys, joined by `.`.
        path: String,
    },
}

/// The text of the scalar at `path` (keys of mappings, outermost first), without quotes. `None`
/// where the key is there but says nothing: empty, `~` or `null`.
///
/// # Errors
/// [`ValuesError`], the same as [`set`] would give but for the new value.
pub fn read(bytes: &[u8], path: &[String]) -> Result<Option<String>, ValuesError> {
    let document = Document::parse(text_of(bytes)?)?;
    let target = document.find(path)?;
    Ok(target.value().map(str::to_owned))
}

/// The file with the scalar at `path` set to `new`, as a text: `new` is quoted where unquoted it
/// would be a number, a truth value or anything but this text, and otherwise stays as the scalar
/// was. A number stays an unquoted number.
///
/// # Errors
/// [`ValuesError`].
pub fn set(bytes: &[u8], path: &[String], new: &str) -> Result<Vec<u8>, ValuesError> {
    if new.is_empty() {
        return Err(ValuesError::InvalidValue { what: "empty" });
    }
    if new.contains("{{") || new.contains("{%") {
        let what = "a template expression";
        return Err(ValuesError::InvalidValue { what });
    }
    let text = text_of(bytes)?;
    let document = Document::parse(text)?;
    let target = document.find(path)?;
    let mut result = String::with_capacity(text.len() + new.len() + 2);
    result.push_str(&text[..target.range.start]);
    result.push_str(&scalar::render(&target, new));
    result.push_str(&text[target.range.end..]);
    check(&document, &target, &result, path, new)?;
    Ok(result.into_bytes())
}

/// Parses the result and compares it with what it was made from.
fn check(
    document: &Document<'_>,
    target: &Target<'_>,
    result: &str,
    path: &[String],
    new: &str,
) -> Result<(), ValuesError> {
    let more = || ValuesError::ChangesMore {
        path: document::shown(path),
    };
    let after = Document::parse(result).map_err(|_| more())?;
    let same = document.same_but(&after, target.event);
    let found = after.find(path).map_err(|_| more())?;
    // Compared as text: a new value `null` must not come back as no value.
    if same && found.event == target.event && found.value() == Some(new) {
        Ok(())
    } else {
        Err(more())
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, ValuesError> {
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(ValuesError::TooLarge);
    }
    std::str::from_utf8(bytes).map_err(|bad| ValuesError::NotUtf8 {
        offset: bad.valid_up_to(),
    })
}
