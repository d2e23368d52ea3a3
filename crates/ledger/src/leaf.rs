//! The leaf: what of an event is hashed into the tree.
//!
//! `{"actor":…,"at":…,"id":…,"kind":…,"payload":"sha256:…","v":1}` in canonical JSON (RFC 8785).
//! The payload itself lies beside it, so that it can be erased while every proof still holds.

use std::borrow::Cow;

use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use switchback_model::{Actor, Digest, Event, EventId, Timestamp};

/// The version of the leaf's form; the only one there is.
const VERSION: u32 = 1;

/// What of an event is hashed into the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The event's id.
    pub id: EventId,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The event's name, which may be one that this binary does not know.
    pub kind: String,
    /// The digest of the payload's canonical JSON.
    pub payload: Digest,
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum InvalidLeaf {
    /// Not the JSON of a leaf.
    #[error("the leaf is not JSON of the known form")]
    Form,
    /// A leaf of a version that this binary does not know.
    #[error("the leaf is of a version that is not known here")]
    Version,
    /// A field has a value that it cannot have.
    #[error("the leaf's moment or digest is not one")]
    Field,
    /// The right fields, but not written in the one canonical way.
    #[error("the leaf is not canonical JSON")]
    NotCanonical,
}

/// A leaf whose texts are borrowed from its bytes.
///
/// The fields stand in the order of their names: RFC 8785 sorts them, and `serde_json` escapes
/// text exactly as RFC 8785 does, so writing this type gives the canonical form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeafFields<'a> {
    #[serde(borrow)]
    pub(crate) actor: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) at: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) payload: Cow<'a, str>,
    v: u32,
}

impl<'a> LeafFields<'a> {
    /// Reads a leaf and demands that it is written canonically. `scratch` is only there to be
    /// used again.
    pub(crate) fn read(bytes: &'a [u8], scratch: &mut Vec<u8>) -> Result<Self, InvalidLeaf> {
        match Self::read_plain(bytes) {
            Some(leaf) => Ok(leaf),
            None => Self::read_any(bytes, scratch),
        }
    }

    /// Reads a leaf without escapes, which is canonical if it has just this form. Nearly all
    /// leaves are so, and a verification reads nothing more often; `None` is not yet a refusal.
    fn read_plain(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = str::from_utf8(bytes).ok()?;
        let mut field = |name: &str| {
            let text = rest.strip_prefix(name)?;
            let special = |b: u8| b == b'"' || b == b'\\' || b < b' ';
            let (value, after) = text.split_at(text.bytes().position(special)?);
            rest = after;
            Some(Cow::Borrowed(value))
        };
        let actor = field("{\"actor\":\"")?;
        let at = field("\",\"at\":\"")?;
        let id = field("\",\"id\":\"")?;
        let kind = field("\",\"kind\":\"")?;
        let payload = field("\",\"payload\":\"")?;
        let whole = rest == "\",\"v\":1}" && is_digest(&payload) && is_moment(&at);
        whole.then_some(Self {
            actor,
            at,
            id,
            kind,
            payload,
            v: VERSION,
        })
    }

    fn read_any(bytes: &'a [u8], scratch: &mut Vec<u8>) -> Result<Self, InvalidLeaf> {
        let leaf: Self = serde_json::from_slice(bytes).map_err(|_| InvalidLeaf::Form)?;
        if leaf.v != VERSION {
            return Err(InvalidLeaf::Version);
        }
        scratch.clear();
        serde_json::to_writer(&mut *scratch, &leaf).map_err(|_| InvalidLeaf::Form)?;
        if scratch != bytes {
            return Err(InvalidLeaf::NotCanonical);
        }
        if !is_digest(&leaf.payload) || !is_moment(&leaf.at) {
            return Err(InvalidLeaf::Field);
        }
        Ok(leaf)
    }

    /// Whether `payload` has the digest that this leaf names.
    pub(crate) fn names(&self, payload: &[u8]) -> bool {
        self.payload
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.as_bytes() == hex_of(Sha256::digest(payload).as_ref()))
    }
}

