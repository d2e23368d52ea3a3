//! What in a changelog is not in the form of Keep a Changelog.

use serde::Serialize;

use super::kind::Kind;
use super::links;
use super::span::Span;
use super::{Changelog, Group, Name, Section};
use crate::level::Level;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The file has no title.
    Title,
    /// More than one section for what is not released.
    UnreleasedTwice,
    /// `Unreleased` is not the first section.
    UnreleasedFirst,
    /// A version has more than one section.
    VersionTwice,
    /// The newest release does not come first.
    Order,
    /// A section between releases that is none.
    NotARelease,
    /// A heading of the wrong level, or underlined.
    HeadingLevel,
    /// A heading without brackets, or with words that do not belong there.
    HeadingForm,
    /// A release without a day, or of a day that there is not.
    Day,
    /// A release about which nothing is said.
    EmptyRelease,
    /// A group that is none of the six.
    UnknownGroup,
    /// A group that is there twice in a section.
    GroupTwice,
    /// A group in which nothing stands.
    EmptyGroup,
    /// Items that stand in no group.
    LooseItem,
    /// A heading in brackets to which no link belongs.
    NoLink,
    /// A link that compares other versions than its heading says.
    WrongLink,
    /// Bytes that are no UTF-8.
    Encoding,
    /// Characters that are not seen, or that change the order of others.
    Invisible,
}

/// One thing that is not in the form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// Where, in bytes.
    pub span: Span,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
}

struct Check<'a> {
    changelog: &'a Changelog,
    found: Vec<Finding>,
}

impl Changelog {
    /// Everything that is not in the form, in the order of the file.
    pub fn check(&self) -> Vec<Finding> {
        let mut check = Check {
            changelog: self,
            found: Vec::new(),
        };
        check.characters();
        check.order();
        let released = self.newest().map(|(it, _)| self.place(it));
        for (at, section) in self.sections.iter().enumerate() {
            let span = section.heading.span;
            match &section.name {
                Name::Other if released.is_some_and(|it| it < at) => check.add(
                    Rule::NotARelease,
                    span,
                    "this is neither a version nor `Unreleased`",
                ),
                Name::Other => {}
                Name::Unreleased | Name::Version(_) => check.section(section),
            }
        }
        if self.title.is_none() {
            let start = Span::new(0, self.lines.span(1).end);
            check.add(Rule::Title, start, "the file has no title");
        }
        let mut found = check.found;
        found.sort_by_key(|it| (it.span, it.rule));
        found
    }
}

