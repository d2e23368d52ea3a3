//! What each step says to the people who walk it, in the words of their table.

use super::Words;
use super::pair::Pair;

/// The same statements, before and after, against the user's own table.
fn example(pair: &Pair, before: &str, after: &str) -> String {
    let fill = |form: &str| {
        form.replace("{t}", &pair.t())
            .replace("{o}", &pair.o())
            .replace("{n}", &pair.n())
    };
    format!("before:\n  {}\nafter:\n  {}", fill(before), fill(after))
}

pub(super) fn expand_with_triggers(pair: &Pair) -> Words {
    let Pair {
        table, old, new, ..
    } = pair;
    let lifted = if pair.not_null {
        format!(
            " The NOT NULL of `{old}` is lifted, because new code does not name that column, and \
             triggers refuse NULL in its place. An INSERT OR IGNORE of NULL then fails instead of \
             being skipped."
        )
    } else {
        String::new()
    };
    Words {
        title: format!("Add {table}.{new} and keep it equal to {old}"),
        prevents: format!(
            "Code that reads `{new}` meets a database without it. Renaming the column in one go \
             breaks every running instance that still says `{old}`, and every rollback to one."
        ),
        way_back: format!(
            "The down script drops the triggers and `{new}`. `{old}` holds every value at all \
             times, so nothing is lost."
        ),
        protects: format!(
            "From here to the contract both columns exist and hold the same values: a write to \
             either one reaches the other in the same transaction. Old and new versions can \
             therefore run side by side, and each can come back.{lifted} A statement that gives the \
             two columns different values is refused."
        ),
        needs: format!(
            "Nothing in the code: code from before the change goes on as it is. Statements that \
             depend on the number or order of columns (SELECT * by position, INSERT INTO {} without \
             a column list) must name their columns first.",
            pair.t()
        ),
    }
}

pub(super) fn expand_alone(pair: &Pair) -> Words {
    let Pair {
        table, old, new, ..
    } = pair;
    let lifted = if pair.not_null {
        format!(
            " The NOT NULL of `{old}` is lifted until the contract: until then only the \
             application keeps NULL out."
        )
    } else {
        String::new()
    };
    Words {
        title: format!("Add {table}.{new}"),
        prevents: format!(
            "Code that writes `{new}` meets a database without it. Renaming the column in one go \
             breaks every running instance that still says `{old}`, and every rollback to one."
        ),
        way_back: format!(
            "The down script drops `{new}`. Nobody reads it yet, so nothing is lost."
        ),
        protects: format!(
            "`{new}` exists and is empty, and nothing keeps it equal to `{old}` yet. Code that \
             writes both columns can now run beside code that writes only `{old}`.{lifted}"
        ),
        needs: format!(
            "Nothing in the code: code from before the change goes on as it is. Statements that \
             depend on the number or order of columns (SELECT * by position, INSERT INTO {} without \
             a column list) must name their columns first.",
            pair.t()
        ),
    }
}

pub(super) fn dual_write(pair: &Pair) -> Words {
    let Pair {
        table, old, new, ..
    } = pair;
    let example = example(
        pair,
        "INSERT INTO {t} ({o}) VALUES (?1);\n  UPDATE {t} SET {o} = ?1 WHERE id = ?2;",
        "INSERT INTO {t} ({o}, {n}) VALUES (?1, ?1);\n  UPDATE {t} SET {o} = ?1, {n} = ?1 WHERE id = ?2;",
    );
    Words {
        title: format!("Write both {table}.{old} and {new}"),
        prevents: format!(
            "Rows written while the backfill runs would be missing in `{new}`: the copy would be \
             complete for a moment and wrong for ever after."
        ),
        way_back: format!("Roll back to the version before. `{old}` has been written all along."),
        protects: format!(
            "Every version still reads `{old}`, and every write reaches it, so each earlier version \
             can come back. The backfill must wait until no version that writes only `{old}` runs."
        ),
        needs: format!(
            "Write the same value to both columns in the same statement, everywhere that `{old}` is \
             written; go on reading `{old}`.\n\n{example}"
        ),
    }
}

