//! Tables of a real PostgreSQL server filled with made-up rows.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "these are the helpers of tests")]

#[path = "synth/keys.rs"]
mod keys;
#[path = "synth/shapes.rs"]
mod shapes;
#[path = "synth/values.rs"]
mod values;

use postgres::{Client, NoTls, SimpleQueryMessage};
use switchback_db::postgres::synth::{Filled, Outcome, Request, fill};

/// A database with a schema in it.
fn database(schema: &str) -> Client {
    let url = switchback_testkit::postgres::server()
        .unwrap()
        .database()
        .unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(schema).unwrap();
    client
}

/// Fills every table with so many rows, all of which there must be.
fn filled(client: &mut Client, rows: u64) -> Filled {
    let filled = fill(client, &Request::new(7, rows)).unwrap();
    for table in &filled.tables {
        let complete = matches!(table.outcome, Outcome::Complete | Outcome::Untouched);
        assert!(complete, "{table:?}");
        assert_eq!(table.triggers_off, None, "{table:?}");
    }
    filled
}

/// All rows of an answer, each as its fields with a bar between them.
fn lines(client: &mut Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).unwrap();
    let line = |message| match message {
        SimpleQueryMessage::Row(row) => {
            let fields: Vec<&str> = (0..row.len()).map(|i| row.get(i).unwrap_or("∅")).collect();
            Some(fields.join("|"))
        }
        _ => None,
    };
    messages.into_iter().filter_map(line).collect()
}

/// The one number that a query gives.
fn number(client: &mut Client, sql: &str) -> i64 {
    lines(client, sql)[0].parse().unwrap()
}
