//! Every operation rehearsed while whoever takes its steps dies in the middle of them.
//!
//! The rehearsal is the one that people run. Its hands are others: wherever a step moves while code
//! works, it is begun by a process that is cut off at a place, again and again. Each time either the
//! next process goes on, asking first what is there, as the command line does ([`drive`]); or the
//! step is given up and taken back. At both ends the schema and the rows that no code touched have
//! to be those of the same step taken alone and in peace, and in between every connection of the
//! code has to get on. What the code makes of it is judged by the rehearsal as always: no statement
//! may fail, and none may read what was not written last.
//!
//! A new operation is tried here by its entry among the examples ([`super::postgres`],
//! [`super::sqlite`]).

mod clients;
mod drive;
mod places;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(target_os = "linux")]
mod sqlite;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use switchback_db::history::TableChange;
use switchback_db::rehearsal::bench::{Bench, Connection, Supply, Trouble};
use switchback_db::rehearsal::{Options, rehearse};
use switchback_migration::Definition;
use switchback_migration::definition::{StepFill, Work};
use switchback_migration::sql::ir::Name;
use switchback_migration::steps::planned;
use switchback_migration::workload::Workload;
use switchback_model::plan::{Direction, PlannedStep};
use switchback_model::{Effect, StepName, Timestamp};

use self::clients::{Counted, Meter};
use self::drive::{Book, Doer, Ended};
use self::places::{Crash, GoOn, Places};
use self::tally::Tally;

/// How many statements each connection of the code has to do from a crash to what follows it, and
/// again until that is over.
const STATEMENTS: u64 = 2;

/// Rows in the first batch of a fill, so that the tables here take several.
const BATCH_ROWS: u32 = 24;

/// What is in a table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Whether its rows have keys.
    pub(crate) keyed: bool,
    /// The key and all of each row, as text.
    pub(crate) rows: Vec<(String, String)>,
}

/// An engine's part: a database, processes at work on it, and what they leave.
pub(crate) trait Site {
    /// A process that nobody cuts off.
    fn doer(&mut self) -> Box<dyn Doer + '_>;

    /// One that is cut off at a place, from 1, in one of the engine's ways; none counts the places.
    fn doomed(&mut self, place: Option<u32>, way: usize) -> Box<dyn Doomed + '_>;

    /// In how many ways a process can be cut off.
    fn ways(&self) -> usize;

    /// Every table, without what Switchback keeps for itself.
    fn tables(&mut self) -> Result<BTreeMap<String, Table>, Trouble>;

    /// That the marks are those of the definition and the schema.
    fn check_marks(&mut self, definition: &Definition) -> Result<(), Trouble>;

    /// What a change that was taken back should not have left.
    fn leftovers(&mut self) -> Result<Vec<String>, Trouble>;
}

/// A process that may be cut off. From then on it says of everything that it crashed.
pub(crate) trait Doomed: Doer {
    /// How many places it has passed.
    fn places(&self) -> u32;
}

/// What a database is at a boundary of a step.
struct State<S> {
    schema: S,
    /// By table: of those whose rows have keys the ones that the code never touched, of others all.
    tables: BTreeMap<String, Table>,
}

/// A step on its way up or back, and how it is undone.
struct Movement<'m> {
    step: &'m StepName,
    up: bool,
    there: Vec<PlannedStep>,
    back: Vec<PlannedStep>,
}

/// Why a movement of a step did not come to its end.
enum Stop {
    /// It cannot be done, also where nobody dies. The rehearsal judges that.
    Fails(String),
    /// A promise is broken.
    Wrong(String),
}

type Ending = Result<(), Stop>;

fn wrong(at: &str) -> impl Fn(Trouble) -> Stop {
    move |error| Stop::Wrong(format!("{at}: {error}"))
}

