//! Reading everything that receipts name, and comparing it with what they say.

use super::atomic::file_digest;
use super::backend::Depth;
use super::error::StoreError;
use super::receipt::Receipt;
use super::run_dir::{RECEIPT, RunDir};
use super::temporary::TEMPORARY;
use super::workers::CLAIM;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::HashSet;
use std::path::Path;

/// What a run directory turned out to hold.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Verification {
    /// Units with a receipt.
    pub units: usize,
    /// Files that receipts name.
    pub files: usize,
    /// Bytes read.
    pub bytes: u64,
    /// What is not as its receipt says, by unit and file.
    pub damaged: Vec<DamagedFile>,
    /// Files that no receipt names, by path below the run directory. They are in nobody's way: a unit that was
    /// interrupted left them, or somebody put them there.
    pub unlisted: Vec<String>,
}

/// A file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedFile {
    /// The unit, as `stage/name`.
    pub unit: String,
    /// The file, below the run directory.
    pub file: String,
    /// What is wrong.
    #[serde(flatten)]
    pub damage: FileDamage,
}

/// What can be wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "damage")]
pub enum FileDamage {
    /// It is gone.
    #[error("is missing")]
    Missing,
    /// It is shorter or longer than it was.
    #[error("has {found} bytes, its receipt says {expected}")]
    Length {
        /// Bytes by the receipt.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Its length is right, its content is not.
    #[error("has other content than was written (XXH3 {found}, its receipt says {expected})")]
    Content {
        /// XXH3-64 by the receipt.
        expected: String,
        /// XXH3-64 of what is there.
        found: String,
    },
    /// It can't be read to its end.
    #[error("cannot be read: {message}")]
    Unreadable {
        /// The operating system's answer.
        message: String,
    },
    /// It is a receipt, and no receipt of ours.
    #[error("is no receipt that this program wrote")]
    Receipt,
}

/// Reads every file that a receipt of `stages` names; what no receipt names is looked for in `folders`. `progress` is told the bytes of each file when it is read.
///
/// # Errors
/// If a folder can't be listed or a receipt not read. Files that can't be read are damage, not an error, but where an object
/// store does not answer, or what comes from it can't be written here.
pub fn verify(
    run_dir: &RunDir,
    (stages, folders): (&[&str], &[&str]),
    progress: impl Fn(u64) + Sync,
) -> Result<Verification, StoreError> {
    let mut found = Verification::default();
    let mut receipts: Vec<Receipt> = Vec::new();
    for stage in stages {
        let names = run_dir.receipt_names(stage)?;
        let mut readable = run_dir.receipts(stage)?;
        found.units += names.len();
        for unit in names {
            match readable.remove(&unit) {
                Some(receipt) => receipts.push(receipt),
                None => {
                    let file = format!("{unit}{RECEIPT}");
                    found.damaged.push(DamagedFile { unit, file, damage: FileDamage::Receipt });
                }
            }
        }
    }
    let outputs: Vec<_> = receipts
        .iter()
        .flat_map(|receipt| receipt.outputs.iter().map(move |output| (receipt, output)))
        .collect();
    let damaged = outputs.par_iter().filter_map(|(receipt, output)| {
        let damage = run_dir.examine(&output.file, output.bytes, &output.xxh3).transpose();
        progress(output.bytes);
        let (unit, file) = (receipt.unit.clone(), output.file.clone());
        Some(damage?.map(|damage| DamagedFile { unit, file, damage }))
    });
    found.damaged.extend(damaged.collect::<Result<Vec<_>, StoreError>>()?);
    found.files = outputs.len();
    found.bytes = receipts.iter().fold(0, |sum, receipt| sum.saturating_add(receipt.bytes()));
    let listed: HashSet<&str> = outputs.iter().map(|(_, output)| output.file.as_str()).collect();
    found.unlisted = unlisted(run_dir, folders, &listed)?;
    Ok(found)
}

impl RunDir {
    /// What is wrong with a file as it is kept, whatever copy of it is local.
    fn examine(
        &self,
        file: &str,
        bytes: u64,
        xxh3: &str,
    ) -> Result<Option<FileDamage>, StoreError> {
        match self.backend().fresh_copy(file) {
            Ok(copy) => Ok(examine(&copy.path, bytes, xxh3)),
            // Neither a full disk here nor a server out of reach says anything of the file.
            Err(StoreError::Io { action: "read", source, .. })
                if source.kind() != std::io::ErrorKind::TimedOut =>
            {
                Ok(Some(FileDamage::Unreadable { message: source.to_string() }))
            }
            Err(error) => Err(error),
        }
    }
}

/// What is wrong with the file at `path`, if anything.
fn examine(path: &Path, bytes: u64, xxh3: &str) -> Option<FileDamage> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Some(FileDamage::Missing),
        Err(e) => return Some(FileDamage::Unreadable { message: e.to_string() }),
        Ok(about) if about.len() != bytes => {
            return Some(FileDamage::Length { expected: bytes, found: about.len() });
        }
        Ok(_) => {}
    }
    match file_digest(path) {
        Err(e) => Some(FileDamage::Unreadable { message: e.to_string() }),
        Ok((_, found)) if found != xxh3 => {
            Some(FileDamage::Content { expected: xxh3.to_owned(), found })
        }
        Ok(_) => None,
    }
}

