//! What the control tables say of a fill: whether it was done, and that nobody needs it any more.

use postgres::Client;
use switchback_migration::backfill::{Job, JobStatus};
use switchback_migration::drive::Probed;
use switchback_model::plan::Fill;
use switchback_model::{BackfillId, ChangeId, StepName};

use super::super::close::differing;
use super::super::control::{self, JobRow};
use super::super::error::BackfillError;
use super::super::hands::statements;
use super::super::statement::{Statements, by_place};
use super::super::table::range::Range;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;

/// What goes wrong with a backfill, as what goes wrong with a change.
pub(in crate::postgres) fn bare(error: BackfillError) -> ChangeError {
    match error {
        BackfillError::Database(error) => error,
        BackfillError::Format { found, known } => ChangeError::Format { found, known },
        other => ChangeError::Unexpected {
            question: other.to_string(),
        },
    }
}

/// The tables without the schema.
pub(in crate::postgres) const TABLES: [&str; 6] = [
    "backfill_format",
    "backfill",
    "backfill_range",
    "backfill_undo",
    "backfill_failure",
    "backfill_conflict",
];

/// Makes the control tables of backfills where they are not there yet; in a transaction.
pub(in crate::postgres) fn make(client: &mut Client) -> Result<(), ChangeError> {
    control::make(client).map_err(bare)
}

/// Whether there are control tables of backfills.
pub(in crate::postgres) fn exists(client: &mut Client) -> Result<bool, ChangeError> {
    control::exists(client).map_err(bare)
}

/// What the tables say of the job of a fill; none where it was never begun, or was taken back.
pub(in crate::postgres) fn row(
    client: &mut Client,
    fill: &Fill,
) -> Result<Option<JobRow>, ChangeError> {
    if !exists(client)? {
        return Ok(None);
    }
    let id = BackfillId::of_fill(&fill.change, &fill.step);
    let row = control::job(client, id.as_str(), false).map_err(bare)?;
    Ok(row.filter(|it| it.status != JobStatus::Undone))
}

/// What the catalog says, and that the expressions fit it.
pub(super) fn fitting(
    client: &mut Client,
    path: &[String],
    version: u32,
    fill: &Fill,
    begun_by: Option<&[String]>,
) -> Result<Statements, ChangeError> {
    let statements = statements(client, path, version, &Job::of_fill(fill), begun_by)?;
    // What an expression reads must be there; only the database can say so.
    let sql = format!(
        "SELECT FROM {} WHERE {}",
        statements.table.full,
        statements.differ()
    );
    client.prepare(&sql).map_err(at(&sql))?;
    Ok(statements)
}

/// Whether a fill was done, in a transaction. Done is what it is for, not what was once done.
pub(in crate::postgres) fn probe(
    client: &mut Client,
    path: &[String],
    version: u32,
    fill: &Fill,
) -> Result<Probed, ChangeError> {
    let row = row(client, fill)?;
    let begun_by = row.as_ref().map(|it| it.key.as_slice());
    let statements = match fitting(client, path, version, fill, begun_by) {
        Ok(statements) => statements,
        Err(error) => return nowhere(error),
    };
    Ok(match row {
        None => Probed::NotDone,
        Some(row) if row.status == JobStatus::Done => {
            let places = by_place(row.strategy);
            let sql = |range: &Range| statements.count(range, None, &[]);
            match differing(client, &|| Ok(()), &statements, &sql, places)? {
                0 => Probed::Done,
                _ => Probed::Partial,
            }
        }
        Some(_) => Probed::Partial,
    })
}

/// Whether a fill was taken back, in a transaction.
pub(in crate::postgres) fn probe_undone(
    client: &mut Client,
    path: &[String],
    version: u32,
    fill: &Fill,
) -> Result<Probed, ChangeError> {
    Ok(match row(client, fill)? {
        None => Probed::Done,
        Some(row) if row.status == JobStatus::Undoing => Probed::Partial,
        Some(row) => match fitting(client, path, version, fill, Some(&row.key)) {
            Ok(_) => Probed::NotDone,
            Err(error) => return nowhere(error),
        },
    })
}

