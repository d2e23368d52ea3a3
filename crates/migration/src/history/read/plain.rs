//! Numbered files of nobody in particular.

use std::collections::BTreeSet;

use super::files::{Build, File, Files, Id};
use crate::history::order::Key;
use crate::history::path::{parent, within};
use crate::history::{Candidate, Part, ProblemKind, Wrapped};

/// Plain files: those with a number in front, by that number. Where all numbers are dates or times,
/// of eight digits or more, they are compared from the front, so that `20240101` and
/// `20240101120000` may stand in one folder. A name that ends with `.down`, `.undo` or `.rollback`
/// is the way down of the one with its number; with `_` or `-` before the word only if there is one.
///
/// Whoever runs such files mostly hands each to a driver as it is, so that it is one message. `psql
/// -f` would send statements one by one.
pub(super) fn plain(candidate: &Candidate, files: &Files<'_>, build: &mut Build) {
    let names: Vec<(File<'_>, Option<Name<'_>>)> = files
        .sql
        .iter()
        .map(|file| (*file, Name::parse(file.name)))
        .collect();
    let dates = names
        .iter()
        .filter_map(|(_, name)| name.as_ref())
        .all(|name| name.version.bytes().filter(u8::is_ascii_digit).count() >= 8);
    // Two changes of one day are no mistake, two with one number are.
    build.lenient = dates;
    let ups: BTreeSet<(&str, &str)> = names
        .iter()
        .filter_map(|(file, name)| Some((parent(file.path), name.as_ref()?)))
        .filter(|(_, name)| name.way == Way::Up)
        .map(|(folder, name)| (folder, name.version))
        .collect();
    for (file, name) in &names {
        let Some(name) = name else {
            build.misnamed(
                *file,
                "no number in front of the name, so that it has no place",
            );
            continue;
        };
        // A folder that is a version comes before the number in it.
        let inner = within(&candidate.path, parent(file.path)).unwrap_or_default();
        let inner = if parent(file.path) == candidate.path {
            ""
        } else {
            inner
        };
        let key = key(inner, name.version, dates);
        let version = match inner {
            "" => name.version.to_owned(),
            inner => format!("{inner}/{}", name.version),
        };
        let id = Id::new(key, version, name.words);
        let part = whole(*file, build);
        let has_up = ups.contains(&(parent(file.path), name.version));
        match name.way {
            Way::Down => build.down(id, part),
            Way::MaybeDown if has_up => build.down(id, part),
            _ => drop(build.up(id, part)),
        }
    }
}

/// The part that is a file, unless it has sections of a tool that is not read.
fn whole(file: File<'_>, build: &mut Build) -> Part {
    let part = build.whole(file, Wrapped::OneMessage);
    let foreign = file.text().and_then(|text| {
        FOREIGN.iter().find(|(marker, _)| {
            text.lines().any(|line| {
                line.trim_start_matches(['\u{feff}', ' ', '\t'])
                    .starts_with(marker)
            })
        })
    });
    match foreign {
        None => part,
        Some((marker, tool)) => {
            let what = format!("`{marker}` divides the file for {tool}, which is not read");
            build.problem(file.path, ProblemKind::Section(what));
            Part::unreadable(file.path, Wrapped::OneMessage)
        }
    }
}

/// Markers of tools whose files are not read: taken as plain SQL, they would go up and down at once.
const FOREIGN: [(&str, &str); 7] = [
    ("---- create above / drop below ----", "tern"),
    ("# --- !Ups", "Play evolutions"),
    ("-- !Ups", "Play evolutions"),
    ("-- //@UNDO", "MyBatis Migrations"),
    ("-- @UNDO", "MyBatis Migrations"),
    ("-- +micrate Up", "micrate"),
    ("--liquibase formatted sql", "Liquibase"),
];

fn key(folder: &str, version: &str, dates: bool) -> Key {
    if dates && folder.is_empty() {
        let digits = version.chars().filter(char::is_ascii_digit).collect();
        return Key::Text(digits);
    }
    // Numbers of the folder, a mark that is smaller than any, numbers of the name.
    let folder = folder.trim_start_matches(['v', 'V']);
    let numbers = |text: &str| match Key::dotted(&text.replace('-', ".")) {
        Some(Key::Dotted(numbers)) => numbers,
        _ => Vec::new(),
    };
    if folder.is_empty() {
        Key::Dotted(numbers(version))
    } else {
        Key::Nested(numbers(folder), numbers(version))
    }
}

