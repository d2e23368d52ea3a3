//! Holding rows to a rule that some of them, and some code, may break: a check, NOT NULL,
//! uniqueness, a foreign key. And an index, which holds nobody to anything.

use switchback_model::plan::Run;
use switchback_model::{InvalidName, Shapes, SurfaceOperation, Sync};

use super::{Sql, Steps, Words, tagged};
use crate::definition::{Step, StepFill};

/// A rule for the rows of a table.
#[derive(Debug)]
pub struct Rule {
    /// The rule, for people: `orders.amount > 0`.
    pub rule: String,
    /// The table, for people.
    pub table: String,
    /// Mends the rows that break it, where the user said how.
    pub mend: Option<StepFill>,
    /// Fails if rows break it.
    pub verify: Sql,
    /// Builds what the rule needs, where that is a step of its own.
    pub build: Option<Sql>,
    /// Holds new rows to it.
    pub require: Sql,
    /// Proves it for the rows that are there, where that is a step of its own.
    pub validate: Option<Sql>,
    /// Where the rule is that a column is not null: the column, for people, and what has the
    /// database say so in the column itself.
    pub finish: Option<(String, Sql)>,
}

/// An index.
#[derive(Debug)]
pub struct Indexed {
    /// The index, for people.
    pub index: String,
    /// The table, for people.
    pub table: String,
    /// Builds it.
    pub build: Sql,
}

/// The stance of code from before: its rows may obey or not.
pub(crate) const BEFORE: switchback_model::Stance = tagged(Shapes::BOTH, Shapes::BOTH);

/// Obey; mend; verify; require; validate.
pub(crate) fn rule(it: Rule) -> Result<Vec<Step>, InvalidName> {
    let Rule {
        rule,
        table,
        mend,
        verify,
        build,
        require,
        validate,
        finish,
    } = it;
    let mut steps = Steps::default();
    steps.code(
        "obey",
        tagged(Shapes::BOTH, Shapes::NEW),
        Words {
            title: format!("Write only rows of {table} that obey {rule}"),
            prevents: "The database would refuse the statements of running code, and of every \
                       version that somebody rolls back to."
                .to_owned(),
            way_back: "Roll back to the version before; the database does not demand it yet."
                .to_owned(),
            protects: "Rows that break the rule are still read and still allowed, so versions on \
                       both sides of this one run side by side."
                .to_owned(),
            needs: format!(
                "See to it that every INSERT and UPDATE of {table} obeys {rule}, and that rows that \
                 do not are still read without harm. Bulk loads, scripts and jobs count as code."
            ),
        },
    )?;
    if let Some(mend) = mend {
        steps.database(
            "mend",
            None,
            Some(mend),
            Words {
                title: format!("Mend the rows of {table} that break {rule}"),
                prevents:
                    "The rule cannot hold while rows break it, and one UPDATE of all of them \
                           would hold their locks until it is over."
                        .to_owned(),
                way_back:
                    "The former values are kept for each changed row, and are put back where \
                           nobody has changed it since."
                        .to_owned(),
                protects: "Nobody writes such rows any more, so once mended they stay mended."
                    .to_owned(),
                needs: String::new(),
            },
        )?;
    }
    let old = switchback_model::Shape::Old;
    steps.database(
        "verify",
        Some((
            [
                SurfaceOperation::Drain { shape: old },
                SurfaceOperation::Unfill,
            ],
            verify,
        )),
        None,
        Words {
            title: format!("Check that every row of {table} obeys {rule}"),
            prevents:
                "The rule would be refused half way, or rows that break it would be locked in: \
                       every later UPDATE of such a row fails, whatever it changes."
                    .to_owned(),
            way_back: "Nothing was changed.".to_owned(),
            protects: "It only reads, and fails with the number of rows that break the rule."
                .to_owned(),
            needs: String::new(),
        },
    )?;
    if let Some(build) = build {
        let beside = if build.run == Run::Statements {
            ", beside writers"
        } else {
            ""
        };
        steps.database(
            "build",
            Some((
                [SurfaceOperation::Prepare, SurfaceOperation::Unprepare],
                build,
            )),
            None,
            Words {
                title: format!("Build the index that {rule} needs{beside}"),
                prevents: "Without it each DELETE of a row that is pointed to reads the whole of \
                           the table that points."
                    .to_owned(),
                way_back: format!("The down script drops the index{beside}."),
                protects: "No code reads or writes an index, so every version goes on as it is."
                    .to_owned(),
                needs: String::new(),
            },
        )?;
    }
    let rebuilds = require.run == Run::Rebuild;
    steps.database(
        "require",
        Some((
            [
                SurfaceOperation::Contract,
                SurfaceOperation::Uncontract { sync: Sync::None, partial: false },
            ],
            require,
        )),
        None,
        Words {
            title: format!("Hold {table} to {rule}"),
            prevents: "Without it the next bug breaks the rule, and nobody notices. Done too early, \
                       it refuses the writes of a version that does not know the rule."
                .to_owned(),
            way_back: if rebuilds {
                "The down script lifts the rule, by copying every row once more while nobody can \
                 write. No value changes."
                    .to_owned()
            } else {
                "The down script lifts the rule. No row is touched.".to_owned()
            },
            protects: if rebuilds {
                "The table is made again with every row, in one transaction: nobody can write \
                 meanwhile, and if a row breaks the rule, everything is as it was. From then on it \
                 holds on every connection that enforces foreign keys."
                    .to_owned()
            } else if validate.is_some() {
                "New rows are held to it from this moment; the rows that are there are proved in the \
                 next step, so that this one takes its lock only for a moment."
                    .to_owned()
            } else {
                "Every row is held to it from this moment.".to_owned()
            },
            needs: String::new(),
        },
    )?;
    if let (Some(validate), Some((column, finish))) = (&validate, finish) {
        super::add::not_null(&mut steps, &table, &column, [validate.clone(), finish])?;
    } else if let Some(validate) = validate {
        steps.database(
            "validate",
            Some((
                [SurfaceOperation::Prepare, SurfaceOperation::Unprepare],
                validate,
            )),
            None,
            Words {
                title: format!("Prove that every row of {table} obeys {rule}"),
                prevents:
                    "A rule that is not proved for every row is one that nobody, the planner \
                           of queries included, may rely on."
                        .to_owned(),
                way_back: "The down script goes back to a rule for new rows only.".to_owned(),
                protects: "The rows are read while readers and writers go on.".to_owned(),
                needs: String::new(),
            },
        )?;
    }
    Ok(steps.done())
}

/// One step.
pub(crate) fn indexed(it: Indexed) -> Result<Vec<Step>, InvalidName> {
    let Indexed {
        index,
        table,
        build,
    } = it;
    let mut steps = Steps::default();
    steps.database(
        "index",
        Some((
            [SurfaceOperation::Prepare, SurfaceOperation::Unprepare],
            build,
        )),
        None,
        Words {
            title: format!("Build the index {index} on {table}"),
            prevents: "An index that is built in the usual way keeps every writer of the table \
                       waiting until it is built; one that is missing when the code that needs it \
                       goes out turns its queries into scans of the whole table."
                .to_owned(),
            way_back: "The down script drops it.".to_owned(),
            protects:
                "No code reads or writes an index, so every version goes on as it is. Put out \
                       the code that needs it in a later release."
                    .to_owned(),
            needs: String::new(),
        },
    )?;
    Ok(steps.done())
}
