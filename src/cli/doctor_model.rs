//! `coda-pipe doctor --model`.

use crate::models::ModelPaths;
use crate::models::validate::{ModelReport, check_model};
use crate::onnx::{Device, GraphOptions, Runtime};
use indicatif::HumanBytes;
use std::io::Write;
use std::path::Path;

/// Checks a model, with a message on stderr, as a large model takes minutes.
pub(super) fn check(
    model: &ModelPaths,
    runtime: &Runtime,
    device: Device,
    (size, few_steps): (Option<usize>, Option<bool>),
) -> ModelReport {
    crate::say!("loading and running each graph of {} on {device}", model.root().display());
    let options = GraphOptions { device, ..GraphOptions::default() };
    check_model(model, runtime, &options, (size, few_steps))
}

/// Prints the result of the check.
pub(super) fn print(
    out: &mut impl Write,
    folder: &Path,
    report: &ModelReport,
) -> std::io::Result<()> {
    writeln!(out, "\nmodel         {}", folder.display())?;
    if let (Some(kind), Some(size)) = (report.kind, report.size) {
        writeln!(out, "kind          {kind}, tested at {size} × {size} pixels")?;
    }
    if let Some(sampling) = &report.sampling {
        writeln!(out, "sampled by    {sampling}")?;
    }
    for graph in &report.graphs {
        let run = graph.run_seconds.map_or("not run".to_owned(), |s| format!("first run {s:.2} s"));
        let memory = graph.peak_bytes.map(|b| format!(", {} of memory", HumanBytes(b)));
        writeln!(
            out,
            "\n{:<14} {}, loaded in {:.2} s, {run}{}",
            graph.part,
            HumanBytes(graph.bytes),
            graph.open_seconds,
            memory.unwrap_or_default()
        )?;
        writeln!(out, "{:15}{}", "", graph.file.display())?;
        if let Some(note) = &graph.note {
            writeln!(out, "{:15}{note}", "")?;
        }
        for input in &graph.inputs {
            writeln!(out, "{:15}{input}", "")?;
        }
    }
    for problem in &report.problems {
        let (file, what, remedy) = (problem.file.display(), &problem.what, &problem.remedy);
        writeln!(out, "\nproblem: {file}: {what}\n   remedy: {remedy}")?;
    }
    for caution in &report.cautions {
        writeln!(out, "\nwarning: {caution}")?;
    }
    match report.problems.len() {
        0 => writeln!(out, "\nthe model is usable: every graph has the tensors that a run needs"),
        n => {
            writeln!(out, "\nthe model can't be used: {n} problem{}", if n == 1 { "" } else { "s" })
        }
    }
}
