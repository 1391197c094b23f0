//! The loaded ONNX Runtime.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;

use super::cuda;
use super::cuda::Preloaded;
use super::cuda_remedy;
use super::device::{Device, DeviceChoice};
use super::error::OnnxError;
use super::locate::{Search, locate, own_nvidia_roots};
use super::provider::Providers;
use super::python;
use super::report::{Place, Report};

/// Cards that one machine is thought to have at most.
const MOST_CARDS: u32 = 64;

/// ONNX Runtime, loaded. Clones share it.
#[derive(Debug, Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    environment: Environment,
    library: PathBuf,
    place: Option<Place>,
    by_wheel: bool,
    minor: u32,
    providers: Providers,
    /// For CUDA, then for TensorRT.
    preloaded: [OnceLock<Vec<Preloaded>>; 2],
}

/// ONNX Runtime can be loaded, and its environment made, only once in a process, so the first
/// success is kept. Failures are not: another path may be tried.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Loads the library that [`locate`] chooses. When one is loaded already, that one is
    /// returned whatever `search` says: a process can't hold two.
    ///
    /// # Errors
    /// [`OnnxError::NoLibrary`] with everything that was looked at, or
    /// [`OnnxError::Environment`] when a loadable library could not be set up.
    pub fn load(search: &Search) -> Result<Self, OnnxError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return Ok(runtime.clone());
        }
        let runtime = Self::load_library(locate(search))?;
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    fn load_library(report: Report) -> Result<Self, OnnxError> {
        let (place, by_wheel) = (report.place(), report.by_wheel);
        let library = report.into_library()?;
        let failed = |reason| OnnxError::Environment { path: library.clone(), reason };
        let minor = ort::util::probe(&library)
            .ok_or_else(|| failed("it does not tell its version".to_owned()))?;
        let environment = ort::init_from(&library)
            .map_err(|error| failed(error.to_string()))?
            .with_name("coda-pipe")
            .with_telemetry(false)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let (providers, preloaded) = (Providers::choose(), Default::default());
        let inner = Inner { environment, library, place, by_wheel, minor, providers, preloaded };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The shared library in use.
    pub fn library(&self) -> &Path {
        &self.inner.library
    }

    /// The kind of place where the library was found.
    pub fn place(&self) -> Option<Place> {
        self.inner.place
    }

    /// Its version, such as `1.24.1`. Builds that don't tell their patch number give `1.24`.
    pub fn version(&self) -> String {
        let line = format!("1.{}", self.inner.minor);
        let name = self.inner.library.file_name().unwrap_or_default().to_string_lossy();
        let words = ort::info().split(|c: char| !c.is_ascii_digit() && c != '.');
        words
            .chain(name.split(".so."))
            .find(|word| word.strip_prefix(&line).is_some_and(|rest| rest.starts_with('.')))
            .unwrap_or(&line)
            .to_owned()
    }

    /// Those of the library's execution providers that this program can use, best first. Being
    /// built in doesn't mean that the machine can use it; see [`Runtime::resolve`].
    pub fn providers(&self) -> Vec<String> {
        self.inner.providers.names().into_iter().map(str::to_owned).collect()
    }

    /// The devices for a user's choice, and a warning when `auto` had to settle for the CPU
    /// although the library was built for CUDA.
    ///
    /// # Errors
    /// [`OnnxError::DeviceUnavailable`] when a device asked for by name can't be used.
    pub fn resolve(
        &self,
        choice: &DeviceChoice,
    ) -> Result<(Vec<Device>, Option<String>), OnnxError> {
        let DeviceChoice::Fixed(devices) = choice else { return Ok(self.every_card()) };
        devices.iter().try_for_each(|&device| self.require(device))?;
        Ok((devices.clone(), None))
    }

    /// Every CUDA card up to the first number that doesn't work; without one the CPU, and why.
    fn every_card(&self) -> (Vec<Device>, Option<String>) {
        if !self.inner.providers.offer(Device::Cuda(0)) {
            return (vec![Device::Cpu], None);
        }
        let mut cards = Vec::new();
        // Trying a card that is not there makes ONNX Runtime print an error of its own.
        let most = self.inner.providers.most_cards().unwrap_or(MOST_CARDS);
        if most == 0 {
            let warning = "using the CPU: CUDA_VISIBLE_DEVICES names no card";
            return (vec![Device::Cpu], Some(warning.to_owned()));
        }
        for number in 0..most {
            match self.require(Device::Cuda(number)) {
                Ok(()) => cards.push(Device::Cuda(number)),
                Err(error) if cards.is_empty() => {
                    return (vec![Device::Cpu], Some(format!("using the CPU: {error}")));
                }
                Err(_) => break,
            }
        }
        (cards, None)
    }

    /// NVIDIA's libraries that were loaded for CUDA so far, and what failed.
    pub fn preloaded(&self) -> impl Iterator<Item = &Preloaded> {
        self.inner.preloaded.iter().filter_map(OnceLock::get).flatten()
    }

    pub(super) fn provide(&self) -> &Providers {
        &self.inner.providers
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    /// Makes sure that graphs can be opened on `device`.
    pub(super) fn require(&self, device: Device) -> Result<(), OnnxError> {
        let unavailable = |reason, remedy| {
            let device = device.to_string();
            OnnxError::DeviceUnavailable { device, reason, remedy }
        };
        if device == Device::Cpu {
            return Ok(());
        }
        if !self.inner.providers.offer(device) {
            let library = self.inner.library.display();
            let what = if matches!(device, Device::Cuda(_)) { "CUDA" } else { "TensorRT" };
            // Both packages have the same files: the one that is there would stay.
            let remedy = match self.inner.by_wheel {
                true => {
                    "install the CUDA build in its place (pip uninstall onnxruntime, then \
                     pip install 'coda-pipe[gpu]')"
                }
                false => {
                    "install the CUDA build (pip install --target .onnxruntime onnxruntime-gpu)"
                }
            };
            return Err(unavailable(
                format!("{library} was built without {what}"),
                remedy.to_owned(),
            ));
        }
        self.preload_for(device);
        let tried = self.inner.providers.try_card(&self.inner.environment, device);
        let tried = tried.map_err(|error| error.to_string()).and_then(|()| self.cudnn());
        tried.map_err(|said| {
            let remedy = cuda_remedy::remedy(&said, &self.version());
            unavailable(cuda_remedy::short(&said) + &self.not_loaded(), remedy)
        })
    }

    /// Makes sure of cuDNN, which ONNX Runtime opens at the first convolution only.
    fn cudnn(&self) -> Result<(), String> {
        if !self.inner.providers.need_libraries() {
            return Ok(());
        }
        cuda::load_cudnn(self.inner.minor)
    }

    /// The libraries of NVIDIA's wheels that are there and could not be loaded, in words that follow others.
    fn not_loaded(&self) -> String {
        let failed = self.preloaded().filter_map(|one| Some((&one.path, one.problem.as_ref()?)));
        failed
            .map(|(path, problem)| format!("; {} could not be loaded: {problem}", path.display()))
            .collect()
    }

    /// What CUDA lacks on this machine, and the remedy; `None` where it works, or where the library is built without it.
    pub fn cuda_lacks(&self) -> Option<String> {
        if !self.inner.providers.offer(Device::Cuda(0)) {
            return None;
        }
        match self.require(Device::Cuda(0)) {
            Err(OnnxError::DeviceUnavailable { reason, remedy, .. }) => {
                Some(format!("{reason}; {remedy}"))
            }
            Err(other) => Some(other.to_string()),
            Ok(()) => None,
        }
    }

    fn preload_for(&self, device: Device) {
        if !self.inner.providers.need_libraries() {
            return;
        }
        let [cuda, tensorrt] = &self.inner.preloaded;
        cuda.get_or_init(|| cuda::preload(cuda::nvidia_libraries(&self.nvidia_roots())));
        if matches!(device, Device::TensorRt(_)) {
            tensorrt.get_or_init(|| cuda::preload(cuda::tensorrt_libraries(&self.nvidia_roots())));
        }
    }

    fn nvidia_roots(&self) -> Vec<PathBuf> {
        let mut roots = cuda::roots_beside(&self.inner.library);
        roots.extend(own_nvidia_roots());
        roots.extend(python::package_folders("nvidia").unwrap_or_default());
        roots
    }
}
