//! What a table is, in lines of text where equal texts mean the same table, and what of it no copy
//! can take over.
//!
//! The list of what is taken over is closed: whatever the catalog says hangs on a table and is not
//! named here is refused, so that nothing is ever lost without a word.

use postgres::Client;

use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;

/// A question that answers with one text a row; `$1` is the table.
fn texts(client: &mut Client, sql: &str, number: u32) -> Result<Vec<String>, ChangeError> {
    let rows = client.query(sql, &[&number]).map_err(at(sql))?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect()
}

/// Privileges in words, whoever has none by name left out.
const GRANTS: &str =
    "(SELECT coalesce(string_agg(coalesce(nullif(x.grantee, 0)::regrole::text, '') || ' '
    || x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ', '
    ORDER BY x.grantee, x.privilege_type), '') FROM aclexplode({acl}) x)";

fn grants(acl: &str) -> String {
    GRANTS.replace("{acl}", acl)
}

/// The lines that say how rows are stored and what they must obey, which a copy has from the
/// beginning. `built` takes indexes and the constraints on them in.
pub(super) fn structure(
    client: &mut Client,
    version: u32,
    number: u32,
) -> Result<Vec<String>, ChangeError> {
    let compression = if version >= 140_000 {
        "a.attcompression::text"
    } else {
        "''"
    };
    let mut lines = texts(
        client,
        "SELECT 'table ' || c.relkind::text || c.relpersistence::text
            || ' using ' || coalesce(m.amname, '') || ' in ' || c.reltablespace
            || ' with ' || coalesce((SELECT string_agg(o, ', ' ORDER BY o)
                FROM unnest(c.reloptions) o), '')
            || ' toast ' || coalesce((SELECT string_agg(o, ', ' ORDER BY o)
                FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid), '')
            || ' owner ' || c.relowner::regrole::text
            || coalesce(' comment ' || quote_literal(obj_description(c.oid, 'pg_class')), '')
        FROM pg_class c LEFT JOIN pg_am m ON m.oid = c.relam WHERE c.oid = $1",
        number,
    )?;
    lines.extend(texts(
        client,
        &format!(
            "SELECT 'column ' || row_number() OVER (ORDER BY a.attnum) || ' ' || quote_ident(a.attname)
                || ' ' || format_type(a.atttypid, a.atttypmod) || ' collate ' || a.attcollation
                || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
                || ' identity ' || a.attidentity::text || ' generated ' || a.attgenerated::text
                || ' storage ' || a.attstorage::text || ' compression ' || {compression}
                || ' statistics ' || coalesce(a.attstattarget, -1)
                || ' with ' || coalesce((SELECT string_agg(o, ', ' ORDER BY o)
                    FROM unnest(a.attoptions) o), '')
                || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
                || coalesce(' comment ' || quote_literal(col_description(a.attrelid, a.attnum)), '')
            FROM pg_attribute a
                LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        ),
        number,
    )?);
    lines.extend(texts(
        client,
        "SELECT 'constraint ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)
            || CASE WHEN k.convalidated THEN '' ELSE ' not valid' END
            || coalesce(' comment ' || quote_literal(obj_description(k.oid, 'pg_constraint')), '')
        FROM pg_constraint k WHERE k.conrelid = $1 AND k.contype NOT IN ('f', 't')
        ORDER BY k.conname",
        number,
    )?);
    lines.extend(texts(
        client,
        "SELECT 'index ' || pg_get_indexdef(i.indexrelid) || ' in ' || c.reltablespace
            || ' flags ' || concat_ws(' ', i.indisunique, i.indisprimary, i.indisexclusion,
                i.indimmediate, i.indisvalid)
            || ' statistics ' || coalesce((SELECT string_agg(a.attnum || '=' || a.attstattarget, ', '
                    ORDER BY a.attnum) FROM pg_attribute a
                WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) <> -1), '')
            || ' with ' || coalesce((SELECT string_agg(o, ', ' ORDER BY o)
                FROM unnest(c.reloptions) o), '')
            || coalesce(' comment ' || quote_literal(obj_description(c.oid, 'pg_class')), '')
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1
        ORDER BY c.relname",
        number,
    )?);
    lines.extend(texts(
        client,
        "SELECT 'identity ' || quote_ident(c.relname) || ' of ' || quote_ident(a.attname) || ' '
            || concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmax,
                s.seqmin, s.seqcache, s.seqcycle) || ' ' || c.relpersistence::text
            || ' owner ' || c.relowner::regrole::text
            || coalesce(' comment ' || quote_literal(obj_description(c.oid, 'pg_class')), '')
        FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
            JOIN pg_sequence s ON s.seqrelid = c.oid
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
            AND d.refobjid = $1 AND d.refobjsubid > 0 AND d.deptype = 'i' ORDER BY c.relname",
        number,
    )?);
    Ok(lines)
}

