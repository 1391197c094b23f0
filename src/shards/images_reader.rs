//! The files of an image folder as samples.

use super::entry::MemberEntry;
use super::fault::{FaultReason, ShardFault};
use super::image_folder::{Entry, Stamp, extension, read, sample_key};
use super::parquet::Which;
use super::read_options::ReadOptions;
use super::sample::{Sample, SampleMember};
use std::io;
use std::path::PathBuf;

/// A file and the key of its sample.
pub(super) struct ImageFile {
    entry: Entry,
    key: String,
    extension: String,
}

impl ImageFile {
    /// A file with the key that follows from its name, unless it has another.
    pub(super) fn new(entry: Entry, key: Option<String>) -> Self {
        let key = key.unwrap_or_else(|| sample_key(&entry.path, &entry.class));
        let extension = extension(&entry.path).unwrap_or_default();
        Self { entry, key, extension }
    }
}

/// Reads files one by one.
pub(super) struct ImagesReader {
    shard: PathBuf,
    files: Vec<ImageFile>,
    /// The numbers of the files that are still to be read.
    left: std::vec::IntoIter<usize>,
    /// The number that offsets count from.
    first: usize,
    options: ReadOptions,
    finished: bool,
}

impl ImagesReader {
    pub(super) fn new(
        shard: PathBuf,
        files: Vec<ImageFile>,
        which: Which,
        options: ReadOptions,
    ) -> Self {
        let number = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let (left, first): (Vec<usize>, usize) = match which {
            Which::From(first) => ((number(first)..files.len()).collect(), number(first)),
            Which::These(offsets) => (offsets.into_iter().map(number).collect(), 0),
        };
        Self { shard, files, left: left.into_iter(), first, options, finished: false }
    }

    fn takes(&self, extension: &str) -> bool {
        let list = self.options.extensions.as_ref();
        list.is_none_or(|list| list.iter().any(|wanted| wanted == extension))
    }

    fn sample(&self, number: usize, file: &ImageFile) -> Result<Sample, (FaultReason, bool)> {
        let (offset, index) = ((number - self.first) as u64, number - self.first);
        let mut sample = Sample { key: file.key.clone(), index, offset, ..Sample::default() };
        let size = file.entry.stamp.map_or(0, |stamp| stamp.bytes);
        let extension = &file.extension;
        if self.takes(extension) {
            let bytes = self.image(file, size)?;
            add(&mut sample, extension, bytes.len() as u64, Some(bytes));
        } else {
            add(&mut sample, extension, size, None);
        }
        let class = file.entry.class.clone().into_bytes();
        let (size, class) = (class.len() as u64, self.takes("cls").then_some(class));
        add(&mut sample, "cls", size, class);
        Ok(sample.in_order())
    }

    /// The image's bytes; whether a fault ends reading.
    fn image(&self, file: &ImageFile, size: u64) -> Result<Vec<u8>, (FaultReason, bool)> {
        let (path, limit) = (&file.entry.path, self.options.max_member_bytes);
        let now = Stamp::of(path);
        if file.entry.stamp.is_some() && now != file.entry.stamp {
            let what = if now.is_none() { "is gone or can't be looked at" } else { "has changed" };
            let message = format!(
                "{} {what} since the folder was listed: start the command again",
                path.display()
            );
            return Err((FaultReason::ReadFailed { kind: io::ErrorKind::Other, message }, true));
        }
        if size > limit {
            let extension = file.extension.clone();
            return Err((FaultReason::MemberTooLarge { extension, size, limit }, false));
        }
        let read = read(path, &file.extension).map(|(bytes, _)| bytes);
        read.map_err(|reason| {
            (FaultReason::NoImage { detail: format!("{}: {reason}", path.display()) }, false)
        })
    }
}

fn add(sample: &mut Sample, extension: &str, size: u64, bytes: Option<Vec<u8>>) {
    let (extension, name) = (extension.to_owned(), format!("{}.{extension}", sample.key));
    sample.places.push(MemberEntry {
        extension: extension.clone(),
        name,
        offset: sample.offset,
        size,
    });
    sample.members.extend(bytes.map(|bytes| SampleMember { extension, bytes }));
}

impl Iterator for ImagesReader {
    type Item = Result<Sample, ShardFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.left.next().filter(|_| !self.finished)?;
        let file = self.files.get(number)?;
        let (key, sample) = (file.key.clone(), self.sample(number, file));
        Some(sample.map_err(|(reason, fatal)| {
            self.finished = fatal;
            ShardFault { shard: self.shard.clone(), key: Some(key), reason, fatal }
        }))
    }
}

#[cfg(test)]
#[path = "images_reader_tests.rs"]
mod tests;
