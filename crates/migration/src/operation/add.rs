//! Adding a column: one that code may leave out, and one that every row must have.

use switchback_model::{InvalidName, Reads, Shapes, SurfaceOperation, Sync};

use super::{Sql, Steps, Words, replicated};
use crate::definition::{Step, StepFill};

/// An optional column.
#[derive(Debug)]
pub struct Optional {
    /// The table, for people.
    pub table: String,
    /// The column, for people.
    pub column: String,
    /// What old code's rows get, for people.
    pub default: Option<String>,
    /// Adds the column.
    pub expand: Sql,
}

/// A column that every row must have.
#[derive(Debug)]
pub struct Required {
    /// The table, for people.
    pub table: String,
    /// The column, for people.
    pub column: String,
    /// Adds the column, empty.
    pub expand: Sql,
    /// Gives existing rows their value.
    pub fill: StepFill,
    /// Refuses rows without it from then on.
    pub require: Sql,
    /// Proves it for the rows that are there, where that is a step of its own, and then has the
    /// database say so in the column itself.
    pub validate: Option<[Sql; 2]>,
}

/// Expand; use.
pub(crate) fn optional(it: Optional) -> Result<Vec<Step>, InvalidName> {
    let Optional {
        table,
        column,
        default,
        expand,
    } = it;
    let gets = default.map_or_else(
        || "NULL".to_owned(),
        |default| format!("the default `{default}`"),
    );
    let mut steps = Steps::default();
    steps.database(
        "expand",
        Some((
            [
                SurfaceOperation::Expand {
                    sync: Sync::Both,
                    filled: true,
                },
                SurfaceOperation::Unexpand,
            ],
            expand,
        )),
        None,
        Words {
            title: format!("Add {table}.{column}"),
            prevents: format!(
                "Code that names `{column}` meets a database without it: during the rollout, and \
                 in every environment that the migration has not reached yet."
            ),
            way_back: format!(
                "The down script drops `{column}`. It is admitted only while no version that names \
                 the column runs or may come back, so that nothing written by one is lost unseen."
            ),
            protects: format!(
                "Old code goes on as it is: rows that it writes get {gets}. New code can be put out, \
                 and can come back, at any time."
            ),
            needs: format!(
                "Nothing in the code yet. Statements that depend on the number or order of columns \
                 (SELECT * by position, INSERT INTO {table} without a column list) must name their \
                 columns first."
            ),
        },
    )?;
    steps.code(
        "use",
        replicated(Reads::New, Shapes::NEW),
        Words {
            title: format!("Read and write {table}.{column}"),
            prevents:
                "Schema and code in one release cannot be rolled back apart: going back with \
                       the code would mean to go back with the schema."
                    .to_owned(),
            way_back: "Roll back to the version before. It does not know the column, and the \
                       column does not mind."
                .to_owned(),
            protects: format!(
                "Versions with and without `{column}` run side by side. Rows that old versions \
                 write have {gets}, and new code must bear that."
            ),
            needs: format!(
                "Read and write `{column}`; treat {gets} as what it is: a row that was written \
                 without it."
            ),
        },
    )?;
    Ok(steps.done())
}

