//! A program that says what rows get, as a process of ours.
//!
//! It is started when the first row is there for it, once for each worker, without a shell, in a
//! process group of its own. Three threads pump its input, its output and what it says beside it, so
//! that nobody waits for somebody who waits for him, and none of them holds more than a few lines.
//! While a program works nothing is held in the database; whoever asks is called in between, to keep
//! a lease.
//!
//! A program that did anything but answer is ended, and nothing of what it said in that batch is
//! used. Its input ends with us, however that happens.

mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchback_migration::backfill::job::{Job, Program};
use switchback_migration::backfill::program::{
    Answer, LONGEST_LINE, Pace, Turn, Wrong, answer, check_welcome, flush, hello,
};

use process::{Heard, Process};

/// How programs are run.
#[derive(Clone)]
pub struct Launch {
    /// The root of the work tree: where the program runs, and from where its name is looked for.
    pub folder: PathBuf,
    /// How long it may say nothing while rows wait for it.
    pub patience: Duration,
    /// Variables whose names begin with one of these are kept from it.
    pub secret: Vec<String>,
    /// Is given what it says beside its answers, line by line, as far as that is not too much.
    pub told: Arc<dyn Fn(&str) + Send + Sync>,
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launch")
            .field("folder", &self.folder)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// What is wrong about a program. `said` is the end of what it said beside its answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// Nobody said how programs are run.
    #[error("programs are not run here")]
    NotHere,
    /// It cannot be started.
    #[error("`{command}` cannot be started: {why}")]
    NotStarted {
        /// The program.
        command: String,
        /// Why.
        why: String,
    },
    /// It ended while rows waited for it.
    #[error("`{command}` ended while {left} rows waited for it: {status}")]
    Ended {
        /// The program.
        command: String,
        /// How many rows it had not answered.
        left: usize,
        /// How it ended.
        status: String,
        /// What it said.
        said: Vec<String>,
    },
    /// It said something that is no answer.
    #[error("`{command}` does not answer as it should")]
    Wrong {
        /// The program.
        command: String,
        /// The line, or its beginning.
        line: String,
        /// What is wrong about it.
        source: Wrong,
        /// What it said.
        said: Vec<String>,
    },
    /// A line, or the answers to the rows of a turn, are too long.
    #[error("`{command}` answers with more than {most} bytes")]
    TooLong {
        /// The program.
        command: String,
        /// How many there may be.
        most: usize,
        /// What it said.
        said: Vec<String>,
    },
    /// It said nothing for too long.
    #[error("`{command}` has said nothing for {} s while {left} rows waited for it", patience.as_secs())]
    Silent {
        /// The program.
        command: String,
        /// How many rows it had not answered.
        left: usize,
        /// How long it was waited for.
        patience: Duration,
        /// What it said.
        said: Vec<String>,
    },
}

impl ProgramError {
    /// The end of what the program said beside its answers.
    pub fn said(&self) -> &[String] {
        match self {
            Self::NotHere | Self::NotStarted { .. } => &[],
            Self::Ended { said, .. }
            | Self::Wrong { said, .. }
            | Self::TooLong { said, .. }
            | Self::Silent { said, .. } => said,
        }
    }
}

/// The answers of a turn may take so much, in bytes.
const MOST_ANSWERED: usize = 16 << 20;

/// How much of a line that is no answer is shown, in characters.
const SHOWN: usize = 200;

/// How often whoever asks is called while a program works, at least.
const LOOK: Duration = Duration::from_millis(100);

/// Whether whoever asks still wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Still {
    Wanted,
    /// Nobody waits for it any more.
    Over,
}

/// A program and, once a row was there for it, its process.
#[derive(Debug, Default)]
pub(crate) struct Worker {
    launch: Option<Launch>,
    process: Option<Process>,
    pace: Pace,
    /// Rows that this process was given.
    given: u64,
}

/// What is asked: of which job, and how its lines are made.
pub(crate) struct Question<'a> {
    pub(crate) job: &'a Job,
    pub(crate) program: &'a Program,
    pub(crate) key: &'a [String],
    /// How many rows there are.
    pub(crate) rows: usize,
    /// The line of a row, by its place, with the number that it gets.
    pub(crate) line: &'a dyn Fn(usize, u64) -> String,
}

/// Answers, in the order of the rows. Where there was no time for all of them they are those of the
/// first rows, at least one.
pub(crate) struct Answered {
    pub(crate) answers: Vec<Answer>,
}

/// Why rows are not answered.
#[derive(Debug)]
pub(crate) enum NoAnswer<E> {
    Program(ProgramError),
    /// What was called in between says so.
    Other(E),
    /// Nobody waits for it any more.
    Over,
}

impl Worker {
    /// From now on programs are run so.
    pub(crate) fn launch(&mut self, launch: Launch) {
        self.launch = Some(launch);
    }

    /// How many rows a batch is read with.
    pub(crate) fn rows(&self) -> u32 {
        self.pace.batch()
    }

