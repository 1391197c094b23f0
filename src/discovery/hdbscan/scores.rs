//! What the condensed tree says of each row and of each chosen cluster.

use super::CondensedTree;
use super::select::stabilities;

/// Each row's label: the chosen cluster it fell out of, or out of whose descendants; −1 otherwise.
pub fn labels(tree: &CondensedTree, chosen: &[usize]) -> Vec<i32> {
    let mut label_of = vec![-1i32; tree.nodes];
    for (label, &cluster) in (0i32..).zip(chosen) {
        label_of[cluster] = label;
    }
    for (parent, child, _) in tree.births() {
        if label_of[child] < 0 {
            label_of[child] = label_of[parent];
        }
    }
    let mut labels = vec![-1i32; tree.rows];
    for fall in tree.falls.iter().filter(|fall| fall.child < tree.rows) {
        labels[fall.child] = label_of[fall.parent - tree.rows];
    }
    labels
}

/// Each row's λ over the largest λ among its cluster's own falls, at most 1; 0 for noise.
pub fn probabilities(tree: &CondensedTree, chosen: &[usize], labels: &[i32]) -> Vec<f64> {
    let deaths = tree.deaths();
    let mut probabilities = vec![0.0f64; tree.rows];
    for fall in tree.falls.iter().filter(|fall| fall.child < tree.rows) {
        let Ok(label) = usize::try_from(labels[fall.child]) else { continue };
        let most = deaths[chosen[label]];
        let certain = most == 0.0 || !fall.lambda.is_finite();
        probabilities[fall.child] = if certain { 1.0 } else { fall.lambda.min(most) / most };
    }
    probabilities
}

/// Each row's GLOSH score (λ_max − λ)/λ_max, λ_max the largest density below the cluster it fell
/// out of.
pub fn outlier_scores(tree: &CondensedTree) -> Vec<f64> {
    let mut deaths = tree.deaths();
    for (parent, child, _) in tree.births().rev() {
        deaths[parent] = deaths[parent].max(deaths[child]);
    }
    let mut scores = vec![0.0f64; tree.rows];
    for fall in tree.falls.iter().filter(|fall| fall.child < tree.rows) {
        let most = deaths[fall.parent - tree.rows];
        if most > 0.0 && fall.lambda.is_finite() {
            // Where duplicates make λ_max infinite, the limit of the quotient.
            let within = if most.is_finite() { (most - fall.lambda) / most } else { 1.0 };
            scores[fall.child] = within;
        }
    }
    scores
}

/// Each chosen cluster's stability over the most it could be: members × largest λ of the tree.
pub fn persistence(tree: &CondensedTree, chosen: &[usize], labels: &[i32]) -> Vec<f64> {
    let most = tree.falls.iter().map(|fall| fall.lambda).fold(0.0, f64::max);
    let stabilities = stabilities(tree);
    let mut sizes = vec![0usize; chosen.len()];
    for label in labels.iter().filter_map(|&label| usize::try_from(label).ok()) {
        sizes[label] += 1;
    }
    let share = |(&cluster, &size): (&usize, &usize)| {
        if most.is_infinite() || most == 0.0 || size == 0 {
            1.0
        } else {
            stabilities[cluster] / (size as f64 * most)
        }
    };
    chosen.iter().zip(&sizes).map(share).collect()
}
