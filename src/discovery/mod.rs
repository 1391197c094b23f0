//! Finding the images that stand for a class: numbers in, numbers out.
//!
//! Pure arithmetic on matrices, one class at a time: no I/O (but for [`Index::dump`], the only way its library
//! permits), no progress, no state. [`discover`] takes the features and brings them to exactly IPC cores by one of the
//! [`Algorithm`]s; [`discover_embedded`] begins at an embedding. The same input, settings and seed give the same bits
//! whatever the number of threads.
//!
//! ```
//! use coda_pipe::discovery::{Algorithm, Matrix, Settings, discover};
//!
//! // Twenty images of one class, described by two numbers each: two heaps.
//! let features = Matrix::from_fn(20, 2, |row, col| (row / 10 * 50 + row % (3 + col)) as f32);
//! let settings = Settings { ipc: 2, algorithm: Algorithm::KMEANS, ..Settings::default() };
//! let found = discover(&features, &settings)?;
//! let heaps: Vec<usize> = found.cores.iter().map(|core| core.row / 10).collect();
//! assert!(heaps == [0, 1] || heaps == [1, 0]);
//! # Ok::<(), coda_pipe::discovery::DiscoveryError>(())
//! ```

mod algorithms;
pub(crate) mod anchors;
pub(crate) mod cascade;
mod choice;
mod cores;
pub(crate) mod density;
mod error;
pub(crate) mod features;
pub(crate) mod groups;
pub(crate) mod hdbscan;
pub(crate) mod hnsw;
mod kmeans;
pub(crate) mod knn_query;
mod nearest;
mod neighbor_search;
pub(crate) mod purity;
mod settings;
pub(crate) mod standardize;
pub(crate) mod umap;

pub use crate::linalg::{Matrix, MatrixError};
pub use cores::{Core, Origin};
pub use error::DiscoveryError;
pub use hnsw::{HnswSettings, Index};
pub use neighbor_search::NeighborSearch;
pub use settings::{Algorithm, Settings};

use crate::linalg::pca;
use choice::Choice;
use settings::Method;

/// Principal components of the features that [`discover`] gives back in place of an embedding.
pub const SHOWN: usize = 8;

/// An embedding of the features, on the way to cores.
pub(crate) struct Embedded {
    /// One row per image.
    pub embedding: Matrix,
    /// What was done, for people.
    pub log: Vec<String>,
    /// The index that found the neighbours, if one did.
    pub index: Option<Index<'static>>,
    /// Its measured recall.
    pub recall: Option<f64>,
}

/// What was found in one class of n rows.
#[derive(Debug)]
pub struct Discovery {
    /// The space in which the cores were chosen, n × columns: UMAP's embedding. Algorithms without
    /// one choose among the features; of these, the first [`SHOWN`] principal components.
    pub embedding: Matrix,
    /// Each row's cluster, −1 for noise (n). Algorithms without clusters: the core it belongs to.
    pub labels: Vec<i32>,
    /// Each row's membership probability, 0 to 1, 0 for noise (n). Algorithms without clusters: 1.
    pub probabilities: Vec<f64>,
    /// Each row's GLOSH outlier score, 0 to 1 (n). Algorithms without clusters: 0.
    pub outlier_scores: Vec<f64>,
    /// Number of clusters before the cascade.
    pub clusters: usize,
    /// Number of rows of noise.
    pub noise: usize,
    /// Exactly IPC cores with distinct rows, in rank order.
    pub cores: Vec<Core>,
    /// What was done, a line each, for people.
    pub log: Vec<String>,
    /// The neighbour index, if one was asked for or the automatic rule chose it. It holds the
    /// standardised features (`coda`), the features, or the embedding that was given.
    pub index: Option<Index<'static>>,
    /// The index's measured recall.
    pub recall: Option<f64>,
}

/// Finds the cores of one class (CoDA, arXiv 2512.03844, method) from its features: n × columns, one row per image, in any
/// unit, as long as Euclidean distance tells likeness.
///
/// # Errors
/// [`DiscoveryError::TooFewRows`] with fewer rows than IPC, [`DiscoveryError::Matrix`] naming a row that isn't finite,
/// or of features without a column, [`DiscoveryError::Setting`].
pub fn discover(features: &Matrix, settings: &Settings) -> Result<Discovery, DiscoveryError> {
    discover_known(features, None, settings)
}

