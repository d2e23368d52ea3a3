//! Columns that become other columns of the same table, kept in step by triggers: a rename, a
//! split, a merge, another type.
//!
//! The trigger function runs before the row is written. It leaves alone what agrees already in
//! either direction, and so the rows that a backfill writes; where a statement gave the two shapes
//! values that do not agree, it refuses the statement.

mod twins;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use switchback_model::Kind;

use self::twins::twins;
use super::names::{name, qualified, text};
use super::plain::FIRST_BATCH;
use super::{Draft, Outcome, Planned, Reason, operation_of};
use crate::definition::{Operation, StepFill};
use crate::operation::request::{Move, MoveKind, NewColumn};
use crate::operation::{Sql, comment, pair};
use crate::schema::Column;
use crate::sql::ir::{ConstraintKind, Expr, Name};
use crate::words::listed;

/// Types without equality; their values are compared as text.
const WITHOUT_EQUALITY: [&str; 7] = ["json", "xml", "point", "polygon", "line", "path", "box"];

/// One of the columns of a move.
struct Part<'a> {
    column: String,
    /// As it stands in SQL.
    sql: String,
    /// Its default, `NULL` where there is none.
    default: String,
    /// What it gets from the other shape, as SQL; none where that cannot be said.
    value: Option<&'a str>,
    as_text: bool,
}

/// Both shapes.
struct Both<'a> {
    table: String,
    shown: String,
    old: Vec<Part<'a>>,
    new: Vec<Part<'a>>,
    back: bool,
}

impl Part<'_> {
    /// That a row has not the value that it should, where both can be null.
    fn differs(&self, row: &str, value: &str) -> String {
        let cast = if self.as_text { "::text" } else { "" };
        format!("{row}{}{cast} IS DISTINCT FROM ({value}){cast}", self.sql)
    }
}

fn all(parts: &[Part<'_>], each: impl Fn(&Part<'_>) -> String, join: &str) -> String {
    parts.iter().map(each).collect::<Vec<_>>().join(join)
}

impl Both<'_> {
    /// That the new columns are not what the old ones say.
    fn behind(&self) -> String {
        all(
            &self.new,
            |part| part.differs("", part.value.unwrap_or("NULL")),
            " OR ",
        )
    }

    /// That the old columns are not what the new ones say; none where that cannot be said.
    fn behind_back(&self) -> Option<String> {
        self.back.then(|| {
            all(
                &self.old,
                |part| part.differs("", part.value.unwrap_or("NULL")),
                " OR ",
            )
        })
    }

    /// Which rows a fill may write: not those where the old columns are what the new ones say.
    fn only(&self) -> Option<String> {
        match self.behind_back() {
            Some(behind) => Some(format!("({behind})")),
            None => Some(all(
                &self.new,
                |part| format!("{} IS NULL", part.sql),
                " AND ",
            )),
        }
    }

    fn function(&self, function: &str, schema: &str) -> String {
        let left_out = |parts: &[Part<'_>]| {
            all(
                parts,
                |part| format!("NOT ({})", part.differs("NEW.", &part.default)),
                " AND ",
            )
        };
        let moved = |parts: &[Part<'_>]| {
            all(
                parts,
                |part| part.differs("NEW.", &format!("OLD.{}", part.sql)),
                " OR ",
            )
        };
        let set = |parts: &[Part<'_>]| {
            let values = all(
                parts,
                |part| format!("({})", part.value.unwrap_or("NULL")),
                ", ",
            );
            let targets = all(parts, |part| format!("NEW.{}", part.sql), ", ");
            format!(
                "SELECT {values} INTO {targets} FROM (SELECT NEW.*) AS {};",
                name(&self.shown)
            )
        };
        let from_row = format!("FROM (SELECT NEW.*) AS {}", name(&self.shown));
        let agree = match self.behind_back() {
            Some(back) => format!("NOT ({}) OR NOT ({back})", self.behind()),
            None => format!("NOT ({})", self.behind()),
        };
        let complaint = text(&format!(
            "the old and the new columns of {} were given values that do not agree",
            self.shown
        ));
        let (backward, conflict) = if self.back {
            (
                format!(
                    "  IF new_given AND NOT old_given THEN\n    {}\n    RETURN NEW;\n  END IF;\n",
                    set(&self.old)
                ),
                format!(
                    "  IF new_given AND old_given THEN\n    RAISE EXCEPTION USING\n      MESSAGE = \
                     {complaint},\n      ERRCODE = 'integrity_constraint_violation';\n  END IF;\n"
                ),
            )
        } else {
            // What the statement says of the new columns stands: nothing could be computed back.
            (
                "  IF new_given THEN\n    RETURN NEW;\n  END IF;\n".to_owned(),
                String::new(),
            )
        };
        format!(
            "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql\n\
             SET search_path = {schema}, pg_temp AS $switchback$\n\
             DECLARE\n  agree boolean;\n  old_given boolean;\n  new_given boolean;\n\
             BEGIN\n  SELECT {agree} INTO agree {from_row};\n  IF agree THEN\n    RETURN NEW;\n  END IF;\n\
             \x20 IF TG_OP = 'INSERT' THEN\n    old_given := NOT ({old_out});\n    new_given := NOT ({new_out});\n\
             \x20 ELSE\n    old_given := {old_moved};\n    new_given := {new_moved};\n  END IF;\n\
             {backward}{conflict}  {forward}\n  RETURN NEW;\nEND\n$switchback$;\n",
            old_out = left_out(&self.old),
            new_out = left_out(&self.new),
            old_moved = moved(&self.old),
            new_moved = moved(&self.new),
            forward = set(&self.new),
        )
    }
}

