//! One change walked up and back by commands, with what they say, how they end and what they leave
//! behind in Git and in the ledger.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};
use shop::{CHANGE, Keep, Shop, Sync, check_refused, dump_without_control};

fn apply(environment: &str) -> String {
    format!("change apply {CHANGE} --env {environment} --yes")
}

fn undo(environment: &str) -> String {
    format!("change undo {CHANGE} --env {environment} --yes")
}

/// Everything that `status` admits now in an environment.
fn admitted(shop: &Shop, environment: &str) -> Vec<String> {
    let status = shop.json(&format!("status --env {environment}"));
    let next = status["environments"][0]["next"]
        .as_array()
        .unwrap()
        .clone();
    next.into_iter()
        .map(|line| {
            line.as_str()
                .unwrap()
                .trim_start_matches("switchback ")
                .to_owned()
        })
        .collect()
}

/// A column of `change status`: what stands at each step in an environment.
fn at(shop: &Shop, environment: usize) -> Vec<String> {
    let status = shop.json("change status");
    let steps = status["changes"][0]["steps"].as_array().unwrap();
    let words = |step: &Value| {
        let standing = &step["environments"][environment];
        let versions: Vec<&str> = standing["versions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        match (
            standing["state"].as_str().unwrap(),
            step["kind"].as_str().unwrap(),
        ) {
            ("yes", "database") => "applied".to_owned(),
            ("yes", _) => versions.join(", "),
            (other, _) => other.to_owned(),
        }
    };
    steps.iter().map(words).collect()
}

