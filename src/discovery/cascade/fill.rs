//! Cores from rows that are in no cluster.

use super::cluster::{Pool, Representative};
use crate::discovery::cores::Origin;
use crate::discovery::kmeans::{KMeansSettings, kmeans};

/// Groups `rows` (at least as many as are missing) by k-means into the clusters still missing.
pub fn group(pool: &mut Pool<'_>, rows: &[usize], origin: Origin) {
    let data = pool.embedding.select(rows);
    let settings = KMeansSettings { seed: pool.settings.seed, ..KMeansSettings::default() };
    let groups = kmeans(&data, pool.missing(), &settings);
    for (group, members) in groups.members().into_iter().enumerate() {
        let members = members.into_iter().map(|member| rows[member]).collect();
        let centre = Representative::Centre(groups.centres.row(group).to_vec());
        pool.add(members, centre, origin);
    }
    pool.log.push(format!("k-means inertia {:.4}", groups.inertia));
}
