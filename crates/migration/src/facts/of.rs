//! Which family a statement belongs to.

use super::claims::Claims;
use super::{Doubt, Facts, alter, data, drops, indexes, others, tables, types, views};
use crate::schema::Schema;
use crate::sql::ir::{Kind, Statement, Unknown};

/// See [`Facts::of`].
pub(super) fn facts(statement: &Statement, schema: &Schema, major: u32) -> Facts {
    let mut claims = Claims::new(schema, major);
    gather(&mut claims, statement);
    claims.finish()
}

fn gather(claims: &mut Claims<'_>, statement: &Statement) {
    let at = &statement.span;
    match &statement.kind {
        Kind::CreateTable(create) => tables::create(claims, statement, create),
        Kind::Alter(one) => alter::claim(claims, statement, one),
        Kind::Drop(drop) => drops::claim(claims, statement, drop),
        Kind::CreateIndex(create) => indexes::create(claims, statement, create),
        Kind::Reindex {
            what,
            name,
            concurrently,
        } => indexes::reindex(claims, *what, name.as_ref(), *concurrently, at),
        Kind::CreateView {
            name,
            materialized,
            or_replace,
            if_not_exists,
            query,
            with_data,
            ..
        } => {
            let new = views::New {
                name,
                materialized: *materialized,
                or_replace: *or_replace,
                if_not_exists: *if_not_exists,
                with_data: *with_data,
            };
            views::create(claims, &new, query);
        }
        Kind::Refresh {
            name,
            concurrently,
            with_data,
        } => views::refresh(claims, name, *concurrently, *with_data, at),
        Kind::AlterType { name, action } => types::alter_type(claims, name, action),
        Kind::AlterDomain { name, action } => types::alter_domain(claims, name, action, at),
        Kind::CreateTrigger {
            table,
            from,
            or_replace,
            rows,
            ..
        } => others::trigger(claims, table, from.as_ref(), *or_replace, *rows),
        Kind::CreateRule { table, .. } | Kind::Policy { table, .. } => {
            others::rewritten(claims, table);
        }
        Kind::CreateSequence { owned_by, .. } => others::sequence(claims, owned_by.as_ref()),
        Kind::CreateStatistics { tables, .. } => others::statistics(claims, tables),
        Kind::Publication { tables } => others::publication(claims, tables),
        Kind::Comment { on, name } => others::comment(claims, *on, name.as_ref()),
        Kind::Grant { tables, .. } => others::grant(claims, tables),
        Kind::Truncate { tables, cascade } => data::truncate(claims, tables, *cascade),
        Kind::Lock { tables, mode } => data::lock(claims, tables, mode),
        Kind::Cluster { table } => indexes::cluster(claims, table.as_ref(), at),
        Kind::Vacuum { tables, full, .. } => data::vacuum(claims, tables, *full, at),
        Kind::Analyze { tables } => data::analyze(claims, tables),
        Kind::Select(query) => data::select(claims, query, at),
        Kind::Insert {
            table,
            query,
            values,
            updates,
            ..
        } => data::insert(claims, table, query, *values, *updates, at),
        Kind::Update {
            table,
            columns,
            predicate,
            query,
        } => data::update(claims, table, columns, predicate.as_ref(), query, at),
        Kind::Delete {
            table,
            predicate,
            query,
        } => data::delete(claims, table, predicate.as_ref(), query, at),
        Kind::Copy { table, from } => data::copy(claims, table.as_ref(), *from, at),
        Kind::Do {
            language,
            read: false,
        } => claims.doubt(Doubt::Statement {
            reason: format!("a block in {language} that could not be read"),
        }),
        Kind::Unknown { reason } => claims.doubt(Doubt::Statement {
            reason: words(reason),
        }),
        Kind::CreateType { .. }
        | Kind::CreateDomain { .. }
        | Kind::CreateFunction { .. }
        | Kind::CreateSchema { .. }
        | Kind::CreateExtension { .. }
        | Kind::Set { .. }
        | Kind::Transaction(_)
        | Kind::Do { read: true, .. }
        | Kind::Harmless { .. } => {}
    }
}

/// Why a statement was not understood, as a clause.
fn words(reason: &Unknown) -> String {
    match reason {
        Unknown::Syntax { message, .. } => format!("its syntax is not known: {message}"),
        Unknown::Statement { what } => format!("`{what}` is not known"),
        Unknown::ClientCommand { what } => format!("`{what}` is a command of a client program"),
        Unknown::Template => "placeholders stand where SQL should".to_owned(),
    }
}
