//! What a change's part of a schema amounts to, in lines of text where equal texts mean equal
//! behaviour.
//!
//! A change's part are its columns, whatever is named with its prefix, what its own marks say that
//! its steps made, and the constraints, indexes, triggers, policies, statistics and functions that
//! refer to its columns. What *other* changes made, says their marks, is left out, so that several
//! can be open on one table and each comes and goes without the others' notice.
//!
//! Only the tables of the scope are looked at, not their partitions: these come and go on their own.
//! Privileges, comments and statistics are left out too.

use std::collections::BTreeSet;

use postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use switchback_migration::definition::prefix;
use switchback_model::plan::Scope;
use switchback_model::{ChangeId, Digest};

use super::error::{ChangeError, at};
use super::link::qualified;
use crate::marks;
use crate::postgres::session::literal;

/// A change's part of a schema at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    things: Vec<Thing>,
    /// What the marks say: the change and what it made.
    made: Vec<(String, String)>,
    prefix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    /// What it is called, such as `index public.users_email`.
    name: String,
    line: String,
    /// Whether it is the change's by its name or by what it refers to.
    mine: bool,
}

/// `$1` are the tables, `$2` the columns, `$3` is the prefix, `{...}` are questions that depend on
/// the version. Rows are a name, a line, and whether it is the change's.
const THINGS: &str = r"
WITH tables AS MATERIALIZED (
    SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, c.relkind,
        c.relpersistence
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[])
), columns AS MATERIALIZED (
    SELECT a.*, t.name AS table_name FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid
    WHERE a.attnum > 0 AND NOT a.attisdropped
        AND (a.attname = ANY ($2::text[]) OR strpos(a.attname, $3::text) > 0)
), referring AS MATERIALIZED (
    SELECT DISTINCT d.classid, d.objid FROM pg_depend d JOIN columns c
        ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.attrelid
            AND d.refobjsubid = c.attnum
), functions AS MATERIALIZED (
    SELECT p.*, n.nspname, quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('
            || pg_get_function_identity_arguments(p.oid) || ')' AS name
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE (strpos(p.proname, $3::text) > 0 OR EXISTS (SELECT FROM referring r
            WHERE r.classid = 'pg_proc'::regclass AND r.objid = p.oid))
        AND n.nspname !~ '^(pg_|_switchback$)'
)
SELECT 'table ' || name, 'table ' || name || ' kind ' || relkind::text || ' persistence '
    || relpersistence::text, true FROM tables
UNION ALL
SELECT 'column ' || c.table_name || '.' || quote_ident(c.attname),
    'column ' || c.table_name || '.' || quote_ident(c.attname) || ' '
    || format_type(c.atttypid, c.atttypmod)
    || CASE WHEN c.attcollation <> t.typcollation
        THEN coalesce(' collate ' || (SELECT quote_ident(n.nspname) || '.' || quote_ident(l.collname)
            FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
            WHERE l.oid = c.attcollation), '') ELSE '' END
    || CASE WHEN c.attnotnull THEN ' not null' ELSE '' END
    || CASE WHEN c.attgenerated = '' THEN coalesce(' default ' || pg_get_expr(e.adbin, e.adrelid), '')
        ELSE ' generated ' || c.attgenerated::text || ' ' || pg_get_expr(e.adbin, e.adrelid) END
    || CASE WHEN c.attidentity = '' THEN '' ELSE ' identity ' || c.attidentity::text END
    || coalesce((SELECT ' values ' || string_agg(quote_literal(l.enumlabel), ', '
        ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = c.atttypid), ''),
    true
FROM columns c JOIN pg_type t ON t.oid = c.atttypid
    LEFT JOIN pg_attrdef e ON e.adrelid = c.attrelid AND e.adnum = c.attnum
UNION ALL
SELECT 'column ' || t.name || '.' || quote_ident(wanted),
    'no column ' || t.name || '.' || quote_ident(wanted), true
FROM tables t, unnest($2::text[]) AS wanted WHERE NOT EXISTS (SELECT FROM pg_attribute a
    WHERE a.attrelid = t.oid AND a.attname = wanted AND a.attnum > 0 AND NOT a.attisdropped)
UNION ALL
SELECT q.name, q.name || ' ' || pg_get_constraintdef(k.oid),
    strpos(k.conname, $3::text) > 0 OR EXISTS (SELECT FROM referring r
        WHERE r.classid = 'pg_constraint'::regclass AND r.objid = k.oid)
FROM pg_constraint k, LATERAL (SELECT 'constraint ' || k.conrelid::regclass::text || '.'
    || quote_ident(k.conname) AS name) q
WHERE (k.conrelid IN (SELECT oid FROM tables)
        OR k.confrelid IN (SELECT oid FROM tables) AND k.conparentid = 0)
    AND k.contype <> 't' AND NOT (k.contype = 'n' AND k.convalidated)
UNION ALL
SELECT q.name, q.name || ' ' || pg_get_indexdef(i.indexrelid)
    || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END
    || CASE WHEN i.indisreplident THEN ' replica identity' ELSE '' END,
    strpos(c.relname, $3::text) > 0 OR EXISTS (SELECT FROM referring r
        WHERE r.classid = 'pg_class'::regclass AND r.objid = i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace,
    LATERAL (SELECT 'index ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name) q
WHERE i.indrelid IN (SELECT oid FROM tables)
    AND NOT EXISTS (SELECT FROM pg_constraint k
        WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    -- What REINDEX CONCURRENTLY has at work, or left.
    AND NOT (c.relname ~ '_cc(new|old)[0-9]*$' AND NOT i.indisvalid)
UNION ALL
SELECT q.name, q.name || ' ' || pg_get_triggerdef(g.oid)
    || CASE g.tgenabled WHEN 'O' THEN '' ELSE ' enabled ' || g.tgenabled::text END,
    strpos(g.tgname, $3::text) > 0 OR EXISTS (SELECT FROM referring r
        WHERE r.classid = 'pg_trigger'::regclass AND r.objid = g.oid)
FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal,
    LATERAL (SELECT 'trigger ' || t.name || '.' || quote_ident(g.tgname) AS name) q
UNION ALL
SELECT q.name, q.name || CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END || ' for '
    || p.polcmd::text || ' to ' || p.polroles::text
    || coalesce(' using ' || pg_get_expr(p.polqual, p.polrelid), '')
    || coalesce(' with check ' || pg_get_expr(p.polwithcheck, p.polrelid), ''),
    strpos(p.polname, $3::text) > 0 OR EXISTS (SELECT FROM referring r
        WHERE r.classid = 'pg_policy'::regclass AND r.objid = p.oid)
FROM tables t JOIN pg_policy p ON p.polrelid = t.oid,
    LATERAL (SELECT 'policy ' || t.name || '.' || quote_ident(p.polname) AS name) q
UNION ALL
SELECT q.name, q.name || ' ' || pg_get_statisticsobjdef(s.oid),
    strpos(s.stxname, $3::text) > 0 OR EXISTS (SELECT FROM referring r
        WHERE r.classid = 'pg_statistic_ext'::regclass AND r.objid = s.oid)
FROM tables t JOIN pg_statistic_ext s ON s.stxrelid = t.oid
    JOIN pg_namespace n ON n.oid = s.stxnamespace,
    LATERAL (SELECT 'statistics ' || quote_ident(n.nspname) || '.' || quote_ident(s.stxname)
        AS name) q
UNION ALL
SELECT 'function ' || f.name, 'function ' || f.name || ' ' || CASE WHEN f.prokind = 'a'
    THEN 'aggregate' ELSE pg_get_functiondef(f.oid) END, true
FROM functions f
UNION ALL
SELECT 'relation ' || c.oid::regclass::text, 'relation ' || c.oid::regclass::text || ' kind '
    || c.relkind::text, true
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE strpos(c.relname, $3::text) > 0 AND c.relkind NOT IN ('i', 'I', 't')
    AND n.nspname !~ '^(pg_|_switchback$)' AND c.oid NOT IN (SELECT oid FROM tables)
UNION ALL
SELECT 'type ' || t.oid::regtype::text, 'type ' || t.oid::regtype::text || ' kind ' || t.typtype::text
    || coalesce((SELECT ' values ' || string_agg(quote_literal(l.enumlabel), ', '
        ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid), ''), true
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE strpos(t.typname, $3::text) > 0 AND t.typtype IN ('e', 'd', 'r')
    AND n.nspname !~ '^(pg_|_switchback$)'
UNION ALL
{made}";

/// The marks, in the same snapshot. The first column says that it is none of the things.
const MADE: &str =
    "SELECT 'made', change || ' ' || one, NULL FROM _switchback.step, unnest(made) AS one";
const NO_MARKS: &str = "SELECT NULL, NULL, NULL WHERE false";

/// Reads the part of a schema in a transaction. `marked` says whether there are control tables.
pub(super) fn read(
    client: &mut Client,
    path: &[String],
    scope: &Scope,
    marked: bool,
) -> Result<Part, ChangeError> {
    let mut part = Part {
        prefix: scope.prefix.clone(),
        ..Part::default()
    };
    let mut tables = Vec::new();
    for table in std::iter::once(&scope.table).chain(&scope.also) {
        match oid(client, table)? {
            Some(oid) => tables.push(oid),
            None => part.things.push(Thing {
                name: format!("table {table}"),
                line: format!("no table {table:?}"),
                mine: true,
            }),
        }
    }
    let rows = qualified(client, path, |client| {
        things(client, &tables, scope, marked)
    })?;
    for row in rows {
        // What is gone by now has no definition any more.
        let line = row.get(1).ok_or(ChangeError::Shifting)?;
        match row.get(2) {
            Some(mine) => part.things.push(Thing {
                name: row.get(0).unwrap_or_default().to_owned(),
                line: on_one_line(line),
                mine: mine == "t",
            }),
            None => {
                let (change, one) = line.split_once(' ').unwrap_or((line, ""));
                part.made.push((change.to_owned(), one.to_owned()));
            }
        }
    }
    part.things.sort_by(|a, b| a.line.cmp(&b.line));
    part.things.dedup();
    Ok(part)
}

/// The answer to [`THINGS`]. The connection keeps the question, and the server its plan: planning it
/// takes twice as long as answering it, and each step asks several times.
fn things(
    client: &mut Client,
    tables: &[u32],
    scope: &Scope,
    marked: bool,
) -> Result<Vec<SimpleQueryRow>, ChangeError> {
    const DOING: &str = "reading the change's part of the schema";
    let sql = THINGS.replace("{made}", if marked { MADE } else { NO_MARKS });
    // A pooler may keep what another version of this program has prepared.
    let digest = Digest::of(sql.as_bytes()).hex();
    let name = format!("switchback_things_{}", &digest[..16]);
    let mut ask = |sql: &str| client.simple_query(sql).map_err(at(DOING));
    let kept = format!("SELECT FROM pg_prepared_statements WHERE name = '{name}'");
    if rows(ask(&kept)?).is_empty() {
        ask(&format!("PREPARE {name} (oid[], text[], text) AS {sql}"))?;
    }
    let tables: Vec<String> = tables.iter().map(u32::to_string).collect();
    let columns: Vec<String> = scope.columns.iter().map(|it| literal(it)).collect();
    // Otherwise it is planned anew for each of the first answers.
    let answer = ask(&format!(
        "SET LOCAL plan_cache_mode = force_generic_plan;
         EXECUTE {name} (ARRAY[{}]::oid[], ARRAY[{}]::text[], {});
         SET LOCAL plan_cache_mode TO DEFAULT",
        tables.join(", "),
        columns.join(", "),
        literal(&scope.prefix)
    ))?;
    Ok(rows(answer))
}

fn rows(answer: Vec<SimpleQueryMessage>) -> Vec<SimpleQueryRow> {
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    };
    answer.into_iter().filter_map(row).collect()
}

/// `invalid_name`, and what names with too many parts are: `syntax_error`, and
/// `feature_not_supported` where the first one would be another database.
const NO_NAME: [&str; 3] = ["42602", "42601", "0A000"];

/// The number of a table, by its name as it stands in SQL.
pub(in crate::postgres) fn oid(
    client: &mut Client,
    table: &str,
) -> Result<Option<u32>, ChangeError> {
    let sql = "SELECT to_regclass($1)::oid";
    match client.query_one(sql, &[&table]) {
        Ok(row) => row.try_get(0).map_err(at(sql)),
        // What is no name is no table.
        Err(error) if error.code().is_some_and(|it| NO_NAME.contains(&it.code())) => Ok(None),
        Err(error) => Err(at(sql)(error)),
    }
}

fn on_one_line(text: &str) -> String {
    text.trim_end().replace('\\', "\\\\").replace('\n', "\\n")
}

impl Part {
    /// The lines that are the change's. What is in `now` was made by the step that is under way.
    pub(super) fn text(&self, now: &[String]) -> String {
        let mut text = String::new();
        for thing in &self.things {
            let own = now.contains(&thing.name) || self.is_made_by(&thing.name, true);
            if own || (thing.mine && !self.is_made_by(&thing.name, false)) {
                text.push_str(&thing.line);
                text.push('\n');
            }
        }
        text
    }

    /// The same without what is called so.
    pub(super) fn without(mut self, names: &[String]) -> Self {
        self.things.retain(|thing| !names.contains(&thing.name));
        self
    }

    fn is_made_by(&self, name: &str, own: bool) -> bool {
        self.made.iter().any(|(change, made)| {
            let change_prefix = ChangeId::new(change.as_str()).map(|it| prefix(&it));
            made == name && (change_prefix.as_ref() == Ok(&self.prefix)) == own
        })
    }

    /// What has come to the tables since `before`, and was not made by another change meanwhile.
    pub(super) fn new_since(&self, before: &Part) -> Vec<String> {
        let names = |part: &Part| -> BTreeSet<String> {
            let there = |thing: &&Thing| !thing.line.starts_with("no ");
            let things = part.things.iter().filter(there);
            things.map(|thing| thing.name.clone()).collect()
        };
        let before = names(before);
        names(self)
            .into_iter()
            .filter(|name| !name.starts_with("column ") && !name.starts_with("table "))
            .filter(|name| !before.contains(name) && !self.is_made_by(name, false))
            .collect()
    }
}

/// Something that is named with the prefix, in the scope's tables or anywhere; to find what somebody
/// ran by hand.
pub(super) fn named(client: &mut Client, prefix: &str) -> Result<Option<String>, ChangeError> {
    let sql = "
        SELECT name FROM (
            SELECT relname::text AS name, relnamespace AS schema FROM pg_catalog.pg_class
            WHERE relkind <> 't'
            UNION ALL SELECT proname, pronamespace FROM pg_catalog.pg_proc
            UNION ALL SELECT conname, connamespace FROM pg_catalog.pg_constraint
            UNION ALL SELECT g.tgname, c.relnamespace FROM pg_catalog.pg_trigger g
                JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid WHERE NOT g.tgisinternal
            UNION ALL SELECT a.attname, c.relnamespace FROM pg_catalog.pg_attribute a
                JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
                WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
        ) AS things JOIN pg_catalog.pg_namespace n ON n.oid = things.schema
        WHERE strpos(name, $1) > 0 AND n.nspname !~ '^(pg_|_switchback$)'
        ORDER BY name LIMIT 1";
    let row = client.query_opt(sql, &[&prefix]).map_err(at(sql))?;
    row.map(|row| row.try_get(0).map_err(at(sql))).transpose()
}

/// What is missing in a description and what there is instead, without the bodies of functions.
pub(super) fn difference(expected: &str, found: &str) -> (String, String) {
    marks::difference(expected, found, "\\n", 160)
}
