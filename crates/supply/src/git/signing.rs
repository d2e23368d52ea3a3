//! Signatures, as the user's own Git makes and verifies them (`git-config(1)`: `gpg.*`, `tag.gpgSign`,
//! `user.signingKey`).
//!
//! Whether something can be signed is tried on a commit object that nothing refers to, which Git
//! prunes: so it is known before anything is written that somebody sees. A token that has to be
//! touched for each signature is touched once more for that.

use super::error::{GitError, escaped_name};
use super::names::CommitId;
use super::repository::Repository;
use super::run::{Answer, SIGNING};

/// The form of a signature (`gpg.format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenPGP, by `gpg`.
    OpenPgp,
    /// SSH, by `ssh-keygen`.
    Ssh,
    /// X.509, by `gpgsm`.
    X509,
}

impl Format {
    /// The word that settings have for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OpenPgp => "openpgp",
            Self::Ssh => "ssh",
            Self::X509 => "x509",
        }
    }

    /// That of the signature that a line begins.
    pub(super) fn of_line(line: &str) -> Option<Self> {
        match line.trim_end() {
            "-----BEGIN PGP SIGNATURE-----" | "-----BEGIN PGP MESSAGE-----" => Some(Self::OpenPgp),
            "-----BEGIN SSH SIGNATURE-----" => Some(Self::Ssh),
            "-----BEGIN SIGNED MESSAGE-----" => Some(Self::X509),
            _ => None,
        }
    }
}

/// Whether tags are signed, by the user's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// They are.
    On(Signer),
    /// They are not.
    Off {
        /// Why, as the end of a sentence.
        because: String,
    },
}

/// Who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// In which form.
    pub format: Format,
    /// `user.signingKey`, escaped; none where the program finds the key by the user's name.
    pub key: Option<String>,
}

/// What became of a signature when it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It is good.
    Good {
        /// Whose it is and by which key, as the program says it; one line, escaped.
        by: String,
    },
    /// Whether it is good cannot be told here.
    Unknown {
        /// Why, as a sentence without a full stop.
        because: String,
    },
    /// It is not.
    Bad {
        /// What Git said, escaped.
        because: String,
    },
}

impl Repository {
    /// Whether the user's configuration signs tags: `tag.gpgSign` or `tag.forceSignAnnotated` says so,
    /// or a key is named and `tag.gpgSign` does not say no.
    ///
    /// # Errors
    /// [`GitError::Failed`] if the configuration cannot be read, [`GitError::CannotSign`] for a
    /// `gpg.format` that is not known.
    pub fn tag_signing(&self) -> Result<Signing, GitError> {
        let format = match self.setting("gpg.format", None)?.as_deref() {
            None | Some("openpgp") => Format::OpenPgp,
            Some("ssh") => Format::Ssh,
            Some("x509") => Format::X509,
            Some(other) => {
                return Err(GitError::CannotSign {
                    stderr: format!("`gpg.format` is `{}`", escaped_name(other)),
                });
            }
        };
        let says = |name: &str| self.setting(name, Some("--type=bool"));
        let key = self.setting("user.signingKey", None)?;
        let signs = says("tag.gpgSign")?;
        if signs.as_deref() == Some("false") {
            let because = "`tag.gpgSign` is false".to_owned();
            return Ok(Signing::Off { because });
        }
        let finds =
            format == Format::Ssh && self.setting("gpg.ssh.defaultKeyCommand", None)?.is_some();
        let wanted = signs.is_some()
            || says("tag.forceSignAnnotated")?.as_deref() == Some("true")
            || key.is_some()
            || finds;
        if !wanted {
            let because =
                "no key is configured: neither `user.signingKey` nor `tag.gpgSign` is set";
            return Ok(Signing::Off {
                because: because.to_owned(),
            });
        }
        let key = key.map(|key| escaped_name(&key));
        Ok(Signing::On(Signer { format, key }))
    }

