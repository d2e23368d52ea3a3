//! Folding statements into a schema, as PostgreSQL would carry them out.
//!
//! Where a statement does not fit, PostgreSQL refuses it and nothing happens; so what can still be
//! true is kept, and the reason is said as a [`Misfit`]. In a schema that is not complete, a table
//! that is missing is taken to exist, and is made up with nothing in it that the statement does not
//! say.
//!
//! Deliberately absent: rows, rights, and what `ROLLBACK` takes back.

use std::sync::Arc;

use super::misfit::Misfit;
use super::things::TEMPORARY;
use super::{Column, Edit, Index, Relation, RelationKind, Schema, Type};
use crate::sql::ir::{Kind, Name, Object, Query, Statement, Transaction, TypeName, Volatility};

mod alter;
mod change;
mod column;
mod constraint;
mod create;
mod drop;
mod index;
mod names;
mod partition;
mod rename;
mod rename_expr;
mod session;
mod types;
mod view;

/// A schema while a statement is folded into it.
struct Fold<'s> {
    schema: &'s mut Schema,
    misfits: Vec<Misfit>,
}

impl Schema {
    /// Folds a statement into the schema, and says what does not fit. One that may not be reached
    /// ([`Statement::conditional`]) is taken to run, unless it does not fit: then it is taken not to.
    pub fn apply(&mut self, statement: &Statement) -> Vec<Misfit> {
        if statement.conditional && changes(&statement.kind) {
            let mut attempt = self.clone();
            if attempt.fold(&statement.kind).is_empty() {
                *self = attempt;
            }
            return Vec::new();
        }
        self.fold(&statement.kind)
    }

    fn fold(&mut self, kind: &Kind) -> Vec<Misfit> {
        let mut fold = Fold {
            schema: self,
            misfits: Vec::new(),
        };
        fold.statement(kind);
        fold.misfits
    }
}

/// Whether a statement can change what is kept here.
fn changes(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Select(_)
            | Kind::Insert { .. }
            | Kind::Update { .. }
            | Kind::Delete { .. }
            | Kind::Do { .. }
            | Kind::Harmless { .. }
            | Kind::Unknown { .. }
    )
}

