//! Repulsion by a determinantal point process: images of a class that are denoised together turn away from each other.
//!
//! With u_i the direction of ẑ0_i and K_ij = u_i·u_j, the step goes down the gradient of L = −log det(K + εI):
//!
//! ```text
//! ẑ0_i −= κ·‖ẑ0_i‖²/2·∂L/∂ẑ0_i,   that is   ẑ0_i += κ·‖ẑ0_i‖·(I − u_i u_iᵀ) Σ_j (K + εI)⁻¹_ij u_j
//! ```

use super::settings::{TermKey, TermValue};
use super::vectors::{Direction, dot};
use super::window::{self, FROM, STRENGTH, TO};
use super::{GuidancePlan, GuidanceStep, GuidanceTerm};
use crate::linalg::solve::solve_positive;

/// The term.
pub(super) struct Repulsion;

pub(super) const NAME: &str = "repulsion";

/// ε: keeps images that are the same from repelling each other without bound.
const RIDGE: f64 = 0.1;

const OWN_STRENGTH: TermKey = TermKey {
    default: TermValue::Number(0.05),
    doc: "κ, the step along the gradient, in lengths of the clean-latent estimate: 0 is off.\n",
    ..STRENGTH
};

impl GuidanceTerm for Repulsion {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Turns a class's images away from each other: down the gradient of −log det(K + 0.1·I), K the cosines of the\n\
         clean-latent estimates that are denoised together. Groups never span classes then."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[OWN_STRENGTH, FROM, TO]
    }

    fn couples(&self) -> bool {
        true
    }

    fn edit(&self, plan: &GuidancePlan, step: &GuidanceStep<'_>, clean: &mut [f32]) {
        let Some(strength) = window::strength(plan, NAME, (&OWN_STRENGTH, None), step) else {
            return;
        };
        let size = step.sample_length();
        for group in step.class_groups() {
            let sample = |at: usize| at * size..(at + 1) * size;
            let images: Vec<Direction> =
                group.members.iter().map(|&at| Direction::of(&clean[sample(at)])).collect();
            let mut away: Vec<f64> = images.iter().flat_map(|image| &image.unit).copied().collect();
            solve_positive(cosines(&images), images.len(), &mut away, size);
            for ((&at, image), away) in group.members.iter().zip(&images).zip(away.chunks(size)) {
                image.turn(&mut clean[sample(at)], away, strength);
            }
        }
    }
}

/// K + εI, row by row.
fn cosines(images: &[Direction]) -> Vec<f64> {
    let count = images.len();
    let entry = |at: usize| {
        let (row, column) = (at / count, at % count);
        let ridge = if row == column { RIDGE } else { 0.0 };
        dot(&images[row].unit, &images[column].unit) + ridge
    };
    (0..count * count).map(entry).collect()
}
