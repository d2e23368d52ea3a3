//! Extensions, statistics, text search, foreign data, replication, comments.

use super::{Question, ask};
use crate::history::Kind;

pub(super) const QUESTIONS: [Question; 17] = [
    ask(
        Kind::Extension,
        "SELECT quote_ident(e.extname), '', 'extension ' || quote_ident(e.extname) || ' '
             || e.extversion || ' in schema ' || quote_ident(n.nspname)
         FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
    ),
    ask(
        Kind::Statistics,
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(s.stxname),
             quote_ident(cn.nspname) || '.' || quote_ident(c.relname),
             'statistics ' || pg_get_statisticsobjdef(s.oid) || {statistics target}
         FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
             JOIN pg_class c ON c.oid = s.stxrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
         WHERE s.{mine} AND n.oid IN ({schemas})",
    ),
    ask(
        Kind::Language,
        "SELECT 'language ' || quote_ident(l.lanname), '', 'language ' || quote_ident(l.lanname)
             || CASE WHEN l.lanpltrusted THEN ' trusted' ELSE '' END
             || ' handler ' || l.lanplcallfoid::regproc
         FROM pg_language l
         WHERE l.{mine} AND NOT EXISTS (SELECT FROM pg_depend d
             WHERE d.classid = 'pg_language'::regclass AND d.objid = l.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::Language,
        "SELECT 'access method ' || quote_ident(m.amname), '',
             'access method ' || quote_ident(m.amname) || ' type ' || m.amtype::text
             || ' handler ' || m.amhandler
         FROM pg_am m
         WHERE m.{mine} AND NOT EXISTS (SELECT FROM pg_depend d
             WHERE d.classid = 'pg_am'::regclass AND d.objid = m.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::Language,
        "SELECT 'transform for ' || format_type(t.trftype, NULL) || ' language '
                 || quote_ident(l.lanname), '',
             'transform for ' || format_type(t.trftype, NULL) || ' language '
             || quote_ident(l.lanname) || ' from ' || t.trffromsql || ' to ' || t.trftosql
         FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
         WHERE t.{mine} AND NOT EXISTS (SELECT FROM pg_depend d
             WHERE d.classid = 'pg_transform'::regclass AND d.objid = t.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::TextSearch,
        "SELECT 'configuration ' || q.name, quote_ident(q.nspname),
             'text search configuration ' || q.name || ' parser ' || quote_ident(p.prsname)
             || coalesce(E'\\n' || string_agg('  ' || q.alias || ': ' || q.dictionaries, E'\\n'
                 ORDER BY q.alias), '')
         FROM (SELECT c.oid, c.cfgparser, n.nspname, k.alias,
                 quote_ident(n.nspname) || '.' || quote_ident(c.cfgname) AS name,
                 string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno)
                     AS dictionaries
             FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace
                 LEFT JOIN pg_ts_config_map m ON m.mapcfg = c.oid
                 LEFT JOIN LATERAL ts_token_type(c.cfgparser) k ON k.tokid = m.maptokentype
             WHERE c.{mine} AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_ts_config'::regclass
                     AND d.objid = c.oid AND d.deptype = 'e')
             GROUP BY c.oid, c.cfgparser, n.nspname, c.cfgname, k.alias) q
             JOIN pg_ts_parser p ON p.oid = q.cfgparser
         GROUP BY q.name, q.nspname, p.prsname",
    ),
    ask(
        Kind::TextSearch,
        "SELECT 'dictionary ' || quote_ident(n.nspname) || '.' || quote_ident(t.dictname),
             quote_ident(n.nspname),
             'text search dictionary ' || quote_ident(n.nspname) || '.' || quote_ident(t.dictname)
             || ' template ' || quote_ident(p.tmplname)
             || coalesce(' (' || t.dictinitoption || ')', '')
         FROM pg_ts_dict t JOIN pg_namespace n ON n.oid = t.dictnamespace
             JOIN pg_ts_template p ON p.oid = t.dicttemplate
         WHERE t.{mine} AND n.oid IN ({schemas})
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_ts_dict'::regclass
                 AND d.objid = t.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::TextSearch,
        "SELECT 'parser ' || quote_ident(n.nspname) || '.' || quote_ident(t.prsname),
             quote_ident(n.nspname),
             'text search parser ' || quote_ident(n.nspname) || '.' || quote_ident(t.prsname)
         FROM pg_ts_parser t JOIN pg_namespace n ON n.oid = t.prsnamespace
         WHERE t.{mine} AND n.oid IN ({schemas})
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_ts_parser'::regclass
                 AND d.objid = t.oid AND d.deptype = 'e')",
    ),
    ask(
        Kind::Foreign,
        "SELECT 'wrapper ' || quote_ident(w.fdwname), '',
             'foreign-data wrapper ' || quote_ident(w.fdwname)
             || CASE WHEN w.fdwhandler <> 0 THEN ' handler ' || w.fdwhandler::regproc ELSE '' END
             || coalesce(' options (' || (SELECT string_agg(o, ', ' ORDER BY o)
                 FROM unnest(w.fdwoptions) o) || ')', '')
         FROM pg_foreign_data_wrapper w
         WHERE NOT EXISTS (SELECT FROM pg_depend d
             WHERE d.classid = 'pg_foreign_data_wrapper'::regclass AND d.objid = w.oid
                 AND d.deptype = 'e')",
    ),
    ask(
        Kind::Foreign,
        "SELECT 'server ' || quote_ident(s.srvname), '', 'server ' || quote_ident(s.srvname)
             || ' wrapper ' || quote_ident(w.fdwname)
             || coalesce(' type ' || quote_literal(s.srvtype), '')
             || coalesce(' version ' || quote_literal(s.srvversion), '')
             || coalesce(' options (' || (SELECT string_agg(o, ', ' ORDER BY o)
                 FROM unnest(s.srvoptions) o) || ')', '')
         FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw",
    ),
    ask(
        Kind::Foreign,
        "SELECT 'mapping ' || quote_ident(m.usename) || ' ' || quote_ident(m.srvname),
             'server ' || quote_ident(m.srvname),
             'user mapping for ' || quote_ident(m.usename) || ' server ' || quote_ident(m.srvname)
             || coalesce(' options (' || (SELECT string_agg(o, ', ' ORDER BY o)
                 FROM unnest(m.umoptions) o) || ')', '')
         FROM pg_user_mappings m",
    ),
    ask(
        Kind::Publication,
        // `FOR ALL TABLES`, what is published, and options that came with later versions.
        "SELECT quote_ident(p.pubname), '', 'publication ' || quote_ident(p.pubname) || ' '
             || (to_jsonb(p) - 'oid' - 'pubname' - 'pubowner')::text
         FROM pg_publication p",
    ),
    ask(
        Kind::Publication,
        "SELECT quote_ident(p.pubname) || ' ' || quote_ident(n.nspname) || '.'
                 || quote_ident(c.relname), quote_ident(p.pubname),
             'publication ' || quote_ident(p.pubname) || ' has ' || {published}
         FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
             JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace",
    ),
    Question {
        kind: Kind::Publication,
        sql: "SELECT quote_ident(p.pubname) || ' schema ' || quote_ident(n.nspname),
                 quote_ident(p.pubname),
                 'publication ' || quote_ident(p.pubname) || ' has all tables of '
                 || quote_ident(n.nspname)
             FROM pg_publication_namespace r JOIN pg_publication p ON p.oid = r.pnpubid
                 JOIN pg_namespace n ON n.oid = r.pnnspid",
        since: 150_000,
    },
    ask(
        Kind::Subscription,
        // Not the connection: it may hold a password.
        "SELECT quote_ident(s.subname), '', 'subscription ' || quote_ident(s.subname) || ' to '
             || array_to_string(s.subpublications, ', ')
             || CASE WHEN s.subenabled THEN '' ELSE ' (disabled)' END
         FROM pg_subscription s
         WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    ),
    ask(Kind::Comment, COMMENTS),
    ask(
        Kind::Comment,
        "SELECT 'security label of ' || i.type || ' ' || i.identity || ' by ' || l.provider, '',
             'security label on ' || i.type || ' ' || i.identity || ' by ' || l.provider || ': '
             || l.label
         FROM pg_seclabel l, pg_identify_object(l.classoid, l.objoid, l.objsubid) i",
    ),
];

