use crate::shards::{Retry, ShardError, expand_sources, expand_sources_with_warnings};
use std::fs;

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
    let shards = expand_sources(folder.path(), &patterns, Retry::default())?;
    Ok(shards.into_iter().map(|place| place.name(folder.path())).collect())
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
fn what_a_folder_or_a_glob_passes_over_is_told_and_companions_are_not() {
    let files = [
        "s/a.tar",
        "s/b.TAR",
        "s/c.tar.xz",
        "s/d.tzst",
        "s/e.tar.zstd",
        "s/a.idx",
        "s/a.json",
        "s/README.md",
        "s/LICENSE",
        "s/.hidden.zip",
        "s/more/i.tar",
    ];
    let folder = folder(&files);
    let told = |pattern: &str| {
        let mut told = Vec::new();
        let patterns = [pattern.to_owned()];
        let found =
            expand_sources_with_warnings(folder.path(), &patterns, Retry::default(), &mut told)
                .unwrap();
        assert_eq!(found.len(), 1, "{pattern}");
        told.concat()
    };
    for pattern in ["s", "s/*"] {
        let said = told(pattern);
        assert!(said.contains("5 more in `s"), "{said}");
        assert!(said.contains("b.TAR, c.tar.xz, d.tzst, e.tar.zstd, more"), "{said}");
    }
    assert_eq!(told("s/*.tar"), "");
    assert_eq!(told("s/a.tar"), "");
}

#[test]
fn a_link_that_leads_nowhere_is_an_error_wherever_it_is_found() {
    let folder = folder(&["s/a.tar"]);
    std::os::unix::fs::symlink("/no/such/blob", folder.path().join("s/b.tar")).unwrap();
    for pattern in ["s", "s/*", "s/*.tar", "s/{a,b}.tar"] {
        let error = expand(&folder, &[pattern]).unwrap_err().to_string();
        assert!(error.contains("b.tar") && error.contains(pattern), "{pattern}: {error}");
    }
}

#[test]
fn colons_within_a_url_join_nothing() {
    let folder = folder(&["b.tar"]);
    std::fs::write(folder.path().join("list.txt"), "http://[::1]:81/a.tar\n").unwrap();
    for (pattern, places) in [
        ("http://[::1]:81/{0..1}.tar", vec!["http://[::1]:81/0.tar", "http://[::1]:81/1.tar"]),
        ("http://h/a.tar?arn=arn:aws:s3:::b", vec!["http://h/a.tar"]),
        ("@list.txt", vec!["http://[::1]:81/a.tar"]),
        ("http://[::1]/a.tar::b.tar", vec!["http://[::1]/a.tar", "b.tar"]),
    ] {
        assert_eq!(expand(&folder, &[pattern]).unwrap(), places, "{pattern}");
    }
}

#[test]
fn one_object_by_two_logins_is_one_and_no_message_holds_a_secret() {
    let folder = folder(&[]);
    let login = "http://user:geheim@h/a.tar?sig=geheim";
    for patterns in [
        vec![login, "http://h/a.tar?sig=geheim#x"],
        vec![login, login],
        vec!["ftp://user:x@h/https://user:geheim@h/a.tar"],
        vec!["http://user:geheim@h/a{.tar"],
        vec!["https://user:geheim@h/a.tar::no-such.tar"],
    ] {
        let error = expand(&folder, &patterns).unwrap_err().to_string();
        assert!(!error.contains("geheim"), "{error}");
    }
    // Which object it is may depend on the query.
    assert_eq!(expand(&folder, &["http://h/get?id=1", "http://h/get?id=2"]).unwrap().len(), 2);
}

#[test]
fn addresses_on_the_hub_are_shards_and_wrong_ones_are_told() {
    let folder = folder(&[]);
    let pattern = "hf://datasets/timm/imagenet-1k-wds/imagenet1k-train-{0000..1023}.tar";
    let found = expand(&folder, &[pattern]).unwrap();
    assert_eq!(found.len(), 1024);
    assert_eq!(found[1], "hf://datasets/timm/imagenet-1k-wds/imagenet1k-train-0001.tar");
    for wrong in ["hf://datasets/timm", "hf://a/b/../c.tar", "hf://a/b@/c.tar"] {
        let error = expand(&folder, &[wrong]).unwrap_err().to_string();
        assert!(error.contains("hf://datasets/OWNER/NAME/FILE"), "{error}");
    }
    let twice = ["hf://a/b/c.tar", "hf://models/a/b@main/c.tar"];
    let error = expand(&folder, &twice).unwrap_err();
    assert!(matches!(error, ShardError::ListedTwice { .. }), "{error}");
}

