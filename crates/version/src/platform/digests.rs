//! Files that say the digests of what was built, by the names of components.
//!
//! Three forms are read: lines `NAME sha256:…`, with empty ones and comments behind `#` between them; a
//! JSON object `{"NAME": "sha256:…"}`; and what `docker buildx bake --metadata-file` writes (its
//! reference, section `--metadata-file`: an object of targets, each with `containerimage.digest`).

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use switchback_model::Digest;

/// How large such a file may be, in bytes: build metadata holds whole provenance statements.
pub const LARGEST: usize = 16 << 20;

/// The key of a target's digest in build metadata.
const IMAGE: &str = "containerimage.digest";
/// What keys of build metadata begin with that are no targets.
const NO_TARGET: &str = "buildx.";

/// A file of digests that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestsError {
    /// It is larger than [`LARGEST`].
    #[error("it has more than {LARGEST} bytes")]
    TooLarge,
    /// It is not UTF-8.
    #[error("line {line}: it is not text in UTF-8")]
    NotUtf8 {
        /// The line, from 1.
        line: usize,
    },
    /// It begins as JSON does, and is none, or no object. What the parser says, with the place.
    #[error("it is not a JSON object: {0}")]
    NotJson(String),
    /// A line that is no name and a digest.
    #[error("line {line}: a name, a blank and `sha256:` with 64 lower-case digits are expected")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// A value that is no digest, and no target that has one.
    #[error("`{name}` has no digest: a text `sha256:…` or an object with `{IMAGE}` is expected")]
    NoDigest {
        /// The name.
        name: String,
    },
    /// A name with two digests.
    #[error("`{name}` stands there twice, with different digests")]
    Twice {
        /// The name.
        name: String,
    },
}

/// Reads a file of digests.
///
/// # Errors
/// [`DigestsError`].
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Digest>, DigestsError> {
    if bytes.len() > LARGEST {
        return Err(DigestsError::TooLarge);
    }
    let text = str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + valid.iter().filter(|it| **it == b'\n').count();
        DigestsError::NotUtf8 { line }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let pairs = match text.trim_start().starts_with('{') {
        true => of_json(text)?,
        false => of_lines(text)?,
    };
    let mut digests = BTreeMap::new();
    for (name, digest) in pairs {
        let earlier = digests.insert(name.clone(), digest);
        if earlier.is_some_and(|it| it != digest) {
            return Err(DigestsError::Twice { name });
        }
    }
    Ok(digests)
}

fn of_lines(text: &str) -> Result<Vec<(String, Digest)>, DigestsError> {
    let lines = (1..).zip(text.lines());
    let lines = lines.map(|(line, text)| (line, text.split('#').next().unwrap_or_default()));
    let some = lines.filter(|(_, text)| !text.trim().is_empty());
    let pair = |(line, text): (usize, &str)| {
        let (name, digest) = text.trim().split_once([' ', '\t'])?;
        let digest = digest.trim_start().parse().ok()?;
        Some((line, (name.to_owned(), digest)))
    };
    some.map(|it| match pair(it) {
        Some((_, pair)) => Ok(pair),
        None => Err(DigestsError::Line { line: it.0 }),
    })
    .collect()
}

fn of_json(text: &str) -> Result<Vec<(String, Digest)>, DigestsError> {
    let Pairs(pairs) =
        serde_json::from_str(text).map_err(|error| DigestsError::NotJson(error.to_string()))?;
    let targets = pairs
        .into_iter()
        .filter(|(name, value)| !(name.starts_with(NO_TARGET) && value.is_object()));
    let digest = |(name, value): (String, Value)| {
        let said = match &value {
            Value::Object(target) => target.get(IMAGE).and_then(Value::as_str),
            value => value.as_str(),
        };
        match said.and_then(|it| it.parse().ok()) {
            Some(digest) => Ok((name, digest)),
            None => Err(DigestsError::NoDigest { name }),
        }
    };
    targets.map(digest).collect()
}

/// The members of a JSON object, also those that stand there twice.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
