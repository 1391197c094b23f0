//! Against `moto`, the S3 server that others test with: signed requests, its own listing, ranges and ETags.

use crate::harness::Bench;
use crate::moto::Moto;
use crate::object_store::shards::{NAMES, SHARDS, expect, on_disk, parts, s3_command, use_shards};

#[test]
fn an_s3_server_gives_the_same_parquet_bytes_as_the_disk() {
    let Some(moto) = Moto::start() else { return };
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
