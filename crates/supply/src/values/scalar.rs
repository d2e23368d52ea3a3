//! How a text is written as a scalar, and what an unquoted one means.

use saphyr_parser::ScalarStyle;

use super::document::Target;

/// What programs take an unquoted scalar for. Where YAML 1.1 and 1.2 differ, the answer that is
/// not a text wins: `on` is a truth value to one of them, so it gets quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Truth,
    Integer,
    Float,
    /// Dates, times and base-60 numbers of YAML 1.1, and `<<` and `=`.
    Special,
    Text,
}

pub(super) fn kind_of(text: &str) -> Kind {
    const TRUTH: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    if text.is_empty() || text == "~" || text.eq_ignore_ascii_case("null") {
        return Kind::Null;
    }
    if TRUTH.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Kind::Truth;
    }
    if text == "<<" || text == "=" {
        return Kind::Special;
    }
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    if [".inf", ".nan"]
        .iter()
        .any(|word| number.eq_ignore_ascii_case(word))
    {
        return Kind::Float;
    }
    if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Kind::Text;
    }
    let radix = |prefix: &str, valid: fn(&u8) -> bool| {
        let digits = number.strip_prefix(prefix);
        digits.is_some_and(|digits| !digits.is_empty() && digits.as_bytes().iter().all(valid))
    };
    if radix("0x", |b| b.is_ascii_hexdigit() || *b == b'_')
        || radix("0o", |b| (b'0'..=b'7').contains(b) || *b == b'_')
        || radix("0b", |b| matches!(b, b'0' | b'1' | b'_'))
        || number.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    {
        return Kind::Integer;
    }
    if is_float(number) {
        return Kind::Float;
    }
    let date = |b: u8| b.is_ascii_digit() || b"-:.TtZz+ ".contains(&b);
    let parts = |c: char| text.matches(c).count();
    if text.bytes().all(|b| date(b) || b == b'_') && (parts(':') > 0 || parts('-') == 2) {
        return Kind::Special;
    }
    Kind::Text
}

/// Digits with one `.` or an exponent, or both; `_` between digits is YAML 1.1.
fn is_float(number: &str) -> bool {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let exponent_ok = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && mantissa.len() > 1,
        None => digits(mantissa) && !mantissa.is_empty(),
    };
    exponent_ok && mantissa_ok
}

/// `new` in the style of the scalar that it replaces, as far as that style can hold it.
pub(super) fn render(target: &Target<'_>, new: &str) -> String {
    let missing = target.range.is_empty();
    let rendered = match target.style {
        ScalarStyle::SingleQuoted if fits_single(new) => format!("'{}'", new.replace('\'', "''")),
        ScalarStyle::Plain if fits_plain(new) && stays_plain(target, new) => new.to_owned(),
        _ => double_quoted(new),
    };
    // An empty value stands right behind its colon.
    if missing {
        format!(" {rendered}")
    } else {
        rendered
    }
}

fn stays_plain(target: &Target<'_>, new: &str) -> bool {
    match kind_of(new) {
        Kind::Text => true,
        Kind::Null | Kind::Special => false,
        number => target.value().is_some() && target.kind() == number,
    }
}

/// Whether a text means itself without quotes, in block and in flow style. Narrower than YAML.
fn fits_plain(text: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || "._/+-@:".contains(c);
    let first = |c: char| c.is_alphanumeric() || "._/+-".contains(c);
    let dashes = text.starts_with("---") || text.starts_with("...");
    text.starts_with(first)
        && text.chars().all(letter)
        && !text.ends_with(':')
        && !text.contains("::")
        && !dashes
        && text != "-"
}

fn fits_single(text: &str) -> bool {
    !text.chars().any(needs_escape)
}

/// Characters that a quoted scalar cannot hold as they are, or that would be read as a line break.
fn needs_escape(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if needs_escape(c) => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_text_is_known() {
        for text in [
            "1.2.0",
            "v1",
            "1.2.0-rc.1",
            "latest",
            "abc",
            "1.2.3.4",
            "0xyz",
            "1e",
            ".",
        ] {
            assert_eq!(kind_of(text), Kind::Text, "{text}");
        }
        for text in [
            "1.10", "1.", ".5", "1e3", "1.5e-3", "+1.5", "-.inf", ".NaN", "1_0.5",
        ] {
            assert_eq!(kind_of(text), Kind::Float, "{text}");
        }
        for text in ["1", "-3", "0x1F", "0o17", "017", "0b11", "1_000"] {
            assert_eq!(kind_of(text), Kind::Integer, "{text}");
        }
        for text in ["1:30", "2026-11-21", "2026-11-21T10:00:00Z", "<<", "="] {
            assert_eq!(kind_of(text), Kind::Special, "{text}");
        }
        for text in ["yes", "Off", "TRUE", "n"] {
            assert_eq!(kind_of(text), Kind::Truth, "{text}");
        }
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(kind_of(text), Kind::Null, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_gets_quotes() {
        for text in [
            "a b", "- a", "-", "---", "a: b", "a:", "#a", "a #b", "*a", "&a", "[a", "'a",
        ] {
            assert!(!fits_plain(text), "{text}");
        }
        for text in ["1.2.0", "repo/app:1.2.0", "a@sha256:00", "-x", "ü"] {
            assert!(fits_plain(text), "{text}");
        }
        assert_eq!(
            double_quoted("a\"\\\n\u{1}é\u{2028}"),
            "\"a\\\"\\\\\\n\\u0001é\\u2028\""
        );
    }
}
