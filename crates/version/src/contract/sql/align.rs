//! Lists of names in two states beside each other: which are gone, new, or stand where another stood.

use std::collections::{BTreeMap, BTreeSet};

/// How two lists belong together, by places in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Aligned {
    /// What is in both, in the old order.
    pub(super) common: Vec<(usize, usize)>,
    /// What is gone while another one stands between the same neighbours.
    pub(super) renamed: Vec<(usize, usize)>,
    /// What is gone.
    pub(super) removed: Vec<usize>,
    /// What is new.
    pub(super) added: Vec<usize>,
    /// Whether what is in both stands in another order.
    pub(super) reordered: bool,
}

/// Puts two lists beside each other. `alike` says whether something new may be something old under
/// another name.
pub(super) fn align(old: &[&str], new: &[&str], alike: impl Fn(usize, usize) -> bool) -> Aligned {
    let at: BTreeMap<&str, usize> = new.iter().enumerate().map(|(at, it)| (*it, at)).collect();
    let mut found = Aligned::default();
    for (was, name) in old.iter().enumerate() {
        if let Some(is) = at.get(name) {
            found.common.push((was, *is));
        }
    }
    found.reordered = !found.common.is_sorted_by_key(|it| it.1);
    if found.reordered {
        let kept: BTreeSet<usize> = found.common.iter().map(|it| it.1).collect();
        found.removed = (0..old.len())
            .filter(|it| !at.contains_key(old[*it]))
            .collect();
        found.added = (0..new.len()).filter(|it| !kept.contains(it)).collect();
        return found;
    }
    // What stands between two that are in both, on each side.
    let (mut was, mut is) = (0, 0);
    let end = (old.len(), new.len());
    for next in found.common.clone().into_iter().chain([end]) {
        let (gone, come) = (was..next.0, is..next.1);
        let as_many = gone.len() == come.len();
        for (before, after) in gone.clone().zip(come.clone()) {
            if as_many && alike(before, after) {
                found.renamed.push((before, after));
            }
        }
        let renamed = &found.renamed;
        let other = |it: &usize| !renamed.iter().any(|(before, _)| before == it);
        let removed: Vec<usize> = gone.filter(other).collect();
        let other = |it: &usize| !renamed.iter().any(|(_, after)| after == it);
        let added: Vec<usize> = come.filter(other).collect();
        found.removed.extend(removed);
        found.added.extend(added);
        (was, is) = (next.0 + 1, next.1 + 1);
    }
    found
}

/// Pairs of what is gone and what is new where each is like only one other.
pub(super) fn pairs<'a, T>(
    gone: &[&'a T],
    come: &[&'a T],
    alike: impl Fn(&T, &T) -> bool,
) -> Vec<(&'a T, &'a T)> {
    let mut found = Vec::new();
    for one in gone {
        let mut like = come.iter().filter(|it| alike(one, it));
        if let (Some(other), None) = (like.next(), like.next())
            && gone.iter().filter(|it| alike(it, other)).count() == 1
        {
            found.push((*one, *other));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(old: &str, new: &str) -> String {
        let (old, new): (Vec<&str>, Vec<&str>) = (
            old.split_whitespace().collect(),
            new.split_whitespace().collect(),
        );
        let found = align(&old, &new, |_, _| true);
        let renamed: Vec<String> = found
            .renamed
            .iter()
            .map(|(was, is)| format!("{}>{}", old[*was], new[*is]))
            .collect();
        let removed: Vec<&str> = found.removed.iter().map(|it| old[*it]).collect();
        let added: Vec<&str> = found.added.iter().map(|it| new[*it]).collect();
        let order = if found.reordered { " other order" } else { "" };
        format!("{renamed:?} -{removed:?} +{added:?}{order}").replace('"', "")
    }

    #[test]
    fn what_stands_between_the_same_neighbours_is_the_same() {
        for (old, new, wanted) in [
            ("a b c", "a b c", "[] -[] +[]"),
            ("a b c", "a x c", "[b>x] -[] +[]"),
            ("a b c", "a c x", "[] -[b] +[x]"),
            ("a b c", "a b x", "[c>x] -[] +[]"),
            ("a b c", "a x y c", "[] -[b] +[x, y]"),
            ("a b c d", "a x y d", "[b>x, c>y] -[] +[]"),
            ("a b c", "c b a", "[] -[] +[] other order"),
            ("a b c", "c x a", "[] -[b] +[x] other order"),
            ("", "a", "[] -[] +[a]"),
            ("a", "", "[] -[a] +[]"),
        ] {
            assert_eq!(said(old, new), wanted, "{old} to {new}");
        }
    }
}
