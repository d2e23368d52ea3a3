//! Rules for every row, held in steps that take strong locks only for moments, and indexes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use switchback_model::Kind;

use super::names::{name, parse, qualified};
use super::plain::{self, FIRST_BATCH};
use super::{Draft, Outcome, Planned, Reason};
use crate::definition::{Operation, Step, StepFill};
use crate::operation::{Sql, require};
use crate::sql::ir::{ConstraintKind, Name, Node};

/// A script that fails, with their number, if there are rows for which `broken` holds.
fn guard(draft: &Draft<'_>, rule: &str, count: &str) -> Sql {
    let up = draft.guard(&format!("%s rows of {} break {rule}", draft.shown()), count);
    let what = format!("Fail if rows of {} break {rule}.", draft.shown());
    draft.sql(
        "verify",
        [&what, "Nothing was changed."],
        Sql::transaction(up, "-- Nothing was changed.\n".to_owned()),
    )
}

fn planned(title: String, operation: Operation, columns: Vec<String>, steps: Vec<Step>) -> Planned {
    Planned {
        title,
        operation,
        kind: Kind::Tagged,
        old: columns,
        new: Vec::new(),
        rule: true,
        steps,
    }
}

fn mending(draft: &Draft<'_>, set: BTreeMap<String, String>, broken: &str) -> StepFill {
    StepFill {
        table: qualified(&draft.full),
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
    draft.free_name(constraint)?;
    for column in mend.keys() {
        draft.column(column)?;
    }
    if !mend.is_empty() {
        draft.has_key()?;
    }
    let (t, c, shown) = (draft.t(), name(constraint), draft.shown());
    let said = format!("the check {constraint} ({rule})");
    let broken = format!("({rule}) IS FALSE");
    let hold = format!("ALTER TABLE {t} ADD CONSTRAINT {c} CHECK ({rule}) NOT VALID;\n");
    let lift = format!("ALTER TABLE {t} DROP CONSTRAINT {c};\n");
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
                "Hold new rows to the rule; no row is read.",
                "Lift the rule.",
            ],
            Sql::transaction(hold.clone(), lift.clone()),
        ),
        validate: Some(draft.sql(
            "validate",
            [
                "Read every row, beside readers and writers.",
                "Go back to a rule for new rows only.",
            ],
            Sql::transaction(
                format!("ALTER TABLE {t} VALIDATE CONSTRAINT {c};\n"),
                format!("{lift}{hold}"),
            ),
        )),
        finish: None,
    })?;
    Ok(planned(
        format!("Hold {shown} to {said}"),
        Operation::AddConstraint,
        draft.mentioned(rule),
        steps,
    ))
}

pub(super) fn not_null(draft: &Draft<'_>, column: &str, mend: Option<&str>) -> Outcome {
    draft.column(column)?;
    if mend.is_some() {
        draft.has_key()?;
    }
    let (t, c, shown) = (draft.t(), name(column), draft.shown());
    let said = format!("NOT NULL of {column}");
    let broken = format!("{c} IS NULL");
    let plain::NotNull { require, validate } = plain::not_null(draft, column);
    let [validate, finish] = validate;
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
        require,
        validate: Some(validate),
        finish: Some((column.to_owned(), finish)),
    })?;
    Ok(planned(
        format!("Make {shown}.{column} NOT NULL"),
        Operation::AddConstraint,
        vec![column.to_owned()],
        steps,
    ))
}

pub(super) fn unique(draft: &Draft<'_>, index: &str, columns: &[String]) -> Outcome {
    draft.free_name(index)?;
    for column in columns {
        draft.column(column)?;
    }
    if draft.table.partition_by.is_some() {
        return Err(Reason::Partitioned.into());
    }
    let (t, shown) = (draft.t(), draft.shown());
    let keys: Vec<_> = columns.iter().map(|column| name(column)).collect();
    let keys = keys.join(", ");
    let said = format!("the uniqueness of {}", columns.join(", "));
    let present: Vec<_> = columns
        .iter()
        .map(|column| format!("{} IS NOT NULL", name(column)))
        .collect();
    let count = format!(
        "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM {t} WHERE {} GROUP BY {keys} \
         HAVING count(*) > 1) AS twice",
        present.join(" AND ")
    );
    let full = Name {
        schema: draft.full.schema.clone(),
        name: index.to_owned(),
    };
    let steps = require::rule(require::Rule {
        rule: said.clone(),
        table: shown.to_owned(),
        mend: None,
        verify: guard(draft, &said, &count),
        build: None,
        require: draft.sql(
            "require",
            [
                "Build the unique index beside writers. It refuses twins from when it is begun.",
                "Drop it, beside writers.",
            ],
            Sql::statements(
                format!(
                    "CREATE UNIQUE INDEX CONCURRENTLY {} ON {t} ({keys});\n",
                    name(index)
                ),
                format!("DROP INDEX CONCURRENTLY {};\n", qualified(&full)),
            ),
        ),
        validate: None,
        finish: None,
    })?;
    Ok(planned(
        format!("Hold {shown} to {said}"),
        Operation::AddConstraint,
        columns.to_vec(),
        steps,
    ))
}

