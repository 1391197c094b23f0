//! The neighbour index: recall, determinism, and the way to disk and back.

use coda_pipe::discovery::{
    Algorithm, DiscoveryError, Matrix, NeighborSearch, Settings, discover, discover_embedded,
};
use coda_pipe::internals::discovery::exact;
use coda_pipe::internals::discovery::hnsw::{HnswSettings, Index, search, with_loaded};
use coda_pipe::internals::discovery::standardize::standardize;

use super::golden::{Golden, on_threads};

fn penguins() -> Matrix {
    standardize(&Golden::load("tiny_penguin_n15_s5").features())
}

fn dumped(index: &Index<'_>) -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    index.dump(folder.path(), "index").unwrap().map(|path| std::fs::read(path).unwrap())
}

#[test]
fn the_index_finds_what_exact_search_finds() {
    let data = penguins();
    let exact = exact(&data, 15).unwrap();
    let found = search(&data, 15, &HnswSettings::default()).unwrap();
    assert!(found.recall >= 0.99, "{}", found.recall);
    let same = found.neighbors.indices.iter().zip(&exact.indices).filter(|(a, b)| a == b).count();
    assert!(same >= 500 * 15 * 99 / 100, "{same}");
    for row in 0..500 {
        assert_eq!(found.neighbors.of(row)[0] as usize, row);
        assert_eq!(found.neighbors.distances_of(row)[0], 0.0);
    }
}

#[test]
fn two_builds_write_the_same_bytes_on_any_number_of_threads() {
    let data = penguins();
    let build = || dumped(&Index::build(&data, &HnswSettings::default()).unwrap());
    let first = on_threads(1, build);
    assert!(first == on_threads(4, build), "the graphs differ");
    assert!(first[1].len() > 500 * 768 * 4);
}

#[test]
fn an_index_read_back_answers_the_same() {
    let data = penguins();
    let settings = HnswSettings::default();
    let index = Index::build(&data, &settings).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = index.dump(folder.path(), "index").unwrap();
    assert!(paths[0].ends_with("index.hnsw.graph") && paths[1].ends_with("index.hnsw.data"));
    let ef = settings.ef_search;
    let again = with_loaded(folder.path(), "index", ef, |index| index.search(&data, 15)).unwrap();
    assert_eq!(again, index.search(&data, 15));
}

#[test]
fn files_at_fault_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = with_loaded(folder.path(), "none", 10, |_| ()).unwrap_err();
    assert!(missing.to_string().contains("none.hnsw.graph"), "{missing}");
    let index = Index::build(&Matrix::from_fn(3, 1, |row, _| row as f32), &HnswSettings::default());
    let refused = index.unwrap().dump(&folder.path().join("absent"), "index").unwrap_err();
    assert!(refused.to_string().contains("index.hnsw.graph"), "{refused}");
}

#[test]
fn recall_under_the_floor_ends_in_exact_neighbours() {
    // A poor graph: two links a node and one candidate, over rows without structure.
    let data = Matrix::from_fn(400, 60, |row, col| ((row * 7919 + col * 104_729) % 1009) as f32);
    let poor =
        HnswSettings { m: 2, ef_construction: 1, ef_search: 1, recall_floor: 1.0, rebuilds: 1 };
    let found = search(&data, 20, &poor).unwrap();
    assert!(found.recall < 1.0);
    assert_eq!(found.neighbors, exact(&data, 20).unwrap());
    assert_eq!(found.log.len(), 3, "{:?}", found.log);
    let enough = HnswSettings { recall_floor: 0.0, ..poor };
    assert_eq!(search(&data, 20, &enough).unwrap().log.len(), 1);
}

#[test]
fn settings_that_would_end_the_process_are_refused() {
    let data = Matrix::from_fn(5, 2, |row, col| (row + col) as f32);
    for m in [0, 1, 256, 1000] {
        let refused = Index::build(&data, &HnswSettings { m, ..HnswSettings::default() });
        assert!(matches!(refused, Err(DiscoveryError::Setting { name: "hnsw.m", .. })), "{m}");
    }
}

#[test]
fn a_run_with_the_index_returns_it() {
    let features = Golden::load("tiny_penguin_n15_s5").features();
    let settings = Settings {
        algorithm: Algorithm::CODA,
        seed: 0,
        neighbors: NeighborSearch::Hnsw,
        n_neighbors: 15,
        min_cluster_size: 5,
        ..Settings::default()
    };
    let found = discover(&features, &settings).unwrap();
    assert!(found.recall.unwrap() > 0.95);
    assert_eq!(found.index.unwrap().rows(), 500);
    let embedded = discover_embedded(&found.embedding, &settings).unwrap();
    assert_eq!(embedded.cores, found.cores);
    assert_eq!(embedded.index.unwrap().rows(), 500);
    let exact = Settings { neighbors: NeighborSearch::Auto, ..settings };
    assert!(discover_embedded(&found.embedding, &exact).unwrap().index.is_none());
}
