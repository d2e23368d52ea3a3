//! Whether what is claimed is what was seen.

use std::collections::{BTreeMap, BTreeSet};

use switchback_migration::Engine;
use switchback_migration::facts::{Doubt, Facts, InTransaction, Mode, Work, WorkKind};
use switchback_migration::schema::{RelationKind, Schema};
use switchback_migration::sql::ir::{AlterAction, Kind, Name, Statement};
use switchback_migration::sql::parse;

use crate::observe::{Observed, Seen};

/// What is claimed of the statements of a case together.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub locks: BTreeMap<Name, (Mode, bool)>,
    pub work: BTreeSet<Seen>,
    pub doubts: Vec<Doubt>,
    /// Somebody waits for work that grows with a table.
    pub blocks: bool,
    /// All rows of a table are changed one by one after another statement has locked a table.
    pub rows_after_lock: bool,
    /// Every lock so far: they are held together.
    held: Facts,
    pub refused_in_transaction: bool,
    /// Locks and work on what is said to be new.
    new: BTreeSet<Name>,
    /// Whether each statement runs the query of a materialized view beside its readers.
    refreshes: Vec<bool>,
    /// What relations that were renamed were called before, which is what the server is asked by.
    renamed: BTreeMap<Name, Name>,
    /// Queries are run, and so tables may be read that no work is claimed for.
    queries: bool,
    /// Tables that are emptied: their files change without any work, and those of their indexes.
    emptied: BTreeSet<Name>,
    /// The tables of the indexes that are claimed to be built.
    tables: BTreeMap<Name, Name>,
}

/// The claims about the statements of a case, on a schema.
pub(crate) fn claims(sql: &str, schema: &Schema, major: u32) -> Claimed {
    let mut schema = schema.clone();
    schema.begin_unit();
    claims_of(&parse(sql, Engine::Postgres), &schema, major)
}

/// The claims about statements, on a schema that may have something new in it.
pub(crate) fn claims_of(statements: &[Statement], schema: &Schema, major: u32) -> Claimed {
    let mut schema = schema.clone();
    let mut claimed = Claimed::default();
    for statement in statements {
        let facts = Facts::of(statement, &schema, major);
        claimed.add(statement, facts, &schema);
        schema.apply(statement);
    }
    claimed
}

impl Claimed {
    fn add(&mut self, statement: &Statement, mut facts: Facts, schema: &Schema) {
        self.called_as_before(&mut facts);
        let refreshes = matches!(
            statement.kind,
            Kind::Refresh {
                concurrently: true,
                ..
            }
        );
        self.refreshes.push(refreshes);
        let locked = self.held.locks.iter();
        let locked = locked.filter(|it| !it.new && !it.index && it.mode.blocks_writes());
        let rows = |it: &Work| !it.new && it.kind == WorkKind::Rows { all: true };
        self.rows_after_lock |= locked.count() > 0 && facts.work.iter().any(rows);
        // Work is waited for under the locks of its own statement and of those before it.
        self.held.locks.extend(facts.locks.iter().cloned());
        self.held.work.clone_from(&facts.work);
        self.blocks |= self.held.blocking().next().is_some();
        self.refused_in_transaction |= facts.transaction == InTransaction::Refused;
        self.queries |= is_query(&statement.kind);
        let empties = matches!(
            statement.kind,
            Kind::Truncate { .. }
                | Kind::Refresh {
                    with_data: false,
                    ..
                }
        );
        if empties {
            let locked = facts.locks.iter().filter(|it| !it.index);
            self.emptied.extend(locked.map(|it| it.relation.clone()));
        }
        for lock in facts.locks {
            if lock.new {
                self.new.insert(lock.relation);
                continue;
            }
            let strongest = self.locks.entry(lock.relation);
            let strongest = strongest.or_insert((lock.mode, lock.index));
            strongest.0 = strongest.0.max(lock.mode);
        }
        for work in facts.work {
            if work.new {
                self.new.insert(work.table.clone());
                continue;
            }
            let seen = match work.kind {
                WorkKind::Rewrite => Seen::Rewrite(work.table),
                WorkKind::Scan => Seen::Scan(work.table),
                WorkKind::ForeignKeyScan { referenced } => Seen::ForeignKey(work.table, referenced),
                WorkKind::BuildIndex {
                    index: Some(index), ..
                } => {
                    self.tables.insert(index.clone(), work.table);
                    Seen::Build(index)
                }
                WorkKind::BuildIndex { index: None, .. } => Seen::BuildOn(work.table),
                WorkKind::Refresh if !refreshes => Seen::Rewrite(work.table),
                WorkKind::Refresh | WorkKind::Rows { .. } => continue,
                WorkKind::Proof => Seen::Proof(work.table),
            };
            self.work.insert(seen);
        }
        self.doubts.extend(facts.doubts);
        self.take_rename(statement, schema);
    }

