//! An application that writes what the backfill writes, itself, while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use postgres::Client;

use super::chance::Chance;
use super::world::connect;

/// New code keeps the slug right, old code does not know of it.
pub(crate) struct Application {
    stop: Arc<AtomicBool>,
    old: Arc<AtomicBool>,
    pub(crate) commits: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Application {
    /// Two connections at work on rows up to `rows` and on new ones. `round` tells their keys from
    /// those of an application that was here before.
    pub(crate) fn start(url: &str, seed: u64, rows: u32, round: u32, old_code: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let old = Arc::new(AtomicBool::new(old_code));
        let commits = Arc::new(AtomicU64::new(0));
        let threads = (0..2u32).map(|n| {
            let (url, stop, old) = (url.to_owned(), Arc::clone(&stop), Arc::clone(&old));
            let commits = Arc::clone(&commits);
            let mut chance = Chance::new(seed.wrapping_mul(31) + u64::from(n));
            std::thread::spawn(move || {
                let mut next = u64::from(1 + round * 2 + n) * 1_000_000;
                // Commits that wait for the disk would take those of the backfill with them.
                let lazily = chance.once_in(2);
                while !stop.load(Ordering::SeqCst) {
                    let mut client = connect(&url, &format!("app {n}"));
                    if lazily
                        && client
                            .batch_execute("SET synchronous_commit = off")
                            .is_err()
                    {
                        continue;
                    }
                    while !stop.load(Ordering::SeqCst) && !client.is_closed() {
                        let sql = transaction(&mut chance, rows, &mut next, &old);
                        let did = client.batch_execute(&sql);
                        commits.fetch_add(u64::from(did.is_ok()), Ordering::SeqCst);
                        if let Err(error) = did {
                            judge(&error, &mut client);
                        }
                        sleep(Duration::from_micros(chance.below(4_000) as u64));
                    }
                }
            })
        });
        let threads = threads.collect();
        Self {
            stop,
            old,
            commits,
            threads,
        }
    }

    /// From now on all code is new.
    pub(crate) fn renew(&self) {
        self.old.store(false, Ordering::SeqCst);
    }

    /// Ends it; gives the number of its commits.
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.commits.load(Ordering::SeqCst)
    }
}

/// A deadlock may happen to anybody, and so may the end of the server.
fn judge(error: &postgres::Error, client: &mut Client) {
    let code = error.code().map_or("", |it| it.code());
    assert!(
        error.code().is_none() || code == "40P01" || code.starts_with("57P"),
        "{error:?}"
    );
    let _ = client.batch_execute("ROLLBACK");
}

fn transaction(chance: &mut Chance, rows: u32, next: &mut u64, old: &AtomicBool) -> String {
    let old = old.load(Ordering::SeqCst);
    let count = 1 + chance.below(3);
    let work: Vec<_> = (0..count)
        .map(|_| statement(chance, rows, next, old))
        .collect();
    let end = if chance.once_in(12) {
        "ROLLBACK"
    } else {
        "COMMIT"
    };
    format!("BEGIN; {}; {end}", work.join("; "))
}

fn statement(chance: &mut Chance, rows: u32, next: &mut u64, old: bool) -> String {
    let id = 1 + chance.below(rows as usize);
    let new = chance.below(1_000_000);
    match chance.below(if old { 14 } else { 10 }) {
        0 => {
            *next += 1;
            format!(
                "INSERT INTO users (id, region, email, note, slug) \
                 VALUES ({next}, 'r1', 'New{next}@Example.com', 'n', 'new{next}@example.com')"
            )
        }
        1..=3 => format!(
            "UPDATE users SET email = 'Changed{new}@Example.com', \
             slug = CASE WHEN pinned THEN slug ELSE 'changed{new}@example.com' END WHERE id = {id}"
        ),
        4..=6 => format!("UPDATE users SET note = 'note {new}' WHERE id = {id}"),
        7 => format!("UPDATE users SET slug = 'mine', pinned = true WHERE id = {id}"),
        8 if chance.once_in(3) => format!("DELETE FROM users WHERE id = {id}"),
        8 | 9 => format!("SELECT * FROM users WHERE id = {id} FOR UPDATE"),
        10 => {
            *next += 1;
            format!(
                "INSERT INTO users (id, region, email, note) \
                 VALUES ({next}, 'r2', 'Old{next}@Example.com', 'o')"
            )
        }
        11 | 12 => format!("UPDATE users SET email = 'Stale{new}@Example.com' WHERE id = {id}"),
        _ => format!("UPDATE users SET slug = 'by hand {new}' WHERE id = {id} AND NOT pinned"),
    }
}
