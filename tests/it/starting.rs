//! `init`: what it finds in data of several kinds, and that a run takes what it writes.

use crate::harness::{Bench, checkout, digits, write_shard};
use crate::image_sets::write_sets;
use coda_pipe::shards::{Sample, SampleMember};
use serde_json::{Value, json};

/// A kind of data. Another kind is an entry of [`kinds`].
struct Kind {
    what: &'static str,
    /// Puts the data into the bench's folder; answers with the arguments that name it.
    make: fn(&Bench) -> Vec<String>,
    /// The kind of the first shard, as the findings call it.
    container: &'static str,
    label: &'static str,
    samples: u64,
    /// Keys and prompts of the first two classes.
    classes: [(&'static str, &'static str); 2],
    /// Where the prompts come from.
    names: Value,
    /// Bad samples, at least; a cut may cost one more.
    bad: u64,
}

const NAMES: [&str; 3] = ["zero", "one", "two"];

fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            what: "tars with .cls",
            make: |bench| {
                std::fs::remove_file(bench.path("classes.txt")).unwrap();
                vec!["train-{000000..000001}.tar".into()]
            },
            container: "tar",
            label: "cls",
            samples: 90,
            classes: [("0", "0"), ("1", "1")],
            names: json!("keys"),
            bad: 0,
        },
        Kind {
            what: "tars with labels and names in .json",
            make: |bench| {
                std::fs::remove_file(bench.path("classes.txt")).unwrap();
                relabelled(bench, |number, at| {
                    let json = format!(
                        r#"{{"width": 28, "caption": "picture {at}", "meta": {{"label": {number}}}, "what": "{}"}}"#,
                        NAMES[number]
                    );
                    (format!("{at:06}"), vec![SampleMember::new("json", json)])
                })
            },
            container: "tar",
            label: "json:meta.label",
            samples: 90,
            classes: [("0", "zero"), ("1", "one")],
            names: json!({"source": "json:what"}),
            bad: 0,
        },
        Kind {
            what: "tars whose keys begin with the class",
            make: |bench| {
                relabelled(bench, |number, at| (format!("{}_{at}", NAMES[number]), Vec::new()))
            },
            container: "tar",
            label: "key",
            samples: 90,
            classes: [("one", "one"), ("two", "two")],
            names: json!("keys"),
            bad: 0,
        },
        Kind {
            what: "compressed tars",
            make: |_| {
                let folder = checkout().join("pipelines/demo");
                vec![folder.join("train-{000000..000001}.tar.zst").display().to_string()]
            },
            container: "tar compressed by zstd",
            label: "cls",
            samples: 2000,
            classes: [("0", "zero"), ("1", "one")],
            names: json!({"list": checkout().join("pipelines/demo/classes.txt")}),
            bad: 0,
        },
        Kind {
            what: "a folder of class folders",
            make: |bench| {
                std::fs::remove_file(bench.path("classes.txt")).unwrap();
                write_sets(bench);
                vec!["folder".into()]
            },
            container: "folder of images",
            label: "cls",
            samples: 90,
            classes: [("0", "0"), ("1", "1")],
            names: json!("keys"),
            bad: 0,
        },
        Kind {
            what: "Parquet with the metadata of Hugging Face",
            make: |bench| {
                std::fs::remove_file(bench.path("classes.txt")).unwrap();
                write_sets(bench);
                vec!["hf.parquet".into()]
            },
            container: "Parquet",
            label: "cls",
            samples: 90,
            classes: [("0", "zero"), ("1", "one")],
            names: json!("metadata"),
            bad: 0,
        },
        Kind {
            what: "tars with damage of several kinds",
            make: |bench| {
                let mut samples = digits(30);
                samples[3].members.retain(|member| member.extension != "cls");
                samples[4].members.retain(|member| member.extension == "cls");
                for member in samples[5].members.iter_mut().filter(|m| m.extension == "png") {
                    member.bytes = b"no image at all".to_vec();
                }
                write_shard(&bench.path("train-000000.tar"), &samples[..45]);
                write_shard(&bench.path("train-000001.tar"), &samples[45..]);
                let cut = bench.path("train-000001.tar");
                let bytes = std::fs::read(&cut).unwrap();
                std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
                vec!["train-00000*.tar".into()]
            },
            container: "tar",
            label: "cls",
            samples: 0,
            classes: [("0", "zero"), ("1", "one")],
            names: Value::Null,
            bad: 3,
        },
    ]
}

/// Writes the digits again, each with what `of` makes of its class and its place in place of all but its image.
fn relabelled(bench: &Bench, of: fn(usize, usize) -> (String, Vec<SampleMember>)) -> Vec<String> {
    let mut samples = digits(30);
    for (at, sample) in samples.iter_mut().enumerate() {
        let (key, members) = of(number_of(sample), at);
        sample.key = key;
        sample.members.retain(|member| member.extension == "png");
        sample.members.extend(members);
    }
    // In an order of its own: a run's shards are seldom sorted by class.
    samples.sort_by_key(|sample| sample.members[0].bytes.len());
    write_shard(&bench.path("train-000000.tar"), &samples[..45]);
    write_shard(&bench.path("train-000001.tar"), &samples[45..]);
    vec!["train-000000.tar".into(), "train-000001.tar".into()]
}

