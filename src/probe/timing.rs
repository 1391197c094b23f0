//! Measures the time and memory of work.

use crate::models::validate::memory;
use crate::pipeline::error::StageError;
use std::time::Instant;

/// Seconds above which a measurement is not repeated.
pub(crate) const SLOW: f64 = 10.0;

/// The seconds of `work`, and its result.
pub(crate) fn timed<T>(
    work: impl FnOnce() -> Result<T, StageError>,
) -> Result<(f64, T), StageError> {
    let started = Instant::now();
    let result = work()?;
    Ok((started.elapsed().as_secs_f64(), result))
}

/// The mean seconds of `work` over at least `least` seconds and one call, after a first call that does not count.
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

/// The result of `work`, and its peak memory, if the system reports memory.
pub(crate) fn memory_of<T>(
    work: impl FnOnce() -> Result<T, StageError>,
) -> Result<(T, Option<u64>), StageError> {
    let before = memory::start();
    let result = work()?;
    Ok((result, memory::peak_since(before)))
}
