//! Folders and files of a commit.

use std::rc::Rc;

use gix::hashtable::HashMap;

use super::super::error::escaped_name;
use super::error::{HistoryError, ObjectKind};
use super::id::ObjectId;
use super::open::History;

/// The most entries that are listed or compared at once. A few small trees that name each other can
/// stand for more files than any machine has.
pub const LIST_LIMIT: usize = 2_000_000;

/// How many bytes of trees are kept.
const KEPT_TREES: usize = 8 << 20;

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A symbolic link; its contents are where it leads.
    Symlink,
    /// A submodule: the id is a commit of another repository.
    Submodule,
}

/// A file, link or submodule in a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// From the top of the repository, with `/` between folders.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Its contents: the same id is the same bytes.
    pub id: ObjectId,
}

/// A file's contents in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What it is; never a submodule.
    pub kind: EntryKind,
    /// Its id: the same id is the same bytes.
    pub id: ObjectId,
    /// All of its bytes.
    pub bytes: Vec<u8>,
}

/// The mode of an entry, as a number.
pub(super) type Mode = u32;

/// One line of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) mode: Mode,
    pub(super) name: &'a [u8],
    pub(super) id: ObjectId,
}

impl Line<'_> {
    pub(super) fn is_folder(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    fn kind(&self) -> EntryKind {
        match self.mode & 0o170_000 {
            0o120_000 => EntryKind::Symlink,
            0o160_000 => EntryKind::Submodule,
            _ if self.mode & 0o100 != 0 => EntryKind::Executable,
            _ => EntryKind::File,
        }
    }
}

/// A tree that was read and checked.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    bytes: Rc<[u8]>,
    id_length: usize,
}

impl Tree {
    pub(super) fn empty() -> Self {
        Self {
            bytes: Rc::from([]),
            id_length: 20,
        }
    }

    /// The lines as they stand there, which is by name (a folder's as if it ended with `/`).
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut rest: &[u8] = &self.bytes;
        std::iter::from_fn(move || {
            let (line, after) = parse_line(rest, self.id_length)?;
            rest = after;
            Some(line)
        })
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<Line<'_>> {
        self.lines().find(|line| line.name == name)
    }

    fn check(&self, id: ObjectId) -> Result<(), HistoryError> {
        let mut rest: &[u8] = &self.bytes;
        while !rest.is_empty() {
            let Some((_, after)) = parse_line(rest, self.id_length) else {
                return Err(HistoryError::corrupt(
                    id,
                    "a tree ends in the middle of an entry",
                ));
            };
            rest = after;
        }
        Ok(())
    }
}

/// `<octal mode> <name>\0<id>`.
fn parse_line(bytes: &[u8], id_length: usize) -> Option<(Line<'_>, &[u8])> {
    let blank = bytes.iter().take(8).position(|b| *b == b' ')?;
    let mut mode = 0;
    for digit in &bytes[..blank] {
        if !(b'0'..=b'7').contains(digit) {
            return None;
        }
        mode = mode * 8 + Mode::from(digit - b'0');
    }
    let rest = &bytes[blank + 1..];
    let end = rest.iter().position(|b| *b == 0)?;
    let id = rest.get(end + 1..end + 1 + id_length)?;
    let line = Line {
        mode: canonical(mode),
        name: &rest[..end],
        id: ObjectId(gix::ObjectId::try_from(id).ok()?),
    };
    Some((line, &rest[end + 1 + id_length..]))
}

/// Old versions of Git wrote more kinds of files than it tells apart.
fn canonical(mode: Mode) -> Mode {
    match mode & 0o170_000 {
        0o100_000 if mode & 0o100 != 0 => 0o100_755,
        0o100_000 => 0o100_644,
        folder_or_link @ (0o040_000 | 0o120_000) => folder_or_link,
        _ => 0o160_000,
    }
}

/// Trees that were read lately: the next question is often about the same commit or its parent.
#[derive(Debug, Default)]
pub(super) struct TreeCache {
    trees: HashMap<gix::ObjectId, Tree>,
    bytes: usize,
}

