//! Statements on rows, and on whole tables without looking at them.

use std::collections::BTreeSet;

use super::claims::{Claims, descendants, has_storage, with_partitions};
use super::{InTransaction, Mode, WorkKind, indexes};
use crate::schema::{Relation, RelationKind, Schema};
use crate::sql::ir::{ConstraintKind, Expr, Name, OnDelete, Query, Span};

/// What a query that is run locks: what it names, and what views of that read in turn.
pub(super) fn read(claims: &mut Claims<'_>, query: &Query) {
    let mode = if query.locks_rows {
        Mode::RowShare
    } else {
        Mode::AccessShare
    };
    for table in &query.tables {
        let full = claims.known(table);
        expand(claims, &full, mode);
    }
    claims.functions_of_query(&query.functions);
}

/// What a query that is only parsed locks: what it names.
pub(super) fn name(claims: &mut Claims<'_>, query: &Query) {
    for table in &query.tables {
        let full = claims.known(table);
        claims.lock(&full, Mode::AccessShare);
    }
}

/// Locks a table with everything below it, or a view with everything that it reads.
fn expand(claims: &mut Claims<'_>, full: &Name, mode: Mode) {
    let schema = claims.schema;
    let mut seen = BTreeSet::new();
    let mut left = vec![full.clone()];
    while let Some(one) = left.pop() {
        if !seen.insert(one.clone()) {
            continue;
        }
        claims.lock(&one, mode);
        match schema.relations.get(&one) {
            Some(relation) if relation.kind == RelationKind::View => {
                left.extend(relation.reads.iter().map(|it| schema.resolve(it)));
            }
            Some(_) => left.extend(descendants(schema, &one)),
            None => {}
        }
    }
}

/// A table or materialized view that is filled from a query.
pub(super) fn filled_from(claims: &mut Claims<'_>, query: &Query, at: &Span) {
    let _ = at;
    read(claims, query);
}

pub(super) fn select(claims: &mut Claims<'_>, query: &Query, at: &Span) {
    read(claims, query);
    if query.locks_rows {
        for table in &query.tables {
            let full = claims.schema.resolve(table);
            claims.work(
                WorkKind::Rows { all: false },
                &full,
                "its rows are locked",
                at,
            );
        }
    }
}

pub(super) fn insert(
    claims: &mut Claims<'_>,
    table: &Name,
    query: &Query,
    values: bool,
    updates: bool,
    at: &Span,
) {
    let full = target(claims, table);
    let schema = claims.schema;
    // Rows of a partitioned table go to any of its partitions.
    for one in written(schema, &full, true) {
        claims.lock(&one, Mode::RowExclusive);
        look_up_parents(claims, &one, None);
    }
    read(claims, query);
    if !values || updates {
        let why = "rows are written one by one";
        claims.work(WorkKind::Rows { all: false }, &full, why, at);
    }
}

pub(super) fn update(
    claims: &mut Claims<'_>,
    table: &Name,
    columns: &[String],
    predicate: Option<&Expr>,
    query: &Query,
    at: &Span,
) {
    let full = target(claims, table);
    let schema = claims.schema;
    for one in written(schema, &full, false) {
        claims.lock(&one, Mode::RowExclusive);
        look_up_parents(claims, &one, Some(columns));
        look_up_children(claims, &one, Some(columns));
    }
    read(claims, query);
    let kind = WorkKind::Rows {
        all: predicate.is_none() && query.tables.is_empty(),
    };
    claims.work(kind, &full, "its rows are changed one by one", at);
}

pub(super) fn delete(
    claims: &mut Claims<'_>,
    table: &Name,
    predicate: Option<&Expr>,
    query: &Query,
    at: &Span,
) {
    let full = target(claims, table);
    let schema = claims.schema;
    for one in written(schema, &full, false) {
        claims.lock(&one, Mode::RowExclusive);
        look_up_children(claims, &one, None);
    }
    read(claims, query);
    let kind = WorkKind::Rows {
        all: predicate.is_none() && query.tables.is_empty(),
    };
    claims.work(kind, &full, "its rows are deleted one by one", at);
}

pub(super) fn copy(claims: &mut Claims<'_>, table: Option<&Name>, from: bool, at: &Span) {
    let Some(table) = table else {
        return;
    };
    if from {
        insert(claims, table, &Query::default(), false, false, at);
    } else {
        let full = claims.known(table);
        claims.lock(&full, Mode::AccessShare);
    }
}

fn target(claims: &mut Claims<'_>, table: &Name) -> Name {
    claims.known(table)
}

/// The tables that rows are written to: below a table, and behind a view.
fn written(schema: &Schema, full: &Name, insert: bool) -> Vec<Name> {
    let mut all = Vec::new();
    let mut left = vec![full.clone()];
    while let Some(one) = left.pop() {
        if all.contains(&one) {
            continue;
        }
        all.push(one.clone());
        match schema.relations.get(&one) {
            Some(relation) if relation.kind == RelationKind::View => {
                left.extend(relation.reads.iter().map(|it| schema.resolve(it)));
            }
            // Children of a table that is not partitioned get none of the rows that are put in it.
            Some(relation) if insert && relation.partition_by.is_none() => {}
            Some(_) => left.extend(descendants(schema, &one)),
            None => {}
        }
    }
    all
}

