//! Warnings about a run before its start.

/// The facts of a run that warnings are derived from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFacts {
    /// Distilled classes with their number of images, in order.
    pub classes: Vec<(String, u64)>,
    /// Images to generate of each class.
    pub ipc: u64,
    /// Whether a class may have fewer.
    pub allow_fewer: bool,
    /// Whether the counts come from a sample.
    pub estimated: bool,
    /// Images of classes that the class list lacks, if such images count as bad.
    pub unlisted_classes: u64,
    /// Samples without a usable label or image, and damage.
    pub bad: u64,
    /// Bad samples that the settings allow.
    pub allowed: u64,
    /// Bytes still to be written.
    pub bytes: u64,
    /// Free bytes at the run directory.
    pub free: Option<u64>,
}

/// Classes named in one warning.
const NAMED: usize = 8;

/// The warnings, one sentence each.
pub fn warnings(found: &RunFacts) -> Vec<String> {
    let mut warnings = Vec::new();
    let with = |few: &dyn Fn(u64) -> bool| -> Vec<&(String, u64)> {
        found.classes.iter().filter(|(_, images)| few(*images)).collect()
    };
    let missing = with(&|images| images == 0);
    if !missing.is_empty() {
        let seen =
            if found.estimated { "not in the sample that was read" } else { "without an image" };
        warnings.push(format!(
            "{} classes of the list are {seen}: {}",
            missing.len(),
            names(&missing)
        ));
    }
    let small = with(&|images| images > 0 && images < found.ipc);
    if !small.is_empty() {
        let about = if found.estimated { " by the sample" } else { "" };
        let then = match found.allow_fewer {
            true => "they get as many as they have",
            false => "the run will refuse them: lower [discover] ipc or set allow_fewer",
        };
        let (count, ipc) = (small.len(), found.ipc);
        warnings.push(format!(
            "{count} classes have fewer images{about} than ipc = {ipc}, {then}: {}",
            names(&small)
        ));
    }
    let bad = found.bad + found.unlisted_classes;
    if bad > found.allowed {
        let unlisted_classes = match found.unlisted_classes {
            0 => String::new(),
            n => format!(", {n} of them of classes that the list lacks (skip_others skips them)"),
        };
        let allowed = found.allowed;
        warnings.push(format!(
            "{bad} samples are bad{unlisted_classes}, and [data] max_bad allows {allowed}: the run will fail after encode"
        ));
    }
    if let Some(free) = found.free.filter(|free| *free < found.bytes) {
        let bytes = found.bytes;
        warnings.push(format!(
            "too little disk space: {bytes} bytes are still to be written and {free} are free; choose another place with \
             --run-dir"
        ));
    }
    warnings
}

fn names(classes: &[&(String, u64)]) -> String {
    let shown: Vec<String> = classes
        .iter()
        .take(NAMED)
        .map(|(key, images)| if *images == 0 { key.clone() } else { format!("{key} ({images})") })
        .collect();
    let more = if classes.len() > NAMED { ", …" } else { "" };
    shown.join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_sentence_and_nothing_is_said_of_what_is_well() {
        let class = |key: &str, images| (key.to_owned(), images);
        let well = RunFacts {
            classes: vec![class("a", 10), class("b", 12)],
            ipc: 10,
            allowed: 10,
            bytes: 5,
            free: Some(6),
            ..RunFacts::default()
        };
        assert_eq!(warnings(&well), Vec::<String>::new());
        let ill = RunFacts {
            classes: vec![class("a", 10), class("b", 3), class("c", 0)],
            unlisted_classes: 20,
            free: Some(4),
            ..well.clone()
        };
        let text = warnings(&ill);
        assert_eq!(text.len(), 4, "{text:#?}");
        for (line, word) in text.iter().zip(["image: c", "b (3)", "skip_others", "too little disk"])
        {
            assert!(line.contains(word), "{line}");
        }
        let fewer = RunFacts { allow_fewer: true, ..ill };
        assert!(warnings(&fewer)[1].contains("as many as they have"));
    }
}
