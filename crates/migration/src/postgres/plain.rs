//! Adding and dropping columns, and dropping tables.

use std::collections::BTreeMap;

use switchback_model::Kind;

use super::names::{name, qualified};
use super::{Draft, Outcome, Planned, Reason};
use crate::definition::{Operation, StepFill};
use crate::operation::{Sql, add, drop};
use crate::sql::ir::{ConstraintKind, Name};

/// Rows in a fill's first batch.
pub(super) const FIRST_BATCH: u32 = 1_000;

pub(super) fn add(
    draft: &Draft<'_>,
    column: &str,
    type_sql: &str,
    default: Option<&str>,
) -> Outcome {
    draft.free(column)?;
    let (t, c) = (draft.t(), name(column));
    let default_sql = default.map_or_else(String::new, |it| format!(" DEFAULT {it}"));
    let expand = Sql::transaction(
        format!("ALTER TABLE {t} ADD COLUMN {c} {type_sql}{default_sql};\n"),
        format!("ALTER TABLE {t} DROP COLUMN {c};\n"),
    );
    let shown = draft.shown();
    let expand = draft.sql(
        "expand",
        [
            &format!("Add {shown}.{column}."),
            &format!("Remove {shown}.{column} again."),
        ],
        expand,
    );
    let steps = add::optional(add::Optional {
        table: shown.to_owned(),
        column: column.to_owned(),
        default: default.map(ToOwned::to_owned),
        expand,
    })?;
    Ok(Planned {
        title: format!("Add {shown}.{column}"),
        operation: Operation::AddColumn,
        kind: Kind::Replicated,
        old: Vec::new(),
        new: vec![column.to_owned()],
        rule: false,
        steps,
    })
}

/// Holds rows to a column that is not null, in steps that take strong locks only for moments:
/// require, validate, finish.
pub(super) struct NotNull {
    pub(super) require: Sql,
    pub(super) validate: [Sql; 2],
}

pub(super) fn not_null(draft: &Draft<'_>, column: &str) -> NotNull {
    let (t, c, shown) = (draft.t(), name(column), draft.shown());
    let check = name(&draft.own("not_null"));
    let hold =
        format!("ALTER TABLE {t} ADD CONSTRAINT {check} CHECK ({c} IS NOT NULL) NOT VALID;\n");
    let lift = format!("ALTER TABLE {t} DROP CONSTRAINT {check};\n");
    let prove = format!("ALTER TABLE {t} VALIDATE CONSTRAINT {check};\n");
    NotNull {
        require: draft.sql(
            "require",
            [
                &format!("Refuse rows of {shown} without {column} from now on."),
                &format!("Allow rows of {shown} without {column} again."),
            ],
            Sql::transaction(hold.clone(), lift.clone()),
        ),
        validate: [
            draft.sql(
                "validate",
                [
                    &format!("Read every row of {shown}, beside readers and writers."),
                    "Go back to a rule for new rows only.",
                ],
                Sql::transaction(prove.clone(), format!("{lift}{hold}")),
            ),
            draft.sql(
                "finish",
                [
                    "The constraint proves what NOT NULL asks, so no row is read.",
                    "Go back to the constraint, which NOT NULL proves for every row.",
                ],
                Sql::transaction(
                    format!("ALTER TABLE {t} ALTER COLUMN {c} SET NOT NULL;\n{lift}"),
                    format!("{hold}{prove}ALTER TABLE {t} ALTER COLUMN {c} DROP NOT NULL;\n"),
                ),
            ),
        ],
    }
}

pub(super) fn add_required(
    draft: &Draft<'_>,
    column: &str,
    type_sql: &str,
    value: &str,
) -> Outcome {
    draft.free(column)?;
    draft.has_key()?;
    let (t, c, shown) = (draft.t(), name(column), draft.shown());
    let expand = draft.sql(
        "expand",
        [
            &format!("Add {shown}.{column}, which may be NULL until every row has it."),
            &format!("Remove {shown}.{column} again."),
        ],
        Sql::transaction(
            format!("ALTER TABLE {t} ADD COLUMN {c} {type_sql};\n"),
            format!("ALTER TABLE {t} DROP COLUMN {c};\n"),
        ),
    );
    let NotNull { require, validate } = not_null(draft, column);
    let steps = add::required(add::Required {
        table: shown.to_owned(),
        column: column.to_owned(),
        expand,
        fill: StepFill {
            table: qualified(&draft.full),
            set: BTreeMap::from([(column.to_owned(), value.to_owned())]),
            only: Some(format!("{c} IS NULL")),
            batch_rows: FIRST_BATCH,
            keep_undo: true,
        },
        require,
        validate: Some(validate),
    })?;
    Ok(Planned {
        title: format!("Add {shown}.{column}, which every row must have"),
        operation: Operation::AddRequiredColumn,
        kind: Kind::Replicated,
        old: Vec::new(),
        new: vec![column.to_owned()],
        rule: false,
        steps,
    })
}

/// SQL for a step at which the database needs nothing.
const NOTHING: &str = "-- Nothing in the database stands in the way.\n";

