//! Lists an image folder: one folder a class, images at any depth below.

use super::error::FolderError;
use super::key::{class_key, extension, shown};
use super::listing::{Entry, Listing};
use super::skipped_files::some;
use crate::imaging::member_extension;
use crate::shards::member_name::is_system_folder;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files that operating systems make in every folder.
const SYSTEM_FILES: [&str; 4] = ["Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r"];

/// Names of the parts of a data set, in lower case.
const SPLITS: [&str; 12] = [
    "train",
    "training",
    "trn",
    "val",
    "valid",
    "validation",
    "test",
    "testing",
    "tst",
    "eval",
    "dev",
    "holdout",
];

/// Device and inode, the identity of a folder for any path.
type Id = (u64, u64);

/// The images of a class folder.
#[derive(Default)]
struct ClassFolder {
    /// Whether images are directly in the folder.
    direct: bool,
    /// Subfolders with images.
    below: BTreeSet<String>,
}

struct Traversal {
    /// The root and the folders above it: a link to one of them leads in a circle.
    above: HashSet<Id>,
    /// Folders of the class that were entered.
    entered: HashSet<Id>,
    found: Listing,
}

/// A file or folder in a folder.
struct Child {
    path: PathBuf,
    /// The identity of a folder; `None` for a file.
    folder: Option<Id>,
    linked: bool,
}

/// The images below `root` by class folder, sorted by path.
pub(super) fn list_all(root: &Path) -> Result<Listing, FolderError> {
    let mut traversal = Traversal::of(root)?;
    let mut classes = BTreeMap::new();
    for child in traversal.children(root)? {
        if let Some(id) = child.folder {
            let name = child.path.file_name().unwrap_or_default();
            traversal.entered.clear();
            let about = traversal.class(&child, id, &class_key(name))?;
            classes.insert(shown(Path::new(name)), about);
        } else if is_image(&child.path) {
            return Err(loose(root, &child.path));
        } else {
            traversal.found.skipped.ending(&child.path);
        }
    }
    traversal.found.entries.sort();
    classes.retain(|name, about| {
        let any = about.direct || !about.below.is_empty();
        if !any {
            traversal.found.skipped.classes.push(name.clone());
        }
        any
    });
    traversal.found.skipped.remarks.extend(look_at_classes(root, &classes)?);
    Ok(traversal.found)
}

/// The images of one class folder, as [`traversal`] finds them.
pub(super) fn list_class(root: &Path, class: &OsStr) -> Result<Vec<Entry>, FolderError> {
    let mut traversal = Traversal::of(root)?;
    let path = root.join(class);
    let about = fs::metadata(&path).map_err(FolderError::io("list", &path))?;
    let id = (about.dev(), about.ino());
    let child = Child { linked: path.is_symlink(), folder: Some(id), path };
    traversal.class(&child, id, &class_key(class))?;
    traversal.found.entries.sort();
    Ok(traversal.found.entries)
}

fn loose(root: &Path, image: &Path) -> FolderError {
    let tables = ["csv", "jsonl", "parquet"].map(|ending| root.join(format!("metadata.{ending}")));
    let remedy = match tables.iter().find(|table| table.exists()) {
        Some(table) => format!("pack the table {} instead", shown(table)),
        None => "write a table with columns path and class instead".to_owned(),
    };
    FolderError::list(root, format!("{} is in no class folder: {remedy}", shown(image)))
}

impl Traversal {
    fn of(root: &Path) -> Result<Self, FolderError> {
        let whole = fs::canonicalize(root).map_err(FolderError::io("list", root))?;
        let above = whole.ancestors().filter_map(|folder| fs::metadata(folder).ok());
        let above = above.map(|about| (about.dev(), about.ino())).collect();
        Ok(Self { above, entered: HashSet::new(), found: Listing::default() })
    }

    /// Lists all images of a class; returns where in the class folder they are.
    fn class(&mut self, child: &Child, id: Id, class: &str) -> Result<ClassFolder, FolderError> {
        let mut about = ClassFolder::default();
        if !self.may_enter(child, id) {
            return Ok(about);
        }
        for child in self.children(&child.path)? {
            let before = self.found.entries.len();
            self.take(&child, class)?;
            if self.found.entries.len() > before {
                match child.folder {
                    Some(_) => {
                        let name = child.path.file_name().unwrap_or_default();
                        about.below.insert(shown(Path::new(name)));
                    }
                    None => about.direct = true,
                }
            }
        }
        Ok(about)
    }

