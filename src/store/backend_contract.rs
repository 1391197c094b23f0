//! What every backend promises, held against each of them.

use super::atomic::{AtomicFile, Written};
use super::backend::{Backend, Depth};
use super::error::StoreError;
use super::local_dir::LocalDir;
use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A run directory as two machines see it, and one whose server or disk fails.
struct Place {
    /// Keeps the folders.
    _dir: tempfile::TempDir,
    here: Arc<dyn Backend>,
    there: Arc<dyn Backend>,
    /// Nothing can be found out about `unreadable/x` here.
    failing: Arc<dyn Backend>,
}

fn folder() -> Place {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("failing")).unwrap();
    // A loop of links: the disk's error, whatever it means.
    std::os::unix::fs::symlink("unreadable", dir.path().join("failing/unreadable")).unwrap();
    let root = dir.path().join("run");
    let backend = |path| Arc::new(LocalDir::new(path)) as Arc<dyn Backend>;
    let (here, there) = (backend(&root), backend(&root));
    let failing = backend(&dir.path().join("failing"));
    Place { _dir: dir, here, there, failing }
}

#[cfg(feature = "remote")]
fn object_store() -> Place {
    use super::object_backend::ObjectStore;
    use crate::objects::Bucket;
    use crate::objects::loopback::{bad, bucket};
    let dir = tempfile::tempdir().unwrap();
    let all = Bucket::over(Arc::new(object_store::memory::InMemory::new()), "s3://b");
    let at = |bucket: Bucket, name: &str| {
        Arc::new(ObjectStore::new(bucket, dir.path().join(name))) as Arc<dyn Backend>
    };
    let (here, there) = (at(all.clone(), "here"), at(all, "there"));
    let failing = at(bucket(|_| bad("403 Forbidden")).0, "failing");
    Place { _dir: dir, here, there, failing }
}

/// Each promise is a test for each backend.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod of_a_folder {
            $(#[test] fn $promise() { super::$promise(&super::folder()); })*
        }
        #[cfg(feature = "remote")]
        mod of_an_object_store {
            $(#[test] fn $promise() { super::$promise(&super::object_store()); })*
        }
    };
}

promises!(
    a_key_file_is_whole_or_absent_while_it_is_written,
    a_published_file_is_the_same_for_all,
    ranges_are_those_of_the_whole_file,
    a_listing_has_what_was_written_before,
    what_is_removed_is_gone_for_all,
    of_several_that_create_a_file_one_succeeds,
    an_absent_file_is_told_from_a_failure,
    odd_names_stay_apart,
);

/// Writes a file below the root and publishes it, as a unit does.
fn publish(backend: &dyn Backend, name: &str, content: &[u8]) -> Written {
    let mut file = AtomicFile::create(&backend.root().join(name)).unwrap();
    file.write_all(content).unwrap();
    let written = file.publish(backend.root()).unwrap();
    backend.publish(std::slice::from_ref(&written)).unwrap();
    written
}

