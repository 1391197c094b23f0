//! The state of a run between stages: the results that later stages need.

use super::class_names::{class_names, sentence};
use super::context::Context;
use super::encoded::Encoded;
use super::error::StageError;
use super::info::StageInfo;
use super::latents::Latents;
use super::quarantine::{rows, write_list};
use super::sources::{Source, expand_with_warnings};
use crate::engine::RunOptions;
use crate::store::tables::QuarantineRow;
use crate::store::{Contents, Receipt, SampleFault, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The stage whose receipts describe the data set.
const ENCODE: &str = "encode";
/// The stage whose receipts say where each class lies.
const COMPACT: &str = "compact";

/// The receipts of a stage, by unit name.
pub(crate) type Receipts = BTreeMap<String, Receipt>;

/// Findings of a run about its data and results.
#[derive(Debug, Default, serde::Serialize)]
pub struct Findings {
    /// All skipped samples.
    pub faults: Vec<SampleFault>,
    /// Unreadable shards.
    pub lost_shards: Vec<SampleFault>,
    /// Images that could not be generated.
    pub failed: Vec<SampleFault>,
    /// The number of distilled classes.
    pub classes: usize,
    /// Whether labels are positions in the list of classes, not the data's own.
    pub numbered: bool,
    /// Cores of all classes, the images to generate.
    pub cores: usize,
    /// Images left out because most of their neighbours have another label.
    pub impure: usize,
}

/// The state of a run between stages.
pub(crate) struct RunState<'a> {
    pub(crate) context: Arc<Context>,
    pub(crate) options: &'a RunOptions<'a>,
    /// Whether this is a dry run, which computes nothing.
    pub(crate) dry: bool,
    pub(crate) findings: Findings,
    sources: Option<Vec<Source>>,
    /// The names that the data has for the numbers in its labels.
    names: Option<Vec<String>>,
    encoded: Option<Arc<Encoded>>,
    latents: Option<Arc<Latents>>,
    done: BTreeMap<&'static str, Arc<Receipts>>,
    /// The rows of the quarantine without a receipt; `None` if the list is not to be written.
    quarantine: Option<Vec<QuarantineRow>>,
}

impl<'a> RunState<'a> {
    pub(crate) fn new(context: Arc<Context>, options: &'a RunOptions<'a>, dry: bool) -> Self {
        Self {
            context,
            options,
            dry,
            findings: Findings::default(),
            sources: None,
            names: None,
            encoded: None,
            latents: None,
            done: BTreeMap::new(),
            quarantine: None,
        }
    }

    /// The run's shards, listed once.
    pub(crate) fn sources(&mut self) -> Result<Vec<Source>, StageError> {
        if let Some(sources) = &self.sources {
            return Ok(sources.clone());
        }
        let mut notes = Vec::new();
        let sources = expand_with_warnings(&self.context.pipeline.data, &mut notes);
        notes.iter().for_each(|sentence| self.options.progress.say(sentence));
        let sources = sources?;
        self.names = class_names(&self.context, &sources)?;
        if let Some(names) = self.names.as_ref().filter(|_| !self.dry) {
            self.options.progress.say(&sentence(names));
        }
        Ok(self.sources.insert(sources).clone())
    }

    /// What `encode` left, by its receipts, which are gone through once: what they say of their parts' contents is let go
    /// then, as it is most of them.
    pub(crate) fn encoded(&mut self) -> Result<Arc<Encoded>, StageError> {
        if let Some(encoded) = &self.encoded {
            return Ok(encoded.clone());
        }
        if self.context.classes.is_none() {
            // Which may have names for its classes.
            self.sources()?;
        }
        let (run_dir, list) = (&self.context.run_dir, self.context.classes.as_ref());
        // By unit name, which is the shards' order.
        let mut encoded = Encoded::of(run_dir, list, self.receipts(ENCODE)?.values())?;
        if let Some(names) = &self.names {
            encoded.classes = encoded.classes.with_names(names);
        }
        if let Some(receipts) = self.done.get_mut(ENCODE).and_then(Arc::get_mut) {
            receipts.values_mut().for_each(|receipt| receipt.contents = Contents::default());
        }
        Ok(self.encoded.insert(Arc::new(encoded)).clone())
    }

    /// The encoded data set as it lies by class, opened once.
    pub(crate) fn latents(&mut self) -> Result<Arc<Latents>, StageError> {
        if let Some(latents) = &self.latents {
            return Ok(latents.clone());
        }
        let compacted = self.receipts(COMPACT)?;
        let encoded = self.encoded()?;
        let latents = Latents::open(&self.context, &encoded, compacted.values())?;
        // Where each class stands in each part is told no more.
        self.encoded = None;
        self.findings.numbered = !latents.classes.labels_are_keys();
        if !self.dry {
            for sentence in latents.classes.warnings() {
                self.options.progress.say(&format!("warning: {sentence}"));
            }
        }
        Ok(self.set_latents(latents))
    }

    /// Gives `latents` to later stages.
    pub(crate) fn set_latents(&mut self, latents: Latents) -> Arc<Latents> {
        self.latents.insert(Arc::new(latents)).clone()
    }

    /// The receipts of the earlier stage `stage`.
    pub(crate) fn receipts(&self, stage: &str) -> Result<Arc<Receipts>, StageError> {
        let missing = || StageError::Other(format!("the {stage} stage is not complete"));
        self.done.get(stage).cloned().ok_or_else(missing)
    }

    /// Keeps the receipts of a complete stage.
    pub(crate) fn keep(&mut self, stage: &'static str, receipts: Receipts) {
        self.done.insert(stage, Arc::new(receipts));
    }

    /// Requests the list of skipped samples at the end, with the rows `more` beside those of receipts.
    pub(crate) fn quarantine(&mut self, more: Vec<QuarantineRow>) {
        self.quarantine.get_or_insert_default().extend(more);
    }

    /// Writes the list of skipped samples and shards, if encoding came so far.
    pub(crate) fn write_quarantine(&mut self, stages: &[&StageInfo]) -> Result<(), StoreError> {
        let Some(more) = self.quarantine.take() else { return Ok(()) };
        let run_dir = self.options.run_dir;
        let mut listed = Vec::new();
        for stage in stages.iter().filter(|stage| stage.leaves_out) {
            match self.done.get(stage.name) {
                Some(receipts) => listed.extend(rows(stage.name, receipts.values())),
                None => listed.extend(rows(stage.name, run_dir.receipts(stage.name)?.values())),
            }
        }
        listed.extend(more);
        write_list(run_dir, listed)
    }
}
