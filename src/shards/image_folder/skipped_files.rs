//! The files of a folder or table that are not packed.

use super::key::shown;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Names that a message lists before it says how many more there are.
const NAMED: usize = 8;

/// The skipped files, and remarks on unusual ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SkippedFiles {
    /// Files without an image extension, counted by extension.
    pub endings: BTreeMap<String, usize>,
    /// Class folders without an image.
    pub classes: Vec<String>,
    /// Folders that operating systems and programs make, and hidden ones.
    pub folders: Vec<String>,
    /// Hidden image files.
    pub hidden: usize,
    /// Links to folders that were not followed, with the reason.
    pub links: Vec<String>,
    /// Repeated table rows.
    pub repeated: Vec<String>,
    /// Remarks on files that are packed all the same.
    pub remarks: Vec<String>,
}

impl SkippedFiles {
    pub(super) fn ending(&mut self, path: &Path) {
        let ending = path.extension().map(|e| format!(".{}", shown(Path::new(e)).to_lowercase()));
        *self
            .endings
            .entry(ending.unwrap_or_else(|| "without extension".to_owned()))
            .or_default() += 1;
    }

    /// One line for each kind.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.endings.is_empty() {
            let files: usize = self.endings.values().sum();
            let mut endings: Vec<_> = self.endings.iter().collect();
            endings.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let endings = endings.iter().map(|(ending, count)| format!("{count} {ending}"));
            let named = some(&endings.collect::<Vec<_>>());
            lines.push(format!("{} skipped by their extension: {named}", plural(files, "file")));
        }
        if !self.classes.is_empty() {
            let (count, named) = (self.classes.len(), some(&self.classes));
            lines.push(format!("{} without an image: {named}", plural(count, "class folder")));
        }
        if !self.folders.is_empty() {
            let (count, named) = (self.folders.len(), some(&self.folders));
            lines.push(format!(
                "{} skipped, hidden or of the operating system: {named}",
                plural(count, "folder")
            ));
        }
        if self.hidden > 0 {
            lines.push(format!("{} skipped", plural(self.hidden, "hidden image file")));
        }
        if !self.links.is_empty() {
            let (count, named) = (self.links.len(), some(&self.links));
            lines.push(format!("{} not followed: {named}", plural(count, "linked folder")));
        }
        if !self.repeated.is_empty() {
            let (count, named) = (self.repeated.len(), some(&self.repeated));
            lines.push(format!(
                "{count} rows of the table repeat another row and are packed once: {named}"
            ));
        }
        lines.extend(self.remarks.iter().cloned());
        lines
    }
}

fn plural(count: usize, what: &str) -> String {
    match (count, what.ends_with('s')) {
        (1, _) => format!("1 {what}"),
        (_, true) => format!("{count} {what}es"),
        _ => format!("{count} {what}s"),
    }
}

/// The first of `names`, and that there are more.
pub(crate) fn some(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}
