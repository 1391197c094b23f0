//! Distribution matching (DMGD, arXiv 2605.03877): a class's images denoised together move to where its images lie.
//!
//! With u_i the direction of ẑ0_i, k̂_j that of a centroid and m_j its mass, costs C_ij = ‖u_i − k̂_j‖ and the transport plan
//! g of masses 1/n and m_j by Sinkhorn's iteration, the step of image i goes down the gradient of Σ g_ij C_ij, the plan being
//! held:
//!
//! ```text
//! ẑ0_i −= κ·n·‖ẑ0_i‖²·∂/∂ẑ0_i Σ g_ij C_ij,   that is   κ·‖ẑ0_i‖·(I − u_i u_iᵀ) Σ_j n·g_ij (u_i − k̂_j)/C_ij
//! ```
//!
//! n·‖ẑ0_i‖² makes κ the angle by which u_i turns where all that pulls it pulls one way.

use super::settings::{TermKey, TermKind, TermSettings, TermValue};
use super::vectors::{Direction, distance};
use super::window::{self, FROM, STRENGTH, TO};
use super::{GuidancePlan, GuidanceStep, GuidanceTerm};

/// The term.
pub(super) struct Distribution;

pub(super) const NAME: &str = "distribution";

/// ε of Sinkhorn's iteration, as published.
const SMOOTHING: f64 = 0.1;

/// Rounds of Sinkhorn's iteration, as published.
const ROUNDS: usize = 5;

const OWN_STRENGTH: TermKey = TermKey {
    default: TermValue::Number(0.1),
    doc: "κ, the angle in radians by which an image's clean-latent estimate turns at a step at most: 0 is off.\n",
    ..STRENGTH
};

const CENTROIDS: TermKey = TermKey {
    name: "centroids",
    kind: TermKind::Whole { least: 1, most: 10_000 },
    default: TermValue::Number(10.0),
    off: None,
    doc: "The most centroids: the class's anchors of the largest groups, weighted by the groups' sizes.\n",
};

/// The noisy third.
const OWN_TO: TermKey = TermKey { default: TermValue::Number(0.34), ..TO };

impl GuidanceTerm for Distribution {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Spreads a class's images over the class as its groups are (DMGD's optimal transport): the images that are denoised\n\
         together turn towards the anchors that they are matched with. Groups never span classes then."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[OWN_STRENGTH, CENTROIDS, FROM, OWN_TO]
    }

    fn couples(&self) -> bool {
        true
    }

    fn takes_pooled(&self, _: &TermSettings, _: [usize; 3], _: usize) -> Option<bool> {
        Some(false)
    }

    fn edit(&self, plan: &GuidancePlan, step: &GuidanceStep<'_>, clean: &mut [f32]) {
        let Some(strength) = window::strength(plan, NAME, (&OWN_STRENGTH, None), step) else {
            return;
        };
        let (most, size) = (plan.settings.terms.whole(NAME, &CENTROIDS), step.sample_length());
        for group in step.class_groups() {
            let largest = group.class.largest(most);
            let centroids: Vec<Vec<f64>> =
                largest.iter().map(|(latent, _)| Direction::of(latent).unit).collect();
            let masses: Vec<f64> = largest.iter().map(|(_, mass)| *mass).collect();
            let images: Vec<Direction> = group
                .members
                .iter()
                .map(|&at| Direction::of(&clean[at * size..(at + 1) * size]))
                .collect();
            let costs: Vec<Vec<f64>> = images
                .iter()
                .map(|image| centroids.iter().map(|k| distance(&image.unit, k)).collect())
                .collect();
            let transport = sinkhorn(&costs, &masses);
            for (((&at, image), costs), moved) in
                group.members.iter().zip(&images).zip(&costs).zip(&transport)
            {
                let towards = descent(image, &centroids, costs, moved, images.len() as f64);
                image.turn(&mut clean[at * size..(at + 1) * size], &towards, strength);
            }
        }
    }
}

/// The transport plan between rows of equal mass and columns of `masses`, which sum to 1.
fn sinkhorn(costs: &[Vec<f64>], masses: &[f64]) -> Vec<Vec<f64>> {
    let kernel: Vec<Vec<f64>> = costs
        .iter()
        .map(|row| row.iter().map(|cost| (-cost / SMOOTHING).exp()).collect())
        .collect();
    let own = 1.0 / costs.len().max(1) as f64;
    let (mut rows, mut columns) = (vec![1.0; costs.len()], vec![1.0; masses.len()]);
    for _ in 0..ROUNDS {
        for (scale, row) in rows.iter_mut().zip(&kernel) {
            *scale = own / row.iter().zip(&columns).map(|(k, b)| k * b).sum::<f64>();
        }
        for (at, scale) in columns.iter_mut().enumerate() {
            let sum: f64 = kernel.iter().zip(&rows).map(|(row, a)| row[at] * a).sum();
            *scale = masses[at] / sum;
        }
    }
    let scaled =
        |(row, a): (&Vec<f64>, &f64)| row.iter().zip(&columns).map(|(k, b)| a * k * b).collect();
    kernel.iter().zip(&rows).map(scaled).collect()
}

/// Σ_j n·g_ij (k̂_j − u_i)/C_ij: where image i is to turn.
fn descent(
    image: &Direction,
    centroids: &[Vec<f64>],
    costs: &[f64],
    moved: &[f64],
    images: f64,
) -> Vec<f64> {
    let mut towards = vec![0.0; image.unit.len()];
    for ((centroid, &cost), &share) in centroids.iter().zip(costs).zip(moved) {
        // An image on a centroid has no way to go.
        let weight = if cost > 0.0 { images * share / cost } else { 0.0 };
        for ((sum, &k), &u) in towards.iter_mut().zip(centroid).zip(&image.unit) {
            *sum += weight * (k - u);
        }
    }
    towards
}
