//! Names of files as URIs (§3.10, §3.4; RFC 3986).

use std::fmt::Write as _;

use serde::Serialize;

/// The place of a file (§3.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    /// A relative reference with a base, or an absolute URI without one (§3.4.4).
    pub(super) uri: String,
    /// What the reference is relative to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uri_base_id: Option<&'static str>,
}

/// The URI of a folder with an absolute path, ending with `/` as the name of a base must (§3.14.14).
pub(super) fn of_folder(path: &str) -> String {
    let path = encoded(path);
    if path.is_empty() {
        "file:///".to_owned()
    } else {
        format!("file:///{path}/")
    }
}

/// The place of a file; none for a name without parts. A file with an absolute path below `root`,
/// the URI of a folder, is relative to it. `..` stays: what it leads to only the file system knows.
pub(super) fn of_file(file: &str, root: Option<&str>) -> Option<Place> {
    let path = encoded(file);
    if path.is_empty() {
        return None;
    }
    if !file.starts_with('/') {
        return Some(relative(path));
    }
    let uri = format!("file:///{path}");
    let below = root.and_then(|root| uri.strip_prefix(root));
    Some(match below.filter(|path| !path.is_empty()) {
        Some(path) => relative(path.to_owned()),
        None => Place {
            uri,
            uri_base_id: None,
        },
    })
}

fn relative(uri: String) -> Place {
    Place {
        uri,
        uri_base_id: Some(super::ROOT),
    }
}

/// The parts of a path, percent-encoded, without those that say nothing: empty ones and `.`.
/// A colon is encoded too, because a first part with one would look like a scheme.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    for (at, part) in parts.enumerate() {
        if at > 0 {
            out.push('/');
        }
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(file: &str, root: Option<&str>) -> Option<(String, bool)> {
        of_file(file, root).map(|place| (place.uri, place.uri_base_id.is_some()))
    }

    #[test]
    fn relative_names_stay_relative() {
        for (file, expected) in [
            ("db/1.sql", "db/1.sql"),
            ("./db//./1.sql", "db/1.sql"),
            ("../x.sql", "../x.sql"),
            ("a b/100%.sql", "a%20b/100%25.sql"),
            ("c:d?e#f", "c%3Ad%3Fe%23f"),
            ("Zoë/[id].sql", "Zo%C3%AB/%5Bid%5D.sql"),
            ("a\\b\n", "a%5Cb%0A"),
        ] {
            assert_eq!(uri(file, None), Some((expected.to_owned(), true)), "{file}");
        }
        for nothing in ["", "/", ".", "./"] {
            assert_eq!(uri(nothing, None), None, "{nothing}");
        }
    }

    #[test]
    fn absolute_names_below_the_root_become_relative() {
        let root = of_folder("/work/my repo");
        assert_eq!(root, "file:///work/my%20repo/");
        let root = Some(root.as_str());
        let below = uri("/work/my repo/a.sql", root);
        assert_eq!(below, Some(("a.sql".to_owned(), true)));
        for (file, expected) in [
            (
                "/work/my repository/a.sql",
                "file:///work/my%20repository/a.sql",
            ),
            ("/work/my repo", "file:///work/my%20repo"),
        ] {
            assert_eq!(uri(file, root), Some((expected.to_owned(), false)));
        }
        assert_eq!(of_folder("/"), "file:///");
        assert_eq!(of_folder("/a/"), "file:///a/");
    }
}
