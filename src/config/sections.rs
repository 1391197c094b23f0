//! The sections and their keys. The defaults are what is known to be best; [`super::preset`] has the published program's.

use super::anchor::{AnchorKind, Spread};
use super::features::Features;
use super::label_purity::LabelPurity;
use super::mix::Mix;
use super::preset::Preset;
use super::rules::{
    all_positive, any, at_least, at_least_if_given, between, between_if_given, extensions,
    file_name, given, multiple_of, multiple_of_if_given, not_empty,
};
use super::value::{MaxBad, Patterns};
use crate::discovery::{Algorithm, NeighborSearch, Settings as Search};
use crate::models::noise::{Noise, Seeds};
use crate::models::noise_schedule::{PredictionType, Sigmas, SolverKind, TimestepSpacing};
use crate::onnx::DeviceChoice;
use crate::shards::{IMAGE_EXTENSIONS, LabelSource};
use crate::store::tables::LatentType;
use std::path::PathBuf;

section! {
    /// What concerns all sections.
    General = "" {
        /// The values of settings that the file does not contain. `"published"` takes the published program's values, for
        /// comparisons; `"default"` the defaults of this page. Settings in the file always take precedence.
        preset: Preset = Preset::Default, any;
    }
}

section! {
    /// What to distil: `[data]`.
    Data = "data" {
        /// The shards: tar files, plain or compressed by gzip, zstd or lz4, Parquet files that hold images (both detected by
        /// content), or a folder with one folder of images a class. Each entry is a path, a brace range
        /// (`train-{000000..000123}.tar`), a glob (`train-*.parquet`), a folder of shards or of such folders, a URL (`https://`,
        /// `http://`, `s3://`, `gs://`, `az://`, or `hf://datasets/OWNER/NAME[@REVISION]/PATH` on the Hugging Face hub; braces
        /// too, and in all but the first two globs and folders with their closing `/`), `pipe:COMMAND` (what the command
        /// writes; it runs in the folder that paths start at), or `@FILE`, a list of
        /// such entries, one a line, `#` for comments, its paths relative to that file. Credentials and endpoints come from
        /// the environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, `GOOGLE_APPLICATION_CREDENTIALS`,
        /// `AZURE_STORAGE_ACCOUNT_NAME`, `HF_TOKEN`, …). A pipe is identified by its command alone: the run does not notice when the
        /// output changes, and starts the command again after an interruption.
        shards: Patterns = Patterns::default(), not_empty;
        /// The class list: one class a line, `key, prompt`; lines that begin with `#` are comments, and a key with a comma
        /// or a leading `#` is quoted, `"tabby, cat", tabby cat`. Only these classes are distilled, in this order; a sample
        /// of any other class counts as bad, unless `skip_others` is set. Without a class list every label in the data is a
        /// class and its own prompt; for numbers that have names in the metadata of Parquet files, these are the prompts.
        classes: Option<PathBuf> = None, any;
        /// Skip samples of classes that the list lacks, without counting them as bad: for a class list of a part of the
        /// data set.
        skip_others: bool = false, any;
        /// The source of a sample's class key: `cls` or `txt` (a member of that extension; of a Parquet file the label's
        /// column, and the names of its numbers), `json:FIELD` (a field of its `.json` member, or any column of a Parquet
        /// file; `json:meta.label` is the field `label` of the object `meta`), `key` (the sample key's innermost folder or,
        /// without a folder, the part before the last `_` of its name), `key:last` (the part after the last `_`) or
        /// `key:first` (the part before the first `_`).
        label: LabelSource = LabelSource::Extension("cls".into()), any;
        /// The extensions of the image member, in order of preference; the default has every extension of a supported
        /// format. The format is detected by content; lossless, hierarchical and 12-bit JPEGs are not supported, and the
        /// first image of a file with several is used. Of 16-bit values the high byte is used; values of fewer bits must be
        /// scaled to the whole range, or images are decoded almost black, of which the run warns. Alpha is dropped.
        image: Vec<String> = IMAGE_EXTENSIONS.map(String::from).to_vec(), extensions;
        /// The most bad samples of a run (undecodable, without a label, of an unknown class; the lost rest of a damaged
        /// shard counts as one): a count, a share of all samples, or `"auto"`: 1 % and at least 10. With more the run
        /// fails; up to this number bad samples are skipped, counted and listed in `quarantine.parquet`.
        max_bad: MaxBad = MaxBad::Auto, any;
        /// The most unreadable shards of a run (another format, an HTML page, cut off in the first sample), which are
        /// skipped and do not count for `max_bad`. With 0 such a shard fails the run when the other shards are done.
        max_bad_shards: usize = 0, any;
        /// The most retries in a row of a failed read from a server, each from the byte where the read broke; bytes that
        /// arrive reset the count.
        retries: usize = 5, any;
        /// The wait before the first retry, in seconds; each further wait is twice as long, up to a minute.
        retry_seconds: f64 = 1.0, between(0.0, 60.0);
        /// The most bad samples in a row in a shard; 0 for any number. Past it the whole shard is taken to be wrong
        /// (another format, another label): it is given up at once and named, and the run fails when the other shards
        /// are done.
        max_consecutive_bad: usize = 0, any;
        /// The largest image accepted, in millions of pixels; checked before memory is taken.
        max_megapixels: usize = 128, between(1, 10_000);
        /// Turn images as their EXIF orientation says, as most viewers do. The published program does not, nor do most
        /// training programs. Colour profiles are never applied.
        exif_orientation: bool = false, any;
    }
}

