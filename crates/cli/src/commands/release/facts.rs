//! What texts about a release may say: gathered from its history, its files and its changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use semver::Version;
use switchback_diag::Diagnostic;
use switchback_migration::Definition;
use switchback_migration::definition::{Step, Work};
use switchback_model::{StepName, Timestamp};
use switchback_supply::git::log::{History, Prefixes, Range};
use switchback_supply::git::{CommitId, Repository};
use switchback_version::changelog::{Changelog, ChangelogError, Item, Kind};
use switchback_version::notes::{
    Commits, Facts, Gathered, Migration, MigrationStep, Noted, NotesError, Sources, StepState,
    Templates, WaivedFact, changelog_items, upgrade_guide,
};
use switchback_version::verdict::Evidence;
use switchback_version::version_file::LARGEST;

use super::notices::{self, Found};
use super::pending::Pending;
use crate::book::{Book, Part};
use crate::changes;
use crate::commands::version::Judged;
use crate::context::{Context, path_in, settings_if_any};
use crate::entries::Entry;
use crate::errors::{self, Failure};
use crate::files;
use crate::settings::Settings;
use crate::settings::types::VersionFile;
use crate::settings::versions::Notes;
use crate::shell::Shell;

pub(super) const CHANGELOG: &str = "CHANGELOG.md";

/// How large a template may be that is read, in bytes.
const LARGEST_TEMPLATE: u64 = 64 * 1024;

/// A release that texts are about.
pub(super) struct Told<'a> {
    shell: &'a Shell,
    judged: &'a Judged,
    said: Said,
    /// What is known of it.
    pub(super) facts: Facts,
    /// How texts are made of it.
    pub(super) templates: Templates,
    /// What the changelog does not say yet, without change files.
    others: Facts,
    gathered: Gathered,
    /// What users knew beforehand of what each change file breaks.
    notices: Vec<Found>,
    /// What the changelog says as if it was released.
    pub(super) pending: Pending,
}

/// What settings say of texts.
#[derive(Default)]
struct Said {
    /// Whether commits are told.
    tell: Commits,
    notes: Notes,
    contracts: Vec<PathBuf>,
    /// The version files of the component, if they are named.
    files: Option<Vec<VersionFile>>,
}

impl Said {
    fn of(settings: &Settings, component: &str) -> Self {
        let contracts = settings.contracts.files.iter().map(|it| it.path.clone());
        let mut components = settings.components.iter();
        let mine = components.find(|it| it.name.as_str() == component);
        Self {
            files: mine.and_then(|it| it.version_files.clone()),
            tell: settings.changelog.commits,
            notes: settings.notes.clone(),
            contracts: contracts.collect(),
        }
    }
}

/// Which release.
pub(super) struct Which<'a> {
    pub(super) version: &'a Version,
    pub(super) day: Date,
    /// Whether it has its tag, and its section in the changelog.
    pub(super) published: bool,
}

/// The day of a moment, in UTC.
pub(super) fn day(at: Timestamp) -> Result<Date, Failure> {
    let day = at.day().parse();
    day.map_err(|_| errors::usage("the machine's clock has no date").into())
}

impl<'a> Told<'a> {
    /// Gathers what is known of a release.
    pub(super) fn of(
        shell: &'a Shell,
        judged: &'a Judged,
        which: &Which<'_>,
    ) -> Result<Self, Failure> {
        let loaded = settings_if_any(shell)?;
        let root = loaded.as_ref().and_then(|it| it.source.path.parent());
        let root = root.unwrap_or(&shell.folder).to_owned();
        let said = loaded
            .as_ref()
            .map(|it| Said::of(&it.settings, &judged.subject.name));
        let said = said.unwrap_or_default();
        let templates = templates(&said.notes, &root)?;
        let history = judged.subject.history()?;
        let changelog = changelog(&history, judged)?;
        let notices = notices::of(&history, judged, &changelog)?;
        let walked = Walked::of(&history, judged, &notices, &said.contracts, &root)?;
        let (written, pending) = written(&history, judged, which, &changelog)?;
        let sources = Sources {
            commits: &judged.commits,
            authors: &walked.authors,
            entries: &walked.entries,
            written: &written,
            claims: &judged.claims,
            tell: said.tell,
        };
        let gathered = Gathered::of(&sources, &judged.subject.policy);
        let mut facts = Facts::new(which.version.clone(), which.day);
        facts.component = judged
            .subject
            .component
            .clone()
            .filter(|_| judged.subject.named);
        facts.previous = judged.base.as_ref().map(|it| it.version.clone());
        facts.waived = judged.verdict.waived.iter().map(WaivedFact::from).collect();
        facts.contributors = walked.contributors(judged);
        let links = judged.entries.iter().flat_map(|it| &it.change.links);
        facts.links = links.cloned().collect();
        let mut others = facts.clone();
        others.items.clone_from(&gathered.others);
        facts.items = gathered.all();
        if loaded.is_some() {
            let context = Context::load(shell)?;
            facts.migrations = migrations(&context, judged)?;
        }
        Ok(Self {
            shell,
            judged,
            said,
            facts,
            templates,
            others,
            gathered,
            notices,
            pending,
        })
    }

