//! Who is in our way and whom we hold up, seen from a second connection.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls, Row};

use super::error::ChangeError;
use crate::postgres::waiters;
use crate::text::{excerpt, seconds};

/// Another session that is in the way, or is held up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its process id; 0 for a prepared transaction, which has no process any more.
    pub pid: i32,
    /// What it calls itself.
    pub application: String,
    /// Its role; empty where this role may not see it.
    pub user: String,
    /// `client backend`, `autovacuum worker` and the like; empty where this role may not see it.
    pub kind: String,
    /// `active`, `idle in transaction` and the like; empty where this role may not see it.
    pub state: String,
    /// Its statement, or its last one if it is idle, cut to a printable length; none where this
    /// role may not see it (`pg_read_all_stats` does).
    pub query: Option<String>,
    /// How long ago that statement began.
    pub query_age: Option<Duration>,
    /// How long ago its transaction began.
    pub transaction_age: Option<Duration>,
    /// The lock that it holds or wants, such as `AccessExclusiveLock`.
    pub mode: Option<String>,
    /// The full name of the table or index that the lock is on.
    pub relation: Option<String>,
    /// How long it has been waiting for us; zero for one that is in our way.
    pub waits: Duration,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("a prepared transaction (see pg_prepared_xacts)");
        }
        write!(f, "session {}", self.pid)?;
        let mut notes = Vec::new();
        if !self.application.is_empty() {
            notes.push(self.application.clone());
        } else if !self.kind.is_empty() && self.kind != "client backend" {
            notes.push(self.kind.clone());
        }
        if !self.user.is_empty() {
            notes.push(format!("role {}", self.user));
        }
        if !self.state.is_empty() {
            notes.push(self.state.clone());
        }
        if let Some(age) = self.transaction_age {
            notes.push(format!("transaction open for {}", seconds(age)));
        }
        if let Some(mode) = &self.mode {
            match &self.relation {
                Some(relation) => notes.push(format!("{mode} on {relation}")),
                None => notes.push(mode.clone()),
            }
        }
        if !notes.is_empty() {
            write!(f, " ({})", notes.join(", "))?;
        }
        match &self.query {
            Some(query) => write!(f, ": {query}"),
            None => Ok(()),
        }
    }
}

/// What is seen at one moment.
#[derive(Debug, Default)]
pub(in crate::postgres) struct Look {
    /// Who is in our way.
    pub(in crate::postgres) blocked_by: Vec<Peer>,
    /// Whom we hold up, directly or through others.
    pub(in crate::postgres) holds_up: Vec<Peer>,
    /// The longest that a query of an application has waited for us.
    pub(in crate::postgres) application_waits: Duration,
}

