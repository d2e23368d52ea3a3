//! What releases said beforehand of what breaks, read from their commits.

use semver::Version;
use switchback_model::Timestamp;
use switchback_supply::git::log::{History, HistoryError, ObjectId, Tags};
use switchback_version::change_file::{ChangeFile, LARGEST, Notice};
use switchback_version::changelog::{Changelog, Kind};
use switchback_version::deprecation::{Announced, Owed};
use switchback_version::tag::Tagged;
use switchback_version::version_file::LARGEST as LARGEST_FILE;

use crate::commands::version::Judged;
use crate::entries::Entry;
use crate::errors::{self, Failure};

/// What is known of a change file's notice.
#[derive(Debug)]
pub(super) enum Found {
    /// It breaks nothing.
    NotNeeded,
    /// It names none.
    None,
    /// It says why there is none.
    Unannounced,
    /// Releases said so.
    Announced(Announced),
    /// It names one that there is not.
    Unfounded(Owed),
}

impl Found {
    pub(super) fn announced(&self) -> Option<&Announced> {
        match self {
            Found::Announced(it) => Some(it),
            _ => None,
        }
    }

    /// What stands in the way of a version that breaks it at a moment. `required` is whether users have
    /// to be told of everything that breaks in it.
    pub(super) fn owed(
        &self,
        judged: &Judged,
        (version, required): (&Version, bool),
        now: Timestamp,
    ) -> Option<Owed> {
        let window = judged.subject.policy.deprecation.window;
        let window = window.filter(|_| required);
        match self {
            Found::NotNeeded | Found::Unannounced => None,
            Found::None => window.map(|_| Owed::Notice),
            Found::Announced(it) => it.owed(window, version, now),
            Found::Unfounded(owed) => Some(owed.clone()),
        }
    }
}

/// What is known of the notice of each change file, in their order. `changelog` is the path of the
/// component's, from the top of the repository.
pub(super) fn of(
    history: &History,
    judged: &Judged,
    changelog: &str,
) -> Result<Vec<Found>, Failure> {
    let mut releases: Option<Releases<'_>> = None;
    let mut all = Vec::with_capacity(judged.entries.len());
    for entry in &judged.entries {
        let Some(breaking) = &entry.change.breaking else {
            all.push(Found::NotNeeded);
            continue;
        };
        let releases = match &mut releases {
            Some(releases) => releases,
            empty => empty.insert(Releases::of(history, judged)?),
        };
        all.push(match &breaking.notice {
            None => Found::None,
            Some(Notice::Unannounced(_)) => Found::Unannounced,
            Some(Notice::By(name)) => match releases.with_file(folder(entry), name)? {
                Some(announced) => Found::Announced(announced),
                None => Found::Unfounded(Owed::NoFile { name: name.clone() }),
            },
            Some(Notice::Since(version)) => {
                match releases.that_deprecates(version, changelog, folder(entry))? {
                    Some(announced) => Found::Announced(announced),
                    None => Found::Unfounded(Owed::NoRelease {
                        version: version.clone(),
                    }),
                }
            }
        });
    }
    Ok(all)
}

/// When a commit was made.
pub(super) fn committed(history: &History, id: ObjectId) -> Result<Timestamp, Failure> {
    let commit = history.commit(id)?;
    let time = commit.committer_time.or(commit.author_time);
    let undated = || errors::usage(format!("commit {} has no date", id.short()));
    Ok(time.ok_or_else(undated)?.timestamp())
}

/// The folder of a change file, from the top of the repository.
fn folder(entry: &Entry) -> &str {
    let path = entry.path.rsplit_once('/');
    path.map_or("", |(folder, _)| folder)
}

/// The releases of a component before the one that is to come.
struct Releases<'a> {
    history: &'a History,
    judged: &'a Judged,
    tags: Tags,
    /// Candidates are for those who try; the newest first.
    all: Vec<&'a Tagged<ObjectId>>,
}

