//! Change folders: `changes/<id>/` in the work tree and in commits.

use std::collections::BTreeMap;
use std::fs;

use switchback_migration::Definition;
use switchback_migration::definition::CHANGE_FILE;
use switchback_model::{ChangeId, Event, EventId, Timestamp};
use switchback_supply::git::{CommitId, Repository};

use crate::book::Book;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::files::{self, Doing, FileError};

/// The largest file of a change folder that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// The ids of the change folders in the work tree, in order.
pub(crate) fn list(context: &Context<'_>) -> Result<Vec<ChangeId>, Failure> {
    let mut found = Vec::new();
    for entry in files::entries(&context.changes())? {
        let name = entry.file_name();
        if let Some(id) = name.to_str().and_then(|name| ChangeId::new(name).ok())
            && entry.path().join(CHANGE_FILE).is_file()
        {
            found.push(id);
        }
    }
    found.sort();
    Ok(found)
}

/// The change with this id as the work tree has it.
pub(crate) fn load(context: &Context<'_>, id: &str) -> Result<Definition, Failure> {
    let known = list(context)?;
    let missing = || errors::change_missing(id, known.iter().map(ChangeId::as_str));
    let id = ChangeId::new(id).map_err(|_| missing())?;
    if !known.contains(&id) {
        return Err(missing());
    }
    let folder = context.changes().join(id.as_str());
    let failed = |source| FileError {
        doing: Doing::Read,
        path: folder.clone(),
        source,
    };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let (true, Some(name)) = (
            path.is_file(),
            entry.file_name().to_str().map(str::to_owned),
        ) else {
            continue;
        };
        if entry.metadata().map_err(failed)?.len() > LARGEST {
            return Err(errors::change_file_too_large(&path, LARGEST));
        }
        let bytes = fs::read(&path).map_err(|source| FileError {
            doing: Doing::Read,
            path: path.clone(),
            source,
        })?;
        files.insert(name, bytes);
    }
    parse(&folder.join(CHANGE_FILE).display().to_string(), &id, files)
}

/// The change with this id as a commit has it, if it does.
pub(crate) fn at_commit(
    context: &Context<'_>,
    repository: &Repository,
    commit: &CommitId,
    id: &ChangeId,
) -> Result<Option<Definition>, Failure> {
    let prefix = format!("{}/{id}/", context.changes_in(repository)?);
    let mut files = BTreeMap::new();
    for path in repository.list_files(commit, prefix.trim_end_matches('/'))? {
        let Some(name) = path
            .strip_prefix(&prefix)
            .filter(|name| !name.contains('/'))
        else {
            continue;
        };
        if let Some(bytes) = repository.read_file(commit, &path, LARGEST)? {
            files.insert(name.to_owned(), bytes);
        }
    }
    if !files.contains_key(CHANGE_FILE) {
        return Ok(None);
    }
    let shown = format!("{prefix}{CHANGE_FILE} at {}", commit.short());
    parse(&shown, id, files).map(Some)
}

/// Whether the history that leads to a commit ever had the folder of a change.
pub(crate) fn was_known(
    context: &Context<'_>,
    repository: &Repository,
    commit: &CommitId,
    id: &ChangeId,
) -> Result<bool, Failure> {
    let path = format!("{}/{id}/{CHANGE_FILE}", context.changes_in(repository)?);
    Ok(repository.has_known(commit, &path)?)
}

/// The ids of the change folders in a commit.
pub(crate) fn ids_at_commit(
    context: &Context<'_>,
    repository: &Repository,
    commit: &CommitId,
) -> Result<Vec<ChangeId>, Failure> {
    let folder = context.changes_in(repository)?;
    let suffix = format!("/{CHANGE_FILE}");
    let files = repository.list_files(commit, &folder)?;
    let mut ids: Vec<ChangeId> = files
        .iter()
        .filter_map(|path| {
            path.strip_prefix(&folder)?
                .strip_prefix('/')?
                .strip_suffix(&suffix)
        })
        .filter_map(|id| ChangeId::new(id).ok())
        .collect();
    ids.sort();
    Ok(ids)
}

fn parse(
    shown: &str,
    id: &ChangeId,
    mut files: BTreeMap<String, Vec<u8>>,
) -> Result<Definition, Failure> {
    let text = files.remove(CHANGE_FILE).unwrap_or_default();
    let text = String::from_utf8(text).map_err(|_| errors::change_not_utf8(shown))?;
    let definition = Definition::parse(&text, &files)
        .map_err(|error| errors::change_wrong(shown, &text, error))?;
    if definition.id != *id {
        return Err(errors::change_renamed(shown, id, &definition.id));
    }
    Ok(definition)
}

/// Fails if the change was opened with another definition.
pub(crate) fn check_unedited(book: &Book, definition: &Definition) -> Result<(), Failure> {
    let Some(opened) = book.world.catalog.changes.get(&definition.id) else {
        return Ok(());
    };
    let digest = definition.digest()?;
    if opened.definition.is_some_and(|known| known != digest) {
        return Err(errors::change_edited(&definition.id, opened.opened));
    }
    Ok(())
}

/// Opens the change in the ledger, unless it is open. From then on its definition is fixed.
pub(crate) fn open(book: &mut Book, definition: &Definition, at: Timestamp) -> Result<(), Failure> {
    check_unedited(book, definition)?;
    if book.world.catalog.changes.contains_key(&definition.id) {
        return Ok(());
    }
    book.append(opened_id(definition), at, opened(definition)?)?;
    // Somebody else may have opened it first, with another definition.
    check_unedited(book, definition)
}

/// Takes the change for open, without recording it: to look ahead.
pub(crate) fn suppose_open(
    book: &mut Book,
    definition: &Definition,
    at: Timestamp,
) -> Result<(), Failure> {
    if book.world.catalog.changes.contains_key(&definition.id) {
        return Ok(());
    }
    book.suppose(opened_id(definition), at, opened(definition)?)
}

fn opened_id(definition: &Definition) -> EventId {
    EventId::of(&["change", definition.id.as_str()])
}

fn opened(definition: &Definition) -> Result<Event, Failure> {
    Ok(Event::ChangeOpened {
        change: definition.id.clone(),
        title: definition.title.clone(),
        kind: definition.surface.kind,
        code: definition.code_steps(),
        retention: None,
        definition: definition.digest()?,
    })
}
