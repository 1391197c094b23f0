//! A small Hugging Face hub on loopback: its API, `/resolve/` and, on another host, the store that it sends on to for large
//! files; and it can misbehave.

use coda_pipe::internals::hub::git_digest;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Files of at least so many bytes lie in the store.
const LARGE: usize = 2000;
/// Entries of one page of a listing.
const PAGE: usize = 4;

/// A hub and its store, each on a host of its own.
pub struct HubServer {
    hub: SocketAddr,
    store: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By `models/OWNER/NAME` or `datasets/OWNER/NAME`.
    repos: BTreeMap<String, Repo>,
    /// Old names of repositories, and the new ones.
    renamed: BTreeMap<String, String>,
    asked: Vec<Asked>,
    /// So many requests to the hub are answered with 429.
    too_many: usize,
    /// Of so many answers of the store one breaks in the middle; 0 for none.
    break_one_in: usize,
    broken: usize,
    /// The store changes a bit of every file.
    flip: bool,
    /// After half of a large file the store waits until it is set free again.
    stall: bool,
    stalled: usize,
    /// Addresses of the store with an older number than this have run out.
    signature: usize,
    stop: bool,
}

/// A repository at one commit, which is its branch `main` and its tag `v1`.
#[derive(Default, Clone)]
pub struct Repo {
    files: BTreeMap<String, Vec<u8>>,
    /// What a request must have to read it.
    token: Option<String>,
    gated: bool,
}

/// A request that a server got.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub of_store: bool,
    pub verb: String,
    pub target: String,
    pub authorization: Option<String>,
    pub range: Option<String>,
    /// All of the head, as it came.
    pub head: String,
}

impl Repo {
    pub fn file(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), bytes.into());
        self
    }

    /// All files below `folder`, at `below` of the repository.
    pub fn folder(mut self, folder: &Path, below: &str) -> Self {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            self = match path.is_dir() {
                true => self.folder(&path, &name),
                false => self.file(&name, std::fs::read(&path).unwrap()),
            };
        }
        self
    }

    pub fn only_with(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn gated(mut self) -> Self {
        self.gated = true;
        self
    }

    /// The commit: another where a file is another.
    pub fn commit(&self) -> String {
        let files = self.files.iter().map(|(path, bytes)| format!("{path} {}\n", git(bytes)));
        git(files.collect::<String>().as_bytes())
    }
}

impl HubServer {
    pub fn start() -> Self {
        // Python's client takes every port of a host for the same one.
        let hub = TcpListener::bind("127.0.0.1:0").unwrap();
        let store = TcpListener::bind("127.0.0.2:0").unwrap();
        let shared = Arc::<Shared>::default();
        let (at_hub, at_store) = (hub.local_addr().unwrap(), store.local_addr().unwrap());
        serve(hub, &shared, move |shared, asked, connection| {
            shared.hub(asked, connection, at_hub, at_store)
        });
        serve(store, &shared, |shared, asked, connection| shared.store(asked, connection));
        Self { hub: at_hub, store: at_store, shared }
    }

    /// `http://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.hub)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state.lock().unwrap());
        self.shared.changed.notify_all();
    }

    /// Adds a repository, `models/OWNER/NAME` or `datasets/OWNER/NAME`, or a new commit of it.
    pub fn put(&self, name: &str, repo: Repo) {
        self.change(|state| drop(state.repos.insert(name.to_owned(), repo)));
    }

    pub fn rename(&self, old: &str, new: &str) {
        self.change(|state| {
            let repo = state.repos.remove(old).unwrap();
            state.repos.insert(new.to_owned(), repo);
            state.renamed.insert(old.to_owned(), new.to_owned());
        });
    }

    pub fn refuse_next(&self, requests: usize) {
        self.change(|state| state.too_many = requests);
    }

    pub fn break_one_in(&self, n: usize) {
        self.change(|state| state.break_one_in = n);
    }

    pub fn broken(&self) -> usize {
        self.shared.state.lock().unwrap().broken
    }

    pub fn flip_a_bit(&self, flip: bool) {
        self.change(|state| state.flip = flip);
    }

    /// From now on no address of the store holds that was given out before.
    pub fn let_signatures_run_out(&self) {
        self.change(|state| state.signature += 1);
    }

    pub fn stall(&self, stall: bool) {
        self.change(|state| state.stall = stall);
    }

    /// Waits until the store stalls in so many answers.
    pub fn wait_until_stalled(&self, answers: usize) {
        let mut state = self.shared.state.lock().unwrap();
        while state.stalled < answers {
            // Only a failure takes so long.
            let (next, late) =
                self.shared.changed.wait_timeout(state, Duration::from_secs(120)).unwrap();
            assert!(!late.timed_out(), "the store was asked for nothing");
            state = next;
        }
    }

    /// What was asked since the last call.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.state.lock().unwrap().asked)
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.change(|state| (state.stop, state.stall) = (true, false));
        for address in [self.hub, self.store] {
            let _ = TcpStream::connect(address);
        }
    }
}

