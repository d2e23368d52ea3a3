//! A ledger file in bad hands: damaged in every byte, foreign, newer, full, busy.
#![expect(clippy::unwrap_used, reason = "these are the helpers of tests")]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use switchback_db::ledger::{SqliteOptions, SqliteStore};
use switchback_ledger::conformance::{conclusion, keys, record, records};
use switchback_ledger::keys::VerifierKey;
use switchback_ledger::{
    Error, Ledger, Problem, Store, StoreError, StoreFault, VerifyOptions, verify,
};

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    (folder, path)
}

fn fault<T: std::fmt::Debug>(result: Result<T, StoreError>) -> StoreFault {
    result.unwrap_err().fault()
}

/// Six events and a signed checkpoint in a file of small pages, all of it in the file itself.
fn small_ledger(path: &Path) -> VerifierKey {
    let options = SqliteOptions {
        page_size: Some(512),
        ..SqliteOptions::default()
    };
    let ledger = Ledger::new(SqliteStore::create_with(path, &options).unwrap());
    let (signing, verifier) = keys("example.org/ledger", 1);
    ledger.append(&records(0, 4)).unwrap();
    ledger.append(&[conclusion(0), conclusion(3)]).unwrap();
    ledger.checkpoint(&signing).unwrap();
    drop(ledger);
    assert!(
        !path.with_extension("db-wal").exists(),
        "the last one to close empties the log"
    );
    verifier
}

/// Index, id, leaf, payload and hashes.
type Stored = (u64, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Vec<u8>);

/// All that a ledger answers, through every way to ask.
#[derive(Debug, PartialEq)]
struct Content {
    size: u64,
    entries: Vec<Stored>,
    ids: Vec<(Vec<u8>, u64)>,
    found: Vec<Option<u64>>,
    checkpoints: Vec<Vec<u8>>,
}

fn content(store: &SqliteStore) -> Result<Content, StoreError> {
    let mut entries = Vec::new();
    store.read(0..u64::MAX, &mut |e| {
        let payload = e.payload.map(Vec::from);
        entries.push((
            e.index,
            e.id.to_vec(),
            e.leaf.to_vec(),
            payload,
            e.hashes.to_vec(),
        ));
        ControlFlow::Continue(())
    })?;
    let mut ids = Vec::new();
    store.ids(&mut |id, index| ids.push((id.to_vec(), index)))?;
    let known: Vec<_> = records(0, 7)
        .into_iter()
        .chain([conclusion(0), conclusion(3)])
        .collect();
    let known: Vec<&str> = known.iter().map(|record| record.id.as_str()).collect();
    let (size, found) = (store.size()?, store.find(&known)?);
    Ok(Content {
        size,
        entries,
        ids,
        found,
        checkpoints: store.checkpoints()?,
    })
}

#[test]
fn no_byte_of_a_file_can_change_unseen() {
    let (folder, path) = scratch();
    let verifier = small_ledger(&path);
    let bytes = fs::read(&path).unwrap();
    assert!(
        bytes.len() < 16_384,
        "small enough for every byte: {}",
        bytes.len()
    );
    let untouched = content(&SqliteStore::open_read_only(&path).unwrap()).unwrap();
    assert_eq!(
        (
            untouched.size,
            untouched.entries.len(),
            untouched.checkpoints.len()
        ),
        (6, 6, 1)
    );

    let (refused, reported, harmless) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let try_one = |path: &Path, place: usize, mask: u8| {
        let mut changed = bytes.clone();
        changed[place] ^= mask;
        for leftover in ["db-wal", "db-shm", "db-journal"] {
            let _ = fs::remove_file(path.with_extension(leftover));
        }
        fs::write(path, &changed).unwrap();
        let Ok(store) = SqliteStore::open_read_only(path) else {
            refused.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let options = VerifyOptions {
            keys: vec![verifier.clone()],
            anchors: Vec::new(),
        };
        match verify(&store, &options) {
            Err(_) => refused.fetch_add(1, Ordering::Relaxed),
            Ok(report) if !report.is_sound() => reported.fetch_add(1, Ordering::Relaxed),
            Ok(_) => {
                let now = content(&store).unwrap();
                assert!(now == untouched, "byte {place} ^ {mask:#x} is not seen");
                harmless.fetch_add(1, Ordering::Relaxed)
            }
        };
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (try_one, path) = (&try_one, folder.path().join(format!("copy-{thread}.db")));
            let places = (thread..bytes.len()).step_by(threads);
            scope.spawn(move || {
                for place in places {
                    try_one(&path, place, 0xff);
                    try_one(&path, place, 0x01);
                }
            });
        }
    });
    let [refused, reported, harmless] = [refused, reported, harmless].map(AtomicUsize::into_inner);
    println!(
        "{} bytes: {refused} refused, {reported} reported, {harmless} harmless",
        bytes.len()
    );
    assert_eq!(refused + reported + harmless, 2 * bytes.len());
    // Every stored byte of an event counts; the rest is free space and SQLite's own counters.
    let stored: usize = untouched
        .entries
        .iter()
        .map(|(_, id, leaf, payload, hashes)| {
            2 * id.len() + leaf.len() + payload.as_ref().unwrap().len() + hashes.len()
        })
        .sum();
    assert!(
        refused + reported >= 2 * stored,
        "{refused} + {reported}, {stored} bytes stored"
    );
}