/// Files of the stages' folders that are neither receipts nor in `listed`.
fn unlisted(
    run_dir: &RunDir,
    folders: &[&str],
    listed: &HashSet<&str>,
) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for folder in folders {
        found.extend(run_dir.backend().list(folder, Depth::Tree)?);
    }
    found.retain(|name| {
        let ours = [RECEIPT, CLAIM, TEMPORARY].iter().any(|ending| name.ends_with(ending));
        !listed.contains(name.as_str()) && !ours
    });
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> (tempfile::TempDir, RunDir) {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = RunDir::new(dir.path());
        for unit in ["a", "b"] {
            let output = run_dir.write(&format!("encode/{unit}.bin"), b"content").unwrap();
            let receipt = Receipt {
                version: Receipt::VERSION,
                unit: format!("encode/{unit}"),
                fingerprint: String::new(),
                settings: serde_json::Value::Null,
                inputs: Default::default(),
                outputs: vec![output],
                contents: Default::default(),
                samples: 1,
                faults: Vec::new(),
                log: Vec::new(),
                seconds: 0.0,
            };
            run_dir.write_receipt(&receipt).unwrap();
        }
        (dir, run_dir)
    }

    #[test]
    fn a_whole_folder_is_whole_and_strangers_are_listed() {
        let (_dir, run_dir) = directory();
        run_dir.write("distilled/mine.txt", b"?").unwrap();
        let found = verify(&run_dir, (&["encode"], &["encode", "distilled"]), |_| ()).unwrap();
        assert_eq!((found.units, found.files, found.bytes), (2, 2, 14));
        assert_eq!(found.damaged, []);
        assert_eq!(found.unlisted, ["distilled/mine.txt"]);
    }

    #[test]
    fn every_kind_of_damage_has_its_name() {
        let damage = |spoil: &dyn Fn(&RunDir)| {
            let (_dir, run_dir) = directory();
            spoil(&run_dir);
            let mut found = verify(&run_dir, (&["encode"], &["encode"]), |_| ()).unwrap().damaged;
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].unit, "encode/b");
            found.remove(0).damage
        };
        let path = |run_dir: &RunDir| run_dir.path("encode/b.bin");
        let gone = damage(&|run_dir| std::fs::remove_file(path(run_dir)).unwrap());
        assert_eq!(gone, FileDamage::Missing);
        let short = damage(&|run_dir| std::fs::write(path(run_dir), "conten").unwrap());
        assert_eq!(short, FileDamage::Length { expected: 7, found: 6 });
        let other = damage(&|run_dir| std::fs::write(path(run_dir), "cOntent").unwrap());
        assert!(matches!(other, FileDamage::Content { .. }), "{other:?}");
        let receipt = damage(&|run_dir| {
            std::fs::write(run_dir.path("encode/b.receipt.json"), "{").unwrap();
        });
        assert_eq!(receipt, FileDamage::Receipt);
        for elsewhere in ["../b.bin", "encode/../../b.bin", "/b.bin", ""] {
            let receipt = damage(&|run_dir| {
                let mut receipt = run_dir.receipt("encode/b").unwrap().unwrap();
                receipt.outputs[0].file = elsewhere.to_owned();
                run_dir.write_receipt(&receipt).unwrap();
            });
            assert_eq!(receipt, FileDamage::Receipt, "{elsewhere}");
        }
    }
}
