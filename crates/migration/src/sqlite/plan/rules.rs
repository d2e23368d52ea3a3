//! Rules for every row, and indexes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use switchback_model::Kind;

use super::{Draft, FIRST_BATCH, Outcome, Planned, columns as plain};
use crate::definition::{Operation, Step, StepFill};
use crate::operation::{Sql, require};
use crate::sqlite::catalog::{Table, TableKind};
use crate::sqlite::plan::Reason;
use crate::sqlite::text::{name, spanned};

fn guard(draft: &Draft<'_>, rule: &str, count: &str) -> Sql {
    let complaint = format!("rows of {} break {rule}", draft.shown());
    let what = format!("Fail if rows of {} break {rule}.", draft.shown());
    draft.sql(
        "verify",
        [&what, "Nothing was changed."],
        Sql::transaction(
            draft.guard("rule", &complaint, count),
            "-- Nothing was changed.\n".to_owned(),
        ),
    )
}

fn planned(title: String, columns: Vec<String>, steps: Vec<Step>) -> Planned {
    Planned {
        title,
        operation: Operation::AddConstraint,
        kind: Kind::Tagged,
        old: columns,
        new: Vec::new(),
        rule: true,
        steps,
    }
}

fn mending(draft: &Draft<'_>, set: BTreeMap<String, String>, broken: &str) -> StepFill {
    StepFill {
        table: draft.table.name.clone(),
        set,
        only: Some(broken.to_owned()),
        batch_rows: FIRST_BATCH,
        keep_undo: true,
    }
}

pub(super) fn check(
    draft: &Draft<'_>,
    constraint: &str,
    rule: &str,
    mend: &BTreeMap<String, String>,
) -> Outcome {
    for column in mend.keys() {
        draft.column(column)?;
    }
    if !mend.is_empty() {
        draft.fillable()?;
    }
    let (t, c, shown) = (draft.t(), name(constraint), draft.shown());
    let said = format!("the check {constraint} ({rule})");
    let broken = format!("NOT ({rule})");
    let steps = require::rule(require::Rule {
        rule: said.clone(),
        table: shown.to_owned(),
        mend: (!mend.is_empty()).then(|| mending(draft, mend.clone(), &broken)),
        verify: guard(
            draft,
            &said,
            &format!("SELECT count(*) FROM {t} WHERE {broken}"),
        ),
        build: None,
        require: draft.sql(
            "require",
            [
                "Hold every row to the rule. Every row is read once.",
                "Lift the rule.",
            ],
            Sql::transaction(
                format!("ALTER TABLE {t} ADD CONSTRAINT {c} CHECK ({rule});\n"),
                format!("ALTER TABLE {t} DROP CONSTRAINT {c};\n"),
            ),
        ),
        validate: None,
        finish: None,
    })?;
    Ok(planned(
        format!("Hold {shown} to {said}"),
        draft.mentioned(rule),
        steps,
    ))
}

pub(super) fn not_null(draft: &Draft<'_>, column: &str, mend: Option<&str>) -> Outcome {
    draft.column(column)?;
    if mend.is_some() {
        draft.fillable()?;
    }
    let (t, c, shown) = (draft.t(), name(column), draft.shown());
    let said = format!("NOT NULL of {column}");
    let broken = format!("{c} IS NULL");
    let steps = require::rule(require::Rule {
        rule: said.clone(),
        table: shown.to_owned(),
        mend: mend.map(|value| {
            let set = BTreeMap::from([(column.to_owned(), value.to_owned())]);
            mending(draft, set, &broken)
        }),
        verify: guard(
            draft,
            &said,
            &format!("SELECT count(*) FROM {t} WHERE {broken}"),
        ),
        build: None,
        require: plain::not_null(draft, column),
        validate: None,
        finish: None,
    })?;
    Ok(planned(
        format!("Make {shown}.{column} NOT NULL"),
        vec![column.to_owned()],
        steps,
    ))
}