section! {
    /// The text-to-image model: `[model]`.
    Model = "model" {
        /// The model's folder, as `optimum-cli export onnx` writes it (`model_index.json`, `unet/`, `vae_encoder/`, …), or a
        /// repository on the Hugging Face hub that has these files: `hf://OWNER/NAME[@REVISION][/FOLDER]` (docs/hub.md).
        path: PathBuf = PathBuf::new(), given;
        /// A refiner's folder, exported the same way: it takes the last part of denoising, `[generate] denoising_factor`.
        refiner: Option<PathBuf> = None, any;
        /// The image autoencoder of another folder, which has `vae_encoder/` and `vae_decoder/` (a whole model, if need be):
        /// SDXL's fp16-safe one, for example. An autoencoder that was not made for this model is refused.
        vae: Option<PathBuf> = None, any;
        /// The image encoder alone: its folder (`model.onnx`), or a model's that has it. Likewise the components below; all of
        /// them count by name and content, as if they lay in the model's own folder.
        vae_encoder: Option<PathBuf> = None, any;
        /// The image decoder alone, with the `config.json` that says how latents are scaled.
        vae_decoder: Option<PathBuf> = None, any;
        /// The denoiser of another folder.
        unet: Option<PathBuf> = None, any;
        /// The denoiser of another folder, of a model whose denoiser is a transformer (SD 3, FLUX.1, Sana).
        transformer: Option<PathBuf> = None, any;
        /// The text encoder of another folder.
        text_encoder: Option<PathBuf> = None, any;
        /// The second text encoder of another folder.
        text_encoder_2: Option<PathBuf> = None, any;
        /// The third text encoder of another folder.
        text_encoder_3: Option<PathBuf> = None, any;
        /// The tokenizer of another folder.
        tokenizer: Option<PathBuf> = None, any;
        /// The second tokenizer of another folder.
        tokenizer_2: Option<PathBuf> = None, any;
        /// The third tokenizer of another folder.
        tokenizer_3: Option<PathBuf> = None, any;
        /// Whether the model was distilled to make images in few steps without guidance (Turbo, Lightning, Hyper-SD). Without a
        /// value this is told from its folder: from the scheduler's settings, the denoiser's configuration and the names in it.
        /// `true` for such a denoiser that was exported with the scheduler of its base model; `false` for an ordinary model
        /// that is taken for one.
        few_steps: Option<bool> = None, any;
    }
}

