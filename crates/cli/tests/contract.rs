//! `switchback contract`, and what contracts do to the next version, in a real repository.

#![expect(
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use serde_json::Value;
use support::{run, switchback};
use switchback_testkit::cli::Cli;
use switchback_testkit::git::ScratchRepository;

/// An API whose order has these properties, of which some have to be sent.
fn api(properties: &[&str], required: &[&str]) -> String {
    let mut text = String::from(
        "openapi: 3.0.3\ninfo: {title: shop, version: '1'}\npaths:\n  /orders:\n    post:\n      \
         requestBody:\n        content:\n          application/json:\n            schema:\n              \
         type: object\n              properties:\n",
    );
    for name in properties {
        text.push_str(&format!("                {name}: {{type: string}}\n"));
    }
    text.push_str(&format!(
        "              required: [{}]\n",
        required.join(", ")
    ));
    text.push_str("      responses: {'200': {description: ok}}\n");
    text
}

fn committed(git: &ScratchRepository, text: &str, message: &str) {
    git.write("api/openapi.yaml", text);
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", message]);
}

const SETTINGS: &str = "schema = 1\nproject.name = \"shop\"\n\n[[component]]\nname = \"api\"\n\n\
                        [[contracts.file]]\npath = \"api/openapi.yaml\"\n";

/// Released as 1.0.0, and since then a field has to be sent that could not be before.
fn broken() -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.write("switchback.toml", SETTINGS);
    committed(&git, &api(&["item"], &["item"]), "feat: orders");
    git.git(&["tag", "v1.0.0"]);
    let new = api(&["item", "currency"], &["item", "currency"]);
    committed(&git, &new, "fix: a small thing");
    (cli, git)
}

fn json(cli: &Cli, line: &str) -> (Value, i32) {
    let ran = run(cli, &format!("{line} --format json"));
    let value = serde_json::from_str(&ran.stdout);
    (value.unwrap_or_else(|_| panic!("{}", ran.stderr)), ran.code)
}

#[test]
fn a_contract_raises_the_version_above_what_a_commit_says() {
    let (cli, _git) = broken();
    let (verdict, code) = json(&cli, "version");
    assert_eq!(code, 0);
    assert_eq!(verdict["decision"]["version"], "2.0.0");
    assert_eq!(verdict["commits_level"], "patch");
    assert_eq!(verdict["contracts"]["api/openapi.yaml"], "major");
    let refused = run(&cli, "version --propose 1.0.1");
    assert_eq!(refused.code, 1);
    for says in [
        "error[SB1601]",
        "currency",
        "2.0.0 at least",
        "bring back what was there",
        "let it pass for a while",
    ] {
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
    let evidence = &verdict["reasons"][0]["evidence"];
    assert_eq!(evidence["file"], "api/openapi.yaml");
    assert!(evidence["line"].as_u64().unwrap() > 10, "{evidence}");
}

#[test]
fn files_and_revisions_can_be_compared_in_every_way() {
    let (cli, git) = broken();
    for line in [
        "contract diff",
        "contract diff v1.0.0",
        "contract diff v1.0.0 HEAD",
        "contract diff v1.0.0 api/openapi.yaml",
        "contract diff v1.0.0:api/openapi.yaml",
        "contract diff v1.0.0:./api/openapi.yaml HEAD",
        "contract diff v1.0.0:api/openapi.yaml api/openapi.yaml",
        "contract diff HEAD~1:api/openapi.yaml HEAD:api/openapi.yaml",
    ] {
        let (shown, code) = json(&cli, line);
        assert_eq!(code, 1, "{line}");
        assert_eq!(shown["level"], "major", "{line}");
        assert_eq!(shown["contracts"][0]["file"], "api/openapi.yaml", "{line}");
        assert_eq!(shown["contracts"][0]["kind"], "openapi", "{line}");
    }
    let (shown, code) = json(&cli, "contract diff HEAD");
    assert_eq!((&shown["level"], code), (&"none".into(), 0));
    let (_, code) = json(&cli, "contract diff v1.0.0 --fail-on none");
    assert_eq!(code, 0);
    // What lies in the folder and was not committed counts too.
    git.write("api/openapi.yaml", api(&["item"], &["item"]));
    assert_eq!(run(&cli, "contract diff v1.0.0").code, 0);
    // Two files that no repository knows.
    let (old, new) = (api(&["a"], &[]), api(&["a", "b"], &["b"]));
    let other = tempfile::tempdir().unwrap();
    let at = |name: &str| other.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("old.yaml"), old).unwrap();
    std::fs::write(at("new.yaml"), new).unwrap();
    let line = format!("contract diff {} {}", at("old.yaml"), at("new.yaml"));
    let people = run(&cli, &line);
    assert_eq!(people.code, 1);
    for says in ["new.yaml (openapi): major", "major, proved", "`b`"] {
        assert!(people.stdout.contains(says), "{}", people.stdout);
    }
    assert!(people.stderr.contains("error[SB1611]"), "{}", people.stderr);
}

