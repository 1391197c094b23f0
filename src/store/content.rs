//! Digests of whole large files: read in pieces on several threads, once, and kept (`kept.rs`).

use super::error::StoreError;
use super::kept::{Identity, Kept};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// What one thread reads at a time. A file's digest is that of its pieces' digests, so this is part of its meaning.
const PIECE: u64 = 64 << 20;
/// Bytes asked of the disk at once.
const READ: usize = 1 << 20;
/// Beyond this, disks get slower with readers.
const MOST_READERS: usize = 4;

/// What [`content_digests`] found.
#[derive(Debug, Clone, Default)]
pub struct ContentDigests {
    /// One a file, in order.
    pub digests: Vec<u128>,
    /// Bytes that had to be read.
    pub read: u64,
    /// Why what was read could not be kept for later, if so.
    pub not_kept: Option<String>,
}

/// A piece of a file.
struct Piece {
    file: usize,
    start: u64,
    length: u64,
}

/// A digest of the whole content of each file. What this user's processes read before is taken from `kept`, a folder, if
/// the file is certainly the same. `progress` gets how many bytes of how many are read, first with none.
///
/// # Errors
/// If a file can't be read, or gets shorter meanwhile.
pub fn content_digests(
    files: &[PathBuf],
    kept: Option<&Path>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ContentDigests, StoreError> {
    let kept = Kept::new(kept);
    let identify = |path: &PathBuf| Identity::of(path).map_err(StoreError::io("examine", path));
    let identities = files.iter().map(identify).collect::<Result<Vec<_>, _>>()?;
    let mut digests: Vec<Option<u128>> = identities.iter().map(|id| kept.get(id)).collect();
    let to_read: Vec<usize> = (0..files.len()).filter(|at| digests[*at].is_none()).collect();
    let read = to_read.iter().map(|at| identities[*at].bytes).sum();
    let mut not_kept = None;
    if !to_read.is_empty() {
        let settled: Vec<bool> = identities.iter().map(Identity::is_settled).collect();
        let pieces = pieces(&to_read, &identities);
        let found = read_pieces(files, &pieces, &mut |done| progress(done, read))?;
        for at in to_read {
            let own = pieces.iter().zip(&found).filter(|(piece, _)| piece.file == at);
            let own: Vec<u8> = own.flat_map(|(_, digest)| digest.to_le_bytes()).collect();
            let digest = xxh3_128(&own);
            digests[at] = Some(digest);
            // One that was written to meanwhile, or a moment ago, may have had another content for a part of the time.
            let same = Identity::of(&files[at]).is_ok_and(|now| now == identities[at]);
            if same && settled[at] {
                let written = kept.put(&identities[at], digest);
                not_kept = written.err().map(|e| e.to_string()).or(not_kept);
            }
        }
    }
    let digests = digests.into_iter().map(Option::unwrap_or_default).collect();
    Ok(ContentDigests { digests, read, not_kept })
}

fn pieces(files: &[usize], identities: &[Identity]) -> Vec<Piece> {
    let of = |&file: &usize| {
        let bytes = identities[file].bytes;
        let starts = (0..bytes).step_by(PIECE as usize);
        starts.map(move |start| Piece { file, start, length: PIECE.min(bytes - start) })
    };
    files.iter().flat_map(of).collect()
}

/// The digest of each piece, read by several threads in about the files' order.
fn read_pieces(
    files: &[PathBuf],
    pieces: &[Piece],
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<u128>, StoreError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let readers = cores.min(MOST_READERS).min(pieces.len());
    let (next, (sender, receiver)) = (AtomicUsize::new(0), mpsc::channel());
    std::thread::scope(|scope| {
        for _ in 0..readers {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                while let Some((at, piece)) = take(next, pieces) {
                    let digest = digest(&files[piece.file], piece);
                    let failed = digest.is_err();
                    // Nobody listens any more after a failure.
                    if sender.send((at, digest)).is_err() || failed {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut found, mut done) = (vec![0; pieces.len()], 0);
        progress(0);
        for (at, digest) in receiver {
            let piece = &pieces[at];
            let end = |error| {
                // The others begin nothing more.
                next.store(pieces.len(), Ordering::Relaxed);
                StoreError::io("read", &files[piece.file])(error)
            };
            found[at] = digest.map_err(end)?;
            done += piece.length;
            progress(done);
        }
        Ok(found)
    })
}

fn take<'a>(next: &AtomicUsize, pieces: &'a [Piece]) -> Option<(usize, &'a Piece)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    pieces.get(at).map(|piece| (at, piece))
}

fn digest(path: &Path, piece: &Piece) -> io::Result<u128> {
    let file = File::open(path)?;
    let mut buffer = vec![0; READ];
    let (mut at, end) = (piece.start, piece.start + piece.length);
    let mut hash = Xxh3::new();
    while at < end {
        let wanted = READ.min((end - at) as usize);
        let chunk = &mut buffer[..wanted];
        file.read_exact_at(chunk, at)?;
        hash.update(chunk);
        at += wanted as u64;
    }
    Ok(hash.digest128())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    fn read(files: &[PathBuf], kept: &Path) -> ContentDigests {
        content_digests(files, Some(kept), &mut |_, _| ()).unwrap()
    }

    /// Has `file` be what it is since `seconds` ago, as far as a process can: its time of change can't be set.
    fn age(file: &Path, seconds: u64) {
        let then = SystemTime::now() - Duration::from_secs(seconds);
        File::options().append(true).open(file).unwrap().set_modified(then).unwrap();
    }

    #[test]
    fn every_byte_counts_in_every_piece() {
        let dir = tempfile::tempdir().unwrap();
        let (file, kept) = (dir.path().join("w"), dir.path().join("kept"));
        let length = 2 * PIECE + 5;
        File::create(&file).unwrap().set_len(length).unwrap();
        let files = [file.clone()];
        let mut seen = vec![read(&files, &kept).digests[0]];
        for at in [1, PIECE - 1, PIECE, 2 * PIECE - 70_000, length - 1] {
            File::options().write(true).open(&file).unwrap().write_all_at(b"x", at).unwrap();
            age(&file, 3600);
            seen.push(read(&files, &kept).digests[0]);
        }
        File::options().write(true).open(&file).unwrap().set_len(length - 1).unwrap();
        seen.push(read(&files, &kept).digests[0]);
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn progress_ends_at_the_whole_and_a_file_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a", "b"].iter().map(|name| dir.path().join(name)).collect();
        for file in &files {
            std::fs::write(file, file.to_string_lossy().as_bytes()).unwrap();
        }
        let mut said = Vec::new();
        let found = content_digests(&files, None, &mut |done, of| said.push((done, of))).unwrap();
        let total = 2 * files[0].as_os_str().len() as u64;
        assert_eq!((said[0], said[2], found.read), ((0, total), (total, total), total));
        assert_ne!(found.digests[0], found.digests[1]);
        let gone = content_digests(&[dir.path().join("c")], None, &mut |_, _| ());
        assert!(gone.unwrap_err().to_string().contains("/c"));
    }
}
