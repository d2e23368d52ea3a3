//! What a column can hold, as far as making a value for it goes.

use super::domain::Dom;
use super::measure::{DAY, Measure, SECOND, UNIT, days};

/// What a type is at its base: domains are looked through.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Bool,
    /// An integer of so many bytes.
    Int(u8),
    Oid,
    Float(u8),
    /// Precision and scale, if they are limited.
    Numeric(Option<(u32, i32)>),
    Money,
    /// Text of at most so many characters; whether it is filled up with spaces to that length.
    Text {
        limit: Option<u32>,
        padded: bool,
    },
    /// One byte: the type `"char"`.
    Byte,
    Bytea,
    Uuid,
    Date,
    Time {
        zone: bool,
    },
    Stamp {
        zone: bool,
    },
    Interval,
    Json,
    JsonPath,
    Xml,
    Bits {
        length: u32,
        varying: bool,
    },
    Inet,
    Cidr,
    /// A hardware address of so many bytes.
    Mac(u8),
    Shape(Shape),
    Words,
    Query,
    Lsn,
    Enum(Vec<String>),
    Array(Box<Kind>),
    Range(Box<Kind>),
    MultiRange(Box<Kind>),
    Composite(Vec<Kind>),
    Hstore,
    /// A path of labels (`ltree`).
    Tree,
    /// So many numbers (`vector` of pgvector).
    Vector(u32),
    /// A domain inside of another type, with what its constraints demand.
    Limited(Box<Kind>, Box<Dom>),
    /// A type that nothing is known of but literals which the server accepts for it; or none.
    Literals(Vec<String>),
}

/// The geometric types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Point,
    Line,
    Segment,
    Box,
    Path,
    Polygon,
    Circle,
}

/// Midnight of the day that made-up times are before: a fixed one, so that the same seed gives the
/// same rows on every day.
pub(super) fn today() -> i128 {
    days(2025, 1, 1) * DAY
}

/// The span of made-up times in the past: six years.
pub(super) const PAST: i128 = 6 * 365 * DAY;

