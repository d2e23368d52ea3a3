//! Attaching and detaching partitions, and tables that are made as partitions.

use std::collections::BTreeSet;

use super::alter::Altering;
use super::claims::{Claims, descendants, has_storage, with_partitions};
use super::drops::{default_partition, is_inherited};
use super::proof::bounds::{self, Goal};
use super::{InTransaction, Mode, WorkKind};
use crate::schema::{Index, Schema};
use crate::sql::ir::{Bound, ConstraintKind, Name, Span};

/// What a table that is already filled must be looked at for, to become or stay a partition.
struct Look {
    table: Name,
    proved: bool,
}

/// The tables with rows at or below one that must be looked at. The server stops at the first
/// whose constraints prove the goal, the top included.
fn looks(schema: &Schema, table: &Name, goal: &Goal, all: &mut Vec<Look>) {
    let Some(relation) = schema.relations.get(table) else {
        all.push(Look {
            table: table.clone(),
            proved: false,
        });
        return;
    };
    if bounds::implied(relation, goal) {
        all.push(Look {
            table: table.clone(),
            proved: true,
        });
    } else if has_storage(relation) {
        all.push(Look {
            table: table.clone(),
            proved: false,
        });
    } else {
        for (partition, _) in schema.partitions_of(table) {
            looks(schema, partition, goal, all);
        }
    }
}

/// What rows of a new partition of a table must obey: its bound, and those of the table itself
/// where it is a partition.
fn goal_of(schema: &Schema, table: &Name, bound: Option<&Bound>) -> Goal {
    let mut all = Vec::new();
    match (schema.relations.get(table), bound) {
        (Some(relation), Some(bound)) => {
            let others = schema.partitions_of(table);
            let others = others.filter_map(|(_, it)| it.partition_of.as_ref());
            let others: Vec<&Bound> = others.map(|(_, bound)| bound).collect();
            all.push(bounds::goal(relation, bound, &others));
            if let Some((parent, bound)) = &relation.partition_of {
                all.push(goal_of(schema, parent, Some(bound)));
            }
        }
        _ => all.push(Goal::Unknown),
    }
    Goal::And(all)
}

impl Altering<'_, '_> {
    pub(super) fn attach(&mut self, child: &Name, bound: Option<&Bound>, at: &Span) {
        let table = self.table.clone();
        let child = self.claims.known(child);
        let below = descendants(&self.now, &child);
        for one in &below {
            self.claims.lock(one, Mode::AccessExclusive);
        }
        lock_above(self.claims, &self.now, &table);
        let goal = goal_of(&self.now, &table, bound);
        let mut all = Vec::new();
        looks(&self.now, &child, &goal, &mut all);
        if let Some(default) = default_partition(&self.now, &table).filter(|it| *it != child) {
            for one in descendants(&self.now, &default) {
                self.claims.lock(&one, Mode::AccessExclusive);
            }
            looks(
                &self.now,
                &default,
                &others_only(&self.now, &table, bound),
                &mut all,
            );
        }
        // With nothing to demand, nothing is looked at.
        for look in all.iter().filter(|_| !goal.is_empty()) {
            if look.proved {
                self.proof(&look.table, "its constraints imply the bounds", at);
            } else {
                self.scan(&look.table, "every row is held against the bounds", at);
            }
        }
        self.ensure_indexes(&table, &child, at);
        self.ensure_foreign_keys(&table, &child, &below, at);
        reference_keys(self.claims, &table);
    }

    /// Every index of the partitioned table has one on each partition: one that is there already,
    /// or a new one.
    fn ensure_indexes(&mut self, table: &Name, child: &Name, at: &Span) {
        let now = self.now.clone();
        let mut used = BTreeSet::new();
        for (name, index) in now.indexes_of(table) {
            self.claims.lock_index(name, Mode::ShareUpdateExclusive);
            let alike = now
                .indexes_of(child)
                .find(|(name, it)| !used.contains(*name) && is_alike(index, it));
            if let Some((name, _)) = alike {
                used.insert(name.clone());
                continue;
            }
            for one in descendants(&now, child) {
                let stored = now.relations.get(&one).is_some_and(|it| has_storage(it));
                let alike =
                    one != *child && now.indexes_of(&one).any(|(_, it)| is_alike(index, it));
                if stored && !alike {
                    self.build_unnamed(&one, "the partitioned table has an index like it", at);
                }
            }
        }
    }

    /// A partition gets the foreign keys of its table, and keeps one that is the same.
    fn ensure_foreign_keys(&mut self, table: &Name, child: &Name, below: &[Name], at: &Span) {
        let Some(relation) = self.relation(table) else {
            return;
        };
        for constraint in &relation.constraints {
            let ConstraintKind::ForeignKey {
                table: referenced, ..
            } = &constraint.kind
            else {
                continue;
            };
            let same = self.relation(child).is_some_and(|it| {
                let mut keys = it.constraints.iter().filter(|it| it.valid && it.enforced);
                keys.any(|it| it.kind == constraint.kind)
            });
            if same {
                // Its own trigger there goes.
                self.claims.lock(referenced, Mode::AccessExclusive);
                continue;
            }
            self.claims
                .lock_partitions(referenced, Mode::ShareRowExclusive);
            for one in below.iter().filter(|_| constraint.enforced) {
                let why = "rows are looked up in the other table".to_owned();
                self.look_up(one, referenced, why, at);
            }
        }
    }

