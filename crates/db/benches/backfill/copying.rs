//! What a copy of the table costs beside the walk by place, where every index has to know of each row
//! that changes.

use postgres::{Client, NoTls};
use switchback_migration::backfill::Strategy;

use crate::arms::by;
use crate::scene::Scene;

/// Four more indexes; one has the column that is filled.
const MORE: &str = "
    CREATE INDEX ON customer (search_name);
    CREATE INDEX ON customer (country, balance);
    CREATE INDEX ON customer (updated_at);
    CREATE INDEX ON customer (lower(full_name));
    VACUUM (ANALYZE, FREEZE) customer";

/// Fills the table in both ways and says what they cost.
pub(crate) fn copying(rows: i64) {
    let mut scene = Scene::new(rows, false);
    println!(
        "{rows} rows, seven indexes, PostgreSQL {}\n",
        scene.version()
    );
    for strategy in [Strategy::Plain, Strategy::ShadowCopy] {
        let (name, url) = scene.copy();
        let mut client = Client::connect(&url, NoTls).unwrap();
        for sql in MORE.split(';') {
            client.batch_execute(sql).unwrap();
        }
        client.batch_execute("CHECKPOINT").unwrap();
        let before = scene.count(&url);
        by(&url, 1, Some(strategy));
        let used = scene.used(&url, &before);
        println!(
            "{:12} {:6.1} s, server {:6.1} s of a processor, {:5.0} bytes of log a row, \
             table {:+.0} %, indexes {:+.0} %",
            strategy.word(),
            used.wall.as_secs_f64(),
            used.server_cpu.as_secs_f64(),
            used.wal as f64 / rows as f64,
            used.heap_growth * 100.0,
            used.index_growth * 100.0
        );
        drop(client);
        scene.remove(&name);
    }
}
