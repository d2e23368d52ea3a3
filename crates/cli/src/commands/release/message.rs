//! The message of a release tag: the verdict in so many words, one line for each reason.

use switchback_diag::escape_line;
use switchback_model::Digest;
use switchback_version::Verdict;
use switchback_version::verdict::Evidence;

use crate::versions::short;

/// The first word of the line by which a tag of ours is known again.
const RELEASE: &str = "Switchback-Release";
/// That of the line that says why it is not signed.
const UNSIGNED: &str = "Switchback-Unsigned";
/// That of the line that says which release it mends.
const HOTFIX: &str = "Switchback-Hotfix-Of";

/// That of the line that says which manifest a platform has: its digest, and the file.
const MANIFEST: &str = "Switchback-Manifest";

/// How many reasons are told.
const MOST: usize = 50;
/// How much of each, in characters.
const LONGEST: usize = 200;

/// What the message of a tag says beside the verdict.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside<'a> {
    /// Why it is not signed, if it is not.
    pub(super) unsigned: Option<&'a str>,
    /// The tag of the release that it mends, if it is a hotfix.
    pub(super) hotfix_of: Option<&'a str>,
    /// Of a platform: the digest of its manifest, and the file with it from the top of the repository.
    pub(super) manifest: Option<(Digest, &'a str)>,
}

/// The message of the tag of a release, which is called as [`Subject::release`] says.
///
/// [`Subject::release`]: crate::commands::version::Subject::release
pub(super) fn of(tag: &str, release: &str, verdict: &Verdict, beside: &Beside<'_>) -> String {
    let after = match &verdict.base {
        Some(base) => format!("after {}, counted from {}", base.version, base.tag),
        None => "the first release".to_owned(),
    };
    let floor = match &verdict.floor {
        Some(floor) => format!("It has to be {floor} at least."),
        None => "Nothing forces a release.".to_owned(),
    };
    let commits = match beside.manifest {
        // A platform is not judged by commits.
        Some(_) => String::new(),
        None => format!(" Commits: {}.", verdict.commits),
    };
    let mut message = format!("{tag}\n\n{release}, {after}.\n{floor}{commits}\n");
    if !verdict.reasons.is_empty() {
        message.push('\n');
    }
    for reason in verdict.reasons.iter().take(MOST) {
        let at = match &reason.claim.evidence {
            Evidence::Commit { id, .. } => short(id).to_owned(),
            Evidence::Contract { file, pointer, .. } => format!("{file}#{pointer}"),
            Evidence::ChangeFile { file } => file.clone(),
            Evidence::Group { component, .. } | Evidence::Component { component, .. } => {
                component.clone()
            }
        };
        let (at, sentence) = (line(&at), line(&reason.claim.sentence));
        message.push_str(&format!(
            "- {} ({at}) {sentence}\n",
            reason.claim.level.name()
        ));
    }
    let more = verdict.reasons.len().saturating_sub(MOST);
    if more > 0 {
        message.push_str(&format!(
            "- and {more} more that force no more than these\n"
        ));
    }
    message.push_str(&format!("\n{RELEASE}: {release}\n"));
    if let Some(because) = beside.unsigned {
        message.push_str(&format!("{UNSIGNED}: {}\n", line(because)));
    }
    if let Some(of) = beside.hotfix_of {
        message.push_str(&format!("{HOTFIX}: {}\n", line(of)));
    }
    if let Some((digest, file)) = beside.manifest {
        message.push_str(&format!("{MANIFEST}: {digest} {file}\n"));
    }
    message
}

/// The tag of the release that the one with a message mends, if it says so.
pub(super) fn hotfix_of(message: &str) -> Option<&str> {
    said(message, HOTFIX)
}

/// Why the tag with a message is not signed, if it says so.
pub(super) fn unsigned(message: &str) -> Option<&str> {
    said(message, UNSIGNED)
}

/// The digest of the manifest that the tag with a message is of, and its file, if it says so.
pub(super) fn manifest(message: &str) -> Option<(Digest, &str)> {
    let (digest, file) = said(message, MANIFEST)?.split_once(' ')?;
    Some((digest.parse().ok()?, file))
}

/// What the last line that begins with a word says behind it.
fn said<'m>(message: &'m str, word: &str) -> Option<&'m str> {
    let mut lines = message.lines().rev();
    lines.find_map(|line| line.strip_prefix(word)?.strip_prefix(": "))
}

/// Whether a message is that of our tag of a release.
pub(super) fn is_ours(message: &str, release: &str) -> bool {
    let mark = format!("{RELEASE}: {release}");
    message.lines().any(|line| line == mark)
}

/// A text on one line, bounded.
fn line(text: &str) -> String {
    let text = escape_line(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use semver::Version;
    use switchback_version::Policy;
    use switchback_version::commit::Message;
    use switchback_version::verdict::{Base, Commit, Known, Wish};

    use super::*;

    fn message(subjects: &[String]) -> String {
        let commit = |subject: &String| Commit {
            id: "a".repeat(40),
            message: Message::read(subject.as_bytes()),
        };
        let commits: Vec<Commit> = subjects.iter().map(commit).collect();
        let base = Base {
            tag: "v1.0.0".to_owned(),
            version: Version::new(1, 0, 0),
        };
        let known = Known {
            base: Some(&base),
            commits: &commits,
            claims: &[],
            waived: &[],
            taken: &[],
        };
        let verdict = Policy::default().verdict(&known, &Wish::default());
        of(
            "v1.1.0",
            "api 1.1.0",
            &verdict,
            &Beside {
                unsigned: Some("no\nkey"),
                hotfix_of: Some("v1.0.0"),
                manifest: Some((Digest::of(b""), "deploy/my platform.json")),
            },
        )
    }

    #[test]
    fn reasons_are_lines_that_begin_as_nothing_else_does() {
        let subjects = [
            "feat: -----BEGIN SSH SIGNATURE-----".to_owned(),
            format!("fix: \u{202e}\u{1b}[2J{}", "x".repeat(10_000)),
        ];
        let message = message(&subjects);
        assert!(is_ours(&message, "api 1.1.0"), "{message}");
        assert!(!is_ours(&message, "api 1.1.1"));
        assert!(!is_ours(&message, "1.1.0"));
        assert!(!is_ours("api 1.1.0\n", "api 1.1.0"));
        assert_eq!(unsigned(&message), Some("no\\nkey"));
        assert_eq!(hotfix_of(&message), Some("v1.0.0"));
        assert_eq!(hotfix_of("v1.0.1\n"), None);
        let file = "deploy/my platform.json";
        assert_eq!(manifest(&message), Some((Digest::of(b""), file)));
        assert_eq!(manifest("Switchback-Manifest: sha256:1 x\n"), None);
        assert!(
            !message.lines().any(|line| line.starts_with("-----")),
            "{message}"
        );
        assert!(!message.contains(['\u{1b}', '\u{202e}']), "{message}");
        assert!(
            message.lines().all(|line| line.chars().count() < 300),
            "{message}"
        );
    }

    #[test]
    fn a_message_is_bounded() {
        let subjects: Vec<String> = (0..500).map(|at| format!("fix: thing {at}")).collect();
        let message = message(&subjects);
        assert!(message.contains("- and 450 more"), "{message}");
        assert!(message.lines().count() < 70, "{message}");
    }
}
