//! Constraints: adding, validating, altering, dropping them.

use super::alter::Altering;
use super::claims::{Claims, descendants, with_partitions};
use super::{Doubt, Mode};
use crate::schema::Constraint as Held;
use crate::sql::ir::{Constraint, ConstraintKind, Expr, Name, Span};

impl Claims<'_> {
    /// The locks of a new foreign key on the tables at both ends. What is below either gets it too.
    pub(super) fn foreign_key(&mut self, from: &[Name], referenced: &Name) -> Name {
        for one in from {
            self.lock(one, Mode::ShareRowExclusive);
        }
        let full = self.known(referenced);
        self.lock_partitions(&full, Mode::ShareRowExclusive);
        full
    }
}

impl Altering<'_, '_> {
    /// A new foreign key from the table and what is below it, and whether rows are looked up.
    pub(super) fn foreign_key(&mut self, referenced: &Name, look_up: bool, at: &Span) {
        let from = if self.is_partitioned() {
            self.reached()
        } else {
            vec![self.table.clone()]
        };
        let referenced = self.claims.foreign_key(&from, referenced);
        for one in from.iter().filter(|_| look_up) {
            let why = "rows are looked up in the other table".to_owned();
            self.look_up(one, &referenced, why, at);
        }
    }

    pub(super) fn add_constraint(&mut self, constraint: &Constraint, at: &Span) {
        if constraint.not_enforced {
            self.claims.since(18);
        }
        match &constraint.kind {
            ConstraintKind::Null => {}
            ConstraintKind::Check(expr) => self.add_check(constraint, expr, at),
            ConstraintKind::NotNull { column } => {
                self.claims.since(18);
                let reached = self.lock_below();
                for table in reached.iter().filter(|_| !constraint.not_valid) {
                    self.require(table, column, at);
                }
            }
            ConstraintKind::ForeignKey { table, .. } => {
                if self.claims.major >= 18 {
                    self.lock_below();
                }
                let look_up = !constraint.not_valid && !constraint.not_enforced;
                if constraint.not_valid && self.is_partitioned() {
                    self.claims.since(18);
                }
                self.foreign_key(table, look_up, at);
            }
            ConstraintKind::Unique { using, .. } => self.add_index(constraint, using, at),
            ConstraintKind::PrimaryKey { columns, using } => {
                let indexed = using.as_deref().and_then(|name| self.columns_of(name));
                let columns = indexed.unwrap_or_else(|| columns.clone());
                for table in self.lock_below() {
                    for column in &columns {
                        self.require(&table, column, at);
                    }
                }
                self.add_index(constraint, using, at);
            }
            ConstraintKind::Exclude { .. } => self.add_index(constraint, &None, at),
        }
    }

    fn add_check(&mut self, constraint: &Constraint, expr: &Expr, at: &Span) {
        let own = constraint.no_inherit && self.claims.major < 18;
        let locked = if own {
            vec![self.table.clone()]
        } else {
            self.lock_below()
        };
        if constraint.not_valid || constraint.not_enforced {
            return;
        }
        let checked = if constraint.no_inherit {
            vec![self.table.clone()]
        } else {
            locked
        };
        for table in checked {
            // A child that has it already keeps what it has.
            let has = |held: &Held| {
                constraint.name.as_deref() == Some(held.name.as_str())
                    && matches!(&held.kind, ConstraintKind::Check(has) if has.text == expr.text)
            };
            let relation = self.relation(&table);
            if !relation.is_some_and(|it| it.constraints.iter().any(has)) {
                self.scan(&table, "every row is checked", at);
            }
        }
    }

    /// A unique constraint or primary key. That its index is built shows in the schema after it.
    fn add_index(&mut self, constraint: &Constraint, using: &Option<String>, at: &Span) {
        let _ = at;
        if let Some(index) = using {
            let full = self.beside(index);
            let renamed = constraint.name.as_ref().is_some_and(|name| name != index);
            if renamed {
                self.claims.lock_index(&full, Mode::ShareUpdateExclusive);
            }
            if !self.now.indexes.contains_key(&full) {
                let table = self.table.clone();
                self.claims.doubt(Doubt::Constraint(table, index.clone()));
            }
            return;
        }
        // A deferrable one has a trigger.
        let mode = match (self.claims.major, constraint.deferrable) {
            (18.., _) => self.mode,
            (_, true) => Mode::ShareRowExclusive,
            (_, false) => Mode::Share,
        };
        if self.is_partitioned() || self.claims.major >= 18 {
            for below in self.reached().into_iter().skip(1) {
                self.claims.lock(&below, mode);
            }
        }
    }

    /// The columns of an index of the table.
    fn columns_of(&self, index: &str) -> Option<Vec<String>> {
        let index = self.now.indexes.get(&self.beside(index))?;
        let columns = index.keys.iter().flat_map(|key| key.columns());
        Some(columns.map(str::to_owned).collect())
    }

    /// The full name of something that lies in the schema of the table.
    fn beside(&self, name: &str) -> Name {
        Name {
            schema: self.table.schema.clone(),
            name: name.to_owned(),
        }
    }

