//! The sections and their keys. The defaults are what is known to be best; [`super::preset`] has the published program's.

use super::features::Features;
use super::preset::Preset;
use super::rules::{
    all_positive, any, at_least, between, between_if_given, extensions, file_name, given,
    multiple_of, multiple_of_if_given, not_empty,
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
        /// What a setting is that the file doesn't give. `"published"` has the published program's values, to compare
        /// with it; `"default"` the defaults of this page. A setting that is given always counts.
        preset: Preset = Preset::Default, any;
    }
}

section! {
    /// What to distil: `[data]`.
    Data = "data" {
        /// The shards: tar files, plain or compressed by gzip, zstd or lz4 (told by their content). Each entry is a path,
        /// a brace range (`train-{000000..000123}.tar`), a glob (`train-*.tar`), a folder of shards, a URL (`https://`,
        /// `http://`, `s3://`, `gs://`, `az://`; braces too, and in the last three globs and folders with their closing
        /// `/`), `pipe:COMMAND` (what the command writes; it runs in the folder that paths start at), or `@FILE`, a list of
        /// such entries, one a line, `#` for comments, its paths relative to that file. Credentials and endpoints come from
        /// the environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, `GOOGLE_APPLICATION_CREDENTIALS`,
        /// `AZURE_STORAGE_ACCOUNT_NAME`, …). A pipe is known by its command alone: the run does not notice when its output
        /// changes, and starts it anew after an interruption.
        shards: Patterns = Patterns::default(), not_empty;
        /// The class list: one class a line, `key, prompt`; lines that begin with `#` are comments, and a key with a comma
        /// or a `#` in front stands in quotation marks, `"tabby, cat", tabby cat`. Only these classes are distilled, in this
        /// order; a sample of any other class counts as bad, but see `skip_others`. Without it every label found is a
        /// class and its own prompt.
        classes: Option<PathBuf> = None, any;
        /// Pass over samples of classes that the list doesn't have, uncounted: the list is a part of a larger data set.
        skip_others: bool = false, any;
        /// Where a sample's class key is: `cls` or `txt` (a member of that extension), `json:FIELD` (a field of its
        /// `.json` member; `json:meta.label` is the field `label` of its object `meta`), `key` (the sample key's innermost
        /// folder or, without one, what stands before the last `_` of its name), `key:last` (what stands behind the last `_`)
        /// or `key:first` (what stands before the first `_`).
        label: LabelSource = LabelSource::Extension("cls".into()), any;
        /// The members taken as the image, in order of preference; the default has every extension of a format that is read.
        /// The format is told by content; lossless, hierarchical and 12-bit JPEGs are not read, and of a file with several images
        /// the first is taken. Of 16 bits the high byte is
        /// taken; values of fewer bits have to be scaled to the whole range, or they come out almost black, of which the
        /// run warns. Alpha is dropped.
        image: Vec<String> = IMAGE_EXTENSIONS.map(String::from).to_vec(), extensions;
        /// How many bad samples (undecodable, without a label, of an unknown class; the lost rest of a damaged shard
        /// counts as one) a run endures: a count, a share of all samples, or `"auto"`: 1 % and at least 10. Past it the run fails; below it
        /// they are skipped, counted and listed in `quarantine.parquet`.
        max_bad: MaxBad = MaxBad::Auto, any;
        /// How many shards a run goes on without of which nothing at all could be read (another format, an HTML page, cut
        /// off in the first sample). They do not count for `max_bad`. With 0 such a shard fails the run when the others
        /// are done.
        max_bad_shards: usize = 0, any;
        /// How often in a row a failed read from a server is tried again, from the byte where it broke; bytes that arrive
        /// start the count anew.
        retries: usize = 5, any;
        /// The wait before the first such try, in seconds; each one after it waits twice as long, up to a minute.
        retry_seconds: f64 = 1.0, between(0.0, 60.0);
        /// How many bad samples in a row a shard may have; 0 for any number. Past it the whole shard is taken to be wrong
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
        /// The model's folder, as `optimum-cli export onnx` writes it (`model_index.json`, `unet/`, `vae_encoder/`, …).
        path: PathBuf = PathBuf::new(), given;
        /// A refiner's folder, exported the same way: it takes the last part of denoising, `[generate] denoising_factor`.
        refiner: Option<PathBuf> = None, any;
    }
}

