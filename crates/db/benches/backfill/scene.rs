//! A private server with the settings of a new installation, the table, and what is read from both.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use switchback_scratch::{Options, Server};

/// The table before anything is filled. Eight columns as an application would have them, 104 bytes a
/// row on disk, and three indexes: the primary key, one that is in no order of the rows, and one that
/// is. The addresses begin with a name, so consecutive rows are far apart in their index.
const TABLE: &str = "
CREATE TABLE customer (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    full_name text NOT NULL,
    country text NOT NULL,
    balance integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    search_name text
)";

const ROWS: &str = "
INSERT INTO customer
SELECT i, first || '.' || last || i / 360 || '@' || (ARRAY['Example.com', 'Mail.example', 'Post.example'])[1 + (i / 120) % 3],
       first || ' ' || last,
       (ARRAY['GB', 'DE', 'FR', 'PT', 'PL'])[1 + (hash >> 11) % 5],
       (hash >> 4) % 1000000,
       '2020-01-01'::timestamptz + i * interval '97 s' + hash % 90 * interval '1 s',
       '2020-01-01'::timestamptz + i * interval '97 s' + hash % 9000000 * interval '1 s'
FROM (
    SELECT i, abs(hashint4(i)::bigint) AS hash,
           (ARRAY['Anna', 'Benjamin', 'Chloe', 'David', 'Emma', 'Felix', 'Grace', 'Henry',
                  'Isabella', 'Jack'])[1 + i % 10] AS first,
           (ARRAY['Archer', 'Baker', 'Carter', 'Dyer', 'Fisher', 'Glover', 'Hunter', 'Mason',
                  'Miller', 'Potter', 'Taylor', 'Weaver'])[1 + (i / 10) % 12] AS last
    FROM generate_series(1, ";

const REST: &str = ") AS i) AS rows;
CREATE UNIQUE INDEX customer_email ON customer (email);
CREATE INDEX customer_created_at ON customer (created_at);
";

/// What the column gets: 12 characters on average.
pub(crate) const VALUE: &str = "lower(full_name)";

/// The database that the others are copies of.
const TEMPLATE: &str = "template_of_all";

/// A server with a table of so many rows.
pub(crate) struct Scene {
    server: Server,
    pub(crate) rows: i64,
    copies: u32,
}

/// What is counted, at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    at: Instant,
    server_cpu: Duration,
    own_cpu: Duration,
    wal: i64,
    images: i64,
    heap: i64,
    indexes: i64,
    /// Rows that were written, those of a copy that took the table's place among them.
    updates: i64,
    hot: i64,
}

/// What was used between two moments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) wall: Duration,
    /// Of all processes of the server, its checkpointer and writers among them.
    pub(crate) server_cpu: Duration,
    /// Of this process, which is the client.
    pub(crate) own_cpu: Duration,
    /// Bytes.
    pub(crate) wal: i64,
    /// Full page images in it.
    pub(crate) images: i64,
    /// By what part the table grew.
    pub(crate) heap_growth: f64,
    /// By what part its indexes grew.
    pub(crate) index_growth: f64,
    /// What part of the updated rows stayed on their page.
    pub(crate) hot: f64,
}

impl Scene {
    /// Starts the server and makes the table.
    ///
    /// Everything that decides about the figures is as a new installation has it, but for more memory:
    /// the table fits, as the rows that an application works on usually do. Automatic vacuum is on
    /// or off.
    pub(crate) fn new(rows: i64, vacuum: bool) -> Self {
        let options = Options {
            deadline: Duration::from_secs(120),
            ..Options::default()
        }
        .set("fsync", "on")
        .set("full_page_writes", "on")
        .set("synchronous_commit", "on")
        .set("jit", "on")
        .set("shared_buffers", "512MB")
        .set("max_wal_size", "1GB")
        .set("max_connections", "100")
        .set("autovacuum", if vacuum { "on" } else { "off" });
        let server = Server::start(&options).unwrap();
        let url = server.create_database(TEMPLATE, None).unwrap();
        let mut client = Client::connect(&url, NoTls).unwrap();
        client.batch_execute(TABLE).unwrap();
        client
            .batch_execute(&format!("{ROWS}{rows}{REST}"))
            .unwrap();
        client.batch_execute("VACUUM (ANALYZE, FREEZE)").unwrap();
        Self {
            server,
            rows,
            copies: 0,
        }
    }

    /// The server's version as it says it.
    pub(crate) fn version(&self) -> String {
        let mut client = Client::connect(&self.server.url("postgres"), NoTls).unwrap();
        let row = client.query_one("SHOW server_version", &[]).unwrap();
        row.get(0)
    }

