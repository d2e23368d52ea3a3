//! `ALTER COLUMN … TYPE`, and what hangs on the column: indexes, checks, foreign keys.
//!
//! The server takes away everything that depends on the column and makes it again. An index keeps
//! its file if it would come out the same; a foreign key is not checked again if it compares as
//! before; a check that is valid always is.

use super::alter::Altering;
use super::drops::trigger_gone;
use super::partitions::is_alike;
use super::types::{Kind, change, see_through};
use super::{Doubt, Mode};
use crate::schema::{Constraint, Index, Relation, Schema, Type};
use crate::sql::ir::{ConstraintKind, Expr, Generated, Name, Node, Span, TypeName};

/// How a column compares before and after.
struct Compared {
    /// Whether the rows are written anew.
    rewrite: bool,
    /// Whether indexes compare values in another way.
    order: bool,
    /// Whether a foreign key of the column compares it in another way. How it does depends on the
    /// type of the other side; some types are only read as that.
    own_key: bool,
    /// Whether the collation of the column is another one.
    collation: bool,
    why: String,
}

impl Altering<'_, '_> {
    pub(super) fn set_type(
        &mut self,
        column: &str,
        to: &TypeName,
        collation: Option<&Name>,
        using: Option<&Expr>,
        at: &Span,
    ) {
        for table in self.lock_below() {
            let relation = self.relation(&table);
            let from = relation
                .as_ref()
                .and_then(|it| it.column(column))
                .and_then(|it| {
                    it.type_name
                        .as_ref()
                        .map(|name| (name, it.collation.as_ref()))
                });
            let Some((from, old_collation)) = from else {
                self.claims
                    .doubt(Doubt::Column(table.clone(), column.to_owned()));
                self.rewrite(&table, format!("the type of `{column}` changes"), at);
                self.depend_on_column(&table, column, at);
                continue;
            };
            let done = change(column, from, to, using, &self.now);
            if done.zone_unknown {
                self.claims.doubt(Doubt::TimeZone);
            }
            if done.type_unknown {
                self.claims
                    .doubt(Doubt::Column(table.clone(), column.to_owned()));
            }
            let (old, new) = (see_through(from, &self.now), see_through(to, &self.now));
            let (old_class, new_class) = (self.class_of(&old.base), self.class_of(&new.base));
            let order = old_class != new_class;
            let compared = Compared {
                rewrite: done.rewrite,
                order,
                own_key: order && !is_read_as(&old_class, &new_class),
                collation: !same_collation(old_collation, collation),
                why: format!(
                    "the type of `{column}` changes from {} to {}",
                    from.written, to.written
                ),
            };
            let is_virtual = relation.as_ref().is_some_and(|it| is_virtual(it, column));
            if compared.rewrite && !is_virtual {
                self.rewrite(&table, compared.why.as_str(), at);
            }
            self.depend(&table, column, &compared, at);
        }
    }

    /// What hangs on a column whose values are others than before.
    pub(super) fn depend_on_column(&mut self, table: &Name, column: &str, at: &Span) {
        let compared = Compared {
            rewrite: true,
            order: true,
            own_key: true,
            collation: true,
            why: format!("`{column}` changes"),
        };
        self.depend(table, column, &compared, at);
    }

    fn depend(&mut self, table: &Name, column: &str, compared: &Compared, at: &Span) {
        let indexes: Vec<(Name, Index)> = self
            .now
            .indexes_of(table)
            .filter(|(_, index)| mentions(index, column))
            .map(|(name, index)| (name.clone(), index.clone()))
            .collect();
        for (name, index) in indexes {
            if self.claims.schema.indexes.contains_key(&name) {
                self.claims.lock_index(&name, Mode::AccessExclusive);
            }
            let elements = index.method == "gin" && is_array(&self.now, table, column);
            let must = elements
                || must_be_built(&index, column, compared)
                || is_of_parent(&self.now, table, &index);
            if compared.rewrite || must {
                self.build(table, &name, &compared.why, at);
            }
        }
        let Some(relation) = self.relation(table) else {
            return;
        };
        for constraint in &relation.constraints {
            match &constraint.kind {
                ConstraintKind::Check(expr)
                    if constraint.valid
                        && constraint.enforced
                        && expr.columns().contains(&column) =>
                {
                    let why = format!("the check {} is made again", constraint.name);
                    self.scan(table, why, at);
                }
                ConstraintKind::ForeignKey {
                    columns,
                    table: referenced,
                    ..
                } if columns.iter().any(|it| it == column) => {
                    let look_up = constraint.valid && (compared.rewrite || compared.own_key);
                    self.make_again(table, referenced, constraint, look_up, at);
                }
                _ => {}
            }
        }
        self.depend_from_afar(table, &relation, column, compared, at);
    }

