//! A real streaming replica of a private PostgreSQL server.
//!
//! It is made with the server's own functions for backups and a copy of the files, because
//! `pg_basebackup` does not come with every set of programs that tests run on.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

/// Why there is no replica.
#[derive(Debug)]
pub struct NoReplica(String);

impl fmt::Display for NoReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no replica for tests: {}", self.0)
    }
}

impl std::error::Error for NoReplica {}

impl From<io::Error> for NoReplica {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<postgres::Error> for NoReplica {
    fn from(error: postgres::Error) -> Self {
        Self(format!("{error:?}"))
    }
}

const DEADLINE: Duration = Duration::from_secs(60);

/// `$1`: the folder of the programs, `$2`: the replica's folder, then the server's arguments. The end
/// of its input ends it, and the end of the server too.
const OWNER: &str = r#"
bin=$1; dir=$2; shift 2; cd "$dir" || exit 1
"$bin/postgres" -D "$dir/data" -k "$dir" "$@" </dev/null >>"$dir/log" 2>&1 &
pid=$!
read -r _
until ! kill -QUIT "$pid" 2>/dev/null; do sleep 0.02; done
wait
rm -rf "$dir"
"#;

/// What a replica must have as its primary does, and what makes it small.
const LIKE_PRIMARY: [&str; 7] = [
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
    "shared_buffers",
    "dynamic_shared_memory_type",
];

/// What is of the running primary alone.
const NOT_COPIED: [&str; 4] = [
    "postmaster.pid",
    "postmaster.opts",
    "pg_replslot",
    "pg_stat_tmp",
];

/// A replica that streams. Dropping it stops it, at once and without a farewell, and removes its
/// data.
#[derive(Debug)]
pub struct Replica {
    owner: Child,
    folder: PathBuf,
}

impl Replica {
    /// Makes a replica of the server whose folder is `primary`, reached at `url` as a superuser, with
    /// the programs in `binaries`; waits until it answers queries.
    ///
    /// # Errors
    /// If the primary refuses, files cannot be copied, or it does not come up; with its log.
    pub fn start(primary: &Path, url: &str, binaries: &Path) -> Result<Self, NoReplica> {
        let mut client = Client::connect(url, NoTls)?;
        let folder = tempfile::Builder::new()
            .prefix("switchback-replica-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()?;
        let owner = fs::metadata(primary)?;
        let data = folder.path().join("data");
        let label = copy(&mut client, &primary.join("data"), &data)?;
        fs::write(data.join("backup_label"), label)?;
        fs::write(data.join("standby.signal"), "")?;
        let mut settings = fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.auto.conf"))?;
        writeln!(
            settings,
            "primary_conninfo = 'host={} user=postgres application_name=replica'",
            primary.display()
        )?;
        give(folder.path(), &owner)?;

        let mut arguments = vec![
            "-clisten_addresses=".to_owned(),
            "-cfsync=off".to_owned(),
            "-cwal_receiver_status_interval=1".to_owned(),
            "-cwal_retrieve_retry_interval=200ms".to_owned(),
        ];
        for name in LIKE_PRIMARY {
            let row = client.query_one("SELECT current_setting($1)", &[&name])?;
            arguments.push(format!("-c{name}={}", row.get::<_, String>(0)));
        }
        let child = Command::new("/bin/sh")
            .args(["-c", OWNER, "switchback-replica-owner"])
            .args([binaries, folder.path()])
            .args(arguments)
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir("/")
            .uid(owner.uid())
            .gid(owner.gid())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let replica = Self {
            owner: child,
            // The owner removes it.
            folder: folder.keep(),
        };
        let end = Instant::now() + DEADLINE;
        while let Err(error) = Client::connect(&replica.url("postgres"), NoTls) {
            if Instant::now() > end {
                let log = fs::read_to_string(replica.folder.join("log")).unwrap_or_default();
                return Err(NoReplica(format!("{error:?}\n{log}")));
            }
            // Between two looks at the condition.
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(replica)
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgresql://postgres@{socket}/{database}")
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // The end of the pipe is the signal; then the owner needs a moment.
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

/// Copies a running server's data. Gives the label that says where in the log the copy begins.
fn copy(client: &mut Client, from: &Path, to: &Path) -> Result<String, NoReplica> {
    let version = "SELECT current_setting('server_version_num')::int";
    let (start, stop) = match client.query_one(version, &[])?.get::<_, i32>(0) {
        ..150_000 => (
            "SELECT pg_start_backup('replica', true, false)",
            "SELECT labelfile FROM pg_stop_backup(false, false)",
        ),
        _ => (
            "SELECT pg_backup_start('replica', true)",
            "SELECT labelfile FROM pg_backup_stop(false)",
        ),
    };
    client.batch_execute(start)?;
    copy_folder(from, to, &|name| {
        name == "pg_wal" || NOT_COPIED.contains(&name)
    })?;
    let label = client.query_one(stop, &[])?.get(0);
    // The log last: it says what happened while the rest was copied.
    copy_folder(&from.join("pg_wal"), &to.join("pg_wal"), &|_| false)?;
    for name in ["pg_replslot", "pg_stat_tmp"] {
        fs::create_dir(to.join(name))?;
    }
    Ok(label)
}

fn copy_folder(from: &Path, to: &Path, leave: &dyn Fn(&str) -> bool) -> io::Result<()> {
    fs::DirBuilder::new().create(to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(leave) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let copied = match entry.file_type() {
            Ok(kind) if kind.is_dir() => copy_folder(&from, &to, &|_| false),
            Ok(_) => fs::copy(&from, &to).map(|_| ()),
            Err(error) => Err(error),
        };
        match copied {
            // The server may remove files meanwhile, and the log knows.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

/// Everything belongs to the user that the primary runs as.
fn give(path: &Path, owner: &fs::Metadata) -> io::Result<()> {
    chown(path, Some(owner.uid()), Some(owner.gid()))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), owner)?;
        }
    }
    Ok(())
}
