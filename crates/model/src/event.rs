//! What the ledger holds: facts, intents and outcomes, never a view that could be derived.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::digest::Digest;
use crate::ids::{Actor, BackfillId, ChangeId, ComponentName, EnvironmentName, EventId};
use crate::plan::Plan;
use crate::rehearsal::Rehearsal;
use crate::release::{CodeStep, Release, Version};
use crate::surface::Kind;
use crate::time::{Duration, Timestamp};

/// An event with who and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Equal ids are the same event.
    pub id: EventId,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A release became known.
    ReleaseRecorded {
        /// The release.
        release: Release,
    },
    /// A change of something shared was opened.
    ChangeOpened {
        /// The change.
        change: ChangeId,
        /// One line for people.
        title: String,
        /// The kind of its surface.
        kind: Kind,
        /// Its code steps in order; the first is where code stands before the change.
        code: Vec<CodeStep>,
        /// How long a fact of a tagged surface may stay in queues, caches and stores; `None`
        /// where only an observed drain ends it.
        retention: Option<Duration>,
        /// The digest of the change's definition and its SQL, without the code step.
        definition: Digest,
    },
    /// A plan is about to be applied.
    Planned {
        /// The plan.
        plan: Plan,
    },
    /// A step of a plan is about to be done. Until its [`Event::Concluded`] it may or may not
    /// have been.
    Intended {
        /// The plan's digest.
        plan: Digest,
        /// The step's place in the plan, from 0.
        step: u32,
        /// Where.
        environment: EnvironmentName,
        /// What it means.
        action: Action,
    },
    /// An intended step was done, or is known not to have been.
    Concluded {
        /// The id of the [`Event::Intended`].
        intent: EventId,
        /// Where.
        environment: EnvironmentName,
        /// What it meant.
        action: Action,
        /// How it ended.
        conclusion: Conclusion,
    },
    /// Somebody or something reports a fact that needs no effect of ours.
    Observed {
        /// Where.
        environment: EnvironmentName,
        /// What the fact means.
        action: Action,
    },
    /// An action was asked for and refused.
    Refused {
        /// Where.
        environment: EnvironmentName,
        /// What was asked for.
        action: Action,
        /// Why, a sentence each.
        reasons: Vec<String>,
    },
    /// A change was rehearsed, on a database that is no environment's.
    Rehearsed {
        /// The change.
        change: ChangeId,
        /// The digest of the change's definition and its SQL, without the code step.
        definition: Digest,
        /// What was found.
        rehearsal: Rehearsal,
    },
    /// The executions of statements that use what a change takes away were counted, to be compared
    /// with later ones.
    UsesCounted {
        /// Where.
        environment: EnvironmentName,
        /// The change.
        change: ChangeId,
        /// The counts.
        counts: Counts,
    },
    /// Somebody is about to give rows what a backfill says, to go on with it, or to put back what
    /// it changed.
    BackfillBegun {
        /// Where.
        environment: EnvironmentName,
        /// The backfill.
        backfill: BackfillId,
        /// The digest of its definition.
        version: Digest,
        /// Whether what it changed is put back.
        undo: bool,
        /// Which rows are done again, where not all are walked: `1/17`, `1000..2000`, `failed`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<String>,
    },
    /// A run of a backfill, or of its undo, ended.
    BackfillEnded {
        /// Where.
        environment: EnvironmentName,
        /// The backfill.
        backfill: BackfillId,
        /// The digest of its definition.
        version: Digest,
        /// Where it stands: `done`, `paused`, `failed`.
        status: String,
        /// Rows that were changed, over all runs.
        changed: u64,
        /// Rows that could not be changed, or that an undo left alone.
        left: u64,
    },
    /// All rows of a backfill were looked at, and what was found was written down.
    BackfillVerified {
        /// Where.
        environment: EnvironmentName,
        /// The backfill.
        backfill: BackfillId,
        /// The digest of its definition.
        version: Digest,
        /// Whether every row has what it should.
        holds: bool,
        /// The digest of the report, as its bytes are.
        report: Digest,
    },
    /// What was kept to undo a backfill was dropped.
    BackfillExpired {
        /// Where.
        environment: EnvironmentName,
        /// The backfill.
        backfill: BackfillId,
        /// The digest of the definition that was run last.
        version: Digest,
        /// When dropping it began.
        since: Timestamp,
        /// Rows that could be put back until then.
        rows: u64,
        /// About how many bytes these took.
        bytes: u64,
    },
    /// A version got its tag in the repository. The tag names this object for ever.
    ReleaseTagged {
        /// The component; without components, the project.
        component: ComponentName,
        /// The version.
        version: Version,
        /// The tag.
        tag: String,
        /// The id of the tag object.
        object: String,
        /// The id of the commit that it names.
        commit: String,
        /// Whether it is signed.
        signature: TagSignature,
        /// The tag of the release that it mends, if it was made to keep that alive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hotfix_of: Option<String>,
    },
    /// Somebody goes ahead all the same with an action that is dangerous, or of which not
    /// everything can be seen.
    Accepted {
        /// Where.
        environment: EnvironmentName,
        /// The action.
        action: Action,
        /// What is accepted, a sentence each.
        what: Vec<String>,
        /// Why.
        reason: String,
    },
}