pub(super) fn unique(draft: &Draft<'_>, index: &str, columns: &[String]) -> Outcome {
    for column in columns {
        draft.column(column)?;
    }
    let (t, shown) = (draft.t(), draft.shown());
    let keys: Vec<_> = columns.iter().map(|column| name(column)).collect();
    let present: Vec<_> = keys
        .iter()
        .map(|key| format!("{key} IS NOT NULL"))
        .collect();
    let keys = keys.join(", ");
    let said = format!("the uniqueness of {}", columns.join(", "));
    let count = format!(
        "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {t} WHERE {} GROUP BY {keys} \
         HAVING count(*) > 1)",
        present.join(" AND ")
    );
    let steps = require::rule(require::Rule {
        rule: said.clone(),
        table: shown.to_owned(),
        mend: None,
        verify: guard(draft, &said, &count),
        build: None,
        require: draft.sql(
            "require",
            ["Build the unique index.", "Drop it."],
            Sql::transaction(
                format!("CREATE UNIQUE INDEX {} ON {t} ({keys});\n", name(index)),
                format!("DROP INDEX {};\n", name(index)),
            ),
        ),
        validate: None,
        finish: None,
    })?;
    Ok(planned(
        format!("Hold {shown} to {said}"),
        columns.to_vec(),
        steps,
    ))
}

/// A foreign key that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct ForeignKey<'a> {
    /// Its name.
    pub name: &'a str,
    /// The columns that point.
    pub columns: &'a [String],
    /// The columns over there, in the same order.
    pub to_columns: &'a [String],
    /// What follows, such as `ON DELETE CASCADE`; often nothing.
    pub actions: &'a str,
}

pub(super) fn foreign_key(draft: &Draft<'_>, to: &Table, wanted: &ForeignKey<'_>) -> Outcome {
    let ForeignKey {
        name: constraint,
        columns,
        to_columns,
        actions,
    } = *wanted;
    for column in columns {
        draft.column(column)?;
    }
    if constraint.is_empty() || constraint.contains('\0') {
        return Err(Reason::BadName.into());
    }
    let all = spanned(&draft.table.sql);
    let taken = all
        .windows(2)
        .any(|it| it[0].0.is_word("constraint") && it[1].0.is_name(constraint));
    if taken {
        return Err(Reason::ConstraintThere {
            name: constraint.to_owned(),
        }
        .into());
    }
    if to.kind != TableKind::Ordinary || !is_key(to, to_columns) {
        return Err(Reason::NotAKey {
            table: to.name.clone(),
            columns: to_columns.join(", "),
        }
        .into());
    }
    let (t, c, shown) = (draft.t(), name(constraint), draft.shown());
    let list = |columns: &[String]| {
        let names: Vec<_> = columns.iter().map(|it| name(it)).collect();
        names.join(", ")
    };
    let (mine, theirs, other) = (list(columns), list(to_columns), name(&to.name));
    let said = format!("the foreign key {constraint} to {}", to.name);
    let present: Vec<_> = columns
        .iter()
        .map(|it| format!("a.{} IS NOT NULL", name(it)))
        .collect();
    // As SQLite looks rows up for a foreign key: by the affinity and collation of the other side.
    let joined: Vec<_> = columns
        .iter()
        .zip(to_columns)
        .map(|(mine, theirs)| format!("b.{} = +a.{}", name(theirs), name(mine)))
        .collect();
    let count = format!(
        "SELECT count(*) FROM {t} AS a WHERE {} AND NOT EXISTS (SELECT 1 FROM {other} AS b WHERE {})",
        present.join(" AND "),
        joined.join(" AND ")
    );
    let gap = if actions.is_empty() { "" } else { " " };
    let steps = require::rule(require::Rule {
        rule: said.clone(),
        table: shown.to_owned(),
        mend: None,
        verify: guard(draft, &said, &count),
        build: supporting(draft, columns),
        require: draft.sql(
            "require",
            [
                "Hold rows to the foreign key. Nobody can write while every row is copied. SQLite \
                 enforces it where a connection says PRAGMA foreign_keys = ON.",
                "Lift the foreign key. Nobody can write while every row is copied.",
            ],
            Sql::rebuild(
                format!(
                    "ALTER TABLE {t} ADD CONSTRAINT {c} FOREIGN KEY ({mine}) REFERENCES {other} \
                     ({theirs}){gap}{actions};\n"
                ),
                format!("ALTER TABLE {t} DROP CONSTRAINT {c};\n"),
            ),
        ),
        validate: None,
        finish: None,
    })?;
    Ok(Planned {
        operation: Operation::AddForeignKey,
        ..planned(format!("Hold {shown} to {said}"), columns.to_vec(), steps)
    })
}

