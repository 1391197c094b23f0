//! Shards from servers and commands: the same results as from disk, whatever the connection does.

use crate::harness::Bench;
use crate::object_server::ObjectServer;
use coda_pipe::shards::{ReadOptions, Retry, ShardFault, ShardPlace, shard_identities};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub const SHARDS: &str = "s3://bucket/train-{000000..000001}.tar";
pub const NAMES: [&str; 2] = ["train-000000.tar", "train-000001.tar"];

/// A bench whose shards have moved to the server's `bucket`, changed by `pack`.
pub fn on_server(pack: impl Fn(Vec<u8>) -> Vec<u8>) -> (Bench, ObjectServer) {
    let (bench, server) = (Bench::new(), ObjectServer::start());
    for name in NAMES {
        server.put(&format!("/bucket/{name}"), pack(std::fs::read(bench.path(name)).unwrap()));
        std::fs::remove_file(bench.path(name)).unwrap();
    }
    use_shards(&bench, SHARDS);
    (bench, server)
}

/// A bench whose shards lie on disk under the very names that they have on a server.
pub fn on_disk() -> Bench {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path("s3:/bucket")).unwrap();
    for name in NAMES {
        std::fs::rename(bench.path(name), bench.path("s3:/bucket").join(name)).unwrap();
    }
    use_shards(&bench, SHARDS);
    bench
}

pub fn use_shards(bench: &Bench, shards: &str) {
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let text = text.replace("train-{000000..000001}.tar", shards);
    let text = text.replace("[model]", "retry_seconds = 0.01\n[model]");
    std::fs::write(bench.path("p.toml"), text).unwrap();
}

/// The command, with the server as its S3.
pub fn command(bench: &Bench, server: &ObjectServer, args: &[&str]) -> Command {
    s3_command(bench, &server.url(), args)
}

/// The command, with its S3 at `endpoint`.
pub fn s3_command(bench: &Bench, endpoint: &str, args: &[&str]) -> Command {
    let mut command = bench.command(args);
    command.env("AWS_ENDPOINT", endpoint).env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("AWS_REGION", "us-east-1");
    command
}

