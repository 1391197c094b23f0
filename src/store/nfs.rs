//! Network file systems whose clients remember what a folder held.

use super::error::StoreError;
use super::temporary::temporary;
use std::fs::File;
use std::path::Path;

/// Has the next listing of `folder` go to the server. An NFS client remembers for half a minute which names a folder does
/// not have, unless it has changed the folder itself: so that two processes that each leave a record and then look for
/// the other's could both see none. A file is made and removed; making is asked of the server, and tells the client that
/// the folder is another one than it remembers.
///
/// # Errors
/// If a file can't be made there.
pub(super) fn refresh_folder(folder: &Path) -> Result<(), StoreError> {
    let path = temporary(&folder.join("look"));
    let made = File::options().write(true).create_new(true).open(&path);
    made.map_err(StoreError::io("create", &path))?;
    std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))
}
