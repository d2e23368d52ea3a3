//! A commit, read from its bytes.
//!
//! The bytes are read here and not by the library, for two reasons: nothing is allocated for fields
//! that nobody asks for, and commits that other programs wrote badly are still commits, as for Git.

use gix::bstr::ByteSlice as _;
use switchback_model::Timestamp;

use super::error::HistoryError;
use super::id::ObjectId;

/// A moment as Git keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// How far the clock of whoever wrote it was ahead of UTC, in minutes.
    pub offset_minutes: i16,
}

impl Moment {
    /// The same without the offset.
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_millis(self.seconds.saturating_mul(1_000))
    }

    /// The end of `Name <address> 1767225600 +0100`; `None` if there is no number of seconds.
    fn parse(line: &[u8]) -> Option<Self> {
        // A name may have digits and angle brackets, so from behind.
        let end = line.iter().rposition(|b| *b == b'>')?;
        let text = line[end + 1..].to_str().ok()?;
        let mut parts = text.split_ascii_whitespace();
        let seconds = parts.next()?.parse().ok()?;
        let offset = parts.next().and_then(offset_minutes).unwrap_or(0);
        Some(Self {
            seconds,
            offset_minutes: offset,
        })
    }
}

/// `+0130` as 90.
fn offset_minutes(text: &str) -> Option<i16> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i16 = digits.parse().ok()?;
    Some(sign * (number / 100 * 60 + number % 100))
}

/// A commit. What people wrote stays bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// The folder that it is a state of.
    pub tree: ObjectId,
    /// The commits before it, the first parent first; also those beyond the cut of a shallow clone.
    pub parents: Vec<ObjectId>,
    /// When it was written; `None` if that cannot be read.
    pub author_time: Option<Moment>,
    /// When it was committed; `None` if that cannot be read.
    pub committer_time: Option<Moment>,
    /// Whether a shallow clone is cut here: the parents have a name but are not there.
    pub cut: bool,
    /// Author, encoding and message, one after the other: one allocation for all.
    text: Box<[u8]>,
    author_end: usize,
    encoding_end: usize,
}

impl Commit {
    /// The message as it is stored: possibly not UTF-8, usually with a line break at its end.
    pub fn message(&self) -> &[u8] {
        &self.text[self.encoding_end..]
    }

    /// The message as text; what is not UTF-8 is replaced.
    pub fn message_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.message())
    }

    /// Who wrote it, as it is stored: usually `Name <address>`.
    pub fn author(&self) -> &[u8] {
        &self.text[..self.author_end]
    }

    /// The encoding that the commit says its message has; `None` means UTF-8.
    pub fn encoding(&self) -> Option<&[u8]> {
        let encoding = &self.text[self.author_end..self.encoding_end];
        (!encoding.is_empty()).then_some(encoding)
    }

    /// Bytes on the heap.
    pub(super) fn weight(&self) -> usize {
        self.text.len() + std::mem::size_of_val(self.parents.as_slice())
    }

    /// By what `git log` orders: seconds, and 0 if they cannot be read.
    pub(super) fn date(&self) -> i64 {
        self.committer_time.map_or(0, |time| time.seconds)
    }

    pub(super) fn parse(id: ObjectId, bytes: &[u8]) -> Result<Self, HistoryError> {
        let mut tree = None;
        let mut parents = Vec::new();
        let mut author: Option<&[u8]> = None;
        let mut committer: Option<&[u8]> = None;
        let mut encoding: &[u8] = b"";
        let mut rest = bytes;
        while !rest.is_empty() && rest[0] != b'\n' {
            let (line, after) = match rest.find_byte(b'\n') {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, &rest[rest.len()..]),
            };
            rest = after;
            // Lines that go on (a signature) begin with a blank and are nothing of these.
            if tree.is_none() {
                let Some(hex) = line.strip_prefix(b"tree ") else {
                    return Err(HistoryError::corrupt(
                        id,
                        "a commit does not begin with a tree",
                    ));
                };
                tree = Some(parse_id(id, hex)?);
            } else if let Some(hex) = line.strip_prefix(b"parent ") {
                if author.is_none() {
                    parents.push(parse_id(id, hex)?);
                }
            } else if let Some(value) = line.strip_prefix(b"author ") {
                author = author.or(Some(value));
            } else if let Some(value) = line.strip_prefix(b"committer ") {
                committer = committer.or(Some(value));
            } else if let Some(value) = line.strip_prefix(b"encoding ") {
                encoding = value;
            }
        }
        let message = rest.strip_prefix(b"\n").unwrap_or(rest);
        let Some(tree) = tree else {
            return Err(HistoryError::corrupt(id, "a commit has no tree"));
        };
        let author = author.unwrap_or_default();
        let who = author
            .rfind_byte(b'>')
            .map_or(author, |end| &author[..=end]);
        let mut text = Vec::with_capacity(who.len() + encoding.len() + message.len());
        text.extend_from_slice(who);
        text.extend_from_slice(encoding);
        text.extend_from_slice(message);
        Ok(Self {
            id,
            tree,
            parents,
            author_time: Moment::parse(author),
            committer_time: committer.and_then(Moment::parse),
            cut: false,
            text: text.into_boxed_slice(),
            author_end: who.len(),
            encoding_end: who.len() + encoding.len(),
        })
    }
}