/// A fill that has no place to be done is neither done nor not.
fn nowhere(error: ChangeError) -> Result<Probed, ChangeError> {
    /// `undefined_column` and `undefined_table`: what an expression reads is not there.
    const MISSING: [&str; 2] = ["42703", "42P01"];
    let missing = error.code().is_some_and(|code| MISSING.contains(&code));
    match &error {
        ChangeError::NoTable { .. } | ChangeError::NoColumn { .. } => {}
        ChangeError::Sql { source, .. } if missing => {
            return Ok(Probed::Unknown {
                reason: source.message.clone(),
            });
        }
        _ => return Err(error),
    }
    Ok(Probed::Unknown {
        reason: error.to_string(),
    })
}

/// Every change that has a fill, by name.
pub(in crate::postgres) fn changes(client: &mut Client) -> Result<Vec<String>, ChangeError> {
    if !exists(client)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT DISTINCT change FROM _switchback.backfill
               WHERE change IS NOT NULL AND status <> 'undone' ORDER BY 1";
    let rows = client.query(sql, &[]).map_err(at(sql))?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect()
}

/// What is forgotten has no name any more, so that another may have it. What was kept may be much;
/// it goes later, see [`tidy`].
const FORGET: &str = "UPDATE _switchback.backfill AS it
    SET status = 'forgotten', job = '/' || it.id, change = NULL";

/// Forgets what a step filled: its way back has taken that back.
pub(in crate::postgres) fn forget_step(
    client: &mut Client,
    change: &ChangeId,
    step: &StepName,
) -> Result<(), ChangeError> {
    if !exists(client)? {
        return Ok(());
    }
    let sql = format!("{FORGET} WHERE it.job = $1");
    let id = BackfillId::of_fill(change, step);
    client.execute(&sql, &[&id.as_str()]).map_err(at(&sql))?;
    Ok(())
}

/// Forgets fills of a change into columns that are gone: made again, they are empty again.
pub(in crate::postgres) fn forget_dropped(
    client: &mut Client,
    change: &ChangeId,
) -> Result<(), ChangeError> {
    if !exists(client)? {
        return Ok(());
    }
    let sql = format!(
        "{FORGET} WHERE it.change = $1 AND EXISTS (
           SELECT FROM unnest(it.columns) AS mine WHERE NOT EXISTS (
             SELECT FROM pg_catalog.pg_attribute AS there
             WHERE there.attrelid = to_regclass(it.in_table) AND there.attname = mine
               AND there.attnum > 0 AND NOT there.attisdropped))"
    );
    client
        .execute(&sql, &[&change.as_str()])
        .map_err(at(&sql))?;
    Ok(())
}

/// Removes some of what is kept of a fill that nobody needs: one that is forgotten, or was taken
/// back. One statement. Returns whether there may be more.
pub(in crate::postgres) fn tidy(client: &mut Client) -> Result<bool, ChangeError> {
    if !exists(client)? {
        return Ok(false);
    }
    let sql = "WITH gone AS (
                 SELECT id FROM _switchback.backfill
                 WHERE status = 'forgotten' OR (status = 'undone' AND change IS NOT NULL)
                 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
               ), part AS (
                 SELECT undo.backfill, undo.number
                 FROM gone, LATERAL (SELECT * FROM _switchback.backfill_undo
                   WHERE backfill = gone.id ORDER BY number LIMIT 100) AS undo
               ), undo AS (
                 DELETE FROM _switchback.backfill_undo AS it USING part
                 WHERE it.backfill = part.backfill AND it.number = part.number
               ), last AS (
                 SELECT id FROM gone WHERE NOT EXISTS (SELECT FROM part)
               ), ranges AS (
                 DELETE FROM _switchback.backfill_range AS it USING last WHERE it.backfill = last.id
               ), failures AS (
                 DELETE FROM _switchback.backfill_failure AS it USING last
                 WHERE it.backfill = last.id
               ), conflicts AS (
                 DELETE FROM _switchback.backfill_conflict AS it USING last
                 WHERE it.backfill = last.id
               ), ended AS (
                 DELETE FROM _switchback.backfill AS it USING last WHERE it.id = last.id
               )
               SELECT EXISTS (SELECT FROM gone)";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    row.try_get(0).map_err(at(sql))
}
