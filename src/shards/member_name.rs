//! How a member's name splits into sample key and extension.
//!
//! WebDataset's rule: the key is the folder plus the basename up to its *first* dot, the rest is
//! the extension. A dot in a folder's name does not count.

/// Folders that systems and programs make beside the user's: one list for what is read and what is packed.
const SYSTEM_FOLDERS: [&str; 16] = [
    "__MACOSX",
    "@eaDir",
    "@Recycle",
    "@Recently-Snapshot",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "RECYCLER",
    "RECYCLED",
    "System Volume Information",
    "FOUND.000",
    "lost+found",
    "Network Trash Folder",
    "Temporary Items",
    "__pycache__",
    "node_modules",
];

/// A member's name, split.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SplitName<'a> {
    /// Folder and basename up to the first dot.
    pub key: &'a str,
    /// The rest after that dot, as written.
    pub extension: &'a str,
}

/// Splits a member's name, or `None` where the member belongs to no sample: metadata
/// (`__x__`), a hidden file (macOS `._x`) or one in a folder of the system's, a name without a dot.
pub(super) fn split_member_name(name: &str) -> Option<SplitName<'_>> {
    if is_metadata(name) || in_system_folder(name) {
        return None;
    }
    let base_start = name.rfind('/').map_or(0, |slash| slash + 1);
    let first_dot = name.get(base_start..)?.find('.')?;
    if first_dot == 0 {
        return None;
    }
    let (key, rest) = name.split_at_checked(base_start + first_dot)?;
    Some(SplitName { key, extension: rest.strip_prefix('.')? })
}

/// Whether the first part of the path is of the form `__x__`, which WebDataset keeps for itself.
pub(super) fn is_metadata(name: &str) -> bool {
    let first = name.split('/').next().unwrap_or(name);
    first.len() >= 4 && first.starts_with("__") && first.ends_with("__")
}

/// Whether a file lies in a folder that people don't see: of an editor, a file manager, a thumbnailer, a bin.
pub(super) fn in_system_folder(name: &str) -> bool {
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').any(is_system_folder)
}

/// Whether a folder of this name is none of the data set's: hidden, or made by a system beside the user's files.
pub(crate) fn is_system_folder(name: &str) -> bool {
    let hidden = name.starts_with('.') && !matches!(name, "." | "..");
    hidden || SYSTEM_FOLDERS.iter().any(|made| name.eq_ignore_ascii_case(made))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(name: &str) -> Option<(&str, &str)> {
        split_member_name(name).map(|s| (s.key, s.extension))
    }

    #[test]
    fn first_dot_of_the_basename_ends_the_key() {
        assert_eq!(split("a.jpg"), Some(("a", "jpg")));
        assert_eq!(split("a.seg.png"), Some(("a", "seg.png")));
        assert_eq!(split("v1.0/dir/a.b.JPG"), Some(("v1.0/dir/a", "b.JPG")));
        assert_eq!(split("./a.cls"), Some(("./a", "cls")));
        assert_eq!(split("é/ü.txt"), Some(("é/ü", "txt")));
        assert_eq!(split("a."), Some(("a", "")));
    }

    #[test]
    fn what_lies_in_a_folder_of_the_system_is_no_sample() {
        for name in [
            "cat/.ipynb_checkpoints/1-checkpoint.png",
            ".ipynb_checkpoints/1.png",
            "./.git/x.jpg",
            "cat/__MACOSX/1.png",
            "cat/@eaDir/1.jpg/SYNO.jpg",
            "$RECYCLE.BIN/1.png",
            "$Recycle.Bin/a/1.png",
            "cat/__pycache__/a.pyc",
        ] {
            assert_eq!(split(name), None, "{name}");
        }
        for name in ["./cat/1.png", "../cat/1.png", "@cat/1.png", "v.1/1.png", "__cat/1.png"] {
            assert!(split(name).is_some(), "{name}");
        }
    }

    #[test]
    fn files_of_no_sample() {
        for name in ["README", "a/._b.jpg", ".hidden", "__meta__", "__info__/x.json", "", "dir.x/"]
        {
            assert_eq!(split(name), None, "{name}");
        }
        assert_eq!(split("__a.jpg"), Some(("__a", "jpg")));
        assert_eq!(split("d/__a__.jpg"), Some(("d/__a__", "jpg")));
    }
}
