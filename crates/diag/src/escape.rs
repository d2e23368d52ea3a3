//! Text from outside, made safe to show on a terminal.
//!
//! A name, a commit message or a server's error may hold escape sequences that move the cursor or
//! characters that reverse the reading direction. Both can make a terminal show what is not there.

/// Whether a character could change how the text around it is shown.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Directional marks, embeddings, overrides and isolates.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators, zero-width characters, tags.
            | '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}')
}

fn escape_into(out: &mut String, c: char) {
    if is_deceptive(c) {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

/// The text as one line: control characters, line breaks and characters that change the reading
/// direction are written as escapes such as `\n` and `\u{1b}`.
pub fn escape_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| escape_into(&mut out, c));
    out
}

/// As [`escape_line`], but line breaks stay and a tab becomes four spaces.
pub fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            c => escape_into(&mut out, c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(escape_line("a\nb\t\u{1b}[31m\r"), "a\\nb\\t\\u{1b}[31m\\r");
        assert_eq!(escape_line("Zoë → ünïcode"), "Zoë → ünïcode");
    }

    #[test]
    fn reading_direction_cannot_be_changed() {
        for c in [
            '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{9b}', '\u{2028}',
        ] {
            assert!(!escape_line(&c.to_string()).contains(c), "{c:?}");
            assert!(!escape_text(&c.to_string()).contains(c), "{c:?}");
        }
    }

    #[test]
    fn a_text_keeps_its_lines() {
        assert_eq!(escape_text("a\r\nb\n\tc\u{7}"), "a\nb\n    c\\u{7}");
    }
}
