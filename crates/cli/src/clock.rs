//! What time it is. The machine is asked and nothing else: rollback windows are decided by this
//! clock, so no variable may move it.

use std::time::SystemTime;

use switchback_model::Timestamp;

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock;

impl Clock {
    /// The machine's time.
    pub(crate) fn now(self) -> Timestamp {
        let millis = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Timestamp::from_millis(millis)
    }
}
