#![allow(clippy::all, missing_docs)]
use std::fs;
use switchback_db::history::RowLimits;
use switchback_db::postgres::{Session, fingerprint, rows};
use switchback_scratch::{Options, Server};
fn cpu(server: &Server) -> (u64, u64) {
    let pid = fs::read_to_string(server.folder().join("data/postmaster.pid")).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.lines().next().unwrap())).unwrap();
    let f: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[13].parse::<u64>().unwrap() + f[14].parse::<u64>().unwrap(), 0)
}
#[test]
fn bench() {
    let server = Server::start(&Options::default()).unwrap();
    let url = server.create_database("a", None).unwrap();
    {
    let mut s = Session::connect(&url).unwrap();
    for i in 0..60 { s.run(&format!("CREATE TABLE t{i} (id serial primary key, a text not null default '', b int references t{} , c timestamptz default now()); create index on t{i} (a); comment on table t{i} is 'x'", if i == 0 {0} else {i-1})).unwrap_or_else(|e| panic!("{e:?}")); }
    }
    let wait = || std::thread::sleep(std::time::Duration::from_millis(300));
    wait();
    let c0 = cpu(&server).0;
    for i in 0..20 { server.create_database(&format!("c{i}"), Some("a")).unwrap(); }
    wait();
    let c5 = cpu(&server).0;
    println!("20 create: {}0 ms", c5 - c0);
    let t = std::time::Instant::now();
    { let mut s = Session::connect(&server.url("postgres")).unwrap(); for i in 0..20 { s.run(&format!("CREATE DATABASE d{i} TEMPLATE a STRATEGY FILE_COPY")).unwrap(); } }
    let w = t.elapsed();
    wait();
    let c55 = cpu(&server).0;
    println!("20 create file copy: {}0 ms wall {w:?}", c55 - c5);
    let t = std::time::Instant::now();
    { let mut s = Session::connect(&server.url("postgres")).unwrap(); for i in 0..20 { s.run(&format!("CREATE DATABASE e{i} TEMPLATE a")).unwrap(); } }
    let w = t.elapsed();
    wait();
    let c5 = cpu(&server).0;
    println!("20 create wal log: {}0 ms wall {w:?}", c5 - c55);

    for i in 0..20 { server.drop_database(&format!("c{i}")).unwrap(); }
    wait();
    let c6 = cpu(&server).0;
    println!("20 drop: {}0 ms", c6 - c5);
}
