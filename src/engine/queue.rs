//! The order in which a process takes units: its own share from the front, then the others' shares from the back.

use super::partition::{Partition, shares};

/// The unfinished units of a stage, as seen by one process.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The unfinished units of each share, in order.
    shares: Vec<Chain>,
    mine: usize,
    /// The position of each unit in its share; `None` once the unit is taken.
    places: Vec<Option<Place>>,
    count: usize,
    /// Units checked, for a test of the queue's cost.
    #[cfg(test)]
    looked_at: std::cell::Cell<usize>,
}

/// The ends of a share: what lies between is in the units' places, so that a unit leaves it without a search.
#[derive(Debug, Clone, Copy, Default)]
struct Chain {
    first: Option<usize>,
    last: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    share: usize,
    before: Option<usize>,
    after: Option<usize>,
}

impl Queue {
    /// The queue of `partition` over units of these `costs`, of which those are `left` that are true.
    pub fn new(costs: &[u64], left: Vec<bool>, partition: Partition) -> Self {
        let mut places: Vec<Option<Place>> = vec![None; costs.len().max(left.len())];
        let mut chains = Vec::with_capacity(partition.of);
        for (share, units) in shares(costs, partition.of).into_iter().enumerate() {
            let units: Vec<usize> =
                units.into_iter().filter(|unit| left.get(*unit) == Some(&true)).collect();
            for (at, unit) in units.iter().enumerate() {
                let before = at.checked_sub(1).map(|at| units[at]);
                places[*unit] = Some(Place { share, before, after: units.get(at + 1).copied() });
            }
            chains.push(Chain { first: units.first().copied(), last: units.last().copied() });
        }
        let count = places.iter().filter(|place| place.is_some()).count();
        Self {
            shares: chains,
            mine: partition.index,
            places,
            count,
            #[cfg(test)]
            looked_at: std::cell::Cell::default(),
        }
    }

    /// The unfinished units.
    pub fn left(&self) -> impl Iterator<Item = usize> {
        self.places.iter().enumerate().filter(|(_, place)| place.is_some()).map(|(unit, _)| unit)
    }

    /// Whether no unit is left.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Removes `unit`, which is done or taken by this process.
    pub fn take(&mut self, unit: usize) {
        let Some(Place { share, before, after }) = self.places.get_mut(unit).and_then(Option::take)
        else {
            return;
        };
        self.count -= 1;
        match before.and_then(|unit| self.places[unit].as_mut()) {
            Some(place) => place.after = after,
            None => self.shares[share].first = after,
        }
        match after.and_then(|unit| self.places[unit].as_mut()) {
            Some(place) => place.before = before,
            None => self.shares[share].last = before,
        }
    }

    /// The unit to try next among those that are `free`, not taken out yet; with `help`, others' too. Helpers start at
    /// different shares and different places in them, so that they seldom try for the same unit.
    pub fn next(&self, is_free: impl Fn(usize) -> bool, help: bool) -> Option<usize> {
        let free = |unit: &usize| {
            #[cfg(test)]
            self.looked_at.set(self.looked_at.get() + 1);
            is_free(*unit)
        };
        let mine = self.shares.get(self.mine)?;
        let after = |unit: &usize| self.places[*unit].and_then(|place| place.after);
        let own = std::iter::successors(mine.first, after).find(free);
        if own.is_some() || !help {
            return own;
        }
        let of = self.shares.len();
        let before = |unit: &usize| self.places[*unit].and_then(|place| place.before);
        (1..of).find_map(|step| {
            let share = &self.shares[(self.mine + step) % of];
            // As many from the end as this one's number; where there are fewer, around again.
            let from_the_end = std::iter::successors(share.last, before).filter(free);
            let theirs: Vec<usize> = from_the_end.take(self.mine + 1).collect();
            theirs.get(self.mine % theirs.len().max(1)).copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(index: usize, of: usize) -> Queue {
        Queue::new(&[1; 10], vec![true; 10], Partition { index, of })
    }

    #[test]
    fn own_units_come_first_then_those_of_others_from_their_end() {
        let mut queue = queue(0, 2);
        let mut order = Vec::new();
        while let Some(unit) = queue.next(|_| true, true) {
            order.push(unit);
            queue.take(unit);
        }
        assert_eq!(order, [0, 2, 4, 6, 8, 9, 7, 5, 3, 1]);
        assert!(queue.is_empty() && queue.left().next().is_none());
    }

    #[test]
    fn what_is_not_free_is_passed_over_and_without_help_the_rest_is_left() {
        let mut queue = queue(1, 2);
        assert_eq!(queue.next(|unit| unit != 1, false), Some(3));
        for unit in [1, 3, 5, 7, 9, 9] {
            queue.take(unit);
        }
        assert_eq!(queue.next(|_| true, false), None);
        assert_eq!(queue.left().collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert!(queue.next(|unit| unit == 4, true) == Some(4) && !queue.is_empty());
    }

    #[test]
    fn two_helpers_of_one_share_try_for_different_units() {
        let done = (0..10).map(|unit| unit % 5 == 0).collect::<Vec<_>>();
        let tried: Vec<_> = [1, 2]
            .map(|index| {
                Queue::new(&[1; 10], done.clone(), Partition { index, of: 5 }).next(|_| true, true)
            })
            .to_vec();
        assert_eq!(tried, [Some(0), Some(5)]);
    }

    #[test]
    fn what_it_costs_to_take_all_units_grows_as_they_do() {
        let looked_at = |units: usize| {
            // All of its own, from the front, then all of the other's, from the end.
            let mut queue =
                Queue::new(&vec![1; units], vec![true; units], Partition { index: 0, of: 2 });
            while let Some(unit) = queue.next(|_| true, true) {
                queue.take(unit);
            }
            assert!(queue.is_empty());
            queue.looked_at.get()
        };
        assert_eq!((looked_at(100), looked_at(400)), (100, 400));
    }

    #[test]
    fn taken_units_leave_the_others_in_their_order() {
        let mut queue = Queue::new(&[1; 9], vec![true; 9], Partition { index: 0, of: 1 });
        [4, 0, 8, 3, 4].into_iter().for_each(|unit| queue.take(unit));
        let mut order = Vec::new();
        while let Some(unit) = queue.next(|_| true, false) {
            order.push(unit);
            queue.take(unit);
        }
        assert_eq!(order, [1, 2, 5, 6, 7]);
    }
}