    /// Signs something, and verifies it, without leaving anything that is seen.
    ///
    /// # Errors
    /// [`GitError::CannotSign`] with Git's words; [`GitError::NoIdentity`].
    pub fn try_signing(
        &self,
        signer: &Signer,
        commit: &CommitId,
    ) -> Result<Verification, GitError> {
        let answer = self
            .call()
            .args(["commit-tree", "-S", "-p", commit.as_str(), "-F", "-"])
            .arg(format!("{commit}^{{tree}}"))
            .deadline(SIGNING)
            .input("signed to see whether it can be\n")
            .answer()?;
        let id: Result<CommitId, _> = String::from_utf8_lossy(&answer.stdout).trim_end().parse();
        match (answer.code, id) {
            (Some(0), Ok(id)) => self.verify("verify-commit", id.as_str(), signer.format),
            _ => Err(self.not_signed(&answer)?),
        }
    }

    /// Why a call that signs failed.
    pub(super) fn not_signed(&self, answer: &Answer) -> Result<GitError, GitError> {
        self.identity()?;
        Ok(GitError::CannotSign {
            stderr: answer.complaint(),
        })
    }

    pub(super) fn verify(
        &self,
        command: &str,
        name: &str,
        format: Format,
    ) -> Result<Verification, GitError> {
        let signers = "gpg.ssh.allowedSignersFile";
        if format == Format::Ssh && self.setting(signers, None)?.is_none() {
            let because = format!("`{signers}` is not set, which says whose SSH keys count");
            return Ok(Verification::Unknown { because });
        }
        let call = self.call().args([command, "--raw", name]);
        let answer = call.deadline(SIGNING).answer()?;
        Ok(match answer.code {
            Some(0) => Verification::Good {
                by: escaped_name(&signer_of(&answer.said())),
            },
            _ => Verification::Bad {
                because: answer.complaint(),
            },
        })
    }

    /// A setting of the user's, if it is there and not empty.
    fn setting(&self, name: &str, kind: Option<&str>) -> Result<Option<String>, GitError> {
        let call = self.call().arg("config").args(kind);
        let answer = call.args(["--get", name]).answer()?;
        let text = String::from_utf8_lossy(&answer.stdout);
        match answer.code {
            Some(0) => Ok(Some(text.trim_end().to_owned()).filter(|it| !it.is_empty())),
            Some(1) => Ok(None),
            _ => Err(answer.failed()),
        }
    }
}

/// Whose signature it is, from what the programs say of a good one: the status lines of GnuPG
/// (`doc/DETAILS`), or the one line of `ssh-keygen -Y verify`.
fn signer_of(said: &str) -> String {
    let status = |word: &str| {
        let mut lines = said.lines();
        lines.find_map(|line| line.strip_prefix("[GNUPG:] ")?.strip_prefix(word))
    };
    if let Some(key) = status("VALIDSIG ") {
        let fingerprint = key.split(' ').next().unwrap_or_default();
        let user = status("GOODSIG ").and_then(|it| it.split_once(' '));
        return match user {
            Some((_, user)) => format!("{user}, key {fingerprint}"),
            None => format!("key {fingerprint}"),
        };
    }
    let mut lines = said.lines();
    let found = lines.find_map(|line| line.split_once(" signature for "));
    found
        .map_or("a key that is not named", |(_, by)| by)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signed_is_read_from_what_programs_say() {
        let gpg = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1F Ada <a@example.org>\n\
                   [GNUPG:] VALIDSIG ABCD 2026-01-01 1 0 4 0 22 8 00 ABCD\n";
        assert_eq!(signer_of(gpg), "Ada <a@example.org>, key ABCD");
        let ssh = "Good \"git\" signature for a@example.org with ED25519 key SHA256:x\n";
        assert_eq!(signer_of(ssh), "a@example.org with ED25519 key SHA256:x");
        assert_eq!(signer_of("something else"), "a key that is not named");
    }
}
