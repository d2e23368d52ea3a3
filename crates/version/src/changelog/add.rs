//! Items added to what is not released yet.

use super::edit::{Edited, Splices};
use super::error::ChangelogError;
use super::item::Item;
use super::kind::Kind;
use super::span::Span;
use super::{Changelog, Group, Name, Section};

impl Changelog {
    /// Adds items to `Unreleased`, after those that are there, in the file's own style. A group that is
    /// missing is made in the order of [`Kind::ALL`], and the section where there is none.
    ///
    /// # Errors
    /// If there are two such sections, or no place for one, or if the file would not be read as it is
    /// meant.
    pub fn add(&self, items: &[(Kind, Item)]) -> Result<Edited, ChangelogError> {
        let mut splices = Splices::default();
        let of = |kind: Kind| {
            let mine = items.iter().filter(move |(it, _)| *it == kind);
            mine.map(|(_, item)| item)
        };
        let unreleased = self.unreleased()?;
        if items.is_empty() {
            return splices.finish(self, &[], &[], Vec::new(), |_| true);
        }
        let Some(section) = unreleased else {
            let at = self.place_for_unreleased()?;
            splices.lines(self, at, &self.new_section(at, items));
            let meant = |after: &Changelog| added(after, items, 0);
            return splices.finish(self, &[], &[Name::Unreleased], Vec::new(), meant);
        };
        // New groups that stand at one place come as one text.
        let mut last = String::new();
        for kind in Kind::ALL {
            let mine: Vec<&Item> = of(kind).collect();
            if mine.is_empty() {
                continue;
            }
            if let Some(group) = section.group(kind) {
                self.append(&mut splices, section, group, &mine);
                continue;
            }
            let next = section
                .groups
                .iter()
                .find(|it| it.kind.is_some_and(|it| it > kind));
            let at = next.map_or(section.content_end, |it| it.heading.span.start);
            let newline = self.newline(at);
            let text = self.new_group(Some(section), kind, &mine, newline);
            if next.is_some() {
                splices.lines(self, at, &format!("{text}{newline}"));
            } else {
                last.push_str(newline);
                last.push_str(&text);
            }
        }
        if !last.is_empty() {
            let at = section.content_end;
            if self.written(at) {
                last.push_str(self.newline(at));
            }
            splices.lines(self, at, &last);
        }
        let before = section.groups.iter().map(|it| it.items.len()).sum();
        let meant = |after: &Changelog| added(after, items, before);
        splices.finish(self, &[self.place(section)], &[], Vec::new(), meant)
    }

    /// Items at the end of a group.
    fn append(&self, splices: &mut Splices, section: &Section, group: &Group, items: &[&Item]) {
        let (marker, spaces) = self.marker(section);
        let Some(last) = group.items.last() else {
            let at = group.content_end;
            let newline = self.newline(at);
            let mut text = newline.to_owned();
            for item in items {
                text.push_str(&item.lay(&marker, spaces, newline));
            }
            if self.written(at) {
                text.push_str(newline);
            }
            splices.lines(self, at, &text);
            return;
        };
        let at = last.end;
        let newline = self.newline(at);
        let apart = group.items.windows(2).any(|pair| match pair {
            [one, other] => one.end < other.start,
            _ => false,
        });
        // A list goes on with the marker of its last item; another one would begin a new list.
        let (marker, spaces) = self.marker_of(*last).unwrap_or((marker, spaces));
        let mut text = String::new();
        for item in items {
            if apart {
                text.push_str(newline);
            }
            text.push_str(&item.lay(&marker, spaces, newline));
        }
        splices.lines(self, at, &text);
    }

    /// A group with its items; without an empty line before or after it.
    fn new_group(
        &self,
        section: Option<&Section>,
        kind: Kind,
        items: &[&Item],
        newline: &str,
    ) -> String {
        let model = section
            .and_then(|it| it.groups.first())
            .or_else(|| self.sections.iter().find_map(|it| it.groups.first()));
        let above = section.or_else(|| self.newest().map(|(it, _)| it));
        let level = model.map_or_else(
            || above.map_or(3, |it| (it.heading.level + 1).max(3)),
            |it| it.heading.level,
        );
        let level = level.max(section.map_or(2, |it| it.heading.level) + 1);
        let close = model.is_some_and(|it| {
            let first = it.items.first();
            first.is_some_and(|item| item.start == it.heading.span.end)
        });
        let (marker, spaces) =
            section.map_or_else(|| self.any_marker(), |section| self.marker(section));
        let mut text = format!(
            "{} {}{newline}",
            "#".repeat(usize::from(level)),
            kind.heading()
        );
        if !close {
            text.push_str(newline);
        }
        for item in items {
            text.push_str(&item.lay(&marker, spaces, newline));
        }
        text
    }

