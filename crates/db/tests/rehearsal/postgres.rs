//! On PostgreSQL.

#[path = "../postgres_change/stories.rs"]
#[expect(
    dead_code,
    reason = "the code in it is written by hand; here it is derived"
)]
mod stories;

use ::postgres::{Client, NoTls};
use switchback_db::postgres::rehearsal::{PostgresBench, Rows};
use switchback_db::postgres::schema;
use switchback_db::rehearsal::{Options, Outcome, Report, rehearse};
use switchback_migration::Definition;
use switchback_migration::definition::Work;
use switchback_migration::operation::request::Request;
use switchback_migration::postgres::plan;
use switchback_model::ChangeId;

const SHOP: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE countries (code text PRIMARY KEY);
    CREATE TABLE users (
        id bigint PRIMARY KEY,
        full_name text NOT NULL,
        street text NOT NULL, city text NOT NULL,
        email_addr varchar(80) NOT NULL UNIQUE CHECK (email_addr <> ''),
        fax text,
        pager text NOT NULL,
        amount integer NOT NULL,
        country text,
        settings json,
        mood mood NOT NULL DEFAULT 'happy',
        state text NOT NULL DEFAULT 'new' CONSTRAINT state_known CHECK (state IN ('new', 'old'))
    );
    CREATE INDEX users_city ON users (city);
    CREATE INDEX users_email ON users (email_addr, city);
    CREATE VIEW addresses AS SELECT id, email_addr FROM users;
    CREATE TABLE faxes (id bigint PRIMARY KEY, number text);
    CREATE TABLE orders (id bigint, at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
    CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');";

fn database() -> (String, Client) {
    let server = switchback_testkit::postgres::server().unwrap();
    let url = server.database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(SHOP).unwrap();
    (url, client)
}

fn planned(client: &mut Client, request: &Request) -> Definition {
    let known = schema::read(client).unwrap();
    plan(&known, &ChangeId::new("it").unwrap(), request).unwrap()
}

fn options() -> Options {
    Options {
        clients: 2,
        rows_each: 6,
        settle: 25,
        ..Options::default()
    }
}

fn rehearsed(url: &str, definition: &Definition, each: u64) -> Report {
    let rows = Rows::MadeUp { each, seed: 1 };
    let (mut bench, workload) = PostgresBench::open(url, definition, rows).unwrap();
    rehearse(&mut bench, definition, &workload, &options(), &mut |_| ()).unwrap()
}

fn every_operation(each: u64) {
    for story in stories::stories() {
        let (url, mut client) = database();
        let definition = planned(&mut client, &story.request);
        let report = rehearsed(&url, &definition, each);
        let what = story.name;
        assert!(report.is_clean(), "{what}: {:#?}", wrong(&report));
        assert_eq!(report.rows, each, "{what}");
        assert_eq!(report.steps.len(), definition.steps.len(), "{what}");
        // Code did work at every step at which there is something for it to do.
        for (it, step) in report.steps.iter().zip(&definition.steps) {
            let idle =
                what == "drop a table" && it.versions.iter().all(|at| at.as_str() == "stop-writes");
            assert!(it.measured.usual.count > 0 || idle, "{what}, {}", it.step);
            if let Work::Database { .. } = step.work {
                assert!(it.up.is_some() && it.measured.again.is_some(), "{what}");
            }
        }
        // Only what cannot be computed back keeps old code away.
        let lossy = what.contains("without a way back") || what == "drop a table";
        assert_eq!(report.back_ends_at.is_some(), lossy, "{what}");
    }
}

fn wrong(report: &Report) -> Vec<String> {
    let all = report.steps.iter().chain(&report.back);
    all.filter(|it| it.outcome != Outcome::Passed)
        .map(|it| format!("{} {:?}: {:#?}", it.step, it.outcome, it.faults))
        .collect()
}

#[test]
fn every_operation_with_rows() {
    every_operation(200);
}

#[test]
fn every_operation_without_rows() {
    every_operation(0);
}
