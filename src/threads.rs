//! Threads: their number, and starting them. Limits (`ulimit -u`, control groups) may allow only a few threads; then starting
//! fails with an error, without a panic or an endless wait.

use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle, available_parallelism};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Threads that may wait for files and servers at once: tokio's own number.
const MOST_BLOCKING: usize = 512;

/// The process may start too few threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process may start only {can} threads, and {wanted} are needed: raise `ulimit -u`, or lower [runtime] workers and \
     threads (and RAYON_NUM_THREADS, the threads of the arithmetic)"
)]
pub struct TooFewThreads {
    /// The threads that can be started.
    pub can: usize,
    /// The threads that are needed.
    pub wanted: usize,
}

/// Cores of this machine that this process may use.
pub fn machine() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The number of threads that can be started, at most those of a run with all cores; counted once.
fn room() -> usize {
    static ROOM: OnceLock<usize> = OnceLock::new();
    *ROOM.get_or_init(|| startable(wanted(machine())))
}

/// The cores to use: those of the machine, or fewer if their threads can't be started.
pub fn cores() -> usize {
    fitting(machine(), room())
}

/// The most units and images processed at once: more than the cores, as they also wait for disks and servers.
pub fn most_workers() -> usize {
    let cores = cores();
    if cores < machine() { cores } else { 4 * cores }
}

/// The threads of a run on this number of cores.
fn wanted(cores: usize) -> usize {
    // The arithmetic, those that wait for files, those inside the models of a stage, the network's, and four for a heartbeat,
    // signals, the device and what an image decoder may take.
    cores + blocking(cores) + 5 * (cores - 1) + network(cores) + 4
}

/// Threads that requests to servers run on.
pub(crate) fn network(cores: usize) -> usize {
    cores.clamp(1, 4)
}

/// Threads that wait for files and decode: one for each reader of a shard and each worker, and two for what the rest hangs on.
fn blocking(workers: usize) -> usize {
    workers + workers.min(4) + 2
}

/// The most cores of `cores` whose threads can be started; at least one.
fn fitting(cores: usize, room: usize) -> usize {
    (1..=cores).rev().find(|&cores| wanted(cores) <= room).unwrap_or(1)
}

/// Starts up to `wanted` threads at once, ends them and returns their number.
fn startable(wanted: usize) -> usize {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let wait = |gate: &(Mutex<bool>, Condvar)| {
        let open = gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(gate.1.wait_while(open, |open| !*open));
    };
    let mut started = Vec::new();
    while started.len() < wanted {
        let own = gate.clone();
        // Small stacks: they only wait.
        match Builder::new().stack_size(1 << 14).spawn(move || wait(&own)) {
            Ok(thread) => started.push(thread),
            Err(_) => break,
        }
    }
    *gate.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    gate.1.notify_all();
    let count = started.len();
    started.into_iter().for_each(|thread| drop(thread.join()));
    count
}

/// Starts a thread with the name `name`.
///
/// # Errors
/// If the thread can't be started.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(work).map_err(|error| {
        let limit = "this process may start no more threads: raise `ulimit -u`";
        io::Error::new(error.kind(), format!("{limit} ({error})"))
    })
}

/// A runtime whose `block_on` runs everything that is asynchronous; `workers` say how many threads wait for files. All of
/// them are there when it is, and stay: the runtime would panic, or wait for ever, where one can't be started later.
///
/// # Errors
/// If the threads can't be started.
pub fn runtime(workers: usize) -> io::Result<Runtime> {
    let (can, least) = (room(), wanted(1));
    if can < least {
        return Err(io::Error::other(TooFewThreads { can, wanted: least }));
    }
    let count = blocking(workers);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // More come when all wait, as those that wait for files on a slow disk; where they can't be started, these do it.
        .max_blocking_threads(MOST_BLOCKING)
        .thread_keep_alive(Duration::from_secs(1 << 30))
        .build()?;
    let started = Arc::new((Mutex::new(Started::default()), Condvar::new()));
    let wake = || {
        for _ in 0..count {
            let started = started.clone();
            drop(runtime.spawn_blocking(move || meet(&started)));
        }
    };
    // It panics where the first one can't be started.
    let woken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wake)).is_ok();
    let there = if woken { all_there(&started, count) } else { 0 };
    if there < count {
        runtime.shutdown_background();
        return Err(io::Error::other(TooFewThreads { can: there, wanted: count }));
    }
    Ok(runtime)
}