    /// Whether people wrote change files for it.
    pub(super) fn has_entries(&self) -> bool {
        !self.judged.entries.is_empty()
    }

    /// The folder of the component, from the top of a work tree.
    pub(super) fn folder_in(&self, top: &Path) -> Result<String, Failure> {
        self.judged.subject.folder_in(top)
    }

    /// The version files that the settings name, if they do.
    pub(super) fn version_files(&self) -> Option<&[VersionFile]> {
        self.said.files.as_deref()
    }

    /// What comes into the changelog, which does not have it yet.
    pub(super) fn news(&self) -> Result<Vec<(Kind, Item)>, Failure> {
        let mut news = self.all_news()?;
        news.retain(|(_, item)| !self.gathered.stands(item.text()));
        Ok(news)
    }

    fn all_news(&self) -> Result<Vec<(Kind, Item)>, Failure> {
        let made = |facts: &Facts| {
            let items = changelog_items(facts, &self.templates);
            items.map_err(|error| errors::notes(error, &self.judged.subject.name))
        };
        if self.said.notes.changelog_section.is_some() {
            let mut facts = self.others.clone();
            let entries = self.facts.items.iter().take(self.judged.entries.len());
            facts.items.splice(0..0, entries.cloned());
            return made(&facts);
        }
        // What people wrote for it stands there as they wrote it.
        let entry = |it: &Entry| {
            let item = it.change.item();
            let item = item.map_err(|error| errors::entry(&it.path, &error.to_string()))?;
            Ok((it.change.kind, item))
        };
        let items = self.judged.entries.iter().map(entry);
        let mut items = items.collect::<Result<Vec<_>, Failure>>()?;
        items.extend(made(&self.others)?);
        Ok(items)
    }

    /// That users are told what to do about everything that breaks in a major version, and that they
    /// knew of what breaks as long before as they were promised. Who tries a candidate is not stopped
    /// yet.
    pub(super) fn check_users(&self) -> Result<(), Failure> {
        let owed = self.owed()?;
        if !self.facts.version.pre.is_empty() {
            owed.iter().for_each(|it| self.note(it));
            return Ok(());
        }
        match owed.is_empty() {
            true => Ok(()),
            false => Err(Failure::many(owed)),
        }
    }

    /// Says what is in the way of the tag, where it does not stop anything.
    pub(super) fn note(&self, owed: &Diagnostic) {
        let causes = owed.causes.join("; ");
        self.shell.out.note(&format!("{}: {causes}", owed.message));
    }

    /// What has to be said to users before the tag.
    pub(super) fn owed(&self) -> Result<Vec<Diagnostic>, Failure> {
        let mut all = Vec::new();
        let version = &self.facts.version;
        let previous = self.facts.previous.as_ref();
        let major = previous.is_some_and(|it| it.major != version.major);
        if major {
            match upgrade_guide(&self.facts, &self.templates) {
                Ok(_) => {}
                Err(NotesError::MissingUpgrade { .. }) => {
                    all.extend(self.upgrade_missing().diagnostics);
                }
                Err(error) => return Err(errors::notes(error, &self.judged.subject.name)),
            }
        }
        let now = self.shell.clock.now();
        let entries = self.judged.entries.iter().zip(&self.notices);
        let owed = entries.filter_map(|(entry, found)| {
            let owed = found.owed(self.judged, (version, major), now)?;
            Some((entry.path.as_str(), owed))
        });
        let owed: Vec<_> = owed.collect();
        if !owed.is_empty() {
            let tag = self.judged.pattern.tag(version);
            all.push(errors::not_announced(&tag, &owed));
        }
        Ok(all)
    }

