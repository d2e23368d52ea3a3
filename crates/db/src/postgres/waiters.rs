//! Who waits for whom.

use std::collections::{HashMap, HashSet};

use postgres::Client;

/// Asking costs a moment in which nobody in the whole server gets a lock, so only those are asked
/// about who wait.
const EDGES: &str = "
    SELECT w.pid, pg_catalog.pg_blocking_pids(w.pid)
    FROM (SELECT DISTINCT pid FROM pg_catalog.pg_locks
          WHERE NOT granted AND pid IS NOT NULL LIMIT 200) AS w";

/// Who waits, and for which sessions each. The search path must be empty.
pub(super) fn edges(client: &mut Client) -> Result<HashMap<i32, Vec<i32>>, postgres::Error> {
    let mut edges = HashMap::new();
    for row in client.query(EDGES, &[])? {
        edges.insert(row.try_get(0)?, row.try_get(1)?);
    }
    Ok(edges)
}

/// Those who wait for one of `ours`, directly or through others, and are none of them.
pub(super) fn held_up(edges: &HashMap<i32, Vec<i32>>, ours: &[i32]) -> HashSet<i32> {
    let mut found = HashSet::new();
    let mut todo = ours.to_vec();
    while let Some(by) = todo.pop() {
        for (waiting, blockers) in edges {
            if !ours.contains(waiting) && blockers.contains(&by) && found.insert(*waiting) {
                todo.push(*waiting);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_behind_somebody_that_waits_for_us_waits_for_us() {
        let edges = HashMap::from([(2, vec![1]), (3, vec![2]), (4, vec![9]), (1, vec![3, 7])]);
        assert_eq!(held_up(&edges, &[1]), HashSet::from([2, 3]));
        assert_eq!(held_up(&edges, &[1, 3, 9]), HashSet::from([2, 4]));
        assert_eq!(held_up(&edges, &[4]), HashSet::new());
    }
}
