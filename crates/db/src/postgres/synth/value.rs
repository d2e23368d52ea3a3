//! A value for a column.

use std::fmt::Write as _;

use super::domain::Dom;
use super::hint::Hint;
use super::kind::{Kind, PAST, Shape, today};
use super::measure::{DAY, Measure, SECOND, UNIT, month_start};
use super::text::{self, Wanted};
use super::words as w;
use crate::random::{Permutation, Rng};

/// A value, not yet written as SQL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    /// What the column's default says.
    Default,
    /// In the measure of the column's kind.
    Number(i128),
    Text(String),
}

impl Value {
    /// The value as text, unless it is null or the default.
    pub(super) fn text(&self, kind: &Kind) -> Option<String> {
        match self {
            Self::Null | Self::Default => None,
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => {
                let mut out = String::new();
                match kind.measure() {
                    Some(measure) => measure.print(*number, &mut out),
                    None => {
                        let _ = write!(out, "{number}");
                    }
                }
                if *kind == (Kind::Time { zone: true }) || *kind == (Kind::Stamp { zone: true }) {
                    out.push_str("+00");
                }
                Some(out)
            }
        }
    }

    /// The number, if the kind has one for it.
    pub(super) fn number(&self, kind: &Kind) -> Option<i128> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => kind.measure()?.parse(text),
            Self::Null | Self::Default => None,
        }
    }
}

/// What a value is wanted for.
pub(super) struct Ask<'a> {
    pub(super) kind: &'a Kind,
    pub(super) hint: Hint,
    pub(super) dom: &'a Dom,
    /// The number of the row.
    pub(super) number: u64,
    /// A number that no other row has, if the value must differ from all others.
    pub(super) unique: Option<u64>,
    /// The same among the rows of one partition.
    pub(super) within: u64,
    /// Where rows are numbered: what the first one has that is made, and how many came since.
    pub(super) start: i128,
    pub(super) since: u64,
    /// When the row came to be.
    pub(super) moment: i128,
    pub(super) wide: bool,
    pub(super) edges: bool,
    /// The same for all rows of the column.
    pub(super) key: u64,
}

/// When the row with this random number came to be; more came lately than long ago.
pub(super) fn moment(rng: &mut Rng) -> i128 {
    let seconds = usize::try_from(PAST / SECOND).unwrap_or(0);
    today() - SECOND - (rng.skewed(seconds) as i128) * SECOND
}

/// Makes a value. Never null, except where no value of the type is known.
pub(super) fn value(ask: &Ask<'_>, rng: &mut Rng) -> Value {
    if let Some(list) = &ask.dom.one_of {
        return match choose(list, ask, rng) {
            Some(text) => Value::Text(text.clone()),
            None => Value::Null,
        };
    }
    if ask.kind.measure().is_some() {
        return Value::Number(number(ask, rng));
    }
    match written(ask, rng) {
        Some(text) => Value::Text(text),
        None => Value::Null,
    }
}

/// One of a few: the first rows have them all, the others prefer some.
fn choose<'a, T>(list: &'a [T], ask: &Ask<'_>, rng: &mut Rng) -> Option<&'a T> {
    let len = list.len() as u64;
    let place = if ask.number < len {
        usize::try_from((ask.number + ask.key % len.max(1)) % len.max(1)).unwrap_or(0)
    } else {
        let start = usize::try_from(ask.key % len.max(1)).unwrap_or(0);
        (rng.skewed(list.len()) + start) % list.len().max(1)
    };
    list.get(place)
}

/// A number with so many digits as come up, one digit as often as five.
fn magnitude(rng: &mut Rng, digits: u32) -> i128 {
    let digits = u32::try_from(rng.below(u64::from(digits.max(1)))).unwrap_or(0);
    rng.between(10_i128.pow(digits), 10_i128.pow(digits + 1) - 1)
}

