//! Names and headers as tar writers make them.

use super::*;

#[test]
fn gnu_and_pax_long_names() {
    let long = format!("{}/{}.cls", "d".repeat(150), "f".repeat(150));
    assert_eq!(outline(&read(tar_of(&[(&long, b"1")])))[0].len(), 150 + 1 + 150 + 4);

    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", long.as_bytes()), ("size", b"3")]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("short.cls").unwrap();
    header.set_size(3);
    header.set_cksum();
    builder.append(&header, &b"abc"[..]).unwrap();
    let items = read(builder.into_inner().unwrap());
    let sample = items[0].as_ref().unwrap();
    assert_eq!(format!("{}.cls", sample.key), long);
    assert_eq!((sample.get("cls"), sample.offset), (Some(&b"abc"[..]), 0));
}

/// A header of a kind of its own, with no body.
#[test]
fn a_name_that_is_not_utf8_is_escaped() {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [(&b"100%caf\xe9.cls"[..], b"1"), (b"100%caf\xe9.png", b"i")] {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_size(1);
        header.set_cksum();
        builder.append(&header, &content[..]).unwrap();
    }
    let items = read(builder.into_inner().unwrap());
    assert_eq!(outline(&items), ["100%25caf%e9:cls,png"]);
    // An index has the names as they are stored, which no index can hold.
    assert!(items[0].as_ref().unwrap().places[0].name.contains('\u{fffd}'));
}

#[test]
fn checksums_of_bytes_with_a_sign_are_accepted() {
    let mut header = tar::Header::new_ustar();
    header.set_path("é.cls").unwrap();
    header.set_size(1);
    header.as_mut_bytes()[148..156].fill(b' ');
    let sum: i32 = header.as_bytes().iter().map(|&byte| i32::from(byte.cast_signed())).sum();
    header.as_mut_bytes()[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let tar = [header.as_bytes().to_vec(), b"1".to_vec(), vec![0; 511 + 1024]].concat();
    assert_eq!(outline(&read(tar.clone())), ["é:cls"]);
    let mut wrong = tar;
    wrong[0] ^= 2;
    assert_eq!(outline(&read(wrong)), ["!not_tar*"]);
}

#[test]
fn samples_in_folders_of_the_system_are_none_and_a_shard_of_nothing_else_is_named() {
    let tar = tar_of(&[
        ("cat/1.png", b"i"),
        ("cat/.ipynb_checkpoints/1-checkpoint.png", b"x"),
        ("__MACOSX/cat/1.png", b"x"),
        ("cat/@eaDir/1.jpg/t.png", b"x"),
        ("cat/1.cls", b"7"),
    ]);
    assert_eq!(outline(&read(tar)), ["cat/1:png,cls"]);
    let items = read(tar_of(&[("__meta__", b""), (".data/1.png", b"i"), (".data/1.cls", b"7")]));
    assert_eq!(outline(&items), ["!no_samples*"]);
    let message = items[0].as_ref().unwrap_err().to_string();
    assert!(
        message.contains("none of its 2 files") && message.contains(".data/1.png"),
        "{message}"
    );
    assert_eq!(outline(&read(tar_of(&[("__meta__", b"")]))), [""; 0]);
}
