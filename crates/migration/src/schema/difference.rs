//! In what two schemas differ.

mod text;

use std::fmt;
use std::sync::Arc;

use super::misfit::noun;
use super::{Column, Constraint, Index, Relation, RelationKind, Schema, Type};
use crate::sql::ir::{Name, Object};
use crate::sql::plain;
use text::{constraint_text, domain, generated, index_text, or_nothing, partition_text, type_text};

/// One thing in which a schema is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It was there and is not any more.
    Missing(Thing),
    /// It was not there and is now.
    LeftOver(Thing),
    /// It is another way.
    Changed {
        /// What.
        thing: Thing,
        /// In which way.
        aspect: Aspect,
        /// How it was, as people read it.
        before: String,
        /// How it is.
        after: String,
    },
}

/// Something in a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    /// What it is.
    pub object: Object,
    /// Its name, in full where it has a schema.
    pub name: Name,
    /// What it is a part of: the table of a column, a constraint, a trigger.
    pub of: Option<Name>,
}

/// In which way something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// What kind of thing it is.
    Kind,
    /// Its type.
    Type,
    /// Its collation.
    Collation,
    /// Whether it can be null.
    Null,
    /// Its default.
    Default,
    /// How it is generated.
    Generated,
    /// What it says, of a constraint, an index, a view.
    Definition,
    /// Whether existing rows are known to obey, or whether it can be used.
    Validity,
    /// Whether it survives a crash.
    Persistence,
    /// Of what it is a partition, and how it is partitioned.
    Partition,
    /// What it inherits from.
    Parents,
    /// With what it goes.
    Owner,
    /// Where it is stored.
    Storage,
    /// The values of an enum.
    Values,
    /// What a function promises.
    Volatility,
}

impl Schema {
    /// In what `other` is not as this one: what is missing there, left over there, or changed. The
    /// order of columns does not count, because a column that was dropped comes back as the last, nor
    /// do rows, sizes, units and settings of the session.
    pub fn difference(&self, other: &Schema) -> Vec<Difference> {
        let mut found = Found::default();
        for (name, before, after) in paired(
            self.namespaces.iter().map(|it| (it.clone(), ())).collect(),
            other.namespaces.iter().map(|it| (it.clone(), ())).collect(),
        ) {
            found.presence(
                Object::Schema,
                Name::plain(name),
                None,
                before.is_some(),
                after.is_some(),
            );
        }
        for (name, before, after) in paired(
            self.extensions.iter().map(|it| (it.clone(), ())).collect(),
            other.extensions.iter().map(|it| (it.clone(), ())).collect(),
        ) {
            found.presence(
                Object::Extension,
                Name::plain(name),
                None,
                before.is_some(),
                after.is_some(),
            );
        }
        for (name, before, after) in self.types.unlike(&other.types) {
            found.of_type(name, before.map(AsRef::as_ref), after.map(AsRef::as_ref));
        }
        for (name, before, after) in self.relations.unlike(&other.relations) {
            if lasts(name) {
                found.of_relation(name, before.map(AsRef::as_ref), after.map(AsRef::as_ref));
            }
        }
        // The index of a constraint is said with it.
        let own = |it: &&Arc<Index>| it.constraint.is_none();
        for (name, before, after) in self.indexes.unlike(&other.indexes) {
            if lasts(name) {
                let (before, after) = (before.filter(own), after.filter(own));
                found.of_index(name, before.map(AsRef::as_ref), after.map(AsRef::as_ref));
            }
        }
        for (name, before, after) in self.functions.unlike(&other.functions) {
            if !lasts(name) {
                continue;
            }
            found.presence(
                Object::Function,
                name.clone(),
                None,
                before.is_some(),
                after.is_some(),
            );
            if let (Some(before), Some(after)) = (before, after) {
                let word = |it| format!("{it:?}").to_uppercase();
                found.changed(
                    Object::Function,
                    name,
                    None,
                    Aspect::Volatility,
                    word(before),
                    word(after),
                );
            }
        }
        found.all
    }
}