section! {
    /// Where to run and with how much of the machine: `[runtime]`. Nothing here changes results (across kinds of device,
    /// up to floating point).
    Runtime = "runtime" {
        /// The ONNX Runtime library to load. Without a value the library is searched for: see `coda-pipe doctor`.
        library: Option<PathBuf> = None, any;
        /// `"auto"`, `"cpu"`, `"cuda"`, `"cuda:1"`, or a list such as `["cuda:0", "cuda:1"]`: each device has a thread and
        /// sessions of its own. `"auto"` takes all GPUs that work and shows which; a named device never falls back to another.
        /// `"tensorrt"` and `"tensorrt:1"` are the same cards through TensorRT: it first builds an engine for each graph,
        /// which takes minutes once a run, and keeps it in `tensorrt/` of the run directory.
        devices: DeviceChoice = DeviceChoice::Auto, any;
        /// Let TensorRT compute in half precision. Graphs exported in fp16 need this setting; other graphs lose precision.
        tensorrt_fp16: bool = false, any;
        /// Let CUDA round fp32 values to TF32 (10 bits) in products and convolutions: faster for graphs exported in fp32, no
        /// difference for fp16 ones. Without it a card's latents stay within 1e-4 of their deviation of the CPU's, with it
        /// within 1e-2, which can change which images become cores.
        tf32: bool = false, any;
        /// Threads of one model on the CPU, no more than there are cores; 0 for one per core.
        threads: usize = 0, between(0, 4096);
        /// Units (shards, classes) and images processed at once, no more than four per core; 0 for one per core.
        workers: usize = 0, between(0, 4096);
    }
}

section! {
    /// Encoding of the images to latents: `[encode]`.
    Encode = "encode" {
        /// Side of the square that each image is resized to (Lanczos) before it is encoded, in pixels. Small is enough to
        /// find the cores: at 256 it is a sixteenth of the work and of the bytes of 1024. The cores themselves are
        /// encoded again at `[anchor] size`.
        size: usize = 256, multiple_of(8, 8);
        /// Images encoded at once. Groups are fixed by position in the shard, the last one filled up to a power of two, so
        /// a resumed run computes the same ones.
        batch: usize = 32, between(1, 4096);
        /// How latents are stored. `"f16"` halves the space; SDXL's latents lose nothing that matters.
        dtype: LatentType = LatentType::F16, any;
        /// The stored part of each image's latent: `"latent"`, the whole latent, or `{ grid = N }`, each channel averaged
        /// over N × N cells. Without a value: the cells that `[discover] features` uses, at least 16 × 16, a quarter of a
        /// latent of 256 pixels. Cores are encoded again unless this is their latent at `[anchor] size`.
        keep: Option<Features> = None, any;
        /// Compress the stored latents (zstd, bytes of equal weight side by side): a fifth smaller on disk, slower to read.
        compress: bool = false, any;
    }
}

section! {
    /// A second encoder as the source of features: `[features]`. The anchors stay the model's latents.
    FeatureModel = "features" {
        /// An image encoder exported to ONNX: its graph (`model.onnx`), which takes images of shape (n, 3, size, size).
        /// With it, cores are searched in its features in place of `[discover] features`.
        model: Option<PathBuf> = None, any;
        /// Side of the square that each image is resized to (Lanczos) for this encoder, in pixels.
        size: usize = 224, between(1, 4096);
        /// Mean of the red, green and blue values (0 to 1), subtracted from the input. The default is ImageNet's.
        mean: [f64; 3] = [0.485, 0.456, 0.406], any;
        /// Standard deviation of red, green and blue, by which the input is then divided. The default is ImageNet's.
        std: [f64; 3] = [0.229, 0.224, 0.225], all_positive;
        /// The graph's output to use (`image_embeds`, `pooler_output`, …), with all values of an image in one row. Without a
        /// value: the first output.
        output: Option<String> = None, any;
    }
}

