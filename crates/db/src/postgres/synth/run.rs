//! All tables, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::catalog::{self, Listed, Table};
use super::cycle::{TOGETHER, among, later, together};
use super::implied;
use super::insert::{self, Progress, advance_sequences};
use super::order::{Edge, order};
use super::plan::{Facts, Plan};
use super::pool::{Pool, Pools};
use super::report::{
    BOOKKEEPING, Existing, Filled, Outcome, Reason, Refusal, Request, SynthError, TableFilled,
    Tables,
};
use super::session::{Connection, also_in, ident, number, quote, rows, text};
use crate::postgres::change::CONTROL_SCHEMA;

/// Tables that are counted by one query.
const COUNTED: usize = 100;
/// From how many new rows on a table is analyzed.
const ANALYZED: u64 = 1000;

pub(super) fn run(client: &mut Connection<'_>, request: &Request) -> Result<Filled, SynthError> {
    let server = SynthError::during("asking for the version");
    let about = rows(
        client,
        "SELECT current_setting('server_version_num'), current_setting('server_encoding')",
    )
    .map_err(server)?;
    let version = about.first().map_or(0, |row| number(row, 0));
    let listing = SynthError::during("listing the tables");
    let listed = match Refusal::told(catalog::list(client, true)).map_err(&listing)? {
        Ok(listed) => listed,
        Err(_) => catalog::list(client, false).map_err(&listing)?,
    };
    let listed = chosen(client, request, listed)?;
    let schemas: BTreeSet<&str> = listed.iter().map(|table| table.schema.as_str()).collect();
    let schemas: Vec<&str> = schemas.into_iter().collect();
    also_in(client, &schemas).map_err(SynthError::during("changing settings"))?;
    let wanted = |listed: &Listed| {
        let name = format!("{}.{}", listed.schema, listed.name);
        request.rows_of.get(&name).copied().unwrap_or(request.rows)
    };
    let limits: Vec<u64> = listed.iter().map(wanted).collect();
    let counts = count(client, &listed, &limits)?;
    let mut filled: Vec<TableFilled> = Vec::with_capacity(listed.len());
    let mut open = Vec::new();
    for (place, table) in listed.iter().enumerate() {
        let mut one = TableFilled {
            schema: table.schema.clone(),
            table: table.name.clone(),
            before: 0,
            inserted: 0,
            outcome: Outcome::Untouched,
            triggers_off: None,
            left_null: Vec::new(),
        };
        match &counts[place] {
            Ok(count) => {
                one.before = *count;
                let leave = request.existing == Existing::Leave && *count > 0;
                if *count < limits[place] && !leave {
                    open.push(place);
                }
            }
            Err(refusal) => one.outcome = Outcome::Empty(Reason::Refused(refusal.clone())),
        }
        filled.push(one);
    }
    let selected: Vec<Listed> = open.iter().map(|place| listed[*place].clone()).collect();
    let reading = SynthError::during("reading the catalog");
    let mut tables = catalog::read(client, &selected, version).map_err(&reading)?;
    implied::add(client, &listed, &mut tables).map_err(&reading)?;
    let mut run = Run {
        client,
        request,
        pools: Pools::default(),
        wide: text(about.first(), 1) == "UTF8",
        recount: tables.iter().any(|table| table.triggers),
    };
    let results = open.iter().map(|place| filled[*place].clone()).collect();
    let limits: Vec<u64> = open.iter().map(|place| limits[*place]).collect();
    let results = run
        .all(&tables, results, &limits)
        .map_err(SynthError::during("filling the tables"))?;
    for (place, result) in open.into_iter().zip(results) {
        filled[place] = result;
    }
    Ok(Filled { tables: filled })
}

/// The tables that the request means.
fn chosen(
    client: &mut Connection<'_>,
    request: &Request,
    listed: Vec<Listed>,
) -> Result<Vec<Listed>, SynthError> {
    let names = match &request.tables {
        Tables::All => {
            let ours = |table: &Listed| {
                table.schema != "switchback"
                    && table.schema != CONTROL_SCHEMA
                    && !BOOKKEEPING.contains(&table.name.to_lowercase().as_str())
            };
            return Ok(listed.into_iter().filter(ours).collect());
        }
        Tables::Named(names) => names,
    };
    let mut chosen = BTreeSet::new();
    for name in names {
        let unknown = || SynthError::UnknownTable { name: name.clone() };
        let sql = format!("SELECT to_regclass({})::oid", quote(name));
        let oid: u32 = match Refusal::told(rows(client, &sql)) {
            Ok(Ok(rows)) => rows.first().map_or(0, |row| number(row, 0)),
            // Not the form of a name.
            Ok(Err(_)) => 0,
            Err(source) => return Err(SynthError::during("looking up a table")(source)),
        };
        if !listed.iter().any(|table| table.oid == oid) {
            return Err(unknown());
        }
        chosen.insert(oid);
    }
    Ok(listed
        .into_iter()
        .filter(|table| chosen.contains(&table.oid))
        .collect())
}

