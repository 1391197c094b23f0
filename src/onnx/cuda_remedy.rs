//! What to do where a build with CUDA can't use it. ONNX Runtime has one code for all that can go wrong there, so the
//! dynamic linker's words have to tell which library is not there.

/// NVIDIA's libraries by what their names begin with, and the Python package that has each; `-cuN` is added for CUDA 12.
const PACKAGES: [(&str, &str); 8] = [
    ("libcublas", "nvidia-cublas"),
    ("libcudart", "nvidia-cuda-runtime"),
    ("libcufft", "nvidia-cufft"),
    ("libcurand", "nvidia-curand"),
    ("libnvrtc", "nvidia-cuda-nvrtc"),
    ("libnvJitLink", "nvidia-nvjitlink"),
    ("libcudnn", "nvidia-cudnn"),
    ("libnv", "tensorrt"),
];

/// What to do about what ONNX Runtime `said`; `version` is its own.
pub(super) fn remedy(said: &str, version: &str) -> String {
    let Some(library) = missing_library(said) else {
        return "see with `nvidia-smi` whether the card and its driver work".to_owned();
    };
    if library.starts_with("libcuda.so") {
        return format!("install NVIDIA's driver, which has {library}");
    }
    let known = PACKAGES.iter().find(|(beginning, _)| library.starts_with(beginning));
    let Some((_, package)) = known else {
        return format!("install {library}");
    };
    let from = match (*package, cuda_of(library)) {
        ("tensorrt", _) => {
            return format!("install TensorRT 10, which has {library} (pip install tensorrt)");
        }
        ("nvidia-cudnn", _) => "cuDNN 9".to_owned(),
        (_, Some(cuda)) => format!("CUDA {cuda}"),
        (_, None) => "CUDA".to_owned(),
    };
    let package = match (*package, cuda_of(library)) {
        (package, Some(12)) => format!("{package}-cu12"),
        (package @ "nvidia-cudnn", _) => format!("{package}-cu12 or -cu13"),
        (package, _) => package.to_owned(),
    };
    format!(
        "install {library} of {from} (Python package {package}; all that is needed comes with \
         pip install --target .onnxruntime \"onnxruntime-gpu[cuda,cudnn]=={version}\"; \
         a build for one CUDA version can't use another's)"
    )
}

/// The line that says it, without the places in ONNX Runtime's own sources.
pub(super) fn short(said: &str) -> String {
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let own = line.rfind("Failed to load library").or_else(|| line.rfind("CUDA failure"));
    own.map_or(line, |at| &line[at..]).to_owned()
}

/// The library that the linker did not find: `libcublasLt.so.12` of
/// `libcublasLt.so.12: cannot open shared object file: No such file or directory`.
fn missing_library(said: &str) -> Option<&str> {
    let (before, _) = said.split_once(": cannot open shared object file")?;
    before.rsplit(|c: char| c.is_whitespace() || c == '/').next().filter(|name| !name.is_empty())
}

/// The CUDA version that a library of this name is of, by the number in it.
fn cuda_of(library: &str) -> Option<u32> {
    let number = library.rsplit('.').next()?.parse().ok()?;
    match number {
        // cuFFT counts one behind.
        11 | 12 if library.starts_with("libcufft") => Some(number + 1),
        12 | 13 if !library.starts_with("libcudnn") => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1957 onnxruntime::Provider& \
        onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library \
        /x/capi/libonnxruntime_providers_cuda.so with error: LIB: cannot open shared object file: No such file or \
        directory\n";

    #[test]
    fn the_missing_library_its_package_and_its_cuda_are_named() {
        for (library, names) in [
            ("libcublasLt.so.12", ["CUDA 12", "nvidia-cublas-cu12"]),
            ("libcublasLt.so.13", ["CUDA 13", "package nvidia-cublas;"]),
            ("libcufft.so.11", ["CUDA 12", "nvidia-cufft-cu12"]),
            ("libcufft.so.12", ["CUDA 13", "package nvidia-cufft;"]),
            ("libcudart.so.12", ["CUDA 12", "nvidia-cuda-runtime-cu12"]),
            ("libcudnn.so.9", ["cuDNN 9", "nvidia-cudnn-cu12 or -cu13"]),
            ("libcurand.so.10", ["of CUDA ", "nvidia-curand;"]),
        ] {
            let said = remedy(&SAID.replace("LIB", library), "1.24.4");
            assert!(said.contains(library), "{said}");
            assert!(names.iter().all(|name| said.contains(name)), "{library}: {said}");
            assert!(said.contains("onnxruntime-gpu[cuda,cudnn]==1.24.4"), "{said}");
            assert!(!said.contains("CUDA build"), "{said}");
        }
        let tensorrt = remedy(&SAID.replace("LIB", "libnvinfer.so.10"), "1.24.4");
        assert!(tensorrt.contains("pip install tensorrt"), "{tensorrt}");
        assert!(remedy(&SAID.replace("LIB", "libcuda.so.1"), "1.24.4").contains("driver"));
    }

    #[test]
    fn other_failures_are_the_drivers() {
        assert!(
            remedy("CUDA failure 100: no CUDA-capable device is detected", "1.24.4")
                .contains("nvidia-smi")
        );
        let said = short(&SAID.replace("LIB", "libcublasLt.so.12"));
        assert!(
            said.starts_with("Failed to load library /x/capi/") && said.ends_with("directory"),
            "{said}"
        );
    }
}
