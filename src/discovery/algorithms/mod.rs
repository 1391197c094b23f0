//! The algorithms that choose cores, one a file.
//!
//! To add one, write its file, which declares a constant of [`Algorithm`], and add that to [`Algorithm::ALL`]: settings,
//! the reference, help and errors are made from the list.

mod coda;
mod density;
mod herding;
mod k_center;
mod kmeans;
mod random;

use super::settings::{Algorithm, AlgorithmInfo, Method};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

impl Algorithm {
    /// Every algorithm, the published one first.
    pub const ALL: &'static [Self] =
        &[Self::CODA, Self::KMEANS, Self::DENSITY, Self::HERDING, Self::K_CENTER, Self::RANDOM];

    /// All names in words, as settings and errors give them.
    pub(crate) const CHOICES: &'static str = match std::str::from_utf8(&IN_WORDS) {
        Ok(words) => words,
        Err(_) => "",
    };

    fn names() -> String {
        let names: Vec<&str> = Self::ALL.iter().map(|algorithm| algorithm.name()).collect();
        names.join(", ")
    }

    /// The choices, for the help of a flag.
    pub(crate) fn help() -> String {
        format!("How cores are chosen: one of {}", Self::names())
    }

    /// The name in settings and logs.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it does, in one sentence without a capital or a full stop.
    pub fn summary(self) -> &'static str {
        self.0.summary
    }

    /// Whether it embeds the features first and clusters the embedding.
    pub(crate) fn embeds(self) -> bool {
        matches!(self.0.method, Method::Embedding { .. })
    }

    /// Whether [`super::Discovery::labels`] name each row's core; else they name clusters.
    pub(crate) fn labels_are_cores(self) -> bool {
        !self.embeds()
    }

    /// Whether it wants to know which rows are sparse in their class.
    pub(crate) fn wants_density(self) -> bool {
        matches!(self.0.method, Method::Dense(_))
    }

    /// Settings that other algorithms read and this one does not: they change none of its cores.
    pub(crate) fn unread(self) -> impl Iterator<Item = &'static str> {
        let all = Self::ALL.iter().flat_map(|other| other.0.reads).copied();
        let mut found: Vec<&'static str> = Vec::new();
        for key in all.filter(|key| !self.0.reads.contains(key)) {
            if !found.contains(&key) {
                found.push(key);
            }
        }
        found.into_iter()
    }

    /// The algorithms that read a setting which not every one does.
    pub(crate) fn reading(key: &str) -> Vec<Self> {
        Self::ALL.iter().filter(|algorithm| algorithm.0.reads.contains(&key)).copied().collect()
    }
}

/// `"a", "b" or "c"`: a constant, because what a setting accepts is one.
const IN_WORDS: [u8; words_len()] = {
    let mut words = [0; words_len()];
    let (mut end, mut at) = (0, 0);
    while at < Algorithm::ALL.len() {
        end = append(&mut words, end, between(at));
        end = append(&mut words, end, b"\"");
        end = append(&mut words, end, Algorithm::ALL[at].0.name.as_bytes());
        end = append(&mut words, end, b"\"");
        at += 1;
    }
    words
};

/// Bytes of [`IN_WORDS`].
const fn words_len() -> usize {
    let (mut len, mut at) = (0, 0);
    while at < Algorithm::ALL.len() {
        len += between(at).len() + Algorithm::ALL[at].0.name.len() + 2;
        at += 1;
    }
    len
}

/// What stands before the name at a position.
const fn between(at: usize) -> &'static [u8] {
    match at {
        0 => b"",
        _ if at + 1 == Algorithm::ALL.len() => b" or ",
        _ => b", ",
    }
}

/// Writes `text` from `at` on; where it ends.
const fn append(words: &mut [u8], at: usize, text: &[u8]) -> usize {
    let mut done = 0;
    while done < text.len() {
        words[at + done] = text[done];
        done += 1;
    }
    at + done
}

impl fmt::Debug for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl PartialEq for Algorithm {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Algorithm {}

impl FromStr for Algorithm {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|algorithm| algorithm.name() == name);
        found.copied().ok_or_else(|| format!("one of {}", Self::names()))
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let name = String::deserialize(input)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Matrix;
    use crate::discovery::choice::{Choice, sample};

    fn two_heaps() -> Matrix {
        Matrix::from_fn(20, 1, |row, _| if row < 10 { row as f32 * 0.1 } else { 50.0 + row as f32 })
    }

    const BASELINES: [Algorithm; 4] =
        [Algorithm::KMEANS, Algorithm::HERDING, Algorithm::K_CENTER, Algorithm::RANDOM];

    fn choose(features: &Matrix, algorithm: Algorithm, ipc: usize, seed: u64) -> Choice {
        match algorithm.0.method {
            Method::Rows(choose) => choose(features, ipc, seed),
            _ => panic!("{algorithm} needs more than the rows"),
        }
    }

    #[test]
    fn every_baseline_gives_distinct_cores_that_share_the_rows() {
        for algorithm in BASELINES {
            for ipc in [1, 2, 7, 20] {
                let choice = choose(&two_heaps(), algorithm, ipc, 4);
                let mut rows: Vec<usize> = choice.cores.iter().map(|core| core.row).collect();
                rows.sort_unstable();
                rows.dedup();
                assert_eq!(rows.len(), ipc, "{algorithm:?}");
                let total: usize = choice.cores.iter().map(|core| core.size).sum();
                assert_eq!(total, 20, "{algorithm:?}");
                assert_eq!(choice, choose(&two_heaps(), algorithm, ipc, 4));
            }
        }
    }

    #[test]
    fn kmeans_and_k_center_take_one_of_each_heap() {
        for algorithm in [Algorithm::KMEANS, Algorithm::K_CENTER] {
            let choice = choose(&two_heaps(), algorithm, 2, 4);
            assert_ne!(choice.cores[0].row < 10, choice.cores[1].row < 10, "{algorithm:?}");
        }
    }

    #[test]
    fn herding_starts_nearest_the_mean_and_balances_it() {
        let features = Matrix::from_fn(5, 1, |row, _| [0.0, 4.0, 6.0, 1.0, 9.0][row]);
        let rows: Vec<usize> =
            choose(&features, Algorithm::HERDING, 2, 0).cores.iter().map(|core| core.row).collect();
        // The mean is 4: first 4.0 itself; then 6.0, whose mean with it misses by 1.
        assert_eq!(rows, [1, 2]);
    }

    #[test]
    fn a_random_sample_follows_its_seed() {
        let rows = |seed| sample(1000, 20, seed);
        assert_eq!(rows(1), rows(1));
        assert_ne!(rows(1), rows(2));
    }

    #[test]
    fn names_are_read_back_and_told_apart() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(*algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.name());
            assert_eq!(
                serde_json::from_value::<Algorithm>(algorithm.name().into()).unwrap(),
                *algorithm
            );
        }
        assert_eq!(
            Algorithm::CHOICES,
            "\"coda\", \"kmeans\", \"density\", \"herding\", \"k-center\" or \"random\""
        );
        assert_eq!(
            "magic".parse::<Algorithm>(),
            Err("one of coda, kmeans, density, herding, k-center, random".into())
        );
    }

    #[test]
    fn settings_that_one_algorithm_alone_reads_are_idle_for_the_others() {
        assert_eq!(Algorithm::CODA.unread().count(), 0);
        assert!(Algorithm::RANDOM.unread().eq(Algorithm::CODA.0.reads.iter().copied()));
        assert_eq!(Algorithm::reading("components"), [Algorithm::CODA]);
    }
}
