//! The parts of a model and the tensors that each part's graph must have, as optimum names them (its export
//! configurations, 1.14 and later).

use crate::models::family::{FAMILIES, Family, HiddenStates, TextRole};
use crate::onnx::Port;

/// A graph's place in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Text(&'static TextRole),
    Denoiser(&'static Family),
    VaeEncoder,
    VaeDecoder,
}

/// A tensor that must be there.
pub(super) struct Wanted {
    pub(super) name: &'static str,
    pub(super) ranks: &'static [usize],
    pub(super) kind: Kind,
}

/// The numbers in a tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Real,
    Whole,
    Either,
}

fn real(name: &'static str, ranks: &'static [usize]) -> Wanted {
    Wanted { name, ranks, kind: Kind::Real }
}

impl Part {
    /// The parts of a model of `family`, in the folder's order.
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

    /// The inputs that its graph must have.
    pub(super) fn inputs(self) -> Vec<Wanted> {
        match self {
            Self::Text(_) => vec![Wanted { name: "input_ids", ranks: &[2], kind: Kind::Whole }],
            Self::Denoiser(family) => {
                // A scalar since optimum 1.24, a vector of one before, and whole numbers in some.
                let timestep = Wanted { name: "timestep", ranks: &[0, 1], kind: Kind::Either };
                let mut all =
                    vec![real("sample", &[4]), timestep, real("encoder_hidden_states", &[3])];
                if family.takes_size {
                    all.extend([real("text_embeds", &[2]), real("time_ids", &[2])]);
                }
                all
            }
            Self::VaeEncoder => vec![real("sample", &[4])],
            Self::VaeDecoder => vec![real("latent_sample", &[4])],
        }
    }

    /// The outputs that its graph must have.
    pub(super) fn outputs(self) -> Vec<Wanted> {
        match self {
            Self::Text(role) => {
                let hidden = match role.hidden {
                    HiddenStates::Last => "last_hidden_state",
                    HiddenStates::Penultimate => "hidden_states.0",
                };
                let pooled = role.pooled.then(|| real("text_embeds", &[2]));
                [real(hidden, &[3])].into_iter().chain(pooled).collect()
            }
            Self::Denoiser(_) => vec![real("out_sample", &[4])],
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
        let has = |ports: &[Port], wanted: &[Wanted]| {
            wanted.iter().all(|want| ports.iter().any(|port| port.name == want.name))
        };
        let fits = |part: &Self| {
            let wanted = part.inputs();
            inputs.len() == wanted.len() && has(inputs, &wanted) && has(outputs, &part.outputs())
        };
        // SDXL's second text encoder has all that the first one has.
        let own = Self::all_of(family).into_iter().rev();
        own.chain(FAMILIES.iter().flat_map(Self::all_of)).find(fits)
    }
}
