//! The votes of a row's neighbours, and how far each label leads or trails by them.

use crate::linalg::knn::Neighbors;
use rayon::prelude::*;

/// A row's neighbours, counted by label.
pub struct Votes {
    /// The row's own label.
    label: u32,
    /// Labels with the neighbours that carry each, in order of the labels.
    counts: Vec<(u32, usize)>,
}

impl Votes {
    /// Counts the neighbours of `row`; the first of its list is the row itself.
    pub fn of(found: &Neighbors, labels: &[u32], row: usize) -> Self {
        let others = found.of(row).get(1..).unwrap_or_default();
        let mut carried: Vec<u32> =
            others.iter().filter_map(|&other| labels.get(other as usize).copied()).collect();
        carried.sort_unstable();
        let counts = carried.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect();
        Self { label: labels.get(row).copied().unwrap_or(0), counts }
    }

    /// Neighbours counted.
    pub fn total(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Neighbours with the row's own label.
    pub fn own(&self) -> usize {
        self.counts.iter().find(|(label, _)| *label == self.label).map_or(0, |(_, count)| *count)
    }

    /// The most neighbours with one other label.
    pub fn other(&self) -> usize {
        let others = self.counts.iter().filter(|(label, _)| *label != self.label);
        others.map(|(_, count)| *count).max().unwrap_or(0)
    }

    /// The most frequent label, the least of equals, and its count.
    fn top(&self) -> Option<(u32, usize)> {
        self.counts.iter().rev().max_by_key(|(_, count)| *count).copied()
    }

    /// The largest count but that of `top`.
    fn second(&self, top: u32) -> usize {
        let others = self.counts.iter().filter(|(label, _)| *label != top);
        others.map(|(_, count)| *count).max().unwrap_or(0)
    }
}

/// What a row's votes say of its label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// Votes by which the row's own label leads the next one, or trails the first one, plus the number of neighbours.
    pub at: usize,
    /// Votes of the most frequent label.
    pub top: usize,
    /// Whether that is the row's own.
    pub agrees: bool,
}

/// The margins of all rows.
pub struct Margins {
    /// Each row's, by its own label.
    pub rows: Vec<Margin>,
    /// By margin (0 to twice the neighbours) the pairs of a row and any of the labels that have it.
    pub pairs: Vec<u64>,
    /// By margin the rows whose own label has it.
    pub own: Vec<u64>,
}

impl Margins {
    /// Measures all rows; `classes` is the number of different labels.
    pub fn of(found: &Neighbors, labels: &[u32], classes: usize) -> Self {
        let k = found.k.saturating_sub(1);
        let empty = || (Vec::new(), vec![0u64; 2 * k + 1]);
        let rows = (0..labels.len()).into_par_iter();
        let parts = rows.fold(empty, |(mut margins, mut pairs), row| {
            margins.push(look(&Votes::of(found, labels, row), k, classes, &mut pairs));
            (margins, pairs)
        });
        // Whole numbers add up to the same in any grouping, and rows stay in order.
        let (rows, pairs) = parts.reduce(empty, |(mut rows, mut pairs), (more, others)| {
            rows.extend(more);
            pairs.iter_mut().zip(others).for_each(|(sum, count)| *sum += count);
            (rows, pairs)
        });
        let mut own = vec![0u64; 2 * k + 1];
        rows.iter().for_each(|row| own[row.at] += 1);
        Self { rows, pairs, own }
    }
}

/// One row's margin; all its labels' margins are added to `pairs`.
fn look(votes: &Votes, k: usize, classes: usize, pairs: &mut [u64]) -> Margin {
    let (label, top) = votes.top().unwrap_or((votes.label, 0));
    let at = |carrier: u32, count: usize| {
        if carrier == label { k + top - votes.second(label) } else { k + count - top }
    };
    votes.counts.iter().for_each(|&(carrier, count)| pairs[at(carrier, count)] += 1);
    pairs[k - top] += classes.saturating_sub(votes.counts.len()) as u64;
    Margin { at: at(votes.label, votes.own()), top, agrees: label == votes.label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lead_and_trail_by_their_votes() {
        // Row 0 has label 7; its neighbours have 7, 9, 9, 9 and 4.
        let found = Neighbors { k: 6, indices: (0..6).collect(), distances: vec![0.0; 6] };
        let labels = [7, 7, 9, 9, 9, 4];
        let votes = Votes::of(&found, &labels, 0);
        assert_eq!((votes.total(), votes.own(), votes.other()), (5, 1, 3));
        let mut pairs = vec![0; 11];
        let margin = look(&votes, 5, 5, &mut pairs);
        assert_eq!(margin, Margin { at: 5 - 2, top: 3, agrees: false });
        // Two labels that nobody has trail by 3, labels 7 and 4 by 2; label 9 leads by 2.
        assert_eq!(pairs, [0, 0, 2, 2, 0, 0, 0, 1, 0, 0, 0]);
    }
}
