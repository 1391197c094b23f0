//! Images a second from shards to tensors: tar → decode → Lanczos → tensor, on all cores.
//!
//!     cargo bench --bench images -- SIZE SECONDS SHARD…
//!
//! Prints one JSON line. `benches/images_against_python.py` runs it beside WebDataset, Pillow and torch.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its answer goes to whoever started it"
)]

use anyhow::Context;
use coda_pipe::internals::imaging::{
    DecodeOptions, RgbImage, decode_rgb, resize_lanczos, write_tensor,
};
use coda_pipe::shards::{ReadOptions, Sample, ShardReader};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn main() -> anyhow::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [size, seconds, shards @ ..] = given.as_slice() else {
        println!("give SIZE SECONDS SHARD… to time images; left out");
        return Ok(());
    };
    let (size, seconds): (u32, u64) = (size.parse()?, seconds.parse()?);
    anyhow::ensure!(!shards.is_empty(), "no shards given");
    let workers = std::thread::available_parallelism()?.get();
    let each = steps(shards, size)?;
    let (images, took) = flow(shards, size, workers, Duration::from_secs(seconds))?;
    let rate = images as f64 / took.as_secs_f64();
    println!(
        "{}",
        serde_json::json!({
            "images": images, "seconds": took.as_secs_f64(), "images_per_second": rate, "workers": workers,
            "ms_decode": each[0], "ms_resize": each[1], "ms_tensor": each[2],
        })
    );
    Ok(())
}

/// All images of `shards`, again and again until `limit` is over: how many, and in what time.
fn flow(
    shards: &[String],
    size: u32,
    workers: usize,
    limit: Duration,
) -> anyhow::Result<(usize, Duration)> {
    let (sender, receiver) = mpsc::sync_channel::<Sample>(2 * workers);
    let receiver = Arc::new(Mutex::new(receiver));
    let started = Instant::now();
    let threads: Vec<_> = (0..workers)
        .map(|_| {
            let receiver = receiver.clone();
            std::thread::spawn(move || -> anyhow::Result<usize> {
                let mut done = 0;
                let mut tensor = vec![0.0; 3 * (size * size) as usize];
                loop {
                    let next =
                        receiver.lock().map_err(|_| anyhow::anyhow!("a worker died"))?.recv();
                    let Ok(sample) = next else { return Ok(done) };
                    write_tensor(&resize_lanczos(&decode(&sample)?, size, size)?, &mut tensor)?;
                    done += 1;
                }
            })
        })
        .collect();
    'time: loop {
        for shard in shards {
            for sample in ShardReader::open(shard.as_ref(), ReadOptions::default())? {
                if started.elapsed() > limit || sender.send(sample?).is_err() {
                    break 'time;
                }
            }
        }
    }
    drop(sender);
    let mut images = 0;
    for thread in threads {
        images += thread.join().map_err(|_| anyhow::anyhow!("a worker died"))??;
    }
    Ok((images, started.elapsed()))
}

/// Milliseconds an image for each step, on one thread.
fn steps(shards: &[String], size: u32) -> anyhow::Result<[f64; 3]> {
    let first = shards.first().context("no shards given")?;
    let samples: Vec<Sample> =
        ShardReader::open(first.as_ref(), ReadOptions::default())?.collect::<Result<_, _>>()?;
    let decoded = timed(&samples, decode)?;
    let resized = timed(&decoded.1, |image| Ok(resize_lanczos(image, size, size)?))?;
    let mut tensor = vec![0.0; 3 * (size * size) as usize];
    let written = timed(&resized.1, |image| Ok(write_tensor(image, &mut tensor)?))?;
    Ok([decoded.0, resized.0, written.0])
}

fn timed<T, U>(
    items: &[T],
    work: impl FnMut(&T) -> anyhow::Result<U>,
) -> anyhow::Result<(f64, Vec<U>)> {
    let started = Instant::now();
    let made: Vec<U> = items.iter().map(work).collect::<Result<_, _>>()?;
    Ok((1e3 * started.elapsed().as_secs_f64() / items.len() as f64, made))
}

fn decode(sample: &Sample) -> anyhow::Result<RgbImage> {
    let bytes = ["jpg", "jpeg", "JPEG", "png"].iter().find_map(|ext| sample.get(ext));
    Ok(decode_rgb(bytes.context("a sample without an image")?, DecodeOptions::default())?)
}
