//! Image files of every kind, against what Pillow makes of them.

use crate::harness::{Bench, checkout, digits, write_shard};
use crate::other_programs::tables::python;
use coda_pipe::internals::imaging::{DecodeOptions, ImagingError, decode_rgb};
use image::{ExtendedColorType, ImageEncoder};
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
    let Some(python) = python() else { return };
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

/// A grey PNG of 16 bits whose values use the lower twelve.
fn twelve_bits() -> Vec<u8> {
    let values: Vec<u8> = (0..28 * 28u16).flat_map(|i| (i * 5).to_ne_bytes()).collect();
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.write_image(&values, 28, 28, ExtendedColorType::L16).unwrap();
    png
}

#[test]
fn what_is_not_read_is_named_by_the_run_and_by_verify_alike() {
    let bench = Bench::new();
    let mut samples = digits(30);
    let whole = samples[5].get("png").unwrap().to_vec();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n";
    let lossless = b"\xff\xd8\xff\xc3\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xd9";
    let cases: [(&[u8], &str); 4] = [
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", "this is an AVIF image, which is not read"),
        (pointer, "a Git LFS pointer"),
        (lossless, "unsupported JPEG: lossless coding"),
        (&whole[..whole.len() / 2], "corrupt PNG: "),
    ];
    let place = |sample: &mut coda_pipe::shards::Sample, bytes: &[u8]| {
        let mut members = sample.members.iter_mut();
        members.find(|member| member.extension == "png").unwrap().bytes = bytes.to_vec();
    };
    for (sample, (bytes, _)) in samples.iter_mut().zip(cases) {
        place(sample, bytes);
    }
    place(&mut samples[4], &twelve_bits());
    // All its pixels, but no end.
    place(&mut samples[5], &whole[..whole.len() - 12]);
    write_shard(&bench.path("train-000000.tar"), &samples[..45]);
    let (_, stderr) = bench.expect(0, &["run", "p.toml", "--until", "encode"]);
    let (stdout, _) = bench.expect(1, &["shards", "verify", "--images", "train-000000.tar"]);
    for (sample, (_, reason)) in samples.iter().zip(cases) {
        for said in [&stderr, &stdout] {
            let line = said.lines().find(|line| line.contains(&format!(" {}: ", sample.key)));
            assert!(line.is_some_and(|line| line.contains(reason)), "{reason} in {said}");
        }
    }
    assert!(stderr.contains("4 samples skipped"), "{stderr}");
    assert!(stdout.contains("41 images decoded") && stdout.contains(" 4 bad"), "{stdout}");
    let warned =
        format!("warning: {}: the 16-bit image uses only the lower twelve bits", samples[4].key);
    assert!(stderr.contains(&warned), "{stderr}");
    assert!(stdout.contains("note: 1 16-bit images use only the lower twelve bits"), "{stdout}");
}
