//! Walking a repository as Git would: what is ignored is passed over, links are not followed out of
//! the tree, and the walk has an end.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::place::Base;

/// The most files that one run looks at.
const MOST: usize = 1_000_000;

/// Folders that hold what others wrote or what was made.
const PASSED_OVER: [&str; 4] = [".git", "node_modules", "vendor", "target"];

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Its name relative to the base, with `/` between its parts.
    pub(crate) name: String,
    /// Its path, to be opened.
    pub(crate) path: PathBuf,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The files, by name.
    pub(crate) files: BTreeMap<String, Entry>,
    /// What could not be looked at: its name, and why.
    pub(crate) troubles: Vec<(String, io::Error)>,
    /// Links that lead out of the tree, by name; they were not followed.
    pub(crate) outside: Vec<String>,
    /// Whether there was more than anybody can want to look at.
    pub(crate) cut: bool,
}

/// How to walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk<'a> {
    /// What names are relative to.
    pub(crate) base: &'a Base,
    /// What is passed over besides.
    pub(crate) exclude: &'a Gitignore,
    /// Whether to heed what Git ignores.
    pub(crate) ignore: bool,
}

/// Patterns as in a `.gitignore` at the base. One that is none is left out.
pub(crate) fn pattern(base: &Base, patterns: &[String]) -> Gitignore {
    let mut builder = GitignoreBuilder::new(&base.folder);
    for pattern in patterns {
        // The settings have been checked.
        let _ = builder.add_line(None, pattern);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

impl Walk<'_> {
    /// Adds the files at and below `root`, which is absolute and without links on the way.
    pub(crate) fn add(&self, root: &Path, listing: &mut Listing) {
        let mut builder = WalkBuilder::new(root);
        builder
            .standard_filters(false)
            .git_ignore(self.ignore)
            .git_global(self.ignore)
            .git_exclude(self.ignore)
            .parents(self.ignore)
            .follow_links(false)
            .threads(
                std::thread::available_parallelism()
                    .map_or(1, usize::from)
                    .min(8),
            );
        let exclude = self.exclude.clone();
        builder.filter_entry(move |entry| {
            let folder = entry.file_type().is_some_and(|it| it.is_dir());
            let name = entry.file_name();
            let passed = entry.depth() > 0 && folder && PASSED_OVER.iter().any(|it| name == *it);
            !passed && !exclude.matched(entry.path(), folder).is_ignore()
        });
        let found = Mutex::new(std::mem::take(listing));
        let count = AtomicUsize::new(0);
        builder.build_parallel().run(|| {
            Box::new(|entry| {
                let seen = count.fetch_add(1, Ordering::Relaxed);
                let mut listing = found.lock().unwrap_or_else(PoisonError::into_inner);
                if seen >= MOST {
                    listing.cut = true;
                    return WalkState::Quit;
                }
                match entry {
                    Ok(entry) => self.entry(&entry, &mut listing),
                    Err(error) => self.trouble(error, root, &mut listing),
                }
                WalkState::Continue
            })
        });
        *listing = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    fn entry(&self, entry: &DirEntry, listing: &mut Listing) {
        let Some(kind) = entry.file_type() else {
            return;
        };
        let name = self.base.name(entry.path());
        if kind.is_symlink() {
            match link(entry.path(), &self.base.folder) {
                Link::File => {}
                Link::Outside => {
                    listing.outside.push(name);
                    return;
                }
                Link::Other => return,
            }
        } else if kind.is_dir() {
            return;
        }
        let path = entry.path().to_owned();
        listing.files.insert(name.clone(), Entry { name, path });
    }

    fn trouble(&self, error: ignore::Error, root: &Path, listing: &mut Listing) {
        let path = path_of(&error).unwrap_or(root).to_owned();
        // A pattern that is none, or a loop of links: nothing that keeps files from being read.
        let Some(error) = error.into_io_error() else {
            return;
        };
        listing.troubles.push((self.base.name(&path), error));
    }
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        _ => None,
    }
}

enum Link {
    /// To a file in the tree.
    File,
    /// Out of the tree.
    Outside,
    /// To a folder in the tree, which is walked by itself, or to nothing.
    Other,
}

fn link(path: &Path, tree: &Path) -> Link {
    let Ok(target) = path.canonicalize() else {
        return Link::Other;
    };
    if !target.starts_with(tree) {
        return Link::Outside;
    }
    match fs::metadata(&target) {
        Ok(found) if found.is_file() => Link::File,
        _ => Link::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(folder: &Path, exclude: &[&str]) -> (Vec<String>, Vec<String>) {
        let base = Base::find(folder, None).unwrap();
        let patterns: Vec<String> = exclude.iter().map(|it| (*it).to_owned()).collect();
        let exclude = pattern(&base, &patterns);
        let walk = Walk {
            base: &base,
            exclude: &exclude,
            ignore: true,
        };
        let mut listing = Listing::default();
        walk.add(&base.folder, &mut listing);
        assert!(listing.troubles.is_empty(), "{:?}", listing.troubles);
        (listing.files.into_keys().collect(), listing.outside)
    }

    #[test]
    fn it_walks_as_git_does() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "*.log\n/out\n").unwrap();
        };
        for name in [
            ".gitignore",
            "a.sql",
            "b.log",
            "out/c.sql",
            "in/out/d.sql",
            ".hidden/e.sql",
            "node_modules/f.sql",
            "x/target/g.sql",
            "old/h.sql",
            ".git/HEAD",
        ] {
            write(name);
        }
        let elsewhere = tempfile::tempdir().unwrap();
        symlink("a.sql", folder.path().join("l.sql")).unwrap();
        symlink("in", folder.path().join("folder")).unwrap();
        symlink("nowhere", folder.path().join("m.sql")).unwrap();
        symlink(elsewhere.path(), folder.path().join("far")).unwrap();
        let (found, outside) = names(folder.path(), &["old/"]);
        assert_eq!(
            found,
            [
                ".gitignore",
                ".hidden/e.sql",
                "a.sql",
                "in/out/d.sql",
                "l.sql"
            ]
        );
        assert_eq!(outside, ["far"]);
    }
}
