//! What was taken from a server's statistics, and what was left out.

use std::collections::BTreeSet;

use serde::Serialize;
use switchback_db::rehearsal::Report;
use switchback_migration::reads::guard::{one_line, several};
use switchback_migration::workload::own::executed::Executed;

use super::SHOWN;
use crate::commands::rehearse::change::workload::Counted;
use crate::page::{Cell, Page, Role};

/// What was taken from a server's statistics.
#[derive(Debug, Serialize)]
pub(super) struct CountedView {
    /// The variable with the URL of the database.
    from: String,
    /// Those that were played, the most frequent first.
    played: Vec<StatementView>,
    /// Those that use a table of the change and were not.
    left_out: Vec<LeftOutView>,
    /// How many others there are, which use no table of the change.
    others: usize,
    /// What the database cannot or may not say.
    not_seen: Vec<String>,
}

#[derive(Debug, Serialize)]
struct StatementView {
    statement: String,
    calls: u64,
    text: String,
}

#[derive(Debug, Serialize)]
struct LeftOutView {
    #[serde(flatten)]
    of: StatementView,
    why: String,
}

impl StatementView {
    fn of(it: &Executed) -> Self {
        Self {
            statement: it.name.clone(),
            calls: it.calls,
            text: it.text.clone(),
        }
    }

    /// How often it ran.
    fn calls(&self) -> String {
        several(usize::try_from(self.calls).unwrap_or(usize::MAX), "call")
    }
}

impl CountedView {
    pub(super) fn of(counted: &Counted, report: &Report) -> Self {
        let steps = report.steps.iter().chain(&report.back);
        let ran: BTreeSet<&str> = steps
            .flat_map(|step| step.own.iter().map(|it| it.name.as_str()))
            .collect();
        let mut played = Vec::new();
        let mut left_out = Vec::new();
        for (executed, own) in &counted.taken.all {
            let refused = report.left_out.iter().find(|it| it.name == own.name);
            let why = match refused {
                Some(refused) => Some(refused.why.clone()),
                None if ran.contains(own.name.as_str()) => None,
                None => Some("its turn did not come: others run more often".to_owned()),
            };
            let of = StatementView::of(executed);
            match why {
                None => played.push(of),
                Some(why) => left_out.push(LeftOutView { of, why }),
            }
        }
        left_out.extend(counted.taken.left_out.iter().map(|(executed, why)| {
            let of = StatementView::of(executed);
            let why = why.clone();
            LeftOutView { of, why }
        }));
        Self {
            from: counted.variable.clone(),
            played,
            left_out,
            others: counted.taken.others,
            not_seen: counted.unseen.iter().map(|it| it.what.clone()).collect(),
        }
    }

    pub(super) fn show(&self, page: &mut Page) {
        page.heading(&format!("What the database of {} counted", self.from));
        let cells = self.played.iter().map(|it| {
            vec![
                Cell::new(Role::Strong, it.statement.as_str()),
                it.calls.to_string().into(),
                one_line(&it.text).into(),
            ]
        });
        let cells: Vec<Vec<Cell>> = cells.collect();
        page.table(1, &["played", "calls", "text"], &cells);
        for it in self.left_out.iter().take(SHOWN) {
            page.add(Role::Warning, "left out").line(&format!(
                ": {} ({}): {}",
                it.of.statement,
                it.of.calls(),
                it.why
            ));
            page.line(&format!("    {}", one_line(&it.of.text)));
        }
        if self.left_out.len() > SHOWN {
            let more = several(self.left_out.len() - SHOWN, "more statement");
            page.line(&format!("    and {more} left out, in --format json"));
        }
        for what in &self.not_seen {
            page.add(Role::Warning, "not seen")
                .line(&format!(": {what}"));
        }
        let (others, verb) = match self.others {
            1 => ("1 other statement".to_owned(), "uses"),
            more => (format!("{more} other statements"), "use"),
        };
        page.line(&format!("  {others} {verb} no table of the change"));
    }
}
