//! Values exactly as SQLite stores them, and former values of many rows in one blob.
//!
//! A segment has, for each row that a batch changed, its key and for each column the former value
//! and the written one. A written value only has to be recognized, so of a long one only its length
//! and half of its SHA-256 are kept. The first byte is the version of the form.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use switchback_model::Digest;

use super::error::BackfillError;

/// The version of a segment's form.
const FORM: u8 = 1;

/// Written values that are longer are kept as a digest.
const LONG: usize = 32;

/// A value with its type, and the bytes of a text whether they are UTF-8 or not.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Exact {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// A row's key: one value for each of its columns.
pub(super) type Key = Vec<Exact>;

impl Exact {
    pub(super) fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => Self::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }

    /// About how many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        let long = match self {
            Self::Text(bytes) | Self::Blob(bytes) => bytes.len(),
            _ => 0,
        };
        size_of::<Self>() + long
    }

    pub(super) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }

    /// As people read it.
    fn shown(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Real(number) => format!("{number:?}"),
            Self::Text(bytes) => format!("'{}'", String::from_utf8_lossy(bytes)),
            Self::Blob(bytes) => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("x'{digits}'")
            }
        }
    }
}

impl ToSql for Exact {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.as_ref()))
    }
}

/// A key as people read it.
pub(super) fn shown(key: &[Exact]) -> String {
    match key {
        [one] => one.shown(),
        some => {
            let parts: Vec<String> = some.iter().map(Exact::shown).collect();
            format!("({})", parts.join(", "))
        }
    }
}

/// A key as one value: itself where it has one column, else a blob.
pub(super) fn packed(key: &[Exact]) -> Exact {
    match key {
        [one] => one.clone(),
        some => {
            let mut bytes = Vec::new();
            for value in some {
                put(&mut bytes, value.as_ref());
            }
            Exact::Blob(bytes)
        }
    }
}

/// The key of `columns` columns that was packed.
pub(super) fn unpacked(value: Exact, columns: usize) -> Result<Key, BackfillError> {
    match value {
        one if columns == 1 => Ok(vec![one]),
        Exact::Blob(bytes) => {
            let mut reader = Reader { bytes: &bytes };
            (0..columns).map(|_| reader.value()).collect()
        }
        _ => Err(damaged("the place of a range")),
    }
}

fn damaged(what: &str) -> BackfillError {
    BackfillError::Damaged {
        what: what.to_owned(),
    }
}

mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const INTEGER: u8 = 1;
    pub(super) const REAL: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const BLOB: u8 = 4;
    pub(super) const DIGEST: u8 = 5;
    /// A column that the batch left as it was.
    pub(super) const SAME: u8 = 6;
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_bytes(bytes: &mut Vec<u8>, some: &[u8]) {
    put_number(bytes, some.len() as u64);
    bytes.extend_from_slice(some);
}

/// Appends a value with its type.
pub(super) fn put(bytes: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => bytes.push(tag::NULL),
        ValueRef::Integer(number) => {
            bytes.push(tag::INTEGER);
            // Small numbers of either sign become few bytes.
            put_number(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
        }
        ValueRef::Real(number) => {
            bytes.push(tag::REAL);
            bytes.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        ValueRef::Text(text) => {
            bytes.push(tag::TEXT);
            put_bytes(bytes, text);
        }
        ValueRef::Blob(blob) => {
            bytes.push(tag::BLOB);
            put_bytes(bytes, blob);
        }
    }
}

/// A value that a backfill wrote, as far as it can be recognized.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    Value(Exact),
    /// A long text or blob: which of both, its length, half of its digest.
    Digest(u8, u64, [u8; 16]),
}

impl Written {
    pub(super) fn of(value: &Exact) -> Self {
        match value {
            Exact::Text(bytes) if bytes.len() > LONG => Self::digest(tag::TEXT, bytes),
            Exact::Blob(bytes) if bytes.len() > LONG => Self::digest(tag::BLOB, bytes),
            _ => Self::Value(value.clone()),
        }
    }

