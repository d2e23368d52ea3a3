//! In which order tables are filled: those that are referenced first.

/// That one table references another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) child: usize,
    pub(super) parent: usize,
    /// Which of the child's references.
    pub(super) reference: usize,
    /// Whether it may stay null for a while.
    pub(super) soft: bool,
    /// Whether only the names say so.
    pub(super) implied: bool,
}

/// What to do in which order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Tables that are filled together, because each needs the others; mostly one.
    pub(super) groups: Vec<Vec<usize>>,
    /// References that are null at first.
    pub(super) later: Vec<Edge>,
}

/// Puts `count` tables in an order, and cuts cycles where a reference may be null.
pub(super) fn order(count: usize, edges: &[Edge]) -> Order {
    let mut edges: Vec<Edge> = edges.to_vec();
    edges.retain(|edge| edge.child != edge.parent);
    edges.sort_by_key(|edge| (edge.child, edge.parent, edge.reference));
    let mut later = Vec::new();
    loop {
        let groups = groups(count, &edges);
        let mut group_of = vec![0; count];
        for (place, group) in groups.iter().enumerate() {
            for table in group {
                group_of[*table] = place;
            }
        }
        let inside = |edge: &Edge| edge.soft && group_of[edge.child] == group_of[edge.parent];
        let guess = edges.iter().position(|edge| edge.implied && inside(edge));
        match guess.or_else(|| edges.iter().position(inside)) {
            Some(place) => {
                let cut = edges.remove(place);
                later.push(cut);
            }
            None => return Order { groups, later },
        }
    }
}

/// The groups of tables that reach each other, each after those that it references.
fn groups(count: usize, edges: &[Edge]) -> Vec<Vec<usize>> {
    let mut parents = vec![Vec::new(); count];
    for edge in edges {
        parents[edge.child].push(edge.parent);
    }
    let mut state = Search {
        parents: &parents,
        next: 0,
        seen: vec![None; count],
        low: vec![0; count],
        stack: Vec::new(),
        on_stack: vec![false; count],
        groups: Vec::new(),
    };
    for table in 0..count {
        if state.seen[table].is_none() {
            state.visit(table);
        }
    }
    state.groups
}

struct Search<'a> {
    parents: &'a [Vec<usize>],
    next: usize,
    seen: Vec<Option<usize>>,
    low: Vec<usize>,
    stack: Vec<usize>,
    on_stack: Vec<bool>,
    groups: Vec<Vec<usize>>,
}

impl Search<'_> {
    /// Depth first with a stack of its own: chains of references can be long.
    fn visit(&mut self, start: usize) {
        let mut path = vec![(start, 0)];
        self.enter(start);
        while let Some((table, place)) = path.last_mut() {
            let table = *table;
            let Some(parent) = self.parents[table].get(*place).copied() else {
                path.pop();
                if let Some((child, _)) = path.last() {
                    self.low[*child] = self.low[*child].min(self.low[table]);
                }
                if Some(self.low[table]) == self.seen[table] {
                    self.leave(table);
                }
                continue;
            };
            *place += 1;
            match self.seen[parent] {
                None => {
                    self.enter(parent);
                    path.push((parent, 0));
                }
                Some(seen) if self.on_stack[parent] => {
                    self.low[table] = self.low[table].min(seen);
                }
                Some(_) => {}
            }
        }
    }

    fn enter(&mut self, table: usize) {
        self.seen[table] = Some(self.next);
        self.low[table] = self.next;
        self.next += 1;
        self.stack.push(table);
        self.on_stack[table] = true;
    }

    fn leave(&mut self, root: usize) {
        let mut group = Vec::new();
        while let Some(table) = self.stack.pop() {
            self.on_stack[table] = false;
            group.push(table);
            if table == root {
                break;
            }
        }
        group.sort_unstable();
        self.groups.push(group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(child: usize, parent: usize, soft: bool) -> Edge {
        Edge {
            child,
            parent,
            reference: 0,
            soft,
            implied: false,
        }
    }

    #[test]
    fn parents_come_first() {
        let found = order(4, &[edge(0, 1, false), edge(1, 2, true), edge(3, 0, false)]);
        assert_eq!(found.groups, [vec![2], vec![1], vec![0], vec![3]]);
        assert!(found.later.is_empty());
    }

    #[test]
    fn a_cycle_is_cut_where_it_may_be_null() {
        let found = order(3, &[edge(0, 1, false), edge(1, 2, true), edge(2, 0, false)]);
        assert_eq!(found.groups.len(), 3);
        assert_eq!(found.later, [edge(1, 2, true)]);
    }

    #[test]
    fn a_guess_is_given_up_before_a_foreign_key() {
        let guess = Edge {
            implied: true,
            ..edge(2, 0, true)
        };
        let found = order(3, &[edge(0, 1, true), edge(1, 2, true), guess]);
        assert_eq!(found.later, [guess]);
    }

    #[test]
    fn a_cycle_that_cannot_be_cut_is_one_group() {
        let found = order(
            3,
            &[edge(0, 1, false), edge(1, 0, false), edge(2, 0, false)],
        );
        assert_eq!(found.groups, [vec![0, 1], vec![2]]);
    }

    #[test]
    fn a_table_may_reference_itself_and_chains_may_be_long() {
        assert_eq!(order(1, &[edge(0, 0, false)]).groups, [vec![0]]);
        let chain: Vec<Edge> = (0..50_000).map(|i| edge(i, i + 1, false)).collect();
        assert_eq!(order(50_001, &chain).groups[0], [50_000]);
    }
}
