//! What all stages share: settings, run directory, classes, the model's folder, the runtime once it is needed.

use super::error::StageError;
use crate::config::{ClassList, Pipeline};
use crate::diffusion::ModelFolder;
use crate::imaging::DecodeOptions;
use crate::onnx::{Device, GraphOptions, Runtime, Search, TensorRt};
use crate::store::RunDir;
use crate::threads;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Where TensorRT's engines lie in the run directory: they belong to one card and can be deleted.
const ENGINES: &str = "tensorrt";

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
    /// The refiner's, if the pipeline names one.
    pub refiner: Option<ModelFolder>,
    /// The pipeline file's folder, where the search for ONNX Runtime starts.
    pub pipeline_folder: PathBuf,
    workers: Arc<Semaphore>,
    notice: Arc<dyn Fn(&str) + Send + Sync>,
    runtime: Arc<OnceLock<(Runtime, Vec<Device>)>>,
}

/// Where messages to the user go while a run is under way.
pub type Notice = Box<dyn Fn(&str) + Send + Sync>;

impl Context {
    /// Reads what the pipeline names (class list, model folder); loads nothing yet.
    ///
    /// # Errors
    /// If the class list or the model's JSON can't be used.
    pub fn new(
        pipeline: Pipeline,
        run_dir: RunDir,
        pipeline_folder: PathBuf,
        notice: Notice,
    ) -> Result<Self, StageError> {
        let classes = pipeline.data.classes.as_deref().map(ClassList::load).transpose()?;
        let model = ModelFolder::open(&pipeline.model.path)?;
        let refiner = pipeline.model.refiner.as_deref().map(ModelFolder::open).transpose()?;
        let workers = Arc::new(Semaphore::new(workers(&pipeline)));
        tell_of_too_many(&pipeline, &notice);
        let (runtime, notice) = (Arc::default(), Arc::from(notice));
        Ok(Self {
            pipeline,
            run_dir,
            classes,
            model,
            refiner,
            pipeline_folder,
            workers,
            notice,
            runtime,
        })
    }

    /// The same surroundings for other data: other settings of what is read, and the classes that it may have.
    pub(super) fn with(&self, pipeline: Pipeline, classes: ClassList) -> Self {
        Self {
            pipeline,
            run_dir: self.run_dir.clone(),
            classes: Some(classes),
            model: self.model.clone(),
            refiner: self.refiner.clone(),
            pipeline_folder: self.pipeline_folder.clone(),
            workers: self.workers.clone(),
            notice: self.notice.clone(),
            runtime: self.runtime.clone(),
        }
    }

    /// Units and images worked on at once.
    pub fn workers(&self) -> usize {
        workers(&self.pipeline)
    }

    /// How images are decoded, and what one may take of memory.
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

    /// A place among the workers, for work that keeps a core busy. Given back when dropped.
    ///
    /// # Errors
    /// Never while the context lives: its semaphore is not closed.
    pub async fn worker(&self) -> Result<OwnedSemaphorePermit, StageError> {
        let permit = self.workers.clone().acquire_owned().await;
        permit.map_err(|e| StageError::Task(e.to_string()))
    }

    /// Threads of one model on the CPU: they turn while they wait, so that more than there are cores would be in the way.
    pub fn threads(&self) -> usize {
        match self.pipeline.runtime.threads {
            0 => threads::cores(),
            n => n.min(threads::cores()),
        }
    }

    /// ONNX Runtime and the devices to use, loaded when first asked for: a run with nothing left to do needs neither.
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

    /// How graphs run on `device`.
    pub(super) fn graph_options(&self, device: Device) -> GraphOptions {
        GraphOptions {
            device,
            threads: self.threads(),
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

fn workers(pipeline: &Pipeline) -> usize {
    match pipeline.runtime.workers {
        0 => threads::cores(),
        n => n.min(threads::most_workers()),
    }
}

/// Tells of settings that are more than this machine has.
fn tell_of_too_many(pipeline: &Pipeline, notice: &dyn Fn(&str)) {
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
