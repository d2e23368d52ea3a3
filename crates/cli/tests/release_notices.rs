//! What breaks, and how long before users were told: `version.deprecation` and the promises of change
//! files.

mod support;

use support::release::refused;
use support::{good, run, switchback};
use switchback_testkit::cli::Cli;
use switchback_testkit::git::ScratchRepository;

const GOES: &str = "kind = \"deprecated\"";

fn entry(front: &str, text: &str) -> String {
    format!("+++\n{front}\n+++\n\n{text}\n")
}

/// A change file that breaks something, with how users knew.
fn breaks(notice: &str) -> String {
    let breaking = "what = \"`GET /users` is gone\"\nupgrade = \"Take `GET /v2/users`.\"";
    let front = format!("kind = \"removed\"\nlevel = \"major\"\n[breaking]\n{breaking}\n{notice}");
    entry(&front, "`GET /users`.")
}

/// A repository whose releases were made long ago: 1.2.0, then 1.3.0 with these change files. What
/// breaks is committed after them.
fn repository(window: &str, told: &[(&str, &str)], notice: &str) -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    let settings = format!("schema = 1\nproject.name = \"shop\"\n{window}\n");
    git.write("switchback.toml", settings);
    git.write("VERSION", "1.2.0\n");
    git.commit("feat: all");
    git.git(&["tag", "v1.2.0"]);
    for (name, file) in told {
        git.write(&format!("changelog.d/{name}.md"), file);
    }
    git.commit_file("a.rs", "//\n", "feat: users by page");
    git.git(&["tag", "v1.3.0"]);
    git.write("changelog.d/users-are-gone.md", breaks(notice));
    git.commit("feat!: no users");
    (cli, git)
}

const BY: &str = "announced-by = \"old-users\"";
const NINETY: &str = "version.deprecation.window = \"90d\"";