/// What holds a column to values that are all different, alone or together with others.
fn unique_on(draft: &Draft<'_>, column: &str) -> Option<String> {
    let constraint = draft.table.constraints.iter().find(|it| match &it.kind {
        ConstraintKind::Unique { columns, .. } => columns.iter().any(|it| it == column),
        ConstraintKind::Exclude { keys } => keys.iter().any(|it| it.columns().contains(&column)),
        _ => false,
    });
    let index = || {
        let mut all = draft.schema.indexes_of(&draft.full);
        let found = all.find(|(_, index)| {
            let keyed = index.keys.iter().any(|key| key.columns().contains(&column));
            index.unique && keyed
        });
        found.map(|(name, _)| name.name.clone())
    };
    constraint.map(|it| it.name.clone()).or_else(index)
}

pub(super) fn drop_column(draft: &Draft<'_>, column: &str, default: Option<&str>) -> Outcome {
    let found = draft.column(column)?;
    draft.no_view(Some(column))?;
    let key = draft.table.primary_key();
    if key.is_some_and(|key| key.iter().any(|it| it == column)) {
        return Err(Reason::PrimaryKey {
            column: column.to_owned(),
        }
        .into());
    }
    for (table, it) in draft.schema.references_to(&draft.full) {
        if let ConstraintKind::ForeignKey { referred, .. } = &it.kind
            && referred.iter().any(|c| c == column)
        {
            return Err(Reason::Referenced {
                table: table.to_string(),
                constraint: it.name.clone(),
            }
            .into());
        }
    }
    let (t, c, shown) = (draft.t(), name(column), draft.shown());
    let archived = draft.own("archive");
    draft.free(&archived)?;
    let demanded = found.not_null && found.default.is_none() && found.generated.is_none();
    let relax = match (demanded, default) {
        (true, None) => {
            return Err(Reason::NeedsDefault {
                column: column.to_owned(),
            }
            .into());
        }
        (true, Some(default)) => Sql::transaction(
            format!("ALTER TABLE {t} ALTER COLUMN {c} SET DEFAULT {default};\n"),
            format!("ALTER TABLE {t} ALTER COLUMN {c} DROP DEFAULT;\n"),
        ),
        (false, _) => Sql::transaction(NOTHING.to_owned(), NOTHING.to_owned()),
    };
    if (demanded || found.default.is_some())
        && let Some(unique) = unique_on(draft, column)
    {
        return Err(Reason::OneForAll {
            column: column.to_owned(),
            unique,
        }
        .into());
    }
    let without = match (demanded, default, &found.default) {
        (true, Some(default), _) => format!("`{default}`"),
        (_, _, Some(_)) => "their default".to_owned(),
        _ => "NULL".to_owned(),
    };
    let a = name(&archived);
    let contract = Sql::transaction(
        format!("ALTER TABLE {t} RENAME COLUMN {c} TO {a};\n"),
        format!("ALTER TABLE {t} RENAME COLUMN {a} TO {c};\n"),
    );
    let steps = drop::dropped(drop::Dropped {
        what: format!("{shown}.{column}"),
        name: column.to_owned(),
        without: Some(without.clone()),
        relax: draft.sql(
            "relax",
            [
                &format!("Let statements leave out {shown}.{column}."),
                &format!("Demand {shown}.{column} again."),
            ],
            relax,
        ),
        relaxed: if demanded {
            format!("Rows that are written without `{column}` get {without} there.")
        } else {
            String::new()
        },
        contract: draft.sql(
            "contract",
            [
                &format!("Keep {shown}.{column} under a name that nobody uses."),
                &format!("Take {shown}.{column} back, with every value."),
            ],
            contract,
        ),
        archive: format!("the column {archived}"),
    })?;
    Ok(Planned {
        title: format!("Drop {shown}.{column}"),
        operation: Operation::DropColumn,
        kind: Kind::Replicated,
        old: vec![column.to_owned()],
        new: Vec::new(),
        rule: false,
        steps,
    })
}

pub(super) fn drop_table(draft: &Draft<'_>) -> Outcome {
    draft.no_view(None)?;
    if let Some((table, it)) = draft
        .schema
        .references_to(&draft.full)
        .find(|(table, _)| **table != draft.full)
    {
        return Err(Reason::Referenced {
            table: table.to_string(),
            constraint: it.name.clone(),
        }
        .into());
    }
    if draft.table.partition_of.is_some() {
        return Err(Reason::Partitioned.into());
    }
    let shown = draft.shown();
    let archived = draft.own("archive");
    draft.free_name(&archived)?;
    let full = Name {
        schema: draft.full.schema.clone(),
        name: archived.clone(),
    };
    let contract = Sql::transaction(
        format!("ALTER TABLE {} RENAME TO {};\n", draft.t(), name(&archived)),
        format!(
            "ALTER TABLE {} RENAME TO {};\n",
            qualified(&full),
            name(shown)
        ),
    );
    let steps = drop::dropped(drop::Dropped {
        what: format!("the table {shown}"),
        name: shown.to_owned(),
        without: None,
        relax: draft.sql(
            "relax",
            [
                &format!("The way to be without {shown} begins here."),
                "The way is walked back to its beginning.",
            ],
            Sql::transaction(NOTHING.to_owned(), NOTHING.to_owned()),
        ),
        relaxed: String::new(),
        contract: draft.sql(
            "contract",
            [
                &format!("Keep {shown} under a name that nobody uses."),
                &format!("Take {shown} back, with every row."),
            ],
            contract,
        ),
        archive: format!("the table {archived}"),
    })?;
    Ok(Planned {
        title: format!("Drop the table {shown}"),
        operation: Operation::DropTable,
        kind: Kind::Replicated,
        old: Vec::new(),
        new: Vec::new(),
        rule: false,
        steps,
    })
}
