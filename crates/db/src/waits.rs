//! What was waited for.

use std::fmt;
use std::time::Duration;

use crate::text::seconds;

/// What was waited for, and who waited, as far as looking now and then sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waits {
    /// How many attempts failed and were followed by another.
    pub retries: u32,
    /// How many of them gave way to others.
    pub gave_way: u32,
    /// How long locks were waited for, pauses included.
    pub waited: Duration,
    /// How many sessions of others were held up.
    pub held_up: u32,
    /// For how long at most.
    pub longest: Duration,
}

impl fmt::Display for Waits {
    /// What is worth telling, in one line; nothing where nobody waited.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.retries > 0 {
            parts.push(format!("{} attempts", self.retries + 1));
        }
        if self.gave_way > 0 {
            parts.push(format!("gave way {} times", self.gave_way));
        }
        if !self.waited.is_zero() {
            parts.push(format!("waited {} for locks", seconds(self.waited)));
        }
        if self.held_up > 0 {
            let longest = seconds(self.longest);
            parts.push(format!(
                "held up {} others for up to {longest}",
                self.held_up
            ));
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_happened_is_told() {
        assert_eq!(Waits::default().to_string(), "");
        let waits = Waits {
            retries: 2,
            gave_way: 1,
            waited: Duration::from_millis(2300),
            held_up: 3,
            longest: Duration::from_secs(1),
        };
        assert_eq!(
            waits.to_string(),
            "3 attempts, gave way 1 times, waited 2.3 s for locks, held up 3 others for up to 1.0 s"
        );
    }
}
