//! What a server says about who uses a table: the statements that were executed
//! (`pg_stat_statements`), those that run now, and the views and functions in the catalog.
//!
//! What the server cannot or may not say is part of the answer. Its own words:
//! <https://www.postgresql.org/docs/current/pgstatstatements.html>.
//!
//! Deliberately absent: judging statements; see `switchback_migration::reads`.

use std::time::Duration;

use postgres::Config;
use switchback_migration::reads::guard::{Body, Entry, Statistics, Told, Unseen, several};
use switchback_migration::sql::ir::Name;
use switchback_model::Timestamp;

use super::error::PgError;
use super::session::{Session, literal, name};

/// Asks about columns of a table, or the whole table where there are none: `tables` are the table and
/// those through which its rows are read, such as its partitions. What has `own` in its name belongs
/// to the change itself and is left out.
///
/// # Errors
/// If a question is refused for another reason than a missing extension or right, or the connection
/// is lost.
pub fn read(
    session: &mut Session,
    tables: &[Name],
    columns: &[String],
    own: &str,
) -> Result<Told, PgError> {
    let mut told = Told::default();
    let settings = Settings::read(session)?;
    statistics(session, &settings, &mut told)?;
    running(session, &mut told)?;
    replicas(session, &mut told)?;
    dependents(session, tables, columns, own, &mut told)?;
    bodies(session, tables, own, &mut told)?;
    publications(session, tables, columns, &mut told)?;
    if told.statistics.is_some() && settings.is("pg_stat_statements.track", "top") {
        dynamic(&mut told);
    }
    Ok(told)
}

/// Settings by name; one that is not there belongs to what is not loaded or not known yet.
struct Settings(Vec<(String, String)>);

impl Settings {
    fn read(session: &mut Session) -> Result<Self, PgError> {
        let rows = session.rows(
            "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN \
             ('pg_stat_statements.max', 'pg_stat_statements.track', \
             'pg_stat_statements.track_utility', 'compute_query_id', 'track_activity_query_size')",
        )?;
        let all = rows.iter().map(|row| (row.text(0), row.text(1))).collect();
        Ok(Self(all))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }
}

/// What an extension that is there and not loaded answers.
const NOT_LOADED: &str = "55000";
/// What somebody without the right is told.
const HIDDEN: &str = "<insufficient privilege>";
/// What gives the right.
const MAY_SEE: &str = "grant pg_read_all_stats to the role that Switchback connects as";

/// What the extension says of the statements that were executed.
struct Counted {
    /// Its schema, in the form of SQL.
    schema: String,
    has_info: bool,
    entries: Vec<Entry>,
}

/// The statements of this database; none where the extension is absent or not loaded. After the
/// latter a transaction takes nothing more.
fn counted(session: &mut Session, unseen: &mut Vec<Unseen>) -> Result<Option<Counted>, PgError> {
    let found = session.rows(
        "SELECT n.nspname, s.oid, to_regclass(format('%I.%I', n.nspname, 'pg_stat_statements_info')) \
             IS NOT NULL, \
             EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = s.oid \
                 AND a.attname = 'toplevel') \
         FROM pg_catalog.pg_extension e \
         JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace \
         JOIN pg_catalog.pg_class s ON s.relnamespace = n.oid AND s.relname = 'pg_stat_statements' \
         WHERE e.extname = 'pg_stat_statements'",
    )?;
    let Some(extension) = found.first() else {
        unseen.push(Unseen::new(
            "which statements are executed: the extension pg_stat_statements is not in this database",
            "add it to shared_preload_libraries, restart, and CREATE EXTENSION pg_stat_statements",
        ));
        return Ok(None);
    };
    let schema = name(&extension.text(0));
    let (has_info, has_level) = (extension.text(2) == "t", extension.text(3) == "t");
    let level = if has_level { "s.toplevel::text" } else { "''" };
    // `max` is known as a setting of the library only once it is loaded.
    let rows = session.rows(&format!(
        "SELECT concat_ws('/', s.userid, s.queryid, {level}), pg_catalog.pg_get_userbyid(s.userid), \
             s.query, s.calls, s.queryid IS NULL \
         FROM {schema}.pg_stat_statements s JOIN pg_catalog.pg_database d ON d.oid = s.dbid \
         WHERE d.datname = current_database()"
    ));
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) if error.refusal().is_some_and(|it| it.code == NOT_LOADED) => {
            unseen.push(Unseen::new(
                "which statements are executed: pg_stat_statements is not loaded",
                "add it to shared_preload_libraries and restart",
            ));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    let (mut hidden, mut lost) = (0, 0);
    for row in rows {
        match row.get(2) {
            _ if row.text(4) == "t" => hidden += 1,
            Some(HIDDEN) => hidden += 1,
            None => lost += 1,
            Some(text) => entries.push(Entry {
                key: row.text(0),
                role: row.text(1),
                text: text.to_owned(),
                calls: row.text(3).parse().unwrap_or(LARGEST).min(LARGEST),
            }),
        }
    }
    if hidden > 0 {
        let what = several(hidden, "statement");
        unseen.push(Unseen::new(
            format!("the text of {what} of other roles"),
            MAY_SEE,
        ));
    }
    if lost > 0 {
        let what = several(lost, "statement");
        unseen.push(Unseen::new(
            format!("the text of {what}, which the server has lost"),
            "SELECT pg_stat_statements_reset(), and wait for the window",
        ));
    }
    Ok(Some(Counted {
        schema,
        has_info,
        entries,
    }))
}

