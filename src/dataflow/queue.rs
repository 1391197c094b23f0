//! Which unit a process takes next: its own share from the front, then the others' shares from the back.

use super::partition::{Partition, shares};

/// The units of a stage that are left to do, as one process sees them.
#[derive(Debug, Clone)]
pub struct Queue {
    shares: Vec<Vec<usize>>,
    mine: usize,
    /// Whether each unit is left.
    left: Vec<bool>,
    count: usize,
}

impl Queue {
    /// The queue of `partition` over units of these `costs`, of which those are `left` that are true.
    pub fn new(costs: &[u64], left: Vec<bool>, partition: Partition) -> Self {
        let count = left.iter().filter(|left| **left).count();
        Self { shares: shares(costs, partition.of), mine: partition.index, left, count }
    }

    /// Units left.
    pub fn left(&self) -> impl Iterator<Item = usize> {
        self.left.iter().enumerate().filter(|(_, left)| **left).map(|(unit, _)| unit)
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes `unit` out: it is done, or being done here.
    pub fn take(&mut self, unit: usize) {
        if let Some(left) = self.left.get_mut(unit) {
            self.count -= usize::from(std::mem::take(left));
        }
    }

    /// The unit to try next among those that are `free`, not taken out yet; with `help`, others' too. Helpers start at
    /// different shares and different places in them, so that they seldom try for the same unit.
    pub fn next(&self, is_free: impl Fn(usize) -> bool, help: bool) -> Option<usize> {
        let free = |unit: &usize| self.left.get(*unit) == Some(&true) && is_free(*unit);
        let own = self.shares.get(self.mine)?.iter().copied().find(free);
        if own.is_some() || !help {
            return own;
        }
        let of = self.shares.len();
        (1..of).find_map(|step| {
            let share = &self.shares[(self.mine + step) % of];
            let theirs: Vec<usize> = share.iter().copied().filter(free).collect();
            let from_the_end = self.mine % theirs.len().max(1);
            theirs.len().checked_sub(1 + from_the_end).map(|at| theirs[at])
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
}
