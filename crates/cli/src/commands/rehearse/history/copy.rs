//! A copy of a database: what its tool has applied there, and the rehearsal of the rest.

use switchback_db::history::{Options, Report};
use switchback_db::postgres::history::{Recorded, Synthetic, recorded, rehearse};
use switchback_migration::Engine;
use switchback_migration::history::{Misfit, MisfitKind, Standing, record};

use super::{ended, tell, title};
use crate::commands::rehearse::change::source::url_of_copy;
use crate::commands::rehearse::folder::Read;
use crate::commands::rehearse::view;
use crate::context::settings_if_any;
use crate::errors::{self, Failure};
use crate::progress::Progress;
use crate::shell::Shell;

/// A copy, and how it stands to the folder.
pub(super) struct Copy {
    variable: String,
    /// It may hold a password.
    url: String,
    standing: Standing,
}

impl Copy {
    /// Looks at the copy whose URL a variable holds.
    ///
    /// # Errors
    /// If it cannot be read, nobody can tell what is applied there, or something is applied in part.
    pub(super) fn find(folder: &Read, variable: &str, shell: &Shell) -> Result<Self, Failure> {
        if folder.engine != Engine::Postgres {
            return Err(errors::only_on("--url-from", Engine::Postgres));
        }
        let settings = settings_if_any(shell)?;
        let settings = settings.as_ref().map(|it| &it.settings);
        let url = url_of_copy(shell, settings, variable)?;
        let tool = folder.folder.tool;
        let known = record(tool).ok_or_else(|| errors::no_record(tool))?;
        let rows = match recorded(&url, known)? {
            Recorded::Rows(rows) => rows,
            Recorded::Empty => Vec::new(),
            Recorded::Unknown(what) => {
                return Err(errors::not_recorded(tool, known.table, variable, &what));
            }
            Recorded::Several(tables) => {
                return Err(errors::several_records(tool, variable, &tables));
            }
        };
        let standing = folder.standing(&rows);
        let in_part = |it: &&Misfit| it.kind == MisfitKind::InPart;
        if let Some(misfit) = standing.misfits.iter().find(in_part) {
            return Err(errors::applied_in_part(tool, variable, misfit));
        }
        Ok(Self {
            variable: variable.to_owned(),
            url,
            standing,
        })
    }

    /// Rehearses what is not applied there, on copies of the copy.
    pub(super) fn rehearse<'s>(
        &self,
        folder: &Read,
        seed: u64,
        options: &Options,
        shell: &'s Shell,
    ) -> Result<(Report, Progress<'s>), Failure> {
        let migrations = folder.at(&self.standing.pending);
        let mut progress = Progress::new(shell, 1);
        progress.begin(&title(&migrations));
        let mut fill = Synthetic { seed };
        let report = rehearse(&self.url, &migrations, &mut fill, options, &mut |at| {
            tell(&progress, at);
        });
        Ok((ended(report, &mut progress)?, progress))
    }

    /// What the report says of it.
    pub(super) fn said(self) -> view::OnCopy {
        view::OnCopy::of(&self.variable, &self.standing)
    }
}