section! {
    /// Core discovery: `[discover]`.
    Discover = "discover" {
        /// Distilled images per class (IPC).
        ipc: usize = Search::default().ipc, at_least(1);
        /// Use all images of a class that has fewer than `ipc`; without this setting such a class is an error.
        allow_fewer: bool = false, any;
        /// The features of an image: `{ grid = N }`, each channel of its latent averaged over N × N cells (unchanged if the
        /// latent has no more cells), or `"latent"`, the whole latent as published.
        features: Features = Features::Grid(16), any;
        /// Principal components that the features are reduced to before anything else; 0 for none.
        pca: usize = Search::default().pca, any;
        /// The algorithm that selects cores. All but `"coda"` work on the features themselves; `"density"` first compares
        /// the images of all classes, by latents averaged over 8 × 8 cells or by `[features] model`.
        algorithm: Algorithm = Search::default().algorithm, any;
        /// UMAP's neighbours of each point, including the point. This setting and the five below are for `"coda"`.
        n_neighbors: usize = Search::default().n_neighbors, at_least(2);
        /// HDBSCAN's `min_cluster_size`: the smallest size of a cluster.
        min_cluster_size: usize = Search::default().min_cluster_size, at_least(2);
        /// HDBSCAN's `min_samples`: larger values make clusters denser and more points noise.
        min_samples: usize = Search::default().min_samples, at_least(1);
        /// Dimensions of the UMAP embedding.
        components: usize = Search::default().components, at_least(1);
        /// The neighbour search: `"exact"`, `"hnsw"` (an index, stored beside the cores), or `"auto"`, which uses the index
        /// for classes with many rows and few columns, and with `algorithm = "density"` always over all classes at once.
        neighbors: NeighborSearch = Search::default().neighbors, any;
        /// The least recall of the index: the share of true neighbours it finds, measured on a sample of its rows. With a
        /// lower recall the index is built again with more effort, and after two such attempts the exact search is used.
        min_recall: f64 = 0.95, between(0.0, 1.0);
        /// Leave out images with a wrong label, by the labels of their nearest neighbours over all classes. `"auto"`
        /// estimates from all images how many labels are wrong, and leaves out those that are more likely wrong than right:
        /// none where the classes merely overlap. A number leaves out images whose 15 nearest neighbours carry their own
        /// label less often than this share (0.5: mostly another label); 0 leaves out none. Without a value: `"auto"` with
        /// `algorithm = "density"`, else 0. These images are listed in `purity/purity.parquet`.
        min_label_purity: Option<LabelPurity> = None, any;
        /// Seed of all random numbers in discovery.
        seed: u64 = Search::default().seed, any;
    }
}

section! {
    /// The latents that images are guided towards: `[anchor]`.
    Anchor = "anchor" {
        /// What an anchor is made of. The images of a class belong to its cores, a group each; the images nearest to the
        /// centre of a group are the members of its anchor. Anchors are always latents, also where cores are searched in
        /// another encoder's features.
        kind: AnchorKind = AnchorKind::Spread, any;
        /// The most members of an anchor, for `"mean"` and `"spread"`; a smaller group has all its images as members. Where
        /// `[encode] size` is not the size of the images to be, all members are fetched and encoded at that size.
        members: usize = 20, at_least(1);
        /// How far means are moved from the mean of the class, for `"spread"`: 1 leaves them, 2 doubles their distance.
        /// `"auto"` is 1.4 divided by the measured ratio of the means' distance from the class's mean to the members' own,
        /// on latents averaged over 16 × 16 cells; 1 with one image a class.
        spread: Spread = Spread::By(2.0), any;
        /// Side of the square in pixels that the cores are encoded at. Without a value, and as the only valid value:
        /// `[generate] size`, since a latent can only be guided towards a latent of its own size. If `[encode] size`
        /// differs, only the chosen cores, or the anchors' members, are encoded again.
        size: Option<usize> = None, any;
        /// The most cores or members encoded at once.
        batch: usize = 4, between(1, 4096);
    }
}