fn a_key_file_is_whole_or_absent_while_it_is_written(place: &Place) {
    let contents: [Vec<u8>; 2] = [vec![1; 10], vec![2; 200_000]];
    let (stop, seen) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if let Some(content) = place.there.read("workers/0-of-2.json").unwrap() {
                        assert!(contents.contains(&content), "{} bytes", content.len());
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let mut writes = 0;
        while writes < 50 || seen.load(Ordering::Relaxed) < 50 {
            place.here.write("workers/0-of-2.json", &contents[writes % 2]).unwrap();
            writes += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    place.here.write_durably("run.json", b"{}").unwrap();
    assert_eq!(place.there.read("run.json").unwrap().unwrap(), b"{}");
}

fn a_published_file_is_the_same_for_all(place: &Place) {
    let content: Vec<u8> = (0..300_000u32).map(|i| (i >> 4) as u8).collect();
    let written = publish(place.here.as_ref(), "encode/part-000000.parquet", &content);
    assert!(place.there.has(&written).unwrap());
    assert!(!place.there.has(&Written { bytes: 7, ..written.clone() }).unwrap());
    place.there.survey("encode").unwrap();
    assert!(place.there.has(&written).unwrap());
    assert!(!place.there.has(&Written { file: "encode/x".into(), ..written.clone() }).unwrap());
    place.there.expect(std::slice::from_ref(&written));
    place.there.make_local(&[&written.file]).unwrap();
    let local = place.there.local(&written.file).unwrap();
    assert_eq!(std::fs::read(local).unwrap(), content);
    let fresh = place.there.fresh_copy(&written.file).unwrap();
    assert_eq!(std::fs::read(&fresh.path).unwrap(), content);
    // A file that no receipt names.
    std::fs::write(place.here.root().join("events.jsonl"), "{}\n").unwrap();
    place.here.publish_file("events.jsonl").unwrap();
    assert_eq!(place.there.read("events.jsonl").unwrap().unwrap(), b"{}\n");
}

fn ranges_are_those_of_the_whole_file(place: &Place) {
    let content: Vec<u8> = (0..300_000u32).map(|i| (i >> 4) as u8).collect();
    let written = publish(place.here.as_ref(), "compact/a.parquet", &content);
    let ranged = place.there.open_ranged(&written.file).unwrap();
    assert_eq!(ranged.length(), 300_000);
    ranged.prefetch([5..50, 250_000..260_000]).unwrap();
    for range in [0..1, 5..50, 40..100_000, 250_000..260_000, 299_990..300_000, 7..7] {
        let (start, end) = (range.start as usize, range.end as usize);
        assert_eq!(ranged.read(range).unwrap(), content[start..end]);
    }
    assert!(ranged.read(299_999..300_001).is_err());
    let absent = place.there.open_ranged("compact/b.parquet").unwrap_err();
    assert!(absent.to_string().contains("compact/b.parquet"), "{absent}");
}

fn a_listing_has_what_was_written_before(place: &Place) {
    assert!(place.here.list("encode", Depth::Tree).unwrap().is_empty());
    for name in ["encode/b.receipt.json", "encode/a.claim", "encode/deep/c", "encode-2/d", "e"] {
        place.here.write(name, b"?").unwrap();
    }
    let list = |depth| place.there.list("encode", depth).unwrap();
    assert_eq!(list(Depth::Folder), ["encode/a.claim", "encode/b.receipt.json"]);
    assert_eq!(list(Depth::Tree), ["encode/a.claim", "encode/b.receipt.json", "encode/deep/c"]);
    let names: Vec<String> = ["encode/deep/c", "encode/none", "e"].map(str::to_owned).to_vec();
    let contents = place.there.read_many(&names).unwrap();
    assert_eq!(contents, [Some(b"?".to_vec()), None, Some(b"?".to_vec())]);
}

fn what_is_removed_is_gone_for_all(place: &Place) {
    let written = publish(place.here.as_ref(), "fetch/part.tar", b"content");
    place.here.write("fetch/part.receipt.json", b"{}").unwrap();
    place.here.write("fetch/part.claim", b"0-of-2").unwrap();
    place.here.remove(&written.file).unwrap();
    place.here.remove_durably("fetch/part.receipt.json").unwrap();
    place.here.release("fetch/part.claim").unwrap();
    for backend in [&place.here, &place.there] {
        assert!(!backend.has(&written).unwrap());
        assert_eq!(backend.length(&written.file).unwrap(), None);
        assert!(backend.list("fetch", Depth::Tree).unwrap().is_empty());
    }
    assert!(!place.here.root().join(&written.file).exists());
    // Absent files are as good as removed ones.
    place.here.remove(&written.file).unwrap();
    place.here.remove_durably("fetch/part.receipt.json").unwrap();
    place.here.release("fetch/part.claim").unwrap();
}

fn of_several_that_create_a_file_one_succeeds(place: &Place) {
    for round in 0..20 {
        let name = format!("encode/part-{round}.claim");
        let create = |worker: usize| {
            let backend = if worker.is_multiple_of(2) { &place.here } else { &place.there };
            backend.create(&name, format!("{worker}-of-4").as_bytes()).unwrap()
        };
        let won: Vec<usize> = std::thread::scope(|scope| {
            let create = &create;
            let workers: Vec<_> =
                (0..4).map(|worker| scope.spawn(move || create(worker))).collect();
            let won = workers.into_iter().map(|worker| worker.join().unwrap());
            won.enumerate().filter_map(|(worker, won)| won.then_some(worker)).collect()
        });
        assert_eq!(won.len(), 1, "{won:?}");
        let claimed = place.there.read(&name).unwrap().unwrap();
        assert_eq!(claimed, format!("{}-of-4", won[0]).as_bytes());
    }
}

fn an_absent_file_is_told_from_a_failure(place: &Place) {
    assert_eq!(place.here.read("encode/none.receipt.json").unwrap(), None);
    assert_eq!(place.here.length("encode/none").unwrap(), None);
    assert_eq!(place.here.length("encode/none/below").unwrap(), None);
    let name = "unreadable/x";
    let output = Written { file: name.into(), bytes: 1, xxh3: String::new() };
    let failures: [Result<bool, StoreError>; 5] = [
        place.failing.read(name).map(|content| content.is_some()),
        place.failing.length(name).map(|length| length.is_some()),
        place.failing.has(&output),
        place.failing.list("unreadable", Depth::Folder).map(|names| !names.is_empty()),
        place.failing.create(name, b"?"),
    ];
    for failure in failures {
        let StoreError::Io { source, path, .. } = failure.unwrap_err() else { panic!("no cause") };
        assert_ne!(source.kind(), ErrorKind::NotFound);
        assert!(path.to_string_lossy().contains("unreadable"), "{}", path.display());
    }
}

fn odd_names_stay_apart(place: &Place) {
    let odd =
        ["a b", "a%20b", "a+b", "a%2fb", "ü", "u\u{308}", "a#b", "a?b=c&d", "~a", "'\"", "A B"];
    for name in odd {
        let written = publish(place.here.as_ref(), &format!("anchor/{name}.bin"), name.as_bytes());
        assert_eq!(place.there.length(&written.file).unwrap(), Some(name.len() as u64), "{name}");
    }
    let mut expected: Vec<String> = odd.iter().map(|name| format!("anchor/{name}.bin")).collect();
    expected.sort();
    assert_eq!(place.there.list("anchor", Depth::Folder).unwrap(), expected);
    for name in odd {
        let file = format!("anchor/{name}.bin");
        assert_eq!(place.there.read(&file).unwrap().unwrap(), name.as_bytes());
        let local = place.there.local(&file).unwrap();
        assert_eq!(std::fs::read(local).unwrap(), name.as_bytes());
        place.here.remove(&file).unwrap();
    }
    assert!(place.there.list("anchor", Depth::Tree).unwrap().is_empty());
}
