//! What a finding is recognized by when the lines around it have moved.

use std::collections::BTreeMap;

use switchback_model::digest::Digest;

use crate::diagnostic::Diagnostic;

use super::uri::Place;

/// The fingerprint of each finding, in the order of the findings.
///
/// It is 32 hexadecimal digits of a hash over code, file and the text of the line with its blanks
/// made one, then a colon and a number: findings that are equal in all of this are counted from 1
/// by their place. A finding without a place has its message instead of a line. So neither lines
/// above nor the order of the findings make a difference, and a change of the line does.
pub(super) fn all(found: &[&Diagnostic], place: impl Fn(&str) -> Option<Place>) -> Vec<String> {
    let mut each: Vec<(usize, &Diagnostic, Digest)> = found
        .iter()
        .enumerate()
        .map(|(at, found)| (at, *found, hash(found, &place)))
        .collect();
    each.sort_by_key(|(_, found, _)| {
        let at = found.location.as_ref();
        (at.map(|at| (at.line, at.column, at.width)), &found.message)
    });
    let mut seen: BTreeMap<Digest, u32> = BTreeMap::new();
    let mut fingerprints = BTreeMap::new();
    for (at, _, digest) in each {
        let ordinal = seen.entry(digest).or_default();
        *ordinal += 1;
        fingerprints.insert(at, format!("{}:{ordinal}", &digest.hex()[..32]));
    }
    fingerprints.into_values().collect()
}

fn hash(found: &Diagnostic, place: impl Fn(&str) -> Option<Place>) -> Digest {
    let location = found.location.as_ref();
    let file = location
        .and_then(|at| place(&at.file))
        .map(|place| place.uri);
    let text = location.map_or(&found.message, |at| &at.text);
    let text: Vec<&str> = text.split_whitespace().collect();
    // Neither a code nor a URI holds a line break, so no two inputs look the same.
    let parts = [found.code.id(), &file.unwrap_or_default(), &text.join(" ")];
    Digest::of(parts.join("\n").as_bytes())
}
