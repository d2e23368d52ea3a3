//! What was asked for: rules, levels, versions.

use std::collections::{BTreeMap, BTreeSet};

use switchback_diag::{Code, Severity, nearest};
use switchback_migration::lint::{self, Options};
use switchback_migration::{Engine, facts};

use super::Check;
use crate::settings::types::{FailOn, Level, Settings};

/// The oldest major version of PostgreSQL where nothing is said: the oldest that its makers still
/// mend at the end of 2026, <https://www.postgresql.org/support/versioning/>.
const OLDEST: u32 = 14;

/// What was asked for, by flags and settings; flags come first.
#[derive(Debug)]
pub(super) struct Choice {
    /// How much rules matter, where that is not as they say.
    pub(super) levels: BTreeMap<Code, Option<Severity>>,
    /// The only rules that are reported; empty for all.
    pub(super) only: BTreeSet<Code>,
    /// From which level on a run fails.
    pub(super) fail_on: FailOn,
    /// The engine, where it was said.
    pub(super) engine: Option<Engine>,
    /// The oldest major version of PostgreSQL.
    pub(super) major: u32,
    /// The last version that is applied everywhere.
    pub(super) applied_until: Option<String>,
}

impl Choice {
    pub(super) fn new(check: &Check, settings: Option<&Settings>) -> Self {
        let mut levels = BTreeMap::new();
        let set = settings.map(|it| &it.check);
        for (name, level) in set.into_iter().flat_map(|it| &it.levels) {
            // The settings have been checked.
            if let Some(code) = Code::find(name) {
                levels.insert(code, level.severity());
            }
        }
        for (code, level) in &check.levels {
            levels.insert(*code, level.severity());
        }
        let migrations = settings.map(|it| &it.migrations);
        Self {
            levels,
            only: check.only.iter().copied().collect(),
            fail_on: check
                .fail_on
                .or(set.and_then(|it| it.fail_on))
                .unwrap_or_default(),
            engine: check.engine.map(Engine::from),
            major: check
                .postgres_version
                .or(migrations.and_then(|it| it.postgres_version))
                .unwrap_or(OLDEST),
            applied_until: migrations.and_then(|it| it.applied_until.clone()),
        }
    }

    /// How to judge a folder. What a server says would come in here, as `Options::schema`.
    pub(super) fn options(&self, engine: Option<Engine>, applied_until: Option<&str>) -> Options {
        let mut options = Options::new(self.major);
        options.engine = self.engine.or(engine);
        options.levels.clone_from(&self.levels);
        options.applied_until = applied_until
            .map(str::to_owned)
            .or(self.applied_until.clone());
        options
    }

    /// How much a finding of a rule matters; none if it is switched off.
    pub(super) fn level(&self, code: Code, own: Severity) -> Option<Severity> {
        self.levels.get(&code).copied().unwrap_or(Some(own))
    }

    /// Whether findings of a rule are reported.
    pub(super) fn wants(&self, code: Code) -> bool {
        self.only.is_empty() || self.only.contains(&code)
    }
}

/// A rule by its code or name.
pub(super) fn rule(text: &str) -> Result<Code, String> {
    let rules = || lint::all().map(|rule| rule.code);
    let found = Code::find(text).filter(|code| rules().any(|rule| rule == *code));
    found.ok_or_else(
        || match nearest(text, rules().flat_map(|it| [it.id(), it.slug()])) {
            Some(near) => format!("there is no rule `{text}`; did you mean `{near}`?"),
            None => format!("there is no rule `{text}`; `switchback check --list-rules` has all"),
        },
    )
}

/// `drop-column=warning`.
pub(super) fn level(text: &str) -> Result<(Code, Level), String> {
    let (name, level) = text
        .split_once('=')
        .ok_or("write a rule, `=` and a level, such as `drop-column=warning`")?;
    let level = match level {
        "off" => Level::Off,
        "note" => Level::Note,
        "warning" => Level::Warning,
        "error" => Level::Error,
        other => {
            return Err(format!(
                "`{other}` is not one of off, note, warning and error"
            ));
        }
    };
    Ok((rule(name)?, level))
}

/// A major version of PostgreSQL.
pub(super) fn version(text: &str) -> Result<u32, String> {
    let number: u32 = text
        .parse()
        .map_err(|_| "a major version is a number such as 16".to_owned())?;
    if (facts::OLDEST..100).contains(&number) {
        Ok(number)
    } else {
        Err(format!(
            "nothing is known of versions before {}",
            facts::OLDEST
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_levels_are_understood() {
        assert_eq!(rule("SB1101"), Ok(Code::DropColumn));
        assert_eq!(level("drop-column=off"), Ok((Code::DropColumn, Level::Off)));
        for (text, says) in [
            ("drop-colum=off", "did you mean `drop-column`?"),
            ("drop-column", "write a rule"),
            ("drop-column=loud", "not one of"),
            ("no-settings=off", "there is no rule"),
        ] {
            let error = level(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(version("16"), Ok(16));
        assert!(version("9").is_err() && version("x").is_err());
    }
}
