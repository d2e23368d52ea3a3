//! The definition of a change: the folder `changes/<id>/` as a value.
//!
//! The folder holds `change.toml` and two SQL files for each step that runs SQL. [`Definition`] is
//! read from those files and written to them, without a file system: both ends are maps from file
//! name to content. What comes back is exactly what was written.
//!
//! Deliberately absent: defaults. A definition says everything that it means, so that reading it
//! needs no second document and a later version of Switchback cannot change what it means.

mod kept;
mod parse;
mod print;

use std::collections::BTreeMap;

use serde::Serialize;
use switchback_model::plan::Run;
use switchback_model::{
    ChangeId, CodeStep, Digest, Kind, Reads, Selectable, Shapes, Stance, StepName, SurfaceOperation,
};

use crate::engine::Engine;

pub use kept::Kept;
pub use parse::DefinitionError;

/// The version of the stored form.
pub const CHANGE_SCHEMA: &str = "switchback.change/v1";

/// The name of the file that holds everything but the SQL.
pub const CHANGE_FILE: &str = "change.toml";

/// The name of code step 0: the code from before the change.
pub const CODE_BEFORE: &str = "old";

/// A change of something that old and new code share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// The change, and the name of its folder.
    pub id: ChangeId,
    /// One line for people.
    pub title: String,
    /// What kind of change it is.
    pub operation: Operation,
    /// The engine that its SQL is for.
    pub engine: Engine,
    /// The code step that the code of this commit is at.
    ///
    /// It moves from commit to commit, so it is no part of the change's identity.
    #[serde(skip)]
    pub code: StepName,
    /// What changes.
    pub surface: Surface,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// What kind of change it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Operation {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Operation] = &[$(Operation::$name,)+];

            /// The word for files and commands: `rename-column`.
            pub const fn word(self) -> &'static str {
                match self { $(Operation::$name => $word,)+ }
            }
        }
    };
}

operations! {
    /// A column is added that code may leave out.
    AddColumn = "add-column",
    /// A column is added that every row must have.
    AddRequiredColumn = "add-required-column",
    /// A column gets another name.
    RenameColumn = "rename-column",
    /// A column becomes several.
    SplitColumn = "split-column",
    /// Several columns become one.
    MergeColumns = "merge-columns",
    /// A table's columns move to another table.
    MergeTables = "merge-tables",
    /// A column gets another type, under another name.
    ChangeType = "change-type",
    /// Values are added to those that a column takes, or taken away.
    ChangeEnum = "change-enum",
    /// An index is added.
    AddIndex = "add-index",
    /// A constraint is added: a check, uniqueness, NOT NULL.
    AddConstraint = "add-constraint",
    /// A foreign key is added.
    AddForeignKey = "add-foreign-key",
    /// A column goes.
    DropColumn = "drop-column",
    /// A table goes.
    DropTable = "drop-table",
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Surface {
    /// Whether one fact may be stored in both shapes.
    pub kind: Kind,
    /// The table.
    pub table: String,
    /// Other tables that it touches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The columns that are the old shape; none where it is the table without something.
    pub old: Columns,
    /// The columns that are the new shape; none where it is the table without something.
    pub new: Columns,
    /// How code from before the change stands towards it, where that is not by the old shape alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Stance>,
}

/// The columns of a shape: in files one name, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(from = "OneOrMany", into = "Vec<String>")]
pub struct Columns(pub Vec<String>);

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Columns {
    fn from(text: OneOrMany) -> Self {
        match text {
            OneOrMany::One(column) => Columns(vec![column]),
            OneOrMany::Many(columns) => Columns(columns),
        }
    }
}

impl From<Columns> for Vec<String> {
    fn from(columns: Columns) -> Self {
        columns.0
    }
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name, such as `expand`.
    pub name: StepName,
    /// One line for people.
    pub title: String,
    /// What is done.
    pub work: Work,
    /// The outage that the step prevents.
    pub prevents: String,
    /// How the step is walked back.
    pub way_back: String,
    /// What the time between this step and the next one protects.
    pub protects: String,
    /// What somebody must do for this step, with an example; empty where nobody must do anything.
    pub needs: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Work {
    /// The code changes; the database does not.
    Code {
        /// How the code stands towards the surface from this step on.
        stance: Selectable,
    },
    /// The database changes; the code does not.
    Database {
        /// The SQL, where there is any.
        script: Option<StepScript>,
        /// The copy of existing rows that follows, where there is one.
        fill: Option<StepFill>,
    },
}

/// The SQL of a step, both ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepScript {
    /// What running it means to the interlock.
    pub action: SurfaceOperation,
    /// What taking it back means.
    pub undo: SurfaceOperation,
    /// The SQL that does it.
    pub up: SqlFile,
    /// The SQL that takes it back.
    pub down: SqlFile,
    /// How both are run.
    pub run: Run,
}

/// A file of SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SqlFile {
    /// The file's name inside the change's folder.
    pub name: String,
    /// Its content.
    pub sql: String,
}

/// Values that existing rows get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StepFill {
    /// The table.
    pub table: String,
    /// What each column gets where it differs: an SQL expression over the same row.
    pub set: BTreeMap<String, String>,
    /// Which rows get it, as an SQL condition; all where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Rows in the first batch; later ones are sized by time.
    pub batch_rows: u32,
    /// Whether the former values are kept, so that the fill is a step that can be taken back by
    /// itself. Where it is not, the way back of the step's SQL takes it back.
    pub keep_undo: bool,
}

