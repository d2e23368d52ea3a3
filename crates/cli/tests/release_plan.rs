//! `switchback release plan`, and versions of components in groups, in real repositories.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use serde_json::Value;
use support::{run, switchback};
use switchback_testkit::cli::Cli;
use switchback_testkit::git::ScratchRepository;

const NAMES: [&str; 4] = ["web", "api", "cli", "docs"];

/// A repository with four components at 1.2.0, the first two of which are a group if its kind is named.
fn repository(kind: &str) -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    let mut settings = "schema = 1\nproject.name = \"shop\"\n".to_owned();
    for name in NAMES {
        settings.push_str(&format!(
            "\n[[component]]\nname = \"{name}\"\npath = \"{name}\"\n"
        ));
        git.write(&format!("{name}/VERSION"), "1.2.0\n");
    }
    if !kind.is_empty() {
        settings.push_str(&format!(
            "\n[[version.group]]\nname = \"core\"\nkind = \"{kind}\"\ncomponents = [\"api\", \"web\"]\n"
        ));
    }
    git.write("switchback.toml", settings);
    git.commit("feat: all");
    for name in NAMES {
        git.git(&["tag", &format!("{name}-v1.2.0")]);
    }
    (cli, git)
}

fn planned(cli: &Cli, flags: &str) -> (Value, i32) {
    let ran = run(cli, &format!("release plan {flags} --format json"));
    let value = serde_json::from_str(&ran.stdout);
    let value: Value = value.unwrap_or_else(|_| panic!("{}", ran.stderr));
    assert_eq!(value["schema"], "switchback.release-plan/v1");
    (value, ran.code)
}

/// What becomes of each component: its tag, or what else.
fn tags(plan: &Value) -> Vec<String> {
    let all = plan["components"].as_array().unwrap().iter();
    let text = |it: &Value| {
        it["tag"]
            .as_str()
            .or(it["decision"].as_str())
            .unwrap()
            .to_owned()
    };
    all.map(text).collect()
}

