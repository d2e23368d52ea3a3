//! OpenAPI 3.0 and 3.1: operations with their parameters, bodies, responses and security.
//!
//! Requests are what others write and we read, responses the other way round; callbacks and webhooks
//! are requests that we send, so there both are turned round.

pub(crate) mod rules;

mod bodies;
mod operations;
mod parameters;
mod security;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::bundle::Bundle;
use super::document::{NodeId, Unreadable};
use super::report::Writer;
use super::rule::{Direction, Rule, Surface};
use super::same::Same;
use super::schema::changes::Change;
use super::schema::compare::{Comparison, Manner};
use super::schema::normal::{Dialect, Parts, Schemas, anything};
use super::{Finding, Options};
use crate::Level;

/// Compares two descriptions of an API.
pub(super) fn diff(
    old: &Bundle,
    new: &Bundle,
    options: &Options<'_>,
) -> Result<Vec<Finding>, Unreadable> {
    let (was, is) = (
        Schemas::new(old, dialect(old)?),
        Schemas::new(new, dialect(new)?),
    );
    let manner = Manner {
        surface: Surface::OpenApi,
        unlisted: false,
        textual: false,
        one_way: true,
    };
    let textual = Manner {
        textual: true,
        ..manner
    };
    let same = Rc::new(RefCell::new(Same::new(old, new)));
    let mut api = Api {
        old,
        new,
        bodies: Comparison::new(&was, &is, manner, &same),
        texts: Comparison::new(&was, &is, textual, &same),
        options,
        writer: Writer::new(old, new),
    };
    api.paths();
    api.webhooks();
    api.servers();
    api.schemes();
    Ok(api.writer.finish())
}

fn dialect(bundle: &Bundle) -> Result<Dialect, Unreadable> {
    let arena = &bundle.arena;
    let wrong = |reason: &str| Unreadable::OtherKind {
        file: arena.file(bundle.root).to_owned(),
        wanted: "OpenAPI description",
        reason: reason.to_owned(),
    };
    if arena.object(bundle.root).is_none() {
        return Err(wrong("it is no mapping"));
    }
    let version = arena.get(bundle.root, "openapi");
    let version = version.map(|it| {
        arena
            .text(it)
            .map_or_else(|| arena.short(it), str::to_owned)
    });
    match version.as_deref() {
        Some(version) if version.starts_with("3.0") => Ok(Dialect {
            siblings: false,
            nullable: true,
        }),
        // `nullable` is no keyword of 3.1, and is written there all the same.
        Some(version) if version.starts_with("3.") => Ok(Dialect {
            siblings: true,
            nullable: true,
        }),
        Some(_) => Err(wrong("`openapi` is no 3.0 or 3.1")),
        None => Err(wrong("it has no `openapi`")),
    }
}

/// Two descriptions under comparison.
struct Api<'a> {
    old: &'a Bundle,
    new: &'a Bundle,
    bodies: Comparison<'a>,
    /// For what is written as text: parameters and headers.
    texts: Comparison<'a>,
    options: &'a Options<'a>,
    writer: Writer<'a>,
}

/// Where in an API something is compared.
#[derive(Debug, Clone)]
struct Context {
    /// As people say it: `GET /pets`.
    name: String,
    /// Who reads requests.
    requests: Direction,
    /// The highest level that counts here.
    most: Level,
}

impl Context {
    fn responses(&self) -> Direction {
        match self.requests {
            Direction::WeRead => Direction::OthersRead,
            _ => Direction::WeRead,
        }
    }
}

impl Api<'_> {
    /// A finding about something that stands on both sides.
    fn say(
        &mut self,
        rule: &'static Rule,
        (old, old_text): (NodeId, Option<String>),
        (new, new_text): (NodeId, Option<String>),
        subject: &str,
        context: &Context,
    ) {
        let subject = if subject.is_empty() {
            String::new()
        } else {
            format!(" (`{subject}`)")
        };
        let what = format!("{}: {}{subject}", context.name, rule.line);
        self.writer
            .add(rule, (old, old_text), (new, new_text), &what, context.most);
    }

    /// Compares two schemas, each where it stands or, where there is none, what it would belong to.
    fn schemas(
        &mut self,
        direction: Direction,
        textual: bool,
        (old, old_at): (Option<NodeId>, NodeId),
        (new, new_at): (Option<NodeId>, NodeId),
        what: &str,
        context: &Context,
    ) {
        let parts = |it: Option<NodeId>, schemas: &Schemas<'_>| -> Parts {
            it.map_or_else(anything, |it| schemas.parts(it))
        };
        let comparison = if textual {
            &mut self.texts
        } else {
            &mut self.bodies
        };
        let (one, two) = (parts(old, comparison.old), parts(new, comparison.new));
        let places = (old.unwrap_or(old_at), new.unwrap_or(new_at));
        let found = comparison.run(direction, (&one, places.0), (&two, places.1));
        let name = format!("{} {what}", context.name);
        for raw in found.iter() {
            if what.starts_with("parameter") && raw.change == Change::DefaultChanged {
                let sides = (
                    (raw.old, raw.old_text.clone()),
                    (raw.new, raw.new_text.clone()),
                );
                self.say(&rules::PARAMETER_DEFAULT, sides.0, sides.1, what, context);
                continue;
            }
            self.writer
                .schema(raw, Surface::OpenApi, direction, &name, context.most);
        }
    }

    /// What two references lead to. Where one leads nowhere, that is the finding, unless the same
    /// reference stood there before.
    fn resolved(
        &mut self,
        old: NodeId,
        new: NodeId,
        context: &Context,
    ) -> Option<(NodeId, NodeId)> {
        let found = (self.old.resolve(old), self.new.resolve(new));
        if let (Ok(old), Ok(new)) = found {
            return Some((old, new));
        }
        let texts = (
            self.old.arena.get_text(old, "$ref").map(str::to_owned),
            self.new.arena.get_text(new, "$ref").map(str::to_owned),
        );
        if texts.0 != texts.1 {
            self.say(
                &rules::UNRESOLVED,
                (old, texts.0),
                (new, texts.1),
                "$ref",
                context,
            );
        }
        None
    }
}

/// The members of a member, resolved no further.
fn members(bundle: &Bundle, id: NodeId, key: &str) -> BTreeMap<String, NodeId> {
    let found = bundle.arena.get(id, key);
    let found = found.and_then(|it| bundle.resolve(it).ok());
    let found = found.and_then(|it| bundle.arena.object(it));
    let listed = found.into_iter().flatten();
    listed
        .filter(|(key, _)| !key.starts_with("x-"))
        .map(|(key, it)| (key.clone(), *it))
        .collect()
}
