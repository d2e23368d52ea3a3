//! What a rename would harm. Doubt is refused: the way out is to remove the obstacle first.

use super::{Reason, Rename};
use crate::definition::prefix;
use crate::sqlite::catalog::{Column, IndexOrigin, ROWID, Table, TableKind};
use crate::sqlite::text::{Token, groups_after, mentions, table_parts};

pub(super) fn check(table: &Table, rename: &Rename) -> Result<(), Reason> {
    match table.kind {
        TableKind::Ordinary => {}
        TableKind::Virtual => return Err(Reason::Virtual),
        TableKind::View => return Err(Reason::View),
    }
    if table.without_rowid {
        return Err(Reason::WithoutRowid);
    }
    if table.rowid().is_none() {
        return Err(Reason::HiddenRowid);
    }
    let missing = || Reason::NoColumn {
        column: rename.from.clone(),
    };
    let old = table.column(&rename.from).ok_or_else(missing)?;
    names(table, old, rename)?;
    column(table, old)?;
    constraints(table, old)?;
    indexes(table, old)?;
    if let Some(view) = table.views.first() {
        return Err(Reason::InView {
            view: view.name.clone(),
        });
    }
    let columns = [rename.from.clone(), rename.to.clone()];
    if let Some(trigger) = table.trigger_in_the_way(&columns) {
        return Err(Reason::Trigger {
            trigger: trigger.name.clone(),
        });
    }
    Ok(())
}

fn names(table: &Table, old: &Column, rename: &Rename) -> Result<(), Reason> {
    if rename.to.is_empty() || rename.to.contains('\0') {
        return Err(Reason::BadName);
    }
    if old.name.eq_ignore_ascii_case(&rename.to) {
        return Err(Reason::OnlyCase {
            column: old.name.clone(),
        });
    }
    if let Some(column) = table.column(&rename.to) {
        return Err(Reason::ColumnExists {
            column: column.name.clone(),
        });
    }
    let rowid = |name: &&str| ROWID.iter().any(|it| it.eq_ignore_ascii_case(name));
    if let Some(column) = [old.name.as_str(), &rename.to].into_iter().find(rowid) {
        let column = column.to_owned();
        return Err(Reason::RowidName { column });
    }
    let prefix = prefix(&rename.change);
    let taken = table
        .indexes
        .iter()
        .find(|index| index.name.starts_with(&prefix));
    taken.map_or(Ok(()), |index| {
        Err(Reason::NameTaken {
            name: index.name.clone(),
        })
    })
}

fn column(table: &Table, old: &Column) -> Result<(), Reason> {
    let column = old.name.clone();
    if old.generated {
        return Err(Reason::Generated { column });
    }
    if old.primary_key > 0 {
        return Err(Reason::PrimaryKey { column });
    }
    let own =
        |key: &&crate::sqlite::catalog::ForeignKey| key.column.eq_ignore_ascii_case(&old.name);
    if let Some(key) = table.foreign_keys.iter().find(own) {
        return Err(Reason::ForeignKey {
            column,
            target: key.target.clone(),
        });
    }
    let here = |key: &&crate::sqlite::catalog::ForeignKey| {
        key.target_column
            .as_ref()
            .is_some_and(|target| target.eq_ignore_ascii_case(&old.name))
    };
    if let Some(key) = table.referenced_by.iter().find(here) {
        return Err(Reason::Referenced {
            column,
            table: key.table.clone(),
        });
    }
    if !["BINARY", "NOCASE", "RTRIM"].contains(&old.collation.to_ascii_uppercase().as_str()) {
        return Err(Reason::Collation {
            column,
            collation: old.collation.clone(),
        });
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_ (),.+-".contains(c);
    if !old.declared_type.chars().all(plain) {
        return Err(Reason::Type {
            column,
            declared: old.declared_type.clone(),
        });
    }
    Ok(())
}

fn constraints(table: &Table, old: &Column) -> Result<(), Reason> {
    let column = || old.name.clone();
    let names_it = |tokens: &[Token]| tokens.iter().any(|token| token.is_name(&old.name));
    let has = |tokens: &[Token], word| tokens.iter().any(|token: &Token| token.is_word(word));
    let tokens = table.tokens();
    if groups_after(&tokens, "check").into_iter().any(names_it) {
        return Err(Reason::Check { column: column() });
    }
    if groups_after(&tokens, "as").into_iter().any(names_it) {
        return Err(Reason::Computed { column: column() });
    }
    for part in table_parts(&tokens) {
        if !names_it(part) {
            continue;
        }
        if has(part, "conflict") {
            return Err(Reason::OnConflict { column: column() });
        }
        let own = part.first().is_some_and(|first| first.is_name(&old.name));
        if own && old.not_null && has(part, "constraint") {
            return Err(Reason::NamedNotNull { column: column() });
        }
    }
    Ok(())
}

fn indexes(table: &Table, old: &Column) -> Result<(), Reason> {
    for index in &table.indexes {
        let computed = index.partial || index.columns.iter().any(|key| key.name.is_none());
        if computed
            && index
                .sql
                .as_deref()
                .is_some_and(|sql| mentions(sql, &old.name))
        {
            let (column, index) = (old.name.clone(), index.name.clone());
            return Err(Reason::Index { column, index });
        }
        let covers = index.origin != IndexOrigin::PrimaryKey && index.covers(&old.name);
        let own = |name: &str| !["BINARY", "NOCASE", "RTRIM"].contains(&name);
        for key in index.columns.iter().filter(|_| covers) {
            if own(&key.collation.to_ascii_uppercase()) {
                let column = key.name.clone().unwrap_or_default();
                return Err(Reason::Collation {
                    column,
                    collation: key.collation.clone(),
                });
            }
        }
        // One column of the pair lags behind inside each statement. With REPLACE the collision would
        // even delete the innocent row.
        if covers && index.unique && index.columns.len() > 1 {
            let (column, index) = (old.name.clone(), index.name.clone());
            return Err(Reason::UniqueTogether { column, index });
        }
        let default = old
            .default
            .as_deref()
            .is_some_and(|it| !it.eq_ignore_ascii_case("null"));
        if covers && index.unique && default {
            return Err(Reason::UniqueDefault {
                column: old.name.clone(),
            });
        }
    }
    Ok(())
}