    pub(super) fn detach(&mut self, child: &Name, concurrently: bool, finalize: bool, at: &Span) {
        let table = self.table.clone();
        let child = self.claims.known(child);
        if concurrently || finalize {
            self.claims.since(14);
        }
        let quiet = concurrently && !finalize;
        if quiet {
            self.claims.transaction(InTransaction::Refused);
            // Once nobody looks at it through its table any more.
            self.claims.lock(&child, Mode::AccessExclusive);
            return;
        }
        let has_triggers = self
            .relation(&table)
            .is_some_and(|it| !it.triggers.is_empty());
        let referred = !referencing(self.claims.schema, &table).is_empty();
        let mode = if self.claims.major >= 14 || has_triggers || referred {
            Mode::AccessExclusive
        } else {
            Mode::ShareUpdateExclusive
        };
        self.claims.lock(&child, mode);
        // Those below a partition forget what they know of the table: the end of
        // `DetachPartitionFinalize` in `src/backend/commands/tablecmds.c`.
        for below in with_partitions(&self.now, &child).iter().skip(1) {
            self.claims.lock(below, Mode::AccessExclusive);
        }
        let now = self.now.clone();
        for (name, index) in now.indexes_of(&child) {
            // One that belongs to an index of the table; that of `ONLY` has none.
            if now
                .indexes_of(&table)
                .any(|(_, it)| it.valid && is_alike(it, index))
            {
                self.claims.lock_index(name, Mode::AccessExclusive);
            }
        }
        if let Some(default) = default_partition(&self.now, &table) {
            self.claims.lock(&default, Mode::AccessExclusive);
        }
        if let Some(relation) = self.relation(&child) {
            for constraint in &relation.constraints {
                if let ConstraintKind::ForeignKey { table, .. } = &constraint.kind
                    && is_inherited(&self.now, &relation, constraint)
                {
                    self.claims.lock_partitions(table, Mode::ShareRowExclusive);
                }
            }
        }
        for from in referencing(self.claims.schema, &table) {
            self.claims.lock(&from, Mode::AccessExclusive);
            let why = "no row of it may need a row of the partition".to_owned();
            self.look_up(&from, &child, why, at);
        }
    }
}

/// A table that is made as a partition.
pub(super) fn create(claims: &mut Claims<'_>, table: &Name, bound: &Bound, at: &Span) {
    let table = claims.known(table);
    claims.lock(&table, Mode::AccessExclusive);
    if let Some(default) = default_partition(claims.schema, &table) {
        for one in descendants(claims.schema, &default) {
            claims.lock(&one, Mode::AccessExclusive);
        }
        let goal = others_only(claims.schema, &table, Some(bound));
        let mut all = Vec::new();
        looks(claims.schema, &default, &goal, &mut all);
        for look in all {
            if look.proved {
                let why = "its constraints imply that no row belongs to the new partition";
                claims.work(WorkKind::Proof, &look.table, why, at);
            } else {
                let why = "every row is held against the bounds of the new partition";
                claims.work(WorkKind::Scan, &look.table, why, at);
            }
        }
    }
    let schema = claims.schema;
    for (index, _) in schema.indexes_of(&table) {
        claims.lock_index(index, Mode::ShareUpdateExclusive);
    }
    let relation = schema.relations.get(&table);
    for constraint in relation.iter().flat_map(|it| &it.constraints) {
        if let ConstraintKind::ForeignKey { table, .. } = &constraint.kind {
            claims.lock_partitions(table, Mode::ShareRowExclusive);
        }
    }
    reference_keys(claims, &table);
}

/// The tables whose foreign keys point to a partitioned table look at a new partition too.
fn reference_keys(claims: &mut Claims<'_>, table: &Name) {
    let mode = if claims.major >= 15 {
        Mode::ShareRowExclusive
    } else {
        Mode::AccessShare
    };
    for from in referencing(claims.schema, table) {
        claims.lock(&from, mode);
    }
}

/// The tables with foreign keys to a table or to one above it.
fn referencing(schema: &Schema, table: &Name) -> Vec<Name> {
    let mut all = Vec::new();
    let mut next = Some(table);
    while let Some(one) = next {
        all.extend(schema.references_to(one).map(|(from, _)| from.clone()));
        let relation = schema.relations.get(one);
        let above = relation.and_then(|it| it.partition_of.as_ref());
        next = above.map(|(parent, _)| parent);
    }
    all
}

/// The tables above a partitioned table that is a partition itself are looked at.
fn lock_above(claims: &mut Claims<'_>, schema: &Schema, table: &Name) {
    let mut above = schema.relations.get(table);
    while let Some((parent, _)) = above.and_then(|it| it.partition_of.as_ref()) {
        claims.lock(parent, Mode::AccessShare);
        above = schema.relations.get(parent);
    }
}

/// What rows of the default partition must obey when another one is added: not to belong there.
fn others_only(schema: &Schema, table: &Name, bound: Option<&Bound>) -> Goal {
    match (schema.relations.get(table), bound) {
        (Some(relation), Some(bound)) => bounds::goal(relation, bound, &[]).not(),
        _ => Goal::Unknown,
    }
}

/// Whether an index of a partition can stand for one of its table.
pub(super) fn is_alike(index: &Index, of_partition: &Index) -> bool {
    let texts =
        |index: &Index| -> Vec<String> { index.keys.iter().map(|it| it.text.clone()).collect() };
    let predicate = |index: &Index| index.predicate.as_ref().map(|it| it.text.clone());
    index.method == of_partition.method
        && (!index.unique || of_partition.unique)
        && index.unique == of_partition.unique
        && index.constraint.is_some() <= of_partition.constraint.is_some()
        && texts(index) == texts(of_partition)
        && index.options == of_partition.options
        && predicate(index) == predicate(of_partition)
        && of_partition.valid
}
