//! Where headings link to: link references at the end, or addresses in the headings, moved on with a
//! release in the file's own style.

use semver::Version;

use super::edit::Warning;
use super::heading::version_in;
use super::release::ReleaseOf;
use super::span::Span;
use super::{Changelog, Name, Reference, Section};

/// What becomes of the links with a release.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The address in the heading, where headings have theirs there.
    pub(super) inline: Option<String>,
    /// Bytes that are others now.
    pub(super) replace: Vec<(Span, String)>,
    /// Lines that are put in at the beginning of a line.
    pub(super) lines: Vec<(usize, String)>,
    /// What was left as it is.
    pub(super) warnings: Vec<Warning>,
}

/// An address that compares: `…/compare/v1.0.0...HEAD?x`.
#[derive(Debug, Clone, Copy)]
struct Compare<'a> {
    /// Up to the first tag.
    before: &'a str,
    first: &'a str,
    between: &'a str,
    second: &'a str,
    after: &'a str,
    /// Whether the newer one comes first.
    reversed: bool,
}

impl<'a> Compare<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let at = url.rfind("compare/")? + "compare/".len();
        let (before, rest) = (url.get(..at)?, url.get(at..)?);
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (rest, after) = (rest.get(..end)?, rest.get(end..)?);
        let between = ["...", "..", "%0D"]
            .into_iter()
            .find(|it| rest.contains(it))?;
        let (first, second) = rest.split_once(between)?;
        if first.is_empty() || second.is_empty() {
            return None;
        }
        let newer = |older: &str, newer: &str| match (version_in(older), version_in(newer)) {
            (Some(older), Some(newer)) => older > newer,
            (None, Some(_)) => is_head(older),
            _ => false,
        };
        Some(Self {
            before,
            first,
            between,
            second,
            after,
            reversed: newer(first, second),
        })
    }

    /// The older of the two.
    fn from(self) -> &'a str {
        if self.reversed {
            self.second
        } else {
            self.first
        }
    }

    /// The newer of the two.
    fn to(self) -> &'a str {
        if self.reversed {
            self.first
        } else {
            self.second
        }
    }

    /// The same kind of address for others.
    fn with(self, from: &str, to: &str) -> String {
        let (first, second) = if self.reversed {
            (to, from)
        } else {
            (from, to)
        };
        format!(
            "{}{first}{}{second}{}",
            self.before, self.between, self.after
        )
    }
}

fn is_head(name: &str) -> bool {
    ["HEAD", "main", "master", "develop", "trunk"].contains(&name)
}

/// An address of one tag, up to the tag, and the tag.
fn one_tag(url: &str) -> Option<(&str, &str)> {
    let places = [
        "/releases/tag/",
        "/-/tags/",
        "/-/releases/",
        "/src/tag/",
        "/tree/",
        "/tags/",
    ];
    places.into_iter().find_map(|place| {
        let at = url.rfind(place)? + place.len();
        let (before, tag) = (url.get(..at)?, url.get(at..)?);
        (version_in(tag).is_some()).then_some((before, tag))
    })
}

/// What an address of one tag would be as one that compares.
fn comparing(url: &str, from: &str, to: &str) -> Option<String> {
    let (before, _) = one_tag(url)?;
    let (root, place) = match before.find("/-/") {
        Some(at) => (before.get(..at)?, "/-/compare/"),
        None => {
            let places = ["/releases/tag/", "/src/tag/", "/tree/", "/tags/"];
            let root = places.iter().find_map(|it| before.strip_suffix(it))?;
            (root, "/compare/")
        }
    };
    Some(format!("{root}{place}{from}...{to}"))
}

/// What becomes of the links when `section` is released.
pub(super) fn plan(changelog: &Changelog, section: &Section, release: &ReleaseOf) -> Plan {
    let newest = changelog.newest();
    let label = newest.and_then(|(it, _)| it.heading.label.as_ref());
    let mine = section.heading.label.as_ref();
    let inline = label
        .and_then(|it| it.url)
        .or_else(|| mine.and_then(|it| it.url));
    if inline.is_some() {
        return in_headings(changelog, section, release);
    }
    references(changelog, section, release)
}

/// The tag of the release. `seen` is a tag of the file.
fn tag(release: &ReleaseOf, seen: Option<&str>) -> String {
    if let Some(tag) = &release.tag {
        return tag.clone();
    }
    let version = release.version.to_string();
    let like = seen.and_then(|seen| {
        let old = version_in(seen)?.to_string();
        Some(format!("{}{version}", seen.strip_suffix(&old)?))
    });
    like.unwrap_or_else(|| format!("v{version}"))
}

