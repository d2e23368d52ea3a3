//! Histories without what people wrote, read once for many questions.
//!
//! A walk that leaves something out looks beyond what it leaves out, because clocks may run wrong, and
//! reads every commit that it meets. Whoever asks about thousands of releases would read most commits
//! hundreds of times. Here they are put in order once, children before parents, and nothing has to be
//! looked at twice or in vain.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use gix::hashtable;

use super::error::HistoryError;
use super::id::ObjectId;
use super::limit::limited;
use super::open::History;
use super::order::{Ordered as _, Queue, sorted};
use super::walk::{Order, Range};

/// The commits that are reachable from some, with their parents and dates.
///
/// What is not among them is asked of the history, each time. That is so of all if the histories cannot
/// be read to their beginnings, as in a shallow clone: some questions have an answer all the same, and
/// the others say what is wrong.
#[derive(Debug)]
pub struct Outline<'h> {
    history: &'h History,
    /// No commit before one of its children.
    commits: Vec<Outlined>,
    places: hashtable::HashMap<gix::ObjectId, usize>,
}

#[derive(Debug)]
struct Outlined {
    id: ObjectId,
    date: i64,
    /// Their places.
    parents: Vec<usize>,
}

impl History {
    /// The outline of everything that is reachable from some commits.
    pub fn outline(&self, tips: impl IntoIterator<Item = ObjectId>) -> Outline<'_> {
        let range = tips.into_iter().fold(Range::default(), Range::and);
        let nodes = limited(self, &range, false).unwrap_or_default();
        let order = sorted(&nodes, Order::Topological);
        let places: hashtable::HashMap<gix::ObjectId, usize> = order
            .iter()
            .enumerate()
            .map(|(place, position)| (nodes[*position].id().0, place))
            .collect();
        let outlined = order.into_iter().map(|position| {
            let node = &nodes[position];
            let parents = node.parents().iter();
            Outlined {
                id: node.id(),
                date: node.date(),
                parents: parents
                    .filter_map(|id| places.get(&id.0).copied())
                    .collect(),
            }
        });
        Outline {
            history: self,
            commits: outlined.collect(),
            places,
        }
    }
}

impl Outline<'_> {
    fn place(&self, id: ObjectId) -> Option<usize> {
        self.places.get(&id.0).copied()
    }

    /// Whether `ancestor` is `of` or one of the commits before it.
    ///
    /// # Errors
    /// As for [`History::is_ancestor`], if one of them is not in the outline.
    pub fn is_ancestor(&self, ancestor: ObjectId, of: ObjectId) -> Result<bool, HistoryError> {
        let (Some(wanted), Some(from)) = (self.place(ancestor), self.place(of)) else {
            return self.history.is_ancestor(ancestor, of);
        };
        let mut seen = HashSet::new();
        let mut work = vec![from];
        while let Some(place) = work.pop() {
            if place == wanted {
                return Ok(true);
            }
            // What comes later cannot lead back.
            if place < wanted && seen.insert(place) {
                work.extend_from_slice(&self.commits[place].parents);
            }
        }
        Ok(false)
    }

    /// The commits that `tip` has and `base` has not, in the order of a walk by date.
    ///
    /// # Errors
    /// As for [`History::walk`], if one of them is not in the outline.
    pub fn since(&self, base: ObjectId, tip: ObjectId) -> Result<Vec<ObjectId>, HistoryError> {
        let (Some(hidden), Some(from)) = (self.place(base), self.place(tip)) else {
            let walk = self.history.walk(&Range::since(base, tip))?;
            return walk.map(|commit| Ok(commit?.id)).collect();
        };
        let wanted = self.wanted(hidden, from);
        let mut ids = Vec::with_capacity(wanted.len());
        let mut met = HashSet::new();
        let mut queue = Queue::default();
        if wanted.contains(&from) {
            queue.push(self.commits[from].date, from);
        }
        while let Some(place) = queue.pop() {
            let commit = &self.commits[place];
            ids.push(commit.id);
            for parent in &commit.parents {
                if wanted.contains(parent) && met.insert(*parent) {
                    queue.push(self.commits[*parent].date, *parent);
                }
            }
        }
        Ok(ids)
    }

    /// The places of the commits that the one at `tip` has and the one at `base` has not.
    fn wanted(&self, base: usize, tip: usize) -> HashSet<usize> {
        let mut wanted = HashSet::new();
        // Whether they are hidden: those that were met, and did not leave the queue.
        let mut waiting = HashMap::from([(tip, false), (base, true)]);
        let mut queue = BinaryHeap::from([Reverse(tip), Reverse(base)]);
        let mut open = usize::from(tip != base);
        // All of its children were there before a commit comes, so what it is does not change then.
        while open > 0
            && let Some(Reverse(place)) = queue.pop()
        {
            let Some(hidden) = waiting.remove(&place) else {
                continue;
            };
            if !hidden {
                open -= 1;
                wanted.insert(place);
            }
            for parent in &self.commits[place].parents {
                match waiting.insert(*parent, hidden) {
                    None => {
                        queue.push(Reverse(*parent));
                        open += usize::from(!hidden);
                    }
                    Some(true) => {
                        waiting.insert(*parent, true);
                    }
                    Some(false) => open -= usize::from(hidden),
                }
            }
        }
        wanted
    }
}
