//! Maps whose copies share what neither of them changed, so that the schema before each of ten
//! thousand migrations can be kept at the price of what that migration does.

use std::borrow::Borrow;
use std::fmt::{self, Debug};
use std::ops::{Index, RangeBounds};

use rpds::RedBlackTreeMapSync;

/// A sorted map. A copy takes constant time; a change afterwards, that of the path to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Map<K: Ord, V>(RedBlackTreeMapSync<K, V>);

impl<K: Ord, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(RedBlackTreeMapSync::new_sync())
    }
}

impl<K: Ord + Debug, V: Debug> Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
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
impl<K: Ord, V> Index<&K> for Map<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        &self.0[key]
    }
}

impl<K: Ord, V> Map<K, V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// The key as it is here, and its value.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.0.get_key_value(key)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// The entries by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }

    /// The entries whose keys are in a range, by key.
    pub fn range(&self, range: impl RangeBounds<K>) -> impl Iterator<Item = (&K, &V)> {
        self.0.range(range)
    }
}

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
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
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
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

    /// Changes the values of the entries that are meant.
    pub fn change_where(&mut self, meant: impl Fn(&V) -> bool, mut change: impl FnMut(&mut V)) {
        for key in self.keys_where(|_, value| meant(value)) {
            if let Some(value) = self.0.get_mut(&key) {
                change(value);
            }
        }
    }

    fn keys_where(&self, meant: impl Fn(&K, &V) -> bool) -> Vec<K> {
        self.iter()
            .filter(|(key, value)| meant(key, value))
            .map(|(key, _)| key.clone())
            .collect()
    }
}
