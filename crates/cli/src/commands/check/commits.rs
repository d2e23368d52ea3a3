//! Commits that take something out of the database and change code: reads the commits and asks the
//! rule.

use std::collections::BTreeMap;

use switchback_migration::lint::Finding;
use switchback_migration::repository::mixed::{Commit, mixed};
use switchback_migration::sql::ir::Statement;
use switchback_supply::git::CommitFiles;

use super::folders::Groups;
use super::since::Changes;
use super::targets::Targets;
use crate::errors::{self, Failure};
use crate::survey::Base;

/// What was found in the commits of a range.
pub(super) fn find(
    changes: &Changes,
    (range, flag): (&str, &str),
    base: &Base,
    targets: &Targets,
    groups: &Groups,
) -> Result<Vec<Finding>, Failure> {
    let (from, to) = changes.range(range, flag)?;
    let commits = changes
        .repository()
        .commits_between(&from, &to)
        .map_err(|error| errors::no_revision(flag, error))?;
    let ups = ups(groups);
    let folders: Vec<&str> = groups
        .all
        .iter()
        .map(|it| it.folder.path.as_str())
        .collect();
    let mut found = Vec::new();
    for commit in &commits {
        let name = |path: &String| base.name(&changes.path(path));
        let added: Vec<String> = commit.added.iter().map(name).collect();
        let added = added
            .iter()
            .filter(|file| targets.judges(&base.path(file)))
            .filter_map(|file| Some((file.as_str(), ups.get(file.as_str())?.clone())))
            .collect::<Vec<_>>();
        if added.is_empty() {
            continue;
        }
        let changed: Vec<String> = all(commit).map(name).collect();
        found.extend(mixed(&Commit {
            id: commit.id.short(),
            subject: &commit.subject,
            added,
            changed: changed.iter().map(String::as_str).collect(),
            folders: folders.clone(),
        }));
    }
    Ok(found)
}

fn all(commit: &CommitFiles) -> impl Iterator<Item = &String> {
    commit
        .added
        .iter()
        .chain(&commit.changed)
        .chain(&commit.removed)
}

/// The statements of each way up, by file.
fn ups(groups: &Groups) -> BTreeMap<&str, Vec<&Statement>> {
    let mut found: BTreeMap<&str, Vec<&Statement>> = BTreeMap::new();
    for group in &groups.all {
        for migration in &group.folder.migrations {
            let part = &migration.up;
            if let Some(source) = group.sources.get(&part.file) {
                let inside = |it: &&Statement| part.span.contains(&it.span.start);
                let statements = source.statements.iter().filter(inside);
                found.entry(&part.file).or_default().extend(statements);
            }
        }
    }
    found
}
