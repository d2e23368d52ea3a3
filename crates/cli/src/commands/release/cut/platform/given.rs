//! What the command line says of components: the digests of their releases, and which of these to take.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use semver::Version;
use switchback_model::{ComponentName, Digest};
use switchback_version::platform::digests;

use crate::commands::version::version;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::files;
use crate::settings::versions::Platform;

/// What is given.
#[derive(Debug, Args)]
pub(super) struct Given {
    /// The digest of what was built from a component's release; may be given several times
    #[arg(long, value_name = "NAME=DIGEST")]
    digest: Vec<String>,
    /// A file with digests: lines `NAME DIGEST`, a JSON object of them, or metadata of `docker buildx bake`
    #[arg(long, value_name = "FILE")]
    digests: Option<PathBuf>,
    /// Take this release of a component instead of its newest; may be given several times
    #[arg(long, value_name = "NAME=VERSION")]
    take: Vec<String>,
}

/// The same, understood.
pub(super) struct Said {
    pub(super) digests: BTreeMap<ComponentName, Digest>,
    pub(super) takes: BTreeMap<ComponentName, Version>,
}

impl Given {
    /// Understands what is given for the components of a platform.
    ///
    /// # Errors
    /// SB0106 for an argument about another component; SB1624 for a digest or a file that cannot be used.
    pub(super) fn read(&self, context: &Context<'_>, platform: &Platform) -> Result<Said, Failure> {
        let members = context.components().filter(|it| platform.has(it));
        let members: Vec<&ComponentName> = members.collect();
        let names = || members.iter().map(|it| it.as_str());
        let member = |name: &str| members.iter().find(|it| it.as_str() == name).copied();
        let unknown = |name: &str| errors::unknown_name("component of the platform", name, names());
        let mut said = Said {
            digests: BTreeMap::new(),
            takes: BTreeMap::new(),
        };
        if let Some(path) = &self.digests {
            let path = context.shell.folder.join(path);
            let bytes = files::read_at_most(&path, digests::LARGEST as u64)?;
            let read = digests::read(&bytes);
            let read = read.map_err(|error| errors::digests_unread(&path, &error))?;
            for (name, digest) in read {
                let component =
                    member(&name).ok_or_else(|| errors::digest_of_nobody(&path, &name, names()))?;
                said.digests.insert(component.clone(), digest);
            }
        }
        for text in &self.digest {
            let (name, digest) = pair(text).ok_or_else(|| {
                errors::wrong_digest(text, "it has no `=` between a name and a digest")
            })?;
            let component = member(name).ok_or_else(|| unknown(name))?;
            let digest: Digest = digest
                .parse()
                .map_err(|error| errors::wrong_digest(text, &format!("{error}")))?;
            let earlier = said.digests.insert(component.clone(), digest);
            if let Some(earlier) = earlier.filter(|it| *it != digest) {
                let because = format!("{earlier} is given for {component}, too");
                return Err(errors::wrong_digest(text, &because));
            }
        }
        for text in &self.take {
            let (name, wanted) = pair(text)
                .ok_or_else(|| errors::usage(format!("`--take {text}` has no `=VERSION`")))?;
            let component = member(name).ok_or_else(|| unknown(name))?;
            let wanted = version(wanted)?;
            let earlier = said.takes.insert(component.clone(), wanted.clone());
            if earlier.is_some_and(|it| it != wanted) {
                let two = format!("two releases of {component} are to be taken");
                return Err(errors::usage(two).into());
            }
        }
        Ok(said)
    }
}

/// `NAME=VALUE`, apart.
fn pair(text: &str) -> Option<(&str, &str)> {
    text.split_once('=')
}
