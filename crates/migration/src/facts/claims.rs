//! The claims about one statement while they are gathered.

use std::collections::{BTreeMap, BTreeSet};

use super::{Doubt, Facts, InTransaction, Lock, Mode, Work, WorkKind};
use crate::schema::{Relation, RelationKind, Schema, Type};
use crate::sql::ir::{Name, Span};

/// The claims about one statement.
pub(super) struct Claims<'a> {
    /// What the database holds before it.
    pub(super) schema: &'a Schema,
    /// The major version of the server.
    pub(super) major: u32,
    locks: BTreeMap<Name, (Mode, bool)>,
    work: Vec<Work>,
    transaction: InTransaction,
    doubts: Vec<Doubt>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(schema: &'a Schema, major: u32) -> Self {
        Self {
            schema,
            major,
            locks: BTreeMap::new(),
            work: Vec::new(),
            transaction: InTransaction::Allowed,
            doubts: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Facts {
        let schema = self.schema;
        let lock = |(relation, (mode, index))| Lock {
            new: is_new(schema, &relation),
            relation,
            index,
            mode,
        };
        Facts {
            locks: self.locks.into_iter().map(lock).collect(),
            work: self.work,
            transaction: self.transaction,
            doubts: self.doubts,
        }
    }

    /// The full name of a table or view, with a doubt if the schema does not have it.
    pub(super) fn known(&mut self, name: &Name) -> Name {
        let full = self.schema.resolve(name);
        if self.schema.relations.contains_key(&full) {
            return full;
        }
        if name.schema.is_none() && name.name.starts_with("pg_") {
            return Name::qualified("pg_catalog", name.name.clone());
        }
        if !is_system(&full) {
            self.doubt(Doubt::Table(full.clone()));
        }
        full
    }

    /// Locks a table or view by its full name. Sequences and the system's own are left out.
    pub(super) fn lock(&mut self, full: &Name, mode: Mode) {
        if is_system(full) {
            return;
        }
        let sequence = self.schema.relations.get(full);
        if sequence.is_none_or(|it| it.kind != RelationKind::Sequence) {
            self.lock_as(full, mode, false);
        }
    }

    /// Locks an index by its full name.
    pub(super) fn lock_index(&mut self, full: &Name, mode: Mode) {
        self.lock_as(full, mode, true);
    }

    fn lock_as(&mut self, full: &Name, mode: Mode, index: bool) {
        let held = self.locks.entry(full.clone()).or_insert((mode, index));
        held.0 = held.0.max(mode);
    }

    /// Locks all indexes of a table.
    pub(super) fn lock_indexes(&mut self, table: &Name, mode: Mode) {
        for (index, _) in self.schema.indexes_of(table) {
            self.lock_as(index, mode, true);
        }
    }

    /// Locks a table by its full name, and its partitions; children that are none are left out.
    pub(super) fn lock_partitions(&mut self, full: &Name, mode: Mode) {
        for one in with_partitions(self.schema, full) {
            self.lock(&one, mode);
        }
    }

    /// Resolves a name and locks what it means and everything below it.
    pub(super) fn lock_tree(&mut self, name: &Name, mode: Mode) -> Vec<Name> {
        let full = self.known(name);
        let all = descendants(self.schema, &full);
        for one in &all {
            self.lock(one, mode);
        }
        all
    }

    /// Notes work on a table by its full name, each kind once for each cause.
    pub(super) fn work(&mut self, kind: WorkKind, table: &Name, why: impl Into<String>, at: &Span) {
        let new = is_new(self.schema, table);
        let work = Work {
            kind,
            table: table.clone(),
            why: why.into(),
            span: at.clone(),
            new,
        };
        if !self.work.contains(&work) {
            self.work.push(work);
        }
    }

    pub(super) fn doubt(&mut self, doubt: Doubt) {
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    /// The statement exists from a major version on.
    pub(super) fn since(&mut self, since: u32) {
        if self.major < since {
            self.doubt(Doubt::Version { since });
        }
    }

    pub(super) fn transaction(&mut self, transaction: InTransaction) {
        self.transaction = transaction;
    }
}

/// Whether a relation or index was made in the unit that is being judged.
pub(super) fn is_new(schema: &Schema, full: &Name) -> bool {
    let table = schema.relations.get(full).map(|it| it.made_in);
    let index = || schema.indexes.get(full).map(|it| it.made_in);
    table
        .or_else(index)
        .is_some_and(|made_in| schema.is_new(made_in))
}

/// A table and everything below it, partitions and children, itself first, each once.
pub(super) fn descendants(schema: &Schema, table: &Name) -> Vec<Name> {
    let mut seen = BTreeSet::from([table.clone()]);
    let mut all = vec![table.clone()];
    let mut next = 0;
    while let Some(parent) = all.get(next).cloned() {
        for (child, _) in children(schema, &parent) {
            if seen.insert(child.clone()) {
                all.push(child.clone());
            }
        }
        next += 1;
    }
    all
}

/// Whether a table has partitions rather than rows of its own.
pub(super) fn is_partitioned(schema: &Schema, table: &Name) -> bool {
    let relation = schema.relations.get(table);
    relation.is_some_and(|it| it.partition_by.is_some())
}

/// A table and its partitions; children that are none are left out.
pub(super) fn with_partitions(schema: &Schema, table: &Name) -> Vec<Name> {
    if is_partitioned(schema, table) {
        descendants(schema, table)
    } else {
        vec![table.clone()]
    }
}

/// The partitions and children of a table, not theirs in turn.
pub(super) fn children<'s>(
    schema: &'s Schema,
    table: &Name,
) -> impl Iterator<Item = (&'s Name, &'s Relation)> {
    schema
        .relations
        .below(table)
        .filter_map(move |(name, relation)| {
            let partition = relation.partition_of.as_ref();
            let is_child = partition.is_some_and(|(parent, _)| parent == table)
                || relation.inherits.contains(table);
            is_child.then_some((name, relation.as_ref()))
        })
}

/// Whether rows are stored in the relation itself: a table that is not partitioned, or a
/// materialized view.
pub(super) fn has_storage(relation: &Relation) -> bool {
    match relation.kind {
        RelationKind::Table { .. } => relation.partition_by.is_none(),
        RelationKind::Materialized => true,
        RelationKind::Foreign | RelationKind::View | RelationKind::Sequence => false,
    }
}

/// Whether a name is of something of the system's own.
fn is_system(full: &Name) -> bool {
    matches!(
        full.schema.as_deref(),
        Some("pg_catalog" | "information_schema" | "pg_toast")
    )
}

/// The full name that something new gets.
pub(super) fn made_as(schema: &Schema, name: &Name) -> Name {
    let first = || schema.search_path.first().cloned();
    Name {
        schema: name.schema.clone().or_else(first),
        name: name.name.clone(),
    }
}

/// Whether an enum was made in the unit that is being judged.
pub(super) fn is_new_type(schema: &Schema, full: &Name) -> bool {
    match schema.types.get(full).map(AsRef::as_ref) {
        Some(Type::Enum { made_in, .. }) => schema.is_new(*made_in),
        _ => false,
    }
}
