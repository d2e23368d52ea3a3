//! Rules for every row, and indexes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use switchback_model::Kind;

use super::{Draft, FIRST_BATCH, Outcome, Planned, columns as plain};
use crate::definition::{Operation, Step, StepFill};
use crate::operation::{Sql, require};
use crate::sqlite::text::name;

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
