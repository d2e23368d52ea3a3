//! Which commits are reachable from some and not from others.
//!
//! Walks both sides by date, the newest first, until nothing that is wanted is in the queue. What is
//! still in it then is reachable from the hidden side, and may lead to something that was taken for
//! wanted: the clocks of a repository need not agree. With a commit-graph file it is known which
//! commits cannot lead there. Without one the walk goes on for [`SLOP`] commits that are older than
//! everything wanted; Git does so for five.

use gix::hashtable::HashMap;

use super::commit::Commit;
use super::error::HistoryError;
use super::facts::{Facts, NO_GENERATION};
use super::id::ObjectId;
use super::open::History;
use super::order::{Ordered, Queue};
use super::walk::Range;

/// How many commits with older dates are looked at in vain before the walk ends. At some
/// microseconds each this is a millisecond.
const SLOP: usize = 256;
/// How many bytes of commits that had to be read are kept until they are asked for; the others are
/// read again.
const KEPT: usize = 32 << 20;

/// A commit that the walk has met.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: ObjectId,
    facts: Facts,
    pub(super) commit: Option<Box<Commit>>,
    hidden: bool,
    /// Whether it left the queue and its parents were followed.
    followed: bool,
}

impl Ordered for Node {
    fn id(&self) -> ObjectId {
        self.id
    }

    fn parents(&self) -> &[ObjectId] {
        &self.facts.parents
    }

    fn date(&self) -> i64 {
        self.facts.date
    }
}

/// The wanted commits of a range, in the order of a walk by date.
pub(super) fn limited(
    history: &History,
    range: &Range,
    bodies: bool,
) -> Result<Vec<Node>, HistoryError> {
    let mut walk = Limit::new(history, bodies);
    for id in &range.hidden {
        walk.hide(*id)?;
    }
    for id in &range.tips {
        walk.want(*id)?;
    }
    let cuts = walk.run(range)?;
    walk.finish(range, &cuts)
}

struct Limit<'h> {
    history: &'h History,
    /// Whether commits that are read are worth keeping.
    bodies: bool,
    nodes: Vec<Node>,
    positions: HashMap<gix::ObjectId, usize>,
    queue: Queue<usize>,
    /// Those that left the queue when they were wanted, in that order.
    listed: Vec<usize>,
    /// How many of the queue are wanted.
    wanted: usize,
    /// How many of the list are.
    live: usize,
    oldest: i64,
    lowest: u32,
    slop: usize,
    kept: usize,
}

impl<'h> Limit<'h> {
    fn new(history: &'h History, bodies: bool) -> Self {
        Self {
            history,
            bodies,
            nodes: Vec::new(),
            positions: HashMap::default(),
            queue: Queue::default(),
            listed: Vec::new(),
            wanted: 0,
            live: 0,
            oldest: i64::MAX,
            lowest: NO_GENERATION,
            slop: SLOP,
            kept: 0,
        }
    }

    /// Puts a commit into the queue that was not met before.
    fn add(&mut self, id: ObjectId, hidden: bool) -> Result<(), HistoryError> {
        let (facts, commit) = self.history.facts(id)?;
        let commit = commit.filter(|_| self.bodies && !hidden && self.kept < KEPT);
        self.kept += commit.as_ref().map_or(0, Commit::weight);
        let position = self.nodes.len();
        self.positions.insert(id.0, position);
        self.queue.push(facts.date, position);
        self.wanted += usize::from(!hidden);
        self.nodes.push(Node {
            id,
            facts,
            commit: commit.map(Box::new),
            hidden,
            followed: false,
        });
        Ok(())
    }

    fn want(&mut self, id: ObjectId) -> Result<(), HistoryError> {
        match self.positions.contains_key(&id.0) {
            true => Ok(()),
            false => self.add(id, false),
        }
    }

    /// Hides a commit and all that is known to lie behind it.
    fn hide(&mut self, id: ObjectId) -> Result<(), HistoryError> {
        let mut work = vec![id];
        while let Some(id) = work.pop() {
            let Some(position) = self.positions.get(&id.0) else {
                self.add(id, true)?;
                continue;
            };
            let node = &mut self.nodes[*position];
            if node.hidden {
                continue;
            }
            node.hidden = true;
            if let Some(commit) = node.commit.take() {
                self.kept = self.kept.saturating_sub(commit.weight());
            }
            if node.followed {
                self.live -= 1;
                // All of them: only the first may have been followed.
                if !node.facts.cut {
                    work.extend_from_slice(&node.facts.parents);
                }
            } else {
                self.wanted -= 1;
            }
        }
        Ok(())
    }

    /// The walk. The answer is where the hidden side was cut.
    fn run(&mut self, range: &Range) -> Result<Vec<usize>, HistoryError> {
        let mut cuts = Vec::new();
        while let Some(position) = self.queue.pop() {
            if self.wanted == 0 && self.live == 0 {
                break;
            }
            if self.nodes[position].hidden {
                if self.wanted == 0 && self.leads_nowhere(position) {
                    continue;
                }
                self.nodes[position].followed = true;
                if self.nodes[position].facts.cut {
                    cuts.push(position);
                    continue;
                }
                for id in self.nodes[position].facts.parents.clone() {
                    self.hide(id)?;
                }
            } else {
                let node = &mut self.nodes[position];
                node.followed = true;
                self.wanted -= 1;
                self.live += 1;
                self.listed.push(position);
                self.oldest = self.oldest.min(node.facts.date);
                self.lowest = self.lowest.min(node.facts.generation);
                if node.facts.cut {
                    continue;
                }
                let count = if range.first_parent { 1 } else { usize::MAX };
                let parents: Vec<_> = node.facts.parents.iter().copied().take(count).collect();
                for id in parents {
                    self.want(id)?;
                }
            }
        }
        Ok(cuts)
    }

    /// Whether a hidden commit cannot lead to one that is wanted; nothing wanted is in the queue.
    fn leads_nowhere(&mut self, position: usize) -> bool {
        let facts = &self.nodes[position].facts;
        if facts.generation != NO_GENERATION {
            return facts.generation <= self.lowest;
        }
        if facts.date >= self.oldest {
            self.slop = SLOP;
            return false;
        }
        match self.slop.checked_sub(1) {
            Some(left) => {
                self.slop = left;
                false
            }
            None => true,
        }
    }

    /// The list, unless something that is not there could change it.
    fn finish(self, range: &Range, hidden_cuts: &[usize]) -> Result<Vec<Node>, HistoryError> {
        let wanted = |position: &&usize| !self.nodes[**position].hidden;
        let list: Vec<usize> = self.listed.iter().filter(wanted).copied().collect();
        if !range.up_to_cuts {
            // A hidden cut that is older than all of the list hides nothing of it.
            let oldest = list
                .iter()
                .map(|position| self.nodes[*position].facts.date)
                .min();
            let recent = |position: &&usize| {
                oldest.is_some_and(|oldest| self.nodes[**position].facts.date >= oldest)
            };
            let cut = |position: &&usize| self.nodes[**position].facts.cut;
            let mut boundary: Vec<ObjectId> = list
                .iter()
                .filter(cut)
                .chain(hidden_cuts.iter().filter(recent))
                .map(|position| self.nodes[*position].id)
                .collect();
            if !boundary.is_empty() {
                boundary.sort_unstable();
                return Err(HistoryError::Shallow { boundary });
            }
        }
        let mut nodes: Vec<Option<Node>> = self.nodes.into_iter().map(Some).collect();
        let taken = list
            .into_iter()
            .filter_map(|position| nodes[position].take());
        Ok(taken.collect())
    }
}
