//! `switchback demo`: one change walked up and back, on real git, real databases and real
//! processes, by the commands that a user would type.
//!
//! [`scene`] builds the folder, [`app`] is the application that runs throughout, [`fleet`] starts
//! and replaces its instances, [`typed`] runs commands and shows them, and [`story`] tells what
//! happens. Nothing here reaches around the commands: what the demo shows is what they do.

mod app;
mod fleet;
mod scene;
mod story;
mod typed;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use switchback_diag::Exit;

use crate::errors::{self, Failure};
use crate::shell::Shell;

pub(crate) use app::DemoApp;

/// Walk one change up and back in a scratch folder
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the folder, to look around in it
    #[arg(long)]
    keep: bool,
    /// How many customers the production database has
    #[arg(long, default_value_t = 200_000, value_name = "ROWS")]
    customers: u32,
}

/// Why the demo stopped: a thing that should not have happened, said in one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Something of the scene could not be built.
    #[error("{what}")]
    Scene {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A command did not end as it should.
    #[error("`{command}` ended with {found}, and {expected} was expected")]
    Ended {
        /// The command.
        command: String,
        /// The exit code that it should have ended with.
        expected: i32,
        /// The exit code that it ended with.
        found: String,
    },
    /// A command said something else than it should.
    #[error("`{command}` should say `{expected}`, and does not")]
    Silent {
        /// The command.
        command: String,
        /// What it should say.
        expected: String,
    },
    /// The application met an error or a stale value.
    #[error("{instance}: {report}")]
    Application {
        /// The instance.
        instance: String,
        /// What it reported.
        report: String,
    },
    /// Something that was waited for did not come.
    #[error("waited {seconds} s for {what}, and it did not come")]
    Late {
        /// What.
        what: String,
        /// How long.
        seconds: u64,
    },
}

impl Trouble {
    /// For `map_err`.
    fn scene<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        move |source| Trouble::Scene {
            what: what.into(),
            source: source.into(),
        }
    }
}

impl Demo {
    /// Runs the demo.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let begun = Instant::now();
        let folder = scratch_folder()?;
        let told = story::tell(shell, &folder, self.customers);
        let folder_shown = folder.display();
        if self.keep {
            shell
                .out
                .note(&format!("\nThe folder is kept: {folder_shown}"));
        } else if let Err(error) = std::fs::remove_dir_all(&folder) {
            shell
                .out
                .note(&format!("{folder_shown} could not be removed: {error}"));
        }
        let summary = told.map_err(|trouble| errors::demo_failed(&trouble))?;
        shell.out.note(&format!(
            "{summary}\nIt took {:.0} s.",
            begun.elapsed().as_secs_f64()
        ));
        Ok(Exit::Ok)
    }
}

/// A folder that nobody else has.
fn scratch_folder() -> Result<PathBuf, Failure> {
    let base = std::env::temp_dir();
    let folder = base.join(format!("switchback-demo-{}", std::process::id()));
    std::fs::create_dir(&folder).map_err(|source| crate::files::FileError {
        doing: crate::files::Doing::Write,
        path: folder.clone(),
        source,
    })?;
    Ok(folder)
}
