//! Folders, links and sparse members.

use super::*;

fn bodiless(kind: tar::EntryType, name: &str, target: &str) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_entry_type(kind);
    if !target.is_empty() {
        header.set_link_name(target).unwrap();
    }
    header.set_size(0);
    header.set_cksum();
    header
}

#[test]
fn folders_have_no_content_and_links_are_faults_of_their_samples() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut file = tar::Header::new_ustar();
    file.set_path("a.jpg").unwrap();
    file.set_size(1);
    file.set_cksum();
    builder.append(&file, &b"i"[..]).unwrap();
    for (kind, name, target) in [
        (tar::EntryType::Directory, "d.x/", ""),
        (tar::EntryType::Link, "b.jpg", "a.jpg"),
        (tar::EntryType::Symlink, "c.cls", "a.cls"),
        (tar::EntryType::Symlink, "c.jpg", "a.jpg"),
    ] {
        builder.append(&bodiless(kind, name, target), io::empty()).unwrap();
    }
    let tar = builder.into_inner().unwrap();
    let items = read(tar.clone());
    // A sample of links alone is counted too.
    assert_eq!(outline(&items), ["a:jpg", "b!link", "c!link"]);
    let message = items[1].as_ref().unwrap_err().to_string();
    assert!(message.contains("`.jpg` is a hard link to `a.jpg`"), "{message}");
    assert!(message.contains("--hard-dereference"), "{message}");
    // What nobody asks for may be a link, unless an index is made of all.
    let extensions = Some(vec!["cls".to_owned()]);
    let options = ReadOptions { extensions, ..ReadOptions::default() };
    assert_eq!(outline(&read_with(tar.clone(), options.clone())), ["a:", "b:", "c!link"]);
    let all = ReadOptions { all_stored: true, ..options };
    assert_eq!(outline(&read_with(tar, all)), ["a:", "b!link", "c!link"]);
}

#[test]
fn a_link_within_its_sample_is_followed() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut file = tar::Header::new_ustar();
    file.set_path("./d/a.jpg").unwrap();
    file.set_size(1);
    file.set_cksum();
    builder.append(&file, &b"i"[..]).unwrap();
    for (kind, name, target) in [
        (tar::EntryType::Symlink, "./d/a.png", "a.jpg"),
        (tar::EntryType::Link, "./d/a.gif", "d/a.jpg"),
    ] {
        builder.append(&bodiless(kind, name, target), io::empty()).unwrap();
    }
    let tar = builder.into_inner().unwrap();
    let items = read(tar.clone());
    assert_eq!(outline(&items), ["d/a:jpg,png,gif"]);
    assert_eq!(items[0].as_ref().unwrap().get("gif"), Some(&b"i"[..]));
    // An index has no content to point at.
    let index = ReadOptions { all_stored: true, ..ReadOptions::default() };
    assert_eq!(outline(&read_with(tar, index)), ["d/a!link"]);
}

#[test]
fn long_link_targets_are_named() {
    let mut builder = tar::Builder::new(Vec::new());
    let target = format!("{}.jpg", "t".repeat(150));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Link);
    header.set_size(0);
    builder.append_link(&mut header, "b.jpg", &target).unwrap();
    let items = read(builder.into_inner().unwrap());
    assert!(items[0].as_ref().unwrap_err().to_string().contains(&target));
}

#[test]
fn an_index_is_refused_to_sparse_members_whatever_is_loaded() {
    let mut header = tar::Header::new_gnu();
    header.set_path("0.png").unwrap();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    header.set_cksum();
    let tar = [header.as_bytes().to_vec(), vec![0; 1024]].concat();
    let nothing = ReadOptions { extensions: Some(Vec::new()), ..ReadOptions::default() };
    assert_eq!(outline(&read_with(tar.clone(), nothing.clone())), ["0:"]);
    let index = ReadOptions { all_stored: true, ..nothing };
    assert_eq!(outline(&read_with(tar, index)), ["0!sparse"]);
}
