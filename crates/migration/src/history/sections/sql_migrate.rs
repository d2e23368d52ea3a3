//! sql-migrate: `-- +migrate Up` and `-- +migrate Down`, each with `notransaction` behind it.
//!
//! As <https://github.com/rubenv/sql-migrate/blob/563a2f03/sqlparse/sqlparse.go> reads them: line by
//! line, without the lines that begin with `-- `. The ways may come in any order and more than once;
//! a file in which one way is in two places is refused here, because a part has one place.

use std::ops::Range;

use super::{Divided, Ways};
use crate::history::Wrapped;

const COMMAND: &str = "-- +migrate ";

/// A stretch of a file that belongs to one way.
struct Stretch {
    up: bool,
    range: Range<usize>,
}

/// Whether a text has a command for a way up.
pub(in crate::history) fn is_marked(text: &str) -> bool {
    super::lines(text).any(|(line, _)| command(line).is_some_and(|(word, _)| word == "Up"))
}

/// The word of a command, and whether the transaction is switched off behind it.
fn command(line: &str) -> Option<(&str, bool)> {
    let mut words = line.strip_prefix(COMMAND)?.split_whitespace();
    let word = words.next()?;
    Some((word, words.any(|option| option == "notransaction")))
}

/// Divides a file.
pub(in crate::history) fn divide(text: &str) -> Divided {
    let mut divided = Divided::default();
    let mut stretches: Vec<Stretch> = Vec::new();
    let (mut bare_up, mut bare_down) = (false, false);
    // The statement that has begun, and whether a block keeps it together.
    let mut open: Option<Range<usize>> = None;
    let mut block: Option<Range<usize>> = None;
    for (line, place) in super::lines(text) {
        if line.starts_with("-- ") && !line.starts_with("-- +") {
            continue;
        }
        let mut block_ends = false;
        match command(line) {
            Some((word @ ("Up" | "Down"), bare)) => {
                let up = word == "Up";
                if let Some(open) = open.take() {
                    refuse_open(&mut divided, text, open);
                }
                if up {
                    bare_up |= bare;
                } else {
                    bare_down |= bare;
                }
                let start = super::next_line(text, place.end);
                if let Some(last) = stretches.last_mut()
                    && last.up == up
                {
                    last.range.end = start;
                } else {
                    if let Some(last) = stretches.last_mut() {
                        last.range.end = place.start;
                    }
                    stretches.push(Stretch {
                        up,
                        range: start..start,
                    });
                }
            }
            Some(("StatementBegin", _)) if !stretches.is_empty() => block = Some(place.clone()),
            Some(("StatementEnd", _)) if !stretches.is_empty() => {
                block_ends = block.take().is_some();
            }
            _ => {}
        }
        if stretches.is_empty() {
            continue;
        }
        if !line.starts_with("-- +") && (open.is_some() || !line.trim().is_empty()) {
            let from = open.take().map_or(place.start, |open| open.start);
            open = Some(from..place.end);
        }
        if ((block.is_none() && super::ends_statement(line)) || block_ends)
            && let Some(open) = open.take()
        {
            divided.pieces.push(super::trimmed(text, open));
        }
    }
    if let Some(block) = block {
        divided.refuse(
            block,
            "`StatementEnd` is missing, which sql-migrate refuses",
        );
    }
    if let Some(open) = open {
        refuse_open(&mut divided, text, open);
    }
    if let Some(last) = stretches.last_mut() {
        last.range.end = text.len();
    }
    let wrap = |bare| {
        if bare {
            Wrapped::Nothing
        } else {
            Wrapped::Transaction
        }
    };
    let of = |up: bool| stretches.iter().filter(move |it| it.up == up);
    if stretches.is_empty() {
        divided.refuse(
            0..0,
            "`-- +migrate Up` is missing, which sql-migrate refuses",
        );
    } else if let Some(second) = of(true).nth(1).or_else(|| of(false).nth(1)) {
        divided.refuse(
            second.range.clone(),
            "the sections of one way lie apart, which is not read",
        );
    } else {
        divided.ways.push(Ways {
            up: of(true).next().map_or(0..0, |it| it.range.clone()),
            down: of(false).next().map(|it| it.range.clone()),
            wrap_up: wrap(bare_up),
            wrap_down: wrap(bare_down),
        });
    }
    divided
}

fn refuse_open(divided: &mut Divided, text: &str, open: Range<usize>) {
    let open = super::trimmed(text, open);
    if !open.is_empty() {
        divided.refuse(
            open.clone(),
            "a statement without `;` at the end of a line, which sql-migrate refuses",
        );
        divided.pieces.push(open);
    }
}
