//! The files that a release writes: which they are, and what they hold afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use switchback_supply::git::{CommitId, GitError, Repository};
use switchback_version::changelog::{Changelog, ChangelogError, ReleaseOf};
use switchback_version::version_file::{
    Ask, CargoVersion, Kind, LARGEST, Place as Spot, Problem, VersionFile, cargo_package,
};

use super::facts::{CHANGELOG, Told};
use crate::commands::version::Judged;
use crate::context::path_in;
use crate::errors::{self, Failure};
use crate::files::{self, Batch, FileError};
use crate::settings::types::VersionFile as Said;

/// A repository with its work tree, and the folder of a component in it.
pub(super) struct Place<'a> {
    pub(super) repository: &'a Repository,
    /// The commit that is checked out.
    pub(super) head: &'a CommitId,
    /// The top of the work tree.
    pub(super) top: &'a Path,
    /// The folder of the component, from there; empty for the top.
    pub(super) folder: String,
    /// What other components of the same commit write, by paths.
    pub(super) made: BTreeMap<String, Vec<u8>>,
}

/// What becomes of a file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Written {
    /// The path from the top of the repository.
    pub(super) path: String,
    /// The version that it has; none for a changelog.
    pub(super) from: Option<String>,
    /// What is committed; none of a new file.
    #[serde(skip)]
    was: Option<Vec<u8>>,
    #[serde(skip)]
    pub(super) becomes: Vec<u8>,
    /// Whether it is written in the work tree already, by a run that was interrupted.
    #[serde(skip)]
    there: bool,
}

/// What a release writes, and what a person should know of it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Files that get other bytes.
    pub(super) files: Vec<Written>,
    /// Whether a file says the version already.
    pub(super) prepared: bool,
    /// A sentence each.
    pub(super) notes: Vec<String>,
    /// Files that are neither as they are committed nor as they will be.
    dirty: Vec<String>,
}

impl Plan {
    /// Whether there is nothing left to write: every file says the version already, and one does.
    pub(super) fn is_prepared(&self) -> bool {
        self.prepared && self.files.is_empty()
    }
}

impl Written {
    /// For people, indented.
    pub(super) fn line(&self, version: &str) -> String {
        match (&self.from, &self.was) {
            (Some(from), _) => format!("  {}: {from} → {version}", self.path),
            (None, Some(_)) => format!("  {}: a section of the release", self.path),
            (None, None) => format!("  {}: new", self.path),
        }
    }
}

/// A file with the version.
struct Named {
    path: String,
    kind: Kind,
    app_version: bool,
    /// Whether somebody named it, so that it has to have a version.
    named: bool,
}

