//! What all stages share: settings, run directory, classes, the model's folder, the runtime once it is needed.

use super::error::StageError;
use super::model_source::fetch_models;
use super::sampling::{method, take_own_sampling};
use crate::config::{ClassList, Pipeline};
use crate::imaging::DecodeOptions;
use crate::models::noise_schedule::Method;
use crate::models::validate::{Unusable, problems};
use crate::models::{ModelFolder, ModelPaths, ModelTraits, Purpose};
use crate::onnx::{Device, GraphOptions, Runtime, Search, TensorRt};
use crate::store::RunDir;
use crate::threads;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Where TensorRT's engines lie in the run directory: they belong to one card and can be deleted.
const ENGINES: &str = "tensorrt";

/// The size of images where a model doesn't tell its own; SDXL's.
const USUAL_SIZE: usize = 1024;

/// The surroundings of a run.
pub struct Context {
    /// The settings.
    pub pipeline: Pipeline,
    /// Where everything is written.
    pub run_dir: RunDir,
    /// The class list, if the pipeline names one.
    pub classes: Option<ClassList>,
    /// The model's folder, its JSON read.
    pub model: ModelFolder,
    /// What the model was trained for.
    pub(crate) traits: ModelTraits,
    /// The refiner's, if the pipeline names one.
    pub refiner: Option<ModelFolder>,
    /// The pipeline file's folder, where the search for ONNX Runtime starts.
    pub pipeline_folder: PathBuf,
    /// Whether the settings or the model tell how large images are to be.
    pub(crate) sized: bool,
    workers: Arc<Semaphore>,
    notice: Arc<dyn Fn(&str) + Send + Sync>,
    runtime: Arc<OnceLock<(Runtime, Vec<Device>)>>,
    /// Images of 16 bits that use few of them.
    dim: Arc<AtomicU64>,
}

/// Where messages to the user go while a run is under way.
pub type Notice = Box<dyn Fn(&str) + Send + Sync>;

impl Context {
    /// Reads what the pipeline names (class list, model folder); loads nothing yet. Of the model only what encodes images
    /// must be there.
    ///
    /// # Errors
    /// If the class list or the model's JSON can't be used.
    pub fn new(
        pipeline: Pipeline,
        run_dir: RunDir,
        pipeline_folder: PathBuf,
        notice: Notice,
    ) -> Result<Self, StageError> {
        Self::open_for(Purpose::Encode, pipeline, run_dir, pipeline_folder, notice)
    }

    /// As [`Context::new`], with a model that has all that `purpose` needs. What `[generate]` leaves out of size, steps, scale,
    /// scheduler and sigmas is the model's own from here on.
    ///
    /// # Errors
    /// As there.
    pub fn open_for(
        purpose: Purpose,
        mut pipeline: Pipeline,
        run_dir: RunDir,
        pipeline_folder: PathBuf,
        notice: Notice,
    ) -> Result<Self, StageError> {
        let classes = pipeline.data.classes.as_deref().map(ClassList::load).transpose()?;
        fetch_models(&mut pipeline, purpose)?;
        if let Some(path) = pipeline.features.model.as_deref().filter(|path| path.is_dir()) {
            return Err(StageError::Other(format!(
                "features.model: {} is a folder: name the ONNX file in the folder, such as {}",
                path.display(),
                path.join("model.onnx").display()
            )));
        }
        let method = method(&pipeline);
        let model = open(pipeline.model.paths(), purpose, method)?;
        let refiner = pipeline.model.refiner.as_deref();
        let refiner = refiner.map(|path| open(path.into(), purpose, Method::EULER)).transpose()?;
        let (given, own) = (pipeline.generate.size, model.default_size);
        let sized = given.or(pipeline.anchor.size).or(own).is_some();
        if let (None, Some(anchored), Some(own)) = (given, pipeline.anchor.size, own)
            && anchored != own
        {
            return Err(StageError::Other(format!(
                "`anchor.size` is {anchored}, and images are generated at the model's own size, {own}: set `size` in \
                 [generate] to {anchored} too, or remove both settings"
            )));
        }
        let size = given.or(pipeline.anchor.size).or(own).unwrap_or(USUAL_SIZE);
        pipeline.generate.size = Some(size);
        let traits = ModelTraits::of(&model, pipeline.model.few_steps);
        take_own_sampling(&mut pipeline, &traits);
        let workers = Arc::new(Semaphore::new(workers(&pipeline)));
        warn_of_too_many(&pipeline, &notice);
        let (runtime, notice) = (Arc::default(), Arc::from(notice));
        Ok(Self {
            pipeline,
            run_dir,
            classes,
            model,
            traits,
            refiner,
            pipeline_folder,
            sized,
            workers,
            notice,
            runtime,
            dim: Arc::default(),
        })
    }

    /// Side of the generated images in pixels.
    pub fn size(&self) -> usize {
        self.pipeline.generate.size.unwrap_or(USUAL_SIZE)
    }

    /// Shows a message to the user.
    pub(crate) fn say(&self, message: &str) {
        (self.notice)(message);
    }

    /// The same context for other data: other settings and classes.
    pub(crate) fn with(&self, pipeline: Pipeline, classes: ClassList) -> Self {
        Self {
            pipeline,
            run_dir: self.run_dir.clone(),
            classes: Some(classes),
            model: self.model.clone(),
            traits: self.traits.clone(),
            refiner: self.refiner.clone(),
            pipeline_folder: self.pipeline_folder.clone(),
            sized: self.sized,
            workers: self.workers.clone(),
            notice: self.notice.clone(),
            runtime: self.runtime.clone(),
            dim: self.dim.clone(),
        }
    }

