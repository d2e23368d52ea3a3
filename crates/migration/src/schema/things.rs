//! Named things that mention other names, such as tables with foreign keys, kept so that whatever
//! mentions a name is found without a look at all of them.

use std::borrow::Borrow;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher as _};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use rpds::RedBlackTreeSetSync;
use rustc_hash::FxHasher;

use super::map::Map;
use crate::sql::ir::Name;

/// Something that mentions other things by their full names.
pub trait Mentions {
    /// What it mentions, its parents included; some may come twice.
    fn mentions(&self) -> impl Iterator<Item = &Name>;

    /// What it is a part or a child of.
    fn parents(&self) -> impl Iterator<Item = &Name>;
}

/// Where temporary things lie.
pub(super) const TEMPORARY: &str = "pg_temp";

/// What is named, and who stands in a relation to it, by name.
type Links = Map<Name, RedBlackTreeSetSync<Name>>;

/// Things by full name. A copy takes constant time.
#[derive(Clone)]
pub struct Things<T> {
    all: Map<Name, Arc<T>>,
    /// What is mentioned and who mentions it. It is not cleared when that ends: whoever reads it
    /// looks at the thing itself.
    mentioned: Links,
    /// The same of parents alone, which are asked for with every statement.
    children: Links,
    /// Whether anything was ever put into [`TEMPORARY`].
    temporary: bool,
}

impl<T> Default for Things<T> {
    fn default() -> Self {
        Self {
            all: Map::default(),
            mentioned: Links::default(),
            children: Links::default(),
            temporary: false,
        }
    }
}

/// Two are the same that have the same things, however they came to be.
impl<T: PartialEq> PartialEq for Things<T> {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl<T: Eq> Eq for Things<T> {}

impl<T: Debug> Debug for Things<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.fmt(f)
    }
}

impl<T: Mentions + Clone> FromIterator<(Name, Arc<T>)> for Things<T> {
    fn from_iter<I: IntoIterator<Item = (Name, Arc<T>)>>(all: I) -> Self {
        let mut things = Self::default();
        for (name, thing) in all {
            things.insert(name, thing);
        }
        things
    }
}

/// Reading is that of a map.
impl<T> Deref for Things<T> {
    type Target = Map<Name, Arc<T>>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl<T: Mentions + Clone> Things<T> {
    /// What may mention a name, by its own; each is to be looked at, for it may have ended.
    pub fn around<'a>(&'a self, name: &Name) -> impl Iterator<Item = (&'a Name, &'a Arc<T>)> {
        self.linked(&self.mentioned, name)
    }

    /// What may be a part or a child of something, by name; each is to be looked at as well.
    pub fn below<'a>(&'a self, name: &Name) -> impl Iterator<Item = (&'a Name, &'a Arc<T>)> {
        self.linked(&self.children, name)
    }

    fn linked<'a>(
        &'a self,
        links: &'a Links,
        name: &Name,
    ) -> impl Iterator<Item = (&'a Name, &'a Arc<T>)> {
        let by = links.get(name).into_iter().flat_map(|it| it.iter());
        by.filter_map(|by| self.all.get_key_value(by))
    }

    /// Puts a thing in, over one with the same name.
    pub fn insert(&mut self, name: Name, thing: Arc<T>) {
        for to in thing.mentions() {
            note(&mut self.mentioned, to, &name);
        }
        for to in thing.parents() {
            note(&mut self.children, to, &name);
        }
        self.temporary |= name.schema.as_deref() == Some(TEMPORARY);
        self.all.insert(name, thing);
    }

    /// Whether there may be something temporary, which is found before all others.
    pub fn may_have_temporary(&self) -> bool {
        self.temporary
    }

    /// Takes a thing out.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, name: &Q) -> Option<Arc<T>>
    where
        Name: Borrow<Q>,
    {
        self.all.remove(name)
    }

    /// Takes out everything but what is wanted.
    pub fn retain(&mut self, wanted: impl Fn(&Name, &T) -> bool) {
        self.all.retain(|name, thing| wanted(name, thing));
    }

    /// A thing, to be changed.
    pub fn edit(&mut self, name: &Name) -> Option<Edit<'_, T>> {
        let thing = self.all.get_mut(name)?;
        Some(Edit {
            name: name.clone(),
            before: Marks::of(thing.as_ref()),
            thing,
            mentioned: &mut self.mentioned,
            children: &mut self.children,
        })
    }

    /// Changes the things that are meant.
    pub fn change_where(&mut self, meant: impl Fn(&T) -> bool, change: impl FnMut(&mut T)) {
        let all = self.all.unsorted().filter(|(_, thing)| meant(thing));
        let mut names: Vec<Name> = all.map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        self.change(names, change);
    }

    /// Changes the things that mention a name and are meant.
    pub fn change_around(
        &mut self,
        name: &Name,
        meant: impl Fn(&T) -> bool,
        change: impl FnMut(&mut T),
    ) {
        let all = self.around(name).filter(|(_, thing)| meant(thing));
        self.change(all.map(|(name, _)| name.clone()).collect(), change);
    }

    fn change(&mut self, names: Vec<Name>, mut change: impl FnMut(&mut T)) {
        for name in names {
            if let Some(mut thing) = self.edit(&name) {
                change(&mut thing);
            }
        }
    }
}

/// Notes in `links` that `by` stands in a relation to a name.
fn note(links: &mut Links, name: &Name, by: &Name) {
    if links.get(name).is_some_and(|all| all.contains(by)) {
        return;
    }
    if !links.contains_key(name) {
        links.insert(name.clone(), RedBlackTreeSetSync::new_sync());
    }
    if let Some(all) = links.get_mut(name) {
        all.insert_mut(by.clone());
    }
}

