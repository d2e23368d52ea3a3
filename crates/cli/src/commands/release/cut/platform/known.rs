//! What is known of a platform: its releases with what they recorded, and those of its components.

use std::collections::BTreeMap;

use semver::Version;
use switchback_model::{ComponentName, Digest};
use switchback_supply::git::log::{History, ObjectId, Tags};
use switchback_version::platform::{self, LARGEST, Manifest, Part, Parts, claims};
use switchback_version::tag::{Tagged, base};
use switchback_version::verdict::{Base, Known, Wish};

use super::super::{check_recorded, message};
use crate::book::Book;
use crate::commands::version::{Judged, Subject};
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::past::Past;
use crate::settings::versions::Platform;
use crate::shell::Shell;
use crate::versions::{Line, odd};

/// The releases of a platform, as what is checked out knows them.
pub(in crate::commands::release) struct Releases<'h> {
    history: &'h History,
    subject: Subject,
    pub(super) tags: Tags,
    past: Past<'h>,
    head: ObjectId,
    pub(super) line: Line<'h>,
    /// The one that the next is counted from.
    pub(super) base: Option<Tagged<ObjectId>>,
}

/// What a release of a platform recorded.
pub(in crate::commands::release) struct Recorded {
    /// Its tag.
    pub(super) tag: String,
    /// The digest of its manifest, as the message of the tag says it.
    pub(super) digest: Digest,
    /// The file with the manifest, from the top of the repository.
    pub(super) file: String,
    pub(in crate::commands::release) manifest: Manifest,
}

/// What is read of a release of a platform.
pub(in crate::commands::release) enum Read {
    /// What it recorded.
    Recorded(Box<Recorded>),
    /// Its tag says nothing of a manifest: others made it, by hand or before there were manifests.
    Nothing,
    /// What its tag says does not hold, because of this.
    Wrong(String),
}

/// What releases of a platform recorded.
pub(super) struct Memory {
    /// The tag that the next one is counted from.
    pub(super) base: Option<Base>,
    /// What it recorded, if it did.
    pub(super) last: Option<Recorded>,
    /// What others recorded.
    others: Vec<Recorded>,
}

impl<'h> Releases<'h> {
    /// Those of a platform. If there is a ledger, its tags have to be what that recorded.
    ///
    /// # Errors
    /// SB1604.
    pub(in crate::commands::release) fn of(
        history: &'h History,
        subject: Subject,
        book: Option<&Book>,
    ) -> Result<Self, Failure> {
        let tags = history.tags()?;
        let line = subject.line_with(history, &tags)?;
        if let Some(book) = book {
            check_recorded(book, &line.pattern, &tags)?;
        }
        let head = history.resolve("HEAD")?;
        let mut past = Past::of(history, head)?;
        let base = base(&line.tags, head, &mut past)?.cloned();
        Ok(Self {
            history,
            subject,
            tags,
            past,
            head,
            line,
            base,
        })
    }

    /// The releases of its components: the newest of each, as its own next version would be counted from,
    /// or the one that is to be taken.
    ///
    /// # Errors
    /// SB1626 where there is none, SB1604 where the ledger recorded another.
    pub(super) fn of_components(
        &mut self,
        context: &Context<'_>,
        platform: &Platform,
        takes: &BTreeMap<ComponentName, Version>,
        book: Option<&Book>,
    ) -> Result<BTreeMap<ComponentName, Tagged<ObjectId>>, Failure> {
        let mut found = BTreeMap::new();
        let mut without = Vec::new();
        let all = context.settings().components.iter();
        for component in all.filter(|it| platform.has(&it.name)) {
            let name = &component.name;
            let subject = Subject::of(context, component);
            let line = subject.line_with(self.history, &self.tags)?;
            if let Some(book) = book {
                check_recorded(book, &line.pattern, &self.tags)?;
            }
            let release = match takes.get(name) {
                None => base(&line.tags, self.head, &mut self.past)?,
                Some(version) => {
                    let taken = line.tags.iter().find(|it| it.version == *version);
                    Some(taken.ok_or_else(|| errors::no_release_to_take(name, version))?)
                }
            };
            match release {
                Some(release) => _ = found.insert(name.clone(), release.clone()),
                None => without.push(name),
            }
        }
        match without.is_empty() {
            true => Ok(found),
            false => Err(errors::unreleased(&self.subject.name, &without)),
        }
    }

    /// What its releases recorded. That of a release which this one is not counted from is left out, and
    /// said, where it cannot be used.
    ///
    /// # Errors
    /// SB1625 for the one that the next is counted from.
    pub(super) fn recorded(&self, shell: &Shell) -> Result<Memory, Failure> {
        let mut memory = Memory {
            base: self.base(),
            last: None,
            others: Vec::new(),
        };
        for tagged in &self.line.tags {
            let is_base = self.base.as_ref() == Some(tagged);
            match self.read(tagged)? {
                Read::Recorded(it) if is_base => memory.last = Some(*it),
                Read::Recorded(it) => memory.others.push(*it),
                Read::Nothing => {}
                Read::Wrong(because) if is_base => {
                    return Err(errors::manifest_wrong(&tagged.tag, &because).into());
                }
                Read::Wrong(because) => {
                    let note = format!("what {} recorded is left out: {because}", tagged.tag);
                    shell.out.note(&note);
                }
            }
        }
        Ok(memory)
    }

