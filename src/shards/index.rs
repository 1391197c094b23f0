//! Index files beside the shards, as other loaders expect them.
//!
//! - DALI's `.idx` (version 1.2, as its `wds2idx` writes it): one per tar, passed to the reader in
//!   the same order. DALI parses it by white space, so no name may hold any.
//! - wids' `shardindex.json`: one per data set, listing shards and their sample counts.

use serde_json::{Value, json};

use super::entry::SampleEntry;
use super::error::ShardError;

/// The text of a DALI `.idx` file for one shard.
///
/// First line `v1.2 <samples>`, then a line per sample with
/// `<extension> <content offset> <content size> <member name>` for each member.
///
/// # Errors
/// [`ShardError::BadIndex`] for a shard without samples, which DALI refuses, and for names that
/// are not ASCII or hold white space, which it can't parse.
pub fn dali_index(samples: &[SampleEntry]) -> Result<String, ShardError> {
    let bad = |problem: String| ShardError::BadIndex { kind: "DALI", problem };
    if samples.is_empty() {
        return Err(bad("the shard has no samples".to_owned()));
    }
    let mut text = format!("v1.2 {}\n", samples.len());
    for sample in samples {
        let mut fields = Vec::with_capacity(sample.members.len());
        for member in &sample.members {
            if !member.name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(bad(format!("name `{}` has spaces or non-ASCII text", member.name)));
            }
            fields.push(format!(
                "{} {} {} {}",
                member.extension, member.offset, member.size, member.name
            ));
        }
        text.push_str(&fields.join(" "));
        text.push('\n');
    }
    Ok(text)
}

/// One shard's line in a wids index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WidsShard {
    /// Path relative to the index file's folder, or a URL.
    pub url: String,
    /// Number of samples.
    pub samples: usize,
    /// Size of the file in bytes.
    pub file_size: u64,
    /// MD5 of the file in hexadecimal, if known; readers do without.
    pub md5: Option<String>,
}

/// The text of a wids `shardindex.json` (version 1), optionally with the data set's name.
pub fn wids_index(name: Option<&str>, shards: &[WidsShard]) -> String {
    let list: Vec<Value> = shards.iter().map(wids_shard).collect();
    let mut index = json!({
        "__kind__": "wids-shard-index-v1",
        "wids_version": 1,
        "shardlist": list,
    });
    if let Some(name) = name {
        index["name"] = json!(name);
    }
    format!("{index:#}\n")
}

fn wids_shard(shard: &WidsShard) -> Value {
    let mut entry = json!({
        "url": shard.url,
        "nsamples": shard.samples,
        "filesize": shard.file_size,
    });
    if let Some(md5) = &shard.md5 {
        entry["md5sum"] = json!(md5);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::{SampleMember, ShardWriter, WriterOptions};

    fn entries(keys: &[&str]) -> Vec<SampleEntry> {
        let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
        for key in keys {
            let members = [SampleMember::new("png", vec![1; 513]), SampleMember::new("cls", "7")];
            writer.write_sample(key, &members).unwrap();
        }
        writer.finish().unwrap().1
    }

    #[test]
    fn dali_text_is_exact() {
        let text = dali_index(&entries(&["a/0", "a/1"])).unwrap();
        assert_eq!(
            text,
            "v1.2 2\n\
             cls 512 1 a/0.cls png 1536 513 a/0.png\n\
             cls 3072 1 a/1.cls png 4096 513 a/1.png\n"
        );
    }

    #[test]
    fn dali_refuses_what_it_cannot_parse() {
        for keys in [&[][..], &["a b"][..], &["é"][..]] {
            assert!(matches!(dali_index(&entries(keys)), Err(ShardError::BadIndex { .. })));
        }
    }

    #[test]
    fn wids_index_has_what_readers_require() {
        let shard = |md5: Option<&str>| WidsShard {
            url: "d-000000.tar".to_owned(),
            samples: 10,
            file_size: 10_240,
            md5: md5.map(str::to_owned),
        };
        let text = wids_index(Some("demo"), &[shard(None), shard(Some("d41d8cd9"))]);
        let index: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(index["__kind__"], "wids-shard-index-v1");
        assert_eq!(index["wids_version"], 1);
        assert_eq!(index["name"], "demo");
        assert_eq!(index["shardlist"][0]["nsamples"], 10);
        assert_eq!(index["shardlist"][0].get("md5sum"), None);
        assert_eq!(index["shardlist"][1]["md5sum"], "d41d8cd9");
        assert_eq!(index["shardlist"][1]["filesize"], 10_240);
    }
}
