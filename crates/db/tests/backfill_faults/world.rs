//! A server that may crash, a table, and what becomes of every row of it.

use std::process::Command;
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::change::Options;
use switchback_migration::backfill::{Job, JobStatus, Strategy};
use switchback_model::BackfillId;
use switchback_scratch::Server;

/// How long anything may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A server of its own: others would not like its crashes.
pub(crate) fn server() -> Server {
    let options = switchback_scratch::Options::default()
        .set("max_connections", "60")
        // A crash tears no page then, as on any real server.
        .set("full_page_writes", "on")
        // What was committed without waiting for the disk is still in memory when it crashes.
        .set("wal_writer_delay", "5s");
    Server::start(&options).unwrap()
}

/// The table, and a row in `audit` for every version of a row of it, by whom, in the order in which
/// each row got them. The key is a number, or a text and a number.
pub(crate) fn schema(rows: u32, composite: bool) -> String {
    let key = if composite { "region, id" } else { "id" };
    format!(
        "CREATE TABLE users (id bigint NOT NULL, region text NOT NULL, email text NOT NULL, note text,
           pinned boolean NOT NULL DEFAULT false, slug text, PRIMARY KEY ({key}));
         CREATE INDEX ON users (id);
         INSERT INTO users SELECT n, 'r' || n % 3, 'User' || n || '@Example.com', repeat('x', 200),
           n % 50 = 9, CASE n % 10 WHEN 7 THEN 'old ' || n WHEN 8 THEN 'user' || n || '@example.com' END
           FROM generate_series(1, {rows}) AS n;
         ANALYZE users;
         CREATE TABLE original AS SELECT * FROM users;
         CREATE TABLE audit (seq bigserial PRIMARY KEY, xid bigint NOT NULL, who text NOT NULL,
           id bigint NOT NULL, was jsonb, now jsonb);
         CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             INSERT INTO audit (xid, who, id, was, now) VALUES (txid_current(),
               current_setting('application_name'), coalesce(NEW.id, OLD.id),
               CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
               CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
             RETURN NULL;
           END $$;
         CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON users
           FOR EACH ROW EXECUTE FUNCTION audit();"
    )
}

/// Rows in `batches` for every batch of a worker, and in `undone` for every batch that was put back.
pub(crate) const CONTROL: &str = "
    CREATE TABLE batches (xid bigint NOT NULL, who text NOT NULL, sweep int NOT NULL,
      number int NOT NULL, worker text, epoch bigint NOT NULL, same_epoch boolean NOT NULL,
      was_leased boolean NOT NULL, changed bigint NOT NULL);
    CREATE FUNCTION batches() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO batches VALUES (txid_current(), current_setting('application_name'), OLD.sweep,
          OLD.number, OLD.worker, OLD.epoch, OLD.epoch = NEW.epoch, OLD.status = 'leased',
          NEW.changed - OLD.changed);
        RETURN NULL;
      END $$;
    CREATE TRIGGER batches AFTER UPDATE ON _switchback.backfill_range FOR EACH ROW
      WHEN (OLD.batches <> NEW.batches OR OLD.changed <> NEW.changed OR OLD.place <> NEW.place)
      EXECUTE FUNCTION batches();
    CREATE TABLE undone (xid bigint NOT NULL, who text NOT NULL, op text NOT NULL,
      number bigint NOT NULL, rows int NOT NULL);
    CREATE FUNCTION undone() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO undone VALUES (txid_current(), current_setting('application_name'), TG_OP,
          coalesce(NEW.number, OLD.number), coalesce(NEW.rows, OLD.rows));
        RETURN NULL;
      END $$;
    CREATE TRIGGER undone AFTER INSERT OR DELETE ON _switchback.backfill_undo
      FOR EACH ROW EXECUTE FUNCTION undone();";

pub(crate) fn options() -> Options {
    Options {
        lock_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(600),
        retries: 0,
        watch_every: Duration::from_millis(20),
        ..Options::default()
    }
}

pub(crate) fn job(text: &str) -> Job {
    let text = format!("schema = \"switchback.backfill/v1\"\n{text}");
    Job::parse(BackfillId::new("it").unwrap(), &text).unwrap()
}

/// What is filled: every row but those that somebody took into his own hands.
fn slug() -> Job {
    job("table = \"users\"\nonly = \"NOT pinned\"\n[set]\nslug = \"lower(email)\"")
}

