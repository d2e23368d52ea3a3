//! Locks that others have, and others who wait for ours.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use switchback_model::plan::{Fill, Run, Scope, Script};

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);

/// Sends on what it is told.
struct Told(mpsc::Sender<Waiting>);

impl Observer for Told {
    fn waiting(&mut self, at: &Waiting) {
        let _ = self.0.send(at.clone());
    }

    fn not_tidied(&mut self, error: &ChangeError) {
        panic!("{}", with_sources(error));
    }
}

/// A script of the change `it` on the table `t`.
pub(crate) fn script(step: &str, sql: &str, run: Run) -> Script {
    Script {
        change: ChangeId::new("it").unwrap(),
        step: StepName::new(step).unwrap(),
        direction: Direction::Up,
        sql: sql.to_owned(),
        run,
        scope: Scope {
            table: "public.t".to_owned(),
            also: Vec::new(),
            columns: vec!["a".to_owned(), "b".to_owned()],
            prefix: "sb_it_".to_owned(),
        },
    }
}

pub(crate) const TABLE: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a text);
                     INSERT INTO t SELECT n, n::text FROM generate_series(1, 1000) AS n";

pub(crate) fn add_column() -> Script {
    script("add", "ALTER TABLE t ADD COLUMN b text;", Run::Transaction)
}

/// Waits until a query gives true.
fn until(client: &mut Client, question: &str) {
    let end = Instant::now() + DEADLINE;
    while !client.query_one(question, &[]).unwrap().get::<_, bool>(0) {
        assert!(Instant::now() < end, "{question}");
        // Between two looks, which take a core of those that are looked at.
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn locks_that_are_not_given_end_in_bounded_attempts_that_name_who_has_them() {
    let (url, mut holder) = database(TABLE);
    let mut open = holder.transaction().unwrap();
    open.batch_execute("SET application_name = 'report'; LOCK TABLE t IN ACCESS SHARE MODE")
        .unwrap();
    let options = Options {
        lock_timeout: Duration::from_millis(200),
        retries: 2,
        ..options()
    };
    let mut engine = PostgresDatabase::connect(&url, options, 1).unwrap();
    let (tell, told) = mpsc::channel();
    let begun = Instant::now();
    let error = engine
        .run_script(&add_column(), "test", now(), &mut Told(tell))
        .unwrap_err();
    let ChangeError::Busy {
        attempts,
        blocked_by,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(*attempts, 3);
    assert!(
        begun.elapsed() >= Duration::from_millis(600),
        "a lock_timeout each"
    );
    assert_eq!(blocked_by[0].application, "report");
    assert_eq!(blocked_by[0].mode.as_deref(), Some("AccessShareLock"));
    assert_eq!(blocked_by[0].relation.as_deref(), Some("public.t"));
    let told: Vec<Waiting> = told.iter().collect();
    let retries = told.iter().filter(|it| it.retry_in.is_some());
    assert_eq!(retries.count(), 2);
    assert!(
        told.iter()
            .any(|it| it.to_string().contains("waits for session"))
    );
    // Nothing is left, and nothing waits in a queue.
    open.commit().unwrap();
    assert_eq!(engine.marks(&ChangeId::new("it").unwrap()).unwrap(), []);
    let ran = engine
        .run_script(&add_column(), "test", now(), &mut ())
        .unwrap();
    assert_eq!(ran.waits.retries, 0);
}

#[test]
fn every_statement_has_a_time_out_for_locks() {
    let (url, mut client) = database(TABLE);
    // Each statement notes the time-out that it runs under.
    client
        .batch_execute(
            "CREATE TABLE seen (lock text, statement text);
             CREATE FUNCTION note() RETURNS void LANGUAGE sql AS $$ INSERT INTO public.seen VALUES
                 (current_setting('lock_timeout'), current_setting('statement_timeout')) $$;
             ALTER DATABASE CURRENT_DB SET lock_timeout = 0"
                .replace("CURRENT_DB", url.rsplit('/').next().unwrap())
                .as_str(),
        )
        .unwrap();
    let sql = "ALTER TABLE t ADD COLUMN b text DEFAULT 'x'; SELECT public.note();
               SELECT set_config('lock_timeout', '0', true); SELECT public.note();
               UPDATE t SET a = (SELECT note()::text || a) WHERE id = 1;";
    let mut engine = open(&url);
    engine
        .run_script(
            &script("add", sql, Run::Transaction),
            "test",
            now(),
            &mut (),
        )
        .unwrap();
    let seen = rows(&mut client, "seen");
    // A query holds up nobody and may run long; a statement that writes may not.
    assert_eq!(seen, ["(2s,0)", "(2s,0)", "(2s,30s)"]);
}

#[test]
fn a_statement_that_keeps_an_application_waiting_gives_way_to_it() {
    let (url, mut client) = database(TABLE);
    client
        .batch_execute(
            "CREATE TABLE gate (n int); CREATE VIEW waiting AS
            SELECT count(*) > 0 AS it FROM pg_stat_activity
            WHERE datname = current_database() AND query LIKE 'SELECT count%FROM t' AND
                wait_event_type = 'Lock'",
        )
        .unwrap();
    // The statement keeps the table to itself for as long as somebody has the gate.
    let sql = "LOCK TABLE t; ALTER TABLE t ADD COLUMN b text; LOCK TABLE gate IN SHARE MODE;
               DO $$ BEGIN WHILE EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.01);
               PERFORM txid_current(); END LOOP; END $$;";
    client.batch_execute("INSERT INTO gate VALUES (1)").unwrap();
    let options = Options {
        yield_after: Duration::from_millis(300),
        retries: 20,
        ..options()
    };
    let mut engine = PostgresDatabase::connect(&url, options, 1).unwrap();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let working = scope.spawn(move || {
            let job = script("add", sql, Run::Transaction);
            engine.run_script(&job, "test", now(), &mut Told(tell))
        });
        until(
            &mut client,
            "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 't'::regclass AND granted
                AND mode = 'AccessExclusiveLock')",
        );
        let mut application = self::client(&url);
        let begun = Instant::now();
        assert_eq!(number(&mut application, "SELECT count(*) FROM t"), 1000);
        let waited = begun.elapsed();
        assert!(waited < DEADLINE, "the query waited for {waited:?}");
        // Nobody asks for the gate any more; now it comes to its end.
        client.batch_execute("DELETE FROM gate").unwrap();
        let ran = working.join().unwrap().unwrap();
        assert!(ran.waits.gave_way >= 1, "{ran:?}");
        assert!(ran.waits.held_up >= 1 && ran.waits.longest >= Duration::from_millis(300));
    });
    let told: Vec<Waiting> = told.iter().collect();
    assert!(told.iter().any(|it| !it.holds_up.is_empty()), "{told:#?}");
    assert_eq!(number(&mut client, "SELECT count(b) FROM t"), 0);
}

