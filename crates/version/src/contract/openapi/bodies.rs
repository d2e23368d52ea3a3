//! Bodies of requests and responses, their media types and headers.

use std::collections::BTreeMap;

use super::{Api, Context, members, rules};
use crate::contract::bundle::Bundle;
use crate::contract::document::NodeId;
use crate::contract::rule::Direction;
use crate::contract::schema::normal::Schemas;
use crate::contract::schema::shape::Shape;
use crate::contract::schema::types::Types;

impl Api<'_> {
    pub(super) fn request(&mut self, old: NodeId, new: NodeId, context: &Context) {
        let bodies = (
            self.old.arena.get(old, "requestBody"),
            self.new.arena.get(new, "requestBody"),
        );
        let ours = context.requests == Direction::WeRead;
        match bodies {
            (None, None) => {}
            (None, Some(body)) => {
                let Ok(found) = self.new.resolve(body) else {
                    // Whether it is required is said where the reference leads.
                    let text = self.new.arena.get_text(body, "$ref").map(str::to_owned);
                    self.say(
                        &rules::UNRESOLVED,
                        (old, None),
                        (body, text),
                        "$ref",
                        context,
                    );
                    return;
                };
                let rule = if self.new.arena.is_true(found, "required") && ours {
                    &rules::BODY_REQUIRED_ADDED
                } else {
                    &rules::BODY_ADDED
                };
                self.say(rule, (old, None), (body, None), "", context);
            }
            (Some(body), None) => {
                self.say(&rules::BODY_REMOVED, (body, None), (new, None), "", context);
            }
            (Some(old), Some(new)) => {
                let Some((old, new)) = self.resolved(old, new, context) else {
                    return;
                };
                let required = (
                    self.old.arena.is_true(old, "required"),
                    self.new.arena.is_true(new, "required"),
                );
                let rule = match required {
                    (false, true) if ours => Some(&rules::BODY_BECAME_REQUIRED),
                    (true, false) if ours => Some(&rules::BODY_BECAME_OPTIONAL),
                    _ => None,
                };
                if let Some(rule) = rule {
                    self.say(rule, (old, None), (new, None), "", context);
                }
                self.media((old, new), context.requests, "request", context);
            }
        }
    }

    /// The media types of a body, a response or a parameter.
    pub(super) fn media(
        &mut self,
        (old, new): (NodeId, NodeId),
        direction: Direction,
        what: &str,
        context: &Context,
    ) {
        let was = members(self.old, old, "content");
        let is = members(self.new, new, "content");
        let reads = direction == Direction::WeRead;
        let (removed, added) = if reads {
            (&rules::REQUEST_MEDIA_REMOVED, &rules::REQUEST_MEDIA_ADDED)
        } else {
            (&rules::RESPONSE_MEDIA_REMOVED, &rules::RESPONSE_MEDIA_ADDED)
        };
        let mut met = Vec::new();
        for (kind, media) in &was {
            // Who sends the old type has to be read; who asks for it has to be sent it.
            let takes = |it: &&String| {
                if reads {
                    covers(it, kind)
                } else {
                    covers(kind, it)
                }
            };
            let other = is.get_key_value(kind);
            let other = other.or_else(|| is.iter().find(|it| plain(it.0) == plain(kind)));
            let other = other.or_else(|| is.iter().find(|it| takes(&it.0)));
            let Some((name, other)) = other else {
                let text = Some(kind.clone());
                self.say(removed, (*media, text), (new, None), what, context);
                continue;
            };
            met.push(name.clone());
            let Some((one, two)) = self.resolved(*media, *other, context) else {
                continue;
            };
            let schemas = (
                self.old.arena.get(one, "schema"),
                self.new.arena.get(two, "schema"),
            );
            let what = format!("{what} {kind}");
            if is_xml(kind) && self.bare((schemas.0, one), (schemas.1, two)) {
                let rule = if reads {
                    &rules::REQUEST_XML_BARE
                } else {
                    &rules::RESPONSE_XML_BARE
                };
                self.say(rule, (one, None), (two, None), &what, context);
                continue;
            }
            self.schemas(
                direction,
                is_text(kind),
                (schemas.0, one),
                (schemas.1, two),
                &what,
                context,
            );
        }
        for (kind, media) in is.iter().filter(|it| !met.contains(it.0)) {
            let text = Some(kind.clone());
            self.say(added, (old, None), (*media, text), what, context);
        }
    }

    /// Whether one of two schemas says of an XML document that it is a text, the other one that it is an
    /// element, and neither anything else. Both are how people write "some document".
    fn bare(&self, old: (Option<NodeId>, NodeId), new: (Option<NodeId>, NodeId)) -> bool {
        let shape = |schemas: &Schemas<'_>, (schema, at): (Option<NodeId>, NodeId)| {
            Some(schemas.shape(&schemas.parts(schema?), at))
        };
        let was = shape(self.texts.old, old);
        let is = shape(self.texts.new, new);
        let (Some(was), Some(is)) = (was, is) else {
            return false;
        };
        let pair =
            |one: &Shape, two: &Shape| one.is_only(Types::STRING) && two.is_only(Types::OBJECT);
        pair(&was, &is) || pair(&is, &was)
    }

    pub(super) fn responses(&mut self, old: NodeId, new: NodeId, context: &Context) {
        let was = statuses(self.old, old);
        let is = statuses(self.new, new);
        let places = (
            self.old.arena.get(old, "responses").unwrap_or(old),
            self.new.arena.get(new, "responses").unwrap_or(new),
        );
        for (status, id) in &was {
            let range = format!("{}XX", status.get(..1).unwrap_or_default());
            let Some(other) = is.get(status).or_else(|| is.get(&range)) else {
                let rule = if status.starts_with('2') {
                    &rules::RESPONSE_REMOVED
                } else {
                    &rules::RESPONSE_FAILURE_REMOVED
                };
                let text = Some(status.clone());
                self.say(rule, (*id, text), (places.1, None), "", context);
                continue;
            };
            let Some((one, two)) = self.resolved(*id, *other, context) else {
                continue;
            };
            let what = format!("response {status}");
            self.media((one, two), context.responses(), &what, context);
            self.headers(one, two, &what, context);
        }
        for (status, id) in is.iter().filter(|it| !was.contains_key(it.0)) {
            let text = Some(status.clone());
            self.say(
                &rules::RESPONSE_ADDED,
                (places.0, None),
                (*id, text),
                "",
                context,
            );
        }
    }

    fn headers(&mut self, old: NodeId, new: NodeId, what: &str, context: &Context) {
        let headers = |bundle: &Bundle, id| -> BTreeMap<String, NodeId> {
            let listed = members(bundle, id, "headers").into_iter();
            listed
                .map(|(name, it)| (name.to_ascii_lowercase(), it))
                .filter(|(name, _)| name != "content-type")
                .collect()
        };
        let (was, is) = (headers(self.old, old), headers(self.new, new));
        let required = |bundle: &Bundle, id| {
            let found = bundle.resolve(id);
            found.is_ok_and(|it| bundle.arena.is_true(it, "required"))
        };
        for (name, id) in &was {
            let header = format!("{what} header `{name}`");
            let Some(other) = is.get(name) else {
                let rule = if required(self.old, *id) {
                    &rules::HEADER_REQUIRED_REMOVED
                } else {
                    &rules::HEADER_REMOVED
                };
                self.say(
                    rule,
                    (*id, Some(name.clone())),
                    (new, None),
                    &header,
                    context,
                );
                continue;
            };
            let Some((one, two)) = self.resolved(*id, *other, context) else {
                continue;
            };
            match (required(self.old, one), required(self.new, two)) {
                (true, false) => {
                    self.say(
                        &rules::HEADER_BECAME_OPTIONAL,
                        (one, None),
                        (two, None),
                        &header,
                        context,
                    );
                }
                (false, true) => {
                    self.say(
                        &rules::HEADER_BECAME_REQUIRED,
                        (one, None),
                        (two, None),
                        &header,
                        context,
                    );
                }
                _ => {}
            }
            let schemas = (
                self.old.arena.get(one, "schema"),
                self.new.arena.get(two, "schema"),
            );
            let (first, second) = ((schemas.0, one), (schemas.1, two));
            self.schemas(context.responses(), true, first, second, &header, context);
        }
        for (name, id) in is.iter().filter(|it| !was.contains_key(it.0)) {
            let header = format!("{what} header `{name}`");
            self.say(
                &rules::HEADER_ADDED,
                (old, None),
                (*id, Some(name.clone())),
                &header,
                context,
            );
        }
    }
}