fn number(ask: &Ask<'_>, rng: &mut Rng) -> i128 {
    let kind = ask.kind;
    let (least, most) = kind.limits();
    let low = ask.dom.min.map_or(least, |min| min.max(least));
    let high = ask.dom.max.map_or(most, |max| max.min(most));
    let grain = kind.grain();
    let mut value = match ask.unique {
        Some(unique) => distinct(ask, unique, low, high, rng),
        None => typical(ask, rng),
    };
    if value < low || value > high {
        let some = grain * magnitude(rng, 4);
        value = match (ask.dom.min, ask.dom.max) {
            (Some(_), None) => low.saturating_add(some).min(high),
            (None, Some(_)) => high.saturating_sub(some).max(low),
            (None, None) => value.clamp(low, high),
            _ => rng.between(low, high),
        };
    }
    value -= value.rem_euclid(grain);
    if value < low {
        value += grain;
    }
    if let Some((by, rest)) = ask.dom.multiple {
        value -= (value - rest).rem_euclid(by);
        if value < low {
            value += by;
        }
    }
    if ask.dom.month_start {
        value = match kind {
            Kind::Date => month_start(value),
            _ => month_start(value.div_euclid(DAY)) * DAY,
        };
    }
    let measure = kind.measure().unwrap_or(Measure::Whole);
    for _ in 0..ask.dom.not.len() {
        let taken = |text: &String| measure.parse(text) == Some(value);
        if ask.dom.not.iter().any(taken) {
            value = if value + grain > high {
                value - grain
            } else {
                value + grain
            };
        }
    }
    value
}

/// A number that no other row has.
fn distinct(ask: &Ask<'_>, unique: u64, low: i128, high: i128, rng: &mut Rng) -> i128 {
    let bounded = ask.dom.min.is_some() && ask.dom.max.is_some();
    let grain = ask.dom.multiple.map_or(ask.kind.grain(), |(by, _)| by);
    let step = i128::from(unique);
    let since = i128::from(ask.since);
    if ask.kind == &Kind::Uuid {
        let text = text::uuid(rng);
        let value = Measure::Uuid.parse(&text).unwrap_or(0);
        return if bounded {
            rng.between(low, high)
        } else {
            value
        };
    }
    if bounded {
        let span = u128::try_from((high - low) / grain + 1).unwrap_or(1);
        if ask.kind.measure() == Some(Measure::Whole) {
            // In order, as people number things.
            let span = i128::try_from(span).unwrap_or(i128::MAX);
            return low + i128::from(ask.within) % span * grain;
        }
        let place = Permutation::new(span, ask.key).of(ask.within);
        return low + i128::try_from(place).unwrap_or(0) * grain;
    }
    let scattered = |low: i128, span: i128, grain: i128| {
        let count = u128::try_from(span / grain).unwrap_or(1);
        low + i128::try_from(Permutation::new(count, ask.key).of(unique)).unwrap_or(0) * grain
    };
    match ask.kind {
        Kind::Date => match (ask.dom.min, ask.dom.max) {
            (Some(_), _) => low + step,
            (_, Some(_)) => high - step,
            _ => today() / DAY - 1 - step,
        },
        Kind::Stamp { .. } => match (ask.dom.min, ask.dom.max) {
            (Some(_), _) => scattered(low, PAST, SECOND),
            (_, Some(_)) => scattered(high - PAST, PAST, SECOND),
            _ => scattered(today() - PAST, PAST, SECOND),
        },
        Kind::Time { .. } => scattered(0, DAY, if unique < 86_400 { SECOND } else { 1 }),
        Kind::Interval => step * SECOND,
        Kind::Int(_) | Kind::Oid if ask.dom.min.is_none() => ask.start + since * grain,
        Kind::Int(_) | Kind::Oid => ask.start.max(low) + since * grain,
        _ => {
            let grain = if (high - low) / UNIT > 1_000_000 {
                grain.max(UNIT)
            } else {
                grain
            };
            ask.start.max(low.max(grain)) + since * grain
        }
    }
}

