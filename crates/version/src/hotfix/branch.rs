//! How branches of hotfixes are called.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tag::is_ref_name;

/// How branches of hotfixes are called: a text with `{tag}` in it once, such as `hotfix/{tag}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchPattern {
    before: String,
    after: String,
}

/// A text that is no pattern of branches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no pattern of branches: it needs `{{tag}}` once, and more beside it that Git allows in a branch"
)]
pub struct WrongBranchPattern {
    /// The text.
    pub text: String,
}

const PLACE: &str = "{tag}";

impl BranchPattern {
    /// The branch of a tag.
    pub fn branch(&self, tag: &str) -> String {
        format!("{}{tag}{}", self.before, self.after)
    }

    /// The tag whose branch it is; none for another branch.
    pub fn tag<'b>(&self, branch: &'b str) -> Option<&'b str> {
        branch.strip_prefix(&self.before)?.strip_suffix(&self.after)
    }
}

impl Default for BranchPattern {
    fn default() -> Self {
        Self {
            before: "hotfix/".to_owned(),
            after: String::new(),
        }
    }
}

impl TryFrom<String> for BranchPattern {
    type Error = WrongBranchPattern;

    fn try_from(text: String) -> Result<Self, WrongBranchPattern> {
        let wrong = || WrongBranchPattern { text: text.clone() };
        let (before, after) = text.split_once(PLACE).ok_or_else(wrong)?;
        // A branch with the name of its tag would make every use of that name ambiguous.
        let bare = before.is_empty() && after.is_empty();
        if bare || after.contains(PLACE) || !is_ref_name(&format!("{before}v1.0.0{after}")) {
            return Err(wrong());
        }
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }
}

impl From<BranchPattern> for String {
    fn from(pattern: BranchPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for BranchPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{PLACE}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Option<BranchPattern> {
        text.to_owned().try_into().ok()
    }

    #[test]
    fn branches_are_named_and_known_again() {
        let usual = BranchPattern::default();
        assert_eq!(pattern("hotfix/{tag}"), Some(usual.clone()));
        assert_eq!(usual.branch("v1.4.3"), "hotfix/v1.4.3");
        assert_eq!(usual.tag("hotfix/v1.4.3"), Some("v1.4.3"));
        assert_eq!(usual.tag("fix/v1.4.3"), None);
        let behind = pattern("{tag}/fix").unwrap();
        assert_eq!(behind.tag("v1/fix"), Some("v1"));
        assert_eq!(behind.to_string(), "{tag}/fix");
    }

    #[test]
    fn what_git_would_not_take_is_no_pattern() {
        for text in [
            "",
            "hotfix",
            "{tag}",
            "{tag}{tag}x",
            "a b/{tag}",
            "-{tag}",
            "x..{tag}",
        ] {
            assert_eq!(pattern(text), None, "{text}");
        }
    }
}