    /// What breaks, and nobody says what users do about it.
    pub(super) fn upgrade_missing(&self) -> Failure {
        let missing = self.facts.breaking().filter(|(_, it)| it.upgrade.is_none());
        let missing = missing.map(|(item, it)| match item.commits.first() {
            Some(id) => (it.what.clone(), id.clone()),
            None => (it.what.clone(), self.fingerprint(&it.what)),
        });
        let tag = self.judged.pattern.tag(&self.facts.version);
        errors::upgrade_missing(&tag, &missing.collect::<Vec<_>>())
    }

    /// What names the finding of a contract that breaks something.
    fn fingerprint(&self, what: &str) -> String {
        let mut claims = self.judged.claims.iter();
        let found = claims.find_map(|it| match &it.evidence {
            Evidence::Contract { fingerprint, .. } if it.sentence == what => Some(fingerprint),
            _ => None,
        });
        found.cloned().unwrap_or_default()
    }
}

/// The templates that the settings name, if there are some.
pub(super) fn own_templates(shell: &Shell) -> Result<Templates, Failure> {
    let Some(loaded) = settings_if_any(shell)? else {
        return Ok(Templates::default());
    };
    let root = loaded.source.path.parent().unwrap_or(&shell.folder);
    templates(&loaded.settings.notes, root)
}

/// The templates of the texts.
fn templates(notes: &Notes, root: &Path) -> Result<Templates, Failure> {
    let mut templates = Templates::default();
    for (text, key, path) in notes.own() {
        let path = root.join(path);
        let wrong = |error: &dyn std::error::Error| errors::template(key, &path, error);
        let source = files::read_at_most(&path, LARGEST_TEMPLATE)?;
        let source = String::from_utf8(source).map_err(|error| wrong(&error.utf8_error()))?;
        templates = templates
            .with(text, source)
            .map_err(|error| wrong(&error))?;
    }
    Ok(templates)
}

/// What was walked over since the release before.
struct Walked<'a> {
    /// Names by commits.
    authors: BTreeMap<String, String>,
    /// The change files with what came with them.
    entries: Vec<Noted<'a>>,
}

impl<'a> Walked<'a> {
    fn of(
        history: &History,
        judged: &'a Judged,
        notices: &'a [Found],
        contracts: &[PathBuf],
        root: &Path,
    ) -> Result<Self, Failure> {
        let top = history.work_tree().unwrap_or_else(|| root.to_owned());
        let contracts = contracts.iter();
        let contracts = contracts.filter_map(|it| path_in(&top, &root.join(it)));
        let contracts: Vec<_> = contracts.collect();
        let files = judged.entries.iter().map(|it| it.path.as_str());
        let prefixes = Prefixes::new(files.chain(contracts.iter().map(String::as_str)))?;
        let mut entries: Vec<_> = judged
            .entries
            .iter()
            .zip(notices)
            .map(|(it, found)| Noted {
                change: &it.change,
                commits: BTreeSet::new(),
                contracts: BTreeSet::new(),
                announced: found.announced(),
            })
            .collect();
        let range = match &judged.base {
            Some(base) => Range::since(base.commit, judged.head),
            None => Range::all(judged.head),
        };
        let mut authors = BTreeMap::new();
        for commit in history.walk(&range)? {
            let commit = commit?;
            if let Some(name) = name(commit.author()) {
                authors.insert(commit.id.to_string(), name);
            }
            // A merge brings what its commits are asked about themselves.
            if entries.is_empty() || commit.parents.len() > 1 {
                continue;
            }
            let touched = history.touched(commit.id, &prefixes)?;
            let (mine, theirs) = touched.split_at(entries.len().min(touched.len()));
            let with: BTreeSet<_> = contracts
                .iter()
                .zip(theirs)
                .filter(|(_, touched)| **touched)
                .map(|(path, _)| path.clone())
                .collect();
            for (entry, _) in entries
                .iter_mut()
                .zip(mine)
                .filter(|(_, touched)| **touched)
            {
                entry.commits.insert(commit.id.to_string());
                entry.contracts.extend(with.iter().cloned());
            }
        }
        Ok(Self { authors, entries })
    }

    /// Who made the commits of the component, those who made most first.
    fn contributors(&self, judged: &Judged) -> Vec<String> {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for name in judged
            .commits
            .iter()
            .filter_map(|it| self.authors.get(&it.id))
        {
            *counts.entry(name).or_default() += 1;
        }
        let mut all: Vec<_> = counts.into_iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all.into_iter().map(|(name, _)| name.clone()).collect()
    }
}

/// The name of an author who is a person.
fn name(author: &[u8]) -> Option<String> {
    let author = String::from_utf8_lossy(author);
    let name = author.split('<').next().unwrap_or_default().trim();
    (!name.is_empty() && !name.ends_with("[bot]")).then(|| name.to_owned())
}

