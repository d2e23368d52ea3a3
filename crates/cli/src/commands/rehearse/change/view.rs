//! What the rehearsal of a change found, for people and for programs.

mod counted;
mod own;

use std::time::Duration;

use serde::Serialize;
use switchback_db::postgres::rehearsal::Rows;
use switchback_db::rehearsal::{Fault, Latency, Moment, Outcome, Report, StepReport, WorkKind};
use switchback_migration::Definition;
use switchback_model::rehearsal::REHEARSAL_SCHEMA;
use switchback_model::{Rehearsal, RehearsalVerdict, RehearsedStep, StepName};

use self::counted::CountedView;
use self::own::OwnView;
use super::workload::Counted;
use crate::commands::rehearse::view::table;
use crate::output::View;
use crate::page::{Cell, Page, Role};

/// How many lines of one fault people are shown.
const SHOWN: usize = 10;

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct Rehearsed {
    change: String,
    title: String,
    engine: String,
    /// Where the schema came from.
    source: String,
    table: String,
    rows: u64,
    /// Null where the rows are those of a copy.
    seed: Option<u64>,
    clients: usize,
    passed: bool,
    steps: Vec<Step>,
    back: Vec<Step>,
    /// The step that the interlock lets nobody go back behind.
    back_ends_at: Option<String>,
    notes: Vec<String>,
    /// What was taken from a server's statistics.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<CountedView>,
}

#[derive(Debug, Serialize)]
struct Step {
    #[serde(serialize_with = "as_text")]
    step: StepName,
    title: String,
    /// `code` or `database`.
    kind: &'static str,
    /// `passed`, `failed` or `not-reached`.
    verdict: &'static str,
    /// The code steps of the versions that were at work.
    code: Vec<String>,
    faults: Vec<FaultView>,
    remarks: Vec<String>,
    /// The application's own statements that ran beside the step, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    own: Vec<OwnView>,
    /// By itself, in milliseconds.
    up_ms: Option<u64>,
    /// By itself, in milliseconds.
    down_ms: Option<u64>,
    /// Beside code, in milliseconds.
    up_beside_code_ms: Option<u64>,
    /// Beside code, in milliseconds.
    down_beside_code_ms: Option<u64>,
    /// Beside code, in milliseconds.
    again_beside_code_ms: Option<u64>,
    /// The code's statements before the step.
    usual: LatencyView,
    /// The code's statements while the step moved.
    during: LatencyView,
    /// Null where the engine cannot be asked.
    locks: Option<LocksView>,
}

#[derive(Debug, Serialize)]
struct FaultView {
    /// `step-fails`, `schema-differs`, `rows-differ`, `not-as-begun`, `not-filled`, `code-fails`, `stale-read`,
    /// `row-lost`, `must-not-be`, `kept-waiting` or `stuck`.
    fault: &'static str,
    /// What is wrong, in one sentence without a full stop.
    message: String,
    /// Lines to show it.
    lines: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LatencyView {
    statements: u64,
    median_us: u64,
    p99_us: u64,
    longest_us: u64,
}

#[derive(Debug, Serialize)]
struct LocksView {
    /// How often it was looked who waits for whom.
    looks: u64,
    /// Sessions of the code that the step kept waiting at one time, at most.
    blocked_sessions: u64,
    /// The longest that a statement of the code was seen waiting for the step.
    longest_ms: u64,
    /// The longest that the step was seen waiting for a lock.
    step_waited_ms: u64,
}

fn as_text<S: serde::Serializer>(name: &StepName, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(name.as_str())
}

fn millis(it: Duration) -> u64 {
    u64::try_from(it.as_millis()).unwrap_or(u64::MAX)
}

impl Rehearsed {
    pub(super) fn of(definition: &Definition, source: &str, rows: Rows, report: &Report) -> Self {
        Self {
            change: definition.id.to_string(),
            title: definition.title.clone(),
            engine: report.engine.clone(),
            source: source.to_owned(),
            table: report.table.clone(),
            rows: report.rows,
            seed: match rows {
                Rows::Kept => None,
                Rows::MadeUp { seed, .. } => Some(seed),
            },
            clients: report.clients,
            passed: report.is_clean(),
            steps: report.steps.iter().map(Step::of).collect(),
            back: report.back.iter().map(Step::of).collect(),
            back_ends_at: report.back_ends_at.as_ref().map(ToString::to_string),
            notes: report.notes.clone(),
            counted: None,
        }
    }

