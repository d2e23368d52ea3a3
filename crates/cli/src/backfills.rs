//! Backfill files: `backfills/<id>.toml` in the work tree.

use std::fs;
use std::io::Read as _;

use switchback_migration::backfill::Job;
use switchback_model::BackfillId;

use crate::context::Context;
use crate::errors::{self, Failure};
use crate::files::{self, Doing, FileError};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What the names of files end with.
pub(crate) const END: &str = ".toml";

/// The ids of the backfills in the work tree, in order.
pub(crate) fn list(context: &Context<'_>) -> Result<Vec<BackfillId>, Failure> {
    let mut found = Vec::new();
    for entry in files::entries(&context.backfills())? {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(END));
        if let Some(id) = id.and_then(|id| BackfillId::new(id).ok())
            && entry.path().is_file()
        {
            found.push(id);
        }
    }
    found.sort();
    Ok(found)
}

/// Fails with SB1519 if an id is that of the fill of a change; `back` says that it is to be undone.
pub(crate) fn check_own(id: &str, environment: &str, back: bool) -> Result<(), Failure> {
    match BackfillId::fill(id) {
        Some((change, _)) => Err(errors::backfill_of_change(id, change, back, environment)),
        None => Ok(()),
    }
}

/// The backfill with this id.
pub(crate) fn load(context: &Context<'_>, id: &str) -> Result<Job, Failure> {
    let known = list(context)?;
    let missing = || errors::backfill_missing(id, known.iter().map(BackfillId::as_str));
    // What is no name names no backfill, and no other file either.
    let id = BackfillId::new(id).map_err(|_| missing())?;
    if !known.contains(&id) {
        return Err(missing());
    }
    let path = context.backfills().join(format!("{id}{END}"));
    let failed = |source| FileError {
        doing: Doing::Read,
        path: path.clone(),
        source,
    };
    let mut bytes = Vec::new();
    fs::File::open(&path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    let shown = context.shown(&path);
    if bytes.len() as u64 > LARGEST {
        return Err(errors::backfill_too_large(&shown, LARGEST));
    }
    let text = String::from_utf8(bytes).map_err(|_| errors::backfill_not_utf8(&shown))?;
    Job::parse(id, &text).map_err(|error| errors::backfill_wrong(&shown, &text, error))
}
