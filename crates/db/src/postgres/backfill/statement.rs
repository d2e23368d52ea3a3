//! The statements of a backfill. Places and keys stand in them as literals, so that the server plans
//! for the very rows that are meant.

mod given;

use switchback_migration::backfill::{Job, Strategy, Transform};

use super::query::Asked;
use super::table::Table;
use super::table::range::Range;
use crate::postgres::change::ChangeError;
use crate::postgres::session::literal;

pub(super) use given::{Asking, LARGEST, READ, Seen};

/// Rows are divided among passes in so many parts; a prime, so that keys that grow in steps still
/// reach them all.
const PARTS: u32 = 1009;

/// What a key is multiplied by before it is divided: the golden section of [`PARTS`], so that the
/// rows of a pass lie evenly on every page.
const GOLDEN: u32 = 624;

/// How much smaller each pass is than the one before it. What a pass leaves behind makes room for
/// the next one, whose rows have grown. Measured on 15 with 16 passes over a table of 1,000,000 rows
/// with three indexes: 80 % of the updates were HOT, and no index grew. At 0.87 the first pass moves
/// more rows at once than pages of indexes have room for, and those grew by half.
const SHRINK: f64 = 0.93;

/// Which rows of a range a statement takes, and under which number it keeps what they had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping {
    pub(super) backfill: i64,
    pub(super) sweep: i32,
    pub(super) range: i32,
}

/// A condition, asked of the rows of one pass only. The server asks what it takes for cheap first,
/// and it takes every function of one row for as cheap as any other: only `CASE` keeps it from
/// computing what every row should have once for each pass.
pub(super) fn among(share: Option<&str>, condition: &str) -> String {
    match share {
        Some(share) => format!("CASE WHEN {share} THEN {condition} ELSE false END"),
        None => format!("({condition})"),
    }
}

/// Gives rows of a table without a key what they should have. Of those nothing can be kept.
fn without_key(target: &str, set: &str, condition: &str) -> String {
    format!(
        "WITH _sb_c AS (UPDATE {target} SET {set} WHERE {condition} RETURNING 1) \
         SELECT count(*), '0', '0' FROM _sb_c"
    )
}

pub(super) fn joined(parts: impl Iterator<Item = String>, with: &str) -> String {
    parts.collect::<Vec<_>>().join(with)
}

/// The statements for a table.
#[derive(Debug, Clone)]
pub(super) struct Statements {
    pub(super) table: Table,
    pub(super) only: Option<String>,
    /// The query that gives the values, where they are not expressions over the row.
    pub(super) asked: Option<Asked>,
    /// What a program is given, where one says what rows get.
    pub(super) program: Option<Asking>,
}

impl Statements {
    /// Those of a job for its table, but for what a program is given.
    ///
    /// # Errors
    /// [`Unfit::Query`](crate::postgres::change::Unfit::Query).
    pub(super) fn of(job: &Job, table: Table) -> Result<Self, ChangeError> {
        Ok(Self {
            asked: match job.transform() {
                Transform::Query(query) => Some(Asked::new(query, &table)?),
                Transform::Set(_) | Transform::Program(_) => None,
            },
            only: job.text.only.clone(),
            program: None,
            table,
        })
    }

    /// The key of a row as one value, a number or a text; none where rows have no key.
    pub(super) fn key(&self, row: &str) -> Option<String> {
        match self.table.key.as_slice() {
            [] => None,
            [one] if one.integer => Some(format!("{row}{}::bigint", one.sql)),
            [one] => Some(one.text(row)),
            _ => Some(format!("{}::text", self.table.key_json(row))),
        }
    }

    /// That a row has a key that is given as one value.
    pub(super) fn has_key(&self, row: &str, text: &str) -> String {
        match self.table.key.as_slice() {
            [one] => format!("{row}{} = CAST({text} AS {})", one.sql, one.plain),
            key => joined(
                (0..).zip(key).map(|(place, it): (usize, _)| {
                    format!(
                        "{row}{} = CAST({text}::jsonb ->> {place} AS {})",
                        it.sql, it.plain
                    )
                }),
                " AND ",
            ),
        }
    }

