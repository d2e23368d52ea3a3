//! Texts as people see them.

use std::error::Error;
use std::time::Duration;

/// An error and its sources, from the outermost to the first cause, on one line unless one of them
/// has several.
pub fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// A statement on one line, cut to a printable length.
pub(crate) fn excerpt(statement: &str) -> String {
    const LENGTH: usize = 160;
    let lines = statement
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("--") && !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    let mut text = printable(&line.chars().take(LENGTH).collect::<String>());
    if line.chars().nth(LENGTH).is_some() {
        text.push('…');
    }
    text
}

/// A text in which control characters are blanks.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// A length of time for people, in seconds.
pub(crate) fn seconds(length: Duration) -> String {
    if length < Duration::from_secs(10) {
        format!("{:.1} s", length.as_secs_f64())
    } else {
        format!("{} s", length.as_secs())
    }
}
