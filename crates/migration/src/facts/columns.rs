//! What changes of columns ask for: new ones, `NOT NULL`, generated expressions.
//!
//! Types are in [`super::retype`].

use super::alter::Altering;
use super::claims::Claims;
use super::retype::is_virtual;
use super::types::see_through;
use super::{Doubt, proof};
use crate::schema::{Relation, Schema, Type};
use crate::sql::ir::{
    AlterAction, Column, Constraint, ConstraintKind, Expr, Generated, Name, Span, TypeName,
};

impl Claims<'_> {
    /// The majors that have what a column may say of how its values are stored.
    pub(super) fn column(&mut self, column: &Column) {
        if column.storage {
            self.since(16);
        }
        if column.compression {
            self.since(14);
        }
    }
}

impl Altering<'_, '_> {
    pub(super) fn add_column(&mut self, column: &Column, if_not_exists: bool, at: &Span) {
        let table = self.table.clone();
        let there = self.relation(&table);
        self.claims.column(column);
        if if_not_exists && there.is_some_and(|it| it.column(&column.name).is_some()) {
            if self.claims.major == 12 {
                self.add_split_off(column);
            }
            return;
        }
        let reached = self.lock_below();
        let rewrite = self.why_rows_are_written(column);
        let required = is_required(column);
        // A missing value is put in when a row is read, so no row lacks it.
        let own = column.type_name.as_ref().and_then(|it| self.default_of(it));
        let default = column.default.as_ref().or(own.as_ref());
        let filled = default.is_some_and(|it| !it.is_null());
        for one in &reached {
            let there = self.relation(one);
            if there.is_some_and(|it| it.column(&column.name).is_some()) {
                // A child's column becomes an inherited one too, and its values stay. Since 18 `NOT
                // NULL` is a constraint that it gets as well.
                if (required || is_counted(column)) && self.claims.major >= 18 {
                    self.require(one, &column.name, at);
                }
                continue;
            }
            if (required && (rewrite.is_some() || !filled)) || is_counted(column) {
                self.look_for_null(one);
            }
            if let Some(why) = &rewrite {
                self.rewrite(one, why.as_str(), at);
            } else if required && !filled {
                let why = format!("no row may lack `{}`", column.name);
                self.scan(one, why, at);
            }
        }
        for constraint in &column.constraints {
            self.column_constraint(column, constraint, &reached);
        }
    }

    /// The constraints of a column that is there already: PostgreSQL 12 splits them off before it
    /// looks for the column (`transformAlterTableStmt` in `src/backend/parser/parse_utilcmd.c`).
    fn add_split_off(&mut self, column: &Column) {
        for constraint in &column.constraints {
            let at = &constraint.span;
            match &constraint.kind {
                ConstraintKind::Null | ConstraintKind::NotNull { .. } => {}
                ConstraintKind::ForeignKey { .. } => {
                    self.column_constraint(column, constraint, &[])
                }
                _ => self.add_constraint(constraint, at),
            }
        }
    }

    /// Why every row gets a value of its own for a new column, if that is so.
    fn why_rows_are_written(&mut self, column: &Column) -> Option<String> {
        let name = &column.name;
        match &column.generated {
            Some(Generated::Expression { stored, .. }) => {
                if !stored {
                    self.claims.since(18);
                    return None;
                }
                return Some(format!("`{name}` is computed for every row and stored"));
            }
            Some(Generated::Identity { .. }) => {
                return Some(format!(
                    "`{name}` takes a number from a sequence for every row"
                ));
            }
            None => {}
        }
        let type_name = column.type_name.as_ref()?;
        if type_name.serial {
            return Some(format!(
                "`{name}` takes a number from a sequence for every row"
            ));
        }
        let default = column.default.clone();
        if let Some(default) = default.or_else(|| self.default_of(type_name))
            && let Some(function) = self.claims.volatile(&default)
        {
            return Some(format!(
                "the default of `{name}` calls {function}(), which gives every row its own value"
            ));
        }
        self.why_values_are_checked(name, type_name)
    }

    /// The default of a domain, its own or that of one that it is over.
    fn default_of(&self, type_name: &TypeName) -> Option<Expr> {
        // PostgreSQL 12 leaves the rows that are there null.
        if self.claims.major < 13 {
            return None;
        }
        domain_default(type_name, &self.now)
    }

    /// Why every row is written for a column of that type, if it is a domain with checks.
    fn why_values_are_checked(&mut self, name: &str, type_name: &TypeName) -> Option<String> {
        let seen = see_through(type_name, &self.now);
        if seen.unknown {
            let table = self.table.clone();
            self.claims.doubt(Doubt::Column(table, name.to_owned()));
            return Some(format!(
                "the type of `{name}` is not known, and may have checks"
            ));
        }
        let domain = seen
            .domain
            .filter(|_| seen.checked && type_name.array == 0)?;
        Some(format!("the domain {domain} of `{name}` has checks"))
    }

