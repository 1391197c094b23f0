//! Sets of defaults by name.

use serde::Serialize;

/// What settings are that the file doesn't give.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// What is known to be best.
    #[default]
    Default,
    /// The published program's values.
    Published,
}

named!(Preset, "\"default\" or \"published\"",
    "default" => Preset::Default, "published" => Preset::Published);

/// The published program's values (arXiv 2512.03844 and its code). What changes no result is left
/// alone, but for the batch that fits such images. Steps, scale, scheduler and sigmas are those of SDXL without a value.
pub(super) const PUBLISHED: &str = r#"
guidance = "published"

[encode]
size = 1024
batch = 8
dtype = "f16"

[discover]
features = "latent"
pca = 0
algorithm = "coda"
n_neighbors = 85
min_cluster_size = 55
min_samples = 3
components = 50
neighbors = "exact"
min_label_purity = 0.0
seed = 42

[anchor]
kind = "image"

[generate]
size = 1024
gamma = 0.05
guidance_fraction = 0.9
guidance_rescale = 0.0
noise = "torch-cuda"
seeds = "published"
prompt = "{name}"
negative_prompt = ""

[output]
size = 256
"#;
