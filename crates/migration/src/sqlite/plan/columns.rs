//! Adding and dropping columns, and dropping tables.

use std::collections::BTreeMap;

use switchback_model::Kind;

use super::{Draft, FIRST_BATCH, Outcome, Planned, Reason};
use crate::definition::{Operation, StepFill};
use crate::operation::{Sql, add as adding, drop as dropping};
use crate::sqlite::text::name;

pub(super) fn add(
    draft: &Draft<'_>,
    column: &str,
    type_sql: &str,
    default: Option<&str>,
) -> Outcome {
    draft.free(column)?;
    let (t, c, shown) = (draft.t(), name(column), draft.shown());
    let default_sql = default.map_or_else(String::new, |it| format!(" DEFAULT {it}"));
    let steps = adding::optional(adding::Optional {
        table: shown.to_owned(),
        column: column.to_owned(),
        default: default.map(ToOwned::to_owned),
        expand: draft.sql(
            "expand",
            [
                &format!("Add {shown}.{column}."),
                &format!("Remove {shown}.{column} again."),
            ],
            Sql::transaction(
                format!("ALTER TABLE {t} ADD COLUMN {c} {type_sql}{default_sql};\n"),
                format!("ALTER TABLE {t} DROP COLUMN {c};\n"),
            ),
        ),
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

/// Holds rows to a column that is not null.
pub(super) fn not_null(draft: &Draft<'_>, column: &str) -> Sql {
    let (t, c, shown) = (draft.t(), name(column), draft.shown());
    draft.sql(
        "require",
        [
            &format!("Refuse rows of {shown} without {column}. Every row is read once."),
            &format!("Allow rows of {shown} without {column} again."),
        ],
        Sql::transaction(
            format!("ALTER TABLE {t} ALTER COLUMN {c} SET NOT NULL;\n"),
            format!("ALTER TABLE {t} ALTER COLUMN {c} DROP NOT NULL;\n"),
        ),
    )
}

pub(super) fn add_required(
    draft: &Draft<'_>,
    column: &str,
    type_sql: &str,
    value: &str,
) -> Outcome {
    draft.free(column)?;
    draft.fillable()?;
    let (t, c, shown) = (draft.t(), name(column), draft.shown());
    let steps = adding::required(adding::Required {
        table: shown.to_owned(),
        column: column.to_owned(),
        expand: draft.sql(
            "expand",
            [
                &format!("Add {shown}.{column}, which may be NULL until every row has it."),
                &format!("Remove {shown}.{column} again."),
            ],
            Sql::transaction(
                format!("ALTER TABLE {t} ADD COLUMN {c} {type_sql};\n"),
                format!("ALTER TABLE {t} DROP COLUMN {c};\n"),
            ),
        ),
        fill: StepFill {
            table: draft.table.name.clone(),
            set: BTreeMap::from([(column.to_owned(), value.to_owned())]),
            only: Some(format!("{c} IS NULL")),
            batch_rows: FIRST_BATCH,
            keep_undo: true,
        },
        require: not_null(draft, column),
        validate: None,
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

/// Lets statements leave out a column that is NOT NULL: a trigger supplies its value, because SQLite
/// cannot give a default to a column that is there.
fn supply(draft: &Draft<'_>, column: &str, default: &str) -> Result<Sql, Reason> {
    let (t, c, rowid) = (draft.t(), name(column), draft.fillable()?);
    let trigger = name(&draft.own("default"));
    Ok(Sql::transaction(
        format!(
            "ALTER TABLE {t} ALTER COLUMN {c} DROP NOT NULL;\n\
             CREATE TRIGGER {trigger} AFTER INSERT ON {t} FOR EACH ROW WHEN NEW.{c} IS NULL\n\
             BEGIN\n  UPDATE {t} SET {c} = {default} WHERE {rowid} = NEW.{rowid};\nEND;\n"
        ),
        format!("DROP TRIGGER {trigger};\nALTER TABLE {t} ALTER COLUMN {c} SET NOT NULL;\n"),
    ))
}

/// SQL for a step at which the database needs nothing.
const NOTHING: &str = "-- Nothing in the database stands in the way.\n";

pub(super) fn drop_column(draft: &Draft<'_>, column: &str, default: Option<&str>) -> Outcome {
    let found = draft.column(column)?;
    draft.apart(std::slice::from_ref(&found.name))?;
    if found.primary_key > 0 {
        return Err(Reason::PrimaryKey {
            column: found.name.clone(),
        }
        .into());
    }
    let (t, c, shown) = (draft.t(), name(&found.name), draft.shown());
    let archived = draft.own("archive");
    draft.free(&archived)?;
    let demanded = found.not_null && found.default.is_none() && !found.generated;
    let relax = match (demanded, default) {
        (true, None) => {
            return Err(Reason::NeedsDefault {
                column: column.to_owned(),
            }
            .into());
        }
        (true, Some(default)) => supply(draft, &found.name, default)?,
        (false, _) => Sql::transaction(NOTHING.to_owned(), NOTHING.to_owned()),
    };
    if (demanded || found.default.is_some())
        && let Some(index) = draft
            .table
            .indexes
            .iter()
            .find(|index| index.unique && index.covers(&found.name))
    {
        return Err(Reason::OneForAll {
            column: column.to_owned(),
            unique: index.name.clone(),
        }
        .into());
    }
    let without = match (demanded, default, &found.default) {
        (true, Some(default), _) => format!("`{default}`"),
        (_, _, Some(_)) => "their default".to_owned(),
        _ => "NULL".to_owned(),
    };
    let a = name(&archived);
    let steps = dropping::dropped(dropping::Dropped {
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
            Sql::transaction(
                format!("ALTER TABLE {t} RENAME COLUMN {c} TO {a};\n"),
                format!("ALTER TABLE {t} RENAME COLUMN {a} TO {c};\n"),
            ),
        ),
        archive: format!("the column {archived}"),
    })?;
    Ok(Planned {
        title: format!("Drop {shown}.{column}"),
        operation: Operation::DropColumn,
        kind: Kind::Replicated,
        old: vec![found.name.clone()],
        new: Vec::new(),
        rule: false,
        steps,
    })
}

pub(super) fn drop_table(draft: &Draft<'_>) -> Outcome {
    let all = draft.table.columns.iter().map(|it| it.name.clone());
    draft.apart(&all.collect::<Vec<_>>())?;
    if let Some(key) = draft
        .table
        .referenced_by
        .iter()
        .find(|key| !key.table.eq_ignore_ascii_case(&draft.table.name))
    {
        return Err(Reason::Referenced {
            column: key.target_column.clone().unwrap_or_default(),
            table: key.table.clone(),
        }
        .into());
    }
    let (t, shown) = (draft.t(), draft.shown());
    let archived = draft.own("archive");
    let a = name(&archived);
    let steps = dropping::dropped(dropping::Dropped {
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
            Sql::transaction(
                format!("ALTER TABLE {t} RENAME TO {a};\n"),
                format!("ALTER TABLE {a} RENAME TO {t};\n"),
            ),
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
