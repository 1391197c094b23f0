//! Finding the images that stand for a class: numbers in, numbers out.
//!
//! Pure arithmetic on matrices, one class at a time: no I/O (but for [`hnsw::Index::dump`], the only
//! way its library permits), no progress, no state. [`discover`] standardises the features, embeds
//! them by UMAP, clusters the embedding by HDBSCAN and brings the clusters to exactly IPC cores;
//! [`discover_embedded`] begins at the embedding. The same input, settings and seed give the same
//! bits whatever the number of threads.

pub mod algorithms;
pub mod cascade;
pub(crate) mod distance;
mod error;
pub mod features;
pub mod hdbscan;
pub mod hnsw;
pub mod kmeans;
pub mod lookup;
mod matrix;
mod nearest;
pub mod neighbors;
pub mod pca;
pub(crate) mod product;
pub mod purity;
pub(crate) mod rng;
mod settings;
mod standardize;
pub mod umap;

pub use cascade::{Core, Origin};
pub use error::DiscoveryError;
pub use hnsw::HnswSettings;
pub use matrix::Matrix;
pub use neighbors::Neighbors;
pub use settings::{Algorithm, NeighborSearch, Settings};
pub use standardize::standardize;

/// Principal components of the features that [`discover`] gives back in place of an embedding.
pub const SHOWN: usize = 8;

/// What was found in one class.
#[derive(Debug)]
pub struct Discovery {
    /// The space in which the cores were chosen, one row per image: UMAP's embedding. Other
    /// algorithms choose among the features; of these, the first [`SHOWN`] principal components.
    pub embedding: Matrix,
    /// Each row's cluster (−1 for noise). Other algorithms: the core it belongs to.
    pub labels: Vec<i32>,
    /// Each row's membership probability, 0 for noise. Other algorithms: 1.
    pub probabilities: Vec<f64>,
    /// Each row's outlier score. Other algorithms: 0.
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
    pub index: Option<hnsw::Index<'static>>,
    /// The index's measured recall.
    pub recall: Option<f64>,
}

/// Finds the cores of one class from its features, one row per image.
///
/// # Errors
/// [`DiscoveryError::TooFewRows`] with fewer rows than IPC, [`DiscoveryError::Value`] naming a row
/// that isn't finite, [`DiscoveryError::NoColumns`], [`DiscoveryError::Setting`].
pub fn discover(features: &Matrix, settings: &Settings) -> Result<Discovery, DiscoveryError> {
    check(features, settings)?;
    let alike = features.alike().then(|| alike(features.rows()));
    if settings.algorithm != Algorithm::Coda {
        let mut found = baseline(reduce(features.clone(), settings), settings)?;
        found.log.extend(alike);
        if found.embedding.cols() > SHOWN {
            found.embedding = pca::reduce(&found.embedding, SHOWN, settings.seed);
        }
        return Ok(found);
    }
    let scaled = reduce(standardize(features), settings);
    let k = umap_neighbors(scaled.rows(), settings.n_neighbors);
    let mut log: Vec<String> = alike.into_iter().collect();
    let (neighbors, index, recall) = if settings.neighbors.uses_index(scaled.rows(), scaled.cols())
    {
        let found = hnsw::search(&scaled, k, &settings.hnsw)?;
        log.extend(found.log);
        (found.neighbors, Some(found.index), Some(found.recall))
    } else {
        (neighbors::exact(&scaled, k)?, None, None)
    };
    drop(scaled);
    let umap = umap::UmapSettings {
        components: settings.components,
        seed: settings.seed,
        ..umap::UmapSettings::default()
    };
    let embedding = umap::embed(&neighbors, &umap);
    log.push(format!(
        "{} rows of {} values embedded in {} by their {k} nearest neighbours",
        features.rows(),
        features.cols(),
        settings.components
    ));
    let mut found = by_density(embedding, settings)?;
    log.append(&mut found.log);
    Ok(Discovery { log, index, recall, ..found })
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
    if settings.algorithm != Algorithm::Coda {
        return baseline(embedding.clone(), settings);
    }
    let found = by_density(embedding.clone(), settings)?;
    with_requested_index(found, settings)
}

fn alike(rows: usize) -> String {
    format!(
        "all {rows} rows are the same: nothing tells one from another, and which are cores is arbitrary"
    )
}

/// Checks settings and input together, so that no stage has to.
fn check(features: &Matrix, settings: &Settings) -> Result<(), DiscoveryError> {
    settings.check()?;
    settings::check_ipc(settings.ipc, features.rows())?;
    features.check()
}

/// UMAP's neighbours for so many rows: as the reference, one fewer than the rows at most, but no
/// fewer than two while there are two.
fn umap_neighbors(rows: usize, wanted: usize) -> usize {
    wanted.min(rows.saturating_sub(1)).max(2).min(rows)
}

/// The features' principal components, where that many were asked for.
fn reduce(features: Matrix, settings: &Settings) -> Matrix {
    match settings.pca {
        0 => features,
        components => pca::reduce(&features, components, settings.seed),
    }
}

/// HDBSCAN on the embedding and the cascade to IPC cores.
fn by_density(embedding: Matrix, settings: &Settings) -> Result<Discovery, DiscoveryError> {
    let clustering = hdbscan::cluster(
        &embedding,
        &hdbscan::HdbscanSettings {
            min_cluster_size: settings.min_cluster_size,
            min_samples: settings.min_samples,
            selection: hdbscan::Selection::Eom,
        },
    );
    let cascade = cascade::run(
        &embedding,
        &clustering,
        &cascade::CascadeSettings {
            ipc: settings.ipc,
            min_cluster_size: settings.min_cluster_size,
            min_samples: settings.min_samples,
            seed: settings.seed,
        },
    )?;
    Ok(Discovery {
        embedding,
        clusters: clustering.clusters(),
        noise: clustering.noise(),
        labels: clustering.labels,
        probabilities: clustering.probabilities,
        outlier_scores: clustering.outlier_scores,
        cores: cascade.cores,
        log: cascade.log,
        index: None,
        recall: None,
    })
}

/// One of the other algorithms, on the features as they are.
fn baseline(features: Matrix, settings: &Settings) -> Result<Discovery, DiscoveryError> {
    let (ipc, rows) = (settings.ipc, features.rows());
    let choice = algorithms::choose(&features, settings.algorithm, ipc, settings.seed);
    let found = Discovery {
        embedding: features,
        labels: choice.labels,
        probabilities: vec![1.0; rows],
        outlier_scores: vec![0.0; rows],
        clusters: ipc,
        noise: 0,
        cores: choice.cores,
        log: vec![format!("{ipc} cores of {rows} rows by {}", settings.algorithm.as_str())],
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
        let k = umap_neighbors(found.embedding.rows(), settings.n_neighbors);
        let searched = hnsw::search(&found.embedding, k, &settings.hnsw)?;
        found.log.extend(searched.log);
        found.index = Some(searched.index);
        found.recall = Some(searched.recall);
    }
    Ok(found)
}
