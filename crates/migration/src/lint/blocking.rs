//! Work that grows with a table while others wait, grouped and put into words for the rules that
//! report it.

use super::context::{Context, Found, Item, shown};
use super::doubts;
use crate::facts::{Lock, Mode, Work, WorkKind};
use crate::sql::ir::{AlterAction, Kind, Name};
use crate::words::{grouped, listed};

/// Work of one kind that one part of a statement causes.
pub(super) struct Blocked<'a> {
    /// The work, on the first table that it is done on.
    pub(super) work: &'a Work,
    /// Every table that it is done on: partitions and children too.
    pub(super) tables: Vec<&'a Name>,
    /// The locks that others wait for meanwhile, the strongest first.
    pub(super) locks: Vec<&'a Lock>,
}

/// The work of a statement that others wait for, as far as its kind is wanted.
pub(super) fn blocked<'a>(
    context: &'a Context<'_>,
    wanted: impl Fn(&WorkKind) -> bool,
) -> Vec<Blocked<'a>> {
    let mut all: Vec<Blocked<'a>> = Vec::new();
    for blocking in context.facts.blocking() {
        let (work, lock) = (blocking.work, blocking.lock);
        if !wanted(&work.kind) {
            continue;
        }
        let alike = |it: &&mut Blocked<'_>| {
            std::mem::discriminant(&it.work.kind) == std::mem::discriminant(&work.kind)
                && it.work.span == work.span
        };
        match all.iter_mut().find(alike) {
            None => all.push(Blocked {
                work,
                tables: vec![&work.table],
                locks: vec![lock],
            }),
            Some(known) => {
                if !known.tables.contains(&&work.table) {
                    known.tables.push(&work.table);
                }
                if !known.locks.iter().any(|it| it.relation == lock.relation) {
                    known.locks.push(lock);
                }
            }
        }
    }
    for one in &mut all {
        one.locks.sort_by_key(|lock| std::cmp::Reverse(lock.mode));
    }
    all
}

impl Blocked<'_> {
    /// The table that a reader would name: the one that is locked, else the first that is worked
    /// on.
    pub(super) fn table(&self) -> &Name {
        let worked_on = |lock: &&&Lock| self.tables.contains(&&lock.relation);
        self.locks
            .iter()
            .find(worked_on)
            .map_or(&self.work.table, |lock| &lock.relation)
    }

    /// The strongest lock that others wait for.
    pub(super) fn mode(&self) -> Mode {
        self.locks.first().map_or(Mode::Share, |lock| lock.mode)
    }

    /// Reports it: `message` is the finding's, the causes are those of all such findings. Why the
    /// work is done is one of them if `why`; often the message says it all.
    pub(super) fn report<'f>(
        &self,
        context: &Context<'_>,
        found: &'f mut Found<'_>,
        message: String,
        why: bool,
    ) -> &'f mut Item {
        let item = found.report(&self.work.span, message).table(self.table());
        if why && !self.work.why.is_empty() {
            item.cause(&self.work.why);
        }
        item.cause(held_words(&self.locks, context.script.inside.is_some()));
        if let Some(size) = size_words(context, &self.tables) {
            item.cause(size);
        }
        for doubt in &context.facts.doubts {
            if let Some(words) = doubts::assumed(doubt) {
                item.cause(words);
            }
        }
        item
    }
}

/// `ACCESS EXCLUSIVE on `a` is held until the transaction ends`, or until the statement does.
fn held_words(locks: &[&Lock], in_transaction: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = locks;
    while let Some(first) = rest.first() {
        let same = rest
            .iter()
            .take_while(|lock| lock.mode == first.mode)
            .count();
        let (alike, others) = rest.split_at(same);
        let names: Vec<&Name> = alike.iter().map(|lock| &lock.relation).collect();
        parts.push(format!("{} on {}", first.mode.words(), several(&names)));
        rest = others;
    }
    let plural = if parts.len() > 1 { "are" } else { "is" };
    let end = if in_transaction {
        "transaction"
    } else {
        "statement"
    };
    format!("{} {plural} held until the {end} ends", listed(&parts))
}

/// Names in backticks, at most three of them.
fn several(names: &[&Name]) -> String {
    let mut all: Vec<String> = names.iter().take(3).map(|name| shown(name)).collect();
    if names.len() > 3 {
        all.push(format!("{} more", names.len() - 3));
    }
    listed(&all)
}

/// How large the tables are, where a server said so.
fn size_words(context: &Context<'_>, tables: &[&Name]) -> Option<String> {
    let relations = || {
        tables
            .iter()
            .filter_map(|name| context.schema.relations.get(*name))
    };
    let rows: Vec<u64> = relations().filter_map(|it| it.rows).collect();
    let bytes: Vec<u64> = relations().filter_map(|it| it.bytes).collect();
    if rows.len() < tables.len() {
        return None;
    }
    let total = grouped(
        rows.iter()
            .fold(0, |sum: u64, one| sum.saturating_add(*one)),
    );
    let bytes = bytes
        .iter()
        .fold(0, |sum: u64, one| sum.saturating_add(*one))
        >> 20;
    Some(match bytes {
        0 => format!("about {total} rows"),
        _ => format!("about {total} rows, {} MiB", grouped(bytes)),
    })
}

/// The action of an `ALTER` that causes a piece of work.
pub(super) fn action<'a>(context: &Context<'a>, work: &Work) -> Option<&'a AlterAction> {
    let Kind::Alter(alter) = &context.statement.kind else {
        return None;
    };
    let within =
        |span: &std::ops::Range<usize>| span.start <= work.span.start && work.span.end <= span.end;
    alter
        .actions
        .iter()
        .find(|(_, span)| within(span))
        .or_else(|| alter.actions.first().filter(|_| alter.actions.len() == 1))
        .map(|(action, _)| action)
}
