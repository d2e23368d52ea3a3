//! Constraints of tables.

use super::create::is_inherited;
use super::{Fold, names};
use crate::schema::{Constraint, Index, Misfit};
use crate::sql::ir::{Constraint as Declared, ConstraintKind, CreateTable, Expr, Name, Object};

/// How a constraint comes to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    /// With the table itself, in which there are no rows yet.
    Table,
    /// Later.
    Later,
}

impl Fold<'_> {
    /// The constraints of a new table: checks, then indexes, the primary key's first, then foreign
    /// keys.
    pub(super) fn declared_constraints(&mut self, table: &Name, create: &CreateTable) {
        let of_columns = create.columns.iter().flat_map(|it| &it.constraints);
        let all: Vec<&Declared> = of_columns.chain(&create.constraints).collect();
        let rank = |it: &Declared| match it.kind {
            ConstraintKind::Null | ConstraintKind::NotNull { .. } | ConstraintKind::Check(_) => 0,
            ConstraintKind::PrimaryKey { .. } => 1,
            ConstraintKind::Unique { .. } | ConstraintKind::Exclude { .. } => 2,
            ConstraintKind::ForeignKey { .. } => 3,
        };
        for wanted in 0..=3 {
            for declared in all.iter().filter(|it| rank(it) == wanted) {
                if wanted == 2 && self.merge_key(table, declared) {
                    continue;
                }
                self.add_constraint(table, declared, With::Table);
            }
        }
        // `NOT NULL` of a constraint of the table stands in no column's list.
        for declared in &create.constraints {
            if let ConstraintKind::NotNull { column } = &declared.kind {
                self.name_not_null(table, declared, column);
            }
        }
    }

    /// Whether the table has a key over the same columns already, made by the same statement: then
    /// there is no second one, and it has whichever name was given.
    fn merge_key(&mut self, table: &Name, declared: &Declared) -> bool {
        let ConstraintKind::Unique {
            columns,
            using: None,
        } = &declared.kind
        else {
            return false;
        };
        let unit = self.schema.unit;
        let same = self.schema.indexes_of(table).find_map(|(name, index)| {
            let same = index.made_in == unit
                && index.unique
                && index.keys.iter().map(Expr::columns).flatten_eq(columns)
                && index.include == declared.include
                && index.nulls_not_distinct == declared.nulls_not_distinct;
            same.then(|| (name.clone(), index.constraint.clone()))
        });
        let Some((index, Some(constraint))) = same else {
            return false;
        };
        if let Some(name) = declared.name.as_ref().filter(|it| **it != constraint) {
            let automatic = constraint == names::join(&table.name, None, "pkey")
                || constraint.ends_with("_key");
            if !automatic {
                return true;
            }
            self.rename_constraint_and_index(table, &constraint, &index, name);
        }
        true
    }

    /// `ADD CONSTRAINT`, or a constraint that a new table or column has.
    pub(super) fn add_constraint(&mut self, table: &Name, declared: &Declared, with: With) {
        let namespace = table.schema.clone().unwrap_or_default();
        if let Some(name) = &declared.name
            && self
                .relation(table)
                .is_some_and(|it| it.constraint(name).is_some())
        {
            let name = name.clone();
            self.exists_in(Object::Constraint, table, &name);
            return;
        }
        match &declared.kind {
            ConstraintKind::Null => {}
            ConstraintKind::NotNull { column } => {
                self.add_not_null(table, declared, column, with);
            }
            ConstraintKind::Check(expr) => {
                for column in expr.columns() {
                    self.need_column(table, column);
                }
                let name = declared.name.clone().unwrap_or_else(|| {
                    self.constraint_name(&namespace, &table.name, only_column(expr), "check")
                });
                self.push_to_children(
                    table,
                    constraint(name, declared.kind.clone(), declared, with),
                );
            }
            ConstraintKind::ForeignKey { .. } => self.add_foreign_key(table, declared, with),
            ConstraintKind::PrimaryKey { columns, using } => {
                if self
                    .relation(table)
                    .is_some_and(|it| it.primary_key().is_some())
                {
                    let table = table.clone();
                    self.misfits.push(Misfit::SecondPrimaryKey { table });
                    return;
                }
                self.add_key(table, declared, columns, using.as_deref(), true);
            }
            ConstraintKind::Unique { columns, using } => {
                self.add_key(table, declared, columns, using.as_deref(), false);
            }
            ConstraintKind::Exclude { keys } => self.add_exclusion(table, declared, keys),
        }
    }

    /// Adds a constraint to a table, and to its children where they get it.
    fn push_to_children(&mut self, table: &Name, constraint: Constraint) {
        let mut tables = vec![table.clone()];
        if is_inherited(&constraint) {
            tables.extend(self.descendants(table));
        }
        for table in tables {
            if let Some(mut relation) = self.edit(&table)
                && relation.constraint(&constraint.name).is_none()
            {
                relation.constraints.push(constraint.clone());
            }
        }
    }

    fn add_not_null(&mut self, table: &Name, declared: &Declared, column: &str, with: With) {
        if !self.need_column(table, column) {
            return;
        }
        // New rows are held to it at once, and `attnotnull` says so; the constraint beside it says
        // that older rows may lack a value.
        self.set_not_null(table, column, !declared.no_inherit);
        if declared.not_valid && with == With::Later {
            let name = declared
                .name
                .clone()
                .unwrap_or_else(|| names::join(&table.name, Some(column), "not_null"));
            self.push_to_children(
                table,
                constraint(name, declared.kind.clone(), declared, with),
            );
            return;
        }
        if with == With::Later {
            self.name_not_null(table, declared, column);
        }
    }

    /// Keeps the name of a `NOT NULL` that has one (PostgreSQL 18), so that it can be dropped by it.
    fn name_not_null(&mut self, table: &Name, declared: &Declared, column: &str) {
        let Some(name) = &declared.name else {
            return;
        };
        let made = constraint(name.clone(), declared.kind.clone(), declared, With::Table);
        let known = self
            .relation(table)
            .is_some_and(|it| it.column(column).is_some());
        if let Some(mut relation) = self.edit(table)
            && known
            && relation.constraint(name).is_none()
        {
            relation.constraints.push(made);
        }
    }

    /// Makes a column `NOT NULL`, and that of the children where they get it.
    pub(super) fn set_not_null(&mut self, table: &Name, column: &str, children: bool) {
        let mut tables = vec![table.clone()];
        if children {
            tables.extend(self.descendants(table));
        }
        for table in tables {
            if let Some(mut relation) = self.edit(&table)
                && let Some(column) = relation.columns.iter_mut().find(|it| it.name == column)
            {
                column.not_null = true;
            }
        }
    }

    /// `PRIMARY KEY` and `UNIQUE`.
    fn add_key(
        &mut self,
        table: &Name,
        declared: &Declared,
        columns: &[String],
        using: Option<&str>,
        primary: bool,
    ) {
        let namespace = table.schema.clone().unwrap_or_default();
        if let Some(using) = using {
            self.use_index(table, declared, using, primary);
            return;
        }
        for column in columns.iter().chain(&declared.include) {
            self.need_column(table, column);
        }
        if primary {
            for column in columns {
                self.set_not_null(table, column, true);
            }
        }
        let name = declared.name.clone().unwrap_or_else(|| {
            if primary {
                self.relation_name(&namespace, &table.name, None, "pkey", true)
            } else {
                let keys: Vec<Expr> = columns.iter().map(|it| column_expr(it)).collect();
                let parts = names::index_columns(keys.iter(), &declared.include);
                let parts = names::columns(&parts);
                self.relation_name(&namespace, &table.name, Some(&parts), "key", true)
            }
        });
        let kind = key_kind(primary, columns.to_vec());
        let index = Index {
            table: table.clone(),
            unique: true,
            method: "btree".to_owned(),
            keys: columns.iter().map(|it| column_expr(it)).collect(),
            options: vec![String::new(); columns.len()],
            include: declared.include.clone(),
            nulls_not_distinct: declared.nulls_not_distinct,
            predicate: None,
            valid: true,
            constraint: Some(name.clone()),
            made_in: self.schema.unit,
        };
        self.put_key(table, &name, kind, declared.deferrable, index);
    }

    /// Adds a constraint with its index, and both to the partitions.
    pub(super) fn put_key(
        &mut self,
        table: &Name,
        name: &str,
        kind: ConstraintKind,
        deferrable: bool,
        index: Index,
    ) {
        let full = Name {
            schema: table.schema.clone(),
            name: name.to_owned(),
        };
        if self.is_taken(&full) {
            self.exists(Object::Index, &full);
            return;
        }
        if let Some(mut relation) = self.edit(table) {
            relation.constraints.push(Constraint {
                name: name.to_owned(),
                kind,
                valid: true,
                enforced: true,
                deferrable,
                no_inherit: false,
            });
        }
        self.put_index(full, index.clone());
        for partition in self.partitions(table) {
            self.copy_index(table, &index, &partition);
        }
    }

    /// `ADD … USING INDEX`: the index takes the name of the constraint.
    fn use_index(&mut self, table: &Name, declared: &Declared, using: &str, primary: bool) {
        let index = Name {
            schema: table.schema.clone(),
            name: using.to_owned(),
        };
        let Some(found) = self.schema.indexes.get(&index) else {
            if self.relation(table).is_some_and(|it| !it.may_have_more()) {
                self.no_such(Object::Index, &index);
                return;
            }
            // Its columns are not known, and so neither are the key's.
            let name = declared.name.clone().unwrap_or_else(|| using.to_owned());
            if let Some(mut relation) = self.edit(table) {
                let kind = key_kind(primary, Vec::new());
                relation
                    .constraints
                    .push(constraint(name, kind, declared, With::Table));
            }
            return;
        };
        let columns: Vec<String> = found
            .keys
            .iter()
            .flat_map(|it| it.columns())
            .map(str::to_owned)
            .collect();
        let name = declared.name.clone().unwrap_or_else(|| using.to_owned());
        if name != using {
            let to = Name {
                name: name.clone(),
                ..index.clone()
            };
            if self.is_taken(&to) {
                self.exists(Object::Index, &to);
                return;
            }
            if let Some(found) = self.schema.indexes.remove(&index) {
                self.schema.indexes.insert(to.clone(), found);
            }
            if let Some(mut found) = self.edit_index(&to) {
                found.constraint = Some(name.clone());
            }
        } else if let Some(mut found) = self.edit_index(&index) {
            found.constraint = Some(name.clone());
        }
        if primary {
            for column in &columns {
                self.set_not_null(table, column, true);
            }
        }
        if let Some(mut relation) = self.edit(table) {
            let kind = key_kind(primary, columns);
            relation
                .constraints
                .push(constraint(name, kind, declared, With::Table));
        }
    }

    fn add_exclusion(&mut self, table: &Name, declared: &Declared, keys: &[Expr]) {
        let namespace = table.schema.clone().unwrap_or_default();
        let name = declared.name.clone().unwrap_or_else(|| {
            let parts = names::index_columns(keys.iter(), &declared.include);
            let parts = names::columns(&parts);
            self.relation_name(&namespace, &table.name, Some(&parts), "excl", true)
        });
        let index = Index {
            table: table.clone(),
            unique: false,
            method: declared
                .method
                .clone()
                .unwrap_or_else(|| "btree".to_owned()),
            keys: keys.to_vec(),
            options: vec![String::new(); keys.len()],
            include: declared.include.clone(),
            nulls_not_distinct: false,
            predicate: declared.predicate.clone(),
            valid: true,
            constraint: Some(name.clone()),
            made_in: self.schema.unit,
        };
        let kind = declared.kind.clone();
        self.put_key(table, &name, kind, declared.deferrable, index);
    }

    fn add_foreign_key(&mut self, table: &Name, declared: &Declared, with: With) {
        let ConstraintKind::ForeignKey {
            columns,
            table: to,
            referred,
            on_delete,
        } = &declared.kind
        else {
            return;
        };
        for column in columns {
            self.need_column(table, column);
        }
        let to = self.schema.resolve(to);
        let referred = self.referred(&to, referred);
        let namespace = table.schema.clone().unwrap_or_default();
        let name = declared.name.clone().unwrap_or_else(|| {
            let parts = names::columns(columns);
            self.constraint_name(&namespace, &table.name, Some(&parts), "fkey")
        });
        let kind = ConstraintKind::ForeignKey {
            columns: columns.clone(),
            table: to,
            referred,
            on_delete: *on_delete,
        };
        let made = constraint(name, kind, declared, with);
        self.put_foreign_key(table, made);
    }

    /// Adds a foreign key to a table and its partitions.
    pub(super) fn put_foreign_key(&mut self, table: &Name, made: Constraint) {
        let namespace = table.schema.clone().unwrap_or_default();
        for partition in self.partitions(table) {
            let mut own = made.clone();
            if self
                .relation(&partition)
                .is_some_and(|it| it.constraint(&own.name).is_some())
                && let ConstraintKind::ForeignKey { columns, .. } = &own.kind
            {
                let parts = names::columns(columns);
                own.name = self.constraint_name(&namespace, &partition.name, Some(&parts), "fkey");
            }
            self.put_foreign_key(&partition, own);
        }
        if let Some(mut relation) = self.edit(table) {
            relation.constraints.push(made);
        }
    }

    /// The columns that a foreign key points to, which must be a key there.
    fn referred(&mut self, to: &Name, given: &[String]) -> Vec<String> {
        let Some(relation) = self.relation(to) else {
            if self.schema.complete && !super::is_of_the_system(to) {
                self.no_such(Object::Table, to);
            }
            return given.to_vec();
        };
        let may_have_more = relation.may_have_more();
        let primary = relation.primary_key().map(<[String]>::to_vec);
        if given.is_empty() {
            if primary.is_none() && !may_have_more {
                let table = to.clone();
                self.misfits.push(Misfit::NoKey {
                    table,
                    columns: Vec::new(),
                });
            }
            return primary.unwrap_or_default();
        }
        let mut wanted: Vec<&str> = given.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        let is_wanted = |mut keys: Vec<&str>| {
            keys.sort_unstable();
            keys == wanted
        };
        // Most point to the primary key, and a table may have hundreds of indexes.
        let covers = primary
            .as_ref()
            .is_some_and(|it| is_wanted(it.iter().map(String::as_str).collect()))
            || self.schema.indexes_of(to).any(|(_, index)| {
                index.unique
                    && index.predicate.is_none()
                    && is_wanted(index.keys.iter().flat_map(|it| it.columns()).collect())
            });
        if !covers && !may_have_more {
            for column in given {
                if !self.need_column(to, column) {
                    return given.to_vec();
                }
            }
            let table = to.clone();
            let columns = given.to_vec();
            self.misfits.push(Misfit::NoKey { table, columns });
        }
        given.to_vec()
    }
}

