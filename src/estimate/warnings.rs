//! What a user should know before a run starts.

/// What was found that may stop a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Classes that are distilled and their images, in order.
    pub classes: Vec<(String, u64)>,
    /// Images to make of each.
    pub ipc: u64,
    /// Whether a class may have fewer.
    pub allow_fewer: bool,
    /// Whether the counts come from a sample.
    pub estimated: bool,
    /// Images of classes that the list lacks, if these count as bad.
    pub strangers: u64,
    /// Samples without a usable label or image, and damage.
    pub bad: u64,
    /// Bad samples that the settings allow.
    pub allowed: u64,
    /// Bytes still to be written.
    pub bytes: u64,
    /// Bytes free where they go.
    pub free: Option<u64>,
}

/// Classes named in one warning.
const NAMED: usize = 8;

/// What is to be said, one sentence each.
pub fn warnings(found: &Found) -> Vec<String> {
    let mut said = Vec::new();
    let with = |few: &dyn Fn(u64) -> bool| -> Vec<&(String, u64)> {
        found.classes.iter().filter(|(_, images)| few(*images)).collect()
    };
    let missing = with(&|images| images == 0);
    if !missing.is_empty() {
        let seen =
            if found.estimated { "not in the sample that was read" } else { "without an image" };
        said.push(format!("{} classes of the list are {seen}: {}", missing.len(), names(&missing)));
    }
    let small = with(&|images| images > 0 && images < found.ipc);
    if !small.is_empty() {
        let about = if found.estimated { " by the sample" } else { "" };
        let then = match found.allow_fewer {
            true => "they get as many as they have",
            false => "the run will refuse them: lower [discover] ipc or set allow_fewer",
        };
        let (count, ipc) = (small.len(), found.ipc);
        said.push(format!(
            "{count} classes have fewer images{about} than ipc = {ipc}, {then}: {}",
            names(&small)
        ));
    }
    let bad = found.bad + found.strangers;
    if bad > found.allowed {
        let strangers = match found.strangers {
            0 => String::new(),
            n => format!(
                ", {n} of them of classes that the list lacks (skip_others passes over those)"
            ),
        };
        let allowed = found.allowed;
        said.push(format!(
            "{bad} samples are bad{strangers}, and [data] max_bad allows {allowed}: the run will fail after encode"
        ));
    }
    if let Some(free) = found.free.filter(|free| *free < found.bytes) {
        let bytes = found.bytes;
        said.push(format!(
            "too little disk: {bytes} bytes are still to be written and {free} are free; choose another place with \
             --run-dir"
        ));
    }
    said
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
        let well = Found {
            classes: vec![class("a", 10), class("b", 12)],
            ipc: 10,
            allowed: 10,
            bytes: 5,
            free: Some(6),
            ..Found::default()
        };
        assert_eq!(warnings(&well), Vec::<String>::new());
        let ill = Found {
            classes: vec![class("a", 10), class("b", 3), class("c", 0)],
            strangers: 20,
            free: Some(4),
            ..well.clone()
        };
        let said = warnings(&ill);
        assert_eq!(said.len(), 4, "{said:#?}");
        for (line, word) in said.iter().zip(["image: c", "b (3)", "skip_others", "too little disk"])
        {
            assert!(line.contains(word), "{line}");
        }
        let fewer = Found { allow_fewer: true, ..ill };
        assert!(warnings(&fewer)[1].contains("as many as they have"));
    }
}
