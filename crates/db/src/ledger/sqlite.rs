//! A ledger in one SQLite file.
//!
//! Write-ahead log with `synchronous=FULL`, so a commit that was acknowledged survives the loss of
//! power. Appends take the write lock first (`BEGIN IMMEDIATE`) and compare the size under it, so
//! any number of processes on one machine are one logical writer. Not for network file systems:
//! SQLite's locks do not hold there.

use std::fs;
use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Transaction, TransactionBehavior};
use switchback_ledger::{Append, FORMAT, NewEntry, Node, RawEntry, Store, StoreError, StoreFault};

/// `SBLG`: marks the file as a Switchback ledger for us and for `file(1)`.
const APPLICATION_ID: i32 = 0x5342_4c47;

const SCHEMA: &str = "
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        size INTEGER NOT NULL
    ) STRICT;
    INSERT INTO head VALUES (1, 0);
    CREATE TABLE entries (
        idx INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        hashes BLOB NOT NULL,
        leaf BLOB NOT NULL,
        payload BLOB
    ) STRICT;
    CREATE TABLE checkpoints (
        position INTEGER PRIMARY KEY,
        note BLOB NOT NULL UNIQUE
    ) STRICT;
";

/// How a file is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How long to wait for another process before the fault is [`StoreFault::Busy`].
    pub busy_timeout: Duration,
    /// Bytes of a page of a new file; a power of two from 512.
    pub page_size: Option<u32>,
    /// Pages that the file may grow to; beyond it the fault is [`StoreFault::DiskFull`].
    pub max_pages: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(10),
            page_size: None,
            max_pages: None,
        }
    }
}

/// A ledger in one SQLite file. One handle is for one thread at a time; open as many as needed.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    place: String,
}

