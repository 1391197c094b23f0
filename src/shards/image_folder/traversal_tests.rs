use super::super::list_folder as list_entries;
use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

fn put(root: &Path, files: &[&str]) {
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
}

/// Files below `root`, and their classes.
fn found(root: &Path) -> (Vec<(String, String)>, Vec<String>) {
    let listing = list_entries(root).unwrap();
    let entries = listing.entries.iter().map(|entry| {
        (entry.path.strip_prefix(root).unwrap().display().to_string(), entry.class.clone())
    });
    (entries.collect(), listing.skipped.lines())
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_folder_a_class_at_any_depth() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        &["b/2.JPEG", "b/deep/1.png", "a/1.jpg", "a/notes.txt", ".git/x.png", "README"],
    );
    let (entries, _) = found(dir.path());
    assert_eq!(entries, pairs(&[("a/1.jpg", "a"), ("b/2.JPEG", "b"), ("b/deep/1.png", "b")]));
    put(dir.path(), &["loose.png"]);
    let error = || list_entries(dir.path()).unwrap_err().to_string();
    assert!(error().contains("loose.png is in no class folder"), "{}", error());
    put(dir.path(), &["metadata.jsonl"]);
    assert!(error().contains("metadata.jsonl instead"), "{}", error());
}

#[test]
fn what_is_passed_over_by_its_ending_is_counted_and_named() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        &["a/1.jfif", "a/2.pjpeg", "a/3.jpe", "a/4.HEIC", "p/1.heic", "p/2", "w/3.avif"],
    );
    fs::create_dir(dir.path().join("empty")).unwrap();
    let (entries, lines) = found(dir.path());
    assert_eq!(entries.len(), 3);
    assert_eq!(
        lines,
        [
            "4 files skipped by their extension: 2 .heic, 1 .avif, 1 without extension",
            "3 class folders without an image: empty, p, w"
        ]
    );
    fs::remove_dir_all(dir.path().join("a")).unwrap();
    let error = list_entries(dir.path()).unwrap_err().to_string();
    assert!(error.contains("3 files skipped by their extension: 1 .avif"), "{error}");
}

#[test]
fn folders_of_the_system_are_no_classes_and_named() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        &["cat/1.png", "cat/@eaDir/1.png", "cat/.hidden.png", "cat/._1.png", "cat/Thumbs.db"],
    );
    for folder in ["__MACOSX", "$RECYCLE.BIN", "System Volume Information", "Lost+Found", ".cache"]
    {
        put(dir.path(), &[&format!("{folder}/a/1.png")]);
    }
    let (entries, lines) = found(dir.path());
    assert_eq!(entries, pairs(&[("cat/1.png", "cat")]));
    assert!(
        lines[0].starts_with("6 folders skipped, hidden or of the operating system: "),
        "{lines:?}"
    );
    for folder in ["@eaDir", "__MACOSX", "$RECYCLE.BIN", "Lost+Found"] {
        assert!(lines[0].contains(folder), "{lines:?}");
    }
    assert_eq!(lines[1], "1 hidden image file skipped");
}

#[test]
fn linked_folders_are_followed_and_circles_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("data");
    put(dir.path(), &["store/1.png", "store/deep/2.png", "data/cat/0.png", "data/dog/5.png"]);
    symlink("../../store", root.join("cat/more")).unwrap();
    symlink("../../store/deep", root.join("cat/again")).unwrap();
    symlink("../cat", root.join("cat/itself")).unwrap();
    symlink("..", root.join("cat/up")).unwrap();
    symlink("../..", root.join("dog/above")).unwrap();
    symlink(".", root.join("loop")).unwrap();
    symlink("../gone", root.join("gone")).unwrap();
    let (entries, lines) = found(&root);
    let cats = entries.iter().filter(|(_, class)| class == "cat").count();
    assert_eq!((cats, entries.len()), (3, 4), "{entries:?}");
    let links = lines.iter().find(|line| line.contains("not followed")).unwrap();
    for link in ["cat/itself", "cat/up", "dog/above", "loop", "deep", "gone"] {
        assert!(links.contains(link), "{links}");
    }
}

#[test]
fn the_folder_above_the_parts_of_a_data_set_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["train/cat/1.png", "train/dog/1.png", "val/cat/2.png", "val/dog/2.png"]);
    let error = list_entries(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("train, val") && error.contains("/train; if the folders are classes"),
        "{error}"
    );
    put(dir.path(), &["test/9.png"]);
    assert!(list_entries(dir.path()).unwrap_err().to_string().contains("test, train, val"));
    fs::rename(dir.path().join("test"), dir.path().join("Test2017")).unwrap();
    assert!(list_entries(dir.path()).unwrap_err().to_string().contains("Test2017, train, val"));
    // Classes may have such a name where others have not.
    put(dir.path(), &["bus/1.png"]);
    assert_eq!(found(dir.path()).0.len(), 6);
}

#[test]
fn classes_with_the_same_folders_and_no_image_are_remarked_on() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &["2020/cat/1.png", "2020/dog/1.png", "2021/cat/2.png", "2021/dog/2.png"]);
    let (entries, lines) = found(dir.path());
    assert_eq!(entries.len(), 4);
    assert!(
        lines[0].contains("2020 has cat, dog")
            && lines[0].contains("if these folders are the classes"),
        "{lines:?}"
    );
    put(dir.path(), &["2020/x.png"]);
    assert_eq!(found(dir.path()).1, [""; 0]);
}

#[test]
fn class_folders_that_are_no_utf8_stay_apart() {
    let dir = tempfile::tempdir().unwrap();
    for byte in [0xe8, 0xe9] {
        let folder = dir.path().join(OsStr::from_bytes(&[b'c', byte]));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("1.png"), "x").unwrap();
    }
    let listing = list_entries(dir.path()).unwrap();
    let classes: Vec<&str> = listing.entries.iter().map(|entry| entry.class.as_str()).collect();
    assert_eq!(classes, ["c%e8", "c%e9"]);
}
