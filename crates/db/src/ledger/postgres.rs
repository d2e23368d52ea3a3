//! A ledger in a PostgreSQL database, in the schema `switchback`.
//!
//! Appends compare the size under the lock of the one row of `switchback.head`, so any number of
//! machines are one logical writer. Statements and lock waits have time-outs.
//!
//! TLS is not available yet. A server on another machine is refused unless the address says
//! `sslmode=disable`, so that nobody sends a ledger in the clear without having said so.
//!
//! Not to be called from asynchronous code: it blocks the thread.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, Config, NoTls};
use switchback_ledger::{Append, FORMAT, NewEntry, Node, RawEntry, Store, StoreError, StoreFault};

use crate::address::{is_exposed, show};

const SCHEMA: &str = "
    CREATE SCHEMA IF NOT EXISTS switchback;
    CREATE TABLE switchback.head (
        one boolean PRIMARY KEY CHECK (one),
        format integer NOT NULL,
        size bigint NOT NULL
    );
    CREATE TABLE switchback.entries (
        idx bigint PRIMARY KEY,
        id text COLLATE \"C\" NOT NULL UNIQUE,
        hashes bytea NOT NULL,
        leaf bytea NOT NULL,
        payload bytea
    );
    CREATE TABLE switchback.checkpoints (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        note bytea NOT NULL UNIQUE
    );
";

/// What every session starts with. A role or database may have set `synchronous_commit` off,
/// which would lose commits that were acknowledged. Every statement has an index to go by, and a
/// verification wants to see what look-ups see; forbidding scans makes plans look dear, and
/// compiling them (about 100 ms) would never pay.
const SESSION: &str = "
    SET statement_timeout = '60s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '60s';
    SET synchronous_commit = on;
    SET enable_seqscan = off;
    SET enable_sort = off;
    SET jit = off;
";

/// Entries fetched at a time while reading.
const CHUNK: i64 = 1024;

/// A ledger in a PostgreSQL database. One handle is for one thread at a time.
pub struct PostgresStore {
    client: RefCell<Client>,
    place: String,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens the ledger in the database at `url`: a URL or `key=value` pairs as libpq has them.
    ///
    /// # Errors
    /// [`StoreFault::Missing`] if there is none, [`StoreFault::NewerFormat`],
    /// [`StoreFault::Damaged`], [`StoreFault::Address`], [`StoreFault::Insecure`],
    /// [`StoreFault::Unreachable`], [`StoreFault::Denied`], [`StoreFault::Busy`].
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let store = Self::session(url)?;
        match store.format()? {
            Some(FORMAT) => Ok(store),
            Some(found) if found > FORMAT => {
                let fault = StoreFault::NewerFormat {
                    found,
                    known: FORMAT,
                };
                Err(StoreError::new(fault, store.place))
            }
            Some(_) => Err(store.damaged()),
            None => Err(StoreError::new(StoreFault::Missing, store.place)),
        }
    }

    /// Makes a new ledger in the database at `url`.
    ///
    /// # Errors
    /// [`StoreFault::Exists`] if there is one, otherwise as [`PostgresStore::connect`].
    pub fn create(url: &str) -> Result<Self, StoreError> {
        let store = Self::session(url)?;
        {
            let mut client = store.client.borrow_mut();
            let mut make = || {
                let mut transaction = client.transaction()?;
                // Two that make it at once would both find it missing; the second waits here.
                transaction.execute(
                    "SELECT pg_advisory_xact_lock(hashtext('switchback.ledger'))",
                    &[],
                )?;
                let there = "SELECT to_regclass('switchback.head') IS NOT NULL";
                if transaction.query_one(there, &[])?.try_get::<_, bool>(0)? {
                    return Ok(false);
                }
                transaction.batch_execute(SCHEMA)?;
                let head = "INSERT INTO switchback.head VALUES (true, $1, 0)";
                transaction.execute(head, &[&i32::try_from(FORMAT).unwrap_or(i32::MAX)])?;
                transaction.commit()?;
                Ok(true)
            };
            if !make().map_err(|e| failure(e, &store.place))? {
                return Err(StoreError::new(StoreFault::Exists, &store.place));
            }
        }
        Ok(store)
    }

    fn session(url: &str) -> Result<Self, StoreError> {
        // Not the address itself: it may hold a password.
        let unread = |e| StoreError::new(StoreFault::Address, "the given address").caused_by(e);
        let mut config: Config = url.parse().map_err(|e: postgres::Error| unread(e))?;
        let place = show(&config);
        if is_exposed(&config) {
            return Err(StoreError::new(StoreFault::Insecure, place));
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(10));
        }
        if config.get_application_name().is_none() {
            config.application_name("switchback");
        }
        let mut client = config.connect(NoTls).map_err(|e| failure(e, &place))?;
        client
            .batch_execute(SESSION)
            .map_err(|e| failure(e, &place))?;
        Ok(Self {
            client: RefCell::new(client),
            place,
        })
    }

    /// The format of the ledger, `None` where there is none.
    fn format(&self) -> Result<Option<u32>, StoreError> {
        let mut client = self.client.borrow_mut();
        let there: bool = client
            .query_one("SELECT to_regclass('switchback.head') IS NOT NULL", &[])
            .and_then(|row| row.try_get(0))
            .map_err(|e| failure(e, &self.place))?;
        if !there {
            return Ok(None);
        }
        let format: i32 = client
            .query_one("SELECT format FROM switchback.head", &[])
            .and_then(|row| row.try_get(0))
            .map_err(|e| failure(e, &self.place))?;
        u32::try_from(format).map(Some).map_err(|_| self.damaged())
    }

    fn damaged(&self) -> StoreError {
        StoreError::new(StoreFault::Damaged, &self.place)
    }

    fn run<T>(
        &self,
        run: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        run(&mut self.client.borrow_mut()).map_err(|e| failure(e, &self.place))
    }
}

