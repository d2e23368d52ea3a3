//! What may be done to an environment. The interlock judges these; effects carry them out.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ChangeId, ComponentName, FlagName};
use crate::release::Version;
use crate::surface::{Shape, Sync};
use crate::time::Duration;

/// Something done to one environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Start to replace what runs by `version`. Until it is finished both may run.
    Deploy {
        /// The component.
        component: ComponentName,
        /// The version to put out.
        version: Version,
    },
    /// Start to go back to `version`, whose rollback window is open.
    Rollback {
        /// The component.
        component: ComponentName,
        /// The version to go back to.
        version: Version,
    },
    /// Every instance of the version that was replaced is gone.
    FinishRollout {
        /// The component.
        component: ComponentName,
        /// How long the replaced version stays a rollback target, from now on.
        window: Duration,
    },
    /// Give up the rollout: the version that ran before takes everything back.
    AbortRollout {
        /// The component.
        component: ComponentName,
    },
    /// Give a flag another value.
    SetFlag {
        /// The flag.
        flag: FlagName,
        /// The value.
        value: String,
        /// How long the former value may still come back, from now on.
        window: Duration,
    },
    /// Do something to the surface of a change.
    Surface {
        /// The change.
        change: ChangeId,
        /// What to do.
        operation: SurfaceOperation,
    },
}

/// Something done to a surface in one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum SurfaceOperation {
    /// Add the new shape, kept in step as `sync` says. Of a listed surface: take facts of the new
    /// shape from now on.
    Expand {
        /// Which way the database keeps the shapes in step from now on.
        sync: Sync,
        /// Whether the new shape holds every fact from its first moment: a column with a constant
        /// default, a column fewer.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        filled: bool,
    },
    /// Remove the new shape again: the way back from `Expand`.
    Unexpand,
    /// Fill the new shape from the old one, and check that it is complete.
    Fill,
    /// Take back what `Fill` filled: the new shape counts as incomplete again.
    Unfill,
    /// Change which way the database keeps the shapes in step.
    SetSync {
        /// The direction from now on.
        sync: Sync,
    },
    /// Remove the old shape. What only it held is lost. Of a listed surface: take facts of the old
    /// shape no more.
    Contract,
    /// Make the old shape again from the new one: the way back from `Contract`.
    Uncontract {
        /// Which way the database keeps the shapes in step from now on.
        sync: Sync,
        /// Whether it holds only what it held before: facts that were written since are not in it,
        /// because they cannot be computed from the new shape.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    /// Destroy what the contract kept aside of the old shape. `Uncontract` has nothing to make it
    /// from any more.
    Purge,
    /// Something that helps a later step and changes neither shape: an index, a proof that every
    /// row obeys.
    Prepare,
    /// Undo of `Prepare`.
    Unprepare,
    /// Facts of this shape are gone from every queue, cache and store of a tagged surface.
    Drain {
        /// The shape that is gone.
        shape: Shape,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Deploy { component, version } => write!(f, "deploy {component} {version}"),
            Action::Rollback { component, version } => {
                write!(f, "roll {component} back to {version}")
            }
            Action::FinishRollout { component, .. } => {
                write!(f, "finish the rollout of {component}")
            }
            Action::AbortRollout { component } => write!(f, "abort the rollout of {component}"),
            Action::SetFlag { flag, value, .. } => write!(f, "set flag {flag} to {value}"),
            Action::Surface { change, operation } => write!(f, "{operation} of {change}"),
        }
    }
}

impl fmt::Display for SurfaceOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SurfaceOperation::Expand { .. } => f.write_str("expand"),
            SurfaceOperation::Unexpand => f.write_str("undo of expand"),
            SurfaceOperation::Fill => f.write_str("fill"),
            SurfaceOperation::Unfill => f.write_str("undo of fill"),
            SurfaceOperation::SetSync { sync: Sync::None } => f.write_str("end of synchronization"),
            SurfaceOperation::SetSync { .. } => f.write_str("synchronization"),
            SurfaceOperation::Contract => f.write_str("contract"),
            SurfaceOperation::Uncontract { .. } => f.write_str("undo of contract"),
            SurfaceOperation::Purge => f.write_str("purge"),
            SurfaceOperation::Prepare => f.write_str("preparation"),
            SurfaceOperation::Unprepare => f.write_str("undo of the preparation"),
            SurfaceOperation::Drain { shape } => write!(f, "drain of the {shape} shape"),
        }
    }
}
