//! Types, domains, functions, schemas and extensions.

use std::sync::Arc;

use super::{Fold, names};
use crate::schema::{Column, Misfit, Type};
use crate::sql::ir::{
    AlterDomainAction, AlterTypeAction, AttributeChange, Beside, Column as Declared, Constraint,
    ConstraintKind, Drop, Expr, Name, Object, TypeName, Volatility,
};

/// Types that well-known extensions bring.
const OF_EXTENSIONS: [(&str, &[&str]); 9] = [
    ("citext", &["citext"]),
    ("cube", &["cube"]),
    ("hstore", &["hstore"]),
    ("intarray", &["query_int"]),
    (
        "isn",
        &[
            "ean13", "isbn", "isbn13", "ismn", "ismn13", "issn", "issn13", "upc",
        ],
    ),
    ("ltree", &["lquery", "ltree", "ltxtquery"]),
    ("postgis", &["box2d", "box3d", "geography", "geometry"]),
    ("seg", &["seg"]),
    ("vector", &["halfvec", "sparsevec", "vector"]),
];

impl Fold<'_> {
    pub(super) fn create_type(
        &mut self,
        name: &Name,
        values: Option<&[String]>,
        attributes: &[Declared],
    ) {
        let full = self.place(name, false);
        if self.schema.types.contains_key(&full) || self.schema.relations.contains_key(&full) {
            self.exists(Object::Type, &full);
            return;
        }
        let made = match values {
            Some(values) => Type::Enum {
                values: values.to_vec(),
                made_in: self.schema.unit,
            },
            None if attributes.is_empty() => Type::Other,
            None => Type::Composite {
                attributes: attributes.iter().map(|it| self.attribute(it)).collect(),
            },
        };
        self.schema.types.insert(full, Arc::new(made));
    }

    fn attribute(&self, declared: &Declared) -> Column {
        let of = declared.type_name.as_ref().map(|it| self.full_type(it));
        Column {
            collation: declared.collation.clone(),
            ..super::plain_column(&declared.name, of)
        }
    }

    /// The full name of a type that must be there.
    fn find_type(&mut self, object: Object, name: &Name) -> Option<Name> {
        let full = self.schema.resolve_type(name);
        if self.schema.types.contains_key(&full) {
            return Some(full);
        }
        // A type may come with an extension.
        if self.schema.complete && self.schema.extensions.is_empty() {
            self.no_such(object, &full);
        }
        None
    }

    fn edit_type(&mut self, name: &Name) -> Option<&mut Type> {
        self.schema.types.get_mut(name).map(Arc::make_mut)
    }

    pub(super) fn alter_type(&mut self, name: &Name, action: &AlterTypeAction) {
        let Some(full) = self.find_type(Object::Type, name) else {
            return;
        };
        match action {
            AlterTypeAction::AddValue {
                value,
                if_not_exists,
                beside,
            } => self.add_value(&full, value, *if_not_exists, beside.as_ref()),
            AlterTypeAction::RenameValue { from, to } => self.rename_value(&full, from, to),
            AlterTypeAction::Rename { to } => {
                let to = Name {
                    name: to.clone(),
                    ..full.clone()
                };
                self.move_type(&full, to);
            }
            AlterTypeAction::SetSchema { to } => {
                self.need_namespace(to);
                let to = Name::qualified(to.clone(), full.name.clone());
                self.move_type(&full, to);
            }
            AlterTypeAction::Attribute { change, .. } => self.change_attribute(&full, change),
            AlterTypeAction::Other { .. } => {}
        }
    }

    fn add_value(
        &mut self,
        name: &Name,
        value: &str,
        if_not_exists: bool,
        beside: Option<&(Beside, String)>,
    ) {
        let Some(Type::Enum { values, .. }) = self.edit_type(name) else {
            return;
        };
        if values.iter().any(|it| it == value) {
            if !if_not_exists {
                self.exists_in(Object::Other, name, value);
            }
            return;
        }
        let at = match beside {
            None => Some(values.len()),
            Some((side, other)) => values
                .iter()
                .position(|it| it == other)
                .map(|at| at + usize::from(*side == Beside::After)),
        };
        match (at, beside) {
            (Some(at), _) => values.insert(at, value.to_owned()),
            (None, Some((_, other))) => {
                values.push(value.to_owned());
                let other = other.clone();
                self.no_such_in(Object::Other, name, &other);
            }
            (None, None) => {}
        }
    }

    fn rename_value(&mut self, name: &Name, from: &str, to: &str) {
        let Some(Type::Enum { values, .. }) = self.edit_type(name) else {
            return;
        };
        if values.iter().any(|it| it == to) {
            self.exists_in(Object::Other, name, to);
            return;
        }
        let Some(value) = values.iter_mut().find(|it| *it == from) else {
            self.no_such_in(Object::Other, name, from);
            return;
        };
        to.clone_into(value);
        // Defaults are kept by value and not by its name.
        let is_one = |it: &Column| {
            it.type_name.as_ref().is_some_and(|of| of.name == *name)
                && it
                    .default
                    .as_ref()
                    .is_some_and(|it| super::rename_expr::says(it, from))
        };
        self.schema.relations.change_where(
            |relation| relation.columns.iter().any(is_one),
            |relation| {
                for column in relation.columns.iter_mut().filter(|it| is_one(it)) {
                    if let Some(default) = &mut column.default {
                        super::rename_expr::say(default, to);
                    }
                }
            },
        );
    }

    fn change_attribute(&mut self, name: &Name, change: &AttributeChange) {
        let added = match change {
            AttributeChange::Add { column } => Some(self.attribute(column)),
            _ => None,
        };
        let retyped = match change {
            AttributeChange::SetType { to, .. } => Some(self.full_type(to)),
            _ => None,
        };
        let Some(Type::Composite { attributes }) = self.edit_type(name) else {
            return;
        };
        let has = |attributes: &[Column], name: &str| attributes.iter().any(|it| it.name == name);
        let (found, wanted) = match change {
            AttributeChange::Add { column } => {
                let clash = has(attributes, &column.name);
                if !clash {
                    attributes.extend(added);
                    return;
                }
                let column = column.name.clone();
                self.exists_in(Object::Column, name, &column);
                return;
            }
            AttributeChange::Drop {
                name: wanted,
                if_exists,
            } => {
                let found = has(attributes, wanted);
                attributes.retain(|it| it.name != *wanted);
                (found || *if_exists, wanted)
            }
            AttributeChange::SetType { name: wanted, .. } => {
                let one = attributes.iter_mut().find(|it| it.name == *wanted);
                let found = one.is_some();
                if let Some(one) = one {
                    one.type_name = retyped;
                }
                (found, wanted)
            }
            AttributeChange::Rename { from, to } => {
                let one = attributes.iter_mut().find(|it| it.name == *from);
                let found = one.is_some();
                if let Some(one) = one {
                    to.clone_into(&mut one.name);
                }
                (found, from)
            }
        };
        if !found {
            let wanted = wanted.clone();
            self.no_such_in(Object::Column, name, &wanted);
        }
    }

    pub(super) fn create_domain(
        &mut self,
        name: &Name,
        base: &TypeName,
        default: Option<&Expr>,
        constraints: &[Constraint],
    ) {
        let full = self.place(name, false);
        if self.schema.types.contains_key(&full) || self.schema.relations.contains_key(&full) {
            self.exists(Object::Domain, &full);
            return;
        }
        let not_null = |it: &Constraint| matches!(it.kind, ConstraintKind::NotNull { .. });
        let made = Type::Domain {
            base: self.full_type(base),
            not_null: constraints.iter().any(not_null),
            default: default.cloned(),
            checks: Vec::new(),
        };
        self.schema.types.insert(full.clone(), Arc::new(made));
        for constraint in constraints {
            self.add_check(&full, constraint, true);
        }
    }

    /// Adds a check to a domain.
    fn add_check(&mut self, domain: &Name, declared: &Constraint, new: bool) {
        let ConstraintKind::Check(expr) = &declared.kind else {
            return;
        };
        let Some(Type::Domain { checks, .. }) = self.edit_type(domain) else {
            return;
        };
        let name = declared.name.clone().unwrap_or_else(|| {
            let mut name = names::join(&domain.name, None, "check");
            let mut pass = 0;
            while checks.iter().any(|(it, ..)| *it == name) {
                pass += 1;
                name = names::join(&domain.name, None, &format!("check{pass}"));
            }
            name
        });
        if checks.iter().any(|(it, ..)| *it == name) {
            self.exists_in(Object::Constraint, domain, &name);
            return;
        }
        checks.push((name, expr.clone(), new || !declared.not_valid));
    }

    pub(super) fn alter_domain(&mut self, name: &Name, action: &AlterDomainAction) {
        let Some(full) = self.find_type(Object::Domain, name) else {
            return;
        };
        match action {
            AlterDomainAction::Rename { to } => {
                let to = Name {
                    name: to.clone(),
                    ..full.clone()
                };
                return self.move_type(&full, to);
            }
            AlterDomainAction::SetSchema { to } => {
                self.need_namespace(to);
                let to = Name::qualified(to.clone(), full.name.clone());
                return self.move_type(&full, to);
            }
            AlterDomainAction::AddConstraint(declared) => self.add_check(&full, declared, false),
            _ => {}
        }
        let Some(one) = self.schema.types.get_mut(&full).map(Arc::make_mut) else {
            return;
        };
        let Type::Domain {
            not_null,
            default,
            checks,
            ..
        } = one
        else {
            self.misfits.push(Misfit::WrongKind {
                name: full,
                said: Object::Domain,
                is: Object::Type,
            });
            return;
        };
        let missing = match action {
            AlterDomainAction::AddConstraint(declared) => {
                *not_null |= matches!(declared.kind, ConstraintKind::NotNull { .. });
                None
            }
            AlterDomainAction::SetNotNull => {
                *not_null = true;
                None
            }
            AlterDomainAction::DropNotNull => {
                *not_null = false;
                None
            }
            AlterDomainAction::Default(to) => {
                default.clone_from(to);
                None
            }
            AlterDomainAction::DropConstraint { name, if_exists } => {
                let before = checks.len();
                checks.retain(|(it, ..)| it != name);
                (checks.len() == before && !if_exists).then_some(name)
            }
            AlterDomainAction::ValidateConstraint { name } => {
                let found = checks.iter_mut().find(|(it, ..)| it == name);
                match found {
                    Some((.., valid)) => {
                        *valid = true;
                        None
                    }
                    None => Some(name),
                }
            }
            AlterDomainAction::RenameConstraint { from, to } => {
                let found = checks.iter_mut().find(|(it, ..)| it == from);
                match found {
                    Some((name, ..)) => {
                        to.clone_into(name);
                        None
                    }
                    None => Some(from),
                }
            }
            _ => None,
        };
        if let Some(name) = missing {
            let name = name.clone();
            self.no_such_in(Object::Constraint, &full, &name);
        }
    }

    pub(super) fn create_function(
        &mut self,
        name: &Name,
        or_replace: bool,
        volatility: Volatility,
    ) {
        let full = self.place(name, false);
        let known = self.schema.functions.get(&full).copied();
        // Without `OR REPLACE` it is another one of the same name.
        let least = match known {
            Some(known) if !or_replace => known.max(volatility),
            _ => volatility,
        };
        self.schema.functions.insert(full, least);
    }

    pub(super) fn create_schema(&mut self, name: &str, if_not_exists: bool) {
        if self.schema.namespaces.iter().any(|it| it == name) {
            if !if_not_exists && self.schema.complete {
                self.exists(Object::Schema, &Name::plain(name));
            }
            return;
        }
        self.schema.namespaces.push(name.to_owned());
    }

    pub(super) fn create_extension(
        &mut self,
        name: &str,
        place: Option<&str>,
        if_not_exists: bool,
    ) {
        if name == "plpgsql" {
            return;
        }
        if !self.schema.extensions.insert(name.to_owned()) {
            if !if_not_exists {
                self.exists(Object::Extension, &Name::plain(name));
            }
            return;
        }
        for of in types_of(name) {
            let namespace = match place {
                Some(place) => place.to_owned(),
                None => self.schema.current_namespace(),
            };
            let full = Name::qualified(namespace, *of);
            if !self.schema.types.contains_key(&full) {
                self.schema.types.insert(full, Arc::new(Type::Other));
            }
        }
    }

    pub(super) fn drop_extension(&mut self, name: &str, drop: &Drop) {
        if !self.schema.extensions.remove(name) {
            if self.schema.complete && !drop.if_exists && name != "plpgsql" {
                self.no_such(Object::Extension, &Name::plain(name));
            }
            return;
        }
        let types = types_of(name);
        self.schema.types.retain(|full, of| {
            !(matches!(of.as_ref(), Type::Other) && types.contains(&full.name.as_str()))
        });
    }
}

fn types_of(extension: &str) -> &'static [&'static str] {
    OF_EXTENSIONS
        .iter()
        .find(|(name, _)| *name == extension)
        .map_or(&[], |(_, types)| types)
}
