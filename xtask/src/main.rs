//! Checks on the project itself: `cargo xtask tidy`, `cargo xtask deny` and `cargo xtask tests`.
//!
//! Each check of the first two is a function from what is there to a list of findings, and has tests
//! that show it failing. What is allowed is data, under `xtask/policy` and in `xtask/advisories.toml`.

use std::process::ExitCode;

mod deny;
mod finding;
mod metadata;
mod runner;
mod tidy;
mod tree;

use finding::Finding;

const USAGE: &str = "\
cargo xtask tidy         crate arrows, purity, file sizes, paths in the documentation, hygiene
cargo xtask deny         licences, sources and advisories of packages from outside
cargo xtask tests [N]    all tests, N binaries at a time (without N: one more than cores)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["tidy"] => tidy::run(),
        ["deny"] => deny::run(),
        ["tests"] => runner::run(None),
        ["tests", number] if number.parse::<usize>().is_ok() => runner::run(number.parse().ok()),
        _ => {
            say(&mut std::io::stderr(), USAGE);
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(findings) => report(arguments[0], &findings),
        Err(failure) => {
            say(
                &mut std::io::stderr(),
                &format!("error: {}\n", failure.chain()),
            );
            ExitCode::from(70)
        }
    }
}

fn report(command: &str, findings: &[Finding]) -> ExitCode {
    let mut out = std::io::stdout();
    for finding in findings {
        say(&mut out, &format!("{finding}\n"));
    }
    let failures = findings.iter().filter(|finding| finding.fails).count();
    if failures == 0 {
        say(&mut out, &format!("{command}: fine\n"));
        ExitCode::SUCCESS
    } else {
        say(&mut out, &format!("{command}: {failures} found\n"));
        ExitCode::FAILURE
    }
}

/// A reader that has gone away (`| head`) is no reason to fail.
fn say(out: &mut impl std::io::Write, text: &str) {
    drop(out.write_all(text.as_bytes()));
}
