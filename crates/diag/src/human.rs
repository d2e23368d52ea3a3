//! Diagnostics as text for people.
//!
//! Everything that came from outside is escaped, and a line that goes on is marked with `|`, so
//! that no cause can pass itself off as a hint.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Hint, Location, Severity};
use crate::escape::{escape_line, escape_text};
use crate::theme::{Theme, styled};

/// All diagnostics, separated by an empty line. Ends with a line break unless there are none.
pub fn render(diagnostics: &[Diagnostic], theme: &Theme) -> String {
    let each: Vec<String> = diagnostics
        .iter()
        .map(|found| render_one(found, theme))
        .collect();
    each.join("\n")
}

/// One diagnostic. Ends with a line break.
pub fn render_one(found: &Diagnostic, theme: &Theme) -> String {
    let mut out = String::new();
    let style = match found.severity {
        Severity::Error => theme.error,
        Severity::Warning => theme.warning,
        Severity::Note => theme.label,
    };
    let head = styled(style, &format!("{}[{}]", found.severity.word(), found.code));
    continued(&mut out, &format!("{head}: "), &found.message);
    if let Some(location) = &found.location {
        place(&mut out, location, theme);
    }
    for cause in &found.causes {
        continued(
            &mut out,
            &format!("  {} ", styled(theme.label, "caused by:")),
            cause,
        );
    }
    for hint in &found.hints {
        advice(&mut out, hint, theme);
    }
    let help = styled(theme.faint, &found.help());
    let _ = writeln!(out, "  {} {help}", styled(theme.label, "explain:"));
    out
}

/// What a finding says in words, for a reader who has its code, its place and its page from
/// elsewhere: the message, the causes, the hints. Does not end with a line break.
pub(crate) fn said(found: &Diagnostic) -> String {
    let mut out = String::new();
    continued(&mut out, "", &found.message);
    for cause in &found.causes {
        continued(&mut out, "  caused by: ", cause);
    }
    for hint in &found.hints {
        advice(&mut out, hint, &Theme::PLAIN);
    }
    out.trim_end().to_owned()
}

/// The text after its lead; further lines are indented and marked.
fn continued(out: &mut String, lead: &str, text: &str) {
    let text = escape_text(text.trim_end());
    for (at, line) in text.lines().enumerate() {
        let _ = if at == 0 {
            writeln!(out, "{lead}{line}")
        } else {
            writeln!(out, "    | {line}")
        };
    }
    if text.is_empty() {
        let _ = writeln!(out, "{}", lead.trim_end());
    }
}

fn place(out: &mut String, location: &Location, theme: &Theme) {
    let file = escape_line(&location.file);
    let number = location.line.to_string();
    let gutter = " ".repeat(number.len());
    let bar = styled(theme.faint, "|");
    let _ = writeln!(
        out,
        "{gutter}{} {file}:{}:{}",
        styled(theme.faint, "-->"),
        location.line,
        location.column
    );
    // Escapes make a line longer, so each part is escaped by itself to keep the marker in place.
    let before: String = location.text.chars().take(column_index(location)).collect();
    let meant: String = location
        .text
        .chars()
        .skip(column_index(location))
        .take(usize::try_from(location.width).unwrap_or(usize::MAX))
        .collect();
    let after: String = location
        .text
        .chars()
        .skip(column_index(location) + meant.chars().count())
        .collect();
    let one_line = |text: &str| escape_line(&text.replace('\t', "    "));
    let (before, meant) = (one_line(&before), one_line(&meant));
    let _ = writeln!(out, "{gutter} {bar}");
    let line = format!("{before}{meant}{}", one_line(&after));
    let _ = writeln!(out, "{number} {bar} {}", line.trim_end());
    let marker = "^".repeat(meant.chars().count().max(1));
    let _ = writeln!(
        out,
        "{gutter} {bar} {}{}",
        " ".repeat(before.chars().count()),
        styled(theme.error, &marker)
    );
}

fn column_index(location: &Location) -> usize {
    usize::try_from(location.column.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn advice(out: &mut String, hint: &Hint, theme: &Theme) {
    let lead = format!("  {} ", styled(theme.label, "hint:"));
    match &hint.command {
        None => continued(out, &lead, &hint.text),
        Some(command) => {
            let command = styled(theme.command, &escape_line(command));
            let text = escape_line(&hint.text);
            let _ = writeln!(out, "{lead}{text}: {command}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn sample() -> Diagnostic {
        let source = "[rollback]\nwindw = \"24h\"\n";
        Diagnostic::error(Code::UnknownKey, "`windw` is not a key of [rollback]")
            .at(Location::of_span("switchback.toml", source, 11..16))
            .cause("keys are checked\nso that a slip is seen")
            .hint("did you mean `window`?")
            .hint_command("see every key", "switchback util schema")
    }

    #[test]
    fn an_error_reads_in_order() {
        let expected = "\
error[SB0103]: `windw` is not a key of [rollback]
 --> switchback.toml:2:1
  |
2 | windw = \"24h\"
  | ^^^^^
  caused by: keys are checked
    | so that a slip is seen
  hint: did you mean `window`?
  hint: see every key: switchback util schema
  explain: switchback explain SB0103
";
        assert_eq!(render(&[sample()], &Theme::PLAIN), expected);
    }

    #[test]
    fn colour_adds_only_colour() {
        let coloured = render(&[sample()], &Theme::COLOUR);
        assert!(coloured.contains("\u{1b}["));
        let mut text = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            text.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        text.push_str(rest);
        assert_eq!(text, render(&[sample()], &Theme::PLAIN));
    }

    #[test]
    fn outside_text_cannot_forge_a_line_or_move_the_cursor() {
        let evil = "x\u{1b}[2J\n  hint: rm -rf /\r\u{202e}";
        let found = Diagnostic::error(Code::GitFailed, evil)
            .cause(evil)
            .hint(evil)
            .hint_command(evil, evil)
            .at(Location {
                file: evil.into(),
                line: 1,
                column: 2,
                text: evil.into(),
                width: 3,
            });
        let text = render(&[found], &Theme::PLAIN);
        assert!(!text.contains(['\u{1b}', '\r', '\u{202e}']), "{text}");
        assert!(
            !text.lines().any(|line| line.starts_with("  hint: rm")),
            "{text}"
        );
    }

    #[test]
    fn the_marker_stands_under_what_is_meant() {
        let source = "a\t= \"\u{7}bad\"";
        let at = source.find("bad").unwrap();
        let found = Diagnostic::error(Code::WrongValue, "bad").at(Location::of_span(
            "f",
            source,
            at..at + 3,
        ));
        let text = render(&[found], &Theme::PLAIN);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[3].find("bad"), lines[4].find("^^^"), "{text}");
    }
}