impl StepFill {
    /// Whether rows get no other values, but are written for what the table's triggers do then: each
    /// column gets itself. Which rows lack that is what `only` says.
    pub fn touches(&self, engine: Engine) -> bool {
        self.set
            .iter()
            .all(|(column, value)| *value == sql_name(engine, column))
    }
}

/// A name as it stands in the SQL of an engine.
pub(crate) fn sql_name(engine: Engine, column: &str) -> String {
    match engine {
        Engine::Sqlite => crate::sqlite::text::name(column),
        Engine::Postgres | Engine::Mysql => crate::postgres::name(column),
    }
}

impl Definition {
    /// The table that the contract takes away, or that has the columns that it takes away, as the
    /// definition names it.
    pub fn old_table(&self) -> &str {
        match self.operation {
            Operation::MergeTables => self.surface.also.first(),
            _ => None,
        }
        .unwrap_or(&self.surface.table)
    }

    /// Whether the contract takes a whole table away.
    pub fn takes_table(&self) -> bool {
        matches!(
            self.operation,
            Operation::DropTable | Operation::MergeTables
        )
    }

    /// What two changes are both about, for people: `users.state`. Only one of them may be on its way at
    /// a time, because each is planned on the shape that the other one changes.
    pub fn shared_with(&self, other: &Self) -> Option<String> {
        let same = |one: &str, two: &str| one.eq_ignore_ascii_case(two);
        if self.takes_table() || other.takes_table() {
            let theirs = |it: &&String| other.tables().any(|table| same(it, table));
            return self.tables().find(theirs).cloned();
        }
        let table = &self.surface.table;
        let theirs = |it: &&String| other.columns().any(|column| same(it, column));
        let column = self.columns().find(theirs)?;
        same(table, &other.surface.table).then(|| format!("{table}.{column}"))
    }

    fn tables(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.surface.table).chain(&self.surface.also)
    }

    fn columns(&self) -> impl Iterator<Item = &String> {
        self.surface.old.0.iter().chain(&self.surface.new.0)
    }

    /// Reads a definition from the text of `change.toml` and the other files of its folder.
    ///
    /// # Errors
    /// If the text is not a definition of this version, with the line and the reason.
    pub fn parse(text: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<Self, DefinitionError> {
        parse::parse(text, files)
    }

    /// The files of the change's folder: `change.toml` and the SQL.
    pub fn render(&self) -> BTreeMap<String, Vec<u8>> {
        print::render(self)
    }

    /// The code steps in order; the first is the code from before the change.
    pub fn code_steps(&self) -> Vec<CodeStep> {
        let before = StepName::new(CODE_BEFORE).map(|name| (name, self.stance_before().into()));
        let later = self.steps.iter().filter_map(|step| match &step.work {
            Work::Code { stance } => Some((step.name.clone(), stance.clone())),
            Work::Database { .. } => None,
        });
        (0..)
            .zip(before.into_iter().chain(later))
            .map(|(position, (name, stance))| CodeStep {
                name,
                position,
                stance,
            })
            .collect()
    }

    /// The code step that the code of this commit is at.
    pub fn code_step(&self) -> Option<CodeStep> {
        self.code_steps()
            .into_iter()
            .find(|step| step.name == self.code)
    }

    fn stance_before(&self) -> Stance {
        if let Some(stance) = self.surface.before {
            return stance;
        }
        match self.surface.kind {
            Kind::Replicated => Stance::Replicated {
                reads: Reads::Old,
                writes: Shapes::OLD,
            },
            Kind::Tagged | Kind::Listed => Stance::Tagged {
                accepts: Shapes::OLD,
                emits: Shapes::OLD,
            },
        }
    }

    /// The step with this name.
    pub fn step(&self, name: &StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == *name)
    }

    /// The change's identity: everything, the SQL included, except the code step.
    ///
    /// Moving the code step is how a change is walked and no drift; editing SQL or texts after the
    /// change was opened is drift.
    ///
    /// # Errors
    /// Never for a definition that was parsed or planned; see [`Digest::of_json`].
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Digest::of_json(&(CHANGE_SCHEMA, self))
    }

    /// The prefix of the names of every trigger and index that the change makes.
    pub fn prefix(&self) -> String {
        prefix(&self.id)
    }
}

/// What the names of everything that changes make begin with.
pub const MADE: &str = "sb_";

/// The prefix of the names of every trigger and index that a change makes.
///
/// At most 45 bytes, because PostgreSQL cuts a name after 63.
pub fn prefix(change: &ChangeId) -> String {
    let id = change.as_str();
    if id.len() <= LONGEST_IN_PREFIX {
        return format!("{MADE}{id}_");
    }
    // An id is ASCII, so it can be cut anywhere.
    let start = &id[..LONGEST_IN_PREFIX - 9];
    let digest = Digest::of(id.as_bytes()).hex();
    format!("{MADE}{start}-{}_", &digest[..8])
}

const LONGEST_IN_PREFIX: usize = 41;

#[cfg(test)]
mod tests;
