use super::*;

fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    folder
}

fn expand(folder: &tempfile::TempDir, patterns: &[&str]) -> Result<Vec<String>, ShardError> {
    let patterns: Vec<String> = patterns.iter().map(|p| p.to_string()).collect();
    let shards = expand_sources(folder.path(), &patterns)?;
    let relative = |p: PathBuf| p.strip_prefix(folder.path()).unwrap().display().to_string();
    Ok(shards.into_iter().map(relative).collect())
}

#[test]
fn paths_braces_globs_and_folders() {
    let files =
        ["b-01.tar", "b-00.tar", "b-00.idx", "a/x.tar.zst", "a/w.tgz", "a/._w.tgz", "a/n.txt"];
    let folder = folder(&files);
    assert_eq!(expand(&folder, &["b-{01..00}.tar"]).unwrap(), ["b-01.tar", "b-00.tar"]);
    assert_eq!(
        expand(&folder, &["b-*", "a"]).unwrap(),
        ["b-00.tar", "b-01.tar", "a/w.tgz", "a/x.tar.zst"]
    );
    assert_eq!(expand(&folder, &["{a/x.*,b-0[1]*}"]).unwrap(), ["a/x.tar.zst", "b-01.tar"]);
    assert_eq!(expand(&folder, &["**/x.*"]).unwrap(), ["a/x.tar.zst"]);
    let absolute = folder.path().join("a").display().to_string();
    assert_eq!(expand(&folder, &[&absolute]).unwrap().len(), 2);
}

#[test]
fn names_with_special_characters_are_taken_as_they_stand() {
    let folder = folder(&["d[1]/x{a}.tar", "d[1]/y.tar", "odd:name.bin"]);
    assert_eq!(expand(&folder, &["d[1]/x{a}.tar"]).unwrap(), ["d[1]/x{a}.tar"]);
    assert_eq!(expand(&folder, &["odd:name.bin"]).unwrap(), ["odd:name.bin"]);
    let inside = folder.path().join("d[1]");
    let found = expand_sources(&inside, &["*.tar".to_owned()]).unwrap();
    assert_eq!(found.len(), 2, "the base folder's brackets are not a glob");
}

#[test]
fn same_name_in_two_folders_is_fine_but_the_same_file_is_not() {
    let folder = folder(&["a/0.tar", "b/0.tar"]);
    assert_eq!(expand(&folder, &["a", "b"]).unwrap(), ["a/0.tar", "b/0.tar"]);
    let error = expand(&folder, &["a/0.tar", "b/../a/*.tar"]).unwrap_err().to_string();
    assert!(error.contains("twice") && error.contains("b/../a/*.tar"), "{error}");
    let error = expand(&folder, &["{a/0,a/0}.tar"]).unwrap_err();
    assert!(matches!(error, ShardError::ListedTwice { .. }), "{error}");
}

#[test]
fn every_mistake_names_its_pattern() {
    let folder = folder(&["a.tar", "empty/readme.txt"]);
    for (pattern, part) in [
        ("c-{00..02}.tar", "c-00.tar"),
        ("x*.tar", "matches no shard"),
        ("empty", "matches no shard"),
        ("a{.tar", "without its `}`"),
        ("a[.tar", "a[.tar"),
        ("s3://bucket/a.tar", "local files only"),
        ("https://host/a-{0..3}.tar", "local files only"),
        ("pipe:cat a.tar", "local files only"),
        ("a.tar::b.tar", "local files only"),
        ("-", "local files only"),
        ("", "local files only"),
    ] {
        let error = expand(&folder, &["a.tar", pattern]).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains(pattern), "{pattern}: {error}");
    }
    assert!(matches!(expand(&folder, &[]), Err(ShardError::NoPatterns)));
}