/// The path of the component's changelog, from the top of the repository.
fn changelog(history: &History, judged: &Judged) -> Result<String, Failure> {
    let folder = match history.work_tree() {
        Some(top) => judged.subject.folder_in(&top)?,
        None => String::new(),
    };
    Ok(match folder.as_str() {
        "" => CHANGELOG.to_owned(),
        folder => format!("{folder}/{CHANGELOG}"),
    })
}

/// What stands in the changelog about the release, and which sections of it are to come still.
fn written(
    history: &History,
    judged: &Judged,
    which: &Which<'_>,
    path: &str,
) -> Result<(Vec<(Kind, String)>, Pending), Failure> {
    let Some(file) = history.read(judged.head, path, LARGEST as u64)? else {
        return Ok(Default::default());
    };
    let mut changelog = Changelog::parse(file.bytes);
    let wrong = |error: ChangelogError| errors::changelog(path, &error);
    let mut pending = Pending::default();
    let section = match which.published {
        true => changelog.version(which.version),
        false => {
            pending = Pending::of(history, judged, path, &changelog, which.version)?;
            changelog = pending.reopened(changelog).map_err(wrong)?;
            changelog.unreleased().map_err(wrong)?
        }
    };
    let items = section.into_iter().flat_map(|it| changelog.items(it));
    let items = items.filter_map(|(group, text)| Some((group.kind?, text)));
    let items = items.filter(|(_, text)| !text.trim().is_empty());
    Ok((items.collect(), pending))
}

/// The changes of durable state that are on their way at the release, with their steps.
fn migrations(context: &Context<'_>, judged: &Judged) -> Result<Vec<Migration>, Failure> {
    let repository = Repository::discover(&context.root)?;
    let head = CommitId::from(judged.head);
    let before = judged.base.as_ref().map(|it| CommitId::from(it.commit));
    let book = Book::open_if_any(context)?;
    let mut all = Vec::new();
    for id in changes::ids_at_commit(context, &repository, &head)? {
        let Some(definition) = changes::at_commit(context, &repository, &head, &id)? else {
            continue;
        };
        let earlier = match &before {
            Some(before) => changes::at_commit(context, &repository, before, &id)?,
            None => None,
        };
        let steps = steps(&definition, earlier.as_ref(), |step| {
            is_applied(context, book.as_ref(), &definition, step)
        });
        if steps.iter().all(|it| it.state == StepState::Done) {
            continue;
        }
        all.push(Migration {
            change: definition.id.to_string(),
            title: definition.title.clone(),
            steps,
        });
    }
    Ok(all)
}

/// The steps of a change at a release, whose code was somewhere else at the release before.
fn steps(
    now: &Definition,
    earlier: Option<&Definition>,
    applied: impl Fn(&StepName) -> bool,
) -> Vec<MigrationStep> {
    // The code from before a change is before its first step.
    let place = |code: &StepName| {
        now.steps
            .iter()
            .position(|it| it.name == *code)
            .map_or(0, |it| it + 1)
    };
    let done = earlier.map_or(0, |it| place(&it.code));
    let here = place(&now.code);
    let state = |at: usize, step: &Step| match step.work {
        Work::Database { .. } if applied(&step.name) => StepState::Done,
        _ if at < done => StepState::Done,
        _ if at < here => StepState::Now,
        _ => StepState::Later,
    };
    let step = |(at, step): (usize, &Step)| MigrationStep {
        name: step.name.to_string(),
        title: step.title.clone(),
        state: state(at, step),
        way_back: Some(step.way_back.clone()).filter(|it| !it.trim().is_empty()),
        needs: step.needs.clone(),
    };
    now.steps.iter().enumerate().map(step).collect()
}

/// Whether a step of the database is done in every environment that has one.
fn is_applied(
    context: &Context<'_>,
    book: Option<&Book>,
    definition: &Definition,
    name: &StepName,
) -> bool {
    let (Some(book), Some(step)) = (book, definition.step(name)) else {
        return false;
    };
    let Work::Database { script, fill } = &step.work else {
        return false;
    };
    let parts = [
        script.as_ref().map(|_| Part::Script),
        fill.as_ref().map(|_| Part::Fill),
    ];
    let mut places = context
        .settings()
        .environments
        .iter()
        .filter(|it| it.database.is_some());
    let mut some = false;
    let all = places.all(|it| {
        some = true;
        let has = |part| {
            book.history
                .is_applied(&it.name, &definition.id, name, part)
        };
        parts.into_iter().flatten().all(has)
    });
    all && some
}
