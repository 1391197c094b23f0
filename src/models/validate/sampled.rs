//! Whether a model can be sampled as the settings say: what it was trained for, beside steps, scale, solver and levels.

use std::path::PathBuf;

use super::Problem;
use crate::models::folder::{ModelFolder, SCHEDULER_CONFIG};
use crate::models::noise_schedule::{PredictionType, Sigmas, SolverKind, TimestepSpacing};
use crate::models::sampling::Sampling;
use crate::models::traits::{Distilled, FewSteps, ModelTraits};

/// The most steps that models of few steps are made for.
const MOST_OF_FEW: usize = 8;

/// The greatest scale that latent consistency models without the scale as an input can do with.
const MOST_OF_CONSISTENCY: f32 = 2.0;

/// Where to contradict what the folder tells.
const SAY: &str = "few_steps = false in [model] (sample and doctor: --set model.few_steps=false)";

/// What is wrong with a model and the way to sample it, and what to know of both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairing {
    /// Why images would come out wrong.
    pub problems: Vec<Problem>,
    /// Settings without effect and the like, in sentences.
    pub cautions: Vec<String>,
}

/// What of `sampling` the model can't follow. `negative` is the negative prompt.
pub fn pairing(
    folder: &ModelFolder,
    traits: &ModelTraits,
    sampling: &Sampling,
    negative: &str,
) -> Pairing {
    let scheduler_file = folder.paths.file(SCHEDULER_CONFIG);
    let spacing = sampling.overrides.apply(&folder.scheduler).timestep_spacing;
    let asked = Asked { traits, sampling, spacing, scheduler_file };
    asked.pairing(negative)
}

struct Asked<'a> {
    traits: &'a ModelTraits,
    sampling: &'a Sampling,
    spacing: TimestepSpacing,
    scheduler_file: PathBuf,
}