/// The lines that say what else hangs on it, which a copy gets when it takes its place. Our own
/// triggers are left out; `schema` is where the copy lies.
fn attached(client: &mut Client, number: u32, schema: &str) -> Result<Vec<String>, ChangeError> {
    let mut lines = texts(
        client,
        &format!(
            "SELECT 'granted ' || {} || ' identity ' || c.relreplident::text
            FROM pg_class c WHERE c.oid = $1",
            grants("coalesce(c.relacl, acldefault('r', c.relowner))")
        ),
        number,
    )?;
    lines.extend(texts(
        client,
        &format!(
            "SELECT 'granted on ' || quote_ident(a.attname) || ' ' || {}
            FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attacl IS NOT NULL ORDER BY a.attnum",
            grants("a.attacl")
        ),
        number,
    )?);
    // Whether it is validated is not said: that comes afterwards.
    lines.extend(texts(
        client,
        "SELECT 'constraint ' || quote_ident(k.conname) || ' '
            || regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '')
            || coalesce(' comment ' || quote_literal(obj_description(k.oid, 'pg_constraint')), '')
        FROM pg_constraint k WHERE k.conrelid = $1 AND k.contype = 'f' ORDER BY k.conname",
        number,
    )?);
    let sql = "SELECT 'trigger ' || pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
            || coalesce(' comment ' || quote_literal(obj_description(t.oid, 'pg_trigger')), '')
        FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
            JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE t.tgrelid = $1 AND NOT t.tgisinternal AND n.nspname <> $2 ORDER BY t.tgname";
    let rows = client.query(sql, &[&number, &schema]).map_err(at(sql))?;
    for row in rows {
        lines.push(row.try_get(0).map_err(at(sql))?);
    }
    lines.extend(texts(
        client,
        "SELECT 'marked ' || quote_ident(c.relname) || ' ' || i.indisclustered || ' '
            || i.indisreplident
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = $1 AND (i.indisclustered OR i.indisreplident) ORDER BY c.relname",
        number,
    )?);
    lines.extend(texts(
        client,
        &format!(
            "SELECT 'sequence ' || d.deptype::text || ' ' || quote_ident(n.nspname) || '.'
                || quote_ident(c.relname) || ' of ' || quote_ident(a.attname) || ' ' || {}
            FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
                JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid = $1 AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
            ORDER BY c.relname",
            grants("coalesce(c.relacl, acldefault('s', c.relowner))")
        ),
        number,
    )?);
    Ok(lines)
}

/// Everything about a table, as one text.
pub(super) fn whole(
    client: &mut Client,
    version: u32,
    number: u32,
    schema: &str,
) -> Result<String, ChangeError> {
    let mut lines = structure(client, version, number)?;
    lines.extend(attached(client, number, schema)?);
    Ok(lines.join("\n"))
}

