//! Graphs put together by hand.

use super::*;

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field with a length in front.
fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    field(13, &[field(1, key.as_bytes()), field(2, value)].concat())
}

fn tensor(location: &str, offset: u64, length: u64) -> Vec<u8> {
    let numbers = [("offset", offset), ("length", length)];
    let numbers = numbers.map(|(key, number)| entry(key, number.to_string().as_bytes()));
    // Dimensions, a name and inline bytes stand around it.
    let (dims, name) = (vec![0x08, 0x05], field(8, b"weight"));
    let raw = field(9, &vec![0xff; 70_000]);
    [dims, entry("location", location.as_bytes()), numbers.concat(), name, raw, vec![0x70, 1]]
        .concat()
}

fn read(bytes: Vec<u8>) -> ExternalData {
    ExternalData::read(io::Cursor::new(bytes))
}

fn names(found: &ExternalData) -> Vec<(&str, u64)> {
    found.files.iter().map(|(name, bytes)| (name.to_str().unwrap(), *bytes)).collect()
}

#[test]
fn a_name_is_found_wherever_a_tensor_can_stand() {
    let graph = |inside: Vec<u8>| inside;
    let attribute = |content: Vec<u8>| field(1, &field(5, &content));
    let sparse = [field(1, &tensor("values", 0, 4)), field(2, &tensor("indices", 0, 4))].concat();
    let inner = graph(field(5, &tensor("nested", 0, 7)));
    let top = [
        field(5, &tensor("top", 0, 100)),
        field(5, &tensor("top", 4096, 50)),
        field(15, &sparse),
        attribute(field(5, &tensor("constant", 0, 1))),
        attribute(field(10, &tensor("list", 0, 2))),
        attribute(field(6, &inner)),
        attribute(field(11, &field(5, &tensor("sub/w.bin", 0, 8)))),
        attribute(field(22, &field(1, &tensor("sparse", 0, 3)))),
        attribute(field(23, &field(1, &tensor("sparses", 0, 3)))),
    ]
    .concat();
    let function = [
        field(7, &field(5, &field(5, &tensor("in-function", 0, 9)))),
        field(11, &field(5, &tensor("default", 0, 9))),
    ]
    .concat();
    let training =
        [field(1, &field(5, &tensor("init", 0, 1))), field(2, &field(5, &tensor("step", 0, 1)))];
    let model = [
        vec![0x08, 0x08],
        field(2, b"a producer"),
        field(7, &top),
        field(20, &training.concat()),
        field(25, &function),
    ]
    .concat();
    let found = read(model);
    assert_eq!(found.fault, None);
    let expected = [
        ("constant", 1),
        ("default", 9),
        ("in-function", 9),
        ("indices", 4),
        ("init", 1),
        ("list", 2),
        ("nested", 7),
        ("sparse", 3),
        ("sparses", 3),
        ("step", 1),
        ("sub/w.bin", 8),
        ("top", 4146),
        ("values", 4),
    ];
    assert_eq!(names(&found), expected);
}

#[test]
fn a_graph_without_external_data_and_an_empty_file_name_none() {
    let model = field(7, &field(5, &[field(8, b"w"), field(9, &[0; 5000])].concat()));
    assert_eq!(read(model), ExternalData::default());
    assert_eq!(read(Vec::new()), ExternalData::default());
}

#[test]
fn groups_and_fixed_numbers_are_passed_over() {
    let group =
        [varint(30 << 3 | 3), field(5, b"?"), varint(31 << 3 | 1), vec![0; 8], varint(30 << 3 | 4)];
    let model =
        [group.concat(), varint(9 << 3 | 5), vec![0; 4], field(7, &field(5, &tensor("w", 0, 1)))];
    let found = read(model.concat());
    assert_eq!((names(&found), found.fault), (vec![("w", 1)], None));
}

#[test]
fn a_damaged_graph_ends_with_a_reason_and_keeps_what_was_found() {
    let whole = field(7, &[field(5, &tensor("w", 0, 1)), field(5, &tensor("v", 0, 1))].concat());
    for cut in [1, 3, 20, 100, 71_000, whole.len() - 1] {
        assert_eq!(read(whole[..cut].to_vec()).fault, Some(Malformed::Cut), "{cut}");
    }
    // The whole message's length is beyond what is there, so that nothing in it is believed.
    assert!(read(whole[..whole.len() - 1].to_vec()).files.is_empty());
    for bytes in [&b"a graph"[..], b"version https://git-lfs", &[0; 50], &[0xff; 50]] {
        assert!(read(bytes.to_vec()).fault.is_some());
    }
    let mut first = field(7, &field(5, &tensor("w", 0, 1)));
    first.extend([0x07; 5]);
    assert_eq!(names(&read(first)), [("w", 1)]);
}

#[test]
fn depth_and_names_have_bounds() {
    let mut deep = field(5, &tensor("w", 0, 1));
    for _ in 0..80 {
        deep = field(1, &field(5, &field(6, &deep)));
    }
    assert_eq!(read(field(7, &deep)).fault, Some(Malformed::TooMuch));
    let long = field(7, &field(5, &entry("location", &vec![b'x'; 20_000])));
    assert_eq!(read(long).fault, Some(Malformed::TooMuch));
    let many: Vec<u8> = (0..5000)
        .flat_map(|n| field(5, &entry("location", format!("{n:0>4000}").as_bytes())))
        .collect();
    let found = read(field(7, &many));
    assert_eq!(found.fault, Some(Malformed::TooMuch));
    assert!(found.files.len() < 4300);
}