impl Asked<'_> {
    fn pairing(&self, negative: &str) -> Pairing {
        let mut problems = Vec::new();
        problems.extend(self.prediction());
        match &self.traits.few_steps {
            _ if self.traits.flow => problems.extend(self.flow()),
            Some(few) => problems.extend(self.few_steps(few)),
            None => problems.extend(self.consistency_solver()),
        }
        problems.extend(self.scale());
        problems.extend(self.rescale());
        Pairing { problems, cautions: self.cautions(negative) }
    }

    fn problem(&self, what: String, remedy: &str) -> Problem {
        Problem { file: self.scheduler_file.clone(), what, remedy: remedy.to_owned() }
    }

    fn prediction(&self) -> Option<Problem> {
        let asked = self.sampling.overrides.prediction_type?;
        let of_flow = asked == PredictionType::FlowPrediction;
        let what = match (self.traits.flow, of_flow) {
            (true, false) => {
                "the model is a rectified flow, which predicts none of what prediction_type says"
            }
            (false, true) => {
                "the model is no rectified flow, and prediction_type is flow_prediction"
            }
            _ => return None,
        };
        Some(self.problem(what.to_owned(), "leave prediction_type out: the model's folder says it"))
    }

    /// A flow and its levels.
    fn flow(&self) -> Vec<Problem> {
        let method = self.sampling.method;
        let name = method.solver.name();
        let mut found = Vec::new();
        if !matches!(method.solver, SolverKind::Euler | SolverKind::DpmSolver) {
            found.push(self.problem(
                format!("the model is a rectified flow, which the scheduler {name} can't sample"),
                "leave scheduler out, or set it to \"euler\" or \"dpm++\"",
            ));
        }
        if method.sigmas != Sigmas::Plain {
            let what = format!(
                "the model is a rectified flow, whose noise levels are its own, and sigmas is {}",
                method.sigmas.name()
            );
            found.push(self.problem(what, "leave sigmas out, or set it to \"plain\""));
        }
        found
    }

    /// A diffusion model of few steps, its solver and its levels.
    fn few_steps(&self, few: &FewSteps) -> Vec<Problem> {
        let method = self.sampling.method;
        let solver = method.solver;
        let consistency = few.kind == Distilled::Consistency;
        let of = |what: String, remedy: String| Problem { file: few.file.clone(), what, remedy };
        let mut found = Vec::new();
        if consistency && solver != SolverKind::Lcm {
            found.push(of(
                format!(
                    "this is a latent consistency model ({}), and scheduler is {}",
                    few.told,
                    solver.name()
                ),
                "leave scheduler out, or set it to \"lcm\"".to_owned(),
            ));
        }
        // Models of other kinds of distillation are sampled so too, but not those with a scheduler of their own.
        if few.kind == Distilled::Turbo && solver == SolverKind::Lcm {
            found.push(of(
                format!("this is no latent consistency model ({}), and scheduler is lcm", few.told),
                "leave scheduler out, or set it to \"euler-ancestral\" or \"euler\"".to_owned(),
            ));
        }
        let own_levels =
            matches!(solver, SolverKind::Lcm | SolverKind::Ddim | SolverKind::EulerAncestral);
        if method.sigmas != Sigmas::Plain && !own_levels {
            found.push(of(
                format!(
                    "this model was distilled to a few of training's own noise levels ({}), and sigmas is {}",
                    few.told,
                    method.sigmas.name()
                ),
                format!("leave sigmas out, or set it to \"plain\"; for an ordinary model, set {SAY}"),
            ));
        }
        if self.spacing != TimestepSpacing::Trailing && solver != SolverKind::Lcm && !consistency {
            found.push(of(
                format!(
                    "this model was distilled to a few timesteps from the last one on ({}), and timestep_spacing is {}",
                    few.told,
                    self.spacing.name()
                ),
                format!(
                    "leave timestep_spacing out, or set it to \"trailing\"; for an ordinary model, set {SAY}"
                ),
            ));
        }
        found
    }

    /// LCM's solver on a model that was not distilled for it.
    fn consistency_solver(&self) -> Option<Problem> {
        let lcm = self.sampling.method.solver == SolverKind::Lcm;
        lcm.then(|| {
            self.problem(
                "scheduler is lcm, and nothing in the model's folder tells of a latent consistency model".to_owned(),
                "leave scheduler out; for a model that was distilled to few steps, set few_steps = true in [model] (sample and \
                 doctor: --set model.few_steps=true)",
            )
        })
    }

    /// The scale of a model that was distilled at one, or that has it as an input.
    fn scale(&self) -> Option<Problem> {
        let scales = &self.sampling.cfg_schedule;
        if self.traits.embeds_scale {
            return (!scales.is_empty()).then(|| {
                self.problem(
                    "the model has the guidance scale as an input, the same at all steps, and cfg_schedule changes it".into(),
                    "remove cfg_schedule from [guidance], and set cfg in [generate]",
                )
            });
        }
        let few = self.traits.few_steps.as_ref()?;
        let greatest = scales.iter().copied().fold(self.sampling.cfg, f32::max);
        let some = few.kind == Distilled::Consistency && greatest <= MOST_OF_CONSISTENCY;
        if !self.sampling.is_guided() || some {
            return None;
        }
        Some(Problem {
            file: few.file.clone(),
            what: format!(
                "this model makes images in few steps without guidance ({}), and cfg is {greatest}: such images burn out",
                few.told
            ),
            remedy: format!("leave cfg out, or set it to 1; for an ordinary model, set {SAY}"),
        })
    }

    fn rescale(&self) -> Option<Problem> {
        let rescaled = self.sampling.guidance_rescale != 0.0 && !self.sampling.is_guided();
        rescaled.then(|| {
            self.problem(
                "guidance_rescale has nothing to rescale: no step has classifier-free guidance"
                    .into(),
                "leave guidance_rescale out, or set it to 0",
            )
        })
    }

    fn cautions(&self, negative: &str) -> Vec<String> {
        let mut told = Vec::new();
        let guided = self.sampling.is_guided();
        if let Some(few) = self.traits.few_steps.as_ref()
            && self.sampling.steps > MOST_OF_FEW
        {
            told.push(format!(
                "{}: this model makes images in few steps ({}), and steps is {}: more than {MOST_OF_FEW} are of no use or \
                 harm; leave steps out, or set it to 4",
                few.file.display(),
                few.told,
                self.sampling.steps
            ));
        }
        if !negative.is_empty() && !guided {
            told.push(
                "the negative prompt has no effect: without classifier-free guidance the denoiser never sees it".to_owned(),
            );
        }
        if self.sampling.limits_guidance() && !guided {
            told.push(
                "the interval of classifier-free guidance has no effect: no step has such guidance"
                    .to_owned(),
            );
        }
        if self.traits.flow && self.sampling.overrides.timestep_spacing.is_some() {
            told.push(
                "timestep_spacing has no effect: the levels of a rectified flow are its own"
                    .to_owned(),
            );
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::noise_schedule::Method;
    use crate::models::sampling::Overrides;

    fn traits(flow: bool, embeds_scale: bool, kind: Option<Distilled>) -> ModelTraits {
        let told = |kind| FewSteps { kind, file: "f.json".into(), told: "told".into() };
        ModelTraits {
            network: None,
            flow,
            flow_by_euler: flow,
            edm: None,
            embeds_scale,
            few_steps: kind.map(told),
        }
    }

    /// The model's own sampling.
    fn own(traits: &ModelTraits) -> Sampling {
        let own = traits.own_sampling(false);
        let timestep_spacing = own.timestep_spacing;
        Sampling {
            steps: own.steps,
            cfg: if traits.embeds_scale { 1.0 } else { own.cfg as f32 },
            embedded_scale: traits.embeds_scale.then_some(own.cfg as f32),
            method: own.method,
            overrides: Overrides { timestep_spacing, ..Overrides::default() },
            ..Sampling::default()
        }
    }

    fn found(traits: &ModelTraits, sampling: &Sampling, negative: &str) -> Pairing {
        let spacing = sampling.overrides.timestep_spacing.unwrap_or(TimestepSpacing::Leading);
        let asked = Asked { traits, sampling, spacing, scheduler_file: "s.json".into() };
        asked.pairing(negative)
    }

    fn all() -> Vec<ModelTraits> {
        let few =
            [Distilled::Turbo, Distilled::Consistency, Distilled::Trajectory, Distilled::Other];
        let mut all: Vec<ModelTraits> = few.map(|kind| traits(false, false, Some(kind))).to_vec();
        all.push(traits(false, true, Some(Distilled::Consistency)));
        all.push(traits(false, false, None));
        all.extend(
            [(false, None), (true, None), (false, Some(Distilled::Other))]
                .map(|(embeds, kind)| traits(true, embeds, kind)),
        );
        all
    }

    #[test]
    fn a_models_own_sampling_is_never_at_fault() {
        for traits in all() {
            assert_eq!(found(&traits, &own(&traits), ""), Pairing::default(), "{traits:?}");
        }
    }

    /// The problem that comes of changing a model's own sampling.
    fn refused(traits: &ModelTraits, change: impl FnOnce(&mut Sampling)) -> String {
        let mut sampling = own(traits);
        change(&mut sampling);
        let problems = found(traits, &sampling, "").problems;
        assert_eq!(problems.len(), 1, "{traits:?}: {problems:?}");
        format!("{}; {}", problems[0].what, problems[0].remedy)
    }

    #[test]
    fn few_steps_take_no_guidance_and_no_other_levels() {
        for kind in [Distilled::Turbo, Distilled::Other, Distilled::Trajectory] {
            let traits = traits(false, false, Some(kind));
            assert!(refused(&traits, |s| s.cfg = 5.0).contains("cfg is 5"));
            let scheduled = refused(&traits, |s| s.cfg_schedule = vec![1.0, 3.0]);
            assert!(scheduled.contains("cfg is 3"), "{scheduled}");
            let leading = |s: &mut Sampling| {
                s.overrides.timestep_spacing = Some(TimestepSpacing::Leading);
            };
            assert!(refused(&traits, leading).contains("timestep_spacing is leading"));
            let karras = |s: &mut Sampling| s.method = Method::default();
            assert!(refused(&traits, karras).contains("sigmas is karras"));
        }
        let schnell = traits(true, false, Some(Distilled::Other));
        assert!(refused(&schnell, |s| s.cfg = 3.5).contains("set it to 1"));
    }

    #[test]
    fn latent_consistency_models_and_their_solver_belong_together() {
        let by_input = traits(false, true, Some(Distilled::Consistency));
        let euler = |s: &mut Sampling| {
            s.method.solver = SolverKind::Euler;
            s.overrides.timestep_spacing = Some(TimestepSpacing::Trailing);
        };
        assert!(refused(&by_input, euler).contains("scheduler is euler; leave scheduler out"));
        let scheduled = refused(&by_input, |s| s.cfg_schedule = vec![1.0, 3.0]);
        assert!(scheduled.contains("remove cfg_schedule"), "{scheduled}");
        let lcm = |s: &mut Sampling| s.method.solver = SolverKind::Lcm;
        assert!(refused(&traits(false, false, None), lcm).contains("few_steps = true"));
        assert!(refused(&traits(false, false, Some(Distilled::Turbo)), lcm).contains("no latent"));
        // Made by LCM-LoRA, which takes a little guidance.
        let fused = traits(false, false, Some(Distilled::Consistency));
        let sampling = Sampling { cfg: 1.5, ..own(&fused) };
        assert_eq!(found(&fused, &sampling, "").problems, []);
        assert!(refused(&fused, |s| s.cfg = 7.0).contains("cfg is 7"));
    }

    #[test]
    fn flows_take_their_own_solvers_levels_and_prediction() {
        let flow = traits(true, false, None);
        for solver in [SolverKind::Ddim, SolverKind::Lcm, SolverKind::EulerAncestral] {
            let wrong = refused(&flow, |s| s.method.solver = solver);
            assert!(wrong.contains(solver.name()), "{wrong}");
        }
        assert!(refused(&flow, |s| s.method.sigmas = Sigmas::Karras).contains("sigmas is karras"));
        for predicts in
            [PredictionType::Epsilon, PredictionType::VPrediction, PredictionType::Sample]
        {
            refused(&flow, |s| s.overrides.prediction_type = Some(predicts));
        }
        let velocity =
            |s: &mut Sampling| s.overrides.prediction_type = Some(PredictionType::FlowPrediction);
        let wrong = refused(&traits(false, false, None), velocity);
        assert!(wrong.contains("no rectified flow"), "{wrong}");
        let mut own = own(&flow);
        velocity(&mut own);
        assert_eq!(found(&flow, &own, "").problems, []);
    }

    #[test]
    fn what_has_no_effect_is_told() {
        let few = traits(false, false, Some(Distilled::Other));
        assert!(refused(&few, |s| s.guidance_rescale = 0.7).contains("guidance_rescale"));
        let told = |traits: &ModelTraits, sampling: &Sampling, negative: &str| {
            let found = found(traits, sampling, negative);
            assert_eq!(found.problems, []);
            found.cautions
        };
        let many = Sampling { steps: 25, ..own(&few) };
        assert!(told(&few, &many, "")[0].contains("steps is 25"));
        assert!(told(&few, &own(&few), "blurry")[0].contains("negative prompt"));
        let guided = traits(false, false, None);
        assert_eq!(told(&guided, &own(&guided), "blurry"), Vec::<String>::new());
    }
}
