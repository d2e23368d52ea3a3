//! Finding and reading `switchback.toml`. Every problem of the same kind is reported at once, with
//! its place.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use switchback_diag::Location;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::source::Source;
use super::types::Settings;
use super::{FILE, SCHEMA, check};
use crate::files::{self, FileError};

/// Settings with the file that they come from.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// What is set.
    pub(crate) settings: Settings,
    /// Where it is set.
    pub(crate) source: Source,
}

/// Why there are no settings.
#[derive(Debug)]
pub(crate) enum SettingsError {
    /// No file at or above the folder.
    NotFound {
        /// The folder.
        from: PathBuf,
    },
    /// The file cannot be read.
    File(FileError),
    /// The file says something that it must not.
    Wrong(Vec<Problem>),
}

/// Something wrong in the file.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) location: Location,
    /// What.
    pub(crate) trouble: Trouble,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Not TOML.
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// The file is of a newer schema.
    Newer {
        /// The number in the file.
        found: String,
    },
    /// A key that nothing reads.
    UnknownKey {
        /// The key.
        key: String,
        /// The table that it is in; empty for the file itself.
        table: String,
        /// The known key that was perhaps meant.
        near: Option<String>,
        /// Every key that the table may have.
        known: Vec<String>,
    },
    /// A value that is missing, of the wrong kind or out of range.
    Value {
        /// The key, if it is known.
        key: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// A value that does not go together with another.
    Contradiction {
        /// What does not go together.
        message: String,
    },
}

impl From<FileError> for SettingsError {
    fn from(error: FileError) -> Self {
        SettingsError::File(error)
    }
}

/// The settings file: the one that was named, else the nearest at or above `folder`.
fn find(folder: &Path, named: Option<&Path>) -> Result<PathBuf, SettingsError> {
    if let Some(named) = named {
        return Ok(folder.join(named));
    }
    folder
        .ancestors()
        .map(|folder| folder.join(FILE))
        .find(|file| file.is_file())
        .ok_or_else(|| SettingsError::NotFound {
            from: folder.to_owned(),
        })
}

/// Finds and reads the settings.
pub(crate) fn load(folder: &Path, named: Option<&Path>) -> Result<Loaded, SettingsError> {
    let path = find(folder, named)?;
    let text = files::read(&path)?;
    understand(Source::new(path, folder, text)).map_err(SettingsError::Wrong)
}

/// Reads the settings in a text.
pub(crate) fn understand(mut source: Source) -> Result<Loaded, Vec<Problem>> {
    let text = source.text().to_owned();
    let (table, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax(&source, error)).collect());
    }
    source.index(table.get_ref());
    // A newer file may have keys that we do not know, which are then not the problem.
    newer(&source, &table)?;
    let unknown = check::unknown_keys(&source, table.get_ref());
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let settings = Settings::deserialize(Deserializer::from(table))
        .map_err(|error| vec![wrong_value(&source, &error)])?;
    let contradictions = check::contradictions(&source, &settings);
    if contradictions.is_empty() {
        Ok(Loaded { settings, source })
    } else {
        Err(contradictions)
    }
}

fn syntax(source: &Source, error: &toml::de::Error) -> Problem {
    let message = error.message().to_owned();
    let location = source.location(error.span().unwrap_or_default());
    Problem {
        location,
        trouble: Trouble::Syntax { message },
    }
}

