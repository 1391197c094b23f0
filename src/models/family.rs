//! The families of text-to-image models that this program samples. A family is one entry of [`FAMILIES`]: the model
//! folder, the text encoders, the denoiser and the validation of a model take from it all in which families differ.

mod table;
#[cfg(test)]
mod tests;

pub use table::FAMILIES;

/// A family of models with the same parts.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// The name that messages use.
    pub name: &'static str,
    /// The pipelines that diffusers builds of such a model, by `_class_name` in `model_index.json`.
    pub pipelines: Pipelines,
    /// The text encoders, in the order in which their hidden states and pooled prompts stand.
    pub text: &'static [TextRole],
    /// The folder of the denoiser.
    pub denoiser: &'static str,
    /// Which inputs the denoiser takes.
    pub conditioning: Conditioning,
    /// What the denoiser was trained to predict.
    pub training: Training,
    /// Cells of a latent a side that are one token of the denoiser, where its configuration doesn't say.
    pub patch: usize,
    /// Latent cells a side of the images that the family is for, where a model's configuration doesn't say.
    pub cells: Option<usize>,
    /// Whether an absent negative prompt means zeros where `model_index.json` doesn't say.
    pub zeros_for_no_prompt: bool,
    /// Whether a model makes images from noise alone; a refiner only finishes those of another model.
    pub starts_from_noise: bool,
}

/// Which inputs a denoiser takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditioning {
    /// A UNet: sample, timestep, prompt.
    Unet,
    /// A UNet that also takes the pooled prompt and the image's size, as `text_embeds` and `time_ids`.
    UnetWithSize,
    /// SD 3's transformer: latents, prompt, pooled prompt, timestep.
    Joint,
    /// FLUX.1's transformer: the same with latents packed into tokens, and the places of all tokens.
    Packed,
    /// Sana's transformer: latents, prompt and its mask, timestep.
    Masked,
}

/// What a denoiser was trained to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Training {
    /// Noise, or what stands for it, on a schedule of betas.
    Diffusion,
    /// The velocity of a rectified flow.
    Flow,
}

/// How a model is told how closely to follow the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScaleInput {
    /// By classifier-free guidance: the denoiser runs with a negative prompt beside.
    #[default]
    ClassifierFree,
    /// By an input of the denoiser.
    Embedded,
    /// Not at all: the model was distilled at one scale.
    None,
}

/// Names of pipelines; a leading `ORT` counts for nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Pipelines {
    /// All whose name contains the first, but those that contain the second.
    Containing(&'static str, &'static str),
    /// These alone: others of the same model take other inputs.
    Named(&'static [&'static str]),
}

/// A text encoder's place in a family.
#[derive(Debug, PartialEq, Eq)]
pub struct TextRole {
    /// Its folder, and its key in `model_index.json`.
    pub folder: &'static str,
    /// The folder of its tokenizer.
    pub tokenizer: &'static str,
    /// What kind of network it is.
    pub kind: TextKind,
    /// Which hidden states the denoiser takes; `None` for an encoder that gives the pooled prompt alone.
    pub hidden: Option<HiddenStates>,
    /// The output that is the pooled prompt, or part of it.
    pub pooled: Option<&'static str>,
    /// Whether a model may lack it.
    pub optional: bool,
}

/// Kinds of text encoders, which differ in their tokenizers and in how their hidden states are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// CLIP: a fixed number of tokens; several encoders stand side by side.
    Clip,
    /// T5's encoder: its tokens follow those of others.
    T5 {
        /// Tokens of a prompt.
        tokens: usize,
    },
    /// Gemma with instructions before the prompt, which its last tokens leave out.
    Gemma {
        /// Tokens of a prompt.
        tokens: usize,
    },
}

/// Which of a text encoder's hidden states the denoiser takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenStates {
    /// Those of the last layer, after its normalisation.
    Last,
    /// Those before the last layer.
    Penultimate,
}

/// The folder of the image decoder, in every family.
const VAE_DECODER: &str = "vae_decoder";

impl Pipelines {
    /// Whether `class` is the name of one of them.
    pub fn cover(&self, class: &str) -> bool {
        let class = class.strip_prefix("ORT").unwrap_or(class);
        match self {
            Self::Containing(with, without) => class.contains(with) && !class.contains(without),
            Self::Named(names) => names.contains(&class),
        }
    }
}

