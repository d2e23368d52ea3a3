//! What `switchback promote`, `rollback` and `rollout` show.

use serde::Serialize;
use switchback_model::{Effect, Plan};

use crate::output::View;
use crate::page::{Page, Role};

#[derive(Serialize)]
pub(super) struct Moved {
    pub(super) environment: String,
    pub(super) component: String,
    pub(super) from: Option<String>,
    pub(super) to: String,
    /// Whether both versions may be running.
    pub(super) under_way: bool,
}

impl View for Moved {
    const SCHEMA: &'static str = "switchback.moved/v1";

    fn human(&self, page: &mut Page) {
        let Self {
            environment,
            component,
            to,
            ..
        } = self;
        match (&self.from, self.under_way) {
            (Some(from), true) => {
                page.add(Role::Good, "under way").line(&format!(
                    ": {component} {from} → {to} in {environment}; both count until it is finished"
                ));
            }
            (None, true) => {
                page.add(Role::Good, "under way").line(&format!(
                    ": {component} {to}, the first version in {environment}"
                ));
            }
            (_, false) => {
                page.add(Role::Good, "recorded").line(&format!(
                    ": {component} {to} is what runs in {environment}, as its values file says"
                ));
            }
        }
    }
}

#[derive(Serialize)]
pub(super) struct Finished {
    pub(super) environment: String,
    pub(super) component: String,
    pub(super) version: Option<String>,
    /// The version that became a rollback target.
    pub(super) target: Option<String>,
    pub(super) until: Option<String>,
}

impl View for Finished {
    const SCHEMA: &'static str = "switchback.rollout-finished/v1";

    fn human(&self, page: &mut Page) {
        let version = self.version.as_deref().unwrap_or("nothing");
        page.add(Role::Good, "finished");
        page.line(&format!(
            ": {} {version} runs in {}",
            self.component, self.environment
        ));
        if let (Some(target), Some(until)) = (&self.target, &self.until) {
            page.line(&format!("  {target} can be rolled back to until {until}"));
        }
    }
}

#[derive(Serialize)]
pub(super) struct Shown<'a> {
    pub(super) digest: String,
    pub(super) plan: &'a Plan,
}

impl View for Shown<'_> {
    const SCHEMA: &'static str = "switchback.plan-view/v1";

    fn human(&self, page: &mut Page) {
        page.heading(&self.plan.purpose);
        page.add(Role::Faint, &format!("plan {}", self.digest))
            .end();
        for step in &self.plan.steps {
            if let Effect::MoveValue(value) = &step.effect {
                let from = value.from.as_deref().unwrap_or("nothing");
                page.line(&format!(
                    "  {}: {} {from} → {}",
                    value.file,
                    value.key.join("."),
                    value.to
                ));
                page.line(&format!("  commit: {}", value.subject));
            }
        }
    }
}
