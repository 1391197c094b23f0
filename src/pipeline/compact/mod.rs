//! `compact`: encode's parts, which lie by shard, as files that lie by class.
//!
//! What works on a class then reads one range of one file. A unit is a group of consecutive classes. It reads of every
//! part the rows of its classes alone, so the parts are opened as often as there are groups, whatever the number of
//! classes. Rows of a class stand in the order of the shards, and in each as `encode` left them.

mod cost;
mod groups;

use super::context::Context;
use super::encoded::Encoded;
use super::error::StageError;
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::refuse_small;
use super::stage::RunStage;
use super::state::RunState;
use crate::config::Class;
use crate::engine::{Done, Fingerprint, Input, Scope, Stage};
use crate::slurm;
use crate::store::Contents;
use crate::store::tables::{ClassMajorContents, ClassMajorFile, Span};
use groups::groups;
use serde_json::json;
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The stage.
pub struct Compact {
    context: Arc<Context>,
    encoded: Arc<Encoded>,
    groups: Vec<Group>,
}

/// Consecutive classes that share a file.
#[derive(Debug, Clone)]
pub struct Group {
    number: usize,
    /// Their places in the list.
    pub(crate) classes: Range<usize>,
    images: usize,
    /// A digest of all parts that have images of them.
    parts: String,
}

/// Parts that are asked for together.
const AT_ONCE: usize = 16;

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "compact",
    unit: "group of classes",
    folders: &[],
    views: &[],
    model: ModelUse::Nothing,
    optional: false,
    leaves_out: false,
    job: &slurm::DISCOVER,
    check: no_check,
    cost: &cost::COST,
};

impl RunStage for Compact {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        let encoded = run.encoded()?;
        let counts = encoded.by_key();
        let images = |class: &str| counts.get(class).copied().unwrap_or(0);
        refuse_small(&run.context, &encoded.classes, false, images)?;
        Ok(Self::new(run.context.clone(), encoded))
    }
}

impl Compact {
    pub(crate) fn new(context: Arc<Context>, encoded: Arc<Encoded>) -> Self {
        let groups = groups(&encoded.counts, encoded.format.bytes());
        let digests = part_digests(&encoded, &groups);
        let group = |(number, (classes, parts)): (usize, (Range<usize>, String))| {
            let images = encoded.counts[classes.clone()].iter().sum();
            Group { number, classes, images, parts }
        };
        let groups = groups.into_iter().zip(digests).enumerate().map(group).collect();
        Self { context, encoded, groups }
    }

    fn classes(&self, group: &Group) -> &[Class] {
        &self.encoded.classes.classes()[group.classes.clone()]
    }
}

/// A digest for each group of the parts that have images of its classes: one pass over all that receipts say.
fn part_digests(encoded: &Encoded, groups: &[Range<usize>]) -> Vec<String> {
    let mut hashes: Vec<Xxh3> = groups.iter().map(|_| Xxh3::new()).collect();
    let of = |(number, group): (usize, &Range<usize>)| group.clone().map(move |_| number);
    let group_of: Vec<usize> = groups.iter().enumerate().flat_map(of).collect();
    for part in &encoded.parts {
        for group in part.groups(&group_of) {
            hashes[group].update(part.digest.as_bytes());
        }
    }
    hashes.iter().map(|hash| format!("{:032x}", hash.digest128())).collect()
}

impl Stage for Compact {
    type Unit = Group;
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<Group>, StageError> {
        Ok(self.groups.clone())
    }

    fn unit_name(&self, group: &Group) -> String {
        format!("group-{:06}", group.number)
    }

    fn describe(&self, group: &Group) -> String {
        match self.classes(group) {
            [first, .., last] => format!("classes {} to {}", first.key, last.key),
            classes => classes.iter().map(|class| class.key.clone()).collect(),
        }
    }

    fn fingerprint(&self, group: &Group) -> Result<Fingerprint, StageError> {
        let mut settings = json!({});
        if self.context.pipeline.encode.compress {
            settings["encode.compress"] = true.into();
        }
        let keys: Vec<&String> = self.classes(group).iter().map(|class| &class.key).collect();
        Ok(Fingerprint {
            settings,
            inputs: Input::Object(vec![
                ("classes", json!(keys).into()),
                ("parts", group.parts.clone().into()),
            ]),
        })
    }

    fn cost(&self, group: &Group) -> u64 {
        group.images as u64
    }

    fn concurrency(&self) -> usize {
        // Each holds what is told of its images beside their numbers.
        self.context.workers().min(2)
    }

    async fn process(&self, group: &Group, scope: &Scope) -> Result<Done, StageError> {
        let (encoded, group, own) = (self.encoded.clone(), group.clone(), scope.clone());
        let compress = self.context.pipeline.encode.compress;
        let name = format!("{}/{}.parquet", INFO.name, self.unit_name(&group));
        let task =
            tokio::task::spawn_blocking(move || write(&encoded, &group, (&name, compress), &own));
        let contents = task.await??;
        let samples = contents.classes.iter().map(|(_, images, _)| *images as u64).sum();
        let contents = Contents::of(&contents).map_err(|e| StageError::Other(e.to_string()))?;
        Ok(Done { samples, contents, ..Done::default() })
    }
}

/// Writes the file of a group; what is in it.
fn write(
    encoded: &Encoded,
    group: &Group,
    (name, compress): (&str, bool),
    scope: &Scope,
) -> Result<ClassMajorContents, StageError> {
    let keys = encoded.classes.classes()[group.classes.clone()].iter();
    let counts = encoded.counts[group.classes.clone()].iter();
    let classes = keys.zip(counts).map(|(class, images)| (class.key.clone(), *images)).collect();
    let mut file = ClassMajorFile::create(&scope.path(name), encoded.format, classes)?;
    let wanted = encoded.parts.iter().map(|part| (&part.file[..], part.spans(&group.classes)));
    let wanted: Vec<(&str, Vec<Span>)> = wanted.filter(|(_, spans)| !spans.is_empty()).collect();
    for parts in wanted.chunks(AT_ONCE) {
        scope.check()?;
        file.add(scope.run_dir(), parts)?;
        let rows = parts.iter().flat_map(|(_, spans)| spans).map(|span| span.rows as u64);
        scope.tick(rows.sum());
    }
    let (written, contents) = file.finish(scope.run_dir().root(), compress)?;
    scope.record(written);
    Ok(contents)
}
