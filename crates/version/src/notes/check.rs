//! Whether a text says only what the facts say.
//!
//! Numbers, versions, identifiers, commits, issues, addresses and names are looked for in what people
//! see of the text. Ordinary words are not judged: the check finds what was invented or mistyped, not
//! what was put wrongly.

use std::collections::BTreeSet;

use jiff::civil::Date;
use pulldown_cmark::{Event, Parser, Tag};
use semver::Version;
use serde::Serialize;

use super::facts::Facts;
use super::names;
use super::render::Text;
use super::template::Templates;
use super::visible::{Seen, options, visible};
use crate::change_file::is_issue;
use crate::changelog::{Lines, Span};

/// What a text claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// A number, in digits or as a word.
    Number,
    /// A version.
    Version,
    /// A day.
    Day,
    /// Something that is written as code, or looks like it.
    Identifier,
    /// A commit.
    Commit,
    /// An issue.
    Issue,
    /// An address, seen or behind a link.
    Link,
    /// The name of somebody or something.
    Name,
}

impl Claim {
    /// As it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Version => "version",
            Self::Day => "day",
            Self::Identifier => "identifier",
            Self::Commit => "commit",
            Self::Issue => "issue",
            Self::Link => "link",
            Self::Name => "name",
        }
    }
}

/// A claim that is not in the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfounded {
    /// What it claims.
    pub claim: Claim,
    /// As it stands in the text.
    pub text: String,
    /// Where, in bytes.
    pub span: Span,
    /// The line, from 1.
    pub line: usize,
    /// False for a word with a capital letter that begins a sentence, which may be an ordinary one.
    pub certain: bool,
}

/// Every claim of a text that is neither in the facts nor in the template's own words, in the order of
/// the text.
pub fn check(text: &str, of: Text, facts: &Facts, templates: &Templates) -> Vec<Unfounded> {
    let known = Known::of(facts, &templates.own_words(of));
    let lines = Lines::of(text.as_bytes());
    let mut found = Vec::new();
    let mut add = |claim, text: &str, span: Span, certain| {
        found.push(Unfounded {
            claim,
            text: text.to_owned(),
            span,
            line: lines.line(span.start),
            certain,
        });
    };
    for token in tokens(&visible(text)) {
        match known.unfounded(&token) {
            Some((claim, certain)) => add(claim, &token.text, token.span, certain),
            None => continue,
        }
    }
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        let (Event::Start(Tag::Link { dest_url, .. }) | Event::Start(Tag::Image { dest_url, .. })) =
            event
        else {
            continue;
        };
        if !known.links(&dest_url) {
            add(
                Claim::Link,
                &dest_url,
                Span::new(range.start, range.end),
                true,
            );
        }
    }
    found.sort_by_key(|it| (it.span, it.claim));
    found
}

/// A word or a piece of code.
#[derive(Debug, Clone)]
struct Token {
    text: String,
    span: Span,
    code: bool,
    /// Whether a sentence begins with it.
    first: bool,
}

/// The words and pieces of code of what is seen.
fn tokens(seen: &[Seen]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut first = true;
    let mut at = 0;
    while let Some(start) = seen.get(at) {
        if start.c.is_whitespace() && start.code == 0 {
            first |= start.c == '\n';
            at += 1;
            continue;
        }
        let same = |it: &Seen| it.code == start.code && (it.code > 0 || !it.c.is_whitespace());
        let length = seen[at..].iter().take_while(|it| same(it)).count();
        let part = &seen[at..at + length];
        at += length;
        let text: String = part.iter().map(|it| it.c).collect();
        let end = part.last().map_or(start.span.end, |it| it.span.end);
        let whole = Token {
            text,
            span: Span::new(start.span.start, end),
            code: start.code > 0,
            first,
        };
        if whole.code {
            tokens.push(whole);
            first = false;
            continue;
        }
        let ends = whole
            .text
            .trim_end_matches(|c: char| "\"')”’*_".contains(c));
        let stops = ends.ends_with(['.', '!', '?', ':', '…']);
        if let Some(token) = bare(part, whole.first) {
            first = false;
            tokens.push(token);
        }
        first |= stops;
    }
    tokens
}

/// A word without what stands around it.
fn bare(part: &[Seen], first: bool) -> Option<Token> {
    let before = |it: &Seen| it.c.is_alphanumeric() || "#@!-/_".contains(it.c);
    let after = |it: &Seen| it.c.is_alphanumeric() || "_/%".contains(it.c);
    let start = part.iter().position(before)?;
    let end = part.iter().rposition(after)?;
    let mut part = part.get(start..=end)?;
    // `--flag` stays, a dash that only touches a word does not.
    let text = |part: &[Seen]| part.iter().map(|it| it.c).collect::<String>();
    while !text(part).starts_with("--") && matches!(part.first(), Some(it) if "-!_".contains(it.c))
    {
        let issue = is_issue(&text(part));
        if issue {
            break;
        }
        part = part.get(1..)?;
    }
    let mut word = text(part);
    for ending in ["'s", "’s"] {
        if let Some(kept) = word.strip_suffix(ending) {
            part = part.get(..kept.chars().count())?;
            word = kept.to_owned();
        }
    }
    let span = Span::new(part.first()?.span.start, part.last()?.span.end);
    word.chars().any(char::is_alphanumeric).then_some(Token {
        text: word,
        span,
        code: false,
        first,
    })
}

