//! "Did you mean": the known name that is nearest to a mistyped one.

/// The nearest of `known`, if it is near enough to be a slip of the fingers.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let text = plain(text);
    known
        .into_iter()
        .map(|name| {
            let other = plain(name);
            let distance = strsim::damerau_levenshtein(&text, &other);
            // A third of the letters may be wrong; beginnings count, `prod` means `production`.
            let longest = text.chars().count().max(other.chars().count());
            let begins = text.len() >= 3 && other.starts_with(&text);
            (
                if begins { distance.min(1) } else { distance },
                longest / 3,
                name,
            )
        })
        .filter(|(distance, allowed, _)| distance <= &(*allowed).max(1))
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized_and_others_not() {
        let known = ["window", "production", "staging", "rollback-window", "db"];
        assert_eq!(nearest("windw", known), Some("window"));
        assert_eq!(nearest("wnidow", known), Some("window"));
        assert_eq!(nearest("prod", known), Some("production"));
        assert_eq!(nearest("Staging", known), Some("staging"));
        assert_eq!(nearest("rollback_window", known), Some("rollback-window"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
