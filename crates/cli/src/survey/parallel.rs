//! Work on every core: each thread takes the next piece until none is left.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// What a thread may put on its stack: SQL that is nested deeply is read by recursion. It is
/// address space, and only what is used is memory.
const STACK: usize = 64 << 20;

/// How many threads work at once.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does `work` for each item, side by side, and gives the results in the order of the items. What
/// takes long should come first. The items themselves are made by one thread at a time, while the
/// others work. A panic in one is passed on when all others are done.
pub(crate) fn side_by_side<T: Send, R: Send>(
    items: impl IntoIterator<Item = T, IntoIter: Send>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let items = items.into_iter();
    let threads = items
        .size_hint()
        .1
        .map_or(cores(), |most| most.min(cores()));
    let next = Mutex::new(items.enumerate());
    let (next, work) = (&next, &work);
    let take = move || {
        let mut done = Vec::new();
        loop {
            // Whoever panicked within passes that on itself, and the items go on behind it.
            let item = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, item)) = item else {
                return done;
            };
            done.push((at, work(item)));
        }
    };
    let mut done = thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .filter_map(|_| {
                let builder = thread::Builder::new().stack_size(STACK);
                builder.spawn_scoped(scope, take).ok()
            })
            .collect();
        // If not one could be started, the work is done here.
        let mut done = if started.is_empty() {
            take()
        } else {
            Vec::new()
        };
        for thread in started {
            match thread.join() {
                Ok(some) => done.extend(some),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order() {
        let items: Vec<usize> = (0..1_000).collect();
        assert_eq!(side_by_side(&items, |n| n * 2)[999], 1_998);
        assert_eq!(side_by_side([0; 0], |n: usize| n), [0; 0]);
        // As many as there are is not known before.
        let odd = (0..1_000).filter(|n| n % 2 == 1);
        assert_eq!(side_by_side(odd, |n| n)[499], 999);
    }
}
