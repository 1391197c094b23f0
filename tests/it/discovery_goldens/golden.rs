//! Reading the golden files of `tests/golden/discover`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use coda_pipe::discovery::Matrix;
use coda_pipe::internals::discovery::hdbscan::{Clustering, HdbscanSettings, Selection, cluster};
use rayon::{ThreadPool, ThreadPoolBuilder};
use safetensors::{Dtype, SafeTensors};

/// Every case there is.
pub const CASES: [&str; 7] = [
    "cifar_frog_n15_s5",
    "cifar_ship_n85_s55",
    "mnist_1_n30_s15",
    "mnist_3_n15_s5",
    "mnist_7_n85_s55",
    "tiny_bus_n45_s25",
    "tiny_penguin_n15_s5",
];

/// One case: its tensors and its JSON.
pub struct Golden {
    pub json: serde_json::Value,
    bytes: Vec<u8>,
}

impl Golden {
    pub fn load(case: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/discover");
        let bytes = std::fs::read(folder.join(format!("{case}.safetensors"))).unwrap();
        let json = std::fs::read_to_string(folder.join(format!("{case}.json"))).unwrap();
        Self { json: serde_json::from_str(&json).unwrap(), bytes }
    }

    pub fn number(&self, key: &str) -> usize {
        self.json[key].as_u64().unwrap() as usize
    }

    /// A tensor of any type as f64.
    pub fn values(&self, name: &str) -> Vec<f64> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        let data = tensor.data();
        match tensor.dtype() {
            Dtype::F64 => {
                data.chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
            }
            Dtype::F32 => {
                data.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect()
            }
            Dtype::I32 => {
                data.chunks(4).map(|b| i32::from_le_bytes(b.try_into().unwrap()).into()).collect()
            }
            Dtype::U8 => data.iter().map(|&byte| byte.into()).collect(),
            other => panic!("{name} is {other:?}"),
        }
    }

    pub fn integers(&self, name: &str) -> Vec<i64> {
        self.values(name).into_iter().map(|value| value as i64).collect()
    }

    /// The reference's embedding.
    pub fn embedding(&self) -> Matrix {
        let values = self.values("umap").into_iter().map(|value| value as f32).collect();
        Matrix::new(self.number("n"), 50, values).unwrap()
    }

    /// The penguins' features, before standardising.
    pub fn features(&self) -> Matrix {
        let values = self.values("pixels").into_iter().map(|p| p as f32 / 127.5 - 1.0).collect();
        Matrix::new(self.number("n"), 768, values).unwrap()
    }

    pub fn hdbscan_settings(&self) -> HdbscanSettings {
        HdbscanSettings {
            min_cluster_size: self.number("min_cluster_size"),
            min_samples: self.number("min_samples"),
            selection: Selection::Eom,
        }
    }

    /// Our clustering of the reference's embedding.
    pub fn clustering(&self) -> Clustering {
        cluster(&self.embedding(), &self.hdbscan_settings())
    }
}

/// Runs on a pool of that many threads, one pool for all that ask for as many.
pub fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    static POOLS: Mutex<BTreeMap<usize, Arc<ThreadPool>>> = Mutex::new(BTreeMap::new());
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let new = || Arc::new(ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let pool = Arc::clone(pools.entry(threads).or_insert_with(new));
    drop(pools);
    pool.install(work)
}

/// Largest difference between two lists of the same length.
pub fn largest_difference(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
