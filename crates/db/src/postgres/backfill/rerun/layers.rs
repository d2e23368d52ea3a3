//! Which rows have what which definition gives.
//!
//! Where some rows were done again with another definition, the others keep what the older one gave.
//! So rows lie in layers: those that were done again last on top, then those that were before them,
//! and all rows at the bottom.

use postgres::Client;
use switchback_migration::backfill::job::JobText;

use super::definition;
use super::scope::Scope;
use crate::postgres::backfill::error::BackfillError;
use crate::postgres::backfill::statement::Statements;
use crate::postgres::change::error::at;

/// A definition, and the rows that have what it gives unless they are in a layer above.
#[derive(Debug, Clone)]
pub(in crate::postgres::backfill) struct Layer {
    pub(in crate::postgres::backfill) version: String,
    pub(in crate::postgres::backfill) definition: JobText,
    /// The walk whose ranges say which rows; none for all rows.
    pub(in crate::postgres::backfill) sweep: Option<i32>,
}

/// The layers of a job, the newest first; the last one has all rows. None where one definition gave
/// all of them what they have.
pub(in crate::postgres::backfill) fn layers(
    client: &mut Client,
    id: i64,
) -> Result<Vec<Layer>, BackfillError> {
    let sql = "SELECT sweep, version, definition::text, was_version, was_definition::text
               FROM _switchback.backfill_rerun WHERE backfill = $1 ORDER BY sweep DESC";
    let rows = client.query(sql, &[&id]).map_err(at(sql))?;
    let mut layers = Vec::new();
    for row in &rows {
        let text: String = row.try_get(2).map_err(at(sql))?;
        layers.push(Layer {
            version: row.try_get(1).map_err(at(sql))?,
            definition: definition(&text)?,
            sweep: Some(row.try_get(0).map_err(at(sql))?),
        });
    }
    if let Some(first) = rows.last() {
        let text: String = first.try_get(4).map_err(at(sql))?;
        layers.push(Layer {
            version: first.try_get(3).map_err(at(sql))?,
            definition: definition(&text)?,
            sweep: None,
        });
    }
    let one = layers.windows(2).all(|it| it[0].version == it[1].version);
    Ok(if one { Vec::new() } else { layers })
}

impl Layer {
    /// That a row is in this layer, as a condition over its columns.
    pub(in crate::postgres::backfill) fn holds(
        &self,
        client: &mut Client,
        id: i64,
        statements: &Statements,
    ) -> Result<String, BackfillError> {
        let Some(sweep) = self.sweep else {
            return Ok("true".to_owned());
        };
        let sql = "SELECT scope::text, cursor_start::text, cursor_end::text
                   FROM _switchback.backfill_range WHERE backfill = $1 AND sweep = $2
                     AND scope IS NOT NULL AND NOT scope ? 'keys' ORDER BY number";
        let rows = client.query(sql, &[&id, &sweep]).map_err(at(sql))?;
        let key = statements.key("").unwrap_or_else(|| "NULL".to_owned());
        let mut any = vec![format!(
            "({key})::text IN (SELECT jsonb_array_elements_text(scope -> 'keys') \
               FROM _switchback.backfill_range \
               WHERE backfill = {id} AND sweep = {sweep} AND scope ? 'keys')"
        )];
        // Ranges that follow on each other are one.
        let mut spans: Vec<(Scope, Option<String>, String)> = Vec::new();
        for row in rows {
            let scope: Option<String> = row.try_get(0).map_err(at(sql))?;
            let start: Option<String> = row.try_get(1).map_err(at(sql))?;
            let end: String = row.try_get(2).map_err(at(sql))?;
            match spans.last_mut() {
                Some((_, _, last)) if start.as_ref() == Some(&*last) => *last = end,
                _ => {
                    let scope = Scope::read(scope.as_deref())?.unwrap_or_default();
                    spans.push((scope, start, end));
                }
            }
        }
        for (scope, start, end) in spans {
            let range = scope.all(&statements.table, start.as_deref(), &end)?;
            any.push(format!("({})", range.condition));
        }
        Ok(format!("({})", any.join(" OR ")))
    }
}
