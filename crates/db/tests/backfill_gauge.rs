//! What a gauge sees of a real server, and what a throttle makes of it.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "test code outside of test functions")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use switchback_db::backfill::Gauge;
use switchback_db::postgres::backfill::{GaugeOptions, OurSessions, PostgresGauge};
use switchback_migration::backfill::throttle::{
    Allowance, Limits, Reading, Readings, Signal, Throttle,
};
use switchback_model::Timestamp;
use switchback_scratch::{Options, Server};
use switchback_testkit::postgres::{binaries, matrix};
use switchback_testkit::replica::Replica;

const DEADLINE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(250);

const TABLE: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a text);
    INSERT INTO t SELECT n, n::text FROM generate_series(1, 20000) AS n";

/// A server of one's own: others on it would be seen.
fn server(settings: &[(&str, &str)]) -> Server {
    server_of(&binaries().unwrap(), settings)
}

fn server_of(binaries: &Path, settings: &[(&str, &str)]) -> Server {
    let mut options = Options {
        binaries: Some(binaries.to_owned()),
        ..Options::default()
    };
    for (name, value) in settings {
        options = options.set(*name, *value);
    }
    let server = Server::start(&options).unwrap();
    server.create_database("shop", None).unwrap();
    client(&server).batch_execute(TABLE).unwrap();
    server
}

fn client(server: &Server) -> Client {
    Client::connect(&server.url("shop"), NoTls).unwrap()
}

fn pid(client: &mut Client) -> i32 {
    let row = client.query_one("SELECT pg_backend_pid()", &[]).unwrap();
    row.get(0)
}

fn options(signals: &[Signal]) -> GaugeOptions {
    GaugeOptions {
        signals: signals.iter().copied().collect(),
        ..GaugeOptions::new("t", vec!["id".to_owned()])
    }
}

fn everything() -> GaugeOptions {
    options(&Signal::ALL)
}

fn gauge(server: &Server, options: GaugeOptions) -> PostgresGauge {
    PostgresGauge::connect(&server.url("shop"), options).unwrap()
}

/// Looks until something is seen.
fn until(gauge: &mut PostgresGauge, seen: impl Fn(&Readings) -> bool) -> Readings {
    let end = Instant::now() + DEADLINE;
    loop {
        let readings = gauge.read();
        if seen(&readings) {
            return readings;
        }
        assert!(Instant::now() < end, "{readings:?}");
        // Between two looks at the condition.
        thread::sleep(Duration::from_millis(20));
    }
}

fn is(signal: Signal, right: impl Fn(f64) -> bool) -> impl Fn(&Readings) -> bool {
    move |readings| matches!(readings.signals[&signal], Reading::Value(it) if right(it))
}

/// The signals that are missing, with the reasons.
fn missing(readings: &Readings) -> Vec<String> {
    let text = |(signal, reading): (&Signal, &Reading)| match reading {
        Reading::Missing(why) => Some(format!("{signal:?}: {why}")),
        _ => None,
    };
    readings.signals.iter().filter_map(text).collect()
}

fn nothing_missing(readings: &Readings) -> bool {
    missing(readings).is_empty()
}

/// A gauge and a throttle, as a backfill has them.
struct Looks {
    gauge: PostgresGauge,
    throttle: Throttle,
    begun: Instant,
    next: Instant,
}

impl Looks {
    fn new(gauge: PostgresGauge, signals: &[Signal], limits: Limits) -> Self {
        let all: BTreeSet<Signal> = Signal::ALL.into_iter().collect();
        let off = all.iter().filter(|it| !signals.contains(it));
        let mut limits = off.fold(limits, |limits, signal| limits.off(*signal));
        // So much that what a signal takes away is told from what others get in any case.
        limits.beside_others = 0.5;
        Self {
            gauge,
            throttle: Throttle::new(limits),
            begun: Instant::now(),
            next: Instant::now(),
        }
    }