impl std::fmt::Debug for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commit")
            .field("id", &self.id)
            .field("parents", &self.parents)
            .field("author_time", &self.author_time)
            .field("committer_time", &self.committer_time)
            .field("message", &self.message().as_bstr())
            .finish_non_exhaustive()
    }
}

/// The id that `owner` names.
pub(super) fn parse_id(owner: ObjectId, hex: &[u8]) -> Result<ObjectId, HistoryError> {
    match gix::ObjectId::from_hex(hex) {
        Ok(id) if id.kind() == owner.0.kind() => Ok(ObjectId(id)),
        _ => Err(HistoryError::corrupt(
            owner,
            "it names an object by what is no id",
        )),
    }
}

/// The time at the end of a line such as a tagger's.
pub(super) fn time_of(line: &[u8]) -> Option<Moment> {
    Moment::parse(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(line: &str) -> Option<(i64, i16)> {
        Moment::parse(line.as_bytes()).map(|m| (m.seconds, m.offset_minutes))
    }

    #[test]
    fn moments_are_read_from_the_end() {
        assert_eq!(moment("A <a@b> 17 +0130"), Some((17, 90)));
        assert_eq!(moment("A <a> 1 <b> 17 -0800"), Some((17, -480)));
        assert_eq!(moment("A <a@b> 17"), Some((17, 0)));
        assert_eq!(moment("A <a@b> 17 nonsense"), Some((17, 0)));
        assert_eq!(moment("A <a@b> "), None);
        assert_eq!(moment("A <a@b> soon +0000"), None);
        assert_eq!(moment("no address 17 +0000"), None);
        assert_eq!(moment("A <a@b> 99999999999999999999 +0000"), None);
    }

    #[test]
    fn a_commit_is_read_whatever_stands_in_it() {
        let id: ObjectId = "1".repeat(40).parse().unwrap();
        let (tree, parent) = ("2".repeat(40), "3".repeat(40));
        let bytes = format!(
            "tree {tree}\nparent {parent}\nauthor Ä <a@b> 5 +0100\ncommitter C <c@d> 7 -0030\n\
             gpgsig -----BEGIN\n parent {parent}\n author X <x> 1 +0000\n\nencoding-less\n\nbody"
        );
        let commit = Commit::parse(id, bytes.as_bytes()).unwrap();
        assert_eq!(commit.tree.to_string(), tree);
        assert_eq!(commit.parents.len(), 1);
        assert_eq!(commit.author(), "Ä <a@b>".as_bytes());
        assert_eq!(commit.encoding(), None);
        assert_eq!(commit.message(), b"encoding-less\n\nbody");
        assert_eq!((commit.date(), commit.author_time.unwrap().seconds), (7, 5));
        assert_eq!(commit.committer_time.unwrap().offset_minutes, -30);

        let bytes = format!("tree {tree}\nauthor A\ncommitter C\nencoding latin1\n\n\n\u{1}");
        let commit = Commit::parse(id, bytes.as_bytes()).unwrap();
        assert_eq!(commit.message(), b"\n\x01");
        assert_eq!(commit.encoding(), Some(&b"latin1"[..]));
        assert_eq!((commit.author(), commit.author_time), (&b"A"[..], None));
        assert_eq!(commit.date(), 0);

        // No blank line at all: no message.
        let commit = Commit::parse(id, format!("tree {tree}").as_bytes()).unwrap();
        assert_eq!(commit.message(), b"");
        for bad in [
            "",
            "\n",
            "parent x\n",
            "tree 12\n\n",
            &format!("tree {tree}0\n\n"),
        ] {
            assert!(Commit::parse(id, bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
