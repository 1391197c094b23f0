//! Sample keys from file names.

use std::path::Path;

/// The key of a file of `class`: its name up to the last dot, with the class in front where it
/// isn't yet (Places365 has the same names in every folder, ImageNet none twice). What would end a
/// key or hide a sample from a reader (dots, slashes, white space) becomes `_`.
pub(super) fn sample_key(path: &Path, class: &str) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let (stem, class) = (plain(&stem), plain(class));
    let named = stem.strip_prefix(&class).is_some_and(|rest| rest.starts_with(['_', '-']));
    let key = if named { stem } else { format!("{class}_{stem}") };
    // Readers take names with two underscores in front for metadata.
    match key.strip_prefix("__") {
        Some(rest) => format!("_{}", rest.trim_start_matches('_')),
        None => key,
    }
}

/// The member's extension: lower case, every JPEG's the same.
pub(super) fn extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    Some(match extension.as_str() {
        "jpeg" | "jpe" => "jpg".to_owned(),
        "tif" => "tiff".to_owned(),
        _ => extension,
    })
}

fn plain(text: &str) -> String {
    let unfit = |c: char| c == '.' || c == '/' || c.is_whitespace() || c.is_control();
    text.chars().map(|c| if unfit(c) { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_the_class_once_and_nothing_that_ends_them() {
        let key = |path: &str, class| sample_key(Path::new(path), class);
        assert_eq!(key("n01440764/n01440764_18.JPEG", "n01440764"), "n01440764_18");
        assert_eq!(key("abbey/00000001.jpg", "abbey"), "abbey_00000001");
        assert_eq!(key("a/ab.jpg", "a"), "a_ab");
        assert_eq!(key("x/my pic.v2.png", "great white.shark"), "great_white_shark_my_pic_v2");
        assert_eq!(key("x/__a.png", "__"), "_a");
    }

    #[test]
    fn extensions_are_lower_case_and_one_for_jpeg() {
        let of = |path: &str| extension(Path::new(path));
        assert_eq!(of("a.JPEG").as_deref(), Some("jpg"));
        assert_eq!(of("a.b.PNG").as_deref(), Some("png"));
        assert_eq!(of("README"), None);
    }
}