/// As [`discover`], told which rows are sparse: algorithms that go by density choose none of them.
///
/// # Errors
/// As [`discover`].
pub(crate) fn discover_known(
    features: &Matrix,
    sparse: Option<&[bool]>,
    settings: &Settings,
) -> Result<Discovery, DiscoveryError> {
    check(features, settings)?;
    let mut log: Vec<String> = Vec::new();
    if features.alike() {
        let rows = features.rows();
        log.push(format!(
            "all {rows} rows are the same: nothing tells one from another, and which are cores is arbitrary"
        ));
    }
    match &settings.algorithm.0.method {
        Method::Rows(_) | Method::Dense(_) => {
            let mut found = among_rows(settings.reduce(features.clone()), sparse, settings)?;
            found.log.append(&mut log);
            if found.embedding.cols() > SHOWN {
                found.embedding = pca::reduce(&found.embedding, SHOWN, settings.seed);
            }
            Ok(found)
        }
        Method::Embedding { embed, choose } => {
            let Embedded { embedding, log: done, index, recall } = embed(features, settings)?;
            let mut found = choose(embedding, settings)?;
            log.extend(done);
            log.append(&mut found.log);
            Ok(Discovery { log, index, recall, ..found })
        }
    }
}

/// As [`discover`], but the rows are the embedding already: nothing is standardised and UMAP doesn't
/// run. `components`, `n_neighbors` and the automatic choice of an index have no meaning here.
///
/// # Errors
/// As [`discover`].
pub fn discover_embedded(
    embedding: &Matrix,
    settings: &Settings,
) -> Result<Discovery, DiscoveryError> {
    check(embedding, settings)?;
    match &settings.algorithm.0.method {
        Method::Rows(_) | Method::Dense(_) => among_rows(embedding.clone(), None, settings),
        Method::Embedding { choose, .. } => {
            with_requested_index(choose(embedding.clone(), settings)?, settings)
        }
    }
}

/// Checks settings and input together, so that no stage has to.
fn check(features: &Matrix, settings: &Settings) -> Result<(), DiscoveryError> {
    settings.check()?;
    settings::check_ipc(settings.ipc, features.rows())?;
    Ok(features.check()?)
}

/// The cores that an algorithm without an embedding finds among the features as they are.
fn among_rows(
    features: Matrix,
    sparse: Option<&[bool]>,
    settings: &Settings,
) -> Result<Discovery, DiscoveryError> {
    let (ipc, rows) = (settings.ipc, features.rows());
    let Choice { cores, labels, log: done } = match &settings.algorithm.0.method {
        Method::Rows(choose) => choose(&features, ipc, settings.seed),
        Method::Dense(choose) => choose(&features, sparse, settings)?,
        // Only algorithms without an embedding come here.
        Method::Embedding { choose, .. } => return choose(features, settings),
    };
    let mut log = vec![format!("{ipc} cores of {rows} rows by {}", settings.algorithm)];
    log.extend(done);
    let found = Discovery {
        embedding: features,
        probabilities: labels.iter().map(|&l| f64::from(u8::from(l >= 0))).collect(),
        outlier_scores: vec![0.0; rows],
        clusters: ipc,
        noise: labels.iter().filter(|&&label| label < 0).count(),
        labels,
        cores,
        log,
        index: None,
        recall: None,
    };
    with_requested_index(found, settings)
}

/// Adds an index over `embedding` if one was asked for by name.
fn with_requested_index(
    mut found: Discovery,
    settings: &Settings,
) -> Result<Discovery, DiscoveryError> {
    if settings.neighbors == NeighborSearch::Hnsw {
        let k = settings.neighbors_of(found.embedding.rows());
        let searched = hnsw::search(&found.embedding, k, &settings.hnsw)?;
        found.log.extend(searched.log);
        found.index = Some(searched.index);
        found.recall = Some(searched.recall);
    }
    Ok(found)
}
