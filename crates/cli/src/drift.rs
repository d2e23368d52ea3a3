//! Whether what a values file says is what was put out. If somebody else moved it, what runs may not
//! be what every judgement is about.

use switchback_model::{ComponentName, Version};

use crate::book::Book;
use crate::context::Context;
use crate::effects;
use crate::errors::{self, Failure};
use crate::settings::types::Environment;

/// Fails with SB0704 if the values file of an environment says another version of a component than
/// the one that was put out last. Where nothing is known to run there is nothing to compare.
pub(crate) fn check(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    component: &ComponentName,
) -> Result<(), Failure> {
    let Some(known) = put_out(book, environment, component) else {
        return Ok(());
    };
    let values = effects::values(context, environment)?;
    let written = values.file.read(&values.key(component))?.value;
    let written = written.unwrap_or_else(|| "nothing".to_owned());
    if written == known.to_string() {
        return Ok(());
    }
    Err(errors::drift(
        &environment.name,
        component,
        &known,
        &written,
    ))
}

/// The version that was put out last, whether or not its rollout is finished.
fn put_out(book: &Book, environment: &Environment, component: &ComponentName) -> Option<Version> {
    let mut known = book.environment(&environment.name);
    let running = known.components.remove(component)?;
    let arriving = running.rollout.filter(|rollout| !rollout.aborting);
    arriving.map(|rollout| rollout.to).or(running.stable)
}
