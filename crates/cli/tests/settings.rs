//! Settings as users meet them: what is shown, and what a mistake looks like.

mod support;

use serde_json::Value;
use support::{WHOLE, bad, good, run, switchback, with_settings};

#[test]
fn what_is_in_effect_is_shown_with_its_origin() {
    let cli = with_settings(WHOLE);
    let expected = "\
schema                                  1                         switchback.toml:1
project.name                            shop                      switchback.toml:4
ledger.store                            postgresql                switchback.toml:7
ledger.url                              (secret)                  variable SWITCHBACK_LEDGER_URL, which is not set
rollback.window                         36h                       switchback.toml:10
changes.folder                          changes                   default
changes.keep                            30d                       default
backfills.folder                        backfills                 default
version.first                           0.1.0                     default
version.hotfix.allow                    fixes                     default
version.hotfix.branch                   hotfix/{tag}              default
version.merges                          ignore                    default
version.reverts                         count                     default
version.squash                          raise                     default
version.types.build                     none                      default
version.types.chore                     none                      default
version.types.ci                        none                      default
version.types.deps                      patch                     default
version.types.docs                      none                      default
version.types.feat                      minor                     default
version.types.feature                   minor                     default
version.types.fix                       patch                     default
version.types.perf                      patch                     default
version.types.refactor                  none                      default
version.types.revert                    patch                     default
version.types.security                  patch                     default
version.types.style                     none                      default
version.types.test                      none                      default
version.unclear                         ask                       default
version.unknown                         none                      default
version.zero                            minor                     default
changelog.commits                       unless-written            default
changelog.entries                       changelog.d               default
contracts.waivers                       contract-waivers.toml     default
component.app.path                      .                         default
environment.staging.rollback-window     1h                        switchback.toml:17
environment.staging.database.engine     sqlite                    switchback.toml:18
environment.staging.database.path       staging.db                switchback.toml:18
environment.staging.values.repository   ../gitops                 switchback.toml:19
environment.staging.values.branch       main                      default
environment.staging.values.file         envs/staging/values.yaml  switchback.toml:19
environment.staging.values.key          {component}.version       default
environment.production.rollback-window  36h                       from rollback.window
";
    assert_eq!(good(&cli, "config show --origin"), expected);
    let plain = good(&cli, "config show");
    assert_eq!(plain.lines().count(), expected.lines().count());
    assert!(!plain.contains("switchback.toml"));
}

#[test]
fn what_is_said_of_versions_is_shown_however_deep_it_is() {
    let cli = with_settings(
        r#"schema = 1
project.name = "shop"
platform = {}
version.types = { deps = "minor" }
version.deprecation.window = "90d"

[[component]]
name = "api"
tags = "api-{version}"
version-files = ["VERSION", { path = "Chart.yaml", kind = "chart", app-version = true }]

[[component]]
name = "web"

[[version.group]]
name = "core"
kind = "fixed"
components = ["api", "web"]

[[contracts.file]]
path = "openapi.yaml"
component = "api"
stability = { "/v1.2/beta" = "beta" }
"#,
    );
    let shown = good(&cli, "config show --origin");
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .map(|it| it.split_whitespace().collect())
        .collect();
    for (key, value, origin) in [
        ("version.deprecation.window", "90d", "switchback.toml:5"),
        ("version.types.deps", "minor", "switchback.toml:4"),
        ("version.types.feat", "minor", "default"),
        (
            "version.group[0].components[1]",
            "web",
            "switchback.toml:18",
        ),
        (
            "contracts.file[0].stability./v1.2/beta",
            "beta",
            "switchback.toml:23",
        ),
        ("platform.file", "platform.json", "default"),
        ("component.api.tags", "api-{version}", "switchback.toml:9"),
        (
            "component.api.version-files[0]",
            "VERSION",
            "switchback.toml:10",
        ),
        (
            "component.api.version-files[1].app-version",
            "true",
            "switchback.toml:10",
        ),
    ] {
        assert!(rows.contains(&vec![key, value, origin]), "{key}: {shown}");
    }
}

#[test]
fn json_has_the_same_and_a_schema() {
    let mut cli = with_settings(WHOLE);
    cli.set("SWITCHBACK_LEDGER_URL", "postgresql://u:hunter2@h/db");
    let text = good(&cli, "config show --format json");
    assert!(!text.contains("hunter2"), "a secret is shown");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema"], "switchback.settings-shown/v1");
    assert_eq!(
        value["settings"][3],
        serde_json::json!({
            "key": "ledger.url",
            "value": null,
            "origin": {"from": "variable", "name": "SWITCHBACK_LEDGER_URL", "set": true},
        })
    );
    assert_eq!(value["settings"][4]["origin"]["line"], 10);
    assert_eq!(
        value["settings"][5]["origin"],
        serde_json::json!({"from": "default"})
    );
}

#[test]
fn the_nearest_file_above_is_used_unless_one_is_named() {
    let mut cli = with_settings(WHOLE);
    cli.write("a/b/note.txt", "").unwrap();
    cli.write("other.toml", "schema = 1\n[project]\nname = \"other\"\n")
        .unwrap();
    let mut command = cli.command(["config", "show"]);
    let output = command
        .current_dir(cli.folder().join("a/b"))
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("shop"));
    assert!(good(&cli, "config show --config other.toml").contains("other"));
    assert!(good(&cli, "--config other.toml config show").contains("other"));
    cli.set("SWITCHBACK_CONFIG", "other.toml");
    assert!(good(&cli, "config show").contains("other"));
    assert!(good(&cli, "config show --config switchback.toml").contains("shop"));
    let error = bad(&cli, "config show --config gone.toml", 2);
    assert!(
        error.starts_with("error[SB0112]") && error.contains("gone.toml"),
        "{error}"
    );
}