/// Rows of each table, counted up to its limit.
fn count(
    client: &mut Connection<'_>,
    listed: &[Listed],
    limits: &[u64],
) -> Result<Vec<Result<u64, Refusal>>, SynthError> {
    let mut counts: Vec<Result<u64, Refusal>> = vec![Ok(0); listed.len()];
    let some: Vec<usize> = (0..listed.len())
        .filter(|place| listed[*place].maybe_rows)
        .collect();
    let query = |place: usize| {
        format!(
            "SELECT {place}, count(*) FROM (SELECT FROM {} LIMIT {}) AS t",
            listed[place].source(),
            limits[place]
        )
    };
    for places in some.chunks(COUNTED) {
        let sql: Vec<String> = places.iter().map(|place| query(*place)).collect();
        let told = Refusal::told(rows(client, &sql.join(" UNION ALL ")));
        match told.map_err(SynthError::during("counting rows"))? {
            Ok(found) => {
                for row in found {
                    counts[number::<usize>(&row, 0)] = Ok(number(&row, 1));
                }
            }
            // One of them cannot be read: each for itself.
            Err(_) => {
                for place in places {
                    let told = Refusal::told(rows(client, &query(*place)));
                    counts[*place] = told
                        .map_err(SynthError::during("counting rows"))?
                        .map(|found| found.first().map_or(0, |row| number(row, 1)));
                }
            }
        }
    }
    Ok(counts)
}

struct Run<'a, 'c> {
    client: &'a mut Connection<'c>,
    request: &'a Request,
    pools: Pools,
    wide: bool,
    /// Whether triggers may have put rows into tables that come later.
    recount: bool,
}

impl Run<'_, '_> {
    fn all(
        &mut self,
        tables: &[Table],
        mut results: Vec<TableFilled>,
        limits: &[u64],
    ) -> Result<Vec<TableFilled>, postgres::Error> {
        let place_of: BTreeMap<u32, usize> = tables
            .iter()
            .enumerate()
            .map(|(place, table)| (table.listed.oid, place))
            .collect();
        let mut edges = Vec::new();
        for (child, table) in tables.iter().enumerate() {
            for (place, reference) in table.references.iter().enumerate() {
                let free = |column: &usize| !table.columns[*column].not_null;
                let soft = if reference.full {
                    reference.columns.iter().all(free)
                } else {
                    reference.columns.iter().any(free)
                };
                if let Some(parent) = place_of.get(&reference.parent) {
                    edges.push(Edge {
                        child,
                        parent: *parent,
                        reference: place,
                        soft: soft || reference.implied,
                        implied: reference.implied,
                    });
                }
            }
        }
        let order = order(tables.len(), &edges);
        let mut postponed: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for edge in order.later.iter().filter(|edge| !edge.implied) {
            let list = postponed.entry(edge.child).or_default();
            list.insert(edge.reference);
        }
        let none = BTreeSet::new();
        for group in &order.groups {
            if group.len() > 1 {
                self.group(tables, group, &mut results, limits, &postponed)?;
            }
            for place in group {
                let later = postponed.get(place).unwrap_or(&none);
                self.one(&tables[*place], &mut results[*place], limits[*place], later)?;
            }
        }
        for edge in order.later.iter().filter(|edge| !edge.implied) {
            let table = &tables[edge.child];
            let reference = &table.references[edge.reference];
            // What one partition alone refers to stays null.
            if results[edge.child].inserted == 0 || reference.leaf.is_some() {
                continue;
            }
            let pool = self.pool(table, edge.reference, 0)?;
            let told = match pool {
                Ok(pool) => later(self.client, table, reference, &pool, self.request.seed)?,
                Err(refusal) => Err(refusal),
            };
            if told.is_err() {
                results[edge.child].left_null.push(reference.name.clone());
            }
        }
        Ok(results)
    }

    /// Keys that a reference may point to.
    fn pool(
        &mut self,
        table: &Table,
        reference: usize,
        wanted: u64,
    ) -> Result<Result<Rc<Pool>, Refusal>, postgres::Error> {
        let reference = &table.references[reference];
        Refusal::told(self.pools.get(self.client, table, reference, wanted))
    }

