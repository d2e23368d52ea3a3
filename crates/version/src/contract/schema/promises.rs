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
        // What is not said is stable, and so is what nobody knows: at most too much is promised.
        let known = |it: &Option<String>| match it {
            None => Some(Stability::Stable),
            Some(word) => Stability::named(word),
        };
        let levels = (known(&one), known(&two));
        let level = |it: Option<Stability>| it.unwrap_or(Stability::Stable);
        let change = if level(levels.1) < level(levels.0) {
            Change::StabilityLowered
        } else if one != two && (levels.0.is_none() || levels.1.is_none()) {
            Change::StabilityUnknown
        } else {
            return;
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
