//! Made-up texts.

use std::fmt::Write as _;

use super::domain::{Case, Dom};
use super::hint::Hint;
use super::words as w;
use crate::random::{Rng, mix};

/// What a text is wanted for.
pub(super) struct Wanted<'a> {
    pub(super) hint: Hint,
    pub(super) dom: &'a Dom,
    /// The most characters that the type takes.
    pub(super) limit: Option<u32>,
    /// The number of the row, to be part of the text so that no other row has it.
    pub(super) unique: Option<u64>,
    /// Whether characters beyond ASCII may occur.
    pub(super) wide: bool,
    /// Whether empty and very long texts may occur.
    pub(super) edges: bool,
}

/// A text.
pub(super) fn text(wanted: &Wanted<'_>, rng: &mut Rng) -> String {
    let dom = wanted.dom;
    let shortest = dom.shortest as usize;
    let longest = match (wanted.limit, dom.longest) {
        (Some(a), Some(b)) => Some(a.min(b) as usize),
        (a, b) => a.or(b).map(|length| length as usize),
    };
    if let Some(pattern) = dom.patterns.first() {
        let text = pattern.sample(rng, shortest, longest, wanted.unique.is_some());
        return cased(text, dom.case);
    }
    let narrow = Wanted {
        wide: wanted.wide && !dom.ascii,
        dom,
        ..*wanted
    };
    let free =
        wanted.unique.is_none() && matches!(wanted.hint, Hint::None | Hint::Long | Hint::Title);
    if wanted.edges && free {
        if shortest == 0 && dom.contains.is_empty() && dom.from.is_none() && rng.chance(20) {
            return String::new();
        }
        if let Some(longest) = longest.filter(|longest| *longest <= 1000)
            && dom.below.is_none()
            && rng.chance(20)
        {
            let mut text = running(&narrow, rng, 8);
            grow(&mut text, longest, rng);
            return cased(fit(text, shortest, Some(longest), &narrow), dom.case);
        }
    }
    let mut text = match (longest, wanted.unique) {
        // No room for words.
        (Some(longest), Some(number)) if longest < 12 && wanted.hint != Hint::Country => {
            code(number, longest.max(1))
        }
        _ => by_hint(&narrow, rng),
    };
    for (first, part) in &dom.contains {
        if *first && !text.starts_with(part.as_str()) {
            text.insert_str(0, part);
        } else if !*first && !text.contains(part.as_str()) {
            text.insert_str(text.len().min(1), part);
        }
    }
    place(&mut text, dom);
    let text = fit(cased(text, dom.case), shortest, longest, &narrow);
    if dom.trimmed {
        let trimmed = text.trim();
        if trimmed.chars().count() >= shortest.max(1) {
            return trimmed.to_owned();
        }
        return "x".repeat(shortest.max(1));
    }
    text
}

/// Moves the text between the bounds of a comparison of texts.
fn place(text: &mut String, dom: &Dom) {
    match (&dom.from, &dom.below) {
        (Some(from), _) => text.insert_str(0, from),
        (None, Some(below)) if text.as_str() >= below.as_str() => {
            let first = below.chars().next().map_or(' ', |c| match c {
                'b'..='z' => 'a',
                'B'..='Z' => 'A',
                '1'..='9' => '0',
                _ => ' ',
            });
            text.insert(0, first);
        }
        _ => {}
    }
}

fn cased(text: String, case: Option<Case>) -> String {
    match case {
        Some(Case::Lower) => text.to_lowercase(),
        Some(Case::Upper) => text.to_uppercase(),
        None => text,
    }
}

