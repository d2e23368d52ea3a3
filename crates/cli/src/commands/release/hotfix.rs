//! `switchback release hotfix`: a branch on which a release that is out can be mended, whether what is on
//! it is only that, and what of it the main line does not have.

pub(super) mod carry;
mod check;
mod start;

use clap::{ArgGroup, Args};
use switchback_diag::Exit;

use crate::commands::version::Of;
use crate::errors::Failure;
use crate::shell::Shell;

// To require something that conflicts with what is there is no requirement to Clap, so both are said.
/// Mend a release that is out: a branch at its tag, and what has to be carried forward from it
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["tag", "check", "carry"])))]
pub(crate) struct Hotfix {
    #[command(flatten)]
    of: Of,
    /// The tag of the release
    #[arg(value_name = "TAG")]
    tag: Option<String>,
    /// The name of the branch, instead of the one that the settings give it
    #[arg(long, value_name = "NAME", requires = "tag", conflicts_with_all = ["check", "carry"])]
    branch: Option<String>,
    /// Pick these commits onto the branch: any names that Git knows
    #[arg(long, value_name = "COMMIT", num_args = 1.., requires = "tag", conflicts_with_all = ["check", "carry"])]
    pick: Vec<String>,
    /// Make the branch, and leave what is checked out
    #[arg(long, requires = "tag", conflicts_with_all = ["check", "carry"])]
    no_checkout: bool,
    /// Show what would be done
    #[arg(long, requires = "tag", conflicts_with_all = ["check", "carry"])]
    dry_run: bool,
    /// Judge whether what is checked out may be released as a hotfix
    #[arg(long)]
    check: bool,
    /// List what the main line lacks of all hotfixes, or of a tag or a branch
    #[arg(long, value_name = "TAG|BRANCH", num_args = 0..=1, default_missing_value = "")]
    carry: Option<String>,
    /// The main line, instead of the default branch
    #[arg(long, value_name = "REVISION", requires = "carry", conflicts_with_all = ["tag", "check"])]
    to: Option<String>,
    /// Only hotfixes from this version on
    #[arg(long, value_name = "VERSION", requires = "carry", conflicts_with_all = ["tag", "check"])]
    from: Option<String>,
    /// The commit that is judged: any name that Git knows
    #[arg(
        long,
        value_name = "REVISION",
        default_value = "HEAD",
        requires = "check",
        conflicts_with_all = ["tag", "carry"]
    )]
    commit: String,
}

impl Hotfix {
    pub(super) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        if let Some(tag) = self.tag {
            let start = start::Start {
                of: self.of,
                tag,
                branch: self.branch,
                pick: self.pick,
                checkout: !self.no_checkout,
                dry_run: self.dry_run,
            };
            return start.run(shell);
        }
        match self.carry {
            Some(of) => {
                let of = Some(of).filter(|it| !it.is_empty());
                let (to, from) = (self.to.as_deref(), self.from.as_deref());
                carry::run(shell, &self.of, of.as_deref(), to, from)
            }
            None => check::run(shell, self.of, self.commit),
        }
    }
}
