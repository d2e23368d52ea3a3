//! `ALTER COLUMN`.

use super::Fold;
use crate::schema::{Column, Misfit};
use crate::sql::ir::{AlterAction, ConstraintKind, Generated, Name, Object, TypeName};

impl Fold<'_> {
    /// A change of one column, and of that of the children where they get it.
    pub(super) fn change_column(&mut self, table: &Name, action: &AlterAction, only: bool) {
        use AlterAction as A;
        match action {
            A::SetType {
                column,
                to,
                collation,
                ..
            } => {
                self.not_read_by_views(table, column);
                let to = self.full_type(to);
                let to = TypeName {
                    serial: false,
                    ..to
                };
                let collation = collation.clone();
                self.change(table, column, only, |it| {
                    it.type_name = Some(to.clone());
                    it.collation.clone_from(&collation);
                });
            }
            A::Default { column, default } => {
                let default = self.default(default.as_ref());
                self.change(table, column, only, |it| it.default.clone_from(&default));
            }
            A::SetNotNull { column } => {
                self.change(table, column, only, |it| it.not_null = true);
            }
            A::DropNotNull { column } => self.drop_not_null(table, column, only),
            A::SetExpression { column, expr } => {
                self.change(table, column, only, |it| {
                    if let Some(Generated::Expression { expr: old, .. }) = &mut it.generated {
                        *old = expr.clone();
                    }
                });
            }
            A::DropExpression { column } => {
                self.change(table, column, only, |it| {
                    if matches!(it.generated, Some(Generated::Expression { .. })) {
                        it.generated = None;
                    }
                });
            }
            A::AddIdentity { column, always } => {
                if !self.need_column(table, column) {
                    return;
                }
                let nullable = self
                    .relation(table)
                    .and_then(|it| it.column(column))
                    .is_some_and(|it| !it.not_null);
                if nullable {
                    self.misfits.push(Misfit::MustBeNotNull {
                        table: table.clone(),
                        column: column.clone(),
                    });
                    return;
                }
                let identity = Generated::Identity { always: *always };
                self.change(table, column, only, |it| {
                    it.generated = Some(identity.clone());
                    it.default = None;
                });
                let sequence = self.sequence_name(table, column, &[]);
                self.make_sequence(sequence, Some((table.clone(), column.clone())));
            }
            A::SetIdentity { column, always } => {
                let to = *always;
                self.change(table, column, only, |it| {
                    if let (Some(Generated::Identity { always }), Some(to)) =
                        (&mut it.generated, to)
                    {
                        *always = to;
                    }
                });
            }
            A::DropIdentity { column, .. } => {
                let is_one = self
                    .relation(table)
                    .and_then(|it| it.column(column))
                    .is_some_and(|it| matches!(it.generated, Some(Generated::Identity { .. })));
                self.change(table, column, only, |it| {
                    if matches!(it.generated, Some(Generated::Identity { .. })) {
                        it.generated = None;
                    }
                });
                if is_one {
                    self.drop_sequences_of(table, Some(column));
                }
            }
            A::SetStatistics { column } if column.starts_with(|c: char| c.is_ascii_digit()) => {}
            A::SetStatistics { column }
            | A::SetStorage { column }
            | A::SetCompression { column }
            | A::SetColumnOptions { column } => {
                self.need_column(table, column);
            }
            _ => {}
        }
    }

    fn change(&mut self, table: &Name, column: &str, only: bool, change: impl Fn(&mut Column)) {
        if !self.need_column(table, column) {
            // In a table of which not all is known the column becomes known by this.
            if let Some(mut relation) = self.edit(table)
                && relation.may_have_more()
            {
                let mut made_up = super::plain_column(column, None);
                change(&mut made_up);
                relation.columns.push(made_up);
            }
            return;
        }
        let mut tables = vec![table.clone()];
        if !only {
            tables.extend(self.descendants(table));
        }
        for table in tables {
            if let Some(mut relation) = self.edit(&table)
                && let Some(column) = relation.columns.iter_mut().find(|it| it.name == column)
            {
                change(column);
            }
        }
    }

    fn drop_not_null(&mut self, table: &Name, column: &str, only: bool) {
        let in_key = self.relation(table).is_some_and(|it| {
            it.primary_key()
                .is_some_and(|key| key.iter().any(|it| it == column))
        });
        let identity = self
            .relation(table)
            .and_then(|it| it.column(column))
            .is_some_and(|it| matches!(it.generated, Some(Generated::Identity { .. })));
        if in_key || identity {
            self.misfits.push(Misfit::MustBeNotNull {
                table: table.clone(),
                column: column.to_owned(),
            });
            return;
        }
        self.change(table, column, only, |it| it.not_null = false);
        let mut tables = vec![table.clone()];
        if !only {
            tables.extend(self.descendants(table));
        }
        for table in tables {
            if let Some(mut relation) = self.edit(&table) {
                relation.constraints.retain(|it| {
                    !matches!(&it.kind, ConstraintKind::NotNull { column: of } if of == column)
                });
            }
        }
    }

    /// The type of a column that a view reads cannot be changed.
    fn not_read_by_views(&mut self, table: &Name, column: &str) {
        let readers = self.views_on_column(table, column);
        if let Some(view) = readers.certain.first() {
            let by = view.to_string();
            self.misfits.push(Misfit::StillUsed {
                object: Object::Column,
                name: table.clone(),
                part: Some(column.to_owned()),
                by,
            });
        }
    }
}
