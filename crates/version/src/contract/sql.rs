//! The schema of a database: what changed for those who read from it and write to it with other code
//! than ours, such as other services, reports, and older versions of the application.
//!
//! It is compared as a whole: how it came to be, in which order its parts are declared, comments and
//! plain indexes make no difference. Things are the same by their names; where one is gone and a new
//! one is like it in everything, that is said as one change.
//!
//! What could not be read ([`Unread`]) casts doubt on what it may have done: what is found there is
//! [`Certainty::CannotTell`]. If everything up to it stands in both states, it has done the same in
//! both, and only what it names is in doubt.
//!
//! What is deliberately absent: SQL itself. Whoever knows it makes a [`Schema`] of texts.

pub(crate) mod rules;

mod align;
mod columns;
mod constraints;
mod kinds;
mod made;
mod model;
mod relations;

use std::collections::{BTreeMap, BTreeSet};

pub use self::model::{
    Base, Check, Column, Constraint, Demand, Fill, Key, Kind, Name, Relation, Schema, Type, TypeOf,
    Unread, quoted, words,
};
use super::document::shortened;
use super::finding::{Finding, Place};
use super::report::Findings;
use super::rule::{Certainty, Direction, Rule, Surface};
use super::{Options, Stability, whole};
use crate::Level;

/// The most bytes of a value that are shown.
const LONGEST: usize = 200;

/// A state of a schema.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    /// The contract: a file, a folder, a pattern.
    pub root: &'a str,
    /// What it holds.
    pub schema: &'a Schema,
}

/// What changed from one state of a schema to another, where it may have been made or removed. Both
/// ways if nobody says who reads: others do both.
pub fn diff_if_there(
    old: Option<State<'_>>,
    new: Option<State<'_>>,
    options: &Options<'_>,
) -> Vec<Finding> {
    match (old, new) {
        (Some(old), Some(new)) => diff(old, new, options),
        (Some(old), None) => vec![whole::removed(Surface::Sql, old.root)],
        (None, Some(new)) => vec![whole::added(Surface::Sql, new.root)],
        (None, None) => Vec::new(),
    }
}

/// What changed from one state of a schema to another.
pub fn diff(old: State<'_>, new: State<'_>, options: &Options<'_>) -> Vec<Finding> {
    let marks =
        |it: &Schema| -> BTreeSet<String> { it.unread.iter().map(|it| it.mark.clone()).collect() };
    let (was, is) = (marks(old.schema), marks(new.schema));
    let mut comparison = Comparison {
        old: old.schema,
        new: new.schema,
        roots: (old.root, new.root),
        options,
        shared: was.intersection(&is).cloned().collect(),
        names: BTreeMap::new(),
        columns: BTreeMap::new(),
        homes: BTreeMap::new(),
        findings: Findings::default(),
    };
    comparison.unread();
    comparison.namespaces();
    comparison.extensions();
    comparison.made_types();
    comparison.relations();
    comparison.functions();
    comparison.finish()
}

/// Something that a finding is about.
#[derive(Debug, Clone)]
struct Thing {
    pointer: String,
    /// What it is a part of; empty for what is part of nothing.
    home: String,
    /// By which names a statement would have to call it.
    names: Vec<String>,
    /// Whether it is only partly known what it is or belongs to.
    partial: bool,
}

impl Thing {
    fn of(name: &Name) -> Self {
        Self {
            pointer: name.to_string(),
            home: String::new(),
            names: vec![name.name.clone()],
            partial: false,
        }
    }

    fn called(pointer: String, name: &str) -> Self {
        Self {
            pointer,
            home: String::new(),
            names: vec![name.to_owned()],
            partial: false,
        }
    }

    /// A part of it.
    fn part(&self, pointer: String) -> Self {
        Self {
            pointer,
            home: self.pointer.clone(),
            ..self.clone()
        }
    }
}

