//! Change files to values and back.

use jiff::civil::Date;
use semver::Version;
use serde::{Deserialize, Serialize};
use switchback_diag::nearest;
use switchback_model::ComponentName;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::{
    Breaking, ChangeFile, ChangeFileError, Deprecation, LARGEST, Notice, is_issue, is_link,
};
use crate::Level;
use crate::changelog::{Item, Kind, Lines};

const FENCE: &str = "+++";

/// How many lines `+++` are tried for the one that ends the front matter.
const MOST_FENCES: usize = 16;

/// How many bytes one thing that `covers` names may have.
const LONGEST_COVERED: usize = 1024;

const KEYS: &[&str] = &[
    "kind",
    "components",
    "level",
    "issues",
    "links",
    "covers",
    "breaking",
    "deprecation",
];
const BREAKING: &[&str] = &[
    "what",
    "upgrade",
    "deprecated-since",
    "announced-by",
    "unannounced",
];
const DEPRECATION: &[&str] = &["removal", "not-before", "instead"];

/// What stands between the fences.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Front {
    kind: Kind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    components: Vec<ComponentName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    issues: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    covers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaking: Option<FrontBreaking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation: Option<FrontDeprecation>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FrontBreaking {
    what: String,
    upgrade: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated_since: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    announced_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unannounced: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FrontDeprecation {
    #[serde(skip_serializing_if = "Option::is_none")]
    removal: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instead: Option<String>,
}

/// A text in the file, and where in the file it begins.
struct Part<'a> {
    file: &'a str,
    text: &'a str,
    at: usize,
}

