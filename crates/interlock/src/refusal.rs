//! Refusals as data: who is in the way, of what, where, until when, and what comes first.

use std::fmt;

use serde::{Deserialize, Serialize};
use switchback_model::{
    Action, ChangeId, ClientName, ComponentName, EnvironmentName, FlagName, Shape, Timestamp,
    Version,
};

use crate::advice::Move;
use crate::clause::Clause;
use crate::surface::Unfit;

/// The answer to "may this happen now?", with what comes first where the answer is no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It may.
    Admitted,
    /// It may not.
    Refused {
        /// Why.
        refusal: Box<Refusal>,
        /// The shortest admitted way to make it admissible, if one was found.
        way: Option<Vec<Move>>,
    },
}

/// Why an action may not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Where.
    pub environment: EnvironmentName,
    /// What was asked for.
    pub action: Action,
    /// Why.
    pub cause: Cause,
}

/// The two ways to be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The action has no meaning where the environment stands.
    Misfit(Misfit),
    /// The action would be unsafe.
    Unsafe(Vec<Reason>),
}

/// Why an action has no meaning where the environment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misfit {
    /// The release was never recorded.
    UnknownRelease {
        /// The component.
        component: ComponentName,
        /// The version that nobody recorded.
        version: Version,
    },
    /// The change was never opened.
    UnknownChange(ChangeId),
    /// The version is the one that runs.
    AlreadyRunning(Version),
    /// A rollout of the component is under way.
    RolloutUnderWay {
        /// The version that it puts out.
        to: Version,
    },
    /// No rollout of the component is under way.
    NoRollout,
    /// The first version of a component has nothing before it to go back to.
    NothingBefore,
    /// The version is no rollback target.
    NotATarget {
        /// Those that are.
        open: Vec<Version>,
    },
    /// The flag has that value, or is moving already.
    FlagThere,
    /// The operation does not fit the state of the surface.
    Surface(Unfit),
}

/// One thing that would go wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// The clause of the rule.
    pub clause: Clause,
    /// The change whose surface it is about.
    pub change: ChangeId,
    /// The shape.
    pub shape: Shape,
    /// Who could not go on; `None` where the data itself would be lost or wrong.
    pub participant: Option<Participant>,
    /// Whose writing or emitting is the cause, where it is somebody else's.
    pub because_of: Option<Participant>,
}

impl Reason {
    /// The moment at which the reason goes away by itself, if it does.
    pub fn until(&self) -> Option<Timestamp> {
        let end = |party: &Option<Participant>| match party.as_ref()?.standing {
            Standing::Target { until, .. } => Some(until),
            Standing::Live | Standing::Arriving | Standing::Client => None,
        };
        // The one that leaves first takes the reason with it.
        [end(&self.participant), end(&self.because_of)]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Somebody whom an action must not break.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub who: Who,
    /// In what capacity.
    pub standing: Standing,
    /// The flag value that selects the stance in question, where one does; the value `None` is the
    /// flag not set.
    pub at_flag: Option<(FlagName, Option<String>)>,
}

/// Who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// A version of a component.
    Release {
        /// The component.
        component: ComponentName,
        /// The version.
        version: Version,
    },
    /// An outside client.
    Client(ClientName),
}

/// In what capacity somebody takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It runs.
    Live,
    /// A rollout puts it out.
    Arriving,
    /// It may be returned to.
    Target {
        /// When it was replaced.
        since: Timestamp,
        /// The end of its window.
        until: Timestamp,
    },
    /// It is outside.
    Client,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Release { component, version } => write!(f, "{component} {version}"),
            Who::Client(name) => write!(f, "client {name}"),
        }
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.who)?;
        match self.standing {
            Standing::Live => f.write_str(", which is live")?,
            Standing::Arriving => f.write_str(", which is being rolled out")?,
            Standing::Target { until, .. } => {
                write!(f, ", which is a rollback target until {until}")?;
            }
            Standing::Client => f.write_str(", which is outside")?,
        }
        match &self.at_flag {
            Some((flag, Some(value))) => write!(f, " (at {flag} = {value})"),
            Some((flag, None)) => write!(f, " (where {flag} is not set)"),
            None => Ok(()),
        }
    }
}