impl Leaf {
    /// Reads a leaf from its stored bytes.
    ///
    /// # Errors
    /// If the bytes are not a leaf in canonical JSON.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidLeaf> {
        let fields = LeafFields::read(bytes, &mut Vec::new())?;
        Ok(Self {
            at: fields.at.parse().map_err(|_| InvalidLeaf::Field)?,
            payload: fields.payload.parse().map_err(|_| InvalidLeaf::Field)?,
            id: fields.id.into_owned().into(),
            // Not `Actor::new`, which would change what was recorded.
            actor: serde_json::from_value(fields.actor.into_owned().into())
                .map_err(|_| InvalidLeaf::Field)?,
            kind: fields.kind.into_owned(),
        })
    }

    /// The canonical JSON that is hashed.
    ///
    /// # Errors
    /// Never for texts, moments and digests; the signature is that of the JSON writer.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&LeafFields {
            actor: self.actor.as_str().into(),
            at: self.at.to_string().into(),
            id: self.id.as_str().into(),
            kind: self.kind.as_str().into(),
            payload: self.payload.to_string().into(),
            v: VERSION,
        })
    }
}

fn is_digest(text: &str) -> bool {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(lower))
}

/// Whether `text` is a moment as [`Timestamp`] writes it.
fn is_moment(text: &str) -> bool {
    is_plain_moment(text.as_bytes())
        || text
            .parse::<Timestamp>()
            .is_ok_and(|moment| moment.to_string() == text)
}

