//! The meaning of a schema as lines of text, and how two of them differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use switchback_model::Digest;

mod lines;
mod order;

/// What a line of a schema's meaning says something about. In the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A role and whose member it is.
    Role,
    /// A setting of the database or of a role in it.
    Setting,
    /// A schema.
    Schema,
    /// An extension.
    Extension,
    /// A type: an enum, domain, composite, range or base type.
    Type,
    /// A sequence.
    Sequence,
    /// A table, without its columns.
    Table,
    /// A column.
    Column,
    /// The order of a table's columns.
    ColumnOrder,
    /// A constraint of a table or domain.
    Constraint,
    /// An index.
    Index,
    /// A view or materialized view.
    View,
    /// A function or procedure.
    Routine,
    /// An aggregate.
    Aggregate,
    /// An operator, operator class or operator family.
    Operator,
    /// A trigger.
    Trigger,
    /// An event trigger.
    EventTrigger,
    /// A rule.
    Rule,
    /// A policy for rows.
    Policy,
    /// Extended statistics.
    Statistics,
    /// A cast, transform, collation, conversion, language or access method.
    Language,
    /// A part of full text search.
    TextSearch,
    /// A foreign-data wrapper, foreign server or user mapping.
    Foreign,
    /// A publication.
    Publication,
    /// A subscription.
    Subscription,
    /// The owner of something, where that is not who runs the rehearsal.
    Owner,
    /// Privileges, where they are not those that everything has from the start.
    Grant,
    /// Privileges that things to come will have.
    DefaultPrivilege,
    /// A comment or security label.
    Comment,
}

/// One property of a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// What it is about.
    pub kind: Kind,
    /// Its name, in the form of SQL, such as `public.users.email`; one line has it.
    pub name: String,
    /// The name of the line that it goes with, such as that of the table; empty where there is none.
    pub of: String,
    /// What it says, such as `column public.users.email text not null`. The definition of a view or
    /// function has its own line breaks.
    pub text: String,
}

/// What a schema means: equal ones behave in the same way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meaning {
    /// In order and without repetition.
    lines: Vec<Line>,
}

/// Something that two schemas differ in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was there before.
    pub before: Option<Line>,
    /// What is there now.
    pub after: Option<Line>,
    /// How many further lines are missing or too many because this one is: the columns of a missing
    /// table.
    pub inside: usize,
}

/// In what way two schemas differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// It is not there any more.
    Missing,
    /// It was not there before.
    Extra,
    /// It is another one.
    Changed,
    /// The same columns stand in another order, which only programs notice that do not name them.
    ColumnOrder,
}

impl Meaning {
    /// The meaning with these lines, in any order.
    pub fn new(mut lines: Vec<Line>) -> Self {
        lines.sort();
        lines.dedup();
        Self { lines }
    }

    /// The lines, in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// A digest that is equal where the lines are.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        for line in &self.lines {
            // With their lengths, so that no two lists have the same bytes.
            for part in [&line.name, &line.text] {
                bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        Digest::of(&bytes)
    }

    /// In what `after` differs, in the order of the lines.
    ///
    /// What goes with something that is missing or too many is only counted. The order of columns
    /// is compared for those that are in both.
    pub fn differences(&self, after: &Meaning) -> Vec<Difference> {
        if self == after {
            return Vec::new();
        }
        let (old, new) = (self.by_key(), after.by_key());
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        let mut found: Vec<Difference> = Vec::new();
        for key in keys {
            let (before, after) = (old.get(&key).copied(), new.get(&key).copied());
            let differ = match (before, after) {
                (Some(one), Some(other)) if one.kind == Kind::ColumnOrder => {
                    common_order(one, &new) != common_order(other, &old)
                }
                // One of them has no such table, which is said already.
                _ if key.0 == Kind::ColumnOrder => false,
                _ => before.map(|line| &line.text) != after.map(|line| &line.text),
            };
            if differ {
                found.push(Difference {
                    before: before.cloned(),
                    after: after.cloned(),
                    inside: 0,
                });
            }
        }
        collapsed(found)
    }

    fn by_key(&self) -> BTreeMap<(Kind, &str), &Line> {
        // A repeated name loses nothing: an object of that name is there in any case.
        self.lines
            .iter()
            .map(|line| ((line.kind, line.name.as_str()), line))
            .collect()
    }
}

