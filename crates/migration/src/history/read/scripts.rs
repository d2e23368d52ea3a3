//! Flyway and refinery, whose names are alike.

use super::files::{Build, File, Files, Id};
use crate::history::flyway::{self, Fit, Role};
use crate::history::order::Key;
use crate::history::{Part, ProblemKind, Wrapped};

/// Flyway: `V`, `U`, `R` and `B`, see [`flyway::parse`]. Steps in the order of their versions, then what is
/// repeatable by its description. A script runs in a transaction unless the file beside it says
/// otherwise or a statement cannot; statements are sent one by one.
/// <https://github.com/flyway/flyway/blob/c5e20fc7/flyway-core/src/main/java/org/flywaydb/core/internal/resolver/ResolvedMigrationComparator.java>,
/// <https://github.com/flyway/flyway/blob/c5e20fc7/flyway-core/src/main/java/org/flywaydb/core/internal/sqlscript/ParserSqlScript.java>
pub(super) fn flyway<'a>(
    files: &Files<'a>,
    contents: &impl Fn(&str) -> Option<&'a [u8]>,
    may_mix: bool,
    build: &mut Build,
) {
    for file in files.sql.iter().copied() {
        let stem = flyway::stem(file.name).unwrap_or(file.name);
        let Some(name) = flyway::parse(stem) else {
            if !flyway::is_callback(stem) {
                build.misnamed(
                    file,
                    "without `V`, a version and `__` in the name, Flyway passes the file over",
                );
            }
            continue;
        };
        let conf = contents(&format!("{}.conf", file.path));
        let said = conf
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .and_then(flyway::in_transaction);
        let fit = file
            .text()
            .map_or(Fit::All, |text| flyway::fit(text, build.engine));
        let wrap = match (said, fit) {
            (Some(true), _) | (None, Fit::All) => Wrapped::Transaction,
            (Some(false), _) | (None, Fit::None | Fit::Mixed) => Wrapped::Nothing,
        };
        let part = build.whole(file, wrap);
        if said.is_none() && fit == Fit::Mixed && !may_mix {
            let what = "statements that can run in a transaction and others in one file, which \
                        Flyway refuses unless `mixed` is set";
            let kind = ProblemKind::Section(what.to_owned());
            build.problem_at(file.path, part.span.clone(), kind);
        }
        add(&name, part, build);
    }
    for file in files.code_in(&["java", "kt", "groovy", "scala"]) {
        let stem = file.name.split('.').next().unwrap_or_default();
        if let Some(name) = flyway::parse(stem)
            && name.role != Role::Undo
        {
            build.problem(file.path, ProblemKind::Code);
            add(
                &name,
                Part::unreadable(file.path, Wrapped::Transaction),
                build,
            );
        }
    }
}

fn add(name: &flyway::Name<'_>, part: Part, build: &mut Build) {
    let version = name.version.replace('_', ".");
    // What has no version comes last. Flyway orders it by its description, with `_` for blanks.
    let key = name
        .key
        .clone()
        .unwrap_or_else(|| Key::Text(name.description.replace('_', " ")));
    let id = Id::new(key, version, name.description);
    match name.role {
        Role::Versioned => drop(build.up(id, part)),
        Role::Undo => build.down(id, part),
        Role::Repeatable => build.up(id, part).repeatable = true,
        Role::Baseline => build.up(id, part).baseline = true,
    }
}

/// refinery: `V<number>__<word>.sql`, and `U` for one that may come late; no ways down. Other names
/// are passed over, and a version with a dot stops it. Migrations in Rust have their place in the
/// order. Each runs in a transaction of its own.
/// <https://github.com/rust-db/refinery/blob/14354f54/refinery_core/src/util.rs>,
/// <https://github.com/rust-db/refinery/blob/14354f54/refinery_core/src/traits/sync.rs>
pub(super) fn refinery(files: &Files<'_>, build: &mut Build) {
    for file in files.sql.iter().copied() {
        match refinery_name(file, ".sql") {
            Ok(Some(id)) => {
                let part = build.whole(file, Wrapped::Transaction);
                build.up(id, part);
            }
            Ok(None) => build.misnamed(
                file,
                "a name that is not `V`, a number, `__`, letters, digits and `_` makes refinery \
                 pass the file over",
            ),
            Err(()) => build.misnamed(file, "refinery stops at a version that is no whole number"),
        }
    }
    for file in files.code_in(&["rs"]) {
        if let Ok(Some(id)) = refinery_name(file, ".rs") {
            build.code(id, file);
        }
    }
}

/// What a name says; nothing if it is passed over, an error if refinery stops at it.
fn refinery_name(file: File<'_>, extension: &str) -> Result<Option<Id>, ()> {
    let parts = file
        .name
        .strip_suffix(extension)
        .and_then(|stem| stem.strip_prefix(['V', 'U', '|']))
        .and_then(|rest| rest.split_once("__"));
    let Some((version, name)) = parts else {
        return Ok(None);
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_version = match version.split_once('.') {
        Some((whole, part)) => is_number(whole) && is_number(part),
        None => is_number(version),
    };
    if !is_version || !is_word || file.name.starts_with('|') {
        return Ok(None);
    }
    let number: i64 = version.parse().map_err(|_| ())?;
    Ok(Some(Id::new(
        Key::Int(number.into()),
        number.to_string(),
        name,
    )))
}
