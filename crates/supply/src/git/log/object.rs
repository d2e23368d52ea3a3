//! Reading objects by their ids.

use gix::objs::FindHeader as _;
use gix::odb::pack::Find as _;

use super::commit::{Commit, parse_id};
use super::error::{HistoryError, ObjectKind, cause};
use super::id::ObjectId;
use super::open::History;

/// A buffer that had to hold more is not kept.
const KEPT_BUFFER: usize = 1 << 20;
/// How many tags may point at each other in a row.
const TAGS_ON_TAGS: usize = 64;

impl History {
    /// Calls `read` with what an object is and its bytes.
    pub(super) fn with_object<T>(
        &self,
        id: ObjectId,
        read: impl FnOnce(ObjectKind, &[u8]) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        // A reader may read another object meanwhile, so a buffer is taken and given back.
        let mut buffer = self.buffers.borrow_mut().pop().unwrap_or_default();
        // Not through the outermost layer, which would not say where an object was found.
        let result = match (*self.repo.objects).try_find(&id.0, &mut buffer) {
            Ok(Some((object, location))) => match location {
                Some(_) => read(object.kind.into(), object.data),
                None => {
                    check_loose(id, &object).and_then(|()| read(object.kind.into(), object.data))
                }
            },
            Ok(None) => Err(self.missing(id)),
            Err(error) => Err(HistoryError::Corrupt {
                id,
                source: cause(error),
            }),
        };
        if buffer.capacity() <= KEPT_BUFFER {
            self.buffers.borrow_mut().push(buffer);
        }
        result
    }

    /// The same for an object that has to be of a kind.
    pub(super) fn with_kind<T>(
        &self,
        id: ObjectId,
        wanted: ObjectKind,
        read: impl FnOnce(&[u8]) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        self.with_object(id, |found, bytes| match found == wanted {
            true => read(bytes),
            false => Err(HistoryError::WrongKind { id, wanted, found }),
        })
    }

    /// One commit.
    ///
    /// # Errors
    /// [`HistoryError::Missing`], [`HistoryError::Corrupt`], [`HistoryError::WrongKind`].
    pub fn commit(&self, id: ObjectId) -> Result<Commit, HistoryError> {
        let mut commit =
            self.with_kind(id, ObjectKind::Commit, |bytes| Commit::parse(id, bytes))?;
        commit.cut = self.is_cut(id);
        Ok(commit)
    }

    /// What an object is and how many bytes it has, without reading all of it.
    pub(super) fn header(&self, id: ObjectId) -> Result<(ObjectKind, u64), HistoryError> {
        match self.repo.objects.try_header(&id.0) {
            Ok(Some(header)) => Ok((header.kind.into(), header.size)),
            Ok(None) => Err(self.missing(id)),
            Err(error) => Err(HistoryError::Corrupt {
                id,
                source: cause(error),
            }),
        }
    }

    /// What an object is once all annotated tags are followed.
    pub(super) fn peel(&self, id: ObjectId) -> Result<(ObjectId, ObjectKind), HistoryError> {
        let mut at = id;
        for _ in 0..TAGS_ON_TAGS {
            match self.header(at)? {
                (ObjectKind::Tag, _) => {
                    at = self.with_kind(at, ObjectKind::Tag, |bytes| {
                        match bytes.split(|b| *b == b'\n').next().and_then(object_line) {
                            Some(hex) => parse_id(at, hex),
                            None => Err(HistoryError::corrupt(at, "a tag names no object")),
                        }
                    })?;
                }
                (kind, _) => return Ok((at, kind)),
            }
        }
        Err(HistoryError::corrupt(
            id,
            "too many tags point at each other",
        ))
    }

    /// The commit that an object is or that tags on it lead to.
    pub(super) fn peel_to_commit(&self, id: ObjectId) -> Result<ObjectId, HistoryError> {
        match self.peel(id)? {
            (id, ObjectKind::Commit) => Ok(id),
            (id, found) => Err(HistoryError::WrongKind {
                id,
                wanted: ObjectKind::Commit,
                found,
            }),
        }
    }

    fn missing(&self, id: ObjectId) -> HistoryError {
        HistoryError::Missing {
            id,
            promised: self.promised,
        }
    }
}

/// Whether the bytes are those that the id stands for. In a pack the library compares a checksum;
/// for a file of its own it does not. There are few of those, so this costs next to nothing.
fn check_loose(id: ObjectId, object: &gix::objs::Data<'_>) -> Result<(), HistoryError> {
    match gix::objs::compute_hash(id.0.kind(), object.kind, object.data) {
        Ok(found) if found == id.0 => Ok(()),
        Ok(_) => Err(HistoryError::corrupt(
            id,
            "its bytes are not those of its id",
        )),
        Err(error) => Err(HistoryError::Corrupt {
            id,
            source: cause(error),
        }),
    }
}

fn object_line(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"object ")
}
