//! What a PostgreSQL database holds, as far as locks, work and compatibility depend on it.
//!
//! A [`Schema`] is read from a server by an adapter, or folded from a history of migrations
//! ([`Schema::apply`]). It knows whether it is complete: in an incomplete one a name that is missing
//! may well exist, and whoever asks must say so rather than guess.
//!
//! Names are full: every key has its schema. [`Schema::resolve`] finds what a statement means by a
//! name, through the search path.
//!
//! Deliberately absent: rows, rights, and the bodies of functions and views.

use std::collections::BTreeSet;
use std::sync::Arc;

mod difference;
mod fold;
mod map;
mod misfit;
mod things;

pub use difference::{Aspect, Difference, Thing};
pub use fold::is_of_a_tool;
pub use map::{Map, Unlike};
pub use misfit::Misfit;
pub use things::{Edit, Mentions, Things};

use crate::sql::ir::{
    Bound, ConstraintKind, Expr, Generated, Name, Partition, TypeName, Volatility,
};

/// What a database holds.
///
/// Cheap to copy: what does not change is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Whether everything is here: then a name that is not does not exist.
    pub complete: bool,
    /// Where names without a schema are looked for, in order.
    pub search_path: Vec<String>,
    /// The time zone of the sessions that change it, in lower case, where it is known. Between
    /// `timestamp` and `timestamptz` a table is rewritten unless it is UTC.
    pub time_zone: Option<String>,
    /// The major version of the server, where this is what one has. What statements do is that of
    /// 15 and later otherwise.
    pub major: Option<u32>,
    /// Schemas (namespaces).
    pub namespaces: Vec<String>,
    /// Tables, views and sequences, by full name.
    pub relations: Things<Relation>,
    /// Indexes, by full name.
    pub indexes: Things<Index>,
    /// Types that somebody made, by full name.
    pub types: Map<Name, Arc<Type>>,
    /// Functions that somebody made, by full name; where several have one name, the least that any
    /// of them promises.
    pub functions: Map<Name, Volatility>,
    /// The function that a trigger calls, by table and trigger, where it is known.
    pub trigger_functions: Map<(Name, String), Name>,
    /// Extensions.
    pub extensions: BTreeSet<String>,
    /// What `SET LOCAL` hides until the transaction ends: the search path and the time zone.
    pub before_local: Option<(Vec<String>, Option<String>)>,
    /// Counts what is applied together, so that what was made there can be told from what others
    /// use already; see [`Schema::begin_unit`].
    pub unit: u32,
}

/// A table, a view, a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// What it is.
    pub kind: RelationKind,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Whether more may be in it than is said here: a column that is not here may well exist.
    pub partial: bool,
    /// Its constraints; `NOT NULL` stands at the column.
    pub constraints: Vec<Constraint>,
    /// Tables that it inherits from, its partitioned table not included.
    pub inherits: Vec<Name>,
    /// Where it is a partition.
    pub partition_of: Option<(Name, Bound)>,
    /// How it is partitioned.
    pub partition_by: Option<Partition>,
    /// The names of its triggers.
    pub triggers: Vec<String>,
    /// The names of its policies.
    pub policies: Vec<String>,
    /// The names of its rules.
    pub rules: Vec<String>,
    /// The tables that it reads, of a view.
    pub reads: Vec<Name>,
    /// The columns that it reads, each as the last part of its name; `*` for all.
    pub reads_columns: Vec<String>,
    /// The table, by full name, and the column that a sequence goes with.
    pub owned_by: Option<(Name, String)>,
    /// Where it is stored, if that was said.
    pub tablespace: Option<String>,
    /// Its access method, if that was said.
    pub access_method: Option<String>,
    /// About how many rows it has, where a server said so.
    pub rows: Option<u64>,
    /// How many bytes it takes without indexes, where a server said so.
    pub bytes: Option<u64>,
    /// The unit in which it was made; 0 for one that was there before.
    pub made_in: u32,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// A table; `logged` unless it is lost in a crash.
    Table {
        /// Whether it survives a crash.
        logged: bool,
        /// Whether only its session sees it.
        temporary: bool,
    },
    /// A foreign table.
    Foreign,
    /// A view.
    View,
    /// A materialized view; whether it is filled is not known.
    Materialized,
    /// A sequence.
    Sequence,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type; none where it is not known, as in `CREATE TABLE … AS`.
    pub type_name: Option<TypeName>,
    /// Its collation, where it is not the type's.
    pub collation: Option<Name>,
    /// Whether it is `NOT NULL` to new rows. That older ones may lack a value is said by a
    /// constraint that is not valid.
    pub not_null: bool,
    /// Its default.
    pub default: Option<Expr>,
    /// How it is generated.
    pub generated: Option<Generated>,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, as the database would make it where nobody gave one.
    pub name: String,
    /// What it demands. Tables in it have full names.
    pub kind: ConstraintKind,
    /// Whether existing rows are known to obey.
    pub valid: bool,
    /// Whether new rows are held to it.
    pub enforced: bool,
    /// Whether it may be checked at the end of the transaction.
    pub deferrable: bool,
    /// Whether children do not have it.
    pub no_inherit: bool,
}

