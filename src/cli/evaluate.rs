//! `coda-pipe evaluate`.

use super::exit::{Exit, UsageError};
use super::finished_run::{FinishedRun, percent};
use super::printable::printable;
use crate::config::{FeatureModel, Patterns};
use crate::inspect;
use crate::inspect::evaluate::{Evaluation, MetricValue, Question};
use crate::pipeline::assemble;
use crate::quality::{Format, Metric, accuracies, metrics};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// Measure what a finished run's images are worth, in minutes.
///
/// Small classifiers are trained on the distilled images, on the real cores and on random real images, and tested on
/// held-out shards; coverage and distances compare each set with the real images. The held-out shards are read with the
/// run's own label setting and class list.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The run directory
    run_dir: PathBuf,
    /// Held-out shards: paths, brace ranges, globs, URLs
    #[arg(long, value_name = "SHARDS", required = true, num_args = 1..)]
    against: Vec<String>,
    /// Number of random sets of real images
    #[arg(long, value_name = "N", default_value_t = 5)]
    seeds: usize,
    /// An image encoder exported to ONNX [default: the features of the run's search]
    #[arg(long, value_name = "MODEL")]
    features: Option<PathBuf>,
    /// Side of the encoder's input images in pixels
    #[arg(long, value_name = "N", requires = "features")]
    size: Option<usize>,
    /// Mean of red, green and blue (0 to 1), subtracted from the encoder's input [default: ImageNet's]
    #[arg(long, value_name = "R,G,B", requires = "features", value_parser = three)]
    mean: Option<[f64; 3]>,
    /// Standard deviation of red, green and blue, by which the input is then divided [default: ImageNet's]
    #[arg(long, value_name = "R,G,B", requires = "features", value_parser = three)]
    std: Option<[f64; 3]>,
    /// The encoder's output to use [default: the first]
    #[arg(long, value_name = "NAME", requires = "features")]
    output: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn three(text: &str) -> Result<[f64; 3], String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    let three = numbers.and_then(|numbers| numbers.try_into().ok());
    three.ok_or_else(|| "three numbers: R,G,B".into())
}

impl Evaluate {
    /// Prints the table.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let question = self.question()?;
        let finished = FinishedRun::open(&self.run_dir, assemble::INFO.name)?;
        let found = finished
            .work(async |context, options| inspect::evaluate(context, options, &question).await)?;
        let mut out = super::output::stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
        } else {
            print(&mut out, &found)?;
        }
        Ok(Exit::Done)
    }

    fn question(&self) -> anyhow::Result<Question> {
        if self.seeds == 0 || self.size == Some(0) {
            return Err(UsageError("--seeds and --size must be at least 1".into()).into());
        }
        if self.std.is_some_and(|std| std.iter().any(|value| *value <= 0.0)) {
            return Err(UsageError("--std must be three numbers above 0".into()).into());
        }
        let plain = FeatureModel::default();
        let encoder = self.features.as_ref().map(|model| FeatureModel {
            model: Some(model.clone()),
            size: self.size.unwrap_or(plain.size),
            mean: self.mean.unwrap_or(plain.mean),
            std: self.std.unwrap_or(plain.std),
            output: self.output.clone(),
        });
        let against = Patterns { patterns: self.against.clone(), base: PathBuf::new() };
        Ok(Question { against, encoder, seeds: self.seeds })
    }
}

fn print(out: &mut impl Write, found: &Evaluation) -> std::io::Result<()> {
    for fault in found.left_out.iter().take(20) {
        crate::say!(
            "left out {}: {}: {}",
            fault.shard,
            printable(&fault.key),
            printable(&fault.reason)
        );
    }
    writeln!(out, "features: {}", found.features)?;
    writeln!(
        out,
        "tested on {} held-out images; random: mean ± std of {} draws",
        found.test_images, found.seeds
    )?;
    whole(out, found)?;
    write!(out, "{:<10} {:>7}", "trained on", "images")?;
    metrics().try_for_each(|metric| write!(out, " {:>13}", metric.title))?;
    writeln!(out)?;
    for set in &found.sets {
        write!(out, "{:<10} {:>7}", set.name, set.images)?;
        for metric in metrics() {
            write!(out, " {:>13}", shown(metric, set.values.get(metric.key)))?;
        }
        writeln!(out)?;
    }
    by_class(out, found)
}

/// What the run's whole data gives, by the classifiers.
fn whole(out: &mut impl Write, found: &Evaluation) -> std::io::Result<()> {
    write!(out, "all real images ({}):", found.whole.images)?;
    for (at, metric) in accuracies().enumerate() {
        let share = found.whole.accuracies.get(metric.key).copied().flatten();
        let shown = share.map_or_else(|| "–".into(), |share| format!("{:.1}", 100.0 * share));
        write!(out, "{} {} {shown}", if at > 0 { "," } else { "" }, metric.title)?;
    }
    writeln!(out, "\n")
}

/// A metric's value in the metric's format.
fn shown(metric: Metric, value: Option<&MetricValue>) -> String {
    let number = match value {
        Some(MetricValue::Spread(spread)) => return percent(*spread),
        Some(MetricValue::Number(number)) => *number,
        None => None,
    };
    match (number, metric.format) {
        (None, _) => "–".into(),
        (Some(share), Format::Percent) => format!("{:.1} %", 100.0 * share),
        (Some(number), Format::Decimals(decimals)) => format!("{number:.decimals$}"),
    }
}

/// The first classifier's accuracy, class by class.
fn by_class(out: &mut impl Write, found: &Evaluation) -> std::io::Result<()> {
    let (Some(first), Some(metric)) = (found.sets.first(), accuracies().next()) else {
        return Ok(());
    };
    write!(out, "\n{:<20}", metric.title)?;
    found.sets.iter().try_for_each(|set| write!(out, " {:>10}", set.name))?;
    writeln!(out)?;
    for (at, class) in first.classes.iter().enumerate() {
        write!(out, "{:<20}", printable(&class.class))?;
        for set in &found.sets {
            let own = set.classes.get(at).and_then(|class| class.accuracies.get(metric.key));
            let share = own.copied().flatten();
            let shown = share.map_or_else(|| "–".into(), |share| format!("{:.1}", 100.0 * share));
            write!(out, " {shown:>10}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}
