use crate::shards::{
    ReadOptions, Retry, Sample, ShardError, ShardFault, ShardPlace, expand_sources_with_warnings,
    shard_identities,
};
use std::fs;
use std::path::Path;

fn put(root: &Path, files: &[&str]) {
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
}

fn expand(base: &Path, pattern: &str) -> (Result<Vec<ShardPlace>, ShardError>, Vec<String>) {
    let mut warnings = Vec::new();
    let found =
        expand_sources_with_warnings(base, &[pattern.to_owned()], Retry::default(), &mut warnings);
    (found, warnings)
}

fn read(place: &ShardPlace) -> Vec<Result<Sample, ShardFault>> {
    let known = shard_identities(std::slice::from_ref(place), Retry::default()).unwrap().remove(0);
    match place.open(&known, ReadOptions::default()) {
        Ok(reader) => reader.collect(),
        Err(fault) => vec![Err(fault)],
    }
}

#[test]
fn a_class_folder_is_a_shard_of_its_files_as_pack_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        "cat/b.JPEG",
        "cat/a.png",
        "cat/a.jpg",
        "dog/sub/x.jpg",
        "dog/notes.txt",
        "__MACOSX/cat/b.jpg",
    ];
    put(&dir.path().join("train"), &files);
    let (places, warnings) = expand(dir.path(), "train/");
    let places = places.unwrap();
    let names: Vec<String> = places.iter().map(|place| place.name(dir.path())).collect();
    assert_eq!(names, ["train/cat", "train/dog"]);
    assert!(warnings.iter().any(|line| line.contains(".txt")), "{warnings:?}");
    assert!(warnings.iter().any(|line| line.contains("number behind their key")), "{warnings:?}");
    let samples: Vec<Sample> = read(&places[0]).into_iter().map(Result::unwrap).collect();
    let keys: Vec<&str> = samples.iter().map(|sample| sample.key.as_str()).collect();
    assert_eq!(keys, ["cat_a", "cat_a-2", "cat_b"]);
    assert_eq!(samples[2].get("jpg").unwrap(), b"cat/b.JPEG");
    assert_eq!((samples[2].get("cls").unwrap(), samples[2].offset), (&b"cat"[..], 2));
    let again = expand(dir.path(), "train").0.unwrap();
    assert_eq!(
        shard_identities(&again, Retry::default()).unwrap(),
        shard_identities(&places, Retry::default()).unwrap()
    );
}

#[test]
fn files_that_change_or_go_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["t/cat/a.png", "t/cat/b.png", "t/cat/c.png"]);
    let places = expand(dir.path(), "t").0.unwrap();
    let known = shard_identities(&places, Retry::default()).unwrap().remove(0);
    let mut reader = places[0].open(&known, ReadOptions::default()).unwrap();
    assert!(reader.next().unwrap().is_ok());
    fs::write(dir.path().join("t/cat/b.png"), "longer than before").unwrap();
    let fault = reader.next().unwrap().unwrap_err();
    assert!(
        fault.fatal && fault.reason.is_io() && fault.to_string().contains("b.png has changed"),
        "{fault}"
    );
    assert!(reader.next().is_none());
    let fault = places[0].open(&known, ReadOptions::default()).err().unwrap();
    assert!(fault.to_string().contains("files have changed"), "{fault}");
    fs::remove_file(dir.path().join("t/cat/b.png")).unwrap();
    assert!(places[0].open(&known, ReadOptions::default()).is_err());
}

#[test]
fn an_empty_file_is_one_bad_sample() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["t/cat/a.png", "t/cat/c.png"]);
    fs::write(dir.path().join("t/cat/b.png"), "").unwrap();
    let places = expand(dir.path(), "t").0.unwrap();
    let items = read(&places[0]);
    assert_eq!(items.len(), 3);
    let fault = items[1].as_ref().unwrap_err();
    assert!(!fault.fatal && fault.to_string().contains("the file is empty"), "{fault}");
}

#[test]
fn a_folder_of_shards_stays_one_and_both_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["d/a.tar", "d/a.parquet", "d/notes/x.txt", "p/a.parquet", "p/b.parquet"]);
    let (places, warnings) = expand(dir.path(), "d");
    assert_eq!(places.unwrap(), [ShardPlace::File(dir.path().join("d/a.tar"))]);
    assert!(
        !warnings.iter().any(|line| line.contains("a.parquet")),
        "a tar's companion: {warnings:?}"
    );
    assert_eq!(expand(dir.path(), "p").0.unwrap().len(), 2);
    put(dir.path(), &["d/z.parquet"]);
    let (_, warnings) = expand(dir.path(), "d");
    assert!(warnings.iter().any(|line| line.contains("z.parquet")), "{warnings:?}");
    put(dir.path(), &["d/cat/a.png"]);
    let error = expand(dir.path(), "d").0.unwrap_err().to_string();
    assert!(error.contains("d/*.") && error.contains("cat"), "{error}");
    put(dir.path(), &["loose/a.png", "none/x/y.txt"]);
    assert!(expand(dir.path(), "loose").0.unwrap_err().to_string().contains("in no class folder"));
    assert!(expand(dir.path(), "none").0.unwrap_err().to_string().contains("matches no shard"));
}