/// What hangs on the table, directly or through something else that does, and is none of what a copy
/// gets too. What a sequence is used for besides is nothing to us, as it stays; the one of an
/// identity column does not.
const HANGING: &str = "
    WITH RECURSIVE hanging (classid, objid) AS (
        SELECT 'pg_class'::regclass::oid, $1::oid
        UNION
        SELECT d.classid, d.objid FROM hanging h
            JOIN pg_depend d ON d.refclassid = h.classid AND d.refobjid = h.objid
        WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S') AND NOT (d.classid = 'pg_class'::regclass
            AND d.deptype = 'a' AND EXISTS (SELECT FROM pg_class c
                WHERE c.oid = d.objid AND c.relkind = 'S'))
    ), ours (oid) AS (
        SELECT $1::oid
        UNION ALL SELECT c.reltoastrelid FROM pg_class c WHERE c.oid = $1 AND c.reltoastrelid <> 0
        UNION ALL SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = $1
            AND i.indrelid IN (c.oid, c.reltoastrelid)
        UNION ALL SELECT d.objid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid = $1 AND d.refobjsubid > 0 AND c.relkind = 'S' AND d.deptype = 'i'
    ), types (oid) AS (
        SELECT t.oid FROM pg_type t JOIN ours ON t.typrelid = ours.oid
        UNION ALL SELECT t.typarray FROM pg_type t JOIN ours ON t.typrelid = ours.oid
            WHERE t.typarray <> 0
    )
    SELECT DISTINCT pg_describe_object(h.classid, h.objid, 0) FROM hanging h
    WHERE NOT (h.classid = 'pg_class'::regclass AND h.objid IN (SELECT oid FROM ours)
        OR h.classid = 'pg_type'::regclass AND h.objid IN (SELECT oid FROM types)
        OR h.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef d
            WHERE d.oid = h.objid AND d.adrelid = $1)
        OR h.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint k
            WHERE k.oid = h.objid AND k.conrelid = $1)
        OR h.classid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger t
            LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
            WHERE t.oid = h.objid AND (t.tgrelid = $1 OR k.conrelid = $1)))
    ORDER BY 1";

