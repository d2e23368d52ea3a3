//! Columns, and the sequences that belong to them.

use std::sync::Arc;

use super::{Fold, bare, names};
use crate::schema::{Column, RelationKind};
use crate::sql::ir::{
    Column as Declared, ConstraintKind, Expr, Generated, Name, Node, Object, TypeName,
};

impl Fold<'_> {
    /// A declared column of a table, and the sequence that it needs. Names in `taken` are given away
    /// already.
    pub(super) fn column(
        &mut self,
        table: &Name,
        declared: &Declared,
        taken: &[Name],
    ) -> (Column, Option<Name>) {
        let not_null = declared.constraints.iter().any(|it| {
            matches!(
                it.kind,
                ConstraintKind::NotNull { .. } | ConstraintKind::PrimaryKey { .. }
            ) && !it.not_valid
        });
        let mut column = Column {
            name: declared.name.clone(),
            type_name: declared.type_name.as_ref().map(|it| self.full_type(it)),
            collation: declared.collation.clone(),
            not_null,
            default: self.default(declared.default.as_ref()),
            generated: declared.generated.clone(),
        };
        self.need_type(column.type_name.as_ref());
        let serial = declared.type_name.as_ref().is_some_and(|it| it.serial);
        let identity = matches!(declared.generated, Some(Generated::Identity { .. }));
        if !serial && !identity {
            return (column, None);
        }
        column.not_null = true;
        let sequence = self.sequence_name(table, &declared.name, taken);
        if serial {
            let span = declared.span.clone();
            column.default = Some(next_value(&sequence, span));
            if let Some(of) = &mut column.type_name {
                of.serial = false;
                of.written = match of.name.name.as_str() {
                    "int2" => "smallint",
                    "int8" => "bigint",
                    _ => "integer",
                }
                .to_owned();
            }
        }
        (column, Some(sequence))
    }

    /// A type in a schema of its own must be there; one without is built in or may come with an
    /// extension.
    fn need_type(&mut self, of: Option<&TypeName>) {
        let Some(of) = of else {
            return;
        };
        let known = self.schema.types.contains_key(&of.name)
            || self.schema.relations.contains_key(&of.name)
            || !self.schema.extensions.is_empty();
        if of.name.schema.is_some() && !known && self.schema.complete {
            self.no_such(Object::Type, &of.name);
        }
    }

    /// A default; `NULL` is none. A sequence that it takes from is named in full.
    pub(super) fn default(&self, expr: Option<&Expr>) -> Option<Expr> {
        let mut expr = expr.filter(|it| !it.is_null())?.clone();
        super::rename_expr::name_sequence_in_full(&mut expr, |name| {
            let full = self.schema.resolve(name);
            let known = self.schema.relations.contains_key(&full);
            known.then_some(full)
        });
        Some(expr)
    }

    /// The name that the sequence of a column gets.
    pub(super) fn sequence_name(&self, table: &Name, column: &str, taken: &[Name]) -> Name {
        let namespace = table.schema.clone().unwrap_or_default();
        let mut label = "seq".to_owned();
        let mut pass = 0_u32;
        loop {
            let name = names::join(&table.name, Some(column), &label);
            let full = Name::qualified(namespace.clone(), name);
            if !self.is_taken(&full) && !taken.contains(&full) {
                return full;
            }
            pass += 1;
            label = format!("seq{pass}");
        }
    }

    pub(super) fn make_sequence(&mut self, name: Name, owned_by: Option<(Name, String)>) {
        let mut sequence = bare(RelationKind::Sequence, self.schema.unit);
        sequence.owned_by = owned_by;
        self.schema.relations.insert(name, Arc::new(sequence));
    }

    pub(super) fn create_sequence(
        &mut self,
        name: &Name,
        temporary: bool,
        if_not_exists: bool,
        owned_by: Option<&(Name, String)>,
    ) {
        let full = self.place(name, temporary);
        if self.is_made_up(&full) {
            self.schema.relations.remove(&full);
        } else if self.is_taken(&full) {
            if !if_not_exists {
                self.exists(Object::Sequence, &full);
            }
            return;
        }
        let owner = owned_by.and_then(|it| self.owner(it));
        self.make_sequence(full, owner);
    }

    /// The full name of a table, with a column of it.
    fn owner(&mut self, (table, column): &(Name, String)) -> Option<(Name, String)> {
        let table = self.find(Object::Table, table, false)?;
        self.need_column(&table, column);
        Some((table, column.clone()))
    }

    /// `ALTER SEQUENCE … OWNED BY`.
    pub(super) fn own_sequence(&mut self, sequence: &Name, column: Option<&(Name, String)>) {
        let owner = column.and_then(|it| self.owner(it));
        if let Some(mut relation) = self.edit(sequence) {
            relation.owned_by = owner;
        }
    }

    /// Whether a table has a column; if it does not, that is a misfit, unless it may have more than
    /// is known.
    pub(super) fn need_column(&mut self, table: &Name, column: &str) -> bool {
        let Some(relation) = self.relation(table) else {
            return false;
        };
        if relation.column(column).is_some() {
            return true;
        }
        if !relation.may_have_more() {
            self.no_such_in(Object::Column, table, column);
        }
        false
    }
}

/// `nextval('schema.sequence'::regclass)`.
fn next_value(sequence: &Name, span: std::ops::Range<usize>) -> Expr {
    let written = format!("'{}'::regclass", sequence.to_string().replace('\'', "''"));
    let literal = Expr {
        text: format!("'{sequence}'"),
        span: span.clone(),
        node: Node::Literal(sequence.to_string()),
    };
    let cast = Expr {
        text: written.clone(),
        span: span.clone(),
        node: Node::Cast {
            of: Box::new(literal),
            to: TypeName {
                name: Name::plain("regclass"),
                modifiers: Vec::new(),
                array: 0,
                serial: false,
                written: "regclass".to_owned(),
            },
        },
    };
    Expr {
        text: format!("nextval({written})"),
        span,
        node: Node::Call {
            name: Name::plain("nextval"),
            arguments: vec![cast],
        },
    }
}
