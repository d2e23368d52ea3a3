//! The nouns of Switchback, and nothing else.
//!
//! Every other crate speaks in these words: who takes part ([`ids`]), what is shared between old
//! and new code ([`surface`]), what may be done ([`action`]), how it is done ([`plan`]) and what
//! is written down about it ([`event`]).
//!
//! Deliberately absent: decisions (they live in `interlock`, `migration`, `delivery`), clocks,
//! randomness, files and networks. Everything that is stored or sent is a versioned serde type.

pub mod action;
pub mod digest;
pub mod event;
pub mod ids;
pub mod plan;
pub mod rehearsal;
pub mod release;
pub mod surface;
pub mod time;

pub use action::{Action, SurfaceOperation};
pub use digest::Digest;
pub use event::{Conclusion, Counts, Event, Record, TagSignature};
pub use ids::{
    Actor, BackfillId, ChangeId, ClientName, ComponentName, EnvironmentName, EventId, FlagName,
    InvalidName, StepName,
};
pub use plan::{Effect, Plan, PlannedStep};
pub use rehearsal::{Rehearsal, RehearsalVerdict, RehearsedStep};
pub use release::{CodeStep, Release, Version};
pub use surface::{Kind, Reads, Selectable, Shape, Shapes, Stance, Sync};
pub use time::{Duration, Timestamp};
