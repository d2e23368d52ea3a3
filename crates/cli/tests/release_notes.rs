//! `switchback release notes` and `facts`, and the upgrade guide that a major version needs.

#![expect(
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;
mod support;

use serde_json::Value;
use shop::{CHANGE, Keep, Shop, Sync};
use support::{bad, good, run, switchback};
use switchback_testkit::cli::Cli;
use switchback_testkit::git::ScratchRepository;

const CHANGES: &str =
    "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-01\n\n### Added\n\n- All.\n";

/// A repository at 1.2.0 with these commits since.
fn since(commits: &[&str]) -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.write("CHANGELOG.md", CHANGES);
    git.commit("feat: all");
    git.git(&["tag", "v1.2.0"]);
    for (at, message) in commits.iter().enumerate() {
        git.commit_file(&format!("{at}.rs"), "//\n", message);
    }
    (cli, git)
}

fn facts(cli: &Cli, line: &str) -> Value {
    let text = good(cli, &format!("release facts {line}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The texts of the facts' items, `!` where something breaks.
fn items(facts: &Value) -> Vec<String> {
    let items = facts["items"].as_array().into_iter().flatten();
    let item = |it: &Value| {
        let mark = if it["breaking"].is_null() { "" } else { "!" };
        format!("{}{mark} {}", it["kind"], it["text"]).replace('"', "")
    };
    items.map(item).collect()
}

fn entry(front: &str, text: &str) -> String {
    format!("+++\n{front}\n+++\n\n{text}\n")
}

#[test]
fn notes_are_made_from_commits_where_nobody_wrote_any() {
    let (cli, git) = since(&[
        "feat(api): list orders (#12)",
        "fix: totals are rounded",
        "docs: nothing for users",
        "feat: a thing",
        "Revert \"feat: a thing\"\n\nThis reverts commit HEAD.",
    ]);
    // What was taken back is named by its id, as Git does it.
    let thing = git.git(&["rev-parse", "HEAD~1"]);
    let message = format!("Revert \"feat: a thing\"\n\nThis reverts commit {thing}.");
    git.git(&["commit", "-q", "--amend", "--allow-empty", "-m", &message]);
    let known = facts(&cli, "");
    assert_eq!(
        items(&known),
        ["fixed totals are rounded", "added api: list orders"]
    );
    assert_eq!(known["schema"], "switchback.release-facts/v1");
    assert_eq!(known["version"], "1.3.0");
    assert_eq!(known["previous"], "1.2.0");
    assert_eq!(known["items"][1]["issues"][0], "#12");

    let notes = good(&cli, "release notes");
    assert!(notes.starts_with("# 1.3.0\n\nReleased on "), "{notes}");
    assert!(
        notes.contains("## Added\n\n- api: list orders\n"),
        "{notes}"
    );
    assert!(!notes.contains("a thing"), "{notes}");
    let json = run(&cli, "release notes --format json");
    let json: Value = serde_json::from_str(&json.stdout).unwrap_or_default();
    assert_eq!(json["schema"], "switchback.release-notes/v1");
    assert_eq!(json["markdown"], notes);
    assert!(json["words"].as_u64() < Some(200), "{json}");

    // The same goes into the changelog, and is known again from there.
    good(&cli, "release notes --text changelog-section");
    assert_eq!(run(&cli, "release cut").code, 0);
    let changelog = git.git(&["show", "HEAD:CHANGELOG.md"]);
    assert!(
        changelog.contains("### Added\n\n- api: list orders (#12)\n\n### Fixed\n\n- totals"),
        "{changelog}"
    );
    let published = facts(&cli, "--release v1.3.0");
    assert_eq!(published["version"], "1.3.0");
    let mut told = items(&published);
    told.sort();
    assert_eq!(told, ["added api: list orders", "fixed totals are rounded"]);
    assert_eq!(published["items"][1]["issues"][0], "#12");
    // There is nothing after it yet.
    assert_eq!(run(&cli, "release notes").code, 3);
}

#[test]
fn what_people_wrote_stands_for_commits() {
    let (cli, git) = since(&["feat: list orders"]);
    git.write(
        "changelog.d/x.md",
        entry(
            "kind = \"added\"\nlinks = [\"https://example.org/x\"]",
            "Told for people.",
        ),
    );
    git.write("x.rs", "//\n");
    git.commit("feat: a change with its file");
    assert_eq!(
        items(&facts(&cli, "")),
        ["added Told for people.", "added list orders"]
    );
    let told = facts(&cli, "");
    assert_eq!(told["links"][0], "https://example.org/x");
    assert_eq!(told["items"][0]["authors"], told["items"][1]["authors"]);

    git.write(
        "CHANGELOG.md",
        CHANGES.replace(
            "[Unreleased]\n",
            "[Unreleased]\n\n### Fixed\n\n- By hand.\n",
        ),
    );
    git.commit("docs: what is fixed");
    assert_eq!(
        items(&facts(&cli, "")),
        ["added Told for people.", "fixed By hand."]
    );
    let settings = |tell: &str| {
        format!("schema = 1\nproject.name = \"shop\"\nchangelog.commits = \"{tell}\"\n")
    };
    git.write("switchback.toml", settings("always"));
    git.commit("chore: tell all");
    assert_eq!(items(&facts(&cli, "")).len(), 3);
    git.write("CHANGELOG.md", CHANGES);
    git.write("switchback.toml", settings("never"));
    git.commit("chore: tell none");
    assert_eq!(items(&facts(&cli, "")), ["added Told for people."]);
}

#[test]
fn a_major_version_needs_its_upgrade_guide() {
    let (cli, git) = since(&[
        "feat!: orders have a currency\n\nBREAKING CHANGE: clients send `currency`",
        "fix!: totals are strings",
    ]);
    // The notes say what breaks; the guide and the tag need to know what to do about it.
    assert!(good(&cli, "release notes").contains("- clients send `currency`"));
    for line in [
        "release notes --text upgrade-guide",
        "release cut",
        "release cut --dry-run",
    ] {
        let said = bad(&cli, line, 1);
        assert!(said.starts_with("error[SB1609]"), "{line}: {said}");
        assert!(said.contains("2 things that break"), "{said}");
        assert!(
            said.contains("clients send `currency`") && said.contains("totals are strings"),
            "{said}"
        );
    }
    assert_eq!(git.git(&["tag"]), "v1.2.0");
    // A candidate gets its tag, and says what is missing.
    let ran = run(&cli, "release cut --pre rc");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("totals are strings"), "{}", ran.stderr);

    // One file for both: it came with one of them, and names the other.
    let other = git.git(&["rev-parse", "--short=12", "HEAD~1"]);
    let breaking = "kind = \"changed\"\nlevel = \"major\"";
    let table = "[breaking]\nwhat = \"Orders need a currency\"\nupgrade = \"Send `currency`.\"";
    git.write(
        "changelog.d/currency.md",
        entry(
            &format!("{breaking}\ncovers = [\"{other}\"]\n{table}"),
            "Currencies.",
        ),
    );
    git.commit("docs: what users do");
    let said = bad(&cli, "release cut", 1);
    assert!(said.contains("one thing that breaks"), "{said}");
    let last = git.git(&["rev-parse", "HEAD~1"]);
    let both = entry(
        &format!("{breaking}\ncovers = [\"{other}\", \"{last}\"]\n{table}"),
        "Currencies.",
    );
    git.write("changelog.d/currency.md", both);
    git.commit("docs: what users do");
    let guide = good(&cli, "release notes --text upgrade-guide");
    assert!(guide.contains("# Upgrading from 1.2.0 to 2.0.0"), "{guide}");
    assert!(
        guide.contains(
            "## Orders need a currency\n\nNo release said so beforehand.\n\nSend `currency`."
        ),
        "{guide}"
    );
    assert_eq!(run(&cli, "release cut").code, 0);
    assert_eq!(git.git(&["tag", "--points-at", "HEAD"]), "v2.0.0");
}

#[test]
fn what_a_contract_breaks_needs_an_entry_too() {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    let settings = "schema = 1\nproject.name = \"shop\"\n\n[[component]]\nname = \"api\"\n\n\
                    [[contracts.file]]\npath = \"order.schema.json\"\nkind = \"json-schema\"\n";
    git.write("switchback.toml", settings);
    git.write(
        "order.schema.json",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": [\"string\", \"integer\"]}}}",
    );
    git.commit("feat: orders");
    git.git(&["tag", "v1.0.0"]);
    git.write(
        "order.schema.json",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\"}}}",
    );
    git.commit("fix: a small thing");
    let said = bad(&cli, "release cut", 1);
    assert!(said.starts_with("error[SB1609]"), "{said}");
    // The command that it gives can be typed.
    let covers = said
        .lines()
        .find_map(|line| line.split("--covers ").nth(1))
        .map(str::trim);
    let covers = covers.unwrap_or_else(|| panic!("{said}"));
    let ran = cli.run([
        "version",
        "entry",
        "Letters only",
        "--kind",
        "changed",
        "--breaking",
        "`a` is a string",
        "--upgrade",
        "Write numbers as strings.",
        "--covers",
        covers,
    ]);
    assert_eq!(ran.map(|it| it.code).ok(), Some(0));
    git.commit("docs: what users do");
    assert!(good(&cli, "release notes --text upgrade-guide").contains("Write numbers as strings."));
    assert_eq!(run(&cli, "release cut").code, 0);
}

#[test]
fn waivers_are_shown_until_when() {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    let settings = "schema = 1\nproject.name = \"shop\"\n\n[[component]]\nname = \"api\"\n\n\
                    [[contracts.file]]\npath = \"order.schema.json\"\nkind = \"json-schema\"\n";
    git.write("switchback.toml", settings);
    git.write("order.schema.json", "{\"type\": [\"string\", \"integer\"]}");
    git.commit("feat: orders");
    git.git(&["tag", "v1.0.0"]);
    git.write("order.schema.json", "{\"type\": \"string\"}");
    git.commit("fix: a small thing");
    let verdict = run(&cli, "version --format json").stdout;
    let verdict: Value = serde_json::from_str(&verdict).unwrap_or_default();
    let evidence = &verdict["reasons"][0]["evidence"];
    git.write("contract-waivers.toml", format!(
        "[[waiver]]\nrule = {}\nfingerprint = {}\nowner = \"ada\"\nreason = \"nobody sends numbers\"\nuntil = \"2999-12-31\"\n",
        evidence["rule"], evidence["fingerprint"]
    ));
    git.commit("chore: let it pass");
    let guide = good(&cli, "release notes --text upgrade-guide");
    assert!(
        guide.contains("Until 2999-12-31, for ada: nobody sends numbers."),
        "{guide}"
    );
    let notes = good(&cli, "release notes");
    assert!(
        notes.contains("may pass for a while: see the upgrade guide"),
        "{notes}"
    );
}

#[test]
fn an_edited_text_is_held_against_the_facts() {
    let (cli, git) = since(&["feat: list orders", "fix: totals are rounded"]);
    let notes = good(&cli, "release notes");
    git.write("notes.md", &notes);
    let ran = run(&cli, "release notes --check notes.md");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    git.write(
        "notes.md",
        format!("{notes}\nIt is 40 % faster with `--turbo` than 0.9.1, says Grace.\n"),
    );
    let said = bad(&cli, "release notes --check notes.md", 1);
    for claim in [
        "number `40`",
        "identifier `--turbo`",
        "version `0.9.1`",
        "name `Grace`",
    ] {
        assert!(said.contains(claim), "{claim}: {said}");
    }
    git.write("notes.md", "orders ".repeat(200));
    let said = bad(&cli, "release notes --check notes.md", 1);
    assert!(said.contains("200 words"), "{said}");
    // Against stored facts it needs no repository.
    let known = good(&cli, "release facts");
    let apart = switchback();
    let write = |name: &str, text: &str| {
        let path = apart.folder().join(name);
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    };
    write("facts.json", &known);
    assert_eq!(good(&apart, "release notes --facts facts.json"), notes);
    write(
        "facts.json",
        "{\"schema\": \"switchback.release-facts/v2\"}",
    );
    let said = bad(&apart, "release notes --facts facts.json", 2);
    assert!(said.starts_with("error[SB1620]"), "{said}");
}

#[test]
fn templates_are_those_of_the_settings() {
    let (cli, git) = since(&["feat: list orders"]);
    git.write("switchback.toml", "schema = 1\nproject.name = \"shop\"\n\n[notes]\nrelease-notes = \"n.jinja\"\nchangelog-section = \"c.jinja\"\n");
    git.write("n.jinja", "{{ version }}!{% for group in groups %}{% for item in group.entries %} {{ item.summary }}{% endfor %}{% endfor %}\n");
    git.write("c.jinja", "{% for group in groups %}### {{ group.title }}\n{% for item in group.entries %}\n- NEW: {{ item.text }}\n{% endfor %}{% endfor %}");
    git.write("changelog.d/x.md", entry("kind = \"fixed\"", "Told."));
    git.commit("chore: texts");
    assert_eq!(good(&cli, "release notes"), "1.3.0! list orders Told.\n");
    assert_eq!(run(&cli, "release cut").code, 0);
    let changelog = git.git(&["show", "HEAD:CHANGELOG.md"]);
    assert!(
        changelog.contains("- NEW: list orders\n\n### Fixed\n\n- NEW: Told."),
        "{changelog}"
    );
    git.commit_file("y.rs", "//\n", "feat: y");
    for (template, says) in [
        ("{% set x = 1 %}", "no tag `set`"),
        ("{{ version", "does not end"),
    ] {
        git.write("n.jinja", template);
        let said = bad(&cli, "release notes", 2);
        assert!(
            said.starts_with("error[SB1620]") && said.contains(says),
            "{said}"
        );
    }
    std::fs::remove_file(cli.folder().join("n.jinja")).unwrap_or_default();
    assert!(bad(&cli, "release notes", 2).contains("n.jinja"));
}

#[test]
fn a_component_has_its_own() {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.write("switchback.toml", "schema = 1\nproject.name = \"shop\"\n\n[[component]]\nname = \"api\"\npath = \"api\"\n\n[[component]]\nname = \"web\"\npath = \"web\"\n");
    git.commit_file("api/a.rs", "//\n", "feat: all");
    for tag in ["api-v1.0.0", "web-v1.0.0"] {
        git.git(&["tag", tag]);
    }
    git.write(
        "changelog.d/x.md",
        entry(
            "kind = \"added\"\ncomponents = [\"web\"]",
            "Only in the browser.",
        ),
    );
    git.commit_file("web/w.rs", "//\n", "feat: pages");
    git.commit_file("api/b.rs", "//\n", "feat: lists");
    let web = good(&cli, "release notes --component web");
    assert!(
        web.starts_with("# web 1.1.0\n") && web.contains("Only in the browser."),
        "{web}"
    );
    assert!(!web.contains("lists"), "{web}");
    let api = good(&cli, "release notes --component api");
    assert!(
        api.contains("- lists\n") && !api.contains("browser"),
        "{api}"
    );
    let said = bad(
        &cli,
        "release notes --component api --release web-v1.0.0",
        2,
    );
    assert!(said.contains("web-v1.0.0"), "{said}");
}

#[test]
fn migrations_stand_where_the_code_and_the_databases_are() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    let states = || {
        let known: Value =
            serde_json::from_str(&shop.ok("release facts --propose 9.0.0")).unwrap_or_default();
        assert_eq!(known["migrations"][0]["change"], CHANGE);
        let steps = known["migrations"][0]["steps"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let state = |it: &Value| format!("{} {}", it["name"], it["state"]).replace('"', "");
        steps.iter().map(state).collect::<Vec<_>>()
    };
    assert_eq!(
        states(),
        [
            "expand later",
            "switch-reads later",
            "stop-old-writes later",
            "contract later"
        ]
    );
    shop.code_at("switch-reads");
    assert_eq!(
        states(),
        [
            "expand now",
            "switch-reads now",
            "stop-old-writes later",
            "contract later"
        ]
    );
    for environment in ["staging", "production"] {
        assert_eq!(states()[0], "expand now");
        shop.ok(&format!("change apply {CHANGE} --env {environment} --yes"));
    }
    assert_eq!(
        states(),
        [
            "expand done",
            "switch-reads now",
            "stop-old-writes later",
            "contract later"
        ]
    );
    let notes = shop.ok("release notes --text migration-notes --propose 9.0.0");
    assert!(
        notes.contains("(`switch-reads`, now)") && notes.contains("Way back: "),
        "{notes}"
    );
    let notes = shop.ok("release notes --propose 9.0.0");
    assert!(notes.contains("see the migration notes"), "{notes}");
}