impl Fold<'_> {
    fn statement(&mut self, kind: &Kind) {
        match kind {
            Kind::CreateTable(create) => self.create_table(create),
            Kind::Alter(alter) => self.alter(alter),
            Kind::Drop(drop) => self.drop(drop),
            Kind::CreateIndex(create) => self.create_index(create),
            Kind::CreateView { .. } => self.create_view(kind),
            Kind::CreateType {
                name,
                values,
                attributes,
            } => self.create_type(name, values.as_deref(), attributes),
            Kind::AlterType { name, action } => self.alter_type(name, action),
            Kind::CreateDomain {
                name,
                base,
                default,
                constraints,
            } => self.create_domain(name, base, default.as_ref(), constraints),
            Kind::AlterDomain { name, action } => self.alter_domain(name, action),
            Kind::CreateTrigger {
                name,
                table,
                or_replace,
                rows,
                function,
                ..
            } => self.create_trigger(name, table, function, *or_replace, *rows),
            Kind::CreateRule {
                name,
                table,
                or_replace,
            } => self.create_rule(name, table, *or_replace),
            Kind::Policy {
                name,
                table,
                alter,
                rename,
            } => self.policy(name, table, *alter, rename.as_deref()),
            Kind::CreateFunction {
                name,
                or_replace,
                volatility,
            } => self.create_function(name, *or_replace, *volatility),
            Kind::CreateSchema {
                name,
                if_not_exists,
            } => self.create_schema(name, *if_not_exists),
            Kind::CreateSequence {
                name,
                temporary,
                if_not_exists,
                owned_by,
            } => self.create_sequence(name, *temporary, *if_not_exists, owned_by.as_ref()),
            Kind::CreateExtension {
                name,
                schema,
                if_not_exists,
            } => self.create_extension(name, schema.as_deref(), *if_not_exists),
            Kind::Set {
                parameter,
                values,
                local,
            } => self.set(parameter, values, *local),
            Kind::Transaction(Transaction::Commit | Transaction::Rollback) => {
                self.schema.end_local();
            }
            Kind::Truncate { tables, .. }
            | Kind::Lock { tables, .. }
            | Kind::Vacuum { tables, .. }
            | Kind::Analyze { tables }
            | Kind::Publication { tables }
            | Kind::CreateStatistics { tables, .. } => self.must_exist(tables),
            Kind::Insert { table, columns, .. } => {
                self.must_have(table, columns.iter().map(String::as_str));
            }
            Kind::Update { table, columns, .. } => {
                self.must_have(table, columns.iter().map(String::as_str));
            }
            Kind::Delete { table, .. } => self.must_have(table, std::iter::empty()),
            Kind::Refresh { name, .. } => self.must_exist(std::slice::from_ref(name)),
            Kind::Cluster { table: Some(table) } => self.must_exist(std::slice::from_ref(table)),
            // Nobody knows what these made.
            Kind::Unknown { .. } | Kind::Do { read: false, .. } => self.schema.complete = false,
            Kind::Select(query) if self.calls_own(query) => self.schema.complete = false,
            _ => {}
        }
    }

    /// Whether a query calls a function that somebody made and that may do anything.
    fn calls_own(&self, query: &Query) -> bool {
        query.functions.iter().any(|name| {
            let full = self.schema.resolve_function(name);
            self.schema.functions.get(&full) == Some(&Volatility::Volatile)
        })
    }

    fn no_such(&mut self, object: Object, name: &Name) {
        let name = name.clone();
        self.misfits.push(Misfit::NoSuch { object, name });
    }

    fn no_such_in(&mut self, object: Object, of: &Name, name: &str) {
        self.misfits.push(Misfit::NoSuchIn {
            object,
            of: of.clone(),
            name: name.to_owned(),
        });
    }

    fn exists(&mut self, object: Object, name: &Name) {
        let name = name.clone();
        self.misfits.push(Misfit::AlreadyExists { object, name });
    }

    fn exists_in(&mut self, object: Object, of: &Name, name: &str) {
        self.misfits.push(Misfit::AlreadyExistsIn {
            object,
            of: of.clone(),
            name: name.to_owned(),
        });
    }

    fn relation(&self, name: &Name) -> Option<&Relation> {
        self.schema.relations.get(name).map(Arc::as_ref)
    }

    /// A relation, to be changed.
    fn edit(&mut self, name: &Name) -> Option<Edit<'_, Relation>> {
        self.schema.relations.edit(name)
    }

    /// An index, to be changed.
    fn edit_index(&mut self, name: &Name) -> Option<Edit<'_, Index>> {
        self.schema.indexes.edit(name)
    }

    /// The full name of something that is made now: in the schema that is named, else in the first
    /// of the search path that exists.
    fn place(&mut self, name: &Name, temporary: bool) -> Name {
        if temporary {
            return Name::qualified(TEMPORARY, name.name.clone());
        }
        let Some(namespace) = &name.schema else {
            return Name::qualified(self.schema.current_namespace(), name.name.clone());
        };
        self.need_namespace(namespace);
        name.clone()
    }

    /// A schema that must be there.
    fn need_namespace(&mut self, namespace: &str) {
        let known = self.schema.namespaces.iter().any(|it| it == namespace)
            || namespace.starts_with("pg_")
            || namespace == "information_schema";
        if known {
            return;
        }
        if self.schema.complete {
            self.no_such(Object::Schema, &Name::plain(namespace));
        }
        self.schema.namespaces.push(namespace.to_owned());
    }

    /// The full name of a relation that a statement names. Where there is none it is made up in a
    /// schema that is not complete, and a misfit in one that is, unless it may be missing.
    fn find(&mut self, object: Object, name: &Name, may_be_missing: bool) -> Option<Name> {
        let full = self.schema.resolve(name);
        if self.relation(&full).is_some() {
            return Some(full);
        }
        if is_of_the_system(&full) {
            return None;
        }
        if self.schema.complete {
            if !may_be_missing {
                self.no_such(object, &full);
            }
            return None;
        }
        let kind = match object {
            Object::View => RelationKind::View,
            Object::MaterializedView => RelationKind::Materialized,
            Object::ForeignTable => RelationKind::Foreign,
            Object::Sequence => RelationKind::Sequence,
            _ => RelationKind::Table {
                logged: true,
                temporary: false,
            },
        };
        if let Some(namespace) = &full.schema {
            self.need_namespace(&namespace.clone());
        }
        let mut made_up = bare(kind, 0);
        made_up.partial = true;
        self.schema
            .relations
            .insert(full.clone(), Arc::new(made_up));
        Some(full)
    }

    fn must_exist(&mut self, tables: &[Name]) {
        for table in tables {
            self.must_have(table, std::iter::empty());
        }
    }

    /// A table that rows are written to must be there with its columns. Nothing is made up for it.
    fn must_have<'a>(&mut self, table: &Name, columns: impl Iterator<Item = &'a str>) {
        let full = self.schema.resolve(table);
        let Some(relation) = self.relation(&full) else {
            // The statement may write through the name of a `WITH`, or to a catalog.
            if self.schema.complete && !is_of_the_system(&full) && !self.is_taken(&full) {
                self.no_such(Object::Table, &full);
            }
            return;
        };
        if relation.may_have_more() {
            return;
        }
        let missing: Vec<String> = columns
            .filter(|column| relation.column(column).is_none())
            .map(str::to_owned)
            .collect();
        for column in missing {
            self.no_such_in(Object::Column, &full, &column);
        }
    }

    /// The tables that inherit from one or are its partitions, at whatever depth, without itself.
    fn descendants(&self, table: &Name) -> Vec<Name> {
        let mut found: Vec<Name> = Vec::new();
        let mut at = 0;
        let mut parent = table.clone();
        loop {
            for child in self.children(&parent) {
                if !found.contains(&child) && child != *table {
                    found.push(child);
                }
            }
            let Some(next) = found.get(at) else {
                return found;
            };
            parent = next.clone();
            at += 1;
        }
    }

    fn children(&self, table: &Name) -> Vec<Name> {
        let is_child = |relation: &Relation| {
            relation.inherits.contains(table)
                || relation
                    .partition_of
                    .as_ref()
                    .is_some_and(|(of, _)| of == table)
        };
        self.schema
            .relations
            .below(table)
            .filter(|(_, relation)| is_child(relation))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// A type with its full name, if somebody made it.
    fn full_type(&self, of: &TypeName) -> TypeName {
        let mut full = of.clone();
        let name = self.schema.resolve_type(&of.name);
        if self.schema.types.contains_key(&name) || self.schema.relations.contains_key(&name) {
            full.name = name;
        } else if full.name.schema.as_deref() == Some("pg_catalog") {
            full.name.schema = None;
        }
        full
    }
}