    /// Foreign keys of other tables that point to the column.
    fn depend_from_afar(
        &mut self,
        table: &Name,
        relation: &Relation,
        column: &str,
        compared: &Compared,
        at: &Span,
    ) {
        let now = self.now.clone();
        let own_key = relation.primary_key().unwrap_or_default();
        for (from, constraint) in now.references_to(table) {
            let ConstraintKind::ForeignKey { referred, .. } = &constraint.kind else {
                continue;
            };
            let referred = if referred.is_empty() {
                own_key
            } else {
                referred
            };
            if referred.iter().any(|it| it == column) {
                let look_up = constraint.valid && (compared.rewrite || compared.order);
                self.make_again(from, table, constraint, look_up, at);
            }
        }
    }

    /// A foreign key goes and comes again, and rows are looked up where they may not fit any more.
    fn make_again(
        &mut self,
        from: &Name,
        to: &Name,
        constraint: &Constraint,
        look_up: bool,
        at: &Span,
    ) {
        self.claims.lock(from, Mode::AccessExclusive);
        trigger_gone(self.claims, &self.now, to, false, constraint.enforced);
        self.claims.lock_partitions(to, Mode::ShareRowExclusive);
        if look_up && constraint.enforced {
            let why = format!("the foreign key {} is made again", constraint.name);
            self.look_up(from, to, why, at);
        }
    }

    /// The default operator class of a type in a btree, by the type that it is for. Classes for
    /// many types, such as arrays, differ with the type.
    fn class_of(&self, kind: &Kind) -> Kind {
        let mut class = kind.clone();
        class.modifiers = None;
        let user = self.now.types.get(&kind.name).map(AsRef::as_ref);
        if kind.array || matches!(user, Some(Type::Enum { .. })) || kind.name.schema.is_some() {
            return class;
        }
        class.name.name = match kind.name.name.as_str() {
            "varchar" => "text",
            "cidr" => "inet",
            name if name.starts_with("reg") => "oid",
            name => name,
        }
        .to_owned();
        class
    }
}

/// Whether an index of a partition is part of one of the partitioned table. That one has no file to
/// keep, is made again, and makes its parts again (`TryReuseIndex` in
/// `src/backend/commands/tablecmds.c`).
fn is_of_parent(schema: &Schema, table: &Name, index: &Index) -> bool {
    let parent = schema
        .relations
        .get(table)
        .and_then(|it| it.partition_of.as_ref());
    parent.is_some_and(|(parent, _)| {
        schema
            .indexes_of(parent)
            .any(|(_, above)| above.valid && is_alike(above, index))
    })
}

/// Whether values of one type are read as those of the other where the other side of a foreign
/// key has that.
fn is_read_as(one: &Kind, other: &Kind) -> bool {
    let number = |kind: &Kind| kind.is("oid") || kind.is("int4");
    let bits = |kind: &Kind| kind.is("bit") || kind.is("varbit");
    (number(one) && number(other)) || (bits(one) && bits(other))
}

/// Whether the values of a column are not stored (PostgreSQL 18).
pub(super) fn is_virtual(relation: &Relation, column: &str) -> bool {
    let generated = relation.column(column).and_then(|it| it.generated.as_ref());
    matches!(generated, Some(Generated::Expression { stored: false, .. }))
}

/// Whether a column is an array. An index by elements then has another type than the column, so
/// that it is never taken for the same.
fn is_array(schema: &Schema, table: &Name, column: &str) -> bool {
    let found = schema.relations.get(table).and_then(|it| it.column(column));
    let type_name = found.and_then(|it| it.type_name.as_ref());
    type_name.is_some_and(|it| see_through(it, schema).base.array)
}

/// Whether an index has anything to do with a column.
fn mentions(index: &Index, column: &str) -> bool {
    let in_keys = index.keys.iter().any(|key| key.columns().contains(&column));
    let in_predicate = index.predicate.as_ref();
    in_keys
        || index.include.iter().any(|it| it == column)
        || in_predicate.is_some_and(|it| it.columns().contains(&column))
}

/// Whether an index is built again though no row is written: `CheckIndexCompatible` in
/// `src/backend/commands/indexcmds.c`.
fn must_be_built(index: &Index, column: &str, compared: &Compared) -> bool {
    let plain = |key: &Expr| matches!(key.node, Node::Column(_));
    if index.predicate.is_some() || !index.keys.iter().all(plain) || !index.valid {
        return true;
    }
    index.keys.iter().enumerate().any(|(at, key)| {
        if !matches!(&key.node, Node::Column(name) if name == column) {
            return false;
        }
        let options = index.options.get(at).map_or("", String::as_str);
        let (collation, class) = options_of(options);
        (compared.collation && collation.is_none()) || (compared.order && !class)
    })
}

/// What follows a key of an index: the collation, and whether an operator class is named.
fn options_of(options: &str) -> (Option<&str>, bool) {
    let mut collation = None;
    let mut class = false;
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_str() {
            "collate" => collation = words.next(),
            "asc" | "desc" | "nulls" | "first" | "last" => {}
            // Of an exclusion constraint.
            "with" => break,
            _ => class = true,
        }
    }
    (collation, class)
}

/// Whether two collations are the same; none is the type's own.
fn same_collation(one: Option<&Name>, other: Option<&Name>) -> bool {
    let plain = |name: Option<&Name>| match name {
        Some(name) if name.name != "default" => Some(name.name.clone()),
        _ => None,
    };
    plain(one) == plain(other)
}
