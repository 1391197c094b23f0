//! The families of text-to-image models that this program samples. A family is one entry of [`FAMILIES`]: the model
//! folder, the text encoders, the denoiser and the validation of a model take from it all in which families differ.

/// A family of models with the same parts.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// The name that messages use.
    pub name: &'static str,
    /// The pipelines that diffusers builds of such a model, by `_class_name` in `model_index.json`.
    pub pipelines: Pipelines,
    /// The text encoders, in the order in which their hidden states stand side by side.
    pub text: &'static [TextRole],
    /// The folder of the denoiser.
    pub denoiser: &'static str,
    /// Whether the denoiser takes the pooled prompt and the image's size, as `text_embeds` and `time_ids`.
    pub takes_size: bool,
    /// Whether an absent negative prompt means zeros where `model_index.json` doesn't say.
    pub zeros_for_no_prompt: bool,
    /// Whether a model makes images from noise alone; a refiner only finishes those of another model.
    pub starts_from_noise: bool,
}

/// Names of pipelines, by what they have and have not in them.
#[derive(Debug, PartialEq, Eq)]
pub struct Pipelines {
    /// What each name contains.
    pub with: &'static str,
    /// What none of them contains.
    pub without: Option<&'static str>,
}

/// A text encoder's place in a family.
#[derive(Debug, PartialEq, Eq)]
pub struct TextRole {
    /// Its folder, and its key in `model_index.json`.
    pub folder: &'static str,
    /// The folder of its tokenizer.
    pub tokenizer: &'static str,
    /// Which hidden states the denoiser takes.
    pub hidden: HiddenStates,
    /// Whether it also gives the pooled prompt, as `text_embeds`.
    pub pooled: bool,
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

const STABLE_DIFFUSION: Pipelines =
    Pipelines { with: "StableDiffusion", without: Some("StableDiffusion3") };

const SDXL_SECOND: TextRole = TextRole {
    folder: "text_encoder_2",
    tokenizer: "tokenizer_2",
    hidden: HiddenStates::Penultimate,
    pooled: true,
};

/// All families. Those of the same pipelines differ in their text encoders.
pub static FAMILIES: [Family; 3] = [
    Family {
        name: "SDXL",
        pipelines: STABLE_DIFFUSION,
        text: &[
            TextRole {
                folder: "text_encoder",
                tokenizer: "tokenizer",
                hidden: HiddenStates::Penultimate,
                pooled: false,
            },
            SDXL_SECOND,
        ],
        denoiser: "unet",
        takes_size: true,
        zeros_for_no_prompt: true,
        starts_from_noise: true,
    },
    Family {
        name: "SDXL refiner",
        pipelines: STABLE_DIFFUSION,
        text: &[SDXL_SECOND],
        denoiser: "unet",
        takes_size: true,
        zeros_for_no_prompt: true,
        starts_from_noise: false,
    },
    Family {
        name: "Stable Diffusion 1 or 2",
        pipelines: STABLE_DIFFUSION,
        text: &[TextRole {
            folder: "text_encoder",
            tokenizer: "tokenizer",
            hidden: HiddenStates::Last,
            pooled: false,
        }],
        denoiser: "unet",
        takes_size: false,
        zeros_for_no_prompt: false,
        starts_from_noise: true,
    },
];

impl Pipelines {
    /// Whether `class` is the name of one of them.
    pub fn cover(&self, class: &str) -> bool {
        class.contains(self.with) && !self.without.is_some_and(|other| class.contains(other))
    }
}

impl Family {
    /// The family of a model whose index names the pipeline `class` and the text encoders for which `has` holds. A model
    /// of an unknown pipeline counts to the family that has its text encoders.
    pub fn of(class: Option<&str>, has: impl Fn(&str) -> bool) -> Option<&'static Self> {
        let folders = |family: &Self| family.text.iter().map(|role| role.folder).collect();
        let known: Vec<Vec<&str>> = FAMILIES.iter().map(folders).collect();
        let mut named: Vec<&str> = known.concat();
        named.retain(|folder| has(folder));
        let alike = |family: &&Self| {
            let own: Vec<&str> = folders(family);
            named.iter().all(|folder| own.contains(folder)) && own.iter().all(|folder| has(folder))
        };
        let covered = |family: &&Self| class.is_some_and(|class| family.pipelines.cover(class));
        let all = || FAMILIES.iter().filter(alike);
        all().find(covered).or_else(|| all().next())
    }

    /// Whether any family has models of the pipeline `class`.
    pub fn is_known(class: &str) -> bool {
        FAMILIES.iter().any(|family| family.pipelines.cover(class))
    }

    /// The families that make images from noise, as a choice in words.
    pub fn choice() -> String {
        let starting = FAMILIES.iter().filter(|family| family.starts_from_noise);
        starting.map(|family| family.name).collect::<Vec<_>>().join(" or ")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn name(class: Option<&str>, named: &[&str]) -> Option<&'static str> {
        Family::of(class, |folder| named.contains(&folder)).map(|family| family.name)
    }

    #[test]
    fn a_family_is_told_by_its_pipeline_and_text_encoders() {
        let xl = Some("StableDiffusionXLPipeline");
        assert_eq!(name(xl, &["text_encoder", "text_encoder_2"]), Some("SDXL"));
        assert_eq!(name(xl, &["text_encoder_2"]), Some("SDXL refiner"));
        assert_eq!(name(None, &["text_encoder"]), Some("Stable Diffusion 1 or 2"));
        assert_eq!(name(Some("FluxPipeline"), &["text_encoder", "text_encoder_2"]), Some("SDXL"));
        assert_eq!(name(xl, &[]), None);
        assert!(Family::is_known("ORTStableDiffusionPipeline"));
        assert!(!Family::is_known("StableDiffusion3Pipeline") && !Family::is_known("FluxPipeline"));
    }

    #[test]
    fn the_table_gives_the_names_that_messages_and_digests_use() {
        assert_eq!(Family::choice(), "SDXL or Stable Diffusion 1 or 2");
        assert_eq!(Family::text_folders(), ["text_encoder", "text_encoder_2"]);
        let parts = FAMILIES[0].image_parts();
        assert_eq!(parts[2..6], ["text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"]);
        assert_eq!((parts[6], parts[7]), ("unet", "vae_decoder"));
        assert_eq!(FAMILIES[2].image_graphs(), ["text_encoder", "unet", "vae_decoder"]);
    }
}