    /// The number of units and images processed at once.
    pub fn workers(&self) -> usize {
        workers(&self.pipeline)
    }

    /// The options of image decoding, with limits of memory.
    pub fn decode_options(&self) -> DecodeOptions {
        let max_pixels = self.pipeline.data.max_megapixels as u64 * 1_000_000;
        // A decoder may hold a pixel as 8 bytes (16 bits, four channels).
        let max_bytes = DecodeOptions::default().max_bytes.max(8 * max_pixels);
        DecodeOptions {
            max_pixels,
            max_bytes,
            exif_orientation: self.pipeline.data.exif_orientation,
        }
    }

    /// Warns of a 16-bit image that is decoded almost black, for the first, tenth, hundredth such image and so on.
    pub(crate) fn warn_of_dim_image(&self, key: &str) {
        let count = self.dim.fetch_add(1, Ordering::Relaxed) + 1;
        if count == 10u64.pow(count.ilog10()) {
            (self.notice)(&format!(
                "warning: {key}: the 16-bit image uses only the lower twelve bits and is decoded almost black, since only the \
                 high byte is used; scale the values to 0…65535 (such images so far: {count})"
            ));
        }
    }

    /// A permit for work that keeps a core busy; released when dropped.
    ///
    /// # Errors
    /// Never while the context lives: its semaphore is not closed.
    pub async fn worker(&self) -> Result<OwnedSemaphorePermit, StageError> {
        let permit = self.workers.clone().acquire_owned().await;
        permit.map_err(|e| StageError::Task(e.to_string()))
    }

    /// Threads of one model on the CPU. ONNX Runtime's threads spin while waiting, so more threads than cores slow each other.
    pub fn threads(&self) -> usize {
        match self.pipeline.runtime.threads {
            0 => threads::cores(),
            n => n.min(threads::cores()),
        }
    }

    /// ONNX Runtime and the devices, loaded at the first call: a finished run needs neither.
    ///
    /// # Errors
    /// If the library or a named device can't be used.
    pub fn runtime(&self) -> Result<&(Runtime, Vec<Device>), StageError> {
        if let Some(loaded) = self.runtime.get() {
            return Ok(loaded);
        }
        let search = Search {
            setting: self.pipeline.runtime.library.clone(),
            pipeline_folder: Some(self.pipeline_folder.clone()),
        };
        let runtime = Runtime::load(&search)?;
        let (devices, warning) = runtime.resolve(&self.pipeline.runtime.devices)?;
        if let Some(warning) = warning {
            (self.notice)(&format!("warning: {warning}"));
        }
        (self.notice)(&format!("{} on {}", about(&runtime), names(&devices).join(", ")));
        Ok(self.runtime.get_or_init(|| (runtime, devices)))
    }

    /// The devices of [`Context::runtime`], loaded on a thread that may wait for the disk.
    pub(crate) async fn devices(self: &Arc<Self>) -> Result<Vec<Device>, StageError> {
        let context = self.clone();
        tokio::task::spawn_blocking(move || Ok(context.runtime()?.1.clone())).await?
    }

    /// How graphs run on `device`.
    pub(crate) fn graph_options(&self, device: Device) -> GraphOptions {
        GraphOptions {
            device,
            threads: self.threads(),
            tf32: self.pipeline.runtime.tf32,
            tensorrt: TensorRt {
                cache: Some(self.run_dir.path(ENGINES)),
                half: self.pipeline.runtime.tensorrt_fp16,
            },
            ..GraphOptions::default()
        }
    }

    /// What the models ran on, for the run's record, if any was loaded.
    pub fn loaded(&self) -> Option<serde_json::Value> {
        self.runtime.get().map(|(runtime, devices)| {
            serde_json::json!({
                "onnxruntime": runtime.version(), "library": runtime.library().display().to_string(),
                "devices": names(devices), "threads": self.threads(), "workers": self.workers(),
            })
        })
    }
}

/// The model in `paths`; where it can't be opened, all that is wrong with it.
fn open(paths: ModelPaths, purpose: Purpose, method: Method) -> Result<ModelFolder, StageError> {
    ModelFolder::open_for(&paths, purpose).map_err(|error| {
        let problems = problems(&paths, purpose, method);
        let root = paths.root().to_path_buf();
        if problems.is_empty() { error.into() } else { Unusable { root, problems }.into() }
    })
}

fn workers(pipeline: &Pipeline) -> usize {
    match pipeline.runtime.workers {
        0 => threads::cores(),
        n => n.min(threads::most_workers()),
    }
}

/// Warns of settings that exceed this machine's cores or threads.
fn warn_of_too_many(pipeline: &Pipeline, notice: &dyn Fn(&str)) {
    let runtime = &pipeline.runtime;
    for (name, set, most) in [
        ("threads", runtime.threads, threads::cores()),
        ("workers", runtime.workers, threads::most_workers()),
    ] {
        if set > most {
            notice(&format!(
                "warning: [runtime] {name} = {set} is too many for this machine: {most} are used"
            ));
        }
    }
}

fn about(runtime: &Runtime) -> String {
    format!("ONNX Runtime {} ({})", runtime.version(), runtime.library().display())
}

fn names(devices: &[Device]) -> Vec<String> {
    devices.iter().map(ToString::to_string).collect()
}
