//! Which fields clear which.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Field;

type Fields = BTreeMap<i64, Field>;
type Members<'a> = BTreeMap<&'a str, BTreeSet<i64>>;

/// The oneofs of a message on both sides, of the fields that both have. What a oneof is called makes
/// no difference here, and a field that is alone in one clears nothing.
pub(super) struct Oneofs<'a> {
    before: Members<'a>,
    after: Members<'a>,
    /// By the old and the new oneof of a field. Many fields may move together.
    known: BTreeMap<(Option<&'a str>, Option<&'a str>), Moved>,
}

/// What became of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    /// It clears others that it did not clear.
    pub(super) joined: bool,
    /// It does not clear others any more that it cleared.
    pub(super) left: bool,
}

impl<'a> Oneofs<'a> {
    pub(super) fn new(old: &'a Fields, new: &'a Fields) -> Self {
        Self {
            before: members(old, new),
            after: members(new, old),
            known: BTreeMap::new(),
        }
    }

    /// What became of a field that has the same number on both sides.
    pub(super) fn moved(&mut self, was: &'a Field, is: &'a Field) -> Moved {
        let key = (was.oneof.as_deref(), is.oneof.as_deref());
        let (before, after) = (&self.before, &self.after);
        *self.known.entry(key).or_insert_with(|| {
            let first = key.0.and_then(|it| before.get(it));
            let second = key.1.and_then(|it| after.get(it));
            Moved {
                joined: more(first, second),
                left: more(second, first),
            }
        })
    }
}

/// Whether a field that is in both, or where there is no first one in the second, clears more in the
/// second.
fn more(first: Option<&BTreeSet<i64>>, second: Option<&BTreeSet<i64>>) -> bool {
    match (first, second) {
        (_, None) => false,
        (None, Some(second)) => second.len() > 1,
        (Some(first), Some(second)) => second.difference(first).next().is_some(),
    }
}

fn members<'a>(fields: &'a Fields, others: &Fields) -> Members<'a> {
    let mut out = Members::new();
    for (number, field) in fields.iter().filter(|it| others.contains_key(it.0)) {
        if let Some(oneof) = &field.oneof {
            out.entry(oneof).or_default().insert(*number);
        }
    }
    out
}