    /// Gives rows to the program and returns its answers. `still` is called now and then meanwhile.
    /// After an error the program is ended; the next question starts it again.
    pub(crate) fn ask<E>(
        &mut self,
        question: &Question<'_>,
        still: &mut dyn FnMut() -> Result<Still, E>,
    ) -> Result<Answered, NoAnswer<E>> {
        let asked = self.asked(question, still);
        if asked.is_err() {
            // What it has not answered yet it could answer at any time.
            self.process = None;
        }
        asked
    }

    fn asked<E>(
        &mut self,
        question: &Question<'_>,
        still: &mut dyn FnMut() -> Result<Still, E>,
    ) -> Result<Answered, NoAnswer<E>> {
        let began = Instant::now();
        let mut answers = Vec::with_capacity(question.rows);
        if question.rows == 0 {
            return Ok(Answered { answers });
        }
        self.begin(question, still)?;
        let Some(process) = &mut self.process else {
            return Err(NoAnswer::Program(ProgramError::NotHere));
        };
        while answers.len() < question.rows {
            let rows = (question.rows - answers.len()).min(self.pace.turn() as usize);
            let mut turn = Turn::new(self.given + 1, rows);
            let asked = Instant::now();
            process.say(turn_of(question, answers.len(), rows, self.given));
            self.given += rows as u64;
            let mut bytes = 0;
            while turn.left() > 0 {
                let line = process.hear(turn.left(), still)?;
                bytes += line.len();
                if bytes > MOST_ANSWERED {
                    return Err(NoAnswer::Program(process.too_long(MOST_ANSWERED)));
                }
                answer(&line, &question.program.columns)
                    .and_then(|(row, answer)| turn.hear(row, answer))
                    .map_err(|wrong| NoAnswer::Program(process.wrong(&line, wrong)))?;
            }
            answers.extend(turn.answers());
            self.pace.learn(rows, asked.elapsed(), bytes);
            if self.pace.is_over(began.elapsed()) {
                break;
            }
        }
        Ok(Answered { answers })
    }

    /// Starts the program, if it does not run.
    fn begin<E>(
        &mut self,
        question: &Question<'_>,
        still: &mut dyn FnMut() -> Result<Still, E>,
    ) -> Result<(), NoAnswer<E>> {
        if self.process.is_some() {
            return Ok(());
        }
        let launch = self.launch.as_ref();
        let launch = launch.ok_or(NoAnswer::Program(ProgramError::NotHere))?;
        let started = Process::start(launch, &question.program.command);
        let mut process = started.map_err(NoAnswer::Program)?;
        self.given = 0;
        let hello = hello(question.job, question.program, question.key);
        process.say(hello.into_bytes());
        let line = process.hear(question.rows, still)?;
        check_welcome(&line).map_err(|wrong| NoAnswer::Program(process.wrong(&line, wrong)))?;
        self.process = Some(process);
        Ok(())
    }
}

/// The lines of a turn.
fn turn_of(question: &Question<'_>, from: usize, rows: usize, given: u64) -> Vec<u8> {
    let mut lines = String::new();
    let mut number = given;
    for place in from..from + rows {
        number += 1;
        lines.push_str(&(question.line)(place, number));
    }
    lines.push_str(&flush(number));
    lines.into_bytes()
}

impl Process {
    /// The next line that it says, while `left` rows wait for it.
    fn hear<E>(
        &mut self,
        left: usize,
        still: &mut dyn FnMut() -> Result<Still, E>,
    ) -> Result<String, NoAnswer<E>> {
        let since = Instant::now();
        loop {
            // Also while it answers: a turn may take long when its rows suddenly do.
            if self.looked.elapsed() >= LOOK {
                self.looked = Instant::now();
                if still().map_err(NoAnswer::Other)? == Still::Over {
                    return Err(NoAnswer::Over);
                }
            }
            let line = match self.next(LOOK) {
                Heard::Nothing if since.elapsed() < self.patience() => continue,
                Heard::Nothing => return Err(NoAnswer::Program(self.silent(left))),
                Heard::Line(line) => line,
                Heard::TooLong => {
                    return Err(NoAnswer::Program(self.too_long(LONGEST_LINE)));
                }
                Heard::End => return Err(NoAnswer::Program(self.ended(left))),
            };
            let text = String::from_utf8(line).map_err(|error| {
                let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let why = "it is not text in UTF-8".to_owned();
                NoAnswer::Program(self.wrong(&shown, Wrong::Form { why }))
            })?;
            return Ok(text);
        }
    }

    fn silent(&mut self, left: usize) -> ProgramError {
        ProgramError::Silent {
            command: self.command().to_owned(),
            left,
            patience: self.patience(),
            said: self.said(),
        }
    }

    fn too_long(&mut self, most: usize) -> ProgramError {
        ProgramError::TooLong {
            command: self.command().to_owned(),
            most,
            said: self.said(),
        }
    }

    fn ended(&mut self, left: usize) -> ProgramError {
        let status = self.end();
        ProgramError::Ended {
            command: self.command().to_owned(),
            left,
            status,
            said: self.said(),
        }
    }

    fn wrong(&mut self, line: &str, source: Wrong) -> ProgramError {
        let shown: String = line.chars().take(SHOWN).collect();
        ProgramError::Wrong {
            command: self.command().to_owned(),
            line: crate::text::printable(&shown),
            source,
            said: self.said(),
        }
    }
}

#[cfg(test)]
mod tests;
