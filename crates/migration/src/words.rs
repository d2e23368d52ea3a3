//! Lists, numbers and lengths of time, as people read them.

use std::time::Duration;

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// A number with its digits in groups of three: `1,240,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A length of time that is about known: `about 4 minutes`, `about 12 to 20 minutes`, `about 50
/// seconds to 3 minutes`. Rounded to what a person can use.
pub fn about(least: Duration, most: Duration) -> String {
    let (low, high) = (rounded(least), rounded(most.max(least)));
    if low == high {
        return format!("about {}", counted(low));
    }
    if low.1 == high.1 {
        return format!("about {} to {}", number(low.0), counted(high));
    }
    format!("about {} to {}", counted(low), counted(high))
}

/// A length of time of which only one end is known: `at least 4 minutes`.
pub fn at_least(least: Duration) -> String {
    format!("at least {}", counted(rounded(least)))
}

/// Tenths of a unit, and the unit.
type Rounded = (u64, &'static str);

fn rounded(length: Duration) -> Rounded {
    let seconds = length.as_secs_f64();
    // A unit, how many seconds it has, up to how many of it, in steps of how many tenths.
    const STEPS: [(&str, f64, f64, u64); 8] = [
        ("second", 1.0, 10.0, 10),
        ("second", 1.0, 55.0, 100),
        ("minute", 60.0, 9.5, 10),
        ("minute", 60.0, 57.5, 50),
        ("hour", 3600.0, 9.75, 5),
        ("hour", 3600.0, 47.5, 10),
        ("day", 86_400.0, 10.0, 5),
        ("day", 86_400.0, f64::INFINITY, 10),
    ];
    let Some((unit, long, _, step)) = STEPS
        .into_iter()
        .find(|(_, long, most, _)| seconds / long < *most)
    else {
        return (0, "second");
    };
    let tenths = (seconds / long * 10.0 / step as f64).round() as u64 * step;
    (tenths.max(if unit == "second" { 10 } else { step }), unit)
}

fn number(tenths: u64) -> String {
    match tenths % 10 {
        0 => grouped(tenths / 10),
        rest => format!("{}.{rest}", grouped(tenths / 10)),
    }
}

fn counted((tenths, unit): Rounded) -> String {
    let end = if tenths == 10 { "" } else { "s" };
    format!("{} {unit}{end}", number(tenths))
}

/// A size as PostgreSQL says it: `12 kB`, `340 MB`, rounded up.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut number = bytes.div_ceil(1024);
    let mut left = UNITS.iter().peekable();
    let mut unit = left.next();
    while number >= 10_000 && left.peek().is_some() {
        number = number.div_ceil(1024);
        unit = left.next();
    }
    format!("{} {}", grouped(number), unit.unwrap_or(&"kB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(least: u64, most: u64) -> String {
        about(Duration::from_secs(least), Duration::from_secs(most))
    }

    #[test]
    fn lengths_are_said_as_people_need_them() {
        for (least, most, words) in [
            (0, 0, "about 1 second"),
            (7, 7, "about 7 seconds"),
            (12, 12, "about 10 seconds"),
            (38, 56, "about 40 seconds to 1 minute"),
            (54, 54, "about 50 seconds"),
            (60, 61, "about 1 minute"),
            (62, 118, "about 1 to 2 minutes"),
            (12 * 60, 20 * 60, "about 10 to 20 minutes"),
            (13 * 60, 13 * 60, "about 15 minutes"),
            (58 * 60, 3 * 3600, "about 1 to 3 hours"),
            (5400, 5400, "about 1.5 hours"),
            (20 * 3600, 40 * 3600, "about 20 to 40 hours"),
            (60 * 3600, 86_400 * 2000, "about 2.5 to 2,000 days"),
        ] {
            assert_eq!(said(least, most), words, "{least} {most}");
        }
        assert_eq!(at_least(Duration::from_secs(3599)), "at least 1 hour");
    }

    #[test]
    fn longer_is_never_said_to_be_shorter() {
        let long = |(tenths, unit): Rounded| {
            tenths
                * match unit {
                    "second" => 1,
                    "minute" => 60,
                    "hour" => 3600,
                    _ => 86_400,
                }
        };
        let said: Vec<u64> = (0..400_000)
            .map(|it| long(rounded(Duration::from_secs(it))))
            .collect();
        assert!(said.windows(2).all(|pair| pair[0] <= pair[1]));
        for (it, said) in said.iter().enumerate().skip(1) {
            let off = *said as f64 / 10.0 / it as f64;
            assert!((0.6..1.6).contains(&off), "{it}: {said}");
        }
    }

    #[test]
    fn sizes_have_few_digits() {
        assert_eq!(bytes(0), "0 kB");
        assert_eq!(bytes(1), "1 kB");
        assert_eq!(bytes(10_000 * 1024 - 1), "10 MB");
        assert_eq!(bytes(1 << 34), "16 GB");
    }
}
