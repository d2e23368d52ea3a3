//! Columns that become other columns of the same table, kept in step by triggers: a split, a merge,
//! another type.
//!
//! A trigger leaves alone what agrees already in either direction, and so the rows that a backfill
//! writes and what another trigger wrote; where a statement gave the two shapes values that do not
//! agree, it refuses the statement.

use std::fmt::Write as _;

use switchback_model::Kind;

use super::{Draft, FIRST_BATCH, Outcome, Planned, Reason, differ};
use crate::definition::{Operation, StepFill};
use crate::operation::request::{Move, MoveKind};
use crate::operation::{Sql, pair};
use crate::sqlite::catalog::Column;
use crate::sqlite::text::{groups_after, literal, name};
use crate::words::listed;

/// One of the columns of a move.
struct Part {
    column: String,
    /// As it stands in SQL.
    sql: String,
    /// Its default as SQL, `NULL` where there is none.
    default: String,
    /// What it gets from the other shape, as SQL; `NULL` where that cannot be said.
    value: String,
}

struct Both {
    old: Vec<Part>,
    new: Vec<Part>,
    back: bool,
}

fn all(parts: &[Part], each: impl Fn(&Part) -> String, join: &str) -> String {
    parts.iter().map(each).collect::<Vec<_>>().join(join)
}

fn behind(parts: &[Part]) -> String {
    format!("({})", all(parts, |it| differ(&it.sql, &it.value), " OR "))
}

fn set(parts: &[Part]) -> String {
    all(parts, |it| format!("{} = ({})", it.sql, it.value), ", ")
}

/// That every column of a shape has its default, so that a statement has probably left it out.
fn left_out(parts: &[Part]) -> String {
    all(
        parts,
        |it| format!("NEW.{} IS ({})", it.sql, it.default),
        " AND ",
    )
}

/// That a statement moved a column of a shape.
fn moved(parts: &[Part]) -> String {
    let apart = |it: &Part| differ(&format!("NEW.{}", it.sql), &format!("OLD.{}", it.sql));
    format!("({})", all(parts, apart, " OR "))
}

struct Trigger {
    name: &'static str,
    event: String,
    when: String,
    body: String,
}

fn triggers(draft: &Draft<'_>, both: &Both, rowid: &str, required: bool) -> Vec<Trigger> {
    let t = draft.t();
    let (forward, back) = (behind(&both.new), behind(&both.old));
    // What agrees in either direction is left alone.
    let apart = if both.back {
        format!("{forward} AND {back}")
    } else {
        forward.clone()
    };
    let update = |parts: &[Part]| {
        format!(
            "UPDATE {t} SET {} WHERE {rowid} = NEW.{rowid} AND {apart};",
            set(parts)
        )
    };
    let complaint = literal(&format!(
        "the old and the new columns of {} were given values that do not agree",
        draft.shown()
    ));
    let refuse = format!(
        "SELECT RAISE(ABORT, {complaint}) FROM {t} WHERE {rowid} = NEW.{rowid} AND {apart};"
    );
    let (old_out, new_out) = (left_out(&both.old), left_out(&both.new));
    let (old_moved, new_moved) = (moved(&both.old), moved(&both.new));
    let insert = format!("AFTER INSERT ON {t}");
    let names = |parts: &[Part]| all(parts, |it| it.sql.clone(), ", ");
    let mut all_of_them = vec![
        Trigger {
            name: "insert_old",
            event: insert.clone(),
            when: new_out.clone(),
            body: update(&both.new),
        },
        Trigger {
            name: "update_old",
            event: format!("AFTER UPDATE OF {} ON {t}", names(&both.old)),
            when: format!("{old_moved} AND NOT {new_moved}"),
            body: update(&both.new),
        },
    ];
    if both.back {
        all_of_them.push(Trigger {
            name: "insert_new",
            event: insert.clone(),
            when: format!("({old_out}) AND NOT ({new_out})"),
            body: update(&both.old),
        });
        all_of_them.push(Trigger {
            name: "insert_both",
            event: insert,
            when: format!("NOT ({old_out}) AND NOT ({new_out})"),
            body: refuse.clone(),
        });
        all_of_them.push(Trigger {
            name: "update_new",
            event: format!("AFTER UPDATE OF {} ON {t}", names(&both.new)),
            when: format!("{new_moved} AND NOT {old_moved}"),
            body: update(&both.old),
        });
        all_of_them.push(Trigger {
            name: "update_both",
            event: format!(
                "AFTER UPDATE OF {}, {} ON {t}",
                names(&both.old),
                names(&both.new)
            ),
            when: format!("{new_moved} AND {old_moved}"),
            body: refuse,
        });
    }
    if required {
        let missing = literal(&format!(
            "NOT NULL constraint failed: {}.{}",
            draft.shown(),
            all(&both.old, |it| it.column.clone(), ", ")
        ));
        let nothing = all(&both.old, |it| format!("NEW.{} IS NULL", it.sql), " OR ");
        let no_new = all(&both.new, |it| format!("NEW.{} IS NULL", it.sql), " AND ");
        all_of_them.push(Trigger {
            name: "insert_null",
            event: format!("BEFORE INSERT ON {t}"),
            when: format!("({nothing}) AND {no_new}"),
            body: format!("SELECT RAISE(ABORT, {missing});"),
        });
        let lost = all(
            &both.old,
            |it| format!("(NEW.{0} IS NULL AND OLD.{0} IS NOT NULL)", it.sql),
            " OR ",
        );
        all_of_them.push(Trigger {
            name: "update_null",
            event: format!("BEFORE UPDATE OF {} ON {t}", names(&both.old)),
            when: format!("({lost})"),
            body: format!("SELECT RAISE(ABORT, {missing});"),
        });
    }
    all_of_them
}

