//! Sections of a changelog that were prepared for a release, which then never came or is about to: what
//! stands in them is not released yet.

use semver::Version;
use switchback_supply::git::log::History;
use switchback_version::changelog::{Changelog, ChangelogError, Name};
use switchback_version::version_file::LARGEST;

use crate::commands::version::Judged;
use crate::errors::{self, Failure};

/// Sections right under `Unreleased` that no tag stands for, from the top.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending(Vec<Version>);

impl Pending {
    /// Those of the changelog at a path, when `version` is the next release: its own, and others that
    /// came into the file since the release before.
    pub(super) fn of(
        history: &History,
        judged: &Judged,
        path: &str,
        changelog: &Changelog,
        version: &Version,
    ) -> Result<Self, Failure> {
        let wrong = |error: ChangelogError| errors::changelog(path, &error);
        let Some(unreleased) = changelog.unreleased().map_err(wrong)? else {
            return Ok(Self::default());
        };
        let below = unreleased.heading.span.end;
        let sections = changelog.sections().iter();
        let versions = sections
            .skip_while(|it| it.heading.span.start < below)
            .map_while(|it| match &it.name {
                Name::Version(version) => Some(version),
                Name::Unreleased | Name::Other => None,
            });
        let base = judged.base.as_ref();
        let later = |found: &Version| base.is_some_and(|it| *found > it.version);
        let all: Vec<&Version> = versions
            .take_while(|found| *found == version || later(found))
            .collect();
        if all.is_empty() {
            return Ok(Self::default());
        }
        let tags = history.tags()?;
        let was = match base {
            Some(base) => history.read(base.commit, path, LARGEST as u64)?,
            None => None,
        };
        let was = Changelog::parse(was.map(|it| it.bytes).unwrap_or_default());
        let all = all.into_iter().take_while(|found| {
            let open = *found == version || was.version(found).is_none();
            open && tags.named(&judged.pattern.tag(found)).is_none()
        });
        Ok(Self(all.cloned().collect()))
    }

    /// The changelog with what stands in them under `Unreleased`.
    ///
    /// # Errors
    /// As [`Changelog::reopen`].
    pub(super) fn reopened(&self, changelog: Changelog) -> Result<Changelog, ChangelogError> {
        let mut all = self.0.iter();
        all.try_fold(changelog, |changelog, it| changelog.reopen(it))
    }

    /// Those of other versions, which do not come any more.
    pub(super) fn others<'p>(&'p self, version: &'p Version) -> impl Iterator<Item = &'p Version> {
        self.0.iter().filter(move |it| *it != version)
    }
}