    /// The rows of one pass of several.
    pub(super) fn share(&self, pass: u32, passes: u32) -> String {
        let part = match self.table.key.as_slice() {
            [one] if one.integer => format!("abs({} % {PARTS})::integer * {GOLDEN}", one.sql),
            _ => format!(
                "(hashtext({}) & 2147483647) % {PARTS}",
                self.key("").unwrap_or_default()
            ),
        };
        let (from, to) = (bound(pass, passes), bound(pass + 1, passes));
        // Turned so that the parts of this pass are the first: every row is asked this in every pass,
        // and so its part is computed once.
        format!("({part} + {}) % {PARTS} < {}", PARTS - from, to - from)
    }

    /// What a row has in the columns that are written, as a number.
    pub(super) fn hash(&self, row: &str) -> String {
        let texts = self.table.columns.iter().map(|it| it.text(row));
        Self::hash_of(texts)
    }

    pub(super) fn hash_of(texts: impl Iterator<Item = String>) -> String {
        let texts: Vec<String> = texts.collect();
        // One column is what there mostly is; to put it together with nothing would cost.
        if let [one] = texts.as_slice() {
            return format!("coalesce(hashtextextended({one}, 0), 0)");
        }
        let values = texts.iter().map(|it| format!("coalesce('=' || {it}, '~')"));
        let values = joined(values, ", ");
        format!("hashtextextended(concat_ws(chr(31), {values}), 0)")
    }

    /// The keys that a row of the undo log keeps, as an array.
    pub(super) fn kept_keys(&self) -> String {
        if !self.has_integer_key() {
            return "kept.text_keys".to_owned();
        }
        let from = |column: &str, base: &str| {
            format!(
                "WHEN kept.{column} IS NOT NULL THEN ARRAY(SELECT {base} + one.away \
                   FROM unnest(kept.{column}) WITH ORDINALITY AS one (away, at) ORDER BY one.at)"
            )
        };
        format!(
            "CASE {} {} ELSE kept.int_keys END",
            from("close", "(kept.base + 32768)"),
            from("away", "kept.base")
        )
    }

    /// That all columns have nothing yet, and one of them should have something; of the rows of one
    /// pass.
    fn empty(&self, share: Option<&str>) -> String {
        let nothing = joined(
            self.table
                .columns
                .iter()
                .map(|it| format!("{} IS NULL", it.sql)),
            " AND ",
        );
        let something = joined(
            self.table
                .columns
                .iter()
                .map(|it| format!("({}) IS NOT NULL", it.value)),
            " OR ",
        );
        let only = match &self.only {
            Some(only) => format!(" AND ({only})"),
            None => String::new(),
        };
        let should = format!("({something}){only}");
        format!("{nothing} AND {}", among(share, &should))
    }

    /// That a row has not what it should.
    pub(super) fn differ(&self) -> String {
        self.table.differ(self.only.as_deref())
    }

    /// How many rows of a range have not what they should. Rows are left out that are known to fail:
    /// to look at those again would fail again; and those that a program has skipped. With a query
    /// there is a second column, the key of a row that it gives more than once.
    /// `among` says which rows are looked at; without it all of the range are.
    pub(super) fn count(&self, range: &Range, among: Option<&str>, failed: &[String]) -> String {
        if let Some(asked) = &self.asked {
            return self.count_asked(asked, range, among, failed);
        }
        let differ = self.differ_but(failed);
        let differ = match among {
            Some(among) => format!("CASE WHEN {among} THEN {differ} ELSE false END"),
            None => differ,
        };
        self.table.count(range, &differ)
    }

    /// That a row has not what it should, and is none of those that are known to fail, nor one that a
    /// program has skipped.
    pub(super) fn differ_but(&self, failed: &[String]) -> String {
        let differ = match &self.program {
            Some(asking) => format!("({} AND NOT {})", self.differ(), self.is_skipped(asking)),
            None => self.differ(),
        };
        match self.key("") {
            Some(key) if !failed.is_empty() => {
                let keys = joined(failed.iter().map(|it| literal(it)), ", ");
                format!(
                    "CASE WHEN ({key})::text = ANY (ARRAY[{keys}]::text[]) THEN false ELSE {differ} END"
                )
            }
            _ => differ,
        }
    }

    pub(super) fn set(&self) -> String {
        joined(
            self.table
                .columns
                .iter()
                .map(|it| format!("{} = CAST(({}) AS {})", it.sql, it.value, it.plain)),
            ", ",
        )
    }

