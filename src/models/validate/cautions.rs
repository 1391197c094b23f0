//! What to know of a model that can be used.

use crate::models::folder::{ModelFolder, SCHEDULER_CONFIG};
use crate::models::noise_schedule::Method;

/// In sentences: what of the model's settings is passed over when it is sampled by `method`, and whether `size` pixels,
/// if given, are what it is for. `cfg` is the guidance scale.
pub fn cautions(
    folder: &ModelFolder,
    method: Method,
    size: Option<usize>,
    cfg: f64,
) -> Vec<String> {
    let scheduler = &folder.scheduler;
    let file = folder.paths.file(SCHEDULER_CONFIG);
    let told = |what: String| format!("{}: {what}", file.display());
    let mut said: Vec<String> = scheduler.set_aside(method).into_iter().map(told).collect();
    if cfg != 1.0 && scheduler.others.few_steps(scheduler.timestep_spacing) {
        said.push(format!(
            "{}: its scheduler is that of a model that makes images in 1 to 4 steps without guidance, such as SDXL-Turbo: \
             if it is one, set steps to 4 and cfg to 1",
            file.display()
        ));
    }
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