    /// Says too what was taken from a server's statistics.
    pub(super) fn with_counted(&mut self, counted: &Counted, report: &Report) {
        self.counted = Some(CountedView::of(counted, report));
    }

    fn all(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.back)
    }

    /// The result in one line.
    pub(super) fn said(&self) -> String {
        let failed = self.all().filter(|it| it.verdict == "failed").count();
        match failed {
            0 => "every step passed".to_owned(),
            1 => "one step failed".to_owned(),
            more => format!("{more} steps failed"),
        }
    }

    /// The steps that failed, for people.
    fn failed(&self) -> Vec<String> {
        let failed = |it: &&Step| it.verdict == "failed";
        let up = self.steps.iter().filter(failed);
        let back = self.back.iter().filter(failed);
        up.map(|it| it.step.to_string())
            .chain(back.map(|it| format!("{} on the way back", it.step)))
            .collect()
    }

    /// The first step that failed, and what is wrong with it.
    pub(super) fn first_fault(&self) -> Option<(&StepName, &str)> {
        let failed = self.all().find(|it| !it.faults.is_empty())?;
        Some((&failed.step, &failed.faults.first()?.message))
    }

    /// What the ledger keeps of it.
    pub(super) fn stored(&self) -> Rehearsal {
        Rehearsal {
            schema: REHEARSAL_SCHEMA.to_owned(),
            engine: self.engine.clone(),
            source: self.source.clone(),
            rows: self.rows,
            seed: self.seed,
            steps: self.steps.iter().map(Step::stored).collect(),
            back: self.back.iter().map(Step::stored).collect(),
        }
    }
}

impl Step {
    fn of(it: &StepReport) -> Self {
        let measured = &it.measured;
        let altered = it.altered.as_ref().map(|altered| {
            format!(
                "{} went through the other shape and came back as {} instead of {} ({} times)",
                altered.column,
                value(altered.read.as_ref()),
                value(altered.written.as_ref()),
                altered.times
            )
        });
        Self {
            step: it.step.clone(),
            title: it.title.clone(),
            kind: match it.kind {
                WorkKind::Code => "code",
                WorkKind::Database => "database",
            },
            verdict: match it.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "failed",
                Outcome::NotReached => "not-reached",
            },
            code: it.versions.iter().map(ToString::to_string).collect(),
            faults: it.faults.iter().map(FaultView::of).collect(),
            remarks: altered.into_iter().collect(),
            own: it.own.iter().map(OwnView::of).collect(),
            up_ms: it.up.map(millis),
            down_ms: it.down.map(millis),
            up_beside_code_ms: measured.up.map(millis),
            down_beside_code_ms: measured.down.map(millis),
            again_beside_code_ms: measured.again.map(millis),
            usual: LatencyView::of(&measured.usual),
            during: LatencyView::of(&measured.during),
            locks: measured.waited.map(|waited| LocksView {
                looks: waited.looks,
                blocked_sessions: waited.blocked,
                longest_ms: millis(waited.longest),
                step_waited_ms: millis(waited.step),
            }),
        }
    }

    fn stored(&self) -> RehearsedStep {
        let length = switchback_model::Duration::from_millis;
        RehearsedStep {
            step: self.step.clone(),
            verdict: match self.verdict {
                "passed" => RehearsalVerdict::Passed,
                "failed" => RehearsalVerdict::Failed,
                _ => RehearsalVerdict::NotReached,
            },
            faults: self.faults.iter().map(|it| it.message.clone()).collect(),
            took: self.up_ms.map(length),
            kept_waiting: self.locks.as_ref().map(|it| length(it.longest_ms)),
        }
    }

    /// Its cells in the table of steps.
    fn cells(&self, number: usize) -> Vec<Cell> {
        let role = match self.verdict {
            "passed" => Role::Good,
            "failed" => Role::Bad,
            _ => Role::Faint,
        };
        let time = |it: Option<u64>| it.map_or_else(String::new, |it| format!("{it} ms"));
        let locks = self.locks.as_ref().map(|it| it.longest_ms);
        let moved = self.up_beside_code_ms.or(self.down_beside_code_ms);
        vec![
            number.to_string().into(),
            Cell::new(Role::Strong, self.step.as_str()),
            Cell::new(role, self.verdict),
            self.code.join(", ").into(),
            time(self.up_beside_code_ms).into(),
            time(self.down_beside_code_ms).into(),
            time(locks.filter(|_| moved.is_some())).into(),
            slowest(&self.during).into(),
            slowest(&self.usual).into(),
        ]
    }

    fn faults(&self, page: &mut Page, back: &str) {
        if self.faults.is_empty() && self.remarks.is_empty() {
            return;
        }
        page.heading(&format!("{}{back}: {}", self.step, self.title));
        for fault in &self.faults {
            page.add(Role::Bad, "fault")
                .line(&format!(": {}", fault.message));
            for line in fault.lines.iter().take(SHOWN) {
                page.line(&format!("    {line}"));
            }
            if fault.lines.len() > SHOWN {
                let more = fault.lines.len() - SHOWN;
                page.line(&format!("    and {more} more lines, in --format json"));
            }
        }
        for remark in &self.remarks {
            page.add(Role::Warning, "note").line(&format!(": {remark}"));
        }
    }
}

