//! How planning grows with a data set: by made-up receipts of a finished run, nothing else is there. What is counted are
//! receipts read and JSON values written for fingerprints, at two sizes.

use crate::config::Pipeline;
use crate::engine::{
    Cancel, Progress, ProgressStyle, RunOptions, Stage, plan_stage, values_written,
};
use crate::pipeline::STAGES;
use crate::pipeline::anchor::Anchor;
use crate::pipeline::assemble::Assemble;
use crate::pipeline::compact::Compact;
use crate::pipeline::context::Context;
use crate::pipeline::discover::Discover;
use crate::pipeline::encode::Encode;
use crate::pipeline::encoded::Encoded;
use crate::pipeline::error::StageError;
use crate::pipeline::fetch::Fetch;
use crate::pipeline::generate::{Generate, image_name};
use crate::pipeline::latents::Latents;
use crate::pipeline::sources::expand;
use crate::run::dry_run;
use crate::store::tables::ClassMajorContents;
use crate::store::{Contents, EventLog, Receipt, RunDir, Written, file_stem, receipts_read};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A run of `classes` classes in `shards` shards, each class in two of them, without its data.
fn pipeline(dir: &Path, classes: usize, shards: usize) -> Pipeline {
    let list: String = (0..classes).map(|class| format!("c{class:04}, class {class}\n")).collect();
    std::fs::write(dir.join("classes.txt"), list).unwrap();
    for shard in 0..shards {
        std::fs::write(dir.join(format!("s-{shard:05}.tar")), b"").unwrap();
    }
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/demo");
    let text = format!(
        "[data]\nshards = \"s-{{00000..{:05}}}.tar\"\nclasses = \"classes.txt\"\n[model]\npath = {model:?}\n\
         [encode]\nsize = 32\n[discover]\nipc = 2\nalgorithm = \"kmeans\"\n[generate]\nsize = 32\nbatch = 8\n\
         [output]\nname = \"made-up\"\nsize = 32\nsamples_per_shard = 50\n",
        shards - 1
    );
    Pipeline::parse(&text, &dir.join("p.toml"), &[]).unwrap()
}

/// Leaves the receipts that doing all of `stage` would, with empty files; `contents` of each unit, by its number.
fn make_up<S>(
    stage: &S,
    run_dir: &RunDir,
    files: impl Fn(usize, &str) -> Vec<String>,
    contents: impl Fn(usize) -> Contents,
) -> BTreeMap<String, Receipt>
where
    S: Stage<Error = StageError>,
{
    for (number, unit) in plan_stage(stage, run_dir).unwrap().units.into_iter().enumerate() {
        let name = unit.name.rsplit('/').next().unwrap();
        let output = |file: String| {
            let path = run_dir.path(&file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
            Written { xxh3: format!("{:016x}", 7919 * number), file, bytes: 0 }
        };
        let receipt = Receipt {
            version: Receipt::VERSION,
            unit: unit.name.clone(),
            fingerprint: unit.fingerprint,
            settings: unit.settings,
            inputs: unit.inputs,
            outputs: files(number, name).into_iter().map(output).collect(),
            contents: contents(number),
            samples: 1,
            faults: Vec::new(),
            log: Vec::new(),
            seconds: 1.0,
        };
        run_dir.write_receipt(&receipt).unwrap();
    }
    run_dir.receipts(stage.name()).unwrap()
}

/// Which classes, by number, and how many images of each, a shard of this number has.
type Held<'a> = &'a dyn Fn(usize) -> Vec<(usize, usize)>;

/// A finished run's receipts. Their number.
fn make_up_all(context: &Arc<Context>, held: Held<'_>) -> usize {
    let run_dir = &context.run_dir;
    let sources = expand(&context.pipeline.data).unwrap();
    let none = |_: usize| Contents::default();
    let part = |shard: usize| {
        let held =
            held(shard).into_iter().map(|(class, images)| json!([format!("c{class:04}"), images]));
        let held: Vec<Value> = held.collect();
        Contents::of(&json!({"classes": held, "dtype": "f16", "shape": [4, 4, 4]})).unwrap()
    };
    let encode = Encode::new(context.clone(), sources.clone()).unwrap();
    let parts = make_up(&encode, run_dir, |_, name| vec![format!("encode/{name}.parquet")], part);
    let encoded = Encoded::of(run_dir, context.classes.as_ref(), parts.values()).unwrap();
    let (encoded, parts) = (Arc::new(encoded), parts.len());
    let compact = Compact::new(context.clone(), encoded.clone());
    let group = |number: usize| {
        let classes = compact.units().unwrap().swap_remove(number).classes;
        let row =
            |class: usize| (format!("c{class:04}"), encoded.counts[class], format!("{class:016x}"));
        let classes = classes.map(row).collect();
        Contents::of(&ClassMajorContents::new(encoded.format, classes)).unwrap()
    };
    let compacted =
        make_up(&compact, run_dir, |_, name| vec![format!("compact/{name}.parquet")], group);
    let latents = Arc::new(Latents::open(context, &encoded, compacted.values()).unwrap());
    let images: usize = encoded.counts.iter().sum();
    assert_eq!(latents.total(), images);

    let discover = Discover::new(context.clone(), latents.clone());
    let cores = |_: usize, name: &str| {
        ["cores", "members"].map(|table| format!("discover/{name}/{table}.parquet")).to_vec()
    };
    let discovered = make_up(&discover, run_dir, cores, none);
    let fetch = Fetch::new(context.clone(), latents.clone(), sources.clone(), &discovered).unwrap();
    let fetched = make_up(&fetch, run_dir, |_, _| Vec::new(), none);
    let anchor =
        Anchor::new(context.clone(), latents.clone(), &sources, Arc::new(discovered.clone()))
            .unwrap();
    let anchored =
        make_up(&anchor, run_dir, |_, name| vec![format!("anchor/{name}.parquet")], none);
    let anchors = anchored.len();
    let generate = Generate::new(context.clone(), latents.clone(), Arc::new(anchored)).unwrap();
    let slots = latents.slots();
    let images = |batch: usize, _: &str| {
        let slots = slots.chunks(8).nth(batch).unwrap().iter();
        slots.map(|slot| image_name(&format!("c{:04}", slot.class), slot.rank)).collect()
    };
    assert_eq!(file_stem("c0001"), "c0001");
    let generated = make_up(&generate, run_dir, images, none);
    let (found, made) = (discovered.len(), generated.len());
    let assemble = Assemble::new(
        context.clone(),
        latents.clone(),
        &sources,
        (Arc::new(discovered), None),
        &generated,
    );
    let tars = make_up(&assemble, run_dir, |_, name| vec![format!("distilled/{name}.tar")], none);
    parts + compacted.len() + found + fetched.len() + anchors + made + tars.len()
}

/// Each class in two shards.
fn in_two(classes: usize, shards: usize) -> impl Fn(usize) -> Vec<(usize, usize)> {
    move |shard| {
        let held = (0..classes).filter(|c| [c % shards, (c + 1) % shards].contains(&shard));
        held.map(|class| (class, 5)).collect()
    }
}

/// Receipts that there are, receipts read, and values written, when a finished run is planned.
fn planned(classes: usize, shards: usize) -> (u64, u64, u64) {
    planned_with(classes, shards, &in_two(classes, shards))
}

fn planned_with(classes: usize, shards: usize, held: Held<'_>) -> (u64, u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let (context, receipts) = finished(dir.path(), classes, shards, held);
    // All on one thread, which counts.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let before = (receipts_read(), values_written());
        plan_again(context);
        (receipts as u64, receipts_read() - before.0, values_written() - before.1)
    })
}

