//! Why ONNX Runtime would not open a graph: by the graph's files, then by the code of the refusal, and by words only where
//! it has none ("failed").

use std::path::{Path, PathBuf};

use super::Problem;
use crate::models::file_state::{Unusable, look};
use crate::onnx::{ExternalData, Refusal};

const DAMAGED: &str = "the file is damaged or cut short: download or export it again";
const AGAIN: &str = "export the model again (docs/models.md), or download it again";
const NEWER: &str = "the graph is newer than this ONNX Runtime: install a newer one (coda-pipe doctor says which is used)";
const LINKED: &str = "this ONNX Runtime refuses weights behind a link: copy the files instead (`cp -rL`, or \
    `huggingface-cli download --local-dir`); where the graph is a link beside its weights, as in the hub's cache, ONNX \
    Runtime 1.24.4 or later takes it too";
const OUTSIDE: &str = "this ONNX Runtime refuses weights outside the graph's folder: export the model again with its weights \
    beside the graph, or copy both into one folder and save the graph anew";
const OPTIMISED: &str = "this graph was optimised for another device and has operators that this one lacks: use \
    devices = \"cuda\", or a plain export (optimum-cli export onnx without --optimize)";

/// What is wrong with the graph's own file or one that its weights lie in, if that can be seen without ONNX Runtime.
pub(super) fn by_files(graph: &Path) -> Option<Problem> {
    let of_graph = |what: &str, remedy: &str| Some(problem(graph, what.to_owned(), remedy));
    match look(graph) {
        Ok(0) => return of_graph("it is empty", DAMAGED),
        Ok(_) => {}
        Err(unusable) => return Some(of_unusable(graph, &unusable, AGAIN)),
    }
    let external = ExternalData::of(graph).ok()?;
    let weights: Vec<(PathBuf, u64)> = external.paths(graph).collect();
    for (file, needed) in weights {
        match look(&file) {
            Ok(bytes) if bytes < needed => {
                let what = format!("it has {bytes} bytes, and {} needs {needed}", name(graph));
                let remedy = "it is cut short or of another graph: download both again";
                return Some(problem(&file, what, remedy));
            }
            Ok(_) => {}
            Err(Unusable::Missing) => {
                let what = format!("it is missing, and {} refers to it", name(graph));
                let remedy = format!(
                    "download it beside {}: the weights are in it; or export the model again",
                    name(graph)
                );
                return Some(problem(&file, what, &remedy));
            }
            Err(unusable) => return Some(of_unusable(&file, &unusable, AGAIN)),
        }
    }
    let fault = external.fault?;
    Some(problem(graph, format!("it could not be opened: {fault}"), DAMAGED))
}

/// A file that can't be used; `missing` is the remedy for one that is not there.
pub(super) fn of_unusable(file: &Path, unusable: &Unusable, missing: &str) -> Problem {
    let remedy = match unusable {
        Unusable::Missing | Unusable::NoFile => missing,
        Unusable::LinkToNothing(_) => {
            "download what it links to, or copy the files instead of links (`cp -rL`)"
        }
        Unusable::LfsPointer => "run `git lfs pull` in that folder",
        Unusable::Unreadable(_) => "see who may read it (ls -l), and whether its disk answers",
    };
    problem(file, unusable.to_string(), remedy)
}

/// The remedy by what ONNX Runtime answered.
pub(super) fn by_words(refusal: Refusal, reason: &str) -> &'static str {
    let says = |words: &str| reason.to_lowercase().contains(words);
    match refusal {
        Refusal::Protobuf => DAMAGED,
        Refusal::NotImplemented => OPTIMISED,
        Refusal::Graph if says("no op registered") => {
            "the graph has operators that this ONNX Runtime lacks: install a newer one, or use a plain export \
             (optimum-cli export onnx)"
        }
        Refusal::Graph | Refusal::NoSuchFile => AGAIN,
        Refusal::Other if says("ir version") || says("opset") => NEWER,
        Refusal::Other if says("have a graph") || says("no graph") => DAMAGED,
        Refusal::Other if says("absolute path") || (says("escapes") && says("../")) => OUTSIDE,
        Refusal::Other if says("escapes") => LINKED,
        Refusal::Other if says("not a registered function") => {
            "the graph has operators of somebody's own, which no library is loaded for: use a plain export \
             (optimum-cli export onnx)"
        }
        Refusal::Other if says("external") => {
            "its weights' file is cut short or of another graph: download both again"
        }
        Refusal::Other if says("memory") || says("allocat") => {
            "there is too little memory: use an fp16 export or another device"
        }
        Refusal::Other => AGAIN,
    }
}