impl Reason {
    /// The reason as a sentence without a full stop. `name` says what people call a shape of a
    /// change, such as `users.email_addr`, where that is known.
    pub fn sentence(&self, name: &dyn Fn(&ChangeId, Shape) -> Option<String>) -> String {
        let Reason { change, shape, .. } = self;
        let party = |party: &Option<Participant>| match party {
            Some(party) => party.to_string(),
            None => "somebody".to_owned(),
        };
        let who = party(&self.participant);
        let cause = party(&self.because_of);
        let of = name(change, *shape).unwrap_or_else(|| format!("the {shape} shape of {change}"));
        match self.clause {
            Clause::ReadsExist => format!("{who}, reads {of}, which would not be there"),
            Clause::WritesExist => format!("{who}, writes {of}, which would not be there"),
            Clause::ReadsComplete => format!("{who}, reads {of}, which is not filled yet"),
            Clause::ReadsFresh if self.because_of.is_some() => {
                format!("{who}, reads {of}, which would be outdated: {cause}, does not write it")
            }
            Clause::ReadsFresh => {
                format!("{who}, reads {of}, which would be outdated until it is filled again")
            }
            Clause::StaysFresh => format!(
                "{who}, reads {of}, which {cause}, does not write and nothing keeps in step"
            ),
            Clause::AcceptsRetained => {
                format!("{who}, does not accept {of}, which is still stored or queued")
            }
            Clause::AcceptsEmitted => {
                format!("{who}, does not accept {of}, which {cause}, may emit")
            }
            Clause::KeepsTruth if self.because_of.is_some() => {
                format!("nothing would hold every fact of {change}: {cause}, does not write {of}")
            }
            Clause::KeepsTruth => {
                format!("nothing would hold every fact of {change}: {of} is not filled")
            }
            Clause::FillSource if self.because_of.is_some() => {
                format!("the fill reads {of}, which {cause}, does not write")
            }
            Clause::FillSource => format!("the fill reads {of}, which does not hold every fact"),
            Clause::GoalHolds => {
                format!("it would be undone at once: {cause}, goes on without {of}")
            }
            Clause::OneStep => {
                format!("{who}, is more than one code step of {change} away from {cause}")
            }
            // These clauses say who counts; what goes wrong is always one of the others.
            Clause::CountTargets
            | Clause::CountBothSides
            | Clause::CountClients
            | Clause::CountFlagValues
            | Clause::CountInFlight => self.clause.text().to_owned(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&|_, _| None))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::UnknownRelease { component, version } => {
                write!(
                    f,
                    "{component} {version} has not been recorded as a release"
                )
            }
            Misfit::UnknownChange(change) => write!(f, "{change} has not been opened"),
            Misfit::AlreadyRunning(version) => write!(f, "{version} is what runs already"),
            Misfit::RolloutUnderWay { to } => {
                write!(
                    f,
                    "a rollout to {to} is under way; finish or abort it first"
                )
            }
            Misfit::NoRollout => f.write_str("no rollout is under way"),
            Misfit::NothingBefore => f.write_str("nothing ran before it"),
            Misfit::NotATarget { open } if open.is_empty() => {
                f.write_str("no rollback target is open")
            }
            Misfit::NotATarget { open } => {
                f.write_str("it is not a rollback target; open targets:")?;
                open.iter().try_for_each(|version| write!(f, " {version}"))
            }
            Misfit::FlagThere => f.write_str("the flag has that value or is moving already"),
            Misfit::Surface(Unfit::AlreadyThere(shape)) => {
                write!(f, "the {shape} shape is there already")
            }
            Misfit::Surface(Unfit::NotThere(shape)) => write!(f, "the {shape} shape is not there"),
            Misfit::Surface(Unfit::InFlight(operation)) => {
                write!(
                    f,
                    "the {operation} has not been concluded; finish or undo it first"
                )
            }
            Misfit::Surface(Unfit::StillThere(shape)) => {
                write!(
                    f,
                    "the {shape} shape is still there: its contract comes first"
                )
            }
            Misfit::Surface(Unfit::Purged) => {
                f.write_str("what the contract had kept aside of the old shape is destroyed")
            }
            Misfit::Surface(Unfit::WrongKind) => {
                f.write_str("the operation is for the other kind of surface")
            }
        }
    }
}
