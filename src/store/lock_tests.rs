use super::*;
use std::sync::Mutex;

/// Rules as on a file system without locks, quick, for `holder`.
fn claims_only(holder: ProcessId) -> Rules {
    let (beat, timeout) = (Duration::from_millis(20), Duration::from_secs(2));
    Rules { beat, timeout, system: false, holder }
}

fn far() -> ProcessId {
    ProcessId { host: "far".into(), boot: "other".into(), ..ProcessId::this() }
}

/// Takes the lock and what was said meanwhile.
fn take(rules: &Rules, root: &Path) -> (Result<FolderLock, StoreError>, String) {
    let said = Mutex::new(String::new());
    let lock = FolderLock::take_by(rules, root, |message| said.lock().unwrap().push_str(message));
    (lock, said.into_inner().unwrap())
}

/// Leaves a claim as a process that was killed does.
fn leave_claim(root: &Path, holder: ProcessId) {
    let claim = Claim { holder, beat: "000000000007".into() };
    std::fs::write(root.join("lock.holder"), serde_json::to_vec(&claim).unwrap()).unwrap();
}

#[test]
fn a_second_taker_is_told_who_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = FolderLock::take(dir.path(), |_| ()).unwrap();
    let message = FolderLock::take(dir.path(), |_| ()).unwrap_err().to_string();
    assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
    // As a process that is being started has it, for a moment.
    let copy = first.file.try_clone().unwrap();
    drop(first);
    assert!(!dir.path().join("lock.holder").exists());
    assert!(FolderLock::take(dir.path(), |_| ()).is_ok());
    drop(copy);
}

#[test]
fn without_system_locks_a_living_process_keeps_others_out() {
    let dir = tempfile::tempdir().unwrap();
    let rules = claims_only(ProcessId::this());
    let first = take(&rules, dir.path()).0.unwrap();
    let error = take(&rules, dir.path()).0.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(first);
    assert!(take(&rules, dir.path()).0.is_ok());
}

#[test]
fn a_claim_of_a_dead_process_is_recognised_and_said() {
    let dir = tempfile::tempdir().unwrap();
    leave_claim(dir.path(), ProcessId { started: "1".into(), ..ProcessId::this() });
    let (lock, said) = take(&claims_only(ProcessId::this()), dir.path());
    assert!(lock.is_ok() && said.contains("stopped without releasing its claim"), "{said}");
    drop(lock);
    // With system locks, ours to take is proof enough.
    leave_claim(dir.path(), ProcessId { process: 1, ..ProcessId::this() });
    let said = Mutex::new(String::new());
    let lock = FolderLock::take(dir.path(), |message| said.lock().unwrap().push_str(message));
    assert!(lock.is_ok() && said.into_inner().unwrap().contains("(process 1 on "));
}

#[test]
fn another_machines_claim_holds_while_its_heart_beats() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = take(&claims_only(far()), dir.path()).0.unwrap();
    let (mine, said) = take(&claims_only(ProcessId::this()), dir.path());
    let error = mine.unwrap_err().to_string();
    assert!(error.contains("on far") && said.contains("watching its heartbeat"), "{error}, {said}");
    drop(theirs);
    assert!(take(&claims_only(ProcessId::this()), dir.path()).0.is_ok());
}

#[test]
fn another_machines_claim_is_void_when_its_heart_stands_still() {
    let dir = tempfile::tempdir().unwrap();
    leave_claim(dir.path(), far());
    let rules = Rules { timeout: Duration::from_millis(120), ..claims_only(ProcessId::this()) };
    let (lock, said) = take(&rules, dir.path());
    assert!(lock.is_ok() && said.contains("stopped without releasing its claim"), "{said}");
}

#[test]
fn a_claim_made_meanwhile_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    leave_claim(dir.path(), far());
    let path = dir.path().join("lock.holder");
    let theirs = std::fs::read(&path).unwrap();
    assert!(matches!(take_away(&path, b"judged"), Err(StoreError::Locked { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), theirs);
    take_away(&path, &theirs).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn who_was_thought_dead_leaves_the_next_ones_claim_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock.holder");
    let slow = take(&claims_only(far()), dir.path()).0.unwrap();
    std::fs::rename(&path, dir.path().join("aside")).unwrap();
    let next = take(&claims_only(ProcessId::this()), dir.path()).0.unwrap();
    drop(slow);
    assert!(path.exists());
    drop(next);
    assert!(!path.exists());
}

#[test]
fn a_claim_that_cannot_be_read_counts_as_held() {
    let dir = tempfile::tempdir().unwrap();
    let claim = dir.path().join("lock.holder");
    std::fs::write(&claim, "{").unwrap();
    let error = FolderLock::refuse_held(dir.path(), |_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("delete this file"), "{error}");
    std::fs::remove_file(&claim).unwrap();
    FolderLock::refuse_held(dir.path(), |_| ()).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "looking leaves nothing");
}
