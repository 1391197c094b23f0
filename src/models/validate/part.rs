//! The parts of a model and the tensors that each part's graph must have, as optimum names them (its export
//! configurations, 1.14 and later).

use super::wanted::{Wanted, either, real, whole};
use crate::models::family::{Conditioning, FAMILIES, Family, HiddenStates, TextRole};
use crate::onnx::Port;

/// A graph's place in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Text(&'static TextRole),
    Denoiser(&'static Family),
    VaeEncoder,
    VaeDecoder,
}

impl Part {
    /// The parts of a model of `family`, in the folder's order, text encoders that a model may lack among them.
    pub(super) fn all_of(family: &'static Family) -> Vec<Self> {
        let text = family.text.iter().map(Self::Text);
        text.chain([Self::Denoiser(family), Self::VaeEncoder, Self::VaeDecoder]).collect()
    }

    /// Its folder's name.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Text(role) => role.folder,
            Self::Denoiser(family) => family.denoiser,
            Self::VaeEncoder => "vae_encoder",
            Self::VaeDecoder => "vae_decoder",
        }
    }

    /// The inputs that its graph has.
    pub(super) fn inputs(self) -> Vec<Wanted> {
        match self {
            Self::Text(_) => vec![
                whole("input_ids", &[2]),
                either("attention_mask", &[2]).optional(),
                whole("position_ids", &[2]).optional(),
            ],
            Self::Denoiser(family) => denoiser_inputs(family.conditioning),
            Self::VaeEncoder => vec![real("sample", &[4])],
            Self::VaeDecoder => vec![real("latent_sample", &[4])],
        }
    }

    /// The outputs that its graph must have.
    pub(super) fn outputs(self) -> Vec<Wanted> {
        match self {
            Self::Text(role) => {
                let hidden = role.hidden.map(|hidden| match hidden {
                    HiddenStates::Last => "last_hidden_state",
                    HiddenStates::Penultimate => "hidden_states.0",
                });
                let hidden = hidden.map(|name| real(name, &[3]));
                hidden.into_iter().chain(role.pooled.map(|name| real(name, &[2]))).collect()
            }
            Self::Denoiser(family) => vec![match family.conditioning {
                Conditioning::Unet | Conditioning::UnetWithSize => real("out_sample", &[4]),
                Conditioning::Joint | Conditioning::Masked => real("out_hidden_states", &[4]),
                Conditioning::Packed => real("out_hidden_states", &[3]),
            }],
            Self::VaeEncoder => vec![real("latent_parameters", &[4])],
            Self::VaeDecoder => vec![real("sample", &[4])],
        }
    }

    /// The part that a graph with these tensors could be: of a model of `family`, or else of another.
    pub(super) fn recognise(
        family: &'static Family,
        inputs: &[Port],
        outputs: &[Port],
    ) -> Option<Self> {
        let has = |ports: &[Port], want: &Wanted| ports.iter().any(|port| port.name == want.name);
        let known = |wanted: &[Wanted], port: &Port| wanted.iter().any(|w| w.name == port.name);
        let fits = |part: &Self| {
            let wanted = part.inputs();
            inputs.iter().all(|port| known(&wanted, port))
                && wanted.iter().all(|want| want.optional || has(inputs, want))
                && part.outputs().iter().all(|want| has(outputs, want))
        };
        // SDXL's second text encoder has all that the first one has.
        let own = Self::all_of(family).into_iter().rev();
        own.chain(FAMILIES.iter().flat_map(Self::all_of)).find(fits)
    }
}

fn denoiser_inputs(conditioning: Conditioning) -> Vec<Wanted> {
    // A scalar since optimum 1.24, a vector of one before, and whole numbers in some.
    let timestep = || either("timestep", &[0, 1]);
    let prompt = || real("encoder_hidden_states", &[3]);
    let pooled = || real("pooled_projections", &[2]);
    let latents = |ranks| real("hidden_states", ranks);
    match conditioning {
        Conditioning::Unet | Conditioning::UnetWithSize => {
            let mut all = vec![real("sample", &[4]), timestep(), prompt()];
            if conditioning == Conditioning::UnetWithSize {
                all.extend([real("text_embeds", &[2]), real("time_ids", &[2])]);
            }
            all.push(real("timestep_cond", &[2]).optional());
            all
        }
        Conditioning::Joint => vec![latents(&[4]), prompt(), pooled(), timestep()],
        Conditioning::Packed => vec![
            latents(&[3]),
            prompt(),
            pooled(),
            // σ, of which whole numbers have none.
            real("timestep", &[0, 1]),
            either("txt_ids", &[2, 3]),
            either("img_ids", &[2, 3]),
            real("guidance", &[0, 1]).optional(),
        ],
        Conditioning::Masked => {
            vec![latents(&[4]), prompt(), either("encoder_attention_mask", &[2]), timestep()]
        }
    }
}