/// Marks of what something mentions and of its parents, each sorted.
struct Marks {
    mentions: Vec<u64>,
    parents: Vec<u64>,
}

impl Marks {
    fn of<T: Mentions>(thing: &T) -> Self {
        let sorted = |mut marks: Vec<u64>| {
            marks.sort_unstable();
            marks
        };
        Self {
            mentions: sorted(thing.mentions().map(mark).collect()),
            parents: sorted(thing.parents().map(mark).collect()),
        }
    }
}

fn mark(name: &Name) -> u64 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
}

/// A thing that is being changed. When this ends, what it mentions is known.
pub struct Edit<'a, T: Mentions + Clone> {
    name: Name,
    /// What it mentioned before, which is noted already: a table may have hundreds of foreign keys.
    before: Marks,
    thing: &'a mut Arc<T>,
    mentioned: &'a mut Links,
    children: &'a mut Links,
}

impl<T: Mentions + Clone> Deref for Edit<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.thing
    }
}

impl<T: Mentions + Clone> DerefMut for Edit<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(self.thing)
    }
}

impl<T: Mentions + Clone> Drop for Edit<'_, T> {
    fn drop(&mut self) {
        let thing = self.thing.as_ref();
        let new = |before: &[u64], name: &Name| before.binary_search(&mark(name)).is_err();
        for to in thing.mentions() {
            if new(&self.before.mentions, to) {
                note(self.mentioned, to, &self.name);
            }
        }
        for to in thing.parents() {
            if new(&self.before.parents, to) {
                note(self.children, to, &self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Named(Vec<Name>);

    impl Mentions for Named {
        fn mentions(&self) -> impl Iterator<Item = &Name> {
            self.0.iter()
        }

        fn parents(&self) -> impl Iterator<Item = &Name> {
            self.0.first().into_iter()
        }
    }

    #[derive(Debug, Clone)]
    enum Act {
        Insert(u8, Vec<u8>),
        Remove(u8),
        Edit(u8, u8),
        Forget(u8),
        ChangeAround(u8, u8),
    }

    fn name(number: u8) -> Name {
        Name::qualified("public", format!("t{number}"))
    }

    fn act() -> impl Strategy<Value = Act> {
        let one = 0..6_u8;
        prop_oneof![
            (one.clone(), prop::collection::vec(0..6_u8, 0..3))
                .prop_map(|(a, b)| Act::Insert(a, b)),
            one.clone().prop_map(Act::Remove),
            (one.clone(), one.clone()).prop_map(|(a, b)| Act::Edit(a, b)),
            one.clone().prop_map(Act::Forget),
            (one.clone(), one).prop_map(|(a, b)| Act::ChangeAround(a, b)),
        ]
    }

    proptest! {
        /// It is a map, copies are left alone, and nobody who mentions a name is missed.
        #[test]
        fn it_is_a_map_that_knows_who_mentions_whom(acts in prop::collection::vec(act(), 0..40)) {
            let mut things: Things<Named> = Things::default();
            let mut model: BTreeMap<Name, Named> = BTreeMap::new();
            for act in acts {
                let (copy, before) = (things.clone(), model.clone());
                match act {
                    Act::Insert(a, of) => {
                        let thing = Named(of.into_iter().map(name).collect());
                        model.insert(name(a), thing.clone());
                        things.insert(name(a), Arc::new(thing));
                    }
                    Act::Remove(a) => {
                        let removed = things.remove(&name(a)).map(|it| it.as_ref().clone());
                        prop_assert_eq!(removed, model.remove(&name(a)));
                    }
                    Act::Edit(a, b) => {
                        if let Some(mut thing) = things.edit(&name(a)) {
                            thing.0.push(name(b));
                        }
                        if let Some(thing) = model.get_mut(&name(a)) {
                            thing.0.push(name(b));
                        }
                    }
                    Act::Forget(a) => {
                        things.retain(|_, it| !it.0.contains(&name(a)));
                        model.retain(|_, it| !it.0.contains(&name(a)));
                    }
                    Act::ChangeAround(a, b) => {
                        let meant = |it: &Named| it.0.contains(&name(a));
                        things.change_around(&name(a), meant, |it| it.0 = vec![name(b)]);
                        for it in model.values_mut().filter(|it| meant(it)) {
                            it.0 = vec![name(b)];
                        }
                    }
                }
                let all = |things: &Things<Named>| -> Vec<(Name, Named)> {
                    let all = things.iter();
                    all.map(|(name, it)| (name.clone(), it.as_ref().clone())).collect()
                };
                prop_assert_eq!(all(&things), model.clone().into_iter().collect::<Vec<_>>());
                prop_assert_eq!(all(&copy), before.into_iter().collect::<Vec<_>>());
                for number in 0..6 {
                    let wanted = name(number);
                    let found: Vec<&Name> = things
                        .around(&wanted)
                        .filter(|(_, it)| it.0.contains(&wanted))
                        .map(|(name, _)| name)
                        .collect();
                    let right: Vec<&Name> = model
                        .iter()
                        .filter(|(_, it)| it.0.contains(&wanted))
                        .map(|(name, _)| name)
                        .collect();
                    prop_assert_eq!(found, right);
                    let found: Vec<&Name> = things
                        .below(&wanted)
                        .filter(|(_, it)| it.0.first() == Some(&wanted))
                        .map(|(name, _)| name)
                        .collect();
                    let right: Vec<&Name> = model
                        .iter()
                        .filter(|(_, it)| it.0.first() == Some(&wanted))
                        .map(|(name, _)| name)
                        .collect();
                    prop_assert_eq!(found, right);
                }
            }
        }
    }
}
