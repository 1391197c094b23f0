//! Against `moto`, the S3 server that others test with: signed requests, its own listing, ranges and ETags.

use crate::harness::Bench;
use crate::python::python;
use crate::sources::{NAMES, SHARDS, expect, on_disk, parts, s3_command, use_shards};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running `moto`.
struct Moto {
    process: Child,
    address: SocketAddr,
}

impl Moto {
    /// `None`, loudly, where it is not installed.
    fn start(test: &str) -> Option<Self> {
        let python = python(test)?;
        let found = Command::new(&python).args(["-c", "import moto.server"]).output().unwrap();
        if !found.status.success() {
            eprintln!("SKIPPED {test}: moto is not in .venv (run `make test`, which installs it)");
            return None;
        }
        // The port is free again when the listener is gone; nobody else on loopback is after it.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let port = address.port().to_string();
        let mut command = Command::new(python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port]);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moto = Self { process, address };
        let patience = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < patience, "moto does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(moto)
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let mut connection = TcpStream::connect(self.address).unwrap();
        let length = bytes.len();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
            self.address
        );
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(bytes).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_s3_server_gives_the_same_parquet_bytes_as_the_disk() {
    let Some(moto) = Moto::start("an_s3_server_gives_the_same_parquet_bytes_as_the_disk") else {
        return;
    };
    let bench = Bench::new();
    moto.put("/bucket", b"");
    for name in NAMES {
        moto.put(&format!("/bucket/{name}"), &std::fs::read(bench.path(name)).unwrap());
        std::fs::remove_file(bench.path(name)).unwrap();
    }
    use_shards(&bench, SHARDS);
    let encode = ["run", "p.toml", "--until", "encode"];
    expect(0, s3_command(&bench, &moto.url(), &encode));
    let disk = on_disk();
    disk.expect(0, &encode);
    assert_eq!(parts(&bench), parts(&disk));

    let (_, stderr) = expect(0, s3_command(&bench, &moto.url(), &["shards", "ls", "s3://bucket/"]));
    assert!(stderr.contains("2 shards, 90 samples, 0 bad"), "{stderr}");
    let (_, stderr) =
        expect(1, s3_command(&bench, &moto.url(), &["shards", "ls", "s3://no-such/"]));
    assert!(stderr.contains("NoSuchBucket"), "{stderr}");
}