    fn column_constraint(&mut self, column: &Column, constraint: &Constraint, reached: &[Name]) {
        match &constraint.kind {
            ConstraintKind::Check(_) => {
                if constraint.not_enforced {
                    return self.claims.since(18);
                }
                for one in reached {
                    self.scan(one, "rows are checked", &constraint.span);
                }
            }
            ConstraintKind::ForeignKey { table, .. } => {
                let filled = self.looks_up || is_filled(column);
                self.foreign_key(table, filled && !constraint.not_enforced, &constraint.span);
                if constraint.not_enforced {
                    self.claims.since(18);
                }
            }
            ConstraintKind::Null
            | ConstraintKind::NotNull { .. }
            | ConstraintKind::Unique { .. }
            | ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::Exclude { .. } => {}
        }
    }

    pub(super) fn set_not_null(&mut self, column: &str, at: &Span) {
        let relation = self.relation(&self.table.clone());
        let required = relation.is_some_and(|it| {
            let not_null = it.column(column).is_some_and(|it| it.not_null);
            not_null && !has_unproved(&it, column)
        });
        if required && (self.is_partitioned() || self.claims.major >= 18) {
            // Then what is below is as well.
            return;
        }
        for table in self.lock_below() {
            self.require(&table, column, at);
        }
    }

    /// Asks for what makes sure that no row of one table lacks a value.
    pub(super) fn require(&mut self, table: &Name, column: &str, at: &Span) {
        let relation = self.relation(table);
        let Some(relation) = relation else {
            return self.scan(table, format!("no row may lack `{column}`"), at);
        };
        let Some(found) = relation.column(column) else {
            self.claims
                .doubt(Doubt::Column(table.clone(), column.to_owned()));
            return self.scan(table, format!("no row may lack `{column}`"), at);
        };
        if found.not_null && !has_unproved(&relation, column) {
            return;
        }
        match proof::of_not_null(&relation, column) {
            Some(name) => self.proof(table, format!("the check {name} is there"), at),
            None => {
                self.look_for_null(table);
                self.scan(table, format!("no row may lack `{column}`"), at);
            }
        }
    }

    /// Since 18 children keep constraints of their own, and only those that have it from their
    /// parent are reached.
    pub(super) fn drop_not_null(&mut self, action: &AlterAction) {
        let AlterAction::DropNotNull { column } = action else {
            return;
        };
        let relation = self.relation(&self.table.clone());
        let there = relation
            .and_then(|it| it.column(column).map(|column| column.not_null))
            .unwrap_or(true);
        if self.claims.major < 18 || there {
            self.lock_below();
        }
    }

    pub(super) fn set_expression(&mut self, column: &str, at: &Span) {
        self.claims.since(17);
        for table in self.lock_below() {
            let relation = self.relation(&table);
            if !relation.is_some_and(|it| is_virtual(&it, column)) {
                self.rewrite(&table, format!("`{column}` is computed anew"), at);
            }
            self.depend_on_column(&table, column, at);
        }
    }
}

/// The default of a domain, its own or that of one that it is over.
pub(in crate::facts) fn domain_default(type_name: &TypeName, schema: &Schema) -> Option<Expr> {
    let mut next = schema.resolve(&type_name.name);
    let mut array = type_name.array;
    for _ in 0..64 {
        match schema.types.get(&next).map(AsRef::as_ref) {
            Some(Type::Domain { base, default, .. }) if array == 0 => {
                if default.is_some() {
                    return default.clone();
                }
                next = schema.resolve(&base.name);
                array = base.array;
            }
            _ => return None,
        }
    }
    None
}

/// Whether a new column says which value it has: by a `DEFAULT`, a sequence or an expression.
pub(super) fn is_filled(column: &Column) -> bool {
    let serial = column.type_name.as_ref().is_some_and(|it| it.serial);
    let computed = matches!(column.generated, Some(Generated::Expression { .. }));
    column.default.is_some() || serial || computed
}

/// Whether a new column takes numbers from a sequence, and so may not be null.
fn is_counted(column: &Column) -> bool {
    let serial = column.type_name.as_ref().is_some_and(|it| it.serial);
    serial || matches!(column.generated, Some(Generated::Identity { .. }))
}

/// Whether a new column may not be null: because it says so, or as (part of) the primary key.
fn is_required(column: &Column) -> bool {
    column.constraints.iter().any(|it| {
        matches!(
            it.kind,
            ConstraintKind::NotNull { .. } | ConstraintKind::PrimaryKey { .. }
        )
    })
}

/// Whether a column has a `NOT NULL` that not all rows are known to obey (PostgreSQL 18).
pub(super) fn has_unproved(relation: &Relation, column: &str) -> bool {
    relation.constraints.iter().any(|it| {
        !it.valid && matches!(&it.kind, ConstraintKind::NotNull { column: of } if of == column)
    })
}