#[test]
fn an_edit_with_sql_is_seen() {
    let edits = [
        "UPDATE entries SET payload = CAST(replace(CAST(payload AS TEXT), 'reason', 'treason') AS BLOB) \
             WHERE idx = 1",
        "UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), 'Tester', 'Forger') AS BLOB) \
             WHERE idx = 2",
        "UPDATE entries SET id = 'other' WHERE idx = 2",
        "UPDATE entries SET hashes = zeroblob(32) WHERE idx = 2",
        "UPDATE entries SET idx = idx + 10 WHERE idx = 5",
        "DELETE FROM entries WHERE idx = 2",
        "DELETE FROM entries WHERE idx = 5",
        "DELETE FROM entries WHERE idx = 5; UPDATE head SET size = 5",
        "UPDATE head SET size = 5",
        "UPDATE head SET size = 7",
        "DELETE FROM head",
        "DELETE FROM entries",
        "DROP TABLE entries",
        "DROP TABLE checkpoints",
        "UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), 'ledger', 'ladder') \
             AS BLOB)",
    ];
    for edit in edits {
        let (_folder, path) = scratch();
        let verifier = small_ledger(&path);
        let sql = Connection::open(&path).unwrap();
        sql.execute_batch(edit).unwrap();
        drop(sql);
        let options = VerifyOptions {
            keys: vec![verifier],
            anchors: Vec::new(),
        };
        let store = SqliteStore::open(&path).unwrap();
        let report = verify(&store, &options).unwrap();
        assert!(!report.is_sound(), "{edit}");
    }
}

#[test]
fn an_index_that_hides_an_event_is_seen() {
    let (_folder, path) = scratch();
    small_ledger(&path);
    let sql = Connection::open(&path).unwrap();
    // The index as it was before the event's id was another one: only the table is changed.
    sql.execute_batch(
        "CREATE TEMP TABLE kept AS SELECT rootpage FROM sqlite_schema \
             WHERE name = 'sqlite_autoindex_entries_1';
         PRAGMA writable_schema = ON;
         CREATE TABLE twin (idx INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
         INSERT INTO twin SELECT idx, CASE idx WHEN 3 THEN 'hidden' ELSE id END FROM entries;
         UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema \
             WHERE name = 'sqlite_autoindex_twin_1') WHERE name = 'sqlite_autoindex_entries_1';
         UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM kept) \
             WHERE name = 'sqlite_autoindex_twin_1';",
    )
    .unwrap();
    drop(sql);
    let ledger = Ledger::new(SqliteStore::open(&path).unwrap());
    assert_eq!(
        ledger.get(&record(3).id).unwrap(),
        None,
        "the look-up is led astray"
    );
    let report = verify(ledger.store(), &VerifyOptions::default()).unwrap();
    assert!(
        report.problems.contains(&Problem::Lookup { index: 3 }),
        "{:?}",
        report.problems
    );
}

#[test]
fn what_is_not_there_or_not_ours_is_left_as_it_is() {
    let (folder, path) = scratch();
    assert_eq!(fault(SqliteStore::open(&path)), StoreFault::Missing);
    assert_eq!(
        fault(SqliteStore::open_read_only(&path)),
        StoreFault::Missing
    );
    assert!(!path.exists(), "looking makes nothing");
    assert_eq!(
        fault(SqliteStore::open(folder.path())),
        StoreFault::NotALedger
    );
    assert_eq!(
        fault(SqliteStore::create(folder.path())),
        StoreFault::NotALedger
    );

    fs::write(
        &path,
        "no ledger at all, but a text of some length\n".repeat(50),
    )
    .unwrap();
    let text = fs::read(&path).unwrap();
    assert_eq!(fault(SqliteStore::open(&path)), StoreFault::NotALedger);
    assert_eq!(fault(SqliteStore::create(&path)), StoreFault::NotALedger);
    assert_eq!(fs::read(&path).unwrap(), text);

    fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let theirs = fs::read(&path).unwrap();
    assert_eq!(fault(SqliteStore::open(&path)), StoreFault::NotALedger);
    assert_eq!(fault(SqliteStore::create(&path)), StoreFault::NotALedger);
    assert_eq!(fs::read(&path).unwrap(), theirs);
}

#[test]
fn a_ledger_is_made_once_and_an_interrupted_making_can_be_repeated() {
    let (_folder, path) = scratch();
    fs::write(&path, "").unwrap();
    assert_eq!(fault(SqliteStore::open(&path)), StoreFault::Missing);
    let ledger = Ledger::new(SqliteStore::create(&path).unwrap());
    ledger.append(&records(0, 2)).unwrap();
    assert_eq!(fault(SqliteStore::create(&path)), StoreFault::Exists);
    drop(ledger);
    assert_eq!(
        Ledger::new(SqliteStore::open(&path).unwrap())
            .len()
            .unwrap(),
        2
    );
}

