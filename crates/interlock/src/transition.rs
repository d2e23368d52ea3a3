//! What actions do to an environment, in two halves: from the moment an action is intended the
//! world may be anywhere on its way; when its outcome is known it is at one place again.

use switchback_model::{
    Action, ComponentName, Duration, Kind, Release, Shape, Stance, Timestamp, Version,
};

use crate::judge::{Counting, stances_towards};
use crate::refusal::Misfit;
use crate::surface::{Retained, Surface, SurfaceState};
use crate::world::{Catalog, Environment, FormerValue, Rollout, Running, Target};

/// Takes in that `action` is about to be done, or has been seen to happen.
///
/// # Errors
/// If the action has no meaning where the environment stands; nothing is changed then.
pub(crate) fn begin(
    catalog: &Catalog,
    environment: &mut Environment,
    action: &Action,
) -> Result<(), Misfit> {
    open_surfaces(catalog, environment);
    match action {
        Action::Deploy { component, version } => {
            known(catalog, component, version)?;
            let running = environment.components.entry(component.clone()).or_default();
            start(running, version, false)?;
        }
        Action::Rollback { component, version } => {
            known(catalog, component, version)?;
            let Some(running) = environment.components.get_mut(component) else {
                return Err(Misfit::NotATarget { open: Vec::new() });
            };
            if !running
                .targets
                .iter()
                .any(|target| target.version == *version)
            {
                let open = running
                    .targets
                    .iter()
                    .map(|target| target.version.clone())
                    .collect();
                return Err(Misfit::NotATarget { open });
            }
            start(running, version, true)?;
        }
        Action::FinishRollout { component, .. } => {
            let running = environment.components.get(component);
            if running.is_none_or(|running| running.rollout.is_none()) {
                return Err(Misfit::NoRollout);
            }
        }
        Action::AbortRollout { component } => {
            let running = environment
                .components
                .get_mut(component)
                .ok_or(Misfit::NoRollout)?;
            let rollout = running.rollout.as_mut().ok_or(Misfit::NoRollout)?;
            if running.stable.is_none() {
                return Err(Misfit::NothingBefore);
            }
            if rollout.aborting {
                return Err(Misfit::NoRollout);
            }
            rollout.aborting = true;
        }
        Action::SetFlag { flag, value, .. } => {
            let flag = environment.flags.entry(flag.clone()).or_default();
            if flag.arriving.is_some() || flag.value.as_ref() == Some(value) {
                return Err(Misfit::FlagThere);
            }
            flag.arriving = Some(value.clone());
        }
        Action::Surface { change, operation } => {
            let surface = environment
                .surfaces
                .get_mut(change)
                .ok_or_else(|| Misfit::UnknownChange(change.clone()))?;
            surface.begin(*operation).map_err(Misfit::Surface)?;
        }
    }
    expose(catalog, environment);
    Ok(())
}

/// Takes in at the moment `at` whether an action that was begun was done.
pub(crate) fn settle(
    catalog: &Catalog,
    environment: &mut Environment,
    action: &Action,
    done: bool,
    at: Timestamp,
) {
    match action {
        Action::Deploy { component, version } | Action::Rollback { component, version } => {
            if let Some(running) = environment.components.get_mut(component)
                && running
                    .rollout
                    .as_ref()
                    .is_some_and(|rollout| rollout.to == *version)
                && !done
            {
                running.rollout = None;
            }
        }
        Action::FinishRollout { component, window } => {
            if let Some(running) = environment.components.get_mut(component)
                && done
            {
                finish(running, *window, at);
            }
        }
        Action::AbortRollout { component } => {
            if let Some(running) = environment.components.get_mut(component)
                && let Some(rollout) = &mut running.rollout
            {
                rollout.aborting = done;
            }
        }
        Action::SetFlag { flag, window, .. } => {
            if let Some(flag) = environment.flags.get_mut(flag)
                && let Some(arrived) = flag.arriving.take()
                && done
            {
                let former = flag.value.replace(arrived);
                flag.former.retain(|other| other.value != flag.value);
                flag.former.push(FormerValue {
                    value: former,
                    until: at + *window,
                });
            }
        }
        Action::Surface { change, .. } => {
            if let Some(surface) = environment.surfaces.get_mut(change) {
                surface.settle(done);
            }
        }
    }
    expose(catalog, environment);
    stop_emitting(catalog, environment, at);
}