impl SqliteStore {
    /// Opens the ledger at `path` to read and write.
    ///
    /// # Errors
    /// [`StoreFault::Missing`], [`StoreFault::NotALedger`], [`StoreFault::NewerFormat`],
    /// [`StoreFault::Damaged`], [`StoreFault::ReadOnly`], [`StoreFault::Busy`],
    /// [`StoreFault::Denied`], [`StoreFault::Io`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, &SqliteOptions::default())
    }

    /// As [`SqliteStore::open`], with options.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, options)?;
        let read_only = store
            .connection
            .is_readonly("main")
            .map_err(|e| store.error(e))?;
        if read_only {
            return Err(StoreError::new(StoreFault::ReadOnly, store.place));
        }
        store.prepare_to_write(options)?;
        Ok(store)
    }

    /// Opens the ledger at `path` to read only; it may lie on a read-only medium.
    ///
    /// # Errors
    /// As [`SqliteStore::open`], without [`StoreFault::ReadOnly`].
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteOptions::default();
        let opened = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, &options);
        match opened {
            // A write-ahead log needs a file beside the ledger even to read. Where none can be
            // made and there is no log either, nobody is writing and the file alone is all.
            Err(error)
                if matches!(error.fault(), StoreFault::Io | StoreFault::ReadOnly)
                    && !has_log(path) =>
            {
                let uri = immutable_uri(path).ok_or(error)?;
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                let connection = Connection::open_with_flags(uri, flags | NO_MUTEX)
                    .map_err(|e| failure(e, &show(path)))?;
                Self {
                    connection,
                    place: show(path),
                }
                .checked(&options)
            }
            other => other,
        }
    }

    /// Makes a new ledger at `path`, where there is nothing or an empty file.
    ///
    /// # Errors
    /// [`StoreFault::Exists`] if there is a ledger, [`StoreFault::NotALedger`] if there is
    /// something else, [`StoreFault::ReadOnly`], [`StoreFault::DiskFull`], [`StoreFault::Busy`],
    /// [`StoreFault::Denied`], [`StoreFault::Io`].
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        Self::create_with(path, &SqliteOptions::default())
    }

    /// As [`SqliteStore::create`], with options.
    ///
    /// # Errors
    /// As [`SqliteStore::create`].
    pub fn create_with(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        let place = show(path);
        if path.is_dir() {
            return Err(StoreError::new(StoreFault::NotALedger, place));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | NO_MUTEX;
        let mut connection =
            Connection::open_with_flags(path, flags).map_err(|e| failure(e, &place))?;
        make(&mut connection, options, &place)?;
        sync_folder_of(path).map_err(|e| io_failure(e, &place))?;
        let store = Self { connection, place };
        store.prepare_to_write(options)?;
        Ok(store)
    }

    fn connect(path: &Path, flags: OpenFlags, options: &SqliteOptions) -> Result<Self, StoreError> {
        let place = show(path);
        let found = fs::metadata(path).map_err(|e| io_failure(e, &place))?;
        if found.is_dir() {
            return Err(StoreError::new(StoreFault::NotALedger, place));
        }
        // What is left where somebody died before the ledger was made.
        if found.len() == 0 && !has_log(path) {
            return Err(StoreError::new(StoreFault::Missing, place));
        }
        let connection =
            Connection::open_with_flags(path, flags | NO_MUTEX).map_err(|e| failure(e, &place))?;
        Self { connection, place }.checked(options)
    }

    /// Looks whether this is a ledger that this binary knows, before anything is changed.
    fn checked(self, options: &SqliteOptions) -> Result<Self, StoreError> {
        let check = || {
            self.connection.busy_timeout(options.busy_timeout)?;
            self.connection
                .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
            let application: i32 = pragma(&self.connection, "application_id")?;
            let format: u32 = pragma(&self.connection, "user_version")?;
            Ok((application, format))
        };
        match check() {
            Ok((APPLICATION_ID, FORMAT)) => Ok(self),
            Ok((APPLICATION_ID, found)) if found > FORMAT => {
                let fault = StoreFault::NewerFormat {
                    found,
                    known: FORMAT,
                };
                Err(StoreError::new(fault, self.place))
            }
            Ok((APPLICATION_ID, _)) => Err(StoreError::new(StoreFault::Damaged, self.place)),
            Ok(_) => Err(StoreError::new(StoreFault::NotALedger, self.place)),
            Err(error) => Err(self.error(error)),
        }
    }

    fn prepare_to_write(&self, options: &SqliteOptions) -> Result<(), StoreError> {
        let prepare = || {
            self.connection
                // The cache, 32 MiB, is for the index of ids, which appends touch all over.
                .execute_batch(
                    "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
                     PRAGMA cache_size = -32768;",
                )?;
            self.connection
                .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            if let Some(pages) = options.max_pages {
                self.connection.query_row(
                    &format!("PRAGMA max_page_count = {pages}"),
                    [],
                    |_| Ok(()),
                )?;
            }
            Ok(())
        };
        prepare().map_err(|e| self.error(e))
    }

    fn error(&self, error: rusqlite::Error) -> StoreError {
        failure(error, &self.place)
    }

    fn damaged(&self) -> StoreError {
        StoreError::new(StoreFault::Damaged, &self.place)
    }

    fn try_append(&self, expected: u64, batch: &[NewEntry]) -> rusqlite::Result<Append> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        if size(&transaction)? != expected {
            return Ok(Append::Moved);
        }
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO entries (idx, id, hashes, leaf, payload) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for (index, entry) in (expected..).zip(batch) {
                let NewEntry {
                    id,
                    leaf,
                    payload,
                    hashes,
                } = entry;
                insert.execute((signed(index), id, hashes, leaf, payload))?;
            }
        }
        transaction
            .prepare_cached("UPDATE head SET size = ?1")?
            .execute([signed(expected + batch.len() as u64)])?;
        transaction.commit()?;
        Ok(Append::Committed)
    }

    fn try_read(
        &self,
        range: &Range<u64>,
        visit: &mut dyn FnMut(RawEntry<'_>) -> ControlFlow<()>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT idx, id, hashes, leaf, payload FROM entries WHERE idx >= ?1 AND idx < ?2 \
             ORDER BY idx",
        )?;
        let mut rows = statement.query([signed(range.start), signed(range.end)])?;
        while let Some(row) = rows.next()? {
            if visit(entry(row)?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Store for SqliteStore {
    fn size(&self) -> Result<u64, StoreError> {
        size(&self.connection).map_err(|e| self.error(e))
    }

    fn append(&self, expected: u64, batch: &[NewEntry]) -> Result<Append, StoreError> {
        self.try_append(expected, batch).map_err(|e| self.error(e))
    }

    fn find(&self, ids: &[&str]) -> Result<Vec<Option<u64>>, StoreError> {
        let find = || {
            let mut statement = self
                .connection
                .prepare_cached("SELECT idx FROM entries WHERE id = ?1")?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let mut rows = statement.query([id])?;
                found.push(rows.next()?.map(|row| unsigned(row, 0)).transpose()?);
            }
            Ok(found)
        };
        find().map_err(|e| self.error(e))
    }

    fn ids(&self, visit: &mut dyn FnMut(&[u8], u64)) -> Result<(), StoreError> {
        let mut read = || {
            // The index alone, as SQLite goes through it.
            let sql =
                "SELECT id, idx FROM entries INDEXED BY sqlite_autoindex_entries_1 ORDER BY id";
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                visit(text(row, 0)?, unsigned(row, 1)?);
            }
            Ok(())
        };
        read().map_err(|e| self.error(e))
    }

    fn read(
        &self,
        range: Range<u64>,
        visit: &mut dyn FnMut(RawEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.try_read(&range, visit).map_err(|e| self.error(e))
    }

    fn nodes(&self, nodes: &[Node]) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT substr(hashes, 1 + 32 * ?2, 32) FROM entries WHERE idx = ?1")
            .map_err(|e| self.error(e))?;
        let mut hashes = Vec::with_capacity(nodes.len());
        for node in nodes {
            let mut rows = statement
                .query((signed(node.entry), node.level))
                .map_err(|e| self.error(e))?;
            let row = rows
                .next()
                .map_err(|e| self.error(e))?
                .ok_or_else(|| self.damaged())?;
            let hash = row.get_ref(0).map_err(|e| self.error(e))?;
            let hash = hash.as_blob().ok().and_then(|hash| hash.try_into().ok());
            hashes.push(hash.ok_or_else(|| self.damaged())?);
        }
        Ok(hashes)
    }

    fn put_checkpoint(&self, note: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO checkpoints (note) VALUES (?1) ON CONFLICT (note) DO NOTHING";
        self.connection
            .execute(sql, [note])
            .map_err(|e| self.error(e))?;
        Ok(())
    }

    fn checkpoints(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let list = || {
            let mut statement = self
                .connection
                .prepare_cached("SELECT note FROM checkpoints ORDER BY position")?;
            statement
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()
        };
        list().map_err(|e| self.error(e))
    }

    fn erase_payload(&self, index: u64) -> Result<bool, StoreError> {
        let erase = || {
            let sql = "UPDATE entries SET payload = NULL WHERE idx = ?1 AND payload IS NOT NULL";
            let erased = self.connection.execute(sql, [signed(index)])?;
            // Moves it out of the write-ahead log too, unless somebody is reading; then the next
            // checkpoint of the log does.
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(erased > 0)
        };
        erase().map_err(|e| self.error(e))
    }

    /// The quick check: what the full one adds, whether the index has just the ids of the table,
    /// a verification sees from [`Store::ids`] at a fifteenth of the time.
    fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let check = || {
            let mut statement = self.connection.prepare("PRAGMA quick_check(100)")?;
            statement
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<String>>>()
        };
        match check() {
            Ok(lines) if lines == ["ok"] => Ok(Vec::new()),
            Ok(lines) => Ok(lines),
            Err(error) if fault(&error) == StoreFault::Damaged => Ok(vec![error.to_string()]),
            Err(error) => Err(self.error(error)),
        }
    }
}

