//! In place of `bucket`, where the program is built without the feature `remote`: there is no bucket.

use super::transfer_error::TransferError;
use bytes::Bytes;
use std::convert::Infallible;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Nothing: it can't be opened.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    never: Infallible,
}

impl Bucket {
    pub(crate) fn open(_: &str) -> io::Result<Self> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this program was built without the feature `remote`: build it with default features",
        ))
    }

    pub(crate) fn best_effort(&self) -> Self {
        match self.never {}
    }

    pub(crate) fn url(&self) -> String {
        match self.never {}
    }

    pub(crate) fn downloaded_bytes(&self) -> u64 {
        match self.never {}
    }

    pub(crate) fn get(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        match self.never {}
    }

    pub(crate) fn get_all(&self, _: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        match self.never {}
    }

    pub(crate) fn put(&self, _: &str, _: &[u8]) -> io::Result<()> {
        match self.never {}
    }

    pub(crate) fn put_new(&self, _: &str, _: &[u8]) -> io::Result<bool> {
        match self.never {}
    }

    pub(crate) fn delete(&self, _: &str) -> io::Result<()> {
        match self.never {}
    }

    pub(crate) fn list(&self, _: &str, _: bool) -> io::Result<Vec<(String, u64)>> {
        match self.never {}
    }

    pub(crate) fn length(&self, _: &str) -> io::Result<Option<u64>> {
        match self.never {}
    }

    pub(crate) fn get_ranges(
        &self,
        _: &str,
        _: &[Range<u64>],
        _: u64,
        _: Option<String>,
    ) -> io::Result<(Vec<Bytes>, Option<String>)> {
        match self.never {}
    }

    pub(crate) fn upload(&self, _: &[(String, PathBuf)]) -> Result<(), TransferError> {
        match self.never {}
    }

    pub(crate) fn download(&self, _: &str, _: &Path) -> Result<bool, TransferError> {
        match self.never {}
    }
}
