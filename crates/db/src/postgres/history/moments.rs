//! Definitions that hold the moment at which they were made.
//!
//! `'now'::timestamp` becomes a constant when a view or a default is made, so a definition that is
//! made again is another one each time. That says nothing about the way back.

use crate::history::{Difference, Line};

/// The times since a rehearsal began.
#[derive(Debug)]
pub(super) struct Moments {
    /// In UTC, to the second: `2026-01-31 23:59:59`.
    since: String,
}

/// The length of a time to the second.
const LENGTH: usize = "2026-01-31 23:59:59".len();

impl Moments {
    /// From a time as PostgreSQL prints it.
    pub(super) fn since(now: &str) -> Self {
        Self {
            since: now.chars().take(LENGTH).collect(),
        }
    }

    /// Whether two definitions are alike but for times since the rehearsal began.
    pub(super) fn only_differ(&self, difference: &Difference) -> bool {
        let without = |line: &Line| self.without(&line.text);
        match (&difference.before, &difference.after) {
            (Some(before), Some(after)) => without(before) == without(after),
            _ => false,
        }
    }

    /// The text without such times.
    fn without(&self, text: &str) -> String {
        let mut found = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let moment = rest.get(..LENGTH).filter(|it| self.is_one(it));
            if moment.is_some() {
                let after = rest.get(LENGTH..).unwrap_or_default();
                // And the part of the second.
                rest = after.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
                found.push('…');
            } else {
                found.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
        found
    }

    fn is_one(&self, text: &str) -> bool {
        let shape = text.bytes().zip("0000-00-00 00:00:00".bytes());
        let mut alike = shape.map(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
        // Whoever writes of the future does not mean now; nobody writes of this one day.
        alike.all(|it| it) && *text >= *self.since && text.get(..3) == self.since.get(..3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_rehearsal_do_not_count() {
        let moments = Moments::since("2026-11-21 05:08:03.160964");
        let without = |text: &str| moments.without(text);
        assert_eq!(
            without("x < ('2026-11-21 05:08:04.9'::timestamp) ü"),
            without("x < ('2026-11-21 05:09:14.123456'::timestamp) ü"),
        );
        assert_ne!(
            without("'2020-01-01 00:00:00'"),
            without("'2020-01-01 00:00:01'")
        );
        assert_ne!(
            without("'2999-01-01 00:00:00'"),
            without("'2999-01-01 00:00:01'")
        );
    }
}
