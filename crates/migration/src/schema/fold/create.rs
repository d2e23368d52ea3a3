//! `CREATE TABLE`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Fold, bare, plain_column};
use crate::schema::{Column, Constraint, Index, Relation, RelationKind, Type};
use crate::sql::ir::{
    ConstraintKind, CreateTable, Expr, Generated, Like, Name, Node, Object, Output, Persistence,
    Query, TypeName,
};

/// What `LIKE` takes over besides columns and `NOT NULL`.
const LIKE_ALL: [&str; 9] = [
    "COMMENTS",
    "COMPRESSION",
    "CONSTRAINTS",
    "DEFAULTS",
    "GENERATED",
    "IDENTITY",
    "INDEXES",
    "STATISTICS",
    "STORAGE",
];

impl Fold<'_> {
    pub(super) fn create_table(&mut self, create: &CreateTable) {
        let temporary = create.persistence == Persistence::Temporary;
        let name = self.place(&create.name, temporary);
        if self.is_made_up(&name) {
            self.schema.relations.remove(&name);
        } else if self.is_taken(&name) {
            if !create.if_not_exists {
                self.exists(Object::Table, &name);
            }
            return;
        }
        let kind = if create.foreign {
            RelationKind::Foreign
        } else {
            RelationKind::Table {
                logged: create.persistence != Persistence::Unlogged,
                temporary,
            }
        };
        let mut relation = bare(kind, self.schema.unit);
        relation.tablespace.clone_from(&create.tablespace);
        relation.access_method = create.access_method.clone().filter(|it| it != "heap");
        relation.partition_by.clone_from(&create.partition_by);
        self.inherit(&name, create, &mut relation);
        if let Some(of) = &create.of_type {
            self.columns_of_type(of, &mut relation);
        }
        // Sequences of `serial` get their names before the table is there.
        let sequences = self.own_columns(&name, create, &mut relation);
        if let Some(query) = &create.query {
            self.columns_of_query(query, &mut relation);
        }
        let parent = relation
            .partition_of
            .as_ref()
            .map(|(parent, _)| parent.clone());
        self.schema
            .relations
            .insert(name.clone(), Arc::new(relation));
        for (sequence, column) in sequences {
            self.make_sequence(sequence, Some((name.clone(), column)));
        }
        self.like_constraints(&name, &create.like);
        self.declared_constraints(&name, create);
        self.like_indexes(&name, &create.like);
        if let Some(parent) = parent {
            self.take_over_from_parent(&name, &parent);
        }
    }

    /// Whether a relation was made up for a statement before.
    pub(super) fn is_made_up(&self, name: &Name) -> bool {
        self.relation(name)
            .is_some_and(|it| it.partial && it.made_in == 0)
    }

    /// Columns and checks of the tables that it inherits from or is a partition of.
    fn inherit(&mut self, name: &Name, create: &CreateTable, relation: &mut Relation) {
        let mut parents: Vec<Name> = Vec::new();
        for parent in &create.inherits {
            if let Some(parent) = self.find(Object::Table, parent, false) {
                relation.inherits.push(parent.clone());
                parents.push(parent);
            }
        }
        if let Some((parent, bound)) = &create.partition_of
            && let Some(parent) = self.find(Object::Table, parent, false)
        {
            relation.partition_of = Some((parent.clone(), bound.clone()));
            parents.push(parent);
        }
        for parent in parents.iter().filter(|it| *it != name) {
            let Some(parent) = self.relation(parent).cloned() else {
                continue;
            };
            relation.partial |= parent.partial;
            let own: Vec<&str> = parent.constraints.iter().filter_map(own_not_null).collect();
            for mut column in parent.columns {
                column.not_null &= !own.contains(&column.name.as_str());
                match relation
                    .columns
                    .iter_mut()
                    .find(|it| it.name == column.name)
                {
                    Some(own) => own.not_null |= column.not_null,
                    None => {
                        // An identity is handed on to partitions only.
                        if relation.partition_of.is_none()
                            && matches!(column.generated, Some(Generated::Identity { .. }))
                        {
                            column.generated = None;
                        }
                        relation.columns.push(column);
                    }
                }
            }
            for check in parent.constraints {
                if is_inherited(&check) && relation.constraint(&check.name).is_none() {
                    relation.constraints.push(check);
                }
            }
        }
    }

    fn columns_of_type(&mut self, of: &Name, relation: &mut Relation) {
        let full = self.schema.resolve_type(of);
        match self.schema.types.get(&full).map(AsRef::as_ref) {
            Some(Type::Composite { attributes }) => {
                let columns = attributes
                    .iter()
                    .map(|it| plain_column(&it.name, it.type_name.clone()));
                relation.columns.extend(columns);
            }
            _ if self.schema.complete => self.no_such(Object::Type, &full),
            _ => relation.partial = true,
        }
    }

    /// The columns that are declared, and those of `LIKE`, each where it stands. The sequences of
    /// `serial` and identities, each with its column.
    fn own_columns(
        &mut self,
        name: &Name,
        create: &CreateTable,
        relation: &mut Relation,
    ) -> Vec<(Name, String)> {
        let mut sequences = Vec::new();
        for at in 0..=create.columns.len() {
            for like in create.like.iter().filter(|it| it.position == at) {
                self.like_columns(like, relation);
            }
            let Some(declared) = create.columns.get(at) else {
                continue;
            };
            let taken: Vec<Name> = sequences.iter().map(|(it, _)| Name::clone(it)).collect();
            let (column, sequence) = self.column(name, declared, &taken);
            sequences.extend(sequence.map(|it| (it, column.name.clone())));
            match relation
                .columns
                .iter_mut()
                .find(|it| it.name == column.name)
            {
                // A column of a parent may be declared again, and of a typed table only options are.
                Some(old) if at_most_once(create) => {
                    let before = std::mem::replace(old, column);
                    old.type_name = old.type_name.take().or(before.type_name);
                    old.collation = old.collation.take().or(before.collation);
                    old.default = old.default.take().or(before.default);
                    old.generated = old.generated.take().or(before.generated);
                    old.not_null |= before.not_null;
                }
                Some(_) => {
                    let column = column.name;
                    self.exists_in(Object::Column, name, &column);
                }
                None => relation.columns.push(column),
            }
        }
        sequences
    }

    fn like_columns(&mut self, like: &Like, relation: &mut Relation) {
        let Some(other) = self.find(Object::Table, &like.table, false) else {
            return;
        };
        let Some(other) = self.relation(&other).cloned() else {
            return;
        };
        let takes = taken_over(like);
        relation.partial |= other.partial;
        for mut column in other.columns {
            let generated = match &column.generated {
                Some(Generated::Identity { .. }) => takes.contains("IDENTITY"),
                Some(Generated::Expression { .. }) => takes.contains("GENERATED"),
                None => true,
            };
            if !generated {
                column.generated = None;
            }
            if !takes.contains("DEFAULTS") {
                column.default = None;
            }
            if relation.column(&column.name).is_none() {
                relation.columns.push(column);
            }
        }
    }

    fn like_constraints(&mut self, name: &Name, likes: &[Like]) {
        for like in likes
            .iter()
            .filter(|it| taken_over(it).contains("CONSTRAINTS"))
        {
            let other = self.schema.resolve(&like.table);
            let checks: Vec<Constraint> = self
                .relation(&other)
                .map(|it| {
                    it.constraints
                        .iter()
                        .filter(|it| is_check(it))
                        .cloned()
                        .collect()
                })
                .unwrap_or_default();
            if let Some(mut relation) = self.edit(name) {
                for check in checks {
                    if relation.constraint(&check.name).is_none() {
                        relation.constraints.push(check);
                    }
                }
            }
        }
        // Identities are made anew.
        let identities: Vec<String> = self.without_sequence(name, likes);
        for column in identities {
            let sequence = self.sequence_name(name, &column, &[]);
            self.make_sequence(sequence, Some((name.clone(), column)));
        }
    }

    /// The identity columns that `LIKE` brought.
    fn without_sequence(&self, name: &Name, likes: &[Like]) -> Vec<String> {
        if !likes.iter().any(|it| taken_over(it).contains("IDENTITY")) {
            return Vec::new();
        }
        let owned = |column: &str| {
            let owner = Some((name.clone(), column.to_owned()));
            self.schema
                .relations
                .around(name)
                .any(|(_, it)| it.owned_by == owner)
        };
        self.relation(name)
            .into_iter()
            .flat_map(|it| &it.columns)
            .filter(|it| matches!(it.generated, Some(Generated::Identity { .. })))
            .map(|it| it.name.clone())
            .filter(|it| !owned(it))
            .collect()
    }

    fn like_indexes(&mut self, name: &Name, likes: &[Like]) {
        for like in likes.iter().filter(|it| taken_over(it).contains("INDEXES")) {
            let other = self.schema.resolve(&like.table);
            let indexes: Vec<Index> = self
                .schema
                .indexes_of(&other)
                .map(|(_, index)| index.clone())
                .collect();
            for index in indexes {
                self.copy_index(&other, &index, name);
            }
        }
    }

    /// The columns of the rows that a query returns.
    fn columns_of_query(&mut self, query: &Query, relation: &mut Relation) {
        let names: Vec<String> = relation.columns.drain(..).map(|it| it.name).collect();
        match self.outputs(query) {
            Some(columns) => relation.columns = columns,
            None => relation.partial = true,
        }
        for (at, name) in names.into_iter().enumerate() {
            match relation.columns.get_mut(at) {
                Some(column) => column.name = name,
                None => relation.columns.push(plain_column(&name, None)),
            }
        }
    }

    /// The columns that a query returns, as far as is known of their types. None where it is not
    /// known which there are.
    pub(super) fn outputs(&self, query: &Query) -> Option<Vec<Column>> {
        let mut columns = Vec::new();
        for output in &query.outputs {
            match output {
                Output::All { tables } if tables.is_empty() => return None,
                Output::All { tables } => {
                    for table in tables {
                        let relation = self.relation(&self.schema.resolve(table))?;
                        if relation.may_have_more() {
                            return None;
                        }
                        let plain = |it: &Column| Column {
                            collation: it.collation.clone(),
                            ..plain_column(&it.name, it.type_name.clone())
                        };
                        columns.extend(relation.columns.iter().map(plain));
                    }
                }
                Output::One { name, expr } => {
                    columns.push(plain_column(name, self.type_of(expr, query)));
                }
            }
        }
        (!query.outputs.is_empty()).then_some(columns)
    }

    /// The type of an expression, where it is a cast or a column of one of the tables.
    fn type_of(&self, expr: &Expr, query: &Query) -> Option<TypeName> {
        match &expr.node {
            Node::Cast { to, .. } => Some(self.full_type(to)),
            Node::Column(name) => {
                let mut found = query
                    .tables
                    .iter()
                    .filter_map(|table| self.relation(&self.schema.resolve(table)))
                    .filter_map(|relation| relation.column(name));
                let one = found.next()?;
                match found.next() {
                    Some(_) => None,
                    None => one.type_name.clone(),
                }
            }
            _ => None,
        }
    }
}