/// A bench whose steps are taken by processes that die.
struct Crashing<'a, B: Bench, S> {
    inner: B,
    site: S,
    definition: &'a Definition,
    places: Places,
    meter: Arc<Meter>,
    /// The keys of rows that were there before all code, by table.
    begun: BTreeMap<String, BTreeSet<String>>,
    begun_anywhere: BTreeSet<String>,
    /// The states before and after each step, from when it was taken in peace.
    known: BTreeMap<StepName, [Option<State<B::Schema>>; 2]>,
    plans: u64,
    tally: Tally,
    /// The first broken promise.
    broken: Option<String>,
}

impl<B: Bench, S: Site> Crashing<'_, B, S> {
    fn steps(&self, step: &StepName, direction: Direction) -> Vec<PlannedStep> {
        planned(self.definition, step, direction).unwrap()
    }

    /// Whose beginning, or whose other part, an effect is.
    fn movement(&self, effect: &Effect) -> Option<(StepName, Direction, usize)> {
        let steps = self.definition.steps.iter();
        let steps = steps.filter(|it| matches!(it.work, Work::Database { .. }));
        steps
            .flat_map(|it| [Direction::Up, Direction::Down].map(|way| (it.name.clone(), way)))
            .find_map(|(name, way)| {
                let steps = self.steps(&name, way);
                let at = steps.iter().position(|it| it.effect == *effect)?;
                Some((name, way, at))
            })
    }

    fn state(&mut self) -> Result<State<B::Schema>, Trouble> {
        let schema = self.inner.schema()?;
        let mut tables = self.site.tables()?;
        for (name, table) in &mut tables {
            // A table that the change makes has rows of others.
            let known = self.begun.get(name).unwrap_or(&self.begun_anywhere);
            let keyed = table.keyed;
            table.rows.retain(|(key, _)| !keyed || known.contains(key));
            table.rows.sort();
        }
        Ok(State { schema, tables })
    }

    /// That the database is in a state, as far as the code does not write it.
    fn check(&mut self, step: &StepName, after: bool, at: &str) -> Ending {
        let now = self.state().map_err(wrong(at))?;
        let wanted = self
            .known
            .get(step)
            .and_then(|it| it[usize::from(after)].as_ref());
        let Some(wanted) = wanted else {
            return Err(Stop::Wrong(format!(
                "{at}: nobody knows what should be there"
            )));
        };
        let mut lines = self.inner.differences(&wanted.schema, &now.schema);
        let none = Table::default();
        let names: BTreeSet<&String> = wanted.tables.keys().chain(now.tables.keys()).collect();
        for name in names {
            let before = wanted.tables.get(name).unwrap_or(&none);
            let after = now.tables.get(name).unwrap_or(&none);
            let gone = before
                .rows
                .iter()
                .filter(|it| after.rows.binary_search(it).is_err());
            lines.extend(gone.map(|(_, row)| format!("- {name}: {row}")));
            // Rows without a key may be the code's.
            let come = after.rows.iter().filter(|_| after.keyed);
            let come = come.filter(|it| before.rows.binary_search(it).is_err());
            lines.extend(come.map(|(_, row)| format!("+ {name}: {row}")));
        }
        if !lines.is_empty() {
            lines.truncate(20);
            let side = if after { "after" } else { "before" };
            let text = lines.join("\n");
            return Err(Stop::Wrong(format!(
                "{at}: not as {side} the step:\n{text}"
            )));
        }
        let marks = self.site.check_marks(self.definition);
        marks.map_err(|error| Stop::Wrong(format!("{at}: marks: {error}")))
    }

    /// Takes a step, or takes it back, in one process.
    fn go(&mut self, steps: &[PlannedStep]) -> Result<(), String> {
        self.plans += 1;
        let ended = Book::new(self.plans, steps).carry_out(&mut *self.site.doer());
        ended.map_err(|ended| match ended {
            Ended::Crashed => "a process died that nobody cut off".to_owned(),
            Ended::Failed(reason) => reason,
        })
    }

    fn go_well(&mut self, steps: &[PlannedStep], at: &str) -> Ending {
        self.go(steps)
            .map_err(|reason| Stop::Wrong(format!("{at}: {reason}")))
    }

    /// Moves with nobody at work: the state on both sides is what it has to be ever after, and the
    /// places at which a process can be cut off are counted.
    fn in_peace(&mut self, step: &StepName, direction: Direction) -> Ending {
        let at = format!("{step}, {direction:?}, in peace");
        let side = usize::from(direction == Direction::Down);
        if self.known.get(step).is_none_or(|it| it[side].is_none()) {
            let state = self.state().map_err(wrong(&at))?;
            self.known.entry(step.clone()).or_default()[side] = Some(state);
        }
        let steps = self.steps(step, direction);
        if self.places.knows(step, direction) {
            return self.go(&steps).map_err(Stop::Fails);
        }
        self.plans += 1;
        let mut doer = self.site.doomed(None, 0);
        let ended = Book::new(self.plans, &steps).carry_out(&mut *doer);
        let places = doer.places();
        drop(doer);
        self.places.counted(step, direction, places);
        match ended {
            Ok(()) => Ok(()),
            Err(Ended::Crashed) => Err(Stop::Wrong(format!("{at}: it died"))),
            Err(Ended::Failed(reason)) => Err(Stop::Fails(reason)),
        }
    }

    /// Moves beside code, after crashes.
    fn beside_code(&mut self, step: &StepName, direction: Direction) -> Ending {
        let movement = Movement {
            step,
            up: direction == Direction::Up,
            there: self.steps(step, direction),
            back: self.steps(step, other(direction)),
        };
        let at = format!("{step}, {direction:?}");
        let crashes = self.places.choose(step, direction);
        if !crashes.is_empty() {
            // What fails anyhow is no matter of crashes.
            self.go(&movement.there).map_err(Stop::Fails)?;
            self.arrived(&movement, &at)?;
            self.taken_back(&movement, &at)?;
        }
        for crash in crashes {
            let way = crash.way % self.site.ways();
            let at = format!(
                "{at}, cut at {} in way {way}, {:?}",
                crash.place, crash.go_on
            );
            if !self.crash(&movement, crash, &at)? {
                break;
            }
        }
        // What it comes to where nobody died is compared by the rehearsal.
        self.go(&movement.there).map_err(Stop::Fails)
    }

    fn arrived(&mut self, movement: &Movement<'_>, at: &str) -> Ending {
        self.check(movement.step, movement.up, &format!("{at}, done"))
    }

    /// Goes back, and is where it began.
    fn taken_back(&mut self, movement: &Movement<'_>, at: &str) -> Ending {
        let at = format!("{at}, taken back");
        self.go_well(&movement.back, &at)?;
        self.check(movement.step, !movement.up, &at)
    }

    /// Moves, dies at a place, and moves on or back; then it is where it began. Returns whether there
    /// is such a place: beside code there may be fewer of them than in peace.
    fn crash(&mut self, movement: &Movement<'_>, crash: Crash, at: &str) -> Result<bool, Stop> {
        let wrong = |what: &str, it: &dyn fmt::Debug| Stop::Wrong(format!("{at}, {what}: {it:?}"));
        self.plans += 1;
        let mut book = Book::new(self.plans, &movement.there);
        match self.doomed(&mut book, crash.place, crash.way) {
            Err(Ended::Crashed) => self.tally.crashes += 1,
            Err(Ended::Failed(reason)) => return Err(wrong("before it died", &reason)),
            Ok(()) => {
                self.arrived(movement, at)?;
                self.taken_back(movement, at)?;
                return Ok(false);
            }
        }
        let begun = self.meter.now();
        let before = self.meter.wait(&begun, STATEMENTS);
        let before = before.map_err(|it| wrong("after the crash", &it))?;
        let begun = self.meter.now();
        match crash.go_on {
            GoOn::Again => {
                self.again(&mut book, at)?;
                self.arrived(movement, at)?;
                self.tally.gone_on += 1;
            }
            GoOn::Back => {
                let given_up = book.give_up(&mut *self.site.doer());
                given_up.map_err(|it| wrong("given up", &it))?;
                self.plans += 1;
                self.again(&mut Book::new(self.plans, &movement.back), at)?;
                self.tally.given_up += 1;
            }
        }
        // Where it is taken back already that is once more.
        self.taken_back(movement, at)?;
        let after = self.meter.wait(&begun, STATEMENTS);
        self.tally.around += before + after.map_err(|it| wrong("going on", &it))?;
        Ok(true)
    }

    /// A process that dies at a place, if it gets there.
    fn doomed(&mut self, book: &mut Book<'_>, place: u32, way: usize) -> Result<(), Ended> {
        let way = way % self.site.ways();
        book.carry_out(&mut *self.site.doomed(Some(place), way))
    }

    /// The next process carries a plan out, and may die like the one before it.
    fn again(&mut self, book: &mut Book<'_>, at: &str) -> Ending {
        let mut ended = Err(Ended::Crashed);
        while let (Err(Ended::Crashed), Some((place, way))) = (&ended, self.places.second()) {
            ended = self.doomed(book, place, way);
            if let Err(Ended::Crashed) = ended {
                self.tally.crashes += 1;
                self.tally.again += 1;
            }
        }
        if let Err(Ended::Crashed) = ended {
            ended = book.carry_out(&mut *self.site.doer());
        }
        ended.map_err(|it| Stop::Wrong(format!("{at}, again: {it:?}")))
    }

    fn moved(&mut self, effect: &Effect) -> Ending {
        let Some((step, direction, at)) = self.movement(effect) else {
            return Err(Stop::Wrong("an effect of no step".to_owned()));
        };
        // The first effect of a movement stands for all of it.
        if at > 0 {
            return Ok(());
        }
        if self.meter.is_open() {
            self.beside_code(&step, direction)
        } else {
            self.in_peace(&step, direction)
        }
    }

    /// All the way back, it starts again and is completed, and is taken back once more: as if it
    /// were the first time.
    fn start_again(&mut self) -> Ending {
        let steps = self.definition.steps.iter();
        let steps = steps.filter(|it| matches!(it.work, Work::Database { .. }));
        let steps: Vec<StepName> = steps.map(|it| it.name.clone()).collect();
        for (direction, steps) in [
            (Direction::Up, steps.clone()),
            (Direction::Down, steps.into_iter().rev().collect()),
        ] {
            for step in steps {
                let at = format!("{step}, {direction:?}, started again");
                let planned = self.steps(&step, direction);
                self.go_well(&planned, &at)?;
                self.check(&step, direction == Direction::Up, &at)?;
            }
        }
        let left = self.site.leftovers().map_err(wrong("leftovers"))?;
        if left.is_empty() {
            return Ok(());
        }
        Err(Stop::Wrong(format!("in the end there is left: {left:#?}")))
    }
}

