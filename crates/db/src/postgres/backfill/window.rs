//! Pages that are walked in several passes.

use super::place::Place;

/// In how many parts the pages of a window are walked, in turns.
const WINDOW_PARTS: u32 = 4;

/// Pages that are walked in passes, a part of them at a time. What a pass leaves behind is room for
/// the next one only when nobody can see it any more, and another worker's batch that was under way
/// can until its end: meanwhile the other parts have their turn.
pub(super) struct Window {
    pub(super) place: Place,
    to: u64,
}

impl Window {
    /// At a place; parts of about so many pages where it begins there.
    pub(super) fn at(mut place: Place, part: u64, end: u64) -> Self {
        let wanted = part * u64::from(WINDOW_PARTS);
        // Others were in the way of a large batch: the rest of it is walked in smaller ones. Rows that
        // are done are passed over.
        let smaller = |to: u64| wanted < to.saturating_sub(place.page) / 2;
        let to = match place.to {
            Some(to) if !smaller(to) => to,
            _ => {
                place = Place::at(&place.leaf, place.page);
                place.page + wanted
            }
        };
        let to = to.min(end);
        place.to = Some(to);
        Self { place, to }
    }

    /// Where a part begins.
    fn bound(&self, part: u32) -> u64 {
        let pages = self.to.saturating_sub(self.place.page);
        let each = pages.div_ceil(u64::from(WINDOW_PARTS));
        (self.place.page + each * u64::from(part)).min(self.to)
    }

    /// Whether nothing is done of it yet.
    pub(super) fn begins(&self) -> bool {
        self.place.pass == 0 && self.place.part == 0
    }

    /// The pages of each part.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u64, u64)> {
        let bounds = (0..WINDOW_PARTS).map(|part| (self.bound(part), self.bound(part + 1)));
        bounds.filter(|(from, to)| from < to)
    }

    /// The pages that come next.
    pub(super) fn pages(&self) -> (u64, u64) {
        (self.bound(self.place.part), self.bound(self.place.part + 1))
    }

    /// About how many rows lie on them.
    pub(super) fn rows(&self) -> u64 {
        let part = usize::try_from(self.place.part).unwrap_or(usize::MAX);
        self.place.rows.get(part).copied().unwrap_or_default()
    }

    /// The place after them.
    pub(super) fn after(mut self, passes: u32) -> Place {
        self.place.part += 1;
        // There may be fewer pages than parts.
        if self.bound(self.place.part) >= self.to {
            self.place.part = 0;
            self.place.pass += 1;
        }
        if self.place.pass >= passes {
            return Place::at(&self.place.leaf, self.to);
        }
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stretches that a window has from a place to its end, in the order of their turns.
    fn turns(mut place: Place, part: u64, end: u64, passes: u32) -> (Vec<(u32, u64, u64)>, Place) {
        let mut seen = Vec::new();
        loop {
            let window = Window::at(place, part, end);
            let (from, to) = window.pages();
            seen.push((window.place.pass, from, to));
            place = window.after(passes);
            if place.to.is_none() {
                return (seen, place);
            }
        }
    }

    #[test]
    fn every_pass_takes_every_page_of_a_window_once_and_parts_take_turns() {
        for pages in 1..40 {
            for part in 1..10 {
                let begin = Place::at("t", 7);
                let (seen, after) = turns(begin, part, 7 + pages, 3);
                let end = 7 + pages.min(part * u64::from(WINDOW_PARTS));
                assert_eq!((after.page, after.pass, after.part), (end, 0, 0));
                for pass in 0..3 {
                    let stretches = seen.iter().filter(|it| it.0 == pass);
                    let mut at = 7;
                    for (_, from, to) in stretches {
                        assert!(*from == at && to > from, "{seen:?}");
                        at = *to;
                    }
                    assert_eq!(at, end, "{seen:?}");
                }
                assert!(seen.is_sorted_by_key(|it| it.0), "{seen:?}");
            }
        }
    }

    #[test]
    fn a_window_that_is_too_large_by_now_is_begun_again_as_a_smaller_one() {
        let place = Place {
            pass: 2,
            part: 1,
            to: Some(80),
            rows: vec![5, 5, 5, 5],
            ..Place::at("t", 0)
        };
        let same = Window::at(place.clone(), 10, 100);
        assert_eq!((same.to, same.place.pass, same.pages()), (80, 2, (20, 40)));
        let smaller = Window::at(place, 9, 100);
        assert_eq!((smaller.to, smaller.place.pass), (36, 0));
        assert_eq!((smaller.pages(), smaller.rows()), ((0, 9), 0));
    }
}
