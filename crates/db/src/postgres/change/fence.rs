//! Whose work a session does: the fence of a fill, whose batches are those of backfills.
//!
//! A script names its intent in each transaction (`control::fence`). A fill has many, and the session
//! says itself for which intent it works: no other one says so, and a session that comes in its place
//! says nothing, which is refused.

use postgres::Client;

use super::error::{ChangeError, at};

/// Has the session say for which intent it works from now on, if for one.
pub(super) fn says(client: &mut Client, intent: Option<&str>) -> Result<(), ChangeError> {
    let sql = "SELECT pg_catalog.set_config('switchback.intent', $1, false)";
    let intent = intent.unwrap_or_default();
    client.query_one(sql, &[&intent]).map_err(at(sql))?;
    Ok(())
}

/// Refuses if the intent was given up, with the lock of the change, so that it holds until the
/// transaction ends.
///
/// # Errors
/// [`ChangeError::Revoked`]; [`ChangeError::Pooled`] if this is another session than the one that
/// was opened.
pub(in crate::postgres) fn stands(client: &mut Client) -> Result<(), ChangeError> {
    let sql = "SELECT current_setting('switchback.session', true) = pg_backend_pid()::text
                   AND current_setting('switchback.intent', true) IS NOT NULL,
                 EXISTS (SELECT FROM _switchback.revoked
                   WHERE intent = current_setting('switchback.intent', true))";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    let ours: Option<bool> = row.try_get(0).map_err(at(sql))?;
    if ours != Some(true) {
        return Err(ChangeError::Pooled);
    }
    if row.try_get(1).map_err(at(sql))? {
        return Err(ChangeError::Revoked);
    }
    Ok(())
}
