//! `switchback backfill plan`: how the rows would be walked, why, and about what it costs.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde::Serialize;
use switchback_diag::Exit;
use switchback_migration::backfill::{
    Choice, Estimate, Job, Program, Query, Strategy, TableFacts, choose, estimate, sketch,
};
use switchback_migration::words::{bytes, grouped};

use crate::backfills;
use crate::commands::change::view::paragraph;
use crate::context::Context;
use crate::effects::EnvironmentDatabase;
use crate::errors::{self, Failure};
use crate::output::View;
use crate::page::{Cell, Page, Role};

/// Show how the rows would be walked in an environment, and why
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The backfill
    #[arg(value_name = "BACKFILL")]
    id: String,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    #[command(flatten)]
    wanted: Wanted,
}

/// How rows are walked, if somebody knows better.
#[derive(Debug, Clone, Args)]
pub(crate) struct Wanted {
    /// How rows are walked, instead of what is chosen from the catalog
    #[arg(long, value_enum)]
    strategy: Option<StrategyWord>,
    /// Of `strided`: in how many passes over each stretch of pages
    #[arg(long, value_name = "NUMBER", requires = "strategy", value_parser = clap::value_parser!(u32).range(2..=64))]
    passes: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StrategyWord {
    /// By place on disk, in passes that make room for each other
    Strided,
    /// By place on disk, once
    Plain,
    /// By the key
    KeyRange,
    /// Into a copy of the table, which then takes its place
    ShadowCopy,
}

/// Passes where somebody wants passes and not how many.
const PASSES: u32 = 8;

impl Wanted {
    /// The flags as they were typed, each after a blank.
    fn typed(&self) -> String {
        let word = self.strategy.and_then(|it| it.to_possible_value());
        let strategy = word.map(|it| format!(" --strategy {}", it.get_name()));
        let passes = self.passes.map(|it| format!(" --passes {it}"));
        [strategy, passes].into_iter().flatten().collect()
    }

    /// What was asked for.
    pub(crate) fn strategy(&self) -> Result<Option<Strategy>, Failure> {
        if self.passes.is_some() && self.strategy != Some(StrategyWord::Strided) {
            return Err(errors::usage("--passes goes with --strategy strided only").into());
        }
        Ok(self.strategy.map(|word| match word {
            StrategyWord::Strided => Strategy::Strided {
                passes: self.passes.unwrap_or(PASSES),
            },
            StrategyWord::Plain => Strategy::Plain,
            StrategyWord::KeyRange => Strategy::KeyRange,
            StrategyWord::ShadowCopy => Strategy::ShadowCopy,
        }))
    }
}

impl Plan {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let wanted = self.wanted.strategy()?;
        backfills::check_own(&self.id, &self.env, false)?;
        let job = backfills::load(context, &self.id)?;
        let environment = context.environment(&self.env)?;
        let database = EnvironmentDatabase::open(context, environment)?;
        let facts = database.backfill_facts(environment, &job)?;
        let choice = choose(&facts, &job, wanted)
            .map_err(|refusal| errors::no_strategy(&job.id, &environment.name, &refusal))?;
        let view = PlanView::of(environment.name.as_str(), &job, &facts, choice);
        let out = &context.shell.out;
        out.data(&view);
        let name = &environment.name;
        let flags = self.wanted.typed();
        out.next(
            "do it",
            &format!("switchback backfill run {} --env {name}{flags}", job.id),
        );
        Ok(Exit::Ok)
    }
}

#[derive(Serialize)]
pub(super) struct PlanView {
    backfill: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    environment: String,
    engine: &'static str,
    table: TableView,
    set: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<Query>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<Program>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<String>,
    keep_undo: bool,
    strategy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    passes: Option<u32>,
    reasons: Vec<String>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<EstimateView>,
    batch: String,
}

/// The table; none and 0 of what is not known.
#[derive(Serialize)]
struct TableView {
    name: String,
    key: Vec<String>,
    rows: Option<u64>,
    bytes: u64,
    toast_bytes: u64,
    index_bytes: u64,
    indexes: u32,
    leaves: u32,
    fillfactor: u32,
}

/// Bytes and seconds, about.
#[derive(Serialize)]
struct EstimateView {
    rows: u64,
    beside: f64,
    heap_growth_bytes: u64,
    index_growth_bytes: u64,
    undo_bytes: u64,
    wal_bytes: u64,
    seconds_from: u64,
    seconds_to: u64,
}