/// Responses by status; ranges are written `2XX`.
fn statuses(bundle: &Bundle, operation: NodeId) -> BTreeMap<String, NodeId> {
    let listed = members(bundle, operation, "responses").into_iter();
    listed
        .map(|(status, it)| (status.to_ascii_uppercase(), it))
        .collect()
}

/// A media type without parameters.
fn plain(kind: &str) -> String {
    let kind = kind.split(';').next().unwrap_or(kind);
    kind.trim().to_ascii_lowercase()
}

/// Whether who takes one media type takes another one.
fn covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (plain(wide), plain(narrow));
    if wide == narrow || wide == "*/*" {
        return true;
    }
    let (Some(wide), Some(narrow)) = (wide.split_once('/'), narrow.split_once('/')) else {
        return false;
    };
    let suffix = narrow.1.rsplit_once('+').map(|(_, it)| it);
    wide.0 == narrow.0 && (wide.1 == "*" || suffix == Some(wide.1))
}

/// Whether values are written as text in a media type, whatever their type.
fn is_text(kind: &str) -> bool {
    let kind = plain(kind);
    is_xml(&kind) || kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data"
}

fn is_xml(kind: &str) -> bool {
    let kind = plain(kind);
    kind.ends_with("/xml") || kind.ends_with("+xml")
}
