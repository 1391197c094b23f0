//! One thread per device, which owns the device's sessions; work comes to it through one bounded queue.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

type Request<J, R, E> = (J, oneshot::Sender<Result<R, E>>);
type Queue<J, R, E> = Arc<Mutex<mpsc::Receiver<Request<J, R, E>>>>;

/// A device thread ended before it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a device thread ended before its work was done; the message above it says why")]
pub struct DeviceGone;

/// Device threads that share a queue of jobs `J` and answer with `R`.
pub struct DevicePool<J, R, E> {
    queue: Option<mpsc::Sender<Request<J, R, E>>>,
    threads: Vec<JoinHandle<()>>,
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
            let queue = receiver.clone();
            threads.push(std::thread::spawn(move || match maker() {
                Ok(worker) => {
                    let _ = report.send(Ok(()));
                    serve(&queue, worker);
                }
                Err(error) => {
                    let _ = report.send(Err(error));
                }
            }));
            ready.push(reported);
        }
        let pool = Self { queue: Some(sender), threads };
        for reported in ready {
            reported.await.unwrap_or_else(|_| Err(DeviceGone.into()))?;
        }
        Ok(pool)
    }

    /// Has one device do `job`. Waits for a place in the queue, then for the answer.
    ///
    /// # Errors
    /// The worker's, or [`DeviceGone`].
    pub async fn run(&self, job: J) -> Result<R, E> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(DeviceGone)?;
        queue.send((job, answer)).await.map_err(|_| DeviceGone)?;
        answered.await.unwrap_or_else(|_| Err(DeviceGone.into()))
    }
}

fn serve<J, R, E>(queue: &Queue<J, R, E>, mut worker: impl FnMut(J) -> Result<R, E>) {
    loop {
        // A poisoned lock means that another device thread panicked while waiting; there is nothing half done in it.
        let next = queue.lock().unwrap_or_else(|p| p.into_inner()).blocking_recv();
        let Some((job, answer)) = next else { return };
        // Nobody waits any more when the run is being cancelled: the job is dropped undone.
        if !answer.is_closed() {
            let _ = answer.send(worker(job));
        }
    }
}

impl<J, R, E> Drop for DevicePool<J, R, E> {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
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
            assert_eq!(answers, (0..12).map(|n| Ok(2 * n)).collect::<Vec<_>>());
        });
    }

    #[test]
    fn a_panicking_device_is_an_error_not_a_hang() {
        block_on(async {
            let pool = DevicePool::start(vec![doubling()]).await.unwrap();
            assert_eq!(pool.run(13).await, Err(DeviceGone));
            assert_eq!(pool.run(1).await, Err(DeviceGone));
        });
    }

    #[test]
    fn a_device_that_cannot_load_fails_the_start() {
        let bad: Maker = Box::new(|| Err(DeviceGone));
        assert!(block_on(DevicePool::start(vec![doubling(), bad])).is_err());
    }
}