/// `number` in 36 digits, of at most `width` characters: beyond that it starts again.
fn code(number: u64, width: usize) -> String {
    let mut digits = Vec::new();
    let mut rest = number;
    while digits.len() < width {
        digits.extend(char::from_digit(u32::try_from(rest % 36).unwrap_or(0), 36));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}

/// Makes the text as long as it has to be, without losing what tells it apart.
fn fit(mut text: String, shortest: usize, longest: Option<usize>, wanted: &Wanted<'_>) -> String {
    let length = text.chars().count();
    if let Some(longest) = longest
        && length > longest
    {
        let keep = |text: &str, length: usize| text.chars().take(length).collect::<String>();
        text = match wanted.unique {
            Some(number) => {
                let code = code(number, longest);
                let room = longest - code.chars().count();
                if room > 1 {
                    format!("{}-{code}", keep(&text, room - 1))
                } else {
                    code
                }
            }
            None => keep(&text, longest),
        };
    }
    if length < shortest {
        let missing = shortest - length;
        if wanted.unique.is_some() && missing < 200 {
            // In front, so that the number stays at the end.
            text.insert_str(0, &"0".repeat(missing));
        } else {
            let mut rng = Rng::new(mix(length as u64, missing as u64));
            grow(&mut text, shortest, &mut rng);
        }
    }
    text
}

/// Adds letters up to a length.
fn grow(text: &mut String, length: usize, rng: &mut Rng) {
    for _ in text.chars().count()..length {
        let letter = u32::try_from(rng.below(26)).unwrap_or(0);
        text.extend(char::from_u32(u32::from('a') + letter));
    }
}

fn pick<'a>(list: &[&'a str], rng: &mut Rng) -> &'a str {
    rng.pick(list).copied().unwrap_or_default()
}

/// Words of running text.
fn running(wanted: &Wanted<'_>, rng: &mut Rng, most: u64) -> String {
    let words = if wanted.wide { w::TEXT } else { w::ASCII_TEXT };
    let mut text = String::new();
    for place in 0..=rng.below(most) {
        if place > 0 {
            text.push(' ');
        }
        text.push_str(pick(words, rng));
    }
    text
}

/// One of the few values that a column with the hint has; the first rows have them all.
pub(super) fn small(hint: Hint) -> &'static [&'static str] {
    match hint {
        Hint::Status => w::STATUSES,
        Hint::Kind => w::KINDS,
        Hint::Role => w::ROLES,
        Hint::Colour => w::COLOURS,
        Hint::Currency => w::CURRENCIES,
        Hint::Locale => w::LOCALES,
        _ => &[],
    }
}