/// Extensions bring their own comments.
const COMMENTS: &str = "
    SELECT 'comment on ' || i.type || ' ' || i.identity,
        CASE
            WHEN c.classoid = 'pg_class'::regclass AND c.objsubid > 0 THEN i.identity
            WHEN c.classoid = 'pg_class'::regclass THEN coalesce((
                SELECT quote_ident(n.nspname) || '.' || quote_ident(t.relname)
                FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
                WHERE t.oid = coalesce(
                    (SELECT x.indrelid FROM pg_index x WHERE x.indexrelid = c.objoid), c.objoid)),
                '')
            WHEN c.classoid = 'pg_proc'::regclass THEN (
                SELECT quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('
                    || pg_get_function_identity_arguments(p.oid) || ')'
                FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE p.oid = c.objoid)
            WHEN c.classoid = 'pg_constraint'::regclass THEN coalesce((
                SELECT quote_ident(n.nspname) || '.' || quote_ident(t.relname)
                FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
                    JOIN pg_namespace n ON n.oid = t.relnamespace
                WHERE k.oid = c.objoid), '')
            WHEN c.classoid = 'pg_trigger'::regclass THEN (
                SELECT quote_ident(n.nspname) || '.' || quote_ident(t.relname)
                FROM pg_trigger k JOIN pg_class t ON t.oid = k.tgrelid
                    JOIN pg_namespace n ON n.oid = t.relnamespace
                WHERE k.oid = c.objoid)
            WHEN c.classoid = 'pg_policy'::regclass THEN (
                SELECT quote_ident(n.nspname) || '.' || quote_ident(t.relname)
                FROM pg_policy k JOIN pg_class t ON t.oid = k.polrelid
                    JOIN pg_namespace n ON n.oid = t.relnamespace
                WHERE k.oid = c.objoid)
            WHEN c.classoid IN ('pg_namespace'::regclass, 'pg_type'::regclass) THEN i.identity
            ELSE '' END,
        'comment on ' || i.type || ' ' || i.identity || ': ' || quote_literal(c.description)
    FROM (SELECT d.classoid, d.objoid, d.objsubid, d.description FROM pg_description d
            WHERE d.objoid >= 16384 OR (d.classoid = 'pg_namespace'::regclass
                AND d.objoid = (SELECT oid FROM pg_namespace WHERE nspname = 'public'))
            UNION ALL
            SELECT s.classoid, s.objoid, 0, s.description FROM pg_shdescription s
            WHERE s.classoid = 'pg_authid'::regclass AND s.objoid >= 16384) c
        CROSS JOIN LATERAL pg_identify_object(c.classoid, c.objoid, c.objsubid) i
    WHERE c.classoid <> 'pg_extension'::regclass
        AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = c.classoid AND d.objid = c.objoid AND d.deptype = 'e')
    UNION ALL
    SELECT 'comment on the database', '', 'comment on the database: '
        || quote_literal(s.description)
    FROM pg_shdescription s
    WHERE s.classoid = 'pg_database'::regclass
        AND s.objoid = (SELECT oid FROM pg_database WHERE datname = current_database())";