/// Which way a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
    /// Down, if there is a way up with the same number.
    MaybeDown,
}

/// A name taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Name<'a> {
    version: &'a str,
    words: &'a str,
    way: Way,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (stem, _) = name.rsplit_once('.')?;
        let end = version_end(stem)?;
        let (version, rest) = stem.split_at_checked(end)?;
        let (way, rest) = way(rest);
        let words = rest.trim_start_matches(['_', '-', ' ', '.']);
        Some(Name {
            version,
            words,
            way,
        })
    }
}

/// The end of the number in front: digits, and more of them after `.` or `-` if nothing but a sign
/// follows those.
fn version_end(stem: &str) -> Option<usize> {
    let bytes = stem.as_bytes();
    let digits_from = |from: usize| {
        bytes
            .iter()
            .skip(from)
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let mut end = digits_from(0);
    if end == 0 {
        return None;
    }
    while let Some(b'.' | b'-') = bytes.get(end) {
        let more = digits_from(end + 1);
        let after = stem.get(end + 1 + more..).unwrap_or_default();
        if more == 0 || after.starts_with(char::is_alphanumeric) {
            break;
        }
        end += 1 + more;
    }
    Some(end)
}

/// The way that the rest of a name says, and what remains of it: `.up` at the end, or `.do` right
/// after the number, as Postgrator has it.
fn way(rest: &str) -> (Way, &str) {
    let down = ["down", "undo", "rollback"];
    for word in ["up", "do"].iter().chain(&down) {
        let is_down = down.contains(word);
        let Some(head) = strip_suffix(rest, word) else {
            continue;
        };
        let dotted = head.ends_with('.');
        let cut = head.trim_end_matches(['.', '_', '-']);
        if dotted {
            return (if is_down { Way::Down } else { Way::Up }, cut);
        }
        if head.ends_with(['_', '-']) && *word != "do" {
            return match is_down {
                true => (Way::MaybeDown, cut),
                false => (Way::Up, cut),
            };
        }
    }
    for (word, way) in [(".do.", Way::Up), (".undo.", Way::Down)] {
        if let Some(rest) = rest.strip_prefix(word) {
            return (way, rest);
        }
    }
    (Way::Up, rest)
}

/// The text before a word in any case.
fn strip_suffix<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(text.len().checked_sub(word.len())?)?;
    tail.eq_ignore_ascii_case(word).then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let parts = |name| Name::parse(name).map(|it| (it.version, it.words, it.way));
        assert_eq!(parts("001_users.sql"), Some(("001", "users", Way::Up)));
        assert_eq!(parts("1.sql"), Some(("1", "", Way::Up)));
        assert_eq!(parts("1.down.sql"), Some(("1", "", Way::Down)));
        assert_eq!(
            parts("2024-01-31-a b.sql"),
            Some(("2024-01-31", "a b", Way::Up))
        );
        assert_eq!(parts("1.2.3-é.sql"), Some(("1.2.3", "é", Way::Up)));
        assert_eq!(parts("1-2fa.sql"), Some(("1", "2fa", Way::Up)));
        assert_eq!(parts("7_a.UP.sql"), Some(("7", "a", Way::Up)));
        assert_eq!(
            parts("7_roll_down.sql"),
            Some(("7", "roll", Way::MaybeDown))
        );
        assert_eq!(parts("7.undo.a.sql"), Some(("7", "a", Way::Down)));
        assert_eq!(parts("7.do.a.sql"), Some(("7", "a", Way::Up)));
        assert_eq!(
            parts("7_what_to_do.sql"),
            Some(("7", "what_to_do", Way::Up))
        );
        assert_eq!(parts("users.sql"), None);
    }

    #[test]
    fn numbers_count_and_dates_are_compared_from_the_front() {
        assert!(key("", "2", false) < key("", "10", false));
        assert!(key("", "20240102", true) > key("", "20240101120000", true));
        assert!(key("", "2024-01-02", true) > key("", "20240101", true));
        assert!(key("0.9", "10", false) < key("0.10", "2", false));
        assert_eq!(key("", "1", false), key("", "01", false));
    }
}