fn statistics(session: &mut Session, settings: &Settings, told: &mut Told) -> Result<(), PgError> {
    let Some(counted) = counted(session, &mut told.unseen)? else {
        return Ok(());
    };
    let schema = &counted.schema;
    let moment = session.rows(&format!(
        "SELECT {}, (SELECT count(*) FROM {schema}.pg_stat_statements(false))",
        millis("clock_timestamp()")
    ))?;
    let number = |text: String| text.parse::<i64>().ok();
    let first = moment.first();
    let taken = first.and_then(|row| number(row.text(0)));
    let taken = taken.ok_or(PgError::Unexpected {
        question: "SELECT clock_timestamp()",
    })?;
    let filled = first
        .and_then(|row| number(row.text(1)))
        .unwrap_or(i64::MAX);
    let most = settings
        .get("pg_stat_statements.max")
        .and_then(|it| it.parse::<i64>().ok());
    let info = if counted.has_info {
        session.rows(&format!(
            "SELECT {}, dealloc FROM {schema}.pg_stat_statements_info",
            millis("stats_reset")
        ))?
    } else {
        Vec::new()
    };
    let info = info.first();
    told.statistics = Some(Statistics {
        taken: Timestamp::from_millis(taken),
        reset: info
            .and_then(|row| number(row.text(0)))
            .map(Timestamp::from_millis),
        evictions: info.and_then(|row| row.text(1).parse().ok()),
        // A twentieth of the entries goes at once, and only when all are taken.
        has_room: most.is_some_and(|most| filled.saturating_mul(10) < most.saturating_mul(9)),
        timeline: timeline(session)?,
        entries: counted.entries,
    });
    tracking(session, settings, &mut told.unseen)
}

/// What was executed in a database.
#[derive(Debug, Default)]
pub struct Executed {
    /// The statements; none where nothing counts them.
    pub entries: Option<Vec<Entry>>,
    /// What the database cannot or may not say.
    pub unseen: Vec<Unseen>,
}

/// Asks the database of a URL what was executed in it. It may be one that people depend on: there is
/// one transaction, which may not write and in which no question lasts, and nothing else is set.
///
/// # Errors
/// If the URL cannot be read or would send a password in the clear, nothing answers, a question is
/// refused for another reason than a missing extension, or it takes longer than it may.
pub fn executed(url: &str) -> Result<Executed, PgError> {
    let mut config = url
        .parse::<Config>()
        .map_err(|source| PgError::Address { source })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(10));
    }
    let mut session = Session::open(config)?;
    session.reading(|session| {
        session.run("SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '5s'")?;
        let mut executed = Executed::default();
        let settings = Settings::read(session)?;
        if let Some(counted) = counted(session, &mut executed.unseen)? {
            executed.entries = Some(counted.entries);
            tracking(session, &settings, &mut executed.unseen)?;
        }
        Ok(executed)
    })
}

/// The largest whole number that JSON keeps everywhere.
const LARGEST: u64 = (1 << 53) - 1;

fn millis(moment: &str) -> String {
    format!("(extract(epoch FROM {moment}) * 1000)::bigint")
}

