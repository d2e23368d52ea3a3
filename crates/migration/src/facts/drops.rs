//! `DROP`: what goes is locked, and so is what it was tied to.
//!
//! What goes is what the schema no longer has afterwards, so that everything that `CASCADE` takes
//! along is found in one place, the fold.

use super::claims::{Claims, is_partitioned, with_partitions};
use super::{Doubt, InTransaction, Mode};
use crate::schema::{Constraint, Relation, Schema};
use crate::sql::ir::{Bound, ConstraintKind, Drop, Name, Object, Statement};

pub(super) fn claim(claims: &mut Claims<'_>, statement: &Statement, drop: &Drop) {
    if drop.concurrently {
        return concurrently(claims, drop);
    }
    match drop.object {
        Object::Trigger | Object::Rule | Object::Policy => {
            if let Some(table) = &drop.on
                && !is_missing(claims, drop, table)
            {
                let table = claims.known(table);
                claims.lock(&table, Mode::AccessExclusive);
                if drop.object == Object::Trigger {
                    claims.lock_partitions(&table, Mode::AccessExclusive);
                }
            }
            return;
        }
        Object::Table
        | Object::ForeignTable
        | Object::View
        | Object::MaterializedView
        | Object::Index => {
            for name in &drop.names {
                missing(claims, drop, name);
            }
        }
        _ => {}
    }
    let mut after = claims.schema.clone();
    after.major = Some(claims.major);
    after.apply(&Statement {
        conditional: false,
        ..statement.clone()
    });
    let schema = claims.schema;
    gone(claims, schema, &after, false);
}

/// Whether nothing happens, because a trigger, rule or policy is not there and need not be.
fn is_missing(claims: &Claims<'_>, drop: &Drop, table: &Name) -> bool {
    if !drop.if_exists || !claims.schema.complete {
        return false;
    }
    match claims.schema.relation(table) {
        None => true,
        Some(relation) => {
            let list = match drop.object {
                Object::Trigger => &relation.triggers,
                Object::Rule => &relation.rules,
                _ => &relation.policies,
            };
            drop.names.iter().all(|it| !list.contains(&it.name))
        }
    }
}

/// A name that is not there: either nothing happens, or the schema does not know it.
fn missing(claims: &mut Claims<'_>, drop: &Drop, name: &Name) {
    let full = claims.schema.resolve(name);
    let index = drop.object == Object::Index;
    let there = if index {
        claims.schema.indexes.contains_key(&full)
    } else {
        claims.schema.relations.contains_key(&full)
    };
    if there || (drop.if_exists && claims.schema.complete) {
        return;
    }
    if index {
        claims.lock_index(&full, Mode::AccessExclusive);
    } else {
        claims.lock(&full, Mode::AccessExclusive);
    }
    claims.doubt(Doubt::Table(full));
}

fn concurrently(claims: &mut Claims<'_>, drop: &Drop) {
    claims.transaction(InTransaction::Refused);
    for name in &drop.names {
        missing(claims, drop, name);
        let full = claims.schema.resolve(name);
        if let Some(index) = claims.schema.indexes.get(&full) {
            let table = index.table.clone();
            claims.lock_index(&full, Mode::ShareUpdateExclusive);
            claims.lock(&table, Mode::ShareUpdateExclusive);
        }
    }
}

/// Locks everything that one schema has and the other does not, and what that was tied to.
/// `alone` says that constraints go by themselves, and not with their tables.
pub(super) fn gone(claims: &mut Claims<'_>, before: &Schema, after: &Schema, alone: bool) {
    for (name, relation, left) in before.relations.unlike(&after.relations) {
        match (relation, left) {
            (Some(relation), None) => relation_gone(claims, before, after, name, relation),
            (Some(relation), Some(left)) => {
                changed(claims, before, after, name, relation, left, alone);
            }
            (None, _) => {}
        }
    }
    for (name, index, left) in before.indexes.unlike(&after.indexes) {
        if let (Some(index), None) = (index, left) {
            claims.lock_index(name, Mode::AccessExclusive);
            claims.lock(&index.table, Mode::AccessExclusive);
        }
    }
}

