//! The next version of a component with its reasons: what its commits say, what its change files say,
//! and what the contracts that it keeps with others prove. And the texts about it: changelog, notes,
//! upgrade guide.
//!
//! Everything comes in as values: commits as bytes, contracts as text. What is deliberately absent:
//! Git, files, the clock, and every decision about who may release.

mod cancel;
pub mod change_file;
pub mod changelog;
pub mod commit;
pub mod contract;
pub mod deprecation;
pub mod edits;
pub mod group;
pub mod hotfix;
pub mod level;
pub mod notes;
pub mod platform;
pub mod policy;
pub mod tag;
pub mod verdict;
pub mod version_file;

pub use cancel::alive;
pub use level::Level;
pub use policy::Policy;
pub use verdict::Verdict;
