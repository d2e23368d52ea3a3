//! Every command that changes something, ended without warning at every place where that could
//! matter, and run again: it ends as if nothing had happened. With the ledger in SQLite and in
//! PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use shop::{CHANGE, Keep, Shop, State, Sync, dump_without_control, without_control};
use switchback_testkit::cli::Ran;

/// How a shell says that a process ended by SIGABRT.
const ABORTED: i32 = 128 + 6;

/// The places around every step; see `src/faults.rs`.
const PLACES: [&str; 4] = [
    "before-intent",
    "after-intent",
    "after-effect",
    "after-outcome",
];

/// A command in a shop in which it can be run.
struct Scenario {
    name: &'static str,
    shop: Shop,
    line: String,
    /// How many steps its plan has.
    steps: u32,
    /// Whether one of its steps walks the table in batches.
    walks: bool,
}

/// Where a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fault {
    place: &'static str,
    number: u32,
}

fn scenario(shop: &Shop, name: &'static str, line: impl Into<String>) -> Scenario {
    Scenario {
        name,
        shop: shop.copy(),
        line: line.into(),
        steps: 1,
        walks: false,
    }
}

fn apply(step: &str) -> String {
    format!("change apply {CHANGE} --env staging --step {step} --yes")
}

fn undo(step: &str) -> String {
    format!("change undo {CHANGE} --env staging --step {step} --yes")
}

/// The walk with triggers, and every way a version moves.
fn with_triggers(keep: Keep) -> Vec<Scenario> {
    let shop = Shop::new(keep);
    shop.plan_change(Sync::Triggers);
    let mut expand = scenario(&shop, "expand", apply("expand"));
    (expand.steps, expand.walks) = (2, true);
    let mut all = vec![expand];
    for environment in ["staging", "production"] {
        shop.ok(&format!("change apply {CHANGE} --env {environment}"));
    }
    all.push(scenario(&shop, "undo expand", undo("expand")));
    shop.release("1.1.0", "switch-reads");
    shop.release("1.2.0", "stop-old-writes");
    all.push(scenario(
        &shop,
        "promote",
        "promote --version 1.1.0 --env production",
    ));
    shop.ok("promote --version 1.1.0 --env production");
    all.push(scenario(&shop, "abort", "rollout abort --env production"));
    all.push(scenario(
        &shop,
        "abort by rollback",
        "rollback --to 1.0.0 --env production",
    ));
    shop.ok("rollout finish --env production");
    all.push(scenario(&shop, "rollback", "rollback --env production"));
    all.push(scenario(
        &shop,
        "rollback to",
        "rollback --to 1.0.0 --env production",
    ));
    shop.deploy("1.1.0", "staging");
    shop.deploy("1.2.0", "staging");
    shop.wait_for_window();
    all.push(scenario(&shop, "contract", apply("contract")));
    shop.ok(&apply("contract"));
    all.push(scenario(&shop, "undo contract", undo("contract")));
    all
}

/// The walk where the application writes both columns.
fn with_dual_writes(keep: Keep) -> Vec<Scenario> {
    let shop = Shop::new(keep);
    shop.plan_change(Sync::Application);
    let mut all = vec![scenario(&shop, "expand alone", apply("expand"))];
    shop.ok(&apply("expand"));
    all.push(scenario(&shop, "undo expand alone", undo("expand")));
    shop.release("1.1.0", "dual-write");
    shop.deploy("1.1.0", "staging");
    shop.wait_for_window();
    let mut backfill = scenario(&shop, "backfill", apply("backfill"));
    backfill.walks = true;
    all.push(backfill);
    shop.ok(&apply("backfill"));
    let mut unfill = scenario(&shop, "undo backfill", undo("backfill"));
    unfill.walks = true;
    all.push(unfill);
    shop.release("1.2.0", "switch-reads");
    shop.release("1.3.0", "stop-old-writes");
    shop.deploy("1.2.0", "staging");
    shop.deploy("1.3.0", "staging");
    shop.wait_for_window();
    all.push(scenario(&shop, "contract alone", apply("contract")));
    shop.ok(&apply("contract"));
    all.push(scenario(&shop, "undo contract alone", undo("contract")));
    let purge = format!("change purge {CHANGE} --env staging --because outdated --yes");
    all.push(scenario(&shop, "purge", purge));
    all
}

