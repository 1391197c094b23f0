//! Whether a DALI index that lies beside a shard is that shard's.

use super::entry::{MemberEntry, SampleEntry};

/// Compares the text of an `.idx` file (version 1.1 or 1.2) with what the shard holds.
///
/// # Errors
/// The first difference, as a sentence.
pub fn check_dali_index(text: &str, samples: &[SampleEntry]) -> Result<(), String> {
    let mut lines = text.lines();
    let mut head = lines.next().unwrap_or_default().split_whitespace();
    // Version 1.1 has no names.
    let fields = match head.next() {
        Some("v1.2") => 4,
        Some("v1.1") => 3,
        _ => return Err("it is no DALI index: it does not begin with `v1.2`".to_owned()),
    };
    let said = head.next().and_then(|number| number.parse::<usize>().ok());
    if said != Some(samples.len()) {
        let said = said.map_or_else(|| "no number of".to_owned(), |number| number.to_string());
        return Err(format!("it is of {said} samples, the shard has {}", samples.len()));
    }
    for sample in samples {
        let line = lines.next().unwrap_or_default();
        let listed: Vec<&str> = line.split_whitespace().collect();
        let same = listed.len() == fields * sample.members.len()
            && listed
                .chunks_exact(fields)
                .zip(&sample.members)
                .all(|(said, member)| fits(said, member));
        if !same {
            return Err(format!("its line for sample `{}` says `{line}`", sample.key));
        }
    }
    match lines.find(|line| !line.trim().is_empty()) {
        Some(line) => Err(format!("it goes on behind the last sample: `{line}`")),
        None => Ok(()),
    }
}

/// `extension offset size [name]`.
fn fits(said: &[&str], member: &MemberEntry) -> bool {
    let numbers = [member.offset, member.size].map(|number| number.to_string());
    match said {
        [extension, offset, size, name @ ..] => {
            *extension == member.extension
                && [*offset, *size] == numbers
                && name.iter().all(|name| *name == member.name)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::{SampleMember, ShardWriter, WriterOptions, dali_index};

    #[test]
    fn an_index_fits_its_own_shard_only() {
        let entries = |bytes: usize| {
            let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
            for key in ["a", "b"] {
                let members =
                    [SampleMember::new("png", vec![1; bytes]), SampleMember::new("cls", "7")];
                writer.write_sample(key, &members).unwrap();
            }
            writer.finish().unwrap().1
        };
        let (own, other) = (entries(513), entries(600));
        let text = dali_index(&own).unwrap();
        assert_eq!(check_dali_index(&text, &own), Ok(()));
        let without_names =
            text.replace("v1.2", "v1.1").replace(" a.cls", "").replace(" a.png", "");
        let without_names = without_names.replace(" b.cls", "").replace(" b.png", "");
        assert_eq!(check_dali_index(&without_names, &own), Ok(()));
        assert!(check_dali_index(&text, &other).unwrap_err().contains("sample `a`"));
        assert!(check_dali_index(&text, &own[..1]).unwrap_err().contains("2 samples"));
        assert!(check_dali_index("junk", &own).unwrap_err().contains("no DALI index"));
        let longer = format!("{text}more\n");
        assert!(check_dali_index(&longer, &own).unwrap_err().contains("goes on"));
    }
}
