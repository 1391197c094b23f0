//! An encoded prompt.

/// A prompt, encoded. Encode each prompt once and keep this.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PromptEmbedding {
    /// Number of tokens.
    pub tokens: usize,
    /// Hidden states, tokens × width, row-major.
    pub hidden: Vec<f32>,
    /// Pooled projection; empty where the family has none.
    pub pooled: Vec<f32>,
    /// 1 for each token that counts and 0 for padding; empty where the denoiser takes no mask.
    pub mask: Vec<f32>,
}

impl PromptEmbedding {
    /// Width of the hidden states.
    pub fn width(&self) -> usize {
        self.hidden.len() / self.tokens.max(1)
    }

    /// Zeros of the same shape.
    pub fn zeros_like(&self) -> Self {
        Self {
            tokens: self.tokens,
            hidden: vec![0.0; self.hidden.len()],
            pooled: vec![0.0; self.pooled.len()],
            mask: self.mask.clone(),
        }
    }

    /// The mask; of an embedding without one all tokens count.
    pub(in crate::models) fn mask(&self) -> Vec<f32> {
        if self.mask.is_empty() { vec![1.0; self.tokens] } else { self.mask.clone() }
    }

    /// Puts `rows` row-major rows beside those that are there.
    pub(super) fn join_beside(&mut self, hidden: Vec<f32>, rows: usize) {
        self.hidden = beside(&self.hidden, hidden, rows);
        self.tokens = rows;
    }

    /// Puts the rows of `hidden`, of `width` values each, after those that are there, which are filled up with zeros to
    /// that width; `false` where they are wider.
    pub(super) fn join_after(&mut self, hidden: Vec<f32>, width: usize) -> bool {
        let own = self.width();
        if own > width {
            return false;
        }
        if own > 0 {
            let zeros = std::iter::repeat_n(0.0, width - own);
            let filled =
                |row: &[f32]| row.iter().copied().chain(zeros.clone()).collect::<Vec<f32>>();
            self.hidden = self.hidden.chunks_exact(own).flat_map(filled).collect();
        }
        self.tokens += hidden.len() / width.max(1);
        self.hidden.extend(hidden);
        true
    }
}

/// Joins two row-major matrices of `rows` rows side by side.
fn beside(left: &[f32], right: Vec<f32>, rows: usize) -> Vec<f32> {
    if left.is_empty() {
        return right;
    }
    let (left_width, right_width) = (left.len() / rows, right.len() / rows);
    let pairs = left.chunks_exact(left_width).zip(right.chunks_exact(right_width));
    pairs.flat_map(|(left, right)| left.iter().chain(right)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_joined_side_by_side() {
        assert_eq!(
            beside(&[1.0, 2.0], vec![3.0, 4.0, 5.0, 6.0], 2),
            [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]
        );
    }

    #[test]
    fn narrower_rows_are_filled_up_before_others_follow() {
        let mut joined = PromptEmbedding::default();
        joined.join_beside(vec![1.0, 2.0], 2);
        assert!(joined.join_after(vec![3.0, 4.0], 2));
        assert_eq!(joined.hidden, [1.0, 0.0, 2.0, 0.0, 3.0, 4.0]);
        assert_eq!((joined.tokens, joined.width()), (3, 2));
        assert!(!joined.join_after(vec![5.0], 1));
        let mut alone = PromptEmbedding::default();
        assert!(alone.join_after(vec![3.0, 4.0], 1));
        assert_eq!((alone.tokens, alone.width()), (2, 1));
    }
}
