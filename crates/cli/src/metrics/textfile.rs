//! A file for the textfile collector of the node exporter.
//!
//! A thread writes it every few seconds, whole, under another name that is then changed, so that
//! nobody reads half of it. It is not forced to the disk: after a crash of the machine the next run
//! writes it anew.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::Latest;

/// How often the file is written. Servers scrape every 15 seconds or less often.
const EVERY: Duration = Duration::from_secs(5);

/// When it is written first.
const FIRST: Duration = Duration::from_millis(500);

/// How long the end of a run waits for the last state to be written.
const LAST_WORD: Duration = Duration::from_secs(5);

/// The node exporter runs as somebody else.
const MODE: u32 = 0o644;

/// A file with the thread that writes it.
#[derive(Debug)]
pub(super) struct Textfile {
    path: PathBuf,
    /// Whoever drops it asks for the last state.
    over: Option<SyncSender<()>>,
    /// How writing the last state went.
    last: Receiver<io::Result<()>>,
}

impl Textfile {
    /// Tries whether the file can be written, and writes it from now on. What is in it stays until
    /// something is known.
    pub(super) fn start(path: PathBuf, latest: Latest) -> io::Result<Self> {
        if path.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        temporary(&path)?;
        let (over, asked) = mpsc::sync_channel(0);
        let (tell, last) = mpsc::sync_channel(1);
        let place = path.clone();
        thread::Builder::new()
            .name("metrics-file".to_owned())
            .spawn(move || {
                let mut every = FIRST;
                // Nothing is ever sent: the other end is dropped when it is over.
                while asked.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    every = EVERY;
                    // A file that cannot be written for now is no reason to stop a run.
                    let _ = write(&place, &latest.text());
                }
                let _ = tell.send(write(&place, &latest.text()));
            })?;
        Ok(Self {
            path,
            over: Some(over),
            last,
        })
    }

    /// Writes the last state. A sentence if that failed.
    pub(super) fn finish(mut self) -> Option<String> {
        self.end()
    }

    fn end(&mut self) -> Option<String> {
        drop(self.over.take()?);
        let path = self.path.display();
        match self.last.recv_timeout(LAST_WORD) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{path} does not have the last metrics: {error}")),
            Err(_) => Some(format!(
                "{path} may not have the last metrics: writing it takes too long"
            )),
        }
    }
}

impl Drop for Textfile {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// A file beside it that goes away by itself unless it gets the name. Its own name does not end in
/// `.prom`, so nobody reads it.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".switchback-metrics-")
        .suffix(".tmp")
        .tempfile_in(folder)
        // The path of a temporary file says nothing to anybody.
        .map_err(|error| match error.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => error.kind().into(),
        })
}

/// Replaces the file, unless nothing is known yet.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut file = temporary(path)?;
    file.write_all(text.as_bytes())?;
    // Whatever the user's mask is.
    fs::set_permissions(file.path(), Permissions::from_mode(MODE))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
