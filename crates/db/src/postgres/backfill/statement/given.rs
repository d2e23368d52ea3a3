//! The statements of a backfill whose values a program says: the rows that it is given, and giving
//! them what it said.
//!
//! Nothing is locked while a program works. So a row is read with a hash of all columns that the
//! program is given or writes, and written only if it still has it.

use postgres::Client;
use switchback_migration::backfill::job::Job;
use switchback_migration::backfill::program::Value;

use super::super::table::range::Range;
use super::super::table::{INTEGERS, MOMENTS, Table, Type, as_text, types};
use super::{Keeping, Statements, joined};
use crate::postgres::change::ChangeError;
use crate::postgres::change::link::qualified;
use crate::postgres::change::scope::oid;
use crate::postgres::session::{literal, name};

/// The values of a row may take so much, in bytes.
pub(in crate::postgres::backfill) const LARGEST: u32 = 4 << 20;

/// So much is read at once, in bytes, and one row more.
pub(in crate::postgres::backfill) const READ: u32 = 4 << 20;

/// How a value stands in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bool,
    Integer,
    Float,
    Json,
    Text,
}

/// A column as a program knows it.
#[derive(Debug, Clone)]
pub(in crate::postgres::backfill) struct Seen {
    pub(in crate::postgres::backfill) name: String,
    /// Its value as text, as SQL.
    text: String,
    form: Form,
}

/// What a program is given and writes.
#[derive(Debug, Clone)]
pub(in crate::postgres::backfill) struct Asking {
    job: String,
    pub(in crate::postgres::backfill) key: Vec<Seen>,
    pub(in crate::postgres::backfill) reads: Vec<Seen>,
    /// In the order in which the definition has them.
    pub(in crate::postgres::backfill) writes: Vec<Seen>,
    /// Of `writes`: the place in the table's list.
    places: Vec<usize>,
    /// A column that the program is to be given and that is not there.
    pub(in crate::postgres::backfill) missing: Option<String>,
}

impl Seen {
    fn of(found: &Type) -> Self {
        const BYTEA: u32 = 17;
        let column = name(&found.name);
        Self {
            name: found.name.clone(),
            text: match found.base {
                // One form, whatever `bytea_output` says.
                BYTEA => format!("('\\x' || encode({column}, 'hex'))"),
                base => as_text(&column, MOMENTS.contains(&base)),
            },
            form: match found.base {
                16 => Form::Bool,
                base if INTEGERS.contains(&base) => Form::Integer,
                700 | 701 => Form::Float,
                114 | 3802 => Form::Json,
                _ => Form::Text,
            },
        }
    }

    /// Whether it holds JSON.
    pub(in crate::postgres::backfill) fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// The value of a text that was read.
    pub(in crate::postgres::backfill) fn value(&self, text: Option<&str>) -> Value {
        let Some(text) = text else { return Value::Null };
        let as_text = || Value::Text(text.to_owned());
        match self.form {
            Form::Bool => Value::Bool(text == "true"),
            Form::Integer => text.parse().map_or_else(|_| as_text(), Value::Integer),
            // `NaN` and `Infinity` are no numbers in JSON.
            Form::Float if text.ends_with(|it: char| it.is_ascii_digit()) => {
                Value::Number(text.to_owned())
            }
            Form::Json => Value::Json(text.to_owned()),
            Form::Float | Form::Text => as_text(),
        }
    }
}

impl Asking {
    /// What the catalog says of it, in a transaction; none where no program says what rows get.
    pub(in crate::postgres::backfill) fn of(
        client: &mut Client,
        path: &[String],
        job: &Job,
        table: &Table,
    ) -> Result<Option<Self>, ChangeError> {
        let Some(program) = &job.text.program else {
            return Ok(None);
        };
        let no_table = || ChangeError::NoTable {
            table: job.text.table.clone(),
        };
        let number = oid(client, &job.text.table)?.ok_or_else(no_table)?;
        let types = qualified(client, path, |client| types(client, number))?;
        let seen = |name: &String| types.iter().find(|it| it.name == *name).map(Seen::of);
        let missing = program.reads.iter().find(|it| seen(it).is_none());
        let place = |name: &String| table.columns.iter().position(|it| it.name == *name);
        Ok(Some(Self {
            job: job.id.to_string(),
            key: table.key.iter().filter_map(|it| seen(&it.name)).collect(),
            reads: program.reads.iter().filter_map(seen).collect(),
            writes: program.columns.iter().filter_map(seen).collect(),
            places: program.columns.iter().filter_map(place).collect(),
            missing: missing.cloned(),
        }))
    }

    /// A hash of all that a program is given of a row or writes into it.
    fn hash(&self) -> String {
        let texts = self.reads.iter().chain(&self.writes);
        Statements::hash_of(texts.map(|it| it.text.clone()))
    }
}

impl Statements {
    /// That a program passed over a row which has not changed since.
    pub(super) fn is_skipped(&self, asking: &Asking) -> String {
        let key = self.key("").unwrap_or_default();
        // What is asked of the row stands in a query of its own: beside our tables its names could be
        // those of their columns.
        format!(
            "EXISTS (SELECT FROM (SELECT ({key})::text COLLATE \"C\" AS _sb_key, {} AS _sb_seen) \
                 AS _sb_o, _switchback.backfill_skipped AS _sb_s, _switchback.backfill AS _sb_j \
             WHERE _sb_j.job = {} AND _sb_s.backfill = _sb_j.id \
               AND _sb_s.key = _sb_o._sb_key AND _sb_s.seen = _sb_o._sb_seen)",
            asking.hash(),
            literal(&asking.job)
        )
    }

