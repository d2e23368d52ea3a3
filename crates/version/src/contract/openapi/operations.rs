//! Paths and operations: which are there, how stable they are, and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Api, Context, members, rules};
use crate::Level;
use crate::contract::Stability;
use crate::contract::bundle::Bundle;
use crate::contract::document::NodeId;
use crate::contract::promise::{self, Moved};
use crate::contract::rule::{Direction, Rule};

const METHODS: [&str; 9] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace", "query",
];

/// An operation where it stands.
#[derive(Debug, Clone)]
struct Operation {
    path: String,
    item: NodeId,
    id: NodeId,
}

impl Api<'_> {
    pub(super) fn paths(&mut self) {
        let mut was = operations(self.old, "paths");
        let mut is = operations(self.new, "paths");
        let unread = self.unread();
        was.retain(|key, _| !unread.contains(&key.0));
        is.retain(|key, _| !unread.contains(&key.0));
        for (key, old) in &was {
            let name = format!("{} {}", key.1.to_uppercase(), old.path);
            let stability = self.stability(self.old, old);
            let mut context = Context {
                name,
                requests: Direction::WeRead,
                most: stability.most(),
            };
            let Some(new) = is.get(key) else {
                self.removed(old, &context);
                continue;
            };
            let after = self.stability(self.new, new);
            let text = |it: Stability| Some(it.word().to_owned());
            let words = (unknown(self.old, old), unknown(self.new, new));
            if after < stability {
                let was = words.0.or(text(stability));
                let (old, new) = ((old.id, was), (new.id, text(after)));
                self.say(&rules::STABILITY_LOWERED, old, new, "", &context);
            } else if words.0 != words.1 {
                // Whether that is more or less than before is known to nobody.
                let (old, new) = ((old.id, words.0), (new.id, words.1));
                self.say(&rules::STABILITY_UNKNOWN, old, new, "", &context);
            } else if after > stability {
                let (old, new) = ((old.id, text(stability)), (new.id, text(after)));
                context.most = Level::Minor;
                self.say(&rules::STABILITY_RAISED, old, new, "", &context);
                context.most = stability.most();
            }
            let renamed = renamed(&old.path, &new.path);
            self.operation((old.item, old.id), (new.item, new.id), &renamed, &context);
        }
        for (key, new) in &is {
            if was.contains_key(key) {
                continue;
            }
            let context = Context {
                name: format!("{} {}", key.1.to_uppercase(), new.path),
                requests: Direction::WeRead,
                most: self.stability(self.new, new).most(),
            };
            let place = self
                .old
                .arena
                .get(self.old.root, "paths")
                .unwrap_or(self.old.root);
            let text = Some(context.name.clone());
            self.say(
                &rules::OPERATION_ADDED,
                (place, None),
                (new.id, text),
                "",
                &context,
            );
        }
    }

    /// The paths whose reference leads nowhere on a side, without the names of their parameters. Where
    /// it is the same on both, it may have changed, but not here; otherwise it is said.
    fn unread(&mut self) -> BTreeSet<String> {
        let (was, is) = (items(self.old), items(self.new));
        let paths: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        let mut unread = BTreeSet::new();
        for path in paths {
            let lost = |bundle: &Bundle, item: Option<&(String, NodeId)>| {
                let id = item?.1;
                bundle.resolve(id).is_err().then_some(())?;
                bundle.arena.get_text(id, "$ref").map(str::to_owned)
            };
            let (one, two) = (was.get(path), is.get(path));
            let texts = (lost(self.old, one), lost(self.new, two));
            if texts == (None, None) {
                continue;
            }
            unread.insert(path.clone());
            if texts.0 == texts.1 {
                continue;
            }
            let top = |bundle: &Bundle| {
                bundle
                    .arena
                    .get(bundle.root, "paths")
                    .unwrap_or(bundle.root)
            };
            let old = one.map_or_else(|| top(self.old), |it| it.1);
            let new = two.map_or_else(|| top(self.new), |it| it.1);
            let context = Context {
                name: two.or(one).map(|it| it.0.clone()).unwrap_or_default(),
                requests: Direction::WeRead,
                most: Level::Major,
            };
            let (old, new) = ((old, texts.0), (new, texts.1));
            self.say(&rules::UNRESOLVED, old, new, "$ref", &context);
        }
        unread
    }

    fn removed(&mut self, old: &Operation, context: &Context) {
        let arena = &self.old.arena;
        let sunset = promise::sunset(arena, old.id);
        let rule = if !arena.is_true(old.id, "deprecated") {
            &rules::OPERATION_REMOVED
        } else {
            match (sunset.as_deref().map(promise::day), self.options.today) {
                (None, _) => &rules::OPERATION_REMOVED_DEPRECATED,
                (Some(Some(sunset)), Some(today)) if sunset <= today => {
                    &rules::OPERATION_REMOVED_SUNSET
                }
                _ => &rules::OPERATION_REMOVED_EARLY,
            }
        };
        let place = self
            .new
            .arena
            .get(self.new.root, "paths")
            .unwrap_or(self.new.root);
        let text = Some(match &sunset {
            Some(date) => format!("{} until {date}", context.name),
            None => context.name.clone(),
        });
        self.say(rule, (old.id, text), (place, None), "", context);
    }

    pub(super) fn operation(
        &mut self,
        old: (NodeId, NodeId),
        new: (NodeId, NodeId),
        renamed: &BTreeMap<String, String>,
        context: &Context,
    ) {
        self.life(old.1, new.1, context);
        if context.requests == Direction::WeRead {
            self.parameters(old, new, renamed, context);
            self.security(old.1, new.1, context);
        }
        self.request(old.1, new.1, context);
        self.responses(old.1, new.1, context);
        self.callbacks(old.1, new.1, context);
    }

    /// Deprecation, its date, and the name.
    fn life(&mut self, old: NodeId, new: NodeId, context: &Context) {
        let deprecated = (
            self.old.arena.is_true(old, "deprecated"),
            self.new.arena.is_true(new, "deprecated"),
        );
        match deprecated {
            (false, true) => self.say(
                &rules::OPERATION_DEPRECATED,
                (old, None),
                (new, None),
                "",
                context,
            ),
            (true, false) => self.say(
                &rules::OPERATION_REVIVED,
                (old, None),
                (new, None),
                "",
                context,
            ),
            _ => {}
        }
        self.until((old, new), "x-sunset", context);
        let ids = (
            self.old
                .arena
                .get_text(old, "operationId")
                .map(str::to_owned),
            self.new
                .arena
                .get_text(new, "operationId")
                .map(str::to_owned),
        );
        if ids.0.is_some() && ids.0 != ids.1 {
            self.say(
                &rules::OPERATION_RENAMED,
                (old, ids.0),
                (new, ids.1),
                "operationId",
                context,
            );
        }
    }

    /// Until when something deprecated stays.
    pub(super) fn until(&mut self, (old, new): (NodeId, NodeId), what: &str, context: &Context) {
        if !self.new.arena.is_true(new, "deprecated") {
            return;
        }
        let dates = (
            promise::promised(self.old, old),
            promise::promised(self.new, new),
        );
        let rule: &'static Rule = match promise::moved(dates.0.as_deref(), dates.1.as_deref()) {
            None => return,
            Some(Moved::Sooner) => &rules::SUNSET_SOONER,
            Some(Moved::Removed) => &rules::SUNSET_REMOVED,
            Some(Moved::Unreadable) => &rules::SUNSET_UNREADABLE,
        };
        self.say(rule, (old, dates.0), (new, dates.1), what, context);
    }

    fn callbacks(&mut self, old: NodeId, new: NodeId, context: &Context) {
        let was = callbacks(self.old, old);
        let is = callbacks(self.new, new);
        self.sent(was, is, (old, new), context);
    }

    pub(super) fn webhooks(&mut self) {
        let flat = |bundle: &Bundle| {
            let found = operations(bundle, "webhooks").into_iter();
            found
                .map(|(key, it)| (format!("{} {}", key.1, it.path), it))
                .collect()
        };
        let context = Context {
            name: "webhooks".to_owned(),
            requests: Direction::WeRead,
            most: Level::Major,
        };
        let places = (self.old.root, self.new.root);
        self.sent(flat(self.old), flat(self.new), places, &context);
    }

    /// Requests that we send: who reads is turned round.
    fn sent(
        &mut self,
        was: BTreeMap<String, Operation>,
        is: BTreeMap<String, Operation>,
        places: (NodeId, NodeId),
        context: &Context,
    ) {
        for (key, old) in &was {
            let inner = Context {
                name: format!("{}, sent {key}", context.name),
                requests: context.responses(),
                most: context.most,
            };
            match is.get(key) {
                Some(new) => {
                    let (old, new) = ((old.item, old.id), (new.item, new.id));
                    self.operation(old, new, &BTreeMap::new(), &inner);
                }
                None => {
                    let old = (old.id, Some(key.clone()));
                    self.say(&rules::CALLBACK_REMOVED, old, (places.1, None), "", &inner);
                }
            }
        }
        for (key, new) in is.iter().filter(|it| !was.contains_key(it.0)) {
            let new = (new.id, Some(key.clone()));
            self.say(&rules::CALLBACK_ADDED, (places.0, None), new, "", context);
        }
    }

    fn stability(&self, bundle: &Bundle, operation: &Operation) -> Stability {
        let arena = &bundle.arena;
        for id in [operation.id, operation.item] {
            if arena.is_true(id, "x-internal") {
                return Stability::Internal;
            }
            if let Some(Ok(stability)) = promise::stability(arena, id) {
                return stability;
            }
        }
        let named = self.options.stability.iter();
        let named = named.filter(|(start, _)| operation.path.starts_with(start.as_str()));
        let longest = named.max_by_key(|(start, _)| start.len());
        longest.map_or(Stability::Stable, |(_, it)| *it)
    }
}

