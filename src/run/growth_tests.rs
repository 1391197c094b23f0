//! How planning grows with a data set: by made-up receipts of a finished run, nothing else is there. What is counted are
//! receipts read and JSON values written for fingerprints, at two sizes.

use crate::config::Pipeline;
use crate::engine::{
    Cancel, Progress, ProgressStyle, RunOptions, Stage, plan_stage, values_written,
};
use crate::pipeline::STAGES;
use crate::pipeline::anchor::Anchor;
use crate::pipeline::assemble::Assemble;
use crate::pipeline::context::Context;
use crate::pipeline::discover::Discover;
use crate::pipeline::encode::Encode;
use crate::pipeline::error::StageError;
use crate::pipeline::fetch::Fetch;
use crate::pipeline::generate::{Generate, image_name};
use crate::pipeline::latents::Latents;
use crate::pipeline::sources::expand;
use crate::run::dry_run;
use crate::store::{EventLog, Receipt, RunDir, Written, file_stem, receipts_read};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A run of `classes` classes in `shards` shards, each class in two of them, without its data.
fn pipeline(dir: &Path, classes: usize, shards: usize) -> Pipeline {
    let list: String = (0..classes).map(|class| format!("c{class:04}, class {class}\n")).collect();
    std::fs::write(dir.join("classes.txt"), list).unwrap();
    for shard in 0..shards {
        std::fs::write(dir.join(format!("s-{shard:04}.tar")), b"").unwrap();
    }
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/demo");
    let text = format!(
        "[data]\nshards = \"s-{{0000..{:04}}}.tar\"\nclasses = \"classes.txt\"\n[model]\npath = {model:?}\n\
         [encode]\nsize = 32\n[discover]\nipc = 2\n[generate]\nsize = 32\nbatch = 8\n\
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
    contents: impl Fn(usize) -> Value,
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

/// A finished run's receipts. Their number.
fn make_up_all(context: &Arc<Context>, classes: usize, shards: usize) -> usize {
    let run_dir = &context.run_dir;
    let sources = expand(&context.pipeline.data).unwrap();
    let none = |_: usize| Value::Null;
    let part = |shard: usize| {
        let held = (0..classes).filter(|c| [c % shards, (c + 1) % shards].contains(&shard));
        let held: Vec<Value> = held.map(|class| json!([format!("c{class:04}"), 5])).collect();
        json!({"classes": held, "dtype": "f16", "shape": [4, 4, 4]})
    };
    let encode = Encode::new(context.clone(), sources.clone()).unwrap();
    let encoded = make_up(&encode, run_dir, |_, name| vec![format!("encode/{name}.parquet")], part);
    let encoded: Vec<Receipt> = encoded.into_values().collect();
    let latents = Arc::new(Latents::open(context, &encoded).unwrap());
    assert_eq!(latents.total(), 10 * classes);

    let discover = Discover::new(context.clone(), latents.clone());
    let cores = |_: usize, name: &str| vec![format!("discover/{name}/cores.parquet")];
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
    let assemble =
        Assemble::new(context.clone(), latents.clone(), &sources, Arc::new(discovered), &generated);
    let tars = make_up(&assemble, run_dir, |_, name| vec![format!("distilled/{name}.tar")], none);
    encoded.len() + found + fetched.len() + anchors + made + tars.len()
}

/// Receipts that there are, receipts read, and values written, when a finished run is planned.
fn planned(classes: usize, shards: usize) -> (u64, u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = RunDir::new(&dir.path().join("run"));
    let pipeline = pipeline(dir.path(), classes, shards);
    let context =
        Context::new(pipeline, run_dir.clone(), dir.path().to_owned(), Box::new(|_| ())).unwrap();
    let context = Arc::new(context);
    let receipts = make_up_all(&context, classes, shards);
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
    // All on one thread, which counts.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let before = (receipts_read(), values_written());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let lines = runtime.block_on(dry_run(context, &options, 0..=STAGES.len() - 1)).unwrap();
        assert!(lines.iter().all(|line| line.ends_with("nothing to do")), "{lines:?}");
        (receipts as u64, receipts_read() - before.0, values_written() - before.1)
    })
}

#[test]
fn planning_reads_each_receipt_once_and_grows_as_classes_and_shards_do() {
    let (few, many) = (planned(50, 20), planned(200, 80));
    assert_eq!((few.1, many.1), (few.0, many.0), "receipts read");
    let growth = many.2 as f64 / few.2 as f64;
    assert!(growth < 4.5, "four times the classes and shards: {} values, then {}", few.2, many.2);
}
