//! Walking through a history.

use gix::hashtable::HashSet;

use super::commit::Commit;
use super::error::HistoryError;
use super::facts::Facts;
use super::id::ObjectId;
use super::limit::limited;
use super::open::History;
use super::order::{Queue, sorted};

/// In which order commits come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// As `git log`: by the committer's date, the newest first, but no commit before one of its
    /// children has come. (With clocks that run wrong a commit may come before another child.)
    #[default]
    Date,
    /// As `git log --date-order`: by date, and no commit before all of its children.
    DateTopological,
    /// As `git log --topo-order`: no commit before all of its children, and lines of history are not
    /// mixed.
    Topological,
}

/// Which commits are walked through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Range {
    pub(super) tips: Vec<ObjectId>,
    pub(super) hidden: Vec<ObjectId>,
    pub(super) first_parent: bool,
    pub(super) order: Order,
    pub(super) up_to_cuts: bool,
}

impl Range {
    /// Everything that is reachable from a commit, and itself.
    pub fn all(tip: ObjectId) -> Self {
        Self {
            tips: vec![tip],
            ..Self::default()
        }
    }

    /// What `tip` has and `base` has not: `base..tip`.
    pub fn since(base: ObjectId, tip: ObjectId) -> Self {
        Self::all(tip).hide(base)
    }

    /// Also what is reachable from another commit.
    #[must_use]
    pub fn and(mut self, tip: ObjectId) -> Self {
        self.tips.push(tip);
        self
    }

    /// Without what is reachable from a commit, and without itself.
    #[must_use]
    pub fn hide(mut self, id: ObjectId) -> Self {
        self.hidden.push(id);
        self
    }

    /// Of a merge only the first parent is followed. What is hidden is hidden with all parents.
    #[must_use]
    pub fn first_parent(mut self) -> Self {
        self.first_parent = true;
        self
    }

    /// In another order.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// In a shallow clone what there is, instead of an error where the history is cut. What is left
    /// out with [`Range::hide`] may then come after all, if the cut lies between.
    #[must_use]
    pub fn up_to_cuts(mut self) -> Self {
        self.up_to_cuts = true;
        self
    }
}

impl History {
    /// The commits of a range. Each is read when it comes, or shortly before.
    ///
    /// A walk of everything by date begins at once. If something is hidden, or children have to come
    /// before parents, the range is found first, without its messages if there is a commit-graph
    /// file.
    ///
    /// # Errors
    /// [`HistoryError::Shallow`] if the range goes beyond a cut, here or, in a walk that begins at
    /// once, in place of the first commit that would come after the cut; [`HistoryError::Missing`],
    /// [`HistoryError::Corrupt`], [`HistoryError::WrongKind`]. After an error nothing comes.
    pub fn walk(&self, range: &Range) -> Result<Walk<'_>, HistoryError> {
        Ok(Walk {
            steps: self.steps(range, true)?,
        })
    }

    pub(super) fn steps(&self, range: &Range, bodies: bool) -> Result<Steps<'_>, HistoryError> {
        let source = if range.hidden.is_empty() && range.order == Order::Date {
            Source::Stream(Stream::new(self, range, bodies)?)
        } else {
            let mut nodes: Vec<_> = limited(self, range, bodies)?;
            let order = sorted(&nodes, range.order);
            let steps = order.into_iter().map(|position| Step {
                id: nodes[position].id,
                commit: nodes[position].commit.take(),
            });
            let steps: Vec<Step> = steps.collect();
            Source::List(steps.into_iter())
        };
        Ok(Steps {
            history: self,
            source,
        })
    }
}

/// The commits of a range, see [`History::walk`].
#[derive(Debug)]
pub struct Walk<'h> {
    steps: Steps<'h>,
}

impl Iterator for Walk<'_> {
    type Item = Result<Commit, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = match self.steps.next()? {
            Ok(step) => step,
            Err(error) => return Some(Err(error)),
        };
        let commit = match step.commit {
            Some(commit) => Ok(*commit),
            None => self.steps.history.commit(step.id),
        };
        if commit.is_err() {
            self.steps.source = Source::List(Vec::new().into_iter());
        }
        Some(commit)
    }
}

/// A commit of a walk, with what was read of it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) id: ObjectId,
    pub(super) commit: Option<Box<Commit>>,
}

/// A walk that need not read the commits themselves.
#[derive(Debug)]
pub(super) struct Steps<'h> {
    history: &'h History,
    source: Source<'h>,
}

#[derive(Debug)]
enum Source<'h> {
    Stream(Stream<'h>),
    List(std::vec::IntoIter<Step>),
}

impl Iterator for Steps<'_> {
    type Item = Result<Step, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.source {
            Source::Stream(stream) => stream.next_step().transpose(),
            Source::List(steps) => steps.next().map(Ok),
        };
        if matches!(next, Some(Err(_))) {
            self.source = Source::List(Vec::new().into_iter());
        }
        next
    }
}

/// A walk of everything by date: what comes next is the newest of all whose child has come.
#[derive(Debug)]
struct Stream<'h> {
    history: &'h History,
    bodies: bool,
    first_parent: bool,
    up_to_cuts: bool,
    queue: Queue<Met>,
    seen: HashSet<gix::ObjectId>,
    cuts: Vec<ObjectId>,
}

#[derive(Debug)]
struct Met {
    id: ObjectId,
    facts: Facts,
    commit: Option<Box<Commit>>,
}

impl<'h> Stream<'h> {
    fn new(history: &'h History, range: &Range, bodies: bool) -> Result<Self, HistoryError> {
        let mut stream = Self {
            history,
            bodies,
            first_parent: range.first_parent,
            up_to_cuts: range.up_to_cuts,
            queue: Queue::default(),
            seen: HashSet::default(),
            cuts: Vec::new(),
        };
        for id in &range.tips {
            stream.meet(*id)?;
        }
        Ok(stream)
    }

    fn meet(&mut self, id: ObjectId) -> Result<(), HistoryError> {
        if !self.seen.insert(id.0) {
            return Ok(());
        }
        let (facts, commit) = match self.bodies {
            true => self.history.facts_and_commit(id)?,
            false => self.history.facts(id)?,
        };
        let commit = commit.filter(|_| self.bodies).map(Box::new);
        self.queue.push(facts.date, Met { id, facts, commit });
        Ok(())
    }

    fn next_step(&mut self) -> Result<Option<Step>, HistoryError> {
        if !self.cuts.is_empty() && !self.up_to_cuts {
            let waiting = self.queue.iter().filter(|met| met.facts.cut);
            self.cuts.extend(waiting.map(|met| met.id));
            self.cuts.sort_unstable();
            return Err(HistoryError::Shallow {
                boundary: std::mem::take(&mut self.cuts),
            });
        }
        let Some(met) = self.queue.pop() else {
            return Ok(None);
        };
        if met.facts.cut {
            self.cuts.push(met.id);
        } else {
            let count = if self.first_parent { 1 } else { usize::MAX };
            for id in met.facts.parents.iter().take(count) {
                self.meet(*id)?;
            }
        }
        Ok(Some(Step {
            id: met.id,
            commit: met.commit,
        }))
    }
}