impl Store for PostgresStore {
    fn size(&self) -> Result<u64, StoreError> {
        let size: i64 = self.run(|client| {
            client
                .query_one("SELECT size FROM switchback.head", &[])?
                .try_get(0)
        })?;
        u64::try_from(size).map_err(|_| self.damaged())
    }

    fn append(&self, expected: u64, batch: &[NewEntry]) -> Result<Append, StoreError> {
        let first = signed(expected);
        let ids: Vec<&str> = batch.iter().map(|entry| entry.id.as_str()).collect();
        let hashes: Vec<&[u8]> = batch.iter().map(|entry| entry.hashes.as_slice()).collect();
        let leaves: Vec<&[u8]> = batch.iter().map(|entry| entry.leaf.as_slice()).collect();
        let payloads: Vec<&[u8]> = batch.iter().map(|entry| entry.payload.as_slice()).collect();
        self.run(|client| {
            let mut transaction = client.transaction()?;
            let size: i64 = transaction
                .query_one("SELECT size FROM switchback.head FOR UPDATE", &[])?
                .try_get(0)?;
            if size != first {
                return Ok(Append::Moved);
            }
            transaction.execute(
                "INSERT INTO switchback.entries (idx, id, hashes, leaf, payload) \
                 SELECT $1 + place - 1, id, hashes, leaf, payload \
                 FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) \
                 WITH ORDINALITY AS batch (id, hashes, leaf, payload, place)",
                &[&first, &ids, &hashes, &leaves, &payloads],
            )?;
            let after = signed(expected.saturating_add(batch.len() as u64));
            transaction.execute("UPDATE switchback.head SET size = $1", &[&after])?;
            transaction.commit()?;
            Ok(Append::Committed)
        })
    }

    fn find(&self, ids: &[&str]) -> Result<Vec<Option<u64>>, StoreError> {
        let found: Vec<Option<i64>> = self.run(|client| {
            let sql = "SELECT entries.idx FROM unnest($1::text[]) WITH ORDINALITY AS wanted \
                       (id, place) LEFT JOIN switchback.entries USING (id) ORDER BY place";
            client
                .query(sql, &[&ids])?
                .iter()
                .map(|row| row.try_get(0))
                .collect()
        })?;
        let index = |index: i64| u64::try_from(index).map_err(|_| self.damaged());
        found
            .into_iter()
            .map(|found| found.map(index).transpose())
            .collect()
    }

    fn ids(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), StoreError> {
        let mut last = String::new();
        loop {
            let rows = self.run(|client| {
                let sql =
                    "SELECT id, idx FROM switchback.entries WHERE id > $1 ORDER BY id LIMIT $2";
                client.query(sql, &[&last, &CHUNK])
            })?;
            for row in &rows {
                let id: &str = row.try_get(0).map_err(|e| failure(e, &self.place))?;
                let index: i64 = row.try_get(1).map_err(|e| failure(e, &self.place))?;
                visit(
                    id.as_bytes(),
                    u64::try_from(index).map_err(|_| self.damaged())?,
                );
            }
            match rows.last() {
                Some(row) => last = row.try_get(0).map_err(|e| failure(e, &self.place))?,
                None => return Ok(()),
            }
        }
    }

