//! A running private server.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls, SimpleQueryMessage};

use crate::error::ScratchError;
use crate::installation::{is_complete, newest};
use crate::owner;

/// A server with little memory, whose data need survive our processes and not the machine.
///
/// `dynamic_shared_memory_type`: containers often have a small `/dev/shm`.
/// `max_locks_per_transaction`: whoever drops a big schema in one transaction holds a lock for each
/// of its tables and indexes.
const DEFAULTS: [(&str, &str); 10] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    ("autovacuum", "off"),
    ("jit", "off"),
    ("max_connections", "30"),
    ("max_locks_per_transaction", "512"),
    ("shared_buffers", "32MB"),
    ("dynamic_shared_memory_type", "mmap"),
    ("max_wal_size", "256MB"),
];

/// What makes the server private, or is where it is.
const OURS: [&str; 9] = [
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_permissions",
];

/// A socket's path has at most 107 bytes on Linux and 103 on macOS, and the server adds
/// `/.s.PGSQL.5432` and the folder its own name.
const LONGEST_BASE: usize = 60;

/// How a server is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder with `initdb` and `postgres`; none for [`newest`].
    pub binaries: Option<PathBuf>,
    /// Names and values of further settings of the server, as in `postgresql.conf`. They win over the
    /// defaults, which are for little memory, 30 connections, and no regard for power cuts; automatic
    /// vacuum is off.
    pub settings: Vec<(String, String)>,
    /// How long the server may take until it accepts connections. `initdb` takes one to two seconds
    /// on an idle machine.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            binaries: None,
            settings: Vec::new(),
            deadline: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// The same with one more setting of the server.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// The server's arguments. A later one wins over an earlier one.
    fn arguments(&self) -> Result<Vec<String>, ScratchError> {
        for (name, value) in &self.settings {
            let wrong = |problem| ScratchError::Setting {
                name: name.clone(),
                problem,
            };
            let mut letters = name.chars();
            let is_name = letters
                .next()
                .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && letters.all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
            if !is_name {
                return Err(wrong("is not the name of one"));
            }
            if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
                return Err(wrong("is what keeps the server private"));
            }
            if value.contains(['\0', '\n', '\r']) {
                return Err(wrong("has a value of more than one line"));
            }
        }
        let given = self
            .settings
            .iter()
            .map(|(name, value)| (&**name, &**value));
        let all = DEFAULTS.into_iter().chain(given);
        let all = all.chain([("listen_addresses", ""), ("port", "5432")]);
        Ok(all
            .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")])
            .collect())
    }
}

/// The version of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(
    /// As `server_version_num` has it: 150018 for 15.18.
    pub u32,
);

impl Version {
    /// The major version: 15.
    pub const fn major(self) -> u32 {
        self.0 / 10_000
    }
}

/// A running private server. Dropping it stops the server and removes its data.
#[derive(Debug)]
pub struct Server {
    owner: Child,
    folder: PathBuf,
    version: Version,
    /// `CREATE DATABASE` from one template fails while another does the same.
    creating: Mutex<()>,
}

impl Server {
    /// Starts a server and waits until it accepts connections.
    ///
    /// # Errors
    /// If a setting may not be given, there are no programs, there is no user to run them as, or the
    /// server does not come up; with the end of its log.
    pub fn start(options: &Options) -> Result<Self, ScratchError> {
        let arguments = options.arguments()?;
        let binaries = match &options.binaries {
            Some(folder) if is_complete(folder) => folder.clone(),
            Some(folder) => {
                let folder = folder.clone();
                return Err(ScratchError::NotBinaries { folder });
            }
            None => newest()?.folder,
        };
        // The owner works in another folder.
        let binaries = fs::canonicalize(&binaries)
            .map_err(ScratchError::io("cannot find PostgreSQL's programs"))?;
        let base = std::env::temp_dir();
        let base = if base.as_os_str().len() > LONGEST_BASE {
            PathBuf::from("/tmp")
        } else {
            base
        };
        let folder = tempfile::Builder::new()
            .prefix("switchback-pg-")
            // Whoever reaches the socket is trusted.
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(base)
            .map_err(ScratchError::io("cannot make a temporary folder"))?;
        let owner = owner::start(&binaries, folder.path(), &arguments)?;
        let mut server = Self {
            owner,
            // The owner removes it, because this process may not live to do so.
            folder: folder.keep(),
            version: Version(0),
            creating: Mutex::new(()),
        };
        server.version = server.await_ready(options.deadline)?;
        Ok(server)
    }

