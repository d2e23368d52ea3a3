//! Indexes: making, building again, altering. `CLUSTER` belongs here too.

use super::claims::{Claims, descendants, has_storage, is_partitioned, with_partitions};
use super::{Doubt, InTransaction, Mode, WorkKind};
use crate::schema::{Index, Schema};
use crate::sql::ir::{Alter, AlterAction, CreateIndex, Name, ReindexTarget, Span, Statement};

pub(super) fn create(claims: &mut Claims<'_>, statement: &Statement, create: &CreateIndex) {
    let table = claims.known(&create.table);
    if create.nulls_not_distinct {
        claims.since(15);
    }
    let schema = claims.schema;
    let named = create.name.as_ref().map(|name| Name {
        schema: table.schema.clone(),
        name: name.name.clone(),
    });
    let there = named
        .as_ref()
        .is_some_and(|it| schema.indexes.contains_key(it));
    let partitioned = is_partitioned(schema, &table);
    if create.concurrently {
        claims.transaction(InTransaction::Refused);
        claims.lock(&table, Mode::ShareUpdateExclusive);
    } else {
        claims.lock(&table, Mode::Share);
    }
    if create.if_not_exists && there {
        return;
    }
    let reached = if partitioned && !create.only {
        descendants(schema, &table)
    } else {
        vec![table.clone()]
    };
    for one in reached {
        if one != table {
            claims.lock(&one, Mode::Share);
        }
        let stored = schema.relations.get(&one).is_none_or(|it| has_storage(it));
        if !stored {
            continue;
        }
        // A partition that has one like it keeps it, unless that is part of another index already.
        let alike = |of| -> Vec<&Name> {
            let all = schema.indexes_of(of);
            let all = all.filter(|(_, it)| is_like(create, it));
            all.map(|(name, _)| name).collect()
        };
        let parent = schema
            .relations
            .get(&one)
            .and_then(|it| it.partition_of.as_ref());
        let taken = parent.map_or(0, |(parent, _)| alike(parent).len());
        if one != table
            && let Some(name) = alike(&one).get(taken)
        {
            claims.lock_index(name, Mode::Share);
            continue;
        }
        let index = (one == table).then(|| named.clone()).flatten();
        let kind = WorkKind::BuildIndex {
            index,
            concurrently: create.concurrently,
        };
        claims.work(
            kind,
            &one,
            "every row goes into the new index",
            &statement.span,
        );
    }
}

/// Whether an index of a partition is what would be made for it.
fn is_like(create: &CreateIndex, index: &Index) -> bool {
    let predicate = |it: &Option<crate::sql::ir::Expr>| it.as_ref().map(|it| it.text.clone());
    create.method == index.method
        && create.unique == index.unique
        && index.valid
        && index.constraint.is_none()
        && create.keys.len() == index.keys.len()
        && create
            .keys
            .iter()
            .zip(&index.keys)
            .all(|(one, other)| one.expr.text == other.text)
        && create.keys.iter().map(|it| &it.options).eq(&index.options)
        && predicate(&create.predicate) == predicate(&index.predicate)
}

pub(super) fn reindex(
    claims: &mut Claims<'_>,
    what: ReindexTarget,
    name: Option<&Name>,
    concurrently: bool,
    at: &Span,
) {
    if concurrently {
        claims.transaction(InTransaction::Refused);
    }
    let schema = claims.schema;
    match (what, name) {
        (ReindexTarget::Index, Some(name)) => {
            let full = schema.resolve(name);
            let Some(index) = schema.indexes.get(&full) else {
                claims.doubt(Doubt::Table(full.clone()));
                claims.lock_index(&full, Mode::AccessExclusive);
                return;
            };
            let table = index.table.clone();
            let kin = partition_indexes(schema, &full, index);
            if kin.is_empty() {
                build_again(claims, &full, &table, concurrently, at);
            } else {
                claims.since(14);
                claims.transaction(InTransaction::Refused);
                claims.lock(&table, Mode::Share);
                for (index, table) in kin {
                    build_again(claims, &index, &table, concurrently, at);
                }
            }
        }
        (ReindexTarget::Table, Some(name)) => {
            let full = claims.known(name);
            if is_partitioned(schema, &full) {
                if claims.major < 14 {
                    // It is skipped, with a warning.
                    claims.lock(&full, Mode::Share);
                    return;
                }
                claims.transaction(InTransaction::Refused);
            }
            for table in with_partitions(schema, &full) {
                build_all(claims, &table, concurrently, at);
            }
        }
        (ReindexTarget::Schema, Some(name)) => {
            claims.transaction(InTransaction::Refused);
            let inside = |table: &Name| table.schema.as_deref() == Some(name.name.as_str());
            for (table, _) in schema.relations.entries_where(|table, _| inside(table)) {
                build_all(claims, table, concurrently, at);
            }
        }
        _ => {
            claims.transaction(InTransaction::Refused);
            for table in schema.relations.keys() {
                build_all(claims, table, concurrently, at);
            }
        }
    }
}