fn number_of(sample: &Sample) -> usize {
    std::str::from_utf8(sample.get("cls").unwrap()).unwrap().trim().parse().unwrap()
}

fn model() -> String {
    checkout().join("models/demo").display().to_string()
}

/// Gives `init` and answers with its findings.
fn findings(bench: &Bench, data: &[String], more: &[&str]) -> Value {
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let (said, _) = bench.expect(0, &[&["init"], &data[..], &["--json"], more].concat());
    serde_json::from_str(&said).unwrap()
}

#[test]
fn every_kind_of_data_gets_a_pipeline_that_runs() {
    for kind in kinds() {
        let bench = Bench::new();
        let what = kind.what;
        let data = (kind.make)(&bench);
        let found = findings(&bench, &data, &["--model", &model(), "--out", "mine.toml"]);
        assert_eq!(found["label"], kind.label, "{what}: {found:#}");
        assert_eq!(found["containers"][0]["what"], kind.container, "{what}");
        let bad = found["bad"].as_u64().unwrap();
        assert!(bad == kind.bad || (kind.bad > 0 && bad == kind.bad + 1), "{what}: {found:#}");
        assert_eq!(found["exact"], json!(true), "{what}");
        if kind.samples > 0 {
            assert_eq!(found["samples"], kind.samples, "{what}");
        }
        let pairs = &found["names"]["pairs"];
        for (at, (key, name)) in kind.classes.iter().enumerate() {
            assert_eq!(pairs[at], json!([key, name]), "{what}");
        }
        if !kind.names.is_null() {
            assert_eq!(found["names"]["from"], kind.names, "{what}");
        }
        let text = std::fs::read_to_string(bench.path("mine.toml")).unwrap();
        assert!(text.contains(&format!("label = \"{}\"", kind.label)), "{what}: {text}");
        let run =
            ["run", "mine.toml", "--set", "runtime.devices=cpu", "--set", "runtime.threads=1"];
        bench.expect(0, &[&run[..], &["--dry-run"]].concat());
        let (planned, _) = bench.expect(0, &["plan", "mine.toml"]);
        let classes = found["classes"].as_array().unwrap().len();
        assert!(planned.contains(&format!("of {classes} classes")), "{what}: {planned}");
        if kind.samples < 1000 {
            bench.expect(0, &[&run[..], &["--until", "discover"]].concat());
        }
    }
}

#[test]
fn sizes_follow_the_data_and_the_model() {
    let bench = Bench::new();
    findings(&bench, &["train-{000000..000001}.tar".into()], &["--model", &model(), "--ipc", "31"]);
    let text = std::fs::read_to_string(bench.path("train.toml")).unwrap();
    // The demo's model makes images of 32 pixels, and there are 30 digits of each class.
    assert!(
        text.contains("[encode]\n# The model's own size") && text.contains("size = 32\n"),
        "{text}"
    );
    assert!(text.contains("ipc = 31\n") && text.contains("allow_fewer = true\n"), "{text}");
    assert!(text.contains("classes = \"classes.txt\"\n"), "the list beside the shards: {text}");
    assert!(!bench.path("train.classes.txt").exists(), "no second list");
}

