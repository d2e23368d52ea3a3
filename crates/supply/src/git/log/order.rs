//! In which order commits come: the newest first, and children before parents.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use gix::hashtable::HashMap;

use super::id::ObjectId;
use super::walk::Order;

/// A queue that gives the newest first, and of the equally old the one that came first.
#[derive(Debug)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Queued<T>>,
    pushed: u64,
}

#[derive(Debug)]
struct Queued<T> {
    date: i64,
    turn: u64,
    item: T,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            pushed: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn push(&mut self, date: i64, item: T) {
        let turn = self.pushed;
        self.pushed += 1;
        self.heap.push(Queued { date, turn, item });
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.heap.pop().map(|queued| queued.item)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.heap.iter().map(|queued| &queued.item)
    }
}

impl<T> Ord for Queued<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        let newest = self.date.cmp(&other.date);
        newest.then_with(|| other.turn.cmp(&self.turn))
    }
}

impl<T> PartialOrd for Queued<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Queued<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Queued<T> {}

/// What is to be put in order.
pub(super) trait Ordered {
    fn id(&self) -> ObjectId;
    fn parents(&self) -> &[ObjectId];
    fn date(&self) -> i64;
}

/// Puts commits, which come in the order of a walk by date, into the order that is wanted. The
/// answer is their positions.
pub(super) fn sorted<T: Ordered>(commits: &[T], order: Order) -> Vec<usize> {
    if order == Order::Date {
        return (0..commits.len()).collect();
    }
    let positions: HashMap<gix::ObjectId, usize> = commits
        .iter()
        .enumerate()
        .map(|(position, commit)| (commit.id().0, position))
        .collect();
    let parents = |commit: &T| -> Vec<usize> {
        let known = commit.parents().iter();
        known
            .filter_map(|id| positions.get(&id.0).copied())
            .collect()
    };
    let mut children = vec![0_usize; commits.len()];
    for commit in commits {
        for parent in parents(commit) {
            children[parent] += 1;
        }
    }
    // Git keeps a line of history together with a stack, and mixes lines by date with a queue.
    let mut stack: Vec<usize> = Vec::new();
    let mut queue: Queue<usize> = Queue::default();
    let ready = |position: usize, stack: &mut Vec<usize>, queue: &mut Queue<usize>| match order {
        Order::Topological => stack.push(position),
        Order::Date | Order::DateTopological => queue.push(commits[position].date(), position),
    };
    let tips = (0..commits.len()).filter(|position| children[*position] == 0);
    for position in tips.collect::<Vec<_>>() {
        ready(position, &mut stack, &mut queue);
    }
    stack.reverse();
    let mut sorted = Vec::with_capacity(commits.len());
    while let Some(position) = stack.pop().or_else(|| queue.pop()) {
        sorted.push(position);
        for parent in parents(&commits[position]) {
            children[parent] -= 1;
            if children[parent] == 0 {
                ready(parent, &mut stack, &mut queue);
            }
        }
    }
    sorted
}