    /// A sum over rows that does not depend on their order.
    pub(super) fn checksum(&self, hash: &str) -> String {
        let hashed = if self.has_integer_key() {
            "hashint8extended"
        } else {
            "hashtextextended"
        };
        format!("coalesce(sum({hashed}(_sb_k, {hash})), 0)::text")
    }

    fn has_integer_key(&self) -> bool {
        matches!(self.table.key.as_slice(), [one] if one.integer)
    }

    /// Gives rows that have nothing yet what they should have, and keeps which they were. Gives the
    /// number of rows and their checksums before and after; that of nothing is 0. The former values
    /// are known without being read.
    pub(super) fn fill_empty(
        &self,
        range: &Range,
        share: Option<&str>,
        keep: Option<Keeping>,
    ) -> String {
        let Range {
            target, condition, ..
        } = range;
        let set = self.set();
        let condition = format!("{condition} AND {}", self.empty(share));
        let Some(key) = self.key("") else {
            return without_key(target, &set, &condition);
        };
        let hash = self.hash("");
        let kept = keep.map_or_else(String::new, |keep| self.keep(keep, false));
        let now = self.checksum("_sb_h");
        format!(
            "WITH _sb_c AS (UPDATE {target} SET {set} WHERE {condition} \
               RETURNING {key} AS _sb_k, {hash} AS _sb_h){kept} \
             SELECT count(*), '0', {now} FROM _sb_c"
        )
    }

    /// Gives rows what they should have where they have something else, and keeps what they had.
    /// A row that somebody changes meanwhile is left alone, as what it had would be wrong; a later
    /// walk comes by again.
    pub(super) fn fill_differing(
        &self,
        range: &Range,
        share: Option<&str>,
        keep: Option<Keeping>,
    ) -> String {
        if let Some(asked) = &self.asked {
            return self.fill_asked(asked, range, share, keep, None);
        }
        let Range {
            target, condition, ..
        } = range;
        let set = self.set();
        let differ = self.differ();
        let wanted = among(share, &differ);
        let Some(key) = self.key("") else {
            return without_key(target, &set, &format!("{condition} AND {wanted}"));
        };
        let columns = || (0..).zip(&self.table.columns);
        let before = joined(
            columns().map(|(n, it): (usize, _)| format!("{} AS _sb_b{n}", it.text(""))),
            ", ",
        );
        let unchanged = joined(
            columns().map(|(n, it): (usize, _)| {
                format!("{} IS NOT DISTINCT FROM _sb_b{n}", it.text(""))
            }),
            " AND ",
        );
        let names = joined(columns().map(|(n, _)| format!("_sb_b{n}")), ", ");
        let hash = self.hash("");
        let kept = keep.map_or_else(String::new, |keep| self.keep(keep, true));
        let was = Self::hash_of(columns().map(|(n, _)| format!("_sb_b{n}")));
        let (sum_before, sum_after) = (self.checksum(&was), self.checksum("_sb_h"));
        // The row is found again by its place. Where somebody moves it meanwhile, the server looks at
        // the newer version of it, and what must hold is asked of that.
        format!(
            "WITH _sb_p AS MATERIALIZED (SELECT ctid AS _sb_at, {before} FROM {target} \
               WHERE {condition} AND {wanted}), \
             _sb_c AS (UPDATE {target} SET {set} FROM _sb_p \
               WHERE ctid = _sb_at AND {condition} AND {unchanged} AND {differ} \
               RETURNING {key} AS _sb_k, {names}, {hash} AS _sb_h){kept} \
             SELECT count(*), {sum_before}, {sum_after} FROM _sb_c"
        )
    }