impl Plan {
    /// Plans the files of a version. It has to be [checked](Self::check) before it is carried out.
    ///
    /// # Errors
    /// SB1605 if a file does not say its version clearly.
    pub(super) fn of(place: &Place<'_>, told: &Told<'_>, tag: &str) -> Result<Self, Failure> {
        let mut plan = Self::default();
        let named = match told.version_files() {
            Some(said) => place.said(said)?,
            None => {
                plan.note_links(place, Kind::NAMES)?;
                place.known()?
            }
        };
        let mut first: Option<(String, semver::Version)> = None;
        for file in &named {
            let packages = match file.kind {
                Kind::CargoLock => place.packages(&named)?,
                _ => BTreeSet::new(),
            };
            let ask = Ask {
                app_version: file.app_version,
                packages,
            };
            let committed = place.committed(&file.path)?;
            let read = match VersionFile::read(&file.path, file.kind, &committed, &ask) {
                Ok(read) => read,
                Err(error)
                    if !file.named
                        && matches!(
                            error.problem,
                            Problem::NoVersion { .. } | Problem::Dynamic
                        ) =>
                {
                    plan.notes.push(format!("{error}; it is left as it is"));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match &first {
                Some((other, is)) if is != read.version() => {
                    let one = (other.as_str(), is.to_string());
                    let other = (file.path.as_str(), read.version().to_string());
                    return Err(errors::versions_differ(one, other));
                }
                Some(_) => {}
                None => first = Some((file.path.clone(), read.version().clone())),
            }
            let version = &told.facts.version;
            if read.version() > version {
                return Err(errors::version_falls(&file.path, read.version(), version));
            }
            let becomes = read.with(version);
            plan.prepared |= read.version() == version;
            let from = Some(read.version().to_string());
            plan.add(place, &file.path, from, becomes)?;
        }
        plan.changelog(place, told, tag)?;
        Ok(plan)
    }

    /// Says which of some files are links, which are not followed: what they lead to may be anybody's.
    fn note_links<'n>(
        &mut self,
        place: &Place<'_>,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), Failure> {
        for path in names.into_iter().map(|it| place.path(it)) {
            let found = fs::symlink_metadata(place.top.join(&path));
            if found.is_ok_and(|it| it.is_symlink()) && place.repository.is_tracked(&path)? {
                let note = format!("{path} is a symbolic link, and stays as it is");
                self.notes.push(note);
            }
        }
        Ok(())
    }

    /// Adds a file, if it is another one afterwards.
    fn add(
        &mut self,
        place: &Place<'_>,
        path: &str,
        from: Option<String>,
        becomes: Vec<u8>,
    ) -> Result<(), Failure> {
        // Git may keep other line ends than the work tree has; what is written is made from the latter.
        let was = Some(place.committed(path)?);
        self.put(place, path, from, (was, becomes))
    }

    /// Adds a file that was something, or nothing, and becomes something, if that is another one.
    fn put(
        &mut self,
        place: &Place<'_>,
        path: &str,
        from: Option<String>,
        (was, becomes): (Option<Vec<u8>>, Vec<u8>),
    ) -> Result<(), Failure> {
        let dirty = !place.repository.dirty_among(&[path.to_owned()])?.is_empty();
        let there = dirty && place.has(path, &becomes)?;
        if dirty && !there {
            self.dirty.push(path.to_owned());
        }
        if was.as_ref() != Some(&becomes) {
            self.files.push(Written {
                path: path.to_owned(),
                from,
                was,
                becomes,
                there,
            });
        }
        Ok(())
    }

    /// Plans a file that is written as a whole and may be new.
    pub(super) fn whole(
        place: &Place<'_>,
        path: &str,
        from: Option<String>,
        becomes: Vec<u8>,
    ) -> Result<Self, Failure> {
        let mut plan = Self::default();
        // Not what the work tree makes of its line ends: it is Git's bytes that count.
        let was = place
            .repository
            .read_file(place.head, path, LARGEST as u64)?;
        plan.put(place, path, from, (was, becomes))?;
        Ok(plan)
    }

    /// The changelog of the component, if it has one.
    fn changelog(&mut self, place: &Place<'_>, told: &Told<'_>, tag: &str) -> Result<(), Failure> {
        let version = &told.facts.version;
        let path = place.path(CHANGELOG);
        if !place.is_there(&path)? {
            self.note_links(place, [CHANGELOG])?;
            if told.has_entries() {
                let note = format!("there is no {path}: what the change files say stands nowhere");
                self.notes.push(note);
            }
            return Ok(());
        }
        if !version.pre.is_empty() {
            let note = format!("{path} stays as it is: a pre-release takes nothing out of it");
            self.notes.push(note);
            return Ok(());
        }
        let committed = place.committed(&path)?;
        if committed.len() > LARGEST {
            let error = GitError::TooLarge {
                what: path,
                limit: LARGEST as u64,
            };
            return Err(error.into());
        }
        let wrong = |error: ChangelogError| errors::changelog(&path, &error);
        let mut changelog = Changelog::parse(committed);
        let Some(unreleased) = changelog.unreleased().map_err(wrong)? else {
            self.prepared |= changelog.version(version).is_some();
            let note = format!("{path} has no section `Unreleased`, and stays as it is");
            self.notes.push(note);
            return Ok(());
        };
        let (pending, items) = (&told.pending, told.news()?);
        let there = changelog.version(version).is_some();
        let more = !items.is_empty() || unreleased.says_anything();
        if there && !more && pending.others(version).next().is_none() {
            self.prepared = true;
            return Ok(());
        }
        for it in pending.others(version) {
            let note = format!("{path}: {it} has no tag, and what stands there is of {version}");
            self.notes.push(note);
        }
        changelog = pending.reopened(changelog).map_err(wrong)?;
        if changelog.version(version).is_some() {
            // Another component of the same commit wrote it, or it stands somewhere else.
            match changelog.reopen(version) {
                Ok(open) => changelog = open,
                Err(_) => {
                    let note = format!("{path}: the section {version} is left as it is");
                    self.notes.push(note);
                    self.prepared = true;
                    return Ok(());
                }
            }
        }
        if !items.is_empty() {
            changelog = Changelog::parse(changelog.add(&items).map_err(wrong)?.bytes);
        }
        let section = ReleaseOf {
            version: version.clone(),
            date: told.facts.date,
            tag: Some(tag.to_owned()),
            links: None,
            allow_empty: true,
        };
        let edited = changelog.release(&section).map_err(wrong)?;
        for warning in &edited.warnings {
            self.notes.push(format!("{path}: {warning}"));
        }
        self.add(place, &path, None, edited.bytes)
    }

    /// That every file is as it is committed, or as it will be, whether it is another one afterwards or
    /// not.
    ///
    /// # Errors
    /// SB0603.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.dirty.first() {
            None => Ok(()),
            Some(path) => {
                let files = vec![path.clone()];
                Err(GitError::DirtyTree { files }.into())
            }
        }
    }

    /// Adds what another component of the same commit writes on top of this, and says what that is.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn and(
        &mut self,
        place: &mut Place<'_>,
        told: &Told<'_>,
        tag: &str,
    ) -> Result<Self, Failure> {
        place.folder = told.folder_in(place.top)?;
        place.made = self.made();
        let other = Self::of(place, told, tag)?;
        for file in &other.files {
            match self.files.iter_mut().find(|it| it.path == file.path) {
                Some(mine) => {
                    mine.becomes.clone_from(&file.becomes);
                    mine.there = file.there;
                }
                None => self.files.push(file.clone()),
            }
        }
        self.prepared |= other.prepared;
        self.dirty.extend(other.dirty.iter().cloned());
        // What was written by a run that was interrupted is what all of them make of it.
        let mut dirty = Vec::new();
        for path in self.dirty.drain(..) {
            let mine = self.files.iter().find(|it| it.path == path);
            let there = match mine {
                Some(mine) => place.has(&path, &mine.becomes)?,
                None => false,
            };
            if !there && !dirty.contains(&path) {
                dirty.push(path);
            }
        }
        self.dirty = dirty;
        Ok(other)
    }

    /// What the files become, by their paths.
    fn made(&self) -> BTreeMap<String, Vec<u8>> {
        let all = self.files.iter();
        all.map(|it| (it.path.clone(), it.becomes.clone()))
            .collect()
    }

    /// Writes the files that are not written yet.
    pub(super) fn write(&self, place: &Place<'_>) -> Result<(), FileError> {
        let mut batch = Batch::default();
        for file in self.files.iter().filter(|it| !it.there) {
            let path = place.top.join(&file.path);
            match &file.was {
                Some(_) => batch.replace(path, file.becomes.clone()),
                None => batch.create_in_folders(path, place.top, file.becomes.clone()),
            };
        }
        batch.write()
    }

    /// Takes the writing back.
    pub(super) fn take_back(&self, place: &Place<'_>) -> Result<(), FileError> {
        let mut batch = Batch::default();
        for file in &self.files {
            let path = place.top.join(&file.path);
            match &file.was {
                Some(was) => _ = batch.replace(path, was.clone()),
                None => files::remove(&path)?,
            }
        }
        batch.write()
    }

    /// The paths of the files.
    pub(super) fn paths(&self) -> Vec<String> {
        self.files.iter().map(|it| it.path.clone()).collect()
    }
}