fn create(draft: &Draft<'_>, triggers: &[Trigger]) -> String {
    triggers
        .iter()
        .map(|it| {
            format!(
                "CREATE TRIGGER {}\n{} FOR EACH ROW\nWHEN {}\nBEGIN\n  {}\nEND;\n",
                name(&draft.own(it.name)),
                it.event,
                it.when,
                it.body
            )
        })
        .collect()
}

fn drop_all(draft: &Draft<'_>, triggers: &[Trigger]) -> String {
    triggers
        .iter()
        .map(|it| format!("DROP TRIGGER {};\n", name(&draft.own(it.name))))
        .collect()
}

fn movable<'a>(draft: &'a Draft<'_>, column: &str) -> Result<&'a Column, Reason> {
    let found = draft.column(column)?;
    let own = || found.name.clone();
    if found.generated {
        return Err(Reason::Generated { column: own() });
    }
    if found.primary_key > 0 {
        return Err(Reason::PrimaryKey { column: own() });
    }
    let key =
        |key: &&crate::sqlite::catalog::ForeignKey| key.column.eq_ignore_ascii_case(&found.name);
    if let Some(key) = draft.table.foreign_keys.iter().find(key) {
        return Err(Reason::ForeignKey {
            column: own(),
            target: key.target.clone(),
        });
    }
    let all = draft.table.tokens();
    let names_it =
        |group: &[crate::sqlite::text::Token]| group.iter().any(|token| token.is_name(&found.name));
    if groups_after(&all, "check").into_iter().any(names_it) {
        return Err(Reason::Check { column: own() });
    }
    if groups_after(&all, "as").into_iter().any(names_it) {
        return Err(Reason::Computed { column: own() });
    }
    if let Some(index) = draft
        .table
        .indexes
        .iter()
        .find(|index| index.unique && index.covers(&found.name))
    {
        return Err(Reason::Index {
            column: own(),
            index: index.name.clone(),
        });
    }
    if !found.not_null && found.default.is_some() {
        return Err(Reason::NullableDefault { column: own() });
    }
    Ok(found)
}

fn title(kind: MoveKind, shown: &str, old: &str, new: &str) -> (String, Operation) {
    match kind {
        MoveKind::Split => (
            format!("Split {shown}.{old} into {new}"),
            Operation::SplitColumn,
        ),
        MoveKind::Merge => (
            format!("Merge {old} of {shown} into {new}"),
            Operation::MergeColumns,
        ),
        MoveKind::ChangeType => (
            format!("Give {shown}.{old} another type, as {new}"),
            Operation::ChangeType,
        ),
    }
}

/// The columns that go, that come, and that values are computed from.
fn touched(draft: &Draft<'_>, wanted: &Move) -> Vec<String> {
    let made = wanted.new.iter().map(|it| (&it.name, &it.value));
    let made_again = wanted.back.iter();
    let mut all = wanted.old.clone();
    for (column, value) in made.chain(made_again) {
        all.push(column.clone());
        all.extend(draft.mentioned(value));
    }
    all
}

