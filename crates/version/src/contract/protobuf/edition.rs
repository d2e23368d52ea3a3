//! Files of editions, read with a parser that knows proto2 and proto3.
//!
//! The text is written as one of proto2 (`plain`) and parsed; its features are taken out of what the
//! parser gives (`options`), so that what resolves names and options never sees them. Both keep the
//! lines of the file as it is written.

mod options;
mod plain;
mod tokens;

use std::collections::BTreeMap;

use prost_types::FileDescriptorProto;

use self::plain::Plain;
use super::features::{Edition, Feature, Features, Setting};

/// Why a text cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// From 1.
    pub(super) line: usize,
    pub(super) reason: String,
}

impl Refused {
    /// By a place in a text, in bytes.
    fn at(text: &str, at: usize, reason: String) -> Self {
        let before = &text.as_bytes()[..at.min(text.len())];
        Self {
            line: before.iter().filter(|it| **it == b'\n').count() + 1,
            reason,
        }
    }
}

/// The features that are said of one declaration, and on which lines.
type Settings = Vec<(Setting, usize)>;

/// What a file says beyond its descriptor, by paths of field numbers and indices.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) edition: Edition,
    features: BTreeMap<Vec<i32>, Settings>,
    /// Types of which is said whether other files may name them.
    exported: BTreeMap<Vec<i32>, bool>,
}

impl Said {
    fn settings(&self, path: &[i32]) -> &[(Setting, usize)] {
        self.features.get(path).map_or(&[], Vec::as_slice)
    }

    /// The features of a declaration, by those of what it is declared in.
    pub(super) fn features(&self, path: &[i32], around: Features) -> Features {
        around.with(self.settings(path).iter().map(|it| it.0))
    }

    /// The line on which a feature is said of a declaration itself.
    pub(super) fn line(&self, path: &[i32], feature: Feature) -> Option<usize> {
        let mut settings = self.settings(path).iter();
        let found = settings.find(|it| it.0.feature == feature);
        found.map(|it| it.1)
    }

    /// Whether it is said that other files may name a type.
    pub(super) fn exported(&self, path: &[i32]) -> Option<bool> {
        self.exported.get(path).copied()
    }
}

/// Parses a file, of whatever syntax or edition.
pub(super) fn parse(path: &str, text: &str) -> Result<(FileDescriptorProto, Said), Refused> {
    let Some(plain) = Plain::of(text)? else {
        let mut file = parsed(path, text)?;
        let edition = match file.syntax() {
            "proto3" => Edition::Proto3,
            _ => Edition::Proto2,
        };
        let said = Said {
            edition,
            features: options::take(&mut file, edition)?,
            exported: BTreeMap::new(),
        };
        return Ok((file, said));
    };
    let mut file = parsed(path, &plain.text)?;
    let features = options::take(&mut file, plain.edition)?;
    let exported = exported(&file, &plain);
    let said = Said {
        edition: plain.edition,
        features,
        exported,
    };
    Ok((file, said))
}

fn parsed(path: &str, text: &str) -> Result<FileDescriptorProto, Refused> {
    protox_parse::parse(path, text).map_err(|error| {
        // What is missing at the end stands nowhere else.
        let end = text.trim_end().len();
        let start = error.span().map_or(end, |it| it.start);
        let refused = Refused::at(text, start, error.to_string());
        let line = text.lines().nth(refused.line - 1).unwrap_or_default();
        let rest = line.trim_start().strip_prefix("edition");
        if rest.is_some_and(|it| it.trim_start().starts_with('=')) {
            let reason = "an edition is the first that a file says, and the only syntax".to_owned();
            return Refused { reason, ..refused };
        }
        refused
    })
}

/// The types of which is said whether other files may name them, found by where they begin.
fn exported(file: &FileDescriptorProto, plain: &Plain) -> BTreeMap<Vec<i32>, bool> {
    if plain.exported.is_empty() {
        return BTreeMap::new();
    }
    let ends = plain.text.match_indices('\n').map(|it| it.0 + 1);
    let lines: Vec<usize> = std::iter::once(0).chain(ends).collect();
    let places = file.source_code_info.iter().flat_map(|it| &it.location);
    let found = places.filter_map(|place| {
        let [line, column, ..] = place.span[..] else {
            return None;
        };
        let at = lines.get(usize::try_from(line).ok()?)? + usize::try_from(column).ok()?;
        let known = plain.exported.binary_search_by_key(&at, |it| it.0).ok()?;
        Some((place.path.clone(), plain.exported[known].1))
    });
    found.collect()
}
