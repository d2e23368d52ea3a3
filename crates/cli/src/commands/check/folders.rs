//! Folders of migrations: found, read, parsed and judged.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use switchback_migration::Engine;
use switchback_migration::history::{self, Candidate, Folder};
use switchback_migration::lint::{self, Input, Options, Report, Sections, Source};
use switchback_migration::sql;

use super::choice::Choice;
use super::targets::{Root, Targets, real};
use crate::errors::{self, Failure};
use crate::settings::Loaded;
use crate::settings::types::MigrationsFolder;
use crate::survey::{Base, Content, Entry, LARGEST, Listing, cores, read, side_by_side};

/// A folder of migrations with its files.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) candidate: Candidate,
    /// What the settings say of its engine.
    engine: Option<Engine>,
    /// What the settings say is applied.
    applied_until: Option<String>,
    /// Files that are no SQL, or no text.
    others: BTreeMap<String, Content>,
    /// The folder as its tool sees it.
    pub(super) folder: Folder,
    /// Its files that are text.
    pub(super) sources: BTreeMap<String, Source>,
}

/// All folders of migrations.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) all: Vec<Group>,
    /// Files that could not be read, and why.
    pub(super) troubles: Vec<(String, io::Error)>,
}

/// What finds and reads folders.
pub(super) struct Finder<'a> {
    pub(super) base: &'a Base,
    pub(super) targets: &'a Targets,
    pub(super) listing: &'a Listing,
    pub(super) choice: &'a Choice,
    pub(super) loaded: Option<&'a Loaded>,
    /// What stands in for the contents of files.
    pub(super) instead: &'a BTreeMap<String, String>,
}

/// A candidate with what the settings say of it.
struct Known {
    candidate: Candidate,
    engine: Option<Engine>,
    applied_until: Option<String>,
}

