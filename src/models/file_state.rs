//! Whether a file can be read, and if not, why, told by what the system says.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::error::DiffusionError;

/// What every Git LFS pointer begins with.
pub(super) const LFS_HEADER: &[u8] = b"version https://git-lfs";

/// Why a file can't be used, before its content is understood.
#[derive(Debug)]
pub(super) enum Unusable {
    /// There is none.
    Missing,
    /// There is a link in its place, to where nothing is.
    LinkToNothing(PathBuf),
    /// There is a folder in its place, or something else that is no file.
    NoFile,
    /// A version-control system left a pointer to its content.
    LfsPointer,
    /// The system won't give it: permissions, most often.
    Unreadable(std::io::Error),
}

/// Opens the file and reads its first bytes; answers with its length.
pub(super) fn look(path: &Path) -> Result<u64, Unusable> {
    let about = std::fs::metadata(path).map_err(|error| refused(path, error))?;
    if !about.is_file() {
        return Err(Unusable::NoFile);
    }
    let mut header = Vec::new();
    let file = File::open(path).map_err(|error| refused(path, error))?;
    let read = file.take(LFS_HEADER.len() as u64).read_to_end(&mut header);
    read.map_err(|error| refused(path, error))?;
    if header == LFS_HEADER { Err(Unusable::LfsPointer) } else { Ok(about.len()) }
}

/// Why `path`, where a model's folder should be, is none.
pub(super) fn check_folder(path: &Path) -> Result<(), DiffusionError> {
    let no_folder = |reason: String| DiffusionError::NoFolder { path: path.to_path_buf(), reason };
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => Ok(()),
        Ok(_) => Err(no_folder("this is a file: name the folder of an exported model".to_owned())),
        Err(error) if is_absent(&error) => Err(no_folder(
            "there is no such folder; a model of the hub is named hf://OWNER/NAME (docs/hub.md), and is exported first where it \
             has no ONNX files (docs/models.md)"
                .to_owned(),
        )),
        Err(source) => Err(DiffusionError::Unreadable { path: path.to_path_buf(), source }),
    }
}

/// For `map_err`: a file that should have been read.
pub(super) fn unread(
    path: &Path,
    expected: &'static str,
) -> impl FnOnce(std::io::Error) -> DiffusionError {
    move |error| refused(path, error).into_error(path, expected)
}

impl Unusable {
    /// The error that this is of a model's file.
    pub(super) fn into_error(self, path: &Path, expected: &'static str) -> DiffusionError {
        let path = path.to_path_buf();
        let unreadable = |text: String| std::io::Error::other(text);
        match self {
            Self::Missing => DiffusionError::MissingFile { path, expected },
            Self::LfsPointer => DiffusionError::LfsPointer { path },
            Self::Unreadable(source) => DiffusionError::Unreadable { path, source },
            other => DiffusionError::Unreadable { path, source: unreadable(other.to_string()) },
        }
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("it is missing"),
            Self::LinkToNothing(target) => {
                write!(f, "it is a link to {}, which is not there", target.display())
            }
            Self::NoFile => f.write_str("there is no file but a folder in its place"),
            Self::LfsPointer => f.write_str("it is a Git LFS pointer, not the file itself"),
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

fn refused(path: &Path, error: std::io::Error) -> Unusable {
    if !is_absent(&error) {
        return Unusable::Unreadable(error);
    }
    match std::fs::read_link(path) {
        Ok(target) => Unusable::LinkToNothing(target),
        Err(_) => Unusable::Missing,
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_reason_is_told_apart_by_what_the_system_says() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("good"), "a graph").unwrap();
        std::fs::write(at("pointer"), "version https://git-lfs.github.com/spec/v1\n").unwrap();
        symlink("../blobs/gone", at("hub")).unwrap();
        symlink("ring", at("ring")).unwrap();
        assert_eq!(look(&at("good")).unwrap(), 7);
        let said = |name: &str| look(&at(name)).unwrap_err().to_string();
        assert_eq!(said("gone"), "it is missing");
        assert_eq!(said("good/below"), "it is missing");
        assert_eq!(said("hub"), "it is a link to ../blobs/gone, which is not there");
        assert_eq!(said("."), "there is no file but a folder in its place");
        assert!(said("pointer").contains("Git LFS pointer"));
        // An error that is neither of absence nor of permission, and that root meets too.
        assert!(matches!(look(&at("ring")), Err(Unusable::Unreadable(_))));
        let error = look(&at("ring")).unwrap_err().into_error(&at("ring"), "a graph");
        assert!(matches!(error, DiffusionError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_name_of_the_hub_is_no_folder() {
        let error =
            check_folder(Path::new("stabilityai/stable-diffusion-xl-base-1.0")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("no such folder") && text.contains("docs/models.md"), "{text}");
        assert!(check_folder(Path::new(".")).is_ok());
    }
}
