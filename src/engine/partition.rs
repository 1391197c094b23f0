//! Divides the units of a stage among several processes of one run directory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;

/// One of several processes that share a run: the `index`-th of `of`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// The number of the process, from 0.
    pub index: usize,
    /// The number of processes.
    pub of: usize,
}

/// An invalid partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a partition: write I/N with I from 0 to N-1, such as 0/4")]
pub struct NoPartition(String);

impl Partition {
    /// A run of one process.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// The `index`-th of `of`.
    ///
    /// # Errors
    /// If `index` is not below `of`.
    pub fn new(index: usize, of: usize) -> Result<Self, NoPartition> {
        let some = Self { index, of };
        if index < of { Ok(some) } else { Err(NoPartition(some.to_string())) }
    }
}

impl FromStr for Partition {
    type Err = NoPartition;

    fn from_str(text: &str) -> Result<Self, NoPartition> {
        let parsed = text.split_once('/').and_then(|(index, of)| {
            let (index, of) = (index.trim().parse().ok()?, of.trim().parse().ok()?);
            Self::new(index, of).ok()
        });
        parsed.ok_or_else(|| NoPartition(text.to_owned()))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// Divides units into `of` shares, by number, the most expensive units first. `costs` may have any scale.
///
/// The most expensive unit left goes to the share with the lowest cost so far (longest processing time first; Graham 1969: at most
/// 4/3 − 1/(3·`of`) times as long as the best division). Ties go to the lower number, so that all processes agree.
pub fn shares(costs: &[u64], of: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by_key(|&unit| (Reverse(costs[unit]), unit));
    let mut shares = vec![Vec::new(); of.max(1)];
    let mut least: BinaryHeap<Reverse<(u64, usize)>> =
        (0..shares.len()).map(|share| Reverse((0, share))).collect();
    for unit in order {
        let Some(Reverse((load, share))) = least.pop() else { break };
        shares[share].push(unit);
        // A unit that is thought to cost nothing counts too: else all such would be one share's.
        least.push(Reverse((load.saturating_add(costs[unit].max(1)), share)));
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_read_and_nonsense_is_named() {
        assert_eq!("3/4".parse(), Ok(Partition { index: 3, of: 4 }));
        assert_eq!("0/1".parse(), Ok(Partition::WHOLE));
        for wrong in ["4/4", "1", "-1/2", "a/b", "0/0", ""] {
            let error = wrong.parse::<Partition>().unwrap_err().to_string();
            assert!(error.contains("from 0 to N-1"), "{error}");
        }
    }

    #[test]
    fn every_unit_is_in_one_share_and_shares_cost_about_the_same() {
        let costs: Vec<u64> = (0..1000u64).map(|i| 1 + i * i * 7919 % 613).collect();
        for of in [1, 2, 7, 64, 999, 1500] {
            let shares = shares(&costs, of);
            assert_eq!(shares.len(), of);
            let mut all: Vec<usize> = shares.concat();
            all.sort_unstable();
            assert_eq!(all, (0..1000).collect::<Vec<_>>());
            let load = |share: &Vec<usize>| share.iter().map(|&unit| costs[unit]).sum::<u64>();
            let largest = shares.iter().map(load).max().unwrap();
            let even = costs.iter().sum::<u64>().div_ceil(of as u64);
            let best = even.max(*costs.iter().max().unwrap());
            assert!(3 * largest <= 4 * best, "{of}: {largest} of at least {best}");
        }
    }

    #[test]
    fn equal_units_go_round_and_free_ones_are_spread_too() {
        assert_eq!(shares(&[5; 5], 2), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(shares(&[0; 4], 2), [vec![0, 2], vec![1, 3]]);
        assert_eq!(shares(&[1, 9, 1], 2), [vec![1], vec![0, 2]]);
    }
}