    /// One row for what a batch changed.
    pub(super) fn keep(&self, keeping: Keeping, before: bool) -> String {
        let Keeping {
            backfill,
            sweep,
            range,
        } = keeping;
        let before = if before {
            let lines = (0..self.table.columns.len()).map(|n| format!("array_agg(_sb_b{n})"));
            format!("ARRAY[{}]", joined(lines, ", "))
        } else {
            "NULL::text[]".to_owned()
        };
        let into =
            "INSERT INTO _switchback.backfill_undo (backfill, sweep, range, rows, before, hashes";
        let what =
            format!("SELECT {backfill}, {sweep}, {range}, count(*), {before}, array_agg(_sb_h)");
        if !self.has_integer_key() {
            return format!(
                ", _sb_kept AS ({into}, text_keys) {what}, array_agg(_sb_k) \
                 FROM _sb_c HAVING count(*) > 0)"
            );
        }
        // Keys of rows that lie together are mostly near each other: a quarter of the bytes does for
        // them, or half. The server takes the rows that a join changes for few, and would look for the
        // lowest key once for each of them.
        format!(
            ", _sb_span AS MATERIALIZED (SELECT min(_sb_k) AS low, \
                 CASE WHEN max(_sb_k)::numeric - min(_sb_k) < 65536 THEN 0 \
                   WHEN max(_sb_k)::numeric - min(_sb_k) < 2147483648 THEN 1 ELSE 2 END AS far \
                 FROM _sb_c), \
             _sb_kept AS ({into}, base, close, away, int_keys) {what}, low, \
                 array_agg(CASE far WHEN 0 THEN (_sb_k - low - 32768)::smallint END) \
                   FILTER (WHERE far = 0), \
                 array_agg(CASE far WHEN 1 THEN (_sb_k - low)::integer END) FILTER (WHERE far = 1), \
                 array_agg(_sb_k) FILTER (WHERE far = 2) \
               FROM _sb_c, _sb_span GROUP BY low, far)"
        )
    }

    /// Puts back what one batch changed, where the row still has what was written, and writes down
    /// which rows somebody has changed or deleted since. A row that was left alone once is left alone
    /// with what was written before, too: it may hold that again by somebody else's hand. Gives the
    /// numbers of rows: put back, changed, deleted.
    pub(super) fn put_back(&self, backfill: i64, number: i64) -> String {
        let columns = || (1..).zip(&self.table.columns);
        let lines = joined(
            columns().map(|(n, _): (usize, _)| format!("kept.before[{n}:{n}]")),
            ", ",
        );
        let names = joined(columns().map(|(n, _)| format!("_sb_b{n}")), ", ");
        let set = joined(
            columns().map(|(n, it)| format!("{} = CAST(_sb_u._sb_b{n} AS {})", it.sql, it.plain)),
            ", ",
        );
        let (full, keys, hash) = (&self.table.full, self.kept_keys(), self.hash("_sb_t."));
        let here = self.has_key("_sb_t.", "_sb_u._sb_k");
        format!(
            "WITH _sb_u AS MATERIALIZED (SELECT it.* FROM _switchback.backfill_undo AS kept, \
               LATERAL unnest({keys}, kept.hashes, {lines}) AS it (_sb_k, _sb_h, {names}) \
               WHERE kept.backfill = {backfill} AND kept.number = {number} AND {}), \
             _sb_done AS (UPDATE {full} AS _sb_t SET {set} FROM _sb_u \
               WHERE {here} AND {hash} = _sb_u._sb_h AND NOT EXISTS (\
                 SELECT FROM _switchback.backfill_conflict AS since \
                 WHERE since.backfill = {backfill} AND since.key = _sb_u._sb_k::text) \
               RETURNING _sb_u._sb_k), \
             _sb_left AS (SELECT _sb_u._sb_k, \
                 EXISTS (SELECT FROM {full} AS _sb_t WHERE {here}) AS there \
               FROM _sb_u WHERE NOT EXISTS (SELECT FROM _sb_done WHERE _sb_done._sb_k = _sb_u._sb_k)), \
             _sb_told AS (INSERT INTO _switchback.backfill_conflict (backfill, key, deleted) \
               SELECT {backfill}, _sb_k::text, NOT there FROM _sb_left ON CONFLICT DO NOTHING), \
             _sb_forgotten AS (DELETE FROM _switchback.backfill_undo \
               WHERE backfill = {backfill} AND number = {number}) \
             SELECT (SELECT count(*) FROM _sb_done), (SELECT count(*) FROM _sb_left WHERE there), \
               (SELECT count(*) FROM _sb_left WHERE NOT there)",
            in_use(backfill)
        )
    }