type Answer = dyn Fn(&Shared, Asked, &mut TcpStream) -> std::io::Result<()> + Send + Sync;

fn serve(
    listener: TcpListener,
    shared: &Arc<Shared>,
    answer: impl Fn(&Shared, Asked, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) {
    let (shared, answer) = (shared.clone(), Arc::<Box<Answer>>::new(Box::new(answer)));
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            if shared.state.lock().unwrap().stop {
                return;
            }
            let (shared, answer) = (shared.clone(), answer.clone());
            std::thread::spawn(move || {
                let mut connection = connection.unwrap();
                let asked = read_request(&connection)?;
                // A client that hangs up is none of our business.
                answer(&shared, asked, &mut connection)
            });
        }
    });
}

fn read_request(connection: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(connection);
    let mut asked = Asked::default();
    reader.read_line(&mut asked.head)?;
    let mut words = asked.head.split(' ').map(str::to_owned);
    asked.verb = words.next().unwrap_or_default();
    asked.target = words.next().unwrap_or_default();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        let value = Some(value.trim().to_owned());
        match name.to_lowercase().as_str() {
            "authorization" => asked.authorization = value,
            "range" => asked.range = value,
            _ => {}
        }
        asked.head.push_str(&line);
    }
    Ok(asked)
}

fn send(
    connection: &mut TcpStream,
    head: &str,
    body: &[u8],
    with_body: bool,
) -> std::io::Result<()> {
    let length = body.len();
    write!(connection, "HTTP/1.1 {head}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
    if with_body {
        connection.write_all(body)?;
    }
    connection.flush()
}

fn refuse(
    connection: &mut TcpStream,
    status: &str,
    code: &str,
    message: &str,
) -> std::io::Result<()> {
    let head = format!("{status}\r\nX-Error-Code: {code}\r\nX-Error-Message: {message}\r\n");
    send(connection, &head, b"", true)
}

impl Shared {
    fn hub(
        &self,
        mut asked: Asked,
        connection: &mut TcpStream,
        hub: SocketAddr,
        store: SocketAddr,
    ) -> std::io::Result<()> {
        asked.target = decoded(&asked.target);
        let mut state = self.state.lock().unwrap();
        state.asked.push(asked.clone());
        if state.too_many > 0 {
            state.too_many -= 1;
            return send(connection, "429 Too Many Requests\r\nRetry-After: 0\r\n", b"", true);
        }
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let is_api = path.starts_with("/api/");
        let rest = path.trim_start_matches("/api").trim_start_matches('/');
        let with_kind = match is_api || rest.starts_with("datasets/") {
            true => rest.to_owned(),
            false => format!("models/{rest}"),
        };
        let words: Vec<&str> = with_kind.splitn(5, '/').collect();
        let [kind, owner, name, what, rest] = words[..] else {
            return refuse(connection, "404 Not Found", "", "no such page");
        };
        let repo = format!("{kind}/{owner}/{name}");
        if let Some(new) = state.renamed.get(&repo) {
            let new = asked.target.replacen(
                &format!("{owner}/{name}"),
                new.split_once('/').unwrap().1,
                1,
            );
            let head = format!("307 Temporary Redirect\r\nLocation: {new}\r\n");
            return send(connection, &head, b"", true);
        }
        let Some(found) = state.repos.get(&repo).cloned() else {
            return match asked.authorization {
                None => {
                    refuse(connection, "401 Unauthorized", "RepoNotFound", "Repository not found")
                }
                Some(_) => {
                    refuse(connection, "404 Not Found", "RepoNotFound", "Repository not found")
                }
            };
        };
        let right =
            found.token.as_ref().is_none_or(|t| asked.authorization == Some(format!("Bearer {t}")));
        match (right, &asked.authorization) {
            (false, None) if !found.gated => {
                return refuse(
                    connection,
                    "401 Unauthorized",
                    "RepoNotFound",
                    "Repository not found",
                );
            }
            (false, Some(_)) if !found.gated => {
                let message = "Invalid credentials in Authorization header";
                return refuse(connection, "401 Unauthorized", "", message);
            }
            (false, _) if !is_api => {
                let message = "Access to this repository is restricted.";
                return refuse(connection, "403 Forbidden", "GatedRepo", message);
            }
            _ => {}
        }
        let commit = found.commit();
        let (revision, path) = match (is_api, rest.split_once('/')) {
            (true, _) if what == "revision" => (rest, ""),
            (_, Some((revision, path))) => (revision, path),
            (_, None) => (rest, ""),
        };
        if !["main", "v1", &commit].contains(&revision) {
            return refuse(connection, "404 Not Found", "RevisionNotFound", "Invalid rev id");
        }
        let signature = state.signature;
        drop(state);
        match what {
            "revision" => {
                let body = format!("{{\"id\": \"{owner}/{name}\", \"sha\": \"{commit}\"}}");
                send(
                    connection,
                    "200 OK\r\nContent-Type: application/json\r\n",
                    body.as_bytes(),
                    true,
                )
            }
            "tree" => tree(connection, &found, (&asked, path, query), hub),
            "resolve" => {
                let about = format!("X-Repo-Commit: {commit}\r\n");
                let Some(bytes) = found.files.get(path) else {
                    let head = format!("404 Not Found\r\nX-Error-Code: EntryNotFound\r\n{about}");
                    return send(connection, &head, b"", true);
                };
                resolve(connection, &asked, bytes, &about, (store, signature))
            }
            _ => refuse(connection, "404 Not Found", "", "no such page"),
        }
    }

    fn store(&self, asked: Asked, connection: &mut TcpStream) -> std::io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.asked.push(Asked { of_store: true, ..asked.clone() });
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let signed = query.rsplit('=').next().and_then(|number| number.parse::<usize>().ok());
        if signed.is_none_or(|signed| signed < state.signature) {
            return send(connection, "403 Forbidden\r\n", b"<Code>ExpiredToken</Code>", true);
        }
        let wanted = path.trim_start_matches('/');
        let mut files = state.repos.values().flat_map(|repo| repo.files.values());
        let Some(bytes) = files.find(|bytes| sha256(bytes) == wanted) else {
            return send(connection, "404 Not Found\r\n", b"", true);
        };
        let mut bytes = bytes.clone();
        if state.flip {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        let (status, body) = ranged(&asked, &bytes);
        let answers = state.asked.iter().filter(|asked| asked.of_store).count();
        let breaks = state.break_one_in > 0 && answers % state.break_one_in == 0;
        state.broken += usize::from(breaks);
        let half = body.len() / 2;
        // Its tags are its own, and change.
        let head = format!("{status}ETag: \"store-{answers}\"\r\n");
        let length = body.len();
        write!(connection, "HTTP/1.1 {head}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
        connection.write_all(&body[..half])?;
        connection.flush()?;
        if breaks {
            return Ok(());
        }
        if state.stall {
            state.stalled += 1;
            self.changed.notify_all();
            while state.stall {
                state = self.changed.wait(state).unwrap();
            }
        }
        drop(state);
        connection.write_all(&body[half..])?;
        connection.flush()
    }
}

/// A page of a listing.
fn tree(
    connection: &mut TcpStream,
    repo: &Repo,
    (asked, folder, query): (&Asked, &str, &str),
    hub: SocketAddr,
) -> std::io::Result<()> {
    let deep = query.to_lowercase().contains("recursive=true");
    let below = |path: &str| match folder {
        "" => Some(path.to_owned()),
        _ => Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned()),
    };
    let mut entries = Vec::new();
    for (path, bytes) in &repo.files {
        let Some(rest) = below(path) else { continue };
        if rest.contains('/') && !deep {
            continue;
        }
        let (size, oid) = (bytes.len(), git(bytes));
        let lfs = match bytes.len() >= LARGE {
            true => format!(
                ", \"lfs\": {{\"oid\": \"{}\", \"size\": {size}, \"pointerSize\": 130}}",
                sha256(bytes)
            ),
            false => String::new(),
        };
        entries.push(format!(
            "{{\"type\": \"file\", \"path\": \"{path}\", \"size\": {size}, \"oid\": \"{oid}\"{lfs}}}"
        ));
    }
    if entries.is_empty() {
        return refuse(connection, "404 Not Found", "EntryNotFound", "no such folder");
    }
    entries.push(
        "{\"type\": \"directory\", \"path\": \"a-folder\", \"size\": 0, \"oid\": \"0\"}".to_owned(),
    );
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor="));
    let start: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
    let page: Vec<&str> = entries.iter().skip(start).take(PAGE).map(String::as_str).collect();
    let link = match start + PAGE < entries.len() {
        true => {
            let url = asked.target.split("&cursor=").next().unwrap();
            format!("Link: <http://{hub}{url}&cursor={}>; rel=\"next\"\r\n", start + PAGE)
        }
        false => String::new(),
    };
    let body = format!("[{}]", page.join(", "));
    send(
        connection,
        &format!("200 OK\r\nContent-Type: application/json\r\n{link}"),
        body.as_bytes(),
        true,
    )
}

fn resolve(
    connection: &mut TcpStream,
    asked: &Asked,
    bytes: &[u8],
    about: &str,
    (store, signature): (SocketAddr, usize),
) -> std::io::Result<()> {
    if bytes.len() < LARGE {
        let (status, body) = ranged(asked, bytes);
        let head = format!("{status}{about}ETag: \"{}\"\r\n", git(bytes));
        return send(connection, &head, &body, asked.verb != "HEAD");
    }
    let (digest, size) = (sha256(bytes), bytes.len());
    let head = format!(
        "302 Found\r\n{about}X-Linked-Etag: \"{digest}\"\r\nX-Linked-Size: {size}\r\nETag: \"of-the-redirect\"\r\n\
         Location: http://{store}/{digest}?signature={signature}\r\n"
    );
    send(connection, &head, b"", true)
}

/// Status line with headers, and the bytes that were asked for.
fn ranged(asked: &Asked, bytes: &[u8]) -> (String, Vec<u8>) {
    let range =
        asked.range.as_ref().and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((start, last)) = range else { return ("200 OK\r\n".into(), bytes.to_vec()) };
    let start: usize = start.parse().unwrap();
    let last = last.parse().map_or(bytes.len() - 1, |last: usize| last.min(bytes.len() - 1));
    let head =
        format!("206 Partial Content\r\nContent-Range: bytes {start}-{last}/{}\r\n", bytes.len());
    (head, bytes[start..=last].to_vec())
}

/// SHA-256 and Git's digest of a content, each computed once for all tests: without optimisation that takes seconds.
fn digests(bytes: &[u8]) -> (String, String) {
    static KNOWN: Mutex<BTreeMap<u64, (String, String)>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    let made = || {
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        (sha256, git_digest(bytes))
    };
    known.entry(xxhash_rust::xxh3::xxh3_64(bytes)).or_insert_with(made).clone()
}

fn sha256(bytes: &[u8]) -> String {
    digests(bytes).0
}

fn git(bytes: &[u8]) -> String {
    digests(bytes).1
}

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
