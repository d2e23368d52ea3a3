//! Diagnostics as SARIF 2.1.0, the log that code scanning services and editors read.
//!
//! Sources: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>,
//! cited by section, and what GitHub asks for:
//! <https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support>.

mod fingerprint;
mod log;
mod rule;
mod text;
mod uri;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::escape::escape_text;
use crate::human::said;

/// Where the schema of the log is; also the name that the schema has for itself.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name of the folder that files are relative to.
const ROOT: &str = "%SRCROOT%";

/// The name of our fingerprint: code, file and the line's text with its blanks made one, hashed,
/// and an ordinal for equal ones. Another way to make it needs another name (§3.27.17).
///
/// GitHub's code scanning compares only `primaryLocationLineHash`. It is made from the whole file,
/// and the action `github/codeql-action/upload-sarif` adds it; whoever uploads without that action
/// has to.
pub const FINGERPRINT: &str = "switchback/v1";

/// What a log needs to know beside the diagnostics.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run<'a> {
    /// The version of the program, such as `0.1.0`.
    pub version: &'a str,
    /// Where people read about the program, an absolute URI.
    pub information_uri: Option<&'a str>,
    /// The folder that files are relative to: an absolute path with `/` between its parts. Files
    /// that are named by an absolute path below it become relative. The log names it, so it should
    /// be left out of logs that must be the same on every machine.
    pub root: Option<&'a str>,
    /// The file that findings without a place are shown at, such as `switchback.toml`. Without it
    /// they have no place in the log either, and GitHub refuses a log with such a finding as a
    /// whole.
    pub anchor: Option<&'a str>,
    /// How much each code matters by default. A code that is not listed has the greatest severity
    /// with which it occurs.
    pub levels: &'a [(Code, Severity)],
    /// What was found and is allowed where it stands; none if nobody asked. GitHub's code scanning
    /// passes over the property and shows these findings as any other, so they should be left out
    /// of logs for it: <https://github.com/github/codeql-action/issues/1230>.
    pub suppressed: Option<&'a [Suppressed]>,
}

/// A finding that somebody allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// The finding.
    pub diagnostic: Diagnostic,
    /// Where that is written down.
    pub kind: Suppression,
    /// Why, in the words of whoever allowed it; may be empty.
    pub justification: String,
}

/// Where it is written down that a finding is allowed (§3.35.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Suppression {
    /// In the file itself, such as by a comment.
    InSource,
    /// Elsewhere, such as in a baseline.
    External,
}

/// The log on one line, without a line break. Columns count characters, and the end of a region is
/// the column after its last character.
///
/// Suppressed findings come after the others. Characters that could deceive a reader of the file
/// are written as JSON escapes, which a program reads as the same characters.
///
/// # Errors
/// Never for these types; the signature is that of `serde_json`.
pub fn render(diagnostics: &[Diagnostic], run: &Run<'_>) -> Result<String, serde_json::Error> {
    let suppressed = run.suppressed.unwrap_or_default();
    let all: Vec<&Diagnostic> = diagnostics
        .iter()
        .chain(suppressed.iter().map(|each| &each.diagnostic))
        .collect();
    let levels = levels(&all, run.levels);
    let indices: BTreeMap<&str, usize> = levels.keys().copied().zip(0..).collect();
    let root = run.root.map(uri::of_folder);
    let place = |file: &str| uri::of_file(file, root.as_deref());
    let fingerprints = fingerprint::all(&all, place);
    let suppressions = diagnostics
        .iter()
        .map(|_| run.suppressed.map(|_| Vec::new()))
        .chain(suppressed.iter().map(|each| Some(vec![allowed(each)])));
    let results = all
        .iter()
        .zip(fingerprints)
        .zip(suppressions)
        .map(|((found, fingerprint), suppressions)| log::Finding {
            rule_id: match found.rule {
                // A name below that of a rule is a part of it (§3.52.4).
                Some(rule) => Cow::Owned(format!("{}/{rule}", found.code.id())),
                None => Cow::Borrowed(found.code.id()),
            },
            rule_index: indices.get(found.code.id()).copied(),
            level: found.severity.word(),
            message: message(found),
            locations: location(found, run.anchor, place).into_iter().collect(),
            partial_fingerprints: BTreeMap::from([(FINGERPRINT, fingerprint)]),
            suppressions,
        })
        .collect();
    let log = log::Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [log::Run {
            tool: log::Tool {
                driver: log::Driver {
                    name: "switchback",
                    version: Some(run.version)
                        .filter(|version| !version.is_empty())
                        .map(str::to_owned),
                    information_uri: run.information_uri.map(str::to_owned),
                    rules: levels
                        .values()
                        .map(|(code, level)| rule::of(*code, *level))
                        .collect(),
                },
            },
            original_uri_base_ids: BTreeMap::from([(
                ROOT,
                log::BaseId {
                    uri: root.clone(),
                    description: log::Message {
                        text: "The folder that the names of files are relative to.".to_owned(),
                        markdown: None,
                    },
                },
            )]),
            column_kind: "unicodeCodePoints",
            results,
        }],
    };
    serde_json::to_string(&log).map(|json| text::shown(&json))
}

