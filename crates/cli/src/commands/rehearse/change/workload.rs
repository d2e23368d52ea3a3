//! The application's own statements: from a file, and from what a server counted.

use switchback_db::postgres::statements::{Executed, executed};
use switchback_migration::reads::guard::Unseen;
use switchback_migration::workload::own::executed::{Taken, take};
use switchback_migration::workload::own::{Code, Own, read};
use switchback_migration::{Definition, Engine};

use super::OnChange;
use crate::errors::{self, Failure};
use crate::files;
use crate::shell::Shell;

/// What is played beside the statements that are derived from the change.
pub(super) struct Statements {
    /// All of them.
    pub(super) all: Vec<Own>,
    /// What a server counted, where one was asked.
    pub(super) counted: Option<Counted>,
}

/// What a server counted.
pub(super) struct Counted {
    /// The variable with the URL of the database.
    pub(super) variable: String,
    /// What can be played of it.
    pub(super) taken: Taken,
    /// What the database cannot or may not say.
    pub(super) unseen: Vec<Unseen>,
}

impl Statements {
    /// Reads the file and asks the server, as far as that was wished for.
    ///
    /// # Errors
    /// If one of them gives nothing that can be played.
    pub(super) fn of(
        wanted: &OnChange,
        definition: &Definition,
        shell: &Shell,
    ) -> Result<Self, Failure> {
        let mut all = from_file(wanted, definition, shell)?;
        let counted = from_server(wanted, definition, shell)?;
        if let Some(counted) = &counted {
            let own = counted.taken.all.iter().map(|(_, own)| own.clone());
            all.extend(own);
        }
        Ok(Self { all, counted })
    }
}

fn from_file(
    wanted: &OnChange,
    definition: &Definition,
    shell: &Shell,
) -> Result<Vec<Own>, Failure> {
    let Some(path) = &wanted.workload else {
        return Ok(Vec::new());
    };
    let text = files::read(&shell.folder.join(path))?;
    let own = read(&text, definition.engine)
        .map_err(|error| errors::no_workload(&definition.id, path, &error.to_string()))?;
    let steps = || definition.steps.iter().map(|it| it.name.as_str());
    for one in &own {
        if let Code::Step(step) = &one.code
            && !steps().any(|it| it == step)
        {
            let why = format!("`{}` is of the code `{step}`, which is no step", one.name);
            return Err(errors::no_workload(&definition.id, path, &why));
        }
    }
    Ok(own)
}

fn from_server(
    wanted: &OnChange,
    definition: &Definition,
    shell: &Shell,
) -> Result<Option<Counted>, Failure> {
    let Some(variable) = &wanted.workload_from else {
        return Ok(None);
    };
    if definition.engine != Engine::Postgres {
        return Err(errors::only_on("--workload-from", Engine::Postgres));
    }
    let url = shell.variables.get(variable).ok_or_else(|| {
        let because = "--workload-from says that it holds the URL of a database";
        errors::variable_needed(variable, because)
    })?;
    let Executed { entries, unseen } =
        executed(url).map_err(|error| errors::not_asked(variable, &error))?;
    let counted = Counted {
        variable: variable.clone(),
        taken: take(definition, &entries.unwrap_or_default()),
        unseen,
    };
    if counted.taken.all.is_empty() {
        let Counted { taken, unseen, .. } = &counted;
        return Err(errors::nothing_executed(
            &definition.id,
            variable,
            taken,
            unseen,
        ));
    }
    Ok(Some(counted))
}
