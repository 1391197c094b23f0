//! ONNX Runtime's execution providers, and a pretence of them for tests.

use ort::environment::Environment;
use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::cards;
use super::device::Device;
use super::options::GraphOptions;

type Failure = Box<dyn std::error::Error>;

/// What graphs can be opened on.
#[derive(Debug)]
pub(super) enum Providers {
    /// What the library was built with.
    Real,
    /// So many cards that are the host's processor in truth: all that is ours of a run on several
    /// cards can be tested without one. Not in release builds.
    #[cfg(debug_assertions)]
    Pretended { cards: u32 },
}

impl Providers {
    /// The real ones, but for builds with debug assertions in which `CODA_PRETEND_CARDS` is a number.
    pub(super) fn choose() -> Self {
        #[cfg(debug_assertions)]
        if let Some(cards) =
            std::env::var("CODA_PRETEND_CARDS").ok().and_then(|text| text.parse().ok())
        {
            return Self::Pretended { cards };
        }
        Self::Real
    }

    /// The names that ONNX Runtime has for them, best first.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let optional =
            [(Device::TensorRt(0), ep::TensorRT::NAME), (Device::Cuda(0), ep::CUDA::NAME)];
        let offered = optional.into_iter().filter(|(device, _)| self.offer(*device));
        offered.map(|(_, name)| name).chain([ep::CPU::NAME]).collect()
    }

    /// Whether the library was built for this kind of device.
    pub(super) fn offer(&self, device: Device) -> bool {
        match (self, device) {
            (_, Device::Cpu) => true,
            (Self::Real, Device::Cuda(_)) => ep::CUDA::is_available().unwrap_or(false),
            (Self::Real, Device::TensorRt(_)) => ep::TensorRT::is_available().unwrap_or(false),
            #[cfg(debug_assertions)]
            (Self::Pretended { .. }, _) => true,
        }
    }

    /// Cards that this process can have at most, where anything tells.
    pub(super) fn most_cards(&self) -> Option<u32> {
        match self {
            Self::Real => cards::most_cards(),
            #[cfg(debug_assertions)]
            Self::Pretended { .. } => None,
        }
    }

    /// Whether libraries of the card's maker have to be loaded first.
    pub(super) fn need_libraries(&self) -> bool {
        matches!(self, Self::Real)
    }

    /// Opens the card, which the real provider does when it is registered.
    pub(super) fn try_card(
        &self,
        environment: &Environment,
        device: Device,
    ) -> Result<(), Failure> {
        let options = GraphOptions { device, ..GraphOptions::default() };
        self.register(Session::builder(environment)?, &options).map(drop)
    }

    /// Has `builder` open its graph on the device that `options` name, on no other.
    pub(super) fn register(
        &self,
        builder: SessionBuilder,
        options: &GraphOptions,
    ) -> Result<SessionBuilder, Failure> {
        let Some(card) = options.device.card() else { return Ok(builder) };
        match self {
            Self::Real => {
                // What TensorRT can't take goes to CUDA.
                let tensorrt = matches!(options.device, Device::TensorRt(_));
                let first = tensorrt.then(|| tensorrt_on(card, options)).transpose()?;
                let both = first.into_iter().chain([cuda_on(card, options)?]);
                Ok(builder.with_execution_providers(both.collect::<Vec<_>>())?)
            }
            #[cfg(debug_assertions)]
            Self::Pretended { cards } if card < *cards => Ok(builder),
            #[cfg(debug_assertions)]
            Self::Pretended { cards } => {
                Err(format!("there are {cards} cards, the first is number 0").into())
            }
        }
    }
}

fn cuda_on(card: u32, options: &GraphOptions) -> Result<ExecutionProviderDispatch, Failure> {
    // The default search times every algorithm anew for each shape, and its pick, hence the last
    // bits of the result, can change from run to run.
    let cuda = ep::CUDA::default()
        .with_device_id(i32::try_from(card)?)
        .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
        .with_tf32(options.tf32)
        .with_arena_extend_strategy(ep::ArenaExtendStrategy::SameAsRequested);
    Ok(cuda.build().error_on_failure())
}

fn tensorrt_on(card: u32, options: &GraphOptions) -> Result<ExecutionProviderDispatch, Failure> {
    let mut tensorrt = ep::TensorRT::default()
        .with_device_id(i32::try_from(card)?)
        .with_fp16(options.tensorrt.half);
    if let Some(cache) = &options.tensorrt.cache {
        std::fs::create_dir_all(cache).map_err(|e| format!("{}: {e}", cache.display()))?;
        let cache = cache.to_string_lossy();
        tensorrt = tensorrt
            .with_engine_cache(true)
            .with_engine_cache_path(&cache)
            .with_timing_cache(true)
            .with_timing_cache_path(&cache);
    }
    Ok(tensorrt.build().error_on_failure())
}
