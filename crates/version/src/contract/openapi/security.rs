//! Who may call: requirements, schemes, and the addresses of the API.

use std::collections::{BTreeMap, BTreeSet};

use super::{Api, Context, members, rules};
use crate::Level;
use crate::contract::bundle::Bundle;
use crate::contract::document::NodeId;
use crate::contract::rule::Direction;

/// One way to authenticate: schemes with the scopes that each needs.
type Way = BTreeMap<String, BTreeSet<String>>;

impl Api<'_> {
    pub(super) fn security(&mut self, old: NodeId, new: NodeId, context: &Context) {
        let (was, is) = (ways(self.old, old), ways(self.new, new));
        let suffices = |have: &Way, ways: &[Way]| {
            ways.iter().any(|way| {
                way.iter()
                    .all(|(scheme, scopes)| have.get(scheme).is_some_and(|it| scopes.is_subset(it)))
            })
        };
        let text = |ways: &[Way]| {
            let ways: Vec<String> = ways.iter().map(shown).collect();
            Some(ways.join(" or "))
        };
        let place = |bundle: &Bundle, id| bundle.arena.get(id, "security").unwrap_or(id);
        let places = (place(self.old, old), place(self.new, new));
        let (one, two) = ((places.0, text(&was)), (places.1, text(&is)));
        if was.iter().any(|it| !suffices(it, &is)) {
            self.say(&rules::SECURITY_TIGHTENED, one, two, "security", context);
        } else if is.iter().any(|it| !suffices(it, &was)) {
            self.say(&rules::SECURITY_LOOSENED, one, two, "security", context);
        }
    }

    pub(super) fn schemes(&mut self) {
        let context = Context {
            name: "security schemes".to_owned(),
            requests: Direction::WeRead,
            most: Level::Major,
        };
        let schemes = |bundle: &Bundle| {
            let components = bundle.arena.get(bundle.root, "components");
            components.map_or_else(BTreeMap::new, |it| members(bundle, it, "securitySchemes"))
        };
        let (was, is) = (schemes(self.old), schemes(self.new));
        for (name, old) in &was {
            // One that is gone is said by the operations that demanded it.
            let Some(new) = is.get(name) else { continue };
            let Some((old, new)) = self.resolved(*old, *new, &context) else {
                continue;
            };
            let text = |bundle: &Bundle, id: NodeId| {
                let keys = ["type", "name", "in", "scheme"];
                let parts = keys.map(|it| bundle.arena.get_text(id, it).unwrap_or_default());
                let parts = parts.into_iter().filter(|it| !it.is_empty());
                parts.collect::<Vec<_>>().join(" ")
            };
            let texts = (text(self.old, old), text(self.new, new));
            if texts.0 != texts.1 {
                let (old, new) = ((old, Some(texts.0)), (new, Some(texts.1)));
                self.say(&rules::SCHEME_CHANGED, old, new, name, &context);
            }
        }
    }

    pub(super) fn servers(&mut self) {
        let context = Context {
            name: "servers".to_owned(),
            requests: Direction::WeRead,
            most: Level::Major,
        };
        let servers = |bundle: &Bundle| -> BTreeMap<String, NodeId> {
            let arena = &bundle.arena;
            let listed = arena
                .get(bundle.root, "servers")
                .and_then(|it| arena.array(it));
            let listed = listed.unwrap_or_default().iter();
            let with = listed.filter_map(|it| Some((arena.get_text(*it, "url")?, *it)));
            with.map(|(url, it)| (url.trim_end_matches('/').to_owned(), it))
                .collect()
        };
        let (was, is) = (servers(self.old), servers(self.new));
        let roots = (self.old.root, self.new.root);
        if was.is_empty() {
            return;
        }
        for (url, id) in was.iter().filter(|it| !is.contains_key(it.0)) {
            let old = (*id, Some(url.clone()));
            self.say(&rules::SERVER_REMOVED, old, (roots.1, None), "", &context);
        }
        for (url, id) in is.iter().filter(|it| !was.contains_key(it.0)) {
            let new = (*id, Some(url.clone()));
            self.say(&rules::SERVER_ADDED, (roots.0, None), new, "", &context);
        }
    }
}

/// The ways to call an operation; one that demands nothing where nothing is demanded.
fn ways(bundle: &Bundle, operation: NodeId) -> Vec<Way> {
    let arena = &bundle.arena;
    let listed = arena
        .get(operation, "security")
        .or_else(|| arena.get(bundle.root, "security"));
    let listed = listed.and_then(|it| arena.array(it)).unwrap_or_default();
    let way = |id: &NodeId| -> Way {
        let schemes = arena.object(*id).into_iter().flatten();
        schemes
            .map(|(scheme, scopes)| {
                let scopes = arena.array(*scopes).unwrap_or_default().iter();
                let scopes = scopes.filter_map(|it| arena.text(*it)).map(str::to_owned);
                (scheme.clone(), scopes.collect())
            })
            .collect()
    };
    if listed.is_empty() {
        return vec![Way::new()];
    }
    listed.iter().map(way).collect()
}

fn shown(way: &Way) -> String {
    if way.is_empty() {
        return "nothing".to_owned();
    }
    let parts = way.iter().map(|(scheme, scopes)| {
        if scopes.is_empty() {
            return scheme.clone();
        }
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        format!("{scheme} ({})", scopes.join(", "))
    });
    parts.collect::<Vec<_>>().join(" and ")
}
