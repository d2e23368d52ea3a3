//! What is kept of a copy, and how far it is.

use std::time::Duration;

use postgres::Client;

use super::carry::{Named, named};
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;

/// The control tables of copies; a part of those of backfills.
pub(in crate::postgres::backfill) const CREATE: &str = r#"
CREATE TABLE _switchback.backfill_copy (
  backfill bigint PRIMARY KEY,
  in_schema text NOT NULL,      -- where the copy lies, and what writes down which rows change
  original oid NOT NULL,
  copy oid NOT NULL,
  phase text NOT NULL,
  definition text NOT NULL,     -- what the original was when it was begun
  stored text NOT NULL,         -- the file that it lay in, its columns, and our triggers on it
  since_sweep integer NOT NULL, -- the first walk that fills it
  undo_after bigint NOT NULL,   -- what is kept with a higher number is of this copy
  tries integer NOT NULL DEFAULT 0,  -- how often the lock for the exchange was asked for in vain
  next_try timestamptz,
  unvalidated text[] NOT NULL DEFAULT '{}'  -- foreign keys that are still to be validated
);
CREATE TABLE _switchback.backfill_stale (
  backfill bigint NOT NULL,
  key text COLLATE "C" NOT NULL, -- of a row that was copied anew, because it had changed:
  after bigint NOT NULL,        -- what is kept of it with a number from here on
  upto bigint NOT NULL,         -- up to there is of no use any more
  PRIMARY KEY (backfill, key, after)
);
"#;

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Rows are copied; its end is that of the walk.
    Filling,
    /// Every row was copied once. The index over the key is built, and rows that changed are copied
    /// anew until few are left.
    Settling,
    /// It is what the original was at one moment, and stays so while indexes are built.
    Indexing,
    /// Everything is compared.
    Checking,
    /// It only waits for its turn to take the original's place.
    Swapping,
    /// It is the table. Foreign keys are validated.
    Validating,
}

impl Phase {
    const ALL: [(Phase, &'static str); 6] = [
        (Phase::Filling, "filling"),
        (Phase::Settling, "settling"),
        (Phase::Indexing, "indexing"),
        (Phase::Checking, "checking"),
        (Phase::Swapping, "swapping"),
        (Phase::Validating, "validating"),
    ];

    pub(super) fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(phase, _)| *phase == self);
        found.map_or("filling", |(_, word)| word)
    }
}

/// A copy.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) id: i64,
    pub(super) schema: String,
    pub(super) original: u32,
    pub(super) copy: u32,
    pub(super) phase: Phase,
    pub(super) definition: String,
    pub(super) stored: String,
    pub(super) since_sweep: i32,
    pub(super) undo_after: i64,
    pub(super) tries: i32,
    /// Whether the lock is not to be asked for yet.
    pub(super) rests: bool,
    pub(super) unvalidated: Vec<String>,
}

/// The schema in which the copy of a job lies. Its name needs no quotes.
pub(super) fn schema(id: i64) -> String {
    format!("_switchback_copy_{id}")
}

/// The copy of a job, if there is one.
pub(super) fn read(client: &mut Client, id: i64) -> Result<Option<Copy>, ChangeError> {
    ask(client, id, "")
}

/// The same, and it stays so until the transaction ends.
pub(super) fn hold(client: &mut Client, id: i64) -> Result<Option<Copy>, ChangeError> {
    ask(client, id, "FOR NO KEY UPDATE")
}

fn ask(client: &mut Client, id: i64, lock: &str) -> Result<Option<Copy>, ChangeError> {
    let sql = format!(
        "SELECT in_schema, original, copy, phase, definition, stored, since_sweep, undo_after, \
         tries, coalesce(next_try > clock_timestamp(), false), unvalidated \
         FROM _switchback.backfill_copy WHERE backfill = $1 {lock}"
    );
    let Some(row) = client.query_opt(&sql, &[&id]).map_err(at(&sql))? else {
        return Ok(None);
    };
    let get = at(&sql);
    let word: String = row.try_get(3).map_err(&get)?;
    let phase = Phase::ALL.iter().find(|(_, it)| *it == word);
    let Some((phase, _)) = phase else {
        return Err(ChangeError::Unexpected {
            question: format!("how far a copy is: {word}"),
        });
    };
    Ok(Some(Copy {
        id,
        schema: row.try_get(0).map_err(&get)?,
        original: row.try_get(1).map_err(&get)?,
        copy: row.try_get(2).map_err(&get)?,
        phase: *phase,
        definition: row.try_get(4).map_err(&get)?,
        stored: row.try_get(5).map_err(&get)?,
        since_sweep: row.try_get(6).map_err(&get)?,
        undo_after: row.try_get(7).map_err(&get)?,
        tries: row.try_get(8).map_err(&get)?,
        rests: row.try_get(9).map_err(&get)?,
        unvalidated: row.try_get(10).map_err(&get)?,
    }))
}

impl Copy {
    pub(super) fn named(&self, client: &mut Client) -> Result<Named, ChangeError> {
        named(client, self.copy)
    }

    /// Where keys of rows that change are written down.
    pub(super) fn log(&self) -> String {
        format!("{}.changed", self.schema)
    }

    pub(super) fn set_phase(&self, client: &mut Client, to: Phase) -> Result<(), ChangeError> {
        let sql = "UPDATE _switchback.backfill_copy SET phase = $2 WHERE backfill = $1";
        client
            .execute(sql, &[&self.id, &to.word()])
            .map_err(at(sql))?;
        Ok(())
    }

    /// Notes that the lock was not to be had, and when to ask for it again.
    pub(super) fn rest(&self, client: &mut Client, pause: Duration) -> Result<(), ChangeError> {
        let sql = "UPDATE _switchback.backfill_copy SET tries = tries + 1,
                   next_try = clock_timestamp() + make_interval(secs => $2) WHERE backfill = $1";
        client
            .execute(sql, &[&self.id, &pause.as_secs_f64()])
            .map_err(at(sql))?;
        Ok(())
    }
}

/// The file that a table lies in, its number of columns ever, and the triggers on it whose function
/// lies in `schema`, each by what changes when anybody touches it.
pub(super) fn stored(
    client: &mut Client,
    number: u32,
    schema: &str,
) -> Result<Option<String>, ChangeError> {
    let sql = "SELECT pg_relation_filenode(c.oid) || ' ' || c.relnatts || ' '
            || coalesce((SELECT string_agg(concat_ws(':', t.oid, t.xmin, t.tgenabled), ' '
                    ORDER BY t.oid)
                FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                    JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE t.tgrelid = c.oid AND n.nspname = $2), '')
        FROM pg_class c WHERE c.oid = $1";
    let row = client
        .query_opt(sql, &[&number, &schema])
        .map_err(at(sql))?;
    row.map(|row| row.try_get(0).map_err(at(sql))).transpose()
}