#[test]
fn names_with_special_characters_are_taken_as_they_stand() {
    let folder = folder(&["d[1]/x{a}.tar", "d[1]/y.tar", "odd:name.bin"]);
    assert_eq!(expand(&folder, &["d[1]/x{a}.tar"]).unwrap(), ["d[1]/x{a}.tar"]);
    assert_eq!(expand(&folder, &["odd:name.bin"]).unwrap(), ["odd:name.bin"]);
    let inside = folder.path().join("d[1]");
    let found = expand_sources(&inside, &["*.tar".to_owned()], Retry::default()).unwrap();
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
    fs::write(folder.path().join("empty.txt"), "# nothing\n\n").unwrap();
    fs::write(folder.path().join("nested.txt"), "a.tar\n@other.txt\n").unwrap();
    for (pattern, part) in [
        ("c-{00..02}.tar", "c-00.tar"),
        ("x*.tar", "matches no shard"),
        ("empty", "matches no shard"),
        ("a{.tar", "without its `}`"),
        ("a[.tar", "a[.tar"),
        ("ftp://host/a-{0..3}.tar", "of no kind"),
        ("hf:a.tar", "of no kind"),
        ("b.tar::c.tar", "b.tar"),
        ("a.tar::a.tar", "twice"),
        ("@no-such.txt", "no-such.txt"),
        ("@empty.txt", "names no shard"),
        ("@nested.txt", "another list"),
        ("", "of no kind"),
    ] {
        let error = expand(&folder, &["a.tar", pattern]).unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains(pattern.trim_start_matches('@')),
            "{pattern}: {error}"
        );
    }
    assert!(matches!(expand(&folder, &[]), Err(ShardError::NoPatterns)));
}

#[test]
fn lists_are_read_from_where_they_stand() {
    let folder = folder(&["sub/a-0.tar", "sub/a-1.tar", "sub/b.tar.lz4", "top.tar"]);
    let list =
        "\u{feff}# shards\n a-{0..1}.tar \n\n../top.tar\r\nhttps://host/x-{8..9}.tar\n*.lz4\n";
    fs::write(folder.path().join("sub/list.txt"), list).unwrap();
    assert_eq!(
        expand(&folder, &["@sub/list.txt", "-"]).unwrap(),
        [
            "sub/a-0.tar",
            "sub/a-1.tar",
            "sub/../top.tar",
            "https://host/x-8.tar",
            "https://host/x-9.tar",
            "sub/b.tar.lz4",
            "-"
        ]
    );
}

#[test]
fn urls_pipes_and_joined_patterns_as_webdataset_has_them() {
    let folder = folder(&["a.tar", "b.tar"]);
    assert_eq!(expand(&folder, &["a.tar::file:b.tar"]).unwrap(), ["a.tar", "b.tar"]);
    let absolute = format!("file://{}/a.tar", folder.path().display());
    assert_eq!(expand(&folder, &[&absolute]).unwrap(), ["a.tar"]);
    assert_eq!(
        expand(&folder, &["pipe:cat x::{0..1}.tar | awk '{print}'"]).unwrap(),
        ["pipe:cat x::0.tar | awk '{print}'", "pipe:cat x::1.tar | awk '{print}'"]
    );
    assert_eq!(
        expand(&folder, &["s3://bucket/a-{00..01}.tar::gs://b/c.tar"]).unwrap(),
        ["s3://bucket/a-00.tar", "s3://bucket/a-01.tar", "gs://b/c.tar"]
    );
    let error = expand(&folder, &["http://h/a.tar", "http://h/{a,b}.tar"]).unwrap_err();
    assert!(matches!(error, ShardError::ListedTwice { .. }), "{error}");
}