fn problem(file: &Path, what: String, remedy: &str) -> Problem {
    Problem { file: file.to_path_buf(), what, remedy: remedy.to_owned() }
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ONNX Runtime 1.20.1, 1.24.1, 1.24.4 and 1.32.0 say it.
    #[test]
    fn the_remedy_fits_onnx_runtimes_own_words() {
        let escapes = "External data path validation failed for initializer: w. Error: tensorprotoutils.cc:346 \
            ValidateExternalDataPath External data path: \"model.onnx_data\" escapes model directory: \"o\"";
        let both = "External data path: \"model.onnx_data\" (resolved path: \"/a/b\") escapes both model directory: \"o\" and \
            real model directory: \"/t/o\"";
        let newest = "External data path escapes model directory. External data path: \"../w\" resolved path: \"/t/w\"";
        let absolute =
            "ValidateExternalDataPath Absolute paths not allowed for external data location";
        for (refusal, reason, word) in [
            (
                Refusal::Other,
                "Unsupported model IR version: 99, max supported IR version: 13",
                "newer",
            ),
            (
                Refusal::Other,
                "ONNX Runtime only *guarantees* support for … Opset 99 is under development",
                "newer",
            ),
            (Refusal::Other, "ModelProto does not have a graph.", "damaged"),
            (Refusal::Other, "Load model failed:No graph was found in the protobuf.", "damaged"),
            (
                Refusal::Protobuf,
                "Load model from m.onnx failed:Protobuf parsing failed.",
                "damaged",
            ),
            (
                Refusal::NotImplemented,
                "Failed to find kernel for com.microsoft.GroupNorm(1)",
                "cuda",
            ),
            (
                Refusal::Graph,
                "Error No Op registered for Nonsense with domain_version of 17",
                "newer one",
            ),
            (
                Refusal::Other,
                "my.domain:MatMul(-1) is not a registered function/op",
                "somebody's own",
            ),
            (Refusal::Other, escapes, "cp -rL"),
            (Refusal::Other, both, "cp -rL"),
            (Refusal::Other, newest, "outside the graph's folder"),
            (Refusal::Other, absolute, "outside the graph's folder"),
            (
                Refusal::Other,
                "GetExtDataFromTensorProto External initializer: w offset: 0",
                "cut short",
            ),
            (Refusal::Other, "std::bad_alloc: Failed to allocate memory", "too little memory"),
        ] {
            let remedy = by_words(refusal, reason);
            assert!(remedy.contains(word), "{reason}: {remedy}");
        }
    }

    #[test]
    fn the_file_at_fault_is_named_whatever_its_name() {
        let field = |number: u8, content: &[u8]| {
            [&[number << 3 | 2, content.len() as u8][..], content].concat()
        };
        let entry = |key: &str, value: &str| {
            field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
        };
        for location in ["model.onnx_data", "weights.pb", "sub/w.bin", "../beside.bin"] {
            let dir = tempfile::tempdir().unwrap();
            let graph = dir.path().join("unet/model.onnx");
            std::fs::create_dir_all(dir.path().join("unet/sub")).unwrap();
            let tensor =
                [entry("location", location), entry("offset", "4096"), entry("length", "100")];
            std::fs::write(&graph, field(7, &field(5, &tensor.concat()))).unwrap();
            let weights = dir.path().join("unet").join(location);
            let said = || by_files(&graph).map(|p| (p.file, format!("{}; {}", p.what, p.remedy)));
            let expect = |word: &str| {
                let (file, text) = said().unwrap();
                assert_eq!(file, weights);
                assert!(text.contains(word), "{location}: {text}");
            };
            expect("missing, and model.onnx refers to it");
            std::fs::write(&weights, "version https://git-lfs.github.com/spec/v1\n").unwrap();
            expect("git lfs pull");
            std::fs::write(&weights, [0; 4195]).unwrap();
            expect("it has 4195 bytes, and model.onnx needs 4196; it is cut short");
            std::fs::write(&weights, [0; 4196]).unwrap();
            assert_eq!(said(), None);
            std::fs::remove_file(&weights).unwrap();
            std::os::unix::fs::symlink("../blobs/gone", &weights).unwrap();
            expect("a link to ../blobs/gone");
            std::fs::remove_file(&weights).unwrap();
            std::os::unix::fs::symlink(weights.file_name().unwrap(), &weights).unwrap();
            expect("who may read it");
            std::fs::write(&graph, "").unwrap();
            assert!(said().unwrap().1.contains("empty; the file is damaged"));
        }
    }
}
