//! What the anchors of a class are made of: means of members, and their spread away from the mean of the class.
//!
//! With m the mean of a core's members, n the size of its group and μ = Σ n m / Σ n over the class, the spread mean is
//! s = m + (g − 1)(m − μ). All sums are in f64 in the order of the members, so that the same members give the same bits.

/// The product of ratio and spread that `"auto"` keeps: spread means then lie this much farther out than images do.
const OVERSHOOT: f64 = 1.4;

/// A mean of latents under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mean {
    sum: Vec<f64>,
    /// Sum of the squares of all values.
    squares: f64,
    count: usize,
}

impl Mean {
    /// Of nothing yet, of so many values.
    pub(crate) fn new(values: usize) -> Self {
        Self { sum: vec![0.0; values], squares: 0.0, count: 0 }
    }

    /// Adds a latent.
    pub(crate) fn add(&mut self, latent: &[f32]) {
        for (sum, &value) in self.sum.iter_mut().zip(latent) {
            let value = f64::from(value);
            *sum += value;
            self.squares += value * value;
        }
        self.count += 1;
    }

    fn mean(&self) -> Vec<f64> {
        let count = self.count.max(1) as f64;
        self.sum.iter().map(|sum| sum / count).collect()
    }

    /// Mean of the squared distances of what was added to `point`.
    fn mean_square_from(&self, point: &[f64]) -> f64 {
        let product: f64 = self.sum.iter().zip(point).map(|(sum, p)| sum * p).sum();
        let norm: f64 = point.iter().map(|p| p * p).sum();
        ((self.squares - 2.0 * product) / self.count.max(1) as f64 + norm).max(0.0)
    }
}

/// Σ n m / Σ n; the plain mean where all groups are empty.
fn class_mean(means: &[Vec<f64>], sizes: &[usize]) -> Vec<f64> {
    let all: usize = sizes.iter().sum();
    let weight = |size: usize| match all {
        0 => 1.0 / sizes.len().max(1) as f64,
        all => size as f64 / all as f64,
    };
    let mut sum = vec![0.0; means.first().map_or(0, Vec::len)];
    for (mean, &size) in means.iter().zip(sizes) {
        sum.iter_mut().zip(mean).for_each(|(sum, value)| *sum += weight(size) * value);
    }
    sum
}

/// The means moved away from the class's mean by `spread`, one latent a group; 1 leaves them.
pub(crate) fn spread_means(groups: &[Mean], sizes: &[usize], spread: f64) -> Vec<Vec<f32>> {
    let means: Vec<Vec<f64>> = groups.iter().map(Mean::mean).collect();
    let centre = class_mean(&means, sizes);
    let moved = |mean: &Vec<f64>| {
        let value = |(m, c): (&f64, &f64)| (m + (spread - 1.0) * (m - c)) as f32;
        mean.iter().zip(&centre).map(value).collect()
    };
    means.iter().map(moved).collect()
}

/// How far the means lie from the class's mean, as a share of how far their members do (root mean squares, weighted by the
/// groups' sizes); 1 where all members are the same.
pub(crate) fn distance_ratio(groups: &[Mean], sizes: &[usize]) -> f64 {
    let means: Vec<Vec<f64>> = groups.iter().map(Mean::mean).collect();
    let centre = class_mean(&means, sizes);
    let (mut of_means, mut of_members) = (0.0, 0.0);
    for ((group, mean), &size) in groups.iter().zip(&means).zip(sizes) {
        let square: f64 = mean.iter().zip(&centre).map(|(m, c)| (m - c) * (m - c)).sum();
        of_means += size as f64 * square;
        of_members += size as f64 * group.mean_square_from(&centre);
    }
    if of_members > 0.0 { (of_means / of_members).sqrt() } else { 1.0 }
}

/// The spread that `"auto"` is for means of this ratio: 1 where there is but one group, or nothing to move.
pub(crate) fn auto_spread(ratio: f64, groups: usize) -> f64 {
    if groups < 2 || ratio <= 0.0 { 1.0 } else { OVERSHOOT / ratio }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of(latents: &[[f32; 2]]) -> Mean {
        let mut mean = Mean::new(2);
        latents.iter().for_each(|latent| mean.add(latent));
        mean
    }

    #[test]
    fn means_move_away_from_the_weighted_mean_of_the_class() {
        // Means (1, 0) and (5, 8), sizes 3 and 1: the class's mean is (2, 2).
        let groups = [mean_of(&[[0.0, 1.0], [2.0, -1.0]]), mean_of(&[[5.0, 8.0]])];
        assert_eq!(spread_means(&groups, &[3, 1], 1.0), [[1.0, 0.0], [5.0, 8.0]]);
        assert_eq!(spread_means(&groups, &[3, 1], 2.0), [[0.0, -2.0], [8.0, 14.0]]);
        assert_eq!(spread_means(&groups, &[3, 1], 1.5), [[0.5, -1.0], [6.5, 11.0]]);
        assert_eq!(spread_means(&groups, &[3, 1], 0.0), [[2.0, 2.0], [2.0, 2.0]]);
        // One group is its class's mean.
        assert_eq!(spread_means(&groups[..1], &[3], 2.0), [[1.0, 0.0]]);
        // An empty group weighs nothing, and all empty ones weigh the same.
        assert_eq!(spread_means(&groups, &[3, 0], 2.0), [[1.0, 0.0], [9.0, 16.0]]);
        assert_eq!(spread_means(&groups, &[0, 0], 0.0), [[3.0, 4.0], [3.0, 4.0]]);
    }

    #[test]
    fn the_ratio_is_of_distances_to_the_mean_of_the_class() {
        // Means at -3 and 3 of members at -4, -2 and 2, 4: 3 over the root of (16 + 4) / 2.
        let groups = [mean_of(&[[-4.0, 1.0], [-2.0, 1.0]]), mean_of(&[[2.0, 1.0], [4.0, 1.0]])];
        let ratio = distance_ratio(&groups, &[2, 2]);
        assert!((ratio - 3.0 / 10.0f64.sqrt()).abs() < 1e-12, "{ratio}");
        assert!((auto_spread(ratio, 2) - 1.4 / ratio).abs() < 1e-12);
        assert_eq!(auto_spread(0.43, 1), 1.0);
        // Single members are their means.
        let single = [mean_of(&[[-4.0, 1.0]]), mean_of(&[[2.0, 7.0]])];
        assert!((distance_ratio(&single, &[9, 4]) - 1.0).abs() < 1e-12);
        let same = [mean_of(&[[1.0, 1.0]]), mean_of(&[[1.0, 1.0]])];
        assert_eq!(distance_ratio(&same, &[1, 1]), 1.0);
    }
}
