//! What stores the rows, and what has work with each of them.

use postgres::{Client, Row};
use switchback_migration::backfill::TableFacts;
use switchback_migration::definition::MADE;

use crate::postgres::change::error::at;
use crate::postgres::change::{ChangeError, Unfit};

/// The tables that store rows and those above them, `$1` is the table.
const PARTS: &str = "
    WITH RECURSIVE parts AS MATERIALIZED (
        SELECT $1::oid AS oid
        UNION ALL
        SELECT h.inhrelid FROM parts JOIN pg_inherits h ON h.inhparent = parts.oid
    )";

/// The same with the written columns of each, `$2` are their names. What is stored and computed from
/// one of them is written too.
const WRITTEN: &str = "
    , direct AS MATERIALIZED (
        SELECT a.attrelid, a.attnum, a.attname FROM parts JOIN pg_attribute a
            ON a.attrelid = parts.oid
        WHERE a.attname = ANY ($2::text[]) AND a.attnum > 0 AND NOT a.attisdropped
    ), computed AS MATERIALIZED (
        SELECT DISTINCT g.attrelid, g.attnum, g.attname
        FROM direct w
            JOIN pg_attribute g ON g.attrelid = w.attrelid AND g.attgenerated = 's'
            JOIN pg_attrdef d ON d.adrelid = g.attrelid AND d.adnum = g.attnum
            JOIN pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = w.attrelid
                AND p.refobjsubid = w.attnum
                AND (p.classid = 'pg_class'::regclass AND p.objid = g.attrelid
                        AND p.objsubid = g.attnum
                    OR p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid)
    ), written AS MATERIALIZED (
        SELECT * FROM direct UNION SELECT * FROM computed
    )";

/// A column that only the database writes, if one of them is.
pub(super) fn refused(
    client: &mut Client,
    number: u32,
    written: &[&str],
) -> Result<Result<(), Unfit>, ChangeError> {
    let sql = "SELECT attname::text, attgenerated <> '' FROM pg_attribute
        WHERE attrelid = $1 AND attname = ANY ($2::text[]) AND attnum > 0 AND NOT attisdropped
            AND (attgenerated <> '' OR attidentity = 'a') ORDER BY attnum LIMIT 1";
    let row = client
        .query_opt(sql, &[&number, &written])
        .map_err(at(sql))?;
    let Some(row) = row else { return Ok(Ok(())) };
    let column = row.try_get(0).map_err(at(sql))?;
    let generated: bool = row.try_get(1).map_err(at(sql))?;
    Ok(Err(match generated {
        true => Unfit::Generated { column },
        false => Unfit::Identity { column },
    }))
}

/// What a running job must watch: files, and indexes on written columns.
pub(super) fn read_watched(
    client: &mut Client,
    number: u32,
    written: &[&str],
    facts: &mut TableFacts,
) -> Result<(), ChangeError> {
    let sql = format!(
        "{PARTS}
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
            coalesce(pg_relation_filenode(c.oid), 0)::bigint
        FROM parts JOIN pg_class c ON c.oid = parts.oid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r'"
    );
    for row in client.query(&sql, &[&number]).map_err(at(&sql))? {
        let file: i64 = row.try_get(1).map_err(at(&sql))?;
        let name = row.try_get(0).map_err(at(&sql))?;
        facts.files.insert(name, file.unsigned_abs());
    }
    // From version 16 on an index that only sums pages up needs no new entry; see
    // <https://www.postgresql.org/docs/16/storage-hot.html>.
    let sql = format!(
        "{PARTS}{WRITTEN}
        SELECT DISTINCT quote_ident(x.relname) FROM pg_index i
            JOIN pg_class x ON x.oid = i.indexrelid
            JOIN pg_am m ON m.oid = x.relam
            JOIN written w ON w.attrelid = i.indrelid
        WHERE i.indislive AND NOT (m.amname = 'brin' AND $3::integer >= 160000)
            AND (w.attnum = ANY (i.indkey::int2[]) OR EXISTS (SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                    AND d.refobjsubid = w.attnum))
            AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
        ORDER BY 1"
    );
    let version = i32::try_from(facts.version).unwrap_or(i32::MAX);
    let rows = client
        .query(&sql, &[&number, &written, &version])
        .map_err(at(&sql))?;
    facts.indexes_on_written = texts(&rows, &sql)?;
    Ok(())
}

