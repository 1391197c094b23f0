use super::*;
use crate::estimate::{
    Footprint, Line, Rates, Recorded, Rules, Sizes, StageCost, StageStatus, Times, Work, simulate,
    stages, totals, worker_stages,
};

fn cost(stage: &str) -> &'static StageCost {
    STAGES[position(stage)].cost
}

fn seconds(stage: &str, work: &Work, rates: &Rates) -> Option<f64> {
    (cost(stage).seconds)(work, &Sizes::default(), rates)
}

fn units(stage: &str, work: &Work) -> u64 {
    (cost(stage).units)(work)
}

fn work() -> Work {
    Work {
        shards: vec![100, 100],
        classes: vec![100, 100],
        ipc: 10,
        encode_batch: 10,
        generate_batch: 10,
        steps: 5,
        samples_per_tar: 1000,
        ..Work::default()
    }
}

#[test]
fn a_host_adds_what_a_card_hides() {
    let mut rates = Rates {
        devices: 1.0,
        on_host: true,
        workers: 2.0,
        load_encoder: 1.0,
        encode_batch: 0.5,
        prepare_image: 0.04,
        ..Rates::default()
    };
    assert_eq!(seconds("encode", &work(), &rates), Some(1.0 + 10.0 + 4.0));
    rates.on_host = false;
    assert_eq!(seconds("encode", &work(), &rates), Some(1.0 + 10.0));
    rates.devices = 4.0;
    assert_eq!(seconds("encode", &work(), &rates), Some(1.0 + 4.0));
}

#[test]
fn generation_counts_prompts_steps_and_images() {
    let rates = Rates {
        devices: 1.0,
        load_generator: 2.0,
        prompt: 1.0,
        step: 0.1,
        decode_latent: 0.05,
        ..Rates::default()
    };
    // Two prompts and the negative one, two groups of five steps, twenty images.
    assert_eq!(seconds("generate", &work(), &rates), Some(2.0 + 3.0 + 1.0 + 1.0));
    let checked = Work { purity: true, ..work() };
    assert_eq!(seconds("purity", &checked, &rates), None);
}

#[test]
fn encode_depends_on_settings_and_discover_on_the_largest_class() {
    let of = Footprint {
        encoder: 100.0,
        copies: 1.0,
        row: 10.0,
        group: 50.0,
        features: 8.0,
        shards: 2.0,
        classes: 2.0,
        ..Footprint::default()
    };
    let work =
        |shard, class| Work { shards: vec![shard], classes: vec![class, 1], ..Work::default() };
    assert_eq!((cost("encode").memory)(&work(5, 5), &of), 100.0 + 2.0 * 2.0 * 50.0);
    assert_eq!((cost("encode").memory)(&work(500, 5), &of), 100.0 + 2.0 * 2.0 * 50.0);
    let [small, large] = [5, 50].map(|class| (cost("discover").memory)(&work(5, class), &of));
    assert_eq!((small, large), (2.0 * 5.0 * 20.0 + 50.0, 2.0 * 50.0 * 20.0 + 50.0));
}

#[test]
fn lines_and_sums() {
    let line = Line::through((1, 150), (11, 650));
    assert_eq!(line, Line { fixed: 100.0, each: 50.0 });
    assert_eq!(Line::through((5, 50), (5, 50)), Line { fixed: 0.0, each: 10.0 });
    let work = Work {
        shards: vec![10, 30],
        classes: vec![25, 15],
        ipc: 2,
        generate_batch: 4,
        samples_per_tar: 3,
        ..Work::default()
    };
    let sizes =
        Sizes { part: line, embedding: line, png: 7.0, distilled: line, ..Sizes::default() };
    let bytes = |stage| (cost(stage).bytes)(&work, &sizes);
    assert_eq!((bytes("encode"), bytes("discover")), (2200.0, 2200.0));
    assert_eq!((bytes("generate"), bytes("assemble")), (28.0, 400.0));
    assert_eq!((bytes("purity"), bytes("fetch")), (0.0, 0.0));
    let generate = stages_to_do()[position("generate")];
    assert_eq!(generate.receipt_bytes(&work, &sizes), 800.0 + 4.0 * 110.0);
}

#[test]
fn generation_counts_the_steps_and_rows_that_are_run() {
    let rates = Rates { devices: 1.0, step: 0.1, ..Rates::default() };
    let seconds = |work: Work| seconds("generate", &work, &rates).unwrap();
    let half = Work { unguided_steps: 2, ..work() };
    assert!((seconds(work()) - 1.0).abs() < 1e-12 && (seconds(half) - 0.8).abs() < 1e-12);
    // Two classes of ten images: three groups of eight over both, two groups each.
    let apart = |batches_by_class| Work { generate_batch: 8, batches_by_class, ..work() };
    assert_eq!((apart(false).batches(), apart(true).batches()), (3, 4));
    assert_eq!(apart(false).batch_sizes(), [8, 8, 4]);
    assert_eq!(apart(true).batch_sizes(), [8, 2, 8, 2]);
    assert!((seconds(apart(true)) - 2.0).abs() < 1e-12);
}

