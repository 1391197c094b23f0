//! How a model is sampled where nothing else is said: its own steps, scale, solver, noise levels and timesteps.

use super::noise_schedule::{Method, Sigmas, SolverKind, TimestepSpacing};
use super::traits::{Distilled, ModelTraits};

/// A model's own sampling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnSampling {
    /// Denoising steps.
    pub steps: usize,
    /// The guidance scale; of a model that has it as an input, the value given there.
    pub cfg: f64,
    /// Solver and noise levels.
    pub method: Method,
    /// The timesteps, where the folder's scheduler settings are not to say.
    pub timestep_spacing: Option<TimestepSpacing>,
}

/// Steps of a model that was distilled to few.
const FEW_STEPS: usize = 4;

/// The scale of models to train on, which is less than that of images to look at.
const SCALE: f64 = 2.0;

/// The published program's scale, by which the published pull is multiplied.
const PUBLISHED_SCALE: f64 = 5.0;

/// The scale that a latent consistency model is given, as by diffusers.
const CONSISTENCY_SCALE: f64 = 8.5;

/// The scale that a flow with the scale as an input is given, as by diffusers for FLUX.1 [dev].
const EMBEDDED_SCALE: f64 = 3.5;

/// Steps of a diffusion model, the published program's.
const STEPS: usize = 25;

/// Steps of a rectified flow, by the denoiser's class, as diffusers has them; of any other those of the first.
const FLOW_STEPS: [(&str, usize); 3] =
    [("SD3Transformer2DModel", 28), ("FluxTransformer2DModel", 28), ("SanaTransformer2DModel", 20)];

impl ModelTraits {
    /// The model's own sampling, with the published pull (`pulled`) or without.
    pub fn own_sampling(&self, pulled: bool) -> OwnSampling {
        OwnSampling {
            steps: self.own_steps(),
            cfg: self.own_scale(pulled),
            method: self.own_method(),
            timestep_spacing: self.own_spacing(),
        }
    }

    /// The model's own sampling in words.
    pub fn in_words(&self, own: &OwnSampling) -> String {
        let kind = match &self.few_steps {
            Some(few) => format!(", a model of few steps ({})", few.told),
            None => String::new(),
        };
        let steps = own.steps;
        let scale = match self.embeds_scale {
            true => format!("the scale {} as an input", own.cfg),
            false if own.cfg == 1.0 => "no classifier-free guidance".to_owned(),
            false => format!("cfg {}", own.cfg),
        };
        format!("{steps} steps of {}, {scale}{kind}", own.method.solver.name())
    }

    fn own_steps(&self) -> usize {
        if self.few_steps.is_some() {
            return FEW_STEPS;
        }
        let known = FLOW_STEPS.iter().find(|(class, _)| self.is_network(class));
        match known.or(FLOW_STEPS.first()) {
            Some((_, steps)) if self.flow => *steps,
            _ => STEPS,
        }
    }

    fn own_scale(&self, pulled: bool) -> f64 {
        match &self.few_steps {
            _ if self.embeds_scale && self.flow => EMBEDDED_SCALE,
            _ if self.embeds_scale => CONSISTENCY_SCALE,
            Some(_) => 1.0,
            None if pulled => PUBLISHED_SCALE,
            None => SCALE,
        }
    }

    fn own_method(&self) -> Method {
        let plain = |solver| Method { solver, sigmas: Sigmas::Plain };
        if self.flow {
            let euler = self.flow_by_euler;
            return plain(if euler { SolverKind::Euler } else { SolverKind::DpmSolver });
        }
        let Some(few) = &self.few_steps else { return self.edm.unwrap_or_default() };
        plain(match few.kind {
            Distilled::Turbo => SolverKind::EulerAncestral,
            Distilled::Consistency => SolverKind::Lcm,
            Distilled::Trajectory => SolverKind::Ddim,
            Distilled::Other => SolverKind::Euler,
        })
    }

    /// Few steps start at the last timestep of training. LCM's solver has timesteps of its own.
    fn own_spacing(&self) -> Option<TimestepSpacing> {
        let few = self.few_steps.as_ref().filter(|_| !self.flow)?;
        (few.kind != Distilled::Consistency).then_some(TimestepSpacing::Trailing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::traits::FewSteps;

    fn traits() -> ModelTraits {
        ModelTraits {
            network: None,
            flow: false,
            flow_by_euler: false,
            edm: None,
            embeds_scale: false,
            few_steps: None,
        }
    }

    fn few(kind: Distilled) -> Option<FewSteps> {
        Some(FewSteps { kind, file: "f.json".into(), told: "told".into() })
    }

    fn parts(own: OwnSampling) -> (usize, f64, SolverKind, Sigmas, Option<TimestepSpacing>) {
        (own.steps, own.cfg, own.method.solver, own.method.sigmas, own.timestep_spacing)
    }

    #[test]
    fn ordinary_models_keep_the_values_that_runs_were_made_with() {
        let usual = (25, 2.0, SolverKind::DpmSolver, Sigmas::Karras, None);
        assert_eq!(parts(traits().own_sampling(false)), usual);
        assert_eq!(traits().own_sampling(true).cfg, 5.0);
    }

    #[test]
    fn distilled_models_take_few_plain_steps_without_guidance() {
        let trailing = Some(TimestepSpacing::Trailing);
        for (kind, solver, spacing) in [
            (Distilled::Turbo, SolverKind::EulerAncestral, trailing),
            (Distilled::Other, SolverKind::Euler, trailing),
            (Distilled::Trajectory, SolverKind::Ddim, trailing),
            (Distilled::Consistency, SolverKind::Lcm, None),
        ] {
            let own = ModelTraits { few_steps: few(kind), ..traits() }.own_sampling(true);
            assert_eq!(parts(own), (4, 1.0, solver, Sigmas::Plain, spacing), "{kind:?}");
        }
        let lcm =
            ModelTraits { few_steps: few(Distilled::Consistency), embeds_scale: true, ..traits() };
        assert_eq!(lcm.own_sampling(false).cfg, 8.5);
    }

    #[test]
    fn flows_take_their_familys_steps_and_their_folders_solver() {
        let flow = |class: &str, flow_by_euler, embeds_scale| {
            let network = Some(class.to_owned());
            ModelTraits {
                network,
                flow: true,
                flow_by_euler,
                edm: None,
                embeds_scale,
                few_steps: None,
            }
        };
        let of = |traits: ModelTraits| {
            let (steps, cfg, solver, sigmas, spacing) = parts(traits.own_sampling(false));
            assert_eq!((sigmas, spacing), (Sigmas::Plain, None));
            (steps, cfg, solver)
        };
        let (euler, dpm) = (SolverKind::Euler, SolverKind::DpmSolver);
        assert_eq!(of(flow("SD3Transformer2DModel", true, false)), (28, 2.0, euler));
        assert_eq!(of(flow("FluxTransformer2DModel", true, true)), (28, 3.5, euler));
        assert_eq!(of(flow("SanaTransformer2DModel", false, false)), (20, 2.0, dpm));
        let schnell = flow("FluxTransformer2DModel", true, false);
        assert_eq!(
            of(ModelTraits { few_steps: few(Distilled::Other), ..schnell }),
            (4, 1.0, euler)
        );
    }
}