    /// Has claims name relations as they were called before the first statement.
    fn called_as_before(&self, facts: &mut Facts) {
        let before = |name: &mut Name| {
            if let Some(was) = self.renamed.get(name) {
                name.clone_from(was);
            }
        };
        facts
            .locks
            .iter_mut()
            .for_each(|it| before(&mut it.relation));
        for work in &mut facts.work {
            before(&mut work.table);
            match &mut work.kind {
                WorkKind::ForeignKeyScan { referenced } => before(referenced),
                WorkKind::BuildIndex {
                    index: Some(index), ..
                } => before(index),
                _ => {}
            }
        }
    }

    fn take_rename(&mut self, statement: &Statement, schema: &Schema) {
        let Kind::Alter(alter) = &statement.kind else {
            return;
        };
        for (action, _) in &alter.actions {
            if let AlterAction::Rename { to } = action {
                let was = schema.resolve(&alter.name);
                let now = Name {
                    schema: was.schema.clone(),
                    name: to.clone(),
                };
                let first = self.renamed.remove(&was).unwrap_or(was);
                self.renamed.insert(now, first);
            }
        }
    }

    /// A statement was not understood, and nothing is claimed of it.
    pub(crate) fn not_understood(&self) -> bool {
        let dark = |it: &Doubt| matches!(it, Doubt::Statement { .. });
        self.doubts.iter().any(dark)
    }

    /// Whether a file changed, or may have, because a table was emptied.
    fn empties(&self, work: &Seen, seen: &Observed) -> bool {
        match work {
            Seen::Rewrite(table) => self.emptied.contains(table),
            Seen::Build(index) => {
                let table = seen.tables.get(index);
                table.is_some_and(|it| self.emptied.contains(it))
            }
            _ => false,
        }
    }

    pub(crate) fn needs_newer(&self) -> bool {
        let newer = |it: &Doubt| matches!(it, Doubt::Version { .. });
        self.doubts.iter().any(newer)
    }
}

/// Whether a statement runs a query, or looks at samples of rows.
fn is_query(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Select(_)
            | Kind::Insert { .. }
            | Kind::Update { .. }
            | Kind::Delete { .. }
            | Kind::Copy { .. }
            | Kind::Refresh { .. }
            | Kind::Do { .. }
            | Kind::Analyze { .. }
            | Kind::CreateView { .. }
    ) || matches!(kind, Kind::CreateTable(table) if table.query.is_some())
}

