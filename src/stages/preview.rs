//! Contact sheets of classes whose images are done, to look at while the run goes on.

use super::context::Context;
use super::error::StageError;
use super::generate::image_name;
use super::latents::Latents;
use crate::imaging::{DecodeOptions, SheetLayout, contact_sheet, decode_rgb, encode_png};
use crate::store::{StoreError, file_stem};

/// Images in a row.
const COLUMNS: usize = 10;

/// Writes the sheet of each of `classes` (positions, repeats allowed) whose images are all there. A sheet is made from
/// the images alone, so that two batches that finish a class at once write the same one.
pub(super) fn write_previews(
    context: &Context,
    latents: &Latents,
    classes: &[usize],
) -> Result<(), StageError> {
    let mut classes = classes.to_vec();
    classes.dedup();
    for class in classes.into_iter().filter_map(|at| latents.classes.classes().get(at)) {
        let mut images = Vec::new();
        for rank in 0..latents.cores(&class.key) {
            let name = image_name(&class.key, rank);
            let Some(path) = context.run_dir.local_if_any(&name)? else { break };
            let png = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
            images.push(decode_rgb(&png, DecodeOptions::default())?);
        }
        if images.len() == latents.cores(&class.key) {
            let layout = SheetLayout { columns: COLUMNS, gap: 2, background: [255; 3] };
            let sheet = encode_png(&contact_sheet(&images, layout)?)?;
            context.run_dir.write(&format!("preview/{}.png", file_stem(&class.key)), &sheet)?;
        }
    }
    Ok(())
}
