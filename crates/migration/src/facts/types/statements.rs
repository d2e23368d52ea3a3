//! `ALTER TYPE` and `ALTER DOMAIN`.

use crate::facts::claims::{Claims, has_storage, is_new_type};
use crate::facts::{Doubt, InTransaction, Mode, WorkKind};
use crate::schema::{Relation, Schema, Type};
use crate::sql::ir::{AlterDomainAction, AlterTypeAction, Name, Span};

pub(in crate::facts) fn alter_type(claims: &mut Claims<'_>, name: &Name, action: &AlterTypeAction) {
    let full = claims.schema.resolve(name);
    if let AlterTypeAction::AddValue { .. } = action
        && !is_new_type(claims.schema, &full)
    {
        claims.transaction(InTransaction::UnusableUntilCommit);
    }
}

pub(in crate::facts) fn alter_domain(
    claims: &mut Claims<'_>,
    name: &Name,
    action: &AlterDomainAction,
    at: &Span,
) {
    let full = claims.schema.resolve(name);
    let checks = match action {
        AlterDomainAction::AddConstraint(constraint) => !constraint.not_valid,
        AlterDomainAction::ValidateConstraint { .. } | AlterDomainAction::SetNotNull => true,
        _ => false,
    };
    if !checks {
        return;
    }
    let schema = claims.schema;
    if !schema.types.contains_key(&full) {
        claims.doubt(Doubt::Table(full.clone()));
    }
    let uses = |relation: &Relation| {
        relation.columns.iter().any(|column| {
            let type_name = column.type_name.as_ref();
            type_name.is_some_and(|it| it.array == 0 && is_over(schema, &it.name, &full))
        })
    };
    let checked = |relation: &Relation| has_storage(relation) && uses(relation);
    for (table, _) in schema.relations.entries_where(|_, it| checked(it)) {
        claims.lock(table, Mode::Share);
        let why = format!("every value of the domain {full} is checked");
        claims.work(WorkKind::Scan, table, why, at);
    }
}

/// Whether a type is a domain, or made of it through other domains.
fn is_over(schema: &Schema, name: &Name, domain: &Name) -> bool {
    let mut next = schema.resolve(name);
    for _ in 0..64 {
        if next == *domain {
            return true;
        }
        match schema.types.get(&next).map(AsRef::as_ref) {
            Some(Type::Domain { base, .. }) if base.array == 0 => next = schema.resolve(&base.name),
            _ => return false,
        }
    }
    false
}
