//! A private PostgreSQL server in a temporary folder: one for each test binary, one database for
//! each test. A server that happens to run on the machine is never used.
//!
//! **How it ends.** A static is never dropped in Rust, and a test binary may be killed. So the
//! server is not ours to stop: a small shell script owns it. The script makes the data folder,
//! starts the server, and then reads from a pipe whose other end only this process holds. When
//! this process ends, in whatever way, the pipe ends; the script stops the server by its process
//! id and removes the folder.
//!
//! As root (which PostgreSQL refuses to run as) the script runs as an unprivileged user.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

/// How long the server may take to accept connections. `initdb` takes 1.3 s on an idle machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// `$1`: folder of the binaries, `$2`: the temporary folder.
///
/// `fsync=off` and its kin: the data need not survive the machine, only our own processes.
/// SIGQUIT stops a server at once, together with its children.
const OWNER: &str = r#"
bin=$1; dir=$2; cd "$dir" || exit 1
"$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 ||
    { echo failed >"$dir/failed"; read -r _; rm -rf "$dir"; exit 1; }
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off \
    -c full_page_writes=off -c synchronous_commit=off -c max_connections=200 \
    -c shared_buffers=32MB -c dynamic_shared_memory_type=mmap \
    </dev/null >>"$dir/log" 2>&1 &
server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$dir"
"#;

/// Why there is no server.
#[derive(Debug)]
pub struct NoServer(String);

impl fmt::Display for NoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no PostgreSQL server for tests: {}", self.0)
    }
}

impl std::error::Error for NoServer {}

/// A running private server. Dropping it stops the server and removes its data.
#[derive(Debug)]
pub struct Server {
    owner: Child,
    folder: PathBuf,
    databases: AtomicU32,
    /// `CREATE DATABASE` from one template fails while another does the same.
    creating: Mutex<()>,
}

impl Server {
    /// Starts a server and waits until it accepts connections.
    ///
    /// # Errors
    /// If there are no binaries (see [`binaries`]), no user to run them as, or the server does not
    /// come up; with the end of its log.
    pub fn start() -> Result<Self, NoServer> {
        let binaries = binaries()?;
        let wrong = |what: &'static str| move |e: io::Error| NoServer(format!("{what}: {e}"));
        // A socket's path has at most 107 bytes, so a long TMPDIR will not do.
        let base = std::env::temp_dir();
        let base = if base.as_os_str().len() > 60 {
            PathBuf::from("/tmp")
        } else {
            base
        };
        let folder = tempfile::Builder::new()
            .prefix("switchback-pg-")
            // Whoever reaches the socket is trusted.
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(base)
            .map_err(wrong("no temporary folder"))?
            // The owner removes it, because this process may not live to do so.
            .keep();
        let mut command = match unprivileged()? {
            None => Command::new("sh"),
            Some(user) => {
                chown(&folder, Some(user.uid), Some(user.gid))
                    .map_err(wrong("cannot give the folder away"))?;
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={}", user.uid))
                    .arg(format!("--regid={}", user.gid))
                    .args(["--clear-groups", "--", "sh"]);
                command
            }
        };
        command
            .args(["-c", OWNER, "switchback-postgres-owner"])
            .args([&binaries, &folder])
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of a Ctrl-C, which would kill the owner before it has cleaned up.
            .process_group(0);
        let owner = command.spawn().map_err(wrong("cannot start a shell"))?;
        let server = Self {
            owner,
            folder,
            databases: AtomicU32::new(0),
            creating: Mutex::new(()),
        };
        server.await_ready()?;
        Ok(server)
    }

