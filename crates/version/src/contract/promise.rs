//! What is promised about a part of a contract beside its shape: until when it stays, how stable it is.

use super::Stability;
use super::bundle::Bundle;
use super::document::{Arena, NodeId};

/// What became of the day until which something stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// It is an earlier one.
    Sooner,
    /// There was one, and there is none.
    Removed,
    /// One of two texts is no day, so that nobody can tell.
    Unreadable,
}

/// Holds two texts beside each other that say until when something stays.
pub(super) fn moved(old: Option<&str>, new: Option<&str>) -> Option<Moved> {
    if old == new {
        return None;
    }
    match (old.map(day), new.map(day)) {
        (Some(Some(_)), None | Some(None)) => Some(Moved::Removed),
        (Some(Some(old)), Some(Some(new))) => (new < old).then_some(Moved::Sooner),
        (Some(None), _) | (_, Some(None)) => Some(Moved::Unreadable),
        _ => None,
    }
}

/// The day after which something may go, as it is written.
pub(super) fn sunset(arena: &Arena, id: NodeId) -> Option<String> {
    Some(written(arena, arena.get(id, "x-sunset")?))
}

/// The day of a date or a time by RFC 3339. Days are ordered as texts are.
pub(super) fn day(text: &str) -> Option<&str> {
    let day = text.get(..10)?;
    let shape = day.bytes().enumerate().all(|(at, it)| match at {
        4 | 7 => it == b'-',
        _ => it.is_ascii_digit(),
    });
    let ends = text.len() == 10 || text[10..].starts_with(['T', 't', ' ']);
    (shape && ends).then_some(day)
}

/// A text as it is, anything else in short.
pub(super) fn written(arena: &Arena, id: NodeId) -> String {
    arena
        .text(id)
        .map_or_else(|| arena.short(id), str::to_owned)
}

/// What stands as the stability of something: a level, or a word that is none.
pub(super) fn stability(arena: &Arena, id: NodeId) -> Option<Result<Stability, String>> {
    let word = written(arena, arena.get(id, "x-stability-level")?);
    Some(Stability::named(&word).ok_or(word))
}

/// The day until which something deprecated stays, as it is written.
pub(super) fn promised(bundle: &Bundle, id: NodeId) -> Option<String> {
    let deprecated = bundle.arena.is_true(id, "deprecated");
    sunset(&bundle.arena, id).filter(|_| deprecated)
}