    fn facts(
        &mut self,
        table: &Table,
        before: u64,
        missing: u64,
        later: &BTreeSet<usize>,
    ) -> Result<Result<Facts, Refusal>, postgres::Error> {
        let mut pools = Vec::new();
        for place in 0..table.references.len() {
            if later.contains(&place) {
                pools.push(Rc::default());
                continue;
            }
            match self.pool(table, place, missing)? {
                Ok(pool) => pools.push(pool),
                Err(_) if table.references[place].implied => pools.push(Rc::default()),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(Facts {
            seed: self.request.seed,
            wide: self.wide,
            rows: missing,
            later: later.clone(),
            pools,
            first: before,
            override_identity: false,
        }))
    }

    /// Lets numbers go on after those that are there.
    fn go_on(&mut self, plan: &mut Plan<'_>, before: u64) -> Result<(), postgres::Error> {
        let numbered = plan.numbered();
        if before == 0 || numbered.is_empty() {
            return Ok(());
        }
        let columns = &plan.table.columns;
        let list: Vec<String> = numbered
            .iter()
            .map(|column| format!("max({})::text", ident(&columns[*column].name)))
            .collect();
        let sql = format!(
            "SELECT {} FROM {}",
            list.join(", "),
            plan.table.listed.source()
        );
        let Ok(found) = Refusal::told(rows(self.client, &sql))? else {
            return Ok(());
        };
        let mut largest = BTreeMap::new();
        for (place, column) in numbered.into_iter().enumerate() {
            let measure = columns[column].kind.measure();
            let text = found.first().and_then(|row| row.get(place));
            if let (Some(measure), Some(text)) = (measure, text)
                && let Some(value) = measure.parse(text)
            {
                largest.insert(column, value.max(0));
            }
        }
        plan.start(&largest);
        Ok(())
    }

    /// Fills one table up to `limit` rows.
    fn one(
        &mut self,
        table: &Table,
        result: &mut TableFilled,
        limit: u64,
        later: &BTreeSet<usize>,
    ) -> Result<(), postgres::Error> {
        let mut there = result.before + result.inserted;
        if self.recount {
            there = self.count(table, limit)?.unwrap_or(there);
        }
        let Some(missing) = limit.checked_sub(there).filter(|missing| *missing > 0) else {
            if result.inserted > 0 || result.before < limit {
                result.outcome = Outcome::Complete;
            }
            return Ok(());
        };
        if table.listed.partitioned && table.leaves.is_empty() {
            result.outcome = Outcome::Empty(Reason::NoPartition);
            return Ok(());
        }
        let facts = match self.facts(table, there, missing, later)? {
            Ok(facts) => facts,
            Err(refusal) => {
                result.outcome = Outcome::Empty(Reason::Refused(refusal));
                return Ok(());
            }
        };
        if let Some(reason) = nothing_to_reference(table, &facts) {
            result.outcome = Outcome::Empty(reason);
            return Ok(());
        }
        let mut plan = Plan::new(table, &facts);
        self.go_on(&mut plan, there)?;
        let mut progress = insert::fill(self.client, &mut plan, missing)?;
        if table.triggers {
            let left = self.count(table, limit)?.unwrap_or(u64::MAX);
            if left < there + progress.inserted {
                progress.inserted = left.saturating_sub(there);
                progress.removed = true;
            }
        }
        if progress.inserted < missing && table.triggers {
            let rest = missing - progress.inserted;
            self.without_triggers(&mut plan, rest, &mut progress, result)?;
        }
        result.inserted += progress.inserted;
        if progress.inserted > 0 {
            self.pools.forget(table.listed.oid);
            advance_sequences(self.client, &plan)?;
            if self.request.analyze && progress.inserted >= ANALYZED {
                let sql = format!("ANALYZE {}", table.listed.sql());
                // Without it everything still is as it should be.
                let _ = Refusal::told(self.client.batch_execute(&sql))?;
            }
        }
        let there = there + progress.inserted;
        result.outcome = if progress.inserted >= missing {
            Outcome::Complete
        } else {
            let reason = reason(progress);
            if there == 0 {
                Outcome::Empty(reason)
            } else {
                Outcome::Short(reason)
            }
        };
        Ok(())
    }

    /// Tries again with the table's triggers disabled. That disables foreign keys too, so they
    /// are compared afterwards.
    fn without_triggers(
        &mut self,
        plan: &mut Plan<'_>,
        missing: u64,
        progress: &mut Progress,
        result: &mut TableFilled,
    ) -> Result<(), postgres::Error> {
        let integrity = |refusal: &Refusal| refusal.code.starts_with("235");
        let ours = progress.refusal.as_ref().is_none_or(integrity);
        if ours && progress.inserted > 0 && !progress.removed {
            return Ok(());
        }
        let role = rows(self.client, "SHOW session_replication_role")?;
        let role = text(role.first(), 0);
        let set = "SET session_replication_role = replica";
        if Refusal::told(self.client.batch_execute(set))?.is_err() {
            return Ok(());
        }
        if progress.inserted > 0 {
            plan.first = plan.first.saturating_add(progress.inserted);
            self.go_on(plan, plan.first)?;
        }
        let again = insert::fill(self.client, plan, missing);
        let mut orphans = 0;
        if again.as_ref().is_ok_and(|again| again.inserted > 0) {
            for reference in plan.table.references.iter().filter(|r| !r.implied) {
                orphans += self.orphans(plan.table, reference)?;
            }
        }
        self.client
            .batch_execute(&format!("SET session_replication_role = {role}"))?;
        let again = again?;
        let inserted = again.inserted.saturating_sub(orphans);
        if inserted > 0 {
            let before = std::mem::replace(progress, again);
            progress.inserted = before.inserted + inserted;
            result.triggers_off = Some(reason(before));
        }
        Ok(())
    }

    /// Rows of the table, counted up to `limit`.
    fn count(&mut self, table: &Table, limit: u64) -> Result<Option<u64>, postgres::Error> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT FROM {} LIMIT {limit}) AS t",
            table.listed.source()
        );
        let found = Refusal::told(rows(self.client, &sql))?.ok();
        Ok(found.and_then(|found| found.first().map(|row| number(row, 0))))
    }

    /// Removes rows that point to nothing, and says how many there were.
    fn orphans(
        &mut self,
        table: &Table,
        reference: &catalog::Reference,
    ) -> Result<u64, postgres::Error> {
        let names = reference.columns.iter().zip(&reference.parent_columns);
        let mut given = Vec::new();
        let mut same = Vec::new();
        for (column, parent) in names {
            let name = ident(&table.columns[*column].name);
            given.push(format!("c.{name} IS NOT NULL"));
            same.push(format!("p.{} = c.{name}", ident(parent)));
        }
        let sql = format!(
            "DELETE FROM {} AS c WHERE {} AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
            table.listed.source(),
            given.join(" AND "),
            reference.parent_source,
            same.join(" AND ")
        );
        Ok(Refusal::told(super::session::changed(self.client, &sql))?.unwrap_or(0))
    }

    /// The first rows of tables that each need the others.
    fn group(
        &mut self,
        tables: &[Table],
        group: &[usize],
        results: &mut [TableFilled],
        limits: &[u64],
        postponed: &BTreeMap<usize, BTreeSet<usize>>,
    ) -> Result<(), postgres::Error> {
        let members: Vec<&Table> = group.iter().map(|place| &tables[*place]).collect();
        let missing = |place: &usize| limits[*place].saturating_sub(results[*place].before);
        let count = group.iter().map(missing).min().unwrap_or(0).min(TOGETHER);
        if group.iter().any(|place| results[*place].before > 0) {
            // There is something to point to.
            return Ok(());
        }
        let mut plans = Vec::new();
        for place in group {
            let table = &tables[*place];
            let mut open = among(&members, table);
            open.extend(postponed.get(place).into_iter().flatten());
            let facts = match self.facts(table, results[*place].before, count, &open)? {
                Ok(mut facts) => {
                    facts.override_identity = true;
                    facts
                }
                Err(_) => return Ok(()),
            };
            plans.push(Plan::new(table, &facts));
        }
        for count in [count, 1] {
            if together(self.client, &plans, count)?.is_ok() {
                for (place, plan) in group.iter().zip(&plans) {
                    results[*place].inserted += count;
                    self.pools.forget(tables[*place].listed.oid);
                    advance_sequences(self.client, plan)?;
                }
                return Ok(());
            }
        }
        Ok(())
    }
}

fn nothing_to_reference(table: &Table, facts: &Facts) -> Option<Reason> {
    let places = 0..table.references.len();
    places
        .filter(|place| !facts.later.contains(place) && facts.pools[*place].is_empty())
        .map(|place| &table.references[place])
        .find(|reference| {
            let needed = |column: &usize| table.columns[*column].not_null;
            let must = if reference.full {
                reference.columns.iter().any(needed)
            } else {
                reference.columns.iter().all(needed)
            };
            must && !reference.implied
                && reference.leaf.is_none()
                && reference.parent != table.listed.oid
        })
        .map(|reference| Reason::NothingToReference {
            constraint: reference.name.clone(),
            table: reference.parent_name.clone(),
        })
}

fn reason(progress: Progress) -> Reason {
    if progress.removed {
        return Reason::RemovedByTrigger;
    }
    match (progress.used_up, progress.refusal) {
        (Some(constraint), _) => Reason::AllReferenced { constraint },
        (None, Some(refusal)) => Reason::Refused(refusal),
        (None, None) => Reason::NothingNew,
    }
}
