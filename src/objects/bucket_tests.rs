use super::super::answers::Connector;
use super::super::stores::no_retries;
use super::super::transfer::PIECE;
use super::*;
use object_store::aws::AmazonS3Builder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

/// Requests that a server got: first line and headers, in lower case.
type Asked = Arc<Mutex<Vec<String>>>;

/// A bucket of a server that answers requests with the bytes that `answer` makes of them.
fn bucket(answer: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> (Bucket, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, answer) = (Asked::default(), Arc::new(Mutex::new(answer)));
    let heard = asked.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (heard, answer) = (heard.clone(), answer.clone());
            std::thread::spawn(move || {
                let mut connection = connection.unwrap();
                let head = read_request(&connection);
                let answered = (*answer.lock().unwrap())(&head);
                heard.lock().unwrap().push(head);
                let _ = connection.write_all(&answered);
            });
        }
    });
    let network = Network::get().unwrap();
    let builder = AmazonS3Builder::new()
        .with_endpoint(url)
        .with_bucket_name("b")
        .with_http_connector(Connector);
    let builder = builder.with_allow_http(true).with_skip_signature(true).with_retry(no_retries());
    let client = RetryingClient::new(Arc::new(builder.build().unwrap()), "s3://b");
    (Bucket { network, client, folder: Key::default(), url: "s3://b".into() }, asked)
}

fn read_request(connection: &TcpStream) -> String {
    let (mut reader, mut head) = (BufReader::new(connection), String::new());
    while reader.read_line(&mut head).unwrap() > 2 {}
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    std::io::copy(&mut reader.take(length.unwrap_or(0)), &mut std::io::sink()).unwrap();
    head
}

fn answer(status: &str, more: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"t\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\
         Content-Length: {length}\r\nConnection: close\r\n{more}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn good(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "", body.len(), body)
}

fn bad(status: &str) -> Vec<u8> {
    answer(status, "", 0, b"")
}

fn count(asked: &Asked, start: &str) -> usize {
    asked.lock().unwrap().iter().filter(|head| head.starts_with(start)).count()
}

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
