//! Annotated tags: made once, never moved, and looked at.

use super::error::{GitError, escaped_name};
use super::names::{CommitId, check_tag, invalid_message};
use super::repository::Repository;
use super::run::SIGNING;
use super::signing::{Format, Verification};

/// What a message of a tag may have, in bytes.
const LONGEST: u64 = 1 << 20;

/// A tag that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewTag<'a> {
    /// Its name, without `refs/tags/`.
    pub name: &'a str,
    /// The commit that it names.
    pub commit: &'a CommitId,
    /// Its message, as it is stored: lines that each end with a line feed.
    pub message: &'a str,
    /// Whether it is signed.
    pub sign: bool,
}

/// A tag that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTag {
    /// What the reference names: a tag object, or for a tag that is not annotated what it leads to.
    pub object: String,
    /// The commit that it leads to; none where that is none.
    pub commit: Option<CommitId>,
    /// Its message without the signature; none where it is not annotated.
    pub message: Option<String>,
    /// The form of its signature, if it has one.
    pub signed: Option<Format>,
}

impl Repository {
    /// A tag, if there is one of this name.
    ///
    /// # Errors
    /// [`GitError::InvalidName`], [`GitError::TooLarge`], [`GitError::Failed`].
    pub fn tag(&self, name: &str) -> Result<Option<FoundTag>, GitError> {
        check_tag(name)?;
        let full = format!("refs/tags/{name}");
        let call = self
            .call()
            .args(["rev-parse", "--verify", "--quiet", &full]);
        let answer = call.answer()?;
        if answer.code != Some(0) {
            return Ok(None);
        }
        let object = String::from_utf8_lossy(&answer.stdout)
            .trim_end()
            .to_owned();
        let kind = self.call().args(["cat-file", "-t", &object]).line()?;
        let mut found = FoundTag {
            commit: self.commit_at(&object)?,
            object,
            message: None,
            signed: None,
        };
        if kind == "tag" {
            let call = self.call().args(["cat-file", "tag", &found.object]);
            let text = call.limit(LONGEST * 2).output()?;
            let text = String::from_utf8_lossy(&text);
            // Headers end at the first empty line.
            let message = text.split_once("\n\n").map_or("", |(_, message)| message);
            let (message, signed) = without_signature(message);
            (found.message, found.signed) = (Some(message.to_owned()), signed);
        }
        Ok(Some(found))
    }

    /// Makes a tag. One that is there stays as it is; if it is exactly this one (the same commit and
    /// message, signed if it should be), as after an interruption, it is the one that was made.
    ///
    /// # Errors
    /// [`GitError::TagExists`] for another one of the name; [`GitError::CannotSign`] with Git's words;
    /// [`GitError::NoIdentity`], [`GitError::InvalidName`], [`GitError::InvalidMessage`]. After an
    /// error there is no tag that was not there before.
    pub fn make_tag(&self, tag: &NewTag<'_>) -> Result<FoundTag, GitError> {
        check_tag(tag.name)?;
        check_message(tag.message)?;
        if let Some(found) = self.tag(tag.name)? {
            return exactly(tag, found);
        }
        let how: &[&str] = match tag.sign {
            true => &["-s"],
            false => &["-a", "--no-sign"],
        };
        let answer = self
            .call()
            .arg("tag")
            .args(how)
            .args(["--cleanup=verbatim", "-F", "-", "--", tag.name])
            .arg(tag.commit.as_str())
            .deadline(SIGNING)
            .input(tag.message)
            .answer()?;
        match (answer.code, self.tag(tag.name)?) {
            (Some(0), Some(found)) if tag.sign && found.signed.is_none() => {
                // Git 2.39 makes a tag without a signature, and says that all went well, where an SSH
                // key is not there.
                self.drop_tag(tag.name, &found.object)?;
                Err(self.not_signed(&answer)?)
            }
            (_, Some(found)) => exactly(tag, found),
            (_, None) if tag.sign => Err(self.not_signed(&answer)?),
            (_, None) => {
                self.identity()?;
                Err(answer.failed())
            }
        }
    }

    /// Removes a tag that was just made, if it still names this object.
    fn drop_tag(&self, name: &str, object: &str) -> Result<(), GitError> {
        let call = self.call().args(["update-ref", "-d"]);
        call.arg(format!("refs/tags/{name}")).arg(object).output()?;
        Ok(())
    }

    /// Whether the signature of a tag is good; none where it has no signature.
    ///
    /// # Errors
    /// [`GitError::UnknownRevision`] if there is no such tag.
    pub fn verify_tag(&self, name: &str) -> Result<Option<Verification>, GitError> {
        let found = self.tag(name)?.ok_or_else(|| GitError::UnknownRevision {
            revision: escaped_name(name),
        })?;
        // By its object: a name could be that of a branch too.
        let verify = |format| self.verify("verify-tag", &found.object, format);
        found.signed.map(verify).transpose()
    }
}

/// A tag that is there, if it is the one that is wanted.
fn exactly(tag: &NewTag<'_>, found: FoundTag) -> Result<FoundTag, GitError> {
    let same = found.commit.as_ref() == Some(tag.commit)
        && found.message.as_deref() == Some(tag.message)
        && found.signed.is_some() == tag.sign;
    if same {
        return Ok(found);
    }
    Err(GitError::TagExists {
        tag: escaped_name(tag.name),
        object: found.object,
        commit: found.commit,
    })
}

/// A message that comes out as it went in: what begins like a signature would be taken for one.
fn check_message(message: &str) -> Result<(), GitError> {
    let bad = |line: &str| Format::of_line(line).is_some();
    let whole = message.len() as u64 <= LONGEST
        && message.ends_with('\n')
        && !message.trim().is_empty()
        && !message.contains('\0');
    match message.lines().find(|line| !whole || bad(line)) {
        None if whole => Ok(()),
        line => Err(invalid_message(
            "the message of a tag",
            line.unwrap_or(message),
        )),
    }
}

/// A message and the form of the signature behind it.
fn without_signature(message: &str) -> (&str, Option<Format>) {
    let mut at = 0;
    for line in message.split_inclusive('\n') {
        if let Some(format) = Format::of_line(line) {
            return (message.get(..at).unwrap_or_default(), Some(format));
        }
        at += line.len();
    }
    (message, None)
}
