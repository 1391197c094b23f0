//! Opening shards wherever they are.

use std::io::{self, BufReader, Read};

use super::compression::{Compression, Container};
use super::error::ShardError;
use super::fault::{FaultReason, ShardFault};
use super::identity::ShardIdentity;
use super::labels::LabelSource;
use super::parquet::{Table, TableReader, Which, is_parquet};
use super::peek::Peek;
use super::read_options::ReadOptions;
use super::reader::ShardReader;
use super::refused::Refused;
use super::remote;
use super::retry::Retry;
use super::shard_name::is_tar_name;
use super::skip::PlainFile;
use super::sources::ShardPlace;
use super::tar_reader::TarReader;

/// What is known of each of `places`, in their order; servers are asked about several at once.
///
/// # Errors
/// [`ShardError::Io`] or [`ShardError::Remote`] for the first that can't be asked about.
pub fn shard_identities(
    places: &[ShardPlace],
    retry: Retry,
) -> Result<Vec<ShardIdentity>, ShardError> {
    let urls: Vec<String> = places.iter().filter_map(url).map(str::to_owned).collect();
    let mut remote = remote::identities(&urls, retry)?.into_iter();
    let identity = |place: &ShardPlace| match place {
        ShardPlace::Url(_) => Ok(remote.next().unwrap_or_default()),
        other => other.source().identity(retry),
    };
    places.iter().map(identity).collect()
}

fn url(place: &ShardPlace) -> Option<&str> {
    match place {
        ShardPlace::Url(url) => Some(url),
        _ => None,
    }
}

impl ShardPlace {
    /// Opens the shard, which should be as `known` has it: a remote one that has changed since is
    /// not read. Call it from a thread that may block.
    ///
    /// # Errors
    /// A fatal [`FaultReason::ReadFailed`] if it can't be opened.
    pub fn open(
        &self,
        known: &ShardIdentity,
        options: ReadOptions,
    ) -> Result<ShardReader, ShardFault> {
        self.open_at(0, known, options)
    }

    /// What the shard is stored in, by its beginning.
    ///
    /// # Errors
    /// As [`ShardPlace::open`].
    pub fn container(&self) -> Result<Container, ShardFault> {
        if let Self::Images(_) = self {
            return Ok(Container::Images);
        }
        let (known, options) = (ShardIdentity::default(), ReadOptions::default());
        let tell = |source| {
            let mut source = Peek::new(BufReader::new(source));
            match is_parquet(source.peek(4)?) {
                true => Ok(Container::Parquet),
                false => Compression::detect(&mut source).map(Container::Tar),
            }
        };
        self.bytes(0, &known, &options).and_then(tell).map_err(|error| self.failed(&error))
    }

