use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use switchback_diag::{Code, Exit};
use switchback_migration::backfill::throttle::Signal;
use switchback_migration::backfill::{Counts, JobStatus, Left, SignalState, Zone};
use switchback_model::Timestamp;

use super::*;

mod rules;

fn snapshot(changed: u64) -> Snapshot {
    Snapshot {
        at: Timestamp::from_millis(1_700_000_100_000),
        job: "fill-email".to_owned(),
        environment: "production".to_owned(),
        table: "public.\"users\"".to_owned(),
        status: JobStatus::Running,
        sweep: 1,
        counts: Counts {
            scanned: changed,
            changed,
            failed: 0,
            skipped: 0,
            batches: 2,
        },
        sweep_scanned: changed,
        total: Some(1_000_000),
        leased: 1,
        workers: 1,
        started: Timestamp::from_millis(1_700_000_000_000),
        worked: Duration::from_secs(90),
        rate: Some(1000.0),
        planned_rate: Some(2000.0),
        left: Some(Left {
            least: Duration::from_secs(60),
            most: Some(Duration::from_secs(90)),
            sweep: 1,
        }),
        zone: Zone::Hold,
        reason: String::new(),
        signals: vec![SignalState {
            signal: Signal::ReplicationLag,
            value: Some(1.5),
            missing: false,
            limit: Some(5.0),
            zone: Zone::Grow,
        }],
        undo_bytes: Some(1000),
        undo_limit: Some(5000),
        idle: Some(Duration::from_millis(500)),
    }
}

