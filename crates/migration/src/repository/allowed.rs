//! Findings that somebody allowed where they stand, in files that are no SQL.
//!
//! `switchback:allow migration-at-startup: one replica only`, in a comment on the same line or on
//! the line above, as in SQL. What begins a comment differs from file to file, so that only the words
//! count.

use std::ops::Range;

use switchback_diag::Code;

/// The reason for which a finding at `span` is allowed; none if it is not, or if no reason is given.
pub fn allowed(text: &str, span: &Range<usize>, code: Code) -> Option<String> {
    let start = span.start.min(text.len());
    let line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text
        .get(start..)?
        .find('\n')
        .map_or(text.len(), |at| start + at);
    let above = text[..line].strip_suffix('\n').unwrap_or_default();
    let above = above.rfind('\n').map_or(above, |at| &above[at + 1..]);
    let here = [above, &text[line..end]];
    here.into_iter()
        .find_map(|line| reason(line, "switchback:allow", code))
        .or_else(|| {
            text.lines()
                .find_map(|line| reason(line, "switchback:allow-file", code))
        })
}

/// The reason that a line gives for a rule behind a directive.
fn reason(line: &str, directive: &str, code: Code) -> Option<String> {
    let (_, rest) = line.split_once(directive)?;
    let rest = rest.strip_prefix(char::is_whitespace)?;
    let (rules, reason) = rest.split_once(':')?;
    let named = rules
        .split(',')
        .any(|rule| Code::find(rule.trim()) == Some(code));
    // What ends a comment is no reason.
    let reason = reason
        .trim()
        .trim_end_matches("*/")
        .trim_end_matches("-->")
        .trim();
    (named && !reason.is_empty()).then(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        let at = text.find("HERE").unwrap();
        allowed(text, &(at..at + 4), Code::MigrationAtStartup)
    }

    #[test]
    fn comments_allow() {
        let one = Some("one replica".to_owned());
        for text in [
            "# switchback:allow migration-at-startup: one replica\nCMD HERE\n",
            "x\nHERE // switchback:allow SB1402: one replica",
            "/* switchback:allow-file drop-column, SB1402: one replica */\n\n\nHERE",
        ] {
            assert_eq!(of(text), one, "{text}");
        }
        for text in [
            "# switchback:allow migration-at-startup\nHERE",
            "# switchback:allow migration-at-startup:\nHERE",
            "# switchback:allow drop-column: x\nHERE",
            "# switchback:allow SB1402: far\n\nHERE",
            "HERE",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