    /// Whether [`ShardPlace::open_at`] can begin anywhere: a plain tar or a Parquet file, on this machine or on a server,
    /// or a folder of images.
    ///
    /// # Errors
    /// As [`ShardPlace::open`].
    pub fn is_seekable(
        &self,
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> Result<bool, ShardFault> {
        if !self.source().is_seekable() {
            return Ok(false);
        }
        if let Self::Images(_) = self {
            return Ok(true);
        }
        let head = self.head(known, options).map_err(|error| self.failed(&error))?;
        Ok(matches!(Compression::of_magic(&head), Ok(Compression::Plain)))
    }

    /// Opens a shard that [`is_seekable`](ShardPlace::is_seekable) at the sample whose
    /// [`Sample::offset`](super::Sample::offset) is `offset`; the offsets of what is read count from
    /// there.
    ///
    /// # Errors
    /// As [`ShardPlace::open`].
    pub fn open_at(
        &self,
        offset: u64,
        known: &ShardIdentity,
        options: ReadOptions,
    ) -> Result<ShardReader, ShardFault> {
        if let Self::Images(images) = self {
            let opened = images.open(Which::From(offset), known, &options);
            return opened.map_err(|reason| self.fatal(reason));
        }
        if self.may_be_parquet(offset, known, &options)? {
            return self.open_table(Which::From(offset), known, &options);
        }
        let name = self.to_string();
        let failed = |error: io::Error| self.failed(&error);
        if let Self::File(path) = self
            && let Some(file) = PlainFile::open(path, offset).map_err(failed)?
        {
            // What is not asked for is passed over by seeking.
            return Ok(ShardReader::of(TarReader::from_source(
                name.into(),
                Box::new(file),
                options,
            )));
        }
        let source = self.bytes(offset, known, &options).map_err(failed)?;
        if let (Self::Url(_), 0) = (self, offset) {
            // One request tells what it is and begins to read it.
            let mut source = Peek::new(BufReader::new(source));
            if is_parquet(source.peek(4).map_err(failed)?) {
                return self.open_table(Which::From(0), known, &options);
            }
            return Ok(ShardReader::from_reader(name, source, options));
        }
        Ok(ShardReader::from_reader(name, source, options))
    }

    /// Opens the samples at these offsets alone, whose own offsets count from the shard's start, where its container can
    /// pass over the others at once: a Parquet file, or a folder of images. `None` for any other.
    ///
    /// # Errors
    /// As [`ShardPlace::open`].
    pub fn open_some(
        &self,
        offsets: &[u64],
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> Result<Option<ShardReader>, ShardFault> {
        if let Self::Images(images) = self {
            let opened = images.open(Which::These(offsets.to_vec()), known, options);
            return opened.map(Some).map_err(|reason| self.fatal(reason));
        }
        // Any offset but 0, so that a URL is looked at.
        match self.may_be_parquet(1, known, options)? {
            true => self.open_table(Which::These(offsets.to_vec()), known, options).map(Some),
            false => Ok(None),
        }
    }

    /// The names of the classes that the numbers in the label stand for, by position, if the shard has such: a Parquet
    /// file that Hugging Face's `datasets` wrote.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(crate) fn class_names(
        &self,
        label: &LabelSource,
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> Result<Option<Vec<String>>, ShardFault> {
        let column = match label {
            LabelSource::Extension(extension) if extension == "cls" => None,
            LabelSource::Json { field } => Some(field.as_str()),
            LabelSource::Extension(extension) if extension != "txt" => Some(extension.as_str()),
            _ => return Ok(None),
        };
        if !self.may_be_parquet(1, known, options)? {
            return Ok(None);
        }
        Ok(self.table(known, options)?.class_names(column))
    }

    /// Whether it is a Parquet file; at its start a URL's first answer tells.
    fn may_be_parquet(
        &self,
        offset: u64,
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> Result<bool, ShardFault> {
        let looked_at = match self {
            Self::File(path) => std::fs::metadata(path).is_ok_and(|about| about.is_file()),
            // Of what is called a tar no server is asked.
            Self::Url(_) => offset > 0 && !is_tar_name(&self.to_string()),
            Self::Images(_) | Self::Pipe { .. } | Self::Stdin => false,
        };
        if !looked_at {
            return Ok(false);
        }
        let head = self.head(known, options).map_err(|error| self.failed(&error))?;
        Ok(is_parquet(&head))
    }

    fn table(&self, known: &ShardIdentity, options: &ReadOptions) -> Result<Table, ShardFault> {
        Table::open(self, known, options.retry).map_err(|reason| self.fatal(reason))
    }

    fn open_table(
        &self,
        which: Which,
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> Result<ShardReader, ShardFault> {
        let table = Table::open(self, known, options.retry);
        match table.and_then(|table| TableReader::new(table, which, options)) {
            Ok(reader) => Ok(ShardReader::of(reader)),
            Err(reason) if reason.is_io() => Err(self.fatal(reason)),
            // Damage is an item, as in a tar.
            Err(reason) => Ok(ShardReader::of(std::iter::once(Err(self.fatal(reason))))),
        }
    }

    /// The shard's first bytes.
    fn head(&self, known: &ShardIdentity, options: &ReadOptions) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let source = match (self, known.bytes) {
            (Self::Url(_), Some(4..)) => self.source().open_range(0..4, known, options.retry)?,
            _ => self.bytes(0, known, options)?,
        };
        source.take(4).read_to_end(&mut head)?;
        Ok(head)
    }

    fn bytes(
        &self,
        offset: u64,
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> io::Result<Box<dyn Read + Send>> {
        let source = self.source();
        if offset > 0 && !source.is_seekable() {
            return Err(io::Error::other("it can only be read from its start"));
        }
        source.open(offset, known, options.retry)
    }

    fn failed(&self, error: &io::Error) -> ShardFault {
        self.fatal(Refused::of(error).cloned().unwrap_or_else(|| FaultReason::ReadFailed {
            kind: error.kind(),
            message: error.to_string(),
        }))
    }

    fn fatal(&self, reason: FaultReason) -> ShardFault {
        ShardFault { shard: self.to_string().into(), key: None, reason, fatal: true }
    }
}