    fn await_ready(&self) -> Result<(), NoServer> {
        let end = Instant::now() + DEADLINE;
        loop {
            match Client::connect(&self.url("postgres"), NoTls) {
                Ok(_) => return Ok(()),
                Err(error) => {
                    let failed = self.folder.join("failed").exists();
                    if failed || Instant::now() > end {
                        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                        let tail: Vec<&str> = log.lines().rev().take(20).collect();
                        let tail: Vec<&str> = tail.into_iter().rev().collect();
                        return Err(NoServer(format!("{error}\n{}", tail.join("\n"))));
                    }
                }
            }
            // Between two looks at the condition.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address of a database of this server.
    pub fn url(&self, database: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgresql://postgres@{socket}/{database}")
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
        let _one_at_a_time = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let refused = |e: postgres::Error| NoServer(format!("{name}: {e}"));
        Client::connect(&self.url("postgres"), NoTls)
            .and_then(|mut client| {
                client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            })
            .map_err(refused)?;
        Ok(self.url(&name))
    }

    /// The folder with the server's socket, data and log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of the pipe is the signal; then the owner needs a moment.
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
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

/// The folder with `initdb` and `postgres`: `SWITCHBACK_TEST_PG_BIN`, or the newest version in
/// Debian's place, or where `initdb` on the `PATH` leads to.
///
/// # Errors
/// If there is none.
pub fn binaries() -> Result<PathBuf, NoServer> {
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    if let Some(folder) = std::env::var_os("SWITCHBACK_TEST_PG_BIN").map(PathBuf::from) {
        return if complete(&folder) {
            Ok(folder)
        } else {
            let folder = folder.display();
            Err(NoServer(format!(
                "SWITCHBACK_TEST_PG_BIN={folder} has no initdb and postgres"
            )))
        };
    }
    let version = |folder: &PathBuf| {
        folder
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.parse::<u32>().ok())
    };
    let mut installed: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|folder| Some((version(&folder.path())?, folder.path().join("bin"))))
        .filter(|(_, folder)| complete(folder))
        .collect();
    installed.sort();
    if let Some((_, folder)) = installed.pop() {
        return Ok(folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok())
        .filter_map(|initdb| initdb.parent().map(Path::to_path_buf))
        .find(complete)
        .ok_or_else(|| {
            NoServer(
                "initdb and postgres are not installed: `apt-get install postgresql`, or set \
                 SWITCHBACK_TEST_PG_BIN to their folder"
                    .to_owned(),
            )
        })
}

struct User {
    uid: u32,
    gid: u32,
}

/// Whom to run as: nobody else unless we are root.
fn unprivileged() -> Result<Option<User>, NoServer> {
    let failed = |e: io::Error| NoServer(format!("who runs the tests cannot be told: {e}"));
    // The owner of what this process makes is its effective user; std has no `geteuid`.
    let probe = tempfile::tempdir().map_err(failed)?;
    let owner = fs::metadata(probe.path()).map_err(failed)?;
    if std::os::unix::fs::MetadataExt::uid(&owner) != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(failed)?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(User { uid, gid })
        })
    };
    match find("postgres").or_else(|| find("nobody")) {
        Some(user) => Ok(Some(user)),
        None => Err(NoServer(
            "root needs a user `postgres` or `nobody` to run it as".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_apart_and_the_server_leaves_nothing() {
        let server = Server::start().unwrap();
        let folder = server.folder().to_path_buf();
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o077,
            0
        );
        let (one, two) = (server.database().unwrap(), server.database().unwrap());
        let mut client = Client::connect(&one, NoTls).unwrap();
        client.batch_execute("CREATE TABLE here (x int)").unwrap();
        let mut other = Client::connect(&two, NoTls).unwrap();
        assert!(other.batch_execute("SELECT * FROM here").is_err());
        drop(client);
        let copy = server.database_from("test_0").unwrap();
        let mut copied = Client::connect(&copy, NoTls).unwrap();
        copied.batch_execute("SELECT * FROM here").unwrap();

        let pid = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        let process = PathBuf::from("/proc").join(pid.lines().next().unwrap());
        assert!(process.exists());
        drop(server);
        assert!(!process.exists() && !folder.exists());
    }

    /// Run by the next test in a process of its own.
    #[test]
    fn child_holds_a_server() {
        if std::env::var_os("SWITCHBACK_TESTKIT_CHILD").is_none() {
            return;
        }
        println!("\nFOLDER {}", server().unwrap().folder().display());
        // Until it is killed.
        let _ = io::Read::read(&mut io::stdin(), &mut [0]);
    }

    #[test]
    fn a_killed_test_binary_leaves_nothing() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "postgres::tests::child_holds_a_server",
                "--nocapture",
            ])
            .env("SWITCHBACK_TESTKIT_CHILD", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = io::BufReader::new(child.stdout.take().unwrap());
        let folder = io::BufRead::lines(output)
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("FOLDER ").map(PathBuf::from))
            .unwrap();
        assert!(folder.join("data/postmaster.pid").exists());
        child.kill().unwrap();
        child.wait().unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while folder.exists() {
            assert!(
                Instant::now() < end,
                "the server outlived its test binary: {folder:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