impl LatencyView {
    fn of(it: &Latency) -> Self {
        let micros = |it: Duration| u64::try_from(it.as_micros()).unwrap_or(u64::MAX);
        Self {
            statements: it.count,
            median_us: micros(it.median),
            p99_us: micros(it.p99),
            longest_us: micros(it.longest),
        }
    }
}

fn value(value: Option<&String>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| format!("'{value}'"))
}

/// Which way a step went, to follow "the step" or "it".
const fn way(moment: Moment) -> &'static str {
    match moment {
        Moment::Down | Moment::AfterDown => "the way back",
        Moment::Again | Moment::AfterAgain => "the second way up",
        Moment::Before | Moment::Up | Moment::AfterUp => "the way up",
    }
}

impl FaultView {
    fn of(fault: &Fault) -> Self {
        let (name, message, lines) = match fault {
            Fault::Fails {
                moment,
                at_work,
                message,
            } => {
                let beside = if *at_work { " beside code" } else { "" };
                let message = format!("{} fails{beside}: {message}", way(*moment));
                ("step-fails", message, Vec::new())
            }
            Fault::SchemaDiffers { moment, lines } => {
                let than = match moment {
                    Moment::AfterAgain => "the first one did",
                    _ => "there was before the step",
                };
                let message = format!("{} leaves another schema than {than}", way(*moment));
                ("schema-differs", message, lines.clone())
            }
            Fault::RowsDiffer { moment, tables } => {
                let than = match moment {
                    Moment::AfterAgain => "the first one did",
                    _ => "there were before the step",
                };
                let message = format!("{} leaves other rows than {than}", way(*moment));
                let lines = tables.iter().flat_map(table).collect();
                ("rows-differ", message, lines)
            }
            Fault::NotAsBegun { tables } => (
                "not-as-begun",
                "all the way back, rows that no code touched are not what they were in the beginning"
                    .to_owned(),
                tables.iter().flat_map(table).collect(),
            ),
            Fault::NotFilled { rows } => (
                "not-filled",
                format!("the copy of existing rows is over, and {rows} rows lack their value"),
                Vec::new(),
            ),
            Fault::CodeFails {
                version,
                own,
                moment,
                times,
                sql,
                message,
            } => {
                let what = match own {
                    Some(name) => format!("the statement `{name}`"),
                    None => "a statement".to_owned(),
                };
                let often = often(*moment, *times);
                (
                    "code-fails",
                    format!("{what} of the code `{version}` failed {often}: {message}"),
                    vec![sql.clone()],
                )
            }
            Fault::StaleRead {
                reader,
                writer,
                moment,
                times,
                column,
                written,
                read,
            } => (
                "stale-read",
                format!(
                    "the code `{reader}` read another {column} than the code `{writer}` had written \
                     {}",
                    often(*moment, *times)
                ),
                vec![format!(
                    "{column} was written as {} and read as {}",
                    value(written.as_ref()),
                    value(read.as_ref())
                )],
            ),
            Fault::RowLost {
                reader,
                moment,
                times,
            } => (
                "row-lost",
                format!(
                    "the code `{reader}` did not find a row that had been written {}",
                    often(*moment, *times)
                ),
                Vec::new(),
            ),
            Fault::MustNotBe {
                version,
                what,
                rows,
            } => (
                "must-not-be",
                format!("for the code `{version}` there must be no {what}, and there are {rows}"),
                Vec::new(),
            ),
            Fault::KeptWaiting { longest, allowed } => (
                "kept-waiting",
                format!(
                    "the step kept a statement of the code waiting for {} ms; {} ms are allowed",
                    millis(*longest),
                    millis(*allowed)
                ),
                Vec::new(),
            ),
            Fault::Stuck { moment, waited } => (
                "stuck",
                format!(
                    "the code did not get on for {} s {}",
                    waited.as_secs(),
                    moment.words()
                ),
                Vec::new(),
            ),
        };
        Self {
            fault: name,
            message,
            lines,
        }
    }
}