/// The server's timeline: one that takes over from another begins a new one.
fn timeline(session: &mut Session) -> Result<String, PgError> {
    let answer = session
        .rows("SELECT substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8)");
    match answer {
        Ok(rows) => Ok(rows.first().map(|row| row.text(0)).unwrap_or_default()),
        // Not everything that speaks PostgreSQL keeps one.
        Err(PgError::Refused(_)) => Ok("unknown".to_owned()),
        Err(error) => Err(error),
    }
}

/// Whether everything is counted.
fn tracking(
    session: &mut Session,
    settings: &Settings,
    unseen: &mut Vec<Unseen>,
) -> Result<(), PgError> {
    let mut not = |what: &str, way_out: &str| unseen.push(Unseen::new(what, way_out));
    if settings.is("pg_stat_statements.track", "none") {
        not(
            "any statement: pg_stat_statements.track is none",
            "set pg_stat_statements.track to top or all",
        );
    }
    if settings.is("compute_query_id", "off") {
        not(
            "any statement: compute_query_id is off",
            "set compute_query_id to auto",
        );
    }
    if settings.is("pg_stat_statements.track_utility", "off") {
        not(
            "COPY, cursors and the like: pg_stat_statements.track_utility is off",
            "set pg_stat_statements.track_utility to on",
        );
    }
    let exceptions = session.rows(
        "SELECT coalesce(r.rolname, 'every role'), c.one FROM pg_catalog.pg_db_role_setting s \
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole \
         CROSS JOIN LATERAL unnest(s.setconfig) AS c (one) \
         WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database \
             WHERE datname = current_database())) \
         AND c.one IN ('pg_stat_statements.track=none', 'compute_query_id=off', \
             'pg_stat_statements.track_utility=off')",
    )?;
    for row in exceptions {
        let (who, what) = (row.text(0), row.text(1));
        not(
            &format!("statements of {who}: there {what}"),
            "take that setting back",
        );
    }
    Ok(())
}

fn running(session: &mut Session, told: &mut Told) -> Result<(), PgError> {
    let rows = session.rows(
        "SELECT coalesce(usename, '?'), query FROM pg_catalog.pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND backend_type = 'client backend' AND state IS DISTINCT FROM 'idle' AND query <> ''",
    )?;
    let mut hidden = 0;
    for row in rows {
        match row.text(1) {
            text if text == HIDDEN => hidden += 1,
            text => told.running.push((row.text(0), text)),
        }
    }
    if hidden > 0 {
        let what = several(hidden, "session");
        told.unseen.push(Unseen::new(
            format!("what {what} of other roles run now"),
            MAY_SEE,
        ));
    }
    Ok(())
}

fn replicas(session: &mut Session, told: &mut Told) -> Result<(), PgError> {
    let rows = session.rows(
        "SELECT count(*) FROM pg_catalog.pg_stat_replication r \
         WHERE r.state IS DISTINCT FROM 'backup' AND NOT EXISTS (SELECT \
             FROM pg_catalog.pg_replication_slots s \
             WHERE s.active_pid = r.pid AND s.slot_type = 'logical')",
    )?;
    let number = rows.first().and_then(|row| row.text(0).parse().ok());
    match number {
        Some(0) | None => {}
        Some(number) => {
            let what = several(number, "replica");
            told.unseen.push(Unseen::new(
                format!("what is read from {what}, which count for themselves"),
                "give the log of each with --query-log, or say why nothing there matters",
            ));
        }
    }
    Ok(())
}

/// The numbers of tables, as a list of expressions; NULL for one that is not there.
fn numbers_of(tables: &[Name]) -> String {
    let number = |table: &Name| {
        let full = match &table.schema {
            Some(schema) => format!("{}.{}", name(schema), name(&table.name)),
            None => name(&table.name),
        };
        format!("pg_catalog.to_regclass({})", literal(&full))
    };
    let all: Vec<String> = tables.iter().map(number).collect();
    format!("({})", all.join(", "))
}

