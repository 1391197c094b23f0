//! Files of a run directory, as a next run reads them back: receipts, `run.json`, and the Parquet tables.
//!
//! Input: a byte that chooses the file, then its content.
//!
//! The libraries parquet and arrow panic on some damaged pages where integers are checked for overflow, as they are
//! here; that is passed over. A stage would tell it as an error.

#![no_main]

use std::panic::{catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::LazyLock;

use coda_pipe::internals::store::tables::{
    LatentTable, Numbers, read_all, read_anchors, read_cores, read_purity,
};
use coda_pipe::internals::store::{RunDir, verify};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("run/encode")).unwrap();
    let abort = take_hook();
    set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", |place| place.file());
        if !["/parquet-", "/arrow-"].iter().any(|library| file.contains(library)) {
            abort(panic);
        }
    }));
    folder
});

fn receipts(root: &Path, content: &[u8]) {
    std::fs::write(root.join("encode/x.receipt.json"), content).unwrap();
    let outside = root.with_file_name("outside");
    std::fs::write(&outside, "x").unwrap();
    let run_dir = RunDir::new(root);
    for receipt in run_dir.receipts("encode").unwrap().values() {
        assert_eq!(receipt.unit, "encode/x");
        let _ = run_dir.outputs_present(receipt);
        receipt.bytes();
        verify(&run_dir, &["encode"], |_| ()).unwrap();
        let _ = run_dir.discard(receipt);
    }
    assert!(outside.exists(), "a receipt reaches files outside its run directory");
    std::fs::write(root.join("run.json"), content).unwrap();
    let _ = run_dir.record();
}

fn tables(root: &Path, choice: u8, content: &[u8]) {
    let path = root.join("table.parquet");
    std::fs::write(&path, content).unwrap();
    match choice {
        1 => drop(read_cores(&path)),
        2 => drop(read_purity(&path)),
        3 => drop(read_anchors(&path).map(|anchors| anchors.latent(1))),
        4 => drop(read_all(&path)),
        _ => latents(&path),
    }
}

fn latents(path: &Path) {
    let Ok(table) = LatentTable::open(&[path.to_owned()]) else { return };
    for (class, rows) in table.classes() {
        for numbers in [Numbers::Latent, Numbers::Feature] {
            let _ = table.read_range(&class, 0..rows.min(100), numbers).map(|read| {
                assert_eq!(read.values.len(), read.keys.len() * numbers.count(table.format()));
            });
        }
        let _ = table.read_rows(&class, &[rows.saturating_sub(1), 0], Numbers::Latent);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, content)) = data.split_first() else { return };
    let root = FOLDER.path().join("run");
    match choice % 6 {
        0 => receipts(&root, content),
        choice => {
            let _ = catch_unwind(|| tables(&root, choice, content));
        }
    }
});
