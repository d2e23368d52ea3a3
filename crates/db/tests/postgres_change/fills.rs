//! Fills: beside writers, from where they stopped, on tables of every kind, and taken back.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use switchback_db::postgres::change::{Progress, Unfit};
use switchback_model::plan::{Fill, Run};

use super::waiting::script;
use super::*;

fn fill(table: &str, column: &str, value: &str, keep_undo: bool) -> Fill {
    Fill {
        change: ChangeId::new("it").unwrap(),
        step: StepName::new("fill").unwrap(),
        table: table.to_owned(),
        set: [(column.to_owned(), value.to_owned())].into(),
        only: None,
        batch_rows: 100,
        keep_undo,
    }
}

/// Tables of 3,000 rows whose `b` is to become `upper(a)`: the columns that make the key, what
/// follows the columns, and whether former values can be kept.
const KINDS: [(&str, &str, bool); 4] = [
    ("PRIMARY KEY (id)", "", true),
    ("UNIQUE (a)", "", true),
    ("CHECK (true)", "", false),
    ("PRIMARY KEY (id, n)", "PARTITION BY RANGE (id)", true),
];

fn table(key: &str, parts: &str) -> String {
    let mut sql = format!(
        "CREATE TABLE t (id bigint NOT NULL, n bigint NOT NULL DEFAULT 0, a text NOT NULL, b text,
           updates bigint NOT NULL DEFAULT 0, {key}) {parts};"
    );
    if !parts.is_empty() {
        sql.push_str(
            "CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (MINVALUE) TO (1000);
             CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (1000) TO (MAXVALUE);",
        );
    }
    sql.push_str(
        "INSERT INTO t (id, a) SELECT g, 'a' || g FROM generate_series(1, 3000) AS g;
         CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN NEW.b := upper(NEW.a); RETURN NEW; END $$;",
    );
    sql
}

/// Writers of an application, each on random rows, until told to stop. Returns how often they wrote.
fn write(url: &str, seed: i64, next: &AtomicI64, stop: &AtomicBool) -> i64 {
    let mut client = client(url);
    let mut writes = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = (writes * 7919 + seed * 104_729) % 3000 + 1;
        let sql = "UPDATE t SET a = a || 'x', updates = updates + 1 WHERE id = $1";
        assert_eq!(client.execute(sql, &[&id]).unwrap(), 1);
        let id = next.fetch_add(1, Ordering::Relaxed);
        let sql = "INSERT INTO t (id, a, updates) VALUES ($1, 'new' || $1::bigint, 1)";
        client.execute(sql, &[&id]).unwrap();
        writes += 2;
    }
    writes
}

