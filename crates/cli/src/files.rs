//! Files, written whole or not at all.
//!
//! [`Batch`] writes several files as one: every byte is on the disk under another name before the
//! first file appears, and files that appeared are taken back if a later one cannot.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Reading.
    Read,
    /// Writing, making or renaming.
    Write,
}

/// A file or folder that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}", path.display())]
pub(crate) struct FileError {
    /// What was being done.
    pub(crate) doing: Doing,
    /// The file or folder.
    pub(crate) path: PathBuf,
    /// Why not.
    pub(crate) source: io::Error,
}

impl FileError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self {
            doing: Doing::Read,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self {
            doing: Doing::Write,
            path: path.to_owned(),
            source,
        }
    }
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(FileError::read(path))
}

/// The bytes of a file; one byte more than `most` of one that is larger.
pub(crate) fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let file = fs::File::open(path).map_err(FileError::read(path))?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(FileError::read(path))?;
    Ok(bytes)
}

/// The text of a file; `None` if there is no file.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::read(path)(error)),
    }
}

/// Writes a file whole, over what is there. Anything else at the path, such as a folder, stays.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut batch = Batch::default();
    if path.exists() {
        batch.replace(path, bytes);
    } else {
        batch.create(path, bytes, 0o644);
    }
    batch.write()
}

/// Removes a file.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    fs::remove_file(path).map_err(FileError::write(path))
}

/// Writes the files of a new folder, and the folder above it where there is none.
pub(crate) fn write_folder(
    folder: &Path,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), FileError> {
    let mut batch = Batch::default();
    if let Some(above) = folder.parent() {
        batch.folder(above, 0o755);
    }
    batch.folder(folder, 0o755);
    for (name, bytes) in files {
        batch.create(folder.join(name), bytes.clone(), 0o644);
    }
    batch.write()
}

enum Planned {
    Folder {
        path: PathBuf,
        mode: u32,
    },
    New {
        path: PathBuf,
        bytes: Vec<u8>,
        mode: u32,
    },
    Replaced {
        path: PathBuf,
        bytes: Vec<u8>,
    },
}

enum Done {
    Folder(PathBuf),
    New(PathBuf),
    /// The path and the bytes that were there.
    Replaced(PathBuf, Vec<u8>, u32),
}

/// What stands in a folder; nothing where there is none.
pub(crate) fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, FileError> {
    let failed = |source| FileError {
        doing: Doing::Read,
        path: folder.to_owned(),
        source,
    };
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map_err(failed)).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

/// Several files that are written as one.
#[derive(Default)]
pub(crate) struct Batch {
    planned: Vec<Planned>,
}

impl Batch {
    /// A folder, unless it is there already.
    pub(crate) fn folder(&mut self, path: impl Into<PathBuf>, mode: u32) -> &mut Self {
        self.planned.push(Planned::Folder {
            path: path.into(),
            mode,
        });
        self
    }

    /// A new file. It is an error if one is there already.
    pub(crate) fn create(
        &mut self,
        path: impl Into<PathBuf>,
        bytes: impl Into<Vec<u8>>,
        mode: u32,
    ) -> &mut Self {
        self.planned.push(Planned::New {
            path: path.into(),
            bytes: bytes.into(),
            mode,
        });
        self
    }

    /// A new file, with those of the folders between it and `top` that are not there.
    pub(crate) fn create_in_folders(
        &mut self,
        path: impl Into<PathBuf>,
        top: &Path,
        bytes: impl Into<Vec<u8>>,
    ) -> &mut Self {
        let path = path.into();
        let between = |it: &&Path| it.starts_with(top) && *it != top;
        let above: Vec<&Path> = path.ancestors().skip(1).take_while(between).collect();
        for folder in above.into_iter().rev() {
            self.folder(folder, 0o755);
        }
        self.create(path, bytes, 0o644)
    }

    /// A file with new content; its permissions stay.
    pub(crate) fn replace(
        &mut self,
        path: impl Into<PathBuf>,
        bytes: impl Into<Vec<u8>>,
    ) -> &mut Self {
        self.planned.push(Planned::Replaced {
            path: path.into(),
            bytes: bytes.into(),
        });
        self
    }

    /// Writes everything, in the order in which it was added.
    ///
    /// # Errors
    /// The first thing that could not be written. Everything is then as it was before.
    pub(crate) fn write(self) -> Result<(), FileError> {
        let mut done = Vec::new();
        let written = self
            .stage(&mut done)
            .and_then(|staged| appear(staged, &mut done));
        if written.is_err() {
            take_back(done);
        }
        written
    }