/// Whether something outlives its session.
fn lasts(name: &Name) -> bool {
    name.schema.as_deref() != Some(super::things::TEMPORARY)
}

/// Whether a relation is known only from a statement that needed it.
fn is_made_up(relation: &Relation) -> bool {
    relation.partial && relation.made_in == 0
}

/// Two sorted lists side by side.
fn paired<K: Ord + Clone, V>(
    before: Vec<(K, V)>,
    after: Vec<(K, V)>,
) -> Vec<(K, Option<V>, Option<V>)> {
    let mut all: std::collections::BTreeMap<K, (Option<V>, Option<V>)> =
        std::collections::BTreeMap::new();
    for (key, value) in before {
        all.entry(key).or_insert((None, None)).0 = Some(value);
    }
    for (key, value) in after {
        all.entry(key).or_insert((None, None)).1 = Some(value);
    }
    all.into_iter()
        .map(|(key, (before, after))| (key, before, after))
        .collect()
}

#[derive(Default)]
struct Found {
    all: Vec<Difference>,
}

impl Found {
    /// Says if something is on one side only. Whether it is on both.
    fn presence(
        &mut self,
        object: Object,
        name: Name,
        of: Option<&Name>,
        before: bool,
        after: bool,
    ) -> bool {
        let of = of.cloned();
        let thing = Thing { object, name, of };
        match (before, after) {
            (true, false) => self.all.push(Difference::Missing(thing)),
            (false, true) => self.all.push(Difference::LeftOver(thing)),
            _ => return before,
        }
        false
    }

    fn changed(
        &mut self,
        object: Object,
        name: &Name,
        of: Option<&Name>,
        aspect: Aspect,
        before: String,
        after: String,
    ) {
        if before != after {
            let thing = Thing {
                object,
                name: name.clone(),
                of: of.cloned(),
            };
            self.all.push(Difference::Changed {
                thing,
                aspect,
                before,
                after,
            });
        }
    }

    fn of_type(&mut self, name: &Name, before: Option<&Type>, after: Option<&Type>) {
        let object = before
            .or(after)
            .map_or(Object::Type, super::fold::object_of_type);
        let both = self.presence(
            object,
            name.clone(),
            None,
            before.is_some(),
            after.is_some(),
        );
        let (true, Some(before), Some(after)) = (both, before, after) else {
            return;
        };
        match (before, after) {
            (Type::Enum { values: one, .. }, Type::Enum { values: two, .. }) => {
                self.changed(
                    object,
                    name,
                    None,
                    Aspect::Values,
                    one.join(", "),
                    two.join(", "),
                );
            }
            (Type::Domain { .. }, Type::Domain { .. }) => {
                self.changed(
                    object,
                    name,
                    None,
                    Aspect::Definition,
                    domain(before),
                    domain(after),
                );
            }
            (Type::Composite { attributes: one }, Type::Composite { attributes: two }) => {
                let list = |all: &[Column]| {
                    let all: Vec<String> = all
                        .iter()
                        .map(|it| {
                            format!(
                                "{} {}",
                                Name::plain(&it.name),
                                type_text(it.type_name.as_ref())
                            )
                        })
                        .collect();
                    all.join(", ")
                };
                self.changed(object, name, None, Aspect::Definition, list(one), list(two));
            }
            (Type::Other, Type::Other) => {}
            _ => {
                let word = |it: &Type| noun(super::fold::object_of_type(it)).to_owned();
                let (before, mut after) = (word(before), word(after));
                if before == after {
                    after.insert_str(0, "another kind of ");
                }
                self.changed(object, name, None, Aspect::Kind, before, after);
            }
        }
    }

