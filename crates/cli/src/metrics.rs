//! A run shown to monitoring: over HTTP while it lasts ([`http`]), and in a file for the node
//! exporter ([`textfile`]).
//!
//! Whoever runs a backfill says [`Board::show`] from time to time, which only keeps what is said.
//! Threads of their own answer and write, so that neither a slow client nor a slow disk holds up the
//! run.
//!
//! Deliberately absent: encryption and passwords. The endpoint is for this machine, or for a network
//! that somebody chose by its address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use switchback_migration::backfill::Snapshot;
use switchback_migration::backfill::metrics::render;

use crate::errors::{self, Failure};

mod http;
mod textfile;

use http::Endpoint;
use textfile::Textfile;

/// The flags of a run that can be watched.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MetricsArgs {
    /// Serve metrics for Prometheus at /metrics while it runs: a port on the loopback address,
    /// or an address and a port, such as 127.0.0.1:9464
    ///
    /// Anybody who can reach the address can read the metrics, which name the job, the environment
    /// and the table. Nothing but a loopback address is listened on unless it is written out. With
    /// port 0 the system picks one, which is printed.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) metrics: Option<SocketAddr>,
    /// Write metrics for the node exporter into this file, whose name ends in .prom
    ///
    /// The file is replaced as a whole every few seconds, and is left with the last state at the
    /// end, so that an alert can see how the run ended.
    #[arg(long, value_name = "FILE", value_parser = textfile_path)]
    pub(crate) metrics_file: Option<PathBuf>,
}

/// `9464`, `127.0.0.1:9464`, `[::1]:9464` or `localhost:9464`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    if let Ok(port) = port.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| {
        "give a port, or an IP address and a port, such as 127.0.0.1:9464 or [::1]:9464".to_owned()
    })
}

fn textfile_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(end) if end == "prom" => Ok(path),
        _ => Err("the node exporter reads only files whose name ends in .prom".to_owned()),
    }
}

impl MetricsArgs {
    /// Begins to show what [`Board::show`] will be told. Paths are from this folder.
    ///
    /// # Errors
    /// If the address cannot be listened on (SB1520) or the file cannot be written (SB1521).
    pub(crate) fn start(&self, folder: &Path) -> Result<Board, Failure> {
        let latest = Latest::default();
        // The file first: what it starts ends by itself if the address is then refused.
        let file = match &self.metrics_file {
            Some(path) => {
                let path = folder.join(path);
                let begun = Textfile::start(path.clone(), latest.clone());
                Some(begun.map_err(|error| errors::metrics_file(&path, &error))?)
            }
            None => None,
        };
        let endpoint = match self.metrics {
            Some(address) => {
                let begun = Endpoint::start(address, latest.clone());
                Some(begun.map_err(|error| errors::metrics_address(address, &error))?)
            }
            None => None,
        };
        Ok(Board {
            latest,
            endpoint,
            file,
        })
    }
}

/// What was told last, shared by everybody who shows it.
#[derive(Debug, Clone, Default)]
struct Latest(Arc<Mutex<Option<Snapshot>>>);

impl Latest {
    fn set(&self, at: Snapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// In the text format; empty while nothing was told.
    fn text(&self) -> String {
        // Rendered outside of the lock: whoever tells never waits for whoever asks.
        let at = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        at.map(|at| render(&at, env!("CARGO_PKG_VERSION")))
            .unwrap_or_default()
    }
}

/// What a run shows to monitoring. When it is dropped the file has the last state and nobody
/// answers any more.
#[derive(Debug)]
pub(crate) struct Board {
    latest: Latest,
    endpoint: Option<Endpoint>,
    file: Option<Textfile>,
}

impl Board {
    /// From now on this is shown. Never waits.
    pub(crate) fn show(&self, at: Snapshot) {
        self.latest.set(at);
    }

    /// Where metrics are served, with the port that the system picked.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.endpoint.as_ref().map(Endpoint::address)
    }

    /// Ends it: the file gets the last state. What went wrong with the file since the beginning and
    /// still does, as a sentence for a warning.
    pub(crate) fn finish(mut self) -> Option<String> {
        drop(self.endpoint.take());
        self.file.take().and_then(Textfile::finish)
    }
}

#[cfg(test)]
mod tests;
