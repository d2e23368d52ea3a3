//! Hours of the week in which there is to be less, or nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use switchback_model::Timestamp;

const MINUTES_A_DAY: i64 = 24 * 60;

/// In the order of a week, which begins on Monday.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of the week in which there is to be less, or nothing: `mon-fri 08:00-18:00 +01:00`, with
/// ` 25%` after it for a quarter of a worker's time instead of nothing.
///
/// Days are a list of days and spans of days (`mon-fri,sun`) or `daily`. The begin belongs to it and
/// the end does not. An end that is not after the begin is on the following day; `24:00` is the end
/// of a day. The offset from UTC must be said (`Z` is none) and does not change with the season:
/// names of time zones are refused, because what they mean depends on tables that this program does
/// not have. Where clocks are changed, an hour more on either side covers both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours {
    /// The days on which it begins, Monday first.
    days: [bool; 7],
    /// Minutes of the day, 0 to 1439.
    from: i64,
    /// How long, in minutes: 1 to 1440.
    length: i64,
    /// Minutes by which the clock is before UTC.
    offset: i64,
    /// Percent of the time that may be worked meanwhile, 0 to 99.
    percent: u8,
    /// As it was written.
    text: String,
}

/// Why a text does not say hours of the week.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` does not say quiet hours: {what}; write such as `mon-fri 08:00-18:00 +01:00` or `daily 22:00-06:00 Z 25%`"
)]
pub struct HoursError {
    /// What was given, cut to 64 letters.
    pub text: String,
    /// What is wrong, as a part of a sentence.
    pub what: &'static str,
}

impl QuietHours {
    /// The part of the time that may be worked meanwhile, 0.0 to 0.99.
    pub fn share(&self) -> f64 {
        f64::from(self.percent) / 100.0
    }

    /// Whether a moment is within them.
    pub fn contains(&self, moment: Timestamp) -> bool {
        let minutes = moment.as_millis().div_euclid(60_000) + self.offset;
        let day = minutes.div_euclid(MINUTES_A_DAY);
        let minute = minutes.rem_euclid(MINUTES_A_DAY);
        // 1970-01-01 was a Thursday.
        let begins = |day: i64| {
            let at = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
            self.days[at]
        };
        let today = begins(day) && (self.from..self.from + self.length).contains(&minute);
        let later = minute + MINUTES_A_DAY;
        today || begins(day - 1) && (self.from..self.from + self.length).contains(&later)
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<QuietHours> for String {
    fn from(hours: QuietHours) -> String {
        hours.text
    }
}

impl TryFrom<String> for QuietHours {
    type Error = HoursError;

    fn try_from(text: String) -> Result<Self, HoursError> {
        text.parse()
    }
}

impl FromStr for QuietHours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let wrong = |what| HoursError {
            text: text.chars().take(64).collect(),
            what,
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, span, offset, percent) = match *words.as_slice() {
            [days, span, offset] => (days, span, offset, "0%"),
            [days, span, offset, percent] => (days, span, offset, percent),
            [_, _] => return Err(wrong("the offset from UTC must be said")),
            _ => return Err(wrong("it has days, a span of time and an offset from UTC")),
        };
        let days = self::days(days).ok_or_else(|| wrong("the days are not known"))?;
        let (from, to) = span
            .split_once('-')
            .and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)))
            .ok_or_else(|| wrong("the span of time is none"))?;
        if from == MINUTES_A_DAY {
            return Err(wrong("the span of time begins at the end of a day"));
        }
        let offset = self::offset(offset).ok_or_else(|| {
            wrong("the offset from UTC is none; names of time zones are not read")
        })?;
        let percent = percent
            .strip_suffix('%')
            .filter(|it| !it.is_empty() && it.bytes().all(|c| c.is_ascii_digit()))
            .and_then(|it| it.parse().ok())
            .filter(|it| (0..100).contains(it))
            .ok_or_else(|| wrong("how much may be done is not 0% to 99%"))?;
        let length = if to > from {
            to - from
        } else {
            to + MINUTES_A_DAY - from
        };
        Ok(Self {
            days,
            from,
            length,
            offset,
            percent,
            text: words.join(" "),
        })
    }
}

fn days(text: &str) -> Option<[bool; 7]> {
    if text == "daily" {
        return Some([true; 7]);
    }
    let number = |word: &str| DAYS.iter().position(|it| *it == word);
    let mut days = [false; 7];
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (number(from)?, number(to)?);
        days[day] = true;
        while day != last {
            day = (day + 1) % 7;
            days[day] = true;
        }
    }
    Some(days)
}

/// `08:00` to `24:00`, as minutes of the day.
fn minutes(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let two = |it: &str| -> Option<i64> {
        (it.len() == 2 && it.bytes().all(|c| c.is_ascii_digit()))
            .then(|| it.parse().ok())
            .flatten()
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= MINUTES_A_DAY).then_some(all)
}

fn offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    // No clock is further from UTC than 14 hours.
    minutes(rest)
        .filter(|it| *it <= 14 * 60)
        .map(|it| sign * it)
}