/// An index. It lies in the schema of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The table, by full name.
    pub table: Name,
    /// Whether it is unique.
    pub unique: bool,
    /// The access method.
    pub method: String,
    /// Its keys.
    pub keys: Vec<Expr>,
    /// What follows each key: collation, operator class, order; empty where it is as usual.
    pub options: Vec<String>,
    /// Columns that are only stored in it.
    pub include: Vec<String>,
    /// Whether two nulls count as the same.
    pub nulls_not_distinct: bool,
    /// Which rows; none for all.
    pub predicate: Option<Expr>,
    /// Whether it can be used: not one that a failed `CONCURRENTLY` left.
    pub valid: bool,
    /// The constraint that it belongs to.
    pub constraint: Option<String>,
    /// The unit in which it was made; 0 for one that was there before.
    pub made_in: u32,
}

/// A type that somebody made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "types are few, and always behind an `Arc`"
)]
pub enum Type {
    /// Its values, in order.
    Enum {
        /// The values.
        values: Vec<String>,
        /// The unit in which it was made.
        made_in: u32,
    },
    /// A domain.
    Domain {
        /// What it is made of.
        base: TypeName,
        /// Whether null is refused.
        not_null: bool,
        /// Its default.
        default: Option<Expr>,
        /// Its checks: name, expression, and whether existing values obey.
        checks: Vec<(String, Expr, bool)>,
    },
    /// Columns.
    Composite {
        /// The names and types.
        attributes: Vec<Column>,
    },
    /// A range or a base type.
    Other,
}

impl Schema {
    /// A database in which nobody has made anything.
    pub fn empty() -> Self {
        Self {
            complete: true,
            search_path: vec!["public".to_owned()],
            time_zone: None,
            major: None,
            namespaces: vec!["public".to_owned()],
            relations: Things::default(),
            indexes: Things::default(),
            types: Map::default(),
            functions: Map::default(),
            trigger_functions: Map::default(),
            extensions: BTreeSet::new(),
            before_local: None,
            unit: 0,
        }
    }

    /// A database of which nothing is known.
    pub fn unknown() -> Self {
        Self {
            complete: false,
            ..Self::empty()
        }
    }

    /// Begins a unit, such as a migration: what is made from here on is new until the next one, and
    /// nobody waits for a lock on it.
    ///
    /// What `SET LOCAL` set goes: a migration does not share its transaction with the next.
    pub fn begin_unit(&mut self) {
        self.unit += 1;
        self.end_local();
    }

    /// Takes back what `SET LOCAL` set.
    fn end_local(&mut self) {
        if let Some((search_path, time_zone)) = self.before_local.take() {
            self.search_path = search_path;
            self.time_zone = time_zone;
        }
    }

    /// Whether something made in that unit is new: nobody else uses it yet.
    pub const fn is_new(&self, made_in: u32) -> bool {
        made_in != 0 && made_in == self.unit
    }

    /// The full name of the relation, index or type that a name means: the first of the search
    /// path that has it. Where none has it, where it would be made.
    pub fn resolve(&self, name: &Name) -> Name {
        self.resolve_if(name, self.may_have_temporary(), |full| {
            self.relations.contains_key(full)
                || self.indexes.contains_key(full)
                || self.types.contains_key(full)
        })
    }

    /// The full name of the type that a name means.
    fn resolve_type(&self, name: &Name) -> Name {
        self.resolve_if(name, self.may_have_temporary(), |full| {
            self.types.contains_key(full) || self.relations.contains_key(full)
        })
    }

    /// The full name of the function that a name means.
    fn resolve_function(&self, name: &Name) -> Name {
        // For a function PostgreSQL never looks among what is temporary.
        self.resolve_if(name, false, |full| self.functions.contains_key(full))
    }

