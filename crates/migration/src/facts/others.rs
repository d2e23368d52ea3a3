//! Triggers, rules, policies, comments, rights, statistics, publications.

use super::Mode;
use super::claims::{Claims, is_partitioned};
use crate::sql::ir::{Name, Object};

pub(super) fn trigger(
    claims: &mut Claims<'_>,
    table: &Name,
    from: Option<&Name>,
    or_replace: bool,
    rows: bool,
) {
    if or_replace {
        claims.since(14);
    }
    let full = claims.known(table);
    if rows {
        claims.lock_partitions(&full, Mode::ShareRowExclusive);
    } else {
        claims.lock(&full, Mode::ShareRowExclusive);
    }
    if let Some(from) = from {
        let from = claims.known(from);
        claims.lock(&from, Mode::AccessShare);
    }
}

/// A rule or a policy: what reads and writes do changes.
pub(super) fn rewritten(claims: &mut Claims<'_>, table: &Name) {
    let full = claims.known(table);
    claims.lock(&full, Mode::AccessExclusive);
}

pub(super) fn comment(claims: &mut Claims<'_>, on: Object, name: Option<&Name>) {
    let Some(name) = name else {
        return;
    };
    match on {
        Object::Table
        | Object::ForeignTable
        | Object::View
        | Object::MaterializedView
        | Object::Column => {
            // The column may be that of a composite type, which is no table.
            let full = claims.schema.resolve(name);
            if on == Object::Column && claims.schema.types.contains_key(&full) {
                return;
            }
            let full = claims.known(name);
            claims.lock(&full, Mode::ShareUpdateExclusive);
        }
        Object::Index => {
            let full = claims.schema.resolve(name);
            claims.lock_index(&full, Mode::ShareUpdateExclusive);
        }
        Object::Constraint | Object::Trigger | Object::Rule | Object::Policy => {
            let full = claims.known(name);
            claims.lock(&full, Mode::AccessShare);
        }
        _ => {}
    }
}

pub(super) fn grant(claims: &mut Claims<'_>, tables: &[Name]) {
    for table in tables {
        let full = claims.known(table);
        if claims.major >= 18 {
            claims.lock(&full, Mode::AccessShare);
        }
    }
}

pub(super) fn statistics(claims: &mut Claims<'_>, tables: &[Name]) {
    for table in tables {
        let full = claims.known(table);
        claims.lock(&full, Mode::ShareUpdateExclusive);
    }
}

/// A table is published with its children; partitions belong to their table anyway.
pub(super) fn publication(claims: &mut Claims<'_>, tables: &[Name]) {
    let schema = claims.schema;
    for table in tables {
        let full = claims.known(table);
        if is_partitioned(schema, &full) {
            claims.since(13);
            claims.lock(&full, Mode::ShareUpdateExclusive);
        } else {
            claims.lock_tree(&full, Mode::ShareUpdateExclusive);
        }
    }
}

/// A sequence that goes with a column.
pub(super) fn sequence(claims: &mut Claims<'_>, owned_by: Option<&(Name, String)>) {
    if let Some((table, _)) = owned_by {
        let full = claims.known(table);
        claims.lock(&full, Mode::AccessShare);
    }
}