fn newer(source: &Source, table: &Spanned<DeTable<'_>>) -> Result<(), Vec<Problem>> {
    let Some((_, value)) = table
        .get_ref()
        .iter()
        .find(|(key, _)| key.get_ref() == "schema")
    else {
        return Ok(());
    };
    let found = match value.get_ref() {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    let location = || source.location(value.span());
    match found {
        Some(found) if found > i64::from(SCHEMA) => Err(vec![Problem {
            location: location(),
            trouble: Trouble::Newer {
                found: found.to_string(),
            },
        }]),
        Some(found) if found < 1 => Err(vec![Problem {
            location: location(),
            trouble: Trouble::Value {
                key: Some("schema".to_owned()),
                message: format!("there never was a schema {found}; the current one is {SCHEMA}"),
            },
        }]),
        _ => Ok(()),
    }
}

fn wrong_value(source: &Source, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or_default();
    let key = source.key_at(&span).map(str::to_owned);
    Problem {
        location: source.location(span),
        trouble: Trouble::Value {
            key,
            message: error.message().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
schema = 1
[project]
name = "shop"
[ledger]
store = "postgresql"
[rollback]
window = "2h"
[[component]]
name = "app"
[[environment]]
name = "staging"
rollback-window = "1h"
database = { engine = "sqlite", path = "staging.db" }
[environment.values]
repository = "../gitops"
file = "envs/staging/values.yaml"
[[environment]]
name = "production"
"#;

    fn read(text: &str) -> Result<Loaded, Vec<Problem>> {
        understand(Source::new(
            "/p/switchback.toml".into(),
            Path::new("/p"),
            text.to_owned(),
        ))
    }

    fn only(text: &str) -> (Trouble, Location) {
        let mut found = read(text).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        let found = found.remove(0);
        (found.trouble, found.location)
    }

    #[test]
    fn a_whole_file_is_understood() {
        let loaded = read(WHOLE).unwrap();
        let (staging, production) = (
            &loaded.settings.environments[0],
            &loaded.settings.environments[1],
        );
        assert_eq!(loaded.settings.window(staging).to_string(), "1h");
        assert_eq!(loaded.settings.window(production).to_string(), "2h");
        assert_eq!(staging.values.as_ref().unwrap().branch, "main");
        assert_eq!(loaded.source.line("environment[0].database.path"), Some(14));
        assert_eq!(loaded.source.line("environment[0].values.branch"), None);
        assert_eq!(loaded.source.shown, "switchback.toml");
    }

    #[test]
    fn unknown_keys_are_found_at_every_depth() {
        for (from, to, key, table, near, line) in [
            (
                "[rollback]",
                "[rolback]",
                "rolback",
                "",
                Some("rollback"),
                7,
            ),
            (
                "window = \"2h\"",
                "windw = \"2h\"",
                "windw",
                "rollback",
                Some("window"),
                8,
            ),
            (
                "file =",
                "fil =",
                "fil",
                "environment[0].values",
                Some("file"),
                17,
            ),
            (
                ", path =",
                ", paht =",
                "paht",
                "environment[0].database",
                Some("path"),
                14,
            ),
            (
                "name = \"app\"",
                "colour = 1",
                "colour",
                "component[0]",
                None,
                10,
            ),
        ] {
            let (trouble, location) = only(&WHOLE.replace(from, to));
            let Trouble::UnknownKey {
                key: k,
                table: t,
                near: n,
                known,
            } = trouble
            else {
                panic!("{trouble:?}")
            };
            assert_eq!((k.as_str(), t.as_str(), n.as_deref()), (key, table, near));
            assert_eq!(location.line, line);
            assert!(!known.is_empty());
        }
    }

    #[test]
    fn all_unknown_keys_are_reported_at_once() {
        let text = WHOLE.replace("window = \"2h\"", "a = 1\nb = 2");
        assert_eq!(read(&text).unwrap_err().len(), 2);
    }

    #[test]
    fn wrong_values_name_their_key_and_place() {
        for (from, to, key, says) in [
            ("\"2h\"", "5", "rollback.window", "invalid type: integer"),
            (
                "\"2h\"",
                "\"soon\"",
                "rollback.window",
                "not a length of time",
            ),
            (
                "\"shop\"",
                "\"My Shop\"",
                "project.name",
                "not a project name",
            ),
            (
                "\"sqlite\"",
                "\"oracle\"",
                "environment[0].database",
                "unknown variant `oracle`",
            ),
            ("schema = 1", "schema = \"1\"", "schema", "invalid type"),
            ("schema = 1", "schema = 0", "schema", "never was"),
            (
                ", path = \"staging.db\"",
                "",
                "environment[0].database",
                "missing field `path`",
            ),
        ] {
            let (trouble, location) = only(&WHOLE.replace(from, to));
            let Trouble::Value {
                key: found,
                message,
            } = trouble
            else {
                panic!("{trouble:?}")
            };
            assert!(message.contains(says), "{message}");
            assert!(
                found.as_deref().unwrap_or_default().starts_with(key),
                "{found:?} {message}"
            );
            assert!(location.line > 1, "{location:?} {message}");
        }
    }

    #[test]
    fn a_newer_schema_is_the_only_problem() {
        let text = WHOLE
            .replace("schema = 1", "schema = 2")
            .replace("window", "brand-new");
        assert!(matches!(only(&text).0, Trouble::Newer { found } if found == "2"));
    }

    #[test]
    fn broken_toml_has_a_place() {
        let (trouble, location) = only(&WHOLE.replace("\"shop\"", "\"shop"));
        assert!(matches!(trouble, Trouble::Syntax { .. }));
        assert_eq!(location.line, 4);
    }

    #[test]
    fn contradictions_are_found() {
        let two = "[[component]]\nname = \"app\"\n[[component]]\nname = \"web\"";
        for (from, to, says) in [
            ("\"production\"", "\"staging\"", "stands here twice"),
            ("staging.db", "", "is an empty path"),
            ("file = \"envs", "file = \"../envs", "not a path inside"),
            (
                "file = \"envs",
                "key = \"a..b\"\nfile = \"envs",
                "an empty part",
            ),
            ("\"postgresql\"", "\"staging.db\"", "in the same file"),
            (
                "\"postgresql\"",
                "\"l.db\"\nverifier = \"x\"",
                "not a verifier key",
            ),
        ] {
            let (trouble, _) = only(&WHOLE.replace(from, to));
            let Trouble::Contradiction { message } = trouble else {
                panic!("{trouble:?}")
            };
            assert!(message.contains(says), "{message}");
        }
        for key in ["lock-timeout", "statement-timeout", "give-way-after"] {
            let text = format!(
                "schema = 1\n[project]\nname = \"shop\"\n[[environment]]\nname = \"staging\"\n\
                 database = {{ engine = \"postgres\", {key} = \"0s\" }}\n"
            );
            let (trouble, _) = only(&text);
            assert!(
                matches!(&trouble, Trouble::Contradiction { message } if message.contains(key)),
                "{trouble:?}"
            );
        }
        let text = WHOLE.replace("[[component]]\nname = \"app\"", two);
        assert!(
            read(&text).is_ok(),
            "the default key has a place for the component"
        );
        let text = text.replace("file =", "key = \"version\"\nfile =");
        assert!(matches!(only(&text).0, Trouble::Contradiction { .. }));
    }

    #[test]
    fn groups_that_cannot_be_are_found() {
        let with = |groups: &str| {
            let names = ["api", "web", "cli"].map(|it| format!("[[component]]\nname = \"{it}\"\n"));
            let project = "schema = 1\n[project]\nname = \"shop\"\n";
            format!("{project}{}{groups}", names.concat())
        };
        let group = |name: &str, of: &str| {
            format!("[[version.group]]\nname = \"{name}\"\nkind = \"fixed\"\ncomponents = [{of}]\n")
        };
        let good = group("core", "\"api\", \"web\"");
        let loaded = read(&with(&good)).unwrap();
        assert_eq!(loaded.settings.version.groups.len(), 1);
        for (groups, says, line) in [
            (
                group("core", "\"api\", \"wbe\""),
                "no component `wbe`; did you mean `web`?",
                13,
            ),
            (
                group("core", "\"api\", \"api\""),
                "stands twice in the group `core`",
                13,
            ),
            (
                group("core", "\"api\""),
                "needs two components at least",
                13,
            ),
            (group("Core!", "\"api\", \"web\""), "not a group name", 11),
            (
                format!("{good}{}", group("ends", "\"web\", \"cli\"")),
                "`web` is in two groups, `core` and `ends`",
                17,
            ),
        ] {
            let (trouble, location) = only(&with(&groups));
            let Trouble::Contradiction { message } = trouble else {
                panic!("{trouble:?}")
            };
            assert!(message.contains(says), "{message}");
            assert_eq!(location.line, line, "{message}");
        }
        let twice = format!("{good}{}", group("core", "\"cli\", \"web\""));
        assert_eq!(read(&with(&twice)).unwrap_err().len(), 2);
        let wrong = good.replace("fixed", "lockstep");
        let (trouble, _) = only(&with(&wrong));
        assert!(
            matches!(&trouble, Trouble::Value { key, .. } if key.as_deref() == Some("version.group[0].kind")),
            "{trouble:?}"
        );
    }
}
