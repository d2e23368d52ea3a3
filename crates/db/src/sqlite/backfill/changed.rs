//! What became of the rows of a batch.

use super::batch::Wanted;
use super::codec::{self, Exact, Former, Key, Written};
use super::walk::Walk;

/// What became of the rows that were to be changed.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) rows: Vec<Former>,
    /// Rows that were written with what they had, for what triggers do then.
    pub(super) touched: u64,
    /// Rows that a program passed over.
    pub(super) skipped: u64,
    /// How the sum over all rows moved.
    pub(super) sum: u64,
    pub(super) bad: Vec<(Key, String)>,
}

pub(super) fn sum_of(key: &[Exact], columns: &[Exact]) -> u64 {
    let mut bytes = Vec::new();
    for value in key.iter().chain(columns) {
        codec::put(&mut bytes, value.as_ref());
    }
    codec::row_sum(&bytes)
}

/// What one update made of a row.
pub(super) enum Now {
    /// It holds this.
    Holds(Vec<Exact>),
    /// A trigger kept it from being changed, or changed it back.
    Kept,
    /// A trigger deleted it.
    Gone,
}

impl Changed {
    pub(super) fn add(&mut self, walk: &Walk, row: &Wanted, now: Now) {
        let was = sum_of(&row.key, &row.former);
        match now {
            Now::Holds(now) => {
                let pairs = row.former.iter().zip(&now);
                let columns: Vec<_> = pairs
                    .map(|(was, now)| (was != now).then(|| (was.clone(), Written::of(now))))
                    .collect();
                // What is stored can be what was there although the expression says something else:
                // a whole number that a column of real numbers cannot hold.
                if walk.touches {
                    self.touched += 1;
                } else if columns.iter().any(Option::is_some) {
                    let is = sum_of(&row.key, &now);
                    self.sum = self.sum.wrapping_add(is).wrapping_sub(was);
                    let key = row.key.clone();
                    self.rows.push(Former { key, columns });
                }
            }
            Now::Kept => {
                let what = format!("a trigger on {} keeps the row as it was", walk.table);
                self.bad.push((row.key.clone(), what));
            }
            Now::Gone => {
                self.sum = self.sum.wrapping_sub(was);
                let columns = vec![None; row.former.len()];
                let key = row.key.clone();
                self.rows.push(Former { key, columns });
            }
        }
    }
}