/// No mutex around a connection: Rust already keeps it to one thread at a time.
const NO_MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// Makes the tables in one transaction, so that a crash leaves a ledger or an empty file.
fn make(
    connection: &mut Connection,
    options: &SqliteOptions,
    place: &str,
) -> Result<(), StoreError> {
    let mut found = None;
    let mut attempt = || {
        connection.busy_timeout(options.busy_timeout)?;
        if let Some(size) = options.page_size {
            connection.pragma_update(None, "page_size", size)?;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let application: i32 = pragma(&transaction, "application_id")?;
        let tables: i64 =
            transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if application == APPLICATION_ID {
            found = Some(StoreFault::Exists);
        } else if application != 0 || tables != 0 {
            found = Some(StoreFault::NotALedger);
        }
        if found.is_some() {
            return Ok(());
        }
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()
    };
    attempt().map_err(|e| failure(e, place))?;
    match found {
        Some(fault) => Err(StoreError::new(fault, place)),
        None => Ok(()),
    }
}

fn size(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT size FROM head WHERE one = 1")?
        .query_row([], |row| unsigned(row, 0))
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn entry<'a>(row: &'a Row<'_>) -> rusqlite::Result<RawEntry<'a>> {
    Ok(RawEntry {
        index: unsigned(row, 0)?,
        id: text(row, 1)?,
        hashes: blob(row, 2)?,
        leaf: blob(row, 3)?,
        payload: match row.get_ref(4)? {
            ValueRef::Null => None,
            _ => Some(blob(row, 4)?),
        },
    })
}

/// A text as it lies there; damaged text need not be UTF-8. Not a blob of the same bytes: SQLite
/// sorts that elsewhere, so an index that holds one does not find it as the text.
fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    match row.get_ref(column)? {
        ValueRef::Text(bytes) => Ok(bytes),
        other => Err(wrong_type(column, other)),
    }
}

fn blob<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(wrong_type(column, other)),
    }
}

