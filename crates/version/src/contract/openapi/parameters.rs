//! Parameters of operations, those of their path included.

use std::collections::BTreeMap;

use super::{Api, Context, rules};
use crate::contract::bundle::Bundle;
use crate::contract::document::NodeId;
use crate::contract::promise::{day, promised};
use crate::contract::rule::Direction;

/// A parameter: where it is sent, and its name.
type Key = (String, String);

impl Api<'_> {
    pub(super) fn parameters(
        &mut self,
        old: (NodeId, NodeId),
        new: (NodeId, NodeId),
        renamed: &BTreeMap<String, String>,
        context: &Context,
    ) {
        let was = parameters(self.old, old);
        let is = parameters(self.new, new);
        // What is not known on one side may be what the other one has.
        if self.lost(
            (old, lost(self.old, old)),
            (new, lost(self.new, new)),
            context,
        ) {
            return;
        }
        let mut met = Vec::new();
        for (key, id) in &was {
            let mut wanted = key.clone();
            if key.0 == "path" {
                wanted.1 = renamed.get(&key.1).unwrap_or(&key.1).clone();
            }
            let what = format!("{} parameter `{}`", key.0, key.1);
            match is.get(&wanted) {
                Some(other) => {
                    self.parameter(*id, *other, &key.0, &what, context);
                    met.push(wanted);
                }
                // What the path does not name cannot be sent.
                None if key.0 == "path" => {}
                None => {
                    let date = promised(self.old, *id);
                    let over = match (date.as_deref().and_then(day), self.options.today) {
                        (Some(sunset), Some(today)) => sunset <= today,
                        _ => false,
                    };
                    let rule = if over {
                        &rules::PARAMETER_REMOVED_SUNSET
                    } else {
                        &rules::PARAMETER_REMOVED
                    };
                    self.say(rule, (*id, Some(what)), (new.1, None), "", context);
                }
            }
        }
        for (key, id) in is.iter().filter(|it| !met.contains(it.0)) {
            let what = format!("{} parameter `{}`", key.0, key.1);
            let rule = if key.0 == "path" || self.new.arena.is_true(*id, "required") {
                &rules::PARAMETER_REQUIRED_ADDED
            } else {
                &rules::PARAMETER_ADDED
            };
            self.say(rule, (old.1, None), (*id, Some(what)), "", context);
        }
    }

    /// Whether references to parameters lead nowhere on one side only, which is said.
    fn lost(
        &mut self,
        (old, was): ((NodeId, NodeId), BTreeMap<String, NodeId>),
        (new, is): ((NodeId, NodeId), BTreeMap<String, NodeId>),
        context: &Context,
    ) -> bool {
        let mut any = false;
        for (text, at) in was.iter().filter(|it| !is.contains_key(it.0)) {
            let (old, new) = ((*at, Some(text.clone())), (new.1, None));
            self.say(&rules::UNRESOLVED, old, new, "$ref", context);
            any = true;
        }
        for (text, at) in is.iter().filter(|it| !was.contains_key(it.0)) {
            let (old, new) = ((old.1, None), (*at, Some(text.clone())));
            self.say(&rules::UNRESOLVED, old, new, "$ref", context);
            any = true;
        }
        any
    }

    fn parameter(&mut self, old: NodeId, new: NodeId, place: &str, what: &str, context: &Context) {
        let required =
            |bundle: &Bundle, id| place == "path" || bundle.arena.is_true(id, "required");
        match (required(self.old, old), required(self.new, new)) {
            (false, true) => {
                self.say(
                    &rules::PARAMETER_BECAME_REQUIRED,
                    (old, None),
                    (new, None),
                    what,
                    context,
                );
            }
            (true, false) => {
                self.say(
                    &rules::PARAMETER_BECAME_OPTIONAL,
                    (old, None),
                    (new, None),
                    what,
                    context,
                );
            }
            _ => {}
        }
        let deprecated = |bundle: &Bundle, id| bundle.arena.is_true(id, "deprecated");
        if !deprecated(self.old, old) && deprecated(self.new, new) {
            self.say(
                &rules::PARAMETER_DEPRECATED,
                (old, None),
                (new, None),
                what,
                context,
            );
        }
        self.until((old, new), what, context);
        if let Some(items) = self.repeated((old, new), place) {
            // A list that is written as one parameter each begins as a single value did.
            let what = format!("parameter: {what}");
            let schema = self.old.arena.get(old, "schema");
            self.schemas(
                Direction::WeRead,
                true,
                (schema, old),
                (Some(items), new),
                &what,
                context,
            );
            return;
        }
        let ways = (
            self.encoding(self.old, old, place),
            self.encoding(self.new, new, place),
        );
        if ways.0 != ways.1 {
            self.say(
                &rules::PARAMETER_ENCODING,
                (old, Some(ways.0)),
                (new, Some(ways.1)),
                what,
                context,
            );
        }
        let what = format!("parameter: {what}");
        let contents = (
            self.old.arena.get(old, "content").is_some(),
            self.new.arena.get(new, "content").is_some(),
        );
        if contents == (true, true) {
            self.media((old, new), Direction::WeRead, &what, context);
            return;
        }
        let schemas = (
            self.old.arena.get(old, "schema"),
            self.new.arena.get(new, "schema"),
        );
        let (one, two) = ((schemas.0, old), (schemas.1, new));
        self.schemas(Direction::WeRead, true, one, two, &what, context);
    }

    /// The items of a list that took the place of a single value and is written as one parameter each.
    fn repeated(&self, (old, new): (NodeId, NodeId), place: &str) -> Option<NodeId> {
        let kind = |bundle: &Bundle, id| {
            let schema = bundle
                .arena
                .get(id, "schema")
                .and_then(|it| bundle.resolve(it).ok())?;
            Some((
                schema,
                bundle.arena.get_text(schema, "type") == Some("array"),
            ))
        };
        let (was, is) = (kind(self.old, old)?, kind(self.new, new)?);
        let exploded = self.encoding(self.new, new, place) == "form, exploded";
        let items = self.new.arena.get(is.0, "items");
        items.filter(|_| place == "query" && exploded && !was.1 && is.1)
    }

    /// How the values of a parameter are written, where that makes a difference.
    fn encoding(&self, bundle: &Bundle, id: NodeId, place: &str) -> String {
        let arena = &bundle.arena;
        if let Some(content) = arena.get(id, "content").and_then(|it| arena.object(it)) {
            let types: Vec<&str> = content.keys().map(String::as_str).collect();
            return types.join(", ");
        }
        let usual = match place {
            "query" | "cookie" => "form",
            _ => "simple",
        };
        let style = arena.get_text(id, "style").unwrap_or(usual);
        let explode = arena.get(id, "explode").and_then(|it| arena.bool(it));
        let explode = explode.unwrap_or(style == "form");
        let schema = arena
            .get(id, "schema")
            .and_then(|it| bundle.resolve(it).ok());
        let kind = schema.and_then(|it| arena.get_text(it, "type"));
        match kind {
            // A single value is written in one way, whether exploded or not.
            Some("string" | "integer" | "number" | "boolean") => style.to_owned(),
            _ if explode => format!("{style}, exploded"),
            _ => style.to_owned(),
        }
    }
}