    /// How many rows of a range a program passed over that have not changed since and still should
    /// get something. Rows are left out that are known to fail; `among` is as with
    /// [`Statements::count`].
    pub(in crate::postgres::backfill) fn count_skipped(
        &self,
        asking: &Asking,
        range: &Range,
        among: Option<&str>,
        failed: &[String],
    ) -> String {
        let (differ, skipped) = (self.differ(), self.is_skipped(asking));
        let (among, but) = (among.unwrap_or("true"), self.but(failed));
        let counted =
            format!("CASE WHEN {but} AND ({among}) THEN {differ} AND {skipped} ELSE false END");
        self.table.count(range, &counted)
    }

    /// Rows of a range for a program: of each the key, the hash, the values, none where they are too
    /// large, and how many bytes they and those before them take.
    pub(in crate::postgres::backfill) fn rows_for(
        &self,
        asking: &Asking,
        range: &Range,
        share: Option<&str>,
        keeping: Keeping,
        most: u32,
    ) -> String {
        let Range {
            target, condition, ..
        } = range;
        let key = self.key("").unwrap_or_default();
        let texts = asking.key.iter().chain(&asking.reads);
        let values = joined(texts.map(|it| it.text.clone()), ", ");
        let wanted = super::among(share, &self.differ());
        format!(
            "SELECT _sb_k, _sb_seen, CASE WHEN _sb_size <= {LARGEST} THEN _sb_v END, _sb_upto \
             FROM (SELECT *, sum(least(_sb_size, {LARGEST})) \
                 OVER (ROWS UNBOUNDED PRECEDING)::bigint AS _sb_upto \
               FROM (SELECT *, pg_column_size(_sb_v) AS _sb_size \
                 FROM (SELECT ({key})::text AS _sb_k, {hash} AS _sb_seen, \
                     ARRAY[{values}]::text[] AS _sb_v \
                   FROM {target} WHERE {condition} AND {wanted} \
                     AND NOT EXISTS (SELECT FROM (SELECT ({key})::text COLLATE \"C\" AS _sb_key) \
                         AS _sb_o, _switchback.backfill_failure AS _sb_f \
                       WHERE _sb_f.backfill = {id} AND _sb_f.sweep = {sweep} \
                         AND _sb_f.key = _sb_o._sb_key) \
                     AND NOT {skipped} \
                   LIMIT {most}) AS _sb_1) AS _sb_2) AS _sb_3 \
             WHERE _sb_upto - least(_sb_size, {LARGEST}) < {READ}",
            hash = asking.hash(),
            id = keeping.backfill,
            sweep = keeping.sweep,
            skipped = self.is_skipped(asking),
        )
    }

    /// Gives rows what a program said, where they still are what it was given, and keeps what they
    /// had. Takes keys, hashes and the values of each column. Gives the number of rows, their
    /// checksums before and after, and the keys of those that should get something even now.
    pub(in crate::postgres::backfill) fn give(
        &self,
        asking: &Asking,
        target: &str,
        keep: Option<Keeping>,
    ) -> String {
        let columns = || {
            asking
                .places
                .iter()
                .filter_map(|it| self.table.columns.get(*it))
        };
        let numbered = || (0..).zip(&self.table.columns);
        let arrays = joined(
            (0..columns().count()).map(|n| format!(", ${}::text[]", n + 3)),
            "",
        );
        let given = joined((0..columns().count()).map(|n| format!(", _sb_n{n}")), "");
        let set = joined(
            (0..)
                .zip(columns())
                .map(|(n, it): (usize, _)| format!("{} = CAST(_sb_n{n} AS {})", it.sql, it.plain)),
            ", ",
        );
        let before = joined(
            numbered().map(|(n, it): (usize, _)| format!(", {} AS _sb_b{n}", it.text(""))),
            "",
        );
        let names = joined(numbered().map(|(n, _)| format!("_sb_b{n}")), ", ");
        let was = Self::hash_of(numbered().map(|(n, _)| format!("_sb_b{n}")));
        let (here, seen) = (self.has_key("", "_sb_key"), asking.hash());
        // The key's conditions stand first: the rows are found by it.
        let wanted = format!("{here} AND {seen} = _sb_seen AND {}", self.differ());
        let kept = keep.map_or_else(String::new, |keep| self.keep(keep, true));
        format!(
            "WITH _sb_in AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[]{arrays}) \
                 AS it (_sb_key, _sb_seen{given})), \
             _sb_p AS MATERIALIZED (SELECT _sb_in.*{before} FROM {target}, _sb_in WHERE {wanted}), \
             _sb_c AS (UPDATE {target} SET {set} FROM _sb_p WHERE {wanted} \
               RETURNING {key} AS _sb_k, {names}, {hash} AS _sb_h, ({only}) AS _sb_still){kept} \
             SELECT count(*), {sum_before}, {sum_after}, \
               array_agg(_sb_k::text) FILTER (WHERE _sb_still) FROM _sb_c",
            key = self.key("").unwrap_or_default(),
            hash = self.hash(""),
            only = self.only.as_deref().unwrap_or("true"),
            sum_before = self.checksum(&was),
            sum_after = self.checksum("_sb_h"),
        )
    }
}
