//! Protobuf: what changed between two states of a set of `.proto` files.
//!
//! Three kinds of people notice different things, and the rules keep them apart: who exchanges the
//! binary form, which knows numbers and no names; who exchanges JSON, which knows names and no
//! numbers; whose code is generated. Fields are the same ones by their numbers, everything else by its
//! full name. In which file something stands, in which order, and what comments say makes no
//! difference.
//!
//! Proto2, proto3 and editions are compared alike, by the features that each declaration has
//! (`features`): a file that says the same in another of them has not changed.
//!
//! What is deliberately absent: options and features that somebody made up.

pub(crate) mod rules;

mod edition;
mod enums;
mod features;
mod fields;
mod file_options;
mod files;
mod kinds;
mod lines;
mod messages;
mod model;
mod oneofs;
mod read;
mod services;
mod sources;

use self::kinds::{Known, Sides};
use self::model::Model;
use super::bundle::Contract;
use super::document::Unreadable;
use super::finding::Place;
use super::report::Findings;
use super::rule::{Direction, Rule};
use super::{Finding, Options, Stability};
use crate::Level;

/// Compares two sets of files, both ways if nobody says who reads: who has a message reads and writes
/// it.
pub(super) fn diff(
    old: Contract<'_>,
    new: Contract<'_>,
    options: &Options<'_>,
) -> Result<Vec<Finding>, Unreadable> {
    let was = Model::of(&sources::read(old)?);
    let is = Model::of(&sources::read(new)?);
    let packages = files::packages(&was, &is);
    let renamed = files::renamed(&was, &packages);
    let mut comparison = Comparison {
        sides: Sides {
            old: &was,
            new: &is,
            renamed: &renamed,
            known: &Known::default(),
        },
        options,
        findings: Findings::default(),
    };
    comparison.files(&packages);
    comparison.messages();
    comparison.extensions();
    comparison.enums();
    comparison.services();
    Ok(comparison.findings.finish())
}

/// One side of a finding: where, and what stands there in short.
type Side<'a> = (&'a Place, Option<String>);

struct Comparison<'a> {
    sides: Sides<'a>,
    options: &'a Options<'a>,
    findings: Findings,
}

impl Comparison<'_> {
    /// Writes a finding down about something with a full name.
    fn say(&mut self, rule: &'static Rule, old: Side<'_>, new: Side<'_>, name: &str) {
        let asked = match self.options.direction {
            None | Some(Direction::Both) => true,
            Some(direction) => {
                matches!(rule.direction, Direction::Both) || rule.direction == direction
            }
        };
        if !asked {
            return;
        }
        let what = if name.is_empty() {
            rule.line.to_owned()
        } else {
            format!("`{name}`: {}", rule.line)
        };
        let places = (old.0.clone(), new.0.clone());
        let most = self.most(name);
        self.findings.add(rule, places, (old.1, new.1), &what, most);
    }

    /// The highest level that counts for something, by the beginning of its full name.
    fn most(&self, name: &str) -> Level {
        let named = self.options.stability.iter();
        let named = named.filter(|(start, _)| name.starts_with(start.as_str()));
        let longest = named.max_by_key(|(start, _)| start.len());
        longest.map_or(Stability::Stable, |(_, it)| *it).most()
    }
}

/// What something would belong to that one side does not have: a message that it is declared in, by
/// what that is called there, else the file in which the other side has it, else any.
fn home(model: &Model, name: &str, other: &Place) -> Place {
    let mut scope = name;
    while let Some((outer, _)) = scope.rsplit_once('.') {
        scope = outer;
        if let Some(message) = model.messages.get(scope) {
            return message.place.clone();
        }
    }
    let same = model.files.get(&other.file);
    let file = same.or_else(|| model.files.values().next());
    file.map_or_else(|| other.clone(), |it| it.place.clone())
}

/// Whether what something is declared in is on a list as well, so that it need not be.
fn within<T>(name: &str, listed: impl Fn(&str) -> Option<T>) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(scope, _)| listed(scope).is_some())
}
