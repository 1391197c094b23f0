//! `events.jsonl`: what happened in a run, one JSON object a line, appended.

use super::backend::Depth;
use super::error::StoreError;
use super::run_dir::RunDir;
use super::workers::{FOLDER as WORKERS, in_order};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The name of a log.
const EVENTS: &str = "events.jsonl";

/// The log of a run. Events inform people; nothing is decided from them.
#[derive(Debug)]
pub struct EventLog {
    file: Option<Mutex<File>>,
    upload: Option<Upload>,
}

/// Uploads a log to an object store. An object can't be appended to: the log is uploaded whole, now and then, and when
/// something is over; on a thread of its own, so that who records an event waits for no server.
#[derive(Debug)]
struct Upload {
    run_dir: RunDir,
    name: String,
    interval: Duration,
    /// When it was begun last, and what may be under way of it.
    last: Mutex<(Instant, Option<JoinHandle<()>>)>,
}

impl Upload {
    /// Uploads the log beside the caller, if it is time or `over`. Not while an upload is under way: the next one has all
    /// of the log.
    fn start(&self, over: bool) {
        let Ok(mut last) = self.last.lock() else { return };
        let (since, under_way) = &mut *last;
        let busy = under_way.as_ref().is_some_and(|thread| !thread.is_finished());
        if !busy && (over || since.elapsed() > self.interval) {
            let (run_dir, name) = (self.run_dir.clone(), self.name.clone());
            *since = Instant::now();
            // Without a thread for it, the next time has it all.
            *under_way =
                crate::threads::spawn("events", move || drop(run_dir.publish_file(&name))).ok();
        }
    }

    /// Uploads the log with its last line, and waits for it.
    fn finish(&self) {
        let under_way = self.last.lock().ok().and_then(|mut last| last.1.take());
        if let Some(thread) = under_way {
            let _ = thread.join();
        }
        let _ = self.run_dir.publish_file(&self.name);
    }
}

impl EventLog {
    /// Opens the log of a run directory to append: of the worker of that name, or of a run on its own.
    ///
    /// # Errors
    /// If the log can't be opened, or not be downloaded from an object store.
    pub fn open(run_dir: &RunDir, worker: Option<&str>) -> Result<Self, StoreError> {
        let name = match worker {
            None => EVENTS.to_owned(),
            Some(worker) => format!("{WORKERS}/{worker}.{EVENTS}"),
        };
        let path = run_dir.path(&name);
        let upload = run_dir.backend().publish_interval().map(|interval| Upload {
            run_dir: run_dir.best_effort(),
            name: name.clone(),
            interval,
            last: Mutex::new((Instant::now(), None)),
        });
        if upload.is_some() {
            let before = run_dir.backend().read(&name)?.unwrap_or_default();
            let folder = path.parent().unwrap_or(&path);
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&path, before))
                .map_err(StoreError::io("write", &path))?;
        }
        let file = File::options().create(true).append(true).open(&path);
        let file = Some(Mutex::new(file.map_err(StoreError::io("open", &path))?));
        Ok(Self { file, upload })
    }

    /// A log that goes nowhere, for runs that must leave no trace.
    pub fn none() -> Self {
        Self { file: None, upload: None }
    }

    /// Appends one event: `time` (seconds since 1970), `event`, and `fields`. A failure is let pass: a full disk shows
    /// itself where it matters, when outputs are written.
    pub fn record(&self, event: &str, fields: Value) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut line = Map::new();
        line.insert("time".into(), ((now.as_secs_f64() * 1000.0).round() / 1000.0).into());
        line.insert("event".into(), event.into());
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        let text = format!("{}\n", Value::Object(line));
        if let Some(Ok(mut file)) = self.file.as_ref().map(Mutex::lock) {
            // One write a line, so that lines of concurrent units never mix.
            let _ = file.write_all(text.as_bytes());
        }
        match (&self.upload, event) {
            (None, _) => {}
            (Some(upload), "run_finished") => upload.finish(),
            (Some(upload), _) => upload.start(matches!(event, "stage_finished" | "unit_failed")),
        }
    }
}

impl RunDir {
    /// What was written of the run, one text for each process that worked in it at once with others, and one for all that
    /// worked alone. What can't be read is left out.
    pub fn logs(&self) -> Vec<String> {
        let alone = self.backend().read(EVENTS).ok().flatten();
        let alone = alone.map(|text| String::from_utf8_lossy(&text).into_owned());
        let workers = self.worker_logs().into_iter().map(|(_, log)| log);
        alone.into_iter().chain(workers).collect()
    }

    /// What each worker wrote, by its name (`I-of-N`) in order.
    pub fn worker_logs(&self) -> Vec<(String, String)> {
        let mut logs = Vec::new();
        let start = format!("{WORKERS}/");
        for name in self.backend().list(WORKERS, Depth::Folder).unwrap_or_default() {
            let worker = name.strip_suffix(EVENTS).and_then(|name| name.strip_suffix('.'));
            if let Some(worker) = worker.and_then(|worker| worker.strip_prefix(&start))
                && let Ok(Some(text)) = self.backend().read(&name)
            {
                logs.push((worker.to_owned(), String::from_utf8_lossy(&text).into_owned()));
            }
        }
        logs.sort_by_key(|(worker, _)| in_order(worker));
        logs
    }
}
