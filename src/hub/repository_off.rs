//! In place of `repository`, where the program is built without the feature `remote`: the hub is not asked.

use super::address::HubAddress;
use super::error::HubError;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepoFile {
    pub(crate) path: String,
    pub(crate) bytes: u64,
}

/// Nothing: it can't be opened.
#[derive(Debug)]
pub(crate) struct Repository {
    never: Infallible,
}

impl Repository {
    pub(crate) fn open(address: &HubAddress) -> Result<Self, HubError> {
        Err(HubError::new(
            ErrorKind::Unsupported,
            format!(
                "{address}: this program was built without the feature `remote`: fetch the files with another program and name \
                 their folder, or build it with default features"
            ),
        ))
    }

    pub(crate) fn files(&self) -> &[RepoFile] {
        match self.never {}
    }

    pub(crate) fn commit(&self) -> &str {
        match self.never {}
    }

    pub(crate) fn place(&self) -> PathBuf {
        match self.never {}
    }

    pub(crate) fn lacking(&self, _: &str) -> HubError {
        match self.never {}
    }

    pub(crate) fn fetch(&self, _: &[&RepoFile], _: bool) -> Result<(), HubError> {
        match self.never {}
    }

    pub(crate) fn fetch_to(&self, _: &Path, _: &[&RepoFile]) -> Result<(), HubError> {
        match self.never {}
    }
}