pub(super) fn plan(draft: &Draft<'_>, wanted: &Move) -> Outcome {
    let rowid = draft.fillable()?;
    draft.apart(&touched(draft, wanted))?;
    let back = wanted
        .old
        .iter()
        .all(|column| wanted.back.contains_key(column));
    let mut both = Both {
        old: Vec::new(),
        new: Vec::new(),
        back,
    };
    let mut demanded = Vec::new();
    for column in &wanted.old {
        let found = movable(draft, column)?;
        if found.not_null && found.default.is_none() {
            if !back {
                return Err(Reason::NoWayBack {
                    column: column.clone(),
                }
                .into());
            }
            demanded.push(name(&found.name));
        }
        both.old.push(Part {
            column: found.name.clone(),
            sql: name(&found.name),
            default: found.default.clone().unwrap_or_else(|| "NULL".to_owned()),
            value: wanted
                .back
                .get(column)
                .cloned()
                .unwrap_or_else(|| "NULL".to_owned()),
        });
    }
    for column in &wanted.new {
        draft.free(&column.name)?;
        both.new.push(Part {
            column: column.name.clone(),
            sql: name(&column.name),
            default: "NULL".to_owned(),
            value: column.value.clone(),
        });
    }
    let (t, shown) = (draft.t(), draft.shown());
    let names = |parts: &[Part]| parts.iter().map(|it| it.column.clone()).collect::<Vec<_>>();
    let (old, new) = (names(&both.old), names(&both.new));
    let (title, operation) = title(wanted.kind, shown, &old.join(", "), &new.join(", "));
    let kept = triggers(draft, &both, rowid, !demanded.is_empty());
    let (make, unmake) = (create(draft, &kept), drop_all(draft, &kept));
    let each = |columns: &[String], what: &str| {
        columns.iter().fold(String::new(), |mut sql, column| {
            let _ = writeln!(
                sql,
                "ALTER TABLE {t} ALTER COLUMN {column} {what} NOT NULL;"
            );
            sql
        })
    };
    let (relax, restrict) = (each(&demanded, "DROP"), each(&demanded, "SET"));
    let (mut add, mut drop) = (String::new(), String::new());
    for (part, column) in both.new.iter().zip(&wanted.new) {
        let _ = writeln!(
            add,
            "ALTER TABLE {t} ADD COLUMN {} {};",
            part.sql, column.type_sql
        );
        let _ = writeln!(drop, "ALTER TABLE {t} DROP COLUMN {};", part.sql);
    }
    let (mut aside, mut restored) = (String::new(), String::new());
    for (number, part) in (1..).zip(&both.old) {
        let archived = draft.own(&format!("archive_{number}"));
        draft.free(&archived)?;
        let (o, a) = (&part.sql, name(&archived));
        let _ = writeln!(aside, "ALTER TABLE {t} RENAME COLUMN {o} TO {a};");
        let _ = writeln!(restored, "ALTER TABLE {t} RENAME COLUMN {a} TO {o};");
    }
    let refill = if back {
        format!(
            "-- Rows that were written since.\nUPDATE {t} SET {} WHERE {} AND {};\n",
            set(&both.old),
            behind(&both.new),
            behind(&both.old)
        )
    } else {
        String::new()
    };
    let only = if back {
        behind(&both.old)
    } else {
        all(&both.new, |it| format!("{} IS NULL", it.sql), " AND ")
    };
    let in_table = |columns: &[String]| {
        let all: Vec<_> = columns.iter().map(|it| format!("{shown}.{it}")).collect();
        listed(&all)
    };
    let steps = pair::moved(pair::Move {
        title: title.clone(),
        old: in_table(&old),
        new: in_table(&new),
        back,
        expand: draft.sql(
            "expand",
            [
                "Add the new columns, kept in step by triggers.",
                "Remove them again; the old columns have every value.",
            ],
            Sql::transaction(
                format!("{relax}{add}\n{make}"),
                format!("{unmake}{drop}{restrict}"),
            ),
        ),
        fill: StepFill {
            table: draft.table.name.clone(),
            set: wanted
                .new
                .iter()
                .map(|column| (column.name.clone(), column.value.clone()))
                .collect(),
            only: Some(only),
            batch_rows: FIRST_BATCH,
            keep_undo: false,
        },
        indexes: None,
        constrain: None,
        validate: None,
        contract: draft.sql(
            "contract",
            [
                "Keep the old columns under names that nobody uses.",
                "Take the old columns back, kept in step again.",
            ],
            Sql::transaction(
                format!("{unmake}{aside}"),
                format!("{restored}{refill}\n{make}"),
            ),
        ),
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
        operation,
        kind: Kind::Replicated,
        old,
        new,
        rule: false,
        steps,
    })
}
