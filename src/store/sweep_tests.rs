use super::super::temporary::temporary;
use super::*;

const FOLDERS: [&str; 4] = ["encode", "discover", "generate", "report"];

fn place() -> (tempfile::TempDir, RunDir) {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = RunDir::new(dir.path());
    run_dir.create().unwrap();
    (dir, run_dir)
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// What others may have put into a run directory.
const FOREIGN: [(&str, &str); 9] = [
    ("encode/notes.tmp", "mine"),
    ("encode/part-000000.parquet.tmp", "another program's"),
    ("encode/insurance.claim", "to be paid"),
    ("generate/cat/0000.png.tmp", "an editor's"),
    ("generate/work.tmp/photos/a.jpg", "in a folder"),
    ("report/x.claim/letter.txt", "in a folder"),
    ("encode/x.parquet.coda-ffffffff-0a1b2c-1-1-1.tmp", "another run's"),
    ("encode/other/run.json", "{}"),
    ("run.json.tmp", "an editor's"),
];

#[test]
fn what_is_not_this_runs_stays_wherever_it_lies() {
    let (dir, run_dir) = place();
    FOREIGN.iter().for_each(|(name, text)| write(&dir.path().join(name), text));
    let nested = temporary(&dir.path().join("encode/other/encode/part.parquet"));
    write(&nested, "half a run inside");
    let own = [
        temporary(&dir.path().join("encode/part-000000.parquet")),
        temporary(&dir.path().join("generate/cat/0000.png")),
        temporary(&dir.path().join("run.json")),
        dir.path().join("encode/part-000000.claim"),
    ];
    own.iter().for_each(|path| write(path, "0-of-2"));
    let folder = temporary(&dir.path().join("discover/cat/index"));
    write(&folder.join("index.hnsw.data"), "half");
    run_dir.sweep(&FOLDERS).unwrap();
    for (name, text) in FOREIGN {
        assert_eq!(std::fs::read_to_string(dir.path().join(name)).unwrap(), text, "{name}");
    }
    assert!(nested.exists());
    own.iter().chain([&folder]).for_each(|path| assert!(!path.exists(), "{}", path.display()));
}

#[test]
fn earlier_versions_temporary_files_go_in_a_run_only() {
    let (dir, run_dir) = place();
    let earlier = dir.path().join("encode/part-000000.parquet.0a1b2c-12-3456-7.tmp");
    write(&earlier, "half");
    run_dir.sweep(&FOLDERS).unwrap();
    assert!(earlier.exists(), "nothing says that a run was here");
    write(&dir.path().join("run.json"), "{}");
    run_dir.sweep_after_the_dead(&FOLDERS).unwrap();
    assert!(earlier.exists(), "another machine's");
    run_dir.sweep(&FOLDERS).unwrap();
    assert!(!earlier.exists());
}

#[test]
fn a_run_keeps_its_name_when_it_is_moved() {
    let (dir, run_dir) = place();
    let id = run_dir.run_id().unwrap();
    assert!(id.is_some());
    run_dir.create().unwrap();
    assert_eq!(run_dir.run_id().unwrap(), id);
    let half = temporary(&dir.path().join("encode/part-000000.parquet"));
    write(&half, "half");
    let moved = dir.path().with_extension("moved");
    std::fs::rename(dir.path(), &moved).unwrap();
    RunDir::new(&moved).sweep(&FOLDERS).unwrap();
    assert_eq!(std::fs::read_dir(moved.join("encode")).unwrap().count(), 0);
    std::fs::remove_dir_all(&moved).unwrap();
}
