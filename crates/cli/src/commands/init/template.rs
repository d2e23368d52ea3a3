//! The text of a first `switchback.toml`, with a comment at everything that may want a change.

use std::fmt::Write as _;

use switchback_model::EnvironmentName;

use super::survey::Survey;
use crate::variables;

/// The settings as text. Without a verifier, which a dry run does not make, its line is a comment.
pub(crate) fn render(found: &Survey, verifier: Option<&str>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, found, verifier);
    text
}

fn write(text: &mut String, found: &Survey, verifier: Option<&str>) -> std::fmt::Result {
    writeln!(
        text,
        "# Every key: switchback util schema. What is in effect: switchback config show."
    )?;
    writeln!(
        text,
        "schema = 1\n\n[project]\nname = {}\n",
        quoted(&found.project)
    )?;
    writeln!(
        text,
        "[ledger]\n# A SQLite file, or \"postgresql\" with the URL in SWITCHBACK_LEDGER_URL."
    )?;
    writeln!(text, "store = \".switchback/ledger.db\"")?;
    writeln!(
        text,
        "# The public key. The signing key is in .switchback/ledger.key: keep it safe."
    )?;
    match verifier {
        Some(verifier) => writeln!(text, "verifier = {}\n", quoted(verifier))?,
        None => writeln!(
            text,
            "# verifier = \"…\" is filled in when the key is made\n"
        )?,
    }
    writeln!(
        text,
        "[rollback]\n# How long a replaced version can still come back."
    )?;
    writeln!(text, "window = \"24h\"\n")?;
    writeln!(text, "[changes]\nfolder = \"changes\"\n")?;
    for component in &found.components {
        writeln!(text, "[[component]]\nname = {}", quoted(&component.name))?;
        writeln!(text, "path = {}\n", quoted(&component.path))?;
    }
    writeln!(text, "# Environments, in the order of promotion.")?;
    for (at, environment) in found.environments.iter().enumerate() {
        if at > 0 {
            writeln!(text)?;
        }
        writeln!(
            text,
            "[[environment]]\nname = {}",
            quoted(&environment.name)
        )?;
        match &environment.database {
            Some(path) => {
                writeln!(
                    text,
                    "database = {{ engine = \"sqlite\", path = {} }}",
                    quoted(path)
                )?;
            }
            None => {
                let path = quoted(&format!("{}.db", environment.name));
                writeln!(
                    text,
                    "# database = {{ engine = \"sqlite\", path = {path} }}"
                )?;
                if let Ok(name) = EnvironmentName::new(environment.name.as_str()) {
                    let variable = variables::database_url(&name);
                    writeln!(
                        text,
                        "# or {{ engine = \"postgres\" }}, with the URL in {variable}"
                    )?;
                }
            }
        }
        let (mark, repository, file, key) = match &environment.values {
            Some((file, key)) => ("", ".", file.clone(), key.as_str()),
            None => {
                let file = format!("envs/{}/values.yaml", environment.name);
                ("# ", "../gitops", file, "{component}.version")
            }
        };
        let branch = quoted(if mark.is_empty() {
            &found.branch
        } else {
            "main"
        });
        let (repository, file, key) = (quoted(repository), quoted(&file), quoted(key));
        writeln!(
            text,
            "{mark}values = {{ repository = {repository}, branch = {branch}, file = {file}, key = {key} }}"
        )?;
    }
    Ok(())
}

/// A TOML string, whatever is in it.
fn quoted(text: &str) -> String {
    toml_edit::value(text).to_string().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::survey::{FoundComponent, FoundEnvironment};
    use super::*;
    use crate::settings::load::understand;
    use crate::settings::source::Source;

    #[test]
    fn what_is_written_is_understood() {
        let pair = crate::keys::generate("shop").unwrap();
        let found = Survey {
            project: "shop".into(),
            components: vec![
                FoundComponent {
                    name: "api".into(),
                    path: "api \"quoted\" \\ ü".into(),
                },
                FoundComponent {
                    name: "web".into(),
                    path: "web".into(),
                },
            ],
            environments: vec![
                FoundEnvironment {
                    name: "staging".into(),
                    ..Default::default()
                },
                FoundEnvironment {
                    name: "production".into(),
                    values: Some(("envs/p/values.yaml".into(), "{component}.version".into())),
                    database: Some("production.db".into()),
                },
            ],
            branch: "trunk".into(),
            remarks: Vec::new(),
        };
        for verifier in [None, Some(pair.verifier.as_str())] {
            let text = render(&found, verifier);
            let loaded =
                understand(Source::new("/p/s".into(), Path::new("/p"), text.clone())).unwrap();
            let settings = loaded.settings;
            assert_eq!(settings.ledger.verifier.as_deref(), verifier);
            assert_eq!(
                settings.components[0].path.to_str(),
                Some("api \"quoted\" \\ ü")
            );
            assert_eq!(
                settings.environments[1].values.as_ref().unwrap().branch,
                "trunk"
            );
            // The commented examples must work too once the mark is taken away.
            let text = text
                .replace("# database", "database")
                .replace("# values", "values");
            assert!(understand(Source::new("/p/s".into(), Path::new("/p"), text)).is_ok());
        }
    }
}