/// Links that stand in the headings.
fn in_headings(changelog: &Changelog, section: &Section, release: &ReleaseOf) -> Plan {
    let mut plan = Plan::default();
    let mine = section.heading.label.as_ref().and_then(|it| it.url);
    let newest = changelog
        .newest()
        .and_then(|(it, _)| it.heading.label.as_ref()?.url);
    let newest = newest.map(|it| it.text(&changelog.text));
    if let Some(span) = mine {
        let url = span.text(&changelog.text);
        if let Some(found) = Compare::of(url) {
            let tag = tag(release, Some(found.from()));
            plan.inline = Some(found.with(found.from(), &tag));
            plan.replace.push((span, found.with(&tag, found.to())));
            return plan;
        }
        plan.warnings.push(Warning::Link {
            line: changelog.line(span.start),
            url: url.to_owned(),
        });
    }
    plan.inline = newest.and_then(|url| match Compare::of(url) {
        Some(found) => {
            let tag = tag(release, Some(found.to()));
            Some(found.with(found.to(), &tag))
        }
        None => {
            let (_, seen) = one_tag(url)?;
            comparing(url, seen, &tag(release, Some(seen)))
        }
    });
    plan
}

/// Links that stand at the end.
fn references(changelog: &Changelog, section: &Section, release: &ReleaseOf) -> Plan {
    let mut plan = Plan::default();
    let name = changelog.name_of(release);
    let text = &changelog.text;
    let all = &changelog.references;
    if all.iter().any(|it| it.label.eq_ignore_ascii_case(&name)) {
        return plan;
    }
    let unreleased = all
        .iter()
        .find(|it| it.label.eq_ignore_ascii_case("unreleased"));
    let of_versions: Vec<&Reference> = all
        .iter()
        .filter(|it| version_in(&it.label).is_some())
        .collect();
    let newest = changelog.newest().and_then(|(_, version)| {
        let mine = |it: &&&Reference| version_in(&it.label).as_ref() == Some(version);
        of_versions.iter().find(mine).copied()
    });

    if let Some(old) = unreleased {
        let url = old.url.text(text);
        let Some(found) = Compare::of(url) else {
            plan.warnings.push(Warning::Link {
                line: changelog.line(old.span.start),
                url: url.to_owned(),
            });
            add_before(changelog, &mut plan, newest, release, &name);
            return plan;
        };
        let tag = tag(release, Some(found.from()));
        plan.replace.push((old.url, found.with(&tag, found.to())));
        let one_each = !of_versions.is_empty()
            && of_versions.len() > 1
            && of_versions
                .iter()
                .all(|it| one_tag(it.url.text(text)).is_some());
        let url = match of_versions
            .first()
            .and_then(|it| one_tag(it.url.text(text)))
        {
            Some((before, _)) if one_each => format!("{before}{tag}"),
            _ => found.with(found.from(), &tag),
        };
        // The oldest may stand first.
        let first = of_versions.first().map(|it| it.span.start);
        let ascending = first.is_some_and(|it| it < old.span.start);
        let at = if ascending {
            old.span.start
        } else {
            old.span.end
        };
        let line = line_like(changelog, newest.unwrap_or(old), &name, &url, at);
        plan.lines.push((at, line));
        return plan;
    }
    if newest.is_some() {
        let bracketed = section
            .heading
            .label
            .as_ref()
            .is_some_and(|it| it.bracketed);
        let added = add_before(changelog, &mut plan, newest, release, &name);
        if bracketed && let (Some((found, tag)), Some(newest)) = (added, newest) {
            let at = newest.span.start;
            let head = found.replace("{to}", "HEAD").replace("{from}", &tag);
            let line = line_like(changelog, newest, "unreleased", &head, at);
            plan.lines.insert(0, (at, line));
        }
        return plan;
    }
    at_the_end(changelog, section, release, &name, &mut plan);
    plan
}

/// A line before that of the newest version. Gives what compares, with places for tags, and the tag.
fn add_before(
    changelog: &Changelog,
    plan: &mut Plan,
    newest: Option<&Reference>,
    release: &ReleaseOf,
    name: &str,
) -> Option<(String, String)> {
    let newest = newest?;
    let url = newest.url.text(&changelog.text);
    let (pattern, seen) = match Compare::of(url) {
        Some(found) => (found.with("{from}", "{to}"), found.to()),
        None => {
            let (_, seen) = one_tag(url)?;
            (comparing(url, "{from}", "{to}")?, seen)
        }
    };
    let tag = tag(release, Some(seen));
    let url = pattern.replace("{from}", seen).replace("{to}", &tag);
    let at = newest.span.start;
    plan.lines
        .push((at, line_like(changelog, newest, name, &url, at)));
    Some((pattern, tag))
}