impl Part<'_> {
    /// Line and column of a byte of the part.
    fn place(&self, at: usize) -> (usize, usize) {
        let at = (self.at + at).min(self.file.len());
        let lines = Lines::of(self.file.as_bytes());
        let line = lines.line(at);
        let start = lines.span(line).start;
        let before = self.file.get(start..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    fn wrong(&self, at: usize, message: impl Into<String>) -> ChangeFileError {
        let (line, column) = self.place(at);
        ChangeFileError::Value {
            line,
            column,
            message: message.into(),
        }
    }
}

pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<ChangeFile, ChangeFileError> {
    let slug = slug(name)?;
    if bytes.len() > LARGEST {
        return Err(ChangeFileError::TooLong { size: bytes.len() });
    }
    let file = std::str::from_utf8(bytes).map_err(|error| ChangeFileError::NotText {
        line: Lines::of(bytes).line(error.valid_up_to()),
    })?;
    let (front, body) = split(file)?;
    let table = DeTable::parse(front.text).map_err(|error| {
        let at = error.span().unwrap_or_default().start;
        front.wrong(at, error.message())
    })?;
    unknown(&front, "", KEYS, table.get_ref())?;
    for (key, keys) in [("breaking", BREAKING), ("deprecation", DEPRECATION)] {
        if let Some(DeValue::Table(inner)) = table.get_ref().get(key).map(Spanned::get_ref) {
            unknown(&front, key, keys, inner)?;
        }
    }
    let at = |key: &str| {
        let mut all = table.get_ref().iter();
        let found = all.find(|(it, _)| it.get_ref() == key);
        found.map_or(0, |(_, value)| value.span().start)
    };
    let places = Places {
        level: at("level"),
        issues: at("issues"),
        links: at("links"),
        covers: at("covers"),
        breaking: at("breaking"),
        deprecation: at("deprecation"),
    };
    let read = Front::deserialize(Deserializer::from(table)).map_err(|error| {
        let at = error.span().unwrap_or_default().start;
        front.wrong(at, error.message())
    })?;
    let item = Item::markdown(body.text).map_err(|source| {
        let empty = body.text.len() - body.text.trim_start().len();
        let (line, _) = body.place(empty.min(body.text.len()));
        ChangeFileError::Text { line, source }
    })?;
    let mut change = fitting(&front, &places, read)?;
    change.slug = slug;
    change.text = item.text().to_owned();
    // With what is said beside it, too.
    if let Err(error) = change.item() {
        return Err(front.wrong(places.deprecation, error.to_string()));
    }
    Ok(change)
}

/// Where values stand, from the beginning of the front matter.
struct Places {
    level: usize,
    issues: usize,
    links: usize,
    covers: usize,
    breaking: usize,
    deprecation: usize,
}

/// Whether a text can be the name of a change file, without `.md`.
fn is_slug(text: &str) -> bool {
    let fit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let ends = text.starts_with('-') || text.ends_with('-');
    !text.is_empty() && text.len() <= 100 && text.bytes().all(fit) && !ends
}

fn slug(name: &str) -> Result<String, ChangeFileError> {
    let slug = name.strip_suffix(".md").filter(|it| is_slug(it));
    slug.map(str::to_owned)
        .ok_or_else(|| ChangeFileError::Name {
            name: name.chars().take(120).collect(),
        })
}

/// Front matter and text.
fn split(file: &str) -> Result<(Part<'_>, Part<'_>), ChangeFileError> {
    let lines = Lines::of(file.as_bytes());
    let first = lines.span(1);
    let opening = first.text(file).trim_start_matches('\u{feff}').trim_end();
    if opening != FENCE {
        return Err(ChangeFileError::FrontMatter {
            line: 1,
            message: "a change file begins with a line `+++`",
        });
    }
    let part = |from: usize, to: usize| Part {
        file,
        text: file.get(from..to).unwrap_or_default(),
        at: from,
    };
    let mut fences = (2..)
        .map(|line| lines.span(line))
        .take_while(|span| span.start < file.len())
        .filter(|span| span.text(file).trim_end() == FENCE)
        .map(|span| (part(first.end, span.start), part(span.end, file.len())))
        .take(MOST_FENCES);
    let Some(nearest) = fences.next() else {
        return Err(ChangeFileError::FrontMatter {
            line: lines.line(file.trim_end().len()),
            message: "a second line `+++` is missing",
        });
    };
    // A text of several lines may have such a line in it. Then what stands before it is not whole.
    let whole = |it: &(Part<'_>, Part<'_>)| DeTable::parse(it.0.text).is_ok();
    if whole(&nearest) {
        return Ok(nearest);
    }
    Ok(fences.find(whole).unwrap_or(nearest))
}

fn unknown(
    front: &Part<'_>,
    table: &str,
    known: &[&'static str],
    found: &DeTable<'_>,
) -> Result<(), ChangeFileError> {
    let mut keys: Vec<_> = found.iter().map(|(key, _)| key).collect();
    keys.sort_by_key(|key| key.span().start);
    let Some(key) = keys
        .into_iter()
        .find(|key| !known.contains(&key.get_ref().as_ref()))
    else {
        return Ok(());
    };
    let (line, column) = front.place(key.span().start);
    let name: &str = key.get_ref();
    let dot = if table.is_empty() { "" } else { "." };
    Err(ChangeFileError::UnknownKey {
        line,
        column,
        key: format!("{table}{dot}{}", name.escape_debug()),
        near: nearest(name, known.iter().copied()).map(|it| format!("{table}{dot}{it}")),
        known: known.to_vec(),
    })
}

/// The values, if they go together. Slug and text are not filled in.
fn fitting(front: &Part<'_>, at: &Places, read: Front) -> Result<ChangeFile, ChangeFileError> {
    if read.level == Some(Level::None) {
        let message =
            "`none` raises nothing, and a change file cannot lower a version: leave `level` out";
        return Err(front.wrong(at.level, message));
    }
    if read.breaking.is_some() && read.level != Some(Level::Major) {
        let message = "what breaks something raises the version by a major: `level = \"major\"`";
        let at = if read.level.is_some() {
            at.level
        } else {
            at.breaking
        };
        return Err(front.wrong(at, message));
    }
    if read.deprecation.is_some() && read.kind != Kind::Deprecated {
        let message = "`deprecation` belongs to `kind = \"deprecated\"`";
        return Err(front.wrong(at.deprecation, message));
    }
    for issue in &read.issues {
        if !is_issue(issue) {
            let message = format!(
                "`{}` names no issue: `#12`, `owner/name#12` or `ABC-12`",
                issue.escape_debug()
            );
            return Err(front.wrong(at.issues, message));
        }
    }
    for link in &read.links {
        if !is_link(link) {
            let message = format!("`{}` is no address with `https://`", link.escape_debug());
            return Err(front.wrong(at.links, message));
        }
    }
    for covered in &read.covers {
        let fit = |c: char| !c.is_whitespace() && !c.is_control();
        if covered.is_empty() || covered.len() > LONGEST_COVERED || !covered.chars().all(fit) {
            let message = format!(
                "`{}` is neither a commit nor a contract nor a fingerprint",
                covered.escape_debug()
            );
            return Err(front.wrong(at.covers, message));
        }
    }
    let words = |text: &str, key: &str, at: usize| {
        let text = text.replace("\r\n", "\n");
        let text = text.trim().to_owned();
        let control = text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t');
        if text.is_empty() || control {
            let what = if control {
                "has a control character in it"
            } else {
                "is empty"
            };
            return Err(front.wrong(at, format!("`{key}` {what}")));
        }
        Ok(text)
    };
    let breaking = match read.breaking {
        None => None,
        Some(it) => Some(Breaking {
            what: words(&it.what, "breaking.what", at.breaking)?,
            upgrade: words(&it.upgrade, "breaking.upgrade", at.breaking)?,
            notice: match (it.deprecated_since, it.announced_by, it.unannounced) {
                (None, None, None) => None,
                (Some(version), None, None) => Some(Notice::Since(version)),
                (None, Some(name), None) if is_slug(&name) => Some(Notice::By(name)),
                (None, Some(name), None) => {
                    let message = format!(
                        "`breaking.announced-by` names a change file without its folder and `.md`, \
                         and `{}` is no such name",
                        name.escape_debug()
                    );
                    return Err(front.wrong(at.breaking, message));
                }
                (None, None, Some(why)) => {
                    let why = words(&why, "breaking.unannounced", at.breaking)?;
                    Some(Notice::Unannounced(why))
                }
                _ => {
                    let message = "`breaking` has one of `deprecated-since`, `announced-by` and \
                                   `unannounced` at most";
                    return Err(front.wrong(at.breaking, message));
                }
            },
        }),
    };
    let deprecation = match read.deprecation {
        None => None,
        Some(it) => {
            if it.removal.is_none() && it.not_before.is_none() {
                let message = "`deprecation` says when: with `removal`, `not-before` or both";
                return Err(front.wrong(at.deprecation, message));
            }
            let day = |text: String| {
                let day = text
                    .parse::<Date>()
                    .ok()
                    .filter(|it| it.to_string() == text);
                day.ok_or_else(|| {
                    let message = "`deprecation.not-before` is no day: `\"2026-01-31\"`";
                    front.wrong(at.deprecation, message)
                })
            };
            let instead = it.instead.as_deref();
            Some(Deprecation {
                removal: it.removal,
                not_before: it.not_before.map(day).transpose()?,
                instead: instead
                    .map(|it| words(it, "deprecation.instead", at.deprecation))
                    .transpose()?,
            })
        }
    };
    Ok(ChangeFile {
        slug: String::new(),
        kind: read.kind,
        components: read.components,
        level: read.level,
        breaking,
        deprecation,
        issues: read.issues,
        links: read.links,
        covers: read.covers,
        text: String::new(),
    })
}

pub(super) fn print(change: &ChangeFile) -> String {
    let front = Front {
        kind: change.kind,
        components: change.components.clone(),
        level: change.level,
        issues: change.issues.clone(),
        links: change.links.clone(),
        covers: change.covers.clone(),
        breaking: change.breaking.as_ref().map(|it| FrontBreaking {
            what: it.what.clone(),
            upgrade: it.upgrade.clone(),
            deprecated_since: match &it.notice {
                Some(Notice::Since(version)) => Some(version.clone()),
                _ => None,
            },
            announced_by: match &it.notice {
                Some(Notice::By(name)) => Some(name.clone()),
                _ => None,
            },
            unannounced: match &it.notice {
                Some(Notice::Unannounced(why)) => Some(why.clone()),
                _ => None,
            },
        }),
        deprecation: change.deprecation.as_ref().map(|it| FrontDeprecation {
            removal: it.removal.clone(),
            not_before: it.not_before.map(|it| it.to_string()),
            instead: it.instead.clone(),
        }),
    };
    // Nothing in these types can be refused by the form.
    let front = toml::to_string(&front).unwrap_or_default();
    format!("{FENCE}\n{front}{FENCE}\n\n{}\n", change.text)
}
