use std::io;
use std::process::{Command, Stdio};

use super::*;

#[test]
fn databases_are_apart_and_the_server_leaves_nothing() {
    let server = Server::start(&Options::default()).unwrap();
    let folder = server.folder().to_path_buf();
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
    assert_eq!(server.version().major(), newest().unwrap().major);

    let one = server.create_database("one", None).unwrap();
    let odd = "an \"odd\" 'name' \\ %20 ü/?";
    let other = server.create_database(odd, None).unwrap();
    let mut client = Client::connect(&one, NoTls).unwrap();
    client.batch_execute("CREATE TABLE here (x int)").unwrap();
    let mut apart = Client::connect(&other, NoTls).unwrap();
    assert!(apart.batch_execute("SELECT * FROM here").is_err());
    drop(client);
    let copy = server.create_database("copy", Some("one")).unwrap();
    let mut copied = Client::connect(&copy, NoTls).unwrap();
    copied.batch_execute("SELECT * FROM here").unwrap();

    // Although somebody is connected.
    server.drop_database(odd).unwrap();
    server.drop_database(odd).unwrap();
    assert!(Client::connect(&other, NoTls).is_err());
    assert!(matches!(
        server.create_database("copy", None),
        Err(ScratchError::Refused { .. })
    ));

    let pid = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    let process = PathBuf::from("/proc").join(pid.lines().next().unwrap());
    assert!(process.exists());
    drop(server);
    assert!(!process.exists() && !folder.exists());
}

#[test]
fn settings_are_checked_and_reach_the_server() {
    let start = |name: &str, value: &str| Server::start(&Options::default().set(name, value));
    for (name, value) in [
        ("listen_addresses", "*"),
        ("Port", "1"),
        ("work_mem; x", "1MB"),
        ("-c", "1"),
        ("", "1"),
        ("work_mem", "1MB\nport=1"),
    ] {
        let refused = start(name, value);
        assert!(
            matches!(&refused, Err(ScratchError::Setting { name: it, .. }) if it == name),
            "{name}: {refused:?}"
        );
    }

    let server = start("search_path", "a, \"b 'c'\"").unwrap();
    let mut client = server.connect("postgres").unwrap();
    let shown = client.simple_query("SHOW search_path").unwrap();
    let shown = shown.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    assert_eq!(shown, Some("a, \"b 'c'\""));
}

#[test]
fn a_server_that_does_not_start_says_why_at_once() {
    let begun = Instant::now();
    let options = Options::default().set("shared_buffers", "much");
    let error = Server::start(&options).unwrap_err();
    let ScratchError::Ended { log } = &error else {
        panic!("{error:?}");
    };
    assert!(log.contains("invalid value for parameter"), "{log}");
    assert!(begun.elapsed() < options.deadline);

    let nowhere = Options {
        binaries: Some(PathBuf::from("/nowhere")),
        ..Options::default()
    };
    let error = Server::start(&nowhere).unwrap_err();
    assert!(matches!(error, ScratchError::NotBinaries { .. }));

    let hurried = Options {
        deadline: Duration::ZERO,
        ..Options::default()
    };
    let error = Server::start(&hurried).unwrap_err();
    assert!(matches!(error, ScratchError::TooLate { .. }), "{error:?}");
}

/// Run by the next test in a process of its own.
#[test]
fn child_holds_a_server() {
    if std::env::var_os("SWITCHBACK_SCRATCH_CHILD").is_none() {
        return;
    }
    let server = Server::start(&Options::default()).unwrap();
    println!("\nFOLDER {}", server.folder().display());
    // Until it is killed.
    let _ = io::Read::read(&mut io::stdin(), &mut [0]);
}

#[test]
fn a_killed_process_leaves_nothing() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "server::tests::child_holds_a_server",
            "--nocapture",
        ])
        .env("SWITCHBACK_SCRATCH_CHILD", "1")
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
            "the server outlived its process: {folder:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
