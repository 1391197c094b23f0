//! Cores are found on small pictures, and the chosen ones alone encoded again at the size of the images to be.

use crate::harness::{Bench, digits, write_shard};
use coda_pipe::internals::store::tables::{Anchors, read_anchors, read_cores};

/// The random algorithm looks at no feature: it chooses the same cores at any size.
const SAME_CORES: [&str; 4] = ["run", "p.toml", "--set", "algorithm=random"];

fn anchors(bench: &Bench, run: &str, class: &str) -> Anchors {
    read_anchors(&bench.path(&format!("{run}/anchor/{class}.parquet"))).unwrap()
}

#[test]
fn cores_are_encoded_again_at_the_size_of_the_images() {
    let bench = Bench::new();
    bench.expect(0, &[&SAME_CORES[..], &["--run-dir", "once"]].concat());
    let twice = ["--set", "encode.size=16", "--run-dir", "twice"];
    let (_, stderr) = bench.expect(0, &[&SAME_CORES[..], &twice].concat());
    assert!(stderr.contains("anchor    3 units, 12 samples"), "{stderr}");
    for class in ["0", "1", "2"] {
        let (once, twice) = (anchors(&bench, "once", class), anchors(&bench, "twice", class));
        assert_eq!((&once.keys, once.format), (&twice.keys, twice.format));
        let mut worst = 0.0f32;
        for rank in 0..once.keys.len() {
            let pairs = once.latent(rank).into_iter().zip(twice.latent(rank));
            worst = pairs.map(|(a, b)| (a - b).abs()).fold(worst, f32::max);
        }
        // Other batches, then half precision: a last bit or two of values up to four.
        assert!(worst <= 8e-3, "class {class}: {worst}");
    }
    let (_, again) = bench.expect(0, &[&SAME_CORES[..], &twice].concat());
    assert!(again.contains("anchor    3 of 3 units done before"), "{again}");
    // The latents that cores were searched in are a quarter.
    let bytes = |run: &str| {
        std::fs::metadata(bench.path(&format!("{run}/encode/part-000000.parquet"))).unwrap().len()
    };
    assert!(bytes("twice") < bytes("once") / 2, "{} {}", bytes("twice"), bytes("once"));
}

#[test]
fn what_is_kept_of_latents_is_the_users_choice() {
    let bench = Bench::new();
    // In single precision, so that averages taken before and after storing are the same.
    let run = ["run", "p.toml", "--set", "discover.features={grid=4}", "--set", "encode.dtype=f32"];
    let keep = ["--set", "encode.keep={grid=4}"];
    let run = |name: &str, more: &[&str]| {
        bench.expect(0, &[&run[..], &["--run-dir", name], more].concat());
    };
    run("all", &[]);
    run("grid", &keep);
    run("small", &["--set", "encode.compress=true"]);
    let bytes = |run: &str| {
        std::fs::metadata(bench.path(&format!("{run}/encode/part-000000.parquet"))).unwrap().len()
    };
    assert!(bytes("grid") < bytes("all") / 2, "{} {}", bytes("grid"), bytes("all"));
    assert!(bytes("small") < bytes("all"), "{} {}", bytes("small"), bytes("all"));
    for class in ["0", "1", "2"] {
        let all = anchors(&bench, "all", class);
        assert_eq!(all.keys, anchors(&bench, "grid", class).keys, "class {class}");
        // Whole latents again, from the originals, in other batches.
        let again = anchors(&bench, "grid", class);
        assert_eq!(all.format, again.format);
        for rank in 0..all.keys.len() {
            let pairs = all.latent(rank).into_iter().zip(again.latent(rank));
            let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= 8e-3, "class {class}: {worst}");
        }
        assert_eq!(all.latents, anchors(&bench, "small", class).latents, "class {class}");
    }
    assert_eq!(bench.results("all"), bench.results("small"));
    let refused = [&["run", "p.toml", "--run-dir", "no"], &keep[..]].concat();
    let (_, stderr) = bench.expect(2, &refused);
    assert!(stderr.contains("`encode.keep` leaves 4 × 4 cells"), "{stderr}");
    assert!(stderr.contains("set `features = { grid = 4 }` in [discover]"), "{stderr}");
}

#[test]
fn the_fetched_originals_are_the_cores_and_lost_ones_are_named() {
    let bench = Bench::with_run(&["--until", "discover"]);
    let core = read_cores(&bench.path("run/discover/1/cores.parquet")).unwrap().remove(0);
    bench.expect(0, &["run", "p.toml", "--until", "fetch"]);
    let number = &core.shard["train-".len().."train-".len() + 6];
    let fetched = crate::harness::read_shard(&bench.path(&format!("run/fetch/part-{number}.tar")));
    let source = crate::harness::read_shard(&bench.path(&core.shard));
    assert_eq!(fetched["1_0000"]["png"], source[&core.key]["png"]);

    // The same shard with two samples exchanged, as if nobody had touched it.
    std::fs::remove_dir_all(bench.path("run/fetch")).unwrap();
    let shard = bench.path(&core.shard);
    let before = std::fs::metadata(&shard).unwrap();
    let mut samples = if core.shard.ends_with("0.tar") {
        digits(30)[..45].to_vec()
    } else {
        digits(30)[45..].to_vec()
    };
    samples.iter_mut().filter(|sample| sample.key == core.key).for_each(|sample| {
        sample.key = "x".repeat(sample.key.len());
    });
    write_shard(&shard, &samples);
    assert_eq!(std::fs::metadata(&shard).unwrap().len(), before.len());
    let file = std::fs::File::options().write(true).open(&shard).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    let expected = format!(
        "{}: sample {:?} was chosen as a core and is no longer in the shard",
        core.shard, core.key
    );
    assert!(stderr.contains(&expected), "{stderr}");
}
