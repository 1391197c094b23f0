//! The library's examples, each on a small input.

use crate::harness::{checkout, digits, write_shard};

#[path = "../../examples/find_cores.rs"]
mod find_cores;
#[path = "../../examples/read_shards.rs"]
mod read_shards;
#[path = "../../examples/sample_image.rs"]
mod sample_image;

#[test]
fn shards_are_listed_sample_by_sample() {
    let dir = tempfile::tempdir().unwrap();
    let (path, samples) = (dir.path().join("a.tar"), digits(2));
    write_shard(&path, &samples);
    let listed = read_shards::run(&path).unwrap();
    assert_eq!(listed.lines().count(), samples.len());
    for (line, sample) in listed.lines().zip(&samples) {
        let cells: Vec<&str> = line.split('\t').collect();
        let label = String::from_utf8_lossy(sample.get("cls").unwrap());
        assert_eq!((cells[0], cells[1]), (sample.key.as_str(), label.as_ref()));
        let sizes = sample.members.iter().map(|m| format!("{} {}", m.extension, m.bytes.len()));
        assert_eq!(cells[2..], sizes.collect::<Vec<_>>());
    }
    std::fs::write(&path, "no shard").unwrap();
    assert!(read_shards::run(&path).is_err());
}

#[test]
fn cores_of_a_table_lie_in_its_groups() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("features.npy");
    // Three groups of ten rows around (0, 0), (10, 0) and (20, 0).
    let value = |row: usize| [(row / 10) as f32 * 10.0, (row % 10) as f32 * 0.01];
    let values: Vec<f32> = (0..30).flat_map(value).collect();
    coda_pipe::internals::arrays::write_npy(&path, [30, 2], &values).unwrap();
    let cores = find_cores::run(&path, 3).unwrap();
    let mut groups: Vec<usize> = cores.iter().map(|core| core.row / 10).collect();
    groups.sort_unstable();
    assert_eq!(groups, [0, 1, 2]);
    assert!(find_cores::run(&path, 31).is_err());
}

#[test]
fn an_image_is_sampled_from_a_model_folder() {
    let png = sample_image::run(&checkout().join("models/demo"), "three").unwrap();
    let image = image::load_from_memory(&png).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), (32, 32));
    let (least, most) = image.iter().fold((u8::MAX, 0), |(l, m), &v| (l.min(v), m.max(v)));
    assert!(most - least > 50, "a digit has dark and bright pixels: {least} to {most}");
    assert!(sample_image::run(&checkout().join("models/none"), "three").is_err());
}