/// The tables that foreign keys of written rows point to, of those columns or of all.
fn look_up_parents(claims: &mut Claims<'_>, table: &Name, columns: Option<&[String]>) {
    let schema = claims.schema;
    let Some(relation) = schema.relations.get(table) else {
        return;
    };
    for constraint in relation.constraints.iter().filter(|it| it.enforced) {
        if let ConstraintKind::ForeignKey {
            columns: own,
            table: referenced,
            ..
        } = &constraint.kind
            && columns.is_none_or(|set| own.iter().any(|it| set.contains(it)))
        {
            for one in with_partitions(schema, referenced) {
                claims.lock(&one, Mode::RowShare);
            }
        }
    }
}

/// The tables whose foreign keys point to rows that go, or whose key changes.
fn look_up_children(claims: &mut Claims<'_>, table: &Name, columns: Option<&[String]>) {
    let schema = claims.schema;
    let mut seen = BTreeSet::from([table.clone()]);
    let mut left = vec![(table.clone(), columns.is_some())];
    while let Some((one, changed)) = left.pop() {
        for (from, constraint) in schema.references_to(&one) {
            let ConstraintKind::ForeignKey {
                referred,
                on_delete,
                ..
            } = &constraint.kind
            else {
                continue;
            };
            let to = schema.relations.get(&one);
            let referred = if referred.is_empty() {
                to.and_then(|it| it.primary_key()).unwrap_or_default()
            } else {
                referred
            };
            let touched = columns.is_none_or(|set| referred.iter().any(|it| set.contains(it)));
            if !constraint.enforced || (changed && !touched) {
                continue;
            }
            let mode = match on_delete {
                _ if changed => Mode::RowShare,
                OnDelete::Refuse => Mode::RowShare,
                OnDelete::Cascade | OnDelete::Set => Mode::RowExclusive,
            };
            for below in with_partitions(schema, from) {
                claims.lock(&below, mode);
                if mode == Mode::RowExclusive && seen.insert(below.clone()) {
                    // What goes along takes more along; what is set to null is only looked up.
                    if matches!(on_delete, OnDelete::Cascade) {
                        left.push((below, false));
                    }
                }
            }
        }
    }
}

pub(super) fn truncate(claims: &mut Claims<'_>, tables: &[Name], cascade: bool) {
    let schema = claims.schema;
    let mut seen = BTreeSet::new();
    let mut left: Vec<Name> = tables.iter().map(|it| claims.known(it)).collect();
    while let Some(one) = left.pop() {
        if !seen.insert(one.clone()) {
            continue;
        }
        claims.lock(&one, Mode::AccessExclusive);
        let stored = schema.relations.get(&one).is_some_and(|it| has_storage(it));
        if stored {
            claims.lock_indexes(&one, Mode::AccessExclusive);
        }
        left.extend(descendants(schema, &one));
        if cascade {
            left.extend(schema.references_to(&one).map(|(from, _)| from.clone()));
        }
    }
}

pub(super) fn lock(claims: &mut Claims<'_>, tables: &[Name], mode: &str) {
    let mode = Mode::ALL.into_iter().find(|it| it.words() == mode);
    for table in tables {
        let full = claims.known(table);
        expand(claims, &full, mode.unwrap_or(Mode::AccessExclusive));
    }
}

pub(super) fn vacuum(claims: &mut Claims<'_>, tables: &[Name], full: bool, at: &Span) {
    claims.transaction(InTransaction::Refused);
    let schema = claims.schema;
    let mode = if full {
        Mode::AccessExclusive
    } else {
        Mode::ShareUpdateExclusive
    };
    for table in every(claims, tables) {
        claims.lock(&table, mode);
        let stored = schema
            .relations
            .get(&table)
            .is_none_or(|it| has_storage(it));
        if full && stored {
            indexes::written_anew(claims, &table, "free space is given back", at);
        }
    }
}

pub(super) fn analyze(claims: &mut Claims<'_>, tables: &[Name]) {
    let schema = claims.schema;
    for table in every(claims, tables) {
        claims.lock(&table, Mode::ShareUpdateExclusive);
        // Since 18 children are analyzed as well; before, samples of them were read.
        let mode = if claims.major >= 18 {
            Mode::ShareUpdateExclusive
        } else {
            Mode::AccessShare
        };
        for below in descendants(schema, &table) {
            claims.lock(&below, mode);
        }
    }
}

/// The tables that are named with their partitions; all tables where none is.
fn every(claims: &mut Claims<'_>, tables: &[Name]) -> Vec<Name> {
    let schema = claims.schema;
    let rows = |relation: &Relation| {
        matches!(
            relation.kind,
            RelationKind::Table { .. } | RelationKind::Materialized
        )
    };
    if tables.is_empty() {
        let all = schema.relations.iter().filter(|(_, it)| rows(it));
        return all.map(|(name, _)| name.clone()).collect();
    }
    let mut all = Vec::new();
    for table in tables {
        let full = claims.known(table);
        all.extend(with_partitions(schema, &full));
    }
    all
}
