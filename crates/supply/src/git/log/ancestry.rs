//! How two commits are related.

use gix::hashtable::HashMap;

use super::error::HistoryError;
use super::facts::{Facts, NO_GENERATION};
use super::id::ObjectId;
use super::open::History;
use super::order::Queue;

/// Reachable from the one, from the other; behind a commit that is reachable from both; a base.
const ONE: u8 = 1;
const OTHER: u8 = 2;
const BEHIND: u8 = 4;
const BASE: u8 = 8;

impl History {
    /// Whether `ancestor` is `of` or one of the commits before it.
    ///
    /// # Errors
    /// [`HistoryError::Shallow`] if it is not found in what there is of a shallow clone, and those of
    /// missing and damaged objects.
    pub fn is_ancestor(&self, ancestor: ObjectId, of: ObjectId) -> Result<bool, HistoryError> {
        if ancestor == of {
            return Ok(true);
        }
        let mut paint = Paint::new(self);
        // What has a lower generation than the ancestor cannot lead to it.
        paint.floor = paint.paint(ancestor, ONE)?;
        paint.paint(of, OTHER)?;
        while let Some(id) = paint.step()? {
            if id == ancestor && paint.flags(id) & OTHER != 0 {
                return Ok(true);
            }
        }
        paint.check_cuts(OTHER)?;
        Ok(false)
    }

    /// The best common ancestors of two commits, the newest first: those that are not before another
    /// one. More than one if histories were merged crosswise, none if they have nothing in common.
    ///
    /// # Errors
    /// [`HistoryError::Shallow`] if a shallow clone is cut before it is known, and those of missing
    /// and damaged objects.
    pub fn merge_bases(
        &self,
        one: ObjectId,
        other: ObjectId,
    ) -> Result<Vec<ObjectId>, HistoryError> {
        let mut paint = Paint::new(self);
        paint.paint(one, ONE)?;
        paint.paint(other, OTHER)?;
        let mut bases = Vec::new();
        while let Some(id) = paint.step()? {
            let flags = paint.flags(id);
            if flags & (ONE | OTHER | BEHIND | BASE) == ONE | OTHER {
                paint.mark(id, BASE);
                bases.push(id);
            }
        }
        paint.check_cuts(ONE | OTHER)?;
        bases.retain(|id| paint.flags(*id) & BEHIND == 0);
        bases.sort_by_key(|id| std::cmp::Reverse(paint.date(*id)));
        // Clocks that run wrong can leave a base before another one.
        let mut best = Vec::with_capacity(bases.len());
        for id in &bases {
            let mut before = false;
            for other in bases.iter().filter(|other| *other != id) {
                before = before || self.is_ancestor(*id, *other)?;
            }
            if !before {
                best.push(*id);
            }
        }
        Ok(best)
    }

    /// The best common ancestor; the newest if there are several.
    ///
    /// # Errors
    /// As for [`History::merge_bases`].
    pub fn merge_base(
        &self,
        one: ObjectId,
        other: ObjectId,
    ) -> Result<Option<ObjectId>, HistoryError> {
        Ok(self.merge_bases(one, other)?.first().copied())
    }
}

/// Paints both histories, the newest commits first, until only what lies behind common ancestors is
/// left. A commit is painted again when another colour arrives, so clocks only decide how long it
/// takes.
struct Paint<'h> {
    history: &'h History,
    queue: Queue<ObjectId>,
    met: HashMap<gix::ObjectId, Painted>,
    /// How many of the queue are not behind a common ancestor.
    open: usize,
    /// Commits of a lower generation are not followed.
    floor: u32,
    /// Where a colour came to a cut.
    cuts: Vec<ObjectId>,
}

struct Painted {
    facts: Facts,
    flags: u8,
    /// How often it stands in the queue.
    queued: usize,
}

impl<'h> Paint<'h> {
    fn new(history: &'h History) -> Self {
        Self {
            history,
            queue: Queue::default(),
            met: HashMap::default(),
            open: 0,
            floor: 0,
            cuts: Vec::new(),
        }
    }

    /// Adds colours to a commit, and puts it into the queue if one of them is new. The answer is its
    /// generation.
    fn paint(&mut self, id: ObjectId, flags: u8) -> Result<u32, HistoryError> {
        if !self.met.contains_key(&id.0) {
            let painted = Painted {
                facts: self.history.facts(id)?.0,
                flags: 0,
                queued: 0,
            };
            self.met.insert(id.0, painted);
        }
        let Some(painted) = self.met.get_mut(&id.0) else {
            return Ok(NO_GENERATION);
        };
        let before = painted.flags;
        if before & flags != flags {
            painted.flags |= flags;
            match (before & BEHIND != 0, painted.flags & BEHIND != 0) {
                (false, false) => self.open += 1,
                (false, true) => self.open -= painted.queued,
                (true, _) => {}
            }
            painted.queued += 1;
            self.queue.push(painted.facts.date, id);
        }
        Ok(painted.facts.generation)
    }

    /// Follows the next commit; `None` when nothing new can come.
    fn step(&mut self) -> Result<Option<ObjectId>, HistoryError> {
        if self.open == 0 {
            return Ok(None);
        }
        let Some(id) = self.queue.pop() else {
            return Ok(None);
        };
        let Some(painted) = self.met.get_mut(&id.0) else {
            return Ok(None);
        };
        painted.queued -= 1;
        let mut flags = painted.flags & (ONE | OTHER | BEHIND);
        self.open -= usize::from(flags & BEHIND == 0);
        if painted.facts.cut {
            self.cuts.push(id);
            return Ok(Some(id));
        }
        if flags & (ONE | OTHER) == ONE | OTHER {
            flags |= BEHIND;
        }
        if painted.facts.generation >= self.floor {
            for parent in painted.facts.parents.clone() {
                self.paint(parent, flags)?;
            }
        }
        Ok(Some(id))
    }

    fn flags(&self, id: ObjectId) -> u8 {
        self.met.get(&id.0).map_or(0, |painted| painted.flags)
    }

    fn date(&self, id: ObjectId) -> i64 {
        self.met.get(&id.0).map_or(0, |painted| painted.facts.date)
    }

    fn mark(&mut self, id: ObjectId, flag: u8) {
        if let Some(painted) = self.met.get_mut(&id.0) {
            painted.flags |= flag;
        }
    }

    /// Whether a colour came to a cut, so that more could have come.
    fn check_cuts(&self, colours: u8) -> Result<(), HistoryError> {
        let matters = |id: &&ObjectId| {
            let flags = self.flags(**id);
            // A base that is cut: what lies beyond is behind it.
            flags & colours != 0 && flags & (BEHIND | BASE) == 0
        };
        let mut boundary: Vec<ObjectId> = self.cuts.iter().filter(matters).copied().collect();
        if boundary.is_empty() {
            return Ok(());
        }
        boundary.sort_unstable();
        boundary.dedup();
        Err(HistoryError::Shallow { boundary })
    }
}