    /// The release that the next one is counted from.
    pub(in crate::commands::release) fn base(&self) -> Option<Base> {
        self.base.as_ref().map(Tagged::base)
    }

    /// What that recorded.
    pub(in crate::commands::release) fn last(&self) -> Result<Option<Read>, Failure> {
        self.base.as_ref().map(|it| self.read(it)).transpose()
    }

    /// What one of its releases recorded.
    pub(super) fn read(&self, tagged: &Tagged<ObjectId>) -> Result<Read, Failure> {
        let tag = self.tags.named(&tagged.tag);
        let annotation = tag.map(|it| self.history.annotation(it)).transpose()?;
        let message = annotation
            .flatten()
            .map(|it| it.message)
            .unwrap_or_default();
        let message = String::from_utf8_lossy(&message);
        let Some((digest, file)) = message::manifest(&message) else {
            return Ok(Read::Nothing);
        };
        let wrong = |because: String| Ok(Read::Wrong(because));
        let Some(found) = self.history.read(tagged.commit, file, LARGEST as u64)? else {
            return wrong(format!("its commit has no {file}"));
        };
        let is = Digest::of(&found.bytes);
        if is != digest {
            return wrong(format!("{file} has the digest {is}, and it says {digest}"));
        }
        let manifest = match Manifest::read(&found.bytes) {
            Ok(manifest) => manifest,
            Err(error) => return wrong(format!("{file}, {error}")),
        };
        let (platform, version) = (&manifest.platform, &manifest.version);
        if *version != tagged.version {
            return wrong(format!("{file} is the manifest of {platform} {version}"));
        }
        Ok(Read::Recorded(Box::new(Recorded {
            tag: tagged.tag.clone(),
            digest,
            file: file.to_owned(),
            manifest,
        })))
    }

    /// What its next version has to be if its components, which were `before`, are `now`.
    pub(in crate::commands::release) fn judge(
        self,
        before: &BTreeMap<ComponentName, Version>,
        now: &BTreeMap<ComponentName, Version>,
        wish: &Wish,
    ) -> Judged {
        let policy = &self.subject.policy;
        let claims = claims(policy, before, now);
        let base = self.base();
        let taken: Vec<Version> = self.line.tags.iter().map(|it| it.version.clone()).collect();
        let known = Known {
            base: base.as_ref(),
            claims: &claims,
            taken: &taken,
            ..Known::default()
        };
        Judged {
            verdict: policy.verdict(&known, wish),
            odd: odd(&self.tags, &self.line.pattern),
            subject: self.subject,
            head: self.head,
            pattern: self.line.pattern,
            tags: self.line.tags,
            base: self.base,
            commits: Vec::new(),
            entries: Vec::new(),
            claims,
            hotfix: None,
        }
    }
}

impl Memory {
    /// The versions of components that the last release has; none if it recorded nothing, so that
    /// whatever it consisted of comes in with the next.
    pub(super) fn versions(&self) -> BTreeMap<ComponentName, Version> {
        let last = self.last.as_ref();
        last.map(|it| platform::versions(&it.manifest.components))
            .unwrap_or_default()
    }

    /// What was recorded, the last release first.
    fn all(&self) -> impl Iterator<Item = &Recorded> {
        self.last.iter().chain(&self.others)
    }

    /// Releases of components with their digests: those that are given, else those that are recorded.
    ///
    /// # Errors
    /// SB1622 where neither is, SB1623 and SB1604 where one release would be two.
    pub(super) fn with_digests(
        &self,
        releases: BTreeMap<ComponentName, Tagged<ObjectId>>,
        given: &BTreeMap<ComponentName, Digest>,
    ) -> Result<Parts, Failure> {
        let known = |name: &ComponentName, version: &Version| {
            let mut all = self.all();
            let recorded = || all.find_map(|it| it.manifest.digest_of(name, version));
            given.get(name).copied().or_else(recorded)
        };
        let mut parts = Parts::new();
        let mut missing = Vec::new();
        for (name, release) in &releases {
            let Some(digest) = known(name, &release.version) else {
                missing.push((name, &release.version));
                continue;
            };
            let part = Part {
                version: release.version.clone(),
                tag: release.tag.clone(),
                commit: release.commit.to_string(),
                digest,
            };
            parts.insert(name.clone(), part);
        }
        for recorded in self.all() {
            if let Some(it) = recorded.manifest.differing(&parts).first() {
                if it.was.digest != it.is.digest {
                    return Err(errors::digest_differs(&recorded.tag, it));
                }
                let is = releases.get(it.component).map(|it| it.commit);
                let moved = errors::part_moved(&recorded.tag, &it.is.tag, &it.was.commit, is);
                return Err(moved.into());
            }
        }
        match missing.is_empty() {
            true => Ok(parts),
            false => Err(errors::digest_missing(&missing)),
        }
    }
}