/// The same by a program, which dies now and then.
pub(crate) fn slug_by_program() -> Job {
    let script = r#"BEGIN { $| = 1; print qq({"protocol":"switchback.rows/v1"}\n) }
        if (/"row":(\d+),.*"email":"([^"]*)"/) {
            kill 9, $$ if rand() < 0.002;
            my $slug = lc $2; print qq({"row":$1,"set":{"slug":"$slug"}}\n);
        }"#;
    job(&format!(
        "table = \"users\"\nonly = \"NOT pinned AND slug IS DISTINCT FROM lower(email)\"\n\
         [program]\ncolumns = [\"slug\"]\nreads = [\"email\"]\ncommand = {}",
        serde_json::json!(["perl", "-ne", script])
    ))
}

/// The same said by a query, from what another table has of each row by now.
fn slug_by_query() -> Job {
    job(
        "table = \"users\"\nonly = \"NOT pinned\"\n[query]\ncolumns = [\"slug\"]\n\
         sql = \"SELECT b.id, b.region, max(lower(u.email)) AS slug FROM {batch} AS b \
         JOIN users AS u ON u.id = b.id GROUP BY b.id, b.region\"",
    )
}

/// What stands in a database whose job is said by a query.
pub(crate) const QUERIED: &str = "CREATE TABLE queried ()";

/// The job of a database.
pub(crate) fn job_of(url: &str) -> Job {
    let sql = "SELECT to_regclass('queried') IS NOT NULL";
    match ask(url, |client| client.query_one(sql, &[])?.try_get(0)) {
        true => slug_by_query(),
        false => slug(),
    }
}

/// How a job says what rows get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Expression,
    Query,
    Program,
}

/// How somebody of a name connects.
pub(crate) fn named(url: &str, who: &str) -> Config {
    let mut config: Config = url.parse().unwrap();
    config.application_name(who);
    config
}

/// Connects, also to a server that is just coming up.
pub(crate) fn connect(url: &str, who: &str) -> Client {
    let end = Instant::now() + DEADLINE;
    loop {
        match named(url, who).connect(NoTls) {
            Ok(client) => return client,
            Err(error) if Instant::now() > end => panic!("{error:?}"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

pub(crate) fn open(url: &str) -> PostgresDatabase {
    let end = Instant::now() + DEADLINE;
    loop {
        match PostgresDatabase::open(named(url, "control"), Options::default(), 1) {
            Ok(database) => return database,
            Err(error) if Instant::now() > end => panic!("{error:?}"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Asks until the server answers.
pub(crate) fn ask<T>(url: &str, question: impl Fn(&mut Client) -> Result<T, postgres::Error>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        match question(&mut connect(url, "control")) {
            Ok(answer) => return answer,
            Err(error) if error.as_db_error().is_some_and(|it| !gone(it)) => panic!("{error:?}"),
            Err(error) if Instant::now() > end => panic!("{error:?}"),
            Err(_) => {}
        }
    }
}

fn gone(error: &postgres::error::DbError) -> bool {
    error.code().code().starts_with("57P")
}

/// Where the job stands.
pub(crate) fn status(url: &str) -> JobStatus {
    let word: String = ask(url, |client| {
        let sql = "SELECT status FROM _switchback.backfill";
        client.query_one(sql, &[])?.try_get(0)
    });
    JobStatus::of_word(&word).unwrap()
}

pub(crate) fn number(url: &str, sql: &str) -> i64 {
    ask(url, |client| client.query_one(sql, &[])?.try_get(0))
}

/// Begins the job.
pub(crate) fn begin(url: &str, strategy: Strategy) {
    begin_job(url, &job_of(url), strategy);
}

pub(crate) fn begin_job(url: &str, job: &Job, strategy: Strategy) {
    let mut database = open(url);
    database.begin_backfill(job, strategy, true, false).unwrap();
    connect(url, "control").batch_execute(CONTROL).unwrap();
}

pub(crate) fn signal(pid: i64, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// Crashes the server: one of its processes dies by SIGKILL, the others are ended at once, and it
/// recovers from its log. What was not written to that is lost.
pub(crate) fn crash(url: &str) {
    let mut victim = connect(url, "victim");
    let pid: i32 = victim
        .query_one("SELECT pg_backend_pid()", &[])
        .unwrap()
        .get(0);
    signal(i64::from(pid), "KILL");
    let end = Instant::now() + DEADLINE;
    while !victim.is_closed() && victim.batch_execute("SELECT 1").is_ok() {
        assert!(Instant::now() < end, "it lives");
    }
    drop(connect(url, "control"));
}