/// Everything else that is known without looking at rows.
pub(super) fn read(
    client: &mut Client,
    number: u32,
    written: &[&str],
    facts: &mut TableFacts,
) -> Result<(), ChangeError> {
    read_watched(client, number, written, facts)?;
    parts(client, number, facts)?;
    facts.empty = empty(client, number, written)?;
    facts.moves_partition = moves_partition(client, number, written)?;
    let names = |client: &mut Client, rest: &str| {
        let sql = format!("{PARTS}{WRITTEN} {rest}");
        let rows = client.query(&sql, &[&number, &written]).map_err(at(&sql))?;
        texts(&rows, &sql)
    };
    facts.generated = names(
        client,
        "SELECT DISTINCT quote_ident(attname) FROM computed ORDER BY 1",
    )?;
    facts.foreign_keys = names(
        client,
        "SELECT DISTINCT quote_ident(k.conname) FROM pg_constraint k
            JOIN written w ON w.attrelid = k.conrelid AND w.attnum = ANY (k.conkey)
        WHERE k.contype = 'f' AND k.conrelid = $1::oid ORDER BY 1",
    )?;
    // Those of changes keep columns in step, as they do for every other write.
    facts.triggers = names(
        client,
        &format!(
            "SELECT DISTINCT quote_ident(t.tgname) FROM pg_trigger t
                JOIN parts ON parts.oid = t.tgrelid
            WHERE NOT t.tgisinternal AND t.tgtype & 16 <> 0 AND t.tgenabled IN ('O', 'A')
                AND (cardinality(t.tgattr::int2[]) = 0 OR EXISTS (SELECT FROM direct w
                    WHERE w.attrelid = t.tgrelid AND w.attnum = ANY (t.tgattr::int2[])))
                AND NOT starts_with(t.tgname, '{MADE}')
            ORDER BY 1"
        ),
    )?;
    published(client, number, facts)
}

fn parts(client: &mut Client, number: u32, facts: &mut TableFacts) -> Result<(), ChangeError> {
    let sql = format!(
        "{PARTS}
        SELECT coalesce(sum(pg_relation_size(c.oid)), 0)::bigint,
            coalesce(sum(pg_total_relation_size(nullif(c.reltoastrelid, 0::oid))), 0)::bigint,
            coalesce(sum(own.bytes), 0)::bigint, coalesce(max(own.number), 0)::bigint, count(*),
            coalesce(max(coalesce((SELECT o.option_value::integer
                FROM pg_options_to_table(c.reloptions) o
                WHERE o.option_name = 'fillfactor'), 100)), 100)::integer,
            bool_or(c.relpersistence <> 'p') IS TRUE,
            bool_and(coalesce((SELECT o.option_value::boolean
                FROM pg_options_to_table(c.reloptions) o
                WHERE o.option_name = 'autovacuum_enabled'), true)) IS NOT FALSE
                AND current_setting('autovacuum')::boolean,
            bool_or(c.relreplident = 'f') IS TRUE,
            bool_or(c.relreplident = 'n' OR c.relreplident = 'd' AND NOT own.is_keyed
                OR c.relreplident = 'i' AND NOT own.is_named) IS TRUE,
            current_setting('block_size')::integer
        FROM parts JOIN pg_class c ON c.oid = parts.oid
            LEFT JOIN LATERAL (
                SELECT sum(pg_relation_size(i.indexrelid)) AS bytes, count(*) AS number,
                    bool_or(i.indisprimary) IS TRUE AS is_keyed,
                    bool_or(i.indisreplident) IS TRUE AS is_named
                FROM pg_index i WHERE i.indrelid = c.oid AND i.indislive
            ) AS own ON true
        WHERE c.relkind = 'r'"
    );
    let row = client.query_one(&sql, &[&number]).map_err(at(&sql))?;
    let get = at(&sql);
    let whole = |column: usize| {
        let value: i64 = row.try_get(column).map_err(&get)?;
        Ok::<u64, ChangeError>(value.unsigned_abs())
    };
    let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    facts.bytes = whole(0)?;
    facts.toast_bytes = whole(1)?;
    facts.index_bytes = whole(2)?;
    facts.indexes = small(whole(3)?);
    facts.leaves = small(whole(4)?);
    let fillfactor: i32 = row.try_get(5).map_err(&get)?;
    facts.fillfactor = fillfactor.unsigned_abs();
    facts.unlogged = row.try_get(6).map_err(&get)?;
    facts.autovacuum = row.try_get(7).map_err(&get)?;
    facts.identity_full = row.try_get(8).map_err(&get)?;
    facts.identity_missing = row.try_get(9).map_err(&get)?;
    let page: i32 = row.try_get(10).map_err(&get)?;
    facts.page_bytes = page.unsigned_abs();
    Ok(())
}

