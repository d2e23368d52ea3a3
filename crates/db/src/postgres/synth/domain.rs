//! What is known of the values that a column may have, as far as constraints say it plainly.

use super::kind::Kind;
use super::pattern::Pattern;

/// How letters have to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Upper,
}

/// What is at a path of a JSON document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    /// Anything of the kind.
    Of(Kind),
    /// This.
    Text(String),
}

/// The values that a column may have. Empty means anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Dom {
    /// Whether it must be null (`true`) or must not be (`false`).
    pub(super) null: Option<bool>,
    /// One of these.
    pub(super) one_of: Option<Vec<String>>,
    /// None of these.
    pub(super) not: Vec<String>,
    /// Bounds in the kind's measure, both included.
    pub(super) min: Option<i128>,
    pub(super) max: Option<i128>,
    /// A multiple of the first, plus the second.
    pub(super) multiple: Option<(i128, i128)>,
    /// The first day of a month.
    pub(super) month_start: bool,
    /// Bounds of texts that are compared as texts; the upper one is excluded.
    pub(super) from: Option<String>,
    pub(super) below: Option<String>,
    /// Characters, bytes or elements, whatever the kind counts.
    pub(super) shortest: u32,
    pub(super) longest: Option<u32>,
    /// Only characters of one byte.
    pub(super) ascii: bool,
    pub(super) patterns: Vec<Pattern>,
    pub(super) case: Option<Case>,
    /// No spaces at either end.
    pub(super) trimmed: bool,
    /// Texts that have to be in it; the first field says whether at the begin.
    pub(super) contains: Vec<(bool, String)>,
    /// `object`, `array`, … for JSON.
    pub(super) json: Option<String>,
    pub(super) keys: Vec<String>,
    /// What has to be at some paths of a JSON document.
    pub(super) fields: Vec<(Vec<String>, Field)>,
    /// The elements of an array.
    pub(super) elements: Option<Vec<String>>,
}

impl Dom {
    /// Demands null or the contrary. `false` if that contradicts what is known.
    pub(super) fn require_null(&mut self, null: bool) -> bool {
        if self.null == Some(!null) {
            return false;
        }
        self.null = Some(null);
        true
    }

    /// Demands one of `list`. `false` if none is left.
    pub(super) fn restrict(&mut self, kind: &Kind, list: Vec<String>) -> bool {
        let left = match self.one_of.take() {
            None => list,
            Some(known) => known
                .into_iter()
                .filter(|value| list.iter().any(|other| same(kind, value, other)))
                .collect(),
        };
        let usable = !left.is_empty();
        self.one_of = Some(left);
        usable && self.null != Some(true)
    }

    /// Demands that the column compares like that with a literal. `false` if nothing can.
    pub(super) fn compare(&mut self, kind: &Kind, operator: &str, literal: &str) -> bool {
        if self.null == Some(true) {
            // Null passes every comparison.
            return true;
        }
        if let Some(measure) = kind.measure() {
            let Some(value) = measure.parse(literal) else {
                return true;
            };
            let grain = kind.grain();
            match operator {
                "=" => {
                    self.min = Some(self.min.map_or(value, |min| min.max(value)));
                    self.max = Some(self.max.map_or(value, |max| max.min(value)));
                }
                "<>" => self.not.push(literal.to_owned()),
                "<" => self.max = Some(self.max.map_or(value - grain, |m| m.min(value - grain))),
                "<=" => self.max = Some(self.max.map_or(value, |max| max.min(value))),
                ">" => self.min = Some(self.min.map_or(value + grain, |m| m.max(value + grain))),
                ">=" => self.min = Some(self.min.map_or(value, |min| min.max(value))),
                _ => {}
            }
            return self.is_possible(kind);
        }
        match operator {
            "=" => return self.restrict(kind, vec![literal.to_owned()]) && self.is_possible(kind),
            "<>" => {
                if literal.is_empty() {
                    self.shortest = self.shortest.max(1);
                }
                self.not.push(literal.to_owned());
            }
            ">" | ">=" if kind.is_text() => {
                if self.from.as_deref().is_none_or(|known| known < literal) {
                    self.from = Some(literal.to_owned());
                }
                self.shortest = self.shortest.max(1);
            }
            "<" | "<=" if kind.is_text() => {
                let known = self.below.take().filter(|known| known.as_str() < literal);
                self.below = Some(known.unwrap_or_else(|| literal.to_owned()));
            }
            _ => {}
        }
        self.is_possible(kind)
    }

