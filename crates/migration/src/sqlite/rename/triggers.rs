//! The rename with triggers: expand, switch reads, stop old writes, contract.

use switchback_model::{Reads, Shapes, Stance, SurfaceOperation, Sync};

use super::pair::{Pair, comment};
use super::{RenameError, Step, Work, fill, script, words};
use crate::sqlite::text::literal;

const EXPAND: (usize, &str) = (1, "expand");
const CONTRACT: (usize, &str) = (4, "contract");

pub(super) fn steps(pair: &Pair) -> Result<Vec<Step>, RenameError> {
    let expand = script(
        EXPAND.0,
        EXPAND.1,
        [
            SurfaceOperation::Expand {
                sync: Sync::Both,
                filled: false,
            },
            SurfaceOperation::Unexpand,
        ],
        [expand_up(pair), expand_down(pair)],
    );
    let contract = script(
        CONTRACT.0,
        CONTRACT.1,
        [
            SurfaceOperation::Contract,
            SurfaceOperation::Uncontract {
                sync: Sync::Both,
                partial: false,
            },
        ],
        [contract_up(pair), contract_down(pair)],
    );
    let code = |reads, writes| Work::Code {
        stance: Stance::Replicated { reads, writes }.into(),
    };
    Ok(vec![
        words::expand_with_triggers(pair).on(
            EXPAND.1,
            Work::Database {
                script: Some(expand),
                fill: Some(fill(pair, false)),
            },
        )?,
        words::switch_reads(pair, false).on("switch-reads", code(Reads::New, Shapes::OLD))?,
        words::stop_old_writes(pair).on("stop-old-writes", code(Reads::New, Shapes::NEW))?,
        words::contract(pair).on(
            CONTRACT.1,
            Work::Database {
                script: Some(contract),
                fill: None,
            },
        )?,
    ])
}

fn expand_up(pair: &Pair) -> String {
    let header = pair.header(
        EXPAND.1,
        &format!(
            "Add {}.{} beside {}, kept in step by triggers.",
            pair.table, pair.new, pair.old
        ),
    );
    format!(
        "{header}{}{}{}\n{}",
        pair.relax(),
        pair.add(),
        pair.create_twins(),
        create_triggers(pair)
    )
}

fn expand_down(pair: &Pair) -> String {
    let header = pair.header(
        EXPAND.1,
        &format!(
            "Remove {}.{} again; {} has every value.",
            pair.table, pair.new, pair.old
        ),
    );
    format!(
        "{header}{}{}{}{}",
        drop_triggers(pair),
        pair.drop_twins(),
        pair.drop(),
        pair.restrict()
    )
}

fn contract_up(pair: &Pair) -> String {
    let (table, old, new) = (&pair.table, &pair.old, &pair.new);
    let header = pair.header(
        CONTRACT.1,
        &format!("Leave only {table}.{new}: the original column, under its new name."),
    );
    let mut guards = format!(
        "-- The added column goes, so every value must be in the original one too.\n{}",
        pair.guard(
            "same",
            &format!("{table}.{old} and {table}.{new} differ in some rows"),
            &pair.differ(&pair.n(), &pair.o())
        )
    );
    if pair.not_null {
        guards.push_str(&pair.guard(
            "null",
            &format!("{table}.{old} is NULL in some rows"),
            &format!("{} IS NULL", pair.o()),
        ));
    }
    format!(
        "{header}{guards}\n{}{}{}{}{}",
        drop_triggers(pair),
        pair.drop_twins(),
        pair.drop(),
        pair.restrict(),
        pair.rename()
    )
}

fn contract_down(pair: &Pair) -> String {
    let (table, old, new) = (&pair.table, &pair.old, &pair.new);
    let header = pair.header(
        CONTRACT.1,
        &format!("Have {table}.{old} again beside {new}, with every value, kept in step."),
    );
    format!(
        "{header}{}{}{}UPDATE {} SET {} = {} WHERE {};\n{}\n{}",
        pair.rename_back(),
        pair.relax(),
        pair.add(),
        pair.t(),
        pair.n(),
        pair.o(),
        pair.differ(&pair.n(), &pair.o()),
        pair.create_twins(),
        create_triggers(pair)
    )
}

/// One trigger: its name, why it is there, when it fires and what it does.
struct Trigger {
    name: &'static str,
    why: String,
    event: String,
    when: Vec<String>,
    body: String,
}

