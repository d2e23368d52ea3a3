//! Lists and numbers, as people read them.

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

    #[test]
    fn sizes_have_few_digits() {
        assert_eq!(bytes(0), "0 kB");
        assert_eq!(bytes(1), "1 kB");
        assert_eq!(bytes(10_000 * 1024 - 1), "10 MB");
        assert_eq!(bytes(1 << 34), "16 GB");
    }
}
