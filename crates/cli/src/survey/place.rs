//! What paths are relative to, and how they are shown.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The folder that names of files are relative to.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// The folder, without links on the way.
    pub(crate) folder: PathBuf,
    /// The top of the Git repository that it is in, if it is in one.
    pub(crate) top: Option<PathBuf>,
    /// The folder that the command was started in, without links on the way.
    pub(crate) here: PathBuf,
}

impl Base {
    /// The base of a run: the folder of the settings, else the top of the repository, else the
    /// folder that it was started in.
    pub(crate) fn find(here: &Path, settings: Option<&Path>) -> io::Result<Self> {
        let here = here.canonicalize()?;
        let folder = settings.map(Path::canonicalize).transpose()?;
        let top_of = |folder: &Path| {
            let mut above = folder.ancestors();
            above
                .find(|folder| folder.join(".git").exists())
                .map(Path::to_owned)
        };
        let top = top_of(folder.as_deref().unwrap_or(&here));
        let folder = folder
            .or_else(|| top.clone())
            .unwrap_or_else(|| here.clone());
        Ok(Self { folder, top, here })
    }

    /// A file by the name that it has here, as a path that can be opened.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The name of a path, which has no links in it.
    pub(crate) fn name(&self, path: &Path) -> String {
        slashed(&relative(&self.folder, path))
    }

    /// A name as people see it: relative to where the command was started.
    pub(crate) fn shown(&self, name: &str) -> String {
        if self.here == self.folder {
            return name.to_owned();
        }
        slashed(&relative(&self.here, &self.path(name)))
    }

    /// A name as a forge knows it: relative to the top of the repository.
    pub(crate) fn on_forge(&self, name: &str) -> String {
        match &self.top {
            Some(top) if *top != self.folder => slashed(&relative(top, &self.path(name))),
            _ => name.to_owned(),
        }
    }
}

/// A path as seen from a folder; both absolute and without links. If all they have in common is the
/// root, the path stays as it is.
pub(crate) fn relative(from: &Path, path: &Path) -> PathBuf {
    let path = plain(path);
    let shared = from
        .components()
        .zip(path.components())
        .take_while(|(one, other)| one == other)
        .count();
    if shared <= 1 {
        return path;
    }
    let up = from.components().count() - shared;
    let mut found: PathBuf = (0..up).map(|_| Component::ParentDir).collect();
    found.extend(path.components().skip(shared));
    found
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = found.pop(),
            other => found.push(other),
        }
    }
    found
}

/// With `/` between the parts, and with what is not UTF-8 replaced.
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    match parts.split_first() {
        Some((root, rest)) if root == "/" => format!("/{}", rest.join("/")),
        _ => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_folders() {
        let seen = |from: &str, path: &str| slashed(&relative(Path::new(from), Path::new(path)));
        assert_eq!(seen("/a/b", "/a/b/c/d"), "c/d");
        assert_eq!(seen("/a/b/c", "/a/d"), "../../d");
        assert_eq!(seen("/a/b", "/a/b"), "");
        assert_eq!(seen("/a/b", "/x/y"), "/x/y");
        assert_eq!(seen("/a/b/c", "/a/b/../e/./f"), "../../e/f");
    }

    #[test]
    fn names_are_shown_from_where_one_stands() {
        let base = Base {
            folder: "/r/svc".into(),
            top: Some("/r".into()),
            here: "/r/svc/db".into(),
        };
        assert_eq!(base.shown("db/m/1.sql"), "m/1.sql");
        assert_eq!(base.shown("x/1.sql"), "../x/1.sql");
        assert_eq!(base.on_forge("x/1.sql"), "svc/x/1.sql");
        assert_eq!(base.name(Path::new("/r/other/1.sql")), "../other/1.sql");
        assert_eq!(base.shown("../other/1.sql"), "../../other/1.sql");
    }
}