/// The conditions exclude each other, so at most one trigger acts on a row and the order in which
/// SQLite fires them does not matter. What a trigger writes leaves both columns equal, which is no
/// trigger's condition, so none sets off another one, with or without `recursive_triggers`.
fn triggers(pair: &Pair) -> Vec<Trigger> {
    let (old, new) = (&pair.old, &pair.new);
    let (o, n) = (pair.o(), pair.n());
    let of = |row: &str, column: &str| format!("{row}.{column}");
    let (old_o, old_n) = (of("OLD", &o), of("OLD", &n));
    let (new_o, new_n) = (of("NEW", &o), of("NEW", &n));
    let apart = pair.differ(&new_o, &new_n);
    let moved = |now: &str, before: &str| pair.differ(now, before);
    let stayed = |now: &str, before: &str| format!("NOT ({})", pair.differ(now, before));
    let copy = |to: &str, from: &str| {
        format!(
            "UPDATE {} SET {to} = {from} WHERE {rowid} = NEW.{rowid};",
            pair.t(),
            rowid = pair.rowid
        )
    };
    let abort = |message: &str| format!("SELECT RAISE(ABORT, {});", literal(message));
    let conflict = format!(
        "{table}.{old} and {table}.{new} were given different values (change {})",
        pair.change,
        table = pair.table
    );
    let insert = format!("AFTER INSERT ON {}", pair.t());

    let mut all = vec![
        Trigger {
            name: "insert_old",
            why: format!("Code that knows only {old} inserts: {new} gets the value too."),
            event: insert.clone(),
            when: vec![apart.clone(), pair.left_out(&new_n)],
            body: copy(&n, &new_o),
        },
        Trigger {
            name: "insert_new",
            why: format!("Code that knows only {new} inserts: {old} gets the value too."),
            event: insert.clone(),
            when: vec![apart.clone(), pair.left_out(&new_o)],
            body: copy(&o, &new_n),
        },
        Trigger {
            name: "insert_both",
            why: "One insert cannot mean two values.".to_owned(),
            event: insert,
            when: vec![apart.clone(), pair.given(&new_o), pair.given(&new_n)],
            body: abort(&conflict),
        },
        Trigger {
            name: "update_old",
            why: format!("Code that knows only {old} updates."),
            event: format!("AFTER UPDATE OF {o} ON {}", pair.t()),
            when: vec![apart.clone(), moved(&new_o, &old_o), stayed(&new_n, &old_n)],
            body: copy(&n, &new_o),
        },
        Trigger {
            name: "update_new",
            why: format!("Code that knows only {new} updates."),
            event: format!("AFTER UPDATE OF {n} ON {}", pair.t()),
            when: vec![apart.clone(), moved(&new_n, &old_n), stayed(&new_o, &old_o)],
            body: copy(&o, &new_n),
        },
        Trigger {
            name: "update_both",
            why: "One update cannot mean two values.".to_owned(),
            event: format!("AFTER UPDATE OF {o}, {n} ON {}", pair.t()),
            when: vec![apart, moved(&new_o, &old_o), moved(&new_n, &old_n)],
            body: abort(&conflict),
        },
    ];
    if pair.not_null {
        // With a default, a column that was left out is not NULL, so one NULL was asked for.
        let either = if pair.default == "NULL" { "AND" } else { "OR" };
        let refused = |column: &str| {
            abort(&format!(
                "NOT NULL constraint failed: {}.{column}",
                pair.table
            ))
        };
        let stands = format!("{old} is NOT NULL for as long as its constraint is lifted.");
        all.push(Trigger {
            name: "insert_null",
            why: stands.clone(),
            event: format!("BEFORE INSERT ON {}", pair.t()),
            when: vec![format!("({new_o} IS NULL {either} {new_n} IS NULL)")],
            body: refused(old),
        });
        for (name, column, now, before) in [
            ("update_null_old", old, &new_o, &old_o),
            ("update_null_new", new, &new_n, &old_n),
        ] {
            all.push(Trigger {
                name,
                why: stands.clone(),
                event: format!(
                    "BEFORE UPDATE OF {} ON {}",
                    if column == old { &o } else { &n },
                    pair.t()
                ),
                when: vec![format!("{now} IS NULL"), format!("{before} IS NOT NULL")],
                body: refused(column),
            });
        }
    }
    all
}

fn create_triggers(pair: &Pair) -> String {
    let all: Vec<_> = triggers(pair)
        .into_iter()
        .map(|it| {
            format!(
                "-- {}\nCREATE TRIGGER {}\n{} FOR EACH ROW\nWHEN {}\nBEGIN\n  {}\nEND;\n",
                comment(&it.why),
                pair.own(it.name),
                it.event,
                it.when.join("\n  AND "),
                it.body
            )
        })
        .collect();
    all.join("\n")
}

fn drop_triggers(pair: &Pair) -> String {
    triggers(pair)
        .iter()
        .map(|it| format!("DROP TRIGGER {};\n", pair.own(it.name)))
        .collect()
}
