//! Values that a column takes: the labels of an enum, or a CHECK that lists them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use switchback_model::Kind;

use super::names::{name, qualified, text};
use super::plain::FIRST_BATCH;
use super::{Draft, Outcome, Planned, Reason};
use crate::definition::{Operation, StepFill};
use crate::operation::{Sql, enumeration};
use crate::schema::{Constraint, Type};
use crate::sql::ir::{ConstraintKind, Name, Node};

/// How a column says which values it takes.
enum List<'a> {
    Enum {
        full: Name,
        values: &'a [String],
    },
    Check {
        constraint: &'a Constraint,
        rule: &'a str,
        values: Vec<&'a str>,
    },
}

impl List<'_> {
    fn has(&self, value: &str) -> bool {
        match self {
            List::Enum { values, .. } => values.iter().any(|it| it == value),
            List::Check { values, .. } => values.contains(&value),
        }
    }
}

fn list<'a>(draft: &Draft<'a>, column: &str) -> Result<List<'a>, Reason> {
    let found = draft.column(column)?;
    let not_listed = || Reason::NotListed {
        column: column.to_owned(),
    };
    let type_name = found.type_name.as_ref().ok_or_else(not_listed)?;
    let full = draft.schema.resolve(&type_name.name);
    if type_name.array == 0
        && let Some(Type::Enum { values, .. }) = draft.schema.types.get(&full).map(AsRef::as_ref)
    {
        return Ok(List::Enum { full, values });
    }
    let mut checks = draft
        .table
        .constraints
        .iter()
        .filter_map(|it| match &it.kind {
            ConstraintKind::Check(rule)
                if rule.columns().iter().all(|mine| *mine == column)
                    && !rule.columns().is_empty() =>
            {
                Some((it, rule))
            }
            _ => None,
        });
    match (checks.next(), checks.next()) {
        (Some((constraint, rule)), None) => {
            let mut values = Vec::new();
            rule.walk(&mut |it| {
                if let Node::Literal(value) = &it.node {
                    values.push(value.as_str());
                }
            });
            Ok(List::Check {
                constraint,
                rule: rule.text.as_str(),
                values,
            })
        }
        _ => Err(not_listed()),
    }
}

/// Nothing up; down, no row has the value.
fn clear(draft: &Draft<'_>, column: &str, value: &str, fallback: Option<&str>) -> Sql {
    let (t, c) = (draft.t(), name(column));
    let down = match fallback {
        Some(fallback) => format!(
            "UPDATE {t} SET {c} = {} WHERE {c} = {};\n",
            text(fallback),
            text(value)
        ),
        None => draft.guard(
            &format!("%s rows of {} have {}", draft.shown(), text(value)),
            &format!("SELECT count(*) FROM {t} WHERE {c} = {}", text(value)),
        ),
    };
    draft.sql(
        "clear",
        ["Nothing to do.", "See to it that no row has the value."],
        Sql::transaction("-- Nothing to do.\n".to_owned(), down),
    )
}

pub(super) fn add(draft: &Draft<'_>, column: &str, value: &str, fallback: Option<&str>) -> Outcome {
    let list = list(draft, column)?;
    if let Some(fallback) = fallback
        && !list.has(fallback)
    {
        return Err(Reason::NoValue {
            column: column.to_owned(),
            value: fallback.to_owned(),
        }
        .into());
    }
    if list.has(value) {
        return Err(Reason::ValueThere {
            column: column.to_owned(),
            value: value.to_owned(),
        }
        .into());
    }
    let (shown, c) = (draft.shown(), name(column));
    let (expand, validate) = match &list {
        List::Enum { full, values } => (label(draft, full, values, value), None),
        List::Check {
            constraint, rule, ..
        } => {
            let (expand, validate) = wider(draft, constraint, rule, &c, value);
            (expand, Some(validate))
        }
    };
    let what = [
        format!("Let {shown}.{column} take {}.", text(value)),
        format!("Let {shown}.{column} take {} no more.", text(value)),
    ];
    let steps = enumeration::added(enumeration::Added {
        column: format!("{shown}.{column}"),
        value: value.to_owned(),
        expand: draft.sql("expand", [&what[0], &what[1]], expand),
        validate,
        fallback: fallback.map(ToOwned::to_owned),
        clear: clear(draft, column, value, fallback),
    })?;
    Ok(Planned {
        title: format!("Let {shown}.{column} take {}", text(value)),
        operation: Operation::ChangeEnum,
        kind: Kind::Listed,
        old: vec![column.to_owned()],
        new: Vec::new(),
        rule: false,
        steps,
    })
}