/// The function and triggers that keep both shapes in step.
struct Triggers {
    create: String,
    drop: String,
}

fn triggers(draft: &Draft<'_>, both: &Both<'_>) -> Triggers {
    let schema = draft.full.schema.as_deref().unwrap_or("public");
    let function = qualified(&Name::qualified(schema, draft.own("sync")));
    // Triggers fire in the order of their names; what others change of the row must be seen.
    let trigger = name(&format!("zz_{}sync", draft.own("")));
    let watched: Vec<_> = both
        .old
        .iter()
        .chain(&both.new)
        .map(|part| part.differs("NEW.", &format!("OLD.{}", part.sql)))
        .collect();
    let insert = name(&format!("zz_{}sync_insert", draft.own("")));
    let t = &both.table;
    Triggers {
        create: format!(
            "{}\nCREATE TRIGGER {insert} BEFORE INSERT ON {t}\n  FOR EACH ROW EXECUTE FUNCTION \
             {function}();\nCREATE TRIGGER {trigger} BEFORE UPDATE ON {t}\n  FOR EACH ROW WHEN ({})\n  \
             EXECUTE FUNCTION {function}();\n",
            both.function(&function, &name(schema)),
            watched.join(" OR ")
        ),
        drop: format!(
            "DROP TRIGGER {trigger} ON {t};\nDROP TRIGGER {insert} ON {t};\nDROP FUNCTION \
             {function}();\n"
        ),
    }
}

/// What an old column must be like to be moved.
fn movable<'a>(draft: &Draft<'a>, column: &str) -> Result<&'a Column, Reason> {
    let found = draft.column(column)?;
    let own = || column.to_owned();
    match &found.generated {
        Some(crate::sql::ir::Generated::Expression { .. }) => {
            return Err(Reason::Generated { column: own() });
        }
        Some(crate::sql::ir::Generated::Identity { .. }) => {
            return Err(Reason::Identity { column: own() });
        }
        None => {}
    }
    if let Some(default) = &found.default
        && !is_constant(default)
    {
        return Err(Reason::VolatileDefault {
            column: own(),
            default: default.text.clone(),
        });
    }
    let key = draft.table.primary_key();
    if key.is_some_and(|key| key.contains(&own())) {
        return Err(Reason::PrimaryKey { column: own() });
    }
    Ok(found)
}

/// Whether a default is the same each time: it calls nothing.
fn is_constant(default: &Expr) -> bool {
    let stable = ["now", "current_timestamp", "current_date", "current_user"];
    default
        .functions()
        .iter()
        .all(|called| stable.contains(&called.name.as_str()))
}

