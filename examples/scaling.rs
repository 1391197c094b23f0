//! How a run of ImageNet-1K at IPC 50 scales over workers, by the code that divides its work: docs/scaling.md.
//!
//!     cargo run --release --locked --example scaling -- [SECONDS_AN_IMAGE [SECONDS_A_REQUEST [help|no-help]]]
//!
//! Only counts and seconds are played through: no data, no model. `coda-pipe plan --measure --workers` is the same for a
//! pipeline of yours on a machine of yours.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its answer goes to whoever started it"
)]

use coda_pipe::internals::estimate::{Rates, Rules, SimulatedRun, Work, simulate, worker_stages};
use coda_pipe::internals::pipeline::stages_to_do;

/// ILSVRC 2012's training images: 895 classes have 1,300, the others fewer; here evenly so.
fn work() -> Work {
    let (images, full, others) = (1_281_167u64, 895, 105);
    let rest = images - full * 1300;
    let mut classes = vec![1300; full as usize];
    classes.extend((0..others).map(|i| rest / others + u64::from(i < rest % others)));
    let shards = 1024;
    Work {
        shards: (0..shards).map(|i| images / shards + u64::from(i < images % shards)).collect(),
        classes,
        ipc: 50,
        encode_batch: 32,
        anchor_batch: 4,
        encoded_again: true,
        generate_batch: 4,
        steps: 25,
        samples_per_tar: 1000,
        ..Work::default()
    }
}

/// A worker with a card of the H100's class and eight cores. Assumed, not measured; all but `image` matter little.
fn rates(image: f64) -> Rates {
    let (decode, batch, steps) = (0.2, 4.0, 25.0);
    Rates {
        devices: 1.0,
        workers: 8.0,
        shards: 4.0,
        load_encoder: 10.0,
        encode_batch: 0.1,
        prepare_image: 0.008,
        write_file: 0.01,
        discover_class: 2.0,
        fetch_core: 0.02,
        anchor_image: 0.15,
        load_generator: 60.0,
        step: (image - decode) * batch / steps,
        decode_latent: decode,
        real_core: 0.03,
        ..Rates::default()
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: f64| {
        args.get(at).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (image, request) = (number(0, 2.0), number(1, 0.02));
    let help = args.get(2).is_none_or(|word| word != "no-help");
    let (work, rates) = (work(), rates(image));
    let stages = worker_stages(&stages_to_do(), &work, &rates);
    println!(
        "| workers | hours | speed-up | idle | encode | discover | fetch | anchor | generate | assemble | requests | PUT | GET | LIST |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut one = None;
    for workers in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000] {
        let played = simulate(&stages, &Rules { workers, help, request });
        let alone = *one.get_or_insert(played.seconds);
        println!("{}", row(&played, alone));
    }
}

fn row(played: &SimulatedRun, alone: f64) -> String {
    let SimulatedRun { workers, seconds, idle, requests, stages } = played;
    let stages: Vec<String> = stages.iter().map(|s| format!("{:.0} s", s.seconds)).collect();
    let all = requests.put + requests.get + requests.list + requests.delete;
    let thousands = |n: u64| format!("{:.0} k", n as f64 / 1000.0);
    let [all, put, get, list] = [all, requests.put, requests.get, requests.list].map(thousands);
    format!(
        "| {workers} | {:.2} | {:.0} | {:.0} % | {} | {all} | {put} | {get} | {list} |",
        seconds / 3600.0,
        alone / seconds,
        100.0 * idle,
        stages.join(" | ")
    )
}