/// Whether a column may stand in the list that is there already.
fn at_most_once(create: &CreateTable) -> bool {
    !create.inherits.is_empty() || create.partition_of.is_some() || create.of_type.is_some()
}

/// Whether children get a constraint.
pub(super) fn is_inherited(constraint: &Constraint) -> bool {
    !constraint.no_inherit && is_check(constraint)
}

/// The column that a constraint forbids to be null in its own table alone (PostgreSQL 18).
fn own_not_null(constraint: &Constraint) -> Option<&str> {
    match &constraint.kind {
        ConstraintKind::NotNull { column } if constraint.no_inherit => Some(column),
        _ => None,
    }
}

fn is_check(constraint: &Constraint) -> bool {
    matches!(
        constraint.kind,
        ConstraintKind::Check(_) | ConstraintKind::NotNull { .. }
    )
}

/// What a `LIKE` takes over, in upper case.
fn taken_over(like: &Like) -> BTreeSet<&str> {
    let mut takes = BTreeSet::new();
    for one in &like.including {
        match one.as_str() {
            "ALL" => takes.extend(LIKE_ALL),
            other => {
                takes.insert(other);
            }
        }
    }
    for one in &like.excluding {
        match one.as_str() {
            "ALL" => takes.clear(),
            other => {
                takes.remove(other);
            }
        }
    }
    takes
}