pub(super) fn backfill(pair: &Pair) -> Words {
    let Pair {
        table, old, new, ..
    } = pair;
    Words {
        title: format!("Copy {table}.{old} into {new} where it is not there yet"),
        prevents: format!(
            "Code that reads `{new}` would find nothing for every row that was last written before \
             dual write."
        ),
        way_back: format!(
            "The values that `{new}` had are kept for each changed row, and are put back where the \
             row still holds what the copy wrote."
        ),
        protects: format!(
            "`{new}` becomes complete while all running code writes both columns. Afterwards either \
             column can be read, so reads can move and move back."
        ),
        needs: String::new(),
    }
}

pub(super) fn switch_reads(pair: &Pair, both: bool) -> Words {
    let Pair {
        table, old, new, ..
    } = pair;
    let example = example(
        pair,
        "SELECT id, {o} FROM {t} WHERE {o} = ?1;",
        "SELECT id, {n} FROM {t} WHERE {n} = ?1;",
    );
    let (writes, returning) = if both {
        (
            format!("goes on writing both `{old}` and `{new}`"),
            String::new(),
        )
    } else {
        (
            format!("goes on writing `{old}`"),
            format!(
                "\n\nA RETURNING clause shows the row as the statement wrote it, before the \
                 triggers: let statements that write `{old}` return `{old}` until the next step."
            ),
        )
    };
    Words {
        title: format!("Read {table}.{new} instead of {old}"),
        prevents: format!(
            "If reads and writes moved in one release, going back from it would mean to read \
             `{old}` again at the moment when it may have stopped being written."
        ),
        way_back: format!("Roll back to the version before: `{old}` is as fresh as `{new}`."),
        protects: format!(
            "The code reads `{new}` and {writes}. Both columns are complete and fresh, so that \
             versions that read either one run side by side. `{old}` must stay until no version \
             that reads it runs or may come back."
        ),
        needs: format!(
            "Use `{new}` wherever `{old}` is read: select lists, conditions, joins, ordering; \
             leave writes as they are.\n\n{example}{returning}"
        ),
    }
}

pub(super) fn stop_old_writes(pair: &Pair) -> Words {
    let Pair {
        table, old, new, ..
    } = pair;
    let example = example(
        pair,
        "INSERT INTO {t} ({o}) VALUES (?1);\n  UPDATE {t} SET {o} = ?1 WHERE id = ?2;",
        "INSERT INTO {t} ({n}) VALUES (?1);\n  UPDATE {t} SET {n} = ?1 WHERE id = ?2;",
    );
    Words {
        title: format!("Write only {table}.{new}"),
        prevents: format!(
            "While any code still names `{old}`, the contract would break its next statement."
        ),
        way_back: format!("Roll back to the version before, which reads `{new}` too."),
        protects: format!(
            "No statement of this version names `{old}` any more. The contract waits until every \
             version that does is gone and can no longer come back."
        ),
        needs: format!(
            "Remove `{old}` from every statement. Nothing may name it: not an ORM's model, not a \
             report, not a fixture.\n\n{example}"
        ),
    }
}

pub(super) fn contract(pair: &Pair) -> Words {
    let Pair {
        table, old, new, ..
    } = pair;
    let kept = if pair.not_null { "its NOT NULL, " } else { "" };
    Words {
        title: format!("Leave only {table}.{new}"),
        prevents: format!(
            "Two columns for one fact stay for ever, and somebody fixes a bug in the wrong one. \
             Done too early, this step breaks every version that says `{old}`."
        ),
        way_back:
            "The down script makes both columns again, with every value and in the old places."
                .to_owned(),
        protects: format!(
            "The original column takes the name `{new}`: its place in the table, {kept}its \
             constraints and its indexes stay as they were. The step checks first that nothing \
             would be lost, and runs in one transaction whose length grows with the table."
        ),
        needs: String::new(),
    }
}
