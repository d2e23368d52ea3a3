//! The rows that were given and not all answered yet.

use super::{Answer, Wrong};

/// A turn: rows with numbers that follow each other.
#[derive(Debug, Clone)]
pub struct Turn {
    first: u64,
    answers: Vec<Option<Answer>>,
    left: usize,
}

impl Turn {
    /// So many rows from the number `first` on.
    pub fn new(first: u64, rows: usize) -> Self {
        Self {
            first,
            answers: vec![None; rows],
            left: rows,
        }
    }

    /// The number of its last row.
    pub fn last(&self) -> u64 {
        self.first + (self.answers.len() as u64).saturating_sub(1)
    }

    /// How many rows are not answered.
    pub const fn left(&self) -> usize {
        self.left
    }

    /// A row is answered.
    ///
    /// # Errors
    /// [`Wrong::Twice`], also for a row of an earlier turn; [`Wrong::Unknown`].
    pub fn hear(&mut self, row: u64, answer: Answer) -> Result<(), Wrong> {
        // Rows are counted from 1.
        if row == 0 {
            return Err(Wrong::Unknown { row });
        }
        let Some(place) = row.checked_sub(self.first) else {
            return Err(Wrong::Twice { row });
        };
        let place = usize::try_from(place).ok();
        let Some(slot) = place.and_then(|it| self.answers.get_mut(it)) else {
            return Err(Wrong::Unknown { row });
        };
        if slot.is_some() {
            return Err(Wrong::Twice { row });
        }
        *slot = Some(answer);
        self.left -= 1;
        Ok(())
    }

    /// The answers in the order of the rows, once all are there.
    pub fn answers(self) -> impl Iterator<Item = Answer> {
        self.answers.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_answered_in_any_order_and_once() {
        let mut turn = Turn::new(11, 3);
        assert_eq!((turn.last(), turn.left()), (13, 3));
        let why = |it: u64| Answer::Error(it.to_string());
        for row in [13, 11] {
            turn.hear(row, why(row)).unwrap();
        }
        assert_eq!(turn.hear(11, Answer::Skip), Err(Wrong::Twice { row: 11 }));
        assert_eq!(turn.hear(10, Answer::Skip), Err(Wrong::Twice { row: 10 }));
        assert_eq!(turn.hear(0, Answer::Skip), Err(Wrong::Unknown { row: 0 }));
        assert_eq!(turn.hear(14, Answer::Skip), Err(Wrong::Unknown { row: 14 }));
        let far = u64::MAX;
        assert_eq!(
            turn.hear(far, Answer::Skip),
            Err(Wrong::Unknown { row: far })
        );
        assert_eq!(turn.left(), 1);
        turn.hear(12, why(12)).unwrap();
        assert_eq!(turn.left(), 0);
        let answers: Vec<_> = turn.answers().collect();
        assert_eq!(answers, [why(11), why(12), why(13)]);
    }
}
