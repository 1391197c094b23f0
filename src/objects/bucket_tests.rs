use super::super::loopback::{Asked, answer, bad, bucket, count, good};
use super::super::transfer::PIECE;
use super::*;

#[test]
fn of_many_objects_only_the_one_that_failed_is_asked_for_again() {
    let mut failures = 1;
    let (bucket, asked) = bucket(move |head| match head.starts_with("get /b/k3 ") {
        true if failures > 0 => {
            failures -= 1;
            bad("503 Slow Down")
        }
        _ => good(head.split(' ').nth(1).unwrap_or_default().as_bytes()),
    });
    let names: Vec<String> = (0..8).map(|i| format!("k{i}")).collect();
    let found = bucket.get_all(&names).unwrap();
    let expected: Vec<_> = (0..8).map(|i| Some(format!("/b/k{i}").into_bytes())).collect();
    assert_eq!(found, expected);
    assert_eq!((count(&asked, "get /b/k3 "), count(&asked, "get ")), (2, 9));
}

#[test]
fn a_download_goes_on_at_the_byte_where_it_broke() {
    let content: Vec<u8> = (0..100_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
    let whole = content.clone();
    let (bucket, asked) = bucket(move |head| {
        let range =
            head.lines().find_map(|line| line.strip_prefix("range: bytes=")?.split_once('-'));
        let Some(start) = range.map(|(start, _)| start.parse::<usize>().unwrap()) else {
            return answer("200 OK", "", whole.len(), &whole[..40_000]);
        };
        let more = format!("Content-Range: bytes {start}-{}/{}\r\n", whole.len() - 1, whole.len());
        answer("206 Partial Content", &more, whole.len() - start, &whole[start..])
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    assert!(bucket.download("f", &path).unwrap());
    assert!(std::fs::read(&path).unwrap() == content);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1].contains("if-match: \"t\"") && !asked[1].contains("bytes=0-"), "{asked:?}");
}

/// A server that takes a file in pieces, and answers the second of them with `second` at first.
fn takes_pieces(second: &'static str) -> (Bucket, Asked) {
    let mut failures = 1;
    bucket(move |head| {
        match head.split(' ').next() {
        Some("post") if head.contains("?uploads") => {
            good(b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
        }
        Some("post") => good(
            b"<CompleteMultipartUploadResult><ETag>\"t\"</ETag></CompleteMultipartUploadResult>",
        ),
        Some("put") if failures > 0 && head.contains("partnumber=2") => {
            failures -= 1;
            bad(second)
        }
        Some("delete") => bad("204 No Content"),
        _ => good(b""),
    }
    })
}

#[test]
fn of_a_long_file_only_the_piece_that_failed_is_sent_again_and_none_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    std::fs::write(&path, vec![7; PIECE as usize + 5]).unwrap();
    let files = [("f".to_owned(), path)];

    let (bucket, asked) = takes_pieces("503 Slow Down");
    bucket.upload(&files).unwrap();
    let pieces = ["put /b/f?partnumber=1&", "put /b/f?partnumber=2&", "post "];
    assert_eq!(pieces.map(|start| count(&asked, start)), [1, 2, 2]);

    let (bucket, asked) = takes_pieces("403 Forbidden");
    let error = bucket.upload(&files).unwrap_err();
    assert_eq!((error.name.as_str(), error.is_local), ("f", false));
    assert_eq!(error.error.kind(), io::ErrorKind::PermissionDenied);
    assert_eq!(count(&asked, "delete /b/f?uploadid=u "), 1);

    let missing = [("g".to_owned(), dir.path().join("g"))];
    assert!(bucket.upload(&missing).unwrap_err().is_local);
}

#[test]
fn a_store_without_conditions_is_asked_first() {
    let (bucket, asked) = bucket(|head| match head.split(' ').next() {
        Some("head") => bad("404 Not Found"),
        _ if head.contains("if-none-match") => bad("501 Not Implemented"),
        _ => good(b""),
    });
    assert!(bucket.put_new("f.claim", b"me").unwrap());
    assert_eq!((count(&asked, "put "), count(&asked, "head ")), (2, 1));
}