#[derive(Debug, Default)]
struct Started {
    count: usize,
    over: bool,
}

type Meeting = (Mutex<Started>, Condvar);

/// Counts this thread, and keeps it until all are there.
fn meet((started, changed): &Meeting) {
    let mut here = started.lock().unwrap_or_else(PoisonError::into_inner);
    here.count += 1;
    changed.notify_all();
    drop(changed.wait_while(here, |here| !here.over));
}

/// How many of `count` threads have come, when they have all or no more come.
fn all_there((started, changed): &Meeting, count: usize) -> usize {
    let mut here = started.lock().unwrap_or_else(PoisonError::into_inner);
    let mut last = (here.count, Instant::now());
    while here.count < count && last.1.elapsed() < Duration::from_secs(5) {
        let waited = changed.wait_timeout(here, Duration::from_millis(100));
        here = waited.unwrap_or_else(PoisonError::into_inner).0;
        if here.count != last.0 {
            last = (here.count, Instant::now());
        }
    }
    here.over = true;
    changed.notify_all();
    here.count
}

/// Starts the threads of the arithmetic, once and first: as many as there are cores, or as RAYON_NUM_THREADS says, but no
/// more than `most`; fewer, down to the calling thread alone, where the machine lets us start no more. `leave_room`: for the
/// others of a run.
///
/// # Errors
/// If the threads were started before.
pub fn start_arithmetic(most: usize, leave_room: bool) -> io::Result<()> {
    let setting = std::env::var("RAYON_NUM_THREADS").ok().and_then(|setting| setting.parse().ok());
    let cores = if leave_room { cores() } else { machine() };
    let wanted = setting
        .filter(|setting| *setting > 0)
        .map_or(cores, |setting: usize| setting.min(cores))
        .min(most);
    let mut waiting = Vec::new();
    while waiting.len() < wanted {
        let (hand, handed) = channel();
        let work = move || arithmetic(&handed);
        match Builder::new().name(format!("arithmetic-{}", waiting.len())).spawn(work) {
            Ok(_) => waiting.push(hand),
            Err(_) => break,
        }
    }
    let count = waiting.len();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count.max(1));
    let built = match count {
        0 => pool.use_current_thread().build_global(),
        // They are there: nothing can fail in the middle of building.
        _ => pool
            .spawn_handler(|thread| {
                let hand = waiting.get(thread.index()).ok_or(io::ErrorKind::NotFound)?;
                hand.send(thread).map_err(|_| io::ErrorKind::BrokenPipe.into())
            })
            .build_global(),
    };
    built.map_err(io::Error::other)
}

fn arithmetic(handed: &Receiver<rayon::ThreadBuilder>) {
    if let Ok(thread) = handed.recv() {
        thread.run();
    }
}

/// Runs `work` on `count` threads of its own, or on as many as can be started.
pub fn with_pool<T: Send>(count: usize, work: impl FnOnce() -> T + Send) -> T {
    let mut count = count;
    while count > 0 {
        match rayon::ThreadPoolBuilder::new().num_threads(count).build() {
            Ok(pool) => return pool.install(work),
            Err(_) => count /= 2,
        }
    }
    work()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn as_many_cores_are_used_as_there_is_room_for() {
        assert_eq!(fitting(2, wanted(2)), 2);
        assert_eq!(fitting(2, wanted(2) - 1), 1);
        assert_eq!(fitting(104, wanted(4) + 3), 4);
        assert_eq!(fitting(4, 0), 1);
    }

    #[test]
    fn threads_that_can_be_started_are_counted() {
        assert_eq!(startable(5), 5);
        assert!(most_workers() >= cores() && cores() <= machine());
    }

    #[test]
    fn a_runtime_has_all_its_threads_from_the_start() {
        let runtime = runtime(2).unwrap();
        let count = blocking(2);
        let all = Arc::new(Barrier::new(count));
        runtime.block_on(async {
            let meet = (0..count).map(|_| {
                let all = all.clone();
                tokio::task::spawn_blocking(move || all.wait())
            });
            for met in meet.collect::<Vec<_>>() {
                met.await.unwrap();
            }
        });
    }

    #[test]
    fn a_pool_of_its_own_has_that_many_threads() {
        assert_eq!(with_pool(3, rayon::current_num_threads), 3);
    }
}