    fn of_relation(&mut self, name: &Name, before: Option<&Relation>, after: Option<&Relation>) {
        if [before, after].into_iter().flatten().any(is_made_up) {
            return;
        }
        let object = before
            .or(after)
            .map_or(Object::Table, |it| super::fold::object_of(it.kind));
        let both = self.presence(
            object,
            name.clone(),
            None,
            before.is_some(),
            after.is_some(),
        );
        let (true, Some(before), Some(after)) = (both, before, after) else {
            return;
        };
        let kinds = [before, after].map(|it| super::fold::object_of(it.kind));
        if kinds[0] != kinds[1] {
            let [one, two] = kinds.map(|it| noun(it).to_owned());
            self.changed(object, name, None, Aspect::Kind, one, two);
            return;
        }
        self.aspects(object, name, before, after);
        if !before.partial && !after.partial {
            self.columns(name, before, after);
        }
        let named = |it: &Relation| -> Vec<(String, Constraint)> {
            // A `NOT NULL` that holds is said with its column.
            let own = it.constraints.iter().filter(|it| {
                !(it.valid && matches!(it.kind, crate::sql::ir::ConstraintKind::NotNull { .. }))
            });
            own.map(|it| (it.name.clone(), it.clone())).collect()
        };
        for (part, one, two) in paired(named(before), named(after)) {
            let part = Name::plain(part);
            let object = Object::Constraint;
            if self.presence(
                object,
                part.clone(),
                Some(name),
                one.is_some(),
                two.is_some(),
            ) && let (Some(one), Some(two)) = (one, two)
            {
                let text = constraint_text;
                self.changed(
                    object,
                    &part,
                    Some(name),
                    Aspect::Definition,
                    text(&one),
                    text(&two),
                );
                let word = |it: &Constraint| match (it.enforced, it.valid) {
                    (false, _) => "not enforced".to_owned(),
                    (true, false) => "not valid".to_owned(),
                    (true, true) => "valid".to_owned(),
                };
                self.changed(
                    object,
                    &part,
                    Some(name),
                    Aspect::Validity,
                    word(&one),
                    word(&two),
                );
            }
        }
        let lists = [
            (Object::Trigger, &before.triggers, &after.triggers),
            (Object::Policy, &before.policies, &after.policies),
            (Object::Rule, &before.rules, &after.rules),
        ];
        for (object, one, two) in lists {
            let list = |all: &[String]| all.iter().map(|it| (it.clone(), ())).collect();
            for (part, one, two) in paired(list(one), list(two)) {
                self.presence(
                    object,
                    Name::plain(part),
                    Some(name),
                    one.is_some(),
                    two.is_some(),
                );
            }
        }
    }

    fn aspects(&mut self, object: Object, name: &Name, before: &Relation, after: &Relation) {
        let kept = |it: &Relation| match it.kind {
            RelationKind::Table { logged: false, .. } => "UNLOGGED".to_owned(),
            _ => "LOGGED".to_owned(),
        };
        let names = |all: &[Name]| {
            let mut all: Vec<String> = all.iter().map(Name::to_string).collect();
            all.sort();
            or_nothing(all.join(", "))
        };
        let place = |it: &Relation| {
            let parts = [&it.tablespace, &it.access_method];
            let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
            or_nothing(parts.join(", "))
        };
        let owner = |it: &Relation| {
            let owner = it.owned_by.as_ref();
            or_nothing(
                owner
                    .map(|(of, at)| format!("{of}.{}", Name::plain(at)))
                    .unwrap_or_default(),
            )
        };
        let reads = |it: &Relation| {
            let mut columns = it.reads_columns.clone();
            columns.sort();
            format!("{} ({})", names(&it.reads), columns.join(", "))
        };
        let all = [
            (Aspect::Persistence, kept(before), kept(after)),
            (
                Aspect::Parents,
                names(&before.inherits),
                names(&after.inherits),
            ),
            (
                Aspect::Partition,
                partition_text(before),
                partition_text(after),
            ),
            (Aspect::Storage, place(before), place(after)),
            (Aspect::Owner, owner(before), owner(after)),
            (Aspect::Definition, reads(before), reads(after)),
        ];
        for (aspect, before, after) in all {
            self.changed(object, name, None, aspect, before, after);
        }
    }