/// Everything that may be said.
struct Known {
    /// Every text of the facts, with one space where there are several.
    texts: Vec<String>,
    words: BTreeSet<String>,
    lower: BTreeSet<String>,
    versions: BTreeSet<Version>,
    numbers: BTreeSet<u64>,
    commits: Vec<String>,
    days: Vec<Date>,
    links: Vec<String>,
}

impl Known {
    fn of(facts: &Facts, template: &str) -> Self {
        let mut texts = vec![facts.version.to_string(), template.to_owned()];
        let mut commits = Vec::new();
        let mut days = vec![facts.date];
        texts.extend(facts.component.iter().map(ToString::to_string));
        texts.extend(facts.previous.iter().map(ToString::to_string));
        texts.extend(facts.contributors.iter().cloned());
        texts.extend(facts.links.iter().cloned());
        for item in &facts.items {
            texts.push(item.text.clone());
            texts.extend(item.issues.iter().chain(&item.authors).cloned());
            commits.extend(item.commits.iter().map(|it| it.to_lowercase()));
            if let Some(it) = &item.breaking {
                texts.push(it.what.clone());
                texts.extend(it.upgrade.iter().cloned());
                texts.extend(it.deprecated_since.iter().map(ToString::to_string));
                texts.extend(it.unannounced.iter().cloned());
                days.extend(it.deprecated_on);
            }
            if let Some(it) = &item.deprecation {
                texts.extend(it.removal.iter().map(ToString::to_string));
                texts.extend(it.instead.iter().cloned());
                days.extend(it.not_before);
            }
        }
        for it in &facts.waived {
            texts.extend([it.what.clone(), it.owner.clone(), it.reason.clone()]);
            days.push(it.until);
        }
        for migration in &facts.migrations {
            texts.extend([migration.change.clone(), migration.title.clone()]);
            for step in &migration.steps {
                texts.extend([step.name.clone(), step.title.clone(), step.needs.clone()]);
                texts.extend(step.way_back.iter().cloned());
            }
        }
        let mut known = Self {
            texts,
            words: BTreeSet::new(),
            lower: BTreeSet::new(),
            versions: BTreeSet::new(),
            numbers: counts(facts),
            commits,
            links: facts.links.clone(),
            days,
        };
        for text in std::mem::take(&mut known.texts) {
            known.learn(&text);
            known.texts.push(spaced(&text));
        }
        for day in &known.days {
            let parts = [i64::from(day.year()), day.month().into(), day.day().into()];
            let parts = parts.into_iter().filter_map(|it| u64::try_from(it).ok());
            known.numbers.extend(parts);
        }
        known
    }

    fn learn(&mut self, text: &str) {
        for token in tokens(&visible(text)) {
            // Code is known as a whole by the texts; its words may be said without being code.
            let whole = token.text.split_whitespace();
            // The number of an issue counts nothing.
            let inner = if is_issue(&token.text) {
                ""
            } else {
                &token.text
            };
            for part in whole.chain(parts_of(inner)) {
                self.lower.insert(part.to_lowercase());
                self.words.insert(part.to_owned());
                self.versions.extend(version(part));
                self.numbers.extend(number(part));
                self.days.extend(day(part));
                if part.contains("://") {
                    self.links.push(part.to_owned());
                }
            }
        }
    }

    /// What a token claims, if it claims anything that is not known, and whether that is certain.
    fn unfounded(&self, token: &Token) -> Option<(Claim, bool)> {
        let text = token.text.as_str();
        let plain = self.words.contains(text) && !token.code;
        if plain || self.commit(text) == Some(true) {
            return None;
        }
        if token.code {
            return (!self.says(text)).then_some((Claim::Identifier, true));
        }
        if text.contains("://") || text.starts_with("www.") {
            return (!self.links(text)).then_some((Claim::Link, true));
        }
        if let Some(name) = text.strip_prefix('@') {
            return (!self.words.contains(name)).then_some((Claim::Name, true));
        }
        if is_issue(text) && !is_standard(text) {
            return Some((Claim::Issue, true));
        }
        if let Some(day) = day(text) {
            return (!self.days.contains(&day)).then_some((Claim::Day, true));
        }
        if let Some(version) = version(text) {
            return (!self.versions.contains(&version)).then_some((Claim::Version, true));
        }
        if self.commit(text) == Some(false) {
            return Some((Claim::Commit, true));
        }
        if let Some(number) = number(text) {
            return (!self.numbers.contains(&number)).then_some((Claim::Number, true));
        }
        let marks = ["_", "::", "()", "->"].iter().any(|it| text.contains(it));
        if marks || text.starts_with("--") {
            return (!self.says(text)).then_some((Claim::Identifier, true));
        }
        let parts: Vec<&str> = parts_of(text).collect();
        if parts.len() > 1 {
            let mut all = parts.iter().enumerate().filter_map(|(at, part)| {
                self.unfounded(&Token {
                    text: (*part).to_owned(),
                    first: token.first && at == 0,
                    ..token.clone()
                })
            });
            return all.next();
        }
        if self.lower.contains(&text.to_lowercase()) && text.chars().any(|c| c.is_ascii_digit()) {
            return None;
        }
        if text.chars().any(|c| c.is_ascii_digit()) {
            return Some((Claim::Number, true));
        }
        self.name(text, token.first)
    }