section! {
    /// Where to run and with how much of the machine: `[runtime]`. Nothing here changes results (across kinds of device,
    /// up to floating point).
    Runtime = "runtime" {
        /// The ONNX Runtime library to load. Left out, it is searched for: see `coda-pipe doctor`.
        library: Option<PathBuf> = None, any;
        /// `"auto"`, `"cpu"`, `"cuda"`, `"cuda:1"`, or a list such as `["cuda:0", "cuda:1"]`: each device has a thread and
        /// sessions of its own. `"auto"` takes all GPUs that work and says which; a named device never falls back to another.
        /// `"tensorrt"` and `"tensorrt:1"` are the same cards through TensorRT: it first builds an engine for each graph,
        /// which takes minutes once a run, and keeps it in `tensorrt/` of the run directory.
        devices: DeviceChoice = DeviceChoice::Auto, any;
        /// Let TensorRT compute in half precision. Graphs exported in fp16 need it; others lose digits.
        tensorrt_fp16: bool = false, any;
        /// Threads of one model on the CPU, no more than there are cores; 0 for one per core.
        threads: usize = 0, between(0, 4096);
        /// Units (shards, classes) and images worked on at once, no more than four per core; 0 for one per core.
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
        /// What is kept of each image's latent: `"latent"`, all of it, or `{ grid = N }`, each channel averaged over N × N
        /// cells. Left out: what `[discover] features` looks at, at least 16 × 16 cells, a quarter of a latent of 256
        /// pixels. The cores are encoded again wherever that is not their latent at `[anchor] size`.
        keep: Option<Features> = None, any;
        /// Compress what is kept (zstd, bytes of equal weight side by side): a fifth less on disk, slower to read.
        compress: bool = false, any;
    }
}

section! {
    /// A second encoder as the source of features: `[features]`. The anchors stay the model's latents.
    FeatureModel = "features" {
        /// An image encoder exported to ONNX: its graph (`model.onnx`), which takes images of shape (n, 3, size, size).
        /// With it, cores are searched in its features in place of `[discover] features`.
        model: Option<PathBuf> = None, any;
        /// Side of the square that each image is resized to (Lanczos) for it, in pixels.
        size: usize = 224, between(1, 4096);
        /// What is subtracted from the red, green and blue values (0 to 1). The default is ImageNet's.
        mean: [f64; 3] = [0.485, 0.456, 0.406], any;
        /// What they are then divided by. The default is ImageNet's.
        std: [f64; 3] = [0.229, 0.224, 0.225], all_positive;
        /// The graph's output to take (`image_embeds`, `pooler_output`, …), all its values of an image one after
        /// another. Left out: the first.
        output: Option<String> = None, any;
    }
}

section! {
    /// Core discovery: `[discover]`.
    Discover = "discover" {
        /// Distilled images per class (IPC).
        ipc: usize = Search::default().ipc, at_least(1);
        /// Take all images of a class that has fewer than `ipc`; else such a class is an error.
        allow_fewer: bool = false, any;
        /// What an image is described by: `{ grid = N }`, each channel of its latent averaged over N × N cells
        /// (unchanged where it has no more), or `"latent"`, the whole latent as published.
        features: Features = Features::Grid(16), any;
        /// Principal components that the features are reduced to before anything else; 0 for none.
        pca: usize = Search::default().pca, any;
        /// How cores are chosen. All but `"coda"` work on the features as they are.
        algorithm: Algorithm = Search::default().algorithm, any;
        /// For `"coda"`, as are the five below: neighbours that UMAP looks at, the point itself counted.
        n_neighbors: usize = Search::default().n_neighbors, at_least(2);
        /// The least size of a cluster in HDBSCAN.
        min_cluster_size: usize = Search::default().min_cluster_size, at_least(2);
        /// HDBSCAN's `min_samples`: how conservative it is about density.
        min_samples: usize = Search::default().min_samples, at_least(1);
        /// Dimensions of the UMAP embedding.
        components: usize = Search::default().components, at_least(1);
        /// How neighbours are found: `"exact"`, `"hnsw"` (an index, kept beside the cores), or `"auto"`, which takes
        /// the index where the class has many rows and few columns.
        neighbors: NeighborSearch = Search::default().neighbors, any;
        /// The least share of true neighbours that the index must find, measured on a sample of its rows. Under it the
        /// index is built again with more effort, and after two such tries the exact search takes over.
        min_recall: f64 = 0.95, between(0.0, 1.0);
        /// Leave out images whose 15 nearest neighbours over all classes carry their own label less often than this
        /// share (0.5: mostly another label). 0 is off. Those left out are listed in `purity/purity.parquet`.
        min_label_purity: f64 = 0.0, between(0.0, 1.0);
        /// Seed of everything random in discovery.
        seed: u64 = Search::default().seed, any;
    }
}

