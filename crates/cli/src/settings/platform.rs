//! A platform of components that can never be.

use switchback_diag::{escape_line, nearest};
use switchback_version::tag::TagPattern;

use super::types::Settings;

/// What is wrong with the platform: the key, and what.
pub(super) fn wrong(settings: &Settings) -> Vec<(String, String)> {
    let Some(platform) = &settings.platform else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut add = |key: &str, message: String| found.push((format!("platform{key}"), message));
    let names = || settings.components.iter().map(|it| it.name.as_str());
    if settings.components.is_empty() {
        add(
            "",
            "a platform consists of components, and there are none".to_owned(),
        );
    }
    let name = platform.name.as_str();
    if names().any(|it| it == name) {
        add(
            ".name",
            format!("the platform is called `{name}`, and so is a component"),
        );
    }
    let members = platform.members.iter().flatten();
    for (at, member) in members.enumerate() {
        let key = format!(".members[{at}]");
        let earlier = platform.members.iter().flatten().take(at);
        if !names().any(|it| it == member.as_str()) {
            let near = nearest(member.as_str(), names());
            let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            add(&key, format!("there is no component `{member}`{near}"));
        } else if earlier.into_iter().any(|it| it == member) {
            add(&key, format!("the component `{member}` stands there twice"));
        }
    }
    if platform.members.as_ref().is_some_and(Vec::is_empty) {
        add(
            ".members",
            "a platform needs one component at least".to_owned(),
        );
    }
    let tags = platform.tags();
    for component in &settings.components {
        let theirs = match settings.tags(component) {
            Some(theirs) => vec![theirs],
            None => TagPattern::usual().to_vec(),
        };
        if let Some(theirs) = theirs.iter().find(|it| it.overlaps(&tags)) {
            let name = &component.name;
            add(
                ".tags",
                format!(
                    "a tag `{tags}` could be one of `{name}`, whose tags are called `{theirs}`"
                ),
            );
        }
    }
    let file = platform.file.display().to_string();
    if escape_line(&file) != file {
        add(
            ".file",
            format!("`{}` is no path on one line", escape_line(&file)),
        );
    }
    found
}
