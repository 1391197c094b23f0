//! What a folder or table holds that is not packed, for the user to know.

use super::key::shown;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Names that a message lists before it says how many more there are.
const NAMED: usize = 8;

/// What was found and left out, or is odd.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Files whose ending is no image's, counted by ending.
    pub endings: BTreeMap<String, usize>,
    /// Class folders in which no image is.
    pub classes: Vec<String>,
    /// Folders that operating systems and programs make, and hidden ones.
    pub folders: Vec<String>,
    /// Hidden image files.
    pub hidden: usize,
    /// Links to folders that were not followed, with the reason.
    pub links: Vec<String>,
    /// Table rows that stand twice.
    pub repeated: Vec<String>,
    /// Things to look at, though nothing was left out.
    pub remarks: Vec<String>,
}

impl LeftOut {
    pub(super) fn ending(&mut self, path: &Path) {
        let ending = path.extension().map(|e| format!(".{}", shown(Path::new(e)).to_lowercase()));
        *self.endings.entry(ending.unwrap_or_else(|| "without one".to_owned())).or_default() += 1;
    }

    /// A line for each kind of thing.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.endings.is_empty() {
            let files: usize = self.endings.values().sum();
            let mut endings: Vec<_> = self.endings.iter().collect();
            endings.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let endings = endings.iter().map(|(ending, count)| format!("{count} {ending}"));
            let named = some(&endings.collect::<Vec<_>>());
            lines.push(format!("{} passed over by their ending: {named}", plural(files, "file")));
        }
        if !self.classes.is_empty() {
            let (count, named) = (self.classes.len(), some(&self.classes));
            lines.push(format!("{} without an image: {named}", plural(count, "class folder")));
        }
        if !self.folders.is_empty() {
            let (count, named) = (self.folders.len(), some(&self.folders));
            lines.push(format!(
                "{} of the system or hidden, left out: {named}",
                plural(count, "folder")
            ));
        }
        if self.hidden > 0 {
            lines.push(format!("{} left out", plural(self.hidden, "hidden image file")));
        }
        if !self.links.is_empty() {
            let (count, named) = (self.links.len(), some(&self.links));
            lines.push(format!("{} not followed: {named}", plural(count, "linked folder")));
        }
        if !self.repeated.is_empty() {
            let (count, named) = (self.repeated.len(), some(&self.repeated));
            lines.push(format!("{count} of the table's rows repeat another, taken once: {named}"));
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
pub(super) fn some(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}
