//! The anchors of a class, as terms take them that look beyond one image.

/// The anchors of a whole class with the sizes of their groups: with two or more a quantisation of the class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassAnchors {
    /// Which class: images of a batch with the same number belong together.
    pub number: usize,
    /// The anchors k_j, by rank.
    pub latents: Vec<Vec<f32>>,
    /// Images of each anchor's group; not all zero.
    pub sizes: Vec<u64>,
}

impl ClassAnchors {
    /// One anchor as a whole class.
    pub fn of_one(latent: Vec<f32>) -> Self {
        Self { number: 0, latents: vec![latent], sizes: vec![1] }
    }

    /// The `most` largest groups (of equal ones the lower rank) with their shares m_j of what these groups hold.
    pub(super) fn largest(&self, most: usize) -> Vec<(&[f32], f64)> {
        let mut ranks: Vec<usize> = (0..self.latents.len().min(self.sizes.len())).collect();
        ranks.sort_by_key(|&rank| std::cmp::Reverse(self.sizes[rank]));
        ranks.truncate(most);
        let all: u64 = ranks.iter().map(|&rank| self.sizes[rank]).sum();
        let share = |rank: usize| match all {
            0 => 1.0 / ranks.len().max(1) as f64,
            all => self.sizes[rank] as f64 / all as f64,
        };
        ranks.iter().map(|&rank| (&self.latents[rank][..], share(rank))).collect()
    }

    /// The class's mean μ = Σ m_j k_j.
    pub(super) fn mean(&self) -> Vec<f64> {
        let all = self.largest(self.latents.len());
        let mut mean = vec![0.0; all.first().map_or(0, |(latent, _)| latent.len())];
        for (latent, share) in all {
            mean.iter_mut().zip(latent).for_each(|(sum, &value)| *sum += share * f64::from(value));
        }
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_largest_groups_and_the_mean_is_of_all() {
        let latents = vec![vec![0.0, 4.0], vec![2.0, 0.0], vec![8.0, 8.0]];
        let class = ClassAnchors { number: 3, latents, sizes: vec![1, 2, 1] };
        assert_eq!(class.mean(), [3.0, 3.0]);
        let largest = class.largest(2);
        assert_eq!(largest, [(&[2.0f32, 0.0][..], 2.0 / 3.0), (&[0.0, 4.0][..], 1.0 / 3.0)]);
        let empty = ClassAnchors { sizes: vec![0, 0, 0], ..class };
        assert_eq!(empty.largest(3)[2].1, 1.0 / 3.0);
    }
}