    /// Whether a word is a name that is not known.
    fn name(&self, text: &str, first: bool) -> Option<(Claim, bool)> {
        let capitals = text.chars().filter(|c| c.is_uppercase()).count();
        let starts = text.chars().next().is_some_and(char::is_uppercase);
        if capitals == 0 || text.chars().count() < 2 || self.words.contains(text) {
            return None;
        }
        if let Some(month) = names::month(text)
            && self.days.iter().any(|it| it.month() == month)
        {
            return None;
        }
        if capitals > 1 || !starts {
            return Some((Claim::Name, true));
        }
        // Where a sentence begins every word has a capital letter.
        let ordinary = self.lower.contains(&text.to_lowercase()) || names::is_ordinary(text);
        match (first, ordinary) {
            (true, true) => None,
            (first, _) => Some((Claim::Name, !first)),
        }
    }

    /// Whether a text is among those of the facts, between letters that do not belong to it.
    fn says(&self, text: &str) -> bool {
        let text = spaced(text);
        let letter = |c: char| c.is_alphanumeric() || c == '_';
        self.texts.iter().any(|known| {
            known.match_indices(&text).any(|(at, _)| {
                let before = known[..at].chars().next_back();
                let after = known[at + text.len()..].chars().next();
                let joined = |edge: Option<char>, mine: Option<char>| {
                    edge.is_some_and(letter) && mine.is_some_and(letter)
                };
                !joined(before, text.chars().next()) && !joined(after, text.chars().next_back())
            })
        })
    }

    fn links(&self, url: &str) -> bool {
        let bare = |it: &str| it.trim_end_matches(['/', '.', ',', ')']).to_owned();
        let url = bare(url);
        self.links.iter().any(|it| bare(it) == url) || self.says(&url)
    }

    /// Whether what looks like a commit is one that is known. Nothing for what does not look like one.
    fn commit(&self, text: &str) -> Option<bool> {
        let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
        let digits = text.bytes().any(|b| b.is_ascii_digit());
        let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
        if !hex || !(7..=64).contains(&text.len()) {
            return None;
        }
        let text = text.to_lowercase();
        let known = self.commits.iter().any(|it| it.starts_with(&text));
        (known || digits && letters).then_some(known)
    }
}

/// Numbers that follow from the facts: how many there are of everything.
fn counts(facts: &Facts) -> BTreeSet<u64> {
    let mut all = vec![
        facts.items.len(),
        facts.breaking().count(),
        facts.migrations.len(),
        facts.contributors.len(),
        facts.migrations.iter().map(|it| it.steps.len()).sum(),
        facts.items.iter().map(|it| it.commits.len()).sum(),
        facts.items.iter().map(|it| it.issues.len()).sum(),
    ];
    for kind in crate::changelog::Kind::ALL {
        all.push(facts.items.iter().filter(|it| it.kind == kind).count());
    }
    for migration in &facts.migrations {
        all.extend(1..=migration.steps.len());
    }
    all.into_iter()
        .filter_map(|it| u64::try_from(it).ok())
        .collect()
}

/// With one space between words.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a word is made of: `64-bit`, `read/write`, `1–2`.
fn parts_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(['-', '–', '—', '/', '=', ',', '&', '(', ')'])
        .map(|it| it.trim_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '%'))
        .filter(|it| !it.is_empty())
}

fn version(text: &str) -> Option<Version> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    if let Ok(version) = Version::parse(text) {
        return Some(version);
    }
    // `1.2` is a version where `1.2.0` is.
    let dots = text.matches('.').count();
    let digits = text
        .split('.')
        .all(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()));
    let short = dots == 1 && digits;
    short
        .then(|| Version::parse(&format!("{text}.0")).ok())
        .flatten()
}

fn day(text: &str) -> Option<Date> {
    let form = text.len() == 10 && text.matches('-').count() == 2;
    form.then(|| text.parse().ok()).flatten()
}

fn number(text: &str) -> Option<u64> {
    let text = text.strip_suffix('%').unwrap_or(text);
    let mut groups = text.split([',', '_']);
    let first = groups.next()?;
    let fits = (1..=20).contains(&first.len()) && groups.all(|it| it.len() == 3);
    let digits: String = text.chars().filter(|c| !",_".contains(*c)).collect();
    if fits && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits.parse().ok();
    }
    names::number(text)
}

/// Whether a word such as `SHA-256` has the form of an issue and names something else.
fn is_standard(text: &str) -> bool {
    let known = [
        "SHA-", "UTF-", "ISO-", "AES-", "RFC-", "HTTP-", "TLS-", "PEP-",
    ];
    known.iter().any(|it| text.starts_with(it))
}