#[test]
fn units_are_what_the_stages_would_list() {
    let work = Work {
        shards: vec![45, 45],
        classes: vec![30, 30, 3],
        ipc: 4,
        encode_batch: 32,
        anchor_batch: 3,
        generate_batch: 4,
        samples_per_tar: 6,
        ..Work::default()
    };
    assert_eq!((work.images(), work.cores(), work.encode_batches()), (90, 11, 3.0));
    assert_eq!(work.anchor_runs(), [(2, 2), (2, 2), (1, 3)]);
    let seen = ["encode", "purity", "discover"].map(|stage| units(stage, &work));
    assert_eq!(seen, [2, 0, 3]);
    assert_eq!((units("generate", &work), units("assemble", &work)), (3, 4));
    assert!((work.shards_fetched_from() - 2.0 * (1.0 - 0.5f64.powi(11))).abs() < 1e-12);
}

#[test]
fn members_are_fetched_and_encoded_only_where_they_are_encoded_again() {
    let mut work = Work {
        shards: vec![50, 50],
        classes: vec![60, 30, 10],
        ipc: 2,
        anchor_batch: 8,
        members: Some(20),
        ..Work::default()
    };
    let sizes = Sizes {
        fetched: Line { fixed: 0.0, each: 100.0 },
        anchors: Line { fixed: 0.0, each: 1000.0 },
        members: Line { fixed: 50.0, each: 1.0 },
        member_key: 3.0,
        ..Sizes::default()
    };
    let rates = Rates { devices: 1.0, anchor_image: 1.0, fetch_core: 1.0, ..Rates::default() };
    let bytes = |stage, work: &Work| (cost(stage).bytes)(work, &sizes);
    // Of the third class all ten images are members.
    assert_eq!(work.members_of_classes().collect::<Vec<_>>(), [40, 30, 10]);
    assert_eq!((work.fetched(), bytes("fetch", &work)), (6, 600.0));
    assert_eq!(seconds("anchor", &work, &rates), Some(0.0));
    assert_eq!(bytes("anchor", &work), 6.0 * 1000.0 + 80.0 * 3.0);
    assert_eq!(bytes("discover", &work), 3.0 * 50.0 + 80.0);
    work.encoded_again = true;
    assert_eq!((work.fetched(), bytes("fetch", &work)), (80, 8000.0));
    assert_eq!(work.anchor_runs(), [(5, 8), (3, 8), (1, 6), (1, 8), (1, 2)]);
    assert_eq!(seconds("anchor", &work, &rates), Some(80.0));
    assert_eq!(seconds("fetch", &work, &rates), Some(80.0));
    // Whole groups are at most the class; single images have no members.
    work.members = Some(u64::MAX);
    assert_eq!(work.fetched(), 100);
    work.members = None;
    assert_eq!((work.fetched(), bytes("discover", &work)), (6, 0.0));
}

#[test]
fn what_is_done_is_not_counted_again() {
    let work = Work {
        shards: vec![10; 4],
        classes: vec![40],
        ipc: 2,
        generate_batch: 1,
        ..Work::default()
    };
    let sizes = Sizes { part: Line { fixed: 0.0, each: 10.0 }, ..Sizes::default() };
    let status = StageStatus { stage: "encode", units: 4, done: 3, stale: 0, bytes: 310 };
    let recorded = [("encode".to_owned(), Recorded { seconds: 6.0, units: 3 })].into();
    let times = Times { recorded, devices: 2.0, ..Times::default() };
    let mut declared = stages_to_do();
    declared.retain(|stage| ["encode", "purity", "discover"].contains(&stage.name));
    let found = stages(&declared, &work, &sizes, &Footprint::default(), &[status], &times);
    let names: Vec<_> = found.iter().map(|stage| stage.stage).collect();
    assert_eq!(names, ["encode", "discover"], "a stage that is off is not listed");
    assert_eq!((found[0].bytes, found[0].seconds), (410, Some(2.0)));
    assert_eq!(found[0].basis, Some("recorded"));
    assert_eq!(found[1].seconds, None);
    let sum = totals(&declared, &found, &work, &sizes, 2.0);
    assert_eq!((sum.seconds, sum.device_hours), (None, Some(4.0 / 3600.0)));
}

#[test]
fn one_worker_takes_what_the_plan_says() {
    let work = Work {
        shards: vec![320; 4],
        classes: vec![640, 640],
        ipc: 10,
        encode_batch: 32,
        anchor_batch: 4,
        encoded_again: true,
        generate_batch: 4,
        steps: 5,
        samples_per_tar: 20,
        ..Work::default()
    };
    let rates = Rates {
        devices: 1.0,
        workers: 4.0,
        load_encoder: 3.0,
        encode_batch: 0.5,
        prepare_image: 0.01,
        discover_class: 7.0,
        anchor_image: 0.25,
        load_generator: 20.0,
        step: 0.1,
        decode_latent: 0.05,
        ..Rates::default()
    };
    let rules = Rules { workers: 1, help: true, request: 0.0 };
    let simulated = simulate(&worker_stages(&stages_to_do(), &work, &rates), &rules);
    assert_eq!(simulated.stages.len(), 7);
    for stage in simulated.stages.iter().filter(|stage| stage.stage != "fetch") {
        let expected = seconds(stage.stage, &work, &rates).unwrap();
        // Cores are encoded in padded groups: 4, 4 and 2 as 3 × 4.
        let off = if stage.stage == "anchor" { 1.0 } else { 1e-3 };
        assert!((stage.seconds - expected).abs() <= off, "{stage:?}: {expected}");
    }
    // 3 + 40 × 0.5, 2 × 7, 3 + 20 × 0.25, 20 + 5 × 5 × 0.1 + 20 × 0.05.
    assert!((simulated.seconds - 68.5).abs() < 1e-6 && simulated.idle < 1e-6, "{simulated:?}");
}
