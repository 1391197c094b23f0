//! Loading NVIDIA's libraries from Python wheels before a CUDA graph is opened.
//!
//! ONNX Runtime's CUDA provider finds its libraries by bare name. Installed with pip they lie in
//! folders that the dynamic linker doesn't search; once loaded by full path, in an order that
//! puts each before its dependents, they are found. Layouts: CUDA 12 has a folder per library
//! (`nvidia/cublas/lib`), CUDA 13 one for all (`nvidia/cu13/lib`), cuDNN its own in both.

use std::path::{Path, PathBuf};

/// Name, folder in the CUDA 12 layout, sonames for CUDA 13 and 12; each after what it depends on.
const LIBRARIES: [(&str, &str, &[u32]); 7] = [
    ("libcublasLt.so", "cublas", &[13, 12]),
    ("libcublas.so", "cublas", &[13, 12]),
    ("libnvrtc.so", "cuda_nvrtc", &[13, 12]),
    ("libcurand.so", "curand", &[10]),
    ("libcufft.so", "cufft", &[12, 11]),
    ("libcudart.so", "cuda_runtime", &[13, 12]),
    // Its own parts are loaded by itself, from the folder it lies in.
    ("libcudnn.so", "cudnn", &[9]),
];

/// TensorRT's own, which its wheels put into `tensorrt_libs/` beside `nvidia/`; CUDA's come first.
const TENSORRT: [&str; 3] =
    ["libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10"];

/// One library and what came of loading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preloaded {
    /// Its path.
    pub path: PathBuf,
    /// Why it could not be loaded, if so.
    pub problem: Option<String>,
}

/// NVIDIA's libraries under `roots` (folders named `nvidia` of Python's site-packages), in the
/// order to load them. For each library and version the first root that has it counts; both CUDA
/// 12's and 13's are listed when both are installed, since their names differ.
pub fn nvidia_libraries(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (name, folder, versions) in LIBRARIES {
        for version in versions {
            let file = format!("{name}.{version}");
            let places = [format!("{folder}/lib"), "cu13/lib".to_owned(), "cu12/lib".to_owned()];
            let candidates = roots
                .iter()
                .flat_map(|root| places.iter().map(move |place| root.join(place)))
                .map(|place| place.join(&file));
            found.extend(candidates.into_iter().find(|path| path.is_file()));
        }
    }
    found
}

/// TensorRT's libraries beside the same `roots`, in the order to load them.
pub fn tensorrt_libraries(roots: &[PathBuf]) -> Vec<PathBuf> {
    let places = || roots.iter().map(|root| root.with_file_name("tensorrt_libs"));
    let find = |name| places().map(|place| place.join(name)).find(|path| path.is_file());
    TENSORRT.into_iter().filter_map(find).collect()
}

/// Loads `libraries` for the life of the process. Failures are reported, not fatal: they may also
/// be installed system-wide.
pub(super) fn preload(libraries: Vec<PathBuf>) -> Vec<Preloaded> {
    let load = |path: PathBuf| {
        let problem = ort::util::preload_dylib(&path).err().map(|error| error.to_string());
        Preloaded { path, problem }
    };
    libraries.into_iter().map(load).collect()
}

/// Loads the cuDNN that ONNX Runtime 1.`minor` uses, by name: one that was preloaded, or that the
/// system has. Elsewhere than on Linux it is not looked for.
///
/// # Errors
/// The dynamic linker's words.
pub(super) fn load_cudnn(minor: u32) -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let name = if minor < 19 { "libcudnn.so.8" } else { "libcudnn.so.9" };
    ort::util::preload_dylib(name).map_err(|error| error.to_string())
}

/// Folders `nvidia` that belong to the ONNX Runtime at `library`: pip puts
/// `onnxruntime/capi/libonnxruntime.so` and `nvidia/` side by side.
pub(super) fn roots_beside(library: &Path) -> Vec<PathBuf> {
    library.ancestors().skip(1).take(4).map(|folder| folder.join("nvidia")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn put(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    fn relative(root: &Path, paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn tensorrt_lies_beside_nvidias_folder() {
        let root = tempfile::tempdir().unwrap();
        put(
            root.path(),
            &["tensorrt_libs/libnvonnxparser.so.10", "tensorrt_libs/libnvinfer.so.10"],
        );
        let paths = tensorrt_libraries(&[root.path().join("other"), root.path().join("nvidia")]);
        let expected = ["tensorrt_libs/libnvinfer.so.10", "tensorrt_libs/libnvonnxparser.so.10"];
        assert_eq!(relative(root.path(), &paths), expected);
    }

    #[test]
    fn cuda_12_wheels_are_listed_in_dependency_order() {
        let root = tempfile::tempdir().unwrap();
        put(
            root.path(),
            &[
                "nvidia/cudnn/lib/libcudnn.so.9",
                "nvidia/cudnn/lib/libcudnn_ops.so.9",
                "nvidia/cuda_runtime/lib/libcudart.so.12",
                "nvidia/cufft/lib/libcufft.so.11",
                "nvidia/curand/lib/libcurand.so.10",
                "nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
                "nvidia/cublas/lib/libcublas.so.12",
                "nvidia/cublas/lib/libcublasLt.so.12",
            ],
        );
        let paths = nvidia_libraries(&[root.path().join("nvidia")]);
        assert_eq!(
            relative(root.path(), &paths),
            [
                "nvidia/cublas/lib/libcublasLt.so.12",
                "nvidia/cublas/lib/libcublas.so.12",
                "nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
                "nvidia/curand/lib/libcurand.so.10",
                "nvidia/cufft/lib/libcufft.so.11",
                "nvidia/cuda_runtime/lib/libcudart.so.12",
                "nvidia/cudnn/lib/libcudnn.so.9",
            ]
        );
    }

    #[test]
    fn cuda_13_wheels_share_a_folder_and_the_first_root_wins() {
        let root = tempfile::tempdir().unwrap();
        put(
            root.path(),
            &[
                "a/nvidia/cu13/lib/libcudart.so.13",
                "a/nvidia/cudnn/lib/libcudnn.so.9",
                "b/nvidia/cu13/lib/libcudart.so.13",
                "b/nvidia/cu13/lib/libcublas.so.13",
                "b/nvidia/cu13/lib/libcufft.so.12",
            ],
        );
        let roots = ["missing", "a/nvidia", "b/nvidia"].map(|name| root.path().join(name));
        assert_eq!(
            relative(root.path(), &nvidia_libraries(&roots)),
            [
                "b/nvidia/cu13/lib/libcublas.so.13",
                "b/nvidia/cu13/lib/libcufft.so.12",
                "a/nvidia/cu13/lib/libcudart.so.13",
                "a/nvidia/cudnn/lib/libcudnn.so.9",
            ]
        );
    }

    #[test]
    fn the_nvidia_folder_beside_the_package_is_among_the_roots() {
        let roots = roots_beside(Path::new("/env/site/onnxruntime/capi/libonnxruntime.so.1.24.1"));
        assert!(roots.contains(&PathBuf::from("/env/site/nvidia")), "{roots:?}");
    }
}
