//! Cut and damaged shards, and failing storage.

use super::*;

#[test]
fn wherever_it_is_cut_whole_samples_come_and_one_fatal_fault_ends_it() {
    let body = vec![7u8; 600];
    let names: Vec<String> =
        (0..6).map(|i| format!("{}.{}", i / 2, ["cls", "png"][i % 2])).collect();
    let members: Vec<_> = names.iter().map(|n| (n.as_str(), &body[..])).collect();
    let whole = tar_of(&members);
    // Each member is a header and two blocks; the end marker follows at byte 9216.
    for cut in (0..9216).step_by(64) {
        let items = read(whole[..cut].to_vec());
        let (last, before) = items.split_last().unwrap();
        let fault = last.as_ref().unwrap_err();
        assert!(fault.fatal, "cut at {cut}");
        assert!(before.iter().all(Result::is_ok), "cut at {cut}");
        // A sample is known to be whole once the next header is.
        let in_next_header = (1..512).contains(&(cut % 3072));
        let whole_samples = (cut / 3072).saturating_sub(usize::from(in_next_header));
        if fault.reason.code() == "truncated" {
            assert_eq!(before.len(), whole_samples, "cut at {cut}");
            let cut_sample = (cut >= 512).then(|| whole_samples.to_string());
            assert_eq!(fault.key, cut_sample, "cut at {cut}");
        } else {
            assert_eq!((fault.reason.code(), cut % 1536), ("no_end_marker", 0), "cut at {cut}");
            assert_eq!(before.len(), cut.div_ceil(3072));
        }
    }
    assert_eq!(read(whole).len(), 3);
}

#[test]
fn an_archive_without_its_end_marker_is_suspect() {
    let mut tar = tar_of(&[("0.cls", b"1")]);
    tar.truncate(1024);
    assert_eq!(outline(&read(tar)), ["0:cls", "!no_end_marker*"]);
    assert_eq!(outline(&read(Vec::new())), ["!no_end_marker*"]);
}

#[test]
fn a_second_tar_behind_the_end_marker_is_not_lost_in_silence() {
    let tar = [tar_of(&[("0.cls", b"1")]), tar_of(&[("1.cls", b"1")])].concat();
    assert_eq!(outline(&read(tar)), ["0:cls", "!trailing_data*"]);
}

#[test]
fn an_absurd_size_neither_panics_nor_allocates() {
    for size in [u64::MAX, u64::MAX - 600, 1 << 60] {
        let mut header = tar::Header::new_gnu();
        header.set_path("0.cls").unwrap();
        header.set_size(size);
        header.set_cksum();
        for kind in [b'0', b'L', b'x', b'g', b'S'] {
            header.as_mut_bytes()[156] = kind;
            header.set_cksum();
            let items = read(header.as_bytes().to_vec());
            let fault = items.last().unwrap().as_ref().unwrap_err();
            assert!(fault.fatal, "{size} {kind}: {fault}");
        }
    }
}

#[test]
fn failing_storage_is_not_called_damage() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("EIO"))
        }
    }
    let tar = tar_of(&[("0.cls", b"1"), ("1.png", &[7; 2000])]);
    for kept in [0, 700, 1024, 2000, 5000] {
        let source = Cursor::new(tar[..kept.min(tar.len())].to_vec()).chain(Broken);
        let reader = ShardReader::from_reader("t.tar", source, ReadOptions::default());
        let fault = reader.last().unwrap().unwrap_err();
        assert!(fault.reason.is_io() && fault.fatal, "{kept}: {fault}");
    }
    let missing = ShardReader::open(Path::new("no/such.tar"), ReadOptions::default());
    let fault = missing.err().unwrap();
    assert!(fault.reason.is_io() && fault.to_string().contains("no/such.tar"));
}

/// Flips bytes all over a shard: anything may come out but a panic or an endless stream.
#[test]
fn random_damage_never_panics() {
    let tar = tar_of(&[("0.cls", b"1"), ("0.png", &[7; 900]), ("1.cls", b"1"), ("2.cls", b"2")]);
    let packed = zstd::encode_all(&tar[..], 3).unwrap();
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..2000 {
        let mut bytes = if round % 2 == 0 { tar.clone() } else { packed.clone() };
        for _ in 0..=random(4) {
            let place = random(bytes.len());
            bytes[place] = random(256) as u8;
        }
        assert!(read(bytes).len() <= 6);
    }
}
