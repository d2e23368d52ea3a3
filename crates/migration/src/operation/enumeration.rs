//! Values that a column takes: a new one, and one that goes.

use switchback_model::{InvalidName, Shape, Shapes, SurfaceOperation, Sync};

use super::{Sql, Steps, Words, tagged};
use crate::definition::{Step, StepFill};

/// A value that is added.
#[derive(Debug)]
pub struct Added {
    /// The column, for people.
    pub column: String,
    /// The value, for people.
    pub value: String,
    /// Lets the database take it.
    pub expand: Sql,
    /// Proves it for the rows that are there, where that is a step of its own.
    pub validate: Option<Sql>,
    /// What rows that have it get on the way back, for people; none where none may have it then.
    pub fallback: Option<String>,
    /// Nothing up; down it sees to it that no row has it.
    pub clear: Sql,
}

/// A value that goes.
#[derive(Debug)]
pub struct Removed {
    /// The column, for people.
    pub column: String,
    /// The value, for people.
    pub value: String,
    /// Gives the rows that have it another value.
    pub fill: StepFill,
    /// Lets the database take it no more.
    pub contract: Sql,
    /// Proves it for the rows that are there, where that is a step of its own.
    pub validate: Option<Sql>,
}

fn validation(steps: &mut Steps, column: &str, validate: Sql) -> Result<(), InvalidName> {
    steps.database(
        "validate",
        Some((
            [SurfaceOperation::Prepare, SurfaceOperation::Unprepare],
            validate,
        )),
        None,
        Words {
            title: format!("Prove that every row has a value that {column} takes"),
            prevents: "A rule that is not proved for every row is one that nobody may rely on."
                .to_owned(),
            way_back: "The down script goes back to a rule for new rows only.".to_owned(),
            protects: "The rows are read while readers and writers go on.".to_owned(),
            needs: String::new(),
        },
    )
}

/// Expand; accept; clear; emit.
pub(crate) fn added(it: Added) -> Result<Vec<Step>, InvalidName> {
    let Added {
        column,
        value,
        expand,
        validate,
        fallback,
        clear,
    } = it;
    let mut steps = Steps::default();
    steps.database(
        "expand",
        Some((
            [
                SurfaceOperation::Expand {
                    sync: Sync::None,
                    filled: false,
                },
                SurfaceOperation::Unexpand,
            ],
            expand,
        )),
        None,
        Words {
            title: format!("Let {column} take '{value}'"),
            prevents: format!("Code that writes '{value}' would be refused by the database."),
            way_back: format!(
                "The down script takes '{value}' off the list. It is admitted only while no row can \
                 have it."
            ),
            protects: "Nobody writes the value yet, and no reader meets it.".to_owned(),
            needs: String::new(),
        },
    )?;
    if let Some(validate) = validate {
        validation(&mut steps, &column, validate)?;
    }
    steps.code(
        "accept",
        tagged(Shapes::BOTH, Shapes::OLD),
        Words {
            title: format!("Understand '{value}' wherever {column} is read"),
            prevents: format!(
                "The first row with '{value}' would meet code that has no branch for it: an \
                 exception in one place, a wrong default in another."
            ),
            way_back: "Roll back to the version before: no row has the value yet.".to_owned(),
            protects: "Every consumer, jobs and reports included, learns the value before anybody \
                       writes it."
                .to_owned(),
            needs: format!("Handle '{value}' in every place that reads {column}; do not write it."),
        },
    )?;
    steps.database(
        "clear",
        Some((
            [
                SurfaceOperation::Prepare,
                SurfaceOperation::Drain { shape: Shape::New },
            ],
            clear,
        )),
        None,
        Words {
            title: format!("Settle what becomes of rows with '{value}' on the way back"),
            prevents: format!(
                "Whoever walks the change back would meet rows with '{value}' that no code \
                 understands and no list has."
            ),
            way_back: match &fallback {
                Some(fallback) => format!(
                    "The down script gives rows that have '{value}' the value '{fallback}' instead."
                ),
                None => format!(
                    "The down script fails while rows have '{value}'; nobody has said what they \
                     should get instead."
                ),
            },
            protects: "Going up it does nothing.".to_owned(),
            needs: String::new(),
        },
    )?;
    steps.code(
        "emit",
        tagged(Shapes::BOTH, Shapes::BOTH),
        Words {
            title: format!("Write '{value}' to {column}"),
            prevents:
                "A version that does not understand the value, running beside or rolled back \
                       to, would meet rows that have it."
                    .to_owned(),
            way_back: "Roll back to the version before, which understands the value and does not \
                       write it."
                .to_owned(),
            protects:
                "It is admitted only when every version that runs or may come back understands \
                       the value."
                    .to_owned(),
            needs: format!("Write '{value}' where it belongs."),
        },
    )?;
    Ok(steps.done())
}

/// Stop; replace; contract.
pub(crate) fn removed(it: Removed) -> Result<Vec<Step>, InvalidName> {
    let Removed {
        column,
        value,
        fill,
        contract,
        validate,
    } = it;
    let mut steps = Steps::default();
    steps.code(
        "stop",
        tagged(Shapes::BOTH, Shapes::NEW),
        Words {
            title: format!("Write '{value}' to {column} no more"),
            prevents: format!(
                "The database would refuse the statements of code that still writes '{value}'."
            ),
            way_back: "Roll back to the version before; the database still takes the value."
                .to_owned(),
            protects: format!("Rows that have '{value}' are still there, and still understood."),
            needs: format!("Write another value instead of '{value}'; go on reading it."),
        },
    )?;
    steps.database(
        "replace",
        None,
        Some(fill),
        Words {
            title: format!("Give the rows of {column} that have '{value}' another value"),
            prevents: "The value cannot go while rows have it.".to_owned(),
            way_back: "The former values are kept for each changed row, and are put back where \
                       nobody has changed it since."
                .to_owned(),
            protects: "Nobody writes the value any more, so once replaced it stays away."
                .to_owned(),
            needs: String::new(),
        },
    )?;
    steps.database(
        "contract",
        Some((
            [
                SurfaceOperation::Contract,
                SurfaceOperation::Uncontract {
                    sync: Sync::None,
                    partial: false,
                },
            ],
            contract,
        )),
        None,
        Words {
            title: format!("Let {column} take '{value}' no more"),
            prevents: "Without it the next bug writes the value again. Done too early, it refuses \
                       the writes of a version that still writes it."
                .to_owned(),
            way_back: format!("The down script lets the database take '{value}' again."),
            protects:
                "It is admitted only when no row has the value and no version that writes it \
                       runs or may come back."
                    .to_owned(),
            needs: String::new(),
        },
    )?;
    if let Some(validate) = validate {
        validation(&mut steps, &column, validate)?;
    }
    Ok(steps.done())
}
