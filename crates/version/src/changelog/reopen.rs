//! A release that was written down and never came: its text is what is not released again.

use semver::Version;

use super::error::ChangelogError;
use super::item::Item;
use super::kind::Kind;
use super::links;
use super::span::Span;
use super::{Changelog, Name, Section};

impl Changelog {
    /// Takes the heading of a release out, and its links, so that its text stands under `Unreleased`
    /// again, with what stands there. Nothing is lost, and every other section is what it was.
    ///
    /// # Errors
    /// If there is no such version or no `Unreleased`, if they do not follow one another, or if the file
    /// would not be read as it is meant.
    pub fn reopen(&self, version: &Version) -> Result<Self, ChangelogError> {
        let unreleased = self.unreleased()?.ok_or(ChangelogError::NoUnreleased)?;
        let section = self.version(version);
        let section = section.ok_or_else(|| ChangelogError::NoSuchVersion {
            version: version.clone(),
        })?;
        let broken = || ChangelogError::WouldBreak {
            line: self.line(section.heading.span.start),
        };
        if self.place(section) != self.place(unreleased) + 1 {
            return Err(broken());
        }
        // Items go where their groups are; anything else stays where it is.
        let items = self.only_items(unreleased);
        let from = match &items {
            Some(_) => unreleased.heading.span.end,
            None => section.heading.span.start,
        };
        let mut cuts = vec![(Span::new(from, section.heading.span.end), String::new())];
        cuts.extend(links::taken_back(self, unreleased, section));
        cuts.sort_by_key(|(span, _)| span.start);
        let (mut bytes, mut at) = (Vec::with_capacity(self.bytes.len()), 0);
        for (span, text) in &cuts {
            bytes.extend_from_slice(Span::new(at, span.start).of(&self.bytes));
            bytes.extend_from_slice(text.as_bytes());
            at = span.end;
        }
        bytes.extend_from_slice(Span::new(at, self.bytes.len()).of(&self.bytes));
        let mut after = Self::parse(bytes);
        if let Some(items) = items.filter(|it| !it.is_empty()) {
            after = Self::parse(after.add(&items)?.bytes);
        }
        let is_meant = self.is_without(section, &after);
        is_meant.then_some(after).ok_or_else(broken)
    }

    /// The items of a section in which nothing else stands.
    fn only_items(&self, section: &Section) -> Option<Vec<(Kind, Item)>> {
        let mut known: Vec<Span> = Vec::new();
        for group in &section.groups {
            group.kind?;
            known.push(group.heading.span);
            known.extend(&group.items);
        }
        let mut at = section.heading.span.end;
        for span in known.into_iter().chain([Span::new(section.content_end, 0)]) {
            let between = Span::new(at, span.start.max(at)).of(&self.bytes);
            if !between.trim_ascii().is_empty() {
                return None;
            }
            at = at.max(span.end);
        }
        let items = self.items(section);
        items
            .map(|(group, text)| Some((group.kind?, Item::markdown(&text).ok()?)))
            .collect()
    }

    /// Whether another file has every section of this but one, and all but `Unreleased` as they are.
    fn is_without(&self, section: &Section, after: &Self) -> bool {
        let mut others = after.sections.iter();
        let rest = self.sections.iter();
        let mut rest = rest.filter(|it| it.heading.span != section.heading.span);
        let same = rest.all(|old| {
            others.next().is_some_and(|new| {
                let bytes = old.content().of(&self.bytes) == new.content().of(&after.bytes);
                new.name == old.name && (bytes || old.name == Name::Unreleased)
            })
        });
        same && others.next().is_none()
    }
}