/// Whether lists of columns, one for each key, are these columns.
trait FlattenEq {
    fn flatten_eq(self, columns: &[String]) -> bool;
}

impl<'a, I: Iterator<Item = Vec<&'a str>>> FlattenEq for I {
    fn flatten_eq(self, columns: &[String]) -> bool {
        self.flatten().eq(columns.iter().map(String::as_str))
    }
}

fn key_kind(primary: bool, columns: Vec<String>) -> ConstraintKind {
    let using = None;
    if primary {
        ConstraintKind::PrimaryKey { columns, using }
    } else {
        ConstraintKind::Unique { columns, using }
    }
}

/// The constraint that a declared one becomes.
fn constraint(name: String, kind: ConstraintKind, declared: &Declared, with: With) -> Constraint {
    Constraint {
        name,
        kind,
        valid: !declared.not_enforced && (with == With::Table || !declared.not_valid),
        enforced: !declared.not_enforced,
        deferrable: declared.deferrable,
        no_inherit: declared.no_inherit,
    }
}

/// A column as an expression.
pub(super) fn column_expr(name: &str) -> Expr {
    Expr {
        text: Name::plain(name).to_string(),
        span: 0..0,
        node: crate::sql::ir::Node::Column(name.to_owned()),
    }
}

/// The column that an expression is about, if it is only one.
fn only_column(expr: &Expr) -> Option<&str> {
    let mut columns = expr.columns();
    columns.sort_unstable();
    columns.dedup();
    match columns.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}
