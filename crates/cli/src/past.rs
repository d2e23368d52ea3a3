//! The past of a commit, read once for all who ask about it.

use std::collections::HashMap;

use switchback_supply::git::log::{Commit, History, HistoryError, ObjectId, Range, Walk};
use switchback_version::tag::Graph;

/// The clocks of a repository need not agree: so many commits are looked at in vain before something
/// that is older than what is wanted is taken to be all that is left. At some microseconds each this
/// is a millisecond.
const SLOP: usize = 256;
/// How many bases are followed at once: one bit each.
const BITS: usize = 64;

/// A commit and those before it, read as far as anybody asked.
pub(crate) struct Past<'h> {
    history: &'h History,
    head: ObjectId,
    walk: Walk<'h>,
    /// Whether reading ended with an error.
    failed: bool,
    /// How many commits are looked at in vain.
    slop: usize,
    /// The newest first.
    read: Vec<Commit>,
    /// Where they are in `read`.
    places: HashMap<ObjectId, usize>,
}

impl<'h> Past<'h> {
    /// That of a commit.
    pub(crate) fn of(history: &'h History, head: ObjectId) -> Result<Self, HistoryError> {
        Ok(Self {
            history,
            head,
            walk: history.walk(&Range::all(head))?,
            failed: false,
            slop: SLOP,
            read: Vec::new(),
            places: HashMap::new(),
        })
    }

    /// The history.
    pub(crate) fn history(&self) -> &'h History {
        self.history
    }

    /// One of the commits that were read, by its place.
    pub(crate) fn commit(&self, place: usize) -> Option<&Commit> {
        self.read.get(place)
    }

    /// Reads one commit more; false at the end.
    fn read_on(&mut self) -> Result<bool, HistoryError> {
        if self.failed {
            // The walk says its error once, and every time that it is made.
            self.walk = self.history.walk(&Range::all(self.head))?;
            let again = self.walk.nth(self.read.len());
            return again.transpose().map(|_| false);
        }
        match self.walk.next().transpose() {
            Ok(None) => Ok(false),
            Ok(Some(commit)) => {
                self.places.insert(commit.id, self.read.len());
                self.read.push(commit);
                Ok(true)
            }
            Err(error) => {
                self.failed = true;
                Err(error)
            }
        }
    }

    /// Whether a commit is the head or one of those before it.
    pub(crate) fn has(&mut self, id: ObjectId) -> Result<bool, HistoryError> {
        if self.places.contains_key(&id) {
            return Ok(true);
        }
        let seconds = |it: &Commit| it.committer_time.map_or(0, |it| it.seconds);
        let date = seconds(&self.history.commit(id)?);
        let mut slop = self.slop;
        // What goes wrong here is said by the exact question, if that needs it, too.
        while slop > 0 && self.read_on().unwrap_or(false) {
            match self.read.last() {
                Some(last) if last.id == id => return Ok(true),
                Some(last) if seconds(last) < date => slop -= 1,
                _ => {}
            }
        }
        self.history.is_ancestor(id, self.head)
    }

    /// For each of some bases, or the beginning, the places of the commits that the head has and the
    /// base has not, the newest first.
    ///
    /// # Errors
    /// [`HistoryError::Shallow`] if a shallow clone is cut before that is known, and those of missing
    /// and damaged objects.
    pub(crate) fn since(
        &mut self,
        bases: &[Option<ObjectId>],
    ) -> Result<Vec<Vec<usize>>, HistoryError> {
        let mut distinct: Vec<ObjectId> = bases.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let mut found: HashMap<ObjectId, Vec<usize>> = HashMap::new();
        for some in distinct.chunks(BITS) {
            let masks = self.masks(some)?;
            for (bit, base) in some.iter().enumerate() {
                let wanted = masks.iter().enumerate();
                let wanted = wanted.filter(|(_, mask)| **mask & (1 << bit) == 0);
                found.insert(*base, wanted.map(|(place, _)| place).collect());
            }
        }
        if bases.iter().any(Option::is_none) {
            while self.read_on()? {}
        }
        let all = || (0..self.read.len()).collect();
        let of = |base: &Option<ObjectId>| match base {
            Some(base) => found.get(base).cloned().unwrap_or_default(),
            None => all(),
        };
        Ok(bases.iter().map(of).collect())
    }

    /// Which of some bases have each commit, by its place, as bits. Commits that are not told of are
    /// those of all.
    fn masks(&mut self, bases: &[ObjectId]) -> Result<Vec<u64>, HistoryError> {
        let mut begins: HashMap<ObjectId, u64> = HashMap::new();
        let mut full = 0;
        for (bit, base) in bases.iter().enumerate() {
            full |= 1 << bit;
            // What a branch beside has of this past is behind where they part.
            let starts = match self.has(*base)? {
                true => vec![*base],
                false => self.history.merge_bases(self.head, *base)?,
            };
            for start in starts {
                *begins.entry(start).or_default() |= 1 << bit;
            }
        }
        let mut masks: Vec<u64> = Vec::new();
        // Those that are to come next, with what is known of them.
        let mut ahead = HashMap::from([(self.head, 0)]);
        let mut slop = self.slop;
        loop {
            let settled = ahead.values().all(|mask| *mask == full);
            slop = match settled {
                true if slop == 0 => break,
                true => slop - 1,
                false => self.slop,
            };
            let place = masks.len();
            if place == self.read.len() {
                match self.read_on() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) if settled => break,
                    Err(error) => return Err(error),
                }
            }
            let Some(commit) = self.read.get(place) else {
                break;
            };
            let mask = ahead.remove(&commit.id).unwrap_or_default();
            masks.push(mask | begins.get(&commit.id).copied().unwrap_or_default());
            // A commit that came before its child, by a clock that runs wrong, is told now.
            let mut work = vec![place];
            while let Some(place) = work.pop() {
                let (Some(commit), Some(mask)) = (self.read.get(place), masks.get(place).copied())
                else {
                    continue;
                };
                for parent in &commit.parents {
                    let there = self.places.get(parent).copied();
                    match there.and_then(|it| Some((it, masks.get_mut(it)?))) {
                        Some((_, known)) if *known | mask == *known => {}
                        Some((place, known)) => {
                            *known |= mask;
                            work.push(place);
                        }
                        None => *ahead.entry(*parent).or_default() |= mask,
                    }
                }
            }
        }
        Ok(masks)
    }
}

impl Graph for Past<'_> {
    type Commit = ObjectId;
    type Error = HistoryError;

    fn reaches(&mut self, from: ObjectId, to: ObjectId) -> Result<bool, HistoryError> {
        match from == self.head {
            true => self.has(to),
            false => self.history.is_ancestor(to, from),
        }
    }

    fn fork(&mut self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        self.history.merge_base(one, other)
    }
}

#[cfg(test)]
mod tests;