    fn take(&mut self, child: &Child, class: &str) -> Result<(), FolderError> {
        match child.folder {
            Some(id) if self.may_enter(child, id) => {
                self.children(&child.path)?.iter().try_for_each(|child| self.take(child, class))
            }
            Some(_) => Ok(()),
            None if is_image(&child.path) => {
                self.found.entries.push(Entry::new(child.path.clone(), class));
                Ok(())
            }
            None => {
                self.found.skipped.ending(&child.path);
                Ok(())
            }
        }
    }

    /// Whether a folder is new to its class; links to others are named.
    fn may_enter(&mut self, child: &Child, id: Id) -> bool {
        let path = || shown(&child.path);
        if self.above.contains(&id) {
            self.found.skipped.links.push(format!("{} (leads to a folder above)", path()));
            return false;
        }
        let new = self.entered.insert(id);
        if !new {
            self.found.skipped.links.push(format!("{} (its folder is included already)", path()));
        }
        new
    }

    /// What is in a folder, without what is hidden or the system's: folders before links to folders, which may lead to
    /// them, each sorted.
    fn children(&mut self, folder: &Path) -> Result<Vec<Child>, FolderError> {
        let mut children = Vec::new();
        for entry in fs::read_dir(folder).map_err(FolderError::io("list", folder))? {
            let path = entry.map_err(FolderError::io("list", folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Of a link to nowhere there is nothing to know: a file that will be found unreadable.
            let about = fs::metadata(&path).ok().filter(fs::Metadata::is_dir);
            let is = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(&name));
            if about.is_some() && is_system_folder(&name) {
                self.found.skipped.folders.push(shown(&path));
            } else if name.starts_with('.') {
                // Macs keep a file's attributes in another one, `._name`.
                let image = is_image(&path) && !name.starts_with("._");
                self.found.skipped.hidden += usize::from(image);
            } else if !is(&SYSTEM_FILES) {
                let linked = path.is_symlink();
                if linked && !is_image(&path) && !path.exists() {
                    self.found
                        .skipped
                        .links
                        .push(format!("{} (its target does not exist)", shown(&path)));
                    continue;
                }
                let folder = about.map(|about| (about.dev(), about.ino()));
                children.push(Child { path, folder, linked });
            }
        }
        children.sort_by(|a, b| (a.linked, &a.path).cmp(&(b.linked, &b.path)));
        Ok(children)
    }
}

fn is_image(path: &Path) -> bool {
    extension(path).is_some_and(|extension| member_extension(&extension).is_some())
}

/// Refuses a folder of data set splits; returns a remark on a folder that resembles one.
fn look_at_classes(
    root: &Path,
    classes: &BTreeMap<String, ClassFolder>,
) -> Result<Option<String>, FolderError> {
    // `train2017` and `val_256` too.
    let split = |name: &String| {
        let word: String = name.chars().take_while(char::is_ascii_alphabetic).collect();
        SPLITS.contains(&word.to_lowercase().as_str())
    };
    let mut nested = classes.iter().filter(|(_, about)| !about.direct);
    let Some((first, about)) = nested.next() else { return Ok(None) };
    let meant = shown(&root.join(first));
    if classes.keys().all(split) {
        let problem = format!(
            "the folders are {}, which are parts of a data set and not classes: pack each part separately, such as {meant}; if \
             the folders are classes all the same, write a table with columns path and class",
            some(&classes.keys().cloned().collect::<Vec<_>>())
        );
        return Err(FolderError::list(root, problem));
    }
    let all_nested = classes.values().all(|about| !about.direct);
    let shared = |name: &&String| classes.values().filter(|a| a.below.contains(*name)).count() > 1;
    let alike = match classes.len() {
        1 => about.below.len() > 1,
        _ => about.below.iter().filter(shared).count() > 1,
    };
    Ok((all_nested && alike).then(|| {
        format!(
            "every class folder contains only folders and no image ({first} has {}): if these folders are the classes, \
             pack {meant}",
            some(&about.below.iter().cloned().collect::<Vec<_>>())
        )
    }))
}

#[cfg(test)]
#[path = "traversal_tests.rs"]
mod tests;