/// How often statements were executed, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The moment, by the clock of the server that counts.
    pub taken: Timestamp,
    /// When everything was counted from, where the server says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Timestamp>,
    /// How many times counts were thrown away to make room since then, where the server says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evictions: Option<u64>,
    /// Which server counts, as far as one that takes over from another has a mark of its own.
    pub timeline: String,
    /// How often each was executed, by what tells it apart from others.
    pub calls: BTreeMap<String, u64>,
}

/// Whether a tag is signed, as far as that was seen when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TagSignature {
    /// It is, and the signature was verified.
    Verified {
        /// `openpgp`, `ssh` or `x509`.
        format: String,
        /// Whose signature it is and by which key, one line.
        by: String,
    },
    /// It is, and nothing is known here by which the signature could be verified.
    Unverified {
        /// `openpgp`, `ssh` or `x509`.
        format: String,
        /// Why it was not verified, one line.
        because: String,
    },
    /// It is not.
    Unsigned {
        /// Why not, one line.
        because: String,
    },
}

/// How an intended step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "conclusion", rename_all = "kebab-case")]
pub enum Conclusion {
    /// It is done.
    Done {
        /// Found done by asking the world after a crash, rather than seen to end.
        recovered: bool,
        /// How long it took, where that was seen.
        took: Option<Duration>,
        /// What was measured, one line: `200000 rows, 41 batches`.
        detail: Option<String>,
    },
    /// It is not done, and nothing of it is left.
    NotDone {
        /// Why.
        reason: String,
    },
}

impl Event {
    /// The event's name as it stands in the ledger: `release-recorded`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Event::ReleaseRecorded { .. } => "release-recorded",
            Event::ChangeOpened { .. } => "change-opened",
            Event::Planned { .. } => "planned",
            Event::Intended { .. } => "intended",
            Event::Concluded { .. } => "concluded",
            Event::Observed { .. } => "observed",
            Event::Refused { .. } => "refused",
            Event::Rehearsed { .. } => "rehearsed",
            Event::UsesCounted { .. } => "uses-counted",
            Event::BackfillBegun { .. } => "backfill-begun",
            Event::BackfillEnded { .. } => "backfill-ended",
            Event::BackfillVerified { .. } => "backfill-verified",
            Event::BackfillExpired { .. } => "backfill-expired",
            Event::ReleaseTagged { .. } => "release-tagged",
            Event::Accepted { .. } => "accepted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_was_recorded_before_hotfixes_were_is_what_it_was() {
        let json = serde_json::json!({
            "event": "release-tagged", "component": "api", "version": "1.4.3", "tag": "v1.4.3",
            "object": "6c1f", "commit": "90b7", "signature": {"kind": "unsigned", "because": "x"},
        });
        let event: Event = serde_json::from_value(json.clone()).unwrap();
        assert!(matches!(
            &event,
            Event::ReleaseTagged {
                hotfix_of: None,
                ..
            }
        ));
        // Written again it is the same, and so is its digest.
        assert_eq!(serde_json::to_value(&event).unwrap(), json);
    }

    #[test]
    fn kind_is_the_serialized_tag() {
        let event = Event::Refused {
            environment: EnvironmentName::new("production").unwrap(),
            action: Action::Surface {
                change: ChangeId::new("rename").unwrap(),
                operation: crate::SurfaceOperation::Contract,
            },
            reasons: vec!["too early".to_owned()],
        };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["event"], event.kind());
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }
}