impl<'a> Place<'a> {
    /// Where what was judged is in a repository.
    pub(super) fn of(
        judged: &Judged,
        repository: &'a Repository,
        head: &'a CommitId,
    ) -> Result<Self, Failure> {
        let Some(top) = repository.work_tree() else {
            return Err(errors::no_work_tree(repository.git_dir()));
        };
        Ok(Self {
            repository,
            head,
            top,
            folder: judged.subject.folder_in(top)?,
            made: BTreeMap::new(),
        })
    }

    /// The path of a file of the component, from the top.
    fn path(&self, name: &str) -> String {
        match self.folder.as_str() {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        }
    }

    /// Whether a file is there, and Git's. A link is none: what it leads to is written elsewhere.
    fn is_there(&self, path: &str) -> Result<bool, Failure> {
        let found = fs::symlink_metadata(self.top.join(path));
        Ok(found.is_ok_and(|it| it.is_file()) && self.repository.is_tracked(path)?)
    }

    /// The bytes of a file; one byte more than is read of a version file, of one that is larger.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        files::read_at_most(&self.top.join(path), LARGEST as u64)
    }

    /// Whether a file of the work tree holds some bytes; it may not be there.
    fn has(&self, path: &str, bytes: &[u8]) -> Result<bool, FileError> {
        match self.read(path) {
            Ok(found) => Ok(found == bytes),
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The bytes that a release starts from: what another component makes of them; else those of the
    /// work tree where that is as committed, so that its line ends stay; else those of the commit.
    fn committed(&self, path: &str) -> Result<Vec<u8>, Failure> {
        if let Some(made) = self.made.get(path) {
            return Ok(made.clone());
        }
        let dirty = self.repository.dirty_among(&[path.to_owned()])?;
        if dirty.is_empty() {
            return Ok(self.read(path)?);
        }
        let found = self.repository.read_file(self.head, path, LARGEST as u64)?;
        let files = vec![path.to_owned()];
        found.ok_or_else(|| GitError::DirtyTree { files }.into())
    }

    /// The files that the settings name.
    fn said(&self, said: &[Said]) -> Result<Vec<Named>, Failure> {
        let mut named: Vec<Named> = Vec::new();
        let folder = self.top.join(&self.folder);
        for said in said {
            let (path, kind, app_version) = match said {
                Said::Path(path) => (path, None, false),
                Said::Said(said) => (&said.path, said.kind, said.app_version),
            };
            let shown = path.display().to_string();
            let whole = folder.join(path);
            let path = path_in(self.top, &whole).ok_or_else(|| {
                errors::outside_of_repository(&whole, self.top, "component.version-files")
            })?;
            if !whole.is_file() {
                return Err(errors::no_version_file(&shown, "there is no such file"));
            }
            if !self.repository.is_tracked(&path)? {
                return Err(errors::no_version_file(&shown, "Git does not know it"));
            }
            let name = path.rsplit('/').next().unwrap_or_default();
            let kind = kind.or(Kind::of(name)).unwrap_or(Kind::Marked);
            if named.iter().any(|it| it.path == path) {
                return Err(errors::no_version_file(&shown, "it is named twice"));
            }
            named.push(Named {
                path,
                kind,
                app_version,
                named: true,
            });
        }
        self.lock(&mut named)?;
        Ok(named)
    }

    /// The files of known names in the component's folder.
    fn known(&self) -> Result<Vec<Named>, Failure> {
        let mut named = Vec::new();
        for name in Kind::NAMES {
            let path = self.path(name);
            if let Some(kind) = Kind::of(name)
                && self.is_there(&path)?
            {
                named.push(Named {
                    path,
                    kind,
                    app_version: false,
                    named: false,
                });
            }
        }
        self.lock(&mut named)?;
        Ok(named)
    }

    /// Adds the nearest `Cargo.lock` above the first manifest of Cargo, which repeats its version.
    fn lock(&self, named: &mut Vec<Named>) -> Result<(), Failure> {
        if named.iter().any(|it| it.kind == Kind::CargoLock) {
            return Ok(());
        }
        let Some(manifest) = named.iter().find(|it| it.kind == Kind::Cargo) else {
            return Ok(());
        };
        let mut folder = Path::new(&manifest.path).to_owned();
        while folder.pop() {
            let path = folder.join("Cargo.lock").display().to_string();
            if self.is_there(&path)? {
                named.push(Named {
                    path,
                    kind: Kind::CargoLock,
                    app_version: false,
                    named: false,
                });
                break;
            }
        }
        Ok(())
    }

    /// The packages whose version the manifests of a component are: their own, and all that inherit
    /// it in the folder of a workspace.
    fn packages(&self, named: &[Named]) -> Result<BTreeSet<String>, Failure> {
        let mut packages = BTreeSet::new();
        for manifest in named.iter().filter(|it| it.kind == Kind::Cargo) {
            let bytes = self.committed(&manifest.path)?;
            if let Some(package) = cargo_package(&manifest.path, &bytes)?
                && package.version != CargoVersion::None
            {
                packages.insert(package.name);
            }
            let read = VersionFile::read(&manifest.path, Kind::Cargo, &bytes, &Ask::default());
            let shared = |it: &Spot| it.what == "workspace.package.version";
            if !read.is_ok_and(|it| it.places().iter().any(shared)) {
                continue;
            }
            let folder = PathBuf::from(&manifest.path);
            let folder = folder.parent().unwrap_or(Path::new(""));
            let folder = folder.display().to_string();
            for path in self.repository.list_files(self.head, &folder)? {
                if path == manifest.path || !path.ends_with("/Cargo.toml") {
                    continue;
                }
                let bytes = match self.read(&path) {
                    Ok(bytes) => bytes,
                    Err(error) if error.source.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error.into()),
                };
                // What lies deeper and cannot be read is none of this workspace, such as a template.
                let Ok(Some(package)) = cargo_package(&path, &bytes) else {
                    continue;
                };
                if package.version == CargoVersion::Inherited {
                    packages.insert(package.name);
                }
            }
        }
        Ok(packages)
    }
}