#[test]
fn beside_writers_no_update_is_lost_and_no_row_left() {
    for (key, parts, keep) in KINDS {
        let (url, mut client) = database(&table(key, parts));
        // Before version 13 a partitioned table cannot have such a trigger itself.
        let stored: &[&str] = match parts {
            "" => &["t"],
            _ => &["t_low", "t_high"],
        };
        for table in stored {
            client
                .batch_execute(&format!(
                    "CREATE TRIGGER keep BEFORE INSERT OR UPDATE OF a ON {table}
                     FOR EACH ROW EXECUTE FUNCTION keep()"
                ))
                .unwrap();
        }
        let fill = fill("public.t", "b", "upper(a)", keep);
        let (stop, next) = (AtomicBool::new(false), AtomicI64::new(10_000));
        let writes: i64 = thread::scope(|scope| {
            let writers = [1, 2, 3].map(|seed| {
                scope.spawn({
                    let (url, next, stop) = (&url, &next, &stop);
                    move || write(url, seed, next, stop)
                })
            });
            let ended = open(&url).fill(&fill, &mut (), &mut |_| Next::Continue);
            stop.store(true, Ordering::Relaxed);
            let FillEnd::Done(at) = ended.unwrap() else {
                panic!("{key}: it did nothing")
            };
            assert!(at.batches >= 5, "{key}: {at:?}");
            writers.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert!(writes > 0);
        let sum = "SELECT sum(updates)::bigint FROM t";
        assert_eq!(number(&mut client, sum), writes, "{key}: lost updates");
        let differ = "SELECT count(*) FROM t WHERE b IS DISTINCT FROM upper(a)";
        assert_eq!(number(&mut client, differ), 0, "{key}");
        let probed = open(&url).probe(&Effect::Fill(fill.clone())).unwrap();
        assert_eq!(probed, Probed::Done, "{key}");
    }
}

#[test]
fn rows_that_come_without_their_value_are_found() {
    let (url, mut client) = database(&table("PRIMARY KEY (id)", ""));
    let fill = fill("public.t", "b", "upper(a)", true);
    // Behind the place that the fill has reached, after each batch.
    let mut id = 0_i64;
    let error = open(&url)
        .fill(&fill, &mut (), &mut |_| {
            id -= 1;
            let sql = "INSERT INTO t (id, a) VALUES ($1, 'late' || $1::bigint)";
            client.execute(sql, &[&id]).unwrap();
            Next::Continue
        })
        .unwrap_err();
    assert!(
        matches!(error, ChangeError::StillDiffers { rows: 1.., .. }),
        "{error}"
    );
    let probed = open(&url).probe(&Effect::Fill(fill.clone())).unwrap();
    assert_eq!(probed, Probed::Partial);
    // Once they come no more it ends.
    assert!(perform(&mut open(&url), &Effect::Fill(fill)).unwrap());
    let differ = "SELECT count(*) FROM t WHERE b IS DISTINCT FROM upper(a)";
    assert_eq!(number(&mut client, differ), 0);
}

#[test]
fn what_was_stopped_goes_on_from_there() {
    for (key, parts, keep) in KINDS {
        let (url, mut client) = database(&table(key, parts));
        let before = rows(&mut client, "t");
        let fill = fill("public.t", "b", "upper(a)", keep);
        let stop = |_: &Progress| Next::Stop;
        let mut runs = 0;
        let last = loop {
            runs += 1;
            match open(&url).fill(&fill, &mut (), &mut stop.clone()).unwrap() {
                FillEnd::Stopped(_) => {}
                FillEnd::Done(at) => break at,
                FillEnd::Already => panic!("{key}: it was never done"),
            }
        };
        assert!(runs > 5, "{key}: {runs}");
        // A row that moves to a later page is looked at there once more.
        assert_eq!(last.rows_changed, 3000, "{key}: {last:?}");
        assert!((3000..4000).contains(&last.rows_scanned), "{key}: {last:?}");
        if !keep {
            let error = open(&url)
                .unfill(&fill, &mut (), &mut stop.clone())
                .unwrap_err();
            assert!(matches!(error, ChangeError::NothingKept { .. }), "{error}");
            continue;
        }
        // Somebody changes a value that was filled; that one stays.
        client
            .execute("UPDATE t SET b = 'mine' WHERE id = 7", &[])
            .unwrap();
        while let FillEnd::Stopped(_) = open(&url)
            .unfill(&fill, &mut (), &mut stop.clone())
            .unwrap()
        {}
        let probed = open(&url).probe(&Effect::Unfill(fill.clone())).unwrap();
        assert_eq!(probed, Probed::Done, "{key}");
        assert_eq!(
            number(&mut client, "SELECT count(*) FROM t WHERE b = 'mine'"),
            1
        );
        client
            .execute("UPDATE t SET b = NULL WHERE id = 7", &[])
            .unwrap();
        assert_eq!(rows(&mut client, "t"), before, "{key}");
        assert_eq!(
            number(
                &mut client,
                "SELECT count(*) FROM _switchback.backfill_undo"
            ),
            0
        );
    }
}

/// The backend of whoever is at it is ended in the middle of a batch; another one goes on with what
/// it had on lease, and takes everything back.
#[test]
fn what_a_session_left_is_gone_on_with_by_another_and_taken_back() {
    let (url, mut client) = database(&table("PRIMARY KEY (id)", ""));
    client
        .batch_execute("UPDATE t SET b = 'old' WHERE id % 3 = 0; ANALYZE t")
        .unwrap();
    let before = rows(&mut client, "t");
    let fill = fill("public.t", "b", "upper(a)", true);
    let mut batches = 0;
    let lost = open(&url).fill(&fill, &mut (), &mut |_| {
        batches += 1;
        if batches == 4 {
            client
                .batch_execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'switchback'",
                )
                .unwrap();
        }
        Next::Continue
    });
    let error = lost.unwrap_err();
    assert!(
        matches!(error, ChangeError::Lost { .. } | ChangeError::Sql { .. }),
        "{error}"
    );
    let leased = "SELECT count(*) FROM _switchback.backfill_range WHERE status = 'leased'";
    assert_eq!(number(&mut client, leased), 1);
    let probed = open(&url).probe(&Effect::Fill(fill.clone())).unwrap();
    assert_eq!(probed, Probed::Partial);

    let FillEnd::Done(at) = open(&url)
        .fill(&fill, &mut (), &mut |_| Next::Continue)
        .unwrap()
    else {
        panic!("it was never done")
    };
    assert_eq!(at.rows_changed, 3000, "{at:?}");
    let wrong = "SELECT count(*) FROM t WHERE b IS DISTINCT FROM upper(a)";
    assert_eq!(number(&mut client, wrong), 0);
    let taken = "SELECT max(attempts)::bigint FROM _switchback.backfill_range";
    assert!(number(&mut client, taken) > 1);

    client
        .execute("UPDATE t SET b = 'mine' WHERE id IN (3, 4)", &[])
        .unwrap();
    let FillEnd::Done(at) = open(&url)
        .unfill(&fill, &mut (), &mut |_| Next::Continue)
        .unwrap()
    else {
        panic!("there was nothing to take back")
    };
    assert_eq!((at.rows_changed, at.rows_left), (2998, 2), "{at:?}");
    client
        .batch_execute("UPDATE t SET b = CASE id WHEN 3 THEN 'old' END WHERE id IN (3, 4)")
        .unwrap();
    assert_eq!(rows(&mut client, "t"), before);
}

/// A row that refuses what it should get ends the step, with what the database says; what was done
/// before it stays, and once the row is mended the step goes on.
#[test]
fn a_row_that_refuses_ends_the_step_and_mended_it_goes_on() {
    let (url, mut client) = database(&table("PRIMARY KEY (id)", ""));
    client
        .batch_execute("UPDATE t SET a = 'none' WHERE id = 1500")
        .unwrap();
    let fill = fill("public.t", "b", "substr(a, 2)::integer::text", true);
    for _ in 0..2 {
        let error = open(&url)
            .fill(&fill, &mut (), &mut |_| Next::Continue)
            .unwrap_err();
        assert_eq!(error.code(), Some("22P02"), "{error}");
    }
    let probed = open(&url).probe(&Effect::Fill(fill.clone()));
    assert_eq!(probed.unwrap(), Probed::Partial);
    let failures = "SELECT count(*) FROM _switchback.backfill_failure";
    assert_eq!(number(&mut client, failures), 0);
    client
        .batch_execute("UPDATE t SET a = 'a1500' WHERE id = 1500")
        .unwrap();
    assert!(perform(&mut open(&url), &Effect::Fill(fill)).unwrap());
    let wrong = "SELECT count(*) FROM t WHERE b IS DISTINCT FROM id::text";
    assert_eq!(number(&mut client, wrong), 0);
}

#[test]
fn former_values_that_nobody_needs_are_removed() {
    let (url, mut client) = database(&table("PRIMARY KEY (id)", ""));
    // More than are removed in one transaction.
    let more = "INSERT INTO t (id, a) SELECT g, 'a' || g FROM generate_series(3001, 12000) AS g";
    client.batch_execute(more).unwrap();
    let mut engine = open(&url);
    let ended = engine.fill(
        &fill("public.t", "b", "upper(a)", true),
        &mut (),
        &mut |_| Next::Continue,
    );
    assert!(matches!(ended, Ok(FillEnd::Done(_))));
    let kept = "SELECT coalesce(sum(rows), 0)::bigint FROM _switchback.backfill_undo";
    assert_eq!(number(&mut client, kept), 12_000);
    let gone = script("drop", "ALTER TABLE t DROP COLUMN b;", Run::Transaction);
    assert!(perform(&mut engine, &Effect::Script(gone)).unwrap());
    assert_eq!(number(&mut client, kept), 0);
    let forgotten = "SELECT count(*) FROM _switchback.backfill";
    assert_eq!(number(&mut client, forgotten), 0);
}

/// Keeps why former values could not be removed.
#[derive(Default)]
struct Untidied(Vec<String>);

impl Observer for Untidied {
    fn waiting(&mut self, _: &Waiting) {}

    fn not_tidied(&mut self, error: &ChangeError) {
        self.0.push(with_sources(error));
    }
}

#[test]
fn former_values_that_cannot_be_removed_are_told_of_and_removed_later() {
    let (url, mut client) = database(&table("PRIMARY KEY (id)", ""));
    let mut engine = open(&url);
    let filled = Effect::Fill(fill("public.t", "b", "upper(a)", true));
    assert!(perform(&mut engine, &filled).unwrap());
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE 'nothing goes'; END $$;
             CREATE TRIGGER refuse BEFORE DELETE ON _switchback.backfill_undo
               FOR EACH STATEMENT EXECUTE FUNCTION public.refuse()",
        )
        .unwrap();
    let kept = "SELECT coalesce(sum(rows), 0)::bigint FROM _switchback.backfill_undo";
    let drop = script("drop", "ALTER TABLE t DROP COLUMN b;", Run::Transaction);
    let mut untidied = Untidied::default();
    // The step is done all the same.
    let ran = engine.run_script(&drop, "test", now(), &mut untidied);
    assert!(!ran.unwrap().already);
    assert_eq!(untidied.0.len(), 1, "{:?}", untidied.0);
    assert!(untidied.0[0].contains("nothing goes"), "{:?}", untidied.0);
    assert_eq!(number(&mut client, kept), 3000);

    client
        .batch_execute("DROP TRIGGER refuse ON _switchback.backfill_undo")
        .unwrap();
    assert!(!perform(&mut engine, &Effect::Script(drop)).unwrap());
    assert_eq!(number(&mut client, kept), 0);
}

