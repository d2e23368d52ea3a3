//! What a commit message says about the version, read tolerantly.
//!
//! The form is that of Conventional Commits 1.0.0, and what people write instead of it. Nothing that
//! is read here decides anything: a [policy](crate::policy) does.

mod breaking;
mod header;
mod pick;
mod quote;
mod revert;

use std::borrow::Cow;

use semver::Version;
use serde::Serialize;

pub use breaking::Breaking;
pub use header::Header;
pub use revert::Reverted;

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The first line that is not empty, whatever it is.
    pub subject: String,
    /// The subject as the header of a conventional commit, or that of what it does again; none where it
    /// is none.
    pub header: Option<Header>,
    /// Headers that stand as items of a list in the body, as forges make it of the commits that they
    /// squash into one.
    pub squashed: Vec<Header>,
    /// What does not work any more, as the body says it.
    pub breaking: Vec<Breaking>,
    /// Lines that shout `BREAKING` in a way that cannot be understood.
    pub unclear: Vec<Line>,
    /// The version that it asks for in a footer, `Release-As: 1.2.3`; the last one counts.
    pub release_as: Option<Asked>,
    /// What it takes back.
    pub reverted: Option<Reverted>,
    /// The ids of the commits that it says it was picked from, as `git cherry-pick -x` does; at least
    /// seven hexadecimal digits each.
    pub picked: Vec<String>,
    /// Whether Git or a forge wrote it about a merge.
    pub merge: bool,
}

/// A line of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// Its text, cut where it is long.
    pub text: String,
}

/// A version that a message asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Asked {
    /// This one.
    Version(Version),
    /// What stands there is no version.
    Unreadable(Line),
}

/// No more of a line is kept, in bytes.
const LONGEST: usize = 500;

/// A line as it is kept.
fn line(number: usize, text: &str) -> Line {
    Line {
        number,
        text: cut(text.trim()).to_owned(),
    }
}

/// The beginning of a text.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl Message {
    /// Reads a message. What is no UTF-8 is replaced; everything can be read.
    pub fn read(message: &[u8]) -> Self {
        let text: Cow<'_, str> = String::from_utf8_lossy(message);
        let mut lines = (1..).zip(text.lines());
        let Some((_, subject)) = lines.find(|(_, it)| !it.trim().is_empty()) else {
            return Self::default();
        };
        let subject = subject.trim();
        let mut read = Self {
            subject: cut(subject).to_owned(),
            header: header(subject),
            merge: is_merge(subject),
            ..Self::default()
        };
        let quoted = quote::lines(&text);
        let mut fenced = false;
        let mut breaking = breaking::Reader::default();
        let mut ids = Vec::new();
        // Whether the last item is a squashed commit that takes something back.
        let mut takes_back = false;
        for (number, text) in lines {
            let trimmed = text.trim();
            if quoted.get(number - 1).is_some_and(|it| *it) {
                breaking.end();
                continue;
            }
            if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
                fenced = !fenced;
                continue;
            }
            // What is quoted there says nothing, unless it looks as if it did.
            if fenced {
                if breaking::shouts(trimmed) {
                    read.unclear.push(line(number, trimmed));
                }
                continue;
            }
            if let Some(asked) = asked(number, trimmed) {
                read.release_as = Some(asked);
                breaking.end();
                continue;
            }
            if !takes_back {
                ids.extend(revert::ids(trimmed));
            }
            if let Some(id) = pick::id(trimmed) {
                read.picked.push(id);
                breaking.end();
                continue;
            }
            match breaking.line(number, text) {
                breaking::Heard::Begins | breaking::Heard::GoesOn => continue,
                breaking::Heard::Unclear => read.unclear.push(line(number, trimmed)),
                breaking::Heard::Nothing => {}
            }
            if let Some(item) = item(trimmed) {
                let reverts = revert::quoted(item).map(Header::of_revert);
                takes_back = reverts.is_some();
                read.squashed.extend(reverts.or_else(|| header(item)));
            }
        }
        read.breaking = breaking.found();
        read.reverted = Reverted::of(&read.subject, read.header.as_ref(), ids);
        if breaking::shouts(subject) && read.header.as_ref().is_none_or(|it| !it.breaking) {
            match breaking::in_subject(subject) {
                Some(found) => read.breaking.insert(0, found),
                None => read.unclear.insert(0, line(1, subject)),
            }
        }
        read
    }
}

/// The header in a subject. What is done again means what it meant.
fn header(subject: &str) -> Option<Header> {
    Header::read(subject).or_else(|| Header::read(revert::reapplied(subject)?))
}

/// Whether a subject is one that Git or a forge writes about a merge.
fn is_merge(subject: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "Merge branch ",
        "Merge pull request ",
        "Merge remote-tracking branch ",
        "Merge tag ",
        "Merge commit ",
        "Merged in ",
    ];
    BEGINNINGS.iter().any(|it| subject.starts_with(it))
}

/// What stands in an item of a list.
fn item(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(['*', '-', '+'])?;
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

/// The version that a footer asks for.
fn asked(number: usize, text: &str) -> Option<Asked> {
    const TOKEN: &str = "release-as:";
    let token = text.get(..TOKEN.len())?;
    if !token.eq_ignore_ascii_case(TOKEN) {
        return None;
    }
    let version = text.get(TOKEN.len()..)?.trim();
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    Some(match Version::parse(version) {
        Ok(version) => Asked::Version(version),
        Err(_) => Asked::Unreadable(line(number, text)),
    })
}

#[cfg(test)]
mod tests;
