//! Findings written down for people: places, values and one sentence each.

use std::collections::BTreeMap;

use super::bundle::Bundle;
use super::document::NodeId;
use super::finding::{Finding, Place};
use super::rule::{Certainty, Direction, Rule, Surface};
use super::schema::compare::Raw;
use crate::Level;

/// Collects findings; the same one from two places counts once, with the higher level.
#[derive(Default)]
pub(crate) struct Findings(BTreeMap<(String, usize, String, &'static str, String), Finding>);

impl Findings {
    /// Writes a finding down. `what` says in words what changed, `most` is the highest level that
    /// counts here.
    pub(crate) fn add(
        &mut self,
        rule: &'static Rule,
        places: (Place, Place),
        (old, new): (Option<String>, Option<String>),
        what: &str,
        most: Level,
    ) {
        let sentence = format!("{what}{}; {}.", values(what, &old, &new), effect(rule));
        let level = rule.level.min(most);
        self.put(Finding::new(rule, level, places, (old, new), sentence));
    }

    /// Writes down something of which nobody knows whether it is so. `why` says in words what is
    /// unknown.
    pub(crate) fn add_doubted(
        &mut self,
        rule: &'static Rule,
        places: (Place, Place),
        (old, new): (Option<String>, Option<String>),
        (what, why): (&str, &str),
        most: Level,
    ) {
        let sentence = format!(
            "{what}{}; whether that is so cannot be told, because {why}.",
            values(what, &old, &new)
        );
        let level = rule.level.min(most);
        self.put(Finding {
            certainty: Certainty::CannotTell,
            ..Finding::new(rule, level, places, (old, new), sentence)
        });
    }

    fn put(&mut self, finding: Finding) {
        let key = (
            finding.new.file.clone(),
            finding.new.line,
            finding.new.pointer.clone(),
            finding.rule.id,
            finding.fingerprint.clone(),
        );
        match self.0.get_mut(&key) {
            Some(known) if known.level >= finding.level => {}
            _ => drop(self.0.insert(key, finding)),
        }
    }

    /// By file, line and pointer.
    pub(crate) fn finish(self) -> Vec<Finding> {
        self.0.into_values().collect()
    }
}

/// Collects findings about the values of two bundles.
pub(crate) struct Writer<'a> {
    old: &'a Bundle,
    new: &'a Bundle,
    findings: Findings,
}

/// One side of a finding.
pub(crate) type Side = (NodeId, Option<String>);

impl<'a> Writer<'a> {
    pub(crate) fn new(old: &'a Bundle, new: &'a Bundle) -> Self {
        Self {
            old,
            new,
            findings: Findings::default(),
        }
    }

    /// Writes a finding down, as [`Findings::add`] does.
    pub(crate) fn add(
        &mut self,
        rule: &'static Rule,
        old: Side,
        new: Side,
        what: &str,
        most: Level,
    ) {
        let place = |bundle: &Bundle, id: NodeId| Place {
            file: bundle.arena.file(id).to_owned(),
            line: bundle.arena.line(id),
            pointer: bundle.arena.pointer(id),
        };
        let places = (place(self.old, old.0), place(self.new, new.0));
        self.findings.add(rule, places, (old.1, new.1), what, most);
    }

    /// Writes down what changed in a schema. `context` says where the schema is used.
    pub(crate) fn schema(
        &mut self,
        raw: &Raw,
        surface: Surface,
        direction: Direction,
        context: &str,
        most: Level,
    ) {
        let rule = raw.change.rule(surface, direction);
        let subject = if raw.subject.is_empty() {
            String::new()
        } else {
            format!(" (`{}`)", super::document::shortened(&raw.subject, 60))
        };
        let context = if context.is_empty() {
            String::new()
        } else {
            format!("{context}: ")
        };
        let what = format!("{context}{}{subject}", rule.line);
        let old = (raw.old, raw.old_text.clone());
        let new = (raw.new, raw.new_text.clone());
        self.add(rule, old, new, &what, most);
    }

    /// By file, line and pointer.
    pub(crate) fn finish(self) -> Vec<Finding> {
        self.findings.finish()
    }
}

/// What stood and stands there, unless it was said already.
fn values(what: &str, old: &Option<String>, new: &Option<String>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!(": {old} before, {new} after"),
        (Some(it), None) | (None, Some(it)) if what.starts_with(it.as_str()) => String::new(),
        (Some(old), None) => format!(": {old} before"),
        (None, Some(new)) => format!(": {new} after"),
        (None, None) => String::new(),
    }
}

/// What a client of the old contract sees.
fn effect(rule: &Rule) -> &'static str {
    use super::rule::Certainty::{CannotTell, MayBreak, Proved};
    match (rule.level, rule.certainty, rule.direction) {
        (Level::Major, Proved, Direction::WeRead) => {
            "a client that sends what was accepted before is refused"
        }
        (Level::Major, MayBreak, Direction::WeRead) => {
            "a client that sends what was accepted before may be refused or not understood"
        }
        (Level::Major, Proved, Direction::OthersRead) => {
            "a client gets something that the old contract ruled out"
        }
        (Level::Major, MayBreak, Direction::OthersRead) => {
            "a client may get something that it is not ready for, or miss something that it uses"
        }
        (Level::Major, Proved, Direction::Both) => "a client that uses it fails",
        (Level::Major, MayBreak, Direction::Both) => "a client that uses it may fail",
        (_, CannotTell, _) => "whether a client notices cannot be told from the contract",
        (Level::Minor, ..) => "clients can go on as before",
        _ => "no client notices",
    }
}
