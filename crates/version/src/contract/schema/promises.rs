//! What is promised about a property: how stable it is, and until when it stays.

use super::changes::Change;
use super::compare::{Comparison, Found};
use super::shape::Shape;
use crate::contract::Stability;
use crate::contract::document::{Arena, NodeId};
use crate::contract::promise::{Moved, moved, written};

impl Comparison<'_> {
    pub(super) fn promises(&self, was: &Shape, is: &Shape, found: &mut Found) {
        self.stability(was, is, found);
        self.until(was, is, found);
    }

    fn stability(&self, was: &Shape, is: &Shape, found: &mut Found) {
        let one = word(self.old.arena(), was.stability);
        let two = word(self.new.arena(), is.stability);
        // What is not said is stable. What is no level is none that another one could be held against.
        let level = |it: &Option<String>| match it {
            None => Some(Stability::Stable),
            Some(word) => Stability::named(word),
        };
        let change = match (level(&one), level(&two)) {
            (Some(old), Some(new)) if new < old => Change::StabilityLowered,
            (None, _) | (_, None) if one != two => Change::StabilityUnknown,
            _ => return,
        };
        let old = (was.stability.unwrap_or(was.at), one);
        let new = (is.stability.unwrap_or(is.at), two);
        self.say(found, change, old, new, "stability");
    }

    fn until(&self, was: &Shape, is: &Shape, found: &mut Found) {
        if is.deprecated.is_none() {
            return;
        }
        let said = was.sunset.filter(|_| was.deprecated.is_some());
        let one = word(self.old.arena(), said);
        let two = word(self.new.arena(), is.sunset);
        let change = match moved(one.as_deref(), two.as_deref()) {
            None => return,
            Some(Moved::Sooner) => Change::SunsetSooner,
            Some(Moved::Removed) => Change::SunsetRemoved,
            Some(Moved::Unreadable) => Change::SunsetUnreadable,
        };
        let old = (said.unwrap_or(was.at), one);
        let new = (is.sunset.unwrap_or(is.at), two);
        self.say(found, change, old, new, "x-sunset");
    }
}

fn word(arena: &Arena, at: Option<NodeId>) -> Option<String> {
    at.map(|it| written(arena, it))
}
