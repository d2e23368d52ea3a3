//! Groups of components that can never be.

use std::collections::BTreeMap;

use switchback_diag::nearest;
use switchback_model::ComponentName;
use switchback_version::group::Group;

use super::types::Settings;

/// What is wrong with the groups: the key, and what.
pub(super) fn wrong(settings: &Settings) -> Vec<(String, String)> {
    let groups = &settings.version.groups;
    let mut found = Vec::new();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    let mut members: BTreeMap<&ComponentName, &Group> = BTreeMap::new();
    for (at, group) in groups.iter().enumerate() {
        let key = |what: &str| format!("version.group[{at}].{what}");
        let name = group.name.as_str();
        if let Err(error) = ComponentName::new(name) {
            let error = error.to_string().replace("component name", "group name");
            found.push((key("name"), error));
        } else if let Some(first) = names.insert(name, at + 1) {
            found.push((
                key("name"),
                format!("the group `{name}` stands here twice; the first is group {first}"),
            ));
        }
        if group.components.len() < 2 {
            found.push((
                key("components"),
                format!("the group `{name}` needs two components at least"),
            ));
        }
        for (place, component) in group.components.iter().enumerate() {
            let key = key(&format!("components[{place}]"));
            let known = || settings.components.iter().map(|it| it.name.as_str());
            if !known().any(|it| it == component.as_str()) {
                let near = nearest(component.as_str(), known());
                let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                found.push((key, format!("there is no component `{component}`{near}")));
                continue;
            }
            match members.insert(component, group) {
                None => {}
                Some(other) if std::ptr::eq(other, group) => found.push((
                    key,
                    format!("the component `{component}` stands twice in the group `{name}`"),
                )),
                Some(other) => found.push((
                    key,
                    format!(
                        "the component `{component}` is in two groups, `{}` and `{name}`",
                        other.name
                    ),
                )),
            }
        }
    }
    found
}
