//! What time it is.
//!
//! There are two questions. [`Clock::now`] is for decisions, such as whether a rollback window is
//! still open, and always asks the machine. [`Clock::time_to_record`] is for what is written down
//! and shown; `SWITCHBACK_CLOCK` may fix it so that a transcript can be reproduced, and nothing
//! may be decided by it.

use std::time::SystemTime;

use switchback_model::Timestamp;

use crate::errors::{self, Failure};
use crate::variables::{CLOCK, Variables};

/// The machine's clock, and the moment that transcripts use instead.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    fixed: Option<Timestamp>,
}

impl Clock {
    /// # Errors
    /// If `SWITCHBACK_CLOCK` is set and is not a moment.
    pub(crate) fn open(variables: &Variables) -> Result<Self, Failure> {
        let fixed = match variables.get(CLOCK) {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|error| errors::wrong_variable(CLOCK, &error))?,
            ),
        };
        Ok(Self { fixed })
    }

    /// The machine's time, for decisions.
    pub(crate) fn now(&self) -> Timestamp {
        let millis = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Timestamp::from_millis(millis)
    }

    /// The moment that transcripts use instead of the machine's, if one is set.
    pub(crate) const fn fixed(&self) -> Option<Timestamp> {
        self.fixed
    }

    /// The time to write down and to show. Nothing may be decided by it.
    pub(crate) fn time_to_record(&self) -> Timestamp {
        self.fixed.unwrap_or_else(|| self.now())
    }
}
