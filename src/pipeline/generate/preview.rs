//! Contact sheets of classes whose images are done, to look at while the run goes on.

use super::groups::Groups;
use super::image_name;
use crate::imaging::{DecodeOptions, SheetLayout, contact_sheet, decode_rgb, encode_png};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::latents::Latents;
use crate::store::{RunDir, StoreError, file_stem};
use std::path::PathBuf;

/// Images in a row.
const COLUMNS: usize = 10;

/// Writes the sheet of each of `classes` (positions, repeats allowed) whose images are all there. A sheet is made from
/// the images alone, so that two batches that finish a class at once write the same one.
pub(crate) fn write_previews(
    context: &Context,
    (latents, groups): (&Latents, &Groups),
    classes: &[usize],
) -> Result<(), StageError> {
    let mut classes = classes.to_vec();
    classes.dedup();
    for at in classes {
        let Some(class) = latents.classes.classes().get(at) else { continue };
        let run_dir = &context.run_dir;
        let batches = batches_of((latents, groups), (at, &class.key));
        let Some(paths) = all_there(run_dir, batches)? else { continue };
        let mut images = Vec::with_capacity(paths.len());
        for path in paths {
            let png = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
            images.push(decode_rgb(&png, DecodeOptions::default())?);
        }
        let layout = SheetLayout { columns: COLUMNS, gap: 2, background: [255; 3] };
        let sheet = encode_png(&contact_sheet(&images, layout)?)?;
        run_dir.write(&format!("preview/{}.png", file_stem(&class.key)), &sheet)?;
    }
    Ok(())
}

/// The units that make a class's images, with the images of each, in order.
fn batches_of(
    (latents, groups): (&Latents, &Groups),
    (at, key): (usize, &str),
) -> Vec<(String, Vec<String>)> {
    groups
        .over(latents.slots_of(at))
        .map(|(number, ranks)| {
            let names = ranks.map(|rank| image_name(key, rank)).collect();
            (format!("generate/batch-{number:06}"), names)
        })
        .collect()
}

/// Where the images of these units lie, if they are all there. From the last on, which lacks longest.
fn all_there(
    run_dir: &RunDir,
    batches: Vec<(String, Vec<String>)>,
) -> Result<Option<Vec<PathBuf>>, StoreError> {
    let mut images = Vec::new();
    for (unit, names) in batches.into_iter().rev() {
        // Only in an object store images may not be local: images of units with a receipt, which lists them.
        // Units without one may be this process's: what they made is sent when they end.
        let receipt = if run_dir.is_remote() { run_dir.receipt(&unit)? } else { None };
        let sent = receipt.map_or_else(Vec::new, |receipt| receipt.outputs);
        for name in names.into_iter().rev() {
            let sent = sent.iter().any(|output| output.file == name);
            if !sent && !run_dir.path(&name).exists() {
                return Ok(None);
            }
            images.push((name, sent));
        }
    }
    // Downloaded once all images exist; images downloaded before are local.
    let paths = images.into_iter().rev().map(|(name, sent)| match sent {
        true => run_dir.local(&name),
        false => Ok(run_dir.path(&name)),
    });
    paths.collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_there_when_all_its_images_are_and_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = RunDir::new(dir.path());
        let name = |rank: usize| image_name("c", rank);
        let batches = || {
            let batch = |number: usize, ranks: &[usize]| {
                let names: Vec<String> = ranks.iter().map(|rank| name(*rank)).collect();
                (format!("generate/batch-{number:06}"), names)
            };
            vec![batch(3, &[0]), batch(4, &[1, 2])]
        };
        for rank in [2, 0] {
            run_dir.write(&name(rank), b"").unwrap();
            assert_eq!(all_there(&run_dir, batches()).unwrap(), None);
        }
        run_dir.write(&name(1), b"").unwrap();
        let paths = all_there(&run_dir, batches()).unwrap().unwrap();
        assert_eq!(paths, [0, 1, 2].map(|rank| run_dir.path(&name(rank))));
    }
}
