//! `CLASS/KEY.png`, as torchvision's ImageFolder and everything made after it reads images.

use super::Files;
use super::error::ExportError;
use super::set::Set;
use serde_json::{Value, json};

/// Writes the images, and `classes.json`: folder, class, name and label of each class.
pub(super) fn write(files: &mut Files, set: &Set, folders: &[String]) -> Result<(), ExportError> {
    set.each_image(|row, image| {
        let folder = folders.get(row.class).map_or("", String::as_str);
        files.write(&format!("{folder}/{}.png", row.key), &image)
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