    /// The section with its groups, for a place at which a line begins.
    fn new_section(&self, at: usize, items: &[(Kind, Item)]) -> String {
        let newline = self.newline(at);
        let model = self.newest().map(|(it, _)| &it.heading);
        let level = usize::from(model.map_or(2, |it| it.level));
        let label = model.and_then(|it| it.label.as_ref());
        let bracketed = label.is_none_or(|it| it.bracketed);
        let name = if bracketed {
            "[Unreleased]"
        } else {
            "Unreleased"
        };
        let mut text = String::new();
        let bytes = self.bytes.get(..at).unwrap_or_default();
        let blank = Span::new(at.saturating_sub(1), at);
        let line = self.lines.whole(blank);
        if !bytes.is_empty() && !line.text(&self.text).trim().is_empty() {
            text.push_str(newline);
        }
        text.push_str(&format!("{} {name}{newline}", "#".repeat(level)));
        for kind in Kind::ALL {
            let mine: Vec<&Item> = items
                .iter()
                .filter(|(it, _)| *it == kind)
                .map(|(_, item)| item)
                .collect();
            if !mine.is_empty() {
                text.push_str(newline);
                text.push_str(&self.new_group(None, kind, &mine, newline));
            }
        }
        if self.written(at) {
            text.push_str(newline);
        }
        text
    }

    /// Before the first release, else after everything under the title.
    fn place_for_unreleased(&self) -> Result<usize, ChangelogError> {
        if let Some((section, _)) = self.newest() {
            return Ok(section.heading.span.start);
        }
        let title = match (self.title, self.sections.first()) {
            (Some(title), None) => title,
            (_, first) => {
                return Err(ChangelogError::NoPlace {
                    line: first.map_or(1, |it| self.line(it.heading.span.start)),
                });
            }
        };
        let body = Span::new(title.end, self.bytes.len());
        Ok(super::parse::content_end(self, body))
    }

    /// The marker of items in a section, and how many spaces follow it; as elsewhere if it has none.
    fn marker(&self, section: &Section) -> (String, usize) {
        let mut groups = section.groups.iter();
        let first = groups.find_map(|it| it.items.first());
        first
            .and_then(|it| self.marker_of(*it))
            .unwrap_or_else(|| self.any_marker())
    }

    fn any_marker(&self) -> (String, usize) {
        let mut groups = self.sections.iter().flat_map(|it| &it.groups);
        let first = groups.find_map(|it| it.items.first());
        first
            .and_then(|it| self.marker_of(*it))
            .unwrap_or_else(|| ("-".to_owned(), 1))
    }

    /// The marker of one item, with what it is indented by. Nothing for numbers.
    fn marker_of(&self, item: Span) -> Option<(String, usize)> {
        let line = item.text(&self.text);
        let bare = line.trim_start_matches(' ');
        let indent = line.len() - bare.len();
        let marker = bare.chars().next().filter(|it| "-*+".contains(*it))?;
        let after = bare.get(1..)?;
        let spaces = after.len() - after.trim_start_matches(' ').len();
        let spaces = if (1..=4).contains(&spaces) { spaces } else { 1 };
        Some((format!("{}{marker}", " ".repeat(indent)), spaces))
    }
}

/// Whether `Unreleased` has as many items more, each in its group and with its text.
fn added(after: &Changelog, items: &[(Kind, Item)], before: usize) -> bool {
    let Ok(Some(section)) = after.unreleased() else {
        return false;
    };
    let there: usize = section.groups.iter().map(|it| it.items.len()).sum();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let found = |kind: Kind, item: &Item| {
        let wanted = words(item.text());
        section.groups.iter().any(|group| {
            group.kind == Some(kind)
                && group.items.iter().any(|it| {
                    let text = words(it.text(&after.text));
                    text.get(1..).is_some_and(|it| it.trim_start() == wanted)
                })
        })
    };
    there == before + items.len() && items.iter().all(|(kind, item)| found(*kind, item))
}