#[test]
fn a_newer_format_is_named_and_not_touched() {
    let (_folder, path) = scratch();
    small_ledger(&path);
    let sql = Connection::open(&path).unwrap();
    sql.execute_batch("PRAGMA user_version = 7").unwrap();
    drop(sql);
    let before = fs::read(&path).unwrap();
    let newer = StoreFault::NewerFormat { found: 7, known: 1 };
    assert_eq!(fault(SqliteStore::open(&path)), newer);
    assert_eq!(fault(SqliteStore::open_read_only(&path)), newer);
    assert_eq!(fs::read(&path).unwrap(), before);
    let text = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(
        text.contains("format 7") && text.contains("ledger.db"),
        "{text}"
    );
}

#[test]
fn a_full_disk_stores_nothing_of_a_batch() {
    let (_folder, path) = scratch();
    let options = SqliteOptions {
        max_pages: Some(40),
        ..SqliteOptions::default()
    };
    let ledger = Ledger::new(SqliteStore::create_with(&path, &options).unwrap());
    let mut size = 0;
    let failure = loop {
        match ledger.append(&records(size, size + 20)) {
            Ok(_) => size += 20,
            Err(failure) => break failure,
        }
        assert!(size < 10_000, "the limit is not kept");
    };
    let Error::Store(failure) = failure else {
        panic!("{failure}")
    };
    assert_eq!(failure.fault(), StoreFault::DiskFull);
    assert_eq!(ledger.len().unwrap(), size);
    assert!(
        verify(ledger.store(), &VerifyOptions::default())
            .unwrap()
            .is_sound()
    );
    drop(ledger);
    // With room again it goes on.
    let ledger = Ledger::new(SqliteStore::open(&path).unwrap());
    ledger.append(&records(size, size + 20)).unwrap();
    assert!(
        verify(ledger.store(), &VerifyOptions::default())
            .unwrap()
            .is_sound()
    );
}

#[test]
fn a_ledger_that_somebody_holds_is_busy() {
    let (_folder, path) = scratch();
    small_ledger(&path);
    let options = SqliteOptions {
        busy_timeout: Duration::from_millis(50),
        ..SqliteOptions::default()
    };
    let ledger = Ledger::new(SqliteStore::open_with(&path, &options).unwrap());
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let Err(Error::Store(failure)) = ledger.append(&[record(50)]) else {
        panic!()
    };
    assert_eq!(failure.fault(), StoreFault::Busy);
    assert_eq!(ledger.len().unwrap(), 6, "reading goes on");
    holder.execute_batch("ROLLBACK").unwrap();
    ledger.append(&[record(50)]).unwrap();
}

#[test]
fn a_read_only_handle_reads_and_does_not_write() {
    let (_folder, path) = scratch();
    let verifier = small_ledger(&path);
    let ledger = Ledger::new(SqliteStore::open_read_only(&path).unwrap());
    assert_eq!(ledger.len().unwrap(), 6);
    let options = VerifyOptions {
        keys: vec![verifier],
        anchors: Vec::new(),
    };
    assert!(verify(ledger.store(), &options).unwrap().is_sound());
    let Err(Error::Store(failure)) = ledger.append(&[record(50)]) else {
        panic!()
    };
    assert_eq!(failure.fault(), StoreFault::ReadOnly);
}

/// Permissions do not stop root, so that half of the test is for everybody else.
#[cfg(unix)]
#[test]
fn a_read_only_folder_can_be_verified_but_not_written() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = scratch();
    small_ledger(&path);
    let mode = |bits| {
        for (place, bits) in [(path.as_path(), bits & 0o666), (folder.path(), bits)] {
            fs::set_permissions(place, fs::Permissions::from_mode(bits)).unwrap();
        }
    };
    mode(0o555);
    let unstoppable = fs::File::create(folder.path().join("probe")).is_ok();
    let ledger = Ledger::new(SqliteStore::open_read_only(&path).unwrap());
    assert!(
        verify(ledger.store(), &VerifyOptions::default())
            .unwrap()
            .is_sound()
    );
    if !unstoppable {
        assert_eq!(fault(SqliteStore::open(&path)), StoreFault::ReadOnly);
    }
    mode(0o755);
}

#[test]
fn an_erased_payload_is_nowhere_in_the_file() {
    let (_folder, path) = scratch();
    let ledger = Ledger::new(SqliteStore::create(&path).unwrap());
    let mut secret = record(1);
    let switchback_model::Event::Refused { reasons, .. } = &mut secret.event else {
        panic!()
    };
    reasons.push("Erika Mustermann, Heidestrasse 17".to_owned());
    ledger.append(&[record(0), secret, record(2)]).unwrap();
    let holds = || {
        ["db", "db-wal"].iter().any(|name| {
            let bytes = fs::read(path.with_extension(name)).unwrap_or_default();
            bytes.windows(10).any(|part| part == b"Mustermann")
        })
    };
    assert!(holds());
    assert!(ledger.store().erase_payload(1).unwrap());
    assert!(!holds());
    let report = verify(ledger.store(), &VerifyOptions::default()).unwrap();
    assert!(report.is_sound());
    assert_eq!(report.erased, 1);
}
