//! What is broken, edited, locked, full or hostile: a code, an exit code, a hint, and nothing half
//! done. [`shop::Shop::refused`] looks at the ledger, both databases and both repositories before
//! and after.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use shop::{CHANGE, Keep, Shop, Sync, check_refused, dump_without_control};
use switchback_testkit::cli::Ran;

/// A shop in which the change is planned, and its first step applied in staging.
fn expanded() -> Shop {
    let shop = planned();
    shop.ok(&apply("staging"));
    shop
}

/// A shop in which the change is planned.
fn planned() -> Shop {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    shop
}

fn apply(environment: &str) -> String {
    format!("change apply {CHANGE} --env {environment} --step expand")
}

fn undo(environment: &str) -> String {
    format!("change undo {CHANGE} --env {environment} --yes")
}

fn sql(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

fn edit(shop: &Shop, file: &str, from: &str, to: &str) {
    let text = shop.cli.read(file).unwrap();
    let edited = text.replacen(from, to, 1);
    assert_ne!(text, edited, "{file} has no `{from}`");
    shop.cli.write(file, edited).unwrap();
}

// ---- settings and change folders ----

#[test]
fn broken_settings() {
    let shop = planned();
    for (from, to, code) in [
        ("schema = 1", "schema = ", "SB0102"),
        ("schema = 1", "schema = 99", "SB0105"),
        ("[project]", "[projcet]", "SB0103"),
        (
            "rollback-window = \"1ms\"",
            "rollback-window = \"soon\"",
            "SB0104",
        ),
        ("engine = \"sqlite\"", "engine = \"oracle\"", "SB0104"),
    ] {
        let shop = shop.copy();
        edit(&shop, "switchback.toml", from, to);
        for line in [
            "status",
            &apply("staging"),
            "promote --version 1.0.0 --env staging",
        ] {
            let error = shop.refused(line, 2, code);
            assert!(error.contains("switchback.toml:"), "no place: {error}");
        }
    }
    let error = shop.refused(&apply("stagin"), 2, "SB0106");
    assert!(error.contains("did you mean `staging`?"), "{error}");
    let error = shop.refused("change apply rename-user --env staging", 2, "SB0401");
    assert!(error.contains(CHANGE), "{error}");
}

#[test]
fn a_change_folder_edited_after_it_was_opened() {
    let opened = expanded();
    let file = format!("changes/{CHANGE}/change.toml");
    for (file, from, to) in [
        (
            format!("changes/{CHANGE}/4-contract.up.sql"),
            "--",
            "-- and more\n--",
        ),
        (
            format!("changes/{CHANGE}/1-expand.down.sql"),
            "DROP",
            "drop",
        ),
        (file.clone(), "title = \"Rename", "title = \"Renames"),
        (file.clone(), "batch-rows = 60", "batch-rows = 61"),
    ] {
        let shop = opened.copy();
        edit(&shop, &file, from, to);
        for line in [
            apply("production"),
            undo("staging"),
            format!("change status {CHANGE}"),
        ] {
            let error = shop.refused(&line, 1, "SB0403");
            assert!(error.contains("take the folder back from Git"), "{error}");
        }
        // A commit with it is no release either.
        shop.commit(&shop.cli.folder(), "feat: edited");
        shop.refused("release record --version 1.1.0", 1, "SB0403");
    }
    // The code step is the one thing that may move.
    let shop = opened.copy();
    shop.code_at("switch-reads");
    shop.ok("change status");
}

#[test]
fn a_change_folder_that_cannot_be_read() {
    let shop = planned();
    let file = format!("changes/{CHANGE}/change.toml");
    let line = apply("staging");

    let broken = shop.copy();
    edit(&broken, &file, "kind = \"replicated\"", "kind = replicated");
    let error = broken.refused(&line, 2, "SB0402");
    let number = 1 + broken
        .cli
        .read(&file)
        .unwrap()
        .lines()
        .position(|line| line == "kind = replicated")
        .unwrap();
    assert!(
        error.contains(&format!("change.toml:{number}:")),
        "no line {number}: {error}"
    );

    let broken = shop.copy();
    edit(&broken, &file, "code = \"old\"", "code = \"read-new\"");
    let error = broken.refused(&line, 2, "SB0406");
    assert!(
        error.contains("read-new") && error.contains("switch-reads"),
        "{error}"
    );

    let broken = shop.copy();
    edit(
        &broken,
        &file,
        &format!("id = \"{CHANGE}\""),
        "id = \"rename-other\"",
    );
    let error = broken.refused(&line, 2, "SB0402");
    assert!(error.contains("rename-other"), "{error}");

    let broken = shop.copy();
    edit(
        &broken,
        &file,
        "switchback.change/v1",
        "switchback.change/v2",
    );
    let error = broken.refused(&line, 2, "SB0402");
    assert!(error.contains("another version"), "{error}");

    let broken = shop.copy();
    fs::remove_file(
        broken
            .cli
            .folder()
            .join(format!("changes/{CHANGE}/1-expand.up.sql")),
    )
    .unwrap();
    let error = broken.refused(&line, 2, "SB0402");
    assert!(error.contains("1-expand.up.sql"), "{error}");

    let broken = shop.copy();
    broken.cli.write(&file, [0xff, 0xfe, 0x00]).unwrap();
    broken.refused(&line, 2, "SB0402");

    // 5 MB of comments.
    let broken = shop.copy();
    let text = broken.cli.read(&file).unwrap();
    broken
        .cli
        .write(&file, format!("{text}{}", "# more\n".repeat(750_000)))
        .unwrap();
    let error = broken.refused(&line, 2, "SB0402");
    assert!(error.contains("larger than"), "{error}");

    // Nested as deep as a parser can be made to go.
    let broken = shop.copy();
    let deep = format!(
        "{text}\nx = {}1{}\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    broken.cli.write(&file, deep).unwrap();
    broken.refused(&line, 2, "SB0402");

    let error = shop.refused(&format!("{line}x"), 2, "SB0406");
    assert!(error.contains("did you mean `expand`?"), "{error}");
    // A step of the code is none for the database.
    let code = format!("change apply {CHANGE} --env staging --step switch-reads");
    let error = shop.refused(&code, 2, "SB0406");
    assert!(error.contains("code = \"switch-reads\""), "{error}");
}

// ---- databases ----

#[test]
fn a_database_that_somebody_changed_by_hand() {
    let shop = expanded();
    let trigger = format!("sb_{CHANGE}_insert_old");
    for by_hand in [
        format!("DROP TRIGGER \"{trigger}\""),
        format!("DROP INDEX \"sb_{CHANGE}_index_1\""),
        "UPDATE _switchback_step SET step = 'contract'".to_owned(),
        "UPDATE _switchback_step SET script = 'sha256:00'".to_owned(),
        "UPDATE _switchback_step SET after = after || ' '".to_owned(),
        "INSERT INTO _switchback_step SELECT 9, change, 'more', plan, applied_at, script, before, \
         after FROM _switchback_step"
            .to_owned(),
    ] {
        let shop = shop.copy();
        sql(&shop.database("staging"), &by_hand);
        let contract = format!("change apply {CHANGE} --env staging --step contract --yes");
        for line in [undo("staging"), contract] {
            let error = shop.refused(&line, 1, "SB0503");
            assert!(error.contains(CHANGE), "{by_hand}: {error}");
        }
    }
    // The change's SQL was run by hand: its objects are there, and no mark.
    let by_hand = planned();
    sql(
        &by_hand.database("staging"),
        &by_hand
            .cli
            .read(format!("changes/{CHANGE}/1-expand.up.sql"))
            .unwrap(),
    );
    by_hand.refused_on_record(&apply("staging"), 1, "SB0503");
    // Control tables of a version to come.
    let newer = shop.copy();
    sql(
        &newer.database("staging"),
        "UPDATE _switchback_format SET version = 99",
    );
    newer.refused(&undo("staging"), 2, "SB0507");
}

#[test]
fn a_database_that_cannot_be_used() {
    let shop = planned();
    let staging = |shop: &Shop| shop.database("staging");
    let line = apply("staging");

    let missing = shop.copy();
    fs::remove_file(staging(&missing)).unwrap();
    let error = missing.refused(&line, 2, "SB0501");
    assert!(error.contains("staging.db"), "{error}");
    assert!(!staging(&missing).exists(), "an empty one was made");

    let folder = missing;
    fs::create_dir(staging(&folder)).unwrap();
    folder.refused(&line, 2, "SB0501");

    let other = shop.copy();
    fs::write(staging(&other), "this is a letter\n".repeat(1000)).unwrap();
    other.refused(&line, 2, "SB0501");

    let empty = shop.copy();
    fs::write(staging(&empty), "").unwrap();
    let error = empty.refused(&line, 1, "SB0404");
    assert!(error.contains("no table `users`"), "{error}");

    let cut = shop.copy();
    let bytes = fs::read(staging(&cut)).unwrap();
    fs::write(staging(&cut), &bytes[..bytes.len() / 2]).unwrap();
    cut.refused_on_record(&line, 2, "SB0501");
}

#[test]
fn a_database_that_is_read_only_or_locked() {
    let shop = planned();
    let path = shop.database("staging");

    // Not looked at while the lock is held: to close a file is to give up its locks.
    let before = shop.traces();
    let locker = Connection::open(&path).unwrap();
    locker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let line = apply("staging");
    let error = check_refused(&shop.run(&line), &line, 1, "SB0502");
    assert!(error.contains("holds a transaction open"), "{error}");
    locker.execute_batch("ROLLBACK").unwrap();
    drop(locker);
    assert_eq!(shop.traces(), before);
    // It was only waited for.
    shop.ok(&apply("staging"));

    let read_only = fs::Permissions::from_mode(0o444);
    fs::set_permissions(shop.database("production"), read_only).unwrap();
    let ran = unprivileged(&shop, &apply("production"));
    if let Some(ran) = ran {
        // Nobody could write that the step was given up, so it may still be done: the same command
        // goes on with it.
        check_refused(&ran, "apply to a read-only file", 2, "SB0506");
    }
    let read_write = fs::Permissions::from_mode(0o644);
    fs::set_permissions(shop.database("production"), read_write).unwrap();
    shop.ok(&apply("production"));
}

/// Runs a command line as somebody for whom permissions count; `None` where that cannot be.
fn unprivileged(shop: &Shop, line: &str) -> Option<Ran> {
    let probe = shop.cli.folder().join("probe");
    fs::write(&probe, "").unwrap();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o444)).unwrap();
    let as_root = fs::OpenOptions::new().write(true).open(&probe).is_ok();
    fs::remove_file(&probe).unwrap();
    if !as_root {
        return Some(shop.run(line));
    }
    // Root may write everywhere, unless the capability to do so is taken away.
    let mut without = Command::new("setpriv");
    shop.cli.isolate(&mut without);
    without.arg("--bounding-set=-dac_override,-dac_read_search,-fowner");
    let output = without
        .arg(env!("CARGO_BIN_EXE_switchback"))
        .args(line.split_whitespace())
        .output();
    if let Ok(output) = output {
        return Some(output.into());
    }
    eprintln!("skipped: root may write everywhere, and there is no setpriv");
    None
}