/// The indexes of partitions that belong to an index of their table.
fn partition_indexes(schema: &Schema, full: &Name, index: &Index) -> Vec<(Name, Name)> {
    if !is_partitioned(schema, &index.table) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for table in descendants(schema, &index.table) {
        let stored = schema
            .relations
            .get(&table)
            .is_some_and(|it| has_storage(it));
        for (name, one) in schema.indexes_of(&table).filter(|_| stored) {
            let texts = |it: &Index| it.keys.iter().map(|it| it.text.clone()).collect::<Vec<_>>();
            if name != full && texts(one) == texts(index) && one.unique == index.unique {
                all.push((name.clone(), table.clone()));
            }
        }
    }
    all
}

fn build_all(claims: &mut Claims<'_>, table: &Name, concurrently: bool, at: &Span) {
    let schema = claims.schema;
    if schema
        .relations
        .get(table)
        .is_some_and(|it| !has_storage(it))
    {
        return;
    }
    let mode = if concurrently {
        Mode::ShareUpdateExclusive
    } else {
        Mode::Share
    };
    claims.lock(table, mode);
    for (index, _) in schema.indexes_of(table) {
        build_again(claims, index, table, concurrently, at);
    }
}

fn build_again(claims: &mut Claims<'_>, index: &Name, table: &Name, concurrently: bool, at: &Span) {
    if concurrently {
        claims.lock(table, Mode::ShareUpdateExclusive);
        claims.lock_index(index, Mode::ShareUpdateExclusive);
    } else {
        claims.lock(table, Mode::Share);
        claims.lock_index(index, Mode::AccessExclusive);
    }
    let kind = WorkKind::BuildIndex {
        index: Some(index.clone()),
        concurrently,
    };
    claims.work(kind, table, "the index is built again", at);
}

pub(super) fn alter(claims: &mut Claims<'_>, statement: &Statement, alter: &Alter) {
    let full = claims.schema.resolve(&alter.name);
    let schema = claims.schema;
    let index = schema.indexes.get(&full);
    if index.is_none() {
        if alter.if_exists && schema.complete {
            return;
        }
        claims.doubt(Doubt::Table(full.clone()));
    }
    let _ = statement;
    for (action, at) in &alter.actions {
        let mode = match action {
            AlterAction::Rename { .. } if alter.object != crate::sql::ir::Object::Index => {
                Mode::AccessExclusive
            }
            AlterAction::Rename { .. }
            | AlterAction::SetStatistics { .. }
            | AlterAction::AttachPartition { .. } => Mode::ShareUpdateExclusive,
            AlterAction::SetOptions { options } => {
                let quiet = |it: &String| it == "fillfactor" || it == "deduplicate_items";
                if options.iter().all(quiet) {
                    Mode::ShareUpdateExclusive
                } else {
                    Mode::AccessExclusive
                }
            }
            _ => Mode::AccessExclusive,
        };
        claims.lock_index(&full, mode);
        match action {
            AlterAction::AttachPartition { child, .. } => {
                let child = schema.resolve(child);
                claims.lock_index(&child, Mode::AccessExclusive);
                for one in [&full, &child] {
                    if let Some(index) = schema.indexes.get(one) {
                        let table = index.table.clone();
                        claims.lock(&table, Mode::AccessShare);
                    }
                }
            }
            AlterAction::SetTablespace { to } if to != "pg_default" => {
                if let Some(index) = index.filter(|it| !is_partitioned(schema, &it.table)) {
                    let kind = WorkKind::BuildIndex {
                        index: Some(full.clone()),
                        concurrently: false,
                    };
                    let why = format!("the index is copied to the tablespace {to}");
                    claims.work(kind, &index.table, why, at);
                }
            }
            AlterAction::Unknown { what } => claims.doubt(Doubt::Statement {
                reason: format!("`{what}` is not known"),
            }),
            _ => {}
        }
    }
}

pub(super) fn cluster(claims: &mut Claims<'_>, table: Option<&Name>, at: &Span) {
    let schema = claims.schema;
    let Some(table) = table else {
        // Those that were clustered before; which is not known.
        claims.transaction(InTransaction::Refused);
        return claims.doubt(Doubt::Statement {
            reason: "which tables were clustered before is not known".to_owned(),
        });
    };
    let full = claims.known(table);
    if is_partitioned(schema, &full) {
        claims.since(15);
        claims.transaction(InTransaction::Refused);
    }
    for one in with_partitions(schema, &full) {
        claims.lock(&one, Mode::AccessExclusive);
        let stored = schema.relations.get(&one).is_none_or(|it| has_storage(it));
        if stored {
            written_anew(
                claims,
                &one,
                "its rows are put in the order of an index",
                at,
            );
        }
    }
}

/// A table is written anew, and so are its indexes.
pub(super) fn written_anew(claims: &mut Claims<'_>, table: &Name, why: &str, at: &Span) {
    let schema = claims.schema;
    claims.work(WorkKind::Rewrite, table, why, at);
    for (index, _) in schema.indexes_of(table) {
        claims.lock_index(index, Mode::AccessExclusive);
        let kind = WorkKind::BuildIndex {
            index: Some(index.clone()),
            concurrently: false,
        };
        claims.work(kind, table, "its table is written anew", at);
    }
}
