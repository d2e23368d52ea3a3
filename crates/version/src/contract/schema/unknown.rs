//! What cannot be compared because a reference leads nowhere on one side.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::changes::Change;
use super::compare::{Comparison, Found, Raw};
use super::normal::Parts;
use crate::contract::document::NodeId;

type Lost = BTreeMap<String, NodeId>;

impl Comparison<'_> {
    /// Whether one side has references that lead nowhere and the other one has not; that is said, once
    /// for the place, instead of whatever would follow from nothing being known there. A reference that
    /// leads nowhere on both sides may have changed, but not here.
    pub(super) fn unknown(
        &self,
        (was, is): (&Lost, &Lost),
        (old, new): (NodeId, NodeId),
        found: &mut Found,
    ) -> bool {
        let more = |of: &Lost, than: &Lost| {
            let all = of.iter().filter(|(text, _)| !than.contains_key(*text));
            let all: Vec<(&str, NodeId)> = all.map(|(text, at)| (text.as_str(), *at)).collect();
            let texts: Vec<&str> = all.iter().map(|it| it.0).collect();
            let text = (!texts.is_empty()).then(|| texts.join(", "));
            (all.first().map(|it| it.1), text)
        };
        let ((old_at, old_text), (new_at, new_text)) = (more(was, is), more(is, was));
        if old_at.is_none() && new_at.is_none() {
            return false;
        }
        found.insert(Rc::new(Raw {
            change: Change::Unresolved,
            old: old_at.unwrap_or(old),
            new: new_at.unwrap_or(new),
            old_text,
            new_text,
            subject: "$ref".to_owned(),
        }));
        true
    }

    /// The same for alternatives: which of them takes which cannot be told if one is not known.
    pub(super) fn unknown_alternatives(
        &self,
        old: (&Parts, NodeId),
        new: (&Parts, NodeId),
        found: &mut Found,
    ) -> bool {
        let was = self.old.lost_alternatives(old.0);
        let is = self.new.lost_alternatives(new.0);
        self.unknown((&was, &is), (old.1, new.1), found)
    }

    /// The same for all that lies below, where only whether it fits as a whole is asked.
    pub(super) fn unknown_below<'p>(
        &self,
        old: (impl IntoIterator<Item = &'p Parts>, NodeId),
        new: (impl IntoIterator<Item = &'p Parts>, NodeId),
        found: &mut Found,
    ) -> bool {
        let was = self.old.lost_below(old.0);
        let is = self.new.lost_below(new.0);
        self.unknown((&was, &is), (old.1, new.1), found)
    }
}
