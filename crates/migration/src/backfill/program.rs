//! What is said between a backfill and the program that says what rows get: one JSON object a line.
//!
//! We begin ([`hello`]) and the program says that it understands ([`check_welcome`]). Then rows are
//! given in turns ([`row`]), each of which ends with [`flush`]; when all rows of a turn are answered
//! ([`answer`], [`Turn`]) the next one begins. How many rows a turn has follows from how long they
//! take ([`Pace`]).
//!
//! Deliberately absent: processes, pipes and clocks, which are an adapter's.

mod line;
mod pace;
mod turn;

pub use line::{
    Answer, LONGEST_LINE, PROTOCOL, Said, Value, answer, check_welcome, flush, hello, row,
};
pub use pace::Pace;
pub use turn::Turn;

/// Why a line of a program is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// It is not a JSON object of the form of an answer.
    #[error("it is not an answer: {why}")]
    Form {
        /// What is wrong.
        why: String,
    },
    /// The first line does not say that the protocol is understood.
    #[error("its first line must be {{\"protocol\":\"{PROTOCOL}\"}}")]
    NoWelcome,
    /// It answers a row that was not given yet.
    #[error("row {row} was never given to it")]
    Unknown {
        /// The row.
        row: u64,
    },
    /// It answers a row that it has answered.
    #[error("row {row} is answered twice")]
    Twice {
        /// The row.
        row: u64,
    },
    /// It gives a value to a column that it does not write.
    #[error("row {row} gets a value for `{column}`, which is not one of `columns`")]
    Column {
        /// The row.
        row: u64,
        /// The column.
        column: String,
    },
    /// It leaves a column out.
    #[error("row {row} gets no value for `{column}`")]
    Missing {
        /// The row.
        row: u64,
        /// The column.
        column: String,
    },
}
