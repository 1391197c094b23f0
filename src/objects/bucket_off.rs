//! In place of `bucket`, where the program is built without the feature `remote`: there is no bucket.

use super::transfer_error::TransferError;
use std::convert::Infallible;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Nothing: it can't be opened.
#[derive(Debug)]
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

    pub(crate) fn hasty(&self) -> Self {
        match self.never {}
    }

    pub(crate) fn url(&self) -> String {
        match self.never {}
    }

    pub(crate) fn get(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
        match self.never {}
    }

    pub(crate) fn get_all(&self, _: &[String]) -> io::Result<Vec<Option<Vec<u8>>>> {
        match self.never {}
    }

    pub(crate) fn get_ranges(
        &self,
        _: &str,
        _: &[Range<u64>],
    ) -> io::Result<Option<Vec<bytes::Bytes>>> {
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

    pub(crate) fn upload(&self, _: &[(String, PathBuf)]) -> Result<(), TransferError> {
        match self.never {}
    }

    pub(crate) fn download(&self, _: &str, _: &Path) -> Result<bool, TransferError> {
        match self.never {}
    }
}