impl<'a> Releases<'a> {
    fn of(history: &'a History, judged: &'a Judged) -> Result<Self, Failure> {
        let base = judged.base.as_ref();
        let before = |it: &&Tagged<ObjectId>| {
            let base = base.is_some_and(|base| it.version <= base.version);
            base && it.version.pre.is_empty()
        };
        let mut all: Vec<_> = judged.tags.iter().filter(before).collect();
        all.sort_by(|one, two| two.version.cmp(&one.version));
        Ok(Self {
            history,
            judged,
            tags: history.tags()?,
            all,
        })
    }

    /// What those said that had a change file of a name which deprecates something. Where it was taken
    /// back and said again, the last time counts; that the file went after it was told does not matter.
    fn with_file(&self, folder: &str, name: &str) -> Result<Option<Announced>, Failure> {
        let path = format!("{folder}/{name}.md");
        let mut said = Vec::new();
        for release in &self.all {
            match self.notice(release, &path)? {
                Some(notice) => said.push((release, notice)),
                None if said.is_empty() => {}
                None => break,
            }
        }
        let Some((first, _)) = said.last() else {
            return Ok(None);
        };
        let promises = said.iter().filter_map(|(_, it)| it.deprecation.as_ref());
        let released = self.released(first)?;
        let announced = Announced::new(first.version.clone(), released, promises);
        Ok(Some(announced))
    }

    /// What a release said that deprecated something, in its changelog or in a change file. What was
    /// written into its section since then told nobody.
    fn that_deprecates(
        &self,
        version: &Version,
        changelog: &str,
        folder: &str,
    ) -> Result<Option<Announced>, Failure> {
        let mut all = self.all.iter();
        let Some(release) = all.find(|it| it.version == *version) else {
            return Ok(None);
        };
        let file = self
            .history
            .read(release.commit, changelog, LARGEST_FILE as u64)?;
        let file = Changelog::parse(file.map(|it| it.bytes).unwrap_or_default());
        // Where the section is made after the tag, it is still under `Unreleased`.
        let section = file.version(version);
        let section = section.or_else(|| file.unreleased().ok().flatten());
        let mut items = section.into_iter().flat_map(|it| file.items(it));
        let mut says = items.any(|(group, _)| group.kind == Some(Kind::Deprecated));
        if !says {
            for file in self.history.list(release.commit, folder)? {
                let path = String::from_utf8_lossy(&file.path).into_owned();
                says |= self.notice(release, &path)?.is_some();
            }
        }
        match says {
            true => {
                let released = self.released(release)?;
                Ok(Some(Announced::new(version.clone(), released, [])))
            }
            false => Ok(None),
        }
    }

    /// A change file of a release, if it is one that deprecates something of the component. One that
    /// cannot be read told nobody anything.
    fn notice(
        &self,
        release: &Tagged<ObjectId>,
        path: &str,
    ) -> Result<Option<ChangeFile>, Failure> {
        let file = self.history.read(release.commit, path, LARGEST as u64);
        let file = match file {
            Ok(Some(file)) => file,
            Ok(None) | Err(HistoryError::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        let component = self.judged.subject.component.as_ref();
        let told = |it: &ChangeFile| {
            let mine = component.is_none_or(|component| it.concerns(component));
            mine && it.kind == Kind::Deprecated
        };
        Ok(ChangeFile::parse(name, &file.bytes).ok().filter(told))
    }

    /// When a release was made: as its tag says, or else its commit.
    fn released(&self, release: &Tagged<ObjectId>) -> Result<Timestamp, Failure> {
        let tag = self.tags.named(&release.tag);
        let annotation = match tag {
            Some(tag) => self.history.annotation(tag)?,
            None => None,
        };
        if let Some(time) = annotation.and_then(|it| it.time) {
            return Ok(time.timestamp());
        }
        committed(self.history, release.commit)
    }
}
