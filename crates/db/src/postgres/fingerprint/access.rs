//! Roles, settings, owners and privileges.

use super::{Question, ask};
use crate::history::Kind;

pub(super) const QUESTIONS: [Question; 5] = [
    ask(
        Kind::Role,
        "SELECT quote_ident(r.rolname), '', 'role ' || quote_ident(r.rolname)
             || CASE WHEN r.rolsuper THEN ' superuser' ELSE '' END
             || CASE WHEN r.rolcanlogin THEN ' login' ELSE '' END
             || CASE WHEN r.rolcreatedb THEN ' createdb' ELSE '' END
             || CASE WHEN r.rolcreaterole THEN ' createrole' ELSE '' END
             || CASE WHEN r.rolinherit THEN '' ELSE ' noinherit' END
             || CASE WHEN r.rolreplication THEN ' replication' ELSE '' END
             || CASE WHEN r.rolbypassrls THEN ' bypassrls' ELSE '' END
             || CASE WHEN r.rolconnlimit >= 0 THEN ' connection limit ' || r.rolconnlimit
                 ELSE '' END
             || coalesce(' valid until ' || r.rolvaliduntil, '')
             || coalesce(' in ' || (SELECT string_agg(quote_ident(g.rolname) || {member options},
                     ', ' ORDER BY g.rolname)
                 FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                 WHERE m.member = r.oid), '')
         FROM pg_roles r WHERE r.{mine}",
    ),
    ask(
        Kind::Setting,
        "SELECT CASE WHEN s.setdatabase = 0 THEN '' ELSE 'database ' END
             || coalesce('role ' || quote_ident(r.rolname) || ' ', '') || split_part(o, '=', 1), '',
             'setting' || CASE WHEN s.setdatabase = 0 THEN '' ELSE ' of the database' END
             || coalesce(' of role ' || quote_ident(r.rolname), '') || ': ' || o
         FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole,
             unnest(s.setconfig) o
         WHERE s.setdatabase IN (0,
             (SELECT oid FROM pg_database WHERE datname = current_database()))",
    ),
    ask(Kind::Owner, OWNERS),
    ask(Kind::Grant, GRANTS),
    ask(
        Kind::DefaultPrivilege,
        "SELECT 'default ' || quote_ident(pg_get_userbyid(a.defaclrole)) || ' '
             || coalesce(quote_ident(n.nspname), '') || ' ' || a.defaclobjtype::text || ' '
             || coalesce(nullif(q.grantee, 0)::regrole::text, 'public'),
             coalesce(quote_ident(n.nspname), ''),
             'default privileges of ' || quote_ident(pg_get_userbyid(a.defaclrole))
             || coalesce(' in schema ' || quote_ident(n.nspname), '')
             || CASE a.defaclobjtype WHEN 'r' THEN ' on tables' WHEN 'S' THEN ' on sequences'
                 WHEN 'f' THEN ' on functions' WHEN 'T' THEN ' on types'
                 WHEN 'n' THEN ' on schemas' ELSE ' on ' || a.defaclobjtype::text END
             || ' to ' || coalesce(nullif(q.grantee, 0)::regrole::text, 'public') || ': ' || q.what
         FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace,
             LATERAL (SELECT x.grantee, string_agg(x.privilege_type
                     || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END,
                     ', ' ORDER BY x.privilege_type) AS what
                 FROM aclexplode(a.defaclacl) x GROUP BY x.grantee) q",
    ),
];

