//! The environment variables that Switchback reads, in one place and read once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use switchback_model::EnvironmentName;

/// Names the settings file, as `--config` does.
pub(crate) const SETTINGS: &str = "SWITCHBACK_CONFIG";
/// Who is recorded as having acted: `Name <address>`.
pub(crate) const ACTOR: &str = "SWITCHBACK_ACTOR";
/// The URL of a ledger in PostgreSQL. It may hold a password, so it is never shown.
pub(crate) const LEDGER_URL: &str = "SWITCHBACK_LEDGER_URL";
/// The file that holds the ledger's signing key, instead of `.switchback/ledger.key`.
pub(crate) const LEDGER_KEY: &str = "SWITCHBACK_LEDGER_KEY";
/// With the environment's name after it: the URL of its database. Never shown.
pub(crate) const DATABASE_URL: &str = "SWITCHBACK_DATABASE_URL_";

/// What the environment says, as it was when the run began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(BTreeMap<OsString, OsString>);

impl Variables {
    /// The process's environment.
    pub(crate) fn read() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// A variable's text. An empty one counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(OsString::from(name).as_os_str())?
            .to_str()
            .filter(|text| !text.is_empty())
    }

    /// A variable that holds a path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        let path = self.0.get(OsString::from(name).as_os_str())?;
        (!path.is_empty()).then(|| PathBuf::from(path))
    }

    /// The settings file that is named by [`SETTINGS`].
    pub(crate) fn settings_file(&self) -> Option<PathBuf> {
        self.path(SETTINGS)
    }
}

/// The name of the variable with the URL of an environment's database: capital letters, and `_`
/// for everything that cannot stand in a variable's name.
pub(crate) fn database_url(environment: &EnvironmentName) -> String {
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    format!(
        "{DATABASE_URL}{}",
        environment.as_str().chars().map(fit).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_has_its_variable() {
        let name = EnvironmentName::new("eu-west.1").unwrap();
        assert_eq!(database_url(&name), "SWITCHBACK_DATABASE_URL_EU_WEST_1");
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let set = Variables(BTreeMap::from([(LEDGER_URL.into(), OsString::new())]));
        assert_eq!(
            (set.get(LEDGER_URL), set.path(LEDGER_URL), set.get(ACTOR)),
            (None, None, None)
        );
    }
}
