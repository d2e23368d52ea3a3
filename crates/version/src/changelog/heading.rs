//! Headings: what one names, and in which style it is written.

use jiff::civil::Date;
use semver::Version;

use super::span::Span;

/// A heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Its lines, with what ends them.
    pub span: Span,
    /// Its text, without `#`.
    pub text: Span,
    /// From 1 to 6.
    pub level: u8,
    /// Whether it is underlined rather than marked with `#`.
    pub underlined: bool,
    /// The parts, if it is the heading of a release or of what is not released.
    pub label: Option<Label>,
}

/// The parts of `[1.2.3] - 2026-01-31 [YANKED]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The version; nothing for `Unreleased`.
    pub version: Option<Version>,
    /// What names it, without brackets: `v1.2.3`.
    pub name: Span,
    /// Whether the name stands in brackets.
    pub bracketed: bool,
    /// The address right after the brackets, if there is one: `[1.2.3](https://…)`.
    pub url: Option<Span>,
    /// From the first byte that belongs to the name to the last one, brackets and address included.
    pub link: Span,
    /// What has the form of a date, if anything does, and the day, if there is such a day.
    pub date: Option<(Span, Option<Date>)>,
    /// `[YANKED]`.
    pub yanked: Option<Span>,
    /// What else stands there.
    pub rest: Option<Span>,
}

const MARK: &str = "[YANKED]";

/// The parts of a heading's text, if it is about a release. `at` is where the text begins.
pub(super) fn label(text: &str, at: usize) -> Option<Label> {
    let from = after_word(text);
    let (name, bracketed, mut end) = name(text, from)?;
    let version = if is_unreleased(name.text(text)) {
        None
    } else {
        Some(version_in(name.text(text))?)
    };
    let mut url = None;
    if bracketed {
        let after = text.get(end..).unwrap_or_default();
        if let Some(inner) = after.strip_prefix('(')
            && let Some(close) = inner.find(')')
        {
            url = Some(Span::new(end + 1, end + 1 + close));
            end += close + 2;
        } else if after.starts_with('[')
            && !after.to_uppercase().starts_with(MARK)
            && let Some(close) = after.find(']')
        {
            end += close + 1;
        }
    }
    let link = Span::new(from, end);
    let yanked = text[end..].to_uppercase().find(MARK).map(|found| {
        // Upper case changes the length of some letters, none of which is in the mark.
        let found = text[end..]
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| {
                let mark = text[end + at..].get(..MARK.len());
                mark.is_some_and(|it| it.eq_ignore_ascii_case(MARK))
            })
            .unwrap_or(found);
        Span::new(end + found, end + found + MARK.len())
    });
    let date = date(text, end);
    let mut rest = text[end..].to_owned();
    for span in date.map(|(span, _)| span).iter().chain(&yanked) {
        rest.replace_range(
            span.start - end..span.end - end,
            &" ".repeat(span.end - span.start),
        );
    }
    let plain = rest.trim_matches(|c: char| c.is_whitespace() || "-–—/|:,()\\".contains(c));
    let separated = rest
        .trim_start()
        .starts_with(|c: char| "-–—/|:,(\\".contains(c));
    if !plain.is_empty() && !separated {
        return None;
    }
    let rest = (!plain.is_empty()).then(|| {
        let start = end + rest.find(plain).unwrap_or_default();
        Span::new(start, start + plain.len())
    });
    let place = |span: Span| Span::new(span.start + at, span.end + at);
    Some(Label {
        version,
        name: place(name),
        bracketed,
        url: url.map(place),
        link: place(link),
        date: date.map(|(span, day)| (place(span), day)),
        yanked: yanked.map(place),
        rest: rest.map(place),
    })
}

/// Where the name begins, after a word that only says what it is.
fn after_word(text: &str) -> usize {
    let Some((word, rest)) = text.split_once(' ') else {
        return 0;
    };
    let about = ["version", "release"];
    if about.iter().any(|it| word.eq_ignore_ascii_case(it)) {
        text.len() - rest.trim_start().len()
    } else {
        0
    }
}

/// The name, whether it stands in brackets, and where what belongs to it ends.
fn name(text: &str, from: usize) -> Option<(Span, bool, usize)> {
    let rest = text.get(from..)?;
    for (open, close) in [("[", "]"), ("\\[", "\\]")] {
        if let Some(inner) = rest.strip_prefix(open) {
            let length = inner.find(close)?;
            let start = from + open.len();
            let inside = &inner[..length];
            let lead = inside.len() - inside.trim_start().len();
            let name = Span::new(start + lead, start + lead + inside.trim().len());
            return Some((name, true, start + length + close.len()));
        }
    }
    let length = rest
        .find(|c: char| c.is_whitespace() || "(,:".contains(c))
        .unwrap_or(rest.len());
    let name = Span::new(from, from + length);
    Some((name, false, name.end))
}

fn is_unreleased(name: &str) -> bool {
    name.eq_ignore_ascii_case("unreleased")
}

/// The version in a name: `1.2.3`, `v1.2.3`, `api-v1.2.3`, `api@1.2.3`.
pub(super) fn version_in(name: &str) -> Option<Version> {
    let bare = |text: &str| {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        Version::parse(text).ok()
    };
    let after = |separator: &str| name.rsplit_once(separator).and_then(|(_, end)| bare(end));
    bare(name)
        .or_else(|| after("@"))
        .or_else(|| after("/"))
        .or_else(|| name.split_once("-v").and_then(|(_, end)| bare(end)))
}

/// The first thing after `from` that is written like a date, and the day that it is.
fn date(text: &str, from: usize) -> Option<(Span, Option<Date>)> {
    let bytes = text.as_bytes();
    let fits = |at: usize| {
        let Some(found) = bytes.get(at..at + 10) else {
            return false;
        };
        let form = found.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let alone = |byte: Option<&u8>| byte.is_none_or(|it| !it.is_ascii_alphanumeric());
        form && alone(at.checked_sub(1).and_then(|at| bytes.get(at))) && alone(bytes.get(at + 10))
    };
    let at = (from..text.len()).find(|at| fits(*at))?;
    let span = Span::new(at, at + 10);
    Some((span, span.text(text).parse().ok()))
}
