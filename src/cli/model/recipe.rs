//! The commands of an export, as data: what `--dry-run` prints is what is run.

use crate::slurm::shell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Packages of the environment beside torch. These versions export every family that this program samples.
const PACKAGES: [&str; 7] = [
    "optimum-onnx[onnxruntime]==0.1.0",
    "diffusers==0.35.2",
    "transformers==4.57.6",
    "accelerate==1.11.0",
    "onnx==1.19.1",
    "onnxruntime==1.23.2",
    "numpy==2.2.6",
];
const TORCH: &str = "torch==2.8.0";
/// Where torch without CUDA is; the registry's own has CUDA and is three gigabytes larger.
pub(super) const CPU_TORCH: &str = "https://download.pytorch.org/whl/cpu";
/// Python versions that these packages exist for.
pub(super) const PYTHONS: std::ops::RangeInclusive<u32> = 10..=13;

/// Prints the class of a model's pipeline.
const CLASS: &str = "\
import sys
from diffusers import DiffusionPipeline
print(DiffusionPipeline.load_config(sys.argv[1])['_class_name'])
";

/// The exporter compares its graphs with torch's to 1e-5, which half precision can't keep, and ends with an error though all
/// is written. Our own check follows.
const HALF_TOLERANCE: [&str; 2] = ["--atol", "10"];

/// Element type of the exported graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Dtype {
    Fp16,
    Fp32,
}

impl Dtype {
    fn name(self) -> &'static str {
        match self {
            Self::Fp16 => "fp16",
            Self::Fp32 => "fp32",
        }
    }

    /// Bytes of a weight.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::Fp16 => 2,
            Self::Fp32 => 4,
        }
    }
}

/// A command with what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// In words, for the user.
    pub(super) what: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
}

impl Step {
    pub(super) fn new<T: Into<OsString>>(
        what: impl Into<String>,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { what: what.into(), program: program.into(), arguments }
    }

    /// As a line of a shell.
    pub(super) fn line(&self) -> String {
        let words = std::iter::once(self.program.as_os_str())
            .chain(self.arguments.iter().map(AsRef::as_ref));
        let words: Vec<String> =
            words.map(|word| shell(&word.to_string_lossy()).into_owned()).collect();
        words.join(" ")
    }
}

/// What the environment consists of: another list is another environment.
pub(super) fn packages(torch_index: &str) -> String {
    format!("{TORCH} from {torch_index}, {}", PACKAGES.join(", "))
}

/// The commands that make the environment in `folder`, with `uv` or, without it, with `python`.
pub(super) fn environment(
    folder: &Path,
    uv: Option<&Path>,
    python: &Path,
    index: &str,
) -> Vec<Step> {
    let own = interpreter(folder);
    let make = "make a Python environment";
    let (make, install): (Step, Vec<OsString>) = match uv {
        Some(uv) => {
            let range = format!(">=3.{},<3.{}", PYTHONS.start(), PYTHONS.end() + 1);
            let make = Step::new(
                make,
                uv,
                ["venv".into(), "--python".into(), range.into(), folder.as_os_str().to_owned()],
            );
            (make, vec![uv.into(), "pip".into(), "install".into(), "--python".into(), own.into()])
        }
        None => {
            let make = Step::new(
                make,
                python,
                ["-m".into(), "venv".into(), folder.as_os_str().to_owned()],
            );
            (make, vec![own.into(), "-m".into(), "pip".into(), "install".into()])
        }
    };
    let install = |what: &str, packages: &[&str]| {
        let mut words = install.iter().cloned();
        let program = PathBuf::from(words.next().unwrap_or_default());
        Step::new(what, program, words.chain(packages.iter().map(OsString::from)))
    };
    let mut torch = vec![TORCH];
    if index != "default" {
        torch.extend(["--index-url", index]);
    }
    vec![make, install("install torch", &torch), install("install the exporter", &PACKAGES)]
}

/// The Python of the environment in `folder`.
pub(super) fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

/// The command that prints the class of a model's pipeline.
pub(super) fn class_of(python: &Path, name: &str) -> Step {
    Step::new("look at the model", python, ["-c", CLASS, name])
}

/// The command that exports the model in `source`, of the pipeline `class`, to `out`.
pub(super) fn export(python: &Path, source: &str, class: &str, dtype: Dtype, out: &Path) -> Step {
    // A refiner's pipeline starts from an image.
    let task = if class.contains("Img2Img") { "image-to-image" } else { "text-to-image" };
    let mut words: Vec<OsString> =
        ["export", "onnx", "-m", source, "--task", task].map(Into::into).into();
    words.extend(["--dtype", dtype.name()].map(OsString::from));
    if dtype == Dtype::Fp16 {
        words.extend(HALF_TOLERANCE.map(OsString::from));
    }
    words.push(out.into());
    Step::new("export the graphs", python.with_file_name("optimum-cli"), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_of_the_documentation() {
        let python = Path::new("/e/bin/python");
        let line = |class| export(python, "a b", class, Dtype::Fp16, Path::new("out")).line();
        let text = "/e/bin/optimum-cli export onnx -m 'a b' --task text-to-image --dtype fp16 --atol 10 out";
        assert_eq!(line("StableDiffusionXLPipeline"), text);
        assert!(line("StableDiffusionXLImg2ImgPipeline").contains("--task image-to-image"));
        let with = |uv: Option<&Path>, index| {
            environment(Path::new("/e"), uv, Path::new("python3"), index)
        };
        let lines: Vec<String> = with(None, CPU_TORCH).iter().map(Step::line).collect();
        assert_eq!(lines[0], "python3 -m venv /e");
        assert!(
            lines[1].starts_with("/e/bin/python -m pip install torch==")
                && lines[1].ends_with("/whl/cpu")
        );
        assert!(lines[2].contains("optimum-onnx"), "{lines:?}");
        let lines: Vec<String> =
            with(Some(Path::new("uv")), "default").iter().map(Step::line).collect();
        assert_eq!(lines[0], "uv venv --python '>=3.10,<3.14' /e");
        assert!(lines[1].starts_with("uv pip install --python /e/bin/python torch=="), "{lines:?}");
        assert!(!lines[1].contains("index-url"));
    }
}