    pub(super) fn validate_constraint(&mut self, name: &str, at: &Span) {
        let table = self.table.clone();
        let Some(held) = self.held(&table, name) else {
            // One of `NOT NULL` that is valid has no name here.
            if !self.now.complete {
                self.scan(&table, "every row is checked", at);
            }
            self.claims.doubt(Doubt::Constraint(table, name.to_owned()));
            return;
        };
        match &held.kind {
            ConstraintKind::ForeignKey {
                table: referenced, ..
            } => {
                let reached = if self.is_partitioned() {
                    self.reached()
                } else {
                    vec![table]
                };
                for one in reached {
                    let valid = self.held(&one, name).is_some_and(|it| it.valid);
                    if !valid {
                        let why = "rows are looked up in the other table".to_owned();
                        self.claims.lock(&one, self.mode);
                        self.look_up(&one, referenced, why, at);
                    }
                }
            }
            _ => {
                if held.valid {
                    return;
                }
                let reached = if held.no_inherit {
                    vec![table]
                } else {
                    self.lock_below()
                };
                for one in reached {
                    let valid = self.held(&one, name).is_some_and(|it| it.valid);
                    if !valid {
                        self.scan(&one, "every row is checked", at);
                    }
                }
            }
        }
    }

    /// `said` is what `ALTER CONSTRAINT` says: enforced, inherited, deferrable.
    pub(super) fn alter_constraint(
        &mut self,
        name: &str,
        (enforced, inherit, deferrable): (Option<bool>, Option<bool>, Option<bool>),
        at: &Span,
    ) {
        let table = self.table.clone();
        if enforced.is_some() || inherit.is_some() {
            self.claims.since(18);
        }
        match inherit {
            Some(true) => self.inherit_not_null(name, at),
            // What is below the children stays as it is.
            Some(false) => self.lock_children(),
            None => {}
        }
        if inherit.is_some() {
            return;
        }
        let Some(held) = self.held(&table, name) else {
            self.claims.doubt(Doubt::Constraint(table, name.to_owned()));
            return;
        };
        // That it is not enforced is carried out even where it is so already.
        let relaxed = enforced == Some(false);
        let enforced = enforced.filter(|it| *it != held.enforced);
        let deferrable = deferrable.filter(|it| *it != held.deferrable);
        let changes = relaxed || enforced.is_some() || deferrable.is_some();
        if self.is_partitioned() && (changes || self.claims.major < 18) {
            // Every partition is reached, even where only the table is meant; 18 refuses that.
            for one in descendants(&self.now, &table) {
                self.claims.lock(&one, self.mode);
            }
        }
        let (
            ConstraintKind::ForeignKey {
                table: referenced, ..
            },
            Some(enforced),
        ) = (&held.kind, enforced)
        else {
            return;
        };
        let mode = if enforced {
            Mode::ShareRowExclusive
        } else {
            Mode::AccessExclusive
        };
        self.claims.lock_partitions(referenced, mode);
        for one in with_partitions(&self.now, &table)
            .iter()
            .filter(|_| enforced)
        {
            let why = "rows are looked up in the other table".to_owned();
            self.look_up(one, referenced, why, at);
        }
    }

    /// What is below the table gets its `NOT NULL` as well. One that is valid has no name here but
    /// the one that the server makes.
    fn inherit_not_null(&mut self, name: &str, at: &Span) {
        let table = self.table.clone();
        let held = self.held(&table, name);
        let named = held.and_then(|it| match it.kind {
            ConstraintKind::NotNull { column } => Some(column),
            _ => None,
        });
        let relation = self.relation(&table);
        let made = |column: &str| format!("{}_{column}_not_null", table.name) == name;
        let made = relation
            .and_then(|it| it.columns.iter().find(|it| made(&it.name)).cloned())
            .map(|it| it.name);
        let below = self.lock_below();
        for one in below.iter().filter(|it| **it != table) {
            match named.as_ref().or(made.as_ref()) {
                Some(column) => self.require(one, column, at),
                None => {
                    self.claims
                        .doubt(Doubt::Constraint(table.clone(), name.to_owned()));
                    self.scan(one, "no row may lack a value", at);
                }
            }
        }
    }

    /// What reaches further than the constraint itself; see also [`super::drops::gone`].
    pub(super) fn drop_constraint(&mut self, name: &str) {
        let table = self.table.clone();
        let Some(held) = self.held(&table, name) else {
            if self.claims.major >= 18 {
                self.lock_children();
            }
            return self.may_be_not_null(name);
        };
        let inherited = match held.kind {
            ConstraintKind::Check(_) | ConstraintKind::NotNull { .. } => !held.no_inherit,
            _ => false,
        };
        if self.is_partitioned() {
            // Even where only the table is meant (`ATCheckPartitionsNotInUse`).
            self.lock_partitions();
        } else if inherited {
            self.lock_below();
            self.lock_children();
        }
    }

    pub(super) fn rename_constraint(&mut self, name: &str) {
        let table = self.table.clone();
        let Some(held) = self.held(&table, name) else {
            return self.may_be_not_null(name);
        };
        match held.kind {
            ConstraintKind::Check(_) | ConstraintKind::NotNull { .. } if !held.no_inherit => {
                self.lock_below();
            }
            ConstraintKind::Unique { .. }
            | ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::Exclude { .. } => {
                let index = self.beside(name);
                self.claims.lock_index(&index, Mode::ShareUpdateExclusive);
            }
            _ => {}
        }
    }

    /// A constraint that the schema does not have. Since 18 it may be a `NOT NULL`, of which only
    /// the column is known; then what is below has it too.
    fn may_be_not_null(&mut self, name: &str) {
        let table = self.table.clone();
        self.claims.doubt(Doubt::Constraint(table, name.to_owned()));
        if self.is_partitioned() {
            self.lock_partitions();
        } else if self.claims.major >= 18 {
            self.lock_below();
        }
    }

    fn lock_partitions(&mut self) {
        let table = self.table.clone();
        self.claims.lock_partitions(&table, self.mode);
    }

    /// A constraint of a table, by name.
    fn held(&self, table: &Name, name: &str) -> Option<Held> {
        self.now.relations.get(table)?.constraint(name).cloned()
    }
}
