//! `moto`, the S3 server that others test with.

use crate::other_programs::tables::python;
use crate::skip;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running `moto`.
pub struct Moto {
    process: Child,
    address: SocketAddr,
    /// Where it writes a line for each request.
    log: tempfile::NamedTempFile,
}

impl Moto {
    /// `None`, loudly, where it is not installed.
    pub fn start() -> Option<Self> {
        let python = python()?;
        let found = Command::new(&python).args(["-c", "import moto.server"]).output().unwrap();
        if !found.status.success() {
            skip::tool("moto in .venv (`make test` installs it)");
            return None;
        }
        // The port is free again when the listener is gone; nobody else on loopback is after it.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let port = address.port().to_string();
        let mut command = Command::new(python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port]);
        let log = tempfile::NamedTempFile::new().unwrap();
        let lines = log.reopen().unwrap();
        let process = command.stdout(Stdio::null()).stderr(lines).spawn().unwrap();
        let moto = Self { process, address, log };
        let patience = Instant::now() + Duration::from_secs(300);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < patience, "moto does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(moto)
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        let answer = self.ask("PUT", path, bytes).unwrap();
        assert!(answer.is_some(), "moto refuses {path}");
    }

    /// The object at `path`, if there is one.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.ask("GET", path, b"").unwrap()
    }

    /// What it was asked for so far, in order, such as `GET /bucket/key`.
    pub fn asked(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.log.path()).unwrap();
        let asked = log.lines().filter_map(|line| line.split('"').nth(1));
        asked
            .filter_map(|request| Some(plain(request).rsplit_once(" HTTP/")?.0.to_owned()))
            .collect()
    }

    /// Keys in `bucket` that begin with `prefix`.
    pub fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let (mut keys, mut next) = (Vec::new(), String::new());
        loop {
            let query = format!("/{bucket}?list-type=2&prefix={prefix}{next}");
            let listed = String::from_utf8(self.get(&query).unwrap()).unwrap();
            let parts = |tag: &str| -> Vec<String> {
                let tag = format!("<{tag}>");
                let parts = listed.split(tag.as_str()).skip(1);
                parts.map(|part| part.split('<').next().unwrap().to_owned()).collect()
            };
            keys.extend(parts("Key"));
            match parts("NextContinuationToken").pop() {
                Some(token) => next = format!("&continuation-token={}", token.replace('+', "%2B")),
                None => return keys,
            }
        }
    }

    /// The body of a good answer, `None` of one that is not found. It answers with 500 where what it lists changes
    /// meanwhile: then it is asked again, as clients do.
    fn ask(&self, verb: &str, path: &str, body: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
        for _ in 0..20 {
            if let Some(answer) = self.ask_once(verb, path, body)? {
                return Ok(answer);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{verb} {path}: 500, twenty times");
    }

    fn ask_once(
        &self,
        verb: &str,
        path: &str,
        body: &[u8],
    ) -> std::io::Result<Option<Option<Vec<u8>>>> {
        let mut connection = TcpStream::connect(self.address)?;
        let (length, address) = (body.len(), self.address);
        // It looks whether a request is signed, not whether the signature is right.
        let head = format!(
            "{verb} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, \
             Signature=0\r\n\r\n"
        );
        connection.write_all(head.as_bytes())?;
        connection.write_all(body)?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.expect("an answer has a head");
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        match head.split(' ').nth(1) {
            Some("200") => Ok(Some(Some(answer.split_off(end + 4)))),
            Some("404") => Ok(Some(None)),
            Some("500") => Ok(None),
            _ => panic!("{verb} {path}: {head}"),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A request without the colour in which the server logs answers other than 200, such as those of ranges.
fn plain(mut request: &str) -> &str {
    while let Some((_, rest)) = request.strip_prefix('\x1b').and_then(|code| code.split_once('m')) {
        request = rest;
    }
    request
}
