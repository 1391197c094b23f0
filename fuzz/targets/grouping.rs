//! Member names and sizes, made into a tar: what is delivered is what WebDataset's rule says, told a second time here.
//!
//! Input: members of `flags, size, length of name, name`. Flags: how the name is stored (USTAR's field, a GNU record, a
//! PAX record) and whether the member is a file, a folder or a link.

#![no_main]

use std::collections::HashSet;
use std::io::Cursor;

use coda_pipe::shards::{ShardFault, FaultReason, ReadOptions, Sample, ShardReader};
use libfuzzer_sys::fuzz_target;
use tar::{EntryType, Header};

const MAX_MEMBER_BYTES: u64 = 200;

struct Member {
    name: Vec<u8>,
    content: Vec<u8>,
    kind: EntryType,
    storage: u8,
}

fn members(mut data: &[u8]) -> Vec<Member> {
    let mut members = Vec::new();
    while let [flags, size, length, rest @ ..] = data {
        let (name, rest) = rest.split_at((*length as usize).min(rest.len()));
        data = rest;
        let storage = flags % 3;
        let kind = match flags / 3 % 8 {
            0 => EntryType::Directory,
            1 => EntryType::Symlink,
            2 => EntryType::Link,
            _ => EntryType::Regular,
        };
        // USTAR's field and GNU's record end at a NUL.
        let end = name.iter().position(|&byte| byte == 0 && storage < 2).unwrap_or(name.len());
        let end = if storage == 0 { end.min(100) } else { end };
        let content = match kind {
            EntryType::Regular => vec![members.len() as u8; *size as usize],
            _ => Vec::new(),
        };
        members.push(Member { name: name[..end].to_vec(), content, kind, storage });
    }
    members
}

fn archive(members: &[Member]) -> Vec<u8> {
    let mut tar = Vec::new();
    for member in members {
        let name = match member.storage {
            0 => member.name.clone(),
            1 => {
                append(&mut tar, b"././@LongLink", EntryType::GNULongName, &member.name);
                b"short".to_vec()
            }
            _ => {
                append(&mut tar, b"PaxHeaders/x", EntryType::XHeader, &pax_path(&member.name));
                b"short".to_vec()
            }
        };
        append(&mut tar, &name, member.kind, &member.content);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn append(tar: &mut Vec<u8>, name: &[u8], kind: EntryType, content: &[u8]) {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o444);
    header.set_cksum();
    tar.extend(header.as_bytes());
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// `LENGTH path=NAME\n`, where the length counts its own digits.
fn pax_path(name: &[u8]) -> Vec<u8> {
    let body = " path=".len() + name.len() + 1;
    let mut length = body;
    while length != body + length.to_string().len() {
        length = body + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" path=", name, b"\n"].concat()
}

/// What one sample should be.
#[derive(Default)]
struct Expected {
    key: String,
    members: Vec<(String, Vec<u8>)>,
    link: bool,
    returns: bool,
}

/// A name as it is in a key: what is no UTF-8 is written `%xx`.
fn text_of(name: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(name) {
        return text.to_owned();
    }
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let bytes: String = chunk.invalid().iter().map(|byte| format!("%{byte:02x}")).collect();
        chunk.valid().replace('%', "%25") + &bytes
    };
    name.utf8_chunks().map(chunk).collect()
}

fn is_system_folder(name: &str) -> bool {
    let made = [
        "__macosx", "__pycache__", "@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot",
        "$recycle.bin", "system volume information", "lost+found",
    ];
    (name.starts_with('.') && name != "." && name != "..")
        || made.contains(&name.to_ascii_lowercase().as_str())
}

/// What the samples should be, and how many files belong to none and do not say so themselves.
fn expected(members: &[Member]) -> (Vec<Expected>, usize) {
    let mut groups: Vec<Expected> = Vec::new();
    let mut seen = HashSet::new();
    let mut others = 0;
    for member in members {
        let text = text_of(&member.name);
        let base = text.rsplit('/').next().unwrap_or_default();
        let first = text.split('/').next().unwrap_or_default();
        let metadata = first.starts_with("__") && first.ends_with("__") && first.len() > 3;
        let file = member.kind == EntryType::Regular && !text.ends_with('/');
        let link = matches!(member.kind, EntryType::Symlink | EntryType::Link);
        if metadata || !(file || link) {
            continue;
        }
        let folders = text.rsplit_once('/').map_or("", |(folders, _)| folders);
        let cut = base.split_once('.').filter(|(stem, _)| !stem.is_empty());
        let Some((_, extension)) = cut.filter(|_| !folders.split('/').any(is_system_folder)) else {
            others += usize::from(file);
            continue;
        };
        let key = text[..text.len() - extension.len() - 1].to_owned();
        if groups.last().is_none_or(|group| group.key != key) {
            let returns = !seen.insert(key.clone());
            groups.push(Expected { key, returns, ..Expected::default() });
        }
        let Some(group) = groups.last_mut() else { continue };
        group.link |= link;
        group.members.push((extension.to_lowercase(), member.content.clone()));
    }
    (groups, others)
}

fn read(tar: &[u8]) -> Vec<Result<Sample, ShardFault>> {
    let options = ReadOptions { max_member_bytes: MAX_MEMBER_BYTES, ..ReadOptions::default() };
    ShardReader::from_reader("fuzz", Cursor::new(tar.to_vec()), options).collect()
}

fn check(expected: &Expected, found: &Result<Sample, ShardFault>) {
    let extensions: HashSet<&String> = expected.members.iter().map(|(name, _)| name).collect();
    let repeated = extensions.len() < expected.members.len();
    let large = expected.members.iter().any(|(_, c)| c.len() as u64 > MAX_MEMBER_BYTES);
    match found {
        Ok(sample) => {
            assert!(!expected.link && !expected.returns && !repeated && !large);
            assert_eq!(sample.key, expected.key);
            let members = sample.members.iter().map(|m| (m.extension.clone(), m.bytes.clone()));
            assert_eq!(members.collect::<Vec<_>>(), expected.members);
        }
        Err(fault) => {
            assert_eq!(fault.key.as_ref(), Some(&expected.key));
            assert!(!fault.fatal);
            match fault.reason {
                FaultReason::NonAdjacent => assert!(expected.returns),
                FaultReason::Link { .. } => assert!(expected.link),
                FaultReason::RepeatedExtension { .. } => assert!(repeated),
                FaultReason::MemberTooLarge { .. } => assert!(large),
                _ => panic!("{fault}"),
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let members = members(data);
    let (tar, (expected, others)) = (archive(&members), expected(&members));
    let mut found = read(&tar);
    if expected.is_empty() && others > 0 {
        let last = found.pop().map(|item| item.map_err(|fault| fault.reason.code()));
        assert_eq!(last.map(|item| item.err()), Some(Some("no_samples")));
    }
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (expected, found) in expected.iter().zip(&found) {
        check(expected, found);
    }
    for sample in found.iter().flatten() {
        let again = read(&tar[sample.offset as usize..]).swap_remove(0);
        let again = again.map(|again| (again.key, again.members));
        assert_eq!(again, Ok((sample.key.clone(), sample.members.clone())));
    }
});