    fn digest(kind: u8, bytes: &[u8]) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&Digest::of(bytes).as_bytes()[..16]);
        Self::Digest(kind, bytes.len() as u64, half)
    }

    fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Value(value) => put(bytes, value.as_ref()),
            Self::Digest(kind, length, half) => {
                bytes.push(tag::DIGEST);
                bytes.push(*kind);
                put_number(bytes, *length);
                bytes.extend_from_slice(half);
            }
        }
    }
}

/// One row of a segment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Former {
    pub(super) key: Key,
    /// For each column of the segment the former and the written value; none where both are the
    /// same.
    pub(super) columns: Vec<Option<(Exact, Written)>>,
}

/// What a batch changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Segment {
    /// The table.
    pub(super) table: String,
    /// The columns that were written.
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Former>,
}

impl Segment {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        put_bytes(&mut bytes, self.table.as_bytes());
        put_number(&mut bytes, self.columns.len() as u64);
        for column in &self.columns {
            put_bytes(&mut bytes, column.as_bytes());
        }
        let width = self.rows.first().map_or(0, |row| row.key.len());
        put_number(&mut bytes, width as u64);
        put_number(&mut bytes, self.rows.len() as u64);
        for row in &self.rows {
            for value in &row.key {
                put(&mut bytes, value.as_ref());
            }
            for column in &row.columns {
                match column {
                    None => bytes.push(tag::SAME),
                    Some((former, written)) => {
                        put(&mut bytes, former.as_ref());
                        written.put(&mut bytes);
                    }
                }
            }
        }
        bytes
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Result<Self, BackfillError> {
        let mut reader = Reader { bytes };
        if reader.byte()? != FORM {
            return Err(damaged("former values of a form that is not known"));
        }
        let table = reader.name()?;
        let count = reader.number()?;
        let columns = (0..count)
            .map(|_| reader.name())
            .collect::<Result<_, _>>()?;
        let mut segment = Self {
            table,
            columns,
            rows: Vec::new(),
        };
        let (width, rows) = (reader.number()?, reader.number()?);
        for _ in 0..rows {
            let key = (0..width).map(|_| reader.value());
            let key = key.collect::<Result<_, _>>()?;
            let columns = segment.columns.iter().map(|_| reader.column());
            let columns = columns.collect::<Result<_, _>>()?;
            segment.rows.push(Former { key, columns });
        }
        if reader.bytes.is_empty() {
            Ok(segment)
        } else {
            Err(damaged("bytes after the former values"))
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl Reader<'_> {
    fn take(&mut self, length: u64) -> Result<&[u8], BackfillError> {
        let taken = usize::try_from(length).ok();
        let taken = taken.and_then(|length| self.bytes.split_at_checked(length));
        let (taken, rest) = taken.ok_or_else(|| damaged("former values that are cut off"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, BackfillError> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BackfillError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    fn number(&mut self) -> Result<u64, BackfillError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged("a number that does not end"))
    }

    fn some(&mut self) -> Result<Vec<u8>, BackfillError> {
        let length = self.number()?;
        Ok(self.take(length)?.to_vec())
    }

    fn name(&mut self) -> Result<String, BackfillError> {
        String::from_utf8(self.some()?).map_err(|_| damaged("a name"))
    }

    fn value(&mut self) -> Result<Exact, BackfillError> {
        let tag = self.byte()?;
        self.tagged(tag)
    }

    fn tagged(&mut self, tag: u8) -> Result<Exact, BackfillError> {
        Ok(match tag {
            tag::NULL => Exact::Null,
            tag::INTEGER => {
                let number = self.number()?;
                Exact::Integer((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
            }
            tag::REAL => Exact::Real(f64::from_bits(u64::from_le_bytes(self.array()?))),
            tag::TEXT => Exact::Text(self.some()?),
            tag::BLOB => Exact::Blob(self.some()?),
            _ => return Err(damaged("a value of a type that is not known")),
        })
    }

    fn column(&mut self) -> Result<Option<(Exact, Written)>, BackfillError> {
        let tag = self.byte()?;
        if tag == tag::SAME {
            return Ok(None);
        }
        let former = self.tagged(tag)?;
        let tag = self.byte()?;
        let written = if tag == tag::DIGEST {
            Written::Digest(self.byte()?, self.number()?, self.array()?)
        } else {
            Written::Value(self.tagged(tag)?)
        };
        Ok(Some((former, written)))
    }
}

/// A number for a row's bytes. The sum of those of all rows says whether two sets of rows are the
/// same, in whatever order and pieces they are read. It finds errors, not forgeries.
pub(super) fn row_sum(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    // Multiplied, so that the length does not cancel what the first byte says.
    let mut sum = (bytes.len() as u64 + 1).wrapping_mul(ODD);
    for chunk in bytes.chunks(8) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        sum = (sum ^ u64::from_le_bytes(eight)).wrapping_mul(ODD);
        sum ^= sum >> 32;
    }
    sum = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    sum = (sum ^ (sum >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    sum ^ (sum >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Exact> {
        prop_oneof![
            Just(Exact::Null),
            any::<i64>().prop_map(Exact::Integer),
            prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), -1e300..1e300]
                .prop_map(Exact::Real),
            prop::collection::vec(any::<u8>(), 0..80).prop_map(Exact::Text),
            prop::collection::vec(any::<u8>(), 0..80).prop_map(Exact::Blob),
        ]
    }

    prop_compose! {
        fn segment()(width in 1_usize..3, count in 0_usize..4)(
            table in ".*",
            columns in prop::collection::vec(".*", count),
            rows in prop::collection::vec((
                prop::collection::vec(value(), width),
                prop::collection::vec(prop::option::of((value(), value())), count),
            ), 0..5),
        ) -> Segment {
            let written = |it: Option<(Exact, Exact)>| {
                it.map(|(former, written)| (former, Written::of(&written)))
            };
            let rows = rows.into_iter().map(|(key, columns)| Former {
                key,
                columns: columns.into_iter().map(written).collect(),
            });
            Segment { table, columns, rows: rows.collect() }
        }
    }

    #[test]
    fn nothing_and_an_empty_text_have_other_sums() {
        let sum = |value: &Exact| {
            let mut bytes = Vec::new();
            put(&mut bytes, value.as_ref());
            row_sum(&bytes)
        };
        let nothing = [
            Exact::Null,
            Exact::Text(Vec::new()),
            Exact::Blob(Vec::new()),
            Exact::Integer(0),
            Exact::Real(0.0),
        ];
        let sums: std::collections::BTreeSet<u64> = nothing.iter().map(sum).collect();
        assert_eq!(sums.len(), nothing.len());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_kept(segment in segment()) {
            prop_assert_eq!(Segment::of_bytes(&segment.to_bytes()).unwrap(), segment);
        }

        #[test]
        fn what_is_cut_off_is_refused(segment in segment(), cut in any::<prop::sample::Index>()) {
            let bytes = segment.to_bytes();
            let length = cut.index(bytes.len());
            prop_assert!(Segment::of_bytes(&bytes[..length]).is_err());
        }

        #[test]
        fn anything_else_is_no_crash(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Segment::of_bytes(&bytes);
        }

        #[test]
        fn a_key_of_several_columns_comes_back(key in prop::collection::vec(value(), 1..4)) {
            prop_assert_eq!(unpacked(packed(&key), key.len()).unwrap(), key);
        }

        #[test]
        fn other_values_have_another_sum(one in value(), other in value()) {
            let sum = |value: &Exact| {
                let mut bytes = Vec::new();
                put(&mut bytes, value.as_ref());
                row_sum(&bytes)
            };
            prop_assert_eq!(sum(&one) == sum(&other), one == other);
            prop_assert_eq!(Written::of(&one) == Written::of(&other), one == other);
        }
    }
}
