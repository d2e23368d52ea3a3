//! Texts as people see them.

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
