//! Folders of tokenizers, whole and damaged.

use std::collections::HashMap;

use super::tokenizer::Tokenizer;

#[test]
fn a_length_that_no_prompt_has_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("tokenizer_config.json", r#"{"bos_token": "a", "eos_token": "b"}"#);
    write("vocab.json", r#"{"a": 0, "b": 1}"#);
    write("merges.txt", "#version: 0.2\n");
    let tokens = |positions| Tokenizer::open(dir.path(), positions)?.encode("");
    assert_eq!(tokens(4).unwrap(), [0, 1, 1, 1]);
    for positions in [1, usize::MAX] {
        let error = tokens(positions).unwrap_err().to_string();
        assert!(error.contains("a length of"), "{error}");
    }
}

const VOCABULARY: &str = r#"{"a": 0, "b": 1, "c</w>": 2, "a</w>": 3, "b</w>": 4, "ab": 5, "abc</w>": 6, "[": 7, "]": 8}"#;
const MERGES: &str = "#version: 0.2\na b\nab c</w>\n";

/// A folder of these files, and those of `more`.
fn folder(more: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let own = [
        (
            "tokenizer_config.json",
            r#"{"bos_token": "[", "eos_token": "]", "model_max_length": "9"}"#,
        ),
        ("vocab.json", VOCABULARY),
        ("merges.txt", MERGES),
    ];
    for (name, text) in own.iter().chain(more) {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn ids(more: &[(&str, &str)], text: &str) -> Result<Vec<i64>, String> {
    let dir = folder(more);
    let tokens = Tokenizer::open(dir.path(), 77).and_then(|tokens| tokens.encode(text));
    tokens.map_err(|error| error.to_string())
}

#[test]
fn tokens_that_were_added_have_their_ids_and_flags() {
    let decoder = |flags: &str| {
        format!(
            r#"{{"bos_token": "[", "eos_token": "]", "model_max_length": 9,
                "added_tokens_decoder": {{"12": {{"content": "<X>", {flags}}}}}}}"#
        )
    };
    assert_eq!(ids(&[], "abc a").unwrap(), [7, 6, 3, 8, 8, 8, 8, 8, 8]);
    let list = [("added_tokens.json", r#"{"<x>": 9, "<y>": 11}"#)];
    assert_eq!(ids(&list, "a <x>abc <Y>").unwrap()[..6], [7, 3, 9, 6, 11, 8]);
    // In small letters where the text is normalised first, as it stands where it is not.
    let normalized = decoder(r#""normalized": true"#);
    let config = [("tokenizer_config.json", normalized.as_str())];
    assert_eq!(ids(&config, "<x> abc <X>").unwrap()[..5], [7, 12, 6, 12, 8]);
    let exact = decoder(r#""normalized": false, "single_word": true"#);
    let config = [("tokenizer_config.json", exact.as_str())];
    assert_eq!(ids(&config, "abc <X>").unwrap()[..4], [7, 6, 12, 8]);
    assert_eq!(ids(&config, "<X>abc").unwrap().iter().filter(|id| **id == 12).count(), 0);
    let both = [config[0], ("added_tokens.json", r#"{"<X>": 13}"#)];
    assert!(ids(&both, "a").unwrap_err().contains("12 in tokenizer_config.json and 13"));
    let taken = [("added_tokens.json", r#"{"ab": 40}"#)];
    assert!(ids(&taken, "a").unwrap_err().contains("the id 40, and 5 in its vocabulary"));
    let dir = folder(&[("added_tokens.json", r#"{"<y>": 11}"#)]);
    assert_eq!(Tokenizer::open(dir.path(), 77).unwrap().vocabulary(), 10);
}

#[test]
fn merges_that_are_lost_are_told_and_any_line_end_is_read() {
    let read = |merges: &str| ids(&[("merges.txt", merges)], "abc");
    let right = read(MERGES).unwrap();
    assert_eq!(right[..3], [7, 6, 8]);
    for ends in ["\r", "\r\n"] {
        assert_eq!(read(&MERGES.replace('\n', ends)).unwrap(), right);
    }
    assert_eq!(read(&format!("\u{feff}{MERGES}")).unwrap(), right);
    for (merges, what) in [
        ("", "cut short or empty"),
        ("#version: 0.2\n", "cut short or empty"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 524619\n", "Git LFS"),
        ("<!DOCTYPE html>\n<html>", "web page"),
        ("#version: 0.2\na b\nab", "no pair of tokens"),
        ("#version: 0.2\na b\nab c", "vocab.json has no token"),
    ] {
        let error = read(merges).unwrap_err();
        assert!(error.contains("merges.txt") && error.contains(what), "{error}");
    }
    assert!(ids(&[("vocab.json", "<html>")], "a").unwrap_err().contains("web page"));
}

#[test]
fn a_real_vocabulary_whose_merges_were_cut_at_a_line_is_told() {
    let merges: Vec<String> =
        (0..1200).map(|n| format!("{} x", char::from_u32(0x4e00 + n).unwrap())).collect();
    let letters = (0..1200).map(|n| char::from_u32(0x4e00 + n).unwrap().to_string());
    let longer = merges.iter().map(|pair| pair.replace(' ', ""));
    let all = letters.chain(longer).chain(["x", "[", "]"].map(str::to_owned));
    let vocabulary: HashMap<String, usize> =
        all.enumerate().map(|(id, token)| (token, id)).collect();
    let vocabulary = serde_json::to_string(&vocabulary).unwrap();
    let read = |lines: usize| {
        ids(&[("vocab.json", &vocabulary), ("merges.txt", &merges[..lines].join("\n"))], "x")
    };
    assert!(read(1200).is_ok());
    assert!(read(1100).unwrap_err().contains("it has 1100 merges, by which 100 tokens"));
}

#[test]
fn a_whole_tokenizer_serves_where_merges_lack() {
    let dir = folder(&[]);
    let whole = Tokenizer::open(dir.path(), 77).unwrap();
    whole.inner.save(dir.path().join("tokenizer.json"), false).unwrap();
    let expected = whole.encode("abc a").unwrap();
    std::fs::remove_file(dir.path().join("merges.txt")).unwrap();
    let again = Tokenizer::open(dir.path(), 77).unwrap();
    assert_eq!(again.encode("abc a").unwrap(), expected);
}
