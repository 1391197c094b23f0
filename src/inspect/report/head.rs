//! What the report says of the run as a whole: its record, receipts and events, and what other commands left.

use crate::inspect::page::{
    Head, Quarantine, StageView, Timeline, WorkerView, timeline, worker_views,
};
use crate::models::ModelFolder;
use crate::objects::without_secrets_in;
use crate::pipeline::STAGES;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::model::model_digest;
use crate::pipeline::{assemble, discover};
use crate::quality::metrics;
use crate::run::open_run::state_of;
use crate::store::tables::read_quarantine;
use crate::store::{Receipt, RunDir, RunRecord, StoreError, WorkerState};
use serde_json::{Value, json};

/// Left-out samples that are listed.
const LISTED: usize = 2_000;

/// All of the head that needs no class.
pub(crate) fn head(context: &Context, record: &RunRecord) -> Result<Head, StageError> {
    let run_dir = &context.run_dir;
    let timeline = timeline(&run_dir.logs());
    let stages = stages(run_dir, record, &timeline)?;
    let evaluation = optional_json(run_dir, "evaluate/evaluation.json")?.map(with_metrics);
    let stability = optional_json(run_dir, "stability/stability.json")?;
    let old = [
        (&evaluation, assemble::INFO.name, "evaluate"),
        (&stability, discover::INFO.name, "stability"),
    ];
    let mut warnings = Vec::new();
    for (found, stage, command) in old {
        if let Some(found) = found
            && found["state"] != state_of(run_dir, stage)?
        {
            warnings.push(format!(
                "What `{command}` found is of an earlier state of this run: give `coda-pipe {command}` again."
            ));
        }
    }
    let mut head = Head {
        warnings,
        name: context.pipeline.output.name.clone(),
        about: about(record, &timeline),
        workers: workers(run_dir)?,
        span: timeline.span,
        stops: timeline.stops.clone(),
        evaluation,
        stability,
        quarantine: quarantine(run_dir)?,
        facts: facts(context, record)?,
        settings: settings(&record.settings),
        ..Head::default()
    };
    head.totals.seconds = timeline.span;
    head.totals.bytes = stages.iter().map(|stage| stage.bytes).sum();
    head.stages = stages;
    Ok(head)
}

/// An evaluation with its columns named: the page knows no metric by heart.
fn with_metrics(mut evaluation: Value) -> Value {
    if let Value::Object(evaluation) = &mut evaluation {
        evaluation.insert("metrics".into(), json!(metrics().collect::<Vec<_>>()));
    }
    evaluation
}

/// Those who shared the run, and how each stands.
fn workers(run_dir: &RunDir) -> Result<Vec<WorkerView>, StageError> {
    let mut workers = worker_views(&run_dir.worker_logs());
    for note in run_dir.workers()? {
        if let Some(view) = workers.iter_mut().find(|view| view.worker == note.worker) {
            let died = note.state == WorkerState::Working && note.lives() == Some(false);
            let state = if died { "died".to_owned() } else { note.state.to_string() };
            view.state = match note.message.lines().next() {
                Some(word) => format!("{state}: {word}"),
                None => state,
            };
            view.host = note.host().to_owned();
        }
    }
    Ok(workers)
}

fn stages(
    run_dir: &RunDir,
    record: &RunRecord,
    timeline: &Timeline,
) -> Result<Vec<StageView>, StageError> {
    let mut all = Vec::new();
    for stage in STAGES {
        let name = stage.name;
        let total = record.stages.get(name).map(|s| s.units);
        // As `status`: a stage that is switched off is not shown.
        if total == Some(0) || (total.is_none() && stage.optional) {
            continue;
        }
        let receipts = run_dir.receipts(name)?;
        let done: Vec<&Receipt> = run_dir.with_outputs(receipts.values())?;
        let spans = timeline.stages.get(name).cloned().unwrap_or_default();
        let clock: f64 = spans.iter().map(|(from, to)| to - from).sum();
        all.push(StageView {
            name: name.to_owned(),
            done: done.len(),
            total,
            samples: done.iter().map(|r| r.samples).sum(),
            skipped: done.iter().map(|r| r.faults.len() as u64).sum(),
            seconds: done.iter().map(|r| r.seconds).sum(),
            wall: (!spans.is_empty()).then_some(clock),
            bytes: done.iter().map(|r| r.bytes()).sum(),
            spans,
        });
    }
    Ok(all)
}

fn about(record: &RunRecord, timeline: &Timeline) -> String {
    let days = timeline.times.map(|(first, last)| match (day(first), day(last)) {
        (first, last) if first == last => format!(", {first}"),
        (first, last) => format!(", {first} to {last}"),
    });
    format!("{} from {}{}", record.program, record.pipeline, days.unwrap_or_default())
}

/// The date of `seconds` since 1970, in UTC: days to years by the 400 years after which the calendar repeats.
fn day(seconds: f64) -> String {
    let days = (seconds / 86_400.0) as i64 + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    format!("{}-{month:02}-{day:02}", year + era * 400 + i64::from(month <= 2))
}