/// A number as such columns have them.
fn typical(ask: &Ask<'_>, rng: &mut Rng) -> i128 {
    let moment = match ask.hint {
        Hint::End | Hint::SeldomEnd => {
            let days = rng.skewed(60) as i128;
            let later = ask.moment + days * DAY + rng.between(0, 86_399) * SECOND;
            later.min(today() - SECOND).max(ask.moment)
        }
        Hint::Birth => today() - rng.between(18 * 365, 85 * 365) * DAY,
        _ => ask.moment,
    };
    let edge = ask.edges && rng.chance(20);
    match ask.kind {
        Kind::Date | Kind::Stamp { .. } => {
            let value = if edge && ask.hint == Hint::Begin {
                // A leap day, the end of a common counter, long ago, and far away.
                let days = [8825, 13_898, -36_524, 36_524, -10_957];
                rng.pick(&days).copied().unwrap_or(0) * DAY
            } else {
                moment
            };
            if ask.kind == &Kind::Date {
                value.div_euclid(DAY)
            } else {
                value
            }
        }
        Kind::Time { .. } => rng.between(0, 86_399) * SECOND,
        Kind::Interval => magnitude(rng, 6) * SECOND,
        Kind::Oid => 1 + rng.skewed(10_000) as i128,
        Kind::Uuid => Measure::Uuid.parse(&text::uuid(rng)).unwrap_or(0),
        kind => {
            let unit = if kind.measure() == Some(Measure::Whole) {
                1
            } else {
                UNIT
            };
            counted(ask, edge, moment, unit, rng)
        }
    }
}

/// An integer or decimal, `unit` being one.
fn counted(ask: &Ask<'_>, edge: bool, moment: i128, unit: i128, rng: &mut Rng) -> i128 {
    // Parts of one, where there are any.
    let part = |rng: &mut Rng| {
        if unit == 1 {
            0
        } else {
            rng.between(0, 99) * (unit / 100)
        }
    };
    match ask.hint {
        Hint::Amount => {
            if edge {
                return 0;
            }
            let digits = if unit == 1 { 6 } else { 4 };
            magnitude(rng, digits) * unit + part(rng)
        }
        Hint::Count => rng.skewed(100) as i128 * unit,
        Hint::Status => {
            let list = [0, 1, 2, 3, 4];
            choose(&list, ask, rng).copied().unwrap_or(0) * unit
        }
        Hint::Age => rng.between(1, 95) * unit,
        Hint::Year => rng.between(1990, 2024) * unit,
        Hint::Month => rng.between(1, 12) * unit,
        Hint::Day => rng.between(1, 7) * unit,
        Hint::Percent => rng.between(0, 100) * unit,
        Hint::Ratio => {
            if unit == 1 {
                rng.between(0, 10)
            } else {
                rng.between(0, 1000) * (unit / 1000)
            }
        }
        Hint::Bytes => magnitude(rng, 8) * unit,
        Hint::Port => rng.between(1024, 65_535) * unit,
        Hint::Latitude => rng.between(-90 * unit, 90 * unit),
        Hint::Longitude => rng.between(-180 * unit, 180 * unit),
        Hint::Begin | Hint::End | Hint::SeldomEnd | Hint::Birth => {
            // Milliseconds since 1970, 30 years of which lie before 2000.
            (moment + 10_957 * DAY) / 1000
        }
        _ => {
            if edge {
                return [0, -1, -7, 0]
                    .get(rng.index(4))
                    .map_or(0, |value| value * unit);
            }
            let digits = if ask.kind == &Kind::Int(2) { 3 } else { 5 };
            magnitude(rng, digits) * unit + part(rng)
        }
    }
}

