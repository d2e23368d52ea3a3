//! Maps whose copies share what neither of them changed, so that the schema before each of ten
//! thousand migrations can be kept at the price of what that migration does.

use std::borrow::Borrow;
use std::fmt::{self, Debug};
use std::hash::{BuildHasherDefault, Hash};
use std::ops::Index;

use rpds::HashTrieMapSync;
use rustc_hash::FxHasher;

/// A map that finds by hash, so that a look-up does not compare its way down a tree, and shows its
/// entries by key. A copy takes constant time; a change afterwards, that of the path to it.
#[derive(Clone)]
pub struct Map<K: Hash + Eq, V>(HashTrieMapSync<K, V, BuildHasherDefault<FxHasher>>);

impl<K: Hash + Eq, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(HashTrieMapSync::new_with_hasher_and_ptr_kind(
            BuildHasherDefault::default(),
        ))
    }
}

impl<K: Hash + Eq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Hash + Eq, V: Eq> Eq for Map<K, V> {}

impl<K: Hash + Ord + Debug, V: Debug> Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Hash + Eq, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let mut map = Self::default();
        for (key, value) in all {
            map.0.insert_mut(key, value);
        }
        map
    }
}

/// The value of a key that must be there.
///
/// # Panics
/// If it is not.
impl<K: Hash + Eq, V> Index<&K> for Map<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        &self.0[key]
    }
}

/// A key, and what each of two maps has under it.
pub type Unlike<'a, K, V> = (&'a K, Option<&'a V>, Option<&'a V>);

impl<K: Hash + Eq, V> Map<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// The key as it is here, and its value.
    pub fn get_key_value<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.0.get_key_value(key)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// The entries in an order that means nothing, for those who look for few of them.
    pub fn unsorted(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }
}

impl<K: Hash + Ord, V> Map<K, V> {
    /// The entries by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries_where(|_, _| true).into_iter()
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries that are meant, by key. Only these are sorted.
    pub fn entries_where(&self, meant: impl Fn(&K, &V) -> bool) -> Vec<(&K, &V)> {
        let all = self.unsorted();
        let mut all: Vec<_> = all.filter(|(key, value)| meant(key, value)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Where `other` is not as this one, by key: what this one has and what the other has.
    pub fn unlike<'a>(&'a self, other: &'a Self) -> Vec<Unlike<'a, K, V>>
    where
        V: PartialEq,
    {
        let missing = |key: &K| !self.contains_key(key);
        let new = other.unsorted().filter(|(key, _)| missing(key));
        let mut all: Vec<_> = self
            .unsorted()
            .map(|(key, value)| (key, Some(value), other.get(key)))
            .filter(|(_, mine, theirs)| mine != theirs)
            .chain(new.map(|(key, value)| (key, None, Some(value))))
            .collect();
        all.sort_unstable_by_key(|(key, ..)| *key);
        all
    }
}

impl<K: Hash + Ord + Clone, V: Clone> Map<K, V> {
    /// The value of a key, to be changed.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        self.0.insert_mut(key, value);
    }

    /// Takes an entry out.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.0.get(key)?.clone();
        self.0.remove_mut(key);
        Some(value)
    }

    /// Takes out every entry but those that are wanted.
    pub fn retain(&mut self, wanted: impl Fn(&K, &V) -> bool) {
        for key in self.keys_where(|key, value| !wanted(key, value)) {
            self.0.remove_mut(&key);
        }
    }

    /// Changes the values of the entries that are meant, by key.
    pub fn change_where(&mut self, meant: impl Fn(&V) -> bool, mut change: impl FnMut(&mut V)) {
        for key in self.keys_where(|_, value| meant(value)) {
            if let Some(value) = self.0.get_mut(&key) {
                change(value);
            }
        }
    }

    /// The keys of the entries that are meant, in their order.
    pub fn keys_where(&self, meant: impl Fn(&K, &V) -> bool) -> Vec<K> {
        let all = self.entries_where(meant).into_iter();
        all.map(|(key, _)| key.clone()).collect()
    }
}
