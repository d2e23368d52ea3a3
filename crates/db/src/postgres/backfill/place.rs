//! Rows by their place on disk.

use postgres::Client;
use serde::{Deserialize, Serialize};

use super::batch::Piece;
use super::enter::Standing;
use super::error::BackfillError;
use super::statement::{Statements, part_of, passes};
use super::table::Table;
use super::window::Window;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;

/// About how many rows a part of a window of pages has at most. More gain nothing, and the keys of so many are
/// mostly near each other.
const PART_ROWS: u64 = 25_000;

/// Rows on a page where nobody has counted.
const ROWS_ON_PAGE: u64 = 60;

/// A place on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The table that stores the rows, as it stands in SQL.
    pub(super) leaf: String,
    /// The first page that is not done.
    pub(super) page: u64,
    /// The first line of that page that is not done: rows on a page are numbered from 1. 0 where
    /// nothing of it is done.
    #[serde(default)]
    pub(super) line: u32,
    /// The pass over the pages up to `to` that comes next.
    #[serde(default)]
    pub(super) pass: u32,
    /// The part of those pages that it comes to next, from 0.
    #[serde(default)]
    pub(super) part: u32,
    /// Where the pages end that are walked in several passes; none before the first of them.
    #[serde(default)]
    pub(super) to: Option<u64>,
    /// How many rows lay on each part before the first of the passes, as far as that is known.
    #[serde(default)]
    pub(super) rows: Vec<u64>,
}

impl Place {
    pub(super) fn at(leaf: &str, page: u64) -> Self {
        Self {
            leaf: leaf.to_owned(),
            page,
            line: 0,
            pass: 0,
            part: 0,
            to: None,
            rows: Vec::new(),
        }
    }

    pub(super) fn json(&self) -> String {
        serde_json::json!({
            "leaf": self.leaf, "page": self.page, "line": self.line, "pass": self.pass,
            "part": self.part, "to": self.to, "rows": self.rows,
        })
        .to_string()
    }

    pub(super) fn read(json: &str) -> Result<Self, BackfillError> {
        serde_json::from_str(json).map_err(|_| BackfillError::Garbled {
            what: format!("the place {json}"),
        })
    }
}

/// Rows that lie on a page of the table, on average; at least 1.
pub(super) fn rows_on_page(table: &Table) -> u64 {
    let pages: u64 = table.leaves.iter().map(|leaf| leaf.pages).sum();
    let each = table.rows().and_then(|rows| rows.checked_div(pages));
    each.unwrap_or(ROWS_ON_PAGE).max(1)
}

/// How many rows a statement counts.
pub(super) fn count(client: &mut Client, sql: &str) -> Result<u64, ChangeError> {
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    let count: i64 = row.try_get(0).map_err(at(sql))?;
    Ok(count.unsigned_abs())
}

/// About so many rows from the place that a range is at; none at its end.
pub(super) fn piece(
    client: &mut Client,
    statements: &Statements,
    standing: &Standing,
    rows: u32,
) -> Result<Option<Piece>, BackfillError> {
    let table = &statements.table;
    let (Some(place), end) = (&standing.place, Place::read(&standing.end)?) else {
        return Err(BackfillError::Garbled {
            what: "a range of places on disk without a beginning".to_owned(),
        });
    };
    let place = Place::read(place)?;
    if place.page >= end.page {
        return Ok(None);
    }
    let passes = passes(standing.strategy, standing.first);
    let on_page = rows_on_page(table);
    let wanted = u64::from(rows) * u64::from(passes);
    // Where rows take so long that few of them are wanted, each page is more than that.
    if wanted < on_page || place.line > 0 {
        return lines(client, table, &place, end.page, rows).map(Some);
    }
    if passes == 1 {
        let to = (place.page + wanted / on_page).min(end.page);
        let range = table.on_pages(&place.leaf, place.page, Some(to));
        return Ok(Some(Piece {
            rows: count(client, &table.count(&range, "true"))?,
            range,
            share: None,
            last: to >= end.page,
            after: Place::at(&place.leaf, to).json(),
        }));
    }
    let mut window = Window::at(place, wanted.min(PART_ROWS) / on_page, end.page);
    let (from, to) = window.pages();
    let range = table.on_pages(&window.place.leaf, from, Some(to));
    // Rows are counted once, before any of them comes to lie elsewhere; each pass takes its part of them.
    if window.begins() {
        let mut lying = Vec::new();
        for (from, to) in window.parts() {
            let part = table.on_pages(&window.place.leaf, from, Some(to));
            lying.push(count(client, &table.count(&part, "true"))?);
        }
        window.place.rows = lying;
    }
    let rows = part_of(window.rows(), window.place.pass, passes);
    let share = statements.share(window.place.pass, passes);
    let after = window.after(passes);
    Ok(Some(Piece {
        range,
        share: Some(share),
        last: after.page >= end.page,
        after: after.json(),
        rows,
    }))
}

/// So many rows of one page, or what is left of it.
fn lines(
    client: &mut Client,
    table: &Table,
    place: &Place,
    end: u64,
    rows: u32,
) -> Result<Piece, BackfillError> {
    let left = table.on_lines(&place.leaf, place.page, place.line, None);
    let sql = table.reach_line(&left, rows);
    let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
    let last: Option<i32> = row.try_get(0).map_err(at(&sql))?;
    let found: i64 = row.try_get(1).map_err(at(&sql))?;
    let to = last
        .filter(|_| found.unsigned_abs() >= u64::from(rows))
        .map(|last| last.unsigned_abs() + 1);
    let after = match to {
        Some(line) => Place {
            line,
            ..Place::at(&place.leaf, place.page)
        },
        None => Place::at(&place.leaf, place.page + 1),
    };
    Ok(Piece {
        range: table.on_lines(&place.leaf, place.page, place.line, to),
        share: None,
        last: after.page >= end,
        after: after.json(),
        rows: found.unsigned_abs(),
    })
}