fn trailers(shop: &Shop, key: &str) -> Vec<String> {
    let format = format!("--format=%(trailers:key={key},valueonly,separator=%x20)");
    let log = shop.git(&shop.gitops(), &["log", &format]);
    log.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

fn emails(shop: &Shop, environment: &str, column: &str) -> Vec<String> {
    let database = Connection::open(shop.database(environment)).unwrap();
    let mut statement = database
        .prepare(&format!("SELECT {column} FROM users ORDER BY id"))
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_whole_walk_with_triggers() {
    let shop = Shop::new(Keep::Sqlite);
    let before = dump_without_control(&shop.database("staging"));
    let values = fs::read_to_string(shop.values("production")).unwrap();
    assert_eq!(admitted(&shop, "staging"), [""; 0]);
    shop.plan_change(Sync::Triggers);

    // Looking at a plan does nothing, and pending steps have an exit code of their own.
    let traces = shop.traces();
    let plan = shop.ok(&format!("change plan {CHANGE} --env staging"));
    assert!(
        plan.contains("ADD COLUMN email TEXT") && plan.contains("plan sha256:"),
        "{plan}"
    );
    let plan = shop.json(&format!("change plan {CHANGE} --env staging"));
    assert_eq!(plan["schema"], "switchback.plan-view/v1");
    assert_eq!(plan["plan"]["steps"].as_array().unwrap().len(), 2);
    assert_eq!(shop.run("change status --exit-code").code, 6);
    assert_eq!(shop.run("change status").code, 0);
    assert_eq!(shop.traces(), traces);

    // Expand; the first look at it writes nothing to Git.
    let applied = shop.json(&format!("change apply {CHANGE} --env staging"));
    assert_eq!(applied["schema"], "switchback.applied/v1");
    assert_eq!(applied["environment"], "staging");
    assert_eq!(at(&shop, 0), ["applied", "no", "no", "no"]);
    assert_eq!(at(&shop, 1), ["no"; 4]);
    assert_eq!(trailers(&shop, "Switchback-Intent"), [""; 0]);
    shop.ok(&apply("production"));

    // Too early: who is in the way, and that it was asked, stand in the ledger.
    let error = shop.refused_on_record(&apply("staging"), 1, "SB0301");
    assert!(
        error.contains("app 1.0.0, which is live, reads users.email_addr"),
        "{error}"
    );
    let log = shop.json("ledger log --limit 1");
    assert_eq!(log["schema"], "switchback.ledger-log/v1");
    assert_eq!(log["events"][0]["kind"], "refused");

    // Code, one step a release.
    shop.release("1.1.0", "switch-reads");
    shop.release("1.2.0", "stop-old-writes");
    let error = shop.refused_on_record("promote --version 1.2.0 --env production", 1, "SB0302");
    assert!(
        error.contains("switchback promote --version 1.1.0 --env production"),
        "{error}"
    );
    shop.refused("promote --version 1.3.0 --env production", 2, "SB0701");

    let shown = shop.json("promote --version 1.1.0 --env production --dry-run");
    assert_eq!(shown["schema"], "switchback.plan-view/v1");
    let moved = shop.json("promote --version 1.1.0 --env production");
    assert_eq!(
        moved,
        json!({
            "schema": "switchback.moved/v1", "environment": "production", "component": "app",
            "from": "1.0.0", "to": "1.1.0", "under_way": true,
        })
    );
    let text = fs::read_to_string(shop.values("production")).unwrap();
    assert_eq!(
        text,
        values.replace("1.0.0", "1.1.0"),
        "more than the version was edited"
    );
    assert_eq!(at(&shop, 1), ["applied", "app 1.1.0", "no", "no"]);
    let next = admitted(&shop, "production");
    assert!(
        next.contains(&"rollout finish --env production".to_owned()),
        "{next:?}"
    );
    assert!(
        next.contains(&"rollout abort --env production".to_owned()),
        "{next:?}"
    );
    shop.refused_on_record("promote --version 1.2.0 --env production", 1, "SB0304");
    assert_eq!(shop.run("promote --version 1.1.0 --env production").code, 3);
    let finished = shop.json("rollout finish --env production");
    assert_eq!(
        (&finished["version"], &finished["target"]),
        (&json!("1.1.0"), &json!("1.0.0"))
    );
    shop.refused_on_record("rollout finish --env production", 1, "SB0304");
    shop.refused_on_record("rollout abort --env production", 1, "SB0304");

    // Up, a bad night, and up again.
    shop.deploy("1.2.0", "production");
    let status = shop.json("status --env production");
    let component = &status["environments"][0]["components"][0];
    assert_eq!(status["schema"], "switchback.status/v1");
    let targets: Vec<&Value> = component["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["version"])
        .collect();
    assert_eq!(targets, ["1.0.0", "1.1.0"]);
    assert!(component["targets"][0]["left"].as_u64().unwrap() > 23 * 60 * 60 * 1000);
    shop.refused_on_record("rollback --to 1.2.0 --env production", 1, "SB0303");
    shop.ok("rollback --env production");
    // Said twice, it does not turn round.
    assert_eq!(shop.run("rollback --env production").code, 3);
    shop.ok("rollout finish --env production");
    assert!(
        fs::read_to_string(shop.values("production"))
            .unwrap()
            .contains("version: 1.1.0")
    );
    shop.ok("promote --version 1.2.0 --env production");
    shop.ok("rollout abort --env production");
    assert_eq!(shop.run("rollout abort --env production").code, 3);
    shop.ok("rollout finish --env production");
    shop.deploy("1.2.0", "production");
    let error = shop.refused_on_record(&apply("production"), 1, "SB0301");
    assert!(
        error.contains("which is a rollback target until"),
        "{error}"
    );
    assert!(error.contains("wait until"), "{error}");

    // In staging the windows are over: contract, which needs a word, and back.
    shop.deploy("1.1.0", "staging");
    shop.deploy("1.2.0", "staging");
    shop.wait_for_window();
    shop.refused("rollback --env staging", 1, "SB0703");
    shop.refused_on_record("rollback --to 1.0.0 --env staging", 1, "SB0703");
    shop.refused(&format!("change apply {CHANGE} --env staging"), 2, "SB0107");
    let emails_before = emails(&shop, "staging", "email");
    let expanded = dump_without_control(&shop.database("staging"));
    shop.ok(&apply("staging"));
    assert_eq!(emails(&shop, "staging", "email"), emails_before);
    assert_eq!(at(&shop, 0), ["applied", "no", "app 1.2.0", "applied"]);
    assert_eq!(shop.run(&apply("staging")).code, 3);
    shop.ok(&undo("staging"));
    assert_eq!(dump_without_control(&shop.database("staging")), expanded);
    let error = shop.refused_on_record(&undo("staging"), 1, "SB0301");
    assert!(
        error.contains("app 1.2.0, which is live, reads users.email"),
        "{error}"
    );
    shop.ok(&apply("staging"));

    // In production all the way back, as long as the windows are open.
    shop.ok("rollback --to 1.0.0 --env production");
    shop.ok("rollout finish --env production");
    shop.ok(&undo("production"));
    assert_eq!(dump_without_control(&shop.database("production")), before);
    assert_eq!(shop.run(&undo("production")).code, 3);
    assert_eq!(at(&shop, 1), ["no"; 4]);

    // Every move is one commit that names its intent, the ledger's head and the release.
    let events = shop.events();
    let intents = trailers(&shop, "Switchback-Intent");
    let moves = events
        .iter()
        .filter(|(_, event)| event["event"] == "intended" && event["action"]["component"] == "app");
    let mut moves: Vec<&str> = moves.map(|(id, _)| id.as_str()).collect();
    moves.reverse();
    assert_eq!(intents, moves);
    assert_eq!(trailers(&shop, "Release-Record").len(), moves.len());
    for line in trailers(&shop, "Ledger-Checkpoint") {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(
            words.len() == 3 && words[0] == "shop" && words[2].starts_with("sha256:"),
            "{line}"
        );
    }
    let subjects = shop.git(&shop.gitops(), &["log", "--format=%s", "-2"]);
    assert_eq!(
        subjects.lines().next(),
        Some("rollback(production): app 1.0.0")
    );
    let verified = shop.json("ledger verify");
    assert_eq!(verified["anchors_in_git"], json!(moves.len()));
    shop.state();
    assert_eq!(shop.run("change status --exit-code").code, 6);
}

#[test]
fn the_whole_walk_where_the_application_writes_both() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Application);
    let before = dump_without_control(&shop.database("staging"));
    for (version, step) in [
        ("1.1.0", "dual-write"),
        ("1.2.0", "switch-reads"),
        ("1.3.0", "stop-old-writes"),
    ] {
        shop.release(version, step);
    }
    // The code cannot come before the column, nor the copy before the code that keeps it fresh.
    shop.refused_on_record("promote --version 1.1.0 --env staging", 1, "SB0301");
    shop.ok(&apply("staging"));
    let error = shop.refused_on_record(&apply("staging"), 1, "SB0301");
    assert!(error.contains("app 1.0.0"), "{error}");
    assert_eq!(
        emails(&shop, "staging", "coalesce(email, 'none')")[0],
        "none"
    );
    shop.deploy("1.1.0", "staging");
    shop.wait_for_window();
    shop.refused_on_record("promote --version 1.2.0 --env staging", 1, "SB0301");
    shop.ok(&apply("staging"));
    assert_eq!(
        emails(&shop, "staging", "email"),
        emails(&shop, "staging", "email_addr")
    );
    assert_eq!(
        at(&shop, 0),
        ["applied", "app 1.1.0", "applied", "no", "no", "no"]
    );
    // A way back of its own.
    shop.ok(&undo("staging"));
    assert_eq!(
        emails(&shop, "staging", "coalesce(email, 'none')")[0],
        "none"
    );
    shop.ok(&apply("staging"));
    shop.deploy("1.2.0", "staging");
    shop.refused_on_record(&undo("staging"), 1, "SB0301");
    shop.deploy("1.3.0", "staging");
    shop.wait_for_window();
    shop.ok(&apply("staging"));
    assert_eq!(shop.run(&apply("staging")).code, 3);
    assert_eq!(at(&shop, 0).last().map(String::as_str), Some("applied"));
    shop.ok(&undo("staging"));
    shop.state();

    // In production nothing but the expand, and back.
    shop.ok(&apply("production"));
    shop.ok(&undo("production"));
    assert_eq!(dump_without_control(&shop.database("production")), before);
}

#[test]
fn releases_that_are_refused() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    let top = shop.cli.folder();
    // The same version again: nothing to do from the same commit, refused from another.
    let first = shop.git(&top, &["rev-list", "HEAD", "--grep=chore: switchback"]);
    assert_eq!(
        shop.run(&format!("release record --version 1.0.0 --commit {first}"))
            .code,
        3
    );
    let error = shop.refused("release record --version 1.0.0", 1, "SB0702");
    assert!(error.contains(&first), "{error}");

    // Two code steps at once.
    shop.code_at("stop-old-writes");
    let error = check_refused(
        &shop.run("release record --version 1.1.0"),
        "skip",
        1,
        "SB0302",
    );
    assert!(error.contains("from `old` to `stop-old-writes`"), "{error}");
    shop.code_at("switch-reads");
    let traces = shop.traces();
    shop.ok("release record --version 1.1.0 --dry-run");
    assert_eq!(shop.traces(), traces, "a dry run recorded something");
    let recorded = shop.json("release record --version 1.1.0");
    assert_eq!(recorded["schema"], "switchback.release-recorded/v1");
    assert_eq!(recorded["code"][CHANGE], "switch-reads");

    // The folder is gone while the change is open.
    shop.git(&top, &["rm", "-rq", "changes"]);
    shop.commit(&top, "chore: tidy up");
    let error = shop.refused("release record --version 1.2.0", 2, "SB0401");
    assert!(
        error.contains(CHANGE) && error.contains("keep the folder"),
        "{error}"
    );

    for (line, code) in [
        ("release record --version v1.2.0", "SB0109"),
        ("release record --version 1.2", "SB0109"),
        ("release record --version 1.2.0 --component web", "SB0106"),
    ] {
        shop.refused(line, 2, code);
    }
    shop.refused(
        "release record --version 1.2.0 --commit nowhere",
        1,
        "SB0606",
    );
}