    fn columns(&mut self, table: &Name, before: &Relation, after: &Relation) {
        let named = |it: &Relation| -> Vec<(String, Column)> {
            it.columns
                .iter()
                .map(|it| (it.name.clone(), it.clone()))
                .collect()
        };
        for (column, one, two) in paired(named(before), named(after)) {
            let column = Name::plain(column);
            let object = Object::Column;
            if !self.presence(
                object,
                column.clone(),
                Some(table),
                one.is_some(),
                two.is_some(),
            ) {
                continue;
            }
            let (Some(one), Some(two)) = (one, two) else {
                continue;
            };
            let collation = |it: &Column| {
                // A server says the schema where a statement does not.
                let name = it.collation.as_ref().map(|it| it.name.clone());
                or_nothing(name.unwrap_or_default())
            };
            let null = |it: &Column| if it.not_null { "NOT NULL" } else { "nullable" }.to_owned();
            let default = |it: &Column| {
                let said = it.default.as_ref().filter(|it| !it.is_null());
                or_nothing(said.map(|it| plain(&it.text)).unwrap_or_default())
            };
            let types = [&one, &two].map(|it| it.type_name.as_ref());
            let mut all = vec![
                (Aspect::Collation, collation(&one), collation(&two)),
                (Aspect::Null, null(&one), null(&two)),
                (Aspect::Default, default(&one), default(&two)),
                (Aspect::Generated, generated(&one), generated(&two)),
            ];
            // A type that is not known is not another one.
            if let [Some(before), Some(after)] = types {
                let types = (type_text(Some(before)), type_text(Some(after)));
                all.insert(0, (Aspect::Type, types.0, types.1));
            }
            for (aspect, before, after) in all {
                self.changed(object, &column, Some(table), aspect, before, after);
            }
        }
    }

    fn of_index(&mut self, name: &Name, before: Option<&Index>, after: Option<&Index>) {
        let both = self.presence(
            Object::Index,
            name.clone(),
            None,
            before.is_some(),
            after.is_some(),
        );
        if let (true, Some(before), Some(after)) = (both, before, after) {
            let object = Object::Index;
            self.changed(
                object,
                name,
                None,
                Aspect::Definition,
                index_text(before),
                index_text(after),
            );
            let word = |it: &Index| if it.valid { "valid" } else { "invalid" }.to_owned();
            self.changed(
                object,
                name,
                None,
                Aspect::Validity,
                word(before),
                word(after),
            );
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} {}", noun(self.object), self.name)?;
        match &self.of {
            Some(of) => write!(f, " of {of}"),
            None => Ok(()),
        }
    }
}

impl Aspect {
    /// As a noun: `type`, `default`.
    pub const fn noun(self) -> &'static str {
        match self {
            Aspect::Kind => "kind",
            Aspect::Type => "type",
            Aspect::Collation => "collation",
            Aspect::Null => "nullability",
            Aspect::Default => "default",
            Aspect::Generated => "generation",
            Aspect::Definition => "definition",
            Aspect::Validity => "validity",
            Aspect::Persistence => "persistence",
            Aspect::Partition => "partitioning",
            Aspect::Parents => "parents",
            Aspect::Owner => "owner",
            Aspect::Storage => "storage",
            Aspect::Values => "values",
            Aspect::Volatility => "volatility",
        }
    }
}

impl fmt::Display for Difference {
    /// As a clause: `the index public.t_a_idx is missing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Missing(thing) => write!(f, "{thing} is missing"),
            Difference::LeftOver(thing) => write!(f, "{thing} is left over"),
            Difference::Changed {
                thing,
                aspect,
                before,
                after,
            } => write!(
                f,
                "the {} of {thing} is {after}, and was {before}",
                aspect.noun()
            ),
        }
    }
}

#[cfg(test)]
mod tests;