/// Text for the kinds that are not numbers.
fn written(ask: &Ask<'_>, rng: &mut Rng) -> Option<String> {
    let unique = ask.unique;
    Some(match ask.kind {
        Kind::Bool => if rng.chance(300) { "true" } else { "false" }.to_owned(),
        Kind::Text { limit, .. } => {
            let few = text::small(ask.hint);
            let plain = *ask.dom == Dom::default() || ask.dom.null == Some(false);
            if unique.is_none() && !few.is_empty() && plain {
                let fits = |text: &&&str| limit.is_none_or(|limit| text.len() <= limit as usize);
                let few: Vec<&str> = few.iter().filter(fits).copied().collect();
                if let Some(text) = choose(&few, ask, rng)
                    && ask.dom.longest.is_none()
                {
                    return Some((*text).to_owned());
                }
            }
            let wanted = Wanted {
                hint: ask.hint,
                dom: ask.dom,
                limit: *limit,
                unique,
                wide: ask.wide,
                edges: ask.edges,
            };
            text::text(&wanted, rng)
        }
        Kind::Enum(labels) => choose(labels, ask, rng)?.clone(),
        Kind::Json => super::json::document(ask, rng),
        Kind::Bytea => {
            let longest = ask.dom.longest.unwrap_or(32.max(ask.dom.shortest));
            let shortest = ask.dom.shortest.max(longest.min(8));
            let bytes = rng.between(i128::from(shortest), i128::from(longest.min(shortest + 24)));
            let mut text = String::from("\\x");
            for _ in 0..bytes {
                let _ = write!(text, "{:02x}", rng.below(256));
            }
            text
        }
        Kind::Bits { length, varying } => {
            let width = if *varying { (*length).min(32) } else { *length };
            let number = unique.unwrap_or_else(|| rng.next());
            (0..width)
                .rev()
                .map(|bit| {
                    if bit < 64 && number >> bit & 1 == 1 {
                        '1'
                    } else {
                        '0'
                    }
                })
                .collect()
        }
        Kind::Byte => char::from(b'a' + u8::try_from(rng.below(26)).unwrap_or(0)).to_string(),
        Kind::Inet => match unique {
            Some(number) => text::address(number),
            None if rng.chance(200) => format!("2001:db8::{:x}", rng.below(0xffff)),
            None => format!("203.0.113.{}", rng.below(256)),
        },
        Kind::Cidr => match unique {
            Some(number) => text::address(number),
            None => format!("10.{}.0.0/16", rng.below(256)),
        },
        Kind::Mac(bytes) => {
            let number = unique.unwrap_or_else(|| rng.next());
            let mut text = String::from("02");
            for place in (0..u32::from(*bytes) - 1).rev() {
                let _ = write!(
                    text,
                    ":{:02x}",
                    number.checked_shr(place * 8).unwrap_or(0) & 0xff
                );
            }
            text
        }
        Kind::Lsn => format!("0/{:X}", unique.unwrap_or_else(|| rng.below(1 << 30))),
        Kind::Xml => format!(
            "<note id=\"{}\">{} &amp; {}</note>",
            unique.unwrap_or(ask.number),
            rng.pick(w::ADJECTIVES)?,
            rng.pick(w::NOUNS)?
        ),
        Kind::Words => format!(
            "'{}':1 '{}':2,4",
            rng.pick(w::ADJECTIVES)?,
            rng.pick(w::NOUNS)?
        ),
        Kind::Query => format!(
            "'{}' & !'{}'",
            rng.pick(w::ADJECTIVES)?,
            rng.pick(w::NOUNS)?
        ),
        Kind::JsonPath => format!("$.{}", rng.pick(w::NOUNS)?),
        Kind::Hstore => format!(
            "\"{}\"=>\"{}\"",
            rng.pick(w::NOUNS)?,
            unique.unwrap_or_else(|| rng.below(100))
        ),
        Kind::Tree => format!(
            "top.{}.n{}",
            rng.pick(w::NOUNS)?,
            unique.unwrap_or_else(|| rng.below(100))
        ),
        Kind::Vector(size) => {
            let parts: Vec<String> = (0..*size)
                .map(|_| format!("0.{}", rng.below(100)))
                .collect();
            format!("[{}]", parts.join(","))
        }
        Kind::Shape(shape) => drawn(*shape, rng),
        Kind::Array(element) => array(element, ask, rng),
        Kind::Range(inner) => range(inner, ask, rng),
        Kind::MultiRange(inner) => format!("{{{}}}", range(inner, ask, rng)),
        Kind::Composite(fields) => {
            let mut parts = Vec::new();
            for field in fields {
                let part = inner(field, ask, unique, rng);
                parts.push(part.map_or_else(String::new, |text| enclosed(&text)));
            }
            format!("({})", parts.join(","))
        }
        Kind::Literals(list) => rng.pick(list)?.clone(),
        _ => return None,
    })
}

