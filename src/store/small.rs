//! Small files that several processes share: notes and claims. They inform and coordinate; nothing is lost with them, so
//! they are not made durable, but each is whole for whoever reads it.

use super::error::StoreError;
use super::run_dir::RunDir;
use super::team::RHYTHM;
use super::temporary::temporary;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// By then, all that found the same worker dead have put their own in its place.
const SETTLES: Duration = Duration::from_secs(1);

impl RunDir {
    /// The content of a file, as it is now; `None` where there is none.
    pub(super) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(far) = self.far() {
            return far.bucket.get(name).map_err(self.failed("read", name));
        }
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("read", &path)(e)),
        }
    }

    /// As [`RunDir::get`], of many files, in order.
    pub(super) fn get_many(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        match self.far() {
            // All at once: one by one, a server's answers would take minutes where there are thousands.
            Some(far) => {
                let folder = names.first().and_then(|name| name.rsplit_once('/'));
                let folder = folder.map_or("", |(folder, _)| folder);
                far.get_all(names).map_err(self.failed("read", folder))
            }
            None => names.iter().map(|name| self.get(name)).collect(),
        }
    }

    /// Writes a file, in place of one that may be there.
    pub(super) fn put(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        if let Some(far) = self.far() {
            return far.bucket.put(name, content).map_err(self.failed("write", name));
        }
        let path = self.path(name);
        let temporary = prepare(&path, content)?;
        std::fs::rename(&temporary, &path).map_err(|error| {
            let _ = std::fs::remove_file(&temporary);
            StoreError::io("rename to", &path)(error)
        })
    }

    /// Writes a file where there is none; `false` where there is one. One of several processes that try at once succeeds.
    pub(super) fn put_new(&self, name: &str, content: &[u8]) -> Result<bool, StoreError> {
        if let Some(far) = self.far() {
            return far.bucket.put_new(name, content).map_err(self.failed("create", name));
        }
        let path = self.path(name);
        if path.exists() {
            return Ok(false);
        }
        let temporary = prepare(&path, content)?;
        // A link, unlike a rename, fails where the name is taken; and the file is whole from the first moment.
        let linked = match std::fs::hard_link(&temporary, &path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
            // A file system without links.
            Err(_) => make_new(&path, content),
        };
        let _ = std::fs::remove_file(&temporary);
        linked.map_err(StoreError::io("create", &path))
    }

    /// Removes a file; one that is not there is as good.
    pub(super) fn delete(&self, name: &str) -> Result<(), StoreError> {
        if let Some(far) = self.far() {
            return far.bucket.delete(name).map_err(self.failed("remove", name));
        }
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(StoreError::io("remove", &path)(e)),
            _ => Ok(()),
        }
    }

    /// Names in a folder, in order; none where there is no folder. Folders in it are left out.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        if let Some(far) = self.far() {
            return far.names(folder).map_err(self.failed("list", folder));
        }
        let path = self.path(folder);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(StoreError::io("list", &path)(e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(StoreError::io("list", &path))?.file_name();
            names.push(name.to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// What a file says a moment after it was put in place of a dead worker's, which several may do at once: the last of
    /// them has it. `None` where that can't be told, or need not, as in a folder.
    pub(super) fn settled(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.is_far() {
            return Ok(None);
        }
        std::thread::sleep(SETTLES);
        self.get(name)
    }

    /// How often a worker shows that it lives, and how long one must stand still to be dead.
    pub(super) fn rhythm(&self) -> (Duration, Duration) {
        // Each beat costs a request.
        if self.is_far() { (Duration::from_secs(15), RHYTHM.1) } else { RHYTHM }
    }

    /// For `map_err`: a failure of the object store at `name`.
    pub(super) fn failed(
        &self,
        action: &'static str,
        name: &str,
    ) -> impl FnOnce(std::io::Error) -> StoreError {
        let path = std::path::PathBuf::from(format!("{self}/{name}"));
        move |source| StoreError::Io { action, path, source }
    }
}

fn prepare(path: &Path, content: &[u8]) -> Result<std::path::PathBuf, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
    }
    let temporary = temporary(path);
    match std::fs::write(&temporary, content) {
        Ok(()) => Ok(temporary),
        Err(error) => {
            // A full disk lets it be made and not written: one a heartbeat would stay.
            let _ = std::fs::remove_file(&temporary);
            Err(StoreError::io("write", &temporary)(error))
        }
    }
}

fn make_new(path: &Path, content: &[u8]) -> std::io::Result<bool> {
    match std::fs::File::options().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            let written = std::io::Write::write_all(&mut file, content).map(|()| true);
            // It would stay as nobody's.
            written.inspect_err(|_| drop(std::fs::remove_file(path)))
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e),
    }
}