    /// Demands a length. `false` if there is none.
    pub(super) fn length(&mut self, operator: &str, length: i128) -> bool {
        let clamp = |value: i128| u32::try_from(value.max(0)).unwrap_or(u32::MAX);
        let (least, most) = match operator {
            "=" => (Some(length), Some(length)),
            "<" => (None, Some(length - 1)),
            "<=" => (None, Some(length)),
            ">" => (Some(length + 1), None),
            ">=" => (Some(length), None),
            "<>" if length == 0 => (Some(1), None),
            _ => (None, None),
        };
        if let Some(least) = least {
            self.shortest = self.shortest.max(clamp(least));
        }
        if let Some(most) = most {
            if most < 0 {
                return false;
            }
            self.longest = Some(self.longest.map_or(clamp(most), |l| l.min(clamp(most))));
        }
        self.longest.is_none_or(|longest| self.shortest <= longest)
    }

    /// Demands something at a path of a JSON document. `false` if something else has to be there.
    pub(super) fn field(&mut self, path: Vec<String>, field: Field) -> bool {
        match self.fields.iter_mut().find(|(known, _)| *known == path) {
            None => {
                self.fields.push((path, field));
                true
            }
            Some((_, known)) => match (&known, &field) {
                (Field::Text(known), Field::Text(text)) => known == text,
                (Field::Of(_), Field::Text(_)) => {
                    *known = field;
                    true
                }
                _ => true,
            },
        }
    }

    /// Whether anything is left.
    pub(super) fn is_possible(&mut self, kind: &Kind) -> bool {
        if let Some(list) = &mut self.one_of {
            let not = &self.not;
            list.retain(|value| !not.iter().any(|other| same(kind, value, other)));
            if list.is_empty() {
                return self.null == Some(true);
            }
        }
        match (self.min, self.max) {
            (Some(min), Some(max)) => {
                let only = |text: &String| kind.measure().and_then(|m| m.parse(text));
                min <= max && !(min == max && self.not.iter().any(|t| only(t) == Some(min)))
            }
            _ => true,
        }
    }

    /// Whether a value that stands elsewhere, such as a key, may stand here.
    pub(super) fn accepts(&self, kind: &Kind, text: &str) -> bool {
        if self.null == Some(true) || self.not.iter().any(|other| same(kind, text, other)) {
            return false;
        }
        if let Some(list) = &self.one_of
            && !list.iter().any(|other| same(kind, text, other))
        {
            return false;
        }
        if let Some(value) = kind.measure().and_then(|measure| measure.parse(text)) {
            return self.min.is_none_or(|min| min <= value)
                && self.max.is_none_or(|max| value <= max);
        }
        if kind.is_text() {
            let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            return length >= self.shortest
                && self.longest.is_none_or(|longest| length <= longest)
                && self.from.as_deref().is_none_or(|from| from <= text)
                && self.below.as_deref().is_none_or(|below| text < below);
        }
        true
    }

    /// Whether [`Dom::accepts`] can say no.
    pub(super) fn is_selective(&self) -> bool {
        self.one_of.is_some()
            || !self.not.is_empty()
            || self.min.is_some()
            || self.max.is_some()
            || self.from.is_some()
            || self.below.is_some()
    }
}

/// Whether two texts are the same value: `1` and `1.00` are the same number.
pub(super) fn same(kind: &Kind, a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    if let Some(measure) = kind.measure() {
        return measure
            .parse(a)
            .is_some_and(|a| measure.parse(b) == Some(a));
    }
    match kind {
        Kind::Bool => a.starts_with(['t', 'T']) == b.starts_with(['t', 'T']),
        Kind::Text { padded: true, .. } => a.trim_end() == b.trim_end(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_lists_narrow_each_other() {
        let int = Kind::Int(4);
        let mut dom = Dom::default();
        assert!(dom.compare(&int, ">", "0") && dom.compare(&int, "<=", "10"));
        assert_eq!((dom.min, dom.max), (Some(1), Some(10)));
        assert!(dom.accepts(&int, "10") && !dom.accepts(&int, "0"));
        assert!(!dom.compare(&int, ">", "10"));

        let text = Kind::Text {
            limit: None,
            padded: false,
        };
        let list = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        let mut dom = Dom::default();
        assert!(dom.restrict(&text, list(&["a", "b"])));
        assert!(dom.restrict(&text, list(&["b", "c"])));
        assert_eq!(dom.one_of, Some(list(&["b"])));
        assert!(!dom.compare(&text, "<>", "b"));
    }

    #[test]
    fn lengths_can_contradict() {
        let mut dom = Dom::default();
        assert!(dom.length(">=", 3) && dom.length("<", 5));
        assert_eq!((dom.shortest, dom.longest), (3, Some(4)));
        assert!(!dom.length("=", 9));
    }

    #[test]
    fn the_same_value_may_be_written_in_several_ways() {
        assert!(same(&Kind::Numeric(None), "1", "1.00"));
        assert!(same(&Kind::Bool, "t", "true"));
        assert!(!same(&Kind::Int(4), "1", "2"));
    }
}
