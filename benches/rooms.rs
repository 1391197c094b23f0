//! What the rooms take, one line each: `make bench`. Absolute times are the machine's; compare lines of one run.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its answer goes to whoever started it"
)]

use coda_pipe::discovery::{Algorithm, Matrix, NeighborSearch, Settings, discover};
use coda_pipe::internals::discovery::exact;
use coda_pipe::internals::imaging::{
    DecodeOptions, RgbImage, decode_rgb, encode_png, resize_lanczos,
};
use coda_pipe::models::noise::Noise;
use std::time::Instant;

fn main() -> anyhow::Result<()> {
    imaging()?;
    discovery()?;
    Ok(())
}

/// Runs `work` until a second has gone by, and prints the time of one run.
fn report<T>(name: &str, mut work: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<()> {
    work()?;
    let (started, mut runs) = (Instant::now(), 0);
    while runs == 0 || started.elapsed().as_secs_f64() < 1.0 {
        work()?;
        runs += 1;
    }
    let each = started.elapsed().as_secs_f64() / f64::from(runs);
    println!("{name:<44} {:>10.2} ms  ({runs} runs)", 1e3 * each);
    Ok(())
}

fn imaging() -> anyhow::Result<()> {
    let photo = RgbImage::from_fn(500, 375, |x, y| {
        let wave = |k: u32| (127.0 + 120.0 * (f64::from(x * k + y) / 23.0).sin()) as u8;
        image::Rgb([wave(1), wave(2), wave(3)])
    });
    let png = encode_png(&photo)?;
    report("decode a PNG of 500 × 375", || Ok(decode_rgb(&png, DecodeOptions::default())?))?;
    report("resize 500 × 375 to 256²", || Ok(resize_lanczos(&photo, 256, 256)?))?;
    report("resize 500 × 375 to 1024²", || Ok(resize_lanczos(&photo, 1024, 1024)?))?;
    report("encode a PNG of 500 × 375", || Ok(encode_png(&photo)?))
}

fn discovery() -> anyhow::Result<()> {
    for (rows, cols) in [(680, 256), (1300, 1024)] {
        let points = Matrix::new(rows, cols, Noise::Native.values(7, rows * cols))?;
        report(&format!("85 neighbours, exact, {rows} × {cols}"), || Ok(exact(&points, 85)?))?;
        for search in [NeighborSearch::Exact, NeighborSearch::Hnsw] {
            let settings = Settings {
                algorithm: Algorithm::CODA,
                neighbors: search,
                min_cluster_size: 5,
                ..Settings::default()
            };
            let name = format!("discover by {search:?}, {rows} × {cols}").to_lowercase();
            report(&name, || Ok(discover(&points, &settings)?.cores.len()))?;
        }
    }
    Ok(())
}