#[test]
fn names_beside_the_shards_are_taken_by_key_or_by_position() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("classes.txt")).unwrap();
    let data = ["train-{000000..000001}.tar".to_owned()];
    for (file, text) in [
        ("classnames.txt", "nought\none\ntwo\n"),
        ("classes.json", r#"["nought", "one", "two"]"#),
        ("label_to_name.json", r#"{"two": 2, "nought": 0, "one": 1}"#),
    ] {
        std::fs::write(bench.path(file), text).unwrap();
        let found = findings(&bench, &data, &["--out", "n.toml", "--force"]);
        assert_eq!(found["names"]["from"], json!({"other": file}));
        let list = std::fs::read_to_string(bench.path("n.classes.txt")).unwrap();
        assert!(list.ends_with("\n0, nought\n1, one\n2, two\n"), "{file}: {list}");
        std::fs::remove_file(bench.path("n.classes.txt")).unwrap();
        std::fs::remove_file(bench.path(file)).unwrap();
    }
}

#[test]
fn what_is_missing_is_asked_for_and_nothing_is_made_up() {
    let bench = Bench::new();
    let data = ["train-{000000..000001}.tar".to_owned()];
    let found = findings(&bench, &data, &["--out", "a.toml"]);
    assert_eq!(found["next"][0], "coda-pipe plan a.toml --set model.path=MODEL");
    for command in ["plan", "run"] {
        let (_, said) = bench.expect(2, &[command, "a.toml"]);
        assert!(
            said.contains("`model.path` is missing: name the folder of a text-to-image model"),
            "{said}"
        );
    }
    bench.expect(0, &["plan", "a.toml", "--set", &format!("model.path={}", model())]);
    let (_, said) = bench.expect(2, &["init", &data[0], "--model", "nowhere", "--out", "b.toml"]);
    assert!(said.contains("nowhere") && !bench.path("b.toml").exists(), "{said}");

    let numbered = relabelled(&bench, |_, at| (format!("{at:06}"), Vec::new()));
    let args = ["init", &numbered[0], &numbered[1], "--out", "c.toml"];
    let (_, said) = bench.expect(2, &args);
    assert!(
        said.contains("no source of labels") && said.contains("key: no sample has it"),
        "{said}"
    );
    assert!(said.contains("--label") && !bench.path("c.toml").exists(), "{said}");
    let labelled = [&args[..], &["--label", "json:what"]].concat();
    let (_, said) = bench.expect(2, &labelled);
    assert!(said.contains("no sample has a label by json:what"), "{said}");
    let (_, said) = bench.expect(2, &["init", "none-*.tar"]);
    assert!(said.contains("none-*.tar"), "{said}");
    let (_, said) = bench.expect(2, &["init", "-"]);
    assert!(said.contains('-') && !bench.path("mine.toml").exists(), "{said}");
}

#[test]
fn no_file_is_overwritten_unasked() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("classes.txt")).unwrap();
    let data = "train-{000000..000001}.tar";
    bench.expect(0, &["init", data, "--out", "a.toml"]);
    for file in ["a.toml", "a.classes.txt"] {
        std::fs::write(bench.path(file), "mine").unwrap();
        let (_, said) = bench.expect(2, &["init", data, "--out", "a.toml"]);
        assert!(said.contains("is there already") && said.contains("--force"), "{said}");
        assert_eq!(std::fs::read_to_string(bench.path(file)).unwrap(), "mine");
    }
    bench.expect(0, &["init", data, "--out", "a.toml", "--force"]);
    let list = std::fs::read_to_string(bench.path("a.classes.txt")).unwrap();
    assert_eq!(list, "# key, prompt: one class a line.\n0, 0\n1, 1\n2, 2\n");
    let first = std::fs::read(bench.path("a.toml")).unwrap();
    bench.expect(0, &["init", data, "--out", "a.toml", "--force"]);
    assert_eq!(
        std::fs::read(bench.path("a.toml")).unwrap(),
        first,
        "the same data, the same bytes"
    );
    std::fs::create_dir(bench.path("sub")).unwrap();
    bench.expect(0, &["init", data, "--out", "sub/b.toml", "--model", &model()]);
    bench.expect(0, &["run", "sub/b.toml", "--dry-run"]);
}

#[test]
fn data_that_is_only_sampled_gets_no_list_that_may_be_short() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("classes.txt")).unwrap();
    let data = ["pipe:cat train-00000{0..1}.tar".to_owned()];
    let found = findings(&bench, &data, &["--model", &model(), "--out", "a.toml"]);
    assert_eq!((&found["exact"], &found["class_list"]), (&json!(false), &Value::Null));
    let text = std::fs::read_to_string(bench.path("a.toml")).unwrap();
    assert!(!text.contains("\nclasses =") && text.contains("init --full"), "{text}");
    bench.expect(0, &["run", "a.toml", "--dry-run"]);
    let found = findings(&bench, &data, &["--model", &model(), "--out", "b.toml", "--full"]);
    assert_eq!((&found["exact"], &found["samples"]), (&json!(true), &json!(90)));
    assert!(bench.path("b.classes.txt").is_file());
}

#[test]
fn wordnet_ids_get_imagenets_names_in_the_order_of_the_papers() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("classes.txt")).unwrap();
    let woof = std::fs::read_to_string(checkout().join("pipelines/classes/imagewoof.txt")).unwrap();
    let lines: Vec<&str> = woof.lines().filter(|line| !line.starts_with('#')).collect();
    let mut samples = digits(30);
    for (at, sample) in samples.iter_mut().enumerate() {
        let id = lines[at % lines.len()].split(',').next().unwrap();
        sample.key = format!("{id}_{at}");
        sample.members.retain(|member| member.extension == "png");
    }
    write_shard(&bench.path("train-000000.tar"), &samples[..45]);
    write_shard(&bench.path("train-000001.tar"), &samples[45..]);
    let data = ["train-{000000..000001}.tar".to_owned()];
    let found = findings(&bench, &data, &["--out", "w.toml", "--ipc", "3"]);
    assert_eq!(found["names"]["from"], json!({"word_net": "imagewoof"}));
    let list = std::fs::read_to_string(bench.path("w.classes.txt")).unwrap();
    let list: Vec<&str> = list.lines().skip(1).collect();
    assert_eq!(list, lines);
}
