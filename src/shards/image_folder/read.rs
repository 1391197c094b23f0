//! An image file's bytes.

use crate::imaging::extension_of;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The image's bytes as they are, and its extension: `extension`, or what its content tells where that is empty. An empty file is no image; what is no file at all is not opened: a FIFO
/// would wait for who writes into it, a device may never end.
pub(crate) fn read(path: &Path, extension: &str) -> Result<(Vec<u8>, String), String> {
    let about = fs::metadata(path).map_err(|error| error.to_string())?;
    let kind = about.file_type();
    if !kind.is_file() {
        let what = match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_fifo() => "a named pipe",
            () if kind.is_socket() => "a socket",
            () => "a device",
        };
        return Err(format!("it is {what}, no file"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if !extension.is_empty() {
        return Ok((bytes, extension.to_owned()));
    }
    match extension_of(&bytes) {
        Some(extension) => Ok((bytes, extension.to_owned())),
        None => Err("its name has no ending, and its content is no known image".to_owned()),
    }
}
