//! What must be so in the end, from the audit of every version of every row.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Client;
use serde_json::Value;

use super::world::connect;

/// A version of a row, and by whom.
struct Version {
    who: String,
    was: Option<Value>,
    now: Option<Value>,
}

type History = BTreeMap<i64, Vec<Version>>;

fn history(client: &mut Client) -> History {
    let sql = "SELECT id, who, was::text, now::text FROM audit ORDER BY seq";
    let mut all = History::new();
    for row in client.query(sql, &[]).unwrap() {
        let read = |column: usize| -> Option<Value> {
            let text: Option<String> = row.get(column);
            text.map(|it| serde_json::from_str(&it).unwrap())
        };
        all.entry(row.get(0)).or_default().push(Version {
            who: row.get(1),
            was: read(2),
            now: read(3),
        });
    }
    all
}

fn of<'a>(row: &'a Value, column: &str) -> Option<&'a str> {
    row[column].as_str()
}

/// Everything but what is filled.
fn rest(row: &Value) -> Value {
    let mut rest = row.clone();
    rest.as_object_mut().unwrap().remove("slug");
    rest
}

/// Whether a row has not what it should have.
fn needs(row: &Value) -> bool {
    let wanted = of(row, "email").map(str::to_lowercase);
    row["pinned"] == Value::Bool(false) && of(row, "slug") != wanted.as_deref()
}

fn none(client: &mut Client, what: &str, sql: &str) {
    let rows = client.query(sql, &[]).unwrap();
    let shown: Vec<String> = rows.iter().take(5).map(|it| it.get(0)).collect();
    assert!(
        rows.is_empty(),
        "{what}: {} of {sql}: {shown:?}",
        rows.len()
    );
}

/// Each version follows on the one before it, and the first on what was there.
fn check_chains(client: &mut Client, what: &str, history: &History) {
    let original = rows(client, "original");
    let now = rows(client, "users");
    for (id, versions) in history {
        let mut last = original.get(id);
        for version in versions {
            assert_eq!(version.was.as_ref(), last, "{what}: row {id}");
            last = version.now.as_ref();
        }
        assert_eq!(now.get(id), last, "{what}: row {id}");
    }
    // What nobody wrote is as it was.
    for (id, row) in original.iter().filter(|(id, _)| !history.contains_key(id)) {
        assert_eq!(now.get(id), Some(row), "{what}: row {id}");
    }
    let known = |id: &&i64| original.contains_key(id) || history.contains_key(id);
    assert!(now.keys().all(|id| known(&id)), "{what}");
}

fn rows(client: &mut Client, table: &str) -> BTreeMap<i64, Value> {
    let sql = format!("SELECT id, to_jsonb(t)::text FROM {table} AS t");
    let rows = client.query(&sql, &[]).unwrap();
    let read = |row: &postgres::Row| {
        let text: String = row.get(1);
        (row.get(0), serde_json::from_str(&text).unwrap())
    };
    rows.iter().map(read).collect()
}

