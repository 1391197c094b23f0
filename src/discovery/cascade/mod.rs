//! From clusters to exactly IPC cores: the published program's cascade (method, steps 4 and 5), and
//! what it lacks, an end that always comes.
//!
//! More clusters than IPC: the largest stay. Fewer: large clusters are split ([`split`]); then, if
//! there are enough, the noise points are grouped by k-means ([`fill`]); otherwise clusters are split
//! by force at ever smaller sizes. Where even that runs dry, the published program crashes; here
//! the points left over are grouped, and as a last resort the farthest rows are taken ([`represent`]).

mod cluster;
mod fill;
mod represent;
mod split;

use super::cores::{Core, Origin};
use super::hdbscan::Clustering;
use super::{DiscoveryError, Matrix};
use cluster::Pool;

/// What the cascade goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeSettings {
    /// Cores wanted (images per class).
    pub ipc: usize,
    /// HDBSCAN's least cluster size; clusters of twice that can be split.
    pub min_cluster_size: usize,
    /// HDBSCAN's `min_samples`.
    pub min_samples: usize,
    /// Seed of k-means on noise.
    pub seed: u64,
}

/// The cores in rank order, and a line for each thing that was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Cascade {
    /// Exactly IPC cores with distinct rows.
    pub cores: Vec<Core>,
    /// What was done, for people.
    pub log: Vec<String>,
}

/// Brings `clustering`, found on `embedding`, to exactly `ipc` cores.
///
/// # Errors
/// [`DiscoveryError::TooFewRows`] if there are fewer rows than that, [`DiscoveryError::Setting`] for
/// an IPC of 0.
pub fn run(
    embedding: &Matrix,
    clustering: &Clustering,
    settings: &CascadeSettings,
) -> Result<Cascade, DiscoveryError> {
    super::settings::check_ipc(settings.ipc, embedding.rows())?;
    let mut pool = Pool::new(embedding, clustering, settings);
    if pool.clusters.len() > settings.ipc {
        pool.keep_largest();
    } else {
        split::split_large(&mut pool);
        if pool.missing() > 0 {
            fill_up(&mut pool);
        }
    }
    let mut cores = represent::represent(&pool, &clustering.probabilities);
    let short = settings.ipc - cores.len();
    if short > 0 {
        pool.log.push(format!("{short} cores short: the rows farthest from every core are taken"));
        represent::add_farthest(embedding, &clustering.probabilities, short, &mut cores);
    }
    let covered: usize = pool.clusters.iter().map(|cluster| cluster.members.len()).sum();
    let sizes: Vec<String> = cores.iter().map(|core| core.size.to_string()).collect();
    pool.log.push(format!(
        "{} cores stand for {covered} of {} rows: {}",
        cores.len(),
        embedding.rows(),
        sizes.join(" ")
    ));
    Ok(Cascade { cores, log: pool.log })
}

/// Fills what splitting left open: from the noise if there is enough of it, else by force, else from
/// whatever noise there is.
fn fill_up(pool: &mut Pool<'_>) {
    let noise = pool.unassigned();
    let missing = pool.missing();
    let factor = match pool.settings.ipc {
        0..=10 => 5,
        11..=50 => 3,
        _ => 1,
    };
    let have = format!("{missing} cores missing, {} rows in no cluster", noise.len());
    if noise.len() >= missing * factor {
        pool.log.push(format!("{have}: k-means on those"));
        fill::group(pool, &noise, Origin::KmeansOutliers);
        return;
    }
    pool.log.push(format!("{have}: splitting by force"));
    split::split_by_force(pool);
    let missing = pool.missing();
    if missing > 0 && noise.len() >= missing {
        pool.log.push(format!("nothing left to split, {missing} missing: k-means on the noise"));
        fill::group(pool, &noise, Origin::KmeansRest);
    }
}
