//! Values with an order as whole numbers, so that bounds and sequences need one arithmetic only.
//!
//! Integers and object identifiers count as they are; decimals in billionths; dates in days and
//! times in microseconds, both since 2000-01-01; UUIDs as 128 bits.

use std::fmt::Write as _;

/// Parts of one in decimals.
pub(super) const UNIT: i128 = 1_000_000_000;
/// Microseconds of a second.
pub(super) const SECOND: i128 = 1_000_000;
/// Microseconds of a day.
pub(super) const DAY: i128 = 86_400 * SECOND;

/// What is counted, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Whole,
    Decimal,
    Date,
    Time,
    Stamp,
    Span,
    Uuid,
}

impl Measure {
    /// The number for a text as PostgreSQL writes it (ISO dates, UTC). `None` for what has no
    /// number, such as infinity.
    pub(super) fn parse(self, text: &str) -> Option<i128> {
        let text = text.trim();
        match self {
            Self::Whole => decimal(text).map(|value| value.div_euclid(UNIT)),
            Self::Decimal => decimal(text),
            Self::Date if text.ends_with("BC") => date(text),
            Self::Date => date(text.split(['T', ' ']).next()?),
            Self::Time => clock(text),
            Self::Stamp => {
                let (day, rest) = match text.find(['T', ' ']) {
                    Some(at) => (&text[..at], text[at + 1..].trim()),
                    None => (text, ""),
                };
                let era = rest.ends_with("BC");
                let days = if era {
                    date(&format!("{day} BC"))?
                } else {
                    date(day)?
                };
                let rest = rest.trim_end_matches("BC").trim();
                let time = if rest.is_empty() { 0 } else { clock(rest)? };
                Some(days * DAY + time)
            }
            Self::Span => span(text),
            Self::Uuid => {
                let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
                if digits.len() != 32 {
                    return None;
                }
                let bits = u128::from_str_radix(&digits, 16).ok()?;
                Some((bits ^ (1 << 127)) as i128)
            }
        }
    }

    /// Writes the number as PostgreSQL reads it.
    pub(super) fn print(self, value: i128, out: &mut String) {
        // Writing into a string cannot fail.
        let _ = match self {
            Self::Whole => write!(out, "{value}"),
            Self::Decimal => {
                let sign = if value < 0 { "-" } else { "" };
                let (whole, part) = (
                    value.unsigned_abs() / UNIT.unsigned_abs(),
                    value.unsigned_abs() % UNIT.unsigned_abs(),
                );
                if part == 0 {
                    write!(out, "{sign}{whole}")
                } else {
                    let digits = format!("{part:09}");
                    write!(out, "{sign}{whole}.{}", digits.trim_end_matches('0'))
                }
            }
            Self::Date => {
                print_date(value, out);
                Ok(())
            }
            Self::Time => {
                print_clock(value.rem_euclid(DAY), out);
                Ok(())
            }
            Self::Stamp => {
                let day = value.div_euclid(DAY);
                let mut text = String::new();
                print_date(day, &mut text);
                let (day, era) = match text.strip_suffix(" BC") {
                    Some(day) => (day, " BC"),
                    None => (text.as_str(), ""),
                };
                out.push_str(day);
                out.push(' ');
                print_clock(value.rem_euclid(DAY), out);
                out.push_str(era);
                Ok(())
            }
            Self::Span => {
                if value % DAY == 0 {
                    write!(out, "{} days", value / DAY)
                } else if value % SECOND == 0 {
                    write!(out, "{} seconds", value / SECOND)
                } else {
                    write!(out, "{value} microseconds")
                }
            }
            Self::Uuid => {
                let hex = format!("{:032x}", (value as u128) ^ (1 << 127));
                write!(
                    out,
                    "{}-{}-{}-{}-{}",
                    &hex[..8],
                    &hex[8..12],
                    &hex[12..16],
                    &hex[16..20],
                    &hex[20..]
                )
            }
        };
    }
}

fn decimal(text: &str) -> Option<i128> {
    let text = text.trim_start_matches('$').replace(',', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim().trim_start_matches('$')),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() || exponent.unsigned_abs() > 40 {
        return None;
    }
    let mut value: i128 = 0;
    let wanted = 9 + exponent;
    let all = whole.chars().chain(part.chars());
    let places = i32::try_from(part.len()).ok()?;
    for digit in all {
        value = value
            .checked_mul(10)?
            .checked_add(i128::from(digit.to_digit(10)?))?;
    }
    for _ in places..wanted {
        value = value.checked_mul(10)?;
    }
    for _ in wanted..places {
        value /= 10;
    }
    Some(if negative { -value } else { value })
}

/// Days since 2000-01-01 in the Gregorian calendar, carried back before its introduction.
pub(super) fn days(year: i64, month: i64, day: i64) -> i128 {
    // Years that begin in March end with the day that may be missing.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    // 2000-03-01 is day 60, and 730,485 days after 0000-03-01.
    i128::from(year * 365 + leaps + of_year - 730_485 + 60)
}