fn served() -> (Board, SocketAddr) {
    let args = MetricsArgs {
        metrics: Some(address("0").unwrap()),
        metrics_file: None,
    };
    let board = args.start(Path::new("/")).unwrap();
    let address = board.address().unwrap();
    (board, address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// What comes back for these bytes, until the other end closes.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn scrape(address: SocketAddr) -> String {
    ask(address, "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
}

fn changed(answer: &str) -> Option<u64> {
    let name = "switchback_backfill_rows_changed_total{";
    let line = answer.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn a_scrape_gets_what_was_told_last() {
    let (board, address) = served();
    assert!(address.ip().is_loopback());
    let nothing = scrape(address);
    assert!(nothing.starts_with("HTTP/1.1 200 OK\r\n") && nothing.ends_with("\r\n\r\n"));
    for count in [7, 9] {
        board.show(snapshot(count));
        let answer = scrape(address);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert_eq!(changed(body), Some(count));
        assert_eq!(body, render(&snapshot(count), env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn there_is_one_page_and_one_way_to_ask() {
    let (board, address) = served();
    board.show(snapshot(7));
    for (request, status) in [
        ("GET /metrics?x=1 HTTP/1.1\r\nHost: h\r\n\r\n", "200"),
        ("GET /metrics HTTP/1.0\r\n\r\n", "200"),
        (
            "GET http://h:1/metrics HTTP/1.1\r\nhost: h:1\r\n\r\n",
            "200",
        ),
        ("HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n", "200"),
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "404"),
        ("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "404"),
        ("GET /metrics/../x HTTP/1.1\r\nHost: h\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\nHost: h\r\n\r\n", "405"),
        ("GET /metrics HTTP/1.1\r\n\r\n", "400"),
        ("GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        ("GET /metrics HTTP/2.0\r\nHost: h\r\n\r\n", "505"),
        ("GET  /metrics HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let answer = ask(address, request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
    }
    let head = ask(address, "HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    let full = scrape(address);
    assert_eq!(head, full[..full.find("\r\n\r\n").unwrap() + 4]);
    let refused = ask(address, "POST /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(refused.contains("\r\nAllow: GET, HEAD\r\n"));
}

#[test]
fn a_huge_request_is_refused_and_does_no_harm() {
    let (board, address) = served();
    board.show(snapshot(7));
    let long = format!(
        "GET /metrics HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    assert!(ask(address, &long).starts_with("HTTP/1.1 431 "));
    let just = http::LARGEST - "GET /metrics HTTP/1.1\r\nHost: h\r\nX: ".len();
    let line = |length| {
        format!(
            "GET /metrics HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n",
            "x".repeat(length)
        )
    };
    assert!(ask(address, &line(just)).starts_with("HTTP/1.1 200 "));
    assert!(ask(address, &line(just + 1)).starts_with("HTTP/1.1 431 "));
    // One that never ends: the other end closes, sooner or later while we write.
    let mut stream = connect(address);
    let begun = Instant::now();
    while stream.write_all(&[b'x'; 4096]).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody closes");
    }
    assert_eq!(changed(&scrape(address)), Some(7));
}

/// Clients that send a byte now and then take all places, and a scrape still gets its turn.
#[test]
fn slow_clients_are_sent_away() {
    let (board, address) = served();
    board.show(snapshot(7));
    let begun = Instant::now();
    let slow: Vec<_> = (0..http::AT_ONCE)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
            thread::spawn(move || {
                let mut reading = stream.try_clone().unwrap();
                let drip = thread::spawn(move || {
                    while stream.write_all(b"X").is_ok() {
                        thread::sleep(Duration::from_millis(50));
                    }
                });
                let mut answer = String::new();
                // What is sent after the end may cut the connection; the answer is there by then.
                let _ = reading.read_to_string(&mut answer);
                let took = begun.elapsed();
                drop(reading);
                drip.join().unwrap();
                (answer, took)
            })
        })
        .collect();
    // Telling does not wait for any of them.
    for count in 0..1000 {
        board.show(snapshot(count));
    }
    assert!(begun.elapsed() < http::PATIENCE, "the run was held up");
    assert_eq!(changed(&scrape(address)), Some(999));
    let took = begun.elapsed();
    assert!(took < 4 * http::PATIENCE, "{took:?}");
    for client in slow {
        let (answer, took) = client.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(
            took >= http::PATIENCE && took < 4 * http::PATIENCE,
            "{took:?}"
        );
    }
}

#[test]
fn many_may_ask_at_once() {
    let (board, address) = served();
    board.show(snapshot(7));
    // Two within each other: both have begun before either ends.
    let (mut one, mut two) = (connect(address), connect(address));
    one.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    two.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    two.write_all(b"Host: h\r\n\r\n").unwrap();
    let mut answer = String::new();
    two.read_to_string(&mut answer).unwrap();
    assert_eq!(changed(&answer), Some(7));
    one.write_all(b"Host: h\r\n\r\n").unwrap();
    answer.clear();
    one.read_to_string(&mut answer).unwrap();
    assert_eq!(changed(&answer), Some(7));
    // And more than are served at once.
    let all: Vec<_> = (0..5 * http::AT_ONCE)
        .map(|_| thread::spawn(move || scrape(address)))
        .collect();
    for one in all {
        assert_eq!(changed(&one.join().unwrap()), Some(7));
    }
}

#[test]
fn clients_that_go_away_take_no_place() {
    let (board, address) = served();
    board.show(snapshot(7));
    for _ in 0..50 {
        let mut stream = connect(address);
        stream.write_all(b"GET /me").unwrap();
        drop(stream);
        drop(connect(address));
    }
    assert_eq!(changed(&scrape(address)), Some(7));
}

#[test]
fn the_port_is_free_when_it_is_over() {
    let (board, address) = served();
    assert_eq!(board.finish(), None);
    let end = Instant::now() + Duration::from_secs(20);
    while let Err(error) = TcpListener::bind(address) {
        assert!(Instant::now() < end, "{error}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_port_in_use_is_an_error_of_its_own() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let args = MetricsArgs {
        metrics: Some(taken.local_addr().unwrap()),
        metrics_file: None,
    };
    let failure = args.start(Path::new("/")).unwrap_err();
    let found = &failure.diagnostics[0];
    assert_eq!(
        (failure.exit, found.code),
        (Exit::Usage, Code::MetricsAddress)
    );
    assert!(found.hints[0].text.contains("another port"));
    // Addresses for documentation are nobody's.
    let args = MetricsArgs {
        metrics: Some("192.0.2.1:9464".parse().unwrap()),
        metrics_file: None,
    };
    let failure = args.start(Path::new("/")).unwrap_err();
    assert_eq!(failure.diagnostics[0].code, Code::MetricsAddress);
}

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    metrics: MetricsArgs,
}

#[test]
fn nothing_but_loopback_is_meant_unless_it_is_written_out() {
    for (typed, meant) in [
        ("9464", "127.0.0.1:9464"),
        ("localhost:9464", "127.0.0.1:9464"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:9464", "[::1]:9464"),
        ("0.0.0.0:9464", "0.0.0.0:9464"),
        ("10.1.2.3:9464", "10.1.2.3:9464"),
    ] {
        let line = Line::try_parse_from(["x", "--metrics", typed]).unwrap();
        assert_eq!(
            line.metrics.metrics,
            Some(meant.parse().unwrap()),
            "{typed}"
        );
    }
    for typed in [
        ":9464",
        "*:9464",
        "example.org:9464",
        "70000",
        "127.0.0.1",
        "",
    ] {
        let error = Line::try_parse_from(["x", "--metrics", typed]).unwrap_err();
        assert!(
            error.to_string().contains("127.0.0.1:9464"),
            "{typed}: {error}"
        );
    }
    assert!(Line::try_parse_from(["x", "--metrics-file", "a/b.prom"]).is_ok());
    for typed in ["a/b.txt", "a", ".prom", "a.prom/"] {
        let parsed = Line::try_parse_from(["x", "--metrics-file", typed]);
        assert_eq!(parsed.is_err(), typed != "a.prom/", "{typed}");
    }
}

fn into(file: &str) -> MetricsArgs {
    MetricsArgs {
        metrics: None,
        metrics_file: Some(file.into()),
    }
}

#[test]
fn the_file_is_left_with_the_last_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fill.prom");
    fs::write(&path, "of the run before\n").unwrap();
    let board = into("fill.prom").start(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "of the run before\n");
    board.show(snapshot(7));
    let end = Instant::now() + Duration::from_secs(20);
    while changed(&fs::read_to_string(&path).unwrap()) != Some(7) {
        assert!(Instant::now() < end, "nothing is written while it runs");
        thread::sleep(Duration::from_millis(10));
    }
    let failed = Snapshot {
        status: JobStatus::Failed,
        ..snapshot(9)
    };
    board.show(failed.clone());
    assert_eq!(board.finish(), None);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, render(&failed, env!("CARGO_PKG_VERSION")));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["fill.prom"], "nothing else is left");
}

/// A run that ends without a word, such as by an error on its way, says the last it knew.
#[test]
fn the_file_has_the_last_state_when_the_board_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let board = into("fill.prom").start(folder.path()).unwrap();
    board.show(snapshot(7));
    drop(board);
    let text = fs::read_to_string(folder.path().join("fill.prom")).unwrap();
    assert_eq!(changed(&text), Some(7));
}

#[test]
fn nobody_reads_half_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fill.prom");
    let text = |count| render(&snapshot(count), "1");
    textfile::write(&path, &text(0)).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut last, mut reads) = (0, 0);
            while !over.load(Ordering::SeqCst) || reads == 0 {
                let read = fs::read_to_string(&path).unwrap();
                let count = changed(&read).unwrap();
                assert_eq!(read, text(count));
                assert!(count >= last);
                (last, reads) = (count, reads + 1);
            }
        });
        for count in 0..300 {
            textfile::write(&path, &text(count)).unwrap();
        }
        over.store(true, Ordering::SeqCst);
        reader.join().unwrap();
    });
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    fs::create_dir(folder.path().join("folder.prom")).unwrap();
    for (path, hint) in [
        ("none/fill.prom", "make the folder"),
        ("file/fill.prom", "make the folder"),
        ("folder.prom", "in that folder"),
    ] {
        let failure = into(path).start(folder.path()).unwrap_err();
        let found = &failure.diagnostics[0];
        assert_eq!(
            (failure.exit, found.code),
            (Exit::Usage, Code::MetricsFile),
            "{path}"
        );
        assert!(found.message.ends_with(path), "{}", found.message);
        assert!(
            found.hints[0].text.contains(hint),
            "{path}: {:?}",
            found.hints
        );
    }
}

#[test]
fn a_file_that_can_no_longer_be_written_stops_nothing_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let board = into("inner/fill.prom").start(folder.path()).unwrap();
    fs::remove_dir(&inner).unwrap();
    board.show(snapshot(7));
    let trouble = board.finish().unwrap();
    assert!(
        trouble.contains("inner/fill.prom does not have the last metrics: "),
        "{trouble}"
    );
}
