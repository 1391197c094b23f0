//! Anchors that are made of many images: the formula of the tables, the same bytes whoever makes them, and where each comes
//! from.

use crate::harness::{Bench, read_shard};
use coda_pipe::internals::store::tables::{
    Anchors, LatentTable, MemberRow, Numbers, read_anchors, read_cores, read_embedding,
    read_members,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const CLASSES: [&str; 3] = ["0", "1", "2"];
/// Three members each of four groups, searched on latents of half the size.
const SPREAD: [&str; 8] = [
    "--set",
    "anchor.kind=spread",
    "--set",
    "anchor.members=3",
    "--set",
    "algorithm=kmeans",
    "--set",
    "neighbors=exact",
];
const SMALL: [&str; 2] = ["--set", "encode.size=16"];

fn run(bench: &Bench, name: &str, more: &[&str]) -> String {
    let args = [&["run", "p.toml", "--run-dir", name], &SPREAD[..], more].concat();
    bench.expect(0, &args).1
}

/// The whole latents of a class and their keys, in the order of rows.
fn latents(bench: &Bench, run: &str, class: &str) -> (Vec<String>, Vec<Vec<f64>>) {
    let parts = [0, 1].map(|part| bench.path(&format!("{run}/encode/part-{part:06}.parquet")));
    let table = LatentTable::open(&parts).unwrap();
    let rows = table.read_range(class, 0..table.classes()[class], Numbers::Latent).unwrap();
    let width = rows.values.len() / rows.keys.len();
    let wide = |latent: &[f32]| latent.iter().map(|value| f64::from(*value)).collect();
    (rows.keys, rows.values.chunks(width).map(wide).collect())
}

fn members(bench: &Bench, run: &str, class: &str) -> Vec<Vec<MemberRow>> {
    let path = bench.path(&format!("{run}/discover/{class}/members.parquet"));
    let rows = read_members(&path).unwrap();
    rows.chunk_by(|a, b| a.rank == b.rank).map(<[MemberRow]>::to_vec).collect()
}

fn anchors(bench: &Bench, run: &str, class: &str) -> Anchors {
    read_anchors(&bench.path(&format!("{run}/anchor/{class}.parquet"))).unwrap()
}

fn mean<'a>(of: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let all: Vec<&Vec<f64>> = of.collect();
    let column = |at: usize| all.iter().map(|one| one[at]).sum::<f64>() / all.len() as f64;
    (0..all[0].len()).map(column).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// What the anchors of these groups are by the formula, and the ratio of distances, from latents by key.
fn expected(
    groups: &[Vec<MemberRow>],
    of: &BTreeMap<String, Vec<f64>>,
    spread: impl Fn(f64) -> f64,
) -> (Vec<Vec<f64>>, f64) {
    let means: Vec<Vec<f64>> =
        groups.iter().map(|own| mean(own.iter().map(|row| &of[&row.key]))).collect();
    let weights: Vec<f64> = groups.iter().map(|own| own[0].group_size as f64).collect();
    let all: f64 = weights.iter().sum();
    let centre: Vec<f64> = (0..means[0].len())
        .map(|at| means.iter().zip(&weights).map(|(mean, n)| n * mean[at]).sum::<f64>() / all)
        .collect();
    let (mut of_means, mut of_members) = (0.0, 0.0);
    for ((own, mean), n) in groups.iter().zip(&means).zip(&weights) {
        of_means += n * distance(mean, &centre).powi(2);
        let squares = own.iter().map(|row| distance(&of[&row.key], &centre).powi(2));
        of_members += n * squares.sum::<f64>() / own.len() as f64;
    }
    let ratio = (of_means / of_members).sqrt();
    let g = spread(ratio);
    let moved =
        |mean: &Vec<f64>| mean.iter().zip(&centre).map(|(m, c)| m + (g - 1.0) * (m - c)).collect();
    (means.iter().map(moved).collect(), ratio)
}

/// The largest difference between the anchors of a class and `expected`.
fn worst(anchors: &Anchors, expected: &[Vec<f64>]) -> f64 {
    assert_eq!(anchors.keys.len(), expected.len());
    let mut worst = 0.0f64;
    for (rank, expected) in expected.iter().enumerate() {
        let found = anchors.latent(rank);
        assert_eq!(found.len(), expected.len());
        let pairs = found.iter().zip(expected);
        worst = pairs.map(|(a, b)| (f64::from(*a) - b).abs()).fold(worst, f64::max);
    }
    worst
}

#[test]
fn spread_anchors_are_the_formula_of_the_tables() {
    let bench = Bench::new();
    run(&bench, "run", &["--until", "anchor"]);
    for class in CLASSES {
        let (keys, latents) = latents(&bench, "run", class);
        let groups = members(&bench, "run", class);
        let path = bench.path(&format!("run/discover/{class}/embedding.parquet"));
        let labels: Vec<i32> =
            read_embedding(&path).unwrap().rows.iter().map(|row| row.label).collect();
        assert_eq!(groups.len(), 4);
        for (rank, own) in groups.iter().enumerate() {
            let rows: Vec<usize> =
                (0..labels.len()).filter(|&row| labels[row] == rank as i32).collect();
            let centre = mean(rows.iter().map(|&row| &latents[row]));
            let mut ranked: Vec<(f64, usize)> =
                rows.iter().map(|&row| (distance(&latents[row], &centre), row)).collect();
            ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            assert_eq!(own.len(), rows.len().min(3), "class {class}, group {rank}");
            for (at, (member, (distance, row))) in own.iter().zip(&ranked).enumerate() {
                assert_eq!((member.position, member.row), (at as u32, *row as u64));
                assert_eq!(member.key, keys[*row]);
                assert_eq!(member.group_size, rows.len() as u64);
                assert!((member.distance - distance).abs() < 1e-9, "{member:?}: {distance}");
            }
        }
        let of: BTreeMap<String, Vec<f64>> = keys.into_iter().zip(latents).collect();
        let found = anchors(&bench, "run", class);
        let (spread, ratio) = expected(&groups, &of, |_| 2.0);
        assert!(groups.iter().flatten().all(|row| (row.ratio - ratio).abs() < 1e-9), "{ratio}");
        // Half precision of values up to eight.
        assert!(worst(&found, &spread) < 4e-3, "class {class}: {}", worst(&found, &spread));
        let (plain, _) = expected(&groups, &of, |_| 1.0);
        assert!(worst(&found, &plain) > 0.1, "the spread did nothing");
        let listed: Vec<Vec<String>> =
            groups.iter().map(|own| own.iter().map(|row| row.key.clone()).collect()).collect();
        assert_eq!(found.members, listed);
        let cores =
            read_cores(&bench.path(&format!("run/discover/{class}/cores.parquet"))).unwrap();
        assert_eq!(found.keys, cores.iter().map(|core| core.key.clone()).collect::<Vec<_>>());
    }
    // Where stored latents serve, only the cores are fetched.
    assert_eq!(fetched(&bench, "run").len(), 12);

    // Another spread redoes anchors and what follows, not discovery.
    let (_, said) = bench.expect(
        2,
        &[&["run", "p.toml", "--until", "anchor"], &SPREAD[..], &["--set", "spread=auto"]].concat(),
    );
    assert!(said.contains("anchor.spread: 2.0 → \"auto\""), "{said}");
    assert!(!said.contains("discover: "), "{said}");
    run(&bench, "run", &["--until", "anchor", "--set", "spread=auto", "--force"]);
    for class in CLASSES {
        let (keys, latents) = latents(&bench, "run", class);
        let of: BTreeMap<String, Vec<f64>> = keys.into_iter().zip(latents).collect();
        let groups = members(&bench, "run", class);
        let (auto, ratio) = expected(&groups, &of, |ratio| 1.4 / ratio);
        let found = worst(&anchors(&bench, "run", class), &auto);
        assert!(found < 4e-3, "class {class}, ratio {ratio}: {found}");
    }
}

#[test]
fn means_and_centroids_are_not_spread_and_single_images_have_no_members() {
    let bench = Bench::new();
    for (kind, most) in [("mean", 3), ("centroid", usize::MAX)] {
        let set = format!("anchor.kind={kind}");
        let members_set = "anchor.members=3";
        let kmeans = ["--set", "algorithm=kmeans", "--set", members_set, "--until", "anchor"];
        let args = [&["run", "p.toml", "--run-dir", kind, "--set", &set], &kmeans[..]].concat();
        bench.expect(0, &args);
        for class in CLASSES {
            let (keys, latents) = latents(&bench, kind, class);
            let of: BTreeMap<String, Vec<f64>> = keys.into_iter().zip(latents).collect();
            let groups = members(&bench, kind, class);
            let size = |own: &Vec<MemberRow>| (own[0].group_size as usize).min(most);
            assert!(groups.iter().all(|own| own.len() == size(own)), "{kind}");
            let (means, _) = expected(&groups, &of, |_| 1.0);
            let found = worst(&anchors(&bench, kind, class), &means);
            assert!(found < 4e-3, "{kind}, class {class}: {found}");
        }
    }
    bench.expect(0, &["run", "p.toml", "--set", "anchor.kind=image", "--until", "anchor"]);
    assert!(anchors(&bench, "run", "1").members.is_empty());
    assert!(!bench.path("run/discover/1/members.parquet").exists());
}

#[test]
fn rows_of_clusters_belong_to_the_core_nearest_in_the_embedding() {
    let bench = Bench::new();
    let args = ["run", "p.toml", "--set", "anchor.kind=centroid", "--until", "discover"];
    bench.expect(0, &args);
    for class in CLASSES {
        let path = bench.path(&format!("run/discover/{class}/embedding.parquet"));
        let embedding = read_embedding(&path).unwrap();
        let points: Vec<Vec<f64>> = embedding
            .coordinates
            .chunks(embedding.dimensions)
            .map(|point| point.iter().map(|value| f64::from(*value)).collect())
            .collect();
        let cores =
            read_cores(&bench.path(&format!("run/discover/{class}/cores.parquet"))).unwrap();
        let mut seen = 0;
        for (rank, own) in members(&bench, "run", class).iter().enumerate() {
            for row in own.iter().map(|member| member.row as usize) {
                let to = |core: usize| distance(&points[row], &points[cores[core].row as usize]);
                let nearest = (0..cores.len()).map(to).fold(f64::INFINITY, f64::min);
                assert!(to(rank) <= nearest * (1.0 + 1e-5), "class {class}, row {row}");
                seen += 1;
            }
        }
        assert_eq!(seen, 30, "class {class}: each image is in one group");
    }
}

/// Keys of what `fetch` copied.
fn fetched(bench: &Bench, run: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for part in 0..2 {
        let path = bench.path(&format!("{run}/fetch/part-{part:06}.tar"));
        if path.exists() {
            let part = read_shard(&path);
            assert!(part.values().all(|members| members.len() == 1));
            let before = keys.len();
            keys.extend(part.keys().cloned());
            assert_eq!(keys.len(), before + part.len());
        }
    }
    keys
}

#[test]
fn members_are_fetched_and_encoded_where_images_are_of_another_size() {
    let bench = Bench::new();
    let plan = [&["plan", "p.toml", "--json"], &SPREAD[..], &SMALL].concat();
    let plan: Value = serde_json::from_str(&bench.expect(0, &plan).0).unwrap();
    let note =
        "anchors are made of up to 36 images, which are fetched and encoded again at 32 pixels";
    assert!(plan["notes"].to_string().contains(note), "{plan:#}");
    let said = run(&bench, "small", &[&SMALL[..], &["--until", "anchor"]].concat());
    run(&bench, "full", &["--until", "encode"]);
    let mut images = 0;
    for class in CLASSES {
        let (keys, latents) = latents(&bench, "full", class);
        let of: BTreeMap<String, Vec<f64>> = keys.into_iter().zip(latents).collect();
        let groups = members(&bench, "small", class);
        images += groups.iter().map(Vec::len).sum::<usize>();
        let found = anchors(&bench, "small", class);
        assert_eq!(found.format.shape, [4, 8, 8]);
        let (spread, _) = expected(&groups, &of, |_| 2.0);
        // Other batches, then half precision of what a spread of two doubles.
        let worst = worst(&found, &spread);
        assert!(worst <= 1.6e-2, "class {class}: {worst}");
        let cores =
            read_cores(&bench.path(&format!("small/discover/{class}/cores.parquet"))).unwrap();
        let rows: BTreeSet<u64> = groups.iter().flatten().map(|member| member.row).collect();
        // The core of k-means is the member nearest to the centre: it is not fetched twice.
        assert!(cores.iter().all(|core| rows.contains(&core.row)));
    }
    assert!(images > 24 && images <= 36, "{images}");
    assert_eq!(fetched(&bench, "small").len(), images);
    assert!(said.contains(&format!("fetch     2 units, {images} samples")), "{said}");
    // The images of the anchors may be lost.
    std::fs::remove_dir_all(bench.path("small/anchor")).unwrap();
    let part = bench.path("small/fetch/part-000001.tar");
    let lost = read_shard(&part).keys().find(|key| key.matches('_').count() == 2).cloned();
    let text = std::fs::read(&part).unwrap();
    let (key, other) = (lost.unwrap(), "x".repeat(3));
    let text = replaced(&text, &key, &format!("{other}{}", &key[3..]));
    std::fs::write(&part, text).unwrap();
    let args = [&["run", "p.toml", "--run-dir", "small", "--until", "anchor"], &SPREAD[..], &SMALL];
    let (_, said) = bench.expect(1, &args.concat());
    assert!(said.contains("is missing from fetch/: delete fetch/ and run again"), "{said}");
}

/// `bytes` with a name in a tar's header replaced by another of the same length, and its checksum set.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = (0..bytes.len()).step_by(512).find(|&at| bytes[at..].starts_with(from.as_bytes()));
    let header = at.unwrap();
    bytes[header..header + to.len()].copy_from_slice(to.as_bytes());
    bytes[header + 148..header + 156].fill(b' ');
    let sum: u32 = bytes[header..header + 512].iter().map(|byte| u32::from(*byte)).sum();
    bytes[header + 148..header + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes
}

#[test]
fn workers_kills_and_batches_of_images_do_not_change_a_byte() {
    let bench = Bench::new();
    for workers in ["1", "3"] {
        let set = format!("workers={workers}");
        run(&bench, workers, &[&SMALL[..], &["--set", &set]].concat());
    }
    assert_eq!(bench.results("1"), bench.results("3"));
    let member_tables = |run: &str| {
        CLASSES.map(|class| {
            std::fs::read(bench.path(&format!("{run}/discover/{class}/members.parquet"))).unwrap()
        })
    };
    assert_eq!(member_tables("1"), member_tables("3"));

    let args = [&["run", "p.toml", "--run-dir", "killed"], &SPREAD[..], &SMALL].concat();
    let mut kills = 0;
    // Within and after discovery, fetching, and the anchors of each class.
    for finished in [3, 5, 6, 7, 8, 9, 10] {
        let mut child = bench.command(&args).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(300);
        let ended = loop {
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            if bench.events("killed", "unit_finished") >= finished {
                break false;
            }
            assert!(Instant::now() < deadline, "no {finished} units after five minutes");
            std::thread::sleep(Duration::from_millis(2));
        };
        if !ended {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(kills >= 4, "only {kills} kills hit a living run");
    bench.expect(0, &args);
    assert_eq!(bench.results("killed"), bench.results("1"));
    bench.expect(0, &["verify", "killed"]);

    // Each image says what its anchor is made of; real cores do not.
    for (key, sample) in read_shard(&bench.path("1/distilled/mini-000000.tar")) {
        let meta: Value = serde_json::from_slice(&sample["json"]).unwrap();
        let (class, rank) = key.split_once('_').unwrap();
        let own = &members(&bench, "1", class)[rank.parse::<usize>().unwrap()];
        assert_eq!(meta["anchor_kind"], "spread");
        assert_eq!(meta["anchor_spread"], 2.0);
        let listed = meta["anchor_members"].as_array().unwrap();
        assert_eq!(listed.len(), own.len());
        for (listed, member) in listed.iter().zip(own) {
            assert_eq!(listed["key"], *member.key);
            assert_eq!(listed["shard"], *member.shard);
        }
    }
    for sample in read_shard(&bench.path("1/cores/mini-cores-000000.tar")).values() {
        let meta: Value = serde_json::from_slice(&sample["json"]).unwrap();
        assert!(meta["anchor_key"].is_string() && meta["anchor_members"].is_null());
    }
}

#[test]
fn audit_and_report_say_what_anchors_are_made_of() {
    let bench = Bench::new();
    run(&bench, "run", &[]);
    let found: Value =
        serde_json::from_str(&bench.expect(0, &["audit", "run", "--json"]).0).unwrap();
    let below = found["below"].as_array().unwrap();
    assert_eq!(below.iter().map(|b| b["ratio"].as_f64().unwrap()).collect::<Vec<_>>(), [0.1, 0.5]);
    let counts: Vec<u64> = below.iter().map(|b| b["images"].as_u64().unwrap()).collect();
    assert!(counts[0] <= counts[1] && counts[1] <= 12, "{counts:?}");
    assert_eq!(counts[0], found["flagged"].as_array().unwrap().len() as u64);
    let (said, _) = bench.expect(0, &["audit", "run"]);
    assert!(said.contains(&format!("{} of 12 (", counts[1])), "{said}");
    assert!(said.contains("nearer than 0.5 of the spacing") && said.contains("median: "), "{said}");

    bench.expect(0, &["report", "run"]);
    let html = std::fs::read_to_string(bench.path("run/report/index.html")).unwrap();
    for (place, class) in CLASSES.iter().enumerate() {
        let start = format!("<script type=\"application/json\" id=\"class-{place}\">");
        let data = html.split_once(&start).unwrap().1.split_once("</script>").unwrap().0;
        let cores = &serde_json::from_str::<Value>(data).unwrap()["cores"];
        for (rank, own) in members(&bench, "run", class).iter().enumerate() {
            let keys: Vec<&str> = own.iter().map(|member| &member.key[..]).collect();
            assert_eq!(cores["members"][rank], serde_json::json!(keys));
            assert_eq!(cores["member_count"][rank], own.len());
            assert_eq!(cores["group_size"][rank], own[0].group_size);
            // Core, image, nearest real image, and every member has a picture, fetched or from its shard.
            assert_eq!(cores["pictures"][rank], (1u32 << (3 + own.len())) - 1);
        }
    }
}

#[test]
fn stored_averages_are_anchors_where_guidance_looks_at_no_more_of_them() {
    let bench = Bench::new();
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    std::fs::write(bench.path("q.toml"), text.replace("gamma = 0.2\n", "")).unwrap();
    let shape = |run: &str, guidance: &str, until: &str| {
        let guidance = format!("guidance={guidance}");
        let coarse = ["encode.keep={ grid = 4 }", "discover.features={ grid = 4 }", &guidance];
        let coarse: Vec<&str> = coarse.iter().flat_map(|set| ["--set", *set]).collect();
        let args = ["run", "q.toml", "--run-dir", run, "--until", until];
        bench.expect(0, &[&args[..], &SPREAD, &coarse].concat());
        anchors(&bench, run, "0").format.shape
    };
    let low = "[{ term = \"low-frequency\", cells = 4 }]";
    assert_eq!(shape("low", low, "assemble"), [4, 4, 4]);
    assert_eq!(read_shard(&bench.path("low/distilled/mini-000000.tar")).len(), 12);
    // Other cells than those that are kept, and terms that look at whole anchors, have them encoded.
    let finer = "[{ term = \"low-frequency\", cells = 2 }]";
    assert_eq!(shape("finer", finer, "anchor"), [4, 8, 8]);
    assert_eq!(shape("stop", "stop", "anchor"), [4, 8, 8]);
}
