//! How two texts of several lines differ.

/// So many pairs of lines are compared; of longer texts the part that differs is shown whole.
const MOST: usize = 1_000_000;

/// The lines that differ, with `- ` and `+ ` before them.
pub(super) fn differing(old: &[&str], new: &[&str]) -> Vec<String> {
    let starts = old
        .iter()
        .zip(new)
        .take_while(|(one, other)| one == other)
        .count();
    let (old, new) = (
        old.get(starts..).unwrap_or_default(),
        new.get(starts..).unwrap_or_default(),
    );
    let ends = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(one, other)| one == other)
        .count();
    let old = old.get(..old.len() - ends).unwrap_or_default();
    let new = new.get(..new.len() - ends).unwrap_or_default();
    let kept = if old.len().saturating_mul(new.len()) > MOST {
        Vec::new()
    } else {
        common(old, new)
    };
    let mut shown = Vec::new();
    let (mut at, mut to) = (0, 0);
    // Behind the last pair that is kept stand the ends.
    for (one, other) in kept.into_iter().chain([(old.len(), new.len())]) {
        let gone = old.get(at..one).unwrap_or_default();
        let come = new.get(to..other).unwrap_or_default();
        shown.extend(gone.iter().map(|line| format!("- {line}")));
        shown.extend(come.iter().map(|line| format!("+ {line}")));
        (at, to) = (one + 1, other + 1);
    }
    shown
}

/// The places of as many lines as possible that are in both, in the same order.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    // The length of the longest common part of what begins at each pair of places.
    let width = new.len() + 1;
    let mut longest = vec![0_u32; width * (old.len() + 1)];
    let at = |longest: &[u32], one: usize, other: usize| {
        longest
            .get(one * width + other)
            .copied()
            .unwrap_or_default()
    };
    for one in (0..old.len()).rev() {
        for other in (0..new.len()).rev() {
            let length = if old.get(one) == new.get(other) {
                at(&longest, one + 1, other + 1) + 1
            } else {
                at(&longest, one + 1, other).max(at(&longest, one, other + 1))
            };
            if let Some(place) = longest.get_mut(one * width + other) {
                *place = length;
            }
        }
    }
    let (mut one, mut other) = (0, 0);
    let mut pairs = Vec::new();
    while one < old.len() && other < new.len() {
        if old.get(one) == new.get(other) {
            pairs.push((one, other));
            (one, other) = (one + 1, other + 1);
        } else if at(&longest, one + 1, other) >= at(&longest, one, other + 1) {
            one += 1;
        } else {
            other += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ_are_shown() {
        let old = ["a", "b", "c", "d", "e", "f"];
        let new = ["a", "x", "c", "d", "f", "g"];
        assert_eq!(differing(&old, &new), ["- b", "+ x", "- e", "+ g"]);
        assert_eq!(differing(&old, &old), Vec::<String>::new());
        assert_eq!(differing(&[], &["a"]), ["+ a"]);
        assert_eq!(differing(&["a", "a"], &["a", "a", "a"]), ["+ a"]);
        let long = vec!["x"; 2_000];
        assert_eq!(differing(&long, &["y"; 2_000]).len(), 4_000);
    }
}