#[test]
fn what_may_pass_is_told_and_raises_nothing_until_its_last_day() {
    let (cli, git) = broken();
    let (shown, _) = json(&cli, "contract diff");
    let finding = &shown["contracts"][0]["findings"][0];
    let waiver = |until: &str| {
        format!(
            "[[waiver]]\nrule = {}\nfingerprint = {}\nowner = \"payments\"\n\
             reason = \"the only client sends it\"\nuntil = \"{until}\"\n",
            finding["rule"]["id"], finding["fingerprint"]
        )
    };
    git.write("contract-waivers.toml", waiver("9999-12-31"));
    // Whoever releases a commit has what that commit lets pass.
    assert_eq!(json(&cli, "version").0["decision"]["version"], "2.0.0");
    let (shown, code) = json(&cli, "contract diff v1.0.0");
    assert_eq!((&shown["level"], code), (&"none".into(), 0), "{shown}");
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", "chore: let it pass"]);
    let (verdict, _) = json(&cli, "version");
    assert_eq!(verdict["decision"]["version"], "1.0.1");
    assert_eq!(verdict["waived"][0]["waiver"]["owner"], "payments");
    let people = run(&cli, "version").stdout;
    assert!(
        people.contains("payments until 9999-12-31: the only client sends it"),
        "{people}"
    );
    git.write("contract-waivers.toml", waiver("2020-01-01"));
    let late = run(&cli, "contract diff v1.0.0");
    assert_eq!(late.code, 1);
    assert!(
        late.stderr
            .contains("payments let it pass until 2020-01-01"),
        "{}",
        late.stderr
    );
    git.write("contract-waivers.toml", waiver("someday"));
    let wrong = run(&cli, "contract diff v1.0.0");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("error[SB1614]") && wrong.stderr.contains("contract-waivers.toml:6"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn code_scanning_gets_a_log_with_rules_and_lines() {
    let (cli, _git) = broken();
    let log = run(&cli, "contract diff v1.0.0 --format sarif");
    assert_eq!(log.code, 1);
    let log: Value = serde_json::from_str(&log.stdout).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let breaks: Vec<&str> = results
        .iter()
        .filter(|it| it["level"] == "error")
        .map(|it| it["ruleId"].as_str().unwrap())
        .collect();
    assert!(!breaks.is_empty());
    assert!(
        breaks.iter().all(|it| it.starts_with("SB1611/openapi-")),
        "{breaks:?}"
    );
    let at = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(at["artifactLocation"]["uri"], "api/openapi.yaml");
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    assert!(rules.iter().any(|it| it["id"] == "SB1611"));
    let github = run(&cli, "contract diff v1.0.0 --format github");
    assert!(
        github
            .stdout
            .contains("::error file=api/openapi.yaml,line="),
        "{}",
        github.stdout
    );
}

#[test]
fn a_contract_that_is_new_or_gone_counts_too() {
    let (cli, git) = broken();
    git.git(&["rm", "-q", "api/openapi.yaml"]);
    git.git(&["commit", "-q", "-m", "chore: nobody needs it"]);
    let (verdict, _) = json(&cli, "version");
    assert_eq!(verdict["decision"]["version"], "2.0.0");
    assert!(
        verdict["reasons"][0]["sentence"]
            .as_str()
            .unwrap()
            .contains("is gone"),
        "{verdict}"
    );
    git.git(&["tag", "v2.0.0"]);
    let nothing = run(&cli, "version");
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
    assert!(
        nothing.stderr.contains("error[SB1613]"),
        "{}",
        nothing.stderr
    );
    committed(&git, &api(&["item"], &[]), "chore: again");
    assert_eq!(json(&cli, "version").0["decision"]["version"], "2.1.0");
}

#[test]
fn what_cannot_be_compared_is_said_with_a_code_and_its_place() {
    let (cli, git) = broken();
    git.write("notes.txt", "hello");
    git.write("twice.yaml", "openapi: 3.0.3\npaths: {}\npaths: {}\n");
    git.write(
        "deep.json",
        format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)),
    );
    git.write("secret", "x");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("passwords"), "type: object\n").unwrap();
    std::os::unix::fs::symlink(
        outside.path().join("passwords"),
        cli.folder().join("linked.yaml"),
    )
    .unwrap();
    std::fs::create_dir(cli.folder().join("folder")).unwrap();
    for (line, code, says) in [
        ("contract diff api/openapi.yaml", 2, "error[SB0109]"),
        (
            "contract diff nowhere api/openapi.yaml",
            2,
            "neither a file nor a revision",
        ),
        ("contract diff HEAD notes.txt", 2, "error[SB1613]"),
        ("contract diff HEAD notes.txt", 2, "what kind"),
        (
            "contract diff HEAD:notes.txt",
            2,
            "no contract notes.txt in HEAD",
        ),
        ("contract diff HEAD:none.yaml", 2, "neither before nor now"),
        ("contract diff twice.yaml twice.yaml", 2, "twice.yaml:3"),
        (
            "contract diff deep.json deep.json --kind json-schema",
            2,
            "deep in each other",
        ),
        ("contract diff HEAD linked.yaml", 2, "leads outside"),
        ("contract diff HEAD folder", 2, "neither before nor now"),
        (
            "contract diff . .",
            2,
            "no contract in this folder, neither before nor now",
        ),
        (
            "contract diff HEAD notes.txt --kind yaml",
            2,
            "the kinds are openapi",
        ),
        ("contract diff HEAD --kind avro", 2, "do not go together"),
        ("contract diff v9.9.9", 2, "error[SB1603]"),
        ("contract diff --component web", 2, "web"),
    ] {
        let ran = run(&cli, line);
        assert_eq!(ran.code, code, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{line}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{line}");
    }
}