fn dependents(
    session: &mut Session,
    tables: &[Name],
    columns: &[String],
    own: &str,
    told: &mut Told,
) -> Result<(), PgError> {
    let of = numbers_of(tables);
    let places = if columns.is_empty() {
        String::new()
    } else {
        let names: Vec<_> = columns.iter().map(|it| literal(it)).collect();
        format!(
            "AND d.refobjsubid IN (SELECT attnum FROM pg_catalog.pg_attribute \
             WHERE attrelid = d.refobjid AND attname IN ({}))",
            names.join(", ")
        )
    };
    let rows = session.rows(&format!(
        "SELECT DISTINCT CASE WHEN w.oid IS NULL OR w.rulename <> '_RETURN' \
             THEN pg_catalog.pg_describe_object(d.classid, d.objid, 0) \
             ELSE 'view ' || w.ev_class::regclass END \
         FROM pg_catalog.pg_depend d \
         LEFT JOIN pg_catalog.pg_rewrite w ON d.classid = 'pg_catalog.pg_rewrite'::regclass \
             AND w.oid = d.objid \
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid IN {of} {places} \
         AND (d.classid IN ('pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_proc'::regclass) \
             OR d.refobjsubid > 0 AND d.classid IN ('pg_catalog.pg_policy'::regclass, \
             'pg_catalog.pg_trigger'::regclass)) \
         ORDER BY 1"
    ))?;
    let mine = |what: &String| own.is_empty() || !what.contains(own);
    let whole = columns.is_empty();
    told.dependents = rows
        .iter()
        .map(|row| row.text(0))
        // Policies and triggers of a table go with it.
        .filter(|what| !whole || !what.starts_with("policy ") && !what.starts_with("trigger "))
        .filter(mine)
        .collect();
    Ok(())
}

fn bodies(
    session: &mut Session,
    tables: &[Name],
    own: &str,
    told: &mut Told,
) -> Result<(), PgError> {
    let of = numbers_of(tables);
    let rows = session.rows(&format!(
        "SELECT n.nspname, p.proname, p.prosrc, EXISTS (SELECT FROM pg_catalog.pg_trigger t \
             WHERE t.tgfoid = p.oid AND t.tgrelid IN {of}) \
         FROM pg_catalog.pg_proc p \
         JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
         WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') \
         AND l.lanname NOT IN ('internal', 'c') AND p.prosrc <> '' \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d \
             WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid \
             AND d.deptype = 'e') ORDER BY 1, 2"
    ))?;
    told.bodies = rows
        .iter()
        .filter(|row| own.is_empty() || !row.text(1).contains(own))
        .map(|row| Body {
            what: format!("function {}", Name::qualified(row.text(0), row.text(1))),
            text: row.text(2),
            on_table: row.text(3) == "t",
        })
        .collect();
    Ok(())
}

/// Subscribers get rows with the names of their columns, and fail where a name is not theirs.
fn publications(
    session: &mut Session,
    tables: &[Name],
    columns: &[String],
    told: &mut Told,
) -> Result<(), PgError> {
    let names: Vec<_> = columns.iter().map(|it| literal(it)).collect();
    // Columns are listed from 15 on; before it is always all of them.
    let listed = if columns.is_empty() || session.version() < 150_000 {
        String::new()
    } else {
        format!("AND p.attnames && ARRAY[{}]::name[]", names.join(", "))
    };
    let rows = session.rows(&format!(
        "SELECT DISTINCT p.pubname FROM pg_catalog.pg_publication_tables p \
         WHERE pg_catalog.to_regclass(format('%I.%I', p.schemaname, p.tablename)) IN {} {listed} \
         ORDER BY 1",
        numbers_of(tables)
    ))?;
    told.unseen.extend(rows.iter().map(|row| {
        let what = format!(
            "what subscribers of the publication {} do with it",
            row.text(0)
        );
        Unseen::new(what, "see to it that subscribers have the new shape first")
    }));
    Ok(())
}

/// Where only statements at top level are counted, what a function makes while it runs is not.
fn dynamic(told: &mut Told) {
    let builds = |body: &&Body| {
        let mut words = body
            .text
            .split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.any(|word| word.eq_ignore_ascii_case("execute"))
    };
    let all: Vec<String> = told
        .bodies
        .iter()
        .filter(builds)
        .map(|body| body.what.clone())
        .collect();
    if !all.is_empty() {
        told.unseen.push(Unseen::new(
            format!(
                "the statements that these make while they run: {}",
                all.join(", ")
            ),
            "set pg_stat_statements.track to all, and wait for the window",
        ));
    }
}
