//! The application's own statements beside a step, and of all steps the worst.

use std::collections::BTreeMap;

use serde::Serialize;
use switchback_db::rehearsal::Played;

use super::{LatencyView, Rehearsed, slowest};
use crate::page::{Cell, Page, Role};

#[derive(Debug, Serialize)]
pub(super) struct OwnView {
    statement: String,
    /// `passed`, or `failed` if it failed once.
    verdict: &'static str,
    failed: u64,
    /// Before the step.
    usual: LatencyView,
    /// While the step moved.
    during: LatencyView,
}

impl OwnView {
    pub(super) fn of(it: &Played) -> Self {
        Self {
            statement: it.name.clone(),
            verdict: if it.failed == 0 { "passed" } else { "failed" },
            failed: it.failed,
            usual: LatencyView::of(&it.usual),
            during: LatencyView::of(&it.during),
        }
    }
}

impl Rehearsed {
    /// The application's own statements: of each, the worst of all steps.
    pub(super) fn own(&self, page: &mut Page) {
        let mut worst: BTreeMap<&str, [Option<&OwnView>; 2]> = BTreeMap::new();
        let mut failed: BTreeMap<&str, u64> = BTreeMap::new();
        for own in self.all().flat_map(|it| &it.own) {
            *failed.entry(&own.statement).or_default() += own.failed;
            let [during, usual] = worst.entry(&own.statement).or_default();
            let slower = |it: &Option<&OwnView>, of: fn(&OwnView) -> u64| {
                it.is_none_or(|it| of(it) < of(own))
            };
            if slower(during, |it| it.during.longest_us) {
                *during = Some(own);
            }
            if slower(usual, |it| it.usual.longest_us) {
                *usual = Some(own);
            }
        }
        if worst.is_empty() {
            return;
        }
        page.heading("The application's own statements");
        let mut cells: Vec<Vec<Cell>> = Vec::new();
        for (name, [during, usual]) in &worst {
            let failed = failed.get(name).copied().unwrap_or_default();
            let verdict = match failed {
                0 => Cell::new(Role::Good, "passed"),
                times => Cell::new(Role::Bad, format!("failed {times} times")),
            };
            cells.push(vec![
                Cell::new(Role::Strong, *name),
                verdict,
                during
                    .map_or_else(String::new, |it| slowest(&it.during))
                    .into(),
                usual
                    .map_or_else(String::new, |it| slowest(&it.usual))
                    .into(),
            ]);
        }
        let head = ["statement", "verdict", "slowest", "before steps"];
        page.table(1, &head, &cells);
    }
}
