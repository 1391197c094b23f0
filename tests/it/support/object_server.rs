//! A small object server on loopback: ranges, ETags, `If-Match`, S3's listing; and it can misbehave.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Objects by their path, such as `/bucket/key`. Each connection carries one request.
pub struct ObjectServer {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    connections: AtomicUsize,
    /// Of so many connections one breaks in the middle of its answer; 0 for none.
    break_one_in: AtomicUsize,
    broken: AtomicUsize,
    without_ranges: AtomicBool,
    /// Paths of objects that were written, each as often as it was.
    written: Mutex<Vec<String>>,
    /// Bytes of objects that each access key was sent, by the object's path.
    fetched: Mutex<BTreeMap<String, BTreeMap<String, u64>>>,
    /// What every request must have as its `Authorization`; empty for nothing.
    login: Mutex<String>,
    stop: AtomicBool,
}

struct Request {
    verb: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl ObjectServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if shared.stop.load(Ordering::SeqCst) {
                    return;
                }
                let state = shared.clone();
                // A client that hangs up is none of our business.
                std::thread::spawn(move || drop(state.answer(connection.unwrap())));
            }
        });
        Self { address, state }
    }

    /// `http://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        self.state.objects.lock().unwrap().insert(path.to_owned(), bytes);
    }

    /// From now on one connection in `n` breaks.
    pub fn break_one_in(&self, n: usize) {
        self.state.break_one_in.store(n, Ordering::SeqCst);
    }

    /// Paths of the objects that clients have written, each as often as they have.
    pub fn written(&self) -> Vec<String> {
        self.state.written.lock().unwrap().clone()
    }

    /// Bytes of objects that each access key (`AWS_ACCESS_KEY_ID`) was sent, by the object's path.
    pub fn fetched(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        self.state.fetched.lock().unwrap().clone()
    }

    /// From now on requests without this `Authorization` are refused.
    pub fn require(&self, login: &str) {
        login.clone_into(&mut self.state.login.lock().unwrap());
    }

    pub fn forget_ranges(&self) {
        self.state.without_ranges.store(true, Ordering::SeqCst);
    }

    /// Connections, and those of them that were broken.
    pub fn counts(&self) -> (usize, usize) {
        let read = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (read(&self.state.connections), read(&self.state.broken))
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn answer(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let request = read_request(&connection)?;
        let (head, body) = match request.verb.as_str() {
            "PUT" | "DELETE" => self.change(&request),
            "POST" => self.delete_many(&request),
            _ => self.respond(&request),
        };
        let one_in = self.break_one_in.load(Ordering::SeqCst);
        let sent = if one_in > 0 && number % one_in == one_in / 2 {
            self.broken.fetch_add(1, Ordering::SeqCst);
            body.len() / 2
        } else {
            body.len()
        };
        let length = body.len();
        write!(connection, "HTTP/1.1 {head}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
        if request.verb != "HEAD" {
            connection.write_all(&body[..sent])?;
            self.count(&request, sent as u64);
        }
        connection.flush()
    }

    /// Counts what an access key was sent of an object. Listings are none.
    fn count(&self, request: &Request, bytes: u64) {
        let key = request.headers.get("authorization").and_then(|login| {
            let (_, credential) = login.split_once("Credential=")?;
            credential.split('/').next()
        });
        if let Some(key) = key
            && self.objects.lock().unwrap().contains_key(&request.target)
        {
            let mut fetched = self.fetched.lock().unwrap();
            let of_key = fetched.entry(key.to_owned()).or_default();
            *of_key.entry(request.target.clone()).or_default() += bytes;
        }
    }

    /// S3's DeleteObjects: keys in XML in, keys in XML out.
    fn delete_many(&self, request: &Request) -> (String, Vec<u8>) {
        let Some(bucket) = request.target.strip_suffix("?delete") else {
            return ("404 Not Found\r\n".into(), Vec::new());
        };
        let body = String::from_utf8_lossy(&request.body);
        let keys =
            body.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0));
        let mut answer = String::from("<DeleteResult>");
        for key in keys {
            let path = format!("{}/{key}", bucket.trim_end_matches('/'));
            self.objects.lock().unwrap().remove(&path);
            answer.push_str(&format!("<Deleted><Key>{key}</Key></Deleted>"));
        }
        answer.push_str("</DeleteResult>");
        ("200 OK\r\nContent-Type: application/xml\r\n".into(), answer.into_bytes())
    }

    /// Writes or removes an object, as S3 does.
    fn change(&self, request: &Request) -> (String, Vec<u8>) {
        let mut objects = self.objects.lock().unwrap();
        if request.verb == "DELETE" {
            objects.remove(&request.target);
            return ("204 No Content\r\n".into(), Vec::new());
        }
        if request.headers.contains_key("if-none-match") && objects.contains_key(&request.target) {
            return ("412 Precondition Failed\r\n".into(), Vec::new());
        }
        objects.insert(request.target.clone(), request.body.clone());
        self.written.lock().unwrap().push(request.target.clone());
        ("200 OK\r\nETag: \"0\"\r\n".into(), Vec::new())
    }

    /// Status line and headers, and the body.
    fn respond(&self, request: &Request) -> (String, Vec<u8>) {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let objects = self.objects.lock().unwrap();
        if query.contains("list-type=2") {
            return (
                "200 OK\r\nContent-Type: application/xml\r\n".into(),
                list(&objects, path, query),
            );
        }
        let login = self.login.lock().unwrap();
        if !login.is_empty() && request.headers.get("authorization") != Some(&*login) {
            return ("401 Unauthorized\r\n".into(), b"who are you?".to_vec());
        }
        // An object may be one of a query.
        let Some(bytes) = objects.get(&request.target).or_else(|| objects.get(path)) else {
            return ("404 Not Found\r\n".into(), b"no such object".to_vec());
        };
        let tag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(bytes));
        if request.headers.get("if-match").is_some_and(|wanted| *wanted != tag) {
            return ("412 Precondition Failed\r\n".into(), Vec::new());
        }
        let about = format!("ETag: {tag}\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n");
        let range =
            request.headers.get("range").filter(|_| !self.without_ranges.load(Ordering::SeqCst));
        let Some((start, last)) =
            range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
        else {
            return (format!("200 OK\r\n{about}"), bytes.clone());
        };
        let start: usize = start.parse().unwrap();
        let end = bytes.len().min(last.parse::<usize>().unwrap() + 1);
        if start >= end {
            return ("416 Range Not Satisfiable\r\n".into(), Vec::new());
        }
        let (last, size) = (end - 1, bytes.len());
        let head =
            format!("206 Partial Content\r\n{about}Content-Range: bytes {start}-{last}/{size}\r\n");
        (head, bytes[start..end].to_vec())
    }
}

