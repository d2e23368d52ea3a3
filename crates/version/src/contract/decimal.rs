//! Numbers as they are written, compared exactly: `1`, `1.0` and `10e-1` are the same.

use std::cmp::Ordering;

/// The longest number that is read, in characters. A longer one is refused.
const LONGEST: usize = 1_000;

/// A decimal number: `digits * 10^exponent`, without zeros in front or at the end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// A number in the notation of JSON; a sign `+` in front is read as well. `None` for anything
    /// else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, power) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(part.bytes());
        if all().next().is_none() || !all().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let mut digits: Vec<u8> = all()
            .map(|it| it - b'0')
            .skip_while(|it| *it == 0)
            .collect();
        let mut exponent = i64::from(power) - i64::try_from(part.len()).ok()?;
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        if digits.is_empty() {
            return Some(Self::zero());
        }
        Some(Self {
            negative,
            digits,
            exponent,
        })
    }

    /// Nought.
    pub(crate) fn zero() -> Self {
        Self {
            negative: false,
            digits: Vec::new(),
            exponent: 0,
        }
    }

    /// Whether it has no fraction.
    pub(crate) fn is_whole(&self) -> bool {
        self.exponent >= 0
    }

    /// Whether it is a whole multiple of another one. `None` where the numbers are too far apart to
    /// tell, or the other one is nought.
    pub(crate) fn is_multiple_of(&self, other: &Self) -> Option<bool> {
        let lowest = self.exponent.min(other.exponent);
        let (this, that) = (self.scaled(lowest)?, other.scaled(lowest)?);
        this.checked_rem(that).map(|rest| rest == 0)
    }

    fn scaled(&self, exponent: i64) -> Option<i128> {
        let mut value: i128 = 0;
        for digit in &self.digits {
            value = value.checked_mul(10)?.checked_add(i128::from(*digit))?;
        }
        let power = u32::try_from(self.exponent - exponent).ok()?;
        if value == 0 {
            return Some(0);
        }
        value.checked_mul(10_i128.checked_pow(power)?)
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        // The place of the first digit decides, then the digits.
        let place = |it: &Self| it.exponent.saturating_add(it.digits.len() as i64);
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => place(self)
                .cmp(&place(other))
                .then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.digits.is_empty() {
            return f.write_str("0");
        }
        if self.negative {
            f.write_str("-")?;
        }
        let text: String = self.digits.iter().map(|it| char::from(b'0' + it)).collect();
        let length = text.len() as i64;
        match self.exponent {
            0..=20 => {
                f.write_str(&text)?;
                (0..self.exponent).try_for_each(|_| f.write_str("0"))
            }
            exponent if exponent < 0 && -exponent < length => {
                let at = (length + exponent) as usize;
                write!(f, "{}.{}", &text[..at], &text[at..])
            }
            exponent if (-20..0).contains(&exponent) => {
                let zeros = "0".repeat((-exponent - length) as usize);
                write!(f, "0.{zeros}{text}")
            }
            exponent => write!(f, "{text}e{exponent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn the_same_number_is_the_same_however_it_is_written() {
        for (left, right) in [
            ("1", "1.0"),
            ("10e-1", "1"),
            ("0", "-0.000"),
            ("1500", "1.5E3"),
        ] {
            assert_eq!(number(left), number(right));
        }
    }

    #[test]
    fn numbers_are_ordered() {
        let sorted = ["-1e40", "-2", "-0.5", "0", "0.05", "0.5", "9", "10", "1e40"];
        for pair in sorted.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for text in ["-12.5", "1200", "0.05", "7e40", "3e-40", "0"] {
            assert_eq!(number(&number(text).to_string()), number(text));
        }
        assert_eq!(number("-012.50").to_string(), "-12.5");
    }

    #[test]
    fn multiples() {
        assert_eq!(number("10").is_multiple_of(&number("0.5")), Some(true));
        assert_eq!(number("0.5").is_multiple_of(&number("10")), Some(false));
        assert_eq!(number("1").is_multiple_of(&number("0")), None);
        assert_eq!(number("1e90").is_multiple_of(&number("3")), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1e", "0x10", "1_0", "nan", &"9".repeat(2_000)] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
