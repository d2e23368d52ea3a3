//! Commands as a user types them: run as processes of their own, and shown with what they say.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::Trouble;
use crate::page::{Page, Role};
use crate::shell::Shell;

/// A terminal in a folder.
pub(super) struct Terminal<'a> {
    shell: &'a Shell,
    program: PathBuf,
    folder: PathBuf,
}

impl<'a> Terminal<'a> {
    /// A terminal; `program` is what is meant by `switchback`.
    pub(super) fn new(shell: &'a Shell, program: PathBuf, folder: PathBuf) -> Self {
        Self {
            shell,
            program,
            folder,
        }
    }

    /// Begins a chapter.
    pub(super) fn chapter(&self, title: &str, text: &str) {
        let mut page = Page::new(*self.shell.out.talk_theme());
        page.end().heading(title).block(text).end();
        self.shell.out.talk(page.text());
    }

    /// Says something in between.
    pub(super) fn say(&self, text: &str) {
        let mut page = Page::new(*self.shell.out.talk_theme());
        page.add(Role::Faint, &format!("# {text}")).end();
        self.shell.out.talk(page.text());
    }

    /// Types a command that must end with `expected`, and gives what it wrote to either stream.
    pub(super) fn type_in(&self, line: &str, expected: i32) -> Result<String, Trouble> {
        self.prompt(line);
        let (text, status) = self
            .run(line)
            .map_err(Trouble::scene(format!("`{line}` could not be run")))?;
        self.show(&text);
        if status.code() != Some(expected) {
            let found = status
                .code()
                .map_or_else(|| status.to_string(), |it| it.to_string());
            return Err(Trouble::Ended {
                command: line.to_owned(),
                expected,
                found,
            });
        }
        Ok(text)
    }

    /// Both streams go into one pipe, as they go to one terminal, so that their order is kept.
    fn run(&self, line: &str) -> io::Result<(String, ExitStatus)> {
        let (mut reader, writer) = io::pipe()?;
        let mut command = self.command(line);
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut process = command.spawn()?;
        // It holds our ends of the pipe, and the reader waits until all of them are closed.
        drop(command);
        let mut text = Vec::new();
        reader.read_to_end(&mut text)?;
        Ok((String::from_utf8_lossy(&text).into_owned(), process.wait()?))
    }

    /// Types a command that must be refused with this code, and say all of `says`.
    pub(super) fn refused(&self, line: &str, code: &str, says: &[&str]) -> Result<(), Trouble> {
        let text = self.type_in(line, 1)?;
        for expected in std::iter::once(&code).chain(says) {
            if !text.contains(expected) {
                let (command, expected) = (line.to_owned(), (*expected).to_owned());
                return Err(Trouble::Silent { command, expected });
            }
        }
        Ok(())
    }

    /// Types a command and lets it run.
    pub(super) fn begin(&self, line: &str) -> Result<Child, Trouble> {
        self.prompt(line);
        self.command(line)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Trouble::scene(format!("`{line}` could not be run")))
    }

    /// Runs a command without showing it, for its output as JSON.
    pub(super) fn ask(&self, line: &str) -> Result<serde_json::Value, Trouble> {
        let output = self
            .command(line)
            .args(["--format", "json"])
            .stdin(Stdio::null())
            .output()
            .map_err(Trouble::scene(format!("`{line}` could not be run")))?;
        serde_json::from_slice(&output.stdout)
            .map_err(Trouble::scene(format!("`{line}` did not answer in JSON")))
    }

    /// Shows what somebody does with an editor or git.
    pub(super) fn prompt(&self, line: &str) {
        let mut page = Page::new(*self.shell.out.talk_theme());
        page.add(Role::Faint, "$ ").add(Role::Command, line).end();
        self.shell.out.talk(page.text());
    }

    fn command(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        let program = match words.next() {
            Some("switchback") | None => self.program.clone(),
            Some(other) => PathBuf::from(other),
        };
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.folder);
        scrub(&mut command, &self.folder);
        command
    }

    fn show(&self, text: &str) {
        let mut page = Page::new(*self.shell.out.talk_theme());
        for line in text.lines() {
            page.line(&format!("  {line}"));
        }
        page.end();
        self.shell.out.talk(page.text());
    }
}

/// Takes away whatever could make the demo depend on the user's own configuration.
pub(super) fn scrub(command: &mut Command, home: &Path) {
    command
        .env_remove("SWITCHBACK_CONFIG")
        .env_remove("SWITCHBACK_LEDGER_URL")
        .env_remove("SWITCHBACK_LEDGER_KEY")
        .env("SWITCHBACK_ACTOR", "Demo <demo@example.org>")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CEILING_DIRECTORIES", home)
        .env("GIT_AUTHOR_NAME", "Demo")
        .env("GIT_AUTHOR_EMAIL", "demo@example.org")
        .env("GIT_COMMITTER_NAME", "Demo")
        .env("GIT_COMMITTER_EMAIL", "demo@example.org")
        .env("NO_COLOR", "1");
}
