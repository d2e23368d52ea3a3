//! Functions, procedures, aggregates, triggers, policies.

use super::{Question, ask};
use crate::history::Kind;

pub(super) const QUESTIONS: [Question; 6] = [
    ask(
        Kind::Routine,
        "SELECT q.name, quote_ident(q.nspname),
             CASE q.prokind WHEN 'p' THEN 'procedure ' ELSE 'function ' END || q.name || E'\\n'
             || rtrim(pg_get_functiondef(q.oid), E'\\n')
         FROM (SELECT p.oid, p.prokind, n.nspname, quote_ident(n.nspname) || '.'
                 || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid)
                 || ')' AS name
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE p.{mine} AND p.prokind <> 'a' AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                     AND d.objid = p.oid AND d.deptype IN ('e', 'i'))) q",
    ),
    ask(
        Kind::Aggregate,
        "SELECT q.name, quote_ident(q.nspname), 'aggregate ' || q.name
             || ' state ' || format_type(q.aggtranstype, NULL) || ' by ' || q.aggtransfn
             || CASE WHEN q.aggfinalfn::oid <> 0 THEN ' final ' || q.aggfinalfn ELSE '' END
             || CASE WHEN q.aggcombinefn::oid <> 0 THEN ' combine ' || q.aggcombinefn ELSE '' END
             || CASE WHEN q.aggmtransfn::oid <> 0 THEN ' moving ' || q.aggmtransfn ELSE '' END
             || CASE WHEN q.aggsortop <> 0 THEN ' sort ' || q.aggsortop::regoper ELSE '' END
             || coalesce(' from ' || quote_literal(q.agginitval), '') || ' kind ' || q.aggkind::text
             || ' parallel ' || q.proparallel::text
         FROM (SELECT a.*, p.proparallel, n.nspname, quote_ident(n.nspname) || '.'
                 || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid)
                 || ')' AS name
             FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid
                 JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE p.{mine} AND n.oid IN ({schemas})
                 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                     AND d.objid = p.oid AND d.deptype = 'e')) q",
    ),
    ask(
        Kind::Trigger,
        // A trigger of a partition that comes from its parent is told by the parent.
        "SELECT q.name || '.' || quote_ident(t.tgname), q.name,
             'trigger ' || pg_get_triggerdef(t.oid)
             || CASE t.tgenabled WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (replica only)'
                 WHEN 'A' THEN ' (always)' ELSE '' END
         FROM pg_trigger t
             JOIN (SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.{mine} AND n.oid IN ({schemas})
                     AND NOT EXISTS (SELECT FROM pg_depend d
                         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                             AND d.deptype = 'e')) q ON q.oid = t.tgrelid
         WHERE NOT t.tgisinternal AND (NOT {cloned} OR t.tgenabled <> 'O')",
    ),
    ask(
        Kind::Trigger,
        // `ALTER TABLE … DISABLE TRIGGER ALL` also turns foreign keys off.
        "SELECT q.name || '.' || quote_ident(k.conname) || ' ' || t.tgtype, q.name,
             'checks of constraint ' || q.name || '.' || quote_ident(k.conname)
             || CASE t.tgenabled WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (replica only)'
                 ELSE ' (always)' END
         FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint
             JOIN (SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.{mine} AND n.oid IN ({schemas})) q ON q.oid = t.tgrelid
         WHERE t.tgisinternal AND t.tgenabled <> 'O'",
    ),
    ask(
        Kind::EventTrigger,
        "SELECT quote_ident(t.evtname), '', 'event trigger ' || quote_ident(t.evtname) || ' on '
             || t.evtevent || coalesce(' when tag in (' || (SELECT string_agg(o, ', ' ORDER BY o)
                 FROM unnest(t.evttags) o) || ')', '')
             || ' execute ' || t.evtfoid::regprocedure
             || CASE t.evtenabled WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (replica only)'
                 WHEN 'A' THEN ' (always)' ELSE '' END
         FROM pg_event_trigger t
         WHERE NOT EXISTS (SELECT FROM pg_depend d
             WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid
                 AND d.deptype = 'e')",
    ),
    ask(
        Kind::Policy,
        "SELECT q.name || '.' || quote_ident(p.polname), q.name,
             'policy ' || quote_ident(p.polname) || ' on ' || q.name
             || CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END
             || CASE p.polcmd WHEN 'r' THEN ' for select' WHEN 'a' THEN ' for insert'
                 WHEN 'w' THEN ' for update' WHEN 'd' THEN ' for delete' ELSE '' END
             || coalesce(' to ' || (SELECT string_agg(
                     CASE WHEN o = 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(o)) END,
                     ', ' ORDER BY pg_get_userbyid(o)) FROM unnest(p.polroles) o), '')
             || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
             || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
         FROM pg_policy p
             JOIN (SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.{mine} AND n.oid IN ({schemas})) q ON q.oid = p.polrelid",
    ),
];