/// Whether foreign keys may point to these columns: they are the primary key, or those of a unique
/// index that covers every row and compares as the columns do.
fn is_key(to: &Table, columns: &[String]) -> bool {
    let same = |names: &[&str]| {
        names.len() == columns.len()
            && columns
                .iter()
                .all(|it| names.iter().any(|name| name.eq_ignore_ascii_case(it)))
    };
    let primary = to.columns.iter().filter(|it| it.primary_key > 0);
    let primary: Vec<&str> = primary.map(|it| it.name.as_str()).collect();
    same(&primary)
        || to.indexes.iter().any(|index| {
            let keys = index.columns.iter().filter_map(|key| {
                let column = to.column(key.name.as_deref()?)?;
                let plain = column.collation.eq_ignore_ascii_case(&key.collation);
                plain.then_some(column.name.as_str())
            });
            let keys: Vec<&str> = keys.collect();
            index.unique && !index.partial && keys.len() == index.columns.len() && same(&keys)
        })
}

/// An index on the columns of a foreign key, where none begins with them.
fn supporting(draft: &Draft<'_>, columns: &[String]) -> Option<Sql> {
    let named = |key: Option<&str>| {
        key.is_some_and(|key| columns.iter().any(|it| it.eq_ignore_ascii_case(key)))
    };
    let there = draft.table.indexes.iter().any(|index| {
        let keys = index.columns.iter().take(columns.len());
        !index.partial
            && index.columns.len() >= columns.len()
            && keys.into_iter().all(|key| named(key.name.as_deref()))
    });
    // The row id is an index without a name.
    let key = draft.table.columns.iter().filter(|it| it.primary_key > 0);
    let key: Vec<&str> = key.map(|it| it.name.as_str()).collect();
    if there || (columns.len() == 1 && key.len() == 1 && named(key.first().copied())) {
        return None;
    }
    let own = name(&draft.own("index"));
    let keys: Vec<_> = columns.iter().map(|it| name(it)).collect();
    let what = format!(
        "An index on {} for the foreign key. Writers wait until it is built.",
        columns.join(", ")
    );
    Some(draft.sql(
        "build",
        [&what, "Drop the index."],
        Sql::transaction(
            format!(
                "CREATE INDEX {own} ON {} ({});\n",
                draft.t(),
                keys.join(", ")
            ),
            format!("DROP INDEX {own};\n"),
        ),
    ))
}

pub(super) fn index(
    draft: &Draft<'_>,
    index: &str,
    keys: &[String],
    only: Option<&str>,
) -> Outcome {
    let shown = draft.shown();
    let written: Vec<_> = keys
        .iter()
        .map(|key| match draft.table.column(key) {
            Some(column) => name(&column.name),
            None => key.clone(),
        })
        .collect();
    let mut sql = format!(
        "CREATE INDEX {} ON {} ({})",
        name(index),
        draft.t(),
        written.join(", ")
    );
    if let Some(only) = only {
        let _ = write!(sql, " WHERE {only}");
    }
    let steps = require::indexed(require::Indexed {
        index: index.to_owned(),
        table: shown.to_owned(),
        build: draft.sql(
            "index",
            [
                &format!("Build the index {index}. Writers wait until it is built."),
                "Drop it again.",
            ],
            Sql::transaction(
                format!("{sql};\n"),
                format!("DROP INDEX {};\n", name(index)),
            ),
        ),
    })?;
    Ok(Planned {
        title: format!("Add the index {index} to {shown}"),
        operation: Operation::AddIndex,
        kind: Kind::Replicated,
        old: draft.mentioned(&sql),
        new: Vec::new(),
        rule: false,
        steps,
    })
}