section! {
    /// Guided generation: `[generate]`.
    Generate = "generate" {
        /// Side of the generated square in pixels. Without a value: the model's training size from its configuration (512 for
        /// Stable Diffusion 1, 1024 for SDXL); in `"published"`, 1024. At another size a model repeats or loses parts of the
        /// image, of which `run` and `plan` warn.
        size: Option<usize> = None, multiple_of_if_given(8, 8);
        /// Denoising steps of the sampler. Without a value: the model's own, which are 25 of Stable Diffusion 1 and 2 and
        /// SDXL, 28 of Stable Diffusion 3 and FLUX.1, 20 of Sana, and 4 of models that were distilled to few steps.
        steps: Option<usize> = None, between_if_given(1, 999);
        /// Guidance scale w. At 1 the unconditional half is not computed. Without a value: 2, or 5 where the published pull is
        /// in use; 1 for models that were distilled to few steps. Models that take the scale as an input are given `cfg`
        /// there, and have no unconditional half: 3.5 for FLUX.1 [dev], 8.5 for LCM.
        cfg: Option<f64> = None, at_least_if_given(1.0);
        /// Alignment scale γ of the published pull. 0 is plain generation.
        gamma: f64 = 0.05, at_least(0.0);
        /// The share of the steps, from the first, with guidance towards the core (the published program's GTP, 0.9 there).
        /// The last step never has guidance.
        guidance_fraction: f64 = 1.0, between(0.0, 1.0);
        /// The solver: `"dpm++"` (DPM-Solver++, multistep), `"euler"` (EulerDiscrete; on a rectified flow
        /// FlowMatchEulerDiscrete) or `"ddim"`, none of which adds noise; `"euler-ancestral"` and `"lcm"` add noise of the
        /// image's own seed at each step. Without a value: the model's own, which is `"dpm++"` but for rectified flows (as
        /// `scheduler_config.json` says) and models that were distilled to few steps (`"euler-ancestral"` for Turbo, `"euler"`
        /// for Lightning, `"lcm"` for LCM). A solver that the model can't be sampled by is refused.
        scheduler: Option<SolverKind> = None, any;
        /// The spacing of the noise levels: `"karras"`, `"exponential"` or `"plain"` (training's own; DDIM, LCM and Euler with
        /// added noise have no other). Without a value: `"karras"`, but `"plain"` for rectified flows and models that were
        /// distilled to few steps, which take no other.
        sigmas: Option<Sigmas> = None, any;
        /// Order of DPM-Solver++. Without a value: from the model's `scheduler_config.json`.
        solver_order: Option<usize> = None, between_if_given(1, 3);
        /// The timesteps: `"leading"`, `"trailing"` or `"linspace"`. Without a value: from the model's
        /// `scheduler_config.json`, but `"trailing"` for models that were distilled to few steps.
        timestep_spacing: Option<TimestepSpacing> = None, any;
        /// The denoiser's prediction type: `"epsilon"`, `"v_prediction"`, `"sample"` or `"flow_prediction"`. Without a value:
        /// from the model's `scheduler_config.json`.
        prediction_type: Option<PredictionType> = None, any;
        /// Share of guidance rescale (arXiv 2305.08891), 0 for none: keeps a strong `cfg` from burning out.
        guidance_rescale: f64 = 0.0, between(0.0, 1.0);
        /// The share of denoising done by the base model; below 1 the refiner does the rest.
        denoising_factor: f64 = 1.0, between(0.01, 1.0);
        /// The template of a class's prompt; `{name}` is the class's prompt from the class list, `{supercategory}` the text
        /// after `|` in the list, `{key}` the class key.
        prompt: String = "{name}".into(), any;
        /// The negative prompt. Empty: the unconditional embedding, or zeros where the model's configuration says so.
        negative_prompt: String = String::new(), any;
        /// The initial noise: `"native"` (Philox, ours), `"torch-cpu"` or `"torch-cuda"` (PyTorch's generator on that
        /// device).
        noise: Noise = Noise::Native, any;
        /// Seed of the run; the seed of an image is derived from this seed, the class key and the image's rank.
        seed: u64 = 0, any;
        /// The derivation of an image's seed: `"native"` from run seed, class key and rank; `"published"` as in the published
        /// program on its first GPU: run seed + class position · IPC + 1000 + rank.
        seeds: Seeds = Seeds::Native, any;
        /// The most images that may fail (values that are not finite, a blank image) before the run fails. Failed images
        /// are named and left out of the set.
        max_failed: usize = 0, any;
        /// Generate a failed image once more with another seed.
        retry_failed: bool = true, any;
        /// Write a contact sheet of each class to `preview/` when its images are done.
        preview: bool = false, any;
        /// Images denoised at once. Groups are fixed by position; the last group is padded.
        batch: usize = 4, between(1, 4096);
        /// The choice of a real or a generated image for each core. `"forward"` tests each anchor: it is noised to three
        /// levels, and the model predicts the noise with the class's prompt and without. Where the prompt does not lower the
        /// error, the model does not know what it sees, and the distilled set takes the core's own image; the `.json` beside
        /// each image says which it is.
        mix: Mix = Mix::Off, any;
        /// The share by which the prompt must lower that error for an image to be generated.
        mix_margin: f64 = 0.0, between(-1.0, 1.0);
    }
}

section! {
    /// What is written, and where: `[output]`.
    Output = "output" {
        /// Name of the distilled set: `NAME-000000.tar`.
        name: String = "distilled".into(), file_name;
        /// The run directory: a folder, or a URL of an object store (`s3://bucket/run`, `gs://`, `az://`). Without a value:
        /// `runs/NAME` in the current directory.
        run_dir: Option<PathBuf> = None, any;
        /// Side of the distilled images and real cores in pixels (Lanczos).
        size: usize = 256, between(1, 16_384);
        /// Samples in one distilled shard.
        samples_per_shard: usize = 1000, at_least(1);
        /// Write `report/index.html` when the run is done, as `coda-pipe report` does.
        report: bool = false, any;
    }
}