/// Expand; write; backfill; read; require; validate.
pub(crate) fn required(it: Required) -> Result<Vec<Step>, InvalidName> {
    let Required {
        table,
        column,
        expand,
        fill,
        require,
        validate,
    } = it;
    let value = fill.set.values().next().cloned().unwrap_or_default();
    let mut steps = Steps::default();
    steps.database(
        "expand",
        Some((
            [
                SurfaceOperation::Expand {
                    sync: Sync::Backward,
                    filled: false,
                },
                SurfaceOperation::Unexpand,
            ],
            expand,
        )),
        None,
        Words {
            title: format!("Add {table}.{column}, which may be NULL for now"),
            prevents:
                "A column that is NOT NULL from its first moment refuses every insert of every \
                       running version that does not know it, and cannot be added to a table with \
                       rows."
                    .to_owned(),
            way_back: format!("The down script drops `{column}`. Nobody reads it yet."),
            protects: "Old code goes on as it is: its rows have NULL there, and the backfill will \
                       find them."
                .to_owned(),
            needs: format!(
                "Nothing in the code yet. Statements that depend on the number or order of columns \
                 (SELECT * by position, INSERT INTO {table} without a column list) must name their \
                 columns first."
            ),
        },
    )?;
    steps.code(
        "write",
        replicated(Reads::Old, Shapes::NEW),
        Words {
            title: format!("Write {table}.{column} in every statement that makes a row"),
            prevents: "The backfill would never end: rows without a value would go on being made \
                       behind it."
                .to_owned(),
            way_back: "Roll back to the version before. Rows that it writes are NULL there again, \
                       and the backfill finds them."
                .to_owned(),
            protects: format!(
                "Both kinds of version run side by side. Nobody reads `{column}` yet, so it does \
                 not matter that some rows lack it. The backfill waits until no version that leaves \
                 it out runs."
            ),
            needs: format!(
                "Give `{column}` a value in every INSERT, and do not read it yet.\n\nbefore:\n  \
                 INSERT INTO {table} (…) VALUES (…);\nafter:\n  INSERT INTO {table} (…, {column}) \
                 VALUES (…, ?);"
            ),
        },
    )?;
    steps.database(
        "backfill",
        None,
        Some(fill),
        Words {
            title: format!("Give existing rows of {table} their {column}"),
            prevents: format!(
                "Code that relies on `{column}` would meet NULL in every row from before. One UPDATE \
                 of the whole table would hold every row's lock until it is over."
            ),
            way_back: "The rows that the backfill changed are kept in a list, and get NULL again \
                       where nobody has changed them since."
                .to_owned(),
            protects: format!(
                "Every row has a value, in small transactions beside the application's own. Rows \
                 that have a value already keep it; the others get `{value}`."
            ),
            needs: String::new(),
        },
    )?;
    steps.code(
        "read",
        replicated(Reads::New, Shapes::NEW),
        Words {
            title: format!("Read {table}.{column}"),
            prevents: "A version that reads the column beside a version that leaves it out would \
                       meet rows without a value."
                .to_owned(),
            way_back: "Roll back to the version before, which writes the column and does not read \
                       it."
            .to_owned(),
            protects: format!(
                "Every version that runs or may come back writes `{column}`, so every row that is \
                 read has it."
            ),
            needs: format!("Use `{column}`, and rely on it being there."),
        },
    )?;
    let two = validate.is_some();
    steps.database(
        "require",
        Some((
            [
                SurfaceOperation::Contract,
                SurfaceOperation::Uncontract { sync: Sync::Backward, partial: false },
            ],
            require,
        )),
        None,
        Words {
            title: format!("Refuse rows of {table} without {column}"),
            prevents: format!(
                "Without it the next bug writes a row without `{column}`, and nobody notices. Done \
                 too early, it refuses every insert of a version that does not know the column, a \
                 rolled-back one included."
            ),
            way_back: "The down script lifts the requirement. No row is touched.".to_owned(),
            protects: if two {
                "New rows are held to it from this moment; the rows that are there are looked at in \
                 the next step, so that this one takes its lock only for a moment."
                    .to_owned()
            } else {
                "Every row is looked at and every new one held to it.".to_owned()
            },
            needs: String::new(),
        },
    )?;
    if let Some(validate) = validate {
        not_null(&mut steps, &table, &column, validate)?;
    }
    Ok(steps.done())
}

/// Validate; finish.
pub(super) fn not_null(
    steps: &mut Steps,
    table: &str,
    column: &str,
    [validate, finish]: [Sql; 2],
) -> Result<(), InvalidName> {
    let means = [SurfaceOperation::Prepare, SurfaceOperation::Unprepare];
    steps.database(
        "validate",
        Some((means, validate)),
        None,
        Words {
            title: format!("Prove that every row of {table} has {column}"),
            prevents:
                "SET NOT NULL by itself reads the whole table while nobody else can touch it."
                    .to_owned(),
            way_back: "The down script goes back to a rule for new rows only.".to_owned(),
            protects: "The rows are read while readers and writers go on.".to_owned(),
            needs: String::new(),
        },
    )?;
    steps.database(
        "finish",
        Some((means, finish)),
        None,
        Words {
            title: format!("Make {table}.{column} NOT NULL"),
            prevents:
                "A helper constraint in place of NOT NULL stays for ever, and tools that read \
                       the schema take the column for one that may be NULL."
                    .to_owned(),
            way_back: "The down script goes back to the proved rule of the step before.".to_owned(),
            protects:
                "The proof of the step before lets SET NOT NULL do without a look at the rows, \
                       so the lock is held for a moment."
                    .to_owned(),
            needs: String::new(),
        },
    )
}
