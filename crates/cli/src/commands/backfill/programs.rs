//! Programs that say what rows get: leave to run them, and what they say beside their answers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switchback_db::backfill::program::Launch;

use crate::context::Context;

/// Variables of our own begin so: some of them say how to reach a database or the ledger.
const OWN: &str = "SWITCHBACK_";

/// How programs are run by this process, all workers together.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    patience: Duration,
    secret: Vec<String>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Programs {
    /// Programs of a work tree, each of which may be silent for so long.
    pub(super) fn new(context: &Context<'_>, patience: Duration) -> Self {
        let environments = context.settings().environments.iter();
        let mut secret: Vec<String> = environments.map(|it| it.database_variable()).collect();
        secret.push(OWN.to_owned());
        Self {
            folder: context.root.clone(),
            patience,
            secret,
            said: Arc::default(),
        }
    }

    /// The same for an adapter. What a program says beside its answers is kept until it is taken; how
    /// much that may be is the adapter's.
    pub(super) fn launch(&self) -> Launch {
        let said = Arc::clone(&self.said);
        Launch {
            folder: self.folder.clone(),
            patience: self.patience,
            secret: self.secret.clone(),
            told: Arc::new(move |line| {
                let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                said.push(line.to_owned());
            }),
        }
    }

    /// What they have said since this was asked last.
    pub(super) fn said(&self) -> Vec<String> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *said)
    }
}
