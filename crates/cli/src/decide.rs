//! Deciding on an action and recording it, as one: judged by the interlock on what the ledger holds,
//! and appended only if that is still all it holds. Otherwise it is judged again.

use switchback_interlock::Interlock;
use switchback_model::{Action, Event, EventId};

use crate::book::{Book, Outcome};
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::refusals;
use crate::settings::types::Environment;

/// How often an action is judged again because somebody else appended in between.
const ATTEMPTS: u32 = 100;

/// An event with its id, made of the book that an action was judged by.
pub(crate) type Decided<'a> = &'a dyn Fn(&Book) -> Result<(EventId, Event), Failure>;

/// Judges `action` and records the event that `event` makes of the book it was judged by. A refusal
/// is recorded and is the error. `Known` if the very event had been recorded before.
pub(crate) fn decide(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    action: &Action,
    event: Decided<'_>,
) -> Result<Outcome, Failure> {
    for _ in 0..ATTEMPTS {
        // One moment for the judgement and for the record: a window may end between two.
        let now = context.shell.clock.now();
        let here = book.environment(&environment.name);
        let verdict =
            Interlock::new(&book.world.catalog).admit(&environment.name, &here, now, action);
        if let Err(refusal) = verdict {
            return Err(refusals::refuse(context, book, environment, &refusal)?);
        }
        let (id, event) = event(book)?;
        match book.append_if_unmoved(id, now, event)? {
            Outcome::Moved => {}
            done => return Ok(done),
        }
    }
    Err(errors::ledger_too_busy())
}

/// Records a fact that needs no effect, and only on top of what it was judged by: somebody else may
/// be doing the very opposite. A refusal is recorded and is the error.
pub(crate) fn observe(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    action: &Action,
) -> Result<(), Failure> {
    let name = &environment.name;
    let event = |book: &Book| {
        let place = book.history.place(name);
        let id = EventId::of(&["observed", name.as_str(), &place, &action.to_string()]);
        let event = Event::Observed {
            environment: name.clone(),
            action: action.clone(),
        };
        Ok((id, event))
    };
    decide(context, book, environment, action, &event).map(|_| ())
}
