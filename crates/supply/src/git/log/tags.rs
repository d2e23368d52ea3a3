//! Tags, and where in a history they are.

use std::collections::HashSet;

use gix::hashtable::HashMap;
use gix::refs::Target;

use super::super::error::escaped_name;
use super::commit::{Moment, time_of};
use super::error::{HistoryError, ObjectKind, cause};
use super::id::ObjectId;
use super::open::History;
use super::walk::{Range, Steps};

/// A tag as its reference says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    /// The name without `refs/tags/`; what is not UTF-8 is replaced.
    pub name: String,
    /// What the reference names: a tag object if the tag is annotated.
    pub object: ObjectId,
    /// What it leads to when all annotated tags are followed: usually a commit.
    pub target: ObjectId,
    /// Whether it is annotated, and so has a message and may be signed.
    pub annotated: bool,
}

/// A tag that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BrokenTag {
    /// The name without `refs/tags/` if it is known, escaped.
    pub name: String,
    /// What is wrong, escaped.
    pub problem: String,
}

/// What an annotated tag says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Who made it, as it is stored: usually `Name <address>`. Empty in very old tags.
    pub tagger: Vec<u8>,
    /// When it was made; `None` if that cannot be read.
    pub time: Option<Moment>,
    /// The message as it is stored, with the signature if there is one.
    pub message: Vec<u8>,
}

/// The tags of a repository, by name.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    tags: Vec<Tag>,
    broken: Vec<BrokenTag>,
    /// Positions of tags with the same target.
    at: HashMap<gix::ObjectId, Vec<usize>>,
}

/// Tags by what they lead to, see [`History::sort_tags`].
#[derive(Debug, Clone, Default)]
pub struct SortedTags<'t> {
    /// Tags of commits.
    pub commits: Vec<&'t Tag>,
    /// Tags of something else, with what that is.
    pub others: Vec<(&'t Tag, ObjectKind)>,
    /// Tags of something that is not there, or cannot be read.
    pub broken: Vec<BrokenTag>,
}

impl Tags {
    /// All tags, by name. Not all have to be tags of commits, see [`History::sort_tags`].
    pub fn all(&self) -> &[Tag] {
        &self.tags
    }

    /// Tags whose reference cannot be read or leads nowhere.
    pub fn broken(&self) -> &[BrokenTag] {
        &self.broken
    }

    /// The tag with a name.
    pub fn named(&self, name: &str) -> Option<&Tag> {
        let position = self
            .tags
            .binary_search_by(|tag| tag.name.as_str().cmp(name));
        position.ok().and_then(|position| self.tags.get(position))
    }

    /// The tags of a commit, by name.
    pub fn of(&self, commit: ObjectId) -> impl Iterator<Item = &Tag> {
        let positions = self.at.get(&commit.0).into_iter().flatten();
        positions.filter_map(|position| self.tags.get(*position))
    }

    fn new(mut tags: Vec<Tag>, broken: Vec<BrokenTag>) -> Self {
        tags.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let mut at: HashMap<gix::ObjectId, Vec<usize>> = HashMap::default();
        for (position, tag) in tags.iter().enumerate() {
            at.entry(tag.target.0).or_default().push(position);
        }
        Self { tags, broken, at }
    }
}

impl History {
    /// All tags. What packed references say of themselves is believed, so objects are only read for
    /// tags that are not packed.
    ///
    /// # Errors
    /// [`HistoryError::References`] if the references as a whole cannot be read; one that cannot be
    /// is in [`Tags::broken`].
    pub fn tags(&self) -> Result<Tags, HistoryError> {
        let failed = |error| HistoryError::References {
            what: "tags",
            source: cause(error),
        };
        // A loose reference does not say what it leads to, and hides a packed one that does.
        let says_peeled = self.packed_refs_are_peeled();
        let loose = self.loose_tags();
        let references = self.repo.references().map_err(failed)?;
        let (mut tags, mut broken) = (Vec::new(), Vec::new());
        for reference in references.tags().map_err(failed)? {
            let mut reference = match reference {
                Ok(reference) => reference.detach(),
                Err(error) => {
                    broken.push(BrokenTag {
                        name: String::new(),
                        problem: escaped_name(&error.to_string()),
                    });
                    continue;
                }
            };
            let full = reference.name.as_bstr();
            let name = String::from_utf8_lossy(full.strip_prefix(b"refs/tags/").unwrap_or(full));
            let name = name.into_owned();
            let known = match (&reference.target, reference.peeled) {
                (Target::Object(id), Some(peeled)) => Some((*id, peeled)),
                (Target::Object(id), None) if says_peeled && !loose.contains(&name) => {
                    Some((*id, *id))
                }
                _ => None,
            };
            let found = match known {
                Some((object, target)) => Ok((ObjectId(object), ObjectId(target))),
                None => self.follow_tag(&mut reference),
            };
            match found {
                Ok((object, target)) => tags.push(Tag {
                    name,
                    object,
                    target,
                    annotated: object != target,
                }),
                Err(error) => broken.push(BrokenTag {
                    name: escaped_name(&name),
                    problem: error.to_string(),
                }),
            }
        }
        Ok(Tags::new(tags, broken))
    }

