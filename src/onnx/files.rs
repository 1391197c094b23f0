//! Recognising ONNX Runtime libraries among other files.

use std::path::{Path, PathBuf};

/// ONNX Runtime libraries in `folder` and at most `depth` levels below, newest name first.
pub(super) fn libraries_under(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect_libraries(folder, depth, &mut found);
    found.sort_by_key(|path| (std::cmp::Reverse(version_in_name(path)), path.clone()));
    found
}

fn collect_libraries(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            // Links are followed; the depth keeps a loop of them finite.
            if depth > 0 {
                collect_libraries(&path, depth - 1, found);
            }
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(is_library_name) {
            found.push(path);
        }
    }
}

/// `libonnxruntime.so`, `libonnxruntime.so.1.24.1`, `libonnxruntime.1.24.1.dylib`,
/// `onnxruntime.dll`, but none of the `onnxruntime_providers_*` beside them.
fn is_library_name(name: &str) -> bool {
    name == "onnxruntime.dll"
        || name.starts_with("libonnxruntime.so")
        || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
}

fn version_in_name(path: &Path) -> Vec<u32> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split('.').filter_map(|part| part.parse().ok()).collect()
}
