//! Classification by nearest neighbours.

use super::points::Points;
use rayon::prelude::*;

/// Rows that a thread compares at once.
const BLOCK: usize = 64;

/// Labelled rows to be near to.
#[derive(Debug)]
pub struct Neighbors {
    rows: Points,
    labels: Vec<usize>,
    /// |row|².
    lengths: Vec<f64>,
    k: usize,
}

impl Neighbors {
    /// The `k` nearest of `rows` (Euclidean; all, if they are fewer) will have a vote each.
    pub fn new(rows: Points, labels: Vec<usize>, k: usize) -> Self {
        let lengths = rows.iter().map(|row| row.iter().map(|value| value * value).sum()).collect();
        let k = k.clamp(1, rows.rows().max(1));
        Self { rows, labels, lengths, k }
    }

    /// Each row's label by most votes; of labels with as many, the one with the nearest row.
    pub fn predict(&self, rows: &Points) -> Vec<usize> {
        let blocks = rows.values().par_chunks((BLOCK * rows.cols()).max(1)).map(|block| {
            let products = Points::new(rows.cols(), block.to_vec()).by_rows(&self.rows);
            products.iter().map(|products| self.vote(products)).collect::<Vec<_>>()
        });
        blocks.collect::<Vec<_>>().concat()
    }

    fn vote(&self, products: &[f64]) -> usize {
        // Less the squared length of the row itself, which is the same for all.
        let mut near: Vec<(f64, usize)> = products
            .iter()
            .zip(&self.lengths)
            .enumerate()
            .map(|(row, (product, length))| (length - 2.0 * product, row))
            .collect();
        let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        near.select_nth_unstable_by(self.k - 1, order);
        near.truncate(self.k);
        near.sort_unstable_by(order);
        let labels: Vec<usize> = near.iter().map(|&(_, row)| self.labels[row]).collect();
        let votes = |label: usize| labels.iter().filter(|other| **other == label).count();
        // Of equals the first, which is the nearest.
        let best =
            |best: usize, &label: &usize| if votes(label) > votes(best) { label } else { best };
        labels.iter().fold(labels[0], best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_votes_win_and_of_equals_the_nearest() {
        let rows = Points::new(1, vec![0.0, 1.0, 1.2, 10.0, 11.0]);
        let labels = vec![8, 3, 3, 5, 5];
        let by = |k| Neighbors::new(rows.clone(), labels.clone(), k);
        let asked = Points::new(1, vec![0.1, 10.4, 4.0]);
        assert_eq!(by(1).predict(&asked), [8, 5, 3]);
        assert_eq!(by(2).predict(&asked), [8, 5, 3]);
        assert_eq!(by(3).predict(&asked), [3, 5, 3]);
        assert_eq!(by(99).predict(&asked), [3, 5, 3]);
    }
}