#[test]
fn former_values_of_every_type_come_back_as_they_were() {
    let values = [
        ("numeric(10,2)", "id + 0.5", "round(id / 3.0, 2)"),
        ("numeric", "1.0::numeric", "1.00::numeric"),
        ("double precision", "0.1 + id", "'NaN'::double precision"),
        (
            "timestamptz",
            "'2026-10-25 02:30:00+01'::timestamptz + id * interval '1 hour'",
            "'2026-10-25 02:30:00+02'::timestamptz",
        ),
        (
            "interval",
            "interval '1 mon -3 days 04:05'",
            "interval '27 days 04:05'",
        ),
        ("json", "'{\"a\":  1}'::json", "'{\"a\": 1}'::json"),
        ("jsonb", "'{\"a\": 1}'::jsonb", "NULL"),
        ("bytea", "'\\x00ff'::bytea", "'\\x'::bytea"),
        ("text[]", "ARRAY['a', NULL, '{,\"']", "'{}'::text[]"),
        ("char(4)", "'a'", "'b'"),
        ("varchar(3)", "'abc'", "'ab'"),
        ("date", "'infinity'::date", "'0044-03-15 BC'::date"),
        (
            "uuid",
            "'00000000-0000-0000-0000-000000000001'::uuid",
            "NULL",
        ),
        ("point", "point(1, 2)", "point(3, 4)"),
        ("text COLLATE \"C\"", "'größe'", "'GRÖSSE'"),
        ("boolean", "id % 2 = 0", "id % 3 = 0"),
    ];
    for (type_sql, first, then) in values {
        let (url, mut client) = database(&format!(
            "CREATE TABLE t (id integer PRIMARY KEY, b {type_sql});
             INSERT INTO t SELECT id, {first} FROM generate_series(1, 20) AS id; INSERT INTO t VALUES (0)"
        ));
        let name = url.rsplit('/').next().unwrap();
        client
            .batch_execute(&format!("ALTER DATABASE {name} SET DateStyle = 'German'"))
            .unwrap();
        let before = rows(&mut client, "t");
        let fill = fill("t", "b", then, true);
        let done = perform(&mut open(&url), &Effect::Fill(fill.clone()));
        done.unwrap_or_else(|error| panic!("{type_sql}: {}", with_sources(&error)));
        assert_ne!(rows(&mut client, "t"), before, "{type_sql}");
        perform(&mut open(&url), &Effect::Unfill(fill)).unwrap();
        assert_eq!(rows(&mut client, "t"), before, "{type_sql}");
    }
}