    fn read(
        &self,
        range: Range<u64>,
        visit: &mut dyn FnMut(RawEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let (mut next, end) = (signed(range.start), signed(range.end));
        while next < end {
            // The client is free again while `visit` runs.
            let rows = self.run(|client| {
                let sql = "SELECT idx, id, hashes, leaf, payload FROM switchback.entries \
                           WHERE idx >= $1 AND idx < $2 ORDER BY idx LIMIT $3";
                client.query(sql, &[&next, &end, &CHUNK])
            })?;
            for row in &rows {
                let get = |column| row.try_get(column).map_err(|e| failure(e, &self.place));
                let index: i64 = row.try_get(0).map_err(|e| failure(e, &self.place))?;
                let id: &str = row.try_get(1).map_err(|e| failure(e, &self.place))?;
                let payload: Option<&[u8]> = row.try_get(4).map_err(|e| failure(e, &self.place))?;
                let entry = RawEntry {
                    index: u64::try_from(index).map_err(|_| self.damaged())?,
                    id: id.as_bytes(),
                    hashes: get(2)?,
                    leaf: get(3)?,
                    payload,
                };
                if visit(entry).is_break() {
                    return Ok(());
                }
                next = index.saturating_add(1);
            }
            if i64::try_from(rows.len()).unwrap_or(i64::MAX) < CHUNK {
                break;
            }
        }
        Ok(())
    }

    fn nodes(&self, nodes: &[Node]) -> Result<Vec<[u8; 32]>, StoreError> {
        let entries: Vec<i64> = nodes.iter().map(|node| signed(node.entry)).collect();
        let levels: Vec<i32> = nodes.iter().map(|node| i32::from(node.level)).collect();
        let found: Vec<Option<Vec<u8>>> = self.run(|client| {
            let sql = "SELECT substr(hashes, 1 + 32 * level, 32) \
                       FROM unnest($1::bigint[], $2::integer[]) WITH ORDINALITY AS wanted \
                       (idx, level, place) LEFT JOIN switchback.entries USING (idx) ORDER BY place";
            client
                .query(sql, &[&entries, &levels])?
                .iter()
                .map(|row| row.try_get(0))
                .collect()
        })?;
        let hash = |hash: Option<Vec<u8>>| {
            hash.and_then(|hash| hash.try_into().ok())
                .ok_or_else(|| self.damaged())
        };
        found.into_iter().map(hash).collect()
    }

    fn put_checkpoint(&self, note: &[u8]) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO switchback.checkpoints (note) VALUES ($1) ON CONFLICT (note) DO NOTHING";
        self.run(|client| client.execute(sql, &[&note]))?;
        Ok(())
    }

    fn checkpoints(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.run(|client| {
            let rows = client.query(
                "SELECT note FROM switchback.checkpoints ORDER BY position",
                &[],
            )?;
            rows.iter().map(|row| row.try_get(0)).collect()
        })
    }

    fn erase_payload(&self, index: u64) -> Result<bool, StoreError> {
        let sql = "UPDATE switchback.entries SET payload = NULL \
                   WHERE idx = $1 AND payload IS NOT NULL";
        Ok(self.run(|client| client.execute(sql, &[&signed(index)]))? > 0)
    }

    /// PostgreSQL has no check of its own that a client may ask for; reading finds what its page
    /// checksums find.
    fn integrity(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

/// PostgreSQL's integers are signed; no ledger gets there.
fn signed(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

fn failure(error: postgres::Error, place: &str) -> StoreError {
    StoreError::new(fault(&error), place).caused_by(error)
}

/// What PostgreSQL's answer means for a ledger.
fn fault(error: &postgres::Error) -> StoreFault {
    let Some(code) = error.code() else {
        // Not the server's answer: the connection, or a value that is not what was written.
        let lost = error.is_closed()
            || std::error::Error::source(error).is_none_or(|source| source.is::<std::io::Error>());
        return if lost {
            StoreFault::Unreachable
        } else {
            StoreFault::Damaged
        };
    };
    let table = [
        (SqlState::DISK_FULL, StoreFault::DiskFull),
        (SqlState::READ_ONLY_SQL_TRANSACTION, StoreFault::ReadOnly),
        (SqlState::LOCK_NOT_AVAILABLE, StoreFault::Busy),
        (SqlState::QUERY_CANCELED, StoreFault::Busy),
        (SqlState::T_R_SERIALIZATION_FAILURE, StoreFault::Busy),
        (SqlState::T_R_DEADLOCK_DETECTED, StoreFault::Busy),
        (SqlState::TOO_MANY_CONNECTIONS, StoreFault::Busy),
        (SqlState::INSUFFICIENT_PRIVILEGE, StoreFault::Denied),
        (SqlState::INVALID_CATALOG_NAME, StoreFault::Missing),
    ];
    if let Some((_, fault)) = table.iter().find(|(known, _)| known == code) {
        return *fault;
    }
    match &code.code()[..2] {
        // Connection exceptions and shutdowns.
        "08" | "57" => StoreFault::Unreachable,
        "28" => StoreFault::Denied,
        // A table or column that is not there, a constraint broken, corruption.
        "42" | "23" | "22" | "XX" => StoreFault::Damaged,
        _ => StoreFault::Io,
    }
}