/// What is different, a line for each; nothing if all is right.
pub(crate) fn differences(claimed: &Claimed, seen: &Observed, schema: &Schema) -> Vec<String> {
    let mut lines = Vec::new();
    let before = &names(schema);
    for (name, (mode, index)) in &claimed.locks {
        if !before.contains(name) {
            lines.push(format!(
                "{name} is not there, and a lock is claimed as if it were"
            ));
        }
        match seen.locks.get(name) {
            None => lines.push(format!("claimed and not seen: {name} {mode:?}")),
            Some(found) if found != &(*mode, *index) => {
                lines.push(format!("{name}: claimed {mode:?}, seen {:?}", found.0));
            }
            Some(_) => {}
        }
    }
    for (name, (mode, _)) in &seen.locks {
        // A bound is read from the table above when a session works on a partition for the first
        // time, and kept: `generate_partition_qual` in `src/backend/utils/cache/partcache.c`.
        let for_bound = *mode == Mode::AccessShare
            && (claimed.queries || !claimed.emptied.is_empty())
            && is_above(name, claimed, schema);
        if !claimed.locks.contains_key(name) && !for_bound {
            lines.push(format!("seen and not claimed: {name} {mode:?}"));
        }
    }
    for name in claimed.new.intersection(before) {
        lines.push(format!("{name} is not new"));
    }
    work(claimed, seen, schema, &mut lines);
    lines
}

/// Whether a table has partitions, at any depth, that are claimed to be locked.
fn is_above(name: &Name, claimed: &Claimed, schema: &Schema) -> bool {
    let parent = |of: &Name| {
        let relation = schema.relations.get(of)?;
        Some(relation.partition_of.as_ref()?.0.clone())
    };
    let mut locked = claimed.locks.keys();
    locked.any(|it| std::iter::successors(parent(it), parent).any(|above| above == *name))
}

fn work(claimed: &Claimed, seen: &Observed, schema: &Schema, lines: &mut Vec<String>) {
    let mut wanted = claimed.work.clone();
    let mut found = seen.work.clone();
    for (count, keys) in &seen.ambiguous {
        let keys: BTreeSet<Seen> = keys
            .iter()
            .map(|(table, other)| Seen::ForeignKey(table.clone(), other.clone()))
            .collect();
        if keys.len() == *count {
            found.extend(keys);
        } else {
            // Several tables have one of this name; as many were looked up as there were messages.
            let claimed: Vec<Seen> = wanted.intersection(&keys).cloned().collect();
            if claimed.len() != *count {
                lines.push(format!("{count} of these were looked up: {keys:?}"));
            }
            found.extend(claimed);
        }
    }
    // What is made on the way is as small as that; that it is looked at says nothing.
    let there = |table: &Name| schema.relations.contains_key(table);
    found.retain(|it| match it {
        Seen::Rewrite(table) | Seen::Scan(table) | Seen::BuildOn(table) => there(table),
        Seen::Build(index) => seen.tables.get(index).is_some_and(there),
        Seen::ForeignKey(table, _) => there(table),
        Seen::Proof(table) => there(table),
    });
    found.retain(|it| !claimed.empties(it, seen) || wanted.contains(it));
    // An index without a name that is claimed is any that was built on its table.
    let unnamed: Vec<(Seen, Seen)> = found
        .difference(&wanted)
        .filter_map(|it| {
            let Seen::Build(index) = it else { return None };
            let table = seen.tables.get(index)?;
            let on = Seen::BuildOn(table.clone());
            wanted.contains(&on).then(|| (it.clone(), on))
        })
        .collect();
    for (build, on) in unnamed {
        found.remove(&build);
        wanted.remove(&on);
    }
    let unnamed: BTreeSet<&Name> = claimed
        .work
        .iter()
        .filter_map(|it| match it {
            Seen::BuildOn(table) => Some(table),
            _ => None,
        })
        .collect();
    for one in found.difference(&wanted) {
        let table = match one {
            Seen::Build(index) => seen.tables.get(index),
            _ => None,
        };
        if !table.is_some_and(|table| unnamed.contains(table)) {
            lines.push(format!("seen and not claimed: {one}"));
        }
    }
    let built_on = |on: &Name| {
        let builds = found.iter().filter_map(|it| match it {
            Seen::Build(index) => seen.tables.get(index),
            _ => None,
        });
        builds.filter(|it| *it == on).count() > 0
    };
    for one in wanted.difference(&found) {
        // It may be named by another statement of the same case.
        if matches!(one, Seen::BuildOn(table) if built_on(table)) {
            continue;
        }
        // Some checks say nothing; that they read the table can be seen all the same.
        let silently = matches!(
            one,
            Seen::Scan(table) | Seen::ForeignKey(table, _) if seen.read.contains_key(table)
        );
        if !silently {
            lines.push(format!("claimed and not seen: {one}"));
        }
    }
    if !claimed.queries {
        let mut explained = explained(claimed, schema);
        explained.extend(claimed.emptied.iter().cloned());
        for table in seen.read.keys().filter(|it| !explained.contains(*it)) {
            lines.push(format!(
                "read from end to end, and no work claimed: {table}"
            ));
        }
    }
}

