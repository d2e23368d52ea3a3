//! Edits as splices, and the proof that they change what they should and nothing else.

use semver::Version;

use super::error::ChangelogError;
use super::span::Span;
use super::{Changelog, Name, Section};

/// A range of bytes and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// The range; empty where text is put in.
    pub span: Span,
    /// What comes there.
    pub text: String,
}

/// What an edit makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// What was changed, in the order of the file. None if it was so already.
    pub splices: Vec<Splice>,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// What is not wrong enough to stop for. Lines are those of the file before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The newest version is not the highest one.
    #[error("line {line}: {version} comes to stand over {newest}, which is higher")]
    OutOfOrder {
        /// Where the newest version is.
        line: usize,
        /// What is released.
        version: Version,
        /// The version under it.
        newest: Version,
    },
    /// The day is before that of the release before.
    #[error("line {line}: the release before is of a later day")]
    EarlierDay {
        /// Where the release before is.
        line: usize,
    },
    /// A link was left as it is.
    #[error("line {line}: `{url}` compares nothing that is understood, and stays as it is")]
    Link {
        /// Where it is.
        line: usize,
        /// Where it leads.
        url: String,
    },
    /// The heading is in brackets and no link belongs to it.
    #[error("nothing is known that [{name}] could link to")]
    NoLink {
        /// What stands in the brackets.
        name: String,
    },
}

/// Splices that are collected.
#[derive(Debug, Default)]
pub(super) struct Splices {
    all: Vec<Splice>,
}

impl Splices {
    pub(super) fn replace(&mut self, span: Span, text: impl Into<String>) {
        let text = text.into();
        self.all.push(Splice { span, text });
    }

    /// Puts whole lines in at the beginning of a line, or at the end of the file. Where the file does
    /// not end with a line end, it does not afterwards either.
    pub(super) fn lines(&mut self, changelog: &Changelog, at: usize, text: &str) {
        let newline = changelog.newline(at);
        let before = changelog.bytes.get(..at).unwrap_or_default();
        let open = !before.is_empty() && !before.ends_with(b"\n") && !before.ends_with(b"\r");
        let text = if open {
            format!("{newline}{}", text.strip_suffix(newline).unwrap_or(text))
        } else {
            text.to_owned()
        };
        self.replace(Span::new(at, at), text);
    }

    /// The file with all of them, if it is read as it is meant: every section but `targets` (by their
    /// place in the list) is what it was, there are those of `more` besides, and `meant` holds.
    pub(super) fn finish(
        mut self,
        changelog: &Changelog,
        targets: &[usize],
        more: &[Name],
        warnings: Vec<Warning>,
        meant: impl Fn(&Changelog) -> bool,
    ) -> Result<Edited, ChangelogError> {
        self.all.sort_by_key(|it| it.span.start);
        let mut bytes = Vec::with_capacity(changelog.bytes.len() + 256);
        let mut from = 0;
        for splice in &self.all {
            bytes.extend_from_slice(Span::new(from, splice.span.start).of(&changelog.bytes));
            bytes.extend_from_slice(splice.text.as_bytes());
            from = splice.span.end;
        }
        bytes.extend_from_slice(Span::new(from, changelog.bytes.len()).of(&changelog.bytes));
        let line = || {
            let first = self.all.first().map_or(0, |it| it.span.start);
            changelog.line(first)
        };
        let after = Changelog::parse(bytes);
        if !same(changelog, &after, targets, more) || !meant(&after) {
            return Err(ChangelogError::WouldBreak { line: line() });
        }
        Ok(Edited {
            bytes: after.bytes,
            splices: self.all,
            warnings,
        })
    }
}

/// Whether `after` has the sections of `before` and those of `more`, and all but `targets` with the same
/// bytes.
fn same(before: &Changelog, after: &Changelog, targets: &[usize], more: &[Name]) -> bool {
    if after.sections.len() != before.sections.len() + more.len() {
        return false;
    }
    let mut others = after.sections.iter().filter(|it| !more.contains(&it.name));
    let equal = |(at, old): (usize, &Section)| {
        let Some(new) = others.next() else {
            return false;
        };
        let bytes = targets.contains(&at)
            || old.content().of(&before.bytes) == new.content().of(&after.bytes);
        bytes
            && old.name == new.name
            && (old.groups.len() <= new.groups.len() || targets.contains(&at))
    };
    let sections = before.sections.iter().enumerate().all(equal);
    let kept = |old: &super::Reference| {
        let mut all = after.references.iter();
        all.any(|new| new.label == old.label)
    };
    sections && before.references.iter().all(kept)
}

impl Changelog {
    /// What ends lines right before a place: that of the nearest line before it, of the first line
    /// otherwise, or `\n`.
    pub(super) fn newline(&self, at: usize) -> &'static str {
        let ending = |line: &[u8]| {
            if line.ends_with(b"\r\n") {
                Some("\r\n")
            } else if line.ends_with(b"\n") {
                Some("\n")
            } else if line.ends_with(b"\r") {
                Some("\r")
            } else {
                None
            }
        };
        let line = self.lines.line(at.saturating_sub(1));
        let of = |line: usize| ending(self.lines.span(line).of(&self.bytes));
        of(line)
            .or_else(|| of(line.saturating_sub(1).max(1)))
            .or_else(|| of(1))
            .unwrap_or("\n")
    }

    /// Whether the line that begins at a place has anything in it; false at the end of the file.
    pub(super) fn written(&self, at: usize) -> bool {
        let line = self.lines.span(self.lines.line(at));
        at < self.bytes.len() && !line.text(&self.text).trim().is_empty()
    }

    /// The place of a section in the list.
    pub(super) fn place(&self, section: &Section) -> usize {
        let start = section.heading.span.start;
        self.sections
            .partition_point(|it| it.heading.span.start < start)
    }
}
