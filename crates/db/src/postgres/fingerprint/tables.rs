//! Schemas, tables, columns, constraints, indexes, views, sequences.

use super::{Question, ask};
use crate::history::Kind;

pub(super) const QUESTIONS: [Question; 9] = [
    ask(
        Kind::Schema,
        "SELECT quote_ident(n.nspname), '', 'schema ' || quote_ident(n.nspname)
         FROM pg_namespace n
         WHERE n.oid IN ({schemas}) AND NOT EXISTS (SELECT FROM pg_depend d
             WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')",
    ),
    ask(Kind::Table, TABLES),
    ask(Kind::Column, COLUMNS),
    ask(
        Kind::ColumnOrder,
        "SELECT q.name, q.name, 'columns of ' || q.name || E':\\n'
             || string_agg(quote_ident(a.attname), E'\\n' ORDER BY a.attnum)
         FROM (SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.{mine} AND c.relkind IN ('r', 'p', 'f') AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                     AND d.objid = c.oid AND d.deptype = 'e')) q
             JOIN pg_attribute a ON a.attrelid = q.oid AND a.attnum > 0 AND NOT a.attisdropped
         GROUP BY q.name",
    ),
    ask(
        Kind::Constraint,
        // In PostgreSQL 18 `NOT NULL` has constraints of its own, which the columns tell.
        "SELECT q.name || '.' || quote_ident(k.conname), q.name,
             'constraint ' || q.name || '.' || quote_ident(k.conname) || ' '
             || pg_get_constraintdef(k.oid)
             || CASE WHEN k.coninhcount > 0 AND NOT k.conislocal THEN ' inherited' ELSE '' END
         FROM pg_constraint k
             JOIN (SELECT c.oid AS relation, 0::oid AS domain,
                     quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.{mine} AND n.oid IN ({schemas})
                     AND NOT EXISTS (SELECT FROM pg_depend d
                         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                             AND d.deptype = 'e')
                 UNION ALL
                 SELECT 0, t.oid, quote_ident(n.nspname) || '.' || quote_ident(t.typname)
                 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                 WHERE t.{mine} AND t.typtype = 'd' AND n.oid IN ({schemas})
                     AND NOT EXISTS (SELECT FROM pg_depend d
                         WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
                             AND d.deptype = 'e')
             ) q ON q.relation = k.conrelid AND q.domain = k.contypid
         WHERE k.contype NOT IN ('n', 't')",
    ),
    ask(
        Kind::Index,
        // The index of a constraint is told by the constraint, unless there is more to tell.
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
             quote_ident(tn.nspname) || '.' || quote_ident(t.relname), q.text
         FROM pg_index i
             JOIN pg_class c ON c.oid = i.indexrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_class t ON t.oid = i.indrelid
             JOIN pg_namespace tn ON tn.oid = t.relnamespace
             LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace,
             LATERAL (SELECT CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
                 || CASE WHEN i.indisclustered THEN ' (clustered)' ELSE '' END
                 || CASE WHEN i.indisreplident THEN ' (replica identity)' ELSE '' END
                 || coalesce(' tablespace ' || quote_ident(s.spcname), '')
                 || coalesce((SELECT ' (attached to ' || (h.inhparent::regclass)::text || ')'
                     FROM pg_inherits h WHERE h.inhrelid = c.oid), '')
                 || coalesce((SELECT ' statistics '
                     || string_agg(a.attnum || ':' || a.attstattarget, ', ' ORDER BY a.attnum)
                     FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attstattarget >= 0), '') AS text) more,
             LATERAL (SELECT 'index ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname)
                 || ' ' || pg_get_indexdef(c.oid) || more.text AS text) q
         WHERE c.{mine} AND tn.oid IN ({schemas})
             AND (more.text <> '' OR NOT EXISTS (SELECT FROM pg_constraint k
                 WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')))
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                 AND d.objid IN (c.oid, t.oid) AND d.deptype = 'e')",
    ),
    ask(
        Kind::View,
        "SELECT q.name, quote_ident(q.nspname),
             CASE q.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || q.name
             || coalesce(' with (' || (SELECT string_agg(o, ', ' ORDER BY o)
                 FROM unnest(q.reloptions) o) || ')', '')
             || coalesce(' tablespace ' || quote_ident(s.spcname), '')
             || CASE WHEN q.relkind = 'm' AND NOT q.relispopulated THEN ' without data' ELSE '' END
             || coalesce((SELECT E'\\n  default of ' || string_agg(quote_ident(a.attname) || ': '
                     || pg_get_expr(e.adbin, e.adrelid), E'\\n  default of ' ORDER BY a.attnum)
                 FROM pg_attrdef e
                     JOIN pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
                 WHERE e.adrelid = q.oid), '')
             || E'\\n  columns: ' || coalesce((SELECT string_agg(quote_ident(a.attname) || ' '
                     || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
                 FROM pg_attribute a
                 WHERE a.attrelid = q.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
             || E'\\n' || pg_get_viewdef(q.oid)
         FROM (SELECT c.*, n.nspname,
                 quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.{mine} AND c.relkind IN ('v', 'm') AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                     AND d.objid = c.oid AND d.deptype = 'e')) q
             LEFT JOIN pg_tablespace s ON s.oid = q.reltablespace",
    ),
    ask(
        Kind::Sequence,
        "SELECT q.name, coalesce(own.of, quote_ident(q.nspname)),
             CASE q.relpersistence WHEN 'u' THEN 'unlogged ' ELSE '' END
             || 'sequence ' || q.name || ' as ' || format_type(s.seqtypid, NULL)
             || ' start ' || s.seqstart || ' increment ' || s.seqincrement
             || ' from ' || s.seqmin || ' to ' || s.seqmax || ' cache ' || s.seqcache
             || CASE WHEN s.seqcycle THEN ' cycle' ELSE '' END
             || coalesce(CASE own.deptype WHEN 'i' THEN ' identity of ' ELSE ' owned by ' END
                 || own.of || '.' || own.name, '')
         FROM (SELECT c.oid, c.relpersistence, n.nspname,
                 quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.{mine} AND c.relkind = 'S' AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                     AND d.objid = c.oid AND d.deptype = 'e')) q
             JOIN pg_sequence s ON s.seqrelid = q.oid
             LEFT JOIN LATERAL (SELECT d.deptype, quote_ident(a.attname) AS name,
                     quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS of
                 FROM pg_depend d
                     JOIN pg_class c ON c.oid = d.refobjid
                     JOIN pg_namespace n ON n.oid = c.relnamespace
                     JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = q.oid
                     AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
                     AND d.deptype IN ('a', 'i') LIMIT 1) own ON true",
    ),
    ask(
        Kind::Rule,
        "SELECT q.name || '.' || quote_ident(r.rulename), q.name,
             'rule ' || pg_get_ruledef(r.oid)
             || CASE r.ev_enabled WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (replica only)'
                 WHEN 'A' THEN ' (always)' ELSE '' END
         FROM pg_rewrite r
             JOIN (SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.{mine} AND n.oid IN ({schemas})
                     AND NOT EXISTS (SELECT FROM pg_depend d
                         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                             AND d.deptype = 'e')) q ON q.oid = r.ev_class
         WHERE r.rulename <> '_RETURN'",
    ),
];

const TABLES: &str = "
    SELECT q.name, quote_ident(q.nspname),
        CASE q.relpersistence WHEN 'u' THEN 'unlogged ' ELSE '' END
        || CASE q.relkind WHEN 'f' THEN 'foreign table ' ELSE 'table ' END || q.name
        || coalesce(' of ' || format_type(nullif(q.reloftype, 0), NULL), '')
        || coalesce((SELECT CASE WHEN q.relispartition THEN ' partition of '
                ELSE ' inherits ' END || string_agg(quote_ident(n.nspname) || '.'
                || quote_ident(c.relname), ', ' ORDER BY h.inhseqno)
            FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhparent
                JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE h.inhrelid = q.oid), '')
        || coalesce(' ' || pg_get_expr(q.relpartbound, q.oid), '')
        || CASE q.relkind WHEN 'p' THEN ' partition by ' || pg_get_partkeydef(q.oid) ELSE '' END
        || coalesce(' using ' || (SELECT quote_ident(m.amname) FROM pg_am m
            WHERE m.oid = q.relam AND m.amname <> 'heap'), '')
        || coalesce(' with (' || (SELECT string_agg(o, ', ' ORDER BY o) FROM (
                SELECT unnest(q.reloptions) UNION ALL
                SELECT 'toast.' || unnest(t.reloptions)) AS all_options (o)) || ')', '')
        || coalesce(' tablespace ' || quote_ident(s.spcname), '')
        || coalesce(' server ' || quote_ident(fs.srvname), '')
        || coalesce(' options (' || (SELECT string_agg(o, ', ' ORDER BY o)
            FROM unnest(ft.ftoptions) o) || ')', '')
        || CASE WHEN q.relrowsecurity THEN ' row level security' ELSE '' END
        || CASE WHEN q.relforcerowsecurity THEN ' forced row level security' ELSE '' END
        || CASE q.relreplident WHEN 'n' THEN ' replica identity nothing'
            WHEN 'f' THEN ' replica identity full'
            WHEN 'i' THEN ' replica identity using an index' ELSE '' END
    FROM (SELECT c.*, n.nspname,
            quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.{mine} AND c.relkind IN ('r', 'p', 'f') AND n.oid IN ({schemas})
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                AND d.objid = c.oid AND d.deptype = 'e')) q
        LEFT JOIN pg_class t ON t.oid = q.reltoastrelid
        LEFT JOIN pg_tablespace s ON s.oid = q.reltablespace
        LEFT JOIN pg_foreign_table ft ON ft.ftrelid = q.oid
        LEFT JOIN pg_foreign_server fs ON fs.oid = ft.ftserver";

const COLUMNS: &str = "
    SELECT q.name || '.' || quote_ident(a.attname), q.name,
        'column ' || q.name || '.' || quote_ident(a.attname) || ' '
        || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation THEN (
            SELECT ' collate ' || quote_ident(n.nspname) || '.' || quote_ident(l.collname)
            FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
            WHERE l.oid = a.attcollation) ELSE '' END
        || {not null}
        || CASE a.attidentity WHEN 'a' THEN ' generated always as identity'
            WHEN 'd' THEN ' generated by default as identity' ELSE '' END
        || CASE a.attgenerated
            WHEN '' THEN coalesce(' default ' || pg_get_expr(e.adbin, e.adrelid), '')
            WHEN 's' THEN ' generated always as (' || pg_get_expr(e.adbin, e.adrelid) || ') stored'
            ELSE ' generated always as (' || pg_get_expr(e.adbin, e.adrelid) || ') virtual' END
        || CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage
            WHEN 'p' THEN ' storage plain' WHEN 'e' THEN ' storage external'
            WHEN 'm' THEN ' storage main' ELSE ' storage extended' END ELSE '' END
        || {compression}
        || coalesce(' statistics ' || nullif(a.attstattarget, -1), '')
        || coalesce(' with (' || (SELECT string_agg(o, ', ' ORDER BY o)
            FROM unnest(a.attoptions) o) || ')', '')
        || coalesce(' options (' || (SELECT string_agg(o, ', ' ORDER BY o)
            FROM unnest(a.attfdwoptions) o) || ')', '')
        || CASE WHEN a.attinhcount > 0 AND NOT a.attislocal THEN ' inherited' ELSE '' END
    FROM (SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.{mine} AND c.relkind IN ('r', 'p', 'f') AND n.oid IN ({schemas})
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                AND d.objid = c.oid AND d.deptype = 'e')) q
        JOIN pg_attribute a ON a.attrelid = q.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum";
