//! The pipelines that come with the program: they parse, their class lists are what they say, they plan and run.

use crate::harness::{Bench, checkout, digits, read_shard, write_shard};
use coda_pipe::internals::config::{ClassList, Pipeline, Preset};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

const IMAGENET: [(&str, usize); 10] = [
    ("imagenet", 1000),
    ("imagenet100", 100),
    ("imagenette", 10),
    ("imagewoof", 10),
    ("imageidc", 10),
    ("imagenet-a", 10),
    ("imagenet-b", 10),
    ("imagenet-c", 10),
    ("imagenet-d", 10),
    ("imagenet-e", 10),
];

fn folder() -> PathBuf {
    checkout().join("pipelines")
}

fn list(path: &str) -> ClassList {
    ClassList::load(&folder().join("classes").join(path)).unwrap_or_else(|e| panic!("{e}"))
}

/// Prompts that a list has more than once, whatever their case.
fn repeated(list: &ClassList) -> Vec<String> {
    let mut seen = HashSet::new();
    let prompts = list.classes().iter().map(|class| class.prompt.to_lowercase());
    prompts.filter(|prompt| !seen.insert(prompt.clone())).collect()
}

#[test]
fn every_pipeline_parses_and_its_class_list_is_complete() {
    let sizes: BTreeMap<&str, usize> =
        IMAGENET.into_iter().chain([("places365", 365), ("demo", 10), ("template", 2)]).collect();
    let mut found = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let sets = ["data.shards=x.tar", "model.path=m", "ipc=50"].map(str::to_owned);
        let ours = Pipeline::load(&path, &sets).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((ours.discover.ipc, ours.model.path.as_path()), (50, Path::new("m")));
        let classes = ClassList::load(&ours.data.classes.unwrap()).unwrap();
        assert_eq!(classes.classes().len(), sizes[name], "{name}");
        assert_eq!(repeated(&classes), Vec::<String>::new(), "{name}");
        let published = Pipeline::load(&path, &["preset=published".to_owned()]).unwrap();
        assert_eq!(published.general.preset, Preset::Published);
        found += 1;
    }
    assert_eq!(found, sizes.len());
}

#[test]
fn benchmarks_leave_every_setting_to_the_preset() {
    for name in IMAGENET.map(|(name, _)| name).into_iter().chain(["places365", "template"]) {
        let path = folder().join(format!("{name}.toml"));
        for preset in ["default", "published"] {
            let found = Pipeline::load(&path, &[format!("preset={preset}")]).unwrap();
            let bare =
                format!("preset = \"{preset}\"\n[data]\nshards = \"x\"\n[model]\npath = \"m\"\n");
            let bare = Pipeline::parse(&bare, Path::new("bare.toml"), &[]).unwrap();
            assert_eq!(found.encode, bare.encode, "{name} {preset}");
            assert_eq!(found.discover, bare.discover, "{name} {preset}");
            assert_eq!(found.generate, bare.generate, "{name} {preset}");
        }
    }
}

#[test]
fn subsets_are_parts_of_imagenet_and_lists_agree_with_the_tables() {
    let whole = list("imagenet.txt");
    assert!(whole.classes().is_sorted_by(|a, b| a.key < b.key), "ImageNet's own order");
    let table = std::fs::read_to_string(folder().join("classes/imagenet-1k.tsv")).unwrap();
    let facts: BTreeMap<&str, (&str, &str)> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let [key, words, ours] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let first = words.split(',').next().unwrap().trim();
            (key, (first, if ours.is_empty() { first } else { ours }))
        })
        .collect();
    assert_eq!(facts.len(), 1000);
    for (name, size) in IMAGENET {
        let (ours, published) =
            (list(&format!("{name}.txt")), list(&format!("published/{name}.txt")));
        assert_eq!((ours.classes().len(), published.classes().len()), (size, size), "{name}");
        for (class, other) in ours.classes().iter().zip(published.classes()) {
            assert_eq!(class.key, other.key, "{name}: one order");
            assert!(whole.position(&class.key).is_some(), "{name}: {}", class.key);
            let (first, prompt) = facts[class.key.as_str()];
            assert_eq!((prompt, first), (class.prompt.as_str(), other.prompt.as_str()));
        }
    }
    // What WordNet calls alike, the published program can't tell apart.
    let alike = repeated(&list("published/imagenet.txt"));
    assert_eq!(alike, ["cardigan", "crane", "maillot"]);
}

