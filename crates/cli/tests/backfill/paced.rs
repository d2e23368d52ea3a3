//! How fast it goes, and who sees it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;
use switchback_model::Timestamp;

use crate::on_both;
use crate::place::{FREE, Place, ROWS};
use crate::process::{DEADLINE, Process, progress};

on_both!(
    no_more_rows_a_second_than_asked_for,
    no_larger_batches_than_asked_for,
    in_quiet_hours_nothing_is_done,
    monitoring_sees_it,
);

fn seconds(line: &Value) -> f64 {
    let at: Timestamp = line["at"].as_str().unwrap().parse().unwrap();
    at.as_millis() as f64 / 1000.0
}

/// Rows against the time that is told with them: a machine that is slow makes both later.
fn no_more_rows_a_second_than_asked_for(place: &Place) {
    const RATE: f64 = 600.0;
    let line = format!("backfill run emails --env staging {FREE} --max-rate {RATE}");
    let mut running = Process::start(place, &line);
    let mut counted = Vec::new();
    running.until("it goes on for some seconds", |lines| {
        let told = progress(lines);
        counted = told
            .iter()
            .map(|it| (seconds(it), it["rows_scanned"].as_f64().unwrap()))
            .filter(|(_, rows)| *rows > 0.0)
            .collect();
        counted.len() >= 4
    });
    place.ends("backfill cancel emails --env staging", 0);
    running.wait().with(6);
    let ((from, some), (to, more)) = (counted[0], *counted.last().unwrap());
    assert!(to > from, "{counted:?}");
    // What was missed is made up for by a second's worth at most, and a batch is told of at once.
    let most = RATE * (to - from) * 1.2 + RATE;
    assert!(more - some <= most, "{counted:?}");
    assert!(more > some, "{counted:?}");
}

fn no_larger_batches_than_asked_for(place: &Place) {
    place.ends(
        &format!("backfill run emails --env staging {FREE} --batch-size 250"),
        0,
    );
    let undo = place.control("_undo");
    let largest = place.number(&format!("SELECT max(rows) FROM {undo}"));
    assert!((1..=250).contains(&largest), "{largest}");
    let rows = place.number(&format!("SELECT sum(rows) FROM {undo}"));
    assert_eq!(rows, ROWS);
    let batches = place.status()["batches"].as_i64().unwrap();
    assert!(batches >= ROWS / 250, "{batches}");
}

fn in_quiet_hours_nothing_is_done(place: &Place) {
    let original = place.rows();
    let always = ["--quiet-hours", "daily 00:00-24:00 Z"];
    let line = format!("backfill run emails --env staging {FREE}");
    let mut running = Process::start_with(place, &line, &always);
    running.until("the reason is said", |lines| {
        progress(lines)
            .iter()
            .any(|it| it["reason"].as_str().unwrap().contains("quiet hours"))
    });
    running.interrupt();
    let ended = running.wait();
    let view = ended.with(130);
    assert_eq!(
        (&view["status"], &view["rows_scanned"]),
        (&"running".into(), &0.into())
    );
    let told = ended.progress();
    assert_eq!(told.last().unwrap()["zone"], "stop");
    let next = ended.lines.last().unwrap();
    assert_eq!(
        next["command"],
        "switchback backfill run emails --env staging"
    );
    assert_eq!(place.rows(), original);
    assert_eq!(place.leased(), 0);
}

/// What a scrape gets.
fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer
}

/// The value of a metric of this backfill; none while nothing is told of it.
fn value(metrics: &str, name: &str, label: &str) -> Option<f64> {
    let line = metrics
        .lines()
        .find(|it| it.starts_with(name) && it.contains(label))?;
    assert!(line.contains("backfill=\"emails\"") && line.contains("environment=\"staging\""));
    line.rsplit(' ').next()?.parse().ok()
}

fn monitoring_sees_it(place: &Place) {
    let line = format!(
        "backfill run emails --env staging {FREE} --max-rate 800 --batch-size 50 --metrics 0 \
         --metrics-file emails.prom"
    );
    let mut running = Process::start(place, &line);
    let mut address = None;
    running.until("the address is said", |lines| {
        address = lines.iter().find_map(|it| {
            let url = it["text"].as_str()?.split_once("http://")?.1;
            Some(url.strip_suffix("/metrics")?.to_owned())
        });
        address.is_some()
    });
    let address = address.unwrap();
    running.until("metrics say how far it is", |_| {
        let metrics = scrape(&address);
        let is_running = value(
            &metrics,
            "switchback_backfill_status{",
            "status=\"running\"",
        );
        value(&metrics, "switchback_backfill_rows_changed_total{", "").is_some_and(|it| it > 0.0)
            && is_running == Some(1.0)
    });
    place.ends("backfill pause emails --env staging", 0);
    running.wait().with(6);
    assert!(TcpStream::connect(&address).is_err());
    let last = place.cli.read("emails.prom").unwrap();
    assert_eq!(
        value(&last, "switchback_backfill_status{", "status=\"paused\""),
        Some(1.0)
    );
    let changed = value(&last, "switchback_backfill_rows_changed_total{", "").unwrap();
    assert_eq!(changed as i64, place.filled());
}
