//! How the order of columns changed, for people: only the columns that moved.

use super::{Line, columns};

/// The name of the table, and where each column that moved stood and stands.
pub(super) fn shown(before: &Line, after: &Line) -> Vec<String> {
    let old: Vec<&str> = columns(before).collect();
    let new: Vec<&str> = columns(after).collect();
    let common = |one: &[&'_ str], other: &[&str]| -> Vec<String> {
        let is_common = |name: &&&str| other.contains(name);
        one.iter()
            .filter(is_common)
            .map(ToString::to_string)
            .collect()
    };
    let (old, new) = (common(&old, &new), common(&new, &old));
    let stayed = stayed(&old, &new);
    let mut moved = new.iter().filter(|name| !stayed.contains(name));
    let place = |order: &[String], name: &String| -> String {
        let at = order.iter().position(|it| it == name).unwrap_or_default();
        match at.checked_sub(1).and_then(|at| order.get(at)) {
            Some(neighbour) => format!("after {neighbour}"),
            None => "first".to_owned(),
        }
    };
    let mut lines = vec![format!("  columns of {}", before.of)];
    for name in moved.by_ref().take(MOST) {
        lines.push(format!("-   {name} {}", place(&old, name)));
        lines.push(format!("+   {name} {}", place(&new, name)));
    }
    if let more @ 1.. = moved.count() {
        lines.push(format!("    and {more} more"));
    }
    lines
}

/// How many columns are named.
const MOST: usize = 8;

/// As many columns as possible whose order among themselves is the same: the longest increasing run
/// of places.
fn stayed<'a>(old: &'a [String], new: &[String]) -> Vec<&'a String> {
    let places: Vec<usize> = new
        .iter()
        .filter_map(|name| old.iter().position(|it| it == name))
        .collect();
    // For each place the length of the longest run that ends there, and the one before it.
    let mut best: Vec<(usize, Option<usize>)> = Vec::new();
    for (at, place) in places.iter().enumerate() {
        let before = (0..at)
            .filter(|earlier| places.get(*earlier) < Some(place))
            .max_by_key(|earlier| best.get(*earlier).map(|it| it.0));
        let length = before
            .and_then(|earlier| best.get(earlier))
            .map_or(1, |it| it.0 + 1);
        best.push((length, before));
    }
    // The first of the longest, so that those at the end are the ones that moved.
    let mut last = (0..best.len())
        .rev()
        .max_by_key(|at| best.get(*at).map(|it| it.0));
    let mut kept = Vec::new();
    while let Some(at) = last {
        kept.extend(places.get(at).and_then(|place| old.get(*place)));
        last = best.get(at).and_then(|it| it.1);
    }
    kept
}
