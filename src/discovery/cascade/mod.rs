//! From M clusters to IPC cores: the published selection cascade (keep the largest, split, k-means on noise, forced
//! splits), all in the embedding, with an ending that the published program lacks.

mod split;

use super::hdbscan::{Clustering, HdbscanSettings};
use super::kmeans::kmeans;
use super::matrix::{Matrix, squared_distance};
use std::collections::BTreeMap;
use std::fmt;

/// What chose a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Origin {
    /// The best member of an HDBSCAN cluster.
    Cluster,
    /// The member nearest to the centre of one half of a split cluster.
    Split,
    /// The point nearest to a k-means centre among noise.
    Noise,
    /// The point farthest from all cores so far, when nothing else was left.
    Farthest,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Cluster => "hdbscan_initial",
            Origin::Split => "hdbscan_kmeans_split",
            Origin::Noise => "kmeans_outliers",
            Origin::Farthest => "farthest",
        })
    }
}

/// A chosen row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Core {
    /// The row.
    pub row: usize,
    /// What chose it.
    pub origin: Origin,
    /// Rows in its cluster.
    pub size: usize,
    /// Its membership probability among HDBSCAN's clusters.
    pub probability: f64,
}

/// A cluster on its way.
#[derive(Debug, Clone)]
struct Cluster {
    members: Vec<usize>,
    core: usize,
    origin: Origin,
}

/// Clusters by number: numbers grow, so that order is age.
type Clusters = BTreeMap<usize, Cluster>;

struct Cascade<'a> {
    points: &'a Matrix,
    settings: HdbscanSettings,
    ipc: usize,
    seed: u64,
    clusters: Clusters,
    next: usize,
    log: Vec<String>,
}

/// Exactly `ipc` distinct cores (the number of rows, if there are fewer), by rank, and what was done.
pub fn select(
    points: &Matrix,
    clustering: &Clustering,
    settings: HdbscanSettings,
    ipc: usize,
    seed: u64,
) -> (Vec<Core>, Vec<String>) {
    let clusters = initial(clustering);
    let noise: Vec<usize> = (0..points.rows()).filter(|&i| clustering.labels[i] < 0).collect();
    let head =
        format!("{} clusters, {} of {} points noise", clusters.len(), noise.len(), points.rows());
    let next = clusters.len();
    let mut cascade = Cascade { points, settings, ipc, seed, clusters, next, log: vec![head] };
    cascade.split_large();
    cascade.cluster_noise(&noise);
    cascade.force();
    cascade.keep_largest();
    let mut cores: Vec<Core> = cascade
        .clusters
        .values()
        .map(|c| Core {
            row: c.core,
            origin: c.origin,
            size: c.members.len(),
            probability: clustering.probabilities[c.core],
        })
        .collect();
    cascade.fill(&mut cores, &clustering.probabilities);
    (cores, cascade.log)
}

/// One cluster per label; its core is the first member with the highest probability.
fn initial(clustering: &Clustering) -> Clusters {
    let mut clusters = Clusters::new();
    for (row, &label) in clustering.labels.iter().enumerate() {
        let Ok(label) = usize::try_from(label) else { continue };
        let cluster = clusters.entry(label).or_insert_with(|| Cluster {
            members: Vec::new(),
            core: row,
            origin: Origin::Cluster,
        });
        cluster.members.push(row);
        if clustering.probabilities[row] > clustering.probabilities[cluster.core] {
            cluster.core = row;
        }
    }
    clusters
}

/// The number of the largest cluster among `numbers`; ties go to the first.
fn largest(clusters: &Clusters, numbers: &[usize]) -> Option<usize> {
    let size = |i: &usize| clusters.get(i).map_or(0, |c| c.members.len());
    numbers.iter().copied().fold(None, |best, i| match best {
        Some(b) if size(&b) >= size(&i) => Some(b),
        _ => Some(i),
    })
}

