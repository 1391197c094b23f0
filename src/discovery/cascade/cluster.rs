//! The clusters the cascade works on, and what it makes of them.

use super::CascadeSettings;
use crate::discovery::Matrix;
use crate::discovery::cores::Origin;
use crate::discovery::hdbscan::Clustering;

/// What stands for a cluster.
#[derive(Clone, Debug)]
pub enum Representative {
    /// This row.
    Row(usize),
    /// The row nearest to this point.
    Centre(Vec<f32>),
}

/// A cluster on its way to becoming a core.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Counts up from the first clustering's labels; for the log.
    pub id: usize,
    /// Its rows, ascending.
    pub members: Vec<usize>,
    /// What stands for it.
    pub representative: Representative,
    /// How it came to be.
    pub origin: Origin,
}

/// All clusters, in the order in which they came to be.
pub struct Pool<'a> {
    /// The space everything is measured in.
    pub embedding: &'a Matrix,
    /// What the cascade goes by.
    pub settings: &'a CascadeSettings,
    /// The clusters that stand.
    pub clusters: Vec<Cluster>,
    /// What was done so far.
    pub log: Vec<String>,
    next_id: usize,
}

impl<'a> Pool<'a> {
    /// The first clustering's clusters, each with its member of highest probability, the first such.
    pub fn new(
        embedding: &'a Matrix,
        clustering: &Clustering,
        settings: &'a CascadeSettings,
    ) -> Self {
        let mut pool =
            Self { embedding, settings, clusters: Vec::new(), log: Vec::new(), next_id: 0 };
        for label in 0..clustering.clusters() {
            let members = clustering.members(label);
            if let Some(best) = surest(&members, &clustering.probabilities) {
                pool.add(members, Representative::Row(best), Origin::HdbscanInitial);
            }
        }
        let noise = clustering.noise();
        pool.log.push(format!("{} clusters, {noise} rows of noise", pool.clusters.len()));
        pool
    }

    /// Appends a cluster and returns its number.
    pub fn add(
        &mut self,
        members: Vec<usize>,
        representative: Representative,
        origin: Origin,
    ) -> usize {
        let id = self.next_id;
        self.next_id += 1;
        self.clusters.push(Cluster { id, members, representative, origin });
        id
    }

    /// Cores still wanted.
    pub fn missing(&self) -> usize {
        self.settings.ipc.saturating_sub(self.clusters.len())
    }

    /// Rows in no cluster, ascending.
    pub fn unassigned(&self) -> Vec<usize> {
        let mut assigned = vec![false; self.embedding.rows()];
        for &row in self.clusters.iter().flat_map(|cluster| &cluster.members) {
            assigned[row] = true;
        }
        (0..assigned.len()).filter(|&row| !assigned[row]).collect()
    }

    /// Keeps the IPC largest, largest first, ties in their order.
    pub fn keep_largest(&mut self) {
        let (found, kept) = (self.clusters.len(), self.settings.ipc);
        self.clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.members.len()));
        self.clusters.truncate(kept);
        self.log.push(format!("{found} clusters for {kept} cores: the largest {kept} stay"));
    }
}

/// The member with the highest probability, the first such.
pub fn surest(members: &[usize], probabilities: &[f64]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for &row in members {
        if best.is_none_or(|best| probabilities[row] > probabilities[best]) {
            best = Some(row);
        }
    }
    best
}
