//! A private PostgreSQL server in a temporary folder: one for each test binary, one database for
//! each test. A server that happens to run on the machine is never used.
//!
//! The server and how it ends is [`switchback_scratch`]'s. Which programs are run is said by
//! variables:
//!
//! - `SWITCHBACK_TEST_PG_BIN`: the folder with `initdb` and `postgres`, instead of the newest
//!   installed.
//! - `SWITCHBACK_TEST_PG_MATRIX`: a folder with one folder for each major version (`12`, `13`, …),
//!   each with `bin/initdb` and `bin/postgres`. Tests that claim something of every version go
//!   through [`matrix`]; without the variable it is the installed version alone.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use switchback_scratch::{Installation, Options, newest};

/// Why there is no server.
#[derive(Debug)]
pub struct NoServer(String);

impl NoServer {
    fn because(error: impl std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        Self(text)
    }
}

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no PostgreSQL server for tests: {}", self.0)
    }
}

impl std::error::Error for NoServer {}

/// A running private server. Dropping it stops the server and removes its data.
#[derive(Debug)]
pub struct Server {
    server: switchback_scratch::Server,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server and waits until it accepts connections.
    ///
    /// # Errors
    /// If there are no binaries (see [`binaries`]), no user to run them as, or the server does not
    /// come up; with the end of its log.
    pub fn start() -> Result<Self, NoServer> {
        Self::start_with(&binaries()?)
    }

    /// The same with the programs in `binaries`; see [`matrix`].
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(binaries: &Path) -> Result<Self, NoServer> {
        let options = Options {
            binaries: Some(binaries.to_owned()),
            ..Options::default()
        }
        // Many tests run at once, and some claim something of a server as it comes.
        .set("max_connections", "200")
        .set("autovacuum", "on")
        .set("jit", "on")
        .set("max_locks_per_transaction", "64");
        Ok(Self {
            server: switchback_scratch::Server::start(&options).map_err(NoServer::because)?,
            databases: AtomicU32::new(0),
        })
    }

    /// The address of a database of this server.
    pub fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// Makes an empty database and gives its address.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn database(&self) -> Result<String, NoServer> {
        self.database_from("template1")
    }

    /// Makes a copy of the database `template`, to which nobody may be connected, and gives its
    /// address.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn database_from(&self, template: &str) -> Result<String, NoServer> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.server
            .create_database(&name, Some(template))
            .map_err(NoServer::because)
    }

    /// The folder with the server's socket, data and log.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Its major version, such as 15.
    pub fn major(&self) -> u32 {
        self.server.version().major()
    }
}

/// The one server of this test binary, started at the first call.
///
/// # Errors
/// As [`Server::start`]; then every call says so.
pub fn server() -> Result<&'static Server, &'static NoServer> {
    static SERVER: OnceLock<Result<Server, NoServer>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref()
}

/// The folder with `initdb` and `postgres`: `SWITCHBACK_TEST_PG_BIN`, or the newest version that is
/// installed ([`switchback_scratch::installed`]).
///
/// # Errors
/// If there is none.
pub fn binaries() -> Result<PathBuf, NoServer> {
    ours().map(|installation| installation.folder)
}

fn ours() -> Result<Installation, NoServer> {
    let Some(folder) = std::env::var_os("SWITCHBACK_TEST_PG_BIN").map(PathBuf::from) else {
        return newest().map_err(|error| {
            let error = NoServer::because(error);
            NoServer(format!(
                "{}; `apt-get install postgresql`, or set SWITCHBACK_TEST_PG_BIN to their folder",
                error.0
            ))
        });
    };
    Installation::at(&folder).ok_or_else(|| {
        let folder = folder.display();
        NoServer(format!(
            "SWITCHBACK_TEST_PG_BIN={folder} has no initdb and postgres that run"
        ))
    })
}

/// Every major version that tests can run on, with the folder of its programs, the oldest first:
/// those in `SWITCHBACK_TEST_PG_MATRIX`, and that of [`binaries`].
///
/// # Errors
/// If [`binaries`] has none, or the variable names a folder without any.
pub fn matrix() -> Result<Vec<(u32, PathBuf)>, NoServer> {
    let ours = ours()?;
    let mut all = vec![(ours.major, ours.folder)];
    if let Some(folder) = std::env::var_os("SWITCHBACK_TEST_PG_MATRIX").map(PathBuf::from) {
        let unread = |what: &str| NoServer(format!("SWITCHBACK_TEST_PG_MATRIX: {what}"));
        let found = fs::read_dir(&folder)
            .map_err(|e| unread(&format!("{}: {e}", folder.display())))?
            .flatten()
            .filter_map(|entry| Installation::at(&entry.path().join("bin")))
            .map(|found| (found.major, found.folder));
        let before = all.len();
        all.extend(found);
        if all.len() == before {
            return Err(unread(&format!("{} has no version", folder.display())));
        }
    }
    // Stable: the system's own comes before another of the same version.
    all.sort_by_key(|(major, _)| *major);
    all.dedup_by_key(|(major, _)| *major);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres::{Client, NoTls};

    #[test]
    fn databases_are_apart_and_copied() {
        let server = server().unwrap();
        let (one, two) = (server.database().unwrap(), server.database().unwrap());
        let mut client = Client::connect(&one, NoTls).unwrap();
        client.batch_execute("CREATE TABLE here (x int)").unwrap();
        let mut other = Client::connect(&two, NoTls).unwrap();
        assert!(other.batch_execute("SELECT * FROM here").is_err());
        drop(client);
        let name = one.rsplit_once('/').unwrap().1;
        let copy = server.database_from(name).unwrap();
        let mut copied = Client::connect(&copy, NoTls).unwrap();
        copied.batch_execute("SELECT * FROM here").unwrap();
    }

    #[test]
    fn every_version_of_the_matrix_starts() {
        let all = matrix().unwrap();
        assert!(all.is_sorted_by_key(|(major, _)| *major));
        assert!(all.iter().any(|(_, folder)| *folder == binaries().unwrap()));
        for (major, folder) in all {
            let server = Server::start_with(&folder).unwrap();
            assert_eq!(server.major(), major);
            let mut client = Client::connect(&server.database().unwrap(), NoTls).unwrap();
            let row = client
                .query_one("SELECT current_setting('server_version_num')::int", &[])
                .unwrap();
            assert_eq!(row.get::<_, i32>(0) / 10_000, i32::try_from(major).unwrap());
        }
    }
}
