//! Moments and lengths of time. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A moment: whole milliseconds since 1970-01-01T00:00:00Z; RFC 3339 in text and JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// Why a text is not a moment or a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// Not RFC 3339.
    #[error("`{0}` is not a moment in RFC 3339 form, such as 2026-01-31T12:00:00Z")]
    Moment(String),
    /// Not a length of time.
    #[error("`{0}` is not a length of time: use a whole number and s, m, h or d, such as 24h")]
    Length(String),
}

/// 0000-01-01 and 9999-12-31T23:59:59.999Z: what RFC 3339 can write.
const RANGE: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// Milliseconds since the Unix epoch, held within the years 0 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(*RANGE.start(), *RANGE.end()))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The day in UTC, `YYYY-MM-DD`.
    pub fn day(self) -> String {
        let mut text = self.to_string();
        text.truncate("0000-00-00".len());
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => f.pad(&moment.to_string()),
            Err(_) => f.pad("?"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let moment: jiff::Timestamp = text
            .parse()
            .map_err(|_| InvalidTime::Moment(text.chars().take(64).collect()))?;
        Ok(Self::from_millis(moment.as_millisecond()))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, InvalidTime> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> String {
        moment.to_string()
    }
}

/// A length of time in whole milliseconds, never negative; `90s`, `15m`, `24h`, `7d` in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(u64);

const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Duration {
    /// From milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Rounded to the two largest units, for people: `23h 59m`.
    pub fn rough(self) -> String {
        let mut rest = self.0;
        let mut words = Vec::new();
        for (unit, size) in UNITS {
            let count = rest / size;
            rest %= size;
            if count > 0 {
                words.push(format!("{count}{unit}"));
            }
            if words.len() == 2 || (!words.is_empty() && unit == "s") {
                break;
            }
        }
        if words.is_empty() {
            "0s".to_owned()
        } else {
            words.join(" ")
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size));
        let (unit, size) = whole.copied().unwrap_or(("s", 1_000));
        f.pad(&format!("{}{unit}", self.0 / size))
    }
}

impl FromStr for Duration {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let wrong = || InvalidTime::Length(text.chars().take(64).collect());
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: u64 = text[..split].parse().map_err(|_| wrong())?;
        let (_, size) = UNITS
            .iter()
            .find(|(unit, _)| *unit == &text[split..])
            .ok_or_else(wrong)?;
        count.checked_mul(*size).map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Duration {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, InvalidTime> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(length: Duration) -> String {
        length.to_string()
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, length: Duration) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add_unsigned(length.0))
    }
}

/// How long after `earlier` this moment is; zero if it is not after it.
impl Sub<Timestamp> for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Timestamp) -> Duration {
        Duration(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339() {
        let moment: Timestamp = "2026-11-21T00:30:00.250Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-11-21T00:30:00.25Z");
        assert_eq!(moment.day(), "2026-11-21");
        assert_eq!("2026-11-21T01:30:00.250+01:00".parse(), Ok(moment));
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn lengths_come_back_as_written() {
        for text in ["90s", "15m", "24h", "7d", "250ms", "1d"] {
            let length: Duration = text.parse().unwrap();
            assert_eq!(length.to_string().parse(), Ok(length), "{text}");
        }
        assert_eq!("24h".parse::<Duration>().unwrap().to_string(), "1d");
        for bad in ["", "h", "1", "-1h", "1w", "1.5h", "99999999999999999d"] {
            assert!(bad.parse::<Duration>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rough_lengths_read_well() {
        assert_eq!(Duration::from_millis(86_399_000).rough(), "23h 59m");
        assert_eq!(Duration::from_millis(59_400).rough(), "59s");
        assert_eq!(Duration::from_millis(0).rough(), "0s");
        assert_eq!(Duration::from_millis(12).rough(), "12ms");
    }

    #[test]
    fn time_never_wraps() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end + Duration::from_millis(u64::MAX), end);
        assert_eq!(Timestamp::from_millis(0) - end, Duration::from_millis(0));
    }
}
