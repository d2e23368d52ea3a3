//! What `switchback change` shows.

use serde::Serialize;
use switchback_migration::Definition;
use switchback_migration::definition::{Step, Work};
use switchback_model::plan::Direction;
use switchback_model::{Effect, Plan, StepName};

use crate::book::{Book, Part};
use crate::changes;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::settings::types::Environment;

#[derive(Serialize)]
pub(super) struct StepView {
    pub(super) name: String,
    pub(super) title: String,
    /// `database` or `code`.
    pub(super) kind: &'static str,
}

impl StepView {
    pub(super) fn of(step: &Step) -> Self {
        Self {
            name: step.name.to_string(),
            title: step.title.clone(),
            kind: match step.work {
                Work::Database { .. } => "database",
                Work::Code { .. } => "code",
            },
        }
    }
}

#[derive(Serialize)]
pub(super) struct PlanView<'a> {
    digest: String,
    plan: &'a Plan,
    /// Why the interlock would refuse it now; empty if it would be admitted.
    refused: Vec<String>,
    /// The step that it is about.
    #[serde(skip)]
    step: Option<&'a Step>,
}

impl<'a> PlanView<'a> {
    pub(super) fn of(
        plan: &'a Plan,
        definition: &'a Definition,
        step: &StepName,
        refused: Option<Vec<String>>,
    ) -> Result<Self, Failure> {
        Ok(Self { digest: plan.digest()?.to_string(), plan, refused: refused.unwrap_or_default(), step: definition.step(step) })
    }
}

impl View for PlanView<'_> {
    const SCHEMA: &'static str = "switchback.plan-view/v1";

    fn human(&self, page: &mut Page) {
        page.heading(&format!("{} in {}", self.plan.purpose, self.plan.environment));
        page.add(Role::Faint, &format!("plan {}", self.digest)).end();
        for (step, number) in self.plan.steps.iter().zip(1..) {
            let number: u32 = number;
            page.heading(&format!("{number}. {}", step.title));
            match &step.effect {
                Effect::Script(script) => {
                    page.block(script.sql.trim_end());
                }
                Effect::Fill(fill) => {
                    page.line(&format!(
                        "copy {}.{} to {} where they differ, in batches sized by time",
                        fill.table, fill.from, fill.to
                    ));
                }
                Effect::Unfill(fill) => {
                    page.line(&format!("give {}.{} its former values", fill.table, fill.to));
                }
                Effect::MoveValue(_) => {}
            }
        }
        if let Some(step) = self.step {
            page.heading("Why this step stands alone").block(&step.prevents);
            page.heading("The way back").block(&step.way_back);
        }
        if self.refused.is_empty() {
            page.heading("Now").add(Role::Good, "admitted").end();
        } else {
            page.heading("Now").add(Role::Bad, "refused").end();
            for reason in &self.refused {
                page.line(&format!("  {reason}"));
            }
        }
    }
}

#[derive(Serialize)]
pub(super) struct Done {
    plan: String,
    purpose: String,
    environment: String,
    /// What the code must do for the step that follows.
    next: Option<String>,
}

impl Done {
    pub(super) fn of(plan: &Plan, definition: &Definition) -> Result<Self, Failure> {
        let digest = plan.digest()?;
        let last = plan.steps.last().and_then(|step| match &step.effect {
            Effect::Script(script) if script.direction == Direction::Up => Some(&script.step),
            Effect::Fill(fill) => Some(&fill.step),
            Effect::Script(_) | Effect::Unfill(_) | Effect::MoveValue(_) => None,
        });
        let place =
            last.and_then(|last| definition.steps.iter().position(|step| step.name == *last));
        let next = place.and_then(|place| definition.steps.get(place + 1));
        let next = next.map(|step| match step.work {
            Work::Code { .. } => format!(
                "step `{}` is one of the code: {}",
                step.name, step.title
            ),
            Work::Database { .. } => format!("step `{}` is one of the database", step.name),
        });
        Ok(Self {
            plan: digest.to_string(),
            purpose: plan.purpose.clone(),
            environment: plan.environment.to_string(),
            next,
        })
    }
}

impl View for Done {
    const SCHEMA: &'static str = "switchback.applied/v1";

