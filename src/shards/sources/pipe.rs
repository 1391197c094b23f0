//! Shards that a command writes to its standard output.

use super::{Kind, Search, ShardPlace, ShardSource};
use crate::shards::error::ShardError;
use crate::shards::identity::ShardIdentity;
use crate::shards::retry::Retry;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `pipe:COMMAND`.
pub(super) const KIND: Kind = Kind { written: "`pipe:COMMAND`", expand };

/// A command, and the folder in which it runs.
pub(super) struct Pipe<'p> {
    pub(super) command: &'p str,
    pub(super) folder: &'p Path,
}

impl ShardSource for Pipe<'_> {
    fn name(&self, _: &Path) -> String {
        format!("pipe:{}", self.command)
    }

    fn is_seekable(&self) -> bool {
        false
    }

    fn open(&self, _: u64, _: &ShardIdentity, _: Retry) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(PipeReader::start(self.command, self.folder)?))
    }
}

fn expand(search: &mut Search<'_>, name: &str) -> Option<Result<Vec<ShardPlace>, ShardError>> {
    let command = name.strip_prefix("pipe:")?.to_owned();
    Some(Ok(vec![ShardPlace::Pipe { command, folder: search.base.clone() }]))
}

/// The output of a command; its errors go where ours go. Ends well only if the command does.
#[derive(Debug)]
struct PipeReader {
    child: Child,
}

impl PipeReader {
    /// Starts `command` with `sh -c` in `folder`.
    ///
    /// # Errors
    /// If it can't be started.
    fn start(command: &str, folder: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped());
        if !folder.as_os_str().is_empty() {
            shell.current_dir(folder);
        }
        Ok(Self { child: shell.spawn()? })
    }
}

impl Read for PipeReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(output) = &mut self.child.stdout else { return Ok(0) };
        let read = output.read(into)?;
        if read > 0 || into.is_empty() {
            return Ok(read);
        }
        self.child.stdout = None;
        match self.child.wait()? {
            status if status.success() => Ok(0),
            status => Err(io::Error::other(format!("the command failed ({status})"))),
        }
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        // Closing its output ends a command that still writes, and `kill` one that does not.
        self.child.stdout = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str) -> io::Result<String> {
        let mut text = String::new();
        PipeReader::start(command, Path::new(""))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn output_is_read_and_a_failure_is_one() {
        assert_eq!(read("printf abc").unwrap(), "abc");
        let error = read("printf abc; exit 7").unwrap_err().to_string();
        assert!(error.contains("exit status: 7"), "{error}");
        let error = read("kill -9 $$").unwrap_err().to_string();
        assert!(error.contains("signal: 9"), "{error}");
        assert!(PipeReader::start("true", Path::new("/no/such/folder")).is_err());
    }

    #[test]
    fn a_command_that_never_ends_is_left_behind() {
        let mut pipe = PipeReader::start("exec yes", Path::new("/")).unwrap();
        let mut some = [0; 10];
        pipe.read_exact(&mut some).unwrap();
        let id = pipe.child.id();
        drop(pipe);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}