#[test]
fn proofs_go_round_and_tampered_ones_do_not() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    shop.ok(&apply("staging"));
    let prove = |event: &str| shop.ok(&format!("ledger prove {event}"));
    let keep = |name: &str, text: &str| shop.cli.write(name, text).unwrap();

    // Without a signed checkpoint nothing vouches for the proof but a checkpoint beside it.
    keep("early.json", &prove("2"));
    let note = shop.ok("ledger checkpoint --out checkpoint.txt");
    assert_eq!(shop.cli.read("checkpoint.txt").unwrap(), note);
    let proof = prove("2");
    keep("proof.json", &proof);
    let proved = shop.json("ledger verify --proof proof.json --checkpoint checkpoint.txt");
    assert_eq!(proved["schema"], "switchback.ledger-proved/v1");
    assert_eq!(proved["index"], 2);
    let id = shop.events()[2].0.clone();
    assert_eq!(proved["id"], json!(id));
    keep("by-id.json", &prove(&id));
    shop.ok("ledger verify --proof by-id.json --checkpoint checkpoint.txt");
    shop.ok("ledger verify --proof proof.json");
    assert_eq!(
        shop.run("ledger verify --checkpoint checkpoint.txt").code,
        0
    );

    // It needs no ledger.
    let away = shop.copy();
    fs::remove_file(away.ledger()).unwrap();
    away.ok("ledger verify --proof proof.json");
    away.ok("ledger verify --proof proof.json --checkpoint checkpoint.txt");

    // Every digit and every letter of it matters: changed, it proves nothing.
    let value: Value = serde_json::from_str(&proof).unwrap();
    let mut tried = 0;
    for pointer in pointers(&value, String::new()) {
        let mut tampered = value.clone();
        let place = tampered.pointer_mut(&pointer).unwrap();
        let Some(other) = tamper(place) else { continue };
        *place = other;
        keep("tampered.json", &tampered.to_string());
        let line = "ledger verify --proof tampered.json --checkpoint checkpoint.txt";
        let ran = shop.run(line);
        if ran.code == 0 {
            // What the checkpoint beside it does not need: the head and note that it brings along.
            assert!(
                pointer.contains("head") || pointer.contains("checkpoint"),
                "{pointer}"
            );
            let ran = shop.run("ledger verify --proof tampered.json");
            assert_ne!(ran.code, 0, "{pointer} may say anything");
        } else {
            assert!([2, 4].contains(&ran.code), "{pointer}: {}", ran.stderr);
            assert!(ran.stderr.contains("error[SB0202]") || ran.stderr.contains("SB0109"));
        }
        tried += 1;
    }
    assert!(tried >= 8, "only {tried} places were tampered with");
    for wrong in ["", "{}", "null", "[]"] {
        keep("tampered.json", wrong);
        assert_ne!(
            shop.run("ledger verify --proof tampered.json").code,
            0,
            "{wrong}"
        );
    }
    // A checkpoint of somebody else, and one that was edited.
    let other = Shop::new(Keep::Sqlite);
    keep("other.txt", &other.ok("ledger checkpoint"));
    keep("edited.txt", &note.replacen("\n", " \n", 1));
    for file in ["other.txt", "edited.txt"] {
        for line in ["ledger verify --proof proof.json", "ledger verify"] {
            shop.refused(&format!("{line} --checkpoint {file}"), 4, "SB0202");
        }
    }
    shop.refused("ledger prove 999", 2, "SB0109");
    shop.refused("ledger show nothing", 2, "SB0109");
}