struct Comparison<'a> {
    old: &'a Schema,
    new: &'a Schema,
    roots: (&'a str, &'a str),
    options: &'a Options<'a>,
    /// The marks of what was not understood and has done the same in both.
    shared: BTreeSet<String>,
    /// What relations and types are called now, by their old names, where that is another one.
    names: BTreeMap<Name, Name>,
    /// What columns are called now, by the name that their table has now.
    columns: BTreeMap<Name, columns::Renamed>,
    /// What things that findings are about are parts of, by their pointers.
    homes: BTreeMap<String, String>,
    findings: Findings,
}

impl<'a> Comparison<'a> {
    /// Writes a finding down, with what stood and stands there.
    fn say(
        &mut self,
        rule: &'static Rule,
        thing: &Thing,
        old: Option<String>,
        new: Option<String>,
    ) {
        let asked = match self.options.direction {
            None | Some(Direction::Both) => true,
            Some(direction) => {
                matches!(rule.direction, Direction::Both) || rule.direction == direction
            }
        };
        if !asked {
            return;
        }
        self.homes.insert(thing.pointer.clone(), thing.home.clone());
        let place = |file: &str| Place {
            file: file.to_owned(),
            line: 1,
            pointer: thing.pointer.clone(),
        };
        // A fingerprint is made from the contract and not from the migration that was the last one.
        let places = (place(self.roots.0), place(self.roots.1));
        let short = |it: Option<String>| it.map(|it| shortened(&it, LONGEST));
        let values = (short(old), short(new));
        let what = format!("`{}`: {}", shortened(&thing.pointer, LONGEST), rule.line);
        let most = self.most(&thing.pointer);
        match self
            .doubt(thing)
            .filter(|_| rule.certainty > Certainty::CannotTell)
        {
            None => self.findings.add(rule, places, values, &what, most),
            Some(why) => self
                .findings
                .add_doubted(rule, places, values, (&what, &why), most),
        }
    }

    /// The highest level that counts for something, by the beginning of its full name.
    fn most(&self, pointer: &str) -> Level {
        let kinds = ["function ", "schema ", "extension "];
        let mut names = kinds.iter().filter_map(|it| pointer.strip_prefix(it));
        let pointer = names.next().unwrap_or(pointer);
        let named = self.options.stability.iter();
        let named = named.filter(|(start, _)| pointer.starts_with(start.as_str()));
        let longest = named.max_by_key(|(start, _)| start.len());
        longest.map_or(Stability::Stable, |(_, it)| *it).most()
    }

    /// Why nobody can tell what became of something.
    fn doubt(&self, thing: &Thing) -> Option<String> {
        let touches = |it: &&Unread| {
            let anything = it.anything && !self.shared.contains(&it.mark);
            anything || thing.names.iter().any(|name| it.says(name))
        };
        let both = self.old.unread.iter().chain(&self.new.unread);
        if let Some(unread) = both.into_iter().find(touches) {
            let Unread {
                file, line, what, ..
            } = unread;
            return Some(format!("{file}:{line} was not understood ({what})"));
        }
        thing
            .partial
            .then(|| "not all of what it belongs to is known".to_owned())
    }

    /// What is not understood on one side only.
    fn unread(&mut self) {
        let gone = left_over(&self.old.unread, &self.new.unread).into_iter();
        let come = left_over(&self.new.unread, &self.old.unread).into_iter();
        let gone = gone.map(|it| (it, "a statement that is gone was not understood"));
        for (one, what) in gone.chain(come.map(|it| (it, rules::NOT_READ.line))) {
            let place = |file: &str| Place {
                file: file.to_owned(),
                line: 1,
                pointer: statement(one),
            };
            let places = (place(self.roots.0), place(self.roots.1));
            let what = format!("{what} ({})", shortened(&one.what, LONGEST));
            self.findings
                .add(&rules::NOT_READ, places, (None, None), &what, Level::Major);
        }
    }

    fn namespaces(&mut self) {
        let (was, is) = (&self.old.namespaces, &self.new.namespaces);
        for name in was.difference(is) {
            let thing = Thing::called(Schema::namespace(name), name);
            self.say(&rules::SCHEMA_REMOVED, &thing, None, None);
        }
        for name in is.difference(was) {
            let thing = Thing::called(Schema::namespace(name), name);
            self.say(&rules::SCHEMA_ADDED, &thing, None, None);
        }
    }

