//! Times and memory of pieces of work.

use crate::models::validate::memory;
use crate::pipeline::error::StageError;
use std::time::Instant;

/// Seconds that `work` takes, and what it comes to.
pub(crate) fn timed<T>(
    work: impl FnOnce() -> Result<T, StageError>,
) -> Result<(f64, T), StageError> {
    let started = Instant::now();
    let result = work()?;
    Ok((started.elapsed().as_secs_f64(), result))
}

/// Seconds that `work` takes in the mean, after a first time that does not count, over `least` seconds or at least once.
pub(crate) fn repeated(
    least: f64,
    mut work: impl FnMut() -> Result<(), StageError>,
) -> Result<f64, StageError> {
    work()?;
    let started = Instant::now();
    let mut times = 0_u32;
    while times < 1 || started.elapsed().as_secs_f64() < least {
        work()?;
        times += 1;
    }
    Ok(started.elapsed().as_secs_f64() / f64::from(times))
}

/// What `work` comes to, and the most memory that it held meanwhile, where the system says.
pub(crate) fn memory_of<T>(
    work: impl FnOnce() -> Result<T, StageError>,
) -> Result<(T, Option<u64>), StageError> {
    let before = memory::start();
    let result = work()?;
    Ok((result, memory::peak_since(before)))
}
