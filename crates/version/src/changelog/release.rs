//! What is not released becomes a release, and a release becomes one that nobody should use.

use jiff::civil::Date;
use semver::Version;

use super::edit::{Edited, Splices, Warning};
use super::error::ChangelogError;
use super::heading::{Heading, Label};
use super::links;
use super::span::Span;
use super::{Changelog, Name, Section};

/// A release that is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseOf {
    /// Its version.
    pub version: Version,
    /// Its day.
    pub date: Date,
    /// Its tag, for links. Without one it is made as those in the file are, or is `v` and the version.
    pub tag: Option<String>,
    /// Where links lead in a file that has none yet.
    pub links: Option<Links>,
    /// Whether a release of which nothing is said is written down too.
    pub allow_empty: bool,
}

/// Where links lead: addresses in which `{from}` and `{to}` stand for tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// What lies between two tags: `https://…/compare/{from}...{to}`.
    pub compare: String,
    /// One tag, for a first release: `https://…/releases/tag/{to}`.
    pub release: String,
}

impl Changelog {
    /// Releases what is not released: its text goes under a heading of the version, in the style of the
    /// release before, and `Unreleased` stays, empty. Links are moved on and added as the file's others
    /// are.
    ///
    /// # Errors
    /// If there is no such section or nothing in it, if the version is there already, or if the file
    /// would not be read as it is meant.
    pub fn release(&self, release: &ReleaseOf) -> Result<Edited, ChangelogError> {
        let section = self.unreleased()?.ok_or(ChangelogError::NoUnreleased)?;
        if let Some(there) = self.version(&release.version) {
            return Err(ChangelogError::VersionExists {
                line: self.line(there.heading.span.start),
                version: release.version.clone(),
            });
        }
        if !release.allow_empty && !section.says_anything() {
            return Err(ChangelogError::NothingUnreleased {
                line: self.line(section.heading.span.start),
            });
        }
        let mut warnings = self.order(release);
        let mut splices = Splices::default();
        let plan = links::plan(self, section, release);
        let heading = self.heading_of(section, release, plan.inline.as_deref());
        let at = section.heading.span.end;
        let newline = self.newline(at);
        let mut text = format!("{newline}{heading}{newline}");
        // A heading without anything under it would touch the next one.
        if section.body.start == section.content_end && self.written(at) {
            text.push_str(newline);
        }
        splices.lines(self, at, &text);
        for (span, text) in plan.replace {
            splices.replace(span, text);
        }
        for (at, text) in plan.lines {
            splices.lines(self, at, &text);
        }
        warnings.extend(plan.warnings);

        let name = Name::Version(release.version.clone());
        let body = Span::new(section.heading.span.end, section.content_end);
        let meant = |after: &Changelog| {
            let Some(new) = after.version(&release.version) else {
                return false;
            };
            let moved = Span::new(new.heading.span.end, new.content_end);
            let empty = matches!(after.unreleased(), Ok(Some(it)) if !it.says_anything());
            let (old, new) = (body.of(&self.bytes), moved.of(&after.bytes));
            empty && old.trim_ascii() == new.trim_ascii()
        };
        splices.finish(self, &[self.place(section)], &[name], warnings, meant)
    }

    /// Marks a release as one that nobody should use. Nothing changes if it is marked already.
    ///
    /// # Errors
    /// If the version is not there, or twice.
    pub fn yank(&self, version: &Version) -> Result<Edited, ChangelogError> {
        let mut all = self
            .sections
            .iter()
            .filter(|it| matches!(&it.name, Name::Version(found) if found == version));
        let section = all.next().ok_or_else(|| ChangelogError::NoSuchVersion {
            version: version.clone(),
        })?;
        if let Some(second) = all.next() {
            return Err(ChangelogError::VersionTwice {
                first: self.line(section.heading.span.start),
                line: self.line(second.heading.span.start),
                version: version.clone(),
            });
        }
        let mut splices = Splices::default();
        let label = section.heading.label.as_ref();
        if label.is_some_and(|it| it.yanked.is_none()) {
            let at = section.heading.text.end;
            splices.replace(Span::new(at, at), " [YANKED]");
        }
        let meant = |after: &Changelog| {
            let label = after
                .version(version)
                .and_then(|it| it.heading.label.as_ref());
            label.is_some_and(|it| it.yanked.is_some())
        };
        splices.finish(self, &[self.place(section)], &[], Vec::new(), meant)
    }

    /// What is odd about the place that a release gets.
    fn order(&self, release: &ReleaseOf) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let Some((section, newest)) = self.newest() else {
            return warnings;
        };
        let line = self.line(section.heading.span.start);
        if *newest > release.version {
            warnings.push(Warning::OutOfOrder {
                line,
                version: release.version.clone(),
                newest: newest.clone(),
            });
        }
        let date = section.heading.label.as_ref().and_then(|it| it.date);
        if date.is_some_and(|(_, day)| day.is_some_and(|day| day > release.date)) {
            warnings.push(Warning::EarlierDay { line });
        }
        warnings
    }

    /// The heading of a release, as that of the release before is written; without line end.
    fn heading_of(&self, unreleased: &Section, release: &ReleaseOf, url: Option<&str>) -> String {
        let model = self
            .newest()
            .map_or(&unreleased.heading, |(it, _)| &it.heading);
        let label = model.label.as_ref();
        let name = self.name_of(release);
        let mut text = if label.is_none_or(|it| it.bracketed) {
            format!("[{name}]")
        } else {
            name
        };
        if let Some(url) = url {
            text = format!("{text}({url})");
        }
        let (between, tail) = label.map_or((" - ", ""), |label| self.around_date(model, label));
        let word = label.map_or("", |it| {
            Span::new(model.text.start, it.link.start).text(&self.text)
        });
        let text = format!("{word}{text}{between}{}{tail}", release.date);
        if model.underlined {
            let newline = self.newline(unreleased.heading.span.end);
            let line = if model.level == 1 { "=" } else { "-" };
            return format!("{text}{newline}{}", line.repeat(text.chars().count()));
        }
        format!("{} {text}", "#".repeat(usize::from(model.level)))
    }

    /// The name of a release as a heading has it: with a `v` where the one before has it.
    pub(super) fn name_of(&self, release: &ReleaseOf) -> String {
        let newest = self.newest().and_then(|(section, version)| {
            let label = section.heading.label.as_ref()?;
            Some((label.name.text(&self.text), version))
        });
        let version = release.version.to_string();
        let Some((name, newest)) = newest else {
            return version;
        };
        name.strip_suffix(&newest.to_string())
            .map_or(version.clone(), |before| format!("{before}{version}"))
    }

    /// What stands before and after the date of a heading.
    fn around_date(&self, heading: &Heading, label: &Label) -> (&str, &str) {
        let Some((date, _)) = label.date else {
            return (" - ", "");
        };
        let between = Span::new(label.link.end, date.start);
        let early = label.yanked.is_some_and(|it| between.holds(it.start));
        let between = between.text(&self.text);
        if early || between.trim().chars().count() > 1 {
            return (" - ", "");
        }
        let rest = Span::new(date.end, heading.text.end).text(&self.text);
        let tail = if rest.starts_with(')') { ")" } else { "" };
        (between, tail)
    }
}