#[test]
fn without_settings_init_is_the_next_step() {
    let cli = switchback();
    let error = bad(&cli, "config show", 2);
    assert!(
        error.starts_with("error[SB0101]: no switchback.toml was found in "),
        "{error}"
    );
    assert!(error.contains("  hint: write one from what this folder shows: switchback init\n"));
    assert!(error.ends_with("  explain: switchback explain SB0101\n"));
}

#[test]
fn a_slip_is_shown_with_its_place_and_what_was_meant() {
    let cli = with_settings(&WHOLE.replace("window = \"36h\"", "windw = \"36h\""));
    let expected = "\
error[SB0103]: `windw` is not a key of `rollback`
  --> switchback.toml:10:1
   |
10 | windw = \"36h\"
   | ^^^^^
  hint: did you mean `window`?
  hint: see every key: switchback util schema
  explain: switchback explain SB0103
";
    assert_eq!(bad(&cli, "config show", 2), expected);
}

#[test]
fn each_mistake_has_its_code_line_and_words() {
    for (from, to, code, line, says) in [
        ("\"36h\"", "\"36h", "SB0102", 10, "not valid TOML"),
        (
            "[[component]]",
            "[[componnent]]",
            "SB0103",
            12,
            "did you mean `component`?",
        ),
        (
            "path =",
            "file =",
            "SB0103",
            18,
            "known keys are `engine` and `path`",
        ),
        (
            "\"36h\"",
            "36",
            "SB0104",
            10,
            "`rollback.window`: invalid type: integer `36`",
        ),
        (
            "\"36h\"",
            "\"1 fortnight\"",
            "SB0104",
            10,
            "is not a length of time",
        ),
        (
            "\"staging\"",
            "\"Staging\"",
            "SB0104",
            16,
            "is not a environment name",
        ),
        (
            "name = \"app\"",
            "path = \"a\"",
            "SB0104",
            12,
            "missing field `name`",
        ),
        (
            "\"sqlite\"",
            "\"mysql\"",
            "SB0104",
            18,
            "unknown variant `mysql`",
        ),
        (
            "schema = 1",
            "schema = 7",
            "SB0105",
            1,
            "this version reads up to 1",
        ),
        (
            "\"production\"",
            "\"staging\"",
            "SB0113",
            22,
            "stands here twice",
        ),
    ] {
        let cli = with_settings(&WHOLE.replace(from, to));
        let error = bad(&cli, "config show", 2);
        assert!(
            error.starts_with(&format!("error[{code}]: ")),
            "{to}: {error}"
        );
        assert!(
            error.contains(&format!("switchback.toml:{line}:")),
            "{to}: {error}"
        );
        assert!(error.contains(says), "{to}: {error}");
        assert!(
            error.contains("  explain: switchback explain "),
            "{to}: {error}"
        );
    }
}

#[test]
fn every_unknown_key_is_told_in_one_run() {
    let cli = with_settings(&WHOLE.replace("window = \"36h\"", "windw = \"36h\"\nspeed = 9"));
    let error = bad(&cli, "config show", 2);
    assert_eq!(error.matches("error[SB0103]").count(), 2, "{error}");
}

#[test]
fn errors_are_json_when_asked_for() {
    let cli = with_settings(&WHOLE.replace("window =", "windw ="));
    let error = bad(&cli, "config show --format json", 2);
    assert_eq!(error.lines().count(), 1);
    let value: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(
        (&value["schema"], &value["exit"]),
        (&"switchback.diagnostics/v1".into(), &2.into())
    );
    let found = &value["diagnostics"][0];
    assert_eq!(found["code"], "SB0103");
    assert_eq!(found["location"]["line"], 10);
    assert_eq!(found["hints"][0]["text"], "did you mean `window`?");
}

#[test]
fn hostile_settings_cannot_reach_the_terminal() {
    for text in [
        "schema = 1\n\"\\u001b[2J\" = 1\n",
        "schema = 1\n\u{202e}x = 1\n",
        "schema = 1\n[project]\nname = \"\\u001b]0;pwned\\u0007\"\n",
        "schema = \u{1b}[31m",
        "# \u{1b}[31m\nschema = 9",
    ] {
        let error = run(&with_settings(text), "config show").stderr;
        assert!(
            !error.contains(['\u{1b}', '\u{7}', '\u{202e}']),
            "{error:?}"
        );
    }
}

#[test]
fn a_file_that_is_not_text_or_not_a_file_is_an_error() {
    let cli = switchback();
    cli.write("switchback.toml", [0x66, 0xff, 0xfe]).unwrap();
    assert!(bad(&cli, "config show", 2).contains("is not text in UTF-8"));
    cli.write("folder/x", "").unwrap();
    assert!(bad(&cli, "config show --config folder", 2).starts_with("error[SB0112]"));
}

#[test]
fn the_schema_knows_every_key_and_its_words() {
    let schema: Value = serde_json::from_str(&good(&switchback(), "util schema")).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    for key in [
        "schema",
        "project",
        "ledger",
        "rollback",
        "changes",
        "backfills",
        "component",
        "environment",
    ] {
        let property = &schema["properties"][key];
        assert!(property["description"].is_string(), "{key}: {property}");
    }
    assert_eq!(
        schema["$defs"]["Rollback"]["properties"]["window"]["default"],
        "24h"
    );
}
