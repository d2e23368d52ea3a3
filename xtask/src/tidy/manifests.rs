//! What every manifest has to say: workspace lints and package data, folder name = crate name.

use std::path::Path;

use crate::finding::{Failure, Finding, policy};
use crate::metadata::Metadata;
use crate::tree::Tree;

const CHECK: &str = "manifests";

pub(crate) fn check(metadata: &Metadata, tree: &Tree) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for package in metadata.members() {
        let folder = package.manifest_path.parent().unwrap_or(Path::new(""));
        let folder = folder
            .strip_prefix(&metadata.workspace_root)
            .unwrap_or(folder);
        let folder = folder.to_string_lossy();
        let wanted = match package.name.strip_prefix("switchback-") {
            Some(short) => format!("crates/{short}"),
            None => "xtask".to_owned(),
        };
        if folder != wanted {
            let text = format!("package `{}` has to be in {wanted}", package.name);
            findings.push(Finding::new(CHECK, folder.as_ref(), text));
        }
        let file = format!("{folder}/Cargo.toml");
        let manifest: toml::Table = policy(&file, &tree.text(&file)?)?;
        let inherits = |table: &str, key: Option<&str>| {
            let table = manifest.get(table).and_then(|table| match key {
                Some(key) => table.get(key),
                None => Some(table),
            });
            table.and_then(|table| table.get("workspace")) == Some(&toml::Value::Boolean(true))
        };
        if !inherits("lints", None) {
            findings.push(Finding::new(CHECK, &file, "needs `lints.workspace = true`"));
        }
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits("package", Some(key)) {
                let text = format!("needs `{key}.workspace = true` in [package]");
                findings.push(Finding::new(CHECK, &file, text));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::fake::workspace;
    use switchback_testkit::git::ScratchRepository;

    const GOOD: &str = "[package]\nname = \"x\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n[lints]\nworkspace = true\n";

    fn found(manifest: &str) -> Vec<String> {
        let scratch = ScratchRepository::new();
        scratch.write("crates/model/Cargo.toml", manifest);
        let tree = Tree::load(scratch.path()).unwrap();
        let findings = check(&workspace(&[("model", &[])]), &tree).unwrap();
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_manifest_that_inherits_is_fine() {
        assert!(found(GOOD).is_empty());
    }

    #[test]
    fn a_crate_cannot_leave_the_lints_out() {
        let findings = found(&GOOD.replace("[lints]\nworkspace = true\n", ""));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("lints.workspace"), "{findings:?}");
        let own = GOOD.replace("license.workspace = true", "license = \"MIT\"");
        assert!(found(&own)[0].contains("license.workspace"));
    }

    #[test]
    fn the_folder_has_the_crates_name() {
        let scratch = ScratchRepository::new();
        scratch.write("crates/other/Cargo.toml", GOOD);
        let mut metadata = workspace(&[("model", &[])]);
        metadata.packages[0].manifest_path = "/w/crates/other/Cargo.toml".into();
        let tree = Tree::load(scratch.path()).unwrap();
        let findings = check(&metadata, &tree).unwrap();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].text.contains("crates/model"));
    }
}
