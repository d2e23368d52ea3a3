//! What a statement is, as far as it decides how it is run: whether it may run long, and whether and
//! how it can be run again after a crash.

use std::ops::Range;

use switchback_migration::Engine;
use switchback_migration::sql::ir::{Alter, AlterAction, AlterTypeAction, Kind, Name, Object};
use switchback_migration::sql::parse;
use switchback_migration::sql::tokens::{Token, TokenKind};

use crate::postgres::session::name;

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// `CREATE INDEX`.
    CreateIndex(CreateIndex),
    /// `DROP INDEX`.
    DropIndex(DropIndex),
    /// `ALTER TABLE … ATTACH PARTITION …`.
    Attach { table: Name, partition: Name },
    /// `ALTER TABLE … DETACH PARTITION …`.
    Detach {
        table: Name,
        partition: Name,
        concurrently: bool,
    },
    /// `REINDEX`.
    Reindex { concurrently: bool },
    /// Something else that can be run again as it stands; `long` where it keeps no reader or writer
    /// waiting for however long it takes.
    Again { long: bool },
    /// A block of code or a query: it takes no strong lock by itself.
    Code,
    /// Any other.
    Other,
}

/// `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CreateIndex {
    pub(super) concurrently: bool,
    /// Its name; its schema is that of the table.
    pub(super) name: Option<String>,
    /// The table.
    pub(super) table: Name,
    /// Where the table stands in the statement, with `ONLY`, in bytes.
    pub(super) on: Range<usize>,
    pub(super) unique: bool,
}

/// `DROP INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DropIndex {
    pub(super) concurrently: bool,
    /// Where `IF EXISTS` belongs, in bytes, if it is missing.
    pub(super) if_exists_at: Option<usize>,
}

/// A name as it can be written in SQL, whatever word it is.
pub(super) fn quoted(it: &Name) -> String {
    match &it.schema {
        Some(schema) => format!("{}.{}", name(schema), name(&it.name)),
        None => name(&it.name),
    }
}

impl Form {
    /// Whether it keeps no reader or writer waiting, however long it takes.
    pub(super) const fn may_run_long(&self) -> bool {
        match self {
            Form::Again { long } => *long,
            Form::Code => true,
            _ => self.waits_beside(),
        }
    }

    /// Whether it waits for other transactions to end without holding up readers and writers.
    pub(super) const fn waits_beside(&self) -> bool {
        match self {
            Form::CreateIndex(it) => it.concurrently,
            Form::DropIndex(it) => it.concurrently,
            Form::Reindex { concurrently } | Form::Detach { concurrently, .. } => *concurrently,
            _ => false,
        }
    }
}

