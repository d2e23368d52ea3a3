//! What `switchback change` shows.

use serde::Serialize;
use switchback_migration::Definition;
use switchback_migration::definition::{Step, Work};
use switchback_migration::reads::guard::one_line;
use switchback_model::plan::Direction;
use switchback_model::{Action, Effect, Plan, StepName, SurfaceOperation};

use crate::book::{Book, Part};
use crate::changes;
use crate::context::Context;
use crate::effects::estimate::{Known, Statement};
use crate::errors::Failure;
use crate::guard::{self, Look};
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::plans;
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
            kind: if is_database(step) {
                "database"
            } else {
                "code"
            },
        }
    }
}

/// Whether it is a step of the database.
pub(super) const fn is_database(step: &Step) -> bool {
    matches!(step.work, Work::Database { .. })
}

#[derive(Serialize)]
pub(super) struct PlanView<'a> {
    digest: String,
    plan: &'a Plan,
    /// What each step of the plan does, statement by statement; one without SQL for a fill.
    work: Vec<Vec<Statement>>,
    /// Why the interlock would refuse it now; empty if it would be admitted.
    refused: Vec<String>,
    /// Of a contract: who uses what it takes away.
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<UsesView>,
    /// The step that it is about.
    #[serde(skip)]
    step: Option<&'a Step>,
}

/// Who uses what a contract takes away.
#[derive(Serialize)]
struct UsesView {
    /// What is taken away.
    shape: String,
    /// Whether the contract is refused for it now.
    refused: bool,
    found: Vec<UseView>,
    /// What cannot be seen, a sentence each.
    unseen: Vec<String>,
    looked_at: Vec<String>,
    /// When everything was watched for long enough, if that is what is missing.
    ready_at: Option<String>,
}

#[derive(Serialize)]
struct UseView {
    what: String,
    how: String,
    seen: String,
}

impl UsesView {
    fn of(look: Look) -> Self {
        let refused = look.is_refused();
        let verdict = look.verdict;
        Self {
            shape: look.shape,
            refused,
            found: verdict
                .found
                .into_iter()
                .map(|it| UseView {
                    what: it.what,
                    how: it.how,
                    seen: it.seen,
                })
                .collect(),
            unseen: verdict.unseen.into_iter().map(|it| it.what).collect(),
            looked_at: verdict.looked_at,
            ready_at: verdict.ready_at.map(|at| at.to_string()),
        }
    }

    fn human(&self, page: &mut Page) {
        page.heading(&format!("Who uses {}", self.shape));
        if self.found.is_empty() {
            page.line("no use was seen");
        }
        for it in &self.found {
            page.line(&one_line(&it.what));
            page.line(&format!("  → {}; {}", it.how, it.seen));
        }
        for it in &self.looked_at {
            page.line(&format!("looked at {it}"));
        }
        for it in &self.unseen {
            paragraph(page, 0, &format!("not seen: {it}"));
        }
    }
}

impl<'a> PlanView<'a> {
    pub(super) fn of(
        plan: &'a Plan,
        definition: &'a Definition,
        step: &StepName,
        known: &mut Known,
        refused: Option<Vec<String>>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            digest: plan.digest()?.to_string(),
            plan,
            work: known.plan(&plan.steps),
            refused: refused.unwrap_or_default(),
            uses: None,
            step: definition.step(step),
        })
    }

    /// With what is known about who uses what a contract takes away.
    pub(super) fn with(mut self, look: Option<Look>) -> Self {
        self.uses = look.map(UsesView::of);
        self
    }
}

