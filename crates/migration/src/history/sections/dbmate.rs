//! dbmate: `-- migrate:up` and `-- migrate:down`, each required, with options behind them.
//!
//! As <https://github.com/amacneil/dbmate/blob/f3e08f15/pkg/dbmate/migration.go> reads them. A file
//! may hold several pairs. The text of a block begins with its marker and is sent whole.

use std::ops::Range;

use super::{Divided, Ways};
use crate::history::Wrapped;

/// A marker.
struct Marker {
    up: bool,
    /// Where it begins: a block is from here to the next.
    at: usize,
    /// The end of its line, without `\r`.
    line_end: usize,
    transaction: bool,
}

/// Whether a text has a marker for a way up.
pub(in crate::history) fn is_marked(text: &str) -> bool {
    markers(text).iter().any(|marker| marker.up)
}

/// Divides a file.
pub(in crate::history) fn divide(text: &str) -> Divided {
    let mut divided = Divided::default();
    let markers = markers(text);
    let Some(first) = markers.iter().position(|marker| marker.up) else {
        divided.refuse(0..0, "`-- migrate:up` is missing, which dbmate refuses");
        return divided;
    };
    if let Some(early) = markers.first().filter(|_| first > 0) {
        // It is in no block, and dbmate passes over it as over any comment.
        divided.refuse(
            early.at..early.line_end,
            "`-- migrate:down` before `-- migrate:up` is passed over",
        );
    }
    let markers = markers.get(first..).unwrap_or_default();
    if let Some(statement) = markers
        .first()
        .and_then(|marker| statement_before(text, marker.at))
    {
        divided.refuse(
            statement,
            "a statement before `-- migrate:up`, which dbmate refuses",
        );
    }
    let mut left = markers;
    while let [up, rest @ ..] = left {
        let downs = rest.iter().take_while(|marker| !marker.up).count();
        let (downs, after) = rest.split_at_checked(downs).unwrap_or((rest, &[]));
        let end = after.first().map_or(text.len(), |next| next.at);
        if let Some(second) = downs.get(1) {
            divided.refuse(
                second.at..second.line_end,
                "a second `-- migrate:down`, which dbmate refuses",
            );
        }
        let down = downs.first();
        if down.is_none() {
            divided.refuse(
                up.at..up.line_end,
                "`-- migrate:down` is missing, which dbmate refuses",
            );
        }
        let body =
            |marker: &Marker, end: usize| super::next_line(text, marker.line_end).min(end)..end;
        divided.ways.push(Ways {
            up: body(up, down.map_or(end, |down| down.at)),
            down: down.map(|down| body(down, end)),
            wrap_up: wrap(up),
            wrap_down: down.map_or(Wrapped::Transaction, wrap),
        });
        left = after;
    }
    divided
}

fn wrap(marker: &Marker) -> Wrapped {
    if marker.transaction {
        Wrapped::Transaction
    } else {
        Wrapped::OneMessage
    }
}

/// The markers, which begin where a line begins.
fn markers(text: &str) -> Vec<Marker> {
    let mut markers = Vec::new();
    for (line, place) in super::lines(text) {
        let space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\x0c');
        let Some(words) = line.strip_prefix("--") else {
            continue;
        };
        let words = words.trim_start_matches(space);
        let Some((up, options)) = words
            .strip_prefix("migrate:up")
            .map(|rest| (true, rest))
            .or_else(|| words.strip_prefix("migrate:down").map(|rest| (false, rest)))
        else {
            continue;
        };
        if !options.is_empty() && !options.starts_with(space) {
            continue;
        }
        // The last of equal names counts, and only `name:value` is one.
        let transaction = options
            .split(space)
            .filter_map(|option| match option.split(':').collect::<Vec<_>>()[..] {
                ["transaction", value] => Some(value),
                _ => None,
            })
            .next_back();
        markers.push(Marker {
            up,
            at: place.start,
            line_end: place.end,
            transaction: transaction != Some("false"),
        });
    }
    markers
}

/// The first line before a place that is neither empty nor a comment.
fn statement_before(text: &str, end: usize) -> Option<Range<usize>> {
    super::lines(text.get(..end)?)
        .find(|(line, _)| {
            let line = line.trim_matches([' ', '\t', '\r', '\x0c']);
            !line.is_empty() && !line.starts_with("--")
        })
        .map(|(_, place)| place)
}
