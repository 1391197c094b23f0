//! Image files of every kind, against what Pillow makes of them.

use crate::harness::checkout;
use crate::python::python;
use coda_pipe::imaging::{DecodeOptions, ImagingError, decode_rgb};
use std::path::Path;
use std::process::Command;

/// Levels that the fast decoder, which has ordinary files, may be away from libjpeg's.
const TOLERANCE: u8 = 3;

/// How a folder of files compares.
#[derive(Debug, Default)]
struct Compared {
    files: usize,
    /// Files whose pixels are Pillow's to the bit.
    equal: usize,
    /// The largest difference of a level, and whose it is.
    worst: (u8, String),
    /// Sum of differences, and levels.
    differences: (u64, u64),
    /// Refused by both.
    refused: usize,
    /// Of these, named as something that is not read, and not as damage.
    refused_by_name: usize,
    faults: Vec<String>,
}

impl Compared {
    fn look_at(&mut self, file: &Path) {
        self.files += 1;
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let ours = decode_rgb(&std::fs::read(file).unwrap(), DecodeOptions::default());
        let expected = std::fs::read(file.with_extension("rgb")).ok();
        match (ours, expected) {
            (Err(error), None) => {
                self.refused += 1;
                self.refused_by_name +=
                    usize::from(matches!(error, ImagingError::Unsupported { .. }));
            }
            (Err(error), Some(_)) => self.faults.push(format!("{name}: refused: {error}")),
            (Ok(_), None) => self.faults.push(format!("{name}: Pillow refuses it")),
            (Ok(image), Some(expected)) => {
                let (size, pixels) = expected.split_at(8);
                let (width, height) = image.dimensions();
                if size != [width.to_le_bytes(), height.to_le_bytes()].concat() {
                    self.faults.push(format!("{name}: {width} × {height}"));
                    return;
                }
                let differences = image.as_raw().iter().zip(pixels).map(|(a, b)| a.abs_diff(*b));
                let worst = differences.clone().max().unwrap_or_default();
                self.differences.0 += differences.map(u64::from).sum::<u64>();
                self.differences.1 += pixels.len() as u64;
                self.equal += usize::from(worst == 0);
                if worst > TOLERANCE {
                    self.faults.push(format!("{name}: {worst} levels"));
                }
                if worst > self.worst.0 {
                    self.worst = (worst, name);
                }
            }
        }
    }
}

/// A few hundred files; `CODA_JPEGS=all` takes some 2,800, which take minutes to write.
#[test]
fn jpegs_of_every_kind_decode_as_pillow_decodes_them() {
    let Some(python) = python("jpegs_of_every_kind_decode_as_pillow_decodes_them") else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = std::env::var("CODA_JPEGS").is_ok_and(|value| value == "all");
    let script = checkout().join("tests/python/check_jpeg.py");
    let mut writer = Command::new(python);
    writer.arg(script).arg(folder.path()).args(whole.then_some("all"));
    let output = writer.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut compared = Compared::default();
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .filter(|file| file.extension().unwrap() == "jpg")
        .for_each(|file| compared.look_at(file));
    let Compared {
        files,
        equal,
        ref worst,
        differences: (sum, levels),
        refused,
        refused_by_name,
        ..
    } = compared;
    let mean = sum as f64 / levels as f64;
    eprintln!(
        "{files} files: {equal} equal, {refused} refused as by Pillow ({refused_by_name} by name), \
         the others within {worst:?} levels, mean {mean:.5}"
    );
    assert!(compared.faults.is_empty(), "{:#?}", compared.faults);
    assert!(files > if whole { 2500 } else { 300 }, "{files}");
    assert!(refused < files / 4 && equal > files / 4, "{refused}, {equal}");
    assert!(mean < 0.3, "{mean}");
}