fn default_of(column: &Column) -> String {
    column
        .default
        .as_ref()
        .map_or_else(|| "NULL".to_owned(), |it| it.text.clone())
}

fn as_text(column: &Column) -> bool {
    let without = |it: &crate::sql::ir::TypeName| WITHOUT_EQUALITY.iter().any(|name| it.is(name));
    column.type_name.as_ref().is_some_and(without)
}

pub(super) fn type_sql(column: &Column) -> String {
    let written = column.type_name.as_ref().map(|it| it.written.clone());
    let mut sql = written.unwrap_or_else(|| "text".to_owned());
    if let Some(collation) = &column.collation {
        let _ = write!(sql, " COLLATE {}", qualified(collation));
    }
    sql
}

pub(super) fn rename(draft: &Draft<'_>, from: &str, to: &str) -> Outcome {
    let column = movable(draft, from)?;
    draft.free(to)?;
    let shown = draft.shown().to_owned();
    let (t, o, n) = (draft.t(), name(from), name(to));
    let part = |column_name: &str, value| Part {
        column: column_name.to_owned(),
        sql: name(column_name),
        default: default_of(column),
        value: Some(value),
        as_text: as_text(column),
    };
    let both = Both {
        table: t.clone(),
        shown: shown.clone(),
        old: vec![part(from, n.as_str())],
        new: vec![part(to, o.as_str())],
        back: true,
    };
    let kept = triggers(draft, &both);
    let default = match &column.default {
        Some(default) => format!(" DEFAULT {}", default.text),
        None => String::new(),
    };
    let make = format!(
        "ALTER TABLE {t} ADD COLUMN {n} {}{default};\n",
        type_sql(column)
    );
    let expand = draft.sql(
        "expand",
        [
            &format!("Add {shown}.{to} beside {from}, kept in step by triggers."),
            &format!("Remove {shown}.{to} again; {from} has every value."),
        ],
        Sql::transaction(
            format!("{make}\n{}", kept.create),
            format!("{}ALTER TABLE {t} DROP COLUMN {n};\n", kept.drop),
        ),
    );
    let indexes = twins(draft, from, to);
    let twins_again = indexes.as_ref().map_or("", |it| it.create.as_str());
    let complaint = text(&format!(
        "{shown}.{from} and {shown}.{to} differ in some rows"
    ));
    let contract = draft.sql(
        "contract",
        [
            &format!("Leave only {shown}.{to}: the original column, under its new name."),
            &format!("Have {shown}.{from} again beside {to}, with every value, kept in step."),
        ],
        Sql::transaction(
            format!(
                "-- The added column goes, so every value must be in the original one too.\n\
                 DO $switchback$ BEGIN\n  IF EXISTS (SELECT FROM {t} WHERE {}) THEN\n    RAISE EXCEPTION \
                 USING MESSAGE = {complaint};\n  END IF;\nEND $switchback$;\n\n{}ALTER TABLE {t} DROP \
                 COLUMN {n};\nALTER TABLE {t} RENAME COLUMN {o} TO {n};\n",
                both.behind(),
                kept.drop
            ),
            format!(
                "ALTER TABLE {t} RENAME COLUMN {n} TO {o};\n{make}UPDATE {t} SET {n} = {o} WHERE \
                 {};\n{twins_again}\n{}",
                both.behind(),
                kept.create
            ),
        ),
    );
    let steps = pair::moved(pair::Move {
        title: format!("Rename {shown}.{from}"),
        old: format!("{shown}.{from}"),
        new: format!("{shown}.{to}"),
        back: true,
        expand,
        fill: StepFill {
            table: qualified(&draft.full),
            set: BTreeMap::from([(to.to_owned(), o.clone())]),
            only: None,
            batch_rows: FIRST_BATCH,
            keep_undo: false,
        },
        indexes: indexes.map(|it| it.step),
        constrain: None,
        validate: None,
        contract,
        first: String::new(),
        meanwhile: String::new(),
        beware: String::new(),
        contracted: format!(
            "The original column takes the name `{to}`: its place in the table, its constraints, \
             its indexes and the views on it stay as they were. The step checks first that nothing \
             would be lost."
        ),
        contracted_back: "The down script makes both columns again, with every value. It writes \
                          every row in one transaction: on a large table, plan for it."
            .to_owned(),
    })?;
    Ok(Planned {
        title: format!("Rename {shown}.{from} to {shown}.{to}"),
        operation: Operation::RenameColumn,
        kind: Kind::Replicated,
        old: vec![from.to_owned()],
        new: vec![to.to_owned()],
        rule: false,
        steps,
    })
}

