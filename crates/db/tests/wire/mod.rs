//! A wire between the engine and the server that is cut at chosen requests. A cut at a `COMMIT`
//! leaves what it committed once the server has it, and a cut at any other statement of a
//! transaction leaves nothing.

use std::collections::VecDeque;
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

/// What becomes of the wire of one engine.
pub(crate) struct Scissors {
    /// Whether a statement counts as a request.
    pub(crate) counts: fn(&str) -> bool,
    /// The requests at which it is cut, from 1, in their order.
    pub(crate) cuts: Vec<(u32, Cut)>,
    /// Whether the engine may connect again after a cut.
    pub(crate) again: bool,
}

/// What goes over the wire for one engine.
pub(crate) struct Engine {
    counts: fn(&str) -> bool,
    again: bool,
    /// Requests that count, so far.
    seen: AtomicU32,
    /// Cuts to come.
    cuts: Mutex<VecDeque<(u32, Cut)>>,
    /// The statements at which it was cut.
    cut_at: Mutex<Vec<String>>,
}

impl Engine {
    /// How many requests there were that count.
    pub(crate) fn seen(&self) -> u32 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Whether the wire was cut.
    pub(crate) fn was_cut(&self) -> bool {
        !self.cut_at().is_empty()
    }

    /// The statements at which it was cut, in order.
    pub(crate) fn cut_at(&self) -> Vec<String> {
        let at = self.cut_at.lock();
        at.unwrap_or_else(PoisonError::into_inner).clone()
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
        let engine = Arc::new(Mutex::new(Arc::new(Engine::new(Scissors {
            counts: |_| false,
            cuts: Vec::new(),
            again: true,
        }))));
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

    /// How the next engine connects, whose wire is cut so.
    pub(crate) fn engine(&self, scissors: Scissors) -> (Config, Arc<Engine>) {
        let next = Arc::new(Engine::new(scissors));
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

impl Engine {
    fn new(scissors: Scissors) -> Self {
        Self {
            counts: scissors.counts,
            again: scissors.again,
            seen: AtomicU32::new(0),
            cuts: Mutex::new(scissors.cuts.into()),
            cut_at: Mutex::new(Vec::new()),
        }
    }

    /// Counts a request, and says how the wire is cut at it, if it is.
    fn next(&self, statement: &str) -> Option<Cut> {
        let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, how) = cuts.pop_front_if(|(at, _)| *at <= number)?;
        let mut at = self.cut_at.lock().unwrap_or_else(PoisonError::into_inner);
        at.push(statement.to_owned());
        Some(how)
    }

    fn serve(&self, mut client: UnixStream, to: &Path) {
        // Who is gone does not come back.
        if self.was_cut() && !self.again {
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
        let mut counts = None;
        while let Ok((kind, bytes)) = message(&mut client, false) {
            match kind {
                b'P' => prepared = text(kind, &bytes),
                b'Q' => counts = Some(text(kind, &bytes)),
                b'E' => counts = Some(prepared.clone()),
                _ => {}
            }
            request.extend(bytes);
            if !matches!(kind, b'Q' | b'S' | b'X' | b'p') {
                continue;
            }
            let statement = counts.take().filter(|it| !watch && (self.counts)(it));
            if let Some(how) = statement.and_then(|it| self.next(&it)) {
                silent.store(true, Ordering::SeqCst);
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