impl Cascade<'_> {
    fn missing(&self) -> usize {
        self.ipc.saturating_sub(self.clusters.len())
    }

    fn size(&self, number: usize) -> usize {
        self.clusters.get(&number).map_or(0, |c| c.members.len())
    }

    /// Splits cluster `number` in two if it can be; answers with the children's numbers.
    fn split(&mut self, number: usize, min_cluster_size: usize) -> Option<[usize; 2]> {
        let members = &self.clusters.get(&number)?.members;
        let settings = HdbscanSettings { min_cluster_size, ..self.settings };
        let children = split::halve(self.points, members, settings)?;
        self.clusters.remove(&number);
        let numbers = [self.next, self.next + 1];
        self.next += 2;
        self.clusters.extend(numbers.into_iter().zip(children));
        Some(numbers)
    }

    /// **split**: large clusters in two, the largest first, each with HDBSCAN's own parameters.
    fn split_large(&mut self) {
        let least = 2 * self.settings.min_cluster_size;
        let mut list: Vec<usize> =
            self.clusters.keys().copied().filter(|&i| self.size(i) >= least).collect();
        while self.missing() > 0 {
            let Some(number) = largest(&self.clusters, &list) else { return };
            list.retain(|&i| i != number);
            let size = self.size(number);
            match self.split(number, self.settings.min_cluster_size) {
                Some(children) => {
                    self.log_split(number, size, children);
                    list.extend(children.into_iter().filter(|&i| self.size(i) >= least));
                }
                None => {
                    self.log.push(format!("split: cluster {number} of {size} has no two parts"))
                }
            }
        }
    }

    /// **noise**: k-means on the points of no cluster, if they are many enough.
    fn cluster_noise(&mut self, noise: &[usize]) {
        let missing = self.missing();
        let factor = match self.ipc {
            0..=10 => 5,
            11..=50 => 3,
            _ => 1,
        };
        if missing == 0 || noise.len() < missing * factor {
            return;
        }
        self.log.push(format!("noise: k-means with k = {missing} on {} noise points", noise.len()));
        let points = self.points.select(noise);
        let parts = kmeans(&points, missing, self.seed, 10);
        for part in 0..missing {
            let members: Vec<usize> = noise
                .iter()
                .zip(&parts.labels)
                .filter(|(_, l)| **l == part)
                .map(|(i, _)| *i)
                .collect();
            if let Some(core) = split::nearest(self.points, &members, parts.centers.row(part)) {
                self.clusters.insert(self.next, Cluster { members, core, origin: Origin::Noise });
                self.next += 1;
            }
        }
    }

    /// **forced**: the largest cluster again and again, with smaller and smaller least sizes.
    fn force(&mut self) {
        let mut splittable: Vec<usize> = self.clusters.keys().copied().collect();
        while self.missing() > 0 {
            let Some(number) = largest(&self.clusters, &splittable) else { return };
            splittable.retain(|&i| i != number);
            let size = self.size(number);
            let mut least = self.settings.min_cluster_size;
            let children = loop {
                let smaller = (least * 3 / 4).max(2);
                let children = self.split(number, smaller);
                if children.is_some() || smaller == least || smaller == 2 {
                    break children;
                }
                least = smaller;
            };
            match children {
                Some(children) => {
                    self.log_split(number, size, children);
                    splittable.extend(children);
                }
                None => self.log.push(format!("forced: cluster {number} of {size} can't be split")),
            }
        }
    }

    fn keep_largest(&mut self) {
        if self.clusters.len() <= self.ipc {
            return;
        }
        let mut by_size: Vec<usize> = self.clusters.keys().copied().collect();
        by_size.sort_by_key(|&i| std::cmp::Reverse(self.size(i)));
        self.log.push(format!("kept the {} largest of {} clusters", self.ipc, by_size.len()));
        let kept = by_size[..self.ipc].iter().enumerate();
        // Their order by size is the rank.
        self.clusters =
            kept.filter_map(|(rank, i)| Some((rank, self.clusters.get(i)?.clone()))).collect();
    }

    /// What the published program has no answer for: nothing can be split any more. Takes the rows farthest from all
    /// cores, one after the other.
    fn fill(&mut self, cores: &mut Vec<Core>, probabilities: &[f64]) {
        let n = self.points.rows();
        if cores.len() >= self.ipc.min(n) {
            return;
        }
        self.log.push(format!(
            "farthest: {} more cores, nothing can be split",
            self.ipc.min(n) - cores.len()
        ));
        let mut distance = vec![f64::INFINITY; n];
        let mut taken = vec![false; n];
        for core in cores.iter() {
            self.approach(core.row, &mut distance, &mut taken);
        }
        while cores.len() < self.ipc.min(n) {
            let free = (0..n).filter(|&i| !taken[i]);
            let far = free.fold(None, |best: Option<usize>, i| match best {
                Some(b) if distance[b] >= distance[i] => Some(b),
                _ => Some(i),
            });
            let Some(row) = far else { return };
            self.approach(row, &mut distance, &mut taken);
            cores.push(Core {
                row,
                origin: Origin::Farthest,
                size: 1,
                probability: probabilities[row],
            });
        }
    }

    fn approach(&self, row: usize, distance: &mut [f64], taken: &mut [bool]) {
        taken[row] = true;
        for (i, best) in distance.iter_mut().enumerate() {
            *best = best.min(squared_distance(self.points.row(i), self.points.row(row)));
        }
    }

    fn log_split(&mut self, number: usize, size: usize, children: [usize; 2]) {
        let [a, b] = children.map(|i| self.size(i));
        self.log.push(format!(
            "split: cluster {number} of {size} into {} of {a} and {} of {b}",
            children[0], children[1]
        ));
    }
}
