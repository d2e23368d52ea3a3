//! Columns that move to other columns: a split, a merge, another type, another name, another table.
//!
//! Both shapes are there for a while. The database keeps them in step by triggers, in both
//! directions where the values can be computed back, else only from old to new.

use switchback_model::{InvalidName, Reads, Shapes, SurfaceOperation, Sync};

use super::{Sql, Steps, Words, replicated};
use crate::definition::{Step, StepFill};

/// Columns and those that they move to.
#[derive(Debug)]
pub struct Move {
    /// What is done, for people: `Split users.full_name into first_name and last_name`.
    pub title: String,
    /// The old columns, for people: `users.full_name`.
    pub old: String,
    /// The new columns, for people: `users.first_name and users.last_name`.
    pub new: String,
    /// Whether a write to the new columns reaches the old ones.
    pub back: bool,
    /// Adds the new columns and what keeps them in step.
    pub expand: Sql,
    /// Gives them their values in existing rows.
    pub fill: StepFill,
    /// Builds their indexes, beside writers.
    pub indexes: Option<Sql>,
    /// Holds new rows to the constraints of the new columns.
    pub constrain: Option<Sql>,
    /// Proves the constraints for the rows that are there.
    pub validate: Option<Sql>,
    /// Takes the old columns out of everybody's way.
    pub contract: Sql,
    /// What else code must have done before the new columns are there, for people; often nothing.
    pub first: String,
    /// What else holds of rows while both shapes are there, for people; often nothing.
    pub meanwhile: String,
    /// What else code that writes only the new columns must heed, for people; often nothing.
    pub beware: String,
    /// What the contract does, for people.
    pub contracted: String,
    /// What its way back does, for people.
    pub contracted_back: String,
}

/// Expand; indexes; constraints; switch reads; stop old writes; contract.
pub(crate) fn moved(it: Move) -> Result<Vec<Step>, InvalidName> {
    let Move {
        title,
        old,
        new,
        back,
        expand,
        fill,
        indexes,
        constrain,
        validate,
        contract,
        first,
        meanwhile,
        beware,
        contracted,
        contracted_back,
    } = it;
    let sync = if back { Sync::Both } else { Sync::Forward };
    let mut steps = Steps::default();
    let both = if back {
        "a write to either reaches the other in the same statement"
    } else {
        "a write to the old columns reaches the new ones in the same statement"
    };
    steps.database(
        "expand",
        Some((
            [
                SurfaceOperation::Expand {
                    sync,
                    filled: false,
                },
                SurfaceOperation::Unexpand,
            ],
            expand,
        )),
        Some(fill),
        Words {
            title: format!("{title}: add {new}, kept in step by triggers"),
            prevents: format!(
                "Code that reads {new} meets a database without it. Changing {old} in one go breaks \
                 every running instance that knows only that, and every rollback to one."
            ),
            way_back: format!(
                "The down script drops the triggers and {new}. {old} holds every value at all times."
            ),
            protects: format!(
                "From here to the contract both shapes are there and {both}. The trigger leaves \
                 alone what agrees already, and so the rows that the backfill writes.{meanwhile}"
            ),
            needs: format!(
                "Nothing in the code: code from before the change goes on as it is. Statements \
                 that depend on the number or order of columns must name their columns first.{first}"
            ),
        },
    )?;
    let mut prepare = |name: &str, sql: Option<Sql>, words: Words| {
        sql.map_or(Ok(()), |sql| {
            let means = [SurfaceOperation::Prepare, SurfaceOperation::Unprepare];
            steps.database(name, Some((means, sql)), None, words)
        })
    };
    prepare(
        "indexes",
        indexes,
        Words {
            title: format!("Build the indexes of {new}, beside writers"),
            prevents: format!(
                "Queries move to {new} in the next release, and without its indexes each of them \
                 reads the whole table."
            ),
            way_back: "The down script drops the indexes.".to_owned(),
            protects: "Nobody reads the new columns yet, so nothing waits for an index.".to_owned(),
            needs: String::new(),
        },
    )?;
    prepare(
        "constrain",
        constrain,
        Words {
            title: format!("Hold {new} to the rules that {old} obeys"),
            prevents: "The rules of the old columns would be gone after the contract.".to_owned(),
            way_back: "The down script lifts them.".to_owned(),
            protects:
                "New rows are held to them from this moment; rows that are there are proved in \
                       the next step."
                    .to_owned(),
            needs: String::new(),
        },
    )?;
    prepare(
        "validate",
        validate,
        Words {
            title: format!("Prove that every row obeys the rules of {new}"),
            prevents: "A rule that is not proved for every row is one that nobody may rely on."
                .to_owned(),
            way_back: "The down script goes back to rules for new rows only.".to_owned(),
            protects: "The rows are read while readers and writers go on.".to_owned(),
            needs: String::new(),
        },
    )?;
    steps.code(
        "switch-reads",
        replicated(
            Reads::New,
            if back { Shapes::OLD } else { Shapes::BOTH },
        ),
        Words {
            title: format!("Read {new} instead of {old}"),
            prevents: format!(
                "If reads and writes moved in one release, going back from it would mean to read \
                 {old} again at the moment when it may have stopped being written."
            ),
            way_back: format!("Roll back to the version before: {old} is as fresh as {new}."),
            protects: format!(
                "Both shapes are complete and fresh, so that versions that read either one run side \
                 by side. {old} must stay until no version that reads it runs or may come back."
            ),
            needs: if back {
                format!("Use {new} wherever {old} is read; go on writing {old}.")
            } else {
                format!(
                    "Use {new} wherever {old} is read, and write both: the values of {new} cannot be \
                     computed back."
                )
            },
        },
    )?;
    steps.code(
        "stop-old-writes",
        replicated(Reads::New, Shapes::NEW),
        Words {
            title: format!("Write only {new}"),
            prevents: format!(
                "While any code still names {old}, the contract would break its next statement."
            ),
            way_back: format!("Roll back to the version before, which reads {new} too."),
            protects: format!(
                "No statement of this version names {old} any more. The contract waits until every \
                 version that does is gone and can no longer come back."
            ),
            needs: format!(
                "Remove {old} from every statement: not an ORM's model, not a report, not a fixture \
                 may name it.{beware}"
            ),
        },
    )?;
    steps.database(
        "contract",
        Some((
            [
                SurfaceOperation::Contract,
                SurfaceOperation::Uncontract {
                    sync,
                    partial: !back,
                },
            ],
            contract,
        )),
        None,
        Words {
            title: format!("Leave only {new}"),
            prevents: format!(
                "Two places for one fact stay for ever, and somebody fixes a bug in the wrong one. \
                 Done too early, this step breaks every version that says {old}."
            ),
            way_back: contracted_back,
            protects: contracted,
            needs: String::new(),
        },
    )?;
    Ok(steps.done())
}