    fn human(&self, page: &mut Page) {
        page.add(Role::Good, "done").add(Role::Plain, ": ");
        page.line(&format!("{} in {}", self.purpose, self.environment));
        if let Some(next) = &self.next {
            page.add(Role::Label, "next").add(Role::Plain, ": ").line(next);
        }
    }
}

#[derive(Serialize)]
pub(super) struct StatusView {
    pub(super) changes: Vec<ChangeView>,
}

#[derive(Serialize)]
pub(crate) struct ChangeView {
    change: String,
    title: String,
    /// The step that the code in the work tree is at.
    code: String,
    environments: Vec<String>,
    steps: Vec<StepRow>,
}

#[derive(Serialize)]
struct StepRow {
    step: StepView,
    /// For each environment: `applied`, `in part`, `—`; or the versions whose code is at the step.
    at: Vec<String>,
}

impl ChangeView {
    pub(crate) fn of(context: &Context<'_>, book: &Book, id: &str) -> Result<Self, Failure> {
        let definition = changes::load(context, id)?;
        changes::check_unedited(book, &definition)?;
        let environments = context.environments()?;
        let steps = definition
            .steps
            .iter()
            .map(|step| StepRow {
                step: StepView::of(step),
                at: environments
                    .iter()
                    .map(|environment| at(book, environment, &definition, step))
                    .collect(),
            })
            .collect();
        Ok(Self {
            change: definition.id.to_string(),
            title: definition.title.clone(),
            code: definition.code.to_string(),
            environments: environments.iter().map(|it| it.name.to_string()).collect(),
            steps,
        })
    }

    pub(super) fn is_pending(&self) -> bool {
        let database = self.steps.iter().filter(|row| row.step.kind == "database");
        database.flat_map(|row| &row.at).any(|state| state != APPLIED)
    }
}

const APPLIED: &str = "applied";

fn at(
    book: &Book,
    environment: &Environment,
    definition: &Definition,
    step: &Step,
) -> String {
    let none = || "—".to_owned();
    match &step.work {
        Work::Database { script, fill } => {
            let has = |part| {
                book.history.is_applied(&environment.name, &definition.id, &step.name, part)
            };
            let parts = [
                script.as_ref().map(|_| has(Part::Script)),
                fill.as_ref().map(|_| has(Part::Fill)),
            ];
            let parts: Vec<bool> = parts.into_iter().flatten().collect();
            if parts.iter().all(|applied| *applied) {
                APPLIED.to_owned()
            } else if parts.iter().any(|applied| *applied) {
                "in part".to_owned()
            } else {
                none()
            }
        }
        Work::Code { .. } => {
            let Some(known) = book.world.environments.get(&environment.name) else {
                return none();
            };
            let catalog = &book.world.catalog;
            let live = known.components.iter().flat_map(|(component, running)| {
                let arriving = running.rollout.as_ref().map(|rollout| &rollout.to);
                running.stable.iter().chain(arriving).filter_map(move |version| {
                    let release = catalog.release(component, version)?;
                    let code = catalog.code(release, &definition.id)?;
                    (code.name == step.name).then(|| format!("{component} {version}"))
                })
            });
            let live: Vec<String> = live.collect();
            if live.is_empty() { none() } else { live.join(", ") }
        }
    }
}

impl View for StatusView {
    const SCHEMA: &'static str = "switchback.change-status/v1";

    fn human(&self, page: &mut Page) {
        if self.changes.is_empty() {
            page.line("no change is open");
        }
        for change in &self.changes {
            change.human(page);
        }
    }
}

impl ChangeView {
    /// For people, under whatever came before.
    pub(crate) fn human(&self, page: &mut Page) {
        page.heading(&format!("{}  {}", self.change, self.title));
        page.line(&format!("  the code here is at `{}`", self.code));
        let mut head = vec!["step", "kind"];
        head.extend(self.environments.iter().map(String::as_str));
        let rows: Vec<Vec<Cell>> = self
            .steps
            .iter()
            .map(|row| {
                let mut cells =
                    vec![Cell::new(Role::Strong, &row.step.name), row.step.kind.into()];
                cells.extend(row.at.iter().map(|at| Cell::from(at.as_str())));
                cells
            })
            .collect();
        page.table(2, &head, &rows);
    }
}
