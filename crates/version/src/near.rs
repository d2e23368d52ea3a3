//! "Did you mean": the known name that is nearest to a mistyped one.

/// The nearest of `known`, if it is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let text = plain(text);
    let near = |name: &&'a str| {
        let other = plain(name);
        let distance = strsim::damerau_levenshtein(&text, &other);
        // A third of the letters may be wrong; one is a beginning or an end of the other, as with
        // `component` and `components`.
        let longest = text.chars().count().max(other.chars().count());
        let part = text.len() >= 3 && (other.starts_with(&text) || text.starts_with(&other));
        let distance = if part { distance.min(1) } else { distance };
        (distance <= (longest / 3).max(1)).then_some((distance, *name))
    };
    let all = known.iter().filter_map(near);
    all.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