/// In double quotes, as the parts of arrays and rows are.
fn enclosed(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value inside of another.
pub(super) fn inner(
    kind: &Kind,
    ask: &Ask<'_>,
    unique: Option<u64>,
    rng: &mut Rng,
) -> Option<String> {
    let (kind, dom) = match kind {
        Kind::Limited(kind, dom) => (&**kind, (**dom).clone()),
        _ => (kind, Dom::default()),
    };
    let dom = Dom {
        longest: dom.longest.or(kind.is_text().then_some(60)),
        ..dom
    };
    let ask = Ask {
        kind,
        dom: &dom,
        unique,
        hint: Hint::None,
        ..*ask
    };
    value(&ask, rng).text(kind)
}

fn array(element: &Kind, ask: &Ask<'_>, rng: &mut Rng) -> String {
    let least = u64::from(ask.dom.shortest.max(u32::from(ask.unique.is_some())));
    let most = ask
        .dom
        .longest
        .map_or(least + 3, |l| u64::from(l).min(least + 3));
    let count = least + rng.below(most.saturating_sub(least) + 1);
    let mut parts = Vec::new();
    for place in 0..count {
        let part = match &ask.dom.elements {
            Some(list) => rng.pick(list).cloned(),
            None => inner(element, ask, ask.unique.filter(|_| place == 0), rng),
        };
        parts.extend(part.map(|text| enclosed(&text)));
    }
    format!("{{{}}}", parts.join(","))
}

fn range(inner_kind: &Kind, ask: &Ask<'_>, rng: &mut Rng) -> String {
    let Some(measure) = inner_kind.measure() else {
        return "[a,b)".to_owned();
    };
    // Whoever has to differ from all others gets a slot, the others anything.
    let (slot, length) = match measure {
        Measure::Date => (2, 1),
        Measure::Stamp => (3600 * SECOND, 1800 * SECOND),
        Measure::Decimal => (10 * UNIT, 5 * UNIT),
        _ => (10, 5),
    };
    let origin = match measure {
        Measure::Date => 0,
        Measure::Stamp => today() - PAST,
        _ => 0,
    };
    let low = match ask.unique {
        Some(number) => {
            let start = ask.dom.min.unwrap_or(origin);
            start + i128::from(number) * slot
        }
        None => {
            let plain = Dom::default();
            let ask = Ask {
                kind: inner_kind,
                dom: &plain,
                hint: Hint::Begin,
                edges: false,
                ..*ask
            };
            match measure {
                Measure::Date | Measure::Stamp => typical(&ask, rng),
                _ => i128::from(rng.below(1000)) * slot,
            }
        }
    };
    let (mut from, mut to) = (String::new(), String::new());
    measure.print(low, &mut from);
    measure.print(low + length, &mut to);
    format!("[\"{from}\",\"{to}\")")
}

fn drawn(shape: Shape, rng: &mut Rng) -> String {
    let radius = 1 + rng.below(9);
    let mut point = || {
        let mut axis = || format!("{}.{}", rng.between(-90, 90), rng.below(10));
        format!("({},{})", axis(), axis())
    };
    match shape {
        Shape::Point => point(),
        Shape::Line => "{1,2,3}".to_owned(),
        Shape::Segment => format!("[{},{}]", point(), point()),
        Shape::Box => format!("{},{}", point(), point()),
        Shape::Path => format!("[{},{},{}]", point(), point(), point()),
        Shape::Polygon => format!("({},{},{})", point(), point(), point()),
        Shape::Circle => format!("<{},{radius}>", point()),
    }
}
