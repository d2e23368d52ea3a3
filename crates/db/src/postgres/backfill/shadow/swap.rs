//! The exchange: for a moment nobody else reads or writes the original, what changed last is copied,
//! the original is dropped, and the copy gets its place, its name and all that hung on it.
//!
//! It is one transaction. Whatever still hangs on the original keeps it from being dropped, and what
//! stands there in the end is compared with what stood there before; if it is another table, nothing
//! happened.

use std::time::Duration;

use postgres::Client;

use super::super::error::BackfillError;
use super::carry::{identities, named, owned, parents, rest, run, validated};
use super::inventory::{against, whole};
use super::replay::Replay;
use super::row::{Copy, Phase, stored};
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{milliseconds, qualified};
use crate::postgres::change::persist::Desk;

/// The longest that one attempt waits for the lock; everybody else waits behind it.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// How long the tables are waited for that foreign keys point to, while the original is locked. A
/// deadlock is looked for only after a second.
const WAIT_FOR_OTHERS: Duration = Duration::from_millis(100);

/// No more keys than this are copied while everybody waits.
const MOST_LEFT: u32 = 2_000;

/// How often it is tried to copy what is left; rows may stand in each other's way once.
const ROUNDS: u32 = 3;

/// What came of it.
pub(super) enum Swapped {
    Done,
    /// Too much has changed to be copied while everybody waits.
    TooMuch,
    /// A reason that ends the job.
    Failed(String),
}

fn wait(client: &mut Client, length: Duration) -> Result<(), ChangeError> {
    run(
        client,
        &format!("SET LOCAL lock_timeout = {}", milliseconds(length)),
    )
}

/// What happened to the original since the copy was begun, as a reason that ends the job; none where
/// it is as it was. Names are to be printed with their schemas.
pub(super) fn changed(
    client: &mut Client,
    version: u32,
    copy: &Copy,
    table: &str,
) -> Result<Option<String>, ChangeError> {
    let sql = "SELECT to_regclass($1)::oid";
    let row = client.query_one(sql, &[&table]).map_err(at(sql))?;
    let number: Option<u32> = row.try_get(0).map_err(at(sql))?;
    if number != Some(copy.original) {
        return Ok(Some(format!("{table} is another table now")));
    }
    let Some(now) = stored(client, copy.original, &copy.schema)? else {
        return Ok(Some(format!("{table} is gone")));
    };
    if now != copy.stored {
        return Ok(Some(format!(
            "{table} was written anew, or got a column, or somebody changed what writes down which \
             of its rows change"
        )));
    }
    if whole(client, version, copy.original, &copy.schema)? != copy.definition {
        return Ok(Some(format!(
            "{table} was changed while it was copied: its columns, indexes, constraints, triggers or \
             privileges are not what they were"
        )));
    }
    Ok(None)
}

/// Exchanges them, in a transaction that sees each statement's own moment.
pub(super) fn swap(
    client: &mut Client,
    desk: &Desk,
    version: u32,
    path: &[String],
    replay: &Replay<'_>,
) -> Result<Swapped, BackfillError> {
    let copy = replay.copy;
    let original = named(client, copy.original)?;
    let table = original.full();
    let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
    let longest = replay.options.lock_timeout.min(LONGEST_WAIT);
    wait(client, longest)?;
    desk.next(&lock, Some(longest))?;
    run(client, &lock)?;
    if let Some(reason) = qualified(client, path, |client| {
        changed(client, version, copy, &table)
    })? {
        return Ok(Swapped::Failed(reason));
    }
    // What came meanwhile and would go with the original, without a word of its own.
    let columns = &replay.statements.table.columns;
    let written: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
    let against = qualified(client, path, |client| {
        against(client, copy.original, &written, &copy.schema)
    })?;
    if !against.is_empty() {
        return Ok(Swapped::Failed(format!(
            "no copy can take the place of {table} any more: {}",
            against.join("; ")
        )));
    }
    if replay.waiting(client, MOST_LEFT + 1)? > u64::from(MOST_LEFT) {
        return Ok(Swapped::TooMuch);
    }
    for _ in 0..ROUNDS {
        if let Err(reason) = replay.some(client, desk, None)? {
            return Ok(Swapped::Failed(reason));
        }
        if replay.waiting(client, 1)? == 0 {
            break;
        }
    }
    if replay.waiting(client, 1)? > 0 {
        return Ok(Swapped::Failed(
            "rows stand in each other's way in the copy, and do not in the original".to_owned(),
        ));
    }
    desk.next(
        "exchanging the tables",
        Some(replay.options.statement_timeout),
    )?;
    qualified(client, path, |client| exchange(client, version, replay))?;
    Ok(Swapped::Done)
}

