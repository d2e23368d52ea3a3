//! Change files of a repository: what people wrote about changes while they were fresh.

use std::collections::BTreeSet;
use std::path::Path;

use switchback_supply::git::log::{EntryKind, History, ObjectId};
use switchback_version::Level;
use switchback_version::change_file::{ChangeFile, LARGEST, SHORTEST_ID};
use switchback_version::verdict::{Claim, Evidence};

use crate::errors::{self, Failure};
use crate::shell::Shell;

/// The folder of change files where no settings name another.
pub(crate) const FOLDER: &str = "changelog.d";

/// A change file, and where it is.
pub(crate) struct Entry {
    /// Its path from the top of the repository.
    pub(crate) path: String,
    pub(crate) change: ChangeFile,
}

impl Entry {
    /// Says what it covers that is nothing, at a commit.
    pub(crate) fn note(&self, shell: &Shell, history: &History, head: ObjectId) {
        for covered in &self.change.covers {
            // What is no path of a file is nothing that is there.
            if !is_id(covered) && !history.has(head, covered).unwrap_or(false) {
                shell.out.note(&format!(
                    "{} covers `{covered}`, which is neither a commit nor a contract nor a fingerprint",
                    self.path
                ));
            }
        }
    }
}

/// Whether a text can be the beginning of the id of a commit or of a fingerprint.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() >= SHORTEST_ID && text.bytes().all(|it| it.is_ascii_hexdigit())
}

/// The change files that a commit has and a release had not, or had otherwise, by their names.
/// `folder` is from the top of the repository. A read-me is none.
pub(crate) fn since(
    history: &History,
    folder: &str,
    base: Option<ObjectId>,
    head: ObjectId,
) -> Result<Vec<Entry>, Failure> {
    let list = |commit| history.list(commit, folder);
    let released: BTreeSet<_> = match base {
        Some(base) => list(base)?.into_iter().map(|it| (it.path, it.id)).collect(),
        None => BTreeSet::new(),
    };
    let mut entries = Vec::new();
    for file in list(head)? {
        let path = String::from_utf8_lossy(&file.path).into_owned();
        let name = path.rsplit('/').next().unwrap_or_default();
        let direct = path.len() == folder.len() + 1 + name.len();
        let read_me = name.eq_ignore_ascii_case("README.md");
        if !direct || read_me || !name.ends_with(".md") {
            continue;
        }
        if released.contains(&(file.path.clone(), file.id)) {
            continue;
        }
        let text = match file.kind {
            EntryKind::File | EntryKind::Executable => {
                history.read(head, &file.path, LARGEST as u64)?
            }
            EntryKind::Symlink | EntryKind::Submodule => None,
        };
        let text = text.ok_or_else(|| errors::entry(&path, "it is no file"))?;
        let change = ChangeFile::parse(name, &text.bytes)
            .map_err(|wrong| errors::entry(&path, &wrong.to_string()))?;
        entries.push(Entry { path, change });
    }
    Ok(entries)
}

impl From<&Entry> for Claim {
    fn from(it: &Entry) -> Self {
        let level = it.change.level.unwrap_or(Level::None);
        let text = it.change.text.lines().next().unwrap_or_default();
        Claim {
            level,
            sentence: format!("a change file says {}: {text}", level.name()),
            evidence: Evidence::ChangeFile {
                file: it.path.clone(),
            },
        }
    }
}

/// A name for a change file from what it says: its first words.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for word in text.split(|it: char| !it.is_ascii_alphanumeric()) {
        if word.is_empty() {
            continue;
        }
        if slug.len() + 1 + word.len() > 48 {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    slug
}

/// A path that is shown and typed, of a file in a folder.
pub(crate) fn shown(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_name_is_made_from_the_first_words() {
        assert_eq!(
            slug("`GET /orders` takes a `limit`."),
            "get-orders-takes-a-limit"
        );
        assert_eq!(slug("Größe, α!"), "gr-e");
        assert_eq!(slug("…"), "");
        assert!(slug(&"word ".repeat(40)).len() <= 48);
    }
}
