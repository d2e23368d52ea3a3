//! What commands have at hand that need settings.

use std::path::{self, Path, PathBuf};

use switchback_model::{Actor, ComponentName};
use switchback_supply::git::Repository;

use crate::errors::{self, Failure};
use crate::settings::types::{Component, Environment, LedgerStore};
use crate::settings::versions::Platform;
use crate::settings::{self, Loaded, Settings, SettingsError};
use crate::shell::Shell;
use crate::variables::{self, Variables};

/// The folder with what Switchback keeps to itself, beside the settings file.
pub(crate) const STATE: &str = ".switchback";
/// The ledger's signing key in that folder.
pub(crate) const KEY: &str = "ledger.key";

/// Settings, and what follows from them.
pub(crate) struct Context<'a> {
    /// What every command has.
    pub(crate) shell: &'a Shell,
    /// What is set, and where.
    pub(crate) loaded: Loaded,
    /// The folder of the settings file; paths in it are relative to it.
    pub(crate) root: PathBuf,
    /// Who acts.
    pub(crate) actor: Actor,
}

/// Where the ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LedgerPlace {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server. The URL may hold a password.
    Postgresql {
        /// The URL.
        url: String,
    },
}

/// A path as Git names it: from the top of the work tree, with `/` between; empty for the top itself.
/// It need not be there. None where it is outside.
pub(crate) fn path_in(top: &Path, path: &Path) -> Option<String> {
    let real = |path: &Path| path.canonicalize().ok();
    // What a path that is not there is in may be a link.
    let found = path
        .ancestors()
        .find_map(|it| Some((real(it)?, path.strip_prefix(it).ok()?)));
    let whole = found.map_or_else(|| path.to_owned(), |(real, rest)| real.join(rest));
    let top = real(top).unwrap_or_else(|| top.to_owned());
    let name = |part: path::Component<'_>| match part {
        path::Component::Normal(name) => name.to_str().map(str::to_owned),
        _ => None,
    };
    let inside = whole.strip_prefix(&top).ok()?;
    let parts: Vec<String> = inside.components().map(name).collect::<Option<_>>()?;
    Some(parts.join("/"))
}

