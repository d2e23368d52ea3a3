//! Tables, views and sequences.

use super::align::pairs;
use super::model::{Kind, Name, Relation, Schema};
use super::{Comparison, Thing, rules};
use crate::contract::rule::Rule;

/// A relation in both states.
pub(super) struct Pair<'a> {
    /// What it was called.
    pub(super) old: &'a Name,
    pub(super) was: &'a Relation,
    pub(super) is: &'a Relation,
    /// What findings are about: by its name now.
    pub(super) thing: Thing,
    /// The same, before.
    pub(super) before: Thing,
    pub(super) new: &'a Name,
}

impl<'a> Pair<'a> {
    fn of(old: &'a Name, was: &'a Relation, new: &'a Name, is: &'a Relation) -> Self {
        let partial = was.partial || is.partial;
        let mut thing = Thing::of(new);
        thing.partial = partial;
        if old.name != new.name {
            thing.names.push(old.name.clone());
        }
        let before = Thing {
            pointer: old.to_string(),
            ..thing.clone()
        };
        Self {
            old,
            was,
            is,
            thing,
            before,
            new,
        }
    }

    /// A column, by its name now.
    pub(super) fn column(&self, name: &str) -> Thing {
        self.thing.part(Schema::table_part(self.new, name))
    }

    /// A column that is gone.
    pub(super) fn old_column(&self, name: &str) -> Thing {
        self.before.part(Schema::table_part(self.old, name))
    }

    pub(super) fn constraint(&self, name: &str) -> Thing {
        self.thing.part(Schema::constraint(self.new, name))
    }

    pub(super) fn old_constraint(&self, name: &str) -> Thing {
        self.before.part(Schema::constraint(self.old, name))
    }
}

impl<'a> Comparison<'a> {
    pub(super) fn relations(&mut self) {
        let (old, new) = (self.old, self.new);
        let counts = |it: &Relation| it.partition_of.is_none();
        let gone: Vec<&'a Name> = old
            .relations
            .keys()
            .filter(|it| !new.relations.contains_key(*it) && self.stays(&it.schema))
            .collect();
        let come: Vec<&'a Name> = new
            .relations
            .keys()
            .filter(|it| !old.relations.contains_key(*it) && self.was_there(&it.schema))
            .collect();
        let moved = pairs(&gone, &come, |was, is| {
            let (one, other) = (&old.relations[was], &new.relations[is]);
            was.name == is.name && one.kind == other.kind && counts(one) && counts(other)
        });
        let renamed = pairs(&gone, &come, |was, is| {
            let (one, other) = (&old.relations[was], &new.relations[is]);
            was.schema == is.schema
                && one.kind == other.kind
                && counts(one)
                && counts(other)
                && self.same_columns(one, other)
        });
        for (was, is) in moved.iter().chain(&renamed) {
            self.names.insert((*was).clone(), (*is).clone());
        }
        let mut both = Vec::new();
        for (was, is) in moved.iter().chain(&renamed) {
            let pair = Pair::of(was, &old.relations[*was], is, &new.relations[*is]);
            let rule = match (was.name == is.name, pair.is.kind.is_view()) {
                (true, _) => &rules::RELATION_MOVED,
                (false, false) => &rules::TABLE_RENAMED,
                (false, true) => &rules::VIEW_RENAMED,
            };
            let values = (Some(was.to_string()), Some(is.to_string()));
            self.say(rule, &pair.before, values.0, values.1);
            both.push(pair);
        }
        let paired = |it: &&Name| {
            let both = moved.iter().chain(&renamed);
            !both.clone().any(|(was, is)| was == it || is == it)
        };
        for name in gone.iter().copied().filter(paired) {
            self.gone(name, &old.relations[name]);
        }
        for name in come.iter().copied().filter(paired) {
            let relation = &new.relations[name];
            if !counts(relation) {
                continue;
            }
            let mut thing = Thing::of(name);
            thing.partial = relation.partial;
            let rule = match relation.kind {
                Kind::Table => &rules::TABLE_ADDED,
                Kind::View | Kind::Materialized => &rules::VIEW_ADDED,
                Kind::Sequence => &rules::SEQUENCE_ADDED,
            };
            self.say(rule, &thing, None, None);
        }
        for (name, was) in &old.relations {
            let Some((now, is)) = new.relations.get_key_value(name) else {
                continue;
            };
            // Partitions are as what they are parts of.
            if counts(was) || counts(is) {
                both.push(Pair::of(name, was, now, is));
            }
        }
        // What columns are called is known before what is said of them is compared.
        both.retain(|pair| self.shape(pair));
        for pair in &both {
            self.demands(pair);
        }
    }