fn by_hint(wanted: &Wanted<'_>, rng: &mut Rng) -> String {
    let unique = wanted.unique;
    // The number where a row has to be told apart, otherwise nothing.
    let tail = |sign: &str| unique.map_or_else(String::new, |n| format!("{sign}{n}"));
    let (first, last) = if wanted.wide {
        (w::FIRST, w::LAST)
    } else {
        (w::PLAIN_FIRST, w::PLAIN_LAST)
    };
    let pair = |rng: &mut Rng, sign: &str| {
        format!("{}{sign}{}", pick(w::ADJECTIVES, rng), pick(w::NOUNS, rng))
    };
    let plain = |list: &'static [&'static str], otherwise: &'static [&'static str]| {
        if wanted.wide { list } else { otherwise }
    };
    match wanted.hint {
        Hint::Email => format!(
            "{}.{}{}@example.{}",
            pick(w::PLAIN_FIRST, rng),
            pick(w::PLAIN_LAST, rng),
            tail(""),
            pick(&["com", "org", "net"], rng)
        ),
        Hint::Login => format!(
            "{}_{}{}",
            pick(w::PLAIN_FIRST, rng),
            pick(w::NOUNS, rng),
            tail("")
        ),
        Hint::FirstName => format!("{}{}", pick(first, rng), tail(" ")),
        Hint::LastName => format!("{}{}", pick(last, rng), tail(" ")),
        Hint::FullName => format!("{} {}{}", pick(first, rng), pick(last, rng), tail(" ")),
        Hint::Phone => match unique {
            Some(number) => format!("+1555{number:08}"),
            None => format!("+1-555-01{:02}", rng.below(100)),
        },
        Hint::Url => format!(
            "https://{}.example.com/{}{}",
            pick(w::NOUNS, rng),
            pair(rng, "-"),
            tail("/")
        ),
        Hint::Host => format!("{}{}.example.com", pair(rng, "-"), tail("-")),
        Hint::Country => country(wanted, rng),
        Hint::City => format!("{}{}", pick(plain(w::CITIES, w::NOUNS), rng), tail(" ")),
        Hint::Street => format!(
            "{} {}",
            pick(plain(w::STREETS, w::NOUNS), rng),
            unique.unwrap_or_else(|| 1 + rng.below(200))
        ),
        Hint::Postcode => format!("{:05}", unique.unwrap_or_else(|| rng.below(100_000))),
        Hint::Region => format!("{}{}", pick(w::REGIONS, rng), tail(" ")),
        Hint::Company => format!(
            "{} {}{}",
            pick(last, rng),
            pick(w::COMPANIES, rng),
            tail(" ")
        ),
        Hint::Slug => format!("{}{}", pair(rng, "-"), tail("-")),
        Hint::Title => {
            let mut text = running(wanted, rng, 5);
            text.push_str(&tail(" "));
            text
        }
        Hint::Long => {
            let mut text = running(wanted, rng, 40);
            text.push_str(&tail(" "));
            text
        }
        Hint::Status | Hint::Kind | Hint::Role | Hint::Colour | Hint::Currency | Hint::Locale => {
            format!("{}{}", pick(small(wanted.hint), rng), tail("-"))
        }
        Hint::Zone => format!("{}{}", pick(w::ZONES, rng), tail("/")),
        Hint::Address => match unique {
            Some(number) => address(number),
            None => format!("203.0.113.{}", rng.below(256)),
        },
        Hint::Agent => format!("{}{}", pick(w::AGENTS, rng), tail(" ")),
        Hint::Secret => hex(wanted, rng),
        Hint::Path => format!(
            "{}/{}{}.{}",
            pick(w::NOUNS, rng),
            pair(rng, "_"),
            tail("_"),
            pick(w::EXTENSIONS, rng)
        ),
        Hint::Mime => format!("{}{}", pick(w::MIMES, rng), tail(";v=")),
        Hint::Version => format!(
            "{}.{}.{}",
            rng.below(4),
            rng.below(20),
            unique.unwrap_or_else(|| rng.below(10))
        ),
        Hint::Identifier => uuid(rng),
        Hint::Document => document(unique, rng),
        Hint::Code => format!(
            "{}-{:05}",
            pick(w::NOUNS, rng)
                .get(..2)
                .unwrap_or("xx")
                .to_ascii_uppercase(),
            unique.unwrap_or_else(|| rng.below(100_000))
        ),
        _ => match rng.below(4) {
            0 => format!("{}{}", pick(w::NOUNS, rng), tail(" ")),
            1 | 2 => format!("{}{}", pair(rng, " "), tail(" ")),
            _ => {
                let mut text = running(wanted, rng, 4);
                text.push_str(&tail(" "));
                text
            }
        },
    }
}

fn country(wanted: &Wanted<'_>, rng: &mut Rng) -> String {
    let place = match wanted.unique {
        Some(number) if number < w::COUNTRIES.len() as u64 => usize::try_from(number).unwrap_or(0),
        Some(number) => {
            // Codes are used up; others that no country has will do.
            return match wanted.limit {
                Some(limit) if limit < 12 => code(number, limit as usize),
                _ => format!("Country {number}"),
            };
        }
        None => rng.skewed(w::COUNTRIES.len()),
    };
    let (two, three, name) = w::COUNTRIES.get(place).copied().unwrap_or_default();
    let longest = wanted.dom.longest.or(wanted.limit);
    match longest {
        Some(2) => two.to_owned(),
        Some(3) => three.to_owned(),
        _ if wanted.wide || name.is_ascii() => name.to_owned(),
        _ => two.to_owned(),
    }
}

/// Hexadecimal digits, as many as have room; 64 where it does not matter.
fn hex(wanted: &Wanted<'_>, rng: &mut Rng) -> String {
    let longest = wanted.dom.longest.or(wanted.limit).unwrap_or(64);
    let length = longest.min(64).max(wanted.dom.shortest) as usize;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        let _ = write!(text, "{:016x}", rng.next());
    }
    text.truncate(length);
    text
}

