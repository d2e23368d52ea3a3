//! How fast it is, against one statement that holds the lock for all of it. Figures are printed;
//! what is asserted holds on any machine.

use super::*;

const MILLION: u32 = 1_000_000;

/// A million rows with three indexes and an empty column.
fn shop() -> Place {
    let place = Place::new(&format!(
        "PRAGMA synchronous = NORMAL;
         CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, name TEXT, at TEXT, b TEXT);
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {MILLION})
         INSERT INTO t SELECT x, x * 7919 % 1000003, 'customer ' || x, '2026-01-01', NULL FROM n;
         CREATE INDEX on_a ON t (a); CREATE INDEX on_name ON t (name); CREATE INDEX on_at ON t (at);"
    ));
    place.run("PRAGMA wal_checkpoint(TRUNCATE)");
    place
}

fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|it| it.starts_with("VmHWM:"));
    let number = line.and_then(|it| it.split_whitespace().nth(1));
    number
        .and_then(|it| it.parse::<u64>().ok())
        .unwrap_or_default()
        / 1024
}

#[test]
#[ignore = "prints figures; takes a minute without optimization"]
fn a_million_rows() {
    let one = shop();
    let began = Instant::now();
    one.run("UPDATE t SET b = 'n' || (a * 2) WHERE b IS NOT 'n' || (a * 2)");
    let whole = began.elapsed();
    drop(one);

    for keep in [false, true] {
        let place = shop();
        let job = job(&format!(
            "table = \"t\"\nkeep-undo = {keep}\n[set]\nb = \"'n' || (a * 2)\""
        ));
        let began = Instant::now();
        assert_eq!(place.fill(&job, BeginOptions::default()), JobStatus::Done);
        let took = began.elapsed();
        let listed = &place.open().jobs().unwrap()[0];
        let counts = listed.standing.counts;
        assert_eq!(counts.changed, u64::from(MILLION));
        println!(
            "former values kept: {keep}: {took:?}, at work {:?}, {} batches; one statement \
             {whole:?}; {:.1} bytes of former values a row; at most {} MiB of memory so far",
            listed.standing.worked,
            counts.batches,
            listed.undo_bytes as f64 / f64::from(MILLION),
            memory()
        );
        assert!(memory() < 64, "{}", memory());
        if keep {
            let began = Instant::now();
            assert_eq!(place.undo(&job, 10_000), (u64::from(MILLION), 0));
            println!("put back in {:?}", began.elapsed());
        }
    }
}
