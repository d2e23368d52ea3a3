//! `CHANGELOG.md` in the form of [Keep a Changelog 1.1.0](https://keepachangelog.com/en/1.1.0/),
//! edited without touching any other byte.
//!
//! A file is parsed to spans over its bytes ([`Changelog`]), whatever is in it: other line ends, other
//! headings, bytes that are no UTF-8. An edit ([`Changelog::add`], [`Changelog::release`],
//! [`Changelog::yank`], [`Changelog::reopen`]) is a few splices in the file's own style. What it makes is parsed again, and
//! refused if any section but the one that was meant is another one than before. [`Changelog::check`]
//! says what is not in the form.
//!
//! What counts as a heading, a list or a link reference is decided by a CommonMark parser. So
//! headings inside of code, comments, lists and quotes are none. Deliberately absent: putting a file
//! into form, and everything that decides a version.

mod add;
mod check;
mod edit;
mod error;
mod heading;
mod item;
mod kind;
mod links;
mod parse;
mod release;
mod reopen;
mod span;

use std::borrow::Cow;

use semver::Version;

pub use check::{Finding, Rule};
pub use edit::{Edited, Splice, Warning};
pub use error::ChangelogError;
pub use heading::{Heading, Label};
pub use item::{Item, ItemError};
pub use kind::{Kind, UnknownKind};
pub use release::{Links, ReleaseOf};
pub use span::{Lines, Span};

/// A changelog, as spans over its bytes.
#[derive(Debug, Clone)]
pub struct Changelog {
    bytes: Vec<u8>,
    /// The bytes with each that is no UTF-8 as `?` and a byte order mark as spaces: the same offsets.
    text: String,
    lines: Lines,
    title: Option<Span>,
    sections: Vec<Section>,
    references: Vec<Reference>,
    /// Blocks of HTML, among them comments.
    html: Vec<Span>,
}

/// What a section is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// What is not released yet.
    Unreleased,
    /// A release.
    Version(Version),
    /// Anything else.
    Other,
}

/// A section: a heading and everything up to the next one.
#[derive(Debug, Clone)]
pub struct Section {
    /// What it is about.
    pub name: Name,
    /// Its heading.
    pub heading: Heading,
    /// From the end of the heading to the next section, or to the end of the file.
    pub body: Span,
    /// The last byte after the last line that is neither empty nor one of the link references that end
    /// the section; the end of the heading if there is none.
    pub content_end: usize,
    /// Its groups, in order.
    pub groups: Vec<Group>,
    /// Items that stand before the first group, with the places of their lines.
    pub loose: Vec<Span>,
}

/// A group of items: `### Added` and what follows.
#[derive(Debug, Clone)]
pub struct Group {
    /// Which of the six kinds; nothing for a heading of another name.
    pub kind: Option<Kind>,
    /// Its heading.
    pub heading: Heading,
    /// From the end of the heading to the next group or section.
    pub body: Span,
    /// As in [`Section::content_end`].
    pub content_end: usize,
    /// The items of its outermost lists: from the line with the marker to the last line that is not
    /// empty.
    pub items: Vec<Span>,
}

/// A link reference: `[1.2.3]: https://…`.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The label between the brackets.
    pub label: String,
    /// Its lines.
    pub span: Span,
    /// The label.
    pub label_span: Span,
    /// The address.
    pub url: Span,
}

impl Changelog {
    /// Reads a changelog. Anything is one, though perhaps one without sections.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Self {
        parse::parse(bytes.into())
    }

    /// A new file, with a title, what the file is, and an empty section for what comes.
    pub fn new_file() -> String {
        "# Changelog\n\nAll notable changes to this project are documented in this file. The format is \
         that of\n[Keep a Changelog 1.1.0](https://keepachangelog.com/en/1.1.0/), and versions \
         follow\n[Semantic Versioning 2.0.0](https://semver.org/spec/v2.0.0.html).\n\n\
         ## [Unreleased]\n"
            .to_owned()
    }

    /// Every byte.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The heading of level 1 that the file begins with.
    pub fn title(&self) -> Option<Span> {
        self.title
    }

    /// Every section, in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Every link reference that counts, in order.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The text at a place; bytes that are no UTF-8 are `U+FFFD`. Empty for a span that is none of this
    /// file's.
    pub fn text(&self, span: Span) -> Cow<'_, str> {
        String::from_utf8_lossy(span.of(&self.bytes))
    }

    /// The line at a place, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.lines.line(at)
    }

    /// The section of a version, if there is one.
    pub fn version(&self, version: &Version) -> Option<&Section> {
        let mine = |it: &&Section| matches!(&it.name, Name::Version(found) if found == version);
        self.sections.iter().find(mine)
    }

    /// The items of a section with their groups, in order: Markdown without the marker of the list.
    pub fn items<'c>(
        &'c self,
        section: &'c Section,
    ) -> impl Iterator<Item = (&'c Group, String)> + 'c {
        let of = |group: &'c Group| {
            let text = |span: &Span| item::without_marker(&self.text(*span));
            group.items.iter().map(move |it| (group, text(it)))
        };
        section.groups.iter().flat_map(of)
    }

    /// The section for what is not released.
    ///
    /// # Errors
    /// If there is more than one.
    pub fn unreleased(&self) -> Result<Option<&Section>, ChangelogError> {
        let mut all = self.sections.iter();
        let first = all.find(|it| it.name == Name::Unreleased);
        match (first, all.find(|it| it.name == Name::Unreleased)) {
            (Some(first), Some(second)) => Err(ChangelogError::TwoUnreleased {
                first: self.line(first.heading.span.start),
                line: self.line(second.heading.span.start),
            }),
            (first, _) => Ok(first),
        }
    }

    /// The section of a release that stands highest, which is the newest where the file is in order.
    fn newest(&self) -> Option<(&Section, &Version)> {
        self.sections.iter().find_map(|it| match &it.name {
            Name::Version(version) => Some((it, version)),
            Name::Unreleased | Name::Other => None,
        })
    }
}

impl Section {
    /// From the first byte of the heading to the end of what is in it.
    pub fn content(&self) -> Span {
        Span::new(self.heading.span.start, self.content_end)
    }

    /// The first group of a kind.
    pub fn group(&self, kind: Kind) -> Option<&Group> {
        self.groups.iter().find(|it| it.kind == Some(kind))
    }

    /// Whether anything stands in it but headings.
    pub fn says_anything(&self) -> bool {
        let first = self.groups.first().map(|it| it.heading.span.start);
        let before = first.unwrap_or(self.content_end);
        self.heading.span.end < before.min(self.content_end) && !self.loose.is_empty()
            || self
                .groups
                .iter()
                .any(|it| it.heading.span.end < it.content_end)
            || self.groups.is_empty() && self.heading.span.end < self.content_end
    }
}

#[cfg(test)]
mod tests;