/// Single questions, each of which gives a sentence for what speaks against a copy.
const AGAINST: [&str; 10] = [
    "SELECT CASE
            WHEN c.relkind <> 'r' THEN 'it is partitioned, or no plain table'
            WHEN c.relpersistence <> 'p' THEN 'it is not a permanent, logged table'
            WHEN c.relispartition THEN 'it is a partition'
            WHEN c.reloftype <> 0 THEN 'it is a typed table'
            WHEN c.relrowsecurity OR c.relforcerowsecurity THEN 'row-level security is on for it'
            WHEN n.nspname ~ '^(pg_|information_schema$|_switchback)'
                THEN 'it lies in the schema ' || quote_ident(n.nspname)
        END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1",
    "SELECT 'tables inherit from it, or it inherits from one' WHERE EXISTS (
        SELECT FROM pg_inherits h WHERE $1::oid IN (h.inhrelid, h.inhparent))",
    "SELECT 'the role ' || quote_ident(current_user) || ' has not the rights of its owner '
        || c.relowner::regrole::text || ', or may not make tables in ' || quote_ident(n.nspname)
        || ' or schemas in the database'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = $1 AND NOT (pg_has_role(c.relowner, 'USAGE')
        AND has_schema_privilege(n.oid, 'CREATE')
        AND has_database_privilege(current_database(), 'CREATE'))",
    "SELECT 'it is published (' || string_agg(DISTINCT quote_ident(p.pubname), ', ') || ')'
    FROM pg_publication p WHERE p.puballtables OR EXISTS (SELECT FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_publication_tables t ON t.schemaname = n.nspname AND t.tablename = c.relname
        WHERE c.oid = $1 AND t.pubname = p.pubname) HAVING count(*) > 0",
    "SELECT 'the logical replication slot ' || quote_ident(s.slot_name)
        || ' would send every row of the copy'
    FROM pg_replication_slots s WHERE s.slot_type = 'logical'
        AND s.database = current_database() AND $1::oid IS NOT NULL",
    "SELECT 'a subscription fills it' WHERE EXISTS (
        SELECT FROM pg_subscription_rel r WHERE r.srrelid = $1)",
    "SELECT 'the event trigger ' || quote_ident(e.evtname) || ' might interfere'
    FROM pg_event_trigger e WHERE e.evtenabled <> 'D' AND $1::oid IS NOT NULL",
    "SELECT CASE
            WHEN NOT k.convalidated AND k.contype <> 'f'
                THEN 'the constraint ' || quote_ident(k.conname) || ' is not validated'
            WHEN k.condeferrable AND k.contype IN ('p', 'u', 'x')
                THEN 'the constraint ' || quote_ident(k.conname) || ' can be deferred'
            WHEN k.contype IN ('p', 'u') AND m.amname <> 'btree'
                THEN 'the constraint ' || quote_ident(k.conname) || ' has an index of another kind'
            WHEN k.contype = 'x' AND c.reloptions IS NOT NULL
                THEN 'the index of ' || quote_ident(k.conname) || ' has options'
            WHEN k.contype NOT IN ('p', 'u', 'x', 'c', 'f', 'n', 't')
                THEN 'the constraint ' || quote_ident(k.conname) || ' is of an unknown kind'
        END
    FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = nullif(k.conindid, 0)
        LEFT JOIN pg_am m ON m.oid = c.relam WHERE k.conrelid = $1",
    "SELECT 'the index ' || quote_ident(c.relname) || ' is not valid'
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = $1 AND NOT (i.indisvalid AND i.indisready AND i.indislive)",
    "SELECT 'somebody else than the owner has granted rights on it' WHERE EXISTS (
        SELECT FROM pg_class c, LATERAL (
            SELECT x.grantor FROM aclexplode(c.relacl) x
            UNION ALL SELECT x.grantor FROM pg_attribute a, aclexplode(a.attacl) x
                WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL
            UNION ALL SELECT x.grantor FROM pg_depend d JOIN pg_class s ON s.oid = d.objid,
                    aclexplode(s.relacl) x
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                    AND d.refobjid = c.oid AND d.refobjsubid > 0 AND s.relkind = 'S'
                    AND d.deptype IN ('a', 'i')
        ) g WHERE c.oid = $1 AND g.grantor <> c.relowner)",
];

/// Triggers but for those of `$2`, the schema of our own copy.
const TRIGGERS: &str = "
    SELECT CASE
            WHEN t.tgisinternal AND t.tgenabled <> 'O'
                THEN 'checks of the constraint ' || quote_ident(k.conname) || ' are turned off'
            WHEN starts_with(t.tgname, 'sb_') THEN 'the trigger ' || quote_ident(t.tgname)
                || ' of a change that is under way keeps it in step'
        END
    FROM pg_trigger t LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
        JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE t.tgrelid = $1 AND n.nspname <> $2";

/// Things of which a copy takes nothing over, and that catalogs of their own tell of.
const APART: &str = "
    WITH ours (classid, objid) AS (
        SELECT 'pg_class'::regclass::oid, $1::oid
        UNION ALL SELECT 'pg_type'::regclass, c.reltype FROM pg_class c WHERE c.oid = $1
        UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE i.indrelid = $1
        UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k
            WHERE k.conrelid = $1
        UNION ALL SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t WHERE t.tgrelid = $1
        UNION ALL SELECT d.classid, d.objid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                AND d.refobjid = $1 AND c.relkind = 'S'
    )
    SELECT pg_describe_object(o.classid, o.objid, 0) || ' belongs to an extension, or depends on one'
    FROM ours o WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.classid
        AND d.objid = o.objid AND d.deptype IN ('e', 'x'))
    UNION ALL
    SELECT pg_describe_object(o.classid, o.objid, 0) || ' has a security label'
    FROM ours o WHERE EXISTS (SELECT FROM pg_seclabel l WHERE l.classoid = o.classid
        AND l.objoid = o.objid)
    UNION ALL
    SELECT 'its row type has a comment or privileges of its own' FROM pg_class c
        JOIN pg_type t ON t.oid = c.reltype
    WHERE c.oid = $1 AND (t.typacl IS NOT NULL OR obj_description(t.oid, 'pg_type') IS NOT NULL)
    UNION ALL
    SELECT 'the sequence of ' || quote_ident(a.attname) || ' is not logged, or lies elsewhere'
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        JOIN pg_class c ON c.oid = d.refobjid
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.refobjid = $1 AND d.deptype IN ('a', 'i') AND (s.relpersistence <> 'p'
            OR s.relnamespace <> c.relnamespace OR s.relowner <> c.relowner)";

