//! Bad input: skipped, counted, named; or the run fails and says why.

use crate::harness::{Bench, digits, write_shard};
use arrow::array::AsArray;
use coda_pipe::store::tables::read_all;

/// Spoils the first shard's samples 0 (image), 1 (label), 2 (class), and cuts the second shard in the middle.
fn spoil(bench: &Bench) -> [String; 3] {
    let mut samples = digits(30);
    let spoil = |sample: &mut coda_pipe::shards::Sample, ext: &str, bytes: &[u8]| {
        sample
            .members
            .iter_mut()
            .filter(|m| m.extension == ext)
            .for_each(|m| m.bytes = bytes.to_vec());
    };
    let png = samples[0].get("png").unwrap().to_vec();
    spoil(&mut samples[0], "png", &png[..png.len() / 2]);
    samples[1].members.retain(|m| m.extension != "cls");
    spoil(&mut samples[2], "cls", b"nine");
    write_shard(&bench.path("train-000000.tar"), &samples[..45]);
    let second = bench.path("train-000001.tar");
    let bytes = std::fs::read(&second).unwrap();
    // Past the header and into the content of a member, away from both ends.
    std::fs::write(&second, &bytes[..bytes.len() * 9 / 10 + 100]).unwrap();
    [samples[0].key.clone(), samples[1].key.clone(), samples[2].key.clone()]
}

#[test]
fn bad_samples_are_skipped_counted_and_listed() {
    let bench = Bench::new();
    let keys = spoil(&bench);
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    let table = read_all(&bench.path("run/quarantine.parquet")).unwrap();
    assert_eq!(table.num_rows(), 4, "{stderr}");
    let column = |name: &str| -> Vec<String> {
        let column = table.column_by_name(name).unwrap().as_string::<i32>();
        column.iter().map(|v| v.unwrap().to_owned()).collect()
    };
    let (shards, listed, reasons) = (column("shard"), column("key"), column("reason"));
    for (key, reason) in keys.iter().zip(["PNG", "label", "unknown class \"nine\""]) {
        let row =
            listed.iter().position(|k| k == key).unwrap_or_else(|| panic!("{key} in {listed:?}"));
        assert!(reasons[row].contains(reason), "{} should say {reason}", reasons[row]);
        assert!(shards[row].contains("train-000000.tar"));
        assert!(stderr.contains(key.as_str()), "{stderr}");
    }
    let cut = shards.iter().position(|s| s.contains("train-000001.tar")).unwrap();
    assert!(reasons[cut].contains("cut off"), "{}", reasons[cut]);

    let (status, _) = bench.expect(0, &["status", "run", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["stages"][0]["skipped"], 4);
}

#[test]
fn too_many_bad_samples_fail_the_run_and_say_why() {
    let bench = Bench::new();
    spoil(&bench);
    let (_, stderr) = bench.expect(1, &["run", "p.toml", "--set", "max_bad=3"]);
    assert!(stderr.contains("max_bad allows 3") && stderr.contains("unknown class"), "{stderr}");
    assert!(bench.path("run/quarantine.parquet").exists());
    assert!(!bench.path("run/discover").exists());
    // The limit is not a setting that results depend on: raising it goes on from what was encoded.
    let (_, stderr) = bench.expect(0, &["run", "p.toml", "--set", "max_bad=0.5"]);
    assert!(stderr.contains("2 of 2 units done before"), "{stderr}");
}

#[test]
fn a_class_with_too_few_images_is_named() {
    let bench = Bench::new();
    std::fs::write(bench.path("classes.txt"), "0, zero\n1, one\n2, two\n7, seven\n").unwrap();
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    assert!(stderr.contains("7: 0") && stderr.contains("ipc = 4"), "{stderr}");
}