/// Lines at the end of a file that has no links of releases, for headings in brackets.
fn at_the_end(
    changelog: &Changelog,
    section: &Section,
    release: &ReleaseOf,
    name: &str,
    plan: &mut Plan,
) {
    if !section
        .heading
        .label
        .as_ref()
        .is_some_and(|it| it.bracketed)
    {
        return;
    }
    let Some(links) = &release.links else {
        plan.warnings.push(Warning::NoLink {
            name: name.to_owned(),
        });
        return;
    };
    let tag = tag(release, None);
    let before = changelog.sections.iter().find_map(|it| match &it.name {
        Name::Version(version) => Some(tag_of(&tag, &release.version, version)),
        Name::Unreleased | Name::Other => None,
    });
    let url = match &before {
        Some(before) => links
            .compare
            .replace("{from}", before)
            .replace("{to}", &tag),
        None => links.release.replace("{to}", &tag),
    };
    let head = links
        .compare
        .replace("{from}", &tag)
        .replace("{to}", "HEAD");
    let at = changelog.bytes.len();
    let newline = changelog.newline(at);
    let last = changelog.lines.whole(Span::new(at.saturating_sub(1), at));
    let follows = changelog
        .references
        .last()
        .is_some_and(|it| it.span.end == at);
    let blank = last.text(&changelog.text).trim().is_empty() || follows;
    let lead = if blank { "" } else { newline };
    let text = format!("{lead}[unreleased]: {head}{newline}[{name}]: {url}{newline}");
    plan.lines.push((at, text));
}

/// The tag of another version, as the one of a release is written.
fn tag_of(tag: &str, version: &Version, other: &Version) -> String {
    let before = tag.strip_suffix(&version.to_string()).unwrap_or("v");
    format!("{before}{other}")
}

/// A line like that of another reference.
fn line_like(changelog: &Changelog, model: &Reference, name: &str, url: &str, at: usize) -> String {
    let newline = changelog.newline(at);
    let before = Span::new(model.span.start, model.label_span.start).text(&changelog.text);
    let between = Span::new(model.label_span.end, model.url.start).text(&changelog.text);
    let plain = between.trim_end_matches('<');
    let between = if plain.contains(['\n', '\r']) {
        "]: "
    } else {
        plain
    };
    // The same letters as the heading of the version, except where the file has another case.
    format!("{before}{name}{between}{url}{newline}")
}

/// What becomes of the links when a release is taken back that follows `unreleased`: spans, and what
/// takes their place.
pub(super) fn taken_back(
    changelog: &Changelog,
    unreleased: &Section,
    section: &Section,
) -> Vec<(Span, String)> {
    let text = &changelog.text;
    let reference = |it: &Section| {
        let label = it.heading.label.as_ref()?;
        let name = label.name.text(text);
        let mut all = changelog.references.iter();
        all.find(|it| it.label.eq_ignore_ascii_case(name))
    };
    let inline = |it: &Section| it.heading.label.as_ref().and_then(|it| it.url);
    let url = |it: &Section| inline(it).or_else(|| reference(it).map(|it| it.url));
    let mut cuts = Vec::new();
    if let Some(gone) = reference(section) {
        cuts.push((gone.span, String::new()));
    }
    // What is not released begins where the release would have, or at the one before it.
    let mine = url(section).map(|it| it.text(text));
    let before = || {
        let at = changelog.place(section) + 1;
        let mut rest = changelog.sections.iter().skip(at);
        rest.find_map(|it| Some(one_tag(url(it)?.text(text))?.1))
    };
    let from = mine.and_then(|it| Compare::of(it).map(Compare::from).or_else(before));
    if let Some(span) = url(unreleased)
        && let Some(found) = Compare::of(span.text(text))
        && let Some(from) = from
    {
        cuts.push((span, found.with(from, found.to())));
    }
    cuts
}

/// Where the link of a section compares something else than its heading says, and what.
pub(super) fn wrong(changelog: &Changelog, section: &Section) -> Option<(Span, String)> {
    let label = section.heading.label.as_ref()?;
    let name = label.name.text(&changelog.text);
    let mut all = changelog.references.iter();
    let reference = all.find(|it| it.label.eq_ignore_ascii_case(name));
    let url = label.url.or_else(|| reference.map(|it| it.url))?;
    let found = Compare::of(url.text(&changelog.text));
    match &label.version {
        Some(version) => {
            let to = match found {
                Some(found) => found.to(),
                None => one_tag(url.text(&changelog.text))?.1,
            };
            let wrong = version_in(to).is_some_and(|it| it != *version);
            wrong.then(|| (url, format!("the link of {version} leads to {to}")))
        }
        None => {
            let from = found?.from();
            let (_, newest) = changelog.newest()?;
            let wrong = version_in(from).is_some_and(|it| it != *newest);
            let message = format!("the link begins at {from}, and the newest release is {newest}");
            wrong.then_some((url, message))
        }
    }
}