fn read_request(connection: &TcpStream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(connection);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split(' ');
    let verb = words.next().unwrap_or_default().to_owned();
    let target = decoded(words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request { verb, target, headers, body })
}

/// Clients differ in what they write as `%XX`.
fn decoded(target: &str) -> String {
    let mut parts = target.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// The answer to S3's ListObjectsV2, in one page.
fn list(objects: &BTreeMap<String, Vec<u8>>, bucket: &str, query: &str) -> Vec<u8> {
    let asked = |name: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.unwrap_or_default().to_owned()
    };
    let (prefix, delimiter) = (asked("prefix"), asked("delimiter"));
    let bucket = format!("{}/", bucket.trim_end_matches('/'));
    let mut text = String::from("<ListBucketResult><IsTruncated>false</IsTruncated>");
    for (path, bytes) in objects {
        let Some(key) = path.strip_prefix(&bucket) else { continue };
        let Some(rest) = key.strip_prefix(&prefix) else { continue };
        if delimiter.is_empty() || !rest.contains(&delimiter) {
            text.push_str(&format!(
                "<Contents><Key>{key}</Key><Size>{}</Size>\
                 <LastModified>2015-10-21T07:28:00.000Z</LastModified><ETag>\"0\"</ETag></Contents>",
                bytes.len()
            ));
        }
    }
    text.push_str("</ListBucketResult>");
    text.into_bytes()
}