fn killed(shop: &Shop, line: &str, fault: Fault) -> Ran {
    let mut command = shop.cli.command(line.split_whitespace());
    command.env(
        "SWITCHBACK_FAULT",
        format!("{}:{}", fault.place, fault.number),
    );
    command.output().unwrap().into()
}

/// The same command when all is done finds nothing to do, says so, and does nothing.
fn run_when_done(scenario: &Scenario, shop: &Shop, expected: &State) {
    let again = shop.run(&scenario.line);
    assert_eq!(
        again.code, 3,
        "run when everything was done: {}{}",
        again.stdout, again.stderr
    );
    assert_eq!(again.stdout, "");
    assert!(!again.stderr.is_empty(), "nothing was said");
    let state = shop.state();
    assert_same(&state, expected, "run when everything was done");
}

fn assert_same(found: &State, expected: &State, what: &str) {
    for (environment, database) in &expected.databases {
        let other = &found.databases[environment];
        let differ = database.iter().zip(other).find(|(one, two)| one != two);
        assert!(
            database == other,
            "{what}: the database of {environment}: {differ:?}"
        );
    }
    assert!(
        found == expected,
        "{what}: {found:#?}\nexpected {expected:#?}"
    );
}

impl Scenario {
    fn faults(&self, batches: u32) -> Vec<Fault> {
        let around = (0..self.steps).flat_map(|number| PLACES.map(|place| Fault { place, number }));
        let within = (1..=batches).map(|number| Fault {
            place: "batch",
            number,
        });
        around.chain(within).collect()
    }

    /// Where an undisturbed run ends, and how many batches it needed.
    fn undisturbed(&self) -> (State, u32) {
        let shop = self.shop.copy();
        let before = shop.state();
        shop.ok(&self.line);
        let state = shop.state();
        assert_ne!(state, before, "{} does nothing", self.name);
        run_when_done(self, &shop, &state);
        let batches = if self.walks { batches(&shop) } else { 0 };
        assert!(
            !self.walks || batches >= 2,
            "{}: {batches} batches",
            self.name
        );
        (state, batches)
    }

    fn check(&self, fault: Fault, expected: &State) {
        let shop = self.shop.copy();
        let ran = killed(&shop, &self.line, fault);
        assert_eq!(
            ran.code, ABORTED,
            "not killed; was the binary built with fault-injection? {}{}",
            ran.stdout, ran.stderr
        );
        let all_done = fault.place == "after-outcome" && fault.number + 1 == self.steps;
        if all_done {
            let state = shop.state();
            assert_same(&state, expected, "killed when everything was done");
        } else {
            let again = shop.run(&self.line);
            assert_eq!(again.code, 0, "run again: {}{}", again.stdout, again.stderr);
            let state = shop.state();
            assert_same(&state, expected, "run again");
        }
        run_when_done(self, &shop, expected);
    }
}

/// How many batches the last fill, or taking it back, took: as the ledger says.
fn batches(shop: &Shop) -> u32 {
    let events = shop.events();
    let detail = events.iter().rev().find_map(|(_, event)| {
        let detail = event["conclusion"]["detail"].as_str()?;
        detail
            .split_once(" looked at, ")?
            .1
            .split_once(" batches")?
            .0
            .parse()
            .ok()
    });
    detail.unwrap()
}

/// Every scenario with every fault, by a few threads; all failures are told.
fn check_all(keep: Keep) {
    let begun = Instant::now();
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| with_triggers(keep));
        let two = scope.spawn(|| with_dual_writes(keep));
        (one.join().unwrap(), two.join().unwrap())
    });
    let scenarios: Vec<Scenario> = one.into_iter().chain(two).collect();
    let expected = in_parallel(
        scenarios.iter().collect(),
        |scenario| scenario.name.to_owned(),
        |scenario| scenario.undisturbed(),
    );
    let cells: Vec<(&Scenario, &State, Fault)> = scenarios
        .iter()
        .zip(&expected)
        .flat_map(|(scenario, (state, batches))| {
            scenario
                .faults(*batches)
                .into_iter()
                .map(move |fault| (scenario, state, fault))
        })
        .collect();
    let count = cells.len();
    in_parallel(
        cells,
        |(scenario, _, fault)| format!("{} at {}:{}", scenario.name, fault.place, fault.number),
        |(scenario, state, fault)| scenario.check(*fault, state),
    );
    eprintln!(
        "{keep:?}: {count} runs killed and repeated in {:?}",
        begun.elapsed()
    );
    assert!(count >= 60, "only {count} places were tried");
}

