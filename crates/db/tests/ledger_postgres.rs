//! A ledger in PostgreSQL in bad hands, and a server that goes away.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "these are the helpers of tests")]

use postgres::{Client, NoTls};
use switchback_db::ledger::PostgresStore;
use switchback_ledger::conformance::{keys, record, records};
use switchback_ledger::{Error, Ledger, Store, StoreError, StoreFault, VerifyOptions, verify};

fn database() -> String {
    switchback_testkit::postgres::server()
        .unwrap()
        .database()
        .unwrap()
}

fn fault<T: std::fmt::Debug>(result: Result<T, StoreError>) -> StoreFault {
    result.unwrap_err().fault()
}

fn sql(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap()
}

#[test]
fn a_ledger_is_made_once() {
    let url = database();
    assert_eq!(fault(PostgresStore::connect(&url)), StoreFault::Missing);
    PostgresStore::create(&url).unwrap();
    assert_eq!(fault(PostgresStore::create(&url)), StoreFault::Exists);
    PostgresStore::connect(&url).unwrap();
}

#[test]
fn a_newer_format_is_named() {
    let url = database();
    PostgresStore::create(&url).unwrap();
    sql(&url)
        .batch_execute("UPDATE switchback.head SET format = 9")
        .unwrap();
    let newer = StoreFault::NewerFormat { found: 9, known: 1 };
    assert_eq!(fault(PostgresStore::connect(&url)), newer);
}

#[test]
fn a_table_of_another_form_is_damage() {
    let url = database();
    sql(&url)
        .batch_execute("CREATE SCHEMA switchback; CREATE TABLE switchback.head (x int)")
        .unwrap();
    assert_eq!(fault(PostgresStore::connect(&url)), StoreFault::Damaged);
}

#[test]
fn another_machine_without_tls_is_refused_before_anything_is_sent() {
    for url in [
        "postgres://db.example.org/x",
        "host=192.0.2.1 user=a password=secret",
    ] {
        let error = PostgresStore::connect(url).unwrap_err();
        assert_eq!(error.fault(), StoreFault::Insecure);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let refused = PostgresStore::connect("postgres://a:secret@[bad").unwrap_err();
    assert_eq!(refused.fault(), StoreFault::Address);
    assert!(!refused.to_string().contains("secret"), "{refused}");
    // Said so, it is tried; nobody listens on port 1 of this machine.
    let tried = PostgresStore::connect("host=127.0.0.1 port=1 user=a sslmode=disable");
    assert_eq!(fault(tried), StoreFault::Unreachable);
}

#[test]
fn what_the_server_refuses_has_a_name() {
    let url = database();
    PostgresStore::create(&url).unwrap();
    let name = url.rsplit('/').next().unwrap();
    let missing = url.replace(name, "no_such_database");
    assert_eq!(fault(PostgresStore::connect(&missing)), StoreFault::Missing);
    sql(&url)
        .batch_execute(&format!("CREATE ROLE guest_{name} LOGIN"))
        .unwrap();
    let guest = url.replace("postgres@", &format!("guest_{name}@"));
    assert_eq!(fault(PostgresStore::connect(&guest)), StoreFault::Denied);
    let read_only = format!("{url}?options=-c%20default_transaction_read_only%3Don");
    let ledger = Ledger::new(PostgresStore::connect(&read_only).unwrap());
    assert_eq!(ledger.len().unwrap(), 0);
    let Err(Error::Store(error)) = ledger.append(&[record(0)]) else {
        panic!()
    };
    assert_eq!(error.fault(), StoreFault::ReadOnly);
}

#[test]
fn a_lost_connection_loses_nothing_acknowledged() {
    let url = database();
    let ledger = Ledger::new(PostgresStore::create(&url).unwrap());
    ledger.append(&records(0, 10)).unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sql(&url).batch_execute(end).unwrap();
    let Err(Error::Store(error)) = ledger.append(&[record(10)]) else {
        panic!()
    };
    assert_eq!(error.fault(), StoreFault::Unreachable);
    let again = Ledger::new(PostgresStore::connect(&url).unwrap());
    again.append(&records(0, 11)).unwrap();
    assert_eq!(again.len().unwrap(), 11);
    assert!(
        verify(again.store(), &VerifyOptions::default())
            .unwrap()
            .is_sound()
    );
}

#[test]
fn an_edit_with_sql_is_seen() {
    let edits = [
        "UPDATE switchback.entries SET payload = payload || 'x'::bytea WHERE idx = 1",
        "UPDATE switchback.entries SET leaf = leaf || 'x'::bytea WHERE idx = 1",
        "UPDATE switchback.entries SET id = 'other' WHERE idx = 1",
        "UPDATE switchback.entries SET hashes = hashes || 'x'::bytea WHERE idx = 1",
        "DELETE FROM switchback.entries WHERE idx = 1",
        "DELETE FROM switchback.entries WHERE idx = 4; UPDATE switchback.head SET size = 4",
        "UPDATE switchback.head SET size = 4",
        "UPDATE switchback.checkpoints SET note = note || 'x'::bytea",
    ];
    for edit in edits {
        let url = database();
        let ledger = Ledger::new(PostgresStore::create(&url).unwrap());
        ledger.append(&records(0, 5)).unwrap();
        let (signing, verifier) = keys("example.org/ledger", 1);
        ledger.checkpoint(&signing).unwrap();
        let options = VerifyOptions {
            keys: vec![verifier],
            anchors: Vec::new(),
        };
        assert!(verify(ledger.store(), &options).unwrap().is_sound());
        sql(&url).batch_execute(edit).unwrap();
        assert!(
            !verify(ledger.store(), &options).unwrap().is_sound(),
            "{edit}"
        );
    }
}

#[test]
fn look_ups_are_made_by_index() {
    let url = database();
    let ledger = Ledger::new(PostgresStore::create(&url).unwrap());
    ledger.append(&records(0, 3)).unwrap();
    let mut ids = Vec::new();
    ledger
        .store()
        .ids(&mut |id, _| ids.push(id.to_vec()))
        .unwrap();
    assert!(ids.len() == 3 && ids.is_sorted());
}
