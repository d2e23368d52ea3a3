//! An endpoint that knows one page: `GET /metrics`.
//!
//! As many threads as may be busy at once wait for connections; further clients wait in the queue of
//! the system. Each connection has one request, a limited size and a limited time as a whole, so
//! that a client that sends a byte now and then holds a thread for no longer than any other.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use switchback_migration::backfill::metrics::CONTENT_TYPE;

use super::Latest;

/// Connections that are served at once.
pub(super) const AT_ONCE: usize = 4;

/// The longest request, head and all.
pub(super) const LARGEST: usize = 8 * 1024;

/// How long a connection may take from its beginning until its request is whole, and then again
/// until the answer is sent. A scrape has 10 seconds by default: what waits behind slow clients
/// still gets its turn.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long we go on reading what a client sends after the answer, so that it gets to read that.
const LINGER: Duration = Duration::from_millis(250);

/// How long a thread rests after the system refused a connection, such as for want of descriptors.
const REST: Duration = Duration::from_millis(100);

/// A listener with its threads, until it is dropped.
#[derive(Debug)]
pub(super) struct Endpoint {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Endpoint {
    /// Listens and answers.
    pub(super) fn start(address: SocketAddr, latest: Latest) -> io::Result<Self> {
        let listener = Arc::new(TcpListener::bind(address)?);
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        // Dropped on an error, which ends those that were started.
        let endpoint = Self { address, over };
        for _ in 0..AT_ONCE {
            let (listener, latest) = (Arc::clone(&listener), latest.clone());
            let over = Arc::clone(&endpoint.over);
            thread::Builder::new()
                .name("metrics".to_owned())
                .spawn(move || serve(&listener, &latest, &over))?;
        }
        Ok(endpoint)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Each thread waits for a connection and gets one. Nobody waits for the threads: one that
        // serves a slow client ends after that, and all of them end with the process.
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            });
        }
        for _ in 0..AT_ONCE {
            let _ = TcpStream::connect_timeout(&address, LINGER);
        }
    }
}

fn serve(listener: &TcpListener, latest: &Latest, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok(_) if over.load(Ordering::SeqCst) => return,
            // A client that goes away is no concern of the run.
            Ok((stream, _)) => drop(converse(&stream, latest)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => thread::sleep(REST),
        }
    }
}

fn converse(stream: &TcpStream, latest: &Latest) -> io::Result<()> {
    let answer = match head(stream, Instant::now() + PATIENCE)? {
        Head::Whole(head) => answer(&head, latest),
        Head::TooLarge => Answer::of("431 Request Header Fields Too Large"),
        Head::TooSlow => Answer::of("408 Request Timeout"),
        Head::Gone => return Ok(()),
    };
    send(stream, &answer.bytes(), Instant::now() + PATIENCE)?;
    stream.shutdown(Shutdown::Write)?;
    drain(stream, Instant::now() + LINGER);
    Ok(())
}

enum Head {
    Whole(Vec<u8>),
    TooLarge,
    TooSlow,
    Gone,
}

/// What is left until a moment; an error when it has passed.
fn until(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// A read or a write that took too long, whatever the system calls it.
fn too_slow(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn head(stream: &TcpStream, end: Instant) -> io::Result<Head> {
    let mut bytes = Vec::new();
    let mut some = [0; 1024];
    loop {
        let read = until(end).and_then(|left| {
            stream.set_read_timeout(Some(left))?;
            let mut stream = stream;
            stream.read(&mut some)
        });
        match read {
            Ok(0) => return Ok(Head::Gone),
            Ok(count) => bytes.extend_from_slice(&some[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if too_slow(&error) => return Ok(Head::TooSlow),
            Err(error) => return Err(error),
        }
        if let Some(length) = ends(&bytes) {
            if length > LARGEST {
                return Ok(Head::TooLarge);
            }
            bytes.truncate(length);
            return Ok(Head::Whole(bytes));
        }
        if bytes.len() > LARGEST {
            return Ok(Head::TooLarge);
        }
    }
}

/// Where the empty line is that ends a head.
fn ends(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|it| it == b"\r\n\r\n")
}

struct Answer {
    status: &'static str,
    kind: &'static str,
    more: &'static str,
    body: String,
    /// Whether the body is sent and not only its length.
    with_body: bool,
}

impl Answer {
    fn of(status: &'static str) -> Self {
        Self {
            status,
            kind: "text/plain; charset=utf-8",
            more: "",
            body: format!("{status}\n"),
            with_body: true,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self {
            status,
            kind,
            more,
            body,
            with_body,
        } = self;
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{more}\
             Connection: close\r\n\r\n"
        );
        let body = if *with_body { body.as_str() } else { "" };
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

fn answer(head: &[u8], latest: &Latest) -> Answer {
    let Ok(head) = std::str::from_utf8(head) else {
        return Answer::of("400 Bad Request");
    };
    let mut lines = head.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else {
        return Answer::of("400 Bad Request");
    };
    match version {
        "HTTP/1.0" => {}
        // A request of HTTP/1.1 names its host (RFC 9112, 3.2).
        "HTTP/1.1" => {
            let host = |line: &&str| {
                let name = line.split(':').next().unwrap_or_default();
                name.eq_ignore_ascii_case("host")
            };
            if lines.filter(host).count() != 1 {
                return Answer::of("400 Bad Request");
            }
        }
        _ if version.starts_with("HTTP/") => return Answer::of("505 HTTP Version Not Supported"),
        _ => return Answer::of("400 Bad Request"),
    }
    if path(target) != "/metrics" {
        return Answer::of("404 Not Found");
    }
    if !["GET", "HEAD"].contains(&method) {
        return Answer {
            more: "Allow: GET, HEAD\r\n",
            ..Answer::of("405 Method Not Allowed")
        };
    }
    Answer {
        kind: CONTENT_TYPE,
        body: latest.text(),
        with_body: method == "GET",
        ..Answer::of("200 OK")
    }
}

/// The path of a target, which may be a whole URL and may have a query.
fn path(target: &str) -> &str {
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    target.split('?').next().unwrap_or_default()
}

fn send(mut stream: &TcpStream, mut bytes: &[u8], end: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(until(end)?))?;
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads what still comes: closing with bytes unread would take the answer away from the client.
fn drain(mut stream: &TcpStream, end: Instant) {
    let mut some = [0; 4096];
    while let Ok(left) = until(end) {
        if stream.set_read_timeout(Some(left)).is_err()
            || !matches!(stream.read(&mut some), Ok(1..))
        {
            return;
        }
    }
}