/// Does the same for each item, in order of completion but with results in order of the items.
fn in_parallel<T: Send + std::marker::Sync, R: Send>(
    items: Vec<T>,
    name: impl Fn(&T) -> String + std::marker::Sync,
    work: impl Fn(&T) -> R + std::marker::Sync,
) -> Vec<R> {
    let next = Mutex::new(0);
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = {
                        let mut next = next.lock().unwrap();
                        *next += 1;
                        *next - 1
                    };
                    let Some(item) = items.get(at) else { return };
                    match catch_unwind(AssertUnwindSafe(|| work(item))) {
                        Ok(result) => *results[at].lock().unwrap() = Some(result),
                        Err(panic) => {
                            let text = panic.downcast_ref::<String>().cloned();
                            let text = text.unwrap_or_default();
                            failed.lock().unwrap().push((name(item), text));
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {} failed: {failed:#?}",
        failed.len(),
        items.len()
    );
    results
        .into_iter()
        .map(|result| result.into_inner().unwrap().unwrap())
        .collect()
}

#[test]
fn every_fault_with_the_ledger_in_sqlite() {
    check_all(Keep::Sqlite);
}

#[test]
fn every_fault_with_the_ledger_in_postgresql() {
    check_all(Keep::Postgresql);
}

/// A step that was interrupted anywhere is given up with `undo` instead of gone on with: the
/// database is what it was before the step, and nothing of another step is touched.
fn give_up(scenario: &Scenario, step: &str) {
    let (named, last) = (
        undo(step),
        format!("change undo {CHANGE} --env staging --yes"),
    );
    let before = dump_without_control(&scenario.shop.database("staging"));
    let (state, batches) = scenario.undisturbed();
    let after = without_control(&state.databases["staging"]);
    in_parallel(
        scenario.faults(batches),
        |fault| format!("{} at {}:{}", scenario.name, fault.place, fault.number),
        |fault| {
            let shop = scenario.shop.copy();
            let ran = killed(&shop, &scenario.line, *fault);
            assert_eq!(
                ran.code, ABORTED,
                "not killed; was the binary built with fault-injection? {}{}",
                ran.stdout, ran.stderr
            );
            // Without a name what was interrupted is meant, not the step before it. Where nothing
            // was begun, the step before it is the last one.
            let nothing = fault.place == "before-intent" && fault.number == 0;
            let given_up = shop.run(if nothing { &named } else { &last });
            let text = format!("{}{}", given_up.stdout, given_up.stderr);
            assert!([0, 3].contains(&given_up.code), "given up: {text}");
            assert_eq!(
                dump_without_control(&shop.database("staging")),
                before,
                "{text}"
            );
            shop.check_no_open_intent();
            // And up again, to the same end as if nothing had been.
            shop.ok(&scenario.line);
            assert_eq!(dump_without_control(&shop.database("staging")), after);
            let state = shop.state();
            run_when_done(scenario, &shop, &state);
        },
    );
}

#[test]
fn an_interrupted_expand_can_be_given_up() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    let mut expand = scenario(&shop, "expand", apply("expand"));
    (expand.steps, expand.walks) = (2, true);
    give_up(&expand, "expand");
}

#[test]
fn an_interrupted_backfill_can_be_given_up() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Application);
    shop.ok(&apply("expand"));
    shop.release("1.1.0", "dual-write");
    shop.deploy("1.1.0", "staging");
    shop.wait_for_window();
    let mut backfill = scenario(&shop, "backfill", apply("backfill"));
    backfill.walks = true;
    give_up(&backfill, "backfill");
}