pub(super) fn foreign_key(
    draft: &Draft<'_>,
    constraint: &str,
    columns: &[String],
    (to_table, to_columns): (&str, &[String]),
    actions: &str,
) -> Outcome {
    draft.free_name(constraint)?;
    for column in columns {
        draft.column(column)?;
    }
    let to_full = draft.schema.resolve(&parse(to_table));
    let to = draft
        .schema
        .relations
        .get(&to_full)
        .ok_or(Reason::NoTable)?;
    if draft.table.partition_by.is_some() {
        return Err(Reason::Partitioned.into());
    }
    let is_key = to.constraints.iter().any(|it| match &it.kind {
        ConstraintKind::PrimaryKey { columns, .. } | ConstraintKind::Unique { columns, .. } => {
            columns == to_columns
        }
        _ => false,
    }) || draft.schema.indexes_of(&to_full).any(|(_, index)| {
        let keys: Vec<_> = index.keys.iter().map(|key| key.columns()).collect();
        index.unique
            && index.predicate.is_none()
            && keys.len() == to_columns.len()
            && keys
                .iter()
                .zip(to_columns)
                .all(|(key, column)| *key == [column.as_str()])
    });
    if !is_key {
        return Err(Reason::NotAKey {
            table: to_table.to_owned(),
            columns: to_columns.join(", "),
        }
        .into());
    }
    let (t, shown, other) = (draft.t(), draft.shown(), qualified(&to_full));
    let list = |columns: &[String]| {
        columns
            .iter()
            .map(|it| name(it))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (mine, theirs) = (list(columns), list(to_columns));
    let said = format!("the foreign key {constraint} to {}", to_full.name);
    let present: Vec<_> = columns
        .iter()
        .map(|it| format!("a.{} IS NOT NULL", name(it)))
        .collect();
    let joined: Vec<_> = columns
        .iter()
        .zip(to_columns)
        .map(|(mine, theirs)| format!("b.{} = a.{}", name(theirs), name(mine)))
        .collect();
    let count = format!(
        "SELECT count(*) FROM {t} AS a WHERE {} AND NOT EXISTS (SELECT FROM {other} AS b WHERE {})",
        present.join(" AND "),
        joined.join(" AND ")
    );
    let c = name(constraint);
    let gap = if actions.is_empty() { "" } else { " " };
    let hold = format!(
        "ALTER TABLE {t} ADD CONSTRAINT {c} FOREIGN KEY ({mine}) REFERENCES {other} \
         ({theirs}){gap}{actions} NOT VALID;\n"
    );
    let lift = format!("ALTER TABLE {t} DROP CONSTRAINT {c};\n");
    let steps = require::rule(require::Rule {
        rule: said.clone(),
        table: shown.to_owned(),
        mend: None,
        verify: guard(draft, &said, &count),
        build: supporting(draft, columns),
        require: draft.sql(
            "require",
            [
                "Hold new rows to the foreign key; no row is read.",
                "Lift the foreign key.",
            ],
            Sql::transaction(hold.clone(), lift.clone()),
        ),
        validate: Some(draft.sql(
            "validate",
            [
                "Look up every row, beside readers and writers.",
                "Go back to a foreign key for new rows only.",
            ],
            Sql::transaction(
                format!("ALTER TABLE {t} VALIDATE CONSTRAINT {c};\n"),
                format!("{lift}{hold}"),
            ),
        )),
        finish: None,
    })?;
    Ok(planned(
        format!("Hold {shown} to {said}"),
        Operation::AddForeignKey,
        columns.to_vec(),
        steps,
    ))
}

/// An index on the columns of a foreign key, where none begins with them.
fn supporting(draft: &Draft<'_>, columns: &[String]) -> Option<Sql> {
    let begins = |keys: &[crate::sql::ir::Expr]| {
        keys.len() >= columns.len()
            && columns.iter().all(|column| {
                keys[..columns.len()]
                    .iter()
                    .any(|key| matches!(&key.node, Node::Column(it) if it == column))
            })
    };
    let there = draft
        .schema
        .indexes_of(&draft.full)
        .any(|(_, index)| index.predicate.is_none() && index.valid && begins(&index.keys));
    if there {
        return None;
    }
    let own = draft.own("index");
    let full = Name {
        schema: draft.full.schema.clone(),
        name: own.clone(),
    };
    let keys: Vec<_> = columns.iter().map(|it| name(it)).collect();
    let what = format!("An index on {} for the foreign key.", columns.join(", "));
    Some(draft.sql(
        "build",
        [&what, "Drop the index, beside writers."],
        Sql::statements(
            format!(
                "CREATE INDEX CONCURRENTLY {} ON {} ({});\n",
                name(&own),
                draft.t(),
                keys.join(", ")
            ),
            format!("DROP INDEX CONCURRENTLY {};\n", qualified(&full)),
        ),
    ))
}

pub(super) fn index(
    draft: &Draft<'_>,
    index: &str,
    keys: &[String],
    method: Option<&str>,
    only: Option<&str>,
) -> Outcome {
    draft.free_name(index)?;
    let shown = draft.shown();
    let full = Name {
        schema: draft.full.schema.clone(),
        name: index.to_owned(),
    };
    // What is a column's name is taken for one; anything else must be an expression.
    let keys: Vec<_> = keys
        .iter()
        .map(|key| match draft.table.column(key) {
            Some(_) => name(key),
            None => key.clone(),
        })
        .collect();
    let mut rest = format!("USING {} ({})", method.unwrap_or("btree"), keys.join(", "));
    if let Some(only) = only {
        let _ = write!(rest, " WHERE {only}");
    }
    let sql = if draft.table.partition_by.is_some() {
        on_partitions(draft, &full, &rest)
    } else {
        Sql::statements(
            format!(
                "CREATE INDEX CONCURRENTLY {} ON {} {rest};\n",
                name(index),
                draft.t()
            ),
            format!("DROP INDEX CONCURRENTLY {};\n", qualified(&full)),
        )
    };
    let what = format!("Build the index {index} beside writers.");
    let steps = require::indexed(require::Indexed {
        index: index.to_owned(),
        table: shown.to_owned(),
        build: draft.sql("index", [&what, "Drop it again."], sql),
    })?;
    Ok(Planned {
        title: format!("Add the index {index} to {shown}"),
        operation: Operation::AddIndex,
        kind: Kind::Replicated,
        old: draft.mentioned(&rest),
        new: Vec::new(),
        rule: false,
        steps,
    })
}

/// An index of a partitioned table cannot be built beside writers in one go: it is declared on the
/// table alone, built on each partition, and each of those attached.
fn on_partitions(draft: &Draft<'_>, index: &Name, rest: &str) -> Sql {
    let mut up = format!(
        "CREATE INDEX IF NOT EXISTS {} ON ONLY {} {rest};\n",
        name(&index.name),
        draft.t()
    );
    // Goes with the parts that are attached; each DROP INDEX of one of them alone is refused.
    let mut down = format!("DROP INDEX IF EXISTS {};\n", qualified(index));
    let mut apart = String::new();
    let mut parents = vec![(draft.full.clone(), index.clone())];
    let mut number = 0;
    while let Some((parent, parent_index)) = parents.pop() {
        for (partition, relation) in draft.schema.partitions_of(&parent) {
            number += 1;
            let own = Name {
                schema: partition.schema.clone(),
                name: draft.own(&format!("part_{number}")),
            };
            let t = qualified(partition);
            if relation.partition_by.is_some() {
                let _ = writeln!(
                    up,
                    "CREATE INDEX IF NOT EXISTS {} ON ONLY {t} {rest};",
                    name(&own.name)
                );
                let _ = writeln!(apart, "DROP INDEX IF EXISTS {};", qualified(&own));
                parents.push((partition.clone(), own.clone()));
            } else {
                let _ = writeln!(
                    up,
                    "CREATE INDEX CONCURRENTLY {} ON {t} {rest};",
                    name(&own.name)
                );
                let _ = writeln!(
                    apart,
                    "DROP INDEX CONCURRENTLY IF EXISTS {};",
                    qualified(&own)
                );
            }
            let _ = writeln!(
                up,
                "ALTER INDEX {} ATTACH PARTITION {};",
                qualified(&parent_index),
                qualified(&own)
            );
        }
    }
    if !apart.is_empty() {
        down.push_str("-- Where the build was interrupted: parts that were not attached yet.\n");
        down.push_str(&apart);
    }
    Sql::statements(up, down)
}
