//! What is looked at: folders that are walked, and what in them is judged.
//!
//! A migration is judged by all before it, and which tool and engine it is for often stands in a
//! file elsewhere. So the whole project is walked even if only a part of it is judged.

use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;

use super::Check;
use crate::errors::{self, Failure};
use crate::settings::Settings;
use crate::shell::Shell;
use crate::survey::{Base, Listing, Walk};

/// What is looked at.
#[derive(Debug)]
pub(super) struct Targets {
    /// Folders that are walked, none inside of another.
    pub(super) roots: Vec<Root>,
    /// What is judged.
    pub(super) wanted: Vec<Wanted>,
}

/// A folder that is walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    /// The folder, without links on the way.
    pub(super) folder: PathBuf,
    /// Whether nothing says that a project ends here, so that its own name may say something.
    pub(super) alone: bool,
}

/// A folder or file that is judged, with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The folder or file, without links on the way.
    pub(super) path: PathBuf,
    /// Whether it is a file.
    pub(super) file: bool,
    /// Whether somebody named it, so that it is taken for what they say.
    pub(super) named: bool,
}

impl Targets {
    /// What the arguments say. `settings` is whether there are settings at the base.
    pub(super) fn find(
        check: &Check,
        shell: &Shell,
        base: &Base,
        settings: bool,
    ) -> Result<Self, Failure> {
        let mut wanted = Vec::new();
        if let Some(name) = &check.stdin_name {
            wanted.push(Wanted {
                path: real(&shell.folder.join(name)),
                file: true,
                named: true,
            });
        } else if check.paths.is_empty() {
            let path = if settings { &base.folder } else { &base.here };
            wanted.push(Wanted {
                path: path.clone(),
                file: false,
                named: false,
            });
        }
        for path in &check.paths {
            let found = shell.folder.join(path).canonicalize();
            let found = found.map_err(|error| errors::nothing_there(path, &error))?;
            wanted.push(Wanted {
                file: !found.is_dir(),
                path: found,
                named: true,
            });
        }
        let roots = wanted
            .iter()
            .map(|it| project(it, base, settings))
            .collect();
        Ok(Self {
            roots: outermost(roots),
            wanted,
        })
    }

    /// Walks everything.
    pub(super) fn walk(
        &self,
        base: &Base,
        exclude: &Gitignore,
        settings: Option<&Settings>,
    ) -> Result<Listing, Failure> {
        let mut listing = Listing::default();
        let heeding = Walk {
            base,
            exclude,
            ignore: true,
        };
        let plain = Walk {
            ignore: false,
            ..heeding
        };
        for root in &self.roots {
            heeding.add(&root.folder, &mut listing);
        }
        // What somebody names is wanted, whatever Git thinks of it.
        for wanted in self.wanted.iter().filter(|it| it.named) {
            let seen = listing
                .files
                .values()
                .any(|it| it.path.starts_with(&wanted.path));
            if !seen && wanted.path.exists() {
                plain.add(&wanted.path, &mut listing);
            }
        }
        for folder in settings.into_iter().flat_map(|it| &it.migrations.folders) {
            plain.add(&real(&base.folder.join(&folder.path)), &mut listing);
        }
        if listing.cut {
            return Err(errors::too_many_files());
        }
        Ok(listing)
    }

    /// Whether a path is judged.
    pub(super) fn judges(&self, path: &Path) -> bool {
        self.wanted.iter().any(|it| path.starts_with(&it.path))
    }

    /// Whether folders are judged, and with them what is no migration.
    pub(super) fn has_folders(&self) -> bool {
        self.wanted.iter().any(|it| !it.file)
    }
}

/// A path without links on the way, also of a file that is not there yet.
pub(super) fn real(path: &Path) -> PathBuf {
    let whole = path.canonicalize().ok();
    let in_folder = || {
        let folder = path.parent()?.canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    whole.or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

/// How many folders above a named one are looked at, where nothing says where a project ends.
const ABOVE: usize = 3;

/// The project that something belongs to: that of the settings, else its repository, else what is
/// around it.
fn project(wanted: &Wanted, base: &Base, settings: bool) -> Root {
    let folder = if wanted.file {
        wanted.path.parent().unwrap_or(&wanted.path)
    } else {
        &wanted.path
    };
    let whole = |folder: &Path| Root {
        folder: folder.to_owned(),
        alone: false,
    };
    if settings && folder.starts_with(&base.folder) {
        return whole(&base.folder);
    }
    let mut above = folder.ancestors();
    if let Some(top) = above.find(|above| above.join(".git").exists()) {
        return whole(top);
    }
    if folder.starts_with(&base.here) {
        let inside = |above: &&Path| above.starts_with(&base.here);
        let last = folder.ancestors().take(ABOVE + 1).take_while(inside).last();
        return Root {
            folder: last.unwrap_or(folder).to_owned(),
            alone: true,
        };
    }
    // Some tools make a folder of each migration.
    let nested = ["up.sql", "down.sql", "migration.sql"];
    let name = wanted.path.file_name();
    let nested = wanted.file && nested.iter().any(|it| name.is_some_and(|name| name == *it));
    let home = folder.parent().filter(|_| nested).unwrap_or(folder);
    Root {
        folder: home.to_owned(),
        alone: true,
    }
}

/// Folders without those that lie in others.
fn outermost(mut roots: Vec<Root>) -> Vec<Root> {
    roots.sort_by(|one, other| one.folder.cmp(&other.folder));
    let mut kept: Vec<Root> = Vec::new();
    for root in roots {
        let inside = |outer: &Root| root.folder.starts_with(&outer.folder);
        if !kept.iter().any(inside) {
            kept.push(root);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outermost_are_walked() {
        let root = |path: &str| Root {
            folder: path.into(),
            alone: false,
        };
        let roots = ["/a/b", "/a", "/a/b/c", "/ab"].map(root);
        assert_eq!(outermost(roots.to_vec()), ["/a", "/ab"].map(root));
    }
}
