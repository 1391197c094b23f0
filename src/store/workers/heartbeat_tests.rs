use super::*;
use crate::store::process_id::ProcessId;
use std::sync::Mutex as Said;
use std::time::Duration;

fn place() -> (tempfile::TempDir, RunDir) {
    let dir = tempfile::tempdir().unwrap();
    let run_dir = RunDir::new(dir.path());
    (dir, run_dir)
}

fn join(run_dir: &RunDir, worker: &str) -> Result<WorkerSession, StoreError> {
    WorkerSession::join(run_dir, worker, false, |_| ())
}

/// Leaves a record as a process that was killed does.
fn leave_record(run_dir: &RunDir, worker: &str, process_id: ProcessId) {
    let record = WorkerRecord { process_id, ..WorkerRecord::new(worker, false) };
    run_dir.backend().write(&record_name(worker), &text(&record)).unwrap();
}

fn dead() -> ProcessId {
    ProcessId { started: "1".into(), ..ProcessId::this() }
}

fn far() -> ProcessId {
    ProcessId { host: "far".into(), boot: "other".into(), ..ProcessId::this() }
}

#[test]
fn a_place_is_for_one_and_free_when_its_holder_left_or_died() {
    let (_dir, run_dir) = place();
    let first = join(&run_dir, "0-of-2").unwrap();
    let error = join(&run_dir, "0-of-2").unwrap_err().to_string();
    assert!(error.contains("worker 0-of-2 is already running there (process "), "{error}");
    let second = join(&run_dir, "1-of-2").unwrap();
    for _ in 0..2 {
        assert!(second.has_company().unwrap());
    }
    drop(first);
    assert!(!second.has_company().unwrap());
    assert_eq!(run_dir.workers().unwrap()[0].state, WorkerState::Interrupted);
    let again = join(&run_dir, "0-of-2").unwrap();
    again.leave(WorkerState::Finished, "").unwrap();
    drop(again);
    assert_eq!(run_dir.workers().unwrap()[0].state, WorkerState::Finished);
    leave_record(&run_dir, "0-of-2", dead());
    assert!(join(&run_dir, "0-of-2").is_ok());
}

#[test]
fn who_wants_to_be_alone_is_refused_while_others_live() {
    let (_dir, run_dir) = place();
    let alone = |run_dir: &RunDir| WorkerSession::join(run_dir, "0-of-1", true, |_| ());
    let one = join(&run_dir, "1-of-2").unwrap();
    assert!(matches!(alone(&run_dir), Err(StoreError::Busy { .. })));
    assert!(matches!(WorkerSession::refuse_any(&run_dir, |_| ()), Err(StoreError::Busy { .. })));
    drop(one);
    assert!(WorkerSession::refuse_any(&run_dir, |_| ()).is_ok());
    let alone = alone(&run_dir).unwrap();
    assert!(matches!(join(&run_dir, "1-of-2"), Err(StoreError::Busy { .. })));
    drop(alone);
    assert!(join(&run_dir, "1-of-2").is_ok());
}

#[test]
fn a_unit_is_for_one_and_free_when_it_is_given_back_or_its_worker_died() {
    let (_dir, run_dir) = place();
    let (a, b) = (join(&run_dir, "0-of-2").unwrap(), join(&run_dir, "1-of-2").unwrap());
    assert_eq!(a.begin("encode/x").unwrap(), ClaimOutcome::Claimed);
    assert_eq!(b.begin("encode/x").unwrap(), ClaimOutcome::Taken("0-of-2".into()));
    let under_way = |member: &WorkerSession, unit: &str| {
        member.under_way(vec![unit.to_owned()]).unwrap().contains(unit)
    };
    assert!(under_way(&b, "encode/x") && !under_way(&a, "encode/x"));
    a.end("encode/x", Some(Ok(2.5))).unwrap();
    assert_eq!(b.begin("encode/x").unwrap(), ClaimOutcome::Claimed);
    b.end("encode/x", None).unwrap();
    assert!(run_dir.claims("encode").unwrap().is_empty());
    let record = a.record.lock().unwrap().clone();
    assert_eq!((record.units, record.stage_seconds, record.failed), (1, 2.5, 0));
    // Killed in the middle: its claim stands, and is void.
    leave_record(&run_dir, "7-of-8", dead());
    run_dir.backend().write(&claim_name("encode/y"), b"7-of-8").unwrap();
    assert!(!under_way(&a, "encode/y"));
    assert_eq!(a.begin("encode/y").unwrap(), ClaimOutcome::Claimed);
    // Came back: what it claimed before it died is taken back as it enters the stage.
    run_dir.backend().write(&claim_name("encode/z"), b"1-of-2").unwrap();
    b.enter("encode").unwrap();
    assert_eq!(run_dir.claims("encode").unwrap().into_values().collect::<Vec<_>>(), ["0-of-2"]);
    drop(a);
    assert!(run_dir.claims("encode").unwrap().is_empty());
}

#[test]
fn one_out_of_sight_is_dead_when_it_stands_still() {
    let (_dir, run_dir) = place();
    leave_record(&run_dir, "3-of-4", far());
    let mut liveness = Liveness::new(Duration::from_millis(300));
    let record = || run_dir.worker_record("3-of-4").unwrap().unwrap();
    assert!(liveness.judge(record()), "it can't be told yet");
    std::thread::sleep(Duration::from_millis(350));
    assert!(!liveness.judge(record()));
    let moved = WorkerRecord { process_id: far(), beat: 9, ..WorkerRecord::new("3-of-4", false) };
    run_dir.backend().write(&record_name("3-of-4"), &text(&moved)).unwrap();
    assert!(liveness.judge(record()), "it has moved");

    let said = Said::new(String::new());
    let mut liveness = Liveness::new(Duration::from_millis(300));
    let found =
        liveness.living(|| run_dir.workers(), |_| true, |text| said.lock().unwrap().push_str(text));
    assert_eq!(found.unwrap(), None);
    assert!(said.into_inner().unwrap().contains("watching its heartbeat"));
}