/// Stops when it is told of the first wait.
struct StopsAtFirst(bool);

impl Observer for StopsAtFirst {
    fn waiting(&mut self, _: &Waiting) {
        self.0 = true;
    }

    fn not_tidied(&mut self, error: &ChangeError) {
        panic!("{}", with_sources(error));
    }

    fn stop(&mut self) -> bool {
        self.0
    }
}

#[test]
fn whoever_stops_a_wait_leaves_nothing() {
    let (url, mut holder) = database(TABLE);
    let mut open = holder.transaction().unwrap();
    open.batch_execute("LOCK TABLE t IN ACCESS SHARE MODE")
        .unwrap();
    let mut engine = self::open(&url);
    let stopped = engine.run_script(&add_column(), "test", now(), &mut StopsAtFirst(false));
    assert!(
        matches!(stopped, Err(ChangeError::Aborted { .. })),
        "{stopped:?}"
    );
    open.commit().unwrap();
    assert_eq!(
        engine.probe(&Effect::Script(add_column())).unwrap(),
        Probed::NotDone
    );
}

#[test]
fn two_at_once_do_it_once() {
    let (url, mut client) = database(TABLE);
    let fill = Fill {
        change: ChangeId::new("it").unwrap(),
        step: StepName::new("fill").unwrap(),
        table: "public.t".to_owned(),
        set: [("b".to_owned(), "a || '!'".to_owned())].into(),
        only: None,
        batch_rows: 50,
        keep_undo: true,
    };
    let effects = [Effect::Script(add_column()), Effect::Fill(fill)];
    let indexed = Effect::Script(script(
        "index",
        "CREATE INDEX CONCURRENTLY sb_it_b ON t (b);",
        Run::Statements,
    ));
    for effect in effects.iter().chain([&indexed]) {
        let did: Vec<bool> = thread::scope(|scope| {
            let both = [1, 2].map(|seed| {
                let url = &url;
                scope.spawn(move || {
                    let mut engine = PostgresDatabase::connect(url, options(), seed).unwrap();
                    perform(&mut engine, effect).unwrap()
                })
            });
            both.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(did.contains(&true), "{effect:?}");
        assert_eq!(open(&url).probe(effect).unwrap(), Probed::Done);
    }
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM t WHERE b = a || '!'"),
        1000
    );
    assert_eq!(
        number(
            &mut client,
            "SELECT sum(rows)::bigint FROM _switchback.backfill_undo"
        ),
        1000
    );
}

#[test]
fn who_was_given_up_writes_nothing_any_more() {
    let (url, mut client) = database(TABLE);
    let effect = Effect::Script(add_column());
    let mut slow = open(&url);
    slow.carry_out("intent-1");
    let probed = open(&url)
        .revoke("intent-1", &effect, false, &mut ())
        .unwrap();
    assert_eq!(probed, Probed::NotDone);
    let error = perform(&mut slow, &effect).unwrap_err();
    assert!(matches!(error, ChangeError::Revoked), "{error}");
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM _switchback.step"),
        0
    );
    // What is done is not given up.
    let mut quick = open(&url);
    quick.carry_out("intent-2");
    assert!(perform(&mut quick, &effect).unwrap());
    let probed = open(&url)
        .revoke("intent-2", &effect, true, &mut ())
        .unwrap();
    assert_eq!(probed, Probed::Done);
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM _switchback.revoked"),
        1
    );
}

