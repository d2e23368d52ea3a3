//! TOML: manifests of Cargo and Python, and `Cargo.lock`.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Found, Problem, Wrong, bounded};
use crate::changelog::Span;

/// What a manifest of Cargo says of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CargoPackage {
    /// Its name.
    pub name: String,
    /// Where its version is.
    pub version: CargoVersion,
}

/// Where the version of a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CargoVersion {
    /// In its own manifest.
    Own,
    /// In the manifest of its workspace.
    Inherited,
    /// It has none.
    None,
}

type Value<'a, 't> = &'a Spanned<DeValue<'t>>;

pub(super) fn cargo_package(text: &str) -> Result<Option<CargoPackage>, Wrong> {
    let file = parse(text)?;
    let Some(package) = table(file.get_ref(), "package") else {
        return Ok(None);
    };
    let Some(name) = package.get("name").and_then(string) else {
        return Ok(None);
    };
    let version = match package.get("version") {
        None => CargoVersion::None,
        Some(version) if inherits(version) => CargoVersion::Inherited,
        Some(_) => CargoVersion::Own,
    };
    let name = name.to_owned();
    Ok(Some(CargoPackage { name, version }))
}

pub(super) fn cargo(text: &str) -> Result<Vec<Found>, Wrong> {
    let file = parse(text)?;
    let of = |table: Option<&DeTable<'_>>, what| match table.and_then(|it| it.get("version")) {
        Some(version) if !inherits(version) => plain(text, version, what).map(Some),
        _ => Ok(None),
    };
    let package = table(file.get_ref(), "package");
    let workspace = table(file.get_ref(), "workspace").and_then(|it| table(it, "package"));
    let mut found = Vec::new();
    found.extend(of(package, "package.version")?);
    found.extend(of(workspace, "workspace.package.version")?);
    let inherited = package.and_then(|it| it.get("version"));
    match inherited {
        Some(it) if found.is_empty() => Err(Wrong::new(it.span().start, Problem::Inherited)),
        _ => Ok(found),
    }
}

/// `version.workspace = true`, however it is written.
fn inherits(version: Value<'_, '_>) -> bool {
    let DeValue::Table(table) = version.get_ref() else {
        return false;
    };
    let workspace = table.get("workspace").map(Spanned::get_ref);
    matches!(workspace, Some(DeValue::Boolean(true)))
}

/// The entries of packages without a `source`, which lie in folders, and what depends on them by name
/// and version: Cargo writes the version there where a name alone would not be clear.
pub(super) fn cargo_lock(text: &str, names: &BTreeSet<String>) -> Result<Vec<Found>, Wrong> {
    let file = parse(text)?;
    let Some(DeValue::Array(packages)) = file.get_ref().get("package").map(Spanned::get_ref) else {
        return Ok(Vec::new());
    };
    let packages: Vec<&DeTable<'_>> = packages.iter().filter_map(as_table).collect();
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut words = BTreeSet::new();
    for package in &packages {
        let Some(name) = package.get("name").and_then(string) else {
            continue;
        };
        if package.contains_key("source") || !names.contains(name) {
            continue;
        }
        let Some(version) = package.get("version") else {
            continue;
        };
        if !seen.insert(name) {
            let what = bounded(name);
            return Err(Wrong::new(version.span().start, Problem::Twice { what }));
        }
        found.push(plain(text, version, &format!("the version of {name}"))?);
        words.extend(string(version).map(|version| (name, version)));
    }
    for package in &packages {
        let dependencies = package.get("dependencies").map(Spanned::get_ref);
        let Some(DeValue::Array(dependencies)) = dependencies else {
            continue;
        };
        for dependency in dependencies.iter() {
            let word = string(dependency).and_then(|it| it.split_once(' '));
            let Some((name, version)) = word.filter(|word| words.contains(word)) else {
                continue;
            };
            let whole = plain(text, dependency, &format!("a dependency on {name}"))?;
            let span = Span::new(whole.span.end - version.len(), whole.span.end);
            found.push(Found::new(span, whole.what));
        }
    }
    Ok(found)
}

pub(super) fn python(text: &str) -> Result<Vec<Found>, Wrong> {
    let file = parse(text)?;
    let project = table(file.get_ref(), "project");
    let poetry = table(file.get_ref(), "tool").and_then(|it| table(it, "poetry"));
    let mut found = Vec::new();
    for (table, what) in [
        (project, "project.version"),
        (poetry, "tool.poetry.version"),
    ] {
        if let Some(version) = table.and_then(|it| it.get("version")) {
            found.push(plain(text, version, what)?);
        }
    }
    let dynamic = project.and_then(|it| it.get("dynamic"));
    if let (true, Some(dynamic)) = (found.is_empty(), dynamic)
        && let DeValue::Array(fields) = dynamic.get_ref()
        && fields.iter().any(|it| string(it) == Some("version"))
    {
        return Err(Wrong::new(dynamic.span().start, Problem::Dynamic));
    }
    Ok(found)
}

fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Wrong> {
    DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or_default().start;
        let reason = bounded(error.message());
        Wrong::new(at, Problem::Syntax { reason })
    })
}

fn table<'a, 't>(table: &'a DeTable<'t>, key: &str) -> Option<&'a DeTable<'t>> {
    as_table(table.get(key)?)
}

fn as_table<'a, 't>(value: Value<'a, 't>) -> Option<&'a DeTable<'t>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn string<'a>(value: Value<'a, '_>) -> Option<&'a str> {
    match value.get_ref() {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

/// The text of a value without its quotes, where it stands there as it is.
fn plain(text: &str, value: Value<'_, '_>, what: &str) -> Result<Found, Wrong> {
    let Range { start, end } = value.span();
    let written = text.get(start..end).unwrap_or_default();
    let quotes = match written {
        it if it.starts_with("\"\"\"") || it.starts_with("'''") => 3,
        _ => 1,
    };
    let span = Span::new(start + quotes, end.saturating_sub(quotes));
    match string(value) {
        Some(content) if span.text(text) == content => Ok(Found::new(span, what)),
        _ => {
            let what = what.to_owned();
            Err(Wrong::new(start, Problem::NotPlain { what }))
        }
    }
}