/// A label more. PostgreSQL cannot take one away again, so the way back makes the type anew.
fn label(draft: &Draft<'_>, full: &Name, values: &[String], value: &str) -> Sql {
    let kind = qualified(full);
    let aside = Name {
        schema: full.schema.clone(),
        name: draft.own("type"),
    };
    let labels: Vec<_> = values.iter().map(|it| text(it)).collect();
    let mut down = format!(
        "-- PostgreSQL cannot take a label away, so the type is made anew. This writes each table\n\
         -- that has it once more, while nobody else can use it.\n\
         ALTER TYPE {kind} RENAME TO {};\nCREATE TYPE {kind} AS ENUM ({});\n",
        name(&aside.name),
        labels.join(", ")
    );
    for (table, relation) in draft.schema.relations.iter() {
        if relation.partition_of.is_some() {
            continue;
        }
        for it in &relation.columns {
            let mine = it.type_name.as_ref().is_some_and(|type_name| {
                type_name.array == 0 && draft.schema.resolve(&type_name.name) == *full
            });
            if !mine {
                continue;
            }
            let (t, c) = (qualified(table), name(&it.name));
            let (mut lift, mut give) = (String::new(), String::new());
            if let Some(default) = &it.default {
                lift = format!("ALTER COLUMN {c} DROP DEFAULT, ");
                give = format!(", ALTER COLUMN {c} SET DEFAULT {}", default.text);
            }
            let _ = writeln!(
                down,
                "ALTER TABLE {t} {lift}ALTER COLUMN {c} TYPE {kind} USING {c}::text::{kind}{give};"
            );
        }
    }
    let _ = writeln!(down, "DROP TYPE {};", qualified(&aside));
    Sql::transaction(
        format!("ALTER TYPE {kind} ADD VALUE {};\n", text(value)),
        down,
    )
}

/// A CHECK that lets one value more through, under the same name.
fn wider(
    draft: &Draft<'_>,
    constraint: &Constraint,
    rule: &str,
    c: &str,
    value: &str,
) -> (Sql, Sql) {
    let t = draft.t();
    let aside = name(&draft.own("check"));
    let kept = name(&constraint.name);
    let swap = |rule: &str| {
        format!(
            "ALTER TABLE {t} ADD CONSTRAINT {aside} CHECK ({rule}) NOT VALID;\nALTER TABLE {t} DROP \
             CONSTRAINT {kept};\nALTER TABLE {t} RENAME CONSTRAINT {aside} TO {kept};\n"
        )
    };
    let prove = format!("ALTER TABLE {t} VALIDATE CONSTRAINT {kept};\n");
    let wide = format!("({rule}) OR {c} = {}", text(value));
    let proof = if constraint.valid { prove.as_str() } else { "" };
    (
        Sql::transaction(swap(&wide), swap(rule) + proof),
        draft.sql(
            "validate",
            [
                "Read every row, beside readers and writers.",
                "Go back to a rule for new rows only.",
            ],
            Sql::transaction(prove.clone(), swap(&wide)),
        ),
    )
}

pub(super) fn remove(draft: &Draft<'_>, column: &str, value: &str, replacement: &str) -> Outcome {
    let list = list(draft, column)?;
    for it in [value, replacement] {
        if !list.has(it) {
            return Err(Reason::NoValue {
                column: column.to_owned(),
                value: it.to_owned(),
            }
            .into());
        }
    }
    draft.has_key()?;
    let (t, shown, c) = (draft.t(), draft.shown(), name(column));
    // A label of an enum stays in its type; what keeps it out of the column is a CHECK.
    let check = name(&draft.own("not_listed"));
    let hold = format!(
        "ALTER TABLE {t} ADD CONSTRAINT {check} CHECK ({c} <> {}) NOT VALID;\n",
        text(value)
    );
    let lift = format!("ALTER TABLE {t} DROP CONSTRAINT {check};\n");
    let steps = enumeration::removed(enumeration::Removed {
        column: format!("{shown}.{column}"),
        value: value.to_owned(),
        fill: StepFill {
            table: qualified(&draft.full),
            set: BTreeMap::from([(column.to_owned(), text(replacement))]),
            only: Some(format!("{c} = {}", text(value))),
            batch_rows: FIRST_BATCH,
            keep_undo: true,
        },
        contract: draft.sql(
            "contract",
            [
                &format!("Let {shown}.{column} take {} no more.", text(value)),
                &format!("Let {shown}.{column} take {} again.", text(value)),
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
                format!("ALTER TABLE {t} VALIDATE CONSTRAINT {check};\n"),
                format!("{lift}{hold}"),
            ),
        )),
    })?;
    Ok(Planned {
        title: format!("Let {shown}.{column} take {} no more", text(value)),
        operation: Operation::ChangeEnum,
        kind: Kind::Tagged,
        old: vec![column.to_owned()],
        new: Vec::new(),
        rule: true,
        steps,
    })
}
