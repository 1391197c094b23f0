//! The published method (CoDA, arXiv 2512.03844, method): standardise, UMAP, HDBSCAN, cascade.

use super::{Algorithm, AlgorithmInfo, Method};
use crate::discovery::standardize::standardize;
use crate::discovery::{Discovery, DiscoveryError, Embedded, Matrix, Settings};
use crate::discovery::{cascade, hdbscan, hnsw, umap};
use crate::linalg::knn;

impl Algorithm {
    /// The published method: standardise, UMAP, HDBSCAN, cascade.
    pub const CODA: Self = Self(&AlgorithmInfo {
        name: "coda",
        summary: "standardise, UMAP, HDBSCAN, cascade, as published",
        reads: &["n_neighbors", "min_cluster_size", "min_samples", "components"],
        method: Method::Embedding { embed, choose },
    });
}

/// UMAP's embedding of the standardised features, with the index that found the neighbours, if one did.
fn embed(features: &Matrix, settings: &Settings) -> Result<Embedded, DiscoveryError> {
    let scaled = settings.reduce(standardize(features));
    let k = settings.neighbors_of(scaled.rows());
    let mut log = Vec::new();
    let (neighbors, index, recall) = if settings.neighbors.uses_index(scaled.rows(), scaled.cols())
    {
        let found = hnsw::search(&scaled, k, &settings.hnsw)?;
        log.extend(found.log);
        (found.neighbors, Some(found.index), Some(found.recall))
    } else {
        (knn::exact(&scaled, k)?, None, None)
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
    Ok(Embedded { embedding, log, index, recall })
}

/// HDBSCAN on the embedding and the cascade to IPC cores.
fn choose(embedding: Matrix, settings: &Settings) -> Result<Discovery, DiscoveryError> {
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