/// What stands as the stability of an operation and is no level.
fn unknown(bundle: &Bundle, operation: &Operation) -> Option<String> {
    let places = [operation.id, operation.item].into_iter();
    let mut stands = places.filter_map(|it| promise::stability(&bundle.arena, it));
    stands.next()?.err()
}

/// Items of paths as they stand, with their paths, by their paths without the names of parameters.
fn items(bundle: &Bundle) -> BTreeMap<String, (String, NodeId)> {
    let all = members(bundle, bundle.root, "paths").into_iter();
    all.map(|(path, item)| (template(&path).0, (path, item)))
        .collect()
}

/// Operations by path, without the names of parameters, and method.
fn operations(bundle: &Bundle, key: &str) -> BTreeMap<(String, &'static str), Operation> {
    let mut out = BTreeMap::new();
    for (path, item) in members(bundle, bundle.root, key) {
        let Ok(item) = bundle.resolve(item) else {
            continue;
        };
        for method in METHODS {
            if let Some(id) = bundle.arena.get(item, method) {
                let operation = Operation {
                    path: path.clone(),
                    item,
                    id,
                };
                out.insert((template(&path).0, method), operation);
            }
        }
    }
    out
}

fn callbacks(bundle: &Bundle, operation: NodeId) -> BTreeMap<String, Operation> {
    let mut out = BTreeMap::new();
    for (name, callback) in members(bundle, operation, "callbacks") {
        let Ok(callback) = bundle.resolve(callback) else {
            continue;
        };
        for (path, item) in bundle.arena.object(callback).into_iter().flatten() {
            let Ok(item) = bundle.resolve(*item) else {
                continue;
            };
            for method in METHODS {
                if let Some(id) = bundle.arena.get(item, method) {
                    let path = path.clone();
                    out.insert(
                        format!("{name} {method} {path}"),
                        Operation { path, item, id },
                    );
                }
            }
        }
    }
    out
}

/// A path without the names of its parameters, and these.
fn template(path: &str) -> (String, Vec<String>) {
    let mut out = String::new();
    let mut names = Vec::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        out.push_str("{}");
        names.push(name.to_owned());
        rest = after;
    }
    out.push_str(rest);
    (out, names)
}

/// New names of the parameters of a path by their old ones.
fn renamed(old: &str, new: &str) -> BTreeMap<String, String> {
    template(old).1.into_iter().zip(template(new).1).collect()
}