/// The references to parameters that lead nowhere, by their texts.
fn lost(bundle: &Bundle, (item, operation): (NodeId, NodeId)) -> BTreeMap<String, NodeId> {
    let arena = &bundle.arena;
    let listed = [item, operation].into_iter().filter_map(|owner| {
        let listed = arena.get(owner, "parameters")?;
        arena.array(listed)
    });
    let lost = listed.flatten().filter(|it| bundle.resolve(**it).is_err());
    lost.filter_map(|id| Some((arena.get_text(*id, "$ref")?.to_owned(), *id)))
        .collect()
}

fn parameters(bundle: &Bundle, (item, operation): (NodeId, NodeId)) -> BTreeMap<Key, NodeId> {
    let arena = &bundle.arena;
    let mut out = BTreeMap::new();
    // What the operation says takes the place of what the path says.
    for owner in [item, operation] {
        let listed = arena
            .get(owner, "parameters")
            .and_then(|it| arena.array(it));
        for id in listed.unwrap_or_default() {
            let Ok(id) = bundle.resolve(*id) else {
                continue;
            };
            let place = arena.get_text(id, "in").unwrap_or_default().to_owned();
            let name = arena.get_text(id, "name").unwrap_or_default();
            let name = if place == "header" {
                name.to_ascii_lowercase()
            } else {
                name.to_owned()
            };
            let elsewhere = ["accept", "content-type", "authorization"];
            if place == "header" && elsewhere.contains(&name.as_str()) {
                continue;
            }
            out.insert((place, name), id);
        }
    }
    out
}