fn wrong_type(column: usize, found: ValueRef<'_>) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "entries".to_owned(), found.data_type())
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// SQLite's integers are signed; no ledger gets there.
fn signed(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// Whether there is a write-ahead log with something in it.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0)
}

/// The URI that opens a file which nobody writes.
fn immutable_uri(path: &Path) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let escaped: String = path
        .to_str()?
        .chars()
        .map(|c| match c {
            '%' | '?' | '#' => format!("%{:02x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    Some(format!("file:{escaped}?immutable=1"))
}

/// A new file survives the loss of power only once its folder does.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

fn io_failure(error: io::Error, place: &str) -> StoreError {
    let fault = match error.kind() {
        io::ErrorKind::NotFound => StoreFault::Missing,
        io::ErrorKind::PermissionDenied => StoreFault::Denied,
        io::ErrorKind::ReadOnlyFilesystem => StoreFault::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreFault::DiskFull,
        _ => StoreFault::Io,
    };
    StoreError::new(fault, place).caused_by(error)
}

fn failure(error: rusqlite::Error, place: &str) -> StoreError {
    StoreError::new(fault(&error), place).caused_by(error)
}

/// What SQLite's answer means for a ledger.
fn fault(error: &rusqlite::Error) -> StoreFault {
    use rusqlite::Error as E;
    match error {
        // The shared memory beside the file could not grow.
        E::SqliteFailure(failure, _)
            if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE =>
        {
            StoreFault::DiskFull
        }
        E::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed => StoreFault::Busy,
            ErrorCode::ReadOnly => StoreFault::ReadOnly,
            ErrorCode::DiskFull => StoreFault::DiskFull,
            ErrorCode::PermissionDenied => StoreFault::Denied,
            ErrorCode::NotADatabase => StoreFault::NotALedger,
            // The statements are fixed and the size was compared under the lock: where SQLite
            // finds no table, another type or an id twice, the file is not what was written.
            ErrorCode::DatabaseCorrupt
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::TooBig
            | ErrorCode::Unknown => StoreFault::Damaged,
            _ => StoreFault::Io,
        },
        E::SqlInputError { .. }
        | E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..)
        | E::QueryReturnedNoRows => StoreFault::Damaged,
        _ => StoreFault::Io,
    }
}
