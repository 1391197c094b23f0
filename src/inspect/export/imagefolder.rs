//! `CLASS/KEY.png`, as torchvision's ImageFolder and everything made after it reads images.

use super::Files;
use super::error::ExportError;
use super::set::Set;
use crate::threads;
use serde_json::{Value, json};

/// Files written at once: they wait for the disk to have them for good.
const AT_ONCE: usize = 16;
/// Images in memory.
const BATCH: usize = 256;

/// Writes the images, and `classes.json`: folder, class, name and label of each class.
pub(super) fn write(files: &mut Files, set: &Set, folders: &[String]) -> Result<(), ExportError> {
    threads::with_pool(AT_ONCE, || {
        let mut batch = Vec::with_capacity(BATCH);
        set.each_image(|row, image| {
            let folder = folders.get(row.class).map_or("", String::as_str);
            batch.push((format!("{folder}/{}.png", row.key), image));
            if batch.len() == BATCH { files.write_many(std::mem::take(&mut batch)) } else { Ok(()) }
        })?;
        files.write_many(batch)
    })?;
    let classes = set.classes.iter().zip(folders);
    let classes: Vec<Value> = classes
        .map(|(class, folder)| {
            json!({
                "folder": folder, "class": class.key, "name": class.name, "label": class.number,
                "images": class.images,
            })
        })
        .collect();
    files.write("classes.json", format!("{:#}\n", json!(classes)).as_bytes())
}