/// The second connection.
pub(in crate::postgres) struct Watch {
    config: Config,
    client: Option<Client>,
    version: u32,
    /// Since when each session has been seen waiting for us.
    since: HashMap<i32, Instant>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

const SESSION: &str = "
    SET search_path = '';
    SET statement_timeout = '5s';
    SET lock_timeout = '1s';
    SET idle_in_transaction_session_timeout = '10s';
    SET jit = off";

/// `$1` are sessions, `$2` is ours. What a session in our way holds is looked for by the lock that
/// we want; what one that waits wants is the lock that it was not given.
const PEERS: &str = "
    WITH locks AS MATERIALIZED (
        SELECT * FROM pg_catalog.pg_locks WHERE pid = ANY ($1) OR pid = $2
    ), wanted AS (
        SELECT * FROM locks WHERE pid = $2 AND NOT granted LIMIT 1
    )
    SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''),
        coalesce(a.backend_type, ''), coalesce(a.state, ''),
        CASE WHEN a.query <> '<insufficient privilege>' THEN nullif(left(a.query, 400), '') END,
        (extract(epoch FROM clock_timestamp() - a.query_start) * 1000)::bigint,
        (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint,
        coalesce(wants.mode, held.mode),
        coalesce(CASE WHEN wants.locktype IS NOT NULL THEN wants.relation ELSE held.relation END,
            tuple.relation)::regclass::text,
        wants.locktype,
        {waits}
    FROM pg_catalog.pg_stat_activity AS a
    LEFT JOIN LATERAL (
        SELECT * FROM locks WHERE locks.pid = a.pid AND NOT granted LIMIT 1) AS wants ON true
    LEFT JOIN LATERAL (
        SELECT h.mode, CASE WHEN h.database = (SELECT oid FROM pg_catalog.pg_database
                WHERE datname = current_database()) THEN h.relation END AS relation
        FROM locks AS h, wanted AS w
        WHERE h.pid = a.pid AND h.locktype = w.locktype
            AND h.database IS NOT DISTINCT FROM w.database
            AND h.relation IS NOT DISTINCT FROM w.relation
            AND h.page IS NOT DISTINCT FROM w.page AND h.tuple IS NOT DISTINCT FROM w.tuple
            AND h.virtualxid IS NOT DISTINCT FROM w.virtualxid
            AND h.transactionid IS NOT DISTINCT FROM w.transactionid
            AND h.classid IS NOT DISTINCT FROM w.classid
            AND h.objid IS NOT DISTINCT FROM w.objid
            AND h.objsubid IS NOT DISTINCT FROM w.objsubid
        ORDER BY h.granted DESC, array_position(ARRAY['AccessExclusiveLock', 'ExclusiveLock',
            'ShareRowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock', 'RowExclusiveLock',
            'RowShareLock', 'AccessShareLock'], h.mode)
        LIMIT 1) AS held ON true
    LEFT JOIN LATERAL (
        -- Who waits for another transaction's row says which by a lock on the row.
        SELECT t.relation FROM locks AS t, wanted AS w
        WHERE t.pid = $2 AND t.locktype = 'tuple' AND t.granted AND w.locktype = 'transactionid'
        LIMIT 1) AS tuple ON true
    WHERE a.pid = ANY ($1)
    ORDER BY a.xact_start, a.pid";

/// From this version on the server says since when a lock is waited for.
const SAYS_SINCE: u32 = 140_000;

impl Watch {
    pub(in crate::postgres) fn new(config: &Config, version: u32) -> Self {
        let mut config = config.clone();
        config.application_name("switchback watch");
        Self {
            config,
            client: None,
            version,
            since: HashMap::new(),
        }
    }

    /// Connects, so that there is a watch from the first moment on.
    pub(in crate::postgres) fn ready(&mut self) -> Result<(), postgres::Error> {
        self.since.clear();
        if self.client.as_ref().is_none_or(Client::is_closed) {
            let mut client = self.config.connect(NoTls)?;
            client.batch_execute(SESSION)?;
            self.client = Some(client);
        }
        Ok(())
    }

    /// Looks who is in the way of the session `pid` and whom it holds up. A watch that fails sees
    /// nothing this time; the session that it watches has time-outs of its own.
    pub(in crate::postgres) fn look(&mut self, pid: i32) -> Look {
        match self.try_look(pid) {
            Ok(look) => look,
            Err(_) => {
                self.client = None;
                Look::default()
            }
        }
    }

    fn try_look(&mut self, pid: i32) -> Result<Look, postgres::Error> {
        if self.client.is_none() {
            self.ready()?;
        }
        let Some(client) = &mut self.client else {
            return Ok(Look::default());
        };
        let edges = waiters::edges(&client.query(waiters::EDGES, &[])?)?;
        let mut before: Vec<i32> = edges.get(&pid).cloned().unwrap_or_default();
        before.sort_unstable();
        before.dedup();
        let behind = waiters::held_up(&edges, &[pid]);
        self.since.retain(|it, _| behind.contains(it));
        for it in &behind {
            self.since.entry(*it).or_insert_with(Instant::now);
        }
        if before.is_empty() && behind.is_empty() {
            return Ok(Look::default());
        }
        let waits = if self.version >= SAYS_SINCE {
            "(extract(epoch FROM clock_timestamp() - wants.waitstart) * 1000)::bigint"
        } else {
            "NULL::bigint"
        };
        let sql = PEERS.replace("{waits}", waits);
        let all: Vec<i32> = before.iter().chain(&behind).copied().collect();
        let mut look = Look::default();
        for row in client.query(&sql, &[&all, &pid])? {
            let (mut peer, locktype) = peer(&row)?;
            if behind.contains(&peer.pid) {
                let seen = self.since.get(&peer.pid).map(Instant::elapsed);
                // Who waits for us through others may have waited for them before.
                let directly = edges.get(&peer.pid).is_some_and(|by| by.contains(&pid));
                let told = if directly { peer.waits } else { Duration::ZERO };
                peer.waits = told.max(seen.unwrap_or_default());
                if is_application(&peer, locktype.as_deref()) {
                    look.application_waits = look.application_waits.max(peer.waits);
                }
                look.holds_up.push(peer.clone());
            }
            if before.contains(&peer.pid) {
                peer.waits = Duration::ZERO;
                look.blocked_by.push(peer);
            }
        }
        if before.contains(&0) {
            look.blocked_by.push(prepared());
        }
        Ok(look)
    }

    /// Cancels what the session `pid` is doing. It hears of it at once, or is idle and does not care.
    pub(in crate::postgres) fn cancel(&mut self, pid: i32) -> bool {
        let asked = match &mut self.client {
            Some(client) => client
                .query_one("SELECT pg_catalog.pg_cancel_backend($1)", &[&pid])
                .is_ok(),
            None => false,
        };
        if !asked {
            self.client = None;
        }
        asked
    }
}

fn peer(row: &Row) -> Result<(Peer, Option<String>), postgres::Error> {
    let length = |column: usize| -> Result<Option<Duration>, postgres::Error> {
        let found: Option<i64> = row.try_get(column)?;
        Ok(found.map(|it| Duration::from_millis(u64::try_from(it).unwrap_or(0))))
    };
    let query: Option<String> = row.try_get(5)?;
    Ok((
        Peer {
            pid: row.try_get(0)?,
            application: row.try_get(1)?,
            user: row.try_get(2)?,
            kind: row.try_get(3)?,
            state: row.try_get(4)?,
            query: query.map(|it| excerpt(&it)),
            query_age: length(6)?,
            transaction_age: length(7)?,
            mode: row.try_get(8)?,
            relation: row.try_get(9)?,
            waits: length(11)?.unwrap_or_default(),
        },
        row.try_get(10)?,
    ))
}

fn prepared() -> Peer {
    Peer {
        pid: 0,
        application: String::new(),
        user: String::new(),
        kind: String::new(),
        state: String::new(),
        query: None,
        query_age: None,
        transaction_age: None,
        mode: None,
        relation: None,
        waits: Duration::ZERO,
    }
}

/// Whether somebody who waits is a query of an application: one that reads or writes rows. Who
/// changes schemas, vacuums or waits for our own marks can wait; who waits behind *them* counts.
fn is_application(peer: &Peer, locktype: Option<&str>) -> bool {
    const ROWS: [&str; 3] = ["AccessShareLock", "RowShareLock", "RowExclusiveLock"];
    if !matches!(peer.kind.as_str(), "" | "client backend") {
        return false;
    }
    match locktype {
        Some("relation") => peer
            .mode
            .as_deref()
            .is_some_and(|mode| ROWS.contains(&mode)),
        Some("transactionid" | "tuple" | "page" | "extend") => true,
        _ => false,
    }
}

/// The connection for a watch could not be made.
pub(in crate::postgres) fn no_watch(place: &str) -> impl Fn(postgres::Error) -> ChangeError + '_ {
    move |source| ChangeError::Unreachable {
        place: place.to_owned(),
        source,
    }
}
