//! Which rows a range of a rerun has, and the next of them.

use postgres::Client;
use serde::{Deserialize, Serialize};

use crate::postgres::backfill::error::BackfillError;
use crate::postgres::backfill::statement::Statements;
use crate::postgres::backfill::table::Table;
use crate::postgres::backfill::table::range::{Key, Range, parse};
use crate::postgres::change::error::at;
use crate::postgres::session::literal;

/// Keys of several columns in one statement: the server looks at each of them by itself.
const MOST_LISTED: usize = 500;

/// What stands in a range of a rerun beside its ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope {
    /// The first key that belongs to it; without one the rows begin after the start of the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<serde_json::Value>,
    /// Or the keys of its rows, in order, as the undo log has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<String>>,
}

/// How far a list of keys is done.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Listed {
    done: usize,
}

/// The next rows of a range.
pub(crate) struct Next {
    pub(crate) range: Range,
    pub(crate) place: String,
    pub(crate) rows: u64,
    pub(crate) last: bool,
}

impl Scope {
    /// Rows that begin with a key, or after the start of their range.
    pub(super) fn from(from: Option<&str>) -> Self {
        Self {
            from: from.and_then(|it| serde_json::from_str(it).ok()),
            keys: None,
        }
    }

    /// What is stored in a range; none in a walk over all rows.
    pub(crate) fn read(json: Option<&str>) -> Result<Option<Self>, BackfillError> {
        let Some(json) = json else { return Ok(None) };
        let scope = serde_json::from_str(json).map_err(|_| BackfillError::Garbled {
            what: "the scope of a range".to_owned(),
        })?;
        Ok(Some(scope))
    }

    pub(super) fn json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// The keys of its rows, if it has a list of them.
    pub(crate) fn keys(&self) -> Option<&[String]> {
        self.keys.as_deref()
    }

    /// The first key, in JSON.
    pub(crate) fn first(&self) -> Option<String> {
        self.from.as_ref().map(ToString::to_string)
    }

    /// The next rows of a range that is done up to `place` and ends at `end`; none at its end.
    pub(crate) fn next(
        &self,
        client: &mut Client,
        statements: &Statements,
        place: Option<&str>,
        end: &str,
        rows: u32,
    ) -> Result<Option<Next>, BackfillError> {
        let table = &statements.table;
        if let Some(keys) = &self.keys {
            let done = place.map(listed).transpose()?.unwrap_or(0);
            let left = keys.get(done..).unwrap_or_default();
            let most = match table.key.len() {
                1 => rows as usize,
                _ => (rows as usize).min(MOST_LISTED),
            };
            let part = left.get(..most.max(1)).unwrap_or(left);
            if part.is_empty() {
                return Ok(None);
            }
            let to = done + part.len();
            return Ok(Some(Next {
                range: with_keys(table, part)?,
                place: serde_json::json!(Listed { done: to }).to_string(),
                rows: part.len() as u64,
                last: to >= keys.len(),
            }));
        }
        let end = parse(end)?;
        let range = self.rest(table, place, &end)?;
        let sql = table.reach(&range, rows);
        let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
        let last: Option<String> = row.try_get(0).map_err(at(&sql))?;
        let found: i64 = row.try_get(1).map_err(at(&sql))?;
        let Some(last) = last else { return Ok(None) };
        let to = parse(&last)?;
        Ok(Some(Next {
            range: self.rest(table, place, &to)?,
            place: last,
            rows: found.unsigned_abs(),
            last: to == end,
        }))
    }

    /// The rows that come after `place`, up to and with a key.
    fn rest(&self, table: &Table, place: Option<&str>, to: &Key) -> Result<Range, BackfillError> {
        let after = place.map(parse).transpose()?;
        match (&after, &self.from) {
            (None, Some(from)) => {
                let from = parse(&from.to_string())?;
                Ok(including(table, &from, Some(to)))
            }
            (after, _) => Ok(table.between(after.as_ref(), Some(to))),
        }
    }

    /// All rows of a range, as a condition.
    pub(super) fn all(
        &self,
        table: &Table,
        start: Option<&str>,
        end: &str,
    ) -> Result<Range, BackfillError> {
        match &self.keys {
            Some(keys) => with_keys(table, keys),
            None => self.rest(table, start, &parse(end)?),
        }
    }
}

fn listed(place: &str) -> Result<usize, BackfillError> {
    let read: Result<Listed, _> = serde_json::from_str(place);
    let read = read.map_err(|_| BackfillError::Garbled {
        what: format!("the place {place}"),
    })?;
    Ok(read.done)
}

/// The rows from a key on, with it, up to and with another.
pub(super) fn including(table: &Table, from: &Key, to: Option<&Key>) -> Range {
    let upto = table.between(None, to);
    let (list, from) = (table.key_list("", ""), table.key_literal(from));
    Range {
        condition: format!("({list}) >= ({from}) AND {}", upto.condition),
        target: upto.target,
    }
}

/// The rows with certain keys, as the undo log has them.
fn with_keys(table: &Table, keys: &[String]) -> Result<Range, BackfillError> {
    let condition = |row: &str| -> Result<String, BackfillError> {
        if let [one] = table.key.as_slice() {
            let list: Vec<String> = keys.iter().map(|it| literal(it)).collect();
            return Ok(format!(
                "{row}{} = ANY (ARRAY[{}]::{}[])",
                one.sql,
                list.join(", "),
                one.plain
            ));
        }
        let list = table.key_list(row, "");
        let each = keys
            .iter()
            .map(|it| Ok(format!("({list}) = ({})", table.key_literal(&parse(it)?))));
        let each: Vec<String> = each.collect::<Result<_, BackfillError>>()?;
        Ok(format!("({})", each.join(" OR ")))
    };
    Ok(Range {
        target: table.full.clone(),
        condition: condition("")?,
    })
}