/// Everything that has an owner or privileges: class, number, what it is in words, its name, the
/// line that it goes with, its owner, its privileges, and the letter under which [`acldefault`] knows
/// what such a thing has from the start.
///
/// [`acldefault`]: https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-ACLITEM
macro_rules! things {
    ($rest:literal) => {
        concat!(
            "WITH things (class, number, what, name, of, owner, acl, letter) AS (
                 SELECT 'pg_namespace'::regclass, n.oid, 'schema', quote_ident(n.nspname),
                     quote_ident(n.nspname), n.nspowner, n.nspacl, 'n'::\"char\"
                 FROM pg_namespace n WHERE n.oid IN ({schemas})
                 UNION ALL
                 SELECT 'pg_class'::regclass, c.oid,
                     CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view'
                         WHEN 'm' THEN 'materialized view' ELSE 'table' END,
                     quote_ident(n.nspname) || '.' || quote_ident(c.relname),
                     quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relowner, c.relacl,
                     CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\"
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.{mine} AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
                     AND n.oid IN ({schemas})
                 UNION ALL
                 SELECT 'pg_proc'::regclass, p.oid, 'routine', quote_ident(n.nspname) || '.'
                         || quote_ident(p.proname) || '('
                         || pg_get_function_identity_arguments(p.oid) || ')',
                     quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('
                         || pg_get_function_identity_arguments(p.oid) || ')',
                     p.proowner, p.proacl, 'f'
                 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE p.{mine} AND n.oid IN ({schemas})
                 UNION ALL
                 SELECT 'pg_type'::regclass, t.oid, 'type',
                     quote_ident(n.nspname) || '.' || quote_ident(t.typname),
                     quote_ident(n.nspname) || '.' || quote_ident(t.typname),
                     t.typowner, t.typacl, 'T'
                 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                 WHERE t.{mine} AND n.oid IN ({schemas}) AND t.typtype IN ('e', 'd', 'r', 'c')
                     AND NOT EXISTS (SELECT FROM pg_class c
                         WHERE c.oid = t.typrelid AND c.relkind <> 'c')
                 UNION ALL
                 SELECT 'pg_foreign_server'::regclass, s.oid, 'server', quote_ident(s.srvname),
                     'server ' || quote_ident(s.srvname), s.srvowner, s.srvacl, 'S'
                 FROM pg_foreign_server s
                 UNION ALL
                 SELECT 'pg_foreign_data_wrapper'::regclass, w.oid, 'foreign-data wrapper',
                     quote_ident(w.fdwname), 'wrapper ' || quote_ident(w.fdwname), w.fdwowner,
                     w.fdwacl, 'F'
                 FROM pg_foreign_data_wrapper w
                 UNION ALL
                 SELECT 'pg_language'::regclass, l.oid, 'language', quote_ident(l.lanname),
                     '', l.lanowner, l.lanacl, 'l'
                 FROM pg_language l WHERE l.lanispl
                 UNION ALL
                 SELECT 'pg_database'::regclass, d.oid, 'the', 'database', '', d.datdba, d.datacl,
                     'd'
                 FROM pg_database d WHERE d.datname = current_database()
             ) ",
            $rest
        )
    };
}

const OWNERS: &str = things!(
    "SELECT 'owner of ' || t.what || ' ' || t.name, t.of,
         'owner of ' || t.what || ' ' || t.name || ': ' || quote_ident(pg_get_userbyid(t.owner))
     FROM things t
     WHERE pg_get_userbyid(t.owner) <> session_user
         AND NOT EXISTS (SELECT FROM pg_depend d
             WHERE d.classid = t.class AND d.objid = t.number AND d.deptype = 'e')"
);

const GRANTS: &str = things!(
    ", wanted (what, name, of, acl, start) AS (
         SELECT t.what, t.name, t.of, t.acl, acldefault(t.letter, t.owner)
         FROM things t
         WHERE t.acl IS NOT NULL
             AND NOT EXISTS (SELECT FROM pg_depend d
                 WHERE d.classid = t.class AND d.objid = t.number AND d.deptype = 'e')
         UNION ALL
         SELECT 'column', t.name || '.' || quote_ident(a.attname),
             t.name || '.' || quote_ident(a.attname), a.attacl, NULL::aclitem[]
         FROM things t JOIN pg_attribute a ON a.attrelid = t.number
         WHERE t.class = 'pg_class'::regclass AND a.attacl IS NOT NULL AND NOT a.attisdropped
     ), given AS (
         SELECT w.what, w.name, w.of, x.grantee,
             string_agg(x.privilege_type
                 || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END,
                 ', ' ORDER BY x.privilege_type) AS privileges
         FROM wanted w, aclexplode(w.acl) x GROUP BY w.what, w.name, w.of, x.grantee
     ), from_start AS (
         SELECT w.what, w.name, w.of, x.grantee,
             string_agg(x.privilege_type
                 || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END,
                 ', ' ORDER BY x.privilege_type) AS privileges
         FROM wanted w, aclexplode(w.start) x GROUP BY w.what, w.name, w.of, x.grantee
     )
     SELECT 'grant on ' || what || ' ' || name || ' to '
             || coalesce(nullif(grantee, 0)::regrole::text, 'public'), of,
         'grant on ' || what || ' ' || name || ' to '
             || coalesce(nullif(grantee, 0)::regrole::text, 'public') || ': '
             || coalesce(g.privileges, 'nothing')
     FROM given g FULL JOIN from_start s USING (what, name, of, grantee)
     WHERE g.privileges IS DISTINCT FROM s.privileges"
);
