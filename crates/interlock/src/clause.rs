//! The clauses of the rule, one line each. Each is needed: the exhaustive tests take one away at a
//! time and demand that something goes wrong.

use serde::{Deserialize, Serialize};

macro_rules! clauses {
    ($($(#[doc = $doc:literal])+ $name:ident = $slug:literal,)+) => {
        /// One clause of the rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Clause {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Clause {
            /// Every clause, in the order in which reasons are given.
            pub const ALL: &[Clause] = &[$(Clause::$name,)+];

            /// The clause's name in messages and JSON.
            pub const fn slug(self) -> &'static str {
                match self {
                    $(Clause::$name => $slug,)+
                }
            }

            /// What the clause says.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Clause::$name => concat!($($doc),+),)+
                }
            }
        }
    };
}

clauses! {
    /// Every shape that a participant reads is there.
    ReadsExist = "reads-exist",
    /// Every shape that a participant writes is there.
    WritesExist = "writes-exist",
    /// Every shape that a participant reads holds every fact.
    ReadsComplete = "reads-complete",
    /// No shape that a participant reads holds an outdated fact.
    ReadsFresh = "reads-fresh",
    /// No participant writes only one shape while another reads the other one and nothing carries
    /// the write across.
    StaysFresh = "stays-fresh",
    /// A participant accepts every shape that is still kept in a queue, a cache or a store.
    AcceptsRetained = "accepts-retained",
    /// A participant accepts every shape that another one may emit.
    AcceptsEmitted = "accepts-emitted",
    /// One shape holds every fact, and goes on doing so whoever comes back.
    KeepsTruth = "keeps-truth",
    /// A fill reads from a shape that holds every fact, and goes on doing so while it runs.
    FillSource = "fill-source",
    /// What an operation is for still holds the moment it is done.
    GoalHolds = "goal-holds",
    /// One deployment moves the code at most one step in each change.
    OneStep = "one-step",
    /// Versions that may still be rolled back to are participants.
    CountTargets = "count-targets",
    /// The version that a running rollout puts out is a participant beside the one it replaces.
    CountBothSides = "count-both-sides",
    /// Outside clients are participants.
    CountClients = "count-clients",
    /// While a flag moves, and while its former value may come back, both values select stances.
    CountFlagValues = "count-flag-values",
    /// While an operation runs, every state that it passes through counts, not only the one before.
    CountInFlight = "count-in-flight",
}

/// A set of clauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clauses(u32);

impl Clauses {
    /// The whole rule.
    pub const ALL: Clauses = Clauses(u32::MAX);

    /// The rule less one clause: for tests that show that the clause is needed.
    #[must_use]
    pub const fn without(self, clause: Clause) -> Clauses {
        Clauses(self.0 & !(1 << clause as u32))
    }

    /// Whether the clause is in force.
    pub const fn has(self, clause: Clause) -> bool {
        self.0 & (1 << clause as u32) != 0
    }
}
