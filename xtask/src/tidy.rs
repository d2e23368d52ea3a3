//! `cargo xtask tidy`: the house rules that no compiler knows.

mod arrows;
mod docs;
mod hygiene;
mod manifests;
mod purity;
mod sizes;

use crate::finding::{Failure, Finding};
use crate::metadata::Metadata;
use crate::tree::Tree;

pub(crate) fn run() -> Result<Vec<Finding>, Failure> {
    let metadata = Metadata::load()?;
    let tree = Tree::load(&metadata.workspace_root)?;
    let mut findings = arrows::check(&metadata, &arrows::Arrows::load()?);
    findings.extend(manifests::check(&metadata, &tree)?);
    findings.extend(purity::check(&metadata, &tree, &purity::Purity::load()?)?);
    findings.extend(sizes::check(&tree)?);
    findings.extend(docs::check(&tree)?);
    findings.extend(hygiene::check(&tree, &hygiene::Hygiene::load()?)?);
    Ok(findings)
}
