//! What a walk has to know of a commit, from the commit-graph file if that has it.

use super::commit::Commit;
use super::error::HistoryError;
use super::id::ObjectId;
use super::open::History;

/// The generation of a commit that the commit-graph file does not know.
///
/// What the file knows is closed: all ancestors of a commit in it are in it. So a commit without a
/// generation may lead to one with, and never the other way round.
pub(super) const NO_GENERATION: u32 = u32::MAX;

/// What a walk has to know of a commit.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) parents: Vec<ObjectId>,
    /// Committer's seconds.
    pub(super) date: i64,
    /// One more than the largest of its parents, or [`NO_GENERATION`].
    pub(super) generation: u32,
    pub(super) tree: ObjectId,
    /// Whether the parents are not there, because a shallow clone is cut here.
    pub(super) cut: bool,
}

impl Facts {
    fn of(commit: &Commit) -> Self {
        Self {
            parents: commit.parents.clone(),
            date: commit.date(),
            generation: NO_GENERATION,
            tree: commit.tree,
            cut: commit.cut && !commit.parents.is_empty(),
        }
    }
}

impl History {
    /// The facts of a commit, and the commit itself if it had to be read for them.
    pub(super) fn facts(&self, id: ObjectId) -> Result<(Facts, Option<Commit>), HistoryError> {
        if let Some(facts) = self.facts_in_graph(id) {
            return Ok((facts, None));
        }
        let commit = self.commit(id)?;
        Ok((Facts::of(&commit), Some(commit)))
    }

    /// The facts of a commit that is read as well.
    pub(super) fn facts_and_commit(
        &self,
        id: ObjectId,
    ) -> Result<(Facts, Option<Commit>), HistoryError> {
        let commit = self.commit(id)?;
        Ok((Facts::of(&commit), Some(commit)))
    }

    pub(super) fn is_in_graph(&self, id: ObjectId) -> bool {
        let graph = self.graph.as_ref();
        graph.is_some_and(|graph| graph.lookup(id.0).is_some())
    }

    fn facts_in_graph(&self, id: ObjectId) -> Option<Facts> {
        let graph = self.graph.as_ref()?;
        let commit = graph.commit_by_id(id.0)?;
        // Files of old versions of Git have no generations, and then nothing can be told from them.
        if commit.generation() == 0 {
            return None;
        }
        let mut parents = Vec::with_capacity(1);
        for parent in commit.iter_parents() {
            parents.push(ObjectId(graph.id_at(parent.ok()?).to_owned()));
        }
        Some(Facts {
            parents,
            date: i64::try_from(commit.committer_timestamp()).unwrap_or(i64::MAX),
            generation: commit.generation(),
            tree: ObjectId(commit.root_tree_id().to_owned()),
            cut: false,
        })
    }
}