    fn may_have_temporary(&self) -> bool {
        self.relations.may_have_temporary()
            || self.indexes.may_have_temporary()
            || !self.types.is_empty()
    }

    fn resolve_if(&self, name: &Name, temporary: bool, has: impl Fn(&Name) -> bool) -> Name {
        if name.schema.is_some() {
            return name.clone();
        }
        // Temporary things are found before all others; there are hardly ever any.
        temporary
            .then_some(things::TEMPORARY)
            .into_iter()
            .chain(self.search_path.iter().map(String::as_str))
            .map(|schema| Name::qualified(schema, name.name.clone()))
            .find(has)
            .unwrap_or_else(|| Name::qualified(self.current_namespace(), name.name.clone()))
    }

    /// The schema in which something without one is made: the first of the search path that exists.
    fn current_namespace(&self) -> String {
        let exists = |schema: &&String| self.namespaces.contains(schema);
        let first = self.search_path.iter().find(exists);
        first
            .or(self.search_path.first())
            .cloned()
            .unwrap_or_else(|| "public".to_owned())
    }

    /// The relation that a name means.
    pub fn relation(&self, name: &Name) -> Option<&Relation> {
        self.relations.get(&self.resolve(name)).map(Arc::as_ref)
    }

    /// The index that a name means.
    pub fn index(&self, name: &Name) -> Option<&Index> {
        self.indexes.get(&self.resolve(name)).map(Arc::as_ref)
    }

    /// The type that a name means, if somebody made it.
    pub fn user_type(&self, name: &Name) -> Option<&Type> {
        self.types.get(&self.resolve(name)).map(Arc::as_ref)
    }

    /// The indexes of a table, by its full name.
    pub fn indexes_of<'a>(
        &'a self,
        table: &'a Name,
    ) -> impl Iterator<Item = (&'a Name, &'a Index)> {
        self.indexes
            .around(table)
            .filter(move |(_, index)| index.table == *table)
            .map(|(name, index)| (name, index.as_ref()))
    }

    /// The foreign keys that point to a table, by its full name: the table that has each, and it.
    pub fn references_to<'a>(
        &'a self,
        table: &'a Name,
    ) -> impl Iterator<Item = (&'a Name, &'a Constraint)> {
        self.relations
            .around(table)
            .flat_map(move |(name, relation)| {
                relation
                .constraints
                .iter()
                .filter(move |it| {
                    matches!(&it.kind, ConstraintKind::ForeignKey { table: to, .. } if to == table)
                })
                .map(move |it| (name, it))
            })
    }

    /// The partitions of a table, by its full name, not theirs in turn.
    pub fn partitions_of<'a>(
        &'a self,
        table: &'a Name,
    ) -> impl Iterator<Item = (&'a Name, &'a Relation)> {
        self.relations
            .below(table)
            .filter_map(move |(name, relation)| {
                let (parent, _) = relation.partition_of.as_ref()?;
                (parent == table).then_some((name, relation.as_ref()))
            })
    }
}

impl Relation {
    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a column that is not here may exist all the same.
    pub const fn may_have_more(&self) -> bool {
        self.partial
    }

    /// The constraint with this name.
    pub fn constraint(&self, name: &str) -> Option<&Constraint> {
        self.constraints.iter().find(|it| it.name == name)
    }

    /// The columns of its primary key, in the order of the key; none where it has no primary key.
    pub fn primary_key(&self) -> Option<&[String]> {
        self.constraints.iter().find_map(|it| match &it.kind {
            ConstraintKind::PrimaryKey { columns, .. } => Some(columns.as_slice()),
            _ => None,
        })
    }
}

impl Mentions for Relation {
    fn mentions(&self) -> impl Iterator<Item = &Name> {
        let keys = self.constraints.iter().filter_map(|it| match &it.kind {
            ConstraintKind::ForeignKey { table, .. } => Some(table),
            _ => None,
        });
        let owner = self.owned_by.iter().map(|(table, _)| table);
        keys.chain(self.parents()).chain(owner).chain(&self.reads)
    }

    fn parents(&self) -> impl Iterator<Item = &Name> {
        let whole = self.partition_of.iter().map(|(parent, _)| parent);
        whole.chain(&self.inherits)
    }
}

impl Mentions for Index {
    fn mentions(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.table)
    }

    fn parents(&self) -> impl Iterator<Item = &Name> {
        std::iter::empty()
    }
}