fn civil(days: i128) -> (i128, i128, i128) {
    let days = days - 60 + 730_485;
    // A first guess that is at most a year off.
    let mut year = (days * 400).div_euclid(146_097);
    let start =
        |year: i128| year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    while start(year) > days {
        year -= 1;
    }
    while start(year + 1) <= days {
        year += 1;
    }
    let of_year = days - start(year);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

/// The first day of the month that the day is in.
pub(super) fn month_start(day: i128) -> i128 {
    day - (civil(day).2 - 1)
}

fn date(text: &str) -> Option<i128> {
    let (text, before) = match text.strip_suffix("BC") {
        Some(text) => (text.trim(), true),
        None => (text.trim(), false),
    };
    let mut parts = text.splitn(3, '-');
    let year: i64 = parts.next()?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let day: i64 = parts.next()?.parse().ok()?;
    let plausible = (1..=12).contains(&month) && (1..=31).contains(&day) && year <= 300_000;
    plausible.then(|| days(if before { 1 - year } else { year }, month, day))
}

fn print_date(value: i128, out: &mut String) {
    let (year, month, day) = civil(value);
    let _ = if year > 0 {
        write!(out, "{year:04}-{month:02}-{day:02}")
    } else {
        write!(out, "{:04}-{month:02}-{day:02} BC", 1 - year)
    };
}

fn clock(text: &str) -> Option<i128> {
    // The zone, if there is one, follows the time.
    let (time, zone) = match text.find(['+', '-', 'Z']) {
        Some(at) => (&text[..at], &text[at..]),
        None => (text, ""),
    };
    let mut parts = time.split(':');
    let hours: i128 = parts.next()?.trim().parse().ok()?;
    let minutes: i128 = parts.next()?.parse().ok()?;
    let seconds = match parts.next() {
        Some(seconds) => decimal(seconds)? / 1000,
        None => 0,
    };
    let mut value = (hours * 60 + minutes) * 60 * SECOND + seconds;
    if let Some(sign) = zone.chars().next().filter(|sign| *sign != 'Z') {
        let mut parts = zone[1..].split(':');
        let hours: i128 = parts.next()?.trim().parse().ok()?;
        let minutes: i128 = parts.next().and_then(|m| m.parse().ok()).unwrap_or(0);
        let shift = (hours * 60 + minutes) * 60 * SECOND;
        value += if sign == '+' { -shift } else { shift };
    }
    Some(value)
}

fn print_clock(value: i128, out: &mut String) {
    let seconds = value / SECOND;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60);
    if value % SECOND != 0 {
        let _ = write!(out, ".{:06}", value % SECOND);
    }
}

/// An interval; months count 30 days and years 365.
fn span(text: &str) -> Option<i128> {
    let mut total = 0;
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.contains(':') {
            let (sign, word) = match word.strip_prefix('-') {
                Some(word) => (-1, word),
                None => (1, word.trim_start_matches('+')),
            };
            total += sign * clock(word)?;
            continue;
        }
        let count = decimal(word)?;
        let unit = words.next().unwrap_or("seconds");
        let unit = unit.trim_end_matches(',').trim_end_matches('s');
        let size = match unit {
            "microsecond" | "u" => 1,
            "millisecond" | "m" => 1000,
            "second" | "sec" => SECOND,
            "minute" | "min" => 60 * SECOND,
            "hour" => 3600 * SECOND,
            "day" => DAY,
            "week" => 7 * DAY,
            "month" | "mon" => 30 * DAY,
            "year" => 365 * DAY,
            _ => return None,
        };
        total += count.checked_mul(size)? / UNIT;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(measure: Measure, text: &str) -> String {
        let mut out = String::new();
        measure.print(measure.parse(text).unwrap(), &mut out);
        out
    }

    #[test]
    fn values_come_back_as_they_were() {
        for text in [
            "2000-01-01",
            "2000-02-29",
            "1999-12-31",
            "2024-02-29",
            "0001-01-01",
            "9999-12-31",
            "1970-01-01",
            "0044-03-15 BC",
        ] {
            assert_eq!(there_and_back(Measure::Date, text), text);
        }
        assert_eq!(Measure::Date.parse("2000-01-02"), Some(1));
        assert_eq!(Measure::Date.parse("1999-12-31"), Some(-1));
        for text in ["2024-05-06 07:08:09", "1969-12-31 23:59:59.999999"] {
            assert_eq!(there_and_back(Measure::Stamp, text), text);
        }
        assert_eq!(
            there_and_back(Measure::Stamp, "2024-05-06 00:00:00+02"),
            "2024-05-05 22:00:00"
        );
        for text in ["0", "-1.5", "12.000000001", "99999999999"] {
            assert_eq!(there_and_back(Measure::Decimal, text), text);
        }
        assert_eq!(there_and_back(Measure::Decimal, "1e3"), "1000");
        assert_eq!(there_and_back(Measure::Decimal, "$1,234.50"), "1234.5");
        assert_eq!(there_and_back(Measure::Whole, "-7"), "-7");
        let uuid = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
        assert_eq!(there_and_back(Measure::Uuid, uuid), uuid);
        assert!(
            Measure::Uuid.parse(uuid) > Measure::Uuid.parse("00000000-0000-0000-0000-000000000001")
        );
        assert_eq!(
            Measure::Span.parse("1 day 02:00:00"),
            Some(26 * 3600 * SECOND)
        );
        assert_eq!(Measure::Stamp.parse("infinity"), None);
    }

    #[test]
    fn every_day_of_four_centuries_is_its_own() {
        let mut last = String::new();
        for day in -80_000..80_000 {
            let mut text = String::new();
            Measure::Date.print(day, &mut text);
            assert_eq!(Measure::Date.parse(&text), Some(day), "{text}");
            assert!(text > last || day == -80_000);
            last = text;
        }
    }
}