/// About which part of the rows has NULL in all written columns; none where nobody has counted.
fn empty(client: &mut Client, number: u32, written: &[&str]) -> Result<Option<f64>, ChangeError> {
    let sql = "
        SELECT CASE WHEN count(*) = cardinality($2::text[]) THEN min(s.null_frac)::float8 END
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
                AND s.inherited = (c.relkind = 'p')
        WHERE c.oid = $1 AND s.attname = ANY ($2::text[])";
    let row = client
        .query_one(sql, &[&number, &written])
        .map_err(at(sql))?;
    row.try_get(0).map_err(at(sql))
}

/// Whether a written column decides to which partition a row belongs, also in an expression.
fn moves_partition(
    client: &mut Client,
    number: u32,
    written: &[&str],
) -> Result<bool, ChangeError> {
    let sql = format!(
        "{PARTS}{WRITTEN}
        SELECT EXISTS (SELECT FROM pg_partitioned_table p
            JOIN direct w ON w.attrelid = p.partrelid
            WHERE w.attnum = ANY (p.partattrs::int2[]) OR EXISTS (SELECT FROM pg_depend d
                WHERE p.partexprs IS NOT NULL AND d.classid = 'pg_class'::regclass
                    AND d.objid = p.partrelid AND d.objsubid = 0
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.partrelid
                    AND d.refobjsubid = w.attnum))"
    );
    let row = client
        .query_one(&sql, &[&number, &written])
        .map_err(at(&sql))?;
    row.try_get(0).map_err(at(&sql))
}

/// Publications of the table, of those above it, and of its partitions.
fn published(client: &mut Client, number: u32, facts: &mut TableFacts) -> Result<(), ChangeError> {
    let sql = format!(
        "{PARTS}, all_parts AS (
            SELECT oid FROM parts UNION SELECT relid FROM pg_partition_ancestors($1::oid)
        )
        SELECT DISTINCT quote_ident(t.pubname) FROM pg_publication_tables t
            JOIN pg_publication p ON p.pubname = t.pubname AND p.pubupdate
            JOIN pg_namespace n ON n.nspname = t.schemaname
            JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
            JOIN all_parts a ON a.oid = c.oid
        ORDER BY 1"
    );
    let rows = client.query(&sql, &[&number]).map_err(at(&sql))?;
    facts.published = texts(&rows, &sql)?;
    Ok(())
}

fn texts(rows: &[Row], sql: &str) -> Result<Vec<String>, ChangeError> {
    rows.iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect()
}