/// What a statement is.
pub(super) fn form(text: &str, words: &[Token<'_>]) -> Form {
    let Some(statement) = parse(text, Engine::Postgres).into_iter().next() else {
        return Form::Again { long: false };
    };
    let again = |long| Form::Again { long };
    match statement.kind {
        Kind::CreateIndex(it) => match table_of_index(words) {
            Some(on) => Form::CreateIndex(CreateIndex {
                concurrently: it.concurrently,
                name: it.name.map(|name| name.name),
                table: it.table,
                on,
                unique: it.unique,
            }),
            None => Form::Other,
        },
        Kind::Drop(it) if it.object == Object::Index => Form::DropIndex(DropIndex {
            concurrently: it.concurrently,
            if_exists_at: (!it.if_exists)
                .then(|| words.get(2 + usize::from(it.concurrently)))
                .flatten()
                .map(|token| token.start),
        }),
        Kind::Alter(it) => alter(it),
        Kind::AlterType {
            action:
                AlterTypeAction::AddValue {
                    if_not_exists: true,
                    ..
                },
            ..
        } => again(false),
        Kind::Reindex { concurrently, .. } => Form::Reindex { concurrently },
        Kind::Vacuum { full, .. } => again(!full),
        Kind::Analyze { .. } => again(true),
        Kind::Refresh { concurrently, .. } => again(concurrently),
        Kind::Comment { .. } => again(false),
        Kind::Select(_) | Kind::Do { .. } => Form::Code,
        _ => Form::Other,
    }
}

/// Where the table of `CREATE INDEX … ON [ONLY] table` stands. `ON` is reserved, so the first one is
/// that.
fn table_of_index(words: &[Token<'_>]) -> Option<Range<usize>> {
    let on = words.iter().position(|token| token.is("on"))?;
    let mut at = on + 1;
    let start = words.get(at)?.start;
    at += usize::from(words.get(at)?.is("only"));
    if words.get(at + 1)?.kind == TokenKind::Mark(b'.') {
        at += 2;
    }
    Some(start..words.get(at)?.end())
}

fn alter(it: Alter) -> Form {
    let Alter {
        object,
        name,
        actions,
        ..
    } = it;
    let mut actions = actions.into_iter().map(|(action, _)| action);
    if object == Object::Index {
        // Attaching what is attached does nothing; settings are set again.
        let again = actions.all(|action| {
            use AlterAction::{AttachPartition, SetColumnOptions, SetOptions, SetStatistics};
            matches!(
                action,
                AttachPartition { .. }
                    | SetOptions { .. }
                    | SetStatistics { .. }
                    | SetColumnOptions { .. }
            )
        });
        return if again {
            Form::Again { long: false }
        } else {
            Form::Other
        };
    }
    if object != Object::Table {
        return Form::Other;
    }
    let mut long = true;
    for action in actions {
        match action {
            AlterAction::AttachPartition { child, .. } => {
                return Form::Attach {
                    table: name,
                    partition: child,
                };
            }
            AlterAction::DetachPartition {
                child,
                concurrently,
                finalize: false,
            } => {
                return Form::Detach {
                    table: name,
                    partition: child,
                    concurrently,
                };
            }
            AlterAction::ValidateConstraint { .. } => {}
            other if bears_repetition(&other) => long = false,
            _ => return Form::Other,
        }
    }
    Form::Again { long }
}

/// Whether an action does nothing the second time, rather than to fail. A type again is the same
/// type; an expression again would be computed again.
fn bears_repetition(action: &AlterAction) -> bool {
    match action {
        AlterAction::AddColumn { if_not_exists, .. } => *if_not_exists,
        AlterAction::DropColumn { if_exists, .. }
        | AlterAction::DropConstraint { if_exists, .. }
        | AlterAction::DropIdentity { if_exists, .. } => *if_exists,
        AlterAction::AlterConstraint { .. }
        | AlterAction::SetType { .. }
        | AlterAction::Default { .. }
        | AlterAction::SetNotNull { .. }
        | AlterAction::DropNotNull { .. }
        | AlterAction::SetIdentity { .. }
        | AlterAction::SetStatistics { .. }
        | AlterAction::SetStorage { .. }
        | AlterAction::SetCompression { .. }
        | AlterAction::SetColumnOptions { .. }
        | AlterAction::SetOptions { .. }
        | AlterAction::SetLogged(_)
        | AlterAction::ClusterOn { .. }
        | AlterAction::ReplicaIdentity { .. }
        | AlterAction::Trigger { .. }
        | AlterAction::Rule
        | AlterAction::RowSecurity(_)
        | AlterAction::Owner => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use switchback_migration::sql::tokens::tokens;

    use super::*;

    fn of(sql: &str) -> Form {
        form(sql, &tokens(sql))
    }

    #[test]
    fn an_index_says_its_name_and_its_table() {
        let sql = "CREATE UNIQUE INDEX /* a */ CONCURRENTLY IF NOT EXISTS \"I\" ON ONLY s.\"T\" USING \
                   btree (a)";
        let Form::CreateIndex(it) = of(sql) else {
            panic!()
        };
        assert_eq!(it.name.as_deref(), Some("I"));
        assert_eq!(it.table, Name::qualified("s", "T"));
        assert_eq!(&sql[it.on.clone()], "ONLY s.\"T\"");
        assert!(it.concurrently && it.unique);
        let sql = "create index on t (a)";
        let Form::CreateIndex(it) = of(sql) else {
            panic!()
        };
        assert_eq!((it.name, it.concurrently), (None, false));
        assert_eq!(&sql[it.on], "t");
        assert_eq!(of("CREATE TABLE t (a int)"), Form::Other);
    }

    #[test]
    fn a_dropped_index_says_where_if_exists_belongs() {
        let sql = "DROP INDEX CONCURRENTLY a.b";
        let Form::DropIndex(it) = of(sql) else {
            panic!()
        };
        assert_eq!(it.if_exists_at, Some(24));
        assert_eq!(&sql[24..], "a.b");
        let Form::DropIndex(it) = of("drop index if exists a, b.c cascade") else {
            panic!()
        };
        assert_eq!(it.if_exists_at, None);
    }

    #[test]
    fn what_holds_up_nobody_may_run_long() {
        for (sql, long) in [
            ("ALTER TABLE t VALIDATE CONSTRAINT c", true),
            (
                "ALTER TABLE t VALIDATE CONSTRAINT c, ALTER a SET NOT NULL",
                false,
            ),
            ("DO $$ BEGIN END $$", true),
            ("SELECT 1", true),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", true),
            ("REFRESH MATERIALIZED VIEW v", false),
            ("VACUUM t", true),
            ("VACUUM FULL t", false),
            ("ALTER TABLE t ADD COLUMN a int", false),
            ("ALTER TABLE t DETACH PARTITION u CONCURRENTLY", true),
            ("ALTER TABLE t DETACH PARTITION u", false),
        ] {
            assert_eq!(of(sql).may_run_long(), long, "{sql}");
        }
    }
}
