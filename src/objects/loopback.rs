//! A server on loopback that answers as a test says, and a bucket of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::answers::Connector;
use super::bucket::Bucket;
use super::client::Network;
use super::stores::no_retries;
use object_store::aws::AmazonS3Builder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Requests that the server got: first line and headers, in lower case.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// A bucket of a server that answers requests with the bytes that `answer` makes of them.
pub(crate) fn bucket(answer: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> (Bucket, Asked) {
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
    // Chooses the encryption, which clients want chosen even where they use none.
    Network::get().unwrap();
    let builder = AmazonS3Builder::new()
        .with_endpoint(url)
        .with_bucket_name("b")
        .with_http_connector(Connector);
    let builder = builder.with_allow_http(true).with_skip_signature(true).with_retry(no_retries());
    (Bucket::over(Arc::new(builder.build().unwrap()), "s3://b"), asked)
}

fn read_request(connection: &TcpStream) -> String {
    let (mut reader, mut head) = (BufReader::new(connection), String::new());
    while reader.read_line(&mut head).unwrap() > 2 {}
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    std::io::copy(&mut reader.take(length.unwrap_or(0)), &mut std::io::sink()).unwrap();
    head
}

pub(super) fn answer(status: &str, more: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"t\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\
         Content-Length: {length}\r\nConnection: close\r\n{more}\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub(crate) fn good(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "", body.len(), body)
}

pub(crate) fn bad(status: &str) -> Vec<u8> {
    answer(status, "", 0, b"")
}

pub(super) fn count(asked: &Asked, start: &str) -> usize {
    asked.lock().unwrap().iter().filter(|head| head.starts_with(start)).count()
}