fn pointers(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| pointers(value, format!("{at}/{name}")))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| pointers(value, format!("{at}/{index}")))
            .collect(),
        _ => vec![at],
    }
}

/// Something else of the same kind.
fn tamper(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => {
            let mut bytes = text.clone().into_bytes();
            // In the middle: the last letters of base64 may have bits that mean nothing.
            let middle = bytes.len() / 2;
            let byte = bytes.get_mut(middle)?;
            *byte = if *byte == b'0' { b'1' } else { b'0' };
            String::from_utf8(bytes).ok().map(Value::from)
        }
        Value::Number(number) => Some(Value::from(number.as_u64()? + 1)),
        _ => None,
    }
}

#[test]
fn another_ledger_in_its_place_is_noticed() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    shop.ok(&apply("production"));
    let early = fs::read(shop.ledger()).unwrap();
    shop.release("1.1.0", "switch-reads");
    shop.deploy("1.1.0", "production");
    shop.ok("ledger verify");
    shop.ok("ledger checkpoint --out checkpoint.txt");

    // Cut back to before the promotion: the commit knows better.
    let cut = shop.copy();
    fs::write(cut.ledger(), early).unwrap();
    let error = verify_fails(&cut, "ledger verify");
    assert!(error.contains("the anchor in commit"), "{error}");

    // Made again, empty, and filled with the same words.
    let again = shop.copy();
    fs::remove_file(again.ledger()).unwrap();
    again.ok("ledger create");
    assert_eq!(again.run("ledger create").code, 3);
    verify_fails(&again, "ledger verify");
    let first = again.git(
        &again.cli.folder(),
        &["rev-list", "HEAD", "--grep=chore: switchback"],
    );
    again.ok(&format!("release record --version 1.0.0 --commit {first}"));
    again.ok("release record --version 1.1.0");
    for environment in ["staging", "production"] {
        again.run(&format!("promote --version 1.0.0 --env {environment}"));
        again.run(&format!("promote --version 1.1.0 --env {environment}"));
        again.run(&format!("rollout finish --env {environment}"));
    }
    verify_fails(&again, "ledger verify");

    // An event edited, one taken out, two exchanged; each also where nothing is anchored.
    for forge in [
        "UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), 'Test Author', 'Nice Author') AS BLOB) WHERE idx = 1",
        "UPDATE entries SET payload = CAST(replace(CAST(payload AS TEXT), '1.1.0', '1.1.1') AS BLOB)",
        "DELETE FROM entries WHERE idx = 3",
        "UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE idx = 2) WHERE idx = 1",
        "DELETE FROM entries WHERE idx = (SELECT max(idx) FROM entries)",
    ] {
        let forged = shop.copy();
        Connection::open(forged.ledger())
            .unwrap()
            .execute_batch(forge)
            .unwrap();
        verify_fails(&forged, "ledger verify --checkpoint checkpoint.txt");
        fs::rename(forged.ledger(), forged.cli.folder().join("forged.db")).unwrap();
        fs::copy(shop.ledger(), forged.ledger()).unwrap();
        forged.ok("ledger verify");
        verify_fails(&forged, "ledger verify --store forged.db");
    }
}

fn verify_fails(shop: &Shop, line: &str) -> String {
    check_refused(&shop.run(line), line, 4, "SB0202")
}