impl View for PlanView<'_> {
    const SCHEMA: &'static str = "switchback.plan-view/v1";

    fn human(&self, page: &mut Page) {
        page.heading(&format!(
            "{} in {}",
            self.plan.purpose, self.plan.environment
        ));
        page.add(Role::Faint, &format!("plan {}", self.digest))
            .end();
        for ((step, work), number) in self.plan.steps.iter().zip(&self.work).zip(1..) {
            let number: u32 = number;
            page.heading(&format!("{number}. {}", step.title));
            match &step.effect {
                Effect::Script(script) => annotated(page, &script.sql, work),
                Effect::Fill(fill) => {
                    for (column, value) in &fill.set {
                        page.line(&format!(
                            "set {}.{column} to {value} where it differs, in batches sized by time",
                            fill.table
                        ));
                    }
                    if let Some(only) = &fill.only {
                        page.line(&format!("only where {only}"));
                    }
                }
                Effect::Unfill(fill) => {
                    let columns: Vec<&str> = fill.set.keys().map(String::as_str).collect();
                    page.line(&format!(
                        "give {} in {} former values again",
                        columns.join(", "),
                        fill.table
                    ));
                }
                Effect::MoveValue(_) => {}
            }
            if !matches!(step.effect, Effect::Script(_)) {
                work.iter().for_each(|it| does(page, it));
            }
        }
        if let Some(step) = self.step {
            page.heading("Why this step stands alone");
            paragraph(page, 0, &step.prevents);
            page.heading("The way back");
            paragraph(page, 0, &step.way_back);
        }
        if let Some(uses) = &self.uses {
            uses.human(page);
        }
        let in_use = self.uses.as_ref().is_some_and(|uses| uses.refused);
        if self.refused.is_empty() && in_use {
            page.heading("Now").add(Role::Bad, "refused").end();
            page.line("  the interlock admits it, and somebody may still use what it takes away");
        } else if self.refused.is_empty() {
            page.heading("Now").add(Role::Good, "admitted").end();
        } else {
            page.heading("Now").add(Role::Bad, "refused").end();
            for reason in &self.refused {
                page.line(&format!("  {reason}"));
            }
        }
    }
}

/// Columns of a line of running text.
const WIDTH: usize = 100;

/// Running text in lines that are not too long. A line that begins with blanks stays as it is.
pub(crate) fn paragraph(page: &mut Page, indent: usize, text: &str) {
    let indent = " ".repeat(indent);
    for line in text.lines() {
        let kept = line.starts_with(' ');
        let mut current = String::new();
        let words: Vec<&str> = if kept {
            vec![line]
        } else {
            line.split_whitespace().collect()
        };
        for word in words {
            let long = indent.len() + current.chars().count() + 1 + word.chars().count() > WIDTH;
            if long && !current.is_empty() {
                page.line(&format!("{indent}{current}"));
                current.clear();
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        if current.is_empty() {
            page.end();
        } else {
            page.line(&format!("{indent}{current}"));
        }
    }
}

/// A script as it stands, with what each statement does below it.
fn annotated(page: &mut Page, sql: &str, work: &[Statement]) {
    let mut shown = 0;
    for statement in work {
        let rest = &sql[statement.end..];
        let end = statement.end + usize::from(rest.starts_with(';'));
        let text = &sql[shown..end];
        page.block(text.strip_prefix('\n').unwrap_or(text));
        does(page, statement);
        shown = end;
    }
    let rest = sql[shown..].trim();
    if !rest.is_empty() {
        page.block(rest);
    }
}

fn does(page: &mut Page, statement: &Statement) {
    for line in &statement.does {
        page.add(Role::Label, &format!("  → {line}")).end();
    }
}

#[derive(Serialize)]
pub(super) struct Done {
    plan: String,
    purpose: String,
    environment: String,
    /// The step that follows, and how it is taken.
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
            Work::Code { .. } => format!("step `{}` is one of the code: {}", step.name, step.title),
            Work::Database { .. } => format!(
                "{}: switchback change apply {} --env {}",
                step.title, definition.id, plan.environment
            ),
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
            page.add(Role::Label, "next")
                .add(Role::Plain, ": ")
                .line(next);
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
    /// Where the contract comes next and uses of what it takes away are counted.
    watched: Vec<Watched>,
}

/// Uses of an old shape, watched in one environment.
#[derive(Serialize)]
struct Watched {
    environment: String,
    since: String,
    /// From when on a whole window has been watched.
    until: String,
}

#[derive(Serialize)]
struct StepRow {
    #[serde(flatten)]
    step: StepView,
    /// Where the step stands in each environment, in the order of promotion.
    environments: Vec<Standing>,
}

/// Where a step stands in one environment.
#[derive(Serialize)]
struct Standing {
    environment: String,
    state: State,
    /// For a step of the code: the versions that run and whose code is at it.
    versions: Vec<String>,
}

/// Where a step stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// A step of the database: nothing of it is applied. One of the code: nothing at it runs.
    No,
    /// A part of it is applied.
    InPart,
    /// It is applied, or something at it runs.
    Yes,
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
                environments: environments
                    .iter()
                    .map(|environment| standing(book, environment, &definition, step))
                    .collect(),
            })
            .collect();
        Ok(Self {
            change: definition.id.to_string(),
            title: definition.title.clone(),
            code: definition.code.to_string(),
            environments: environments.iter().map(|it| it.name.to_string()).collect(),
            steps,
            watched: environments
                .iter()
                .filter_map(|environment| {
                    let (since, until) = guard::watched(context, book, environment, &definition)?;
                    Some(Watched {
                        environment: environment.name.to_string(),
                        since: since.to_string(),
                        until: until.to_string(),
                    })
                })
                .collect(),
        })
    }

    pub(super) fn is_pending(&self) -> bool {
        let database = self.steps.iter().filter(|row| row.step.kind == "database");
        database
            .flat_map(|row| &row.environments)
            .any(|at| at.state != State::Yes)
    }
}

