//! A tokenizer's files and a prompt: whatever they hold, a prompt has the promised number of tokens.
//!
//! Input: parts between NULs: `tokenizer_config.json`, the prompt, then either `vocab.json`, `merges.txt` and
//! `special_tokens_map.json`, or nothing in the first two and `tokenizer.json`.

#![no_main]

use std::sync::LazyLock;

use coda_pipe::models::Tokenizer;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

const POSITIONS: usize = 77;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// Writes a file, or removes it where it should be empty.
fn put(name: &str, content: &[u8]) {
    let path = FOLDER.path().join(name);
    if content.is_empty() {
        let _ = std::fs::remove_file(path);
    } else {
        std::fs::write(path, content).unwrap();
    }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.split(|&byte| byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    put("tokenizer_config.json", next());
    let prompt = String::from_utf8_lossy(next()).into_owned();
    for name in ["vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer.json"] {
        put(name, next());
    }
    match Tokenizer::open(FOLDER.path(), POSITIONS) {
        Ok(tokenizer) => {
            assert!((2..=POSITIONS).contains(&tokenizer.length()));
            for text in [&prompt, ""] {
                if let Ok(ids) = tokenizer.encode(text) {
                    assert_eq!(ids.len(), tokenizer.length());
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