/// A digest of all parts of a model.
fn whole_digest(folder: &ModelFolder) -> Result<String, StageError> {
    let mut parts = folder.family.image_parts();
    parts.push("vae_encoder");
    model_digest(&folder.paths, &parts)
}

fn facts(context: &Context, record: &RunRecord) -> Result<Vec<(String, String)>, StageError> {
    let model = &context.pipeline.model;
    let digest = whole_digest(&context.model)?;
    let mut facts = vec![
        ("Pipeline", format!("{} in {}", record.pipeline, record.folder.display())),
        ("Shards", patterns(&record.settings)),
        ("Model", format!("{}, digest {digest}", model.path.display())),
        ("Program", record.program.clone()),
    ];
    if !record.sets.is_empty() {
        let sets: Vec<_> = record.sets.iter().map(|set| without_secrets_in(set)).collect();
        facts.insert(1, ("Set on the command line", sets.join("  ")));
    }
    if let (Some(refiner), Some(folder)) = (&model.refiner, &context.refiner) {
        let digest = whole_digest(folder)?;
        facts.push(("Refiner", format!("{}, digest {digest}", refiner.display())));
    }
    let ran = &record.runtime;
    let text = |key: &str| ran[key].as_str().unwrap_or("?").to_owned();
    if ran.is_object() {
        facts.push(("ONNX Runtime", format!("{} ({})", text("onnxruntime"), text("library"))));
        let devices =
            ran["devices"].as_array().map(|all| all.iter().map(shown).collect::<Vec<_>>());
        let (threads, workers) = (shown(&ran["threads"]), shown(&ran["workers"]));
        let devices = devices.unwrap_or_default().join(", ");
        facts.push(("Devices", format!("{devices}; {threads} threads a model, {workers} workers")));
    }
    Ok(facts.into_iter().map(|(what, value)| (what.to_owned(), value)).collect())
}

fn patterns(settings: &Value) -> String {
    let all = settings["data"]["shards"]["patterns"].as_array();
    let all = all.map(|all| all.iter().map(shown).collect::<Vec<_>>());
    all.unwrap_or_default().join(", ")
}

/// Section → key → value as text; what stands in no section first.
fn settings(all: &Value) -> Vec<(String, Vec<(String, String)>)> {
    let Value::Object(all) = all else { return Vec::new() };
    let mut general = Vec::new();
    let mut sections = Vec::new();
    for (name, value) in all {
        match value {
            Value::Object(keys) => {
                let keys = keys.iter().map(|(key, value)| (key.clone(), shown(value)));
                sections.push((name.clone(), keys.collect()));
            }
            value => general.push((name.clone(), shown(value))),
        }
    }
    sections.insert(0, (String::new(), general));
    sections.retain(|(_, keys): &(String, Vec<_>)| !keys.is_empty());
    sections
}

/// A value as text. A report is handed on: passwords and signatures in URLs are left out.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => without_secrets_in(text),
        Value::Array(all) => format!("[{}]", all.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(keys) => {
            let keys = keys.iter().map(|(key, value)| format!("{key}: {}", shown(value)));
            format!("{{{}}}", keys.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn quarantine(run_dir: &RunDir) -> Result<Quarantine, StageError> {
    let path = run_dir.path("quarantine.parquet");
    if !path.is_file() {
        return Ok(Quarantine::default());
    }
    let rows = read_quarantine(&path)?;
    let total = rows.len();
    let listed = rows.into_iter().take(LISTED);
    let rows = listed.map(|row| [row.stage, row.shard, row.key, row.reason]).collect();
    Ok(Quarantine { total, rows })
}

/// A JSON file that may be there.
///
/// # Errors
/// If it is there and can't be read or parsed.
fn optional_json(run_dir: &RunDir, name: &str) -> Result<Option<Value>, StageError> {
    let path = run_dir.path(name);
    match std::fs::read(&path) {
        Ok(text) => Ok(Some(
            serde_json::from_slice(&text)
                .map_err(|e| StoreError::Malformed { path, message: e.to_string() })?,
        )),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", &path)(e).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // As `date -u -d @N +%F` says.
        for (seconds, date) in [
            (0.0, "1970-01-01"),
            (951_782_400.0, "2000-02-29"),
            (1_735_689_599.0, "2024-12-31"),
            (4_107_542_400.0, "2100-03-01"),
        ] {
            assert_eq!(day(seconds), date);
        }
    }

    #[test]
    fn secrets_do_not_leave_with_the_report() {
        let text = shown(&serde_json::json!({
            "patterns": ["https://me:pass@host/a.tar?sig=abc", "a-{0..3}.tar"], "n": 3,
        }));
        assert_eq!(text, "{patterns: [https://host/a.tar, a-{0..3}.tar], n: 3}");
    }
}