impl Kind {
    /// The kind for a built-in type by its object identifier and modifier.
    pub(super) fn built_in(oid: u32, modifier: i32) -> Option<Self> {
        let limit = u32::try_from(modifier - 4).ok().filter(|_| modifier >= 4);
        Some(match oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            18 => Self::Byte,
            19 => Self::Text {
                limit: Some(63),
                padded: false,
            },
            20 => Self::Int(8),
            21 => Self::Int(2),
            23 => Self::Int(4),
            25 => Self::Text {
                limit: None,
                padded: false,
            },
            26 | 28 | 29 => Self::Oid,
            114 | 3802 => Self::Json,
            142 => Self::Xml,
            600 => Self::Shape(Shape::Point),
            601 => Self::Shape(Shape::Segment),
            602 => Self::Shape(Shape::Path),
            603 => Self::Shape(Shape::Box),
            604 => Self::Shape(Shape::Polygon),
            628 => Self::Shape(Shape::Line),
            718 => Self::Shape(Shape::Circle),
            650 => Self::Cidr,
            700 => Self::Float(4),
            701 => Self::Float(8),
            774 => Self::Mac(8),
            790 => Self::Money,
            829 => Self::Mac(6),
            869 => Self::Inet,
            1042 => Self::Text {
                limit: Some(limit.unwrap_or(1)),
                padded: true,
            },
            1043 => Self::Text {
                limit,
                padded: false,
            },
            1082 => Self::Date,
            1083 => Self::Time { zone: false },
            1266 => Self::Time { zone: true },
            1114 => Self::Stamp { zone: false },
            1184 => Self::Stamp { zone: true },
            1186 => Self::Interval,
            1560 => Self::Bits {
                length: u32::try_from(modifier).unwrap_or(1),
                varying: false,
            },
            1562 => Self::Bits {
                length: u32::try_from(modifier).unwrap_or(64),
                varying: true,
            },
            1700 => Self::Numeric((modifier >= 4).then(|| {
                let packed = modifier - 4;
                // Eleven bits with a sign: negative scales exist since PostgreSQL 15.
                let scale = ((packed & 0x7ff) ^ 1024) - 1024;
                (((packed >> 16) & 0xffff).unsigned_abs(), scale)
            })),
            2950 => Self::Uuid,
            3220 => Self::Lsn,
            3614 => Self::Words,
            3615 => Self::Query,
            4072 => Self::JsonPath,
            _ => return None,
        })
    }

    /// How its values are counted, if they have an order that we know.
    pub(super) fn measure(&self) -> Option<Measure> {
        Some(match self {
            Self::Int(_) | Self::Oid => Measure::Whole,
            Self::Float(_) | Self::Numeric(_) | Self::Money => Measure::Decimal,
            Self::Date => Measure::Date,
            Self::Time { .. } => Measure::Time,
            Self::Stamp { .. } => Measure::Stamp,
            Self::Interval => Measure::Span,
            Self::Uuid => Measure::Uuid,
            _ => return None,
        })
    }

    /// The smallest and the largest number that the type holds and that we would ever use.
    pub(super) fn limits(&self) -> (i128, i128) {
        match self {
            Self::Int(2) => (i128::from(i16::MIN), i128::from(i16::MAX)),
            Self::Int(4) => (i128::from(i32::MIN), i128::from(i32::MAX)),
            Self::Int(_) => (i128::from(i64::MIN), i128::from(i64::MAX)),
            Self::Oid => (1, i128::from(u32::MAX)),
            Self::Float(_) => (-1_000_000_000 * UNIT, 1_000_000_000 * UNIT),
            Self::Money => (-90_000_000_000_000 * UNIT, 90_000_000_000_000 * UNIT),
            Self::Numeric(Some((precision, scale))) => {
                let whole = i64::from(*precision) - i64::from(*scale);
                let digits = u32::try_from((whole + 9).clamp(0, 37)).unwrap_or(37);
                let top = (10_i128.pow(digits) - self.grain()).max(0);
                (-top, top)
            }
            Self::Numeric(None) => (-10_i128.pow(18) * UNIT, 10_i128.pow(18) * UNIT),
            Self::Date => (days(1, 1, 1), days(9999, 12, 31)),
            Self::Time { .. } => (0, DAY - SECOND),
            Self::Stamp { .. } => (days(1, 1, 1) * DAY, days(9999, 12, 31) * DAY),
            Self::Interval => (-36_500 * DAY, 36_500 * DAY),
            _ => (i128::MIN, i128::MAX),
        }
    }

    /// The distance between two neighbouring values that we make.
    pub(super) fn grain(&self) -> i128 {
        match self {
            Self::Float(_) => UNIT / 1000,
            Self::Money | Self::Numeric(None) => UNIT / 100,
            Self::Numeric(Some((_, scale))) => {
                if *scale >= 0 {
                    10_i128.pow(9 - u32::try_from(*scale).unwrap_or(9).min(9))
                } else {
                    let digits = scale.unsigned_abs().min(20);
                    10_i128.pow(digits) * UNIT
                }
            }
            Self::Time { .. } | Self::Stamp { .. } | Self::Interval => SECOND,
            _ => 1,
        }
    }

    /// Whether its values are texts of free form.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. })
    }

    /// Whether rows can be told apart by values of this kind, however many there are.
    pub(super) fn is_wide(&self) -> bool {
        match self {
            Self::Text { limit, .. } => limit.is_none_or(|limit| limit > 0),
            Self::Bits { length, .. } => *length >= 16,
            Self::Array(_) | Self::Tree | Self::Hstore => true,
            Self::Range(inner) => inner.measure().is_some(),
            _ => {
                self.measure().is_some()
                    || matches!(
                        self,
                        Self::Bytea
                            | Self::Json
                            | Self::Inet
                            | Self::Cidr
                            | Self::Mac(_)
                            | Self::Lsn
                    )
            }
        }
    }
}