fn often(moment: Moment, times: u64) -> String {
    match times {
        1 => format!("once, {}", moment.words()),
        more => format!("{more} times, first {}", moment.words()),
    }
}

/// A time of a statement, where there is one.
fn slowest(it: &LatencyView) -> String {
    match it.statements {
        0 => String::new(),
        _ => format!("{}.{} ms", it.longest_us / 1_000, it.longest_us / 100 % 10),
    }
}

impl View for Rehearsed {
    const SCHEMA: &'static str = "switchback.rehearse-change/v1";

    fn human(&self, page: &mut Page) {
        page.heading(&format!("{}: {}", self.change, self.title));
        let made = self.seed.map_or_else(
            || "its own rows".to_owned(),
            |seed| format!("rows made up from seed {seed}"),
        );
        page.line(&format!(
            "on {}, {}, {} rows in {} ({made}), {} clients",
            self.engine, self.source, self.rows, self.table, self.clients
        ));
        let head = [
            "",
            "step",
            "verdict",
            "code at work",
            "up",
            "back",
            "code waited",
            "slowest",
            "before it",
        ];
        let cells = |steps: &[Step]| -> Vec<Vec<Cell>> {
            let numbered = (1..).zip(steps);
            numbered.map(|(number, it)| it.cells(number)).collect()
        };
        page.end().table(1, &head, &cells(&self.steps));
        if !self.back.is_empty() {
            page.heading("All the way back");
            page.table(1, &head, &cells(&self.back));
        }
        self.own(page);
        if let Some(counted) = &self.counted {
            counted.show(page);
        }
        for step in &self.steps {
            step.faults(page, "");
        }
        for step in &self.back {
            step.faults(page, ", on the way back");
        }
        if !self.notes.is_empty() || self.back_ends_at.is_some() {
            page.heading("Notes");
        }
        if let Some(step) = &self.back_ends_at {
            page.line(&format!(
                "  the way back ends above `{step}`: the interlock lets no code from before it come \
                 back, because what was written since cannot be computed back"
            ));
        }
        for note in &self.notes {
            page.line(&format!("  {note}"));
        }
        page.end();
        if self.passed {
            page.add(Role::Good, "passed")
                .line(": every step goes up, back and up again, and code on both sides works");
        } else {
            page.add(Role::Bad, "failed")
                .line(&format!(": {}", self.failed().join(", ")));
        }
    }
}