/// What is done, in words.
fn title(kind: MoveKind, shown: &str, old: &[String], new: &[String]) -> String {
    let (old, new) = (old.join(", "), new.join(", "));
    match kind {
        MoveKind::Split => format!("Split {shown}.{old} into {new}"),
        MoveKind::Merge => format!("Merge {old} of {shown} into {new}"),
        MoveKind::ChangeType => format!("Give {shown}.{old} another type, as {new}"),
    }
}

pub(super) fn plan(draft: &Draft<'_>, wanted: &Move) -> Outcome {
    let back = wanted
        .old
        .iter()
        .all(|column| wanted.back.contains_key(column));
    let shown = draft.shown().to_owned();
    let t = draft.t();
    let mut old = Vec::new();
    for column in &wanted.old {
        let found = movable(draft, column)?;
        draft.no_view(Some(column))?;
        refuse_constraints(draft, column)?;
        if !found.not_null && found.default.is_some() {
            return Err(Reason::NullableDefault {
                column: column.clone(),
            }
            .into());
        }
        if found.not_null && found.default.is_none() && !back {
            return Err(Reason::NoWayBack {
                column: column.clone(),
            }
            .into());
        }
        old.push((
            found,
            Part {
                column: column.clone(),
                sql: name(column),
                default: default_of(found),
                value: wanted.back.get(column).map(String::as_str),
                as_text: as_text(found),
            },
        ));
    }
    let (columns, old): (Vec<&Column>, Vec<Part<'_>>) = old.into_iter().unzip();
    let mut new = Vec::new();
    for column in &wanted.new {
        draft.free(&column.name)?;
        let kind = column.type_sql.trim().to_ascii_lowercase();
        new.push(Part {
            column: column.name.clone(),
            sql: name(&column.name),
            default: "NULL".to_owned(),
            value: Some(column.value.as_str()),
            as_text: WITHOUT_EQUALITY.contains(&kind.as_str()),
        });
    }
    let both = Both {
        table: t.clone(),
        shown: shown.clone(),
        old,
        new,
        back,
    };
    let names = |parts: &[Part<'_>]| parts.iter().map(|it| it.column.clone()).collect::<Vec<_>>();
    let (old_names, new_names) = (names(&both.old), names(&both.new));
    let in_full = |columns: &[String]| {
        let all: Vec<_> = columns.iter().map(|it| format!("{shown}.{it}")).collect();
        listed(&all)
    };
    let title = title(wanted.kind, &shown, &old_names, &new_names);
    let kept = triggers(draft, &both);
    let steps = pair::moved(pair::Move {
        title: title.clone(),
        old: in_full(&old_names),
        new: in_full(&new_names),
        back,
        expand: expand(draft, &both, &wanted.new, &kept),
        fill: StepFill {
            table: qualified(&draft.full),
            set: wanted
                .new
                .iter()
                .map(|column| (column.name.clone(), column.value.clone()))
                .collect(),
            only: both.only(),
            batch_rows: FIRST_BATCH,
            keep_undo: false,
        },
        indexes: match (old_names.as_slice(), new_names.as_slice()) {
            ([old], [new]) => twins(draft, old, new).map(|it| it.step),
            _ => None,
        },
        constrain: None,
        validate: None,
        contract: contract(draft, &both, &columns, &kept)?,
        first: String::new(),
        meanwhile: String::new(),
        beware: String::new(),
        contracted: format!(
            "The old columns are kept under names that nobody uses ({}…), and nothing is destroyed \
             until you ask for `switchback change purge`.",
            draft.own("archive_")
        ),
        contracted_back: if back {
            "The down script takes the old columns back, and gives those rows that were written \
             since their values out of the new columns."
                .to_owned()
        } else {
            "The down script takes the old columns back with the values that they had; rows that \
             were written since have none."
                .to_owned()
        },
    })?;
    Ok(Planned {
        title,
        operation: operation_of(wanted.kind),
        kind: Kind::Replicated,
        old: old_names,
        new: new_names,
        rule: false,
        steps,
    })
}

/// Constraints that would have to hold for both shapes, or come along.
fn refuse_constraints(draft: &Draft<'_>, column: &str) -> Result<(), Reason> {
    let mine = |columns: &[String]| columns.iter().any(|it| it == column);
    for it in &draft.table.constraints {
        let on = match &it.kind {
            ConstraintKind::Check(rule) => rule.columns().contains(&column),
            ConstraintKind::Unique { columns, .. }
            | ConstraintKind::PrimaryKey { columns, .. }
            | ConstraintKind::ForeignKey { columns, .. } => mine(columns),
            ConstraintKind::Exclude { keys } => {
                keys.iter().any(|key| key.columns().contains(&column))
            }
            ConstraintKind::Null | ConstraintKind::NotNull { .. } => false,
        };
        if on {
            return Err(Reason::Constraint {
                column: column.to_owned(),
                constraint: it.name.clone(),
            });
        }
    }
    for (table, it) in draft.schema.references_to(&draft.full) {
        if let ConstraintKind::ForeignKey { referred, .. } = &it.kind
            && mine(referred)
        {
            return Err(Reason::Referenced {
                table: table.to_string(),
                constraint: it.name.clone(),
            });
        }
    }
    Ok(())
}

fn expand(draft: &Draft<'_>, both: &Both<'_>, new: &[NewColumn], kept: &Triggers) -> Sql {
    let t = &both.table;
    let add: Vec<_> = new
        .iter()
        .map(|column| format!("ADD COLUMN {} {}", name(&column.name), column.type_sql))
        .collect();
    let drop: Vec<_> = both
        .new
        .iter()
        .map(|part| format!("DROP COLUMN {}", part.sql))
        .collect();
    let names: Vec<_> = new.iter().map(|it| comment(&it.name)).collect();
    draft.sql(
        "expand",
        [
            &format!(
                "Add {} to {}, kept in step by triggers.",
                names.join(", "),
                both.shown
            ),
            "Remove them again; the old columns have every value.",
        ],
        Sql::transaction(
            format!("ALTER TABLE {t} {};\n\n{}", add.join(", "), kept.create),
            format!("{}ALTER TABLE {t} {};\n", kept.drop, drop.join(", ")),
        ),
    )
}

fn contract(
    draft: &Draft<'_>,
    both: &Both<'_>,
    columns: &[&Column],
    kept: &Triggers,
) -> Result<Sql, Reason> {
    let t = &both.table;
    let mut up = kept.drop.clone();
    let (mut takes_back, mut demands, mut values) = (String::new(), String::new(), Vec::new());
    for (part, column) in both.old.iter().zip(columns) {
        let archived = draft.own(&format!("archive_{}", values.len() + 1));
        draft.free(&archived)?;
        let (o, a) = (&part.sql, name(&archived));
        if column.not_null && column.default.is_none() {
            let _ = writeln!(up, "ALTER TABLE {t} ALTER COLUMN {o} DROP NOT NULL;");
            let _ = writeln!(demands, "ALTER TABLE {t} ALTER COLUMN {o} SET NOT NULL;");
        }
        let _ = writeln!(up, "ALTER TABLE {t} RENAME COLUMN {o} TO {a};");
        let _ = writeln!(takes_back, "ALTER TABLE {t} RENAME COLUMN {a} TO {o};");
        values.push(format!("{o} = {}", part.value.unwrap_or("NULL")));
    }
    let refill = match both.behind_back() {
        Some(behind) => format!(
            "-- Rows that were written since.\nUPDATE {t} SET {} WHERE ({}) AND ({behind});\n",
            values.join(", "),
            both.behind()
        ),
        None => String::new(),
    };
    Ok(draft.sql(
        "contract",
        [
            "Keep the old columns under names that nobody uses.",
            "Take the old columns back, kept in step again.",
        ],
        Sql::transaction(
            up,
            format!("{takes_back}{refill}{demands}\n{}", kept.create),
        ),
    ))
}
