//! What the types cannot say: unknown keys with a guess at what was meant, and values that
//! contradict each other.

use std::collections::BTreeMap;

use ignore::gitignore::GitignoreBuilder;
use serde_json::Value;
use switchback_diag::{Code, Location, nearest};
use switchback_migration::{facts, lint};
use switchback_model::{ComponentName, Duration};
use toml::de::{DeTable, DeValue};

use super::load::{Problem, Trouble};
use super::source::{Source, join};
use super::types::{COMPONENT, Database, Environment, LedgerStore, Settings};
use super::{groups, platform, schema};

/// Every key that the schema does not know.
pub(crate) fn unknown_keys(source: &Source, table: &DeTable<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    walk(source, "", table, &schema::SCHEMA, &mut found);
    found
}

fn walk(
    source: &Source,
    path: &str,
    table: &DeTable<'_>,
    node: &'static Value,
    found: &mut Vec<Problem>,
) {
    let chosen = |wanted: &str| {
        let (_, value) = table.iter().find(|(key, _)| key.get_ref() == wanted)?;
        value.get_ref().as_str().map(str::to_owned)
    };
    let Some(known) = schema::keys(node, chosen) else {
        return;
    };
    for (key, value) in table {
        let name: &str = key.get_ref();
        let Some(node) = known.get(name) else {
            let near = nearest(name, known.keys().map(String::as_str)).map(str::to_owned);
            found.push(Problem {
                location: source.location(key.span()),
                trouble: Trouble::UnknownKey {
                    key: name.to_owned(),
                    table: path.to_owned(),
                    near,
                    known: known.keys().cloned().collect(),
                },
            });
            continue;
        };
        let path = join(path, name);
        match value.get_ref() {
            DeValue::Table(table) => walk(source, &path, table, node, found),
            DeValue::Array(items) => {
                let Some(node) = schema::items(node) else {
                    continue;
                };
                for (at, item) in items.iter().enumerate() {
                    if let Some(table) = item.get_ref().as_table() {
                        walk(source, &format!("{path}[{at}]"), table, node, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Everything in the settings that contradicts something else, or can never work.
pub(crate) fn contradictions(source: &Source, settings: &Settings) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut contradiction = |location: Location, message: String| {
        found.push(Problem {
            location,
            trouble: Trouble::Contradiction { message },
        });
    };

    let components = settings
        .components
        .iter()
        .map(|component| component.name.as_str());
    for (at, first, name) in repeated(components) {
        contradiction(
            source.value(&format!("component[{at}].name")),
            format!("the component `{name}` stands here twice; the first is component {first}"),
        );
    }
    let environments = settings
        .environments
        .iter()
        .map(|environment| environment.name.as_str());
    for (at, first, name) in repeated(environments) {
        contradiction(
            source.value(&format!("environment[{at}].name")),
            format!("the environment `{name}` stands here twice; the first is environment {first}"),
        );
    }
    let on_servers = || {
        let all = settings.environments.iter().enumerate();
        all.filter(|(_, it)| matches!(it.database, Some(Database::Postgres { .. })))
    };
    let mut variables: BTreeMap<String, &str> = BTreeMap::new();
    for (at, environment) in on_servers() {
        let key = format!("environment[{at}].database");
        let variable = environment.database_variable();
        let fit = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if variable.contains("://") {
            contradiction(
                source.value(&format!("{key}.url-env")),
                "`url-env` names a variable; the URL itself, which may hold a password, does not \
                 belong here"
                    .to_owned(),
            );
        } else if variable.is_empty() || !variable.chars().all(fit) {
            contradiction(
                source.value(&format!("{key}.url-env")),
                format!("`{variable}` is not the name of a variable"),
            );
        } else if let Some(other) = variables.insert(variable.clone(), environment.name.as_str())
            && other != environment.name.as_str()
        {
            contradiction(
                source.value(&key),
                format!(
                    "`{}` and `{other}` would read their database's URL from {variable}",
                    environment.name
                ),
            );
        }
    }

    for (at, environment) in on_servers() {
        for key in zero_lengths(environment) {
            contradiction(
                source.value(&format!("environment[{at}].database.{key}")),
                format!("`{key}` of nothing would be none at all, and wait for ever"),
            );
        }
    }

    for (at, environment) in settings.environments.iter().enumerate() {
        let Some(values) = &environment.values else {
            continue;
        };
        let key = format!("environment[{at}].values.key");
        if settings.components.len() > 1 && !values.key.contains(COMPONENT) {
            contradiction(
                source.value(&key),
                format!(
                    "`{}` is the same key for all {} components: put `{COMPONENT}` into it",
                    values.key,
                    settings.components.len()
                ),
            );
        }
        if values.key.split('.').any(str::is_empty) {
            contradiction(
                source.value(&key),
                format!("`{}` has an empty part between its dots", values.key),
            );
        }
        let file = std::path::Path::new(&values.file);
        let inside = |part| matches!(part, std::path::Component::Normal(_));
        if values.file.is_empty() || !file.components().all(inside) {
            contradiction(
                source.value(&format!("environment[{at}].values.file")),
                format!("`{}` is not a path inside of the repository", values.file),
            );
        }
    }

    for (at, contract) in settings.contracts.files.iter().enumerate() {
        let place = source.value(&format!("contracts.file[{at}]"));
        let known = |name: &ComponentName| settings.components.iter().any(|it| it.name == *name);
        match &contract.component {
            Some(name) if !known(name) => {
                contradiction(place, format!("there is no component `{name}`"));
            }
            None if settings.components.len() > 1 => contradiction(
                place,
                format!(
                    "`component` has to say which of the {} components keeps the contract",
                    settings.components.len()
                ),
            ),
            _ => {}
        }
    }

    let mut files: BTreeMap<&std::path::Path, &str> = BTreeMap::new();
    if let LedgerStore::Sqlite(path) = &settings.ledger.store {
        files.insert(path, "the ledger");
    }
    for (at, environment) in settings.environments.iter().enumerate() {
        let Some(Database::Sqlite { path }) = &environment.database else {
            continue;
        };
        if let Some(other) = files.insert(path, environment.name.as_str()) {
            contradiction(
                source.value(&format!("environment[{at}].database.path")),
                format!(
                    "`{}` and {other} would be in the same file",
                    environment.name
                ),
            );
        }
    }

    let wrong = groups::wrong(settings).into_iter();
    for (key, message) in wrong.chain(platform::wrong(settings)) {
        contradiction(source.value(&key), message);
    }
    for (key, path) in paths(settings) {
        if path.as_os_str().is_empty() {
            contradiction(source.value(&key), format!("`{key}` is an empty path"));
        }
    }
    for (place, name, known) in rules(settings) {
        if !known {
            let near = nearest(&name, Code::ALL.iter().flat_map(|it| [it.id(), it.slug()]));
            let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            contradiction(
                source.value(&place),
                format!("`{name}` is no rule that `switchback check` has{near}"),
            );
        }
    }
    for (at, pattern) in settings.check.exclude.iter().enumerate() {
        if let Err(error) = GitignoreBuilder::new("").add_line(None, pattern) {
            contradiction(
                source.value(&format!("check.exclude[{at}]")),
                format!("`{pattern}` is no pattern as in a .gitignore: {error}"),
            );
        }
    }
    let too_old = |version: &u32| *version < facts::OLDEST;
    if let Some(version) = settings.migrations.postgres_version.filter(too_old) {
        contradiction(
            source.value("migrations.postgres-version"),
            format!(
                "nothing is known of PostgreSQL {version}; the oldest is {}",
                facts::OLDEST
            ),
        );
    }
    if let Some(verifier) = &settings.ledger.verifier
        && !crate::keys::is_verifier(verifier)
    {
        contradiction(
            source.value("ledger.verifier"),
            "`ledger.verifier` is not a verifier key of the form name+hash+key".to_owned(),
        );
    }
    found
}

/// The limits of a database on a server that are zero, which PostgreSQL takes for none.
fn zero_lengths(environment: &Environment) -> Vec<&'static str> {
    let Some(Database::Postgres {
        lock_timeout,
        statement_timeout,
        give_way_after,
        ..
    }) = &environment.database
    else {
        return Vec::new();
    };
    let limits = [
        ("lock-timeout", lock_timeout),
        ("statement-timeout", statement_timeout),
        ("give-way-after", give_way_after),
    ];
    let zero = |length: &Option<Duration>| length.is_some_and(|it| it.as_millis() == 0);
    limits
        .into_iter()
        .filter(|(_, length)| zero(length))
        .map(|(key, _)| key)
        .collect()
}

/// Each rule that `check.levels` names: its key, its name, and whether there is such a rule.
fn rules(settings: &Settings) -> Vec<(String, String, bool)> {
    let known = |name: &str| {
        let code = Code::find(name);
        code.is_some_and(|code| lint::all().any(|rule| rule.code == code))
    };
    settings
        .check
        .levels
        .keys()
        .map(|name| (format!("check.levels.{name}"), name.clone(), known(name)))
        .collect()
}

/// Each name that came before: its place from 0, that of the first from 1, and the name.
fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(usize, usize, &'a str)> {
    let mut seen = BTreeMap::new();
    let mut found = Vec::new();
    for (at, name) in names.enumerate() {
        match seen.get(name) {
            Some(first) => found.push((at, *first, name)),
            None => _ = seen.insert(name, at + 1),
        }
    }
    found
}

fn paths(settings: &Settings) -> Vec<(String, &std::path::Path)> {
    let mut paths = vec![
        (
            "changes.folder".to_owned(),
            settings.changes.folder.as_path(),
        ),
        (
            "backfills.folder".to_owned(),
            settings.backfills.folder.as_path(),
        ),
    ];
    if let LedgerStore::Sqlite(path) = &settings.ledger.store {
        paths.push(("ledger.store".to_owned(), path));
    }
    for (at, component) in settings.components.iter().enumerate() {
        paths.push((format!("component[{at}].path"), &component.path));
    }
    paths.push(("changelog.entries".to_owned(), &settings.changelog.entries));
    let own = settings.notes.own();
    paths.extend(own.map(|(_, key, path)| (key.to_owned(), path.as_path())));
    paths.push(("contracts.waivers".to_owned(), &settings.contracts.waivers));
    let platform = settings.platform.iter();
    paths.extend(platform.map(|it| ("platform.file".to_owned(), it.file.as_path())));
    for (at, contract) in settings.contracts.files.iter().enumerate() {
        paths.push((format!("contracts.file[{at}].path"), &contract.path));
    }
    for (at, folder) in settings.migrations.folders.iter().enumerate() {
        paths.push((format!("migrations.folder[{at}].path"), &folder.path));
    }
    for (at, environment) in settings.environments.iter().enumerate() {
        if let Some(Database::Sqlite { path }) = &environment.database {
            paths.push((format!("environment[{at}].database.path"), path));
        }
        if let Some(values) = &environment.values {
            paths.push((
                format!("environment[{at}].values.repository"),
                &values.repository,
            ));
        }
    }
    paths
}