    fn extensions(&mut self) {
        let (was, is) = (&self.old.extensions, &self.new.extensions);
        for name in was.difference(is) {
            let thing = Thing::called(Schema::extension(name), name);
            self.say(&rules::EXTENSION_REMOVED, &thing, None, None);
        }
        for name in is.difference(was) {
            let thing = Thing::called(Schema::extension(name), name);
            self.say(&rules::EXTENSION_ADDED, &thing, None, None);
        }
    }

    fn functions(&mut self) {
        let (was, is) = (&self.old.functions, &self.new.functions);
        for name in was.difference(is) {
            if self.stays(&name.schema) {
                let thing = Thing::called(Schema::function(name), &name.name);
                self.say(&rules::FUNCTION_REMOVED, &thing, None, None);
            }
        }
        for name in is.difference(was) {
            if self.was_there(&name.schema) {
                let thing = Thing::called(Schema::function(name), &name.name);
                self.say(&rules::FUNCTION_ADDED, &thing, None, None);
            }
        }
    }

    /// Whether a schema is there still, so that what goes from it is worth a word of its own.
    fn stays(&self, namespace: &str) -> bool {
        let (was, is) = (&self.old.namespaces, &self.new.namespaces);
        !was.contains(namespace) || is.contains(namespace)
    }

    /// Whether a schema was there before.
    fn was_there(&self, namespace: &str) -> bool {
        let (was, is) = (&self.old.namespaces, &self.new.namespaces);
        was.contains(namespace) || !is.contains(namespace)
    }

    /// What something is called now.
    fn now(&self, name: &Name) -> Name {
        self.names.get(name).unwrap_or(name).clone()
    }

    /// A type, with the name that it has now.
    fn type_now(&self, of: &TypeOf) -> TypeOf {
        let mut of = of.clone();
        if let Base::Made(name) = &mut of.base {
            *name = self.now(name);
        }
        of
    }

    /// By file, line and pointer.
    fn finish(self) -> Vec<Finding> {
        let find = |schema: &Schema, pointer: &str| {
            let mut at = Some(pointer);
            while let Some(pointer) = at.filter(|it| !it.is_empty()) {
                if let Some(place) = schema.places.get(pointer) {
                    return place.clone();
                }
                at = self.homes.get(pointer).map(String::as_str);
            }
            schema.whole.clone()
        };
        let statements = |schema: &Schema| -> BTreeMap<String, (String, usize)> {
            let all = schema.unread.iter();
            all.map(|it| (statement(it), (it.file.clone(), it.line)))
                .collect()
        };
        let unread = (statements(self.old), statements(self.new));
        let place = |schema: &Schema, unread: &BTreeMap<_, _>, of: &mut Place| {
            let statement: Option<&(String, usize)> = unread.get(&of.pointer);
            let found = statement.cloned();
            (of.file, of.line) = found.unwrap_or_else(|| find(schema, &of.pointer));
        };
        let (old, new) = (self.old, self.new);
        let mut all = self.findings.finish();
        for finding in &mut all {
            place(old, &unread.0, &mut finding.old);
            place(new, &unread.1, &mut finding.new);
        }
        all.sort_by(|one, other| {
            let key = |it: &Finding| (it.new.clone(), it.rule.id, it.fingerprint.clone());
            key(one).cmp(&key(other))
        });
        all
    }
}

/// What one side has more of than the other: the same statement may be run again.
fn left_over<'a>(all: &'a [Unread], other: &[Unread]) -> Vec<&'a Unread> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for one in other {
        *known.entry(&one.id).or_default() += 1;
    }
    let more = all.iter().filter(|it| match known.get_mut(it.id.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    });
    more.collect()
}

/// The pointer of something that was not understood.
fn statement(unread: &Unread) -> String {
    let end = unread
        .id
        .char_indices()
        .nth(12)
        .map_or(unread.id.len(), |it| it.0);
    format!("statement {}", &unread.id[..end])
}
