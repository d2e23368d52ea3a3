//! One worker on the calling thread, which is told of each batch before the next one begins: a fill of
//! a change.
//!
//! Deliberately absent: connecting again. A step of a change that loses its database ends, and the
//! same command again finds out what is done.

use std::time::{Duration, Instant};

use switchback_migration::backfill::machine::{Batch, End, Got, Pace, Want, Worker};
use switchback_migration::backfill::throttle::Allowance;

use super::Hands;
use crate::fill::Next;

/// How often somebody is asked whether to stop while nothing is done.
const ASK: Duration = Duration::from_millis(50);

/// What goes on beside the work, with what the hands work on.
pub(crate) trait Beside<On, Error> {
    /// How much may be done, so long after the beginning.
    fn allowance(&mut self, at: Duration) -> Allowance;

    /// A batch is committed.
    fn batch(&mut self, on: &mut On, batch: &Batch) -> Result<Next, Error>;

    /// Whether to stop.
    fn stop(&mut self, on: &mut On) -> bool;
}

/// Walks a job until it is over, somebody says stop, or something fails. A range that is held then is
/// given back if that can be done, so that whoever goes on need not wait for the end of its lease.
/// `on` gives what `hands` work on.
///
/// # Errors
/// Those of `hands`.
pub(crate) fn alone<H: Hands, On>(
    hands: &mut H,
    on: fn(&mut H) -> &mut On,
    pace: Pace,
    beside: &mut impl Beside<On, H::Error>,
) -> Result<End, H::Error> {
    let ended = walk(hands, on, pace, beside);
    if ended.is_err() {
        // The error that led here is what has to be told.
        let _ = hands.release();
    }
    ended
}

fn walk<H: Hands, On>(
    hands: &mut H,
    on: fn(&mut H) -> &mut On,
    pace: Pace,
    beside: &mut impl Beside<On, H::Error>,
) -> Result<End, H::Error> {
    let begun = Instant::now();
    let mut worker = Worker::new(pace);
    loop {
        if beside.stop(on(hands)) {
            worker.stop();
        }
        worker.allow(&beside.allowance(begun.elapsed()));
        let got = match worker.want(begun.elapsed()) {
            Want::End(end) => return Ok(end),
            Want::Wait(length) => {
                std::thread::sleep(length.min(ASK));
                continue;
            }
            Want::Claim => hands.claim()?,
            Want::Batch { rows } => hands.batch(rows)?,
            Want::Renew => hands.renew()?,
            Want::Release => hands.release()?,
            Want::Close => hands.close()?,
        };
        worker.got(got, begun.elapsed());
        if let Got::Done(batch) = got
            && beside.batch(on(hands), &batch)? == Next::Stop
        {
            worker.stop();
        }
    }
}