    /// How many rows of a range are kept to be put back, and how many of them still have what they
    /// got.
    pub(super) fn still(&self, backfill: i64, sweep: u32, range: u32) -> String {
        let (full, keys, hash) = (&self.table.full, self.kept_keys(), self.hash("_sb_t."));
        let here = self.has_key("_sb_t.", "_sb_u._sb_k");
        format!(
            "WITH _sb_u AS MATERIALIZED (SELECT it.* FROM _switchback.backfill_undo AS kept, \
               LATERAL unnest({keys}, kept.hashes) AS it (_sb_k, _sb_h) \
               WHERE kept.backfill = {backfill} AND kept.sweep = {sweep} AND kept.range = {range} \
                 AND {}) \
             SELECT (SELECT count(*) FROM _sb_u), (SELECT count(*) FROM _sb_u JOIN {full} AS _sb_t \
               ON {here} AND {hash} = _sb_u._sb_h)",
            in_use(backfill)
        )
    }

    /// Some rows of those for which a condition holds, each with its key and with what it has and
    /// should have in every column.
    pub(super) fn samples(
        &self,
        failed: &[String],
        among: &str,
        percent: f64,
        seed: u32,
        rows: u32,
        shown: u32,
    ) -> String {
        let key = self.key("").unwrap_or_else(|| "ctid".to_owned());
        let values = joined(
            self.table.columns.iter().map(|it| {
                format!(
                    "left({}, {shown}), left({}, {shown})",
                    it.text(""),
                    it.wanted()
                )
            }),
            ", ",
        );
        let only = self.only.as_deref().unwrap_or("true");
        let but = self.but(failed);
        // Rows are picked before anything is computed: some refuse it.
        let some = format!(
            "SELECT {} FROM {} TABLESAMPLE BERNOULLI ({percent}) REPEATABLE ({seed}) \
             WHERE {but} AND ({among}) AND ({only}) ORDER BY hashtextextended(({key})::text, {seed}) LIMIT {rows}",
            self.table.every.join(", "),
            self.table.full
        );
        if let Some(asked) = &self.asked {
            return self.samples_asked(asked, &some, shown);
        }
        format!(
            "WITH _sb_some AS MATERIALIZED ({some}) \
             SELECT ({key})::text, {values} FROM _sb_some AS {}",
            self.table.short
        )
    }
}

/// That what is kept of a row is still of use: a row that was copied again is kept again.
fn in_use(backfill: i64) -> String {
    format!(
        "NOT EXISTS (SELECT FROM _switchback.backfill_stale AS old WHERE old.backfill = {backfill} \
           AND old.key = it._sb_k::text AND kept.number > old.after AND kept.number <= old.upto)"
    )
}

/// Where a pass begins among the parts. Each is smaller than the one before it.
fn bound(pass: u32, passes: u32) -> u32 {
    if pass >= passes {
        return PARTS;
    }
    let upto = |n: u32| 1.0 - SHRINK.powi(i32::try_from(n).unwrap_or(i32::MAX));
    (f64::from(PARTS) * upto(pass) / upto(passes)).round() as u32
}

/// About how many of `rows` rows a pass takes; all of them together are `rows`.
pub(super) fn part_of(rows: u64, pass: u32, passes: u32) -> u64 {
    let upto = |pass| rows * u64::from(bound(pass, passes)) / u64::from(PARTS);
    upto(pass + 1) - upto(pass)
}

/// In how many passes the pages of a walk are walked.
pub(super) const fn passes(strategy: Strategy, first: bool) -> u32 {
    match strategy {
        // Later walks find few rows.
        Strategy::Strided { passes } if first => passes,
        _ => 1,
    }
}

/// Whether a walk is by place on disk.
pub(super) const fn by_place(strategy: Strategy) -> bool {
    matches!(strategy, Strategy::Strided { .. } | Strategy::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_divide_all_parts_and_shrink() {
        for passes in 1..=32 {
            let bounds: Vec<_> = (0..=passes).map(|pass| bound(pass, passes)).collect();
            assert_eq!((bounds[0], bounds[passes as usize]), (0, PARTS));
            let sizes: Vec<_> = bounds.windows(2).map(|it| it[1] - it[0]).collect();
            assert!(sizes.iter().all(|it| *it > 0), "{passes}: {sizes:?}");
            let rows: u64 = (0..passes).map(|pass| part_of(12_345, pass, passes)).sum();
            assert_eq!(rows, 12_345);
            assert!(
                sizes.windows(2).all(|it| it[0] + 1 >= it[1]),
                "{passes}: {sizes:?}"
            );
        }
    }
}