fn relation_gone(
    claims: &mut Claims<'_>,
    before: &Schema,
    after: &Schema,
    name: &Name,
    relation: &Relation,
) {
    claims.lock(name, Mode::AccessExclusive);
    if let Some((parent, _)) = &relation.partition_of {
        claims.lock(parent, Mode::AccessExclusive);
        if let Some(default) = default_partition(before, parent) {
            claims.lock(&default, Mode::AccessExclusive);
        }
    }
    for constraint in &relation.constraints {
        if !is_of_what_stays(before, after, relation, constraint) {
            foreign_key_gone(claims, before, constraint, false);
        }
    }
}

/// Whether a foreign key of a partition is that of a table above it that stays: a partition's has
/// no trigger of its own where it points to.
fn is_of_what_stays(
    before: &Schema,
    after: &Schema,
    relation: &Relation,
    constraint: &Constraint,
) -> bool {
    let mut below = relation;
    while is_inherited(before, below, constraint) {
        let parent = below.partition_of.as_ref().map(|(parent, _)| parent);
        let Some((parent, above)) = parent.and_then(|it| before.relations.get_key_value(it)) else {
            return false;
        };
        if after.relations.contains_key(parent) {
            return true;
        }
        below = above;
    }
    false
}

fn changed(
    claims: &mut Claims<'_>,
    before: &Schema,
    after: &Schema,
    name: &Name,
    old: &Relation,
    new: &Relation,
    alone: bool,
) {
    if std::ptr::eq(old, new) || old == new {
        return;
    }
    let _ = after;
    let column_gone = old.columns.iter().any(|it| new.column(&it.name).is_none());
    let default_gone = old.columns.iter().any(|it| {
        let left = new.column(&it.name);
        it.default.is_some() && left.is_some_and(|left| left.default.is_none())
    });
    let named_gone = |old: &[String], new: &[String]| old.iter().any(|it| !new.contains(it));
    if column_gone
        || default_gone
        || named_gone(&old.triggers, &new.triggers)
        || named_gone(&old.rules, &new.rules)
        || named_gone(&old.policies, &new.policies)
    {
        claims.lock(name, Mode::AccessExclusive);
    }
    for constraint in &old.constraints {
        if new.constraint(&constraint.name).is_none() {
            claims.lock(name, Mode::AccessExclusive);
            foreign_key_gone(claims, before, constraint, alone);
        }
    }
}

/// The table that a foreign key points to loses a trigger.
fn foreign_key_gone(
    claims: &mut Claims<'_>,
    before: &Schema,
    constraint: &Constraint,
    alone: bool,
) {
    let ConstraintKind::ForeignKey { table, .. } = &constraint.kind else {
        return;
    };
    if alone || constraint.enforced {
        trigger_gone(claims, before, table, alone, constraint.enforced);
    }
}

/// The table that a foreign key points to, and its partitions, lose the triggers of that.
/// `alone` says that the constraint goes by itself; one that is not enforced has no triggers.
pub(super) fn trigger_gone(
    claims: &mut Claims<'_>,
    schema: &Schema,
    table: &Name,
    alone: bool,
    enforced: bool,
) {
    for one in with_partitions(schema, table) {
        // Until 14 only those that hold rows had triggers.
        let has = enforced && (claims.major >= 15 || !is_partitioned(schema, &one));
        let named = alone && one == *table;
        if has || named {
            claims.lock(&one, Mode::AccessExclusive);
        }
    }
}

/// Whether a partition has a foreign key from its table.
pub(super) fn is_inherited(schema: &Schema, relation: &Relation, constraint: &Constraint) -> bool {
    let parent = relation.partition_of.as_ref();
    let parent = parent.and_then(|(parent, _)| schema.relations.get(parent));
    parent.is_some_and(|parent| {
        parent
            .constraints
            .iter()
            .any(|it| it.kind == constraint.kind)
    })
}

/// The partition for all that no other takes.
pub(super) fn default_partition(schema: &Schema, table: &Name) -> Option<Name> {
    let mut all = schema.partitions_of(table);
    let default = all.find(|(_, it)| matches!(it.partition_of, Some((_, Bound::Default))));
    default.map(|(name, _)| name.clone())
}
