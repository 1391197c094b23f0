//! The same results whatever the workers; close ones whatever the batch.

use crate::harness::{Bench, read_shard};

#[test]
fn workers_and_threads_do_not_change_a_byte() {
    let bench = Bench::new();
    for workers in ["1", "4"] {
        let set = format!("workers={workers}");
        let run = ["run", "p.toml", "--run-dir", workers, "--set", &set, "--set", "threads=0"];
        bench.expect(0, &run);
    }
    assert_eq!(bench.results("1"), bench.results("4"));
}

/// A batch of another size makes other roundings inside the model: at most 2 grey levels in the images, and the same
/// cores. (`docs/run-directory.md` says so to users.)
#[test]
fn batch_sizes_change_at_most_two_grey_levels() {
    let bench = Bench::new();
    for batch in ["1", "8"] {
        let (encode, generate) =
            (format!("encode.batch={batch}"), format!("generate.batch={batch}"));
        bench.expect(
            0,
            &["run", "p.toml", "--run-dir", batch, "--set", &encode, "--set", &generate],
        );
    }
    let (one, eight) = (bench.results("1"), bench.results("8"));
    assert_eq!(one["cores/mini-cores-000000.tar"], eight["cores/mini-cores-000000.tar"]);
    let read = |run: &str| read_shard(&bench.path(run).join("distilled/mini-000000.tar"));
    let (one, eight) = (read("1"), read("8"));
    let mut worst = 0;
    for (key, members) in &one {
        let pixels = |png: &[u8]| image::load_from_memory(png).unwrap().to_rgb8().into_raw();
        let (a, b) = (pixels(&members["png"]), pixels(&eight[key]["png"]));
        assert_eq!(a.len(), b.len());
        worst = a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b)).max().unwrap().max(worst);
    }
    assert!(worst <= 2, "images differ by {worst} grey levels");
}
