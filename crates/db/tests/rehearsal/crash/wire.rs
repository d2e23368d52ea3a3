//! A wire between the engine and the server that is cut at a chosen request. A cut at a `COMMIT`
//! leaves what it committed once the server has it, and a cut at any other statement of a
//! transaction leaves nothing.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use postgres::Config;
use postgres::config::Host;

/// How a wire is cut at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never gets it.
    Before,
    /// The engine is gone while the server is at it, and the server does it to the end.
    Midway,
    /// The server has done it, and the engine does not hear of that.
    After,
}

/// Connections through a socket of its own to the server of a database.
pub(crate) struct Wire {
    _folder: tempfile::TempDir,
    engine: Arc<Mutex<Arc<Engine>>>,
    config: Config,
}

/// What goes over the wire for one engine.
pub(crate) struct Engine {
    /// Requests that write, so far.
    seen: AtomicU32,
    /// The request at which the wire is cut, from 1.
    cut: Option<(u32, Cut)>,
    was_cut: AtomicBool,
}

impl Engine {
    /// How many requests that write there were.
    pub(crate) fn seen(&self) -> u32 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Whether the wire was cut.
    pub(crate) fn was_cut(&self) -> bool {
        self.was_cut.load(Ordering::SeqCst)
    }
}

impl Wire {
    pub(crate) fn to(url: &str) -> Self {
        let config: Config = url.parse().unwrap();
        let Some(Host::Unix(folder)) = config.get_hosts().first() else {
            panic!("{url} is no socket")
        };
        let server = folder.join(".s.PGSQL.5432");
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let engine = Arc::new(Mutex::new(Arc::new(Engine::new(None))));
        let current = Arc::clone(&engine);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let current = current.lock().unwrap_or_else(PoisonError::into_inner);
                let (engine, to) = (Arc::clone(&current), server.clone());
                thread::spawn(move || engine.serve(client, &to));
            }
        });
        let mut through = Config::new();
        through
            .host_path(folder.path())
            .user(config.get_user().unwrap())
            .dbname(config.get_dbname().unwrap());
        Self {
            _folder: folder,
            engine,
            config: through,
        }
    }

    /// How the next engine connects, for which the wire is cut at a request, counted from 1, or
    /// never.
    pub(crate) fn engine(&self, cut: Option<(u32, Cut)>) -> (Config, Arc<Engine>) {
        let next = Arc::new(Engine::new(cut));
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
        (self.config.clone(), next)
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
    // Nothing at all is a question whether the connection is alive.
    let reads = [
        "SELECT",
        "SET",
        "BEGIN",
        "ROLLBACK",
        "WITH tables",
        "WITH batch",
    ];
    !statement.is_empty() && !reads.iter().any(|it| statement.starts_with(it))
}

impl Engine {
    const fn new(cut: Option<(u32, Cut)>) -> Self {
        Self {
            seen: AtomicU32::new(0),
            cut,
            was_cut: AtomicBool::new(false),
        }
    }

    fn serve(&self, mut client: UnixStream, to: &Path) {
        // Who is gone does not come back.
        if self.was_cut() {
            return;
        }
        let Ok(mut server) = UnixStream::connect(to) else {
            return;
        };
        let Ok((_, startup)) = message(&mut client, true) else {
            return;
        };
        let watch = startup.windows(16).any(|it| it == b"switchback watch");
        if server.write_all(&startup).is_err() {
            return;
        }
        let silent = Arc::new(AtomicBool::new(false));
        let answers = {
            let (mut server, mut client) =
                (server.try_clone().unwrap(), client.try_clone().unwrap());
            let silent = Arc::clone(&silent);
            thread::spawn(move || {
                // From the server every message has a kind, from the first on.
                while let Ok((kind, bytes)) = message(&mut server, false) {
                    if silent.load(Ordering::SeqCst) {
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
            let mut how = None;
            if std::mem::take(&mut counts) && !watch {
                let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
                how = self.cut.filter(|(at, _)| *at == number).map(|(_, how)| how);
            }
            if let Some(how) = how {
                silent.store(true, Ordering::SeqCst);
                self.was_cut.store(true, Ordering::SeqCst);
                if how != Cut::After {
                    let _ = client.shutdown(Shutdown::Both);
                }
                if how == Cut::Before {
                    break;
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