#[test]
fn the_ten_classes_that_papers_print_are_in_their_lists() {
    let names = |name: &str| -> Vec<String> {
        let list = list(&format!("published/{name}.txt"));
        list.classes().iter().map(|class| class.prompt.to_lowercase()).collect()
    };
    let woof = names("imagewoof");
    for breed in ["australian terrier", "border terrier", "samoyed", "beagle", "dingo"] {
        assert!(woof.iter().any(|name| name == breed), "{breed}: {woof:?}");
    }
    let nette = names("imagenette");
    for thing in ["tench", "cassette player", "french horn", "gas pump", "parachute"] {
        assert!(nette.iter().any(|name| name == thing), "{thing}: {nette:?}");
    }
    // ImageIDC is the first ten of ImageNet-100.
    let (idc, hundred) = (list("imageidc.txt"), list("imagenet100.txt"));
    assert!(hundred.classes()[..10].iter().all(|class| idc.position(&class.key).is_some()));
}

/// Digits under the names of ImageNet's files: `n02096294_0` is of the first class of ImageWoof.
fn disguised(keys: &[&str]) -> Vec<coda_pipe::shards::Sample> {
    let mut samples = digits(keys.len().div_ceil(3));
    for (at, sample) in samples.iter_mut().enumerate() {
        sample.key = format!("{}_{at}", keys[at % keys.len()]);
        sample.members.retain(|member| member.extension != "cls");
    }
    samples
}

#[test]
fn every_benchmark_plans_against_shards_and_a_model() {
    let bench = Bench::new();
    let model = checkout().join("models/demo");
    let model = format!("model.path={}", model.display());
    for name in IMAGENET.map(|(name, _)| name).into_iter().chain(["places365", "template"]) {
        let pipeline = folder().join(format!("{name}.toml"));
        let pipeline = pipeline.to_str().unwrap();
        for preset in ["preset=default", "preset=published"] {
            let sets = ["--set", "data.shards=train-*.tar", "--set", &model, "--set", preset];
            let (stdout, _) =
                bench.expect(0, &[&["run", pipeline, "--dry-run"], &sets[..]].concat());
            assert!(stdout.contains("encode    2 units: 0 done, 2 to do"), "{name}: {stdout}");
        }
        let ours = list(&format!("{name}.txt"));
        let keys: Vec<&str> = ours.classes().iter().map(|class| class.key.as_str()).collect();
        write_shard(&bench.path("few.tar"), &disguised(&[keys[0], keys[1]].repeat(3)));
        let sets = ["data.shards=few.tar", "data.label=key", "ipc=2", "devices=cpu", &model];
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let (stdout, _) = bench.expect(0, &[&["plan", pipeline, "--json"], &sets[..]].concat());
        let plan: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(plan["images"], 6, "{name}: {plan}");
        let warnings = plan["warnings"].to_string();
        let absent = format!("{} class", keys.len() - 2);
        assert!(keys.len() == 2 || warnings.contains(&absent), "{name}: {warnings}");
    }
}

#[test]
fn a_subset_is_distilled_from_shards_that_hold_more() {
    let bench = Bench::new();
    let woof = list("imagewoof.txt");
    let mut keys: Vec<&str> = woof.classes().iter().map(|class| class.key.as_str()).collect();
    keys.extend(["n01440764"; 10]);
    // The second shard has none of the subset's classes.
    let samples = disguised(&keys.repeat(4));
    write_shard(&bench.path("train-000000.tar"), &samples);
    write_shard(&bench.path("train-000001.tar"), &disguised(&["n01440764"; 12]));
    let pipeline = folder().join("imagewoof.toml");
    let model = format!("model.path={}", checkout().join("models/demo").display());
    let mut arguments = vec!["run", pipeline.to_str().unwrap(), "--run-dir", "woof"];
    let small = [
        "data.shards=train-*.tar",
        &model,
        "devices=cpu",
        "encode.size=32",
        "generate.size=32",
        "output.size=32",
        "steps=2",
        "ipc=2",
        "algorithm=kmeans",
    ];
    arguments.extend(small.iter().flat_map(|set| ["--set", set]));
    let (_, stderr) = bench.expect(0, &arguments);
    assert!(stderr.contains("20 distilled images of 10 classes"), "{stderr}");
    assert!(!stderr.contains("skipped"), "{stderr}");
    let distilled = read_shard(&bench.path("woof/distilled/imagewoof-000000.tar"));
    assert_eq!(distilled.len(), 20);
    // Without it they are bad samples, of which there are too many.
    arguments.extend(["--set", "skip_others=false", "--force"]);
    let (_, stderr) = bench.expect(1, &arguments);
    assert!(stderr.contains("n01440764"), "{stderr}");
}