    /// What a reference names and what that leads to.
    fn follow_tag(
        &self,
        reference: &mut gix::refs::Reference,
    ) -> Result<(ObjectId, ObjectId), HistoryError> {
        let object = match &reference.target {
            Target::Object(id) => *id,
            Target::Symbolic(name) => {
                let failed = |error| HistoryError::References {
                    what: "target of a tag",
                    source: cause(error),
                };
                let mut found = self.repo.find_reference(name.as_ref()).map_err(failed)?;
                let end = found.follow_to_object().map_err(failed)?;
                end.detach()
            }
        };
        let object = ObjectId(object);
        Ok((object, self.peel(object)?.0))
    }

    /// The names of the tags that have a file of their own.
    fn loose_tags(&self) -> HashSet<String> {
        let mut names = HashSet::new();
        let mut folders = vec![(self.repo.common_dir().join("refs/tags"), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push((entry.path(), name + "/")),
                    _ => {
                        names.insert(name);
                    }
                }
            }
        }
        names
    }

    /// Whether the file says of every reference what it leads to, so that a tag without that is not
    /// annotated. All versions of Git since 2008 write it like this.
    fn packed_refs_are_peeled(&self) -> bool {
        use std::io::{BufRead as _, BufReader, Read as _};
        let path = self.repo.common_dir().join("packed-refs");
        let Ok(file) = std::fs::File::open(path) else {
            return false;
        };
        let mut line = String::new();
        let read = BufReader::new(file).take(200).read_line(&mut line);
        let mut words = line.split_ascii_whitespace();
        read.is_ok()
            && words.next() == Some("#")
            && words.any(|word| word == "peeled" || word == "fully-peeled")
    }

    /// Looks at what the tags lead to, which takes a look-up for each that is not in the
    /// commit-graph file.
    pub fn sort_tags<'t>(&self, tags: &'t Tags) -> SortedTags<'t> {
        let mut sorted = SortedTags {
            broken: tags.broken.clone(),
            ..SortedTags::default()
        };
        for tag in &tags.tags {
            if self.is_in_graph(tag.target) {
                sorted.commits.push(tag);
                continue;
            }
            match self.header(tag.target) {
                Ok((ObjectKind::Commit, _)) => sorted.commits.push(tag),
                Ok((kind, _)) => sorted.others.push((tag, kind)),
                Err(error) => sorted.broken.push(BrokenTag {
                    name: escaped_name(&tag.name),
                    problem: error.to_string(),
                }),
            }
        }
        sorted
    }

    /// What a tag leads to, if it is something else than a commit. What cannot be read is said by who
    /// needs it.
    pub fn other_than_commit(&self, tag: &Tag) -> Option<ObjectKind> {
        if self.is_in_graph(tag.target) {
            return None;
        }
        let (kind, _) = self.header(tag.target).ok()?;
        (kind != ObjectKind::Commit).then_some(kind)
    }

    /// What an annotated tag says; of a tag on a tag, the outer one. `None` for one that is not
    /// annotated.
    ///
    /// # Errors
    /// [`HistoryError::Missing`], [`HistoryError::Corrupt`].
    pub fn annotation(&self, tag: &Tag) -> Result<Option<Annotation>, HistoryError> {
        if !tag.annotated {
            return Ok(None);
        }
        let read = |bytes: &[u8]| Ok(Some(Annotation::parse(bytes)));
        self.with_kind(tag.object, ObjectKind::Tag, read)
    }

    /// The commits of a range that have tags, in its order: by date the nearest first. Walks only as
    /// far as it is asked to, and reads no message if there is a commit-graph file.
    ///
    /// # Errors
    /// As for [`History::walk`].
    pub fn tagged<'h, 't>(
        &'h self,
        range: &Range,
        tags: &'t Tags,
    ) -> Result<Tagged<'h, 't>, HistoryError> {
        Ok(Tagged {
            steps: self.steps(range, false)?,
            tags,
        })
    }
}

impl Annotation {
    fn parse(bytes: &[u8]) -> Self {
        let mut tagger: &[u8] = b"";
        let mut rest = bytes;
        while !rest.is_empty() && rest[0] != b'\n' {
            let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            if let Some(value) = rest[..end].strip_prefix(b"tagger ") {
                tagger = value;
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        let who = tagger.iter().rposition(|b| *b == b'>');
        Self {
            tagger: tagger[..who.map_or(tagger.len(), |end| end + 1)].to_vec(),
            time: time_of(tagger),
            message: rest.strip_prefix(b"\n").unwrap_or(rest).to_vec(),
        }
    }
}

/// A commit and the tags on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedCommit<'t> {
    /// The commit.
    pub commit: ObjectId,
    /// Its tags, by name; at least one.
    pub tags: Vec<&'t Tag>,
}

/// Commits of a range that have tags, see [`History::tagged`].
#[derive(Debug)]
pub struct Tagged<'h, 't> {
    steps: Steps<'h>,
    tags: &'t Tags,
}

impl<'t> Iterator for Tagged<'_, 't> {
    type Item = Result<TaggedCommit<'t>, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let step = match self.steps.next()? {
                Ok(step) => step,
                Err(error) => return Some(Err(error)),
            };
            let tags: Vec<&Tag> = self.tags.of(step.id).collect();
            if !tags.is_empty() {
                return Some(Ok(TaggedCommit {
                    commit: step.id,
                    tags,
                }));
            }
        }
    }
}
