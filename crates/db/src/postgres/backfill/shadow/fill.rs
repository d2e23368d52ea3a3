//! Copying rows with what they should have.

use postgres::Client;

use super::super::statement::{Keeping, Statements, joined};
use super::super::table::range::Range;
use super::row;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::session::name;

/// Where rows are copied to.
#[derive(Debug, Clone)]
pub(in crate::postgres::backfill) struct Target {
    /// The copy's full name, as it stands in SQL.
    pub(super) copy: String,
    /// The columns that are written, all but those that the database computes.
    columns: Vec<String>,
}

impl Target {
    /// That of a job; none where its copy is gone.
    pub(in crate::postgres::backfill) fn of(
        client: &mut Client,
        id: i64,
    ) -> Result<Option<Self>, ChangeError> {
        let Some(copy) = row::read(client, id)? else {
            return Ok(None);
        };
        Self::of_copy(client, &copy).map(Some)
    }

    pub(super) fn of_copy(client: &mut Client, copy: &row::Copy) -> Result<Self, ChangeError> {
        let sql = "SELECT attname::text FROM pg_attribute WHERE attrelid = $1 AND attnum > 0
            AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";
        let rows = client.query(sql, &[&copy.copy]).map_err(at(sql))?;
        Ok(Self {
            copy: copy.named(client)?.full(),
            columns: rows
                .iter()
                .map(|row| row.try_get(0).map_err(at(sql)))
                .collect::<Result<_, _>>()?,
        })
    }

    fn list(&self) -> String {
        joined(self.columns.iter().map(|it| name(it)), ", ")
    }

    /// Copies rows of a range, with what they should have where they have something else, and keeps
    /// what those had. All of it is of one moment. Gives what a batch gives.
    pub(in crate::postgres::backfill) fn copy(
        &self,
        statements: &Statements,
        range: &Range,
        keep: Option<Keeping>,
        or_leave: bool,
    ) -> String {
        let Range {
            target, condition, ..
        } = range;
        let (copy, list, table) = (&self.copy, self.list(), &statements.table);
        let differ = statements.differ();
        let written = || (0..).zip(&table.columns);
        let before = joined(
            written().map(|(n, it): (usize, _)| {
                format!(
                    "{} AS _sb_b{n}, CASE WHEN {differ} THEN CAST(({}) AS {}) END AS _sb_v{n}",
                    it.text(""),
                    it.value,
                    it.plain
                )
            }),
            ", ",
        );
        let values = joined(
            self.columns.iter().map(
                |column| match written().find(|(_, it)| it.name == *column) {
                    Some((n, it)) => {
                        format!("CASE WHEN _sb_apart THEN _sb_v{n} ELSE {} END", it.sql)
                    }
                    None => name(column),
                },
            ),
            ", ",
        );
        let names = joined(written().map(|(n, _)| format!("_sb_p._sb_b{n}")), ", ");
        let key = statements.key("").unwrap_or_default();
        let hash = statements.hash("");
        let kept = keep.map_or_else(String::new, |keep| statements.keep(keep, true));
        let was = Statements::hash_of(written().map(|(n, _)| format!("_sb_b{n}")));
        let sums = (statements.checksum(&was), statements.checksum("_sb_h"));
        let or_leave = if or_leave {
            " ON CONFLICT DO NOTHING"
        } else {
            ""
        };
        format!(
            "WITH _sb_p AS MATERIALIZED (SELECT {list}, {key} AS _sb_pk, \
                 ({differ}) IS TRUE AS _sb_apart, {before} \
               FROM {target} WHERE {condition} ORDER BY {}), \
             _sb_i AS (INSERT INTO {copy} ({list}) OVERRIDING SYSTEM VALUE \
               SELECT {values} FROM _sb_p{or_leave} RETURNING {key} AS _sb_k, {hash} AS _sb_h), \
             _sb_c AS (SELECT _sb_i._sb_k, {names}, _sb_i._sb_h FROM _sb_i \
               JOIN _sb_p ON _sb_p._sb_pk = _sb_i._sb_k WHERE _sb_p._sb_apart){kept} \
             SELECT count(*), {}, {} FROM _sb_c",
            table.key_list("", ""),
            sums.0,
            sums.1
        )
    }

    /// Copies rows of a range as they are.
    pub(in crate::postgres::backfill) fn copy_as_is(
        &self,
        range: &Range,
        or_leave: bool,
    ) -> String {
        let (copy, list) = (&self.copy, self.list());
        let or_leave = if or_leave {
            " ON CONFLICT DO NOTHING"
        } else {
            ""
        };
        format!(
            "INSERT INTO {copy} ({list}) OVERRIDING SYSTEM VALUE SELECT {list} FROM {} WHERE {}{or_leave}",
            range.target, range.condition
        )
    }
}