/// The columns of an order that the other schema has too.
fn common_order<'a>(line: &'a Line, other: &BTreeMap<(Kind, &str), &Line>) -> Vec<&'a str> {
    columns(line)
        .filter(|column| {
            let name = format!("{}.{column}", line.of);
            other.contains_key(&(Kind::Column, name.as_str()))
        })
        .collect()
}

/// The columns in the line of an order, one a line after the first.
fn columns(line: &Line) -> impl Iterator<Item = &str> {
    line.text.lines().skip(1).map(str::trim)
}

/// Without what goes with something that is itself missing or too many.
fn collapsed(found: Vec<Difference>) -> Vec<Difference> {
    let parents = [
        Kind::Schema,
        Kind::Type,
        Kind::Sequence,
        Kind::Table,
        Kind::Column,
        Kind::View,
        Kind::Routine,
        Kind::Foreign,
    ];
    let is_parent = |it: &Difference| parents.contains(&it.line().kind);
    let whole: BTreeMap<(DifferenceKind, String), String> = found
        .iter()
        .filter(|it| it.kind() != DifferenceKind::Changed && is_parent(it))
        .map(|it| ((it.kind(), it.line().name.clone()), it.line().of.clone()))
        .collect();
    // The outermost of what a line goes with, if that is missing or too many too.
    let root = |it: &Difference| -> Option<(DifferenceKind, String)> {
        let kind = it.kind();
        let mut found = None;
        let (mut name, mut of) = (&it.line().name, &it.line().of);
        // A chain of three is the longest: comment, column, table, schema.
        for _ in 0..8 {
            let key = (kind, of.clone());
            if of.is_empty() || of == name || !whole.contains_key(&key) {
                break;
            }
            name = of;
            of = whole.get(&key)?;
            found = Some(key);
        }
        found
    };
    let mut inside: BTreeMap<(DifferenceKind, String), usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for it in found {
        match root(&it) {
            Some(root) => *inside.entry(root).or_default() += 1,
            None => kept.push(it),
        }
    }
    for it in kept.iter_mut().filter(|it| is_parent(it)) {
        let key = (it.kind(), it.line().name.clone());
        // The first of that name, which is the thing itself.
        it.inside = inside.remove(&key).unwrap_or_default();
    }
    kept
}

impl Difference {
    /// In what way.
    pub fn kind(&self) -> DifferenceKind {
        match (&self.before, &self.after) {
            (Some(line), Some(_)) if line.kind == Kind::ColumnOrder => DifferenceKind::ColumnOrder,
            (Some(_), Some(_)) => DifferenceKind::Changed,
            (Some(_), None) => DifferenceKind::Missing,
            (None, _) => DifferenceKind::Extra,
        }
    }

    /// The line that differs: as it was, or as it is where it was not.
    pub fn line(&self) -> &Line {
        const NOTHING: &Line = &Line {
            kind: Kind::Comment,
            name: String::new(),
            of: String::new(),
            text: String::new(),
        };
        self.before
            .as_ref()
            .or(self.after.as_ref())
            .unwrap_or(NOTHING)
    }

    /// What people are shown: lines that begin with `- ` for what was, with `+ ` for what is, and
    /// with two blanks for what helps to find the place. Of a long definition only what changed.
    pub fn shown(&self) -> Vec<String> {
        if let (DifferenceKind::ColumnOrder, Some(one), Some(other)) =
            (self.kind(), &self.before, &self.after)
        {
            return order::shown(one, other);
        }
        let lines = |line: &'_ Option<Line>| -> Vec<String> {
            let text = line.as_ref().map(|line| line.text.as_str());
            let lines = text.unwrap_or_default().lines();
            lines.map(str::to_owned).collect()
        };
        let (old, new) = (lines(&self.before), lines(&self.after));
        let mut shown = Vec::new();
        match (old.first(), new.first()) {
            // What it is about.
            (Some(one), Some(other)) if one == other => shown.push(format!("  {one}")),
            _ => {}
        }
        let old: Vec<&str> = old.iter().map(String::as_str).collect();
        let new: Vec<&str> = new.iter().map(String::as_str).collect();
        shown.extend(lines::differing(&old, &new));
        if let (1.., Some(last)) = (self.inside, shown.last_mut()) {
            last.push_str(&format!(" (and {} more that go with it)", self.inside));
        }
        shown
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown().join("\n"))
    }
}

#[cfg(test)]
mod tests;