fn standing(
    book: &Book,
    environment: &Environment,
    definition: &Definition,
    step: &Step,
) -> Standing {
    let (state, versions) = match &step.work {
        Work::Database { script, fill } => {
            let has = |part| {
                book.history
                    .is_applied(&environment.name, &definition.id, &step.name, part)
            };
            let fill_again = Action::Surface {
                change: definition.id.clone(),
                operation: SurfaceOperation::Fill,
            };
            let stale = plans::is_stale(book, &environment.name, &fill_again);
            let parts = [
                script.as_ref().map(|_| has(Part::Script)),
                fill.as_ref().map(|_| has(Part::Fill) && !stale),
            ];
            let (applied, left): (Vec<bool>, Vec<bool>) =
                parts.into_iter().flatten().partition(|applied| *applied);
            let state = match (applied.is_empty(), left.is_empty()) {
                (_, true) => State::Yes,
                (true, false) => State::No,
                (false, false) => State::InPart,
            };
            (state, Vec::new())
        }
        Work::Code { .. } => {
            let versions = running_at(book, environment, definition, &step.name);
            (
                if versions.is_empty() {
                    State::No
                } else {
                    State::Yes
                },
                versions,
            )
        }
    };
    Standing {
        environment: environment.name.to_string(),
        state,
        versions,
    }
}

/// The versions that run in an environment and whose code is at a step.
fn running_at(
    book: &Book,
    environment: &Environment,
    definition: &Definition,
    step: &StepName,
) -> Vec<String> {
    let catalog = &book.world.catalog;
    let known = book.world.environments.get(&environment.name);
    let components = known.into_iter().flat_map(|known| &known.components);
    let live = components.flat_map(|(component, running)| {
        let arriving = running.rollout.as_ref().map(|rollout| &rollout.to);
        running
            .stable
            .iter()
            .chain(arriving)
            .filter_map(move |version| {
                let release = catalog.release(component, version)?;
                let code = catalog.code(release, &definition.id)?;
                (code.name == *step).then(|| format!("{component} {version}"))
            })
    });
    live.collect()
}

impl Standing {
    /// For people: `applied`, `in part`, `—`, or the versions.
    fn words(&self) -> String {
        match self.state {
            State::No => "—".to_owned(),
            State::InPart => "in part".to_owned(),
            State::Yes if self.versions.is_empty() => "applied".to_owned(),
            State::Yes => self.versions.join(", "),
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
                let mut cells = vec![
                    Cell::new(Role::Strong, &row.step.name),
                    row.step.kind.into(),
                ];
                cells.extend(row.environments.iter().map(|at| Cell::from(at.words())));
                cells
            })
            .collect();
        page.table(2, &head, &rows);
        for it in &self.watched {
            page.line(&format!(
                "  uses of the old shape in {} are watched since {}, for a whole window at {}",
                it.environment, it.since, it.until
            ));
        }
    }
}