// ---- full disks ----

/// Runs a script with `$1` mounted as a file system of `pages` pages that is full but for `free`
/// bytes, with the shop's folder moved there. `None` where nothing can be mounted.
fn on_small_disk(shop: &Shop, kilobytes: u32, script: &str) -> Option<Ran> {
    let script = format!(
        "small={small}; mkdir -p $small && mount -t tmpfs -o size={kilobytes}k none $small || exit 99
         fill() {{ head -c 100000000 /dev/zero > $small/filler 2>/dev/null; }}
         switchback() {{ {binary} \"$@\"; }}
         {script}",
        small = shop.cli.folder().join("small").display(),
        binary = env!("CARGO_BIN_EXE_switchback"),
    );
    let mut unshare = Command::new("unshare");
    shop.cli.isolate(&mut unshare);
    let Ok(output) = unshare.args(["-rm", "/bin/sh", "-c", &script]).output() else {
        eprintln!("skipped: there is no unshare");
        return None;
    };
    let ran = Ran::from(output);
    if ran.code == 99 || ran.stderr.starts_with("unshare:") {
        eprintln!(
            "skipped: no file system can be mounted here: {}",
            ran.stderr
        );
        return None;
    }
    Some(ran)
}

#[test]
fn a_full_disk_under_the_database() {
    let shop = planned();
    shop.cli
        .write(".gitignore", "*.db*\n/small\n/.switchback\n")
        .unwrap();
    edit(
        &shop,
        "switchback.toml",
        "path = \"staging.db\"",
        "path = \"small/staging.db\"",
    );
    shop.commit(&shop.cli.folder(), "chore: elsewhere");
    let before = dump_without_control(&shop.database("staging"));
    let line = apply("staging");
    let ran = on_small_disk(
        &shop,
        512,
        &format!(
            "cp staging.db small/staging.db; fill
             switchback {line}; echo \"code $?\" >&2
             cp small/staging.db after.db
             rm small/filler
             switchback {line}; echo \"code $?\" >&2
             cp small/staging.db end.db"
        ),
    );
    let Some(ran) = ran else { return };
    let (first, second) = ran
        .stderr
        .split_once("code 5\n")
        .unwrap_or(("", &ran.stderr));
    assert!(
        first.contains("error[SB0505]") && first.contains("hint: make room"),
        "{}",
        ran.stderr
    );
    assert!(second.ends_with("code 0\n"), "{}", ran.stderr);
    let folder = shop.cli.folder();
    assert_eq!(
        dump_without_control(&folder.join("after.db")),
        before,
        "half done"
    );
    assert_ne!(dump_without_control(&folder.join("end.db")), before);
    shop.check_no_open_intent();
}

#[test]
fn a_full_disk_under_the_ledger() {
    let shop = planned();
    shop.cli
        .write(".gitignore", "*.db*\n/small\n/.switchback\n")
        .unwrap();
    edit(
        &shop,
        "switchback.toml",
        ".switchback/ledger.db",
        "small/ledger.db",
    );
    shop.commit(&shop.cli.folder(), "chore: elsewhere");
    let before = shop.traces();
    let line = apply("staging");
    // Without any room the shared memory of a database cannot even be made; with a little, the
    // event has no place.
    for (free, code) in [(0, "SB0108"), (36, "SB0108")] {
        let shop = shop.copy();
        full_ledger(&shop, &line, &before, free, code);
    }
}

fn full_ledger(shop: &Shop, line: &str, before: &shop::Traces, free: u32, code: &str) {
    let ran = on_small_disk(
        shop,
        512,
        &format!(
            "cp .switchback/ledger.db small/ledger.db; fill; truncate -s -{free}K small/filler
             switchback {line}; echo \"code $?\" >&2
             cp staging.db after.db
             rm small/filler
             switchback ledger verify; switchback {line}; echo \"code $?\" >&2
             rm .switchback/ledger.db; cp small/ledger.db* .switchback/"
        ),
    );
    let Some(ran) = ran else { return };
    let (first, second) = ran
        .stderr
        .split_once("code 2\n")
        .unwrap_or(("", &ran.stderr));
    assert!(first.contains(&format!("error[{code}]")), "{}", ran.stderr);
    assert!(first.contains("hint: "), "{}", ran.stderr);
    assert!(second.ends_with("code 0\n"), "{}", ran.stderr);
    assert!(ran.stdout.contains("sound: "), "{}", ran.stdout);
    let after = fs::read(shop.cli.folder().join("after.db")).unwrap();
    assert_eq!(after.len(), before.databases[0].0, "done without a record");
    shop.check_no_open_intent();
}

#[test]
fn a_read_only_folder() {
    let shop = planned();
    let folder = shop.cli.folder().join(".switchback");
    let allow = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    let before = shop.traces();
    allow(0o555);
    fs::set_permissions(shop.ledger(), fs::Permissions::from_mode(0o444)).unwrap();
    let ran = unprivileged(&shop, &apply("staging"));
    allow(0o755);
    fs::set_permissions(shop.ledger(), fs::Permissions::from_mode(0o644)).unwrap();
    let Some(ran) = ran else { return };
    check_refused(&ran, "apply with a read-only ledger", 2, "SB0108");
    assert_eq!(shop.traces(), before);

    // Planning a change where nothing can be written.
    let top = shop.cli.folder();
    let changes = top.join("changes");
    fs::set_permissions(&changes, fs::Permissions::from_mode(0o555)).unwrap();
    let line = "change new rename-column --table users --from name --to full_name";
    let ran = unprivileged(&shop, line);
    fs::set_permissions(&changes, fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(ran) = ran {
        check_refused(&ran, line, 2, "SB0108");
        assert_eq!(fs::read_dir(&changes).unwrap().count(), 1, "half a folder");
    }
}

// ---- the ledger ----

#[test]
fn a_ledger_that_cannot_be_used() {
    let shop = planned();
    let ledger = |shop: &Shop| shop.ledger();
    let lines = [
        apply("staging"),
        "status".to_owned(),
        "promote --version 1.0.0 --env staging".to_owned(),
    ];

    let missing = shop.copy();
    fs::remove_file(ledger(&missing)).unwrap();
    for line in &lines {
        let error = missing.refused(line, 2, "SB0201");
        assert!(error.contains("switchback ledger create"), "{error}");
    }
    assert!(!ledger(&missing).exists(), "an empty one was made");

    let newer = shop.copy();
    sql(&ledger(&newer), "PRAGMA user_version = 99");
    for line in &lines {
        newer.refused(line, 2, "SB0203");
    }

    let other = shop.copy();
    fs::write(ledger(&other), "this is a letter\n".repeat(1000)).unwrap();
    for line in &lines {
        other.refused(line, 4, "SB0202");
    }

    let cut = shop.copy();
    let bytes = fs::read(ledger(&cut)).unwrap();
    fs::write(ledger(&cut), &bytes[..bytes.len() / 2]).unwrap();
    for line in &lines {
        cut.refused(line, 4, "SB0202");
    }

    // An event that was edited is found by whoever reads it.
    let edited = shop.copy();
    sql(
        &ledger(&edited),
        "UPDATE entries
         SET payload = CAST(replace(CAST(payload AS TEXT), '1.0.0', '6.6.6') AS BLOB)
         WHERE idx = 0",
    );
    for line in lines.iter().map(String::as_str).chain(["ledger verify"]) {
        check_refused(&edited.run(line), line, 4, "SB0202");
    }
}

#[test]
fn a_ledger_that_somebody_holds() {
    let shop = planned();
    let locker = Connection::open(shop.ledger()).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Reading goes on.
    shop.ok("status");
    let error = shop.refused(&apply("staging"), 1, "SB0205");
    assert!(error.contains("wait for the other command"), "{error}");
    drop(locker);
    shop.ok(&apply("staging"));
}

// ---- git ----

#[test]
fn a_gitops_repository_that_cannot_be_used() {
    let shop = expanded();
    shop.release("1.1.0", "switch-reads");
    let line = "promote --version 1.1.0 --env staging";

    let none = shop.copy();
    fs::remove_dir_all(none.gitops()).unwrap();
    none.refused(line, 2, "SB0602");
    fs::create_dir_all(none.gitops()).unwrap();
    none.refused(line, 2, "SB0602");
    none.git(&none.gitops(), &["init", "-q", "-b", "main"]);
    let error = none.refused(line, 2, "SB0602");
    assert!(error.contains("make the first commit"), "{error}");

    let dirty = shop.copy();
    let text = fs::read_to_string(dirty.values("staging")).unwrap();
    fs::write(dirty.values("staging"), text + "# mine\n").unwrap();
    let error = dirty.refused_on_record(line, 1, "SB0603");
    assert!(error.contains("envs/staging/values.yaml"), "{error}");
    // Put away, the same command goes on.
    dirty.git(&dirty.gitops(), &["checkout", "-q", "."]);
    dirty.ok(line);
    dirty.state();

    for (values, code) in [
        ("app:\n  image: 1.0.0\n", "SB0604"),
        ("app: [\n", "SB0604"),
        ("app:\n  version: 1.0.0\n  version: 1.0.0\n", "SB0604"),
        ("app:\n  version: &v 1.0.0\nother: *v\n", "SB0604"),
        ("app:\n  version: {{ .Values.version }}\n", "SB0604"),
    ] {
        let wrong = shop.copy();
        fs::write(wrong.values("staging"), values).unwrap();
        wrong.commit(&wrong.gitops(), "chore: wrong");
        wrong.refused(line, 1, code);
    }

    let gone = shop.copy();
    gone.git(&gone.gitops(), &["rm", "-q", "envs/staging/values.yaml"]);
    gone.commit(&gone.gitops(), "chore: gone");
    gone.refused(line, 1, "SB0604");

    let branch = shop.copy();
    branch.git(&branch.gitops(), &["branch", "-m", "main", "trunk"]);
    let ran = branch.run(line);
    assert!(
        [1, 2].contains(&ran.code) && ran.stderr.contains("error[SB06"),
        "{}",
        ran.stderr
    );

    // Somebody moved the version by hand: what is written is not what is known to run.
    let moved = shop.copy();
    let text = fs::read_to_string(moved.values("staging")).unwrap();
    fs::write(moved.values("staging"), text.replace("1.0.0", "0.9.0")).unwrap();
    moved.commit(&moved.gitops(), "chore: by hand");
    moved.refused(line, 1, "SB0704");
    // Nor can anything be removed while nobody knows what runs. Going back is not kept from anybody.
    moved.refused(
        &format!("change apply {CHANGE} --env staging --step contract --yes"),
        1,
        "SB0704",
    );
}

#[test]
fn a_repository_without_commits_or_none_at_all() {
    let shop = planned();
    let top = shop.cli.folder();
    fs::remove_dir_all(top.join(".git")).unwrap();
    shop.refused("release record --version 1.1.0", 2, "SB0602");
    shop.git(&top, &["init", "-q", "-b", "main"]);
    let error = shop.refused("release record --version 1.1.0", 2, "SB0602");
    assert!(error.contains("make the first commit"), "{error}");
    // What needs no commit still works.
    shop.ok("status");
}

// ---- several at once ----

/// Starts the same commands at once and waits for all.
fn at_once(shop: &Shop, lines: &[&str]) -> Vec<Ran> {
    let children: Vec<_> = lines
        .iter()
        .map(|line| {
            let mut command = shop.cli.command(line.split_whitespace());
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().into())
        .collect()
}

/// Each ended well or with a code, at least one did it, and the ledger has it once.
fn check_at_once(shop: &Shop, line: &str, runs: &[Ran], once: &str) {
    for ran in runs {
        assert!(
            [0, 1, 3].contains(&ran.code),
            "{line}: {} {}{}",
            ran.code,
            ran.stdout,
            ran.stderr
        );
        assert!(
            ran.code != 1 || ran.stderr.contains("error[SB"),
            "{line}: {}",
            ran.stderr
        );
    }
    // Whoever lost only has to say it again.
    let again = shop.run(line);
    assert!(
        [0, 3].contains(&again.code),
        "{line}: {}{}",
        again.stdout,
        again.stderr
    );
    let state = shop.state();
    let done = state
        .done
        .iter()
        .filter(|action| action.contains(once))
        .count();
    assert_eq!(done, 1, "{line}: {:#?}", state.done);
}

#[test]
fn two_processes_apply_the_same_change_at_once() {
    let shop = planned();
    let line = apply("staging");
    for keep in [Keep::Sqlite, Keep::Postgresql] {
        let shop = if keep == Keep::Sqlite {
            shop.copy()
        } else {
            let shop = Shop::new(keep);
            shop.plan_change(Sync::Triggers);
            shop
        };
        for _ in 0..3 {
            let shop = shop.copy();
            let runs = at_once(&shop, &[&line, &line, &line]);
            check_at_once(&shop, &line, &runs, "\"operation\":\"expand\"");
        }
    }
}

#[test]
fn two_promotions_at_once() {
    let shop = expanded();
    shop.release("1.1.0", "switch-reads");
    shop.release("1.1.1", "switch-reads");
    let line = "promote --version 1.1.0 --env staging";
    for _ in 0..3 {
        let shop = shop.copy();
        let runs = at_once(&shop, &[line, line]);
        check_at_once(&shop, line, &runs, "\"version\":\"1.1.0\"");
    }
    // Of two different versions one wins, and the other is told so.
    let other = "promote --version 1.1.1 --env staging";
    for _ in 0..3 {
        let shop = shop.copy();
        let runs = at_once(&shop, &[line, other]);
        let winners = runs.iter().filter(|ran| ran.code == 0).count();
        assert_eq!(winners, 1, "{runs:#?}");
        let loser = runs.iter().find(|ran| ran.code != 0).unwrap();
        assert_eq!(loser.code, 1, "{loser:#?}");
        assert!(loser.stderr.contains("error[SB"), "{}", loser.stderr);
        shop.state();
    }
    // Two environments are no one's business but their own.
    shop.ok(&apply("production"));
    let production = "promote --version 1.1.0 --env production";
    let runs = at_once(&shop, &[line, production]);
    for ran in &runs {
        assert!(
            ran.code == 0 || ran.stderr.contains("error[SB0605]"),
            "{runs:#?}"
        );
    }
    for line in [line, production] {
        assert!([0, 3].contains(&shop.run(line).code));
    }
    let state = shop.state();
    assert_eq!(
        state.done.iter().filter(|it| it.contains("1.1.0")).count(),
        2
    );
}

// ---- hostile names ----

#[test]
fn hostile_names_walk_up_and_back() {
    for (table, from, to) in [
        ("my \"users\"", "e mail", "e'mail"),
        ("Größe--x", "spalte; DROP TABLE x", "ünï\ncode"),
        ("select", "from", "to -- comment"),
        ("a.b", "[x]", "`y`"),
    ] {
        let shop = Shop::new(Keep::Sqlite);
        let staging = shop.database("staging");
        let name = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let create = format!(
            "CREATE TABLE {0}(id integer PRIMARY KEY, {1} text UNIQUE NOT NULL);
             INSERT INTO {0}({1}) VALUES ('one'), ('two'), ('it''s');",
            name(table),
            name(from)
        );
        sql(&staging, &create);
        let new = [
            "change",
            "new",
            "rename-column",
            "--id",
            "hostile",
            "--table",
            table,
        ];
        let arguments = new.into_iter().chain(["--from", from, "--to", to]);
        shop.ok_with(arguments, &format!("{table} {from} {to}"));
        shop.commit(&shop.cli.folder(), "feat: hostile");
        let plan = shop.ok("change plan hostile --env staging");
        assert!(
            plan.chars().all(|c| c == '\n' || !c.is_control()),
            "{plan:?}"
        );
        shop.ok("change apply hostile --env staging --step expand");
        let expanded = dump_without_control(&staging);
        shop.ok("change status hostile");
        // Up to the end and all the way back; nothing that runs knows the table, but somebody
        // might: so code has to walk too.
        let file = "changes/hostile/change.toml";
        for (version, was, is) in [
            ("1.1.0", "old", "switch-reads"),
            ("1.2.0", "switch-reads", "stop-old-writes"),
        ] {
            edit(
                &shop,
                file,
                &format!("code = \"{was}\""),
                &format!("code = \"{is}\""),
            );
            shop.commit(&shop.cli.folder(), is);
            shop.ok(&format!("release record --version {version}"));
            shop.deploy(version, "staging");
        }
        shop.wait_for_window();
        shop.ok("change apply hostile --env staging --step contract --yes");
        let rows: Vec<String> = {
            let database = Connection::open(&staging).unwrap();
            let query = format!("SELECT {} FROM {} ORDER BY id", name(to), name(table));
            let mut statement = database.prepare(&query).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(rows, ["one", "two", "it's"]);
        shop.ok("change undo hostile --env staging --step contract --yes");
        let back = dump_without_control(&staging);
        assert_eq!(back, expanded);
        let log = shop.ok("ledger log --limit 0");
        assert!(log.chars().all(|c| c == '\n' || !c.is_control()), "{log:?}");
        // In production no code stands in the way, so there it goes back to the start.
        fs::remove_file(shop.database("production")).unwrap();
        sql(&shop.database("production"), &create);
        let before = dump_without_control(&shop.database("production"));
        shop.ok("change apply hostile --env production --step expand");
        assert_ne!(dump_without_control(&shop.database("production")), before);
        shop.ok("change undo hostile --env production --yes");
        assert_eq!(dump_without_control(&shop.database("production")), before);
    }
}

#[test]
fn control_characters_are_escaped() {
    let shop = planned();
    let evil = "\u{1b}[2J\u{7}\r\nevil\u{202e}";
    for arguments in [
        vec!["change", "apply", evil, "--env", "staging"],
        vec!["change", "apply", CHANGE, "--env", evil],
        vec![
            "change", "apply", CHANGE, "--env", "staging", "--step", evil,
        ],
        vec!["change", "status", evil],
        vec![
            "change",
            "new",
            "rename-column",
            "--table",
            evil,
            "--from",
            "a",
            "--to",
            "b",
        ],
        vec![
            "change",
            "new",
            "rename-column",
            "--table",
            "users",
            "--from",
            evil,
            "--to",
            "b",
        ],
        vec!["promote", "--version", evil, "--env", "staging"],
        vec!["promote", "--version", "1.0.0", "--env", evil],
        vec![
            "promote",
            "--version",
            "1.0.0",
            "--env",
            "staging",
            "--component",
            evil,
        ],
        vec!["release", "record", "--version", "1.1.0", "--commit", evil],
        vec!["rollback", "--env", "staging", "--to", evil],
        vec!["ledger", "show", evil],
        vec!["ledger", "verify", "--proof", evil],
    ] {
        let before = shop.traces();
        for colour in ["--color=never", "--color=always", "--format=json"] {
            let ran = shop.cli.run(arguments.iter().chain([&colour])).unwrap();
            assert!([1, 2].contains(&ran.code), "{arguments:?}: {ran:?}");
            assert!(ran.stderr.contains("SB0"), "{arguments:?}: {}", ran.stderr);
            let shown = ran.stderr.replace("\u{1b}[0m", "");
            for bad in ["\u{1b}[2J", "\u{7}", "\r", "\u{202e}"] {
                // In JSON it is a letter like any other.
                if bad == "\u{202e}" && colour == "--format=json" {
                    continue;
                }
                assert!(
                    !shown.contains(bad),
                    "{arguments:?} {colour}: {:?}",
                    ran.stderr
                );
            }
        }
        assert_eq!(shop.traces(), before, "{arguments:?}");
    }
    // Revisions that look like flags reach no git command as flags.
    let error = check_refused(
        &shop
            .cli
            .run(["release", "record", "--version", "1.1.0", "--commit=--all"])
            .unwrap(),
        "--commit=--all",
        1,
        "SB0606",
    );
    assert!(error.contains("--all"), "{error}");
}

// ---- plan files ----

#[test]
fn a_plan_is_applied_as_it_was_made_or_not_at_all() {
    let shop = planned();
    let plan = format!("change plan {CHANGE} --env staging --out plan.json");
    let with =
        |environment: &str| format!("change apply {CHANGE} --env {environment} --plan plan.json");
    shop.ok(&plan);
    let text = shop.cli.read("plan.json").unwrap();

    // It is for staging.
    shop.refused(&with("production"), 1, "SB0405");

    // By hand: the SQL, a title, another step, no steps, what it was made from.
    let value: Value = serde_json::from_str(&text).unwrap();
    let sql_text = value["steps"][0]["effect"]["sql"]
        .as_str()
        .unwrap()
        .to_owned();
    let edits: [(&str, Value); 6] = [
        (
            "/steps/0/effect/sql",
            Value::from(format!("{sql_text}\nDELETE FROM users;")),
        ),
        ("/steps/0/title", Value::from("Nothing much")),
        ("/steps/1/effect/set/email", Value::from("name")),
        (
            "/steps/0/action/operation/operation",
            Value::from("unexpand"),
        ),
        ("/made_from/marks/history", Value::from("start")),
        ("/purpose", Value::from("tidy up")),
    ];
    for (pointer, to) in edits {
        let mut edited = value.clone();
        match edited.pointer_mut(pointer) {
            Some(place) => *place = to,
            None => panic_on(pointer, &edited),
        }
        shop.cli.write("plan.json", edited.to_string()).unwrap();
        let ran = shop.run(&with("staging"));
        assert!(
            ran.code == 1 || ran.code == 2,
            "{pointer}: {}{}",
            ran.stdout,
            ran.stderr
        );
        assert!(
            ran.stderr.contains("error[SB0405]") || ran.stderr.contains("error[SB0109]"),
            "{pointer}: {}",
            ran.stderr
        );
    }
    let mut edited = value.clone();
    edited["steps"].as_array_mut().unwrap().remove(0);
    shop.cli.write("plan.json", edited.to_string()).unwrap();
    shop.refused(&with("staging"), 1, "SB0405");
    edited["steps"] = Value::Array(Vec::new());
    shop.cli.write("plan.json", edited.to_string()).unwrap();
    shop.refused(&with("staging"), 1, "SB0405");

    // Not a plan at all.
    for wrong in [
        "",
        "{}",
        "[1]",
        "\u{0}",
        &"[".repeat(100_000),
        &text[..text.len() / 2],
    ] {
        shop.cli.write("plan.json", wrong).unwrap();
        let error = shop.refused(&with("staging"), 2, "SB0109");
        assert!(error.contains("is not a plan"), "{error}");
    }
    fs::remove_file(shop.cli.folder().join("plan.json")).unwrap();
    shop.refused(&with("staging"), 2, "SB0112");

    // Something moves: the schema of the database, or the environment.
    let moved = shop.copy();
    moved.cli.write("plan.json", &text).unwrap();
    sql(
        &moved.database("staging"),
        "CREATE INDEX moved ON users(email_addr)",
    );
    moved.refused(&with("staging"), 1, "SB0405");
    let moved = shop.copy();
    moved.cli.write("plan.json", &text).unwrap();
    moved.release("1.0.1", "old");
    moved.deploy("1.0.1", "staging");
    moved.refused(&with("staging"), 1, "SB0405");

    // As it is, it is applied; a second time there is nothing to do.
    shop.cli.write("plan.json", &text).unwrap();
    shop.ok(&with("staging"));
    let before = shop.traces();
    assert_eq!(shop.run(&with("staging")).code, 3);
    assert_eq!(shop.traces(), before);
    // Taken back in between, it is stale: it must not claim to have been applied.
    shop.ok(&undo("staging"));
    shop.refused(&with("staging"), 1, "SB0405");

    // The way back as a file: it asks, and is applied as it was made.
    shop.ok(&apply("staging"));
    shop.ok(&format!(
        "change plan {CHANGE} --env staging --undo --out plan.json"
    ));
    shop.refused(&with("staging"), 2, "SB0107");
    shop.ok(&format!("{} --yes", with("staging")));
    assert_eq!(shop.run(&format!("{} --yes", with("staging"))).code, 3);
    let status = shop.json(&format!("change status {CHANGE}"));
    assert_eq!(
        status["changes"][0]["steps"][0]["environments"][0]["state"], "no",
        "{status}"
    );
}

fn panic_on(pointer: &str, plan: &Value) {
    assert!(
        plan.pointer(pointer).is_some(),
        "the plan has no {pointer}: {plan:#}"
    );
}