#[test]
fn an_index_that_was_left_invalid_is_dropped_and_built_again() {
    let (url, mut client) = database(TABLE);
    let build = Effect::Script(script(
        "index",
        "CREATE INDEX CONCURRENTLY sb_it_a ON t (a);",
        Run::Statements,
    ));
    // An older transaction keeps the build waiting, and there its session is ended.
    let mut holder = self::client(&url);
    let mut open = holder.transaction().unwrap();
    open.batch_execute("INSERT INTO t VALUES (0, 'old')")
        .unwrap();
    thread::scope(|scope| {
        let working = scope.spawn(|| perform(&mut self::open(&url), &build));
        until(
            &mut client,
            "SELECT EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = to_regclass('sb_it_a')
                AND NOT i.indisvalid)",
        );
        client
            .batch_execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'switchback'",
            )
            .unwrap();
        let error = working.join().unwrap().unwrap_err();
        assert!(
            matches!(error, ChangeError::Lost { .. } | ChangeError::Sql { .. }),
            "{error}"
        );
    });
    let mut engine = self::open(&url);
    assert_eq!(engine.probe(&build).unwrap(), Probed::Partial);
    open.commit().unwrap();
    assert!(perform(&mut engine, &build).unwrap());
    assert_eq!(engine.probe(&build).unwrap(), Probed::Done);
    let valid = "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND indisvalid";
    assert_eq!(number(&mut client, valid), 2);
}

#[test]
fn another_index_of_the_name_is_not_taken_for_ours() {
    let (url, _) = database(&format!("{TABLE}; CREATE INDEX sb_it_a ON t (id, a)"));
    let job = script(
        "index",
        "CREATE INDEX CONCURRENTLY sb_it_a ON t (a);",
        Run::Statements,
    );
    let error = perform(&mut open(&url), &Effect::Script(job)).unwrap_err();
    assert!(
        matches!(
            error,
            ChangeError::OtherIndex { .. } | ChangeError::UnknownStep { .. }
        ),
        "{error}"
    );
}
