//! Where the parts of a file stand.

use std::collections::HashMap;

use prost_types::FileDescriptorProto;

/// The lines of a file's parts, by their paths of field numbers and indices in the descriptor.
pub(super) struct Lines<'a>(HashMap<&'a [i32], i32>);

impl<'a> Lines<'a> {
    pub(super) fn of(file: &'a FileDescriptorProto) -> Self {
        let info = file.source_code_info.iter();
        let all = info.flat_map(|it| &it.location);
        let lines = all.map(|it| (it.path.as_slice(), it.span.first().copied().unwrap_or(0)));
        Self(lines.collect())
    }

    /// The line of a part, from 1; of what it lies in, where nothing is said of the part itself.
    pub(super) fn line(&self, path: &[i32]) -> usize {
        let mut whole = (0..=path.len()).rev().map(|it| &path[..it]);
        let line = whole.find_map(|it| self.0.get(it));
        line.map_or(1, |it| usize::try_from(*it).unwrap_or(0) + 1)
    }
}
