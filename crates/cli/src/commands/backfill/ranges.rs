//! `switchback backfill status --ranges`: what each range of each walk did.

use serde::Serialize;
use switchback_db::backfill::WalkRange;
use switchback_migration::words::grouped;
use switchback_model::EnvironmentName;

use super::report::short;
use crate::output::View;
use crate::page::{Cell, Page, Role};

/// The ranges of a backfill.
#[derive(Serialize)]
pub(super) struct Ranges {
    backfill: String,
    environment: String,
    ranges: Vec<RangeLine>,
}

/// One of them.
#[derive(Serialize)]
pub(super) struct RangeLine {
    /// What it is called where rows are done again: `1/17`.
    range: String,
    /// Which rows it has.
    rows: String,
    /// The lowest and the highest key of the rows that it changed, where `rows` are pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<[String; 2]>,
    status: String,
    /// Whether its rows were done again by themselves.
    again: bool,
    /// The digest of the definition that it was done with.
    version: Option<String>,
    rows_scanned: u64,
    rows_changed: u64,
    rows_failed: u64,
    rows_skipped: u64,
    attempts: u32,
    worker: Option<String>,
    checksum_before: String,
    checksum_after: String,
}

impl RangeLine {
    pub(super) fn of(it: &WalkRange) -> Self {
        Self {
            range: format!("{}/{}", it.walk, it.number),
            rows: it.rows.to_string(),
            keys: it.keys.clone().map(|(low, high)| [low, high]),
            status: it.status.clone(),
            again: it.again,
            version: it.version.clone(),
            rows_scanned: it.scanned,
            rows_changed: it.changed,
            rows_failed: it.failed,
            rows_skipped: it.skipped,
            attempts: it.attempts,
            worker: it.worker.clone(),
            checksum_before: it.before.clone(),
            checksum_after: it.after.clone(),
        }
    }

    /// Which rows it has, with the keys of those that it changed.
    pub(super) fn named(&self) -> String {
        match &self.keys {
            Some([low, high]) => format!("{}, keys {low} to {high}", self.rows),
            None => self.rows.clone(),
        }
    }
}

impl Ranges {
    pub(super) fn of(id: &str, environment: &EnvironmentName, ranges: &[WalkRange]) -> Self {
        Self {
            backfill: id.to_owned(),
            environment: environment.to_string(),
            ranges: ranges.iter().map(RangeLine::of).collect(),
        }
    }
}

impl View for Ranges {
    const SCHEMA: &'static str = "switchback.backfill-ranges/v1";

    fn human(&self, page: &mut Page) {
        if self.ranges.is_empty() {
            page.line(&format!(
                "{} has no ranges in {} yet",
                self.backfill, self.environment
            ));
            return;
        }
        // Only programs skip rows.
        let skips = self.ranges.iter().any(|it| it.rows_skipped > 0);
        let rows: Vec<Vec<Cell>> = self
            .ranges
            .iter()
            .map(|it| {
                let again = if it.again { ", again" } else { "" };
                let mut row = vec![
                    Cell::new(Role::Strong, it.range.as_str()),
                    it.named().into(),
                    format!("{}{again}", it.status).into(),
                    grouped(it.rows_scanned).into(),
                    grouped(it.rows_changed).into(),
                    grouped(it.rows_failed).into(),
                ];
                row.extend(skips.then(|| grouped(it.rows_skipped).into()));
                row.extend([
                    it.version.as_deref().map(short).unwrap_or_default().into(),
                    it.checksum_before.clone().into(),
                    it.checksum_after.clone().into(),
                ]);
                row
            })
            .collect();
        let mut head = vec!["range", "rows", "status", "looked at", "changed", "refused"];
        head.extend(skips.then_some("skipped"));
        head.extend(["version", "before", "after"]);
        page.table(0, &head, &rows);
    }
}