#[track_caller]
fn cut(cli: &Cli) {
    let ran = run(cli, "release cut");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

/// What is refused, and why.
#[track_caller]
fn owed(cli: &Cli, git: &ScratchRepository) -> String {
    refused(cli, git, "release cut", "SB1627").stderr
}

#[test]
fn what_was_announced_long_enough_ago_breaks() {
    let old = entry(GOES, "`GET /users`.");
    let (cli, git) = repository(NINETY, &[("old-users", &old)], BY);
    let guide = good(&cli, "release notes --text upgrade-guide");
    assert!(
        guide.contains("is gone\n\nDeprecated since 1.3.0, 2026-01-01.\n\nTake"),
        "{guide}"
    );
    cut(&cli);
    assert_eq!(git.git(&["tag", "--points-at", "HEAD"]), "v2.0.0");
}

#[test]
fn the_day_of_the_release_counts_and_not_that_of_the_notice() {
    let (cli, git) = repository(NINETY, &[], BY);
    // Written before all of that, and released today.
    git.git(&["reset", "-q", "--hard", "v1.3.0"]);
    let made = run(
        &cli,
        "version entry users --kind deprecated --name old-users --removal 2.0.0",
    );
    assert_eq!(made.code, 0, "{}", made.stderr);
    git.commit("feat: users by name");
    git.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n");
    git.commit("docs: a changelog");
    let notes = good(&cli, "release notes");
    assert!(notes.contains("- users. It goes with 2.0.0.\n"), "{notes}");
    cut(&cli);
    assert_eq!(git.git(&["tag", "--points-at", "HEAD"]), "v1.4.0");
    let changes = String::from_utf8_lossy(&git.read("CHANGELOG.md")).into_owned();
    let callout = "### Deprecated\n\n- users\n\n  It goes with 2.0.0.\n";
    assert!(changes.contains(callout), "{changes}");
    git.write("changelog.d/users-are-gone.md", breaks(BY));
    git.commit("feat!: no users");
    let said = owed(&cli, &git);
    assert!(
        said.contains("changelog.d/users-are-gone.md: 1.4.0 said so on "),
        "{said}"
    );
    assert!(said.contains("so it stays for 90d, until "), "{said}");
    // It is the same for those who look first, and a candidate gets its tag.
    let branch = run(&cli, "release pr");
    assert_eq!(branch.code, 0, "{}", branch.stderr);
    assert!(
        branch.stderr.contains("so it stays for 90d"),
        "{}",
        branch.stderr
    );
    let candidate = run(&cli, "release cut --pre rc");
    assert_eq!(candidate.code, 0, "{}", candidate.stderr);
    assert!(
        candidate.stderr.contains("so it stays for 90d"),
        "{}",
        candidate.stderr
    );
    // What cannot wait says why, and that is told.
    let why = "unannounced = \"It let anybody read all names.\"";
    git.write("changelog.d/users-are-gone.md", breaks(why));
    git.commit("docs: why at once");
    let guide = good(&cli, "release notes --text upgrade-guide");
    let told = "No release said so beforehand: It let anybody read all names.";
    assert!(guide.contains(told), "{guide}");
    cut(&cli);
}

#[test]
fn with_a_window_everything_that_breaks_needs_a_notice() {
    let (cli, git) = repository(NINETY, &[], "");
    let said = owed(&cli, &git);
    assert!(said.contains("no release said so beforehand"), "{said}");
    assert!(said.contains("--kind deprecated"), "{said}");
    // Both that nobody says what to do and that nobody said it are shown at once.
    git.commit_file("b.rs", "//\n", "feat!: no names");
    let said = refused(&cli, &git, "release cut", "SB1609").stderr;
    assert!(said.contains("error[SB1627]"), "{said}");

    // Without one it is the team's own affair.
    let (cli, _) = repository("", &[], "");
    let guide = good(&cli, "release notes --text upgrade-guide");
    assert!(
        guide.contains("No release said so beforehand.\n"),
        "{guide}"
    );
    cut(&cli);
}

#[test]
fn promises_hold_whatever_the_settings_say() {
    let promised = |promise: &str| {
        let front = format!("{GOES}\ndeprecation = {{ {promise} }}");
        let old = entry(&front, "`GET /users`.");
        repository("", &[("old-users", &old)], BY)
    };
    let (cli, git) = promised("removal = \"3.0.0\"");
    let said = owed(&cli, &git);
    assert!(said.contains("promised that it goes with 3.0.0"), "{said}");
    // It may go with the version that was named.
    let ran = run(&cli, "release cut --propose 3.0.0");
    assert_eq!(ran.code, 0, "{}", ran.stderr);

    let (cli, git) = promised("not-before = \"2999-01-31\"");
    let said = owed(&cli, &git);
    assert!(said.contains("does not go before 2999-01-31"), "{said}");
    // A second thought does not take back what a release said, and a file that is gone does not either.
    git.git(&["reset", "-q", "--hard", "HEAD~1"]);
    git.write("changelog.d/old-users.md", entry(GOES, "`GET /users`."));
    git.commit_file("c.rs", "//\n", "feat: more");
    git.git(&["tag", "v1.4.0"]);
    git.git(&["rm", "-q", "changelog.d/old-users.md"]);
    git.write("changelog.d/users-are-gone.md", breaks(BY));
    git.commit("feat!: no users");
    let said = owed(&cli, &git);
    assert!(said.contains("does not go before 2999-01-31"), "{said}");
}

#[test]
fn a_notice_that_nobody_gave_is_none() {
    let old = entry("kind = \"changed\"", "`GET /users`.");
    let (cli, git) = repository("", &[("old-users", &old)], BY);
    let said = owed(&cli, &git);
    let none = "no release has a change file `old-users` of the kind `deprecated`";
    assert!(said.contains(none), "{said}");
    // What was not said is not told.
    let guide = good(&cli, "release notes --text upgrade-guide");
    assert!(guide.contains("No release said so beforehand."), "{guide}");

    // A release that there is not, and one that deprecated nothing.
    for version in ["1.2.5", "1.3.0", "2.0.0"] {
        let since = format!("deprecated-since = \"{version}\"");
        let (cli, git) = repository("", &[], &since);
        let said = owed(&cli, &git);
        let none = format!("no release {version} before this one that deprecated something");
        assert!(said.contains(&none), "{said}");
    }
    // By a change file, by the changelog.
    let since = "deprecated-since = \"1.3.0\"";
    let old = entry(GOES, "`GET /users`.");
    let (cli, _) = repository(NINETY, &[("other", &old)], since);
    cut(&cli);
    let (cli, git) = repository(NINETY, &[], since);
    let said =
        "# Changelog\n\n## [Unreleased]\n\n## [1.3.0] - 2026-01-01\n\n### Deprecated\n\n- Users.\n";
    git.write("CHANGELOG.md", said);
    git.commit("docs: what goes");
    // What is written into its section afterwards told nobody.
    assert!(owed(&cli, &git).contains("no release 1.3.0"));
    git.git(&["reset", "-q", "--hard", "v1.3.0"]);
    git.write("CHANGELOG.md", said);
    git.commit("docs: what goes");
    git.git(&["tag", "--force", "v1.3.0"]);
    git.write("changelog.d/users-are-gone.md", breaks(since));
    git.commit("feat!: no users");
    let guide = good(&cli, "release notes --text upgrade-guide");
    assert!(
        guide.contains("Deprecated since 1.3.0, 2026-01-01."),
        "{guide}"
    );
    cut(&cli);
}

#[test]
fn the_day_is_that_of_the_tag() {
    let old = entry(GOES, "`GET /users`.");
    let (cli, git) = repository(NINETY, &[("old-users", &old)], BY);
    // A commit of long ago that was tagged much later.
    git.git(&["tag", "--delete", "v1.3.0"]);
    let id = git.git(&["rev-parse", "HEAD~1"]);
    let seconds = 32_443_243_200_u64;
    git.write(
        ".git/tag",
        format!("object {id}\ntype commit\ntag v1.3.0\ntagger A <a@b> {seconds} +0000\n\n1.3.0\n"),
    );
    let object = git.git(&["hash-object", "-t", "tag", "-w", ".git/tag"]);
    git.git(&["update-ref", "refs/tags/v1.3.0", &object]);
    let said = owed(&cli, &git);
    assert!(said.contains("1.3.0 said so on 2998-01-31"), "{said}");
}

#[test]
fn entries_are_written_with_their_notices() {
    let (cli, git) = repository("", &[], "");
    let wrong = [
        ("added --removal 2.0.0", "`deprecation` belongs to"),
        ("deprecated --instead b", "says when"),
        ("added --announced-by x", "--breaking"),
        (
            "removed --breaking b --upgrade u --announced-by x --unannounced y",
            "cannot be used with",
        ),
        ("deprecated --not-before 2026-02-30", "2026-02-30"),
        (
            "removed --breaking b --upgrade u --announced-by x.md",
            "no such name",
        ),
    ];
    for (line, why) in wrong {
        let ran = run(&cli, &format!("version entry a --kind {line}"));
        assert_eq!(ran.code, 2, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(why), "{line}: {}", ran.stderr);
    }
    let written = good(
        &cli,
        "version entry a --kind deprecated --not-before 2027-01-31 --removal 3.0.0 --instead b",
    );
    assert_eq!(written, "written changelog.d/a.md\n");
    let file = String::from_utf8_lossy(&git.read("changelog.d/a.md")).into_owned();
    let goes = "[deprecation]\nremoval = \"3.0.0\"\nnot-before = \"2027-01-31\"\ninstead = \"b\"\n";
    assert!(file.contains(goes), "{file}");
    let breaks = "version entry c --kind removed --breaking b --upgrade u";
    good(&cli, &format!("{breaks} --announced-by a"));
    let file = String::from_utf8_lossy(&git.read("changelog.d/c.md")).into_owned();
    assert!(file.contains("announced-by = \"a\"\n"), "{file}");
}
