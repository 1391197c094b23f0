//! A folder that is whole or absent: written beside its place, then renamed. For what a command leaves outside a run directory.

use super::atomic::sync_folder;
use super::disk::{CrashPoint, FileSystem, disk};
use super::error::StoreError;
use super::temporary::{Leftover, NO_RUN, temporary};
use std::path::{Path, PathBuf};

/// A folder being written. Dropped without [`AtomicFolder::publish`], it leaves nothing behind.
#[derive(Debug)]
pub struct AtomicFolder {
    path: PathBuf,
    temporary: PathBuf,
    published: bool,
}

impl AtomicFolder {
    /// Starts the folder that will be `path`; removes what processes that are dead left of it.
    ///
    /// # Errors
    /// If the folder beside it can't be made.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(StoreError::io("create the folder", parent))?;
        }
        remove_leftovers(path);
        let temporary = temporary(path);
        std::fs::create_dir(&temporary).map_err(StoreError::io("create the folder", &temporary))?;
        Ok(Self { path: path.to_owned(), temporary, published: false })
    }

    /// Where its files are written.
    pub fn unfinished(&self) -> &Path {
        &self.temporary
    }

    /// Gives the folder its name, in place of the folder that has it now, if any.
    ///
    /// # Errors
    /// If a rename fails; the earlier folder then keeps its name.
    pub fn publish(mut self) -> Result<(), StoreError> {
        let earlier = self.path.exists().then(|| temporary(&self.path));
        if let Some(aside) = &earlier {
            rename(&self.path, aside)?;
        }
        if let Err(error) = rename(&self.temporary, &self.path) {
            if let Some(aside) = &earlier {
                rename(aside, &self.path)?;
            }
            return Err(error);
        }
        self.published = true;
        sync_folder(&self.path)?;
        if let Some(aside) = earlier {
            std::fs::remove_dir_all(&aside).map_err(StoreError::io("remove", &aside))?;
        }
        Ok(())
    }
}

impl Drop for AtomicFolder {
    fn drop(&mut self) {
        if !self.published {
            // Best effort: a leftover is also removed when the folder is begun again.
            let _ = std::fs::remove_dir_all(&self.temporary);
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    disk().rename(from, to).map_err(StoreError::io("rename to", to))?;
    disk().reach(CrashPoint::Renamed, to);
    Ok(())
}

/// Removes the unfinished folders of `path` that dead processes of this machine left; what can't be removed stays.
fn remove_leftovers(path: &Path) {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    let start = format!("{}.", name.to_string_lossy());
    for entry in entries.flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        let void = found.starts_with(&start)
            && Leftover::of(&found)
                .is_some_and(|left| left.run == Some(NO_RUN) && left.is_of_the_dead());
        if void && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_folder_is_whole_or_absent_and_takes_the_place_of_the_earlier_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/out");
        let write = |folder: &AtomicFolder, text: &str| {
            std::fs::write(folder.unfinished().join("f"), text).unwrap();
        };
        let folder = AtomicFolder::create(&path).unwrap();
        write(&folder, "1");
        assert!(!path.exists());
        drop(folder);
        assert!(names(&dir.path().join("a")).is_empty(), "dropped without a trace");
        for text in ["1", "2"] {
            let folder = AtomicFolder::create(&path).unwrap();
            write(&folder, text);
            folder.publish().unwrap();
            assert_eq!(std::fs::read_to_string(path.join("f")).unwrap(), text);
            assert_eq!(names(&dir.path().join("a")), ["out"]);
        }
    }

    #[test]
    fn what_the_dead_left_goes_and_what_others_have_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let live = AtomicFolder::create(&path).unwrap();
        // A process of this machine's past: the number of no process that runs.
        let parts = live.unfinished().file_name().unwrap().to_string_lossy().into_owned();
        let mut parts: Vec<&str> = parts.split('-').collect();
        parts[3] = "4194305";
        let dead = dir.path().join(parts.join("-"));
        std::fs::create_dir(&dead).unwrap();
        let foreign = dir.path().join("out.photos.tmp");
        std::fs::create_dir(&foreign).unwrap();
        let other = AtomicFolder::create(&path).unwrap();
        assert!(!dead.exists() && foreign.exists() && live.unfinished().exists());
        drop((live, other));
    }
}
