//! Applications that migrate when they start: reads the files and asks the rule.

use std::collections::{BTreeMap, BTreeSet};

use switchback_migration::lint::Finding;
use switchback_migration::repository::startup::{self, Clues, References, Survey};

use super::folders::Groups;
use super::targets::Targets;
use crate::survey::{Content, Entry, Listing, read, side_by_side};

/// Files of code that are larger were written by a program.
const LARGEST: u64 = 1 << 20;

/// What was found, and the texts of the files in which it was.
pub(super) fn find(
    listing: &Listing,
    targets: &Targets,
    groups: &Groups,
) -> (Vec<Finding>, BTreeMap<String, String>) {
    let migrations: BTreeSet<&str> = groups
        .all
        .iter()
        .flat_map(|group| group.sources.keys())
        .map(String::as_str)
        .collect();
    let files: Vec<&Entry> = listing
        .files
        .values()
        .filter(|entry| {
            startup::reads(&entry.name)
                && !migrations.contains(entry.name.as_str())
                && targets.judges(&entry.path)
        })
        .collect();
    let clues: Vec<Option<Clues>> =
        side_by_side(&files, |entry| startup::clues(&entry.name, &text(entry)?));
    let mut survey = Survey::new(clues.into_iter().flatten());
    let code: Vec<&Entry> = files
        .into_iter()
        .filter(|entry| startup::may_refer(&entry.name))
        .collect();
    loop {
        let names = survey.wanted();
        if names.is_empty() {
            break;
        }
        let found: Vec<Option<References>> = side_by_side(&code, |entry| {
            startup::references(&entry.name, &text(entry)?, &names)
        });
        let found: Vec<References> = found.into_iter().flatten().collect();
        survey.go_on(&found);
    }
    let findings = survey.findings();
    let texts = findings.iter().filter_map(|finding| {
        let entry = listing.files.get(&finding.file)?;
        Some((finding.file.clone(), text(entry)?))
    });
    let texts = texts.collect();
    (findings, texts)
}

/// The text of a file. One that cannot be read, or is no text, says nothing.
fn text(entry: &Entry) -> Option<String> {
    match read(&[entry], LARGEST).pop()? {
        Ok(Content::Text(text)) => Some(text),
        _ => None,
    }
}
