//! One output tar: label, metadata and image of each sample.

use super::meta::sidecar;
use super::sets::{OutputSet, Sample, Sets, TarPlan};
use crate::engine::Cancel;
use crate::pipeline::error::StageError;
use crate::pipeline::latents::Slot;
use crate::shards::{SampleEntry, SampleMember, ShardWriter, WriterOptions};
use crate::store::tables::CoreRow;
use std::collections::BTreeMap;
use std::io::Write;

/// Writes the tar of `plan`; samples are in the order of its slots.
pub(super) fn write_tar<W: Write>(
    sets: &Sets,
    plan: &TarPlan,
    out: W,
    cancel: &Cancel,
) -> Result<(W, Vec<SampleEntry>), StageError> {
    if plan.set == OutputSet::Distilled {
        sets.download(&plan.slots)?;
    }
    let cores = sets.cores(&plan.slots)?;
    let members = match plan.set {
        OutputSet::Distilled => sets.members(&plan.slots)?,
        OutputSet::Cores | OutputSet::Labels => BTreeMap::new(),
    };
    let core = |slot: &Slot| {
        let found = cores.get(&slot.class).and_then(|c| c.get(slot.rank));
        let lost =
            || format!("{} has no core: delete discover/ and run again", sets.sample_key(*slot));
        found.map(|core| (*slot, core)).ok_or_else(|| StageError::Other(lost()))
    };
    let wanted: Vec<(Slot, &CoreRow)> = plan.slots.iter().map(core).collect::<Result<_, _>>()?;
    let choices = match plan.set {
        OutputSet::Distilled => sets.choices(&plan.slots)?,
        OutputSet::Cores | OutputSet::Labels => BTreeMap::new(),
    };
    let mut writer = ShardWriter::new(out, WriterOptions::default());
    for (slot, core) in wanted {
        cancel.check()?;
        let mix = choices.get(&slot.class).and_then(|rows| rows.get(slot.rank)).copied();
        let real = plan.set != OutputSet::Distilled || mix.is_some_and(|mix| mix.real);
        let png = if real { sets.real(slot, core)? } else { sets.generated(slot)? };
        let members = members.get(&slot.class).map_or(&[][..], Vec::as_slice);
        let sample = Sample { slot, core, members, mix, png };
        let meta = sidecar(sets, plan.set, &sample);
        let label = sets.classes.label(slot.class);
        let members = [
            SampleMember::new("cls", label),
            SampleMember::new("json", meta),
            SampleMember::new("png", sample.png),
        ];
        writer.write_sample(&sets.sample_key(slot), &members)?;
    }
    Ok(writer.finish()?)
}
