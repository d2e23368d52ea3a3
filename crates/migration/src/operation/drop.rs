//! Taking a column or a table away, kept aside until nobody will want it back.

use switchback_model::{InvalidName, Reads, Shapes, SurfaceOperation, Sync};

use super::{Sql, Steps, Words, replicated};
use crate::definition::Step;

/// What goes.
#[derive(Debug)]
pub struct Dropped {
    /// What goes, for people: `users.fax`, `the table faxes`.
    pub what: String,
    /// What statements must not name any more, for people: `fax`.
    pub name: String,
    /// What old code finds in rows that were written without it, for people; none where it finds
    /// no rows at all.
    pub without: Option<String>,
    /// Lets code leave it out; where nothing stands in the way, SQL that does nothing.
    pub relax: Sql,
    /// What `relax` does, for people; empty where it does nothing.
    pub relaxed: String,
    /// Takes it out of everybody's way, and keeps it.
    pub contract: Sql,
    /// Where it is kept, for people.
    pub archive: String,
}

/// Relax; stop reads; stop writes; contract.
pub(crate) fn dropped(it: Dropped) -> Result<Vec<Step>, InvalidName> {
    let Dropped {
        what,
        name,
        without,
        relax,
        relaxed,
        contract,
        archive,
    } = it;
    let mut steps = Steps::default();
    let nothing = relaxed.is_empty();
    let sync = if without.is_some() {
        Sync::Both
    } else {
        Sync::Forward
    };
    let meanwhile = without.as_ref().map_or_else(
        || "What is written from here on is not in it.".to_owned(),
        |without| format!("Rows that are written from here on have {without} there."),
    );
    steps.database(
        "relax",
        Some((
            [
                SurfaceOperation::Expand { sync, filled: true },
                SurfaceOperation::Unexpand,
            ],
            relax,
        )),
        None,
        Words {
            title: format!("Let code leave out {what}"),
            prevents: format!(
                "A version that no longer writes `{name}` would be refused by the database for as \
                 long as the database demands it."
            ),
            way_back: "The down script demands it again.".to_owned(),
            protects: if nothing {
                "The database demands nothing here, so there is nothing to do; the step marks where \
                 the way begins."
                    .to_owned()
            } else {
                format!("{relaxed} Old code goes on as it is.")
            },
            needs: String::new(),
        },
    )?;
    steps.code(
        "stop-reads",
        replicated(Reads::New, Shapes::OLD),
        Words {
            title: format!("Read {what} no more"),
            prevents: format!(
                "If reads and writes ended in one release, going back from it would mean to read \
                 `{name}` at a moment when it may have stopped being written."
            ),
            way_back: "Roll back to the version before: it is still being written.".to_owned(),
            protects: format!(
                "`{name}` is written as before, so every earlier version that reads it can come \
                 back."
            ),
            needs: format!(
                "Remove `{name}` from select lists, conditions, joins and ordering; name columns \
                 instead of SELECT *; leave writes as they are."
            ),
        },
    )?;
    steps.code(
        "stop-writes",
        replicated(Reads::New, Shapes::NEW),
        Words {
            title: format!("Write {what} no more"),
            prevents: format!(
                "While any code still names `{name}`, the contract would break its next statement."
            ),
            way_back: "Roll back to the version before, which does not read it.".to_owned(),
            protects: format!("No statement of this version names `{name}`. {meanwhile}"),
            needs: format!(
                "Remove `{name}` from every statement: not an ORM's model, not a report, not a \
                 fixture may name it."
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
                    partial: without.is_none(),
                },
            ],
            contract,
        )),
        None,
        Words {
            title: format!("Take {what} out of the schema"),
            prevents: format!(
                "Done too early, this breaks every version that says `{name}`, a rolled-back one \
                 included; a plain DROP would also destroy what it holds."
            ),
            way_back: format!("The down script takes it back out of {archive}, with every value."),
            protects: format!(
                "Nobody can name it any more, and nothing is destroyed: it is kept as {archive} \
                 until you ask for `switchback change purge`."
            ),
            needs: String::new(),
        },
    )?;
    Ok(steps.done())
}