/// A finished run of which there are nothing but receipts, and their number.
fn finished(dir: &Path, classes: usize, shards: usize, held: Held<'_>) -> (Arc<Context>, usize) {
    let run_dir = RunDir::new(&dir.join("run"));
    let pipeline = pipeline(dir, classes, shards);
    let context =
        Context::new(pipeline, run_dir.clone(), dir.to_owned(), Box::new(|_| ())).unwrap();
    let context = Arc::new(context);
    let receipts = make_up_all(&context, held);
    (context, receipts)
}

/// Plans a finished run.
fn plan_again(context: Arc<Context>) {
    let run_dir = context.run_dir.clone();
    let (events, cancel) = (EventLog::none(), Cancel::default());
    let progress = Progress::new(ProgressStyle::Silent);
    let options = RunOptions {
        run_dir: &run_dir,
        events: &events,
        progress: &progress,
        cancel: &cancel,
        force: false,
        retry_failed: false,
        worker: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lines = runtime.block_on(dry_run(context, &options, 0..=STAGES.len() - 1)).unwrap();
    assert!(lines.iter().all(|line| line.ends_with("nothing to do")), "{lines:?}");
}

#[test]
fn planning_reads_each_receipt_once_and_grows_as_classes_and_shards_do() {
    let (few, many) = (planned(50, 20), planned(200, 80));
    assert_eq!((few.1, many.1), (few.0, many.0), "receipts read");
    let growth = many.2 as f64 / few.2 as f64;
    assert!(growth < 4.5, "four times the classes and shards: {} values, then {}", few.2, many.2);
}

/// Shuffled data have every class in every shard. That shows in what `encode`'s receipts say, and nowhere else.
#[test]
fn planning_does_not_grow_with_how_many_shards_a_class_is_in() {
    let two = planned(60, 40);
    let all = planned_with(60, 40, &|_| (0..60).map(|class| (class, 1)).collect());
    assert_eq!(all, two);
}

/// ImageNet-21K, shuffled: 14 million images of 21,841 classes in 11,000 shards. Makes 78,000 receipts, so it is run by
/// hand, best in memory: `TMPDIR=/dev/shm cargo test --lib fourteen_million -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
#[allow(clippy::print_stdout, reason = "its figures are what it is run for")]
fn fourteen_million_images_are_planned_in_a_minute_and_a_gigabyte() {
    const CLASSES: usize = 21_841;
    let held = |shard: usize| {
        let mut state = shard as u64 + 1;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % CLASSES as u64) as usize
        };
        let mut images = BTreeMap::new();
        (0..1_290).for_each(|_| *images.entry(draw()).or_insert(0) += 1);
        images.into_iter().collect()
    };
    let dir = tempfile::tempdir().unwrap();
    let (context, receipts) = finished(dir.path(), CLASSES, 11_000, &held);
    let fresh = Context::new(
        context.pipeline.clone(),
        context.run_dir.clone(),
        dir.path().to_owned(),
        Box::new(|_| ()),
    )
    .unwrap();
    drop(context);
    // From here on, the most memory that the process holds.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    let started = std::time::Instant::now();
    plan_again(Arc::new(fresh));
    let (seconds, peak) = (started.elapsed().as_secs_f64(), memory("VmHWM:"));
    println!(
        "{receipts} receipts planned in {seconds:.1} s; {before} KiB held before, {peak} at the most"
    );
    assert!(seconds < 60.0 && peak < 1 << 20);
}

/// A line of this process's status, in KiB.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|said| said.strip_prefix(line)).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}