/// Whether `text` is `2026-01-31T12:00:00.25Z` or the like, on one of the days that every month
/// has; the others, and the far past, are for the calendar to judge.
fn is_plain_moment(text: &[u8]) -> bool {
    let Some((date, fraction)) = text.split_at_checked(19) else {
        return false;
    };
    let number = |from: usize| match date[from..from + 2] {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => (a - b'0') * 10 + (b - b'0'),
        _ => u8::MAX,
    };
    let form = [4, 7, 10, 13, 16].map(|place| date[place]) == *b"--T::";
    let year = number(0) < 100 && number(2) < 100;
    let day = (1..=12).contains(&number(5)) && (1..=28).contains(&number(8));
    let time = number(11) < 24 && number(14) < 60 && number(17) < 60;
    let fraction = match fraction {
        b"Z" => true,
        // Milliseconds without zeros at their end.
        [b'.', digits @ .., b'1'..=b'9', b'Z'] => {
            digits.len() < 3 && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    form && year && day && time && fraction
}

fn hex_of(hash: &[u8]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(hash) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

/// Whether this binary has an event of this name: asks the event type itself, so that there is no
/// second list to keep.
pub(crate) fn is_known_kind(kind: &str) -> bool {
    let only_the_tag = MapDeserializer::<_, Refusal>::new(std::iter::once(("event", kind)));
    !matches!(
        Event::deserialize(only_the_tag),
        Err(Refusal::UnknownVariant)
    )
}

/// Why an event with nothing but a tag was refused: for its tag, or for all that it lacks.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("unknown")]
    UnknownVariant,
    #[error("other")]
    Other,
}

impl serde::de::Error for Refusal {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Refusal::Other
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Refusal::UnknownVariant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_model::digest::canonical_json;

    fn leaf(actor: &str) -> Leaf {
        Leaf {
            id: EventId::of(&["intended", "1"]),
            at: Timestamp::from_millis(1_700_000_000_123),
            actor: Actor::new(actor),
            kind: "intended".to_owned(),
            payload: Digest::of(b"{}"),
        }
    }

    #[test]
    fn the_leaf_is_what_the_canonical_writer_writes() {
        for actor in [
            "Ada <ada@example.org>",
            "\"quoted\" \\ é 😀 \u{7f}\u{2028}",
            "",
        ] {
            let leaf = leaf(actor);
            let bytes = leaf.to_bytes().unwrap();
            let judge = canonical_json(&serde_json::json!({
                "v": 1, "id": leaf.id, "at": leaf.at, "actor": leaf.actor, "kind": leaf.kind,
                "payload": leaf.payload,
            }));
            assert_eq!(bytes, judge.unwrap());
            assert_eq!(Leaf::from_bytes(&bytes), Ok(leaf));
        }
    }

    #[test]
    fn control_characters_are_escaped_as_rfc_8785_does() {
        let raw: String = (0..0x20u8).map(char::from).collect();
        let mut leaf = leaf("x");
        leaf.kind = raw.clone();
        let judge = canonical_json(&raw).unwrap();
        let bytes = leaf.to_bytes().unwrap();
        assert!(bytes.windows(judge.len()).any(|part| part == judge));
        assert_eq!(Leaf::from_bytes(&bytes), Ok(leaf));
    }

    #[test]
    fn other_ways_to_write_the_same_are_refused() {
        let good = String::from_utf8(leaf("Ada").to_bytes().unwrap()).unwrap();
        let refused = |text: String| Leaf::from_bytes(text.as_bytes()).unwrap_err();
        assert_eq!(
            refused(good.replace(",\"v\"", ", \"v\"")),
            InvalidLeaf::NotCanonical
        );
        assert_eq!(
            refused(good.replace("Ada", "\\u0041da")),
            InvalidLeaf::NotCanonical
        );
        assert_eq!(refused(format!("{good} ")), InvalidLeaf::NotCanonical);
        assert_eq!(
            refused(good.replace("\"v\":1", "\"v\":2")),
            InvalidLeaf::Version
        );
        assert_eq!(
            refused(good.replace("\"v\":1", "\"v\":1.0")),
            InvalidLeaf::Form
        );
        assert_eq!(
            refused(good.replace("\"v\"", "\"v\":1,\"w\"")),
            InvalidLeaf::Form
        );
        assert_eq!(
            refused(good.replace("{\"actor\"", "{\"v\":1,\"actor\"")),
            InvalidLeaf::Form
        );
        assert_eq!(
            refused(good.replace("20.123Z", "20.123000Z")),
            InvalidLeaf::Field
        );
        assert_eq!(
            refused(good.replace("sha256:44", "sha256:4G")),
            InvalidLeaf::Field
        );
    }

    #[test]
    fn the_short_way_to_read_takes_nothing_that_the_long_one_refuses() {
        let good = leaf("Ada <ada@example.org>").to_bytes().unwrap();
        assert!(LeafFields::read_plain(&good).is_some());
        for place in 0..good.len() {
            for other in 0..=u8::MAX {
                let mut changed = good.clone();
                changed[place] = other;
                let short = LeafFields::read_plain(&changed);
                let long = LeafFields::read_any(&changed, &mut Vec::new()).ok();
                let fields = |leaf: LeafFields<'_>| {
                    [leaf.actor, leaf.at, leaf.id, leaf.kind, leaf.payload].map(Cow::into_owned)
                };
                let long = long.map(fields);
                if let Some(short) = short {
                    assert_eq!(Some(fields(short)), long, "{:?}", str::from_utf8(&changed));
                } else if let Some(long) = long {
                    assert!(
                        changed.contains(&b'\\'),
                        "only escapes need the long way: {long:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_short_way_to_judge_a_moment_takes_nothing_that_the_calendar_refuses() {
        let canonical = |text: &str| {
            text.parse::<Timestamp>()
                .is_ok_and(|moment| moment.to_string() == text)
        };
        for good in [
            "2026-01-31T12:00:00Z",
            "2026-12-28T23:59:59.999Z",
            "0001-01-01T00:00:00.1Z",
        ] {
            assert!(canonical(good) && is_moment(good), "{good}");
            for place in 0..good.len() {
                for other in 0..0x80 {
                    let mut changed = good.as_bytes().to_vec();
                    changed[place] = other;
                    let changed = String::from_utf8(changed).unwrap();
                    assert_eq!(is_moment(&changed), canonical(&changed), "{changed}");
                }
                let cut = format!("{}{}", &good[..place], &good[place + 1..]);
                assert_eq!(is_moment(&cut), canonical(&cut), "{cut}");
                let doubled = format!("{}{}", &good[..=place], &good[place..]);
                assert_eq!(is_moment(&doubled), canonical(&doubled), "{doubled}");
            }
        }
    }

    #[test]
    fn kinds_are_known_by_the_event_type() {
        for kind in ["release-recorded", "intended", "concluded", "refused"] {
            assert!(is_known_kind(kind), "{kind}");
        }
        for kind in ["", "Intended", "canary-judged", "event"] {
            assert!(!is_known_kind(kind), "{kind}");
        }
    }
}
