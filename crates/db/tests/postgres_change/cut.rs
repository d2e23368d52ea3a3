//! A wire between the engine and the server that is cut at a chosen request: right after the server
//! has done it, and before the engine hears of that. So a cut at a `COMMIT` leaves what it
//! committed, and a cut at any other statement of a transaction leaves nothing.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use postgres::Config;
use postgres::config::Host;

/// Connections through a socket of its own to the server of a database.
pub(crate) struct Wire {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    config: Config,
}

struct Shared {
    server: PathBuf,
    /// Requests that write, so far.
    seen: AtomicU32,
    /// The request after which the wire is cut, from 1; 0 for none.
    cut_at: AtomicU32,
    was_cut: AtomicBool,
}

impl Wire {
    pub(crate) fn to(url: &str) -> Self {
        let config: Config = url.parse().unwrap();
        let Some(Host::Unix(folder)) = config.get_hosts().first() else {
            panic!("{url} is no socket")
        };
        let shared = Arc::new(Shared {
            server: folder.join(".s.PGSQL.5432"),
            seen: AtomicU32::new(0),
            cut_at: AtomicU32::new(0),
            was_cut: AtomicBool::new(false),
        });
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.serve(client));
            }
        });
        let mut through = Config::new();
        through
            .host_path(folder.path())
            .user(config.get_user().unwrap())
            .dbname(config.get_dbname().unwrap());
        Self {
            folder,
            shared,
            config: through,
        }
    }

    /// How to connect through the wire, which is cut after the request `number`, counted from 1 and
    /// from now on.
    pub(crate) fn cut_after(&self, number: u32) -> Config {
        assert!(self.folder.path().exists());
        self.shared.seen.store(0, Ordering::SeqCst);
        self.shared.was_cut.store(false, Ordering::SeqCst);
        self.shared.cut_at.store(number, Ordering::SeqCst);
        self.config.clone()
    }

    /// Whether it came to that.
    pub(crate) fn was_cut(&self) -> bool {
        self.shared.was_cut.load(Ordering::SeqCst)
    }
}

/// Reads a message: its kind and all of it. The first one of a connection has no kind.
fn message(from: &mut UnixStream, first: bool) -> io::Result<(u8, Vec<u8>)> {
    let mut bytes = vec![0; if first { 4 } else { 5 }];
    from.read_exact(&mut bytes)?;
    let length = u32::from_be_bytes(bytes[bytes.len() - 4..].try_into().unwrap());
    let head = bytes.len();
    bytes.resize(head + length as usize - 4, 0);
    from.read_exact(&mut bytes[head..])?;
    Ok((if first { 0 } else { bytes[0] }, bytes))
}

/// The text of a simple query, or of one that is prepared.
fn text(kind: u8, message: &[u8]) -> String {
    let mut parts = message[5..].split(|byte| *byte == 0);
    let part = match kind {
        b'P' => parts.nth(1),
        _ => parts.next(),
    };
    String::from_utf8_lossy(part.unwrap_or_default()).into_owned()
}

/// Whether a statement changes something, or ends a transaction.
fn writes(statement: &str) -> bool {
    let statement = statement
        .lines()
        .map(str::trim_start)
        .find(|line| !line.is_empty() && !line.starts_with("--"))
        .unwrap_or_default();
    let reads = [
        "SELECT",
        "SET",
        "BEGIN",
        "ROLLBACK",
        "WITH tables",
        "WITH batch",
    ];
    !reads.iter().any(|it| statement.starts_with(it))
}

impl Shared {
    fn serve(&self, mut client: UnixStream) {
        let mut server = UnixStream::connect(&self.server).unwrap();
        let (_, startup) = message(&mut client, true).unwrap();
        let watch = startup.windows(16).any(|it| it == b"switchback watch");
        server.write_all(&startup).unwrap();
        let cutting = Arc::new(AtomicBool::new(false));
        let answers = {
            let (mut server, mut client) =
                (server.try_clone().unwrap(), client.try_clone().unwrap());
            let cutting = Arc::clone(&cutting);
            thread::spawn(move || {
                // From the server every message has a kind, from the first on.
                while let Ok((kind, bytes)) = message(&mut server, false) {
                    if cutting.load(Ordering::SeqCst) {
                        if kind == b'Z' {
                            break;
                        }
                    } else if client.write_all(&bytes).is_err() {
                        break;
                    }
                }
                let _ = client.shutdown(Shutdown::Both);
                let _ = server.shutdown(Shutdown::Both);
            })
        };
        let mut prepared = String::new();
        let mut request = Vec::new();
        let mut counts = false;
        while let Ok((kind, bytes)) = message(&mut client, false) {
            match kind {
                b'P' => prepared = text(kind, &bytes),
                b'Q' => counts = writes(&text(kind, &bytes)),
                b'E' => counts = writes(&prepared),
                _ => {}
            }
            request.extend(bytes);
            if !matches!(kind, b'Q' | b'S' | b'X' | b'p') {
                continue;
            }
            if std::mem::take(&mut counts) && !watch {
                let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
                if number == self.cut_at.load(Ordering::SeqCst) {
                    cutting.store(true, Ordering::SeqCst);
                    self.was_cut.store(true, Ordering::SeqCst);
                }
            }
            if server.write_all(&request).is_err() {
                break;
            }
            request.clear();
        }
        let _ = server.shutdown(Shutdown::Write);
        let _ = answers.join();
    }
}