    fn gone(&mut self, name: &Name, relation: &Relation) {
        let mut thing = Thing::of(name);
        thing.partial = relation.partial && relation.columns.is_empty();
        let rule: &'static Rule = match relation.kind {
            Kind::Table if relation.partition_of.is_some() => {
                let of = relation.partition_of.as_ref().map(ToString::to_string);
                return self.say(&rules::PARTITION_REMOVED, &thing, of, None);
            }
            Kind::Table => &rules::TABLE_REMOVED,
            Kind::View | Kind::Materialized => &rules::VIEW_REMOVED,
            Kind::Sequence => &rules::SEQUENCE_REMOVED,
        };
        self.say(rule, &thing, None, None);
    }

    /// Whether two relations have the same columns, of which there are any.
    fn same_columns(&self, one: &Relation, other: &Relation) -> bool {
        let known = !one.partial && !other.partial && !one.columns.is_empty();
        let as_many = one.columns.len() == other.columns.len();
        let mut both = one.columns.iter().zip(&other.columns);
        known
            && as_many
            && both.all(|(was, is)| {
                let type_now = was.type_of.as_ref().map(|it| self.type_now(it));
                was.name == is.name && type_now == is.type_of
            })
    }

    /// Compares what relations are and their columns. Whether they can be compared further.
    fn shape(&mut self, pair: &Pair<'_>) -> bool {
        let kinds = (pair.was.kind, pair.is.kind);
        let words = || Some(kinds.0.word().to_owned());
        let now = || Some(kinds.1.word().to_owned());
        match kinds {
            (Kind::Table, Kind::View | Kind::Materialized) => {
                self.say(&rules::TABLE_BECAME_VIEW, &pair.thing, words(), now());
            }
            (Kind::View | Kind::Materialized, Kind::Table) => {
                self.say(&rules::VIEW_BECAME_TABLE, &pair.thing, words(), now());
            }
            (one, other) if one == other => {}
            (one, other) if one.is_view() && other.is_view() => {
                self.say(&rules::VIEW_KIND, &pair.thing, words(), now());
            }
            _ => {
                self.say(&rules::KIND_CHANGED, &pair.thing, words(), now());
                return false;
            }
        }
        if kinds == (Kind::Table, Kind::Table) && pair.was.logged && !pair.is.logged {
            self.say(&rules::TABLE_UNLOGGED, &pair.thing, None, None);
        }
        let renamed = self.columns(pair);
        if !renamed.is_empty() {
            self.columns.insert(pair.new.clone(), renamed);
        }
        true
    }

    /// Compares what is demanded of rows, and what acts on them.
    fn demands(&mut self, pair: &Pair<'_>) {
        let kinds = (pair.was.kind, pair.is.kind);
        let renamed = self.columns.get(pair.new).cloned().unwrap_or_default();
        if kinds == (Kind::Table, Kind::Table) {
            self.keys(pair, &renamed);
            self.constraints(pair, &renamed);
        }
        if kinds.0.is_view() && kinds.1.is_view() {
            self.reads(pair);
        }
        let lists = [
            (&rules::TRIGGERS, &pair.was.triggers, &pair.is.triggers),
            (&rules::POLICIES, &pair.was.policies, &pair.is.policies),
        ];
        for (rule, was, is) in lists {
            if was != is {
                let list = |all: &std::collections::BTreeSet<String>| {
                    let all: Vec<String> = all.iter().map(|it| super::quoted(it)).collect();
                    (!all.is_empty()).then(|| all.join(", "))
                };
                self.say(rule, &pair.thing, list(was), list(is));
            }
        }
    }

    fn reads(&mut self, pair: &Pair<'_>) {
        let was: Vec<String> = pair
            .was
            .reads
            .iter()
            .map(|it| {
                let now = self.names.iter().find(|(was, _)| was.to_string() == *it);
                now.map_or_else(|| it.clone(), |(_, is)| is.to_string())
            })
            .collect();
        let sorted = |mut all: Vec<String>| {
            all.sort_unstable();
            all
        };
        let (was, is) = (sorted(was), sorted(pair.is.reads.clone()));
        if was != is {
            let list = |all: &[String]| Some(all.join(", "));
            self.say(&rules::VIEW_READS, &pair.thing, list(&was), list(&is));
        }
    }
}
