//! Migrations that were applied and say something else since a revision: reads them as they were
//! there, and asks the rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use switchback_migration::history;
use switchback_migration::lint::Finding;
use switchback_migration::repository::edited::{State, edited};

use super::folders::{Group, Groups};
use super::since::{Changes, touches};
use super::targets::{Targets, real};
use crate::errors::Failure;
use crate::settings::load::understand;
use crate::settings::source::Source;
use crate::settings::{Loaded, Settings};
use crate::survey::Base;

/// What was found in the folders, of what changed since a revision.
pub(super) fn find(
    changes: &Changes,
    (revision, changed): (&str, &BTreeSet<PathBuf>),
    (base, targets): (&Base, &Targets),
    loaded: Option<&Loaded>,
    groups: &Groups,
) -> Result<Vec<Finding>, Failure> {
    let Some(loaded) = loaded else {
        return Ok(Vec::new());
    };
    // What was applied is what was said there: it may have been edited before it was applied.
    let Some(text) = changes.text_at(revision, &real(&loaded.source.path))? else {
        return Ok(Vec::new());
    };
    let Some(then) = understood(loaded, text) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for group in &groups.all {
        let Some(until) = until(&then, group, base) else {
            continue;
        };
        let mut were = BTreeMap::new();
        for migration in &group.folder.migrations {
            let file = migration.up.file.as_str();
            if targets.judges(&base.path(file))
                && touches(changed, [file], |file| base.path(file))
                && let Some(text) = changes.text_at(revision, &base.path(file))?
            {
                were.insert(file, text);
            }
        }
        if were.is_empty() {
            continue;
        }
        found.extend(in_group(group, &were, until, revision));
    }
    Ok(found)
}

/// Settings as they were; none of a text that is none, or that only another version understands.
fn understood(now: &Loaded, text: String) -> Option<Settings> {
    let path = now.source.path.clone();
    let folder = path.parent()?.to_owned();
    let then = understand(Source::new(path, &folder, text)).ok()?;
    Some(then.settings)
}

fn in_group(
    group: &Group,
    were: &BTreeMap<&str, String>,
    until: &str,
    revision: &str,
) -> Vec<Finding> {
    let now: BTreeMap<&str, &[u8]> = group.texts().collect();
    let then = |file: &str| match were.get(file) {
        Some(text) => Some(text.as_bytes()),
        None => now.get(file).copied(),
    };
    let Some(folder) = history::read(&group.candidate, then) else {
        return Vec::new();
    };
    let was = |file: &str| were.get(file).map(String::as_str);
    let is = |file: &str| std::str::from_utf8(now.get(file)?).ok();
    edited(
        &State {
            folder: &folder,
            text: &was,
        },
        &State {
            folder: &group.folder,
            text: &is,
        },
        until,
        revision,
    )
}

/// The last version of a folder that settings say is applied everywhere.
fn until<'s>(settings: &'s Settings, group: &Group, base: &Base) -> Option<&'s str> {
    let migrations = &settings.migrations;
    let own = migrations.folders.iter().find(|set| {
        let folder = real(&base.folder.join(&set.path));
        base.name(&folder) == group.folder.path
    });
    let own = own.and_then(|it| it.applied_until.as_deref());
    own.or(migrations.applied_until.as_deref())
}