pub fn expect(code: i32, mut command: Command) -> (String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

/// The Parquet files of `encode`.
pub fn parts(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let files = NAMES.iter().enumerate().map(|(i, _)| format!("run/encode/part-{i:06}.parquet"));
    files.map(|file| (file.clone(), std::fs::read(bench.path(&file)).unwrap())).collect()
}

#[test]
fn a_run_from_a_server_gives_the_same_bytes_as_from_disk() {
    let disk = on_disk();
    disk.expect(0, &["run", "p.toml"]);

    let (plain, server) = on_server(|tar| tar);
    expect(0, command(&plain, &server, &["run", "p.toml"]));
    assert_eq!(parts(&plain), parts(&disk));
    assert_eq!(plain.results("run"), disk.results("run"));
    let (_, stderr) = expect(0, command(&plain, &server, &["run", "p.toml"]));
    assert!(stderr.contains("nothing was recomputed"), "{stderr}");

    // Compressed, over connections of which one in five breaks in the middle.
    let (broken, server) = on_server(|tar| zstd::encode_all(&tar[..], 1).unwrap());
    server.break_one_in(5);
    expect(0, command(&broken, &server, &["run", "p.toml"]));
    assert!(server.counts().1 >= 1, "no connection broke: {:?}", server.counts());
    assert_eq!(parts(&broken), parts(&disk));
    assert_eq!(broken.results("run"), disk.results("run"));
}

#[test]
fn an_object_that_was_changed_makes_its_shard_stale_and_no_other() {
    let (bench, server) = on_server(|tar| tar);
    let encode = ["run", "p.toml", "--until", "encode"];
    expect(0, command(&bench, &server, &encode));
    // Of the same length: only the ETag tells.
    let samples = crate::harness::digits(30);
    let mut swapped = samples[45..].to_vec();
    swapped.reverse();
    crate::harness::write_shard(&bench.path("swapped.tar"), &swapped);
    server.put("/bucket/train-000001.tar", std::fs::read(bench.path("swapped.tar")).unwrap());
    let (_, stderr) = expect(2, command(&bench, &server, &encode));
    assert!(stderr.contains("1 ") && stderr.contains("encode"), "{stderr}");
    expect(0, command(&bench, &server, &[&encode[..], &["--force"]].concat()));
    assert_eq!(bench.events("run", "unit_finished"), 2 + 1);
}

/// Some bytes that repeat nowhere near each other.
fn noise(length: u32) -> Vec<u8> {
    (0..length).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// A tar of one large member.
fn large_tar() -> Vec<u8> {
    let member = coda_pipe::shards::SampleMember::new("bin", noise(9_000_000));
    let mut writer = coda_pipe::shards::ShardWriter::new(
        Vec::new(),
        coda_pipe::shards::WriterOptions::default(),
    );
    writer.write_sample("0", &[member]).unwrap();
    writer.finish().unwrap().0
}

fn fast() -> ReadOptions {
    let retry = Retry { retries: 3, first_wait: Duration::from_millis(1) };
    ReadOptions { retry, ..ReadOptions::default() }
}

fn read(
    place: &ShardPlace,
    known: &coda_pipe::shards::ShardIdentity,
) -> Result<Vec<u8>, ShardFault> {
    let mut samples = place.open(known, fast())?.collect::<Result<Vec<_>, ShardFault>>()?;
    Ok(samples.remove(0).take("bin").unwrap())
}

#[test]
fn a_read_goes_on_where_it_broke_and_notices_a_change() {
    let server = ObjectServer::start();
    server.put("/a.tar", large_tar());
    let place = ShardPlace::Url(format!("{}/a.tar", server.url()));
    let known = shard_identities(std::slice::from_ref(&place), fast().retry).unwrap().remove(0);
    assert!(known.bytes.unwrap() > 9_000_000 && known.version.is_some(), "{known:?}");
    assert_eq!(read(&place, &known).unwrap(), noise(9_000_000));
    let (whole, _) = server.counts();
    // Every other connection breaks, far more often than the retries on end that are allowed.
    server.break_one_in(2);
    assert_eq!(read(&place, &known).unwrap(), noise(9_000_000));
    assert!(server.counts().1 >= whole - 2, "{:?}", server.counts());
    // Every one does: of the last byte nothing ever comes.
    server.break_one_in(1);
    let fault = read(&place, &known).unwrap_err();
    assert!(fault.reason.is_io() && fault.to_string().contains("times)"), "{fault}");
    server.break_one_in(0);
    let mut changed = large_tar();
    changed[5_000_000] ^= 1;
    server.put("/a.tar", changed);
    let fault = read(&place, &known).unwrap_err();
    assert!(fault.reason.is_io() && fault.to_string().contains("changed on the server"), "{fault}");
}

#[test]
fn samples_in_the_middle_of_a_remote_tar_are_read_by_their_offset() {
    let (bench, server) = on_server(|tar| tar);
    let place = ShardPlace::Url(format!("{}/bucket/train-000000.tar", server.url()));
    let known = shard_identities(std::slice::from_ref(&place), fast().retry).unwrap().remove(0);
    assert!(place.is_seekable(&known, &fast()).unwrap());
    let all: Vec<_> = place.open(&known, fast()).unwrap().map(Result::unwrap).collect();
    let one = place.open_at(all[30].offset, &known, fast()).unwrap().next().unwrap().unwrap();
    assert_eq!((&one.key, &one.members), (&all[30].key, &all[30].members));
    drop(bench);
}

#[test]
fn what_servers_refuse_is_said_with_what_to_do() {
    let (bench, server) = on_server(|tar| tar);
    let ls = |shard: &str| command(&bench, &server, &["shards", "ls", shard]);
    let (_, stderr) = expect(
        2,
        command(&bench, &server, &["run", "p.toml", "--set", "shards=s3://bucket/none.tar"]),
    );
    assert!(
        stderr.contains("s3://bucket/none.tar") && stderr.contains("no such object"),
        "{stderr}"
    );
    let (_, stderr) = expect(2, ls("http://127.0.0.1/*.tar::s3://bucket/none-*.tar"));
    assert!(stderr.contains("none-*.tar") && stderr.contains("matches no shard"), "{stderr}");
    let url = server.url();
    let (stdout, _) =
        expect(0, ls(&format!("{url}/bucket/train-{{000000..000001}}.tar?signature=secret")));
    assert!(stdout.contains("train-000001.tar\n") && !stdout.contains("secret"), "{stdout}");
    server.forget_ranges();
    let (stdout, _) = expect(1, ls(&format!("{url}/bucket/train-000000.tar")));
    assert!(stdout.contains("pipe:curl"), "{stdout}");
}

#[test]
fn buckets_are_listed_for_globs_and_folders() {
    let (bench, server) = on_server(|tar| tar);
    server.put("/bucket/deep/er/a.tar", std::fs::read(bench.path("p.toml")).unwrap());
    server.put("/bucket/deep/er/._a.tar", Vec::new());
    server.put("/bucket/notes.txt", Vec::new());
    for (pattern, shards) in [
        ("s3://bucket/", 2),
        ("s3://bucket/train-*1.tar", 1),
        ("s3://bucket/*/er/*.tar", 1),
        ("s3://bucket/**/*.tar", 3),
        ("s3://bucket/deep/er/", 1),
    ] {
        let output = command(&bench, &server, &["shards", "ls", pattern]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(&format!("{shards} shards,")), "{pattern}: {stderr}");
    }
}

/// The services' own addresses can be changed by their usual variables.
#[test]
fn google_and_azure_are_read_through_their_own_interfaces() {
    let (bench, server) = on_server(|tar| tar);
    let whole = large_tar();
    server.put("/gbucket/a.tar", whole.clone());
    server.put("/account/container/a.tar", whole.clone());
    server.put("/container/a.tar", whole);
    for shard in ["gs://gbucket/a.tar", "az://container/a.tar"] {
        let mut command = bench.command(&["shards", "ls", "--json", shard]);
        command.env("GOOGLE_BASE_URL", server.url()).env("GOOGLE_SKIP_SIGNATURE", "true");
        command.env("AZURE_STORAGE_ENDPOINT", server.url()).env("AZURE_ALLOW_HTTP", "true");
        command.env("AZURE_STORAGE_ACCOUNT_NAME", "account").env("AZURE_SKIP_SIGNATURE", "true");
        let (stdout, _) = expect(0, command);
        assert!(stdout.contains(shard) && stdout.contains("9000000"), "{stdout}");
    }
}

#[test]
fn commands_give_shards_and_their_failure_is_the_shards() {
    let plain = Bench::with_run(&[]);
    let bench = Bench::new();
    use_shards(&bench, "pipe:gzip -c train-{000000..000001}.tar");
    bench.expect(0, &["run", "p.toml"]);
    let cores = |bench: &Bench| {
        let tar = bench.path("run/cores/mini-cores-000000.tar");
        let samples = crate::harness::read_shard(&tar).into_iter();
        samples.map(|(key, members)| (key, members["png"].clone())).collect::<Vec<_>>()
    };
    assert!(cores(&bench) == cores(&plain), "the real cores differ");
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    assert!(stderr.contains("nothing was recomputed"), "{stderr}");

    let bench = Bench::new();
    use_shards(&bench, "pipe:cat train-{000000..000001}.tar && exit 9");
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    assert!(stderr.contains("exit status: 9") && stderr.contains("pipe:cat"), "{stderr}");
    let (_, stderr) = bench.expect(2, &["run", "p.toml", "--set", "shards=-"]);
    assert!(stderr.contains("pipe:COMMAND"), "{stderr}");
    let mut stdin = bench.command(&["shards", "ls", "-"]);
    stdin.stdin(std::fs::File::open(bench.path("train-000000.tar")).unwrap());
    let (_, stderr) = expect(0, stdin);
    assert!(stderr.contains("45 samples, 0 bad"), "{stderr}");
}

#[test]
fn a_list_in_a_file_names_the_shards() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("lists")).unwrap();
    std::fs::write(
        bench.path("lists/all.txt"),
        "# both\n../train-000001.tar\n../train-000000.tar\n",
    )
    .unwrap();
    use_shards(&bench, "@lists/all.txt");
    bench.expect(0, &["run", "p.toml", "--until", "encode"]);
    let part: PathBuf = bench.path("run/encode/part-000000.receipt.json");
    let receipt = std::fs::read_to_string(part).unwrap();
    assert!(receipt.contains("encode.size"), "{receipt}");
    let (stdout, _) = bench.expect(0, &["inspect", "run/encode/part-000000.parquet", "-n", "1"]);
    assert!(stdout.contains("train-000001.tar"), "{stdout}");
}