impl TextKind {
    /// The name that messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clip => "CLIP",
            Self::T5 { .. } => "T5",
            Self::Gemma { .. } => "Gemma",
        }
    }

    /// Whether `class` is the name of a network of another kind.
    fn is_another(self, class: &str) -> bool {
        let kinds = [Self::Clip, Self::T5 { tokens: 0 }, Self::Gemma { tokens: 0 }];
        kinds.iter().any(|kind| kind.name() != self.name() && class.contains(kind.name()))
    }
}

impl Conditioning {
    /// Whether it is a UNet's.
    pub fn is_unet(self) -> bool {
        matches!(self, Self::Unet | Self::UnetWithSize)
    }
}

impl Family {
    /// The family of a model whose index names the pipeline `class`; `part` gives the class of the part in a folder, if the
    /// index names it. A model of an unknown pipeline counts to the family that has its text encoders and its denoiser.
    pub fn of<'c>(
        class: Option<&str>,
        part: impl Fn(&str) -> Option<&'c str>,
    ) -> Option<&'static Self> {
        let covered = |family: &&Self| class.is_some_and(|class| family.pipelines.cover(class));
        // A family that shares its pipelines with no other is known by them alone, whatever parts lack.
        let mut named = FAMILIES.iter().filter(covered);
        if let (Some(only), None) = (named.next(), named.next()) {
            return Some(only);
        }
        let alike = |family: &&Self| family.has_parts(&part);
        let all = || FAMILIES.iter().filter(alike);
        all().find(covered).or_else(|| all().next())
    }

    /// Whether the parts that an index names are those of such a model.
    pub fn has_parts<'c>(&self, part: impl Fn(&str) -> Option<&'c str>) -> bool {
        let role = |folder: &str| self.text.iter().find(|role| role.folder == folder);
        let fits = |folder: &str| match (role(folder), part(folder)) {
            (Some(role), Some(class)) => !role.kind.is_another(class),
            (Some(role), None) => role.optional,
            (None, named) => named.is_none(),
        };
        let mut denoisers = FAMILIES.iter().map(|family| family.denoiser);
        let other = denoisers.any(|folder| folder != self.denoiser && part(folder).is_some());
        Self::text_folders().into_iter().all(fits) && (!other || part(self.denoiser).is_some())
    }

    /// Whether `class` is the name of a pipeline of the same networks that is none of the family's.
    pub fn is_near(&self, class: &str) -> bool {
        let stem = |name: &&str| {
            let stem = name.strip_suffix("Pipeline").unwrap_or(name);
            class.contains(stem)
        };
        match &self.pipelines {
            Pipelines::Containing(..) => false,
            Pipelines::Named(names) => names.first().is_some_and(stem),
        }
    }

    /// Whether any family has models of the pipeline `class`.
    pub fn is_known(class: &str) -> bool {
        FAMILIES.iter().any(|family| family.pipelines.cover(class))
    }

    /// The families that make images from noise, as a choice in words.
    pub fn choice() -> String {
        let starting = FAMILIES.iter().filter(|family| family.starts_from_noise);
        let names: Vec<&str> = starting.map(|family| family.name).collect();
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => names.concat(),
        }
    }

    /// The folders of all text encoders of all families, each once.
    pub fn text_folders() -> Vec<&'static str> {
        let all = FAMILIES.iter().flat_map(|family| family.text);
        let mut folders: Vec<&str> = all.map(|role| role.folder).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// The files and folders of a model that an image from a prompt depends on.
    pub fn image_parts(&self) -> Vec<&'static str> {
        let mut parts = vec!["model_index.json", "scheduler"];
        parts.extend(self.text.iter().map(|role| role.folder));
        parts.extend(self.text.iter().map(|role| role.tokenizer));
        parts.extend([self.denoiser, VAE_DECODER]);
        parts
    }

    /// The folders of the graphs that make an image from a prompt.
    pub fn image_graphs(&self) -> Vec<&'static str> {
        let text = self.text.iter().map(|role| role.folder);
        text.chain([self.denoiser, VAE_DECODER]).collect()
    }
}