    /// Four looks a second.
    fn look(&mut self) -> (Allowance, Readings) {
        thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.next = Instant::now() + LOOK;
        let at = self.begun.elapsed();
        let readings = self.gauge.read();
        self.throttle.read(at, &readings);
        let now = self.begun.elapsed();
        (self.throttle.allowance(now, Timestamp::EPOCH), readings)
    }

    fn until(&mut self, what: &str, right: impl Fn(&Allowance) -> bool) -> Allowance {
        self.count_until(what, right).0
    }

    /// How many looks it took, too. How long that is on a busy machine says nothing; it is
    /// measured in the benchmark of backfills.
    fn count_until(
        &mut self,
        what: &str,
        right: impl Fn(&Allowance) -> bool,
    ) -> (Allowance, usize) {
        let end = Instant::now() + DEADLINE;
        for looks in 1.. {
            let (allowance, readings) = self.look();
            if right(&allowance) {
                return (allowance, looks);
            }
            assert!(Instant::now() < end, "{what}: {allowance:?} {readings:?}");
        }
        unreachable!("until the deadline")
    }
}

/// The part of the time that may be worked.
fn share(allowance: &Allowance) -> f64 {
    match allowance.batch {
        None => 0.0,
        Some(_) => 1.0 / (1.0 + allowance.pause),
    }
}