    fn await_ready(&self, deadline: Duration) -> Result<Version, ScratchError> {
        let end = Instant::now() + deadline;
        loop {
            // Before the attempt: what has ended later is met by the attempt after it.
            let ended = self.folder.join(owner::ENDED).exists();
            let log = || self.log_end(20);
            match self.connect("postgres") {
                Ok(mut client) => return version(&mut client),
                Err(_) if ended => return Err(ScratchError::Ended { log: log() }),
                Err(source) if Instant::now() > end => {
                    return Err(ScratchError::TooLate {
                        deadline,
                        log: log(),
                        source: Some(source),
                    });
                }
                // Between two looks at the condition.
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn connect(&self, database: &str) -> Result<Client, postgres::Error> {
        Client::connect(&self.url(database), NoTls)
    }

    /// The version that runs.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The address of a database of this server, whether it exists or not.
    pub fn url(&self, database: &str) -> String {
        let socket = escaped(self.folder.as_os_str().as_bytes());
        format!(
            "postgresql://postgres@{socket}/{}",
            escaped(database.as_bytes())
        )
    }

    /// Makes a database, as a copy of `template` or else empty, and gives its address. Nobody may be
    /// connected to the template.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn create_database(
        &self,
        name: &str,
        template: Option<&str>,
    ) -> Result<String, ScratchError> {
        let _one_at_a_time = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        self.run(
            || format!("make the database `{name}`"),
            &format!(
                "CREATE DATABASE {} TEMPLATE {}",
                quoted(name),
                quoted(template.unwrap_or("template1"))
            ),
        )?;
        Ok(self.url(name))
    }

    /// Removes a database, if it is there, and ends the sessions in it.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn drop_database(&self, name: &str) -> Result<(), ScratchError> {
        let what = || format!("remove the database `{name}`");
        // `WITH (FORCE)` came with PostgreSQL 13.
        let text = name.replace('\'', "''");
        self.run(
            what,
            &format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = E'{}'",
                text.replace('\\', "\\\\")
            ),
        )?;
        self.run(what, &format!("DROP DATABASE IF EXISTS {}", quoted(name)))
    }

    fn run(&self, what: impl Fn() -> String, statement: &str) -> Result<(), ScratchError> {
        self.connect("postgres")
            .and_then(|mut client| client.batch_execute(statement))
            .map_err(|source| ScratchError::Refused {
                what: what(),
                source,
            })
    }

    /// The folder with the server's socket, data and log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last lines of what the server has said, at most `lines`.
    pub fn log_end(&self, lines: usize) -> String {
        let log = fs::read(self.folder.join(owner::LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let all: Vec<&str> = log.lines().collect();
        let from = all.len().saturating_sub(lines);
        all.get(from..).unwrap_or_default().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of the pipe is the signal; then the owner needs a moment.
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

fn version(client: &mut Client) -> Result<Version, ScratchError> {
    let refused = |source| ScratchError::Refused {
        what: "say its version".to_owned(),
        source,
    };
    let answer = client
        .simple_query("SHOW server_version_num")
        .map_err(refused)?;
    let number = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    // Every version since 8.2 answers with a number.
    Ok(Version(number.unwrap_or_default()))
}

/// A part of an address, with everything that could mean something there in hexadecimal.
fn escaped(part: &[u8]) -> String {
    let mut text = String::new();
    for byte in part {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
