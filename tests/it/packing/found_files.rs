//! `shards pack` on what is really found: files that change, bad files, odd names, and lists that a run reads back.

use crate::harness::{Bench, checkout, digits, read_shard};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

const ARGS: [&str; 7] = ["shards", "pack", "images", "--out", "out/t-{}.tar", "--per-shard", "2"];

fn put(bench: &Bench, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = bench.path("images").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn packed(bench: &Bench, more: &[&str]) -> (serde_json::Value, String) {
    let (stdout, stderr) = bench.expect(0, &[&ARGS[..], &["--json"], more].concat());
    (serde_json::from_str(&stdout).unwrap(), stderr)
}

/// The `jpg` member of each sample of all shards.
fn images(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let tars = fs::read_dir(bench.path("out")).unwrap().map(|entry| entry.unwrap().path());
    let tars = tars.filter(|path| path.extension() == Some(OsStr::new("tar")));
    let samples = tars.flat_map(|path| read_shard(&path));
    samples.map(|(key, mut members)| (key, members.remove("jpg").unwrap())).collect()
}

#[test]
fn a_shard_is_made_anew_when_a_file_in_it_changed() {
    let bench = Bench::new();
    put(&bench, &[("a/0.jpg", "0"), ("a/1.jpg", "1"), ("b/2.jpg", "2"), ("b/3.jpg", "3")]);
    packed(&bench, &[]);
    put(&bench, &[("a/1.jpg", "another")]);
    let (again, _) = packed(&bench, &[]);
    assert_eq!((&again["made_anew"], &again["already_there"]), (&1.into(), &1.into()));
    assert_eq!(images(&bench)["a_1"], b"another");
    // Of the same length, and another time.
    put(&bench, &[("a/1.jpg", "changed")]);
    let file = fs::File::open(bench.path("images/a/1.jpg")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    packed(&bench, &[]);
    assert_eq!(images(&bench)["a_1"], b"changed");
    let (forced, _) = packed(&bench, &["--force"]);
    assert_eq!((&forced["samples"], &forced["already_there"]), (&4.into(), &0.into()));
}

#[test]
fn what_is_still_left_out_is_named_again_and_taken_when_it_can_be_read() {
    let bench = Bench::new();
    put(&bench, &[("a/0.jpg", ""), ("a/1.jpg", "1"), ("b/2.jpg", "2"), ("b/3.jpg", "3")]);
    let one = ["--max-bad", "1"];
    let (first, _) = packed(&bench, &one);
    let (second, stderr) = packed(&bench, &one);
    assert_eq!((&second["already_there"], &second["samples"]), (&2.into(), &0.into()));
    assert_eq!(first["skipped"], second["skipped"]);
    assert!(stderr.contains("left out: images/a/0.jpg: the file is empty"), "{stderr}");
    bench.expect(1, &ARGS);
    put(&bench, &[("a/0.jpg", "0")]);
    let (third, _) = packed(&bench, &[]);
    assert_eq!((&third["made_anew"], &third["samples"]), (&1.into(), &2.into()));
    assert_eq!(images(&bench)["a_0"], b"0");
    // A file that could not be read for its permissions: neither length nor time change with them.
    let record = bench.path("out/t.pack.json");
    let lacking = r#""left_out": [{"shard": 0, "key": "KEY", "reason": "Permission denied"}]"#;
    let key = read_shard(&bench.path("out/t-0.tar")).into_keys().next().unwrap();
    let text = fs::read_to_string(&record).unwrap();
    let marked = text.replace("\"left_out\": []", &lacking.replace("KEY", &key));
    assert_ne!(text, marked);
    fs::write(&record, marked).unwrap();
    let (fourth, _) = packed(&bench, &[]);
    assert_eq!((&fourth["made_anew"], &fourth["already_there"]), (&1.into(), &1.into()));
    assert_eq!(fs::read_to_string(&record).unwrap(), text);
}

#[test]
fn what_is_no_file_is_never_opened() {
    let bench = Bench::new();
    put(&bench, &[("a/1.jpg", "1"), ("a/2.jpg", "2")]);
    let made = Command::new("mkfifo").arg(bench.path("images/a/pipe.jpg")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(bench.path("images/a/s.jpg")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", bench.path("images/a/zero.jpg")).unwrap();
    let (_, stderr) = packed(&bench, &["--max-bad", "3"]);
    for said in
        ["pipe.jpg: it is a named pipe", "s.jpg: it is a socket", "zero.jpg: it is a device"]
    {
        assert!(stderr.contains(said), "{stderr}");
    }
    assert_eq!(images(&bench).len(), 2);
}

#[test]
fn files_of_one_key_are_all_packed() {
    let bench = Bench::new();
    put(&bench, &[("c/a.jpg", "1"), ("c/a.JPG", "2"), ("c/sub/a.jpeg", "3"), ("c/b.jpg", "4")]);
    for byte in [0xe8, 0xe9] {
        let name = OsStr::from_bytes(&[b'f', byte, b'.', b'j', b'p', b'g']).to_owned();
        fs::write(bench.path("images/c").join(name), [byte]).unwrap();
    }
    let (_, stderr) = packed(&bench, &[]);
    assert!(stderr.contains("2 files have a number behind their key"), "{stderr}");
    let found = images(&bench);
    let keys: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(keys, ["c_a", "c_a-2", "c_a-3", "c_b", "c_f%e8", "c_f%e9"]);
    assert_eq!(found["c_f%e9"], [0xe9]);
    let listing = images(&bench);
    packed(&bench, &["--force"]);
    assert_eq!(images(&bench), listing);
    fs::remove_file(bench.path("images/c").join(OsStr::from_bytes(b"f\xe8.jpg"))).unwrap();
    fs::write(bench.path("images/c").join(OsStr::from_bytes(b"f\xe9.jpg")), "").unwrap();
    let (_, stderr) = bench.expect(1, &[&ARGS[..], &["--force"]].concat());
    assert!(stderr.contains("images/c/f\\xe9.jpg: the file is empty"), "{stderr}");
}

/// The real digits as an image folder with these names for the classes 0, 1, 2…
fn digit_folder(bench: &Bench, names: &[&OsStr]) {
    for (at, sample) in digits(5).iter().enumerate() {
        let folder = bench.path("images").join(names[at % names.len()]);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{at}.png")), sample.get("png").unwrap()).unwrap();
    }
}

fn run(bench: &Bench, code: i32, more: &[&str]) -> String {
    let mut args = vec!["run", "p.toml"];
    let quick = ["ipc=1", "algorithm=kmeans", "steps=2", "generate.prompt={name}"];
    let place = ["data.shards=out/t-*.tar", "data.classes=list.txt"];
    for set in quick.iter().chain(&place).chain(more) {
        args.extend(["--set", set]);
    }
    bench.expect(code, &args).1
}

#[test]
fn a_run_reads_the_class_list_that_pack_wrote() {
    let names = ["tabby, cat", "#7", "a|b", "say \"hi\"", " led", "two\nlines"].map(OsStr::new);
    let bench = Bench::new();
    digit_folder(&bench, &[&names[..], &[OsStr::from_bytes(b"caf\xe9")]].concat());
    for (labels, mark) in [(&[][..], ""), (&["--force", "--index-labels"][..], "\u{feff}")] {
        bench.expect(0, &[&ARGS[..], labels].concat());
        let list = fs::read_to_string(bench.path("out/t.classes.txt")).unwrap();
        fs::write(bench.path("list.txt"), format!("{mark}{list}")).unwrap();
        let run_dir = format!("run_dir=run{}", labels.len());
        let stderr = run(&bench, 0, &[&run_dir]);
        assert!(!stderr.contains("skipped"), "{stderr}");
        assert!(stderr.contains("of 7 classes"), "{stderr}");
    }
    let made = read_shard(&bench.path("run0/distilled/mini-000000.tar"));
    let prompts: Vec<String> = made
        .values()
        .map(|members| serde_json::from_slice::<serde_json::Value>(&members["json"]).unwrap())
        .map(|about| about["prompt"].as_str().unwrap().to_owned())
        .collect();
    for prompt in ["tabby, cat", "#7", "a|b", "say \"hi\"", "led", "two lines", "caf"] {
        assert!(prompts.iter().any(|p| p == prompt), "{prompt}: {prompts:?}");
    }
}

#[test]
fn a_class_list_of_another_form_is_described() {
    let bench = Bench::new();
    fs::write(bench.path("classes.txt"), "0 zero\n1 one\n2 two\n").unwrap();
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    let said = ": it is not in the class list (its keys are \"0 zero\", \"1 one\"";
    assert!(stderr.contains(said) && stderr.contains("no line of it has a comma"), "{stderr}");
    fs::write(bench.path("classes.txt"), b"0, zero\n1, \xe9ins\n").unwrap();
    let (_, stderr) = bench.expect(2, &["run", "p.toml"]);
    assert!(stderr.contains("classes.txt:2: the byte 0xe9 is not UTF-8"), "{stderr}");
    fs::write(bench.path("classes.txt"), "0, zero\n1, one\n2, two\n3, three\n").unwrap();
    let set = ["--set", "allow_fewer=true", "--set", "run_dir=other"];
    let until = [&["run", "p.toml", "--until", "discover"], &set[..]].concat();
    let (_, stderr) = bench.expect(1, &until);
    assert!(stderr.contains("3: 0") && stderr.contains("no image at all"), "{stderr}");
    assert!(!stderr.contains("allow_fewer"), "{stderr}");
}

#[test]
fn what_is_passed_over_is_told_and_parts_of_a_data_set_are_no_classes() {
    let bench = Bench::new();
    put(
        &bench,
        &[("a/1.jfif", "1"), ("a/2.heic", "2"), ("b/1.avif", "3"), ("__MACOSX/1.jpg", "4")],
    );
    let (found, stderr) = packed(&bench, &[]);
    for said in ["2 files skipped by their extension: 1 .avif, 1 .heic", "image: b", "__MACOSX"] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    assert_eq!(found["passed_over"]["endings"][".heic"], 1);
    assert_eq!(images(&bench).len(), 1);
    fs::remove_dir_all(bench.path("images")).unwrap();
    put(&bench, &[("train/cat/1.jpg", "1"), ("val/cat/2.jpg", "2")]);
    let (_, stderr) = bench.expect(1, &ARGS);
    assert!(stderr.contains("such as images/train"), "{stderr}");
}

/// Files of pyarrow's, in a copy: a user's own.
fn parquet(bench: &Bench, name: &str) {
    let from = checkout().join("tests/data/cases/parquet-codecs").join(name);
    fs::copy(from, bench.path(name)).unwrap();
}

#[test]
fn parquet_of_any_compression_is_read_or_the_compression_named() {
    let bench = Bench::new();
    fs::write(bench.path("a.jpg"), "x").unwrap();
    for codec in ["gzip", "lz4", "zstd"] {
        let name = format!("emb_{codec}.parquet");
        parquet(&bench, &name);
        bench.expect(0, &["discover", &name, "--ipc", "2"]);
        bench.expect(0, &["inspect", &name]);
    }
    parquet(&bench, "table_gzip.parquet");
    bench.expect(0, &["shards", "pack", "table_gzip.parquet", "--out", "t{}.tar"]);
    parquet(&bench, "emb_brotli.parquet");
    parquet(&bench, "table_brotli.parquet");
    for args in [
        &["discover", "emb_brotli.parquet", "--ipc", "2"][..],
        &["inspect", "emb_brotli.parquet"],
        &["shards", "pack", "table_brotli.parquet", "--out", "b{}.tar"],
    ] {
        let (_, stderr) = bench.expect(1, args);
        assert!(stderr.contains("compressed with brotli, which is not read"), "{stderr}");
        assert!(!stderr.contains("delete") && !stderr.contains("damaged"), "{stderr}");
    }
}

#[test]
fn a_table_without_rows_and_a_folder_say_so() {
    let bench = Bench::new();
    coda_pipe::internals::arrays::write_npy(&bench.path("none.npy"), [0, 4], &[]).unwrap();
    let (_, stderr) = bench.expect(1, &["discover", "none.npy"]);
    assert!(stderr.contains("none.npy: the table has no rows"), "{stderr}");
    fs::create_dir(bench.path("empty")).unwrap();
    let (_, stderr) = bench.expect(1, &["discover", "empty"]);
    assert!(stderr.contains("empty: a folder without Parquet files"), "{stderr}");
    let (_, stderr) = bench.expect(2, &["inspect", "empty"]);
    assert!(stderr.contains("empty is a folder: name a file in the folder"), "{stderr}");
}

/// One place declares what the library, a pipeline and the command take by default.
#[test]
fn discover_has_a_pipelines_defaults() {
    let library = coda_pipe::discovery::Settings::default();
    let pipeline = coda_pipe::internals::config::Discover::default();
    assert_eq!((library.algorithm, library.seed), (pipeline.algorithm, pipeline.seed));
    let (help, _) = Bench::new().expect(0, &["discover", "--help"]);
    for default in [pipeline.algorithm.to_string(), pipeline.seed.to_string()] {
        assert!(help.contains(&format!("[default: {default}]")), "{default}: {help}");
    }
}
