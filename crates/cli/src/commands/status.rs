//! `switchback status`: what runs where, what can be returned to and until when, and what may be
//! done next.

use clap::Args;
use serde::Serialize;
use switchback_diag::Exit;
use switchback_interlock::Interlock;
use switchback_model::Timestamp;

use crate::advice;
use crate::book::{Book, Subject};
use crate::changes;
use crate::commands::change::view::ChangeView;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::View;
use crate::page::{Cell, Page, Role};
use crate::settings::types::Environment;
use crate::shell::Shell;

/// Show what runs where, what can be returned to, and what may be done next
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only this environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    project: String,
    at: String,
    environments: Vec<Place>,
    changes: Vec<ChangeView>,
    /// Changes whose folder in the work tree cannot be used.
    unreadable: Vec<Unreadable>,
}

#[derive(Serialize)]
struct Unreadable {
    change: String,
    code: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct Place {
    name: String,
    components: Vec<Component>,
    /// Plans that were begun and not finished, each with the command that goes on with it.
    unfinished: Vec<Unfinished>,
    /// What is wrong already, a sentence each.
    threats: Vec<String>,
    /// The commands that are admitted now.
    next: Vec<String>,
}

#[derive(Serialize)]
struct Component {
    name: String,
    version: Option<String>,
    since: Option<String>,
    /// The version of a rollout that is under way.
    rollout: Option<Rollout>,
    targets: Vec<Target>,
}

#[derive(Serialize)]
struct Rollout {
    to: String,
    aborting: bool,
}

#[derive(Serialize)]
struct Target {
    version: String,
    until: String,
    /// Milliseconds.
    left: u64,
    #[serde(skip)]
    left_words: String,
}

#[derive(Serialize)]
struct Unfinished {
    purpose: String,
    command: String,
}

impl Status {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        let book = Book::open(&context)?;
        let now = shell.clock.now();
        let chosen: Vec<&Environment> = match &self.env {
            Some(name) => vec![context.environment(name)?],
            None => context.environments()?.iter().collect(),
        };
        // What runs, and what can be returned to, must be seen whatever somebody did to a file.
        let (mut open, mut unreadable) = (Vec::new(), Vec::new());
        for id in changes::list(&context)? {
            match ChangeView::of(&context, &book, id.as_str()) {
                Ok(view) => open.push(view),
                Err(failure) => {
                    unreadable.extend(failure.diagnostics.first().map(|found| Unreadable {
                        change: id.to_string(),
                        code: found.code.id(),
                        reason: found.message.clone(),
                    }))
                }
            }
        }
        shell.out.data(&Shown {
            project: context.settings().project.name.to_string(),
            at: shell.clock.now().to_string(),
            environments: chosen
                .into_iter()
                .map(|environment| place(&context, &book, environment, now))
                .collect(),
            changes: open,
            unreadable,
        });
        Ok(Exit::Ok)
    }
}

fn place(context: &Context<'_>, book: &Book, environment: &Environment, now: Timestamp) -> Place {
    let known = book.environment(&environment.name);
    let known = known.as_of(now);
    let components = context
        .components()
        .map(|name| {
            let running = known.components.get(name).cloned().unwrap_or_default();
            Component {
                name: name.to_string(),
                version: running.stable.map(|version| version.to_string()),
                since: running.since.map(|since| since.to_string()),
                rollout: running.rollout.map(|rollout| Rollout {
                    to: rollout.to.to_string(),
                    aborting: rollout.aborting,
                }),
                targets: running
                    .targets
                    .iter()
                    .map(|target| Target {
                        version: target.version.to_string(),
                        until: target.until.to_string(),
                        left: (target.until - now).as_millis(),
                        left_words: (target.until - now).rough(),
                    })
                    .collect(),
            }
        })
        .collect();
    let interlock = Interlock::new(&book.world.catalog);
    let name = |change: &_, shape| advice::shape_name(context, change, shape);
    let threats = interlock.threats(&known, now);
    Place {
        name: environment.name.to_string(),
        components,
        unfinished: book
            .history
            .all_unfinished()
            .filter(|record| record.plan.environment == environment.name)
            .map(|record| Unfinished {
                purpose: record.plan.purpose.clone(),
                command: resume(context, environment, &record.plan),
            })
            .collect(),
        threats: threats
            .iter()
            .map(|threat| threat.sentence(&name))
            .collect(),
        next: advice::next_commands(context, book, environment, now),
    }
}

fn resume(
    context: &Context<'_>,
    environment: &Environment,
    plan: &switchback_model::Plan,
) -> String {
    let action = plan.steps.first().map(|step| &step.action);
    action
        .filter(|action| Subject::of(action).is_some())
        .and_then(|action| advice::command(context, environment, action))
        .unwrap_or_else(|| "switchback status".to_owned())
}

impl View for Shown {
    const SCHEMA: &'static str = "switchback.status/v1";

    fn human(&self, page: &mut Page) {
        for place in &self.environments {
            page.heading(&place.name);
            for component in &place.components {
                one(page, component);
            }
            for threat in &place.threats {
                page.add(Role::Bad, "  wrong").line(&format!(": {threat}"));
            }
            for plan in &place.unfinished {
                page.add(Role::Warning, "  unfinished")
                    .line(&format!(": {}", plan.purpose));
                page.add(Role::Plain, "    go on with: ")
                    .add(Role::Command, &plan.command)
                    .end();
            }
            if !place.next.is_empty() {
                page.line("  admitted now:");
                for command in &place.next {
                    page.add(Role::Plain, "    ")
                        .add(Role::Command, command)
                        .end();
                }
            }
        }
        for change in &self.changes {
            change.human(page);
        }
        for Unreadable {
            change,
            code,
            reason,
        } in &self.unreadable
        {
            page.heading(change).add(Role::Warning, "  cannot be used");
            page.line(&format!(": {reason}"));
            page.add(Role::Plain, "    ");
            page.add(Role::Command, &format!("switchback explain {code}"))
                .end();
        }
    }
}

fn one(page: &mut Page, component: &Component) {
    page.add(Role::Plain, "  ")
        .add(Role::Strong, &component.name)
        .add(Role::Plain, " ");
    match &component.version {
        Some(version) => page.add(Role::Good, version),
        None => page.add(Role::Faint, "nothing is known to run"),
    };
    if let Some(rollout) = &component.rollout {
        let verb = if rollout.aborting {
            "taking everything back from"
        } else {
            "rolling out"
        };
        page.add(Role::Warning, &format!(", {verb} {}", rollout.to));
    }
    if let Some(since) = &component.since {
        page.add(Role::Faint, &format!("  since {since}"));
    }
    page.end();
    let rows: Vec<Vec<Cell>> = component
        .targets
        .iter()
        .rev()
        .map(|target| {
            vec![
                "can go back to".into(),
                Cell::new(Role::Strong, &target.version),
                format!("for {}", target.left_words).into(),
                Cell::new(Role::Faint, format!("until {}", target.until)),
            ]
        })
        .collect();
    if !rows.is_empty() {
        page.table(4, &[], &rows);
    }
}