section! {
    /// The latents that images are pulled towards: `[anchor]`.
    Anchor = "anchor" {
        /// Side of the square in pixels that the cores are encoded at. Left out: `[generate] size`, which it has to be,
        /// since a latent can only be pulled towards one of its own size. Where `[encode] size` is another, the chosen
        /// cores, and no other image, are encoded once more.
        size: Option<usize> = None, any;
        /// Cores encoded at once, at most.
        batch: usize = 4, between(1, 4096);
    }
}

section! {
    /// Guided generation: `[generate]`.
    Generate = "generate" {
        /// Side of the generated square in pixels. Left out: what the model was trained for, as its configuration tells (512
        /// for Stable Diffusion 1, 1024 for SDXL); in `"published"`, 1024. At another size a model repeats or loses what it
        /// shows, of which `run` and `plan` warn.
        size: Option<usize> = None, multiple_of_if_given(8, 8);
        /// Denoising steps of the sampler.
        steps: usize = 25, between(1, 999);
        /// Classifier-free guidance scale w. At 1 the unconditional half is not computed.
        cfg: f64 = 5.0, at_least(1.0);
        /// Alignment scale γ: how strongly an image is pulled towards its core. 0 is plain generation.
        gamma: f64 = 0.05, at_least(0.0);
        /// The share of the steps, from the first, that are aligned (the program's GTP, 0.9 there). The last step never is.
        guidance_fraction: f64 = 1.0, between(0.0, 1.0);
        /// The solver: `"dpm++"` (DPM-Solver++, multistep), `"euler"` (EulerDiscrete) or `"ddim"`, none of which adds noise.
        scheduler: SolverKind = SolverKind::DpmSolver, any;
        /// How the noise levels are spaced: `"karras"`, `"exponential"` or `"plain"` (training's own; DDIM has no other).
        sigmas: Sigmas = Sigmas::Karras, any;
        /// Order of DPM-Solver++. Left out: the model's `scheduler_config.json`.
        solver_order: Option<usize> = None, between_if_given(1, 3);
        /// Which timesteps are visited: `"leading"`, `"trailing"` or `"linspace"`. Left out: as the model's
        /// `scheduler_config.json` has it.
        timestep_spacing: Option<TimestepSpacing> = None, any;
        /// What the UNet predicts: `"epsilon"`, `"v_prediction"` or `"sample"`. Left out: as the model's
        /// `scheduler_config.json` has it.
        prediction_type: Option<PredictionType> = None, any;
        /// Share of guidance rescale (arXiv 2305.08891), 0 for none: keeps a strong `cfg` from burning out.
        guidance_rescale: f64 = 0.0, between(0.0, 1.0);
        /// The share of denoising that is the base model's; below 1 the refiner takes the rest.
        denoising_factor: f64 = 1.0, between(0.01, 1.0);
        /// What the prompt of a class is made of; `{name}` stands for the class's prompt from the class list,
        /// `{supercategory}` for what the list has after `|`, `{key}` for its key.
        prompt: String = "{name}".into(), any;
        /// What not to show. Empty: the unconditional embedding, zeros where the model asks for that.
        negative_prompt: String = String::new(), any;
        /// The initial noise: `"native"` (Philox, ours), `"torch-cpu"` or `"torch-cuda"` (PyTorch's generator on that
        /// device).
        noise: Noise = Noise::Native, any;
        /// Seed of the run; each image's own follows from it, the class key and the image's rank.
        seed: u64 = 0, any;
        /// How an image's seed follows: `"native"` from run seed, class key and rank; `"published"` as the published
        /// program has it on its first GPU: run seed + class position · IPC + 1000 + rank.
        seeds: Seeds = Seeds::Native, any;
        /// How many images may come to nothing (values that are not finite, a blank picture) before the run fails. Such
        /// an image is left out of the set and named.
        max_failed: usize = 0, any;
        /// Try such an image once more with another seed first.
        retry_failed: bool = true, any;
        /// Write a contact sheet of each class when its images are done, in `preview/`.
        preview: bool = false, any;
        /// Images denoised at once. Groups are fixed by position, the last one padded.
        batch: usize = 4, between(1, 4096);
    }
}

section! {
    /// What is written, and where: `[output]`.
    Output = "output" {
        /// Name of the distilled set: `NAME-000000.tar`.
        name: String = "distilled".into(), file_name;
        /// The run directory: a folder, or one of an object store (`s3://bucket/run`, `gs://`, `az://`). Left out: `runs/NAME` in
        /// the current directory.
        run_dir: Option<PathBuf> = None, any;
        /// Side of the distilled images and real cores in pixels (Lanczos).
        size: usize = 256, between(1, 16_384);
        /// Samples in one distilled shard.
        samples_per_shard: usize = 1000, at_least(1);
        /// Write `report/index.html` when the run is done, as `coda-pipe report` does.
        report: bool = false, any;
    }
}