const fn other(direction: Direction) -> Direction {
    match direction {
        Direction::Up => Direction::Down,
        Direction::Down => Direction::Up,
    }
}

impl<B: Bench, S: Site> Bench for Crashing<'_, B, S> {
    type Schema = B::Schema;
    type Rows = B::Rows;
    type Watch = B::Watch;

    fn engine(&self) -> String {
        self.inner.engine()
    }

    fn count(&mut self, workload: &Workload) -> Result<u64, Trouble> {
        self.inner.count(workload)
    }

    fn connect(&self) -> Result<Box<dyn Connection>, Trouble> {
        Ok(Box::new(Counted::new(self.inner.connect()?, &self.meter)))
    }

    fn supply(&mut self, workload: &Workload, pairs: usize) -> Result<Supply, Trouble> {
        let supply = self.inner.supply(workload, pairs)?;
        // From now on there are rows of the code.
        for (name, table) in self.site.tables()? {
            let keys: BTreeSet<String> = table.rows.into_iter().map(|(key, _)| key).collect();
            self.begun_anywhere.extend(keys.iter().cloned());
            self.begun.insert(name, keys);
        }
        Ok(supply)
    }

    fn examples(&mut self, tables: &[Name], column: &str) -> Result<Option<Vec<String>>, Trouble> {
        self.inner.examples(tables, column)
    }

    fn schema(&mut self) -> Result<B::Schema, Trouble> {
        self.inner.schema()
    }

    fn differences(&self, before: &B::Schema, after: &B::Schema) -> Vec<String> {
        self.inner.differences(before, after)
    }

    fn rows(&mut self) -> Result<B::Rows, Trouble> {
        self.inner.rows()
    }

    fn changes(&mut self, before: &B::Rows) -> Result<Vec<TableChange>, Trouble> {
        self.inner.changes(before)
    }

    fn apply(&mut self, effect: &Effect) -> Result<(), String> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        // A panic would leave the clients at work for ever.
        let moved = catch_unwind(AssertUnwindSafe(|| self.moved(effect)));
        match moved {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Stop::Fails(reason))) => Err(reason),
            Ok(Err(Stop::Wrong(text))) => {
                self.broken = Some(text.clone());
                Err(text)
            }
            Err(_) => {
                let text = "the test panicked".to_owned();
                self.broken = Some(text.clone());
                Err(text)
            }
        }
    }

    fn unfilled(&mut self, fill: &StepFill) -> Result<u64, Trouble> {
        self.inner.unfilled(fill)
    }

    fn watch(&self) -> Result<Option<B::Watch>, Trouble> {
        self.inner.watch()
    }
}