/// Every row has what it should; no row was written without need, none was written wrong, and what
/// is counted and kept is what was written, transaction by transaction.
pub(crate) fn after_fill(url: &str, what: &str) {
    let client = &mut connect(url, "control");
    none(
        client,
        what,
        "SELECT u::text FROM users u WHERE NOT pinned AND slug IS DISTINCT FROM lower(email)",
    );
    let history = history(client);
    check_chains(client, what, &history);
    for (id, versions) in &history {
        for version in versions.iter().filter(|it| it.who.starts_with("fill ")) {
            let (was, now) = (version.was.as_ref().unwrap(), version.now.as_ref().unwrap());
            assert!(
                needs(was),
                "{what}: row {id} was written without need: {was}"
            );
            assert!(!needs(now), "{what}: row {id} got something else: {now}");
            assert_eq!(rest(was), rest(now), "{what}: row {id}");
        }
    }
    // A transaction of the backfill is a batch of one range, and has its rows, its count and its
    // former values, or none of them.
    none(
        client,
        what,
        "SELECT coalesce(a.xid, b.xid, u.xid) || ': ' || coalesce(a.rows, 0) || ' written, '
             || coalesce(b.changed, 0) || ' counted, ' || coalesce(u.rows, 0) || ' kept, '
             || coalesce(b.batches, 0) || ' batches'
         FROM (SELECT xid, count(*) AS rows FROM audit WHERE who LIKE 'fill %' GROUP BY xid) AS a
         FULL JOIN (SELECT xid, sum(changed) AS changed, count(*) AS batches FROM batches
           GROUP BY xid) AS b USING (xid)
         FULL JOIN (SELECT xid, sum(rows) AS rows, count(*) AS many FROM undone
           WHERE op = 'INSERT' GROUP BY xid) AS u USING (xid)
         WHERE coalesce(a.rows, 0) <> coalesce(b.changed, 0)
           OR coalesce(a.rows, 0) <> coalesce(u.rows, 0)
           OR coalesce(b.batches, 0) <> 1 OR coalesce(u.many, 0) > 1",
    );
    // Nobody wrote who had not the lease.
    none(
        client,
        what,
        "SELECT b::text FROM batches b
         WHERE worker IS DISTINCT FROM who OR NOT same_epoch OR NOT was_leased",
    );
    none(
        client,
        what,
        "SELECT a.who || ' and ' || b.who FROM audit a JOIN batches b USING (xid)
         WHERE a.who <> b.who",
    );
    none(
        client,
        what,
        "SELECT counted || ' counted, ' || written || ' written, ' || kept || ' kept'
         FROM (SELECT (SELECT sum(changed) FROM _switchback.backfill_range) AS counted,
             (SELECT count(*) FROM audit WHERE who LIKE 'fill %') AS written,
             (SELECT sum(rows) FROM _switchback.backfill_undo) AS kept) AS it
         WHERE counted <> written OR kept <> written",
    );
    none(
        client,
        what,
        "SELECT r::text FROM _switchback.backfill_range r WHERE status NOT IN ('done', 'void')",
    );
    none(
        client,
        what,
        "SELECT l::text FROM pg_locks l WHERE locktype = 'advisory'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
}

/// What the backfill wrote and nobody wrote since is as before; everything else is as the
/// application left it, and listed.
pub(crate) fn after_undo(url: &str, what: &str) {
    let client = &mut connect(url, "control");
    let history = history(client);
    check_chains(client, what, &history);
    let original = rows(client, "original");
    let now = rows(client, "users");
    // Keys are written as the backfill names them.
    let conflicts: BTreeSet<i64> = client
        .query(
            "SELECT CASE WHEN key LIKE '[%' THEN (key::jsonb ->> 1)::bigint ELSE key::bigint END
             FROM _switchback.backfill_conflict",
            &[],
        )
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let mut restored = 0;
    for (id, versions) in &history {
        let at = format!("{what}: row {id}");
        // What the backfill wrote and has not taken back yet: from what to what.
        let mut written: Vec<(Option<&str>, Option<&str>)> = Vec::new();
        let mut left = false;
        let mut others = false;
        for version in versions {
            let slug = |row: &'_ Option<Value>| -> Option<String> {
                row.as_ref()
                    .and_then(|it| of(it, "slug"))
                    .map(str::to_owned)
            };
            let (was, now) = (slug(&version.was), slug(&version.now));
            if version.who.starts_with("fill ") {
                let (was, now) = (version.was.as_ref().unwrap(), version.now.as_ref().unwrap());
                written.push((of(was, "slug"), of(now, "slug")));
            } else if version.who.starts_with("undo ") {
                restored += 1;
                let rows = (version.was.as_ref().unwrap(), version.now.as_ref().unwrap());
                assert_eq!(rest(rows.0), rest(rows.1), "{at}");
                // Newest first; those in between were left alone, as somebody had changed the row.
                let found = loop {
                    let Some((before, after)) = written.pop() else {
                        panic!("{at}: put back what was not written, or twice")
                    };
                    if (before, after) == (now.as_deref(), was.as_deref()) {
                        break true;
                    }
                    left = true;
                    assert!(others, "{at}: {after:?} was not put back, to {before:?}");
                };
                assert!(found);
            } else {
                assert!(version.who.starts_with("app "), "{}", version.who);
                others |= was != now;
            }
        }
        left |= !written.is_empty();
        let deleted = versions.last().is_some_and(|it| it.now.is_none());
        if !others && !deleted {
            assert!(!left, "{at}: nobody else changed it, and it was left alone");
            let first = versions.first().unwrap();
            let before = match &first.was {
                Some(was) => of(was, "slug"),
                None => first.now.as_ref().and_then(|it| of(it, "slug")),
            };
            assert_eq!(now.get(id).and_then(|it| of(it, "slug")), before, "{at}");
        }
        if versions.iter().all(|it| !it.who.starts_with("app ")) {
            assert_eq!(now.get(id), original.get(id), "{at}");
        }
        let listed = conflicts.contains(id);
        assert!(left || !listed, "{at}: listed without a reason");
        assert!(
            listed || !left || deleted,
            "{at}: left alone and not listed"
        );
    }
    assert!(
        conflicts.iter().all(|id| history.contains_key(id)),
        "{what}"
    );
    let counted: i64 = client
        .query_one("SELECT restored FROM _switchback.backfill", &[])
        .unwrap()
        .get(0);
    assert_eq!(counted, restored, "{what}");
    // Byte by byte: rows that no application touched.
    none(
        client,
        what,
        "SELECT o::text FROM original o LEFT JOIN users u USING (id)
         WHERE NOT EXISTS (SELECT FROM audit a WHERE a.id = o.id AND a.who LIKE 'app %')
           AND o::text IS DISTINCT FROM u::text",
    );
    // A batch was put back once.
    none(
        client,
        what,
        "SELECT number::text FROM undone GROUP BY number
         HAVING count(*) FILTER (WHERE op = 'INSERT') <> 1
           OR count(*) FILTER (WHERE op = 'DELETE') <> 1",
    );
    none(
        client,
        what,
        "SELECT u::text FROM _switchback.backfill_undo u",
    );
    none(
        client,
        what,
        "SELECT a.xid || ': ' || count(*) || ' put back' FROM audit a WHERE who LIKE 'undo %'
         GROUP BY a.xid HAVING count(*) > coalesce((SELECT sum(u.rows) FROM undone u
           WHERE u.xid = a.xid AND u.op = 'DELETE'), 0)",
    );
}
