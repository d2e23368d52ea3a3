//! Values that a column takes, where a named CHECK lists them.

use std::collections::BTreeMap;

use switchback_model::Kind;

use super::{Draft, FIRST_BATCH, Outcome, Planned, Reason};
use crate::definition::{Operation, StepFill};
use crate::operation::{Sql, enumeration};
use crate::sqlite::text::{Token, groups_after, literal, name, tokens};

/// The one named CHECK that is about a column alone: its name, its rule, its strings.
struct List {
    constraint: String,
    rule: String,
    values: Vec<String>,
}

/// A token as SQL again.
fn written(token: &Token) -> String {
    match token {
        Token::Word(word) | Token::Number(word) => word.clone(),
        Token::Name(quoted) => format!("\"{}\"", quoted.replace('"', "\"\"")),
        Token::Text(text) => literal(text),
        Token::Mark(mark) => mark.to_string(),
    }
}

fn list(draft: &Draft<'_>, column: &str) -> Result<List, Reason> {
    draft.column(column)?;
    let not_listed = || Reason::NotListed {
        column: column.to_owned(),
    };
    let all = tokens(&draft.table.sql);
    let mut found = Vec::new();
    for (at, token) in all.iter().enumerate() {
        let named =
            token.is_word("constraint") && all.get(at + 2).is_some_and(|it| it.is_word("check"));
        let Some(Token::Word(constraint) | Token::Name(constraint)) = all.get(at + 1) else {
            continue;
        };
        if !named {
            continue;
        }
        let Some(group) = groups_after(&all[at + 2..], "check").into_iter().next() else {
            continue;
        };
        let about = |column: &str| group.iter().any(|it| it.is_name(column));
        let alone = draft
            .table
            .columns
            .iter()
            .all(|it| about(&it.name) == it.name.eq_ignore_ascii_case(column));
        if alone {
            let values = group.iter().filter_map(|it| match it {
                Token::Text(text) => Some(text.clone()),
                _ => None,
            });
            let rule: Vec<_> = group.iter().map(written).collect();
            found.push(List {
                constraint: constraint.clone(),
                rule: rule.join(" "),
                values: values.collect(),
            });
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(list), true) => Ok(list),
        _ => Err(not_listed()),
    }
}

fn swap(draft: &Draft<'_>, constraint: &str, rule: &str) -> String {
    let (t, c) = (draft.t(), name(constraint));
    format!(
        "ALTER TABLE {t} DROP CONSTRAINT {c};\nALTER TABLE {t} ADD CONSTRAINT {c} CHECK ({rule});\n"
    )
}

/// Nothing up; down, no row has the value.
fn clear(draft: &Draft<'_>, column: &str, value: &str, fallback: Option<&str>) -> Sql {
    let (t, c) = (draft.t(), name(column));
    let down = match fallback {
        Some(fallback) => format!(
            "UPDATE {t} SET {c} = {} WHERE {c} = {};\n",
            literal(fallback),
            literal(value)
        ),
        None => draft.guard(
            "value",
            &format!("rows of {} have {}", draft.shown(), literal(value)),
            &format!("SELECT count(*) FROM {t} WHERE {c} = {}", literal(value)),
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
        && !list.values.iter().any(|it| it == fallback)
    {
        return Err(Reason::NoValue {
            column: column.to_owned(),
            value: fallback.to_owned(),
        }
        .into());
    }
    if list.values.iter().any(|it| it == value) {
        return Err(Reason::ValueThere {
            column: column.to_owned(),
            value: value.to_owned(),
        }
        .into());
    }
    let shown = draft.shown();
    let wide = format!("({}) OR {} = {}", list.rule, name(column), literal(value));
    let steps = enumeration::added(enumeration::Added {
        column: format!("{shown}.{column}"),
        value: value.to_owned(),
        expand: draft.sql(
            "expand",
            [
                &format!("Let {shown}.{column} take {}.", literal(value)),
                &format!("Let {shown}.{column} take {} no more.", literal(value)),
            ],
            Sql::transaction(
                swap(draft, &list.constraint, &wide),
                swap(draft, &list.constraint, &list.rule),
            ),
        ),
        validate: None,
        fallback: fallback.map(ToOwned::to_owned),
        clear: clear(draft, column, value, fallback),
    })?;
    Ok(Planned {
        title: format!("Let {shown}.{column} take {}", literal(value)),
        operation: Operation::ChangeEnum,
        kind: Kind::Listed,
        old: vec![column.to_owned()],
        new: Vec::new(),
        rule: false,
        steps,
    })
}

pub(super) fn remove(draft: &Draft<'_>, column: &str, value: &str, replacement: &str) -> Outcome {
    let list = list(draft, column)?;
    for it in [value, replacement] {
        if !list.values.iter().any(|known| known == it) {
            return Err(Reason::NoValue {
                column: column.to_owned(),
                value: it.to_owned(),
            }
            .into());
        }
    }
    draft.fillable()?;
    let (shown, c) = (draft.shown(), name(column));
    let narrow = format!("({}) AND {c} IS NOT {}", list.rule, literal(value));
    let steps = enumeration::removed(enumeration::Removed {
        column: format!("{shown}.{column}"),
        value: value.to_owned(),
        fill: StepFill {
            table: draft.table.name.clone(),
            set: BTreeMap::from([(column.to_owned(), literal(replacement))]),
            only: Some(format!("{c} = {}", literal(value))),
            batch_rows: FIRST_BATCH,
            keep_undo: true,
        },
        contract: draft.sql(
            "contract",
            [
                &format!("Let {shown}.{column} take {} no more.", literal(value)),
                &format!("Let {shown}.{column} take {} again.", literal(value)),
            ],
            Sql::transaction(
                swap(draft, &list.constraint, &narrow),
                swap(draft, &list.constraint, &list.rule),
            ),
        ),
        validate: None,
    })?;
    Ok(Planned {
        title: format!("Let {shown}.{column} take {} no more", literal(value)),
        operation: Operation::ChangeEnum,
        kind: Kind::Tagged,
        old: vec![column.to_owned()],
        new: Vec::new(),
        rule: true,
        steps,
    })
}
