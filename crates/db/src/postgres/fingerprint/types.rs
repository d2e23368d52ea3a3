//! Types, and what is made for them: operators, casts, collations, conversions.

use super::{Question, ask};
use crate::history::Kind;

pub(super) const QUESTIONS: [Question; 11] = [
    ask(
        Kind::Type,
        "SELECT q.name, quote_ident(q.nspname), 'type ' || q.name || ' enum ('
             || coalesce(string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder), '')
             || ')'
         FROM (SELECT t.oid, n.nspname,
                 quote_ident(n.nspname) || '.' || quote_ident(t.typname) AS name
             FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
             WHERE t.{mine} AND t.typtype = 'e' AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
                     AND d.objid = t.oid AND d.deptype = 'e')) q
             LEFT JOIN pg_enum e ON e.enumtypid = q.oid
         GROUP BY q.name, q.nspname",
    ),
    ask(
        Kind::Type,
        // Its CHECK constraints are lines of their own.
        "SELECT q.name, quote_ident(q.nspname), 'domain ' || q.name || ' as '
             || format_type(q.typbasetype, q.typtypmod)
             || CASE WHEN q.typcollation <> b.typcollation THEN (
                 SELECT ' collate ' || quote_ident(n.nspname) || '.' || quote_ident(l.collname)
                 FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
                 WHERE l.oid = q.typcollation) ELSE '' END
             || CASE WHEN q.typnotnull THEN ' not null' ELSE '' END
             || coalesce(' default ' || q.typdefault, '')
         FROM (SELECT t.*, n.nspname,
                 quote_ident(n.nspname) || '.' || quote_ident(t.typname) AS name
             FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
             WHERE t.{mine} AND t.typtype = 'd' AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
                     AND d.objid = t.oid AND d.deptype = 'e')) q
             JOIN pg_type b ON b.oid = q.typbasetype",
    ),
    ask(
        Kind::Type,
        "SELECT q.name, quote_ident(q.nspname), 'type ' || q.name || ' as ('
             || coalesce(string_agg(quote_ident(a.attname) || ' '
                 || format_type(a.atttypid, a.atttypmod)
                 || CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation
                     THEN coalesce((SELECT ' collate ' || quote_ident(l.collname)
                         FROM pg_collation l WHERE l.oid = a.attcollation), '') ELSE '' END,
                 ', ' ORDER BY a.attnum), '') || ')'
         FROM (SELECT c.oid, n.nspname,
                 quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.{mine} AND c.relkind = 'c' AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
                     AND d.objid = c.reltype AND d.deptype = 'e')) q
             LEFT JOIN pg_attribute a ON a.attrelid = q.oid AND a.attnum > 0 AND NOT a.attisdropped
             LEFT JOIN pg_type t ON t.oid = a.atttypid
         GROUP BY q.name, q.nspname",
    ),
    ask(
        Kind::Type,
        "SELECT q.name, quote_ident(q.nspname), 'type ' || q.name || ' range of '
             || format_type(r.rngsubtype, NULL)
             || ' operators ' || quote_ident(p.opcname)
             || coalesce(' collate ' || quote_ident(l.collname), '')
             || CASE WHEN r.rngcanonical::oid <> 0 THEN ' canonical ' || r.rngcanonical ELSE '' END
             || CASE WHEN r.rngsubdiff::oid <> 0 THEN ' difference ' || r.rngsubdiff ELSE '' END
             || {multirange}
         FROM (SELECT t.oid, n.nspname,
                 quote_ident(n.nspname) || '.' || quote_ident(t.typname) AS name
             FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
             WHERE t.{mine} AND t.typtype = 'r' AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
                     AND d.objid = t.oid AND d.deptype = 'e')) q
             JOIN pg_range r ON r.rngtypid = q.oid
             JOIN pg_opclass p ON p.oid = r.rngsubopc
             LEFT JOIN pg_collation l ON l.oid = r.rngcollation",
    ),
    ask(
        Kind::Type,
        // Base types and shells; not the arrays that come with other types.
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(t.typname), quote_ident(n.nspname),
             CASE t.typtype WHEN 'p' THEN 'shell type ' ELSE 'base type ' END
             || quote_ident(n.nspname) || '.' || quote_ident(t.typname)
             || ' input ' || t.typinput || ' output ' || t.typoutput
             || ' length ' || t.typlen || ' storage ' || t.typstorage::text
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE t.{mine} AND t.typtype IN ('b', 'p') AND n.oid IN ({schemas})
             AND NOT (t.typcategory = 'A' AND t.typelem <> 0)
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
                 AND d.objid = t.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::Operator,
        "SELECT q.name, quote_ident(q.nspname), 'operator ' || q.name || ' function ' || q.oprcode
             || coalesce(' commutator ' || nullif(q.oprcom, 0)::regoper, '')
             || coalesce(' negator ' || nullif(q.oprnegate, 0)::regoper, '')
             || CASE WHEN q.oprcanhash THEN ' hashes' ELSE '' END
             || CASE WHEN q.oprcanmerge THEN ' merges' ELSE '' END
         FROM (SELECT o.*, n.nspname, quote_ident(n.nspname) || '.' || o.oprname
                 || '(' || format_type(nullif(o.oprleft, 0), NULL) || ','
                 || format_type(nullif(o.oprright, 0), NULL) || ')' AS name
             FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
             WHERE o.{mine} AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_operator'::regclass
                     AND d.objid = o.oid AND d.deptype = 'e')) q",
    ),
    ask(
        Kind::Operator,
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(p.opcname) || ' using ' || m.amname,
             quote_ident(n.nspname),
             'operator class ' || quote_ident(n.nspname) || '.' || quote_ident(p.opcname)
             || ' using ' || m.amname || ' for ' || format_type(p.opcintype, NULL)
             || CASE WHEN p.opcdefault THEN ' (default)' ELSE '' END
         FROM pg_opclass p JOIN pg_namespace n ON n.oid = p.opcnamespace
             JOIN pg_am m ON m.oid = p.opcmethod
         WHERE p.{mine} AND n.oid IN ({schemas})
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_opclass'::regclass
                 AND d.objid = p.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::Operator,
        "SELECT 'family ' || quote_ident(n.nspname) || '.' || quote_ident(f.opfname) || ' using '
             || m.amname, quote_ident(n.nspname),
             'operator family ' || quote_ident(n.nspname) || '.' || quote_ident(f.opfname)
             || ' using ' || m.amname
         FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace
             JOIN pg_am m ON m.oid = f.opfmethod
         WHERE f.{mine} AND n.oid IN ({schemas})
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_opfamily'::regclass
                 AND d.objid = f.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::Language,
        "SELECT 'cast ' || q.name, '', 'cast ' || q.name
             || CASE WHEN q.castfunc = 0 THEN ' without function'
                 ELSE ' with ' || q.castfunc::regprocedure END
             || CASE q.castcontext WHEN 'a' THEN ' as assignment' WHEN 'i' THEN ' as implicit'
                 ELSE '' END
         FROM (SELECT c.*, format_type(c.castsource, NULL) || ' as '
                 || format_type(c.casttarget, NULL) AS name
             FROM pg_cast c WHERE c.{mine}
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass
                     AND d.objid = c.oid AND d.deptype = 'e')) q",
    ),
    ask(
        Kind::Language,
        // The columns differ from version to version, and which there are matters.
        "SELECT 'collation ' || quote_ident(n.nspname) || '.' || quote_ident(l.collname),
             quote_ident(n.nspname),
             'collation ' || quote_ident(n.nspname) || '.' || quote_ident(l.collname) || ' '
             || (jsonb_strip_nulls(to_jsonb(l)) - 'oid' - 'collname' - 'collnamespace'
                 - 'collowner' - 'collversion')::text
         FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
         WHERE l.{mine} AND n.oid IN ({schemas})
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_collation'::regclass
                 AND d.objid = l.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::Language,
        "SELECT 'conversion ' || quote_ident(n.nspname) || '.' || quote_ident(v.conname),
             quote_ident(n.nspname),
             'conversion ' || quote_ident(n.nspname) || '.' || quote_ident(v.conname)
             || ' from ' || pg_encoding_to_char(v.conforencoding)
             || ' to ' || pg_encoding_to_char(v.contoencoding) || ' with ' || v.conproc
             || CASE WHEN v.condefault THEN ' (default)' ELSE '' END
         FROM pg_conversion v JOIN pg_namespace n ON n.oid = v.connamespace
         WHERE v.{mine} AND n.oid IN ({schemas})
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_conversion'::regclass
                 AND d.objid = v.oid AND d.deptype = 'e')",
    ),
];