impl Finder<'_> {
    /// Finds, reads and parses every folder that is wanted.
    pub(super) fn read(&self) -> Result<Groups, Failure> {
        let mut groups = Groups::default();
        self.add(self.candidates()?, &mut groups);
        // What somebody named is taken for what they say, if nothing else takes it.
        let named = self.targets.wanted.iter().filter(|it| it.named);
        let missed = named.filter(|wanted| {
            let mut files = groups.all.iter().flat_map(|it| &it.candidate.files);
            !files.any(|file| self.path(file).starts_with(&wanted.path))
        });
        let missed = missed.filter_map(|wanted| {
            Some(Known {
                candidate: self.as_named(&wanted.path, wanted.file)?,
                engine: None,
                applied_until: None,
            })
        });
        let missed: Vec<Known> = missed.collect();
        self.add(missed, &mut groups);
        parse(&mut groups.all, self.choice, None);
        Ok(groups)
    }

    /// Reads candidates, and adds those that are folders of migrations.
    fn add(&self, found: Vec<Known>, groups: &mut Groups) {
        let mut contents = self.contents(&found, &mut groups.troubles);
        let mut new = Vec::new();
        for known in found {
            let get = |name: &str| contents.get(name).map(Content::bytes);
            let Some(folder) = history::read(&known.candidate, get) else {
                continue;
            };
            new.push(Group {
                candidate: known.candidate,
                engine: known.engine,
                applied_until: known.applied_until,
                others: BTreeMap::new(),
                folder,
                sources: BTreeMap::new(),
            });
        }
        hand_out(&mut contents, &mut new);
        groups.all.append(&mut new);
    }

    fn candidates(&self) -> Result<Vec<Known>, Failure> {
        let mut found: BTreeMap<String, Known> = BTreeMap::new();
        let mut put = |known: Known| {
            found.entry(known.candidate.path.clone()).or_insert(known);
        };
        for known in self.set()? {
            put(known);
        }
        for root in &self.targets.roots {
            let mut candidates = self.discover(root, &root.folder);
            if candidates.is_empty()
                && root.alone
                && let Some(around) = root.folder.parent()
            {
                candidates = self.discover(root, around);
            }
            for candidate in candidates {
                put(Known {
                    candidate,
                    engine: None,
                    applied_until: None,
                });
            }
        }
        Ok(found.into_values().collect())
    }

    /// The folders that the settings name, where they are wanted.
    fn set(&self) -> Result<Vec<Known>, Failure> {
        let Some(loaded) = self.loaded else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for set in &loaded.settings.migrations.folders {
            let folder = real(&self.base.folder.join(&set.path));
            let candidate = self.at(&folder);
            let Some(candidate) = candidate else {
                if self.targets.wanted.iter().any(|it| it.named) {
                    continue;
                }
                return Err(errors::no_such_folder(&folder, &loaded.source.shown));
            };
            if self.wants(&candidate) || self.targets.wanted.iter().all(|it| !it.named) {
                found.push(known(candidate, set));
            }
        }
        Ok(found)
    }

    /// A folder that somebody says is one of migrations.
    fn at(&self, folder: &Path) -> Option<Candidate> {
        let names: Vec<&str> = self
            .listing
            .files
            .values()
            .filter(|entry| entry.path.starts_with(folder))
            .map(|entry| entry.name.as_str())
            .collect();
        history::at(&self.base.name(folder), &names)
    }

    /// What somebody named on the command line, though it does not look like migrations.
    fn as_named(&self, path: &Path, file: bool) -> Option<Candidate> {
        if !file {
            return self.at(path);
        }
        let is_sql = path
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("sql"));
        if !is_sql {
            return None;
        }
        // Alone: what is beside it may be anything.
        let name = self.base.name(path);
        let folder = self.base.name(path.parent()?);
        history::at(&folder, &[&name])
    }

    /// The folders below a root that are wanted, in paths that begin at `from`.
    fn discover(&self, root: &Root, from: &Path) -> Vec<Candidate> {
        let names = self.names_in(&root.folder, from);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        history::discover(&names)
            .into_iter()
            .map(|candidate| self.renamed(candidate, from))
            .filter(|candidate| self.wants(candidate))
            .collect()
    }

    /// The names of everything below a folder, in paths that begin at `from`.
    fn names_in(&self, folder: &Path, from: &Path) -> Vec<String> {
        // A migration on stdin need not be there.
        let instead = self.instead.keys().map(|name| self.base.path(name));
        let all = self.listing.files.values().map(|entry| entry.path.clone());
        let mut names: Vec<String> = all
            .chain(instead)
            .filter(|path| path.starts_with(folder))
            .filter_map(|path| Some(path.strip_prefix(from).ok()?.to_string_lossy().into_owned()))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A candidate whose paths begin at `from`, with the names that files have here.
    fn renamed(&self, candidate: Candidate, from: &Path) -> Candidate {
        if from == self.base.folder {
            return candidate;
        }
        let name = |inner: String| self.base.name(&from.join(inner));
        let names = |all: Vec<String>| all.into_iter().map(name).collect();
        Candidate {
            path: name(candidate.path),
            files: names(candidate.files),
            code: names(candidate.code),
            evidence: names(candidate.evidence),
            ..candidate
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        match self.listing.files.get(name) {
            Some(entry) => entry.path.clone(),
            None => self.base.path(name),
        }
    }

    fn wants(&self, candidate: &Candidate) -> bool {
        candidate
            .files
            .iter()
            .any(|file| self.targets.judges(&self.path(file)))
    }

    /// Reads everything that the candidates ask for.
    fn contents(
        &self,
        found: &[Known],
        troubles: &mut Vec<(String, io::Error)>,
    ) -> BTreeMap<String, Content> {
        let wanted: BTreeSet<&str> = found.iter().flat_map(|it| it.candidate.wanted()).collect();
        let entries: Vec<&Entry> = wanted
            .iter()
            .filter(|name| !self.instead.contains_key(**name))
            .filter_map(|name| self.listing.files.get(*name))
            .collect();
        let read = read(&entries, LARGEST);
        let mut contents = BTreeMap::new();
        for (entry, content) in entries.iter().zip(read) {
            match content {
                Ok(content) => _ = contents.insert(entry.name.clone(), content),
                Err(error) => troubles.push((entry.name.clone(), error)),
            }
        }
        for (name, text) in self.instead {
            if wanted.contains(name.as_str()) {
                contents.insert(name.clone(), Content::Text(text.clone()));
            }
        }
        contents
    }
}

/// Gives each group its files.
fn hand_out(contents: &mut BTreeMap<String, Content>, groups: &mut [Group]) {
    // A file of two folders is needed twice.
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for group in groups.iter() {
        for name in group.candidate.wanted() {
            *left.entry(name.to_owned()).or_default() += 1;
        }
    }
    for group in groups {
        let names: BTreeSet<String> = group.candidate.wanted().map(str::to_owned).collect();
        let migrations = files_of(&group.folder);
        for name in names {
            let count = left.entry(name.clone()).or_default();
            *count = count.saturating_sub(1);
            let content = if *count == 0 {
                contents.remove(&name)
            } else {
                contents.get(&name).map(|it| match it {
                    Content::Text(text) => Content::Text(text.clone()),
                    Content::Bytes(bytes) => Content::Bytes(bytes.clone()),
                })
            };
            match content {
                Some(Content::Text(text)) if migrations.contains(name.as_str()) => {
                    let source = Source {
                        text: Some(text),
                        statements: Vec::new(),
                    };
                    group.sources.insert(name, source);
                }
                Some(other) => _ = group.others.insert(name, other),
                None => {}
            }
        }
    }
}

fn known(mut candidate: Candidate, set: &MigrationsFolder) -> Known {
    set.apply(&mut candidate);
    Known {
        candidate,
        engine: set.engine.map(Engine::from),
        applied_until: set.applied_until.clone(),
    }
}

/// The files of a folder's migrations.
fn files_of(folder: &Folder) -> BTreeSet<&str> {
    let ups = folder.migrations.iter().map(|it| it.up.file.as_str());
    let downs = folder.migrations.iter().filter_map(|it| it.down.as_ref());
    ups.chain(downs.map(|part| part.file.as_str())).collect()
}

/// Parses the files of all groups, or only one of them.
fn parse(groups: &mut [Group], choice: &Choice, only: Option<&str>) {
    let mut work: Vec<(usize, String, String, Engine)> = Vec::new();
    for (at, group) in groups.iter_mut().enumerate() {
        // Another engine's SQL is not judged.
        if group.folder.other_engine.is_some() && choice.engine.is_none() {
            continue;
        }
        let engine = group.engine_for(choice);
        for (name, source) in &mut group.sources {
            if only.is_none_or(|only| only == name)
                && let Some(text) = source.text.take()
            {
                work.push((at, name.clone(), text, engine));
            }
        }
    }
    // The longest first, so that no core waits for another in the end.
    work.sort_by_key(|(_, _, text, _)| std::cmp::Reverse(text.len()));
    let parsed = side_by_side(work, |(at, name, text, engine)| {
        let statements = sql::parse(&text, engine);
        let text = Some(text);
        (at, name, Source { text, statements })
    });
    for (at, name, source) in parsed {
        groups[at].sources.insert(name, source);
    }
}

/// How many migrations are worth to be judged side by side with others.
const FEW: usize = 256;

/// Judges all groups, large ones in sections.
pub(super) fn judge(groups: &[Group], choice: &Choice) -> Vec<Report> {
    let sections = groups.iter().enumerate().flat_map(|(at, group)| {
        let many = group.folder.migrations.len() / FEW;
        let count = cores().min(many);
        let sections = Sections::new(&group.input(), &group.options(choice), count);
        sections.map(move |section| (at, section))
    });
    let mut judged: Vec<Vec<_>> = groups.iter().map(|_| Vec::new()).collect();
    for (at, section) in side_by_side(sections, |(at, section)| (at, section.judge())) {
        judged[at].push(section);
    }
    let settled = groups.iter().zip(judged);
    settled
        .map(|(group, judged)| lint::settle(&group.input(), &group.options(choice), judged))
        .collect()
}

impl Group {
    /// The engine whose SQL the folder has.
    pub(super) fn engine_for(&self, choice: &Choice) -> Engine {
        let known = choice.engine.or(self.engine).or(self.folder.engine);
        known.unwrap_or(Engine::Postgres)
    }

    fn options(&self, choice: &Choice) -> Options {
        choice.options(self.engine, self.applied_until.as_deref())
    }

    fn input(&self) -> Input<'_> {
        Input {
            folder: &self.folder,
            sources: &self.sources,
        }
    }

    /// Puts another text in the place of a file's, and reads the folder again.
    pub(super) fn put(&mut self, name: &str, text: String, choice: &Choice) {
        let source = Source {
            text: Some(text),
            statements: Vec::new(),
        };
        self.sources.insert(name.to_owned(), source);
        let get = |name: &str| {
            let text = self.sources.get(name).and_then(|it| it.text.as_deref());
            let other = || self.others.get(name).map(Content::bytes);
            text.map(str::as_bytes).or_else(other)
        };
        if let Some(folder) = history::read(&self.candidate, get) {
            self.folder = folder;
        }
        parse(std::slice::from_mut(self), choice, Some(name));
    }

    /// The contents of its files.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let others = self
            .others
            .iter()
            .map(|(name, it)| (name.as_str(), it.bytes()));
        let sources = self
            .sources
            .iter()
            .filter_map(|(name, source)| Some((name.as_str(), source.text.as_deref()?.as_bytes())));
        others.chain(sources)
    }
}