/// A random UUID (version 4).
pub(super) fn uuid(rng: &mut Rng) -> String {
    let (a, b) = (rng.next(), rng.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | (b >> 48) & 0x3fff,
        b & 0xffff_ffff_ffff
    )
}

/// An address for a number: of the private network 10/8, beyond that of the IPv6 documentation.
pub(super) fn address(number: u64) -> String {
    if number < 1 << 24 {
        let part = |shift: u32| (number >> shift) & 0xff;
        format!("10.{}.{}.{}", part(16), part(8), part(0))
    } else {
        format!(
            "2001:db8::{:x}:{:x}",
            (number >> 16) & 0xffff,
            number & 0xffff
        )
    }
}

/// A JSON object.
pub(super) fn document(unique: Option<u64>, rng: &mut Rng) -> String {
    let mut text = String::from("{");
    if let Some(number) = unique {
        let _ = write!(text, "\"number\": {number}, ");
    }
    let _ = write!(
        text,
        "\"name\": \"{} {}\", \"count\": {}, \"on\": {}",
        pick(w::ADJECTIVES, rng),
        pick(w::NOUNS, rng),
        rng.skewed(100),
        rng.chance(500)
    );
    if rng.chance(500) {
        let _ = write!(
            text,
            ", \"tags\": [\"{}\", \"it's\"], \"none\": null",
            pick(w::NOUNS, rng)
        );
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const HINTS: &[Hint] = &[
        Hint::None,
        Hint::Email,
        Hint::Login,
        Hint::FirstName,
        Hint::LastName,
        Hint::FullName,
        Hint::Phone,
        Hint::Url,
        Hint::Host,
        Hint::Country,
        Hint::City,
        Hint::Street,
        Hint::Postcode,
        Hint::Region,
        Hint::Company,
        Hint::Title,
        Hint::Slug,
        Hint::Long,
        Hint::Status,
        Hint::Kind,
        Hint::Zone,
        Hint::Address,
        Hint::Agent,
        Hint::Secret,
        Hint::Path,
        Hint::Mime,
        Hint::Version,
        Hint::Identifier,
        Hint::Document,
        Hint::Code,
    ];

    fn make(hint: Hint, dom: &Dom, limit: Option<u32>, number: u64) -> String {
        let wanted = Wanted {
            hint,
            dom,
            limit,
            unique: Some(number),
            wide: true,
            edges: true,
        };
        text(&wanted, &mut Rng::new(mix(1, number)))
    }

    #[test]
    fn unique_texts_differ_whatever_their_length() {
        for hint in HINTS {
            for limit in [
                None,
                Some(2),
                Some(3),
                Some(5),
                Some(10),
                Some(20),
                Some(40),
                Some(255),
            ] {
                let all: BTreeSet<String> = (0..600)
                    .map(|number| make(*hint, &Dom::default(), limit, number))
                    .collect();
                assert_eq!(all.len(), 600, "{hint:?} {limit:?}");
                let longest = all.iter().map(|text| text.chars().count()).max().unwrap();
                assert!(
                    limit.is_none_or(|limit| longest <= limit as usize),
                    "{hint:?} {limit:?}"
                );
            }
        }
    }

    #[test]
    fn lengths_and_cases_are_kept() {
        let dom = Dom {
            shortest: 30,
            longest: Some(30),
            case: Some(Case::Lower),
            trimmed: true,
            ..Dom::default()
        };
        for hint in HINTS {
            for number in 0..50 {
                let text = make(*hint, &dom, None, number);
                assert_eq!(text.chars().count(), 30, "{hint:?} {text}");
                assert_eq!(text, text.to_lowercase());
            }
        }
    }

    #[test]
    fn uuids_are_of_version_four() {
        let text = uuid(&mut Rng::new(5));
        assert_eq!((text.len(), &text[14..15]), (36, "4"));
        assert!("89ab".contains(&text[19..20]));
    }
}
