//! How far long work is: a bar on a terminal, a line per step elsewhere, a JSON line per step with
//! `--format json`. All of it on stderr.

use std::cell::Cell;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use switchback_diag::{escape_line, theme::styled};

use crate::output::Output;
use crate::shell::Shell;

/// Work in steps.
pub(crate) struct Progress<'a> {
    out: &'a Output,
    shell: &'a Shell,
    steps: usize,
    current: Option<Step>,
}

struct Step {
    number: usize,
    title: String,
    bar: Option<ProgressBar>,
    /// When it was last told that the step waits; none while it does not.
    waiting: Cell<Option<Instant>>,
}

/// One line with `--format json`.
#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    at: String,
    /// From 1.
    step: usize,
    steps: usize,
    title: &'a str,
    /// `begun`, `waiting`, `done` or `failed`.
    state: &'static str,
    detail: Option<&'a str>,
}

impl<'a> Progress<'a> {
    /// Work of so many steps.
    pub(crate) fn new(shell: &'a Shell, steps: usize) -> Self {
        Self {
            out: &shell.out,
            shell,
            steps,
            current: None,
        }
    }

    /// The next step begins.
    pub(crate) fn begin(&mut self, title: &str) {
        let number = self.current.take().map_or(1, |last| last.number + 1);
        let bar = self.draws().then(|| bar(&self.lead(number), title));
        if bar.is_none() && !self.out.is_json() {
            self.out
                .talk(&format!("{} {}\n", self.lead(number), escape_line(title)));
        }
        self.current = Some(Step {
            number,
            title: title.to_owned(),
            bar,
            waiting: Cell::new(None),
        });
        self.report("begun", None);
    }

    /// How far the step is, such as rows done of all rows. Only seen on a terminal.
    pub(crate) fn at(&self, done: u64, of: u64) {
        let Some(step) = &self.current else { return };
        let waited = step.waiting.take().is_some();
        if let Some(bar) = &step.bar {
            if waited {
                bar.set_message(escape_line(&step.title));
            }
            if bar.length() != Some(of) {
                style(bar, COUNTED);
                bar.set_length(of);
            }
            bar.set_position(done);
        }
    }

    /// What the step waits for, or who waits for it. Where there is no terminal that is told when it
    /// begins, whenever it is `news`, and now and then while it goes on.
    pub(crate) fn waiting(&self, what: &str, news: bool) {
        const AGAIN: Duration = Duration::from_secs(5);
        let Some(step) = &self.current else { return };
        let last = step.waiting.get();
        let due = news || last.is_none_or(|last| last.elapsed() >= AGAIN);
        if due {
            step.waiting.set(Some(Instant::now()));
        }
        if let Some(bar) = &step.bar {
            bar.set_message(format!(
                "{}: {}",
                escape_line(&step.title),
                escape_line(what)
            ));
        } else if due && !self.out.is_json() {
            let lead = self.lead(step.number);
            self.out.talk(&format!("{lead} {}\n", escape_line(what)));
        } else if due {
            self.report("waiting", Some(what));
        }
    }

    /// The step is done; `detail` says what was measured.
    pub(crate) fn done(&mut self, detail: &str) {
        self.close("done", self.out.talk_theme().good, detail);
    }

    /// The step failed; why is told by the error that follows.
    pub(crate) fn failed(&mut self, reason: &str) {
        self.close("failed", self.out.talk_theme().error, reason);
    }

    fn close(&mut self, state: &'static str, style: anstyle::Style, detail: &str) {
        self.report(state, Some(detail));
        let Some(step) = &mut self.current else {
            return;
        };
        if let Some(bar) = step.bar.take() {
            bar.finish_and_clear();
        }
        if !self.out.is_json() {
            let detail = escape_line(detail);
            let detail = if detail.is_empty() {
                detail
            } else {
                format!(": {detail}")
            };
            let (number, title) = (step.number, escape_line(&step.title));
            let state = styled(style, state);
            self.out
                .talk(&format!("{} {title} {state}{detail}\n", self.lead(number)));
        }
    }

    fn report(&self, state: &'static str, detail: Option<&str>) {
        if let (true, Some(step)) = (self.out.is_json(), &self.current) {
            self.out.talk_json(&Line {
                schema: "switchback.progress/v1",
                at: self.shell.clock.now().to_string(),
                step: step.number,
                steps: self.steps,
                title: &step.title,
                state,
                detail: detail.filter(|detail| !detail.is_empty()),
            });
        }
    }

    fn draws(&self) -> bool {
        !self.out.is_json() && io::stderr().is_terminal()
    }

    fn lead(&self, number: usize) -> String {
        format!("[{number}/{}]", self.steps)
    }
}

/// While nobody knows how much there is to do.
const UNCOUNTED: &str = "{prefix} {msg} {spinner} {elapsed}";
/// From the first count on.
const COUNTED: &str = "{prefix} {msg} {bar:30} {pos}/{len} {elapsed}";

fn style(bar: &ProgressBar, form: &str) {
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
}

fn bar(lead: &str, title: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    style(&bar, UNCOUNTED);
    bar.set_prefix(lead.to_owned());
    bar.set_message(escape_line(title));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