fn known(catalog: &Catalog, component: &ComponentName, version: &Version) -> Result<(), Misfit> {
    let unknown = || Misfit::UnknownRelease {
        component: component.clone(),
        version: version.clone(),
    };
    catalog
        .release(component, version)
        .map(|_: &Release| ())
        .ok_or_else(unknown)
}

fn start(running: &mut Running, version: &Version, back: bool) -> Result<(), Misfit> {
    if let Some(rollout) = &running.rollout {
        return Err(Misfit::RolloutUnderWay {
            to: rollout.to.clone(),
        });
    }
    if running.stable.as_ref() == Some(version) {
        return Err(Misfit::AlreadyRunning(version.clone()));
    }
    running.rollout = Some(Rollout {
        to: version.clone(),
        back,
        aborting: false,
    });
    Ok(())
}

fn finish(running: &mut Running, window: Duration, at: Timestamp) {
    let Some(rollout) = running.rollout.take() else {
        return;
    };
    if rollout.aborting {
        return;
    }
    let replaced = running.stable.replace(rollout.to.clone());
    running.since = Some(at);
    let place = running
        .targets
        .iter()
        .position(|target| target.version == rollout.to);
    match place {
        // Going back closes the windows of the versions that were walked past.
        Some(place) if rollout.back => running.targets.truncate(place),
        Some(place) => drop(running.targets.remove(place)),
        None => {}
    }
    if let Some(version) = replaced
        && !rollout.back
    {
        running.targets.push(Target {
            version,
            since: at,
            until: at + window,
        });
    }
}

/// Every open change has a surface in every environment.
fn open_surfaces(catalog: &Catalog, environment: &mut Environment) {
    let before = environment.surfaces.len();
    for (id, change) in &catalog.changes {
        if !environment.surfaces.contains_key(id) {
            environment
                .surfaces
                .insert(id.clone(), Surface::initial(change.kind));
        }
    }
    if environment.surfaces.len() > before {
        expose(catalog, environment);
    }
}

/// Whoever is live may have written by now.
pub(crate) fn expose(catalog: &Catalog, environment: &mut Environment) {
    let Environment { surfaces, .. } = environment;
    let mut surfaces = std::mem::take(surfaces);
    for (change, surface) in &mut surfaces {
        for party in stances_towards(catalog, environment, change, Counting::LIVE) {
            surface.expose_to(&party.stance);
        }
    }
    environment.surfaces = surfaces;
}

/// What nobody live emits any more stays only for the change's retention.
fn stop_emitting(catalog: &Catalog, environment: &mut Environment, at: Timestamp) {
    let mut quiet = Vec::new();
    for (change, surface) in &environment.surfaces {
        let Some(opened) = catalog.changes.get(change) else {
            continue;
        };
        if opened.kind == Kind::Replicated || opened.retention.is_none() {
            continue;
        }
        let emitted = |shape: Shape| {
            stances_towards(catalog, environment, change, Counting::LIVE).iter().any(|party| {
                matches!(party.stance, Stance::Tagged { emits, .. } if emits.has(shape))
            })
        };
        let present = |shape: Shape| {
            surface.states().iter().any(|state| match state {
                SurfaceState::Tagged(tagged) => tagged.retained(shape) == Retained::Present,
                SurfaceState::Replicated(_) => false,
            })
        };
        for shape in Shape::ALL {
            if present(shape) && !emitted(shape) {
                quiet.push((change.clone(), shape, opened.retention));
            }
        }
    }
    for (change, shape, retention) in quiet {
        if let Some(surface) = environment.surfaces.get_mut(&change) {
            surface.stop_emitting(shape, at, retention);
        }
    }
}