#[test]
fn each_component_is_shown_with_what_forces_it_or_why_nothing_does() {
    let (cli, git) = repository("");
    git.commit_file("api/a", "a", "feat: list orders");
    git.commit_file("api/b", "b", "fix: totals");
    git.commit_file("web/a", "a", "docs: say it");
    git.commit_file("web/b", "b", "chore: tidy");
    git.commit_file("web/c", "c", "docs: say it again");
    // One commit that is of two.
    git.write("cli/a", "a");
    git.commit_file("docs/a", "a", "fix: in both");
    let (shown, code) = planned(&cli, "");
    assert_eq!(code, 0);
    assert_eq!(
        tags(&shown),
        ["nothing", "api-v1.3.0", "cli-v1.2.1", "docs-v1.2.1"]
    );
    let web = &shown["components"][0];
    assert_eq!(
        web["why"],
        "nothing since web-v1.2.0 raises the version: 1 chore, 2 docs"
    );
    let api = &shown["components"][1];
    assert_eq!(
        (&api["level"], &api["base"]["tag"], &api["commits"]),
        (&"minor".into(), &"api-v1.2.0".into(), &2.into())
    );
    assert_eq!(api["reason"]["evidence"]["subject"], "feat: list orders");
    assert_eq!(shown["commit"], git.head());
    let human = run(&cli, "release plan");
    let id = git.git(&["rev-parse", "--short=7", "HEAD"]);
    let lines: Vec<&str> = human.stdout.lines().collect();
    let (head, shown) = (lines[0], lines[3]);
    assert_eq!(
        head,
        "component  current  next   level  tag          because"
    );
    assert_eq!(
        shown,
        format!(
            "cli        1.2.0    1.2.1  patch  cli-v1.2.1   {id} `fix: in both` has the type `fix`"
        )
    );
    assert!(
        human.stdout.ends_with(
            "\ncut them\n  switchback release cut --component api\n  switchback release cut \
             --component cli\n  switchback release cut --component docs\n"
        ),
        "{}",
        human.stdout
    );
    let (one, code) = planned(&cli, "--component docs --component web");
    assert_eq!((tags(&one).len(), code), (2, 0));
    let (one, code) = planned(&cli, "--component web");
    assert_eq!((tags(&one), code), (vec!["nothing".to_owned()], 3));
    let unknown = run(&cli, "release plan --component wbe");
    assert!(
        unknown.stderr.contains("error[SB0106]"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn the_plan_says_what_each_component_is_told_alone() {
    let (cli, git) = repository("linked");
    git.commit_file("api/a", "a", "feat: list orders");
    git.commit_file("cli/a", "a", "perf: faster");
    git.git(&["tag", "cli-v1.2.1"]);
    git.commit_file("docs/a", "a", "feat!: gone");
    git.commit_file("web/a", "a", "fix: totals");
    let (shown, _) = planned(&cli, "");
    for (name, tag) in NAMES.iter().zip(tags(&shown)) {
        let ran = run(&cli, &format!("version --component {name} --format json"));
        let alone: Value = serde_json::from_str(&ran.stdout).unwrap();
        match alone["tag"].as_str() {
            Some(alone) => assert_eq!(tag, alone),
            None => assert_eq!(alone["decision"]["kind"], tag),
        }
    }
    assert_eq!(
        tags(&shown),
        ["web-v1.3.0", "api-v1.3.0", "nothing", "docs-v2.0.0"]
    );
}

#[test]
fn nothing_to_release_is_said_and_is_no_failure() {
    let (cli, git) = repository("fixed");
    git.commit_file("api/a", "a", "docs: say it");
    let ran = run(&cli, "release plan");
    assert_eq!((ran.code, ran.stderr.as_str()), (3, ""));
    assert!(
        ran.stdout.ends_with("\nnothing would be released\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("core (fixed)  nothing since web-v1.2.0 touches it"),
        "{}",
        ran.stdout
    );
}

#[test]
fn what_has_to_be_said_first_fails_the_plan_once_for_a_group() {
    let (cli, git) = repository("fixed");
    git.commit_file("web/a", "a", "docs: b\n\nThis is BREAKING");
    git.commit_file("cli/a", "a", "fix: c\n\nRelease-As: 1.2.0");
    let (shown, code) = planned(&cli, "");
    assert_eq!(code, 1);
    assert_eq!(tags(&shown), ["ask", "ask", "refused", "nothing"]);
    let ran = run(&cli, "release plan");
    assert_eq!(ran.stderr.matches("error[SB1602]").count(), 1);
    assert!(
        ran.stderr
            .contains("error[SB1601]: cli cannot become 1.2.0")
    );
    assert!(
        ran.stdout
            .contains("asks for 1.2.0, which is not higher than 1.2.0"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_member_of_a_group_gets_the_version_of_the_group() {
    let (cli, git) = repository("fixed");
    git.commit_file("api/a", "a", "feat: list orders");
    let id = git.git(&["rev-parse", "--short=7", "HEAD"]);
    let shown = run(&cli, "version --component web");
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let says = format!(
        "the fixed group `core` rises with api: {id} `feat: list orders` has the type `feat`"
    );
    assert!(
        shown.stdout.starts_with("web: 1.3.0 after 1.2.0\n"),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains(&says), "{}", shown.stdout);
    assert!(
        shown.stdout.contains("in the fixed group core: web, api"),
        "{}",
        shown.stdout
    );
    let refused = run(&cli, "version --component web --propose 1.2.1");
    assert_eq!(refused.code, 1);
    for said in [
        "error[SB1601]: web cannot become 1.2.1",
        &says,
        "switchback version --component web --propose 1.3.0",
        "or take web out of its group",
    ] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
    let pre = run(&cli, "version --component web --pre rc --format json");
    let pre: Value = serde_json::from_str(&pre.stdout).unwrap();
    assert_eq!(pre["tag"], "web-v1.3.0-rc.1");
    assert_eq!(pre["group"]["kind"], "fixed");
    let plan = run(&cli, "release plan --component web");
    assert!(
        plan.stdout
            .contains(&format!("core (fixed)  rises with api: {id} `feat")),
        "{}",
        plan.stdout
    );
    // Of a linked group only those with changes.
    let settings = String::from_utf8(git.read("switchback.toml")).unwrap();
    git.write("switchback.toml", settings.replace("fixed", "linked"));
    assert_eq!(run(&cli, "version --component web").code, 3);
    git.commit_file("web/a", "a", "fix: totals");
    assert_eq!(
        tags(&planned(&cli, "").0),
        ["web-v1.3.0", "api-v1.3.0", "nothing", "nothing"]
    );
}

#[test]
fn a_release_on_a_branch_beside_is_counted_from_for_its_component_only() {
    let (cli, git) = repository("");
    git.git(&["switch", "-q", "-c", "next"]);
    git.commit_file("api/VERSION", "1.3.0\n", "feat: three");
    git.git(&["tag", "api-v1.3.0"]);
    git.git(&["switch", "-q", "main"]);
    git.commit_file("api/a", "a", "fix: a");
    git.commit_file("web/a", "a", "fix: b");
    git.git(&["merge", "-q", "--no-ff", "-m", "Merge next", "next"]);
    git.commit_file("cli/a", "a", "feat: c");
    let (shown, code) = planned(&cli, "");
    assert_eq!(code, 0);
    assert_eq!(
        tags(&shown),
        ["web-v1.2.1", "api-v1.3.1", "cli-v1.3.0", "nothing"]
    );
    // The commit of the fix, and the merge, which touches it, too.
    assert_eq!(shown["components"][1]["commits"], 2);
}

#[test]
fn a_repository_without_settings_has_a_plan_too() {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.commit_file("a", "a", "feat: a");
    let ran = run(&cli, "release plan");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("there is no release yet"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.ends_with("cut them\n  switchback release cut\n"),
        "{}",
        ran.stdout
    );
}