/// Whether an operation is to be tried: all of them are, unless `SWITCHBACK_TEST_ONLY` has a part of
/// some of their descriptions.
pub(crate) fn is_wanted(what: &str) -> bool {
    let only = std::env::var("SWITCHBACK_TEST_ONLY");
    only.map_or(true, |only| what.contains(&only))
}

/// The moment, for marks.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

/// Several batches even for a few rows.
pub(crate) fn in_small_batches(mut definition: Definition) -> Definition {
    for step in &mut definition.steps {
        if let Work::Database {
            fill: Some(fill), ..
        } = &mut step.work
        {
            fill.batch_rows = BATCH_ROWS;
        }
    }
    definition
}

/// Rehearses a change on a bench whose processes die.
pub(crate) fn rehearse_crashing<B: Bench, S: Site>(
    inner: B,
    site: S,
    definition: &Definition,
    workload: &Workload,
    places: Places,
    what: &str,
) -> Tally {
    let begun = Instant::now();
    let options = Options {
        clients: 2,
        rows_each: 4,
        settle: 8,
        // How long code waits is judged in peace. Here the backend of a process that died may hold
        // its locks until its own limit is over, and the next process takes them after it.
        longest_wait: 4 * Options::default().longest_wait,
        ..Options::default()
    };
    let mut bench = Crashing {
        inner,
        site,
        definition,
        places,
        meter: Arc::new(Meter::default()),
        begun: BTreeMap::new(),
        begun_anywhere: BTreeSet::new(),
        known: BTreeMap::new(),
        plans: 0,
        tally: Tally::default(),
        broken: None,
    };
    let report = rehearse(&mut bench, definition, workload, &options, &mut |_| ()).unwrap();
    if let Some(broken) = &bench.broken {
        panic!("{what}: {broken}");
    }
    assert!(report.is_clean(), "{what}: {:#?}", super::wrong(&report));
    assert_eq!(report.steps.len(), definition.steps.len(), "{what}");
    // Behind what cannot be computed back no code may go, and nothing says what would be there.
    if report.back_ends_at.is_none()
        && let Err(Stop::Fails(text) | Stop::Wrong(text)) = bench.start_again()
    {
        panic!("{what}: {text}");
    }
    let mut tally = bench.tally;
    tally.operations = 1;
    tally.statements = bench.meter.total();
    let steps = report.steps.iter().chain(&report.back);
    steps
        .flat_map(|it| &it.faults)
        .for_each(|it| tally.count(it));
    println!("{what}: {tally}, in {:.1?}", begun.elapsed());
    tally
}