/// The tables that claimed work reads.
fn explained(claimed: &Claimed, schema: &Schema) -> BTreeSet<Name> {
    let mut all = BTreeSet::new();
    for work in &claimed.work {
        match work {
            Seen::Rewrite(table) | Seen::Scan(table) | Seen::BuildOn(table) => {
                all.insert(table.clone());
            }
            Seen::ForeignKey(table, other) => {
                all.insert(table.clone());
                let mut left = vec![other];
                while let Some(one) = left.pop() {
                    all.insert(one.clone());
                    left.extend(schema.partitions_of(one).map(|(name, _)| name));
                }
            }
            Seen::Build(index) => all.extend(claimed.tables.get(index).cloned()),
            Seen::Proof(_) => {}
        }
    }
    all
}

/// Whether somebody who wants to write had to wait for work that grows with a table.
pub(crate) fn was_blocking(seen: &Observed, claimed: &Claimed, schema: &Schema) -> bool {
    let whole = std::slice::from_ref(seen);
    let steps = match seen.steps.as_slice() {
        [] => whole,
        steps => steps,
    };
    let none = Observed::default();
    let before = std::iter::once(&none).chain(steps);
    // One step for each statement.
    let refreshes = claimed
        .refreshes
        .iter()
        .copied()
        .chain(std::iter::repeat(false));
    before
        .zip(steps)
        .zip(refreshes)
        .any(|((before, step), refreshes)| step_blocks(before, step, refreshes, claimed, schema))
}

/// Whether somebody waited for what was done between two steps, under the locks of the second.
fn step_blocks(
    before: &Observed,
    step: &Observed,
    refreshes: bool,
    claimed: &Claimed,
    schema: &Schema,
) -> bool {
    let known = &names(schema);
    // Nobody writes to a materialized view but one who fills it anew.
    let is_written = |name: &Name| {
        let relation = schema.relations.get(name);
        relation.is_none_or(|it| it.kind != RelationKind::Materialized)
    };
    let held = step.locks.iter().any(|(name, (mode, index))| {
        !index && mode.blocks_writes() && (mode.blocks_reads() || !refreshes || is_written(name))
    });
    let there = |name: &Name| known.contains(name);
    let worked = step.work.difference(&before.work).any(|it| match it {
        it if claimed.empties(it, step) => false,
        Seen::Rewrite(table) | Seen::Scan(table) | Seen::BuildOn(table) => there(table),
        Seen::Build(index) => step.tables.get(index).is_some_and(there),
        Seen::ForeignKey(table, _) => there(table),
        Seen::Proof(_) => false,
    });
    let mut looked_up = step
        .ambiguous
        .iter()
        .filter(|it| !before.ambiguous.contains(it));
    let looked_up = looked_up.any(|(_, keys)| keys.iter().any(|(it, _)| there(it)));
    let checked = |it: &Name| claimed.work.contains(&Seen::Scan(it.clone()));
    let counts = |it: &Name| refreshes || (!claimed.queries && !claimed.emptied.contains(it));
    let mut read = step
        .read
        .iter()
        .filter(|(name, times)| before.read.get(*name) < Some(*times));
    held && (worked || looked_up || read.any(|(it, _)| counts(it) || checked(it)))
}

/// The names of all relations and indexes.
fn names(schema: &Schema) -> BTreeSet<Name> {
    let relations = schema.relations.keys();
    relations.chain(schema.indexes.keys()).cloned().collect()
}
