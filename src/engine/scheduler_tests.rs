use super::*;

/// A run directory with the places 0-of-2, which is ours, and 1-of-2.
struct Fixture {
    _dir: tempfile::TempDir,
    run_dir: RunDir,
    worker: WorkerRole,
    other: Option<WorkerSession>,
}

impl Fixture {
    fn new(help: bool, wait: Option<Duration>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = RunDir::new(dir.path());
        let join = |worker: &str| WorkerSession::join(&run_dir, worker, false, |_| ()).unwrap();
        let (member, other) = (Arc::new(join("0-of-2")), Some(join("1-of-2")));
        let worker = WorkerRole { member, partition: Partition { index: 0, of: 2 }, help, wait };
        Self { _dir: dir, run_dir, worker, other }
    }

    /// Has the other worker claim a unit, so that the claim stays when it dies.
    fn claim(&self, unit: &str) {
        let path = self.run_dir.path(&format!("s/{unit}.claim"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "1-of-2").unwrap();
    }

    fn finish(&self, unit: &str) {
        let receipt = Receipt {
            version: Receipt::VERSION,
            unit: format!("s/{unit}"),
            fingerprint: "f".into(),
            settings: serde_json::Value::Null,
            inputs: Default::default(),
            outputs: Vec::new(),
            contents: Default::default(),
            samples: 1,
            faults: Vec::new(),
            log: Vec::new(),
            seconds: 0.0,
        };
        self.run_dir.write_receipt(&receipt).unwrap();
    }

    /// Our scheduler of units of equal cost: the even ones are our share.
    fn feed(&self, units: &[&str]) -> (Scheduler, Arc<InFlight>) {
        let wanted =
            |unit: &&str| Some(PendingUnit { name: format!("s/{unit}"), fingerprint: "f".into() });
        let (units, costs) = (units.iter().map(wanted).collect::<Vec<_>>(), vec![1; units.len()]);
        let (cancel, in_flight) = (Cancel::default(), Arc::new(InFlight::default()));
        let worker = (Some(&self.worker), in_flight.clone());
        (Scheduler::new("s", (units, &costs), (&self.run_dir, &cancel), worker), in_flight)
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

async fn after(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// In a word.
fn step_of(next_unit: Option<NextUnit<usize>>) -> String {
    match next_unit {
        None => "end".into(),
        Some(NextUnit::Do(unit)) => format!("do {unit}"),
        Some(NextUnit::DoneElsewhere(receipt)) => format!("found {}", receipt.unit),
        Some(NextUnit::Missing(units)) => format!("{} missing", units.len()),
        Some(NextUnit::Lost(error)) => error.to_string(),
    }
}

#[test]
fn an_own_unit_of_a_worker_that_dies_is_taken_up_without_help_too() {
    let mut bench = Fixture::new(false, None);
    bench.claim("a");
    let (mut scheduler, _) = bench.feed(&["a", "b"]);
    let other = bench.other.take();
    block_on(async {
        let dies = async {
            after(100).await;
            drop(other);
        };
        let (next_unit, ()) = tokio::join!(scheduler.next(), dies);
        assert_eq!(step_of(next_unit), "do 0");
        assert_eq!(step_of(scheduler.next().await), "1 missing");
        assert_eq!(step_of(scheduler.next().await), "end");
    });
}

#[test]
fn only_time_with_nothing_to_do_is_waited_and_a_takeover_starts_it_anew() {
    let mut bench = Fixture::new(true, Some(Duration::from_millis(500)));
    ["b", "c", "d"].iter().for_each(|unit| bench.claim(unit));
    let (mut scheduler, in_flight) = bench.feed(&["a", "b", "c", "d"]);
    let other = bench.other.take();
    block_on(async {
        assert_eq!(step_of(scheduler.next().await), "do 0");
        // Longer than the wait, with a unit under way in_flight.
        let done = async {
            after(900).await;
            bench.finish("b");
        };
        let (next_unit, ()) = tokio::join!(scheduler.next(), done);
        assert_eq!(step_of(next_unit), "found s/b");
        in_flight.end();
        let dies = async {
            after(200).await;
            drop(other);
        };
        let (next_unit, ()) = tokio::join!(scheduler.next(), dies);
        assert_eq!(step_of(next_unit), "do 2");
        assert!(scheduler.waiting.is_none());
    });
}

#[test]
fn who_waits_looks_no_more_often_because_others_finish_units() {
    let bench = Fixture::new(true, None);
    ["a", "b", "c"].iter().for_each(|unit| bench.claim(unit));
    let (mut scheduler, _) = bench.feed(&["a", "b", "c"]);
    scheduler.poll = Duration::from_millis(400);
    bench.finish("b");
    block_on(async {
        assert_eq!(step_of(scheduler.next().await), "found s/b");
        bench.finish("c");
        let asked = Instant::now();
        assert_eq!(step_of(scheduler.next().await), "found s/c");
        assert!(asked.elapsed() >= Duration::from_millis(400), "{:?}", asked.elapsed());
        assert!(scheduler.poll > Duration::from_millis(400), "{:?}", scheduler.poll);
    });
}

#[test]
fn when_it_is_stopped_nothing_more_is_handed_out() {
    let bench = Fixture::new(true, None);
    let (mut scheduler, in_flight) = bench.feed(&["a", "b", "c"]);
    assert_eq!(step_of(block_on(scheduler.next())), "do 0");
    assert!(in_flight.is_at_work() && in_flight.stop() && !in_flight.stop());
    assert_eq!(step_of(block_on(scheduler.next())), "end");
}
