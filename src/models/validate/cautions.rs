//! What to know of a model that can be used.

use crate::models::folder::{ModelFolder, SCHEDULER_CONFIG};
use crate::models::noise_schedule::Method;

/// In sentences: what of the model's settings is passed over when it is sampled by `method`, and whether `size` pixels,
/// if given, are what it is for.
pub fn cautions(folder: &ModelFolder, method: Method, size: Option<usize>) -> Vec<String> {
    let scheduler = &folder.scheduler;
    let file = folder.paths.file(SCHEDULER_CONFIG);
    let told = |what: String| format!("{}: {what}", file.display());
    let mut said: Vec<String> = scheduler.set_aside(method).into_iter().map(told).collect();
    if let (Some(size), Some(own)) = (size, folder.default_size)
        && size != own
    {
        said.push(format!(
            "the images are to have {size} pixels a side, and the model was trained for {own}: at another size it repeats or \
             loses what it shows; leave size out, or set it to {own}"
        ));
    }
    said
}
