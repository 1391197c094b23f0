//! What a reader of the report should know before trusting the set.

use super::view::Head;

/// Share of noise from which a class is named.
const MUCH_NOISE: f64 = 0.8;
/// Classes named in one sentence.
const NAMED: usize = 8;

/// A sentence for each thing that may be wrong with what `head` tells.
pub fn warnings(head: &Head) -> Vec<String> {
    let mut lines = Vec::new();
    for stage in &head.stages {
        match stage.total {
            Some(total) if (stage.done as u64) < total => {
                lines.push(format!("{}: {} of {total} units are done.", stage.name, stage.done));
            }
            None => lines.push(format!(
                "{}: not known to be of today's settings; run the pipeline again.",
                stage.name
            )),
            _ => {}
        }
        if stage.skipped > 0 {
            let (skipped, name) = (stage.skipped, &stage.name);
            lines.push(format!("{name} left {skipped} out: see \"Left out\"."));
        }
    }
    if let Some(audit) = head.audit.as_ref().filter(|audit| audit.flagged_count > 0) {
        lines.push(format!(
            "{} of {} generated images are flagged as copies of real ones.",
            audit.flagged_count, audit.images
        ));
    }
    let share = |noise: usize, images: usize| noise as f64 / images.max(1) as f64;
    lines.extend(classes(head, "are mostly noise (80 % and more)", |class| {
        class.images > 0 && share(class.noise, class.images) >= MUCH_NOISE
    }));
    lines.extend(classes(
        head,
        "have fewer clusters than cores, so that clusters were split",
        |c| c.clusters > 0 && c.clusters < c.cores,
    ));
    lines.extend(classes(head, "lack some of their generated images", |class| {
        head.totals.generated > 0 && class.generated < class.cores
    }));
    lines
}

fn classes(
    head: &Head,
    what: &str,
    is: impl Fn(&super::view::ClassAbout) -> bool,
) -> Option<String> {
    let named: Vec<&str> =
        head.classes.iter().filter(|class| is(class)).map(|class| &class.key[..]).collect();
    let more = named.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let keys = named.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let (count, all) = (named.len(), head.classes.len());
    (count > 0).then(|| format!("{count} of {all} classes {what}: {keys}{rest}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::page::view::{ClassAbout, StageView};

    #[test]
    fn each_thing_has_its_sentence_and_a_good_run_none() {
        let class = |key: &str, noise, clusters, generated| ClassAbout {
            key: key.into(),
            images: 100,
            noise,
            clusters,
            cores: 10,
            generated,
            ..ClassAbout::default()
        };
        let mut head = Head { classes: vec![class("a", 10, 12, 10)], ..Head::default() };
        head.totals.generated = 10;
        assert!(warnings(&head).is_empty());
        head.classes.extend([class("b", 90, 12, 10), class("c", 0, 3, 9)]);
        head.stages.push(StageView {
            name: "generate".into(),
            done: 2,
            total: Some(3),
            samples: 1,
            skipped: 4,
            seconds: 0.0,
            wall: None,
            bytes: 0,
            spans: Vec::new(),
        });
        let lines = warnings(&head).join("\n");
        for part in
            ["2 of 3 units", "left 4 out", "noise (80 % and more): b.", "split: c.", "lack some"]
        {
            assert!(lines.contains(part), "{part}: {lines}");
        }
    }
}
