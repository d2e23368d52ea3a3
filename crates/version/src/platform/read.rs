//! A manifest read back: only what [`Manifest::bytes`] could have written.

use std::collections::BTreeMap;

use semver::Version;
use serde::Deserialize;
use switchback_model::{ComponentName, Digest};

use super::{LARGEST, Manifest, Part, SCHEMA};
use crate::tag::is_ref_name;

/// A manifest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ManifestError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is larger than [`LARGEST`].
    #[error("it has more than {LARGEST} bytes")]
    TooLarge,
    /// It is not JSON of the form, such as a digest that is none. What the parser says.
    #[error("{0}")]
    Form(String),
    /// It is of another form, perhaps a later one.
    #[error("its form is `{0}`, and only `{SCHEMA}` is known")]
    OtherForm(String),
    /// A component stands there twice.
    #[error("the component `{0}` stands there twice")]
    Twice(ComponentName),
    /// A commit that is no full object id.
    #[error("the commit of `{0}` is no full object id")]
    Commit(ComponentName),
    /// A tag that Git would not take.
    #[error("the tag of `{0}` is none that Git takes")]
    Tag(ComponentName),
    /// It says what a manifest may say in other bytes than a manifest has, such as other blanks or
    /// another order.
    #[error("it is not written as a manifest is")]
    Rewritten,
}

/// What says its form.
#[derive(Deserialize)]
struct Headed {
    schema: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    components: Vec<Row>,
    platform: ComponentName,
    #[serde(rename = "schema")]
    _schema: String,
    version: Version,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    commit: String,
    digest: Digest,
    name: ComponentName,
    tag: String,
    version: Version,
}

/// The lengths of object ids in hexadecimal digits: SHA-1, SHA-256.
const IDS: [usize; 2] = [40, 64];

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] for everything that is not byte for byte what [`Manifest::bytes`] gives.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        let at = |line, problem| ManifestError { line, problem };
        if bytes.len() > LARGEST {
            return Err(at(1, Problem::TooLarge));
        }
        // The place is told apart from what is wrong there.
        let form = |error: serde_json::Error| {
            let said = error.to_string();
            let said = said
                .rsplit_once(" at line ")
                .map_or(said.as_str(), |it| it.0);
            at(error.line().max(1), Problem::Form(said.to_owned()))
        };
        let headed: Headed = serde_json::from_slice(bytes).map_err(form)?;
        if headed.schema != SCHEMA {
            return Err(at(
                line_of(bytes, "\"schema\""),
                Problem::OtherForm(headed.schema),
            ));
        }
        let whole: Whole = serde_json::from_slice(bytes).map_err(form)?;
        let mut components = BTreeMap::new();
        for row in whole.components {
            let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            let line = line_of(bytes, &format!("\"name\": \"{}\"", row.name));
            if !IDS.contains(&row.commit.len()) || !row.commit.bytes().all(hex) {
                return Err(at(line, Problem::Commit(row.name)));
            }
            if !is_ref_name(&row.tag) {
                return Err(at(line, Problem::Tag(row.name)));
            }
            let part = Part {
                version: row.version,
                tag: row.tag,
                commit: row.commit,
                digest: row.digest,
            };
            if components.insert(row.name.clone(), part).is_some() {
                return Err(at(line, Problem::Twice(row.name)));
            }
        }
        let manifest = Self {
            platform: whole.platform,
            version: whole.version,
            components,
        };
        let written = manifest.bytes();
        match written == bytes {
            true => Ok(manifest),
            false => Err(at(first_other(&written, bytes), Problem::Rewritten)),
        }
    }
}

/// The last line, from 1, that has a text; 1 if none has.
fn line_of(bytes: &[u8], text: &str) -> usize {
    let lines = bytes.split(|it| *it == b'\n');
    let has = |line: &[u8]| line.windows(text.len()).any(|it| it == text.as_bytes());
    let found = (1..).zip(lines).filter(|(_, line)| has(line)).last();
    found.map_or(1, |(line, _)| line)
}

/// The first line, from 1, in which two texts differ.
fn first_other(one: &[u8], other: &[u8]) -> usize {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b);
    1 + same.filter(|(byte, _)| **byte == b'\n').count()
}