#[test]
fn names_are_what_they_are_and_nothing_comes_before_the_servers_own() {
    let (url, mut client) = database(
        "CREATE SCHEMA \"order\"; CREATE SCHEMA evil;
         CREATE TABLE \"order\".\"say \"\"hi\"\" ;--\" (\"select\" text COLLATE \"C\", \"größe\" text,
             \"Group\" integer, PRIMARY KEY (\"Group\", \"select\"));
         INSERT INTO \"order\".\"say \"\"hi\"\" ;--\"
             SELECT chr(g), 'v' || g, g % 3 FROM generate_series(33, 300) AS g;
         CREATE FUNCTION evil.upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'stolen' $$;
         CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE sql AS
             $$ SELECT 'pg_catalog.pg_class'::regclass $$;
         CREATE FUNCTION evil.pg_backend_pid() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;
         CREATE TABLE evil.pg_class (oid oid)",
    );
    client
        .batch_execute(&format!(
            "ALTER DATABASE {} SET search_path = evil, \"order\", pg_catalog",
            url.rsplit('/').next().unwrap()
        ))
        .unwrap();
    let name = "\"order\".\"say \"\"hi\"\" ;--\"";
    let before = rows(&mut client, name);
    let fill = fill(name, "größe", "upper(\"select\")", true);
    assert!(perform(&mut open(&url), &Effect::Fill(fill.clone())).unwrap());
    let sql = format!("SELECT count(*) FROM {name} WHERE \"größe\" = pg_catalog.upper(\"select\")");
    assert_eq!(number(&mut client, &sql), 268);
    perform(&mut open(&url), &Effect::Unfill(fill)).unwrap();
    assert_eq!(rows(&mut client, name), before);
}

