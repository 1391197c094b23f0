//! Latents as vectors: lengths, directions, and steps along the sphere.

/// A latent's direction u = x/‖x‖ with its length; zeros where it has none.
pub(super) struct Direction {
    pub unit: Vec<f64>,
    pub length: f64,
}

impl Direction {
    pub fn of(values: &[f32]) -> Self {
        let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        let length = dot(&values, &values).sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        Self { unit: values.iter().map(|value| value * scale).collect(), length }
    }

    /// Moves `values`, whose direction this is, by `share`·‖x‖ along (I − uuᵀ)·`towards`.
    pub fn turn(&self, values: &mut [f32], towards: &[f64], share: f64) {
        let along = dot(&self.unit, towards);
        let scale = share * self.length;
        for ((value, &aim), &own) in values.iter_mut().zip(towards).zip(&self.unit) {
            *value = (f64::from(*value) + scale * (aim - along * own)) as f32;
        }
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// ‖a − b‖.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}