impl Check<'_> {
    fn add(&mut self, rule: Rule, span: Span, message: impl Into<String>) {
        self.found.push(Finding {
            rule,
            span,
            line: self.changelog.line(span.start),
            message: message.into(),
        });
    }

    fn characters(&mut self) {
        let mut at = 0;
        let bytes = &self.changelog.bytes;
        for chunk in bytes.utf8_chunks() {
            for (place, c) in chunk.valid().char_indices() {
                let place = at + place;
                let mark = c == '\u{feff}' && place == 0;
                if is_invisible(c) && !mark {
                    let span = Span::new(place, place + c.len_utf8());
                    let code = u32::from(c);
                    self.add(
                        Rule::Invisible,
                        span,
                        format!("the character U+{code:04X} is not seen, or moves others"),
                    );
                }
            }
            at += chunk.valid().len();
            let bad = chunk.invalid().len();
            if bad > 0 {
                self.add(
                    Rule::Encoding,
                    Span::new(at, at + bad),
                    "these bytes are no UTF-8",
                );
            }
            at += bad;
        }
    }

    fn order(&mut self) {
        let changelog = self.changelog;
        let mut unreleased = None;
        let mut before: Option<(&Section, &semver::Version)> = None;
        let mut seen = std::collections::BTreeMap::new();
        for section in &changelog.sections {
            let span = section.heading.span;
            let line = changelog.line(span.start);
            match &section.name {
                Name::Unreleased => {
                    match unreleased {
                        Some(first) => self.add(
                            Rule::UnreleasedTwice,
                            span,
                            format!("a second section `Unreleased`; the first is at line {first}"),
                        ),
                        None if before.is_some() => self.add(
                            Rule::UnreleasedFirst,
                            span,
                            "`Unreleased` comes before every release",
                        ),
                        None => {}
                    }
                    unreleased.get_or_insert(line);
                }
                Name::Version(version) => {
                    if let Some(first) = seen.insert(version, line) {
                        self.add(
                            Rule::VersionTwice,
                            span,
                            format!("a second section of {version}; the other is at line {first}"),
                        );
                    } else if let Some((above, newer)) = before
                        && newer < version
                        && !patched_later(above, newer, section, version)
                    {
                        self.add(
                            Rule::Order,
                            span,
                            format!("{version} is higher than {newer}, which stands above"),
                        );
                    }
                    before = Some((section, version));
                }
                Name::Other => {}
            }
        }
    }

    fn section(&mut self, section: &Section) {
        let changelog = self.changelog;
        let heading = &section.heading;
        let Some(label) = &heading.label else {
            return;
        };
        let what = match &label.version {
            Some(version) => version.to_string(),
            None => "Unreleased".to_owned(),
        };
        if heading.underlined || heading.level != 2 {
            let message = format!("the heading of a release begins with `## `: `## [{what}]`");
            self.add(Rule::HeadingLevel, heading.span, message);
        }
        if !label.bracketed {
            let message = format!("the name stands in brackets: `[{what}]`");
            self.add(Rule::HeadingForm, label.name, message);
        } else if label.url.is_none() && !self.linked(label.name.text(&changelog.text)) {
            let message = format!("nothing says where [{what}] links to");
            self.add(Rule::NoLink, label.name, message);
        }
        if let Some(rest) = label.rest {
            let message = "only a day and `[YANKED]` come after the name";
            self.add(Rule::HeadingForm, rest, message);
        }
        match (label.version.is_some(), label.date) {
            (true, None) => {
                let message = "the day is missing: ` - 2026-01-31`";
                self.add(Rule::Day, heading.text, message);
            }
            (true, Some((span, None))) => self.add(Rule::Day, span, "there is no such day"),
            (false, Some((span, _))) => {
                self.add(Rule::HeadingForm, span, "what is not released has no day");
            }
            _ => {}
        }
        if let Some((span, message)) = links::wrong(changelog, section) {
            self.add(Rule::WrongLink, span, message);
        }
        if label.version.is_some() && section.content_end == heading.span.end {
            let message = format!("nothing is said about {what}");
            self.add(Rule::EmptyRelease, heading.span, message);
        }
        for span in &section.loose {
            let message = "this stands in no group, such as `### Added`";
            self.add(Rule::LooseItem, *span, message);
        }
        for (at, group) in section.groups.iter().enumerate() {
            let before = section.groups.get(..at).unwrap_or_default();
            self.group(section, group, before);
        }
    }

    fn group(&mut self, section: &Section, group: &Group, before: &[Group]) {
        let heading = &group.heading;
        let text = heading.text.text(&self.changelog.text);
        match group.kind {
            None => {
                let names = Kind::ALL.map(Kind::heading).join(", ");
                let message = format!("`{text}` is none of the groups: {names}");
                self.add(Rule::UnknownGroup, heading.text, message);
            }
            Some(kind) if before.iter().any(|it| it.kind == group.kind) => {
                let message = format!("a second group `{}` in one section", kind.heading());
                self.add(Rule::GroupTwice, heading.text, message);
            }
            Some(kind) if text != kind.heading() => {
                let message = format!("the heading is `{}`", kind.heading());
                self.add(Rule::HeadingForm, heading.text, message);
            }
            Some(_) => {}
        }
        if heading.level != 3 || heading.underlined {
            let message = "the heading of a group begins with `### `";
            self.add(Rule::HeadingLevel, heading.span, message);
        }
        // Where nothing is released yet empty groups are a form to fill in.
        if group.content_end == heading.span.end && section.name != Name::Unreleased {
            self.add(
                Rule::EmptyGroup,
                heading.span,
                "nothing stands in this group",
            );
        }
    }

    fn linked(&self, name: &str) -> bool {
        let mut all = self.changelog.references.iter();
        all.any(|it| it.label.eq_ignore_ascii_case(name))
    }
}

/// Whether the one above is an older line that was mended after the one below had been released.
fn patched_later(
    above: &Section,
    newer: &semver::Version,
    section: &Section,
    version: &semver::Version,
) -> bool {
    let day = |it: &Section| it.heading.label.as_ref()?.date?.1;
    let later = match (day(above), day(section)) {
        (Some(above), Some(below)) => above >= below,
        _ => false,
    };
    later && newer.patch > 0 && Level::between(newer, version) > Level::Patch
}

/// Whether a character is not seen, or moves others about: control characters other than those that end
/// lines, and marks of direction.
fn is_invisible(c: char) -> bool {
    c.is_control() && !"\n\r\t".contains(c)
        || matches!(
            c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}
