//! Members become samples.

use super::*;

#[test]
fn groups_consecutive_members_and_skips_what_is_none() {
    let tar = tar_of(&[
        ("__info__", b"x"),
        ("a/0.JPG", b"img"),
        ("a/._0.jpg", b"mac"),
        ("a/0.seg.png", b""),
        ("README", b"no"),
        ("a/0.cls", b"3"),
        ("b/0.jpg", b"other"),
    ]);
    let items = read(tar);
    assert_eq!(outline(&items), ["a/0:jpg,seg.png,cls", "b/0:jpg"]);
    let first = items[0].as_ref().unwrap();
    assert_eq!(first.get("jpg"), Some(&b"img"[..]));
    assert_eq!((first.index, first.offset), (0, 1024));
    assert_eq!(items[1].as_ref().unwrap().index, 1);
}

#[test]
fn only_wanted_members_are_loaded() {
    let tar = tar_of(&[("0.jpg", b"i"), ("0.json", b"{}"), ("0.cls", b"1"), ("1.txt", b"t")]);
    let extensions = Some(vec!["jpg".to_owned(), "cls".to_owned()]);
    let options = ReadOptions { extensions, ..ReadOptions::default() };
    assert_eq!(outline(&read_with(tar, options)), ["0:jpg,cls", "1:"]);
}

#[test]
fn sample_faults_do_not_stop_the_shard() {
    let big = vec![0u8; 5000];
    let tar = tar_of(&[
        ("0.cls", b"1"),
        ("1.cls", b"1"),
        ("1.CLS", b"2"),
        ("2.jpg", &big),
        ("2.cls", b"2"),
        ("0.jpg", b"stray"),
        ("3.cls", b"3"),
    ]);
    let options = ReadOptions { max_member_bytes: 4999, ..ReadOptions::default() };
    let items = read_with(tar, options);
    assert_eq!(
        outline(&items),
        ["0:cls", "1!repeated_extension", "2!member_too_large", "0!non_adjacent", "3:cls"]
    );
    assert_eq!(items[4].as_ref().unwrap().index, 4, "faulty samples keep their number");
    let message = items[3].as_ref().unwrap_err().to_string();
    assert!(message.contains("t.tar") && message.contains("`0`") && message.contains("adjacent"));
}