/// The settings; none if there are none and nobody named some.
pub(crate) fn settings_if_any(shell: &Shell) -> Result<Option<Loaded>, Failure> {
    match settings::load(&shell.folder, shell.settings.as_deref()) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(SettingsError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl<'a> Context<'a> {
    /// Loads the settings.
    pub(crate) fn load(shell: &'a Shell) -> Result<Self, Failure> {
        let loaded = settings::load(&shell.folder, shell.settings.as_deref())?;
        let root = loaded
            .source
            .path
            .parent()
            .unwrap_or(&shell.folder)
            .to_owned();
        let actor = actor(&shell.variables);
        Ok(Self {
            shell,
            loaded,
            root,
            actor,
        })
    }

    /// What is set.
    pub(crate) fn settings(&self) -> &Settings {
        &self.loaded.settings
    }

    /// A path from the settings, made absolute.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.root.join(path)
    }

    /// The folder with one folder for each change.
    pub(crate) fn changes(&self) -> PathBuf {
        self.path(&self.settings().changes.folder)
    }

    /// The folder of changes as Git names it: from the top of the repository, with `/` between.
    ///
    /// # Errors
    /// If it is outside of the repository.
    pub(crate) fn changes_in(&self, repository: &Repository) -> Result<String, Failure> {
        let (top, folder) = (repository.work_tree().unwrap_or(&self.root), self.changes());
        path_in(top, &folder)
            .ok_or_else(|| errors::outside_of_repository(&folder, top, "changes.folder"))
    }

    /// The folder with one file for each backfill.
    pub(crate) fn backfills(&self) -> PathBuf {
        self.path(&self.settings().backfills.folder)
    }

    /// How long what is kept to undo a backfill is kept after its end: while the version that it was
    /// for can come back, or longer where somebody says so.
    pub(crate) fn keep_undo(&self, environment: &Environment) -> std::time::Duration {
        let window = self.settings().window(environment);
        let keep = self.settings().backfills.keep.unwrap_or(window);
        std::time::Duration::from_millis(keep.as_millis().max(window.as_millis()))
    }

    /// A path below the settings' folder as people would write it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let short = path.strip_prefix(&self.root).unwrap_or(path);
        short.display().to_string()
    }

    /// The file with the ledger's signing key.
    pub(crate) fn ledger_key(&self) -> PathBuf {
        self.shell
            .variables
            .path(variables::LEDGER_KEY)
            .map_or_else(
                || self.root.join(STATE).join(KEY),
                |path| self.shell.folder.join(path),
            )
    }

    /// Where the ledger is.
    ///
    /// # Errors
    /// SB0115 if it is in PostgreSQL and no URL is set.
    pub(crate) fn ledger(&self) -> Result<LedgerPlace, Failure> {
        match &self.settings().ledger.store {
            LedgerStore::Sqlite(path) => Ok(LedgerPlace::Sqlite(self.path(path))),
            LedgerStore::Postgresql => match self.shell.variables.get(variables::LEDGER_URL) {
                Some(url) => Ok(LedgerPlace::Postgresql {
                    url: url.to_owned(),
                }),
                None => Err(errors::variable_needed(
                    variables::LEDGER_URL,
                    "`ledger.store` is `postgresql`",
                )),
            },
        }
    }

    /// The URL of an environment's PostgreSQL database. It may hold a password.
    ///
    /// # Errors
    /// SB0115 if the variable that holds it is not set.
    pub(crate) fn database_url(&self, environment: &Environment) -> Result<&str, Failure> {
        let variable = environment.database_variable();
        self.shell.variables.get(&variable).ok_or_else(|| {
            let because = format!("it holds the URL of the database of {}", environment.name);
            errors::variable_needed(&variable, &because)
        })
    }

    /// The environments, in the order of promotion.
    ///
    /// # Errors
    /// SB0113 if there is none.
    pub(crate) fn environments(&self) -> Result<&[Environment], Failure> {
        match self.settings().environments.as_slice() {
            [] => Err(errors::none_set(&self.loaded, "environment")),
            some => Ok(some),
        }
    }

    /// The environment with this name.
    ///
    /// # Errors
    /// SB0106 with the nearest name.
    pub(crate) fn environment(&self, name: &str) -> Result<&Environment, Failure> {
        let all = self.environments()?;
        all.iter()
            .find(|environment| environment.name.as_str() == name)
            .ok_or_else(|| {
                errors::unknown_name("environment", name, all.iter().map(|e| e.name.as_str()))
            })
    }

    /// The component with this name; without a name the only one.
    ///
    /// # Errors
    /// SB0106 with the nearest name, SB0109 if there are several and none was named, SB0113 if
    /// there is none.
    pub(crate) fn component(&self, name: Option<&str>) -> Result<&Component, Failure> {
        let all = self.settings().components.as_slice();
        let names = || all.iter().map(|component| component.name.as_str());
        match (name, all) {
            (_, []) => Err(errors::none_set(&self.loaded, "component")),
            (None, [only]) => Ok(only),
            (None, _) => Err(errors::which_component(names())),
            (Some(name), _) => all
                .iter()
                .find(|component| component.name.as_str() == name)
                .ok_or_else(|| errors::unknown_name("component", name, names())),
        }
    }

    /// The platform that components are together.
    ///
    /// # Errors
    /// SB0113 if there is none.
    pub(crate) fn platform(&self) -> Result<&Platform, Failure> {
        let platform = self.settings().platform.as_ref();
        platform.ok_or_else(|| errors::no_platform(&self.loaded))
    }

    /// The names of all components.
    pub(crate) fn components(&self) -> impl Iterator<Item = &ComponentName> {
        self.settings()
            .components
            .iter()
            .map(|component| &component.name)
    }
}

/// Who acts: as said by `SWITCHBACK_ACTOR`, else by Git's variables, else the user of the machine.
/// It is a claim, not a proof: the ledger's signature is by its key.
fn actor(variables: &Variables) -> Actor {
    if let Some(actor) = variables.get(variables::ACTOR) {
        return Actor::new(actor);
    }
    if let (Some(name), Some(address)) = (
        variables.get("GIT_AUTHOR_NAME"),
        variables.get("GIT_AUTHOR_EMAIL"),
    ) {
        return Actor::new(&format!("{name} <{address}>"));
    }
    let user = variables
        .get("USER")
        .or_else(|| variables.get("LOGNAME"))
        .unwrap_or("unknown");
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = Some(host.trim())
        .filter(|host| !host.is_empty())
        .unwrap_or("localhost");
    Actor::new(&format!("{user} <{user}@{host}>"))
}

#[cfg(test)]
mod tests {
    use super::path_in;

    #[test]
    fn paths_are_told_from_the_top_whether_they_are_there_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        std::fs::create_dir_all(top.join("api/v1")).unwrap();
        let named = |path: &str| path_in(&top, &top.join(path));
        assert_eq!(named("").as_deref(), Some(""));
        for (path, is) in [
            ("./api", "api"),
            ("api/../api/v1", "api/v1"),
            ("api/v2/x.yaml", "api/v2/x.yaml"),
        ] {
            assert_eq!(named(path).as_deref(), Some(is), "{path}");
        }
        assert_eq!(named("../elsewhere"), None);
        assert_eq!(named("gone/../../elsewhere"), None);
        assert_eq!(path_in(&top, folder.path()), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_through_a_link_is_where_it_really_is() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        std::fs::create_dir_all(top.join("real")).unwrap();
        std::os::unix::fs::symlink(top.join("real"), top.join("link")).unwrap();
        std::os::unix::fs::symlink(&top, folder.path().join("other")).unwrap();
        let through = folder.path().join("other/link/not/there");
        assert_eq!(path_in(&top, &through).as_deref(), Some("real/not/there"));
    }
}
