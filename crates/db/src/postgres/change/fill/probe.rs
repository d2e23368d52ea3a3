//! Whether a fill was done, or taken back.

use postgres::Client;
use switchback_migration::drive::Probed;
use switchback_model::plan::Fill;

use super::super::control::{self, FillStatus};
use super::super::error::ChangeError;
use super::{differing, fitting};
use crate::fill::{FILLED, UNFILLING};

/// Whether a fill was done, in a transaction. Done is what it is for, not what was once done.
pub(in super::super) fn probe(
    client: &mut Client,
    path: &[String],
    version: u32,
    fill: &Fill,
) -> Result<Probed, ChangeError> {
    let status = status(client, fill)?;
    let begun_by = status.as_ref().map(|it| it.key.as_slice());
    let table = match fitting(client, path, version, fill, begun_by) {
        Ok(table) => table,
        Err(error) => return nowhere(error),
    };
    Ok(match status {
        None => Probed::NotDone,
        Some(status) if status.status == FILLED => {
            match differing(client, &table, fill, &|| Ok(()))? {
                0 => Probed::Done,
                _ => Probed::Partial,
            }
        }
        Some(_) => Probed::Partial,
    })
}

/// Whether a fill was taken back, in a transaction.
pub(in super::super) fn probe_undone(
    client: &mut Client,
    path: &[String],
    version: u32,
    fill: &Fill,
) -> Result<Probed, ChangeError> {
    Ok(match status(client, fill)? {
        None => Probed::Done,
        Some(status) if status.status == UNFILLING => Probed::Partial,
        Some(status) => match fitting(client, path, version, fill, Some(&status.key)) {
            Ok(_) => Probed::NotDone,
            Err(error) => return nowhere(error),
        },
    })
}

fn status(client: &mut Client, fill: &Fill) -> Result<Option<FillStatus>, ChangeError> {
    match control::exists(client)? {
        true => control::fill_status(client, fill, false),
        false => Ok(None),
    }
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