/// Where tools keep what they have applied. No migration makes these.
const OF_TOOLS: [&str; 10] = [
    "__diesel_schema_migrations",
    "_prisma_migrations",
    "_sqlx_migrations",
    "atlas_schema_revisions",
    "flyway_schema_history",
    "goose_db_version",
    "gorp_migrations",
    "pgmigrations",
    "refinery_schema_history",
    "schema_migrations",
];

/// Whether something is what a migration tool keeps its record in.
pub fn is_of_a_tool(name: &Name) -> bool {
    OF_TOOLS.contains(&name.name.as_str())
}

/// Whether something belongs to PostgreSQL itself or to a tool, and so exists without being here.
fn is_of_the_system(name: &Name) -> bool {
    match name.schema.as_deref() {
        Some("pg_catalog" | "information_schema") => true,
        _ => name.name.starts_with("pg_") || is_of_a_tool(name),
    }
}

/// Whether a name may be that of a `NOT NULL`, which has one since PostgreSQL 18, and which is not
/// kept here unless it was given.
fn may_be_not_null(constraint: &str) -> bool {
    constraint.contains("_not_null")
}

/// A relation with nothing in it.
fn bare(kind: RelationKind, made_in: u32) -> Relation {
    Relation {
        kind,
        columns: Vec::new(),
        partial: false,
        constraints: Vec::new(),
        inherits: Vec::new(),
        partition_of: None,
        partition_by: None,
        triggers: Vec::new(),
        policies: Vec::new(),
        rules: Vec::new(),
        reads: Vec::new(),
        reads_columns: Vec::new(),
        owned_by: None,
        tablespace: None,
        access_method: None,
        rows: None,
        bytes: None,
        made_in,
    }
}

/// A column with nothing but a name and a type.
fn plain_column(name: &str, type_name: Option<TypeName>) -> Column {
    Column {
        name: name.to_owned(),
        type_name,
        collation: None,
        not_null: false,
        default: None,
        generated: None,
    }
}

/// What statements call a relation.
pub(super) fn object_of(kind: RelationKind) -> Object {
    match kind {
        RelationKind::Table { .. } => Object::Table,
        RelationKind::Foreign => Object::ForeignTable,
        RelationKind::View => Object::View,
        RelationKind::Materialized => Object::MaterializedView,
        RelationKind::Sequence => Object::Sequence,
    }
}

/// What statements call a type.
pub(super) fn object_of_type(of: &Type) -> Object {
    match of {
        Type::Domain { .. } => Object::Domain,
        _ => Object::Type,
    }
}