impl TreeCache {
    fn put(&mut self, id: ObjectId, tree: &Tree) {
        // Forgetting everything now and then is as good here as knowing what was used last.
        if self.bytes + tree.bytes.len() > KEPT_TREES {
            self.trees.clear();
            self.bytes = 0;
        }
        if tree.bytes.len() <= KEPT_TREES {
            self.bytes += tree.bytes.len();
            self.trees.insert(id.0, tree.clone());
        }
    }
}

impl History {
    pub(super) fn tree(&self, id: ObjectId) -> Result<Tree, HistoryError> {
        if let Some(tree) = self.trees.borrow().trees.get(&id.0) {
            return Ok(tree.clone());
        }
        // Git knows this one without its being stored.
        if id.0 == gix::ObjectId::empty_tree(id.0.kind()) {
            return Ok(Tree::empty());
        }
        let tree = self.with_kind(id, ObjectKind::Tree, |bytes| {
            let tree = Tree {
                bytes: Rc::from(bytes),
                id_length: id.as_bytes().len(),
            };
            tree.check(id)?;
            Ok(tree)
        })?;
        self.trees.borrow_mut().put(id, &tree);
        Ok(tree)
    }

    /// A file of a commit; `None` if there is no file, link or submodule of this name.
    ///
    /// `path` is from the top of the repository. Links are not followed.
    ///
    /// # Errors
    /// [`HistoryError::InvalidPath`], and those of missing and damaged objects.
    pub fn entry(
        &self,
        commit: ObjectId,
        path: impl AsRef<[u8]>,
    ) -> Result<Option<Entry>, HistoryError> {
        let path = path.as_ref();
        let parts = parts_of(path)?;
        let Some((name, folders)) = parts.split_last() else {
            return Ok(None);
        };
        let Some(folder) = self.folder(commit, folders)? else {
            return Ok(None);
        };
        let line = folder.find(name).filter(|line| !line.is_folder());
        Ok(line.map(|line| Entry {
            path: path.to_vec(),
            kind: line.kind(),
            id: line.id,
        }))
    }

    /// Whether a commit has a folder of this name; `""` is the top.
    ///
    /// # Errors
    /// As for [`History::entry`].
    pub fn has_folder(
        &self,
        commit: ObjectId,
        folder: impl AsRef<[u8]>,
    ) -> Result<bool, HistoryError> {
        let parts = parts_of(folder.as_ref())?;
        Ok(self.folder(commit, &parts)?.is_some())
    }

    /// Whether a commit has anything of this name: a file, a link, a submodule or a folder.
    ///
    /// # Errors
    /// As for [`History::entry`].
    pub fn has(&self, commit: ObjectId, path: impl AsRef<[u8]>) -> Result<bool, HistoryError> {
        let path = path.as_ref();
        Ok(self.entry(commit, path)?.is_some() || self.has_folder(commit, path)?)
    }

    /// The contents of a file or link of a commit; `None` if there is none of this name, or a
    /// submodule.
    ///
    /// # Errors
    /// [`HistoryError::TooLarge`] if it has more than `limit` bytes, and as for [`History::entry`].
    pub fn read(
        &self,
        commit: ObjectId,
        path: impl AsRef<[u8]>,
        limit: u64,
    ) -> Result<Option<File>, HistoryError> {
        let entry = self.entry(commit, path)?;
        let Some(entry) = entry.filter(|entry| entry.kind != EntryKind::Submodule) else {
            return Ok(None);
        };
        // Asked first, so that no more is read than the caller can take.
        let (_, size) = self.header(entry.id)?;
        if size > limit {
            let path = String::from_utf8_lossy(&entry.path);
            return Err(HistoryError::TooLarge {
                what: format!("`{}`", escaped_name(&path)),
                limit: format!("{limit} bytes"),
            });
        }
        let bytes = self.with_kind(entry.id, ObjectKind::Blob, |bytes| Ok(bytes.to_vec()))?;
        Ok(Some(File {
            kind: entry.kind,
            id: entry.id,
            bytes,
        }))
    }

