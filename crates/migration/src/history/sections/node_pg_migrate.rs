//! node-pg-migrate: `-- Up Migration` and `-- Down Migration`, in any order. Without a marker the
//! file is a way up.
//!
//! As <https://github.com/salsita/node-pg-migrate/blob/55b10c22/src/sqlMigration.ts> reads them: the
//! first marker of each kind counts, in any case, with white space and `-` around `--`. All pending
//! migrations run in one transaction unless it is told otherwise.

use super::{Divided, Ways};
use crate::history::Wrapped;

/// Whether a text has markers for both ways. One alone may be a comment in a file of another tool.
pub(in crate::history) fn is_marked(text: &str) -> bool {
    marker(text, "up").is_some() && marker(text, "down").is_some()
}

/// Divides a file.
pub(in crate::history) fn divide(text: &str) -> Divided {
    let end = text.len();
    let up = marker(text, "up");
    let down = marker(text, "down");
    let up_range = match (up, down) {
        (None, _) => 0..end,
        (Some(up), Some(down)) if up < down => up..down,
        (Some(up), _) => up..end,
    };
    let down_range = down.map(|down| match up {
        Some(up) if down < up => down..up,
        _ => down..end,
    });
    Divided {
        ways: vec![Ways {
            up: up_range,
            down: down_range,
            wrap_up: Wrapped::Transaction,
            wrap_down: Wrapped::Transaction,
        }],
        ..Divided::default()
    }
}

/// Where the first line with the marker begins.
fn marker(text: &str, way: &str) -> Option<usize> {
    super::lines(text)
        .find(|(line, _)| is_marker(line, way))
        .map(|(_, place)| place.start)
}

fn is_marker(line: &str, way: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix("--") else {
        return false;
    };
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '-');
    let Some(rest) = strip_word(rest, way) else {
        return false;
    };
    let after = rest.trim_start();
    after.len() < rest.len() && strip_word(after, "migration").is_some()
}

/// The text after a word in any case.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}