/// Indexes and constraints that a written column would have to obey row by row; `$2` are the columns.
const OBEYED: &str = "
    WITH written AS (
        SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = ANY ($2::text[])
        UNION SELECT g.attnum FROM pg_attribute a
            JOIN pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid
                AND p.refobjsubid = a.attnum
            JOIN pg_attribute g ON g.attrelid = a.attrelid AND g.attgenerated <> ''
            LEFT JOIN pg_attrdef d ON d.adrelid = g.attrelid AND d.adnum = g.attnum
        WHERE a.attrelid = $1 AND a.attname = ANY ($2::text[])
            AND (p.classid = 'pg_class'::regclass AND p.objid = g.attrelid AND p.objsubid = g.attnum
                OR p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid)
    )
    SELECT 'the unique index ' || quote_ident(c.relname) || ' has a written column, and rows that \
        clash could not be told one by one'
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = $1 AND (i.indisunique OR i.indisexclusion) AND EXISTS (SELECT FROM written w
        WHERE w.attnum = ANY (i.indkey::int2[]) OR EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
                AND d.refobjsubid = w.attnum))
    UNION ALL
    SELECT 'the foreign key ' || quote_ident(k.conname) || ' has a written column, and rows that \
        break it would be found too late'
    FROM pg_constraint k WHERE k.conrelid = $1 AND k.contype = 'f'
        AND EXISTS (SELECT FROM written w WHERE w.attnum = ANY (k.conkey))
    UNION ALL
    SELECT 'the trigger ' || quote_ident(t.tgname) || ' fires when a written column is updated, and \
        would not for a copy'
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = $1
        AND NOT t.tgisinternal AND t.tgtype & 16 <> 0 AND t.tgenabled IN ('O', 'A')
        AND NOT starts_with(t.tgname, 'sb_')
        AND (cardinality(t.tgattr::int2[]) = 0
            OR EXISTS (SELECT FROM written w WHERE w.attnum = ANY (t.tgattr::int2[])))";

/// Why no copy of the table can take its place, a sentence each; empty where one can. `ours` is the
/// schema of a copy that is there already.
pub(in crate::postgres::backfill) fn against(
    client: &mut Client,
    number: u32,
    written: &[&str],
    ours: &str,
) -> Result<Vec<String>, ChangeError> {
    let mut found = Vec::new();
    let optional = |row: &postgres::Row, sql: &str| -> Result<Option<String>, ChangeError> {
        row.try_get(0).map_err(at(sql))
    };
    for sql in AGAINST.iter().chain([&APART]) {
        for row in client.query(*sql, &[&number]).map_err(at(sql))? {
            found.extend(optional(&row, sql)?);
        }
    }
    for row in client
        .query(TRIGGERS, &[&number, &ours])
        .map_err(at(TRIGGERS))?
    {
        found.extend(optional(&row, TRIGGERS)?);
    }
    for row in client
        .query(OBEYED, &[&number, &written])
        .map_err(at(OBEYED))?
    {
        found.extend(optional(&row, OBEYED)?);
    }
    for row in client.query(HANGING, &[&number]).map_err(at(HANGING))? {
        let what = optional(&row, HANGING)?.unwrap_or_default();
        found.push(format!("{what} depends on it"));
    }
    Ok(found)
}