/// Something that goes on until it is dropped.
struct Goes {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Goes {
    fn on(mut again: impl FnMut() + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                again();
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Goes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A query that somebody runs on a thread, and that ends when it is cancelled.
struct Runs {
    token: postgres::CancelToken,
    thread: Option<JoinHandle<()>>,
}

impl Runs {
    fn on(mut client: Client, sql: &'static str) -> Self {
        let token = client.cancel_token();
        let thread = thread::spawn(move || {
            let _ = client.batch_execute(sql);
        });
        Self {
            token,
            thread: Some(thread),
        }
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        let thread = self.thread.take().unwrap();
        while !thread.is_finished() {
            // It may not have begun yet.
            let _ = self.token.cancel_query(NoTls);
            thread::sleep(Duration::from_millis(10));
        }
        let _ = thread.join();
    }
}

#[test]
fn a_server_at_rest_has_nothing_to_say_on_every_version() {
    for (major, binaries) in matrix().unwrap() {
        let server = server_of(&binaries, &[]);
        let mut gauge = gauge(&server, everything());
        let at_rest = until(&mut gauge, |it| nothing_missing(it) && it.others == Some(0));
        for signal in [
            Signal::ReplicationLag,
            Signal::ArchiverQueue,
            Signal::Statements,
        ] {
            assert_eq!(at_rest.signals[&signal], Reading::NotThere, "{major}");
        }
        for signal in [
            Signal::Autovacuum,
            Signal::BlockedByUs,
            Signal::ActiveSessions,
        ] {
            assert_eq!(at_rest.signals[&signal], Reading::Value(0.0), "{major}");
        }
        assert!(is(Signal::Probe, |it| it > 0.0 && it < 1000.0)(&at_rest));
        assert!(is(Signal::WalQueue, |it| it > 0.0 && it < 1.0)(&at_rest));
        assert!(is(Signal::OldestSnapshot, |it| it < 1000.0)(&at_rest));
        assert!(at_rest.usual[&Signal::Probe] > 0.0);
    }
}

#[test]
fn what_is_not_seen_is_said_once() {
    let server = server(&[]);
    let mut gauge = gauge(&server, everything());
    let first = until(&mut gauge, nothing_missing);
    assert_eq!(
        first.notes,
        [
            "How long statements of others take is not seen: the extension pg_stat_statements is \
             not in this database."
        ]
    );
    assert!(gauge.read().notes.is_empty());
}

#[test]
fn whoever_waits_for_us_is_seen_directly_and_behind_others() {
    let server = server(&[]);
    let mut ours = client(&server);
    let sessions = OurSessions::default();
    let mut gauge = gauge(
        &server,
        GaugeOptions {
            ours: sessions.clone(),
            ..options(&[Signal::BlockedByUs])
        },
    );
    until(&mut gauge, is(Signal::BlockedByUs, |it| it == 0.0));
    let update = "UPDATE t SET a = 'x' WHERE id = 7";
    ours.batch_execute(&format!("BEGIN; {update}")).unwrap();
    let first = Runs::on(client(&server), update);
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let mut asks = client(&server);
    while asks.query_one(waits, &[]).unwrap().get::<_, i64>(0) == 0 {
        thread::sleep(Duration::from_millis(10));
    }
    // Not ours yet, so nobody waits for us.
    let others = gauge.read();
    assert_eq!(others.signals[&Signal::BlockedByUs], Reading::Value(0.0));
    sessions.add(pid(&mut ours));
    until(&mut gauge, is(Signal::BlockedByUs, |it| it == 1.0));
    let second = Runs::on(client(&server), update);
    until(&mut gauge, is(Signal::BlockedByUs, |it| it == 2.0));
    ours.batch_execute("ROLLBACK").unwrap();
    until(&mut gauge, is(Signal::BlockedByUs, |it| it == 0.0));
    drop((first, second));

    // Those who call themselves so are ours as well.
    ours.batch_execute(&format!(
        "SET application_name = 'switchback 7'; BEGIN; {update}"
    ))
    .unwrap();
    sessions.remove(pid(&mut ours));
    let third = Runs::on(client(&server), update);
    until(&mut gauge, is(Signal::BlockedByUs, |it| it == 1.0));
    drop(third);
    until(&mut gauge, is(Signal::BlockedByUs, |it| it == 0.0));
}

#[test]
fn an_old_snapshot_is_seen_unless_it_is_ours() {
    let server = server(&[("max_prepared_transactions", "2")]);
    let mut holds = client(&server);
    let mut works = client(&server);
    let mut burn = |times: usize| {
        for _ in 0..times {
            works.batch_execute("SELECT txid_current()").unwrap();
        }
    };
    let sessions = OurSessions::default();
    let mut gauge = gauge(
        &server,
        GaugeOptions {
            ours: sessions.clone(),
            ..options(&[Signal::OldestSnapshot])
        },
    );
    until(&mut gauge, is(Signal::OldestSnapshot, |it| it < 60.0));
    holds
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM t LIMIT 1")
        .unwrap();
    burn(60);
    until(&mut gauge, is(Signal::OldestSnapshot, |it| it >= 60.0));
    sessions.add(pid(&mut holds));
    until(&mut gauge, is(Signal::OldestSnapshot, |it| it < 60.0));
    holds
        .batch_execute("COMMIT; BEGIN; UPDATE t SET a = 'x' WHERE id = 7; PREPARE TRANSACTION 'it'")
        .unwrap();
    burn(60);
    until(&mut gauge, is(Signal::OldestSnapshot, |it| it >= 60.0));
    holds.batch_execute("ROLLBACK PREPARED 'it'").unwrap();
    until(&mut gauge, is(Signal::OldestSnapshot, |it| it < 60.0));
}

#[test]
fn a_vacuum_of_the_table_is_seen_and_of_another_is_not() {
    let server = server(&[("vacuum_cost_delay", "50ms"), ("vacuum_cost_limit", "1")]);
    let mut setup = client(&server);
    setup
        .batch_execute(
            "CREATE ROLE plain LOGIN; CREATE TABLE parts (id int) PARTITION BY LIST (id);
             CREATE TABLE part PARTITION OF parts FOR VALUES IN (1);
             INSERT INTO parts SELECT 1 FROM generate_series(1, 20000);
             UPDATE parts SET id = 1; UPDATE t SET a = 'x'",
        )
        .unwrap();
    let of = |table: &str, role: &str| {
        let options = GaugeOptions {
            table: table.to_owned(),
            ..options(&[Signal::Autovacuum])
        };
        let url = server.url("shop").replace("postgres@", &format!("{role}@"));
        PostgresGauge::connect(&url, options).unwrap()
    };
    let (mut t, mut plain, mut parts) = (
        of("t", "postgres"),
        of("public.t", "plain"),
        of("parts", "postgres"),
    );
    let vacuum = Runs::on(client(&server), "VACUUM t");
    until(&mut t, is(Signal::Autovacuum, |it| it == 1.0));
    until(&mut plain, is(Signal::Autovacuum, |it| it == 1.0));
    until(&mut parts, is(Signal::Autovacuum, |it| it == 0.0));
    drop(vacuum);
    until(&mut t, is(Signal::Autovacuum, |it| it == 0.0));
    let vacuum = Runs::on(client(&server), "VACUUM part");
    until(&mut parts, is(Signal::Autovacuum, |it| it == 1.0));
    drop(vacuum);
    until(&mut of("nowhere", "postgres"), |it| {
        missing(it) == ["Autovacuum: there is no table nowhere"]
    });
}

#[test]
fn log_since_the_last_checkpoint_is_measured() {
    let server = server(&[("max_wal_size", "32MB"), ("min_wal_size", "32MB")]);
    let mut works = client(&server);
    works.batch_execute("CHECKPOINT").unwrap();
    let mut gauge = gauge(&server, options(&[Signal::WalQueue]));
    until(&mut gauge, is(Signal::WalQueue, |it| it < 0.1));
    works
        .batch_execute("SELECT pg_logical_emit_message(true, 'it', repeat('x', 8000000))")
        .unwrap();
    until(
        &mut gauge,
        is(Signal::WalQueue, |it| (0.2..0.5).contains(&it)),
    );
    works.batch_execute("CHECKPOINT").unwrap();
    until(&mut gauge, is(Signal::WalQueue, |it| it < 0.1));
}

#[test]
fn segments_that_wait_to_be_archived_are_counted() {
    let server = server(&[("archive_mode", "on"), ("archive_command", "test -e ../go")]);
    let mut works = client(&server);
    works.batch_execute("CREATE ROLE plain LOGIN").unwrap();
    let mut switch = || {
        works
            .batch_execute("SELECT pg_logical_emit_message(true, 'it', 'x'), pg_switch_wal()")
            .unwrap();
    };
    let only = [Signal::ArchiverQueue];
    let mut gauge = gauge(&server, options(&only));
    let url = server.url("shop").replace("postgres@", "plain@");
    let mut plain = PostgresGauge::connect(&url, options(&only)).unwrap();
    for _ in 0..3 {
        switch();
    }
    until(&mut gauge, is(Signal::ArchiverQueue, |it| it == 3.0));
    // Nothing was archived yet, and what lies there is not for everybody.
    let told = until(&mut plain, |it| !missing(it).is_empty());
    assert!(missing(&told)[0].contains("`GRANT pg_monitor TO \"plain\"` gives the right"));
    std::fs::write(server.folder().join("go"), "").unwrap();
    let mut empty = |gauge: &mut PostgresGauge| {
        let end = Instant::now() + DEADLINE;
        while !is(Signal::ArchiverQueue, |it| it == 0.0)(&gauge.read()) {
            assert!(Instant::now() < end);
            // The archiver sleeps after a failure until there is something new.
            switch();
            thread::sleep(Duration::from_millis(200));
        }
    };
    empty(&mut gauge);
    // Now there is something to count from.
    std::fs::remove_file(server.folder().join("go")).unwrap();
    until(&mut plain, is(Signal::ArchiverQueue, |it| it < 2.0));
    for _ in 0..3 {
        let mut works = client(&server);
        works
            .batch_execute("SELECT pg_logical_emit_message(true, 'it', 'x'), pg_switch_wal()")
            .unwrap();
    }
    until(&mut plain, is(Signal::ArchiverQueue, |it| it >= 3.0));
}

#[test]
fn sessions_that_burn_the_cpus_shed_within_four_looks_and_let_go_again() {
    let server = server(&[]);
    let mut watch = client(&server);
    let only = [Signal::ActiveSessions, Signal::BlockedByUs];
    let mut looks = Looks::new(gauge(&server, options(&only)), &only, Limits::default());
    looks.until("alone", |it| share(it) == 1.0);
    let burn = "SELECT count(*) FROM generate_series(1, 100000000000) n WHERE n % 2 = 0";
    let burners: Vec<_> = (0..4).map(|_| client(&server)).collect();
    let burners: Vec<_> = burners.into_iter().map(|it| Runs::on(it, burn)).collect();
    let active = "SELECT count(*) FROM pg_stat_activity
                  WHERE state = 'active' AND query LIKE '%generate_series%'
                    AND pid <> pg_backend_pid()";
    let end = Instant::now() + DEADLINE;
    while watch.query_one(active, &[]).unwrap().get::<_, i64>(0) < 4 {
        assert!(Instant::now() < end, "they do not begin");
        thread::sleep(Duration::from_millis(2));
    }
    // Below what is left beside others in any case.
    let (less, count) = looks.count_until("shed", |it| share(it) <= 0.25);
    assert!(count <= 4, "{count} looks: {less:?}");
    assert!(
        less.reason
            .contains("at work for each CPU; the limit is 1.5"),
        "{less:?}"
    );
    looks.until("stopped", |it| it.batch.is_none());
    drop(burners);
    looks.until("alone again", |it| share(it) == 1.0);
}

#[test]
fn statements_that_take_longer_shed_on_every_version() {
    let mut tried = 0;
    for (major, binaries) in matrix().unwrap() {
        let preload = ("shared_preload_libraries", "pg_stat_statements");
        let server = server_of(&binaries, &[preload]);
        let mut works = client(&server);
        works
            .batch_execute(
                "CREATE EXTENSION pg_stat_statements; CREATE TABLE grows (n int, x text);
                 ALTER TABLE grows SET (autovacuum_enabled = off);
                 INSERT INTO grows SELECT n, 'x' FROM generate_series(1, 1000) n",
            )
            .unwrap();
        let mut app = client(&server);
        let query = app
            .prepare("SELECT count(*) FROM grows WHERE n % 7 = 1")
            .unwrap();
        let app = Goes::on(move || {
            app.query(&query, &[]).unwrap();
            thread::sleep(Duration::from_millis(2));
        });
        let calls = "SELECT coalesce(sum(calls), 0)::int8 FROM pg_stat_statements
                     WHERE query LIKE '%FROM grows WHERE%'";
        while works.query_one(calls, &[]).unwrap().get::<_, i64>(0) < 50 {
            thread::sleep(Duration::from_millis(20));
        }
        let only = [Signal::Statements];
        let mut looks = Looks::new(gauge(&server, options(&only)), &only, Limits::default());
        looks.until("beside the application", |it| share(it) == 0.5);
        works
            .batch_execute("INSERT INTO grows SELECT n, 'x' FROM generate_series(1, 60000) n")
            .unwrap();
        let less = looks.until("shed", |it| share(it) <= 0.25);
        assert!(
            less.reason
                .ends_with("as long as before; the limit is 1.6 times"),
            "{major}: {less:?}"
        );
        works.batch_execute("TRUNCATE grows").unwrap();
        looks.until("fast again", |it| share(it) == 0.5);
        drop(app);
        looks.until("alone", |it| share(it) == 1.0);
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn a_replica_that_falls_behind_stops_it_and_one_that_went_away_too_on_every_version() {
    for (major, binaries) in matrix().unwrap() {
        let server = server_of(&binaries, &[]);
        let mut works = client(&server);
        works.batch_execute("CREATE ROLE plain LOGIN").unwrap();
        let replica = Replica::start(server.folder(), &server.url("shop"), &binaries).unwrap();
        let mut on_replica = Client::connect(&replica.url("shop"), NoTls).unwrap();
        let only = [Signal::ReplicationLag];
        let limits = Limits::default().set(Signal::ReplicationLag, 1.0);
        let mut looks = Looks::new(gauge(&server, options(&only)), &only, limits);
        let writes = Goes::on(move || {
            works
                .batch_execute("UPDATE t SET a = 'y' WHERE id = 7")
                .unwrap();
            thread::sleep(Duration::from_millis(20));
        });
        looks.until("in step", |it| share(it) == 0.5);
        on_replica
            .batch_execute("SELECT pg_wal_replay_pause()")
            .unwrap();
        let stopped = looks.until("stopped", |it| it.batch.is_none());
        assert!(
            stopped.reason.starts_with("replicas are ")
                && stopped.reason.ends_with(" s behind; the limit is 1 s"),
            "{major}: {stopped:?}"
        );
        // Nothing more is written, and it is behind all the same.
        drop(writes);
        let (_, readings) = looks.look();
        let Reading::Value(before) = readings.signals[&Signal::ReplicationLag] else {
            panic!("{readings:?}")
        };
        until(
            &mut looks.gauge,
            is(Signal::ReplicationLag, |it| it > before + 0.2),
        );
        on_replica
            .batch_execute("SELECT pg_wal_replay_resume()")
            .unwrap();
        looks.until("in step again", |it| share(it) == 1.0);

        // Who may not see it does not take it for fine.
        let url = server.url("shop").replace("postgres@", "plain@");
        let mut plain = PostgresGauge::connect(&url, options(&only)).unwrap();
        let told = until(&mut plain, |it| {
            missing(it).iter().any(|it| it.contains("GRANT"))
        });
        assert_eq!(
            missing(&told),
            [
                "ReplicationLag: this role may not see it; `GRANT pg_monitor TO \"plain\"` gives the \
              right, or turn the signal off"
            ]
        );

        drop((on_replica, replica));
        let gone = looks.until("gone", |it| it.batch.is_none());
        assert_eq!(
            gone.reason,
            "how far replicas are behind is not known: 1 of 1 replicas is not connected any more; \
             begin again if that is for good"
        );
    }
}

#[test]
fn a_slot_that_nobody_reads_from_is_a_replica_that_is_missing() {
    let server = server(&[]);
    let mut works = client(&server);
    let mut gauge = gauge(&server, options(&[Signal::ReplicationLag]));
    until(&mut gauge, nothing_missing);
    works
        .batch_execute("SELECT pg_create_physical_replication_slot('standby', true)")
        .unwrap();
    let told = until(&mut gauge, |it| !nothing_missing(it));
    assert_eq!(
        missing(&told),
        [
            "ReplicationLag: the replication slot `standby` keeps the log for a replica that is not \
             connected; drop the slot if it is gone for good"
        ]
    );
    works
        .batch_execute("SELECT pg_drop_replication_slot('standby')")
        .unwrap();
    until(&mut gauge, nothing_missing);
}

#[test]
fn a_role_without_rights_works_and_says_what_it_does_not_see() {
    let server = server(&[]);
    let mut other = client(&server);
    other.batch_execute("CREATE ROLE plain LOGIN").unwrap();
    let url = server.url("shop").replace("postgres@", "plain@");
    let mut plain = PostgresGauge::connect(&url, everything()).unwrap();
    let first = until(&mut plain, |it| nothing_missing(it) && !it.notes.is_empty());
    let grant = "`GRANT pg_monitor TO \"plain\"` gives the right.";
    assert_eq!(
        first.notes.iter().filter(|it| it.ends_with(grant)).count(),
        2
    );
    // Somebody is there; what they do is hidden.
    assert_eq!(first.others, None);
    other.batch_execute("BEGIN; SELECT txid_current()").unwrap();
    until(&mut plain, |it| {
        it.others == Some(1) && is(Signal::ActiveSessions, |it| it > 0.4)(it)
    });
    other.batch_execute("COMMIT").unwrap();
    let mut looks = Looks::new(plain, &Signal::ALL, Limits::default());
    looks.until("work", |it| share(it) > 0.0);
    other.batch_execute("GRANT pg_monitor TO plain").unwrap();
    let mut sees = PostgresGauge::connect(&url, everything()).unwrap();
    until(&mut sees, |it| nothing_missing(it) && it.others == Some(0));
}

/// Stops a process of the server, or lets it go on.
fn signal(pid: i32, name: &str) {
    let status = Command::new("kill")
        .args([name, &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_server_that_does_not_answer_stops_it() {
    let server = server(&[]);
    let mut looks = Looks::new(
        gauge(&server, everything()),
        &Signal::ALL,
        Limits::default(),
    );
    looks.until("work", |it| share(it) > 0.0);
    let find = "SELECT pid FROM pg_stat_activity WHERE application_name = 'switchback gauge'";
    let mut asks = client(&server);
    let backend: i32 = asks.query_one(find, &[]).unwrap().get(0);
    signal(backend, "-STOP");
    let begun = Instant::now();
    let readings = looks.gauge.read();
    let took = begun.elapsed();
    signal(backend, "-CONT");
    // It gives up after a second; whoever does not would wait for ever.
    assert!(took < DEADLINE, "{took:?}");
    assert_eq!(missing(&readings).len(), Signal::ALL.len());
    assert!(missing(&readings)[0].ends_with("the server did not answer within a second"));
    looks.until("again", |it| share(it) > 0.0);

    // A connection that is lost is made again.
    asks.execute("SELECT pg_terminate_backend($1)", &[&backend])
        .unwrap();
    looks.until("lost", |it| it.batch.is_none());
    looks.until("found again", |it| share(it) > 0.0);
    let another: i32 = asks.query_one(find, &[]).unwrap().get(0);
    assert_ne!(another, backend);

    // A server that is gone stays missing.
    drop((asks, server));
    let gone = looks.until("gone", |it| it.batch.is_none());
    assert!(gone.reason.contains("is not known"), "{gone:?}");
}

#[test]
fn a_row_is_probed_by_its_key_whatever_the_key_is() {
    let server = server(&[]);
    let mut works = client(&server);
    works
        .batch_execute(
            "CREATE SCHEMA \"odd %s\"; CREATE TABLE \"odd %s\".\"it's\" (
                 \"a %L\" text, b uuid, PRIMARY KEY (\"a %L\", b));
             INSERT INTO \"odd %s\".\"it's\" SELECT 'it''s \\ ' || n, md5(n::text)::uuid
                 FROM generate_series(1, 5000) n;
             CREATE TABLE empty (id int PRIMARY KEY);
             CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
             CREATE TABLE part PARTITION OF parts FOR VALUES FROM (1) TO (1000);
             INSERT INTO parts SELECT n FROM generate_series(1, 999) n",
        )
        .unwrap();
    for (table, key) in [
        ("\"odd %s\".\"it's\"", vec!["a %L", "b"]),
        ("empty", vec!["id"]),
        ("parts", vec!["id"]),
        ("t", vec![]),
    ] {
        let options = GaugeOptions {
            table: table.to_owned(),
            key: key.iter().map(|it| (*it).to_owned()).collect(),
            ..options(&[Signal::Probe])
        };
        let mut gauge = gauge(&server, options);
        until(&mut gauge, is(Signal::Probe, |it| it > 0.0));
        let last = "SELECT query FROM pg_stat_activity WHERE application_name = 'switchback gauge'";
        let query: String = works.query_one(last, &[]).unwrap().get(0);
        let by_key = !key.is_empty() && table != "empty";
        assert_eq!(
            query.contains(" FROM pg_catalog.pg_class "),
            !by_key,
            "{query}"
        );
        if by_key {
            // It finds exactly one row, by its index.
            let rows = works.query(&query, &[]).unwrap();
            assert_eq!(rows.len(), 1, "{query}");
            let plan: Vec<String> = works
                .query(&format!("EXPLAIN {query}"), &[])
                .unwrap()
                .iter()
                .map(|row| row.get(0))
                .collect();
            assert!(plan.join(" ").contains("Index"), "{plan:?}");
        }
        drop(gauge);
        let end = Instant::now() + DEADLINE;
        while !works.query(last, &[]).unwrap().is_empty() {
            assert!(Instant::now() < end, "a gauge that is dropped disconnects");
            thread::sleep(Duration::from_millis(10));
        }
    }
}
