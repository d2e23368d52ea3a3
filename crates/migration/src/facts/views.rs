//! Views and materialized views.

use super::claims::{Claims, made_as};
use super::{Doubt, Mode, WorkKind, data};
use crate::sql::ir::{Name, Query, Span};

/// What `CREATE VIEW` says besides its query.
pub(super) struct New<'q> {
    pub(super) name: &'q Name,
    pub(super) materialized: bool,
    pub(super) or_replace: bool,
    pub(super) if_not_exists: bool,
    pub(super) with_data: bool,
}

pub(super) fn create(claims: &mut Claims<'_>, view: &New<'_>, query: &Query) {
    let schema = claims.schema;
    let full = made_as(schema, view.name);
    let there = schema.relations.contains_key(&full);
    if view.if_not_exists && there {
        return data::name(claims, query);
    }
    if view.or_replace && there {
        claims.lock(&full, Mode::AccessExclusive);
    }
    if view.materialized && view.with_data {
        data::read(claims, query);
    } else {
        data::name(claims, query);
    }
}

pub(super) fn refresh(
    claims: &mut Claims<'_>,
    name: &Name,
    concurrently: bool,
    with_data: bool,
    at: &Span,
) {
    let full = claims.known(name);
    let schema = claims.schema;
    let mode = if concurrently {
        Mode::Exclusive
    } else {
        Mode::AccessExclusive
    };
    claims.lock(&full, mode);
    if !concurrently {
        for (index, _) in schema.indexes_of(&full) {
            claims.lock_index(index, Mode::AccessExclusive);
            if with_data {
                let kind = WorkKind::BuildIndex {
                    index: Some(index.clone()),
                    concurrently: false,
                };
                claims.work(kind, &full, "its rows are written anew", at);
            }
        }
    }
    if !with_data {
        return;
    }
    match schema.relations.get(&full) {
        Some(view) => {
            let query = Query {
                tables: view.reads.clone(),
                ..Query::default()
            };
            data::read(claims, &query);
        }
        None => claims.doubt(Doubt::Table(full.clone())),
    }
    claims.work(WorkKind::Refresh, &full, "its query is run", at);
}
