//! What SQLite does for a rehearsal.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use switchback_migration::Engine;

use super::Settings;
use super::connection::open;
use super::meaning::meaning;
use super::run::Run;
use crate::history::rehearsal::{Scratch, Which};
use crate::history::{Contents, ContentsChange, Difference, Failure, Meaning, Note, Options, Sql};
use crate::sqlite::error::DbError;
use crate::sqlite::{rows, synth};

pub(super) struct SqliteScratch<'a> {
    settings: &'a Settings,
    options: &'a Options,
    /// The file that only goes up.
    main: PathBuf,
    /// The copy of it. There only while a migration is tried.
    copy: PathBuf,
}

impl<'a> SqliteScratch<'a> {
    pub(super) fn open(
        folder: &Path,
        settings: &'a Settings,
        options: &'a Options,
    ) -> Result<Self, DbError> {
        let scratch = Self {
            settings,
            options,
            main: folder.join("main.db"),
            copy: folder.join("try.db"),
        };
        // Made here, so that it is there to be copied.
        scratch.connect(Which::Main)?;
        Ok(scratch)
    }

    fn file(&self, which: Which) -> &Path {
        match which {
            Which::Main => &self.main,
            Which::Copy => &self.copy,
        }
    }

    /// A connection that only looks.
    fn connect(&self, which: Which) -> Result<Connection, DbError> {
        open(self.file(which), false)
    }

    fn runner(&self, which: Which) -> Run<'_> {
        Run {
            file: self.file(which),
            foreign_keys: self.settings.foreign_keys,
            statement: self.options.statement_timeout,
            script: self.options.script_timeout,
        }
    }
}

fn io(error: std::io::Error) -> DbError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => DbError::DiskFull {
            during: "copying the scratch database".to_owned(),
        },
        _ => DbError::Io {
            message: error.to_string(),
        },
    }
}

impl Scratch for SqliteScratch<'_> {
    type Error = DbError;

    const ENGINE: Engine = Engine::Sqlite;

    fn engine(&self) -> String {
        let keys = if self.settings.foreign_keys {
            ""
        } else {
            "not "
        };
        format!(
            "SQLite {}, foreign keys {keys}enforced",
            rusqlite::version()
        )
    }

    fn attempt(&mut self, _up: &Sql, _down: Option<&Sql>) -> Result<bool, DbError> {
        // Copying a file is quick enough.
        Ok(false)
    }

    fn copy(&mut self) -> Result<(), DbError> {
        self.forget()?;
        // Nobody is connected, so all of it is in the one file, whatever the journal mode.
        if fs::exists(&self.main).map_err(io)? {
            fs::copy(&self.main, &self.copy).map_err(io)?;
        }
        Ok(())
    }

    fn forget(&mut self) -> Result<(), DbError> {
        for ending in ["", "-wal", "-shm", "-journal"] {
            let mut file = self.copy.clone().into_os_string();
            file.push(ending);
            match fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn fill(&mut self, notes: &mut Vec<Note>) -> Result<bool, DbError> {
        let mut connection = self.connect(Which::Copy)?;
        let filled = synth::fill(&mut connection, self.options.rows, self.settings.seed)?;
        if let Some(message) = filled.said() {
            notes.push(Note::NotFilled { message });
        }
        Ok(filled.tables > 0)
    }

    fn meaning(&mut self, which: Which) -> Result<Meaning, DbError> {
        meaning(&self.connect(which)?)
    }

    fn differences(&self, before: &Meaning, after: &Meaning) -> Vec<Difference> {
        before.differences(after)
    }

    fn contents(&mut self) -> Result<Contents, DbError> {
        rows::contents(&self.connect(Which::Copy)?, &self.options.limits)
    }

    fn changes(&mut self, before: &Contents) -> Result<ContentsChange, DbError> {
        let limits = &self.options.limits;
        let now = rows::contents(&self.connect(Which::Copy)?, limits)?;
        Ok(rows::changes(before, &now, limits))
    }

    fn run(
        &mut self,
        which: Which,
        sql: &Sql,
        notes: &mut Vec<Note>,
    ) -> Result<Result<(), Failure>, DbError> {
        self.runner(which).whole(sql, notes)
    }

    fn run_in_part(&mut self, sql: &Sql) -> Result<(usize, usize), DbError> {
        self.runner(Which::Main).in_part(sql)
    }
}
