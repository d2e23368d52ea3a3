//! Streams, exit codes, colour and usage errors: what scripts rely on.

mod support;

use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{WHOLE, bad, good, run, switchback, with_settings};

#[test]
fn wrong_usage_keeps_claps_words_and_exits_2() {
    let cli = switchback();
    let error = bad(&cli, "config shwo", 2);
    assert!(error.contains("unrecognized subcommand 'shwo'"), "{error}");
    assert!(
        error.contains("tip: a similar subcommand exists: 'show'"),
        "{error}"
    );
    assert!(
        error.ends_with("explain: switchback explain SB0109\n"),
        "{error}"
    );
    for line in [
        "--nonsense",
        "explain a b",
        "--format yaml explain",
        "util completions klingon",
    ] {
        bad(&cli, line, 2);
    }
}

#[test]
fn no_command_shows_help_on_stderr() {
    let error = bad(&switchback(), "", 2);
    assert!(error.contains("Usage: switchback"), "{error}");
    assert!(!error.contains("SB0109"), "{error}");
}

#[test]
fn wrong_usage_is_json_too() {
    for line in ["--format json nonsense", "nonsense --format=json"] {
        let error = bad(&switchback(), line, 2);
        let value: Value = serde_json::from_str(&error).unwrap();
        assert_eq!(value["diagnostics"][0]["code"], "SB0109", "{error}");
        assert_eq!(
            value["diagnostics"][0]["message"], "unrecognized subcommand 'nonsense'",
            "{error}"
        );
    }
}

#[test]
fn a_hostile_argument_cannot_reach_the_terminal() {
    let cli = switchback();
    for color in ["--color=always", "--color=never"] {
        let ran = cli.run([color, "\u{1b}[2Jevil\u{202e}"]).unwrap();
        assert_eq!(ran.code, 2);
        assert!(!ran.stderr.contains("\u{1b}[2J") && !ran.stderr.contains('\u{202e}'));
        let ran = cli.run(["explain", color, "\u{1b}[2Jevil"]).unwrap();
        assert!(!ran.stderr.contains("\u{1b}[2J"), "{:?}", ran.stderr);
    }
}

#[test]
fn help_and_version_are_data() {
    let cli = switchback();
    let help = good(&cli, "--help");
    assert!(
        help.contains("Exit codes: 0 ok, 1 findings or refused"),
        "{help}"
    );
    assert!(good(&cli, "config show --help").contains("--origin"));
    assert_eq!(
        good(&cli, "--version"),
        format!("switchback {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn colour_is_used_only_where_it_is_wanted() {
    let mut cli = with_settings(WHOLE);
    let escaped = |cli: &switchback_testkit::cli::Cli, line: &str| {
        let ran = run(cli, line);
        (ran.stdout.contains('\u{1b}'), ran.stderr.contains('\u{1b}'))
    };
    // A pipe is no terminal.
    assert_eq!(escaped(&cli, "explain SB0103"), (false, false));
    assert_eq!(
        escaped(&cli, "explain SB0103 --color always"),
        (true, false)
    );
    assert_eq!(
        escaped(&cli, "explain nothing --color always"),
        (false, true)
    );
    assert_eq!(
        escaped(&cli, "explain nothing --color never"),
        (false, false)
    );
    cli.set("CLICOLOR_FORCE", "1");
    assert_eq!(escaped(&cli, "config show"), (true, false));
    cli.set("NO_COLOR", "1");
    assert_eq!(escaped(&cli, "config show"), (false, false));
    assert_eq!(escaped(&cli, "config show --color always"), (true, false));
    assert_eq!(
        escaped(&cli, "config show --color always --format json"),
        (false, false)
    );
}

#[test]
fn colour_carries_no_meaning_of_its_own() {
    let cli = with_settings(WHOLE);
    for line in [
        "config show --origin",
        "explain",
        "explain SB0103",
        "explain nothing",
    ] {
        let (plain, coloured) = (
            run(&cli, line),
            run(&cli, &format!("{line} --color always")),
        );
        let strip = |text: &str| {
            let mut parts = text.split("\u{1b}[");
            let first = parts.next().unwrap().to_owned();
            parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
        };
        assert_eq!(strip(&coloured.stdout), plain.stdout, "{line}");
        assert_eq!(strip(&coloured.stderr), plain.stderr, "{line}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let cli = switchback();
    let mut child = cli
        .command(["util", "completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut error = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), error.as_str()),
        (Some(0), "")
    );
}

#[test]
fn a_full_disk_under_stdout_is_an_error() {
    let cli = switchback();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = cli
        .command(["explain"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.starts_with("error[SB0108]: the output could not be written"),
        "{error}"
    );
    // A failure keeps its own exit code, and stderr that cannot be written changes nothing.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let status = cli
        .command(["config", "show"])
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_folder_that_is_gone_is_an_error_and_not_a_panic() {
    let cli = switchback();
    let mut shell = Command::new("/bin/sh");
    cli.isolate(&mut shell);
    let script = format!(
        "mkdir x && cd x && rmdir ../x && {}",
        env!("CARGO_BIN_EXE_switchback")
    );
    let output = shell
        .args(["-c", &format!("{script} config show")])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.starts_with("error[SB0112]: the current folder"),
        "{error}"
    );
}

#[test]
fn a_variable_that_is_needed_and_not_set_is_an_error() {
    // Its ledger is in PostgreSQL.
    let cli = with_settings(WHOLE);
    let error = bad(&cli, "status", 2);
    assert!(
        error.starts_with("error[SB0115]: the variable SWITCHBACK_LEDGER_URL"),
        "{error}"
    );
}

#[test]
fn an_interrupted_run_ends_as_130() {
    let cli = switchback();
    let fifo = cli.folder().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    // The signal's default, whatever the shell that runs the tests has made of it.
    let mut env = Command::new("env");
    cli.isolate(&mut env);
    env.arg("--default-signal=INT")
        .arg(env!("CARGO_BIN_EXE_switchback"));
    let mut child = env
        .args(["config", "show", "--config", "fifo"])
        .spawn()
        .unwrap();
    // Opening waits for a reader, so from here on the run is in the middle of reading.
    let writer = File::options().write(true).open(&fifo).unwrap();
    let number = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &number])
            .status()
            .unwrap()
            .success()
    );
    let status = child.wait().unwrap();
    drop(writer);
    assert_eq!(status.signal(), Some(2), "a shell shows this as 130");
}

#[test]
fn completions_and_manual_pages_are_made() {
    let cli = switchback();
    for language in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = good(&cli, &format!("util completions {language}"));
        assert!(
            script.contains("switchback") && script.contains("explain"),
            "{language}"
        );
    }
    assert!(good(&cli, "util man").starts_with(".ie"));
    cli.write("man/switchback.1", "old").unwrap();
    let written = good(&cli, "util man --out man");
    assert!(
        written.contains("man/switchback-config-show.1"),
        "{written}"
    );
    for path in written.lines() {
        assert!(cli.read(path).unwrap().contains("switchback"), "{path}");
    }
    assert!(good(&cli, "util man --out new").contains("new/switchback.1"));
    let error = bad(&cli, "util man --out man/switchback.1", 2);
    assert!(error.starts_with("error[SB0108]"), "{error}");
    let value: Value =
        serde_json::from_str(&good(&cli, "util man --out man --format json")).unwrap();
    assert_eq!(value["schema"], "switchback.written/v1");
}

#[test]
fn alert_rules_are_printed_as_they_are() {
    let rules = good(&switchback(), "util alerts");
    assert_eq!(rules, switchback_migration::backfill::metrics::ALERTS);
}
