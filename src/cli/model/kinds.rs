//! What an export needs to know of each kind of model: how large it is, what the exporter calls its task, and what to know
//! beforehand.

use super::recipe::Dtype;
use crate::models::{Conditioning, FAMILIES, Family};

/// Weights that the exporter holds at once, as a multiple of the exported ones: torch's, the graph's, and the written one.
const COPIES: f64 = 3.5;
const GIGA: f64 = 1e9;

/// Models whose pipelines diffusers gives one name.
pub(super) struct Kind {
    /// What the pipeline's class contains.
    class: &'static str,
    /// What a name on the hub contains, in small letters, of which any will do.
    words: &'static [&'static str],
    /// Millions of weights, of the largest model that is in use.
    millions: u32,
    /// What to know in half precision.
    half: Option<&'static str>,
}

const T5: &str = "most of it is the text encoder T5 (9.5 GB in fp16); the transformer is published in bfloat16, which ONNX Runtime's \
    kernels lack";

/// The kinds; the first that fits counts.
const KINDS: [Kind; 7] = [
    Kind {
        class: "StableDiffusion3",
        words: &["stable-diffusion-3", "sd3"],
        millions: 13_721,
        half: Some(T5),
    },
    Kind {
        class: "Flux",
        words: &["flux"],
        millions: 16_870,
        half: Some(
            "most of it is the transformer (23.8 GB in fp16), published in bfloat16: some of its values exceed float16; where \
             doctor says that values are not finite, export with --dtype fp32 and fuse with --float16, which keeps those parts \
             in float32 (docs/models.md)",
        ),
    },
    Kind {
        class: "Sana",
        words: &["sana"],
        millions: 4_530,
        half: Some(
            "its text encoder is Gemma 2, published in bfloat16: where doctor says that values are not finite, export that part \
             with --dtype fp32",
        ),
    },
    Kind {
        class: "StableDiffusionXL",
        words: &["xl", "playground-v2"],
        millions: 3_469,
        half: None,
    },
    Kind { class: "LatentConsistency", words: &["lcm"], millions: 1_067, half: None },
    Kind {
        class: "StableDiffusion",
        words: &["stable-diffusion-2", "sd-turbo"],
        millions: 1_290,
        half: None,
    },
    Kind { class: "StableDiffusion", words: &[""], millions: 1_067, half: None },
];

impl Kind {
    /// The kind of a pipeline's class.
    pub(super) fn of(class: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| class.contains(kind.class))
    }

    /// Bytes of the exported graphs, for the largest model of the kind.
    pub(super) fn bytes(&self, dtype: Dtype) -> u64 {
        u64::from(self.millions) * 1_000_000 * dtype.bytes()
    }

    /// In sentences: the folders to expect, memory and disk, and what to know.
    pub(super) fn about(&self, class: &str, dtype: Dtype) -> Vec<String> {
        let giga = self.bytes(dtype) as f64 / GIGA;
        let mut said = vec![format!(
            "up to {giga:.1} GB of graphs, twice that on the disk meanwhile; the exporter takes about {:.0} GB of memory",
            giga * COPIES
        )];
        if let Some(parts) = parts(class) {
            said.push(format!("folders to expect: {}", parts.join(", ")));
        }
        if dtype == Dtype::Fp16 {
            said.extend(self.half.map(str::to_owned));
        }
        said
    }
}

/// The pipeline's class that a name on the hub speaks of.
pub(super) fn class_by_name(name: &str) -> String {
    let name = name.to_lowercase();
    let kind = KINDS.iter().find(|kind| kind.words.iter().any(|word| name.contains(word)));
    let kind = kind.map_or("StableDiffusion", |kind| kind.class);
    let from = if name.contains("refiner") { "Img2ImgPipeline" } else { "Pipeline" };
    let model = if kind == "LatentConsistency" { "Model" } else { "" };
    format!("{kind}{model}{from}")
}

/// The folders of graphs that a pipeline of this class has.
fn parts(class: &str) -> Option<Vec<&'static str>> {
    // Stable Diffusion 1, 2 and SDXL share the names of their pipelines, all but two letters.
    let (sized, refines) = (class.contains("XL"), class.contains("Img2Img"));
    let fits = |family: &&Family| match family.conditioning {
        Conditioning::Unet => !sized,
        Conditioning::UnetWithSize => sized && family.starts_from_noise != refines,
        _ => true,
    };
    let mut covering = FAMILIES.iter().filter(|family| family.pipelines.cover(class));
    let family = covering.find(fits)?;
    Some([vec!["vae_encoder"], family.image_graphs()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_hub_tell_the_pipeline() {
        for (name, class) in [
            ("stabilityai/stable-diffusion-xl-base-1.0", "StableDiffusionXLPipeline"),
            ("stabilityai/stable-diffusion-xl-refiner-1.0", "StableDiffusionXLImg2ImgPipeline"),
            ("stabilityai/sdxl-turbo", "StableDiffusionXLPipeline"),
            ("stabilityai/sd-turbo", "StableDiffusionPipeline"),
            ("stabilityai/stable-diffusion-3.5-large", "StableDiffusion3Pipeline"),
            ("black-forest-labs/FLUX.1-schnell", "FluxPipeline"),
            ("Efficient-Large-Model/Sana_1600M_1024px_diffusers", "SanaPipeline"),
            ("SimianLuo/LCM_Dreamshaper_v7", "LatentConsistencyModelPipeline"),
            ("stable-diffusion-v1-5/stable-diffusion-v1-5", "StableDiffusionPipeline"),
        ] {
            assert_eq!(class_by_name(name), class, "{name}");
            assert!(parts(class).is_some_and(|parts| parts.contains(&"text_encoder_2")
                || !class.contains("XL")), "{class}");
        }
    }

    #[test]
    fn sizes_follow_the_number_of_weights() {
        let flux = Kind::of("FluxPipeline").unwrap();
        assert_eq!(flux.bytes(Dtype::Fp16), 33_740_000_000);
        assert_eq!(flux.bytes(Dtype::Fp32), 67_480_000_000);
        let said = flux.about("FluxPipeline", Dtype::Fp16);
        assert!(said[0].contains("33.7 GB") && said[0].contains("118 GB of memory"), "{said:?}");
        assert!(said[1].contains("transformer") && said[2].contains("float16"), "{said:?}");
        assert!(Kind::of("WanPipeline").is_none());
    }
}