    /// All files, links and submodules below a folder of a commit, in Git's order. Empty if there is
    /// no such folder; `""` is the top.
    ///
    /// # Errors
    /// [`HistoryError::TooLarge`] beyond [`LIST_LIMIT`], [`HistoryError::InvalidPath`], and those of
    /// missing and damaged objects.
    pub fn list(
        &self,
        commit: ObjectId,
        folder: impl AsRef<[u8]>,
    ) -> Result<Vec<Entry>, HistoryError> {
        let folder = folder.as_ref();
        let parts = parts_of(folder)?;
        let mut entries = Vec::new();
        if let Some(tree) = self.folder(commit, &parts)? {
            let path = parts.join(&b'/');
            let mut each = |path: Vec<u8>, line: Line<'_>| {
                entries.push(Entry {
                    path,
                    kind: line.kind(),
                    id: line.id,
                });
            };
            self.each_below(&tree, path, &mut LIST_LIMIT.clone(), &mut each)?;
        }
        Ok(entries)
    }

    /// Calls `each` for everything below a folder that is not a folder itself, in Git's order.
    pub(super) fn each_below(
        &self,
        tree: &Tree,
        path: Vec<u8>,
        left: &mut usize,
        each: &mut dyn FnMut(Vec<u8>, Line<'_>),
    ) -> Result<(), HistoryError> {
        // Folders that are still to be entered stand on a stack: trees may be deeper than ours.
        let mut stack = vec![(tree.clone(), 0, path)];
        while let Some((tree, mut at, path)) = stack.pop() {
            while let Some((line, after)) = parse_line(&tree.bytes[at..], tree.id_length) {
                at = tree.bytes.len() - after.len();
                spend(left)?;
                let below = joined(&path, line.name);
                if line.is_folder() {
                    let inner = self.tree(line.id)?;
                    stack.push((tree.clone(), at, path));
                    stack.push((inner, 0, below));
                    break;
                }
                each(below, line);
            }
        }
        Ok(())
    }

    fn folder(&self, commit: ObjectId, parts: &[&[u8]]) -> Result<Option<Tree>, HistoryError> {
        let mut tree = self.tree(self.facts(commit)?.0.tree)?;
        for part in parts {
            let id = match tree.find(part) {
                Some(line) if line.is_folder() => line.id,
                _ => return Ok(None),
            };
            tree = self.tree(id)?;
        }
        Ok(Some(tree))
    }
}

/// One entry less of what may be looked at.
pub(super) fn spend(left: &mut usize) -> Result<(), HistoryError> {
    match left.checked_sub(1) {
        Some(fewer) => {
            *left = fewer;
            Ok(())
        }
        None => Err(HistoryError::TooLarge {
            what: "a list of files".to_owned(),
            limit: format!("{LIST_LIMIT} entries"),
        }),
    }
}

pub(super) fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
    path.extend_from_slice(folder);
    if !folder.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The names in a path; none for the top of the repository. One `/` at the end does not count.
pub(super) fn parts_of(path: &[u8]) -> Result<Vec<&[u8]>, HistoryError> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let bad =
        |part: &&[u8]| part.is_empty() || *part == b"." || *part == b".." || part.contains(&0);
    let parts: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
    match parts.iter().any(bad) {
        true => Err(HistoryError::InvalidPath {
            path: escaped_name(&String::from_utf8_lossy(path)),
        }),
        false => Ok(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_names() {
        assert_eq!(parts_of(b"").unwrap(), Vec::<&[u8]>::new());
        assert_eq!(parts_of(b"a").unwrap(), [b"a"]);
        assert_eq!(parts_of(b"a/b/").unwrap(), [b"a", b"b"]);
        for bad in ["/a", "a//b", "./a", "a/..", "a\0", "//"] {
            assert!(parts_of(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_tree_that_ends_too_early_is_damaged() {
        let id: ObjectId = "1".repeat(40).parse().unwrap();
        let mut whole = b"100644 a\0".to_vec();
        whole.extend_from_slice(&[7; 20]);
        for end in 1..whole.len() {
            let tree = Tree {
                bytes: Rc::from(&whole[..end]),
                id_length: 20,
            };
            assert!(tree.check(id).is_err(), "{end}");
        }
        let tree = Tree {
            bytes: Rc::from(&whole[..]),
            id_length: 20,
        };
        tree.check(id).unwrap();
        assert_eq!(tree.find(b"a").unwrap().mode, 0o100_644);
        assert!(tree.find(b"b").is_none());
    }
}