#[test]
fn tables_that_cannot_be_walked_are_refused() {
    let fit = |sql: &str, role: Option<&str>| {
        let (url, mut client) = database(sql);
        if let Some(role) = role {
            let database = url.rsplit('/').next().unwrap();
            client
                .batch_execute(&format!(
                    "DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
                     GRANT ALL ON DATABASE {database} TO {role}; GRANT ALL ON t TO {role}"
                ))
                .unwrap();
        }
        let url = role.map_or(url.clone(), |role| {
            url.replacen("postgres@", &format!("{role}@"), 1)
        });
        let fill = Effect::Fill(fill("public.t", "b", "'x'", true));
        match perform(&mut open(&url), &fill) {
            Err(ChangeError::Unfit { reason, .. }) => reason,
            other => panic!("{sql}: {other:?}"),
        }
    };
    assert_eq!(fit("CREATE TABLE t (a int, b text)", None), Unfit::NoKey);
    assert_eq!(
        fit("CREATE TABLE t (a int UNIQUE, b text)", None),
        Unfit::NoKey
    );
    assert_eq!(
        fit("CREATE TABLE t (b text PRIMARY KEY)", None),
        Unfit::NoKey
    );
    assert_eq!(
        fit("CREATE VIEW t AS SELECT 1 AS a, 'x'::text AS b", None),
        Unfit::NotATable
    );
    let inherited = "CREATE TABLE t (a int PRIMARY KEY, b text); CREATE TABLE u () INHERITS (t)";
    assert_eq!(fit(inherited, None), Unfit::Inherited);
    let secured = "CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t VALUES (1), (2);
                   ALTER TABLE t ENABLE ROW LEVEL SECURITY;
                   CREATE POLICY odd ON t USING (a % 2 = 1)";
    assert!(matches!(
        fit(secured, Some("clerk")),
        Unfit::RowSecurity { .. }
    ));
}
