//! Work on every core: each thread takes the next piece until none is left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What a thread may put on its stack: SQL that is nested deeply is read by recursion. It is
/// address space, and only what is used is memory.
const STACK: usize = 64 << 20;

/// Does `work` for each item, side by side, and gives the results in the order of the items. What
/// takes long should come first. A panic in one is passed on when all others are done.
pub(crate) fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(items.len());
    let next = AtomicUsize::new(0);
    let (next, work) = (&next, &work);
    let take = move || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
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
        assert_eq!(side_by_side(&[0; 0], |n| *n), [0; 0]);
    }
}
