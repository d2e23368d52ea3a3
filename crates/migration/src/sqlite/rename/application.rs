//! The rename where the application writes both columns: expand, dual write, backfill, switch
//! reads, stop old writes, contract.

use switchback_model::{Reads, Shapes, Stance, SurfaceOperation, Sync};

use super::pair::Pair;
use super::{RenameError, Step, Work, fill, script, words};
use crate::sqlite::text::name;

const EXPAND: (usize, &str) = (1, "expand");
const CONTRACT: (usize, &str) = (6, "contract");

pub(super) fn steps(pair: &Pair) -> Result<Vec<Step>, RenameError> {
    let expand = script(
        EXPAND.0,
        EXPAND.1,
        [
            SurfaceOperation::Expand {
                sync: Sync::None,
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
                sync: Sync::None,
                partial: false,
            },
        ],
        [contract_up(pair), contract_down(pair)],
    );
    let code = |reads, writes| Work::Code {
        stance: Stance::Replicated { reads, writes }.into(),
    };
    Ok(vec![
        words::expand_alone(pair).on(
            EXPAND.1,
            Work::Database {
                script: Some(expand),
                fill: None,
            },
        )?,
        words::dual_write(pair).on("dual-write", code(Reads::Old, Shapes::BOTH))?,
        words::backfill(pair).on(
            "backfill",
            Work::Database {
                script: None,
                fill: Some(fill(pair, true)),
            },
        )?,
        words::switch_reads(pair, true).on("switch-reads", code(Reads::New, Shapes::BOTH))?,
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
            "Add {}.{} beside {}; the application writes both.",
            pair.table, pair.new, pair.old
        ),
    );
    format!(
        "{header}{}{}{}",
        pair.relax(),
        pair.add(),
        pair.create_twins()
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
        "{header}{}{}{}",
        pair.drop_twins(),
        pair.drop(),
        pair.restrict()
    )
}

/// The table that keeps what only the old column held.
fn archive(pair: &Pair) -> String {
    name(&super::archive_of(&pair.change))
}

fn contract_up(pair: &Pair) -> String {
    let (t, o, n, rowid) = (pair.t(), pair.o(), pair.n(), pair.rowid);
    let archive = archive(pair);
    let differ = pair.differ(&n, &o);
    let header = pair.header(
        CONTRACT.1,
        &format!(
            "Leave only {}.{}: the original column, under its new name.",
            pair.table, pair.new
        ),
    );
    let guard = if pair.not_null {
        let complaint = format!("{}.{} is NULL in some rows", pair.table, pair.new);
        pair.guard("null", &complaint, &format!("{n} IS NULL"))
    } else {
        String::new()
    };
    format!(
        "{header}{guard}\
         -- Since old writes stopped the columns may differ. What only the old one holds is kept, so\n\
         -- that the way back is exact; drop this table when nobody will go back.\n\
         CREATE TABLE {archive} (row INTEGER PRIMARY KEY, old_value ANY, new_value ANY) STRICT;\n\
         INSERT INTO {archive} SELECT {rowid}, {o}, {n} FROM {t} WHERE {differ};\n\n\
         -- First NULL and then the value: two rows may have swapped values of a unique column.\n\
         UPDATE {t} SET {o} = NULL WHERE {rowid} IN (SELECT row FROM {archive});\n\
         UPDATE {t} SET {o} = {n} WHERE {rowid} IN (SELECT row FROM {archive});\n\n\
         {}{}{}{}",
        pair.drop_twins(),
        pair.drop(),
        pair.restrict(),
        pair.rename()
    )
}

fn contract_down(pair: &Pair) -> String {
    let (t, o, n, rowid) = (pair.t(), pair.o(), pair.n(), pair.rowid);
    let archive = archive(pair);
    let differ = pair.differ(&n, &o);
    let same = format!("NOT ({})", pair.differ(&n, "a.new_value"));
    let header = pair.header(
        CONTRACT.1,
        &format!(
            "Have {}.{} again beside {}, as it was.",
            pair.table, pair.old, pair.new
        ),
    );
    format!(
        "{header}{}{}{}UPDATE {t} SET {n} = {o} WHERE {differ};\n{}\n\
         -- Where the old column held something else before the contract, and the row is still the\n\
         -- same, it holds that again. A value that has become another row's stays away.\n\
         DELETE FROM {archive} AS a\n\
         WHERE NOT EXISTS (SELECT 1 FROM {t} WHERE {rowid} = a.row AND {same});\n\
         UPDATE {t} SET {o} = NULL WHERE {rowid} IN (SELECT row FROM {archive});\n\
         UPDATE OR IGNORE {t} SET {o} = (SELECT old_value FROM {archive} WHERE row = {t}.{rowid})\n\
         WHERE {rowid} IN (SELECT row FROM {archive});\n\
         DROP TABLE {archive};\n",
        pair.rename_back(),
        pair.relax(),
        pair.add(),
        pair.create_twins(),
    )
}
