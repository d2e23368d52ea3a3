//! One run from arguments to exit code, and what every command has at hand.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser as _;
use clap::error::ErrorKind;
use switchback_diag::Exit;

use crate::args::{Cli, Global};
use crate::clock::Clock;
use crate::commands::Command;
use crate::errors::{self, Failure};
use crate::output::Output;
use crate::panics;
use crate::variables::Variables;

/// What every command has at hand, whether or not there are settings.
pub(crate) struct Shell {
    /// Where data and talk go.
    pub(crate) out: Output,
    /// What time it is.
    pub(crate) clock: Clock,
    /// The environment variables that Switchback reads.
    pub(crate) variables: Variables,
    /// The folder that the command was started in.
    pub(crate) folder: PathBuf,
    /// The settings file that was named on the command line or by a variable.
    pub(crate) settings: Option<PathBuf>,
}

/// Runs the command line and says how it ended. Everything has been printed.
pub(crate) fn run(arguments: Vec<OsString>) -> Exit {
    let global = Global::guess(&arguments);
    panics::install(&global);
    panics::guarded(move || {
        let out = Output::new(global.format, global.color);
        let cli = match Cli::try_parse_from(&arguments) {
            Ok(cli) => cli,
            Err(error) => return refuse_usage(&out, &error, &arguments),
        };
        let out = Output::new(cli.global.format, cli.global.color);
        if cli.global.format.is_for_findings() && !cli.command.has_findings() {
            return out.failure(&errors::only_for_findings(cli.global.format.word()));
        }
        let exit = match Surroundings::look(&cli.global) {
            Ok(around) => {
                let shell = around.shell(out);
                let exit = dispatch(cli.command, &shell);
                return shell.out.finish(exit);
            }
            Err(failure) => out.failure(&failure),
        };
        out.finish(exit)
    })
}

fn dispatch(command: Command, shell: &Shell) -> Exit {
    match command.run(shell) {
        Ok(exit) => exit,
        Err(failure) => shell.out.failure(&failure),
    }
}

/// Help and version are data that was asked for; everything else is wrong usage.
fn refuse_usage(out: &Output, error: &clap::Error, arguments: &[OsString]) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            out.rendered(&error.render());
            out.finish(Exit::Ok)
        }
        _ => out.usage(
            error,
            &errors::wrong_usage(error),
            errors::is_plain(arguments),
        ),
    }
}

/// What is read from around the process when it begins.
struct Surroundings {
    clock: Clock,
    variables: Variables,
    folder: PathBuf,
    settings: Option<PathBuf>,
}

impl Surroundings {
    fn look(global: &Global) -> Result<Self, Failure> {
        let variables = Variables::read();
        let folder = std::env::current_dir().map_err(|error| errors::no_folder(&error))?;
        let settings = global.config.clone().or_else(|| variables.settings_file());
        Ok(Self {
            clock: Clock,
            variables,
            folder,
            settings,
        })
    }

    fn shell(self, out: Output) -> Shell {
        let Self {
            clock,
            variables,
            folder,
            settings,
        } = self;
        Shell {
            out,
            clock,
            variables,
            folder,
            settings,
        }
    }
}