    /// A copy of the table in a database of its own: its name and its address. Nobody has touched it
    /// since the last checkpoint, so the first change of each page is logged with the page.
    pub(crate) fn copy(&mut self) -> (String, String) {
        self.copies += 1;
        let name = format!("copy_{}", self.copies);
        let url = self.server.create_database(&name, Some(TEMPLATE)).unwrap();
        let mut client = Client::connect(&url, NoTls).unwrap();
        // Into memory: the pages of the table, and those of its indexes.
        client
            .batch_execute(
                "SELECT count(*) FROM customer WHERE search_name IS NULL;
                 SET enable_seqscan = off; SET enable_bitmapscan = off;
                 SELECT count(email) FROM (SELECT email FROM customer ORDER BY email) AS a;
                 SELECT count(created_at) FROM (SELECT created_at FROM customer ORDER BY created_at) AS a;
                 SELECT count(id) FROM (SELECT id FROM customer ORDER BY id) AS a;
                 CHECKPOINT;",
            )
            .unwrap();
        (name, url)
    }

    /// Removes a copy.
    pub(crate) fn remove(&self, name: &str) {
        self.server.drop_database(name).unwrap();
    }

    /// What stands at this moment in a copy of which no other session has uncommitted work.
    pub(crate) fn count(&self, url: &str) -> Counted {
        let at = Instant::now();
        let (server_cpu, own_cpu) = (self.server_cpu(), own_cpu());
        let mut client = Client::connect(url, NoTls).unwrap();
        let row = client
            .query_one(
                "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
                        (SELECT wal_fpi FROM pg_stat_wal),
                        pg_relation_size('customer'), pg_indexes_size('customer'),
                        pg_stat_get_tuples_updated('customer'::regclass)
                          + pg_stat_get_tuples_inserted('customer'::regclass),
                        pg_stat_get_tuples_hot_updated('customer'::regclass)",
                &[],
            )
            .unwrap();
        Counted {
            at,
            server_cpu,
            own_cpu,
            wal: row.get(0),
            images: row.get(1),
            heap: row.get(2),
            indexes: row.get(3),
            updates: row.get(4),
            hot: row.get(5),
        }
    }

    /// What was used since `before` for filling every row once. Panics if a row is not filled.
    pub(crate) fn used(&self, url: &str, before: &Counted) -> Used {
        let after = self.count(url);
        let mut client = Client::connect(url, NoTls).unwrap();
        let left: i64 = client
            .query_one(
                &format!(
                    "SELECT count(*) FROM customer WHERE search_name IS DISTINCT FROM {VALUE}"
                ),
                &[],
            )
            .unwrap()
            .get(0);
        assert_eq!(left, 0, "rows that were not filled");
        // A session's counts arrive when it ends, which its client does not wait for.
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut counts = after;
        while counts.updates - before.updates < self.rows {
            assert!(Instant::now() < deadline, "the server did not count");
            std::thread::sleep(Duration::from_millis(20));
            counts = self.count(url);
        }
        let part = |new: i64, old: i64| (new - old) as f64 / old as f64;
        Used {
            wall: after.at - before.at,
            server_cpu: after.server_cpu.saturating_sub(before.server_cpu),
            own_cpu: after.own_cpu.saturating_sub(before.own_cpu),
            wal: after.wal - before.wal,
            images: counts.images - before.images,
            heap_growth: part(after.heap, before.heap),
            index_growth: part(after.indexes, before.indexes),
            hot: (counts.hot - before.hot) as f64 / (counts.updates - before.updates) as f64,
        }
    }

    /// The processor time of the server: of its children that have ended, and of those that live.
    fn server_cpu(&self) -> Duration {
        let pid = fs::read_to_string(self.server.folder().join("pid")).unwrap();
        let pid = pid.trim();
        let postmaster = || stat(Path::new("/proc").join(pid).as_path()).unwrap();
        loop {
            let before = postmaster();
            let mut ticks = before.own + before.ended_children;
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                if let Some(found) = stat(&entry.path())
                    && found.parent == pid
                {
                    ticks += found.own;
                }
            }
            // One that ended meanwhile may have been counted twice, or not at all.
            if postmaster().ended_children == before.ended_children {
                return hundredths(ticks);
            }
        }
    }
}

/// The processor time of this process.
fn own_cpu() -> Duration {
    hundredths(stat(Path::new("/proc/self")).unwrap().own)
}

struct Stat {
    parent: String,
    own: u64,
    ended_children: u64,
}

/// What `/proc/PID/stat` says; nothing if there is no such process (any more).
fn stat(folder: &Path) -> Option<Stat> {
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    // The name of the program is in parentheses and may hold anything. The field after it is the
    // third.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: (*fields.get(1)?).to_owned(),
        own: number(14)? + number(15)?,
        ended_children: number(16)? + number(17)?,
    })
}

/// Linux counts in hundredths of a second.
fn hundredths(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 10)
}