    /// Puts every byte on the disk, beside its place.
    fn stage(self, done: &mut Vec<Done>) -> Result<Vec<Staged>, FileError> {
        let mut staged = Vec::new();
        for planned in self.planned {
            match planned {
                Planned::Folder { path, mode } => {
                    match fs::DirBuilder::new().mode(mode).create(&path) {
                        Ok(()) => done.push(Done::Folder(path)),
                        Err(_) if path.is_dir() => {}
                        // "Exists already" would point the wrong way: a folder may, a file not.
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                            let error = io::ErrorKind::NotADirectory.into();
                            return Err(FileError::write(&path)(error));
                        }
                        Err(error) => return Err(FileError::write(&path)(error)),
                    }
                }
                Planned::New { path, bytes, mode } => {
                    let draft = Draft::write(&path, &bytes, mode)?;
                    staged.push(Staged {
                        path,
                        draft,
                        former: None,
                    });
                }
                Planned::Replaced { path, bytes } => {
                    // A link stays a link: what it points to is replaced.
                    let path = path.canonicalize().map_err(FileError::read(&path))?;
                    let mode = fs::metadata(&path).map_err(FileError::read(&path))?;
                    let mode = mode.permissions().mode() & 0o7777;
                    let former = fs::read(&path).map_err(FileError::read(&path))?;
                    let draft = Draft::write(&path, &bytes, mode)?;
                    staged.push(Staged {
                        path,
                        draft,
                        former: Some((former, mode)),
                    });
                }
            }
        }
        Ok(staged)
    }
}

/// A file that is on the disk beside its place. It is removed when dropped.
struct Draft(PathBuf);

impl Draft {
    fn write(target: &Path, bytes: &[u8], mode: u32) -> Result<Self, FileError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let mut attempt = 0_u32;
        let (draft, mut file) = loop {
            let path =
                target.with_file_name(format!(".{name}.{}-{attempt}.draft", std::process::id()));
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&path)
            {
                Ok(file) => break (Draft(path), file),
                // Left behind by a process that was killed and had our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 16 => {
                    attempt += 1;
                }
                Err(error) => return Err(FileError::write(target)(error)),
            }
        };
        file.write_all(bytes)
            // The mode given to `open` is cut by the umask.
            .and_then(|()| file.set_permissions(Permissions::from_mode(mode)))
            .and_then(|()| file.sync_all())
            .map_err(FileError::write(target))?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename it is gone already; else there is nothing better to do.
        let _ = fs::remove_file(&self.0);
    }
}

struct Staged {
    path: PathBuf,
    draft: Draft,
    former: Option<(Vec<u8>, u32)>,
}

fn appear(staged: Vec<Staged>, done: &mut Vec<Done>) -> Result<(), FileError> {
    for Staged {
        path,
        draft,
        former,
    } in staged
    {
        match former {
            None => {
                // A link, unlike a rename, never replaces a file that appeared in the meantime.
                fs::hard_link(&draft.0, &path).map_err(FileError::write(&path))?;
                done.push(Done::New(path.clone()));
            }
            Some((former, mode)) => {
                fs::rename(&draft.0, &path).map_err(FileError::write(&path))?;
                done.push(Done::Replaced(path.clone(), former, mode));
            }
        }
        sync_folder(&path).map_err(FileError::write(&path))?;
    }
    Ok(())
}

/// Makes a new name last: it is on the disk only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn take_back(done: Vec<Done>) {
    for step in done.into_iter().rev() {
        // The error that led here is the one to report.
        let _ = match step {
            Done::Folder(path) => fs::remove_dir(path),
            Done::New(path) => fs::remove_file(path),
            Done::Replaced(path, former, mode) => match Draft::write(&path, &former, mode) {
                Ok(draft) => fs::rename(&draft.0, path),
                Err(error) => Err(error.source),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_batch_is_written_and_leaves_no_drafts() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("old"), "former").unwrap();
        fs::set_permissions(at("old"), Permissions::from_mode(0o640)).unwrap();
        let mut batch = Batch::default();
        batch.folder(at("state"), 0o700).folder(at("state"), 0o700);
        batch
            .create(at("state/key"), "secret", 0o600)
            .replace(at("old"), "now");
        batch.write().unwrap();
        assert_eq!(names(folder.path()), ["old", "state"]);
        assert_eq!(names(&at("state")), ["key"]);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode("state"), mode("state/key"), mode("old")),
            (0o700, 0o600, 0o640)
        );
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "now");
    }

    #[test]
    fn a_batch_that_fails_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("old"), "former").unwrap();
        fs::write(at("taken"), "mine").unwrap();
        let mut batch = Batch::default();
        batch
            .folder(at("state"), 0o700)
            .create(at("state/key"), "secret", 0o600);
        batch
            .replace(at("old"), "now")
            .create(at("taken"), "yours", 0o644);
        let error = batch.write().unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((error.doing, &error.path), (Doing::Write, &at("taken")));
        assert_eq!(names(folder.path()), ["old", "taken"]);
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "former");
        assert_eq!(fs::read_to_string(at("taken")).unwrap(), "mine");
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("real"), "former").unwrap();
        std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
        let mut batch = Batch::default();
        batch.replace(at("link"), "now");
        batch.write().unwrap();
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at("real")).unwrap(), "now");
    }
}
