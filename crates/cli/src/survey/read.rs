//! Reading files, many at a time.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::parallel::side_by_side;
use super::walk::Entry;

/// The most bytes of one file.
pub(crate) const LARGEST: u64 = 1 << 30;

/// What is in a file.
#[derive(Debug)]
pub(crate) enum Content {
    /// Text in UTF-8.
    Text(String),
    /// Something else.
    Bytes(Vec<u8>),
}

impl Content {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Content::Text(text) => text.as_bytes(),
            Content::Bytes(bytes) => bytes,
        }
    }
}

/// Reads files side by side; each result at the place of its file.
pub(crate) fn read(files: &[&Entry], largest: u64) -> Vec<io::Result<Content>> {
    side_by_side(files, |file| one(&file.path, largest))
}

fn one(path: &Path, largest: u64) -> io::Result<Content> {
    // A pipe or a device would keep us waiting, or never end.
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if found.len() > largest {
        let message = format!("it is larger than {largest} bytes");
        return Err(io::Error::other(message));
    }
    let size = usize::try_from(found.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(size + 1);
    File::open(path)?.take(largest).read_to_end(&mut bytes)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Content::Text(text),
        Err(error) => Content::Bytes(error.into_bytes()),
    })
}