#[test]
fn every_rule_can_be_listed() {
    let cli = switchback();
    let (all, code) = json(&cli, "contract rules");
    assert_eq!(code, 0);
    let all = all["rules"].as_array().unwrap().len();
    let (some, _) = json(&cli, "contract rules --kind avro");
    let some = some["rules"].as_array().unwrap();
    assert!(all > 100 && some.len() < all);
    assert!(some.iter().all(|it| it["surface"] == "avro"));
    let people = run(&cli, "contract rules --kind openapi").stdout;
    assert!(people.contains("openapi-contract-removed"), "{people}");
}

#[test]
fn a_folder_of_protobuf_is_one_contract() {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    let order = |fields: &str| {
        format!(
            "syntax = \"proto3\";\npackage shop;\nimport \"shop/money.proto\";\n\
             message Order {{\n  {fields}\n  Money total = 9;\n}}\n"
        )
    };
    let money = "syntax = \"proto3\";\npackage shop;\nmessage Money { int64 cents = 1; }\n";
    git.write("proto/shop/money.proto", money);
    git.write("proto/shop/order.proto", order("string item = 1;"));
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", "feat: orders"]);
    let all = run(&cli, "contract diff . .").stdout;
    assert_eq!(all, ". (protobuf): nothing changed for anybody\n");
    // Where a message stands makes no difference.
    git.write("proto/shop/money.proto", format!("// Money.\n{money}"));
    let (shown, code) = json(&cli, "contract diff HEAD proto");
    assert_eq!((&shown["level"], code), (&"none".into(), 0), "{shown}");
    git.write("proto/shop/order.proto", order("int32 item = 1;"));
    for line in [
        "HEAD proto",
        "HEAD:proto proto",
        "HEAD proto/shop/order.proto",
    ] {
        let (shown, code) = json(&cli, &format!("contract diff {line}"));
        assert_eq!(code, 1, "{line}: {shown}");
        let found = &shown["contracts"][0];
        assert_eq!(found["kind"], "protobuf");
        assert_eq!(found["findings"][0]["file"], "proto/shop/order.proto");
        assert_eq!(found["findings"][0]["line"], 5, "{shown}");
    }
    git.write("proto/shop/money.proto", "message {");
    let wrong = run(&cli, "contract diff HEAD proto");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("proto/shop/money.proto:1"),
        "{}",
        wrong.stderr
    );
    git.write("proto/shop/money.proto", "import \"nowhere.proto\";");
    let wrong = run(&cli, "contract diff HEAD proto");
    assert!(wrong.stderr.contains("nowhere.proto"), "{}", wrong.stderr);
}
