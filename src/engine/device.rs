//! Device threads: each thread owns its device's sessions and takes jobs from one bounded queue.

use super::cancel::{Cancel, OF_UNIT};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

type Request<J, R, E> = (J, oneshot::Sender<Result<R, E>>);
type Queue<J, R, E> = Arc<Mutex<mpsc::Receiver<Request<J, R, E>>>>;

/// A device thread is missing.
#[derive(Debug, thiserror::Error)]
pub enum DeviceGone {
    /// The thread ended before its answer.
    #[error("a device thread ended before its work was done; the message above gives the reason")]
    Ended,
    /// The thread could not be started.
    #[error("{0}")]
    NotStarted(std::io::Error),
}

/// Set when a device thread still runs a job whose result is dropped.
static LEFT_AT_WORK: AtomicBool = AtomicBool::new(false);

/// Whether device threads of a stopped run may still be running. The process must then end without exit handlers, which
/// would free objects that the threads use.
pub fn left_at_work() -> bool {
    LEFT_AT_WORK.load(Ordering::SeqCst)
}

/// Device threads that share a queue of jobs `J` and answer with `R`.
pub struct DevicePool<J, R, E> {
    queue: Option<mpsc::Sender<Request<J, R, E>>>,
    threads: Vec<Thread>,
    /// The cancellation of the run that started the pool.
    cancel: Option<Cancel>,
}

struct Thread {
    handle: JoinHandle<()>,
    /// Set while the thread loads its model or runs a job.
    busy: Arc<AtomicBool>,
}

impl<J, R, E> DevicePool<J, R, E>
where
    J: Send + 'static,
    R: Send + 'static,
    E: From<DeviceGone> + Send + 'static,
{
    /// Starts one thread per element of `makers`. Each maker runs on its thread and loads what the device needs; the
    /// function it answers with serves the jobs. Returns when all are ready.
    ///
    /// # Errors
    /// The first maker's error, if one fails.
    pub async fn start<M, W>(makers: Vec<M>) -> Result<Self, E>
    where
        M: FnOnce() -> Result<W, E> + Send + 'static,
        W: FnMut(J) -> Result<R, E>,
    {
        // Room for one waiting job a device: the next batch forms while one runs, and no more.
        let (sender, receiver) = mpsc::channel(makers.len().max(1));
        let receiver: Queue<J, R, E> = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::new();
        let mut ready = Vec::new();
        for maker in makers {
            let (report, reported) = oneshot::channel();
            let (queue, busy) = (receiver.clone(), Arc::new(AtomicBool::new(true)));
            let at_work = busy.clone();
            let handle = crate::threads::spawn("device", move || match maker() {
                Ok(worker) => {
                    let _ = report.send(Ok(()));
                    serve(&queue, &at_work, worker);
                }
                Err(error) => {
                    let _ = report.send(Err(error));
                }
            });
            let handle = handle.map_err(DeviceGone::NotStarted)?;
            threads.push(Thread { handle, busy });
            ready.push(reported);
        }
        let cancel = OF_UNIT.try_with(Cancel::clone).ok();
        let pool = Self { queue: Some(sender), threads, cancel };
        for reported in ready {
            reported.await.unwrap_or_else(|_| Err(DeviceGone::Ended.into()))?;
        }
        Ok(pool)
    }

    /// Runs `job` on one device. Waits for a place in the queue, then for the answer.
    ///
    /// # Errors
    /// The worker's, or [`DeviceGone`].
    pub async fn run(&self, job: J) -> Result<R, E> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(DeviceGone::Ended)?;
        queue.send((job, answer)).await.map_err(|_| DeviceGone::Ended)?;
        answered.await.unwrap_or_else(|_| Err(DeviceGone::Ended.into()))
    }
}

fn serve<J, R, E>(
    queue: &Queue<J, R, E>,
    busy: &AtomicBool,
    mut worker: impl FnMut(J) -> Result<R, E>,
) {
    loop {
        busy.store(false, Ordering::SeqCst);
        // A poisoned lock means that another device thread panicked while waiting; there is nothing half done in it.
        let next = queue.lock().unwrap_or_else(|p| p.into_inner()).blocking_recv();
        let Some((job, answer)) = next else { return };
        busy.store(true, Ordering::SeqCst);
        // Nobody waits any more when the run is being cancelled: the job is dropped undone.
        if !answer.is_closed() {
            let _ = answer.send(worker(job));
        }
    }
}

impl<J, R, E> Drop for DevicePool<J, R, E> {
    fn drop(&mut self) {
        self.queue = None;
        let stopping = self.cancel.as_ref().is_some_and(Cancel::is_cancelled);
        for Thread { handle, busy } in self.threads.drain(..) {
            // Whoever asked for a job borrows the pool: nobody waits for one that is still under way. A run that was asked
            // to stop does not either: the thread goes with the process.
            if stopping && busy.load(Ordering::SeqCst) {
                LEFT_AT_WORK.store(true, Ordering::SeqCst);
            } else {
                let _ = handle.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Maker = Box<
        dyn FnOnce() -> Result<Box<dyn FnMut(u32) -> Result<u32, DeviceGone>>, DeviceGone> + Send,
    >;

    fn doubling() -> Maker {
        Box::new(|| {
            Ok(Box::new(|n| {
                assert!(n != 13, "unlucky");
                Ok(2 * n)
            }))
        })
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn devices_share_the_work_and_answer_each_asker() {
        block_on(async {
            let pool = DevicePool::start(vec![doubling(), doubling()]).await.unwrap();
            let answers = futures::future::join_all((0..12).map(|n| pool.run(n))).await;
            let answers: Vec<u32> = answers.into_iter().map(Result::unwrap).collect();
            assert_eq!(answers, (0..12).map(|n| 2 * n).collect::<Vec<_>>());
        });
    }

    #[test]
    fn a_panicking_device_is_an_error_not_a_hang() {
        block_on(async {
            let pool = DevicePool::start(vec![doubling()]).await.unwrap();
            assert!(matches!(pool.run(13).await, Err(DeviceGone::Ended)));
            assert!(matches!(pool.run(1).await, Err(DeviceGone::Ended)));
        });
    }

    #[test]
    fn a_run_that_was_asked_to_stop_does_not_wait_for_a_job_that_nobody_waits_for() {
        let cancel = Cancel::default();
        let (begun, begins) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let stuck: Maker = Box::new(move || {
            Ok(Box::new(move |n: u32| {
                begun.send(n).unwrap();
                let _ = released.recv_timeout(std::time::Duration::from_secs(20));
                Ok(n)
            }))
        });
        block_on(async {
            let start = OF_UNIT.scope(cancel.clone(), DevicePool::start(vec![stuck]));
            let pool = start.await.unwrap();
            let under_way = async {
                while begins.try_recv().is_err() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                answer = pool.run(1) => panic!("{answer:?}"),
                () = under_way => cancel.cancel(),
            }
            drop(pool);
            assert!(release.send(()).is_ok(), "the job was waited for");
            assert!(left_at_work());
        });
    }

    #[test]
    fn a_device_that_cannot_load_fails_the_start() {
        let bad: Maker = Box::new(|| Err(DeviceGone::Ended));
        assert!(block_on(DevicePool::start(vec![doubling(), bad])).is_err());
    }
}
