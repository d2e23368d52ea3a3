//! Appending to and verifying a ledger in a SQLite file: events per second, with every commit
//! synchronized to the disk of the temporary folder.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run has nothing to say"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use switchback_db::ledger::SqliteStore;
use switchback_ledger::conformance::{keys, records};
use switchback_ledger::{Ledger, VerifyOptions, verify};

const VERIFIED: u64 = 100_000;

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(5));
    for batch in [1u64, 32, 1000] {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(SqliteStore::create(&folder.path().join("ledger.db")).unwrap());
        let mut next = 0;
        group.throughput(Throughput::Elements(batch));
        group.bench_function(batch.to_string(), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for _ in 0..rounds {
                    let batch = records(next, next + batch);
                    next += batch.len() as u64;
                    let start = Instant::now();
                    black_box(ledger.append(&batch).unwrap());
                    spent += start.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

fn verification(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::new(SqliteStore::create(&folder.path().join("ledger.db")).unwrap());
    let (signing, verifier) = keys("example.org/ledger", 1);
    for batch in records(0, VERIFIED).chunks(10_000) {
        ledger.append(batch).unwrap();
        ledger.checkpoint(&signing).unwrap();
    }
    let options = VerifyOptions {
        keys: vec![verifier],
        anchors: Vec::new(),
    };
    let mut group = criterion.benchmark_group("verify");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(VERIFIED));
    group.bench_function(VERIFIED.to_string(), |bencher| {
        bencher.iter(|| {
            let report = verify(ledger.store(), &options).unwrap();
            assert!(report.is_sound() && report.signed == 10);
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    append(&mut criterion);
    verification(&mut criterion);
    criterion.final_summary();
}
