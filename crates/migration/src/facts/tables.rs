//! `CREATE TABLE`.

use super::claims::{Claims, made_as};
use super::{Mode, data, partitions};
use crate::sql::ir::{ConstraintKind, CreateTable, Statement};

pub(super) fn create(claims: &mut Claims<'_>, statement: &Statement, create: &CreateTable) {
    let schema = claims.schema;
    let full = made_as(schema, &create.name);
    if create.if_not_exists && schema.relations.contains_key(&full) {
        return;
    }
    for like in &create.like {
        let table = claims.known(&like.table);
        claims.lock(&table, Mode::AccessShare);
    }
    for parent in &create.inherits {
        let parent = claims.known(parent);
        claims.lock(&parent, Mode::ShareUpdateExclusive);
    }
    if let Some((parent, bound)) = &create.partition_of {
        partitions::create(claims, parent, bound, &statement.span);
    }
    for column in &create.columns {
        claims.column(column);
    }
    let at_columns = create.columns.iter().flat_map(|column| &column.constraints);
    for constraint in at_columns.chain(&create.constraints) {
        if constraint.not_enforced {
            claims.since(18);
        }
        if constraint.nulls_not_distinct {
            claims.since(15);
        }
        if let ConstraintKind::ForeignKey { table, .. } = &constraint.kind
            && schema.resolve(table) != full
        {
            claims.foreign_key(&[], table);
        }
    }
    if let Some(query) = &create.query {
        data::filled_from(claims, query, &statement.span);
    }
}
