//! Which paths a commit touches, against its first parent.
//!
//! Two trees with the same id are the same, so what is equal is never entered.

use super::error::HistoryError;
use super::id::ObjectId;
use super::open::History;
use super::tree::{LIST_LIMIT, Line, Mode, Tree, joined, parts_of, spend};

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathChange {
    /// It was not there before.
    Added,
    /// It has other contents, another mode, or is of another kind.
    Changed,
    /// It is no longer there.
    Removed,
}

/// A path that a commit touches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChangedPath {
    /// From the top of the repository, with `/` between folders.
    pub path: Vec<u8>,
    /// What happened to it.
    pub change: PathChange,
}

/// Files and folders that commits are asked about: a component's own, for example.
#[derive(Debug, Clone, Default)]
pub struct Prefixes {
    root: Node,
    count: usize,
}

/// A folder on the way to prefixes.
#[derive(Debug, Clone, Default)]
struct Node {
    /// Positions of prefixes that end here.
    ends: Vec<usize>,
    below: Vec<(Vec<u8>, Node)>,
}

impl Prefixes {
    /// Prefixes of paths, each a file or a folder with all that is in it; `""` is everything.
    ///
    /// # Errors
    /// [`HistoryError::InvalidPath`].
    pub fn new<P: AsRef<[u8]>>(
        prefixes: impl IntoIterator<Item = P>,
    ) -> Result<Self, HistoryError> {
        let mut all = Self::default();
        for prefix in prefixes {
            let mut node = &mut all.root;
            for part in parts_of(prefix.as_ref())? {
                let known = node.below.iter().position(|(name, _)| name == part);
                let position = known.unwrap_or_else(|| {
                    node.below.push((part.to_vec(), Node::default()));
                    node.below.len() - 1
                });
                node = &mut node.below[position].1;
            }
            node.ends.push(all.count);
            all.count += 1;
        }
        Ok(all)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl History {
    /// For each prefix, in the order in which they were given, whether a commit touches it: whether
    /// it differs from the first parent there. A commit without parents touches all that it has.
    ///
    /// Compares ids on the way down to the prefixes and never lists a tree.
    ///
    /// # Errors
    /// [`HistoryError::Shallow`] if the parent is beyond a cut, and those of missing and damaged
    /// objects.
    pub fn touched(
        &self,
        commit: ObjectId,
        prefixes: &Prefixes,
    ) -> Result<Vec<bool>, HistoryError> {
        let mut touched = vec![false; prefixes.count];
        let (old, new) = self.trees_of(commit)?;
        self.compare(&prefixes.root, folder(old), folder(new), &mut touched)?;
        Ok(touched)
    }

    /// Whether a commit touches one of the prefixes at least.
    ///
    /// # Errors
    /// As for [`History::touched`].
    pub fn touches(&self, commit: ObjectId, prefixes: &Prefixes) -> Result<bool, HistoryError> {
        Ok(self.touched(commit, prefixes)?.contains(&true))
    }

    /// The paths that a commit touches, by name: how it differs from its first parent. What was
    /// renamed was removed and added.
    ///
    /// # Errors
    /// [`HistoryError::TooLarge`] beyond [`LIST_LIMIT`], and as for [`History::touched`].
    pub fn changed_paths(&self, commit: ObjectId) -> Result<Vec<ChangedPath>, HistoryError> {
        let (old, new) = self.trees_of(commit)?;
        let mut changes = Changes {
            history: self,
            left: LIST_LIMIT,
            found: Vec::new(),
        };
        let mut work = vec![(Some(old), Some(new), Vec::new())];
        while let Some((old, new, path)) = work.pop() {
            if old != new {
                changes.folder(old, new, &path, &mut work)?;
            }
        }
        let mut found = changes.found;
        found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// The trees of the first parent (an empty one if there is none) and of the commit.
    fn trees_of(&self, commit: ObjectId) -> Result<(ObjectId, ObjectId), HistoryError> {
        let (facts, _) = self.facts(commit)?;
        if facts.cut {
            return Err(HistoryError::Shallow {
                boundary: vec![commit],
            });
        }
        let parent = match facts.parents.first() {
            Some(parent) => self.facts(*parent)?.0.tree,
            None => ObjectId(gix::ObjectId::empty_tree(commit.0.kind())),
        };
        Ok((parent, facts.tree))
    }

    fn compare(
        &self,
        node: &Node,
        old: Option<(Mode, ObjectId)>,
        new: Option<(Mode, ObjectId)>,
        touched: &mut [bool],
    ) -> Result<(), HistoryError> {
        if old == new {
            return Ok(());
        }
        for end in &node.ends {
            touched[*end] = true;
        }
        if node.below.is_empty() {
            return Ok(());
        }
        let (old, new) = (self.inside(old)?, self.inside(new)?);
        for (name, below) in &node.below {
            let find = |tree: &Tree| tree.find(name).map(|line| (line.mode, line.id));
            self.compare(below, find(&old), find(&new), touched)?;
        }
        Ok(())
    }

    /// The tree of a folder; an empty one for what is none.
    fn inside(&self, entry: Option<(Mode, ObjectId)>) -> Result<Tree, HistoryError> {
        match entry {
            Some((mode, id)) if mode & 0o170_000 == 0o040_000 => self.tree(id),
            _ => Ok(Tree::empty()),
        }
    }
}

fn folder(tree: ObjectId) -> Option<(Mode, ObjectId)> {
    Some((0o040_000, tree))
}

/// The paths that were found to differ.
struct Changes<'h> {
    history: &'h History,
    left: usize,
    found: Vec<ChangedPath>,
}

/// Two folders that are to be compared, and where they are.
type Pair = (Option<ObjectId>, Option<ObjectId>, Vec<u8>);

impl Changes<'_> {
    fn folder(
        &mut self,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        path: &[u8],
        work: &mut Vec<Pair>,
    ) -> Result<(), HistoryError> {
        let load = |id: Option<ObjectId>| id.map_or(Ok(Tree::empty()), |id| self.history.tree(id));
        let (old, new) = (load(old)?, load(new)?);
        let (mut olds, mut news) = (old.lines().peekable(), new.lines().peekable());
        loop {
            spend(&mut self.left)?;
            // A file and a folder of one name stand at different places, so they never meet here.
            let order = match (olds.peek(), news.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(old), Some(new)) => sort_key(old).cmp(sort_key(new)),
            };
            let (old, new) = match order {
                std::cmp::Ordering::Less => (olds.next(), None),
                std::cmp::Ordering::Greater => (None, news.next()),
                std::cmp::Ordering::Equal => (olds.next(), news.next()),
            };
            self.pair(old, new, path, work);
        }
    }

    /// What differs between two entries of one name, which are both folders or both not.
    fn pair(
        &mut self,
        old: Option<Line<'_>>,
        new: Option<Line<'_>>,
        path: &[u8],
        work: &mut Vec<Pair>,
    ) {
        let Some(line) = old.or(new) else { return };
        let same = match (&old, &new) {
            (Some(old), Some(new)) => (old.mode, old.id) == (new.mode, new.id),
            _ => false,
        };
        if same {
            return;
        }
        let path = joined(path, line.name);
        if line.is_folder() {
            work.push((old.map(|line| line.id), new.map(|line| line.id), path));
            return;
        }
        let change = match (old, new) {
            (None, _) => PathChange::Added,
            (_, None) => PathChange::Removed,
            _ => PathChange::Changed,
        };
        self.found.push(ChangedPath { path, change });
    }
}

/// Git sorts a folder as if its name ended with `/`.
fn sort_key<'a>(line: &Line<'a>) -> impl Iterator<Item = u8> + use<'a> {
    let end = line.is_folder().then_some(b'/');
    line.name.iter().copied().chain(end)
}
