//! The ids that changes get unless somebody names them.

/// An id out of words, such as `rename-users-email-addr`. What cannot stand in one becomes a dash.
pub(super) fn suggested<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut id = String::new();
    for c in words.into_iter().collect::<Vec<_>>().join("-").chars() {
        if c.is_ascii_alphanumeric() {
            id.push(c.to_ascii_lowercase());
        } else if !id.ends_with('-') && !id.is_empty() {
            id.push('-');
        }
    }
    id.truncate(LONGEST);
    id.truncate(id.trim_end_matches('-').len());
    id
}

/// The longest id that there can be.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use switchback_model::ChangeId;

    #[test]
    fn suggested_ids_are_names() {
        let long = "x".repeat(80);
        for (table, column) in [
            ("users", "email_addr"),
            ("Größe", "x y"),
            ("a", "é"),
            ("shop.\"Users\"", "lower(email)"),
            (long.as_str(), "x"),
        ] {
            let id = suggested(["rename", table, column]);
            assert!(ChangeId::new(&id).is_ok(), "{id}");
        }
        assert_eq!(
            suggested(["rename", "users", "email_addr"]),
            "rename-users-email-addr"
        );
        assert_eq!(
            suggested(["index", "\"Users\"", "lower(x)"]),
            "index-users-lower-x"
        );
    }
}
