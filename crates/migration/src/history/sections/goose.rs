//! goose: `-- +goose Up` and `-- +goose Down`, with `StatementBegin` and `StatementEnd` around what
//! must not be cut at `;`.
//!
//! As <https://github.com/pressly/goose/blob/520411a1/internal/sqlparser/parser.go> reads them: line
//! by line, and any comment with `+goose` in it is an annotation or an error.

use std::ops::Range;

use super::{Divided, Ways};
use crate::history::Wrapped;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Up,
    BeginUp,
    EndUp,
    Down,
    BeginDown,
    EndDown,
}

/// Whether a text has an annotation for a way up.
pub(in crate::history) fn is_marked(text: &str) -> bool {
    super::lines(text).any(|(line, _)| {
        line.starts_with("--")
            && line.contains("+goose")
            && annotation(line).is_some_and(|word| word == "up")
    })
}

/// What an annotation says, in small letters, if its line is one that goose takes.
fn annotation(line: &str) -> Option<String> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let words = line.replace("--", "").replacen("+goose", "", 1);
    if words.contains("+goose") {
        return None;
    }
    let words = words.trim().to_ascii_lowercase();
    matches!(
        words.as_str(),
        "up" | "down"
            | "statementbegin"
            | "statementend"
            | "no transaction"
            | "envsub on"
            | "envsub off"
    )
    .then_some(words)
}

/// Divides a file.
pub(in crate::history) fn divide(text: &str) -> Divided {
    let mut walk = Walk::new(text);
    for (line, place) in super::lines(text) {
        walk.line(line, place);
    }
    walk.end()
}

struct Walk<'a> {
    text: &'a str,
    state: State,
    up: Option<usize>,
    /// The marker of the way down, and where what follows it begins.
    down: Option<(usize, usize)>,
    transaction: bool,
    /// The lines since the last statement, and whether there is anything in them.
    open: Option<(Range<usize>, bool)>,
    divided: Divided,
}

impl<'a> Walk<'a> {
    fn new(text: &'a str) -> Self {
        Walk {
            text,
            state: State::Start,
            up: None,
            down: None,
            transaction: true,
            open: None,
            divided: Divided::default(),
        }
    }

    fn line(&mut self, line: &str, place: Range<usize>) {
        let bare = line.trim();
        if self.state == State::Start && bare.is_empty() {
            return;
        }
        let is_comment = bare.starts_with("--");
        if is_comment && line.contains("+goose") {
            match annotation(line) {
                // The line itself still ends the statement, below.
                Some(word) if word == "statementend" => self.annotate(&word, place.clone()),
                Some(word) => return self.annotate(&word, place),
                None => {
                    let what = "a comment with `+goose` that is no annotation, which goose refuses";
                    return self.divided.refuse(place, what);
                }
            }
        }
        if self.open.is_none() && (is_comment || line.is_empty()) {
            return;
        }
        if !matches!(self.state, State::EndUp | State::EndDown) {
            let (from, solid) = match self.open.take() {
                Some((open, true)) => (open.start, true),
                _ => (place.start, !bare.is_empty()),
            };
            self.open = Some((from..place.end, solid));
        }
        match self.state {
            State::Start => {
                self.divided.refuse(
                    place,
                    "a statement before `-- +goose Up`, which goose refuses",
                );
                self.open = None;
            }
            State::Up | State::Down => {
                if super::ends_statement(line) {
                    self.store();
                }
            }
            State::BeginUp | State::BeginDown => {}
            State::EndUp => {
                self.store();
                self.state = State::Up;
            }
            State::EndDown => {
                self.store();
                self.state = State::Down;
            }
        }
    }

    fn annotate(&mut self, word: &str, place: Range<usize>) {
        let next = super::next_line(self.text, place.end);
        match (word, self.state) {
            ("up", State::Start) => {
                self.state = State::Up;
                self.up = Some(next);
            }
            ("up", _) => self
                .divided
                .refuse(place, "a second `-- +goose Up`, which goose refuses"),
            ("down", State::Up | State::EndUp) => {
                self.unfinished();
                self.state = State::Down;
                self.down = Some((place.start, next));
            }
            ("down", State::Start) => self.divided.refuse(
                place,
                "`-- +goose Down` before `-- +goose Up`, which goose refuses",
            ),
            ("down", _) => self.divided.refuse(
                place,
                "`-- +goose Down` inside of a statement or the way down, which goose refuses",
            ),
            ("statementbegin", State::Up | State::EndUp) => self.state = State::BeginUp,
            ("statementbegin", State::Down | State::EndDown) => self.state = State::BeginDown,
            ("statementend", State::BeginUp) => self.state = State::EndUp,
            ("statementend", State::BeginDown) => self.state = State::EndDown,
            ("statementbegin" | "statementend", _) => self.divided.refuse(
                place,
                "`StatementBegin` and `StatementEnd` do not match, which goose refuses",
            ),
            ("no transaction", _) => self.transaction = false,
            _ => {}
        }
    }

    /// Stores the statement that is open.
    fn store(&mut self) -> Option<Range<usize>> {
        let (open, _) = self.open.take().filter(|(_, solid)| *solid)?;
        let piece = super::trimmed(self.text, open);
        self.divided.pieces.push(piece.clone());
        Some(piece)
    }

    /// Complains of a statement that is open where a way ends.
    fn unfinished(&mut self) {
        if let Some(piece) = self.store() {
            let what = "a statement without `;` at the end of a line, which goose refuses";
            self.divided.refuse(piece, what);
        }
    }

    fn end(mut self) -> Divided {
        if matches!(self.state, State::BeginUp | State::BeginDown) {
            let end = self.text.len();
            self.divided
                .refuse(end..end, "`StatementEnd` is missing, which goose refuses");
        }
        self.unfinished();
        let Some(up) = self.up else {
            self.divided
                .refuse(0..0, "`-- +goose Up` is missing, which goose refuses");
            return self.divided;
        };
        let wrap = if self.transaction {
            Wrapped::Transaction
        } else {
            Wrapped::Nothing
        };
        let end = self.text.len();
        self.divided.ways.push(Ways {
            up: up..self.down.map_or(end, |(marker, _)| marker),
            down: self.down.map(|(_, from)| from..end),
            wrap_up: wrap,
            wrap_down: wrap,
        });
        self.divided
    }
}
