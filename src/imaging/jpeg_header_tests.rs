use super::*;

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[MARKER, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

/// 16 × 16, of components with these identifiers and sampling factors.
fn frame(marker: u8, components: &[(u8, u8)]) -> Vec<u8> {
    let mut content = vec![8, 0, 16, 0, 16, components.len() as u8];
    content.extend(components.iter().flat_map(|&(id, sampling)| [id, sampling, 0]));
    segment(marker, &content)
}

fn scan(ids: &[u8]) -> Vec<u8> {
    let mut content = vec![ids.len() as u8];
    content.extend(ids.iter().flat_map(|&id| [id, 0]));
    content.extend([0, 63, 0]);
    [segment(START_OF_SCAN, &content), vec![1, 2, MARKER, 0, 3, MARKER, 0xd0, 4]].concat()
}

fn file(segments: &[Vec<u8>]) -> Vec<u8> {
    [&[MARKER, 0xd8][..], &segments.concat(), &[MARKER, END_OF_IMAGE]].concat()
}

const COLOUR: [(u8, u8); 3] = [(1, 0x22), (2, 0x11), (3, 0x11)];

#[test]
fn only_files_without_any_doubt_are_ordinary() {
    let ordinary = |segments: &[Vec<u8>]| JpegHeader::parse(&file(segments)).is_ordinary();
    let tables = segment(HUFFMAN_TABLES, &[0; 17]);
    let jfif = segment(APP_0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
    let adobe = |transform| segment(APP_14, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat());
    let all = scan(&[1, 2, 3]);
    let plain = frame(0xc0, &COLOUR);
    assert!(ordinary(&[jfif.clone(), plain.clone(), tables.clone(), all.clone()]));
    assert!(ordinary(&[plain.clone(), tables.clone(), all.clone()]));
    assert!(ordinary(&[adobe(1), plain.clone(), tables.clone(), all.clone()]));
    assert!(ordinary(&[frame(0xc0, &[(7, 0x11)]), tables.clone(), scan(&[7])]));
    for (what, segments) in [
        ("no Huffman tables", vec![plain.clone(), all.clone()]),
        ("a scan a component", vec![plain.clone(), tables.clone(), scan(&[1]), scan(&[2, 3])]),
        ("another order", vec![plain.clone(), tables.clone(), scan(&[2, 1, 3])]),
        ("progressive", vec![frame(0xc2, &COLOUR), tables.clone(), all.clone()]),
        ("arithmetic", vec![frame(0xc9, &COLOUR), tables.clone(), all.clone()]),
        ("Adobe's RGB", vec![jfif, adobe(0), plain, tables.clone(), all.clone()]),
        ("coarse luma", {
            vec![frame(0xc0, &[(1, 0x11), (2, 0x22), (3, 0x22)]), tables.clone(), all.clone()]
        }),
        ("odd factors", {
            vec![frame(0xc0, &[(1, 0x31), (2, 0x11), (3, 0x11)]), tables.clone(), all.clone()]
        }),
        ("an edge within a unit", {
            let mut narrow = frame(0xc0, &COLOUR);
            narrow[8] = 15;
            vec![narrow, tables.clone(), all]
        }),
        ("letters", {
            let letters = [(b'R', 0x11), (b'G', 0x11), (b'B', 0x11)];
            vec![frame(0xc0, &letters), tables.clone(), scan(b"RGB")]
        }),
        ("four", {
            let four = [(1, 0x11), (2, 0x11), (3, 0x11), (4, 0x11)];
            vec![frame(0xc0, &four), tables, scan(&[1, 2, 3, 4])]
        }),
    ] {
        assert!(!ordinary(&segments), "{what}");
    }
}

#[test]
fn the_end_of_the_image_is_found_and_not_that_of_its_thumbnail() {
    let thumbnail = segment(APP_1, b"Exif\0\0\xff\xd8\xff\xda\xff\xd9");
    let whole = file(&[thumbnail, vec![MARKER, MARKER], frame(0xc0, &COLOUR), scan(&[1, 2, 3])]);
    let header = JpegHeader::parse(&whole);
    assert!(header.ended && header.scans == 1);
    assert_eq!(header.exif, Some(&b"\xff\xd8\xff\xda\xff\xd9"[..]));
    for cut in 0..whole.len() {
        assert!(!JpegHeader::parse(&whole[..cut]).ended, "cut at {cut}");
    }
    assert!(JpegHeader::parse(&[whole, vec![0; 9]].concat()).ended, "padding behind the end");
    assert!(!JpegHeader::parse(b"\xff\xd8nonsense").ended);
}

#[test]
fn what_is_not_read_is_named() {
    let unsupported = |segments: &[Vec<u8>]| JpegHeader::parse(&file(segments)).unsupported();
    for (marker, name) in [
        (0xc3, "lossless coding"),
        (0xc5, "hierarchical coding"),
        (0xcb, "lossless coding"),
        (0xf7, "JPEG-LS coding"),
    ] {
        assert_eq!(unsupported(&[frame(marker, &COLOUR)]).as_deref(), Some(name), "{marker:x}");
    }
    assert_eq!(unsupported(&[frame(0xca, &COLOUR)]), None);
    assert_eq!(unsupported(&[frame(0xc0, &COLOUR[..2])]).as_deref(), Some("2 components"));
    let mut deep = frame(0xc1, &COLOUR);
    deep[4] = 12;
    assert_eq!(unsupported(&[deep]).as_deref(), Some("12 bits a sample"));
    let mut open = frame(0xc0, &COLOUR);
    open[6] = 0;
    assert!(unsupported(&[open]).unwrap().contains("DNL"));
    let scans = vec![scan(&[1]); MOST_SCANS + 1];
    let many = unsupported(&[vec![frame(0xc2, &COLOUR)], scans].concat());
    assert_eq!(many.as_deref(), Some("501 scans (up to 500 are read)"));
}
