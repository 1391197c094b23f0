//! The images of a class as groups, one a core, each ranked by nearness to the group's centre.

use super::{Algorithm, Discovery, Matrix};
use crate::linalg::distance::squared;

/// A row of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Member {
    /// Its row in the features.
    pub(crate) row: usize,
    /// Its distance to the group's centre.
    pub(crate) distance: f64,
}

/// The rows that belong to a core.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// Rows of the group (n).
    pub(crate) size: usize,
    /// The nearest to its centre, nearest first, ties by row.
    pub(crate) members: Vec<Member>,
}

/// The groups of `found`, in the order of its cores, with `most` members at most. `features` are those that the search
/// took. A group without a row has its core as the only member.
pub(crate) fn groups(
    features: &Matrix,
    found: &Discovery,
    algorithm: Algorithm,
    most: usize,
) -> Vec<Group> {
    let cores: Vec<usize> = found.cores.iter().map(|core| core.row).collect();
    let rows = match algorithm.labels_are_cores() {
        true => rows_by_label(&found.labels, cores.len()),
        false => rows_by_label(&nearest_core(&found.embedding, &cores), cores.len()),
    };
    rows.into_iter().zip(cores).map(|(rows, core)| group(features, rows, core, most)).collect()
}

/// The rows of each label below `count`; negative labels belong to no group.
fn rows_by_label(labels: &[i32], count: usize) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new(); count];
    for (row, &label) in labels.iter().enumerate() {
        let own = usize::try_from(label).ok().and_then(|label| rows.get_mut(label));
        own.into_iter().for_each(|own| own.push(row));
    }
    rows
}

/// For each row the position of the core nearest in the embedding, the first such; a core belongs to itself.
fn nearest_core(embedding: &Matrix, cores: &[usize]) -> Vec<i32> {
    let nearest = |row: usize| {
        if let Some(own) = cores.iter().position(|&core| core == row) {
            return own as i32;
        }
        let mut best = (f64::INFINITY, -1);
        for (position, &core) in (0..).zip(cores) {
            let distance = squared(embedding.row(row), embedding.row(core));
            if distance < best.0 {
                best = (distance, position);
            }
        }
        best.1
    };
    (0..embedding.rows()).map(nearest).collect()
}

fn group(features: &Matrix, rows: Vec<usize>, core: usize, most: usize) -> Group {
    if rows.is_empty() {
        return Group { size: 0, members: vec![Member { row: core, distance: 0.0 }] };
    }
    let centre = centre(features, &rows);
    let size = rows.len();
    let member = |row| Member { row, distance: distance(features.row(row), &centre) };
    let mut members: Vec<Member> = rows.into_iter().map(member).collect();
    members.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
    members.truncate(most);
    Group { size, members }
}

/// The mean of `rows`.
fn centre(features: &Matrix, rows: &[usize]) -> Vec<f64> {
    let mut sum = vec![0.0; features.cols()];
    for &row in rows {
        sum.iter_mut().zip(features.row(row)).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    sum.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
    sum
}

fn distance(row: &[f32], centre: &[f64]) -> f64 {
    let square = |(&x, c): (&f32, &f64)| (f64::from(x) - c).powi(2);
    row.iter().zip(centre).map(square).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::{Core, Origin, Settings, discover};

    fn core(row: usize) -> Core {
        Core { row, origin: Origin::Algorithm("test"), size: 0, probability: 1.0 }
    }

    fn found(embedding: &Matrix, labels: &[i32], cores: &[usize]) -> Discovery {
        Discovery {
            embedding: embedding.clone(),
            labels: labels.to_vec(),
            probabilities: Vec::new(),
            outlier_scores: Vec::new(),
            clusters: cores.len(),
            noise: 0,
            cores: cores.iter().map(|&row| core(row)).collect(),
            log: Vec::new(),
            index: None,
            recall: None,
        }
    }

    fn members(group: &Group) -> Vec<(usize, f64)> {
        group.members.iter().map(|member| (member.row, member.distance)).collect()
    }

    #[test]
    fn members_are_ranked_by_distance_to_the_centre_and_ties_by_row() {
        // 0, 1, 2, 9 have the mean 3; 20 and 24 the mean 22; 50 belongs to none.
        let at = [9.0, 0.0, 2.0, 24.0, 1.0, 50.0, 20.0];
        let features = Matrix::from_fn(7, 1, |row, _| at[row]);
        let found = found(&features, &[0, 0, 0, 1, 0, -1, 1], &[2, 6]);
        let groups = groups(&features, &found, Algorithm::KMEANS, 3);
        assert_eq!((groups[0].size, groups[1].size), (4, 2));
        assert_eq!(members(&groups[0]), [(2, 1.0), (4, 2.0), (1, 3.0)]);
        assert_eq!(members(&groups[1]), [(3, 2.0), (6, 2.0)]);
    }

    #[test]
    fn a_core_without_rows_stands_for_itself() {
        let features = Matrix::from_fn(3, 1, |row, _| row as f32);
        let found = found(&features, &[0, 0, 0], &[1, 2]);
        let groups = groups(&features, &found, Algorithm::KMEANS, 20);
        assert_eq!((groups[1].size, members(&groups[1])), (0, vec![(2, 0.0)]));
    }

    #[test]
    fn of_clusters_rows_go_to_the_core_nearest_in_the_embedding() {
        // The labels of clusters say nothing of cores: all rows are of one cluster, or noise.
        let embedding = Matrix::from_fn(5, 1, |row, _| [0.0, 1.0, 4.0, 5.0, 3.0][row]);
        let features = Matrix::from_fn(5, 1, |row, _| [7.0, 9.0, 1.0, 2.0, 6.0][row]);
        let found = found(&embedding, &[0, 0, 0, 0, -1], &[0, 3]);
        let groups = groups(&features, &found, Algorithm::CODA, 20);
        assert_eq!(members(&groups[0]), [(0, 1.0), (1, 1.0)]);
        // Distances are those of the features: 1, 2 and 6 have the mean 3.
        assert_eq!(members(&groups[1]), [(3, 1.0), (2, 2.0), (4, 3.0)]);
    }

    #[test]
    fn groups_of_k_means_hold_each_row_once() {
        let features = Matrix::from_fn(60, 3, |row, col| ((row * 37 + col * 11) % 23) as f32);
        let settings = Settings { ipc: 4, algorithm: Algorithm::KMEANS, ..Settings::default() };
        let found = discover(&features, &settings).unwrap();
        let groups = groups(&features, &found, Algorithm::KMEANS, usize::MAX);
        let sizes: Vec<usize> = groups.iter().map(|group| group.size).collect();
        assert_eq!(sizes, found.cores.iter().map(|core| core.size).collect::<Vec<_>>());
        let mut rows: Vec<usize> =
            groups.iter().flat_map(|group| group.members.iter().map(|m| m.row)).collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..60).collect::<Vec<_>>());
        let own = |(group, core): (&Group, &Core)| group.members.iter().any(|m| m.row == core.row);
        assert!(groups.iter().zip(&found.cores).all(own), "a core of another group");
    }
}