/// Each code that occurs, by id, with how much it matters by default.
fn levels(
    all: &[&Diagnostic],
    given: &[(Code, Severity)],
) -> BTreeMap<&'static str, (Code, Severity)> {
    let mut levels = BTreeMap::new();
    for found in all {
        let entry = levels.entry(found.code.id());
        let (_, level) = entry.or_insert((found.code, found.severity));
        *level = found.severity.max(*level);
    }
    for (code, severity) in given {
        if let Some((_, level)) = levels.get_mut(code.id()) {
            *level = *severity;
        }
    }
    levels
}

/// The message, its causes and what to do next, as the reader of a result should have it all
/// (§3.27.11).
fn message(found: &Diagnostic) -> log::Message {
    let said = said(found);
    let said = if said.is_empty() {
        found.code.title()
    } else {
        &said
    };
    log::Message {
        text: text::plain(said),
        markdown: None,
    }
}

fn allowed(suppressed: &Suppressed) -> log::Suppression {
    let reason = suppressed.justification.trim();
    log::Suppression {
        kind: suppressed.kind,
        justification: (!reason.is_empty()).then(|| escape_text(reason)),
    }
}

/// The finding's place, or the anchor as a whole.
fn location(
    found: &Diagnostic,
    anchor: Option<&str>,
    place: impl Fn(&str) -> Option<uri::Place>,
) -> Option<log::Location> {
    let own = found.location.as_ref();
    let own = own.and_then(|at| Some((place(&at.file)?, Some(at))));
    let (artifact_location, at) = own.or_else(|| Some((place(anchor?)?, None)))?;
    Some(log::Location {
        physical_location: log::PhysicalLocation {
            artifact_location,
            region: at.map(region),
            context_region: at.and_then(context),
        },
    })
}

fn region(at: &Location) -> log::Region {
    let (line, start) = (at.line.max(1), at.column.max(1));
    let mut end = start.saturating_add(at.width.max(1));
    // A region that goes on after its line would not be within its context.
    if let Some(length) = length(at) {
        end = end.min(length.max(start).saturating_add(1));
    }
    log::Region {
        start_line: line,
        columns: Some(log::Columns {
            start_column: start,
            end_line: line,
            end_column: end,
        }),
        snippet: content(&meant(at)),
    }
}

/// The whole line, where that is more than the region (§3.29.5) and the region is in it.
fn context(at: &Location) -> Option<log::Region> {
    let meant = meant(at);
    (!meant.is_empty() && meant != at.text).then(|| log::Region {
        start_line: at.line.max(1),
        columns: None,
        snippet: content(&at.text),
    })
}

/// The length of the line in characters; none if the line is empty or not known.
fn length(at: &Location) -> Option<u32> {
    let length = at.text.chars().count();
    u32::try_from(length).ok().filter(|length| *length > 0)
}

/// The characters of the line that the place is about.
fn meant(at: &Location) -> String {
    let number = |of: u32| usize::try_from(of).unwrap_or(usize::MAX);
    let skipped = at.text.chars().skip(number(at.column.max(1) - 1));
    skipped.take(number(at.width.max(1))).collect()
}

fn content(text: &str) -> Option<log::Content> {
    (!text.is_empty()).then(|| log::Content {
        text: text.to_owned(),
    })
}
