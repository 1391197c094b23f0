//! What guidance did at a step, for a recorded run.

/// The guided ẑ0 of a step, and how far each term moved it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepRecord {
    /// ẑ0 after classifier-free guidance and all terms, as the solver takes it.
    pub clean: Vec<f32>,
    /// Of each term in use that edits images: the root mean square of its edit of the guided ẑ0, divided by that of the ẑ0
    /// that no term has edited.
    pub shares: Vec<(&'static str, f32)>,
}

/// Root mean square of values.
pub(super) fn root_mean_square(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, n), value| (sum + value * value, n + 1));
    (sum / count.max(1) as f64).sqrt()
}

/// Root mean square of what changed from `before` to `after`.
pub(super) fn change(before: &[f32], after: &[f32]) -> f64 {
    root_mean_square(before.iter().zip(after).map(|(&b, &a)| f64::from(a) - f64::from(b)))
}