fn exchange(client: &mut Client, version: u32, replay: &Replay<'_>) -> Result<(), ChangeError> {
    let copy = replay.copy;
    let (original, mine) = (named(client, copy.original)?, named(client, copy.copy)?);
    let table = original.full();
    wait(client, WAIT_FOR_OTHERS)?;
    for parent in parents(client, copy.original)? {
        run(
            client,
            &format!("LOCK TABLE {parent} IN SHARE ROW EXCLUSIVE MODE"),
        )?;
    }
    let unvalidated = validated(client, copy.original)?;
    let rest = rest(client, copy.original, &copy.schema)?;
    numbers(client, copy.original, copy.copy)?;
    for (_, sequence) in owned(client, copy.original, "a")? {
        run(
            client,
            &format!("ALTER SEQUENCE {} OWNED BY NONE", sequence.full()),
        )?;
    }
    // RESTRICT: what still needs it keeps it, and nothing of this happens.
    run(client, &format!("DROP TABLE {table} RESTRICT"))?;
    let schema = &copy.schema;
    run(
        client,
        &format!("DROP TABLE {}; DROP FUNCTION {schema}.note()", copy.log()),
    )?;
    run(
        client,
        &format!("ALTER TABLE {} SET SCHEMA {}", mine.full(), original.schema),
    )?;
    rest.iter().try_for_each(|sql| run(client, sql))?;
    run(client, &format!("DROP SCHEMA {schema} RESTRICT"))?;
    if whole(client, version, copy.copy, schema)? != copy.definition {
        return Err(ChangeError::Unexpected {
            question: format!("what {table} is after the exchange: it is not what it was"),
        });
    }
    let sql = "UPDATE _switchback.backfill_copy SET unvalidated = $2 WHERE backfill = $1";
    client
        .execute(sql, &[&copy.id, &unvalidated])
        .map_err(at(sql))?;
    copy.set_phase(client, Phase::Validating)
}

/// Has the identity columns go on with the numbers that come next. Whoever asks for a number by the
/// name of the sequence waits meanwhile: it is locked by being changed to what it is.
fn numbers(client: &mut Client, original: u32, copy: u32) -> Result<(), ChangeError> {
    let theirs = identities(client, original)?;
    for (column, mine) in identities(client, copy)? {
        let Some((_, from)) = theirs.iter().find(|(it, _)| *it == column) else {
            continue;
        };
        let sql = "SELECT seqcache FROM pg_sequence WHERE seqrelid = $1::text::regclass";
        let row = client.query_one(sql, &[&from.full()]).map_err(at(sql))?;
        let cache: i64 = row.try_get(0).map_err(at(sql))?;
        run(
            client,
            &format!("ALTER SEQUENCE {} CACHE {cache}", from.full()),
        )?;
        let sql = format!(
            "SELECT setval($1::text::regclass, last_value, is_called) FROM {}",
            from.full()
        );
        client.query_one(&sql, &[&mine.full()]).map_err(at(&sql))?;
    }
    Ok(())
}

/// Validates one foreign key that is not, in a transaction: others go on meanwhile. Gives whether
/// there was one.
pub(super) fn validate(client: &mut Client, copy: &Copy) -> Result<bool, ChangeError> {
    let Some(constraint) = copy.unvalidated.first() else {
        return Ok(false);
    };
    let table = named(client, copy.copy)?.full();
    run(
        client,
        &format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"),
    )?;
    let sql = "UPDATE _switchback.backfill_copy SET unvalidated = unvalidated[2:]
               WHERE backfill = $1";
    client.execute(sql, &[&copy.id]).map_err(at(sql))?;
    Ok(true)
}
