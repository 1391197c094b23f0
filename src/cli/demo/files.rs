//! The demo's files, out of the program itself: those of `pipelines/demo.toml`, `pipelines/demo/` and `models/demo/`.

use std::borrow::Cow;

/// Pairs of the name below the demo's folder and the content, of files of the repository.
macro_rules! files {
    ($($folder:literal as $name:literal: $($file:literal)*;)*) => {
        [$($((
            concat!($name, "/", $file),
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder, "/", $file)).as_slice(),
        ),)*)*]
    };
}

/// Data, class list and model.
const FILES: &[(&str, &[u8])] = &files! {
    "pipelines/demo" as "demo":
        "README.md" "classes.txt" "test-000000.tar.zst" "train-000000.tar.zst" "train-000001.tar.zst"
        "train-000002.tar.zst" "train-000003.tar.zst";
    "models/demo" as "models/demo":
        "README.md" "model_index.json" "scheduler/scheduler_config.json"
        "text_encoder/config.json" "text_encoder/model.onnx"
        "text_encoder_2/config.json" "text_encoder_2/model.onnx"
        "tokenizer/merges.txt" "tokenizer/special_tokens_map.json" "tokenizer/tokenizer_config.json"
        "tokenizer/vocab.json"
        "tokenizer_2/merges.txt" "tokenizer_2/special_tokens_map.json" "tokenizer_2/tokenizer_config.json"
        "tokenizer_2/vocab.json"
        "unet/config.json" "unet/model.onnx" "vae_decoder/config.json" "vae_decoder/model.onnx"
        "vae_encoder/config.json" "vae_encoder/model.onnx";
};

/// The pipeline file of the repository, which lies one folder lower than the demo's.
const PIPELINE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines/demo.toml"));

/// The pipeline file's name below the demo's folder.
pub(super) const PIPELINE_NAME: &str = "demo.toml";

/// Every file of the demo by its name below the demo's folder.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Cow<'static, [u8]>)> {
    let others = FILES.iter().map(|(name, content)| (*name, Cow::Borrowed(*content)));
    std::iter::once((PIPELINE_NAME, Cow::Owned(pipeline().into_bytes()))).chain(others)
}

/// The pipeline file for a folder that has the model and the runs beside the file, not above it.
fn pipeline() -> String {
    PIPELINE.replace("\"../", "\"").replace("`make demo`", "`coda-pipe run demo.toml`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_pipeline_is_among_the_files() {
        let text = pipeline();
        assert!(!text.contains("..\"") && !text.contains("\"../") && !text.contains("make demo"));
        let names: Vec<&str> = all().map(|(name, _)| name).collect();
        let model = "path = \"models/demo\"";
        assert!(text.contains(model) && text.contains("run_dir = \"runs/demo\""), "{text}");
        for name in ["demo.toml", "demo/classes.txt", "demo/train-000003.tar.zst"] {
            assert!(names.contains(&name), "{names:?}");
        }
    }

    #[test]
    fn no_file_of_the_model_is_left_out() {
        fn visit(folder: &std::path::Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => visit(&path, found),
                    false => found.push(path.to_str().unwrap().to_owned()),
                }
            }
        }
        let root = format!("{}/", env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        visit(std::path::Path::new(&format!("{root}models/demo")), &mut found);
        // The script that trained it is for a checkout.
        found.retain(|path| !path.ends_with(".py") && !path.contains("__pycache__"));
        let names: Vec<String> = all().map(|(name, _)| format!("{root}{name}")).collect();
        found.retain(|path| !names.contains(path));
        assert_eq!(found, [""; 0]);
    }
}