impl PlanView {
    pub(super) fn of(environment: &str, job: &Job, facts: &TableFacts, choice: Choice) -> Self {
        let strategy = choice.strategy;
        Self {
            backfill: job.id.to_string(),
            title: job.text.title.clone(),
            environment: environment.to_owned(),
            engine: facts.engine.word(),
            table: TableView {
                name: facts.table.clone(),
                key: facts.key.iter().map(|it| it.name.clone()).collect(),
                rows: facts.rows,
                bytes: facts.bytes,
                toast_bytes: facts.toast_bytes,
                index_bytes: facts.index_bytes,
                indexes: facts.indexes,
                leaves: facts.leaves,
                fillfactor: facts.fillfactor,
            },
            set: job.text.set.clone(),
            query: job.text.query.clone(),
            program: job.text.program.clone(),
            only: job.text.only.clone(),
            keep_undo: job.text.keep_undo,
            strategy: strategy.word(),
            passes: match strategy {
                Strategy::Strided { passes } => Some(passes),
                _ => None,
            },
            estimate: estimate(facts, job, strategy).map(|it| EstimateView::of(&it)),
            batch: sketch(facts, job, strategy),
            reasons: choice.reasons,
            warnings: choice.warnings,
        }
    }
}

impl EstimateView {
    fn of(cost: &Estimate) -> Self {
        Self {
            rows: cost.rows,
            beside: (cost.beside * 100.0).round() / 100.0,
            heap_growth_bytes: cost.heap_growth,
            index_growth_bytes: cost.index_growth,
            undo_bytes: cost.undo,
            wal_bytes: cost.wal,
            seconds_from: cost.time.0.as_secs(),
            seconds_to: cost.time.1.as_secs().max(1),
        }
    }
}

impl View for PlanView {
    const SCHEMA: &'static str = "switchback.backfill-plan/v1";

    fn human(&self, page: &mut Page) {
        let title = self.title.as_deref().unwrap_or(&self.backfill);
        page.heading(&format!("{title}, in {}", self.environment));
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let mut row = |label: &str, text: String| {
            rows.push(vec![Cell::new(Role::Faint, label), text.into()]);
        };
        row("table", self.table.words(self.engine));
        for (column, value) in &self.set {
            row("sets", format!("{column} = {value}"));
        }
        if let Some(query) = &self.query {
            row("sets", format!("{} by a query", query.columns.join(", ")));
        }
        if let Some(program) = &self.program {
            row("sets", program.columns.join(", "));
            row("by program", program.command.join(" "));
            row("which reads", program.reads.join(", "));
        }
        row(
            "rows",
            self.only.clone().unwrap_or_else(|| "all".to_owned()),
        );
        let undo = match self.keep_undo {
            true => "former values are kept",
            false => "former values are not kept: it cannot be undone",
        };
        row("undo", undo.to_owned());
        page.table(2, &[], &rows);

        let passes = self.passes.map(|it| format!(", {it} passes"));
        page.heading(&format!(
            "How rows are walked: {}{}",
            self.strategy,
            passes.unwrap_or_default()
        ));
        for reason in &self.reasons {
            paragraph(page, 2, reason);
        }
        if !self.warnings.is_empty() {
            page.heading("What to know before");
            for warning in &self.warnings {
                paragraph(page, 2, warning);
            }
        }
        if let Some(cost) = &self.estimate {
            page.heading("About what it costs");
            page.table(2, &[], &cost.rows());
        }
        page.heading("A batch").block(&indented(&self.batch));
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

impl TableView {
    fn words(&self, engine: &str) -> String {
        let mut parts = vec![self.name.clone()];
        parts.push(match self.rows {
            Some(1) => "1 row".to_owned(),
            Some(rows) => format!("{} rows", grouped(rows)),
            None => "nobody counted the rows".to_owned(),
        });
        // SQLite does not say how large one table is.
        if engine == "postgres" {
            parts.push(bytes(self.bytes + self.toast_bytes));
        }
        match self.indexes {
            0 => parts.push("no index".to_owned()),
            1 => parts.push("1 index".to_owned()),
            many => parts.push(format!("{many} indexes")),
        }
        if self.index_bytes > 0 {
            parts.push(format!("{} of indexes", bytes(self.index_bytes)));
        }
        if self.leaves > 1 {
            parts.push(format!("{} partitions", grouped(u64::from(self.leaves))));
        }
        parts.join(", ")
    }
}

impl EstimateView {
    fn rows(&self) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        let mut row = |label: &str, text: String| {
            rows.push(vec![Cell::new(Role::Faint, label), Cell::from(text)]);
        };
        row("rows changed", grouped(self.rows));
        row(
            "unknown to indexes",
            format!("{:.0} % of the new versions", self.beside * 100.0),
        );
        row("table grows by", bytes(self.heap_growth_bytes));
        row("indexes grow by", bytes(self.index_growth_bytes));
        if self.undo_bytes > 0 {
            row("former values", bytes(self.undo_bytes));
        }
        row("write-ahead log", bytes(self.wal_bytes));
        row(
            "time",
            format!(
                "{} to {} where the database has time for it",
                length(self.seconds_from),
                length(self.seconds_to)
            ),
        );
        rows
    }
}

fn length(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3600)),
    }
}
